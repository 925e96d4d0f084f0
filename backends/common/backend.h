/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What backends on host memory share: reading and compiling nodes, weights, runs, and every op but matmul, computed with
 * the kernels of kernels.h on the host's threads. A backend (cpu, onednn) brings its entry, its matmul, and whatever ops
 * it does better; see eg_cpu_device_init().
 *
 * A node is compiled by its op's `accept` (which reads types and attributes through the host and says yes or why not)
 * and computed by its op's `run`. support() and compile() call the same `accept`, so that they cannot disagree.
 */
#ifndef EG_COMMON_BACKEND_H
#define EG_COMMON_BACKEND_H

#include <stdbool.h>
#include <stdint.h>

#include <egbert/plugin.h>

#include "kernels.h"

/* Item i of an array of structs that the host filled: they lie its `size` apart, which may not be ours. */
#define EG_CPU_AT(array, i)                                                                                            \
    ((const __typeof__(*(array)) *)((const unsigned char *)(array) + (size_t)(i) * (array)->size))

/* --- objects ------------------------------------------------------------------------------------- */

typedef struct eg_cpu_op eg_cpu_op;

struct eg_device {
    const eg_host *host;
    eg_kernels kernels;
    const eg_cpu_op *const *own_ops; /* the backend's, asked before the common ones; ended by NULL */
    const char *(*info)(const eg_device *device, const char *key);
    void *library;     /* the backend's */
    uint32_t row_unit; /* matmul's rows are computed in multiples of this; 1 at least */
};

struct eg_buffer {
    unsigned char *data;
    uint64_t bytes;
    bool owned; /* data belongs to the buffer */
};

struct eg_weight {
    const void *data; /* contiguous, row-major, aligned for its dtype */
    void *owned;      /* the same, if it was converted; NULL when it is borrowed from the file's mapping */
    eg_dtype dtype;
    uint64_t count;
};

/* --- compiled nodes ------------------------------------------------------------------------------ */

/* A value as the kernels need to know it; the shapes are those of the view. */
typedef struct eg_cpu_value {
    eg_value_info info; /* its name is gone with the view */
    const eg_weight *weight;
    bool used;
} eg_cpu_value;

/* Attributes as read by accept(); each op says which it uses. */
typedef struct eg_cpu_attrs {
    int64_t index, begin, end, axis, heads, key_heads, window, skip;
    double factor;
    bool causal, skip_prompt, has_skip;
    eg_unary_kernel unary;
    eg_binary_kernel binary;
    double cost; /* of one element, in nanoseconds */
} eg_cpu_attrs;

typedef struct eg_cpu_node {
    const eg_cpu_op *op;
    char *name;             /* for messages */
    const uint32_t *inputs; /* values */
    uint32_t input_count;
    uint32_t output;
    eg_cpu_attrs attrs;
} eg_cpu_node;

struct eg_exec {
    eg_device *device;
    eg_cpu_value *values;
    uint32_t value_count;
    eg_cpu_node *nodes;
    uint32_t node_count;
    uint32_t *inputs;        /* of all nodes, one after another */
    uint64_t scratch_row;    /* floats of scratch for each row of the longest text and each thread */
    uint64_t scratch_matmul; /* floats of scratch for each row of a matmul that is padded to whole units */
};

/* --- reading a node ------------------------------------------------------------------------------ */

typedef struct eg_cpu_reader {
    eg_device *device;
    const eg_host *host;
    const eg_view *view;
    uint32_t node;
    uint32_t input_count;
    eg_cpu_attrs attrs;      /* filled by accept() */
    uint64_t scratch_row;    /* set by accept(): floats that run() wants for each row of the longest text and thread */
    uint64_t scratch_matmul; /* set by accept(): floats that run() wants for each row of a padded matmul */
    char reason[160];        /* why not */
} eg_cpu_reader;

