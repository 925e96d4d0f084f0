/* SPDX-License-Identifier: Apache-2.0 */
/* bias_add, add, sub, mul, div, where: element by element, the narrower kind repeated over the wider. */
#include "../reference.h"

enum { MOST = 3 };

/* Of an element of each operand. */
typedef float (*combine)(const float *x);

static const float *
operand_row(const eg_host_operand *x, int64_t row, int64_t text)
{
    return x->data + (x->by_text ? text : row) * x->stride;
}

static void
combine_row(combine f, const eg_host_operand *in, uint32_t count, eg_host_matrix y, int64_t row, int64_t text)
{
    float x[MOST];
    for (int64_t c = 0; c < y.width; c++) {
        for (uint32_t i = 0; i < count; i++)
            x[i] = operand_row(&in[i], row, text)[c * in[i].column_step];
        y.f32[row * y.stride + c] = f(x);
    }
}

static void
combine_rows(const eg_host_call *call, combine f)
{
    eg_host_operand in[MOST];
    uint32_t count = call->node->input_count;
    for (uint32_t i = 0; i < count; i++)
        in[i] = eg_host_operand_in(call, i);
    eg_host_matrix y = eg_host_matrix_out(call);
    const eg_value_info *out = eg_host_info_out(call);
    if (out->kind != EG_TOKEN) {
        for (int64_t r = 0; r < y.rows; r++)
            combine_row(f, in, count, y, r, r);
        return;
    }
    const eg_row *rows = eg_host_rows(call, out);
    for (uint32_t t = 0; t < eg_host_texts(call); t++)
        for (int64_t i = 0; i < rows[t].rows; i++)
            combine_row(f, in, count, y, (int64_t)rows[t].start + i, t);
}

/* One operand of a pair result: a block of its own (all heads or one), or a single number. */
typedef struct pair_operand {
    const float *data;
    int64_t heads; /* 0: a number */
} pair_operand;

static float
pair_element(const pair_operand *x, int64_t head, int64_t i, int64_t block)
{
    return x->heads == 0 ? x->data[0] : x->data[(x->heads == 1 ? 0 : head) * block + i];
}

/* The operands begin at the text's blocks. */
static void
combine_text(combine f, const pair_operand *in, uint32_t count, const eg_host_pair *pair)
{
    int64_t block = pair->n * pair->columns;
    float x[MOST];
    for (int64_t h = 0; h < pair->heads; h++)
        for (int64_t i = 0; i < block; i++) {
            for (uint32_t k = 0; k < count; k++)
                x[k] = pair_element(&in[k], h, i, block);
            pair->data[h * block + i] = f(x);
        }
}

static void
combine_pairs(const eg_host_call *call, combine f)
{
    const eg_value_info *out = eg_host_info_out(call);
    pair_operand in[MOST];
    uint32_t count = call->node->input_count;
    for (uint32_t i = 0; i < count; i++) {
        const eg_value_info *x = eg_host_info_in(call, i);
        in[i] = (pair_operand){eg_host_pair_in(call, i), x->kind == EG_PAIR ? x->dims[0].k : 0};
    }
    float *y = eg_host_pair_out(call);
    for (uint32_t t = 0; t < eg_host_texts(call); t++) {
        eg_host_pair pair = eg_host_pair_begin(y, out, &eg_host_rows(call, out)[t]);
        combine_text(f, in, count, &pair);
        y = eg_host_pair_end(&pair);
        for (uint32_t i = 0; i < count; i++)
            in[i].data += in[i].heads * pair.n * pair.columns;
    }
}

static eg_status
run_elements(const eg_host_call *call, combine f)
{
    if (eg_host_info_out(call)->kind == EG_PAIR)
        combine_pairs(call, f);
    else
        combine_rows(call, f);
    return EG_OK;
}

#define ELEMENTS(symbol, inplace, accept, expression)                                                                  \
    static float symbol##_of(const float *x)                                                                           \
    {                                                                                                                  \
        return expression;                                                                                             \
    }                                                                                                                  \
    static eg_status run_##symbol(const eg_host_call *call)                                                            \
    {                                                                                                                  \
        return run_elements(call, symbol##_of);                                                                        \
    }                                                                                                                  \
    const eg_host_op eg_ref_op_##symbol = {#symbol, inplace, accept, run_##symbol};

ELEMENTS(add, 3, eg_host_accept_binary, x[0] + x[1])
ELEMENTS(sub, 3, eg_host_accept_binary, x[0] - x[1])
ELEMENTS(mul, 3, eg_host_accept_binary, x[0] * x[1])
ELEMENTS(div, 3, eg_host_accept_binary, x[0] / x[1])
ELEMENTS(where, 7, eg_host_accept_where, x[0] != 0 ? x[1] : x[2])

static eg_status
run_bias_add(const eg_host_call *call)
{
    eg_host_matrix x = eg_host_matrix_in(call, 0), y = eg_host_matrix_out(call);
    const float *bias = eg_host_vector_in(call, 1);
    for (int64_t r = 0; r < y.rows; r++)
        for (int64_t c = 0; c < y.width; c++)
            y.f32[r * y.stride + c] = x.f32[r * x.stride + c] + bias[c];
    return EG_OK;
}

const eg_host_op eg_ref_op_bias_add = {"bias_add", 1, eg_host_accept_bias_add, run_bias_add};
