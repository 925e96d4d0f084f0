/* SPDX-License-Identifier: Apache-2.0 */
/*
 * eg_run_task() on a tiny BERT whose heads cut numbers out of the first token's row: which head serves, what options and
 * groups are refused, what results look like and how long they live. What the numbers are is the golden tests' question.
 */
#include <math.h>

#include "engine_fixture.h"

static const char heads_yaml[] =
    "egbert: 1\n"
    "checkpoint: ./model\n"
    "heads:\n"
    "  mood: {task: classify, labels: [bad, fair, good], outputs: [logits],\n"
    "    steps: [first_token, {slice: 3, begin: 0, as: logits}]}\n"
    "  topics: {task: classify, problem_type: multi_label_classification, outputs: [logits],\n"
    "    steps: [mean, {slice: 5, begin: 3, as: logits}]}\n"
    "  follows: {task: nsp, outputs: [logits], steps: [first_token, {slice: 7, begin: 5, as: logits}]}\n"
    "  fits: {task: choose, outputs: [logits], steps: [first_token, {slice: 8, begin: 7, as: logits}]}\n"
    "  ranks: {task: rerank, outputs: [logits], steps: [first_token, {slice: 9, begin: 8, as: logits}]}\n"
    "  weighs: {task: sparse, outputs: [weights], steps: [relu, log1p, {max: null, as: weights}]}\n"
    "  precedes: {task: nsp, outputs: [logits], steps: [first_token, {slice: 2, begin: 0, as: logits}]}\n";

/* The model with all those heads. */
static void
begin_with(fixture *f, const eg_model_options *options)
{
    begin(f, NULL);
    const char *path = test_write(&f->folder, "heads.yaml", heads_yaml);
    open_engine(f, "reference", 0, 0);
    OK(eg_model_open(f->engine, path, options, &f->model, &f->err));
    OK(eg_context_open(f->model, &f->context, &f->err));
}

/* head NULL: none is named. */
static void
begin_heads(fixture *f, const char *head)
{
    begin_with(f, &(eg_model_options){.size = sizeof(eg_model_options), .head = head});
}

/* Each text becomes a run of its own. */
static void
begin_in_parts(fixture *f)
{
    begin_with(f, &(eg_model_options){.size = sizeof(eg_model_options), .batch_tokens = 6});
}

enum { TEXTS = 4 };

static const eg_string texts[TEXTS] = {{"the cat sat", 11}, {"dog", 3}, {"", 0}, {"a b c d e f . ! ?", 17}};
static const eg_string pairs[TEXTS] = {{"on the mat.", 11}, {"", 0}, {"cat", 3}, {"ran", 3}};

static eg_input
plain(uint32_t count)
{
    return (eg_input){.size = sizeof(eg_input), .count = count, .texts = texts};
}

static eg_input
paired(uint32_t count)
{
    return (eg_input){.size = sizeof(eg_input), .count = count, .texts = texts, .pairs = pairs};
}

static eg_task_options
task(eg_task which)
{
    return (eg_task_options){.size = sizeof(eg_task_options), .task = which};
}

static eg_result *
run(fixture *f, const eg_input *input, const eg_task_options *options)
{
    eg_result *result = NULL;
    OK(eg_run_task(f->context, input, options, &result, &f->err));
    return result;
}

static eg_list_view
list_of(const eg_result *result, uint32_t record, uint32_t i)
{
    eg_list_view view = {.size = sizeof view};
    cr_assert_eq(eg_result_list(result, record, i, &view), EG_OK);
    cr_assert_eq(view.size, sizeof view);
    return view;
}

static void
refuse(fixture *f, eg_status status, const eg_input *input, const eg_task_options *options, const char *part)
{
    eg_result *result = (eg_result *)f; /* is cleared */
    eg_status got = eg_run_task(f->context, input, options, &result, &f->err);
    cr_assert_eq(got, status, "status %d: %s", (int)got, test_error_line(&f->err));
    cr_assert_null(result);
    cr_assert(strstr(test_error_line(&f->err), part), "'%s' is not in: %s", part, test_error_line(&f->err));
    cr_assert_eq(eg_run_task(f->context, input, options, &result, NULL), status, "the same without an error to fill");
}

