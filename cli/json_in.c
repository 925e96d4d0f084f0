/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/json_in.h"

#include <stdlib.h>
#include <string.h>

#include "cli/say.h"
#include "cli/utf8.h"

#define DEPTH_MAX 64
#define BLOCK_BYTES 4096

struct eg_json_block {
    struct eg_json_block *next;
    size_t used, size;
    _Alignas(16) char data[];
};

typedef struct reader {
    eg_json_memory *memory;
    const char *begin, *at, *end;
    eg_error *err;
    unsigned depth;
} reader;

/* --- memory -------------------------------------------------------------------------------------- */

static eg_status
take(reader *r, size_t size, void **out)
{
    struct eg_json_block *block = r->memory->blocks;
    size = (size + 15) & ~(size_t)15;
    if (!block || block->size - block->used < size) {
        size_t room = size > BLOCK_BYTES ? size : BLOCK_BYTES;
        block = malloc(sizeof *block + room);
        if (!block)
            return eg_fault(r->err, EG_E_NOMEM, "out of memory");
        *block = (struct eg_json_block){.next = r->memory->blocks, .size = room};
        r->memory->blocks = block;
    }
    *out = block->data + block->used;
    block->used += size;
    return EG_OK;
}

void
eg_json_free(eg_json_memory *memory)
{
    for (struct eg_json_block *block = memory->blocks; block;) {
        struct eg_json_block *next = block->next;
        free(block);
        block = next;
    }
    memory->blocks = NULL;
}

/* --- faults -------------------------------------------------------------------------------------- */

uint32_t
eg_json_column(eg_string text, const char *at)
{
    return (uint32_t)eg_characters(text.data, (size_t)(at - text.data)) + 1;
}

static uint32_t
column_of(const reader *r, const char *at)
{
    return eg_json_column((eg_string){r->begin, (size_t)(r->end - r->begin)}, at);
}

static eg_status
bad(reader *r, const char *at, const char *what)
{
    return eg_fault_at(r->err, EG_E_INPUT, NULL, 0, column_of(r, at), "%s", what);
}

/* --- strings ------------------------------------------------------------------------------------- */

static int
hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Four hexadecimal digits. */
static eg_status
read_unit(reader *r, uint32_t *out)
{
    *out = 0;
    for (int i = 0; i < 4; i++) {
        int digit = r->at < r->end ? hex_digit(*r->at) : -1;
        if (digit < 0)
            return bad(r, r->at, "\\u needs four hexadecimal digits");
        *out = *out << 4 | (uint32_t)digit;
        r->at++;
    }
    return EG_OK;
}

/* After "\u": a character, from one unit or a pair of surrogates. */
static eg_status
read_escaped_character(reader *r, uint32_t *out)
{
    const char *begin = r->at - 2;
    uint32_t unit, low;
    EG_TRY(read_unit(r, &unit));
    *out = unit;
    if (unit < 0xd800 || unit > 0xdfff)
        return EG_OK;
    if (unit > 0xdbff || r->end - r->at < 2 || r->at[0] != '\\' || r->at[1] != 'u')
        return bad(r, begin, "a lone surrogate");
    r->at += 2;
    EG_TRY(read_unit(r, &low));
    if (low < 0xdc00 || low > 0xdfff)
        return bad(r, begin, "a lone surrogate");
    *out = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
    return EG_OK;
}

/* After a backslash. */
static eg_status
read_escape(reader *r, char **to)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    char c = r->at < r->end ? *r->at++ : '\0';
    const char *name = c ? strchr(names, c) : NULL;
    if (name) {
        *(*to)++ = values[name - names];
        return EG_OK;
    }
    if (c != 'u')
        return bad(r, r->at - 1, "an unknown escape in a string");
    uint32_t character;
    EG_TRY(read_escaped_character(r, &character));
    *to += eg_put_character(character, *to);
    return EG_OK;
}

/* r->at is on the opening quote. The text is unescaped into memory, with a NUL behind it. */
static eg_status
read_string(reader *r, eg_string *out)
{
    const char *open = r->at++, *close = r->at;
    while (close < r->end && *close != '"')
        close += *close == '\\' && r->end - close > 1 ? 2 : 1;
    if (close >= r->end)
        return bad(r, open, "a string without its closing quote");
    char *data;
    EG_TRY(take(r, (size_t)(close - r->at) + 1, (void **)&data)); /* an escape is never shorter than its character */
    char *to = data;
    while (r->at < close) {
        unsigned char c = (unsigned char)*r->at;
        if (c < 0x20)
            return bad(r, r->at, "a control character in a string; it is written as an escape such as \\n");
        if (c == '\\') {
            r->at++;
            EG_TRY(read_escape(r, &to));
        } else {
            *to++ = *r->at++;
        }
    }
    r->at = close + 1;
    *to = '\0';
    *out = (eg_string){data, (size_t)(to - data)};
    return EG_OK;
}

/* --- values -------------------------------------------------------------------------------------- */

static void
skip_blanks(reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
        r->at++;
}

