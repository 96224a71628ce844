// The order of the phases within one loop, and nothing else.
#include <array>
#include <numeric>
#include <span>
#include <utility>

#include "skirmish/phases/phases.hpp"
#include "skirmish/world.hpp"

namespace fop::skirmish {

namespace {

// The game visits its units in a random order in every loop.
void shuffle_units(const World& world, std::span<int> order) {
  std::iota(order.begin(), order.end(), 0);
  if (!world.options.random_update_order) return;
  const Draws draws{world.seed, Purpose::kEngineOrder, world.episode, static_cast<std::uint32_t>(world.loop)};
  for (std::uint32_t left = static_cast<std::uint32_t>(order.size()); left > 1;) {  // four draws a block
    const PhiloxBlock block = draws.block(left);
    for (int draw = 3; draw >= 0 && left > 1; --draw, --left) {
      std::swap(order[left - 1], order[(std::uint64_t{block[static_cast<std::size_t>(draw)]} * left) >> 32]);
    }
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
    // Ordered from outside, a unit turns before it attacks; who has chosen for itself turns afterwards.
    const bool ordered = world.player_of(unit).commander != Commander::kScript;
    if (ordered) move(world, unit);
    attack(world, unit);
    if (!world.alive[static_cast<std::size_t>(unit)]) continue;
    if (!ordered) move(world, unit);
    heal(world, unit);
  }
  resolve_collisions(world);
  ++world.loop;
}

}  // namespace fop::skirmish
