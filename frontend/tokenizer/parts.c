/* SPDX-License-Identifier: Apache-2.0 */
/* The components there are, by their names in tokenizer.json: a new one is a file and a line here. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "frontend/tokenizer/parts.h"

extern const eg_part_type eg_normalizer_bert, eg_normalizer_sequence, eg_normalizer_lowercase, eg_normalizer_nfd,
    eg_normalizer_nfkd, eg_normalizer_nfc, eg_normalizer_nfkc, eg_normalizer_strip, eg_normalizer_strip_accents,
    eg_normalizer_replace;
extern const eg_part_type eg_pretokenizer_bert, eg_pretokenizer_sequence, eg_pretokenizer_whitespace,
    eg_pretokenizer_whitespace_split, eg_pretokenizer_punctuation, eg_pretokenizer_digits;
extern const eg_part_type eg_normalizer_prepend, eg_normalizer_nmt, eg_normalizer_precompiled;
extern const eg_part_type eg_pretokenizer_byte_level, eg_pretokenizer_metaspace, eg_pretokenizer_split;
extern const eg_part_type eg_decoder_wordpiece, eg_decoder_sequence, eg_decoder_byte_level, eg_decoder_byte_fallback,
    eg_decoder_bpe, eg_decoder_ctc, eg_decoder_fuse, eg_decoder_strip, eg_decoder_replace, eg_decoder_metaspace;
extern const eg_model_type eg_model_wordpiece, eg_model_bpe, eg_model_unigram, eg_model_wordlevel;

static const eg_part_type *const normalizers[] = {
    &eg_normalizer_bert,        &eg_normalizer_sequence,      &eg_normalizer_lowercase, &eg_normalizer_nfd,
    &eg_normalizer_nfkd,        &eg_normalizer_nfc,           &eg_normalizer_nfkc,      &eg_normalizer_strip,
    &eg_normalizer_replace,     &eg_normalizer_strip_accents, &eg_normalizer_prepend,   &eg_normalizer_nmt,
    &eg_normalizer_precompiled,
};
static const eg_part_type *const pretokenizers[] = {
    &eg_pretokenizer_bert,        &eg_pretokenizer_sequence,
    &eg_pretokenizer_whitespace,  &eg_pretokenizer_whitespace_split,
    &eg_pretokenizer_punctuation, &eg_pretokenizer_digits,
    &eg_pretokenizer_byte_level,  &eg_pretokenizer_metaspace,
    &eg_pretokenizer_split,
};
static const eg_part_type *const decoders[] = {
    &eg_decoder_wordpiece, &eg_decoder_sequence,  &eg_decoder_byte_level, &eg_decoder_byte_fallback,
    &eg_decoder_bpe,       &eg_decoder_ctc,       &eg_decoder_fuse,       &eg_decoder_strip,
    &eg_decoder_replace,   &eg_decoder_metaspace,
};
static const eg_model_type *const models[] = {&eg_model_wordpiece, &eg_model_bpe, &eg_model_unigram,
                                              &eg_model_wordlevel};

static const struct {
    const char *name;
    const eg_part_type *const *types;
    size_t count;
} kinds[] = {
    [EG_PART_NORMALIZER] = {"normalizer", normalizers, sizeof normalizers / sizeof *normalizers},
    [EG_PART_PRETOKENIZER] = {"pre-tokenizer", pretokenizers, sizeof pretokenizers / sizeof *pretokenizers},
    [EG_PART_DECODER] = {"decoder", decoders, sizeof decoders / sizeof *decoders},
};

eg_status
eg_fail_json(eg_loading *in, const eg_json *value, eg_error *err, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    eg_status status =
        eg_vfail_at(err, EG_E_INPUT, in->file, value ? value->line : 0, value ? value->column : 0, fmt, args);
    va_end(args);
    return status;
}

static eg_status
read_type(eg_loading *in, const eg_json *spec, const char *kind, const char **out, eg_error *err)
{
    size_t length;
    if (spec->type != EG_JSON_OBJECT)
        return eg_json_wrong_type(spec, in->file, "an object with a type", err);
    if (!eg_json_get(spec, "type"))
        return eg_fail_json(in, spec, err, "a %s without a type", kind);
    return eg_read_string(in, spec, "type", out, &length, err);
}

static eg_status
unknown_type(eg_loading *in, const eg_json *spec, const char *kind, const char *type, eg_error *err)
{
    return eg_fail_json(in, eg_json_get(spec, "type"), err, "the %s '%.64s' is not supported", kind, type);
}

eg_status
eg_part_load(eg_loading *in, eg_part_kind kind, const eg_json *spec, eg_part *out, eg_error *err)
{
    const char *type = NULL;
    *out = (eg_part){0};
    if (!spec || spec->type == EG_JSON_NULL)
        return EG_OK;
    EG_TRY(read_type(in, spec, kinds[kind].name, &type, err));
    for (size_t i = 0; i < kinds[kind].count; i++) {
        const eg_part_type *known = kinds[kind].types[i];
        if (strcmp(known->name, type) != 0)
            continue;
        out->type = known;
        return known->load ? known->load(in, spec, &out->state, err) : EG_OK;
    }
    return unknown_type(in, spec, kinds[kind].name, type, err);
}

eg_status
eg_part_load_list(eg_loading *in, eg_part_kind kind, const eg_json *spec, const char *key, const void **out_state,
                  eg_error *err)
{
    enum { DEEPEST = 16 };
    const eg_json *list;
    if (in->depth == DEEPEST)
        return eg_fail_json(in, spec, err, "a Sequence in more than %d others", DEEPEST);
    EG_TRY(eg_read_member(in, spec, key, EG_JSON_ARRAY, &list, err));
    eg_part_list *state = eg_arena_calloc(in->arena, 1, sizeof *state);
    eg_part *parts = eg_arena_calloc(in->arena, list->count + 1, sizeof *parts);
    if (!state || !parts)
        return eg_fail_nomem(err, "a tokenizer");
    in->depth++;
    for (size_t i = 0; i < list->count; i++)
        EG_TRY(eg_part_load(in, kind, &list->items[i], &parts[i], err));
    in->depth--;
    *state = (eg_part_list){parts, list->count};
    *out_state = state;
    return EG_OK;
}

/* The model of older files, which do not say their type; NULL: they do, or nothing tells. */
static const char *
guess_model(const eg_json *spec)
{
    const eg_json *vocab = eg_json_get(spec, "vocab");
    if (eg_json_get(spec, "type") || !vocab)
        return NULL;
    if (eg_json_get(spec, "merges"))
        return "BPE";
    if (vocab->type == EG_JSON_ARRAY)
        return "Unigram";
    return eg_json_get(spec, "continuing_subword_prefix") ? "WordPiece" : "WordLevel";
}

