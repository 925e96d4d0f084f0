/* SPDX-License-Identifier: Apache-2.0 */
/* egbert qa: the part of a text that answers a question. */
#include <stddef.h>

#include "cli/task.h"

enum { ANSWER_CHARACTERS = 120 };

static const eg_record_kind questions = {
    .text = {"question", "--question", offsetof(eg_arguments, question)},
    .pair = {"context", "--context", offsetof(eg_arguments, context)},
};

static void
print_answer(eg_out *out, const eg_item *item, bool first)
{
    eg_out_key(out, first, "answer");
    eg_out_string(out, item->text.data, item->text.length);
    eg_out_key(out, false, "score");
    eg_out_float(out, (float)item->score);
    eg_out_key(out, false, "start");
    eg_out_int(out, item->start);
    eg_out_key(out, false, "end");
    eg_out_int(out, item->end);
}

/* One answer is the object itself; asked for some, it is a list, however many there are. */
static void
print_members(eg_out *out, const eg_task_record *record, bool first)
{
    eg_list_view list = eg_task_list(record, 0);
    if (!record->args->top_k) {
        print_answer(out, &list.items[0], first);
        return;
    }
    eg_out_key(out, first, "answers");
    eg_out_char(out, '[');
    for (uint32_t i = 0; i < list.item_count; i++) {
        eg_out_text(out, i ? ",{" : "{");
        print_answer(out, &list.items[i], true);
        eg_out_char(out, '}');
    }
    eg_out_char(out, ']');
}

static void
print_table(eg_out *out, const eg_task_record *record)
{
    eg_list_view list = eg_task_list(record, 0);
    if (record->number > 1 && record->args->top_k)
        eg_out_char(out, '\n');
    for (uint32_t i = 0; i < list.item_count; i++) {
        const eg_item *item = &list.items[i];
        eg_out_format(out, "%10.6f  %6lld  %6lld  ", item->score, (long long)item->start, (long long)item->end);
        eg_out_line(out, item->text, ANSWER_CHARACTERS);
        eg_out_char(out, '\n');
    }
}

static eg_status
run_qa(eg_app *app, eg_error *err)
{
    static const eg_task_command command = {
        .kind = &questions, .chunk_texts = 256, .members = print_members, .print = print_table};
    const eg_task_options options = {
        .task = EG_TASK_QA,
        .top_k = (uint32_t)app->args.top_k,
        .stride = (uint32_t)app->args.stride,
        .max_answer = (uint32_t)app->args.max_answer,
        .no_answer = app->args.no_answer == EG_ON,
    };
    return eg_task_command_run(app, &command, &options, err);
}

const eg_command eg_cmd_qa = {
    .name = "qa",
    .words = "MODEL --question TEXT --context TEXT",
    .summary = "find the part of a text that answers a question",
    .details =
        "Prints score, start, end and answer, or {\"answer\", \"score\", \"start\", \"end\"} with --json, and with\n"
        "--top-k {\"answers\": [...]}. Start and end count characters of the context. A long context is read in\n"
        "windows of --max-length tokens (default 384), question included, of which neighbours share --stride (default\n"
        "128); both are cut to the model. Many questions come as records with \"question\" and \"context\"\n"
        "(--input-format jsonl), or as texts that all go with one --context, or contexts with one --question.",
    .uses = EG_ON_QA,
    .run = run_qa,
};
