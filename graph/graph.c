/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/graph.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "graph/change.h"
#include "graph/type.h"

static eg_status
no_memory(eg_error *err)
{
    return eg_fail_nomem(err, "the graph");
}

/* --- life ---------------------------------------------------------------------------------------- */

eg_status
eg_graph_init(eg_graph *graph, const char *name, eg_error *err)
{
    const eg_node none = {.name = "", .scope = "", .dead = true};
    *graph = (eg_graph){.set_count = 1};
    graph->name = eg_arena_strdup(&graph->arena, name);
    if (!graph->name || !EG_PUSH(&graph->values, (eg_value){.name = ""}) || !EG_PUSH(&graph->nodes, none)) {
        eg_graph_finish(graph);
        return no_memory(err);
    }
    return EG_OK;
}

void
eg_graph_finish(eg_graph *graph)
{
    eg_free(graph->values.items);
    eg_free(graph->nodes.items);
    eg_free(graph->order.items);
    eg_free(graph->inputs.items);
    eg_free(graph->outputs.items);
    eg_map_finish(&graph->value_names);
    eg_arena_finish(&graph->arena);
    *graph = (eg_graph){0};
}

static void *
arena_copy(eg_arena *arena, const void *items, size_t count, size_t size)
{
    void *copy = eg_arena_calloc(arena, count, size);
    if (copy && count)
        memcpy(copy, items, count * size);
    return copy;
}

static const eg_const *
copy_constant(eg_arena *arena, const eg_host_view *views, uint32_t count)
{
    eg_const *copy = eg_arena_calloc(arena, 1, sizeof *copy);
    if (!copy)
        return NULL;
    copy->view_count = count;
    copy->views = arena_copy(arena, views, count, sizeof *views);
    return copy->views ? copy : NULL;
}

static bool
copy_attr(eg_arena *arena, eg_attr *attr)
{
    attr->name = eg_arena_strdup(arena, attr->name);
    if (attr->type == EG_ATTR_STRING)
        return attr->name && (attr->string = eg_arena_strdup(arena, attr->string));
    if (attr->type == EG_ATTR_INTS)
        return attr->name && (attr->ints = arena_copy(arena, attr->ints, attr->count, sizeof *attr->ints));
    return attr->name != NULL;
}

static bool
copy_attrs(eg_arena *arena, eg_node *node, const eg_attr *attrs)
{
    node->attrs = arena_copy(arena, attrs, node->attr_count, sizeof *attrs);
    if (!node->attrs)
        return false;
    for (uint32_t i = 0; i < node->attr_count; i++) {
        if (!copy_attr(arena, &node->attrs[i]))
            return false;
    }
    return true;
}

static bool
clone_value(eg_graph *to, const eg_value *value)
{
    eg_value copy = *value;
    copy.name = eg_arena_strdup(&to->arena, value->name);
    if (value->constant)
        copy.constant = copy_constant(&to->arena, value->constant->views, value->constant->view_count);
    return copy.name && (!value->constant || copy.constant) && EG_PUSH(&to->values, copy);
}

static bool
clone_node(eg_graph *to, const eg_node *node)
{
    eg_node copy = *node;
    eg_arena *arena = &to->arena;
    copy.name = eg_arena_strdup(arena, node->name);
    copy.scope = eg_arena_strdup(arena, node->scope);
    copy.inputs = arena_copy(arena, node->inputs, node->input_count, sizeof *node->inputs);
    copy.outputs = arena_copy(arena, node->outputs, node->output_count, sizeof *node->outputs);
    return copy.name && copy.scope && copy.inputs && copy.outputs && copy_attrs(arena, &copy, node->attrs) &&
           EG_PUSH(&to->nodes, copy) &&
           eg_node_set_origins(to, (eg_node_id)(to->nodes.count - 1), node->origins, node->origin_count);
}

