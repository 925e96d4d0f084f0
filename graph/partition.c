/* SPDX-License-Identifier: Apache-2.0 */
/* Placing: asking targets for nodes, checking their answers, keeping neighbours together. */
#include "graph/partition.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "graph/placing.h"

enum { EXPANSION_SWEEPS = 4 };

static eg_status
no_memory(eg_error *err)
{
    return eg_fail_nomem(err, "the partitioner");
}

/* --- one answer ---------------------------------------------------------------------------------- */

static void refuse(eg_answer *answer, const char *fmt, ...) EG_PRINTF(2, 3);

static void
refuse(eg_answer *answer, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(answer->reason, sizeof answer->reason, fmt, args);
    va_end(args);
    answer->level = EG_SUPPORT_NO;
    answer->inplace_mask = 0;
}

/* What a plugin did not read it does not know, however it answered. */
static bool
read_everything(const eg_placing *p, eg_node_id id, eg_answer *answer)
{
    const eg_node *node = eg_graph_node(p->graph, id);
    uint32_t at = p->position[id];
    for (uint32_t i = 0; i < node->attr_count; i++) {
        if (!(p->view.attrs_read[at] >> i & 1)) {
            refuse(answer, "attribute '%s' not read", node->attrs[i].name);
            return false;
        }
    }
    for (uint32_t i = 0; i < node->input_count && i < 64; i++) {
        if (!(p->view.inputs_read[at] >> i & 1)) {
            refuse(answer, "input %" PRIu32 " not read", i);
            return false;
        }
    }
    return true;
}

static void
format_size(uint64_t bytes, char *out, size_t n)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    double size = (double)bytes;
    int unit = 0;
    for (; size >= 1024 && unit < 4; unit++)
        size /= 1024;
    snprintf(out, n, unit ? "%.1f %s" : "%.0f %s", size, units[unit]);
}

/* Weights are the plugin's to split; values have to fit one binding, and a view lies where its root does. */
static bool
fits_binding(const eg_placing *p, eg_value_id id, const eg_target *target, eg_answer *answer)
{
    const eg_value *value = eg_graph_value(p->graph, eg_graph_alias_root(p->graph, id));
    uint64_t bytes;
    char needs[32], holds[32];
    if (!p->bound || target->max_binding == 0 || (value->flags & EG_VALUE_CONST))
        return true;
    if (!eg_type_bytes(&value->type, p->bound, &bytes))
        bytes = UINT64_MAX;
    if (bytes <= target->max_binding)
        return true;
    format_size(bytes, needs, sizeof needs);
    format_size(target->max_binding, holds, sizeof holds);
    refuse(answer, "value '%.80s' needs %s, one binding holds %s", value->name, needs, holds);
    answer->too_large = true;
    return false;
}

static bool
all_fit_binding(const eg_placing *p, eg_node_id id, const eg_target *target, eg_answer *answer)
{
    const eg_node *node = eg_graph_node(p->graph, id);
    for (uint32_t i = 0; i < node->output_count; i++) {
        if (!fits_binding(p, node->outputs[i], target, answer))
            return false;
    }
    for (uint32_t i = 0; i < node->input_count; i++) {
        if (!fits_binding(p, node->inputs[i], target, answer))
            return false;
    }
    return true;
}

static void
check_answer(const eg_placing *p, eg_node_id id, uint32_t target, eg_status status, eg_support *support)
{
    eg_answer *answer = eg_placing_answer(p, id, target);
    support->reason[sizeof support->reason - 1] = '\0';
    if (status == EG_OK && support->level != EG_SUPPORT_NO) {
        answer->level = support->level;
        answer->inplace_mask = support->inplace_mask;
        if (support->domains != 0 && !(support->domains & 1))
            refuse(answer, "needs memory of another domain than the first");
        else if (read_everything(p, id, answer))
            all_fit_binding(p, id, &p->targets[target], answer);
    } else if (support->reason[0]) {
        refuse(answer, "%s", support->reason);
    } else if (status == EG_OK || status == EG_E_UNSUPPORTED) {
        refuse(answer, "op '%.100s' not supported", eg_graph_node(p->graph, id)->op->name);
    } else {
        refuse(answer, "asking failed with status %" PRId32, status);
    }
}

