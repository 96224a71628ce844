// What a map says: who appears where, who commands whom, where one can walk.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "skirmish/units/unit_stats.hpp"

namespace fop::skirmish {

inline constexpr int kMapSize = 32;  // all of SMAC's maps are 32 x 32 cells

// Who tells a player's units what to do.
enum class Commander : std::uint8_t {
  kAgents,     // orders from outside; without one a unit does nothing, whatever is done to it
  kScript,     // the map's order; idle units choose targets for themselves
  kHeuristic,  // SMAC's built-in policy (smac/heuristic.cpp); without an order like those of agents
};

enum class ScriptedOrder : std::uint8_t {
  kNone,
  kAttackPoint,
  kAttackRandomPointOnSegment,
  kAttackUnitGroup,
};

struct Player {
  Commander commander = Commander::kScript;
  ScriptedOrder order = ScriptedOrder::kNone;  // of a script: given once, to all units, as they appear
  float order_x0 = 0, order_y0 = 0;            // the point, or the segment's first end
  float order_x1 = 0, order_y1 = 0;            // the segment's second end
};

// SMAC's maps copy the types of the units that they leave to agents; scripts command the game's own.
constexpr UnitSet unit_set_of(const Player& player) {
  return player.commander == Commander::kScript ? UnitSet::kGame : UnitSet::kMapCopies;
}

struct SpawnCall {
  int player = 0;  // 0 the agents' side (API player 1), 1 the enemy (API player 2)
  UnitType type = UnitType::kMarine;
  int count = 0;
  float x = 0, y = 0;
};

struct Scenario {
  std::string name;
  std::array<Player, 2> players = {Player{.commander = Commander::kAgents},
                                   Player{.commander = Commander::kScript}};
  std::vector<SpawnCall> spawn_calls;  // in the order in which the map's trigger makes them
  // Row-major, index y * 32 + x; true where ground units can stand: `walkable` away from cliffs,
  // `walkable_open` on the high sides of cliffs as well (it decides availability of moves; where such cells
  // form stairs, the cliff runs diagonally: terrain.hpp).
  std::array<bool, kMapSize * kMapSize> walkable{};
  std::array<bool, kMapSize * kMapSize> walkable_open{};
  int n_allies = 0, n_enemies = 0;
  int episode_limit = 0;
};

}  // namespace fop::skirmish
