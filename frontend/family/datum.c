/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/family/datum.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool
eg_datum_equal(const eg_datum *a, const eg_datum *b)
{
    if (a->type == EG_DATUM_INT && b->type == EG_DATUM_INT)
        return a->integer == b->integer;
    if (eg_datum_is_number(a) && eg_datum_is_number(b))
        return eg_datum_number(a) == eg_datum_number(b);
    if (a->type != b->type)
        return false;
    switch (a->type) {
    case EG_DATUM_NONE:
        return true;
    case EG_DATUM_BOOL:
        return a->boolean == b->boolean;
    case EG_DATUM_STRING:
        return strcmp(a->string, b->string) == 0;
    case EG_DATUM_LIST:
    case EG_DATUM_MAP:
        if (a->count != b->count)
            return false;
        for (size_t i = 0; i < a->count; i++) {
            if (a->type == EG_DATUM_MAP && strcmp(a->items[i].key, b->items[i].key) != 0)
                return false;
            if (!eg_datum_equal(&a->items[i], &b->items[i]))
                return false;
        }
        return true;
    default:
        return false;
    }
}

const char *
eg_datum_type_name(eg_datum_type type)
{
    static const char *const names[] = {"none",     "true or false", "an integer", "a number",
                                        "a string", "a list",        "a map"};
    return names[type];
}

/* The shortest decimal that reads back as the same number, with a point where it is a whole one. */
static void
write_real(double value, eg_strbuf *out)
{
    char text[40];
    if (value == floor(value) && fabs(value) < 1e15) {
        eg_strbuf_printf(out, "%.1f", value);
        return;
    }
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    eg_strbuf_puts(out, text);
}

void
eg_datum_write(const eg_datum *datum, eg_strbuf *out)
{
    switch (datum->type) {
    case EG_DATUM_NONE:
        eg_strbuf_puts(out, "null");
        break;
    case EG_DATUM_BOOL:
        eg_strbuf_puts(out, datum->boolean ? "true" : "false");
        break;
    case EG_DATUM_INT:
        eg_strbuf_printf(out, "%" PRId64, datum->integer);
        break;
    case EG_DATUM_REAL:
        write_real(datum->real, out);
        break;
    case EG_DATUM_STRING:
        eg_strbuf_json(out, datum->string, strlen(datum->string));
        break;
    case EG_DATUM_LIST:
    case EG_DATUM_MAP:
        eg_strbuf_putc(out, datum->type == EG_DATUM_LIST ? '[' : '{');
        for (size_t i = 0; i < datum->count; i++) {
            if (i)
                eg_strbuf_putc(out, ',');
            if (datum->type == EG_DATUM_MAP) {
                eg_strbuf_json(out, datum->items[i].key, strlen(datum->items[i].key));
                eg_strbuf_putc(out, ':');
            }
            eg_datum_write(&datum->items[i], out);
        }
        eg_strbuf_putc(out, datum->type == EG_DATUM_LIST ? ']' : '}');
        break;
    }
}

const char *
eg_datum_text(const eg_datum *datum, eg_arena *arena)
{
    switch (datum->type) {
    case EG_DATUM_BOOL:
        return datum->boolean ? "true" : "false";
    case EG_DATUM_INT:
        return eg_arena_printf(arena, "%" PRId64, datum->integer);
    case EG_DATUM_STRING:
        return datum->string;
    default:
        return NULL;
    }
}
