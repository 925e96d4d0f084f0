/* SPDX-License-Identifier: Apache-2.0 */
/* BPE of BERT's words, whose ends are marked, from vocab.json and merges.txt. */
#include "frontend/tokenizer/classes.h"

extern const eg_part_type eg_normalizer_bert, eg_pretokenizer_bert, eg_decoder_bpe;

static const char *const lower_names[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                          "pad_token", "cls_token", "mask_token"};
static const char *const lower_defaults[] = {"", "", "<unk>", "", "", "", ""};
enum { LOWER_BOS, LOWER_EOS, LOWER_UNK, LOWER_SPECIALS = 7 };
static const char *const names[] = {"unk_token", "sep_token", "pad_token", "cls_token", "mask_token"};
static const char *const defaults[] = {"<unk>", "</s>", "<pad>", "<s>", "<mask>"};
enum { UNK = 0, SEP = 1, CLS = 3, SPECIALS = 5 };
enum { CLS_ID = 0, SEP_ID = 2 }; /* the class puts these in, whatever the vocabulary says */

static eg_status
set_parts(eg_loading *in, bool lower, eg_error *err)
{
    static const eg_bert_normalizer cased = {.clean_text = true, .handle_chinese_chars = true};
    static const eg_bert_normalizer lowered = {
        .clean_text = true, .handle_chinese_chars = true, .strip_accents = true, .lowercase = true};
    static const eg_json nothing = {.type = EG_JSON_OBJECT};
    eg_tokenizer *tokenizer = in->tokenizer;
    tokenizer->normalizer = (eg_part){&eg_normalizer_bert, lower ? &lowered : &cased};
    tokenizer->pretokenizer.type = &eg_pretokenizer_bert;
    tokenizer->decoder.type = &eg_decoder_bpe;
    return eg_decoder_bpe.load(in, &nothing, &tokenizer->decoder.state, err);
}

static eg_status
check_id(const eg_loading *in, const eg_class_token *token, int32_t wanted, eg_error *err)
{
    int64_t id = eg_tokenizer_id(in->tokenizer, token->text, token->length);
    if (id == wanted)
        return EG_OK;
    return eg_fail_at(err, EG_E_INPUT, in->file, 0, 0, "the token '%.64s' has id %lld, and the class wants %d",
                      token->text, (long long)id, wanted);
}

/* The model and the pipeline; the template is not made. */
static eg_status
load_parts(eg_loading *in, const eg_json *vocab, const eg_merges_file *merges, const eg_class_tokens *tokens,
           const eg_class_token *unknown, bool lower, eg_error *err)
{
    eg_tokenizer *tokenizer = in->tokenizer;
    eg_bpe_options options = {
        .unknown = unknown->text, .unknown_length = unknown->length, .suffix = "</w>", .suffix_length = 4};
    EG_TRY(eg_bpe_from_files(in, vocab, merges, &options, err));
    if (eg_vocab_id(&tokenizer->vocab, unknown->text, unknown->length) < 0)
        return eg_fail_at(err, EG_E_INPUT, in->file, 0, 0, "the unknown token '%.64s' is not in the vocabulary",
                          unknown->text);
    in->entries = tokenizer->vocab.count;
    EG_TRY(eg_added_tokens_reserve(in, err));
    EG_TRY(eg_class_tokens_put(in, tokens, err));
    EG_TRY(set_parts(in, lower, err));
    EG_TRY(eg_added_tokens_index(tokenizer, err));
    tokenizer->info.source = "vocab.json";
    tokenizer->info.model = tokenizer->model_type->name;
    return EG_OK;
}

eg_status
eg_tokenizer_load_lower_words(eg_tokenizer *tokenizer, const eg_json *vocab, const char *vocab_file,
                              const eg_merges_file *merges, const eg_tokenizer_files *files, eg_error *err)
{
    eg_loading in = {.file = vocab_file, .tokenizer = tokenizer, .arena = &tokenizer->arena};
    eg_class_tokens tokens;
    EG_TRY(eg_class_tokens_find(&in, files, lower_names, lower_defaults, LOWER_SPECIALS, &tokens, err));
    EG_TRY(eg_class_tokens_find_more(&in, files, &tokens, err));
    EG_TRY(load_parts(&in, vocab, merges, &tokens, &tokens.specials[LOWER_UNK], true, err));
    return eg_template_asked(&in, files, &tokens.specials[LOWER_BOS], &tokens.specials[LOWER_EOS], err);
}

eg_status
eg_tokenizer_load_words(eg_tokenizer *tokenizer, const eg_json *vocab, const char *vocab_file,
                        const eg_merges_file *merges, const eg_tokenizer_files *files, eg_error *err)
{
    eg_loading in = {.file = vocab_file, .tokenizer = tokenizer, .arena = &tokenizer->arena};
    eg_class_tokens tokens;
    EG_TRY(eg_class_tokens_find(&in, files, names, defaults, SPECIALS, &tokens, err));
    EG_TRY(load_parts(&in, vocab, merges, &tokens, &tokens.specials[UNK], false, err));
    EG_TRY(check_id(&in, &tokens.specials[CLS], CLS_ID, err));
    EG_TRY(check_id(&in, &tokens.specials[SEP], SEP_ID, err));
    return eg_template_bert(&in, CLS_ID, SEP_ID, err);
}
