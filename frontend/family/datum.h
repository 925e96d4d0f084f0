/* SPDX-License-Identifier: Apache-2.0 */
/* What an expression of the family language gives and a config key holds. Immutable; strings lie in an arena. */
#ifndef EG_FRONTEND_FAMILY_DATUM_H
#define EG_FRONTEND_FAMILY_DATUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

typedef enum {
    EG_DATUM_NONE, /* `none`: nothing is meant, such as no window */
    EG_DATUM_BOOL,
    EG_DATUM_INT,
    EG_DATUM_REAL,
    EG_DATUM_STRING,
    EG_DATUM_LIST,
    EG_DATUM_MAP
} eg_datum_type;

typedef struct eg_datum eg_datum;
struct eg_datum {
    eg_datum_type type;
    const char *key; /* in a map */
    union {
        bool boolean;
        int64_t integer;
        double real;
        const char *string;
        struct {
            const eg_datum *items;
            size_t count;
        };
    };
};

static inline eg_datum
eg_datum_int(int64_t value)
{
    return (eg_datum){.type = EG_DATUM_INT, .integer = value};
}

static inline eg_datum
eg_datum_real(double value)
{
    return (eg_datum){.type = EG_DATUM_REAL, .real = value};
}

static inline eg_datum
eg_datum_bool(bool value)
{
    return (eg_datum){.type = EG_DATUM_BOOL, .boolean = value};
}

static inline eg_datum
eg_datum_string(const char *value)
{
    return (eg_datum){.type = EG_DATUM_STRING, .string = value};
}

static inline bool
eg_datum_is_number(const eg_datum *datum)
{
    return datum->type == EG_DATUM_INT || datum->type == EG_DATUM_REAL;
}

static inline double
eg_datum_number(const eg_datum *datum)
{
    return datum->type == EG_DATUM_INT ? (double)datum->integer : datum->real;
}

/* Numbers are equal by value, lists item by item; different types are not equal. */
bool eg_datum_equal(const eg_datum *a, const eg_datum *b);

/* "an integer", "a list", … */
const char *eg_datum_type_name(eg_datum_type type);

/* As JSON. */
void eg_datum_write(const eg_datum *datum, eg_strbuf *out);

/* The text that fills `{…}` in a name: 3, true, gelu. NULL for reals, lists, maps and none; lies in the arena. */
const char *eg_datum_text(const eg_datum *datum, eg_arena *arena);

#endif