#define assert_text(string, expected)                                                                                  \
    cr_assert((string).length == strlen(expected) && memcmp((string).data, expected, strlen(expected)) == 0, "'%.*s'", \
              (int)(string).length, (string).data)

static double
sum_of(const eg_list_view *list)
{
    double sum = 0;
    for (uint32_t i = 0; i < list->item_count; i++)
        sum += list->items[i].score;
    return sum;
}

static void
assert_best_first(const eg_list_view *list)
{
    for (uint32_t i = 1; i < list->item_count; i++)
        cr_assert_geq(list->items[i - 1].score, list->items[i].score);
}

/* --- results ------------------------------------------------------------------------------------- */

Test(tasks, each_head_that_classifies_has_a_list)
{
    fixture all, *f = &all;
    begin_heads(f, NULL);
    const eg_input input = plain(TEXTS);
    eg_result *result = run(f, &input, NULL);
    cr_assert_eq(eg_result_texts(result), TEXTS);
    cr_assert_eq(eg_result_records(result), TEXTS);
    for (uint32_t i = 0; i < TEXTS; i++) {
        cr_assert_eq(eg_result_lists(result, i), 2);
        eg_list_view mood = list_of(result, i, 0), topics = list_of(result, i, 1);
        cr_assert_str_eq(mood.head, "mood");
        cr_assert_str_eq(topics.head, "topics");
        cr_assert(mood.item_count == 3 && mood.logit_count == 3 && topics.item_count == 2);
        cr_assert_float_eq(sum_of(&mood), 1, 1e-9);
        assert_best_first(&mood);
        assert_best_first(&topics);
        const eg_item *best = &mood.items[0], *topic = &topics.items[0];
        cr_assert(best->size == sizeof *best && best->text.data == NULL);
        assert_text(best->label, best->index == 0 ? "bad" : best->index == 1 ? "fair" : "good");
        assert_text(topic->label, topic->index ? "LABEL_1" : "LABEL_0");
        cr_assert_float_eq(topic->score, 1 / (1 + exp(-(double)topics.logits[topic->index])), 1e-9);
    }
    eg_result_free(result);
    end(f);
}

Test(tasks, results_outlive_what_they_came_from)
{
    fixture all, *f = &all;
    begin_heads(f, "ranks");
    char query[] = "the cat", first[] = "dog ran", second[] = "on the mat";
    const eg_string queries[] = {{query, 7}, {query, 7}}, documents[] = {{first, 7}, {second, 10}};
    const eg_input input = {.size = sizeof input, .count = 2, .texts = queries, .pairs = documents};
    const eg_task_options options = task(EG_TASK_RERANK);
    eg_result *result = run(f, &input, &options);
    memset(query, 'x', sizeof query);
    memset(first, 'x', sizeof first);
    memset(second, 'x', sizeof second);
    close_all(f);
    cr_assert_eq(eg_result_records(result), 1, "without groups all texts are one");
    eg_list_view list = list_of(result, 0, 0);
    cr_assert_str_eq(list.head, "ranks");
    assert_best_first(&list);
    for (uint32_t i = 0; i < 2; i++) {
        assert_text(list.items[i].text, list.items[i].index ? "on the mat" : "dog ran");
        double logit = (double)list.logits[list.items[i].index];
        cr_assert_float_eq(list.items[i].score, 1 / (1 + exp(-logit)), 1e-9);
    }
    eg_result_free(result);
    end(f);
}

