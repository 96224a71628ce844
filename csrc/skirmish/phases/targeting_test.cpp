// Whom units choose, when they look, and which orders are refused.
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

void attack_move(World& world, int unit, float x, float y) {
  world.order[at(unit)] = Order::kAttackMove;
  world.order_x[at(unit)] = x;
  world.order_y[at(unit)] = y;
}

void who_attacks_a_unit_comes_before_all_others() {
  Field field;
  World world =
      field.world({{kMarine, 0, 12, 16}, {kMarine, 0, 11, 16}, {kMarine, 1, 15, 16}, {kMarine, 1, 15, 17}});
  CHECK(choose_target(world, 2) == 0);
  world.target[1] = 2;
  CHECK(choose_target(world, 2) == 1);
  CHECK(choose_target(world, 3) == 0);  // nobody attacks this one
  world.target[2] = 0;
  world.loop = 100;
  keep_target(world, 2);
  CHECK(world.target[2] == 1);  // for an attacker it leaves a target in range
}

// A Marine sees targets up to 5.5 cells from edge to edge: 6.25 to another Marine.
void the_scan_range_counts_from_edge_to_edge() {
  Field field;
  World world = field.world({{kMarine, 0, 10, 16}, {kMarine, 1, 16.2f, 16}, {kMarine, 1, 16.3f, 16}});
  CHECK(choose_target(world, 1) == 0);
  CHECK(choose_target(world, 2) == kNobody);
}

void threats_come_before_the_nearest() {
  Field field;
  World world = field.world({{kMarauder, 0, 12, 16},
                             {kMarine, 0, 10, 16},
                             {kMedivac, 0, 13, 16},
                             {kMedivac, 1, 14, 16},
                             {kMarine, 1, 15, 16},
                             {kMarauder, 1, 15, 17}});
  CHECK(choose_target(world, 4) == 2);  // the allied Medivac always counts as a threat
  CHECK(choose_target(world, 5) == 0);  // a Marauder can't hit what flies
  world.alive[2] = 0;
  CHECK(choose_target(world, 4) == 0);
  CHECK(choose_target(world, 0) == 5);  // unable to hit the Medivac, though it is nearer
  CHECK(choose_target(world, 1) == 5);  // the enemy Medivac is nearer, but no threat
}

// With its own rhythm: what happens in between waits for the next look.
void a_target_in_range_is_kept_and_a_chased_one_given_up_for_a_nearer() {
  Field field;
  World world = field.world({{kMarine, 0, 11, 16}, {kMarine, 0, 5, 16}, {kMarine, 1, 16, 16}});
  keep_target(world, 2);
  CHECK(world.target[2] == 0);
  world.x[1] = 14;
  world.loop = 8;
  keep_target(world, 2);
  CHECK(world.target[2] == 0);
  world.x[0] = 10;  // 5.25 from edge to edge: out of range, still in sight
  keep_target(world, 2);
  CHECK(world.target[2] == 0);  // no look is due yet
  world.loop = 16;
  keep_target(world, 2);
  CHECK(world.target[2] == 1);
}

void looks_are_taken_at_intervals_and_at_once_after_a_death_or_a_hit() {
  Field field;
  World world = field.world({{kMarine, 0, 5, 16}, {kMarine, 0, 12, 16}, {kMarine, 1, 16, 16}});
  attack_move(world, 2, 9, 16);
  world.next_scan[2] = 10;
  keep_target(world, 2);
  CHECK(world.target[2] == kNobody);
  deal_damage(world, 0, 2, 6);
  keep_target(world, 2);
  CHECK(world.target[2] == 0);      // the attacker, though the other is nearer
  CHECK(world.next_scan[2] == 10);  // its rhythm doesn't change
  die(world, 0, 2);
  keep_target(world, 2);
  CHECK(world.target[2] == 1);
}

void the_rhythm_of_looks_is_kept() {
  Field field;
  World world = field.world({{kMarine, 0, 5, 16}, {kMarine, 1, 26, 16}});
  world.next_scan[1] = 3;
  for (world.loop = 0; world.loop < 12; ++world.loop) keep_target(world, 1);
  CHECK(world.next_scan[1] == 3 + 2 * 8);  // it looked at 3 and 11
}

void an_idle_unit_answers_attackers_of_its_neighbours() {
  Field field;
  World world =
      field.world({{kStalker, 0, 6, 16}, {kZealot, 1, 16, 16}, {kZealot, 1, 18, 16}, {kZealot, 1, 26, 16}});
  deal_damage(world, 0, 1, 13);
  for (int unit = 1; unit <= 3; ++unit) keep_target(world, unit);
  CHECK(world.target[1] == 0 && world.target[2] == 0 && world.target[3] == kNobody);
}

