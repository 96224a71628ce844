// Damage: bonus, shields, armour, and death, which for a Baneling is a burst.
#include <algorithm>
#include <cmath>

#include "skirmish/phases/combat.hpp"

namespace fop::skirmish {

namespace {

constexpr float kMinimumDamage = 0.5f;  // CGame DamageMinimum, per hit

// Everybody of the other player on the ground whose edge is within the radius of the Baneling's centre.
// (Structures would take a fixed 80; no map has Banelings against one.)
void burst(World& world, int unit) {
  const Weapon& weapon = world.stats_of(unit).weapon;
  const float reach = weapon.burst_radius - world.stats_of(unit).radius;
  for (int other = 0; other < world.n_units(); ++other) {
    if (is_target(world, unit, other) && is_within_range(world, unit, other, reach)) {
      deal_damage(world, unit, other, weapon.damage);
    }
  }
}

}  // namespace

// `alive` is cleared first, so that a Baneling bursts once.
void die(World& world, int unit, int killer) {
  world.alive[at(unit)] = 0;
  world.hp[at(unit)] = world.shield[at(unit)] = 0;
  world.killer[at(unit)] = killer;
  abandon_attack(world, unit);
  if (world.stats_of(unit).weapon.delivery == Delivery::kBurst) burst(world, unit);
}

// Shields have no armour but take the bonus against the body under them; armour counts against what gets
// through to the life, once per hit.
void deal_damage(World& world, int source, int target, float base) {
  const auto t = at(target);
  if (!world.alive[t]) return;
  const UnitStats& body = world.stats_of(target);
  const Weapon& weapon = world.stats_of(source).weapon;
  const float amount = base + ((body.attributes & weapon.bonus_attributes) ? weapon.bonus : 0.0f);
  const float absorbed = std::min(world.shield[t], amount);
  float wound = 0;
  if (absorbed < amount) {
    wound = std::max({amount - absorbed - body.armor, kMinimumDamage - absorbed, 0.0f});
  }
  world.shield[t] -= absorbed;
  world.hp[t] -= wound;
  world.last_hurt[t] = world.loop;
  world.last_attacker[t] = source;
  if (world.hp[t] <= 0) die(world, target, source);
}

}  // namespace fop::skirmish
