// Random numbers: known answers of Philox, ranges and moments, and that every coordinate of a draw matters.
#include "fop/rng.hpp"

#include <cmath>
#include <set>

#include "fop/check.hpp"

namespace {

using fop::Draws;
using fop::PhiloxBlock;
using fop::Purpose;

// Known answers of the Random123 distribution (kat_vectors, philox4x32 10).
void test_known_answers() {
  CHECK(
      (fop::philox({0, 0, 0, 0}, {0, 0}) == PhiloxBlock{0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u}));
  const std::uint32_t ones = 0xffffffffu;
  CHECK((fop::philox({ones, ones, ones, ones}, {ones, ones}) ==
         PhiloxBlock{0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu}));
  CHECK((fop::philox({0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u}, {0xa4093822u, 0x299f31d0u}) ==
         PhiloxBlock{0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u}));
}

void test_every_coordinate_matters() {
  const Draws base{7, Purpose::kGame, 3, 5};
  std::set<std::uint32_t> seen{base.bits(0), base.bits(1), base.bits(4)};
  seen.insert(Draws{8, Purpose::kGame, 3, 5}.bits(0));
  seen.insert(Draws{7 + (std::uint64_t{1} << 32), Purpose::kGame, 3, 5}.bits(0));
  seen.insert(Draws{7, Purpose::kEvaluation, 3, 5}.bits(0));
  seen.insert(Draws{7, Purpose::kGame, 4, 5}.bits(0));
  seen.insert(Draws{7, Purpose::kGame, 3, 6}.bits(0));
  CHECK(seen.size() == 8);
}

void test_ranges_and_moments() {
  const Draws draws{1, Purpose::kActionNoise, 0, 0};
  const int n = 20000;
  double sum = 0, square = 0, uniform_sum = 0;
  for (int i = 0; i < n; ++i) {
    const auto index = static_cast<std::uint32_t>(i);
    const float u = draws.uniform(index);
    CHECK(u >= 0.0f && u < 1.0f);
    const double wide = draws.uniform64(index);
    CHECK(wide >= 0.0 && wide < 1.0);
    uniform_sum += wide;
    CHECK(draws.below(index, 7) < 7);
    const double x = draws.normal(index);
    CHECK(std::abs(x) < 9.0);
    sum += x;
    square += x * x;
  }
  // Five standard errors.
  CHECK_NEAR(uniform_sum / n, 0.5, 5 * std::sqrt(1.0 / 12 / n));
  CHECK_NEAR(sum / n, 0.0, 5 / std::sqrt(n));
  CHECK_NEAR(square / n, 1.0, 5 * std::sqrt(2.0 / n));
}

}  // namespace

int main() {
  test_known_answers();
  test_every_coordinate_matters();
  test_ranges_and_moments();
  return fop::test::failures();
}
