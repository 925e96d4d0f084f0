/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of graph.c that the verifier, the passes and the reader of the text form share. As thread-safe as the graph. */
#ifndef EG_GRAPH_CHANGE_H
#define EG_GRAPH_CHANGE_H

#include "graph/graph.h"

enum { EG_MAX_ATTRS = 64, EG_MAX_OUTPUTS = 8 };

bool eg_name_valid(const char *name);
/* An input, a constant that was not dropped, or the result of a live node. */
bool eg_graph_is_live(const eg_graph *graph, eg_value_id value);
/* Names, types and presence against the op's specs. */
EG_NODISCARD eg_status eg_node_check_attrs(const eg_node *node, eg_error *err);
bool eg_node_attr_is_neutral(const eg_graph *graph, const eg_node *node, const eg_attr *attr);
/* The op's infer, its answer checked. types: output_count of them. */
EG_NODISCARD eg_status eg_node_infer(const eg_graph *graph, const eg_node *node, eg_type *types, eg_error *err);
/* Why eg_graph_replace() would refuse, or NULL. */
const char *eg_graph_cannot_replace(const eg_graph *graph, eg_value_id from, eg_value_id to);
/* Takes dead nodes out of `order`. */
void eg_graph_compact_order(eg_graph *graph);

/*
 * The node, which has one output, makes `value` from now on; what it made itself is no value any more. The node that made
 * `value` has then nothing to make: the caller declares it dead.
 */
EG_NODISCARD eg_status eg_graph_take_over(eg_graph *graph, eg_node_id node, eg_value_id value, eg_error *err);
/* The nodes from `first` to the end of `order` go to the place `to`, in front of what stands there. */
void eg_graph_move_last(eg_graph *graph, size_t first, size_t to);
/* What stands at the place `from` of `order` goes up to `to`, in front of what stands there. */
void eg_graph_move_up(eg_graph *graph, size_t from, size_t to);
/* Where the node stands in `order`; the number of nodes if it does not. */
size_t eg_graph_place_of(const eg_graph *graph, eg_node_id node);
/* Copies them into the graph. False: no memory. */
EG_NODISCARD bool eg_node_set_origins(eg_graph *graph, eg_node_id node, const eg_origin *origins, size_t count);

#endif
