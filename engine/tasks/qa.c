/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spans of a context that answer a question, as the transformers pipeline finds them (that of the 4.x versions up to
 * 4.52): the best spans of each window, widened to whole words, and of all windows the best.
 */
#include "engine/tasks/qa.h"

#include <math.h>
#include <string.h>

#include "base/utf8.h"

enum { DEFAULT_ANSWER = 15 };

/* Characters [start, end) of the context. */
typedef struct answer {
    double score;
    uint32_t start, end;
} answer;

typedef EG_VEC(answer) answer_list;

typedef struct reader {
    eg_task_call *call;
    eg_tokenizer_info tokenizer;
    const eg_qa_windows *windows;
    uint32_t max_answer;
    eg_qa_spans spans;
    size_t most; /* answers of a record */
    uint32_t record;
    answer_list answers, merged; /* of that record's windows so far, best first; of equals the earlier */
    double null;                 /* the smallest of that record */
} reader;

/* --- a window's answers -------------------------------------------------------------------------- */

/* From a span of tokens to whole words, as far as the window has them. */
static answer
widen(const eg_qa_place *places, size_t count, eg_scored span)
{
    size_t first = (size_t)(span.index >> 32), last = (size_t)(span.index & UINT32_MAX);
    while (first > 0 && places[first - 1].word == places[first].word)
        first--;
    while (last + 1 < count && places[last + 1].word == places[last].word)
        last++;
    return (answer){span.score, places[first].start, places[last].end};
}

/* Both lists are in order; of equal scores those found earlier stay in front. */
static eg_status
merge_answers(reader *r, const eg_qa_window *window, eg_error *err)
{
    const eg_best *best = &r->spans.best;
    const eg_qa_place *places = r->windows->places.items + window->place;
    size_t old = 0, new = 0;
    r->merged.count = 0;
    while (r->merged.count < r->most && (old < r->answers.count || new < best->count)) {
        bool takes_old =
            new == best->count || (old < r->answers.count && r->answers.items[old].score >= best->items[new].score);
        answer next = takes_old ? r->answers.items[old++] : widen(places, window->count, best->items[new ++]);
        if (!EG_PUSH(&r->merged, next))
            return eg_fail_nomem(err, "answers");
    }
    const answer_list swapped = r->answers;
    r->answers = r->merged;
    r->merged = swapped;
    return EG_OK;
}

/* --- a record's answers -------------------------------------------------------------------------- */

/* The bytes of the characters [start, end). */
static eg_string
slice(eg_string text, uint32_t start, uint32_t end)
{
    size_t at = 0, begin = 0;
    uint32_t c;
    for (uint32_t i = 0; i < end && at < text.length; i++) {
        if (i == start)
            begin = at;
        at += eg_utf8_decode(text.data + at, text.length - at, &c);
    }
    return start < end ? (eg_string){text.data + begin, at - begin} : (eg_string){"", 0};
}

/* That there is no answer takes its place among them; without any, it is the only one. */
static eg_status
add_null(reader *r, eg_error *err)
{
    const answer none = {r->call->options.no_answer ? r->null : 0, 0, 0};
    size_t at = r->answers.count;
    if (!r->call->options.no_answer && at)
        return EG_OK;
    while (at > 0 && r->answers.items[at - 1].score < none.score)
        at--;
    if (at == r->most)
        return EG_OK;
    if (!EG_PUSH(&r->answers, none))
        return eg_fail_nomem(err, "answers");
    memmove(r->answers.items + at + 1, r->answers.items + at, (r->answers.count - 1 - at) * sizeof(answer));
    r->answers.items[at] = none;
    return EG_OK;
}

static eg_status
finish_record(reader *r, eg_error *err)
{
    eg_item *items;
    EG_TRY(add_null(r, err));
    size_t count = r->answers.count < r->most ? r->answers.count : r->most;
    EG_TRY(eg_task_add_record(r->call, err));
    EG_TRY(eg_task_new_items(r->call, count, &items, err));
    for (size_t i = 0; i < count; i++) {
        const answer *a = &r->answers.items[i];
        items[i].score = a->score;
        items[i].start = a->start;
        items[i].end = a->end;
        EG_TRY(eg_task_keep(r->call, slice(r->call->input.pairs[r->record], a->start, a->end), &items[i].text, err));
    }
    r->answers.count = 0;
    r->null = INFINITY;
    r->record++;
    return eg_task_add_list(r->call, r->call->heads[0].name, items, count, NULL, 0, err);
}

/* --- windows ------------------------------------------------------------------------------------- */

static eg_status
take_window(reader *r, const eg_result *run, uint32_t text, uint32_t entry, eg_error *err)
{
    const eg_token_list *list = &r->windows->list;
    const eg_qa_window *window = &r->windows->of.items[entry];
    eg_task_rows start, end;
    EG_TRY(eg_task_rows_of(r->call, run, 0, text, EG_TOKEN, &start, err));
    EG_TRY(eg_task_rows_of(r->call, run, 1, text, EG_TOKEN, &end, err));
    const eg_qa_logits logits = {
        .start = start.data,
        .end = end.data,
        .ids = list->ids + list->cu[entry],
        .count = start.rows,
        .context = window->begin,
        .context_count = window->count,
        .cls = r->tokenizer.cls_id,
    };
    if (window->record != r->record)
        EG_TRY(finish_record(r, err));
    EG_TRY(eg_qa_search(&logits, r->max_answer, &r->spans, err));
    r->null = fmin(r->null, r->spans.null);
    return merge_answers(r, window, err);
}

static eg_status
take(void *user, const eg_result *run, uint32_t first, eg_error *err)
{
    for (uint32_t text = 0; text < run->texts; text++)
        EG_TRY(take_window(user, run, text, first + text, err));
    return EG_OK;
}

static eg_status
run_windows(reader *r, eg_error *err)
{
    eg_arena *scratch = &r->call->scratch;
    const char *head = r->call->heads[0].name;
    const char *outputs[] = {eg_arena_printf(scratch, "%s.start_logits", head),
                             eg_arena_printf(scratch, "%s.end_logits", head)};
    if (!outputs[0] || !outputs[1])
        return eg_fail_nomem(err, "the outputs");
    if (r->call->records == 0)
        return EG_OK;
    EG_TRY(eg_task_run(r->call, &r->windows->list, outputs, 2, 0, take, r, err));
    return finish_record(r, err);
}

static eg_status
qa(eg_task_call *call, eg_error *err)
{
    const eg_task_options *options = &call->options;
    eg_qa_windows windows;
    reader r = {.call = call, .windows = &windows, .null = INFINITY};
    r.max_answer = options->max_answer ? options->max_answer : DEFAULT_ANSWER;
    r.most = r.spans.best.most = options->top_k ? options->top_k : 1;
    eg_status status = eg_qa_read_windows(call, &windows, err);
    if (status == EG_OK) {
        eg_tokenizer_describe(call->model->tokenizer, &r.tokenizer);
        status = run_windows(&r, err);
    }
    eg_qa_windows_finish(&windows);
    eg_qa_spans_finish(&r.spans);
    eg_free(r.answers.items);
    eg_free(r.merged.items);
    return status;
}

const eg_task_kind eg_task_qa = {
    .name = "qa",
    .head_tasks = {"qa"},
    .flags = EG_TASK_PAIRS | EG_TASK_FROM_TEXT,
    .run = qa,
};
