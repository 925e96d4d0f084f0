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
    uint64_t align;        /* of domain 0; 0 = no wish */
} eg_target;

/* Whether domain 0 is plain host memory, which all such targets and the host share (memory space 0). */
static inline bool
eg_target_on_host(const eg_target *target)
{
    return (target->domain_flags & EG_DOMAIN_HOST_MEMORY) != 0;
}

/* What one target said of one node. */
typedef struct eg_answer {
    uint32_t level; /* EG_SUPPORT_… after the host's own checks */
    uint32_t inplace_mask;
    char reason[160]; /* "" with a yes */
    bool too_large;   /* refused because a value does not fit one binding */
} eg_answer;

/* A node that was replaced by the nodes that define it, and why. */
typedef struct eg_lowering {
    const char *name, *op; /* in the graph's arena; the last of its parts has the name now */
    uint32_t target;       /* who refused it; EG_ON_HOST: a view that could not be one */
    char reason[160];
} eg_lowering;
typedef EG_VEC(eg_lowering) eg_lowering_list;

typedef struct eg_stage {
    uint32_t target;
    EG_VEC(eg_node_id) nodes;    /* views among them: they have lifetimes, but no code */
    EG_VEC(eg_value_id) inputs;  /* read here, made elsewhere; weights excepted */
    EG_VEC(eg_value_id) outputs; /* made here, read elsewhere or outputs of the graph */
} eg_stage;

/* In a crossing: host memory, be it an input's of the graph or a value's of a target with host memory. */
#define EG_ON_HOST UINT32_MAX

/*
 * A value that is copied to memory where it was not made. Exactly one of the ends is EG_ON_HOST, so that a crossing is
 * one upload or one download; from one device to another is two crossings. At most one per value and end. An output of
 * the graph that a device makes does not cross for that: it stays there until the run is over.
 */
typedef struct eg_crossing {
    eg_value_id value;
    uint32_t from, to;     /* targets, or EG_ON_HOST */
    uint32_t before_stage; /* the first stage that reads the copy; crossings are sorted by it */
} eg_crossing;

typedef struct eg_partition {
    uint32_t target_count;
    uint32_t *target_of; /* per node id; a view's is that of its first reader */
    eg_answer *answers;  /* [node id × target_count + target]; filled up to the chosen one. Views are not asked for. */
    EG_VEC(eg_stage) stages;
    EG_VEC(eg_crossing) crossings;
    eg_lowering_list lowered; /* in the order in which it was done */
    bool no_inplace;          /* for who plans memory: inplace_mask counts for nothing. Set by the caller afterwards. */
} eg_partition;

typedef struct eg_partition_options {
    /* A node that the first target refuses is an error, each listed with its reason. Parts of a fused one are asked. */
    bool strict;
    /* The caller can come again with more targets: a fused node that nobody takes is left whole for them. */
    bool may_add_targets;
    /* Such a caller's attempt with fewer targets, which failed: what it took apart is taken over. NULL: none. */
    eg_partition *failed;
    /*
     * For tests: the first `alternate` targets are given the nodes in turn (node i of the order asks target
     * i mod alternate first, views not counted), and no node is moved to its neighbours. 0: off.
     */
    uint32_t alternate;
} eg_partition_options;

/*
 * Places every node. Targets are asked in order; the first yes wins, but a node whose neighbour's target also says yes
 * stays with it where that saves a crossing. bound: sizes for max_binding; NULL: not checked. Stages are convex and
 * listed in execution order, and the graph's `order` is changed to theirs. EG_E_BACKEND names a node nobody takes with
 * each reason. options NULL: all off.
 *
 * A fused node that the target it is wished on refuses is replaced by its parts, if that target takes any of them, and
 * they are asked for in its stead; else, and where its values are too large for the target, it goes to the next one, and
 * into parts only if none takes it. So the graph changes, after a failure too: `out` then holds what was taken apart, and
 * nothing else, until eg_partition_finish().
 *
 * Views run no code: no target is asked about them, and they lie where their readers are. One whose rows lie apart is
 * replaced by a copy (its op's decompose) where it is an output, is read in two memories, or begins off a target's
 * alignment.
 */
EG_NODISCARD eg_status eg_partition_graph(eg_graph *graph, const eg_target *targets, uint32_t target_count,
                                          const eg_dims *bound, const eg_partition_options *options, eg_partition *out,
                                          eg_error *err);
void eg_partition_finish(eg_partition *partition);

/* --- the view that plugins see ------------------------------------------------------------------- */

/*
 * A stage (or a whole graph) as a plugin reads it: the nodes that run code, and their values, numbered in order of first
 * appearance. Views are left out; what they show is a value with the row stride of its root. Reads of inputs and
 * attributes are recorded per node, for the check after support().
 */
struct eg_view {
    const eg_graph *graph;
    const eg_node_id *nodes;
    uint32_t node_count, value_count;
    const eg_value_id *values;    /* view number → graph's */
    const uint32_t *value_number; /* graph's → view number + 1, 0 = not in the view */
    const int64_t *row_strides;   /* per view value */
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
