/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linear and glu_linear of the cpu backend, at sizes where work is cut: the same bits as the ops that they stand for,
 * for any number of threads and of rows, in place or not, and from a weight of two tensors.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend_harness.h"

enum { MOST_ROWS = 1100 };

/* One node with its numbers; the last value is the output. */
typedef struct node_case {
    op_case op;
    eg_row row;
} node_case;

static float *
numbers(int64_t n, float step)
{
    float *x = malloc((size_t)n * sizeof *x);
    cr_assert(x != NULL);
    for (int64_t i = 0; i < n; i++)
        x[i] = sinf((float)(i % 99991) * step + 0.3f);
    return x;
}

static void
set_value(node_case *c, uint32_t i, int64_t rows, int64_t width, float *data)
{
    op_value *v = &c->op.values[i];
    v->info =
        (eg_value_info){.size = sizeof v->info, .dtype = EG_F32, .kind = EG_TABLE, .rank = 2, .row_stride = width};
    v->info.is_weight = rows > 0;
    v->info.kind = rows > 0 ? EG_TABLE : EG_TOKEN;
    v->info.dims[0] = rows > 0 ? (eg_dim){.k = rows} : (eg_dim){.k = 1, .sym = EG_SYM_T};
    v->info.dims[1].k = width;
    v->count = (uint64_t)((rows > 0 ? rows : c->row.rows) * width);
    v->data = data;
    if (rows == 1) { /* a vector */
        v->info.rank = 1;
        v->info.row_stride = 1;
        v->info.dims[0].k = width;
    }
}

static void
set_attr(node_case *c, const char *name, int64_t integer, const char *string)
{
    op_attr *a = &c->op.attrs[c->op.attr_count++];
    *a = (op_attr){.type = string != NULL ? 's' : 'i', .integer = integer};
    snprintf(a->name, sizeof a->name, "%s", name);
    if (string != NULL)
        snprintf(a->string, sizeof a->string, "%s", string);
}

/* A case must not move after this: it points into itself. */
static void
begin_case(node_case *c, const char *op, uint32_t rows, uint32_t inputs)
{
    memset(c, 0, sizeof *c);
    snprintf(c->op.name, sizeof c->op.name, "%s of %u rows", op, rows);
    snprintf(c->op.op, sizeof c->op.op, "%s", op);
    c->row = (eg_row){.rows = rows, .valid = rows};
    c->op.rows = &c->row;
    c->op.input_count = inputs;
    c->op.set = (eg_row_set){.T = rows, .P = (uint64_t)rows * rows, .max_n = rows, .table = &c->row};
    c->op.dims = (eg_dims){.size = sizeof c->op.dims, .B = 1, .set_count = 1, .sets = &c->op.set};
}

typedef struct layer {
    int64_t k, n;
    float *x, *w, *u, *b, *c, *r;
} layer;

static layer
layer_new(int64_t k, int64_t n)
{
    return (layer){k,
                   n,
                   numbers(MOST_ROWS * k, 0.7f),
                   numbers(n * k, 1.3f),
                   numbers(n * k, 0.9f),
                   numbers(n, 0.11f),
                   numbers(n, 0.13f),
                   numbers(MOST_ROWS * n, 0.17f)};
}

static void
layer_free(layer *l)
{
    float *all[] = {l->x, l->w, l->u, l->b, l->c, l->r};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
}

static void
linear_case(node_case *c, const layer *l, uint32_t rows)
{
    begin_case(c, "linear", rows, 4);
    set_attr(c, "bias", 1, NULL);
    set_attr(c, "residual", 1, NULL);
    set_attr(c, "activation", 0, "gelu");
    set_value(c, 0, 0, l->k, l->x);
    set_value(c, 1, l->n, l->k, l->w);
    set_value(c, 2, 1, l->n, l->b);
    set_value(c, 3, 0, l->n, l->r);
    set_value(c, 4, 0, l->n, NULL);
}