static bool
clone_into(const eg_graph *graph, eg_graph *out)
{
    out->set_count = graph->set_count;
    for (size_t i = 1; i < graph->values.count; i++) {
        if (!clone_value(out, &graph->values.items[i]))
            return false;
    }
    for (size_t i = 1; i < graph->nodes.count; i++) {
        if (!clone_node(out, &graph->nodes.items[i]))
            return false;
    }
    for (size_t i = 0; i < graph->order.count; i++) {
        if (!EG_PUSH(&out->order, graph->order.items[i]))
            return false;
    }
    for (size_t i = 0; i < graph->inputs.count; i++) {
        if (!EG_PUSH(&out->inputs, graph->inputs.items[i]))
            return false;
    }
    for (size_t i = 0; i < graph->outputs.count; i++) {
        if (!EG_PUSH(&out->outputs, graph->outputs.items[i]))
            return false;
    }
    for (size_t i = 1; i < out->values.count; i++) {
        const eg_value *value = &out->values.items[i];
        if (eg_graph_is_live(out, (eg_value_id)i) &&
            !eg_map_set(&out->value_names, value->name, strlen(value->name), i))
            return false;
    }
    return true;
}

eg_status
eg_graph_clone(const eg_graph *graph, eg_graph *out, eg_error *err)
{
    EG_TRY(eg_graph_init(out, graph->name, err));
    if (clone_into(graph, out))
        return EG_OK;
    eg_graph_finish(out);
    return no_memory(err);
}

/* --- names --------------------------------------------------------------------------------------- */

bool
eg_graph_is_live(const eg_graph *graph, eg_value_id id)
{
    const eg_value *value = eg_graph_value(graph, id);
    if (value->flags & (EG_VALUE_INPUT | EG_VALUE_CONST))
        return true;
    return value->producer != 0 && !eg_graph_node(graph, value->producer)->dead;
}

/* Entries of renamed and removed values stay in the map until their name is given again; they do not count. */
eg_value_id
eg_graph_find(const eg_graph *graph, const char *name)
{
    uint64_t id;
    if (!eg_map_get(&graph->value_names, name, strlen(name), &id))
        return 0;
    bool stale = !eg_graph_is_live(graph, (eg_value_id)id) || strcmp(graph->values.items[id].name, name) != 0;
    return stale ? 0 : (eg_value_id)id;
}

static bool
name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("_.:/-", c));
}

bool
eg_name_valid(const char *name)
{
    size_t n = 0;
    while (name_char(name[n]))
        n++;
    return n > 0 && name[n] == '\0';
}

static eg_status
check_name(const char *name, eg_error *err)
{
    if (eg_name_valid(name))
        return EG_OK;
    eg_status status = eg_fail(err, EG_E_INPUT, "'%s' cannot be the name of a value", name);
    return eg_hint(err, status, "use letters, digits and _ . : / -");
}

static eg_status
new_value(eg_graph *graph, const char *name, const eg_value *value, eg_value_id *out, eg_error *err)
{
    eg_value copy = *value;
    if (graph->values.count >= UINT32_MAX)
        return eg_fail(err, EG_E_FAILED, "the graph has too many values");
    copy.name = eg_arena_strdup(&graph->arena, name);
    if (!copy.name || !EG_PUSH(&graph->values, copy))
        return no_memory(err);
    *out = (eg_value_id)(graph->values.count - 1);
    return eg_map_set(&graph->value_names, copy.name, strlen(copy.name), *out) ? EG_OK : no_memory(err);
}

static eg_status
new_named_value(eg_graph *graph, const char *name, const eg_value *value, eg_value_id *out, eg_error *err)
{
    const char *fault = eg_type_fault(&value->type);
    EG_TRY(check_name(name, err));
    if (eg_graph_find(graph, name))
        return eg_fail(err, EG_E_INTERNAL, "two values are named '%s'", name);
    if (fault)
        return eg_fail(err, EG_E_INTERNAL, "value '%s': %s", name, fault);
    return new_value(graph, name, value, out, err);
}

/* "<name>", or "<name>.2", "<name>.3", … in `out`, whichever is free first. */
static eg_status
free_name(const eg_graph *graph, const char *name, eg_strbuf *out, eg_error *err)
{
    eg_strbuf_puts(out, name);
    for (uint32_t i = 2; !out->failed && eg_graph_find(graph, out->data); i++) {
        out->length = 0;
        eg_strbuf_printf(out, "%s.%" PRIu32, name, i);
    }
    return out->failed ? no_memory(err) : EG_OK;
}

