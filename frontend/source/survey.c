/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a source has, found by expanding its family twice into graphs that are thrown away: once without weights, to
 * learn every tensor that any section names, then with them, to learn what is there.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "frontend/source/model.h"

static const eg_yaml *
outputs_of(const eg_source *source)
{
    return eg_yaml_get(source->family.root, "outputs");
}

/* --- without weights: the names ------------------------------------------------------------------ */

/* A head that the family cannot give for this config is not there, and the reason said; only memory is one to stop. */
static eg_status
survey_head(eg_source *source, eg_expand *x, const eg_head *head, eg_error *err)
{
    eg_error own;
    char why[1600];
    eg_error_init(&own);
    eg_status status = eg_expand_head(x, head, &own);
    if (status == EG_OK)
        return EG_OK;
    if (status == EG_E_NOMEM)
        return eg_fail_nomem(err, "a head");
    x->demanded.count = 0;
    status = eg_family_note_extends(&source->family, status, &own);
    eg_error_format(&own, why, sizeof why);
    const char *line = eg_arena_printf(&source->arena, "the head '%s' is left out: %s", head->name, why);
    return line && EG_PUSH(&source->warnings, line) ? EG_OK : eg_fail_nomem(err, "the warnings");
}

/* Only the names of its tensors matter. */
static eg_status
survey_hidden(eg_expand *x, const eg_head *head, eg_error *err)
{
    eg_status status = eg_expand_head(x, head, NULL);
    if (status == EG_OK)
        return EG_OK;
    x->demanded.count = 0;
    return status == EG_E_NOMEM ? eg_fail_nomem(err, "a head") : EG_OK;
}

static eg_status
survey_sections(eg_source *source, eg_expand *x, eg_error *err)
{
    EG_TRY(eg_expand_base(x, err));
    const eg_yaml *outputs = outputs_of(source);
    for (size_t i = 0; outputs && i < outputs->count; i++)
        EG_TRY(eg_expand_output(x, outputs->items[i]->key, err));
    for (uint32_t i = 0; i < source->head_count; i++)
        EG_TRY(survey_head(source, x, &source->heads[i], err));
    for (uint32_t i = 0; i < source->hidden_head_count; i++)
        EG_TRY(survey_hidden(x, &source->hidden_heads[i], err));
    return EG_OK;
}

/* Runs `walk` on an expansion into a graph of its own. survey may be NULL. */
static eg_status
with_expansion(eg_source *source, const eg_recipe *recipe, eg_survey *survey,
               eg_status (*walk)(eg_source *, eg_expand *, eg_error *), eg_error *err)
{
    eg_graph graph;
    eg_expand x;
    EG_TRY(eg_graph_init(&graph, source->family.name, err));
    eg_status status = eg_expand_init(&x, recipe, &graph, &source->arena, err);
    x.survey = survey;
    x.type_ids_fed = true;
    if (status == EG_OK)
        status = walk(source, &x, err);
    eg_expand_finish(&x);
    eg_graph_finish(&graph);
    return status;
}

/* --- the prefix ---------------------------------------------------------------------------------- */

static bool
is_base_section(const char *section)
{
    return strcmp(section, "embeddings") == 0 || strcmp(section, "encoder") == 0;
}

static void
choose_prefix(eg_source *source)
{
    const eg_yaml *list = eg_yaml_get(source->family.root, "prefix");
    size_t best = 0;
    source->recipe.prefix = list && list->count ? list->items[0]->text : "";
    for (size_t i = 0; source->has_weights && list && i < list->count; i++) {
        size_t found = 0;
        for (size_t r = 0; r < source->survey.requests.count; r++) {
            const eg_request *request = &source->survey.requests.items[r];
            found += is_base_section(request->section) && !request->untaken &&
                     eg_request_find(&source->recipe, request, list->items[i]->text) != NULL;
        }
        if (found > best) {
            best = found;
            source->recipe.prefix = list->items[i]->text;
        }
    }
}

/* --- with weights: what is there ----------------------------------------------------------------- */

