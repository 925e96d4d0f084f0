/* SPDX-License-Identifier: Apache-2.0 */
/* Every op of each backend against what torch gives, whatever the strides, threads and neighbours in memory. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend_harness.h"

static double
worst_difference(const op_case *c, const void *got)
{
    const op_value *want = &c->values[c->input_count];
    double worst = 0;
    for (uint64_t i = 0; i < want->count; i++) {
        if (want->info.dtype == EG_I32) {
            worst = fmax(worst, fabs((double)((const int32_t *)got)[i] - ((const int32_t *)want->data)[i]));
            continue;
        }
        float g = ((const float *)got)[i], w = ((const float *)want->data)[i];
        if (g == w)
            continue; /* infinities too */
        double difference = fabs((double)g - w) / fmax(1.0, fabs((double)w));
        if (!(difference <= worst)) /* a NaN counts */
            worst = isnan(difference) ? INFINITY : difference;
    }
    return worst;
}

static void
check_style(backend *b, const op_case *c, run_style style, const char *what)
{
    void *got = calloc(c->values[c->input_count].count + 1, 4);
    eg_status status = backend_run(b, c, style, got);
    cr_expect(status == EG_OK, "%s, %s: %s", c->name, what, b->error);
    double worst = status == EG_OK ? worst_difference(c, got) : 0;
    cr_expect(worst <= c->tolerance, "%s, %s: off by %g, %g allowed", c->name, what, worst, (double)c->tolerance);
    free(got);
}

static bool
can_share(const op_case *c, uint32_t input)
{
    return !c->values[input].info.is_weight && c->values[input].count == c->values[c->input_count].count;
}

static void
check_case(backend *b, const op_case *c)
{
    uint32_t inplace_mask = 0;
    uint32_t level = backend_support(b, c, &inplace_mask);
    cr_expect(level != EG_SUPPORT_NO, "%s is refused: %s", c->name, b->error);
    if (level == EG_SUPPORT_NO)
        return;
    check_style(b, c, (run_style){.inplace = -1}, "plain");
    check_style(b, c, (run_style){.inplace = -1, .strided = true}, "strided");
    check_style(b, c, (run_style){.inplace = -1, .split = true}, "weights of two tensors");
    for (uint32_t i = 0; i < c->input_count; i++)
        if ((inplace_mask >> i & 1) != 0 && can_share(c, i))
            check_style(b, c, (run_style){.inplace = (int)i, .strided = true}, "in place");
}

static void
check_backend(const char *variable, const char *options, uint32_t threads)
{
    backend b;
    if (getenv(variable) == NULL)
        cr_skip_test("this backend was not built");
    cr_assert(backend_open(&b, getenv(variable), options, threads), "%s", b.error);
    uint32_t count = 0;
    op_case *cases = op_cases_load(getenv("EGBERT_TEST_OPS"), &count);
    cr_assert(count > 300, "the cases cannot be read");
    for (uint32_t i = 0; i < count; i++)
        check_case(&b, &cases[i]);
    op_cases_free(cases, count);
    backend_close(&b);
}

static const op_case *
find_case(const op_case *cases, uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(cases[i].name, name) == 0)
            return &cases[i];
    return NULL;
}

