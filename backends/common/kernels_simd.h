/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernels in terms of vectors. Included once by each kernels_ISA.c after its simd_ISA.h, which defines vf (VW
 * floats) and what can be done with it; so there is no include guard, and everything is static.
 *
 * Polynomials: fitted for least relative error over the interval named beside them.
 */
#include <math.h>
#include <string.h>

#include "kernels.h"

/* --- functions of a vector ----------------------------------------------------------------------- */

/* e^(a + tail) = p · s1 · s2 for a in [-104, 89]; two powers of two, so that subnormal results are rounded once. */
static inline vf
v_exp_parts(vf a, vf tail, vf *s1, vf *s2)
{
    vf n = v_round(v_mul(a, v_set(1.44269504f)));
    vf r = v_add(v_fnma(n, v_set(-2.12194440e-4f), v_fnma(n, v_set(0.693359375f), a)), tail);
    vf p = v_set(0.00139015297f); /* (e^r - 1 - r) / r² on ±0.35 */
    p = v_fma(p, r, v_set(0.00836373984f));
    p = v_fma(p, r, v_set(0.041666861f));
    p = v_fma(p, r, v_set(0.166665737f));
    p = v_fma(p, r, v_set(0.5f));
    p = v_add(v_fma(p, v_mul(r, r), r), v_set(1.0f));
    vf half = v_round(v_mul(n, v_set(0.5f)));
    *s1 = v_pow2(half);
    *s2 = v_pow2(v_sub(n, half));
    return p;
}

static inline vf
v_exp(vf x)
{
    vf s1, s2;
    vf clamped = v_min(v_set(89.0f), v_max(v_set(-104.0f), x)); /* in this order a NaN stays one */
    vf p = v_exp_parts(clamped, v_set(0.0f), &s1, &s2);
    return v_mul(v_mul(p, s1), s2);
}

/* x / (1 + e^-u), that is x · sigmoid(u). */
static inline vf
v_times_sigmoid(vf x, vf u)
{
    return v_div(x, v_add(v_set(1.0f), v_exp(v_sub(v_set(0.0f), u))));
}

/*
 * x · Φ(x) = max(x, 0) - tΦ(-t) with t = |x|. With d = 1 + 0.3 t and g = t / d, tΦ(-t) = e^(-t²/2) · g · P(0.3 g): no
 * difference of nearly equal numbers, so that the error stays relative far into the negative tail. t² and g are carried
 * with their rounding errors. Of all floats none is more than 4 ulp from the exact value.
 */
static inline vf
v_gelu(vf x)
{
    vf t = v_min(v_set(14.5f), v_abs(x)), one = v_set(1.0f), slope = v_set(0.3f);
    vf square = v_mul(t, t), rest = v_fms(t, t, square), s1, s2;
    vf e = v_exp_parts(v_mul(square, v_set(-0.5f)), v_mul(rest, v_set(-0.5f)), &s1, &s2);
    vf d = v_fma(t, slope, one), g = v_div(t, d);
    vf lost = v_fnma(v_fma(t, slope, v_sub(one, d)), g, v_fnma(g, d, t)); /* t - g · (what d was rounded from) */
    g = v_fma(lost, v_fnma(g, slope, one), g);                            /* 1 / d is 1 - 0.3 g */
    vf v = v_fma(g, slope, v_set(-0.41f));
    vf p = v_set(0.0206200621f); /* tΦ(-t) e^(t²/2) / g on t in [0, 14.3] */
    p = v_fma(p, v, v_set(0.00292391068f));
    p = v_fma(p, v, v_set(-0.0440364717f));
    p = v_fma(p, v, v_set(-0.0106426281f));
    p = v_fma(p, v, v_set(0.0904997606f));
    p = v_fma(p, v, v_set(-0.00928049415f));
    p = v_fma(p, v, v_set(-0.225817797f));
    p = v_fma(p, v, v_set(0.40697679f));
    p = v_fma(p, v, v_set(-0.396929508f));
    p = v_fma(p, v, v_set(0.25456246f));
    vf tail = v_mul(v_mul(v_mul(g, v_mul(p, e)), s1), s2);
    vf base = v_select(v_lt(x, v_set(0.0f)), v_sub(x, x), x); /* of -inf a NaN, as -inf · 0 is */
    return v_sub(base, tail);
}

