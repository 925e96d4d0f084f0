/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text to token ids, equal to Hugging Face's `tokenizers`. Built from tokenizer.json as it stands; where there is none,
 * from vocab.txt, vocab.txt + bpe.codes, vocab.json + merges.txt or a SentencePiece model, as the class says
 * (docs/tokenizers.md). Components (normalizer, pre-tokenizer, model, post-processor, decoder) are one file each in
 * frontend/tokenizer/, composed as the file says; one that is not there is an error by name.
 *
 * Time is linear in the length of the text. Thread-safety: a tokenizer is immutable; an eg_encoding belongs to its
 * caller and is reused from text to text without allocating once it has grown.
 */
#ifndef EG_FRONTEND_TOKENIZER_H
#define EG_FRONTEND_TOKENIZER_H

#include <stdbool.h>

#include "base/error.h"
#include "base/mem.h"

typedef struct eg_tokenizer eg_tokenizer;

typedef enum { EG_TRUNCATE_LONGEST_FIRST, EG_TRUNCATE_ONLY_FIRST, EG_TRUNCATE_ONLY_SECOND } eg_truncation;

typedef struct eg_encode_options {
    uint32_t max_length; /* with special tokens; 0 = no truncation. Below the number of special tokens: EG_E_USAGE */
    eg_truncation truncation;
    bool no_special; /* leave out the special tokens put around the text */
    bool ids_only;   /* offsets are not wanted: starts and ends are of no meaning */
    bool words;      /* the words of the tokens are wanted; costs time */
} eg_encode_options;

#define EG_NO_WORD UINT32_MAX

typedef struct eg_encoding { /* {0} is empty; eg_encoding_finish frees */
    size_t count, capacity;
    int32_t *ids;
    int32_t *type_ids;
    uint32_t *starts, *ends; /* characters (code points) of the original text, [start, end); 0,0 for put-in tokens */
    uint8_t *special;        /* 1: put in by the post-processor */
    uint32_t *words;         /* asked for: which word of its text, as the pre-tokenizer cuts it; EG_NO_WORD for put-in
                                tokens. Else of no meaning */
    size_t pair_begin, pair_count; /* the tokens of the pair; 0 without one */
    void *work;                    /* the encoder's buffers */
} eg_encoding;

enum { EG_TOKENIZER_FILES = 12 };

/* What a folder says about its tokenizer, for `inspect`. Strings live with the tokenizer. */
typedef struct eg_tokenizer_info {
    const char *source;                      /* "tokenizer.json", "vocab.txt" or "vocab.json" */
    const char *model;                       /* "WordPiece", "BPE", … */
    const char *class_name;                  /* as the JSON files name it, or by the model type; NULL: unknown */
    uint32_t vocab_size;                     /* added tokens included */
    uint32_t specials_single, specials_pair; /* tokens put around one text, around a pair */
    bool feeds_type_ids;                     /* model_input_names, else the class, has token_type_ids */
    bool marks_pieces;                       /* a prefix ("##") marks tokens that continue a word */
    uint64_t model_max_length;               /* tokenizer_config.json; 0 = none */
    bool pad_left, truncate_left;
    const char *files[EG_TOKENIZER_FILES]; /* of the folder that were read */
    uint32_t file_count;
    bool no_offsets;                                 /* the reference has none for this class */
    int64_t pad_id, unk_id, mask_id, cls_id, sep_id; /* -1 = none */
} eg_tokenizer_info;

/* Opens the tokenizer of a checkpoint folder. EG_E_INPUT with the file and place, or naming the files that were sought.
 */
EG_NODISCARD eg_status eg_tokenizer_open(const char *dir, eg_tokenizer **out, eg_error *err);
/* The same from the n bytes of a tokenizer.json alone, which must last until it returns; `file` is for messages. */
EG_NODISCARD eg_status eg_tokenizer_open_json(const char *text, size_t n, const char *file, eg_tokenizer **out,
                                              eg_error *err);
void eg_tokenizer_close(eg_tokenizer *tokenizer); /* NULL is fine */

void eg_tokenizer_describe(const eg_tokenizer *tokenizer, eg_tokenizer_info *out);
/*
 * Members of a JSON object: files, components in the order of work (normalizer, pre_tokenizer, template, decoder), number
 * of added tokens, and whether pre-tokenizer and model are done at once on bytes ("path": "fused") or one after another
 * ("generic"), with the reason in path_why. Appends to `out`.
 */
void eg_tokenizer_write(const eg_tokenizer *tokenizer, eg_strbuf *out);

/*
 * Encodes one text (pair NULL) or a pair. Bytes must be valid UTF-8 (EG_E_INPUT with the offset); U+0000 is legal. The
 * result replaces what `out` held.
 */
EG_NODISCARD eg_status eg_tokenizer_encode(const eg_tokenizer *tokenizer, const char *text, size_t length,
                                           const char *pair, size_t pair_length, const eg_encode_options *options,
                                           eg_encoding *out, eg_error *err);
void eg_encoding_finish(eg_encoding *encoding);
/* Bytes of its buffers: a bound of what they take, for pages that were never written take nothing. */
size_t eg_encoding_bytes(const eg_encoding *encoding);

/*
 * A pair whose second text is read in windows: each has all of the first text, and of the second as much as there is
 * room for. They are what Hugging Face's truncation of the second text with a stride leaves and what it overflows.
 */
typedef struct eg_windows {
    uint32_t max_length; /* tokens of a window, special ones included */
    uint32_t stride;     /* tokens of the second text that neighbours share; where a window would not move on, half of
                            what it has room for */
    uint32_t count;      /* set by eg_windows_begin(): 1 at least */
    size_t room, step;   /* likewise */
} eg_windows;

/* Tokenises both texts into `encoding`, whose arrays then wait for a window. EG_E_INPUT if the first leaves no room. */
EG_NODISCARD eg_status eg_windows_begin(const eg_tokenizer *tokenizer, const char *text, size_t length,
                                        const char *pair, size_t pair_length, eg_windows *windows,
                                        eg_encoding *encoding, eg_error *err);
/* Window i < count, with its words: the arrays are what eg_tokenizer_encode() would fill. */
EG_NODISCARD eg_status eg_windows_take(const eg_tokenizer *tokenizer, const eg_windows *windows, uint32_t i,
                                       eg_encoding *encoding, eg_error *err);

/* The vocabulary entry of an id, NUL-terminated, or NULL; out_length may be NULL. */
const char *eg_tokenizer_token(const eg_tokenizer *tokenizer, int64_t id, size_t *out_length);
/* The id of a vocabulary entry or added token, or -1. */
int64_t eg_tokenizer_id(const eg_tokenizer *tokenizer, const char *token, size_t length);

/* Ids to text as Hugging Face's decode does; skip_special leaves special tokens out. Appends to `out`. */
EG_NODISCARD eg_status eg_tokenizer_decode(const eg_tokenizer *tokenizer, const int64_t *ids, size_t count,
                                           bool skip_special, eg_strbuf *out, eg_error *err);

/* A token's text, of the vocabulary or not. */
typedef struct eg_token_text {
    const char *data;
    size_t length;
} eg_token_text;

/* Such tokens to text as the decoder puts them together: eg_tokenizer_decode() without its clean-up. Appends to `out`. */
EG_NODISCARD eg_status eg_tokenizer_join(const eg_tokenizer *tokenizer, const eg_token_text *tokens, size_t count,
                                         eg_strbuf *out, eg_error *err);

#endif
