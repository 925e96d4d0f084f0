/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where each value lies in an arena: intervals over steps, greedy by size with the smallest gap that fits; where that
 * is above the lower bound, greedy by breadth (both after Pisarchyk & Lee, arXiv 2001.03288); then the better of both
 * orders with some places changed. Ends as soon as the bound is reached. Knows neither graphs nor backends.
 */
#ifndef EG_GRAPH_PLANNER_H
#define EG_GRAPH_PLANNER_H

#include "base/error.h"

typedef struct eg_interval {
    uint64_t bytes;
    uint32_t first, last; /* steps, both inclusive; first ≤ last */
    uint64_t offset;      /* out */
} eg_interval;

/* What found the placement. */
typedef enum { EG_PLAN_BY_SIZE, EG_PLAN_BY_BREADTH, EG_PLAN_BY_SWAPS } eg_plan_way;

typedef struct eg_plan_sizes {
    uint64_t naive; /* Σ aligned bytes */
    uint64_t arena; /* what the offsets need */
    uint64_t bound; /* max over steps of Σ live aligned bytes: no placement in this order is smaller */
    eg_plan_way way;
} eg_plan_sizes;

/* align: a power of two. The same input gives the same offsets. EG_E_NOMEM; EG_E_FAILED on overflow. */
EG_NODISCARD eg_status eg_plan_memory(eg_interval *intervals, uint32_t count, uint64_t align, eg_plan_sizes *out,
                                      eg_error *err);

#endif
