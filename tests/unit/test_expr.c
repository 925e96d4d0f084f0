/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"
#include "frontend/family/expr.h"

#include "tests/unit/support.h"

static eg_arena arena;
static eg_error error;

static void
finish(void)
{
    eg_arena_finish(&arena);
}

TestSuite(expr, .fini = finish);

/* hidden = 12, parts = ["c2p", "p2c"], act = "gelu"; the local i = 3; `broken` fails when it is looked at. */
static eg_status
look_up(void *user, const char *name, bool config_only, eg_datum *out, bool *found, eg_error *err)
{
    static const eg_datum parts[] = {{.type = EG_DATUM_STRING, .string = "c2p"},
                                     {.type = EG_DATUM_STRING, .string = "p2c"}};
    (void)user;
    *found = true;
    if (strcmp(name, "hidden") == 0)
        *out = eg_datum_int(12);
    else if (strcmp(name, "parts") == 0)
        *out = (eg_datum){.type = EG_DATUM_LIST, .items = parts, .count = 2};
    else if (strcmp(name, "act") == 0)
        *out = eg_datum_string("gelu");
    else if (strcmp(name, "i") == 0 && !config_only)
        *out = eg_datum_int(3);
    else if (strcmp(name, "broken") == 0)
        return eg_fail(err, EG_E_INPUT, "broken was looked at");
    else
        *found = false;
    return EG_OK;
}

static bool
fed(void *user, const char *input, bool *known)
{
    (void)user;
    *known = strcmp(input, "type_ids") == 0;
    return *known;
}

static const char *
nearest_key(const void *keys, const char *name)
{
    return eg_nearest(name, keys, 4);
}

static eg_status
evaluate(const char *text, eg_datum *out)
{
    static const char *const keys[] = {"hidden", "parts", "act", "absent"};
    eg_expr_env env = {.look_up = look_up, .fed = fed, .nearest_key = nearest_key, .keys = keys, .arena = &arena};
    eg_place place = {"f.yaml", 7, 11};
    size_t n = strlen(text);
    char *copy = eg_alloc(n); /* without a NUL: nothing may be read behind it */
    memcpy(copy, text, n);
    eg_status status = eg_expr_eval(copy, n, &place, &env, out, &error);
    eg_free(copy);
    return status;
}

static void
check(const char *text, const char *json)
{
    eg_datum value;
    eg_strbuf written = {0};
    cr_assert_eq(evaluate(text, &value), EG_OK, "%s: %s", text, test_error_line(&error));
    eg_datum_write(&value, &written);
    cr_assert_str_eq(written.data, json, "%s is %s, not %s", text, written.data, json);
    eg_strbuf_finish(&written);
}

static void
refuse(const char *text, uint32_t column, const char *message)
{
    eg_datum value;
    cr_assert_neq(evaluate(text, &value), EG_OK, "accepted: %s", text);
    test_assert_error(&error, EG_E_INPUT, 7, column, message);
}

Test(expr, arithmetic_has_the_usual_order)
{
    check("1 + 2 * 3", "7");
    check("(1 + 2) * 3", "9");
    check("10 - 3 - 2", "5");
    check("-2 * -3", "6");
    check("7 / 2", "3.5");
    check("6 / 2", "3.0");
    check("0.5 + 1", "1.5");
    check("1e-12", "1e-12");
}

Test(expr, integer_division_rounds_down)
{
    check("7 // 2", "3");
    check("-7 // 2", "-4");
    check("-7 % 2", "1");
    check("7 % -2", "-1");
}

Test(expr, comparisons_and_logic)
{
    check("1 < 2", "true");
    check("2 <= 1", "false");
    check("2 >= 2", "true");
    check("1 == 1.0", "true");
    check("$act == 'gelu'", "true");
    check("$act != \"relu\"", "true");
    check("not 1 > 2 and true", "true");
    check("false or $hidden == 12", "true");
    check("none == none", "true");
}

