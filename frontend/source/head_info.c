/* SPDX-License-Identifier: Apache-2.0 */
/* Heads as tasks see them: labels, problem type, and the activation that a cross encoder's files name. */
#include <inttypes.h>
#include <string.h>

#include "frontend/source/model.h"

static bool
has_labels(const eg_head *head)
{
    const char *task = eg_yaml_get(head->node, "task")->text;
    return strcmp(task, "classify") == 0 || strcmp(task, "ner") == 0;
}

/* --- how many values a head gives ---------------------------------------------------------------- */

/* What tasks read: "logits", else the first output that the head lists. */
static const char *
task_output(const eg_head *head)
{
    const eg_yaml *outputs = eg_yaml_get(head->node, "outputs");
    const char *first = "logits";
    for (size_t i = 0; outputs && i < outputs->count; i++) {
        const char *name = outputs->type == EG_YAML_MAP ? outputs->items[i]->key : outputs->items[i]->text;
        if (strcmp(name, "logits") == 0)
            return name;
        if (i == 0)
            first = name;
    }
    return first;
}

/* What a task reads of a head. */
static const struct {
    const char *task;
    eg_kind kind;
    int64_t width; /* 0: any */
    const char *output, *output2;
} readings[] = {
    {"classify", EG_TEXT, 0, NULL, NULL},   {"ner", EG_TOKEN, 0, NULL, NULL},
    {"fill_mask", EG_TOKEN, 0, NULL, NULL}, {"nsp", EG_TEXT, 2, NULL, NULL},
    {"choose", EG_TEXT, 1, NULL, NULL},     {"rerank", EG_TEXT, 0, NULL, NULL},
    {"sparse", EG_TEXT, 0, NULL, NULL},     {"qa", EG_TOKEN, 1, "start_logits", "end_logits"},
};

static eg_status
measure_output(eg_expand *x, const eg_head *head, const char *output, eg_kind kind, int64_t want, int64_t *width,
               eg_error *err)
{
    const char *task = eg_yaml_get(head->node, "task")->text;
    const char *name = eg_arena_printf(x->arena, "%s.%s", head->name, output);
    eg_value_id value;
    bool found;
    if (!name)
        return eg_fail_nomem(err, "a head");
    EG_TRY(eg_expand_find(x, name, &value, &found, err));
    if (!found)
        return eg_yaml_fail_key(head->node, err, "the task '%s' reads '%s', which the head '%s' does not give", task,
                                output, head->name);
    const eg_type *type = &eg_graph_value(x->graph, value)->type;
    if (type->kind != kind)
        return eg_yaml_fail_key(head->node, err, "the task '%s' takes %s rows, and '%s' of the head '%s' is %s rows",
                                task, eg_kind_text(kind), output, head->name, eg_kind_text(type->kind));
    if (!eg_type_width(type, width))
        *width = 1; /* one number per row, without an axis of its own */
    if (want && *width != want)
        return eg_yaml_fail_key(
            head->node, err, "the task '%s' takes rows of %" PRId64 ", and '%s' of the head '%s' is %" PRId64 " wide",
            task, want, output, head->name, *width);
    return EG_OK;
}

eg_status
eg_head_measure(eg_expand *x, const eg_head *head, int64_t *out, eg_error *err)
{
    const char *task = eg_yaml_get(head->node, "task")->text;
    *out = 0;
    for (size_t i = 0; i < sizeof readings / sizeof *readings; i++) {
        if (strcmp(task, readings[i].task) != 0)
            continue;
        const char *output = readings[i].output ? readings[i].output : task_output(head);
        EG_TRY(measure_output(x, head, output, readings[i].kind, readings[i].width, out, err));
        if (readings[i].output2)
            EG_TRY(measure_output(x, head, readings[i].output2, readings[i].kind, readings[i].width, out, err));
    }
    return EG_OK;
}

/* --- labels -------------------------------------------------------------------------------------- */

static eg_status
own_labels(eg_source *source, const eg_head *head, const eg_yaml *labels, int64_t width, eg_head_info *info,
           eg_error *err)
{
    const char **names = eg_arena_calloc(&source->arena, labels->count + 1, sizeof *names);
    if (!names)
        return eg_fail_nomem(err, "the labels");
    for (size_t i = 0; i < labels->count; i++)
        names[i] = labels->items[i]->text;
    info->labels = names;
    info->label_count = (uint32_t)labels->count;
    if (!width || (size_t)width == labels->count)
        return EG_OK;
    return eg_yaml_fail_key(labels, err, "the head '%s' has %zu label%s, and its '%s' is %" PRId64 " wide", head->name,
                            labels->count, labels->count == 1 ? "" : "s", task_output(head), width);
}

