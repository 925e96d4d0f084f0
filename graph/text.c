/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the text form (graph/text_write.c writes it), one line per thing:
 *
 *   graph "bert" sets 1
 *   input %token_ids : token i32 [T]
 *   const %embeddings.weight : table f32 [30522, 384]
 *   %words = gather(%embeddings.weight, %token_ids) : token f32 [T, 384] in "embeddings"
 *   %pairs = scores(%q, %k) {heads=12, window=64} : pair f32 [12, P(w=64)] in "encoder.0" from 17
 *   output %pairs
 *
 * "from" gives the node of the unrewritten graph that a node stands for, where it is not the node itself; nodes count
 * from 1 in the order written. "#" begins a comment.
 */
#include <inttypes.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "graph/change.h"
#include "graph/type.h"

/* --- reading: characters ------------------------------------------------------------------------- */

enum { PARSE_MAX_LIST = 4096, PARSE_MAX_SETS = 256 };

typedef struct parser {
    const char *text, *file;
    size_t at, end;
    size_t line_start;
    uint32_t line;
    eg_graph *graph;
    eg_arena arena; /* of strings that the graph copies */
    locale_t locale;
} parser;

static eg_status fault_at(const parser *p, size_t at, eg_error *err, const char *fmt, ...) EG_PRINTF(4, 5);

static eg_status
fault_at(const parser *p, size_t at, eg_error *err, const char *fmt, ...)
{
    size_t column = at >= p->line_start ? eg_utf8_count(p->text + p->line_start, at - p->line_start) : 0;
    va_list args;
    va_start(args, fmt);
    eg_status status = eg_vfail_at(err, EG_E_INPUT, p->file, p->line, (uint32_t)column + 1, fmt, args);
    va_end(args);
    return status;
}

/* Puts the place on an error of the graph's own checks. What is wrong with a text is never an internal error. */
static eg_status
placed(const parser *p, size_t at, eg_status status, eg_error *err)
{
    if (status == EG_OK || status == EG_E_NOMEM)
        return status;
    if (!err)
        return EG_E_INPUT;
    char message[sizeof err->message], hint[sizeof err->hint];
    memcpy(message, err->message, sizeof message);
    memcpy(hint, err->hint, sizeof hint);
    status = fault_at(p, at, err, "%s", message);
    return hint[0] ? eg_hint(err, status, "%s", hint) : status;
}

static eg_status
parse_no_memory(eg_error *err)
{
    return eg_fail_nomem(err, "the graph's text");
}

static char
peek(const parser *p)
{
    return p->at < p->end ? p->text[p->at] : '\0';
}

static void
skip_spaces(parser *p)
{
    while (peek(p) == ' ' || peek(p) == '\t')
        p->at++;
    if (peek(p) == '#') {
        while (p->at < p->end && peek(p) != '\n')
            p->at++;
    }
}

static bool
take(parser *p, char c)
{
    skip_spaces(p);
    if (p->at >= p->end || p->text[p->at] != c)
        return false;
    p->at++;
    return true;
}

static eg_status
expect(parser *p, char c, eg_error *err)
{
    return take(p, c) ? EG_OK : fault_at(p, p->at, err, "expected '%c'", c);
}

static bool
word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Letters, digits and _ at the place; length 0 if there are none. */
static size_t
peek_word(parser *p)
{
    size_t n = 0;
    skip_spaces(p);
    while (p->at + n < p->end && word_char(p->text[p->at + n]))
        n++;
    return n;
}

static bool
take_word(parser *p, const char *word)
{
    size_t n = peek_word(p);
    if (n != strlen(word) || memcmp(p->text + p->at, word, n) != 0)
        return false;
    p->at += n;
    return true;
}

static eg_status
read_word(parser *p, const char *what, const char **out, eg_error *err)
{
    size_t n = peek_word(p);
    if (n == 0)
        return fault_at(p, p->at, err, "expected %s", what);
    *out = eg_arena_strndup(&p->arena, p->text + p->at, n);
    p->at += n;
    return *out ? EG_OK : parse_no_memory(err);
}

