/* SPDX-License-Identifier: Apache-2.0 */
/* What both halves of placing share: asking targets (partition.c), changing the graph on their answers (lower.c). */
#ifndef EG_GRAPH_PLACING_H
#define EG_GRAPH_PLACING_H

#include "graph/stages.h"

typedef struct eg_placing {
    eg_graph *graph;
    const eg_target *targets;
    uint32_t target_count;
    const eg_dims *bound;
    const eg_partition_options *options;
    eg_partition *out;
    uint32_t space_of[EG_MAX_TARGETS];
    bool *asked;       /* as answers: [node id × target_count + target] */
    size_t node_count; /* for which there are answers */

    /* Of the graph as it is now: made again by eg_placing_prepare() after each change. */
    eg_arena arena;
    eg_view view;           /* of the whole graph, without its views */
    uint32_t *position;     /* per node id: its place in the view */
    uint32_t *reader_begin; /* per value id, values + 1 of them: its part of `readers` */
    eg_node_id *readers;    /* nodes that run code, of each alias root: views are looked through */
    bool *is_output;        /* per alias root: the host reads it or a view of it */
} eg_placing;

EG_NODISCARD eg_status eg_placing_prepare(eg_placing *p, eg_error *err);
void eg_placing_finish(eg_placing *p); /* `out` excepted */
/* Whether the target says yes to a node that runs code. Asks at most once. */
bool eg_placing_takes(eg_placing *p, eg_node_id node, uint32_t target);
/* Gives the node to `first`, or to the first other target that takes it; false if none does. */
bool eg_placing_place(eg_placing *p, eg_node_id node, uint32_t first);
EG_NODISCARD eg_status eg_placing_nobody_takes(const eg_placing *p, eg_node_id node, eg_error *err);

static inline eg_answer *
eg_placing_answer(const eg_placing *p, eg_node_id node, uint32_t target)
{
    return &p->out->answers[(size_t)node * p->target_count + target];
}

/* --- lower.c: nodes that are replaced by what defines them ---------------------------------------- */

/* Fused nodes that the target they are wished on does not know. */
EG_NODISCARD eg_status eg_lower_refused(eg_placing *p, eg_error *err);
/* The fused node, because no target takes it. */
EG_NODISCARD eg_status eg_lower_untaken(eg_placing *p, eg_node_id node, eg_error *err);
/* Views with rows apart that the host reads. */
EG_NODISCARD eg_status eg_lower_outputs(eg_placing *p, eg_error *err);
/* Gives views their targets. One with rows apart that cannot stay a view is replaced, and what comes for it placed. */
EG_NODISCARD eg_status eg_place_views(eg_placing *p, eg_error *err);

/* The target that is asked first for the turn-th node that runs code. */
uint32_t eg_placing_wish(const eg_placing *p, uint32_t turn);

#endif
