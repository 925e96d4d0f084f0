/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a YAML node means where a certain kind of value is wanted: a string is an expression where a number, a truth or
 * a list is, a literal with `{…}` filled in where a name is. `{if: EXPR, then: X, else: Y}` chooses in either.
 */
#ifndef EG_FRONTEND_FAMILY_EVAL_H
#define EG_FRONTEND_FAMILY_EVAL_H

#include "frontend/family/expr.h"

/* Numbers, truths, lists: strings are expressions, null is none, `{each: {i: N}, value: X}` makes a list. */
EG_NODISCARD eg_status eg_eval_value(const eg_yaml *node, const eg_expr_env *env, eg_datum *out, eg_error *err);

/* Names and other words: literal text with `{EXPR}` filled in; what begins with `$` is an expression that gives a
 * string. *out is NULL where none is meant (null, or an expression that gives none). */
EG_NODISCARD eg_status eg_eval_text(const eg_yaml *node, const eg_expr_env *env, const char **out, eg_error *err);

/* `{if, then, else}` resolved as often as it stands there; other nodes are themselves. */
EG_NODISCARD eg_status eg_eval_choice(const eg_yaml *node, const eg_expr_env *env, const eg_yaml **out, eg_error *err);

EG_NODISCARD eg_status eg_eval_truth(const eg_yaml *node, const eg_expr_env *env, bool *out, eg_error *err);

/* Whether the node is `{if: …}`. */
bool eg_is_choice(const eg_yaml *node);
/* Whether the node says none: null, or the bare word. */
bool eg_is_none(const eg_yaml *node);

/* The syntax alone of what these functions read. */
EG_NODISCARD eg_status eg_check_variable(const eg_yaml *entry, const char *name, eg_error *err);
EG_NODISCARD eg_status eg_check_value(const eg_yaml *node, eg_error *err);
EG_NODISCARD eg_status eg_check_text(const eg_yaml *node, eg_error *err);

#endif
