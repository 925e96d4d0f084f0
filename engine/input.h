/* SPDX-License-Identifier: Apache-2.0 */
/* What a caller gives, as token ids that the model can take. Thread-safety: a token list is one thread's. */
#ifndef EG_ENGINE_INPUT_H
#define EG_ENGINE_INPUT_H

#include "engine/model.h"

/* Texts one after another: text i is [cu[i], cu[i + 1]). {0} is empty. */
typedef struct eg_token_list {
    uint32_t count;
    uint32_t first;    /* number of its first text, where it is a part of a longer list; for messages */
    int64_t *cu;       /* [count + 1] */
    int32_t *ids;      /* [cu[count]] */
    int32_t *type_ids; /* as ids */
    size_t capacity;   /* of ids and type_ids */
    size_t most;       /* entries that cu has room for, where texts are added one by one */
    uint32_t *texts;   /* [count]: the text that each is a part of, for messages; NULL: each is one */
    uint32_t *skip;    /* [count]: leading tokens that pooling leaves out; NULL: none */
    bool type_ids_fed;
} eg_token_list;

enum { EG_INPUT_PREPARED = 1 /* texts get the model's prompt and lower case first: embeddings */ };

/*
 * Reads the caller's struct and its texts or ids: tokenised, cut to the model's limit (or refused, with
 * input->strict_length), every id checked. EG_E_INPUT names the text, from 1.
 */
EG_NODISCARD eg_status eg_input_take(const eg_model *model, const eg_input *input, uint32_t flags, eg_input *out_input,
                                     eg_token_list *out, eg_error *err);
void eg_token_list_finish(eg_token_list *list);

/* What messages call entry i of the list, from 0. */
static inline uint32_t
eg_token_list_text(const eg_token_list *list, uint32_t i)
{
    return list->texts ? list->texts[i] : list->first + i;
}

/* A list that its maker fills, entry by entry, each a part of some text: eg_token_list_finish() frees it all the same. */
EG_NODISCARD eg_status eg_token_list_begin(const eg_model *model, eg_token_list *out, eg_error *err);
EG_NODISCARD eg_status eg_token_list_add(const eg_model *model, uint32_t text, const eg_encoding *encoding,
                                         eg_token_list *list, eg_error *err);

/* Tokens of the prompt that pooling leaves out. */
EG_NODISCARD eg_status eg_prompt_length(const eg_tokenizer *tokenizer, const char *prompt, size_t length, uint32_t *out,
                                        eg_error *err);

/* Whether the tokenizer makes no difference between upper and lower case. */
EG_NODISCARD eg_status eg_tokenizer_lowers(const eg_tokenizer *tokenizer, bool *out, eg_error *err);

#endif
