/* SPDX-License-Identifier: Apache-2.0 */
/* Spans of a window: start and end by probability, in double. */
#include <math.h>

#include "engine/tasks/qa.h"

static bool
reserve(eg_qa_spans *spans, size_t count)
{
    size_t capacity[2] = {spans->capacity, spans->capacity};
    if (!eg_grow((void **)&spans->start, &capacity[0], count, sizeof *spans->start) ||
        !eg_grow((void **)&spans->end, &capacity[1], count, sizeof *spans->end))
        return false;
    spans->capacity = capacity[1];
    return true;
}

static bool
takes_part(const eg_qa_logits *w, size_t i)
{
    return i - w->context < w->context_count || (w->cls >= 0 && w->ids[i] == w->cls);
}

/* The softmax over the tokens that take part; the others get 0. */
static void
distribute(const eg_qa_logits *w, const float *logits, double *out)
{
    double largest = -INFINITY, sum = 0;
    for (size_t i = 0; i < w->count; i++)
        if (takes_part(w, i))
            largest = fmax(largest, (double)logits[i]);
    for (size_t i = 0; i < w->count; i++) {
        out[i] = takes_part(w, i) ? exp((double)logits[i] - largest) : 0.0;
        sum += out[i];
    }
    for (size_t i = 0; i < w->count && sum > 0; i++)
        out[i] /= sum;
}

eg_status
eg_qa_search(const eg_qa_logits *w, uint32_t max_answer, eg_qa_spans *spans, eg_error *err)
{
    if (!reserve(spans, w->count))
        return eg_fail_nomem(err, "the spans of a window");
    distribute(w, w->start, spans->start);
    distribute(w, w->end, spans->end);
    spans->null = w->count ? spans->start[0] * spans->end[0] : 0;
    spans->best.count = 0;
    const double *start = spans->start + w->context, *end = spans->end + w->context;
    for (size_t first = 0; first < w->context_count; first++) {
        size_t left = w->context_count - first, longest = max_answer < left ? max_answer : left;
        for (size_t last = first; last < first + longest; last++)
            if (!eg_best_offer(&spans->best, start[first] * end[last], eg_qa_span_index(first, last)))
                return eg_fail_nomem(err, "the spans of a window");
    }
    eg_best_sort(&spans->best);
    return EG_OK;
}

void
eg_qa_spans_finish(eg_qa_spans *spans)
{
    eg_free(spans->start);
    eg_free(spans->end);
    eg_best_finish(&spans->best);
}
