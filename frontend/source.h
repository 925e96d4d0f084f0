/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model as its files describe it: checkpoint folder or instance YAML, its family, config, weights,
 * sentence-transformers pipeline, and the graph that these give. The engine's only door into the family language.
 *
 * Thread-safety: a source is immutable once opened; eg_source_build may run on several threads.
 */
#ifndef EG_FRONTEND_SOURCE_H
#define EG_FRONTEND_SOURCE_H

#include "frontend/tokenizer.h"
#include "frontend/tweak.h"
#include "frontend/weights.h"
#include "graph/graph.h"

typedef struct eg_source eg_source;

typedef struct eg_source_options {
    const char *family_dir;           /* folder of the family files */
    const char *family;               /* a family's name, or a file; NULL: config.json decides */
    const char *head;                 /* NULL: the checkpoint's default */
    const char *const *ignore_config; /* config keys that may be there unread */
    uint32_t ignore_config_count;
    bool without_weights; /* config.json is enough; constants get no data and `inspect` says so */
    void (*notice)(void *user, const char *line); /* what was assumed, for people; may be NULL */
    void *notice_user;
} eg_source_options;

EG_NODISCARD eg_status eg_source_open(const char *path, const eg_source_options *options, eg_source **out,
                                      eg_error *err);
void eg_source_close(eg_source *source); /* NULL is fine */

/* The sentence-transformers side and limits, as the files say. Strings live with the source. */
typedef struct eg_source_info {
    const char *family, *family_file; /* "bert", its path */
    const char *checkpoint;           /* the folder */
    const char *head;                 /* default head's name or NULL */
    const char *similarity;           /* "cosine", "dot", "euclidean", "manhattan" */
    const char *default_prompt;       /* text to put before each input of embed, or NULL */
    bool include_prompt;              /* false: pooling leaves the prompt's rows out */
    bool has_pooling;                 /* the files say how to pool; else embed takes the mean, not normalised */
    int64_t vocab_size;               /* token ids are below */
    int64_t type_vocab_size;          /* type ids are below; 0: not read */
    int64_t position_rows;            /* most tokens of one text; INT64_MAX: no table */
    int64_t max_seq_length;           /* sentence_bert_config.json, instance; 0: not said */
    bool do_lower_case;               /* sentence_bert_config.json */
    bool has_weights;
    const char *precision, *fuse; /* an instance's, or NULL */
    const char *activation; /* config.json's for cross encoders ("Sigmoid", "Identity", …), last part; NULL: none */
} eg_source_info;
void eg_source_describe(const eg_source *source, eg_source_info *out);
/* The prompt of that name, or NULL. */
const char *eg_source_prompt(const eg_source *source, const char *name);
/* Names of all prompts, for messages. */
const char *const *eg_source_prompt_names(const eg_source *source, size_t *out_count);

/* A head as tasks see it: the family's with what the config or an instance says of it. Strings live with the source. */
typedef struct eg_head_info {
    const char *name, *task;   /* "sequence_classification", "classify" */
    const char *const *labels; /* [label_count]: the instance's, id2label's, or LABEL_0, …; by index */
    uint32_t label_count;      /* classify, ner; else 0 */
    const char
        *problem_type;   /* "regression", "single_label_classification", "multi_label_classification"; NULL: not said */
    bool available;      /* its weights are there */
    const char *why_not; /* where they are not */
    const char *output;  /* what tasks read of it where there is one thing to read: "logits", else the first it lists */
} eg_head_info;
uint32_t eg_source_head_count(const eg_source *source);
void eg_source_head(const eg_source *source, uint32_t i, eg_head_info *out);

/* What is wanted of the graph. */
typedef struct eg_build_options {
    const char *const *outputs; /* names; "embedding" is the pooled vector */
    uint32_t output_count;
    const char *pooling;   /* "mean,max" instead of the model's, or NULL */
    int32_t normalize;     /* -1: as the model says */
    uint32_t truncate_dim; /* 0: all */
    bool type_ids_fed;     /* fed(type_ids) in the family language; unfed ones read as 0 or are left out */
    const eg_tweak *tweak; /* NULL: none */
} eg_build_options;

/* An output asked for: one value, or a stack of values of one type ("hidden_states", "attentions"). */
typedef struct eg_output {
    const char *name;
    bool stacked;
    uint32_t value_count;
    const eg_value_id *values;
} eg_output;

/*
 * The primitive graph with exactly the outputs asked for marked (and what they need; dead values are left to dce).
 * Inputs are named token_ids and type_ids (token i32 [T]); one that is not read may be absent. All in the graph's
 * arena. An unknown name is EG_E_USAGE with the nearest one; an output the checkpoint has no weights for is EG_E_INPUT, one of a head that it
 * lacks EG_E_USAGE naming those that it has.
 */
typedef struct eg_model_graph {
    eg_graph graph;
    eg_output *outputs; /* output_count of the options, same order */
    uint32_t output_count;
} eg_model_graph;

EG_NODISCARD eg_status eg_source_build(const eg_source *source, const eg_build_options *options, eg_model_graph *out,
                                       eg_error *err);
void eg_model_graph_finish(eg_model_graph *graph);

/* Whether it is an output that people ask for (embedding, hidden_states, one of a head), not a value on the way to one. */
bool eg_source_is_output(const eg_source *source, const char *name);

/* The tokenizer of the checkpoint's folder (its instance may override). */
EG_NODISCARD eg_status eg_source_tokenizer(const eg_source *source, eg_tokenizer **out, eg_error *err);
/* Only the tokenizer of a MODEL: no config.json or weights needed. */
EG_NODISCARD eg_status eg_tokenizer_of_model(const char *path, eg_tokenizer **out, eg_error *err);

/* JSON members of `inspect` but "tokenizer": "family": …, "checkpoint", "dtype", "config", "parameters", "pooling",
 * "outputs", "values", "heads", "missing_heads", "warnings" (comma-separated, no braces). */
EG_NODISCARD eg_status eg_source_inspect(const eg_source *source, eg_strbuf *out, eg_error *err);

/* JSON array of `families`. */
EG_NODISCARD eg_status eg_families_describe(const char *family_dir, eg_strbuf *out, eg_error *err);

#endif
