/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ByteLevel: words by GPT-2's pattern, then each byte of their UTF-8 as a printable character. The pattern, whose
 * alternatives are tried in this order at each place:
 *
 *   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 */
#include "base/utf8.h"
#include "frontend/tokenizer/parts.h"
#include "frontend/tokenizer/unicode.h"

enum { FIRST_MOVED = 256, MOVED_LOW = 33, MOVED_MIDDLE = 34 }; /* bytes that are not printable follow U+0100 */

uint32_t
eg_byte_stand_in(unsigned char byte)
{
    if (byte < MOVED_LOW)
        return FIRST_MOVED + byte;
    if (byte >= 127 && byte <= 160)
        return FIRST_MOVED + MOVED_LOW + (byte - 127u);
    if (byte == 173)
        return FIRST_MOVED + MOVED_LOW + MOVED_MIDDLE;
    return byte;
}

int
eg_byte_of_stand_in(uint32_t c)
{
    if (c >= FIRST_MOVED + MOVED_LOW + MOVED_MIDDLE)
        return c == FIRST_MOVED + MOVED_LOW + MOVED_MIDDLE ? 173 : -1;
    if (c >= FIRST_MOVED + MOVED_LOW)
        return (int)(c - FIRST_MOVED - MOVED_LOW) + 127;
    if (c >= FIRST_MOVED)
        return (int)(c - FIRST_MOVED);
    return eg_byte_stand_in((unsigned char)c) == c ? (int)c : -1;
}

typedef struct byte_level {
    bool add_prefix_space, use_regex;
} byte_level;

static eg_status
load(eg_loading *in, const eg_json *spec, const void **out_state, eg_error *err)
{
    byte_level *state = eg_arena_calloc(in->arena, 1, sizeof *state);
    if (!state)
        return eg_fail_nomem(err, "a pre-tokenizer");
    *state = (byte_level){true, true};
    EG_TRY(eg_read_bool(in, spec, "add_prefix_space", &state->add_prefix_space, err));
    EG_TRY(eg_read_bool(in, spec, "use_regex", &state->use_regex, err));
    *out_state = state;
    return EG_OK;
}

/* Length of the contraction at `at`, an apostrophe with it; 0: none. */
static size_t
contraction(const eg_char *text, size_t at, size_t end)
{
    if (text[at].c != '\'' || at + 1 >= end)
        return 0;
    uint32_t first = text[at + 1].c, second = at + 2 < end ? text[at + 2].c : 0;
    if (first == 's' || first == 't' || first == 'm' || first == 'd')
        return 2;
    bool two = (first == 'r' && second == 'e') || (first == 'v' && second == 'e') || (first == 'l' && second == 'l');
    return two ? 3 : 0;
}

static unsigned
kind_of(uint32_t c)
{
    return eg_unicode(c)->flags & (EG_CHAR_WHITE | EG_CHAR_LETTER | EG_CHAR_NUMBER);
}

/* Where the word that begins at `at` ends. */
static size_t
word_end(const eg_char *text, size_t at, size_t end)
{
    size_t short_form = contraction(text, at, end);
    if (short_form > 0)
        return at + short_form;
    size_t run = at + (text[at].c == ' ' && at + 1 < end);
    unsigned kind = kind_of(text[run].c);
    if (kind & EG_CHAR_WHITE) {
        for (run = at; run < end && kind_of(text[run].c) & EG_CHAR_WHITE;)
            run++;
        return run == end || run == at + 1 ? run : run - 1; /* the last blank goes with what follows */
    }
    while (run < end && kind_of(text[run].c) == kind)
        run++;
    return run;
}

static bool
segment(eg_work *work, eg_span word, const void *context)
{
    (void)context;
    for (size_t at = word.begin; at < word.end;) {
        size_t end = word_end(work->text.items, at, word.end);
        if (!EG_PUSH(&work->segments, ((eg_segment){at, end, true})))
            return false;
        at = end;
    }
    return true;
}

static void
swap_text(eg_work *work)
{
    eg_chars old = work->text;
    work->text = work->next;
    work->next = old;
}

/* A blank in front of each word that has none; it shares the place of the first character. */
static bool
put_prefixes(eg_work *work)
{
    work->next.count = 0;
    for (size_t i = 0; i < work->words.count; i++) {
        eg_span *word = &work->words.items[i];
        eg_char first = work->text.items[word->begin];
        size_t begin = work->next.count;
        bool missing = first.c != ' ';
        first.c = ' ';
        if (missing && !EG_PUSH(&work->next, first))
            return false;
        for (size_t at = word->begin; at < word->end; at++)
            if (!EG_PUSH(&work->next, work->text.items[at]))
                return false;
        *word = (eg_span){begin, work->next.count};
    }
    swap_text(work);
    return true;
}

/* Each character becomes the stand-ins of its bytes. */
static bool
spell_bytes(eg_work *work)
{
    work->next.count = 0;
    for (size_t i = 0; i < work->words.count; i++) {
        eg_span *word = &work->words.items[i];
        size_t begin = work->next.count;
        for (size_t at = word->begin; at < word->end; at++) {
            eg_char c = work->text.items[at];
            char bytes[4];
            size_t length = eg_utf8_encode(c.c, bytes);
            for (size_t j = 0; j < length; j++) {
                c.c = eg_byte_stand_in((unsigned char)bytes[j]);
                if (!EG_PUSH(&work->next, c))
                    return false;
            }
        }
        *word = (eg_span){begin, work->next.count};
    }
    swap_text(work);
    return true;
}

/* Drops words without characters: nothing is put before them, and no model sees them. */
static void
drop_empty(eg_spans *words)
{
    size_t kept = 0;
    for (size_t i = 0; i < words->count; i++)
        if (words->items[i].begin < words->items[i].end)
            words->items[kept++] = words->items[i];
    words->count = kept;
}

static eg_status
split(const void *state, eg_work *work, eg_error *err)
{
    const byte_level *with = state;
    drop_empty(&work->words);
    if (with->add_prefix_space && !put_prefixes(work))
        return eg_fail_nomem(err, "a text");
    if (with->use_regex)
        EG_TRY(eg_words_split_by(work, segment, NULL, EG_SPLIT_ISOLATED, err));
    return spell_bytes(work) ? EG_OK : eg_fail_nomem(err, "a text");
}

static bool
fuse(const void *state, eg_fused *out)
{
    const byte_level *with = state;
    out->bytes = true;
    if (!with->use_regex)
        return out->words == EG_FUSED_PATTERN && !with->add_prefix_space;
    if (out->words != EG_FUSED_WHOLE)
        return false;
    out->words = EG_FUSED_BYTE_LEVEL;
    out->prefix = with->add_prefix_space ? EG_FUSED_PREFIX_ALWAYS : EG_FUSED_PREFIX_NEVER;
    return true;
}

const eg_part_type eg_pretokenizer_byte_level = {.name = "ByteLevel", .load = load, .split = split, .fuse = fuse};
