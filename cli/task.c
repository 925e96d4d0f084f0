/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/task.h"

#include "cli/run_input.h"
#include "cli/say.h"
#include "cli/session.h"

typedef struct task_run {
    eg_app *app;
    const eg_task_command *command;
    eg_task_options options;
    eg_session session;
    eg_run_input in;
    uint64_t records; /* printed so far */
} task_run;

eg_list_view
eg_task_list(const eg_task_record *record, uint32_t i)
{
    eg_list_view list = {.size = sizeof list};
    if (eg_result_list(record->result, record->record, i, &list) != EG_OK)
        list = (eg_list_view){.size = sizeof list, .head = ""};
    return list;
}

void
eg_out_logits(eg_out *out, const eg_list_view *list)
{
    eg_out_char(out, '[');
    for (uint32_t i = 0; i < list->logit_count; i++) {
        if (i)
            eg_out_char(out, ',');
        eg_out_float(out, list->logits[i]);
    }
    eg_out_char(out, ']');
}

static void
print_record(task_run *t, const eg_task_record *record)
{
    eg_out *out = &t->app->out;
    if (!t->app->args.json || !t->command->members) {
        t->command->print(out, record);
        return;
    }
    bool first = eg_out_object(out, &record->chunk->ids[record->record]);
    t->command->members(out, record, first);
    eg_out_text(out, "}\n");
}

static eg_status
print_chunk(task_run *t, const eg_input *input, const eg_chunk *chunk, eg_error *err)
{
    eg_result *result;
    if (t->command->kind->many) {
        t->options.groups = chunk->groups;
        t->options.group_count = chunk->records;
    }
    EG_TRY(eg_run_task(t->session.context, input, &t->options, &result, err));
    for (uint32_t i = 0; i < chunk->records; i++)
        print_record(t,
                     &(eg_task_record){
                         .args = &t->app->args, .chunk = chunk, .result = result, .record = i, .number = ++t->records});
    eg_result_free(result);
    return eg_out_flush(&t->app->out, err);
}

/* A record that the library refuses ends the run; what comes before it is done all the same. */
static eg_status
run_chunk(task_run *t, const eg_input *input, const eg_chunk *chunk, eg_error *err)
{
    eg_status status = print_chunk(t, input, chunk, err);
    uint32_t sound = status == EG_OK ? 0 : eg_source_sound_records(t->in.source, err);
    if (sound) {
        const eg_error fault = *err;
        eg_input first = *input;
        eg_chunk before = *chunk;
        before.records = sound;
        before.count = first.count = chunk->groups[sound];
        EG_TRY(print_chunk(t, &first, &before, err));
        *err = fault;
    }
    return status == EG_OK ? EG_OK : eg_run_input_fault(&t->in, err);
}

static eg_status
run_all(task_run *t, eg_error *err)
{
    eg_input input = {0};
    eg_chunk chunk;
    EG_TRY(eg_expect_model(t->app, err));
    EG_TRY(eg_run_input_open(&t->in, t->app, t->command->kind, err));
    EG_TRY(eg_session_open(&t->session, t->app, EG_LOAD_FULL, err));
    for (;;) {
        EG_TRY(eg_run_input_next(&t->in, t->command->chunk_texts, &input, &chunk, err));
        if (chunk.records == 0)
            return EG_OK;
        EG_TRY(run_chunk(t, &input, &chunk, err));
    }
}

eg_status
eg_task_command_run(eg_app *app, const eg_task_command *command, const eg_task_options *options, eg_error *err)
{
    task_run t = {.app = app, .command = command, .options = *options};
    t.options.size = sizeof t.options;
    eg_status status = run_all(&t, err);
    eg_run_input_close(&t.in);
    eg_session_close(&t.session);
    return status;
}
