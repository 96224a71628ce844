#include <algorithm>
#include <stdexcept>
#include <string>

#include "kernels/parallel.hpp"
#include "kernels/soft_mix.hpp"

namespace fop {
namespace {

// Whether anything is available in a row. The chosen action nearly always is: it is asked first.
template <class Real>
bool has_choice(const SoftValueInput<Real>& in, std::int64_t row, std::int64_t choice) {
  if (!in.available) return true;
  const std::uint8_t* flags = in.available + row * in.actions;
  return flags[choice] != 0 ||
         std::any_of(flags, flags + in.actions, [](std::uint8_t flag) { return flag != 0; });
}

template <class Real>
void check_choices(const SoftMixInput<Real>& in) {
  for (std::int64_t i = 0; i < in.soft.rows; ++i) {
    if (in.choices[i] >= 0 && in.choices[i] < in.soft.actions) continue;
    throw std::invalid_argument("actions: " + std::to_string(in.choices[i]) + " at flat index " +
                                std::to_string(i) + " is outside 0.." + std::to_string(in.soft.actions - 1));
  }
}

}  // namespace

template <class Real>
void soft_mix(const SoftMixInput<Real>& in, Real* q_tot, Real* advantage, int threads) {
  check_choices(in);
  soft_value(in.soft, {.v = advantage}, threads);  // for now the soft values
  parallel_for(in.rows, in.agents, threads, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      Real total = in.v_state[row];
      for (std::int64_t i = row * in.agents; i < (row + 1) * in.agents; ++i) {
        const Real q =
            has_choice(in.soft, i, in.choices[i]) ? in.soft.q[i * in.soft.actions + in.choices[i]] : 0;
        advantage[i] = q - advantage[i];
        total += q + (in.lambda[i] - 1) * advantage[i];
      }
      q_tot[row] = total;
    }
  });
}

template <class Real>
void soft_mix_backward(const SoftMixInput<Real>& in, const Real* advantage, const Real* grad, Real* grad_q,
                       Real* grad_lambda, int threads) {
  parallel_for(in.soft.rows, in.soft.actions, threads, [&](std::int64_t begin, std::int64_t end) {
    std::fill(grad_q + begin * in.soft.actions, grad_q + end * in.soft.actions, Real{0});
    for (std::int64_t i = begin; i < end; ++i) {
      const Real slope = grad[i / in.agents];
      grad_lambda[i] = slope * advantage[i];
      if (has_choice(in.soft, i, in.choices[i])) grad_q[i * in.soft.actions + in.choices[i]] = slope;
    }
  });
}

template void soft_mix(const SoftMixInput<float>&, float*, float*, int);
template void soft_mix(const SoftMixInput<double>&, double*, double*, int);
template void soft_mix_backward(const SoftMixInput<float>&, const float*, const float*, float*, float*, int);
template void soft_mix_backward(const SoftMixInput<double>&, const double*, const double*, double*, double*,
                                int);

}  // namespace fop