/* A bad index, a text too short, a cancelled run, an attribute of an unknown value: a status, and a message. */
static void
check_refusals(const char *variable)
{
    backend b;
    if (getenv(variable) == NULL)
        cr_skip_test("this backend was not built");
    cr_assert(backend_open(&b, getenv(variable), NULL, 1), "%s", b.error);
    uint32_t count = 0;
    op_case *cases = op_cases_load(getenv("EGBERT_TEST_OPS"), &count);
    const op_case *gather = find_case(cases, count, "gather");
    const int32_t index[13] = {[4] = 10}, negative[13] = {[4] = -1};
    cr_expect(backend_run(&b, gather, (run_style){.inplace = -1, .index = index}, NULL) == EG_E_INPUT);
    cr_expect(strstr(b.error, "10") != NULL, "%s", b.error);
    cr_expect(backend_run(&b, gather, (run_style){.inplace = -1, .index = negative}, NULL) == EG_E_INPUT);
    cr_expect(backend_run(&b, gather, (run_style){.inplace = -1, .cancelled = true}, NULL) == EG_E_CANCELLED);

    op_case token = *find_case(cases, count, "token -1 ragged");
    token.attrs[0].integer = 1; /* one text has one token */
    cr_expect(backend_run(&b, &token, (run_style){.inplace = -1}, NULL) == EG_E_INPUT);
    cr_expect(strstr(b.error, "text 1") != NULL, "%s", b.error);

    op_case mean = *find_case(cases, count, "mean ragged -1 None skip 0");
    mean.attrs[0].integer = 1; /* from the second row on, which text 1 has not */
    cr_expect(backend_run(&b, &mean, (run_style){.inplace = -1}, NULL) == EG_E_INPUT);
    cr_expect(strstr(b.error, "text 1 has 1 tokens") != NULL, "%s", b.error);

    op_case gelu = *find_case(cases, count, "gelu tanh");
    strcpy(gelu.attrs[0].string, "cubic");
    uint32_t mask;
    cr_expect(backend_support(&b, &gelu, &mask) == EG_SUPPORT_NO);
    cr_expect(strstr(b.error, "cubic") != NULL, "%s", b.error);
    strcpy(gelu.op, "no_such_op");
    cr_expect(backend_support(&b, &gelu, &mask) == EG_SUPPORT_NO);

    op_case matmul = *find_case(cases, count, "matmul small");
    matmul.values[1].info.dims[1].k += 1;
    cr_expect(backend_support(&b, &matmul, &mask) == EG_SUPPORT_NO);
    op_cases_free(cases, count);
    backend_close(&b);
}

Test(reference, ops)
{
    check_backend("EGBERT_TEST_REFERENCE", NULL, 1);
}

Test(reference, refusals)
{
    check_refusals("EGBERT_TEST_REFERENCE");
}

Test(cpu, ops)
{
    check_backend("EGBERT_TEST_CPU", NULL, 1);
}

Test(cpu, ops_on_three_threads)
{
    check_backend("EGBERT_TEST_CPU", NULL, 3);
}

Test(cpu, ops_in_plain_c)
{
    check_backend("EGBERT_TEST_CPU", "isa=plain", 2);
}

Test(cpu, ops_without_openblas)
{
    check_backend("EGBERT_TEST_CPU", "products=own", 3);
}

Test(cpu, ops_by_plain_products)
{
    check_backend("EGBERT_TEST_CPU", "isa=plain,products=own", 2);
}

static void
skip_without_openblas(void)
{
    backend b;
    if (getenv("EGBERT_TEST_CPU") == NULL)
        cr_skip_test("this backend was not built");
    if (backend_open(&b, getenv("EGBERT_TEST_CPU"), "products=openblas", 1))
        backend_close(&b);
    else if (strstr(b.error, "was not found") != NULL)
        cr_skip_test("OpenBLAS is not installed");
}

Test(cpu, ops_by_openblas)
{
    skip_without_openblas();
    check_backend("EGBERT_TEST_CPU", "products=openblas", 3);
}

Test(cpu, refusals)
{
    check_refusals("EGBERT_TEST_CPU");
}

/* A library that is not there, or is not OpenBLAS, and options it does not have: a status that says what was sought. */
Test(cpu, open_says_what_is_missing)
{
    backend b;
    if (getenv("EGBERT_TEST_CPU") == NULL)
        cr_skip_test("this backend was not built");
    cr_expect(backend_open(&b, getenv("EGBERT_TEST_CPU"), "openblas=/nonexistent/libopenblas.so.0", 1) == false);
    cr_expect(strstr(b.error, "/nonexistent/libopenblas.so.0") != NULL, "%s", b.error);
    cr_expect(backend_open(&b, getenv("EGBERT_TEST_CPU"), "openblas=libm.so.6", 1) == false);
    cr_expect(strstr(b.error, "not OpenBLAS") != NULL, "%s", b.error);
    cr_expect(backend_open(&b, getenv("EGBERT_TEST_CPU"), "isa=mmx", 1) == false);
    cr_expect(strstr(b.error, "mmx") != NULL, "%s", b.error);
    cr_expect(backend_open(&b, getenv("EGBERT_TEST_CPU"), "speed=high", 1) == false);
    cr_expect(strstr(b.error, "speed") != NULL, "%s", b.error);
}

