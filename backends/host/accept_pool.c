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
    if (!eg_host_accept_pool(reader) || !read_pool(reader) || !eg_host_output(reader, &out))
        return false;
    if (eg_host_last_axis(&out) != eg_host_width(&out))
        return eg_host_refuse(reader, "wants rows of one axis");
    reader->attrs.eps = eg_host_attr_float(reader, "eps", 1e-12);
    return true;
}

eg_host_text_rows
eg_host_rows_of_text(const eg_host_call *call, eg_host_matrix x, uint32_t text)
{
    const eg_row *row = &eg_host_rows(call, eg_host_info_in(call, 0))[text];
    int64_t skip = call->node->attrs.skip_prompt ? row->skip : 0;
    return (eg_host_text_rows){x.f32 + ((int64_t)row->start + skip) * x.stride, (int64_t)row->valid - skip, x.stride,
                               skip};
}
