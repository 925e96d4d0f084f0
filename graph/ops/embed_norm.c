/* SPDX-License-Identifier: Apache-2.0 */
/* norm(gather(t₁, i₁) + … + gather(tₙ, iₙ)): t₁, i₁, …, tₙ, iₙ, weight, bias. */
#include "graph/ops/fused.h"

enum { MOST_TABLES = 8 };

static uint32_t
table_count(const eg_node *node)
{
    return (uint32_t)eg_node_int(node, "tables", 0);
}

static eg_status
need_table(const eg_graph *graph, const eg_node *node, uint32_t i, eg_error *err)
{
    EG_TRY(eg_need_matrix(graph, node, 2 * i, EG_IS_TABLE, "a table before each index", err));
    EG_TRY(eg_need_same_dtype(graph, node, 2 * i, err));
    EG_TRY(eg_need_ids(graph, node, 2 * i + 1, err));
    const eg_type *first = eg_input_type(graph, node, 0);
    if (eg_input_type(graph, node, 2 * i)->dims[1].k != first->dims[1].k)
        return eg_op_fail(graph, node, 2 * i, err, "needs tables of one width, that of '%s'",
                          eg_graph_value(graph, node->inputs[0])->name);
    if (eg_input_type(graph, node, 2 * i + 1)->set != eg_input_type(graph, node, 1)->set)
        return eg_op_fail(graph, node, 2 * i + 1, err, "needs indices of one row set");
    return EG_OK;
}

static eg_status
infer(const eg_graph *graph, const eg_node *node, eg_type *out, eg_error *err)
{
    EG_TRY(eg_need_int(node, "tables", 1, MOST_TABLES, err));
    uint32_t tables = table_count(node);
    if (node->input_count < 2 * tables)
        EG_TRY(eg_need_input_count(node, 2 * tables + 1, err));
    for (uint32_t i = 0; i < tables; i++)
        EG_TRY(need_table(graph, node, i, err));
    const eg_type *table = eg_input_type(graph, node, 0), *index = eg_input_type(graph, node, 1);
    *out = eg_type_token(table->dtype, index->set, table->dims[1].k);
    return eg_need_norm(graph, node, 2 * tables, table->dims[1].k, err);
}

static uint64_t
flops(const eg_graph *graph, const eg_node *node, const eg_dims *dims)
{
    uint64_t norm = eg_node_attr(node, "norm") ? 4 : 8;
    return eg_saturating_mul(eg_count_elements(graph, node->outputs[0], dims), table_count(node) - 1 + norm);
}

static eg_status
decompose(eg_graph *graph, eg_node_id node, eg_error *err)
{
    eg_parts parts;
    eg_value_id rows[MOST_TABLES];
    EG_TRY(eg_parts_begin(&parts, graph, node, err));
    uint32_t tables = table_count(&parts.fused);
    for (uint32_t i = 0; i < tables; i++)
        EG_TRY(eg_parts_add(&parts, &eg_op_gather, &parts.fused.inputs[2 * i], 2, NULL, 0, &rows[i], err));
    eg_value_id y = rows[0];
    for (uint32_t i = 1; i < tables; i++)
        EG_TRY(eg_parts_add(&parts, &eg_op_add, (eg_value_id[]){y, rows[i]}, 2, NULL, 0, &y, err));
    EG_TRY(eg_parts_add_norm(&parts, 2 * tables, y, &y, err));
    return eg_parts_end(&parts, y, err);
}

static const eg_attr_spec attrs[] = {
    {.name = "eps", .type = EG_ATTR_FLOAT, .required = true},
    {.name = "norm", .type = EG_ATTR_STRING, .neutral = eg_neutral_layer},
    {.name = "tables", .type = EG_ATTR_INT, .required = true},
    {0},
};

const eg_op eg_op_embed_norm = {.name = "embed_norm",
                                .min_inputs = 3,
                                .max_inputs = 2 * MOST_TABLES + 2,
                                .output_count = 1,
                                .flags = EG_OP_FUSED | EG_OP_ROW_LOCAL,
                                .attrs = attrs,
                                .infer = infer,
                                .flops = flops,
                                .decompose = decompose};
