/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Precompiled: SentencePiece's charsmap as Hugging Face's library uses it. A grapheme cluster of less than 6 bytes is
 * looked up as a whole; where that finds nothing, and in longer clusters, each character is. What is found replaces all
 * that was looked up, although the key may be a prefix of it.
 */
#include <string.h>

#include "base/utf8.h"
#include "frontend/tokenizer/parts.h"

enum { LONGEST_CLUSTER = 5 }; /* in bytes */

/* ---- Base 64, strict: with padding, nothing else between ---- */

static int
digit_of(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* The bytes of four digits, of which the last `padding` are "="; false if they are no digits. */
static bool
decode_group(const char *group, size_t padding, unsigned char *out)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < 4; i++) {
        int digit = i + padding < 4 ? digit_of(group[i]) : 0;
        if (digit < 0)
            return false;
        bits = bits << 6 | (uint32_t)digit;
    }
    if (padding > 0 && bits & ((UINT32_C(1) << 8 * padding) - 1))
        return false; /* bits that no byte takes */
    for (size_t i = 0; i + padding < 3; i++)
        out[i] = (unsigned char)(bits >> (16 - 8 * i));
    return true;
}

static eg_status
decode_base64(eg_loading *in, const eg_json *text, unsigned char **out, size_t *out_length, eg_error *err)
{
    const char *digits = text->string;
    size_t groups = text->length / 4, padding = 0;
    *out_length = 0;
    *out = eg_arena_alloc(in->arena, 3 * groups + 1);
    if (!*out)
        return eg_fail_nomem(err, "a charsmap");
    if (text->length % 4 != 0)
        return eg_fail_json(in, text, err, "the charsmap is not base 64: %zu characters", text->length);
    while (padding < 2 && padding < text->length && digits[text->length - 1 - padding] == '=')
        padding++;
    for (size_t i = 0; i < groups; i++) {
        size_t missing = i + 1 == groups ? padding : 0;
        if (!decode_group(digits + 4 * i, missing, *out + *out_length))
            return eg_fail_json(in, text, err, "the charsmap is not base 64 at character %zu", 4 * i + 1);
        *out_length += 3 - missing;
    }
    return EG_OK;
}

typedef struct precompiled {
    eg_charsmap map;
    bool known
        [128]; /* of each ASCII character: whether it is a key, or is in one cluster with the next ASCII character */
} precompiled;

eg_status
eg_precompiled_new(eg_loading *in, const unsigned char *blob, size_t length, const eg_json *where,
                   const void **out_state, eg_error *err)
{
    precompiled *state = eg_arena_calloc(in->arena, 1, sizeof *state);
    if (!state)
        return eg_fail_nomem(err, "a normalizer");
    EG_TRY(eg_charsmap_new(in, blob, length, where, &state->map, err));
    for (unsigned char c = 0; c < 128; c++)
        state->known[c] = c == '\r' || eg_charsmap_find(&state->map, (const char *)&c, 1);
    *out_state = state;
    return EG_OK;
}

static eg_status
load(eg_loading *in, const eg_json *spec, const void **out_state, eg_error *err)
{
    const eg_json *text;
    unsigned char *blob;
    size_t length;
    EG_TRY(eg_read_member(in, spec, "precompiled_charsmap", EG_JSON_STRING, &text, err));
    EG_TRY(decode_base64(in, text, &blob, &length, err));
    return eg_precompiled_new(in, blob, length, text, out_state, err);
}

/* No look-up begins elsewhere than with a character, and none has more bytes: where no key begins, nothing is found. */
static bool
keeps(const void *state, const char *text, size_t length)
{
    const precompiled *with = state;
    for (size_t i = 0; i < length; i++) {
        unsigned char first = (unsigned char)text[i], next = i + 1 < length ? (unsigned char)text[i + 1] : 0;
        if ((first & 0xc0) == 0x80 || (first < 0x80 && next < 0x80 && !with->known[first]))
            continue;
        size_t left = length - i;
        if (eg_charsmap_find(&with->map, text + i, left < LONGEST_CLUSTER ? left : LONGEST_CLUSTER))
            return false;
    }
    return true;
}

