/* SPDX-License-Identifier: Apache-2.0 */
/* The sections of a family: embeddings and encoder, outputs, heads. Outputs and heads are expanded when asked for. */
#include <stdio.h>
#include <string.h>

#include "frontend/family/expand.h"

/* What a section starts with: no block around it, the top-level variables, its own names. */
static eg_context
enter_section(eg_expand *x, const char *section, const eg_head *head)
{
    eg_context outer = x->at;
    x->at = (eg_context){.variables = x->top_variables,
                         .scope = "",
                         .section = section,
                         .head = head,
                         .public_prefix = "",
                         .in_base = head == NULL,
                         .untaken = outer.untaken,
                         .depth = outer.depth};
    return outer;
}

static eg_status
publish_indexed(eg_expand *x, const char *name, size_t i, eg_value_id value, eg_error *err)
{
    char text[64];
    snprintf(text, sizeof text, "%s.%zu", name, i);
    return eg_expand_publish(x, text, value, err);
}

static eg_status
expand_section(eg_expand *x, const char *section, eg_chain *chain, eg_value_id *out, eg_error *err)
{
    const eg_yaml *steps = eg_yaml_get(x->recipe->family->root, section);
    eg_context outer = enter_section(x, section, NULL);
    eg_status status = eg_expand_block(x, steps, chain, err);
    if (status == EG_OK)
        status = eg_chain_one(chain, steps, section, out, err);
    x->at = outer;
    return status;
}

/* Everything after the encoder reads its rows as one vector of floats per token. */
static eg_status
check_encoder(eg_expand *x, eg_value_id encoder, eg_error *err)
{
    const eg_type *type = &eg_graph_value(x->graph, encoder)->type;
    char got[128];
    if (type->kind == EG_TOKEN && type->rank == 2 && type->dtype == EG_F32)
        return EG_OK;
    eg_type_format(type, got, sizeof got);
    return eg_yaml_fail(eg_yaml_get(x->recipe->family->root, "encoder"), err,
                        "the encoder ends with %s; token f32 rows are expected", got);
}

eg_status
eg_expand_base(eg_expand *x, eg_error *err)
{
    eg_chain chain = {0};
    eg_value_id embeddings, encoder;
    EG_TRY(expand_section(x, "embeddings", &chain, &embeddings, err));
    EG_TRY(eg_expand_publish(x, "embeddings", embeddings, err));
    EG_TRY(expand_section(x, "encoder", &chain, &encoder, err));
    EG_TRY(check_encoder(x, encoder, err));
    EG_TRY(eg_expand_publish(x, "last_hidden_state", encoder, err));
    EG_TRY(eg_expand_publish(x, "encoder", encoder, err));
    if (x->hidden.count)
        x->hidden.items[x->hidden.count - 1] = encoder;
    for (size_t i = 0; i < x->hidden.count; i++)
        EG_TRY(publish_indexed(x, "hidden_states", i, x->hidden.items[i], err));
    return EG_OK;
}

static bool
known_value(const eg_expand *x, const char *name, eg_value_id *out)
{
    uint64_t value;
    if (!eg_map_get(&x->values, name, strlen(name), &value))
        return false;
    *out = (eg_value_id)value;
    return true;
}

/* --- outputs and heads --------------------------------------------------------------------------- */

const eg_head *
eg_recipe_head(const eg_recipe *recipe, const char *name)
{
    for (uint32_t i = 0; i < recipe->head_count; i++) {
        if (strcmp(recipe->heads[i].name, name) == 0)
            return &recipe->heads[i];
    }
    return NULL;
}

/* Marks `key` as being expanded; *done if it has been. */
static eg_status
begin(eg_expand *x, const eg_yaml *at, const char *key, bool *done, eg_error *err)
{
    uint64_t ignored;
    *done = eg_map_get(&x->expanded, key, strlen(key), &ignored);
    for (size_t i = 0; i < x->demanded.count && !*done; i++) {
        if (strcmp(x->demanded.items[i], key) == 0)
            return eg_yaml_fail_key(at, err, "'%s' needs itself", key);
    }
    if (!*done && !EG_PUSH(&x->demanded, key))
        return eg_fail_nomem(err, "the outputs");
    return EG_OK;
}

static eg_status
end(eg_expand *x, const char *key, eg_error *err)
{
    x->demanded.count--;
    return eg_map_put(&x->expanded, key, strlen(key), 1, NULL) ? EG_OK : eg_fail_nomem(err, "the outputs");
}

static eg_status
start_chain(eg_expand *x, eg_chain *chain, eg_error *err)
{
    eg_value_id last;
    bool found;
    EG_TRY(eg_expand_find(x, "last_hidden_state", &last, &found, err));
    eg_chain_set(chain, found ? last : 0);
    return EG_OK;
}

/* Whether `when:` of an output or head lets it be. */
static eg_status
is_wanted(eg_expand *x, const eg_yaml *node, bool *out, eg_error *err)
{
    const eg_yaml *when = eg_yaml_get(node, "when");
    eg_expr_env env = eg_expand_env(x);
    *out = true;
    return when ? eg_eval_truth(when, &env, out, err) : EG_OK;
}

static eg_status
output_steps(eg_expand *x, const eg_yaml *node, eg_error *err)
{
    eg_chain chain = {0};
    eg_value_id value;
    bool wanted;
    EG_TRY(is_wanted(x, node, &wanted, err));
    if (!wanted)
        return EG_OK;
    EG_TRY(start_chain(x, &chain, err));
    EG_TRY(eg_expand_block(x, eg_yaml_get(node, "steps"), &chain, err));
    EG_TRY(eg_chain_one(&chain, node, node->key, &value, err));
    return eg_expand_publish(x, node->key, value, err);
}

