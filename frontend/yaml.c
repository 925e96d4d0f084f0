/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/yaml.h"

#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/map.h"
#include "base/utf8.h"
#include "frontend/file.h"

enum {
    MAX_BYTES = 1 << 20,
    MAX_DEPTH = 64, /* far below where the scanner of libyaml, quadratic in the depth, would be slow */
    FEW_KEYS = 12
};

typedef struct parser {
    yaml_parser_t yaml;
    const char *file;
    eg_arena *arena;
    uint32_t depth;
    EG_VEC(eg_yaml *) open; /* the nodes so far of the lists and maps that have not ended */
    locale_t c_locale;
    eg_error *err;
} parser;

static eg_status EG_PRINTF(3, 4) fail_mark(const parser *p, yaml_mark_t mark, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    eg_status status =
        eg_vfail_at(p->err, EG_E_INPUT, p->file, (uint32_t)mark.line + 1, (uint32_t)mark.column + 1, fmt, args);
    va_end(args);
    return status;
}

/* --- the text, before libyaml sees it ------------------------------------------------------------ */

/* Walks over the text; the place of `at` in it. */
typedef struct cursor {
    const char *at, *end;
    uint32_t line, column;
    bool indenting; /* only spaces and tabs so far on this line */
} cursor;

static eg_status
check_character(const parser *p, const cursor *c, uint32_t character, size_t length)
{
    eg_status status = EG_OK;
    if (length == 0)
        status = eg_fail_at(p->err, EG_E_INPUT, p->file, c->line, c->column, "byte 0x%02x is not valid UTF-8",
                            (unsigned char)*c->at);
    else if ((character < 0x20 && character != '\t' && character != '\n' && character != '\r') || character == 0x7f ||
             (character > 0x7f && character < 0xa0 && character != 0x85) || character == 0xfeff ||
             character == 0xfffe || character == 0xffff)
        status =
            eg_fail_at(p->err, EG_E_INPUT, p->file, c->line, c->column, "unexpected character U+%04" PRIX32, character);
    return status;
}

/* %TAG: libyaml takes quadratic time for many of them, and tags are refused anyway. */
static bool
at_tag_directive(const cursor *c)
{
    return c->column == 1 && c->end - c->at >= 4 && memcmp(c->at, "%TAG", 4) == 0;
}

static eg_status
check_characters(const parser *p, const char *text, size_t n)
{
    cursor c = {.at = text, .end = text + n, .line = 1, .column = 1, .indenting = true};
    while (c.at < c.end) {
        uint32_t character = 0;
        size_t length = eg_utf8_decode(c.at, (size_t)(c.end - c.at), &character);
        EG_TRY(check_character(p, &c, character, length));
        if (character == '\t' && c.indenting) {
            eg_status status = eg_fail_at(p->err, EG_E_INPUT, p->file, c.line, c.column, "a tab in the indentation");
            return eg_hint(p->err, status, "indent with spaces");
        }
        if (at_tag_directive(&c))
            return eg_fail_at(p->err, EG_E_INPUT, p->file, c.line, c.column, "tags are not allowed");
        bool crlf = character == '\r' && c.end - c.at > 1 && c.at[1] == '\n';
        c.at += length;
        c.column++;
        c.indenting = c.indenting && (character == ' ' || character == '\t');
        if (character == '\n' || (character == '\r' && !crlf)) {
            c.line++;
            c.column = 1;
            c.indenting = true;
        }
    }
    return EG_OK;
}

/* Checks size and encoding and moves over a byte order mark. */
static eg_status
check_text(const parser *p, const char **text, size_t *n)
{
    if (*n > MAX_BYTES)
        return eg_fail_at(p->err, EG_E_INPUT, p->file, 0, 0, "has %zu bytes, more than the %d that are allowed", *n,
                          MAX_BYTES);
    if (*n >= 2 && (memcmp(*text, "\xff\xfe", 2) == 0 || memcmp(*text, "\xfe\xff", 2) == 0)) {
        eg_status status = eg_fail_at(p->err, EG_E_INPUT, p->file, 1, 1, "the file is UTF-16");
        return eg_hint(p->err, status, "save it as UTF-8");
    }
    if (*n >= 3 && memcmp(*text, "\xef\xbb\xbf", 3) == 0) {
        *text += 3;
        *n -= 3;
    }
    return check_characters(p, *text, *n);
}

/* --- plain scalars ------------------------------------------------------------------------------- */

