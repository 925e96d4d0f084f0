/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passes: named rewrites of a graph, run in the listed order, each switchable and each with a report line. One file per
 * pass in graph/passes/, one line in graph/passes/passes.def.
 */
#ifndef EG_GRAPH_PASS_H
#define EG_GRAPH_PASS_H

#include "graph/graph.h"

typedef struct eg_refusal {
    const char *at;  /* value or node name */
    const char *why; /* the first condition that failed */
} eg_refusal;

typedef struct eg_graph_stat {
    uint32_t nodes, values;
    uint64_t weight_bytes; /* of distinct constants that are read */
    uint64_t bytes;        /* activation traffic at the report's sizes */
    uint64_t flops;
    uint64_t peak; /* lower bound of live bytes */
} eg_graph_stat;

typedef struct eg_pass_report {
    const char *pass;
    bool enabled;
    uint32_t hits;
    EG_VEC(eg_refusal) refused;
    eg_graph_stat before, after;
    uint64_t ns;
} eg_pass_report;

/* Who computes for the core, which holds no kernel. */
typedef struct eg_computer {
    /*
     * The outputs of `work`, a graph of tables and nothing else: data[i], dense, is output i and outlives the graph that
     * asked. `work` is the callee's to change.
     */
    eg_status (*compute)(void *user, eg_graph *work, const void **data, eg_error *err);
    void *user;
} eg_computer;

typedef struct eg_pass_context {
    eg_arena *arena; /* of the report's strings */
    eg_pass_report *report;
    const eg_dims *sizes;        /* of the report; NULL where none were given */
    const eg_computer *computer; /* NULL: there is none */
} eg_pass_context;

enum {
    EG_PASS_ALWAYS = 1,      /* on even with "none"; "-NAME" switches it off */
    EG_PASS_FIXED_POINT = 2, /* runs with its neighbours of this kind until none of them finds anything */
    EG_PASS_AGAIN = 4,       /* runs the passes of the fixed point that are on once more, in its own row; run is NULL */
    /*
     * The graph stays as it is: what the name switches happens when the graph is placed and planned, and who does it asks
     * eg_pass_enabled() and fills the row through eg_pass_context_of(). run is NULL.
     */
    EG_PASS_LATE = 8
};

typedef struct eg_pass {
    const char *name;
    const char *what; /* one line for people */
    uint32_t flags;
    eg_status (*run)(eg_graph *graph, eg_pass_context *context, eg_error *err);
} eg_pass;

const eg_pass *const *eg_pass_all(size_t *out_count);

/* Counts a refusal in the running pass's report. Out of memory loses the line only. */
void eg_pass_refuse(eg_pass_context *context, const char *at, const char *why);

typedef struct eg_pass_options {
    const char *fuse; /* "all,-attention", "none", …; NULL = all. Unknown names: EG_E_USAGE with the nearest one. */
    const eg_dims *sizes;        /* for traffic, FLOPs, peak in the report */
    const char *dump_after;      /* a pass's name, or NULL; "" = after the last one */
    const eg_computer *computer; /* NULL: what depends on constants alone stays in the graph */
} eg_pass_options;

typedef struct eg_pass_result {
    eg_arena arena;
    EG_VEC(eg_pass_report) reports;
    eg_strbuf dump; /* the text form asked for */
} eg_pass_result;

/* Runs all passes that are on, verifying the graph after each. */
EG_NODISCARD eg_status eg_run_passes(eg_graph *graph, const eg_pass_options *options, eg_pass_result *out,
                                     eg_error *err);
void eg_pass_result_finish(eg_pass_result *result);
/* Where a late pass counts its hits and refusals, after eg_run_passes(). The name is one of eg_pass_all(). */
eg_pass_context eg_pass_context_of(eg_pass_result *result, const char *pass);

/* Whether the comma list is well-formed: for arguments that are checked before a model is loaded. */
EG_NODISCARD eg_status eg_pass_check_list(const char *fuse, eg_error *err);
/* Whether a list that has been checked (NULL: all) switches the pass on. */
bool eg_pass_enabled(const char *fuse, const char *pass);

void eg_graph_measure(const eg_graph *graph, const eg_dims *sizes, eg_graph_stat *out);
/* The largest sum of live bytes in the order that the nodes stand in; UINT64_MAX without memory to count it. */
uint64_t eg_graph_peak(const eg_graph *graph, const eg_dims *sizes);

#endif
