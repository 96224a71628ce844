// Both mixes and their gradients, in plain loops.
#include "kernels/lambda_mix.hpp"
#include "kernels/parallel.hpp"

namespace fop {

template <class Real>
void routed_mix(const MixInput<Real>& in, Real* q_tot, int threads) {
  parallel_for(in.rows, in.agents, threads, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      Real total = in.base[row];
      for (std::int64_t i = row * in.agents; i < (row + 1) * in.agents; ++i) {
        total += in.q[i] + (in.lambda[i] - 1) * (in.q[i] - in.v[i]);
      }
      q_tot[row] = total;
    }
  });
}

template <class Real>
void literal_mix(const MixInput<Real>& in, Real* q_tot, int threads) {
  parallel_for(in.rows, in.agents, threads, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      Real total = in.base[row];
      for (std::int64_t i = row * in.agents; i < (row + 1) * in.agents; ++i) {
        total += in.lambda[i] * (in.q[i] - in.v[i]);
      }
      q_tot[row] = total;
    }
  });
}

template <class Real>
void routed_mix_backward(const MixInput<Real>& in, const Real* grad, Real* grad_q, Real* grad_lambda,
                         int threads) {
  parallel_for(in.rows, in.agents, threads, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      for (std::int64_t i = row * in.agents; i < (row + 1) * in.agents; ++i) {
        grad_q[i] = grad[row];
        grad_lambda[i] = grad[row] * (in.q[i] - in.v[i]);
      }
    }
  });
}

template <class Real>
void literal_mix_backward(const MixInput<Real>& in, const Real* grad, Real* grad_q, Real* grad_v,
                          Real* grad_lambda, int threads) {
  parallel_for(in.rows, in.agents, threads, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      for (std::int64_t i = row * in.agents; i < (row + 1) * in.agents; ++i) {
        grad_q[i] = grad[row] * in.lambda[i];
        grad_v[i] = -grad_q[i];
        grad_lambda[i] = grad[row] * (in.q[i] - in.v[i]);
      }
    }
  });
}

#define FOP_INSTANTIATE(Real)                                                               \
  template void routed_mix(const MixInput<Real>&, Real*, int);                              \
  template void literal_mix(const MixInput<Real>&, Real*, int);                             \
  template void routed_mix_backward(const MixInput<Real>&, const Real*, Real*, Real*, int); \
  template void literal_mix_backward(const MixInput<Real>&, const Real*, Real*, Real*, Real*, int);
FOP_INSTANTIATE(float)
FOP_INSTANTIATE(double)
#undef FOP_INSTANTIATE

}  // namespace fop
