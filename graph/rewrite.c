/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/rewrite.h"

#include <inttypes.h>
#include <string.h>

#include "graph/change.h"

static eg_status
no_memory(eg_error *err)
{
    return eg_fail_nomem(err, "a rewrite");
}

/* --- who reads what ------------------------------------------------------------------------------ */

static bool
count_reads(eg_rewriter *r, eg_node_id id)
{
    const eg_graph *graph = r->graph;
    while (r->uses.count < graph->values.count) {
        if (!EG_PUSH(&r->uses, 0) || !EG_PUSH(&r->readers, 0))
            return false;
    }
    const eg_node *node = eg_graph_node(graph, id);
    for (uint32_t k = 0; k < node->input_count; k++) {
        r->uses.items[node->inputs[k]]++;
        r->readers.items[node->inputs[k]] = id;
    }
    return true;
}

eg_status
eg_rewriter_init(eg_rewriter *r, eg_graph *graph, eg_pass_context *context, eg_error *err)
{
    *r = (eg_rewriter){.graph = graph, .context = context};
    bool fits = true;
    for (size_t i = 0; fits && i < graph->order.count; i++)
        fits = count_reads(r, graph->order.items[i]);
    while (fits && r->uses.count < graph->values.count)
        fits = EG_PUSH(&r->uses, 0) && EG_PUSH(&r->readers, 0);
    if (!fits) {
        eg_rewriter_finish(r);
        return no_memory(err);
    }
    for (size_t i = 0; i < graph->outputs.count; i++)
        r->uses.items[graph->outputs.items[i]]++;
    return EG_OK;
}

void
eg_rewriter_finish(eg_rewriter *r)
{
    eg_graph_compact_order(r->graph);
    eg_free(r->uses.items);
    eg_free(r->readers.items);
    *r = (eg_rewriter){.graph = r->graph};
}

static bool
reads(const eg_node *node, eg_value_id value)
{
    for (uint32_t k = 0; k < node->input_count; k++) {
        if (node->inputs[k] == value)
            return true;
    }
    return false;
}

/* A live reader of the value whose op is one of `ops`; 0 if there is none. */
static eg_node_id
find_reader(const eg_rewriter *r, eg_value_id value, const char *ops)
{
    const eg_graph *graph = r->graph;
    eg_node_id known = r->readers.items[value];
    if (known && !eg_graph_node(graph, known)->dead && r->uses.items[value] == 1)
        return eg_op_is_one_of(eg_graph_node(graph, known)->op, ops) ? known : 0;
    for (size_t i = 0; known && i < graph->order.count; i++) {
        const eg_node *node = eg_graph_node(graph, graph->order.items[i]);
        if (!node->dead && reads(node, value) && eg_op_is_one_of(node->op, ops))
            return graph->order.items[i];
    }
    return 0;
}

const char *
eg_rewriter_why_needed(const eg_rewriter *r, eg_value_id id, uint32_t readers)
{
    const eg_value *value = eg_graph_value(r->graph, id);
    eg_arena *arena = r->context->arena;
    const char *why = "";
    if (value->flags & EG_VALUE_OUTPUT)
        why = eg_arena_printf(arena, "%s is an output", value->name);
    else if (r->uses.items[id] == readers)
        return NULL;
    else
        why = eg_arena_printf(arena, "read by %" PRIu32 " other node%s", r->uses.items[id] - readers,
                              r->uses.items[id] - readers == 1 ? "" : "s");
    return why ? why : "it is needed elsewhere";
}

/* --- small questions ----------------------------------------------------------------------------- */

bool
eg_op_is_one_of(const eg_op *op, const char *names)
{
    size_t length = strlen(op->name);
    for (const char *name = names; name;) {
        size_t n = strcspn(name, " ");
        if (n == length && memcmp(name, op->name, n) == 0)
            return true;
        name = name[n] ? name + n + 1 : NULL;
    }
    return false;
}

bool
eg_input_is_const(const eg_rewriter *r, const eg_node *node, uint32_t i)
{
    return (eg_input_of(r, node, i)->flags & EG_VALUE_CONST) != 0;
}

eg_value_id
eg_other_input(const eg_rewriter *r, const eg_node *node, const eg_node *of)
{
    (void)r;
    eg_value_id result = of->outputs[0];
    if (node->inputs[0] != result)
        return node->inputs[0];
    return node->inputs[1] != result ? node->inputs[1] : 0;
}

/* --- matching ------------------------------------------------------------------------------------ */

/* The first thing that went wrong at this anchor is what is told. */
static void
refuse(eg_rewriter *r, const char *at, const char *why)
{
    if (why && !r->pending.why)
        r->pending = (eg_refusal){at, why};
}

static void
tell_refusal(eg_rewriter *r)
{
    eg_refusal refusal = r->pending;
    r->pending = (eg_refusal){0};
    if (!refusal.why)
        return;
    for (size_t i = 0; i < r->context->report->refused.count; i++) {
        const eg_refusal *told = &r->context->report->refused.items[i];
        if (strcmp(told->at, refusal.at) == 0 && strcmp(told->why, refusal.why) == 0)
            return;
    }
    eg_pass_refuse(r->context, refusal.at, refusal.why);
}