static eg_status
numbered_labels(eg_source *source, int64_t count, eg_head_info *info, eg_error *err)
{
    const char **names = eg_arena_calloc(&source->arena, (size_t)count + 1, sizeof *names);
    bool made = names != NULL;
    for (int64_t i = 0; made && i < count; i++)
        made = (names[i] = eg_arena_printf(&source->arena, "LABEL_%" PRId64, i)) != NULL;
    if (!made)
        return eg_fail_nomem(err, "the labels");
    info->labels = names;
    info->label_count = (uint32_t)count;
    return EG_OK;
}

/* id2label speaks of the family's heads and of what replaces them; a head of another name may be of another size. */
static eg_status
other_size(eg_source *source, const eg_head *head, int64_t width, eg_error *err)
{
    const eg_json *json = eg_json_get(source->config.root, "id2label");
    if (!eg_yaml_get(eg_yaml_get(source->family.root, "heads"), head->name)) {
        const char *line = eg_arena_printf(&source->arena,
                                           "id2label has %" PRId64 " labels and the head '%s' gives %" PRId64
                                           ": its labels are LABEL_0, …; `labels:` under the head names them",
                                           source->config.num_labels, head->name, width);
        return line && EG_PUSH(&source->warnings, line) ? EG_OK : eg_fail_nomem(err, "the warnings");
    }
    eg_status status =
        eg_fail_at(err, EG_E_INPUT, source->config.file, json ? json->key_line : 0, json ? json->key_column : 0,
                   "id2label has %" PRId64 " labels, and '%s' of the head '%s' is %" PRId64 " wide",
                   source->config.num_labels, task_output(head), head->name, width);
    return eg_hint(err, status, "an instance file may give the head its own `labels:`");
}

static eg_status
find_labels(eg_source *source, const eg_head *head, int64_t width, eg_head_info *info, eg_error *err)
{
    const eg_yaml *own = eg_yaml_get(head->node, "labels");
    const eg_config *config = &source->config;
    if (own)
        return own_labels(source, head, own, width, info, err);
    if (!width)
        width = config->num_labels;
    if (config->labels && width == config->num_labels) {
        info->labels = config->labels;
        info->label_count = (uint32_t)config->num_labels;
        return EG_OK;
    }
    if (config->labels)
        EG_TRY(other_size(source, head, width, err));
    return numbered_labels(source, width, info, err);
}

/* --- all heads ----------------------------------------------------------------------------------- */

static eg_status
describe_head(eg_source *source, uint32_t i, eg_error *err)
{
    const eg_head *head = &source->heads[i];
    const eg_standing *standing = &source->head_standings[i];
    const eg_yaml *problem = eg_yaml_get(head->node, "problem_type");
    eg_head_info *info = &source->head_infos[i];
    *info = (eg_head_info){.name = head->name,
                           .task = eg_yaml_get(head->node, "task")->text,
                           .problem_type = problem ? problem->text : source->config.problem_type,
                           .available = standing->available,
                           .why_not = standing->why_not,
                           .output = task_output(head)};
    return has_labels(head) ? find_labels(source, head, standing->width, info, err) : EG_OK;
}

eg_status
eg_source_describe_heads(eg_source *source, eg_error *err)
{
    source->head_infos = eg_arena_calloc(&source->arena, source->head_count + 1, sizeof *source->head_infos);
    if (!source->head_infos)
        return eg_fail_nomem(err, "the heads");
    for (uint32_t i = 0; i < source->head_count; i++)
        EG_TRY(describe_head(source, i, err));
    return EG_OK;
}

uint32_t
eg_source_head_count(const eg_source *source)
{
    return source->head_count;
}

void
eg_source_head(const eg_source *source, uint32_t i, eg_head_info *out)
{
    *out = source->head_infos[i];
}

/* --- the activation of a cross encoder ----------------------------------------------------------- */

static eg_status
string_member(const eg_source *source, const eg_json *object, const char *key, const char **out, eg_error *err)
{
    const eg_json *value = eg_json_get(object, key);
    if (!value || value->type == EG_JSON_NULL)
        return EG_OK;
    if (value->type != EG_JSON_STRING)
        return eg_json_wrong_type(value, source->config.file, "a string", err);
    *out = value->string;
    return EG_OK;
}

eg_status
eg_source_read_activation(eg_source *source, eg_error *err)
{
    const eg_json *newer = eg_json_get(source->config_json, "sentence_transformers");
    const char *name = source->pipeline.activation;
    if (newer && newer->type != EG_JSON_NULL && newer->type != EG_JSON_OBJECT)
        return eg_json_wrong_type(newer, source->config.file, "an object", err);
    if (!name)
        EG_TRY(string_member(source, newer, "activation_fn", &name, err));
    if (!name)
        EG_TRY(string_member(source, source->config_json, "sbert_ce_default_activation_function", &name, err));
    const char *dot = name ? strrchr(name, '.') : NULL;
    source->activation = dot ? dot + 1 : name;
    return EG_OK;
}
