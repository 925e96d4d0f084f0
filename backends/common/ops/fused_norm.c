/* SPDX-License-Identifier: Apache-2.0 */
/* add_norm, embed_norm: rows made and normalised while they are near. */
#include "../backend.h"

/* --- what both normalise with -------------------------------------------------------------------- */

typedef struct row_norm {
    const eg_kernels *kernels;
    const float *weight, *bias;
    double eps;
    bool rms;
} row_norm;

/* The weight is input `first`. */
static row_norm
norm_of(const eg_host_call *call, uint32_t first)
{
    const eg_host_attrs *attrs = &call->node->attrs;
    return (row_norm){.kernels = eg_cpu_kernels(call->device),
                      .weight = eg_host_vector_in(call, first),
                      .bias = attrs->has_bias ? eg_host_vector_in(call, first + 1) : NULL,
                      .eps = attrs->eps,
                      .rms = attrs->rms};
}

static void
norm_of_sum(const row_norm *w, const float *a, const float *b, float *y, int64_t n)
{
    if (w->rms)
        w->kernels->add_rms_norm(a, b, w->weight, w->eps, y, n);
    else
        w->kernels->add_layer_norm(a, b, w->weight, w->bias, w->eps, y, n);
}

static void
norm_of_row(const row_norm *w, const float *x, float *y, int64_t n)
{
    if (w->rms)
        w->kernels->rms_norm(x, w->weight, w->eps, y, n);
    else
        w->kernels->layer_norm(x, w->weight, w->bias, w->eps, y, n);
}

/* --- add_norm ------------------------------------------------------------------------------------ */

typedef struct add_norm_work {
    row_norm norm;
    eg_host_matrix a, b, y;
} add_norm_work;

static void
add_norm_part(void *arg, int64_t begin, int64_t end, uint32_t worker)
{
    (void)worker;
    const add_norm_work *w = arg;
    for (int64_t r = begin; r < end; r++)
        norm_of_sum(&w->norm, w->a.f32 + r * w->a.stride, w->b.f32 + r * w->b.stride, w->y.f32 + r * w->y.stride,
                    w->y.width);
}

static eg_status
run_add_norm(const eg_host_call *call)
{
    add_norm_work w = {norm_of(call, 2), eg_host_matrix_in(call, 0), eg_host_matrix_in(call, 1),
                       eg_host_matrix_out(call)};
    eg_cpu_split(call, w.y.rows, 1, 0.6 * (double)w.y.width, add_norm_part, &w);
    return EG_OK;
}

const eg_host_op eg_cpu_op_add_norm = {"add_norm", 3, eg_host_accept_add_norm, run_add_norm};

/* --- embed_norm ---------------------------------------------------------------------------------- */

typedef struct embed_norm_work {
    const eg_host_call *call;
    row_norm norm;
    eg_host_matrix y;
} embed_norm_work;

/* An index outside its table, named as gather names it. */
static eg_status
check_indices(const eg_host_call *call)
{
    for (uint32_t t = 0; t < call->node->attrs.tables; t++) {
        eg_host_matrix table = eg_host_matrix_in(call, 2 * t), index = eg_host_matrix_in(call, 2 * t + 1);
        for (int64_t r = 0; r < index.rows; r++) {
            int64_t at = index.i32[r * index.stride];
            if (at < 0 || at >= table.rows)
                return eg_host_fail(call->err, EG_E_INPUT,
                                    "%s: index %lld in row %lld is outside table %u of %lld rows", call->node->name,
                                    (long long)at, (long long)r, t, (long long)table.rows);
        }
    }
    return EG_OK;
}

static const float *
row_of_table(const eg_host_call *call, uint32_t t, int64_t row)
{
    eg_host_matrix table = eg_host_matrix_in(call, 2 * t), index = eg_host_matrix_in(call, 2 * t + 1);
    return table.f32 + index.i32[row * index.stride] * table.stride;
}

/* All but the last row are added into the result's own, from left to right. */
static void
embed_norm_part(void *arg, int64_t begin, int64_t end, uint32_t worker)
{
    (void)worker;
    const embed_norm_work *w = arg;
    uint32_t tables = w->call->node->attrs.tables;
    for (int64_t r = begin; r < end; r++) {
        const float *sum = row_of_table(w->call, 0, r);
        float *y = w->y.f32 + r * w->y.stride;
        for (uint32_t t = 1; t + 1 < tables; t++, sum = y)
            w->norm.kernels->add(sum, row_of_table(w->call, t, r), y, w->y.width);
        if (tables == 1)
            norm_of_row(&w->norm, sum, y, w->y.width);
        else
            norm_of_sum(&w->norm, sum, row_of_table(w->call, tables - 1, r), y, w->y.width);
    }
}

static eg_status
run_embed_norm(const eg_host_call *call)
{
    eg_status status = check_indices(call);
    if (status != EG_OK)
        return status;
    uint32_t tables = call->node->attrs.tables;
    embed_norm_work w = {call, norm_of(call, 2 * tables), eg_host_matrix_out(call)};
    eg_cpu_split(call, w.y.rows, 1, (0.5 + 0.3 * tables) * (double)w.y.width, embed_norm_part, &w);
    return EG_OK;
}

const eg_host_op eg_cpu_op_embed_norm = {"embed_norm", 0, eg_host_accept_embed_norm, run_embed_norm};
