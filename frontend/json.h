/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A strict JSON reader (RFC 8259): the whole text becomes a tree in an arena. Duplicate keys, bad UTF-8, lone
 * surrogates, NaN, control characters in strings, trailing text and depth beyond the limit are errors with the place.
 *
 * Thread-safety: safe; a tree is immutable and may be read from any thread.
 */
#ifndef EG_FRONTEND_JSON_H
#define EG_FRONTEND_JSON_H

#include <stdbool.h>

#include "base/error.h"
#include "base/mem.h"

typedef enum {
    EG_JSON_NULL,
    EG_JSON_BOOL,
    EG_JSON_INT,  /* fits int64_t: `integer`, and `real` too */
    EG_JSON_REAL, /* has a fraction or exponent, finite: `real` */
    EG_JSON_BIG,  /* an integer beyond 64 bits: only `real`; legal where a limit is meant and none is */
    EG_JSON_STRING,
    EG_JSON_ARRAY,
    EG_JSON_OBJECT
} eg_json_type;

typedef struct eg_json eg_json;
struct eg_json {
    eg_json_type type;
    uint32_t line, column; /* of the value, from 1; columns count characters */
    uint32_t key_line, key_column;
    const char *key; /* in an object: the member's key, NUL-terminated; it may hold U+0000, so key_length counts */
    size_t key_length;
    union {
        bool boolean;
        struct {
            int64_t integer;
            double real;
        };
        struct {
            const char *string; /* NUL-terminated; may hold U+0000 before length */
            size_t length;
        };
        struct {
            eg_json *items; /* elements, or members in the order of the file */
            size_t count;
        };
    };
};

typedef struct eg_json_limits {
    uint32_t max_depth; /* 0 = 128 */
    size_t max_bytes;   /* 0 = no limit */
    /*
     * Off: a real is the double nearest to it. On: as Hugging Face's tokenizers has it, whose reader (serde_json) rounds
     * twice: the first digits, as many as 64 bits hold, to a double, and that times or divided by a power of ten.
     */
    bool rounds_twice;
} eg_json_limits;

/*
 * Parses n bytes. Strings are copied, so neither `text` nor `file` (for messages) must outlive the call. limits may be
 * NULL. EG_E_INPUT with the place on any fault, EG_E_NOMEM.
 */
EG_NODISCARD eg_status eg_json_parse(const char *text, size_t n, const char *file, const eg_json_limits *limits,
                                     eg_arena *arena, const eg_json **out, eg_error *err);

/* The member of an object by NUL-terminated key, or NULL (also where `object` is NULL or no object). Linear. */
const eg_json *eg_json_get(const eg_json *object, const char *key);

/* The type's name for messages: "a string", "an integer", … */
const char *eg_json_type_name(const eg_json *value);

/* EG_E_INPUT at the value's place: "KEY is a string; expected an integer". */
EG_NODISCARD eg_status eg_json_wrong_type(const eg_json *value, const char *file, const char *expected, eg_error *err);

/* The value at its place as compact JSON text, for messages and `inspect`. */
void eg_json_write(const eg_json *value, eg_strbuf *out);

#endif