static bool
skip_char(reader *r, char c)
{
    skip_blanks(r);
    if (r->at >= r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

static size_t
digits_at(const reader *r, const char *at)
{
    size_t n = 0;
    while (at + n < r->end && at[n] >= '0' && at[n] <= '9')
        n++;
    return n;
}

static eg_status
read_number(reader *r, eg_json *value)
{
    const char *begin = r->at, *at = begin + (*begin == '-');
    size_t whole = digits_at(r, at);
    if (whole == 0 || (*at == '0' && whole > 1))
        return bad(r, begin, whole ? "a number with leading zeros" : "not a JSON value");
    at += whole;
    if (at < r->end && *at == '.') {
        size_t part = digits_at(r, ++at);
        if (part == 0)
            return bad(r, begin, "a number that ends with its point");
        at += part;
    }
    if (at < r->end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < r->end && (*at == '+' || *at == '-'))
            at++;
        size_t exponent = digits_at(r, at);
        if (exponent == 0)
            return bad(r, begin, "a number without its exponent");
        at += exponent;
    }
    size_t length = (size_t)(at - begin);
    char *copy; /* strtod() needs an end */
    EG_TRY(take(r, length + 1, (void **)&copy));
    memcpy(copy, begin, length);
    copy[length] = '\0';
    value->type = EG_JSON_NUMBER;
    value->number = strtod(copy, NULL);
    r->at = at;
    return EG_OK;
}

static eg_status
read_word(reader *r, eg_json *value)
{
    static const struct {
        const char *word;
        eg_json_type type;
        double number;
    } words[] = {{"null", EG_JSON_NULL, 0}, {"true", EG_JSON_BOOL, 1}, {"false", EG_JSON_BOOL, 0}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t length = strlen(words[i].word);
        if ((size_t)(r->end - r->at) >= length && memcmp(r->at, words[i].word, length) == 0) {
            value->type = words[i].type;
            value->number = words[i].number;
            r->at += length;
            return EG_OK;
        }
    }
    return bad(r, r->at, r->at < r->end ? "not a JSON value" : "the text ends where a value should be");
}

static eg_status read_value(reader *r, eg_json **out);

static bool
same(eg_string a, eg_string b)
{
    return a.length == b.length && memcmp(a.data, b.data, a.length) == 0;
}

/* Records and descriptions have few keys, so looking at all of them is quick enough; more are refused. */
static eg_status
read_key(reader *r, const eg_json *object, eg_string *out, const char **out_at)
{
    skip_blanks(r);
    if (r->at >= r->end || *r->at != '"')
        return bad(r, r->at, "a key in quotes should be here");
    const char *begin = *out_at = r->at;
    EG_TRY(read_string(r, out));
    if (object->count >= 4096)
        return bad(r, begin, "an object of more than 4096 keys");
    for (const eg_json *member = object->first; member; member = member->next)
        if (same(member->key, *out))
            return eg_fault_at(r->err, EG_E_INPUT, NULL, 0, column_of(r, begin), "duplicate key \"%.100s\"", out->data);
    if (!skip_char(r, ':'))
        return bad(r, r->at, "a ':' should be here");
    return EG_OK;
}

/* After the opening bracket. */
static eg_status
read_members(reader *r, eg_json *value, char close)
{
    eg_json **link = &value->first;
    if (skip_char(r, close))
        return EG_OK;
    do {
        eg_string key = {0};
        const char *key_at = NULL;
        if (value->type == EG_JSON_OBJECT)
            EG_TRY(read_key(r, value, &key, &key_at));
        EG_TRY(read_value(r, link));
        (*link)->key = key;
        (*link)->key_at = key_at;
        link = &(*link)->next;
        value->count++;
    } while (skip_char(r, ','));
    if (!skip_char(r, close))
        return bad(r, r->at, close == '}' ? "a ',' or '}' should be here" : "a ',' or ']' should be here");
    return EG_OK;
}

static eg_status
read_container(reader *r, eg_json *value)
{
    if (++r->depth > DEPTH_MAX)
        return bad(r, r->at, "nested deeper than 64");
    bool object = *r->at++ == '{';
    value->type = object ? EG_JSON_OBJECT : EG_JSON_ARRAY;
    EG_TRY(read_members(r, value, object ? '}' : ']'));
    r->depth--;
    return EG_OK;
}

static eg_status
read_value(reader *r, eg_json **out)
{
    eg_json *value;
    EG_TRY(take(r, sizeof *value, (void **)&value));
    *value = (eg_json){0};
    skip_blanks(r);
    const char *begin = r->at;
    char c = begin < r->end ? *begin : '\0';
    if (c == '{' || c == '[') {
        EG_TRY(read_container(r, value));
    } else if (c == '"') {
        value->type = EG_JSON_STRING;
        EG_TRY(read_string(r, &value->text));
    } else if (c == '-' || (c >= '0' && c <= '9')) {
        EG_TRY(read_number(r, value));
    } else {
        EG_TRY(read_word(r, value));
    }
    value->raw = (eg_string){begin, (size_t)(r->at - begin)};
    *out = value;
    return EG_OK;
}

eg_status
eg_json_read(eg_json_memory *memory, eg_string text, eg_json **out, eg_error *err)
{
    reader r = {.memory = memory, .begin = text.data, .at = text.data, .end = text.data + text.length, .err = err};
    uint32_t column;
    if (!eg_is_utf8(text.data, text.length, &column))
        return eg_fault_at(err, EG_E_INPUT, NULL, 0, column, "invalid UTF-8");
    EG_TRY(read_value(&r, out));
    skip_blanks(&r);
    return r.at == r.end ? EG_OK : bad(&r, r.at, "more text after the value");
}

const eg_json *
eg_json_get(const eg_json *object, const char *key)
{
    if (!object || object->type != EG_JSON_OBJECT)
        return NULL;
    for (const eg_json *member = object->first; member; member = member->next)
        if (same(member->key, (eg_string){key, strlen(key)}))
            return member;
    return NULL;
}

const char *
eg_json_text(const eg_json *value)
{
    return value && value->type == EG_JSON_STRING ? value->text.data : "";
}

double
eg_json_number(const eg_json *value)
{
    return value && (value->type == EG_JSON_NUMBER || value->type == EG_JSON_BOOL) ? value->number : 0.0;
}
