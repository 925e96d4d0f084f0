/* SPDX-License-Identifier: Apache-2.0 */
/* By which of the model's heads a task runs. */
#include <string.h>

#include "engine/tasks/task.h"

typedef struct head_list {
    eg_head_info *items;
    uint32_t count;
    eg_head_info *preferred; /* the one named, else the default one; NULL: none */
} head_list;

static eg_status
list_heads(eg_task_call *call, head_list *out, eg_error *err)
{
    const eg_source *source = call->model->source;
    *out = (head_list){.count = eg_source_head_count(source)};
    out->items = eg_arena_calloc(&call->scratch, (size_t)out->count + 1, sizeof *out->items);
    if (!out->items)
        return eg_fail_nomem(err, "the heads");
    const char *name = call->model->info.head;
    for (uint32_t i = 0; i < out->count; i++) {
        eg_source_head(source, i, &out->items[i]);
        if (name && strcmp(out->items[i].name, name) == 0)
            out->preferred = &out->items[i];
    }
    return EG_OK;
}

static bool
serves(const eg_head_info *head, const char *task)
{
    return head->available && strcmp(head->task, task) == 0;
}

/* --- faults -------------------------------------------------------------------------------------- */

/* "a (classify), b (ner)" of the heads that are there. */
static void
name_heads(const head_list *heads, eg_strbuf *out)
{
    for (uint32_t i = 0; i < heads->count; i++)
        if (heads->items[i].available)
            eg_strbuf_printf(out, "%s%s (%s)", out->length ? ", " : "", heads->items[i].name, heads->items[i].task);
}

/* A head of the family that is for the task, but not in this checkpoint. */
static const eg_head_info *
find_absent(const eg_task_kind *kind, const head_list *heads)
{
    for (uint32_t i = 0; i < heads->count; i++)
        if (!heads->items[i].available && strcmp(heads->items[i].task, kind->head_tasks[0]) == 0)
            return &heads->items[i];
    return NULL;
}

static eg_status
hint_heads(eg_task_call *call, const head_list *heads, eg_status status, eg_error *err)
{
    eg_strbuf names = {0};
    name_heads(heads, &names);
    const eg_head_info *absent = find_absent(call->kind, heads);
    if (names.length)
        status = eg_hint(err, status, "it has %s", names.failed ? "others" : names.data);
    else if (absent && absent->why_not)
        status = eg_hint(err, status, "it has no head at all; '%s' would serve, but %s", absent->name, absent->why_not);
    else
        status = eg_hint(err, status, "it has no head at all");
    eg_strbuf_finish(&names);
    return status;
}

static eg_status
refuse_named(eg_task_call *call, const head_list *heads, eg_error *err)
{
    eg_status status = eg_fail(err, EG_E_USAGE, "the head '%s' is for the task '%s', not for %s", call->model->head,
                               heads->preferred ? heads->preferred->task : "none", call->kind->name);
    return hint_heads(call, heads, status, err);
}

static eg_status
refuse_several(const eg_task_kind *kind, const head_list *heads, const char *task, eg_error *err)
{
    eg_strbuf names = {0};
    for (uint32_t i = 0; i < heads->count; i++)
        if (serves(&heads->items[i], task))
            eg_strbuf_printf(&names, "%s%s", names.length ? ", " : "", heads->items[i].name);
    eg_status status = eg_fail(err, EG_E_USAGE, "the model has several heads for %s", kind->name);
    status = eg_hint(err, status, "name one with --head: %s", names.data && !names.failed ? names.data : "");
    eg_strbuf_finish(&names);
    return status;
}

/* --- choosing ------------------------------------------------------------------------------------ */

static void
take(eg_task_call *call, const eg_head_info *head)
{
    call->heads[call->head_count++] = *head;
}

/* The default head if it is for this task, else the only one that is. */
static eg_status
choose_one(eg_task_call *call, const head_list *heads, const char *task, eg_error *err)
{
    const eg_head_info *found = NULL;
    for (uint32_t i = 0; i < heads->count; i++) {
        if (!serves(&heads->items[i], task))
            continue;
        if (&heads->items[i] == heads->preferred) {
            found = heads->preferred;
            break;
        }
        if (found && !(heads->preferred && serves(heads->preferred, task)))
            return refuse_several(call->kind, heads, task, err);
        found = &heads->items[i];
    }
    if (found)
        take(call, found);
    return EG_OK;
}

static void
choose_all(eg_task_call *call, const head_list *heads, const char *task)
{
    for (uint32_t i = 0; i < heads->count; i++)
        if (serves(&heads->items[i], task))
            take(call, &heads->items[i]);
}

static eg_status
choose(eg_task_call *call, const head_list *heads, eg_error *err)
{
    const eg_task_kind *kind = call->kind;
    for (size_t i = 0; kind->head_tasks[i] && call->head_count == 0; i++) {
        const char *task = kind->head_tasks[i];
        if (call->model->head) {
            if (heads->preferred && serves(heads->preferred, task))
                take(call, heads->preferred);
        } else if (kind->flags & EG_TASK_ALL_HEADS) {
            choose_all(call, heads, task);
        } else {
            EG_TRY(choose_one(call, heads, task, err));
        }
    }
    if (call->head_count)
        return EG_OK;
    if (call->model->head)
        return refuse_named(call, heads, err);
    return hint_heads(call, heads, eg_fail(err, EG_E_USAGE, "the model has no head for %s", kind->name), err);
}

eg_status
eg_task_choose_heads(eg_task_call *call, eg_error *err)
{
    head_list heads;
    EG_TRY(list_heads(call, &heads, err));
    call->heads = eg_arena_calloc(&call->scratch, (size_t)heads.count + 1, sizeof *call->heads);
    return call->heads ? choose(call, &heads, err) : eg_fail_nomem(err, "the heads");
}

eg_status
eg_task_outputs(eg_task_call *call, const char *const **out, eg_error *err)
{
    const char **names = eg_arena_calloc(&call->scratch, call->head_count, sizeof *names);
    if (!names)
        return eg_fail_nomem(err, "the outputs");
    for (uint32_t i = 0; i < call->head_count; i++) {
        names[i] = eg_arena_printf(&call->scratch, "%s.%s", call->heads[i].name, call->heads[i].output);
        if (!names[i])
            return eg_fail_nomem(err, "the outputs");
    }
    *out = names;
    return EG_OK;
}