/* ---- Normalising ---- */

static bool
keep(eg_work *work, size_t begin, size_t end)
{
    for (; begin < end; begin++)
        if (!EG_PUSH(&work->changes, ((eg_change){work->text.items[begin].c, 0})))
            return false;
    return true;
}

/* Characters that are put in beyond the old ones share the last one's place; what is swallowed counts to the last. */
static bool
replace(eg_work *work, size_t old, const char *with)
{
    size_t length = strlen(with), new = 0;
    for (size_t at = 0; at < length; new ++) {
        uint32_t c;
        at += eg_utf8_decode(with + at, length - at, &c);
        if (!EG_PUSH(&work->changes, ((eg_change){c, new >= old})))
            return false;
    }
    if (new < old && work->changes.count > 0) /* at the text's very start they are lost, as in the library */
        work->changes.items[work->changes.count - 1].change -= (int32_t)(old - new);
    return true;
}

typedef struct piece {
    size_t begin, end; /* characters */
    size_t done;       /* up to here the text is in work->changes, if there are changes */
    bool changed;
} piece;

/* Looks the piece up; *out_found tells whether it was replaced. */
static bool
look_up(const eg_charsmap *map, eg_work *work, piece *in, const char *bytes, size_t length, bool *out_found)
{
    const char *with = eg_charsmap_find(map, bytes, length);
    *out_found = with != NULL;
    if (!with)
        return true;
    if (!keep(work, in->done, in->begin) || !replace(work, in->end - in->begin, with))
        return false;
    in->done = in->end;
    in->changed = true;
    return true;
}

/* The cluster's bytes, or 0 if there are too many to be looked up. */
static size_t
cluster_bytes(const eg_char *text, size_t count, char *out)
{
    size_t length = 0;
    for (size_t i = 0; i < count; i++) {
        char encoded[4];
        size_t more = eg_utf8_encode(text[i].c, encoded);
        if (length + more > LONGEST_CLUSTER)
            return 0;
        memcpy(out + length, encoded, more);
        length += more;
    }
    return length;
}

static bool
normalize_cluster(const eg_charsmap *map, eg_work *work, piece *in, size_t begin, size_t end)
{
    char bytes[LONGEST_CLUSTER];
    size_t length = cluster_bytes(work->text.items + begin, end - begin, bytes);
    bool found = false;
    in->begin = begin;
    in->end = end;
    if (length > 0 && !look_up(map, work, in, bytes, length, &found))
        return false;
    if (found || end - begin == 1)
        return true;
    for (in->begin = begin; in->begin < end; in->begin++) {
        in->end = in->begin + 1;
        length = eg_utf8_encode(work->text.items[in->begin].c, bytes);
        if (!look_up(map, work, in, bytes, length, &found))
            return false;
    }
    return true;
}

/* An ASCII character before another, which is a cluster that nothing is known of. */
static inline bool
is_plain(const precompiled *with, const eg_char *text, size_t at, size_t count)
{
    return text[at].c < 0x80 && (at + 1 == count || text[at + 1].c < 0x80) && !with->known[text[at].c];
}

static eg_status
normalize(const void *state, eg_work *work, eg_error *err)
{
    const precompiled *with = state;
    piece in = {0};
    size_t count = work->text.count;
    work->changes.count = 0;
    for (size_t begin = 0, end; begin < count; begin = end) {
        end = begin + 1;
        if (is_plain(with, work->text.items, begin, count))
            continue;
        end = eg_grapheme_end(work->text.items, begin, count);
        if (!normalize_cluster(&with->map, work, &in, begin, end))
            return eg_fail_nomem(err, "a text being normalised");
    }
    if (!in.changed)
        return EG_OK;
    if (!keep(work, in.done, count))
        return eg_fail_nomem(err, "a text being normalised");
    return eg_text_transform(work, err);
}

const eg_part_type eg_normalizer_precompiled = {
    .name = "Precompiled", .load = load, .normalize = normalize, .keeps = keeps};
