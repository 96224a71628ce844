// What all battles of one map under one choice of options share: sizes, tables, scales. Never changed.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "skirmish/map/scenario.hpp"
#include "skirmish/map/terrain.hpp"
#include "skirmish/world.hpp"

namespace fop::skirmish {

// Part of every trace, record and checkpoint. Raise it with every change that alters a battle.
inline constexpr const char* kEngineVersion = "skirmish-3";

inline constexpr int kNoOp = 0, kStop = 1, kNorth = 2, kSouth = 3, kEast = 4, kWest = 5;
inline constexpr int kFirstTarget = 6;  // action 6 + k aims at enemy k; a Medivac's at ally k
inline constexpr double kSightRange = 9, kShootRange = 6;

// What SMAC's map registry says of a map besides its armies.
struct MapTraits {
  bool ally_shields = false, enemy_shields = false;  // the race has shields (Protoss)
  int unit_type_bits = 0;
  std::string map_type;
  std::array<std::uint8_t, kMapSize * kMapSize> height{};  // the client's terrain height, index y * 32 + x
};

// SMAC's options by SMAC's names, and two of our own at the end. Meaning and defaults:
// fop_envs/smac/skirmish.py.
struct SmacOptions {
  int step_mul = 8;
  double move_amount = 2;
  bool obs_all_health = true;
  bool obs_own_health = true;
  bool obs_last_action = false;
  bool obs_pathing_grid = false;
  bool obs_terrain_height = false;
  bool obs_timestep_number = false;
  bool obs_instead_of_state = false;
  bool state_last_action = true;
  bool state_timestep_number = false;
  bool reward_sparse = false;
  bool reward_only_positive = true;
  double reward_death_value = 10;
  double reward_win = 200;
  double reward_defeat = 0;
  double reward_negative_scale = 0.5;
  bool reward_scale = true;
  double reward_scale_rate = 20;
  bool heuristic_ai = false;
  bool heuristic_rest = false;
  int first_loops = 1;  // loops before the first observation: 1 after a restart, 0 after a launch
  EngineOptions engine;
};

struct Task {
  Task(Scenario scenario, MapTraits traits, SmacOptions options);
  Task(const Task&) = delete;  // worlds point into it
  Task& operator=(const Task&) = delete;

  Scenario scenario;
  Terrain terrain;
  std::vector<Point> spawn_places;  // of each unit, in the order of World
  MapTraits traits;
  SmacOptions options;

  int n_agents, n_enemies, n_actions;
  bool medivac_rules;       // map type MMM: Medivacs aim at allies; a team of Medivacs alone has lost
  double position_divisor;  // of x and y in the state: the client's playable area
  double max_reward, reward_divisor;

  // Widths of the parts of an observation and of the state.
  int move_width, obs_enemy_width, obs_ally_width, own_width, obs_dim;
  int state_ally_width, state_enemy_width, state_dim;

  // Place of a type in the one-hot; SMAC's differ between the sides on stalkers_and_zealots maps.
  std::array<int, kUnitTypes> ally_type_bit{}, enemy_type_bit{};
};

// Rank of a type in the catalogue of the maps' allied copies, which is alphabetical: agents are sorted by it.
int catalogue_rank(UnitType type);

}  // namespace fop::skirmish
