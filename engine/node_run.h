/* SPDX-License-Identifier: Apache-2.0 */
/* Single nodes and single values of a plan, by value. As thread-safe as a context. */
#ifndef EG_ENGINE_NODE_RUN_H
#define EG_ENGINE_NODE_RUN_H

#include "engine/run.h"

/* A value after a run, dense, in new memory (eg_free); *out_elements of 4 bytes. Views may have rows apart. */
EG_NODISCARD eg_status eg_value_copy(eg_context *context, const eg_executable *executable, const eg_batch *batch,
                                     eg_value_id value, void **out, uint64_t *out_elements, eg_error *err);

/*
 * Computes one node of a graph on the backends of the context, with weights as its passes would have them. inputs: per
 * input of the node its value, dense; NULL for constants, and for token_ids and type_ids, which
 * come from the batch. *out: the first output, dense, in new memory (eg_free).
 */
EG_NODISCARD eg_status eg_node_run(eg_context *context, const eg_graph *graph, eg_node_id node, const eg_batch *batch,
                                   const void *const *inputs, void **out, uint64_t *out_elements, eg_error *err);

#endif
