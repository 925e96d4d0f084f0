/* SPDX-License-Identifier: Apache-2.0 */
/* Heads that classify: one class (cross entropy), any number of classes (binary cross entropy), numbers (squared error). */
#include <string.h>

#include "engine/tasks/evaluate.h"

/* --- targets ------------------------------------------------------------------------------------- */

/* As the training code of transformers decides; where it goes by the type of the labels, the first one decides. */
static eg_status
begin(eg_evaluation *e, const eg_json *label, eg_error *err)
{
    const char *problem = e->head.problem_type;
    bool is_list = label && label->type == EG_JSON_ARRAY;
    if (e->head.label_count == 0)
        return eg_fail(err, EG_E_INPUT, "the head '%s' has no labels", e->head.name);
    if (problem ? strcmp(problem, "regression") == 0 : e->head.label_count == 1)
        e->target = EG_TARGET_NUMBERS;
    else if (problem ? strcmp(problem, "multi_label_classification") == 0 : is_list)
        e->target = EG_TARGET_CLASSES;
    else
        e->target = EG_TARGET_CLASS;
    if (e->target == EG_TARGET_NUMBERS)
        return EG_OK;
    return eg_class_counts_new(&e->counts, e->head.label_count, e->target == EG_TARGET_CLASS, err);
}

static bool
is_number(const eg_json *value)
{
    return value && (value->type == EG_JSON_INT || value->type == EG_JSON_REAL);
}

static eg_status
read_numbers(const eg_evaluation *e, uint32_t text, const eg_json *label, double *row, eg_error *err)
{
    uint32_t n = e->head.label_count;
    bool is_list = label && label->type == EG_JSON_ARRAY;
    size_t given = is_list ? label->count : 1;
    bool fits = given == n;
    for (size_t i = 0; i < given && fits; i++) {
        const eg_json *number = is_list ? &label->items[i] : label;
        fits = is_number(number);
        if (fits)
            row[i] = number->real;
    }
    if (fits)
        return EG_OK;
    return eg_evaluation_bad_label(text, label, n == 1 ? "a number" : "a list with a number for each label of the head",
                                   err);
}

/* One truth for each label, in order: true and false, or 1.0 and 0.0. */
static bool
read_truths(const eg_json *label, size_t n, double *row)
{
    if (label->count != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        const eg_json *truth = &label->items[i];
        bool is_bool = truth->type == EG_JSON_BOOL;
        if (!is_bool && !(truth->type == EG_JSON_REAL && (truth->real == 0.0 || truth->real == 1.0)))
            return false;
        row[i] = is_bool ? (double)truth->boolean : truth->real;
    }
    return true;
}

static eg_status
read_classes(const eg_evaluation *e, uint32_t text, const eg_json *label, double *row, eg_error *err)
{
    static const char expected[] = "a list of labels, or true or false for each label of the head";
    if (!label || label->type != EG_JSON_ARRAY)
        return eg_evaluation_bad_label(text, label, expected, err);
    if (label->count && read_truths(label, e->head.label_count, row))
        return EG_OK;
    memset(row, 0, e->head.label_count * sizeof *row);
    for (size_t i = 0; i < label->count; i++) {
        size_t number;
        EG_TRY(eg_evaluation_class(e, text, &label->items[i], &number, err));
        if (row[number] != 0.0)
            return eg_evaluation_bad_label(text, label, "each label once, or true or false for each label of the head",
                                           err);
        row[number] = 1.0;
    }
    return EG_OK;
}

static eg_status
read_class(const eg_evaluation *e, uint32_t text, const eg_json *label, double *row, eg_error *err)
{
    size_t number;
    if (!label || label->type == EG_JSON_ARRAY || label->type == EG_JSON_OBJECT)
        return eg_evaluation_bad_label(text, label, "one label: a name or an index", err);
    EG_TRY(eg_evaluation_class(e, text, label, &number, err));
    row[0] = (double)number;
    return EG_OK;
}

static eg_status
read_target(const eg_evaluation *e, uint32_t text, const eg_json *label, double *row, eg_error *err)
{
    return e->target == EG_TARGET_NUMBERS   ? read_numbers(e, text, label, row, err)
           : e->target == EG_TARGET_CLASSES ? read_classes(e, text, label, row, err)
                                            : read_class(e, text, label, row, err);
}

