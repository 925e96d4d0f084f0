/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metaspace, after WhitespaceSplit or alone. A word goes to the model as the bytes of the text, in which a blank in front
 * stands for the mark; where the text has none there, the word is copied behind one.
 */
#include "base/utf8.h"
#include "frontend/tokenizer/fused.h"
#include "frontend/tokenizer/unicode.h"
#include "frontend/tokenizer/word_cache.h"

/* Bytes of the white space at `at`, which WhitespaceSplit drops; 0: there is none. */
static size_t
white_space(const char *text, size_t at, size_t length)
{
    uint32_t c = (unsigned char)text[at];
    size_t bytes = c < 0x80 ? 1 : eg_utf8_decode(text + at, length - at, &c);
    return eg_char_is(c, EG_CHAR_WHITE) ? bytes : 0;
}

static bool
is_mark(const eg_fused *fused, const char *text, size_t at, size_t length)
{
    return length - at >= fused->mark_length && memcmp(text + at, fused->mark, fused->mark_length) == 0;
}

/* Before the next blank or mark, or white space if that splits. */
static size_t
word_end(const eg_fused *fused, const char *text, size_t at, size_t length)
{
    for (at++; at < length; at++) {
        if (!fused->may_end[(unsigned char)text[at]])
            continue;
        if (text[at] == ' ' || is_mark(fused, text, at, length) ||
            (fused->drops_white && white_space(text, at, length) > 0))
            break;
    }
    return at;
}

/* A mark is put in front of the words that begin before this byte. */
static size_t
marked_before(const eg_fused *fused, const eg_stretch *stretch)
{
    size_t bytes = 0;
    if (fused->prefix != EG_FUSED_PREFIX_FIRST)
        return fused->prefix == EG_FUSED_PREFIX_ALWAYS ? SIZE_MAX : 0;
    if (!stretch->chars)
        return stretch->first == 0;
    for (const eg_char *c = stretch->chars; bytes < stretch->length && c->start == 0; c++) {
        uint32_t decoded;
        bytes += eg_utf8_decode(stretch->text + bytes, stretch->length - bytes, &decoded);
    }
    return bytes;
}

typedef struct piece {
    const char *text;
    size_t length;
    bool prefixed; /* with a blank that is not its own */
} piece;

/* The word with a blank in front: in the text, if it has one there. */
static eg_status
prefix(piece *word, bool follows_blank, eg_work *work, eg_error *err)
{
    word->prefixed = true;
    word->length++;
    if (follows_blank) {
        word->text--;
        return EG_OK;
    }
    if (!eg_grow((void **)&work->prefixed.items, &work->prefixed.capacity, word->length, 1))
        return eg_fail_nomem(err, "a text");
    work->prefixed.items[0] = ' ';
    memcpy(work->prefixed.items + 1, word->text, word->length - 1);
    word->text = work->prefixed.items;
    return EG_OK;
}

eg_status
eg_fused_metaspace(const eg_tokenizer *tokenizer, const eg_stretch *stretch, size_t limit, bool ids_only,
                   eg_word_cache *cache, eg_work *work, eg_tokens *out, eg_error *err)
{
    const eg_fused *fused = &tokenizer->fused;
    const char *text = stretch->text;
    size_t length = stretch->length, marked = marked_before(fused, stretch);
    eg_ruler ruler = {.stretch = stretch};
    bool begins = true; /* a word of the pre-tokenizer, not a part of one */
    for (size_t at = 0, end; at < length && out->count < limit; at = end) {
        size_t dropped =
            fused->drops_white && fused->may_end[(unsigned char)text[at]] ? white_space(text, at, length) : 0;
        end = at + dropped;
        if (dropped > 0) {
            begins = true;
            continue;
        }
        end = word_end(fused, text, at, length);
        piece word = {text + at, end - at, false};
        if (begins && at < marked && text[at] != ' ' && !is_mark(fused, text, at, length))
            EG_TRY(prefix(&word, at > 0 && text[at - 1] == ' ', work, err));
        begins = false;
        size_t first = out->count;
        EG_TRY(eg_fused_word(tokenizer, word.text, word.length, cache, work, out, err));
        if (!ids_only)
            eg_ruler_place(&ruler, at, word.prefixed, out, first);
    }
    return EG_OK;
}
