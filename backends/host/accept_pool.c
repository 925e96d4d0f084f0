/* SPDX-License-Identifier: Apache-2.0 */
/* What pooling may be given, and the rows of a text that it looks at. */
#include <string.h>

#include "host.h"

bool
eg_host_accept_pool(eg_host_reader *reader)
{
    eg_value_info x, out;
    if (!eg_host_count(reader, 1, 1) || !eg_host_input(reader, 0, &x) || !eg_host_output(reader, &out))
        return false;
    if (x.kind != EG_TOKEN || out.kind != EG_TEXT || x.dtype != EG_F32 || out.dtype != EG_F32 ||
        eg_host_width(&x) != eg_host_width(&out))
        return eg_host_refuse(reader, "wants f32 token rows, gives text rows of their width");
    reader->attrs.skip_prompt = eg_host_attr_int(reader, "skip_prompt", 0) != 0;
    return true;
}

bool
eg_host_accept_ranged_pool(eg_host_reader *reader)
{
    eg_host_attrs *attrs = &reader->attrs;
    attrs->begin = eg_host_attr_int(reader, "begin", 0);
    attrs->end = eg_host_attr_int(reader, "end", INT64_MAX);
    attrs->has_end = attrs->end != INT64_MAX;
    return eg_host_accept_pool(reader);
}

bool
eg_host_accept_token(eg_host_reader *reader)
{
    reader->attrs.index = eg_host_attr_int(reader, "index", 0);
    return eg_host_accept_pool(reader);
}

static bool
read_pool(eg_host_reader *reader)
{
    static const char *const names[] = {
        [EG_HOST_FIRST_TOKEN] = "first_token",
        [EG_HOST_LAST_TOKEN] = "last_token",
        [EG_HOST_MEAN] = "mean",
        [EG_HOST_MAX] = "max",
        [EG_HOST_SUM] = "sum",
        [EG_HOST_MEAN_SQRT_LEN] = "mean_sqrt_len",
        [EG_HOST_WEIGHTED_MEAN] = "weighted_mean",
    };
    const char *name = eg_host_attr_string(reader, "pool", "");
    for (int i = 0; i < (int)(sizeof names / sizeof *names); i++) {
        if (strcmp(name, names[i]) == 0) {
            reader->attrs.pool = (eg_host_pool)i;
            return true;
        }
    }
    return eg_host_refuse(reader, "pool '%s'", name);
}

bool
eg_host_accept_pool_normalize(eg_host_reader *reader)
{
    eg_value_info out;
    if (!eg_host_accept_ranged_pool(reader) || !read_pool(reader) || !eg_host_output(reader, &out))
        return false;
    if (eg_host_last_axis(&out) != eg_host_width(&out))
        return eg_host_refuse(reader, "wants rows of one axis");
    reader->attrs.eps = eg_host_attr_float(reader, "eps", 1e-12);
    return true;
}

/* The rows of the text that count before begin and end are looked at: [*first, *first + *count). */
static void
counted_rows(const eg_host_call *call, const eg_row *row, int64_t *first, int64_t *count)
{
    *first = call->node->attrs.skip_prompt ? row->skip : 0;
    *count = (int64_t)row->valid - *first;
}

/* A bound of a range as a number from 0 to count; negative ones are from the end. */
static int64_t
bound_of(int64_t bound, int64_t count)
{
    if (bound < 0)
        bound += count;
    return bound < 0 ? 0 : bound > count ? count : bound;
}

static void
pooled_rows(const eg_host_call *call, const eg_row *row, int64_t *first, int64_t *count)
{
    const eg_host_attrs *attrs = &call->node->attrs;
    counted_rows(call, row, first, count);
    int64_t begin = bound_of(attrs->begin, *count), end = attrs->has_end ? bound_of(attrs->end, *count) : *count;
    *first += begin;
    *count = end - begin;
}

eg_status
eg_host_check_pooled(const eg_host_call *call)
{
    const eg_row *rows = eg_host_rows(call, eg_host_info_in(call, 0));
    for (uint32_t t = 0; t < eg_host_texts(call); t++) {
        int64_t first, count;
        pooled_rows(call, &rows[t], &first, &count);
        if (count >= 1)
            continue;
        counted_rows(call, &rows[t], &first, &count);
        return eg_host_fail(call->err, EG_E_INPUT, "text %u has %lld tokens, none of them where the pooling '%s' looks",
                            t, (long long)count, call->node->name);
    }
    return EG_OK;
}

eg_host_text_rows
eg_host_rows_of_text(const eg_host_call *call, eg_host_matrix x, uint32_t text)
{
    const eg_row *row = &eg_host_rows(call, eg_host_info_in(call, 0))[text];
    int64_t first, count;
    pooled_rows(call, row, &first, &count);
    return (eg_host_text_rows){x.f32 + ((int64_t)row->start + first) * x.stride, count, x.stride, first};
}
