/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From steps to the operator graph. A family's sections are walked with the config at hand; each step adds nodes. What
 * a step may use is here; the steps themselves are in steps/, found through one table.
 *
 * Thread-safety: an expansion belongs to one thread; what its recipe points to is only read.
 */
#ifndef EG_FRONTEND_FAMILY_EXPAND_H
#define EG_FRONTEND_FAMILY_EXPAND_H

#include "frontend/family/config.h"
#include "frontend/family/family.h"
#include "frontend/tweak.h"
#include "frontend/weights.h"
#include "graph/graph.h"

enum {
    EG_CHAIN_MAX = 64,
    EG_ROUND_DEPTH = 4,    /* repeats inside one another */
    EG_ROUNDS_MAX = 1000,  /* of one repeat */
    EG_NODES_MAX = 50000,  /* of a graph: a config that asks for more is wrong */
    EG_STEPS_MAX = 200000, /* taken in one expansion */
    EG_STEPS_DEPTH = 64,   /* blocks inside one another */
    EG_NAMES_MAX = 1000,   /* given in one block */
    EG_CANDIDATES_MAX = 16 /* names in a list of tensors */
};

/* --- what is expanded ---------------------------------------------------------------------------- */

/* A head: the family's, or an instance's with weights of its own. */
typedef struct eg_head {
    const char *name;
    const eg_yaml *node;
    const eg_weights *weights; /* NULL: the checkpoint's */
    const char *prefix;        /* of the names in its own weights; "" */
    bool required;             /* an instance's: not to be there is an error */
} eg_head;

/* Everything that an expansion reads. */
typedef struct eg_recipe {
    const eg_family *family;
    const eg_config *config;
    const eg_weights *weights; /* NULL: constants get a shape and no data */
    const char *prefix;        /* of the base tensors */
    const eg_head *heads;
    uint32_t head_count;
    const char *head; /* whose outputs need no "HEAD." before them; NULL: none */
} eg_recipe;

/* --- what is found out on the way ---------------------------------------------------------------- */

/* Where a tensor's name begins. */
typedef enum {
    EG_FROM_OWN,       /* a head: its own weights if it has some, else the checkpoint's root */
    EG_FROM_BASE,      /* behind the base prefix */
    EG_FROM_CHECKPOINT /* at the checkpoint's root, whatever weights the head has */
} eg_tensor_root;

/* A tensor that some step asked for. */
typedef struct eg_request {
    const char *const *names;      /* the first one there counts; without prefix */
    const eg_tensor_root *origins; /* of each name */
    uint32_t name_count;
    uint32_t known_count; /* names beyond name_count do not count, but a file may have them */
    const eg_head *head;  /* whose own weights hold it; NULL: the checkpoint */
    const char *section;  /* "embeddings", "encoder", an output, a head */
    int64_t elements;
    bool untaken; /* named by a case that the config does not take */
    const eg_yaml *at;
} eg_request;

typedef struct eg_survey {
    EG_VEC(eg_request) requests;
    int64_t vocab_size, type_vocab_size; /* the smallest table read by each input; 0: none is */
    int64_t position_rows;               /* usable ones; INT64_MAX: no table */
} eg_survey;

/* --- state --------------------------------------------------------------------------------------- */

/* One value, or several after `split` and `from: [a, b]`. */
typedef struct eg_chain {
    uint32_t count;
    eg_value_id items[EG_CHAIN_MAX];
} eg_chain;

typedef struct eg_named eg_named;
struct eg_named {
    eg_named *next;
    const char *name;
    eg_value_id value; /* 0: absent, its step was left out */
};

/* A block: what entered it and the names given in it. */
typedef struct eg_frame eg_frame;
struct eg_frame {
    eg_frame *parent;
    eg_named *names;
    uint32_t name_count;
    eg_chain in;
};

/* `let`, the counter of a repeat, an argument of a use. */
typedef struct eg_variable eg_variable;
struct eg_variable {
    const eg_variable *next;
    const char *name;
    eg_datum value;
};

