/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/progress.h"
#include "cli/say.h"
#include "cli/session.h"

/* --ids: one text. */
static eg_status
read_ids_flag(eg_run_input *in, const char *text, eg_error *err)
{
    size_t count;
    EG_TRY(eg_read_ints(text, "--ids", 0, INT32_MAX, &in->ids.ids, &count, err));
    in->ids.count = 1;
    in->ids.cu_seqlens = calloc(2, sizeof *in->ids.cu_seqlens);
    if (!in->ids.cu_seqlens)
        return eg_fault(err, EG_E_NOMEM, "out of memory");
    in->ids.cu_seqlens[1] = (int64_t)count;
    return EG_OK;
}

eg_status
eg_run_input_open(eg_run_input *in, const eg_app *app, const eg_record_kind *kind, eg_error *err)
{
    const eg_arguments *args = &app->args;
    *in = (eg_run_input){0};
    if (!args->ids && !args->ids_file)
        return eg_source_open(args, 1, kind, &in->source, err);
    if (args->ids && args->ids_file)
        return eg_fault(err, EG_E_USAGE, "--ids and --ids-file contradict each other");
    if (args->words.count > 1 || args->input || args->pair || args->input_format)
        return eg_fault(err, EG_E_USAGE, "%s stands in place of texts; both are given",
                        args->ids ? "--ids" : "--ids-file");
    in->from_file = args->ids_file != NULL;
    in->ids_name = in->from_file ? args->ids_file : "--ids";
    return in->from_file ? eg_ids_read(args->ids_file, &in->ids, err) : read_ids_flag(in, args->ids, err);
}

void
eg_run_input_close(eg_run_input *in)
{
    eg_source_close(in->source);
    eg_ids_free(&in->ids);
    *in = (eg_run_input){0};
}

static void
on_progress(void *user, uint32_t texts_done, uint32_t texts, uint64_t tokens_done)
{
    eg_run_input *in = user;
    (void)tokens_done;
    in->now = texts;
    uint64_t done = in->before + texts_done;
    double share = in->source ? eg_source_share(in->source) : (double)done / in->ids.count;
    /* What has been read is not yet done: the chunk's own part of it is taken for even. */
    if (in->source && share > 0.0 && texts)
        share *= (double)done / (double)(in->before + texts);
    eg_progress_update(done, "texts", share);
}

static eg_status
next_texts(eg_run_input *in, uint32_t most, eg_input *input, eg_chunk *out_chunk, eg_error *err)
{
    EG_TRY(most ? eg_source_next(in->source, most, out_chunk, err) : eg_source_rest(in->source, out_chunk, err));
    *input = eg_input_of(out_chunk);
    return EG_OK;
}

static eg_status
next_ids(eg_run_input *in, eg_input *input, eg_chunk *out_chunk)
{
    *out_chunk = (eg_chunk){.count = in->done ? 0 : in->ids.count};
    *input = (eg_input){.size = sizeof *input,
                        .count = out_chunk->count,
                        .ids = in->ids.ids,
                        .cu_seqlens = in->ids.cu_seqlens,
                        .type_ids = in->ids.type_ids};
    in->done = true;
    return EG_OK;
}

eg_status
eg_run_input_next(eg_run_input *in, uint32_t most, eg_input *input, eg_chunk *out_chunk, eg_error *err)
{
    in->before += in->now;
    in->now = 0;
    EG_TRY(in->source ? next_texts(in, most, input, out_chunk, err) : next_ids(in, input, out_chunk));
    input->progress = on_progress;
    input->progress_user = in;
    return EG_OK;
}

eg_status
eg_run_input_fault(const eg_run_input *in, eg_error *err)
{
    if (err->file[0] || (err->code != EG_E_INPUT && err->code != EG_E_USAGE))
        return err->code;
    if (in->source)
        return eg_source_fault(in->source, err);
    if (err->code == EG_E_INPUT && !in->from_file)
        err->code = EG_E_USAGE; /* the ids stand on the command line */
    snprintf(err->file, sizeof err->file, "%s", in->ids_name);
    return err->code;
}
