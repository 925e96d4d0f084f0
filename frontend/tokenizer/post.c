/* SPDX-License-Identifier: Apache-2.0 */
/* Post-processors. Whatever their type, they are a list of pieces for one text and one for a pair. */
#include <string.h>

#include "frontend/tokenizer/parts.h"

enum { MOST_PIECES = 4096 };

static void
put(eg_template *template, eg_piece piece)
{
    template->pieces[template->count++] = piece;
    template->specials += piece.kind == EG_PIECE_TOKEN;
}

static eg_status
reserve(eg_loading *in, eg_template *template, size_t count, eg_error *err)
{
    *template = (eg_template){0};
    template->pieces = eg_arena_calloc(in->arena, count + 1, sizeof *template->pieces);
    return template->pieces ? EG_OK : eg_fail_nomem(err, "a post-processor");
}

/* ---- TemplateProcessing ---- */

static eg_status
check_token_id(eg_loading *in, const eg_json *id, int32_t *out, eg_error *err)
{
    if (id->type != EG_JSON_INT)
        return eg_json_wrong_type(id, in->file, "the id of a token", err);
    if (id->integer < 0 || !eg_tokenizer_token(in->tokenizer, id->integer, NULL))
        return eg_fail_json(in, id, err, "no token of the vocabulary has the id %lld", (long long)id->integer);
    *out = (int32_t)id->integer;
    return EG_OK;
}

/* The ids of the special token that a template names. */
static eg_status
special_ids(eg_loading *in, const eg_json *specials, const eg_json *name, const eg_json **out, eg_error *err)
{
    for (size_t i = 0; i < specials->count; i++) {
        const eg_json *special = &specials->items[i];
        if (special->key_length != name->length || memcmp(special->key, name->string, name->length) != 0)
            continue;
        if (special->type != EG_JSON_OBJECT)
            return eg_json_wrong_type(special, in->file, "an object with ids", err);
        return eg_read_member(in, special, "ids", EG_JSON_ARRAY, out, err);
    }
    return eg_hint(err, eg_fail_json(in, name, err, "the template names '%.64s'", name->string),
                   "special_tokens has no such entry");
}

static eg_status
read_sequence(eg_loading *in, const eg_json *id, eg_piece *piece, eg_error *err)
{
    if (strcmp(id->string, "A") != 0 && strcmp(id->string, "B") != 0)
        return eg_fail_json(in, id, err, "a template's sequence is A or B, not '%.64s'", id->string);
    piece->kind = id->string[0] == 'A' ? EG_PIECE_FIRST : EG_PIECE_SECOND;
    return EG_OK;
}

/* Reads one element, {"Sequence": …} or {"SpecialToken": …}; a special token may stand for several ids. */
static eg_status
read_piece(eg_loading *in, const eg_json *element, eg_piece *out, const eg_json *specials, const eg_json **out_ids,
           eg_error *err)
{
    const eg_json *sequence = eg_json_get(element, "Sequence"), *token = eg_json_get(element, "SpecialToken"), *id;
    const eg_json *body = sequence ? sequence : token;
    int64_t type_id = 0;
    if (!body)
        return eg_fail_json(in, element, err, "a template's element is neither Sequence nor SpecialToken");
    EG_TRY(eg_read_member(in, body, "id", EG_JSON_STRING, &id, err));
    EG_TRY(eg_read_int(in, body, "type_id", 0, INT32_MAX, &type_id, err));
    *out = (eg_piece){.type_id = (int32_t)type_id};
    if (sequence)
        return read_sequence(in, id, out, err);
    return special_ids(in, specials, id, out_ids, err);
}

static eg_status
load_list(eg_loading *in, const eg_json *list, const eg_json *specials, eg_template *out, eg_error *err)
{
    size_t most = 0;
    for (int counting = 1; counting >= 0; counting--) {
        if (!counting)
            EG_TRY(reserve(in, out, most, err));
        for (size_t i = 0; i < list->count; i++) {
            const eg_json *ids = NULL;
            eg_piece piece = {0};
            EG_TRY(read_piece(in, &list->items[i], &piece, specials, &ids, err));
            if (counting) {
                most += ids ? ids->count : 1;
                if (most > MOST_PIECES)
                    return eg_fail_json(in, list, err, "a template of more than %d tokens", MOST_PIECES);
                continue;
            }
            if (!ids)
                put(out, piece);
            for (size_t j = 0; ids && j < ids->count; j++) {
                EG_TRY(check_token_id(in, &ids->items[j], &piece.id, err));
                put(out, piece);
            }
        }
    }
    return EG_OK;
}

