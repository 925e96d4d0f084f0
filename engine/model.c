/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/model.h"

#include <string.h>

#include "engine/input.h"
#include "graph/pass.h"

enum { DEFAULT_BATCH_TOKENS = 4096 };

/* --- options ------------------------------------------------------------------------------------- */

static eg_status
check_options(const eg_model_options *options, eg_error *err)
{
    const uint32_t known = EG_MODEL_PADDED | EG_MODEL_NO_PROMPT | EG_MODEL_NO_CACHE;
    if (options->flags & ~known)
        return eg_fail(err, EG_E_USAGE, "unknown model flags %#x", options->flags & ~known);
    if ((uint32_t)options->load > EG_LOAD_TOKENIZER)
        return eg_fail(err, EG_E_USAGE, "unknown eg_load %d", (int)options->load);
    if ((uint32_t)options->normalize > EG_OFF || (uint32_t)options->type_ids > EG_OFF)
        return eg_fail(err, EG_E_USAGE, "normalize and type_ids are EG_DEFAULT, EG_ON or EG_OFF");
    if (options->precision && strcmp(options->precision, "f32") != 0) {
        eg_status status = eg_fail(err, EG_E_USAGE, "precision '%s' is not in this build", options->precision);
        return eg_hint(err, status, "it computes in f32");
    }
    if (options->prompt_name && options->prompt_text)
        return eg_fail(err, EG_E_USAGE, "both a prompt's name and a prompt's text");
    return options->fuse ? eg_pass_check_list(options->fuse, err) : EG_OK;
}

/* Copies a string option that is read after the call; NULL stays NULL. */
static bool
keep_string(eg_model *model, const char *from, const char **out)
{
    *out = from ? eg_arena_strdup(&model->arena, from) : NULL;
    return !from || *out;
}

static eg_status
keep_options(eg_model *model, const eg_model_options *options, eg_error *err)
{
    model->load = options->load;
    model->padded = options->flags & EG_MODEL_PADDED;
    model->batch_tokens = options->batch_tokens ? options->batch_tokens : DEFAULT_BATCH_TOKENS;
    model->max_length = options->max_length;
    model->truncate_dim = options->truncate_dim;
    model->normalize = options->normalize;
    model->type_ids = options->type_ids;
    if (!keep_string(model, options->pooling, &model->pooling) || !keep_string(model, options->fuse, &model->fuse) ||
        !keep_string(model, options->head, &model->head))
        return eg_fail_nomem(err, "a model");
    return EG_OK;
}

void
eg_model_build_options(const eg_model *model, const char *const *outputs, uint32_t output_count, bool type_ids_fed,
                       eg_build_options *out)
{
    *out = (eg_build_options){
        .outputs = outputs,
        .output_count = output_count,
        .pooling = model->pooling,
        .normalize = model->normalize == EG_DEFAULT ? -1 : model->normalize == EG_ON,
        .truncate_dim = model->truncate_dim,
        .type_ids_fed = type_ids_fed,
    };
}

/* --- files --------------------------------------------------------------------------------------- */

static void
notice(void *user, const char *line)
{
    const eg_model *model = user;
    eg_log(&model->engine->host_context, EG_LOG_INFO, "%s", line);
}

static eg_status
open_source(eg_model *model, const char *path, const eg_model_options *options, eg_error *err)
{
    eg_source_options wanted = {
        .family_dir = model->engine->paths.family_dir,
        .family = options->family,
        .head = options->head,
        .ignore_config = options->ignore_config,
        .ignore_config_count = options->ignore_config_count,
        .without_weights = options->load == EG_LOAD_DESCRIBE,
        .notice = notice,
        .notice_user = model,
    };
    EG_TRY(eg_source_open(path, &wanted, &model->source, err));
    eg_source_describe(model->source, &model->info);
    if (!model->fuse)
        model->fuse = model->info.fuse;
    if (!options->precision && model->info.precision && strcmp(model->info.precision, "f32") != 0) {
        eg_status status =
            eg_fail_at(err, EG_E_INPUT, path, 0, 0, "precision '%s' is not in this build", model->info.precision);
        return eg_hint(err, status, "it computes in f32");
    }
    return EG_OK;
}

