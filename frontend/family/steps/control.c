/* SPDX-License-Identifier: Apache-2.0 */
/* repeat, switch, block, aside, use, let: steps about steps. */
#include <inttypes.h>
#include <string.h>

#include "frontend/family/steps/steps.h"

/* --- repeat -------------------------------------------------------------------------------------- */

typedef struct repeat {
    const char *counter;
    int64_t rounds;
    const eg_yaml *block, *let, *scope;
    bool hidden_states;
} repeat;

static eg_status
read_repeat(eg_expand *x, const eg_call *call, repeat *out, eg_error *err)
{
    const eg_yaml *counter = call->head->items[0];
    eg_expr_env env = eg_expand_env(x);
    eg_datum rounds;
    EG_TRY(eg_eval_value(counter, &env, &rounds, err));
    if (rounds.type != EG_DATUM_INT || rounds.integer < 0)
        return eg_yaml_fail(counter, err, "the number of rounds is no integer from 0");
    if (rounds.integer > EG_ROUNDS_MAX)
        return eg_yaml_fail(counter, err, "%" PRId64 " rounds; a repeat has at most %d", rounds.integer, EG_ROUNDS_MAX);
    if (x->at.round_depth == EG_ROUND_DEPTH)
        return eg_yaml_fail(call->step, err, "more than %d repeats inside one another", EG_ROUND_DEPTH);
    *out = (repeat){.counter = counter->key,
                    .rounds = rounds.integer,
                    .block = eg_call_arg(call, "block"),
                    .let = eg_yaml_get(call->step, "let"),
                    .scope = eg_yaml_get(call->step, "scope")};
    return eg_call_bool(x, call, "hidden_states", false, &out->hidden_states, err);
}

static eg_status
record_hidden(eg_expand *x, const eg_call *call, const eg_chain *chain, eg_error *err)
{
    eg_value_id value;
    EG_TRY(eg_chain_one(chain, call->step, "hidden_states", &value, err));
    if (x->at.untaken)
        return EG_OK;
    return EG_PUSH(&x->hidden, value) ? EG_OK : eg_fail_nomem(err, "the hidden states");
}

static eg_status
run_round(eg_expand *x, const repeat *r, int64_t i, eg_chain *chain, eg_error *err)
{
    eg_datum round = eg_datum_int(i);
    x->at.rounds[x->at.round_depth - 1] = i;
    EG_TRY(eg_expand_variable(x, r->counter, &round, err));
    if (r->let)
        EG_TRY(eg_expand_let(x, r->let, err));
    if (r->scope)
        EG_TRY(eg_expand_scope(x, r->scope, err));
    return eg_expand_block(x, r->block, chain, err);
}

eg_status
eg_run_repeat(eg_expand *x, const eg_call *call, eg_chain *chain, eg_error *err)
{
    repeat r;
    EG_TRY(read_repeat(x, call, &r, err));
    if (r.hidden_states && x->hidden.count == 0)
        EG_TRY(record_hidden(x, call, chain, err));
    const eg_variable *variables = x->at.variables;
    const char *scope = x->at.scope;
    eg_status status = EG_OK;
    x->at.round_depth++;
    for (int64_t i = 0; i < r.rounds && status == EG_OK; i++) {
        status = run_round(x, &r, i, chain, err);
        x->at.variables = variables;
        x->at.scope = scope;
        if (status == EG_OK && r.hidden_states)
            status = record_hidden(x, call, chain, err);
    }
    x->at.round_depth--;
    return status;
}

/* The step's own map is `{i: COUNT}`; its block comes beside it. */
eg_status
eg_check_repeat(const eg_call *call, eg_error *err)
{
    if (!call->head || call->head->type != EG_YAML_MAP || call->head->count != 1)
        return eg_yaml_fail(call->step, err, "a repeat is written {repeat: {i: COUNT}, block: [steps]}");
    EG_TRY(eg_check_variable(call->head->items[0], call->head->items[0]->key, err));
    EG_TRY(eg_check_value(call->head->items[0], err));
    return eg_call_need(call, "block", err);
}

/* --- switch -------------------------------------------------------------------------------------- */

static eg_status
no_such_case(const eg_call *call, const eg_yaml *cases, const char *value, eg_error *err)
{
    eg_strbuf list = {0};
    for (size_t i = 0; i < cases->count; i++)
        eg_strbuf_printf(&list, "%s%s", i ? ", " : "", cases->items[i]->key);
    eg_status status = eg_call_fail(call, "on", err, "no case for '%s'", value);
    status = eg_hint(err, status, "there are %s", list.data ? list.data : "none");
    eg_strbuf_finish(&list);
    return status;
}

/* Cases that are not taken name tensors that a file may hold: they are walked for their names alone. */
static eg_status
survey_case(eg_expand *x, const eg_yaml *steps, const eg_chain *chain, eg_error *err)
{
    eg_chain copy = *chain;
    eg_context outer = x->at;
    x->at.untaken = true;
    eg_status status = eg_expand_block(x, steps, &copy, err);
    x->at = outer;
    return status == EG_E_NOMEM ? status : EG_OK;
}

