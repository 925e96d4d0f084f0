/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a model: instance, pipeline, config, family, weights, heads; then what is in it. */
#include "frontend/source.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "frontend/source/model.h"

enum { MAX_CONFIG = 16 << 20 };

static void EG_PRINTF(2, 3) notice(const eg_source_options *options, const char *fmt, ...)
{
    char line[1024];
    if (!options->notice)
        return;
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    options->notice(options->notice_user, line);
}

/* --- config.json --------------------------------------------------------------------------------- */

static eg_status
load_config(eg_source *source, const char *folder, eg_error *err)
{
    const char *path = eg_path_join(&source->arena, folder, "config.json");
    if (!path)
        return eg_fail_nomem(err, "a path");
    if (!eg_file_exists(path)) {
        eg_status status = eg_fail_at(err, EG_E_INPUT, folder, 0, 0, "there is no config.json");
        return eg_hint(err, status,
                       "a checkpoint's folder has config.json, model.safetensors and the tokenizer's files");
    }
    EG_TRY(eg_file_map(path, MAX_CONFIG, &source->config_file, err));
    const char *text = source->config_file.data ? source->config_file.data : "";
    EG_TRY(eg_json_parse(text, source->config_file.size, path, NULL, &source->arena, &source->config_json, err));
    if (source->config_json->type != EG_JSON_OBJECT)
        return eg_fail_at(err, EG_E_INPUT, path, source->config_json->line, source->config_json->column,
                          "config.json is %s; an object is expected", eg_json_type_name(source->config_json));
    source->config.file = path;
    return EG_OK;
}

static eg_status
load_family(eg_source *source, const eg_source_options *options, eg_error *err)
{
    const char *wanted = options->family ? options->family : source->instance.family;
    const char *dir = options->family_dir ? options->family_dir : ".";
    if (!wanted)
        return eg_family_choose(dir, source->config_json, source->config.file, options->notice, options->notice_user,
                                &source->family, err);
    bool relative_file = !options->family && source->instance.folder && strchr(wanted, '/') && *wanted != '/';
    if (relative_file && !(wanted = eg_instance_path(&source->instance, &source->arena, wanted)))
        return eg_fail_nomem(err, "a path");
    return eg_family_load(dir, wanted, &source->family, err);
}

/* A family that was named outright may be another than the model type's. */
static void
notice_other_family(const eg_source *source, const eg_source_options *options)
{
    bool named = options->family || source->instance.family;
    const char *type = source->config.model_type;
    if (named && type && !eg_family_has_model_type(&source->family, type))
        notice(options, "config.json says model_type '%s'; the family '%s' was asked for", type, source->family.name);
}

static eg_status
read_config(eg_source *source, const eg_source_options *options, eg_error *err)
{
    const char *file = source->config.file;
    const eg_config_options config_options = {.ignore = options->ignore_config,
                                              .ignore_count = options->ignore_config_count,
                                              .overrides = source->instance.config,
                                              .ignore_instance = source->instance.ignore};
    return eg_config_read(&source->family, source->config_json, file, &config_options, &source->config, err);
}

/* --- weights ------------------------------------------------------------------------------------- */

static eg_status
load_weights(eg_source *source, const eg_source_options *options, eg_error *err)
{
    const char *folder = source->pipeline.transformer;
    bool exist;
    EG_TRY(eg_weights_exist(folder, &exist, err));
    if (options->without_weights && !exist) {
        const char *line = "there are no weights: they read as zeros";
        return EG_PUSH(&source->warnings, line) ? EG_OK : eg_fail_nomem(err, "the warnings");
    }
    EG_TRY(eg_weights_open(folder, &source->weights, err));
    source->has_weights = true;
    return EG_OK;
}

/* --- opening ------------------------------------------------------------------------------------- */

