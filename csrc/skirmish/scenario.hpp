// What a map says: who appears where, which order the enemy gets, where one can walk.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "skirmish/unit_types.hpp"

namespace fop::skirmish {

inline constexpr int kMapSize = 32;  // all of SMAC's maps are 32 x 32 cells

struct SpawnCall {
  int player = 0;  // 0 allied (API player 1), 1 enemy (API player 2)
  UnitType type = UnitType::kMarine;
  int count = 0;
  float x = 0, y = 0;
};

enum class EnemyOrder : std::uint8_t { kNone, kAttackPoint, kAttackRandomPointOnSegment, kAttackUnitGroup };

struct DiagonalBlock {  // a 2 x 2 block of cells cut by a diagonal cliff: half of it is ground
  int x0 = 0, y0 = 0;
  int low_dx = 0, low_dy = 0;  // the low corner: 0/1 west/east, 0/1 south/north; the other half is walkable
};

struct Scenario {
  std::string name;
  std::vector<SpawnCall> spawn_calls;  // in the order in which the map's trigger makes them
  EnemyOrder enemy_order = EnemyOrder::kNone;
  float order_x0 = 0, order_y0 = 0;    // the point, or the segment's first end
  float order_x1 = 0, order_y1 = 0;    // the segment's second end
  // Row-major, index y * 32 + x; true where ground units can stand. `walkable` is strict (diagonal blocks
  // closed); `walkable_open` opens the corner cell of each diagonal block and decides availability of moves.
  std::array<bool, kMapSize * kMapSize> walkable{};
  std::array<bool, kMapSize * kMapSize> walkable_open{};
  std::vector<DiagonalBlock> diagonal_blocks;
  int n_allies = 0, n_enemies = 0;
  int episode_limit = 0;
};

}  // namespace fop::skirmish
