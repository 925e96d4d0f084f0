/* SPDX-License-Identifier: Apache-2.0 */
/* A small host for one device at a time: builds graphs of a few nodes, runs them whole, and watches the memory. */
#ifndef EG_CONFORMANCE_HARNESS_H
#define EG_CONFORMANCE_HARNESS_H

#include <pthread.h>

#include "graph/graph.h"
#include "graph/partition.h"

/* --- a device under test ------------------------------------------------------------------------- */

typedef struct subject {
    const eg_plugin *plugin;
    eg_device *device;
    const eg_device_ops *ops;
    eg_domain domain; /* of index 0, which everything is put into */
    eg_host host;
    uint32_t threads;
    /* The allocator: fails the fail_at-th allocation from now (0: none), counts what is live. */
    pthread_mutex_t lock;
    int64_t fail_at, allocations, live;
} subject;

/* Room for a host struct of a later version: the plugin may not mind. */
void subject_init(subject *s, const eg_plugin *plugin, uint32_t threads);
EG_NODISCARD eg_status subject_open(subject *s, uint32_t device, const char *options, eg_error *err);
void subject_close(subject *s); /* the device; the subject may be opened again */

/* --- a case: a graph, sizes, and data ------------------------------------------------------------ */

enum { CASE_TEXTS = 8, CASE_INPUTS = 8 };

typedef struct check_case {
    eg_graph graph;
    eg_arena data;
    uint64_t seed;
    eg_row rows[CASE_TEXTS];
    eg_row_set set;
    eg_dims dims;
    /* Inputs, in the graph's order, dense. */
    void *inputs[CASE_INPUTS];
    double tolerance; /* of |got − want| / max(1, max |want|); 0: equal */
    eg_status failed; /* of a builder call; the graph is then not to be used */
    eg_error err;
} check_case;

/* How many texts, their rows, and the options of a batch. */
typedef struct batch {
    const char *name;
    uint32_t B;
    uint32_t lengths[CASE_TEXTS];
    uint32_t skip; /* of the texts that are longer */
    bool padded;   /* every text takes the longest one's rows */
} batch;

extern const batch batches[];
extern const uint32_t batch_count;

void case_init(check_case *c, const batch *b, uint64_t seed);
void case_finish(check_case *c);

/*
 * Builders. After a failure they do nothing and give 0. Data are numbers from −1 to 1; those of a
 * constant depend on its name alone, and a name that is there already is that constant.
 */
eg_value_id case_input(check_case *c, const char *name, eg_type type);
eg_value_id case_ids(check_case *c, const char *name, int32_t limit);
eg_value_id case_const(check_case *c, const char *name, int64_t rows, int64_t width); /* width 0: rank 1 */
/* A constant of so many tensors, one below the other, each in memory of its own. */
eg_value_id case_stack(check_case *c, const char *name, int64_t rows, int64_t width, uint32_t tensors);
eg_value_id case_node(check_case *c, const char *op, const eg_value_id *inputs, uint32_t input_count,
                      const eg_attr *attrs, uint32_t attr_count);
void case_output(check_case *c, eg_value_id value);
/* A number from −1 to 1, and one from [0, n). */
double case_number(check_case *c);
uint32_t case_below(check_case *c, uint32_t n);

/*
 * The case with its fused nodes replaced by the primitive ones that define them: all of them, or with a device those
 * that it refuses, as a host does. It shares the case's data.
 */
EG_NODISCARD eg_status case_parts(const check_case *c, subject *s, check_case *out, eg_error *err);
void case_parts_finish(check_case *parts);
bool case_is_fused(const check_case *c);

/* --- running ------------------------------------------------------------------------------------- */

typedef struct run_style {
    uint32_t spread;  /* elements between rows beyond their width */
    uint32_t roomier; /* the bound is so many texts and rows above the true sizes */
    int32_t inplace;  /* the node's output lies on this input; −1: nowhere */
    bool oversized;   /* structs are longer than the plugin knows */
    const int32_t *cancel;
} run_style;

extern const run_style plain_style;

/* The exec of a case and what belongs to it, for several runs. */
typedef struct prepared {
    subject *s;
    const check_case *c;
    run_style style;
    eg_view view;
    eg_weight **weights; /* per view value */
    int64_t *strides;
    eg_dims bound;
    eg_row_set bound_set;
    eg_exec *exec;
    uint64_t scratch_bytes;
} prepared;

/*
 * EG_E_UNSUPPORTED (why in err) if the device refuses a node; any other failure is one of the plugin's promises broken.
 * After a yes the reads are checked.
 */
EG_NODISCARD eg_status prepare(subject *s, const check_case *c, run_style style, prepared *out, eg_error *err);
void unprepare(prepared *p);
/* Runs and gives the first output, dense, from eg_alloc. EG_E_INTERNAL: memory that is not its own was written. */
EG_NODISCARD eg_status run_prepared(const prepared *p, void **out, uint64_t *out_count, eg_error *err);
/* The same through the extension profile.v1, with the times of the nodes. */
typedef struct profiling {
    const eg_profile_v1 *profile;
    eg_node_time *times;
    uint32_t capacity, count;
} profiling;
EG_NODISCARD eg_status run_profiled(const prepared *p, profiling *times, void **out, uint64_t *out_count,
                                    eg_error *err);
/* prepare(), run_prepared() and unprepare(). */
EG_NODISCARD eg_status run_case(subject *s, const check_case *c, run_style style, void **out, uint64_t *out_count,
                                eg_error *err);

/* EG_E_FAILED with the worst element if the arrays differ by more than the case allows. */
EG_NODISCARD eg_status compare(const check_case *c, const void *want, const void *got, uint64_t count, double tolerance,
                               eg_error *err);

/* The true rows of a value that is no pair value. */
uint64_t value_rows(const eg_type *type, const eg_dims *dims);

#endif
