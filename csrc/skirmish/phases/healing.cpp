// The Medivac's heal: 9 life per second at 0.33 energy per life, also while moving.
#include <algorithm>

#include "skirmish/phases/combat.hpp"
#include "skirmish/phases/phases.hpp"

namespace fop::skirmish {

namespace {

constexpr float kHealRange = 4.0f;  // edge to edge
constexpr float kHealPerLoop = 9.0f / 16;
constexpr float kEnergyPerLife = 0.33f;
constexpr float kAutocastRange = 6.0f;
constexpr float kAutocastEnergy = 5.0f;  // needed to begin by itself

// The lowest share of life first, then the nearest.
int choose_patient(const World& world, int unit) {
  int best = kNobody;
  float best_share = 0, best_distance = 0;
  for (int other = 0; other < world.n_units(); ++other) {
    if (!is_patient(world, unit, other) || !is_within_range(world, unit, other, kAutocastRange)) continue;
    const float share = world.hp[at(other)] / world.stats_of(other).hp;
    const float distance = edge_distance(world, unit, other);
    if (best == kNobody || share < best_share || (share == best_share && distance < best_distance)) {
      best = other;
      best_share = share;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace

bool is_patient(const World& world, int unit, int target) {
  if (target == kNobody || target == unit) return false;
  const auto t = at(target);
  const UnitStats& body = world.stats_of(target);
  return world.alive[t] && world.player[t] == world.player[at(unit)] && (body.attributes & kBiological) &&
         !(body.attributes & kStructure) && world.hp[t] < body.hp;
}

void keep_patient(World& world, int unit) {
  const auto u = at(unit);
  if (is_patient(world, unit, world.target[u]) && world.energy[u] >= kHealPerLoop * kEnergyPerLife) return;
  world.target[u] = world.energy[u] >= kAutocastEnergy ? choose_patient(world, unit) : kNobody;
}

void follow_patient(World& world, int unit) {
  const int patient = world.target[at(unit)];
  Motion motion;
  if (!is_within_range(world, unit, patient, kHealRange)) {
    motion.kind = Motion::Kind::kToUnit;
    motion.unit = patient;
    motion.stop_distance =
        kHealRange + world.stats_of(unit).radius + world.stats_of(patient).radius - kInside;
  }
  world.motion[at(unit)] = motion;
}

void heal(World& world, int unit) {
  const auto u = at(unit);
  if (world.stats_of(unit).energy_max <= 0) return;
  const int patient = world.target[u];
  if (!is_patient(world, unit, patient) || !is_within_range(world, unit, patient, kHealRange)) return;
  const float healed = std::min(kHealPerLoop, world.stats_of(patient).hp - world.hp[at(patient)]);
  const float cost = healed * kEnergyPerLife;
  if (cost > world.energy[u]) return;
  world.hp[at(patient)] += healed;
  world.energy[u] -= cost;
}

}  // namespace fop::skirmish
