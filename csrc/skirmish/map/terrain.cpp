// Terrain: which ground can be walked on, the walls around it, and where bodies stop at them.
#include "skirmish/map/terrain.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fop::skirmish {

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNear = 1.0f;  // how far from its cell a body touches walls

}  // namespace

Terrain::Terrain(const Scenario& scenario) {
  open_cells(scenario);
  keep_reachable(scenario);
  cut_corners(scenario);
  build_walls();
  index_walls();
  for (int type = 0; type < kUnitTypes; ++type) {
    const UnitStats& body = unit_stats(static_cast<UnitType>(type), UnitSet::kGame);
    if (body.layer != Layer::kGround || body.crosses_cliffs || body.speed <= 0) continue;
    const float clearance = clearance_of(body);
    const bool known = std::any_of(corners_.begin(), corners_.end(),
                                   [&](const Corners& corners) { return corners.clearance == clearance; });
    if (!known) corners_.push_back(build_corners(clearance));
  }
}

void Terrain::open_cells(const Scenario& scenario) {
  for (int y = 0; y < kMapSize; ++y) {
    for (int x = 0; x < kMapSize; ++x) {
      const bool playable = x >= kPlayableLow && x < kPlayableHigh && y >= kPlayableLow && y < kPlayableHigh;
      const auto i = static_cast<std::size_t>(cell_index(x, y));
      cells_[i] = playable && scenario.walkable_open[i] ? Cell::kOpen : Cell::kClosed;
    }
  }
}

// Some maps have ground outside their ring of cliffs: only what can be walked to counts.
void Terrain::keep_reachable(const Scenario& scenario) {
  if (scenario.spawn_calls.empty()) return;
  std::array<bool, kMapSize * kMapSize> reached{};
  std::vector<int> open;
  for (const SpawnCall& call : scenario.spawn_calls) open.push_back(cell_of({call.x, call.y}));
  while (!open.empty()) {
    const int cell = open.back();
    open.pop_back();
    const auto i = static_cast<std::size_t>(cell);
    if (reached[i] || cells_[i] == Cell::kClosed) continue;
    reached[i] = true;
    const int x = cell % kMapSize, y = cell / kMapSize;
    for (const auto& [dx, dy] : {std::pair{1, 0}, {-1, 0}, {0, 1}, {0, -1}}) {
      if (on_map(x + dx, y + dy)) open.push_back(cell_index(x + dx, y + dy));
    }
  }
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    if (!reached[i]) cells_[i] = Cell::kClosed;
  }
}

// Cliffs that run diagonally come as stairs of cells: the outer half of each step is cut off. So is the low
// corner of a cliff's end: on 2c_vs_64zg Zerglings pass (27.488, 12.045), (27.827, 12.380) and (28.167,
// 12.722), 0.313 from the diagonal of the last cell, (27, 12).
void Terrain::cut_corners(const Scenario& scenario) {
  const std::array<Cell, kMapSize * kMapSize> before = cells_;
  const auto closed = [&](int x, int y) {
    return on_map(x, y) && before[static_cast<std::size_t>(cell_index(x, y))] == Cell::kClosed;
  };
  const auto high = [&](int x, int y) {
    return !closed(x, y) && !scenario.walkable[static_cast<std::size_t>(cell_index(x, y))];
  };
  for (int y = 1; y + 1 < kMapSize; ++y) {
    for (int x = 1; x + 1 < kMapSize; ++x) {
      const auto i = static_cast<std::size_t>(cell_index(x, y));
      if (scenario.walkable[i]) continue;
      const bool is_end =
          closed(x, y) && closed(x + 1, y) + closed(x - 1, y) + closed(x, y + 1) + closed(x, y - 1) == 1;
      if (closed(x, y) && !is_end) continue;
      const auto solid = [&](int to_x, int to_y) {
        return closed(to_x, to_y) || (is_end && high(to_x, to_y));
      };
      const bool east = solid(x + 1, y), west = solid(x - 1, y);
      const bool north = solid(x, y + 1), south = solid(x, y - 1);
      if (east == west || north == south) continue;
      if (east) {
        cells_[i] = north ? Cell::kSouthWest : Cell::kNorthWest;
      } else {
        cells_[i] = north ? Cell::kSouthEast : Cell::kNorthEast;
      }
    }
  }
}

