/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands after the encoder in a sentence-transformers folder (modules.json and the files it names), and its
 * becoming ops of the graph.
 */
#ifndef EG_FRONTEND_SOURCE_PIPELINE_H
#define EG_FRONTEND_SOURCE_PIPELINE_H

#include "frontend/family/expand.h"

/* How token rows become one row per text. */
typedef enum {
    EG_POOL_CLS,
    EG_POOL_MAX,
    EG_POOL_MEAN,
    EG_POOL_MEAN_SQRT_LEN,
    EG_POOL_WEIGHTED_MEAN,
    EG_POOL_LAST,
    EG_POOL_SUM,
    EG_POOL_POOLER,
    EG_POOL_COUNT
} eg_pool;

const char *eg_pool_name(eg_pool pool);

enum { EG_POOL_LAYERS_MAX = 32 };

typedef struct eg_pooling {
    eg_pool modes[EG_POOL_COUNT]; /* in the order in which their results are joined */
    uint32_t count;
    int64_t layers[EG_POOL_LAYERS_MAX]; /* hidden states, negative ones from the end; none: the last one */
    uint32_t layer_count;
    bool mean_of_layers; /* else what the layers give is joined */
    eg_attr span[2];     /* begin, end of the rows that count */
    uint32_t span_count;
    const eg_yaml *at;    /* an instance's, for messages; or NULL */
    const eg_yaml *steps; /* an instance's own steps instead of modes; or NULL */
} eg_pooling;

typedef enum {
    EG_STAGE_LAYERS, /* the weighted mean of hidden states, in place of the last one */
    EG_STAGE_POOLING,
    EG_STAGE_SPLADE, /* of the logits of a masked LM */
    EG_STAGE_DENSE,
    EG_STAGE_LAYER_NORM,
    EG_STAGE_NORMALIZE
} eg_stage_kind;

/* A number of a module's config.json, with its place. */
typedef struct eg_stage_size {
    int64_t value; /* 0: not said */
    const char *key;
    uint32_t line, column;
} eg_stage_size;

typedef struct eg_pipeline_stage {
    eg_stage_kind kind;
    eg_pooling pooling;
    eg_stage_size in;   /* the width of what enters; splade: of what comes out */
    eg_stage_size more; /* dense: the width of what comes out; layers: how many the model has */
    int64_t layer_start;
    bool bias, residual;
    bool sum, twice;        /* splade: sum, not max; log1p twice */
    const char *activation; /* as steps; NULL: none */
    eg_weights weights;
    const char *folder, *file; /* file: its config.json */
} eg_pipeline_stage;

typedef struct eg_prompt {
    const char *name, *text;
} eg_prompt;

typedef struct eg_pipeline {
    bool found;                    /* modules.json is there */
    bool masked_lm;                /* the transformer comes with its masked LM head, and gives logits */
    EG_VEC(const char *) warnings; /* what files say and nobody reads */
    const char *transformer;       /* the folder of config.json and the weights */
    EG_VEC(eg_pipeline_stage) stages;
    bool include_prompt;
    EG_VEC(eg_prompt) prompts;
    EG_VEC(const char *) prompt_names; /* the same names, for lists */
    const char *default_prompt;        /* name, or NULL */
    const char *similarity;
    const char *activation; /* of a cross encoder's scores, as the file writes it; or NULL */
    int64_t max_seq_length; /* 0: not said */
    uint32_t truncate_dim;  /* 0: not said */
    bool do_lower_case;
} eg_pipeline;

/* Reads what DIR has of it. Strings and trees lie in the arena. */
EG_NODISCARD eg_status eg_pipeline_read(const char *dir, eg_arena *arena, eg_pipeline *out, eg_error *err);
void eg_pipeline_finish(eg_pipeline *pipeline);

/* The folder of the transformer alone: DIR, or the one that modules.json gives it. */
EG_NODISCARD eg_status eg_pipeline_folder(const char *dir, eg_arena *arena, const char **out, eg_error *err);

/* "mean,max", of a flag: EG_E_USAGE for any other word. */
EG_NODISCARD eg_status eg_pooling_parse(const char *text, eg_pooling *out, eg_error *err);
EG_NODISCARD eg_status eg_pool_find(const char *name, eg_pool *out, eg_error *err);

typedef struct eg_embedding_options {
    const eg_pooling *pooling; /* instead of the pipeline's; NULL: as it says */
    int32_t normalize;         /* -1: as it says */
    uint32_t truncate_dim;     /* 0: all */
} eg_embedding_options;

/* pooling.c: one row per text. rows: token rows, NULL: last_hidden_state. */
EG_NODISCARD eg_status eg_emit_pooling(eg_expand *x, const eg_pooling *pooling, bool include_prompt,
                                       const eg_value_id *rows, eg_value_id *out, eg_error *err);

/* stages.c: a sentence-transformers SPLADE pipeline as a head, for `sparse`; *out NULL: it is none. In the arena. */
EG_NODISCARD eg_status eg_pipeline_sparse_head(const eg_pipeline *pipeline, const eg_yaml *family_heads,
                                               eg_arena *arena, const eg_yaml **out, eg_error *err);

/* stages.c: the value of "embedding". */
EG_NODISCARD eg_status eg_emit_embedding(eg_expand *x, const eg_pipeline *pipeline, const eg_embedding_options *options,
                                         eg_value_id *out, eg_error *err);

#endif
