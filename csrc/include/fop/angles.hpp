// Sine, cosine and angle of a vector from the four basic operations alone, so that a trace doesn't depend on
// the machine's mathematical library. Errors are below 1e-7.
#pragma once

#include <cmath>

namespace fop {

inline constexpr double kPi = 3.14159265358979323846;

namespace detail {

constexpr double small_sine(double a) {  // |a| <= pi / 4
  const double s = a * a;
  return a * (1.0 + s * (-1.0 / 6 + s * (1.0 / 120 + s * (-1.0 / 5040 + s * (1.0 / 362880)))));
}
constexpr double small_cosine(double a) {
  const double s = a * a;
  return 1.0 + s * (-0.5 + s * (1.0 / 24 + s * (-1.0 / 720 + s * (1.0 / 40320 - s * (1.0 / 3628800)))));
}
constexpr double sine_from_quadrant(double angle, int shift) {
  const double scaled = angle * (2.0 / kPi) + 0.5;
  int quarter = static_cast<int>(scaled);
  if (quarter > scaled) --quarter;
  const double rest = angle - quarter * (kPi / 2);
  const int quadrant = (quarter + shift) & 3;
  const double value = (quadrant & 1) ? small_cosine(rest) : small_sine(rest);
  return (quadrant & 2) ? -value : value;
}

}  // namespace detail

constexpr float sine(float angle) { return static_cast<float>(detail::sine_from_quadrant(angle, 0)); }
constexpr float cosine(float angle) { return static_cast<float>(detail::sine_from_quadrant(angle, 1)); }

// The angle of (dx, dy) in (-pi, pi]; 0 for the null vector.
inline float angle_of(float dx, float dy) {
  const double x = std::abs(static_cast<double>(dx)), y = std::abs(static_cast<double>(dy));
  const double low = x < y ? x : y, high = x < y ? y : x;
  if (high == 0) return 0;
  double t = low / high, base = 0;
  if (t > 0.41421356237309503) {
    base = kPi / 4;
    t = (t - 1) / (t + 1);
  }
  const double s = t * t;
  double series = 1.0 / 17;
  for (int k = 15; k >= 1; k -= 2) series = 1.0 / k - s * series;
  double angle = base + t * series;
  if (y > x) angle = kPi / 2 - angle;
  if (dx < 0) angle = kPi - angle;
  return static_cast<float>(dy < 0 ? -angle : angle);
}

}  // namespace fop
