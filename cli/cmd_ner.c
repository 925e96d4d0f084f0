/* SPDX-License-Identifier: Apache-2.0 */
/* egbert ner: the named entities of each text. */
#include <string.h>

#include "cli/task.h"

static void
print_entity(eg_out *out, const eg_item *item, bool with_index)
{
    eg_out_char(out, '{');
    eg_out_key(out, true, "entity");
    eg_out_string(out, item->label.data, item->label.length);
    eg_out_key(out, false, "score");
    eg_out_float(out, (float)item->score);
    if (with_index) {
        eg_out_key(out, false, "index");
        eg_out_int(out, item->index);
    }
    eg_out_key(out, false, "word");
    eg_out_string(out, item->text.data, item->text.length);
    eg_out_key(out, false, "start");
    eg_out_int(out, item->start);
    eg_out_key(out, false, "end");
    eg_out_int(out, item->end);
    eg_out_char(out, '}');
}

static bool
has_index(const eg_arguments *args)
{
    return !args->aggregation || strcmp(args->aggregation, "none") == 0;
}

static void
print_members(eg_out *out, const eg_task_record *record, bool first)
{
    eg_list_view list = eg_task_list(record, 0);
    eg_out_key(out, first, "entities");
    eg_out_char(out, '[');
    for (uint32_t i = 0; i < list.item_count; i++) {
        if (i)
            eg_out_char(out, ',');
        print_entity(out, &list.items[i], has_index(record->args));
    }
    eg_out_char(out, ']');
}

/* A line per entity, an empty one between texts. */
static void
print_table(eg_out *out, const eg_task_record *record)
{
    eg_list_view list = eg_task_list(record, 0);
    if (record->number > 1)
        eg_out_char(out, '\n');
    for (uint32_t i = 0; i < list.item_count; i++) {
        const eg_item *item = &list.items[i];
        eg_out_line(out, item->label, 0);
        eg_out_char(out, '\t');
        eg_out_float(out, (float)item->score);
        eg_out_char(out, '\t');
        eg_out_line(out, item->text, 0);
        eg_out_format(out, "\t%lld\t%lld\n", (long long)item->start, (long long)item->end);
    }
}

static eg_aggregation
aggregation_of(const eg_arguments *args)
{
    static const char *const names[] = {
        [EG_AGGREGATE_SIMPLE] = "simple",
        [EG_AGGREGATE_FIRST] = "first",
        [EG_AGGREGATE_AVERAGE] = "average",
        [EG_AGGREGATE_MAX] = "max",
    };
    for (size_t i = EG_AGGREGATE_SIMPLE; args->aggregation && i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], args->aggregation) == 0)
            return (eg_aggregation)i;
    return EG_AGGREGATE_NONE;
}

static eg_status
run_ner(eg_app *app, eg_error *err)
{
    static const eg_task_command command = {
        .kind = &eg_records_of_texts, .chunk_texts = 256, .members = print_members, .print = print_table};
    const eg_task_options options = {.task = EG_TASK_NER, .aggregation = aggregation_of(&app->args)};
    return eg_task_command_run(app, &command, &options, err);
}

const eg_command eg_cmd_ner = {
    .name = "ner",
    .words = "MODEL [TEXT...]",
    .summary = "find the named entities of texts",
    .details =
        "Prints entity, score, word, start and end, one entity a line, or {\"entities\": [{\"entity\", \"score\", "
        "\"word\",\n"
        "\"start\", \"end\"}...]} with --json; [start, end) counts characters. What has the label O is left out.\n"
        "--aggregation none (default) gives tokens as they are, with their \"index\"; simple puts neighbours of one\n"
        "entity together, B- and I- left off; first, average and max decide on whole words before, by the word's\n"
        "first token, by the mean of all, or by the surest. Texts longer than the model takes are cut.",
    .uses = EG_ON_NER,
    .run = run_ner,
};
