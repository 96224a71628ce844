// How an episode becomes one block of bytes of its own length, and how blocks become a padded batch.
#include "replay/episode_ring.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>
#include <string>

#include "replay/sparse_floats.hpp"

namespace fop {
namespace {

std::size_t bytes_for(std::size_t n_actions) {
  if (n_actions <= std::size_t{1} << 8) return 1;
  return n_actions <= std::size_t{1} << 16 ? 2 : 4;
}

template <typename Narrow>
void narrow(const std::int64_t* wide, std::size_t n, std::uint8_t* out) {
  for (std::size_t i = 0; i < n; ++i) {
    const auto value = static_cast<Narrow>(wide[i]);
    std::memcpy(out + i * sizeof value, &value, sizeof value);
  }
}

template <typename Narrow>
void widen(const std::uint8_t* bytes, std::size_t n, std::int64_t* wide) {
  for (std::size_t i = 0; i < n; ++i) {
    Narrow value;
    std::memcpy(&value, bytes + i * sizeof value, sizeof value);
    wide[i] = value;
  }
}

void pack_choices(const std::int64_t* choices, std::size_t n, std::size_t width, std::uint8_t* out) {
  if (width == 1) return narrow<std::uint8_t>(choices, n, out);
  if (width == 2) return narrow<std::uint16_t>(choices, n, out);
  narrow<std::uint32_t>(choices, n, out);
}

void unpack_choices(const std::uint8_t* bytes, std::size_t n, std::size_t width, std::int64_t* choices) {
  if (width == 1) return widen<std::uint8_t>(bytes, n, choices);
  if (width == 2) return widen<std::uint16_t>(bytes, n, choices);
  widen<std::uint32_t>(bytes, n, choices);
}

template <typename T>
void zero(T* from, T* to) {
  std::memset(from, 0, static_cast<std::size_t>(to - from) * sizeof(T));
}

std::size_t count_bits(const std::uint8_t* bits, std::size_t n) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < bitmap_bytes(n); ++i) count += static_cast<std::size_t>(std::popcount(bits[i]));
  return count;
}

bool tail_is_clear(const std::uint8_t* bits, std::size_t n) {
  return n % 8 == 0 || (bits[n / 8] >> (n % 8)) == 0;
}

[[noreturn]] void refuse(const std::string& message) { throw std::invalid_argument(message); }

}  // namespace

// Where the parts of an episode's block lie (bytes from its start) and how many numbers they hold.
struct EpisodeRing::Layout {
  std::size_t n_obs, n_state, n_available, n_choices, n_controls;
  std::size_t state_values, reward, controls, obs_bits, state_bits, available_bits, choices, size;
};

EpisodeRing::EpisodeRing(EpisodeShape shape, std::size_t capacity)
    : shape_(shape), capacity_(capacity), choice_bytes_(bytes_for(shape.n_actions)) {
  if (capacity < 1) refuse("capacity is 0; at least 1 is needed");
}

EpisodeRing::Layout EpisodeRing::layout(const Episode& episode) const {
  Layout l{};
  const std::size_t steps = episode.length;
  l.n_obs = (steps + 1) * shape_.n_agents * shape_.obs_dim;
  l.n_state = (steps + 1) * shape_.state_dim;
  l.n_available = (steps + 1) * shape_.n_agents * shape_.n_actions;
  l.n_choices = shape_.discrete() ? steps * shape_.n_agents : 0;
  l.n_controls = steps * shape_.n_agents * shape_.action_dim;
  l.state_values = episode.obs_values * sizeof(float);
  l.reward = l.state_values + episode.state_values * sizeof(float);
  l.controls = l.reward + steps * sizeof(float);
  l.obs_bits = l.controls + l.n_controls * sizeof(float);
  l.state_bits = l.obs_bits + bitmap_bytes(l.n_obs);
  l.available_bits = l.state_bits + bitmap_bytes(l.n_state);
  l.choices = l.available_bits + bitmap_bytes(l.n_available);
  l.size = l.choices + l.n_choices * choice_bytes_;
  return l;
}