static eg_status
read_name(parser *p, const char **out, eg_error *err)
{
    size_t n = 0;
    EG_TRY(expect(p, '%', err));
    while (p->at + n < p->end &&
           (word_char(p->text[p->at + n]) || (p->text[p->at + n] && strchr(".:/-", p->text[p->at + n]))))
        n++;
    if (n == 0)
        return fault_at(p, p->at, err, "expected a value's name");
    *out = eg_arena_strndup(&p->arena, p->text + p->at, n);
    p->at += n;
    return *out ? EG_OK : parse_no_memory(err);
}

static eg_status
read_value(parser *p, eg_value_id *out, eg_error *err)
{
    const char *name;
    skip_spaces(p);
    size_t at = p->at;
    EG_TRY(read_name(p, &name, err));
    *out = eg_graph_find(p->graph, name);
    return *out ? EG_OK : fault_at(p, at, err, "there is no value '%s' before this line", name);
}

/* --- reading: numbers and strings ---------------------------------------------------------------- */

typedef struct number {
    bool is_real;
    int64_t integer;
    double real;
} number;

static size_t
number_length(const parser *p)
{
    size_t n = 0;
    while (p->at + n < p->end) {
        char c = p->text[p->at + n];
        bool sign = (c == '-' || c == '+') && (n == 0 || p->text[p->at + n - 1] == 'e');
        if (!sign && !(c >= '0' && c <= '9') && c != '.' && c != 'e')
            break;
        n++;
    }
    return n;
}

static eg_status
read_number(parser *p, number *out, eg_error *err)
{
    char digits[64], *stop = digits;
    skip_spaces(p);
    size_t n = number_length(p);
    if (n == 0 || n >= sizeof digits)
        return fault_at(p, p->at, err, "expected a number");
    memcpy(digits, p->text + p->at, n);
    digits[n] = '\0';
    out->is_real = strpbrk(digits, ".e") != NULL;
    out->real = 0;
    out->integer = 0;
    if (out->is_real) {
        out->real = strtod_l(digits, &stop, p->locale);
        if (out->real - out->real != 0)
            return fault_at(p, p->at, err, "the number is too large");
    } else {
        const char *magnitude = digits + (digits[0] == '-');
        bool negative = digits[0] == '-', whole = *magnitude != '\0';
        for (; *magnitude >= '0' && *magnitude <= '9'; magnitude++) {
            int digit = negative ? '0' - *magnitude : *magnitude - '0';
            if (__builtin_mul_overflow(out->integer, 10, &out->integer) ||
                __builtin_add_overflow(out->integer, digit, &out->integer))
                return fault_at(p, p->at, err, "the number is too large");
        }
        stop = whole ? digits + (magnitude - digits) : digits;
    }
    if (stop == digits || *stop)
        return fault_at(p, p->at, err, "'%s' is not a number", digits);
    p->at += n;
    return EG_OK;
}

static eg_status
read_integer(parser *p, int64_t min, int64_t max, int64_t *out, eg_error *err)
{
    number value;
    skip_spaces(p);
    size_t at = p->at;
    EG_TRY(read_number(p, &value, err));
    if (value.is_real || value.integer < min || value.integer > max)
        return fault_at(p, at, err, "expected a whole number from %" PRId64 " to %" PRId64, min, max);
    *out = value.integer;
    return EG_OK;
}

static bool
hex_digits(parser *p, uint32_t *out)
{
    *out = 0;
    for (int i = 0; i < 4; i++) {
        char c = peek(p);
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
                                                : 16;
        if (digit == 16)
            return false;
        *out = *out * 16 + digit;
        p->at++;
    }
    return true;
}

