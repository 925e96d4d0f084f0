/* SPDX-License-Identifier: Apache-2.0 */
/* egbert sparse: texts as weights of vocabulary entries (SPLADE). */
#include <stdio.h>
#include <string.h>

#include "cli/task.h"

/* An id that the tokenizer has no entry for is named by its number. */
static eg_string
token_of(const eg_item *item, char *number, size_t n)
{
    if (item->label.data)
        return item->label;
    snprintf(number, n, "#%lld", (long long)item->index);
    return (eg_string){number, strlen(number)};
}

static void
print_members(eg_out *out, const eg_task_record *record, bool first)
{
    eg_list_view list = eg_task_list(record, 0);
    char number[32];
    eg_out_key(out, first, "sparse");
    eg_out_char(out, '{');
    for (uint32_t i = 0; i < list.item_count; i++) {
        eg_string token = token_of(&list.items[i], number, sizeof number);
        if (i)
            eg_out_char(out, ',');
        eg_out_string(out, token.data, token.length);
        eg_out_char(out, ':');
        eg_out_float(out, (float)list.items[i].score);
    }
    eg_out_char(out, '}');
}

/* A line per token, an empty one between texts. */
static void
print_table(eg_out *out, const eg_task_record *record)
{
    eg_list_view list = eg_task_list(record, 0);
    char number[32];
    if (record->number > 1)
        eg_out_char(out, '\n');
    for (uint32_t i = 0; i < list.item_count; i++) {
        eg_out_line(out, token_of(&list.items[i], number, sizeof number), 0);
        eg_out_char(out, '\t');
        eg_out_float(out, (float)list.items[i].score);
        eg_out_char(out, '\n');
    }
}

static eg_status
run_sparse(eg_app *app, eg_error *err)
{
    static const eg_task_command command = {
        .kind = &eg_records_of_texts, .chunk_texts = 256, .members = print_members, .print = print_table};
    const eg_task_options options = {.task = EG_TASK_SPARSE, .top_k = (uint32_t)app->args.top_k};
    return eg_task_command_run(app, &command, &options, err);
}

const eg_command eg_cmd_sparse = {
    .name = "sparse",
    .words = "MODEL [TEXT...]",
    .summary = "turn texts into weights of vocabulary entries",
    .details =
        "SPLADE: prints the tokens whose weight is not zero, the heaviest first, or {\"sparse\": {token: weight}}\n"
        "with --json. --top-k keeps the heaviest. Texts longer than the model takes are cut.",
    .uses = EG_ON_SPARSE,
    .run = run_sparse,
};
