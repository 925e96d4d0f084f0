/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reference backend: every op of docs/ops.md as plain loops, f32 with double sums, one thread. It is the oracle of
 * the tests and the last resort of the engine, and stays as simple as it is.
 *
 * A node is compiled by its op's `accept` (which reads types and attributes through the host and says yes or why not)
 * and computed by its op's `run`. support() and compile() call the same `accept`, so that they cannot disagree.
 */
#ifndef EG_REFERENCE_H
#define EG_REFERENCE_H

#include <stdbool.h>
#include <stdint.h>

#include <egbert/plugin.h>

/* Item i of an array of structs that the host filled: they lie its `size` apart, which may not be ours. */
#define EG_REF_AT(array, i)                                                                                            \
    ((const __typeof__(*(array)) *)((const unsigned char *)(array) + (size_t)(i) * (array)->size))

/* --- objects ------------------------------------------------------------------------------------- */

struct eg_device {
    const eg_host *host;
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
typedef struct eg_ref_value {
    eg_value_info info; /* its name is gone with the view */
    const eg_weight *weight;
    bool used;
} eg_ref_value;

/* Attributes as read by accept(); each op says which it uses. */
typedef struct eg_ref_attrs {
    int64_t index, begin, end, axis, heads, key_heads, window, skip;
    double factor;
    bool causal, skip_prompt, has_skip;
    int form; /* of gelu */
} eg_ref_attrs;

typedef struct eg_ref_op eg_ref_op;

typedef struct eg_ref_node {
    const eg_ref_op *op;
    char *name;             /* for messages */
    const uint32_t *inputs; /* values */
    uint32_t input_count;
    uint32_t output;
    eg_ref_attrs attrs;
} eg_ref_node;

struct eg_exec {
    eg_device *device;
    eg_ref_value *values;
    uint32_t value_count;
    eg_ref_node *nodes;
    uint32_t node_count;
    uint32_t *inputs; /* of all nodes, one after another */
    uint64_t scratch; /* bytes; the same for every size */
};

/* --- reading a node ------------------------------------------------------------------------------ */

typedef struct eg_ref_reader {
    const eg_host *host;
    const eg_view *view;
    uint32_t node;
    uint32_t input_count;
    eg_ref_attrs attrs; /* filled by accept() */
    uint64_t scratch;   /* raised by accept(): bytes that run() wants */
    char reason[160];   /* why not */
} eg_ref_reader;

/* Says no: fills the reason and returns false. */
bool eg_ref_refuse(eg_ref_reader *reader, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Types of the node's values. False, with the reason set, if there is no such value. */
bool eg_ref_input(eg_ref_reader *reader, uint32_t i, eg_value_info *out);
bool eg_ref_output(eg_ref_reader *reader, eg_value_info *out);
bool eg_ref_count(eg_ref_reader *reader, uint32_t min, uint32_t max);
/* Attributes with their neutral values. */
int64_t eg_ref_attr_int(eg_ref_reader *reader, const char *name, int64_t absent);
double eg_ref_attr_float(eg_ref_reader *reader, const char *name, double absent);
const char *eg_ref_attr_string(eg_ref_reader *reader, const char *name, const char *absent);
/* The attribute `axis` from 0, the last if absent; false with the reason set if the value has no such axis. */
bool eg_ref_attr_axis(eg_ref_reader *reader, const eg_value_info *x, uint32_t *out);
/* Input 0 and the output are f32 of the same kind and width (the commonest shape of an op). */
bool eg_ref_same(eg_ref_reader *reader, eg_value_info *out);
/* Input i is an f32 table of `length` elements that lie together. */
bool eg_ref_vector(eg_ref_reader *reader, uint32_t i, int64_t length);

/* Product of the axes from `axis` on. */
int64_t eg_ref_width_from(const eg_value_info *info, uint32_t axis);
/* Width of a row: the product of all axes but the first. */
int64_t eg_ref_width(const eg_value_info *info);
int64_t eg_ref_last_axis(const eg_value_info *info);

/* --- computing a node ---------------------------------------------------------------------------- */

typedef struct eg_ref_call {
    const eg_exec *exec;
    const eg_ref_node *node;
    const eg_run_info *run;
    void *scratch;
    eg_error *err;
} eg_ref_call;

/* A token, text or table value at a run's true sizes. Elements are f32 or i32, both of four bytes. */
typedef struct eg_ref_matrix {
    union {
        float *f32;
        int32_t *i32;
    };
    int64_t rows, width, stride;
} eg_ref_matrix;

eg_ref_matrix eg_ref_matrix_in(const eg_ref_call *call, uint32_t i);
eg_ref_matrix eg_ref_matrix_out(const eg_ref_call *call);
const float *eg_ref_vector_in(const eg_ref_call *call, uint32_t i);
const eg_value_info *eg_ref_info_in(const eg_ref_call *call, uint32_t i);
const eg_value_info *eg_ref_info_out(const eg_ref_call *call);
/* The rows of the texts in a value's row set; B entries. */
const eg_row *eg_ref_rows(const eg_ref_call *call, const eg_value_info *info);
uint32_t eg_ref_texts(const eg_ref_call *call);

/*
 * A pair value, text by text: the block of a text of n rows is [heads, n, columns], columns = min(n, 2 · window + 1).
 * Column j of query q is key first(q) + j.
 */
typedef struct eg_ref_pair {
    float *data; /* of the text */
    int64_t heads, n, columns, window;
    int64_t valid;
} eg_ref_pair;

eg_ref_pair eg_ref_pair_begin(float *data, const eg_value_info *info, const eg_row *row);
float *eg_ref_pair_end(const eg_ref_pair *pair); /* where the next text's block begins */
int64_t eg_ref_pair_first(const eg_ref_pair *pair, int64_t query);
float *eg_ref_pair_row(const eg_ref_pair *pair, int64_t head, int64_t query);
float *eg_ref_pair_in(const eg_ref_call *call, uint32_t i);
float *eg_ref_pair_out(const eg_ref_call *call);

/* y[m][n] = Σ x[m][k] · w[n][k] · factor, sums in double in the order of k; panel: eg_ref_panel_bytes(k) bytes. */
void eg_ref_matmul_block(const float *x, int64_t ldx, const float *w, int64_t ldw, float *y, int64_t ldy, int64_t m,
                         int64_t n, int64_t k, double factor, double *panel);
uint64_t eg_ref_panel_bytes(int64_t k);

/* --- ops ----------------------------------------------------------------------------------------- */

struct eg_ref_op {
    const char *name;
    uint32_t inplace_mask;
    bool (*accept)(eg_ref_reader *reader);
    eg_status (*run)(const eg_ref_call *call);
};

/* One line for each in ops/ops.def. NULL if unknown. */
const eg_ref_op *eg_ref_op_find(const char *name);
#define EG_REF_OP(symbol) extern const eg_ref_op eg_ref_op_##symbol;
#include "ops/ops.def"
#undef EG_REF_OP

/* --- the device's functions ---------------------------------------------------------------------- */

extern const eg_device_ops eg_ref_device_ops;

eg_status eg_ref_fail(eg_error *err, eg_status code, const char *format, ...) __attribute__((format(printf, 3, 4)));
void *eg_ref_alloc(const eg_host *host, uint64_t count, uint64_t size); /* cleared; NULL on failure or overflow */
void eg_ref_dealloc(const eg_host *host, void *p);
bool eg_ref_cancelled(const eg_run_info *run);

eg_status eg_ref_weight_new(eg_device *device, const eg_weight_desc *desc, eg_weight **out, uint64_t *out_bytes,
                            eg_error *err);
void eg_ref_weight_free(eg_device *device, eg_weight *weight);
eg_status eg_ref_support(eg_device *device, const eg_view *view, uint32_t node, eg_support *out);
eg_status eg_ref_compile(eg_device *device, const eg_view *view, const eg_compile_info *info, eg_exec **out,
                         eg_error *err);
void eg_ref_exec_free(eg_exec *exec);
uint64_t eg_ref_scratch(const eg_exec *exec, uint32_t domain, const eg_dims *bound, uint32_t threads);
eg_status eg_ref_run(eg_exec *exec, const eg_run_info *run, eg_event **done, eg_error *err);

#endif
