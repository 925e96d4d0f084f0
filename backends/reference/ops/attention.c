/* SPDX-License-Identifier: Apache-2.0 */
/* scores, softmax, apply: attention text by text, head by head. */
#include <math.h>

#include "../reference.h"

/* --- scores -------------------------------------------------------------------------------------- */

static bool
accept_scores(eg_host_reader *reader)
{
    if (!eg_host_accept_scores(reader))
        return false;
    reader->scratch.bytes = eg_ref_panel_bytes(reader->attrs.head_size);
    return true;
}

void
eg_ref_mask_row(const eg_host_pair *pair, bool causal, int64_t query, float *row)
{
    int64_t first = eg_host_pair_first(pair, query);
    for (int64_t j = 0; j < pair->columns; j++) {
        int64_t key = first + j, distance = key > query ? key - query : query - key;
        if ((causal && key > query) || (pair->window > 0 && distance > pair->window))
            row[j] = -INFINITY;
    }
}

static eg_status
run_scores(const eg_host_call *call)
{
    const eg_host_attrs *attrs = &call->node->attrs;
    eg_host_matrix q = eg_host_matrix_in(call, 0), k = eg_host_matrix_in(call, 1);
    const eg_value_info *out = eg_host_info_out(call);
    int64_t size = q.width / attrs->heads, group = attrs->heads / attrs->key_heads;
    float *data = eg_host_pair_out(call);
    for (uint32_t t = 0; t < eg_host_texts(call); t++) {
        const eg_row *row = &eg_host_rows(call, out)[t];
        eg_host_pair pair = eg_host_pair_begin(data, out, row);
        for (int64_t h = 0; h < pair.heads; h++) {
            const float *qh = q.f32 + (int64_t)row->start * q.stride + h * size;
            const float *kh = k.f32 + (int64_t)row->start * k.stride + h / group * size;
            if (pair.columns == pair.n) {
                eg_ref_matmul_block(qh, q.stride, kh, k.stride, eg_host_pair_row(&pair, h, 0), pair.columns, pair.n,
                                    pair.n, size, attrs->factor, call->scratch);
            } else {
                for (int64_t i = 0; i < pair.n; i++)
                    eg_ref_matmul_block(qh + i * q.stride, q.stride, kh + eg_host_pair_first(&pair, i) * k.stride,
                                        k.stride, eg_host_pair_row(&pair, h, i), pair.columns, 1, pair.columns, size,
                                        attrs->factor, call->scratch);
            }
            for (int64_t i = 0; i < pair.n; i++)
                eg_ref_mask_row(&pair, attrs->causal, i, eg_host_pair_row(&pair, h, i));
        }
        data = eg_host_pair_end(&pair);
    }
    return EG_OK;
}

const eg_host_op eg_ref_op_scores = {"scores", 0, accept_scores, run_scores};

/* --- softmax ------------------------------------------------------------------------------------- */

/* Over x[0, end), zeros behind it. Where every number is -inf (no key is left) all are zero. */
static void
softmax_row(const float *x, float *y, int64_t n, int64_t end)
{
    double max = -INFINITY, sum = 0;
    for (int64_t i = 0; i < end; i++)
        if (x[i] > max)
            max = x[i];
    if (max == -INFINITY)
        max = 0; /* exp(-inf) is 0, and a NaN stays one */
    for (int64_t i = 0; i < end; i++)
        sum += exp(x[i] - max);
    double inverse = sum == 0 ? 0 : 1.0 / sum;
    for (int64_t i = 0; i < n; i++)
        y[i] = i >= end ? 0 : (float)(exp(x[i] - max) * inverse);
}

void
eg_ref_softmax_keys(const eg_host_pair *pair, int64_t query, const float *x, float *y)
{
    int64_t end = pair->valid - eg_host_pair_first(pair, query);
    softmax_row(x, y, pair->columns, end < 0 ? 0 : end > pair->columns ? pair->columns : end);
}

static void
softmax_pairs(const eg_host_call *call)
{
    const eg_value_info *out = eg_host_info_out(call);
    float *x = eg_host_pair_in(call, 0), *y = eg_host_pair_out(call);
    for (uint32_t t = 0; t < eg_host_texts(call); t++) {
        const eg_row *row = &eg_host_rows(call, out)[t];
        eg_host_pair from = eg_host_pair_begin(x, out, row), to = eg_host_pair_begin(y, out, row);
        for (int64_t h = 0; h < to.heads; h++) {
            for (int64_t q = 0; q < to.n; q++)
                eg_ref_softmax_keys(&to, q, eg_host_pair_row(&from, h, q), eg_host_pair_row(&to, h, q));
        }
        x = eg_host_pair_end(&from);
        y = eg_host_pair_end(&to);
    }
}

static eg_status
run_softmax(const eg_host_call *call)
{
    const eg_value_info *out = eg_host_info_out(call);
    if (out->kind == EG_PAIR) {
        softmax_pairs(call);
        return EG_OK;
    }
    eg_host_matrix x = eg_host_matrix_in(call, 0), y = eg_host_matrix_out(call);
    int64_t n = eg_host_last_axis(out);
    for (int64_t r = 0; r < y.rows; r++)
        for (int64_t c = 0; c < y.width; c += n)
            softmax_row(x.f32 + r * x.stride + c, y.f32 + r * y.stride + c, n, n);
    return EG_OK;
}

const eg_host_op eg_ref_op_softmax = {"softmax", 1, eg_host_accept_softmax, run_softmax};

/* --- apply --------------------------------------------------------------------------------------- */

/* Columns of v that are summed side by side. */
#define COLUMNS 8

void
eg_ref_apply_row(const float *p, int64_t keys, const float *v, int64_t stride, float *y, int64_t size)
{
    for (int64_t first = 0; first < size; first += COLUMNS) {
        int64_t columns = size - first < COLUMNS ? size - first : COLUMNS;
        double sums[COLUMNS] = {0};
        for (int64_t j = 0; j < keys; j++)
            for (int64_t c = 0; c < columns; c++)
                sums[c] += (double)p[j] * v[j * stride + first + c];
        for (int64_t c = 0; c < columns; c++)
            y[first + c] = (float)sums[c];
    }
}

static eg_status
run_apply(const eg_host_call *call)
{
    const eg_host_attrs *attrs = &call->node->attrs;
    const eg_value_info *info = eg_host_info_in(call, 0);
    eg_host_matrix v = eg_host_matrix_in(call, 1), y = eg_host_matrix_out(call);
    int64_t size = y.width / attrs->heads, group = attrs->heads / attrs->key_heads;
    float *p = eg_host_pair_in(call, 0);
    for (uint32_t t = 0; t < eg_host_texts(call); t++) {
        const eg_row *row = &eg_host_rows(call, info)[t];
        eg_host_pair pair = eg_host_pair_begin(p, info, row);
        for (int64_t h = 0; h < pair.heads; h++) {
            const float *vh = v.f32 + (int64_t)row->start * v.stride + h / group * size;
            for (int64_t q = 0; q < pair.n; q++)
                eg_ref_apply_row(eg_host_pair_row(&pair, h, q), pair.columns,
                                 vh + eg_host_pair_first(&pair, q) * v.stride, v.stride,
                                 y.f32 + ((int64_t)row->start + q) * y.stride + h * size, size);
        }
        p = eg_host_pair_end(&pair);
    }
    return EG_OK;
}

const eg_host_op eg_ref_op_apply = {"apply", 0, eg_host_accept_apply, run_apply};
