// Counter-based random numbers: Philox4x32-10 (Salmon et al., SC 2011).
//
// A draw is a pure function of (seed, purpose, episode, time, index), so that it depends neither on which
// draws were made before nor on how many environments or threads there are.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace fop {

using PhiloxBlock = std::array<std::uint32_t, 4>;

// One block of four 32-bit numbers for a counter and a key.
inline PhiloxBlock philox(PhiloxBlock counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t low = std::uint64_t{0xD2511F53u} * counter[0];
    const std::uint64_t high = std::uint64_t{0xCD9E8D57u} * counter[2];
    counter = {static_cast<std::uint32_t>(high >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(high),
               static_cast<std::uint32_t>(low >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(low)};
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return counter;
}

// What a draw is for. Numbers are part of every stored trace: append, never renumber.
enum class Purpose : std::uint32_t {
  kActionNoise = 0,     // exploration: index = draw of the agent
  kReplaySample = 1,    // which episodes are drawn
  kEngineOrder = 2,     // order in which units act within a loop
  kEngineCooldown = 3,  // random addend of a weapon's period
  kEngineScenario = 4,  // what a map itself leaves to chance
  kRandomPolicy = 5,    // uniformly chosen available actions
  kEvaluation = 6,
  kGame = 7,  // toy games
};

// A stream of numbers for one (seed, purpose, episode, time); `index` runs within it.
struct Draws {
  std::uint64_t seed = 0;
  Purpose purpose = Purpose::kActionNoise;
  std::uint32_t episode = 0;
  std::uint32_t time = 0;

  // Four numbers at once: block `index`.
  PhiloxBlock block(std::uint32_t index) const {
    return philox({index, time, episode, static_cast<std::uint32_t>(purpose)},
                  {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
  }
  std::uint32_t bits(std::uint32_t index) const { return block(index >> 2)[index & 3u]; }
  // Uniform in [0, 1), 24 bits, exact in float.
  float uniform(std::uint32_t index) const { return static_cast<float>(bits(index) >> 8) * 0x1p-24f; }
  // Uniform in {0, ..., n - 1}; n < 2^32. Bias below n / 2^32.
  std::uint32_t below(std::uint32_t index, std::uint32_t n) const {
    return static_cast<std::uint32_t>((std::uint64_t{bits(index)} * n) >> 32);
  }
  // Uniform in [0, 1), 53 bits, exact in double. Two of them use up one block.
  double uniform64(std::uint32_t index) const {
    const PhiloxBlock b = block(index >> 1);
    return (index & 1u) == 0 ? unit64(b[0], b[1]) : unit64(b[2], b[3]);
  }
  // Standard normal (Box-Muller); numbers 2k and 2k + 1 are the two halves of block k. In double, so that
  // what a caller keeps in float does not depend on the last bit of a machine's log, sin and cos.
  double normal(std::uint32_t index) const {
    const PhiloxBlock b = block(index >> 1);
    const double radius = std::sqrt(-2.0 * std::log(1.0 - unit64(b[0], b[1])));
    const double angle = 2.0 * std::numbers::pi * unit64(b[2], b[3]);
    return radius * ((index & 1u) == 0 ? std::cos(angle) : std::sin(angle));
  }

 private:
  static double unit64(std::uint32_t high, std::uint32_t low) {
    return static_cast<double>((std::uint64_t{high} << 21) | (low >> 11)) * 0x1p-53;
  }
};

}  // namespace fop
