/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Question answering in parts: contexts become windows (qa_windows.c), a window's logits become spans of tokens
 * (qa_spans.c), spans become answers (qa.c). Thread-safety: one thread's.
 */
#ifndef EG_ENGINE_TASKS_QA_H
#define EG_ENGINE_TASKS_QA_H

#include "engine/tasks/best.h"
#include "engine/tasks/task.h"

/* A token of a context: its characters, and which word of the context it belongs to. */
typedef struct eg_qa_place {
    uint32_t start, end, word;
} eg_qa_place;

/* One entry of the token list. */
typedef struct eg_qa_window {
    uint32_t record;
    uint32_t begin, count; /* the context's tokens among those of the window */
    size_t place;          /* of the first of them */
} eg_qa_window;

typedef struct eg_qa_windows {
    eg_token_list list;
    EG_VEC(eg_qa_window) of; /* [list.count] */
    EG_VEC(eg_qa_place) places;
} eg_qa_windows;

/* Reads the call's questions and contexts; eg_qa_windows_finish() in any case. EG_E_INPUT names the text, from 1. */
EG_NODISCARD eg_status eg_qa_read_windows(const eg_task_call *call, eg_qa_windows *out, eg_error *err);
void eg_qa_windows_finish(eg_qa_windows *windows);

/* What a model says of one window. */
typedef struct eg_qa_logits {
    const float *start, *end; /* [count] */
    const int32_t *ids;       /* [count] */
    size_t count;
    size_t context, context_count; /* the context's tokens among them */
    int64_t cls;                   /* the id of [CLS], which takes part in the softmax; -1: none */
} eg_qa_logits;

typedef struct eg_qa_spans {
    double *start, *end; /* probabilities of the window */
    size_t capacity;
    eg_best best; /* index: eg_qa_span_index() */
    double null;  /* start and end at the first token, if that is [CLS]; else 0 */
} eg_qa_spans;

/*
 * The best spans [first, last] of the context's tokens, as many as spans->best.most, of at most max_answer tokens. Spans
 * are reused from window to window.
 */
EG_NODISCARD eg_status eg_qa_search(const eg_qa_logits *logits, uint32_t max_answer, eg_qa_spans *spans, eg_error *err);
void eg_qa_spans_finish(eg_qa_spans *spans);

/* Both ends of a span as one number, counted in the context's tokens of the window. */
static inline uint64_t
eg_qa_span_index(size_t first, size_t last)
{
    return (uint64_t)first << 32 | (uint64_t)last;
}

#endif
