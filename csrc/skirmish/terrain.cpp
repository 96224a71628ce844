#include "skirmish/terrain.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "skirmish/angles.hpp"
#include "skirmish/placement.hpp"

namespace fop::skirmish {

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kTolerance = 1.0f / 512;  // bodies rest exactly at their clearance
constexpr float kNear = 1.0f;             // how far from its cell a body touches walls
constexpr double kLongestArc = kPi / 6;   // corners are rounded by tangents this far apart

Point operator+(Point a, Point b) { return {a.x + b.x, a.y + b.y}; }
Point operator-(Point a, Point b) { return {a.x - b.x, a.y - b.y}; }
Point operator*(float s, Point a) { return {s * a.x, s * a.y}; }
float dot(Point a, Point b) { return a.x * b.x + a.y * b.y; }
float cross(Point a, Point b) { return a.x * b.y - a.y * b.x; }
float length(Point a) { return std::sqrt(dot(a, a)); }

Point closest_on(Point a, Point b, Point p) {
  const Point way = b - a;
  const float square = dot(way, way);
  const float share = square > 0 ? std::clamp(dot(p - a, way) / square, 0.0f, 1.0f) : 0.0f;
  return a + share * way;
}

float square_distance(Point a, Point b, Point p) {
  const Point away = p - closest_on(a, b, p);
  return dot(away, away);
}

bool cross_each_other(Point a, Point b, Point c, Point d) {
  return cross(b - a, c - a) * cross(b - a, d - a) < 0 && cross(d - c, a - c) * cross(d - c, b - c) < 0;
}

int cell_index(int x, int y) { return y * kMapSize + x; }
bool on_map(int x, int y) { return x >= 0 && y >= 0 && x < kMapSize && y < kMapSize; }
int cell_of(Point p) {
  const int x = std::clamp(static_cast<int>(p.x), 0, kMapSize - 1);
  const int y = std::clamp(static_cast<int>(p.y), 0, kMapSize - 1);
  return cell_index(x, y);
}

}  // namespace

Terrain::Terrain(const Scenario& scenario) {
  open_cells(scenario);
  keep_reachable(scenario);
  cut_corners(scenario);
  build_walls();
  index_walls();
  for (int type = 0; type < kUnitTypes; ++type) {
    const UnitFigures& body = figures(static_cast<UnitType>(type), false);
    if (body.layer != Layer::kGround || body.crosses_cliffs || body.speed <= 0) continue;
    const float clearance = clearance_of(body);
    const bool known = std::any_of(corners_.begin(), corners_.end(),
                                   [&](const Corners& corners) { return corners.clearance == clearance; });
    if (!known) corners_.push_back(build_corners(clearance));
  }
  spawn_places_ = find_spawn_places(scenario, *this);  // last: it asks for the ground
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

// Some maps have ground outside their ring of cliffs: only what can be walked
// to counts.
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

// Cliffs that run diagonally come as stairs of cells: the outer half of each
// step is cut off. So is the low corner of a cliff's end: on 2c_vs_64zg Zerglings
// pass (27.488, 12.045), (27.827, 12.380) and (28.167, 12.722), 0.313 from the
// diagonal of the last cell, (27, 12).
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

const Terrain::Corners& Terrain::corners_for(float clearance) const {
  for (const Corners& corners : corners_) {
    if (corners.clearance >= clearance) return corners;
  }
  return corners_.back();
}

Terrain::Corners Terrain::build_corners(float clearance) const {
  Corners corners;
  corners.clearance = clearance;
  for (const Wall& first : walls_) {
    for (const Wall& second : walls_) {
      if (first.b.x != second.a.x || first.b.y != second.a.y) continue;
      const double turn =
          static_cast<double>(angle_of(dot(first.normal, second.normal), cross(first.normal, second.normal)));
      if (turn > 0) {
        const float share = clearance / (1 + dot(first.normal, second.normal));
        corners.recesses.push_back(first.b + share * (first.normal + second.normal));
        continue;
      }
      const int tangents = static_cast<int>(std::ceil(-turn / kLongestArc - 1e-6));
      const float arc = static_cast<float>(turn) / static_cast<float>(std::max(1, tangents));
      const float reach = clearance / cosine(0.5f * arc) + kTolerance;
      const float start = angle_of(first.normal.x, first.normal.y);
      for (int i = 0; i < tangents; ++i) {
        const float angle = start + (static_cast<float>(i) + 0.5f) * arc;
        const Point p = first.b + Point{reach * cosine(angle), reach * sine(angle)};
        if (is_clear(p, clearance)) corners.points.push_back(p);
      }
    }
  }
  const std::size_t n = corners.points.size();
  corners.distances.assign(n * n, kInfinity);
  corners.first.assign(n * n, -1);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      if (i != j && !is_line_clear(corners.points[i], corners.points[j], clearance)) continue;
      corners.distances[i * n + j] = length(corners.points[j] - corners.points[i]);
      corners.first[i * n + j] = static_cast<std::int16_t>(j);
    }
  }
  for (std::size_t k = 0; k < n; ++k) {
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        const float through = corners.distances[i * n + k] + corners.distances[k * n + j];
        if (through >= corners.distances[i * n + j]) continue;
        corners.distances[i * n + j] = through;
        corners.first[i * n + j] = corners.first[i * n + k];
      }
    }
  }
  corners.candidates_begin.push_back(0);
  for (int cell = 0; cell < kMapSize * kMapSize; ++cell) {
    const Point low{static_cast<float>(cell % kMapSize), static_cast<float>(cell / kMapSize)};
    std::vector<bool> seen(n, false);
    if (cells_[static_cast<std::size_t>(cell)] != Cell::kClosed) {
      for (const float dx : {0.02f, 0.25f, 0.5f, 0.75f, 0.98f}) {
        for (const float dy : {0.02f, 0.25f, 0.5f, 0.75f, 0.98f}) {
          const Point p = low + Point{dx, dy};
          for (std::size_t i = 0; i < n; ++i) {
            seen[i] = seen[i] || is_line_clear(p, corners.points[i], clearance);
          }
        }
      }
    }
    for (std::size_t i = 0; i < n; ++i) {
      if (seen[i]) corners.candidates.push_back(static_cast<std::uint16_t>(i));
    }
    corners.candidates_begin.push_back(static_cast<std::uint32_t>(corners.candidates.size()));
  }
  return corners;
}

