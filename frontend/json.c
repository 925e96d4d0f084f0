/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/json.h"

#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/map.h"
#include "base/utf8.h"
#include "frontend/json_number.h"

enum {
    DEFAULT_DEPTH = 128,
    FEW_MEMBERS = 12, /* up to here, comparing each key with each is faster than hashing */
    NUMBER_BUFFER = 64
};

typedef struct parser {
    const char *at, *end;
    const char *mark; /* a position whose place is known; places are asked for in the order of the text */
    uint32_t line, column;
    const char *file;
    uint32_t depth, max_depth;
    bool rounds_twice;
    eg_arena *arena;
    char *strings;        /* room for the strings to come: each takes less than it does in the text */
    EG_VEC(eg_json) open; /* the members so far of the containers that are not closed yet */
    locale_t c_locale;
    eg_error *err;
} parser;

/* --- places and errors --------------------------------------------------------------------------- */

static void
find_place(parser *p, const char *at)
{
    const char *line_start = NULL;
    for (const char *c = p->mark; c < at && (c = memchr(c, '\n', (size_t)(at - c))); c++) {
        p->line++;
        line_start = c + 1;
    }
    if (line_start)
        p->column = 1 + (uint32_t)eg_utf8_count(line_start, (size_t)(at - line_start));
    else
        p->column += (uint32_t)eg_utf8_count(p->mark, (size_t)(at - p->mark));
    p->mark = at;
}

static eg_status EG_PRINTF(3, 4) fail_at(parser *p, const char *at, const char *fmt, ...)
{
    find_place(p, at);
    va_list args;
    va_start(args, fmt);
    eg_status status = eg_vfail_at(p->err, EG_E_INPUT, p->file, p->line, p->column, fmt, args);
    va_end(args);
    return status;
}

/* "found X; expected Y" at the current position. */
static eg_status
fail_expected(parser *p, const char *expected)
{
    eg_status status;
    uint32_t c;
    size_t length = eg_utf8_decode(p->at, (size_t)(p->end - p->at), &c);
    if (p->at == p->end)
        status = fail_at(p, p->at, "the text ends too early");
    else if (length == 0)
        status = fail_at(p, p->at, "byte 0x%02x is not valid UTF-8", (unsigned char)*p->at);
    else if (c < 0x20 || c == 0x7f)
        status = fail_at(p, p->at, "unexpected character U+%04" PRIX32, c);
    else
        status = fail_at(p, p->at, "unexpected '%.*s'", (int)length, p->at);
    return eg_hint(p->err, status, "expected %s", expected);
}

/* --- text ---------------------------------------------------------------------------------------- */

static void
skip_space(parser *p)
{
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\n' || *p->at == '\r' || *p->at == '\t'))
        p->at++;
}

static bool
take(parser *p, char c)
{
    if (p->at == p->end || *p->at != c)
        return false;
    p->at++;
    return true;
}

static eg_status
parse_word(parser *p, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(p->end - p->at) < length || memcmp(p->at, word, length) != 0)
        return fail_expected(p, "a JSON value: true, false, null, a number, a string, an array or an object");
    p->at += length;
    return EG_OK;
}

/* --- strings ------------------------------------------------------------------------------------- */

