/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rewrite rules: a pattern of nodes as a table, conditions as a table, and a builder in C. The matcher is the same for all
 * rules: it refuses a match of which an inner value has other readers or is an output, and reports the first condition
 * that failed with the name of the value. A new rule is a new table.
 *
 * Thread-safety: as the graph.
 */
#ifndef EG_GRAPH_REWRITE_H
#define EG_GRAPH_REWRITE_H

#include "graph/pass.h"

enum { EG_MOST_SLOTS = 24 };

enum {
    EG_READS = 0,       /* the slot reads the result of slot `of` as its input `as` */
    EG_FEEDS = 1,       /* the slot makes input `as` of slot `of` */
    EG_OPTIONAL = 2,    /* may be absent; who would read its result then reads that of slot `of` */
    EG_TWO_READERS = 4, /* its result is read by two nodes of the pattern, not by one */
    EG_INSTEAD = 8      /* where slot `of` is absent, it makes what that one would have made */
};
enum { EG_EITHER = -1 }; /* for `as`: input 0 or 1, whichever fits */

/* One node of a pattern. Slot 0 is where the search begins; the others hang on earlier ones. */
typedef struct eg_slot {
    const char *ops; /* names with a space between them: any of these */
    int of, as;
    int flags;
    const char *when; /* there is such a node only where slot `of` is one of these ops; NULL: always */
} eg_slot;

typedef struct eg_match {
    eg_node_id nodes[EG_MOST_SLOTS]; /* 0: absent */
} eg_match;

typedef struct eg_rewriter eg_rewriter;

/* A condition, asked as soon as its slot has a node; those of an absent slot are not asked. */
typedef struct eg_guard {
    int slot; /* EG_WHOLE: when all slots have theirs */
    bool (*holds)(const eg_rewriter *r, const eg_match *match);
    const char *why; /* what the report says where it does not hold; NULL: it is just another pattern */
} eg_guard;
enum { EG_WHOLE = -1 };

typedef struct eg_rule {
    const eg_slot *slots;
    int slot_count;
    const eg_guard *guards; /* ended by a NULL function; may be NULL */
    eg_status (*build)(eg_rewriter *r, const eg_match *match, eg_error *err); /* NULL: the rule only says why not */
} eg_rule;

#define EG_RULE(slot_table, guard_table, builder)                                                                      \
    {                                                                                                                  \
        (slot_table), (int)(sizeof(slot_table) / sizeof *(slot_table)), (guard_table), (builder)                       \
    }

struct eg_rewriter {
    eg_graph *graph;
    eg_pass_context *context;
    EG_VEC(uint32_t) uses;      /* per value: readers, outputs counted as one */
    EG_VEC(eg_node_id) readers; /* per value: one of its readers, 0 for none */
    eg_refusal pending;         /* of the anchor that is being tried */
};

/* Tries the rules at every node, in order, the first that matches first. Nodes that a builder makes are not tried. */
EG_NODISCARD eg_status eg_rewrite(eg_graph *graph, eg_pass_context *context, const eg_rule *rules, size_t rule_count,
                                  eg_error *err);

/* --- for guards ---------------------------------------------------------------------------------- */

static inline const eg_node *
eg_matched(const eg_rewriter *r, const eg_match *match, int slot)
{
    return match->nodes[slot] ? eg_graph_node(r->graph, match->nodes[slot]) : NULL;
}

static inline const eg_value *
eg_input_of(const eg_rewriter *r, const eg_node *node, uint32_t i)
{
    return eg_graph_value(r->graph, node->inputs[i]);
}

bool eg_op_is_one_of(const eg_op *op, const char *names);
/* The node's input i is a constant. */
bool eg_input_is_const(const eg_rewriter *r, const eg_node *node, uint32_t i);
/* The input of a node with two that is not the result of `of`; 0 if both are. */
eg_value_id eg_other_input(const eg_rewriter *r, const eg_node *node, const eg_node *of);

/* --- for builders and passes that walk the graph themselves -------------------------------------- */

EG_NODISCARD eg_status eg_rewriter_init(eg_rewriter *r, eg_graph *graph, eg_pass_context *context, eg_error *err);
void eg_rewriter_finish(eg_rewriter *r);

/* Why nobody but one node of a pattern may need the value: "NAME is an output", "read by 2 other nodes"; NULL if none
 * does. readers: how many readers the pattern has itself. The text lies in the report's arena. */
const char *eg_rewriter_why_needed(const eg_rewriter *r, eg_value_id value, uint32_t readers);

/* A node at the end of `order`. Its origin and scope are those of `like`. */
EG_NODISCARD eg_status eg_rewriter_add(eg_rewriter *r, const eg_op *op, const char *name, eg_node_id like,
                                       const eg_value_id *inputs, uint32_t input_count, const eg_attr *attrs,
                                       uint32_t attr_count, eg_value_id *out, eg_error *err);
/* The nodes are dead. They leave `order` when the rewriter is finished. */
void eg_rewriter_drop(eg_rewriter *r, eg_node_id node);
/* What the nodes were made of, in execution order, becomes what `to` was made of. */
EG_NODISCARD eg_status eg_rewriter_give_origins(eg_rewriter *r, const eg_node_id *nodes, size_t count, eg_node_id to,
                                                eg_error *err);

/* The usual end of a builder: the matched nodes become one that makes the result of `last`, at its place. */
EG_NODISCARD eg_status eg_rewriter_fuse(eg_rewriter *r, const eg_match *match, eg_node_id last, const eg_op *op,
                                        const eg_value_id *inputs, uint32_t input_count, const eg_attr *attrs,
                                        uint32_t attr_count, eg_error *err);

#endif
