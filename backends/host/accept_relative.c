/* SPDX-License-Identifier: Apache-2.0 */
/* What relative_bias and relative_scores may be given. */
#include <string.h>

#include "host.h"

/* A table of f32 rows, token rows, and the pairs of these for as many heads as `reader` says. */
static bool
check_pairs(eg_host_reader *reader, const eg_value_info *table, const eg_value_info *like)
{
    eg_value_info out;
    if (!eg_host_output(reader, &out))
        return false;
    if (table->kind != EG_TABLE || table->rank != 2 || table->dtype != EG_F32 || out.dtype != EG_F32)
        return eg_host_refuse(reader, "wants an f32 table of rank 2");
    if (like->kind != EG_TOKEN || out.kind != EG_PAIR || like->set != out.set || out.dims[1].window != 0)
        return eg_host_refuse(reader, "wants token rows, and all pairs of them");
    return out.dims[0].k == reader->attrs.heads ||
           eg_host_refuse(reader, "%lld heads beside pairs of %lld", (long long)reader->attrs.heads,
                          (long long)out.dims[0].k);
}

bool
eg_host_accept_relative_bias(eg_host_reader *reader)
{
    eg_value_info table, like;
    if (!eg_host_count(reader, 2, 2) || !eg_host_input(reader, 0, &table) || !eg_host_input(reader, 1, &like))
        return false;
    reader->attrs.heads = table.rank == 2 ? table.dims[1].k : 0;
    reader->attrs.buckets = table.dims[0].k;
    reader->attrs.max_distance = eg_host_attr_int(reader, "max_distance", 0);
    if (reader->attrs.buckets < 4 || reader->attrs.max_distance <= reader->attrs.buckets / 4)
        return eg_host_refuse(reader, "%lld buckets for distances up to %lld", (long long)reader->attrs.buckets,
                              (long long)reader->attrs.max_distance);
    return check_pairs(reader, &table, &like);
}

bool
eg_host_accept_relative_scores(eg_host_reader *reader)
{
    eg_host_attrs *attrs = &reader->attrs;
    eg_value_info x, table;
    if (!eg_host_count(reader, 2, 2) || !eg_host_input(reader, 0, &x) || !eg_host_input(reader, 1, &table))
        return false;
    attrs->heads = eg_host_attr_int(reader, "heads", 0);
    attrs->factor = eg_host_attr_float(reader, "scale", 1.0);
    attrs->centre = eg_host_attr_int(reader, "offset", 0);
    attrs->buckets = eg_host_attr_int(reader, "buckets", 0);
    attrs->max_distance = eg_host_attr_int(reader, "max_distance", 0);
    const char *rows = eg_host_attr_string(reader, "rows", "query");
    attrs->of_keys = strcmp(rows, "key") == 0;
    if (!attrs->of_keys && strcmp(rows, "query") != 0)
        return eg_host_refuse(reader, "rows '%s'", rows);
    if (attrs->buckets != 0 && (attrs->buckets < 2 || attrs->max_distance <= attrs->buckets / 2 + 1))
        return eg_host_refuse(reader, "%lld buckets for distances up to %lld", (long long)attrs->buckets,
                              (long long)attrs->max_distance);
    if (x.dtype != EG_F32 || attrs->heads < 1 || eg_host_width(&x) % attrs->heads != 0 ||
        eg_host_width(&table) != eg_host_width(&x))
        return eg_host_refuse(reader, "%lld heads of rows of %lld beside a table of %lld", (long long)attrs->heads,
                              (long long)eg_host_width(&x), (long long)eg_host_width(&table));
    attrs->head_size = eg_host_width(&x) / attrs->heads;
    return check_pairs(reader, &table, &x);
}
