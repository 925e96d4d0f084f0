/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the values of a partitioned graph lie. There is one memory space per kind of memory: space 0 is the host's,
 * shared by all targets with EG_DOMAIN_HOST_MEMORY, and every other target has its own. A value lies in the space of
 * the stage that makes it (an input of the graph: in space 0) and, where a crossing copies it, in a second one.
 *
 * Steps, for lifetimes: the inputs are written; then for each stage its crossings are one step and each of its nodes
 * is one; at last the outputs are read. Inputs live from the first step, outputs of the graph to the last.
 */
#ifndef EG_GRAPH_MEMORY_H
#define EG_GRAPH_MEMORY_H

#include "graph/partition.h"
#include "graph/planner.h"

typedef struct eg_slot {
    uint64_t offset, bytes; /* of a view with rows apart: from its first element to behind its last */
    uint32_t first, last;   /* steps of this value alone, both inclusive */
    bool present;           /* the value lies in this space; else all is 0. Constants never do. */
} eg_slot;

typedef struct eg_space {
    uint32_t target;     /* whose memory it is; EG_ON_HOST for space 0 */
    uint64_t align;      /* of all offsets, ≥ 64 */
    eg_plan_sizes sizes; /* `arena` is what must be allocated; `naive`: each result in memory of its own, views aside */
    eg_slot *slots;      /* per value id of the graph */
} eg_space;

/* Why a result is not written over an input, though the backend would allow it; the first condition that fails. */
typedef enum {
    EG_SHARED,           /* it is */
    EG_APART_IS_INPUT,   /* the memory holds an input of the graph */
    EG_APART_READ_LATER, /* `other`, which lies there, is read later, or is an output */
    EG_APART_SIZE,       /* the result takes another number of bytes */
    EG_APART_READ_TWICE  /* the node reads the same memory as `other` too */
} eg_sharing_why;

/* What became of a node whose backend may write its result over an input. */
typedef struct eg_sharing {
    eg_node_id node;
    eg_value_id input; /* the one that it is written over, or the first that it might have been */
    eg_value_id other;
    eg_sharing_why why;
} eg_sharing;

typedef struct eg_memory_plan {
    uint32_t space_count, step_count;
    eg_space *spaces;            /* [0] is always there, be it empty */
    uint32_t *space_of_target;   /* per target */
    eg_slot *scratch;            /* per stage, in the space of its target; of the bytes that were asked for */
    EG_VEC(eg_sharing) sharings; /* in execution order; views, which always share, are not among them */
    eg_arena arena;
} eg_memory_plan;

/*
 * Plans every space for the upper bound. Views lie in their input's memory, where their rows begin; output 0 of a node
 * lies in the memory of an input where the chosen target's answer allows it (inplace_mask, unless
 * partition->no_inplace), nothing else reads that memory afterwards, the sizes are equal, and it is neither an input
 * nor an output of the graph. scratch_bytes: per stage, domain 0, held during the whole stage; NULL: none.
 */
EG_NODISCARD eg_status eg_plan_graph_memory(const eg_graph *graph, const eg_partition *partition,
                                            const eg_target *targets, const eg_dims *bound,
                                            const uint64_t *scratch_bytes, eg_memory_plan *out, eg_error *err);
/* "'x' is read later by 'y'"; "" for EG_SHARED. */
void eg_sharing_format(const eg_graph *graph, const eg_sharing *sharing, char *out, size_t n);
void eg_memory_plan_finish(eg_memory_plan *plan);

#endif
