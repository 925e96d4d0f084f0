/* SPDX-License-Identifier: Apache-2.0 */
/* A run: everything it was given is checked against the true sizes once, then the nodes are computed in order. */
#include "backend.h"

/* Most floats that padded matmuls ask for; above, only their last rows are padded. */
#define MOST_SHARED ((uint64_t)1 << 20)

static uint64_t
round_up(uint64_t n, uint64_t unit)
{
    return (n + unit - 1) / unit * unit;
}

/* Rows of a worker's part: the longest text, rounded up so that the parts begin on cache lines of their own. */
static uint64_t
worker_rows(const eg_dims *dims)
{
    uint64_t longest = 0;
    for (uint32_t s = 0; s < dims->set_count; s++)
        if (dims->sets[s].max_n > longest)
            longest = dims->sets[s].max_n;
    return round_up(longest, 16);
}

/* Floats of the part that padded matmuls share; it comes first. */
static uint64_t
shared_floats(const eg_exec *exec, const eg_dims *dims)
{
    uint64_t rows = dims->B, unit = exec->device->row_unit;
    for (uint32_t s = 0; s < dims->set_count; s++)
        if (dims->sets[s].T > rows)
            rows = dims->sets[s].T;
    uint64_t all = round_up(rows, unit) * exec->scratch_matmul, least = unit * exec->scratch_matmul;
    uint64_t most = least > MOST_SHARED ? least : MOST_SHARED;
    return round_up(all < least ? least : all > most ? most : all, 16);
}

uint64_t
eg_cpu_scratch(const eg_exec *exec, uint32_t domain, const eg_dims *bound, uint32_t threads)
{
    if (domain != 0)
        return 0;
    return (shared_floats(exec, bound) + exec->scratch_row * worker_rows(bound) * threads) * sizeof(float);
}

float *
eg_cpu_scratch_shared(const eg_cpu_call *call, uint64_t *out_floats)
{
    const eg_binding *scratch = call->run->scratch;
    *out_floats = shared_floats(call->exec, call->run->dims);
    return (float *)(void *)(scratch->buffer->data + scratch->offset);
}

float *
eg_cpu_scratch_of(const eg_cpu_call *call, uint32_t worker)
{
    uint64_t shared;
    float *data = eg_cpu_scratch_shared(call, &shared);
    return data + shared + call->exec->scratch_row * worker_rows(call->run->dims) * worker;
}

static eg_status
check_rows(const eg_dims *dims, eg_error *err)
{
    for (uint32_t s = 0; s < dims->set_count; s++) {
        const eg_row_set *set = &dims->sets[s];
        if (set->table == NULL && dims->B > 0)
            return eg_cpu_fail(err, EG_E_INTERNAL, "row set %u has no table", s);
        uint64_t rows = 0;
        uint32_t longest = 0;
        for (uint32_t b = 0; b < dims->B; b++) {
            const eg_row *row = &set->table[b];
            if (row->start != rows || row->valid < 1 || row->valid > row->rows || row->skip >= row->valid)
                return eg_cpu_fail(err, EG_E_INTERNAL, "row set %u: the rows of text %u make no sense", s, b);
            rows += row->rows;
            longest = row->rows > longest ? row->rows : longest;
        }
        if (rows != set->T || longest > set->max_n)
            return eg_cpu_fail(err, EG_E_INTERNAL, "row set %u: the texts do not add up to its rows", s);
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
        return rows == 0 ? 0 : (uint64_t)((rows - 1) * stride + eg_cpu_width(info));
    }
    uint64_t pairs = 0;
    for (uint32_t b = 0; b < dims->B; b++) {
        eg_cpu_pair pair = eg_cpu_pair_begin(NULL, info, &dims->sets[info->set].table[b]);
        pairs += (uint64_t)(pair.n * pair.columns);
    }
    return pairs * (uint64_t)info->dims[0].k;
}

static eg_status
check_value(const eg_exec *exec, const eg_run_info *run, uint32_t number, eg_error *err)
{
    const eg_cpu_value *value = &exec->values[number];
    const eg_value_info *info = &value->info;
    if (!value->used || value->weight != NULL)
        return EG_OK;
    if ((info->kind == EG_TOKEN || info->kind == EG_PAIR) && info->set >= run->dims->set_count)
        return eg_cpu_fail(err, EG_E_INTERNAL, "value %u: there is no row set %u", number, info->set);
    const eg_binding *binding = EG_CPU_AT(run->io, number);
    if (binding->buffer == NULL)
        return eg_cpu_fail(err, EG_E_INTERNAL, "value %u is not bound", number);
    if (info->kind != EG_PAIR && binding->row_stride < eg_cpu_width(info))
        return eg_cpu_fail(err, EG_E_INTERNAL, "value %u: its rows overlap", number);
    uint64_t bytes = elements_needed(info, run->dims, binding->row_stride) * 4;
    if (binding->offset > binding->buffer->bytes || bytes > binding->buffer->bytes - binding->offset)
        return eg_cpu_fail(err, EG_E_INTERNAL, "value %u needs %llu bytes, its buffer ends before", number,
                           (unsigned long long)bytes);
    return EG_OK;
}