/* Moves over the string's characters to its closing quote. */
static eg_status
scan_string(parser *p, bool *out_escapes)
{
    const char *start = p->at - 1, *at = p->at;
    *out_escapes = false;
    for (;;) {
        if (at == p->end) {
            eg_status status = fail_at(p, start, "the string has no end");
            return eg_hint(p->err, status, "expected a closing '\"'");
        }
        unsigned char c = (unsigned char)*at;
        if (c == '"')
            break;
        if (c >= 0x80) {
            uint32_t decoded;
            size_t length = eg_utf8_decode(at, (size_t)(p->end - at), &decoded);
            if (length == 0)
                return fail_at(p, at, "byte 0x%02x is not valid UTF-8", c);
            at += length;
            continue;
        }
        if (c < 0x20) {
            eg_status status = fail_at(p, at, "control character U+%04X in a string", c);
            return eg_hint(p->err, status, "expected an escape such as \\n or \\u%04x", c);
        }
        if (c == '\\') {
            *out_escapes = true;
            at++;
            if (at == p->end)
                continue;
            if ((unsigned char)*at < 0x20 || (unsigned char)*at >= 0x80) {
                eg_status status = fail_at(p, at - 1, "unknown escape in a string");
                return eg_hint(p->err, status, "expected one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX");
            }
        }
        at++;
    }
    p->at = at;
    return EG_OK;
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The four digits after "\u", or false. */
static bool
parse_hex4(const char *at, const char *end, uint32_t *out)
{
    if (end - at < 4)
        return false;
    *out = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(at[i]);
        if (digit < 0)
            return false;
        *out = *out << 4 | (uint32_t)digit;
    }
    return true;
}

/* *at is at the backslash of "\u"; moves it over the escape, both halves of a pair. */
static eg_status
parse_unicode_escape(parser *p, const char **at, const char *end, uint32_t *out)
{
    const char *start = *at;
    uint32_t high, low;
    if (!parse_hex4(start + 2, end, &high)) {
        eg_status status = fail_at(p, start, "bad \\u escape in a string");
        return eg_hint(p->err, status, "expected four hexadecimal digits after \\u");
    }
    *at = start + 6;
    *out = high;
    if (high < 0xd800 || high > 0xdfff)
        return EG_OK;
    bool paired = high <= 0xdbff && end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u' &&
                  parse_hex4(*at + 2, end, &low) && low >= 0xdc00 && low <= 0xdfff;
    if (!paired) {
        eg_status status = fail_at(p, start, "lone surrogate \\u%04" PRIx32 " in a string", high);
        return eg_hint(p->err, status, "expected \\ud800-\\udbff followed by \\udc00-\\udfff");
    }
    *at += 6;
    *out = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    return EG_OK;
}

/* Copies the text before `end` into p->strings with its escapes replaced. */
static eg_status
unescape(parser *p, const char *at, const char *end)
{
    while (at < end) {
        const char *backslash = memchr(at, '\\', (size_t)(end - at));
        size_t plain = (size_t)((backslash ? backslash : end) - at);
        memcpy(p->strings, at, plain);
        p->strings += plain;
        at += plain;
        if (!backslash)
            break;
        if (at[1] == 'u') {
            uint32_t c = 0;
            EG_TRY(parse_unicode_escape(p, &at, end, &c));
            p->strings += eg_utf8_encode(c, p->strings);
            continue;
        }
        static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
        const char *found = memchr(from, at[1], sizeof from - 1);
        if (!found) {
            eg_status status = fail_at(p, at, "unknown escape \\%c in a string", at[1]);
            return eg_hint(p->err, status, "expected one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX");
        }
        *p->strings++ = to[found - from];
        at += 2;
    }
    return EG_OK;
}

/* At the character after the opening quote. */
static eg_status
parse_string(parser *p, const char **out, size_t *out_length)
{
    const char *start = p->at;
    bool escapes;
    EG_TRY(scan_string(p, &escapes));
    *out = p->strings;
    if (escapes) {
        EG_TRY(unescape(p, start, p->at));
    } else {
        memcpy(p->strings, start, (size_t)(p->at - start));
        p->strings += p->at - start;
    }
    *out_length = (size_t)(p->strings - *out);
    *p->strings++ = '\0';
    p->at++;
    return EG_OK;
}

/* --- numbers ------------------------------------------------------------------------------------- */

static bool
is_digit(const parser *p)
{
    return p->at < p->end && *p->at >= '0' && *p->at <= '9';
}

