/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operator graph: typed values, nodes in execution order, names. It knows nothing of files, text or devices.
 *
 * A graph is built once by one thread, checked by eg_graph_verify(), and changed by passes only. Values and nodes are
 * numbers into arrays; 0 is none. Nodes stand in a topological order in `order`. Everything a graph points to lies in its arena, but for the data of constants, which lies in the
 * checkpoint's mapping.
 *
 * Thread-safety: a graph belongs to one thread while it is changed; unchanged it may be read from any.
 */
#ifndef EG_GRAPH_GRAPH_H
#define EG_GRAPH_GRAPH_H

#include <stdbool.h>

#include "base/error.h"
#include "base/map.h"
#include "base/mem.h"

typedef uint32_t eg_value_id;
typedef uint32_t eg_node_id;

/* --- types --------------------------------------------------------------------------------------- */

typedef struct eg_type {
    eg_dtype dtype;
    eg_kind kind;
    uint32_t set; /* row set, for token and pair */
    uint32_t rank;
    eg_dim dims[EG_MAX_RANK];
} eg_type;

/* k × symbol. */
eg_dim eg_dim_const(int64_t k);
eg_dim eg_dim_of(eg_symbol sym, uint32_t set, int64_t k);

/* token [T, width], text [B, width], table [rows, width] (width 0: rank 1), pair [heads, P(window)]. */
eg_type eg_type_token(eg_dtype dtype, uint32_t set, int64_t width);
eg_type eg_type_text(eg_dtype dtype, int64_t width);
eg_type eg_type_table(eg_dtype dtype, int64_t rows, int64_t width);
eg_type eg_type_pair(eg_dtype dtype, uint32_t set, int64_t heads, int64_t window);

bool eg_type_equal(const eg_type *a, const eg_type *b);
/* Product of all axes but the row axis (of heads for pair). False if it overflows. */
bool eg_type_width(const eg_type *type, int64_t *out);
/* Elements and bytes for true sizes or an upper bound. False if it overflows. */
bool eg_type_elements(const eg_type *type, const eg_dims *dims, uint64_t *out);
bool eg_type_bytes(const eg_type *type, const eg_dims *dims, uint64_t *out);
/* "token f32 [T, 384]"; writes at most n bytes with NUL. */
void eg_type_format(const eg_type *type, char *out, size_t n);

size_t eg_dtype_size(eg_dtype dtype); /* bytes; 0 for an unknown one */
const char *eg_dtype_text(eg_dtype dtype);
const char *eg_kind_text(eg_kind kind);

/* --- constants ----------------------------------------------------------------------------------- */

/*
 * A constant is one or more strided blocks of host memory (eg_host_view of plugin.h), so that transposing, slicing and
 * joining move no data. data NULL in a view means that there is a shape but no checkpoint (`compile` from config.json
 * alone): such a graph can be planned, not run.
 */
typedef struct eg_const {
    uint32_t view_count;
    eg_host_view *views; /* in the arena */
} eg_const;

/* --- values, nodes ------------------------------------------------------------------------------- */

enum { EG_VALUE_INPUT = 1, EG_VALUE_OUTPUT = 2, EG_VALUE_CONST = 4 };

typedef struct eg_value {
    const char *name; /* unique in the graph, non-empty: [A-Za-z0-9_.:/-]+ */
    eg_type type;
    eg_node_id producer; /* 0 for inputs and constants */
    uint32_t flags;
    const eg_const *constant; /* with EG_VALUE_CONST */
} eg_value;

typedef enum { EG_ATTR_INT, EG_ATTR_FLOAT, EG_ATTR_STRING, EG_ATTR_INTS } eg_attr_type;

typedef struct eg_attr {
    const char *name;
    eg_attr_type type;
    union {
        int64_t integer;
        double real;
        const char *string;
        struct {
            const int64_t *ints;
            uint32_t count;
        };
    };
} eg_attr;

typedef struct eg_op eg_op;

/* A node of the unrewritten graph. */
typedef struct eg_origin {
    const char *op, *name;
} eg_origin;

