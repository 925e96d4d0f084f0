/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokenizers that a class of transformers makes from other files than tokenizer.json, where more is needed than BERT's
 * vocab.txt or byte-level BPE. Not thread-safe while loading.
 */
#ifndef EG_FRONTEND_TOKENIZER_CLASSES_H
#define EG_FRONTEND_TOKENIZER_CLASSES_H

#include "frontend/tokenizer/parts.h"

/* How the files of a class are read, if it is one of these. */
typedef enum eg_class_files {
    EG_CLASS_OTHER,
    EG_CLASS_WORDS,       /* vocab.json and merges.txt: BPE of BERT's words */
    EG_CLASS_LOWER_WORDS, /* the same in lower case, with nothing around a text */
    EG_CLASS_MOSES,       /* vocab.json and merges.txt: BPE of the words of the Moses tokenizer, English or French */
    EG_CLASS_MOSES_FRENCH,
    EG_CLASS_CODES,   /* vocab.txt with counts and bpe.codes: BPE of what blanks divide */
    EG_CLASS_LETTERS, /* vocab.txt: letters, each a token wherever it stands */
} eg_class_files;

/* class_name NULL: none is named. */
eg_class_files eg_class_files_of(const char *class_name);

/* The number of lines, as eg_cut_line() cuts them. */
size_t eg_count_lines(const eg_merges_file *file);

/* The tokens that tokenizer_config.json asks for at the ends of a text; else nothing is put there. */
EG_NODISCARD eg_status eg_template_asked(eg_loading *in, const eg_tokenizer_files *files, const eg_class_token *bos,
                                         const eg_class_token *eos, eg_error *err);

/* Fills the vocabulary and makes a BPE model of it and of merges.txt. */
EG_NODISCARD eg_status eg_bpe_from_files(eg_loading *in, const eg_json *vocab, const eg_merges_file *merges,
                                         const eg_bpe_options *options, eg_error *err);

EG_NODISCARD eg_status eg_tokenizer_load_words(eg_tokenizer *tokenizer, const eg_json *vocab, const char *vocab_file,
                                               const eg_merges_file *merges, const eg_tokenizer_files *files,
                                               eg_error *err);
EG_NODISCARD eg_status eg_tokenizer_load_lower_words(eg_tokenizer *tokenizer, const eg_json *vocab,
                                                     const char *vocab_file, const eg_merges_file *merges,
                                                     const eg_tokenizer_files *files, eg_error *err);
EG_NODISCARD eg_status eg_tokenizer_load_moses(eg_tokenizer *tokenizer, const eg_json *vocab, const char *vocab_file,
                                               const eg_merges_file *merges, const eg_tokenizer_files *files,
                                               bool french, eg_error *err);
EG_NODISCARD eg_status eg_tokenizer_load_letters(eg_tokenizer *tokenizer, const eg_merges_file *vocab,
                                                 const eg_tokenizer_files *files, eg_error *err);
EG_NODISCARD eg_status eg_tokenizer_load_codes(eg_tokenizer *tokenizer, const eg_merges_file *vocab,
                                               const eg_merges_file *codes, const eg_tokenizer_files *files,
                                               eg_error *err);

/* ---- BPE whose merges may give what the vocabulary lacks (model_ranks.c) ---- */

/*
 * How a symbol is written in the vocabulary. Symbols that end a word have "</w>" at their end; `marked`: in the
 * vocabulary they have not, and all others "@@" instead.
 */
typedef struct eg_ranks_options {
    bool marked;
    size_t most_fields, least_fields; /* of a line; the first two are the merge */
    int32_t unknown;
} eg_ranks_options;

/*
 * Makes the tokenizer's model of the vocabulary, which is indexed, and the merges. As in Python, what follows the last
 * end of a line is not read.
 */
EG_NODISCARD eg_status eg_ranks_new(eg_loading *in, const eg_ranks_options *options, const eg_merges_file *merges,
                                    eg_error *err);

extern const eg_model_type eg_model_ranks;

/* eg_added_tokens_index() for a Python class: it looks for every added token in the text as it is. */
EG_NODISCARD eg_status eg_class_tokens_index(eg_tokenizer *tokenizer, eg_error *err);

/* The id of one of the class's special tokens. */
int32_t eg_class_token_id(const eg_tokenizer *tokenizer, const eg_class_tokens *tokens, int which);

/* Which of the class's special tokens is what. */
typedef struct eg_class_roles {
    int pad, mask, cls, sep;
} eg_class_roles;

/* What the Python classes have in common: no offsets, ids that are none decode to the unknown token, ids by class. The
 * model has been made; `source` is the vocabulary's file. */
void eg_class_in_python(eg_tokenizer *tokenizer, const char *source, const eg_class_tokens *tokens,
                        const eg_class_roles *roles, int32_t unknown);

#endif
