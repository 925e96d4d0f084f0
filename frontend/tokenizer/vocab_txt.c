/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BERT's tokenizer from vocab.txt, one token a line, with the switches and tokens of the JSON files beside it. Lines are
 * cut as Python's text mode cuts them; only the line's end is no part of the token. Of equal lines the last one counts.
 */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "frontend/tokenizer/parts.h"

extern const eg_part_type eg_normalizer_bert, eg_pretokenizer_bert, eg_decoder_wordpiece;
extern const eg_model_type eg_model_wordpiece;

static const char *const special_names[] = {"unk_token", "sep_token", "pad_token", "cls_token", "mask_token"};
static const char *const special_defaults[] = {"[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"};
enum { SPECIALS = 5, UNK = 0, SEP = 1, CLS = 3 };

typedef struct special {
    const char *text;
    size_t length;
} special;

/* The line at *at; moves *at behind its end. */
static size_t
cut_line(const char *text, size_t length, size_t *at)
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
        cut_line(text, length, &at);
    if (lines == 0 || lines > INT32_MAX / 16 || length >= EG_NO_TOKEN / 2)
        return eg_fail_at(err, EG_E_INPUT, in->file, 0, 0, "a vocabulary of %zu lines", lines);
    EG_TRY(eg_vocab_new(&in->tokenizer->vocab, in->arena, lines + in->extra_ids, length + in->extra_bytes, err));
    int32_t id = 0;
    for (size_t at = 0; at < length; id++) {
        const char *line = text + at;
        size_t size = cut_line(text, length, &at);
        if (!eg_utf8_valid(line, size, &bad))
            return eg_fail_at(err, EG_E_INPUT, in->file, (uint32_t)id + 1, (uint32_t)eg_utf8_count(line, bad) + 1,
                              "the line is not valid UTF-8");
        (void)eg_vocab_set(&in->tokenizer->vocab, id, line, size); /* ids count up: none is taken */
    }
    return EG_OK;
}

/* ---- Added tokens ---- */

static eg_status
read_decoder_entry(eg_loading *in, const eg_json *entry, eg_added_token *out, eg_error *err)
{
    char *end;
    long id = strtol(entry->key, &end, 10);
    *out = (eg_added_token){0};
    if (entry->key_length == 0 || *end != '\0' || id < 0 || id > INT32_MAX)
        return eg_fail_at(err, EG_E_INPUT, in->file, entry->key_line, entry->key_column, "'%.64s' is no id",
                          entry->key);
    EG_TRY(eg_added_token_read(in, entry, out, err));
    out->id = (int32_t)id;
    return EG_OK;
}

/* added_tokens.json, of older files: {"token": id}. Special are those that the other files name so. */
static eg_status
read_legacy_entry(eg_loading *in, const eg_json *entry, const special *specials, eg_added_token *out, eg_error *err)
{
    if (entry->type != EG_JSON_INT || entry->integer < 0 || entry->integer > INT32_MAX)
        return eg_json_wrong_type(entry, in->file, "an id, an integer from 0", err);
    *out = (eg_added_token){.content = entry->key, .length = entry->key_length, .id = (int32_t)entry->integer};
    for (size_t i = 0; i < SPECIALS; i++)
        if (specials[i].length == out->length && memcmp(specials[i].text, out->content, out->length) == 0)
            out->special = true;
    out->normalized = !out->special;
    return EG_OK;
}

typedef struct sorted_entry {
    eg_added_token token;
    const eg_json *spec;
} sorted_entry;

static int
by_id(const void *a, const void *b)
{
    const sorted_entry *first = a, *second = b;
    return (first->token.id > second->token.id) - (first->token.id < second->token.id);
}

