/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/ops/op.h"

static eg_status
infer(const eg_graph *graph, const eg_node *node, eg_type *out, eg_error *err)
{
    const char *to = eg_node_string(node, "to", "");
    *out = *eg_input_type(graph, node, 0);
    if (eg_dtype_find(to, strlen(to), &out->dtype))
        return EG_OK;
    return eg_hint(err, eg_fail(err, EG_E_INPUT, "cast: there is no element type '%s'", to),
                   "f32, f16, bf16, f64, i32, i64, u8, i8 or bool");
}

static const eg_attr_spec attrs[] = {{.name = "to", .type = EG_ATTR_STRING, .required = true}, {0}};

const eg_op eg_op_cast = {.name = "cast",
                          .min_inputs = 1,
                          .max_inputs = 1,
                          .output_count = 1,
                          .flags = EG_OP_ROW_LOCAL,
                          .attrs = attrs,
                          .infer = infer};