eg_status
eg_graph_rename(eg_graph *graph, eg_value_id id, const char *name, eg_error *err)
{
    eg_value *value = eg_graph_value(graph, id);
    eg_value_id taken = eg_graph_find(graph, name);
    EG_TRY(check_name(name, err));
    if (taken == id)
        return EG_OK;
    if (taken)
        return eg_fail(err, EG_E_INTERNAL, "'%s' cannot be renamed to '%s', which is taken", value->name, name);
    const char *copy = eg_arena_strdup(&graph->arena, name);
    if (!copy || !eg_map_set(&graph->value_names, copy, strlen(copy), id))
        return no_memory(err);
    value->name = copy;
    if (value->producer && eg_graph_node(graph, value->producer)->outputs[0] == id)
        eg_graph_node(graph, value->producer)->name = copy;
    return EG_OK;
}

/* --- adding values ------------------------------------------------------------------------------- */

eg_status
eg_graph_add_input(eg_graph *graph, const char *name, const eg_type *type, eg_value_id *out, eg_error *err)
{
    eg_value value = {.type = *type, .flags = EG_VALUE_INPUT};
    EG_TRY(new_named_value(graph, name, &value, out, err));
    if (type->set >= graph->set_count)
        graph->set_count = type->set + 1;
    return EG_PUSH(&graph->inputs, *out) ? EG_OK : no_memory(err);
}

eg_status
eg_graph_add_const(eg_graph *graph, const char *name, const eg_type *type, const eg_host_view *views,
                   uint32_t view_count, eg_value_id *out, eg_error *err)
{
    eg_value value = {.type = *type, .flags = EG_VALUE_CONST};
    if (type->kind != EG_TABLE)
        return eg_fail(err, EG_E_INTERNAL, "constant '%s' is not a table", name);
    if (view_count == 0)
        return eg_fail(err, EG_E_INTERNAL, "constant '%s' has no blocks", name);
    value.constant = copy_constant(&graph->arena, views, view_count);
    if (!value.constant)
        return no_memory(err);
    return new_named_value(graph, name, &value, out, err);
}

eg_status
eg_graph_add_output(eg_graph *graph, eg_value_id id, eg_error *err)
{
    eg_value *value = eg_graph_value(graph, id);
    if (value->flags & EG_VALUE_OUTPUT)
        return EG_OK;
    if (!EG_PUSH(&graph->outputs, id))
        return no_memory(err);
    value->flags |= EG_VALUE_OUTPUT;
    return EG_OK;
}

void
eg_graph_clear_outputs(eg_graph *graph)
{
    for (size_t i = 0; i < graph->outputs.count; i++)
        eg_graph_value(graph, graph->outputs.items[i])->flags &= ~(uint32_t)EG_VALUE_OUTPUT;
    graph->outputs.count = 0;
}

/* --- adding nodes -------------------------------------------------------------------------------- */

static const char *const attr_types[] = {"an integer", "a number", "a string", "a list of integers"};

static const eg_attr_spec *
find_spec(const eg_op *op, const char *name)
{
    for (const eg_attr_spec *spec = op->attrs; spec && spec->name; spec++) {
        if (strcmp(spec->name, name) == 0)
            return spec;
    }
    return NULL;
}

eg_status
eg_node_check_attrs(const eg_node *node, eg_error *err)
{
    const eg_op *op = node->op;
    if (node->attr_count > EG_MAX_ATTRS)
        return eg_fail(err, EG_E_INTERNAL, "%s: too many attributes", op->name);
    for (uint32_t i = 0; i < node->attr_count; i++) {
        const eg_attr *attr = &node->attrs[i];
        const eg_attr_spec *spec = find_spec(op, attr->name);
        if (!spec)
            return eg_fail(err, EG_E_INPUT, "%s has no attribute '%s'", op->name, attr->name);
        if (spec->type != attr->type)
            return eg_fail(err, EG_E_INPUT, "%s: '%s' must be %s", op->name, attr->name, attr_types[spec->type]);
        if (attr->type == EG_ATTR_FLOAT && !isfinite(attr->real))
            return eg_fail(err, EG_E_INPUT, "%s: '%s' is not a finite number", op->name, attr->name);
        if (i > 0 && strcmp(node->attrs[i - 1].name, attr->name) >= 0)
            return eg_fail(err, EG_E_INPUT, "%s: '%s' is given twice", op->name, attr->name);
    }
    for (const eg_attr_spec *spec = op->attrs; spec && spec->name; spec++) {
        if (spec->required && !eg_node_attr(node, spec->name))
            return eg_fail(err, EG_E_INPUT, "%s needs '%s', %s", op->name, spec->name, attr_types[spec->type]);
    }
    return EG_OK;
}