Test(tasks, views_of_other_sizes_and_places)
{
    fixture all, *f = &all;
    begin_heads(f, "mood");
    const eg_input input = plain(1);
    eg_result *result = run(f, &input, NULL);
    eg_list_view view = {.size = sizeof view};
    cr_assert_eq(eg_result_lists(result, 0), 1);
    cr_assert_eq(eg_result_lists(result, 1), 0);
    cr_assert_eq(eg_result_list(result, 0, 1, &view), EG_E_USAGE);
    cr_assert_eq(eg_result_list(result, 1, 0, &view), EG_E_USAGE);
    cr_assert_eq(eg_result_list(result, UINT32_MAX, 0, &view), EG_E_USAGE);
    view.size = 0;
    cr_assert_eq(eg_result_list(result, 0, 0, &view), EG_E_USAGE);
    eg_list_view older = {.size = offsetof(eg_list_view, logits), .logits = (const float *)f};
    cr_assert_eq(eg_result_list(result, 0, 0, &older), EG_OK);
    cr_assert(older.item_count == 3 && older.logits == (const float *)f &&
              older.size == offsetof(eg_list_view, logits));
    eg_result_free(result);
    /* What is no task has no records. */
    eg_result *tokens;
    OK(eg_tokenize(f->model, &input, NULL, &tokens, &f->err));
    cr_assert_eq(eg_result_records(tokens), 0);
    cr_assert_eq(eg_result_lists(tokens, 0), 0);
    eg_result_free(tokens);
    end(f);
}

Test(tasks, no_texts_no_records)
{
    fixture all, *f = &all;
    begin_heads(f, NULL);
    const eg_input none = plain(0);
    static const eg_task tasks[] = {EG_TASK_CLASSIFY, EG_TASK_RERANK, EG_TASK_SPARSE};
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++) {
        eg_task_options options = task(tasks[i]);
        eg_result *result = run(f, &none, &options);
        /* Without groups all texts are one group, here one of nothing. */
        cr_assert_eq(eg_result_records(result), tasks[i] == EG_TASK_RERANK);
        eg_result_free(result);
    }
    end(f);
}

Test(tasks, only_the_best)
{
    fixture all, *f = &all;
    begin_heads(f, NULL);
    const eg_input input = paired(TEXTS);
    static const eg_task tasks[] = {EG_TASK_CLASSIFY, EG_TASK_RERANK, EG_TASK_SPARSE};
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++) {
        eg_task_options options = task(tasks[i]);
        eg_result *whole = run(f, &input, &options);
        options.top_k = 2;
        eg_result *cut = run(f, &input, &options);
        eg_list_view a = list_of(whole, 0, 0), b = list_of(cut, 0, 0);
        cr_assert(a.item_count > 2 && b.item_count == 2 && a.logit_count == b.logit_count);
        for (uint32_t k = 0; k < 2; k++)
            cr_assert(a.items[k].index == b.items[k].index && a.items[k].score == b.items[k].score);
        eg_result_free(whole);
        eg_result_free(cut);
    }
    end(f);
}

Test(tasks, groups)
{
    fixture all, *f = &all;
    begin_heads(f, NULL);
    const eg_input input = paired(TEXTS);
    const uint32_t groups[] = {0, 1, TEXTS};
    eg_task_options options = task(EG_TASK_CHOOSE);
    options.groups = groups;
    options.group_count = 2;
    eg_result *result = run(f, &input, &options);
    cr_assert_eq(eg_result_records(result), 2);
    eg_list_view alone = list_of(result, 0, 0), rest = list_of(result, 1, 0);
    cr_assert(alone.item_count == 1 && alone.items[0].score == 1 && rest.item_count == TEXTS - 1);
    cr_assert_float_eq(sum_of(&rest), 1, 1e-9);
    for (uint32_t i = 0; i < rest.item_count; i++)
        cr_assert_eq(rest.items[i].index, i, "in the order of the choices");
    eg_result_free(result);
    /* A query without documents is one. */
    const uint32_t empty[] = {0, 0, TEXTS, TEXTS};
    options = task(EG_TASK_RERANK);
    options.groups = empty;
    options.group_count = 3;
    result = run(f, &input, &options);
    cr_assert_eq(eg_result_records(result), 3);
    cr_assert(list_of(result, 0, 0).item_count == 0 && list_of(result, 1, 0).item_count == TEXTS);
    eg_result_free(result);
    end(f);
}

