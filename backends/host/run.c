/* SPDX-License-Identifier: Apache-2.0 */
/* A run: everything it was given is checked against the true sizes once, then the nodes are computed in order. */
#include <string.h>
#include <time.h>

#include "host.h"

uint64_t
eg_host_scratch_bytes(const eg_exec *exec, uint32_t domain, const eg_dims *bound, uint32_t threads)
{
    return domain == 0 ? exec->device->backend->scratch(exec, bound, threads) : 0;
}

static eg_status
check_rows(const eg_dims *dims, eg_error *err)
{
    for (uint32_t s = 0; s < dims->set_count; s++) {
        const eg_row_set *set = &dims->sets[s];
        if (set->table == NULL && dims->B > 0)
            return eg_host_fail(err, EG_E_INTERNAL, "row set %u has no table", s);
        uint64_t rows = 0;
        uint32_t longest = 0;
        for (uint32_t b = 0; b < dims->B; b++) {
            const eg_row *row = &set->table[b];
            if (row->start != rows || row->valid < 1 || row->valid > row->rows || row->skip >= row->valid)
                return eg_host_fail(err, EG_E_INTERNAL, "row set %u: the rows of text %u make no sense", s, b);
            rows += row->rows;
            longest = row->rows > longest ? row->rows : longest;
        }
        if (rows != set->T || longest > set->max_n)
            return eg_host_fail(err, EG_E_INTERNAL, "row set %u: the texts do not add up to its rows", s);
    }
    return EG_OK;
}

/* Rows of a value that is not a pair value. */
static int64_t
row_count(const eg_value_info *info, const eg_dims *dims)
{
    switch (info->kind) {
    case EG_TOKEN:
        return (int64_t)dims->sets[info->set].T;
    case EG_TEXT:
        return dims->B;
    default:
        return info->dims[0].k;
    }
}

static uint64_t
elements_needed(const eg_value_info *info, const eg_dims *dims, int64_t stride)
{
    if (info->kind != EG_PAIR) {
        int64_t rows = row_count(info, dims);
        return rows == 0 ? 0 : (uint64_t)((rows - 1) * stride + eg_host_width(info));
    }
    uint64_t pairs = 0;
    for (uint32_t b = 0; b < dims->B; b++) {
        eg_host_pair pair = eg_host_pair_begin(NULL, info, &dims->sets[info->set].table[b]);
        pairs += (uint64_t)(pair.n * pair.columns);
    }
    return pairs * (uint64_t)info->dims[0].k;
}

static eg_status
check_value(const eg_exec *exec, const eg_run_info *run, uint32_t number, eg_error *err)
{
    const eg_host_value *value = &exec->values[number];
    const eg_value_info *info = &value->info;
    if (!value->used || value->weight != NULL)
        return EG_OK;
    if ((info->kind == EG_TOKEN || info->kind == EG_PAIR) && info->set >= run->dims->set_count)
        return eg_host_fail(err, EG_E_INTERNAL, "value %u: there is no row set %u", number, info->set);
    const eg_binding *binding = EG_HOST_AT(run->io, number);
    if (binding->buffer == NULL)
        return eg_host_fail(err, EG_E_INTERNAL, "value %u is not bound", number);
    if (info->kind != EG_PAIR && binding->row_stride < eg_host_width(info))
        return eg_host_fail(err, EG_E_INTERNAL, "value %u: its rows overlap", number);
    uint64_t bytes = elements_needed(info, run->dims, binding->row_stride) * 4;
    if (binding->offset > binding->buffer->bytes || bytes > binding->buffer->bytes - binding->offset)
        return eg_host_fail(err, EG_E_INTERNAL, "value %u needs %llu bytes, its buffer ends before", number,
                            (unsigned long long)bytes);
    return EG_OK;
}

static eg_status
check_run(const eg_exec *exec, const eg_run_info *run, eg_error *err)
{
    if (run->io_count < exec->value_count)
        return eg_host_fail(err, EG_E_INTERNAL, "%u values bound, the view has %u", run->io_count, exec->value_count);
    uint64_t scratch = eg_host_scratch_bytes(exec, 0, run->dims, run->threads);
    if (scratch > 0 &&
        (run->scratch_count < 1 || run->scratch->buffer == NULL || run->scratch->offset > run->scratch->buffer->bytes ||
         run->scratch->buffer->bytes - run->scratch->offset < scratch))
        return eg_host_fail(err, EG_E_INTERNAL, "the run's scratch is smaller than asked for");
    eg_status status = check_rows(run->dims, err);
    for (uint32_t i = 0; i < exec->value_count && status == EG_OK; i++)
        status = check_value(exec, run, i, err);
    return status;
}

static bool
cancelled(const eg_run_info *run)
{
    return run->cancel != NULL && __atomic_load_n(run->cancel, __ATOMIC_RELAXED) != 0;
}

/* Where the times of the nodes go; what does not fit is counted alone. */
typedef struct timeline {
    eg_node_time *entries;
    uint32_t capacity, count;
} timeline;

static uint64_t
now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void
note_time(timeline *line, const eg_node_time *time)
{
    if (line->count < line->capacity) {
        eg_node_time *entry =
            (eg_node_time *)((unsigned char *)line->entries + (size_t)line->count * line->entries->size);
        eg_node_time copy = *time;
        copy.size = entry->size;
        memcpy(entry, &copy, copy.size < sizeof copy ? copy.size : sizeof copy);
    }
    line->count++;
}

static eg_status
run_node(eg_host_call *call, uint32_t node, timeline *line)
{
    call->node = &call->exec->nodes[node];
    if (line == NULL)
        return call->node->op->run(call);
    const char *kernel = call->device->backend->name;
    call->kernel = &kernel;
    eg_node_time time = {.node = node, .begin_ns = now_ns()};
    eg_status status = call->node->op->run(call);
    time.end_ns = now_ns();
    time.kernel = kernel;
    note_time(line, &time);
    return status;
}

