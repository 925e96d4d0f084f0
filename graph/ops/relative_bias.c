/* SPDX-License-Identifier: Apache-2.0 */
/* A stored bias for scores, by head and by the bucket that the distance of query and key falls into. */
#include <inttypes.h>

#include "graph/ops/op.h"

enum { LEAST_BUCKETS = 4 }; /* two for each sign: one exact, one logarithmic */

static eg_status
infer(const eg_graph *graph, const eg_node *node, eg_type *out, eg_error *err)
{
    EG_TRY(eg_need_matrix(graph, node, 0, EG_IS_TABLE, "a table [buckets, heads]", err));
    EG_TRY(eg_need_kind(graph, node, 1, EG_IS_TOKEN, "token rows, whose pairs it is for", err));
    const eg_type *table = eg_input_type(graph, node, 0);
    int64_t buckets = table->dims[0].k;
    if (buckets < LEAST_BUCKETS)
        return eg_op_fail(graph, node, 0, err, "needs a table of at least %d buckets", LEAST_BUCKETS);
    /* as many distances of each sign have a bucket of their own */
    EG_TRY(eg_need_int(node, "max_distance", buckets / 4 + 1, INT32_MAX, err));
    *out = eg_type_pair(table->dtype, eg_input_type(graph, node, 1)->set, table->dims[1].k, 0);
    return EG_OK;
}

static uint64_t
flops(const eg_graph *graph, const eg_node *node, const eg_dims *dims)
{
    return eg_count_elements(graph, node->outputs[0], dims);
}

static const eg_attr_spec attrs[] = {{.name = "max_distance", .type = EG_ATTR_INT, .required = true}, {0}};

const eg_op eg_op_relative_bias = {.name = "relative_bias",
                                   .min_inputs = 2,
                                   .max_inputs = 2,
                                   .output_count = 1,
                                   .attrs = attrs,
                                   .infer = infer,
                                   .flops = flops};
