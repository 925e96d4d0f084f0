/* SPDX-License-Identifier: Apache-2.0 */
/* Values by name: those of the block and the blocks around it, the public ones, the inputs; and variables. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "frontend/family/expand.h"

/* --- variables ----------------------------------------------------------------------------------- */

static eg_status
look_up(void *user, const char *name, bool config_only, eg_datum *out, bool *found, eg_error *err)
{
    eg_expand *x = user;
    *found = true;
    for (const eg_variable *v = config_only ? NULL : x->at.variables; v; v = v->next) {
        if (strcmp(v->name, name) == 0) {
            *out = v->value;
            return EG_OK;
        }
    }
    return eg_config_look_up(x->recipe->config, name, out, found, err);
}

static bool
fed(void *user, const char *input, bool *known)
{
    eg_expand *x = user;
    *known = true;
    if (strcmp(input, "type_ids") == 0)
        return x->type_ids_fed;
    *known = strcmp(input, "token_ids") == 0 || strcmp(input, "positions") == 0;
    return *known;
}

eg_expr_env
eg_expand_env(eg_expand *x)
{
    return (eg_expr_env){.user = x,
                         .look_up = look_up,
                         .fed = fed,
                         .nearest_key = eg_config_nearest,
                         .keys = x->recipe->config,
                         .effort = &x->effort,
                         .arena = x->arena};
}

eg_status
eg_expand_variable(eg_expand *x, const char *name, const eg_datum *value, eg_error *err)
{
    eg_variable *variable = eg_arena_alloc(x->arena, sizeof *variable);
    if (!variable)
        return eg_fail_nomem(err, "a variable");
    *variable = (eg_variable){x->at.variables, name, *value};
    x->at.variables = variable;
    return EG_OK;
}

/* --- giving names -------------------------------------------------------------------------------- */

static bool
has_public_name(const eg_expand *x, eg_value_id value)
{
    uint64_t other;
    const char *name = eg_graph_value(x->graph, value)->name;
    return eg_map_get(&x->values, name, strlen(name), &other) && other == value;
}

eg_status
eg_expand_publish(eg_expand *x, const char *name, eg_value_id value, eg_error *err)
{
    if (x->at.untaken)
        return EG_OK;
    const char *copy = eg_arena_strdup(x->arena, name);
    bool taken = false;
    if (!copy || !eg_map_put(&x->values, copy, strlen(copy), value, &taken))
        return eg_fail_nomem(err, "the values' names");
    if (taken)
        return EG_OK;
    if (!EG_PUSH(&x->value_names, copy))
        return eg_fail_nomem(err, "the values' names");
    bool fixed = eg_graph_value(x->graph, value)->flags & (EG_VALUE_INPUT | EG_VALUE_CONST);
    if (!fixed && !has_public_name(x, value) && !eg_graph_find(x->graph, copy))
        return eg_graph_rename(x->graph, value, copy, err);
    return EG_OK;
}

static bool
is_one_of(const char *name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(name, list[i]) == 0)
            return true;
    }
    return false;
}

static bool
is_reserved(const char *name)
{
    static const char *const reserved[] = {"in",        "token_ids", "type_ids", "positions",         "embeddings",
                                           "encoder",   "embedding", "none",     "last_hidden_state", "hidden_states",
                                           "attentions"};
    return is_one_of(name, reserved, sizeof reserved / sizeof *reserved);
}

/* What the language itself makes public in the base; a name of the same text would hide it or be hidden by it. */
static eg_status
check_public(const eg_expand *x, const eg_yaml *at, const char *name, eg_error *err)
{
    static const char *const of_attention[] = {"query", "key", "value", "scores", "context"};
    if (x->at.head)
        return EG_OK;
    if (x->at.round_depth > 0 && is_one_of(name, of_attention, sizeof of_attention / sizeof *of_attention))
        return eg_yaml_fail(at, err, "in a repeat '%s' is what attention calls its own; choose another name", name);
    const eg_yaml *output = eg_yaml_get(eg_yaml_get(x->recipe->family->root, "outputs"), name);
    if (output && x->at.round_depth == 0)
        return eg_yaml_fail(at, err, "'%s' is the name of an output; choose another", name);
    return EG_OK;
}

static bool
is_name(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    return n > 0 && name[n] == '\0' && !(*name >= '0' && *name <= '9');
}