/* Whether all conditions of the slot hold. */
static bool
guards_hold(eg_rewriter *r, const eg_rule *rule, int slot, const eg_match *match)
{
    for (const eg_guard *guard = rule->guards; guard && guard->holds; guard++) {
        if (guard->slot != slot || guard->holds(r, match))
            continue;
        const eg_node *node = eg_matched(r, match, slot == EG_WHOLE ? 0 : slot);
        refuse(r, node->name, guard->why);
        return false;
    }
    return true;
}

/* The slot that stands for `slot`, should that be absent. */
static int
present(const eg_rule *rule, int slot, const eg_match *match)
{
    while (slot > 0 && !match->nodes[slot])
        slot = rule->slots[slot].of;
    return slot;
}

static bool
is_taken(const eg_rule *rule, const eg_match *match, eg_node_id node)
{
    for (int i = 0; i < rule->slot_count; i++) {
        if (match->nodes[i] == node)
            return true;
    }
    return false;
}

/* The node becomes the slot's, if the conditions hold and nobody else needs the value between the two. */
static bool
take(eg_rewriter *r, const eg_rule *rule, int slot, eg_node_id node, eg_value_id between, eg_match *match)
{
    match->nodes[slot] = node;
    if (guards_hold(r, rule, slot, match)) {
        const char *why = eg_rewriter_why_needed(r, between, rule->slots[slot].flags & EG_TWO_READERS ? 2 : 1);
        if (!why)
            return true;
        refuse(r, eg_graph_value(r->graph, between)->name, why);
    }
    match->nodes[slot] = 0;
    return false;
}

/* Whether `input` is where the slot says that the result is read. */
static bool
reads_rightly(const eg_slot *slot, const eg_node *reader, eg_value_id value)
{
    if (slot->as == EG_EITHER)
        return reader->inputs[0] == value || (reader->input_count > 1 && reader->inputs[1] == value);
    return (uint32_t)slot->as < reader->input_count && reader->inputs[slot->as] == value;
}

static bool
match_reader(eg_rewriter *r, const eg_rule *rule, int slot, eg_node_id of, eg_match *match)
{
    const eg_slot *s = &rule->slots[slot];
    eg_value_id value = eg_graph_node(r->graph, of)->outputs[0];
    eg_node_id reader = find_reader(r, value, s->ops);
    if (!reader || is_taken(rule, match, reader) || !reads_rightly(s, eg_graph_node(r->graph, reader), value))
        return false;
    return take(r, rule, slot, reader, value, match);
}

static bool
match_feeder(eg_rewriter *r, const eg_rule *rule, int slot, eg_node_id of, eg_match *match)
{
    const eg_slot *s = &rule->slots[slot], *place = s;
    while (!match->nodes[place->of])
        place = &rule->slots[place->of]; /* EG_INSTEAD */
    const eg_node *reader = eg_graph_node(r->graph, of);
    bool either = place->as == EG_EITHER;
    uint32_t first = either ? 0 : (uint32_t)place->as, last = either ? 1 : (uint32_t)place->as;
    for (uint32_t i = first; i <= last && i < reader->input_count; i++) {
        eg_node_id maker = eg_input_of(r, reader, i)->producer;
        if (!maker || is_taken(rule, match, maker) || !eg_op_is_one_of(eg_graph_node(r->graph, maker)->op, s->ops))
            continue;
        if (take(r, rule, slot, maker, reader->inputs[i], match))
            return true;
    }
    return false;
}

/* False: the slot must have a node and has none. */
static bool
match_slot(eg_rewriter *r, const eg_rule *rule, int slot, eg_match *match)
{
    const eg_slot *s = &rule->slots[slot];
    if ((s->flags & EG_FEEDS) && !(s->flags & EG_INSTEAD) && !match->nodes[s->of])
        return true; /* what it would feed is absent */
    eg_node_id of = match->nodes[present(rule, s->of, match)];
    if (s->when && !eg_op_is_one_of(eg_graph_node(r->graph, of)->op, s->when))
        return true;
    bool found = s->flags & EG_FEEDS ? match_feeder(r, rule, slot, of, match) : match_reader(r, rule, slot, of, match);
    return found || (s->flags & EG_OPTIONAL);
}

static bool
match_rule(eg_rewriter *r, const eg_rule *rule, eg_node_id anchor, eg_match *match)
{
    *match = (eg_match){.nodes = {anchor}};
    if (!eg_op_is_one_of(eg_graph_node(r->graph, anchor)->op, rule->slots[0].ops) || !guards_hold(r, rule, 0, match))
        return false;
    for (int slot = 1; slot < rule->slot_count; slot++) {
        if (!match_slot(r, rule, slot, match))
            return false;
    }
    return guards_hold(r, rule, EG_WHOLE, match);
}

/* What went wrong first is told after a hit too: of a rule that would have taken more, or of a node that could have been
 * part of the match. */
