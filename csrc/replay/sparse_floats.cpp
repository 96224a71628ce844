// Packing of numbers of which many are zero: a bit for each, 4 bytes for those that aren't.
#include "replay/sparse_floats.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#if defined(__x86_64__) && defined(__GNUC__)
#define FOP_REPLAY_AVX2 1
#include <immintrin.h>
#endif

namespace fop {
namespace {

// bytes[b][k] is bit k of b.
constexpr auto kBytes = [] {
  std::array<std::array<std::uint8_t, 8>, 256> bytes{};
  for (unsigned b = 0; b < 256; ++b) {
    for (unsigned k = 0; k < 8; ++k) bytes[b][k] = static_cast<std::uint8_t>((b >> k) & 1u);
  }
  return bytes;
}();

#ifdef FOP_REPLAY_AVX2
// For each byte of a bitmap: which of the next values each of 8 numbers takes; 0x80 for none (zero).
constexpr auto kSources = [] {
  std::array<std::array<std::uint8_t, 8>, 256> sources{};
  for (unsigned b = 0; b < 256; ++b) {
    std::uint8_t next = 0;
    for (unsigned k = 0; k < 8; ++k) sources[b][k] = ((b >> k) & 1u) != 0 ? next++ : std::uint8_t{0x80};
  }
  return sources;
}();

__attribute__((target("avx2,popcnt"))) void unpack_floats_avx2(const std::uint8_t* bitmap,
                                                               const float* values, std::size_t count,
                                                               float* numbers, std::size_t n) {
  std::size_t i = 0;
  std::size_t used = 0;
  // Eight values are read at a time: the last few are left to the plain path.
  for (; i + 8 <= n && used + 8 <= count; i += 8) {
    const std::uint8_t byte = bitmap[i / 8];
    const __m256i source =
        _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(kSources[byte].data())));
    const __m256 moved = _mm256_permutevar8x32_ps(_mm256_loadu_ps(values + used), source);
    const __m256 none = _mm256_castsi256_ps(_mm256_srai_epi32(source, 31));
    _mm256_storeu_ps(numbers + i, _mm256_andnot_ps(none, moved));
    used += static_cast<std::size_t>(__builtin_popcount(byte));
  }
  unpack_floats_plain(bitmap + i / 8, values + used, numbers + i, n - i);
}
#endif

}  // namespace

std::size_t count_nonzero(const float* numbers, std::size_t n) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < n; ++i) count += std::bit_cast<std::uint32_t>(numbers[i]) != 0 ? 1 : 0;
  return count;
}

void pack_floats(const float* numbers, std::size_t n, std::uint8_t* bitmap, float* values) {
  for (std::size_t i = 0; i < n; i += 8) {
    unsigned byte = 0;
    // No branch on the data: zeros come in no order that a processor could guess.
    for (std::size_t k = 0; k < std::min<std::size_t>(8, n - i); ++k) {
      const unsigned kept = std::bit_cast<std::uint32_t>(numbers[i + k]) != 0 ? 1 : 0;
      *values = numbers[i + k];
      values += kept;
      byte |= kept << k;
    }
    bitmap[i / 8] = static_cast<std::uint8_t>(byte);
  }
}

void unpack_floats_plain(const std::uint8_t* bitmap, const float* values, float* numbers, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    numbers[i] = ((bitmap[i / 8] >> (i % 8)) & 1u) != 0 ? *values++ : 0.0f;
  }
}

void unpack_floats(const std::uint8_t* bitmap, const float* values, std::size_t count, float* numbers,
                   std::size_t n) {
#ifdef FOP_REPLAY_AVX2
  static const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt");
  if (has_avx2) return unpack_floats_avx2(bitmap, values, count, numbers, n);
#endif
  static_cast<void>(count);
  unpack_floats_plain(bitmap, values, numbers, n);
}

void pack_bits(const std::uint8_t* bytes, std::size_t n, std::uint8_t* bits) {
  for (std::size_t i = 0; i < n; i += 8) {
    unsigned byte = 0;
    for (std::size_t k = 0; k < std::min<std::size_t>(8, n - i); ++k)
      byte |= (bytes[i + k] != 0 ? 1u : 0u) << k;
    bits[i / 8] = static_cast<std::uint8_t>(byte);
  }
}

void unpack_bits(const std::uint8_t* bits, std::uint8_t* bytes, std::size_t n) {
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) std::memcpy(bytes + i, kBytes[bits[i / 8]].data(), 8);
  if (i < n) std::memcpy(bytes + i, kBytes[bits[i / 8]].data(), n - i);
}

}  // namespace fop
