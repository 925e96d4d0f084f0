/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/family/eval.h"

#include <string.h>

enum { MAX_EACH = 65536, MAX_NAME = 1024 };

bool
eg_is_choice(const eg_yaml *node)
{
    return node && node->type == EG_YAML_MAP && eg_yaml_get(node, "if");
}

bool
eg_is_none(const eg_yaml *node)
{
    return node->type == EG_YAML_NULL ||
           (node->type == EG_YAML_STRING && !node->quoted && strcmp(node->text, "none") == 0);
}

static eg_status
check_choice_keys(const eg_yaml *node, eg_error *err)
{
    static const char *const known[] = {"if", "then", "else"};
    EG_TRY(eg_yaml_check_keys(node, known, 3, err));
    if (!eg_yaml_get(node, "then") || !eg_yaml_get(node, "else"))
        return eg_yaml_fail(node, err, "a choice has the keys if, then and else");
    return EG_OK;
}

eg_status
eg_eval_truth(const eg_yaml *node, const eg_expr_env *env, bool *out, eg_error *err)
{
    eg_datum value;
    EG_TRY(eg_eval_value(node, env, &value, err));
    if (value.type != EG_DATUM_BOOL)
        return eg_yaml_fail(node, err, "%s stands where true or false is expected", eg_datum_type_name(value.type));
    *out = value.boolean;
    return EG_OK;
}

eg_status
eg_eval_choice(const eg_yaml *node, const eg_expr_env *env, const eg_yaml **out, eg_error *err)
{
    while (eg_is_choice(node)) {
        bool yes;
        EG_TRY(check_choice_keys(node, err));
        EG_TRY(eg_eval_truth(eg_yaml_get(node, "if"), env, &yes, err));
        node = eg_yaml_get(node, yes ? "then" : "else");
    }
    *out = node;
    return EG_OK;
}

/* --- {each: {i: COUNT}, value: X} ---------------------------------------------------------------- */

typedef struct each_scope {
    const eg_expr_env *outer;
    const char *name;
    int64_t round;
} each_scope;

static eg_status
look_up_in_each(void *user, const char *name, bool config_only, eg_datum *out, bool *found, eg_error *err)
{
    const each_scope *scope = user;
    if (!config_only && strcmp(name, scope->name) == 0) {
        *out = eg_datum_int(scope->round);
        *found = true;
        return EG_OK;
    }
    return scope->outer->look_up(scope->outer->user, name, config_only, out, found, err);
}

static bool
fed_in_each(void *user, const char *input, bool *known)
{
    const each_scope *scope = user;
    return scope->outer->fed && scope->outer->fed(scope->outer->user, input, known);
}

eg_status
eg_check_variable(const eg_yaml *entry, const char *name, eg_error *err)
{
    if (eg_expr_is_name(name))
        return EG_OK;
    static const char text[] = "'%s' cannot be the name of a value in expressions";
    eg_status status = entry->key ? eg_yaml_fail_key(entry, err, text, name) : eg_yaml_fail(entry, err, text, name);
    return eg_hint(err, status, "letters, digits and _; not and, or, not, in, true, false, none");
}

static eg_status
check_each(const eg_yaml *node, eg_error *err)
{
    static const char *const known[] = {"each", "value"};
    const eg_yaml *each = eg_yaml_get(node, "each");
    EG_TRY(eg_yaml_check_keys(node, known, 2, err));
    EG_TRY(eg_yaml_expect(each, EG_YAML_MAP, err));
    if (each->count != 1 || !eg_yaml_get(node, "value"))
        return eg_yaml_fail(node, err, "a list is made by {each: {i: COUNT}, value: X}");
    return eg_check_variable(each->items[0], each->items[0]->key, err);
}

/* A value in a list: text that is no expression by its looks may be meant, so words go through eg_eval_text. */
static eg_status
eval_item(const eg_yaml *node, const eg_expr_env *env, eg_datum *out, eg_error *err)
{
    eg_place place = eg_scalar_place(node);
    EG_TRY(eg_expr_spend(env, 0, &place, err));
    EG_TRY(eg_eval_choice(node, env, &node, err));
    if (node->type != EG_YAML_STRING)
        return eg_eval_value(node, env, out, err);
    const char *text;
    EG_TRY(eg_eval_text(node, env, &text, err));
    *out = text ? eg_datum_string(text) : (eg_datum){.type = EG_DATUM_NONE};
    return EG_OK;
}