static void
take_digit(parser *p, eg_json_number *n, bool behind_point)
{
    uint64_t digit = (uint64_t)(*p->at++ - '0'), longer;
    n->full =
        n->full || __builtin_mul_overflow(n->digits, 10, &longer) || __builtin_add_overflow(longer, digit, &longer);
    if (n->full) {
        n->small = false;
        n->scale += !behind_point;
    } else {
        n->digits = longer;
        n->scale -= behind_point;
    }
}

static eg_status
scan_exponent(parser *p, eg_json_number *n)
{
    bool negative = take(p, '-');
    if (!negative)
        (void)take(p, '+');
    if (!is_digit(p))
        return fail_expected(p, "a digit of the exponent");
    int64_t exponent = 0;
    for (; is_digit(p); p->at++)
        if (exponent < INT64_C(1) << 40)
            exponent = exponent * 10 + (*p->at - '0');
    n->scale += negative ? -exponent : exponent;
    return EG_OK;
}

/* -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)? */
static eg_status
scan_number(parser *p, eg_json_number *n)
{
    *n = (eg_json_number){.start = p->at, .integral = true, .small = true};
    n->negative = take(p, '-');
    if (take(p, '0')) {
        if (is_digit(p)) {
            eg_status status = fail_at(p, n->start, "a number begins with a superfluous 0");
            return eg_hint(p->err, status, "expected 0 alone or a number that begins with 1 to 9");
        }
    } else {
        if (!is_digit(p))
            return fail_expected(p, "a digit");
        while (is_digit(p))
            take_digit(p, n, false);
    }
    if (take(p, '.')) {
        n->integral = n->full = false;
        if (!is_digit(p))
            return fail_expected(p, "a digit after the decimal point");
        while (is_digit(p))
            take_digit(p, n, true);
    }
    if (take(p, 'e') || take(p, 'E')) {
        n->integral = false;
        EG_TRY(scan_exponent(p, n));
    }
    n->length = (size_t)(p->at - n->start);
    return EG_OK;
}

static eg_status
convert(parser *p, const eg_json_number *n, double *out)
{
    if (!eg_json_number_convert(n, p->rounds_twice, &p->c_locale, out))
        return eg_fail_nomem(p->err, "a JSON number");
    if (isfinite(*out))
        return EG_OK;
    return fail_at(p, n->start, "%.*s is beyond the range of a double", n->length > 40 ? 40 : (int)n->length, n->start);
}

static bool
fits_int64(const eg_json_number *n, int64_t *out)
{
    if (!n->integral || !n->small || n->digits > (uint64_t)INT64_MAX + n->negative)
        return false;
    *out = (int64_t)(n->negative ? 0 - n->digits : n->digits);
    return true;
}

static eg_status
parse_number(parser *p, eg_json *value)
{
    eg_json_number n;
    EG_TRY(scan_number(p, &n));
    value->type = !n.integral ? EG_JSON_REAL : fits_int64(&n, &value->integer) ? EG_JSON_INT : EG_JSON_BIG;
    return convert(p, &n, &value->real);
}

/* --- containers ---------------------------------------------------------------------------------- */

static eg_status
fail_duplicate(parser *p, const eg_json *first, const eg_json *second)
{
    eg_status status =
        eg_fail_at(p->err, EG_E_INPUT, p->file, second->key_line, second->key_column, "duplicate key '%.*s'",
                   (int)(second->key_length < 200 ? second->key_length : 200), second->key);
    return eg_hint(p->err, status, "it is already at line %" PRIu32 ", column %" PRIu32, first->key_line,
                   first->key_column);
}

static bool
same_key(const eg_json *a, const eg_json *b)
{
    return a->key_length == b->key_length && memcmp(a->key, b->key, a->key_length) == 0;
}

static eg_status
check_few_keys(parser *p, const eg_json *members, size_t count)
{
    for (size_t i = 1; i < count; i++)
        for (size_t j = 0; j < i; j++)
            if (same_key(&members[i], &members[j]))
                return fail_duplicate(p, &members[j], &members[i]);
    return EG_OK;
}

