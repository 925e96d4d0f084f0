/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/family/expr.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/utf8.h"

enum { MAX_DEPTH = 64, MAX_ARGUMENTS = 16, MAX_TOKEN = 255 };

typedef enum { T_END, T_NUMBER, T_TEXT, T_CONFIG, T_NAME, T_SIGN } token_type;

typedef struct token {
    token_type type;
    size_t at, length; /* in the text, quotes and `$` included */
    eg_datum value;    /* numbers */
    char text[MAX_TOKEN + 1];
} token;

/* Parses and evaluates in one go. While `skipped` is not 0 (the side of an and/or that does not count) or `env` is NULL
 * (a check of the syntax) nothing is evaluated. */
typedef struct parser {
    const char *text;
    size_t length, at;
    token now;
    const eg_place *place;
    const eg_expr_env *env;
    uint32_t skipped, depth;
    eg_error *err;
} parser;

static eg_status EG_PRINTF(3, 4) fail(parser *p, size_t at, const char *fmt, ...)
{
    uint32_t column = p->place->column;
    if (column)
        column += (uint32_t)eg_utf8_count(p->text, at);
    va_list args;
    va_start(args, fmt);
    eg_status status = eg_vfail_at(p->err, EG_E_INPUT, p->place->file, p->place->line, column, fmt, args);
    va_end(args);
    return status;
}

static bool
evaluates(const parser *p)
{
    return p->env && p->skipped == 0;
}

/* --- tokens -------------------------------------------------------------------------------------- */

static bool
is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char
peek(const parser *p, size_t ahead)
{
    return p->at + ahead < p->length ? p->text[p->at + ahead] : '\0';
}

static eg_status
read_number(parser *p)
{
    token *t = &p->now;
    size_t n = 0;
    bool real = false;
    while (is_digit(peek(p, n)))
        n++;
    if (peek(p, n) == '.' && is_digit(peek(p, n + 1))) {
        real = true;
        for (n++; is_digit(peek(p, n)); n++)
            ;
    }
    if (peek(p, n) == 'e' || peek(p, n) == 'E') {
        size_t sign = peek(p, n + 1) == '-' || peek(p, n + 1) == '+';
        if (is_digit(peek(p, n + 1 + sign))) {
            real = true;
            for (n += 1 + sign; is_digit(peek(p, n)); n++)
                ;
        }
    }
    char after = peek(p, n);
    bool leading_zero = n > 1 && p->text[p->at] == '0' && is_digit(p->text[p->at + 1]);
    if (n > MAX_TOKEN || is_letter(after) || after == '.' || after == '$' || leading_zero)
        return fail(p, p->at, "no number; write 12, 0.5 or 1e-12");
    memcpy(t->text, p->text + p->at, n);
    t->text[n] = '\0';
    t->type = T_NUMBER;
    t->length = n;
    errno = 0;
    if (real) {
        /* Digits only: the decimal point is the locale's where a program set one, so it is put in the middle by hand. */
        char *point = strchr(t->text, '.');
        if (point)
            *point = *localeconv()->decimal_point;
        t->value = eg_datum_real(strtod(t->text, NULL));
        if (!isfinite(t->value.real))
            return fail(p, p->at, "the number is too big");
    } else {
        t->value = eg_datum_int(strtoll(t->text, NULL, 10));
        if (errno == ERANGE)
            return fail(p, p->at, "the number is beyond 64 bits");
    }
    p->at += n;
    return EG_OK;
}

static eg_status
read_text(parser *p)
{
    token *t = &p->now;
    char quote = p->text[p->at];
    const char *begin = p->text + p->at + 1;
    const char *end = memchr(begin, quote, p->length - p->at - 1);
    if (!end)
        return fail(p, p->at, "the text has no closing %c", quote);
    size_t n = (size_t)(end - begin);
    if (n > MAX_TOKEN)
        return fail(p, p->at, "the text is longer than %d bytes", MAX_TOKEN);
    memcpy(t->text, begin, n);
    t->text[n] = '\0';
    t->type = T_TEXT;
    t->length = n + 2;
    p->at += n + 2;
    return EG_OK;
}