/* After "\u". */
static bool
read_code_point(parser *p, eg_strbuf *out)
{
    uint32_t c, low;
    char bytes[4];
    if (!hex_digits(p, &c) || c == 0 || (c >= 0xDC00 && c < 0xE000))
        return false;
    if (c >= 0xD800 && c < 0xDC00) {
        if (peek(p) != '\\' || p->at + 1 >= p->end || p->text[p->at + 1] != 'u')
            return false;
        p->at += 2;
        if (!hex_digits(p, &low) || low < 0xDC00 || low > 0xDFFF)
            return false;
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
    }
    eg_strbuf_append(out, bytes, eg_utf8_encode(c, bytes));
    return true;
}

static bool
read_escape(parser *p, eg_strbuf *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char c = peek(p);
    p->at++;
    if (c == 'u')
        return read_code_point(p, out);
    const char *found = c ? strchr(from, c) : NULL;
    if (found)
        eg_strbuf_putc(out, to[found - from]);
    return found != NULL;
}

static eg_status
read_characters(parser *p, size_t quote, eg_strbuf *out, eg_error *err)
{
    for (;;) {
        size_t at = p->at;
        unsigned char c = (unsigned char)peek(p);
        if (c < 0x20)
            return fault_at(p, quote, err, "the string does not end on its line");
        if (c == '"') {
            p->at++;
            return EG_OK;
        }
        if (c == '\\') {
            p->at++;
            if (!read_escape(p, out))
                return fault_at(p, at, err, "the string has a wrong escape");
            continue;
        }
        uint32_t decoded;
        size_t n = eg_utf8_decode(p->text + at, p->end - at, &decoded);
        if (n == 0)
            return fault_at(p, at, err, "the string is not UTF-8");
        eg_strbuf_append(out, p->text + at, n);
        p->at += n;
    }
}

static eg_status
read_string(parser *p, const char **out, eg_error *err)
{
    eg_strbuf text = {0};
    EG_TRY(expect(p, '"', err));
    eg_strbuf_puts(&text, "");
    eg_status status = read_characters(p, p->at - 1, &text, err);
    if (status == EG_OK) {
        *out = text.failed ? NULL : eg_arena_strndup(&p->arena, text.data ? text.data : "", text.length);
        status = *out ? EG_OK : parse_no_memory(err);
    }
    eg_strbuf_finish(&text);
    return status;
}

/* --- reading: types ------------------------------------------------------------------------------ */

/* "set=1" and "w=64" in the parentheses after T or P. */
static eg_status
read_qualifiers(parser *p, eg_dim *dim, eg_error *err)
{
    do {
        skip_spaces(p);
        size_t at = p->at;
        int64_t n;
        bool is_set = take_word(p, "set"), is_window = !is_set && dim->sym == EG_SYM_P && take_word(p, "w");
        if (!is_set && !is_window)
            return fault_at(p, at, err, dim->sym == EG_SYM_P ? "expected set or w" : "expected set");
        EG_TRY(expect(p, '=', err));
        EG_TRY(read_integer(p, 1, is_set ? PARSE_MAX_SETS - 1 : UINT32_MAX, &n, err));
        if (is_set)
            dim->set = (uint32_t)n;
        else
            dim->window = (uint32_t)n;
    } while (take(p, ','));
    return expect(p, ')', err);
}

static eg_status
read_dim(parser *p, eg_dim *dim, eg_error *err)
{
    *dim = eg_dim_const(1);
    skip_spaces(p);
    if (peek(p) >= '0' && peek(p) <= '9') {
        EG_TRY(read_integer(p, 1, INT64_MAX, &dim->k, err));
        if (!take(p, '*'))
            return EG_OK;
    }
    if (take_word(p, "B"))
        dim->sym = EG_SYM_B;
    else if (take_word(p, "T"))
        dim->sym = EG_SYM_T;
    else if (take_word(p, "P"))
        dim->sym = EG_SYM_P;
    else
        return fault_at(p, p->at, err, "expected a size: a number, T, B or P");
    if (dim->sym != EG_SYM_B && take(p, '('))
        return read_qualifiers(p, dim, err);
    return EG_OK;
}

