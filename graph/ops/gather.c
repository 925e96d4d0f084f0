/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/ops/op.h"

static eg_status
infer(const eg_graph *graph, const eg_node *node, eg_type *out, eg_error *err)
{
    EG_TRY(eg_need_kind(graph, node, 0, EG_IS_TABLE, "a table", err));
    EG_TRY(eg_need_ids(graph, node, 1, err));
    const eg_type *table = eg_input_type(graph, node, 0), *index = eg_input_type(graph, node, 1);
    if (table->rank != 2)
        return eg_op_fail(graph, node, 0, err, "needs a table [rows, d]");
    *out = eg_type_token(table->dtype, index->set, table->dims[1].k);
    return EG_OK;
}

const eg_op eg_op_gather = {
    .name = "gather", .min_inputs = 2, .max_inputs = 2, .output_count = 1, .flags = EG_OP_ROW_LOCAL, .infer = infer};
