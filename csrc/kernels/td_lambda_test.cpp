// TD(lambda) targets on numbers worked by hand.
#include "kernels/td_lambda.hpp"

#include <limits>

#include "fop/check.hpp"

int main() {
  // Cut off after three steps, terminated after two, cut off after one; NaN where nothing may be read.
  const double kNan = std::numeric_limits<double>::quiet_NaN();
  const double reward[] = {1, 1, 1, 1, 1, kNan, 1, kNan, kNan};
  const double values[] = {kNan, 8, 8, 8, kNan, 8, kNan, kNan, kNan, 8, kNan, kNan};
  const std::uint8_t terminated[] = {0, 0, 0, 0, 1, 0, 0, 0, 0};
  const std::uint8_t mask[] = {1, 1, 1, 1, 1, 0, 1, 0, 0};
  const fop::TdLambdaInput<double> input{3, 3, reward, values, terminated, mask, 0.5, 0.5};
  const double expected[] = {4.0625, 4.25, 5, 3.25, 1, 0, 5, 0, 0};
  double target[9];
  for (int threads = 1; threads <= 3; ++threads) {
    fop::td_lambda(input, target, threads);
    for (int i = 0; i < 9; ++i) CHECK(target[i] == expected[i]);
  }
  return fop::test::failures();
}
