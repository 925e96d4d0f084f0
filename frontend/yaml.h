/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML as Egbert means it, on libyaml's events: a tree in an arena in which every node keeps its place. Aliases,
 * anchors, tags, merge keys, a second document, duplicate keys, tabs as indentation, depth over 64, files over 1 MB,
 * bad UTF-8 and U+0000 are errors. BOM and CRLF are legal. Scalars keep whether they were quoted: a quoted "12" is a
 * string.
 *
 * Plain scalars: null/~/empty → NULL; true/false → BOOL; -?(0|[1-9][0-9]*) → INT; the same with a fraction and/or
 * exponent → REAL (finite only); everything else is a string. What looks like a number but is none of these (010, 0x10,
 * 1_000, 12abc, .5, +1, .inf, nan, yes/no/on/off) stays a string here, and the schema's accessors refuse it by name
 * where a number or boolean is wanted.
 *
 * Thread-safety: safe; a tree is immutable.
 */
#ifndef EG_FRONTEND_YAML_H
#define EG_FRONTEND_YAML_H

#include <stdbool.h>

#include "base/error.h"
#include "base/mem.h"

typedef enum {
    EG_YAML_NULL,
    EG_YAML_BOOL,
    EG_YAML_INT,
    EG_YAML_REAL,
    EG_YAML_STRING,
    EG_YAML_LIST,
    EG_YAML_MAP
} eg_yaml_type;

typedef struct eg_yaml eg_yaml;
struct eg_yaml {
    eg_yaml_type type;
    bool quoted;
    const char *file; /* in the arena, shared by the tree */
    uint32_t line, column;
    const char *key; /* in a map: this entry's key, always a string */
    uint32_t key_line, key_column;
    const char *text; /* scalars: the text as written, unquoted; "" for an empty plain scalar */
    size_t length;
    union {
        bool boolean;
        int64_t integer; /* INT */
        double real;     /* REAL; for INT use eg_yaml_number() */
        struct {
            eg_yaml **items;
            size_t count;
        };
    };
};

EG_NODISCARD eg_status eg_yaml_parse(const char *text, size_t n, const char *file, eg_arena *arena, const eg_yaml **out,
                                     eg_error *err);
EG_NODISCARD eg_status eg_yaml_load(const char *path, eg_arena *arena, const eg_yaml **out, eg_error *err);

/* A map's entry or NULL (also when map is NULL). */
const eg_yaml *eg_yaml_get(const eg_yaml *map, const char *key);

/* An error at the node (at its key with _key): "FILE:LINE:COL: …". */
EG_NODISCARD eg_status eg_yaml_fail(const eg_yaml *node, eg_error *err, const char *fmt, ...) EG_PRINTF(3, 4);
EG_NODISCARD eg_status eg_yaml_fail_key(const eg_yaml *node, eg_error *err, const char *fmt, ...) EG_PRINTF(3, 4);

const char *eg_yaml_type_name(const eg_yaml *node); /* "a map", "an integer", … */

/* Typed reading; each refuses another type at the place: "12abc is no integer; write -?(0|[1-9][0-9]*)". */
EG_NODISCARD eg_status eg_yaml_as_int(const eg_yaml *node, int64_t min, int64_t max, int64_t *out, eg_error *err);
EG_NODISCARD eg_status eg_yaml_as_number(const eg_yaml *node, double *out, eg_error *err);
EG_NODISCARD eg_status eg_yaml_as_bool(const eg_yaml *node, bool *out, eg_error *err);
EG_NODISCARD eg_status eg_yaml_as_string(const eg_yaml *node, const char **out, eg_error *err);
EG_NODISCARD eg_status eg_yaml_expect(const eg_yaml *node, eg_yaml_type type, eg_error *err);

/* Refuses any key of the map outside `known` ("unknown key 'hiden'; did you mean 'hidden'?"). */
EG_NODISCARD eg_status eg_yaml_check_keys(const eg_yaml *map, const char *const *known, size_t count, eg_error *err);

#endif
