// Movement and collisions against what recordings of StarCraft II 4.10 show, and by properties.
#include <cmath>
#include <string>

#include "fop/angles.hpp"
#include "fop/check.hpp"
#include "fop/rng.hpp"
#include "skirmish/map/terrain.hpp"
#include "skirmish/phases/combat.hpp"
#include "skirmish/phases/orders.hpp"
#include "skirmish/testing.hpp"

namespace {

using namespace fop::skirmish;
using testing::Placed;
using enum UnitType;

constexpr float kGrain = 4096;

struct Field {
  Scenario scenario = testing::open_field();
  Terrain terrain{scenario};
  World world(const std::vector<Placed>& units) { return testing::make_world(scenario, terrain, units); }
};

void run(World& world, int loops) {
  for (int i = 0; i < loops; ++i) step(world);
}

void keep_peace(World& world) {
  for (auto& loop : world.next_scan) loop = 1'000'000;
}

// SMAC's move: two cells ahead of where the unit is.
void go(World& world, int unit, float dx, float dy) {
  const auto u = static_cast<std::size_t>(unit);
  order_move(world, unit, world.x[u] + dx, world.y[u] + dy);
}

void speeds_per_environment_step() {
  for (const auto& [type, cells] : {std::pair{kMarine, 1.125f},
                                    {kZealot, 1.125f},
                                    {kMarauder, 1.125f},
                                    {kStalker, 1.4765625f},
                                    {kZergling, 1.4765625f},
                                    {kBaneling, 1.25f},
                                    {kColossus, 1.125f}}) {
    Field field;
    World world = field.world({{type, 0, 10, 16}});
    go(world, 0, 2, 0);
    run(world, 8);
    CHECK_NEAR(world.x[0] - 10, cells, 1e-6);
    CHECK(world.y[0] == 16);
  }
}

// Units that stop, start and reverse lose no way: (E, N), (E, W) and first steps are exact in the recordings.
void turning_costs_no_way() {
  Field field;
  World world = field.world({{kMarine, 0, 10, 16}});
  for (const auto& [dx, dy] :
       {std::pair{2.0f, 0.0f}, {0.0f, 2.0f}, {-2.0f, 0.0f}, {2.0f, 0.0f}, {0.0f, -2.0f}}) {
    const float x = world.x[0], y = world.y[0];
    go(world, 0, dx, dy);
    run(world, 8);
    CHECK(world.x[0] - x == dx * 0.5625f && world.y[0] - y == dy * 0.5625f);
  }
}

void a_unit_stops_on_its_goal() {
  Field field;
  World world = field.world({{kMarine, 0, 10, 16}, {kMedivac, 0, 10, 20}});
  go(world, 0, 2, 0);
  go(world, 1, 0, 2);
  run(world, 60);
  CHECK(world.x[0] == 12 && world.y[0] == 16 && world.order[0] == Order::kIdle);
  CHECK_NEAR(world.y[1], 22, 1.0f / kGrain);
}

void a_medivac_gathers_speed_and_brakes() {
  Field field;
  World world = field.world({{kMedivac, 0, 10, 28}});
  const float recorded[] = {1332, 3700, 4958, 4736, 4736, 4736};  // straight on, ordered anew every 8 loops
  for (const float way : recorded) {
    const float y = world.y[0];
    go(world, 0, 0, -2);
    run(world, 8);
    CHECK((y - world.y[0]) * kGrain == way);
  }
}

void a_medivac_turns_in_an_arc() {
  Field field;
  World world = field.world({{kMedivac, 0, 10, 16}});
  go(world, 0, 2, 0);
  run(world, 8);
  const float x = world.x[0];
  go(world, 0, 0, 2);
  run(world, 8);
  CHECK_NEAR(world.x[0] - x, 470 / kGrain, 0.03);  // recorded: (470, 3450)
  CHECK_NEAR(world.y[0] - 16, 3450 / kGrain, 0.03);
}

// 5m_vs_6m: every enemy moved (-576, +5) / 4096 in the first loop.
void an_army_walks_in_formation() {
  Field field;
  constexpr float s = 0.6884765625f;
  World world = field.world({{kMarine, 1, 23, 16},
                             {kMarine, 1, 23, 16 - s},
                             {kMarine, 1, 23 + s, 16},
                             {kMarine, 1, 23, 16 + s},
                             {kMarine, 1, 23 - s, 16},
                             {kMarine, 1, 23.75f, 15.25f}});
  for (std::size_t u = 0; u < 6; ++u) {
    world.order[u] = Order::kAttackMove;
    world.order_x[u] = 9;
    world.order_y[u] = 16;
    world.formation_dx[u] = world.x[u] - (23 + 0.125f);
    world.formation_dy[u] = world.y[u] - (16 - 0.125f);
  }
  const std::vector<float> x = world.x, y = world.y;
  run(world, 1);
  for (std::size_t u = 0; u < 6; ++u) {
    CHECK((world.x[u] - x[u]) * kGrain == -576);
    CHECK((world.y[u] - y[u]) * kGrain == 5);
  }
  run(world, 31);
  for (std::size_t u = 0; u < 6; ++u) CHECK((world.x[u] - x[u]) * kGrain == -576 * 32);
}

// 8m: Marines that spawn in contact and walk the same way don't hinder each other.
void a_crowd_on_one_way_is_not_slowed() {
  Field field;
  constexpr float s = 0.6884765625f;
  World world = field.world(
      {{kMarine, 0, 9, 16}, {kMarine, 0, 9, 16 - s}, {kMarine, 0, 9 + s, 16}, {kMarine, 0, 9 - s, 16}});
  for (int unit = 0; unit < 4; ++unit) go(world, unit, 2, 0);
  run(world, 8);
  CHECK(world.x[0] == 10.125f && world.y[0] == 16 && world.x[3] == 10.125f - s);
}

// 3m's first step: C and S go east, E, in front of C, goes north.
void crossing_friends_part() {
  Field field;
  constexpr float s = 0.6884765625f;
  World world = field.world({{kMarine, 0, 9, 16}, {kMarine, 0, 9, 16 - s}, {kMarine, 0, 9 + s, 16}});
  go(world, 0, 2, 0);
  go(world, 1, 2, 0);
  go(world, 2, 0, 2);
  run(world, 8);
  CHECK_NEAR(world.x[0] - 9, 4032 / kGrain, 0.08);  // recorded: (4032, -75), (4606, -35), (439, 4487)
  CHECK_NEAR(world.y[0] - 16, -75 / kGrain, 0.08);
  CHECK_NEAR(world.x[1] - 9, 4606 / kGrain, 0.08);
  CHECK_NEAR(world.y[1] - 16 + s, -35 / kGrain, 0.08);
  CHECK_NEAR(world.x[2] - 9 - s, 439 / kGrain, 0.08);
  CHECK_NEAR(world.y[2] - 16, 4487 / kGrain, 0.08);
}

void friends_are_pushed_and_enemies_gone_round() {
  for (const int player : {0, 1}) {
    Field field;
    World world = field.world({{kMarine, 0, 10, 16}, {kMarine, player, 11, 16}});
    keep_peace(world);
    order_move(world, 0, 14, 16);
    run(world, 48);
    CHECK_NEAR(world.x[0], 14, 1e-3);
    const bool pushed = world.x[1] != 11 || world.y[1] != 16;
    CHECK(pushed == (player == 0));
  }
}

void flyers_and_colossi_pass_over() {
  Field field;
  World world = field.world(
      {{kMedivac, 0, 10, 16}, {kColossus, 0, 10, 12}, {kMarine, 1, 12, 16}, {kMarine, 1, 12, 12}});
  keep_peace(world);
  order_move(world, 0, 14, 16);
  order_move(world, 1, 14, 12);
  run(world, 60);
  CHECK_NEAR(world.x[0], 14, 1e-3);
  CHECK_NEAR(world.x[1], 14, 1e-3);
  CHECK(world.y[0] == 16 && world.y[1] == 12);
}

int in_contact(const World& world, int target, float reach) {
  int count = 0;
  for (int unit = 0; unit < world.n_units(); ++unit) {
    if (world.player[static_cast<std::size_t>(unit)] == 1 && edge_distance(world, unit, target) <= reach)
      ++count;
  }
  return count;
}

// A crowd from one side closes round its prey instead of queueing.
void zerglings_surround() {
  for (const UnitType prey : {kColossus, kStalker}) {
    Field field;
    std::vector<Placed> units = {{prey, 0, 20, 16}};
    for (int i = 0; i < 32; ++i) {
      units.push_back(
          {kZergling, 1, 8 + 0.75f * static_cast<float>(i % 8), 14.5f + 0.75f * static_cast<float>(i / 8)});
    }
    World world = field.world(units);
    world.hp[0] = 1e9f;
    for (std::size_t u = 1; u < 33; ++u) world.order[u] = Order::kAttackGroup;
    run(world, 160);
    const int count = in_contact(world, 0, 0.11f);
    CHECK(count >= (prey == kColossus ? 11 : 7));  // a full ring has 12 and 8 places
    bool east = false, west = false, north = false, south = false;
    for (std::size_t u = 1; u < 33; ++u) {
      if (edge_distance(world, static_cast<int>(u), 0) > 0.11f) continue;
      east = east || world.x[u] > 20.5f;
      west = west || world.x[u] < 19.5f;
      north = north || world.y[u] > 16.5f;
      south = south || world.y[u] < 15.5f;
    }
    CHECK(east && west && north && south);
  }
}

void nobody_ends_in_a_wall_or_in_somebody() {
  Scenario scenario = testing::open_field();
  for (int y = 2; y < 20; ++y) {
    for (const int x : {14, 15}) {
      scenario.walkable[static_cast<std::size_t>(y * kMapSize + x)] = false;
      scenario.walkable_open[static_cast<std::size_t>(y * kMapSize + x)] = false;
    }
  }
  const Terrain terrain(scenario);
  std::vector<Placed> units;
  for (int i = 0; i < 24; ++i) {
    const UnitType type = i % 3 == 0 ? kStalker : i % 3 == 1 ? kZealot : kZergling;
    units.push_back(
        {type, i < 12 ? 0 : 1, 5 + 1.3f * static_cast<float>(i % 6), 10 + 1.3f * static_cast<float>(i / 6)});
  }
  World world = testing::make_world(scenario, terrain, units);
  int deep = 0, pairs = 0;
  for (int round = 0; round < 60; ++round) {
    for (int unit = 0; unit < 24; ++unit) {
      const fop::Draws draws{7, fop::Purpose::kRandomPolicy, 0, static_cast<std::uint32_t>(round)};
      const auto i = static_cast<std::uint32_t>(unit);
      order_move(world, unit, 32 * draws.uniform(2 * i), 32 * draws.uniform(2 * i + 1));
      world.next_scan[i] = 1'000'000;
    }
    run(world, 8);
    for (std::size_t u = 0; u < 24; ++u) {
      const float clearance = clearance_of(world.stats_of(static_cast<int>(u)));
      CHECK(terrain.is_clear({world.x[u], world.y[u]}, clearance));
      CHECK(world.x[u] * kGrain == std::floor(world.x[u] * kGrain));
      for (std::size_t v = 0; v < u; ++v) {
        ++pairs;
        const float radii = world.stats_of(static_cast<int>(u)).separation_radius +
                            world.stats_of(static_cast<int>(v)).separation_radius;
        if (std::hypot(world.x[u] - world.x[v], world.y[u] - world.y[v]) < radii - 0.3f) ++deep;
      }
    }
  }
  CHECK(200 * deep <= pairs);
}

void a_crowd_goes_round_a_wall() {
  Scenario scenario = testing::open_field();
  for (int y = 2; y < 20; ++y) {
    for (const int x : {14, 15}) {
      scenario.walkable[static_cast<std::size_t>(y * kMapSize + x)] = false;
      scenario.walkable_open[static_cast<std::size_t>(y * kMapSize + x)] = false;
    }
  }
  const Terrain terrain(scenario);
  std::vector<Placed> units;
  for (int i = 0; i < 16; ++i) {
    units.push_back({kZealot, 0, 8 + 1.0f * static_cast<float>(i % 4), 6 + 1.0f * static_cast<float>(i / 4)});
  }
  World world = testing::make_world(scenario, terrain, units);
  for (int unit = 0; unit < 16; ++unit) order_move(world, unit, 22, 8);
  run(world, 400);
  int arrived = 0;
  for (std::size_t u = 0; u < 16; ++u) arrived += std::hypot(world.x[u] - 22, world.y[u] - 8) < 3 ? 1 : 0;
  CHECK(arrived == 16);
}

void facing_turns_at_the_unit_s_rate() {
  Field field;
  World world = field.world({{kMarine, 0, 10, 16, 0}, {kMarine, 1, 6, 16.001f}});
  keep_peace(world);
  world.cooldown[0] = 100;
  order_attack(world, 0, 1);
  run(world, 1);
  CHECK_NEAR(fop::angle_of(world.heading_x[0], world.heading_y[0]), 62.49 * fop::kPi / 180, 1e-3);
  run(world, 2);
  CHECK_NEAR(std::abs(fop::angle_of(world.heading_x[0], world.heading_y[0])), fop::kPi, 1e-2);
}

}  // namespace

int main() {
  speeds_per_environment_step();
  turning_costs_no_way();
  a_unit_stops_on_its_goal();
  a_medivac_gathers_speed_and_brakes();
  a_medivac_turns_in_an_arc();
  an_army_walks_in_formation();
  a_crowd_on_one_way_is_not_slowed();
  crossing_friends_part();
  friends_are_pushed_and_enemies_gone_round();
  flyers_and_colossi_pass_over();
  zerglings_surround();
  nobody_ends_in_a_wall_or_in_somebody();
  a_crowd_goes_round_a_wall();
  facing_turns_at_the_unit_s_rate();
  return fop::test::failures();
}
