/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the fused ops share: activations and norms by name, and writing the primitive nodes that one stands for.
 * As thread-safe as the graph.
 */
#ifndef EG_GRAPH_OPS_FUSED_H
#define EG_GRAPH_OPS_FUSED_H

#include "graph/ops/op.h"

/* The `activation` that a primitive node computes ("gelu_tanh"); NULL if it is no activation. */
const char *eg_activation_of(const eg_node *node);
EG_NODISCARD eg_status eg_need_activation(const eg_node *node, eg_error *err);
#define EG_ACTIVATION_OPS "gelu relu relu2 silu mish tanh sigmoid log1p"
/* Exactly so many inputs, which the attributes ask for. */
EG_NODISCARD eg_status eg_need_input_count(const eg_node *node, uint32_t count, eg_error *err);

/* eps, `norm`, and from input `first` on the weight and the optional bias of a norm of this width. */
EG_NODISCARD eg_status eg_need_norm(const eg_graph *graph, const eg_node *node, uint32_t first, int64_t width,
                                    eg_error *err);
/* eps, and which norm, of a layer_norm or rms_norm, as attributes of a fused op. */
eg_attr eg_norm_eps(const eg_node *norm);
eg_attr eg_norm_kind(const eg_node *norm);
bool eg_neutral_layer(const eg_graph *graph, const eg_node *node, const eg_attr *attr);     /* norm: layer */
bool eg_neutral_usual_eps(const eg_graph *graph, const eg_node *node, const eg_attr *attr); /* 1e-12 */

/* --- decomposing --------------------------------------------------------------------------------- */

typedef struct eg_parts {
    eg_graph *graph;
    eg_node fused; /* a copy */
    eg_node_id fused_id;
    size_t first; /* of the parts, in `order` */
    bool *given;  /* per origin: a part stands for it */
} eg_parts;

EG_NODISCARD eg_status eg_parts_begin(eg_parts *parts, eg_graph *graph, eg_node_id fused, eg_error *err);
/* One more node. It is named as the first origin with its op that no part has, or after the output. */
EG_NODISCARD eg_status eg_parts_add(eg_parts *parts, const eg_op *op, const eg_value_id *inputs, uint32_t input_count,
                                    const eg_attr *attrs, uint32_t attr_count, eg_value_id *out, eg_error *err);
EG_NODISCARD eg_status eg_parts_add_activation(eg_parts *parts, const char *activation, eg_value_id x, eg_value_id *out,
                                               eg_error *err);
/* The norm of x by the fused node's inputs from `first` on. */
EG_NODISCARD eg_status eg_parts_add_norm(eg_parts *parts, uint32_t first, eg_value_id x, eg_value_id *out,
                                         eg_error *err);
/* `last` becomes the fused node's output, the parts take its place. */
EG_NODISCARD eg_status eg_parts_end(eg_parts *parts, eg_value_id last, eg_error *err);

#endif