void EpisodeRing::check(const EpisodesIn& in) const {
  const auto most = static_cast<std::int64_t>(std::min(in.steps, shape_.episode_limit));
  for (std::size_t b = 0; b < in.episodes; ++b) {
    const std::string where = " of episode " + std::to_string(b);
    const std::int64_t length = in.lengths[b];
    if (length < 1 || length > most) {
      refuse("lengths" + where + " is " + std::to_string(length) + "; allowed: 1 to " + std::to_string(most));
    }
    const std::uint8_t* terminated = in.terminated + b * in.steps;
    for (std::int64_t t = 0; t + 1 < length; ++t) {
      if (terminated[t] != 0) {
        refuse("terminated" + where + " is true at step " + std::to_string(t) + " of " +
               std::to_string(length) + "; an episode ends where it terminates");
      }
    }
    if (!shape_.discrete()) continue;
    const std::int64_t* choices = in.choices + b * in.steps * shape_.n_agents;
    for (std::size_t i = 0; i < static_cast<std::size_t>(length) * shape_.n_agents; ++i) {
      if (choices[i] < 0 || choices[i] >= static_cast<std::int64_t>(shape_.n_actions)) {
        refuse("actions" + where + ", step " + std::to_string(i / shape_.n_agents) + ", agent " +
               std::to_string(i % shape_.n_agents) + " is " + std::to_string(choices[i]) +
               "; allowed: 0 to " + std::to_string(shape_.n_actions - 1));
      }
    }
  }
}

EpisodeRing::Episode EpisodeRing::pack(const EpisodesIn& in, std::size_t row) const {
  Episode episode;
  episode.length = static_cast<std::size_t>(in.lengths[row]);
  const float* obs = in.obs + row * (in.steps + 1) * shape_.n_agents * shape_.obs_dim;
  const float* state = in.state + row * (in.steps + 1) * shape_.state_dim;
  const Layout dense = layout(episode);
  episode.obs_values = count_nonzero(obs, dense.n_obs);
  episode.state_values = count_nonzero(state, dense.n_state);
  episode.terminated = in.terminated[row * in.steps + episode.length - 1] != 0;
  episode.label = in.label[row];

  const Layout l = layout(episode);
  episode.block = std::make_unique_for_overwrite<std::uint8_t[]>(l.size);
  std::uint8_t* block = episode.block.get();
  // Blocks come from operator new and floats lie in front: aligned. Front to back, because pack_floats may
  // write one float too many: into the reward, at the latest.
  pack_floats(obs, l.n_obs, block + l.obs_bits, reinterpret_cast<float*>(block));
  pack_floats(state, l.n_state, block + l.state_bits, reinterpret_cast<float*>(block + l.state_values));
  std::memcpy(block + l.reward, in.reward + row * in.steps, episode.length * sizeof(float));
  pack_bits(in.available + row * (in.steps + 1) * shape_.n_agents * shape_.n_actions, l.n_available,
            block + l.available_bits);
  if (shape_.discrete()) {
    pack_choices(in.choices + row * in.steps * shape_.n_agents, l.n_choices, choice_bytes_,
                 block + l.choices);
  } else {
    std::memcpy(block + l.controls, in.controls + row * in.steps * shape_.n_agents * shape_.action_dim,
                l.n_controls * sizeof(float));
  }
  return episode;
}