/* A hash table of members. Its slots are small, because the table of a large vocabulary is all cache misses. */
typedef struct key_slot {
    uint32_t hash;
    uint32_t member; /* its number + 1; 0: empty */
} key_slot;

typedef struct key_table {
    key_slot *slots;
    size_t mask;
    uint64_t seed;
} key_table;

/* The member that has the key of members[i] already, or NULL once members[i] is in the table. */
static const eg_json *
put_key(const key_table *table, const eg_json *members, size_t i, uint32_t hash)
{
    size_t at = hash & table->mask;
    for (; table->slots[at].member; at = (at + 1) & table->mask) {
        const eg_json *other = &members[table->slots[at].member - 1];
        if (table->slots[at].hash == hash && same_key(other, &members[i]))
            return other;
    }
    table->slots[at] = (key_slot){hash, (uint32_t)i + 1};
    return NULL;
}

static eg_status
put_keys(parser *p, const key_table *table, const eg_json *members, size_t count)
{
    uint32_t hashes[32];
    const size_t batch = sizeof hashes / sizeof *hashes;
    for (size_t start = 0; start < count; start += batch) {
        size_t n = count - start < batch ? count - start : batch;
        for (size_t i = 0; i < n; i++) { /* ahead, so that the cache misses overlap */
            hashes[i] = eg_hash(table->seed, members[start + i].key, members[start + i].key_length);
            __builtin_prefetch(&table->slots[hashes[i] & table->mask], 1);
        }
        for (size_t i = 0; i < n; i++) {
            const eg_json *other = put_key(table, members, start + i, hashes[i]);
            if (other)
                return fail_duplicate(p, other, &members[start + i]);
        }
    }
    return EG_OK;
}

static eg_status
check_many_keys(parser *p, const eg_json *members, size_t count)
{
    size_t capacity = 64;
    while (capacity < 2 * count)
        capacity *= 2;
    key_slot *slots = count < UINT32_MAX / 4 ? eg_calloc(capacity, sizeof *slots) : NULL;
    if (!slots)
        return eg_fail_nomem(p->err, "the keys of a JSON object");
    key_table table = {slots, capacity - 1, eg_hash_seed(slots)};
    eg_status status = put_keys(p, &table, members, count);
    eg_free(slots);
    return status;
}

static eg_status parse_value(parser *p, eg_json *value);

static eg_status
parse_member(parser *p, bool keyed)
{
    eg_json member = {0};
    if (keyed) {
        if (p->at == p->end || *p->at != '"')
            return fail_expected(p, "a key in double quotes");
        find_place(p, p->at);
        member.key_line = p->line;
        member.key_column = p->column;
        p->at++;
        EG_TRY(parse_string(p, &member.key, &member.key_length));
        skip_space(p);
        if (!take(p, ':'))
            return fail_expected(p, "':' after the key");
        skip_space(p);
    }
    EG_TRY(parse_value(p, &member));
    if (!EG_PUSH(&p->open, member))
        return eg_fail_nomem(p->err, "a JSON tree");
    return EG_OK;
}

/* At the character after the opening bracket. */
static eg_status
parse_container(parser *p, eg_json *value, char closing)
{
    bool keyed = value->type == EG_JSON_OBJECT;
    if (p->depth++ == p->max_depth)
        return fail_at(p, p->at - 1, "nested deeper than %" PRIu32 " levels", p->max_depth);
    size_t first = p->open.count;
    skip_space(p);
    if (!take(p, closing)) {
        for (;;) {
            EG_TRY(parse_member(p, keyed));
            skip_space(p);
            if (take(p, closing))
                break;
            if (!take(p, ','))
                return fail_expected(p, keyed ? "',' or '}'" : "',' or ']'");
            skip_space(p);
        }
    }
    value->count = p->open.count - first;
    value->items = NULL;
    if (value->count > 0) {
        const eg_json *members = p->open.items + first;
        size_t bytes = value->count * sizeof *members; /* as many lie in p->open, so it cannot overflow */
        value->items = eg_arena_alloc(p->arena, bytes);
        if (!value->items)
            return eg_fail_nomem(p->err, "a JSON tree");
        memcpy(value->items, members, bytes);
        p->open.count = first;
    }
    p->depth--;
    if (!keyed)
        return EG_OK;
    return value->count <= FEW_MEMBERS ? check_few_keys(p, value->items, value->count)
                                       : check_many_keys(p, value->items, value->count);
}

