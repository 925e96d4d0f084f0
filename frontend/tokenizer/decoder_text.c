/* SPDX-License-Identifier: Apache-2.0 */
/* Decoders that change the tokens' texts: BPEDecoder, CTC, Fuse, Strip, Replace. */
#include <string.h>

#include "base/utf8.h"
#include "frontend/tokenizer/clean_up.h"
#include "frontend/tokenizer/parts.h"

typedef struct text {
    const char *bytes;
    size_t length;
} text;

static eg_status
read_text(eg_loading *in, const eg_json *object, const char *key, text *out, eg_error *err)
{
    EG_TRY(eg_read_string(in, object, key, &out->bytes, &out->length, err));
    out->bytes = eg_arena_strndup(in->arena, out->bytes, out->length);
    return out->bytes ? EG_OK : eg_fail_nomem(err, "a decoder");
}

/* Appends a token with every `from` turned into `to`. */
static void
append_replaced(eg_strbuf *out, const char *token, size_t length, const text *from, const text *to)
{
    while (from->length > 0 && length >= from->length) {
        const char *found = memmem(token, length, from->bytes, from->length);
        if (!found)
            break;
        eg_strbuf_append(out, token, (size_t)(found - token));
        eg_strbuf_append(out, to->bytes, to->length);
        length -= (size_t)(found - token) + from->length;
        token = found + from->length;
    }
    eg_strbuf_append(out, token, length);
}

/* ---- BPEDecoder: the end of a word becomes a blank, but for the last word ---- */

static eg_status
load_suffix(eg_loading *in, const eg_json *spec, const void **out_state, eg_error *err)
{
    text *state = eg_arena_calloc(in->arena, 1, sizeof *state);
    if (!state)
        return eg_fail_nomem(err, "a decoder");
    *state = (text){"</w>", 4};
    *out_state = state;
    return eg_json_get(spec, "suffix") ? read_text(in, spec, "suffix", state, err) : EG_OK;
}

static void
decode_suffix(const void *state, const eg_decoding *in, eg_decoding *out)
{
    static const text blank = {" ", 1}, nothing = {"", 0};
    for (size_t i = 0; i < in->ends.count; i++) {
        size_t length;
        const char *token = eg_decoding_token(in, i, &length);
        append_replaced(&out->text, token, length, state, i + 1 < in->ends.count ? &blank : &nothing);
        eg_decoding_end(out);
    }
}

/* ---- CTC: of equal neighbours one, without the padding; a sign for the blank between words ---- */

typedef struct ctc {
    text pad, delimiter;
    bool cleanup;
} ctc;

static eg_status
load_ctc(eg_loading *in, const eg_json *spec, const void **out_state, eg_error *err)
{
    ctc *state = eg_arena_calloc(in->arena, 1, sizeof *state);
    if (!state)
        return eg_fail_nomem(err, "a decoder");
    EG_TRY(read_text(in, spec, "pad_token", &state->pad, err));
    EG_TRY(read_text(in, spec, "word_delimiter_token", &state->delimiter, err));
    EG_TRY(eg_read_bool(in, spec, "cleanup", &state->cleanup, err));
    *out_state = state;
    return EG_OK;
}

static bool
is_repeated(const eg_decoding *in, size_t i)
{
    size_t before_length, length;
    if (i == 0)
        return false;
    const char *before = eg_decoding_token(in, i - 1, &before_length), *token = eg_decoding_token(in, i, &length);
    return before_length == length && memcmp(before, token, length) == 0;
}

static void
decode_ctc(const void *state, const eg_decoding *in, eg_decoding *out)
{
    static const text blank = {" ", 1}, nothing = {"", 0};
    const ctc *with = state;
    eg_strbuf plain = {0};
    for (size_t i = 0; i < in->ends.count && !plain.failed; i++) {
        size_t length, begin = out->text.length;
        const char *token = eg_decoding_token(in, i, &length);
        if (is_repeated(in, i))
            continue;
        plain.length = 0;
        append_replaced(&plain, token, length, &with->pad, &nothing);
        if (with->cleanup)
            eg_clean_up(&plain, 0, true);
        if (plain.length > 0 && !plain.failed)
            append_replaced(&out->text, plain.data, plain.length, with->cleanup ? &with->delimiter : &nothing, &blank);
        if (out->text.length > begin)
            eg_decoding_end(out);
    }
    out->text.failed |= plain.failed;
    eg_strbuf_finish(&plain);
}

