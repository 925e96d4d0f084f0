/* SPDX-License-Identifier: Apache-2.0 */
/* egbert nsp: whether one text follows another. */
#include <stddef.h>

#include "cli/say.h"
#include "cli/session.h"
#include "cli/task.h"

static const eg_record_kind pairs = {
    .text = {.key = "text"},
    .pair = {"pair", "--pair", offsetof(eg_arguments, pair)},
};

static void
print_members(eg_out *out, const eg_task_record *record, bool first)
{
    eg_list_view list = eg_task_list(record, 0);
    eg_out_key(out, first, "is_next");
    eg_out_float(out, (float)list.items[0].score);
    eg_out_key(out, false, "logits");
    eg_out_logits(out, &list);
}

static void
print_line(eg_out *out, const eg_task_record *record)
{
    eg_list_view list = eg_task_list(record, 0);
    eg_out_text(out, list.items[0].score >= list.items[1].score ? "is next\t" : "not next\t");
    eg_out_float(out, (float)list.items[0].score);
    eg_out_char(out, '\n');
}

/* MODEL A B is A with --pair B. */
static eg_status
take_second_word(eg_arguments *args, eg_error *err)
{
    if (args->words.count < 2 || args->pair)
        return EG_OK;
    if (args->words.count == 2)
        return eg_fault(err, EG_E_USAGE, "one text; nsp takes two");
    if (args->words.count > 3)
        return eg_fault(err, EG_E_USAGE, "unexpected argument '%.200s'", args->words.items[3]);
    args->pair = args->words.items[2];
    args->words.count = 2;
    return EG_OK;
}

static eg_status
run_nsp(eg_app *app, eg_error *err)
{
    static const eg_task_command command = {
        .kind = &pairs, .chunk_texts = 1024, .members = print_members, .print = print_line};
    const eg_task_options options = {.task = EG_TASK_NSP};
    EG_TRY(take_second_word(&app->args, err));
    return eg_task_command_run(app, &command, &options, err);
}

const eg_command eg_cmd_nsp = {
    .name = "nsp",
    .words = "MODEL A B",
    .summary = "tell whether text B follows text A",
    .details =
        "Prints the probability that it does, or {\"is_next\", \"logits\"} with --json. Many pairs come as records\n"
        "with \"text\" and \"pair\" (--input-format jsonl), or as texts that all go with one --pair.",
    .uses = EG_ON_NSP,
    .run = run_nsp,
};
