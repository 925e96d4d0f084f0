/* SPDX-License-Identifier: Apache-2.0 */
/* The heads of a model: the family's, with those of an instance put over them, beside them, or in their place. */
#include <string.h>

#include "frontend/source/model.h"

static const eg_yaml *
family_head(const eg_source *source, const char *name)
{
    return eg_yaml_get(eg_yaml_get(source->family.root, "heads"), name);
}

/* --- what a head leaves unsaid ------------------------------------------------------------------- */

/* `labels:` alone under the name of a family's head leaves its steps and outputs as they are. */
static eg_status
fill_from_family(eg_source *source, const eg_yaml **node, eg_error *err)
{
    const eg_yaml *own = *node, *heads = eg_yaml_get(source->family.root, "heads");
    if (eg_yaml_get(own, "steps") || eg_yaml_get(own, "outputs"))
        return EG_OK;
    if (family_head(source, own->key))
        return eg_yaml_merge(&source->arena, family_head(source, own->key), own, node, err);
    eg_status status = eg_yaml_fail_key(
        own, err, "the head '%s' has neither steps nor outputs, and the family '%s' no head of that name", own->key,
        source->family.name);
    const char **names = eg_arena_calloc(&source->arena, heads ? heads->count + 1 : 1, sizeof *names);
    for (size_t i = 0; names && heads && i < heads->count; i++)
        names[i] = heads->items[i]->key;
    const char *near = names && heads ? eg_nearest(own->key, names, heads->count) : NULL;
    return near ? eg_hint(err, status, "did you mean '%s'?", near) : status;
}

static eg_yaml *
new_node(eg_arena *arena, const eg_yaml *like, eg_yaml_type type, size_t count)
{
    eg_yaml *node = eg_arena_calloc(arena, 1, sizeof *node);
    if (!node)
        return NULL;
    *node = (eg_yaml){.type = type, .file = like->file, .line = like->line, .column = like->column, .text = ""};
    node->key_line = like->key_line;
    node->key_column = like->key_column;
    node->items = eg_arena_calloc(arena, count + 1, sizeof *node->items);
    return node->items ? node : NULL;
}

/* A head without `outputs` has what its task reads. */
static eg_status
fill_outputs(eg_source *source, const eg_yaml **node, eg_error *err)
{
    const char *task = eg_yaml_get(*node, "task")->text;
    if (eg_yaml_get(*node, "outputs") || strcmp(task, "none") == 0)
        return EG_OK;
    bool spans = strcmp(task, "qa") == 0;
    const char *const names[] = {spans ? "start_logits" : "logits", "end_logits"};
    eg_yaml *map = new_node(&source->arena, *node, EG_YAML_MAP, (*node)->count + 1);
    eg_yaml *list = new_node(&source->arena, *node, EG_YAML_LIST, 2);
    if (!map || !list)
        return eg_fail_nomem(err, "the heads");
    for (size_t i = 0; i < (spans ? 2u : 1u); i++) {
        eg_yaml *name = new_node(&source->arena, *node, EG_YAML_STRING, 0);
        if (!name)
            return eg_fail_nomem(err, "the heads");
        name->text = names[i];
        name->length = strlen(names[i]);
        list->items[list->count++] = name;
    }
    list->key = "outputs";
    map->key = (*node)->key;
    for (; map->count < (*node)->count; map->count++)
        map->items[map->count] = (*node)->items[map->count];
    map->items[map->count++] = list;
    *node = map;
    return EG_OK;
}

/* --- weights of its own -------------------------------------------------------------------------- */

/* Heads that name one file share it. */
static eg_status
open_weights(eg_source *source, const eg_yaml *file, const eg_weights **out, eg_error *err)
{
    const char *text;
    EG_TRY(eg_yaml_as_string(file, &text, err));
    const char *path = eg_instance_path(&source->instance, &source->arena, text);
    if (!path)
        return eg_fail_nomem(err, "a path");
    for (uint32_t i = 0; i < source->head_weight_count; i++) {
        *out = &source->head_weights[i];
        if ((*out)->files.count && strcmp((*out)->files.items[0].path, path) == 0)
            return EG_OK;
    }
    if (!eg_file_exists(path))
        return eg_yaml_fail(file, err, "there is no file %s", path);
    eg_weights *weights = &source->head_weights[source->head_weight_count++];
    *out = weights;
    return eg_weights_open_file(path, weights, err);
}

