/* SPDX-License-Identifier: Apache-2.0 */
/* scale and the activations: one number in, one out, computed in double. */
#include <math.h>

#include "../reference.h"

typedef double (*function)(const eg_host_attrs *attrs, double x);

static int64_t
pair_elements(const eg_host_call *call, const eg_value_info *info)
{
    float *begin = eg_host_pair_out(call), *end = begin;
    for (uint32_t t = 0; t < eg_host_texts(call); t++) {
        eg_host_pair pair = eg_host_pair_begin(end, info, &eg_host_rows(call, info)[t]);
        end = eg_host_pair_end(&pair);
    }
    return end - begin;
}

static eg_status
run_unary(const eg_host_call *call, function f)
{
    const eg_value_info *info = eg_host_info_out(call);
    const eg_host_attrs *attrs = &call->node->attrs;
    if (info->kind == EG_PAIR) {
        const float *x = eg_host_pair_in(call, 0);
        float *y = eg_host_pair_out(call);
        int64_t count = pair_elements(call, info);
        for (int64_t i = 0; i < count; i++)
            y[i] = (float)f(attrs, x[i]);
        return EG_OK;
    }
    eg_host_matrix x = eg_host_matrix_in(call, 0), y = eg_host_matrix_out(call);
    for (int64_t r = 0; r < y.rows; r++)
        for (int64_t c = 0; c < y.width; c++)
            y.f32[r * y.stride + c] = (float)f(attrs, x.f32[r * x.stride + c]);
    return EG_OK;
}

static double
sigmoid_of(double x)
{
    return 1.0 / (1.0 + exp(-x));
}

double
eg_ref_activation(eg_host_activation activation, double x)
{
    switch (activation) {
    case EG_HOST_GELU:
        return 0.5 * x * erfc(-x * M_SQRT1_2);
    case EG_HOST_GELU_TANH:
        return 0.5 * x * (1.0 + tanh(M_2_SQRTPI * M_SQRT1_2 * (x + 0.044715 * x * x * x)));
    case EG_HOST_GELU_QUICK:
        return x * sigmoid_of(1.702 * x);
    case EG_HOST_RELU:
        return x < 0 ? 0 : x; /* a NaN stays one */
    case EG_HOST_RELU2:
        return x < 0 ? 0 : x * x;
    case EG_HOST_SILU:
        return x * sigmoid_of(x);
    case EG_HOST_MISH:
        return x * tanh(log1p(exp(x)));
    case EG_HOST_TANH:
        return tanh(x);
    case EG_HOST_SIGMOID:
        return sigmoid_of(x);
    case EG_HOST_LOG1P:
        return log1p(x);
    case EG_HOST_NO_ACTIVATION:
        break;
    }
    return x;
}

static double
activate(const eg_host_attrs *attrs, double x)
{
    return eg_ref_activation(attrs->activation, x);
}

static double
scale_of(const eg_host_attrs *attrs, double x)
{
    return x * attrs->factor + attrs->offset;
}

static eg_status
run_activation(const eg_host_call *call)
{
    return run_unary(call, activate);
}

static eg_status
run_scale(const eg_host_call *call)
{
    return run_unary(call, scale_of);
}

const eg_host_op eg_ref_op_scale = {"scale", 1, eg_host_accept_scale, run_scale};
const eg_host_op eg_ref_op_gelu = {"gelu", 1, eg_host_accept_gelu, run_activation};

#define ACTIVATION(symbol, which)                                                                                      \
    static bool accept_##symbol(eg_host_reader *reader)                                                                \
    {                                                                                                                  \
        reader->attrs.activation = which;                                                                              \
        return eg_host_accept_unary(reader);                                                                           \
    }                                                                                                                  \
    const eg_host_op eg_ref_op_##symbol = {#symbol, 1, accept_##symbol, run_activation};

ACTIVATION(relu, EG_HOST_RELU)
ACTIVATION(relu2, EG_HOST_RELU2)
ACTIVATION(silu, EG_HOST_SILU)
ACTIVATION(mish, EG_HOST_MISH)
ACTIVATION(tanh, EG_HOST_TANH)
ACTIVATION(sigmoid, EG_HOST_SIGMOID)
ACTIVATION(log1p, EG_HOST_LOG1P)
