/* SPDX-License-Identifier: Apache-2.0 */
/* layer_norm, rms_norm, normalize: along the last axis of each row. */
#include <math.h>

#include "../reference.h"

static bool
accept_rows(eg_host_reader *reader, double eps_absent, int64_t *length)
{
    eg_value_info out;
    if (!eg_host_same(reader, &out))
        return false;
    if (out.kind == EG_PAIR)
        return eg_host_refuse(reader, "pair values have no last axis of a fixed size");
    *length = eg_host_last_axis(&out);
    reader->attrs.factor = eg_host_attr_float(reader, "eps", eps_absent);
    return true;
}

static bool
accept_layer_norm(eg_host_reader *reader)
{
    int64_t length;
    return eg_host_count(reader, 2, 3) && accept_rows(reader, 0.0, &length) && eg_host_vector(reader, 1, length) &&
           (reader->input_count == 2 || eg_host_vector(reader, 2, length));
}

static bool
accept_rms_norm(eg_host_reader *reader)
{
    int64_t length;
    return eg_host_count(reader, 2, 2) && accept_rows(reader, 0.0, &length) && eg_host_vector(reader, 1, length);
}

static bool
accept_normalize(eg_host_reader *reader)
{
    int64_t length;
    return eg_host_count(reader, 1, 1) && accept_rows(reader, 1e-12, &length);
}

typedef void (*norm)(const eg_host_call *call, const float *x, float *y, int64_t n);

static eg_status
run_rows(const eg_host_call *call, norm f)
{
    eg_host_matrix x = eg_host_matrix_in(call, 0), y = eg_host_matrix_out(call);
    int64_t n = eg_host_last_axis(eg_host_info_out(call));
    for (int64_t r = 0; r < y.rows; r++)
        for (int64_t c = 0; c < y.width; c += n)
            f(call, x.f32 + r * x.stride + c, y.f32 + r * y.stride + c, n);
    return EG_OK;
}

static void
layer_norm_row(const eg_host_call *call, const float *x, float *y, int64_t n)
{
    const float *weight = eg_host_vector_in(call, 1);
    const float *bias = call->node->input_count == 3 ? eg_host_vector_in(call, 2) : NULL;
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < n; i++)
        sum += x[i];
    double mean = sum / (double)n;
    for (int64_t i = 0; i < n; i++)
        squares += (x[i] - mean) * (x[i] - mean);
    double inverse = 1.0 / sqrt(squares / (double)n + call->node->attrs.factor);
    for (int64_t i = 0; i < n; i++)
        y[i] = (float)((x[i] - mean) * inverse * weight[i] + (bias != NULL ? bias[i] : 0.0));
}

static double
sum_of_squares(const float *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)x[i] * x[i];
    return sum;
}

static void
rms_norm_row(const eg_host_call *call, const float *x, float *y, int64_t n)
{
    const float *weight = eg_host_vector_in(call, 1);
    double inverse = 1.0 / sqrt(sum_of_squares(x, n) / (double)n + call->node->attrs.factor);
    for (int64_t i = 0; i < n; i++)
        y[i] = (float)(x[i] * inverse * weight[i]);
}

static void
normalize_row(const eg_host_call *call, const float *x, float *y, int64_t n)
{
    double length = sqrt(sum_of_squares(x, n)), eps = call->node->attrs.factor;
    if (length < eps) /* a NaN stays one */
        length = eps;
    for (int64_t i = 0; i < n; i++)
        y[i] = (float)(x[i] / length);
}

static eg_status
run_layer_norm(const eg_host_call *call)
{
    return run_rows(call, layer_norm_row);
}

static eg_status
run_rms_norm(const eg_host_call *call)
{
    return run_rows(call, rms_norm_row);
}

static eg_status
run_normalize(const eg_host_call *call)
{
    return run_rows(call, normalize_row);
}

const eg_host_op eg_ref_op_layer_norm = {"layer_norm", 1, accept_layer_norm, run_layer_norm};
const eg_host_op eg_ref_op_rms_norm = {"rms_norm", 1, accept_rms_norm, run_rms_norm};
const eg_host_op eg_ref_op_normalize = {"normalize", 1, accept_normalize, run_normalize};
