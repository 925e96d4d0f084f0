/* SPDX-License-Identifier: Apache-2.0 */
/* Stages: one step per node, several where a product's weight is in parts. */
#include "plugins/far/far.h"

#include <stdio.h>
#include <string.h>

enum { ELEMENT = 4 };

/* --- support ------------------------------------------------------------------------------------- */

static eg_status
refuse(eg_support *out, const char *op, const char *value, const char *why)
{
    out->level = EG_SUPPORT_NO;
    snprintf(out->reason, sizeof out->reason, "%s: %s %s", op, value, why);
    return EG_OK;
}

static eg_status
input_info(const eg_host *host, const eg_view *view, uint32_t node, uint32_t i, eg_value_info *out)
{
    *out = (eg_value_info){.size = sizeof *out};
    return host->view_value(host->ctx, view, host->node_input(host->ctx, view, node, i), out);
}

static int64_t
rows_per_part(const eg_value_info *info)
{
    int64_t row = 1;
    for (uint32_t axis = 1; axis < info->rank; axis++)
        row *= info->dims[axis].k;
    return far_rows_per_part(row);
}

/* Says no to a weight that is too large for the op; sets *in_parts if it is large. */
static eg_status
check_weight(const char *op, uint32_t input, const eg_value_info *info, bool *in_parts, eg_support *out)
{
    if (rows_per_part(info) < 1)
        return refuse(out, op, info->name, "has rows larger than 1 MiB");
    if (info->dims[0].k <= rows_per_part(info))
        return EG_OK;
    *in_parts = true;
    if (!far_takes_parts(op, input))
        return refuse(out, op, info->name, "is larger than 1 MiB, and the op does not take it in parts");
    return EG_OK;
}

/* Says no to what cannot be computed in pieces although a weight is in parts. */
static eg_status
check_piece(const char *op, uint32_t inputs, uint32_t input, const eg_value_info *info, eg_support *out)
{
    const char *obstacle = far_piece_obstacle(far_cut_of(op, inputs, input), info);
    return obstacle ? refuse(out, op, info->name, obstacle) : EG_OK;
}

static eg_status
check_inputs(eg_device *device, const eg_view *view, uint32_t node, eg_support *out)
{
    const eg_host *host = device->host;
    const char *op = host->node_op(host->ctx, view, node);
    uint32_t inputs = host->node_inputs(host->ctx, view, node);
    bool in_parts = false;
    for (uint32_t i = 0; i < inputs && out->level != EG_SUPPORT_NO; i++) {
        eg_value_info info;
        eg_status status = input_info(host, view, node, i, &info);
        if (status == EG_OK && info.is_weight)
            status = check_weight(op, i, &info, &in_parts, out);
        if (status != EG_OK)
            return status;
    }
    if (!in_parts || strcmp(op, "gather") == 0)
        return EG_OK;
    for (uint32_t i = 0; i < inputs && out->level != EG_SUPPORT_NO; i++) {
        eg_value_info info;
        eg_status status = input_info(host, view, node, i, &info);
        if (status == EG_OK)
            status = check_piece(op, inputs, i, &info, out);
        if (status != EG_OK)
            return status;
    }
    return EG_OK;
}

eg_status
far_support(eg_device *device, const eg_view *view, uint32_t node, eg_support *out)
{
    far_view inner = {.device = device, .outer = view, .node = node};
    eg_status status = device->inner_ops->support(device->inner, (const eg_view *)&inner, 0, out);
    if (status != EG_OK || out->level == EG_SUPPORT_NO)
        return status;
    out->est_ns = 0;
    return check_inputs(device, view, node, out);
}

/* --- compile ------------------------------------------------------------------------------------- */

typedef struct {
    eg_exec *inner;         /* reference's; NULL: a lookup in `table` */
    const eg_weight *table; /* in parts */
    eg_value_info index;    /* of the lookup */
    uint32_t *io;           /* the values of the step, in the numbers of the host's view */
    uint32_t io_count;
    const eg_weight **weights; /* per value, NULL for none: opened while the step runs */
    far_cut *cuts;             /* per value; all are whole where the step is no piece of a product */
    far_piece piece;
} step;

