/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filling an eg_error. Every function that can fail returns an eg_status and takes `eg_error *err` last; err may
 * be NULL when the caller wants the code only. An error is one line: file, place, what is wrong, what would be right.
 *
 * Thread-safety: safe; an eg_error belongs to its caller.
 */
#ifndef EG_BASE_ERROR_H
#define EG_BASE_ERROR_H

#include <egbert/plugin.h>
#include <stdarg.h>
#include <stddef.h>

#define EG_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* Returns from the function with the status of `call` unless it is EG_OK. */
#define EG_TRY(call)                                                                                                   \
    do {                                                                                                               \
        eg_status eg_try_status_ = (call);                                                                             \
        if (eg_try_status_ != EG_OK)                                                                                   \
            return eg_try_status_;                                                                                     \
    } while (0)

/* An empty error with its size set. */
void eg_error_init(eg_error *err);

/* Sets code and message, no place. Returns code, so that `return eg_fail(err, …)` is one statement. */
EG_NODISCARD eg_status eg_fail(eg_error *err, eg_status code, const char *fmt, ...) EG_PRINTF(3, 4);

/* The same with a place. file may be NULL; line and column count from 1, 0 = unknown. */
EG_NODISCARD eg_status eg_fail_at(eg_error *err, eg_status code, const char *file, uint32_t line, uint32_t column,
                                  const char *fmt, ...) EG_PRINTF(6, 7);
EG_NODISCARD eg_status eg_vfail_at(eg_error *err, eg_status code, const char *file, uint32_t line, uint32_t column,
                                   const char *fmt, va_list args);

/* Out of memory while doing `what` (an object, such as "graph values"). */
EG_NODISCARD eg_status eg_fail_nomem(eg_error *err, const char *what);

/* Adds what would be right. Keeps the code; returns err's code, or `code` when err is NULL. */
EG_NODISCARD eg_status eg_hint(eg_error *err, eg_status code, const char *fmt, ...) EG_PRINTF(3, 4);

/* Puts a file name on an error that has none yet (a reader of bytes does not know its file). */
void eg_error_set_file(eg_error *err, const char *file);

/*
 * "FILE:LINE:COLUMN: message; hint" with as much of the place as there is, control characters escaped, valid
 * UTF-8, NUL-terminated, at most n - 1 bytes. Returns the bytes written.
 */
size_t eg_error_format(const eg_error *err, char *out, size_t n);

#endif