static eg_status
eval_each(const eg_yaml *node, const eg_expr_env *env, eg_datum *out, eg_error *err)
{
    EG_TRY(check_each(node, err));
    const eg_yaml *counter = eg_yaml_get(node, "each")->items[0];
    eg_datum count;
    EG_TRY(eg_eval_value(counter, env, &count, err));
    if (count.type != EG_DATUM_INT || count.integer < 0 || count.integer > MAX_EACH)
        return eg_yaml_fail(counter, err, "each counts to an integer from 0 to %d", MAX_EACH);
    eg_datum *items = eg_arena_calloc(env->arena, (size_t)count.integer + 1, sizeof *items);
    if (!items)
        return eg_fail_nomem(err, "a list");
    for (int64_t i = 0; i < count.integer; i++) {
        each_scope scope = {env, counter->key, i};
        eg_expr_env inner = *env;
        inner.user = &scope;
        inner.look_up = look_up_in_each;
        inner.fed = fed_in_each;
        EG_TRY(eval_item(eg_yaml_get(node, "value"), &inner, &items[i], err));
    }
    *out = (eg_datum){.type = EG_DATUM_LIST, .items = items, .count = (size_t)count.integer};
    return EG_OK;
}

static eg_status
eval_list(const eg_yaml *node, const eg_expr_env *env, eg_datum *out, eg_error *err)
{
    eg_datum *items = eg_arena_calloc(env->arena, node->count + 1, sizeof *items);
    if (!items)
        return eg_fail_nomem(err, "a list");
    for (size_t i = 0; i < node->count; i++)
        EG_TRY(eval_item(node->items[i], env, &items[i], err));
    *out = (eg_datum){.type = EG_DATUM_LIST, .items = items, .count = node->count};
    return EG_OK;
}

eg_status
eg_eval_value(const eg_yaml *node, const eg_expr_env *env, eg_datum *out, eg_error *err)
{
    EG_TRY(eg_eval_choice(node, env, &node, err));
    switch (node->type) {
    case EG_YAML_NULL:
        *out = (eg_datum){.type = EG_DATUM_NONE};
        return EG_OK;
    case EG_YAML_BOOL:
        *out = eg_datum_bool(node->boolean);
        return EG_OK;
    case EG_YAML_INT:
        *out = eg_datum_int(node->integer);
        return EG_OK;
    case EG_YAML_REAL:
        *out = eg_datum_real(node->real);
        return EG_OK;
    case EG_YAML_STRING: {
        eg_place place = eg_scalar_place(node);
        return eg_expr_eval(node->text, node->length, &place, env, out, err);
    }
    case EG_YAML_LIST:
        return eval_list(node, env, out, err);
    case EG_YAML_MAP:
        break;
    }
    if (eg_yaml_get(node, "each"))
        return eval_each(node, env, out, err);
    return eg_yaml_fail(node, err,
                        "a map stands where a value is expected; only {if, then, else} and {each, value} do");
}

/* --- names --------------------------------------------------------------------------------------- */

/* Copies text with each `{EXPR}` replaced; env NULL: checks the syntax. */
static eg_status
fill_braces(const eg_yaml *node, const eg_expr_env *env, eg_strbuf *out, eg_error *err)
{
    const char *text = node->text, *end = text + node->length;
    eg_place start = eg_scalar_place(node);
    while (text < end) {
        const char *open = memchr(text, '{', (size_t)(end - text));
        if (!open)
            break;
        const char *close = memchr(open, '}', (size_t)(end - open));
        if (!close)
            return eg_yaml_fail(node, err, "'{' without '}'");
        eg_strbuf_append(out, text, (size_t)(open - text));
        eg_place place = start;
        place.column += (uint32_t)(open + 1 - node->text);
        size_t length = (size_t)(close - open - 1);
        if (env) {
            eg_datum value;
            EG_TRY(eg_expr_eval(open + 1, length, &place, env, &value, err));
            const char *filled = eg_datum_text(&value, env->arena);
            if (!filled)
                return eg_fail_at(err, EG_E_INPUT, place.file, place.line, place.column, "%s cannot stand in a name",
                                  eg_datum_type_name(value.type));
            eg_strbuf_puts(out, filled);
        } else {
            EG_TRY(eg_expr_check(open + 1, length, &place, err));
        }
        text = close + 1;
    }
    eg_strbuf_append(out, text, (size_t)(end - text));
    return EG_OK;
}

