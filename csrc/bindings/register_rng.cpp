// Rows of counter-based random numbers for Python. fop_core/rng.py is its door and checks the arguments.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstdint>
#include <tuple>

#include "fop/rng.hpp"

namespace py = pybind11;

namespace fop::bindings {
namespace {

using Counters = py::array_t<std::uint32_t, py::array::c_style>;

// [E, n]: row e holds `draw(Draws{seed, purpose, episodes[e], times[e]}, index)` for index 0..n-1.
template <typename Number, typename Draw>
py::array_t<Number> rows(std::uint64_t seed, std::uint32_t purpose, const Counters& episodes,
                         const Counters& times, std::uint32_t n, Draw draw) {
  if (episodes.ndim() != 1 || times.ndim() != 1 || episodes.size() != times.size()) {
    throw py::value_error("episodes and times must be vectors of the same length");
  }
  const py::ssize_t count = episodes.size();
  py::array_t<Number> result({count, static_cast<py::ssize_t>(n)});
  Number* out = result.mutable_data();
  const std::uint32_t* episode = episodes.data();
  const std::uint32_t* time = times.data();
  const py::gil_scoped_release release;
  for (py::ssize_t e = 0; e < count; ++e) {
    const Draws draws{seed, static_cast<Purpose>(purpose), episode[e], time[e]};
    for (std::uint32_t i = 0; i < n; ++i) *out++ = draw(draws, i, e);
  }
  return result;
}

}  // namespace

void register_rng(py::module_& module) {
  const auto args = [](auto... more) {
    return std::make_tuple(py::arg("seed"), py::arg("purpose"), py::arg("episodes").noconvert(),
                           py::arg("times").noconvert(), py::arg("n"), more...);
  };
  const auto def = [&module](const char* name, auto function, const auto& arguments) {
    std::apply([&](const auto&... argument) { module.def(name, function, argument...); }, arguments);
  };

  module.def(
      "philox", [](PhiloxBlock counter, std::array<std::uint32_t, 2> key) { return philox(counter, key); },
      py::arg("counter"), py::arg("key"));
  def(
      "uniform",
      [](std::uint64_t seed, std::uint32_t purpose, const Counters& episodes, const Counters& times,
         std::uint32_t n) {
        return rows<float>(seed, purpose, episodes, times, n,
                           [](const Draws& d, std::uint32_t i, py::ssize_t) { return d.uniform(i); });
      },
      args());
  def(
      "uniform64",
      [](std::uint64_t seed, std::uint32_t purpose, const Counters& episodes, const Counters& times,
         std::uint32_t n) {
        return rows<double>(seed, purpose, episodes, times, n,
                            [](const Draws& d, std::uint32_t i, py::ssize_t) { return d.uniform64(i); });
      },
      args());
  def(
      "normal",
      [](std::uint64_t seed, std::uint32_t purpose, const Counters& episodes, const Counters& times,
         std::uint32_t n) {
        return rows<float>(
            seed, purpose, episodes, times, n,
            [](const Draws& d, std::uint32_t i, py::ssize_t) { return static_cast<float>(d.normal(i)); });
      },
      args());
  def(
      "below",
      [](std::uint64_t seed, std::uint32_t purpose, const Counters& episodes, const Counters& times,
         std::uint32_t n, const Counters& bound) {
        if (bound.ndim() != 2 || bound.shape(0) != episodes.size() ||
            bound.shape(1) != static_cast<py::ssize_t>(n)) {
          throw py::value_error("bound must have the shape of the result");
        }
        const std::uint32_t* bounds = bound.data();
        return rows<std::int64_t>(seed, purpose, episodes, times, n,
                                  [bounds, n](const Draws& d, std::uint32_t i, py::ssize_t e) {
                                    return std::int64_t{d.below(i, bounds[e * n + i])};
                                  });
      },
      args(py::arg("bound").noconvert()));

  py::dict purposes;
  purposes["ACTION_NOISE"] = static_cast<int>(Purpose::kActionNoise);
  purposes["REPLAY_SAMPLE"] = static_cast<int>(Purpose::kReplaySample);
  purposes["ENGINE_ORDER"] = static_cast<int>(Purpose::kEngineOrder);
  purposes["ENGINE_COOLDOWN"] = static_cast<int>(Purpose::kEngineCooldown);
  purposes["ENGINE_SCENARIO"] = static_cast<int>(Purpose::kEngineScenario);
  purposes["RANDOM_POLICY"] = static_cast<int>(Purpose::kRandomPolicy);
  purposes["EVALUATION"] = static_cast<int>(Purpose::kEvaluation);
  purposes["GAME"] = static_cast<int>(Purpose::kGame);
  module.attr("PURPOSES") = purposes;
}

}  // namespace fop::bindings
