/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/run.h"

#include <inttypes.h>
#include <string.h>

#include "graph/strided.h"

/* --- memory -------------------------------------------------------------------------------------- */

/* Gives up every device's import of the host memory, which is about to move. */
static void
drop_imports(eg_context *context)
{
    eg_engine *engine = context->model->engine;
    for (size_t i = 0; i < engine->backend_count; i++) {
        const eg_target *target = &engine->backends[i].target;
        if (!context->arenas[i].buffer || !eg_target_on_host(target))
            continue;
        target->ops->buffer_free(target->device, context->arenas[i].buffer);
        context->arenas[i] = (eg_context_space){0};
    }
}

static eg_status
need_host_memory(eg_context *context, const eg_space *space, eg_error *err)
{
    if (context->host && context->host_bytes >= space->sizes.arena && context->host_align >= space->align)
        return EG_OK;
    drop_imports(context);
    eg_free(context->host);
    context->host_bytes = 0;
    uint64_t align = space->align > context->host_align ? space->align : context->host_align;
    uint64_t bytes = space->sizes.arena ? space->sizes.arena : align;
    context->host = eg_alloc_aligned(bytes, align);
    if (!context->host)
        return eg_fail_nomem(err, "activations");
    context->host_bytes = bytes;
    context->host_align = align;
    return EG_OK;
}

/* Grows a device's buffer to at least `bytes`. What it held is lost. */
static eg_status
need_buffer(const eg_target *target, uint32_t domain, uint64_t bytes, eg_context_space *space, eg_error *err)
{
    if (space->buffer && space->bytes >= bytes)
        return EG_OK;
    target->ops->buffer_free(target->device, space->buffer);
    *space = (eg_context_space){0};
    EG_TRY(target->ops->buffer_new(target->device, domain, bytes ? bytes : 1, &space->buffer, err));
    space->bytes = bytes;
    return EG_OK;
}

/* Every target of the plan gets its buffer: the shared host memory, or one of its own. */
static eg_status
need_memory(eg_context *context, const eg_executable *executable, eg_error *err)
{
    const eg_plan *plan = &executable->plan;
    const eg_memory_plan *memory = &executable->memory;
    EG_TRY(need_host_memory(context, &memory->spaces[0], err));
    for (size_t i = 0; i < plan->target_count; i++) {
        const eg_target *target = &plan->targets[i];
        eg_context_space *arena = &context->arenas[plan->backends[i]];
        if (!eg_target_on_host(target)) {
            uint64_t bytes = memory->spaces[memory->space_of_target[i]].sizes.arena;
            EG_TRY(need_buffer(target, 0, bytes, arena, err));
        } else if (!arena->buffer) {
            EG_TRY(
                target->ops->buffer_import(target->device, 0, context->host, context->host_bytes, &arena->buffer, err));
            arena->bytes = context->host_bytes;
        }
    }
    for (size_t i = 0; i < plan->partition.stages.count; i++) {
        const eg_stage_code *code = &executable->stages[i];
        uint32_t backend = plan->backends[code->target];
        for (uint32_t domain = 1; domain < code->scratch_count; domain++)
            if (code->scratch[domain].bytes)
                EG_TRY(need_buffer(&plan->targets[code->target], domain, code->scratch[domain].bytes,
                                   &context->scratch[(size_t)backend * EG_CONTEXT_DOMAINS + domain], err));
    }
    return EG_OK;
}

static eg_status
need_tables(eg_context *context, const eg_executable *executable, eg_error *err)
{
    if (context->io_capacity >= executable->max_values && context->io)
        return EG_OK;
    eg_binding *grown = eg_realloc_array(context->io, executable->max_values + 1u, sizeof *grown);
    if (!grown)
        return eg_fail_nomem(err, "a run");
    context->io = grown;
    context->io_capacity = executable->max_values;
    return EG_OK;
}

static void *
host_value(const eg_context *context, const eg_executable *executable, eg_value_id value)
{
    return (char *)context->host + executable->memory.spaces[0].slots[value].offset;
}

/* In sanitizer builds whoever reads what nobody wrote in this run reads NaN. */
static void
poison(eg_context *context)
{
    if (EG_SANITIZER != EG_SANITIZE_NONE)
        memset(context->host, 0xff, context->host_bytes);
}

/* --- events -------------------------------------------------------------------------------------- */

