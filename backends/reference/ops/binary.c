/* SPDX-License-Identifier: Apache-2.0 */
/* bias_add, add, sub, mul, div: element by element, the narrower kind repeated over the wider. */
#include "../reference.h"

typedef float (*combine)(float a, float b);

/* Which row and column of an operand meets row r and column c of the result. */
typedef struct operand {
    const float *data;
    int64_t stride;      /* between rows; 0 repeats one row */
    int64_t column_step; /* 0 repeats one column */
    bool by_text;        /* rows are texts, the result's are tokens */
} operand;

static bool
one_row_table(const eg_value_info *x, const eg_value_info *out)
{
    return x->kind == EG_TABLE && ((x->rank == 1 && (out->kind != EG_TABLE || out->rank > 1)) || x->dims[0].k == 1);
}

static int64_t
operand_width(const eg_value_info *x, const eg_value_info *out)
{
    return one_row_table(x, out) ? eg_host_width_from(x, 0) : eg_host_width(x);
}

static bool
fits_pair(const eg_value_info *x, const eg_value_info *out)
{
    if (x->kind == EG_PAIR)
        return x->set == out->set && x->dims[1].window == out->dims[1].window &&
               (x->dims[0].k == out->dims[0].k || x->dims[0].k == 1);
    return x->kind == EG_TABLE && eg_host_width_from(x, 0) == 1;
}

static bool
fits_rows(const eg_value_info *x, const eg_value_info *out)
{
    if (x->kind == EG_PAIR)
        return false;
    int64_t width = operand_width(x, out);
    if (width != eg_host_width(out) && width != 1)
        return false;
    if (one_row_table(x, out))
        return x->rank > 1 || x->is_weight || x->row_stride == 1;
    if (x->kind == EG_TABLE)
        return out->kind == EG_TABLE && x->dims[0].k == out->dims[0].k;
    return (x->kind == out->kind && (x->kind == EG_TEXT || x->set == out->set)) ||
           (x->kind == EG_TEXT && out->kind == EG_TOKEN);
}

static bool
accept_binary(eg_host_reader *reader)
{
    eg_value_info in[2], out;
    if (!eg_host_count(reader, 2, 2) || !eg_host_output(reader, &out))
        return false;
    for (uint32_t i = 0; i < 2; i++) {
        if (!eg_host_input(reader, i, &in[i]))
            return false;
        if (in[i].dtype != EG_F32 || out.dtype != EG_F32)
            return eg_host_refuse(reader, "computes in f32 only");
        if (!(out.kind == EG_PAIR ? fits_pair(&in[i], &out) : fits_rows(&in[i], &out)))
            return eg_host_refuse(reader, "input %u does not fit the result's shape", i);
    }
    return true;
}

static operand
operand_of(const eg_host_call *call, uint32_t i)
{
    const eg_value_info *x = eg_host_info_in(call, i), *out = eg_host_info_out(call);
    eg_host_matrix m = eg_host_matrix_in(call, i);
    return (operand){.data = m.f32,
                     .stride = one_row_table(x, out) ? 0 : m.stride,
                     .column_step = operand_width(x, out) == 1 && eg_host_width(out) != 1 ? 0 : 1,
                     .by_text = x->kind == EG_TEXT && out->kind == EG_TOKEN};
}

static const float *
operand_row(const operand *x, int64_t row, int64_t text)
{
    return x->data + (x->by_text ? text : row) * x->stride;
}

static void
combine_row(combine f, const operand *a, const operand *b, eg_host_matrix y, int64_t row, int64_t text)
{
    const float *pa = operand_row(a, row, text), *pb = operand_row(b, row, text);
    for (int64_t c = 0; c < y.width; c++)
        y.f32[row * y.stride + c] = f(pa[c * a->column_step], pb[c * b->column_step]);
}

static void
combine_rows(const eg_host_call *call, combine f)
{
    operand a = operand_of(call, 0), b = operand_of(call, 1);
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
    const eg_host_op eg_ref_op_##symbol = {#symbol, 3, accept_binary, run_##symbol};

BINARY(add, a + b)
BINARY(sub, a - b)
BINARY(mul, a *b)
BINARY(div, a / b)

static bool
accept_bias_add(eg_host_reader *reader)
{
    eg_value_info out;
    if (!eg_host_count(reader, 2, 2) || !eg_host_same(reader, &out))
        return false;
    if (out.kind == EG_PAIR)
        return eg_host_refuse(reader, "pair values have no width");
    return eg_host_vector(reader, 1, eg_host_width(&out));
}

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

const eg_host_op eg_ref_op_bias_add = {"bias_add", 1, accept_bias_add, run_bias_add};
