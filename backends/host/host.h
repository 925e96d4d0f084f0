/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plumbing of backends whose values lie in host memory: a device with one domain, buffers, weights (borrowed from the
 * file's mapping or converted once), nodes read and compiled, runs whose bindings are checked against the true sizes, and
 * the ops that only move elements. It computes nothing: the arithmetic is the backend's, in ops that it brings.
 *
 * A node is compiled by its op's `accept` (which reads types and attributes through the host and says yes or why not)
 * and computed by its op's `run`. support() and compile() call the same `accept`, so that they cannot disagree.
 */
#ifndef EG_HOST_HOST_H
#define EG_HOST_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include <egbert/plugin.h>

/* Item i of an array of structs that the host filled: they lie its `size` apart, which may not be ours. */
#define EG_HOST_AT(array, i)                                                                                           \
    ((const __typeof__(*(array)) *)((const unsigned char *)(array) + (size_t)(i) * (array)->size))

/* --- objects ------------------------------------------------------------------------------------- */

typedef struct eg_host_op eg_host_op;

/* Input `input` of an op. */
typedef struct eg_host_use {
    const char *op;
    uint32_t input;
} eg_host_use;

/* What makes a backend of the plumbing; constant. */
typedef struct eg_host_backend {
    const char *name;             /* in messages */
    const eg_host_op *const *ops; /* ended by NULL */
    uint32_t level;               /* EG_SUPPORT_…, of every node that is accepted */
    /* eg_device_ops's; all that it has. */
    const char *(*info)(eg_device *device, const char *key);
    /* Bytes of scratch for a run of at most these sizes, from what the nodes asked for; monotone in them. */
    uint64_t (*scratch)(const eg_exec *exec, const eg_dims *bound, uint32_t threads);
    /* The uses that can read a weight in parts (eg_host_weight_part()), ended by a NULL op. NULL: none. */
    const eg_host_use *parts;
} eg_host_backend;

/* A backend that needs more begins its own struct with this one. */
struct eg_device {
    const eg_host *host;
    const eg_host_backend *backend;
    const eg_host_op *const *own_ops; /* asked before the backend's; ended by NULL. NULL: none */
};

struct eg_buffer {
    unsigned char *data;
    uint64_t bytes;
    bool owned; /* data belongs to the buffer */
};

/* Rows [first, first + rows) of a table, `stride` elements apart. */
typedef struct eg_host_part {
    const float *data;
    int64_t first, rows, stride;
} eg_host_part;

struct eg_weight {
    const void *data; /* contiguous, row-major, aligned for its dtype; NULL of a weight in parts */
    void *owned;      /* the same, if it was converted; NULL when it is borrowed from the file's mapping */
    eg_dtype dtype;
    uint64_t count;
    eg_host_part *parts; /* blocks of rows, borrowed where they lie, in order; NULL: it lies in one piece */
    uint32_t part_count;
};

/* --- compiled nodes ------------------------------------------------------------------------------ */

/* A value as the ops need to know it; the shapes are those of the view. */
typedef struct eg_host_value {
    eg_value_info info; /* its name is gone with the view */
    const eg_weight *weight;
    bool used;
} eg_host_value;

/* What a fused op does to a product; the names are those of docs/ops.md. */
typedef enum eg_host_activation {
    EG_HOST_NO_ACTIVATION,
    EG_HOST_GELU,
    EG_HOST_GELU_TANH,
    EG_HOST_GELU_QUICK,
    EG_HOST_RELU,
    EG_HOST_RELU2,
    EG_HOST_SILU,
    EG_HOST_MISH,
    EG_HOST_TANH,
    EG_HOST_SIGMOID,
    EG_HOST_LOG1P
} eg_host_activation;

typedef enum eg_host_pool {
    EG_HOST_FIRST_TOKEN,
    EG_HOST_LAST_TOKEN,
    EG_HOST_MEAN,
    EG_HOST_MAX,
    EG_HOST_SUM,
    EG_HOST_MEAN_SQRT_LEN,
    EG_HOST_WEIGHTED_MEAN
} eg_host_pool;

/* Attributes as read by accept(); each op says which it uses. */
typedef struct eg_host_attrs {
    int64_t index, begin, end, axis, heads, key_heads, window, skip;
    int64_t to, by, groups, kernel_rows;
    int64_t centre, buckets, max_distance; /* of relative positions; buckets 0: each distance has a row of its own */
    int64_t head_size, value_size; /* of attention: width of a head of q and k, and of one of v and the result */
    double factor, offset, eps, theta, divide;
    bool causal, skip_prompt, has_skip, has_end;
    bool has_bias, has_residual, text_query, rms, of_keys, interleaved;
    uint32_t tables;
    eg_host_activation activation;
    eg_host_pool pool;
    const void *kernel; /* the backend's, which accept() chose; it lives as long as the device */
    double cost;        /* of one element, in nanoseconds, for backends that split their work */
} eg_host_attrs;

/* What a node wants of a run's scratch, set by accept(); of an executable, the most of any node. */
typedef struct eg_host_scratch {
    uint64_t bytes;      /* the same for every size */
    uint64_t row;        /* floats for each row of the longest text and each thread */
    uint64_t matmul_row; /* floats for each row of a matmul that is padded to whole units */
    uint64_t packed;     /* floats for each of the rows that a thread packs together, and each thread */
    uint64_t shared_row; /* floats for each row of the longest text, which all threads share */
} eg_host_scratch;

typedef struct eg_host_node {
    const eg_host_op *op;
    char *name;             /* for messages */
    const uint32_t *inputs; /* values */
    uint32_t input_count;
    uint32_t output;
    eg_host_attrs attrs;
} eg_host_node;

struct eg_exec {
    eg_device *device;
    eg_host_value *values;
    uint32_t value_count;
    eg_host_node *nodes;
    uint32_t node_count;
    uint32_t *inputs; /* of all nodes, one after another */
    eg_host_scratch scratch;
};

/* --- reading a node ------------------------------------------------------------------------------ */

typedef struct eg_host_reader {
    eg_device *device;
    const eg_host *host;
    const eg_view *view;
    uint32_t node;
    uint32_t input_count;
    eg_host_attrs attrs;     /* filled by accept() */
    eg_host_scratch scratch; /* filled by accept() */
    uint32_t inplace_mask;   /* the op's; accept() may change it, where it depends on the node */
    char reason[160];        /* why not */
} eg_host_reader;

/* Says no: fills the reason and returns false. */
bool eg_host_refuse(eg_host_reader *reader, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Types of the node's values. False, with the reason set, if there is no such value. */
bool eg_host_input(eg_host_reader *reader, uint32_t i, eg_value_info *out);
bool eg_host_output(eg_host_reader *reader, eg_value_info *out);
bool eg_host_count(eg_host_reader *reader, uint32_t min, uint32_t max);
/* Attributes with their neutral values. */
int64_t eg_host_attr_int(eg_host_reader *reader, const char *name, int64_t absent);
double eg_host_attr_float(eg_host_reader *reader, const char *name, double absent);
const char *eg_host_attr_string(eg_host_reader *reader, const char *name, const char *absent);
/* The attribute `axis` from 0, the last if absent; false with the reason set if the value has no such axis. */
bool eg_host_attr_axis(eg_host_reader *reader, const eg_value_info *x, uint32_t *out);
/* Input 0 and the output are f32 of the same kind and width (the commonest shape of an op). */
bool eg_host_same(eg_host_reader *reader, eg_value_info *out);
/* Input i is an f32 table of `length` elements that lie together. */
bool eg_host_vector(eg_host_reader *reader, uint32_t i, int64_t length);

/* Rows of one kind, as many of them: a and b are token rows of one row set, text rows, or tables of as many rows. */
bool eg_host_same_rows(const eg_value_info *a, const eg_value_info *b);

/*
 * The ops of docs/ops.md: the `accept` of every backend, or what it begins with. They check all that the contract says of
 * the inputs and fill these attributes:
 *
 *  positions       skip, has_skip
 *  equal           to
 *  shift           by
 *  unfold          kernel_rows: its kernel
 *  grouped_matmul  groups
 *  scale           factor, offset
 *  gelu            activation: one of the three forms
 *  layer_norm, rms_norm  eps, rms, has_bias
 *  normalize       eps
 *  scores          heads, key_heads, head_size, factor (scale), causal, window (0: none)
 *  rotary_table    theta, divide; its width is the output's
 *  rotary          heads, head_size, interleaved; the second input's width is what turns
 *  alibi           heads
 *  relative_bias   heads, buckets, max_distance
 *  relative_scores heads, head_size, factor (scale), centre (offset), buckets (0: none), max_distance, of_keys (its rows
 *                  are keys')
 *  apply           heads, key_heads, head_size
 *  pool            (first_token to weighted_mean) skip_prompt; begin, end, has_end of those that have them; token: index too
 *  linear          has_bias, has_residual, activation. Inputs: x, w, b if has_bias, r (the last) if has_residual
 *  glu_linear      has_bias, activation. Inputs: x, w, u, b and c if has_bias
 *  attention       as scores; value_size, text_query (q has one row per text), has_bias (input 3 is a pair value of
 *                  `heads` heads or of one)
 *  add_norm        eps, rms, has_bias. Inputs: a, b, weight, bias if has_bias
 *  embed_norm      tables, eps, rms, has_bias. Inputs: tables × (table, index), weight, bias if has_bias
 *  pool_normalize  pool, skip_prompt, begin, end, has_end, eps
 */
bool eg_host_accept_positions(eg_host_reader *reader);
bool eg_host_accept_gather(eg_host_reader *reader);
bool eg_host_accept_equal(eg_host_reader *reader);
bool eg_host_accept_where(eg_host_reader *reader);
bool eg_host_accept_matmul(eg_host_reader *reader);
bool eg_host_accept_grouped_matmul(eg_host_reader *reader);
bool eg_host_accept_shift(eg_host_reader *reader);
bool eg_host_accept_unfold(eg_host_reader *reader);
bool eg_host_accept_bias_add(eg_host_reader *reader);
bool eg_host_accept_binary(eg_host_reader *reader); /* add, sub, mul, div */
bool eg_host_accept_scale(eg_host_reader *reader);
bool eg_host_accept_gelu(eg_host_reader *reader);
bool eg_host_accept_unary(eg_host_reader *reader); /* the other activations */
bool eg_host_accept_layer_norm(eg_host_reader *reader);
bool eg_host_accept_rms_norm(eg_host_reader *reader);
bool eg_host_accept_normalize(eg_host_reader *reader);
bool eg_host_accept_scores(eg_host_reader *reader);
bool eg_host_accept_rotary_table(eg_host_reader *reader);
bool eg_host_accept_rotary(eg_host_reader *reader);
bool eg_host_accept_alibi(eg_host_reader *reader);
bool eg_host_accept_relative_bias(eg_host_reader *reader);
bool eg_host_accept_relative_scores(eg_host_reader *reader);
bool eg_host_accept_softmax(eg_host_reader *reader);
bool eg_host_accept_apply(eg_host_reader *reader);
bool eg_host_accept_pool(eg_host_reader *reader);
bool eg_host_accept_ranged_pool(eg_host_reader *reader); /* mean, max, sum, mean_sqrt_len, weighted_mean */
bool eg_host_accept_token(eg_host_reader *reader);
bool eg_host_accept_linear(eg_host_reader *reader);
bool eg_host_accept_glu_linear(eg_host_reader *reader);
bool eg_host_accept_attention(eg_host_reader *reader);
bool eg_host_accept_add_norm(eg_host_reader *reader);
bool eg_host_accept_embed_norm(eg_host_reader *reader);
bool eg_host_accept_pool_normalize(eg_host_reader *reader);

/* How much alibi of so many heads lowers the scores of this one for each step between query and key. */
double eg_host_alibi_slope(int64_t head, int64_t heads);

/*
 * Which row of the table a distance means, as the models that these come from compute it, in f32. Both are monotone in the
 * distance's absolute value, and safe for any distance of two rows.
 *  relative_bias: of key - query, in [0, buckets). relative_scores: of query - key, before centre and clamping.
 */
int64_t eg_host_bias_bucket(const eg_host_attrs *attrs, int64_t distance);
int64_t eg_host_score_bucket(const eg_host_attrs *attrs, int64_t distance);

/* Product of the axes from `axis` on. */
int64_t eg_host_width_from(const eg_value_info *info, uint32_t axis);
/* Width of a row: the product of all axes but the first. */
int64_t eg_host_width(const eg_value_info *info);
int64_t eg_host_last_axis(const eg_value_info *info);

/* --- computing a node ---------------------------------------------------------------------------- */

typedef struct eg_host_call {
    const eg_exec *exec;
    const eg_host_node *node;
    const eg_run_info *run;
    eg_device *device;
    void *scratch; /* of the bytes that the backend's scratch() says for the run's sizes; NULL if those are 0 */
    eg_error *err;
    const char **kernel; /* see eg_host_ran(); NULL: nobody asks */
} eg_host_call;

/* For profiles: what an op's run() has computed with, a string that lives as long as the device. Optional. */
void eg_host_ran(const eg_host_call *call, const char *kernel);

/* A token, text or table value at a run's true sizes. Elements are f32 or i32, both of four bytes. */
typedef struct eg_host_matrix {
    union {
        float *f32;
        int32_t *i32;
    };
    int64_t rows, width, stride;
} eg_host_matrix;

eg_host_matrix eg_host_matrix_in(const eg_host_call *call, uint32_t i);
eg_host_matrix eg_host_matrix_out(const eg_host_call *call);
const float *eg_host_vector_in(const eg_host_call *call, uint32_t i);
/*
 * Input i, a table of rank 2, in the parts in which its rows lie: one, unless it is a weight of several tensors and the
 * backend's `parts` names this use. eg_host_matrix_in() is for values in one piece.
 */
uint32_t eg_host_weight_parts(const eg_host_call *call, uint32_t i);
eg_host_part eg_host_weight_part(const eg_host_call *call, uint32_t i, uint32_t part);
const eg_value_info *eg_host_info_in(const eg_host_call *call, uint32_t i);
const eg_value_info *eg_host_info_out(const eg_host_call *call);
/* The rows of the texts in a value's row set; B entries. */
const eg_row *eg_host_rows(const eg_host_call *call, const eg_value_info *info);
uint32_t eg_host_texts(const eg_host_call *call);

/* How an operand of add, sub, mul, div or where meets a result of rows; not for pair values. */
typedef struct eg_host_operand {
    const float *data;
    int64_t stride;      /* between rows; 0 repeats one row */
    int64_t column_step; /* 0 repeats one column */
    bool by_text;        /* rows are texts, the result's are tokens */
} eg_host_operand;

eg_host_operand eg_host_operand_in(const eg_host_call *call, uint32_t i);

/* The rows of x that count for a text, when it is pooled: all of skip_prompt, begin and end is applied. */
typedef struct eg_host_text_rows {
    const float *data;
    int64_t count, stride;
    int64_t first; /* number of the first one in its text */
} eg_host_text_rows;

/* EG_E_INPUT if a text has none of the rows that the node pools; to be asked before all else. */
eg_status eg_host_check_pooled(const eg_host_call *call);
eg_host_text_rows eg_host_rows_of_text(const eg_host_call *call, eg_host_matrix x, uint32_t text);

/*
 * A pair value, text by text: the block of a text of n rows is [heads, n, columns], columns = min(n, 2 · window + 1).
 * Column j of query q is key first(q) + j.
 */
typedef struct eg_host_pair {
    float *data; /* of the text */
    int64_t heads, n, columns, window;
    int64_t valid;
} eg_host_pair;

eg_host_pair eg_host_pair_shape(int64_t heads, int64_t window, const eg_row *row); /* without data */
eg_host_pair eg_host_pair_begin(float *data, const eg_value_info *info, const eg_row *row);
float *eg_host_pair_end(const eg_host_pair *pair); /* where the next text's block begins */
int64_t eg_host_pair_first(const eg_host_pair *pair, int64_t query);
float *eg_host_pair_row(const eg_host_pair *pair, int64_t head, int64_t query);
float *eg_host_pair_in(const eg_host_call *call, uint32_t i);
float *eg_host_pair_out(const eg_host_call *call);

/* --- ops ----------------------------------------------------------------------------------------- */

struct eg_host_op {
    const char *name;
    uint32_t inplace_mask;
    bool (*accept)(eg_host_reader *reader);
    eg_status (*run)(const eg_host_call *call);
};

/* Those that only move elements; a backend names them in its table of ops. */
#define EG_HOST_OP(symbol) extern const eg_host_op eg_host_op_##symbol;
#include "move.def"
#undef EG_HOST_OP

/* --- the device's functions ---------------------------------------------------------------------- */

/* A backend's open() gives this out. */
extern const eg_device_ops eg_host_device_ops;

/* Whether the host has all functions that are called here; one that lacks any is too old. */
bool eg_host_suffices(const eg_host *host);

eg_status eg_host_fail(eg_error *err, eg_status code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Adds what would be right; returns the error's code. */
eg_status eg_host_hint(eg_error *err, eg_status code, const char *format, ...) __attribute__((format(printf, 3, 4)));
void *eg_host_alloc(const eg_host *host, uint64_t count, uint64_t size); /* cleared; NULL on failure or overflow */
void eg_host_dealloc(const eg_host *host, void *p);

/* eg_device_ops's, a file each: weight.c, compile.c and run.c. */
eg_status eg_host_weight_new(eg_device *device, const eg_weight_desc *desc, eg_weight **out, uint64_t *out_bytes,
                             eg_error *err);
void eg_host_weight_free(eg_device *device, eg_weight *weight);
bool eg_host_takes_parts(const eg_host_backend *backend, const char *op, uint32_t input);
eg_status eg_host_support(eg_device *device, const eg_view *view, uint32_t node, eg_support *out);
eg_status eg_host_compile(eg_device *device, const eg_view *view, const eg_compile_info *info, eg_exec **out,
                          eg_error *err);
void eg_host_exec_free(eg_exec *exec);
uint64_t eg_host_scratch_bytes(const eg_exec *exec, uint32_t domain, const eg_dims *bound, uint32_t threads);
eg_status eg_host_run(eg_exec *exec, const eg_run_info *run, eg_event **done, eg_error *err);
eg_status eg_host_profile(eg_exec *exec, const eg_run_info *run, eg_node_time *times, uint32_t capacity,
                          uint32_t *out_count, eg_error *err);

#endif