static void
glu_case(node_case *c, const layer *l, uint32_t rows)
{
    begin_case(c, "glu_linear", rows, 5);
    set_attr(c, "bias", 1, NULL);
    set_attr(c, "activation", 0, "silu");
    set_value(c, 0, 0, l->k, l->x);
    set_value(c, 1, l->n, l->k, l->w);
    set_value(c, 2, l->n, l->k, l->u);
    set_value(c, 3, 1, l->n, l->b);
    set_value(c, 4, 1, l->n, l->c);
    set_value(c, 5, 0, l->n, NULL);
}

static void
run(backend *b, const node_case *c, run_style style, float *y)
{
    eg_status status = backend_run(b, &c->op, style, y);
    cr_assert(status == EG_OK, "%s: %s", c->op.name, b->error);
}

/* A node of one or two inputs, the second a weight if it has rows of its own. */
static void
run_part(backend *b, const char *op, uint32_t rows, int64_t width, float *a, int64_t other_rows, int64_t other_width,
         float *other, float *y)
{
    node_case c;
    begin_case(&c, op, rows, other != NULL ? 2 : 1);
    set_value(&c, 0, 0, width, a);
    if (other != NULL)
        set_value(&c, 1, other_rows, other_width, other);
    set_value(&c, c.op.input_count, 0, strcmp(op, "matmul") == 0 ? other_rows : width, NULL);
    run(b, &c, (run_style){.inplace = -1}, y);
}

/* What the fused op stands for, op by op. */
static void
linear_by_parts(backend *b, const layer *l, uint32_t rows, float *y)
{
    float *t = numbers(rows * l->n, 0);
    run_part(b, "matmul", rows, l->k, l->x, l->n, l->k, l->w, t);
    run_part(b, "bias_add", rows, l->n, t, 1, l->n, l->b, y);
    run_part(b, "gelu", rows, l->n, y, 0, 0, NULL, t);
    run_part(b, "add", rows, l->n, t, 0, l->n, l->r, y);
    free(t);
}

static void
glu_by_parts(backend *b, const layer *l, uint32_t rows, float *y)
{
    float *t = numbers(rows * l->n, 0), *gate = numbers(rows * l->n, 0);
    run_part(b, "matmul", rows, l->k, l->x, l->n, l->k, l->w, t);
    run_part(b, "bias_add", rows, l->n, t, 1, l->n, l->b, gate);
    run_part(b, "silu", rows, l->n, gate, 0, 0, NULL, t);
    run_part(b, "matmul", rows, l->k, l->x, l->n, l->k, l->u, gate);
    run_part(b, "bias_add", rows, l->n, gate, 1, l->n, l->c, y);
    run_part(b, "mul", rows, l->n, t, 0, l->n, y, gate);
    memcpy(y, gate, sizeof *y * rows * (size_t)l->n);
    free(t);
    free(gate);
}

typedef struct kind {
    void (*make)(node_case *c, const layer *l, uint32_t rows);
    void (*by_parts)(backend *b, const layer *l, uint32_t rows, float *y);
} kind;

static const kind kinds[] = {{linear_case, linear_by_parts}, {glu_case, glu_by_parts}};

static void
open_cpu(backend *b, const char *options, uint32_t threads)
{
    if (getenv("EGBERT_TEST_CPU") == NULL)
        cr_skip_test("this backend was not built");
    cr_assert(backend_open(b, getenv("EGBERT_TEST_CPU"), options, threads), "%s", b->error);
}

