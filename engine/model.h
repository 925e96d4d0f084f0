/* SPDX-License-Identifier: Apache-2.0 */
/* What a model is inside. Thread-safety: immutable once opened, but for the caches, which have locks of their own. */
#ifndef EG_ENGINE_MODEL_H
#define EG_ENGINE_MODEL_H

#include <stdatomic.h>

#include "engine/bank.h"
#include "engine/engine.h"
#include "engine/plan_cache.h"
#include "engine/precompute.h"
#include "engine/weight_cache.h"
#include "frontend/source.h"

/* What eg_embed() does to a text before it is tokenised, as sentence-transformers would. */
typedef struct eg_preparation {
    const char *prompt; /* put before it; NULL: nothing */
    size_t prompt_length;
    uint32_t skip; /* leading tokens that pooling leaves out */
    bool lower;    /* lower case, where the tokenizer does not see to it */
} eg_preparation;

/*
 * The encoders that no call has at present, as many as there are worker threads at most. They keep the buffers that their
 * texts needed: of a text of 1 MB these take up to 101 MiB. One that would go beyond the limit is not kept.
 */
typedef struct eg_encoder_pool {
    pthread_mutex_t lock;
    struct eg_encoder *free; /* a list, the one that was given back last first */
    uint32_t count, most;
    size_t bytes;
    eg_bank *bank; /* of their results */
} eg_encoder_pool;

enum { EG_ENCODERS_BYTES = 128 << 20 }; /* of all in a pool */

eg_encoder_pool *eg_encoder_pool_new(uint32_t most); /* NULL: no memory */
void eg_encoder_pool_close(eg_encoder_pool *pool);   /* all are given back; NULL is fine */

struct eg_model {
    eg_engine *engine;
    eg_arena arena;
    eg_load load;
    bool padded;
    uint32_t batch_tokens;
    uint32_t max_length; /* as the caller said; 0: not said */
    uint32_t limit;      /* tokens of one text, specials included; UINT32_MAX: none */
    uint32_t truncate_dim;
    uint32_t embedding_size;
    eg_tristate normalize, type_ids;
    const char *pooling, *fuse;
    const char *head; /* as the caller said; NULL: the checkpoint's default */

    eg_source *source; /* NULL for EG_LOAD_TOKENIZER */
    eg_source_info info;
    eg_tokenizer *tokenizer; /* NULL: tokenizer_error says why */
    eg_tokenizer_info tokenizer_info;
    eg_encoder_pool *encoders;
    eg_error tokenizer_error;
    eg_preparation preparation;

    eg_computed_cache computed; /* constants made of the weights */
    eg_weight_cache weights;
    eg_plan_cache plans;
    atomic_bool placement_said, embedding_said; /* lines on the log */
};

/* EG_OK, or what was wrong with the tokenizer's files. */
EG_NODISCARD eg_status eg_model_need_tokenizer(const eg_model *model, eg_error *err);
/* How the graph is built for these outputs. */
void eg_model_build_options(const eg_model *model, const char *const *outputs, uint32_t output_count, bool type_ids_fed,
                            eg_build_options *out);

/* Once: how texts become vectors where the checkpoint does not say. */
void eg_model_say_embedding(eg_model *model);

#endif
