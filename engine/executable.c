/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/executable.h"

#include <inttypes.h>
#include <string.h>

/* --- weights and stages -------------------------------------------------------------------------- */

static bool
is_weight(const eg_graph *graph, eg_value_id value)
{
    return (eg_graph_value(graph, value)->flags & EG_VALUE_CONST) != 0;
}

/* Bytes of a constant as it lies in the file. */
static uint64_t
file_bytes(const eg_value *value)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < value->constant->view_count; i++) {
        const eg_host_view *view = &value->constant->views[i];
        uint64_t bytes = eg_dtype_size(view->dtype);
        for (uint32_t a = 0; a < value->type.rank; a++)
            bytes *= (uint64_t)view->dims[a]; /* it is mapped, so it has been counted */
        total += bytes;
    }
    return total;
}

static bool
has_weight(const eg_executable *executable, const eg_shared_weight *weight)
{
    for (size_t i = 0; i < executable->weights.count; i++)
        if (executable->weights.items[i] == weight)
            return true;
    return false;
}

static void
count_weight(eg_executable *executable, const eg_shared_weight *weight, const eg_value *value)
{
    uint64_t own = eg_shared_weight_bytes(weight);
    if (has_weight(executable, weight))
        return;
    executable->packed_weights += own > 0;
    executable->packed_bytes += own;
    bool computed = eg_computed_list_holds(&executable->plan.computed, value->constant->views[0].data);
    executable->borrowed_bytes += own || computed ? 0 : file_bytes(value);
}

/* The stage's weights by the view's numbers. */
static eg_status
get_weights(eg_model *model, eg_executable *executable, const eg_stage *stage, const eg_view *view, eg_weight **weights,
            eg_error *err)
{
    const eg_graph *graph = &executable->plan.built.graph;
    for (uint32_t i = 0; i < view->value_count; i++) {
        if (!is_weight(graph, view->values[i]))
            continue;
        eg_shared_weight *shared;
        EG_TRY(eg_weight_cache_get(&model->weights, graph, &executable->plan.partition, stage->target,
                                   &executable->plan.targets[stage->target], view->values[i],
                                   executable->plan.plain_weights, &shared, err));
        count_weight(executable, shared, eg_graph_value(graph, view->values[i]));
        if (!EG_PUSH(&executable->weights, shared)) {
            eg_weight_cache_put(&model->weights, shared);
            return eg_fail_nomem(err, "a plan's weights");
        }
        weights[i] = eg_shared_weight_of(shared);
    }
    return EG_OK;
}

/* What is known of the stage's values before their memory is planned. */
static eg_status
describe_values(eg_model *model, eg_executable *executable, const eg_view *view, eg_stage_code *code, eg_error *err)
{
    eg_arena *arena = &executable->plan.arena;
    const eg_graph *graph = &executable->plan.built.graph;
    eg_value_id *values = eg_arena_calloc(arena, view->value_count, sizeof *values);
    code->io = eg_arena_calloc(arena, view->value_count, sizeof *code->io);
    code->spaces = eg_arena_calloc(arena, view->value_count, sizeof *code->spaces);
    if (!values || !code->io || !code->spaces)
        return eg_fail_nomem(err, "a plan's stages");
    code->value_count = view->value_count;
    code->values = values;
    if (view->value_count > executable->max_values)
        executable->max_values = view->value_count;
    const eg_host *host = &model->engine->host;
    for (uint32_t i = 0; i < view->value_count; i++) {
        values[i] = view->values[i];
        eg_value_info info = {.size = sizeof info};
        eg_status status = host->view_value(host->ctx, view, i, &info);
        if (status != EG_OK)
            return eg_fail(err, status, "value %s of a plan cannot be described",
                           eg_graph_value(graph, view->values[i])->name);
        code->io[i] = (eg_binding){.size = sizeof *code->io, .row_stride = info.row_stride};
        code->spaces[i] = UINT32_MAX;
    }
    return EG_OK;
}

static eg_status
compile_view(eg_model *model, eg_executable *executable, const eg_stage *stage, eg_view *view, eg_stage_code *code,
             eg_error *err)
{
    eg_plan *plan = &executable->plan;
    const eg_target *target = &plan->targets[stage->target];
    eg_weight **weights = eg_arena_calloc(&plan->arena, view->value_count, sizeof *weights);
    if (!weights)
        return eg_fail_nomem(err, "a plan's weights");
    EG_TRY(get_weights(model, executable, stage, view, weights, err));
    EG_TRY(describe_values(model, executable, view, code, err));
    view->weights = weights;
    eg_compile_info info = {
        .size = sizeof info, .threads = eg_threads_count(model->engine->threads), .bound = &plan->bound};
    EG_TRY(target->ops->compile(target->device, view, &info, &code->exec, err));
    if (!code->exec)
        return eg_fail(err, EG_E_INTERNAL, "%s compiled nothing and said that it did", target->name);
    return EG_OK;
}

