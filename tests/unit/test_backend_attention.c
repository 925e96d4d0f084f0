/* SPDX-License-Identifier: Apache-2.0 */
/* attention of whole batches: against the reference backend, and the same bits alone, in company, on any threads. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend_harness.h"

#define HEADS 4
#define KEY_HEADS 2
#define SIZE 24
#define VALUE_SIZE 40

/* Texts of very different lengths, so that work is cut inside some and between others. */
static const uint32_t lengths[] = {1, 7, 300, 24, 2, 97, 130, 49, 1, 16};
#define TEXTS (sizeof lengths / sizeof lengths[0])

typedef struct style {
    bool text_query, causal, bias;
    uint32_t window;
} style;

static const style styles[] = {
    {false, false, false, 0}, {true, false, false, 0}, {false, true, false, 0},   {false, false, true, 0},
    {true, false, true, 0},   {false, false, true, 9}, {false, true, false, 140}, {true, true, true, 20},
};
#define STYLES (sizeof styles / sizeof styles[0])

static uint64_t
pairs_of(uint32_t n, uint32_t window)
{
    return (uint64_t)n * (window > 0 && 2 * window + 1 < n ? 2 * window + 1 : n);
}

static void
set_rows(op_value *value, eg_kind kind, int64_t width, uint64_t rows)
{
    value->info = (eg_value_info){.size = sizeof value->info, .dtype = EG_F32, .kind = kind, .rank = 2};
    value->info.dims[0] = (eg_dim){.k = 1, .sym = kind == EG_TOKEN ? EG_SYM_T : EG_SYM_B};
    value->info.dims[1].k = value->info.row_stride = width;
    value->count = rows * (uint64_t)width;
}

static void
fill(op_value *value, uint32_t seed)
{
    float *x = value->data = malloc(value->count * sizeof *x);
    cr_assert(x != NULL);
    for (uint64_t i = 0; i < value->count; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)(int32_t)seed * 0x1p-30f;
    }
}

static void
add_attr(op_case *c, const char *name, int64_t value)
{
    op_attr *attr = &c->attrs[c->attr_count++];
    strcpy(attr->name, name);
    attr->type = 'i';
    attr->integer = value;
}

/* Some texts with random inputs. */
static op_case
batch_new(const style *s, const uint32_t *n, size_t texts)
{
    op_case c = {.name = "attention", .op = "attention"};
    uint64_t pairs = 0;
    c.rows = calloc(texts, sizeof *c.rows);
    cr_assert(c.rows != NULL);
    for (size_t i = 0; i < texts; i++) {
        c.rows[i] = (eg_row){.start = (uint32_t)c.set.T, .rows = n[i], .valid = n[i]};
        c.set.T += n[i];
        c.set.P += (uint64_t)n[i] * n[i];
        c.set.max_n = n[i] > c.set.max_n ? n[i] : c.set.max_n;
        pairs += pairs_of(n[i], s->window);
    }
    c.set.table = c.rows;
    c.dims = (eg_dims){.size = sizeof c.dims, .B = (uint32_t)texts, .set_count = 1, .sets = &c.set};
    eg_kind query = s->text_query ? EG_TEXT : EG_TOKEN;
    set_rows(&c.values[0], query, HEADS * SIZE, s->text_query ? texts : c.set.T);
    set_rows(&c.values[1], EG_TOKEN, KEY_HEADS * SIZE, c.set.T);
    set_rows(&c.values[2], EG_TOKEN, KEY_HEADS * VALUE_SIZE, c.set.T);
    c.input_count = s->bias ? 4 : 3;
    if (s->bias) {
        eg_value_info *info = &c.values[3].info;
        *info = (eg_value_info){.size = sizeof *info, .dtype = EG_F32, .kind = EG_PAIR, .rank = 2};
        info->dims[0].k = HEADS;
        info->dims[1] = (eg_dim){.k = 1, .sym = EG_SYM_P, .window = s->window};
        c.values[3].count = HEADS * pairs;
    }
    for (uint32_t i = 0; i < c.input_count; i++)
        fill(&c.values[i], i + 1);
    set_rows(&c.values[c.input_count], query, HEADS * VALUE_SIZE, s->text_query ? texts : c.set.T);
    add_attr(&c, "heads", HEADS);
    add_attr(&c, "key_heads", KEY_HEADS);
    if (s->causal)
        add_attr(&c, "causal", 1);
    if (s->window > 0)
        add_attr(&c, "window", s->window);
    if (s->bias)
        add_attr(&c, "bias", 1);
    return c;
}

static void
batch_free(op_case *c)
{
    for (uint32_t i = 0; i < c->input_count; i++)
        free(c->values[i].data);
    free(c->rows);
}