static eg_status
judge(eg_source *source, eg_expand *x, eg_status status, const eg_error *own, eg_standing *standing, eg_error *err)
{
    standing->available = status == EG_OK;
    if (status == EG_OK)
        return EG_OK;
    if (status == EG_E_NOMEM)
        return eg_fail_nomem(err, "a head");
    char why[1600];
    eg_error_format(own, why, sizeof why);
    standing->why_not = eg_arena_strdup(&source->arena, why);
    x->demanded.count = 0;
    return standing->why_not ? EG_OK : eg_fail_nomem(err, "a head");
}

/* Modules and an instance's pooling must fit the model, whether or not an embedding is asked for. */
static eg_status
judge_modules(eg_source *source, eg_expand *x, eg_error *err)
{
    const eg_instance *instance = &source->instance;
    eg_embedding_options options = {.pooling = instance->has_pooling ? &instance->pooling : NULL, .normalize = -1};
    eg_value_id ignored;
    return eg_emit_embedding(x, &source->pipeline, &options, &ignored, err);
}

static eg_status
judge_sections(eg_source *source, eg_expand *x, eg_error *err)
{
    eg_error own;
    eg_error_init(&own);
    EG_TRY(eg_expand_base(x, err));
    const eg_yaml *outputs = outputs_of(source);
    for (uint32_t i = 0; i < source->output_count; i++) {
        eg_standing *standing = &source->output_standings[i];
        EG_TRY(judge(source, x, eg_expand_output(x, outputs->items[i]->key, &own), &own, standing, err));
        if (!standing->available && !standing->optional) {
            if (err)
                *err = own;
            return own.code;
        }
        eg_value_id ignored;
        bool made = false;
        if (standing->available)
            EG_TRY(eg_expand_find(x, standing->name, &ignored, &made, err));
        standing->available = made;
    }
    for (uint32_t i = 0; i < source->head_count; i++) {
        const eg_head *head = &source->heads[i];
        eg_standing *standing = &source->head_standings[i];
        eg_status status = eg_expand_head(x, head, &own);
        if (status == EG_OK)
            status = eg_head_measure(x, head, &standing->width, &own);
        EG_TRY(judge(source, x, status, &own, standing, err));
        if (!standing->available && head->required) {
            if (err)
                *err = own;
            return own.code;
        }
    }
    return judge_modules(source, x, err);
}

/* --- parameters ---------------------------------------------------------------------------------- */

static int
by_tensor(const void *a, const void *b)
{
    const eg_request *x = *(const eg_request *const *)a, *y = *(const eg_request *const *)b;
    int order = strcmp(x->names[0], y->names[0]);
    return order ? order : (int)x->origins[0] - (int)y->origins[0];
}

/* A head's tied tensor is the base's. */
static bool
is_tied(const eg_source *source, const eg_request *request)
{
    for (uint32_t i = 0; request->head && i < request->name_count; i++) {
        eg_request before = *request;
        before.name_count = i;
        if (request->origins[i] == EG_FROM_BASE)
            return i == 0 || !eg_request_find(&source->recipe, &before, source->recipe.prefix);
    }
    return false;
}

/* The elements of the tensors that a section names, each once. */
eg_status
eg_source_parameters(const eg_source *source, const char *section, int64_t *out, eg_error *err)
{
    size_t total = source->survey.requests.count, count = 0;
    const eg_request **mine = eg_calloc(total + 1, sizeof *mine);
    *out = 0;
    if (!mine)
        return eg_fail_nomem(err, "the parameters");
    for (size_t i = 0; i < total; i++) {
        const eg_request *request = &source->survey.requests.items[i];
        if (!request->untaken && strcmp(request->section, section) == 0 && !is_tied(source, request))
            mine[count++] = request;
    }
    if (count)
        qsort(mine, count, sizeof *mine, by_tensor);
    eg_status status = EG_OK;
    for (size_t i = 0; i < count && status == EG_OK; i++) {
        if ((i == 0 || by_tensor(&mine[i - 1], &mine[i]) != 0) && !eg_add_i64(*out, mine[i]->elements, out))
            status = eg_fail_at(err, EG_E_INPUT, source->config.file, 0, 0, "the model has too many parameters");
    }
    eg_free(mine);
    return status;
}