bool
eg_node_attr_is_neutral(const eg_graph *graph, const eg_node *node, const eg_attr *attr)
{
    const eg_attr_spec *spec = find_spec(node->op, attr->name);
    return spec && spec->neutral && !spec->required && spec->neutral(graph, node, attr);
}

static void
sort_attrs(eg_node *node)
{
    for (uint32_t i = 1; i < node->attr_count; i++) {
        eg_attr moved = node->attrs[i];
        uint32_t at = i;
        for (; at > 0 && strcmp(node->attrs[at - 1].name, moved.name) > 0; at--)
            node->attrs[at] = node->attrs[at - 1];
        node->attrs[at] = moved;
    }
}

static void
drop_neutral_attrs(const eg_graph *graph, eg_node *node)
{
    /* All are judged before any goes: whether one is neutral may depend on another. */
    uint64_t neutral = 0;
    for (uint32_t i = 0; i < node->attr_count; i++)
        neutral |= (uint64_t)eg_node_attr_is_neutral(graph, node, &node->attrs[i]) << i;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < node->attr_count; i++) {
        if (!(neutral >> i & 1))
            node->attrs[kept++] = node->attrs[i];
    }
    node->attr_count = kept;
}

static eg_status
check_inputs(const eg_graph *graph, const eg_node *node, eg_error *err)
{
    const eg_op *op = node->op;
    if (node->input_count < op->min_inputs || node->input_count > op->max_inputs) {
        if (op->min_inputs == op->max_inputs)
            return eg_fail(err, EG_E_INPUT, "%s takes %" PRIu32 " inputs, got %" PRIu32, op->name, op->min_inputs,
                           node->input_count);
        return eg_fail(err, EG_E_INPUT, "%s cannot take %" PRIu32 " inputs", op->name, node->input_count);
    }
    for (uint32_t i = 0; i < node->input_count; i++) {
        eg_value_id id = node->inputs[i];
        if (id == 0 || id >= graph->values.count || !eg_graph_is_live(graph, id))
            return eg_fail(err, EG_E_INTERNAL, "%s: input %" PRIu32 " is not a value of the graph", op->name, i);
    }
    return EG_OK;
}

eg_status
eg_node_infer(const eg_graph *graph, const eg_node *node, eg_type *out, eg_error *err)
{
    EG_TRY(node->op->infer(graph, node, out, err));
    for (uint32_t i = 0; i < node->output_count; i++) {
        const char *fault = eg_type_fault(&out[i]);
        if (fault)
            return eg_fail(err, EG_E_INTERNAL, "%s gave a wrong type: %s", node->op->name, fault);
    }
    return EG_OK;
}

/* The name of output i before it is made unique. */
static eg_status
wanted_name(const eg_node *node, const char *name, uint32_t i, eg_strbuf *out, eg_error *err)
{
    if (name)
        eg_strbuf_puts(out, name);
    else
        eg_strbuf_printf(out, "%s%s%s.%" PRIu32, node->scope, node->scope[0] ? "." : "", node->op->name, node->origin);
    if (i > 0)
        eg_strbuf_printf(out, ".%" PRIu32, i);
    if (out->failed)
        return no_memory(err);
    return check_name(out->data, err);
}

static eg_status
add_result(eg_graph *graph, eg_node_id id, eg_node *node, const char *name, uint32_t i, const eg_type *type,
           eg_error *err)
{
    eg_strbuf wanted = {0}, free = {0};
    eg_value value = {.type = *type, .producer = id};
    eg_status status = wanted_name(node, name, i, &wanted, err);
    if (status == EG_OK)
        status = free_name(graph, wanted.data, &free, err);
    if (status == EG_OK)
        status = new_value(graph, free.data, &value, &node->outputs[i], err);
    eg_strbuf_finish(&wanted);
    eg_strbuf_finish(&free);
    return status;
}

