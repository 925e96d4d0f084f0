/* SPDX-License-Identifier: Apache-2.0 */
/* Views whose rows lie apart: where they lie, and how much of their root they reach over. */
#ifndef EG_GRAPH_STRIDED_H
#define EG_GRAPH_STRIDED_H

#include "graph/graph.h"

/* Whether the value is a view that does not show all of its root: its rows lie apart, so its bytes are no one block. */
bool eg_value_is_strided(const eg_graph *graph, eg_value_id value);
/* Bytes from the root's first to the value's first element. False on overflow. */
bool eg_value_offset(const eg_graph *graph, eg_value_id value, uint64_t *out);
/* Bytes from the value's first element to behind its last, at these sizes. False on overflow. */
bool eg_value_extent(const eg_graph *graph, eg_value_id value, const eg_dims *dims, uint64_t *out);

#endif
