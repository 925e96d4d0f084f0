/* SPDX-License-Identifier: Apache-2.0 */
/* gather, weight, vector, affine, positions: steps that read stored tables. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "frontend/family/steps/steps.h"

eg_status
eg_load_table(eg_expand *x, const eg_call *call, const int64_t *dims, uint32_t rank, eg_value_id *out, eg_error *err)
{
    const eg_yaml *name, *weight;
    EG_TRY(eg_call_get(x, call, "name", &name, err));
    EG_TRY(eg_call_get(x, call, "weight", &weight, err));
    if (!name == !weight)
        return eg_call_fail(call, NULL, err, "a table has either a name, for NAME.weight, or `weight:`");
    return eg_expand_weight(x, weight ? weight : name, weight ? "" : ".weight", dims, rank, out, err);
}

/* --- gather -------------------------------------------------------------------------------------- */

static void
keep_smallest(int64_t *kept, int64_t rows)
{
    if (*kept == 0 || rows < *kept)
        *kept = rows;
}

/* The tables that inputs index bound what may come in. */
static void
note_rows(eg_expand *x, eg_value_id index, int64_t rows)
{
    char key[16];
    uint64_t skip;
    snprintf(key, sizeof key, "%" PRIu32, index);
    const char *name = eg_graph_value(x->graph, index)->name;
    if (!x->survey || x->at.untaken)
        return;
    if (strcmp(name, "token_ids") == 0)
        keep_smallest(&x->survey->vocab_size, rows);
    else if (strcmp(name, "type_ids") == 0)
        keep_smallest(&x->survey->type_vocab_size, rows);
    else if (eg_map_get(&x->skips, key, strlen(key), &skip) && rows - (int64_t)skip < x->survey->position_rows)
        x->survey->position_rows = rows - (int64_t)skip;
}

/* A tweak's first position: the rows before it are cut off the table that positions index. */
static eg_status
shift_positions(eg_expand *x, const eg_call *call, eg_value_id index, int64_t rows, eg_value_id *table, eg_error *err)
{
    char key[16];
    uint64_t skip;
    int64_t first = x->tweak.sets_first_position ? x->tweak.first_position : 0;
    snprintf(key, sizeof key, "%" PRIu32, index);
    if (first == 0 || !eg_map_get(&x->skips, key, strlen(key), &skip))
        return EG_OK;
    if (first >= rows)
        return eg_call_fail(call, "rows", err, "a table of %" PRId64 " rows has no position %" PRId64, rows, first);
    return eg_emit_slice(x, call->step, *table, 0, first, rows, table, err);
}

eg_status
eg_run_gather(eg_expand *x, const eg_call *call, eg_chain *chain, eg_error *err)
{
    int64_t dims[2];
    eg_value_id inputs[2], out;
    EG_TRY(eg_call_size(x, call, "rows", &dims[0], err));
    EG_TRY(eg_call_size(x, call, "out", &dims[1], err));
    const eg_yaml *index = eg_call_arg(call, "index");
    if (index)
        EG_TRY(eg_expand_value(x, index, chain, &inputs[1], err));
    else
        EG_TRY(eg_chain_one(chain, call->step, "gather", &inputs[1], err));
    if (!inputs[1])
        return eg_call_fail(call, "index", err, "the index is absent here");
    EG_TRY(eg_load_table(x, call, dims, 2, &inputs[0], err));
    note_rows(x, inputs[1], dims[0]);
    EG_TRY(shift_positions(x, call, inputs[1], dims[0], &inputs[0], err));
    EG_TRY(eg_emit(x, call->step, "gather", inputs, 2, NULL, 0, &out, err));
    eg_chain_set(chain, out);
    return EG_OK;
}

/* --- weight, vector, affine ---------------------------------------------------------------------- */

eg_status
eg_run_weight(eg_expand *x, const eg_call *call, eg_chain *chain, eg_error *err)
{
    int64_t dims[2];
    eg_value_id out;
    EG_TRY(eg_call_size(x, call, "rows", &dims[0], err));
    EG_TRY(eg_call_int(x, call, "out", 1, 0, &dims[1], err));
    EG_TRY(eg_load_table(x, call, dims, dims[1] ? 2 : 1, &out, err));
    eg_chain_set(chain, out);
    return EG_OK;
}

static eg_status
apply_vector(eg_expand *x, const eg_call *call, const char *op, const eg_yaml *name, const char *suffix,
             eg_value_id *value, eg_error *err)
{
    int64_t width;
    eg_value_id vector;
    EG_TRY(eg_emit_width(x, call->step, *value, &width, err));
    EG_TRY(eg_expand_weight(x, name, suffix, &width, 1, &vector, err));
    return eg_emit(x, call->step, op, (eg_value_id[]){*value, vector}, 2, NULL, 0, value, err);
}

eg_status
eg_run_vector(eg_expand *x, const eg_call *call, eg_chain *chain, eg_error *err)
{
    eg_value_id value;
    const eg_yaml *name;
    EG_TRY(eg_chain_one(chain, call->step, "vector", &value, err));
    EG_TRY(eg_call_require(x, call, "weight", &name, err));
    EG_TRY(apply_vector(x, call, "bias_add", name, "", &value, err));
    eg_chain_set(chain, value);
    return EG_OK;
}

eg_status
eg_run_affine(eg_expand *x, const eg_call *call, eg_chain *chain, eg_error *err)
{
    eg_value_id value;
    const eg_yaml *name;
    EG_TRY(eg_chain_one(chain, call->step, "affine", &value, err));
    EG_TRY(eg_call_require(x, call, "name", &name, err));
    EG_TRY(apply_vector(x, call, "mul", name, ".weight", &value, err));
    EG_TRY(apply_vector(x, call, "bias_add", name, ".bias", &value, err));
    eg_chain_set(chain, value);
    return EG_OK;
}

eg_status
eg_run_positions(eg_expand *x, const eg_call *call, eg_chain *chain, eg_error *err)
{
    int64_t skip;
    eg_value_id out;
    EG_TRY(eg_call_int(x, call, "skip", 0, -1, &skip, err));
    EG_TRY(eg_expand_positions(x, skip, &out, err));
    eg_chain_set(chain, out);
    return EG_OK;
}