/* --- all of them --------------------------------------------------------------------------------- */

static eg_status
add_head(eg_source *source, const eg_yaml *node, bool from_instance, eg_error *err)
{
    const eg_yaml *file = from_instance ? eg_yaml_get(node, "weights") : NULL;
    const eg_yaml *prefix = from_instance ? eg_yaml_get(node, "prefix") : NULL;
    eg_head head = {.name = node->key, .prefix = "", .required = from_instance};
    if (from_instance)
        EG_TRY(fill_from_family(source, &node, err));
    EG_TRY(fill_outputs(source, &node, err));
    head.node = node;
    if (prefix)
        EG_TRY(eg_yaml_as_string(prefix, &head.prefix, err));
    if (file)
        EG_TRY(open_weights(source, file, &head.weights, err));
    source->heads[source->head_count++] = head;
    return EG_OK;
}

/* A family's head that an instance replaces or removes: its tensors are still its, and known. */
static eg_status
add_hidden(eg_source *source, const eg_yaml *node, eg_error *err)
{
    eg_head *head = &source->hidden_heads[source->hidden_head_count++];
    *head = (eg_head){.name = eg_arena_printf(&source->arena, "family:%s", node->key), .node = node, .prefix = ""};
    return head->name ? EG_OK : eg_fail_nomem(err, "the heads");
}

static eg_status
reserve(eg_source *source, size_t own, size_t more, eg_error *err)
{
    source->heads = eg_arena_calloc(&source->arena, own + more + 2, sizeof *source->heads);
    source->hidden_heads = eg_arena_calloc(&source->arena, own + 1, sizeof *source->hidden_heads);
    source->head_weights = eg_arena_calloc(&source->arena, more + 1, sizeof *source->head_weights);
    return source->heads && source->hidden_heads && source->head_weights ? EG_OK : eg_fail_nomem(err, "the heads");
}

/* `NAME: null` removes a head that there is. */
static eg_status
check_removal(const eg_source *source, const eg_yaml *node, eg_error *err)
{
    if (family_head(source, node->key))
        return EG_OK;
    return eg_yaml_fail_key(node, err, "the family '%s' has no head '%s' that null could remove", source->family.name,
                            node->key);
}

/* The head that SpladePooling makes, unless the instance has one of its name. */
static eg_status
add_pipeline_head(eg_source *source, eg_error *err)
{
    const eg_yaml *node;
    EG_TRY(eg_pipeline_sparse_head(&source->pipeline, eg_yaml_get(source->family.root, "heads"), &source->arena, &node,
                                   err));
    return node && !eg_yaml_get(source->instance.heads, node->key) ? add_head(source, node, true, err) : EG_OK;
}

eg_status
eg_source_collect_heads(eg_source *source, eg_error *err)
{
    const eg_yaml *own = eg_yaml_get(source->family.root, "heads"), *more = source->instance.heads;
    size_t more_count = more && more->type == EG_YAML_MAP ? more->count : 0;
    EG_TRY(reserve(source, own ? own->count : 0, more_count, err));
    for (size_t i = 0; own && i < own->count; i++) {
        bool hidden = more_count && eg_yaml_get(more, own->items[i]->key);
        EG_TRY(hidden ? add_hidden(source, own->items[i], err) : add_head(source, own->items[i], false, err));
    }
    for (size_t i = 0; i < more_count; i++) {
        bool removes = more->items[i]->type == EG_YAML_NULL;
        EG_TRY(removes ? check_removal(source, more->items[i], err) : add_head(source, more->items[i], true, err));
    }
    return add_pipeline_head(source, err);
}
