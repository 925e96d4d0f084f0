/* SPDX-License-Identifier: Apache-2.0 */
/* The modules of a sentence-transformers folder as ops of the graph: "embedding". */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "frontend/source/pipeline.h"

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

/* That the module's file says the width that there is. */
static eg_status
check_width(eg_expand *x, const eg_pipeline_stage *stage, eg_value_id value, eg_error *err)
{
    int64_t width = 0;
    bool known = eg_type_width(&eg_graph_value(x->graph, value)->type, &width);
    if (!stage->in.value || (known && width == stage->in.value))
        return EG_OK;
    return eg_fail_at(err, EG_E_INPUT, stage->file, stage->in.line, stage->in.column,
                      "%s is %" PRId64 "; what enters this module is %" PRId64 " wide", stage->in.key, stage->in.value,
                      width);
}

static eg_status
emit_activation(eg_expand *x, const eg_pipeline_stage *stage, eg_value_id *value, eg_error *err)
{
    const eg_yaml *steps;
    eg_chain chain;
    eg_chain_set(&chain, *value);
    EG_TRY(eg_yaml_parse(stage->activation, strlen(stage->activation), stage->file, x->arena, &steps, err));
    EG_TRY(eg_expand_block(x, steps, &chain, err));
    return eg_chain_one(&chain, steps, "the activation", value, err);
}

static eg_status
emit_dense(eg_expand *x, const eg_pipeline_stage *stage, eg_value_id *value, eg_error *err)
{
    eg_value_id in = *value, table, residual = in;
    EG_TRY(check_width(x, stage, in, err));
    EG_TRY(module_table(x, stage, "linear.weight", stage->more.value, stage->in.value, &table, err));
    EG_TRY(eg_emit(x, NULL, "matmul", (eg_value_id[]){in, table}, 2, NULL, 0, value, err));
    if (stage->bias) {
        EG_TRY(module_table(x, stage, "linear.bias", stage->more.value, 0, &table, err));
        EG_TRY(eg_emit(x, NULL, "bias_add", (eg_value_id[]){*value, table}, 2, NULL, 0, value, err));
    }
    if (stage->activation)
        EG_TRY(emit_activation(x, stage, value, err));
    if (!stage->residual)
        return EG_OK;
    if (stage->in.value != stage->more.value) {
        EG_TRY(module_table(x, stage, "residual.weight", stage->more.value, stage->in.value, &table, err));
        EG_TRY(eg_emit(x, NULL, "matmul", (eg_value_id[]){in, table}, 2, NULL, 0, &residual, err));
    }
    return eg_emit(x, NULL, "add", (eg_value_id[]){*value, residual}, 2, NULL, 0, value, err);
}

static eg_status
emit_layer_norm(eg_expand *x, const eg_pipeline_stage *stage, eg_value_id *value, eg_error *err)
{
    eg_value_id inputs[3] = {*value, 0, 0};
    eg_attr eps = eg_attr_float("eps", 1e-5); /* torch's default, which the module has no key for */
    EG_TRY(check_width(x, stage, *value, err));
    EG_TRY(module_table(x, stage, "norm.weight", stage->in.value, 0, &inputs[1], err));
    EG_TRY(module_table(x, stage, "norm.bias", stage->in.value, 0, &inputs[2], err));
    return eg_emit(x, NULL, "layer_norm", inputs, 3, &eps, 1, value, err);
}

/* --- WeightedLayerPooling ------------------------------------------------------------------------ */

/* Number i of the layers' weights, as a table of one number. */
static eg_status
layer_weight(eg_expand *x, eg_value_id table, int64_t i, eg_value_id *out, eg_error *err)
{
    return eg_emit_slice(x, NULL, table, -1, i, i + 1, out, err);
}