/* What a block changes for the steps in it. */
typedef struct eg_context {
    eg_frame *frame;
    const eg_variable *variables;
    const char *scope; /* before each weight's name */
    const eg_head *head;
    const char *section;
    const char *public_prefix; /* "", or "HEAD." */
    int64_t rounds[EG_ROUND_DEPTH];
    uint32_t round_depth, depth;
    bool in_base;        /* embeddings, encoder, outputs: the base prefix goes before names */
    bool untaken;        /* inside a case that is not taken: its values get no names */
    uint32_t attentions; /* how many attentions this section has had */
    uint32_t emitted;    /* how many nodes this section has had: a part of their names */
} eg_context;

typedef struct eg_expand {
    const eg_recipe *recipe;
    eg_graph *graph;
    eg_arena *arena; /* of names and lists; lives as long as the expansion */
    eg_survey *survey;
    bool type_ids_fed;
    eg_tweak tweak;
    uint32_t steps;  /* taken so far */
    uint32_t effort; /* of expressions so far */
    eg_context at;
    const eg_variable *top_variables; /* the family's own `let:` */
    eg_map values;                    /* public name → value */
    EG_VEC(const char *) value_names; /* in order, for lists and suggestions */
    EG_VEC(eg_value_id) hidden;       /* hidden_states.0, .1, … */
    EG_VEC(eg_value_id) attentions;   /* attentions.0, .1, … */
    eg_map constants;                 /* tensor (and its changes) → value */
    eg_map skips;                     /* positions value → skip + 1 */
    EG_VEC(const char *) demanded;    /* outputs and heads being expanded: a cycle is an error */
    eg_map expanded;                  /* outputs and heads that are done */
} eg_expand;

EG_NODISCARD eg_status eg_expand_init(eg_expand *x, const eg_recipe *recipe, eg_graph *graph, eg_arena *arena,
                                      eg_error *err);
void eg_expand_finish(eg_expand *x);

/* --- sections (sections.c) ----------------------------------------------------------------------- */

/* Embeddings and encoder; gives their values their names. */
EG_NODISCARD eg_status eg_expand_base(eg_expand *x, eg_error *err);
/* One entry of `outputs`, one head: its values get their names. Once; a second call does nothing. */
EG_NODISCARD eg_status eg_expand_output(eg_expand *x, const char *name, eg_error *err);
EG_NODISCARD eg_status eg_expand_head(eg_expand *x, const eg_head *head, eg_error *err);
/* Steps that stand in no family (an instance's pooling), from last_hidden_state. */
EG_NODISCARD eg_status eg_expand_extra(eg_expand *x, const eg_yaml *steps, const char *section, eg_chain *chain,
                                       eg_error *err);
const eg_head *eg_recipe_head(const eg_recipe *recipe, const char *name); /* or NULL */
/* A value by its public name, expanding the output or head that makes it. *found = false if there is no such name. */
EG_NODISCARD eg_status eg_expand_find(eg_expand *x, const char *name, eg_value_id *out, bool *found, eg_error *err);

/* --- steps (expand.c) ---------------------------------------------------------------------------- */

EG_NODISCARD eg_status eg_expand_steps(eg_expand *x, const eg_yaml *steps, eg_chain *chain, eg_error *err);
/* The same in a block of its own: names stay inside, `in` is what enters. */
EG_NODISCARD eg_status eg_expand_block(eg_expand *x, const eg_yaml *steps, eg_chain *chain, eg_error *err);

/* `let:` and `scope:` of a step. */
EG_NODISCARD eg_status eg_expand_let(eg_expand *x, const eg_yaml *let, eg_error *err);
EG_NODISCARD eg_status eg_expand_scope(eg_expand *x, const eg_yaml *scope, eg_error *err);

/* --- values (names.c) ---------------------------------------------------------------------------- */