struct eg_exec {
    eg_device *device;
    uint32_t value_count;
    uint32_t step_count;
    step steps[];
};

/* The weight in parts that the node reads, or NULL. */
static const eg_weight *
weight_in_parts(const eg_host *host, const eg_view *view, uint32_t node, uint32_t *out_input)
{
    uint32_t inputs = host->node_inputs(host->ctx, view, node);
    for (uint32_t i = 0; i < inputs; i++) {
        uint32_t value = host->node_input(host->ctx, view, node, i);
        eg_value_info info = {.size = sizeof info};
        if (host->view_value(host->ctx, view, value, &info) != EG_OK || !info.is_weight)
            continue;
        const eg_weight *weight = host->view_weight(host->ctx, view, value);
        if (weight && weight->part_count > 1) {
            *out_input = i;
            return weight;
        }
    }
    return NULL;
}

static uint32_t
count_steps(const eg_host *host, const eg_view *view)
{
    uint32_t count = 0, nodes = host->view_nodes(host->ctx, view);
    for (uint32_t n = 0; n < nodes; n++) {
        uint32_t input;
        const eg_weight *weight = weight_in_parts(host, view, n, &input);
        count += weight && input > 0 ? weight->part_count : 1;
    }
    return count;
}

static eg_status
fill_io(eg_exec *exec, const eg_view *view, uint32_t node, step *s, eg_error *err)
{
    const eg_host *host = exec->device->host;
    uint32_t inputs = host->node_inputs(host->ctx, view, node), outputs = host->node_outputs(host->ctx, view, node);
    s->io_count = inputs + outputs;
    s->io = far_alloc(exec->device, s->io_count * sizeof *s->io);
    s->weights = far_alloc(exec->device, s->io_count * sizeof *s->weights);
    s->cuts = far_alloc(exec->device, s->io_count * sizeof *s->cuts);
    if (!s->io || !s->weights || !s->cuts)
        return far_fail(err, EG_E_NOMEM, "out of memory (stage)");
    for (uint32_t i = 0; i < s->io_count; i++) {
        s->io[i] = i < inputs ? host->node_input(host->ctx, view, node, i)
                              : host->node_output(host->ctx, view, node, i - inputs);
        eg_value_info info = {.size = sizeof info};
        eg_status status = host->view_value(host->ctx, view, s->io[i], &info);
        if (status != EG_OK)
            return far_fail(err, EG_E_INTERNAL, "value %u cannot be read", s->io[i]);
        if (!info.is_weight)
            continue;
        s->weights[i] = host->view_weight(host->ctx, view, s->io[i]);
        if (!s->weights[i])
            return far_fail(err, EG_E_INTERNAL, "the weight '%s' was not made", info.name);
    }
    return EG_OK;
}

static eg_status
compile_inner(eg_exec *exec, const far_view *stage, const eg_compile_info *info, step *s, eg_error *err)
{
    const eg_device *device = exec->device;
    return device->inner_ops->compile(device->inner, (const eg_view *)stage, info, &s->inner, err);
}

static eg_status
compile_step(eg_exec *exec, const eg_view *view, uint32_t node, const eg_compile_info *info, step *s, eg_error *err)
{
    far_view stage = {.device = exec->device, .outer = view, .node = node};
    eg_status status = fill_io(exec, view, node, s, err);
    return status == EG_OK ? compile_inner(exec, &stage, info, s, err) : status;
}