/* Waits for what is pending on a target (EG_ON_HOST: on all), and forgets it. The first bad status is returned. */
static eg_status
settle(eg_context *context, const eg_executable *executable, uint32_t which, eg_error *err)
{
    eg_status first = EG_OK;
    size_t kept = 0;
    for (size_t i = 0; i < context->pending.count; i++) {
        eg_pending *pending = &context->pending.items[i];
        if (which != EG_ON_HOST && pending->target != which) {
            context->pending.items[kept++] = *pending;
            continue;
        }
        const eg_target *target = &executable->plan.targets[pending->target];
        eg_status status = target->ops->wait(target->device, &pending->event, 1, first == EG_OK ? err : NULL);
        if (first == EG_OK)
            first = status;
        target->ops->event_free(target->device, pending->event);
    }
    context->pending.count = kept;
    return first;
}

/* Whatever else is going on: a stage of `target` may begin when only that target's own work is pending. */
static eg_status
settle_others(eg_context *context, const eg_executable *executable, uint32_t target, eg_error *err)
{
    for (uint32_t i = 0; i < executable->plan.target_count; i++)
        if (i != target)
            EG_TRY(settle(context, executable, i, err));
    return EG_OK;
}

/* The events that a stage of `target` waits for. */
static eg_status
list_waits(eg_context *context, uint32_t target, eg_error *err)
{
    context->wait.count = 0;
    for (size_t i = 0; i < context->pending.count; i++)
        if (context->pending.items[i].target == target && !EG_PUSH(&context->wait, context->pending.items[i].event))
            return eg_fail_nomem(err, "a run");
    return EG_OK;
}

/* --- stages -------------------------------------------------------------------------------------- */

static eg_status
cross(eg_context *context, const eg_executable *executable, const eg_batch *batch, const eg_crossing *crossing,
      eg_error *err)
{
    const eg_plan *plan = &executable->plan;
    const eg_value *value = eg_graph_value(&plan->built.graph, crossing->value);
    uint64_t bytes;
    if (!eg_type_bytes(&value->type, &batch->dims, &bytes))
        return eg_fail(err, EG_E_FAILED, "%s is too large", value->name);
    uint32_t number = crossing->from == EG_ON_HOST ? crossing->to : crossing->from;
    const eg_target *target = &plan->targets[number];
    uint32_t space = executable->memory.space_of_target[number];
    uint64_t offset = executable->memory.spaces[space].slots[crossing->value].offset;
    eg_buffer *buffer = context->arenas[plan->backends[number]].buffer;
    void *host = host_value(context, executable, crossing->value);
    EG_TRY(settle(context, executable, EG_ON_HOST, err));
    if (crossing->from == EG_ON_HOST)
        return target->ops->upload(target->device, buffer, offset, host, bytes, err);
    return target->ops->download(target->device, host, buffer, offset, bytes, NULL, 0, err);
}

static eg_status
cross_and_tell(eg_context *context, const eg_executable *executable, const eg_batch *batch, size_t number,
               eg_error *err)
{
    const eg_crossing *crossing = &executable->plan.partition.crossings.items[number];
    uint64_t began = context->trace ? eg_now_ns() : 0;
    EG_TRY(cross(context, executable, batch, crossing, err));
    return context->trace ? eg_trace_copy(context->trace, executable, (uint32_t)number, began, err) : EG_OK;
}

static eg_status
start_stage(eg_context *context, const eg_executable *executable, const eg_batch *batch, const eg_stage_code *code,
            uint32_t threads, eg_error *err)
{
    const eg_plan *plan = &executable->plan;
    const eg_target *target = &plan->targets[code->target];
    uint32_t backend = plan->backends[code->target];
    eg_buffer *buffer = context->arenas[backend].buffer;
    memcpy(context->io, code->io, code->value_count * sizeof *code->io);
    for (uint32_t i = 0; i < code->value_count; i++)
        context->io[i].buffer = code->spaces[i] == UINT32_MAX ? NULL : buffer;
    eg_binding scratch[EG_CONTEXT_DOMAINS];
    for (uint32_t domain = 0; domain < code->scratch_count; domain++) {
        scratch[domain] = code->scratch[domain];
        eg_buffer *own = context->scratch[(size_t)backend * EG_CONTEXT_DOMAINS + domain].buffer;
        scratch[domain].buffer = !scratch[domain].bytes ? NULL : domain == 0 ? buffer : own;
    }
    EG_TRY(list_waits(context, code->target, err));
    eg_run_info info = {
        .size = sizeof info,
        .threads = threads,
        .io = context->io,
        .io_count = code->value_count,
        .scratch_count = code->scratch_count,
        .scratch = scratch,
        .dims = &batch->dims,
        .wait = context->wait.items,
        .wait_count = (uint32_t)context->wait.count,
        .cancel = &context->cancel,
    };
    if (context->trace)
        return eg_trace_stage(context->trace, executable, (uint32_t)(code - executable->stages), &info, err);
    /* Room first: an event that could not be remembered could not be waited for. */
    if (!eg_grow((void **)&context->pending.items, &context->pending.capacity, context->pending.count + 1,
                 sizeof *context->pending.items))
        return eg_fail_nomem(err, "a run");
    eg_event *event = NULL;
    eg_status status = target->ops->run(code->exec, &info, &event, err);
    if (event)
        context->pending.items[context->pending.count++] = (eg_pending){code->target, event};
    return status;
}

