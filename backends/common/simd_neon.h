/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors of four floats: AArch64's NEON. */
#include <arm_neon.h>
#include <stdint.h>

#define VW 4
#define PRODUCT_ROWS 6
#define PRODUCT_VECTORS 4
#define ATTENTION_UNIT 2
#define ATTENTION_KEYS_1 8
#define ATTENTION_KEYS_2 6
#define ATTENTION_KEYS_3 4
#define ATTENTION_MOST_KEYS 8
#define MATMUL_UNIT 2
#define MATMUL_COLUMNS_1 8
#define MATMUL_COLUMNS_2 6
#define MATMUL_COLUMNS_3 4
#define TRANSPOSE_BLOCK 4

typedef float32x4_t vf;
typedef uint32x4_t vmask;

static inline vf
v_load_n(const float *p, int64_t n)
{
    float lanes[4] = {0};
    for (int64_t i = 0; i < n; i++)
        lanes[i] = p[i];
    return vld1q_f32(lanes);
}

static inline void
v_store_n(float *p, vf v, int64_t n)
{
    float lanes[4];
    vst1q_f32(lanes, v);
    for (int64_t i = 0; i < n; i++)
        p[i] = lanes[i];
}

/* clang-format off */
static inline vf v_load(const float *p) { return vld1q_f32(p); }
static inline void v_store(float *p, vf v) { vst1q_f32(p, v); }
static inline vf v_set(float x) { return vdupq_n_f32(x); }
static inline vf v_add(vf a, vf b) { return vaddq_f32(a, b); }
static inline vf v_sub(vf a, vf b) { return vsubq_f32(a, b); }
static inline vf v_mul(vf a, vf b) { return vmulq_f32(a, b); }
static inline vf v_div(vf a, vf b) { return vdivq_f32(a, b); }
static inline vf v_fma(vf a, vf b, vf c) { return vfmaq_f32(c, a, b); }             /* a · b + c */
static inline vf v_fnma(vf a, vf b, vf c) { return vfmsq_f32(c, a, b); }            /* c - a · b */
static inline vf v_fms(vf a, vf b, vf c) { return vfmaq_f32(vnegq_f32(c), a, b); }  /* a · b - c */
static inline vf v_max(vf a, vf b) { return vmaxq_f32(a, b); } /* a NaN if either is one */
static inline vf v_min(vf a, vf b) { return vminq_f32(a, b); }
static inline vf v_abs(vf a) { return vabsq_f32(a); }
static inline vf v_with_sign(vf a, vf s) { return vbslq_f32(vdupq_n_u32(0x80000000u), s, a); }
static inline vf v_round(vf a) { return vrndnq_f32(a); }
static inline vmask v_lt(vf a, vf b) { return vcltq_f32(a, b); }
static inline vmask v_is_number(vf a) { return vceqq_f32(a, a); }
static inline vf v_select(vmask m, vf yes, vf no) { return vbslq_f32(m, yes, no); }
static inline float v_sum(vf a) { return vaddvq_f32(a); }
static inline float v_largest(vf a) { return vmaxvq_f32(a); }
/* clang-format on */

/* 2^n for whole n in [-126, 127]. */
static inline vf
v_pow2(vf n)
{
    int32x4_t exponent = vaddq_s32(vcvtq_s32_f32(n), vdupq_n_s32(127));
    return vreinterpretq_f32_s32(vshlq_n_s32(exponent, 23));
}

/* p · 2^n for n = t - 1.5 · 2^23, where p and the result are normal. A NaN t leaves p as it is. */
static inline vf
v_times_pow2(vf p, vf t)
{
    int32x4_t exponent = vshlq_n_s32(vreinterpretq_s32_f32(t), 23);
    return vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(p), exponent));
}

/* x = m · 2^e with m in [√½, √2), for normal x > 0. */
static inline vf
v_split(vf x, vf *e)
{
    int32x4_t bits = vreinterpretq_s32_f32(x);
    int32x4_t exponent = vshrq_n_s32(vsubq_s32(bits, vdupq_n_s32(0x3f3504f3)), 23);
    *e = vcvtq_f32_s32(exponent);
    return vreinterpretq_f32_s32(vsubq_s32(bits, vshlq_n_s32(exponent, 23)));
}

static inline void
v_transpose_block(const float *x, int64_t ldx, float *y, int64_t ldy)
{
    float32x4x2_t a = vtrnq_f32(vld1q_f32(x), vld1q_f32(x + ldx));
    float32x4x2_t b = vtrnq_f32(vld1q_f32(x + 2 * ldx), vld1q_f32(x + 3 * ldx));
    vst1q_f32(y, vcombine_f32(vget_low_f32(a.val[0]), vget_low_f32(b.val[0])));
    vst1q_f32(y + ldy, vcombine_f32(vget_low_f32(a.val[1]), vget_low_f32(b.val[1])));
    vst1q_f32(y + 2 * ldy, vcombine_f32(vget_high_f32(a.val[0]), vget_high_f32(b.val[0])));
    vst1q_f32(y + 3 * ldy, vcombine_f32(vget_high_f32(a.val[1]), vget_high_f32(b.val[1])));
}
