// What goes into the ring comes out again, bit for bit; what doesn't fit is refused.
#include "replay/episode_ring.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "fop/check.hpp"
#include "replay/sampler.hpp"

namespace {

using fop::EpisodeRing;
using fop::EpisodeShape;
using fop::Sampler;

constexpr EpisodeShape kShape{
    .n_agents = 2, .n_actions = 5, .obs_dim = 3, .state_dim = 4, .action_dim = 0, .episode_limit = 6};

// One padded batch; every number of episode `tag` is `tag` or a function of it.
struct Batch {
  Batch(std::size_t episodes, std::size_t steps)
      : n(episodes),
        t(steps),
        obs(n * (t + 1) * 6),
        state(n * (t + 1) * 4),
        available(n * (t + 1) * 10),
        choices(n * t * 2),
        reward(n * t),
        terminated(n * t),
        mask(n * t),
        lengths(n),
        label(n) {}

  static Batch tagged(std::int64_t tag, std::int64_t length) {
    Batch b(1, 6);
    const auto frames = static_cast<std::size_t>(length + 1);
    std::fill_n(b.obs.begin(), frames * 6, static_cast<float>(tag));
    std::fill_n(b.state.begin(), frames * 4, static_cast<float>(-tag));
    std::fill_n(b.available.begin(), frames * 10, std::uint8_t{1});
    std::fill_n(b.choices.begin(), static_cast<std::size_t>(length) * 2, tag % 5);
    std::fill_n(b.reward.begin(), static_cast<std::size_t>(length), static_cast<float>(tag));
    b.terminated[static_cast<std::size_t>(length - 1)] = tag % 2 == 0 ? 1 : 0;
    b.lengths[0] = length;
    b.label[0] = 1000 - tag;
    return b;
  }

  fop::EpisodesIn in() const {
    return {.episodes = n,
            .steps = t,
            .obs = obs.data(),
            .state = state.data(),
            .available = available.data(),
            .choices = choices.data(),
            .reward = reward.data(),
            .terminated = terminated.data(),
            .lengths = lengths.data(),
            .label = label.data()};
  }
  fop::EpisodesOut out() {
    return {.episodes = n,
            .steps = t,
            .obs = obs.data(),
            .state = state.data(),
            .available = available.data(),
            .choices = choices.data(),
            .reward = reward.data(),
            .terminated = terminated.data(),
            .mask = mask.data(),
            .lengths = lengths.data(),
            .label = label.data()};
  }

