// The table against numbers copied by hand from the catalogue of SC2 4.10.0.75689 (seconds of the Normal
// clock).
#include "skirmish/units/unit_stats.hpp"

#include <stdexcept>

#include "fop/check.hpp"

using namespace fop::skirmish;

namespace {

struct Row {
  UnitType type;
  float hp, shield, armor, speed, radius, separation_radius, sight;
  float damage, bonus, period, damage_point, range, scan_range;
  int hits;
};

// clang-format off
constexpr Row kEnemies[] = {
    {UnitType::kMarine,        45,   0, 0, 2.25f,   0.375f,  0.375f,  9,  6,  0, 0.8608f, 0.05f,   5,     5.5f, 1},
    {UnitType::kMarauder,     125,   0, 1, 2.25f,   0.5625f, 0.5f,   10, 10, 10, 1.5f,    0,       6,     6.5f, 1},
    {UnitType::kStalker,       80,  80, 1, 2.9531f, 0.625f,  0.625f, 10, 13,  5, 1.87f,   0.167f,  6,     6.5f, 1},
    {UnitType::kZealot,       100,  50, 1, 2.25f,   0.5f,    0.375f,  9,  8,  0, 1.2f,    0,       0.1f,  5,    2},
    {UnitType::kColossus,     200, 150, 1, 2.25f,   1,       0.75f,  10, 10,  5, 1.5f,    0.0832f, 7,     7.5f, 2},
    {UnitType::kZergling,      35,   0, 0, 2.9531f, 0.375f,  0.375f,  8,  5,  0, 0.696f,  0.167f,  0.1f,  5,    1},
    {UnitType::kBaneling,      30,   0, 0, 2.5f,    0.375f,  0.375f,  8, 20, 15, 0.833f,  0,       0.25f, 5,    1},
    {UnitType::kHydralisk,     90,   0, 0, 2.25f,   0.625f,  0.5f,    9, 12,  0, 0.825f,  0.208f,  5,     5.5f, 1},
    {UnitType::kSpineCrawler, 300,   0, 2, 0,       0.875f,  0.875f, 11, 25,  5, 1.85f,   0.3332f, 7,     5,    1},
};
// clang-format on

void table_agrees_with_the_catalogue() {
  for (const Row& row : kEnemies) {
    const UnitStats& unit = unit_stats(row.type, UnitSet::kGame);
    CHECK(unit.hp == row.hp && unit.shield == row.shield && unit.armor == row.armor);
    CHECK_NEAR(unit.speed * 16, row.speed, 1e-5);
    CHECK(unit.radius == row.radius && unit.separation_radius == row.separation_radius &&
          unit.sight == row.sight);
    CHECK(unit.weapon.damage == row.damage && unit.weapon.bonus == row.bonus && unit.weapon.hits == row.hits);
    CHECK_NEAR(unit.weapon.period, row.period * 16, 1e-4);
    CHECK_NEAR(unit.weapon.damage_point, row.damage_point * 16, 1e-4);
    CHECK(unit.weapon.range == row.range && unit.weapon.scan_range == row.scan_range);
    const bool zerg = row.type == UnitType::kZergling || row.type == UnitType::kBaneling ||
                      row.type == UnitType::kHydralisk || row.type == UnitType::kSpineCrawler;
    CHECK_NEAR(unit.life_regen * 16, zerg ? 0.2734 : 0.0, 1e-6);
  }
}

void map_copies_keep_the_base_layer() {
  CHECK(unit_stats(UnitType::kHydralisk, UnitSet::kMapCopies).hp == 80);
  const UnitStats &own = unit_stats(UnitType::kMedivac, UnitSet::kMapCopies),
                  &other = unit_stats(UnitType::kMedivac, UnitSet::kGame);
  CHECK_NEAR(own.speed * 16, 2.75, 1e-6);
  CHECK_NEAR(own.acceleration * 256, 2.3125, 1e-6);
  CHECK_NEAR(other.speed * 16, 2.5, 1e-6);
  CHECK_NEAR(other.acceleration * 256, 2.25, 1e-6);
  CHECK(own.always_threatens && !other.always_threatens);
  CHECK(own.hp == 150 && own.armor == 1 && own.energy_start == 50 && own.energy_max == 200);
  CHECK_NEAR(own.energy_regen * 16, 0.5625, 1e-6);
  for (int i = 0; i < kUnitTypes; ++i) {
    const auto type = static_cast<UnitType>(i);
    CHECK(unit_stats(type, UnitSet::kMapCopies).weapon.damage ==
          unit_stats(type, UnitSet::kGame).weapon.damage);
    CHECK(unit_stats(type, UnitSet::kMapCopies).weapon.period ==
          unit_stats(type, UnitSet::kGame).weapon.period);
  }
}

void layers_and_attributes() {
  CHECK(unit_stats(UnitType::kMarine, UnitSet::kMapCopies).weapon.hits_air &&
        unit_stats(UnitType::kStalker, UnitSet::kMapCopies).weapon.hits_air);
  CHECK(!unit_stats(UnitType::kMarauder, UnitSet::kMapCopies).weapon.hits_air &&
        !unit_stats(UnitType::kColossus, UnitSet::kMapCopies).weapon.hits_air);
  CHECK(unit_stats(UnitType::kStalker, UnitSet::kMapCopies).attributes == (kArmored | kMechanical));
  CHECK(unit_stats(UnitType::kBaneling, UnitSet::kMapCopies).attributes == kBiological);
  CHECK(unit_stats(UnitType::kColossus, UnitSet::kMapCopies).crosses_cliffs &&
        !unit_stats(UnitType::kMedivac, UnitSet::kMapCopies).has_turret);
}

void names_are_found() {
  for (int i = 0; i < kUnitTypes; ++i) {
    const auto type = static_cast<UnitType>(i);
    CHECK(unit_type_named(unit_stats(type, UnitSet::kGame).name) == type);
  }
  bool refused = false;
  try {
    unit_type_named("Probe");
  } catch (const std::invalid_argument&) {
    refused = true;
  }
  CHECK(refused);
}

}  // namespace

int main() {
  table_agrees_with_the_catalogue();
  map_copies_keep_the_base_layer();
  layers_and_attributes();
  names_are_found();
  return fop::test::failures();
}
