/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/ops/op.h"

static bool
is_erf(const eg_graph *graph, const eg_node *node, const eg_attr *attr)
{
    (void)graph, (void)node;
    return strcmp(attr->string, "erf") == 0;
}

static eg_status
infer(const eg_graph *graph, const eg_node *node, eg_type *out, eg_error *err)
{
    const char *form = eg_node_string(node, "form", "erf");
    if (strcmp(form, "erf") != 0 && strcmp(form, "tanh") != 0 && strcmp(form, "quick") != 0) {
        eg_status status = eg_fail(err, EG_E_INPUT, "gelu has no form '%s'", form);
        return eg_hint(err, status, "erf (what stands for nothing), tanh or quick");
    }
    return eg_infer_same_float(graph, node, out, err);
}

static uint64_t
flops(const eg_graph *graph, const eg_node *node, const eg_dims *dims)
{
    return eg_elementwise_flops(graph, node, dims, 5);
}

static const eg_attr_spec attrs[] = {{.name = "form", .type = EG_ATTR_STRING, .neutral = is_erf}, {0}};

const eg_op eg_op_gelu = {.name = "gelu",
                          .min_inputs = 1,
                          .max_inputs = 1,
                          .output_count = 1,
                          .flags = EG_OP_ROW_LOCAL,
                          .attrs = attrs,
                          .infer = infer,
                          .flops = flops};
