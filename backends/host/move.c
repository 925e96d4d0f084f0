/* SPDX-License-Identifier: Apache-2.0 */
/* concat, slice, transpose, spread, squeeze, cast: numbers moved, not changed. */
#include <math.h>
#include <string.h>

#include "host.h"

/* --- rows split at an axis ----------------------------------------------------------------------- */

/*
 * A value seen along one of its axes: `lines` runs of `length` adjacent elements, `step` apart inside a row. Along
 * axis 0 of a table the rows themselves are the lines.
 */
typedef struct along {
    int64_t lines, length;
} along;

static along
along_axis(const eg_value_info *info, uint32_t axis)
{
    along a = {1, axis == 0 && info->rank > 0 ? eg_host_width(info) : eg_host_width_from(info, axis)};
    for (uint32_t i = 1; i < axis; i++)
        a.lines *= info->dims[i].k;
    return a;
}

/* Copies rows × lines runs of `length` elements from `from` on to `to` on; a run that lies where it shall be stays. */
static void
copy_lines(eg_host_matrix x, int64_t from, int64_t x_step, eg_host_matrix y, int64_t to, int64_t y_step, int64_t rows,
           int64_t lines, int64_t length)
{
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t line = 0; line < lines; line++) {
            const int32_t *src = x.i32 + r * x.stride + line * x_step + from;
            int32_t *dst = y.i32 + r * y.stride + line * y_step + to;
            if (src != dst)
                memmove(dst, src, (size_t)length * 4);
        }
    }
}

/* All axes but `axis` agree, and so do kind and dtype. */
static bool
same_but_axis(const eg_value_info *x, const eg_value_info *y, uint32_t axis)
{
    if (x->kind != y->kind || x->dtype != y->dtype || x->rank != y->rank || x->kind == EG_PAIR)
        return false;
    for (uint32_t i = x->kind == EG_TABLE ? 0 : 1; i < x->rank; i++)
        if (i != axis && x->dims[i].k != y->dims[i].k)
            return false;
    return true;
}

static bool
row_axis(const eg_value_info *x, uint32_t axis)
{
    return axis == 0 && x->kind != EG_TABLE;
}

static bool
accept_concat(eg_host_reader *reader)
{
    eg_value_info out, x;
    uint32_t axis;
    if (!eg_host_count(reader, 1, UINT32_MAX) || !eg_host_output(reader, &out) ||
        !eg_host_attr_axis(reader, &out, &axis))
        return false;
    int64_t total = 0;
    for (uint32_t i = 0; i < reader->input_count; i++) {
        if (!eg_host_input(reader, i, &x))
            return false;
        if (!same_but_axis(&x, &out, axis) || row_axis(&x, axis))
            return eg_host_refuse(reader, "input %u does not fit the result's shape", i);
        total += x.dims[axis].k;
    }
    reader->attrs.axis = axis;
    return total == out.dims[axis].k || eg_host_refuse(reader, "inputs that do not add up to the result");
}

static eg_status
run_concat(const eg_host_call *call)
{
    uint32_t axis = (uint32_t)call->node->attrs.axis;
    eg_host_matrix y = eg_host_matrix_out(call);
    int64_t y_step = along_axis(eg_host_info_out(call), axis).length, to = 0;
    for (uint32_t i = 0; i < call->node->input_count; i++) {
        eg_host_matrix x = eg_host_matrix_in(call, i);
        along a = along_axis(eg_host_info_in(call, i), axis);
        copy_lines(x, 0, a.length, y, to, y_step, x.rows, a.lines, a.length);
        to += axis == 0 ? x.rows * y.stride : a.length;
    }
    return EG_OK;
}

const eg_host_op eg_host_op_concat = {"concat", 0, accept_concat, run_concat};

static bool
accept_slice(eg_host_reader *reader)
{
    eg_value_info x, out;
    uint32_t axis;
    if (!eg_host_count(reader, 1, 1) || !eg_host_input(reader, 0, &x) || !eg_host_output(reader, &out) ||
        !eg_host_attr_axis(reader, &x, &axis))
        return false;
    if (!same_but_axis(&x, &out, axis) || row_axis(&x, axis))
        return eg_host_refuse(reader, "input and result of different shapes");
    int64_t size = x.dims[axis].k, begin = eg_host_attr_int(reader, "begin", 0),
            end = eg_host_attr_int(reader, "end", size);
    if (begin < 0 || begin >= end || end > size || end - begin != out.dims[axis].k)
        return eg_host_refuse(reader, "[%lld, %lld) of %lld", (long long)begin, (long long)end, (long long)size);
    reader->attrs.axis = axis;
    reader->attrs.begin = begin;
    return true;
}

static eg_status
run_slice(const eg_host_call *call)
{
    uint32_t axis = (uint32_t)call->node->attrs.axis;
    int64_t begin = call->node->attrs.begin;
    const eg_value_info *in = eg_host_info_in(call, 0);
    eg_host_matrix x = eg_host_matrix_in(call, 0), y = eg_host_matrix_out(call);
    along a = along_axis(in, axis), b = along_axis(eg_host_info_out(call), axis);
    int64_t from = begin * (axis == 0 ? x.stride : eg_host_width_from(in, axis + 1));
    copy_lines(x, from, a.length, y, 0, b.length, y.rows, b.lines, b.length);
    return EG_OK;
}