static eg_status
read_type(parser *p, eg_type *type, eg_error *err)
{
    *type = (eg_type){0};
    size_t n = peek_word(p), at = p->at;
    if (!eg_kind_find(p->text + p->at, n, &type->kind))
        return fault_at(p, p->at, err, "expected token, text, pair or table");
    p->at += n;
    n = peek_word(p);
    if (!eg_dtype_find(p->text + p->at, n, &type->dtype))
        return fault_at(p, p->at, err, "expected an element type, such as f32");
    p->at += n;
    EG_TRY(expect(p, '[', err));
    do {
        if (type->rank == EG_MAX_RANK)
            return fault_at(p, p->at, err, "more than %u axes", EG_MAX_RANK);
        EG_TRY(read_dim(p, &type->dims[type->rank++], err));
    } while (take(p, ','));
    EG_TRY(expect(p, ']', err));
    if (type->kind == EG_TOKEN)
        type->set = type->dims[0].set;
    else if (type->kind == EG_PAIR && type->rank == 2)
        type->set = type->dims[1].set;
    const char *wrong = eg_type_fault(type);
    if (!wrong && type->set >= p->graph->set_count)
        wrong = "the graph has fewer row sets";
    return wrong ? fault_at(p, at, err, "this cannot be a type: %s", wrong) : EG_OK;
}

/* --- reading: lines ------------------------------------------------------------------------------ */

static eg_status
read_header(parser *p, eg_error *err)
{
    const char *name;
    int64_t sets;
    if (!take_word(p, "graph"))
        return fault_at(p, p->at, err, "expected 'graph \"NAME\" sets N' first");
    EG_TRY(read_string(p, &name, err));
    if (!take_word(p, "sets"))
        return fault_at(p, p->at, err, "expected 'sets'");
    EG_TRY(read_integer(p, 1, PARSE_MAX_SETS, &sets, err));
    EG_TRY(eg_graph_init(p->graph, name, err));
    p->graph->set_count = (uint32_t)sets;
    return EG_OK;
}

static eg_status
read_input(parser *p, eg_error *err)
{
    const char *name;
    eg_type type;
    eg_value_id id;
    skip_spaces(p);
    size_t at = p->at;
    EG_TRY(read_name(p, &name, err));
    EG_TRY(expect(p, ':', err));
    EG_TRY(read_type(p, &type, err));
    return placed(p, at, eg_graph_add_input(p->graph, name, &type, &id, err), err);
}

/* One dense block without data. */
static eg_status
read_const(parser *p, eg_error *err)
{
    const char *name;
    eg_type type;
    eg_value_id id;
    uint64_t bytes;
    skip_spaces(p);
    size_t at = p->at;
    EG_TRY(read_name(p, &name, err));
    EG_TRY(expect(p, ':', err));
    EG_TRY(read_type(p, &type, err));
    if (type.kind != EG_TABLE)
        return fault_at(p, at, err, "a constant is a table");
    if (!eg_type_bytes(&type, &(eg_dims){.size = sizeof(eg_dims)}, &bytes) || bytes > INT64_MAX)
        return fault_at(p, at, err, "the constant is too large");
    eg_host_view view = {.size = sizeof view, .dtype = type.dtype};
    int64_t stride = 1;
    for (uint32_t i = type.rank; i-- > 0;) {
        view.dims[i] = type.dims[i].k;
        view.strides[i] = stride;
        stride *= type.dims[i].k;
    }
    return placed(p, at, eg_graph_add_const(p->graph, name, &type, &view, 1, &id, err), err);
}

static eg_status
read_ints(parser *p, eg_attr *attr, eg_error *err)
{
    EG_VEC(int64_t) list = {0};
    eg_status status = EG_OK;
    if (!take(p, ']')) {
        do {
            int64_t n = 0;
            status = read_integer(p, INT64_MIN, INT64_MAX, &n, err);
            if (status == EG_OK && list.count == PARSE_MAX_LIST)
                status = fault_at(p, p->at, err, "more than %d numbers", PARSE_MAX_LIST);
            if (status == EG_OK && !EG_PUSH(&list, n))
                status = parse_no_memory(err);
        } while (status == EG_OK && take(p, ','));
        if (status == EG_OK)
            status = expect(p, ']', err);
    }
    if (status == EG_OK) {
        int64_t *copy = eg_arena_calloc(&p->arena, list.count, sizeof *copy);
        if (copy && list.count)
            memcpy(copy, list.items, list.count * sizeof *copy);
        attr->ints = copy;
        attr->count = (uint32_t)list.count;
        status = copy ? EG_OK : parse_no_memory(err);
    }
    eg_free(list.items);
    return status;
}

