// What the collision phase can hold: crowds up to the largest battle.
#include "skirmish/phases/collision.hpp"

#include <vector>

#include "fop/check.hpp"
#include "skirmish/phases/orders.hpp"
#include "skirmish/testing.hpp"

namespace {

using namespace fop::skirmish;
using testing::Placed;
using enum UnitType;

struct Field {
  Scenario scenario = testing::open_field();
  Terrain terrain{scenario};
  World world(const std::vector<Placed>& units) { return testing::make_world(scenario, terrain, units); }
};

// A walker, and `count` enemies east of it who hold their ground, all within its reach.
World walker_before(Field& field, int count) {
  std::vector<Placed> units = {{kStalker, 0, 10, 16}};
  for (int i = 0; i < count; ++i)
    units.push_back({kZergling, 1, 11.0f, 15.5f + 0.05f * static_cast<float>(i)});
  World world = field.world(units);
  for (auto& loop : world.next_scan) loop = 1'000'000;
  order_move(world, 0, 20, 16);
  return world;
}

void obstacles_beyond_the_limit_are_counted() {
  for (const int more : {0, 1, 5}) {
    Field field;
    World world = walker_before(field, kMaxObstacles + more);
    step(world);
    CHECK(world.overlooked_bodies == more);
    step(world);
    CHECK(world.overlooked_bodies >= more);
  }
}

// Each of 128 units is near each of the others: 8128 pairs, and all of them walk.
void the_largest_battle_fits_in_one_crowd() {
  Field field;
  std::vector<Placed> units;
  for (int i = 0; i < kMaxUnits; ++i) {
    units.push_back({kZergling, i < kMaxUnits / 2 ? 0 : 1, 16 + 0.002f * static_cast<float>(i), 16});
  }
  World world = field.world(units);
  for (int unit = 0; unit < kMaxUnits; ++unit) order_move(world, unit, 20, 16);
  for (int loop = 0; loop < 50; ++loop) step(world);
  float west = 32, east = 0;
  for (int unit = 0; unit < kMaxUnits; ++unit) {
    west = std::min(west, world.x[static_cast<std::size_t>(unit)]);
    east = std::max(east, world.x[static_cast<std::size_t>(unit)]);
  }
  CHECK(east - west > 3);  // they have parted
}

}  // namespace

int main() {
  obstacles_beyond_the_limit_are_counted();
  the_largest_battle_fits_in_one_crowd();
  return fop::test::failures();
}
