/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Normalizer and pre-tokenizer of the Moses classes. A text is done in blocks that end where no rule looks across, so
 * that what is rewritten again and again stays near. Where there is no such place the block is longer.
 */
#include "base/utf8.h"
#include "frontend/tokenizer/by_word.h"
#include "frontend/tokenizer/moses.h"

enum { BLOCK = 4096 }; /* bytes, and those up to the next such blank */

static bool
is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Behind the first blank that has a plain letter or digit on both sides: all that rules look at there stays as it is. */
static size_t
block_end(const eg_stretch *stretch, size_t begin)
{
    const char *text = stretch->text;
    if (stretch->length - begin <= BLOCK)
        return stretch->length;
    for (size_t i = begin + BLOCK; i + 1 < stretch->length; i++)
        if (text[i] == ' ' && is_plain(text[i - 1]) && is_plain(text[i + 1]))
            return i + 1;
    return stretch->length;
}

/* *first: the number of the original's character that the bytes begin with, and then of the next. */
static bool
read_text(const char *bytes, size_t length, uint32_t *first, eg_moses_text *text)
{
    eg_moses_row *row = &text->now;
    size_t count = 0;
    text->seen = (eg_moses_seen){0};
    if (!eg_grow((void **)&row->c, &row->capacity, length + 1, sizeof *row->c) ||
        (text->places && !eg_grow((void **)&row->from, &row->from_capacity, length + 1, sizeof *row->from)))
        return false;
    for (size_t at = 0; at < length; count++) {
        at += eg_utf8_decode(bytes + at, length - at, &row->c[count]);
        eg_moses_note(&text->seen, row->c[count]);
    }
    for (size_t i = 0; text->places && i < count; i++)
        row->from[i] = *first + (uint32_t)i;
    *first += (uint32_t)count;
    row->count = count;
    text->next.count = 0;
    return true;
}

static eg_status
encode_words(const eg_tokenizer *tokenizer, const eg_moses_text *text, size_t limit, eg_work *work, eg_tokens *out,
             eg_error *err)
{
    const eg_moses_row *row = &text->now;
    work->text.count = 0;
    for (size_t i = 0; i < row->count && out->count < limit; i++) {
        uint32_t from = text->places ? row->from[i] : 0;
        if (eg_moses_white(row->c[i]))
            EG_TRY(eg_by_word_end(tokenizer, work, out, err));
        else if (!EG_PUSH(&work->text, ((eg_char){row->c[i], from, from + 1})))
            return eg_fail_nomem(err, "a word");
    }
    return eg_by_word_end(tokenizer, work, out, err);
}

/* ---- Parts of a normalised text ---- */

/* Behind a symbol that will stand alone: nothing is cut by what is before it and behind it together. */
static size_t
part_end(const eg_moses *moses, const eg_moses_row *row, size_t begin)
{
    if (row->count - begin <= BLOCK)
        return row->count;
    for (size_t i = begin + BLOCK; i < row->count; i++)
        if (eg_moses_flags(moses, row->c[i]) & EG_MOSES_APART)
            return i + 1;
    return row->count;
}

/* The blank behind a symbol is before the part that follows. */
static bool
take_part(const eg_moses_text *whole, size_t begin, size_t end, eg_moses_text *out)
{
    const eg_moses_row *row = &whole->now;
    out->places = whole->places;
    out->seen = (eg_moses_seen){.ascii = {UINT64_C(1) << ' '}};
    out->next.count = 0;
    if (begin > 0 && !eg_moses_put(out, ' ', out->places ? row->from[begin - 1] : 0))
        return false;
    for (size_t i = begin; i < end; i++) {
        eg_moses_note(&out->seen, row->c[i]);
        if (!eg_moses_put(out, row->c[i], out->places ? row->from[i] : 0))
            return false;
    }
    eg_moses_swap(out);
    return true;
}

/* ---- All of it ---- */

static eg_status
encode_part(const eg_tokenizer *tokenizer, eg_moses_text *text, size_t limit, eg_work *work, eg_tokens *out,
            eg_error *err)
{
    const eg_moses *moses = tokenizer->pretokenizer.state;
    if (!eg_moses_cut(moses, text))
        return eg_fail_nomem(err, "words");
    if (moses->options.fold)
        EG_TRY(eg_moses_fold(moses, text, work, err));
    return encode_words(tokenizer, text, limit, work, out, err);
}

static eg_status
encode_block(const eg_tokenizer *tokenizer, size_t limit, eg_work *work, eg_tokens *out, eg_error *err)
{
    const eg_moses *moses = tokenizer->pretokenizer.state;
    eg_moses_text *whole = &work->moses->whole, *part = &work->moses->part;
    EG_TRY(eg_moses_normalize(moses, whole, work, err));
    eg_moses_squeeze(whole);
    if (whole->now.count <= 2 * BLOCK)
        return encode_part(tokenizer, whole, limit, work, out, err);
    for (size_t at = 0, end; at < whole->now.count && out->count < limit; at = end) {
        end = part_end(moses, &whole->now, at);
        if (!take_part(whole, at, end, part))
            return eg_fail_nomem(err, "words");
        EG_TRY(encode_part(tokenizer, part, limit, work, out, err));
    }
    return EG_OK;
}

static eg_status
encode(const eg_tokenizer *tokenizer, const eg_stretch *stretch, size_t limit, eg_work *work, eg_tokens *out,
       eg_error *err)
{
    uint32_t first = stretch->first;
    if (!work->moses && !(work->moses = eg_calloc(1, sizeof *work->moses)))
        return eg_fail_nomem(err, "an encoder");
    work->moses->whole.places = !work->ids_only;
    for (size_t at = 0, end; at < stretch->length && out->count < limit; at = end) {
        end = block_end(stretch, at);
        if (!read_text(stretch->text + at, end - at, &first, &work->moses->whole))
            return eg_fail_nomem(err, "a text");
        EG_TRY(encode_block(tokenizer, limit, work, out, err));
    }
    return EG_OK;
}

const eg_part_type eg_pretokenizer_moses = {.name = "Moses", .encode = encode};
