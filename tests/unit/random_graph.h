/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random graphs that are valid, run without overflow or NaN, and use every primitive op sooner or later; the same seed
 * gives the same graph. Constants are f32 with data in the graph's arena.
 *
 * Inputs: token_ids and type_ids, i32 [T], below RANDOM_GRAPH_VOCAB. No text may have RANDOM_GRAPH_VOCAB rows or more,
 * since positions are looked up too; each must have at least RANDOM_GRAPH_MIN_ROWS.
 */
#ifndef EG_TESTS_UNIT_RANDOM_GRAPH_H
#define EG_TESTS_UNIT_RANDOM_GRAPH_H

#include "graph/graph.h"

enum { RANDOM_GRAPH_VOCAB = 32, RANDOM_GRAPH_MIN_ROWS = 3 };

/* About `nodes` nodes. Outputs are the values that nothing reads, and a few others. */
EG_NODISCARD eg_status random_graph(uint64_t seed, uint32_t nodes, eg_graph *out, eg_error *err);

/* The next number of a seeded row (splitmix64), and one below n. */
uint64_t random_next(uint64_t *state);
uint32_t random_below(uint64_t *state, uint32_t n);

#endif