void EpisodeRing::unpack(const Episode& episode, const EpisodesOut& out, std::size_t row) const {
  const Layout l = layout(episode);
  const std::uint8_t* block = episode.block.get();
  const std::size_t steps = out.steps;

  const std::size_t obs_row = (steps + 1) * shape_.n_agents * shape_.obs_dim;
  float* obs = out.obs + row * obs_row;
  unpack_floats(block + l.obs_bits, reinterpret_cast<const float*>(block), episode.obs_values, obs, l.n_obs);
  zero(obs + l.n_obs, obs + obs_row);

  const std::size_t state_row = (steps + 1) * shape_.state_dim;
  float* state = out.state + row * state_row;
  unpack_floats(block + l.state_bits, reinterpret_cast<const float*>(block + l.state_values),
                episode.state_values, state, l.n_state);
  zero(state + l.n_state, state + state_row);

  const std::size_t available_row = (steps + 1) * shape_.n_agents * shape_.n_actions;
  std::uint8_t* available = out.available + row * available_row;
  unpack_bits(block + l.available_bits, available, l.n_available);
  zero(available + l.n_available, available + available_row);

  if (shape_.discrete()) {
    const std::size_t choices_row = steps * shape_.n_agents;
    std::int64_t* choices = out.choices + row * choices_row;
    unpack_choices(block + l.choices, l.n_choices, choice_bytes_, choices);
    zero(choices + l.n_choices, choices + choices_row);
  } else {
    const std::size_t controls_row = steps * shape_.n_agents * shape_.action_dim;
    float* controls = out.controls + row * controls_row;
    std::memcpy(controls, block + l.controls, l.n_controls * sizeof(float));
    zero(controls + l.n_controls, controls + controls_row);
  }

  float* reward = out.reward + row * steps;
  std::memcpy(reward, block + l.reward, episode.length * sizeof(float));
  zero(reward + episode.length, reward + steps);

  std::uint8_t* mask = out.mask + row * steps;
  std::memset(mask, 1, episode.length);
  zero(mask + episode.length, mask + steps);

  std::uint8_t* terminated = out.terminated + row * steps;
  zero(terminated, terminated + steps);
  terminated[episode.length - 1] = episode.terminated ? 1 : 0;
  out.lengths[row] = static_cast<std::int64_t>(episode.length);
  out.label[row] = episode.label;
}

void EpisodeRing::add(const EpisodesIn& in) {
  check(in);
  const std::lock_guard lock(mutex_);
  for (std::size_t b = 0; b < in.episodes; ++b) {
    Episode episode = pack(in, b);
    if (episodes_.size() < capacity_) {
      episodes_.push_back(std::move(episode));
    } else {
      episodes_[oldest_] = std::move(episode);
      oldest_ = (oldest_ + 1) % capacity_;
    }
  }
}

const EpisodeRing::Episode& EpisodeRing::at(std::int64_t age) const {
  if (age < 0 || static_cast<std::size_t>(age) >= episodes_.size()) {
    throw std::out_of_range("episode " + std::to_string(age) + " is asked for; there are " +
                            std::to_string(episodes_.size()));
  }
  return episodes_[(oldest_ + static_cast<std::size_t>(age)) % episodes_.size()];
}

std::size_t EpisodeRing::longest(std::span<const std::int64_t> ages) const {
  const std::lock_guard lock(mutex_);
  std::size_t steps = 0;
  for (const std::int64_t age : ages) steps = std::max(steps, at(age).length);
  return steps;
}

void EpisodeRing::gather(std::span<const std::int64_t> ages, const EpisodesOut& out) const {
  const std::lock_guard lock(mutex_);
  for (std::size_t b = 0; b < ages.size(); ++b) {
    const Episode& episode = at(ages[b]);
    if (episode.length > out.steps) {
      throw std::out_of_range("an episode of " + std::to_string(episode.length) +
                              " steps does not fit into " + std::to_string(out.steps));
    }
    unpack(episode, out, b);
  }
}

