/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A strict reader of one JSON text: RFC 8259, no duplicate keys, no lone surrogates, nesting up to 64. For records of
 * an input file, and for the descriptions that the library gives.
 */
#ifndef EG_CLI_JSON_IN_H
#define EG_CLI_JSON_IN_H

#include <egbert/egbert.h>
#include <stdbool.h>

typedef enum eg_json_type {
    EG_JSON_NULL,
    EG_JSON_BOOL,
    EG_JSON_NUMBER,
    EG_JSON_STRING,
    EG_JSON_ARRAY,
    EG_JSON_OBJECT
} eg_json_type;

typedef struct eg_json {
    eg_json_type type;
    uint32_t count;     /* elements or members */
    eg_string raw;      /* as written; points into the text that was read */
    eg_string key;      /* in an object */
    const char *key_at; /* its place in the text */
    eg_string text;     /* of a string, unescaped */
    double number;      /* of a number; of a bool 0 or 1 */
    struct eg_json *first, *next;
} eg_json;

/* Memory of the values of one text; zeroed, it is empty. */
typedef struct eg_json_memory {
    struct eg_json_block *blocks;
} eg_json_memory;

/*
 * Reads `text`, which must outlive the result, as does `memory`. A fault is EG_E_INPUT with the column as its place;
 * the caller adds file and line.
 */
EG_NODISCARD eg_status eg_json_read(eg_json_memory *memory, eg_string text, eg_json **out, eg_error *err);
void eg_json_free(eg_json_memory *memory);

/* Characters up to `at`, from 1. */
uint32_t eg_json_column(eg_string text, const char *at);

/* For values that may lack: NULL in gives NULL, "", 0 or false. Keys and strings compare as whole C strings. */
const eg_json *eg_json_get(const eg_json *object, const char *key);
/* The text of a string, NUL-terminated. */
const char *eg_json_text(const eg_json *value);
double eg_json_number(const eg_json *value);

#endif