static eg_status
read_attr(parser *p, eg_attr *attr, eg_error *err)
{
    number value;
    *attr = (eg_attr){0};
    EG_TRY(read_word(p, "an attribute", &attr->name, err));
    EG_TRY(expect(p, '=', err));
    skip_spaces(p);
    if (peek(p) == '"') {
        attr->type = EG_ATTR_STRING;
        return read_string(p, &attr->string, err);
    }
    if (take(p, '[')) {
        attr->type = EG_ATTR_INTS;
        return read_ints(p, attr, err);
    }
    EG_TRY(read_number(p, &value, err));
    attr->type = value.is_real ? EG_ATTR_FLOAT : EG_ATTR_INT;
    if (value.is_real)
        attr->real = value.real;
    else
        attr->integer = value.integer;
    return EG_OK;
}

/* A node's line as it is read. */
typedef struct node_line {
    const char *names[EG_MAX_OUTPUTS];
    eg_type types[EG_MAX_OUTPUTS];
    uint32_t output_count;
    const eg_op *op;
    EG_VEC(eg_value_id) inputs;
    eg_attr attrs[EG_MAX_ATTRS];
    uint32_t attr_count;
    const char *scope;
    int64_t origin; /* 0: not said */
} node_line;

static eg_status
read_results(parser *p, node_line *line, eg_error *err)
{
    do {
        skip_spaces(p);
        size_t at = p->at;
        if (line->output_count == EG_MAX_OUTPUTS)
            return fault_at(p, at, err, "more than %d results", EG_MAX_OUTPUTS);
        const char **name = &line->names[line->output_count++];
        EG_TRY(read_name(p, name, err));
        if (eg_graph_find(p->graph, *name))
            return fault_at(p, at, err, "'%s' is made twice", *name);
    } while (take(p, ','));
    return expect(p, '=', err);
}

static eg_status
read_call(parser *p, node_line *line, eg_error *err)
{
    const char *op;
    skip_spaces(p);
    size_t at = p->at;
    EG_TRY(read_word(p, "an op", &op, err));
    line->op = eg_op_find(op);
    if (!line->op)
        return fault_at(p, at, err, "there is no op '%s'", op);
    if (line->op->output_count != line->output_count)
        return fault_at(p, at, err, "%s gives %" PRIu32 " values", op, line->op->output_count);
    EG_TRY(expect(p, '(', err));
    if (take(p, ')'))
        return EG_OK;
    do {
        eg_value_id id;
        if (line->inputs.count == PARSE_MAX_LIST)
            return fault_at(p, p->at, err, "more than %d inputs", PARSE_MAX_LIST);
        EG_TRY(read_value(p, &id, err));
        if (!EG_PUSH(&line->inputs, id))
            return parse_no_memory(err);
    } while (take(p, ','));
    return expect(p, ')', err);
}

static eg_status
read_attrs(parser *p, node_line *line, eg_error *err)
{
    if (!take(p, '{'))
        return EG_OK;
    do {
        if (line->attr_count == EG_MAX_ATTRS)
            return fault_at(p, p->at, err, "more than %d attributes", EG_MAX_ATTRS);
        EG_TRY(read_attr(p, &line->attrs[line->attr_count++], err));
    } while (take(p, ','));
    return expect(p, '}', err);
}

