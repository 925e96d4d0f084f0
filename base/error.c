/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

void
eg_error_init(eg_error *err)
{
    if (!err)
        return;
    memset(err, 0, sizeof *err);
    err->size = sizeof *err;
}

/* vsnprintf into a fixed field, cut at a character boundary. */
static void
format_field(char *field, size_t n, const char *fmt, va_list args)
{
    int written = vsnprintf(field, n, fmt, args);
    if (written < 0)
        field[0] = '\0';
    else if ((size_t)written >= n)
        field[eg_utf8_floor(field, n - 1)] = '\0';
}

eg_status
eg_vfail_at(eg_error *err, eg_status code, const char *file, uint32_t line, uint32_t column, const char *fmt,
            va_list args)
{
    if (!err)
        return code;
    eg_error_init(err);
    err->code = code;
    err->line = line;
    err->column = column;
    if (file)
        snprintf(err->file, sizeof err->file, "%s", file);
    format_field(err->message, sizeof err->message, fmt, args);
    return code;
}

eg_status
eg_fail_at(eg_error *err, eg_status code, const char *file, uint32_t line, uint32_t column, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    eg_status status = eg_vfail_at(err, code, file, line, column, fmt, args);
    va_end(args);
    return status;
}

eg_status
eg_fail(eg_error *err, eg_status code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    eg_status status = eg_vfail_at(err, code, NULL, 0, 0, fmt, args);
    va_end(args);
    return status;
}

eg_status
eg_fail_nomem(eg_error *err, const char *what)
{
    return eg_fail(err, EG_E_NOMEM, "out of memory (%s)", what);
}

eg_status
eg_hint(eg_error *err, eg_status code, const char *fmt, ...)
{
    if (!err)
        return code;
    va_list args;
    va_start(args, fmt);
    format_field(err->hint, sizeof err->hint, fmt, args);
    va_end(args);
    return err->code;
}

void
eg_error_set_file(eg_error *err, const char *file)
{
    if (err && file && err->file[0] == '\0')
        snprintf(err->file, sizeof err->file, "%s", file);
}

/* Appends text with control characters and bad UTF-8 escaped; stops whole characters before the end. */
static size_t
append_escaped(char *out, size_t used, size_t n, const char *text)
{
    size_t length = strlen(text);
    for (size_t i = 0; i < length;) {
        uint32_t c;
        size_t step = eg_utf8_decode(text + i, length - i, &c);
        char piece[8];
        size_t piece_length;
        if (step == 0) {
            piece_length = (size_t)snprintf(piece, sizeof piece, "\\x%02x", (unsigned char)text[i]);
            step = 1;
        } else if (c == '\n' || c == '\t' || c == '\r') {
            piece_length = (size_t)snprintf(piece, sizeof piece, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
        } else if (c < 0x20 || (c >= 0x7f && c < 0xa0)) {
            piece_length = (size_t)snprintf(piece, sizeof piece, "\\x%02x", (unsigned)c);
        } else {
            memcpy(piece, text + i, step);
            piece_length = step;
        }
        if (used + piece_length >= n)
            break;
        memcpy(out + used, piece, piece_length);
        used += piece_length;
        i += step;
    }
    out[used] = '\0';
    return used;
}

size_t
eg_error_format(const eg_error *err, char *out, size_t n)
{
    if (n == 0)
        return 0;
    size_t used = 0;
    out[0] = '\0';
    if (err->file[0]) {
        used = append_escaped(out, used, n, err->file);
        char place[32];
        if (err->line && err->column)
            snprintf(place, sizeof place, ":%u:%u: ", err->line, err->column);
        else if (err->line)
            snprintf(place, sizeof place, ":%u: ", err->line);
        else
            snprintf(place, sizeof place, ": ");
        used = append_escaped(out, used, n, place);
    }
    used = append_escaped(out, used, n, err->message);
    if (err->hint[0]) {
        used = append_escaped(out, used, n, "; ");
        used = append_escaped(out, used, n, err->hint);
    }
    return used;
}
