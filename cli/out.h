/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stdout: a buffer, and the writers of numbers and JSON into it. A write that fails is remembered, all later ones do
 * nothing, and eg_out_flush() reports it; until it is called nothing needs a check.
 */
#ifndef EG_CLI_OUT_H
#define EG_CLI_OUT_H

#include <egbert/egbert.h>
#include <stdbool.h>

typedef struct eg_out {
    size_t used;
    int failed; /* errno of the write that failed, 0: none */
    char data[1 << 16];
} eg_out;

void eg_out_bytes(eg_out *out, const char *data, size_t length);
void eg_out_text(eg_out *out, const char *text);
void eg_out_char(eg_out *out, char c);
void eg_out_format(eg_out *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void eg_out_int(eg_out *out, int64_t value);
/* The shortest decimal that gives back the float; "-0.0" for negative zero. JSON has no NaN and no infinity: null. */
void eg_out_float(eg_out *out, float value);
/* A measured time or rate: six digits. */
void eg_out_measure(eg_out *out, double value);
/* A JSON string with its quotes. The bytes are UTF-8. */
void eg_out_string(eg_out *out, const char *s, size_t length);
/* "{" and, where there is one, the id of a record as it was written. Returns whether the next key is the first. */
bool eg_out_object(eg_out *out, const eg_string *id);
/* Text on one line of a table: control characters become blanks; at most `most` characters (0: all), then "...". */
void eg_out_line(eg_out *out, eg_string text, size_t most);
/* "key": with the comma before it unless `first`. */
void eg_out_key(eg_out *out, bool first, const char *key);

/* What eg_out_float writes, without a buffer; at least 24 bytes. Returns the length. */
size_t eg_format_float(float value, char *text);

/* Throws away what is not written yet: the run ends with an error. */
void eg_out_discard(eg_out *out);
/* Writes everything. EG_E_IO with a message, or with an empty one where the reader has gone (`egbert … | head`). */
EG_NODISCARD eg_status eg_out_flush(eg_out *out, eg_error *err);

#endif
