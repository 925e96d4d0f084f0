/* SPDX-License-Identifier: Apache-2.0 */
/* The names of the poolings, and "embedding" as ops of the graph. */
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

static eg_status
named_value(eg_expand *x, const char *name, eg_value_id *out, eg_error *err)
{
    bool found;
    EG_TRY(eg_expand_find(x, name, out, &found, err));
    return found ? EG_OK : eg_fail(err, EG_E_INPUT, "this family has no '%s'", name);
}

static eg_status
emit_mode(eg_expand *x, eg_pool mode, bool include_prompt, eg_value_id *out, eg_error *err)
{
    if (mode == EG_POOL_POOLER)
        return named_value(x, "pooler_output", out, err);
    eg_value_id rows;
    EG_TRY(named_value(x, "last_hidden_state", &rows, err));
    eg_attr skip = eg_attr_int("skip_prompt", 1);
    return eg_emit(x, NULL, pools[mode].op, &rows, 1, &skip, include_prompt ? 0 : 1, out, err);
}

static eg_status
emit_pooling(eg_expand *x, const eg_pooling *pooling, bool include_prompt, eg_value_id *out, eg_error *err)
{
    if (pooling->steps) {
        eg_chain chain;
        EG_TRY(eg_expand_extra(x, pooling->steps, "embedding", &chain, err));
        EG_TRY(eg_chain_one(&chain, pooling->steps, "pooling", out, err));
        if (eg_graph_value(x->graph, *out)->type.kind != EG_TEXT)
            return eg_yaml_fail(pooling->steps, err, "pooling ends with %s rows; text rows are expected",
                                eg_kind_text(eg_graph_value(x->graph, *out)->type.kind));
        return EG_OK;
    }
    eg_value_id parts[EG_POOL_COUNT];
    for (uint32_t i = 0; i < pooling->count; i++)
        EG_TRY(emit_mode(x, pooling->modes[i], include_prompt, &parts[i], err));
    *out = parts[0];
    return pooling->count > 1 ? eg_emit(x, NULL, "concat", parts, pooling->count, NULL, 0, out, err) : EG_OK;
}

static eg_status
module_table(eg_expand *x, const eg_pipeline_stage *stage, const char *name, int64_t rows, int64_t width,
             eg_value_id *out, eg_error *err)
{
    const eg_tensor *tensor = eg_weights_find(&stage->weights, name);
    uint32_t rank = width ? 2 : 1;
    int64_t dims[2] = {rows, width};
    if (!tensor)
        return eg_fail_at(err, EG_E_INPUT, stage->folder, 0, 0, "the tensor '%s' is missing", name);
    bool same = tensor->rank == rank && tensor->dims[0] == rows && (rank == 1 || tensor->dims[1] == width);
    if (!same)
        return eg_fail_at(err, EG_E_INPUT, tensor->file, 0, 0,
                          "the tensor '%s' has not the size that %s/config.json says ([%" PRId64 ", %" PRId64 "])",
                          name, stage->folder, rows, width);
    if (tensor->dtype != EG_F32 && tensor->dtype != EG_F16 && tensor->dtype != EG_BF16 && tensor->dtype != EG_F64)
        return eg_fail_at(err, EG_E_INPUT, tensor->file, 0, 0, "the tensor '%s' is %s; floats are expected", name,
                          eg_dtype_name(tensor->dtype));
    eg_host_view view = {.size = sizeof view, .dtype = tensor->dtype, .data = tensor->data};
    eg_type type = {.dtype = EG_F32, .kind = EG_TABLE, .rank = rank};
    for (uint32_t i = 0; i < rank; i++) {
        type.dims[i] = eg_dim_const(dims[i]);
        view.dims[i] = dims[i];
        view.strides[i] = tensor->strides[i];
    }
    const char *slash = strrchr(stage->folder, '/');
    char full[256];
    snprintf(full, sizeof full, "%s.%s", slash ? slash + 1 : stage->folder, name);
    for (char *c = full; *c; c++) {
        bool good = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || *c == '.';
        *c = good ? *c : '_';
    }
    return eg_graph_add_const(x->graph, full, &type, &view, 1, out, err);
}

static eg_status
check_width(eg_expand *x, const eg_pipeline_stage *stage, eg_value_id value, int64_t want, eg_error *err)
{
    int64_t width = 0;
    if (eg_type_width(&eg_graph_value(x->graph, value)->type, &width) && width == want)
        return EG_OK;
    return eg_fail_at(err, EG_E_INPUT, stage->folder, 0, 0,
                      "this module takes vectors of %" PRId64 ", the ones before it have %" PRId64, want, width);
}