/* Checks everything about a node but its results; its arrays are copied into the arena. */
static eg_status
prepare_node(eg_graph *graph, eg_node *node, const eg_value_id *inputs, const eg_attr *attrs, eg_error *err)
{
    if (graph->nodes.count >= UINT32_MAX)
        return eg_fail(err, EG_E_FAILED, "the graph has too many nodes");
    if (node->output_count > EG_MAX_OUTPUTS)
        return eg_fail(err, EG_E_INTERNAL, "%s: too many outputs", node->op->name);
    node->scope = eg_arena_strdup(&graph->arena, node->scope);
    node->inputs = arena_copy(&graph->arena, inputs, node->input_count, sizeof *inputs);
    node->outputs = eg_arena_calloc(&graph->arena, node->output_count, sizeof *node->outputs);
    if (!node->scope || !node->inputs || !node->outputs || !copy_attrs(&graph->arena, node, attrs))
        return no_memory(err);
    sort_attrs(node);
    EG_TRY(eg_node_check_attrs(node, err));
    EG_TRY(check_inputs(graph, node, err));
    drop_neutral_attrs(graph, node);
    return EG_OK;
}

eg_status
eg_graph_add_node(eg_graph *graph, const eg_op *op, const char *name, const char *scope, const eg_value_id *inputs,
                  uint32_t input_count, const eg_attr *attrs, uint32_t attr_count, eg_value_id *out_values,
                  eg_error *err)
{
    eg_type types[EG_MAX_OUTPUTS];
    eg_node_id id = (eg_node_id)graph->nodes.count;
    eg_node node = {.op = op,
                    .scope = scope ? scope : "",
                    .origin = id,
                    .input_count = input_count,
                    .output_count = op->output_count,
                    .attr_count = attr_count,
                    .dead = true};
    EG_TRY(prepare_node(graph, &node, inputs, attrs, err));
    EG_TRY(eg_node_infer(graph, &node, types, err));
    /* Dead until all is well, so that a failure half-way leaves names and values that nobody sees. */
    node.name = "";
    if (!EG_PUSH(&graph->nodes, node))
        return no_memory(err);
    for (uint32_t i = 0; i < op->output_count; i++)
        EG_TRY(add_result(graph, id, &node, name, i, &types[i], err));
    if (!EG_PUSH(&graph->order, id))
        return no_memory(err);
    for (uint32_t i = 0; i < op->output_count; i++) {
        if (types[i].set >= graph->set_count)
            graph->set_count = types[i].set + 1;
        out_values[i] = node.outputs[i];
    }
    node.name = eg_graph_value(graph, node.outputs[0])->name;
    node.dead = false;
    graph->nodes.items[id] = node;
    return EG_OK;
}

/* --- changing ------------------------------------------------------------------------------------ */

const char *
eg_graph_cannot_replace(const eg_graph *graph, eg_value_id from, eg_value_id to)
{
    uint32_t to_flags = eg_graph_value(graph, to)->flags;
    if (!(eg_graph_value(graph, from)->flags & EG_VALUE_OUTPUT))
        return NULL;
    if (to_flags & EG_VALUE_OUTPUT)
        return "both it and what would stand for it are outputs";
    if (to_flags & (EG_VALUE_INPUT | EG_VALUE_CONST))
        return "it is an output, and an input or a constant would stand for it";
    return NULL;
}

/* The output's name is its caller's: it goes to the value that takes its place. */
static eg_status
move_output(eg_graph *graph, eg_value_id from, eg_value_id to, eg_error *err)
{
    for (size_t i = 0; i < graph->outputs.count; i++) {
        if (graph->outputs.items[i] == from)
            graph->outputs.items[i] = to;
    }
    eg_value *old = eg_graph_value(graph, from), *now = eg_graph_value(graph, to);
    const char *name = old->name;
    old->flags &= ~(uint32_t)EG_VALUE_OUTPUT;
    now->flags |= EG_VALUE_OUTPUT;
    if (!eg_map_set(&graph->value_names, name, strlen(name), to) ||
        !eg_map_set(&graph->value_names, now->name, strlen(now->name), from))
        return no_memory(err);
    old->name = now->name;
    now->name = name;
    const eg_value *both[] = {old, now};
    for (int i = 0; i < 2; i++) {
        eg_node *producer = eg_graph_node(graph, both[i]->producer);
        if (both[i]->producer && eg_graph_value(graph, producer->outputs[0]) == both[i])
            producer->name = both[i]->name;
    }
    return EG_OK;
}

