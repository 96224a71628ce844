// Questions and deeds that the phases of the fight share.
#pragma once

#include <cmath>

#include "skirmish/world.hpp"

namespace fop::skirmish {

inline std::size_t at(int unit) { return static_cast<std::size_t>(unit); }

// Chasers and healers stop this much inside their reach, lest rounding leave them just outside for good.
inline constexpr float kInside = 1.0f / 128;

inline constexpr float kCallForHelpRadius = 4.0f;  // CBehavior default; edge to edge

// Edge distance at most `reach`; without a square root.
inline bool is_within_range(const World& world, int a, int b, float reach) {
  const float dx = world.x[at(b)] - world.x[at(a)], dy = world.y[at(b)] - world.y[at(a)];
  const float limit = reach + world.stats_of(a).radius + world.stats_of(b).radius;
  return dx * dx + dy * dy <= limit * limit;
}

// Has the attacker a weapon against the layer in which the target is? Colossi stand in reach of both kinds.
inline bool can_hit(const UnitStats& attacker, const UnitStats& target) {
  if (attacker.weapon.delivery == Delivery::kNone) return false;
  if (target.layer == Layer::kAir) return attacker.weapon.hits_air;
  return attacker.weapon.hits_ground || (target.layer == Layer::kColossus && attacker.weapon.hits_air);
}

// Colossi fire whatever their order is.
inline bool fires_by_itself(const World& world, int unit) {
  return world.stats_of(unit).weapon.fires_by_itself;
}

inline bool is_target(const World& world, int unit, int target) {
  return target != kNobody && world.alive[at(target)] && world.player[at(target)] != world.player[at(unit)] &&
         can_hit(world.stats_of(unit), world.stats_of(target));
}

// Distance of the edges: centre distance minus both radii.
inline float edge_distance(const World& world, int a, int b) {
  const float dx = world.x[at(b)] - world.x[at(a)], dy = world.y[at(b)] - world.y[at(a)];
  return std::sqrt(dx * dx + dy * dy) - world.stats_of(a).radius - world.stats_of(b).radius;
}

// attack.cpp: drops a wind-up, cuts the backswing, loses the rest of a channelled attack.
void abandon_attack(World& world, int unit);

// damage.cpp: one hit, with bonus, shields, armour and, it may be, death.
void deal_damage(World& world, int source, int target, float base);
// damage.cpp: a killed Baneling bursts as well.
void die(World& world, int unit, int killer);

// targeting.cpp: the best target in reach, or kNobody.
int choose_target(const World& world, int unit);
// targeting.cpp: keeps or replaces the target of a unit that chooses for itself.
void keep_target(World& world, int unit);
// targeting.cpp: the same for a weapon that fires by itself while its unit follows other orders.
void keep_target_in_range(World& world, int unit);
// targeting.cpp: the nearest living unit of the other player at any distance, or kNobody.
int nearest_opponent(const World& world, int unit);
// targeting.cpp: changes the target; a wind-up at the old one is lost.
void set_target(World& world, int unit, int target);

// healing.cpp: is this a patient for the unit (hurt, biological, of its own side)?
bool is_patient(const World& world, int unit, int target);
// healing.cpp: keeps or replaces the patient of a healer that chooses for itself.
void keep_patient(World& world, int unit);
// healing.cpp: what a healer does with its body: stays within reach of its patient.
void follow_patient(World& world, int unit);

}  // namespace fop::skirmish