/* --- the default head ---------------------------------------------------------------------------- */

static bool
names(const eg_yaml *list, const char *const *words, size_t count)
{
    for (size_t i = 0; list && list->type == EG_YAML_LIST && i < list->count; i++) {
        for (size_t w = 0; w < count; w++) {
            if (strcmp(list->items[i]->text, words[w]) == 0)
                return true;
        }
    }
    return false;
}

/* Whether head `a` takes outputs from head `b`. */
static bool
borrows(const eg_head *a, const eg_head *b)
{
    const eg_yaml *outputs = eg_yaml_get(a->node, "outputs");
    size_t n = strlen(b->name);
    for (size_t i = 0; outputs && outputs->type == EG_YAML_MAP && i < outputs->count; i++) {
        if (strncmp(outputs->items[i]->text, b->name, n) == 0 && outputs->items[i]->text[n] == '.')
            return true;
    }
    return false;
}

static const eg_tensor *
own_tensor(const eg_source *source, const eg_request *request, const char *section)
{
    if (request->untaken || request->origins[0] == EG_FROM_BASE || strcmp(request->section, section) != 0)
        return NULL;
    return eg_request_find(&source->recipe, request, source->recipe.prefix);
}

/* Whether both heads have a tensor of their own in common. */
static bool
shares_tensor(const eg_source *source, const char *a, const char *b)
{
    const eg_request *requests = source->survey.requests.items;
    for (size_t i = 0; i < source->survey.requests.count; i++) {
        const eg_tensor *mine = own_tensor(source, &requests[i], a);
        for (size_t k = 0; mine && k < source->survey.requests.count; k++) {
            if (own_tensor(source, &requests[k], b) == mine)
                return true;
        }
    }
    return false;
}

/*
 * Beside the head that config.json names stand those that share no tensor with it, or that it takes outputs from. What an
 * instance writes stands whatever it shares.
 */
static void
withdraw_rivals(eg_source *source, const eg_head *chosen)
{
    for (uint32_t i = 0; i < source->head_count; i++) {
        const eg_head *head = &source->heads[i];
        eg_standing *standing = &source->head_standings[i];
        if (head == chosen || head->required || borrows(chosen, head) || !standing->available)
            continue;
        if (!source->has_weights || shares_tensor(source, head->name, chosen->name)) {
            standing->available = false;
            standing->why_not = "its tensors are those of the checkpoint's own head";
        }
    }
}

static const eg_head *
named_by_architectures(const eg_source *source, const eg_head *heads, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (names(eg_yaml_get(heads[i].node, "architectures"), source->config.architectures,
                  source->config.architecture_count))
            return &heads[i];
    }
    return NULL;
}

/* The instance's head in the place of the family's that config.json names; NULL: it removes it. */
static const eg_head *
replacement(const eg_source *source, const eg_head *hidden)
{
    return eg_recipe_head(&source->recipe, hidden->node->key);
}

/* The one head that the tensors allow; one that takes outputs from others stands for them. */
static const eg_head *
only_candidate(const eg_source *source)
{
    const eg_head *only = NULL;
    for (uint32_t i = 0; i < source->head_count; i++) {
        bool candidate = source->head_standings[i].available && source->has_weights;
        for (uint32_t k = 0; k < source->head_count && candidate; k++)
            candidate = !(source->head_standings[k].available && borrows(&source->heads[k], &source->heads[i]));
        if (candidate && only)
            return NULL;
        if (candidate)
            only = &source->heads[i];
    }
    return only;
}

/* "a (classify), b (ner)" of the heads that are there. */
static void
list_available(const eg_source *source, eg_strbuf *out)
{
    for (uint32_t i = 0; i < source->head_count; i++) {
        const char *task = eg_yaml_get(source->heads[i].node, "task")->text;
        if (source->head_standings[i].available)
            eg_strbuf_printf(out, "%s%s (%s)", out->length ? ", " : "", source->heads[i].name, task);
    }
}

