/* SPDX-License-Identifier: Apache-2.0 */
/* positions, gather, equal: integers in. */
#include <string.h>

#include "../backend.h"

static eg_status
run_positions(const eg_host_call *call)
{
    const eg_host_attrs *attrs = &call->node->attrs;
    eg_host_matrix ids = eg_host_matrix_in(call, 0), out = eg_host_matrix_out(call);
    const eg_row *rows = eg_host_rows(call, eg_host_info_out(call));
    for (uint32_t b = 0; b < eg_host_texts(call); b++) {
        int32_t counted = 0;
        for (int64_t i = 0; i < rows[b].rows; i++) {
            int64_t row = (int64_t)rows[b].start + i;
            if (!attrs->has_skip)
                out.i32[row * out.stride] = (int32_t)i;
            else if (ids.i32[row * ids.stride] == attrs->skip)
                out.i32[row * out.stride] = (int32_t)attrs->skip;
            else
                out.i32[row * out.stride] = (int32_t)attrs->skip + ++counted;
        }
    }
    return EG_OK;
}

const eg_host_op eg_cpu_op_positions = {"positions", 1, eg_host_accept_positions, run_positions};

typedef struct gather_work {
    const eg_host_matrix table, index, out;
} gather_work;

static void
gather_part(void *arg, int64_t begin, int64_t end, uint32_t worker)
{
    (void)worker;
    const gather_work *w = arg;
    for (int64_t r = begin; r < end; r++) {
        int64_t at = w->index.i32[r * w->index.stride];
        memcpy(w->out.i32 + r * w->out.stride, w->table.i32 + at * w->table.stride, (size_t)w->out.width * 4);
    }
}

static eg_status
run_gather(const eg_host_call *call)
{
    gather_work w = {eg_host_matrix_in(call, 0), eg_host_matrix_in(call, 1), eg_host_matrix_out(call)};
    for (int64_t r = 0; r < w.out.rows; r++) {
        int64_t at = w.index.i32[r * w.index.stride];
        if (at < 0 || at >= w.table.rows)
            return eg_host_fail(call->err, EG_E_INPUT, "%s: index %lld in row %lld is outside a table of %lld rows",
                                call->node->name, (long long)at, (long long)r, (long long)w.table.rows);
    }
    eg_cpu_split(call, w.out.rows, 1, 0.3 * (double)w.out.width, gather_part, &w);
    return EG_OK;
}

const eg_host_op eg_cpu_op_gather = {"gather", 0, eg_host_accept_gather, run_gather};

static eg_status
run_equal(const eg_host_call *call)
{
    eg_host_matrix index = eg_host_matrix_in(call, 0), out = eg_host_matrix_out(call);
    for (int64_t r = 0; r < out.rows; r++)
        out.f32[r * out.stride] = index.i32[r * index.stride] == call->node->attrs.to ? 1.0f : 0.0f;
    return EG_OK;
}

const eg_host_op eg_cpu_op_equal = {"equal", 0, eg_host_accept_equal, run_equal};
