// Questions and deeds that the phases of the fight share.
#pragma once

#include "skirmish/world.hpp"

namespace fop::skirmish {

inline std::size_t at(int unit) { return static_cast<std::size_t>(unit); }

// Chasers and healers stop this much inside their reach, lest rounding leave them just outside for good.
inline constexpr float kInside = 1.0f / 128;

inline constexpr float kCallForHelpRadius = 4.0f;  // CBehavior default; edge to edge

// Edge distance at most `reach`; without a square root.
inline bool within(const World& world, int a, int b, float reach) {
  const float dx = world.x[at(b)] - world.x[at(a)], dy = world.y[at(b)] - world.y[at(a)];
  const float limit = reach + world.figures_of(a).radius + world.figures_of(b).radius;
  return dx * dx + dy * dy <= limit * limit;
}

// Has the attacker a weapon against the layer in which the target is? Colossi stand in reach of both kinds.
inline bool can_hit(const UnitFigures& attacker, const UnitFigures& target) {
  if (attacker.weapon.delivery == Delivery::kNone) return false;
  if (target.layer == Layer::kAir) return attacker.weapon.hits_air;
  return attacker.weapon.hits_ground || (target.layer == Layer::kColossus && attacker.weapon.hits_air);
}

inline bool is_target(const World& world, int unit, int target) {
  return target != kNobody && world.alive[at(target)] && world.player[at(target)] != world.player[at(unit)] &&
         can_hit(world.figures_of(unit), world.figures_of(target));
}

// attack.cpp: drops a wind-up, cuts the backswing, loses the rest of a channelled attack.
void abandon_attack(World& world, int unit);

// damage.cpp: a killed Baneling bursts as well.
void die(World& world, int unit, int killer);

// targeting.cpp: keeps or replaces the target of a unit that chooses for itself.
void keep_target(World& world, int unit);
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
