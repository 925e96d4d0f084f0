/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pre-tokenizer and model at once, on the bytes of a normalised stretch: a reader finds where each word ends, the cache
 * knows most words, the model (encode_bytes) does the others. The tokens are those of the general path.
 */
#ifndef EG_FRONTEND_TOKENIZER_FUSED_H
#define EG_FRONTEND_TOKENIZER_FUSED_H

#include "frontend/tokenizer/parts.h"

/* A stretch of normalised text, in bytes. */
typedef struct eg_stretch {
    const char *text;
    size_t length;
    const eg_char *chars; /* where its characters come from; NULL: the original's, of which `first` is the first */
    uint32_t first;
} eg_stretch;

/* Sees which pre-tokenizer and model there are. */
void eg_fused_new(eg_tokenizer *tokenizer);
/* Appends the tokens; it may stop once there are `limit` of them. */
EG_NODISCARD eg_status eg_fused_encode(const eg_tokenizer *tokenizer, const eg_stretch *stretch, size_t limit,
                                       bool ids_only, eg_work *work, eg_tokens *out, eg_error *err);

#endif
