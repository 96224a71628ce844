// What a map says: who appears where, which order the enemy gets, where one can walk.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "skirmish/units/unit_stats.hpp"

namespace fop::skirmish {

inline constexpr int kMapSize = 32;  // all of SMAC's maps are 32 x 32 cells

struct SpawnCall {
  int player = 0;  // 0 allied (API player 1), 1 enemy (API player 2)
  UnitType type = UnitType::kMarine;
  int count = 0;
  float x = 0, y = 0;
};

enum class EnemyOrder : std::uint8_t { kNone, kAttackPoint, kAttackRandomPointOnSegment, kAttackUnitGroup };

struct Scenario {
  std::string name;
  std::vector<SpawnCall> spawn_calls;  // in the order in which the map's trigger makes them
  EnemyOrder enemy_order = EnemyOrder::kNone;
  float order_x0 = 0, order_y0 = 0;  // the point, or the segment's first end
  float order_x1 = 0, order_y1 = 0;  // the segment's second end
  // Row-major, index y * 32 + x; true where ground units can stand: `walkable` away from cliffs,
  // `walkable_open` on the high sides of cliffs as well (it decides availability of moves; where such cells
  // form stairs, the cliff runs diagonally: terrain.hpp).
  std::array<bool, kMapSize * kMapSize> walkable{};
  std::array<bool, kMapSize * kMapSize> walkable_open{};
  int n_allies = 0, n_enemies = 0;
  int episode_limit = 0;
};

}  // namespace fop::skirmish
