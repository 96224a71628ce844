// AVX2 lanes for soft_value_lanes.hpp: 8 floats or 4 doubles, masks as registers of all-ones lanes.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace fop {
namespace {

// `width` flag bytes as an integer; reads beyond the row where the array goes on, never beyond the array.
template <class Bytes>
inline Bytes load_flags(const std::uint8_t* p, std::int64_t left, const std::uint8_t* end) {
  Bytes bytes = 0;
  if (end - p >= static_cast<std::int64_t>(sizeof(Bytes))) {
    __builtin_memcpy(&bytes, p, sizeof(Bytes));
  } else {
    for (std::int64_t i = 0; i < left; ++i) bytes |= Bytes{p[i]} << (8 * i);
  }
  return bytes;
}

struct Floats256 {
  using Real = float;
  using Reg = __m256;
  using Mask = __m256i;
  static constexpr int kWidth = 8;

  static Mask first(std::int64_t n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n < kWidth ? n : kWidth)),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  static Mask none() { return _mm256_setzero_si256(); }
  static Mask either(Mask a, Mask b) { return _mm256_or_si256(a, b); }
  static bool is_any(Mask m) { return !_mm256_testz_si256(m, m); }
  static Mask usable(const std::uint8_t* flags, std::int64_t at, std::int64_t left, const std::uint8_t* end) {
    if (!flags) return first(left);
    const auto bytes = load_flags<std::uint64_t>(flags + at, left, end);
    const Mask lanes = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(static_cast<long long>(bytes)));
    return _mm256_and_si256(first(left), _mm256_cmpgt_epi32(lanes, none()));
  }
  static Reg set(double x) { return _mm256_set1_ps(static_cast<float>(x)); }
  static Reg load(const float* p, std::int64_t left) {
    return left >= kWidth ? _mm256_loadu_ps(p) : _mm256_maskload_ps(p, first(left));
  }
  static void store(float* p, Reg x, std::int64_t left) {
    left >= kWidth ? _mm256_storeu_ps(p, x) : _mm256_maskstore_ps(p, first(left), x);
  }
  static Reg select(Mask m, Reg yes, Reg no) { return _mm256_blendv_ps(no, yes, _mm256_castsi256_ps(m)); }
  static Reg zero_if_less(Reg x, Reg a, Reg b) {
    return _mm256_andnot_ps(_mm256_cmp_ps(a, b, _CMP_LT_OQ), x);
  }
  static Reg add(Reg a, Reg b) { return _mm256_add_ps(a, b); }
  static Reg sub(Reg a, Reg b) { return _mm256_sub_ps(a, b); }
  static Reg mul(Reg a, Reg b) { return _mm256_mul_ps(a, b); }
  static Reg div(Reg a, Reg b) { return _mm256_div_ps(a, b); }
  static Reg max(Reg a, Reg b) { return _mm256_max_ps(a, b); }
  static Reg fma(Reg a, Reg b, Reg c) { return _mm256_fmadd_ps(a, b, c); }
  static Reg round(Reg x) { return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  static Reg scale(Reg x, Reg n) {  // x 2^n, n in [-126, 127]
    const Mask exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    return _mm256_mul_ps(x, _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23)));
  }
  // x = 2^k m with m in [0.707, 1.414]; x >= 1 or NaN.
  static Reg split(Reg x, Reg* k) {
    const Mask bits = _mm256_castps_si256(x);
    Reg exponent = _mm256_cvtepi32_ps(_mm256_sub_epi32(_mm256_srli_epi32(bits, 23), _mm256_set1_epi32(127)));
    Reg m = _mm256_castsi256_ps(_mm256_or_si256(_mm256_and_si256(bits, _mm256_set1_epi32(0x007FFFFF)),
                                                _mm256_set1_epi32(0x3F800000)));
    const Reg high = _mm256_cmp_ps(m, _mm256_set1_ps(1.41421356f), _CMP_GT_OQ);
    exponent = _mm256_add_ps(exponent, _mm256_and_ps(high, _mm256_set1_ps(1)));
    m = _mm256_blendv_ps(m, _mm256_mul_ps(m, _mm256_set1_ps(0.5f)), high);
    *k = _mm256_add_ps(exponent, _mm256_sub_ps(x, x));  // NaN stays NaN
    return m;
  }
  static float reduce_max(Reg x) {
    __m128 y = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    y = _mm_max_ps(y, _mm_movehl_ps(y, y));
    return _mm_cvtss_f32(_mm_max_ss(y, _mm_movehdup_ps(y)));
  }
  static float reduce_add(Reg x) {
    __m128 y = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    y = _mm_add_ps(y, _mm_movehl_ps(y, y));
    return _mm_cvtss_f32(_mm_add_ss(y, _mm_movehdup_ps(y)));
  }
};

