/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows by a weight, on each instruction set that this machine can run: every edge of the tiles, to the bit where
 * kernels.h promises an order, and what becomes of a product on its way out.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backends/common/kernels.h"

#define CHAIN 128
#ifndef EVERY /* an emulated machine takes every so many of some cases */
#define EVERY 1
#endif
#define GAP 3 /* between rows, to see that nothing is written or read there */

/* Each level of this machine, the plain one first. */
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

static void
fill(float *x, int64_t n, uint32_t seed)
{
    for (int64_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)(int32_t)seed * 0x1p-30f;
    }
}

/* m rows of n numbers, GAP apart. */
static float *
rows_new(int64_t m, int64_t n, uint32_t seed)
{
    float *x = malloc((size_t)(m * (n + GAP) + 1) * sizeof *x);
    cr_assert(x != NULL);
    for (int64_t r = 0; r < m; r++) {
        fill(x + r * (n + GAP), n, seed + (uint32_t)r * 7919);
        for (int64_t i = n; i < n + GAP; i++)
            x[r * (n + GAP) + i] = NAN;
    }
    return x;
}

static float *
pack_new(const eg_kernels *kernels, const float *x, int64_t ldx, int64_t m, int64_t k)
{
    int64_t rows = (m + EG_PACK_ROWS - 1) / EG_PACK_ROWS * EG_PACK_ROWS;
    float *packed = aligned_alloc(64, (size_t)(rows * k + 16) / 16 * 64);
    cr_assert(packed != NULL);
    kernels->matmul_pack(x, ldx, m, k, packed);
    return packed;
}

/* The product of all of x with all of w, with nothing between their rows where y's are GAP apart. */
static void
multiply(const eg_kernels *kernels, const float *x, int64_t ldx, const float *w, int64_t ldw, float *y, int64_t ldy,
         int64_t m, int64_t n, int64_t k, const eg_epilogue *epilogue)
{
    float *packed = pack_new(kernels, x, ldx, m, k);
    kernels->matmul(packed, m, k, w, ldw, n, y, ldy, epilogue != NULL ? epilogue : &(eg_epilogue){0});
    free(packed);
}

/* --- sums -------------------------------------------------------------------------------------------------------- */

/* What the order that kernels.h promises gives, to the bit. */
static float
by_chains(const float *x, const float *w, int64_t k)
{
    float sum = 0, chain = 0;
    for (int64_t i = 0; i < k; i++) {
        chain = fmaf(x[i], w[i], chain);
        if ((i + 1) % CHAIN == 0 || i + 1 == k) {
            sum = i < CHAIN ? chain : sum + chain;
            chain = 0;
        }
    }
    return sum;
}

/* As near as its roundings allow, each at most 2^-24 of Σ|x·w|: product, chain, sums of chains. */
static int
near_enough(const float *x, const float *w, int64_t k, float got)
{
    double sum = 0, size = 0;
    int64_t roundings = 1 + (k < CHAIN ? k : CHAIN) + k / CHAIN + 1;
    for (int64_t i = 0; i < k; i++) {
        sum += (double)x[i] * w[i];
        size += fabs((double)x[i] * w[i]);
    }
    return fabs(sum - got) <= 1.001 * (double)roundings * 0x1p-24 * size;
}

static void
check_sums(const eg_kernels *kernels, int64_t m, int64_t n, int64_t k)
{
    int64_t ld = k + GAP, ldy = n + GAP;
    float *x = rows_new(m, k, 11), *w = rows_new(n, k, 12), *y = rows_new(m, n, 13);
    multiply(kernels, x, ld, w, ld, y, ldy, m, n, k, NULL);
    for (int64_t r = 0; r < m; r++) {
        for (int64_t i = 0; i < n; i++) {
            float got = y[r * ldy + i], want = by_chains(x + r * ld, w + i * ld, k);
            cr_assert(kernels->isa == EG_ISA_PLAIN || got == want,
                      "%s %lld × %lld × %lld at %lld, %lld: %.9g, not %.9g", eg_isa_name(kernels->isa), (long long)m,
                      (long long)n, (long long)k, (long long)r, (long long)i, (double)got, (double)want);
            cr_assert(near_enough(x + r * ld, w + i * ld, k, got));
        }
        for (int64_t i = n; i < ldy; i++)
            cr_assert(isnan(y[r * ldy + i]), "%s wrote beyond row %lld", eg_isa_name(kernels->isa), (long long)r);
    }
    free(x);
    free(w);
    free(y);
}

