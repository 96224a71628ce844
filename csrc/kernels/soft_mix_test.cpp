#include "kernels/soft_mix.hpp"

#include <stdexcept>

#include "fop/check.hpp"

int main() {
  // Agent 0: q = (0, log 3) at alpha 1, so v = log 4. Agent 1: padding.
  const double q[] = {0, std::log(3.0), 7, 7}, lambda[] = {3, 5}, v_state[] = {10}, alpha = 1, grad[] = {2};
  const std::uint8_t available[] = {1, 1, 0, 0};
  std::int64_t choices[] = {1, 0};
  const fop::SoftMixInput<double> input{{2, 2, q, available, &alpha, 0}, 1, 2, choices, lambda, v_state};
  double q_tot = 0, advantage[2], to_q[4], to_lambda[2];

  fop::soft_mix(input, &q_tot, advantage, 1);
  const double expected = std::log(3.0) - std::log(4.0);
  CHECK_NEAR(advantage[0], expected, 1e-14);
  CHECK(advantage[1] == 0);
  CHECK_NEAR(q_tot, std::log(3.0) + 10 + 2 * expected, 1e-14);

  fop::soft_mix_backward(input, advantage, grad, to_q, to_lambda, 1);
  CHECK(to_q[0] == 0 && to_q[1] == 2 && to_q[2] == 0 && to_q[3] == 0);
  CHECK_NEAR(to_lambda[0], 2 * expected, 1e-14);
  CHECK(to_lambda[1] == 0);

  choices[1] = 2;
  bool refused = false;
  try {
    fop::soft_mix(input, &q_tot, advantage, 1);
  } catch (const std::invalid_argument&) {
    refused = true;
  }
  CHECK(refused);
  return fop::test::failures();
}
