/* SPDX-License-Identifier: Apache-2.0 */
/* egbert tokenize: texts to tokens, and ids back to text. Needs no weights. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/say.h"
#include "cli/session.h"
#include "cli/source.h"

#define CHUNK_TEXTS 1024

/* --- printing ------------------------------------------------------------------------------------ */

static void
print_ints(eg_out *out, const char *key, const int64_t *values, uint32_t count)
{
    eg_out_key(out, false, key);
    for (uint32_t i = 0; i < count; i++) {
        eg_out_char(out, i ? ',' : '[');
        eg_out_int(out, values[i]);
    }
    eg_out_text(out, count ? "]" : "[]");
}

static void
print_tokens(eg_out *out, const eg_tokens_view *tokens)
{
    eg_out_key(out, false, "tokens");
    eg_out_char(out, '[');
    for (uint32_t i = 0; i < tokens->count; i++) {
        if (i)
            eg_out_char(out, ',');
        eg_out_string(out, tokens->tokens[i], strlen(tokens->tokens[i]));
    }
    eg_out_char(out, ']');
}

/* null for families whose reference has none. */
static void
print_offsets(eg_out *out, const eg_tokens_view *tokens)
{
    eg_out_key(out, false, "offsets");
    if (!tokens->offsets) {
        eg_out_text(out, "null");
        return;
    }
    eg_out_char(out, '[');
    for (uint32_t i = 0; i < tokens->count; i++)
        eg_out_format(out, "%s[%lld,%lld]", i ? "," : "", (long long)tokens->offsets[2 * i],
                      (long long)tokens->offsets[2 * i + 1]);
    eg_out_char(out, ']');
}

static void
print_object(eg_out *out, const eg_string *id, const eg_tokens_view *tokens)
{
    eg_out_key(out, eg_out_object(out, id), "ids");
    eg_out_char(out, '[');
    for (uint32_t i = 0; i < tokens->count; i++)
        eg_out_format(out, "%s%lld", i ? "," : "", (long long)tokens->ids[i]);
    eg_out_char(out, ']');
    print_tokens(out, tokens);
    print_ints(out, "type_ids", tokens->type_ids, tokens->count);
    print_offsets(out, tokens);
    print_ints(out, "attention_mask", tokens->attention_mask, tokens->count);
    eg_out_text(out, "}\n");
}

static void
print_line(eg_out *out, const eg_tokens_view *tokens)
{
    for (uint32_t i = 0; i < tokens->count; i++) {
        if (i)
            eg_out_char(out, ' ');
        eg_out_text(out, tokens->tokens[i]);
    }
    eg_out_char(out, '\n');
}

/* A line a token, and an empty line behind each text. Tokens are quoted as in JSON: they may have blanks. */
static void
print_table(eg_out *out, const eg_tokens_view *tokens)
{
    eg_out_text(out, "     id  type  offsets       token\n");
    for (uint32_t i = 0; i < tokens->count; i++) {
        char offsets[64] = "";
        if (tokens->offsets)
            snprintf(offsets, sizeof offsets, "%lld-%lld", (long long)tokens->offsets[2 * i],
                     (long long)tokens->offsets[2 * i + 1]);
        eg_out_format(out, "%7lld%6lld  %-12s  ", (long long)tokens->ids[i], (long long)tokens->type_ids[i], offsets);
        eg_out_string(out, tokens->tokens[i], strlen(tokens->tokens[i]));
        eg_out_text(out, tokens->attention_mask[i] ? "\n" : "  (padding)\n");
    }
    eg_out_char(out, '\n');
}

static eg_status
print_chunk(eg_app *app, const eg_chunk *chunk, const eg_result *result, eg_error *err)
{
    for (uint32_t i = 0; i < chunk->count; i++) {
        eg_tokens_view tokens = {.size = sizeof tokens};
        if (eg_result_tokens(result, i, &tokens) != EG_OK)
            return eg_fault(err, EG_E_INTERNAL, "the tokens of text %u lack", i + 1);
        if (app->args.json)
            print_object(&app->out, &chunk->ids[i], &tokens);
        else if (app->args.table)
            print_table(&app->out, &tokens);
        else
            print_line(&app->out, &tokens);
    }
    return eg_out_flush(&app->out, err);
}

/* --- tokenizing ---------------------------------------------------------------------------------- */

