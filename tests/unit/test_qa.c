/* SPDX-License-Identifier: Apache-2.0 */
/* The search for spans in a window, against all spans one by one, and the best few of many scores. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "engine/tasks/qa.h"

/* --- the best few -------------------------------------------------------------------------------- */

static uint32_t
next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static int
by_score_then_index(const void *a, const void *b)
{
    const eg_scored *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

Test(best, keeps_the_best_and_of_equals_the_first)
{
    enum { MOST = 300 };
    uint32_t state = 1;
    eg_best best = {0};
    for (size_t count = 0; count < MOST; count += 7)
        for (size_t kept = 1; kept < MOST; kept = 3 * kept + 1) {
            eg_scored all[MOST];
            best.count = 0;
            best.most = kept;
            for (size_t i = 0; i < count; i++) {
                all[i] = (eg_scored){next_random(&state) % 40, i};
                cr_assert(eg_best_offer(&best, all[i].score, i));
            }
            qsort(all, count, sizeof *all, by_score_then_index);
            eg_best_sort(&best);
            cr_assert_eq(best.count, count < kept ? count : kept);
            for (size_t i = 0; i < best.count; i++)
                cr_assert(best.items[i].score == all[i].score && best.items[i].index == all[i].index,
                          "item %zu of %zu, %zu kept", i, count, kept);
        }
    eg_best_finish(&best);
}

/* --- spans --------------------------------------------------------------------------------------- */

enum { TOKENS = 40, CLS = 7 };

typedef struct window {
    float start[TOKENS], end[TOKENS];
    int32_t ids[TOKENS];
    eg_qa_logits logits;
} window;

static void
make_window(window *w, uint32_t *state, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        w->start[i] = (float)(next_random(state) % 1000) / 100.0f - 20.0f;
        w->end[i] = (float)(next_random(state) % 1000) / 100.0f + 300.0f;
        w->ids[i] = 10 + (int32_t)(next_random(state) % 5);
    }
    w->ids[0] = CLS;
    size_t context = 1 + next_random(state) % (count - 1);
    w->logits = (eg_qa_logits){.start = w->start,
                               .end = w->end,
                               .ids = w->ids,
                               .count = count,
                               .context = context,
                               .context_count = next_random(state) % (count - context + 1),
                               .cls = CLS};
}

static bool
takes_part(const window *w, size_t i)
{
    bool context = i >= w->logits.context && i < w->logits.context + w->logits.context_count;
    return context || w->ids[i] == w->logits.cls;
}

static double
probability(const window *w, const float *logits, size_t token)
{
    double sum = 0;
    for (size_t i = 0; i < w->logits.count; i++)
        if (takes_part(w, i))
            sum += exp((double)logits[i] - (double)logits[token]);
    return takes_part(w, token) ? 1.0 / sum : 0.0;
}

/* All spans, one by one. */
static size_t
list_spans(const window *w, size_t max_answer, eg_scored *out)
{
    size_t n = 0, begin = w->logits.context, count = w->logits.context_count;
    for (size_t first = 0; first < count; first++)
        for (size_t last = first; last < count && last - first < max_answer; last++)
            out[n++] = (eg_scored){probability(w, w->start, begin + first) * probability(w, w->end, begin + last),
                                   eg_qa_span_index(first, last)};
    qsort(out, n, sizeof *out, by_score_then_index);
    return n;
}

static void
expect_spans(const window *w, uint32_t max_answer, eg_qa_spans *spans)
{
    static eg_scored all[TOKENS * TOKENS];
    size_t n = list_spans(w, max_answer, all);
    cr_assert_eq(eg_qa_search(&w->logits, max_answer, spans, NULL), EG_OK);
    cr_assert_eq(spans->best.count, n < spans->best.most ? n : spans->best.most);
    for (size_t i = 0; i < spans->best.count; i++)
        cr_assert_float_eq(spans->best.items[i].score, all[i].score, 1e-12);
    cr_assert_float_eq(spans->null, probability(w, w->start, 0) * probability(w, w->end, 0), 1e-12);
}

Test(qa_spans, are_the_best_of_all)
{
    uint32_t state = 5;
    eg_qa_spans spans = {0};
    for (int i = 0; i < 200; i++) {
        window w;
        make_window(&w, &state, 2 + next_random(&state) % (TOKENS - 2));
        w.logits.cls = i % 5 ? CLS : -1;
        spans.best.most = 1 + next_random(&state) % 30;
        expect_spans(&w, 1 + next_random(&state) % 20, &spans);
    }
    eg_qa_spans_finish(&spans);
}

/* [CLS] takes its part of the probability, and a literal one of the question as well. */
Test(qa_spans, count_every_cls)
{
    window w = {.ids = {CLS, 10, CLS, 11, 12}, .start = {0}, .end = {0}};
    w.logits = (eg_qa_logits){
        .start = w.start, .end = w.end, .ids = w.ids, .count = 5, .context = 3, .context_count = 2, .cls = CLS};
    eg_qa_spans spans = {.best.most = 10};
    cr_assert_eq(eg_qa_search(&w.logits, 15, &spans, NULL), EG_OK);
    cr_assert_eq(spans.best.count, 3);
    for (size_t i = 0; i < 3; i++)
        cr_expect_float_eq(spans.best.items[i].score, 1.0 / 16, 1e-12);
    cr_expect_eq(spans.best.items[0].index, eg_qa_span_index(0, 0), "of equals the first");
    cr_expect_float_eq(spans.null, 1.0 / 16, 1e-12);
    eg_qa_spans_finish(&spans);
}

Test(qa_spans, of_an_empty_context_are_none)
{
    window w = {.ids = {CLS, 10, 11}, .start = {3, 1, 1}, .end = {0}};
    w.logits = (eg_qa_logits){
        .start = w.start, .end = w.end, .ids = w.ids, .count = 3, .context = 2, .context_count = 0, .cls = CLS};
    eg_qa_spans spans = {.best.most = 10};
    cr_assert_eq(eg_qa_search(&w.logits, 15, &spans, NULL), EG_OK);
    cr_expect_eq(spans.best.count, 0);
    cr_expect_float_eq(spans.null, 1.0, 1e-12);
    w.logits.cls = -1;
    cr_assert_eq(eg_qa_search(&w.logits, 15, &spans, NULL), EG_OK);
    cr_expect_float_eq(spans.null, 0.0, 0.0);
    eg_qa_spans_finish(&spans);
}
