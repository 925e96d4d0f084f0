/* SPDX-License-Identifier: Apache-2.0 */
/* Replace with a String pattern: every occurrence, from the left, not overlapping (Knuth, Morris, Pratt). */
#include "base/utf8.h"
#include "frontend/tokenizer/parts.h"

typedef struct replace {
    const uint32_t *pattern, *content;
    size_t pattern_length, content_length;
    size_t *borders; /* of each prefix of the pattern: its longest proper prefix that is also its suffix */
} replace;

static eg_status
decode(eg_loading *in, const char *text, size_t length, const uint32_t **out, size_t *out_length, eg_error *err)
{
    uint32_t *chars = eg_arena_calloc(in->arena, length + 1, sizeof *chars);
    if (!chars)
        return eg_fail_nomem(err, "a normalizer");
    *out_length = 0;
    for (size_t at = 0; at < length;)
        at += eg_utf8_decode(text + at, length - at, &chars[(*out_length)++]);
    *out = chars;
    return EG_OK;
}

static eg_status
load(eg_loading *in, const eg_json *spec, const void **out_state, eg_error *err)
{
    const eg_json *pattern;
    const char *text;
    size_t length;
    replace *state = eg_arena_calloc(in->arena, 1, sizeof *state);
    if (!state)
        return eg_fail_nomem(err, "a normalizer");
    EG_TRY(eg_read_member(in, spec, "pattern", EG_JSON_OBJECT, &pattern, err));
    if (eg_json_get(pattern, "Regex"))
        return eg_fail_json(in, pattern, err, "Replace with a Regex pattern is not supported");
    EG_TRY(eg_read_string(in, pattern, "String", &text, &length, err));
    EG_TRY(decode(in, text, length, &state->pattern, &state->pattern_length, err));
    EG_TRY(eg_read_string(in, spec, "content", &text, &length, err));
    EG_TRY(decode(in, text, length, &state->content, &state->content_length, err));

    state->borders = eg_arena_calloc(in->arena, state->pattern_length + 1, sizeof *state->borders);
    if (!state->borders)
        return eg_fail_nomem(err, "a normalizer");
    for (size_t i = 1, border = 0; i < state->pattern_length; i++) {
        while (border > 0 && state->pattern[i] != state->pattern[border])
            border = state->borders[border];
        border += state->pattern[i] == state->pattern[border];
        state->borders[i + 1] = border;
    }
    *out_state = state;
    return EG_OK;
}

/* The content takes the place of the last character of the match, as in the library. */
static bool
put_content(const replace *state, eg_chars *out, eg_char last)
{
    out->count -= state->pattern_length;
    for (size_t i = 0; i < state->content_length; i++) {
        last.c = state->content[i];
        if (!EG_PUSH(out, last))
            return false;
    }
    return true;
}

static eg_status
normalize(const void *state, eg_work *work, eg_error *err)
{
    const replace *with = state;
    eg_chars *out = &work->next;
    size_t matched = 0;
    if (with->pattern_length == 0)
        return EG_OK;
    out->count = 0;
    for (size_t i = 0; i < work->text.count; i++) {
        eg_char c = work->text.items[i];
        while (matched > 0 && c.c != with->pattern[matched])
            matched = with->borders[matched];
        matched += c.c == with->pattern[matched];
        if (!EG_PUSH(out, c))
            return eg_fail_nomem(err, "a text being normalised");
        if (matched < with->pattern_length)
            continue;
        matched = 0;
        if (!put_content(with, out, c))
            return eg_fail_nomem(err, "a text being normalised");
    }
    eg_chars old = work->text;
    work->text = work->next;
    work->next = old;
    return EG_OK;
}

const eg_part_type eg_normalizer_replace = {.name = "Replace", .load = load, .normalize = normalize};
