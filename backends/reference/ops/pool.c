/* SPDX-License-Identifier: Apache-2.0 */
/* From the tokens of a text to one row: a token picked, or all of them taken together. */
#include <math.h>

#include "../reference.h"

/* --- one token ----------------------------------------------------------------------------------- */

static eg_status
run_token(const eg_host_call *call)
{
    int64_t index = call->node->attrs.index;
    eg_host_matrix x = eg_host_matrix_in(call, 0), y = eg_host_matrix_out(call);
    for (uint32_t t = 0; t < eg_host_texts(call); t++) {
        eg_host_text_rows rows = eg_host_rows_of_text(call, x, t);
        int64_t at = index < 0 ? rows.count + index : index;
        if (at < 0 || at >= rows.count)
            return eg_host_fail(call->err, EG_E_INPUT, "%s: text %u has %lld tokens, there is no token %lld",
                                call->node->name, t, (long long)rows.count, (long long)index);
        for (int64_t c = 0; c < y.width; c++)
            y.f32[t * y.stride + c] = rows.data[at * rows.stride + c];
    }
    return EG_OK;
}

const eg_host_op eg_ref_op_token = {"token", 0, eg_host_accept_token, run_token};

/* --- pooling ------------------------------------------------------------------------------------- */

static double
sum_of(const eg_host_text_rows *rows, int64_t column)
{
    double sum = 0;
    for (int64_t i = 0; i < rows->count; i++)
        sum += rows->data[i * rows->stride + column];
    return sum;
}

static double
mean_of(const eg_host_text_rows *rows, int64_t column)
{
    return sum_of(rows, column) / (double)rows->count;
}

static double
mean_sqrt_len_of(const eg_host_text_rows *rows, int64_t column)
{
    return sum_of(rows, column) / sqrt((double)rows->count);
}

static double
max_of(const eg_host_text_rows *rows, int64_t column)
{
    double max = -INFINITY;
    for (int64_t i = 0; i < rows->count; i++) {
        double x = rows->data[i * rows->stride + column];
        if (x > max || isnan(x)) /* once a NaN, always a NaN: nothing is greater */
            max = x;
    }
    return max;
}

static double
weighted_mean_of(const eg_host_text_rows *rows, int64_t column)
{
    double sum = 0, weights = 0;
    for (int64_t i = 0; i < rows->count; i++) {
        double weight = (double)(rows->first + i + 1);
        sum += weight * rows->data[i * rows->stride + column];
        weights += weight;
    }
    return sum / weights;
}

static double
pooled(eg_host_pool pool, const eg_host_text_rows *rows, int64_t column)
{
    switch (pool) {
    case EG_HOST_LAST_TOKEN:
        return rows->data[(rows->count - 1) * rows->stride + column];
    case EG_HOST_MEAN:
        return mean_of(rows, column);
    case EG_HOST_MAX:
        return max_of(rows, column);
    case EG_HOST_SUM:
        return sum_of(rows, column);
    case EG_HOST_MEAN_SQRT_LEN:
        return mean_sqrt_len_of(rows, column);
    case EG_HOST_WEIGHTED_MEAN:
        return weighted_mean_of(rows, column);
    case EG_HOST_FIRST_TOKEN:
        break;
    }
    return rows->data[column];
}

static eg_status
run_pool(const eg_host_call *call)
{
    eg_host_matrix x = eg_host_matrix_in(call, 0), y = eg_host_matrix_out(call);
    eg_status status = eg_host_check_pooled(call);
    for (uint32_t t = 0; t < eg_host_texts(call) && status == EG_OK; t++) {
        eg_host_text_rows rows = eg_host_rows_of_text(call, x, t);
        for (int64_t c = 0; c < y.width; c++)
            y.f32[t * y.stride + c] = (float)pooled(call->node->attrs.pool, &rows, c);
    }
    return status;
}

#define POOL(symbol, which, accept)                                                                                    \
    static bool accept_##symbol(eg_host_reader *reader)                                                                \
    {                                                                                                                  \
        reader->attrs.pool = which;                                                                                    \
        return accept(reader);                                                                                         \
    }                                                                                                                  \
    const eg_host_op eg_ref_op_##symbol = {#symbol, 0, accept_##symbol, run_pool};

POOL(first_token, EG_HOST_FIRST_TOKEN, eg_host_accept_pool)
POOL(last_token, EG_HOST_LAST_TOKEN, eg_host_accept_pool)
POOL(mean, EG_HOST_MEAN, eg_host_accept_ranged_pool)
POOL(max, EG_HOST_MAX, eg_host_accept_ranged_pool)
POOL(sum, EG_HOST_SUM, eg_host_accept_ranged_pool)
POOL(mean_sqrt_len, EG_HOST_MEAN_SQRT_LEN, eg_host_accept_ranged_pool)
POOL(weighted_mean, EG_HOST_WEIGHTED_MEAN, eg_host_accept_ranged_pool)

static eg_status
run_pool_normalize(const eg_host_call *call)
{
    eg_host_matrix y = eg_host_matrix_out(call);
    eg_status status = run_pool(call);
    for (int64_t r = 0; r < y.rows && status == EG_OK; r++)
        eg_ref_normalize_row(call->node->attrs.eps, y.f32 + r * y.stride, y.f32 + r * y.stride, y.width);
    return status;
}

const eg_host_op eg_ref_op_pool_normalize = {"pool_normalize", 0, eg_host_accept_pool_normalize, run_pool_normalize};