eg_status
eg_eval_text(const eg_yaml *node, const eg_expr_env *env, const char **out, eg_error *err)
{
    EG_TRY(eg_eval_choice(node, env, &node, err));
    *out = NULL;
    if (eg_is_none(node))
        return EG_OK;
    if (node->type == EG_YAML_LIST || node->type == EG_YAML_MAP)
        return eg_yaml_fail(node, err, "%s stands where a name is expected", eg_yaml_type_name(node));
    if (node->type == EG_YAML_STRING && node->text[0] == '$') {
        eg_datum value;
        eg_place place = eg_scalar_place(node);
        EG_TRY(eg_expr_eval(node->text, node->length, &place, env, &value, err));
        if (value.type == EG_DATUM_NONE)
            return EG_OK;
        *out = eg_datum_text(&value, env->arena);
        return *out ? EG_OK
                    : eg_yaml_fail(node, err, "%s stands where a name is expected", eg_datum_type_name(value.type));
    }
    eg_strbuf text = {0};
    eg_status status = fill_braces(node, env, &text, err);
    if (status == EG_OK && text.length > MAX_NAME)
        status = eg_yaml_fail(node, err, "a name of %zu bytes; it has at most %d", text.length, MAX_NAME);
    if (status == EG_OK) {
        *out = eg_arena_strdup(env->arena, text.data ? text.data : "");
        if (text.failed || !*out)
            status = eg_fail_nomem(err, "a name");
    }
    eg_strbuf_finish(&text);
    return status;
}

/* --- syntax -------------------------------------------------------------------------------------- */

static eg_status
check_either(const eg_yaml *node, eg_status (*check)(const eg_yaml *, eg_error *), eg_error *err)
{
    EG_TRY(check_choice_keys(node, err));
    EG_TRY(eg_check_value(eg_yaml_get(node, "if"), err));
    EG_TRY(check(eg_yaml_get(node, "then"), err));
    return check(eg_yaml_get(node, "else"), err);
}

static eg_status
check_item(const eg_yaml *node, eg_error *err)
{
    if (eg_is_choice(node))
        return check_either(node, check_item, err);
    return node->type == EG_YAML_STRING ? eg_check_text(node, err) : eg_check_value(node, err);
}

eg_status
eg_check_value(const eg_yaml *node, eg_error *err)
{
    if (eg_is_choice(node))
        return check_either(node, eg_check_value, err);
    if (node->type == EG_YAML_STRING) {
        eg_place place = eg_scalar_place(node);
        return eg_expr_check(node->text, node->length, &place, err);
    }
    if (node->type == EG_YAML_LIST) {
        for (size_t i = 0; i < node->count; i++)
            EG_TRY(check_item(node->items[i], err));
        return EG_OK;
    }
    if (node->type != EG_YAML_MAP)
        return EG_OK;
    if (!eg_yaml_get(node, "each"))
        return eg_yaml_fail(node, err, "a map stands where a value is expected");
    EG_TRY(check_each(node, err));
    EG_TRY(eg_check_value(eg_yaml_get(node, "each")->items[0], err));
    return check_item(eg_yaml_get(node, "value"), err);
}

eg_status
eg_check_text(const eg_yaml *node, eg_error *err)
{
    if (eg_is_choice(node))
        return check_either(node, eg_check_text, err);
    if (node->type == EG_YAML_LIST || node->type == EG_YAML_MAP)
        return eg_yaml_fail(node, err, "%s stands where a name is expected", eg_yaml_type_name(node));
    if (node->type != EG_YAML_STRING)
        return EG_OK;
    if (node->text[0] == '$')
        return eg_check_value(node, err);
    eg_strbuf ignored = {0};
    eg_status status = fill_braces(node, NULL, &ignored, err);
    eg_strbuf_finish(&ignored);
    return status;
}