void a_walking_unit_looks_when_a_friend_close_by_is_hit() {
  Field field;
  World world = field.world({{kMarine, 0, 10, 16}, {kMarine, 1, 15, 16}, {kMarine, 1, 15.7f, 16}});
  for (const int unit : {1, 2}) {
    attack_move(world, unit, 9, 16);
    world.next_scan[at(unit)] = 1000;
  }
  keep_target(world, 2);
  CHECK(world.target[2] == kNobody);
  deal_damage(world, 0, 1, 6);
  keep_target(world, 2);
  CHECK(world.target[2] == 0);
}

void the_option_keeps_a_walking_unit_from_answering() {
  Field field;
  World world = field.world({{kStalker, 0, 6, 16}, {kZealot, 1, 16, 16}});
  attack_move(world, 1, 9, 16);
  world.options.attack_move_answers_damage = false;
  deal_damage(world, 0, 1, 13);
  keep_target(world, 1);
  CHECK(world.target[1] == kNobody);
  world.options.attack_move_answers_damage = true;
  keep_target(world, 1);
  CHECK(world.target[1] == 0);
}

// Three Marines face three others: all take the same, the nearest to all, and don't leave it.
void nobody_spreads_fire() {
  Field field;
  World world = field.world({{kMarine, 0, 11, 15},
                             {kMarine, 0, 11.5f, 16},
                             {kMarine, 0, 10.5f, 17},
                             {kMarine, 1, 15, 15},
                             {kMarine, 1, 15, 16},
                             {kMarine, 1, 15, 17}});
  for (world.loop = 0; world.loop < 40; ++world.loop) {
    for (int unit = 3; unit < 6; ++unit) keep_target(world, unit);
  }
  for (const std::size_t unit : {3, 4, 5}) CHECK(world.target[unit] == 1);
}

// Who calls is the nearest of those hurt; the helper takes who hurt that one, not the nearest opponent.
void a_helper_takes_the_attacker_of_the_nearest_hurt_friend() {
  Field field;
  World world = field.world({{kMarine, 0, 11, 16},
                             {kMarine, 0, 11, 12},
                             {kMarine, 1, 16.5f, 16},
                             {kMarine, 1, 16.5f, 17.5f},
                             {kMarine, 1, 16.5f, 13}});
  attack_move(world, 2, 9, 16);
  world.next_scan[2] = 1000;
  deal_damage(world, 0, 4, 6);
  deal_damage(world, 1, 3, 6);
  keep_target(world, 2);
  CHECK(world.target[2] == 1);
}

// After its target's death a unit that was hit takes the nearest of those who attack it.
void after_a_death_the_nearest_attacker_is_next() {
  Field field;
  World world = field.world(
      {{kMarine, 0, 12, 16}, {kMarine, 0, 12.5f, 17}, {kMarine, 0, 11, 15}, {kMarine, 1, 16, 16}});
  for (const std::size_t unit : {0, 1, 2}) world.target[unit] = 3;
  world.target[3] = 0;
  deal_damage(world, 2, 3, 6);
  die(world, 0, 3);
  keep_target(world, 3);
  CHECK(world.target[3] == 1);
}

// One that fights somebody who doesn't attack it turns to its attacker at the hit, not at its next look; a
// second hit within two seconds alarms nobody.
void a_hit_alarms_once_in_two_seconds() {
  Field field;
  World world = field.world({{kMarine, 0, 12, 16}, {kMarine, 0, 11.5f, 17}, {kMarine, 1, 16, 16}});
  world.next_scan[2] = 1000;
  world.target[2] = 0;
  world.target[1] = 2;
  keep_target(world, 2);
  CHECK(world.target[2] == 0);
  deal_damage(world, 1, 2, 6);
  keep_target(world, 2);
  CHECK(world.target[2] == 1);
  world.loop = 20;
  world.target[2] = 0;
  deal_damage(world, 1, 2, 6);
  keep_target(world, 2);
  CHECK(world.target[2] == 0);
  world.loop = 32;
  deal_damage(world, 1, 2, 6);
  keep_target(world, 2);
  CHECK(world.target[2] == 1);
}

void an_always_threatening_unit_ranks_with_the_attackers() {
  Field field;
  World world = field.world({{kMarine, 0, 12, 16}, {kMedivac, 0, 13, 16}, {kMarine, 1, 16, 16}});
  world.target[0] = 2;
  CHECK(choose_target(world, 2) == 1);  // as much of a threat, and nearer
  world.x[1] = 11;
  CHECK(choose_target(world, 2) == 0);
}