RingContent EpisodeRing::content() const {
  const std::lock_guard lock(mutex_);
  RingContent content;
  std::size_t size = 0;
  for (const Episode& episode : episodes_) size += layout(episode).size;
  content.blocks.reserve(size);
  for (std::size_t age = 0; age < episodes_.size(); ++age) {
    const Episode& episode = at(static_cast<std::int64_t>(age));
    content.lengths.push_back(static_cast<std::int64_t>(episode.length));
    content.terminated.push_back(episode.terminated ? 1 : 0);
    content.obs_values.push_back(static_cast<std::int64_t>(episode.obs_values));
    content.state_values.push_back(static_cast<std::int64_t>(episode.state_values));
    content.label.push_back(episode.label);
    const std::uint8_t* block = episode.block.get();
    content.blocks.insert(content.blocks.end(), block, block + layout(episode).size);
  }
  return content;
}

void EpisodeRing::check_block(const Episode& episode) const {
  const Layout l = layout(episode);
  const std::uint8_t* block = episode.block.get();
  if (count_bits(block + l.obs_bits, l.n_obs) != episode.obs_values ||
      count_bits(block + l.state_bits, l.n_state) != episode.state_values ||
      !tail_is_clear(block + l.obs_bits, l.n_obs) || !tail_is_clear(block + l.state_bits, l.n_state)) {
    refuse("the bits of obs or state do not agree with the number of values");
  }
  std::vector<std::int64_t> choices(l.n_choices);
  unpack_choices(block + l.choices, l.n_choices, choice_bytes_, choices.data());
  for (const std::int64_t choice : choices) {
    if (choice >= static_cast<std::int64_t>(shape_.n_actions)) {
      refuse("an action is " + std::to_string(choice) + "; allowed: 0 to " +
             std::to_string(shape_.n_actions - 1));
    }
  }
}

void EpisodeRing::restore(const RingContent& content) {
  const std::size_t n = content.lengths.size();
  if (content.terminated.size() != n || content.obs_values.size() != n || content.state_values.size() != n ||
      content.label.size() != n) {
    refuse("its tables have different lengths");
  }
  if (n > capacity_) refuse(std::to_string(n) + " episodes do not fit into " + std::to_string(capacity_));
  std::vector<Episode> episodes;
  std::size_t from = 0;
  for (std::size_t k = 0; k < n; ++k) {
    Episode episode;
    if (content.lengths[k] < 1 || content.lengths[k] > static_cast<std::int64_t>(shape_.episode_limit)) {
      refuse("an episode has " + std::to_string(content.lengths[k]) + " steps; allowed: 1 to " +
             std::to_string(shape_.episode_limit));
    }
    episode.length = static_cast<std::size_t>(content.lengths[k]);
    const Layout dense = layout(episode);
    if (content.obs_values[k] < 0 || content.obs_values[k] > static_cast<std::int64_t>(dense.n_obs) ||
        content.state_values[k] < 0 || content.state_values[k] > static_cast<std::int64_t>(dense.n_state)) {
      refuse("an episode has more values than numbers");
    }
    episode.obs_values = static_cast<std::size_t>(content.obs_values[k]);
    episode.state_values = static_cast<std::size_t>(content.state_values[k]);
    episode.terminated = content.terminated[k] != 0;
    episode.label = content.label[k];
    const std::size_t size = layout(episode).size;
    if (size > content.blocks.size() - from) refuse("its episodes are cut short");
    episode.block = std::make_unique_for_overwrite<std::uint8_t[]>(size);
    std::memcpy(episode.block.get(), content.blocks.data() + from, size);
    check_block(episode);
    from += size;
    episodes.push_back(std::move(episode));
  }
  if (from != content.blocks.size()) refuse("it holds more bytes than its episodes need");
  const std::lock_guard lock(mutex_);
  episodes_ = std::move(episodes);
  oldest_ = 0;
}

std::size_t EpisodeRing::size() const {
  const std::lock_guard lock(mutex_);
  return episodes_.size();
}

std::size_t EpisodeRing::nbytes() const {
  const std::lock_guard lock(mutex_);
  std::size_t bytes = episodes_.capacity() * sizeof(Episode);
  for (const Episode& episode : episodes_) bytes += layout(episode).size;
  return bytes;
}

}  // namespace fop