static eg_status
try_rules(eg_rewriter *r, const eg_rule *rules, size_t count, eg_node_id anchor, eg_error *err)
{
    r->pending = (eg_refusal){0};
    for (size_t i = 0; i < count; i++) {
        eg_match match;
        if (!match_rule(r, &rules[i], anchor, &match) || !rules[i].build)
            continue;
        EG_TRY(rules[i].build(r, &match, err));
        break;
    }
    tell_refusal(r);
    return EG_OK;
}

static eg_status
try_nodes(eg_rewriter *r, const eg_rule *rules, size_t rule_count, const eg_node_id *nodes, size_t count, eg_error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (!eg_graph_node(r->graph, nodes[i])->dead)
            EG_TRY(try_rules(r, rules, rule_count, nodes[i], err));
    }
    return EG_OK;
}

eg_status
eg_rewrite(eg_graph *graph, eg_pass_context *context, const eg_rule *rules, size_t rule_count, eg_error *err)
{
    eg_rewriter r;
    size_t count = graph->order.count;
    eg_node_id *nodes = eg_calloc(count + 1, sizeof *nodes);
    if (!nodes)
        return no_memory(err);
    memcpy(nodes, graph->order.items, count * sizeof *nodes);
    eg_status status = eg_rewriter_init(&r, graph, context, err);
    if (status == EG_OK) {
        status = try_nodes(&r, rules, rule_count, nodes, count, err);
        eg_rewriter_finish(&r);
    }
    eg_free(nodes);
    return status;
}

/* --- building ------------------------------------------------------------------------------------ */

eg_status
eg_rewriter_add(eg_rewriter *r, const eg_op *op, const char *name, eg_node_id like, const eg_value_id *inputs,
                uint32_t input_count, const eg_attr *attrs, uint32_t attr_count, eg_value_id *out, eg_error *err)
{
    const eg_node *model = eg_graph_node(r->graph, like);
    eg_node_id origin = model->origin;
    EG_TRY(eg_graph_add_node(r->graph, op, name, model->scope, inputs, input_count, attrs, attr_count, out, err));
    eg_node_id made = eg_graph_value(r->graph, *out)->producer;
    eg_graph_node(r->graph, made)->origin = origin;
    return count_reads(r, made) ? EG_OK : no_memory(err);
}

void
eg_rewriter_drop(eg_rewriter *r, eg_node_id id)
{
    eg_node *node = eg_graph_node(r->graph, id);
    if (node->dead)
        return;
    node->dead = true;
    for (uint32_t k = 0; k < node->input_count; k++)
        r->uses.items[node->inputs[k]]--;
}

static bool
is_among(const eg_node_id *nodes, size_t count, eg_node_id node)
{
    for (size_t i = 0; i < count; i++) {
        if (nodes[i] == node)
            return true;
    }
    return false;
}

eg_status
eg_rewriter_give_origins(eg_rewriter *r, const eg_node_id *nodes, size_t count, eg_node_id to, eg_error *err)
{
    EG_VEC(eg_origin) all = {0};
    bool fits = true;
    for (size_t i = 0; fits && i < r->graph->order.count; i++) {
        eg_node_id id = r->graph->order.items[i];
        const eg_node *node = eg_graph_node(r->graph, id);
        if (!is_among(nodes, count, id))
            continue;
        for (uint32_t k = 0; fits && k < node->origin_count; k++)
            fits = EG_PUSH(&all, node->origins[k]);
        if (node->origin_count == 0)
            fits = EG_PUSH(&all, ((eg_origin){node->op->name, node->name}));
    }
    fits = fits && eg_node_set_origins(r->graph, to, all.items, all.count);
    eg_free(all.items);
    return fits ? EG_OK : no_memory(err);
}

eg_status
eg_rewriter_fuse(eg_rewriter *r, const eg_match *match, eg_node_id last, const eg_op *op, const eg_value_id *inputs,
                 uint32_t input_count, const eg_attr *attrs, uint32_t attr_count, eg_error *err)
{
    eg_graph *graph = r->graph;
    eg_node_id parts[EG_MOST_SLOTS];
    size_t count = 0;
    eg_value_id made;
    for (int i = 0; i < EG_MOST_SLOTS; i++) {
        if (match->nodes[i])
            parts[count++] = match->nodes[i];
    }
    EG_TRY(eg_rewriter_add(r, op, eg_graph_node(graph, last)->name, last, inputs, input_count, attrs, attr_count, &made,
                           err));
    eg_node_id fused = eg_graph_value(graph, made)->producer;
    EG_TRY(eg_rewriter_give_origins(r, parts, count, fused, err));
    for (size_t i = 0; i < count; i++)
        eg_rewriter_drop(r, parts[i]);
    EG_TRY(eg_graph_take_over(graph, fused, eg_graph_node(graph, last)->outputs[0], err));
    eg_graph_move_last(graph, graph->order.count - 1, eg_graph_place_of(graph, last));
    r->context->report->hits++;
    return EG_OK;
}
