/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernels of each instruction set that this machine can run, against their plain C versions: functions over the
 * whole range of floats, in units in the last place; the others on rows of every length.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "backends/common/kernels.h"

#define LONGEST 150
#ifndef FLOAT_STEP /* an emulated machine takes a larger one; odd, so that it meets every exponent and sign */
#define FLOAT_STEP 251
#endif

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

/* Every FLOAT_STEPth float between low and high, infinities and NaN. */
static int64_t
worst_ulps(const eg_kernels *plain, const eg_kernels *kernels, const function_case *f, float *at)
{
    enum { N = 4096 };
    static float x[N], want[N], got[N];
    int64_t worst = 0;
    for (uint64_t bits = 0; bits <= UINT32_MAX;) {
        int n = 0;
        for (; n < N && bits <= UINT32_MAX; bits += FLOAT_STEP) {
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
    CHECK(1e-6, scale_offset, a, 0.3f, -0.7f, y, n);
    CHECK(2e-6, layer_norm, a, b, c, 1e-5, y, n);
    CHECK(2e-6, layer_norm, a, b, NULL, 1e-5, y, n);
    CHECK(2e-6, rms_norm, a, b, 1e-6, y, n);
    CHECK(1e-6, normalize, a, 1e-12, y, n);
    CHECK(1e-6, softmax, a, y, n);
    memcpy(want, b, (size_t)n * 4);
    memcpy(got, b, (size_t)n * 4);
    CHECK(1e-6, accumulate, a, 0.7f, y, n);
    for (int64_t heads = 1; heads <= 3; heads++) {
        int64_t size = n / heads;
        if (size < 2)
            continue;
        memcpy(got + heads * size, b, (size_t)(n - heads * size) * 4); /* what lies behind the heads */
        memcpy(want + heads * size, b, (size_t)(n - heads * size) * 4);
        CHECK(1e-6, rotary, a, b, y, heads, size, size / 2 * 2);
        CHECK(1e-6, rotary_pairs, a, b, y, heads, size, size / 4 * 2);
        memcpy(got, a, (size_t)n * 4);
        p->rotary(a, c, want, heads, size, size / 4 * 2);
        memcpy(want + heads * size, a + heads * size, (size_t)(n - heads * size) * 4);
        k->rotary(got, c, got, heads, size, size / 4 * 2);
        expect_close(want, got, n, 1e-6, "rotary in place");
    }
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
