/* SPDX-License-Identifier: Apache-2.0 */
/* Every kernel in plain C: what runs on any machine, and what the others are tested against. */
#include <math.h>
#include <string.h>

#include "kernels.h"

static double
sigmoid_of(double x)
{
    return 1.0 / (1.0 + exp(-x));
}

#define UNARY(name, expression)                                                                                        \
    static void name##_row(const float *x, float *y, int64_t n)                                                        \
    {                                                                                                                  \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            double v = x[i];                                                                                           \
            y[i] = (float)(expression);                                                                                \
        }                                                                                                              \
    }

UNARY(gelu, 0.5 * v * erfc(-v * M_SQRT1_2))
UNARY(gelu_tanh, v *sigmoid_of(2.0 * M_2_SQRTPI * M_SQRT1_2 * (v + 0.044715 * v * v * v)))
UNARY(gelu_quick, v *sigmoid_of(1.702 * v))
UNARY(relu, v < 0 ? 0 : v)
UNARY(relu2, v < 0 ? 0 : v * v)
UNARY(silu, v *sigmoid_of(v))
UNARY(mish, v *tanh(log1p(exp(v))))
UNARY(tanh, tanh(v))
UNARY(sigmoid, sigmoid_of(v))
UNARY(log1p, log1p(v))
UNARY(exp, exp(v))

#define BINARY(name, expression)                                                                                       \
    static void name##_row(const float *a, const float *b, float *y, int64_t n)                                        \
    {                                                                                                                  \
        for (int64_t i = 0; i < n; i++)                                                                                \
            y[i] = expression;                                                                                         \
    }

BINARY(add, a[i] + b[i])
BINARY(sub, a[i] - b[i])
BINARY(mul, a[i] * b[i])
BINARY(div, a[i] / b[i])
BINARY(max, a[i] > b[i] || isnan(a[i]) ? a[i] : b[i])

static void
scale_row(const float *x, float factor, float *y, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = x[i] * factor;
}

static void
scale_offset_row(const float *x, float factor, float offset, float *y, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = x[i] * factor + offset;
}

static void
layer_norm_row(const float *x, const float *weight, const float *bias, double eps, float *y, int64_t n)
{
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < n; i++)
        sum += x[i];
    double mean = sum / (double)n;
    for (int64_t i = 0; i < n; i++)
        squares += (x[i] - mean) * (x[i] - mean);
    double inverse = 1.0 / sqrt(squares / (double)n + eps);
    for (int64_t i = 0; i < n; i++)
        y[i] = (float)((x[i] - mean) * inverse * weight[i] + (bias != 0 ? bias[i] : 0.0f));
}

static double
sum_of_squares(const float *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)x[i] * x[i];
    return sum;
}

static void
rms_norm_row(const float *x, const float *weight, double eps, float *y, int64_t n)
{
    double inverse = 1.0 / sqrt(sum_of_squares(x, n) / (double)n + eps);
    for (int64_t i = 0; i < n; i++)
        y[i] = (float)(x[i] * inverse * weight[i]);
}

static void
add_layer_norm_row(const float *a, const float *b, const float *weight, const float *bias, double eps, float *y,
                   int64_t n)
{
    add_row(a, b, y, n);
    layer_norm_row(y, weight, bias, eps, y, n);
}

static void
add_rms_norm_row(const float *a, const float *b, const float *weight, double eps, float *y, int64_t n)
{
    add_row(a, b, y, n);
    rms_norm_row(y, weight, eps, y, n);
}

static void
normalize_row(const float *x, double eps, float *y, int64_t n)
{
    double length = sqrt(sum_of_squares(x, n));
    double inverse = 1.0 / (length < eps ? eps : length);
    for (int64_t i = 0; i < n; i++)
        y[i] = (float)(x[i] * inverse);
}

static void
softmax_row(const float *x, float *y, int64_t n)
{
    double max = -INFINITY, sum = 0;
    for (int64_t i = 0; i < n; i++)
        if (x[i] > max)
            max = x[i];
    if (max == -INFINITY)
        max = 0; /* exp(-inf) is 0, and a NaN stays one */
    for (int64_t i = 0; i < n; i++) {
        double e = exp(x[i] - max);
        y[i] = (float)e;
        sum += e;
    }
    double inverse = sum == 0 ? 0 : 1.0 / sum;
    for (int64_t i = 0; i < n; i++)
        y[i] = (float)(y[i] * inverse);
}

static void
accumulate_row(const float *x, float factor, float *y, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] += factor * x[i];
}

static void
product_block(const float *a, int64_t lda, const float *b, int64_t ldb, float *y, int64_t ldy, int64_t m, int64_t n,
              int64_t k, float factor)
{
    for (int64_t r = 0; r < m; r++) {
        float *row = y + r * ldy;
        for (int64_t c = 0; c < n; c++)
            row[c] = 0;
        for (int64_t i = 0; i < k; i++)
            accumulate_row(b + i * ldb, a[r * lda + i], row, n);
        scale_row(row, factor, row, n);
    }
}

static void
transpose_block(const float *x, int64_t ldx, float *y, int64_t ldy, int64_t rows, int64_t columns)
{
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < columns; c++)
            y[c * ldy + r] = x[r * ldx + c];
}

/* The numbers of a head that do not turn. */
static void
copy_rest(const float *x, float *y, int64_t size, int64_t width)
{
    if (x != y && size > width)
        memcpy(y + width, x + width, (size_t)(size - width) * sizeof *y);
}

