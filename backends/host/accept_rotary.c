/* SPDX-License-Identifier: Apache-2.0 */
/* What rotary_table, rotary and alibi may be given, and the slopes of alibi. */
#include <math.h>
#include <string.h>

#include "host.h"

bool
eg_host_accept_rotary_table(eg_host_reader *reader)
{
    eg_value_info positions, out;
    if (!eg_host_count(reader, 1, 2) || !eg_host_input(reader, 0, &positions) || !eg_host_output(reader, &out))
        return false;
    reader->attrs.theta = eg_host_attr_float(reader, "theta", 0);
    reader->attrs.divide = eg_host_attr_float(reader, "divide", 1.0);
    int64_t width = eg_host_attr_int(reader, "width", 0);
    if (positions.kind != EG_TOKEN || positions.dtype != EG_I32 || eg_host_width(&positions) != 1 ||
        out.dtype != EG_F32 || !eg_host_same_rows(&positions, &out))
        return eg_host_refuse(reader, "wants i32 positions, gives f32 rows for them");
    if (width < 2 || width % 2 != 0 || width != eg_host_width(&out))
        return eg_host_refuse(reader, "width %lld", (long long)width);
    bool given = reader->input_count == 2;
    if (given && !eg_host_vector(reader, 1, width / 2))
        return false;
    return ((given || reader->attrs.theta > 0) && reader->attrs.divide > 0) ||
           eg_host_refuse(reader, "theta %g divided by %g", reader->attrs.theta, reader->attrs.divide);
}

bool
eg_host_accept_rotary(eg_host_reader *reader)
{
    eg_value_info t, out;
    if (!eg_host_count(reader, 2, 2) || !eg_host_same(reader, &out) || !eg_host_input(reader, 1, &t))
        return false;
    const char *style = eg_host_attr_string(reader, "style", "half");
    reader->attrs.interleaved = strcmp(style, "interleaved") == 0;
    reader->attrs.heads = eg_host_attr_int(reader, "heads", 0);
    if (!reader->attrs.interleaved && strcmp(style, "half") != 0)
        return eg_host_refuse(reader, "style '%s'", style);
    if (out.kind == EG_PAIR || out.kind == EG_TABLE || t.dtype != EG_F32 || !eg_host_same_rows(&t, &out))
        return eg_host_refuse(reader, "wants token or text rows, and a table of the same rows");
    int64_t width = eg_host_width(&out), turned = eg_host_width(&t), heads = reader->attrs.heads;
    if (heads < 1 || width % heads != 0 || turned % 2 != 0 || turned > width / heads)
        return eg_host_refuse(reader, "%lld heads in a width of %lld, of which %lld each turn", (long long)heads,
                              (long long)width, (long long)turned);
    reader->attrs.head_size = width / heads;
    return true;
}

bool
eg_host_accept_alibi(eg_host_reader *reader)
{
    eg_value_info x, out;
    if (!eg_host_count(reader, 1, 1) || !eg_host_input(reader, 0, &x) || !eg_host_output(reader, &out))
        return false;
    reader->attrs.heads = eg_host_attr_int(reader, "heads", 0);
    if (x.kind != EG_TOKEN || out.kind != EG_PAIR || out.dtype != EG_F32 || x.set != out.set)
        return eg_host_refuse(reader, "wants token rows, gives f32 pairs of them");
    if (reader->attrs.heads < 1 || reader->attrs.heads != out.dims[0].k || out.dims[1].window != 0)
        return eg_host_refuse(reader, "%lld heads beside pairs of %lld", (long long)reader->attrs.heads,
                              (long long)out.dims[0].k);
    return true;
}

double
eg_host_alibi_slope(int64_t head, int64_t heads)
{
    int64_t power = 1;
    while (power * 2 <= heads)
        power *= 2;
    if (head < power)
        return exp2(-8.0 * (double)(head + 1) / (double)power);
    /* the rest: the first, third, fifth … slope of twice as many heads */
    return exp2(-8.0 * (double)(2 * (head - power) + 1) / (double)(2 * power));
}
