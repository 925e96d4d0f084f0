/* SPDX-License-Identifier: Apache-2.0 */
/* What matmul, grouped_matmul, linear and glu_linear may be given. */
#include <string.h>

#include "host.h"

static bool
read_activation(eg_host_reader *reader)
{
    static const char *const names[] = {
        [EG_HOST_NO_ACTIVATION] = "",      [EG_HOST_GELU] = "gelu",
        [EG_HOST_GELU_TANH] = "gelu_tanh", [EG_HOST_GELU_QUICK] = "gelu_quick",
        [EG_HOST_RELU] = "relu",           [EG_HOST_RELU2] = "relu2",
        [EG_HOST_SILU] = "silu",           [EG_HOST_MISH] = "mish",
        [EG_HOST_TANH] = "tanh",           [EG_HOST_SIGMOID] = "sigmoid",
        [EG_HOST_LOG1P] = "log1p",
    };
    const char *name = eg_host_attr_string(reader, "activation", "");
    for (int i = 0; i < (int)(sizeof names / sizeof *names); i++) {
        if (strcmp(name, names[i]) == 0) {
            reader->attrs.activation = (eg_host_activation)i;
            return true;
        }
    }
    return eg_host_refuse(reader, "activation '%s'", name);
}

/* Inputs 0 and `w` make the product that the result has the shape of. */
static bool
check_product(eg_host_reader *reader, uint32_t w_input)
{
    eg_value_info x, w, out;
    if (!eg_host_input(reader, 0, &x) || !eg_host_input(reader, w_input, &w) || !eg_host_output(reader, &out))
        return false;
    if (x.dtype != EG_F32 || w.dtype != EG_F32 || out.dtype != EG_F32 || w.kind != EG_TABLE || w.rank != 2)
        return eg_host_refuse(reader, "wants f32 rows and an f32 table of rank 2");
    if (!eg_host_same_rows(&x, &out) || eg_host_width(&x) != w.dims[1].k || eg_host_width(&out) != w.dims[0].k)
        return eg_host_refuse(reader, "input %u: sizes that do not fit", w_input);
    return true;
}

static bool
check_residual(eg_host_reader *reader, uint32_t input)
{
    eg_value_info r, out;
    if (!eg_host_input(reader, input, &r) || !eg_host_output(reader, &out))
        return false;
    if (r.dtype != EG_F32 || !eg_host_same_rows(&r, &out) || eg_host_width(&r) != eg_host_width(&out))
        return eg_host_refuse(reader, "a residual of another shape");
    return true;
}

bool
eg_host_accept_matmul(eg_host_reader *reader)
{
    return eg_host_count(reader, 2, 2) && check_product(reader, 1);
}

bool
eg_host_accept_grouped_matmul(eg_host_reader *reader)
{
    int64_t groups = eg_host_attr_int(reader, "groups", 0);
    eg_value_info x, w, out;
    if (!eg_host_count(reader, 2, 2) || !eg_host_input(reader, 0, &x) || !eg_host_input(reader, 1, &w) ||
        !eg_host_output(reader, &out))
        return false;
    if (x.dtype != EG_F32 || w.dtype != EG_F32 || out.dtype != EG_F32 || w.kind != EG_TABLE || w.rank != 2)
        return eg_host_refuse(reader, "wants f32 rows and an f32 table of rank 2");
    int64_t width = eg_host_width(&x), columns = eg_host_width(&out);
    if (groups < 1 || width % groups != 0 || columns % groups != 0 || !eg_host_same_rows(&x, &out) ||
        w.dims[1].k != width / groups || w.dims[0].k != columns)
        return eg_host_refuse(reader, "sizes that do not fit %lld groups", (long long)groups);
    reader->attrs.groups = groups;
    return true;
}

bool
eg_host_accept_linear(eg_host_reader *reader)
{
    eg_host_attrs *attrs = &reader->attrs;
    attrs->has_bias = eg_host_attr_int(reader, "bias", 0) != 0;
    attrs->has_residual = eg_host_attr_int(reader, "residual", 0) != 0;
    uint32_t residual = attrs->has_bias ? 3 : 2, count = residual + (attrs->has_residual ? 1 : 0);
    eg_value_info out;
    return eg_host_count(reader, count, count) && read_activation(reader) && check_product(reader, 1) &&
           eg_host_output(reader, &out) && (!attrs->has_bias || eg_host_vector(reader, 2, eg_host_width(&out))) &&
           (!attrs->has_residual || check_residual(reader, residual));
}

bool
eg_host_accept_glu_linear(eg_host_reader *reader)
{
    eg_host_attrs *attrs = &reader->attrs;
    attrs->has_bias = eg_host_attr_int(reader, "bias", 0) != 0;
    uint32_t count = attrs->has_bias ? 5 : 3;
    eg_value_info out;
    return eg_host_count(reader, count, count) && read_activation(reader) && check_product(reader, 1) &&
           check_product(reader, 2) && eg_host_output(reader, &out) &&
           (!attrs->has_bias ||
            (eg_host_vector(reader, 3, eg_host_width(&out)) && eg_host_vector(reader, 4, eg_host_width(&out))));
}