typedef struct eg_node {
    const eg_op *op;
    const char *name;  /* unique: the name of its first output */
    const char *scope; /* where it comes from, "encoder.3": groups nodes for people; "" = none */
    eg_node_id origin; /* the node of the unrewritten graph that it stands for; itself at first */
    /* The nodes that a fused one was made of, in execution order; 0: it is itself. For profiles and drawings; the text
     * form leaves them out. */
    uint32_t origin_count;
    const eg_origin *origins; /* in the arena */
    uint32_t input_count, output_count, attr_count;
    eg_value_id *inputs;  /* in the arena */
    eg_value_id *outputs; /* in the arena */
    eg_attr *attrs;       /* in the arena, sorted by name */
    bool dead;            /* removed; its number stays free */
} eg_node;

typedef struct eg_graph {
    eg_arena arena;
    const char *name;
    EG_VEC(eg_value) values;     /* values.items[0] is unused */
    EG_VEC(eg_node) nodes;       /* nodes.items[0] is unused */
    EG_VEC(eg_node_id) order;    /* live nodes, topologically sorted */
    EG_VEC(eg_value_id) inputs;  /* in the order given */
    EG_VEC(eg_value_id) outputs; /* in the order given */
    eg_map value_names;          /* name → value id */
    uint32_t set_count;          /* row sets; set 0 is the input's, so ≥ 1 */
} eg_graph;

EG_NODISCARD eg_status eg_graph_init(eg_graph *graph, const char *name, eg_error *err);
void eg_graph_finish(eg_graph *graph);
/* A deep copy (constant data excepted), so that several plans can be made of one graph. */
EG_NODISCARD eg_status eg_graph_clone(const eg_graph *graph, eg_graph *out, eg_error *err);

static inline eg_value *
eg_graph_value(const eg_graph *graph, eg_value_id id)
{
    return &graph->values.items[id];
}

static inline eg_node *
eg_graph_node(const eg_graph *graph, eg_node_id id)
{
    return &graph->nodes.items[id];
}

/* 0 if there is none. */
eg_value_id eg_graph_find(const eg_graph *graph, const char *name);

/*
 * Adding. Names are copied; a name that is taken gets ".2", ".3", … appended (an input's, a constant's or an output's
 * must be free: EG_E_INTERNAL). Nodes go to the end of `order`; output types come from the op's infer. Attributes at
 * their neutral value are left out.
 */
EG_NODISCARD eg_status eg_graph_add_input(eg_graph *graph, const char *name, const eg_type *type, eg_value_id *out,
                                          eg_error *err);
EG_NODISCARD eg_status eg_graph_add_const(eg_graph *graph, const char *name, const eg_type *type,
                                          const eg_host_view *views, uint32_t view_count, eg_value_id *out,
                                          eg_error *err);
/* name may be NULL: then "<scope>.<op>" or "<op>" with a number. out_values: op's output_count ids. */
EG_NODISCARD eg_status eg_graph_add_node(eg_graph *graph, const eg_op *op, const char *name, const char *scope,
                                         const eg_value_id *inputs, uint32_t input_count, const eg_attr *attrs,
                                         uint32_t attr_count, eg_value_id *out_values, eg_error *err);
/* Marks an output (once; a repeated call does nothing). */
EG_NODISCARD eg_status eg_graph_add_output(eg_graph *graph, eg_value_id value, eg_error *err);
void eg_graph_clear_outputs(eg_graph *graph);
/* Renames; EG_E_INTERNAL if the name is taken. */
EG_NODISCARD eg_status eg_graph_rename(eg_graph *graph, eg_value_id value, const char *name, eg_error *err);

/* For passes: every reader of `from` (outputs included) reads `to`. */
EG_NODISCARD eg_status eg_graph_replace(eg_graph *graph, eg_value_id from, eg_value_id to, eg_error *err);
/* For passes: the node is dead and leaves `order`; its outputs must have no readers. */
void eg_graph_remove(eg_graph *graph, eg_node_id node);
/* Readers of each value, outputs counted as one; counts[values.count], from eg_alloc by the caller. */
void eg_graph_count_uses(const eg_graph *graph, uint32_t *counts);