struct Doubles256 {
  using Real = double;
  using Reg = __m256d;
  using Mask = __m256i;
  static constexpr int kWidth = 4;

  static Mask first(std::int64_t n) {
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3));
  }
  static Mask none() { return _mm256_setzero_si256(); }
  static Mask either(Mask a, Mask b) { return _mm256_or_si256(a, b); }
  static bool is_any(Mask m) { return !_mm256_testz_si256(m, m); }
  static Mask usable(const std::uint8_t* flags, std::int64_t at, std::int64_t left, const std::uint8_t* end) {
    if (!flags) return first(left);
    const auto bytes = load_flags<std::uint32_t>(flags + at, left, end);
    const Mask lanes = _mm256_cvtepu8_epi64(_mm_cvtsi32_si128(static_cast<int>(bytes)));
    return _mm256_and_si256(first(left), _mm256_cmpgt_epi64(lanes, none()));
  }
  static Reg set(double x) { return _mm256_set1_pd(x); }
  static Reg load(const double* p, std::int64_t left) {
    return left >= kWidth ? _mm256_loadu_pd(p) : _mm256_maskload_pd(p, first(left));
  }
  static void store(double* p, Reg x, std::int64_t left) {
    left >= kWidth ? _mm256_storeu_pd(p, x) : _mm256_maskstore_pd(p, first(left), x);
  }
  static Reg select(Mask m, Reg yes, Reg no) { return _mm256_blendv_pd(no, yes, _mm256_castsi256_pd(m)); }
  static Reg zero_if_less(Reg x, Reg a, Reg b) {
    return _mm256_andnot_pd(_mm256_cmp_pd(a, b, _CMP_LT_OQ), x);
  }
  static Reg add(Reg a, Reg b) { return _mm256_add_pd(a, b); }
  static Reg sub(Reg a, Reg b) { return _mm256_sub_pd(a, b); }
  static Reg mul(Reg a, Reg b) { return _mm256_mul_pd(a, b); }
  static Reg div(Reg a, Reg b) { return _mm256_div_pd(a, b); }
  static Reg max(Reg a, Reg b) { return _mm256_max_pd(a, b); }
  static Reg fma(Reg a, Reg b, Reg c) { return _mm256_fmadd_pd(a, b, c); }
  static Reg round(Reg x) { return _mm256_round_pd(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  static Reg scale(Reg x, Reg n) {
    const Mask exponent =
        _mm256_add_epi64(_mm256_cvtepi32_epi64(_mm256_cvtpd_epi32(n)), _mm256_set1_epi64x(1023));
    return _mm256_mul_pd(x, _mm256_castsi256_pd(_mm256_slli_epi64(exponent, 52)));
  }
  static Reg split(Reg x, Reg* k) {
    const Mask bits = _mm256_castpd_si256(x);
    // Exponents are small: 2^52 + n, minus 2^52, is n as a double.
    const Mask magic = _mm256_castpd_si256(_mm256_set1_pd(0x1p52));
    Reg exponent = _mm256_sub_pd(_mm256_castsi256_pd(_mm256_or_si256(_mm256_srli_epi64(bits, 52), magic)),
                                 _mm256_set1_pd(0x1p52 + 1023));
    Reg m =
        _mm256_castsi256_pd(_mm256_or_si256(_mm256_and_si256(bits, _mm256_set1_epi64x(0x000FFFFFFFFFFFFF)),
                                            _mm256_set1_epi64x(0x3FF0000000000000)));
    const Reg high = _mm256_cmp_pd(m, _mm256_set1_pd(1.4142135623730951), _CMP_GT_OQ);
    exponent = _mm256_add_pd(exponent, _mm256_and_pd(high, _mm256_set1_pd(1)));
    m = _mm256_blendv_pd(m, _mm256_mul_pd(m, _mm256_set1_pd(0.5)), high);
    *k = _mm256_add_pd(exponent, _mm256_sub_pd(x, x));
    return m;
  }
  static double reduce_max(Reg x) {
    const __m128d y = _mm_max_pd(_mm256_castpd256_pd128(x), _mm256_extractf128_pd(x, 1));
    return _mm_cvtsd_f64(_mm_max_sd(y, _mm_unpackhi_pd(y, y)));
  }
  static double reduce_add(Reg x) {
    const __m128d y = _mm_add_pd(_mm256_castpd256_pd128(x), _mm256_extractf128_pd(x, 1));
    return _mm_cvtsd_f64(_mm_add_sd(y, _mm_unpackhi_pd(y, y)));
  }
};

}  // namespace
}  // namespace fop