static eg_status
run_nodes(eg_exec *exec, const eg_run_info *run, timeline *line, eg_error *err)
{
    eg_status status = check_run(exec, run, err);
    if (status != EG_OK)
        return status;
    eg_host_call call = {.exec = exec, .run = run, .device = exec->device, .err = err};
    if (eg_host_scratch_bytes(exec, 0, run->dims, run->threads) > 0)
        call.scratch = run->scratch->buffer->data + run->scratch->offset;
    for (uint32_t i = 0; i < exec->node_count && status == EG_OK; i++) {
        if (cancelled(run))
            return eg_host_fail(err, EG_E_CANCELLED, "cancelled");
        status = run_node(&call, i, line);
    }
    return status;
}

eg_status
eg_host_run(eg_exec *exec, const eg_run_info *run, eg_event **done, eg_error *err)
{
    *done = NULL; /* over when it returns */
    return run_nodes(exec, run, NULL, err);
}

eg_status
eg_host_profile(eg_exec *exec, const eg_run_info *run, eg_node_time *times, uint32_t capacity, uint32_t *out_count,
                eg_error *err)
{
    timeline line = {.entries = times, .capacity = capacity};
    eg_status status = run_nodes(exec, run, &line, err);
    *out_count = line.count;
    return status;
}

/* --- what the ops see ------------------------------------------------------------------------ */

void
eg_host_ran(const eg_host_call *call, const char *kernel)
{
    if (call->kernel != NULL)
        *call->kernel = kernel;
}

static void *
value_data(const eg_host_call *call, uint32_t number)
{
    const eg_host_value *value = &call->exec->values[number];
    if (value->weight != NULL)
        return (void *)(uintptr_t)value->weight->data; /* only ever read: a weight is no node's output */
    const eg_binding *binding = EG_HOST_AT(call->run->io, number);
    return binding->buffer->data + binding->offset;
}

static eg_host_matrix
matrix_of(const eg_host_call *call, uint32_t number)
{
    const eg_host_value *value = &call->exec->values[number];
    eg_host_matrix m = {.f32 = value_data(call, number),
                        .rows = row_count(&value->info, call->run->dims),
                        .width = eg_host_width(&value->info)};
    m.stride = value->weight != NULL ? m.width : EG_HOST_AT(call->run->io, number)->row_stride;
    return m;
}

eg_host_matrix
eg_host_matrix_in(const eg_host_call *call, uint32_t i)
{
    return matrix_of(call, call->node->inputs[i]);
}

eg_host_matrix
eg_host_matrix_out(const eg_host_call *call)
{
    return matrix_of(call, call->node->output);
}

const float *
eg_host_vector_in(const eg_host_call *call, uint32_t i)
{
    return value_data(call, call->node->inputs[i]);
}

uint32_t
eg_host_weight_parts(const eg_host_call *call, uint32_t i)
{
    const eg_weight *weight = call->exec->values[call->node->inputs[i]].weight;
    return weight != NULL && weight->parts != NULL ? weight->part_count : 1;
}

eg_host_part
eg_host_weight_part(const eg_host_call *call, uint32_t i, uint32_t part)
{
    const eg_weight *weight = call->exec->values[call->node->inputs[i]].weight;
    if (weight != NULL && weight->parts != NULL)
        return weight->parts[part];
    eg_host_matrix m = eg_host_matrix_in(call, i);
    return (eg_host_part){.data = m.f32, .rows = m.rows, .stride = m.stride};
}

const eg_value_info *
eg_host_info_in(const eg_host_call *call, uint32_t i)
{
    return &call->exec->values[call->node->inputs[i]].info;
}

const eg_value_info *
eg_host_info_out(const eg_host_call *call)
{
    return &call->exec->values[call->node->output].info;
}

const eg_row *
eg_host_rows(const eg_host_call *call, const eg_value_info *info)
{
    return call->run->dims->sets[info->set].table;
}

uint32_t
eg_host_texts(const eg_host_call *call)
{
    return call->run->dims->B;
}

float *
eg_host_pair_in(const eg_host_call *call, uint32_t i)
{
    return value_data(call, call->node->inputs[i]);
}

float *
eg_host_pair_out(const eg_host_call *call)
{
    return value_data(call, call->node->output);
}

eg_host_pair
eg_host_pair_shape(int64_t heads, int64_t window, const eg_row *row)
{
    int64_t columns = row->rows;
    if (window > 0 && window < columns && 2 * window + 1 < columns)
        columns = 2 * window + 1;
    return (eg_host_pair){.heads = heads, .n = row->rows, .columns = columns, .window = window, .valid = row->valid};
}

eg_host_pair
eg_host_pair_begin(float *data, const eg_value_info *info, const eg_row *row)
{
    eg_host_pair pair = eg_host_pair_shape(info->dims[0].k, info->dims[1].window, row);
    pair.data = data;
    return pair;
}

float *
eg_host_pair_end(const eg_host_pair *pair)
{
    return pair->data + pair->heads * pair->n * pair->columns;
}

/* The window is pushed inside the text at its ends, so that every column is a key of the text. */
int64_t
eg_host_pair_first(const eg_host_pair *pair, int64_t query)
{
    int64_t first = query - pair->window, last_first = pair->n - pair->columns;
    return first < 0 ? 0 : first > last_first ? last_first : first;
}

float *
eg_host_pair_row(const eg_host_pair *pair, int64_t head, int64_t query)
{
    return pair->data + (head * pair->n + query) * pair->columns;
}
