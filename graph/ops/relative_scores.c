/* SPDX-License-Identifier: Apache-2.0 */
/* Scores of rows and of what a table holds for the distance of query and key. */
#include <inttypes.h>

#include "graph/ops/op.h"

enum { LEAST_BUCKETS = 2 };

/* `buckets` and `max_distance` go together; the logarithm needs a largest distance that has no bucket of its own. */
static eg_status
check_buckets(const eg_node *node, eg_error *err)
{
    EG_TRY(eg_need_int(node, "buckets", LEAST_BUCKETS, INT32_MAX, err));
    int64_t buckets = eg_node_int(node, "buckets", 0);
    if (!eg_node_attr(node, "buckets") != !eg_node_attr(node, "max_distance"))
        return eg_fail(err, EG_E_INPUT, "%s: buckets and max_distance are given together or not at all",
                       node->op->name);
    return eg_need_int(node, "max_distance", buckets / 2 + 2, INT32_MAX, err);
}

static eg_status
check_rows(const eg_node *node, eg_error *err)
{
    const char *rows = eg_node_string(node, "rows", "query");
    if (strcmp(rows, "query") == 0 || strcmp(rows, "key") == 0)
        return EG_OK;
    eg_status status = eg_fail(err, EG_E_INPUT, "%s: rows is '%s'", node->op->name, rows);
    return eg_hint(err, status, "query (what stands for nothing) or key");
}

static eg_status
infer(const eg_graph *graph, const eg_node *node, eg_type *out, eg_error *err)
{
    EG_TRY(eg_need_matrix(graph, node, 0, EG_IS_TOKEN, "token rows", err));
    EG_TRY(eg_need_matrix(graph, node, 1, EG_IS_TABLE, "a table [distances, d]", err));
    EG_TRY(eg_need_same_dtype(graph, node, 1, err));
    EG_TRY(eg_need_int(node, "heads", 1, INT32_MAX, err));
    EG_TRY(eg_need_int(node, "offset", -INT32_MAX, INT32_MAX, err));
    EG_TRY(check_buckets(node, err));
    EG_TRY(check_rows(node, err));
    const eg_type *x = eg_input_type(graph, node, 0), *table = eg_input_type(graph, node, 1);
    int64_t heads = eg_node_int(node, "heads", 1);
    if (x->dims[1].k % heads != 0)
        return eg_op_fail(graph, node, 0, err, "needs a width that is a multiple of %" PRId64 " heads", heads);
    if (table->dims[1].k != x->dims[1].k)
        return eg_op_fail(graph, node, 1, err, "needs a table as wide as its rows, %" PRId64, x->dims[1].k);
    *out = eg_type_pair(x->dtype, x->set, heads, 0);
    return EG_OK;
}

static uint64_t
flops(const eg_graph *graph, const eg_node *node, const eg_dims *dims)
{
    uint64_t size = (uint64_t)(eg_input_type(graph, node, 0)->dims[1].k / eg_node_int(node, "heads", 1));
    return eg_saturating_mul(eg_count_elements(graph, node->outputs[0], dims), 2 * size);
}

static bool
is_query(const eg_graph *graph, const eg_node *node, const eg_attr *attr)
{
    (void)graph, (void)node;
    return strcmp(attr->string, "query") == 0;
}

static const eg_attr_spec attrs[] = {
    {.name = "heads", .type = EG_ATTR_INT, .required = true},
    {.name = "scale", .type = EG_ATTR_FLOAT, .neutral = eg_neutral_one},
    {.name = "offset", .type = EG_ATTR_INT, .neutral = eg_neutral_zero},
    {.name = "rows", .type = EG_ATTR_STRING, .neutral = is_query},
    {.name = "buckets", .type = EG_ATTR_INT},
    {.name = "max_distance", .type = EG_ATTR_INT},
    {0},
};

const eg_op eg_op_relative_scores = {.name = "relative_scores",
                                     .min_inputs = 2,
                                     .max_inputs = 2,
                                     .output_count = 1,
                                     .attrs = attrs,
                                     .infer = infer,
                                     .flops = flops};
