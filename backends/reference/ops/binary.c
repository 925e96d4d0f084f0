/* SPDX-License-Identifier: Apache-2.0 */
/* bias_add, add, sub, mul, div: element by element, the narrower kind repeated over the wider. */
#include "../reference.h"

typedef float (*combine)(float a, float b);

static const float *
operand_row(const eg_host_operand *x, int64_t row, int64_t text)
{
    return x->data + (x->by_text ? text : row) * x->stride;
}

static void
combine_row(combine f, const eg_host_operand *a, const eg_host_operand *b, eg_host_matrix y, int64_t row, int64_t text)
{
    const float *pa = operand_row(a, row, text), *pb = operand_row(b, row, text);
    for (int64_t c = 0; c < y.width; c++)
        y.f32[row * y.stride + c] = f(pa[c * a->column_step], pb[c * b->column_step]);
}

static void
combine_rows(const eg_host_call *call, combine f)
{
    eg_host_operand a = eg_host_operand_in(call, 0), b = eg_host_operand_in(call, 1);
    eg_host_matrix y = eg_host_matrix_out(call);
    const eg_value_info *out = eg_host_info_out(call);
    if (out->kind != EG_TOKEN) {
        for (int64_t r = 0; r < y.rows; r++)
            combine_row(f, &a, &b, y, r, r);
        return;
    }
    const eg_row *rows = eg_host_rows(call, out);
    for (uint32_t t = 0; t < eg_host_texts(call); t++)
        for (int64_t i = 0; i < rows[t].rows; i++)
            combine_row(f, &a, &b, y, (int64_t)rows[t].start + i, t);
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

static void
combine_pairs(const eg_host_call *call, combine f)
{
    const eg_value_info *out = eg_host_info_out(call);
    pair_operand in[2];
    for (uint32_t i = 0; i < 2; i++) {
        const eg_value_info *x = eg_host_info_in(call, i);
        in[i] = (pair_operand){eg_host_pair_in(call, i), x->kind == EG_PAIR ? x->dims[0].k : 0};
    }
    float *y = eg_host_pair_out(call);
    for (uint32_t t = 0; t < eg_host_texts(call); t++) {
        eg_host_pair pair = eg_host_pair_begin(y, out, &eg_host_rows(call, out)[t]);
        int64_t block = pair.n * pair.columns;
        for (int64_t h = 0; h < pair.heads; h++)
            for (int64_t i = 0; i < block; i++)
                y[h * block + i] = f(pair_element(&in[0], h, i, block), pair_element(&in[1], h, i, block));
        y += pair.heads * block;
        in[0].data += in[0].heads * block;
        in[1].data += in[1].heads * block;
    }
}

static eg_status
run_binary(const eg_host_call *call, combine f)
{
    if (eg_host_info_out(call)->kind == EG_PAIR)
        combine_pairs(call, f);
    else
        combine_rows(call, f);
    return EG_OK;
}

#define BINARY(symbol, expression)                                                                                     \
    static float symbol##_of(float a, float b)                                                                         \
    {                                                                                                                  \
        return expression;                                                                                             \
    }                                                                                                                  \
    static eg_status run_##symbol(const eg_host_call *call)                                                            \
    {                                                                                                                  \
        return run_binary(call, symbol##_of);                                                                          \
    }                                                                                                                  \
    const eg_host_op eg_ref_op_##symbol = {#symbol, 3, eg_host_accept_binary, run_##symbol};

BINARY(add, a + b)
BINARY(sub, a - b)
BINARY(mul, a *b)
BINARY(div, a / b)

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
