/* SPDX-License-Identifier: Apache-2.0 */
/* scale and the activations: one number in, one out, computed in double. */
#include <math.h>
#include <string.h>

#include "../reference.h"

enum { GELU_ERF, GELU_TANH, GELU_QUICK };

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

static bool
accept_unary(eg_host_reader *reader)
{
    eg_value_info out;
    return eg_host_count(reader, 1, 1) && eg_host_same(reader, &out);
}

static bool
accept_scale(eg_host_reader *reader)
{
    reader->attrs.factor = eg_host_attr_float(reader, "factor", 1.0);
    return accept_unary(reader);
}

static bool
accept_gelu(eg_host_reader *reader)
{
    const char *form = eg_host_attr_string(reader, "form", "");
    if (strcmp(form, "") == 0)
        reader->attrs.form = GELU_ERF;
    else if (strcmp(form, "tanh") == 0)
        reader->attrs.form = GELU_TANH;
    else if (strcmp(form, "quick") == 0)
        reader->attrs.form = GELU_QUICK;
    else
        return eg_host_refuse(reader, "form '%s'", form);
    return accept_unary(reader);
}

static double
sigmoid_of(double x)
{
    return 1.0 / (1.0 + exp(-x));
}

static double
gelu_of(int form, double x)
{
    if (form == GELU_ERF)
        return 0.5 * x * erfc(-x * M_SQRT1_2);
    if (form == GELU_TANH)
        return 0.5 * x * (1.0 + tanh(M_2_SQRTPI * M_SQRT1_2 * (x + 0.044715 * x * x * x)));
    return x * sigmoid_of(1.702 * x);
}

#define UNARY(symbol, accept, expression)                                                                              \
    static double f_##symbol(const eg_host_attrs *attrs, double x)                                                     \
    {                                                                                                                  \
        (void)attrs;                                                                                                   \
        return expression;                                                                                             \
    }                                                                                                                  \
    static eg_status run_##symbol(const eg_host_call *call)                                                            \
    {                                                                                                                  \
        return run_unary(call, f_##symbol);                                                                            \
    }                                                                                                                  \
    const eg_host_op eg_ref_op_##symbol = {#symbol, 1, accept, run_##symbol};

UNARY(scale, accept_scale, x * attrs->factor)
UNARY(gelu, accept_gelu, gelu_of(attrs->form, x))
UNARY(relu, accept_unary, x < 0 ? 0 : x) /* a NaN stays one */
UNARY(relu2, accept_unary, x < 0 ? 0 : x * x)
UNARY(silu, accept_unary, x *sigmoid_of(x))
UNARY(mish, accept_unary, x *tanh(log1p(exp(x))))
UNARY(tanh, accept_unary, tanh(x))
UNARY(sigmoid, accept_unary, sigmoid_of(x))
UNARY(log1p, accept_unary, log1p(x))