eg_status
eg_model_load(eg_loading *in, const eg_json *spec, eg_error *err)
{
    const char *type = guess_model(spec);
    if (!type)
        EG_TRY(read_type(in, spec, "model", &type, err));
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        if (strcmp(models[i]->name, type) != 0)
            continue;
        in->tokenizer->model_type = models[i];
        return models[i]->load(in, spec, &in->tokenizer->model, err);
    }
    return unknown_type(in, spec, "model", type, err);
}

/* The member, or NULL where it is missing or null. */
static const eg_json *
member(const eg_json *object, const char *key)
{
    const eg_json *value = eg_json_get(object, key);
    return value && value->type != EG_JSON_NULL ? value : NULL;
}

eg_status
eg_read_bool(eg_loading *in, const eg_json *object, const char *key, bool *out, eg_error *err)
{
    const eg_json *value = member(object, key);
    if (!value)
        return EG_OK;
    if (value->type != EG_JSON_BOOL)
        return eg_json_wrong_type(value, in->file, "true or false", err);
    *out = value->boolean;
    return EG_OK;
}

eg_status
eg_read_int(eg_loading *in, const eg_json *object, const char *key, int64_t min, int64_t max, int64_t *out,
            eg_error *err)
{
    const eg_json *value = member(object, key);
    if (!value)
        return EG_OK;
    if (value->type != EG_JSON_INT && value->type != EG_JSON_BIG)
        return eg_json_wrong_type(value, in->file, "an integer", err);
    if (value->type == EG_JSON_BIG || value->integer < min || value->integer > max)
        return eg_hint(err, eg_fail_json(in, value, err, "'%s' is out of range", key), "%lld to %lld", (long long)min,
                       (long long)max);
    *out = value->integer;
    return EG_OK;
}

eg_status
eg_read_member(eg_loading *in, const eg_json *object, const char *key, eg_json_type type, const eg_json **out,
               eg_error *err)
{
    static const char *const names[] = {
        [EG_JSON_NULL] = "null",      [EG_JSON_BOOL] = "true or false", [EG_JSON_INT] = "an integer",
        [EG_JSON_REAL] = "a number",  [EG_JSON_BIG] = "an integer",     [EG_JSON_STRING] = "a string",
        [EG_JSON_ARRAY] = "an array", [EG_JSON_OBJECT] = "an object",
    };
    const eg_json *value = eg_json_get(object, key);
    if (!value)
        return eg_fail_json(in, object, err, "the key '%s' is missing", key);
    if (value->type != type)
        return eg_json_wrong_type(value, in->file, names[type], err);
    *out = value;
    return EG_OK;
}

eg_status
eg_read_string(eg_loading *in, const eg_json *object, const char *key, const char **out, size_t *out_length,
               eg_error *err)
{
    const eg_json *value = NULL;
    EG_TRY(eg_read_member(in, object, key, EG_JSON_STRING, &value, err));
    *out = value->string;
    *out_length = value->length;
    return EG_OK;
}