eg_status
eg_source_refuse_head(const eg_source *source, const eg_head *head, eg_error *err)
{
    const eg_standing *standing = &source->head_standings[head - source->heads];
    eg_strbuf there = {0};
    list_available(source, &there);
    eg_status status = eg_fail(err, EG_E_USAGE, "the checkpoint has no head '%s': %s", head->name,
                               standing->why_not ? standing->why_not : "");
    status = eg_hint(err, status, there.length ? "it has %s" : "it has no head at all%s",
                     there.length && !there.failed ? there.data : "");
    eg_strbuf_finish(&there);
    return status;
}

static eg_status
refuse_unknown_head(eg_source *source, const char *wanted, eg_error *err)
{
    const char **list = eg_arena_calloc(&source->arena, source->head_count + 1, sizeof *list);
    if (!list)
        return eg_fail_nomem(err, "the heads");
    for (uint32_t i = 0; i < source->head_count; i++)
        list[i] = source->heads[i].name;
    eg_status status = eg_fail(err, EG_E_USAGE, "the family '%s' has no head '%s'", source->family.name, wanted);
    const char *near = eg_nearest(wanted, list, source->head_count);
    return near ? eg_hint(err, status, "did you mean '%s'?", near) : status;
}

static eg_status
choose_head(eg_source *source, const char *wanted, eg_error *err)
{
    const eg_head *hidden = named_by_architectures(source, source->hidden_heads, source->hidden_head_count);
    const eg_head *chosen =
        hidden ? replacement(source, hidden) : named_by_architectures(source, source->heads, source->head_count);
    if (hidden || chosen)
        withdraw_rivals(source, hidden ? hidden : chosen);
    if (!chosen)
        chosen = only_candidate(source);
    source->recipe.head = chosen ? chosen->name : NULL;
    if (!wanted)
        return EG_OK;
    const eg_head *head = eg_recipe_head(&source->recipe, wanted);
    if (!head)
        return refuse_unknown_head(source, wanted, err);
    if (!source->head_standings[head - source->heads].available)
        return eg_source_refuse_head(source, head, err);
    source->recipe.head = head->name;
    return EG_OK;
}

/* --- tensors that nobody asks for ---------------------------------------------------------------- */

