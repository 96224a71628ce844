// Mixes the agents' values into a joint one, in two forms (FOP, equation 18). Arrays are contiguous:
// q, v, lambda `[rows, agents]`, the rest `[rows]`.
//
//   routed   q_tot = sum_i q_i + v_state + sum_i (lambda_i - 1) sg(q_i - v_i)
//   literal  q_tot = sum_i lambda_i (q_i - v_i) + v_tot
//
// The routed form has the literal one's value for v_tot = v_state + sum_i v_i, but the gradient 1 to each
// q_i, q_i - v_i to lambda_i, none to v_i and 1 to v_state. Agents are added in their order, on every path
// and for any number of threads.
#pragma once

#include <cstdint>

namespace fop {

template <class Real>
struct MixInput {
  std::int64_t rows = 0;
  std::int64_t agents = 0;
  const Real* q = nullptr;
  const Real* v = nullptr;
  const Real* lambda = nullptr;
  const Real* base = nullptr;  // v_state or v_tot
};

template <class Real>
void routed_mix(const MixInput<Real>& input, Real* q_tot, int threads);
template <class Real>
void literal_mix(const MixInput<Real>& input, Real* q_tot, int threads);

// `grad` is q_tot's gradient; base's gradient equals it. The routed form reads q and v only.
template <class Real>
void routed_mix_backward(const MixInput<Real>& input, const Real* grad, Real* grad_q, Real* grad_lambda,
                         int threads);
template <class Real>
void literal_mix_backward(const MixInput<Real>& input, const Real* grad, Real* grad_q, Real* grad_v,
                          Real* grad_lambda, int threads);

}  // namespace fop
