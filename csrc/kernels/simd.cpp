// Which instruction set the process uses: asks the machine once, and remembers what a caller has pinned.
#include "kernels/simd.hpp"

#include <atomic>
#include <stdexcept>

namespace fop {
namespace {

Simd detect() {
#ifdef FOP_X86
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (avx2 && avx512) return Simd::kAvx512;
  if (avx2) return Simd::kAvx2;
#endif
  return Simd::kPlain;
}

std::atomic<Simd>& chosen() {
  static std::atomic<Simd> level{best_simd()};
  return level;
}

}  // namespace

Simd best_simd() {
  static const Simd best = detect();
  return best;
}

Simd simd() { return chosen().load(std::memory_order_relaxed); }

void set_simd(Simd level) {
  if (level > best_simd()) throw std::invalid_argument("this machine lacks the instruction set asked for");
  chosen().store(level, std::memory_order_relaxed);
}

}  // namespace fop
