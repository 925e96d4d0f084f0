/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other constants out of the bytes of given ones: turned, cut, joined. No data moves; a result is a list of views.
 * As thread-safe as the graph.
 */
#ifndef EG_GRAPH_CONSTANT_H
#define EG_GRAPH_CONSTANT_H

#include "graph/graph.h"

typedef EG_VEC(eg_host_view) eg_view_list;

/* The last two axes of a table of rank 2 change places. */
eg_host_view eg_view_transposed(eg_host_view view);
/* The last axis, of size 1, goes. */
eg_host_view eg_view_squeezed(eg_host_view view, uint32_t last);
/* The part of the view inside [begin, end) of the axis; false if there is none. */
bool eg_view_cut(eg_host_view *view, uint32_t axis, int64_t begin, int64_t end);

/* New constants, named "<first constant's name>.<what>" or with a number after it. The tables have one rank and dtype. */
EG_NODISCARD eg_status eg_const_join(eg_graph *graph, const eg_value_id *tables, uint32_t count, uint32_t axis,
                                     const char *what, eg_value_id *out, eg_error *err);
EG_NODISCARD eg_status eg_const_slice(eg_graph *graph, eg_value_id table, uint32_t axis, int64_t begin, int64_t end,
                                      const char *what, eg_value_id *out, eg_error *err);

#endif