const eg_host_op eg_host_op_slice = {"slice", 0, accept_slice, run_slice};

static bool
accept_transpose(eg_host_reader *reader)
{
    eg_value_info x, out;
    if (!eg_host_count(reader, 1, 1) || !eg_host_input(reader, 0, &x) || !eg_host_output(reader, &out))
        return false;
    if (x.kind != EG_TABLE || out.kind != EG_TABLE || x.rank != 2 || out.rank != 2 || x.dtype != out.dtype ||
        x.dims[0].k != out.dims[1].k || x.dims[1].k != out.dims[0].k)
        return eg_host_refuse(reader, "wants a table of rank 2");
    return true;
}

static eg_status
run_transpose(const eg_host_call *call)
{
    eg_host_matrix x = eg_host_matrix_in(call, 0), y = eg_host_matrix_out(call);
    for (int64_t r = 0; r < y.rows; r++)
        for (int64_t c = 0; c < y.width; c++)
            y.i32[r * y.stride + c] = x.i32[c * x.stride + r];
    return EG_OK;
}

const eg_host_op eg_host_op_transpose = {"transpose", 0, accept_transpose, run_transpose};

static bool
accept_squeeze(eg_host_reader *reader)
{
    eg_value_info x, out;
    if (!eg_host_count(reader, 1, 1) || !eg_host_input(reader, 0, &x) || !eg_host_output(reader, &out))
        return false;
    if (x.kind != out.kind || x.kind == EG_PAIR || x.dtype != out.dtype || x.rank < 2 || out.rank + 1 != x.rank ||
        x.dims[x.rank - 1].k != 1 || eg_host_width(&x) != eg_host_width(&out))
        return eg_host_refuse(reader, "wants a last axis of 1");
    return true;
}

static eg_status
run_squeeze(const eg_host_call *call)
{
    eg_host_matrix x = eg_host_matrix_in(call, 0), y = eg_host_matrix_out(call);
    copy_lines(x, 0, 0, y, 0, 0, y.rows, 1, y.width);
    return EG_OK;
}

const eg_host_op eg_host_op_squeeze = {"squeeze", 1, accept_squeeze, run_squeeze};

static bool
accept_spread(eg_host_reader *reader)
{
    eg_value_info x, like, out;
    if (!eg_host_count(reader, 2, 2) || !eg_host_input(reader, 0, &x) || !eg_host_input(reader, 1, &like) ||
        !eg_host_output(reader, &out))
        return false;
    if (x.kind != EG_TEXT || like.kind != EG_TOKEN || !eg_host_same_rows(&like, &out) || x.dtype != out.dtype ||
        eg_host_width(&x) != eg_host_width(&out))
        return eg_host_refuse(reader, "wants text rows and token rows, gives token rows");
    return true;
}

static eg_status
run_spread(const eg_host_call *call)
{
    eg_host_matrix x = eg_host_matrix_in(call, 0), y = eg_host_matrix_out(call);
    const eg_row *rows = eg_host_rows(call, eg_host_info_out(call));
    for (uint32_t t = 0; t < eg_host_texts(call); t++)
        for (int64_t i = 0; i < rows[t].rows; i++)
            memcpy(y.i32 + ((int64_t)rows[t].start + i) * y.stride, x.i32 + t * x.stride, (size_t)y.width * 4);
    return EG_OK;
}

const eg_host_op eg_host_op_spread = {"spread", 0, accept_spread, run_spread};

/* --- cast ---------------------------------------------------------------------------------------- */

static bool
accept_cast(eg_host_reader *reader)
{
    eg_value_info x, out;
    if (!eg_host_count(reader, 1, 1) || !eg_host_input(reader, 0, &x) || !eg_host_output(reader, &out))
        return false;
    const char *to = eg_host_attr_string(reader, "to", "");
    if ((strcmp(to, "f32") != 0 || out.dtype != EG_F32) && (strcmp(to, "i32") != 0 || out.dtype != EG_I32))
        return eg_host_refuse(reader, "to '%s'", to);
    if (x.kind != out.kind || x.kind == EG_PAIR || eg_host_width(&x) != eg_host_width(&out))
        return eg_host_refuse(reader, "input and result of different shapes");
    return true;
}

/* Towards zero; what does not fit is the nearest that does, and a NaN is 0. */
static int32_t
float_to_int(float x)
{
    if (isnan(x))
        return 0;
    return x <= (float)INT32_MIN ? INT32_MIN : x >= 2147483648.0f ? INT32_MAX : (int32_t)x;
}

static eg_status
run_cast(const eg_host_call *call)
{
    eg_host_matrix x = eg_host_matrix_in(call, 0), y = eg_host_matrix_out(call);
    bool from_float = eg_host_info_in(call, 0)->dtype == EG_F32, to_float = eg_host_info_out(call)->dtype == EG_F32;
    for (int64_t r = 0; r < y.rows; r++) {
        for (int64_t c = 0; c < y.width; c++) {
            int64_t from = r * x.stride + c, to = r * y.stride + c;
            if (from_float == to_float)
                y.i32[to] = x.i32[from];
            else if (to_float)
                y.f32[to] = (float)x.i32[from];
            else
                y.i32[to] = float_to_int(x.f32[from]);
        }
    }
    return EG_OK;
}

const eg_host_op eg_host_op_cast = {"cast", 1, accept_cast, run_cast};
