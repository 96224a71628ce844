// AVX-512 lanes for soft_value_lanes.hpp: 16 floats or 8 doubles, masks in mask registers.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace fop {
namespace {

struct Floats512 {
  using Real = float;
  using Reg = __m512;
  using Mask = __mmask16;
  static constexpr int kWidth = 16;

  static Mask first(std::int64_t n) { return static_cast<Mask>(n >= kWidth ? 0xFFFF : (1u << n) - 1); }
  static Mask none() { return 0; }
  static Mask either(Mask a, Mask b) { return static_cast<Mask>(a | b); }
  static bool is_any(Mask m) { return m != 0; }
  // The lanes whose action is available; `flags` null means all that exist.
  static Mask usable(const std::uint8_t* flags, std::int64_t at, std::int64_t left, const std::uint8_t*) {
    if (!flags) return first(left);
    const __m128i bytes = _mm_maskz_loadu_epi8(first(left), flags + at);
    return _mm_test_epi8_mask(bytes, bytes);
  }
  static Reg set(double x) { return _mm512_set1_ps(static_cast<float>(x)); }
  static Reg load(const float* p, std::int64_t left) { return _mm512_maskz_loadu_ps(first(left), p); }
  static void store(float* p, Reg x, std::int64_t left) { _mm512_mask_storeu_ps(p, first(left), x); }
  static Reg select(Mask m, Reg yes, Reg no) { return _mm512_mask_blend_ps(m, no, yes); }
  static Reg zero_if_less(Reg x, Reg a, Reg b) {
    return _mm512_mask_mov_ps(x, _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), _mm512_setzero_ps());
  }
  static Reg add(Reg a, Reg b) { return _mm512_add_ps(a, b); }
  static Reg sub(Reg a, Reg b) { return _mm512_sub_ps(a, b); }
  static Reg mul(Reg a, Reg b) { return _mm512_mul_ps(a, b); }
  static Reg div(Reg a, Reg b) { return _mm512_div_ps(a, b); }
  static Reg max(Reg a, Reg b) { return _mm512_max_ps(a, b); }
  static Reg fma(Reg a, Reg b, Reg c) { return _mm512_fmadd_ps(a, b, c); }
  static Reg round(Reg x) { return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  static Reg scale(Reg x, Reg n) { return _mm512_scalef_ps(x, n); }  // x 2^n
  // x = 2^k m with m in [0.707, 1.414].
  static Reg split(Reg x, Reg* k) {
    const Reg m = _mm512_getmant_ps(x, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_src);
    const Mask high = _mm512_cmp_ps_mask(m, _mm512_set1_ps(1.41421356f), _CMP_GT_OQ);
    const Reg exponent = _mm512_getexp_ps(x);
    *k = _mm512_mask_add_ps(exponent, high, exponent, _mm512_set1_ps(1));
    return _mm512_mask_mul_ps(m, high, m, _mm512_set1_ps(0.5f));
  }
  static float reduce_max(Reg x) { return _mm512_reduce_max_ps(x); }
  static float reduce_add(Reg x) { return _mm512_reduce_add_ps(x); }
};

struct Doubles512 {
  using Real = double;
  using Reg = __m512d;
  using Mask = __mmask8;
  static constexpr int kWidth = 8;

  static Mask first(std::int64_t n) { return static_cast<Mask>(n >= kWidth ? 0xFF : (1u << n) - 1); }
  static Mask none() { return 0; }
  static Mask either(Mask a, Mask b) { return static_cast<Mask>(a | b); }
  static bool is_any(Mask m) { return m != 0; }
  static Mask usable(const std::uint8_t* flags, std::int64_t at, std::int64_t left, const std::uint8_t*) {
    if (!flags) return first(left);
    const __m128i bytes = _mm_maskz_loadu_epi8(first(left), flags + at);
    return static_cast<Mask>(_mm_test_epi8_mask(bytes, bytes));
  }
  static Reg set(double x) { return _mm512_set1_pd(x); }
  static Reg load(const double* p, std::int64_t left) { return _mm512_maskz_loadu_pd(first(left), p); }
  static void store(double* p, Reg x, std::int64_t left) { _mm512_mask_storeu_pd(p, first(left), x); }
  static Reg select(Mask m, Reg yes, Reg no) { return _mm512_mask_blend_pd(m, no, yes); }
  static Reg zero_if_less(Reg x, Reg a, Reg b) {
    return _mm512_mask_mov_pd(x, _mm512_cmp_pd_mask(a, b, _CMP_LT_OQ), _mm512_setzero_pd());
  }
  static Reg add(Reg a, Reg b) { return _mm512_add_pd(a, b); }
  static Reg sub(Reg a, Reg b) { return _mm512_sub_pd(a, b); }
  static Reg mul(Reg a, Reg b) { return _mm512_mul_pd(a, b); }
  static Reg div(Reg a, Reg b) { return _mm512_div_pd(a, b); }
  static Reg max(Reg a, Reg b) { return _mm512_max_pd(a, b); }
  static Reg fma(Reg a, Reg b, Reg c) { return _mm512_fmadd_pd(a, b, c); }
  static Reg round(Reg x) { return _mm512_roundscale_pd(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  static Reg scale(Reg x, Reg n) { return _mm512_scalef_pd(x, n); }
  static Reg split(Reg x, Reg* k) {
    const Reg m = _mm512_getmant_pd(x, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_src);
    const Mask high = _mm512_cmp_pd_mask(m, _mm512_set1_pd(1.4142135623730951), _CMP_GT_OQ);
    const Reg exponent = _mm512_getexp_pd(x);
    *k = _mm512_mask_add_pd(exponent, high, exponent, _mm512_set1_pd(1));
    return _mm512_mask_mul_pd(m, high, m, _mm512_set1_pd(0.5));
  }
  static double reduce_max(Reg x) { return _mm512_reduce_max_pd(x); }
  static double reduce_add(Reg x) { return _mm512_reduce_add_pd(x); }
};

}  // namespace
}  // namespace fop