/* --- texts --------------------------------------------------------------------------------------- */

static eg_status
add_numbers(eg_evaluation *e, const float *logits, const double *target, eg_error *err)
{
    uint32_t n = e->head.label_count;
    for (uint32_t i = 0; i < n; i++) {
        double off = (double)logits[i] - target[i];
        eg_mean_add(&e->loss, off * off);
    }
    if (n > 1)
        return EG_OK;
    const eg_number_pair pair = {(double)logits[0], target[0]};
    return EG_PUSH(&e->numbers, pair) ? EG_OK : eg_fail_nomem(err, "scores");
}

static void
add_classes(eg_evaluation *e, const float *logits, const double *target)
{
    bool all_right = true;
    for (uint32_t i = 0; i < e->head.label_count; i++) {
        bool actual = target[i] > 0.5, predicted = logits[i] > 0.0f;
        eg_mean_add(&e->loss, eg_binary_cross_entropy((double)logits[i], target[i]));
        e->counts.actual[i] += actual;
        e->counts.predicted[i] += predicted;
        e->counts.right[i] += actual && predicted;
        all_right = all_right && actual == predicted;
    }
    e->counts.items++;
    e->counts.all_right += all_right;
}

static eg_status
add_text(eg_evaluation *e, const float *logits, const double *target, eg_error *err)
{
    uint32_t n = e->head.label_count;
    if (e->target == EG_TARGET_NUMBERS)
        return add_numbers(e, logits, target, err);
    if (e->target == EG_TARGET_CLASSES) {
        add_classes(e, logits, target);
        return EG_OK;
    }
    eg_mean_add(&e->loss, eg_cross_entropy(logits, n, (size_t)target[0]));
    eg_class_counts_add(&e->counts, (size_t)target[0], eg_best_class(logits, n));
    return EG_OK;
}

static eg_status
add(eg_evaluation *e, const eg_json *const *labels, eg_error *err)
{
    uint32_t n = e->head.label_count;
    size_t width = e->target == EG_TARGET_CLASS ? 1 : n;
    double *targets = eg_arena_calloc(&e->call.scratch, (size_t)e->call.records * width, sizeof *targets);
    if (!targets)
        return eg_fail_nomem(err, "labels");
    for (uint32_t i = 0; i < e->call.records; i++)
        EG_TRY(read_target(e, i, labels[i], targets + i * width, err));
    eg_result *run;
    EG_TRY(eg_task_run_heads(&e->call, &run, err));
    eg_status status = EG_OK;
    for (uint32_t i = 0; i < e->call.records && status == EG_OK; i++) {
        const float *logits;
        status = eg_task_logits_of(&e->call, run, 0, i, n, &logits, err);
        if (status == EG_OK)
            status = add_text(e, logits, targets + i * width, err);
    }
    eg_result_free(run);
    return status;
}

/* --- the result ---------------------------------------------------------------------------------- */

static eg_status
write_numbers(const eg_evaluation *e, eg_strbuf *out, eg_error *err)
{
    double spearman;
    if (e->head.label_count > 1)
        return EG_OK;
    EG_TRY(eg_spearman(e->numbers.items, e->numbers.count, &spearman, err));
    eg_put_number(out, "pearson", eg_pearson(e->numbers.items, e->numbers.count));
    eg_put_number(out, "spearman", spearman);
    return EG_OK;
}

static eg_status
write(const eg_evaluation *e, eg_strbuf *out, eg_error *err)
{
    if (e->target == EG_TARGET_NUMBERS)
        return write_numbers(e, out, err);
    eg_put_number(out, "accuracy", eg_share(e->counts.all_right, e->counts.items));
    eg_put_f1(out, &e->counts, e->target == EG_TARGET_CLASSES);
    eg_put_classes(out, &e->counts, e->head.labels);
    eg_put_confusion(out, &e->counts, e->head.labels);
    return EG_OK;
}

const eg_evaluation_kind eg_evaluate_classes = {.task = "classify", .begin = begin, .add = add, .write = write};
