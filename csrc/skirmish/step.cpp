// The order of the phases within one loop, and nothing else.
#include <array>
#include <numeric>
#include <span>
#include <utility>

#include "skirmish/world.hpp"

namespace fop::skirmish {

namespace {

// The game visits its units in a random order in every loop.
void shuffle_units(const World& world, std::span<int> order) {
  std::iota(order.begin(), order.end(), 0);
  if (!world.options.random_update_order) return;
  const Draws draws{world.seed, Purpose::kEngineOrder, world.episode, static_cast<std::uint32_t>(world.loop)};
  PhiloxBlock block{};
  std::uint32_t in_block = 0;  // draws left
  for (std::uint32_t i = static_cast<std::uint32_t>(order.size()); i > 1; --i) {
    if (in_block == 0) {
      block = draws.block(i);
      in_block = 4;
    }
    const std::uint64_t bits = block[--in_block];
    std::swap(order[i - 1], order[(bits * i) >> 32]);
  }
}

}  // namespace

void step(World& world) {
  std::array<int, kMaxUnits> places;
  const std::span<int> order(places.data(), world.type.size());
  shuffle_units(world, order);
  advance_hits(world);
  regenerate(world);
  for (const int unit : order) {
    if (world.alive[static_cast<std::size_t>(unit)]) end_wind_up(world, unit);
  }
  for (const int unit : order) {
    if (!world.alive[static_cast<std::size_t>(unit)]) continue;
    follow_order(world, unit);
    attack(world, unit);
    heal(world, unit);
    if (world.alive[static_cast<std::size_t>(unit)]) move(world, unit);
  }
  resolve_collisions(world);
  ++world.loop;
}

}  // namespace fop::skirmish