bool
eg_placing_takes(eg_placing *p, eg_node_id id, uint32_t target)
{
    size_t index = (size_t)id * p->target_count + target;
    if (!p->asked[index]) {
        uint32_t at = p->position[id];
        eg_support support = {.size = sizeof support};
        p->view.attrs_read[at] = 0;
        p->view.inputs_read[at] = 0;
        eg_status status = p->targets[target].ops->support(p->targets[target].device, &p->view, at, &support);
        check_answer(p, id, target, status, &support);
        p->asked[index] = true;
    }
    return p->out->answers[index].level != EG_SUPPORT_NO;
}

/* --- the first yes ------------------------------------------------------------------------------- */

eg_status
eg_placing_nobody_takes(const eg_placing *p, eg_node_id id, eg_error *err)
{
    const eg_node *node = eg_graph_node(p->graph, id);
    eg_strbuf reasons = {0};
    for (uint32_t t = 0; t < p->target_count; t++)
        eg_strbuf_printf(&reasons, "%s%s: %s", t ? "; " : "", p->targets[t].name, eg_placing_answer(p, id, t)->reason);
    eg_status status = eg_fail(err, EG_E_BACKEND, "no backend takes '%s' (%s): %s", node->name, node->op->name,
                               reasons.data ? reasons.data : "none was given");
    eg_strbuf_finish(&reasons);
    return status;
}

uint32_t
eg_placing_wish(const eg_placing *p, uint32_t turn)
{
    return p->options->alternate ? turn % p->options->alternate : 0;
}

bool
eg_placing_place(eg_placing *p, eg_node_id id, uint32_t first)
{
    for (uint32_t i = 0; i < p->target_count; i++) {
        /* The wished target, then all in their order. */
        uint32_t target = i == 0 ? first : i <= first ? i - 1 : i;
        if (eg_placing_takes(p, id, target)) {
            p->out->target_of[id] = target;
            return true;
        }
    }
    return false;
}

static eg_status
place_nodes(eg_placing *p, eg_error *err)
{
    uint32_t turn = 0;
    for (size_t i = 0; i < p->graph->order.count;) {
        eg_node_id id = p->graph->order.items[i];
        if (eg_node_is_view(p->graph, eg_graph_node(p->graph, id))) {
            i++;
        } else if (eg_placing_place(p, id, eg_placing_wish(p, turn))) {
            i++;
            turn++;
        } else {
            EG_TRY(eg_lower_untaken(p, id, err)); /* and then the first of its parts */
        }
    }
    return EG_OK;
}

static eg_status
check_strict(eg_placing *p, eg_error *err)
{
    eg_strbuf refused = {0};
    size_t count = 0;
    for (size_t i = 0; i < p->graph->order.count; i++) {
        eg_node_id id = p->graph->order.items[i];
        const eg_node *node = eg_graph_node(p->graph, id);
        if (eg_node_is_view(p->graph, node) || eg_placing_takes(p, id, 0))
            continue;
        eg_strbuf_printf(&refused, "%s'%s' (%s): %s", count++ ? "; " : "", node->name, node->op->name,
                         eg_placing_answer(p, id, 0)->reason);
    }
    eg_status status = EG_OK;
    if (count)
        status = eg_fail(err, EG_E_BACKEND, "backend %s refuses %zu of %" PRIu32 " nodes: %s", p->targets[0].name,
                         count, p->view.node_count, refused.data ? refused.data : "");
    eg_strbuf_finish(&refused);
    return status;
}

/* --- neighbours ---------------------------------------------------------------------------------- */

/* Copies that the value's root needs as nodes are placed now; the host's reading of an output counts. */
static uint32_t
crossings_of(const eg_placing *p, eg_value_id id)
{
    id = eg_graph_alias_root(p->graph, id);
    const eg_value *value = eg_graph_value(p->graph, id);
    if (value->flags & EG_VALUE_CONST)
        return 0;
    uint64_t read_in = p->is_output[id] ? 1 : 0;
    for (uint32_t i = p->reader_begin[id]; i < p->reader_begin[id + 1]; i++)
        read_in |= UINT64_C(1) << p->space_of[p->out->target_of[p->readers[i]]];
    uint32_t made_in = value->producer ? p->space_of[p->out->target_of[value->producer]] : 0;
    read_in &= ~(UINT64_C(1) << made_in);
    uint32_t devices = (uint32_t)__builtin_popcountll(read_in & ~UINT64_C(1));
    bool by_way_of_host = made_in != 0 && read_in != 0;
    return devices + by_way_of_host;
}

/* Of all values at the node. One that it reads twice counts twice, before a move and after. */
static uint32_t
crossings_at(const eg_placing *p, eg_node_id id)
{
    const eg_node *node = eg_graph_node(p->graph, id);
    uint32_t count = 0;
    for (uint32_t i = 0; i < node->input_count; i++)
        count += crossings_of(p, node->inputs[i]);
    for (uint32_t i = 0; i < node->output_count; i++)
        count += crossings_of(p, node->outputs[i]);
    return count;
}

