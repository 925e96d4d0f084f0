/* SPDX-License-Identifier: Apache-2.0 */
/* A part of a graph as a graph of its own. As thread-safe as the two graphs. */
#ifndef EG_GRAPH_EXTRACT_H
#define EG_GRAPH_EXTRACT_H

#include "graph/graph.h"

/*
 * Copies nodes, which stand in an order of execution, to the end of `out`, under their own names. What none of them makes
 * becomes a constant or an input there. Nothing is marked as an output.
 */
EG_NODISCARD eg_status eg_graph_extract(const eg_graph *graph, const eg_node_id *nodes, size_t count, eg_graph *out,
                                        eg_error *err);

#endif