/* A checkpoint may come without a tokenizer: it takes token ids then. Whoever brings texts hears what was wrong. */
static eg_status
open_tokenizer(eg_model *model, const char *path, eg_error *err)
{
    eg_error_init(&model->tokenizer_error);
    eg_status status = model->source ? eg_source_tokenizer(model->source, &model->tokenizer, &model->tokenizer_error)
                                     : eg_tokenizer_of_model(path, &model->tokenizer, &model->tokenizer_error);
    if (status == EG_OK) {
        eg_tokenizer_describe(model->tokenizer, &model->tokenizer_info);
        return EG_OK;
    }
    model->tokenizer = NULL;
    bool needed = model->load == EG_LOAD_TOKENIZER || status != EG_E_INPUT;
    return needed ? eg_model_need_tokenizer(model, err) : EG_OK;
}

eg_status
eg_model_need_tokenizer(const eg_model *model, eg_error *err)
{
    if (model->tokenizer)
        return EG_OK;
    if (err)
        *err = model->tokenizer_error;
    return model->tokenizer_error.code;
}

/* --- limits and prompt --------------------------------------------------------------------------- */

static uint64_t
smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* max_length if the caller gave one, else max_seq_length, else model_max_length; never above the position table. */
static uint32_t
limit_of(const eg_model *model)
{
    const eg_source_info *info = &model->info;
    uint64_t rows = model->source ? (uint64_t)info->position_rows : INT64_MAX;
    uint64_t limit = rows;
    if (model->max_length)
        limit = smaller(rows, model->max_length);
    else if (model->source && info->max_seq_length > 0)
        limit = smaller(rows, (uint64_t)info->max_seq_length);
    else if (model->tokenizer && model->tokenizer_info.model_max_length)
        limit = smaller(rows, model->tokenizer_info.model_max_length);
    if (model->max_length > limit)
        eg_log(&model->engine->host_context, EG_LOG_INFO, "the model takes %u tokens; a length of %u is not possible",
               (uint32_t)limit, model->max_length);
    return limit >= INT32_MAX ? UINT32_MAX : (uint32_t)limit;
}

static eg_status
unknown_prompt(const eg_model *model, const char *name, eg_error *err)
{
    size_t count;
    const char *const *names = eg_source_prompt_names(model->source, &count);
    eg_status status = eg_fail(err, EG_E_USAGE, "the model has no prompt '%s'", name);
    const char *near = eg_nearest(name, names, count);
    if (near)
        return eg_hint(err, status, "%s", near);
    return count ? eg_hint(err, status, "it has %zu, such as %s", count, names[0]) : status;
}

/* sentence-transformers knows these two for every model, empty where the model says nothing. */
static bool
is_common_prompt(const char *name)
{
    return strcmp(name, "query") == 0 || strcmp(name, "document") == 0;
}

static eg_status
choose_prompt(eg_model *model, const eg_model_options *options, eg_error *err)
{
    const char *text = NULL;
    if (options->prompt_text) {
        text = options->prompt_text;
    } else if (options->prompt_name) {
        text = eg_source_prompt(model->source, options->prompt_name);
        if (!text && !is_common_prompt(options->prompt_name))
            return unknown_prompt(model, options->prompt_name, err);
    } else if (!(options->flags & EG_MODEL_NO_PROMPT)) {
        text = model->info.default_prompt;
    }
    if (!text || !*text)
        return EG_OK;
    eg_preparation *preparation = &model->preparation;
    if (!keep_string(model, text, &preparation->prompt))
        return eg_fail_nomem(err, "a prompt");
    preparation->prompt_length = strlen(text);
    if (model->info.include_prompt || !model->tokenizer)
        return EG_OK;
    return eg_prompt_length(model->tokenizer, text, preparation->prompt_length, &preparation->skip, err);
}

