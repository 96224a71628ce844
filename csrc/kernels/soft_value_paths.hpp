// The instruction-set paths behind soft_value.hpp; each works on the rows [begin, end).
#pragma once

#include "kernels/simd.hpp"
#include "kernels/soft_value.hpp"

#define FOP_SOFT_VALUE_PATH(Real)                                                                      \
  void forward(const SoftValueInput<Real>&, const SoftValueOutput<Real>&, std::int64_t, std::int64_t); \
  void backward(const SoftValueInput<Real>&, const SoftValueGradient<Real>&, std::int64_t, std::int64_t);

#ifdef FOP_X86
namespace fop::avx2 {
FOP_SOFT_VALUE_PATH(float)
FOP_SOFT_VALUE_PATH(double)
}  // namespace fop::avx2
namespace fop::avx512 {
FOP_SOFT_VALUE_PATH(float)
FOP_SOFT_VALUE_PATH(double)
}  // namespace fop::avx512
#endif
#undef FOP_SOFT_VALUE_PATH