eg_status
eg_expand_output(eg_expand *x, const char *name, eg_error *err)
{
    const eg_yaml *node = eg_yaml_get(eg_yaml_get(x->recipe->family->root, "outputs"), name);
    bool done;
    EG_TRY(begin(x, node, node->key, &done, err));
    if (done)
        return EG_OK;
    eg_context outer = enter_section(x, node->key, NULL);
    eg_status status = output_steps(x, node, err);
    x->at = outer;
    return status == EG_OK ? end(x, node->key, err) : status;
}

/* `outputs: {NAME: HEAD.output}`: values of other heads under this head's names. */
static eg_status
borrow_outputs(eg_expand *x, const eg_yaml *outputs, const char *prefix, eg_error *err)
{
    for (size_t i = 0; outputs && outputs->type == EG_YAML_MAP && i < outputs->count; i++) {
        eg_value_id value;
        EG_TRY(eg_expand_lookup(x, outputs->items[i], outputs->items[i]->text, &value, err));
        const char *name = eg_arena_printf(x->arena, "%s%s", prefix, outputs->items[i]->key);
        if (!name)
            return eg_fail_nomem(err, "the outputs");
        EG_TRY(eg_expand_publish(x, name, value, err));
    }
    return EG_OK;
}

/* Whether the last of the steps names what it gives. */
static bool
ends_with_name(const eg_yaml *steps)
{
    const eg_yaml *last = steps->type == EG_YAML_LIST && steps->count ? steps->items[steps->count - 1] : steps;
    return eg_yaml_get(last->type == EG_YAML_MAP ? last : NULL, "as") != NULL;
}

/* `outputs: [NAME]`, where no step gives the name: it is what the last step gives, unless that has a name of its own. */
static eg_status
name_last(eg_expand *x, const eg_head *head, const eg_chain *chain, eg_error *err)
{
    const eg_yaml *outputs = eg_yaml_get(head->node, "outputs");
    if (!outputs || outputs->type != EG_YAML_LIST || outputs->count != 1 || chain->count != 1 || !chain->items[0] ||
        ends_with_name(eg_yaml_get(head->node, "steps")))
        return EG_OK;
    const char *name = eg_arena_printf(x->arena, "%s%s", x->at.public_prefix, outputs->items[0]->text);
    return name ? eg_expand_publish(x, name, chain->items[0], err) : eg_fail_nomem(err, "the outputs");
}

/* `outputs: [NAME]`: each is what a step of the head names. */
static eg_status
check_outputs(const eg_expand *x, const eg_head *head, eg_error *err)
{
    const eg_yaml *outputs = eg_yaml_get(head->node, "outputs");
    for (size_t i = 0; outputs && outputs->type == EG_YAML_LIST && i < outputs->count; i++) {
        const char *name = eg_arena_printf(x->arena, "%s%s", x->at.public_prefix, outputs->items[i]->text);
        eg_value_id ignored;
        if (!name)
            return eg_fail_nomem(err, "the outputs");
        if (!known_value(x, name, &ignored))
            return eg_yaml_fail(outputs->items[i], err, "no step of the head '%s' gives the name '%s' (`as: %s`)",
                                head->name, outputs->items[i]->text, outputs->items[i]->text);
    }
    return EG_OK;
}

static eg_status
head_steps(eg_expand *x, const eg_head *head, eg_error *err)
{
    const eg_yaml *steps = eg_yaml_get(head->node, "steps");
    eg_chain chain = {0};
    if (steps) {
        EG_TRY(start_chain(x, &chain, err));
        EG_TRY(eg_expand_block(x, steps, &chain, err));
        EG_TRY(name_last(x, head, &chain, err));
    }
    EG_TRY(check_outputs(x, head, err));
    return borrow_outputs(x, eg_yaml_get(head->node, "outputs"), x->at.public_prefix, err);
}

eg_status
eg_expand_head(eg_expand *x, const eg_head *head, eg_error *err)
{
    const char *prefix = eg_arena_printf(x->arena, "%s.", head->name);
    bool done;
    if (!prefix)
        return eg_fail_nomem(err, "a head");
    EG_TRY(begin(x, head->node, prefix, &done, err));
    if (done)
        return EG_OK;
    eg_context outer = enter_section(x, head->name, head);
    x->at.public_prefix = prefix;
    eg_status status = head_steps(x, head, err);
    x->at = outer;
    return status == EG_OK ? end(x, prefix, err) : status;
}

eg_status
eg_expand_extra(eg_expand *x, const eg_yaml *steps, const char *section, eg_chain *chain, eg_error *err)
{
    eg_context outer = enter_section(x, section, NULL);
    x->at.in_base = false;
    eg_status status = start_chain(x, chain, err);
    if (status == EG_OK)
        status = eg_expand_block(x, steps, chain, err);
    x->at = outer;
    return status;
}

/* --- by name ------------------------------------------------------------------------------------- */

eg_status
eg_expand_find(eg_expand *x, const char *name, eg_value_id *out, bool *found, eg_error *err)
{
    *found = known_value(x, name, out);
    if (*found)
        return EG_OK;
    if (eg_yaml_get(eg_yaml_get(x->recipe->family->root, "outputs"), name)) {
        EG_TRY(eg_expand_output(x, name, err));
        *found = known_value(x, name, out);
        return EG_OK;
    }
    const char *dot = strchr(name, '.');
    char head_name[128];
    if (!dot || (size_t)(dot - name) >= sizeof head_name)
        return EG_OK;
    memcpy(head_name, name, (size_t)(dot - name));
    head_name[dot - name] = '\0';
    const eg_head *head = eg_recipe_head(x->recipe, head_name);
    if (!head)
        return EG_OK;
    EG_TRY(eg_expand_head(x, head, err));
    *found = known_value(x, name, out);
    return EG_OK;
}