static bool
has_kind(const eg_template *template, int kind)
{
    for (size_t i = 0; i < template->count; i++)
        if (template->pieces[i].kind == kind)
            return true;
    return false;
}

static eg_status
load_template(eg_loading *in, const eg_json *spec, eg_error *err)
{
    static const eg_json none = {.type = EG_JSON_OBJECT};
    const eg_json *single, *pair, *specials = eg_json_get(spec, "special_tokens");
    eg_tokenizer *tokenizer = in->tokenizer;
    if (!specials)
        specials = &none;
    if (specials->type != EG_JSON_OBJECT)
        return eg_json_wrong_type(specials, in->file, "an object", err);
    EG_TRY(eg_read_member(in, spec, "single", EG_JSON_ARRAY, &single, err));
    EG_TRY(eg_read_member(in, spec, "pair", EG_JSON_ARRAY, &pair, err));
    EG_TRY(load_list(in, single, specials, &tokenizer->single, err));
    EG_TRY(load_list(in, pair, specials, &tokenizer->pair, err));
    if (!has_kind(&tokenizer->single, EG_PIECE_FIRST) || has_kind(&tokenizer->single, EG_PIECE_SECOND))
        return eg_fail_json(in, single, err, "the template of one text must have the sequence A and not B");
    if (!has_kind(&tokenizer->pair, EG_PIECE_FIRST) || !has_kind(&tokenizer->pair, EG_PIECE_SECOND))
        return eg_fail_json(in, pair, err, "the template of a pair must have the sequences A and B");
    tokenizer->pair.first_window_only = true; /* so the library's TemplateProcessing does, it alone */
    return EG_OK;
}

/* ---- BertProcessing, RobertaProcessing ---- */

/* ["[SEP]", 102] */
static eg_status
read_token(eg_loading *in, const eg_json *spec, const char *key, int32_t *out, eg_error *err)
{
    const eg_json *token;
    EG_TRY(eg_read_member(in, spec, key, EG_JSON_ARRAY, &token, err));
    if (token->count != 2)
        return eg_json_wrong_type(token, in->file, "a token and its id", err);
    return check_token_id(in, &token->items[1], out, err);
}

/* cls A sep, and cls A sep (sep, if `doubled`) B sep, the second half with this type id. */
static eg_status
surround(eg_loading *in, int32_t cls, int32_t sep, bool doubled, int32_t second, eg_error *err)
{
    eg_template *single = &in->tokenizer->single, *pair = &in->tokenizer->pair;
    EG_TRY(reserve(in, single, 3, err));
    EG_TRY(reserve(in, pair, 6, err));
    put(single, (eg_piece){EG_PIECE_TOKEN, cls, 0});
    put(single, (eg_piece){EG_PIECE_FIRST, 0, 0});
    put(single, (eg_piece){EG_PIECE_TOKEN, sep, 0});
    memcpy(pair->pieces, single->pieces, single->count * sizeof *single->pieces);
    pair->count = single->count;
    pair->specials = single->specials;
    if (doubled)
        put(pair, (eg_piece){EG_PIECE_TOKEN, sep, second});
    put(pair, (eg_piece){EG_PIECE_SECOND, 0, second});
    put(pair, (eg_piece){EG_PIECE_TOKEN, sep, second});
    return EG_OK;
}

eg_status
eg_template_bert(eg_loading *in, int32_t cls, int32_t sep, eg_error *err)
{
    return surround(in, cls, sep, false, 1, err);
}

static eg_status
load_bert(eg_loading *in, const eg_json *spec, eg_error *err)
{
    int32_t cls, sep;
    EG_TRY(read_token(in, spec, "cls", &cls, err));
    EG_TRY(read_token(in, spec, "sep", &sep, err));
    return eg_template_bert(in, cls, sep, err);
}

eg_status
eg_template_doubled(eg_loading *in, int32_t cls, int32_t sep, eg_error *err)
{
    return surround(in, cls, sep, true, 0, err);
}

static eg_status
load_trim(eg_loading *in, const eg_json *spec, eg_error *err)
{
    bool trim = true, add_prefix_space = true;
    EG_TRY(eg_read_bool(in, spec, "trim_offsets", &trim, err));
    EG_TRY(eg_read_bool(in, spec, "add_prefix_space", &add_prefix_space, err));
    return trim ? eg_trim_new(in, add_prefix_space, spec, err) : EG_OK;
}

