// Walls and the shortest paths round them. Made once per scenario, never changed, shared by worlds and
// threads.
//
// Bodies keep a clearance from walls: a unit's inner radius less 1/16 (recordings of SC2 4.10: Zealots stop
// 0.3125 short of a cliff, Stalkers 0.4375, Colossi 0.5).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "skirmish/map/plane.hpp"
#include "skirmish/map/scenario.hpp"

namespace fop::skirmish {

// The playable area of every SMAC map: nobody leaves it, flyers and Colossi included.
inline constexpr int kPlayableLow = 2, kPlayableHigh = 30;

constexpr float clearance_of(const UnitStats& stats) {
  constexpr float kInnerSlack = 1.0f / 16;
  return std::max(0.0f, std::min(stats.inner_radius, stats.separation_radius) - kInnerSlack);
}

class Terrain {
 public:
  explicit Terrain(const Scenario& scenario);

  // Is the point on ground that can be walked to?
  bool is_ground(Point point) const;
  // Can a ground unit of this clearance stand here?
  bool is_clear(Point point, float clearance) const;
  // Can it walk straight from a to b?
  bool is_line_clear(Point a, Point b, float clearance) const;
  // Where a unit that has been moved to `point` stops: the point itself away from walls, else pushed out.
  Point pushed_out(Point point, float clearance) const {
    const auto x = static_cast<unsigned>(static_cast<int>(point.x));
    const auto y = static_cast<unsigned>(static_cast<int>(point.y));
    if (x < kMapSize && y < kMapSize && away_from_walls_[y * kMapSize + x]) return point;
    return pushed_out_of_walls(point, clearance);
  }
  // The clear point nearest to `point`.
  Point nearest_clear(Point point, float clearance) const;
  // The next point to walk straight to on a shortest path; `to` where the straight line is clear. A goal
  // inside a wall stands for the clear point nearest to it.
  Point next_waypoint(Point from, Point to, float clearance) const;
  // Length of a shortest path; infinite where there is none.
  float path_length(Point from, Point to, float clearance) const;

 private:
  static constexpr float kTolerance = 1.0f / 512;  // bodies rest exactly at their clearance

  enum class Cell : std::uint8_t { kClosed, kOpen, kSouthWest, kSouthEast, kNorthWest, kNorthEast };
  struct Wall {  // ground lies to the left of a -> b
    Point a, b, normal;
    Point low, high;  // the box around it
  };
  // The corners that shortest paths turn round, for one clearance.
  struct Corners {
    float clearance = 0;
    std::vector<Point> points;
    std::vector<float> distances;           // between all pairs of points, along shortest paths
    std::vector<std::int16_t> first;        // first corner after i on the path to j
    std::vector<std::uint16_t> candidates;  // per cell: the corners seen from somewhere in the cell
    std::vector<std::uint32_t> candidates_begin;
    std::vector<Point> recesses;  // where a body rests in a concave corner
  };
  struct Path {
    float length = 0;
    Point next;
  };

  bool side_is_open(int x, int y, int dx, int dy) const;
  void open_cells(const Scenario& scenario);
  void keep_reachable(const Scenario& scenario);
  void cut_corners(const Scenario& scenario);
  void build_walls();
  void index_walls();
  Corners build_corners(float clearance) const;
  const Corners& corners_for(float clearance) const;
  std::span<const std::uint16_t> candidates(const Corners& corners, Point point) const;
  Point pushed_out_of_walls(Point point, float clearance) const;
  Path find_path(Point from, Point to, float clearance) const;

  std::array<Cell, kMapSize * kMapSize> cells_{};
  std::vector<Wall> walls_;
  std::vector<std::uint16_t> near_;  // per cell: the walls a body in it may touch
  std::array<std::uint32_t, kMapSize * kMapSize + 1> near_begin_{};
  std::array<bool, kMapSize * kMapSize> away_from_walls_{};  // per cell: open, no body in it touches a wall
  std::vector<Corners> corners_;
};

}  // namespace fop::skirmish
