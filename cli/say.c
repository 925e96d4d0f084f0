/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/say.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/progress.h"
#include "cli/utf8.h"

#define LINE_MAX_BYTES 2000

/* vsnprintf into a field, cut where a character begins. */
static void
format_field(char *field, size_t n, const char *fmt, va_list args)
{
    int written = vsnprintf(field, n, fmt, args);
    if (written < 0)
        field[0] = '\0';
    else if ((size_t)written >= n)
        field[eg_cut(field, n - 1)] = '\0';
}

static eg_status
fill(eg_error *err, eg_status code, const char *file, uint32_t line, uint32_t column, const char *fmt, va_list args)
{
    memset(err, 0, sizeof *err);
    err->size = sizeof *err;
    err->code = code;
    err->line = line;
    err->column = column;
    if (file)
        snprintf(err->file, sizeof err->file, "%s", file);
    format_field(err->message, sizeof err->message, fmt, args);
    return code;
}

eg_status
eg_fault(eg_error *err, eg_status code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    eg_status status = fill(err, code, NULL, 0, 0, fmt, args);
    va_end(args);
    return status;
}

eg_status
eg_fault_at(eg_error *err, eg_status code, const char *file, uint32_t line, uint32_t column, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    eg_status status = fill(err, code, file, line, column, fmt, args);
    va_end(args);
    return status;
}

eg_status
eg_fault_hint(eg_error *err, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    format_field(err->hint, sizeof err->hint, fmt, args);
    va_end(args);
    return err->code;
}

eg_status
eg_fault_errno(eg_error *err, eg_status code, const char *file, const char *what)
{
    return eg_fault_at(err, code, file, 0, 0, "%s: %s", what, strerror(errno));
}

/* A line longer than the limit is cut; its end says so. */
static void
write_line(char *line, size_t length)
{
    line[length] = '\n';
    eg_progress_clear();
    for (size_t at = 0; at <= length;) {
        ssize_t written = write(STDERR_FILENO, line + at, length + 1 - at);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return; /* there is nowhere left to say it */
        at += (size_t)written;
    }
}

static void
say_prefixed(const char *prefix, const eg_error *what)
{
    char line[LINE_MAX_BYTES + 2];
    size_t length = strlen(prefix);
    memcpy(line, prefix, length);
    length += eg_error_text(what, line + length, LINE_MAX_BYTES - length + 1);
    write_line(line, length);
}

void
eg_say(const char *fmt, ...)
{
    eg_error message = {.size = sizeof message};
    va_list args;
    va_start(args, fmt);
    format_field(message.message, sizeof message.message, fmt, args);
    va_end(args);
    say_prefixed("egbert: ", &message);
}

void
eg_say_error(const eg_error *err)
{
    say_prefixed("egbert: error: ", err);
}

void
eg_say_log(void *user, int32_t level, const char *message)
{
    (void)user;
    eg_say("%s%s", level == EG_LOG_WARNING ? "warning: " : "", message);
}

int
eg_exit_status(eg_status status)
{
    return status >= EG_OK && status <= EG_E_BACKEND ? (int)status : (int)EG_E_FAILED;
}
