/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/plan_report.h"

#include "engine/batch.h"
#include "engine/executable.h"
#include "engine/pack.h"

eg_status
eg_plan_sum_memory(const eg_plan *plan, const eg_dims *sizes, eg_plan_sizes *out, eg_error *err)
{
    eg_memory_plan memory;
    *out = (eg_plan_sizes){0};
    EG_TRY(eg_plan_graph_memory(&plan->built.graph, &plan->partition, plan->targets, sizes, NULL, &memory, err));
    for (uint32_t i = 0; i < memory.space_count; i++) {
        out->naive += memory.spaces[i].sizes.naive;
        out->arena += memory.spaces[i].sizes.arena;
        out->bound += memory.spaces[i].sizes.bound;
    }
    eg_memory_plan_finish(&memory);
    return EG_OK;
}

/* --- in place ------------------------------------------------------------------------------------ */

static void
report_sharings(const eg_plan *plan, const eg_memory_plan *memory, eg_pass_context *context)
{
    const eg_graph *graph = &plan->built.graph;
    for (size_t i = 0; i < memory->sharings.count; i++) {
        const eg_sharing *sharing = &memory->sharings.items[i];
        char why[256];
        if (sharing->why == EG_SHARED) {
            context->report->hits++;
            continue;
        }
        eg_sharing_format(graph, sharing, why, sizeof why);
        eg_pass_refuse(context, eg_graph_node(graph, sharing->node)->name, why);
    }
}

static eg_status
sum_without_inplace(const eg_plan *plan, eg_plan_sizes *out, eg_error *err)
{
    eg_plan apart = *plan; /* its partition differs in one switch */
    apart.partition.no_inplace = true;
    return eg_plan_sum_memory(&apart, &plan->bound, out, err);
}

static eg_status
report_inplace(eg_plan *plan, eg_error *err)
{
    eg_pass_context context = eg_pass_context_of(&plan->passes, "inplace");
    eg_plan_sizes before, after;
    eg_memory_plan memory;
    EG_TRY(sum_without_inplace(plan, &before, err));
    EG_TRY(eg_plan_sum_memory(plan, &plan->bound, &after, err));
    EG_TRY(eg_plan_graph_memory(&plan->built.graph, &plan->partition, plan->targets, &plan->bound, NULL, &memory, err));
    report_sharings(plan, &memory, &context);
    eg_memory_plan_finish(&memory);
    context.report->before.peak = before.bound;
    context.report->after.peak = after.bound;
    return EG_OK;
}

/* --- weights as they are packed, and scratch ----------------------------------------------------- */

static uint64_t
scratch_elsewhere(const eg_executable *executable)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < executable->plan.partition.stages.count; i++) {
        const eg_stage_code *code = &executable->stages[i];
        for (uint32_t domain = 1; domain < code->scratch_count; domain++)
            bytes += code->scratch[domain].bytes;
    }
    return bytes;
}

static eg_status
report_prepack(eg_model *model, const eg_plan_request *request, eg_plan *plan, eg_run_memory *out, eg_error *err)
{
    eg_pass_context context = eg_pass_context_of(&plan->passes, "prepack");
    context.report->before.peak = context.report->after.peak =
        eg_pass_context_of(&plan->passes, "inplace").report->after.peak;
    if (!model->info.has_weights) {
        eg_pass_refuse(&context, plan->built.graph.name,
                       "the weights are not there: what is laid out anew is known with them only");
        return EG_OK;
    }
    eg_executable *executable;
    EG_TRY(eg_executable_make_any(model, request, &executable, err));
    *out = (eg_run_memory){.known = true,
                           .scratch = eg_executable_scratch(executable),
                           .allocated = executable->arena_bytes + scratch_elsewhere(executable)};
    context.report->hits = context.report->enabled ? executable->packed_weights : 0;
    context.report->after.weight_bytes =
        executable->packed_bytes + executable->borrowed_bytes + eg_computed_list_bytes(&executable->plan.computed);
    eg_executable_free(model, executable);
    return EG_OK;
}