/* ---- Fuse ---- */

static void
fuse(const void *state, const eg_decoding *in, eg_decoding *out)
{
    (void)state;
    if (in->text.length > 0)
        eg_strbuf_append(&out->text, in->text.data, in->text.length);
    eg_decoding_end(out);
}

/* ---- Strip: up to so many of one character from the ends of each token ---- */

typedef struct strip {
    text content; /* one character */
    int64_t start, stop;
} strip;

static eg_status
load_strip(eg_loading *in, const eg_json *spec, const void **out_state, eg_error *err)
{
    strip *state = eg_arena_calloc(in->arena, 1, sizeof *state);
    if (!state)
        return eg_fail_nomem(err, "a decoder");
    EG_TRY(read_text(in, spec, "content", &state->content, err));
    if (eg_utf8_count(state->content.bytes, state->content.length) != 1)
        return eg_json_wrong_type(eg_json_get(spec, "content"), in->file, "one character", err);
    EG_TRY(eg_read_int(in, spec, "start", 0, INT32_MAX, &state->start, err));
    EG_TRY(eg_read_int(in, spec, "stop", 0, INT32_MAX, &state->stop, err));
    *out_state = state;
    return EG_OK;
}

static void
decode_strip(const void *state, const eg_decoding *in, eg_decoding *out)
{
    const strip *with = state;
    size_t step = with->content.length;
    for (size_t i = 0; i < in->ends.count; i++) {
        size_t length;
        const char *token = eg_decoding_token(in, i, &length);
        for (int64_t n = 0; n < with->start && length >= step && memcmp(token, with->content.bytes, step) == 0; n++) {
            token += step;
            length -= step;
        }
        for (int64_t n = 0;
             n < with->stop && length >= step && memcmp(token + length - step, with->content.bytes, step) == 0; n++)
            length -= step;
        eg_decoding_put(out, token, length);
    }
}

/* ---- Replace ---- */

typedef struct replace {
    text from, to;
} replace;

static eg_status
load_replace(eg_loading *in, const eg_json *spec, const void **out_state, eg_error *err)
{
    const eg_json *pattern;
    replace *state = eg_arena_calloc(in->arena, 1, sizeof *state);
    if (!state)
        return eg_fail_nomem(err, "a decoder");
    EG_TRY(eg_read_member(in, spec, "pattern", EG_JSON_OBJECT, &pattern, err));
    if (eg_json_get(pattern, "Regex"))
        return eg_fail_json(in, pattern, err, "a Replace decoder with a Regex pattern is not supported");
    EG_TRY(read_text(in, pattern, "String", &state->from, err));
    if (state->from.length == 0)
        return eg_fail_json(in, pattern, err, "a Replace decoder of an empty string");
    EG_TRY(read_text(in, spec, "content", &state->to, err));
    *out_state = state;
    return EG_OK;
}

static void
decode_replace(const void *state, const eg_decoding *in, eg_decoding *out)
{
    const replace *with = state;
    for (size_t i = 0; i < in->ends.count; i++) {
        size_t length;
        const char *token = eg_decoding_token(in, i, &length);
        append_replaced(&out->text, token, length, &with->from, &with->to);
        eg_decoding_end(out);
    }
}

const eg_part_type eg_decoder_bpe = {.name = "BPEDecoder", .load = load_suffix, .decode = decode_suffix};
const eg_part_type eg_decoder_ctc = {.name = "CTC", .load = load_ctc, .decode = decode_ctc};
const eg_part_type eg_decoder_fuse = {.name = "Fuse", .decode = fuse};
const eg_part_type eg_decoder_strip = {.name = "Strip", .load = load_strip, .decode = decode_strip};
const eg_part_type eg_decoder_replace = {.name = "Replace", .load = load_replace, .decode = decode_replace};