/* Every edge of the tiles, panels, strips and chains. */
Test(matmul, sums, .timeout = 120)
{
    static const int64_t large[][3] = {{25, 63, 383}, {9, 20, 127},  {9, 20, 129},  {17, 12, 257},  {49, 65, 384},
                                       {7, 129, 385}, {97, 33, 769}, {3, 770, 17},  {1, 1537, 40},  {200, 5, 31},
                                       {1, 1, 1999},  {24, 64, 640}, {32, 97, 128}, {100, 191, 256}};
    eg_kernels kernels;
    for (int state = 0; next_level(&kernels, &state);) {
        for (int64_t m = 1; m <= 50; m += EVERY)
            for (int64_t n = 1; n <= 40; n += m < 25 ? 1 : 3)
                check_sums(&kernels, m, n, (m * 7 + n * 3) % 41 + 1);
        for (int64_t k = 1; k <= 40; k++)
            check_sums(&kernels, k % 5 * 8 + 1, 17, k);
        for (size_t i = 0; i < sizeof large / sizeof large[0]; i++)
            check_sums(&kernels, large[i][0], large[i][1], large[i][2]);
    }
}

Test(matmul, of_nothing)
{
    eg_kernels kernels;
    for (int state = 0; next_level(&kernels, &state);) {
        float x = 1, w = 1, y[2] = {77, 77};
        multiply(&kernels, &x, 1, &w, 1, y, 1, 0, 1, 1, NULL);
        multiply(&kernels, &x, 1, &w, 1, y, 1, 1, 0, 1, NULL);
        cr_expect(y[0] == 77.0f && y[1] == 77.0f);
        multiply(&kernels, &x, 1, &w, 1, y, 1, 1, 1, 0, NULL);
        cr_expect(y[0] == 0.0f && y[1] == 77.0f);
    }
}

/* A row's NaN or infinity is that row's own: padding and neighbours do not spread it. */
Test(matmul, keeps_nan_in_its_row)
{
    enum { M = 13, N = 21, K = 50 };
    eg_kernels kernels;
    for (int state = 0; next_level(&kernels, &state);) {
        float x[M * K], w[N * K], y[M * N];
        fill(x, M * K, 11);
        fill(w, N * K, 12);
        x[5 * K + 7] = NAN;
        x[8 * K + 9] = INFINITY;
        multiply(&kernels, x, K, w, K, y, N, M, N, K, NULL);
        for (int r = 0; r < M; r++)
            for (int i = 0; i < N; i++)
                cr_assert(r == 5 ? isnan(y[r * N + i]) : r == 8 ? isinf(y[r * N + i]) : isfinite(y[r * N + i]));
    }
}

/* --- epilogues --------------------------------------------------------------------------------------------------- */

/* What is added, applied and multiplied; each function of a number, and none. */
typedef struct epilogue_case {
    int bias, factor, residual, in_place; /* in_place: the residual, or else the factor, is y */
    eg_unary_kernel activation;
} epilogue_case;

/* Step by step with the kernels of single ops, from a product of its own. */
static void
by_steps(const eg_kernels *kernels, const epilogue_case *c, float *y, const float *bias, const float *factor,
         const float *residual, int64_t m, int64_t n)
{
    for (int64_t r = 0; r < m; r++) {
        float *row = y + r * (n + GAP);
        if (c->bias)
            kernels->add(row, bias, row, n);
        if (c->activation != NULL)
            c->activation(row, row, n);
        if (c->factor)
            kernels->mul(row, factor + r * (n + GAP), row, n);
        if (c->residual)
            kernels->add(row, residual + r * (n + GAP), row, n);
    }
}

