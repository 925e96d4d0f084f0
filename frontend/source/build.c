/* SPDX-License-Identifier: Apache-2.0 */
/* The graph with the outputs that were asked for. */
#include <stdio.h>
#include <string.h>

#include "frontend/source/model.h"

typedef struct build {
    const eg_source *source;
    const eg_build_options *options;
    eg_expand x;
    eg_model_graph *out;
    eg_value_id embedding; /* 0: nobody has asked for it yet */
    eg_arena arena;        /* of the expansion */
} build;

static eg_status
set_values(build *b, eg_output *output, const eg_value_id *values, size_t count, eg_error *err)
{
    eg_value_id *copy = eg_arena_calloc(&b->out->graph.arena, count + 1, sizeof *copy);
    if (!copy)
        return eg_fail_nomem(err, "the outputs");
    for (size_t i = 0; i < count; i++) {
        copy[i] = values[i];
        EG_TRY(eg_graph_add_output(&b->out->graph, values[i], err));
    }
    output->values = copy;
    output->value_count = (uint32_t)count;
    return EG_OK;
}

static eg_status
embedding_output(build *b, eg_value_id *out, eg_error *err)
{
    const eg_instance *instance = &b->source->instance;
    eg_pooling pooling;
    *out = b->embedding;
    if (b->embedding)
        return EG_OK;
    eg_embedding_options options = {.pooling = instance->has_pooling ? &instance->pooling : NULL,
                                    .normalize =
                                        b->options->normalize >= 0 ? b->options->normalize : instance->normalize,
                                    .truncate_dim = b->options->truncate_dim};
    if (b->options->pooling) {
        EG_TRY(eg_pooling_parse(b->options->pooling, &pooling, err));
        options.pooling = &pooling;
    }
    EG_TRY(eg_emit_embedding(&b->x, &b->source->pipeline, &options, out, err));
    b->embedding = *out;
    return EG_OK;
}

/* --- names --------------------------------------------------------------------------------------- */

static bool
is_listed(const eg_yaml *outputs, const char *name)
{
    for (size_t i = 0; outputs && i < outputs->count; i++) {
        const char *known = outputs->type == EG_YAML_MAP ? outputs->items[i]->key : outputs->items[i]->text;
        if (strcmp(known, name) == 0)
            return true;
    }
    return false;
}

/* NAME, or NAME.i of one layer. */
static bool
is_stack(const char *name)
{
    static const char *const stacks[] = {"hidden_states", "attentions"};
    for (size_t i = 0; i < 2; i++) {
        size_t n = strlen(stacks[i]);
        if (strncmp(name, stacks[i], n) == 0 && (name[n] == '\0' || name[n] == '.'))
            return true;
    }
    return false;
}

bool
eg_source_is_output(const eg_source *source, const char *name)
{
    if (strcmp(name, "embedding") == 0 || strcmp(name, "last_hidden_state") == 0 || is_stack(name))
        return true;
    for (uint32_t i = 0; i < source->output_count; i++) {
        if (strcmp(source->output_standings[i].name, name) == 0)
            return true;
    }
    for (uint32_t i = 0; i < source->head_count; i++) {
        const eg_head *head = &source->heads[i];
        size_t n = strlen(head->name);
        bool prefixed = strncmp(name, head->name, n) == 0 && name[n] == '.';
        if (is_listed(eg_yaml_get(head->node, "outputs"), prefixed ? name + n + 1 : name))
            return true;
    }
    return false;
}

/* `logits` without a head that it could belong to. */
static eg_status
which_head(build *b, const char *name, bool *known, eg_error *err)
{
    eg_strbuf heads = {0};
    uint32_t count = 0;
    for (uint32_t i = 0; i < b->source->head_count; i++) {
        bool has = is_listed(eg_yaml_get(b->source->heads[i].node, "outputs"), name);
        if (has && b->source->head_standings[i].available)
            eg_strbuf_printf(&heads, "%s%s", count++ ? ", " : "", b->source->heads[i].name);
        *known |= has;
    }
    eg_status status = EG_OK;
    if (*known && b->source->recipe.head)
        status = eg_fail(err, EG_E_USAGE, "the head '%s' has no output '%s'", b->source->recipe.head, name);
    else if (*known)
        status = eg_fail(err, EG_E_USAGE, "'%s' is an output of a head, and %s", name,
                         count ? "config.json does not say which" : "the checkpoint has none that gives it");
    if (*known && count)
        status = eg_hint(err, status, "name one with --head: %s", heads.data);
    eg_strbuf_finish(&heads);
    return status;
}

static eg_status
unknown_output(build *b, const char *name, eg_error *err)
{
    bool known = false;
    EG_TRY(which_head(b, name, &known, err));
    EG_VEC(const char *) names = {0};
    static const char *const stacks[] = {"embedding", "hidden_states", "attentions"};
    bool pushed = true;
    for (size_t i = 0; i < 3 && pushed; i++)
        pushed = EG_PUSH(&names, stacks[i]);
    for (size_t i = 0; i < b->x.value_names.count && pushed; i++)
        pushed = EG_PUSH(&names, b->x.value_names.items[i]);
    for (uint32_t i = 0; i < b->source->output_count && pushed; i++)
        pushed = EG_PUSH(&names, b->source->output_standings[i].name);
    for (size_t i = 0; i < b->out->graph.order.count && pushed; i++)
        pushed = EG_PUSH(&names, eg_graph_node(&b->out->graph, b->out->graph.order.items[i])->name);
    const eg_head *head = b->source->recipe.head ? eg_recipe_head(&b->source->recipe, b->source->recipe.head) : NULL;
    const eg_yaml *outputs = head ? eg_yaml_get(head->node, "outputs") : NULL;
    for (size_t i = 0; outputs && i < outputs->count && pushed; i++)
        pushed = EG_PUSH(&names, outputs->type == EG_YAML_MAP ? outputs->items[i]->key : outputs->items[i]->text);
    const char *near = eg_nearest(name, names.items, names.count);
    eg_status status = eg_fail(err, EG_E_USAGE, "there is no output '%s'", name);
    if (near)
        status = eg_hint(err, status, "did you mean '%s'?", near);
    else
        status = eg_hint(err, status, "`egbert inspect` lists the outputs");
    eg_free(names.items);
    return status;
}