static void
check_sizes(const char *options, const kind *what, int64_t k, int64_t n, const uint32_t *rows, size_t count)
{
    layer l = layer_new(k, n);
    float *want = numbers(MOST_ROWS * n, 0), *got = numbers(MOST_ROWS * n, 0);
    for (uint32_t threads = 1; threads <= 4; threads++) {
        backend b;
        open_cpu(&b, options, threads);
        for (size_t i = 0; i < count; i++) {
            node_case c;
            what->make(&c, &l, rows[i]);
            size_t bytes = sizeof *got * rows[i] * (size_t)n;
            if (threads == 1 && i == 0) /* the most rows; all that follows is a part of them */
                what->by_parts(&b, &l, rows[i], want);
            for (int style = 0; style < 4; style++) {
                run_style how = {.split = style & 1, .strided = style >> 1, .inplace = -1};
                memset(got, 0xff, bytes);
                run(&b, &c, how, got);
                cr_assert(memcmp(got, want, bytes) == 0, "%s, %s, %u threads, style %d", c.op.name, options, threads,
                          style);
            }
            uint32_t mask = 0;
            cr_assert(backend_support(&b, &c.op, &mask) != EG_SUPPORT_NO);
            for (int input = 0; input < 8; input++) {
                if ((mask >> input & 1) == 0)
                    continue;
                run(&b, &c, (run_style){.inplace = input}, got);
                cr_assert(memcmp(got, want, bytes) == 0, "%s in place of %d", c.op.name, input);
            }
        }
        backend_close(&b);
    }
    free(want);
    free(got);
    layer_free(&l);
}

Test(cpu_linear, own, .timeout = 120)
{
    static const uint32_t rows[] = {301, 300, 193, 192, 128, 97, 96, 61, 24, 17, 8, 3, 1};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        check_sizes("products=own", &kinds[i], 150, 430, rows, sizeof rows / sizeof rows[0]);
        check_sizes("products=own", &kinds[i], 260, 33, rows, sizeof rows / sizeof rows[0]);
        check_sizes("isa=plain,products=own", &kinds[i], 40, 130, rows + 4, 5);
    }
}

Test(cpu_linear, in_place_of_the_residual)
{
    layer l = layer_new(20, 30);
    backend b;
    node_case c;
    uint32_t mask = 0;
    open_cpu(&b, "products=own", 1);
    linear_case(&c, &l, 5);
    cr_assert(backend_support(&b, &c.op, &mask) != EG_SUPPORT_NO);
    cr_expect(mask == 1u << 3, "%x", mask);
    backend_close(&b);
    layer_free(&l);
}

/* OpenBLAS, and what is chosen by itself: near the kernel's results, with rows that do not fill a unit too. */
Test(cpu_linear, near_the_own, .timeout = 120)
{
    static const char *const options[] = {"products=auto", "products=openblas", "isa=plain"};
    static const uint32_t rows[] = {MOST_ROWS, 1024, 130, 7, 1};
    enum { K = 150, N = 210 };
    layer l = layer_new(K, N);
    float *want = numbers(MOST_ROWS * N, 0), *got = numbers(MOST_ROWS * N, 0);
    for (size_t o = 0; o < 3; o++) {
        for (uint32_t threads = 1; threads <= 2; threads++) {
            backend own, b;
            open_cpu(&own, "products=own", threads);
            if (!backend_open(&b, getenv("EGBERT_TEST_CPU"), options[o], threads)) {
                cr_assert(strcmp(options[o], "products=openblas") == 0, "%s", b.error); /* it is not installed */
                backend_close(&own);
                continue;
            }
            for (size_t i = 0; i < 2 * sizeof rows / sizeof rows[0]; i++) {
                node_case c;
                kinds[i % 2].make(&c, &l, rows[i / 2]);
                run(&own, &c, (run_style){.inplace = -1}, want);
                for (int split = 0; split < 2; split++) {
                    run(&b, &c, (run_style){.inplace = -1, .split = split, .strided = split}, got);
                    for (int64_t j = 0; j < (int64_t)rows[i / 2] * N; j++)
                        cr_assert(fabsf(got[j] - want[j]) <= 2e-5f * fmaxf(1.0f, fabsf(want[j])),
                                  "%s, %s: [%lld] is %g, not %g", c.op.name, options[o], (long long)j, (double)got[j],
                                  (double)want[j]);
                }
            }
            backend_close(&b);
            backend_close(&own);
        }
    }
    free(want);
    free(got);
    layer_free(&l);
}