static eg_status
read_name(parser *p, size_t sigil)
{
    token *t = &p->now;
    size_t n = sigil;
    while (is_letter(peek(p, n)) || is_digit(peek(p, n)))
        n++;
    if (n == sigil)
        return fail(p, p->at, "'$' needs the name of a config key");
    if (n - sigil > MAX_TOKEN)
        return fail(p, p->at, "the name is longer than %d bytes", MAX_TOKEN);
    memcpy(t->text, p->text + p->at + sigil, n - sigil);
    t->text[n - sigil] = '\0';
    t->type = sigil ? T_CONFIG : T_NAME;
    t->length = n;
    p->at += n;
    return EG_OK;
}

static eg_status
advance(parser *p)
{
    static const char *const signs[] = {"//", "==", "!=", "<=", ">=", "+", "-", "*", "/",
                                        "%",  "<",  ">",  "(",  ")",  "[", "]", ","};
    while (peek(p, 0) == ' ')
        p->at++;
    token *t = &p->now;
    t->at = p->at;
    t->text[0] = '\0';
    t->length = 0;
    if (p->at >= p->length) {
        t->type = T_END;
        return EG_OK;
    }
    char c = peek(p, 0);
    if (is_digit(c))
        return read_number(p);
    if (c == '\'' || c == '"')
        return read_text(p);
    if (c == '$')
        return read_name(p, 1);
    if (is_letter(c))
        return read_name(p, 0);
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        size_t n = strlen(signs[i]);
        if (p->length - p->at >= n && memcmp(p->text + p->at, signs[i], n) == 0) {
            t->type = T_SIGN;
            memcpy(t->text, signs[i], n + 1);
            t->length = n;
            p->at += n;
            return EG_OK;
        }
    }
    uint32_t ignored;
    size_t n = eg_utf8_decode(p->text + p->at, p->length - p->at, &ignored);
    return fail(p, p->at, "'%.*s' means nothing in an expression", (int)(n ? n : 1), p->text + p->at);
}

static bool
is_sign(const parser *p, const char *sign)
{
    return p->now.type == T_SIGN && strcmp(p->now.text, sign) == 0;
}

static bool
is_word(const parser *p, const char *word)
{
    return p->now.type == T_NAME && strcmp(p->now.text, word) == 0;
}

static eg_status
expect_sign(parser *p, const char *sign)
{
    if (is_sign(p, sign))
        return advance(p);
    if (p->now.type == T_END)
        return fail(p, p->now.at, "the expression ends where '%s' is expected", sign);
    return fail(p, p->now.at, "'%.*s' stands where '%s' is expected", (int)p->now.length, p->text + p->now.at, sign);
}

/* --- values -------------------------------------------------------------------------------------- */

static eg_status
expect_type(parser *p, size_t at, const eg_datum *value, eg_datum_type type)
{
    if (value->type == type)
        return EG_OK;
    return fail(p, at, "%s stands where %s is expected", eg_datum_type_name(value->type), eg_datum_type_name(type));
}

static eg_status
expect_number(parser *p, size_t at, const eg_datum *value)
{
    if (eg_datum_is_number(value))
        return EG_OK;
    return fail(p, at, "%s stands where a number is expected", eg_datum_type_name(value->type));
}

/* Rounds towards minus infinity, and the remainder has the divisor's sign, as in Python. */
static int64_t
floor_divide(int64_t a, int64_t b, int64_t *remainder)
{
    int64_t quotient = a / b, rest = a % b;
    if (rest != 0 && (rest < 0) != (b < 0)) {
        quotient--;
        rest += b;
    }
    *remainder = rest;
    return quotient;
}

static eg_status
arithmetic(parser *p, size_t at, const char *sign, eg_datum *a, const eg_datum *b)
{
    EG_TRY(expect_number(p, at, a));
    EG_TRY(expect_number(p, at, b));
    bool integers = a->type == EG_DATUM_INT && b->type == EG_DATUM_INT;
    bool integer_sign = strcmp(sign, "//") == 0 || strcmp(sign, "%") == 0;
    if (integer_sign && !integers)
        return fail(p, at, "'%s' takes integers", sign);
    if ((integer_sign || *sign == '/') && eg_datum_number(b) == 0)
        return fail(p, at, "division by zero");
    if (integer_sign) {
        if (a->integer == INT64_MIN && b->integer == -1)
            return fail(p, at, "the result is beyond 64 bits");
        int64_t rest, quotient = floor_divide(a->integer, b->integer, &rest);
        a->integer = *sign == '%' ? rest : quotient;
        return EG_OK;
    }
    if (integers && *sign != '/') {
        int64_t result;
        bool fits = *sign == '+'   ? eg_add_i64(a->integer, b->integer, &result)
                    : *sign == '-' ? eg_sub_i64(a->integer, b->integer, &result)
                                   : eg_mul_i64(a->integer, b->integer, &result);
        if (!fits)
            return fail(p, at, "the result is beyond 64 bits");
        a->integer = result;
        return EG_OK;
    }
    double x = eg_datum_number(a), y = eg_datum_number(b);
    *a = eg_datum_real(*sign == '+' ? x + y : *sign == '-' ? x - y : *sign == '*' ? x * y : x / y);
    return isfinite(a->real) ? EG_OK : fail(p, at, "the result is no finite number");
}

