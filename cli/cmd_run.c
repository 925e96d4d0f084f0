/* SPDX-License-Identifier: Apache-2.0 */
/* egbert run: any tensors of a model, by name. */
#include <string.h>

#include "cli/command.h"
#include "cli/run_input.h"
#include "cli/say.h"
#include "cli/session.h"
#include "cli/tensor_out.h"

/* Interior tensors are large: a text of 512 tokens has 20 MB of hidden states in a base model. */
#define CHUNK_TEXTS 32

typedef struct run {
    eg_app *app;
    eg_session session;
    eg_run_input in;
    eg_npz_writer npz;
    bool prints;   /* to stdout; --npz alone leaves it empty */
    uint64_t text; /* number of the next one, for the table */
} run;

static void
print_text(run *r, const eg_chunk *chunk, const eg_result *result, uint32_t text)
{
    eg_out *out = &r->app->out;
    if (!r->app->args.json) {
        const int64_t *cu = eg_result_cu_seqlens(result);
        eg_out_format(out, "text %llu: %lld tokens\n", (unsigned long long)++r->text,
                      (long long)(cu[text + 1] - cu[text]));
        eg_print_outputs_table(out, result, text);
        return;
    }
    bool first = eg_out_object(out, chunk->ids ? &chunk->ids[text] : NULL);
    eg_print_outputs_json(out, result, text, first);
    eg_out_text(out, "}\n");
}

static eg_status
deliver(run *r, const eg_chunk *chunk, const eg_result *result, eg_error *err)
{
    for (uint32_t text = 0; r->prints && text < chunk->count; text++)
        print_text(r, chunk, result, text);
    if (r->app->args.npz)
        EG_TRY(eg_save_outputs(&r->npz, result, err));
    return r->prints ? eg_out_flush(&r->app->out, err) : EG_OK;
}

static eg_status
run_chunk(run *r, const eg_input *input, const eg_chunk *chunk, eg_error *err)
{
    const eg_strings *outputs = &r->app->args.outputs;
    eg_result *result = NULL;
    if (eg_run(r->session.context, input, outputs->items, (uint32_t)outputs->count, &result, err) != EG_OK)
        return eg_run_input_fault(&r->in, err);
    eg_status status = deliver(r, chunk, result, err);
    eg_result_free(result);
    return status;
}

/* An archive holds all texts as one batch, so then everything is read first. */
static eg_status
run_all(run *r, eg_error *err)
{
    uint32_t most = r->app->args.npz ? 0 : CHUNK_TEXTS;
    eg_input input = {0};
    eg_chunk chunk;
    for (;;) {
        EG_TRY(eg_run_input_next(&r->in, most, &input, &chunk, err));
        if (chunk.count == 0)
            break;
        input.strict_length = r->app->args.max_length == 0;
        EG_TRY(run_chunk(r, &input, &chunk, err));
    }
    return r->app->args.npz ? eg_npz_commit(&r->npz, err) : EG_OK;
}

/* Some names, each once: they become the keys of an object. */
static eg_status
check_outputs(const eg_strings *outputs, eg_error *err)
{
    if (outputs->count == 0) {
        eg_fault(err, EG_E_USAGE, "no --output given");
        return eg_fault_hint(err, "--output NAME[,NAME], such as last_hidden_state; `egbert inspect MODEL` lists them");
    }
    for (size_t i = 1; i < outputs->count; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(outputs->items[i], outputs->items[k]) == 0)
                return eg_fault(err, EG_E_USAGE, "--output: '%.200s' is given twice", outputs->items[i]);
    return EG_OK;
}

static eg_status
open_and_run(run *r, eg_error *err)
{
    const eg_arguments *args = &r->app->args;
    EG_TRY(check_outputs(&args->outputs, err));
    EG_TRY(eg_run_input_open(&r->in, r->app, &eg_records_of_texts, err));
    EG_TRY(eg_session_open(&r->session, r->app, EG_LOAD_FULL, err));
    if (args->npz)
        EG_TRY(eg_npz_open(&r->npz, args->npz, err));
    return run_all(r, err);
}

static eg_status
run_run(eg_app *app, eg_error *err)
{
    run r = {.app = app, .prints = !app->args.npz || app->args.json};
    eg_status status = open_and_run(&r, err);
    eg_npz_close(&r.npz);
    eg_run_input_close(&r.in);
    eg_session_close(&r.session);
    return status;
}

const eg_command eg_cmd_run = {
    .name = "run",
    .words = "MODEL [TEXT...]",
    .summary = "print or save any tensors of the model, by name",
    .details =
        "Names: last_hidden_state, pooler_output, hidden_states, attentions, attentions.3, the outputs of heads such\n"
        "as logits, and any value that the family names: `egbert inspect` lists them. Prints a table, or nested\n"
        "lists with --json; --npz alone prints nothing. A text longer than the model takes is an error, unless\n"
        "--max-length is given.",
    .uses = EG_ON_RUN,
    .run = run_run,
};
