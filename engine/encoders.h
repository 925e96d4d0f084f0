/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The texts of one call, tokenised on all the worker threads: each has its own encoder. What comes of it is the same for
 * any number of threads. Encoders stay with the model from call to call, so that a text needs no new memory.
 *
 * Thread-safety: the pool is safe, an encoder belongs to the call that took it.
 */
#ifndef EG_ENGINE_ENCODERS_H
#define EG_ENGINE_ENCODERS_H

#include "engine/model.h"

/* One worker's. */
typedef struct eg_encoder {
    struct eg_encoder *next; /* in the pool */
    eg_encoding encoding;
    eg_strbuf text;        /* a text with its prompt */
    eg_arena arena;        /* what the tokens of its texts are kept in */
    eg_bank_block *blocks; /* the large ones */
    bool failed;
    uint32_t failed_text;
    eg_status status;
    eg_error error;
} eg_encoder;

typedef struct eg_encoders {
    eg_encoder_pool *pool;
    eg_encoder **items;
    uint32_t count;
} eg_encoders;

/* An encoder for a call that needs but one, as the call before left it, to be given back. NULL: no memory. */
eg_encoder *eg_encoder_take(eg_encoder_pool *pool);
void eg_encoder_give(eg_encoder_pool *pool, eg_encoder *encoder);

typedef eg_status (*eg_encode_fn)(void *arg, uint32_t text, eg_encoder *encoder, eg_error *err);

/*
 * Calls encode(arg, i, encoder) for each i below n. If some fail, the error is that of the first text that fails. `out` is to
 * be finished in any case, which gives the encoders back.
 */
EG_NODISCARD eg_status eg_encode_each(const eg_model *model, uint32_t n, eg_encode_fn encode, void *arg,
                                      eg_encoders *out, eg_error *err);
void eg_encoders_finish(eg_encoders *encoders);

#endif
