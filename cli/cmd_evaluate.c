/* SPDX-License-Identifier: Apache-2.0 */
/* egbert evaluate: how well a head does on labelled texts. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/describe.h"
#include "cli/progress.h"
#include "cli/run_input.h"
#include "cli/say.h"
#include "cli/session.h"
#include "cli/utf8.h"

#define CHUNK_TEXTS 1024

/* Characters of labels in the tables. */
enum { LONGEST_NAME = 40, LONGEST_COLUMN = 12 };

typedef struct evaluate {
    eg_app *app;
    eg_session session;
    eg_run_input in;
    eg_evaluation *evaluation;
} evaluate;

/* --- the table ----------------------------------------------------------------------------------- */

static const eg_json *
first_of(const eg_json *array)
{
    return array ? array->first : NULL;
}

/* The characters of the longest of these names, from `least` to `most`. */
static size_t
width_of(const eg_json *names, const char *key, size_t least, size_t most)
{
    size_t width = least;
    for (const eg_json *item = first_of(names); item; item = item->next) {
        const char *name = eg_json_text(key ? eg_json_get(item, key) : item);
        size_t length = eg_characters(name, strlen(name));
        width = length > width ? length : width;
    }
    return width < most ? width : most;
}

/* A name in so many columns: cut, or with blanks before it or behind. */
static void
print_name(eg_out *out, const char *text, size_t width, bool to_the_right)
{
    eg_string shown = {text, 0};
    size_t length = strlen(text), count = 0;
    for (; shown.length < length && count < width; count++) {
        size_t n = eg_character(text + shown.length, length - shown.length);
        shown.length += n ? n : 1;
    }
    int blanks = (int)(width - count);
    eg_out_format(out, "%*s", to_the_right ? blanks : 0, "");
    eg_out_line(out, shown, 0);
    eg_out_format(out, "%*s", to_the_right ? 0 : blanks, "");
}

static void
print_summary(eg_out *out, const eg_json *root)
{
    static const char *const keys[] = {"count",    "masked",    "words",  "loss",    "perplexity",
                                       "accuracy", "precision", "recall", "pearson", "spearman"};
    eg_out_format(out, "%-10s  %s (%s)\n", "task", eg_json_text(eg_json_get(root, "task")),
                  eg_json_text(eg_json_get(root, "head")));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const eg_json *value = eg_json_get(root, keys[i]);
        if (!value)
            continue;
        eg_out_format(out, "%-10s  ", strcmp(keys[i], "count") == 0 ? "texts" : keys[i]);
        if (value->type == EG_JSON_NUMBER)
            eg_out_format(out, "%.6g\n", value->number);
        else
            eg_out_text(out, "not defined\n");
    }
    const eg_json *f1 = eg_json_get(root, "f1");
    if (f1)
        eg_out_format(out, "%-10s  %.6g\n%-10s  %.6g\n", "macro F1", eg_json_number(eg_json_get(f1, "macro")),
                      "micro F1", eg_json_number(eg_json_get(f1, "micro")));
}

static void
print_classes(eg_out *out, const eg_json *classes)
{
    size_t width = width_of(classes, "label", strlen("label"), LONGEST_NAME);
    eg_out_format(out, "\n%-*s  precision    recall        F1   support\n", (int)width, "label");
    for (const eg_json *item = classes->first; item; item = item->next) {
        print_name(out, eg_json_text(eg_json_get(item, "label")), width, false);
        eg_out_format(out, "  %9.4f %9.4f %9.4f %9.0f\n", eg_json_number(eg_json_get(item, "precision")),
                      eg_json_number(eg_json_get(item, "recall")), eg_json_number(eg_json_get(item, "f1")),
                      eg_json_number(eg_json_get(item, "support")));
    }
}

/* Rows are what the labels say, columns what the model does. */
static void
print_confusion(eg_out *out, const eg_json *confusion)
{
    const eg_json *labels = eg_json_get(confusion, "labels"), *label = first_of(labels);
    size_t width = width_of(labels, NULL, strlen("true \\ predicted"), LONGEST_NAME);
    size_t column = width_of(labels, NULL, 6, LONGEST_COLUMN);
    eg_out_format(out, "\n%-*s", (int)width, "true \\ predicted");
    for (const eg_json *name = label; name; name = name->next) {
        eg_out_char(out, ' ');
        print_name(out, eg_json_text(name), column, true);
    }
    eg_out_char(out, '\n');
    for (const eg_json *row = first_of(eg_json_get(confusion, "matrix")); row && label;
         row = row->next, label = label->next) {
        print_name(out, eg_json_text(label), width, false);
        for (const eg_json *cell = row->first; cell; cell = cell->next)
            eg_out_format(out, " %*.0f", (int)column, cell->number);
        eg_out_char(out, '\n');
    }
}

