// The plain path, which states the maths and runs everywhere, and the choice between the paths.
#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "kernels/parallel.hpp"
#include "kernels/soft_value.hpp"
#include "kernels/soft_value_paths.hpp"

namespace fop {
namespace plain {
namespace {

template <class Real>
void forward(const SoftValueInput<Real>& in, const SoftValueOutput<Real>& out, std::int64_t begin,
             std::int64_t end) {
  const std::int64_t actions = in.actions;
  for (std::int64_t row = begin; row < end; ++row) {
    const Real* q = in.q + row * actions;
    const std::uint8_t* available = in.available ? in.available + row * actions : nullptr;
    const Real alpha = in.alpha[row * in.alpha_stride];
    const Real inverse = 1 / alpha;

    Real highest = -std::numeric_limits<Real>::infinity();
    bool some = false;
    for (std::int64_t a = 0; a < actions; ++a) {
      if (available && !available[a]) continue;
      highest = std::max(highest, q[a]);
      some = true;
    }
    Real sum = 0;
    Real weighted = 0;  // sum of exp(z) z
    for (std::int64_t a = 0; a < actions; ++a) {
      const bool usable = !available || available[a];
      const Real z = usable ? (q[a] - highest) * inverse : 0;
      const Real e = !usable || z < kSmallestLog<Real> ? 0 : std::exp(z);
      sum += e;
      weighted += e * z;
      out.policy[row * actions + a] = e;
      out.log_policy[row * actions + a] = z;
    }
    const Real log_sum = some ? std::log(sum) : 0;
    out.v[row] = some ? highest + alpha * log_sum : 0;
    out.entropy[row] = some ? log_sum - weighted / sum : 0;
    if (!some) continue;
    for (std::int64_t a = 0; a < actions; ++a) {
      out.policy[row * actions + a] /= sum;
      if (!available || available[a]) out.log_policy[row * actions + a] -= log_sum;
    }
  }
}

template <class Real>
void backward(const SoftValueInput<Real>& in, const SoftValueGradient<Real>& g, std::int64_t begin,
              std::int64_t end) {
  const std::int64_t actions = in.actions;
  for (std::int64_t row = begin; row < end; ++row) {
    const std::int64_t at = row * actions;
    const Real inverse = 1 / in.alpha[row * in.alpha_stride];
    const Real grad_v = g.grad_v ? g.grad_v[row] : 0;
    const Real grad_entropy = g.grad_entropy ? g.grad_entropy[row] : 0;
    const auto usable = [&](std::int64_t a) { return !in.available || in.available[at + a]; };

    Real sum = 0;
    for (std::int64_t a = 0; a < actions; ++a) {
      if (!usable(a)) continue;
      if (g.grad_policy) sum += g.grad_policy[at + a] * g.policy[at + a];
      if (g.grad_log_policy) sum += g.grad_log_policy[at + a];
    }
    for (std::int64_t a = 0; a < actions; ++a) {
      Real slope = (g.grad_policy ? g.grad_policy[at + a] : 0) - sum;
      if (g.grad_entropy) slope -= grad_entropy * (g.log_policy[at + a] + g.entropy[row]);
      Real grad = g.policy[at + a] * (grad_v + slope * inverse);
      if (g.grad_log_policy) grad += g.grad_log_policy[at + a] * inverse;
      g.grad_q[at + a] = usable(a) ? grad : 0;
    }
  }
}

}  // namespace
}  // namespace plain

template <class Real>
void soft_value(const SoftValueInput<Real>& input, const SoftValueOutput<Real>& output, int threads) {
  using Path =
      void (*)(const SoftValueInput<Real>&, const SoftValueOutput<Real>&, std::int64_t, std::int64_t);
  Path path = plain::forward<Real>;
#ifdef FOP_X86
  if (simd() == Simd::kAvx2) path = avx2::forward;
  if (simd() == Simd::kAvx512) path = avx512::forward;
#endif
  parallel_for(input.rows, input.actions, threads,
               [&](std::int64_t begin, std::int64_t end) { path(input, output, begin, end); });
}

template <class Real>
void soft_value_backward(const SoftValueInput<Real>& input, const SoftValueGradient<Real>& gradient,
                         int threads) {
  using Path =
      void (*)(const SoftValueInput<Real>&, const SoftValueGradient<Real>&, std::int64_t, std::int64_t);
  Path path = plain::backward<Real>;
#ifdef FOP_X86
  if (simd() == Simd::kAvx2) path = avx2::backward;
  if (simd() == Simd::kAvx512) path = avx512::backward;
#endif
  parallel_for(input.rows, input.actions, threads,
               [&](std::int64_t begin, std::int64_t end) { path(input, gradient, begin, end); });
}

template void soft_value(const SoftValueInput<float>&, const SoftValueOutput<float>&, int);
template void soft_value(const SoftValueInput<double>&, const SoftValueOutput<double>&, int);
template void soft_value_backward(const SoftValueInput<float>&, const SoftValueGradient<float>&, int);
template void soft_value_backward(const SoftValueInput<double>&, const SoftValueGradient<double>&, int);

}  // namespace fop