static eg_status
compile_stage(eg_model *model, eg_executable *executable, size_t number, eg_error *err)
{
    const eg_stage *stage = &executable->plan.partition.stages.items[number];
    eg_stage_code *code = &executable->stages[number];
    code->target = stage->target;
    eg_view view;
    EG_TRY(eg_view_init(&view, &executable->plan.built.graph, stage->nodes.items, (uint32_t)stage->nodes.count, err));
    /* A stage of views alone has nothing to compile. */
    eg_status status = view.node_count ? compile_view(model, executable, stage, &view, code, err) : EG_OK;
    eg_view_finish(&view);
    return status;
}

static eg_status
compile_stages(eg_model *model, eg_executable *executable, eg_error *err)
{
    eg_plan *plan = &executable->plan;
    executable->stages = eg_arena_calloc(&plan->arena, plan->partition.stages.count, sizeof *executable->stages);
    if (!executable->stages)
        return eg_fail_nomem(err, "a plan's stages");
    for (size_t i = 0; i < plan->partition.stages.count; i++)
        EG_TRY(compile_stage(model, executable, i, err));
    return EG_OK;
}

/* --- memory -------------------------------------------------------------------------------------- */

static uint64_t
scratch_bytes(const eg_executable *executable, const eg_stage_code *code, uint32_t domain, uint32_t threads)
{
    const eg_device_ops *ops = executable->plan.targets[code->target].ops;
    return ops->scratch && code->exec ? ops->scratch(code->exec, domain, &executable->plan.bound, threads) : 0;
}

static eg_status
ask_scratch(eg_model *model, eg_executable *executable, uint64_t **out, eg_error *err)
{
    eg_plan *plan = &executable->plan;
    uint32_t threads = eg_threads_count(model->engine->threads);
    *out = eg_arena_calloc(&plan->arena, plan->partition.stages.count, sizeof **out);
    if (!*out)
        return eg_fail_nomem(err, "a plan's scratch");
    for (size_t i = 0; i < plan->partition.stages.count; i++) {
        eg_stage_code *code = &executable->stages[i];
        const eg_target *target = &plan->targets[code->target];
        code->scratch_count = target->ops->domain_count;
        code->scratch = eg_arena_calloc(&plan->arena, code->scratch_count, sizeof *code->scratch);
        if (!code->scratch)
            return eg_fail_nomem(err, "a plan's scratch");
        (*out)[i] = scratch_bytes(executable, code, 0, threads);
        for (uint32_t domain = 0; domain < code->scratch_count; domain++) {
            code->scratch[domain] = (eg_binding){.size = sizeof *code->scratch};
            code->scratch[domain].bytes = scratch_bytes(executable, code, domain, threads);
        }
    }
    return EG_OK;
}

uint32_t
eg_executable_home(const eg_executable *executable, eg_value_id id)
{
    const eg_value *value = eg_graph_value(&executable->plan.built.graph, id);
    if (!value->producer)
        return 0;
    return executable->memory.space_of_target[executable->plan.partition.target_of[value->producer]];
}

/* Each value's place where its stage reads or writes it. */
static eg_status
bind_stage(eg_executable *executable, size_t number, eg_error *err)
{
    const eg_memory_plan *memory = &executable->memory;
    eg_stage_code *code = &executable->stages[number];
    uint32_t space = memory->space_of_target[code->target];
    for (uint32_t i = 0; i < code->value_count; i++) {
        eg_value_id value = code->values[i];
        if (is_weight(&executable->plan.built.graph, value))
            continue;
        const eg_slot *slot = &memory->spaces[space].slots[value];
        if (!slot->present)
            return eg_fail(err, EG_E_INTERNAL, "%s has no place in the memory of %s",
                           eg_graph_value(&executable->plan.built.graph, value)->name,
                           executable->plan.targets[code->target].name);
        code->spaces[i] = space;
        code->io[i].offset = slot->offset;
        code->io[i].bytes = slot->bytes;
    }
    if (code->scratch_count) {
        code->scratch[0].offset = memory->scratch[number].offset;
        code->scratch[0].bytes = memory->scratch[number].bytes;
    }
    return EG_OK;
}

static void
sum_arenas(eg_executable *executable)
{
    for (uint32_t i = 0; i < executable->memory.space_count; i++)
        executable->arena_bytes += executable->memory.spaces[i].sizes.arena;
}

