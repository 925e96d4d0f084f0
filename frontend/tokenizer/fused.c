/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/tokenizer/fused.h"

#include "base/utf8.h"
#include "frontend/tokenizer/unicode.h"

/* ---- Where words end ---- */

enum { KINDS = EG_CHAR_WHITE | EG_CHAR_LETTER | EG_CHAR_NUMBER };

/* The kind of the character at `at`, and its bytes. */
static inline unsigned
kind_at(const eg_fused *fused, const char *text, size_t at, size_t length, size_t *out_bytes)
{
    unsigned char byte = (unsigned char)text[at];
    uint32_t c;
    *out_bytes = 1;
    if (byte < 0x80)
        return fused->kinds[byte];
    *out_bytes = eg_utf8_decode(text + at, length - at, &c);
    return eg_unicode(c)->flags & KINDS;
}

/* The end of the run of characters of this kind that begins at `at`. */
static inline size_t
run_end(const eg_fused *fused, unsigned kind, const char *text, size_t at, size_t length)
{
    for (size_t bytes; at < length; at += bytes)
        if (kind_at(fused, text, at, length, &bytes) != kind)
            break;
    return at;
}

/* Length of the contraction at an apostrophe; 0: none. */
static size_t
contraction(const char *text, size_t left)
{
    char first = left > 1 ? text[1] : 0, second = left > 2 ? text[2] : 0;
    if (first == 's' || first == 't' || first == 'm' || first == 'd')
        return 2;
    bool two = (first == 'r' && second == 'e') || (first == 'v' && second == 'e') || (first == 'l' && second == 'l');
    return two ? 3 : 0;
}

/* Blanks: all of them at the end of the text, else all but the last, which goes with what follows. */
static size_t
blanks_end(const eg_fused *fused, const char *text, size_t at, size_t length)
{
    size_t last = at, end = at, bytes;
    while (end < length && kind_at(fused, text, end, length, &bytes) & EG_CHAR_WHITE) {
        last = end;
        end += bytes;
    }
    return end == length || last == at ? end : last;
}

/* By the pattern of ByteLevel (pretokenizer_byte_level.c). */
static size_t
byte_level_end(const eg_fused *fused, const char *text, size_t at, size_t length)
{
    size_t run = at + (text[at] == ' ' && at + 1 < length), bytes;
    if (text[at] == '\'') {
        size_t short_form = contraction(text + at, length - at);
        if (short_form > 0)
            return at + short_form;
    }
    unsigned kind = kind_at(fused, text, run, length, &bytes);
    if (kind & EG_CHAR_WHITE)
        return blanks_end(fused, text, at, length);
    return run_end(fused, kind, text, run + bytes, length);
}

static bool
is_line_end(char byte)
{
    return byte == '\r' || byte == '\n';
}

