/* SPDX-License-Identifier: Apache-2.0 */
/* What `inspect` says of a model. */
#include <inttypes.h>
#include <string.h>

#include "frontend/source/model.h"

static void
put_string(eg_strbuf *out, const char *text)
{
    if (text)
        eg_strbuf_json(out, text, strlen(text));
    else
        eg_strbuf_puts(out, "null");
}

static void
put_key(eg_strbuf *out, const char *key)
{
    put_string(out, key);
    eg_strbuf_putc(out, ':');
}

/* The type in which most of the weights are stored. */
static const char *
storage_dtype(const eg_source *source)
{
    uint64_t bytes[16] = {0};
    uint32_t best = EG_F32;
    for (size_t i = 0; i < source->weights.tensors.count; i++) {
        const eg_tensor *tensor = &source->weights.tensors.items[i];
        if (tensor->dtype < 16)
            bytes[tensor->dtype] += tensor->bytes;
        if (tensor->dtype < 16 && bytes[tensor->dtype] > bytes[best])
            best = tensor->dtype;
    }
    return source->has_weights ? eg_dtype_name(best) : NULL;
}

/* --- parameters ---------------------------------------------------------------------------------- */

typedef struct part {
    const char *name;
    size_t name_length;
    int64_t count;
} part;

/* The part that an output's tensors make: `part:`, else its name without "_output". */
static part
part_of_output(const eg_yaml *output, int64_t count)
{
    static const char tail[] = "_output";
    const eg_yaml *own = eg_yaml_get(output, "part");
    const char *name = own ? own->text : output->key;
    size_t n = strlen(name), m = strlen(tail);
    bool cut = !own && n > m && strcmp(name + n - m, tail) == 0;
    return (part){name, cut ? n - m : n, count};
}

static void
put_parts(const part *parts, size_t count, eg_strbuf *out)
{
    int64_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += parts[i].count;
    eg_strbuf_printf(out, "{\"total\":%" PRId64 ",\"parts\":[", total);
    for (size_t i = 0; i < count; i++) {
        eg_datum share = eg_datum_real(total ? (double)parts[i].count / (double)total : 0);
        eg_strbuf_puts(out, i ? ",{\"name\":" : "{\"name\":");
        eg_strbuf_json(out, parts[i].name, parts[i].name_length);
        eg_strbuf_printf(out, ",\"count\":%" PRId64 ",\"share\":", parts[i].count);
        eg_datum_write(&share, out);
        eg_strbuf_putc(out, '}');
    }
    eg_strbuf_puts(out, "]}");
}

static eg_status
put_parameters(const eg_source *source, eg_strbuf *out, eg_error *err)
{
    const eg_yaml *outputs = eg_yaml_get(source->family.root, "outputs");
    part *parts = eg_calloc(source->output_count + 2u, sizeof *parts);
    size_t count = 2;
    if (!parts)
        return eg_fail_nomem(err, "the parameters");
    parts[0] = (part){"embeddings", strlen("embeddings"), 0};
    parts[1] = (part){"encoder", strlen("encoder"), 0};
    eg_status status = eg_source_parameters(source, "embeddings", &parts[0].count, err);
    if (status == EG_OK)
        status = eg_source_parameters(source, "encoder", &parts[1].count, err);
    for (uint32_t i = 0; i < source->output_count; i++) {
        const eg_standing *standing = &source->output_standings[i];
        if (standing->available && standing->parameters)
            parts[count++] = part_of_output(outputs->items[i], standing->parameters);
    }
    put_parts(parts, count, out);
    eg_free(parts);
    return status;
}

/* --- pooling, heads --------------------------------------------------------------------- */

/* ,"pooling_layers":[-2,-1],"pooling_join":"mean" */
static void
put_layers(const eg_pooling *pooling, eg_strbuf *out)
{
    eg_strbuf_puts(out, ",\"pooling_layers\":[");
    for (uint32_t i = 0; i < pooling->layer_count; i++)
        eg_strbuf_printf(out, "%s%" PRId64, i ? "," : "", pooling->layers[i]);
    eg_strbuf_printf(out, "],\"pooling_join\":\"%s\"", pooling->mean_of_layers ? "mean" : "concat");
}

/* ,"pooling_tokens":{"begin":1,"end":-1} */
static void
put_span(const eg_pooling *pooling, eg_strbuf *out)
{
    eg_strbuf_puts(out, ",\"pooling_tokens\":{");
    for (uint32_t i = 0; i < pooling->span_count; i++)
        eg_strbuf_printf(out, "%s\"%s\":%" PRId64, i ? "," : "", pooling->span[i].name, pooling->span[i].integer);
    eg_strbuf_putc(out, '}');
}

