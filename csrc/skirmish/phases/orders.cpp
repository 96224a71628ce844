// Orders: how one begins, and what a unit that follows it wants to do in this loop, with its weapon (target)
// and with its body (motion).
#include "skirmish/phases/orders.hpp"

#include "skirmish/phases/combat.hpp"
#include "skirmish/phases/phases.hpp"

namespace fop::skirmish {

namespace {

// How near its place an attack-moving unit has arrived.
constexpr float kArrival = 0.25f;

void begin(World& world, int unit, Order order) {
  abandon_attack(world, unit);
  world.order[at(unit)] = order;
  world.order_target[at(unit)] = kNobody;
  if (!fires_by_itself(world, unit)) world.target[at(unit)] = kNobody;
}

bool is_at(const World& world, int unit, float x, float y, float tolerance) {
  const float dx = x - world.x[at(unit)], dy = y - world.y[at(unit)];
  return dx * dx + dy * dy <= tolerance * tolerance;
}

void hold(World& world, int unit) { world.motion[at(unit)] = Motion{}; }

void go_to(World& world, int unit, float x, float y, Motion::Kind kind) {
  Motion motion;
  motion.kind = kind;
  motion.x = x;
  motion.y = y;
  world.motion[at(unit)] = motion;
}

// Faces a target in range, chases one that isn't. An attack once begun is stood through, its backswing
// included; only the Baneling doesn't stop for it.
void engage(World& world, int unit, int target) {
  const auto u = at(unit);
  const UnitStats& body = world.stats_of(unit);
  const bool stands =
      world.attack_phase[u] != AttackPhase::kReady || is_within_range(world, unit, target, body.weapon.range);
  if (stands && body.weapon.delivery != Delivery::kBurst) {
    go_to(world, unit, world.x[at(target)], world.y[at(target)], Motion::Kind::kFace);
    return;
  }
  Motion motion;
  motion.kind = Motion::Kind::kToUnit;
  motion.unit = target;
  motion.stop_distance = body.weapon.range + body.radius + world.stats_of(target).radius - kInside;
  world.motion[u] = motion;
}

void walk_in_formation(World& world, int unit) {
  const auto u = at(unit);
  const float x = world.order_x[u] + world.formation_dx[u], y = world.order_y[u] + world.formation_dy[u];
  if (is_at(world, unit, x, y, kArrival)) {
    begin(world, unit, Order::kIdle);
    hold(world, unit);
  } else {
    go_to(world, unit, x, y, Motion::Kind::kFormation);
  }
}

void follow_move(World& world, int unit) {
  const auto u = at(unit);
  if (is_at(world, unit, world.order_x[u], world.order_y[u], 0)) {
    begin(world, unit, Order::kIdle);
    hold(world, unit);
  } else if (world.attack_phase[u] != AttackPhase::kReady) {
    hold(world, unit);
  } else {
    go_to(world, unit, world.order_x[u], world.order_y[u], Motion::Kind::kToPoint);
  }
}

void follow_attack_unit(World& world, int unit) {
  const auto u = at(unit);
  const int target = world.order_target[u];
  if (is_target(world, unit, target)) {
    if (!fires_by_itself(world, unit)) world.target[u] = target;
    engage(world, unit, target);
  } else {
    begin(world, unit, Order::kIdle);
    hold(world, unit);
  }
}

// A healer on the march goes no farther than where the first friend about it fights: on MMM2 the enemy
// Medivac rests where it comes to from the loop in which the first Marauder stops to shoot.
bool friends_fight(const World& world, int unit) {
  for (int other = 0; other < world.n_units(); ++other) {
    const auto o = at(other);
    if (world.alive[o] && world.player[o] == world.player[at(unit)] &&
        is_target(world, other, world.target[o]) &&
        is_within_range(world, other, world.target[o], world.stats_of(other).weapon.range) &&
        is_within_range(world, unit, other, kCallForHelpRadius)) {
      return true;
    }
  }
  return false;
}

// Fights whom it finds on its way or, idle, from where it stands; a healer heals instead.
void follow_own_judgement(World& world, int unit) {
  const auto u = at(unit);
  const bool heals = world.stats_of(unit).energy_max > 0;
  if (heals) {
    keep_patient(world, unit);
  } else {
    keep_target(world, unit);
  }
  if (world.target[u] != kNobody) {
    heals ? follow_patient(world, unit) : engage(world, unit, world.target[u]);
  } else if (world.order[u] == Order::kAttackMove && world.attack_phase[u] == AttackPhase::kReady &&
             !(heals && friends_fight(world, unit))) {
    walk_in_formation(world, unit);
  } else {
    hold(world, unit);
  }
}

void follow_attack_group(World& world, int unit) {
  const auto u = at(unit);
  if (!is_target(world, unit, world.target[u])) set_target(world, unit, nearest_opponent(world, unit));
  if (world.target[u] != kNobody) {
    engage(world, unit, world.target[u]);
  } else {
    begin(world, unit, Order::kIdle);
    hold(world, unit);
  }
}

// The order ends when the patient is dead or healthy.
void follow_heal(World& world, int unit) {
  const auto u = at(unit);
  if (is_patient(world, unit, world.order_target[u])) {
    world.target[u] = world.order_target[u];
    follow_patient(world, unit);
  } else {
    begin(world, unit, Order::kIdle);
    hold(world, unit);
  }
}

}  // namespace

void order_stop(World& world, int unit) {
  if (world.alive[at(unit)]) begin(world, unit, Order::kIdle);
}

void order_move(World& world, int unit, float x, float y) {
  if (!world.alive[at(unit)]) return;
  begin(world, unit, Order::kMove);
  world.order_x[at(unit)] = x;
  world.order_y[at(unit)] = y;
}

// The same order again changes nothing: a wind-up goes on.
void order_attack(World& world, int unit, int target) {
  const auto u = at(unit);
  if (!world.alive[u] || !is_target(world, unit, target)) return;
  if (world.order[u] == Order::kAttackUnit && world.order_target[u] == target) return;
  begin(world, unit, Order::kAttackUnit);
  world.order_target[u] = target;
}

void order_heal(World& world, int unit, int target) {
  const auto u = at(unit);
  if (!world.alive[u] || world.stats_of(unit).energy_max <= 0 || !is_patient(world, unit, target)) return;
  begin(world, unit, Order::kHeal);
  world.order_target[u] = target;
}

void follow_order(World& world, int unit) {
  if (fires_by_itself(world, unit) && world.player_of(unit).commander != Commander::kScript) {
    keep_target_in_range(world, unit);
  }
  switch (world.order[at(unit)]) {
    case Order::kIdle:
      if (world.player_of(unit).commander == Commander::kScript) {
        follow_own_judgement(world, unit);
      } else {
        hold(world, unit);  // DefaultAcquireLevel Passive, Response Nothing
      }
      break;
    case Order::kMove:
      follow_move(world, unit);
      break;
    case Order::kAttackUnit:
      follow_attack_unit(world, unit);
      break;
    case Order::kAttackMove:
      follow_own_judgement(world, unit);
      break;
    case Order::kAttackGroup:
      follow_attack_group(world, unit);
      break;
    case Order::kHeal:
      follow_heal(world, unit);
      break;
  }
}

}  // namespace fop::skirmish
