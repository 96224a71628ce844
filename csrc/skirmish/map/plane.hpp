// Points, segments, and the cells of a map that points lie in.
#pragma once

#include <algorithm>
#include <cmath>

#include "skirmish/map/scenario.hpp"

namespace fop::skirmish {

struct Point {
  float x = 0, y = 0;
};

inline Point operator+(Point a, Point b) { return {a.x + b.x, a.y + b.y}; }
inline Point operator-(Point a, Point b) { return {a.x - b.x, a.y - b.y}; }
inline Point operator*(float s, Point a) { return {s * a.x, s * a.y}; }
inline float dot(Point a, Point b) { return a.x * b.x + a.y * b.y; }
inline float cross(Point a, Point b) { return a.x * b.y - a.y * b.x; }
inline float length(Point a) { return std::sqrt(dot(a, a)); }

inline Point closest_on(Point a, Point b, Point p) {
  const Point along = b - a;
  const float square = dot(along, along);
  const float share = square > 0 ? std::clamp(dot(p - a, along) / square, 0.0f, 1.0f) : 0.0f;
  return a + share * along;
}

inline float square_distance(Point a, Point b, Point p) {
  const Point away = p - closest_on(a, b, p);
  return dot(away, away);
}

inline bool cross_each_other(Point a, Point b, Point c, Point d) {
  return cross(b - a, c - a) * cross(b - a, d - a) < 0 && cross(d - c, a - c) * cross(d - c, b - c) < 0;
}

inline int cell_index(int x, int y) { return y * kMapSize + x; }
inline bool on_map(int x, int y) { return x >= 0 && y >= 0 && x < kMapSize && y < kMapSize; }
inline int cell_of(Point p) {
  const int x = std::clamp(static_cast<int>(p.x), 0, kMapSize - 1);
  const int y = std::clamp(static_cast<int>(p.y), 0, kMapSize - 1);
  return cell_index(x, y);
}

}  // namespace fop::skirmish
