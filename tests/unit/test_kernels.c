/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernels of each instruction set that this machine can run, against their plain C versions: functions over the
 * whole range of floats, in units in the last place; the others on rows of every length.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backends/common/kernels.h"

#define LONGEST 150

static float
float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Distance in floats that lie between, over zero too; 0 for two NaNs. */
static int64_t
ulps_between(float a, float b)
{
    int32_t x, y;
    if (isnan(a) || isnan(b))
        return isnan(a) && isnan(b) ? 0 : INT64_MAX;
    memcpy(&x, &a, sizeof x);
    memcpy(&y, &b, sizeof y);
    int64_t p = x < 0 ? -(int64_t)(x & INT32_MAX) : x, q = y < 0 ? -(int64_t)(y & INT32_MAX) : y;
    return p > q ? p - q : q - p;
}

/* Each level of this machine but the plain one. */
static int
next_level(eg_kernels *out, int *state)
{
    static const char *const names[] = {"avx2", "avx512", "neon"};
    while (*state < 3) {
        eg_isa isa;
        if (eg_isa_find(names[(*state)++], &isa)) {
            eg_kernels_init(out, isa);
            return 1;
        }
    }
    return 0;
}

typedef struct function_case {
    const char *name;
    size_t offset;   /* in eg_kernels */
    float low, high; /* beyond, the plain version's result is subnormal or the argument's error is magnified */
    int64_t ulps;
} function_case;

#define FUNCTION(name, low, high, ulps)                                                                                \
    {                                                                                                                  \
#name, offsetof(eg_kernels, name), low, high, ulps                                                             \
    }
static const function_case functions[] = {
    FUNCTION(gelu, -INFINITY, INFINITY, 4),   FUNCTION(gelu_tanh, -2.0f, INFINITY, 8),
    FUNCTION(gelu_quick, -4.0f, INFINITY, 8), FUNCTION(relu, -INFINITY, INFINITY, 0),
    FUNCTION(relu2, -INFINITY, INFINITY, 0),  FUNCTION(silu, -87.0f, INFINITY, 4),
    FUNCTION(mish, -80.0f, INFINITY, 8),      FUNCTION(tanh, -INFINITY, INFINITY, 4),
    FUNCTION(sigmoid, -87.0f, INFINITY, 4),   FUNCTION(log1p, -1.0f, INFINITY, 4),
    FUNCTION(exp, -INFINITY, INFINITY, 2),
};

static eg_unary_kernel
function_of(const eg_kernels *kernels, const function_case *f)
{
    eg_unary_kernel kernel;
    memcpy(&kernel, (const char *)kernels + f->offset, sizeof kernel);
    return kernel;
}

/* Every 251st float between low and high, infinities and NaN. */
static int64_t
worst_ulps(const eg_kernels *plain, const eg_kernels *kernels, const function_case *f, float *at)
{
    enum { N = 4096 };
    static float x[N], want[N], got[N];
    int64_t worst = 0;
    for (uint64_t bits = 0; bits <= UINT32_MAX;) {
        int n = 0;
        for (; n < N && bits <= UINT32_MAX; bits += 251) {
            float v = float_of((uint32_t)bits);
            if (isnan(v) || (v >= f->low && v <= f->high))
                x[n++] = v;
        }
        function_of(plain, f)(x, want, n);
        function_of(kernels, f)(x, got, n);
        for (int i = 0; i < n; i++) {
            int64_t ulps = ulps_between(want[i], got[i]);
            if (ulps > worst) {
                worst = ulps;
                *at = x[i];
            }
        }
    }
    return worst;
}

Test(kernels, functions, .timeout = 120)
{
    eg_kernels plain, kernels;
    eg_kernels_init(&plain, EG_ISA_PLAIN);
    for (int state = 0; next_level(&kernels, &state);) {
        for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
            float at = 0;
            int64_t worst = worst_ulps(&plain, &kernels, &functions[i], &at);
            cr_log_info("%s %s: %lld ulp at %g", eg_isa_name(kernels.isa), functions[i].name, (long long)worst,
                        (double)at);
            cr_expect(worst <= functions[i].ulps, "%s %s: %lld ulp at %g", eg_isa_name(kernels.isa), functions[i].name,
                      (long long)worst, (double)at);
        }
    }
}

static void
fill(float *x, int64_t n, uint32_t seed)
{
    for (int64_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)(int32_t)seed * 0x1p-30f;
    }
}

