/* SPDX-License-Identifier: Apache-2.0 */
/* scale and the activations: one number in, one out. */
#include "../backend.h"

typedef struct unary_work {
    const eg_host_call *call;
    eg_host_matrix x, y;
} unary_work;

/* One row for the kernel: a function of a number, or a factor and what is added. */
static void
compute(const eg_host_call *call, const float *x, float *y, int64_t n)
{
    const eg_host_attrs *attrs = &call->node->attrs;
    const eg_unary_kernel *kernel = attrs->kernel;
    if (kernel != NULL)
        (*kernel)(x, y, n);
    else if (attrs->offset != 0)
        eg_cpu_kernels(call->device)->scale_offset(x, (float)attrs->factor, (float)attrs->offset, y, n);
    else
        eg_cpu_kernels(call->device)->scale(x, (float)attrs->factor, y, n);
}

static void
unary_part(void *arg, int64_t begin, int64_t end, uint32_t worker)
{
    (void)worker;
    const unary_work *w = arg;
    for (int64_t r = begin; r < end; r++)
        compute(w->call, w->x.f32 + r * w->x.stride, w->y.f32 + r * w->y.stride, w->y.width);
}

static void
flat_part(void *arg, int64_t begin, int64_t end, uint32_t worker)
{
    (void)worker;
    const unary_work *w = arg;
    compute(w->call, w->x.f32 + begin, w->y.f32 + begin, end - begin);
}

static int64_t
pair_elements(const eg_host_call *call, const eg_value_info *info)
{
    int64_t count = 0;
    for (uint32_t t = 0; t < eg_host_texts(call); t++) {
        eg_host_pair pair = eg_host_pair_begin(NULL, info, &eg_host_rows(call, info)[t]);
        count += pair.heads * pair.n * pair.columns;
    }
    return count;
}

static eg_status
run_unary(const eg_host_call *call)
{
    const eg_value_info *info = eg_host_info_out(call);
    double cost = call->node->attrs.cost;
    unary_work w = {.call = call};
    if (info->kind == EG_PAIR) {
        w.x.f32 = eg_host_pair_in(call, 0);
        w.y.f32 = eg_host_pair_out(call);
        eg_cpu_split(call, pair_elements(call, info), 64, cost, flat_part, &w);
        return EG_OK;
    }
    w.x = eg_host_matrix_in(call, 0);
    w.y = eg_host_matrix_out(call);
    if (w.x.stride == w.x.width && w.y.stride == w.y.width)
        eg_cpu_split(call, w.y.rows * w.y.width, 64, cost, flat_part, &w);
    else
        eg_cpu_split(call, w.y.rows, 1, cost * (double)w.y.width, unary_part, &w);
    return EG_OK;
}

static bool
use_kernel(eg_host_reader *reader, const eg_unary_kernel *kernel, double cost)
{
    reader->attrs.kernel = kernel;
    reader->attrs.cost = cost;
    return true;
}

static bool
accept_scale(eg_host_reader *reader)
{
    return eg_host_accept_scale(reader) && use_kernel(reader, NULL, 0.2);
}

const eg_host_op eg_cpu_op_scale = {"scale", 1, accept_scale, run_unary};

static bool
accept_gelu(eg_host_reader *reader)
{
    const eg_kernels *kernels = eg_cpu_kernels(reader->device);
    if (!eg_host_accept_gelu(reader))
        return false;
    if (reader->attrs.activation == EG_HOST_GELU_TANH)
        return use_kernel(reader, &kernels->gelu_tanh, 1.0);
    if (reader->attrs.activation == EG_HOST_GELU_QUICK)
        return use_kernel(reader, &kernels->gelu_quick, 1.0);
    return use_kernel(reader, &kernels->gelu, 1.5);
}

const eg_host_op eg_cpu_op_gelu = {"gelu", 1, accept_gelu, run_unary};

#define UNARY(symbol, cost)                                                                                            \
    static bool accept_##symbol(eg_host_reader *reader)                                                                \
    {                                                                                                                  \
        return eg_host_accept_unary(reader) && use_kernel(reader, &eg_cpu_kernels(reader->device)->symbol, cost);      \
    }                                                                                                                  \
    const eg_host_op eg_cpu_op_##symbol = {#symbol, 1, accept_##symbol, run_unary};

UNARY(relu, 0.2)
UNARY(relu2, 0.2)
UNARY(silu, 1.0)
UNARY(mish, 1.0)
UNARY(tanh, 1.0)
UNARY(sigmoid, 1.0)
UNARY(log1p, 1.0)