/* The columns that part `number` of the weight makes. */
static eg_status
compile_piece(eg_exec *exec, const eg_view *view, uint32_t node, const eg_weight *weight, uint32_t number,
              const eg_compile_info *info, step *s, eg_error *err)
{
    const eg_host *host = exec->device->host;
    far_view stage = {.device = exec->device, .outer = view, .node = node, .piece = &s->piece};
    eg_status status = fill_io(exec, view, node, s, err);
    if (status == EG_OK)
        status = far_piece_begin(exec->device, view, node, &weight->parts[number], number, &s->piece, err);
    if (status != EG_OK)
        return status;
    const char *op = host->node_op(host->ctx, view, node);
    for (uint32_t i = 0; i < s->io_count; i++)
        s->cuts[i] = far_cut_of(op, host->node_inputs(host->ctx, view, node), i);
    return compile_inner(exec, &stage, info, s, err);
}

static eg_status
compile_lookup(eg_exec *exec, const eg_view *view, uint32_t node, const eg_weight *table, step *s, eg_error *err)
{
    const eg_host *host = exec->device->host;
    eg_status status = fill_io(exec, view, node, s, err);
    if (status != EG_OK)
        return status;
    s->table = table;
    s->index.size = sizeof s->index;
    return host->view_value(host->ctx, view, s->io[1], &s->index);
}

static eg_status
compile_node(eg_exec *exec, const eg_view *view, uint32_t node, const eg_compile_info *info, eg_error *err)
{
    const eg_host *host = exec->device->host;
    uint32_t input = 0;
    const eg_weight *weight = weight_in_parts(host, view, node, &input);
    const char *op = host->node_op(host->ctx, view, node);
    if (!weight)
        return compile_step(exec, view, node, info, &exec->steps[exec->step_count++], err);
    if (!far_takes_parts(op, input))
        return far_fail(err, EG_E_UNSUPPORTED, "%s does not take a weight in parts", op);
    if (input == 0)
        return compile_lookup(exec, view, node, weight, &exec->steps[exec->step_count++], err);
    eg_status status = EG_OK;
    for (uint32_t i = 0; i < weight->part_count && status == EG_OK; i++)
        status = compile_piece(exec, view, node, weight, i, info, &exec->steps[exec->step_count++], err);
    return status;
}

eg_status
far_compile(eg_device *device, const eg_view *view, const eg_compile_info *info, eg_exec **out, eg_error *err)
{
    const eg_host *host = device->host;
    *out = NULL;
    eg_exec *exec = far_alloc(device, sizeof *exec + count_steps(host, view) * sizeof *exec->steps);
    if (!exec)
        return far_fail(err, EG_E_NOMEM, "out of memory (stage)");
    exec->device = device;
    exec->value_count = host->view_values(host->ctx, view);
    eg_status status = EG_OK;
    uint32_t nodes = host->view_nodes(host->ctx, view);
    for (uint32_t n = 0; n < nodes && status == EG_OK; n++)
        status = compile_node(exec, view, n, info, err);
    if (status != EG_OK) {
        far_exec_free(exec);
        return status;
    }
    *out = exec;
    return EG_OK;
}

void
far_exec_free(eg_exec *exec)
{
    if (!exec)
        return;
    for (uint32_t i = 0; i < exec->step_count; i++) {
        exec->device->inner_ops->exec_free(exec->steps[i].inner);
        far_dealloc(exec->device, exec->steps[i].io);
        far_dealloc(exec->device, exec->steps[i].weights);
        far_dealloc(exec->device, exec->steps[i].cuts);
        far_piece_finish(exec->device, &exec->steps[i].piece);
    }
    far_dealloc(exec->device, exec);
}

uint64_t
far_scratch(const eg_exec *exec, uint32_t domain, const eg_dims *bound, uint32_t threads)
{
    uint64_t most = 0;
    for (uint32_t i = 0; i < exec->step_count; i++) {
        if (!exec->steps[i].inner)
            continue;
        uint64_t bytes = exec->device->inner_ops->scratch(exec->steps[i].inner, domain, bound, threads);
        most = bytes > most ? bytes : most;
    }
    return most;
}

/* --- run ----------------------------------------------------------------------------------------- */

