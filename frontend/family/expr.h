/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expressions of the family language: `$hidden_size // $num_attention_heads`, `'c2p' in $pos_att_type`, `i == 0`.
 * Total and checked: no loops, no side effects, and each division, overflow, index and mixture of types is looked at.
 * An error is placed at the token inside the string.
 *
 *     or = and ('or' and)*            compare = sum (('==' '!=' '<' '<=' '>' '>=' 'in' 'not in') sum)?
 *     and = not ('and' not)*          sum = product (('+' '-') product)*
 *     not = 'not' not | compare       product = unary (('*' '/' '//' '%') unary)*
 *     unary = '-' unary | atom ('[' or ']')*
 *     atom = number | 'text' | $key | name | none | true | false | '(' or ')' | function '(' or (',' or)* ')'
 *
 * Thread-safety: safe.
 */
#ifndef EG_FRONTEND_FAMILY_EXPR_H
#define EG_FRONTEND_FAMILY_EXPR_H

#include "base/error.h"
#include "frontend/family/datum.h"
#include "frontend/yaml.h"

enum { EG_EFFORT_MAX = 1 << 20 };

/* Where names get their values. */
typedef struct eg_expr_env {
    void *user;
    /* The value of `$name` (config_only) or `name`; *found = false if there is none of that name. */
    eg_status (*look_up)(void *user, const char *name, bool config_only, eg_datum *out, bool *found, eg_error *err);
    /* Whether an input is fed; false with *known = false where there is no such input. */
    bool (*fed)(void *user, const char *input, bool *known);
    /* For hints: the key nearest to a name that is none, or NULL; keys is its first argument. Both NULL: no hints. */
    const char *(*nearest_key)(const void *keys, const char *name);
    const void *keys;
    uint32_t *effort; /* evaluations made so far, items of lists too: at most EG_EFFORT_MAX; NULL: not counted */
    eg_arena *arena;  /* of the strings that a result holds */
} eg_expr_env;

/* The place of the text's first character. */
typedef struct eg_place {
    const char *file;
    uint32_t line, column;
} eg_place;

/* Where the text of a scalar begins (behind the quote of a quoted one). */
eg_place eg_scalar_place(const eg_yaml *scalar);

EG_NODISCARD eg_status eg_expr_eval(const char *text, size_t length, const eg_place *place, const eg_expr_env *env,
                                    eg_datum *out, eg_error *err);

/* Counts one evaluation of a text of that length; an error at `place` where there have been too many. */
EG_NODISCARD eg_status eg_expr_spend(const eg_expr_env *env, size_t length, const eg_place *place, eg_error *err);

/* The syntax alone: names need not exist. */
EG_NODISCARD eg_status eg_expr_check(const char *text, size_t length, const eg_place *place, eg_error *err);

/* Whether a variable may be called so: letters, digits and _, and no word of the expressions. */
bool eg_expr_is_name(const char *name);

#endif
