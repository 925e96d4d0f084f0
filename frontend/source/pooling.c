/* SPDX-License-Identifier: Apache-2.0 */
/* The poolings: their names, and as ops of the graph. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "frontend/source/pipeline.h"

static const struct {
    const char *name, *op;
} pools[EG_POOL_COUNT] = {
    [EG_POOL_CLS] = {"cls", "first_token"},
    [EG_POOL_MAX] = {"max", "max"},
    [EG_POOL_MEAN] = {"mean", "mean"},
    [EG_POOL_MEAN_SQRT_LEN] = {"mean_sqrt_len_tokens", "mean_sqrt_len"},
    [EG_POOL_WEIGHTED_MEAN] = {"weightedmean", "weighted_mean"},
    [EG_POOL_LAST] = {"lasttoken", "last_token"},
    [EG_POOL_SUM] = {"sum", "sum"},
    [EG_POOL_POOLER] = {"pooler", NULL},
};

const char *
eg_pool_name(eg_pool pool)
{
    return pools[pool].name;
}

eg_status
eg_pool_find(const char *name, eg_pool *out, eg_error *err)
{
    const char *names[EG_POOL_COUNT];
    for (uint32_t i = 0; i < EG_POOL_COUNT; i++) {
        names[i] = pools[i].name;
        if (strcmp(name, names[i]) == 0) {
            *out = (eg_pool)i;
            return EG_OK;
        }
    }
    eg_status status = eg_fail(err, EG_E_USAGE, "there is no pooling '%s'", name);
    const char *near = eg_nearest(name, names, EG_POOL_COUNT);
    if (near)
        return eg_hint(err, status, "did you mean '%s'?", near);
    return eg_hint(err, status,
                   "there are cls, pooler, mean, max, sum, mean_sqrt_len_tokens, weightedmean and lasttoken");
}

eg_status
eg_pooling_parse(const char *text, eg_pooling *out, eg_error *err)
{
    *out = (eg_pooling){0};
    for (;;) {
        size_t n = strcspn(text, ",");
        char name[64];
        if (out->count == EG_POOL_COUNT)
            return eg_fail(err, EG_E_USAGE, "more than %d poolings", EG_POOL_COUNT);
        snprintf(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : sizeof name - 1), text);
        EG_TRY(eg_pool_find(name, &out->modes[out->count], err));
        out->count++;
        if (text[n] == '\0')
            return EG_OK;
        text += n + 1;
    }
}

/* --- emitting ------------------------------------------------------------------------------------ */

/* What a message about a pooling points to: the instance's node, where there is one. */
static eg_status EG_PRINTF(3, 4) refuse(const eg_pooling *pooling, eg_error *err, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return pooling->at ? eg_yaml_fail(pooling->at, err, "%s", text) : eg_fail(err, EG_E_INPUT, "%s", text);
}

static eg_status
named_value(eg_expand *x, const eg_pooling *pooling, const char *name, eg_value_id *out, eg_error *err)
{
    bool found;
    EG_TRY(eg_expand_find(x, name, out, &found, err));
    return found ? EG_OK : refuse(pooling, err, "this family has no '%s'", name);
}

static eg_status
emit_mode(eg_expand *x, const eg_pooling *pooling, eg_pool mode, bool include_prompt, eg_value_id rows,
          eg_value_id *out, eg_error *err)
{
    if (mode == EG_POOL_POOLER)
        return named_value(x, pooling, "pooler_output", out, err);
    eg_attr attrs[3];
    uint32_t count = 0;
    if (!include_prompt)
        attrs[count++] = eg_attr_int("skip_prompt", 1);
    for (uint32_t i = 0; i < pooling->span_count; i++)
        attrs[count++] = pooling->span[i];
    return eg_emit(x, NULL, pools[mode].op, &rows, 1, attrs, count, out, err);
}

/* All modes of one layer, side by side. */
static eg_status
emit_modes(eg_expand *x, const eg_pooling *pooling, bool include_prompt, eg_value_id rows, eg_value_id *out,
           eg_error *err)
{
    eg_value_id parts[EG_POOL_COUNT];
    for (uint32_t i = 0; i < pooling->count; i++)
        EG_TRY(emit_mode(x, pooling, pooling->modes[i], include_prompt, rows, &parts[i], err));
    *out = parts[0];
    return pooling->count > 1 ? eg_emit(x, NULL, "concat", parts, pooling->count, NULL, 0, out, err) : EG_OK;
}

static eg_status
join_layers(eg_expand *x, const eg_pooling *pooling, const eg_value_id *parts, eg_value_id *out, eg_error *err)
{
    uint32_t count = pooling->layer_count;
    *out = parts[0];
    if (count == 1)
        return EG_OK;
    if (!pooling->mean_of_layers)
        return eg_emit(x, NULL, "concat", parts, count, NULL, 0, out, err);
    for (uint32_t i = 1; i < count; i++)
        EG_TRY(eg_emit(x, NULL, "add", (eg_value_id[]){*out, parts[i]}, 2, NULL, 0, out, err));
    eg_attr factor = eg_attr_float("factor", 1.0 / count);
    return eg_emit(x, NULL, "scale", out, 1, &factor, 1, out, err);
}

static eg_status
emit_layers(eg_expand *x, const eg_pooling *pooling, bool include_prompt, eg_value_id *out, eg_error *err)
{
    eg_value_id parts[EG_POOL_LAYERS_MAX];
    int64_t there = (int64_t)x->hidden.count;
    for (uint32_t i = 0; i < pooling->layer_count; i++) {
        int64_t layer = pooling->layers[i] < 0 ? pooling->layers[i] + there : pooling->layers[i];
        if (layer < 0 || layer >= there)
            return refuse(pooling, err, "there is no hidden state %" PRId64 "; there are %" PRId64, pooling->layers[i],
                          there);
        EG_TRY(emit_modes(x, pooling, include_prompt, x->hidden.items[layer], &parts[i], err));
    }
    return join_layers(x, pooling, parts, out, err);
}

static eg_status
emit_steps(eg_expand *x, const eg_yaml *steps, eg_value_id *out, eg_error *err)
{
    eg_chain chain;
    EG_TRY(eg_expand_extra(x, steps, "embedding", &chain, err));
    EG_TRY(eg_chain_one(&chain, steps, "pooling", out, err));
    if (eg_graph_value(x->graph, *out)->type.kind != EG_TEXT)
        return eg_yaml_fail(steps, err, "pooling ends with %s rows; text rows are expected",
                            eg_kind_text(eg_graph_value(x->graph, *out)->type.kind));
    return EG_OK;
}

eg_status
eg_emit_pooling(eg_expand *x, const eg_pooling *pooling, bool include_prompt, const eg_value_id *rows, eg_value_id *out,
                eg_error *err)
{
    eg_value_id last;
    if (pooling->steps)
        return emit_steps(x, pooling->steps, out, err);
    if (pooling->layer_count)
        return emit_layers(x, pooling, include_prompt, out, err);
    if (!rows)
        EG_TRY(named_value(x, pooling, "last_hidden_state", &last, err));
    return emit_modes(x, pooling, include_prompt, rows ? *rows : last, out, err);
}