static void
put_pooling(const eg_source *source, eg_strbuf *out)
{
    const eg_pooling *pooling = source->instance.has_pooling ? &source->instance.pooling : NULL;
    for (size_t i = 0; !pooling && i < source->pipeline.stages.count; i++) {
        if (source->pipeline.stages.items[i].kind == EG_STAGE_POOLING)
            pooling = &source->pipeline.stages.items[i].pooling;
    }
    bool splade = source->pipeline.stages.count && source->pipeline.stages.items[0].kind == EG_STAGE_SPLADE;
    eg_strbuf_putc(out, '[');
    if (!pooling && splade)
        put_string(out, "splade");
    else if (!pooling)
        put_string(out, eg_pool_name(EG_POOL_MEAN));
    else if (pooling->steps)
        put_string(out, "steps");
    for (uint32_t i = 0; pooling && i < pooling->count; i++) {
        if (i)
            eg_strbuf_putc(out, ',');
        put_string(out, eg_pool_name(pooling->modes[i]));
    }
    eg_strbuf_putc(out, ']');
    if (pooling && pooling->layer_count)
        put_layers(pooling, out);
    if (pooling && pooling->span_count)
        put_span(pooling, out);
}

static void
put_labels(const eg_head_info *info, eg_strbuf *out)
{
    if (!info->label_count)
        return;
    eg_strbuf_puts(out, ",\"labels\":[");
    for (uint32_t i = 0; i < info->label_count; i++) {
        if (i)
            eg_strbuf_putc(out, ',');
        put_string(out, info->labels[i]);
    }
    eg_strbuf_putc(out, ']');
}

static void
put_output_names(const eg_head *head, eg_strbuf *out)
{
    const eg_yaml *outputs = eg_yaml_get(head->node, "outputs");
    eg_strbuf_puts(out, ",\"outputs\":[");
    for (size_t i = 0; outputs && i < outputs->count; i++) {
        if (i)
            eg_strbuf_putc(out, ',');
        put_string(out, outputs->type == EG_YAML_MAP ? outputs->items[i]->key : outputs->items[i]->text);
    }
    eg_strbuf_putc(out, ']');
}

static void
put_head(const eg_source *source, uint32_t i, eg_strbuf *out)
{
    const eg_head_info *info = &source->head_infos[i];
    bool is_default = source->recipe.head && strcmp(source->recipe.head, info->name) == 0;
    eg_strbuf_puts(out, "{\"name\":");
    put_string(out, info->name);
    eg_strbuf_puts(out, ",\"task\":");
    put_string(out, info->task);
    eg_strbuf_printf(out, ",\"default\":%s,\"parameters\":%" PRId64, is_default ? "true" : "false",
                     source->head_standings[i].parameters);
    put_output_names(&source->heads[i], out);
    put_labels(info, out);
    if (info->label_count && info->problem_type) {
        eg_strbuf_puts(out, ",\"problem_type\":");
        put_string(out, info->problem_type);
    }
    eg_strbuf_putc(out, '}');
}

/* A head that the family has and the checkpoint lacks. */
static void
put_missing_head(const eg_head_info *info, eg_strbuf *out)
{
    eg_strbuf_puts(out, "{\"name\":");
    put_string(out, info->name);
    eg_strbuf_puts(out, ",\"task\":");
    put_string(out, info->task);
    eg_strbuf_puts(out, ",\"why\":");
    put_string(out, info->why_not);
    eg_strbuf_putc(out, '}');
}

static void
put_heads(const eg_source *source, bool available, eg_strbuf *out)
{
    bool first = true;
    eg_strbuf_putc(out, '[');
    for (uint32_t i = 0; i < source->head_count; i++) {
        if (source->head_infos[i].available != available)
            continue;
        if (!first)
            eg_strbuf_putc(out, ',');
        first = false;
        if (available)
            put_head(source, i, out);
        else
            put_missing_head(&source->head_infos[i], out);
    }
    eg_strbuf_putc(out, ']');
}

static void
put_warnings(const eg_source *source, eg_strbuf *out)
{
    eg_strbuf_putc(out, '[');
    for (size_t i = 0; i < source->warnings.count; i++) {
        if (i)
            eg_strbuf_putc(out, ',');
        put_string(out, source->warnings.items[i]);
    }
    eg_strbuf_putc(out, ']');
}

eg_status
eg_source_inspect(const eg_source *source, eg_strbuf *out, eg_error *err)
{
    put_key(out, "family");
    put_string(out, source->family.name);
    eg_strbuf_puts(out, ",\"checkpoint\":");
    put_string(out, source->pipeline.transformer);
    eg_strbuf_puts(out, ",\"dtype\":");
    put_string(out, storage_dtype(source));
    eg_strbuf_puts(out, ",\"config\":{");
    eg_config_write(&source->config, out);
    eg_strbuf_puts(out, "},\"parameters\":");
    EG_TRY(put_parameters(source, out, err));
    eg_strbuf_puts(out, ",\"pooling\":");
    put_pooling(source, out);
    eg_strbuf_putc(out, ',');
    EG_TRY(eg_source_write_value_names(source, out, err));
    eg_strbuf_puts(out, ",\"heads\":");
    put_heads(source, true, out);
    eg_strbuf_puts(out, ",\"missing_heads\":");
    put_heads(source, false, out);
    eg_strbuf_puts(out, ",\"warnings\":");
    put_warnings(source, out);
    return out->failed ? eg_fail_nomem(err, "the description") : EG_OK;
}
