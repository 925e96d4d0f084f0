/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/plan_report.h"

#include "engine/executable.h"

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
    context.report->after.weight_bytes = executable->packed_bytes + executable->borrowed_bytes;
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
