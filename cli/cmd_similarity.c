/* SPDX-License-Identifier: Apache-2.0 */
/* egbert similarity: how near each text is to each other. */
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/run_input.h"
#include "cli/say.h"
#include "cli/session.h"

#define TABLE_TEXT_CHARACTERS 48

typedef struct similarity {
    eg_app *app;
    eg_session session;
    eg_run_input in;
    float *vectors;
    size_t capacity;
} similarity;

static float
between(const similarity *s, uint32_t a, uint32_t b)
{
    size_t width = eg_model_embedding_size(s->session.model);
    return (float)eg_similarity(s->session.model, s->vectors + a * width, s->vectors + b * width);
}

static void
print_json(const similarity *s, uint32_t count)
{
    eg_out *out = &s->app->out;
    eg_out_text(out, "{\"similarity\":[");
    for (uint32_t a = 0; a < count; a++) {
        eg_out_text(out, a ? ",[" : "[");
        for (uint32_t b = 0; b < count; b++) {
            if (b)
                eg_out_char(out, ',');
            eg_out_float(out, between(s, a, b));
        }
        eg_out_char(out, ']');
    }
    eg_out_text(out, "]}\n");
}

static void
print_table(const similarity *s, const eg_chunk *chunk)
{
    eg_out *out = &s->app->out;
    eg_out_text(out, "     ");
    for (uint32_t b = 0; b < chunk->count; b++)
        eg_out_format(out, "%9u", b + 1);
    eg_out_format(out, "   (%s)\n", eg_model_similarity(s->session.model));
    for (uint32_t a = 0; a < chunk->count; a++) {
        eg_out_format(out, "%5u", a + 1);
        for (uint32_t b = 0; b < chunk->count; b++)
            eg_out_format(out, "%9.4f", (double)between(s, a, b));
        eg_out_text(out, "   ");
        eg_out_line(out, chunk->texts[a], TABLE_TEXT_CHARACTERS);
        eg_out_char(out, '\n');
    }
}

static eg_status
compare(similarity *s, eg_error *err)
{
    eg_input input = {0};
    eg_chunk chunk, after;
    EG_TRY(eg_run_input_open(&s->in, s->app, &eg_records_of_texts, err));
    EG_TRY(eg_run_input_next(&s->in, 0, &input, &chunk, err));
    if (chunk.count < 2)
        return eg_fault(err, EG_E_USAGE, "%u %s; similarity compares two or more", chunk.count,
                        chunk.count == 1 ? "text" : "texts");
    EG_TRY(eg_session_open(&s->session, s->app, EG_LOAD_FULL, err));
    if (eg_embed_chunk(&s->session, &input, &s->vectors, &s->capacity, err) != EG_OK)
        return eg_run_input_fault(&s->in, err);
    if (s->app->args.json)
        print_json(s, chunk.count);
    else
        print_table(s, &chunk);
    EG_TRY(eg_run_input_next(&s->in, 0, &input, &after, err)); /* a faulty line after the texts */
    return eg_out_flush(&s->app->out, err);
}

static eg_status
run_similarity(eg_app *app, eg_error *err)
{
    similarity s = {.app = app};
    eg_status status = compare(&s, err);
    eg_run_input_close(&s.in);
    eg_session_close(&s.session);
    free(s.vectors);
    return status;
}

const eg_command eg_cmd_similarity = {
    .name = "similarity",
    .words = "MODEL TEXT TEXT...",
    .summary = "compare texts with each other",
    .details =
        "Embeds the texts and prints a table, or {\"similarity\": [[...]...]} with --json, in the model's own measure\n"
        "(cosine, dot, and euclidean or manhattan distances, negated).",
    .uses = EG_ON_SIMILARITY,
    .run = run_similarity,
};