/* A run that waits for its turn. The arrays are copies; dims, tables and buffers are the caller's until it is over. */
typedef struct {
    far_job job;
    eg_exec *exec;
    eg_run_info info;
    eg_event **wait; /* held */
    eg_binding scratch;
    eg_binding *step_io; /* room for the widest step */
    eg_binding io[];
} run_job;

static eg_status
open_weights(const step *s, bool open, eg_error *err)
{
    eg_status status = EG_OK;
    for (uint32_t i = 0; i < s->io_count; i++) {
        const eg_weight *weight = s->weights[i];
        for (uint32_t p = 0; weight && p < weight->part_count; p++) {
            if (s->cuts[i] == FAR_ROWS && p != s->piece.part)
                continue;
            if (!open)
                far_memory_close(&weight->parts[p].memory);
            else if (status == EG_OK)
                status = far_memory_open(&weight->parts[p].memory, err);
        }
    }
    return status;
}

static eg_status
open_buffers(const run_job *run, bool open, eg_error *err)
{
    const eg_buffer *last = NULL;
    eg_status status = EG_OK;
    for (uint32_t i = 0; i <= run->exec->value_count; i++) {
        const eg_buffer *buffer = i < run->exec->value_count ? run->io[i].buffer : run->scratch.buffer;
        if (!buffer || buffer == last)
            continue;
        last = buffer;
        if (!open)
            far_memory_close(&buffer->memory);
        else if (status == EG_OK)
            status = far_memory_open(&buffer->memory, err);
    }
    return status;
}

static uint64_t
row_count(const eg_value_info *info, const eg_dims *dims)
{
    if (info->kind == EG_TOKEN)
        return dims->sets[info->set].T;
    return info->kind == EG_TEXT ? dims->B : (uint64_t)info->dims[0].k;
}

/* gather, the table in parts. */
static eg_status
look_up(const run_job *run, const step *s, eg_error *err)
{
    const eg_binding *index = &run->io[s->io[1]], *out = &run->io[s->io[2]];
    const eg_weight *table = s->table;
    const far_part *final = &table->parts[table->part_count - 1];
    int64_t rows_per_part = table->parts[0].rows, table_rows = final->first + final->rows;
    const unsigned char *ids = index->buffer->memory.bytes + index->offset;
    unsigned char *to = out->buffer->memory.bytes + out->offset;
    size_t row_bytes = (size_t)table->row_elements * ELEMENT;
    uint64_t rows = row_count(&s->index, run->info.dims);
    for (uint64_t r = 0; r < rows; r++) {
        int32_t id;
        memcpy(&id, ids + (int64_t)r * index->row_stride * ELEMENT, sizeof id);
        if (id < 0 || id >= table_rows)
            return far_fail(err, EG_E_INPUT, "gather: index %d in row %llu is outside a table of %lld rows", id,
                            (unsigned long long)r, (long long)table_rows);
        const far_part *part = &table->parts[id / rows_per_part];
        memcpy(to + (int64_t)r * out->row_stride * ELEMENT, part->memory.bytes + (size_t)(id - part->first) * row_bytes,
               row_bytes);
    }
    return EG_OK;
}

static eg_status
run_inner(const run_job *run, const step *s, eg_error *err)
{
    for (uint32_t i = 0; i < s->io_count; i++) {
        eg_binding *binding = &run->step_io[i];
        *binding = run->io[s->io[i]];
        binding->size = sizeof *binding;
        binding->buffer = binding->buffer ? binding->buffer->inner : NULL;
        uint64_t skipped = s->cuts[i] == FAR_COLUMNS ? (uint64_t)s->piece.first * ELEMENT : 0;
        binding->offset += skipped;
        binding->bytes -= skipped <= binding->bytes ? skipped : binding->bytes;
    }
    eg_binding scratch = run->scratch;
    scratch.buffer = scratch.buffer ? scratch.buffer->inner : NULL;
    eg_run_info info = {.size = sizeof info,
                        .threads = 1,
                        .io = run->step_io,
                        .io_count = s->io_count,
                        .scratch = scratch.buffer ? &scratch : NULL,
                        .scratch_count = scratch.buffer ? 1 : 0,
                        .dims = run->info.dims,
                        .cancel = run->info.cancel};
    eg_event *done;
    return run->exec->device->inner_ops->run(s->inner, &info, &done, err); /* reference is done when it returns */
}

