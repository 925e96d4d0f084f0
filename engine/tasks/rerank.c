/* SPDX-License-Identifier: Apache-2.0 */
/* Documents of a query, best first, as sentence-transformers' CrossEncoder ranks them. */
#include <math.h>
#include <string.h>

#include "engine/tasks/task.h"

/* --- the activation ------------------------------------------------------------------------------ */

static double
identity(double logit)
{
    return logit;
}

/* Of the one number that there is. */
static double
softmax_of_one(double logit)
{
    (void)logit;
    return 1.0;
}

typedef double (*activation)(double logit);

/* By the last part of the class that the checkpoint's files name; a head of one number has a sigmoid by default. */
static eg_status
find_activation(const eg_task_call *call, activation *out, eg_error *err)
{
    static const struct {
        const char *name;
        activation function;
    } known[] = {{"Sigmoid", eg_sigmoid}, {"Identity", identity}, {"Softmax", softmax_of_one}, {"Tanh", tanh}};
    const char *name = call->model->info.activation;
    *out = eg_sigmoid;
    for (size_t i = 0; name && i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, name) == 0) {
            *out = known[i].function;
            return EG_OK;
        }
    if (!name)
        return EG_OK;
    eg_status status = eg_fail(err, EG_E_INPUT, "the checkpoint's activation '%s' is not known", name);
    return eg_hint(err, status, "Sigmoid, Identity, Softmax or Tanh");
}

/* --- groups -------------------------------------------------------------------------------------- */

typedef struct ranking {
    eg_task_call *call;
    const eg_result *run;
    activation activation;
    float *logits; /* [texts] */
} ranking;

/* One number per pair; more are no order. */
static eg_status
read_logit(const ranking *r, uint32_t text, float *out, eg_error *err)
{
    eg_task_rows rows;
    EG_TRY(eg_task_rows_of(r->call, r->run, 0, text, EG_TEXT, &rows, err));
    if (rows.width != 1) {
        eg_status status = eg_fail(err, EG_E_USAGE, "the head '%s' gives %zu numbers per pair; rerank takes one",
                                   r->call->heads[0].name, rows.width);
        return eg_hint(err, status, "classify gives all of them");
    }
    *out = *rows.data;
    return EG_OK;
}

static eg_status
add_group(const ranking *r, uint32_t group, eg_error *err)
{
    eg_task_call *call = r->call;
    uint32_t first = call->groups[group], n = call->groups[group + 1] - first;
    eg_item *items;
    EG_TRY(eg_task_add_record(call, err));
    EG_TRY(eg_task_new_items(call, n, &items, err));
    for (uint32_t i = 0; i < n; i++) {
        EG_TRY(read_logit(r, first + i, &r->logits[first + i], err));
        items[i].score = r->activation((double)r->logits[first + i]);
        items[i].index = i;
    }
    eg_task_sort(items, n);
    size_t kept = eg_task_top(call, n);
    for (size_t i = 0; i < kept && call->input.pairs; i++)
        EG_TRY(eg_task_keep(call, call->input.pairs[first + items[i].index], &items[i].text, err));
    return eg_task_add_list(call, call->heads[0].name, items, kept, r->logits + first, n, err);
}

static eg_status
add_groups(ranking *r, eg_error *err)
{
    r->logits = eg_arena_calloc(&r->call->scratch, (size_t)r->call->input.count + 1, sizeof *r->logits);
    if (!r->logits)
        return eg_fail_nomem(err, "a result");
    for (uint32_t group = 0; group < r->call->records; group++)
        EG_TRY(add_group(r, group, err));
    return EG_OK;
}

static eg_status
rerank(eg_task_call *call, eg_error *err)
{
    ranking r = {.call = call};
    eg_result *run;
    EG_TRY(find_activation(call, &r.activation, err));
    EG_TRY(eg_task_run_heads(call, &run, err));
    r.run = run;
    eg_status status = add_groups(&r, err);
    eg_result_free(run);
    return status;
}

const eg_task_kind eg_task_rerank = {
    .name = "rerank",
    .head_tasks = {"rerank", "classify"},
    .flags = EG_TASK_PAIRS | EG_TASK_GROUPS,
    .run = rerank,
};
