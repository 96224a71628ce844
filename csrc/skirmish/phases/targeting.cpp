// Targeting: whom a unit that chooses for itself fights, and when it looks for somebody else.
#include <algorithm>
#include <cmath>
#include <limits>

#include "skirmish/phases/combat.hpp"

namespace fop::skirmish {

namespace {

constexpr std::int32_t kAlarmPeriod = 32;  // CallForHelpPeriod: 2 seconds

// Who attacks the unit, and who threatens always, comes first; then who can hit it, then armed units, then
// the rest (all units here have the same AttackTargetPriority). A weapon that fires by itself threatens
// everybody. Evidence: docs/environments/skirmish_combat.md.
int rank(const World& world, int unit, int other) {
  const UnitStats& body = world.stats_of(other);
  const bool hits = can_hit(body, world.stats_of(unit));
  const bool attacks = world.options.attackers_first && world.target[at(other)] == unit &&
                       body.weapon.delivery != Delivery::kNone;
  if (attacks || body.always_threatens || (hits && fires_by_itself(world, other))) return 3;
  if (hits) return 2;
  return body.weapon.delivery == Delivery::kNone ? 0 : 1;
}

Range friends_of(const World& world, int unit) { return units_of(world, world.player[at(unit)]); }
Range opponents_of(const World& world, int unit) { return units_of(world, 1 - world.player[at(unit)]); }

bool hurt_just_now(const World& world, int unit) { return world.last_hurt[at(unit)] >= world.loop - 1; }

// The friend within call, of those hurt from loop `since` on, who is nearest; or kNobody.
int hurt_friend(const World& world, int unit, std::int32_t since) {
  const Range friends = friends_of(world, unit);
  int nearest = kNobody;
  float least = std::numeric_limits<float>::infinity();
  for (int other = friends.begin; other < friends.end; ++other) {
    if (other == unit || !world.alive[at(other)] || world.last_hurt[at(other)] < since ||
        !is_within_range(world, unit, other, kCallForHelpRadius)) {
      continue;
    }
    const float distance = edge_distance(world, unit, other);
    if (distance < least) {
      nearest = other;
      least = distance;
    }
  }
  return nearest;
}

// Who hurt the unit in the last two loops or, if nobody, its friend close by; or kNobody.
int offender_near(const World& world, int unit) {
  const int victim = hurt_just_now(world, unit) ? unit : hurt_friend(world, unit, world.loop - 1);
  return victim == kNobody ? kNobody : world.last_attacker[at(victim)];
}

bool answers_damage(const World& world, int unit) {
  return (world.order[at(unit)] == Order::kIdle || world.options.attack_move_answers_damage) &&
         world.target[at(unit)] == kNobody;
}

// A hit alarms a unit if none has in the last two seconds.
bool is_alarmed(World& world, int unit) {
  const auto u = at(unit);
  if (!hurt_just_now(world, unit) || world.loop < world.next_alarm[u]) return false;
  world.next_alarm[u] = world.loop + kAlarmPeriod;
  return true;
}

// The best of those whom `is_seen` lets through: the highest rank, then the nearest.
template <typename Seen>
int best_target(const World& world, int unit, Seen is_seen) {
  const UnitStats& self = world.stats_of(unit);
  const Range others = opponents_of(world, unit);
  int best = kNobody, best_rank = -1;
  float best_distance = 0;
  for (int other = others.begin; other < others.end; ++other) {
    if (!world.alive[at(other)] || !is_seen(other) || !can_hit(self, world.stats_of(other))) continue;
    const int its_rank = rank(world, unit, other);
    if (its_rank < best_rank) continue;
    const float distance = edge_distance(world, unit, other);
    if (its_rank > best_rank || distance < best_distance) {
      best = other;
      best_rank = its_rank;
      best_distance = distance;
    }
  }
  return best;
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

// Seen are those within the scan range, weapons that fire by themselves as far as the unit sees, and at any
// distance who has hurt the nearest hurt friend within call since the last look.
int choose_target(const World& world, int unit) {
  const UnitStats& self = world.stats_of(unit);
  const float scan = std::max(self.weapon.range, self.weapon.scan_range);
  const int friend_hurt = hurt_friend(world, unit, world.loop - world.options.scan_interval);
  const int caller = friend_hurt == kNobody ? kNobody : world.last_attacker[at(friend_hurt)];
  return best_target(world, unit, [&](int other) {
    const float reach = fires_by_itself(world, other) ? std::max(scan, self.sight) : scan;
    return other == caller || is_within_range(world, unit, other, reach);
  });
}

void set_target(World& world, int unit, int target) {
  if (world.target[at(unit)] == target) return;
  if (world.attack_phase[at(unit)] == AttackPhase::kWindUp) abandon_attack(world, unit);
  world.target[at(unit)] = target;
}

// Every scan_interval loops, in a rhythm of its own, a unit looks for a target, also while it has one. It
// leaves it for one of a higher rank and, out of range, for a nearer one. At once looks a unit whose target
// has died, or whom a hit alarms. One without a target that is hit answers its attacker, at whatever
// distance; one near it helps.
void keep_target(World& world, int unit) {
  const auto u = at(unit);
  const int present = world.target[u];
  const bool lost = present != kNobody && !is_target(world, unit, present);
  const bool due = world.loop >= world.next_scan[u];
  if (due) world.next_scan[u] += world.options.scan_interval;
  if (lost) set_target(world, unit, kNobody);
  if (world.attack_phase[u] == AttackPhase::kWindUp) return;
  const int offender = !lost && answers_damage(world, unit) ? offender_near(world, unit) : kNobody;
  if (is_target(world, unit, offender)) {
    set_target(world, unit, offender);
    return;
  }
  const bool alarmed = is_alarmed(world, unit);
  if (!lost && !due && !alarmed) return;
  const int best = choose_target(world, unit);
  if (world.target[u] == kNobody) {
    set_target(world, unit, best);
  } else if (best != kNobody) {
    const int best_rank = rank(world, unit, best), own_rank = rank(world, unit, present);
    const bool in_range = is_within_range(world, unit, present, world.stats_of(unit).weapon.range);
    if (best_rank > own_rank || (best_rank == own_rank && !in_range)) set_target(world, unit, best);
  }
}

// The order's target, when it is in range; else whom it finds there at its looks.
void keep_target_in_range(World& world, int unit) {
  const auto u = at(unit);
  const float range = world.stats_of(unit).weapon.range;
  const int present = world.target[u];
  const bool due = world.loop >= world.next_scan[u];
  if (due) world.next_scan[u] += world.options.scan_interval;
  const bool lost = present != kNobody && !is_target(world, unit, present);
  if (lost) set_target(world, unit, kNobody);
  if (world.attack_phase[u] == AttackPhase::kWindUp) return;
  const int ordered = world.order[u] == Order::kAttackUnit ? world.order_target[u] : kNobody;
  if (is_target(world, unit, ordered) && is_within_range(world, unit, ordered, range)) {
    set_target(world, unit, ordered);
  } else if (lost || due) {
    const auto in_range = [&](int other) { return is_within_range(world, unit, other, range); };
    if (lost || present == kNobody || !in_range(present)) {
      set_target(world, unit, best_target(world, unit, in_range));
    }
  }
}

}  // namespace fop::skirmish