static eg_status
run_stages(eg_context *context, const eg_executable *executable, const eg_batch *batch, uint32_t threads, eg_error *err)
{
    const eg_partition *partition = &executable->plan.partition;
    size_t next = 0; /* crossing; they are sorted by stage */
    for (size_t i = 0; i < partition->stages.count; i++) {
        if (__atomic_load_n(&context->cancel, __ATOMIC_RELAXED))
            return eg_fail(err, EG_E_CANCELLED, "cancelled");
        for (; next < partition->crossings.count && partition->crossings.items[next].before_stage <= i; next++)
            EG_TRY(cross_and_tell(context, executable, batch, next, err));
        const eg_stage_code *code = &executable->stages[i];
        if (!code->exec) /* views alone */
            continue;
        EG_TRY(settle_others(context, executable, code->target, err));
        EG_TRY(start_stage(context, executable, batch, code, threads, err));
    }
    return EG_OK;
}

static void
write_inputs(eg_context *context, const eg_executable *executable, const eg_batch *batch)
{
    size_t bytes = (size_t)batch->set.T * sizeof *batch->ids;
    if (executable->ids && executable->memory.spaces[0].slots[executable->ids].present)
        memcpy(host_value(context, executable, executable->ids), batch->ids, bytes);
    if (executable->type_ids && executable->memory.spaces[0].slots[executable->type_ids].present)
        memcpy(host_value(context, executable, executable->type_ids), batch->type_ids, bytes);
    for (uint32_t i = 0; i < batch->fed_count; i++) {
        const eg_fed_value *fed = &batch->fed[i];
        const eg_value *value = eg_graph_value(&executable->plan.built.graph, fed->value);
        uint64_t size;
        if (executable->memory.spaces[0].slots[fed->value].present && eg_type_bytes(&value->type, &batch->dims, &size))
            memcpy(host_value(context, executable, fed->value), fed->data, size);
    }
}

static eg_status
take_workers(eg_context *context, eg_lease *lease, eg_error *err)
{
    eg_threads *threads = context->model->engine->threads;
    eg_lease_begin(threads, context->workers == EG_WORKERS_WAIT, lease);
    if (context->workers != EG_WORKERS_OR_BUSY || lease->holds || eg_threads_count(threads) == 1)
        return EG_OK;
    eg_lease_end(lease);
    return eg_fail(err, EG_E_BUSY, "another run holds the worker threads");
}

eg_status
eg_run_batch(eg_context *context, const eg_executable *executable, const eg_batch *batch, eg_error *err)
{
    EG_TRY(need_memory(context, executable, err));
    EG_TRY(need_tables(context, executable, err));
    poison(context);
    write_inputs(context, executable, batch);
    eg_lease lease;
    EG_TRY(take_workers(context, &lease, err));
    lease.lanes = context->trace ? &context->trace->lanes : NULL;
    eg_status status = run_stages(context, executable, batch, lease.count, err);
    /* Also after a failure: a device may still be writing to this context's memory. */
    eg_status settled = settle(context, executable, EG_ON_HOST, status == EG_OK ? err : NULL);
    eg_lease_end(&lease);
    return status != EG_OK ? status : settled;
}

/* --- results ------------------------------------------------------------------------------------- */

