/* SPDX-License-Identifier: Apache-2.0 */
/* egbert fill-mask: what stands at the mask tokens of a text. */
#include <stdlib.h>
#include <string.h>

#include "cli/mem.h"
#include "cli/say.h"
#include "cli/task.h"
#include "cli/utf8.h"

static void
print_fill(eg_out *out, const eg_item *item)
{
    eg_out_char(out, '{');
    eg_out_key(out, true, "token");
    eg_out_string(out, item->label.data, item->label.length);
    eg_out_key(out, false, "id");
    eg_out_int(out, item->index);
    eg_out_key(out, false, "score");
    eg_out_float(out, (float)item->score);
    eg_out_key(out, false, "sequence");
    eg_out_string(out, item->text.data, item->text.length);
    eg_out_char(out, '}');
}

static void
print_members(eg_out *out, const eg_task_record *record, bool first)
{
    uint32_t masks = eg_result_lists(record->result, record->record);
    eg_out_key(out, first, "fills");
    eg_out_char(out, '[');
    for (uint32_t mask = 0; mask < masks; mask++) {
        eg_list_view list = eg_task_list(record, mask);
        eg_out_text(out, mask ? ",[" : "[");
        for (uint32_t i = 0; i < list.item_count; i++) {
            if (i)
                eg_out_char(out, ',');
            print_fill(out, &list.items[i]);
        }
        eg_out_char(out, ']');
    }
    eg_out_char(out, ']');
}

/* A line per token, an empty one between masks. */
static void
print_table(eg_out *out, const eg_task_record *record)
{
    uint32_t masks = eg_result_lists(record->result, record->record);
    for (uint32_t mask = 0; mask < masks; mask++) {
        eg_list_view list = eg_task_list(record, mask);
        if (mask || record->number > 1)
            eg_out_char(out, '\n');
        for (uint32_t i = 0; i < list.item_count; i++) {
            eg_out_format(out, "%10.6f  %6lld  ", list.items[i].score, (long long)list.items[i].index);
            eg_out_line(out, list.items[i].label, 0);
            eg_out_text(out, "\t");
            eg_out_line(out, list.items[i].text, 0);
            eg_out_char(out, '\n');
        }
    }
}

/* The targets of the command line; *out is freed with free(). */
static eg_status
take_targets(const eg_strings *words, eg_string **out, eg_error *err)
{
    size_t capacity = 0;
    uint32_t column;
    *out = NULL;
    if (words->count == 0)
        return EG_OK;
    EG_TRY(eg_reserve(out, &capacity, words->count, sizeof **out, err));
    for (size_t i = 0; i < words->count; i++) {
        (*out)[i] = (eg_string){words->items[i], strlen(words->items[i])};
        if (!eg_is_utf8(words->items[i], strlen(words->items[i]), &column))
            return eg_fault(err, EG_E_USAGE, "--targets: token %zu is not valid UTF-8 at character %u", i + 1, column);
    }
    return EG_OK;
}

static eg_status
run_fill_mask(eg_app *app, eg_error *err)
{
    static const eg_task_command command = {
        .kind = &eg_records_of_texts, .chunk_texts = 256, .members = print_members, .print = print_table};
    eg_string *targets;
    eg_status status = take_targets(&app->args.targets, &targets, err);
    if (status == EG_OK) {
        const eg_task_options options = {
            .task = EG_TASK_FILL_MASK,
            .top_k = (uint32_t)app->args.top_k,
            .targets = targets,
            .target_count = (uint32_t)app->args.targets.count,
        };
        status = eg_task_command_run(app, &command, &options, err);
    }
    free(targets);
    return status;
}

const eg_command eg_cmd_fill_mask = {
    .name = "fill-mask",
    .words = "MODEL [TEXT...]",
    .summary = "tell what stands at the mask tokens of a text",
    .details =
        "Prints score, id, token and the text with it for each mask, the likeliest first, or {\"fills\": "
        "[[{\"token\",\n"
        "\"id\", \"score\", \"sequence\"}...]...]} with --json: one list per mask. A text needs a mask token of the\n"
        "model, [MASK] or <mask>. With several masks a sequence fills one of them and keeps special tokens.",
    .uses = EG_ON_FILL_MASK,
    .run = run_fill_mask,
};