static inline vf
v_gelu_tanh(vf x)
{
    vf cube = v_mul(v_mul(x, x), x);
    return v_times_sigmoid(x, v_mul(v_set(1.59576912f), v_fma(cube, v_set(0.044715f), x)));
}

static inline vf
v_gelu_quick(vf x)
{
    return v_times_sigmoid(x, v_mul(x, v_set(1.702f)));
}

static inline vf
v_relu(vf x)
{
    return v_select(v_lt(x, v_set(0.0f)), v_set(0.0f), x); /* a NaN stays one */
}

static inline vf
v_relu2(vf x)
{
    vf y = v_relu(x);
    return v_mul(y, y);
}

static inline vf
v_silu(vf x)
{
    return v_times_sigmoid(x, x);
}

static inline vf
v_sigmoid(vf x)
{
    return v_times_sigmoid(v_set(1.0f), x);
}

/* x · tanh(log(1 + e^x)) = x · n / (n + 2) with n = e^x (e^x + 2). */
static inline vf
v_mish(vf x)
{
    vf e = v_exp(v_min(v_set(30.0f), x));
    vf n = v_mul(e, v_add(e, v_set(2.0f)));
    return v_mul(x, v_div(n, v_add(n, v_set(2.0f))));
}

static inline vf
v_tanh(vf x)
{
    vf a = v_abs(x), z = v_mul(x, x);
    vf p = v_set(-0.00593731194f); /* (tanh(x) / x - 1) / x² on ±0.64 */
    p = v_fma(p, z, v_set(0.0208835578f));
    p = v_fma(p, z, v_set(-0.0538260626f));
    p = v_fma(p, z, v_set(0.133326001f));
    p = v_fma(p, z, v_set(-0.333333272f));
    vf small = v_fma(v_mul(p, z), x, x);
    vf e = v_exp(v_add(a, a));
    vf large = v_sub(v_set(1.0f), v_div(v_set(2.0f), v_add(e, v_set(1.0f))));
    return v_select(v_lt(a, v_set(0.625f)), small, v_with_sign(large, x));
}

/* log(u) + the part of x that 1 + x lost; log by the series of 2 artanh(s), |s| ≤ 0.172. */
static inline vf
v_log1p(vf x)
{
    vf u = v_add(x, v_set(1.0f)), e;
    vf lost = v_div(v_sub(x, v_sub(u, v_set(1.0f))), u);
    vf m = v_split(u, &e);
    vf s = v_div(v_sub(m, v_set(1.0f)), v_add(m, v_set(1.0f))), z = v_mul(s, s);
    vf p = v_set(2.0f / 9.0f);
    p = v_fma(p, z, v_set(2.0f / 7.0f));
    p = v_fma(p, z, v_set(2.0f / 5.0f));
    p = v_fma(p, z, v_set(2.0f / 3.0f));
    vf log_m = v_fma(v_mul(p, z), s, v_add(s, s));
    vf y = v_fma(e, v_set(0.693359375f), v_add(v_fma(e, v_set(-2.12194440e-4f), log_m), lost));
    vf below = v_select(v_lt(u, v_set(0.0f)), v_set(NAN), v_set(-INFINITY));
    y = v_select(v_lt(v_set(-1.0f), x), y, below);
    y = v_select(v_lt(v_set(3.4028234e38f), x), x, y);
    return v_select(v_is_number(x), y, x);
}

/* --- rows ---------------------------------------------------------------------------------------- */