/* Equality across types is a slip, but for none, which anything may be compared with. */
static eg_status
expect_alike(parser *p, size_t at, const eg_datum *a, const eg_datum *b)
{
    bool alike = a->type == b->type || a->type == EG_DATUM_NONE || b->type == EG_DATUM_NONE ||
                 (eg_datum_is_number(a) && eg_datum_is_number(b));
    return alike ? EG_OK
                 : fail(p, at, "%s is compared with %s", eg_datum_type_name(a->type), eg_datum_type_name(b->type));
}

static eg_status
compare(parser *p, size_t at, const char *sign, eg_datum *a, const eg_datum *b)
{
    if (strcmp(sign, "==") == 0 || strcmp(sign, "!=") == 0) {
        EG_TRY(expect_alike(p, at, a, b));
        *a = eg_datum_bool(eg_datum_equal(a, b) == (*sign == '='));
        return EG_OK;
    }
    EG_TRY(expect_number(p, at, a));
    EG_TRY(expect_number(p, at, b));
    int order;
    if (a->type == EG_DATUM_INT && b->type == EG_DATUM_INT)
        order = (a->integer > b->integer) - (a->integer < b->integer);
    else
        order = (eg_datum_number(a) > eg_datum_number(b)) - (eg_datum_number(a) < eg_datum_number(b));
    bool or_equal = sign[1] == '=';
    *a = eg_datum_bool(*sign == '<' ? order < or_equal : order > -(int)or_equal);
    return EG_OK;
}

static eg_status
contains(parser *p, size_t at, eg_datum *item, const eg_datum *list)
{
    EG_TRY(expect_type(p, at, list, EG_DATUM_LIST));
    bool found = false;
    for (size_t i = 0; i < list->count; i++)
        EG_TRY(expect_alike(p, at, item, &list->items[i]));
    for (size_t i = 0; i < list->count && !found; i++)
        found = eg_datum_equal(item, &list->items[i]);
    *item = eg_datum_bool(found);
    return EG_OK;
}

/* --- functions ----------------------------------------------------------------------------------- */

static eg_status parse_or(parser *p, eg_datum *out);

static eg_status
call_min_max(parser *p, size_t at, bool want_max, const eg_datum *arguments, size_t count, eg_datum *out)
{
    if (count == 1 && arguments[0].type == EG_DATUM_LIST) {
        count = arguments[0].count;
        arguments = arguments[0].items;
    }
    if (count == 0)
        return fail(p, at, "%s of nothing", want_max ? "max" : "min");
    for (size_t i = 0; i < count; i++) {
        EG_TRY(expect_number(p, at, &arguments[i]));
        double x = eg_datum_number(&arguments[i]);
        if (i == 0 || (want_max ? x > eg_datum_number(out) : x < eg_datum_number(out)))
            *out = arguments[i];
    }
    out->key = NULL;
    return EG_OK;
}

static eg_status
call_pow(parser *p, size_t at, const eg_datum *arguments, size_t count, eg_datum *out)
{
    if (count != 2)
        return fail(p, at, "pow takes a base and an exponent, got %zu argument%s", count, count == 1 ? "" : "s");
    EG_TRY(expect_number(p, at, &arguments[0]));
    EG_TRY(expect_number(p, at, &arguments[1]));
    double power = pow(eg_datum_number(&arguments[0]), eg_datum_number(&arguments[1]));
    if (!isfinite(power))
        return fail(p, at, "pow has no value there");
    *out = eg_datum_real(power);
    return EG_OK;
}

