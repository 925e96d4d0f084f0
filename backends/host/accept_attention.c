/* SPDX-License-Identifier: Apache-2.0 */
/* What scores, softmax, apply and attention may be given. */
#include "host.h"

/* heads and key_heads. */
static bool
read_heads(eg_host_reader *reader)
{
    int64_t heads = eg_host_attr_int(reader, "heads", 0), key_heads = eg_host_attr_int(reader, "key_heads", heads);
    reader->attrs.heads = heads;
    reader->attrs.key_heads = key_heads;
    return (heads >= 1 && key_heads >= 1 && heads % key_heads == 0) ||
           eg_host_refuse(reader, "%lld heads and %lld key heads", (long long)heads, (long long)key_heads);
}

/* The width of a head in rows of all heads and in rows of the key heads, which has to be the same. */
static bool
find_head_size(eg_host_reader *reader, const eg_value_info *wide, const eg_value_info *narrow, int64_t *out)
{
    int64_t heads = reader->attrs.heads, key_heads = reader->attrs.key_heads;
    int64_t wide_width = eg_host_width(wide), narrow_width = eg_host_width(narrow);
    if (wide_width % heads != 0 || narrow_width % key_heads != 0 || wide_width / heads != narrow_width / key_heads)
        return eg_host_refuse(reader, "%lld heads and %lld key heads do not fit widths of %lld and %lld",
                              (long long)heads, (long long)key_heads, (long long)wide_width, (long long)narrow_width);
    *out = wide_width / heads;
    return true;
}

/* What scores and apply have in common: rows of all heads, rows of the key heads, and the pairs between. */
static bool
check_pairs(eg_host_reader *reader, const eg_value_info *wide, const eg_value_info *narrow, const eg_value_info *pair)
{
    if (wide->kind != EG_TOKEN || narrow->kind != EG_TOKEN || pair->kind != EG_PAIR || wide->set != pair->set ||
        narrow->set != pair->set || wide->dtype != EG_F32 || narrow->dtype != EG_F32 || pair->dtype != EG_F32)
        return eg_host_refuse(reader, "wants f32 token and pair values of one row set");
    if (!read_heads(reader) || !find_head_size(reader, wide, narrow, &reader->attrs.head_size))
        return false;
    return pair->dims[0].k == reader->attrs.heads ||
           eg_host_refuse(reader, "%lld heads beside pairs of %lld", (long long)reader->attrs.heads,
                          (long long)pair->dims[0].k);
}

bool
eg_host_accept_scores(eg_host_reader *reader)
{
    eg_value_info q, k, out;
    if (!eg_host_count(reader, 2, 2) || !eg_host_input(reader, 0, &q) || !eg_host_input(reader, 1, &k) ||
        !eg_host_output(reader, &out) || !check_pairs(reader, &q, &k, &out))
        return false;
    reader->attrs.factor = eg_host_attr_float(reader, "scale", 1.0);
    reader->attrs.causal = eg_host_attr_int(reader, "causal", 0) != 0;
    reader->attrs.window = eg_host_attr_int(reader, "window", 0);
    if (reader->attrs.window != out.dims[1].window)
        return eg_host_refuse(reader, "window %lld beside a result of window %u", (long long)reader->attrs.window,
                              out.dims[1].window);
    return true;
}

bool
eg_host_accept_softmax(eg_host_reader *reader)
{
    eg_value_info out;
    return eg_host_count(reader, 1, 1) && eg_host_same(reader, &out);
}

bool
eg_host_accept_apply(eg_host_reader *reader)
{
    eg_value_info p, v, out;
    return eg_host_count(reader, 2, 2) && eg_host_input(reader, 0, &p) && eg_host_input(reader, 1, &v) &&
           eg_host_output(reader, &out) && check_pairs(reader, &out, &v, &p);
}

/* --- fused --------------------------------------------------------------------------------------- */

static bool
check_rows(eg_host_reader *reader, const eg_value_info *q, const eg_value_info *k, const eg_value_info *v,
           const eg_value_info *out)
{
    if (q->dtype != EG_F32 || k->dtype != EG_F32 || v->dtype != EG_F32 || out->dtype != EG_F32)
        return eg_host_refuse(reader, "computes in f32 only");
    if (k->kind != EG_TOKEN || !eg_host_same_rows(k, v))
        return eg_host_refuse(reader, "wants keys and values that are token rows of one row set");
    if ((q->kind != EG_TEXT && !eg_host_same_rows(q, k)) || !eg_host_same_rows(q, out))
        return eg_host_refuse(reader, "wants queries that are text rows, or token rows of the keys' row set");
    return true;
}

static bool
check_bias(eg_host_reader *reader, uint32_t set)
{
    eg_value_info p;
    if (!eg_host_input(reader, 3, &p))
        return false;
    if (p.kind != EG_PAIR || p.dtype != EG_F32 || p.set != set ||
        (p.dims[0].k != 1 && p.dims[0].k != reader->attrs.heads) || p.dims[1].window != reader->attrs.window)
        return eg_host_refuse(reader, "a bias of other heads, rows or another window");
    return true;
}

bool
eg_host_accept_attention(eg_host_reader *reader)
{
    eg_host_attrs *attrs = &reader->attrs;
    attrs->factor = eg_host_attr_float(reader, "scale", 1.0);
    attrs->causal = eg_host_attr_int(reader, "causal", 0) != 0;
    attrs->window = eg_host_attr_int(reader, "window", 0);
    attrs->has_bias = eg_host_attr_int(reader, "bias", 0) != 0;
    uint32_t count = attrs->has_bias ? 4 : 3;
    eg_value_info q, k, v, out;
    if (!eg_host_count(reader, count, count) || !eg_host_input(reader, 0, &q) || !eg_host_input(reader, 1, &k) ||
        !eg_host_input(reader, 2, &v) || !eg_host_output(reader, &out) || !check_rows(reader, &q, &k, &v, &out) ||
        !read_heads(reader) || !find_head_size(reader, &q, &k, &attrs->head_size) ||
        !find_head_size(reader, &out, &v, &attrs->value_size))
        return false;
    if (attrs->window < 0 || attrs->window > UINT32_MAX)
        return eg_host_refuse(reader, "window %lld", (long long)attrs->window);
    attrs->text_query = q.kind == EG_TEXT;
    return !attrs->has_bias || check_bias(reader, k.set);
}
