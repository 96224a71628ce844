// Pathfinding: a shortest path round walls goes in straight lines from corner to corner. Distances between
// all corners are worked out once; a question then looks at the corners that start and goal see.
#include <algorithm>
#include <cmath>
#include <limits>

#include "fop/angles.hpp"
#include "skirmish/map/terrain.hpp"

namespace fop::skirmish {

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr double kLongestArc = kPi / 6;  // corners are rounded by tangents this far apart

}  // namespace

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

Terrain::Path Terrain::find_path(Point from, Point to, float clearance) const {
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
  while (true) {  // the shortest path is tried first
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
  return find_path(from, to, clearance).next;
}

float Terrain::path_length(Point from, Point to, float clearance) const {
  return find_path(from, to, clearance).length;
}

}  // namespace fop::skirmish