static eg_status
check_arena(eg_model *model, const eg_executable *executable, bool *out_too_large, eg_error *err)
{
    eg_engine *engine = model->engine;
    for (uint32_t i = 0; i < executable->memory.space_count; i++) {
        const eg_space *space = &executable->memory.spaces[i];
        if (space->target == EG_ON_HOST)
            continue;
        const eg_backend *backend = &engine->backends[executable->plan.backends[space->target]];
        if (backend->max_buffer == 0 || space->sizes.arena <= backend->max_buffer)
            continue;
        *out_too_large = true;
        return eg_fail(err, EG_E_NOMEM, "a run needs %" PRIu64 " bytes in one buffer of %s, which has at most %" PRIu64,
                       space->sizes.arena, backend->target.name, backend->max_buffer);
    }
    if (engine->max_arena == 0 || executable->arena_bytes <= engine->max_arena)
        return EG_OK;
    *out_too_large = true;
    const eg_dims *bound = &executable->plan.bound;
    if (bound->B > 1)
        return eg_fail(err, EG_E_NOMEM, "%u texts need %" PRIu64 " bytes of activations; the limit is %" PRIu64,
                       bound->B, executable->arena_bytes, engine->max_arena);
    return eg_fail(err, EG_E_NOMEM,
                   "one text of up to %u tokens needs %" PRIu64 " bytes of activations; the limit is %" PRIu64,
                   bound->sets->max_n, executable->arena_bytes, engine->max_arena);
}

static eg_status
plan_memory(eg_model *model, eg_executable *executable, bool *out_too_large, eg_error *err)
{
    eg_plan *plan = &executable->plan;
    uint64_t *scratch;
    EG_TRY(ask_scratch(model, executable, &scratch, err));
    EG_TRY(eg_plan_graph_memory(&plan->built.graph, &plan->partition, plan->targets, &plan->bound, scratch,
                                &executable->memory, err));
    sum_arenas(executable);
    if (out_too_large)
        EG_TRY(check_arena(model, executable, out_too_large, err));
    for (size_t i = 0; i < plan->partition.stages.count; i++)
        EG_TRY(bind_stage(executable, i, err));
    return EG_OK;
}

/* --- making -------------------------------------------------------------------------------------- */

static void
find_inputs(eg_executable *executable)
{
    const eg_graph *graph = &executable->plan.built.graph;
    for (size_t i = 0; i < graph->inputs.count; i++) {
        eg_value_id id = graph->inputs.items[i];
        const char *name = eg_graph_value(graph, id)->name;
        if (strcmp(name, "token_ids") == 0)
            executable->ids = id;
        else if (strcmp(name, "type_ids") == 0)
            executable->type_ids = id;
    }
}

static eg_status
make(eg_model *model, const eg_plan_request *request, eg_executable *executable, bool *out_too_large, eg_error *err)
{
    EG_TRY(eg_plan_make(model, request, &executable->plan, err));
    find_inputs(executable);
    eg_lease lease; /* packing may use the run's threads */
    eg_lease_begin(model->engine->threads, false, &lease);
    eg_status status = compile_stages(model, executable, err);
    if (status == EG_OK)
        status = plan_memory(model, executable, out_too_large, err);
    eg_lease_end(&lease);
    return status;
}

static eg_status
make_new(eg_model *model, const eg_plan_request *request, eg_executable **out, bool *out_too_large, eg_error *err)
{
    *out = NULL;
    eg_executable *executable = eg_calloc(1, sizeof *executable);
    if (!executable)
        return eg_fail_nomem(err, "a plan");
    eg_status status = make(model, request, executable, out_too_large, err);
    if (status != EG_OK) {
        eg_executable_free(model, executable);
        return status;
    }
    *out = executable;
    return EG_OK;
}

eg_status
eg_executable_make(eg_model *model, const eg_plan_request *request, eg_executable **out, bool *out_too_large,
                   eg_error *err)
{
    *out_too_large = false;
    EG_TRY(make_new(model, request, out, out_too_large, err));
    eg_plan_say_placement(model, &(*out)->plan, (*out)->arena_bytes);
    return EG_OK;
}

eg_status
eg_executable_make_any(eg_model *model, const eg_plan_request *request, eg_executable **out, eg_error *err)
{
    return make_new(model, request, out, NULL, err);
}

uint64_t
eg_executable_scratch(const eg_executable *executable)
{
    uint64_t most = 0;
    for (size_t i = 0; i < executable->plan.partition.stages.count; i++) {
        const eg_stage_code *code = &executable->stages[i];
        uint64_t bytes = 0;
        for (uint32_t domain = 0; domain < code->scratch_count; domain++)
            bytes += code->scratch[domain].bytes;
        most = bytes > most ? bytes : most;
    }
    return most;
}

void
eg_executable_free(eg_model *model, eg_executable *executable)
{
    if (!executable)
        return;
    size_t stages = executable->stages ? executable->plan.partition.stages.count : 0;
    for (size_t i = 0; i < stages; i++) {
        eg_stage_code *code = &executable->stages[i];
        if (code->exec)
            executable->plan.targets[code->target].ops->exec_free(code->exec);
    }
    for (size_t i = 0; i < executable->weights.count; i++)
        eg_weight_cache_put(&model->weights, executable->weights.items[i]);
    eg_free(executable->weights.items);
    eg_memory_plan_finish(&executable->memory);
    eg_plan_finish(&executable->plan);
    eg_free(executable);
}