static eg_status
choose_case(eg_model *model, eg_error *err)
{
    bool lowers = true;
    if (model->info.do_lower_case && model->tokenizer)
        EG_TRY(eg_tokenizer_lowers(model->tokenizer, &lowers, err));
    model->preparation.lower = !lowers;
    return EG_OK;
}

/* --- the embedding ------------------------------------------------------------------------------- */

/* Numbers in an embedding: the width of the graph's output, before any device is asked. */
static eg_status
measure_embedding(eg_model *model, eg_error *err)
{
    static const char *const outputs[] = {"embedding"};
    eg_build_options build;
    eg_model_build_options(model, outputs, 1, false, &build);
    eg_model_graph graph = {0};
    eg_error local;
    eg_error_init(&local);
    eg_status status = eg_source_build(model->source, &build, &graph, &local);
    if (status == EG_OK) {
        int64_t width;
        const eg_type *type = &eg_graph_value(&graph.graph, graph.outputs[0].values[0])->type;
        if (eg_type_width(type, &width) && width > 0 && width <= UINT32_MAX)
            model->embedding_size = (uint32_t)width;
    }
    eg_model_graph_finish(&graph);
    /* A checkpoint that has no embedding may well have other outputs; a wrong option is told at once. */
    if (status == EG_OK || status == EG_E_INPUT)
        return EG_OK;
    if (err)
        *err = local;
    return status;
}

void
eg_model_say_embedding(eg_model *model)
{
    if (model->info.has_pooling || model->pooling || atomic_exchange(&model->embedding_said, true))
        return;
    eg_log(&model->engine->host_context, EG_LOG_INFO,
           "%s has no modules.json with a Pooling: the embedding is the mean, %snormalised", model->info.checkpoint,
           model->normalize == EG_ON ? "" : "not ");
}

/* --- opening ------------------------------------------------------------------------------------- */

static eg_status
open_model(eg_model *model, const char *path, const eg_model_options *options, eg_error *err)
{
    EG_TRY(check_options(options, err));
    EG_TRY(keep_options(model, options, err));
    if (options->load != EG_LOAD_TOKENIZER)
        EG_TRY(open_source(model, path, options, err));
    EG_TRY(open_tokenizer(model, path, err));
    model->limit = limit_of(model);
    if (options->load != EG_LOAD_FULL)
        return EG_OK;
    EG_TRY(choose_case(model, err));
    EG_TRY(choose_prompt(model, options, err));
    return measure_embedding(model, err);
}

eg_status
eg_model_open(eg_engine *engine, const char *path, const eg_model_options *options, eg_model **out, eg_error *err)
{
    *out = NULL;
    EG_TRY(eg_engine_check(engine, err));
    eg_model_options taken;
    EG_TRY(eg_take_options(&taken, sizeof taken, options, "eg_model_options", err));
    eg_model *model = eg_calloc(1, sizeof *model);
    if (!model)
        return eg_fail_nomem(err, "a model");
    model->encoders = eg_encoder_pool_new(eg_threads_count(engine->threads));
    if (!model->encoders) {
        eg_free(model);
        return eg_fail_nomem(err, "a model");
    }
    model->engine = engine;
    eg_computed_cache_init(&model->computed);
    eg_weight_cache_init(&model->weights);
    eg_plan_cache_init(&model->plans);
    eg_status status = open_model(model, path, &taken, err);
    if (status != EG_OK) {
        eg_model_close(model);
        return status;
    }
    *out = model;
    return EG_OK;
}

void
eg_model_close(eg_model *model)
{
    if (!model)
        return;
    eg_plan_cache_finish(&model->plans, model);
    eg_weight_cache_finish(&model->weights);
    eg_computed_cache_finish(&model->computed);
    eg_encoder_pool_close(model->encoders);
    eg_tokenizer_close(model->tokenizer);
    eg_source_close(model->source);
    eg_arena_finish(&model->arena);
    eg_free(model);
}

uint32_t
eg_model_embedding_size(const eg_model *model)
{
    return model->embedding_size;
}

uint32_t
eg_model_max_length(const eg_model *model)
{
    return model->limit;
}