Test(tasks, sparse_weights_are_those_above_zero)
{
    fixture all, *f = &all;
    begin_heads(f, NULL);
    const eg_input input = plain(TEXTS);
    const eg_task_options options = task(EG_TASK_SPARSE);
    eg_result *result = run(f, &input, &options);
    for (uint32_t i = 0; i < TEXTS; i++) {
        eg_list_view list = list_of(result, i, 0);
        cr_assert(list.item_count > 0 && list.item_count <= TINY_HIDDEN && list.logits == NULL);
        assert_best_first(&list);
        for (uint32_t k = 0; k < list.item_count; k++) {
            cr_assert_gt(list.items[k].score, 0);
            if (list.items[k].index == 6)
                assert_text(list.items[k].label, "cat");
        }
    }
    eg_result_free(result);
    end(f);
}

typedef struct progress {
    uint32_t calls, done, texts;
    uint64_t tokens;
} progress;

static void
on_progress(void *user, uint32_t done, uint32_t texts_in_all, uint64_t tokens)
{
    progress *p = user;
    cr_assert(done > p->done && tokens > p->tokens, "it only grows");
    *p = (progress){p->calls + 1, done, texts_in_all, tokens};
}

Test(tasks, progress_of_every_part)
{
    fixture all, *f = &all;
    begin_in_parts(f);
    static const eg_task tasks[] = {EG_TASK_CLASSIFY, EG_TASK_SPARSE};
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++) {
        progress p = {0};
        eg_input input = plain(TEXTS);
        input.progress = on_progress;
        input.progress_user = &p;
        eg_task_options options = task(tasks[i]);
        eg_result *result = run(f, &input, &options);
        cr_assert(p.calls > 1 && p.done == TEXTS && p.texts == TEXTS, "%u calls, %u of %u", p.calls, p.done, p.texts);
        eg_result_free(result);
    }
    end(f);
}

static void
cancel(void *user, uint32_t done, uint32_t texts_in_all, uint64_t tokens)
{
    (void)done;
    (void)texts_in_all;
    (void)tokens;
    eg_context_cancel(user);
}

Test(tasks, cancelled_between_parts)
{
    fixture all, *f = &all;
    begin_in_parts(f);
    eg_task_options options = task(EG_TASK_SPARSE);
    eg_input input = plain(TEXTS);
    input.progress = cancel;
    input.progress_user = f->context;
    refuse(f, EG_E_CANCELLED, &input, &options, "cancelled");
    input.progress = NULL;
    eg_result_free(run(f, &input, &options)); /* the next one runs */
    end(f);
}

/* --- what is refused ----------------------------------------------------------------------------- */

Test(tasks, options)
{
    fixture all, *f = &all;
    begin_heads(f, NULL);
    const eg_input input = paired(2);
    eg_task_options options = task((eg_task)99);
    refuse(f, EG_E_USAGE, &input, &options, "99");
    options = task(EG_TASK_CLASSIFY);
    options.size = 0;
    refuse(f, EG_E_USAGE, &input, &options, "size");
    options = task(EG_TASK_CLASSIFY);
    options.aggregation = (eg_aggregation)7;
    refuse(f, EG_E_USAGE, &input, &options, "7");
    options = task(EG_TASK_CLASSIFY);
    options.target_count = 1;
    refuse(f, EG_E_USAGE, &input, &options, "targets");
    options = task(EG_TASK_CLASSIFY);
    refuse(f, EG_E_USAGE, NULL, &options, "no input");
    refuse(f, EG_E_USAGE, &(eg_input){0}, &options, "size");
    refuse(f, EG_E_USAGE, &(eg_input){.size = sizeof(eg_input), .count = 1}, &options, "neither texts nor ids");
    end(f);
}

