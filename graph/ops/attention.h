/* SPDX-License-Identifier: Apache-2.0 */
/* Head counts, shared by scores and apply. */
#ifndef EG_GRAPH_OPS_ATTENTION_H
#define EG_GRAPH_OPS_ATTENTION_H

#include "graph/ops/op.h"

/* heads ≥ 1 and a multiple of key_heads (absent: heads). */
EG_NODISCARD eg_status eg_need_heads(const eg_node *node, int64_t *out_heads, int64_t *out_key_heads, eg_error *err);

#endif
