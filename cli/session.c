/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/interrupt.h"
#include "cli/mem.h"
#include "cli/progress.h"
#include "cli/say.h"

/* --- the engine ---------------------------------------------------------------------------------- */

/* Prints what is wanted, and keeps what `bench` reports: the engine tells its threads as one line of the log. */
static void
on_log(void *user, int32_t level, const char *message)
{
    eg_session *session = user;
    unsigned threads;
    char library[sizeof session->thread_library];
    if (session->threads == 0 && sscanf(message, "%u threads of %31[a-z]", &threads, library) == 2) {
        session->threads = threads;
        memcpy(session->thread_library, library, sizeof library);
    }
    if (level <= session->log_level)
        eg_say_log(NULL, level, message);
}

eg_status
eg_session_open_engine(eg_session *session, const eg_app *app, eg_error *err)
{
    const eg_arguments *args = &app->args;
    session->log_level = args->quiet ? EG_LOG_ERROR : args->verbose ? EG_LOG_DEBUG : EG_LOG_INFO;
    eg_engine_options options = {
        .size = sizeof options,
        .flags = EG_ENGINE_SETENV | (args->strict ? EG_ENGINE_STRICT : 0) | (args->alternate ? EG_ENGINE_ALTERNATE : 0),
        .threads = (uint32_t)args->threads,
        .log_level = EG_LOG_DEBUG,
        .backends = args->backend,
        .device = args->device,
        .plugin_files = args->plugins.items,
        .plugin_file_count = (uint32_t)args->plugins.count,
        .max_arena = (uint64_t)args->max_arena,
        .plugin_options = args->plugin_options,
        .log = on_log,
        .log_user = session,
    };
    return eg_engine_open(&options, &session->engine, err);
}

/* --- the model ----------------------------------------------------------------------------------- */

static eg_status
open_model(eg_session *session, const eg_app *app, eg_load load, eg_error *err)
{
    const eg_arguments *args = &app->args;
    eg_model_options options = {
        .size = sizeof options,
        .flags = (args->padded ? EG_MODEL_PADDED : 0) | (args->no_prompt ? EG_MODEL_NO_PROMPT : 0) |
                 (args->no_cache ? EG_MODEL_NO_CACHE : 0),
        .load = load,
        .max_length = (uint32_t)args->max_length,
        .batch_tokens = (uint32_t)args->batch_tokens,
        .truncate_dim = (uint32_t)args->truncate_dim,
        .normalize = (eg_tristate)args->normalize,
        .type_ids = (eg_tristate)args->type_ids,
        .family = args->family,
        .head = args->head,
        .pooling = args->pooling,
        .fuse = args->fuse,
        .precision = args->precision,
        .prompt_name = args->prompt_name,
        .prompt_text = args->prompt_text,
        .ignore_config = args->ignore_config.items,
        .ignore_config_count = (uint32_t)args->ignore_config.count,
    };
    return eg_model_open(session->engine, args->words.items[0], &options, &session->model, err);
}

eg_status
eg_expect_model(const eg_app *app, eg_error *err)
{
    if (app->args.words.count)
        return EG_OK;
    eg_fault(err, EG_E_USAGE, "no MODEL given");
    return eg_fault_hint(err, "the folder of a checkpoint, or an instance file");
}

eg_status
eg_session_open(eg_session *session, const eg_app *app, eg_load load, eg_error *err)
{
    EG_TRY(eg_expect_model(app, err));
    if (app->args.no_prompt && (app->args.prompt_name || app->args.prompt_text))
        return eg_fault(err, EG_E_USAGE, "--no-prompt contradicts --prompt-name and --prompt-text");
    if (app->args.prompt_name && app->args.prompt_text)
        return eg_fault(err, EG_E_USAGE, "--prompt-name and --prompt-text contradict each other");
    EG_TRY(eg_session_open_engine(session, app, err));
    EG_TRY(open_model(session, app, load, err));
    if (load != EG_LOAD_FULL)
        return EG_OK;
    EG_TRY(eg_context_open(session->model, &session->context, err));
    eg_interrupt_watch(session->context);
    eg_progress_begin(app->args.quiet);
    return EG_OK;
}

void
eg_session_close(eg_session *session)
{
    eg_progress_clear();
    if (session->context)
        eg_interrupt_watch(NULL);
    eg_context_close(session->context);
    eg_model_close(session->model);
    eg_engine_close(session->engine);
    *session = (eg_session){0};
}

eg_status
eg_expect_words(const eg_app *app, size_t most, eg_error *err)
{
    if (app->args.words.count <= most)
        return EG_OK;
    return eg_fault(err, EG_E_USAGE, "unexpected argument '%.200s'", app->args.words.items[most]);
}

/* --- runs ---------------------------------------------------------------------------------------- */

static void
on_progress(void *user, uint32_t texts_done, uint32_t texts, uint64_t tokens_done)
{
    (void)user;
    (void)tokens_done;
    eg_progress_update(texts_done, "texts", texts ? (double)texts_done / texts : -1.0);
}

eg_input
eg_input_of(const eg_chunk *chunk)
{
    return (eg_input){.size = sizeof(eg_input),
                      .count = chunk->count,
                      .texts = chunk->texts,
                      .pairs = chunk->has_pairs ? chunk->pairs : NULL,
                      .progress = on_progress};
}

eg_status
eg_embed_chunk(eg_session *session, const eg_input *input, float **vectors, size_t *capacity, eg_error *err)
{
    size_t width = eg_model_embedding_size(session->model);
    EG_TRY(eg_reserve(vectors, capacity, input->count * width, sizeof **vectors, err));
    return eg_embed(session->context, input, *vectors, err);
}