eg_status
eg_run_read(eg_context *context, const eg_executable *executable, const eg_batch *batch, eg_value_id id,
            const void **out, eg_error *err)
{
    uint32_t home = eg_executable_home(executable, id);
    if (eg_value_is_strided(&executable->plan.built.graph, id))
        return eg_fail(err, EG_E_INTERNAL, "the rows of %s lie apart: its root is what can be read",
                       eg_graph_value(&executable->plan.built.graph, id)->name);
    if (home == 0) {
        *out = host_value(context, executable, id);
        return EG_OK;
    }
    const eg_plan *plan = &executable->plan;
    const eg_value *value = eg_graph_value(&plan->built.graph, id);
    uint64_t bytes;
    if (!eg_type_bytes(&value->type, &batch->dims, &bytes))
        return eg_fail(err, EG_E_FAILED, "%s is too large", value->name);
    if (!context->staging || context->staging_bytes < bytes) {
        eg_free(context->staging);
        context->staging_bytes = 0;
        context->staging = eg_alloc(bytes);
        if (!context->staging)
            return eg_fail_nomem(err, "a result");
        context->staging_bytes = bytes;
    }
    const eg_space *space = &executable->memory.spaces[home];
    const eg_target *target = &plan->targets[space->target];
    EG_TRY(target->ops->download(target->device, context->staging,
                                 context->arenas[plan->backends[space->target]].buffer, space->slots[id].offset, bytes,
                                 NULL, 0, err));
    *out = context->staging;
    return EG_OK;
}

/* --- contexts ------------------------------------------------------------------------------------ */

eg_status
eg_context_make(eg_model *model, eg_context **out, eg_error *err)
{
    *out = NULL;
    eg_context *context = eg_calloc(1, sizeof *context);
    if (!context)
        return eg_fail_nomem(err, "a context");
    context->model = model;
    context->arenas = eg_calloc(model->engine->backend_count, sizeof *context->arenas);
    context->scratch = eg_calloc(model->engine->backend_count * EG_CONTEXT_DOMAINS, sizeof *context->scratch);
    if (!context->arenas || !context->scratch) {
        eg_context_close(context);
        return eg_fail_nomem(err, "a context");
    }
    *out = context;
    return EG_OK;
}

eg_status
eg_context_open(eg_model *model, eg_context **out, eg_error *err)
{
    *out = NULL;
    EG_TRY(eg_engine_check(model->engine, err));
    if (model->load != EG_LOAD_FULL)
        return eg_fail(err, EG_E_USAGE, "the model was not opened for running; use EG_LOAD_FULL");
    return eg_context_make(model, out, err);
}

void
eg_context_close(eg_context *context)
{
    if (!context)
        return;
    const eg_engine *engine = context->model->engine;
    for (size_t i = 0; i < engine->backend_count; i++) {
        const eg_target *target = &engine->backends[i].target;
        if (context->arenas && context->arenas[i].buffer)
            target->ops->buffer_free(target->device, context->arenas[i].buffer);
        for (size_t domain = 0; context->scratch && domain < EG_CONTEXT_DOMAINS; domain++) {
            eg_buffer *buffer = context->scratch[i * EG_CONTEXT_DOMAINS + domain].buffer;
            if (buffer)
                target->ops->buffer_free(target->device, buffer);
        }
    }
    eg_free(context->arenas);
    eg_free(context->scratch);
    eg_free(context->host);
    eg_free(context->staging);
    eg_free(context->io);
    eg_free(context->pending.items);
    eg_free(context->wait.items);
    eg_free(context->fuse);
    eg_free(context);
}

void
eg_context_cancel(eg_context *context)
{
    __atomic_store_n(&context->cancel, 1, __ATOMIC_RELAXED);
}

void
eg_context_uncancel(eg_context *context)
{
    __atomic_store_n(&context->cancel, 0, __ATOMIC_RELAXED);
}

eg_status
eg_context_set_workers(eg_context *context, eg_workers workers, eg_error *err)
{
    if ((uint32_t)workers > EG_WORKERS_OR_BUSY)
        return eg_fail(err, EG_E_USAGE, "unknown eg_workers %d", (int)workers);
    context->workers = workers;
    return EG_OK;
}

eg_status
eg_fuse_check(const char *fuse, eg_error *err)
{
    return eg_pass_check_list(fuse, err);
}

eg_status
eg_context_set_fuse(eg_context *context, const char *fuse, eg_error *err)
{
    char *kept = NULL;
    if (fuse) {
        EG_TRY(eg_pass_check_list(fuse, err));
        kept = eg_strdup(fuse);
        if (!kept)
            return eg_fail_nomem(err, "a context");
    }
    eg_free(context->fuse);
    context->fuse = kept;
    return EG_OK;
}