std::span<const std::uint16_t> Terrain::candidates(const Corners& corners, Point point) const {
  const auto cell = static_cast<std::size_t>(cell_of(point));
  return {corners.candidates.data() + corners.candidates_begin[cell],
          corners.candidates.data() + corners.candidates_begin[cell + 1]};
}

Terrain::Way Terrain::way(Point from, Point to, float clearance) const {
  const Point start = nearest_clear(from, clearance), goal = nearest_clear(to, clearance);
  if (is_line_clear(start, goal, clearance)) return {length(goal - start), goal};
  const Corners& corners = corners_for(clearance);
  const std::size_t n = corners.points.size();
  const auto first = candidates(corners, start), last = candidates(corners, goal);
  // Lengths of the first and of the last leg; infinite once found blocked.
  thread_local std::vector<float> from_start, to_goal;
  from_start.resize(first.size());
  to_goal.resize(last.size());
  for (std::size_t a = 0; a < first.size(); ++a) from_start[a] = length(corners.points[first[a]] - start);
  for (std::size_t b = 0; b < last.size(); ++b) to_goal[b] = length(goal - corners.points[last[b]]);
  while (true) {  // the shortest way is tried first
    float shortest = kInfinity;
    std::size_t best_a = 0, best_b = 0;
    for (std::size_t b = 0; b < last.size(); ++b) {
      if (to_goal[b] == kInfinity) continue;
      for (std::size_t a = 0; a < first.size(); ++a) {
        const float whole = from_start[a] + corners.distances[first[a] * n + last[b]] + to_goal[b];
        if (whole >= shortest) continue;
        shortest = whole;
        best_a = a;
        best_b = b;
      }
    }
    if (shortest == kInfinity) return {kInfinity, goal};
    const std::size_t i = first[best_a], j = last[best_b];
    if (!is_line_clear(start, corners.points[i], clearance)) {
      from_start[best_a] = kInfinity;
    } else if (!is_line_clear(corners.points[j], goal, clearance)) {
      to_goal[best_b] = kInfinity;
    } else if (from_start[best_a] >= 2 * kTolerance) {
      return {shortest, corners.points[i]};
    } else {  // on the corner itself already: the next one is where to go
      return {shortest, i == j ? goal : corners.points[static_cast<std::size_t>(corners.first[i * n + j])]};
    }
  }
}

Point Terrain::next_waypoint(Point from, Point to, float clearance) const {
  return way(from, to, clearance).next;
}

float Terrain::way_length(Point from, Point to, float clearance) const {
  return way(from, to, clearance).length;
}

}  // namespace fop::skirmish