/* Names a value in the block and, with its rounds, publicly. value 0: absent, until another step gives the name. */
EG_NODISCARD eg_status eg_expand_name(eg_expand *x, const eg_yaml *at, const char *name, eg_value_id value,
                                      eg_error *err);
/* absent.c: the names that a step which is left out, or the steps of a case which is not taken, would have given. */
EG_NODISCARD eg_status eg_expand_left_out(eg_expand *x, const eg_yaml *node, eg_error *err);
/* Publicly only: NAME as it stands. The first to take a name keeps it. */
EG_NODISCARD eg_status eg_expand_publish(eg_expand *x, const char *name, eg_value_id value, eg_error *err);
/* The value of a name, an input, or nested steps, given the present chain. *out = 0: absent. */
EG_NODISCARD eg_status eg_expand_value(eg_expand *x, const eg_yaml *node, const eg_chain *chain, eg_value_id *out,
                                       eg_error *err);
/* A list of them, or one; absent ones vanish. */
EG_NODISCARD eg_status eg_expand_values(eg_expand *x, const eg_yaml *node, const eg_chain *chain, eg_chain *out,
                                        eg_error *err);
/* A name that must be there. */
EG_NODISCARD eg_status eg_expand_lookup(eg_expand *x, const eg_yaml *at, const char *name, eg_value_id *out,
                                        eg_error *err);
EG_NODISCARD eg_status eg_expand_variable(eg_expand *x, const char *name, const eg_datum *value, eg_error *err);
eg_expr_env eg_expand_env(eg_expand *x);
/* The positions of the tokens; skip -1: none. */
EG_NODISCARD eg_status eg_expand_positions(eg_expand *x, int64_t skip, eg_value_id *out, eg_error *err);
EG_NODISCARD eg_status eg_expand_input(eg_expand *x, const char *name, eg_value_id *out, eg_error *err);

/* --- calls: a step and its arguments (call.c) ---------------------------------------------------- */

typedef struct eg_call eg_call;

typedef enum {
    EG_ARG_NUMBER, /* an expression */
    EG_ARG_TEXT,   /* a word, `{…}` filled in */
    EG_ARG_WEIGHT, /* a tensor's name, a list of them, =NAME */
    EG_ARG_VALUES, /* a value's name, steps, or a list of these */
    EG_ARG_STEPS,  /* a list of steps */
    EG_ARG_OWN     /* the step reads it itself */
} eg_arg_kind;

typedef struct eg_arg_spec {
    const char *name;
    eg_arg_kind kind;
} eg_arg_spec;

typedef struct eg_word {
    const char *name;
    const char *subject;     /* which argument `WORD: X` gives; NULL: none */
    const eg_arg_spec *args; /* ended by a NULL name */
    bool free_args;          /* other keys are arguments too (`use`) */
    eg_status (*run)(eg_expand *x, const eg_call *call, eg_chain *chain, eg_error *err);
    eg_status (*check)(const eg_call *call, eg_error *err); /* beyond the table; may be NULL */
} eg_word;

struct eg_call {
    const eg_word *word;  /* NULL for a step without one: `{as: NAME}`, `{from: NAME}` */
    const eg_op *op;      /* of a primitive op's step */
    const eg_yaml *step;  /* the map, or the bare word */
    const eg_yaml *head;  /* WORD's entry in the map; NULL for a bare word */
    const eg_yaml *inner; /* the map under WORD, where its arguments stand there */
    const eg_yaml *defaults;
};

/* Finds the word of a step. The step may be a bare string. */
EG_NODISCARD eg_status eg_call_read(const eg_yaml *step, eg_call *out, eg_error *err);
/* The argument, from the step or else from `defaults:`; NULL if not given. Choices are not resolved yet. */
const eg_yaml *eg_call_arg(const eg_call *call, const char *name);
/* The same with choices resolved; NULL also for null. */
EG_NODISCARD eg_status eg_call_get(eg_expand *x, const eg_call *call, const char *name, const eg_yaml **out,
                                   eg_error *err);
