// soft_value for vector registers: one template, instantiated once per instruction set and precision.
//
// `L` is a set of lanes (lanes_avx2.hpp, lanes_avx512.hpp). Rows are ragged: the last register of a row is
// partly filled, so loads and stores take the number of elements that are left. Everything here has internal
// linkage and uses no inline function of the standard library: the linker must never pick a copy compiled
// for a newer machine.
#pragma once

#include "kernels/soft_value.hpp"

namespace fop {
namespace {

// exp(x) for kSmallestLog <= x <= 0, and 0 below. x = n log 2 + r, |r| <= 0.35, Taylor's series of exp(r):
// the first term left out is below 6e-9 (float, degree 7) and 2e-16 (double, degree 13).
template <class L>
inline typename L::Reg exp_lanes(typename L::Reg x) {
  using Real = typename L::Real;
  constexpr bool kFloat = sizeof(Real) == 4;
  constexpr Real kLog2High = kFloat ? Real(0.693359375) : Real(0.693145751953125);
  constexpr Real kLog2Low = kFloat ? Real(-2.12194440054690583e-4) : Real(1.42860682030941723212e-6);
  constexpr int kDegree = kFloat ? 7 : 13;
  constexpr double kInverseFactorial[] = {
      1.,        1.,         1. / 2,      1. / 6,       1. / 24,       1. / 120,       1. / 720,
      1. / 5040, 1. / 40320, 1. / 362880, 1. / 3628800, 1. / 39916800, 1. / 479001600, 1. / 6227020800.};
  const auto clamped = L::max(L::set(kSmallestLog<Real>), x);  // this order keeps NaN
  const auto n = L::round(L::mul(clamped, L::set(Real(1.44269504088896340736))));
  auto r = L::fma(n, L::set(-kLog2High), clamped);
  r = L::fma(n, L::set(-kLog2Low), r);
  auto series = L::set(Real(kInverseFactorial[kDegree]));
#pragma GCC unroll 16
  for (int k = kDegree - 1; k >= 0; --k) series = L::fma(series, r, L::set(Real(kInverseFactorial[k])));
  return L::zero_if_less(L::scale(series, n), x, L::set(kSmallestLog<Real>));
}

// log(x) for finite x >= 1 (NaN stays). x = 2^k m with m in [0.7, 1.42): log m = 2 atanh(f), f = (m - 1) / (m
// + 1), |f| <= 0.172; the first term left out is below 3e-9 (float) and 2e-17 (double).
template <class L>
inline typename L::Reg log_lanes(typename L::Reg x) {
  using Real = typename L::Real;
  constexpr int kTerms = sizeof(Real) == 4 ? 5 : 11;
  typename L::Reg k;
  const auto m = L::split(x, &k);
  const auto one = L::set(Real(1));
  const auto f = L::div(L::sub(m, one), L::add(m, one));
  const auto square = L::mul(f, f);
  auto series = L::set(Real(2) / Real(2 * kTerms - 1));
#pragma GCC unroll 16
  for (int term = kTerms - 2; term >= 0; --term) {
    series = L::fma(series, square, L::set(Real(2) / Real(2 * term + 1)));
  }
  return L::fma(k, L::set(Real(0.693147180559945309417)), L::mul(series, f));
}

// A row's values and flags: in registers where the row is known to fill at most kRegs of them, else loaded
// again each time they are asked for (kRegs = 0).
template <class L, int kRegs>
struct Row {
  using Real = typename L::Real;
  using Reg = typename L::Reg;
  using Mask = typename L::Mask;
  const Real* q;
  const std::uint8_t* flags;
  const std::uint8_t* flags_end;
  std::int64_t actions;
  Reg values[kRegs ? kRegs : 1];
  Mask usables[kRegs ? kRegs : 1];

