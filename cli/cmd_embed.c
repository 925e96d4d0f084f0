/* SPDX-License-Identifier: Apache-2.0 */
/* egbert embed: texts in, vectors out. */
#include <stdlib.h>

#include "cli/command.h"
#include "cli/npy.h"
#include "cli/run_input.h"
#include "cli/say.h"
#include "cli/session.h"

#define CHUNK_TEXTS 1024

typedef struct embed {
    eg_app *app;
    eg_session session;
    eg_run_input in;
    eg_npy_rows npy;
    float *vectors;
    size_t capacity;
    bool prints; /* to stdout; --npy alone leaves it empty */
} embed;

static void
print_object(eg_out *out, const eg_string *id, const float *vector, size_t width)
{
    eg_out_key(out, eg_out_object(out, id), "embedding");
    for (size_t i = 0; i < width; i++) {
        eg_out_char(out, i ? ',' : '[');
        eg_out_float(out, vector[i]);
    }
    eg_out_text(out, "]}\n");
}

static void
print_numbers(eg_out *out, const float *vector, size_t width)
{
    for (size_t i = 0; i < width; i++) {
        if (i)
            eg_out_char(out, ' ');
        eg_out_float(out, vector[i]);
    }
    eg_out_char(out, '\n');
}

static eg_status
deliver(embed *e, const eg_chunk *chunk, eg_error *err)
{
    eg_out *out = &e->app->out;
    size_t width = eg_model_embedding_size(e->session.model);
    for (uint32_t i = 0; e->prints && i < chunk->count; i++) {
        const float *vector = e->vectors + i * width;
        if (e->app->args.json)
            print_object(out, chunk->ids ? &chunk->ids[i] : NULL, vector, width);
        else
            print_numbers(out, vector, width);
    }
    if (e->app->args.npy)
        EG_TRY(eg_npy_rows_add(&e->npy, e->vectors, chunk->count, err));
    return e->prints ? eg_out_flush(out, err) : EG_OK;
}

static eg_status
embed_all(embed *e, eg_error *err)
{
    eg_input input = {0};
    eg_chunk chunk;
    for (;;) {
        EG_TRY(eg_run_input_next(&e->in, CHUNK_TEXTS, &input, &chunk, err));
        if (chunk.count == 0)
            break;
        if (eg_embed_chunk(&e->session, &input, &e->vectors, &e->capacity, err) != EG_OK)
            return eg_run_input_fault(&e->in, err);
        EG_TRY(deliver(e, &chunk, err));
    }
    return e->app->args.npy ? eg_npy_rows_commit(&e->npy, err) : EG_OK;
}

static eg_status
open_and_embed(embed *e, eg_error *err)
{
    const eg_arguments *args = &e->app->args;
    EG_TRY(eg_run_input_open(&e->in, e->app, &eg_records_of_texts, err));
    EG_TRY(eg_session_open(&e->session, e->app, EG_LOAD_FULL, err));
    if (args->npy)
        EG_TRY(eg_npy_rows_open(&e->npy, args->npy, eg_model_embedding_size(e->session.model), err));
    return embed_all(e, err);
}

static eg_status
run_embed(eg_app *app, eg_error *err)
{
    embed e = {.app = app, .prints = !app->args.npy || app->args.json};
    eg_status status = open_and_embed(&e, err);
    eg_npy_rows_close(&e.npy);
    eg_run_input_close(&e.in);
    eg_session_close(&e.session);
    free(e.vectors);
    return status;
}

const eg_command eg_cmd_embed = {
    .name = "embed",
    .words = "MODEL [TEXT...]",
    .summary = "turn texts into vectors",
    .details =
        "Prints one line of numbers per text, or {\"embedding\": [...]} with --json. --npy alone prints nothing.\n"
        "Texts longer than the model takes are cut.",
    .uses = EG_ON_EMBED,
    .run = run_embed,
};