/* The same, where the word cannot do without it: none is an error. */
EG_NODISCARD eg_status eg_call_require(eg_expand *x, const eg_call *call, const char *name, const eg_yaml **out,
                                       eg_error *err);
/* A size that the word cannot do without: an integer from 1. */
EG_NODISCARD eg_status eg_call_size(eg_expand *x, const eg_call *call, const char *name, int64_t *out, eg_error *err);
/* Numbers; `absent` where not given or none. */
EG_NODISCARD eg_status eg_call_int(eg_expand *x, const eg_call *call, const char *name, int64_t min, int64_t absent,
                                   int64_t *out, eg_error *err);
EG_NODISCARD eg_status eg_call_float(eg_expand *x, const eg_call *call, const char *name, double absent, double *out,
                                     eg_error *err);
EG_NODISCARD eg_status eg_call_bool(eg_expand *x, const eg_call *call, const char *name, bool absent, bool *out,
                                    eg_error *err);
EG_NODISCARD eg_status eg_call_text(eg_expand *x, const eg_call *call, const char *name, const char *absent,
                                    const char **out, eg_error *err);
/* One of the words; its index. */
EG_NODISCARD eg_status eg_call_choice(eg_expand *x, const eg_call *call, const char *name, const char *const *words,
                                      uint32_t count, uint32_t absent, uint32_t *out, eg_error *err);
/* "linear needs 'out'". */
EG_NODISCARD eg_status eg_call_need(const eg_call *call, const char *name, eg_error *err);
/* An error at the argument, or at the step where it is not given. */
EG_NODISCARD eg_status eg_call_fail(const eg_call *call, const char *name, eg_error *err, const char *fmt, ...)
    EG_PRINTF(4, 5);

/* Whether families may write the op: those of several results and the fused ones are for passes. */
bool eg_op_is_step(const eg_op *op);
const eg_word *eg_word_find(const char *name);       /* steps/words.c */
const char *const *eg_word_names(size_t *out_count); /* for suggestions */
const char *eg_word_later(const char *name);         /* what a reserved word waits for, or NULL */

/* --- weights (weights.c) ------------------------------------------------------------------------- */

/*
 * The tensor(s) that node names: a name, a list of names, or =NAME. suffix: ".weight", ".bias", or "" where the node
 * says the full name. The file's tensor must have these dims.
 */
EG_NODISCARD eg_status eg_expand_weight(eg_expand *x, const eg_yaml *node, const char *suffix, const int64_t *dims,
                                        uint32_t rank, eg_value_id *out, eg_error *err);
/* The same, with the file's axes `first` and `first` + 1 read as one. */
EG_NODISCARD eg_status eg_expand_joined_weight(eg_expand *x, const eg_yaml *node, const char *suffix,
                                               const int64_t *dims, uint32_t rank, uint32_t first, eg_value_id *out,
                                               eg_error *err);
/* weights.c: the tensor of that name, or of an older one that `rename:` gives. */
const eg_tensor *eg_find_tensor(const eg_recipe *recipe, const eg_weights *weights, const char *prefix,
                                const char *name);
/* weights.c: whether the checkpoint has a tensor for the request, under this prefix; it or NULL. */
const eg_tensor *eg_request_find(const eg_recipe *recipe, const eg_request *request, const char *prefix);

/* --- adding nodes (emit.c) ----------------------------------------------------------------------- */

/* An op of one output. The error gets the place of `at`. */
EG_NODISCARD eg_status eg_emit(eg_expand *x, const eg_yaml *at, const char *op, const eg_value_id *inputs,
                               uint32_t input_count, const eg_attr *attrs, uint32_t attr_count, eg_value_id *out,
                               eg_error *err);
/* The one value of a chain. */
EG_NODISCARD eg_status eg_chain_one(const eg_chain *chain, const eg_yaml *at, const char *what, eg_value_id *out,
                                    eg_error *err);