static const char *
skip_digits(const char *at)
{
    while (*at >= '0' && *at <= '9')
        at++;
    return at;
}

/* Whether the text is -?(0|[1-9][0-9]*), and with `real` a fraction or an exponent or both. */
static bool
is_number(const char *at, bool *real)
{
    *real = false;
    at += *at == '-';
    const char *end = skip_digits(at);
    if (end == at || (*at == '0' && end > at + 1))
        return false;
    if (*end == '.') {
        *real = true;
        at = end + 1;
        end = skip_digits(at);
        if (end == at)
            return false;
    }
    if (*end == 'e' || *end == 'E') {
        *real = true;
        at = end + 1;
        at += *at == '+' || *at == '-';
        end = skip_digits(at);
        if (end == at)
            return false;
    }
    return *end == '\0';
}

static bool
parse_int64(const char *text, int64_t *out)
{
    bool negative = *text == '-';
    int64_t value = 0;
    for (const char *at = text + negative; *at; at++) {
        int digit = *at - '0';
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, negative ? -digit : digit, &value))
            return false;
    }
    *out = value;
    return true;
}

/* In the C locale, whatever the program's is. */
static eg_status
parse_double(parser *p, const char *text, double *out)
{
    if (!p->c_locale)
        p->c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!p->c_locale)
        return eg_fail_nomem(p->err, "the C locale");
    *out = strtod_l(text, NULL, p->c_locale);
    return EG_OK;
}

static eg_status
resolve_plain(parser *p, eg_yaml *node)
{
    const char *text = node->text;
    bool real;
    node->type = EG_YAML_STRING;
    if (*text == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0) {
        node->type = EG_YAML_NULL;
    } else if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
        node->type = EG_YAML_BOOL;
        node->boolean = *text == 't';
    } else if (is_number(text, &real)) {
        if (real) {
            double value;
            EG_TRY(parse_double(p, text, &value));
            if (isfinite(value)) {
                node->type = EG_YAML_REAL;
                node->real = value;
            }
        } else if (parse_int64(text, &node->integer)) {
            node->type = EG_YAML_INT;
        }
    }
    return EG_OK;
}

/* --- events -------------------------------------------------------------------------------------- */

static eg_status
fail_syntax(const parser *p)
{
    const yaml_parser_t *yaml = &p->yaml;
    if (yaml->error == YAML_MEMORY_ERROR)
        return eg_fail_nomem(p->err, "reading YAML");
    eg_status status = fail_mark(p, yaml->problem_mark, "%s", yaml->problem ? yaml->problem : "is not valid YAML");
    if (yaml->context && yaml->context_mark.line != yaml->problem_mark.line)
        return eg_hint(p->err, status, "%s that begins at line %zu", yaml->context, yaml->context_mark.line + 1);
    return yaml->context ? eg_hint(p->err, status, "%s", yaml->context) : status;
}

static eg_status
next_event(parser *p, yaml_event_t *event)
{
    return yaml_parser_parse(&p->yaml, event) ? EG_OK : fail_syntax(p);
}

static eg_status
check_properties(const parser *p, const yaml_event_t *event)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;
    if (event->type == YAML_ALIAS_EVENT) {
        return fail_mark(p, event->start_mark, "aliases are not allowed: *%.100s",
                         (const char *)event->data.alias.anchor);
    } else if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
    }
    if (anchor)
        return fail_mark(p, event->start_mark, "anchors are not allowed: &%.100s", (const char *)anchor);
    if (tag)
        return fail_mark(p, event->start_mark, "tags are not allowed: %.100s", (const char *)tag);
    return EG_OK;
}

/* A scalar's text in the arena. */
static eg_status
copy_text(const parser *p, const yaml_event_t *event, const char **out, size_t *out_length)
{
    const char *value = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;
    if (memchr(value, '\0', length))
        return fail_mark(p, event->start_mark, "U+0000 is not allowed in a string");
    *out = length > 0 ? eg_arena_strndup(p->arena, value, length) : "";
    *out_length = length;
    return *out ? EG_OK : eg_fail_nomem(p->err, "a YAML tree");
}

static eg_status
read_scalar(parser *p, const yaml_event_t *event, eg_yaml *node)
{
    EG_TRY(copy_text(p, event, &node->text, &node->length));
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    node->type = EG_YAML_STRING;
    return node->quoted ? EG_OK : resolve_plain(p, node);
}

