/* SPDX-License-Identifier: Apache-2.0 */
/* Walking steps: the chain, names, blocks, what stands in every step. */
#include "frontend/family/expand.h"

#include <stdio.h>
#include <string.h>

const eg_yaml *
eg_expand_defaults(const eg_expand *x, const char *word)
{
    return eg_yaml_get(eg_yaml_get(x->recipe->family->root, "defaults"), word);
}

/* --- what every step may have -------------------------------------------------------------------- */

static eg_status
start_from(eg_expand *x, const eg_yaml *from, eg_chain *chain, eg_error *err)
{
    if (from->type == EG_YAML_LIST) {
        eg_chain values;
        EG_TRY(eg_expand_values(x, from, chain, &values, err));
        *chain = values;
        return EG_OK;
    }
    eg_expr_env env = eg_expand_env(x);
    const char *name;
    eg_value_id value;
    EG_TRY(eg_eval_text(from, &env, &name, err));
    if (!name)
        return eg_yaml_fail(from, err, "'from' takes the name of a value");
    EG_TRY(eg_expand_lookup(x, from, name, &value, err));
    eg_chain_set(chain, value);
    return EG_OK;
}

static eg_status
give_name(eg_expand *x, const eg_yaml *as, eg_value_id value, eg_error *err)
{
    eg_expr_env env = eg_expand_env(x);
    const char *name;
    EG_TRY(eg_eval_text(as, &env, &name, err));
    if (!name)
        return eg_yaml_fail(as, err, "'as' takes a name");
    return eg_expand_name(x, as, name, value, err);
}

/* `as: NAME`, or one name for each value of the chain. */
static eg_status
give_names(eg_expand *x, const eg_yaml *as, const eg_chain *chain, eg_error *err)
{
    if (as->type != EG_YAML_LIST) {
        eg_value_id value;
        EG_TRY(eg_chain_one(chain, as, "as", &value, err));
        return give_name(x, as, value, err);
    }
    if (as->count != chain->count)
        return eg_yaml_fail(as, err, "%zu names for %u values", as->count, chain->count);
    for (uint32_t i = 0; i < chain->count; i++)
        EG_TRY(give_name(x, as->items[i], chain->items[i], err));
    return EG_OK;
}

eg_status
eg_expand_let(eg_expand *x, const eg_yaml *let, eg_error *err)
{
    for (size_t i = 0; i < let->count; i++) {
        eg_expr_env env = eg_expand_env(x);
        eg_datum value;
        EG_TRY(eg_eval_value(let->items[i], &env, &value, err));
        EG_TRY(eg_expand_variable(x, let->items[i]->key, &value, err));
    }
    return EG_OK;
}

eg_status
eg_expand_scope(eg_expand *x, const eg_yaml *scope, eg_error *err)
{
    eg_expr_env env = eg_expand_env(x);
    const char *text;
    EG_TRY(eg_eval_text(scope, &env, &text, err));
    if (text && *text)
        x->at.scope = eg_arena_printf(x->arena, "%s%s", x->at.scope, text);
    return x->at.scope ? EG_OK : eg_fail_nomem(err, "a scope");
}

/* --- one step ------------------------------------------------------------------------------------ */

static const char *
word_name(const eg_call *call)
{
    return call->op ? call->op->name : call->word ? call->word->name : "";
}

/* `let` of a step without a word holds until the block ends; elsewhere `let` and `scope` hold for the step. A repeat
 * reads them itself, once a round. */
static eg_status
run_in_scope(eg_expand *x, const eg_call *call, eg_chain *chain, eg_error *err)
{
    const eg_yaml *let = eg_yaml_get(call->step, "let"), *scope = eg_yaml_get(call->step, "scope");
    if (!call->word)
        return let ? eg_expand_let(x, let, err) : EG_OK;
    const eg_variable *variables = x->at.variables;
    const char *outer_scope = x->at.scope;
    bool repeat = strcmp(call->word->name, "repeat") == 0;
    eg_status status = let && !repeat ? eg_expand_let(x, let, err) : EG_OK;
    if (status == EG_OK && scope && !repeat)
        status = eg_expand_scope(x, scope, err);
    if (status == EG_OK)
        status = call->word->run(x, call, chain, err);
    x->at.variables = variables;
    x->at.scope = outer_scope;
    return status;
}

static eg_status
expand_step(eg_expand *x, const eg_yaml *step, eg_chain *chain, eg_error *err)
{
    eg_call call;
    if (++x->steps > EG_STEPS_MAX)
        return eg_yaml_fail(step, err, "the family takes more than %d steps", EG_STEPS_MAX);
    EG_TRY(eg_call_read(step, &call, err));
    if (call.word)
        call.defaults = eg_expand_defaults(x, word_name(&call));
    const eg_yaml *as = eg_yaml_get(step, "as"), *from = eg_yaml_get(step, "from"), *when = eg_yaml_get(step, "when");
    if (when) {
        eg_expr_env env = eg_expand_env(x);
        bool taken;
        EG_TRY(eg_eval_truth(when, &env, &taken, err));
        if (!taken)
            return eg_expand_left_out(x, step, err);
    }
    if (from)
        EG_TRY(start_from(x, from, chain, err));
    EG_TRY(run_in_scope(x, &call, chain, err));
    return as ? give_names(x, as, chain, err) : EG_OK;
}

eg_status
eg_expand_steps(eg_expand *x, const eg_yaml *steps, eg_chain *chain, eg_error *err)
{
    if (x->at.depth == EG_STEPS_DEPTH)
        return eg_yaml_fail(steps, err, "steps are nested deeper than %d", EG_STEPS_DEPTH);
    x->at.depth++;
    const eg_variable *variables = x->at.variables;
    eg_status status = EG_OK;
    for (size_t i = 0; i < steps->count && status == EG_OK; i++)
        status = expand_step(x, steps->items[i], chain, err);
    x->at.variables = variables;
    x->at.depth--;
    return status;
}

eg_status
eg_expand_block(eg_expand *x, const eg_yaml *steps, eg_chain *chain, eg_error *err)
{
    eg_frame frame = {.parent = x->at.frame, .in = *chain};
    x->at.frame = &frame;
    eg_status status = eg_expand_steps(x, steps, chain, err);
    x->at.frame = frame.parent;
    return status;
}

/* --- the expansion ------------------------------------------------------------------------------- */

eg_status
eg_expand_init(eg_expand *x, const eg_recipe *recipe, eg_graph *graph, eg_arena *arena, eg_error *err)
{
    *x = (eg_expand){.recipe = recipe, .graph = graph, .arena = arena};
    x->at.scope = x->at.public_prefix = "";
    const eg_yaml *let = eg_yaml_get(recipe->family->root, "let");
    if (let)
        EG_TRY(eg_expand_let(x, let, err));
    x->top_variables = x->at.variables;
    return EG_OK;
}

void
eg_expand_finish(eg_expand *x)
{
    eg_map_finish(&x->values);
    eg_map_finish(&x->constants);
    eg_map_finish(&x->skips);
    eg_map_finish(&x->expanded);
    eg_free(x->value_names.items);
    eg_free(x->hidden.items);
    eg_free(x->attentions.items);
    eg_free(x->demanded.items);
    *x = (eg_expand){0};
}