static eg_status
load_doubled(eg_loading *in, const eg_json *spec, eg_error *err)
{
    int32_t cls, sep;
    EG_TRY(read_token(in, spec, "cls", &cls, err));
    EG_TRY(read_token(in, spec, "sep", &sep, err));
    EG_TRY(load_trim(in, spec, err));
    return eg_template_doubled(in, cls, sep, err);
}

/* ByteLevel puts nothing in. */
static eg_status
load_byte_level(eg_loading *in, const eg_json *spec, eg_error *err)
{
    EG_TRY(load_trim(in, spec, err));
    return in->tokenizer->single.count > 0 ? EG_OK : eg_template_none(in, err);
}

/* ---- Which there are ---- */

/* Sequence: those that only trim offsets beside one that puts tokens in. */
static eg_status load_sequence(eg_loading *in, const eg_json *spec, eg_error *err);

static const struct {
    const char *name;
    eg_status (*load)(eg_loading *in, const eg_json *spec, eg_error *err);
} types[] = {
    {"TemplateProcessing", load_template}, {"BertProcessing", load_bert}, {"RobertaProcessing", load_doubled},
    {"ByteLevel", load_byte_level},        {"Sequence", load_sequence},
};

eg_status
eg_template_ends(eg_loading *in, int64_t bos, int64_t eos, eg_error *err)
{
    eg_template *single = &in->tokenizer->single, *pair = &in->tokenizer->pair;
    EG_TRY(reserve(in, single, 3, err));
    EG_TRY(reserve(in, pair, 6, err));
    for (int32_t which = 0; which < 2; which++) {
        if (bos >= 0)
            put(pair, (eg_piece){EG_PIECE_TOKEN, (int32_t)bos, which});
        put(pair, (eg_piece){which == 0 ? EG_PIECE_FIRST : EG_PIECE_SECOND, 0, which});
        if (eos >= 0)
            put(pair, (eg_piece){EG_PIECE_TOKEN, (int32_t)eos, which});
        if (which == 0) {
            memcpy(single->pieces, pair->pieces, pair->count * sizeof *pair->pieces);
            single->count = pair->count;
            single->specials = pair->specials;
        }
    }
    return EG_OK;
}

/* Without a post-processor nothing is put in, and the second text has type id 1. */
eg_status
eg_template_none(eg_loading *in, eg_error *err)
{
    return eg_template_ends(in, -1, -1, err);
}

/* One that is there. */
static eg_status
load_one(eg_loading *in, const eg_json *spec, eg_error *err)
{
    const eg_json *type;
    if (spec->type != EG_JSON_OBJECT)
        return eg_json_wrong_type(spec, in->file, "an object with a type", err);
    EG_TRY(eg_read_member(in, spec, "type", EG_JSON_STRING, &type, err));
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].name, type->string) == 0)
            return types[i].load(in, spec, err);
    return eg_fail_json(in, type, err, "the post-processor '%.64s' is not supported", type->string);
}

static eg_status
load_sequence(eg_loading *in, const eg_json *spec, eg_error *err)
{
    const eg_json *list;
    EG_TRY(eg_read_member(in, spec, "processors", EG_JSON_ARRAY, &list, err));
    bool put_in = false;
    for (size_t i = 0; i < list->count; i++) {
        const eg_json *type = eg_json_get(&list->items[i], "type");
        bool trims = type && type->type == EG_JSON_STRING && strcmp(type->string, "ByteLevel") == 0;
        if (type && type->type == EG_JSON_STRING && strcmp(type->string, "Sequence") == 0)
            return eg_fail_json(in, type, err, "a Sequence of post-processors in another is not supported");
        if (!trims && put_in)
            return eg_fail_json(in, type, err, "two post-processors that put tokens in are not supported");
        put_in |= !trims;
        EG_TRY(load_one(in, &list->items[i], err));
    }
    return in->tokenizer->single.count > 0 ? EG_OK : eg_template_none(in, err);
}

eg_status
eg_post_processor_load(eg_loading *in, const eg_json *spec, eg_error *err)
{
    return spec && spec->type != EG_JSON_NULL ? load_one(in, spec, err) : eg_template_none(in, err);
}