/* NAME, NAME.i, NAME.i.j, with "HEAD." before it in a head. */
static const char *
public_name(const eg_expand *x, const char *name)
{
    char rounds[EG_ROUND_DEPTH * 24] = "";
    size_t used = 0;
    for (uint32_t i = 0; i < x->at.round_depth; i++)
        used += (size_t)snprintf(rounds + used, sizeof rounds - used, ".%" PRId64, x->at.rounds[i]);
    return eg_arena_printf(x->arena, "%s%s%s", x->at.public_prefix, name, rounds);
}

eg_status
eg_expand_name(eg_expand *x, const eg_yaml *at, const char *name, eg_value_id value, eg_error *err)
{
    if (!is_name(name))
        return eg_yaml_fail(at, err, "'%s' is no name; use letters, digits and _", name);
    if (is_reserved(name))
        return eg_yaml_fail(at, err, "the name '%s' has a meaning of its own; choose another", name);
    EG_TRY(check_public(x, at, name, err));
    eg_named *named = x->at.frame->names;
    while (named && strcmp(named->name, name) != 0)
        named = named->next;
    if (named && named->value && value)
        return eg_yaml_fail(at, err, "the name '%s' is given twice in this block", name);
    if (!named) {
        if (++x->at.frame->name_count > EG_NAMES_MAX)
            return eg_yaml_fail(at, err, "more than %d names in one block", EG_NAMES_MAX);
        named = eg_arena_alloc(x->arena, sizeof *named);
        if (!named)
            return eg_fail_nomem(err, "a name");
        *named = (eg_named){x->at.frame->names, name, 0};
        x->at.frame->names = named;
    }
    if (value == 0)
        return EG_OK;
    named->value = value;
    const char *full = public_name(x, name);
    return full ? eg_expand_publish(x, full, value, err) : eg_fail_nomem(err, "a name");
}

/* --- inputs -------------------------------------------------------------------------------------- */

eg_status
eg_expand_input(eg_expand *x, const char *name, eg_value_id *out, eg_error *err)
{
    *out = eg_graph_find(x->graph, name);
    if (*out)
        return EG_OK;
    eg_type type = {.dtype = EG_I32, .kind = EG_TOKEN, .rank = 1};
    type.dims[0] = eg_dim_of(EG_SYM_T, 0, 1);
    return eg_graph_add_input(x->graph, name, &type, out, err);
}

eg_status
eg_expand_positions(eg_expand *x, int64_t skip, eg_value_id *out, eg_error *err)
{
    char key[40];
    if (x->tweak.sets_first_position)
        skip = -1;
    snprintf(key, sizeof key, "positions %" PRId64, skip);
    uint64_t known;
    if (eg_map_get(&x->constants, key, strlen(key), &known)) {
        *out = (eg_value_id)known;
        return EG_OK;
    }
    eg_value_id ids;
    EG_TRY(eg_expand_input(x, "token_ids", &ids, err));
    eg_attr attr = eg_attr_int("skip", skip);
    EG_TRY(eg_emit(x, NULL, "positions", &ids, 1, &attr, skip >= 0 ? 1 : 0, out, err));
    const char *copy = eg_arena_strdup(x->arena, key);
    const char *by_value = eg_arena_printf(x->arena, "%" PRIu32, *out);
    if (!copy || !by_value || !eg_map_put(&x->constants, copy, strlen(copy), *out, NULL) ||
        !eg_map_put(&x->skips, by_value, strlen(by_value), (uint64_t)(skip + 1), NULL))
        return eg_fail_nomem(err, "positions");
    return EG_OK;
}

/* --- looking names up ---------------------------------------------------------------------------- */

static const eg_named *
find_in_blocks(const eg_expand *x, const char *name)
{
    for (const eg_frame *frame = x->at.frame; frame; frame = frame->parent) {
        for (const eg_named *n = frame->names; n; n = n->next) {
            if (strcmp(n->name, name) == 0)
                return n;
        }
    }
    return NULL;
}