static eg_status
read_key(parser *p, const yaml_event_t *event, eg_yaml *node)
{
    EG_TRY(check_properties(p, event));
    yaml_scalar_style_t style = event->data.scalar.style;
    if (event->type != YAML_SCALAR_EVENT || style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE)
        return fail_mark(p, event->start_mark, "a key must be plain or quoted text on one line");
    size_t length;
    EG_TRY(copy_text(p, event, &node->key, &length));
    if (style == YAML_PLAIN_SCALAR_STYLE && length == 0)
        return fail_mark(p, event->start_mark, "a key is missing before ':'");
    if (style == YAML_PLAIN_SCALAR_STYLE && strcmp(node->key, "<<") == 0)
        return fail_mark(p, event->start_mark, "merge keys are not allowed");
    node->key_line = (uint32_t)event->start_mark.line + 1;
    node->key_column = (uint32_t)event->start_mark.column + 1;
    return EG_OK;
}

static eg_status
fail_duplicate(const parser *p, const eg_yaml *first, const eg_yaml *second)
{
    eg_status status = eg_fail_at(p->err, EG_E_INPUT, p->file, second->key_line, second->key_column,
                                  "duplicate key '%.200s'", second->key);
    return eg_hint(p->err, status, "it is already at line %" PRIu32, first->key_line);
}

static eg_status
check_few_duplicates(const parser *p, const eg_yaml *map)
{
    for (size_t i = 1; i < map->count; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(map->items[i]->key, map->items[j]->key) == 0)
                return fail_duplicate(p, map->items[j], map->items[i]);
    return EG_OK;
}

static eg_status
check_duplicates(const parser *p, const eg_yaml *map)
{
    if (map->count <= FEW_KEYS)
        return check_few_duplicates(p, map);
    eg_map seen = {0};
    eg_status status = EG_OK;
    for (size_t i = 0; i < map->count && status == EG_OK; i++) {
        const char *key = map->items[i]->key;
        uint64_t first;
        if (eg_map_get(&seen, key, strlen(key), &first))
            status = fail_duplicate(p, map->items[first], map->items[i]);
        else if (!eg_map_put(&seen, key, strlen(key), i, NULL))
            status = eg_fail_nomem(p->err, "a YAML tree");
    }
    eg_map_finish(&seen);
    return status;
}

static eg_status read_node(parser *p, const yaml_event_t *event, eg_yaml *node);

/* One entry of a list or map; its first event is given. */
static eg_status
read_entry(parser *p, const yaml_event_t *first, bool keyed)
{
    eg_yaml *node = eg_arena_calloc(p->arena, 1, sizeof *node);
    if (!node || !EG_PUSH(&p->open, node))
        return eg_fail_nomem(p->err, "a YAML tree");
    if (!keyed)
        return read_node(p, first, node);
    EG_TRY(read_key(p, first, node));
    yaml_event_t value;
    EG_TRY(next_event(p, &value));
    eg_status status = read_node(p, &value, node);
    yaml_event_delete(&value);
    return status;
}

static eg_status
read_collection(parser *p, const yaml_event_t *start, eg_yaml *node)
{
    bool keyed = start->type == YAML_MAPPING_START_EVENT;
    node->type = keyed ? EG_YAML_MAP : EG_YAML_LIST;
    node->text = "";
    if (p->depth == MAX_DEPTH)
        return fail_mark(p, start->start_mark, "nested deeper than %d levels", MAX_DEPTH);
    p->depth++;
    size_t first = p->open.count;
    for (bool ended = false; !ended;) {
        yaml_event_t event;
        EG_TRY(next_event(p, &event));
        ended = event.type == YAML_MAPPING_END_EVENT || event.type == YAML_SEQUENCE_END_EVENT;
        eg_status status = ended ? EG_OK : read_entry(p, &event, keyed);
        yaml_event_delete(&event);
        EG_TRY(status);
    }
    p->depth--;
    node->count = p->open.count - first;
    node->items = eg_arena_calloc(p->arena, node->count, sizeof(eg_yaml *));
    if (!node->items)
        return eg_fail_nomem(p->err, "a YAML tree");
    if (node->count > 0)
        memcpy(node->items, p->open.items + first, node->count * sizeof(eg_yaml *));
    p->open.count = first;
    return keyed ? check_duplicates(p, node) : EG_OK;
}

