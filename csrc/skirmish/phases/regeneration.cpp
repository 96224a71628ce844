// What comes back by itself: life of Zerg units, shields, energy.
#include <algorithm>

#include "skirmish/phases/combat.hpp"
#include "skirmish/phases/phases.hpp"

namespace fop::skirmish {

// Zerg life always grows, shields after a pause, the Medivac's energy always.
void regenerate(World& world) {
  for (int unit = 0; unit < world.n_units(); ++unit) {
    const auto u = at(unit);
    if (!world.alive[u]) continue;
    const UnitStats& body = world.stats_of(unit);
    if (body.life_regen > 0) world.hp[u] = std::min(body.hp, world.hp[u] + body.life_regen);
    if (body.energy_regen > 0)
      world.energy[u] = std::min(body.energy_max, world.energy[u] + body.energy_regen);
    if (body.shield > 0 && world.loop - world.last_hurt[u] >= kShieldRegenDelay) {
      world.shield[u] = std::min(body.shield, world.shield[u] + kShieldRegen);
    }
  }
}

}  // namespace fop::skirmish
