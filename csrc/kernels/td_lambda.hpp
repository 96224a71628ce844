// TD(lambda) targets of padded episodes. reward, terminated, mask and target are `[episodes, steps]`, values
// `[episodes, steps + 1]`, all contiguous:
//
//   G_t = r_t + gamma (1 - terminated_t) [(1 - lambda) V_{t+1} + lambda G_{t+1}]
//
// where a step with no real step after it has G_{t+1} = V_{t+1}. So an episode that was cut off bootstraps at
// its own last step, whatever the length of the others, and one that terminated doesn't at all. Padding gives
// 0. Neither padding nor a value after a terminated step is read into a result, so NaN there does no harm.
#pragma once

#include <cstdint>

namespace fop {

template <class Real>
struct TdLambdaInput {
  std::int64_t episodes = 0;
  std::int64_t steps = 0;
  const Real* reward = nullptr;
  const Real* values = nullptr;
  const std::uint8_t* terminated = nullptr;
  const std::uint8_t* mask = nullptr;
  Real gamma = 0;
  Real lambda = 0;
};

template <class Real>
void td_lambda(const TdLambdaInput<Real>& input, Real* target, int threads);

}  // namespace fop
