/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BERT's tokenizer from vocab.txt, one token a line, with the switches and tokens of the JSON files beside it; also with
 * the tokens of RobertaProcessing around a text. Lines are cut as Python's text mode cuts them; only the line's end is
 * no part of the token. Of equal lines the last one counts.
 */
#include <string.h>

#include "base/utf8.h"
#include "frontend/tokenizer/parts.h"

extern const eg_part_type eg_normalizer_bert, eg_pretokenizer_bert, eg_decoder_wordpiece;
extern const eg_model_type eg_model_wordpiece;

static const char *const names[] = {"unk_token", "sep_token", "pad_token", "cls_token", "mask_token"};
static const char *const defaults[] = {"[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"};
static const char *const doubled_defaults[] = {"[UNK]", "</s>", "<pad>", "<s>", "<mask>"};
enum { SPECIALS = 5, UNK = 0, SEP = 1, CLS = 3, MASK = 4 };

size_t
eg_cut_line(const char *text, size_t length, size_t *at)
{
    size_t begin = *at, end = begin;
    while (end < length && text[end] != '\n' && text[end] != '\r')
        end++;
    *at = end + 1;
    if (end + 1 < length && text[end] == '\r' && text[end + 1] == '\n')
        ++*at;
    return end - begin;
}

static eg_status
read_lines(eg_loading *in, const char *text, size_t length, eg_error *err)
{
    size_t lines = 0, bad;
    for (size_t at = 0; at < length; lines++)
        eg_cut_line(text, length, &at);
    if (lines == 0 || lines > INT32_MAX / 16 || length >= EG_NO_TOKEN / 2)
        return eg_fail_at(err, EG_E_INPUT, in->file, 0, 0, "a vocabulary of %zu lines", lines);
    EG_TRY(eg_vocab_new(&in->tokenizer->vocab, in->arena, lines + in->extra_ids, length + in->extra_bytes, err));
    int32_t id = 0;
    for (size_t at = 0; at < length; id++) {
        const char *line = text + at;
        size_t size = eg_cut_line(text, length, &at);
        if (!eg_utf8_valid(line, size, &bad))
            return eg_fail_at(err, EG_E_INPUT, in->file, (uint32_t)id + 1, (uint32_t)eg_utf8_count(line, bad) + 1,
                              "the line is not valid UTF-8");
        (void)eg_vocab_set(&in->tokenizer->vocab, id, line, size); /* ids count up: none is taken */
    }
    return EG_OK;
}

/* ---- The pipeline ---- */

static eg_status
set_parts(eg_loading *in, const eg_json *config, const char *config_file, eg_error *err)
{
    eg_tokenizer *tokenizer = in->tokenizer;
    eg_loading from_config = {.file = config_file, .tokenizer = tokenizer, .arena = in->arena};
    static const eg_json nothing = {.type = EG_JSON_OBJECT};
    eg_bert_normalizer *normalizer = eg_arena_calloc(in->arena, 1, sizeof *normalizer);
    if (!normalizer)
        return eg_fail_nomem(err, "a tokenizer");
    *normalizer = (eg_bert_normalizer){.clean_text = true, .handle_chinese_chars = true, .lowercase = true};
    EG_TRY(eg_read_bool(&from_config, config, "do_lower_case", &normalizer->lowercase, err));
    EG_TRY(eg_read_bool(&from_config, config, "tokenize_chinese_chars", &normalizer->handle_chinese_chars, err));
    normalizer->strip_accents = normalizer->lowercase;
    EG_TRY(eg_read_bool(&from_config, config, "strip_accents", &normalizer->strip_accents, err));
    tokenizer->normalizer = (eg_part){&eg_normalizer_bert, normalizer};
    tokenizer->pretokenizer.type = &eg_pretokenizer_bert;
    tokenizer->decoder.type = &eg_decoder_wordpiece;
    return eg_decoder_wordpiece.load(in, &nothing, &tokenizer->decoder.state, err);
}

static eg_status
set_template(eg_loading *in, const eg_class_token *specials, const char *config_file, bool doubled, eg_error *err)
{
    int64_t cls = eg_tokenizer_id(in->tokenizer, specials[CLS].text, specials[CLS].length);
    int64_t sep = eg_tokenizer_id(in->tokenizer, specials[SEP].text, specials[SEP].length);
    if (cls < 0 || sep < 0)
        return eg_fail_at(err, EG_E_INPUT, config_file, 0, 0, "cls_token and sep_token must be there");
    if (!doubled)
        return eg_template_bert(in, (int32_t)cls, (int32_t)sep, err);
    EG_TRY(eg_trim_new(in, false, NULL, err));
    return eg_template_doubled(in, (int32_t)cls, (int32_t)sep, err);
}

eg_status
eg_tokenizer_load_vocab_txt(eg_tokenizer *tokenizer, const char *text, size_t length, const char *file,
                            const eg_tokenizer_files *files, bool doubled, eg_error *err)
{
    eg_loading in = {.file = file, .tokenizer = tokenizer, .arena = &tokenizer->arena};
    eg_class_tokens tokens;
    EG_TRY(eg_class_tokens_find(&in, files, names, doubled ? doubled_defaults : defaults, SPECIALS, &tokens, err));
    EG_TRY(eg_class_tokens_find_more(&in, files, &tokens, err));
    tokens.specials[MASK].lstrip |= doubled && !tokens.specials[MASK].has_flags;
    const eg_class_token *specials = tokens.specials;
    EG_TRY(read_lines(&in, text, length, err));
    EG_TRY(eg_wordpiece_new(&in, specials[UNK].text, specials[UNK].length, "##", 2, 100, &tokenizer->model, err));
    tokenizer->model_type = &eg_model_wordpiece;
    if (((const eg_wordpiece *)tokenizer->model)->unknown < 0)
        return eg_hint(err,
                       eg_fail_at(err, EG_E_INPUT, file, 0, 0, "the unknown token '%.64s' is not in the vocabulary",
                                  specials[UNK].text),
                       "a line of its own");
    in.entries = tokenizer->vocab.count;
    EG_TRY(eg_added_tokens_reserve(&in, err));
    EG_TRY(eg_class_tokens_put(&in, &tokens, err));
    EG_TRY(set_parts(&in, files->config, files->config_file, err));
    EG_TRY(set_template(&in, specials, files->config_file, doubled, err));
    EG_TRY(eg_added_tokens_index(tokenizer, err));
    eg_bert_fast_new(tokenizer);
    tokenizer->info.source = "vocab.txt";
    tokenizer->info.model = tokenizer->model_type->name;
    return EG_OK;
}