/* One text of a batch, with its part of the inputs; `pairs` are those of the texts before it. */
static op_case
text_of(const op_case *batch, const style *s, size_t number, uint64_t pairs)
{
    const eg_row *row = &batch->rows[number];
    op_case c = batch_new(s, &row->rows, 1);
    for (uint32_t i = 0; i < c.input_count; i++) {
        uint64_t width = (uint64_t)c.values[i].info.row_stride, from = row->start * width;
        if (c.values[i].info.kind == EG_TEXT)
            from = number * width;
        if (c.values[i].info.kind == EG_PAIR)
            from = pairs * HEADS;
        memcpy(c.values[i].data, (const float *)batch->values[i].data + from, c.values[i].count * sizeof(float));
    }
    return c;
}

static float *
run_case(backend *b, const op_case *c, bool strided)
{
    float *got = calloc(c->values[c->input_count].count, sizeof *got);
    cr_assert(got != NULL);
    op_case copy = *c;
    copy.dims.sets = &copy.set; /* it pointed into the case that c was copied from */
    eg_status status = backend_run(b, &copy, (run_style){.inplace = -1, .strided = strided}, got);
    cr_assert(status == EG_OK, "%s", b->error);
    return got;
}

static void
open_or_skip(backend *b, const char *variable, const char *options, uint32_t threads)
{
    if (getenv(variable) == NULL)
        cr_skip_test("this backend was not built");
    cr_assert(backend_open(b, getenv(variable), options, threads), "%s", b->error);
}

Test(attention, of_a_batch_is_the_reference, .timeout = 120)
{
    backend cpu, plain, reference;
    open_or_skip(&reference, "EGBERT_TEST_REFERENCE", NULL, 1);
    open_or_skip(&cpu, "EGBERT_TEST_CPU", NULL, 2);
    open_or_skip(&plain, "EGBERT_TEST_CPU", "isa=plain", 2);
    for (size_t i = 0; i < STYLES; i++) {
        op_case c = batch_new(&styles[i], lengths, TEXTS);
        float *want = run_case(&reference, &c, false), *got = run_case(&cpu, &c, true),
              *slow = run_case(&plain, &c, true);
        for (uint64_t k = 0; k < c.values[c.input_count].count; k++) {
            double allowed = 2e-5 * fmax(1.0, fabs((double)want[k]));
            cr_assert(fabs((double)want[k] - got[k]) <= allowed && fabs((double)want[k] - slow[k]) <= allowed,
                      "style %zu: [%llu] is %g and in plain C %g, not %g", i, (unsigned long long)k, (double)got[k],
                      (double)slow[k], (double)want[k]);
        }
        free(want);
        free(got);
        free(slow);
        batch_free(&c);
    }
    backend_close(&cpu);
    backend_close(&plain);
    backend_close(&reference);
}

static void
check_text_alone(backend *b, const op_case *batch, const style *s, size_t number, uint64_t pairs, const float *all)
{
    op_case one = text_of(batch, s, number, pairs);
    float *got = run_case(b, &one, false);
    uint64_t first = s->text_query ? number : batch->rows[number].start;
    cr_assert(memcmp(all + first * HEADS * VALUE_SIZE, got, one.values[one.input_count].count * sizeof *got) == 0,
              "text %zu of %u rows on %u threads", number, batch->rows[number].rows, b->threads);
    free(got);
    batch_free(&one);
}

/* A text's rows are the same bits alone and in a batch, on one thread and on several. */
static void
check_bits(const char *options, const style *s)
{
    float *first = NULL;
    for (uint32_t threads = 1; threads <= 4; threads++) {
        backend b;
        open_or_skip(&b, "EGBERT_TEST_CPU", options, threads);
        op_case batch = batch_new(s, lengths, TEXTS);
        size_t bytes = batch.values[batch.input_count].count * sizeof *first;
        float *all = run_case(&b, &batch, threads % 2 == 0);
        cr_assert(first == NULL || memcmp(first, all, bytes) == 0, "%u threads", threads);
        uint64_t pairs = 0;
        for (size_t t = 0; t < TEXTS; t++) {
            check_text_alone(&b, &batch, s, t, pairs, all);
            pairs += pairs_of(lengths[t], s->window);
        }
        free(first);
        first = all;
        batch_free(&batch);
        backend_close(&b);
    }
    free(first);
}

Test(attention, is_the_same_bits_in_any_company, .timeout = 120)
{
    for (size_t i = 0; i < STYLES; i++) {
        check_bits(NULL, &styles[i]);
        check_bits("isa=plain", &styles[i]);
    }
}
