// Finished episodes, each stored once at its own length; the oldest is overwritten first.
//
// An episode of T steps is one block of bytes, from front to back:
//   obs values | state values | reward [T] | controls [T, N, D]     float32, obs and state without their
//   zeros obs bits | state bits | available bits [T+1, N, A]              one bit per number choices [T, N]
//   1, 2 or 4 bytes, the fewest that hold A - 1
// Whether it terminated is one flag per episode, its label one number. Masks and one-hots are derived, so
// they are not stored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

namespace fop {

// What all episodes of a ring have in common. Discrete actions: n_actions > 0 and action_dim = 0.
struct EpisodeShape {
  std::size_t n_agents = 0;
  std::size_t n_actions = 0;
  std::size_t obs_dim = 0;
  std::size_t state_dim = 0;
  std::size_t action_dim = 0;
  std::size_t episode_limit = 0;

  bool discrete() const { return action_dim == 0; }
};

// Episodes padded to `steps`, as the learner sees them: B episodes, T steps, dense rows.
template <typename Float, typename Byte, typename Int>
struct PaddedEpisodes {
  std::size_t episodes = 0;
  std::size_t steps = 0;
  Float* obs = nullptr;        // [B, T+1, N, O]
  Float* state = nullptr;      // [B, T+1, S]
  Byte* available = nullptr;   // [B, T+1, N, A], 0 or 1
  Int* choices = nullptr;      // [B, T, N], discrete
  Float* controls = nullptr;   // [B, T, N, D], continuous
  Float* reward = nullptr;     // [B, T]
  Byte* terminated = nullptr;  // [B, T]
  Byte* mask = nullptr;        // [B, T]; not read by add
  Int* lengths = nullptr;      // [B]
  Int* label = nullptr;        // [B]
};
using EpisodesOut = PaddedEpisodes<float, std::uint8_t, std::int64_t>;
using EpisodesIn = PaddedEpisodes<const float, const std::uint8_t, const std::int64_t>;

// What a saved ring consists of, oldest episode first.
struct RingContent {
  std::vector<std::int64_t> lengths;
  std::vector<std::uint8_t> terminated;
  std::vector<std::int64_t> obs_values;  // numbers that are not zero
  std::vector<std::int64_t> state_values;
  std::vector<std::int64_t> label;
  std::vector<std::uint8_t> blocks;  // one behind the other
};

// Calls from several threads are safe: each holds the ring's lock.
class EpisodeRing {
 public:
  // Throws std::invalid_argument for a capacity of 0.
  EpisodeRing(EpisodeShape shape, std::size_t capacity);

  // Throws std::invalid_argument naming the value that is wrong; then nothing has been added.
  void add(const EpisodesIn& episodes);

  // Steps of the longest of these episodes. An episode's age runs from 0, the oldest, to size() - 1.
  // Throws std::out_of_range.
  std::size_t longest(std::span<const std::int64_t> ages) const;

  // Writes these episodes; everything beyond an episode's end is zero, available included.
  // Throws std::out_of_range for an age that does not exist and for an episode longer than out.steps.
  void gather(std::span<const std::int64_t> ages, const EpisodesOut& out) const;

  RingContent content() const;
  // Throws std::invalid_argument for anything that add could not have made; then nothing has changed.
  void restore(const RingContent& content);

  std::size_t size() const;
  // Bytes of all blocks and of the table of episodes.
  std::size_t nbytes() const;

  const EpisodeShape& shape() const { return shape_; }

 private:
  struct Episode {
    std::unique_ptr<std::uint8_t[]> block;
    std::size_t length = 0;
    std::size_t obs_values = 0;
    std::size_t state_values = 0;
    std::int64_t label = 0;
    bool terminated = false;
  };
  struct Layout;

  Layout layout(const Episode& episode) const;
  void check(const EpisodesIn& episodes) const;
  void check_block(const Episode& episode) const;
  Episode pack(const EpisodesIn& episodes, std::size_t row) const;
  void unpack(const Episode& episode, const EpisodesOut& out, std::size_t row) const;
  const Episode& at(std::int64_t age) const;

  EpisodeShape shape_;
  std::size_t capacity_;
  std::size_t choice_bytes_;
  std::vector<Episode> episodes_;  // grows to capacity_, then a ring
  std::size_t oldest_ = 0;
  mutable std::mutex mutex_;
};

}  // namespace fop