static eg_status
unknown_value(eg_expand *x, const eg_yaml *at, const char *name, eg_error *err)
{
    EG_VEC(const char *) names = {0};
    bool pushed = true;
    for (const eg_frame *frame = x->at.frame; frame && pushed; frame = frame->parent) {
        for (const eg_named *n = frame->names; n && pushed; n = n->next)
            pushed = EG_PUSH(&names, n->name);
    }
    for (size_t i = 0; i < x->value_names.count && pushed; i++)
        pushed = EG_PUSH(&names, x->value_names.items[i]);
    const char *near = eg_nearest(name, names.items, names.count);
    eg_status status = eg_yaml_fail(at, err, "there is no value '%s' here", name);
    if (near)
        status = eg_hint(err, status, "did you mean '%s'?", near);
    eg_free(names.items);
    return status;
}

/* *out = 0 where the name is there but absent. */
static eg_status
find_value(eg_expand *x, const eg_yaml *at, const char *name, eg_value_id *out, eg_error *err)
{
    const eg_named *named = find_in_blocks(x, name);
    bool found = false;
    *out = 0;
    if (named) {
        *out = named->value;
        return EG_OK;
    }
    if (strcmp(name, "in") == 0) {
        if (x->at.frame->in.count != 1)
            return eg_yaml_fail(at, err, "%u values entered this block; 'in' is one", x->at.frame->in.count);
        *out = x->at.frame->in.items[0];
        return EG_OK;
    }
    if (strcmp(name, "token_ids") == 0 || strcmp(name, "type_ids") == 0)
        return eg_expand_input(x, name, out, err);
    if (strcmp(name, "positions") == 0)
        return eg_expand_positions(x, -1, out, err);
    EG_TRY(eg_expand_find(x, name, out, &found, err));
    return found ? EG_OK : unknown_value(x, at, name, err);
}

eg_status
eg_expand_lookup(eg_expand *x, const eg_yaml *at, const char *name, eg_value_id *out, eg_error *err)
{
    EG_TRY(find_value(x, at, name, out, err));
    if (*out == 0)
        return eg_yaml_fail(at, err, "'%s' is absent here: the step that gives it was left out", name);
    return EG_OK;
}

/* Steps as a value: they start from the present chain and leave it as it was. */
static eg_status
nested_value(eg_expand *x, const eg_yaml *node, const eg_chain *chain, eg_value_id *out, eg_error *err)
{
    eg_chain inner = *chain;
    if (node->type == EG_YAML_LIST) {
        EG_TRY(eg_expand_steps(x, node, &inner, err));
        return eg_chain_one(&inner, node, "a value", out, err);
    }
    const eg_yaml *when = eg_yaml_get(node, "when");
    bool taken = true;
    if (when) {
        eg_expr_env env = eg_expand_env(x);
        EG_TRY(eg_eval_truth(when, &env, &taken, err));
    }
    *out = 0;
    if (!taken)
        return eg_expand_left_out(x, node, err);
    eg_yaml *step = (eg_yaml *)node;
    eg_yaml list = {.type = EG_YAML_LIST,
                    .file = node->file,
                    .line = node->line,
                    .column = node->column,
                    .items = &step,
                    .count = 1};
    EG_TRY(eg_expand_steps(x, &list, &inner, err));
    return eg_chain_one(&inner, node, "a value", out, err);
}

eg_status
eg_expand_value(eg_expand *x, const eg_yaml *node, const eg_chain *chain, eg_value_id *out, eg_error *err)
{
    eg_expr_env env = eg_expand_env(x);
    EG_TRY(eg_eval_choice(node, &env, &node, err));
    *out = 0;
    if (eg_is_none(node))
        return EG_OK;
    if (node->type == EG_YAML_LIST || node->type == EG_YAML_MAP)
        return nested_value(x, node, chain, out, err);
    const char *name;
    EG_TRY(eg_eval_text(node, &env, &name, err));
    return name ? find_value(x, node, name[0] == '=' ? name + 1 : name, out, err) : EG_OK;
}

eg_status
eg_expand_values(eg_expand *x, const eg_yaml *node, const eg_chain *chain, eg_chain *out, eg_error *err)
{
    out->count = 0;
    size_t count = node->type == EG_YAML_LIST ? node->count : 1;
    for (size_t i = 0; i < count; i++) {
        const eg_yaml *item = node->type == EG_YAML_LIST ? node->items[i] : node;
        eg_value_id value;
        EG_TRY(eg_expand_value(x, item, chain, &value, err));
        if (value)
            EG_TRY(eg_chain_push(out, value, item, err));
        else if (node->type != EG_YAML_LIST)
            return eg_yaml_fail(item, err, "'%s' is absent here: the step that gives it was left out", item->text);
    }
    return EG_OK;
}
