// The stats of the ten unit types of SMAC's maps: life, weapon, body, speed.
//
// Times are in loops (16 loops = 1 second of the Normal clock), lengths in map cells, speeds in cells per
// loop, angles in radians.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace fop::skirmish {

enum class UnitType : std::uint8_t {
  kMarine,
  kMarauder,
  kMedivac,
  kStalker,
  kZealot,
  kColossus,
  kZergling,
  kBaneling,
  kHydralisk,
  kSpineCrawler
};
inline constexpr int kUnitTypes = 10;

enum Attribute : std::uint8_t {
  kLight = 1,
  kArmored = 2,
  kBiological = 4,
  kMechanical = 8,
  kMassive = 16,
  kStructure = 32
};

// Which bodies push each other: ground units among themselves, flyers among themselves, Colossi among
// themselves and with flyers.
enum class Layer : std::uint8_t { kGround, kAir, kColossus };

enum class Delivery : std::uint8_t { kNone, kInstant, kMissile, kBeamSweep, kBurst };

struct Weapon {
  Delivery delivery = Delivery::kNone;
  float damage = 0;  // per hit
  float bonus = 0;   // added against units with one of bonus_attributes
  std::uint8_t bonus_attributes = 0;
  int hits = 1;            // 2: Zealot, and the two sweeps of the Colossus
  float hit_interval = 0;  // loops between the hits of one attack
  float period = 0;        // loops from attack start to attack start, before the random addend
  float damage_point = 0;  // loops from attack start to the effect
  float backswing = 0;     // loops after the effect, cut short by a new order
  float range = 0;         // edge to edge
  float range_slop = 0;    // how much farther the target may get once the attack has begun
  float scan_range = 0;    // edge to edge: at least this far is looked for targets
  float cos_arc = 0;       // cosine of the half-width within which the unit (or its turret) must face
  bool hits_air = false;
  bool hits_ground = false;
  bool fires_by_itself = false;  // whatever the unit's order is, at whom it finds in range, also on the march
  float missile_speed = 0;       // cells per loop
  float burst_radius = 0;        // Baneling
  float melee_range = 0;         // Hydralisk: within this (edge to edge) it strikes without a missile
};

struct UnitStats {
  std::string_view name;
  float hp = 0, shield = 0, armor = 0;
  float energy_start = 0, energy_max = 0, energy_regen = 0;  // per loop
  float life_regen = 0;                                      // per loop
  float speed = 0, acceleration = 0;                         // cells per loop, cells per loop^2 (0: instant)
  float cos_turn = 0, sin_turn = 0;                          // of the angle that it turns by in one loop
  float radius = 0;                                          // ranges and spawn places
  float separation_radius = 0;                               // bodies
  float inner_radius = 0;                                    // must fit through gaps of the terrain
  float sight = 0;
  std::uint8_t attributes = 0;
  Layer layer = Layer::kGround;
  bool crosses_cliffs = false;
  bool has_turret = false;
  bool always_threatens = false;  // enemies rank it with those that can hit them
  Weapon weapon;
};

// Shields: 2 per second once 10 seconds have passed without damage.
inline constexpr float kShieldRegen = 0.125f;
inline constexpr int kShieldRegenDelay = 160;

// SMAC's maps define copies (`*_RL`) of the types that agents command. They keep other unit fields than the
// game's own; weapons are the same. Numbers and sources: unit_stats.cpp.
enum class UnitSet : std::uint8_t { kGame, kMapCopies };

using StatsTable = std::array<UnitStats, kUnitTypes>;
extern const std::array<StatsTable, 2> kUnitStats;  // by UnitSet
inline const StatsTable& stats_table(UnitSet set) { return kUnitStats[static_cast<std::size_t>(set)]; }
inline const UnitStats& unit_stats(UnitType type, UnitSet set) {
  return stats_table(set)[static_cast<std::size_t>(type)];
}
UnitType unit_type_named(std::string_view name);  // throws std::invalid_argument naming the allowed ones

}  // namespace fop::skirmish
