/* SPDX-License-Identifier: Apache-2.0 */
/* What a SentencePiece model file (a protobuf message) holds that a tokenizer needs. */
#ifndef EG_FRONTEND_TOKENIZER_SENTENCEPIECE_H
#define EG_FRONTEND_TOKENIZER_SENTENCEPIECE_H

#include "base/error.h"
#include "base/mem.h"

typedef enum {
    EG_SP_NORMAL = 1,
    EG_SP_UNKNOWN,
    EG_SP_CONTROL,
    EG_SP_USER_DEFINED,
    EG_SP_UNUSED,
    EG_SP_BYTE
} eg_sp_kind;

typedef struct eg_sp_piece {
    const char *text; /* in the file: not NUL-terminated */
    size_t length;
    float score; /* finite */
    eg_sp_kind kind;
} eg_sp_piece;

typedef enum { EG_SP_UNIGRAM = 1, EG_SP_BPE, EG_SP_WORD, EG_SP_CHAR } eg_sp_type;

typedef struct eg_sp_model {
    EG_VEC(eg_sp_piece) pieces; /* one at least, all different, none empty, valid UTF-8 */
    const unsigned char *charsmap;
    size_t charsmap_length; /* 0: none */
    eg_sp_type type;
    size_t unknown; /* trainer_spec's unk_id, an index of pieces */
} eg_sp_model;

/*
 * Reads all of it. The model points into `data`; eg_sp_model_finish() frees the rest, after a failure too.
 * EG_E_INPUT with the place in bytes.
 */
EG_NODISCARD eg_status eg_sp_model_read(const unsigned char *data, size_t length, const char *file, eg_sp_model *out,
                                        eg_error *err);
void eg_sp_model_finish(eg_sp_model *model);

#endif