static void
expect_close(const float *want, const float *got, int64_t n, double tolerance, const char *what)
{
    for (int64_t i = 0; i < n; i++)
        cr_assert(fabs((double)want[i] - got[i]) <= tolerance * fmax(1.0, fabs((double)want[i])),
                  "%s of %lld: [%lld] is %g, not %g", what, (long long)n, (long long)i, (double)got[i],
                  (double)want[i]);
    cr_assert(got[n] == 77.0f, "%s of %lld wrote beyond the row", what, (long long)n);
}

static void
check_rows(const eg_kernels *p, const eg_kernels *k, int64_t n)
{
    float a[LONGEST], b[LONGEST], c[LONGEST], want[LONGEST + 1], got[LONGEST + 1];
    fill(a, n, 1);
    fill(b, n, 2);
    fill(c, n, 3);
    memset(want, 0, sizeof want);
    const struct {
        const char *name;
        eg_binary_kernel plain, fast;
    } binary[] = {{"add", p->add, k->add},
                  {"sub", p->sub, k->sub},
                  {"mul", p->mul, k->mul},
                  {"div", p->div, k->div},
                  {"max", p->max, k->max}};
    for (size_t i = 0; i < sizeof binary / sizeof binary[0]; i++) {
        got[n] = 77.0f;
        binary[i].plain(a, b, want, n);
        binary[i].fast(a, b, got, n);
        expect_close(want, got, n, 0, binary[i].name);
    }
#define CHECK(tolerance, name, ...)                                                                                    \
    do {                                                                                                               \
        float *y = want;                                                                                               \
        p->name(__VA_ARGS__);                                                                                          \
        y = got;                                                                                                       \
        k->name(__VA_ARGS__);                                                                                          \
        expect_close(want, got, n, tolerance, #name);                                                                  \
    } while (0)
    CHECK(0, scale, a, 0.3f, y, n);
    CHECK(2e-6, layer_norm, a, b, c, 1e-5, y, n);
    CHECK(2e-6, layer_norm, a, b, NULL, 1e-5, y, n);
    CHECK(2e-6, rms_norm, a, b, 1e-6, y, n);
    CHECK(1e-6, normalize, a, 1e-12, y, n);
    CHECK(1e-6, softmax, a, y, n);
    memcpy(want, b, (size_t)n * 4);
    memcpy(got, b, (size_t)n * 4);
    CHECK(1e-6, accumulate, a, 0.7f, y, n);
}

Test(kernels, rows)
{
    eg_kernels plain, kernels;
    eg_kernels_init(&plain, EG_ISA_PLAIN);
    for (int state = 0; next_level(&kernels, &state);)
        for (int64_t n = 1; n < LONGEST; n++)
            check_rows(&plain, &kernels, n);
}

Test(kernels, softmax_of_nothing_and_of_nan)
{
    eg_kernels kernels;
    for (int state = 0; next_level(&kernels, &state);) {
        float x[19], y[19];
        for (int i = 0; i < 19; i++)
            x[i] = -INFINITY;
        kernels.softmax(x, y, 19);
        for (int i = 0; i < 19; i++)
            cr_assert(y[i] == 0.0f);
        x[3] = NAN;
        kernels.softmax(x, y, 19);
        cr_assert(isnan(y[0]) && isnan(y[18]));
    }
}

Test(kernels, max_keeps_nan)
{
    eg_kernels kernels;
    for (int state = 0; next_level(&kernels, &state);) {
        float a[18], b[18], y[18];
        fill(a, 18, 4);
        fill(b, 18, 5);
        a[2] = b[5] = a[17] = NAN;
        kernels.max(a, b, y, 18);
        cr_assert(isnan(y[2]) && isnan(y[5]) && isnan(y[17]) && !isnan(y[3]));
    }
}

static void
check_product(const eg_kernels *plain, const eg_kernels *k, int64_t m, int64_t n, int64_t depth)
{
    enum { LD = 80 };
    static float a[40 * LD], b[80 * LD], want[40 * LD], got[40 * LD];
    fill(a, 40 * LD, 6);
    fill(b, 80 * LD, 7);
    for (int i = 0; i < 40 * LD; i++)
        want[i] = got[i] = 77.0f;
    plain->product(a, LD, b, LD, want, LD, m, n, depth, 0.5f);
    k->product(a, LD, b, LD, got, LD, m, n, depth, 0.5f);
    for (int i = 0; i < 40 * LD; i++)
        cr_assert(fabsf(want[i] - got[i]) <= 1e-5f, "product %lld × %lld × %lld at %d: %g, not %g", (long long)m,
                  (long long)n, (long long)depth, i, (double)got[i], (double)want[i]);
}

Test(kernels, product)
{
    eg_kernels plain, kernels;
    eg_kernels_init(&plain, EG_ISA_PLAIN);
    for (int state = 0; next_level(&kernels, &state);)
        for (int64_t m = 1; m < 16; m++)
            for (int64_t n = 1; n < 75; n++)
                check_product(&plain, &kernels, m, n, (m * n) % 64 + 1);
}

/* The same row gives the same bits whatever rows stand beside it. */
Test(kernels, product_does_not_depend_on_neighbours)
{
    enum { M = 13, N = 37, K = 29 };
    eg_kernels kernels;
    for (int state = 0; next_level(&kernels, &state);) {
        float a[M * K], b[K * N], all[M * N], one[N];
        fill(a, M * K, 8);
        fill(b, K * N, 9);
        kernels.product(a, K, b, N, all, N, M, N, K, 1.0f);
        for (int r = 0; r < M; r++) {
            kernels.product(a + r * K, K, b, N, one, N, 1, N, K, 1.0f);
            cr_assert(memcmp(one, all + r * N, sizeof one) == 0, "row %d", r);
        }
    }
}

/* --- rows by a weight ------------------------------------------------------------------------------------------ */

#define MATMUL_CHAIN 128
#define MATMUL_DEPTH 384
#define MATMUL_GAP 3 /* between rows, to see that nothing is written or read there */

typedef struct matmul_case {
    int64_t m, n, k;
    float *x, *w, *y;
} matmul_case;

static matmul_case
matmul_case_new(int64_t m, int64_t n, int64_t k)
{
    matmul_case c = {.m = m, .n = n, .k = k};
    int64_t ld = k + MATMUL_GAP;
    c.x = malloc((size_t)(m * ld) * sizeof(float));
    c.w = malloc((size_t)(n * ld) * sizeof(float));
    c.y = malloc((size_t)(m * (n + MATMUL_GAP)) * sizeof(float));
    cr_assert(c.x != NULL && c.w != NULL && c.y != NULL);
    fill(c.x, m * ld, 11);
    fill(c.w, n * ld, 12);
    for (int64_t r = 0; r < m; r++)
        for (int64_t i = k; i < ld; i++)
            c.x[r * ld + i] = NAN;
    for (int64_t r = 0; r < n; r++)
        for (int64_t i = k; i < ld; i++)
            c.w[r * ld + i] = NAN;
    for (int64_t i = 0; i < m * (n + MATMUL_GAP); i++)
        c.y[i] = 77.0f;
    return c;
}

static void
matmul_case_free(matmul_case *c)
{
    free(c->x);
    free(c->w);
    free(c->y);
}

/* What the order that kernels.h promises gives, to the bit. */
static float
matmul_by_chains(const float *x, const float *w, int64_t k)
{
    float sum = 0, part = 0, chain = 0;
    for (int64_t i = 0; i < k; i++) {
        chain = fmaf(x[i], w[i], chain);
        if ((i + 1) % MATMUL_CHAIN == 0 || i + 1 == k) {
            part += chain;
            chain = 0;
        }
        if ((i + 1) % MATMUL_DEPTH == 0 || i + 1 == k) {
            sum += part;
            part = 0;
        }
    }
    return sum;
}

/* As near as its roundings allow, each at most 2^-24 of Σ|x·w|: product, chain, chains, sums of chains. */
static int
matmul_near(const float *x, const float *w, int64_t k, float got)
{
    double sum = 0, size = 0;
    int64_t roundings = 1 + (k < MATMUL_CHAIN ? k : MATMUL_CHAIN) + MATMUL_DEPTH / MATMUL_CHAIN + k / MATMUL_DEPTH + 1;
    for (int64_t i = 0; i < k; i++) {
        sum += (double)x[i] * w[i];
        size += fabs((double)x[i] * w[i]);
    }
    return fabs(sum - got) <= 1.001 * (double)roundings * 0x1p-24 * size;
}

static void
check_matmul(const eg_kernels *kernels, int64_t m, int64_t n, int64_t k)
{
    matmul_case c = matmul_case_new(m, n, k);
    int64_t ld = k + MATMUL_GAP, ldy = n + MATMUL_GAP;
    kernels->matmul(c.x, ld, c.w, ld, c.y, ldy, m, n, k);
    for (int64_t r = 0; r < m; r++) {
        for (int64_t i = 0; i < n; i++) {
            const float *x = c.x + r * ld, *w = c.w + i * ld;
            float got = c.y[r * ldy + i];
            int right = kernels->isa == EG_ISA_PLAIN ? matmul_near(x, w, k, got) : got == matmul_by_chains(x, w, k);
            cr_assert(right, "%s %lld × %lld × %lld at %lld, %lld: %.9g, by chains %.9g", eg_isa_name(kernels->isa),
                      (long long)m, (long long)n, (long long)k, (long long)r, (long long)i, (double)got,
                      (double)matmul_by_chains(x, w, k));
            cr_assert(matmul_near(x, w, k, got));
        }
        for (int64_t i = n; i < ldy; i++)
            cr_assert(c.y[r * ldy + i] == 77.0f, "%s wrote beyond row %lld", eg_isa_name(kernels->isa), (long long)r);
    }
    matmul_case_free(&c);
}

/* Every edge of the tiles, panels, strips, blocks and chains. */
static void
check_matmul_sizes(const eg_kernels *kernels)
{
    static const int64_t large[][3] = {{25, 63, 383}, {9, 20, 127},  {9, 20, 129},  {17, 12, 257},
                                       {49, 65, 384}, {7, 129, 385}, {97, 33, 769}, {3, 770, 17},
                                       {1, 1537, 40}, {200, 5, 31},  {1, 1, 1999},  {24, 64, 1152}};
    for (int64_t m = 1; m <= 50; m++)
        for (int64_t n = 1; n <= 40; n += m < 25 ? 1 : 3)
            check_matmul(kernels, m, n, (m * 7 + n * 3) % 41 + 1);
    for (int64_t k = 1; k <= 40; k++)
        check_matmul(kernels, k % 5 * 8 + 1, 17, k);
    for (size_t i = 0; i < sizeof large / sizeof large[0]; i++)
        check_matmul(kernels, large[i][0], large[i][1], large[i][2]);
}

Test(kernels, matmul, .timeout = 120)
{
    eg_kernels kernels;
    eg_kernels_init(&kernels, EG_ISA_PLAIN);
    check_matmul_sizes(&kernels);
    for (int state = 0; next_level(&kernels, &state);)
        check_matmul_sizes(&kernels);
}

Test(kernels, matmul_of_nothing)
{
    eg_kernels kernels;
    int level = 0;
    eg_kernels_init(&kernels, EG_ISA_PLAIN);
    do {
        float x = 1, w = 1, y[2] = {77, 77};
        kernels.matmul(&x, 1, &w, 1, y, 1, 0, 1, 1);
        kernels.matmul(&x, 1, &w, 1, y, 1, 1, 0, 1);
        cr_expect(y[0] == 77.0f && y[1] == 77.0f);
        kernels.matmul(&x, 1, &w, 1, y, 1, 1, 1, 0);
        cr_expect(y[0] == 0.0f && y[1] == 77.0f);
    } while (next_level(&kernels, &level));
}

/* A row's NaN or infinity is that row's own: padding and neighbours do not spread it. */
Test(kernels, matmul_keeps_nan_in_its_row)
{
    eg_kernels kernels;
    for (int state = 0; next_level(&kernels, &state);) {
        matmul_case c = matmul_case_new(13, 21, 50);
        c.x[5 * 53 + 7] = NAN;
        c.x[8 * 53 + 9] = INFINITY;
        kernels.matmul(c.x, 53, c.w, 53, c.y, 24, 13, 21, 50);
        for (int64_t r = 0; r < 13; r++)
            for (int64_t i = 0; i < 21; i++)
                cr_assert(r == 5   ? isnan(c.y[r * 24 + i])
                          : r == 8 ? isinf(c.y[r * 24 + i])
                                   : isfinite(c.y[r * 24 + i]));
        matmul_case_free(&c);
    }
}

/* ---------------------------------------------------------------------------------------------------------------- */

Test(kernels, transpose)
{
    enum { ROWS = 21, COLUMNS = 35 };
    eg_kernels kernels;
    for (int state = 0; next_level(&kernels, &state);) {
        float x[ROWS * COLUMNS], y[ROWS * COLUMNS];
        fill(x, ROWS * COLUMNS, 10);
        kernels.transpose(x, COLUMNS, y, ROWS, ROWS, COLUMNS);
        for (int r = 0; r < ROWS; r++)
            for (int c = 0; c < COLUMNS; c++)
                cr_assert(y[c * ROWS + r] == x[r * COLUMNS + c]);
    }
}

Test(kernels, levels_by_name)
{
    eg_isa isa;
    cr_assert(eg_isa_find("plain", &isa) && isa == EG_ISA_PLAIN);
    cr_assert_not(eg_isa_find("avx1024", &isa));
    cr_assert(eg_isa_find(eg_isa_name(eg_isa_best()), &isa) && isa == eg_isa_best());
}
