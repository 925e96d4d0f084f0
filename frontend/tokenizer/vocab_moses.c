/* SPDX-License-Identifier: Apache-2.0 */
/* BPE of the Moses tokenizer's words, from vocab.json and merges.txt, whose lines may have counts. */
#include <string.h>

#include "frontend/tokenizer/classes.h"
#include "frontend/tokenizer/moses.h"

extern const eg_part_type eg_decoder_ended;

/* In the order in which those that the vocabulary lacks would be added; then the reserve of the class. */
static const char *const names[] = {"bos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"};
static const char *const defaults[] = {"<s>", "<unk>", "</s>", "<pad>", "</s>", "<special1>"};
enum { BOS, UNK, SEP, PAD, CLS, MASK, SPECIALS };
static const char *const reserve[] = {"<special0>", "<special1>", "<special2>", "<special3>", "<special4>",
                                      "<special5>", "<special6>", "<special7>", "<special8>", "<special9>"};
enum { RESERVE = sizeof reserve / sizeof *reserve };

static eg_status
set_parts(eg_loading *in, const eg_tokenizer_files *files, bool french, eg_error *err)
{
    eg_loading from_config = {.file = files->config_file, .tokenizer = in->tokenizer, .arena = in->arena};
    eg_moses_options options = {
        .language = french ? EG_MOSES_FRENCH : EG_MOSES_ENGLISH, .compose = french, .fold = !french};
    const eg_moses *moses;
    if (french)
        EG_TRY(eg_read_bool(&from_config, files->config, "do_lowercase", &options.lower, err));
    else
        EG_TRY(eg_read_bool(&from_config, files->config, "do_lowercase_and_remove_accent", &options.fold, err));
    EG_TRY(eg_moses_new(&options, in->arena, &moses, err));
    in->tokenizer->pretokenizer = (eg_part){&eg_pretokenizer_moses, moses};
    in->tokenizer->decoder.type = &eg_decoder_ended;
    return EG_OK;
}

/* The further special tokens: a list in tokenizer_config.json, else the reserve. */
static eg_status
find_more(eg_loading *in, const eg_tokenizer_files *files, eg_class_tokens *tokens, eg_error *err)
{
    const eg_json *list = eg_json_get(files->config, "additional_special_tokens");
    if (!list)
        list = eg_json_get(files->config, "extra_special_tokens");
    bool listed = list && list->type == EG_JSON_ARRAY;
    size_t count = listed ? list->count : RESERVE;
    if (list && !listed && list->type != EG_JSON_NULL)
        return eg_json_wrong_type(list, files->config_file, "an array of tokens", err);
    if (count > EG_CLASS_TOKENS - tokens->count)
        return eg_hint(err,
                       eg_fail_at(err, EG_E_INPUT, files->config_file, list->line, list->column,
                                  "%zu additional special tokens", count),
                       "%zu at most", EG_CLASS_TOKENS - tokens->count);
    for (size_t i = 0; i < count; i++) {
        eg_class_token *token = &tokens->specials[tokens->count++];
        *token = (eg_class_token){.text = listed ? "" : reserve[i], .length = listed ? 0 : strlen(reserve[i])};
        if (listed && list->items[i].type == EG_JSON_STRING)
            *token = (eg_class_token){.text = list->items[i].string, .length = list->items[i].length};
        else if (listed)
            return eg_json_wrong_type(&list->items[i], files->config_file, "a token", err);
        in->extra_bytes += token->length;
        in->extra_ids++;
    }
    return EG_OK;
}

eg_status
eg_tokenizer_load_moses(eg_tokenizer *tokenizer, const eg_json *vocab, const char *vocab_file,
                        const eg_merges_file *merges, const eg_tokenizer_files *files, bool french, eg_error *err)
{
    eg_loading in = {.file = vocab_file, .tokenizer = tokenizer, .arena = &tokenizer->arena};
    eg_class_tokens tokens;
    EG_TRY(eg_class_tokens_find(&in, files, names, defaults, SPECIALS, &tokens, err));
    EG_TRY(find_more(&in, files, &tokens, err));
    EG_TRY(eg_vocab_load(&in, vocab, err));
    EG_TRY(eg_vocab_index(&tokenizer->vocab, "", 0, in.arena, &tokenizer->vocab.index, err));
    int32_t unknown = eg_vocab_id(&tokenizer->vocab, tokens.specials[UNK].text, tokens.specials[UNK].length);
    if (unknown < 0)
        return eg_fail_at(err, EG_E_INPUT, vocab_file, 0, 0, "the unknown token '%.64s' is not in the vocabulary",
                          tokens.specials[UNK].text);
    eg_ranks_options options = {.least_fields = 2, .most_fields = 3, .unknown = unknown};
    EG_TRY(eg_ranks_new(&in, &options, merges, err));
    in.entries = tokenizer->vocab.count;
    EG_TRY(eg_added_tokens_reserve(&in, err));
    EG_TRY(eg_class_tokens_put(&in, &tokens, err));
    EG_TRY(set_parts(&in, files, french, err));
    EG_TRY(eg_template_bert(&in, eg_class_token_id(tokenizer, &tokens, BOS), eg_class_token_id(tokenizer, &tokens, SEP),
                            err));
    EG_TRY(eg_class_tokens_index(tokenizer, err));
    const eg_class_roles roles = {.pad = PAD, .mask = MASK, .cls = CLS, .sep = SEP};
    eg_class_in_python(tokenizer, "vocab.json", &tokens, &roles, unknown);
    return EG_OK;
}
