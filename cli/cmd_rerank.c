/* SPDX-License-Identifier: Apache-2.0 */
/* egbert rerank: documents by how well they answer a query. */
#include <stddef.h>
#include <string.h>

#include "cli/task.h"

static const eg_record_kind documents = {
    .text = {"query", "--query", offsetof(eg_arguments, query)},
    .pair = {.key = "documents"},
    .many = true,
};

static void
print_result(eg_out *out, const eg_item *item)
{
    eg_out_char(out, '{');
    eg_out_key(out, true, "index");
    eg_out_int(out, item->index);
    eg_out_key(out, false, "score");
    eg_out_float(out, (float)item->score);
    eg_out_key(out, false, "text");
    eg_out_string(out, item->text.data, item->text.length);
    eg_out_char(out, '}');
}

/* An object per record, or per document where the command line gives the one query. */
static void
print_json(eg_out *out, const eg_task_record *record, const eg_list_view *list)
{
    bool from_records = record->args->input_format && strcmp(record->args->input_format, "jsonl") == 0;
    if (from_records) {
        eg_out_key(out, eg_out_object(out, &record->chunk->ids[record->record]), "results");
        eg_out_char(out, '[');
    }
    for (uint32_t i = 0; i < list->item_count; i++) {
        if (from_records && i)
            eg_out_char(out, ',');
        print_result(out, &list->items[i]);
        if (!from_records)
            eg_out_char(out, '\n');
    }
    if (from_records)
        eg_out_text(out, "]}\n");
}

static void
print_table(eg_out *out, const eg_task_record *record, const eg_list_view *list)
{
    if (record->number > 1)
        eg_out_char(out, '\n');
    for (uint32_t i = 0; i < list->item_count; i++) {
        eg_out_format(out, "%10.6f  %4lld  ", list->items[i].score, (long long)list->items[i].index);
        eg_out_line(out, list->items[i].text, 0);
        eg_out_char(out, '\n');
    }
}

static void
print(eg_out *out, const eg_task_record *record)
{
    eg_list_view list = eg_task_list(record, 0);
    (record->args->json ? print_json : print_table)(out, record, &list);
}

static eg_status
run_rerank(eg_app *app, eg_error *err)
{
    static const eg_task_command command = {.kind = &documents, .chunk_texts = 1024, .print = print};
    const eg_task_options options = {.task = EG_TASK_RERANK, .top_k = (uint32_t)app->args.top_k};
    return eg_task_command_run(app, &command, &options, err);
}

const eg_command eg_cmd_rerank = {
    .name = "rerank",
    .words = "MODEL --query TEXT DOCUMENT...",
    .summary = "sort documents by how well they answer a query",
    .details =
        "With a cross encoder: prints score, number (from 0) and text, the best document first, or a line {\"index\",\n"
        "\"score\", \"text\"} for each with --json. Many queries come as records with \"query\" and \"documents\"\n"
        "(--input-format jsonl): {\"results\": [...]} for each. Lines of --input are the documents of --query.\n"
        "Scores have gone through the activation that the checkpoint names, by default a sigmoid.",
    .uses = EG_ON_RERANK,
    .run = run_rerank,
};