static eg_status
call_function(parser *p, size_t at, const char *name, const eg_datum *arguments, size_t count, eg_datum *out)
{
    if (strcmp(name, "min") == 0 || strcmp(name, "max") == 0)
        return call_min_max(p, at, *(name + 1) == 'a', arguments, count, out);
    if (strcmp(name, "pow") == 0)
        return call_pow(p, at, arguments, count, out);
    if (count != 1)
        return fail(p, at, "%s takes one argument, got %zu", name, count);
    if (strcmp(name, "count") == 0) {
        if (arguments[0].type != EG_DATUM_MAP)
            EG_TRY(expect_type(p, at, &arguments[0], EG_DATUM_LIST));
        *out = eg_datum_int((int64_t)arguments[0].count);
        return EG_OK;
    }
    EG_TRY(expect_number(p, at, &arguments[0]));
    double x = eg_datum_number(&arguments[0]);
    if (x < 0)
        return fail(p, at, "sqrt of a negative number");
    *out = eg_datum_real(sqrt(x));
    return EG_OK;
}

/* has(NAME) and fed(INPUT) take a name, not a value. */
static eg_status
parse_question(parser *p, bool fed, eg_datum *out)
{
    EG_TRY(expect_sign(p, "("));
    if (p->now.type != T_NAME && p->now.type != T_CONFIG)
        return fail(p, p->now.at, "%s takes a name", fed ? "fed" : "has");
    token name = p->now;
    EG_TRY(advance(p));
    EG_TRY(expect_sign(p, ")"));
    *out = eg_datum_bool(false);
    if (!evaluates(p))
        return EG_OK;
    if (fed) {
        bool known = false;
        out->boolean = p->env->fed && p->env->fed(p->env->user, name.text, &known);
        return known ? EG_OK
                     : fail(p, name.at, "'%s' is no input; the inputs are token_ids, type_ids, positions", name.text);
    }
    eg_datum value = {0};
    bool found = false;
    EG_TRY(p->env->look_up(p->env->user, name.text, name.type == T_CONFIG, &value, &found, p->err));
    out->boolean = found && value.type != EG_DATUM_NONE;
    return EG_OK;
}

static bool
is_function(const char *name)
{
    return strcmp(name, "min") == 0 || strcmp(name, "max") == 0 || strcmp(name, "sqrt") == 0 ||
           strcmp(name, "pow") == 0 || strcmp(name, "count") == 0;
}

static eg_status
parse_call(parser *p, const char *name, size_t at, eg_datum *out)
{
    eg_datum arguments[MAX_ARGUMENTS];
    size_t count = 0;
    EG_TRY(expect_sign(p, "("));
    while (!is_sign(p, ")")) {
        if (count > 0)
            EG_TRY(expect_sign(p, ","));
        if (count == MAX_ARGUMENTS)
            return fail(p, p->now.at, "more than %d arguments", MAX_ARGUMENTS);
        EG_TRY(parse_or(p, &arguments[count]));
        count++;
    }
    EG_TRY(advance(p));
    return evaluates(p) ? call_function(p, at, name, arguments, count, out) : EG_OK;
}

/* --- the grammar --------------------------------------------------------------------------------- */

/* `$i` where `i` is a counter, or a key's name with a slip in it. */
static eg_status
unknown_key(parser *p, const token *name)
{
    eg_datum ignored;
    bool is_name = false;
    EG_TRY(p->env->look_up(p->env->user, name->text, false, &ignored, &is_name, p->err));
    eg_status status = fail(p, name->at, "$%s: no such key under `config:`, or it has no value here", name->text);
    if (is_name)
        return eg_hint(p->err, status, "the name that is known here is written %s, without $", name->text);
    const char *near = p->env->nearest_key ? p->env->nearest_key(p->env->keys, name->text) : NULL;
    return near ? eg_hint(p->err, status, "did you mean '%s'?", near) : status;
}

static eg_status
look_up(parser *p, const token *name, eg_datum *out)
{
    if (!evaluates(p))
        return EG_OK;
    bool config = name->type == T_CONFIG, found = false;
    EG_TRY(p->env->look_up(p->env->user, name->text, config, out, &found, p->err));
    if (found)
        return EG_OK;
    if (config)
        return unknown_key(p, name);
    return fail(p, name->at, "'%s' is no name here; a config key is written $%s", name->text, name->text);
}