  std::size_t n, t;
  std::vector<float> obs, state;
  std::vector<std::uint8_t> available;
  std::vector<std::int64_t> choices;
  std::vector<float> reward;
  std::vector<std::uint8_t> terminated, mask;
  std::vector<std::int64_t> lengths, label;
};

template <typename Exception, typename Call>
std::string refused(Call call) {
  try {
    call();
  } catch (const Exception& error) {
    return error.what();
  }
  return "";
}

void test_oldest_goes_first_and_padding_is_zero() {
  EpisodeRing ring(kShape, 3);
  for (std::int64_t tag = 1; tag <= 5; ++tag) ring.add(Batch::tagged(tag, tag).in());
  CHECK(ring.size() == 3);
  const std::vector<std::int64_t> ages{2, 0};  // tags 5 and 3
  CHECK(ring.longest(ages) == 5);
  Batch got(2, 5);
  std::fill(got.obs.begin(), got.obs.end(), 99.0f);
  std::fill(got.available.begin(), got.available.end(), std::uint8_t{9});
  ring.gather(ages, got.out());
  CHECK((got.lengths == std::vector<std::int64_t>{5, 3}));
  CHECK((got.label == std::vector<std::int64_t>{995, 997}));
  CHECK((got.reward == std::vector<float>{5, 5, 5, 5, 5, 3, 3, 3, 0, 0}));
  CHECK((got.mask == std::vector<std::uint8_t>{1, 1, 1, 1, 1, 1, 1, 1, 0, 0}));
  CHECK((got.terminated == std::vector<std::uint8_t>(10, 0)));  // odd tags were cut off
  CHECK(got.obs[36] == 3.0f && got.obs[36 + 4 * 6 - 1] == 3.0f && got.obs[36 + 4 * 6] == 0.0f);
  CHECK(got.available[60 + 4 * 10 - 1] == 1 && got.available[60 + 4 * 10] == 0 && got.available.back() == 0);
  CHECK(got.choices[0] == 0 && got.choices[10] == 3 && got.choices.back() == 0);
}

void test_what_cannot_be_is_refused_and_changes_nothing() {
  EpisodeRing ring(kShape, 2);
  Batch bad = Batch::tagged(1, 3);
  bad.choices[3] = 5;
  CHECK(refused<std::invalid_argument>([&] { ring.add(bad.in()); }) ==
        "actions of episode 0, step 1, agent 1 is 5; allowed: 0 to 4");
  bad = Batch::tagged(1, 3);
  bad.lengths[0] = 7;
  CHECK(refused<std::invalid_argument>([&] { ring.add(bad.in()); }) ==
        "lengths of episode 0 is 7; allowed: 1 to 6");
  bad = Batch::tagged(1, 3);
  bad.terminated[1] = 1;
  CHECK(!refused<std::invalid_argument>([&] { ring.add(bad.in()); }).empty());
  CHECK(ring.size() == 0);
  ring.add(Batch::tagged(2, 6).in());
  Batch small(1, 5);
  const std::vector<std::int64_t> first{0}, second{1};
  CHECK(!refused<std::out_of_range>([&] { ring.gather(first, small.out()); }).empty());
  CHECK(!refused<std::out_of_range>([&] { ring.longest(second); }).empty());
  CHECK(!refused<std::invalid_argument>([] { EpisodeRing(kShape, 0); }).empty());
}

void test_restore_refuses_damage() {
  EpisodeRing ring(kShape, 3);
  for (std::int64_t tag = 1; tag <= 4; ++tag) ring.add(Batch::tagged(tag, tag).in());
  const fop::RingContent saved = ring.content();
  EpisodeRing other(kShape, 3);
  other.restore(saved);
  CHECK(other.content().blocks == saved.blocks && other.content().lengths == saved.lengths);
  CHECK((other.content().label == std::vector<std::int64_t>{998, 997, 996}));
  // Whatever byte of the blocks is hit: either refused, or harmless (a number changed, nothing else).
  Batch out(3, 6);
  const std::vector<std::int64_t> ages{0, 1, 2};
  for (std::size_t i = 0; i < saved.blocks.size(); ++i) {
    fop::RingContent damaged = saved;
    damaged.blocks[i] = static_cast<std::uint8_t>(damaged.blocks[i] ^ 0xffu);
    EpisodeRing victim(kShape, 3);
    if (refused<std::invalid_argument>([&] { victim.restore(damaged); }).empty())
      victim.gather(ages, out.out());
  }
  fop::RingContent cut = saved;
  cut.blocks.pop_back();
  CHECK(!refused<std::invalid_argument>([&] { other.restore(cut); }).empty());
  cut = saved;
  cut.blocks.push_back(0);
  CHECK(!refused<std::invalid_argument>([&] { other.restore(cut); }).empty());
  cut = saved;
  cut.lengths[0] = 6;
  CHECK(!refused<std::invalid_argument>([&] { other.restore(cut); }).empty());
  cut = saved;
  cut.label.pop_back();
  CHECK(!refused<std::invalid_argument>([&] { other.restore(cut); }).empty());
  cut = saved;
  cut.obs_values[1] = -1;
  CHECK(!refused<std::invalid_argument>([&] { other.restore(cut); }).empty());
  CHECK(other.content().blocks == saved.blocks);
}

void test_sampler_draws_without_replacement_and_resumes() {
  Sampler sampler(7);
  std::vector<std::int64_t> ages(10);
  std::vector<int> counts(10, 0);
  for (int draw = 0; draw < 2000; ++draw) {
    sampler.draw(10, ages);
    ++counts[static_cast<std::size_t>(ages[0])];
    std::vector<std::int64_t> sorted = ages;
    std::sort(sorted.begin(), sorted.end());
    for (std::int64_t i = 0; i < 10; ++i) CHECK(sorted[static_cast<std::size_t>(i)] == i);
  }
  // 2000 draws in 10 cells: standard deviation 13.4, five of them.
  for (const int count : counts) CHECK_NEAR(count, 200, 68);
  std::vector<std::int64_t> next(10);
  Sampler(7, 2000).draw(10, next);
  sampler.draw(10, ages);
  CHECK(ages == next);
  CHECK(!refused<std::invalid_argument>([&] { sampler.draw(9, ages); }).empty());
}

void test_adding_and_gathering_at_the_same_time() {
  EpisodeRing ring(kShape, 8);
  for (std::int64_t tag = 0; tag < 8; ++tag) ring.add(Batch::tagged(tag, 1 + tag % 6).in());
  std::thread writer([&] {
    for (std::int64_t tag = 8; tag < 400; ++tag) ring.add(Batch::tagged(tag, 1 + tag % 6).in());
  });
  const std::vector<std::int64_t> ages{0, 3, 7};
  Batch got(3, 6);
  for (int i = 0; i < 400; ++i) {
    ring.gather(ages, got.out());
    // Whole episodes only: the first and the last number of one episode agree.
    for (std::size_t b = 0; b < 3; ++b) {
      const auto last = static_cast<std::size_t>(got.lengths[b]);
      CHECK(got.obs[b * 42] == got.obs[b * 42 + last * 6] &&
            got.reward[b * 6] == got.reward[b * 6 + last - 1]);
    }
  }
  writer.join();
}

}  // namespace

int main() {
  test_oldest_goes_first_and_padding_is_zero();
  test_what_cannot_be_is_refused_and_changes_nothing();
  test_restore_refuses_damage();
  test_sampler_draws_without_replacement_and_resumes();
  test_adding_and_gathering_at_the_same_time();
  return fop::test::failures();
}
