/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BertNormalizer, BertPreTokenizer and WordPiece in one pass over the bytes. It rests on this: but for the order of
 * marks, what becomes of a character does not depend on its neighbours. Marks that are dropped may come in any order;
 * where one is kept, the stretch is left to the general path.
 */
#include <string.h>

#include "base/utf8.h"
#include "frontend/tokenizer/parts.h"
#include "frontend/tokenizer/unicode.h"

enum { KIND_WORD, KIND_SPACE, KIND_PUNCT, KIND_DROP, KIND_OTHER }; /* OTHER: not ASCII */
enum { MOST_CHARS = 256, MOST_BYTES = 4 * MOST_CHARS };

/* A word being put together. While `regular`, its bytes are the text's own, one character each. */
typedef struct eg_word {
    size_t bytes, chars;
    uint32_t start;
    bool regular, too_long;
    char text[MOST_BYTES];
    uint32_t of_byte[MOST_BYTES]; /* the original character of each byte, once irregular */
    uint64_t hashes[MOST_BYTES];
} eg_word;

typedef struct eg_pass {
    const eg_bert_fast *fast;
    eg_tokens *out;
    eg_word word;
    uint32_t last; /* the original's character that was seen last */
    bool nomem;
} eg_pass;

static uint8_t
kind_of(const eg_bert_normalizer *with, uint32_t c)
{
    unsigned flags = eg_unicode(c)->flags;
    if (with->clean_text && flags & EG_CHAR_REMOVED)
        return KIND_DROP;
    if (flags & EG_CHAR_WHITE)
        return KIND_SPACE;
    return flags & EG_CHAR_PUNCT ? KIND_PUNCT : KIND_WORD;
}

void
eg_bert_fast_new(eg_tokenizer *tokenizer)
{
    extern const eg_part_type eg_normalizer_bert, eg_pretokenizer_bert;
    extern const eg_model_type eg_model_wordpiece;
    eg_bert_fast *fast = &tokenizer->fast;
    if (tokenizer->normalizer.type != &eg_normalizer_bert || tokenizer->pretokenizer.type != &eg_pretokenizer_bert ||
        tokenizer->model_type != &eg_model_wordpiece || tokenizer->added.normalized.count > 0)
        return;
    fast->normalizer = *(const eg_bert_normalizer *)tokenizer->normalizer.state;
    fast->model = tokenizer->model;
    fast->usable = fast->model->max_chars <= MOST_CHARS && eg_wordpiece_hashes(fast->model) <= MOST_BYTES;
    for (int byte = 0; byte < 256; byte++) {
        bool upper = byte >= 'A' && byte <= 'Z';
        fast->kinds[byte] = byte < 128 ? kind_of(&fast->normalizer, (uint32_t)byte) : KIND_OTHER;
        fast->lower[byte] = (uint8_t)(fast->normalizer.lowercase && upper ? byte + 'a' - 'A' : byte);
    }
}

/* Turns the pieces of the word just matched, byte ranges, into characters of the original. */
static void
place(const eg_word *word, eg_tokens *out, size_t first)
{
    for (size_t i = first; i < out->count; i++) {
        uint32_t begin = out->starts[i], end = out->ends[i];
        out->starts[i] = word->regular ? word->start + begin : word->of_byte[begin];
        out->ends[i] = word->regular ? word->start + end : word->of_byte[end - 1] + 1;
    }
}

/* Ends the word, if there is one: its tokens. */
static void
flush(eg_pass *pass)
{
    eg_word *word = &pass->word;
    size_t first = pass->out->count;
    if (word->bytes == 0)
        return;
    if (!eg_tokens_reserve(pass->out, word->bytes)) {
        pass->nomem = true;
        return;
    }
    if (word->too_long || word->chars > pass->fast->model->max_chars) {
        eg_tokens_put(pass->out, pass->fast->model->unknown, word->start, pass->last + 1);
    } else {
        eg_wordpiece_match(pass->fast->model, word->text, word->bytes, word->hashes, pass->out);
        place(word, pass->out, first);
    }
    word->bytes = word->chars = 0;
    word->too_long = false;
}

static void
make_irregular(eg_word *word)
{
    if (word->bytes == 0 || !word->regular) /* of an empty word `regular` is not set */
        return;
    word->regular = false;
    for (size_t i = 0; i < word->bytes; i++)
        word->of_byte[i] = word->start + (uint32_t)i;
}

/* Adds a normalised character that came from the original's character `from`. */
static void
append(eg_pass *pass, uint32_t c, uint32_t from)
{
    eg_word *word = &pass->word;
    pass->last = from;
    if (word->bytes == 0) {
        word->start = from;
        word->regular = false;
    }
    make_irregular(word);
    if (word->chars == MOST_CHARS) {
        word->too_long = true;
        return;
    }
    size_t bytes = eg_utf8_encode(c, word->text + word->bytes);
    for (size_t i = 0; i < bytes; i++)
        word->of_byte[word->bytes++] = from;
    word->chars++;
}