/* Σ weight · hidden state / Σ weight, from layer_start on. What depends on weights alone is computed at loading. */
static eg_status
weigh_layers(eg_expand *x, const eg_pipeline_stage *stage, eg_value_id *out, eg_error *err)
{
    int64_t count = stage->more.value + 1 - stage->layer_start;
    eg_value_id table, weight, term, sum = 0;
    EG_TRY(module_table(x, stage, "layer_weights", count, 0, &table, err));
    for (int64_t i = 0; i < count; i++) {
        eg_value_id state = x->hidden.items[stage->layer_start + i];
        EG_TRY(layer_weight(x, table, i, &weight, err));
        EG_TRY(eg_emit(x, NULL, "mul", (eg_value_id[]){state, weight}, 2, NULL, 0, &term, err));
        if (i == 0)
            *out = term, sum = weight;
        else {
            EG_TRY(eg_emit(x, NULL, "add", (eg_value_id[]){*out, term}, 2, NULL, 0, out, err));
            EG_TRY(eg_emit(x, NULL, "add", (eg_value_id[]){sum, weight}, 2, NULL, 0, &sum, err));
        }
    }
    return eg_emit(x, NULL, "div", (eg_value_id[]){*out, sum}, 2, NULL, 0, out, err);
}

/* Without output_hidden_states in config.json the module sees no layers and hands on what it got. */
static eg_status
emit_layers(eg_expand *x, const eg_pipeline_stage *stage, eg_value_id *rows, eg_error *err)
{
    const eg_json *wanted = eg_json_get(x->recipe->config->root, "output_hidden_states");
    int64_t layers = (int64_t)x->hidden.count - 1;
    EG_TRY(check_width(x, stage, *rows, err));
    if (!wanted || wanted->type != EG_JSON_BOOL || !wanted->boolean)
        return EG_OK;
    if (stage->more.value != layers)
        return eg_fail_at(err, EG_E_INPUT, stage->file, stage->more.line, stage->more.column,
                          "num_hidden_layers is %" PRId64 "; the model has %" PRId64, stage->more.value, layers);
    return weigh_layers(x, stage, rows, err);
}

/* --- SpladePooling ------------------------------------------------------------------------------- */

static const char splade_head[] = "splade";

eg_status
eg_pipeline_sparse_head(const eg_pipeline *pipeline, const eg_yaml *family_heads, eg_arena *arena, const eg_yaml **out,
                        eg_error *err)
{
    const eg_pipeline_stage *stage = pipeline->stages.count ? pipeline->stages.items : NULL;
    const char *from = NULL;
    *out = NULL;
    if (!stage || stage->kind != EG_STAGE_SPLADE)
        return EG_OK;
    for (size_t i = 0; family_heads && i < family_heads->count && !from; i++) {
        const eg_yaml *task = eg_yaml_get(family_heads->items[i], "task");
        from = task && strcmp(task->text, "fill_mask") == 0 ? family_heads->items[i]->key : NULL;
    }
    if (!from)
        return eg_fail_at(err, EG_E_INPUT, stage->file, 0, 0,
                          "SpladePooling takes the logits of a masked LM, and this family has no such head");
    const char *text = eg_arena_printf(arena, "%s: {task: sparse, steps: [{from: %s.logits}, relu, log1p%s, %s]}\n",
                                       splade_head, from, stage->twice ? ", log1p" : "", stage->sum ? "sum" : "max");
    const eg_yaml *root;
    if (!text)
        return eg_fail_nomem(err, "a head");
    EG_TRY(eg_yaml_parse(text, strlen(text), stage->file, arena, &root, err));
    *out = root->items[0];
    return EG_OK;
}

/* Another pooling has no place where SpladePooling makes the row. */
static eg_status
refuse_pooling(const eg_pooling *pooling, eg_error *err)
{
    static const char message[] = "this model's rows are made by SpladePooling; another pooling does not go with it";
    return pooling->at ? eg_yaml_fail(pooling->at, err, "%s", message) : eg_fail(err, EG_E_USAGE, "%s", message);
}

static eg_status
emit_splade(eg_expand *x, const eg_pipeline_stage *stage, const eg_pooling *pooling, eg_value_id *value, eg_error *err)
{
    if (pooling)
        return refuse_pooling(pooling, err);
    char name[64];
    bool found;
    int64_t width = 0;
    snprintf(name, sizeof name, "%s.logits", splade_head);
    EG_TRY(eg_expand_find(x, name, value, &found, err));
    if (!found)
        return eg_fail_at(err, EG_E_INPUT, stage->file, 0, 0, "the head '%s' is not there", splade_head);
    bool known = eg_type_width(&eg_graph_value(x->graph, *value)->type, &width);
    if (!stage->in.value || (known && width == stage->in.value))
        return EG_OK;
    return eg_fail_at(err, EG_E_INPUT, stage->file, stage->in.line, stage->in.column,
                      "%s is %" PRId64 "; the masked LM gives %" PRId64 " numbers", stage->in.key, stage->in.value,
                      width);
}

