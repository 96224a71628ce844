// Targeting: whom a unit that chooses for itself fights, and when it looks for somebody else.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "skirmish/phases/combat.hpp"

namespace fop::skirmish {

namespace {

// Who attacks the unit comes first, then who can hit it, then armed units, then the rest (all units here have
// the same AttackTargetPriority). Evidence: docs/environments/skirmish_combat.md.
int rank(const World& world, int unit, int other) {
  const UnitStats& body = world.stats_of(other);
  if (world.options.attackers_first && world.target[at(other)] == unit &&
      body.weapon.delivery != Delivery::kNone)
    return 3;
  if (body.always_threatens || can_hit(body, world.stats_of(unit))) return 2;
  return body.weapon.delivery == Delivery::kNone ? 0 : 1;
}

Range friends_of(const World& world, int unit) { return units_of(world, world.player[at(unit)]); }
Range opponents_of(const World& world, int unit) { return units_of(world, 1 - world.player[at(unit)]); }

// How many friends of the unit fight each unit of the other player.
using Crowds = std::array<std::uint8_t, kMaxUnits>;
Crowds count_crowds(const World& world, int unit) {
  Crowds crowds{};
  const Range friends = friends_of(world, unit);
  for (int other = friends.begin; other < friends.end; ++other) {
    const int target = world.target[at(other)];
    if (other != unit && world.alive[at(other)] && target != kNobody) ++crowds[at(target)];
  }
  return crowds;
}

bool hurt_just_now(const World& world, int unit) { return world.last_hurt[at(unit)] >= world.loop - 1; }

// The friend close by, the unit itself first, who was just hurt; or kNobody.
int victim_near(const World& world, int unit) {
  if (hurt_just_now(world, unit)) return unit;
  const Range friends = friends_of(world, unit);
  for (int other = friends.begin; other < friends.end; ++other) {
    if (world.alive[at(other)] && hurt_just_now(world, other) &&
        is_within_range(world, unit, other, kCallForHelpRadius)) {
      return other;
    }
  }
  return kNobody;
}

bool answers_damage(const World& world, int unit) {
  return (world.order[at(unit)] == Order::kIdle || world.options.attack_move_answers_damage) &&
         world.target[at(unit)] == kNobody;
}

// Is `other` worth leaving `present` for, of equal rank?
bool is_better(const World& world, int unit, int other, int present) {
  if (!is_within_range(world, unit, present, world.stats_of(unit).weapon.range)) return true;
  if (!world.options.spread_fire) return false;
  const Crowds crowds = count_crowds(world, unit);
  return crowds[at(other)] < crowds[at(present)];
}

}  // namespace

int nearest_opponent(const World& world, int unit) {
  const Range others = opponents_of(world, unit);
  int best = kNobody;
  float best_distance = std::numeric_limits<float>::infinity();
  for (int other = others.begin; other < others.end; ++other) {
    if (!is_target(world, unit, other)) continue;
    const float distance = edge_distance(world, unit, other);
    if (distance < best_distance) {
      best = other;
      best_distance = distance;
    }
  }
  return best;
}

// Higher ranks first. Then a unit in reach of the weapon before one that has to be approached: the nearest,
// or with spread_fire of those in reach one whom the fewest friends fight, as chance will have it.
int choose_target(const World& world, int unit) {
  const UnitStats& self = world.stats_of(unit);
  const bool spreads = world.options.spread_fire;
  const Crowds crowds = spreads ? count_crowds(world, unit) : Crowds{};
  const Draws draws{world.seed, Purpose::kEngineTarget, world.episode,
                    static_cast<std::uint32_t>(world.loop)};
  const float scan = std::max(self.weapon.range, self.weapon.scan_range);
  const Range others = opponents_of(world, unit);
  const float x = world.x[at(unit)], y = world.y[at(unit)];
  int best = kNobody, best_rank = -1;
  float best_cost = 0;
  for (int other = others.begin; other < others.end; ++other) {
    const auto o = at(other);
    if (!world.alive[o]) continue;
    const UnitStats& body = world.stats_of(other);
    const float dx = world.x[o] - x, dy = world.y[o] - y;
    const float radii = self.radius + body.radius, limit = scan + radii;
    const float square = dx * dx + dy * dy;
    if (square > limit * limit || !can_hit(self, body)) continue;
    const int its_rank = rank(world, unit, other);
    if (its_rank < best_rank) continue;
    const float range = self.weapon.range + radii;
    const bool in_reach = square <= range * range;
    const float cost = in_reach && spreads
                           ? static_cast<float>(crowds[o]) - kMaxUnits +
                                 draws.uniform(static_cast<std::uint32_t>(unit * kMaxUnits + other))
                           : std::sqrt(square) - body.radius;
    if (its_rank > best_rank || cost < best_cost) {
      best = other;
      best_rank = its_rank;
      best_cost = cost;
    }
  }
  return best;
}

void set_target(World& world, int unit, int target) {
  if (world.target[at(unit)] == target) return;
  if (world.attack_phase[at(unit)] == AttackPhase::kWindUp) abandon_attack(world, unit);
  world.target[at(unit)] = target;
}

// Every scan_interval loops, in a rhythm of its own, a unit looks for a target, also while it has one. It
// leaves it for one of a higher rank; out of range, for a nearer one; and, with spread_fire, for one whom
// fewer friends fight. At once looks a unit whose target has died. One without a target that is hit, or whose
// friend close by is hit, answers the attacker at whatever distance.
void keep_target(World& world, int unit) {
  const auto u = at(unit);
  const int present = world.target[u];
  const bool lost = present != kNobody && !is_target(world, unit, present);
  if (lost) set_target(world, unit, kNobody);
  const bool due = world.loop >= world.next_scan[u];
  if (due) world.next_scan[u] += world.options.scan_interval;
  if (world.attack_phase[u] == AttackPhase::kWindUp) return;
  const int victim = answers_damage(world, unit) ? victim_near(world, unit) : kNobody;
  if (!lost && victim == kNobody && !due) return;

  const int best = choose_target(world, unit);
  if (world.target[u] == kNobody) {
    const int offender = victim != kNobody ? world.last_attacker[at(victim)] : kNobody;
    const bool answers = (best == kNobody || !due) && is_target(world, unit, offender);
    set_target(world, unit, answers ? offender : best);
  } else if (best != kNobody) {
    const int best_rank = rank(world, unit, best), own_rank = rank(world, unit, present);
    if (best_rank > own_rank || (best_rank == own_rank && is_better(world, unit, best, present))) {
      set_target(world, unit, best);
    }
  }
}

}  // namespace fop::skirmish