/* A letter of a contraction in lower case; the long s, of two bytes, is one. *at moves behind it; 0: none. */
static char
fold(const char *text, size_t length, size_t *at)
{
    size_t left = length - *at;
    if (left > 1 && memcmp(text + *at, "\u017f", 2) == 0) {
        *at += 2;
        return 's';
    }
    char c = left > 0 ? text[(*at)++] : 0;
    return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

/* The end of the contraction at an apostrophe, in either case; `at`: none. */
static size_t
folded_contraction(const char *text, size_t at, size_t length)
{
    size_t one = at + 1, two;
    char first = fold(text, length, &one);
    two = one;
    char second = fold(text, length, &two);
    if (first == 's' || first == 't' || first == 'm' || first == 'd')
        return one;
    return ((first == 'r' || first == 'v') && second == 'e') || (first == 'l' && second == 'l') ? two : at;
}

/* Three numeric characters at most. */
static size_t
digits_end(const eg_fused *fused, const char *text, size_t at, size_t length)
{
    size_t bytes;
    for (int i = 0; i < 3 && at < length && kind_at(fused, text, at, length, &bytes) == EG_CHAR_NUMBER; i++)
        at += bytes;
    return at;
}

/* Blanks up to their last line end, if there is one. */
static size_t
lines_end(const eg_fused *fused, const char *text, size_t at, size_t length)
{
    size_t lines = at, bytes;
    for (size_t end = at; end < length && kind_at(fused, text, end, length, &bytes) & EG_CHAR_WHITE; end += bytes)
        if (is_line_end(text[end]))
            lines = end + 1;
    return lines > at ? lines : blanks_end(fused, text, at, length);
}

/* By the pattern of Split (pretokenizer_split.c). */
static size_t
pattern_end(const eg_fused *fused, const char *text, size_t at, size_t length)
{
    size_t bytes, more, end = text[at] == '\'' ? folded_contraction(text, at, length) : at;
    unsigned kind = kind_at(fused, text, at, length, &bytes);
    if (end > at)
        return end;
    if (kind == EG_CHAR_LETTER)
        return run_end(fused, kind, text, at + bytes, length);
    if (kind == EG_CHAR_NUMBER)
        return digits_end(fused, text, at, length);
    if (!is_line_end(text[at]) && at + bytes < length &&
        kind_at(fused, text, at + bytes, length, &more) == EG_CHAR_LETTER)
        return run_end(fused, EG_CHAR_LETTER, text, at + bytes + more, length);
    end = at + (text[at] == ' ');
    if (end == length || kind_at(fused, text, end, length, &bytes) != 0)
        return lines_end(fused, text, at, length);
    for (end = run_end(fused, 0, text, end, length); end < length && is_line_end(text[end]);)
        end++;
    return end;
}

static inline size_t
word_end(const eg_fused *fused, const char *text, size_t at, size_t length)
{
    switch (fused->words) {
    case EG_FUSED_BYTE_LEVEL:
        return byte_level_end(fused, text, at, length);
    case EG_FUSED_PATTERN:
        return pattern_end(fused, text, at, length);
    case EG_FUSED_METASPACE: /* fused_metaspace.c */
    case EG_FUSED_WHITE:
    case EG_FUSED_WHOLE:
        break;
    }
    return length;
}

/* ---- Making ---- */

void
eg_fused_new(eg_tokenizer *tokenizer)
{
    const eg_part *pretokenizer = &tokenizer->pretokenizer;
    eg_fused *fused = &tokenizer->fused;
    if (!pretokenizer->type || !pretokenizer->type->fuse || !tokenizer->model_type->fuses)
        return;
    fused->usable =
        pretokenizer->type->fuse(pretokenizer->state, fused) && tokenizer->model_type->fuses(tokenizer->model, fused);
    for (uint32_t c = 0; c < 0x80; c++)
        fused->kinds[c] = (uint16_t)(eg_unicode(c)->flags & KINDS);
}

/* ---- Encoding ---- */

/* A blank in front, if the pre-tokenizer puts one there. It shares the place of the first character. */
static eg_status
put_prefix(const eg_fused *fused, eg_stretch *stretch, eg_work *work, bool *out_put, eg_error *err)
{
    *out_put = fused->prefix == EG_FUSED_PREFIX_ALWAYS && stretch->text[0] != ' ';
    if (!*out_put)
        return EG_OK;
    if (!eg_grow((void **)&work->prefixed.items, &work->prefixed.capacity, stretch->length + 1, 1))
        return eg_fail_nomem(err, "a text");
    work->prefixed.items[0] = ' ';
    memcpy(work->prefixed.items + 1, stretch->text, stretch->length);
    stretch->text = work->prefixed.items;
    stretch->length++;
    return EG_OK;
}

static inline bool
continues(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

static size_t
away(const struct eg_ruler_mark *mark, size_t byte)
{
    return byte > mark->byte ? byte - mark->byte : mark->byte - byte;
}

/* Puts the mark on the character that has this byte, from where it is or from the other, whichever is nearer. */
static size_t
char_at(const char *text, size_t byte, struct eg_ruler_mark *mark, const struct eg_ruler_mark *other)
{
    if (away(other, byte) < away(mark, byte))
        *mark = *other;
    for (; mark->byte > byte; mark->byte--) /* a character cut in several tokens */
        mark->at -= !continues(text[mark->byte]);
    while (mark->byte < byte)
        mark->at += !continues(text[++mark->byte]);
    return mark->at;
}

void
eg_ruler_place(eg_ruler *ruler, size_t word, bool prefixed, eg_tokens *out, size_t first)
{
    const eg_stretch *stretch = ruler->stretch;
    for (size_t i = first; i < out->count; i++) {
        size_t from = out->starts[i], last = out->ends[i] - 1;
        from += word - (prefixed && from > 0);
        last += word - (prefixed && last > 0);
        size_t begin = char_at(stretch->text, from, &ruler->begin, &ruler->end);
        size_t end = char_at(stretch->text, last, &ruler->end, &ruler->begin);
        out->starts[i] = stretch->chars ? stretch->chars[begin].start : stretch->first + (uint32_t)begin;
        out->ends[i] = stretch->chars ? stretch->chars[end].end : stretch->first + (uint32_t)end + 1;
    }
}

eg_status
eg_fused_encode(const eg_tokenizer *tokenizer, const eg_stretch *stretch, size_t limit, bool ids_only, eg_work *work,
                eg_tokens *out, eg_error *err)
{
    const eg_fused *fused = &tokenizer->fused;
    eg_stretch whole = *stretch;
    eg_ruler ruler = {.stretch = stretch};
    bool prefixed;
    eg_word_cache *cache = eg_word_cache_of(work, tokenizer);
    if (!cache)
        return eg_fail_nomem(err, "an encoder");
    if (stretch->length == 0)
        return EG_OK;
    if (fused->words == EG_FUSED_METASPACE)
        return eg_fused_metaspace(tokenizer, stretch, limit, ids_only, cache, work, out, err);
    EG_TRY(put_prefix(fused, &whole, work, &prefixed, err));
    for (size_t at = 0, end; at < whole.length && out->count < limit; at = end) {
        size_t first = out->count;
        end = word_end(fused, whole.text, at, whole.length);
        EG_TRY(eg_fused_word(tokenizer, whole.text + at, end - at, cache, work, out, err));
        if (!ids_only)
            eg_ruler_place(&ruler, at > 0 ? at - prefixed : 0, prefixed && at == 0, out, first);
    }
    return EG_OK;
}
