/* SPDX-License-Identifier: Apache-2.0 */
/* positions, gather, equal, embed_norm: integers in. */
#include "../reference.h"

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

const eg_host_op eg_ref_op_positions = {"positions", 1, eg_host_accept_positions, run_positions};

/* The row of a table (input `input`) that row r is looked up in; NULL, with the error set, if there is none. */
static const int32_t *
find_row(const eg_host_call *call, uint32_t input, eg_host_matrix table, eg_host_matrix index, int64_t r)
{
    int64_t at = index.i32[r * index.stride];
    if (at >= 0 && at < table.rows)
        return table.i32 + at * table.stride;
    (void)eg_host_fail(call->err, EG_E_INPUT, "%s: index %lld in row %lld is outside a table of %lld rows (input %u)",
                       call->node->name, (long long)at, (long long)r, (long long)table.rows, input);
    return NULL;
}

static eg_status
run_gather(const eg_host_call *call)
{
    eg_host_matrix table = eg_host_matrix_in(call, 0), index = eg_host_matrix_in(call, 1),
                   out = eg_host_matrix_out(call);
    for (int64_t r = 0; r < out.rows; r++) {
        const int32_t *row = find_row(call, 0, table, index, r);
        if (row == NULL)
            return EG_E_INPUT;
        for (int64_t c = 0; c < out.width; c++)
            out.i32[r * out.stride + c] = row[c];
    }
    return EG_OK;
}

const eg_host_op eg_ref_op_gather = {"gather", 0, eg_host_accept_gather, run_gather};

static eg_status
run_equal(const eg_host_call *call)
{
    eg_host_matrix index = eg_host_matrix_in(call, 0), out = eg_host_matrix_out(call);
    for (int64_t r = 0; r < out.rows; r++)
        out.f32[r * out.stride] = index.i32[r * index.stride] == call->node->attrs.to ? 1.0f : 0.0f;
    return EG_OK;
}

const eg_host_op eg_ref_op_equal = {"equal", 0, eg_host_accept_equal, run_equal};

/* --- fused --------------------------------------------------------------------------------------- */

/* out = the rows of the first table, or plus those of a later one. */
static eg_status
add_rows(const eg_host_call *call, uint32_t input)
{
    eg_host_matrix table = eg_host_matrix_in(call, input), index = eg_host_matrix_in(call, input + 1),
                   out = eg_host_matrix_out(call);
    for (int64_t r = 0; r < out.rows; r++) {
        const float *row = (const float *)find_row(call, input, table, index, r);
        if (row == NULL)
            return EG_E_INPUT;
        for (int64_t c = 0; c < out.width; c++)
            out.f32[r * out.stride + c] = input == 0 ? row[c] : out.f32[r * out.stride + c] + row[c];
    }
    return EG_OK;
}

static eg_status
run_embed_norm(const eg_host_call *call)
{
    uint32_t tables = call->node->attrs.tables;
    eg_host_matrix out = eg_host_matrix_out(call);
    eg_ref_norm norm = eg_ref_norm_of(call, 2 * tables);
    for (uint32_t t = 0; t < tables; t++) {
        eg_status status = add_rows(call, 2 * t);
        if (status != EG_OK)
            return status;
    }
    for (int64_t r = 0; r < out.rows; r++)
        eg_ref_norm_row(&norm, out.f32 + r * out.stride, out.f32 + r * out.stride, out.width);
    return EG_OK;
}

const eg_host_op eg_ref_op_embed_norm = {"embed_norm", 0, eg_host_accept_embed_norm, run_embed_norm};
