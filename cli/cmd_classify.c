/* SPDX-License-Identifier: Apache-2.0 */
/* egbert classify: the class of each text. */
#include "cli/task.h"

static void
print_labels(eg_out *out, const eg_list_view *list)
{
    eg_out_char(out, '[');
    for (uint32_t i = 0; i < list->item_count; i++) {
        const eg_item *item = &list->items[i];
        eg_out_text(out, i ? ",{" : "{");
        eg_out_key(out, true, "label");
        eg_out_string(out, item->label.data, item->label.length);
        eg_out_key(out, false, "score");
        eg_out_float(out, (float)item->score);
        eg_out_char(out, '}');
    }
    eg_out_char(out, ']');
}

static void
print_head(eg_out *out, const eg_list_view *list, bool first)
{
    eg_out_key(out, first, "label");
    eg_out_string(out, list->items[0].label.data, list->items[0].label.length);
    eg_out_key(out, false, "score");
    eg_out_float(out, (float)list->items[0].score);
    eg_out_key(out, false, "logits");
    eg_out_logits(out, list);
    eg_out_key(out, false, "labels");
    print_labels(out, list);
}

static void
print_members(eg_out *out, const eg_task_record *record, bool first)
{
    uint32_t heads = eg_result_lists(record->result, record->record);
    if (heads == 1) {
        eg_list_view list = eg_task_list(record, 0);
        print_head(out, &list, first);
        return;
    }
    eg_out_key(out, first, "heads");
    eg_out_char(out, '{');
    for (uint32_t i = 0; i < heads; i++) {
        eg_list_view list = eg_task_list(record, i);
        eg_out_key(out, i == 0, list.head);
        eg_out_char(out, '{');
        print_head(out, &list, true);
        eg_out_char(out, '}');
    }
    eg_out_char(out, '}');
}

/* The best label, or with --top-k as many; with several heads a line for each, its name first. */
static void
print_line(eg_out *out, const eg_task_record *record)
{
    uint32_t heads = eg_result_lists(record->result, record->record);
    for (uint32_t i = 0; i < heads; i++) {
        eg_list_view list = eg_task_list(record, i);
        uint32_t shown = record->args->top_k ? list.item_count : 1;
        if (heads > 1)
            eg_out_format(out, "%s\t", list.head);
        for (uint32_t k = 0; k < shown; k++) {
            if (k)
                eg_out_char(out, '\t');
            eg_out_bytes(out, list.items[k].label.data, list.items[k].label.length);
            eg_out_char(out, '\t');
            eg_out_float(out, (float)list.items[k].score);
        }
        eg_out_char(out, '\n');
    }
}

static eg_status
run_classify(eg_app *app, eg_error *err)
{
    static const eg_task_command command = {
        .kind = &eg_records_of_texts, .chunk_texts = 1024, .members = print_members, .print = print_line};
    const eg_task_options options = {.task = EG_TASK_CLASSIFY, .top_k = (uint32_t)app->args.top_k};
    return eg_task_command_run(app, &command, &options, err);
}

const eg_command eg_cmd_classify = {
    .name = "classify",
    .words = "MODEL [TEXT...]",
    .summary = "tell the class of each text",
    .details =
        "Prints the best label and its score, or {\"label\", \"score\", \"logits\", \"labels\"} with --json, all "
        "labels\n"
        "by score: softmax; sigmoid where there is one label or several may hold; the number itself for regression.\n"
        "A model with several heads that classify gives {\"heads\": {NAME: {...}}} unless --head names one.\n"
        "--pair, or \"pair\" of a record, is the second text. Texts longer than the model takes are cut.",
    .uses = EG_ON_CLASSIFY,
    .run = run_classify,
};
