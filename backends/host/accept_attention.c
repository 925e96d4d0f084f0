/* SPDX-License-Identifier: Apache-2.0 */
/* What attention may be given. */
#include "host.h"

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
check_heads(eg_host_reader *reader, int64_t q, int64_t k, int64_t v, int64_t out)
{
    eg_host_attrs *attrs = &reader->attrs;
    attrs->heads = eg_host_attr_int(reader, "heads", 0);
    attrs->key_heads = eg_host_attr_int(reader, "key_heads", attrs->heads);
    int64_t heads = attrs->heads, key_heads = attrs->key_heads;
    if (heads >= 1 && key_heads >= 1 && heads % key_heads == 0 && q % heads == 0 && k % key_heads == 0 &&
        q / heads == k / key_heads && v % key_heads == 0 && out % heads == 0 && v / key_heads == out / heads) {
        attrs->head_size = q / heads;
        attrs->value_size = out / heads;
        return true;
    }
    return eg_host_refuse(reader, "%lld heads and %lld key heads do not fit", (long long)heads, (long long)key_heads);
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
        !check_heads(reader, eg_host_width(&q), eg_host_width(&k), eg_host_width(&v), eg_host_width(&out)))
        return false;
    if (attrs->window < 0 || attrs->window > UINT32_MAX)
        return eg_host_refuse(reader, "window %lld", (long long)attrs->window);
    attrs->text_query = q.kind == EG_TEXT;
    return !attrs->has_bias || check_bias(reader, k.set);
}