static eg_status
parse_value(parser *p, eg_json *value)
{
    find_place(p, p->at);
    value->line = p->line;
    value->column = p->column;
    switch (p->at < p->end ? *p->at : '\0') {
    case '{':
        p->at++;
        value->type = EG_JSON_OBJECT;
        return parse_container(p, value, '}');
    case '[':
        p->at++;
        value->type = EG_JSON_ARRAY;
        return parse_container(p, value, ']');
    case '"':
        p->at++;
        value->type = EG_JSON_STRING;
        return parse_string(p, &value->string, &value->length);
    case 't':
        value->type = EG_JSON_BOOL;
        value->boolean = true;
        return parse_word(p, "true");
    case 'f':
        value->type = EG_JSON_BOOL;
        value->boolean = false;
        return parse_word(p, "false");
    case 'n':
        value->type = EG_JSON_NULL;
        return parse_word(p, "null");
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        return parse_number(p, value);
    default:
        return fail_expected(p, "a JSON value: true, false, null, a number, a string, an array or an object");
    }
}

static eg_status
check_encoding(parser *p)
{
    size_t n = (size_t)(p->end - p->at);
    eg_status status;
    if (n >= 3 && memcmp(p->at, "\xef\xbb\xbf", 3) == 0)
        status = fail_at(p, p->at, "begins with a byte order mark, which is not JSON");
    else if (n >= 2 && (memcmp(p->at, "\xff\xfe", 2) == 0 || memcmp(p->at, "\xfe\xff", 2) == 0))
        status = fail_at(p, p->at, "is UTF-16, which is not JSON");
    else
        return EG_OK;
    return eg_hint(p->err, status, "save it as UTF-8 without a byte order mark");
}

static eg_status
parse_text(parser *p, eg_json *root)
{
    EG_TRY(check_encoding(p));
    skip_space(p);
    if (p->at == p->end) {
        eg_status status = fail_at(p, p->end, "the text is empty");
        return eg_hint(p->err, status, "expected a JSON value");
    }
    EG_TRY(parse_value(p, root));
    skip_space(p);
    if (p->at < p->end)
        return fail_expected(p, "nothing after the end of the JSON value");
    return EG_OK;
}

eg_status
eg_json_parse(const char *text, size_t n, const char *file, const eg_json_limits *limits, eg_arena *arena,
              const eg_json **out, eg_error *err)
{
    if (limits && limits->max_bytes > 0 && n > limits->max_bytes)
        return eg_fail_at(err, EG_E_INPUT, file, 0, 0, "has %zu bytes, more than the %zu that are allowed", n,
                          limits->max_bytes);
    if (!text) /* an empty file has no mapping */
        text = "";
    eg_json *root = eg_arena_calloc(arena, 1, sizeof *root);
    char *strings = eg_arena_alloc(arena, n);
    if (!root || !strings)
        return eg_fail_nomem(err, "a JSON tree");
    parser p = {.at = text,
                .end = text + n,
                .mark = text,
                .line = 1,
                .column = 1,
                .file = file,
                .max_depth = limits && limits->max_depth > 0 ? limits->max_depth : DEFAULT_DEPTH,
                .rounds_twice = limits && limits->rounds_twice,
                .arena = arena,
                .strings = strings,
                .err = err};
    eg_status status = parse_text(&p, root);
    eg_free(p.open.items);
    if (p.c_locale)
        freelocale(p.c_locale);
    if (status == EG_OK)
        *out = root;
    return status;
}