/* --- all of them --------------------------------------------------------------------------------- */

static eg_status
emit_pooling_stage(eg_expand *x, const eg_pipeline *pipeline, const eg_pipeline_stage *stage,
                   const eg_embedding_options *options, eg_value_id *value, eg_error *err)
{
    EG_TRY(check_width(x, stage, *value, err));
    return eg_emit_pooling(x, options->pooling ? options->pooling : &stage->pooling, pipeline->include_prompt, value,
                           value, err);
}

/* value: rows of tokens up to the pooling, then one row per text. */
static eg_status
emit_stage(eg_expand *x, const eg_pipeline *pipeline, const eg_pipeline_stage *stage,
           const eg_embedding_options *options, eg_value_id *value, eg_error *err)
{
    switch (stage->kind) {
    case EG_STAGE_LAYERS:
        return emit_layers(x, stage, value, err);
    case EG_STAGE_POOLING:
        return emit_pooling_stage(x, pipeline, stage, options, value, err);
    case EG_STAGE_SPLADE:
        return emit_splade(x, stage, options->pooling, value, err);
    case EG_STAGE_DENSE:
        return emit_dense(x, stage, value, err);
    case EG_STAGE_LAYER_NORM:
        return emit_layer_norm(x, stage, value, err);
    case EG_STAGE_NORMALIZE:
        break;
    }
    return options->normalize == 0 ? EG_OK : eg_emit(x, NULL, "normalize", value, 1, NULL, 0, value, err);
}

/*
 * A truncation cuts after everything that modules.json says; only an explicit wish norms what is left. One that the
 * files say may be larger than the embedding, as in sentence-transformers; one asked for may not.
 */
static eg_status
truncate_and_normalize(eg_expand *x, const eg_pipeline *pipeline, const eg_embedding_options *options,
                       eg_value_id *value, eg_error *err)
{
    int64_t width = 0, dim = options->truncate_dim ? options->truncate_dim : pipeline->truncate_dim;
    bool known = eg_type_width(&eg_graph_value(x->graph, *value)->type, &width);
    if (known && options->truncate_dim > width)
        return eg_fail(err, EG_E_USAGE, "the embedding has %" PRId64 " dimensions; it cannot be truncated to %u", width,
                       options->truncate_dim);
    bool cut = dim && dim < width;
    if (cut)
        EG_TRY(eg_emit_slice(x, NULL, *value, -1, 0, dim, value, err));
    size_t count = pipeline->stages.count;
    bool normalized = count && pipeline->stages.items[count - 1].kind == EG_STAGE_NORMALIZE && !cut;
    return options->normalize == 1 && !normalized ? eg_emit(x, NULL, "normalize", value, 1, NULL, 0, value, err)
                                                  : EG_OK;
}

static eg_status
emit_all(eg_expand *x, const eg_pipeline *pipeline, const eg_embedding_options *options, eg_value_id *out,
         eg_error *err)
{
    static const eg_pooling mean = {.modes = {EG_POOL_MEAN}, .count = 1};
    bool found;
    if (pipeline->stages.count == 0)
        EG_TRY(
            eg_emit_pooling(x, options->pooling ? options->pooling : &mean, pipeline->include_prompt, NULL, out, err));
    else
        EG_TRY(eg_expand_find(x, "last_hidden_state", out, &found, err));
    for (size_t i = 0; i < pipeline->stages.count; i++)
        EG_TRY(emit_stage(x, pipeline, &pipeline->stages.items[i], options, out, err));
    return truncate_and_normalize(x, pipeline, options, out, err);
}

eg_status
eg_emit_embedding(eg_expand *x, const eg_pipeline *pipeline, const eg_embedding_options *options, eg_value_id *out,
                  eg_error *err)
{
    eg_context outer = x->at;
    x->at = (eg_context){.scope = "", .public_prefix = "", .section = "embedding"};
    eg_status status = emit_all(x, pipeline, options, out, err);
    x->at = outer;
    return status == EG_OK ? eg_expand_publish(x, "embedding", *out, err) : status;
}
