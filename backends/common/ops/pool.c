/* SPDX-License-Identifier: Apache-2.0 */
/* From the tokens of a text to one row: a token picked, or all of them taken together. */
#include <math.h>
#include <string.h>

#include "../backend.h"

/* --- one token ----------------------------------------------------------------------------------- */

static eg_status
pick(const eg_host_call *call, int64_t index)
{
    eg_host_matrix x = eg_host_matrix_in(call, 0), y = eg_host_matrix_out(call);
    for (uint32_t t = 0; t < eg_host_texts(call); t++) {
        eg_host_text_rows rows = eg_host_rows_of_text(call, x, t);
        int64_t at = index < 0 ? rows.count + index : index;
        if (at < 0 || at >= rows.count)
            return eg_host_fail(call->err, EG_E_INPUT, "%s: text %u has %lld tokens, there is no token %lld",
                                call->node->name, t, (long long)rows.count, (long long)index);
        memcpy(y.f32 + t * y.stride, rows.data + at * rows.stride, (size_t)y.width * 4);
    }
    return EG_OK;
}

static eg_status
run_first_token(const eg_host_call *call)
{
    return pick(call, 0);
}

static eg_status
run_last_token(const eg_host_call *call)
{
    return pick(call, -1);
}

static eg_status
run_token(const eg_host_call *call)
{
    return pick(call, call->node->attrs.index);
}

const eg_host_op eg_cpu_op_first_token = {"first_token", 0, eg_host_accept_pool, run_first_token};
const eg_host_op eg_cpu_op_last_token = {"last_token", 0, eg_host_accept_pool, run_last_token};
const eg_host_op eg_cpu_op_token = {"token", 0, eg_host_accept_token, run_token};

/* --- all tokens ---------------------------------------------------------------------------------- */

typedef struct pool_work pool_work;
typedef void (*reduction)(const eg_kernels *kernels, const eg_host_text_rows *rows, float *y, int64_t n);

struct pool_work {
    const eg_host_call *call;
    reduction reduce;
    bool normalize; /* the result, while it is near */
    eg_host_matrix x, y;
};

static void
pool_part(void *arg, int64_t begin, int64_t end, uint32_t worker)
{
    (void)worker;
    const pool_work *w = arg;
    const eg_kernels *kernels = eg_cpu_kernels(w->call->device);
    for (int64_t t = begin; t < end; t++) {
        eg_host_text_rows rows = eg_host_rows_of_text(w->call, w->x, (uint32_t)t);
        float *y = w->y.f32 + t * w->y.stride;
        w->reduce(kernels, &rows, y, w->y.width);
        if (w->normalize)
            kernels->normalize(y, w->call->node->attrs.eps, y, w->y.width);
    }
}

static eg_status
pool(const eg_host_call *call, reduction reduce, bool normalize)
{
    pool_work w = {call, reduce, normalize, eg_host_matrix_in(call, 0), eg_host_matrix_out(call)};
    eg_status status = eg_host_check_pooled(call);
    if (status != EG_OK)
        return status;
    double rows_per_text = (double)w.x.rows / (w.y.rows > 0 ? (double)w.y.rows : 1.0);
    eg_cpu_split(call, w.y.rows, 1, 0.2 * rows_per_text * (double)w.y.width, pool_part, &w);
    return EG_OK;
}

static void
first_token_of(const eg_kernels *kernels, const eg_host_text_rows *rows, float *y, int64_t n)
{
    (void)kernels;
    memcpy(y, rows->data, (size_t)n * 4);
}

static void
last_token_of(const eg_kernels *kernels, const eg_host_text_rows *rows, float *y, int64_t n)
{
    (void)kernels;
    memcpy(y, rows->data + (rows->count - 1) * rows->stride, (size_t)n * 4);
}

static void
sum_of(const eg_kernels *kernels, const eg_host_text_rows *rows, float *y, int64_t n)
{
    memset(y, 0, (size_t)n * 4);
    for (int64_t i = 0; i < rows->count; i++)
        kernels->accumulate(rows->data + i * rows->stride, 1.0f, y, n);
}

static void
mean_of(const eg_kernels *kernels, const eg_host_text_rows *rows, float *y, int64_t n)
{
    sum_of(kernels, rows, y, n);
    kernels->scale(y, 1.0f / (float)rows->count, y, n);
}

static void
mean_sqrt_len_of(const eg_kernels *kernels, const eg_host_text_rows *rows, float *y, int64_t n)
{
    sum_of(kernels, rows, y, n);
    kernels->scale(y, (float)(1.0 / sqrt((double)rows->count)), y, n);
}

static void
max_of(const eg_kernels *kernels, const eg_host_text_rows *rows, float *y, int64_t n)
{
    memcpy(y, rows->data, (size_t)n * 4);
    for (int64_t i = 1; i < rows->count; i++)
        kernels->max(y, rows->data + i * rows->stride, y, n);
}

static void
weighted_mean_of(const eg_kernels *kernels, const eg_host_text_rows *rows, float *y, int64_t n)
{
    double weights = 0;
    memset(y, 0, (size_t)n * 4);
    for (int64_t i = 0; i < rows->count; i++) {
        double weight = (double)(rows->first + i + 1);
        kernels->accumulate(rows->data + i * rows->stride, (float)weight, y, n);
        weights += weight;
    }
    kernels->scale(y, (float)(1.0 / weights), y, n);
}

#define REDUCTION(symbol)                                                                                              \
    static eg_status run_##symbol(const eg_host_call *call)                                                            \
    {                                                                                                                  \
        return pool(call, symbol##_of, false);                                                                         \
    }                                                                                                                  \
    const eg_host_op eg_cpu_op_##symbol = {#symbol, 0, eg_host_accept_ranged_pool, run_##symbol};

REDUCTION(sum)
REDUCTION(mean)
REDUCTION(mean_sqrt_len)
REDUCTION(max)
REDUCTION(weighted_mean)

static eg_status
run_pool_normalize(const eg_host_call *call)
{
    static const reduction reductions[] = {
        [EG_HOST_FIRST_TOKEN] = first_token_of,
        [EG_HOST_LAST_TOKEN] = last_token_of,
        [EG_HOST_MEAN] = mean_of,
        [EG_HOST_MAX] = max_of,
        [EG_HOST_SUM] = sum_of,
        [EG_HOST_MEAN_SQRT_LEN] = mean_sqrt_len_of,
        [EG_HOST_WEIGHTED_MEAN] = weighted_mean_of,
    };
    return pool(call, reductions[call->node->attrs.pool], true);
}

const eg_host_op eg_cpu_op_pool_normalize = {"pool_normalize", 0, eg_host_accept_pool_normalize, run_pool_normalize};