static eg_status
print_result(eg_app *app, char *json, eg_error *err)
{
    eg_description_text description;
    EG_TRY(eg_description_read(json, &description, err));
    const eg_json *root = description.root, *classes = eg_json_get(root, "classes"),
                  *confusion = eg_json_get(root, "confusion");
    if (app->args.json) {
        eg_out_text(&app->out, description.text);
        eg_out_char(&app->out, '\n');
    } else {
        print_summary(&app->out, root);
        if (classes)
            print_classes(&app->out, classes);
        if (confusion)
            print_confusion(&app->out, confusion);
    }
    eg_description_free(&description);
    return eg_out_flush(&app->out, err);
}

/* --- the command --------------------------------------------------------------------------------- */

static eg_status
evaluate_all(evaluate *e, eg_error *err)
{
    eg_input input = {0};
    eg_chunk chunk;
    for (;;) {
        EG_TRY(eg_run_input_next(&e->in, CHUNK_TEXTS, &input, &chunk, err));
        if (chunk.records == 0)
            return EG_OK;
        if (eg_evaluation_add(e->evaluation, &input, chunk.labels, err) != EG_OK)
            return eg_run_input_fault(&e->in, err);
    }
}

static eg_status
give_result(evaluate *e, eg_error *err)
{
    char *json;
    const char *input = e->app->args.input;
    eg_progress_clear();
    eg_status status = eg_evaluation_result(e->evaluation, &json, err);
    if (status == EG_OK)
        return print_result(e->app, json, err);
    if (status == EG_E_INPUT && !err->file[0])
        snprintf(err->file, sizeof err->file, "%s", input && strcmp(input, "-") != 0 ? input : "standard input");
    return status;
}

static eg_status
open_and_evaluate(evaluate *e, eg_error *err)
{
    static const eg_record_kind records = {
        .text = {.key = "text"}, .pair = {.key = "pair"}, .pair_optional = true, .label_too = "target"};
    const eg_evaluate_options options = {.size = sizeof options, .seed = (uint64_t)e->app->args.seed};
    EG_TRY(eg_run_input_open(&e->in, e->app, &records, err));
    EG_TRY(eg_session_open(&e->session, e->app, EG_LOAD_FULL, err));
    EG_TRY(eg_evaluation_open(e->session.context, &options, &e->evaluation, err));
    EG_TRY(evaluate_all(e, err));
    return give_result(e, err);
}

static eg_status
run_evaluate(eg_app *app, eg_error *err)
{
    evaluate e = {.app = app};
    EG_TRY(eg_expect_words(app, 1, err));
    if (!app->args.input_format)
        app->args.input_format = "jsonl"; /* lines have no labels */
    eg_status status = open_and_evaluate(&e, err);
    eg_evaluation_close(e.evaluation);
    eg_run_input_close(&e.in);
    eg_session_close(&e.session);
    return status;
}

const eg_command eg_cmd_evaluate = {
    .name = "evaluate",
    .words = "MODEL",
    .summary = "measure how well a head does on labelled texts",
    .details =
        "Reads {\"text\", \"pair\", \"label\", \"id\"} a line and prints the loss that training would have, and what\n"
        "goes with it; with --json one object, with the confusion matrix. By the head:\n"
        "  classify   label: a name or an index (cross entropy); a list of them, or of true and false for all\n"
        "             (binary cross entropy); a number, or a list of them (squared error, correlations).\n"
        "             Accuracy, F1, confusion\n"
        "  ner        label: a list with a tag for each word between blanks. Accuracy of words, F1 of entities\n"
        "  fill_mask  target: the text of the [MASK] tokens, or a list. Without one 15 % of the tokens are drawn by\n"
        "             --seed, 80 % of them masked, 10 % changed, 10 % left. Loss, perplexity, accuracy\n"
        "  none       label: a number for text and pair, to correlate with the similarity of their embeddings\n"
        "--head names one of several heads. With --input-format lines texts have no labels, for fill_mask.",
    .uses = EG_ON_EVALUATE,
    .run = run_evaluate,
};