static eg_status
check_run(const eg_exec *exec, const eg_run_info *run, eg_error *err)
{
    if (run->io_count < exec->value_count)
        return eg_cpu_fail(err, EG_E_INTERNAL, "%u values bound, the view has %u", run->io_count, exec->value_count);
    uint64_t scratch = eg_cpu_scratch(exec, 0, run->dims, run->threads);
    if (scratch > 0 &&
        (run->scratch_count < 1 || run->scratch->buffer == NULL || run->scratch->offset > run->scratch->buffer->bytes ||
         run->scratch->buffer->bytes - run->scratch->offset < scratch))
        return eg_cpu_fail(err, EG_E_INTERNAL, "the run's scratch is smaller than asked for");
    eg_status status = check_rows(run->dims, err);
    for (uint32_t i = 0; i < exec->value_count && status == EG_OK; i++)
        status = check_value(exec, run, i, err);
    return status;
}

eg_status
eg_cpu_run(eg_exec *exec, const eg_run_info *run, eg_event **done, eg_error *err)
{
    *done = NULL; /* over when it returns */
    eg_status status = check_run(exec, run, err);
    if (status != EG_OK)
        return status;
    eg_cpu_call call = {
        .exec = exec, .run = run, .device = exec->device, .kernels = &exec->device->kernels, .err = err};
    for (uint32_t i = 0; i < exec->node_count && status == EG_OK; i++) {
        if (eg_cpu_cancelled(run))
            return eg_cpu_fail(err, EG_E_CANCELLED, "cancelled");
        call.node = &exec->nodes[i];
        status = call.node->op->run(&call);
    }
    return status;
}

/* --- what the kernels see ------------------------------------------------------------------------ */

static void *
value_data(const eg_cpu_call *call, uint32_t number)
{
    const eg_cpu_value *value = &call->exec->values[number];
    if (value->weight != NULL)
        return (void *)(uintptr_t)value->weight->data; /* only ever read: a weight is no node's output */
    const eg_binding *binding = EG_CPU_AT(call->run->io, number);
    return binding->buffer->data + binding->offset;
}

static eg_cpu_matrix
matrix_of(const eg_cpu_call *call, uint32_t number)
{
    const eg_cpu_value *value = &call->exec->values[number];
    eg_cpu_matrix m = {.f32 = value_data(call, number),
                       .rows = row_count(&value->info, call->run->dims),
                       .width = eg_cpu_width(&value->info)};
    m.stride = value->weight != NULL ? m.width : EG_CPU_AT(call->run->io, number)->row_stride;
    return m;
}

eg_cpu_matrix
eg_cpu_matrix_in(const eg_cpu_call *call, uint32_t i)
{
    return matrix_of(call, call->node->inputs[i]);
}

eg_cpu_matrix
eg_cpu_matrix_out(const eg_cpu_call *call)
{
    return matrix_of(call, call->node->output);
}

const float *
eg_cpu_vector_in(const eg_cpu_call *call, uint32_t i)
{
    return value_data(call, call->node->inputs[i]);
}

const eg_value_info *
eg_cpu_info_in(const eg_cpu_call *call, uint32_t i)
{
    return &call->exec->values[call->node->inputs[i]].info;
}

const eg_value_info *
eg_cpu_info_out(const eg_cpu_call *call)
{
    return &call->exec->values[call->node->output].info;
}

const eg_row *
eg_cpu_rows(const eg_cpu_call *call, const eg_value_info *info)
{
    return call->run->dims->sets[info->set].table;
}

uint32_t
eg_cpu_texts(const eg_cpu_call *call)
{
    return call->run->dims->B;
}

float *
eg_cpu_pair_in(const eg_cpu_call *call, uint32_t i)
{
    return value_data(call, call->node->inputs[i]);
}

float *
eg_cpu_pair_out(const eg_cpu_call *call)
{
    return value_data(call, call->node->output);
}

eg_cpu_pair
eg_cpu_pair_begin(float *data, const eg_value_info *info, const eg_row *row)
{
    int64_t window = info->dims[1].window, columns = row->rows;
    if (window > 0 && 2 * window + 1 < columns)
        columns = 2 * window + 1;
    return (eg_cpu_pair){.data = data,
                         .heads = info->dims[0].k,
                         .n = row->rows,
                         .columns = columns,
                         .window = window,
                         .valid = row->valid};
}

float *
eg_cpu_pair_end(const eg_cpu_pair *pair)
{
    return pair->data + pair->heads * pair->n * pair->columns;
}

/* The window is pushed inside the text at its ends, so that every column is a key of the text. */
int64_t
eg_cpu_pair_first(const eg_cpu_pair *pair, int64_t query)
{
    int64_t first = query - pair->window, last_first = pair->n - pair->columns;
    return first < 0 ? 0 : first > last_first ? last_first : first;
}

float *
eg_cpu_pair_row(const eg_cpu_pair *pair, int64_t head, int64_t query)
{
    return pair->data + (head * pair->n + query) * pair->columns;
}
