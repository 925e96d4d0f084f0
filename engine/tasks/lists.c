/* SPDX-License-Identifier: Apache-2.0 */
/* The records of a task's result: lists of items, and their views. */
#include <stdlib.h>
#include <string.h>

#include "engine/tasks/task.h"

/* --- building ------------------------------------------------------------------------------------ */

eg_status
eg_task_add_record(eg_task_call *call, eg_error *err)
{
    eg_result *result = call->result;
    return EG_PUSH(&result->list_ends, (uint32_t)result->lists.count) ? EG_OK : eg_fail_nomem(err, "a result");
}

eg_status
eg_task_new_items(eg_task_call *call, size_t n, eg_item **out, eg_error *err)
{
    *out = eg_arena_calloc(&call->result->arena, n ? n : 1, sizeof **out);
    if (!*out)
        return eg_fail_nomem(err, "a result");
    for (size_t i = 0; i < n; i++)
        (*out)[i].size = sizeof **out;
    return EG_OK;
}

eg_status
eg_task_add_list(eg_task_call *call, const char *head, const eg_item *items, size_t item_count, const float *logits,
                 size_t logit_count, eg_error *err)
{
    eg_result *result = call->result;
    eg_list_view view = {.size = sizeof view,
                         .item_count = (uint32_t)item_count,
                         .items = items,
                         .logit_count = logits ? (uint32_t)logit_count : 0,
                         .head = eg_arena_strdup(&result->arena, head)};
    if (logits) {
        float *kept = eg_arena_calloc(&result->arena, logit_count ? logit_count : 1, sizeof *kept);
        if (!kept)
            return eg_fail_nomem(err, "a result");
        memcpy(kept, logits, logit_count * sizeof *kept);
        view.logits = kept;
    }
    if (!view.head || !EG_PUSH(&result->lists, view))
        return eg_fail_nomem(err, "a result");
    result->list_ends.items[result->list_ends.count - 1] = (uint32_t)result->lists.count;
    return EG_OK;
}

eg_status
eg_task_keep(eg_task_call *call, eg_string from, eg_string *out, eg_error *err)
{
    *out = (eg_string){NULL, 0};
    if (!from.data)
        return EG_OK;
    char *kept = eg_arena_strndup(&call->result->arena, from.data, from.length);
    if (!kept)
        return eg_fail_nomem(err, "a result");
    *out = (eg_string){kept, from.length};
    return EG_OK;
}

static int
by_score(const void *a, const void *b)
{
    const eg_item *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

void
eg_task_sort(eg_item *items, size_t n)
{
    if (n)
        qsort(items, n, sizeof *items, by_score);
}

size_t
eg_task_top(const eg_task_call *call, size_t n)
{
    size_t most = call->options.top_k;
    return most && most < n ? most : n;
}

/* --- views --------------------------------------------------------------------------------------- */

uint32_t
eg_result_records(const eg_result *result)
{
    return (uint32_t)result->list_ends.count;
}

/* Where a record's lists begin among all. */
static uint32_t
first_list(const eg_result *result, uint32_t record)
{
    return record ? result->list_ends.items[record - 1] : 0;
}

uint32_t
eg_result_lists(const eg_result *result, uint32_t record)
{
    return record < result->list_ends.count ? result->list_ends.items[record] - first_list(result, record) : 0;
}

eg_status
eg_result_list(const eg_result *result, uint32_t record, uint32_t i, eg_list_view *out)
{
    if (i >= eg_result_lists(result, record))
        return EG_E_USAGE;
    return eg_give_view(out, &result->lists.items[first_list(result, record) + i], sizeof *out);
}
