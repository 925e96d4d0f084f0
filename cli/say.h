/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the command says on stderr: lines that begin with "egbert: ", and the one line of the error that ends a run.
 * Thread-safety: eg_say() and eg_say_error() may be called from any thread.
 */
#ifndef EG_CLI_SAY_H
#define EG_CLI_SAY_H

#include <egbert/egbert.h>

#define EG_CLI_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* Returns from the function with the status of `call` unless it is EG_OK. */
#define EG_TRY(call)                                                                                                   \
    do {                                                                                                               \
        eg_status eg_try_status_ = (call);                                                                             \
        if (eg_try_status_ != EG_OK)                                                                                   \
            return eg_try_status_;                                                                                     \
    } while (0)

/*
 * Fill err and return code, so that `return eg_fault(…)` is one statement; or go before `return eg_fault_hint(…)`. `file` may be NULL; line and column count from 1, 0 means unknown.
 */
eg_status eg_fault(eg_error *err, eg_status code, const char *fmt, ...) EG_CLI_PRINTF(3, 4);
eg_status eg_fault_at(eg_error *err, eg_status code, const char *file, uint32_t line, uint32_t column, const char *fmt,
                      ...) EG_CLI_PRINTF(6, 7);
/* Adds what would be right; returns err's code. */
EG_NODISCARD eg_status eg_fault_hint(eg_error *err, const char *fmt, ...) EG_CLI_PRINTF(2, 3);
/* For errno after a failed call on `file`. */
eg_status eg_fault_errno(eg_error *err, eg_status code, const char *file, const char *what);

/* One line, written at once. Control characters are escaped. */
void eg_say(const char *fmt, ...) EG_CLI_PRINTF(1, 2);
/* "egbert: error: …", at most 2,000 characters. */
void eg_say_error(const eg_error *err);
/* An eg_log_fn: message becomes a line. */
void eg_say_log(void *user, int32_t level, const char *message);

/* What the process exits with: 1 to 4 are themselves, all other failures 1. */
int eg_exit_status(eg_status status);

#endif
