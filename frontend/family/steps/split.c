/* SPDX-License-Identifier: Apache-2.0 */
/*
 * split: the last axis in equal parts, or in parts of the sizes listed; the rows of a table with `axis: 0`, also where
 * the parts take turns head by head. The chain goes on with all of them.
 */
#include <inttypes.h>

#include "base/checked.h"
#include "frontend/family/steps/steps.h"

static eg_status
read_sizes(eg_expand *x, const eg_call *call, int64_t width, int64_t *sizes, uint32_t *count, eg_error *err)
{
    const eg_yaml *parts;
    eg_expr_env env = eg_expand_env(x);
    eg_datum value;
    EG_TRY(eg_call_require(x, call, "parts", &parts, err));
    if (parts->type == EG_YAML_LIST) {
        int64_t total = 0;
        *count = 0;
        if (parts->count == 0 || parts->count > EG_CHAIN_MAX)
            return eg_yaml_fail(parts, err, "a value is split in 1 to %d parts", EG_CHAIN_MAX);
        for (size_t i = 0; i < parts->count; i++) {
            EG_TRY(eg_eval_value(parts->items[i], &env, &value, err));
            if (value.type != EG_DATUM_INT || value.integer < 1)
                return eg_yaml_fail(parts->items[i], err, "the size of a part is an integer from 1");
            sizes[(*count)++] = value.integer;
            if (!eg_add_i64(total, value.integer, &total))
                total = INT64_MAX;
        }
        if (total != width)
            return eg_yaml_fail(parts, err, "the parts make %" PRId64 " of a width of %" PRId64, total, width);
        return EG_OK;
    }
    int64_t n;
    EG_TRY(eg_call_int(x, call, "parts", 1, 1, &n, err));
    if (n > EG_CHAIN_MAX || width % n != 0)
        return eg_call_fail(call, "parts", err, "a width of %" PRId64 " cannot be split in %" PRId64, width, n);
    for (int64_t i = 0; i < n; i++)
        sizes[i] = width / n;
    *count = (uint32_t)n;
    return EG_OK;
}

eg_status
eg_emit_part_per_head(eg_expand *x, const eg_yaml *at, eg_value_id table, int64_t heads, int64_t parts, int64_t part,
                      eg_value_id *out, eg_error *err)
{
    int64_t rows = eg_graph_value(x->graph, table)->type.dims[0].k;
    if (rows % heads != 0 || rows / heads % parts != 0)
        return eg_yaml_fail(at, err, "%" PRId64 " rows cannot be split in %" PRId64 " for each of %" PRId64 " heads",
                            rows, parts, heads);
    int64_t size = rows / heads / parts;
    eg_value_id *pieces = eg_arena_calloc(x->arena, (size_t)heads, sizeof *pieces);
    if (!pieces)
        return eg_fail_nomem(err, "a projection");
    for (int64_t h = 0; h < heads; h++) {
        int64_t begin = (h * parts + part) * size;
        EG_TRY(eg_emit_slice(x, at, table, 0, begin, begin + size, &pieces[h], err));
    }
    eg_attr axis = eg_attr_int("axis", 0);
    *out = pieces[0];
    return heads > 1 ? eg_emit(x, at, "concat", pieces, (uint32_t)heads, &axis, 1, out, err) : EG_OK;
}

/* `axis: 0`: what is split are the rows of a table. */
static eg_status
read_axis(eg_expand *x, const eg_call *call, eg_value_id in, int64_t *axis, int64_t *width, eg_error *err)
{
    const eg_type *type = &eg_graph_value(x->graph, in)->type;
    EG_TRY(eg_call_int(x, call, "axis", 0, -1, axis, err));
    if (*axis < 0)
        return eg_emit_width(x, call->step, in, width, err);
    if (*axis != 0 || type->kind != EG_TABLE)
        return eg_call_fail(call, "axis", err, "axis is 0, for the rows of a table, or not given");
    *width = type->dims[0].k;
    return EG_OK;
}

/* `order: per_head, heads: N`: N times one piece of every part. */
static eg_status
split_per_head(eg_expand *x, const eg_call *call, eg_value_id in, int64_t axis, eg_chain *chain, eg_error *err)
{
    int64_t heads, parts;
    EG_TRY(eg_call_size(x, call, "heads", &heads, err));
    EG_TRY(eg_call_size(x, call, "parts", &parts, err));
    if (axis != 0)
        return eg_call_fail(call, "order", err, "per_head splits the rows of a table (`axis: 0`)");
    if (heads > EG_NODES_MAX || parts > EG_CHAIN_MAX)
        return eg_call_fail(call, "parts", err, "too many parts");
    chain->count = 0;
    for (int64_t i = 0; i < parts; i++) {
        eg_value_id part;
        EG_TRY(eg_emit_part_per_head(x, call->step, in, heads, parts, i, &part, err));
        EG_TRY(eg_chain_push(chain, part, call->step, err));
    }
    return EG_OK;
}

eg_status
eg_run_split(eg_expand *x, const eg_call *call, eg_chain *chain, eg_error *err)
{
    eg_value_id in;
    static const char *const orders[] = {"blocks", "per_head"};
    int64_t width, axis, sizes[EG_CHAIN_MAX], at = 0;
    uint32_t count, order;
    bool squeeze;
    EG_TRY(eg_chain_one(chain, call->step, "split", &in, err));
    EG_TRY(read_axis(x, call, in, &axis, &width, err));
    EG_TRY(eg_call_choice(x, call, "order", orders, 2, 0, &order, err));
    if (order == 1)
        return split_per_head(x, call, in, axis, chain, err);
    EG_TRY(read_sizes(x, call, width, sizes, &count, err));
    EG_TRY(eg_call_bool(x, call, "squeeze", false, &squeeze, err));
    chain->count = 0;
    for (uint32_t i = 0; i < count; i++) {
        eg_value_id part;
        EG_TRY(eg_emit_slice(x, call->step, in, axis, at, at + sizes[i], &part, err));
        at += sizes[i];
        if (squeeze)
            EG_TRY(eg_emit(x, call->step, "squeeze", &part, 1, NULL, 0, &part, err));
        EG_TRY(eg_chain_push(chain, part, call->step, err));
    }
    return EG_OK;
}