static eg_status
read_node(parser *p, const yaml_event_t *event, eg_yaml *node)
{
    EG_TRY(check_properties(p, event));
    node->file = p->file;
    node->line = (uint32_t)event->start_mark.line + 1;
    node->column = (uint32_t)event->start_mark.column + 1;
    return event->type == YAML_SCALAR_EVENT ? read_scalar(p, event, node) : read_collection(p, event, node);
}

/* Takes an event of which only the type counts. */
static eg_status
take_event(parser *p, yaml_event_type_t *out_type, yaml_mark_t *out_mark)
{
    yaml_event_t event;
    EG_TRY(next_event(p, &event));
    *out_type = event.type;
    *out_mark = event.start_mark;
    yaml_event_delete(&event);
    return EG_OK;
}

static eg_status
fail_empty(const parser *p)
{
    return eg_fail_at(p->err, EG_E_INPUT, p->file, 1, 1, "the file is empty");
}

static eg_status
read_stream(parser *p, eg_yaml *root)
{
    yaml_event_type_t type;
    yaml_mark_t mark;
    EG_TRY(take_event(p, &type, &mark)); /* the stream's start */
    EG_TRY(take_event(p, &type, &mark));
    if (type == YAML_STREAM_END_EVENT)
        return fail_empty(p);
    yaml_event_t event;
    EG_TRY(next_event(p, &event));
    eg_status status = read_node(p, &event, root);
    yaml_event_delete(&event);
    EG_TRY(status);
    EG_TRY(take_event(p, &type, &mark)); /* the document's end */
    EG_TRY(take_event(p, &type, &mark));
    if (type != YAML_STREAM_END_EVENT)
        return fail_mark(p, mark, "a second document begins");
    return root->type == EG_YAML_NULL && root->length == 0 ? fail_empty(p) : EG_OK;
}

eg_status
eg_yaml_parse(const char *text, size_t n, const char *file, eg_arena *arena, const eg_yaml **out, eg_error *err)
{
    parser p = {.arena = arena, .err = err};
    p.file = eg_arena_strdup(arena, file ? file : "");
    eg_yaml *root = eg_arena_calloc(arena, 1, sizeof *root);
    if (!p.file || !root)
        return eg_fail_nomem(err, "a YAML tree");
    if (!text) /* an empty file has no mapping */
        text = "";
    EG_TRY(check_text(&p, &text, &n));
    if (!yaml_parser_initialize(&p.yaml))
        return eg_fail_nomem(err, "reading YAML");
    yaml_parser_set_encoding(&p.yaml, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&p.yaml, (const unsigned char *)text, n);
    eg_status status = read_stream(&p, root);
    yaml_parser_delete(&p.yaml);
    if (p.c_locale)
        freelocale(p.c_locale);
    eg_free(p.open.items);
    if (status == EG_OK)
        *out = root;
    return status;
}

eg_status
eg_yaml_load(const char *path, eg_arena *arena, const eg_yaml **out, eg_error *err)
{
    eg_file file;
    EG_TRY(eg_file_map(path, MAX_BYTES, &file, err));
    eg_status status = eg_yaml_parse(file.data, file.size, path, arena, out, err);
    eg_file_unmap(&file);
    return status;
}

/* --- reading the tree ---------------------------------------------------------------------------- */

const eg_yaml *
eg_yaml_get(const eg_yaml *map, const char *key)
{
    if (!map || map->type != EG_YAML_MAP)
        return NULL;
    for (size_t i = 0; i < map->count; i++)
        if (strcmp(map->items[i]->key, key) == 0)
            return map->items[i];
    return NULL;
}

eg_status
eg_yaml_fail(const eg_yaml *node, eg_error *err, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    eg_status status = eg_vfail_at(err, EG_E_INPUT, node->file, node->line, node->column, fmt, args);
    va_end(args);
    return status;
}

eg_status
eg_yaml_fail_key(const eg_yaml *node, eg_error *err, const char *fmt, ...)
{
    bool keyed = node->key != NULL;
    va_list args;
    va_start(args, fmt);
    eg_status status = eg_vfail_at(err, EG_E_INPUT, node->file, keyed ? node->key_line : node->line,
                                   keyed ? node->key_column : node->column, fmt, args);
    va_end(args);
    return status;
}

static const char *
type_name(eg_yaml_type type)
{
    switch (type) {
    case EG_YAML_NULL:
        return "null";
    case EG_YAML_BOOL:
        return "a boolean";
    case EG_YAML_INT:
        return "an integer";
    case EG_YAML_REAL:
        return "a number with a fraction or exponent";
    case EG_YAML_STRING:
        return "a string";
    case EG_YAML_LIST:
        return "a list";
    case EG_YAML_MAP:
        return "a map";
    }
    return "unknown";
}

