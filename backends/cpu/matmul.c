/* SPDX-License-Identifier: Apache-2.0 */
/* matmul, grouped_matmul, linear and glu_linear: what they are given, and who multiplies. */
#include <limits.h>

#include "cpu.h"

/* --- accept ----------------------------------------------------------------------------------------------------- */

static uint64_t
most(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* OpenBLAS takes sizes of 32 bits. */
static bool
fits_blas(eg_host_reader *reader)
{
    eg_value_info x, w, out;
    if (!eg_host_input(reader, 0, &x) || !eg_host_input(reader, 1, &w) || !eg_host_output(reader, &out))
        return false;
    if (w.dims[0].k > INT_MAX || x.row_stride > INT_MAX || w.row_stride > INT_MAX || out.row_stride > INT_MAX)
        return eg_host_refuse(reader, "larger than OpenBLAS's 32-bit sizes");
    return true;
}

/* What both ways of multiplying want of the scratch; the op's inputs were accepted already. own_rows: the library's. */
static bool
want_scratch(eg_host_reader *reader, int64_t own_rows, bool two_weights)
{
    const eg_cpu_device *device = eg_cpu_device_of(reader->device);
    eg_value_info w;
    if (!eg_host_input(reader, 1, &w))
        return false;
    reader->scratch.packed = (uint64_t)w.dims[1].k;
    if (own_rows == INT64_MAX)
        return true;
    /* Of two, the second's result has a place of its own, of a unit of rows at least; there is room for EG_PACK_ROWS. */
    uint64_t units = (device->row_unit + EG_PACK_ROWS - 1) / EG_PACK_ROWS;
    if (two_weights)
        reader->scratch.packed = most(reader->scratch.packed, EG_CPU_TILE_COLUMNS * units);
    reader->scratch.matmul_row = device->row_unit > 1 ? (uint64_t)(w.dims[0].k + w.dims[1].k) : 0;
    return fits_blas(reader);
}

static const eg_cpu_library *
library_of(eg_device *device)
{
    return eg_cpu_device_of(device)->library;
}

static bool
accept_matmul(eg_host_reader *reader)
{
    return eg_host_accept_matmul(reader) && want_scratch(reader, library_of(reader->device)->own_rows, false);
}

/* Groups are narrow: their products are never OpenBLAS's. */
static bool
accept_grouped_matmul(eg_host_reader *reader)
{
    return eg_host_accept_grouped_matmul(reader) && want_scratch(reader, INT64_MAX, false);
}

/* OpenBLAS writes the product over what lay there; only the kernel adds to it as it writes. */
static bool
accept_linear(eg_host_reader *reader)
{
    int64_t own_rows = library_of(reader->device)->linear_rows;
    if (!eg_host_accept_linear(reader))
        return false;
    if (reader->attrs.has_residual && own_rows == INT64_MAX)
        reader->inplace_mask = 1u << (reader->input_count - 1);
    return want_scratch(reader, own_rows, false);
}

static bool
accept_glu_linear(eg_host_reader *reader)
{
    return eg_host_accept_glu_linear(reader) && want_scratch(reader, library_of(reader->device)->linear_rows, true);
}

/* --- run -------------------------------------------------------------------------------------------------------- */

static eg_unary_kernel
activation_of(const eg_kernels *kernels, eg_host_activation activation)
{
    const eg_unary_kernel kernel[] = {
        [EG_HOST_NO_ACTIVATION] = NULL,           [EG_HOST_GELU] = kernels->gelu,
        [EG_HOST_GELU_TANH] = kernels->gelu_tanh, [EG_HOST_GELU_QUICK] = kernels->gelu_quick,
        [EG_HOST_RELU] = kernels->relu,           [EG_HOST_RELU2] = kernels->relu2,
        [EG_HOST_SILU] = kernels->silu,           [EG_HOST_MISH] = kernels->mish,
        [EG_HOST_TANH] = kernels->tanh,           [EG_HOST_SIGMOID] = kernels->sigmoid,
        [EG_HOST_LOG1P] = kernels->log1p,
    };
    return kernel[activation];
}

static eg_status
multiply(const eg_host_call *call, const eg_cpu_linear *linear, int64_t own_rows)
{
    if (linear->y.rows == 0)
        return EG_OK;
    if (linear->y.rows >= own_rows) {
        eg_host_ran(call, "openblas");
        return eg_cpu_linear_blas(call, linear, &library_of(call->device)->blas);
    }
    eg_host_ran(call, "own");
    eg_cpu_linear_own(call, linear);
    return EG_OK;
}

static eg_cpu_linear
linear_of(const eg_host_call *call)
{
    return (eg_cpu_linear){.x = eg_host_matrix_in(call, 0),
                           .y = eg_host_matrix_out(call),
                           .products = {{.weight = 1}, {.weight = 2}},
                           .product_count = 1};
}

static eg_status
run_matmul(const eg_host_call *call)
{
    eg_cpu_linear linear = linear_of(call);
    return multiply(call, &linear, library_of(call->device)->own_rows);
}

static eg_status
run_grouped_matmul(const eg_host_call *call)
{
    eg_host_ran(call, "own");
    eg_cpu_linear_groups(call, call->node->attrs.groups);
    return EG_OK;
}

static eg_status
run_linear(const eg_host_call *call)
{
    const eg_host_attrs *attrs = &call->node->attrs;
    eg_cpu_linear linear = linear_of(call);
    eg_epilogue *epilogue = &linear.products[0].epilogue;
    epilogue->activation = activation_of(eg_cpu_kernels(call->device), attrs->activation);
    if (attrs->has_bias)
        epilogue->bias = eg_host_vector_in(call, 2);
    if (attrs->has_residual) {
        eg_host_matrix residual = eg_host_matrix_in(call, call->node->input_count - 1);
        epilogue->residual = residual.f32;
        epilogue->ld_residual = residual.stride;
    }
    return multiply(call, &linear, library_of(call->device)->linear_rows);
}

static eg_status
run_glu_linear(const eg_host_call *call)
{
    const eg_host_attrs *attrs = &call->node->attrs;
    eg_cpu_linear linear = linear_of(call);
    eg_epilogue *gate = &linear.products[0].epilogue, *value = &linear.products[1].epilogue;
    linear.product_count = 2;
    gate->activation = activation_of(eg_cpu_kernels(call->device), attrs->activation);
    value->factor = linear.y.f32;
    value->ld_factor = linear.y.stride;
    if (attrs->has_bias) {
        gate->bias = eg_host_vector_in(call, 3);
        value->bias = eg_host_vector_in(call, 4);
    }
    return multiply(call, &linear, library_of(call->device)->linear_rows);
}

static const eg_host_op matmul = {"matmul", 0, accept_matmul, run_matmul};
static const eg_host_op grouped_matmul = {"grouped_matmul", 0, accept_grouped_matmul, run_grouped_matmul};
static const eg_host_op linear = {"linear", 0, accept_linear, run_linear};
static const eg_host_op glu_linear = {"glu_linear", 0, accept_glu_linear, run_glu_linear};
const eg_host_op *const eg_cpu_own_ops[] = {&matmul, &grouped_matmul, &linear, &glu_linear, NULL};