/* An output of the head in use, which needs no "HEAD." before it. */
static eg_status
find_in_head(build *b, const char *name, eg_value_id *value, bool *found, eg_error *err)
{
    const char *head_name = b->source->recipe.head;
    const eg_head *head = head_name ? eg_recipe_head(&b->source->recipe, head_name) : NULL;
    if (!head || !is_listed(eg_yaml_get(head->node, "outputs"), name))
        return EG_OK;
    const char *full = eg_arena_printf(&b->arena, "%s.%s", head_name, name);
    return full ? eg_expand_find(&b->x, full, value, found, err) : eg_fail_nomem(err, "the outputs");
}

/* HEAD.NAME of a head that is known and not there. */
static eg_status
refuse_absent_head(const build *b, const char *name, eg_error *err)
{
    for (uint32_t i = 0; i < b->source->head_count; i++) {
        const eg_head *head = &b->source->heads[i];
        size_t n = strlen(head->name);
        bool of_head = strncmp(name, head->name, n) == 0 && name[n] == '.';
        if (of_head && !b->source->head_standings[i].available)
            return eg_source_refuse_head(b->source, head, err);
    }
    return EG_OK;
}

/* Whether NAME is "OUTPUT.…" or "embedding.…": a value on the way to it. */
static bool
is_inside(const char *name, const char *output)
{
    size_t n = strlen(output);
    return strncmp(name, output, n) == 0 && name[n] == '.';
}

/*
 * Values that no step names have names all the same, which --dump-ir and `inspect` show: "encoder.0.matmul.8". Those of
 * an output are there once it is expanded; a head's are already, since its name stands before theirs.
 */
static eg_status
find_unnamed(build *b, const char *name, eg_value_id *value, bool *found, eg_error *err)
{
    if (is_inside(name, "embedding"))
        EG_TRY(embedding_output(b, value, err));
    for (uint32_t i = 0; i < b->source->output_count; i++) {
        const eg_standing *standing = &b->source->output_standings[i];
        if (standing->available && is_inside(name, standing->name))
            EG_TRY(eg_expand_output(&b->x, standing->name, err));
    }
    *value = eg_graph_find(&b->out->graph, name);
    *found = *value != 0;
    return EG_OK;
}

static eg_status
resolve(build *b, eg_output *output, eg_error *err)
{
    const char *name = output->name;
    if (strcmp(name, "hidden_states") == 0 && b->x.hidden.count) {
        output->stacked = true;
        return set_values(b, output, b->x.hidden.items, b->x.hidden.count, err);
    }
    if (strcmp(name, "attentions") == 0 && b->x.attentions.count) {
        output->stacked = true;
        return set_values(b, output, b->x.attentions.items, b->x.attentions.count, err);
    }
    eg_value_id value = 0;
    bool found = false;
    if (strcmp(name, "embedding") == 0) {
        EG_TRY(embedding_output(b, &value, err));
        found = true;
    }
    EG_TRY(refuse_absent_head(b, name, err));
    if (!found)
        EG_TRY(find_in_head(b, name, &value, &found, err));
    if (!found)
        EG_TRY(eg_expand_find(&b->x, name, &value, &found, err));
    if (!found)
        EG_TRY(find_unnamed(b, name, &value, &found, err));
    return found ? set_values(b, output, &value, 1, err) : unknown_output(b, name, err);
}

static eg_status
run(build *b, eg_error *err)
{
    eg_graph *graph = &b->out->graph;
    EG_TRY(eg_expand_init(&b->x, &b->source->recipe, graph, &b->arena, err));
    b->x.type_ids_fed = b->options->type_ids_fed;
    if (b->options->tweak)
        b->x.tweak = *b->options->tweak;
    EG_TRY(eg_expand_base(&b->x, err));
    b->out->outputs = eg_arena_calloc(&graph->arena, b->options->output_count + 1, sizeof *b->out->outputs);
    if (!b->out->outputs)
        return eg_fail_nomem(err, "the outputs");
    for (uint32_t i = 0; i < b->options->output_count; i++) {
        eg_output *output = &b->out->outputs[i];
        output->name = eg_arena_strdup(&graph->arena, b->options->outputs[i]);
        if (!output->name)
            return eg_fail_nomem(err, "the outputs");
        EG_TRY(resolve(b, output, err));
        b->out->output_count++;
    }
    return eg_graph_verify(graph, err);
}

eg_status
eg_source_build(const eg_source *source, const eg_build_options *options, eg_model_graph *out, eg_error *err)
{
    build b = {.source = source, .options = options, .out = out};
    *out = (eg_model_graph){0};
    EG_TRY(eg_graph_init(&out->graph, source->family.name, err));
    eg_status status = run(&b, err);
    eg_expand_finish(&b.x);
    eg_arena_finish(&b.arena);
    if (status != EG_OK) {
        status = eg_family_note_extends(&source->family, status, err);
        eg_model_graph_finish(out);
    }
    return status;
}

void
eg_model_graph_finish(eg_model_graph *graph)
{
    eg_graph_finish(&graph->graph);
    *graph = (eg_model_graph){0};
}
