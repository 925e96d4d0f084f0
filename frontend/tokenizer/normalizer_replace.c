/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replace: every occurrence, from the left, not overlapping. A String is sought by Knuth, Morris and Pratt; of Regex
 * patterns there are those that tokenizers use, each a choice of runs of characters.
 */
#include <string.h>

#include "base/utf8.h"
#include "frontend/tokenizer/parts.h"
#include "frontend/tokenizer/unicode.h"

/* So many characters of a set, as many as there are. */
typedef struct run {
    const char *chars; /* NULL: white space */
    size_t least, most;
} run;

static const struct pattern {
    const char *regex;
    run runs[2]; /* the first that matches; most 0: none */
} patterns[] = {
    {" {2,}", {{" ", 2, SIZE_MAX}}},
    {" +", {{" ", 1, SIZE_MAX}}},
    {"\\s+", {{NULL, 1, SIZE_MAX}}},
    {"\\s{2,}", {{NULL, 2, SIZE_MAX}}},
    {"\\s", {{NULL, 1, 1}}},
    {"\\s{2,}|[\\n\\r\\t]", {{NULL, 2, SIZE_MAX}, {"\n\r\t", 1, 1}}},
    {"[\\n\\r\\t]", {{"\n\r\t", 1, 1}}},
    {"[\\n\\r\\t]+", {{"\n\r\t", 1, SIZE_MAX}}},
    {"\\n", {{"\n", 1, 1}}},
    {"\\n+", {{"\n", 1, SIZE_MAX}}},
    {"\\t", {{"\t", 1, 1}}},
    {"``|''", {{"`", 2, 2}, {"'", 2, 2}}},
    {"''|``", {{"'", 2, 2}, {"`", 2, 2}}},
};

typedef struct replace {
    const run *runs; /* NULL: the pattern is a String */
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

/* A Regex without any sign of its own is a String. */
static eg_status
load_regex(eg_loading *in, const eg_json *pattern, replace *state, bool *out_literal, eg_error *err)
{
    const char *text;
    size_t length;
    EG_TRY(eg_read_string(in, pattern, "Regex", &text, &length, err));
    *out_literal = strlen(text) == length && !strpbrk(text, "\\^$.|?*+()[]{}");
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        if (strlen(patterns[i].regex) == length && memcmp(patterns[i].regex, text, length) == 0)
            state->runs = patterns[i].runs;
    if (!state->runs && !*out_literal)
        return eg_fail_json(in, eg_json_get(pattern, "Regex"), err, "the Regex '%.64s' of Replace is not supported",
                            text);
    return EG_OK;
}

static eg_status
load(eg_loading *in, const eg_json *spec, const void **out_state, eg_error *err)
{
    const eg_json *pattern;
    const char *text;
    size_t length;
    bool literal = false;
    replace *state = eg_arena_calloc(in->arena, 1, sizeof *state);
    if (!state)
        return eg_fail_nomem(err, "a normalizer");
    EG_TRY(eg_read_member(in, spec, "pattern", EG_JSON_OBJECT, &pattern, err));
    EG_TRY(eg_read_string(in, spec, "content", &text, &length, err));
    EG_TRY(decode(in, text, length, &state->content, &state->content_length, err));
    *out_state = state;
    if (eg_json_get(pattern, "Regex"))
        EG_TRY(load_regex(in, pattern, state, &literal, err));
    if (state->runs)
        return EG_OK;
    EG_TRY(eg_read_string(in, pattern, literal ? "Regex" : "String", &text, &length, err));
    EG_TRY(decode(in, text, length, &state->pattern, &state->pattern_length, err));

    state->borders = eg_arena_calloc(in->arena, state->pattern_length + 1, sizeof *state->borders);
    if (!state->borders)
        return eg_fail_nomem(err, "a normalizer");
    for (size_t i = 1, border = 0; i < state->pattern_length; i++) {
        while (border > 0 && state->pattern[i] != state->pattern[border])
            border = state->borders[border];
        border += state->pattern[i] == state->pattern[border];
        state->borders[i + 1] = border;
    }
    return EG_OK;
}

/* The content takes the place of the last character of the match, as in the library. */
static bool
put_content(const replace *state, eg_chars *out, eg_char last)
{
    for (size_t i = 0; i < state->content_length; i++) {
        last.c = state->content[i];
        if (!EG_PUSH(out, last))
            return false;
    }
    return true;
}

static bool
replace_string(const replace *with, eg_work *work)
{
    eg_chars *out = &work->next;
    size_t matched = 0;
    for (size_t i = 0; i < work->text.count; i++) {
        eg_char c = work->text.items[i];
        while (matched > 0 && c.c != with->pattern[matched])
            matched = with->borders[matched];
        matched += c.c == with->pattern[matched];
        if (!EG_PUSH(out, c))
            return false;
        if (matched < with->pattern_length)
            continue;
        matched = 0;
        out->count -= with->pattern_length;
        if (!put_content(with, out, c))
            return false;
    }
    return true;
}

static bool
is_in(const run *set, uint32_t c)
{
    if (!set->chars)
        return eg_char_is(c, EG_CHAR_WHITE);
    return c > 0 && c < 0x80 && strchr(set->chars, (int)c);
}

/* The length of the match that begins here, or 0. */
static size_t
match_runs(const run *runs, const eg_char *text, size_t count)
{
    for (const run *one = runs; one < runs + 2 && one->most > 0; one++) {
        size_t length = 0;
        while (length < count && length < one->most && is_in(one, text[length].c))
            length++;
        if (length >= one->least)
            return length;
    }
    return 0;
}

static bool
replace_runs(const replace *with, eg_work *work)
{
    const eg_chars *text = &work->text;
    for (size_t i = 0, length; i < text->count; i += length) {
        length = match_runs(with->runs, text->items + i, text->count - i);
        bool room = length > 0 ? put_content(with, &work->next, text->items[i + length - 1])
                               : EG_PUSH(&work->next, text->items[i]);
        if (!room)
            return false;
        length += length == 0;
    }
    return true;
}

static eg_status
normalize(const void *state, eg_work *work, eg_error *err)
{
    const replace *with = state;
    if (!with->runs && with->pattern_length == 0)
        return EG_OK;
    work->next.count = 0;
    if (!(with->runs ? replace_runs(with, work) : replace_string(with, work)))
        return eg_fail_nomem(err, "a text being normalised");
    eg_chars old = work->text;
    work->text = work->next;
    work->next = old;
    return EG_OK;
}

const eg_part_type eg_normalizer_replace = {.name = "Replace", .load = load, .normalize = normalize};