/* Moves the node to `target` if that saves crossings and is not worse at the node itself. */
static bool
try_move(eg_placing *p, eg_node_id id, uint32_t target)
{
    uint32_t was = p->out->target_of[id];
    if (p->space_of[target] == p->space_of[was] || !eg_placing_takes(p, id, target) ||
        eg_placing_answer(p, id, target)->level < eg_placing_answer(p, id, was)->level)
        return false;
    uint32_t before = crossings_at(p, id);
    p->out->target_of[id] = target;
    if (crossings_at(p, id) < before)
        return true;
    p->out->target_of[id] = was;
    return false;
}

static bool
join_neighbours(eg_placing *p, eg_node_id id)
{
    const eg_node *node = eg_graph_node(p->graph, id);
    bool moved = false;
    for (uint32_t i = 0; i < node->input_count; i++) {
        eg_value_id root = eg_graph_alias_root(p->graph, node->inputs[i]);
        eg_node_id producer = eg_graph_value(p->graph, root)->producer;
        if (producer)
            moved |= try_move(p, id, p->out->target_of[producer]);
    }
    for (uint32_t i = 0; i < node->output_count; i++) {
        eg_value_id out = node->outputs[i];
        for (uint32_t r = p->reader_begin[out]; r < p->reader_begin[out + 1]; r++)
            moved |= try_move(p, id, p->out->target_of[p->readers[r]]);
    }
    return moved;
}

/* Every move leaves fewer crossings, so this ends by itself; the cap bounds the time. */
static void
expand(eg_placing *p)
{
    bool moved = true;
    for (int sweep = 0; moved && sweep < EXPANSION_SWEEPS; sweep++) {
        moved = false;
        for (uint32_t i = 0; i < p->view.node_count; i++)
            moved |= join_neighbours(p, p->view.nodes[i]);
    }
}

/* --- all ----------------------------------------------------------------------------------------- */

/* The nodes that run code, per alias root of what they read. */
static eg_status
list_readers(eg_placing *p, eg_error *err)
{
    const eg_graph *graph = p->graph;
    const eg_view *view = &p->view;
    size_t total = 0;
    p->reader_begin = eg_arena_calloc(&p->arena, graph->values.count + 1, sizeof *p->reader_begin);
    p->is_output = eg_arena_calloc(&p->arena, graph->values.count, sizeof *p->is_output);
    if (!p->reader_begin || !p->is_output)
        return no_memory(err);
    for (uint32_t i = 0; i < view->node_count; i++) {
        const eg_node *node = eg_graph_node(graph, view->nodes[i]);
        total += node->input_count;
        for (uint32_t k = 0; k < node->input_count; k++)
            p->reader_begin[eg_graph_alias_root(graph, node->inputs[k])]++;
    }
    p->readers = eg_arena_calloc(&p->arena, total, sizeof *p->readers);
    if (!p->readers)
        return no_memory(err);
    /* Counts become ends; filling from the back turns each end into its beginning. */
    for (size_t v = 1; v <= graph->values.count; v++)
        p->reader_begin[v] += p->reader_begin[v - 1];
    for (uint32_t i = view->node_count; i-- > 0;) {
        const eg_node *node = eg_graph_node(graph, view->nodes[i]);
        for (uint32_t k = node->input_count; k-- > 0;)
            p->readers[--p->reader_begin[eg_graph_alias_root(graph, node->inputs[k])]] = view->nodes[i];
    }
    for (size_t i = 0; i < graph->outputs.count; i++)
        p->is_output[eg_graph_alias_root(graph, graph->outputs.items[i])] = true;
    return EG_OK;
}

/* Room for `count` zeroed items behind the `had` ones. */
static bool
grow_zeroed(void **items, size_t had, size_t count, size_t size)
{
    char *grown = eg_realloc_array(*items, count, size);
    if (!grown)
        return false;
    memset(grown + had * size, 0, (count - had) * size);
    *items = grown;
    return true;
}