eg_status
eg_graph_replace(eg_graph *graph, eg_value_id from, eg_value_id to, eg_error *err)
{
    const char *why_not = eg_graph_cannot_replace(graph, from, to);
    if (why_not)
        return eg_fail(err, EG_E_INTERNAL, "'%s' cannot be replaced: %s", eg_graph_value(graph, from)->name, why_not);
    if (eg_graph_value(graph, from)->flags & EG_VALUE_OUTPUT)
        EG_TRY(move_output(graph, from, to, err));
    for (size_t i = 0; i < graph->order.count; i++) {
        eg_node *node = eg_graph_node(graph, graph->order.items[i]);
        for (uint32_t k = 0; k < node->input_count; k++) {
            if (node->inputs[k] == from)
                node->inputs[k] = to;
        }
    }
    return EG_OK;
}

void
eg_graph_compact_order(eg_graph *graph)
{
    size_t kept = 0;
    for (size_t i = 0; i < graph->order.count; i++) {
        eg_node_id id = graph->order.items[i];
        if (!eg_graph_node(graph, id)->dead)
            graph->order.items[kept++] = id;
    }
    graph->order.count = kept;
}

void
eg_graph_remove(eg_graph *graph, eg_node_id id)
{
    eg_graph_node(graph, id)->dead = true;
    eg_graph_compact_order(graph);
}

/* --- reading ------------------------------------------------------------------------------------- */

void
eg_graph_count_uses(const eg_graph *graph, uint32_t *counts)
{
    memset(counts, 0, graph->values.count * sizeof *counts);
    for (size_t i = 0; i < graph->order.count; i++) {
        const eg_node *node = eg_graph_node(graph, graph->order.items[i]);
        for (uint32_t k = 0; k < node->input_count; k++)
            counts[node->inputs[k]]++;
    }
    for (size_t i = 0; i < graph->outputs.count; i++)
        counts[graph->outputs.items[i]]++;
}

bool
eg_node_is_view(const eg_graph *graph, const eg_node *node)
{
    return (node->op->flags & EG_OP_VIEW) && !(eg_graph_value(graph, node->inputs[0])->flags & EG_VALUE_CONST);
}

/* The view that makes the value; NULL if none does. */
static const eg_node *
view_behind(const eg_graph *graph, eg_value_id id)
{
    const eg_value *value = eg_graph_value(graph, id);
    const eg_node *node = value->producer ? eg_graph_node(graph, value->producer) : NULL;
    return node && eg_node_is_view(graph, node) && node->outputs[0] == id ? node : NULL;
}

eg_value_id
eg_graph_alias_root(const eg_graph *graph, eg_value_id id)
{
    for (const eg_node *view; (view = view_behind(graph, id));)
        id = view->inputs[0];
    return id;
}

/* A view begins `begin` elements into the rows of what it shows. */
bool
eg_graph_alias_layout(const eg_graph *graph, eg_value_id id, int64_t *out_offset, int64_t *out_row_stride)
{
    *out_offset = 0;
    for (const eg_node *view; (view = view_behind(graph, id)); id = view->inputs[0]) {
        if (__builtin_add_overflow(*out_offset, eg_node_int(view, "begin", 0), out_offset))
            return false;
    }
    return eg_type_width(&eg_graph_value(graph, id)->type, out_row_stride);
}

const eg_attr *
eg_node_attr(const eg_node *node, const char *name)
{
    for (uint32_t i = 0; i < node->attr_count; i++) {
        if (strcmp(node->attrs[i].name, name) == 0)
            return &node->attrs[i];
    }
    return NULL;
}

int64_t
eg_node_int(const eg_node *node, const char *name, int64_t absent)
{
    const eg_attr *attr = eg_node_attr(node, name);
    return attr && attr->type == EG_ATTR_INT ? attr->integer : absent;
}

double
eg_node_float(const eg_node *node, const char *name, double absent)
{
    const eg_attr *attr = eg_node_attr(node, name);
    return attr && attr->type == EG_ATTR_FLOAT ? attr->real : absent;
}

const char *
eg_node_string(const eg_node *node, const char *name, const char *absent)
{
    const eg_attr *attr = eg_node_attr(node, name);
    return attr && attr->type == EG_ATTR_STRING ? attr->string : absent;
}