/* Options that ask for two things at once are refused, and those that agree are not. */
Test(cpu, products_by_option)
{
    static const char *const wrong[] = {"products=own,openblas=libopenblas.so.0", "products=openblas,openblas=none",
                                        "products=some", "products="};
    static const char *const right[] = {"products=own", "openblas=none", "products=own,openblas=none", "products=auto"};
    backend b;
    if (getenv("EGBERT_TEST_CPU") == NULL)
        cr_skip_test("this backend was not built");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cr_expect(backend_open(&b, getenv("EGBERT_TEST_CPU"), wrong[i], 1) == false, "%s", wrong[i]);
        cr_expect(strstr(b.error, "products") != NULL, "%s: %s", wrong[i], b.error);
    }
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        cr_assert(backend_open(&b, getenv("EGBERT_TEST_CPU"), right[i], 1), "%s: %s", right[i], b.error);
        backend_close(&b);
    }
}

/* The same row gives the same bits whatever rows stand beside it, and however many threads there are. */
static void
check_neighbours(const char *variable, const char *options, uint32_t threads)
{
    enum { ROWS = 61, N = 200, K = 150 };
    backend b;
    if (getenv(variable) == NULL)
        cr_skip_test("this backend was not built");
    cr_assert(backend_open(&b, getenv(variable), options, threads), "%s", b.error);
    static float x[ROWS * K], w[N * K], all[ROWS * N], some[ROWS * N];
    for (int i = 0; i < ROWS * K; i++)
        x[i] = sinf((float)i * 0.7f);
    for (int i = 0; i < N * K; i++)
        w[i] = cosf((float)i * 1.3f);
    eg_row row = {.rows = ROWS, .valid = ROWS};
    op_case c = {.name = "neighbours", .op = "matmul", .rows = &row, .input_count = 2};
    c.set = (eg_row_set){.table = &row};
    c.dims = (eg_dims){.size = sizeof c.dims, .B = 1, .set_count = 1, .sets = &c.set};
    c.values[0].info = (eg_value_info){.size = sizeof(eg_value_info), .dtype = EG_F32, .kind = EG_TOKEN, .rank = 2};
    c.values[2].info = c.values[1].info = c.values[0].info;
    c.values[0].info.dims[0] = c.values[2].info.dims[0] = (eg_dim){.k = 1, .sym = EG_SYM_T};
    c.values[0].info.dims[1].k = c.values[0].info.row_stride = K;
    c.values[2].info.dims[1].k = c.values[2].info.row_stride = N;
    c.values[1].info.kind = EG_TABLE;
    c.values[1].info.is_weight = 1;
    c.values[1].info.dims[0].k = N;
    c.values[1].info.dims[1].k = c.values[1].info.row_stride = K;
    c.values[0].data = x;
    c.values[1].data = w;
    c.values[1].count = N * K;
    for (uint32_t rows = ROWS; rows > 0; rows--) {
        row.rows = row.valid = rows;
        c.set.T = rows;
        c.set.P = (uint64_t)rows * rows;
        c.set.max_n = rows;
        c.values[0].count = (uint64_t)rows * K;
        c.values[2].count = (uint64_t)rows * N;
        eg_status status = backend_run(&b, &c, (run_style){.inplace = -1}, rows == ROWS ? all : some);
        cr_assert(status == EG_OK, "%s", b.error);
        cr_assert(rows == ROWS || memcmp(all, some, (size_t)rows * N * 4) == 0, "%u rows", rows);
    }
    backend_close(&b);
}

Test(reference, neighbours)
{
    check_neighbours("EGBERT_TEST_REFERENCE", NULL, 1);
}

Test(cpu, neighbours)
{
    static const char *const options[] = {"products=own", "isa=plain,products=own"};
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        for (uint32_t threads = 1; threads <= 3; threads += 2)
            check_neighbours("EGBERT_TEST_CPU", options[i], threads);
}

Test(cpu, neighbours_by_openblas)
{
    skip_without_openblas();
    for (uint32_t threads = 1; threads <= 3; threads += 2)
        check_neighbours("EGBERT_TEST_CPU", "products=openblas", threads);
}