/* What is known of the nodes that were there stays. */
static eg_status
grow_answers(eg_placing *p, eg_error *err)
{
    eg_partition *out = p->out;
    size_t nodes = p->graph->nodes.count, answers, had = p->node_count * p->target_count;
    if (nodes == p->node_count)
        return EG_OK;
    if (__builtin_mul_overflow(nodes, (size_t)p->target_count, &answers) ||
        !grow_zeroed((void **)&out->target_of, p->node_count, nodes, sizeof *out->target_of) ||
        !grow_zeroed((void **)&out->answers, had, answers, sizeof *out->answers) ||
        !grow_zeroed((void **)&p->asked, had, answers, sizeof *p->asked))
        return no_memory(err);
    p->node_count = nodes;
    return EG_OK;
}

eg_status
eg_placing_prepare(eg_placing *p, eg_error *err)
{
    const eg_graph *graph = p->graph;
    eg_view_finish(&p->view);
    eg_arena_finish(&p->arena);
    EG_TRY(grow_answers(p, err));
    EG_TRY(eg_view_init(&p->view, graph, graph->order.items, (uint32_t)graph->order.count, err));
    p->position = eg_arena_calloc(&p->arena, graph->nodes.count, sizeof *p->position);
    if (!p->position)
        return no_memory(err);
    for (uint32_t i = 0; i < p->view.node_count; i++)
        p->position[p->view.nodes[i]] = i;
    return list_readers(p, err);
}

void
eg_placing_finish(eg_placing *p)
{
    eg_view_finish(&p->view);
    eg_arena_finish(&p->arena);
    eg_free(p->asked);
}

/* The groups are not used: the first yes and the neighbours decide. A plugin may rely on being called. */
static eg_status
ask_claims(eg_placing *p, eg_error *err)
{
    uint32_t *group = eg_arena_calloc(&p->arena, p->view.node_count, sizeof *group);
    if (!group)
        return no_memory(err);
    for (uint32_t t = 0; t < p->target_count; t++) {
        const eg_device_ops *ops = p->targets[t].ops;
        if (EG_HAS(eg_device_ops, ops, claim) && ops->claim)
            EG_TRY(ops->claim(p->targets[t].device, &p->view, group, err));
    }
    return EG_OK;
}

static eg_status
partition(eg_placing *p, eg_error *err)
{
    EG_TRY(eg_placing_prepare(p, err));
    uint32_t spaces = eg_number_spaces(p->targets, p->target_count, p->space_of);
    EG_TRY(ask_claims(p, err));
    EG_TRY(eg_lower_outputs(p, err));
    EG_TRY(eg_lower_refused(p, err));
    if (p->options->strict)
        EG_TRY(check_strict(p, err));
    EG_TRY(place_nodes(p, err));
    if (spaces > 1 && !p->options->alternate)
        expand(p);
    EG_TRY(eg_place_views(p, err));
    EG_TRY(eg_build_stages(p->graph, p->space_of, p->out, err));
    return eg_build_crossings(p->graph, p->space_of, p->out, err);
}

static void
forget_all_but_lowered(eg_partition *partition)
{
    eg_partition kept = {.lowered = partition->lowered};
    partition->lowered.items = NULL;
    eg_partition_finish(partition);
    *partition = kept;
}

eg_status
eg_partition_graph(eg_graph *graph, const eg_target *targets, uint32_t target_count, const eg_dims *bound,
                   const eg_partition_options *options, eg_partition *out, eg_error *err)
{
    const eg_partition_options off = {0};
    eg_placing p = {.graph = graph,
                    .targets = targets,
                    .target_count = target_count,
                    .bound = bound,
                    .options = options ? options : &off,
                    .out = out};
    *out = (eg_partition){.target_count = target_count};
    if (p.options->failed) {
        out->lowered = p.options->failed->lowered;
        p.options->failed->lowered = (eg_lowering_list){0};
    }
    if (target_count == 0)
        return eg_fail(err, EG_E_BACKEND, "there is no backend to place the graph on");
    if (target_count > EG_MAX_TARGETS || p.options->alternate > target_count)
        return eg_fail(err, EG_E_USAGE, "%" PRIu32 " backends cannot be used together", target_count);
    eg_status status = partition(&p, err);
    eg_placing_finish(&p);
    if (status != EG_OK)
        forget_all_but_lowered(out);
    return status;
}

void
eg_partition_finish(eg_partition *partition)
{
    for (size_t i = 0; i < partition->stages.count; i++) {
        eg_stage *stage = &partition->stages.items[i];
        eg_free(stage->nodes.items);
        eg_free(stage->inputs.items);
        eg_free(stage->outputs.items);
    }
    eg_free(partition->stages.items);
    eg_free(partition->crossings.items);
    eg_free(partition->lowered.items);
    eg_free(partition->target_of);
    eg_free(partition->answers);
    *partition = (eg_partition){0};
}