/* The value whose memory this one is: back through views (EG_OP_VIEW); the value itself where there are none. */
eg_value_id eg_graph_alias_root(const eg_graph *graph, eg_value_id value);
/* Whether the node is a view that runs no code: EG_OP_VIEW of something that is no constant. */
bool eg_node_is_view(const eg_graph *graph, const eg_node *node);
/* Where the value's rows begin in those of its alias root, and how far apart they lie, both in elements. False on overflow. */
bool eg_graph_alias_layout(const eg_graph *graph, eg_value_id value, int64_t *out_offset, int64_t *out_row_stride);

const eg_attr *eg_node_attr(const eg_node *node, const char *name); /* NULL if absent */
int64_t eg_node_int(const eg_node *node, const char *name, int64_t absent);
double eg_node_float(const eg_node *node, const char *name, double absent);
const char *eg_node_string(const eg_node *node, const char *name, const char *absent);

/*
 * Checks everything a backend may rely on: types as inferred again, order topological, names unique, attributes known
 * and of their type and absent at neutral, sizes positive. EG_E_INTERNAL (the graph is ours) naming the node.
 */
EG_NODISCARD eg_status eg_graph_verify(const eg_graph *graph, eg_error *err);

/* --- ops ----------------------------------------------------------------------------------------- */

typedef struct eg_attr_spec {
    const char *name;
    eg_attr_type type;
    bool required;
    /* Whether the value says nothing, so that eg_graph_add_node() leaves the attribute out. NULL: none does. */
    bool (*neutral)(const eg_graph *graph, const eg_node *node, const eg_attr *attr);
} eg_attr_spec;

enum {
    EG_OP_MOVES_DATA = 1, /* no arithmetic: folds on constants as views */
    EG_OP_VIEW = 2,       /* output 0 is input 0's memory, unless that is a constant */
    EG_OP_COMMUTES = 4,   /* both inputs may change places */
    EG_OP_FUSED = 8,      /* made by passes alone: never a step of a family */
    EG_OP_ROW_LOCAL = 16  /* row r of the output depends on row r of the token and text inputs alone (tables aside) */
};

/* Work of one node at given sizes, for reports and rooflines. */
typedef struct eg_cost {
    uint64_t flops, read_bytes, write_bytes, weight_bytes;
} eg_cost;

/* One file per operator in graph/ops/, one line in graph/ops/ops.def. */
struct eg_op {
    const char *name;
    uint32_t min_inputs, max_inputs; /* max UINT32_MAX: any */
    uint32_t output_count;
    uint32_t flags;
    const eg_attr_spec *attrs; /* ended by a NULL name; may be NULL */
    /*
     * Output types from input types and attributes, which have been checked against the specs. A mixture that makes no
     * sense is EG_E_INPUT with a message that a family's author understands ("mean needs token rows, got text").
     */
    eg_status (*infer)(const eg_graph *graph, const eg_node *node, eg_type *out, eg_error *err);
    uint64_t (*flops)(const eg_graph *graph, const eg_node *node, const eg_dims *dims); /* NULL: none; saturates */
    /*
     * Replaces the node by the primitive nodes that define it, in its place in `order`; its output keeps its name. Every op
     * with EG_OP_FUSED has one, no other does.
     */
    eg_status (*decompose)(eg_graph *graph, eg_node_id node, eg_error *err);
};

const eg_op *eg_op_find(const char *name); /* NULL if unknown */
/* All ops, for lists and suggestions. */
const eg_op *const *eg_op_all(size_t *out_count);

void eg_node_cost(const eg_graph *graph, eg_node_id node, const eg_dims *dims, eg_cost *out);

/* --- text form (graph/text.c) -------------------------------------------------------------------- */

/* Writes the graph; reading it back and writing again gives the same bytes. Constants carry shapes, not data. */
EG_NODISCARD eg_status eg_graph_write(const eg_graph *graph, eg_strbuf *out, eg_error *err);
/* EG_E_INPUT with line and column on any fault; the result verifies. */
EG_NODISCARD eg_status eg_graph_parse(const char *text, size_t n, const char *file, eg_graph *out, eg_error *err);

#endif
