// The replay for Python: arrays in and out, checked before C++ touches their memory. fop_core/replay.py is
// its door.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "replay/episode_ring.hpp"
#include "replay/sampler.hpp"

namespace py = pybind11;

namespace fop::bindings {
namespace {

template <typename T>
using Dense = py::array_t<T, py::array::c_style>;
using Ages = Dense<std::int64_t>;

template <typename T>
Dense<T> to_array(const std::vector<T>& values) {
  return Dense<T>(static_cast<py::ssize_t>(values.size()), values.data());
}

template <typename T>
std::vector<T> to_vector(const Dense<T>& array) {
  return {array.data(), array.data() + array.size()};
}

std::span<const std::int64_t> span_of(const Ages& ages) {
  return {ages.data(), static_cast<std::size_t>(ages.size())};
}

std::uint8_t* bytes_of(Dense<bool>& array) { return reinterpret_cast<std::uint8_t*>(array.mutable_data()); }
const std::uint8_t* bytes_of(const Dense<bool>& array) {
  return reinterpret_cast<const std::uint8_t*>(array.data());
}

// Python has checked shapes with clear messages; this guards memory.
void expect(const EpisodeShape& s, std::size_t episodes, std::size_t steps, py::ssize_t obs,
            py::ssize_t state, py::ssize_t available, py::ssize_t actions, py::ssize_t reward,
            py::ssize_t terminated) {
  const auto same = [](py::ssize_t size, std::size_t wanted) {
    return static_cast<std::size_t>(size) == wanted;
  };
  const std::size_t frames = episodes * (steps + 1);
  if (!same(obs, frames * s.n_agents * s.obs_dim) || !same(state, frames * s.state_dim) ||
      !same(available, frames * s.n_agents * s.n_actions) ||
      !same(actions, episodes * steps * s.n_agents * (s.discrete() ? 1 : s.action_dim)) ||
      !same(reward, episodes * steps) || !same(terminated, episodes * steps)) {
    throw py::value_error("the arrays of an episode batch do not fit together");
  }
}

// Actions are int64 or float32, by the kind of task.
template <typename T>
Dense<T> actions_as(const py::array& actions) {
  if (!py::isinstance<Dense<T>>(actions)) throw py::value_error("actions have the wrong type");
  return py::reinterpret_borrow<Dense<T>>(actions);
}

void add(EpisodeRing& ring, std::size_t steps, const Dense<float>& obs, const Dense<float>& state,
         const Dense<bool>& available, const py::array& actions, const Dense<float>& reward,
         const Dense<bool>& terminated, const Dense<std::int64_t>& lengths,
         const Dense<std::int64_t>& label) {
  const auto episodes = static_cast<std::size_t>(lengths.size());
  expect(ring.shape(), episodes, steps, obs.size(), state.size(), available.size(), actions.size(),
         reward.size(), terminated.size());
  if (label.size() != lengths.size()) throw py::value_error("label does not fit the batch");
  EpisodesIn in{.episodes = episodes,
                .steps = steps,
                .obs = obs.data(),
                .state = state.data(),
                .available = bytes_of(available),
                .reward = reward.data(),
                .terminated = bytes_of(terminated),
                .lengths = lengths.data(),
                .label = label.data()};
  if (ring.shape().discrete()) {
    in.choices = actions_as<std::int64_t>(actions).data();
  } else {
    in.controls = actions_as<float>(actions).data();
  }
  const py::gil_scoped_release release;
  ring.add(in);
}

void gather(const EpisodeRing& ring, const Ages& ages, std::size_t steps, Dense<float> obs,
            Dense<float> state, Dense<bool> available, const py::array& actions, Dense<float> reward,
            Dense<bool> terminated, Dense<bool> mask, Dense<std::int64_t> lengths,
            Dense<std::int64_t> label) {
  const auto episodes = static_cast<std::size_t>(ages.size());
  expect(ring.shape(), episodes, steps, obs.size(), state.size(), available.size(), actions.size(),
         reward.size(), terminated.size());
  if (mask.size() != terminated.size() || lengths.size() != ages.size() || label.size() != ages.size()) {
    throw py::value_error("mask, lengths and label do not fit the batch");
  }
  EpisodesOut out{.episodes = episodes,
                  .steps = steps,
                  .obs = obs.mutable_data(),
                  .state = state.mutable_data(),
                  .available = bytes_of(available),
                  .reward = reward.mutable_data(),
                  .terminated = bytes_of(terminated),
                  .mask = bytes_of(mask),
                  .lengths = lengths.mutable_data(),
                  .label = label.mutable_data()};
  if (ring.shape().discrete()) {
    out.choices = actions_as<std::int64_t>(actions).mutable_data();
  } else {
    out.controls = actions_as<float>(actions).mutable_data();
  }
  const std::span<const std::int64_t> chosen = span_of(ages);
  const py::gil_scoped_release release;
  ring.gather(chosen, out);
}

py::dict content(const EpisodeRing& ring) {
  RingContent saved;
  {
    const py::gil_scoped_release release;
    saved = ring.content();
  }
  py::dict arrays;
  arrays["lengths"] = to_array(saved.lengths);
  arrays["terminated"] = to_array(saved.terminated);
  arrays["obs_values"] = to_array(saved.obs_values);
  arrays["state_values"] = to_array(saved.state_values);
  arrays["label"] = to_array(saved.label);
  arrays["blocks"] = to_array(saved.blocks);
  return arrays;
}

void restore(EpisodeRing& ring, const Dense<std::int64_t>& lengths, const Dense<std::uint8_t>& terminated,
             const Dense<std::int64_t>& obs_values, const Dense<std::int64_t>& state_values,
             const Dense<std::int64_t>& label, const Dense<std::uint8_t>& blocks) {
  const RingContent saved{.lengths = to_vector(lengths),
                          .terminated = to_vector(terminated),
                          .obs_values = to_vector(obs_values),
                          .state_values = to_vector(state_values),
                          .label = to_vector(label),
                          .blocks = to_vector(blocks)};
  const py::gil_scoped_release release;
  ring.restore(saved);
}

}  // namespace

void register_replay(py::module_& module) {
  py::class_<EpisodeRing>(module, "EpisodeRing")
      .def(
          py::init([](std::size_t n_agents, std::size_t n_actions, std::size_t obs_dim, std::size_t state_dim,
                      std::size_t action_dim, std::size_t episode_limit, std::size_t capacity) {
            return std::make_unique<EpisodeRing>(
                EpisodeShape{n_agents, n_actions, obs_dim, state_dim, action_dim, episode_limit}, capacity);
          }),
          py::kw_only(), py::arg("n_agents"), py::arg("n_actions"), py::arg("obs_dim"), py::arg("state_dim"),
          py::arg("action_dim"), py::arg("episode_limit"), py::arg("capacity"))
      .def("__len__", &EpisodeRing::size)
      .def_property_readonly("nbytes", &EpisodeRing::nbytes)
      .def("add", &add, py::arg("steps"), py::arg("obs").noconvert(), py::arg("state").noconvert(),
           py::arg("available").noconvert(), py::arg("actions").noconvert(), py::arg("reward").noconvert(),
           py::arg("terminated").noconvert(), py::arg("lengths").noconvert(), py::arg("label").noconvert())
      .def(
          "longest", [](const EpisodeRing& ring, const Ages& ages) { return ring.longest(span_of(ages)); },
          py::arg("ages").noconvert())
      .def("gather", &gather, py::arg("ages").noconvert(), py::arg("steps"), py::arg("obs").noconvert(),
           py::arg("state").noconvert(), py::arg("available").noconvert(), py::arg("actions").noconvert(),
           py::arg("reward").noconvert(), py::arg("terminated").noconvert(), py::arg("mask").noconvert(),
           py::arg("lengths").noconvert(), py::arg("label").noconvert())
      .def("content", &content)
      .def("restore", &restore, py::arg("lengths").noconvert(), py::arg("terminated").noconvert(),
           py::arg("obs_values").noconvert(), py::arg("state_values").noconvert(),
           py::arg("label").noconvert(), py::arg("blocks").noconvert());

  py::class_<Sampler>(module, "Sampler")
      .def(py::init<std::uint64_t, std::uint64_t>(), py::arg("seed"), py::arg("draws") = 0)
      .def(
          "draw",
          [](Sampler& sampler, std::size_t size, std::size_t n) {
            Ages ages(static_cast<py::ssize_t>(n));
            sampler.draw(size, {ages.mutable_data(), n});
            return ages;
          },
          py::arg("size"), py::arg("n"))
      .def_property_readonly("seed", &Sampler::seed)
      .def_property_readonly("draws", &Sampler::draws);
}

}  // namespace fop::bindings