/* A normalised character goes where BertPreTokenizer puts it. */
static void
sort_out(eg_pass *pass, uint32_t c, uint32_t from)
{
    unsigned flags = eg_unicode(c)->flags;
    if (flags & EG_CHAR_WHITE) {
        flush(pass);
    } else if (flags & EG_CHAR_PUNCT) {
        flush(pass);
        append(pass, c, from);
        flush(pass);
    } else {
        append(pass, c, from);
    }
}

/* Strip accents and lower case. False: a mark stays, so that its neighbours matter. */
static bool
rewrite(eg_pass *pass, uint32_t c, unsigned flags, uint32_t from)
{
    const eg_bert_normalizer *with = &pass->fast->normalizer;
    uint32_t parts[EG_UNICODE_LONGEST] = {c}, lower[2];
    size_t count = 1;
    if (with->strip_accents && flags & EG_CHAR_CANONICAL)
        count = eg_char_decompose(c, false, parts);
    for (size_t i = 0; i < count; i++) {
        if (with->strip_accents) {
            const eg_unicode_record *part = eg_unicode(parts[i]);
            if (part->flags & EG_CHAR_NONSPACING)
                continue;
            if (part->ccc != 0)
                return false;
        }
        size_t lowers = 1;
        lower[0] = parts[i];
        if (with->lowercase)
            lowers = eg_char_lower(parts[i], lower);
        for (size_t j = 0; j < lowers; j++)
            sort_out(pass, lower[j], from);
    }
    return true;
}

/* A character beyond ASCII. */
static bool
take_other(eg_pass *pass, uint32_t c, uint32_t from)
{
    const eg_bert_normalizer *with = &pass->fast->normalizer;
    unsigned flags = eg_unicode(c)->flags;
    bool pad = with->handle_chinese_chars && flags & EG_CHAR_CJK;
    make_irregular(&pass->word);
    if (with->clean_text && flags & EG_CHAR_REMOVED)
        return true;
    if (flags & EG_CHAR_WHITE && with->clean_text) {
        flush(pass);
        return true;
    }
    if (pad)
        flush(pass);
    if (!rewrite(pass, c, flags, from))
        return false;
    if (pad)
        flush(pass);
    return true;
}

/* ASCII letters and the like, from `at` on; returns where they end. */
static size_t
take_run(eg_pass *pass, const unsigned char *text, size_t at, size_t length, uint32_t from)
{
    const eg_bert_fast *fast = pass->fast;
    eg_word *word = &pass->word;
    size_t begin = at, room = MOST_CHARS - word->chars;
    if (word->bytes == 0) {
        word->start = from;
        word->regular = true;
    }
    for (; at < length && fast->kinds[text[at]] == KIND_WORD; at++) {
        if (at - begin == room) { /* more than any model takes: only where it ends matters */
            word->too_long = true;
            while (at < length && fast->kinds[text[at]] == KIND_WORD)
                at++;
            break;
        }
        if (!word->regular)
            word->of_byte[word->bytes] = from + (uint32_t)(at - begin);
        word->text[word->bytes++] = (char)fast->lower[text[at]];
        word->chars++;
    }
    pass->last = from + (uint32_t)(at - begin) - 1;
    return at;
}

bool
eg_bert_fast_encode(const eg_bert_fast *fast, const char *text, size_t length, uint32_t first, size_t limit,
                    eg_tokens *out, bool *out_nomem)
{
    const unsigned char *bytes = (const unsigned char *)text;
    size_t before = out->count;
    uint32_t at_char = first;
    eg_pass pass;
    pass.fast = fast;
    pass.out = out;
    pass.nomem = false;
    pass.last = first;
    pass.word.bytes = pass.word.chars = 0;
    pass.word.too_long = false;
    for (size_t at = 0; at < length && !pass.nomem && out->count < limit;) {
        size_t next = at + 1;
        uint32_t c = bytes[at];
        switch (fast->kinds[c]) {
        case KIND_WORD:
            next = take_run(&pass, bytes, at, length, at_char);
            at_char += (uint32_t)(next - at);
            break;
        case KIND_SPACE:
            flush(&pass);
            while (next < length && fast->kinds[bytes[next]] == KIND_SPACE)
                next++;
            at_char += (uint32_t)(next - at);
            break;
        case KIND_PUNCT:
            flush(&pass);
            append(&pass, c, at_char++);
            flush(&pass);
            break;
        case KIND_DROP:
            make_irregular(&pass.word);
            at_char++;
            break;
        default:
            next = at + eg_utf8_decode(text + at, length - at, &c);
            if (!take_other(&pass, c, at_char++)) {
                out->count = before;
                return false;
            }
        }
        at = next;
    }
    flush(&pass);
    *out_nomem = pass.nomem;
    return true;
}
