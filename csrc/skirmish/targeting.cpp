#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "skirmish/combat.hpp"

namespace fop::skirmish {

namespace {

constexpr float kCallForHelpRadius = 4.0f;  // CBehavior default; edge to edge

// Threats first, then armed units, then the rest (all units here have the same AttackTargetPriority).
int rank(const UnitFigures& self, const UnitFigures& other) {
  if (other.always_threatens || can_hit(other, self)) return 2;
  return other.weapon.delivery == Delivery::kNone ? 0 : 1;
}

struct Range {
  int begin = 0, end = 0;
};
Range opponents_of(const World& world, int unit) {
  return world.player[at(unit)] == 0 ? Range{world.n_allies(), world.n_units()} : Range{0, world.n_allies()};
}

constexpr float kMelee = 1.0f;  // weapons of less range don't mind the crowd

// How many friends of the unit fight each unit of the other player. Recordings of Marines: three that see
// three enemies at nearly the same distance spread their fire, where the nearest alone would be dead within
// 40 loops.
using Crowds = std::array<std::uint8_t, kMaxUnits>;
Crowds count_crowds(const World& world, int unit) {
  Crowds crowds{};
  const bool allied = world.player[at(unit)] == 0;
  const int begin = allied ? 0 : world.n_allies(), end = allied ? world.n_allies() : world.n_units();
  for (int other = begin; other < end; ++other) {
    const int target = world.target[at(other)];
    if (other != unit && world.alive[at(other)] && target != kNobody) ++crowds[at(target)];
  }
  return crowds;
}

bool hurt_just_now(const World& world, int unit) { return world.last_hurt[at(unit)] >= world.loop - 1; }

// An idle unit answers whoever hurts it or a friend close by, from whatever distance.
int choose_offender(const World& world, int unit) {
  const auto u = at(unit);
  if (hurt_just_now(world, unit) && is_target(world, unit, world.last_attacker[u]))
    return world.last_attacker[u];
  for (int other = 0; other < world.n_units(); ++other) {
    const auto o = at(other);
    if (world.player[o] == world.player[u] && world.alive[o] && hurt_just_now(world, other) &&
        is_target(world, unit, world.last_attacker[o]) && within(world, unit, other, kCallForHelpRadius)) {
      return world.last_attacker[o];
    }
  }
  return kNobody;
}

bool answers_damage(const World& world, int unit) {
  return (world.order[at(unit)] == Order::kIdle || world.options.attack_move_answers_damage) &&
         world.target[at(unit)] == kNobody;
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

int choose_target(const World& world, int unit) {
  const UnitFigures& self = world.figures_of(unit);
  const Crowds crowds = self.weapon.range > kMelee ? count_crowds(world, unit) : Crowds{};
  const float reach = std::max(self.weapon.range, self.weapon.scan_range);
  const Range others = opponents_of(world, unit);
  const float x = world.x[at(unit)], y = world.y[at(unit)];
  int best = kNobody, best_rank = -1;
  float best_distance = 0;
  for (int other = others.begin; other < others.end; ++other) {
    const auto o = at(other);
    if (!world.alive[o]) continue;
    const UnitFigures& body = world.figures_of(other);
    const float dx = world.x[o] - x, dy = world.y[o] - y;
    const float limit = reach + self.radius + body.radius;
    const float square = dx * dx + dy * dy;
    if (square > limit * limit || !can_hit(self, body)) continue;
    const int its_rank = rank(self, body);
    const float distance =
        std::sqrt(square) - body.radius + world.options.crowding * static_cast<float>(crowds[o]);
    if (its_rank > best_rank || (its_rank == best_rank && distance < best_distance)) {
      best = other;
      best_rank = its_rank;
      best_distance = distance;
    }
  }
  return best;
}

void set_target(World& world, int unit, int target) {
  if (world.target[at(unit)] == target) return;
  if (world.attack_phase[at(unit)] == AttackPhase::kWindUp) abandon_attack(world, unit);
  world.target[at(unit)] = target;
}

// A target is kept while it lives and is within the weapon's range, unless one of a higher rank comes near. A
// target out of range is chased, but given up for a nearer one. Looks are taken every scan_interval loops, at
// once when the target has died, and by a unit without a target when it is hit.
void keep_target(World& world, int unit) {
  const auto u = at(unit);
  const int present = world.target[u];
  const bool lost = present != kNobody && !is_target(world, unit, present);
  if (lost) set_target(world, unit, kNobody);
  if (world.attack_phase[u] == AttackPhase::kWindUp) return;
  const bool startled = answers_damage(world, unit) && hurt_just_now(world, unit);
  if (!lost && !startled && world.loop < world.next_scan[u]) return;
  world.next_scan[u] = world.loop + world.options.scan_interval;

  const UnitFigures& self = world.figures_of(unit);
  const int best = choose_target(world, unit);
  if (world.target[u] == kNobody) {
    set_target(world, unit,
               best == kNobody && answers_damage(world, unit) ? choose_offender(world, unit) : best);
  } else if (best != kNobody) {
    const int best_rank = rank(self, world.figures_of(best)),
              own_rank = rank(self, world.figures_of(present));
    if (best_rank > own_rank || (best_rank == own_rank && !within(world, unit, present, self.weapon.range))) {
      set_target(world, unit, best);
    }
  }
}

}  // namespace fop::skirmish