static void
rotary_row(const float *x, const float *t, float *y, int64_t heads, int64_t size, int64_t width)
{
    int64_t half = width / 2;
    for (int64_t h = 0; h < heads; h++, x += size, y += size) {
        for (int64_t i = 0; i < half; i++) {
            float a = x[i], b = x[half + i];
            y[i] = a * t[i] - b * t[half + i];
            y[half + i] = b * t[i] + a * t[half + i];
        }
        copy_rest(x, y, size, width);
    }
}

static void
rotary_pairs_row(const float *x, const float *t, float *y, int64_t heads, int64_t size, int64_t width)
{
    int64_t half = width / 2;
    for (int64_t h = 0; h < heads; h++, x += size, y += size) {
        for (int64_t i = 0; i < half; i++) {
            float a = x[2 * i], b = x[2 * i + 1];
            y[2 * i] = a * t[i] - b * t[half + i];
            y[2 * i + 1] = b * t[i] + a * t[half + i];
        }
        copy_rest(x, y, size, width);
    }
}

/* --- attention ----------------------------------------------------------------------------------- */

/* Cuts [*begin, *end) down to the keys that query `query` of the call sees. */
static void
attention_reach(const eg_attention *a, int64_t query, int64_t *begin, int64_t *end)
{
    int64_t first = a->first + query - a->below, next = a->first + query + a->above + 1;
    *begin = first > *begin ? first : *begin;
    *end = next < *end ? next : *end;
}

/* What a query's scores in this block of keys add to its result. */
static void
attention_query(const eg_attention *a, int64_t query, const float *panel, int64_t block, int64_t begin, int64_t end,
                float *max, double *sum)
{
    float weights[EG_ATTENTION_KEYS], *y = a->y + query * a->ldy;
    int64_t keys = end - begin;
    product_block(a->q + query * a->ldq, a->ldq, panel + (begin - block), EG_ATTENTION_KEYS, weights, keys, 1, keys,
                  a->size, a->factor);
    if (a->bias != 0) {
        int64_t first = a->first + query - a->bias_window;
        first = first < 0 ? 0 : first > a->bias_last ? a->bias_last : first;
        add_row(weights, a->bias + query * a->ldb + (begin - first), weights, keys);
    }
    float greatest = *max;
    for (int64_t i = 0; i < keys; i++)
        greatest = weights[i] > greatest ? weights[i] : greatest;
    float base = greatest == -INFINITY ? 0 : greatest; /* exp(-inf) is 0, and a NaN stays one */
    double rescale = exp(*max - base);
    scale_row(y, (float)rescale, y, a->value_size);
    *sum *= rescale;
    for (int64_t i = 0; i < keys; i++) {
        double e = exp(weights[i] - base);
        *sum += e;
        accumulate_row(a->v + (begin + i) * a->ldv, (float)e, y, a->value_size);
    }
    *max = greatest;
}

static void
attention_block(const eg_attention *a, float *panel)
{
    float max[EG_ATTENTION_QUERIES];
    double sum[EG_ATTENTION_QUERIES];
    for (int64_t q = 0; q < a->queries; q++) {
        max[q] = -INFINITY;
        sum[q] = 0;
        for (int64_t i = 0; i < a->value_size; i++)
            a->y[q * a->ldy + i] = 0;
    }
    for (int64_t block = 0; block < a->keys; block += EG_ATTENTION_KEYS) {
        int64_t next = block + EG_ATTENTION_KEYS < a->keys ? block + EG_ATTENTION_KEYS : a->keys;
        transpose_block(a->k + block * a->ldk, a->ldk, panel, EG_ATTENTION_KEYS, next - block, a->size);
        for (int64_t q = 0; q < a->queries; q++) {
            int64_t begin = block, end = next;
            attention_reach(a, q, &begin, &end);
            if (begin < end)
                attention_query(a, q, panel, block, begin, end, &max[q], &sum[q]);
        }
    }
    for (int64_t q = 0; q < a->queries; q++)
        scale_row(a->y + q * a->ldy, sum[q] == 0 ? 0.0f : (float)(1.0 / sum[q]), a->y + q * a->ldy, a->value_size);
}

void
eg_kernels_plain(eg_kernels *k)
{
    *k = (eg_kernels){.isa = EG_ISA_PLAIN,
                      .gelu = gelu_row,
                      .gelu_tanh = gelu_tanh_row,
                      .gelu_quick = gelu_quick_row,
                      .relu = relu_row,
                      .relu2 = relu2_row,
                      .silu = silu_row,
                      .mish = mish_row,
                      .tanh = tanh_row,
                      .sigmoid = sigmoid_row,
                      .log1p = log1p_row,
                      .exp = exp_row,
                      .add = add_row,
                      .sub = sub_row,
                      .mul = mul_row,
                      .div = div_row,
                      .scale = scale_row,
                      .scale_offset = scale_offset_row,
                      .layer_norm = layer_norm_row,
                      .rms_norm = rms_norm_row,
                      .add_layer_norm = add_layer_norm_row,
                      .add_rms_norm = add_rms_norm_row,
                      .normalize = normalize_row,
                      .softmax = softmax_row,
                      .rotary = rotary_row,
                      .rotary_pairs = rotary_pairs_row,
                      .accumulate = accumulate_row,
                      .max = max_row,
                      .product = product_block,
                      .attention = attention_block,
                      .transpose = transpose_block};
    eg_kernels_plain_matmul(k);
}
