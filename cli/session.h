/* SPDX-License-Identifier: Apache-2.0 */
/* What the shared arguments open: an engine, a model, a context. */
#ifndef EG_CLI_SESSION_H
#define EG_CLI_SESSION_H

#include <egbert/egbert.h>

#include "cli/command.h"
#include "cli/source.h"

typedef struct eg_session {
    eg_engine *engine;
    eg_model *model;
    eg_context *context;
    uint32_t threads;        /* of a run; 0 until the engine has said it */
    char thread_library[32]; /* "openmp", "pthreads" */
    int32_t log_level;       /* lines up to this are printed */
} eg_session;

/* The engine alone. */
EG_NODISCARD eg_status eg_session_open_engine(eg_session *session, const eg_app *app, eg_error *err);
/* The engine and the model that the first word names; with EG_LOAD_FULL a context too, which signals cancel. */
EG_NODISCARD eg_status eg_session_open(eg_session *session, const eg_app *app, eg_load load, eg_error *err);
void eg_session_close(eg_session *session); /* zeroed is fine */

/* EG_E_USAGE unless there is a first word; what opens a session asks that itself. */
EG_NODISCARD eg_status eg_expect_model(const eg_app *app, eg_error *err);
/* EG_E_USAGE unless there are at most that many words. */
EG_NODISCARD eg_status eg_expect_words(const eg_app *app, size_t most, eg_error *err);

/* The input of a run: the chunk's texts, with progress told. */
eg_input eg_input_of(const eg_chunk *chunk);

/*
 * Embeds the chunk into *vectors, which grows as needed ([capacity] floats) and is freed with free().
 */
EG_NODISCARD eg_status eg_embed_chunk(eg_session *session, const eg_input *input, float **vectors, size_t *capacity,
                                      eg_error *err);

#endif
