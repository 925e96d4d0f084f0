/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The attention kernel of each instruction set that this machine can run, plain C among them, against sums in double
 * precision; and the norms of sums, against the two kernels that they stand for.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backends/common/kernels.h"

#define GAP 3 /* floats between rows: NaN where nothing is to be read, 77 where nothing is to be written */
#define UNTOUCHED 77.0f

static int
next_level(eg_kernels *out, int *state)
{
    static const char *const names[] = {"plain", "avx2", "avx512", "neon"};
    while (*state < 4) {
        eg_isa isa;
        if (eg_isa_find(names[(*state)++], &isa)) {
            eg_kernels_init(out, isa);
            return 1;
        }
    }
    return 0;
}

/* Rows of random numbers ld apart, the gaps and a row behind filled with `gap`. */
static float *
rows_apart(int64_t rows, int64_t width, int64_t ld, float gap, uint32_t seed)
{
    float *x = malloc((size_t)((rows + 1) * ld) * sizeof *x);
    cr_assert(x != NULL);
    for (int64_t i = 0; i < (rows + 1) * ld; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = i % ld < width && i < rows * ld ? (float)(int32_t)seed * 0x1p-30f : gap;
    }
    return x;
}

static float *
rows_new(int64_t rows, int64_t width, float gap, uint32_t seed)
{
    return rows_apart(rows, width, width + GAP, gap, seed);
}

/* --- a text -------------------------------------------------------------------------------------- */

typedef struct text {
    int64_t n, keys, size, value_size, window;
    int causal, bias;
    float factor;
    float *q, *k, *v, *p;
} text;

static int64_t
columns_of(const text *t)
{
    return t->window > 0 && 2 * t->window + 1 < t->n ? 2 * t->window + 1 : t->n;
}

static text
text_new(int64_t n, int64_t keys, int64_t size, int64_t value_size, int64_t window, int causal, int bias)
{
    text t = {n, keys, size, value_size, window, causal, bias, 2.0f / sqrtf((float)size), NULL, NULL, NULL, NULL};
    t.q = rows_new(n, size, NAN, 1);
    t.k = rows_new(keys, size, NAN, 2); /* behind the last key are NaN */
    t.v = rows_new(keys, value_size, NAN, 3);
    t.p = rows_apart(n, columns_of(&t), columns_of(&t), NAN, 4); /* a pair value's rows lie close */
    return t;
}

static void
text_free(text *t)
{
    free(t->q);
    free(t->k);
    free(t->v);
    free(t->p);
}

static float *
result_new(const text *t)
{
    float *y = rows_new(t->n, t->value_size, UNTOUCHED, 5);
    for (int64_t i = 0; i < t->n; i++)
        for (int64_t c = 0; c < t->value_size; c++)
            y[i * (t->value_size + GAP) + c] = NAN; /* what lay there before is not read */
    return y;
}

/* Queries [begin, end), in calls of at most `most`. */
static void
attend(const eg_kernels *kernels, const text *t, int64_t begin, int64_t end, int64_t most, float *y)
{
    float *scratch = malloc((size_t)EG_ATTENTION_SCRATCH(t->size, t->value_size) * sizeof *scratch);
    cr_assert(scratch != NULL);
    for (int64_t i = begin; i < end; i += most) {
        eg_attention a = {.q = t->q + i * (t->size + GAP),
                          .k = t->k,
                          .v = t->v,
                          .y = y + i * (t->value_size + GAP),
                          .ldq = t->size + GAP,
                          .ldk = t->size + GAP,
                          .ldv = t->value_size + GAP,
                          .ldy = t->value_size + GAP,
                          .first = i,
                          .queries = end - i < most ? end - i : most,
                          .keys = t->keys,
                          .size = t->size,
                          .value_size = t->value_size,
                          .below = t->window > 0 ? t->window : EG_ATTENTION_FAR,
                          .factor = t->factor};
        a.above = t->causal ? 0 : a.below;
        if (t->bias) {
            a.ldb = columns_of(t);
            a.bias = t->p + i * a.ldb;
            a.bias_window = t->window;
            a.bias_last = t->n - columns_of(t);
        }
        kernels->attention(&a, scratch);
    }
    free(scratch);
}

/* --- what it should be --------------------------------------------------------------------------- */

static int
sees(const text *t, int64_t query, int64_t key)
{
    int64_t distance = key > query ? key - query : query - key;
    return !(t->causal && key > query) && !(t->window > 0 && distance > t->window);
}

static double
score(const text *t, int64_t query, int64_t key)
{
    double sum = 0;
    for (int64_t i = 0; i < t->size; i++)
        sum += (double)t->q[query * (t->size + GAP) + i] * t->k[key * (t->size + GAP) + i];
    sum *= t->factor;
    if (t->bias) {
        int64_t first = query - t->window, last = t->n - columns_of(t);
        first = first < 0 ? 0 : first > last ? last : first;
        sum += t->p[query * columns_of(t) + key - first];
    }
    return sum;
}

