/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the operators share: asking for inputs of a kind, with messages that a family's author understands
 * ("mean needs token rows, got text (pooler_output)"), and counting work. Thread-safety: safe.
 */
#ifndef EG_GRAPH_OPS_OP_H
#define EG_GRAPH_OPS_OP_H

#include <string.h>

#include "graph/graph.h"
#include "graph/type.h"

/* eg_op_add, eg_op_apply, … */
#define EG_OP(name) extern const eg_op eg_op_##name;
#include "graph/ops/ops.def"
#undef EG_OP

/* Sets of kinds, for eg_need_kind(). */
enum {
    EG_IS_TOKEN = 1 << EG_TOKEN,
    EG_IS_TEXT = 1 << EG_TEXT,
    EG_IS_PAIR = 1 << EG_PAIR,
    EG_IS_TABLE = 1 << EG_TABLE,
    EG_IS_ROWS = EG_IS_TOKEN | EG_IS_TEXT | EG_IS_TABLE,
    EG_IS_ANY = EG_IS_ROWS | EG_IS_PAIR
};

static inline const eg_type *
eg_input_type(const eg_graph *graph, const eg_node *node, uint32_t i)
{
    return &eg_graph_value(graph, node->inputs[i])->type;
}

/* EG_E_INPUT: "<op> <what>, got <type of input i> (<its name>)". what: "needs token rows". */
EG_NODISCARD eg_status eg_op_fail(const eg_graph *graph, const eg_node *node, uint32_t i, eg_error *err,
                                  const char *what, ...) EG_PRINTF(5, 6);

/* Input i is of one of these kinds; what: "token rows". */
EG_NODISCARD eg_status eg_need_kind(const eg_graph *graph, const eg_node *node, uint32_t i, int kinds, const char *what,
                                    eg_error *err);
EG_NODISCARD eg_status eg_need_float(const eg_graph *graph, const eg_node *node, uint32_t i, eg_error *err);
/* i32 token rows without a width: ids and positions. */
EG_NODISCARD eg_status eg_need_ids(const eg_graph *graph, const eg_node *node, uint32_t i, eg_error *err);
/* Rows of rank 2, [rows, d]; floating. */
EG_NODISCARD eg_status eg_need_matrix(const eg_graph *graph, const eg_node *node, uint32_t i, int kinds,
                                      const char *what, eg_error *err);
/* A floating table [length] that goes with input 0. what: "weight". */
EG_NODISCARD eg_status eg_need_vector(const eg_graph *graph, const eg_node *node, uint32_t i, int64_t length,
                                      const char *what, eg_error *err);
/* Inputs i and 0 have one element type. */
EG_NODISCARD eg_status eg_need_same_dtype(const eg_graph *graph, const eg_node *node, uint32_t i, eg_error *err);
/* An integer attribute, if present, lies in [min, max]. */
EG_NODISCARD eg_status eg_need_int(const eg_node *node, const char *name, int64_t min, int64_t max, eg_error *err);

/* When an attribute says nothing. */
bool eg_neutral_zero(const eg_graph *graph, const eg_node *node, const eg_attr *attr);      /* 0 */
bool eg_neutral_one(const eg_graph *graph, const eg_node *node, const eg_attr *attr);       /* 1.0 */
bool eg_neutral_last_axis(const eg_graph *graph, const eg_node *node, const eg_attr *attr); /* of input 0 */
bool eg_neutral_key_heads(const eg_graph *graph, const eg_node *node, const eg_attr *attr); /* as many as heads */

/* Elements of a value, saturating at UINT64_MAX; a × b likewise. */
uint64_t eg_count_elements(const eg_graph *graph, eg_value_id value, const eg_dims *dims);
uint64_t eg_saturating_mul(uint64_t a, uint64_t b);
/* `per_element` operations for each element of input 0. */
uint64_t eg_elementwise_flops(const eg_graph *graph, const eg_node *node, const eg_dims *dims, uint64_t per_element);

/* infer for "as input 0", floating. */
EG_NODISCARD eg_status eg_infer_same_float(const eg_graph *graph, const eg_node *node, eg_type *out, eg_error *err);

/*
 * Two values that meet element by element, the narrower kind repeated over the wider: `type`, which messages call by input
 * i, and input j.
 */
EG_NODISCARD eg_status eg_infer_joined(const eg_graph *graph, const eg_node *node, uint32_t i, const eg_type *type,
                                       uint32_t j, eg_type *out, eg_error *err);

#endif
