/* SPDX-License-Identifier: Apache-2.0 */
/* Decoders of transformers' Python classes: all tokens become one text, in which a mark is replaced; then no blanks are
 * left at the ends. */
#include <string.h>

#include "base/utf8.h"
#include "frontend/tokenizer/moses.h"

/* Where the text without the blanks at its ends begins; *length becomes its length. */
static const char *
strip(const char *text, size_t *length)
{
    uint32_t c;
    size_t begin = 0, end = *length;
    for (size_t step; begin < end && (step = eg_utf8_decode(text + begin, end - begin, &c)) && eg_moses_white(c);)
        begin += step;
    while (end > begin) {
        size_t last = eg_utf8_floor(text, end - 1);
        if (!eg_utf8_decode(text + last, end - last, &c) || !eg_moses_white(c))
            break;
        end = last;
    }
    *length = end - begin;
    return text + begin;
}

static void
decode(const eg_decoding *in, eg_decoding *out, const char *between, const char *mark, const char *instead)
{
    eg_strbuf joined = {0}, plain = {0};
    for (size_t i = 0; i < in->ends.count; i++) {
        size_t length;
        const char *token = eg_decoding_token(in, i, &length);
        if (i > 0)
            eg_strbuf_append(&joined, between, strlen(between));
        eg_strbuf_append(&joined, token, length);
    }
    for (size_t at = 0; at < joined.length && !joined.failed;) {
        const char *from = joined.data + at, *found = memmem(from, joined.length - at, mark, strlen(mark));
        size_t length = found ? (size_t)(found - from) : joined.length - at;
        eg_strbuf_append(&plain, from, length);
        if (found)
            eg_strbuf_append(&plain, instead, strlen(instead));
        at += length + (found ? strlen(mark) : 0);
    }
    size_t length = plain.length;
    const char *text = strip(plain.data ? plain.data : "", &length);
    out->text.failed |= joined.failed || plain.failed;
    eg_decoding_put(out, text, length);
    eg_strbuf_finish(&joined);
    eg_strbuf_finish(&plain);
}

/* Tokens ending in "@@" go on in the next. */
static void
decode_marked(const void *state, const eg_decoding *in, eg_decoding *out)
{
    (void)state;
    decode(in, out, " ", "@@ ", "");
}

/* "</w>" ends a word. */
static void
decode_ended(const void *state, const eg_decoding *in, eg_decoding *out)
{
    (void)state;
    decode(in, out, "", "</w>", " ");
}

const eg_part_type eg_decoder_marked = {.name = "marked pieces", .decode = decode_marked};
const eg_part_type eg_decoder_ended = {.name = "ended words", .decode = decode_ended};
