/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an evaluation is made of: a kind by the head's task, which takes labelled texts part after part and keeps counts.
 * Thread-safety: an evaluation is one thread's, as is its context.
 */
#ifndef EG_ENGINE_TASKS_EVALUATE_H
#define EG_ENGINE_TASKS_EVALUATE_H

#include "engine/tasks/metrics.h"
#include "engine/tasks/task.h"
#include "frontend/json.h"

typedef struct eg_evaluation_kind {
    const char *task; /* of the head; "similarity": of embeddings, without a head */
    /* Once, with the label of the first text (NULL: none). NULL: nothing to do. */
    eg_status (*begin)(eg_evaluation *evaluation, const eg_json *label, eg_error *err);
    /* The texts of call.input with their labels; NULL for one without. */
    eg_status (*add)(eg_evaluation *evaluation, const eg_json *const *labels, eg_error *err);
    /* Its members of the result, each with a comma before it. */
    eg_status (*write)(const eg_evaluation *evaluation, eg_strbuf *out, eg_error *err);
} eg_evaluation_kind;

extern const eg_evaluation_kind eg_evaluate_classes, eg_evaluate_tags, eg_evaluate_masks, eg_evaluate_pairs;

typedef enum eg_target_kind { EG_TARGET_CLASS, EG_TARGET_CLASSES, EG_TARGET_NUMBERS } eg_target_kind;

#define EG_NO_TYPE UINT32_MAX

/* A tag of the kind X-TYPE: how it begins and ends an entity. */
typedef struct eg_tag {
    char kind;     /* 'B', 'I', 'O', … */
    uint32_t type; /* number of the entity's type, or EG_NO_TYPE */
} eg_tag;

struct eg_evaluation {
    eg_task_call call;              /* of the part that is being added */
    const eg_evaluation_kind *kind; /* NULL before the first text */
    eg_head_info head;              /* for similarity all zeros */
    uint64_t seed, texts;           /* texts of the parts before */
    eg_mean loss;
    eg_class_counts counts;  /* classes, or tags */
    eg_number_pairs numbers; /* a score and a label each */
    uint64_t right;          /* masks: tokens found */

    eg_target_kind target;    /* classes */
    eg_class_counts entities; /* tags: by type */
    eg_tag *tags;             /* tags: [label_count] */
    const char **types;       /* tags: [entities.classes], in the arena of the evaluation */
    eg_tag outside;           /* tags: what is around a text */
    eg_arena arena;
};

/* The number of the class that a label names, by its name or its index. EG_E_INPUT names the text and the labels known. */
EG_NODISCARD eg_status eg_evaluation_class(const eg_evaluation *evaluation, uint32_t text, const eg_json *label,
                                           size_t *out, eg_error *err);
/* EG_E_INPUT that says what the label of a text ought to be. */
EG_NODISCARD eg_status eg_evaluation_bad_label(uint32_t text, const eg_json *label, const char *expected,
                                               eg_error *err);

/* ,"key":number with nine digits, or null where it is not finite. */
void eg_put_number(eg_strbuf *out, const char *key, double number);
/* ,"f1":{"macro":…,"micro":…} */
void eg_put_f1(eg_strbuf *out, const eg_class_counts *counts, bool all_classes);
/* ,"classes":[{"label","precision","recall","f1","support"}…] */
void eg_put_classes(eg_strbuf *out, const eg_class_counts *counts, const char *const *names);
/* ,"confusion":{"labels":[…],"matrix":[[…]…]}; nothing where no matrix is kept. */
void eg_put_confusion(eg_strbuf *out, const eg_class_counts *counts, const char *const *names);

#endif
