/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pipelines that know a word as soon as it ends: a stretch is read once, and each word is encoded when it is there.
 * Nothing as long as the stretch is kept, so that a character costs the same in texts of any length. A pre-tokenizer
 * does so by its member `encode`; no normalizer runs before it. Thread-safety: an eg_work is its caller's.
 */
#ifndef EG_FRONTEND_TOKENIZER_BY_WORD_H
#define EG_FRONTEND_TOKENIZER_BY_WORD_H

#include "frontend/tokenizer/fused.h"

/* Appends the tokens of the word that work->text holds, if it is not empty, and empties it. */
EG_NODISCARD eg_status eg_by_word_end(const eg_tokenizer *tokenizer, eg_work *work, eg_tokens *out, eg_error *err);

/* Reads a pipeline of BertNormalizer, for text in its own case, and BertPreTokenizer in this way. */
void eg_by_word_new(eg_tokenizer *tokenizer);

#endif