static void
attend_exactly(const text *t, int64_t query, double *y)
{
    double max = -INFINITY, sum = 0;
    for (int64_t key = 0; key < t->keys; key++)
        if (sees(t, query, key))
            max = fmax(max, score(t, query, key));
    memset(y, 0, (size_t)t->value_size * sizeof *y);
    for (int64_t key = 0; key < t->keys && max > -INFINITY; key++) {
        if (!sees(t, query, key))
            continue;
        double e = exp(score(t, query, key) - max);
        sum += e;
        for (int64_t c = 0; c < t->value_size; c++)
            y[c] += e * t->v[key * (t->value_size + GAP) + c];
    }
    for (int64_t c = 0; c < t->value_size && sum > 0; c++)
        y[c] /= sum;
}

static void
expect_text(const eg_kernels *kernels, const text *t, const float *y)
{
    double want[256];
    cr_assert(t->value_size <= 256);
    for (int64_t i = 0; i < t->n; i++) {
        attend_exactly(t, i, want);
        const float *row = y + i * (t->value_size + GAP);
        for (int64_t c = 0; c < t->value_size; c++)
            cr_assert(fabs(want[c] - row[c]) <= 3e-6 * fmax(1.0, fabs(want[c])),
                      "%s, %lld of %lld queries, %lld keys, size %lld and %lld, window %lld, causal %d, bias %d: "
                      "[%lld] is %.9g, not %.9g",
                      eg_isa_name(kernels->isa), (long long)i, (long long)t->n, (long long)t->keys, (long long)t->size,
                      (long long)t->value_size, (long long)t->window, t->causal, t->bias, (long long)c, (double)row[c],
                      want[c]);
        for (int64_t c = t->value_size; c < t->value_size + GAP; c++)
            cr_assert(row[c] == UNTOUCHED, "%s wrote beyond row %lld", eg_isa_name(kernels->isa), (long long)i);
    }
}

static void
check_text(const eg_kernels *kernels, int64_t n, int64_t keys, int64_t size, int64_t value_size, int64_t window,
           int causal, int bias)
{
    text t = text_new(n, keys, size, value_size, window, causal, bias);
    float *y = result_new(&t);
    attend(kernels, &t, 0, n, EG_ATTENTION_QUERIES, y);
    expect_text(kernels, &t, y);
    free(y);
    text_free(&t);
}

/* --- the tests ----------------------------------------------------------------------------------- */

/* Every number of queries in a tile, and of keys around a block. */
Test(attention, lengths, .timeout = 120)
{
    static const int64_t around[] = {63, 64, 65, 95, 96, 97, 127, 128, 129, 191, 193, 255, 256, 257, 300};
    eg_kernels kernels;
    for (int state = 0; next_level(&kernels, &state);) {
        for (int64_t n = 1; n <= 50; n++)
            check_text(&kernels, n, n, n % 5 * 8 + 1, n % 7 * 5 + 3, 0, 0, 0);
        for (size_t i = 0; i < sizeof around / sizeof around[0]; i++)
            check_text(&kernels, around[i], around[i], 32, 32, 0, 0, 0);
    }
}

Test(attention, sizes_of_heads)
{
    eg_kernels kernels;
    for (int state = 0; next_level(&kernels, &state);)
        for (int64_t size = 1; size <= 140; size += size < 34 ? 1 : 13)
            check_text(&kernels, 29, 29, 141 - size, size, 0, 0, size % 2);
}

Test(attention, causal_windows_and_bias, .timeout = 120)
{
    static const int64_t lengths[] = {1, 2, 9, 25, 31, 96, 130, 261}, windows[] = {0, 1, 4, 24, 70, 127, 500};
    eg_kernels kernels;
    for (int state = 0; next_level(&kernels, &state);)
        for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
            for (size_t w = 0; w < sizeof windows / sizeof windows[0]; w++)
                for (int flags = 0; flags < 4; flags++)
                    check_text(&kernels, lengths[i], lengths[i], 16, 9, windows[w], flags & 1, flags >> 1);
}

/* Keys behind the valid ones are NaN; queries there get numbers, or zeros where no key is in reach. */
Test(attention, padding)
{
    eg_kernels kernels;
    for (int state = 0; next_level(&kernels, &state);) {
        for (int flags = 0; flags < 4; flags++) {
            check_text(&kernels, 40, 1, 8, 8, 0, flags & 1, flags >> 1);
            check_text(&kernels, 140, 13, 8, 8, 2, flags & 1, flags >> 1);
            check_text(&kernels, 140, 129, 8, 8, 0, flags & 1, flags >> 1);
            check_text(&kernels, 140, 127, 8, 8, 12, flags & 1, flags >> 1);
        }
    }
}

