/* SPDX-License-Identifier: Apache-2.0 */
/* What the norms may be given, alone and after a sum. */
#include <string.h>

#include "host.h"

static bool
accept_rows(eg_host_reader *reader, double eps_absent, int64_t *length)
{
    eg_value_info out;
    if (!eg_host_same(reader, &out))
        return false;
    if (out.kind == EG_PAIR)
        return eg_host_refuse(reader, "pair values have no last axis of a fixed size");
    *length = eg_host_last_axis(&out);
    reader->attrs.eps = eg_host_attr_float(reader, "eps", eps_absent);
    return true;
}

bool
eg_host_accept_layer_norm(eg_host_reader *reader)
{
    int64_t length;
    reader->attrs.has_bias = reader->input_count == 3;
    return eg_host_count(reader, 2, 3) && accept_rows(reader, 0.0, &length) && eg_host_vector(reader, 1, length) &&
           (reader->input_count == 2 || eg_host_vector(reader, 2, length));
}

bool
eg_host_accept_rms_norm(eg_host_reader *reader)
{
    int64_t length;
    reader->attrs.rms = true;
    return eg_host_count(reader, 2, 2) && accept_rows(reader, 0.0, &length) && eg_host_vector(reader, 1, length);
}

bool
eg_host_accept_normalize(eg_host_reader *reader)
{
    int64_t length;
    return eg_host_count(reader, 1, 1) && accept_rows(reader, 1e-12, &length);
}

/* --- fused --------------------------------------------------------------------------------------- */

/* eps, norm, and the weight at input `first` with the bias that may follow it as the last input. */
static bool
check_norm(eg_host_reader *reader, uint32_t first, int64_t width)
{
    eg_host_attrs *attrs = &reader->attrs;
    const char *norm = eg_host_attr_string(reader, "norm", "layer");
    if (strcmp(norm, "layer") != 0 && strcmp(norm, "rms") != 0)
        return eg_host_refuse(reader, "norm '%s'", norm);
    attrs->eps = eg_host_attr_float(reader, "eps", 0.0);
    attrs->rms = strcmp(norm, "rms") == 0;
    attrs->has_bias = reader->input_count == first + 2;
    if (attrs->rms && attrs->has_bias)
        return eg_host_refuse(reader, "an rms norm has no bias");
    return eg_host_count(reader, first + 1, first + 2) && eg_host_vector(reader, first, width) &&
           (!attrs->has_bias || eg_host_vector(reader, first + 1, width));
}

/* Norms go along the last axis, which has to be the whole row. */
static bool
check_row(eg_host_reader *reader, const eg_value_info *info)
{
    if (info->dtype != EG_F32 || info->kind == EG_PAIR || eg_host_last_axis(info) != eg_host_width(info))
        return eg_host_refuse(reader, "wants f32 rows of one axis");
    return true;
}

bool
eg_host_accept_add_norm(eg_host_reader *reader)
{
    eg_value_info out;
    if (!eg_host_count(reader, 3, 4) || !eg_host_output(reader, &out) || !check_row(reader, &out))
        return false;
    for (uint32_t i = 0; i < 2; i++) {
        eg_value_info x;
        if (!eg_host_input(reader, i, &x))
            return false;
        if (x.dtype != EG_F32 || !eg_host_same_rows(&x, &out) || eg_host_width(&x) != eg_host_width(&out))
            return eg_host_refuse(reader, "input %u has not the result's shape", i);
    }
    return check_norm(reader, 2, eg_host_width(&out));
}

bool
eg_host_accept_embed_norm(eg_host_reader *reader)
{
    int64_t tables = eg_host_attr_int(reader, "tables", 0);
    eg_value_info out;
    if (tables < 1 || tables > (int64_t)reader->input_count / 2)
        return eg_host_refuse(reader, "%lld tables", (long long)tables);
    if (!eg_host_output(reader, &out) || !check_row(reader, &out))
        return false;
    for (uint32_t i = 0; i < (uint32_t)tables; i++) {
        eg_value_info table, index;
        if (!eg_host_input(reader, 2 * i, &table) || !eg_host_input(reader, 2 * i + 1, &index))
            return false;
        if (table.kind != EG_TABLE || table.dtype != EG_F32 || eg_host_width(&table) != eg_host_width(&out))
            return eg_host_refuse(reader, "input %u is no f32 table of the result's width", 2 * i);
        if (index.kind != EG_TOKEN || index.dtype != EG_I32 || eg_host_width(&index) != 1 ||
            !eg_host_same_rows(&index, &out))
            return eg_host_refuse(reader, "input %u is no i32 index of the result's rows", 2 * i + 1);
    }
    reader->attrs.tables = (uint32_t)tables;
    return check_norm(reader, 2 * (uint32_t)tables, eg_host_width(&out));
}
