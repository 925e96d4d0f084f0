/* SPDX-License-Identifier: Apache-2.0 */
/* egbert choose: which of several choices goes best with a prompt. */
#include <stddef.h>

#include "cli/task.h"

static const eg_record_kind choices = {
    .text = {"prompt", "--prompt", offsetof(eg_arguments, prompt)},
    .pair = {.key = "choices"},
    .many = true,
    .needs_one = true,
};

static uint32_t
best_of(const eg_list_view *list)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < list->item_count; i++)
        if (list->logits[i] > list->logits[best])
            best = i;
    return best;
}

static void
print_members(eg_out *out, const eg_task_record *record, bool first)
{
    eg_list_view list = eg_task_list(record, 0);
    eg_out_key(out, first, "choice");
    eg_out_int(out, best_of(&list));
    eg_out_key(out, false, "scores");
    eg_out_char(out, '[');
    for (uint32_t i = 0; i < list.item_count; i++) {
        if (i)
            eg_out_char(out, ',');
        eg_out_float(out, (float)list.items[i].score);
    }
    eg_out_char(out, ']');
    eg_out_key(out, false, "logits");
    eg_out_logits(out, &list);
}

/* A line per choice, the best one marked; an empty line between records. */
static void
print_table(eg_out *out, const eg_task_record *record)
{
    eg_list_view list = eg_task_list(record, 0);
    uint32_t best = best_of(&list), first = record->chunk->groups[record->record];
    if (record->number > 1)
        eg_out_char(out, '\n');
    for (uint32_t i = 0; i < list.item_count; i++) {
        eg_out_format(out, "%c %3u  %8.6f  ", i == best ? '*' : ' ', i, list.items[i].score);
        eg_out_line(out, record->chunk->pairs[first + i], 0);
        eg_out_char(out, '\n');
    }
}

static eg_status
run_choose(eg_app *app, eg_error *err)
{
    static const eg_task_command command = {
        .kind = &choices, .chunk_texts = 1024, .members = print_members, .print = print_table};
    const eg_task_options options = {.task = EG_TASK_CHOOSE};
    return eg_task_command_run(app, &command, &options, err);
}

const eg_command eg_cmd_choose = {
    .name = "choose",
    .words = "MODEL --prompt TEXT CHOICE...",
    .summary = "choose what goes best with a prompt",
    .details =
        "Multiple choice: prints the choices with their probabilities, the best one marked, or {\"choice\", "
        "\"scores\",\n"
        "\"logits\"} with --json; \"choice\" counts from 0. Many come as records with \"prompt\" and \"choices\"\n"
        "(--input-format jsonl). Lines of --input are the choices of --prompt.",
    .uses = EG_ON_CHOOSE,
    .run = run_choose,
};
