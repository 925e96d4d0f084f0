/* SPDX-License-Identifier: Apache-2.0 */
/* What positions, gather, equal, shift and unfold may be given. */
#include "host.h"

static bool
is_index(const eg_value_info *x)
{
    return x->kind == EG_TOKEN && x->dtype == EG_I32 && eg_host_width(x) == 1;
}

bool
eg_host_accept_positions(eg_host_reader *reader)
{
    eg_value_info ids, out;
    if (!eg_host_count(reader, 1, 1) || !eg_host_input(reader, 0, &ids) || !eg_host_output(reader, &out))
        return false;
    if (!is_index(&ids) || !is_index(&out))
        return eg_host_refuse(reader, "wants i32 token rows of width 1");
    reader->attrs.skip = eg_host_attr_int(reader, "skip", INT64_MIN);
    reader->attrs.has_skip = reader->attrs.skip != INT64_MIN;
    if (reader->attrs.has_skip && (reader->attrs.skip < 0 || reader->attrs.skip > INT32_MAX / 2))
        return eg_host_refuse(reader, "skip %lld", (long long)reader->attrs.skip);
    return true;
}

bool
eg_host_accept_gather(eg_host_reader *reader)
{
    eg_value_info table, index, out;
    if (!eg_host_count(reader, 2, 2) || !eg_host_input(reader, 0, &table) || !eg_host_input(reader, 1, &index) ||
        !eg_host_output(reader, &out))
        return false;
    if (table.kind != EG_TABLE || index.dtype != EG_I32 || eg_host_width(&index) != 1 || index.kind == EG_PAIR ||
        out.kind != index.kind)
        return eg_host_refuse(reader, "wants a table and an i32 index");
    if (eg_host_width(&table) != eg_host_width(&out) || table.dtype != out.dtype)
        return eg_host_refuse(reader, "rows of different widths");
    return true;
}

bool
eg_host_accept_equal(eg_host_reader *reader)
{
    eg_value_info index, out;
    if (!eg_host_count(reader, 1, 1) || !eg_host_input(reader, 0, &index) || !eg_host_output(reader, &out))
        return false;
    if (!is_index(&index) || out.dtype != EG_F32 || !eg_host_same_rows(&index, &out) || eg_host_width(&out) != 1)
        return eg_host_refuse(reader, "wants i32 token rows of width 1, gives f32 ones");
    reader->attrs.to = eg_host_attr_int(reader, "to", 0);
    return true;
}

/* --- neighbours ---------------------------------------------------------------------------------- */

static bool
accept_neighbours(eg_host_reader *reader, int64_t wider)
{
    eg_value_info x, out;
    int64_t width;
    if (!eg_host_count(reader, 1, 1) || !eg_host_input(reader, 0, &x) || !eg_host_output(reader, &out))
        return false;
    if (x.kind != EG_TOKEN || x.dtype != EG_F32 || out.dtype != EG_F32 || !eg_host_same_rows(&x, &out))
        return eg_host_refuse(reader, "wants f32 token rows, gives such rows");
    if (__builtin_mul_overflow(eg_host_width(&x), wider, &width) || eg_host_width(&out) != width)
        return eg_host_refuse(reader, "input and result of widths that do not fit");
    return true;
}

bool
eg_host_accept_shift(eg_host_reader *reader)
{
    reader->attrs.by = eg_host_attr_int(reader, "by", 0);
    if (reader->attrs.by < INT32_MIN || reader->attrs.by > INT32_MAX)
        return eg_host_refuse(reader, "by %lld", (long long)reader->attrs.by);
    return accept_neighbours(reader, 1);
}

bool
eg_host_accept_unfold(eg_host_reader *reader)
{
    reader->attrs.kernel_rows = eg_host_attr_int(reader, "kernel", 0);
    if (reader->attrs.kernel_rows < 1 || reader->attrs.kernel_rows > INT32_MAX)
        return eg_host_refuse(reader, "kernel %lld", (long long)reader->attrs.kernel_rows);
    return accept_neighbours(reader, reader->attrs.kernel_rows);
}
