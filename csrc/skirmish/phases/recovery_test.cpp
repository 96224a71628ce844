// Shields, life and energy that come back, and the Medivac's heal.
#include <cmath>

#include "fop/check.hpp"
#include "skirmish/phases/combat.hpp"
#include "skirmish/phases/orders.hpp"
#include "skirmish/phases/phases.hpp"
#include "skirmish/testing.hpp"

using namespace fop::skirmish;
using testing::make_world;
using testing::Placed;
using enum UnitType;

namespace {

struct Field {
  Scenario scenario = testing::open_field();
  Terrain terrain{scenario};
  World world(const std::vector<Placed>& units) { return make_world(scenario, terrain, units); }
};

void run(World& world, int loops) {
  for (int i = 0; i < loops; ++i) step(world);
}

void shields_return_after_ten_seconds() {
  Field field;
  World world = field.world({{kZealot, 0, 5, 5}, {kMarine, 1, 25, 25}});
  deal_damage(world, 1, 0, 50);
  run(world, 160);  // loops 0 to 159
  CHECK(world.shield[0] == 0);
  step(world);
  CHECK(world.shield[0] == 0.125f);
  run(world, 398);
  CHECK(world.shield[0] < 50);
  step(world);
  CHECK(world.shield[0] == 50);
  run(world, 10);
  CHECK(world.shield[0] == 50 && world.hp[0] == 100);
  deal_damage(world, 1, 0, 6);
  step(world);
  CHECK(world.shield[0] == 44);
}

void zerg_life_returns_and_terran_life_does_not() {
  Field field;
  World world = field.world({{kZergling, 0, 5, 5}, {kMarine, 0, 8, 8}});
  world.hp[0] = 20;
  world.hp[1] = 20;
  run(world, 160);
  CHECK_NEAR(world.hp[0], 22.734, 1e-3);
  CHECK(world.hp[1] == 20);
}

void a_heal_costs_energy() {
  Field field;
  World world = field.world({{kMedivac, 0, 10, 16}, {kMarine, 0, 13, 16}});
  world.hp[1] = 20;
  order_heal(world, 0, 1);
  run(world, 8);
  CHECK_NEAR(world.hp[1], 24.5, 1e-4);
  CHECK_NEAR(world.energy[0], 50 - 1.485 + 8 * 0.03515625, 1e-4);
}

void a_heal_ends_with_full_health_or_without_energy() {
  Field field;
  World world = field.world({{kMedivac, 0, 10, 16}, {kMarine, 0, 13, 16}});
  world.hp[1] = 44;
  order_heal(world, 0, 1);
  run(world, 4);
  CHECK(world.hp[1] == 45 && world.order[0] == Order::kIdle);
  world.hp[1] = 20;
  world.energy[0] = 0;
  order_heal(world, 0, 1);
  run(world, 2);
  CHECK(world.hp[1] == 20 && world.energy[0] > 0);
}

void the_reach_is_four_cells_from_edge_to_edge() {
  for (const bool far : {false, true}) {
    Field field;
    World world =
        field.world({{kMedivac, 0, 10, 16}, {kMarine, 0, 10 + 4 + 1.125f + (far ? 0.05f : -0.05f), 16}});
    world.hp[1] = 20;
    order_heal(world, 0, 1);
    follow_order(world, 0);
    heal(world, 0);
    CHECK(world.hp[1] == (far ? 20 : 20.5625f));
    CHECK(world.motion[0].kind == (far ? Motion::Kind::kToUnit : Motion::Kind::kHold));
  }
}

void only_the_enemy_medivac_heals_by_itself() {
  Field field;
  World world = field.world({{kMedivac, 0, 5, 5},
                             {kMarine, 0, 7, 5},
                             {kMedivac, 1, 25, 25},
                             {kMarine, 1, 23, 25},
                             {kMarauder, 1, 25, 23}});
  world.hp[1] = 20;
  world.hp[3] = 40;
  world.hp[4] = 60;  // the lower share of life
  step(world);
  CHECK(world.hp[1] == 20);
  CHECK(world.hp[3] == 40 && world.hp[4] == 60.5625f);
  world.energy[2] = 4;  // enough to go on, too little to begin
  step(world);
  CHECK(world.hp[4] == 61.125f);
  world.hp[4] = 125;
  step(world);
  CHECK(world.hp[3] == 40);
}

// At full speed from 0.156 cells a loop with 0.0088 cells a loop of braking it needs 1.39 cells to come to
// rest.
void a_marching_medivac_stops_where_a_friend_fights() {
  for (const bool near : {true, false}) {
    Field field;
    World world =
        field.world({{kMarine, 0, 16, 16}, {kMedivac, 1, 27, 16}, {kMarine, 1, 21, near ? 16.0f : 28.0f}});
    if (!near) world.x[0] = 20, world.y[0] = 28;
    world.order[1] = Order::kAttackMove;
    world.order_x[1] = 9;
    world.order_y[1] = 16;
    world.next_scan[2] = 20;
    world.cooldown[2] = 20;
    run(world, 20);
    const float seen = world.x[1];
    CHECK(world.attack_phase[2] == AttackPhase::kReady);
    run(world, 30);
    CHECK(world.attacks[2] > 0);
    CHECK(near ? std::abs(seen - world.x[1] - 1.39f) < 0.35f : seen - world.x[1] > 4);
    if (near) CHECK(world.speed[1] == 0);
  }
}

}  // namespace

int main() {
  shields_return_after_ten_seconds();
  zerg_life_returns_and_terran_life_does_not();
  a_heal_costs_energy();
  a_heal_ends_with_full_health_or_without_energy();
  the_reach_is_four_cells_from_edge_to_edge();
  only_the_enemy_medivac_heals_by_itself();
  a_marching_medivac_stops_where_a_friend_fights();
  return fop::test::failures();
}