// Does ground reach the side of the cell that looks towards (dx, dy)?
bool Terrain::side_is_open(int x, int y, int dx, int dy) const {
  if (!on_map(x, y)) return false;
  switch (cells_[static_cast<std::size_t>(cell_index(x, y))]) {
    case Cell::kClosed:
      return false;
    case Cell::kOpen:
      return true;
    case Cell::kSouthWest:
      return dx < 0 || dy < 0;
    case Cell::kSouthEast:
      return dx > 0 || dy < 0;
    case Cell::kNorthWest:
      return dx < 0 || dy > 0;
    case Cell::kNorthEast:
      return dx > 0 || dy > 0;
  }
  return false;
}

void Terrain::build_walls() {
  std::vector<Wall> pieces;
  const auto add = [&](int ax, int ay, int bx, int by) {
    const Point a{static_cast<float>(ax), static_cast<float>(ay)};
    const Point b{static_cast<float>(bx), static_cast<float>(by)};
    const float scale = 1.0f / length(b - a);
    pieces.push_back({a, b, {-scale * (b.y - a.y), scale * (b.x - a.x)}, {}, {}});
  };
  for (int y = 0; y <= kMapSize; ++y) {
    for (int x = 0; x <= kMapSize; ++x) {
      const bool west = side_is_open(x - 1, y, 1, 0), east = side_is_open(x, y, -1, 0);
      if (west && !east) add(x, y, x, y + 1);
      if (east && !west) add(x, y + 1, x, y);
      const bool south = side_is_open(x, y - 1, 0, 1), north = side_is_open(x, y, 0, -1);
      if (north && !south) add(x, y, x + 1, y);
      if (south && !north) add(x + 1, y, x, y);
      if (!on_map(x, y)) continue;
      switch (cells_[static_cast<std::size_t>(cell_index(x, y))]) {
        case Cell::kSouthWest:
          add(x + 1, y, x, y + 1);
          break;
        case Cell::kSouthEast:
          add(x + 1, y + 1, x, y);
          break;
        case Cell::kNorthWest:
          add(x, y, x + 1, y + 1);
          break;
        case Cell::kNorthEast:
          add(x, y + 1, x + 1, y);
          break;
        default:
          break;
      }
    }
  }
  const auto continues = [](const Wall& first, const Wall& second) {
    return first.b.x == second.a.x && first.b.y == second.a.y && cross(first.normal, second.normal) == 0 &&
           dot(first.normal, second.normal) > 0;
  };
  while (!pieces.empty()) {  // join pieces that lie in one line
    Wall wall = pieces.back();
    pieces.pop_back();
    for (bool grown = true; grown;) {
      grown = false;
      for (std::size_t i = 0; i < pieces.size(); ++i) {
        if (continues(wall, pieces[i])) {
          wall.b = pieces[i].b;
        } else if (continues(pieces[i], wall)) {
          wall.a = pieces[i].a;
        } else {
          continue;
        }
        pieces.erase(pieces.begin() + static_cast<std::ptrdiff_t>(i));
        grown = true;
        break;
      }
    }
    wall.low = {std::min(wall.a.x, wall.b.x), std::min(wall.a.y, wall.b.y)};
    wall.high = {std::max(wall.a.x, wall.b.x), std::max(wall.a.y, wall.b.y)};
    walls_.push_back(wall);
  }
}

void Terrain::index_walls() {
  for (int y = 0; y < kMapSize; ++y) {
    for (int x = 0; x < kMapSize; ++x) {
      const auto fx = static_cast<float>(x), fy = static_cast<float>(y);
      for (std::size_t w = 0; w < walls_.size(); ++w) {
        const Point middle{fx + 0.5f, fy + 0.5f};
        const float reach = kNear + 0.70710678f;
        if (square_distance(walls_[w].a, walls_[w].b, middle) <= reach * reach) {
          near_.push_back(static_cast<std::uint16_t>(w));
        }
      }
      const auto cell = static_cast<std::size_t>(cell_index(x, y));
      near_begin_[cell + 1] = static_cast<std::uint32_t>(near_.size());
      away_from_walls_[cell] = near_begin_[cell] == near_begin_[cell + 1] && cells_[cell] == Cell::kOpen;
    }
  }
}

