// Soft value and Boltzmann policy over the available actions (FOP, appendix A; V_i below equation 15):
//
//   v = alpha log sum_a exp(q_a / alpha),   log_policy_a = (q_a - v) / alpha,   entropy = -sum_a policy
//   log_policy
//
// Computed as z_a = (q_a - max q) / alpha, s = sum exp z, log_policy_a = z_a - log s, so that nothing
// overflows and nothing is rounded through v: alpha may be 1e-3 where |q| is 1e4.
//
// Conventions:
// - An unavailable action has policy 0, log-policy 0 and gradient 0, whatever its q (NaN included).
// - A row without any available action is zero everywhere.
// - A policy below kSmallestPolicy is 0 (its log stays right): subnormal numbers would make the loops many
//   times slower.
// - NaN in an available q makes its row NaN.
// - alpha gets no gradient.
//
// Deterministic: a row's result depends on the row and the instruction set alone, not on the number of
// threads.
#pragma once

#include <cstdint>

namespace fop {

template <class Real>
inline constexpr Real kSmallestLog = -69;  // exp(-69) = 1.1e-30
template <>
inline constexpr double kSmallestLog<double> = -690;  // exp(-690) = 2.1e-300

// Arrays are contiguous, `rows` by `actions` or `rows` long. `available` null means all; `alpha_stride` is 0
// (one alpha for all rows) or 1. Every alpha is > 0.
template <class Real>
struct SoftValueInput {
  std::int64_t rows = 0;
  std::int64_t actions = 0;
  const Real* q = nullptr;
  const std::uint8_t* available = nullptr;
  const Real* alpha = nullptr;
  std::int64_t alpha_stride = 0;
};

template <class Real>
struct SoftValueOutput {
  Real* v = nullptr;
  Real* policy = nullptr;
  Real* log_policy = nullptr;
  Real* entropy = nullptr;
};

template <class Real>
void soft_value(const SoftValueInput<Real>& input, const SoftValueOutput<Real>& output, int threads);

// Gradients of the four outputs, any of them null (zero); `policy`, `log_policy` and `entropy` as the forward
// pass gave them; `input.q` isn't read. With g_* the gradients, S = sum_b (g_policy_b policy_b + g_log_b):
//
//   grad_q_a = policy_a [g_v + (g_policy_a - S - g_entropy (log_policy_a + entropy)) / alpha] + g_log_a /
//   alpha
template <class Real>
struct SoftValueGradient {
  const Real* policy = nullptr;
  const Real* log_policy = nullptr;
  const Real* entropy = nullptr;
  const Real* grad_v = nullptr;
  const Real* grad_policy = nullptr;
  const Real* grad_log_policy = nullptr;
  const Real* grad_entropy = nullptr;
  Real* grad_q = nullptr;
};

template <class Real>
void soft_value_backward(const SoftValueInput<Real>& input, const SoftValueGradient<Real>& gradient,
                         int threads);

}  // namespace fop
