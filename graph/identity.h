/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What decides a result, as bytes that are compared as a whole: they hold addresses. Without memory the buffer says so
 * (failed). As thread-safe as the graph.
 */
#ifndef EG_GRAPH_IDENTITY_H
#define EG_GRAPH_IDENTITY_H

#include "graph/graph.h"

/* The op and its attributes. */
void eg_identity_add_op(const eg_node *node, eg_strbuf *key);
/* The type and the bytes that it shows. False: it has no data, so that nothing can be known to be the same. */
bool eg_identity_add_constant(const eg_value *value, eg_strbuf *key);

#endif
