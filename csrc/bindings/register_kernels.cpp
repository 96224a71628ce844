// The kernels as functions of numpy arrays: checks that name the argument, then work without the GIL. Outputs
// are given by the caller, so that torch can own them. Errors become ValueError.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cmath>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels/lambda_mix.hpp"
#include "kernels/simd.hpp"
#include "kernels/soft_value.hpp"
#include "kernels/td_lambda.hpp"

namespace fop::bindings {
namespace {

namespace py = pybind11;
using Shape = std::vector<std::int64_t>;
using Optional = std::optional<py::array>;

std::string describe(const Shape& shape) {
  std::string text = "(";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + (shape.size() == 1 ? ",)" : ")");
}

Shape shape_of(const py::array& array) { return {array.shape(), array.shape() + array.ndim()}; }

// All dimensions but the last `count`.
Shape leading(const Shape& shape, std::size_t count, const char* name) {
  if (shape.size() < count) {
    throw std::invalid_argument(std::string(name) + ": shape " + describe(shape) + " has too few dimensions");
  }
  return {shape.begin(), shape.end() - static_cast<std::ptrdiff_t>(count)};
}

std::int64_t product(const Shape& shape) {
  std::int64_t size = 1;
  for (const std::int64_t length : shape) size *= length;
  return size;
}

Shape with(Shape shape, std::int64_t last) {
  shape.push_back(last);
  return shape;
}

template <class T>
void check(const py::array& array, const char* name, const Shape& expected) {
  if (array.dtype().num() != py::dtype::num_of<T>()) {
    throw std::invalid_argument(std::string(name) + ": dtype " + std::string(py::str(array.dtype())) +
                                ", expected " + std::string(py::str(py::dtype::of<T>())));
  }
  if (shape_of(array) != expected) {
    throw std::invalid_argument(std::string(name) + ": shape " + describe(shape_of(array)) + ", expected " +
                                describe(expected));
  }
  if (!(array.flags() & py::array::c_style)) {
    throw std::invalid_argument(std::string(name) + ": must be contiguous in C order");
  }
}

template <class T>
const T* in(const py::array& array, const char* name, const Shape& expected) {
  check<T>(array, name, expected);
  return static_cast<const T*>(array.data());
}

template <class T>
const T* in(const Optional& array, const char* name, const Shape& expected) {
  return array ? in<T>(*array, name, expected) : nullptr;
}

const std::uint8_t* flags(const py::array& array, const char* name, const Shape& expected) {
  return reinterpret_cast<const std::uint8_t*>(in<bool>(array, name, expected));
}

const std::uint8_t* flags(const Optional& array, const char* name, const Shape& expected) {
  return array ? flags(*array, name, expected) : nullptr;
}

template <class T>
T* out(py::array& array, const char* name, const Shape& expected) {
  check<T>(array, name, expected);
  return static_cast<T*>(array.mutable_data());  // throws where the array is read-only
}

int checked_threads(int threads) {
  if (threads < 1)
    throw std::invalid_argument("threads: " + std::to_string(threads) + ", must be at least 1");
  return threads;
}

// The rows of a soft value: shape of `like` (`[..., A]`) and alpha (`[]` or `[...]`).
template <class Real>
SoftValueInput<Real> rows_of(const py::array& like, const char* name, const Optional& available,
                             const py::array& alpha) {
  SoftValueInput<Real> input;
  const Shape shape = shape_of(like);
  const Shape outer = leading(shape, 1, name);
  input.actions = shape.back();
  input.rows = product(outer);
  input.available = flags(available, "available", shape);
  input.alpha_stride = alpha.ndim() == 0 ? 0 : 1;
  input.alpha = in<Real>(alpha, "alpha", alpha.ndim() == 0 ? Shape{} : outer);
  for (std::int64_t i = 0; i < (input.alpha_stride ? input.rows : 1); ++i) {
    if (!(input.alpha[i] > 0) || std::isinf(input.alpha[i])) {
      throw std::invalid_argument("alpha: " + std::to_string(input.alpha[i]) +
                                  ", must be finite and above 0");
    }
  }
  return input;
}

template <class Real>
void soft_value_as(const py::array& q, const Optional& available, const py::array& alpha, py::array& v,
                   py::array& policy, py::array& log_policy, py::array& entropy, int threads) {
  auto input = rows_of<Real>(q, "q", available, alpha);
  const Shape shape = shape_of(q);
  const Shape outer = leading(shape, 1, "q");
  input.q = in<Real>(q, "q", shape);
  const SoftValueOutput<Real> output{out<Real>(v, "v", outer), out<Real>(policy, "policy", shape),
                                     out<Real>(log_policy, "log_policy", shape),
                                     out<Real>(entropy, "entropy", outer)};
  const py::gil_scoped_release release;
  soft_value(input, output, checked_threads(threads));
}

template <class Real>
void soft_value_backward_as(const py::array& policy, const py::array& log_policy, const py::array& entropy,
                            const Optional& available, const py::array& alpha, const Optional& grad_v,
                            const Optional& grad_policy, const Optional& grad_log_policy,
                            const Optional& grad_entropy, py::array& grad_q, int threads) {
  const auto input = rows_of<Real>(policy, "policy", available, alpha);
  const Shape shape = shape_of(policy);
  const Shape outer = leading(shape, 1, "policy");
  const SoftValueGradient<Real> gradient{
      .policy = in<Real>(policy, "policy", shape),
      .log_policy = in<Real>(log_policy, "log_policy", shape),
      .entropy = in<Real>(entropy, "entropy", outer),
      .grad_v = in<Real>(grad_v, "grad_v", outer),
      .grad_policy = in<Real>(grad_policy, "grad_policy", shape),
      .grad_log_policy = in<Real>(grad_log_policy, "grad_log_policy", shape),
      .grad_entropy = in<Real>(grad_entropy, "grad_entropy", outer),
      .grad_q = out<Real>(grad_q, "grad_q", shape),
  };
  const py::gil_scoped_release release;
  soft_value_backward(input, gradient, checked_threads(threads));
}

template <class Real>
MixInput<Real> mix_input(const py::array& q, const py::array& v) {
  const Shape shape = shape_of(q);
  const Shape outer = leading(shape, 1, "q");
  return {product(outer), shape.back(), in<Real>(q, "q", shape), in<Real>(v, "v", shape)};
}

template <class Real>
void mix_as(bool routed, const py::array& q, const py::array& v, const py::array& lam, const py::array& base,
            py::array& q_tot, int threads) {
  auto input = mix_input<Real>(q, v);
  const Shape outer = leading(shape_of(q), 1, "q");
  input.lambda = in<Real>(lam, "lam", shape_of(q));
  input.base = in<Real>(base, routed ? "v_state" : "v_tot", outer);
  Real* target = out<Real>(q_tot, "q_tot", outer);
  const py::gil_scoped_release release;
  routed ? routed_mix(input, target, checked_threads(threads))
         : literal_mix(input, target, checked_threads(threads));
}

template <class Real>
void routed_mix_backward_as(const py::array& q, const py::array& v, const py::array& grad, py::array& grad_q,
                            py::array& grad_lam, int threads) {
  const auto input = mix_input<Real>(q, v);
  const Shape shape = shape_of(q);
  const Real* slope = in<Real>(grad, "grad", leading(shape, 1, "q"));
  Real* to_q = out<Real>(grad_q, "grad_q", shape);
  Real* to_lam = out<Real>(grad_lam, "grad_lam", shape);
  const py::gil_scoped_release release;
  routed_mix_backward(input, slope, to_q, to_lam, checked_threads(threads));
}

template <class Real>
void literal_mix_backward_as(const py::array& q, const py::array& v, const py::array& lam,
                             const py::array& grad, py::array& grad_q, py::array& grad_v, py::array& grad_lam,
                             int threads) {
  auto input = mix_input<Real>(q, v);
  const Shape shape = shape_of(q);
  input.lambda = in<Real>(lam, "lam", shape);
  const Real* slope = in<Real>(grad, "grad", leading(shape, 1, "q"));
  Real* to_q = out<Real>(grad_q, "grad_q", shape);
  Real* to_v = out<Real>(grad_v, "grad_v", shape);
  Real* to_lam = out<Real>(grad_lam, "grad_lam", shape);
  const py::gil_scoped_release release;
  literal_mix_backward(input, slope, to_q, to_v, to_lam, checked_threads(threads));
}

void check_range(double value, const char* name) {
  if (value >= 0 && value <= 1) return;
  throw std::invalid_argument(std::string(name) + ": " + std::to_string(value) + ", must lie in [0, 1]");
}

template <class Real>
void td_lambda_as(const py::array& reward, const py::array& values, const py::array& terminated,
                  const py::array& mask, double gamma, double lam, py::array& target, int threads) {
  const Shape shape = shape_of(reward);
  const Shape outer = leading(shape, 1, "reward");
  check_range(gamma, "gamma");
  check_range(lam, "lam");
  const TdLambdaInput<Real> input{
      .episodes = product(outer),
      .steps = shape.back(),
      .reward = in<Real>(reward, "reward", shape),
      .values = in<Real>(values, "values", with(outer, shape.back() + 1)),
      .terminated = flags(terminated, "terminated", shape),
      .mask = flags(mask, "mask", shape),
      .gamma = static_cast<Real>(gamma),
      .lambda = static_cast<Real>(lam),
  };
  Real* result = out<Real>(target, "target", shape);
  const py::gil_scoped_release release;
  td_lambda(input, result, checked_threads(threads));
}

// Float or double, by the dtype of the first array.
template <class AsFloat, class AsDouble>
auto by_dtype(const py::array& array, const char* name, const AsFloat& as_float, const AsDouble& as_double) {
  const int dtype = array.dtype().num();
  if (dtype == py::dtype::num_of<float>()) return as_float();
  if (dtype == py::dtype::num_of<double>()) return as_double();
  throw std::invalid_argument(std::string(name) + ": dtype " + std::string(py::str(array.dtype())) +
                              ", expected float32 or float64");
}

constexpr const char* kSimdNames[] = {"plain", "avx2", "avx512"};

void set_simd_by_name(const std::string& name) {
  if (name == "auto") return set_simd(best_simd());
  const std::string best = kSimdNames[static_cast<int>(best_simd())];
  for (int i = 0; i < 3; ++i) {
    if (name != kSimdNames[i]) continue;
    if (i > static_cast<int>(best_simd())) {
      throw std::invalid_argument("simd: this machine has no " + name + ", its best is " + best);
    }
    return set_simd(static_cast<Simd>(i));
  }
  throw std::invalid_argument("simd: '" + name + "', must be auto, plain, avx2 or avx512");
}

}  // namespace

#define FOP_BY_DTYPE(array, call, ...) \
  by_dtype(array, #array, [&] { call<float>(__VA_ARGS__); }, [&] { call<double>(__VA_ARGS__); })

void register_kernels(py::module_& module) {
  module.def("simd", [] { return kSimdNames[static_cast<int>(simd())]; });
  module.def("best_simd", [] { return kSimdNames[static_cast<int>(best_simd())]; });
  module.def("set_simd", &set_simd_by_name, py::arg("name"));
  module.def(
      "soft_value",
      [](const py::array& q, const Optional& available, const py::array& alpha, py::array v, py::array policy,
         py::array log_policy, py::array entropy, int threads) {
        FOP_BY_DTYPE(q, soft_value_as, q, available, alpha, v, policy, log_policy, entropy, threads);
      },
      py::arg("q"), py::arg("available"), py::arg("alpha"), py::arg("v"), py::arg("policy"),
      py::arg("log_policy"), py::arg("entropy"), py::arg("threads"));
  module.def(
      "soft_value_backward",
      [](const py::array& policy, const py::array& log_policy, const py::array& entropy,
         const Optional& available, const py::array& alpha, const Optional& grad_v,
         const Optional& grad_policy, const Optional& grad_log_policy, const Optional& grad_entropy,
         py::array grad_q, int threads) {
        FOP_BY_DTYPE(policy, soft_value_backward_as, policy, log_policy, entropy, available, alpha, grad_v,
                     grad_policy, grad_log_policy, grad_entropy, grad_q, threads);
      },
      py::arg("policy"), py::arg("log_policy"), py::arg("entropy"), py::arg("available"), py::arg("alpha"),
      py::arg("grad_v"), py::arg("grad_policy"), py::arg("grad_log_policy"), py::arg("grad_entropy"),
      py::arg("grad_q"), py::arg("threads"));
  module.def(
      "routed_mix",
      [](const py::array& q, const py::array& v, const py::array& lam, const py::array& v_state,
         py::array q_tot, int threads) { FOP_BY_DTYPE(q, mix_as, true, q, v, lam, v_state, q_tot, threads); },
      py::arg("q"), py::arg("v"), py::arg("lam"), py::arg("v_state"), py::arg("q_tot"), py::arg("threads"));
  module.def(
      "literal_mix",
      [](const py::array& q, const py::array& v, const py::array& lam, const py::array& v_tot,
         py::array q_tot, int threads) { FOP_BY_DTYPE(q, mix_as, false, q, v, lam, v_tot, q_tot, threads); },
      py::arg("q"), py::arg("v"), py::arg("lam"), py::arg("v_tot"), py::arg("q_tot"), py::arg("threads"));
  module.def(
      "routed_mix_backward",
      [](const py::array& q, const py::array& v, const py::array& grad, py::array grad_q, py::array grad_lam,
         int threads) { FOP_BY_DTYPE(q, routed_mix_backward_as, q, v, grad, grad_q, grad_lam, threads); },
      py::arg("q"), py::arg("v"), py::arg("grad"), py::arg("grad_q"), py::arg("grad_lam"),
      py::arg("threads"));
  module.def(
      "literal_mix_backward",
      [](const py::array& q, const py::array& v, const py::array& lam, const py::array& grad,
         py::array grad_q, py::array grad_v, py::array grad_lam, int threads) {
        FOP_BY_DTYPE(q, literal_mix_backward_as, q, v, lam, grad, grad_q, grad_v, grad_lam, threads);
      },
      py::arg("q"), py::arg("v"), py::arg("lam"), py::arg("grad"), py::arg("grad_q"), py::arg("grad_v"),
      py::arg("grad_lam"), py::arg("threads"));
  module.def(
      "td_lambda",
      [](const py::array& reward, const py::array& values, const py::array& terminated, const py::array& mask,
         double gamma, double lam, py::array target, int threads) {
        FOP_BY_DTYPE(reward, td_lambda_as, reward, values, terminated, mask, gamma, lam, target, threads);
      },
      py::arg("reward"), py::arg("values"), py::arg("terminated"), py::arg("mask"), py::arg("gamma"),
      py::arg("lam"), py::arg("target"), py::arg("threads"));
}

#undef FOP_BY_DTYPE

}  // namespace fop::bindings
