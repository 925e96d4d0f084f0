/* SPDX-License-Identifier: Apache-2.0 */
/* bias_add, add, sub, mul, div, where: element by element, the narrower kind repeated over the wider. */
#include "../backend.h"

enum { MOST = 3 };

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
    eg_binary_kernel kernel; /* NULL: where */
    eg_host_operand in[MOST];
    uint32_t count; /* of operands */
    eg_host_matrix y;
    const eg_row *rows; /* of the texts, if an operand has a row for each */
    uint32_t texts;
} row_work;

static void
choose(const float *c, const float *a, const float *b, float *y, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = c[i] != 0 ? a[i] : b[i];
}

static void
combine(const row_work *w, const float *const *x, float *y, int64_t n)
{
    if (w->kernel != NULL)
        w->kernel(x[0], x[1], y, n);
    else
        choose(x[0], x[1], x[2], y, n);
}

/* A repeated column, so many elements at a time, for kernels that take rows. */
#define CHUNK 256

static void
combine_columns(const row_work *w, const float *const *x, float *y)
{
    float repeated[MOST][CHUNK];
    for (int64_t c = 0; c < w->y.width; c += CHUNK) {
        int64_t n = w->y.width - c < CHUNK ? w->y.width - c : CHUNK;
        const float *from[MOST];
        for (uint32_t k = 0; k < w->count; k++) {
            from[k] = w->in[k].column_step == 0 ? repeated[k] : x[k] + c;
            for (int64_t i = 0; i < n && w->in[k].column_step == 0; i++)
                repeated[k][i] = x[k][0];
        }
        combine(w, from, y + c, n);
    }
}

static bool
repeats_columns(const row_work *w)
{
    for (uint32_t k = 0; k < w->count; k++)
        if (w->in[k].column_step == 0)
            return true;
    return false;
}

static void
combine_part(void *arg, int64_t begin, int64_t end, uint32_t worker)
{
    (void)worker;
    const row_work *w = arg;
    bool repeats = repeats_columns(w);
    uint32_t text = 0;
    for (int64_t r = begin; r < end; r++) {
        const float *x[MOST];
        if (w->rows != NULL)
            text = eg_cpu_text_of(w->rows, w->texts, r, text);
        for (uint32_t k = 0; k < w->count; k++)
            x[k] = operand_row(&w->in[k], r, text);
        float *y = w->y.f32 + r * w->y.stride;
        if (repeats)
            combine_columns(w, x, y);
        else
            combine(w, x, y, w->y.width);
    }
}

static void
combine_rows(const eg_host_call *call, eg_binary_kernel kernel)
{
    row_work w = {.kernel = kernel,
                  .count = call->node->input_count,
                  .y = eg_host_matrix_out(call),
                  .texts = eg_host_texts(call)};
    for (uint32_t k = 0; k < w.count; k++) {
        w.in[k] = eg_host_operand_in(call, k);
        if (w.in[k].by_text)
            w.rows = eg_host_rows(call, eg_host_info_out(call));
    }
    eg_cpu_split(call, w.y.rows, 1, 0.3 * (double)w.y.width, combine_part, &w);
}

/* --- pairs --------------------------------------------------------------------------------------- */

/* One operand of a pair result: a block of its own (all heads or one), or a single number (heads 0). */
typedef struct pair_operand {
    const float *data;
    int64_t heads;
} pair_operand;

typedef struct pair_work {
    eg_binary_kernel kernel; /* NULL: where */
    const eg_value_info *info;
    const eg_row *rows;
    pair_operand in[MOST];
    uint32_t count;
    float *y;
} pair_work;

/* Queries [begin, end) of the operand's head, or the single number. */
static const float *
pair_row(const pair_operand *x, const eg_host_pair *pair, const eg_cpu_queries *q)
{
    if (x->heads == 0)
        return x->data;
    int64_t offset = q->offset / pair->heads * x->heads, head = x->heads == 1 ? 0 : q->head;
    return x->data + offset + (head * pair->n + q->begin) * pair->columns;
}

static void
combine_queries(void *arg, const eg_cpu_queries *q, uint32_t worker)
{
    (void)worker;
    const pair_work *w = arg;
    eg_host_pair pair = eg_host_pair_begin(w->y + q->offset, w->info, &w->rows[q->text]);
    row_work row = {.kernel = w->kernel, .count = w->count, .y = {.width = (q->end - q->begin) * pair.columns}};
    const float *x[MOST];
    for (uint32_t k = 0; k < w->count; k++) {
        row.in[k] = (eg_host_operand){.column_step = w->in[k].heads != 0};
        x[k] = pair_row(&w->in[k], &pair, q);
    }
    combine_columns(&row, x, eg_host_pair_row(&pair, q->head, q->begin));
}

static void
combine_pairs(const eg_host_call *call, eg_binary_kernel kernel)
{
    const eg_value_info *out = eg_host_info_out(call);
    pair_work w = {.kernel = kernel,
                   .info = out,
                   .rows = eg_host_rows(call, out),
                   .count = call->node->input_count,
                   .y = eg_host_pair_out(call)};
    for (uint32_t k = 0; k < w.count; k++) {
        const eg_value_info *x = eg_host_info_in(call, k);
        w.in[k] = (pair_operand){eg_host_pair_in(call, k), x->kind == EG_PAIR ? x->dims[0].k : 0};
    }
    eg_cpu_split_pairs(call, out, 0.3, combine_queries, &w);
}

static eg_status
run_elements(const eg_host_call *call)
{
    const eg_binary_kernel *kernel = call->node->attrs.kernel;
    if (eg_host_info_out(call)->kind == EG_PAIR)
        combine_pairs(call, kernel != NULL ? *kernel : NULL);
    else
        combine_rows(call, kernel != NULL ? *kernel : NULL);
    return EG_OK;
}

#define BINARY(symbol)                                                                                                 \
    static bool accept_##symbol(eg_host_reader *reader)                                                                \
    {                                                                                                                  \
        return accept_binary(reader, &eg_cpu_kernels(reader->device)->symbol);                                         \
    }                                                                                                                  \
    const eg_host_op eg_cpu_op_##symbol = {#symbol, 3, accept_##symbol, run_elements};

BINARY(add)
BINARY(sub)
BINARY(mul)
BINARY(div)

const eg_host_op eg_cpu_op_where = {"where", 7, eg_host_accept_where, run_elements};

/* --- bias ---------------------------------------------------------------------------------------- */

static eg_status
run_bias_add(const eg_host_call *call)
{
    row_work w = {.kernel = eg_cpu_kernels(call->device)->add, .count = 2, .y = eg_host_matrix_out(call)};
    eg_host_matrix x = eg_host_matrix_in(call, 0);
    w.in[0] = (eg_host_operand){.data = x.f32, .stride = x.stride, .column_step = 1};
    w.in[1] = (eg_host_operand){.data = eg_host_vector_in(call, 1), .stride = 0, .column_step = 1};
    eg_cpu_split(call, w.y.rows, 1, 0.2 * (double)w.y.width, combine_part, &w);
    return EG_OK;
}

const eg_host_op eg_cpu_op_bias_add = {"bias_add", 1, eg_host_accept_bias_add, run_bias_add};