  Row(const SoftValueInput<Real>& in, std::int64_t row)
      : q(in.q + row * in.actions),
        flags(in.available ? in.available + row * in.actions : nullptr),
        flags_end(in.available ? in.available + in.rows * in.actions : nullptr),
        actions(in.actions) {
    if constexpr (kRegs > 0) {
      for (int r = 0; r < kRegs; ++r) {
        values[r] = L::load(q + r * L::kWidth, left(r));
        usables[r] = L::usable(flags, r * L::kWidth, left(r), flags_end);
      }
    }
  }
  std::int64_t left(std::int64_t r) const { return actions - r * L::kWidth; }
  std::int64_t count() const { return kRegs ? kRegs : (actions + L::kWidth - 1) / L::kWidth; }
  Reg value(std::int64_t r) const { return kRegs ? values[r] : L::load(q + r * L::kWidth, left(r)); }
  Mask usable(std::int64_t r) const {
    return kRegs ? usables[r] : L::usable(flags, r * L::kWidth, left(r), flags_end);
  }
};

template <class L, int kRegs>
inline void forward_lanes(const SoftValueInput<typename L::Real>& in,
                          const SoftValueOutput<typename L::Real>& out, std::int64_t begin,
                          std::int64_t end) {
  using Real = typename L::Real;
  constexpr int kWidth = L::kWidth;
  constexpr int kBlock = 16;  // rows whose logarithms are taken together
  const std::int64_t actions = in.actions;
  const auto zero = L::set(0);
  Real highest[kBlock], sum[kBlock], weighted[kBlock], log_sum[kBlock], share[kBlock];

  for (std::int64_t first = begin; first < end; first += kBlock) {
    const int rows = static_cast<int>(end - first < kBlock ? end - first : kBlock);
    Real inverse = Real(1) / in.alpha[first * in.alpha_stride];
    for (int i = 0; i < rows; ++i) {
      const Row<L, kRegs> row(in, first + i);
      if (in.alpha_stride) inverse = Real(1) / in.alpha[first + i];
      auto any = L::none();
      auto top = L::set(-__builtin_huge_val());
      for (std::int64_t r = 0; r < row.count(); ++r) {
        any = L::either(any, row.usable(r));
        top = L::max(top, L::select(row.usable(r), row.value(r), L::set(-__builtin_huge_val())));
      }
      const bool some = L::is_any(any);
      highest[i] = some ? L::reduce_max(top) : Real(0);

      auto total = zero;
      auto dot = zero;
      for (std::int64_t r = 0; r < row.count(); ++r) {
        const auto scaled = L::mul(L::sub(row.value(r), L::set(highest[i])), L::set(inverse));
        const auto z = L::select(row.usable(r), scaled, zero);
        const auto e = L::select(row.usable(r), exp_lanes<L>(z), zero);
        total = L::add(total, e);
        const std::int64_t at = (first + i) * actions + r * kWidth;
        dot = L::fma(e, z, dot);
        L::store(out.policy + at, e, row.left(r));
        L::store(out.log_policy + at, z, row.left(r));
      }
      sum[i] = some ? L::reduce_add(total) : Real(1);
      weighted[i] = L::reduce_add(dot);
    }
    for (int i = rows; i < kBlock; ++i) sum[i] = 1, highest[i] = weighted[i] = 0;
    for (int i = 0; i < rows; i += kWidth) {
      const std::int64_t left = rows - i;
      const auto total = L::load(sum + i, kWidth);
      const auto log = log_lanes<L>(total);
      const auto alpha = in.alpha_stride ? L::load(in.alpha + first + i, left) : L::set(in.alpha[0]);
      L::store(out.v + first + i, L::fma(alpha, log, L::load(highest + i, kWidth)), left);
      const auto inverse_total = L::div(L::set(1), total);
      L::store(log_sum + i, log, kWidth);
      L::store(share + i, inverse_total, kWidth);
      const auto mean = L::mul(L::load(weighted + i, kWidth), inverse_total);
      L::store(out.entropy + first + i, L::sub(log, mean), left);
    }
    for (int i = 0; i < rows; ++i) {
      const std::int64_t row = (first + i) * actions;
      const std::uint8_t* flags_end = in.available ? in.available + in.rows * actions : nullptr;
      const auto count = kRegs ? kRegs : (actions + kWidth - 1) / kWidth;
      for (std::int64_t r = 0; r < count; ++r) {
        const std::int64_t at = row + r * kWidth;
        const std::int64_t left = actions - r * kWidth;
        const auto usable = L::usable(in.available, at, left, flags_end);
        L::store(out.policy + at, L::mul(L::load(out.policy + at, left), L::set(share[i])), left);
        const auto log_policy = L::sub(L::load(out.log_policy + at, left), L::set(log_sum[i]));
        L::store(out.log_policy + at, L::select(usable, log_policy, zero), left);
      }
    }
  }
}

template <class L>
inline void forward_path(const SoftValueInput<typename L::Real>& in,
                         const SoftValueOutput<typename L::Real>& out, std::int64_t begin, std::int64_t end) {
  if (begin == end) return;
  const std::int64_t regs = (in.actions + L::kWidth - 1) / L::kWidth;
  if (regs == 1) return forward_lanes<L, 1>(in, out, begin, end);
  if (regs == 2) return forward_lanes<L, 2>(in, out, begin, end);
  return forward_lanes<L, 0>(in, out, begin, end);
}

template <class L>
inline void backward_lanes(const SoftValueInput<typename L::Real>& in,
                           const SoftValueGradient<typename L::Real>& g, std::int64_t begin,
                           std::int64_t end) {
  using Real = typename L::Real;
  constexpr int kWidth = L::kWidth;
  const std::int64_t actions = in.actions;
  const std::uint8_t* available_end = in.available ? in.available + in.rows * actions : nullptr;
  const auto zero = L::set(0);
  for (std::int64_t row = begin; row < end; ++row) {
    const std::int64_t first = row * actions;
    const auto inverse = L::set(Real(1) / in.alpha[row * in.alpha_stride]);
    const auto grad_v = L::set(g.grad_v ? g.grad_v[row] : Real(0));

    auto sum = zero;
    if (g.grad_policy || g.grad_log_policy) {
      for (std::int64_t a = 0; a < actions; a += kWidth) {
        const std::int64_t at = first + a;
        const std::int64_t left = actions - a;
        auto term = g.grad_log_policy ? L::load(g.grad_log_policy + at, left) : zero;
        if (g.grad_policy)
          term = L::fma(L::load(g.grad_policy + at, left), L::load(g.policy + at, left), term);
        sum = L::add(sum, L::select(L::usable(in.available, at, left, available_end), term, zero));
      }
      sum = L::set(L::reduce_add(sum));
    }
    const auto grad_entropy = L::set(g.grad_entropy ? g.grad_entropy[row] : Real(0));
    const auto entropy = L::set(g.grad_entropy ? g.entropy[row] : Real(0));
    for (std::int64_t a = 0; a < actions; a += kWidth) {
      const std::int64_t at = first + a;
      const std::int64_t left = actions - a;
      auto slope = L::sub(g.grad_policy ? L::load(g.grad_policy + at, left) : zero, sum);
      if (g.grad_entropy) {
        slope = L::sub(slope, L::mul(grad_entropy, L::add(L::load(g.log_policy + at, left), entropy)));
      }
      auto grad = L::mul(L::load(g.policy + at, left), L::fma(slope, inverse, grad_v));
      if (g.grad_log_policy) grad = L::fma(L::load(g.grad_log_policy + at, left), inverse, grad);
      L::store(g.grad_q + at, L::select(L::usable(in.available, at, left, available_end), grad, zero), left);
    }
  }
}

}  // namespace
}  // namespace fop

// The functions that soft_value_paths.hpp declares, in the namespace where this is written.
#define FOP_DEFINE_SOFT_VALUE(Real, L)                                                                \
  void forward(const SoftValueInput<Real>& in, const SoftValueOutput<Real>& out, std::int64_t begin,  \
               std::int64_t end) {                                                                    \
    forward_path<L>(in, out, begin, end);                                                             \
  }                                                                                                   \
  void backward(const SoftValueInput<Real>& in, const SoftValueGradient<Real>& g, std::int64_t begin, \
                std::int64_t end) {                                                                   \
    backward_lanes<L>(in, g, begin, end);                                                             \
  }