/* --- reading the tree ---------------------------------------------------------------------------- */

const eg_json *
eg_json_get(const eg_json *object, const char *key)
{
    if (!object || object->type != EG_JSON_OBJECT)
        return NULL;
    size_t length = strlen(key);
    for (size_t i = 0; i < object->count; i++)
        if (object->items[i].key_length == length && memcmp(object->items[i].key, key, length) == 0)
            return &object->items[i];
    return NULL;
}

const char *
eg_json_type_name(const eg_json *value)
{
    switch (value->type) {
    case EG_JSON_NULL:
        return "null";
    case EG_JSON_BOOL:
        return "a boolean";
    case EG_JSON_INT:
        return "an integer";
    case EG_JSON_REAL:
        return "a number with a fraction or exponent";
    case EG_JSON_BIG:
        return "an integer beyond 64 bits";
    case EG_JSON_STRING:
        return "a string";
    case EG_JSON_ARRAY:
        return "an array";
    case EG_JSON_OBJECT:
        return "an object";
    }
    return "unknown";
}

eg_status
eg_json_wrong_type(const eg_json *value, const char *file, const char *expected, eg_error *err)
{
    eg_status status;
    if (value->key)
        status = eg_fail_at(err, EG_E_INPUT, file, value->line, value->column, "'%s' is %s", value->key,
                            eg_json_type_name(value));
    else
        status =
            eg_fail_at(err, EG_E_INPUT, file, value->line, value->column, "the value is %s", eg_json_type_name(value));
    return eg_hint(err, status, "expected %s", expected);
}

/* The shortest digits that read back as the same double; a fraction is kept, so that it stays a real. */
static void
write_real(double real, eg_strbuf *out)
{
    char text[NUMBER_BUFFER];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, real);
        if (strtod(text, NULL) == real)
            break;
    }
    eg_strbuf_puts(out, text);
    if (!strpbrk(text, ".e"))
        eg_strbuf_puts(out, ".0");
}

static void
write_value(const eg_json *value, eg_strbuf *out)
{
    switch (value->type) {
    case EG_JSON_NULL:
        eg_strbuf_puts(out, "null");
        break;
    case EG_JSON_BOOL:
        eg_strbuf_puts(out, value->boolean ? "true" : "false");
        break;
    case EG_JSON_INT:
        eg_strbuf_printf(out, "%" PRId64, value->integer);
        break;
    case EG_JSON_REAL:
        write_real(value->real, out);
        break;
    case EG_JSON_BIG:
        eg_strbuf_printf(out, "%.0f", value->real);
        break;
    case EG_JSON_STRING:
        eg_strbuf_json(out, value->string, value->length);
        break;
    case EG_JSON_ARRAY:
    case EG_JSON_OBJECT: {
        bool keyed = value->type == EG_JSON_OBJECT;
        eg_strbuf_putc(out, keyed ? '{' : '[');
        for (size_t i = 0; i < value->count; i++) {
            if (i > 0)
                eg_strbuf_putc(out, ',');
            if (keyed) {
                eg_strbuf_json(out, value->items[i].key, value->items[i].key_length);
                eg_strbuf_putc(out, ':');
            }
            write_value(&value->items[i], out);
        }
        eg_strbuf_putc(out, keyed ? '}' : ']');
        break;
    }
    }
}

void
eg_json_write(const eg_json *value, eg_strbuf *out)
{
    locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!c_locale) {
        out->failed = true;
        return;
    }
    locale_t previous = uselocale(c_locale); /* this thread's decimal point */
    write_value(value, out);
    uselocale(previous);
    freelocale(c_locale);
}