static eg_status
open_into(eg_source *source, const char *path, const eg_source_options *options, eg_error *err)
{
    EG_TRY(eg_instance_read(path, &source->arena, &source->instance, err));
    EG_TRY(eg_pipeline_read(source->instance.checkpoint, &source->arena, &source->pipeline, err));
    EG_TRY(eg_instance_apply(&source->instance, &source->pipeline, err));
    EG_TRY(load_config(source, source->pipeline.transformer, err));
    EG_TRY(load_family(source, options, err));
    EG_TRY(read_config(source, options, err));
    notice_other_family(source, options);
    EG_TRY(eg_source_read_activation(source, err));
    EG_TRY(load_weights(source, options, err));
    EG_TRY(eg_source_collect_heads(source, err));
    source->recipe = (eg_recipe){.family = &source->family,
                                 .config = &source->config,
                                 .weights = source->has_weights ? &source->weights : NULL,
                                 .prefix = "",
                                 .heads = source->heads,
                                 .head_count = source->head_count};
    return eg_source_survey(source, options->head, err);
}

eg_status
eg_source_open(const char *path, const eg_source_options *options, eg_source **out, eg_error *err)
{
    *out = NULL;
    eg_source *source = eg_calloc(1, sizeof *source);
    if (!source)
        return eg_fail_nomem(err, "a model");
    eg_status status = open_into(source, path, options, err);
    if (status != EG_OK) {
        status = eg_family_note_extends(&source->family, status, err);
        eg_source_close(source);
        return status;
    }
    *out = source;
    return EG_OK;
}

void
eg_source_close(eg_source *source)
{
    if (!source)
        return;
    for (uint32_t i = 0; i < source->head_weight_count; i++)
        eg_weights_close(&source->head_weights[i]);
    eg_weights_close(&source->weights);
    eg_config_finish(&source->config);
    eg_family_finish(&source->family);
    eg_pipeline_finish(&source->pipeline);
    eg_file_unmap(&source->config_file);
    eg_free(source->survey.requests.items);
    eg_free(source->warnings.items);
    eg_arena_finish(&source->arena);
    eg_free(source);
}

/* --- what is in it ------------------------------------------------------------------------------- */

const char *
eg_source_prompt(const eg_source *source, const char *name)
{
    for (size_t i = 0; i < source->pipeline.prompts.count; i++) {
        if (strcmp(source->pipeline.prompts.items[i].name, name) == 0)
            return source->pipeline.prompts.items[i].text;
    }
    return NULL;
}

const char *const *
eg_source_prompt_names(const eg_source *source, size_t *out_count)
{
    *out_count = source->pipeline.prompt_names.count;
    return source->pipeline.prompt_names.items;
}

void
eg_source_describe(const eg_source *source, eg_source_info *out)
{
    const eg_pipeline *pipeline = &source->pipeline;
    *out = (eg_source_info){
        .family = source->family.name,
        .family_file = source->family.file,
        .checkpoint = pipeline->transformer,
        .head = source->recipe.head,
        .similarity = pipeline->similarity,
        .default_prompt = pipeline->default_prompt ? eg_source_prompt(source, pipeline->default_prompt) : NULL,
        .include_prompt = pipeline->include_prompt,
        .has_pooling = pipeline->stages.count > 0 || source->instance.has_pooling,
        .vocab_size = source->survey.vocab_size,
        .type_vocab_size = source->survey.type_vocab_size,
        .position_rows = source->survey.position_rows,
        .max_seq_length = pipeline->max_seq_length,
        .do_lower_case = pipeline->do_lower_case,
        .has_weights = source->has_weights,
        .precision = source->instance.precision,
        .fuse = source->instance.fuse,
        .activation = source->activation,
    };
}

/* --- tokenizer ----------------------------------------------------------------------------------- */

eg_status
eg_source_tokenizer(const eg_source *source, eg_tokenizer **out, eg_error *err)
{
    return eg_tokenizer_open(source->pipeline.transformer, out, err);
}

eg_status
eg_tokenizer_of_model(const char *path, eg_tokenizer **out, eg_error *err)
{
    eg_arena arena = {0};
    eg_instance instance;
    const char *folder;
    eg_status status = eg_instance_read(path, &arena, &instance, err);
    if (status == EG_OK)
        status = eg_pipeline_folder(instance.checkpoint, &arena, &folder, err);
    if (status == EG_OK)
        status = eg_tokenizer_open(folder, out, err);
    eg_arena_finish(&arena);
    return status;
}
