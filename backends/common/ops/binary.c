/* SPDX-License-Identifier: Apache-2.0 */
/* bias_add, add, sub, mul, div: element by element, the narrower kind repeated over the wider. */
#include "../backend.h"

static bool
accept_binary(eg_host_reader *reader, const eg_binary_kernel *kernel)
{
    reader->attrs.kernel = kernel;
    return eg_host_accept_binary(reader);
}

static const float *
operand_row(const eg_host_operand *x, int64_t row, int64_t text)
{
    return x->data + (x->by_text ? text : row) * x->stride;
}

/* --- rows ---------------------------------------------------------------------------------------- */

typedef struct row_work {
    eg_binary_kernel kernel;
    eg_host_operand a, b;
    eg_host_matrix y;
    const eg_row *rows; /* of the texts, if an operand has a row for each */
    uint32_t texts;
} row_work;

/* A repeated column, so many elements at a time, for kernels that take rows. */
#define CHUNK 256

static void
combine_columns(const row_work *w, const float *a, const float *b, float *y)
{
    float repeated_a[CHUNK], repeated_b[CHUNK];
    for (int64_t c = 0; c < w->y.width; c += CHUNK) {
        int64_t n = w->y.width - c < CHUNK ? w->y.width - c : CHUNK;
        for (int64_t i = 0; i < n && w->a.column_step == 0; i++)
            repeated_a[i] = a[0];
        for (int64_t i = 0; i < n && w->b.column_step == 0; i++)
            repeated_b[i] = b[0];
        w->kernel(w->a.column_step == 0 ? repeated_a : a + c, w->b.column_step == 0 ? repeated_b : b + c, y + c, n);
    }
}

/* The text that row `row` belongs to; the caller's texts go up. */
static uint32_t
text_of(const row_work *w, int64_t row, uint32_t from)
{
    while (from + 1 < w->texts && (int64_t)w->rows[from].start + w->rows[from].rows <= row)
        from++;
    return from;
}

static void
combine_part(void *arg, int64_t begin, int64_t end, uint32_t worker)
{
    (void)worker;
    const row_work *w = arg;
    uint32_t text = 0;
    for (int64_t r = begin; r < end; r++) {
        if (w->rows != NULL)
            text = text_of(w, r, text);
        const float *a = operand_row(&w->a, r, text), *b = operand_row(&w->b, r, text);
        float *y = w->y.f32 + r * w->y.stride;
        if (w->a.column_step == 0 || w->b.column_step == 0)
            combine_columns(w, a, b, y);
        else
            w->kernel(a, b, y, w->y.width);
    }
}

static void
combine_rows(const eg_host_call *call)
{
    row_work w = {.kernel = *(const eg_binary_kernel *)call->node->attrs.kernel,
                  .a = eg_host_operand_in(call, 0),
                  .b = eg_host_operand_in(call, 1),
                  .y = eg_host_matrix_out(call),
                  .texts = eg_host_texts(call)};
    if (w.a.by_text || w.b.by_text)
        w.rows = eg_host_rows(call, eg_host_info_out(call));
    eg_cpu_split(call, w.y.rows, 1, 0.3 * (double)w.y.width, combine_part, &w);
}

/* --- pairs --------------------------------------------------------------------------------------- */

/* One operand of a pair result: a block of its own (all heads or one), or a single number (heads 0). */
typedef struct pair_operand {
    const float *data;
    int64_t heads;
} pair_operand;

typedef struct pair_work {
    eg_binary_kernel kernel;
    const eg_value_info *info;
    const eg_row *rows;
    pair_operand in[2];
    float *y;
} pair_work;

/* Queries [begin, end) of the operand's head: n elements, or NULL for a single number. */
static const float *
pair_row(const pair_operand *x, const eg_host_pair *pair, const eg_cpu_queries *q)
{
    if (x->heads == 0)
        return NULL;
    int64_t offset = q->offset / pair->heads * x->heads, head = x->heads == 1 ? 0 : q->head;
    return x->data + offset + (head * pair->n + q->begin) * pair->columns;
}

static void
combine_queries(void *arg, const eg_cpu_queries *q, uint32_t worker)
{
    (void)worker;
    const pair_work *w = arg;
    eg_host_pair pair = eg_host_pair_begin(w->y + q->offset, w->info, &w->rows[q->text]);
    int64_t n = (q->end - q->begin) * pair.columns;
    row_work row = {.kernel = w->kernel, .y = {.width = n}};
    row.a = (eg_host_operand){.column_step = w->in[0].heads != 0};
    row.b = (eg_host_operand){.column_step = w->in[1].heads != 0};
    const float *a = pair_row(&w->in[0], &pair, q), *b = pair_row(&w->in[1], &pair, q);
    float *y = eg_host_pair_row(&pair, q->head, q->begin);
    combine_columns(&row, a != NULL ? a : w->in[0].data, b != NULL ? b : w->in[1].data, y);
}

static void
combine_pairs(const eg_host_call *call)
{
    const eg_value_info *out = eg_host_info_out(call);
    pair_work w = {.kernel = *(const eg_binary_kernel *)call->node->attrs.kernel,
                   .info = out,
                   .rows = eg_host_rows(call, out),
                   .y = eg_host_pair_out(call)};
    for (uint32_t i = 0; i < 2; i++) {
        const eg_value_info *x = eg_host_info_in(call, i);
        w.in[i] = (pair_operand){eg_host_pair_in(call, i), x->kind == EG_PAIR ? x->dims[0].k : 0};
    }
    eg_cpu_split_pairs(call, out, 0.3, combine_queries, &w);
}

static eg_status
run_binary(const eg_host_call *call)
{
    if (eg_host_info_out(call)->kind == EG_PAIR)
        combine_pairs(call);
    else
        combine_rows(call);
    return EG_OK;
}

#define BINARY(symbol)                                                                                                 \
    static bool accept_##symbol(eg_host_reader *reader)                                                                \
    {                                                                                                                  \
        return accept_binary(reader, &eg_cpu_kernels(reader->device)->symbol);                                         \
    }                                                                                                                  \
    const eg_host_op eg_cpu_op_##symbol = {#symbol, 3, accept_##symbol, run_binary};

BINARY(add)
BINARY(sub)
BINARY(mul)
BINARY(div)

/* --- bias ---------------------------------------------------------------------------------------- */

static eg_status
run_bias_add(const eg_host_call *call)
{
    row_work w = {.kernel = eg_cpu_kernels(call->device)->add, .y = eg_host_matrix_out(call)};
    eg_host_matrix x = eg_host_matrix_in(call, 0);
    w.a = (eg_host_operand){.data = x.f32, .stride = x.stride, .column_step = 1};
    w.b = (eg_host_operand){.data = eg_host_vector_in(call, 1), .stride = 0, .column_step = 1};
    eg_cpu_split(call, w.y.rows, 1, 0.2 * (double)w.y.width, combine_part, &w);
    return EG_OK;
}

const eg_host_op eg_cpu_op_bias_add = {"bias_add", 1, eg_host_accept_bias_add, run_bias_add};