const char *
eg_yaml_type_name(const eg_yaml *node)
{
    return type_name(node->type);
}

/* "12abc is no integer; write …", or the type's name where there is no text to show. */
static eg_status
fail_scalar(const eg_yaml *node, const char *wanted, const char *form, eg_error *err)
{
    eg_status status;
    if (node->quoted)
        status = eg_yaml_fail(node, err, "\"%.200s\" in quotes is a string, no %s", node->text, wanted);
    else if (node->length > 0)
        status = eg_yaml_fail(node, err, "%.200s is no %s", node->text, wanted);
    else
        status = eg_yaml_fail(node, err, "%s is no %s", eg_yaml_type_name(node), wanted);
    return eg_hint(err, status, "write %s", form);
}

eg_status
eg_yaml_as_int(const eg_yaml *node, int64_t min, int64_t max, int64_t *out, eg_error *err)
{
    bool real;
    if (node->type == EG_YAML_STRING && !node->quoted && is_number(node->text, &real) && !real) {
        eg_status status = eg_yaml_fail(node, err, "%.200s is beyond 64 bits", node->text);
        return eg_hint(err, status, "write an integer from %" PRId64 " to %" PRId64, min, max);
    }
    if (node->type != EG_YAML_INT)
        return fail_scalar(node, "integer", "-?(0|[1-9][0-9]*)", err);
    if (node->integer < min || node->integer > max) {
        eg_status status = eg_yaml_fail(node, err, "%" PRId64 " is out of range", node->integer);
        return eg_hint(err, status, "write an integer from %" PRId64 " to %" PRId64, min, max);
    }
    *out = node->integer;
    return EG_OK;
}

eg_status
eg_yaml_as_number(const eg_yaml *node, double *out, eg_error *err)
{
    if (node->type == EG_YAML_INT)
        *out = (double)node->integer;
    else if (node->type == EG_YAML_REAL)
        *out = node->real;
    else
        return fail_scalar(node, "finite number", "a number such as 12, -0.5 or 1e-12", err);
    return EG_OK;
}

eg_status
eg_yaml_as_bool(const eg_yaml *node, bool *out, eg_error *err)
{
    if (node->type != EG_YAML_BOOL)
        return fail_scalar(node, "boolean", "true or false", err);
    *out = node->boolean;
    return EG_OK;
}

eg_status
eg_yaml_as_string(const eg_yaml *node, const char **out, eg_error *err)
{
    EG_TRY(eg_yaml_expect(node, EG_YAML_STRING, err));
    *out = node->text;
    return EG_OK;
}

eg_status
eg_yaml_expect(const eg_yaml *node, eg_yaml_type type, eg_error *err)
{
    if (node->type == type)
        return EG_OK;
    eg_status status;
    if (node->key)
        status = eg_yaml_fail(node, err, "'%.200s' is %s", node->key, eg_yaml_type_name(node));
    else
        status = eg_yaml_fail(node, err, "this is %s", eg_yaml_type_name(node));
    return eg_hint(err, status, "expected %s", type_name(type));
}

static eg_status
fail_unknown_key(const eg_yaml *entry, const char *const *known, size_t count, eg_error *err)
{
    eg_status status = eg_yaml_fail_key(entry, err, "unknown key '%.200s'", entry->key);
    const char *nearest = eg_nearest(entry->key, known, count);
    if (nearest)
        return eg_hint(err, status, "did you mean '%s'?", nearest);
    eg_strbuf names = {0};
    for (size_t i = 0; i < count; i++)
        eg_strbuf_printf(&names, "%s%s", i > 0 ? ", " : "", known[i]);
    if (names.data && !names.failed)
        status = eg_hint(err, status, "known are %s", names.data);
    eg_strbuf_finish(&names);
    return status;
}

eg_status
eg_yaml_check_keys(const eg_yaml *map, const char *const *known, size_t count, eg_error *err)
{
    EG_TRY(eg_yaml_expect(map, EG_YAML_MAP, err));
    for (size_t i = 0; i < map->count; i++) {
        size_t k = 0;
        while (k < count && strcmp(map->items[i]->key, known[k]) != 0)
            k++;
        if (k == count)
            return fail_unknown_key(map->items[i], known, count, err);
    }
    return EG_OK;
}