void eg_chain_set(eg_chain *chain, eg_value_id value);
EG_NODISCARD eg_status eg_chain_push(eg_chain *chain, eg_value_id value, const eg_yaml *at, eg_error *err);
/* Its width: the in size of a linear. */
EG_NODISCARD eg_status eg_emit_width(eg_expand *x, const eg_yaml *at, eg_value_id value, int64_t *out, eg_error *err);
/* [begin, end) of an axis. */
EG_NODISCARD eg_status eg_emit_slice(eg_expand *x, const eg_yaml *at, eg_value_id value, int64_t axis, int64_t begin,
                                     int64_t end, eg_value_id *out, eg_error *err);
/* Gives an error without a place the node's. Returns status. */
eg_status eg_place_error(eg_status status, const eg_yaml *at, eg_error *err);

static inline eg_attr
eg_attr_int(const char *name, int64_t value)
{
    return (eg_attr){.name = name, .type = EG_ATTR_INT, .integer = value};
}

static inline eg_attr
eg_attr_float(const char *name, double value)
{
    return (eg_attr){.name = name, .type = EG_ATTR_FLOAT, .real = value};
}

static inline eg_attr
eg_attr_string(const char *name, const char *value)
{
    return (eg_attr){.name = name, .type = EG_ATTR_STRING, .string = value};
}

/* --- shared by steps ----------------------------------------------------------------------------- */

/* x · Wᵀ + b as `linear` means it; `out` columns. prefix names the arguments of the call ("": name, weight, bias). */
typedef struct eg_linear {
    const eg_yaml *name;   /* W, for W.weight and W.bias; or NULL */
    const eg_yaml *weight; /* full name; or NULL */
    const eg_yaml *bias;   /* true, false, an expression, a full name; NULL: true */
    int64_t out;
    bool in_out;    /* stored [in, out] */
    bool by_group;  /* stored [groups, in / groups, out / groups] */
    int64_t groups; /* of columns, each with its own rows of the weight [out, in / groups]; 1: no groups */
    int64_t kernel; /* rows around each one that are read, by a weight [out, in / groups, kernel]; 1: itself */
} eg_linear;
EG_NODISCARD eg_status eg_emit_linear(eg_expand *x, const eg_yaml *at, const eg_linear *linear, eg_value_id in,
                                      eg_value_id *out, eg_error *err);
/* Its two tables alone: weight [out, in] and bias [out] (0: none). */
EG_NODISCARD eg_status eg_emit_linear_tables(eg_expand *x, const eg_yaml *at, const eg_linear *linear, int64_t in_size,
                                             eg_value_id *weight, eg_value_id *bias, eg_error *err);
/* Reads name, weight, bias, layout and groups of a call. */
EG_NODISCARD eg_status eg_linear_read(eg_expand *x, const eg_call *call, eg_linear *out, eg_error *err);
/* One part of a table's rows where the parts take turns head by head: h0 of part 0, h0 of part 1, …, h1 of part 0, … */
EG_NODISCARD eg_status eg_emit_part_per_head(eg_expand *x, const eg_yaml *at, eg_value_id table, int64_t heads,
                                             int64_t parts, int64_t part, eg_value_id *out, eg_error *err);
/* The norm that `node` names, kind and eps from `defaults: {norm: …}`. */
EG_NODISCARD eg_status eg_emit_norm(eg_expand *x, const eg_yaml *node, eg_value_id in, eg_value_id *out, eg_error *err);
/* An activation by the name config.json uses. */
EG_NODISCARD eg_status eg_emit_activation(eg_expand *x, const eg_yaml *at, const char *name, eg_value_id in,
                                          eg_value_id *out, eg_error *err);
/* The family's `defaults: {WORD: …}`, or NULL. */
const eg_yaml *eg_expand_defaults(const eg_expand *x, const char *word);

#endif
