/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replace: every occurrence, from the left, not overlapping. A String is sought by Knuth, Morris and Pratt; of Regex
 * patterns there are those that tokenizers use, each a choice of runs of characters.
 */
#include <string.h>

#include "base/utf8.h"
#include "frontend/tokenizer/parts.h"
#include "frontend/tokenizer/unicode.h"

enum { RUNS = 2, FIRST_BEYOND = 0x80 };

/* So many characters of a set, as many as there are. */
typedef struct run {
    const char *chars; /* NULL: white space */
    size_t least, most;
} run;

static const struct pattern {
    const char *regex;
    run runs[RUNS]; /* the first that matches; most 0: none */
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
    const run *runs;                 /* NULL: the pattern is a String */
    bool in_run[RUNS][FIRST_BEYOND]; /* of each run the characters of ASCII that are in its set */
    const uint32_t *pattern, *content;
    size_t pattern_length, content_length;
    const char *bytes; /* the pattern's */
    size_t byte_length;
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

static void
set_runs(replace *state, const run *runs)
{
    state->runs = runs;
    for (size_t which = 0; which < RUNS && runs[which].most > 0; which++) {
        const char *chars = runs[which].chars;
        for (uint32_t c = 1; c < FIRST_BEYOND; c++)
            state->in_run[which][c] = chars ? strchr(chars, (int)c) != NULL : eg_char_is(c, EG_CHAR_WHITE);
    }
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
            set_runs(state, patterns[i].runs);
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
    if (length == 0)
        return eg_fail_json(in, pattern, err, "Replace of an empty string");
    EG_TRY(decode(in, text, length, &state->pattern, &state->pattern_length, err));
    state->bytes = eg_arena_strndup(in->arena, text, length);
    state->byte_length = length;
    state->borders = eg_arena_calloc(in->arena, state->pattern_length + 1, sizeof *state->borders);
    if (!state->bytes || !state->borders)
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

static inline bool
is_in(const replace *with, size_t which, uint32_t c)
{
    if (c < FIRST_BEYOND)
        return with->in_run[which][c];
    return !with->runs[which].chars && eg_char_is(c, EG_CHAR_WHITE);
}

/* The length of the match that begins here, or 0. */
static size_t
match_runs(const replace *with, const eg_char *text, size_t count)
{
    for (size_t which = 0; which < RUNS && with->runs[which].most > 0; which++) {
        const run *one = &with->runs[which];
        size_t length = 0;
        while (length < count && length < one->most && is_in(with, which, text[length].c))
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
        length = match_runs(with, text->items + i, text->count - i);
        bool room = length > 0 ? put_content(with, &work->next, text->items[i + length - 1])
                               : EG_PUSH(&work->next, text->items[i]);
        if (!room)
            return false;
        length += length == 0;
    }
    return true;
}

static bool
has_match(const replace *with, const eg_char *text, size_t count)
{
    size_t matched = 0;
    for (size_t i = 0; i < count; i++) {
        if (with->runs) {
            if (match_runs(with, text + i, count - i) > 0)
                return true;
            continue;
        }
        while (matched > 0 && text[i].c != with->pattern[matched])
            matched = with->borders[matched];
        matched += text[i].c == with->pattern[matched];
        if (matched == with->pattern_length)
            return true;
    }
    return false;
}

static eg_status
normalize(const void *state, eg_work *work, eg_error *err)
{
    const replace *with = state;
    if (!with->runs && with->pattern_length == 0)
        return EG_OK;
    if (!has_match(with, work->text.items, work->text.count))
        return EG_OK;
    work->next.count = 0;
    if (!(with->runs ? replace_runs(with, work) : replace_string(with, work)))
        return eg_fail_nomem(err, "a text being normalised");
    eg_chars old = work->text;
    work->text = work->next;
    work->next = old;
    return EG_OK;
}

/* Whether the text has a run of this set that is long enough. */
static bool
has_run(const replace *with, size_t which, const char *text, size_t length)
{
    size_t found = 0;
    for (size_t at = 0; at < length;) {
        uint32_t c = (unsigned char)text[at];
        at += c < FIRST_BEYOND ? 1 : eg_utf8_decode(text + at, length - at, &c);
        found = is_in(with, which, c) ? found + 1 : 0;
        if (found > 0 && found >= with->runs[which].least)
            return true;
    }
    return false;
}

static bool
keeps(const void *state, const char *text, size_t length)
{
    const replace *with = state;
    if (!with->runs)
        return with->byte_length == 0 || !memmem(text, length, with->bytes, with->byte_length);
    for (size_t which = 0; which < RUNS && with->runs[which].most > 0; which++)
        if (has_run(with, which, text, length))
            return false;
    return true;
}

const eg_part_type eg_normalizer_replace = {.name = "Replace", .load = load, .normalize = normalize, .keeps = keeps};
