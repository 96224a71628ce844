// Soft values on every instruction set of the machine.
#include "kernels/soft_value.hpp"

#include <cstddef>
#include <limits>
#include <vector>

#include "fop/check.hpp"
#include "kernels/simd.hpp"

namespace fop {
namespace {

template <class Real>
struct Result {
  std::vector<Real> v, policy, log_policy, entropy, grad_q;
};

// Forward, then backward with all gradients 1.
template <class Real>
Result<Real> run(const std::vector<Real>& q, const std::vector<std::uint8_t>& available, std::int64_t actions,
                 Real alpha, int threads) {
  const std::size_t size = q.size();
  const std::size_t rows = size / static_cast<std::size_t>(actions);
  Result<Real> result{std::vector<Real>(rows), std::vector<Real>(size), std::vector<Real>(size),
                      std::vector<Real>(rows), std::vector<Real>(size)};
  const SoftValueInput<Real> input{
      static_cast<std::int64_t>(rows), actions, q.data(), available.data(), &alpha, 0};
  soft_value(input, {result.v.data(), result.policy.data(), result.log_policy.data(), result.entropy.data()},
             threads);
  const std::vector<Real> ones(size, 1);
  soft_value_backward(input,
                      {.policy = result.policy.data(),
                       .log_policy = result.log_policy.data(),
                       .entropy = result.entropy.data(),
                       .grad_v = ones.data(),
                       .grad_policy = ones.data(),
                       .grad_log_policy = ones.data(),
                       .grad_entropy = ones.data(),
                       .grad_q = result.grad_q.data()},
                      threads);
  return result;
}

// q = (0, 2 log 3) at alpha 2: policy (1/4, 3/4), v = 2 log 4. Gradients by hand: v gives the policy,
// policy gives 0, log-policy gives (1 - 2 p_a) / 2, entropy gives -p_a (log p_a + H) / 2.
void known_values() {
  const auto got =
      run<double>({0, 2 * std::log(3.0), std::numeric_limits<double>::quiet_NaN()}, {1, 1, 0}, 3, 2.0, 1);
  const double entropy = -0.25 * std::log(0.25) - 0.75 * std::log(0.75);
  CHECK_NEAR(got.v[0], 2 * std::log(4.0), 1e-14);
  CHECK_NEAR(got.policy[0], 0.25, 1e-15);
  CHECK_NEAR(got.policy[1], 0.75, 1e-15);
  CHECK(got.policy[2] == 0 && got.log_policy[2] == 0 && got.grad_q[2] == 0);
  CHECK_NEAR(got.log_policy[1], std::log(0.75), 1e-14);
  CHECK_NEAR(got.entropy[0], entropy, 1e-14);
  CHECK_NEAR(got.grad_q[0], 0.25 + 0.25 - 0.25 * (std::log(0.25) + entropy) / 2, 1e-14);
  CHECK_NEAR(got.grad_q[1], 0.75 - 0.25 - 0.75 * (std::log(0.75) + entropy) / 2, 1e-14);
}

// Every width, with flags and values at the very end of their arrays (the address sanitizer watches).
template <class Real>
void agrees_with_plain(Real tolerance) {
  const Simd wanted = simd();
  for (std::int64_t actions = 1; actions <= 40; ++actions) {
    std::vector<Real> q;
    std::vector<std::uint8_t> available;
    for (std::int64_t i = 0; i < 19 * actions; ++i) {
      q.push_back(static_cast<Real>((i * 7919) % 101) / 20 - 2);
      available.push_back(i >= actions && (i * 31) % 5 != 0);  // nothing in the first row
    }
    const auto got = run<Real>(q, available, actions, Real(0.5), 3);
    set_simd(Simd::kPlain);
    const auto plain = run<Real>(q, available, actions, Real(0.5), 1);
    set_simd(wanted);
    for (std::size_t i = 0; i < q.size(); ++i) {
      CHECK_NEAR(got.policy[i], plain.policy[i], tolerance);
      CHECK_NEAR(got.log_policy[i], plain.log_policy[i], 4 * tolerance);
      CHECK_NEAR(got.grad_q[i], plain.grad_q[i], 50 * tolerance);
    }
    CHECK(got.v[0] == 0 && got.entropy[0] == 0);
  }
}

}  // namespace
}  // namespace fop

int main() {
  for (int level = 0; level <= static_cast<int>(fop::best_simd()); ++level) {
    fop::set_simd(static_cast<fop::Simd>(level));
    fop::known_values();
    fop::agrees_with_plain<float>(1e-6F);
    fop::agrees_with_plain<double>(1e-14);
  }
  return fop::test::failures();
}