/* A query gives the same bits alone, with others, and wherever the calls are cut. */
Test(attention, does_not_depend_on_neighbours)
{
    eg_kernels kernels;
    for (int state = 0; next_level(&kernels, &state);) {
        for (int flags = 0; flags < 8; flags++) {
            text t = text_new(250, 250, 24, 21, flags & 4 ? 40 : 0, flags & 1, flags >> 1 & 1);
            float *all = result_new(&t), *some = result_new(&t);
            size_t bytes = (size_t)(t.n * (t.value_size + GAP)) * sizeof *all;
            attend(&kernels, &t, 0, t.n, EG_ATTENTION_QUERIES, all);
            for (int64_t most = 1; most < EG_ATTENTION_QUERIES; most += most < 26 ? 1 : 11) {
                attend(&kernels, &t, 0, t.n, most, some);
                cr_assert(memcmp(all, some, bytes) == 0, "%s, %lld queries a call", eg_isa_name(kernels.isa),
                          (long long)most);
            }
            free(all);
            free(some);
            text_free(&t);
        }
    }
}

/* Scores so far apart that all weights but one are 0, or so large that their exponentials are not finite. */
Test(attention, extreme_scores)
{
    eg_kernels kernels;
    for (int state = 0; next_level(&kernels, &state);) {
        for (float factor = 1e-6f; factor < 1e6f; factor *= 100) {
            text t = text_new(150, 150, 8, 8, 0, 0, 0);
            t.factor = factor;
            /* numbers whose products and sums are exact, so that only the exponential is in question */
            for (int64_t i = 0; i < t.n * (t.size + GAP); i++) {
                t.q[i] = nearbyintf(t.q[i] * 4);
                t.k[i] = nearbyintf(t.k[i] * 4);
            }
            float *y = result_new(&t);
            attend(&kernels, &t, 0, t.n, EG_ATTENTION_QUERIES, y);
            for (int64_t i = 0; i < t.n; i++) {
                double want[8];
                attend_exactly(&t, i, want);
                for (int c = 0; c < 8; c++)
                    cr_assert(fabs(want[c] - y[i * (8 + GAP) + c]) <= 2e-5, "%s, factor %g: %g, not %g",
                              eg_isa_name(kernels.isa), (double)factor, (double)y[i * (8 + GAP) + c], want[c]);
            }
            free(y);
            text_free(&t);
        }
    }
}

/* Where the bias leaves no key, y is 0; a row's NaN is that row's own. */
Test(attention, of_nothing_and_of_nan)
{
    eg_kernels kernels;
    for (int state = 0; next_level(&kernels, &state);) {
        text t = text_new(131, 131, 8, 8, 0, 0, 1);
        for (int64_t key = 0; key < t.keys; key++)
            t.p[5 * t.n + key] = -INFINITY;
        for (int64_t key = 0; key < 128; key++) /* all of the first block */
            t.p[7 * t.n + key] = -INFINITY;
        t.q[6 * (t.size + GAP) + 2] = NAN;
        float *y = result_new(&t);
        attend(&kernels, &t, 0, t.n, EG_ATTENTION_QUERIES, y);
        double want[8];
        attend_exactly(&t, 7, want);
        for (int64_t i = 0; i < t.n; i++) {
            for (int c = 0; c < 8; c++) {
                float got = y[i * (8 + GAP) + c];
                cr_assert(i == 5   ? got == 0
                          : i == 6 ? isnan(got)
                                   : isfinite(got),
                          "%s, row %lld: %g", eg_isa_name(kernels.isa), (long long)i, (double)got);
                cr_assert(i != 7 || fabs(want[c] - got) <= 3e-6);
            }
        }
        free(y);
        text_free(&t);
    }
}

/* --- norms of sums ------------------------------------------------------------------------------- */

/* The same bits as add and then the norm; in place over either. */
Test(add_norm, is_add_and_norm)
{
    eg_kernels k;
    for (int state = 0; next_level(&k, &state);) {
        for (int64_t n = 1; n < 150; n++) {
            float *a = rows_new(1, n, UNTOUCHED, 6), *b = rows_new(1, n, UNTOUCHED, 7);
            float *weight = rows_new(2, n, NAN, 8), *want = rows_new(1, n, UNTOUCHED, 9);
            float *bias = n % 3 == 0 ? NULL : weight + n + GAP;
            size_t bytes = (size_t)(n + GAP) * sizeof *a;
            for (int rms = 0; rms < 2; rms++) {
                k.add(a, b, want, n);
                if (rms)
                    k.rms_norm(want, weight, 1e-6, want, n);
                else
                    k.layer_norm(want, weight, bias, 1e-6, want, n);
                for (int place = 0; place < 3; place++) {
                    float *x = rows_new(1, n, UNTOUCHED, 6), *z = rows_new(1, n, UNTOUCHED, 7);
                    float *own = rows_new(1, n, UNTOUCHED, 10), *y = place == 0 ? own : place == 1 ? x : z;
                    if (rms)
                        k.add_rms_norm(x, z, weight, 1e-6, y, n);
                    else
                        k.add_layer_norm(x, z, weight, bias, 1e-6, y, n);
                    cr_assert(memcmp(y, want, bytes) == 0, "%s, %lld numbers", eg_isa_name(k.isa), (long long)n);
                    free(x);
                    free(z);
                    free(own);
                }
            }
            free(a);
            free(b);
            free(weight);
            free(want);
        }
    }
}
