/* SPDX-License-Identifier: Apache-2.0 */
/* Decoders that put bytes together: ByteLevel and ByteFallback. */
#include <string.h>

#include "base/utf8.h"
#include "frontend/tokenizer/parts.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* The bytes that a token of stand-ins means; a token with any other character means itself. */
static void
append_bytes(eg_strbuf *out, const char *token, size_t length)
{
    size_t begin = out->length;
    for (size_t at = 0; at < length;) {
        uint32_t c;
        at += eg_utf8_decode(token + at, length - at, &c);
        int byte = eg_byte_of_stand_in(c);
        if (byte < 0) {
            if (out->failed)
                return;
            out->length = begin;
            eg_strbuf_append(out, token, length);
            return;
        }
        eg_strbuf_putc(out, (char)byte);
    }
}

/* How many of the bytes of a character that can not be completed belong to it: one U+FFFD is put for them. */
static size_t
broken_length(const unsigned char *text, size_t left)
{
    unsigned first = text[0], low = 0x80, high = 0xbf;
    size_t want = first >= 0xc2 && first < 0xe0   ? 2
                  : first >= 0xe0 && first < 0xf0 ? 3
                  : first >= 0xf0 && first < 0xf5 ? 4
                                                  : 1;
    if (first == 0xe0)
        low = 0xa0;
    if (first == 0xed)
        high = 0x9f;
    if (first == 0xf0)
        low = 0x90;
    if (first == 0xf4)
        high = 0x8f;
    size_t length = 1;
    while (length < want && length < left && text[length] >= low && text[length] <= high) {
        length++;
        low = 0x80;
        high = 0xbf;
    }
    return length;
}

static void
append_lossy(eg_strbuf *out, const char *text, size_t length)
{
    for (size_t at = 0, bad; at < length; at += bad) {
        if (eg_utf8_valid(text + at, length - at, &bad)) {
            eg_strbuf_append(out, text + at, length - at);
            return;
        }
        eg_strbuf_append(out, text + at, bad);
        eg_strbuf_puts(out, REPLACEMENT);
        bad += broken_length((const unsigned char *)text + at + bad, length - at - bad);
    }
}

static void
decode_byte_level(const void *state, const eg_decoding *in, eg_decoding *out)
{
    eg_strbuf bytes = {0};
    (void)state;
    for (size_t i = 0; i < in->ends.count; i++) {
        size_t length;
        const char *token = eg_decoding_token(in, i, &length);
        append_bytes(&bytes, token, length);
    }
    if (!bytes.failed)
        append_lossy(&out->text, bytes.data ? bytes.data : "", bytes.length);
    out->text.failed |= bytes.failed;
    eg_decoding_end(out);
    eg_strbuf_finish(&bytes);
}

/* The byte that "<0x0A>" names, or -1. As the library reads it, a sign may stand before one digit. */
static int
byte_named(const char *token, size_t length)
{
    int value = 0;
    if (length != 6 || memcmp(token, "<0x", 3) != 0 || token[5] != '>')
        return -1;
    for (int i = 3; i < 5; i++) {
        char c = token[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0 && !(i == 3 && c == '+'))
            return -1;
        value = value * 16 + (digit < 0 ? 0 : digit);
    }
    return value;
}

/* A run of bytes is text if it is valid as a whole, else one U+FFFD a byte. */
static void
end_run(eg_strbuf *run, eg_decoding *out)
{
    if (run->length == 0)
        return;
    if (eg_utf8_valid(run->data, run->length, NULL)) {
        eg_decoding_put(out, run->data, run->length);
    } else {
        for (size_t i = 0; i < run->length; i++)
            eg_decoding_put(out, REPLACEMENT, strlen(REPLACEMENT));
    }
    run->length = 0;
}

static void
decode_byte_fallback(const void *state, const eg_decoding *in, eg_decoding *out)
{
    eg_strbuf run = {0};
    (void)state;
    for (size_t i = 0; i < in->ends.count && !run.failed; i++) {
        size_t length;
        const char *token = eg_decoding_token(in, i, &length);
        int byte = byte_named(token, length);
        if (byte >= 0) {
            eg_strbuf_putc(&run, (char)byte);
            continue;
        }
        end_run(&run, out);
        eg_decoding_put(out, token, length);
    }
    if (!run.failed)
        end_run(&run, out);
    out->text.failed |= run.failed;
    eg_strbuf_finish(&run);
}

const eg_part_type eg_decoder_byte_level = {.name = "ByteLevel", .decode = decode_byte_level};
const eg_part_type eg_decoder_byte_fallback = {.name = "ByteFallback", .decode = decode_byte_fallback};
