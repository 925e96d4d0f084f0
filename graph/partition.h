/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a graph to stages: which node runs on which device and why, which values cross, in what order. The only part of
 * graph/ that speaks the plugin ABI.
 */
#ifndef EG_GRAPH_PARTITION_H
#define EG_GRAPH_PARTITION_H

#include "graph/graph.h"

/* A device that may be given nodes, in order of preference. */
typedef struct eg_target {
    const char *name; /* the backend's */
    eg_device *device;
    const eg_device_ops *ops;
    uint32_t domain_flags; /* of domain 0 */
    uint64_t max_binding;  /* of domain 0; 0 = no limit */
} eg_target;

/* What one target said of one node. */
typedef struct eg_answer {
    uint32_t level; /* EG_SUPPORT_… after the host's own checks */
    uint32_t inplace_mask;
    char reason[160]; /* "" with a yes */
} eg_answer;

typedef struct eg_stage {
    uint32_t target;
    EG_VEC(eg_node_id) nodes;
    EG_VEC(eg_value_id) inputs;  /* read here, made elsewhere; weights excepted */
    EG_VEC(eg_value_id) outputs; /* made here, read elsewhere or outputs of the graph */
} eg_stage;

/* A value that one target makes and another, which does not share its memory, reads; before the reading stage. */
typedef struct eg_crossing {
    eg_value_id value;
    uint32_t from, to; /* targets; from = UINT32_MAX: the host (an input of the graph) */
    uint32_t before_stage;
} eg_crossing;

typedef struct eg_partition {
    uint32_t target_count;
    uint32_t *target_of; /* per node id */
    eg_answer *answers;  /* [node id × target_count + target]; filled up to the chosen one */
    EG_VEC(eg_stage) stages;
    EG_VEC(eg_crossing) crossings;
} eg_partition;

/*
 * Places every node. Targets are asked in order; the first yes wins, but a node whose neighbour's target also says yes
 * stays with it where that saves a crossing. bound: sizes for max_binding. Stages are convex and listed in execution
 * order, and the graph's `order` is changed to theirs. EG_E_BACKEND names a node nobody takes with each reason; with
 * `strict` also a node the first target refuses (each listed).
 */
EG_NODISCARD eg_status eg_partition_graph(eg_graph *graph, const eg_target *targets, uint32_t target_count,
                                          const eg_dims *bound, bool strict, eg_partition *out, eg_error *err);
void eg_partition_finish(eg_partition *partition);

/* --- the view that plugins see
 * ------------------------------------------------------------------------------------------ */

/*
 * A stage (or a whole graph) as a plugin reads it. Values are numbered in order of first appearance. Reads of inputs
 * and attributes are recorded per node, for the check after support().
 */
struct eg_view {
    const eg_graph *graph;
    const eg_node_id *nodes;
    uint32_t node_count, value_count;
    const eg_value_id *values;    /* view number → graph's */
    const uint32_t *value_number; /* graph's → view number + 1, 0 = not in the view */
    const int64_t *row_strides;   /* per view value; NULL: each its width */
    eg_weight *const *weights;    /* per view value; NULL in support() */
    uint64_t *inputs_read;        /* per view node: bit per input (64 and above count as read) */
    uint64_t *attrs_read;         /* per view node: bit per attribute */
    eg_arena arena;
};

EG_NODISCARD eg_status eg_view_init(eg_view *view, const eg_graph *graph, const eg_node_id *nodes, uint32_t node_count,
                                    eg_error *err);
void eg_view_finish(eg_view *view);
/* The view's number of a graph's value; UINT32_MAX if it is not in the view. */
uint32_t eg_view_number(const eg_view *view, eg_value_id value);
/* Fills the view_, node_ and attr_ slots of a host. */
void eg_view_fill_host(eg_host *host);

#endif
