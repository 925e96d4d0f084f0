/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors of sixteen floats: AVX-512 F, BW, DQ, VL. */
#include <immintrin.h>
#include <stdint.h>

#include "simd_x86_transpose.h"

#define VW 16
#define PRODUCT_ROWS 6
#define PRODUCT_VECTORS 4
#define ATTENTION_UNIT 1
#define ATTENTION_KEYS_1 16
#define ATTENTION_KEYS_2 12
#define ATTENTION_KEYS_3 8
#define ATTENTION_MOST_KEYS 16
#define MATMUL_UNIT 1
#define MATMUL_COLUMNS_1 16
#define MATMUL_COLUMNS_2 12
#define MATMUL_COLUMNS_3 8

typedef __m512 vf;
typedef __mmask16 vmask;

static inline __mmask16
v_first_lanes(int64_t n)
{
    return (__mmask16)((1u << n) - 1u);
}

/* clang-format off */
static inline vf v_load(const float *p) { return _mm512_loadu_ps(p); }
static inline vf v_load_n(const float *p, int64_t n) { return _mm512_maskz_loadu_ps(v_first_lanes(n), p); }
static inline void v_store(float *p, vf v) { _mm512_storeu_ps(p, v); }
static inline void v_store_n(float *p, vf v, int64_t n) { _mm512_mask_storeu_ps(p, v_first_lanes(n), v); }
static inline vf v_set(float x) { return _mm512_set1_ps(x); }
static inline vf v_add(vf a, vf b) { return _mm512_add_ps(a, b); }
static inline vf v_sub(vf a, vf b) { return _mm512_sub_ps(a, b); }
static inline vf v_mul(vf a, vf b) { return _mm512_mul_ps(a, b); }
static inline vf v_div(vf a, vf b) { return _mm512_div_ps(a, b); }
static inline vf v_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }   /* a · b + c */
static inline vf v_fnma(vf a, vf b, vf c) { return _mm512_fnmadd_ps(a, b, c); } /* c - a · b */
static inline vf v_fms(vf a, vf b, vf c) { return _mm512_fmsub_ps(a, b, c); }   /* a · b - c */
static inline vf v_max(vf a, vf b) { return _mm512_max_ps(a, b); } /* b if either is a NaN */
static inline vf v_min(vf a, vf b) { return _mm512_min_ps(a, b); }
static inline vf v_abs(vf a) { return _mm512_abs_ps(a); }
static inline vf v_with_sign(vf a, vf s) { return _mm512_or_ps(a, _mm512_and_ps(_mm512_set1_ps(-0.0f), s)); }
static inline vf v_round(vf a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
static inline vmask v_lt(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
static inline vmask v_is_number(vf a) { return _mm512_cmp_ps_mask(a, a, _CMP_ORD_Q); }
static inline vf v_select(vmask m, vf yes, vf no) { return _mm512_mask_blend_ps(m, no, yes); }
static inline float v_sum(vf a) { return _mm512_reduce_add_ps(a); }
static inline float v_largest(vf a) { return _mm512_reduce_max_ps(a); }
/* clang-format on */

/* 2^n for whole n in [-126, 127]. */
static inline vf
v_pow2(vf n)
{
    __m512i exponent = _mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127));
    return _mm512_castsi512_ps(_mm512_slli_epi32(exponent, 23));
}

/* p · 2^n for n = t - 1.5 · 2^23, where p and the result are normal. A NaN t leaves p as it is. */
static inline vf
v_times_pow2(vf p, vf t)
{
    __m512i exponent = _mm512_slli_epi32(_mm512_castps_si512(t), 23);
    return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(p), exponent));
}

/* x = m · 2^e with m in [√½, √2), for normal x > 0. */
static inline vf
v_split(vf x, vf *e)
{
    __m512i bits = _mm512_castps_si512(x);
    __m512i exponent = _mm512_srai_epi32(_mm512_sub_epi32(bits, _mm512_set1_epi32(0x3f3504f3)), 23);
    *e = _mm512_cvtepi32_ps(exponent);
    return _mm512_castsi512_ps(_mm512_sub_epi32(bits, _mm512_slli_epi32(exponent, 23)));
}