#define UNARY(name)                                                                                                    \
    static void simd_##name(const float *x, float *y, int64_t n)                                                       \
    {                                                                                                                  \
        int64_t i = 0;                                                                                                 \
        for (; i + VW <= n; i += VW)                                                                                   \
            v_store(y + i, v_##name(v_load(x + i)));                                                                   \
        if (i < n)                                                                                                     \
            v_store_n(y + i, v_##name(v_load_n(x + i, n - i)), n - i);                                                 \
    }

UNARY(gelu)
UNARY(gelu_tanh)
UNARY(gelu_quick)
UNARY(relu)
UNARY(relu2)
UNARY(silu)
UNARY(mish)
UNARY(tanh)
UNARY(sigmoid)
UNARY(log1p)
UNARY(exp)

/* The greater; a NaN on either side wins. */
static inline vf
v_max_or_nan(vf a, vf b)
{
    return v_select(v_is_number(a), v_max(a, b), a);
}

#define BINARY(name, function)                                                                                         \
    static void simd_##name(const float *a, const float *b, float *y, int64_t n)                                       \
    {                                                                                                                  \
        int64_t i = 0;                                                                                                 \
        for (; i + VW <= n; i += VW)                                                                                   \
            v_store(y + i, function(v_load(a + i), v_load(b + i)));                                                    \
        if (i < n)                                                                                                     \
            v_store_n(y + i, function(v_load_n(a + i, n - i), v_load_n(b + i, n - i)), n - i);                         \
    }

BINARY(add, v_add)
BINARY(sub, v_sub)
BINARY(mul, v_mul)
BINARY(div, v_div)
BINARY(max, v_max_or_nan)

static void
simd_scale(const float *x, float factor, float *y, int64_t n)
{
    vf f = v_set(factor);
    int64_t i = 0;
    for (; i + VW <= n; i += VW)
        v_store(y + i, v_mul(v_load(x + i), f));
    if (i < n)
        v_store_n(y + i, v_mul(v_load_n(x + i, n - i), f), n - i);
}

static void
simd_scale_offset(const float *x, float factor, float offset, float *y, int64_t n)
{
    vf f = v_set(factor), o = v_set(offset);
    int64_t i = 0;
    for (; i + VW <= n; i += VW)
        v_store(y + i, v_fma(v_load(x + i), f, o));
    if (i < n)
        v_store_n(y + i, v_fma(v_load_n(x + i, n - i), f, o), n - i);
}

static void
simd_accumulate(const float *x, float factor, float *y, int64_t n)
{
    vf f = v_set(factor);
    int64_t i = 0;
    for (; i + VW <= n; i += VW)
        v_store(y + i, v_fma(v_load(x + i), f, v_load(y + i)));
    if (i < n)
        v_store_n(y + i, v_fma(v_load_n(x + i, n - i), f, v_load_n(y + i, n - i)), n - i);
}

/* y = a + b, and its sum; in simd_row_sum's order. */
static float
simd_add_row_sum(const float *a, const float *b, float *y, int64_t n)
{
    vf sums = v_set(0.0f), others = sums;
    int64_t i = 0;
    for (; i + 2 * VW <= n; i += 2 * VW) {
        vf x = v_add(v_load(a + i), v_load(b + i)), z = v_add(v_load(a + i + VW), v_load(b + i + VW));
        v_store(y + i, x);
        v_store(y + i + VW, z);
        sums = v_add(sums, x);
        others = v_add(others, z);
    }
    for (; i < n; i += VW) {
        int64_t rest = n - i < VW ? n - i : VW;
        vf x = v_add(v_load_n(a + i, rest), v_load_n(b + i, rest));
        v_store_n(y + i, x, rest);
        sums = v_add(sums, x);
    }
    return v_sum(v_add(sums, others));
}

static float
simd_row_sum(const float *x, int64_t n)
{
    vf a = v_set(0.0f), b = a;
    int64_t i = 0;
    for (; i + 2 * VW <= n; i += 2 * VW) {
        a = v_add(a, v_load(x + i));
        b = v_add(b, v_load(x + i + VW));
    }
    for (; i < n; i += VW)
        a = v_add(a, v_load_n(x + i, n - i < VW ? n - i : VW));
    return v_sum(v_add(a, b));
}

/* Σ (x - mean)². */
static float
simd_row_squares(const float *x, float mean, int64_t n)
{
    vf m = v_set(mean), a = v_set(0.0f), b = a;
    int64_t i = 0;
    for (; i + 2 * VW <= n; i += 2 * VW) {
        vf d = v_sub(v_load(x + i), m), e = v_sub(v_load(x + i + VW), m);
        a = v_fma(d, d, a);
        b = v_fma(e, e, b);
    }
    for (; i + VW <= n; i += VW) {
        vf d = v_sub(v_load(x + i), m);
        a = v_fma(d, d, a);
    }
    float sum = v_sum(v_add(a, b));
    for (; i < n; i++) /* lanes beyond the row would add mean² */
        sum += (x[i] - mean) * (x[i] - mean);
    return sum;
}

static void
simd_layer_norm_of_sum(const float *x, float sum, const float *weight, const float *bias, double eps, float *y,
                       int64_t n)
{
    float mean = sum / (float)n;
    float inverse = (float)(1.0 / sqrt((double)simd_row_squares(x, mean, n) / (double)n + eps));
    vf m = v_set(mean), s = v_set(inverse);
    int64_t i = 0;
    for (; i + VW <= n; i += VW) {
        vf b = bias != 0 ? v_load(bias + i) : v_set(0.0f);
        v_store(y + i, v_fma(v_mul(v_sub(v_load(x + i), m), s), v_load(weight + i), b));
    }
    if (i < n) {
        int64_t rest = n - i;
        vf b = bias != 0 ? v_load_n(bias + i, rest) : v_set(0.0f);
        v_store_n(y + i, v_fma(v_mul(v_sub(v_load_n(x + i, rest), m), s), v_load_n(weight + i, rest), b), rest);
    }
}

static void
simd_layer_norm(const float *x, const float *weight, const float *bias, double eps, float *y, int64_t n)
{
    simd_layer_norm_of_sum(x, simd_row_sum(x, n), weight, bias, eps, y, n);
}

static void
simd_add_layer_norm(const float *a, const float *b, const float *weight, const float *bias, double eps, float *y,
                    int64_t n)
{
    float sum = simd_add_row_sum(a, b, y, n);
    simd_layer_norm_of_sum(y, sum, weight, bias, eps, y, n);
}

static void
simd_rotary(const float *x, const float *t, float *y, int64_t heads, int64_t size, int64_t width)
{
    int64_t half = width / 2;
    for (int64_t h = 0; h < heads; h++, x += size, y += size) {
        int64_t i = 0;
        for (; i + VW <= half; i += VW) {
            vf a = v_load(x + i), b = v_load(x + half + i), c = v_load(t + i), s = v_load(t + half + i);
            v_store(y + i, v_fms(a, c, v_mul(b, s)));
            v_store(y + half + i, v_fma(b, c, v_mul(a, s)));
        }
        if (i < half) {
            int64_t n = half - i;
            vf a = v_load_n(x + i, n), b = v_load_n(x + half + i, n), c = v_load_n(t + i, n),
               s = v_load_n(t + half + i, n);
            v_store_n(y + i, v_fms(a, c, v_mul(b, s)), n);
            v_store_n(y + half + i, v_fma(b, c, v_mul(a, s)), n);
        }
        if (x != y && size > width)
            memcpy(y + width, x + width, (size_t)(size - width) * sizeof *y);
    }
}

static void
simd_rms_norm(const float *x, const float *weight, double eps, float *y, int64_t n)
{
    float inverse = (float)(1.0 / sqrt((double)simd_row_squares(x, 0.0f, n) / (double)n + eps));
    vf s = v_set(inverse);
    int64_t i = 0;
    for (; i + VW <= n; i += VW)
        v_store(y + i, v_mul(v_mul(v_load(x + i), s), v_load(weight + i)));
    if (i < n)
        v_store_n(y + i, v_mul(v_mul(v_load_n(x + i, n - i), s), v_load_n(weight + i, n - i)), n - i);
}

static void
simd_add_rms_norm(const float *a, const float *b, const float *weight, double eps, float *y, int64_t n)
{
    simd_add(a, b, y, n);
    simd_rms_norm(y, weight, eps, y, n);
}

static void
simd_normalize(const float *x, double eps, float *y, int64_t n)
{
    double length = sqrt((double)simd_row_squares(x, 0.0f, n));
    simd_scale(x, (float)(1.0 / (length < eps ? eps : length)), y, n);
}

static float
simd_row_max(const float *x, int64_t n)
{
    vf a = v_set(-INFINITY);
    int64_t i = 0;
    for (; i + VW <= n; i += VW)
        a = v_max(a, v_load(x + i));
    float max = v_largest(a);
    for (; i < n; i++)
        max = x[i] > max ? x[i] : max;
    return max;
}

static void
simd_softmax(const float *x, float *y, int64_t n)
{
    float max = simd_row_max(x, n), tail = 0;
    vf m = v_set(max == -INFINITY ? 0.0f : max), sums = v_set(0.0f); /* exp(-inf) is 0 */
    int64_t i = 0;
    for (; i + VW <= n; i += VW) {
        vf e = v_exp(v_sub(v_load(x + i), m));
        v_store(y + i, e);
        sums = v_add(sums, e);
    }
    if (i < n) {
        v_store_n(y + i, v_exp(v_sub(v_load_n(x + i, n - i), m)), n - i);
        for (int64_t j = i; j < n; j++)
            tail += y[j];
    }
    float sum = v_sum(sums) + tail;
    simd_scale(y, sum == 0 ? 0.0f : 1.0f / sum, y, n);
}

/* --- small products ------------------------------------------------------------------------------ */

/*
 * A tile of R rows and C vectors; the last vector holds `last` columns. Each element is one chain of fused
 * multiply-adds in the order of k, so that its value does not depend on the tile it falls into.
 */
static inline __attribute__((always_inline)) void
product_tile(int R, int C, const float *a, int64_t lda, const float *b, int64_t ldb, float *y, int64_t ldy,
             int64_t last, int64_t k, float factor)
{
    vf sums[PRODUCT_ROWS][PRODUCT_VECTORS], row[PRODUCT_VECTORS];
#pragma GCC unroll 8
    for (int r = 0; r < R; r++)
#pragma GCC unroll 8
        for (int c = 0; c < C; c++)
            sums[r][c] = v_set(0.0f);
    for (int64_t i = 0; i < k; i++) {
#pragma GCC unroll 8
        for (int c = 0; c < C; c++)
            row[c] = c + 1 < C || last == VW ? v_load(b + i * ldb + c * VW) : v_load_n(b + i * ldb + c * VW, last);
#pragma GCC unroll 8
        for (int r = 0; r < R; r++) {
            vf factor_a = v_set(a[r * lda + i]);
#pragma GCC unroll 8
            for (int c = 0; c < C; c++)
                sums[r][c] = v_fma(factor_a, row[c], sums[r][c]);
        }
    }
    vf f = v_set(factor);
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) {
#pragma GCC unroll 8
        for (int c = 0; c < C; c++) {
            vf v = v_mul(sums[r][c], f);
            if (c + 1 < C || last == VW)
                v_store(y + r * ldy + c * VW, v);
            else
                v_store_n(y + r * ldy + c * VW, v, last);
        }
    }
}

/* All rows of y's columns [0, C · VW), or [0, last) of the only vector. */
#define PRODUCT_COLUMNS(C)                                                                                             \
    static void product_columns_##C(const float *a, int64_t lda, const float *b, int64_t ldb, float *y, int64_t ldy,   \
                                    int64_t m, int64_t k, float factor, int64_t last)                                  \
    {                                                                                                                  \
        int64_t r = 0;                                                                                                 \
        for (; r + PRODUCT_ROWS <= m; r += PRODUCT_ROWS)                                                               \
            product_tile(PRODUCT_ROWS, C, a + r * lda, lda, b, ldb, y + r * ldy, ldy, last, k, factor);                \
        for (; r + 2 <= m; r += 2)                                                                                     \
            product_tile(2, C, a + r * lda, lda, b, ldb, y + r * ldy, ldy, last, k, factor);                           \
        if (r < m)                                                                                                     \
            product_tile(1, C, a + r * lda, lda, b, ldb, y + r * ldy, ldy, last, k, factor);                           \
    }

