/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a node through the host's accessors, with the reason kept when it is refused. */
#include <stdarg.h>
#include <stdio.h>

#include "host.h"

bool
eg_host_refuse(eg_host_reader *reader, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(reader->reason, sizeof reader->reason, format, args);
    va_end(args);
    return false;
}

static bool
read_value(eg_host_reader *reader, uint32_t value, eg_value_info *out)
{
    *out = (eg_value_info){.size = sizeof *out};
    if (reader->host->view_value(reader->host->ctx, reader->view, value, out) != EG_OK)
        return eg_host_refuse(reader, "a value that the view does not have");
    if (out->rank < 1 || out->rank > EG_MAX_RANK || (out->kind == EG_PAIR && out->rank != 2))
        return eg_host_refuse(reader, "a value of rank %u", out->rank);
    if (out->dtype != EG_F32 && out->dtype != EG_I32)
        return eg_host_refuse(reader, "computes in f32 and i32 only");
    if (out->kind != EG_PAIR && out->kind != EG_TABLE && out->dims[0].k != 1)
        return eg_host_refuse(reader, "rows that are a multiple of the tokens or texts");
    if (out->kind == EG_PAIR && out->dims[1].k != 1)
        return eg_host_refuse(reader, "pairs that are a multiple of the tokens");
    return true;
}

bool
eg_host_input(eg_host_reader *reader, uint32_t i, eg_value_info *out)
{
    if (i >= reader->input_count)
        return eg_host_refuse(reader, "input %u is missing", i);
    return read_value(reader, reader->host->node_input(reader->host->ctx, reader->view, reader->node, i), out);
}

bool
eg_host_output(eg_host_reader *reader, eg_value_info *out)
{
    return read_value(reader, reader->host->node_output(reader->host->ctx, reader->view, reader->node, 0), out);
}

bool
eg_host_count(eg_host_reader *reader, uint32_t min, uint32_t max)
{
    if (reader->input_count >= min && reader->input_count <= max)
        return true;
    return eg_host_refuse(reader, "%u inputs", reader->input_count);
}

int64_t
eg_host_attr_int(eg_host_reader *reader, const char *name, int64_t absent)
{
    int64_t value;
    return reader->host->attr_int(reader->host->ctx, reader->view, reader->node, name, &value) != 0 ? value : absent;
}

double
eg_host_attr_float(eg_host_reader *reader, const char *name, double absent)
{
    double value;
    return reader->host->attr_float(reader->host->ctx, reader->view, reader->node, name, &value) != 0 ? value : absent;
}

const char *
eg_host_attr_string(eg_host_reader *reader, const char *name, const char *absent)
{
    const char *value;
    return reader->host->attr_string(reader->host->ctx, reader->view, reader->node, name, &value) != 0 ? value : absent;
}

bool
eg_host_attr_axis(eg_host_reader *reader, const eg_value_info *x, uint32_t *out)
{
    int64_t axis = eg_host_attr_int(reader, "axis", (int64_t)x->rank - 1);
    if (axis < 0)
        axis += x->rank;
    if (axis < 0 || axis >= (int64_t)x->rank || (x->kind != EG_TABLE && axis != (int64_t)x->rank - 1))
        return eg_host_refuse(reader, "axis %lld", (long long)axis);
    *out = (uint32_t)axis;
    return true;
}

bool
eg_host_same(eg_host_reader *reader, eg_value_info *out)
{
    eg_value_info x;
    if (!eg_host_input(reader, 0, &x) || !eg_host_output(reader, out))
        return false;
    if (x.dtype != EG_F32 || out->dtype != EG_F32)
        return eg_host_refuse(reader, "computes in f32 only");
    if (x.kind != out->kind || x.dims[0].k != out->dims[0].k || x.rank != out->rank ||
        (x.kind != EG_PAIR && eg_host_width(&x) != eg_host_width(out)))
        return eg_host_refuse(reader, "input and output of different shapes");
    return true;
}

bool
eg_host_vector(eg_host_reader *reader, uint32_t i, int64_t length)
{
    eg_value_info v;
    if (!eg_host_input(reader, i, &v))
        return false;
    bool one_row = v.rank == 1 ? v.row_stride == 1 || v.is_weight : v.dims[0].k == 1;
    if (v.kind != EG_TABLE || v.dtype != EG_F32 || !one_row || eg_host_width_from(&v, 0) != length)
        return eg_host_refuse(reader, "input %u is not an f32 table of %lld numbers", i, (long long)length);
    return true;
}

bool
eg_host_same_rows(const eg_value_info *a, const eg_value_info *b)
{
    if (a->kind != b->kind || a->kind == EG_PAIR)
        return false;
    return a->kind == EG_TOKEN ? a->set == b->set : a->kind == EG_TEXT || a->dims[0].k == b->dims[0].k;
}

int64_t
eg_host_width_from(const eg_value_info *info, uint32_t axis)
{
    int64_t width = 1;
    for (; axis < info->rank; axis++)
        width *= info->dims[axis].k;
    return width;
}

int64_t
eg_host_width(const eg_value_info *info)
{
    return eg_host_width_from(info, 1);
}

int64_t
eg_host_last_axis(const eg_value_info *info)
{
    return info->rank == 1 && info->kind != EG_TABLE ? 1 : info->dims[info->rank - 1].k;
}