static eg_status
emit_dense(eg_expand *x, const eg_pipeline_stage *stage, eg_value_id *value, eg_error *err)
{
    eg_value_id in = *value, table, residual = in;
    EG_TRY(check_width(x, stage, in, stage->in, err));
    EG_TRY(module_table(x, stage, "linear.weight", stage->out, stage->in, &table, err));
    EG_TRY(eg_emit(x, NULL, "matmul", (eg_value_id[]){in, table}, 2, NULL, 0, value, err));
    if (stage->bias) {
        EG_TRY(module_table(x, stage, "linear.bias", stage->out, 0, &table, err));
        EG_TRY(eg_emit(x, NULL, "bias_add", (eg_value_id[]){*value, table}, 2, NULL, 0, value, err));
    }
    if (stage->activation) {
        eg_attr form = eg_attr_string("form", stage->form);
        EG_TRY(eg_emit(x, NULL, stage->activation, value, 1, &form, stage->form ? 1 : 0, value, err));
    }
    if (!stage->residual)
        return EG_OK;
    if (stage->in != stage->out) {
        EG_TRY(module_table(x, stage, "residual.weight", stage->out, stage->in, &table, err));
        EG_TRY(eg_emit(x, NULL, "matmul", (eg_value_id[]){in, table}, 2, NULL, 0, &residual, err));
    }
    return eg_emit(x, NULL, "add", (eg_value_id[]){*value, residual}, 2, NULL, 0, value, err);
}

static eg_status
emit_layer_norm(eg_expand *x, const eg_pipeline_stage *stage, eg_value_id *value, eg_error *err)
{
    eg_value_id inputs[3] = {*value, 0, 0};
    eg_attr eps = eg_attr_float("eps", 1e-5); /* torch's default, which the module has no key for */
    EG_TRY(check_width(x, stage, *value, stage->in, err));
    EG_TRY(module_table(x, stage, "norm.weight", stage->in, 0, &inputs[1], err));
    EG_TRY(module_table(x, stage, "norm.bias", stage->in, 0, &inputs[2], err));
    return eg_emit(x, NULL, "layer_norm", inputs, 3, &eps, 1, value, err);
}

static eg_status
emit_stage(eg_expand *x, const eg_pipeline *pipeline, const eg_pipeline_stage *stage,
           const eg_embedding_options *options, eg_value_id *value, eg_error *err)
{
    switch (stage->kind) {
    case EG_STAGE_POOLING:
        return emit_pooling(x, options->pooling ? options->pooling : &stage->pooling, pipeline->include_prompt, value,
                            err);
    case EG_STAGE_DENSE:
        return emit_dense(x, stage, value, err);
    case EG_STAGE_LAYER_NORM:
        return emit_layer_norm(x, stage, value, err);
    case EG_STAGE_NORMALIZE:
        break;
    }
    return options->normalize == 0 ? EG_OK : eg_emit(x, NULL, "normalize", value, 1, NULL, 0, value, err);
}

/* --truncate-dim cuts after everything that modules.json says; only an explicit wish norms what is left. */
static eg_status
truncate_and_normalize(eg_expand *x, const eg_pipeline *pipeline, const eg_embedding_options *options,
                       eg_value_id *value, eg_error *err)
{
    int64_t width = 0;
    if (options->truncate_dim) {
        if (eg_type_width(&eg_graph_value(x->graph, *value)->type, &width) && options->truncate_dim > width)
            return eg_fail(err, EG_E_USAGE, "the embedding has %" PRId64 " dimensions; it cannot be truncated to %u",
                           width, options->truncate_dim);
        if (options->truncate_dim < width)
            EG_TRY(eg_emit_slice(x, NULL, *value, -1, 0, options->truncate_dim, value, err));
    }
    size_t count = pipeline->stages.count;
    bool normalized = count && pipeline->stages.items[count - 1].kind == EG_STAGE_NORMALIZE &&
                      (options->truncate_dim == 0 || options->truncate_dim >= width);
    return options->normalize == 1 && !normalized ? eg_emit(x, NULL, "normalize", value, 1, NULL, 0, value, err)
                                                  : EG_OK;
}

eg_status
eg_emit_embedding(eg_expand *x, const eg_pipeline *pipeline, const eg_embedding_options *options, eg_value_id *out,
                  eg_error *err)
{
    static const eg_pooling mean = {.modes = {EG_POOL_MEAN}, .count = 1};
    eg_context outer = x->at;
    x->at = (eg_context){.scope = "", .public_prefix = "", .section = "embedding"};
    eg_status status = EG_OK;
    if (pipeline->stages.count == 0)
        status = emit_pooling(x, options->pooling ? options->pooling : &mean, pipeline->include_prompt, out, err);
    for (size_t i = 0; i < pipeline->stages.count && status == EG_OK; i++)
        status = emit_stage(x, pipeline, &pipeline->stages.items[i], options, out, err);
    if (status == EG_OK)
        status = truncate_and_normalize(x, pipeline, options, out, err);
    x->at = outer;
    return status == EG_OK ? eg_expand_publish(x, "embedding", *out, err) : status;
}