bool Terrain::is_ground(Point point) const {
  if (!(point.x >= 0 && point.y >= 0 && point.x < kMapSize && point.y < kMapSize)) return false;
  const float fx = point.x - static_cast<float>(static_cast<int>(point.x));
  const float fy = point.y - static_cast<float>(static_cast<int>(point.y));
  switch (cells_[static_cast<std::size_t>(cell_of(point))]) {
    case Cell::kClosed:
      return false;
    case Cell::kOpen:
      return true;
    case Cell::kSouthWest:
      return fx + fy <= 1;
    case Cell::kSouthEast:
      return fx >= fy;
    case Cell::kNorthWest:
      return fx <= fy;
    case Cell::kNorthEast:
      return fx + fy >= 1;
  }
  return false;
}

bool Terrain::is_clear(Point point, float clearance) const {
  if (!is_ground(point)) return false;
  const float least = std::max(0.0f, clearance - kTolerance);
  const auto cell = static_cast<std::size_t>(cell_of(point));
  for (std::uint32_t i = near_begin_[cell]; i < near_begin_[cell + 1]; ++i) {
    const Wall& wall = walls_[near_[i]];
    if (square_distance(wall.a, wall.b, point) < least * least) return false;
  }
  return true;
}

bool Terrain::is_line_clear(Point a, Point b, float clearance) const {
  const float least = std::max(0.0f, clearance - kTolerance);
  const float low_x = std::min(a.x, b.x) - least, high_x = std::max(a.x, b.x) + least;
  const float low_y = std::min(a.y, b.y) - least, high_y = std::max(a.y, b.y) + least;
  for (const Wall& wall : walls_) {
    if (wall.high.x <= low_x || wall.low.x >= high_x || wall.high.y <= low_y || wall.low.y >= high_y)
      continue;
    if (cross_each_other(a, b, wall.a, wall.b)) return false;
    const float nearest = std::min({square_distance(wall.a, wall.b, a), square_distance(wall.a, wall.b, b),
                                    square_distance(a, b, wall.a), square_distance(a, b, wall.b)});
    if (nearest < least * least) return false;
  }
  return true;
}

Point Terrain::pushed_out_of_walls(Point point, float clearance) const {
  const auto cell = static_cast<std::size_t>(cell_of(point));
  Point out = point;
  for (int round = 0; round < 3; ++round) {  // in a concave corner two walls push in turn
    bool pushed = false;
    for (std::uint32_t i = near_begin_[cell]; i < near_begin_[cell + 1]; ++i) {
      const Wall& wall = walls_[near_[i]];
      const Point foot = closest_on(wall.a, wall.b, out);
      const Point away = out - foot;
      const float square = dot(away, away);
      if (square >= clearance * clearance) continue;
      const float side = dot(away, wall.normal);
      const bool at_end = square > side * side * 1.0001f;
      const float distance = std::sqrt(square);
      if (at_end && distance > 0) {
        out = foot + (clearance / distance) * away;
      } else {
        out = foot + clearance * wall.normal;
      }
      pushed = true;
    }
    if (!pushed) break;
  }
  if (out.x == point.x && out.y == point.y && cells_[cell] == Cell::kOpen) return point;
  return is_ground(out) ? out : nearest_clear(point, clearance);
}

Point Terrain::nearest_clear(Point point, float clearance) const {
  if (is_clear(point, clearance)) return point;
  Point best = point;
  float least = kInfinity;
  const auto consider = [&](Point p) {
    const float square = dot(p - point, p - point);
    if (square < least && is_clear(p, clearance)) {
      least = square;
      best = p;
    }
  };
  for (const Wall& wall : walls_) {
    const Point foot = closest_on(wall.a, wall.b, point);
    consider(foot + clearance * wall.normal);
    const float distance = length(point - foot);
    if (distance > 0) consider(foot + (clearance / distance) * (point - foot));
  }
  const Corners& corners = corners_for(clearance);
  for (const Point p : corners.recesses) consider(p);
  for (const Point p : corners.points) consider(p);
  return best;
}

}  // namespace fop::skirmish
