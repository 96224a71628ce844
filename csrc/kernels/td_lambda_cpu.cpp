// TD(lambda) targets in plain loops, each episode backwards from its end.
#include "kernels/parallel.hpp"
#include "kernels/td_lambda.hpp"

namespace fop {

template <class Real>
void td_lambda(const TdLambdaInput<Real>& in, Real* target, int threads) {
  parallel_for(in.episodes, in.steps, threads, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t episode = begin; episode < end; ++episode) {
      const std::int64_t first = episode * in.steps;
      const Real* next_value = in.values + episode * (in.steps + 1) + 1;
      bool followed = false;  // by a real step
      Real after = 0;         // that step's target
      for (std::int64_t t = in.steps - 1; t >= 0; --t) {
        const std::int64_t at = first + t;
        if (!in.mask[at]) {
          target[at] = 0;
          followed = false;
          continue;
        }
        Real bootstrap = 0;
        if (!in.terminated[at]) {
          bootstrap = followed ? (1 - in.lambda) * next_value[t] + in.lambda * after : next_value[t];
        }
        after = in.reward[at] + in.gamma * bootstrap;
        target[at] = after;
        followed = true;
      }
    }
  });
}

template void td_lambda(const TdLambdaInput<float>&, float*, int);
template void td_lambda(const TdLambdaInput<double>&, double*, int);

}  // namespace fop
