/* SPDX-License-Identifier: Apache-2.0 */
/* What the ops that go element by element may be given, and how their operands meet. */
#include <string.h>

#include "host.h"

/* --- one operand --------------------------------------------------------------------------------- */

bool
eg_host_accept_unary(eg_host_reader *reader)
{
    eg_value_info out;
    return eg_host_count(reader, 1, 1) && eg_host_same(reader, &out);
}

bool
eg_host_accept_scale(eg_host_reader *reader)
{
    reader->attrs.factor = eg_host_attr_float(reader, "factor", 1.0);
    reader->attrs.offset = eg_host_attr_float(reader, "offset", 0.0);
    return eg_host_accept_unary(reader);
}

bool
eg_host_accept_gelu(eg_host_reader *reader)
{
    const char *form = eg_host_attr_string(reader, "form", "");
    if (strcmp(form, "") == 0)
        reader->attrs.activation = EG_HOST_GELU;
    else if (strcmp(form, "tanh") == 0)
        reader->attrs.activation = EG_HOST_GELU_TANH;
    else if (strcmp(form, "quick") == 0)
        reader->attrs.activation = EG_HOST_GELU_QUICK;
    else
        return eg_host_refuse(reader, "form '%s'", form);
    return eg_host_accept_unary(reader);
}

/* --- several operands ---------------------------------------------------------------------------- */

static bool
one_row_table(const eg_value_info *x, const eg_value_info *out)
{
    return x->kind == EG_TABLE && ((x->rank == 1 && (out->kind != EG_TABLE || out->rank > 1)) || x->dims[0].k == 1);
}

static int64_t
operand_width(const eg_value_info *x, const eg_value_info *out)
{
    return one_row_table(x, out) ? eg_host_width_from(x, 0) : eg_host_width(x);
}

static bool
fits_pair(const eg_value_info *x, const eg_value_info *out)
{
    if (x->kind == EG_PAIR)
        return x->set == out->set && x->dims[1].window == out->dims[1].window &&
               (x->dims[0].k == out->dims[0].k || x->dims[0].k == 1);
    return x->kind == EG_TABLE && eg_host_width_from(x, 0) == 1;
}

static bool
fits_rows(const eg_value_info *x, const eg_value_info *out)
{
    if (x->kind == EG_PAIR)
        return false;
    int64_t width = operand_width(x, out);
    if (width != eg_host_width(out) && width != 1)
        return false;
    if (one_row_table(x, out))
        return x->rank > 1 || x->is_weight || x->row_stride == 1;
    if (x->kind == EG_TABLE)
        return out->kind == EG_TABLE && x->dims[0].k == out->dims[0].k;
    return (x->kind == out->kind && (x->kind == EG_TEXT || x->set == out->set)) ||
           (x->kind == EG_TEXT && out->kind == EG_TOKEN);
}

static bool
accept_operands(eg_host_reader *reader, uint32_t count)
{
    eg_value_info in, out;
    if (!eg_host_count(reader, count, count) || !eg_host_output(reader, &out))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (!eg_host_input(reader, i, &in))
            return false;
        if (in.dtype != EG_F32 || out.dtype != EG_F32)
            return eg_host_refuse(reader, "computes in f32 only");
        if (!(out.kind == EG_PAIR ? fits_pair(&in, &out) : fits_rows(&in, &out)))
            return eg_host_refuse(reader, "input %u does not fit the result's shape", i);
    }
    return true;
}

bool
eg_host_accept_binary(eg_host_reader *reader)
{
    return accept_operands(reader, 2);
}

bool
eg_host_accept_where(eg_host_reader *reader)
{
    return accept_operands(reader, 3);
}

eg_host_operand
eg_host_operand_in(const eg_host_call *call, uint32_t i)
{
    const eg_value_info *x = eg_host_info_in(call, i), *out = eg_host_info_out(call);
    eg_host_matrix m = eg_host_matrix_in(call, i);
    return (eg_host_operand){.data = m.f32,
                             .stride = one_row_table(x, out) ? 0 : m.stride,
                             .column_step = operand_width(x, out) == 1 && eg_host_width(out) != 1 ? 0 : 1,
                             .by_text = x->kind == EG_TEXT && out->kind == EG_TOKEN};
}

bool
eg_host_accept_bias_add(eg_host_reader *reader)
{
    eg_value_info out;
    if (!eg_host_count(reader, 2, 2) || !eg_host_same(reader, &out))
        return false;
    if (out.kind == EG_PAIR)
        return eg_host_refuse(reader, "pair values have no width");
    return eg_host_vector(reader, 1, eg_host_width(&out));
}