/* The tokens that the files add, by id. */
static eg_status
put_entries(eg_loading *in, const eg_json *entries, bool legacy, const special *specials, eg_error *err)
{
    sorted_entry *sorted = eg_arena_calloc(in->arena, entries->count + 1, sizeof *sorted);
    if (!sorted)
        return eg_fail_nomem(err, "added tokens");
    for (size_t i = 0; i < entries->count; i++) {
        sorted[i].spec = &entries->items[i];
        if (legacy)
            EG_TRY(read_legacy_entry(in, sorted[i].spec, specials, &sorted[i].token, err));
        else
            EG_TRY(read_decoder_entry(in, sorted[i].spec, &sorted[i].token, err));
    }
    qsort(sorted, entries->count, sizeof *sorted, by_id);
    for (size_t i = 0; i < entries->count; i++)
        EG_TRY(eg_added_tokens_put(in, &sorted[i].token, sorted[i].spec, err));
    return EG_OK;
}

/* Where added tokens are listed: tokenizer_config.json, else added_tokens.json, else nowhere. */
static eg_status
find_entries(const eg_tokenizer_files *files, const eg_json **out, const char **out_file, bool *out_legacy,
             eg_error *err)
{
    static const eg_json none = {.type = EG_JSON_OBJECT};
    const eg_json *entries = eg_json_get(files->config, "added_tokens_decoder");
    *out_legacy = !entries && files->added_tokens;
    *out_file = *out_legacy ? files->added_tokens_file : files->config_file;
    *out = entries ? entries : files->added_tokens ? files->added_tokens : &none;
    return (*out)->type == EG_JSON_OBJECT ? EG_OK : eg_json_wrong_type(*out, *out_file, "an object", err);
}

static eg_status
put_specials(eg_loading *in, const special *specials, eg_error *err)
{
    for (size_t i = 0; i < SPECIALS; i++) {
        eg_added_token token = {.content = specials[i].text, .length = specials[i].length, .id = -1, .special = true};
        if (token.length > 0 && !eg_map_get(&in->tokenizer->added.by_content, token.content, token.length, NULL))
            EG_TRY(eg_added_tokens_put(in, &token, NULL, err));
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
read_specials(eg_loading *in, const eg_tokenizer_files *files, special *out, eg_error *err)
{
    for (size_t i = 0; i < SPECIALS; i++) {
        EG_TRY(eg_special_token(files, special_names[i], special_defaults[i], &out[i].text, &out[i].length, err));
        in->extra_bytes += out[i].length;
    }
    return EG_OK;
}

eg_status
eg_tokenizer_load_vocab_txt(eg_tokenizer *tokenizer, const char *text, size_t length, const char *file,
                            const eg_tokenizer_files *files, eg_error *err)
{
    eg_loading in = {.file = file, .tokenizer = tokenizer, .arena = &tokenizer->arena};
    special specials[SPECIALS];
    const eg_json *entries;
    const char *entries_file;
    bool legacy;
    EG_TRY(find_entries(files, &entries, &entries_file, &legacy, err));
    EG_TRY(read_specials(&in, files, specials, err));
    for (size_t i = 0; i < entries->count; i++) {
        const eg_json *content = legacy ? NULL : eg_json_get(&entries->items[i], "content");
        in.extra_bytes += entries->items[i].key_length;
        if (content && content->type == EG_JSON_STRING)
            in.extra_bytes += content->length;
    }
    in.extra_ids = entries->count + SPECIALS;
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
    in.file = entries_file;
    EG_TRY(put_entries(&in, entries, legacy, specials, err));
    in.file = file;
    EG_TRY(put_specials(&in, specials, err));
    EG_TRY(set_parts(&in, files->config, files->config_file, err));
    int64_t cls = eg_tokenizer_id(tokenizer, specials[CLS].text, specials[CLS].length);
    int64_t sep = eg_tokenizer_id(tokenizer, specials[SEP].text, specials[SEP].length);
    if (cls < 0 || sep < 0)
        return eg_fail_at(err, EG_E_INPUT, files->config_file, 0, 0, "cls_token and sep_token must be there");
    EG_TRY(eg_template_bert(&in, (int32_t)cls, (int32_t)sep, err));
    EG_TRY(eg_added_tokens_index(tokenizer, err));
    eg_bert_fast_new(tokenizer);
    tokenizer->info.source = "vocab.txt";
    tokenizer->info.model = tokenizer->model_type->name;
    return EG_OK;
}