PRODUCT_COLUMNS(1)
#if PRODUCT_VECTORS == 2
PRODUCT_COLUMNS(2)
#define product_columns_wide product_columns_2
#else
PRODUCT_COLUMNS(4)
#define product_columns_wide product_columns_4
#endif

static void
simd_product(const float *a, int64_t lda, const float *b, int64_t ldb, float *y, int64_t ldy, int64_t m, int64_t n,
             int64_t k, float factor)
{
    int64_t c = 0;
    for (; c + PRODUCT_VECTORS * VW <= n; c += PRODUCT_VECTORS * VW)
        product_columns_wide(a, lda, b + c, ldb, y + c, ldy, m, k, factor, VW);
    for (; c < n; c += VW)
        product_columns_1(a, lda, b + c, ldb, y + c, ldy, m, k, factor, n - c < VW ? n - c : VW);
}

static void
simd_transpose(const float *x, int64_t ldx, float *y, int64_t ldy, int64_t rows, int64_t columns)
{
    int64_t r = 0;
    for (; r + TRANSPOSE_BLOCK <= rows; r += TRANSPOSE_BLOCK) {
        int64_t c = 0;
        for (; c + TRANSPOSE_BLOCK <= columns; c += TRANSPOSE_BLOCK)
            v_transpose_block(x + r * ldx + c, ldx, y + c * ldy + r, ldy);
        for (; c < columns; c++)
            for (int64_t i = r; i < r + TRANSPOSE_BLOCK; i++)
                y[c * ldy + i] = x[i * ldx + c];
    }
    for (; r < rows; r++)
        for (int64_t c = 0; c < columns; c++)
            y[c * ldy + r] = x[r * ldx + c];
}

