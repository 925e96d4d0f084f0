/* SPDX-License-Identifier: Apache-2.0 */
/* eg_run_task(): what is asked is checked, the heads are chosen, and the task's own file does the rest. */
#include "engine/tasks/task.h"

/* By eg_task. */
static const eg_task_kind *const kinds[] = {
    [EG_TASK_CLASSIFY] = &eg_task_classify,
    [EG_TASK_NER] = &eg_task_ner,
    [EG_TASK_NSP] = &eg_task_nsp,
    [EG_TASK_CHOOSE] = &eg_task_choose,
    [EG_TASK_RERANK] = &eg_task_rerank,
    [EG_TASK_SPARSE] = &eg_task_sparse,
    [EG_TASK_QA] = &eg_task_qa,
    [EG_TASK_FILL_MASK] = &eg_task_fill_mask,
};

/* --- checking ------------------------------------------------------------------------------------ */

static eg_status
check_options(const eg_task_options *options, eg_error *err)
{
    if ((uint32_t)options->task >= sizeof kinds / sizeof *kinds || !kinds[options->task])
        return eg_fail(err, EG_E_USAGE, "unknown eg_task %d", (int)options->task);
    if ((uint32_t)options->aggregation > EG_AGGREGATE_MAX)
        return eg_fail(err, EG_E_USAGE, "unknown eg_aggregation %d", (int)options->aggregation);
    if (options->target_count && !options->targets)
        return eg_fail(err, EG_E_USAGE, "%u targets, and targets is NULL", options->target_count);
    return EG_OK;
}

static eg_status
check_input(const eg_task_call *call, eg_error *err)
{
    const eg_input *input = &call->input;
    if (input->ids && (call->kind->flags & EG_TASK_FROM_TEXT))
        return eg_fail(err, EG_E_USAGE, "%s takes texts, not token ids", call->kind->name);
    if (!(call->kind->flags & EG_TASK_PAIRS) || input->ids)
        return EG_OK;
    for (uint32_t i = 0; i < input->count; i++)
        if (!input->pairs || !input->pairs[i].data)
            return eg_fail(err, EG_E_INPUT, "text %u has no pair, and %s takes pairs", i + 1, call->kind->name);
    return EG_OK;
}

/* Groups follow one another and hold every text. */
static eg_status
check_groups(const eg_task_options *options, uint32_t texts, eg_error *err)
{
    const uint32_t *groups = options->groups;
    if (groups[0] != 0)
        return eg_fail(err, EG_E_USAGE, "groups begin with %u, not 0", groups[0]);
    for (uint32_t g = 0; g < options->group_count; g++)
        if (groups[g + 1] < groups[g])
            return eg_fail(err, EG_E_USAGE, "group %u goes from %u to %u", g + 1, groups[g], groups[g + 1]);
    if (groups[options->group_count] != texts)
        return eg_fail(err, EG_E_USAGE, "the groups have %u texts, the input %u", groups[options->group_count], texts);
    return EG_OK;
}

static eg_status
take_records(eg_task_call *call, eg_error *err)
{
    const eg_task_options *options = &call->options;
    uint32_t texts = call->input.count;
    call->records = texts;
    if (!(call->kind->flags & EG_TASK_GROUPS))
        return options->groups || options->group_count ? eg_fail(err, EG_E_USAGE, "%s has no groups", call->kind->name)
                                                       : EG_OK;
    if (options->groups) {
        EG_TRY(check_groups(options, texts, err));
        call->groups = options->groups;
        call->records = options->group_count;
        return EG_OK;
    }
    if (options->group_count)
        return eg_fail(err, EG_E_USAGE, "%u groups, and groups is NULL", options->group_count);
    uint32_t *groups = eg_arena_calloc(&call->scratch, 2, sizeof *groups);
    if (!groups)
        return eg_fail_nomem(err, "groups");
    groups[1] = texts;
    call->groups = groups;
    call->records = 1;
    return EG_OK;
}

static eg_status
prepare(eg_task_call *call, const eg_input *input, const eg_task_options *options, eg_error *err)
{
    EG_TRY(eg_take_options(&call->options, sizeof call->options, options, "eg_task_options", err));
    EG_TRY(check_options(&call->options, err));
    call->kind = kinds[call->options.task];
    if (!input)
        return eg_fail(err, EG_E_USAGE, "no input");
    EG_TRY(eg_take_options(&call->input, sizeof call->input, input, "eg_input", err));
    EG_TRY(eg_task_choose_heads(call, err));
    EG_TRY(check_input(call, err));
    return take_records(call, err);
}

/* --- the API ------------------------------------------------------------------------------------- */

static eg_status
run_task(eg_task_call *call, const eg_input *input, const eg_task_options *options, eg_error *err)
{
    EG_TRY(prepare(call, input, options, err));
    call->result->texts = call->input.count;
    eg_context_uncancel(call->context);
    return call->kind->run(call, err);
}

eg_status
eg_run_task(eg_context *context, const eg_input *input, const eg_task_options *options, eg_result **out, eg_error *err)
{
    *out = NULL;
    EG_TRY(eg_engine_check(context->model->engine, err));
    eg_task_call call = {.context = context, .model = context->model};
    call.result = eg_calloc(1, sizeof *call.result);
    if (!call.result)
        return eg_fail_nomem(err, "a result");
    eg_status status = run_task(&call, input, options, err);
    eg_arena_finish(&call.scratch);
    if (status != EG_OK)
        eg_result_free(call.result);
    else
        *out = call.result;
    return status;
}
