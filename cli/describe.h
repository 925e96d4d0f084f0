/* SPDX-License-Identifier: Apache-2.0 */
/* The descriptions that the library gives as JSON: printed as they are, or read for a table. */
#ifndef EG_CLI_DESCRIBE_H
#define EG_CLI_DESCRIBE_H

#include "cli/json_in.h"
#include "cli/out.h"

typedef struct eg_description_text {
    char *text; /* the library's */
    eg_json_memory memory;
    eg_json *root;
} eg_description_text;

/* Takes `text` over. EG_E_INTERNAL if it is not JSON. */
EG_NODISCARD eg_status eg_description_read(char *text, eg_description_text *out, eg_error *err);
void eg_description_free(eg_description_text *description);

/* 109,482,240 */
void eg_print_count(eg_out *out, double value, int width);
/* 3.1 MiB */
void eg_print_bytes(eg_out *out, double bytes, int width);
/* A value as it reads best: a string without quotes, all else as JSON. */
void eg_print_value(eg_out *out, const eg_json *value);
/* Strings of an array, separated by ", "; members that are objects give their "name". */
void eg_print_names(eg_out *out, const eg_json *array);

#endif