eg_status
eg_run_switch(eg_expand *x, const eg_call *call, eg_chain *chain, eg_error *err)
{
    const eg_yaml *on = eg_call_arg(call, "on"), *cases = eg_call_arg(call, "cases"), *taken = NULL;
    eg_expr_env env = eg_expand_env(x);
    eg_datum value;
    EG_TRY(eg_eval_value(on, &env, &value, err));
    const char *text = value.type == EG_DATUM_NONE ? "none" : eg_datum_text(&value, x->arena);
    if (!text)
        return eg_call_fail(call, "on", err, "%s chooses no case", eg_datum_type_name(value.type));
    taken = eg_yaml_get(cases, text);
    if (!taken)
        return no_such_case(call, cases, text, err);
    for (size_t i = 0; i < cases->count && x->survey; i++) {
        if (cases->items[i] != taken)
            EG_TRY(survey_case(x, cases->items[i], chain, err));
    }
    EG_TRY(eg_expand_steps(x, taken, chain, err));
    for (size_t i = 0; i < cases->count; i++) {
        if (cases->items[i] != taken)
            EG_TRY(eg_expand_left_out(x, cases->items[i], err));
    }
    return EG_OK;
}

eg_status
eg_check_switch(const eg_call *call, eg_error *err)
{
    EG_TRY(eg_call_need(call, "on", err));
    EG_TRY(eg_call_need(call, "cases", err));
    const eg_yaml *cases = eg_call_arg(call, "cases");
    EG_TRY(eg_yaml_expect(cases, EG_YAML_MAP, err));
    for (size_t i = 0; i < cases->count; i++)
        EG_TRY(eg_family_check_steps(cases->items[i], err));
    return EG_OK;
}

/* --- block, aside -------------------------------------------------------------------------------- */

eg_status
eg_run_block(eg_expand *x, const eg_call *call, eg_chain *chain, eg_error *err)
{
    return eg_expand_block(x, eg_call_arg(call, "steps"), chain, err);
}

eg_status
eg_run_aside(eg_expand *x, const eg_call *call, eg_chain *chain, eg_error *err)
{
    eg_chain copy = *chain;
    return eg_expand_steps(x, eg_call_arg(call, "steps"), &copy, err);
}

/* --- use ----------------------------------------------------------------------------------------- */

static const eg_yaml *
find_define(const eg_expand *x, const char *name)
{
    return eg_yaml_get(eg_yaml_get(x->recipe->family->root, "define"), name);
}

static eg_status
bind_argument(eg_expand *x, const eg_call *call, const char *name, const char *type, const eg_variable **list,
              eg_error *err)
{
    EG_TRY(eg_call_need(call, name, err));
    const eg_yaml *node = eg_call_arg(call, name);
    eg_expr_env env = eg_expand_env(x);
    EG_TRY(eg_eval_choice(node, &env, &node, err));
    eg_variable *variable = eg_arena_alloc(x->arena, sizeof *variable);
    if (!variable)
        return eg_fail_nomem(err, "an argument");
    *variable = (eg_variable){.next = *list, .name = name};
    if (strcmp(type, "text") == 0 && node->type == EG_YAML_STRING && node->text[0] != '$') {
        const char *text;
        EG_TRY(eg_eval_text(node, &env, &text, err));
        if (text)
            variable->value = eg_datum_string(text);
    } else {
        EG_TRY(eg_eval_value(node, &env, &variable->value, err));
    }
    *list = variable;
    return EG_OK;
}

/* `with: [A, B]` are texts, `with: {A: number}` says otherwise. Arguments are read in the caller's scope. */
static eg_status
bind_arguments(eg_expand *x, const eg_call *call, const eg_yaml *with, eg_error *err)
{
    const eg_variable *list = x->at.variables;
    for (size_t i = 0; with && i < with->count; i++) {
        bool typed = with->type == EG_YAML_MAP;
        const char *name = typed ? with->items[i]->key : with->items[i]->text;
        EG_TRY(bind_argument(x, call, name, typed ? with->items[i]->text : "text", &list, err));
    }
    x->at.variables = list;
    return EG_OK;
}

static bool
takes_argument(const eg_yaml *with, const char *name)
{
    for (size_t i = 0; with && i < with->count; i++) {
        const char *known = with->type == EG_YAML_MAP ? with->items[i]->key : with->items[i]->text;
        if (strcmp(known, name) == 0)
            return true;
    }
    return false;
}

/* Keys of the step that are neither arguments of the define nor what every step may have. */
static eg_status
check_arguments(const eg_call *call, const eg_yaml *with, eg_error *err)
{
    const eg_yaml *map = call->inner ? call->inner : call->step;
    for (size_t i = 0; i < map->count; i++) {
        const char *key = map->items[i]->key;
        bool common = strcmp(key, "use") == 0 || strcmp(key, "name") == 0 || eg_is_common_key(key);
        if (!common && !takes_argument(with, key))
            return eg_yaml_fail_key(map->items[i], err, "the define '%s' has no argument '%s'",
                                    eg_call_arg(call, "name")->text, key);
    }
    return EG_OK;
}

eg_status
eg_run_use(eg_expand *x, const eg_call *call, eg_chain *chain, eg_error *err)
{
    const char *name;
    EG_TRY(eg_call_need(call, "name", err));
    EG_TRY(eg_call_text(x, call, "name", "", &name, err));
    const eg_yaml *define = find_define(x, name);
    if (!define)
        return eg_call_fail(call, "name", err, "there is nothing named '%s' under `define:`", name);
    const eg_yaml *with = eg_yaml_get(define, "with");
    EG_TRY(check_arguments(call, with, err));
    const eg_variable *variables = x->at.variables;
    EG_TRY(bind_arguments(x, call, with, err));
    eg_status status = eg_expand_block(x, eg_yaml_get(define, "steps"), chain, err);
    x->at.variables = variables;
    if (status != EG_OK && status != EG_E_NOMEM)
        eg_error_note_origin(err, "use", call->step->file, call->step->line);
    return status;
}
