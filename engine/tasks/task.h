/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What eg_run_task() is made of. A task is one file with one eg_task_kind, and one line in the table of task.c: by then
 * the options are checked and the heads chosen. It tokenises, runs, and adds one record after another to the result.
 * Thread-safety: a call is one thread's, as is its context.
 */
#ifndef EG_ENGINE_TASKS_TASK_H
#define EG_ENGINE_TASKS_TASK_H

#include "engine/batch.h"

typedef struct eg_task_call eg_task_call;

enum {
    EG_TASK_ALL_HEADS = 1, /* without a head named: every one for the task; else the default one, or the only one */
    EG_TASK_PAIRS = 2,     /* each text has a pair */
    EG_TASK_GROUPS = 4,    /* records are groups of texts */
    EG_TASK_FROM_TEXT = 8  /* what it gives is said in the text: token ids do not do */
};

typedef struct eg_task_kind {
    const char *name;          /* for messages */
    const char *head_tasks[3]; /* heads that serve, by their `task`, the likeliest first; NULL ends */
    uint32_t flags;            /* EG_TASK_… */
    eg_status (*run)(eg_task_call *call, eg_error *err);
} eg_task_kind;

extern const eg_task_kind eg_task_classify, eg_task_ner, eg_task_nsp, eg_task_choose, eg_task_rerank, eg_task_sparse,
    eg_task_qa, eg_task_fill_mask;

struct eg_task_call {
    const eg_task_kind *kind;
    eg_context *context;
    const eg_model *model;
    eg_input input;          /* the caller's, as much as both know */
    eg_task_options options; /* likewise */
    const uint32_t *groups;  /* [records + 1] for tasks of groups; else NULL */
    uint32_t records;        /* texts, or groups */
    eg_head_info *heads;     /* [head_count], one at least: those that the task runs by */
    uint32_t head_count;
    eg_arena scratch;  /* until the call is over */
    eg_result *result; /* grows; strings and items are in its arena */
};

/* heads.c: by which heads. EG_E_USAGE names those that the model has. */
EG_NODISCARD eg_status eg_task_choose_heads(eg_task_call *call, eg_error *err);
/* "HEAD.output" of each of the call's heads, in the scratch arena. */
EG_NODISCARD eg_status eg_task_outputs(eg_task_call *call, const char *const **out, eg_error *err);

/* --- running (run.c) ----------------------------------------------------------------------------- */

/* What a run gave for the texts `first` … of its list: text i of `run` is text first + i. */
typedef eg_status (*eg_task_take)(void *user, const eg_result *run, uint32_t first, eg_error *err);

/*
 * Runs the texts of the list, as many at a time as fit into the tokens of one run, and at most most_texts (0: any
 * number), and hands the outputs to `take`, which sees them during its call: for outputs of many numbers per token. Tells
 * the progress of the list.
 */
EG_NODISCARD eg_status eg_task_run(eg_task_call *call, const eg_token_list *list, const char *const *outputs,
                                   uint32_t output_count, uint32_t most_texts, eg_task_take take, void *user,
                                   eg_error *err);

/* So many texts of the list that a value of `width` numbers per token stays small, however long each is: for most_texts
 * where rows are as wide as the vocabulary. */
uint32_t eg_task_most_texts(const eg_token_list *list, int64_t width);

/* Runs all texts of the input for one output of each head; free with eg_result_free(). */
EG_NODISCARD eg_status eg_task_run_heads(eg_task_call *call, eg_result **out, eg_error *err);

/* One text's rows of an output. */
typedef struct eg_task_rows {
    const float *data; /* [rows, width] */
    size_t rows, width;
} eg_task_rows;

/* Output i is of that kind (EG_TEXT: one row; EG_TOKEN: one per token) and of floats, else EG_E_INTERNAL: a head whose
 * outputs do not fit its task is refused when the model is opened. */
EG_NODISCARD eg_status eg_task_rows_of(const eg_task_call *call, const eg_result *run, uint32_t i, uint32_t text,
                                       eg_kind kind, eg_task_rows *out, eg_error *err);
/* The same for one row of exactly `width` numbers. */
EG_NODISCARD eg_status eg_task_logits_of(const eg_task_call *call, const eg_result *run, uint32_t i, uint32_t text,
                                         size_t width, const float **out, eg_error *err);

/*
 * Text i of the input once more, with its offsets: the tokens that eg_input_take() made of it. The encoding is used again
 * from text to text.
 */
EG_NODISCARD eg_status eg_task_encode(const eg_task_call *call, uint32_t i, eg_encoding *out, eg_error *err);

/* --- results (lists.c) --------------------------------------------------------------------------- */

/* Begins the next record; the lists that follow are its. */
EG_NODISCARD eg_status eg_task_add_record(eg_task_call *call, eg_error *err);
/* n items of zeros with their size set, for the next list. */
EG_NODISCARD eg_status eg_task_new_items(eg_task_call *call, size_t n, eg_item **out, eg_error *err);
/* A list of the record. `items` are those of eg_task_new_items(); logits (NULL: none) are copied. */
EG_NODISCARD eg_status eg_task_add_list(eg_task_call *call, const char *head, const eg_item *items, size_t item_count,
                                        const float *logits, size_t logit_count, eg_error *err);
/* A copy that lives with the result, NUL-terminated for those who like that. */
EG_NODISCARD eg_status eg_task_keep(eg_task_call *call, eg_string from, eg_string *out, eg_error *err);
/* Best first, of equals the lower index. */
void eg_task_sort(eg_item *items, size_t n);
/* What top_k leaves of n items. */
size_t eg_task_top(const eg_task_call *call, size_t n);

/* --- scores (scores.c), in double ---------------------------------------------------------------- */

/* out may be as long as n; n = 0 does nothing. */
void eg_softmax(const float *logits, size_t n, double *out);
double eg_sigmoid(double logit);

#endif