static eg_status
read_rest(parser *p, node_line *line, eg_error *err)
{
    line->scope = "";
    EG_TRY(expect(p, ':', err));
    for (uint32_t i = 0; i < line->output_count; i++) {
        if (i > 0)
            EG_TRY(expect(p, ',', err));
        EG_TRY(read_type(p, &line->types[i], err));
    }
    if (take_word(p, "in"))
        EG_TRY(read_string(p, &line->scope, err));
    if (take_word(p, "from"))
        EG_TRY(read_integer(p, 1, UINT32_MAX, &line->origin, err));
    return EG_OK;
}

static eg_status
build_node(parser *p, node_line *line, size_t at, eg_error *err)
{
    eg_graph *graph = p->graph;
    eg_value_id made[EG_MAX_OUTPUTS];
    eg_status status = eg_graph_add_node(graph, line->op, line->names[0], line->scope, line->inputs.items,
                                         (uint32_t)line->inputs.count, line->attrs, line->attr_count, made, err);
    EG_TRY(placed(p, at, status, err));
    for (uint32_t i = 0; i < line->output_count; i++) {
        const eg_value *value = eg_graph_value(graph, made[i]);
        char text[EG_TYPE_TEXT_MAX];
        EG_TRY(placed(p, at, eg_graph_rename(graph, made[i], line->names[i], err), err));
        eg_type_format(&value->type, text, sizeof text);
        if (!eg_type_equal(&value->type, &line->types[i]))
            return fault_at(p, at, err, "%s gives %s here", line->op->name, text);
    }
    if (line->origin)
        eg_graph_node(graph, graph->order.items[graph->order.count - 1])->origin = (eg_node_id)line->origin;
    return EG_OK;
}

static eg_status
read_node(parser *p, eg_error *err)
{
    node_line line = {0};
    size_t at = p->at;
    eg_status status = read_results(p, &line, err);
    if (status == EG_OK)
        status = read_call(p, &line, err);
    if (status == EG_OK)
        status = read_attrs(p, &line, err);
    if (status == EG_OK)
        status = read_rest(p, &line, err);
    if (status == EG_OK)
        status = build_node(p, &line, at, err);
    eg_free(line.inputs.items);
    return status;
}

static eg_status
read_output(parser *p, eg_error *err)
{
    eg_value_id id;
    skip_spaces(p);
    size_t at = p->at;
    EG_TRY(read_value(p, &id, err));
    if (eg_graph_value(p->graph, id)->flags & EG_VALUE_OUTPUT)
        return fault_at(p, at, err, "it is an output already");
    return eg_graph_add_output(p->graph, id, err);
}

static eg_status
read_line(parser *p, eg_error *err)
{
    if (p->graph->values.count == 0)
        return read_header(p, err);
    if (take_word(p, "input"))
        return read_input(p, err);
    if (take_word(p, "const"))
        return read_const(p, err);
    if (take_word(p, "output"))
        return read_output(p, err);
    if (peek(p) == '%')
        return read_node(p, err);
    return fault_at(p, p->at, err, "expected input, const, output or %%NAME = …");
}

static eg_status
read_lines(parser *p, eg_error *err)
{
    while (p->at < p->end) {
        skip_spaces(p);
        if (peek(p) != '\n' && p->at < p->end)
            EG_TRY(read_line(p, err));
        skip_spaces(p);
        if (p->at < p->end && peek(p) != '\n')
            return fault_at(p, p->at, err, "expected the end of the line");
        p->at++;
        p->line++;
        p->line_start = p->at;
    }
    p->at = p->end;
    if (p->graph->values.count == 0)
        return read_header(p, err);
    return EG_OK;
}

eg_status
eg_graph_parse(const char *text, size_t n, const char *file, eg_graph *out, eg_error *err)
{
    *out = (eg_graph){0};
    parser p = {.text = text, .file = file, .end = n, .line = 1, .graph = out};
    p.locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!p.locale)
        return parse_no_memory(err);
    eg_status status = read_lines(&p, err);
    if (status == EG_OK)
        status = placed(&p, p.at, eg_graph_verify(out, err), err);
    eg_arena_finish(&p.arena);
    freelocale(p.locale);
    if (status != EG_OK)
        eg_graph_finish(out);
    return status;
}
