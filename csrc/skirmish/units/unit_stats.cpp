// Sources: SC2 4.10.0.75689 game data (SC2Mapster/SC2GameData), multiplayer layer for weapons and for enemy
// units; the `*_RL` copies inside SMAC's maps (oxwhirl/smac @ d6aab33) keep the base layer's unit fields.
// Recordings of SC2 4.10 confirm the split: kills by one Stalker about 30 loops apart, volleys of one
// Colossus 24-25 loops apart, and the allied Medivac's first steps, which need its acceleration of 2.3125.
#include "skirmish/units/unit_stats.hpp"

#include <stdexcept>
#include <string>

#include "fop/angles.hpp"

namespace fop::skirmish {

namespace {

// The catalogue's seconds are those of the Normal clock.
constexpr float loops(double seconds) { return static_cast<float>(seconds * 16.0); }
constexpr float per_loop(double per_second) { return static_cast<float>(per_second / 16.0); }
constexpr float acceleration(double per_second2) { return static_cast<float>(per_second2 / 256.0); }
constexpr float radians(double degrees) {
  return static_cast<float>(degrees * 3.14159265358979323846 / 180.0);
}

constexpr float kAnyArc = -1.0f;                    // cosine of half a turn
constexpr float kArcSlop = cosine(radians(11.25));  // CWeapon default
constexpr float kDamagePoint = loops(0.167);        // CWeapon default
constexpr float kBackswing = loops(0.5);            // CWeapon default
constexpr float kScanRange = 5.0f;                  // CWeapon default of MinScanRange
constexpr double kFastTurn = 999.8437;              // degrees per second, most units
constexpr float kZergLifeRegen = per_loop(0.2734);

constexpr Weapon common_weapon() {
  Weapon weapon;
  weapon.delivery = Delivery::kInstant;
  weapon.damage_point = kDamagePoint;
  weapon.backswing = kBackswing;
  weapon.range_slop = 1.0f;
  weapon.scan_range = kScanRange;
  weapon.cos_arc = kArcSlop;
  weapon.hits_ground = true;
  return weapon;
}

constexpr void turns_by(UnitStats& unit, double degrees_per_second) {
  unit.cos_turn = cosine(per_loop(radians(degrees_per_second)));
  unit.sin_turn = sine(per_loop(radians(degrees_per_second)));
}

constexpr UnitStats common_unit(std::string_view name, float hp, double speed, std::uint8_t attributes) {
  UnitStats unit;
  unit.name = name;
  unit.hp = hp;
  unit.speed = per_loop(speed);
  turns_by(unit, kFastTurn);
  unit.attributes = attributes;
  unit.weapon = common_weapon();
  return unit;
}

constexpr UnitStats marine() {
  UnitStats unit = common_unit("Marine", 45, 2.25, kLight | kBiological);
  unit.radius = unit.separation_radius = unit.inner_radius = 0.375f;
  unit.sight = 9;
  unit.weapon.damage = 6;
  unit.weapon.period = loops(0.8608);
  unit.weapon.damage_point = loops(0.05);
  unit.weapon.backswing = loops(0.75);
  unit.weapon.range = 5;
  unit.weapon.scan_range = 5.5f;
  unit.weapon.hits_air = true;
  return unit;
}

constexpr UnitStats marauder() {
  UnitStats unit = common_unit("Marauder", 125, 2.25, kArmored | kBiological);
  unit.armor = 1;
  unit.radius = 0.5625f;
  unit.separation_radius = 0.5f;
  unit.inner_radius = 0.375f;
  unit.sight = 10;
  unit.weapon.delivery = Delivery::kMissile;
  unit.weapon.damage = 10;
  unit.weapon.bonus = 10;
  unit.weapon.bonus_attributes = kArmored;
  unit.weapon.period = loops(1.5);
  unit.weapon.damage_point = 0;
  unit.weapon.backswing = 0;
  unit.weapon.range = 6;
  unit.weapon.scan_range = 6.5f;
  unit.weapon.missile_speed = per_loop(20);
  return unit;
}

constexpr UnitStats medivac(UnitSet set) {
  UnitStats unit =
      common_unit("Medivac", 150, set == UnitSet::kMapCopies ? 2.75 : 2.5, kArmored | kMechanical);
  unit.weapon = Weapon{};
  unit.armor = 1;
  unit.energy_start = 50;
  unit.energy_max = 200;
  unit.energy_regen = per_loop(0.5625);
  unit.acceleration = acceleration(set == UnitSet::kMapCopies ? 2.3125 : 2.25);
  unit.radius = unit.separation_radius = 0.75f;
  unit.sight = 11;
  unit.layer = Layer::kAir;
  unit.always_threatens = set == UnitSet::kMapCopies;
  return unit;
}

constexpr UnitStats stalker() {
  UnitStats unit = common_unit("Stalker", 80, 2.9531, kArmored | kMechanical);
  unit.shield = 80;
  unit.armor = 1;
  unit.radius = unit.separation_radius = 0.625f;
  unit.inner_radius = 0.5f;
  unit.sight = 10;
  unit.weapon.delivery = Delivery::kMissile;
  unit.weapon.damage = 13;
  unit.weapon.bonus = 5;
  unit.weapon.bonus_attributes = kArmored;
  unit.weapon.period = loops(1.87);
  unit.weapon.range = 6;
  unit.weapon.scan_range = 6.5f;
  unit.weapon.hits_air = true;
  unit.weapon.missile_speed = per_loop(18.75);
  return unit;
}

constexpr UnitStats zealot() {
  UnitStats unit = common_unit("Zealot", 100, 2.25, kLight | kBiological);
  unit.shield = 50;
  unit.armor = 1;
  unit.radius = 0.5f;
  unit.separation_radius = unit.inner_radius = 0.375f;
  unit.sight = 9;
  unit.weapon.damage = 8;
  unit.weapon.hits = 2;
  unit.weapon.hit_interval = loops(0.28);
  unit.weapon.period = loops(1.2);
  unit.weapon.damage_point = 0;
  unit.weapon.range = 0.1f;
  return unit;
}

constexpr UnitStats colossus() {
  UnitStats unit = common_unit("Colossus", 200, 2.25, kArmored | kMechanical | kMassive);
  unit.shield = 150;
  unit.armor = 1;
  turns_by(unit, 720);
  unit.radius = 1.0f;
  unit.separation_radius = 0.75f;
  unit.inner_radius = 0.5625f;
  unit.sight = 10;
  unit.layer = Layer::kColossus;
  unit.crosses_cliffs = true;
  unit.has_turret = true;
  unit.weapon.delivery = Delivery::kBeamSweep;
  unit.weapon.damage = 10;
  unit.weapon.bonus = 5;
  unit.weapon.bonus_attributes = kLight;
  unit.weapon.hits = 2;
  unit.weapon.period = loops(1.5);
  unit.weapon.damage_point = loops(0.0832);
  unit.weapon.range = 7;
  unit.weapon.range_slop = 0;
  unit.weapon.scan_range = 7.5f;
  unit.weapon.fires_by_itself = true;  // OnlyFireWhileInAttackOrder and OnlyFireAtAttackOrderTarget are 0
  unit.weapon.cos_arc = kAnyArc;       // 90 degrees on a turret of 1000 degrees/s: at most two loops off
  return unit;
}

constexpr UnitStats zergling() {
  UnitStats unit = common_unit("Zergling", 35, 2.9531, kLight | kBiological);
  unit.life_regen = kZergLifeRegen;
  unit.radius = unit.separation_radius = 0.375f;
  unit.inner_radius = 0.5f;  // CUnit default
  unit.sight = 8;
  unit.weapon.damage = 5;
  unit.weapon.period = loops(0.696);
  unit.weapon.range = 0.1f;
  return unit;
}

constexpr UnitStats baneling() {
  UnitStats unit = common_unit("Baneling", 30, 2.5, kBiological);
  unit.life_regen = kZergLifeRegen;
  unit.radius = unit.separation_radius = unit.inner_radius = 0.375f;
  unit.sight = 8;
  unit.weapon.delivery = Delivery::kBurst;
  unit.weapon.damage = 20;
  unit.weapon.bonus = 15;
  unit.weapon.bonus_attributes = kLight;
  unit.weapon.period = loops(0.833);
  unit.weapon.damage_point = 0;
  unit.weapon.range = 0.25f;
  unit.weapon.cos_arc = kAnyArc;
  unit.weapon.burst_radius = 2.2f;
  return unit;
}

constexpr UnitStats hydralisk(UnitSet set) {
  UnitStats unit = common_unit("Hydralisk", set == UnitSet::kMapCopies ? 80 : 90, 2.25, kLight | kBiological);
  unit.life_regen = kZergLifeRegen;
  unit.radius = 0.625f;
  unit.separation_radius = 0.5f;
  unit.inner_radius = 0.375f;
  unit.sight = 9;
  unit.weapon.delivery = Delivery::kMissile;
  unit.weapon.damage = 12;
  unit.weapon.period = loops(0.825);
  unit.weapon.damage_point = loops(0.208);
  unit.weapon.range = 5;
  unit.weapon.scan_range = 5.5f;
  unit.weapon.hits_air = true;
  unit.weapon.missile_speed = per_loop(40);
  unit.weapon.melee_range = 0.5f;
  return unit;
}

constexpr UnitStats spine_crawler() {
  UnitStats unit = common_unit("SpineCrawler", 300, 0, kArmored | kBiological | kStructure);
  unit.armor = 2;
  unit.life_regen = kZergLifeRegen;
  turns_by(unit, 719.4726);
  unit.radius = unit.separation_radius = 0.875f;
  unit.sight = 11;
  unit.has_turret = true;
  unit.weapon.delivery = Delivery::kMissile;
  unit.weapon.damage = 25;
  unit.weapon.bonus = 5;
  unit.weapon.bonus_attributes = kArmored;
  unit.weapon.period = loops(1.85);
  unit.weapon.damage_point = loops(0.3332);
  unit.weapon.range = 7;
  unit.weapon.range_slop = 0;
  unit.weapon.cos_arc = kAnyArc;
  // The tentacle starts at 12/s and gains 140/s^2: 0.27 s for the 8.5 cells to a Stalker at full reach.
  unit.weapon.missile_speed = per_loop(32);
  return unit;
}

constexpr StatsTable table_of(UnitSet set) {
  return {marine(),   marauder(), medivac(set), stalker(),      zealot(),
          colossus(), zergling(), baneling(),   hydralisk(set), spine_crawler()};
}

}  // namespace

constinit const std::array<StatsTable, 2> kUnitStats = {table_of(UnitSet::kGame),
                                                        table_of(UnitSet::kMapCopies)};

UnitType unit_type_named(std::string_view name) {
  std::string message = "unit type '";
  message.append(name).append("' is unknown; allowed:");
  for (std::size_t i = 0; i < kUnitTypes; ++i) {
    if (kUnitStats[0][i].name == name) return static_cast<UnitType>(i);
    message.append(i == 0 ? " " : ", ").append(kUnitStats[0][i].name);
  }
  throw std::invalid_argument(message);
}

}  // namespace fop::skirmish
