// Drawing without replacement from a counter-based stream.
#include "replay/sampler.hpp"

#include <stdexcept>
#include <string>
#include <utility>

#include "fop/rng.hpp"

namespace fop {

void Sampler::draw(std::size_t size, std::span<std::int64_t> ages) {
  const std::size_t n = ages.size();
  if (n > size) {
    throw std::invalid_argument("n is " + std::to_string(n) + "; the replay holds " + std::to_string(size) +
                                " episodes");
  }
  while (order_.size() < size) order_.push_back(static_cast<std::uint32_t>(order_.size()));

  const Draws stream{seed_, Purpose::kReplaySample, static_cast<std::uint32_t>(draws_),
                     static_cast<std::uint32_t>(draws_ >> 32)};
  ++draws_;
  // The first n exchanges of a Fisher-Yates shuffle, then all of them backwards: O(n) for any size.
  const auto other = [&](std::size_t i) {
    return i + stream.below(static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(size - i));
  };
  for (std::size_t i = 0; i < n; ++i) {
    std::swap(order_[i], order_[other(i)]);
    ages[i] = order_[i];
  }
  for (std::size_t i = n; i-- > 0;) std::swap(order_[i], order_[other(i)]);
}

}  // namespace fop