/* '*' stands for any text. */
static bool
matches(const char *pattern, const char *text)
{
    const char *star = NULL, *resume = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = pattern++;
            resume = text;
        } else if (*pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star + 1;
            text = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

static bool
is_expected_extra(const eg_source *source, const char *name)
{
    const eg_yaml *list = eg_yaml_get(source->family.root, "ignore_tensors");
    size_t n = strlen(source->recipe.prefix);
    const char *inner = strncmp(name, source->recipe.prefix, n) == 0 ? name + n : name;
    for (size_t i = 0; list && i < list->count; i++) {
        if (matches(list->items[i]->text, name) || matches(list->items[i]->text, inner))
            return true;
    }
    return false;
}

/* Every candidate of every request counts: an untied decoder beside a tied one is known too. */
static void
mark_known(const eg_source *source, const eg_weights *weights, bool *known)
{
    for (size_t i = 0; i < source->survey.requests.count; i++) {
        eg_request one = source->survey.requests.items[i];
        uint32_t count = one.known_count;
        for (uint32_t k = 0; k < count; k++) {
            one.names = source->survey.requests.items[i].names + k;
            one.origins = source->survey.requests.items[i].origins + k;
            one.name_count = 1;
            const eg_tensor *tensor = eg_request_find(&source->recipe, &one, source->recipe.prefix);
            if (tensor && tensor >= weights->tensors.items && tensor < weights->tensors.items + weights->tensors.count)
                known[tensor - weights->tensors.items] = true;
        }
    }
}

static eg_status
warn_of_tensor(eg_source *source, const eg_weights *weights, const char *name, eg_error *err)
{
    bool own = weights == &source->weights;
    const char *line = eg_arena_printf(&source->arena, "nobody asks for the tensor '%s'%s%s", name, own ? "" : " of ",
                                       own ? "" : weights->files.items[0].path);
    return line && EG_PUSH(&source->warnings, line) ? EG_OK : eg_fail_nomem(err, "the warnings");
}

static eg_status
warn_of_unused(eg_source *source, const eg_weights *weights, eg_error *err)
{
    size_t count = weights->tensors.count;
    bool *known = eg_calloc(count + 1, sizeof *known);
    if (!known)
        return eg_fail_nomem(err, "the tensors");
    mark_known(source, weights, known);
    eg_status status = EG_OK;
    for (size_t i = 0; i < count && status == EG_OK; i++) {
        const char *name = weights->tensors.items[i].name;
        bool expected = weights == &source->weights && is_expected_extra(source, name);
        if (!known[i] && !expected)
            status = warn_of_tensor(source, weights, name, err);
    }
    eg_free(known);
    return status;
}

/* --- all of it ----------------------------------------------------------------------------------- */

static eg_status
prepare_standings(eg_source *source, eg_error *err)
{
    const eg_yaml *outputs = outputs_of(source);
    source->output_count = outputs ? (uint32_t)outputs->count : 0;
    source->output_standings = eg_arena_calloc(&source->arena, source->output_count + 1, sizeof(eg_standing));
    source->head_standings = eg_arena_calloc(&source->arena, source->head_count + 1, sizeof(eg_standing));
    if (!source->output_standings || !source->head_standings)
        return eg_fail_nomem(err, "the heads");
    for (uint32_t i = 0; i < source->output_count; i++) {
        const eg_yaml *optional = eg_yaml_get(outputs->items[i], "optional");
        source->output_standings[i].name = outputs->items[i]->key;
        source->output_standings[i].optional = optional && optional->boolean;
        EG_TRY(eg_source_parameters(source, outputs->items[i]->key, &source->output_standings[i].parameters, err));
    }
    for (uint32_t i = 0; i < source->head_count; i++) {
        source->head_standings[i].name = source->heads[i].name;
        EG_TRY(eg_source_parameters(source, source->heads[i].name, &source->head_standings[i].parameters, err));
    }
    return EG_OK;
}

/* What the files of sentence-transformers say and nobody reads, or what says nothing in this model. */
static eg_status
warn_of_files(eg_source *source, eg_error *err)
{
    const eg_pipeline *pipeline = &source->pipeline;
    const eg_json *states = eg_json_get(source->config.root, "output_hidden_states");
    bool weighs = pipeline->stages.count && pipeline->stages.items[0].kind == EG_STAGE_LAYERS;
    bool pushed = true;
    for (size_t i = 0; i < pipeline->warnings.count && pushed; i++)
        pushed = EG_PUSH(&source->warnings, pipeline->warnings.items[i]);
    if (pushed && weighs && !(states && states->type == EG_JSON_BOOL && states->boolean)) {
        const char *line = "WeightedLayerPooling changes nothing: config.json does not say output_hidden_states";
        pushed = EG_PUSH(&source->warnings, line);
    }
    return pushed ? EG_OK : eg_fail_nomem(err, "the warnings");
}

eg_status
eg_source_survey(eg_source *source, const char *wanted_head, eg_error *err)
{
    eg_recipe bare = source->recipe;
    bare.weights = NULL;
    bare.prefix = "";
    source->survey.position_rows = INT64_MAX;
    EG_TRY(with_expansion(source, &bare, &source->survey, survey_sections, err));
    choose_prefix(source);
    EG_TRY(prepare_standings(source, err));
    EG_TRY(with_expansion(source, &source->recipe, NULL, judge_sections, err));
    EG_TRY(choose_head(source, wanted_head, err));
    EG_TRY(eg_source_describe_heads(source, err));
    if (source->survey.position_rows < 1)
        return eg_fail_at(err, EG_E_INPUT, source->config.file, 0, 0, "the position table has no usable rows");
    EG_TRY(warn_of_files(source, err));
    if (source->has_weights)
        EG_TRY(warn_of_unused(source, &source->weights, err));
    for (uint32_t i = 0; i < source->head_weight_count; i++)
        EG_TRY(warn_of_unused(source, &source->head_weights[i], err));
    return EG_OK;
}
