/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Split at a string, or by one pattern of real models, matched by hand; other patterns are refused. The alternatives of
 * the pattern are tried in their order at each place, and one of them always matches.
 */
#include <string.h>

#include "base/utf8.h"
#include "frontend/tokenizer/parts.h"
#include "frontend/tokenizer/unicode.h"

static const char word_pattern[] = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| "
                                   "?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+"
                                   "|\\s+(?!\\S)|\\s+";

typedef struct split_state {
    eg_split behavior;
    bool words, invert; /* words: by word_pattern */
    uint32_t *string;
    size_t length;
} split_state;

static eg_status
read_pattern(eg_loading *in, const eg_json *spec, split_state *state, eg_error *err)
{
    const eg_json *pattern, *regex;
    const char *text;
    size_t length;
    EG_TRY(eg_read_member(in, spec, "pattern", EG_JSON_OBJECT, &pattern, err));
    regex = eg_json_get(pattern, "Regex");
    if (regex) {
        EG_TRY(eg_read_string(in, pattern, "Regex", &text, &length, err));
        state->words = length == sizeof word_pattern - 1 && memcmp(text, word_pattern, length) == 0;
        return state->words ? EG_OK
                            : eg_fail_json(in, regex, err, "Split by the pattern '%.64s' is not supported", text);
    }
    EG_TRY(eg_read_string(in, pattern, "String", &text, &length, err));
    if (length == 0)
        return eg_fail_json(in, pattern, err, "Split at an empty string");
    state->string = eg_arena_calloc(in->arena, length, sizeof *state->string);
    if (!state->string)
        return eg_fail_nomem(err, "a pre-tokenizer");
    for (size_t at = 0; at < length;)
        at += eg_utf8_decode(text + at, length - at, &state->string[state->length++]);
    return EG_OK;
}

static eg_status
load(eg_loading *in, const eg_json *spec, const void **out_state, eg_error *err)
{
    split_state *state = eg_arena_calloc(in->arena, 1, sizeof *state);
    if (!state)
        return eg_fail_nomem(err, "a pre-tokenizer");
    EG_TRY(read_pattern(in, spec, state, err));
    EG_TRY(eg_split_read(in, spec, &state->behavior, err));
    EG_TRY(eg_read_bool(in, spec, "invert", &state->invert, err));
    *out_state = state;
    return EG_OK;
}

/* ---- At a string ---- */

/* Whether it is at `at`. Comparing is bounded by the string's length, which the file sets. */
static bool
is_at(const split_state *with, const eg_char *text, size_t at, size_t end)
{
    if (end - at < with->length)
        return false;
    for (size_t i = 0; i < with->length; i++)
        if (text[at + i].c != with->string[i])
            return false;
    return true;
}

static bool
segment_string(eg_work *work, eg_span word, const void *context)
{
    const split_state *with = context;
    size_t begin = word.begin;
    for (size_t at = word.begin; at < word.end;) {
        if (!is_at(with, work->text.items, at, word.end)) {
            at++;
            continue;
        }
        if (begin < at && !EG_PUSH(&work->segments, ((eg_segment){begin, at, with->invert})))
            return false;
        if (!EG_PUSH(&work->segments, ((eg_segment){at, at + with->length, !with->invert})))
            return false;
        begin = at += with->length;
    }
    return begin == word.end || EG_PUSH(&work->segments, ((eg_segment){begin, word.end, with->invert}));
}

/* ---- By the pattern ---- */

enum { LONG_S = 0x17f }; /* folds to s */

static unsigned
kind_of(uint32_t c)
{
    return eg_unicode(c)->flags & (EG_CHAR_WHITE | EG_CHAR_LETTER | EG_CHAR_NUMBER);
}

static bool
is_line_end(uint32_t c)
{
    return c == '\r' || c == '\n';
}

static uint32_t
fold(uint32_t c)
{
    return c == LONG_S ? 's' : c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c;
}

/* Length of the contraction at `at`, an apostrophe with it; 0: none. */
static size_t
contraction(const eg_char *text, size_t at, size_t end)
{
    if (text[at].c != '\'' || at + 1 >= end)
        return 0;
    uint32_t first = fold(text[at + 1].c), second = at + 2 < end ? fold(text[at + 2].c) : 0;
    if (first == 's' || first == 't' || first == 'm' || first == 'd')
        return 2;
    return ((first == 'r' || first == 'v') && second == 'e') || (first == 'l' && second == 'l') ? 3 : 0;
}

static size_t
run_end(const eg_char *text, size_t at, size_t end, unsigned kind)
{
    while (at < end && kind_of(text[at].c) == kind)
        at++;
    return at;
}

/* White space: up to its last line end, else all of it but one blank for what follows. */
static size_t
white_end(const eg_char *text, size_t at, size_t end)
{
    size_t run = at, lines = at;
    for (; run < end && kind_of(text[run].c) & EG_CHAR_WHITE; run++)
        if (is_line_end(text[run].c))
            lines = run + 1;
    if (lines > at)
        return lines;
    return run == end || run == at + 1 ? run : run - 1;
}

static size_t
word_end(const eg_char *text, size_t at, size_t end)
{
    size_t length = contraction(text, at, end);
    unsigned kind = kind_of(text[at].c);
    if (length > 0)
        return at + length;
    if (kind == EG_CHAR_LETTER)
        return run_end(text, at, end, EG_CHAR_LETTER);
    if (kind != EG_CHAR_NUMBER && !is_line_end(text[at].c) && at + 1 < end && kind_of(text[at + 1].c) == EG_CHAR_LETTER)
        return run_end(text, at + 1, end, EG_CHAR_LETTER);
    if (kind == EG_CHAR_NUMBER)
        return run_end(text, at, end - at < 3 ? end : at + 3, EG_CHAR_NUMBER);
    size_t other = at + (text[at].c == ' ');
    if (other < end && kind_of(text[other].c) == 0) {
        other = run_end(text, other, end, 0);
        while (other < end && is_line_end(text[other].c))
            other++;
        return other;
    }
    return white_end(text, at, end);
}

static bool
segment_words(eg_work *work, eg_span word, const void *context)
{
    const split_state *with = context;
    for (size_t at = word.begin; at < word.end;) {
        size_t end = word_end(work->text.items, at, word.end);
        if (!EG_PUSH(&work->segments, ((eg_segment){at, end, !with->invert})))
            return false;
        at = end;
    }
    return true;
}

static eg_status
split(const void *state, eg_work *work, eg_error *err)
{
    const split_state *with = state;
    return eg_words_split_by(work, with->words ? segment_words : segment_string, with, with->behavior, err);
}

/* Every place of the text is in a match: only the behaviours that join or drop matches differ. */
static bool
fuse(const void *state, eg_fused *out)
{
    const split_state *with = state;
    if (!with->words || with->invert || with->behavior != EG_SPLIT_ISOLATED || out->words != EG_FUSED_WHOLE)
        return false;
    out->words = EG_FUSED_PATTERN;
    return true;
}

const eg_part_type eg_pretokenizer_split = {.name = "Split", .load = load, .split = split, .fuse = fuse};
