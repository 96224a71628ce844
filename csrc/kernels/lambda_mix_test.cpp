// Both mixes on numbers worked by hand.
#include "kernels/lambda_mix.hpp"

#include "fop/check.hpp"

int main() {
  const double q[] = {1, 2}, v[] = {3, 5}, lambda[] = {0.5, 2}, base[] = {10}, grad[] = {2};
  const fop::MixInput<double> input{1, 2, q, v, lambda, base};
  double q_tot = 0, to_q[2], to_v[2], to_lambda[2];

  // 0.5 (1 - 3) + 2 (2 - 5) + 10 = 3, and the routed form adds 3 + 5 to that.
  fop::literal_mix(input, &q_tot, 1);
  CHECK_NEAR(q_tot, 3, 1e-14);
  fop::routed_mix(input, &q_tot, 1);
  CHECK_NEAR(q_tot, 11, 1e-14);

  fop::literal_mix_backward(input, grad, to_q, to_v, to_lambda, 1);
  CHECK(to_q[0] == 1 && to_q[1] == 4 && to_v[0] == -1 && to_v[1] == -4);
  CHECK(to_lambda[0] == -4 && to_lambda[1] == -6);
  fop::routed_mix_backward(input, grad, to_q, to_lambda, 1);
  CHECK(to_q[0] == 2 && to_q[1] == 2 && to_lambda[0] == -4 && to_lambda[1] == -6);
  return fop::test::failures();
}