Test(tasks, wrong_groups)
{
    fixture all, *f = &all;
    begin_heads(f, NULL);
    const eg_input input = paired(TEXTS);
    static const uint32_t late[] = {1, TEXTS}, back[] = {0, 3, 2, TEXTS}, few[] = {0, 2}, many[] = {0, TEXTS + 1},
                          empty[] = {0, 0, TEXTS};
    const struct {
        const uint32_t *groups;
        uint32_t count;
        eg_task task;
        eg_status status;
        const char *says;
    } wrong[] = {{late, 1, EG_TASK_CHOOSE, EG_E_USAGE, "begin with 1"},
                 {back, 3, EG_TASK_CHOOSE, EG_E_USAGE, "from 3 to 2"},
                 {few, 1, EG_TASK_RERANK, EG_E_USAGE, "2 texts, the input 4"},
                 {many, 1, EG_TASK_RERANK, EG_E_USAGE, "5 texts"},
                 {NULL, 2, EG_TASK_RERANK, EG_E_USAGE, "NULL"},
                 {few, 1, EG_TASK_CLASSIFY, EG_E_USAGE, "no groups"},
                 {empty, 2, EG_TASK_CHOOSE, EG_E_INPUT, "group 1"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        eg_task_options options = task(wrong[i].task);
        options.groups = wrong[i].groups;
        options.group_count = wrong[i].count;
        refuse(f, wrong[i].status, &input, &options, wrong[i].says);
    }
    end(f);
}

Test(tasks, texts_without_a_pair)
{
    fixture all, *f = &all;
    begin_heads(f, "follows");
    const eg_task_options options = task(EG_TASK_NSP);
    const eg_input none = plain(2);
    refuse(f, EG_E_INPUT, &none, &options, "text 1 has no pair");
    const eg_string some[] = {{"dog", 3}, {NULL, 0}};
    const eg_input one = {.size = sizeof one, .count = 2, .texts = texts, .pairs = some};
    refuse(f, EG_E_INPUT, &one, &options, "text 2 has no pair");
    /* Ids hold their pair already. */
    const int64_t ids[] = {2, 5, 3, 6, 3}, cu[] = {0, 5};
    const eg_input given = {.size = sizeof given, .count = 1, .ids = ids, .cu_seqlens = cu};
    eg_result *result = run(f, &given, &options);
    eg_list_view list = list_of(result, 0, 0);
    cr_assert(list.item_count == 2 && list.logit_count == 2);
    cr_assert_float_eq(sum_of(&list), 1, 1e-9);
    cr_assert_float_eq(list.items[0].score, 1 / (1 + exp((double)list.logits[1] - (double)list.logits[0])), 1e-9);
    eg_result_free(result);
    end(f);
}

Test(tasks, heads_that_do_not_serve)
{
    fixture all, *f = &all;
    begin_heads(f, NULL);
    const eg_input input = paired(1);
    eg_task_options options = task(EG_TASK_NSP);
    refuse(f, EG_E_USAGE, &input, &options, "several heads for nsp");
    refuse(f, EG_E_USAGE, &input, &options, "follows, precedes");
    options = task(EG_TASK_NER);
    refuse(f, EG_E_USAGE, &input, &options, "no head for ner");
    refuse(f, EG_E_USAGE, &input, &options, "mood (classify)");
    end(f);
    begin_heads(f, "mood");
    options = task(EG_TASK_SPARSE);
    refuse(f, EG_E_USAGE, &input, &options, "'mood' is for the task 'classify', not for sparse");
    options = task(EG_TASK_RERANK); /* three numbers are no order */
    refuse(f, EG_E_USAGE, &input, &options, "3 numbers per pair");
    end(f);
}

Test(tasks, a_checkpoint_without_heads)
{
    fixture all, *f = &all;
    begin(f, NULL);
    open_engine(f, "reference", 0, 0);
    open_model(f, NULL);
    const eg_input input = plain(1);
    refuse(f, EG_E_USAGE, &input, NULL, "no head at all; 'sequence_classification' would serve");
    end(f);
}