static eg_status
run_steps(const run_job *run, eg_error *err)
{
    eg_status status = EG_OK;
    for (uint32_t i = 0; i < run->exec->step_count && status == EG_OK; i++) {
        const step *s = &run->exec->steps[i];
        if (run->info.cancel && __atomic_load_n(run->info.cancel, __ATOMIC_RELAXED) != 0)
            return far_fail(err, EG_E_CANCELLED, "cancelled");
        status = open_weights(s, true, err);
        if (status == EG_OK)
            status = s->inner ? run_inner(run, s, err) : look_up(run, s, err);
        (void)open_weights(s, false, NULL);
    }
    return status;
}

static eg_status
do_run(far_job *job, eg_error *err)
{
    run_job *run = (run_job *)job;
    eg_device *device = job->device;
    /* Jobs are done in order, so these events are over; what is left is whether all went well. */
    eg_status status = far_wait(device, run->wait, run->info.wait_count, err);
    if (status == EG_OK)
        status = open_buffers(run, true, err);
    if (status == EG_OK)
        status = run_steps(run, err);
    (void)open_buffers(run, false, NULL);
    for (uint32_t i = 0; i < run->info.wait_count; i++)
        far_event_free(device, run->wait[i]);
    far_dealloc(device, run);
    return status;
}

static eg_status
check_bindings(const eg_exec *exec, const eg_run_info *info, eg_error *err)
{
    if (info->io_count < exec->value_count)
        return far_fail(err, EG_E_INTERNAL, "%u values bound, the stage has %u", info->io_count, exec->value_count);
    for (uint32_t i = 0; i < exec->value_count; i++) {
        const eg_binding *binding = FAR_AT(info->io, i);
        if (binding->buffer && binding->bytes > FAR_MAX_BINDING)
            return far_fail(err, EG_E_INTERNAL, "value %u is bound with %llu bytes, more than the domain's 1 MiB", i,
                            (unsigned long long)binding->bytes);
    }
    return EG_OK;
}

static uint32_t
widest_step(const eg_exec *exec)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < exec->step_count; i++)
        most = exec->steps[i].io_count > most ? exec->steps[i].io_count : most;
    return most;
}

eg_status
far_run(eg_exec *exec, const eg_run_info *info, eg_event **done, eg_error *err)
{
    eg_device *device = exec->device;
    *done = NULL;
    eg_status status = check_bindings(exec, info, err);
    if (status != EG_OK)
        return status;
    uint64_t bindings = (uint64_t)exec->value_count + widest_step(exec);
    run_job *run = far_alloc(device, sizeof *run + bindings * sizeof *run->io + info->wait_count * sizeof *run->wait);
    if (!run)
        return far_fail(err, EG_E_NOMEM, "out of memory (run)");
    run->job = (far_job){.work = do_run, .device = device};
    run->exec = exec;
    run->info = *info;
    run->step_io = run->io + exec->value_count;
    run->wait = (eg_event **)(run->io + bindings);
    for (uint32_t i = 0; i < exec->value_count; i++)
        run->io[i] = *FAR_AT(info->io, i);
    if (info->scratch_count > 0)
        run->scratch = *info->scratch;
    for (uint32_t i = 0; i < info->wait_count; i++) {
        run->wait[i] = info->wait[i];
        if (run->wait[i])
            far_event_hold(device, run->wait[i]);
    }
    status = far_begin(&run->job, done, err);
    if (status == EG_OK)
        return EG_OK;
    for (uint32_t i = 0; i < info->wait_count; i++)
        far_event_free(device, run->wait[i]);
    far_dealloc(device, run);
    return status;
}