static void
check_epilogue(const eg_kernels *kernels, const epilogue_case *c, int64_t m, int64_t n, int64_t k)
{
    int64_t ld = n + GAP;
    size_t bytes = (size_t)(m * ld) * sizeof(float);
    float *x = rows_new(m, k, 21), *w = rows_new(n, k, 22), *bias = rows_new(1, n, 23);
    float *factor = rows_new(m, n, 24), *residual = rows_new(m, n, 25), *want = rows_new(m, n, 26),
          *y = rows_new(m, n, 27);
    multiply(kernels, x, k + GAP, w, k + GAP, want, ld, m, n, k, NULL);
    memcpy(y, want, bytes);
    float *product = rows_new(m, n, 28);
    memcpy(product, want, bytes);
    by_steps(kernels, c, want, bias, factor, residual, m, n);
    eg_epilogue e = {.bias = c->bias ? bias : NULL,
                     .activation = c->activation,
                     .factor = c->factor ? factor : NULL,
                     .residual = c->residual ? residual : NULL,
                     .ld_factor = ld,
                     .ld_residual = ld};
    if (c->in_place && c->residual) {
        memcpy(y, residual, bytes);
        e.residual = y;
    } else if (c->in_place && c->factor) {
        memcpy(y, factor, bytes);
        e.factor = y;
    }
    multiply(kernels, x, k + GAP, w, k + GAP, y, ld, m, n, k, &e);
    cr_assert(memcmp(y, want, bytes) == 0, "%s %lld × %lld × %lld", eg_isa_name(kernels->isa), (long long)m,
              (long long)n, (long long)k);
    if (!c->in_place) { /* the same of a product that lies somewhere: over itself, and beside */
        float *beside = rows_new(m, n, 29);
        memcpy(y, product, bytes);
        kernels->finish(y, ld, y, ld, m, n, &e);
        cr_assert(memcmp(y, want, bytes) == 0);
        kernels->finish(product, ld, beside, ld, m, n, &e);
        cr_assert(memcmp(beside, want, bytes) == 0);
        free(beside);
    }
    float *all[] = {x, w, bias, factor, residual, want, y, product};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
}

/* An epilogue gives the bits of the steps that it stands for. */
Test(matmul, epilogues, .timeout = 120)
{
    static const int64_t sizes[][3] = {{1, 1, 1}, {5, 7, 3}, {8, 96, 128}, {25, 97, 129}, {33, 200, 40}, {50, 13, 300}};
    eg_kernels k;
    for (int state = 0; next_level(&k, &state);) {
        const eg_unary_kernel activations[] = {NULL,   k.gelu, k.gelu_tanh, k.gelu_quick, k.relu, k.relu2,
                                               k.silu, k.mish, k.tanh,      k.sigmoid,    k.log1p};
        for (size_t a = 0; a < sizeof activations / sizeof activations[0]; a++)
            for (int flags = 0; flags < 16; flags += EVERY)
                for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
                    epilogue_case c = {flags & 1, flags >> 1 & 1, flags >> 2 & 1, flags >> 3, activations[a]};
                    check_epilogue(&k, &c, sizes[s][0], sizes[s][1], sizes[s][2]);
                }
    }
}

/* --- cuts -------------------------------------------------------------------------------------------------------- */

/* The same bits however rows and columns are cut, with an epilogue that knows where each block lies. */
Test(matmul, cut_anywhere, .timeout = 120)
{
    enum { M = 61, N = 230, K = 150, LD = N + GAP };
    eg_kernels kernels;
    for (int state = 0; next_level(&kernels, &state);) {
        float *x = rows_new(M, K, 31), *w = rows_new(N, K, 32), *bias = rows_new(1, N, 33),
              *residual = rows_new(M, N, 34);
        float *all = rows_new(M, N, 35), *some = rows_new(M, N, 36);
        eg_epilogue e = {.bias = bias, .activation = kernels.gelu, .residual = residual, .ld_residual = LD};
        multiply(&kernels, x, K + GAP, w, K + GAP, all, LD, M, N, K, &e);
        for (int64_t rows = 1; rows <= M; rows += rows < 27 ? 1 : 7) {
            int64_t columns = rows * 37 % N + 1;
            for (int64_t r = 0; r < M; r += rows) {
                int64_t m = M - r < rows ? M - r : rows;
                float *packed = pack_new(&kernels, x + r * (K + GAP), K + GAP, m, K);
                for (int64_t c = 0; c < N; c += columns) {
                    eg_epilogue here = eg_epilogue_at(&e, r, c);
                    kernels.matmul(packed, m, K, w + c * (K + GAP), K + GAP, N - c < columns ? N - c : columns,
                                   some + r * LD + c, LD, &here);
                }
                free(packed);
            }
            cr_assert(memcmp(all, some, sizeof(float) * M * LD) == 0, "%s, %lld rows, %lld columns",
                      eg_isa_name(kernels.isa), (long long)rows, (long long)columns);
        }
        float *everything[] = {x, w, bias, residual, all, some};
        for (size_t i = 0; i < sizeof everything / sizeof everything[0]; i++)
            free(everything[i]);
    }
}