eg_status
eg_plan_report_late(eg_model *model, const eg_plan_request *request, eg_plan *plan, eg_run_memory *out, eg_error *err)
{
    *out = (eg_run_memory){0};
    EG_TRY(report_inplace(plan, err));
    return report_prepack(model, request, plan, out, err);
}

/* --- batches under a limit ----------------------------------------------------------------------- */

static eg_sizes
sizes_of_part(const eg_model *model, const eg_token_list *list, const eg_part *part)
{
    eg_sizes sizes = {.B = part->count};
    for (uint32_t t = 0; t < part->count; t++) {
        uint32_t n = eg_text_length(list, part->first + t);
        sizes.max_n = n > sizes.max_n ? n : sizes.max_n;
    }
    for (uint32_t t = 0; t < part->count; t++) {
        uint64_t n = model->padded ? sizes.max_n : eg_text_length(list, part->first + t);
        sizes.T += n;
        sizes.P += n * n;
    }
    return sizes;
}

static eg_status
arena_without_code(eg_model *model, const eg_plan_request *request, uint64_t *out, eg_error *err)
{
    eg_plan_sizes sizes = {0};
    eg_plan *plan = eg_calloc(1, sizeof *plan);
    if (!plan)
        return eg_fail_nomem(err, "a plan");
    eg_status status = eg_plan_make(model, request, plan, err);
    if (status == EG_OK)
        status = eg_plan_sum_memory(plan, &plan->bound, &sizes, err);
    *out = sizes.arena;
    eg_plan_finish(plan);
    eg_free(plan);
    return status;
}

/* As the plan cache would plan for it: rounded up. */
static eg_status
arena_of(eg_model *model, const eg_plan_request *of, const eg_sizes *sizes, uint64_t *out, eg_error *err)
{
    eg_plan_request request = *of;
    request.bound = eg_sizes_round_up(sizes);
    request.dump_after = NULL;
    if (!model->info.has_weights)
        return arena_without_code(model, &request, out, err);
    eg_executable *executable;
    EG_TRY(eg_executable_make_any(model, &request, &executable, err));
    *out = executable->arena_bytes;
    eg_executable_free(model, executable);
    return EG_OK;
}

/* As run_parts() in batch.c goes through a list. */
static eg_status
count_parts(eg_model *model, const eg_plan_request *request, const eg_token_list *list, uint32_t *out_runs,
            eg_error *err)
{
    uint32_t done = 0, runs = 0, most_texts = UINT32_MAX;
    while (done < list->count) {
        eg_part part = eg_batch_next_part(model, list, done, most_texts);
        eg_sizes sizes = sizes_of_part(model, list, &part);
        uint64_t arena;
        EG_TRY(arena_of(model, request, &sizes, &arena, err));
        if (model->engine->max_arena && arena > model->engine->max_arena) {
            if (part.count == 1) {
                *out_runs = 0;
                return EG_OK;
            }
            most_texts = part.count / 2;
            continue;
        }
        if (part.count == most_texts)
            most_texts = part.count <= UINT32_MAX / 2 ? 2 * part.count : UINT32_MAX;
        done += part.count;
        runs++;
    }
    *out_runs = runs;
    return EG_OK;
}

eg_status
eg_plan_count_runs(eg_model *model, const eg_plan_request *request, const uint32_t *lengths, uint32_t count,
                   uint32_t *out_runs, eg_error *err)
{
    eg_token_list list = {.count = count, .cu = eg_calloc((size_t)count + 1, sizeof *list.cu)};
    if (!list.cu)
        return eg_fail_nomem(err, "a batch's lengths");
    for (uint32_t i = 0; i < count; i++)
        list.cu[i + 1] = list.cu[i] + lengths[i];
    eg_status status = count_parts(model, request, &list, out_runs, err);
    eg_free(list.cu);
    return status;
}