// A Colossus fires whatever its order, and so it threatens as far as one sees.
void a_colossus_fires_by_itself() {
  Field field;
  World world = field.world({{kColossus, 0, 8, 16}, {kStalker, 0, 12, 16}, {kZealot, 1, 16.4f, 16}});
  CHECK(choose_target(world, 2) == 0);  // 6.9 from edge to edge; the Stalker is nearer, but no attacker
  order_move(world, 0, 4, 16);
  follow_order(world, 0);
  CHECK(world.target[0] == 2 && world.motion[0].kind == Motion::Kind::kToPoint);
  world.attack_phase[0] = AttackPhase::kWindUp;
  follow_order(world, 0);
  CHECK(world.motion[0].kind == Motion::Kind::kHold);  // it stands while it fires
  order_move(world, 0, 4, 16);
  CHECK(world.target[0] == 2 && world.attack_phase[0] == AttackPhase::kReady);
}

// What the order names comes first when it is in range; until then the weapon takes whom it finds there.
void a_weapon_that_fires_by_itself_prefers_the_ordered_target() {
  Field field;
  World world = field.world({{kColossus, 0, 8, 16}, {kZergling, 1, 13, 16}, {kZergling, 1, 17, 16}});
  order_attack(world, 0, 2);
  follow_order(world, 0);
  CHECK(world.target[0] == 1 && world.motion[0].kind == Motion::Kind::kToUnit && world.motion[0].unit == 2);
  world.x[2] = 15;
  follow_order(world, 0);
  CHECK(world.target[0] == 2 && world.motion[0].kind == Motion::Kind::kFace);
}

void a_group_order_takes_the_nearest_and_then_the_next() {
  Field field;
  World world = field.world({{kColossus, 0, 5, 16}, {kColossus, 0, 8, 16}, {kZergling, 1, 25, 16}});
  world.order[2] = Order::kAttackGroup;
  follow_order(world, 2);
  CHECK(world.target[2] == 1 && world.motion[2].kind == Motion::Kind::kToUnit);
  die(world, 1, 2);
  follow_order(world, 2);
  CHECK(world.target[2] == 0);
  die(world, 0, 2);
  follow_order(world, 2);
  CHECK(world.order[2] == Order::kIdle && world.target[2] == kNobody);
}

void allied_units_never_act_by_themselves() {
  Field field;
  World world = field.world({{kMarine, 0, 10, 16}, {kZergling, 1, 14, 16}});
  deal_damage(world, 1, 0, 5);
  follow_order(world, 0);
  CHECK(world.target[0] == kNobody && world.motion[0].kind == Motion::Kind::kHold);
}

void impossible_orders_leave_the_former_one() {
  Field field;
  World world = field.world({{kMarauder, 0, 10, 16},
                             {kMedivac, 0, 9, 16},
                             {kMarine, 0, 8, 16},
                             {kMedivac, 1, 14, 16},
                             {kMarine, 1, 15, 16}});
  order_attack(world, 0, 4);
  order_attack(world, 0, 3);  // it flies
  CHECK(world.order[0] == Order::kAttackUnit && world.order_target[0] == 4);
  order_attack(world, 0, 2);  // a friend
  CHECK(world.order_target[0] == 4);
  order_move(world, 1, 5, 5);
  order_attack(world, 1, 4);  // without a weapon
  order_heal(world, 1, 2);    // healthy
  order_heal(world, 1, 3);    // not biological, not a friend
  CHECK(world.order[1] == Order::kMove);
  order_heal(world, 2, 1);  // not a healer
  CHECK(world.order[2] == Order::kIdle);
}

}  // namespace

int main() {
  the_scan_range_counts_from_edge_to_edge();
  threats_come_before_the_nearest();
  a_target_in_range_is_kept_and_a_chased_one_given_up_for_a_nearer();
  looks_are_taken_at_intervals_and_at_once_after_a_death_or_a_hit();
  an_idle_unit_answers_attackers_of_its_neighbours();
  a_walking_unit_looks_when_a_friend_close_by_is_hit();
  the_option_keeps_a_walking_unit_from_answering();
  nobody_spreads_fire();
  a_helper_takes_the_attacker_of_the_nearest_hurt_friend();
  after_a_death_the_nearest_attacker_is_next();
  a_hit_alarms_once_in_two_seconds();
  an_always_threatening_unit_ranks_with_the_attackers();
  a_colossus_fires_by_itself();
  a_weapon_that_fires_by_itself_prefers_the_ordered_target();
  who_attacks_a_unit_comes_before_all_others();
  the_rhythm_of_looks_is_kept();
  a_group_order_takes_the_nearest_and_then_the_next();
  allied_units_never_act_by_themselves();
  impossible_orders_leave_the_former_one();
  return fop::test::failures();
}