Test(expr, names_lists_and_functions)
{
    check("$hidden // i", "4");
    check("'c2p' in $parts", "true");
    check("'p2p' not in $parts", "true");
    check("$parts[1]", "\"p2c\"");
    check("count($parts)", "2");
    check("min(3, 1.5)", "1.5");
    check("max(1, 2, i)", "3");
    check("sqrt(16)", "4.0");
    check("1 / sqrt($hidden + 4)", "0.25");
    check("pow(4, 1 / 2)", "2.0");
    check("has(hidden) and not has($missing)", "true");
    check("fed(type_ids)", "true");
}

Test(expr, the_side_that_does_not_count_is_not_looked_at)
{
    check("false and $broken", "false");
    check("true or $broken > 1", "true");
    check("false and 1 // 0 == 1", "false");
}

Test(expr, errors_stand_at_the_token)
{
    refuse("1 + $hiden", 15, "$hiden: no such key");
    refuse("1 + hiden", 15, "'hiden' is no name here");
    refuse("1 +", 14, "ends where a value is expected");
    refuse("1 2", 13, "stands where the expression should end");
    refuse("(1", 13, "where ')' is expected");
    refuse("1 ? 2", 13, "'?' means nothing");
    refuse("'a", 11, "no closing '");
    refuse("'é' + $hiden", 17, "no such key");
    refuse("1 + $hiden", 15, "did you mean 'hidden'?");
    refuse("1 + $i", 15, "is written i, without $");
    refuse("length(1)", 11, "'length' is no function");
    refuse("fed(ids)", 15, "'ids' is no input");
    refuse("", 11, "ends where a value is expected");
    refuse("$", 11, "needs the name");
}

Test(expr, numbers_are_strict)
{
    refuse("12abc", 11, "no number");
    refuse("010", 11, "no number");
    refuse("1.", 11, "no number");
    refuse("1e999", 11, "too big");
    refuse("99999999999999999999", 11, "beyond 64 bits");
}

Test(expr, everything_is_checked)
{
    refuse("$act == 1", 16, "a string is compared with an integer");
    refuse("'x' in 3", 15, "an integer stands where a list is expected");
    refuse("3 in $parts", 13, "an integer is compared with a string");
    refuse("-9223372036854775807 - 2", 32, "beyond 64 bits");
    check("$act != none", "true");
    refuse("1 // 0", 13, "division by zero");
    refuse("1 / 0", 13, "division by zero");
    refuse("1 % 0", 13, "division by zero");
    refuse("9223372036854775807 + 1", 31, "beyond 64 bits");
    refuse("-9223372036854775807 - 2", 32, "beyond 64 bits");
    refuse("1e308 * 10", 17, "no finite number");
    refuse("1.5 // 2", 15, "takes integers");
    refuse("$act + 1", 16, "a string stands where a number is expected");
    refuse("$parts[2]", 17, "outside the list of 2");
    refuse("$parts[-1]", 17, "outside the list");
    refuse("$hidden[0]", 18, "a list is expected");
    refuse("'a' in $act", 15, "a list is expected");
    refuse("sqrt(-1)", 11, "negative");
    refuse("1 and true", 13, "true or false is expected");
    refuse("min()", 11, "min of nothing");
    refuse("sqrt(1, 2)", 11, "takes one argument");
    refuse("pow(2)", 11, "a base and an exponent, got 1 argument");
    refuse("pow(0 - 1, 1 / 2)", 11, "no value");
}

Test(expr, nesting_has_a_limit)
{
    char text[4096];
    memset(text, '(', sizeof text);
    text[sizeof text - 1] = '\0';
    eg_datum value;
    cr_assert_neq(evaluate(text, &value), EG_OK);
    cr_assert(strstr(test_error_line(&error), "nested deeper"));
    memset(text, '-', sizeof text - 1);
    cr_assert_neq(evaluate(text, &value), EG_OK);
    cr_assert(strstr(test_error_line(&error), "nested deeper"));
}
