/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs whole graphs on one device on host memory, as one stage and with memory of its own for every value but views,
 * and compares what two graphs of the same inputs and outputs give. Thread-safety: one subject per thread.
 */
#ifndef EG_TESTS_UNIT_GRAPH_RUNNER_H
#define EG_TESTS_UNIT_GRAPH_RUNNER_H

#include "plugins/conformance/harness.h"

/* Texts of these lengths, and ids below `limit` for every input, which are all i32 rows of tokens. */
typedef struct graph_feed {
    eg_row rows[8];
    eg_row_set set;
    eg_dims dims;
    int32_t *ids[4]; /* per input */
} graph_feed;

EG_NODISCARD eg_status graph_feed_init(graph_feed *feed, const eg_graph *graph, uint64_t seed, const uint32_t *lengths,
                                       uint32_t text_count, uint32_t limit, eg_error *err);
void graph_feed_finish(graph_feed *feed);

/* One dense array per output of the graph, from eg_alloc. */
typedef struct graph_results {
    EG_VEC(float *) outputs;
    EG_VEC(uint64_t) counts;
} graph_results;

EG_NODISCARD eg_status graph_run(subject *s, const eg_graph *graph, const graph_feed *feed, graph_results *out,
                                 eg_error *err);
void graph_results_finish(graph_results *results);

/* EG_E_FAILED, with the output and the numbers, where |a − b| > tolerance · max(1, max |a|) or only one is a number. */
EG_NODISCARD eg_status graph_compare(const eg_graph *graph, const graph_results *a, const graph_results *b,
                                     double tolerance, eg_error *err);

/* Every fused node becomes what it stands for. */
EG_NODISCARD eg_status graph_decompose(eg_graph *graph, eg_error *err);

#endif
