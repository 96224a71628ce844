// Packed numbers come back bit for bit.
#include "replay/sparse_floats.hpp"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "fop/check.hpp"
#include "fop/rng.hpp"

namespace {

// Numbers of which about `share` are not zero.
std::vector<float> numbers(std::size_t n, float share, std::uint32_t episode) {
  const fop::Draws draws{1, fop::Purpose::kGame, episode, 0};
  std::vector<float> x(n);
  for (std::size_t i = 0; i < n; ++i) {
    const auto index = static_cast<std::uint32_t>(2 * i);
    x[i] = draws.uniform(index) < share ? draws.uniform(index + 1) - 0.5f : 0.0f;
  }
  return x;
}

void test_round_trip_is_exact_for_all_lengths_and_densities() {
  for (const float share : {0.0f, 0.1f, 0.5f, 1.0f}) {
    for (std::size_t n = 0; n < 70; ++n) {
      const std::vector<float> x = numbers(n, share, static_cast<std::uint32_t>(n));
      std::size_t count = 0;
      for (const float v : x) count += v != 0.0f ? 1 : 0;
      CHECK(fop::count_nonzero(x.data(), n) == count);
      // Exact sizes, so that a sanitizer sees any step outside.
      std::vector<std::uint8_t> bitmap(fop::bitmap_bytes(n));
      std::vector<float> values(count + 1), fast(n, 9.0f), plain(n, 9.0f);
      fop::pack_floats(x.data(), n, bitmap.data(), values.data());
      values.resize(count);
      values.shrink_to_fit();
      fop::unpack_floats(bitmap.data(), values.data(), count, fast.data(), n);
      fop::unpack_floats_plain(bitmap.data(), values.data(), plain.data(), n);
      CHECK(n == 0 || std::memcmp(x.data(), fast.data(), n * sizeof(float)) == 0);
      CHECK(n == 0 || std::memcmp(x.data(), plain.data(), n * sizeof(float)) == 0);
    }
  }
}

void test_only_true_zeros_are_dropped() {
  const std::vector<float> x{0.0f, -0.0f, std::numeric_limits<float>::denorm_min(),
                             std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()};
  CHECK(fop::count_nonzero(x.data(), x.size()) == 4);
  std::vector<std::uint8_t> bitmap(1);
  std::vector<float> values(5), back(5);
  fop::pack_floats(x.data(), 5, bitmap.data(), values.data());
  CHECK(bitmap[0] == 0b11110);
  fop::unpack_floats(bitmap.data(), values.data(), 4, back.data(), 5);
  for (std::size_t i = 0; i < 5; ++i)
    CHECK(std::bit_cast<std::uint32_t>(x[i]) == std::bit_cast<std::uint32_t>(back[i]));
}

void test_bits() {
  for (std::size_t n = 0; n < 40; ++n) {
    std::vector<std::uint8_t> bytes(n), back(n, 7), bits(fop::bitmap_bytes(n));
    for (std::size_t i = 0; i < n; ++i) bytes[i] = i % 3 == 0 ? 1 : 0;
    fop::pack_bits(bytes.data(), n, bits.data());
    fop::unpack_bits(bits.data(), back.data(), n);
    CHECK(bytes == back);
  }
}

}  // namespace

int main() {
  test_round_trip_is_exact_for_all_lengths_and_densities();
  test_only_true_zeros_are_dropped();
  test_bits();
  return fop::test::failures();
}
