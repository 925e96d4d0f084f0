/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/out.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/say.h"
#include "cli/utf8.h"

static void
write_all(eg_out *out, const char *data, size_t length)
{
    while (length > 0 && !out->failed) {
        ssize_t written = write(STDOUT_FILENO, data, length);
        if (written >= 0) {
            data += written;
            length -= (size_t)written;
        } else if (errno != EINTR) {
            out->failed = errno;
        }
    }
}

static void
empty(eg_out *out)
{
    write_all(out, out->data, out->used);
    out->used = 0;
}

void
eg_out_bytes(eg_out *out, const char *data, size_t length)
{
    if (length > sizeof out->data - out->used)
        empty(out);
    if (length > sizeof out->data) {
        write_all(out, data, length);
        return;
    }
    memcpy(out->data + out->used, data, length);
    out->used += length;
}

void
eg_out_text(eg_out *out, const char *text)
{
    eg_out_bytes(out, text, strlen(text));
}

void
eg_out_char(eg_out *out, char c)
{
    if (out->used == sizeof out->data)
        empty(out);
    out->data[out->used++] = c;
}

void
eg_out_format(eg_out *out, const char *fmt, ...)
{
    char text[1024];
    va_list args;
    va_start(args, fmt);
    int length = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (length > 0)
        eg_out_bytes(out, text, (size_t)length < sizeof text ? (size_t)length : sizeof text - 1);
}

void
eg_out_int(eg_out *out, int64_t value)
{
    eg_out_format(out, "%lld", (long long)value);
}

void
eg_out_float(eg_out *out, float value)
{
    if (sizeof out->data - out->used < 32)
        empty(out);
    out->used += eg_format_float(value, out->data + out->used);
}

void
eg_out_measure(eg_out *out, double value)
{
    eg_out_format(out, "%.6g", value);
}

/* How the byte is written in a JSON string: 0 as it is, 'u' as \u00XX, else after a backslash. */
static char
escape_of(unsigned char c)
{
    switch (c) {
    case '"':
    case '\\':
        return (char)c;
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    default:
        return c < 0x20 || c == 0x7f ? 'u' : '\0';
    }
}

void
eg_out_string(eg_out *out, const char *s, size_t length)
{
    eg_out_char(out, '"');
    size_t plain = 0; /* where the bytes that need no escape begin */
    for (size_t i = 0; i < length; i++) {
        char escape = escape_of((unsigned char)s[i]);
        if (!escape)
            continue;
        eg_out_bytes(out, s + plain, i - plain);
        plain = i + 1;
        if (escape == 'u') {
            eg_out_format(out, "\\u%04x", (unsigned char)s[i]);
        } else {
            eg_out_char(out, '\\');
            eg_out_char(out, escape);
        }
    }
    eg_out_bytes(out, s + plain, length - plain);
    eg_out_char(out, '"');
}

void
eg_out_key(eg_out *out, bool first, const char *key)
{
    if (!first)
        eg_out_char(out, ',');
    eg_out_string(out, key, strlen(key));
    eg_out_char(out, ':');
}

bool
eg_out_object(eg_out *out, const eg_string *id)
{
    bool has_id = id && id->data;
    eg_out_char(out, '{');
    if (has_id) {
        eg_out_key(out, true, "id");
        eg_out_bytes(out, id->data, id->length);
    }
    return !has_id;
}

void
eg_out_line(eg_out *out, eg_string text, size_t most)
{
    size_t at = 0;
    for (size_t count = 0; at < text.length; count++) {
        if (most && count == most) {
            eg_out_text(out, "...");
            return;
        }
        size_t length = eg_character(text.data + at, text.length - at);
        bool is_control = length <= 1 && ((unsigned char)text.data[at] < 0x20 || text.data[at] == 0x7f);
        eg_out_bytes(out, is_control ? " " : text.data + at, length ? length : 1);
        at += length ? length : 1;
    }
}

void
eg_out_discard(eg_out *out)
{
    out->used = 0;
}

eg_status
eg_out_flush(eg_out *out, eg_error *err)
{
    empty(out);
    if (!out->failed)
        return EG_OK;
    if (out->failed == EPIPE)
        return eg_fault(err, EG_E_IO, "%s", "");
    errno = out->failed;
    return eg_fault_errno(err, EG_E_IO, "standard output", "cannot be written");
}
