/* SPDX-License-Identifier: Apache-2.0 */
/* Every name that `run --output` takes, from the graph with all outputs and heads that there are. */
#include <string.h>

#include "frontend/source/model.h"

typedef struct listing {
    const eg_source *source;
    eg_graph graph;
    eg_arena arena;
    eg_expand x;
    bool *endless; /* per value: it holds −∞ by its meaning, where nothing is to be looked at */
    eg_strbuf *out;
} listing;

/* --- which values can be asked for --------------------------------------------------------------- */

static bool
any_endless(const listing *l, const eg_node *node)
{
    for (uint32_t i = 0; i < node->input_count; i++)
        if (l->endless[node->inputs[i]])
            return true;
    return false;
}

/* Scores hold −∞ for keys that a query may not see, and so does what comes of them until they are shares. */
static bool
is_endless(const listing *l, const eg_node *node)
{
    if (strcmp(node->op->name, "scores") == 0)
        return eg_node_attr(node, "causal") || eg_node_attr(node, "window");
    bool is_pair = eg_graph_value(&l->graph, node->outputs[0])->type.kind == EG_PAIR;
    return is_pair && strcmp(node->op->name, "softmax") != 0 && any_endless(l, node);
}

static eg_status
find_endless(listing *l, eg_error *err)
{
    l->endless = eg_calloc(l->graph.values.count, sizeof *l->endless);
    if (!l->endless)
        return eg_fail_nomem(err, "the outputs");
    for (size_t i = 0; i < l->graph.order.count; i++) {
        const eg_node *node = eg_graph_node(&l->graph, l->graph.order.items[i]);
        for (uint32_t k = 0; k < node->output_count; k++)
            l->endless[node->outputs[k]] = is_endless(l, node);
    }
    return EG_OK;
}

/* Rows of the input, in a type that results have. */
static bool
can_be_asked_for(const listing *l, eg_value_id id)
{
    const eg_value *value = eg_graph_value(&l->graph, id);
    const eg_type *type = &value->type;
    return !(value->flags & EG_VALUE_CONST) && type->kind != EG_TABLE && !l->endless[id] &&
           (type->dtype == EG_F32 || type->dtype == EG_I32) && (type->kind == EG_TEXT || type->set == 0);
}

/* --- writing ------------------------------------------------------------------------------------- */

static void
put_name(listing *l, const char *name)
{
    bool first = l->out->length > 0 && l->out->data[l->out->length - 1] == '[';
    if (!first)
        eg_strbuf_putc(l->out, ',');
    eg_strbuf_json(l->out, name, strlen(name));
}

static bool
value_of(const listing *l, const char *name, eg_value_id *out)
{
    uint64_t value;
    bool known = eg_map_get(&l->x.values, name, strlen(name), &value);
    *out = known ? (eg_value_id)value : 0;
    return known;
}

/* What the head in use gives, without its name before it. */
static void
put_outputs_of_head(listing *l)
{
    const eg_head *head = l->source->recipe.head ? eg_recipe_head(&l->source->recipe, l->source->recipe.head) : NULL;
    const eg_yaml *outputs = head ? eg_yaml_get(head->node, "outputs") : NULL;
    for (size_t i = 0; outputs && i < outputs->count; i++) {
        const char *name = outputs->type == EG_YAML_MAP ? outputs->items[i]->key : outputs->items[i]->text;
        char *full = eg_arena_printf(&l->arena, "%s.%s", head->name, name);
        eg_value_id value, other;
        if (full && value_of(l, full, &value) && can_be_asked_for(l, value) && !value_of(l, name, &other))
            put_name(l, name);
    }
}

/* The names that steps give. */
static void
put_named(listing *l)
{
    eg_strbuf_puts(l->out, "\"outputs\":[");
    put_name(l, "embedding");
    if (l->x.hidden.count)
        put_name(l, "hidden_states");
    if (l->x.attentions.count)
        put_name(l, "attentions");
    put_outputs_of_head(l);
    for (size_t i = 0; i < l->x.value_names.count; i++) {
        eg_value_id value;
        if (value_of(l, l->x.value_names.items[i], &value) && can_be_asked_for(l, value))
            put_name(l, l->x.value_names.items[i]);
    }
    eg_strbuf_putc(l->out, ']');
}

/* All others, by the names that the graph gives them: those that are there whether type ids are fed or not. */
static void
put_unnamed(listing *l, const listing *unfed)
{
    eg_strbuf_puts(l->out, ",\"values\":[");
    for (eg_value_id id = 1; id < l->graph.values.count; id++) {
        const char *name = eg_graph_value(&l->graph, id)->name;
        eg_value_id named, other = eg_graph_find(&unfed->graph, name);
        if (can_be_asked_for(l, id) && !value_of(l, name, &named) && other && can_be_asked_for(unfed, other))
            put_name(l, name);
    }
    eg_strbuf_putc(l->out, ']');
}

/* --- the graph ----------------------------------------------------------------------------------- */

static eg_status
expand_all(listing *l, bool type_ids_fed, eg_error *err)
{
    const eg_source *source = l->source;
    EG_TRY(eg_graph_init(&l->graph, source->family.name, err));
    EG_TRY(eg_expand_init(&l->x, &source->recipe, &l->graph, &l->arena, err));
    l->x.type_ids_fed = type_ids_fed;
    EG_TRY(eg_expand_base(&l->x, err));
    for (uint32_t i = 0; i < source->output_count; i++)
        if (source->output_standings[i].available)
            EG_TRY(eg_expand_output(&l->x, source->output_standings[i].name, err));
    for (uint32_t i = 0; i < source->head_count; i++)
        if (source->head_standings[i].available)
            EG_TRY(eg_expand_head(&l->x, &source->heads[i], err));
    return find_endless(l, err);
}

static void
finish(listing *l)
{
    eg_free(l->endless);
    eg_expand_finish(&l->x);
    eg_graph_finish(&l->graph);
    eg_arena_finish(&l->arena);
}

eg_status
eg_source_write_value_names(const eg_source *source, eg_strbuf *out, eg_error *err)
{
    listing fed = {.source = source, .out = out}, unfed = fed;
    eg_status status = expand_all(&fed, true, err);
    if (status == EG_OK)
        status = expand_all(&unfed, false, err);
    if (status == EG_OK) {
        put_named(&fed);
        put_unnamed(&fed, &unfed);
    }
    finish(&fed);
    finish(&unfed);
    return status;
}