/* Says no: fills the reason and returns false. */
bool eg_cpu_refuse(eg_cpu_reader *reader, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Types of the node's values. False, with the reason set, if there is no such value. */
bool eg_cpu_input(eg_cpu_reader *reader, uint32_t i, eg_value_info *out);
bool eg_cpu_output(eg_cpu_reader *reader, eg_value_info *out);
bool eg_cpu_count(eg_cpu_reader *reader, uint32_t min, uint32_t max);
/* Attributes with their neutral values. */
int64_t eg_cpu_attr_int(eg_cpu_reader *reader, const char *name, int64_t absent);
double eg_cpu_attr_float(eg_cpu_reader *reader, const char *name, double absent);
const char *eg_cpu_attr_string(eg_cpu_reader *reader, const char *name, const char *absent);
/* The attribute `axis` from 0, the last if absent; false with the reason set if the value has no such axis. */
bool eg_cpu_attr_axis(eg_cpu_reader *reader, const eg_value_info *x, uint32_t *out);
/* Input 0 and the output are f32 of the same kind and width (the commonest shape of an op). */
bool eg_cpu_same(eg_cpu_reader *reader, eg_value_info *out);
/* Input i is an f32 table of `length` elements that lie together. */
bool eg_cpu_vector(eg_cpu_reader *reader, uint32_t i, int64_t length);

/* Product of the axes from `axis` on. */
int64_t eg_cpu_width_from(const eg_value_info *info, uint32_t axis);
/* Width of a row: the product of all axes but the first. */
int64_t eg_cpu_width(const eg_value_info *info);
int64_t eg_cpu_last_axis(const eg_value_info *info);

/* --- computing a node ---------------------------------------------------------------------------- */

typedef struct eg_cpu_call {
    const eg_exec *exec;
    const eg_cpu_node *node;
    const eg_run_info *run;
    eg_device *device;
    const eg_kernels *kernels;
    eg_error *err;
} eg_cpu_call;

/* A token, text or table value at a run's true sizes. Elements are f32 or i32, both of four bytes. */
typedef struct eg_cpu_matrix {
    union {
        float *f32;
        int32_t *i32;
    };
    int64_t rows, width, stride;
} eg_cpu_matrix;

eg_cpu_matrix eg_cpu_matrix_in(const eg_cpu_call *call, uint32_t i);
eg_cpu_matrix eg_cpu_matrix_out(const eg_cpu_call *call);
const float *eg_cpu_vector_in(const eg_cpu_call *call, uint32_t i);
const eg_value_info *eg_cpu_info_in(const eg_cpu_call *call, uint32_t i);
const eg_value_info *eg_cpu_info_out(const eg_cpu_call *call);
/* The rows of the texts in a value's row set; B entries. */
const eg_row *eg_cpu_rows(const eg_cpu_call *call, const eg_value_info *info);
uint32_t eg_cpu_texts(const eg_cpu_call *call);

/*
 * A pair value, text by text: the block of a text of n rows is [heads, n, columns], columns = min(n, 2 · window + 1).
 * Column j of query q is key first(q) + j.
 */
typedef struct eg_cpu_pair {
    float *data; /* of the text */
    int64_t heads, n, columns, window;
    int64_t valid;
} eg_cpu_pair;

eg_cpu_pair eg_cpu_pair_begin(float *data, const eg_value_info *info, const eg_row *row);
float *eg_cpu_pair_end(const eg_cpu_pair *pair); /* where the next text's block begins */
int64_t eg_cpu_pair_first(const eg_cpu_pair *pair, int64_t query);
float *eg_cpu_pair_row(const eg_cpu_pair *pair, int64_t head, int64_t query);
float *eg_cpu_pair_in(const eg_cpu_call *call, uint32_t i);
float *eg_cpu_pair_out(const eg_cpu_call *call);

/* --- threads ------------------------------------------------------------------------------------- */

/* One part of some work: items [begin, end), on a worker below the run's threads. */
typedef void (*eg_cpu_part)(void *arg, int64_t begin, int64_t end, uint32_t worker);

/*
 * Splits n items over the run's threads, each part a multiple of `step` items but the last. `cost` is an item's work
 * in nanoseconds, roughly: where all of it is less than a parallel region costs, it stays on this thread.
 */
void eg_cpu_split(const eg_cpu_call *call, int64_t n, int64_t step, double cost, eg_cpu_part part, void *arg);

/* Queries [begin, end) of one head of text `text`, whose pair block (if there is one) begins `offset` elements in. */
typedef struct eg_cpu_queries {
    uint32_t text;
    int64_t head, begin, end, offset;
} eg_cpu_queries;

typedef void (*eg_cpu_pair_part)(void *arg, const eg_cpu_queries *queries, uint32_t worker);

/* All queries of a pair value, split so that each thread gets about the same number of pairs; cost: ns of a pair. */
void eg_cpu_split_pairs(const eg_cpu_call *call, const eg_value_info *pair, double cost, eg_cpu_pair_part part,
                        void *arg);

/* The worker's part of the run's scratch. */
float *eg_cpu_scratch_of(const eg_cpu_call *call, uint32_t worker);
/* The part that all workers of a matmul share: *out_floats, at least a unit of the node's rows. */
float *eg_cpu_scratch_shared(const eg_cpu_call *call, uint64_t *out_floats);

/* --- ops ----------------------------------------------------------------------------------------- */

struct eg_cpu_op {
    const char *name;
    uint32_t inplace_mask;
    bool (*accept)(eg_cpu_reader *reader);
    eg_status (*run)(const eg_cpu_call *call);
};

/* The backend's own, else the common one. NULL if unknown. */
const eg_cpu_op *eg_cpu_op_find(const eg_device *device, const char *name);
#define EG_CPU_OP(symbol) extern const eg_cpu_op eg_cpu_op_##symbol;
#include "ops/ops.def"
#undef EG_CPU_OP

/* --- the device's functions ---------------------------------------------------------------------- */

extern const eg_device_ops eg_cpu_device_ops;

/* The device's common part; the backend then sets own_ops, info and library. */
eg_status eg_cpu_device_new(const eg_host *host, eg_isa isa, eg_device **out, eg_error *err);
void eg_cpu_device_free(eg_device *device);

/* The value of `key` in "key=value,…", copied to out; false if it is absent or longer than n - 1. */
bool eg_cpu_option(const char *options, const char *key, char *out, size_t n);
/* Whether all keys of options are among those given (ended by NULL); if not, the first unknown one is in out. */
bool eg_cpu_options_known(const char *options, const char *const *keys, char *out, size_t n);

eg_status eg_cpu_fail(eg_error *err, eg_status code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Adds what would be right; returns the error's code. */
eg_status eg_cpu_hint(eg_error *err, eg_status code, const char *format, ...) __attribute__((format(printf, 3, 4)));
void *eg_cpu_alloc(const eg_host *host, uint64_t count, uint64_t size); /* cleared; NULL on failure or overflow */
void eg_cpu_dealloc(const eg_host *host, void *p);
bool eg_cpu_cancelled(const eg_run_info *run);

eg_status eg_cpu_weight_new(eg_device *device, const eg_weight_desc *desc, eg_weight **out, uint64_t *out_bytes,
                            eg_error *err);
void eg_cpu_weight_free(eg_device *device, eg_weight *weight);
eg_status eg_cpu_support(eg_device *device, const eg_view *view, uint32_t node, eg_support *out);
eg_status eg_cpu_compile(eg_device *device, const eg_view *view, const eg_compile_info *info, eg_exec **out,
                         eg_error *err);
void eg_cpu_exec_free(eg_exec *exec);
uint64_t eg_cpu_scratch(const eg_exec *exec, uint32_t domain, const eg_dims *bound, uint32_t threads);
eg_status eg_cpu_run(eg_exec *exec, const eg_run_info *run, eg_event **done, eg_error *err);

#endif
