/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors of eight floats: AVX2 with FMA. */
#include <immintrin.h>
#include <stdint.h>

#include "simd_x86_transpose.h"

#define VW 8
#define PRODUCT_ROWS 6
#define PRODUCT_VECTORS 2
#define ATTENTION_UNIT 1
#define ATTENTION_KEYS_1 8
#define ATTENTION_KEYS_2 6
#define ATTENTION_KEYS_3 4
#define ATTENTION_MOST_KEYS 8
#define MATMUL_UNIT 1
#define MATMUL_COLUMNS_1 8
#define MATMUL_COLUMNS_2 6
#define MATMUL_COLUMNS_3 4

typedef __m256 vf;
typedef __m256 vmask;

static inline __m256i
v_first_lanes(int64_t n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

/* clang-format off */
static inline vf v_load(const float *p) { return _mm256_loadu_ps(p); }
static inline vf v_load_n(const float *p, int64_t n) { return _mm256_maskload_ps(p, v_first_lanes(n)); }
static inline void v_store(float *p, vf v) { _mm256_storeu_ps(p, v); }
static inline void v_store_n(float *p, vf v, int64_t n) { _mm256_maskstore_ps(p, v_first_lanes(n), v); }
static inline vf v_set(float x) { return _mm256_set1_ps(x); }
static inline vf v_add(vf a, vf b) { return _mm256_add_ps(a, b); }
static inline vf v_sub(vf a, vf b) { return _mm256_sub_ps(a, b); }
static inline vf v_mul(vf a, vf b) { return _mm256_mul_ps(a, b); }
static inline vf v_div(vf a, vf b) { return _mm256_div_ps(a, b); }
static inline vf v_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }   /* a · b + c */
static inline vf v_fnma(vf a, vf b, vf c) { return _mm256_fnmadd_ps(a, b, c); } /* c - a · b */
static inline vf v_fms(vf a, vf b, vf c) { return _mm256_fmsub_ps(a, b, c); }   /* a · b - c */
static inline vf v_max(vf a, vf b) { return _mm256_max_ps(a, b); } /* b if either is a NaN */
static inline vf v_min(vf a, vf b) { return _mm256_min_ps(a, b); }
static inline vf v_abs(vf a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
static inline vf v_with_sign(vf a, vf s) { return _mm256_or_ps(a, _mm256_and_ps(_mm256_set1_ps(-0.0f), s)); }
static inline vf v_round(vf a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
static inline vmask v_lt(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }
static inline vmask v_is_number(vf a) { return _mm256_cmp_ps(a, a, _CMP_ORD_Q); }
static inline vf v_select(vmask m, vf yes, vf no) { return _mm256_blendv_ps(no, yes, m); }
/* clang-format on */

/* 2^n for whole n in [-126, 127]. */
static inline vf
v_pow2(vf n)
{
    __m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23));
}

/* p · 2^n for n = t - 1.5 · 2^23, where p and the result are normal. A NaN t leaves p as it is. */
static inline vf
v_times_pow2(vf p, vf t)
{
    __m256i exponent = _mm256_slli_epi32(_mm256_castps_si256(t), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), exponent));
}

/* x = m · 2^e with m in [√½, √2), for normal x > 0. */
static inline vf
v_split(vf x, vf *e)
{
    __m256i bits = _mm256_castps_si256(x);
    __m256i exponent = _mm256_srai_epi32(_mm256_sub_epi32(bits, _mm256_set1_epi32(0x3f3504f3)), 23);
    *e = _mm256_cvtepi32_ps(exponent);
    return _mm256_castsi256_ps(_mm256_sub_epi32(bits, _mm256_slli_epi32(exponent, 23)));
}

static inline float
v_sum(vf a)
{
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

static inline float
v_largest(vf a)
{
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}
