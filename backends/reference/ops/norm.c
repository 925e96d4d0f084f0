/* SPDX-License-Identifier: Apache-2.0 */
/* layer_norm, rms_norm, normalize, add_norm: along the last axis of each row. */
#include <math.h>

#include "../reference.h"

static double
sum_of_squares(const float *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)x[i] * x[i];
    return sum;
}

static void
layer_norm_row(const eg_ref_norm *norm, const float *x, float *y, int64_t n)
{
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < n; i++)
        sum += x[i];
    double mean = sum / (double)n;
    for (int64_t i = 0; i < n; i++)
        squares += (x[i] - mean) * (x[i] - mean);
    double inverse = 1.0 / sqrt(squares / (double)n + norm->eps);
    for (int64_t i = 0; i < n; i++)
        y[i] = (float)((x[i] - mean) * inverse * norm->weight[i] + (norm->bias != NULL ? norm->bias[i] : 0.0));
}

static void
rms_norm_row(const eg_ref_norm *norm, const float *x, float *y, int64_t n)
{
    double inverse = 1.0 / sqrt(sum_of_squares(x, n) / (double)n + norm->eps);
    for (int64_t i = 0; i < n; i++)
        y[i] = (float)(x[i] * inverse * norm->weight[i]);
}

void
eg_ref_normalize_row(double eps, const float *x, float *y, int64_t n)
{
    double length = sqrt(sum_of_squares(x, n));
    if (length < eps) /* a NaN stays one */
        length = eps;
    for (int64_t i = 0; i < n; i++)
        y[i] = (float)(x[i] / length);
}

eg_ref_norm
eg_ref_norm_of(const eg_host_call *call, uint32_t weight)
{
    const eg_host_attrs *attrs = &call->node->attrs;
    return (eg_ref_norm){.weight = eg_host_vector_in(call, weight),
                         .bias = attrs->has_bias ? eg_host_vector_in(call, weight + 1) : NULL,
                         .eps = attrs->eps,
                         .rms = attrs->rms};
}

void
eg_ref_norm_row(const eg_ref_norm *norm, const float *x, float *y, int64_t n)
{
    if (norm->rms)
        rms_norm_row(norm, x, y, n);
    else
        layer_norm_row(norm, x, y, n);
}

static eg_status
run_norm(const eg_host_call *call)
{
    eg_host_matrix x = eg_host_matrix_in(call, 0), y = eg_host_matrix_out(call);
    eg_ref_norm norm = eg_ref_norm_of(call, 1);
    int64_t n = eg_host_last_axis(eg_host_info_out(call));
    for (int64_t r = 0; r < y.rows; r++)
        for (int64_t c = 0; c < y.width; c += n)
            eg_ref_norm_row(&norm, x.f32 + r * x.stride + c, y.f32 + r * y.stride + c, n);
    return EG_OK;
}

static eg_status
run_normalize(const eg_host_call *call)
{
    eg_host_matrix x = eg_host_matrix_in(call, 0), y = eg_host_matrix_out(call);
    int64_t n = eg_host_last_axis(eg_host_info_out(call));
    for (int64_t r = 0; r < y.rows; r++)
        for (int64_t c = 0; c < y.width; c += n)
            eg_ref_normalize_row(call->node->attrs.eps, x.f32 + r * x.stride + c, y.f32 + r * y.stride + c, n);
    return EG_OK;
}

const eg_host_op eg_ref_op_layer_norm = {"layer_norm", 1, eg_host_accept_layer_norm, run_norm};
const eg_host_op eg_ref_op_rms_norm = {"rms_norm", 1, eg_host_accept_rms_norm, run_norm};
const eg_host_op eg_ref_op_normalize = {"normalize", 1, eg_host_accept_normalize, run_normalize};

/* --- fused --------------------------------------------------------------------------------------- */

static eg_status
run_add_norm(const eg_host_call *call)
{
    eg_host_matrix a = eg_host_matrix_in(call, 0), b = eg_host_matrix_in(call, 1), y = eg_host_matrix_out(call);
    eg_ref_norm norm = eg_ref_norm_of(call, 2);
    for (int64_t r = 0; r < y.rows; r++) {
        float *row = y.f32 + r * y.stride;
        for (int64_t c = 0; c < y.width; c++)
            row[c] = a.f32[r * a.stride + c] + b.f32[r * b.stride + c];
        eg_ref_norm_row(&norm, row, row, y.width);
    }
    return EG_OK;
}

const eg_host_op eg_ref_op_add_norm = {"add_norm", 3, eg_host_accept_add_norm, run_add_norm};
