// FOP's joint value from the values of all actions, in one pass: gather the chosen q, masked soft value,
// routed mix (lambda_mix.hpp). q and available are `[rows, agents, actions]`, choices and lambda `[rows,
// agents]`, v_state and q_tot `[rows]`, all contiguous.
//
// An agent without any available action (padding) adds nothing and gets no gradient; its q is not read.
#pragma once

#include <cstdint>

#include "kernels/soft_value.hpp"

namespace fop {

// `soft` describes the rows * agents rows of q: one per agent.
template <class Real>
struct SoftMixInput {
  SoftValueInput<Real> soft;
  std::int64_t rows = 0;
  std::int64_t agents = 0;
  const std::int64_t* choices = nullptr;
  const Real* lambda = nullptr;
  const Real* v_state = nullptr;
};

// Also writes the advantages q_i - v_i `[rows, agents]`, which the backward pass needs.
// Throws std::invalid_argument for a choice outside [0, actions).
template <class Real>
void soft_mix(const SoftMixInput<Real>& input, Real* q_tot, Real* advantage, int threads);

// `grad` is q_tot's gradient and v_state's. `soft.q`, `soft.alpha`, `lambda` and `v_state` aren't read.
template <class Real>
void soft_mix_backward(const SoftMixInput<Real>& input, const Real* advantage, const Real* grad, Real* grad_q,
                       Real* grad_lambda, int threads);

}  // namespace fop
