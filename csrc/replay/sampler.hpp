// Which episodes a sample holds: n different ones of `size`, uniformly, as a function of (seed, number of the
// draw, size, n) alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace fop {

class Sampler {
 public:
  explicit Sampler(std::uint64_t seed, std::uint64_t draws = 0) : seed_(seed), draws_(draws) {}

  // Fills `ages` with different numbers below `size`, in random order. Throws std::invalid_argument if there
  // are fewer than that.
  void draw(std::size_t size, std::span<std::int64_t> ages);

  std::uint64_t seed() const { return seed_; }
  // How many samples were drawn: all the state there is.
  std::uint64_t draws() const { return draws_; }

 private:
  std::uint64_t seed_;
  std::uint64_t draws_;
  std::vector<std::uint32_t> order_;  // always 0, 1, 2, ... between calls
};

}  // namespace fop