#include "kernels_attention.h"
#include "kernels_matmul.h"

static void
simd_fill(eg_kernels *k)
{
    k->gelu = simd_gelu;
    k->gelu_tanh = simd_gelu_tanh;
    k->gelu_quick = simd_gelu_quick;
    k->relu = simd_relu;
    k->relu2 = simd_relu2;
    k->silu = simd_silu;
    k->mish = simd_mish;
    k->tanh = simd_tanh;
    k->sigmoid = simd_sigmoid;
    k->log1p = simd_log1p;
    k->exp = simd_exp;
    k->add = simd_add;
    k->sub = simd_sub;
    k->mul = simd_mul;
    k->div = simd_div;
    k->max = simd_max;
    k->scale = simd_scale;
    k->scale_offset = simd_scale_offset;
    k->accumulate = simd_accumulate;
    k->layer_norm = simd_layer_norm;
    k->rotary = simd_rotary;
    k->rms_norm = simd_rms_norm;
    k->add_layer_norm = simd_add_layer_norm;
    k->add_rms_norm = simd_add_rms_norm;
    k->normalize = simd_normalize;
    k->softmax = simd_softmax;
    k->product = simd_product;
    k->transpose = simd_transpose;
    k->matmul_pack = simd_matmul_pack;
    k->matmul = simd_matmul;
    k->finish = simd_finish;
    k->attention = simd_attention;
}