static eg_status
parse_atom(parser *p, eg_datum *out)
{
    token t = p->now;
    *out = (eg_datum){.type = EG_DATUM_NONE};
    switch (t.type) {
    case T_END:
        return fail(p, t.at, "the expression ends where a value is expected");
    case T_NUMBER:
        *out = t.value;
        return advance(p);
    case T_TEXT: {
        const char *text = "";
        if (p->env && !(text = eg_arena_strdup(p->env->arena, t.text)))
            return eg_fail_nomem(p->err, "an expression");
        *out = eg_datum_string(text);
        return advance(p);
    }
    case T_CONFIG:
        EG_TRY(advance(p));
        return look_up(p, &t, out);
    case T_NAME:
        EG_TRY(advance(p));
        if (strcmp(t.text, "none") == 0)
            return EG_OK;
        if (strcmp(t.text, "true") == 0 || strcmp(t.text, "false") == 0) {
            *out = eg_datum_bool(t.text[0] == 't');
            return EG_OK;
        }
        if (is_sign(p, "(")) {
            if (strcmp(t.text, "has") == 0 || strcmp(t.text, "fed") == 0)
                return parse_question(p, *t.text == 'f', out);
            if (is_function(t.text))
                return parse_call(p, t.text, t.at, out);
            return fail(p, t.at, "'%s' is no function; there are min, max, sqrt, pow, count, has and fed", t.text);
        }
        return look_up(p, &t, out);
    case T_SIGN:
        if (is_sign(p, "(")) {
            EG_TRY(advance(p));
            EG_TRY(parse_or(p, out));
            return expect_sign(p, ")");
        }
        break;
    }
    return fail(p, t.at, "'%s' stands where a value is expected", t.text);
}

static eg_status
parse_indexed(parser *p, eg_datum *out)
{
    EG_TRY(parse_atom(p, out));
    while (is_sign(p, "[")) {
        size_t at = p->now.at;
        eg_datum index = {0};
        EG_TRY(advance(p));
        EG_TRY(parse_or(p, &index));
        EG_TRY(expect_sign(p, "]"));
        if (!evaluates(p))
            continue;
        EG_TRY(expect_type(p, at, out, EG_DATUM_LIST));
        EG_TRY(expect_type(p, at, &index, EG_DATUM_INT));
        if (index.integer < 0 || (uint64_t)index.integer >= out->count)
            return fail(p, at, "index %lld is outside the list of %zu", (long long)index.integer, out->count);
        *out = out->items[index.integer];
    }
    return EG_OK;
}

static eg_status
parse_unary(parser *p, eg_datum *out)
{
    if (!is_sign(p, "-"))
        return parse_indexed(p, out);
    size_t at = p->now.at;
    EG_TRY(advance(p));
    if (++p->depth > MAX_DEPTH)
        return fail(p, at, "the expression is nested deeper than %d", MAX_DEPTH);
    EG_TRY(parse_unary(p, out));
    p->depth--;
    if (!evaluates(p))
        return EG_OK;
    eg_datum value = *out;
    *out = eg_datum_int(0);
    return arithmetic(p, at, "-", out, &value);
}

static eg_status
parse_product(parser *p, eg_datum *out)
{
    EG_TRY(parse_unary(p, out));
    while (is_sign(p, "*") || is_sign(p, "/") || is_sign(p, "//") || is_sign(p, "%")) {
        token sign = p->now;
        eg_datum right;
        EG_TRY(advance(p));
        EG_TRY(parse_unary(p, &right));
        if (evaluates(p))
            EG_TRY(arithmetic(p, sign.at, sign.text, out, &right));
    }
    return EG_OK;
}

static eg_status
parse_sum(parser *p, eg_datum *out)
{
    EG_TRY(parse_product(p, out));
    while (is_sign(p, "+") || is_sign(p, "-")) {
        token sign = p->now;
        eg_datum right;
        EG_TRY(advance(p));
        EG_TRY(parse_product(p, &right));
        if (evaluates(p))
            EG_TRY(arithmetic(p, sign.at, sign.text, out, &right));
    }
    return EG_OK;
}

static eg_status
parse_in(parser *p, bool negated, eg_datum *out)
{
    size_t at = p->now.at;
    eg_datum list;
    EG_TRY(advance(p));
    EG_TRY(parse_sum(p, &list));
    if (!evaluates(p))
        return EG_OK;
    EG_TRY(contains(p, at, out, &list));
    out->boolean ^= negated;
    return EG_OK;
}

