/* SPDX-License-Identifier: Apache-2.0 */
/* Text in pictures: escaped, cut to its room. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "engine/draw/draw.h"

/* XML 1.0 has no other control characters, and neither U+FFFE nor U+FFFF. */
static bool
is_xml_character(uint32_t c)
{
    return c == '\t' || c == '\n' || (c >= 0x20 && c != 0x7f && c != 0xfffe && c != 0xffff);
}

static void
put_character(eg_strbuf *out, const char *s, size_t n, uint32_t c)
{
    switch (c) {
    case '&':
        eg_strbuf_puts(out, "&amp;");
        break;
    case '<':
        eg_strbuf_puts(out, "&lt;");
        break;
    case '>':
        eg_strbuf_puts(out, "&gt;");
        break;
    case '"':
        eg_strbuf_puts(out, "&quot;");
        break;
    default:
        eg_strbuf_append(out, s, n);
    }
}

/* One character, or the replacement of one bad byte. Returns the bytes that it took. */
static size_t
put_next(eg_strbuf *out, const char *s, size_t left)
{
    uint32_t c = 0;
    size_t n = eg_utf8_decode(s, left, &c);
    if (n == 0 || !is_xml_character(c)) {
        eg_strbuf_puts(out, "\xef\xbf\xbd");
        return n ? n : 1;
    }
    put_character(out, s, n, c);
    return n;
}

static size_t
character_bytes(const char *s, size_t left)
{
    uint32_t c;
    size_t n = eg_utf8_decode(s, left, &c);
    return n ? n : 1;
}

static size_t
count_characters(const char *s, size_t length)
{
    size_t count = 0;
    for (size_t at = 0; at < length; count++)
        at += character_bytes(s + at, length - at);
    return count;
}

/* Writes characters [first, end) of the text. */
static void
put_characters(eg_strbuf *out, const char *s, size_t length, size_t first, size_t end)
{
    size_t number = 0;
    for (size_t at = 0; at < length && number < end; number++) {
        if (number >= first)
            at += put_next(out, s + at, length - at);
        else
            at += character_bytes(s + at, length - at);
    }
}

void
eg_xml_puts(eg_strbuf *out, const char *text)
{
    put_characters(out, text, strlen(text), 0, SIZE_MAX);
}

void
eg_xml_puts_cut(eg_strbuf *out, const char *text, size_t room, eg_cut cut)
{
    static const char ellipsis[] = "\xe2\x80\xa6";
    size_t length = strlen(text), count = count_characters(text, length);
    if (count <= room) {
        eg_xml_puts(out, text);
        return;
    }
    size_t kept = room ? room - 1 : 0;
    size_t head = cut == EG_CUT_BEGINNING ? 0 : cut == EG_CUT_END ? kept : kept / 2;
    put_characters(out, text, length, 0, head);
    eg_strbuf_puts(out, ellipsis);
    put_characters(out, text, length, count - (kept - head), SIZE_MAX);
}

void
eg_format_bytes(uint64_t bytes, char *out, size_t n)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    size_t unit = 0;
    for (; value >= 1024.0 && unit + 1 < sizeof units / sizeof *units; unit++)
        value /= 1024.0;
    snprintf(out, n, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

void
eg_format_shape(const eg_type *type, char *out, size_t n)
{
    char text[256];
    eg_type_format(type, text, sizeof text);
    const char *after_kind = strchr(text, ' ');
    snprintf(out, n, "%s", after_kind ? after_kind + 1 : text);
}