static eg_status
tokenize_chunk(eg_app *app, eg_session *session, eg_source *source, const eg_chunk *chunk,
               const eg_tokenize_options *options, eg_error *err)
{
    eg_input input = eg_input_of(chunk);
    eg_result *result = NULL;
    if (eg_tokenize(session->model, &input, options, &result, err) != EG_OK)
        return eg_source_fault(source, err);
    eg_status status = print_chunk(app, chunk, result, err);
    eg_result_free(result);
    return status;
}

/* Padding to the longest line of the call means that all lines are read first. */
static eg_status
tokenize_all(eg_app *app, eg_session *session, eg_source *source, eg_error *err)
{
    const eg_arguments *args = &app->args;
    bool longest = args->pad && strcmp(args->pad, "longest") == 0;
    eg_tokenize_options options = {
        .size = sizeof options,
        .max_length = (uint32_t)args->max_length,
        .pad_to = longest     ? UINT32_MAX
                  : args->pad ? (uint32_t)args->max_length
                              : 0,
        .no_special = args->no_special == EG_ON,
        .truncation = args->truncation,
    };
    for (;;) {
        eg_chunk chunk;
        EG_TRY(longest ? eg_source_rest(source, &chunk, err) : eg_source_next(source, CHUNK_TEXTS, &chunk, err));
        if (chunk.count == 0)
            return EG_OK;
        EG_TRY(tokenize_chunk(app, session, source, &chunk, &options, err));
    }
}

static eg_status
tokenize_texts(eg_app *app, eg_session *session, eg_error *err)
{
    if (app->args.table && app->args.json)
        return eg_fault(err, EG_E_USAGE, "--table and --json contradict each other");
    if (app->args.pad && strcmp(app->args.pad, "max") == 0 && !app->args.max_length)
        return eg_fault(err, EG_E_USAGE, "--pad max pads to --max-length, which is not given");
    eg_source *source;
    EG_TRY(eg_source_open(&app->args, 1, &eg_records_of_texts, &source, err));
    eg_status status = eg_session_open(session, app, EG_LOAD_TOKENIZER, err);
    if (status == EG_OK)
        status = tokenize_all(app, session, source, err);
    eg_source_close(source);
    return status;
}

/* --- decoding ------------------------------------------------------------------------------------ */

static eg_status
decode_ids(eg_app *app, eg_session *session, const int64_t *ids, size_t count, eg_error *err)
{
    char *text = NULL;
    EG_TRY(eg_session_open(session, app, EG_LOAD_TOKENIZER, err));
    eg_status status = eg_decode(session->model, ids, (uint32_t)count, app->args.no_special == EG_ON, &text, err);
    if (status == EG_E_INPUT && !err->file[0]) {
        err->code = status = EG_E_USAGE; /* the ids stand on the command line */
        snprintf(err->file, sizeof err->file, "--decode");
    }
    EG_TRY(status);
    eg_out_text(&app->out, "{\"text\":");
    eg_out_string(&app->out, text, strlen(text));
    eg_out_text(&app->out, "}\n");
    eg_string_free(text);
    return eg_out_flush(&app->out, err);
}

static eg_status
decode(eg_app *app, eg_session *session, eg_error *err)
{
    if (app->args.words.count > 1 || app->args.input || app->args.pair)
        return eg_fault(err, EG_E_USAGE, "--decode stands in place of texts; both are given");
    int64_t *ids;
    size_t count;
    EG_TRY(eg_read_ints(app->args.decode, "--decode", 0, INT32_MAX, &ids, &count, err));
    eg_status status = decode_ids(app, session, ids, count, err);
    free(ids);
    return status;
}

static eg_status
run_tokenize(eg_app *app, eg_error *err)
{
    eg_session session = {0};
    eg_status status = app->args.decode ? decode(app, &session, err) : tokenize_texts(app, &session, err);
    eg_session_close(&session);
    return status;
}

const eg_command eg_cmd_tokenize = {
    .name = "tokenize",
    .words = "MODEL [TEXT...]",
    .summary = "show the tokens of texts",
    .details =
        "Prints the tokens of a text on a line; with --table a line for each token; with --json {\"ids\", \"tokens\",\n"
        "\"type_ids\", \"offsets\", \"attention_mask\"}. Offsets count characters. Texts are neither cut nor padded\n"
        "unless --max-length or --pad is given. Needs the tokenizer's files only, no weights. --decode prints\n"
        "{\"text\": ...}.",
    .uses = EG_ON_TOKENIZE,
    .run = run_tokenize,
};