static eg_status
parse_compare(parser *p, eg_datum *out)
{
    EG_TRY(parse_sum(p, out));
    if (is_word(p, "in"))
        return parse_in(p, false, out);
    if (is_word(p, "not")) {
        EG_TRY(advance(p));
        return is_word(p, "in") ? parse_in(p, true, out) : fail(p, p->now.at, "'in' is expected after 'not'");
    }
    if (p->now.type != T_SIGN || !strchr("=!<>", p->now.text[0]))
        return EG_OK;
    token sign = p->now;
    eg_datum right;
    EG_TRY(advance(p));
    EG_TRY(parse_sum(p, &right));
    return evaluates(p) ? compare(p, sign.at, sign.text, out, &right) : EG_OK;
}

static eg_status
parse_not(parser *p, eg_datum *out)
{
    if (!is_word(p, "not"))
        return parse_compare(p, out);
    size_t at = p->now.at;
    EG_TRY(advance(p));
    if (++p->depth > MAX_DEPTH)
        return fail(p, at, "the expression is nested deeper than %d", MAX_DEPTH);
    EG_TRY(parse_not(p, out));
    p->depth--;
    if (!evaluates(p))
        return EG_OK;
    EG_TRY(expect_type(p, at, out, EG_DATUM_BOOL));
    out->boolean = !out->boolean;
    return EG_OK;
}

/* `stop`: the value of the left side that decides alone; the right side is then read but not evaluated. */
static eg_status
parse_logic(parser *p, const char *word, bool stop, eg_status (*side)(parser *, eg_datum *), eg_datum *out)
{
    EG_TRY(side(p, out));
    while (is_word(p, word)) {
        size_t at = p->now.at;
        EG_TRY(advance(p));
        if (evaluates(p))
            EG_TRY(expect_type(p, at, out, EG_DATUM_BOOL));
        bool decided = evaluates(p) && out->boolean == stop;
        eg_datum right = eg_datum_bool(stop);
        p->skipped += decided;
        EG_TRY(side(p, &right));
        p->skipped -= decided;
        if (evaluates(p) && !decided) {
            EG_TRY(expect_type(p, at, &right, EG_DATUM_BOOL));
            *out = right;
        }
    }
    return EG_OK;
}

static eg_status
parse_and(parser *p, eg_datum *out)
{
    return parse_logic(p, "and", false, parse_not, out);
}

static eg_status
parse_or(parser *p, eg_datum *out)
{
    if (++p->depth > MAX_DEPTH)
        return fail(p, p->now.at, "the expression is nested deeper than %d", MAX_DEPTH);
    EG_TRY(parse_logic(p, "or", true, parse_and, out));
    p->depth--;
    return EG_OK;
}

bool
eg_expr_is_name(const char *name)
{
    static const char *const words[] = {"and", "or", "not", "in", "true", "false", "none"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(words[i], name) == 0)
            return false;
    }
    size_t n = 0;
    while (is_letter(name[n]) || is_digit(name[n]))
        n++;
    return n > 0 && name[n] == '\0' && !is_digit(name[0]);
}

eg_place
eg_scalar_place(const eg_yaml *scalar)
{
    return (eg_place){scalar->file, scalar->line, scalar->column + (scalar->quoted ? 1 : 0)};
}

eg_status
eg_expr_spend(const eg_expr_env *env, size_t length, const eg_place *place, eg_error *err)
{
    if (!env->effort)
        return EG_OK;
    if (length / 16 >= EG_EFFORT_MAX - *env->effort)
        return eg_fail_at(err, EG_E_INPUT, place->file, place->line, place->column,
                          "the family asks for more than %d evaluations", EG_EFFORT_MAX);
    *env->effort += 1 + (uint32_t)(length / 16);
    return EG_OK;
}

eg_status
eg_expr_eval(const char *text, size_t length, const eg_place *place, const eg_expr_env *env, eg_datum *out,
             eg_error *err)
{
    parser p = {.text = text, .length = length, .place = place, .env = env, .err = err};
    if (env)
        EG_TRY(eg_expr_spend(env, length, place, err));
    EG_TRY(advance(&p));
    EG_TRY(parse_or(&p, out));
    if (p.now.type != T_END)
        return fail(&p, p.now.at, "'%.*s' stands where the expression should end", (int)p.now.length, text + p.now.at);
    out->key = NULL;
    return EG_OK;
}

eg_status
eg_expr_check(const char *text, size_t length, const eg_place *place, eg_error *err)
{
    eg_datum ignored;
    return eg_expr_eval(text, length, place, NULL, &ignored, err);
}
