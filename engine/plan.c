/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/plan.h"

#include <inttypes.h>
#include <string.h>

#include "engine/model.h"

/* --- outputs ------------------------------------------------------------------------------------- */

static bool
position_of(const eg_graph *graph, eg_value_id value, uint32_t *out)
{
    for (size_t i = 0; i < graph->outputs.count; i++)
        if (graph->outputs.items[i] == value) {
            *out = (uint32_t)i;
            return true;
        }
    return false;
}

/* Passes may put other values in the place of an output; its position in the list stays. */
static eg_status
remember_outputs(eg_plan *plan, eg_error *err)
{
    const eg_model_graph *built = &plan->built;
    plan->outputs = eg_arena_calloc(&plan->arena, built->output_count, sizeof *plan->outputs);
    if (!plan->outputs)
        return eg_fail_nomem(err, "a plan's outputs");
    plan->output_count = built->output_count;
    for (uint32_t i = 0; i < built->output_count; i++) {
        const eg_output *from = &built->outputs[i];
        uint32_t *positions = eg_arena_calloc(&plan->arena, from->value_count, sizeof *positions);
        if (!positions)
            return eg_fail_nomem(err, "a plan's outputs");
        for (uint32_t k = 0; k < from->value_count; k++)
            if (!position_of(&built->graph, from->values[k], &positions[k]))
                return eg_fail(err, EG_E_INTERNAL, "output %s is not among the graph's outputs", from->name);
        plan->outputs[i] = (eg_plan_output){from->name, from->stacked, from->value_count, positions};
    }
    return EG_OK;
}

eg_value_id
eg_plan_output_value(const eg_plan *plan, const eg_plan_output *output, uint32_t i)
{
    return plan->built.graph.outputs.items[output->positions[i]];
}

/* A run's result has token, text and pair values of its input's rows; nothing else can be asked for. */
static eg_status
check_outputs(const eg_plan *plan, eg_error *err)
{
    for (uint32_t i = 0; i < plan->output_count; i++) {
        const eg_plan_output *output = &plan->outputs[i];
        for (uint32_t k = 0; k < output->count; k++) {
            const eg_value *value = eg_graph_value(&plan->built.graph, eg_plan_output_value(plan, output, k));
            if ((value->flags & EG_VALUE_CONST) || value->type.kind == EG_TABLE)
                return eg_fail(err, EG_E_USAGE, "%s does not depend on the text: it is a table of weights",
                               output->name);
            if (value->type.dtype != EG_F32 && value->type.dtype != EG_I32)
                return eg_fail(err, EG_E_USAGE, "%s holds %s; outputs are f32 or i32", output->name,
                               eg_dtype_text(value->type.dtype));
            if (value->type.kind != EG_TEXT && value->type.set != 0)
                return eg_fail(err, EG_E_USAGE, "%s has rows of its own, not those of the input", output->name);
        }
    }
    return EG_OK;
}

/* --- placement ----------------------------------------------------------------------------------- */

static bool
may_open_more(const eg_engine *engine, const eg_plan *plan, size_t wanted)
{
    return plan->target_count == wanted && wanted < engine->backend_count && !(engine->flags & EG_ENGINE_STRICT);
}

static eg_status
place_on(eg_model *model, eg_plan *plan, size_t at_least, eg_partition *failed, eg_error *err)
{
    eg_engine *engine = model->engine;
    EG_TRY(eg_engine_targets(engine, at_least, plan->targets, plan->backends, &plan->target_count, err));
    eg_partition_options options = {.strict = engine->flags & EG_ENGINE_STRICT,
                                    .may_add_targets = may_open_more(engine, plan, at_least),
                                    .failed = failed};
    if (engine->flags & EG_ENGINE_ALTERNATE)
        options.alternate =
            (uint32_t)(engine->named_count < plan->target_count ? engine->named_count : plan->target_count);
    return eg_partition_graph(&plan->built.graph, plan->targets, (uint32_t)plan->target_count, &plan->bound, &options,
                              &plan->partition, err);
}

/* Devices are opened one after another until every node is placed. */
static eg_status
place(eg_model *model, eg_plan *plan, eg_error *err)
{
    eg_engine *engine = model->engine;
    plan->targets = eg_arena_calloc(&plan->arena, engine->backend_count, sizeof *plan->targets);
    plan->backends = eg_arena_calloc(&plan->arena, engine->backend_count, sizeof *plan->backends);
    if (!plan->targets || !plan->backends)
        return eg_fail_nomem(err, "a plan's devices");
    size_t wanted = engine->flags & EG_ENGINE_ALTERNATE ? engine->named_count : 1;
    if (wanted == 0)
        wanted = 1;
    eg_partition failed = {0};
    for (;;) {
        eg_status status = place_on(model, plan, wanted, &failed, err);
        eg_partition_finish(&failed);
        if (status != EG_E_BACKEND || !may_open_more(engine, plan, wanted))
            return status;
        failed = plan->partition;
        plan->partition = (eg_partition){0};
        if (err)
            eg_error_init(err);
        wanted++;
    }
}

/* --- making -------------------------------------------------------------------------------------- */

static void
set_bound(eg_plan *plan, const eg_sizes *bound)
{
    plan->bound_set = (eg_row_set){.T = bound->T, .P = bound->P, .max_n = bound->max_n};
    plan->bound = (eg_dims){.size = sizeof plan->bound, .B = bound->B, .set_count = 1, .sets = &plan->bound_set};
}

const char *
eg_plan_fuse(const eg_model *model, const eg_plan_request *request)
{
    if (request->fuse)
        return request->fuse;
    return model->fuse ? model->fuse : "all";
}

static void
apply_variant(const eg_variant *variant, eg_build_options *build)
{
    if (!variant)
        return;
    build->tweak = &variant->tweak;
    if (variant->pooling)
        build->pooling = variant->pooling;
    if (variant->normalize != EG_DEFAULT)
        build->normalize = variant->normalize == EG_ON;
}

static eg_status
make_graph(eg_model *model, const eg_plan_request *request, eg_plan *out, eg_error *err)
{
    eg_build_options build;
    eg_model_build_options(model, request->outputs, request->output_count, request->type_ids_fed, &build);
    apply_variant(request->variant, &build);
    EG_TRY(eg_source_build(model->source, &build, &out->built, err));
    if (out->built.graph.set_count > 1)
        return eg_fail(err, EG_E_UNSUPPORTED, "the graph makes row sets of its own, which cannot be run yet");
    EG_TRY(remember_outputs(out, err));
    eg_precomputer precomputer = {model, &out->computed};
    const eg_computer computer = {eg_precompute, &precomputer};
    eg_pass_options passes = {.fuse = eg_plan_fuse(model, request),
                              .sizes = &out->bound,
                              .dump_after = request->dump_after,
                              .computer = &computer};
    EG_TRY(eg_run_passes(&out->built.graph, &passes, &out->passes, err));
    return check_outputs(out, err);
}

/* Outputs are never overwritten. A view shows its root, which is kept. */
static eg_status
keep_values(eg_graph *graph, eg_error *err)
{
    for (size_t i = 0; i < graph->order.count; i++) {
        const eg_node *node = eg_graph_node(graph, graph->order.items[i]);
        for (uint32_t k = 0; k < node->output_count && !eg_node_is_view(graph, node); k++)
            EG_TRY(eg_graph_add_output(graph, node->outputs[k], err));
    }
    return EG_OK;
}

eg_status
eg_plan_make(eg_model *model, const eg_plan_request *request, eg_plan *out, eg_error *err)
{
    set_bound(out, &request->bound);
    if (request->graph) {
        out->built.graph = *request->graph;
        *request->graph = (eg_graph){0};
    } else {
        EG_TRY(make_graph(model, request, out, err));
    }
    if (request->keep_values)
        EG_TRY(keep_values(&out->built.graph, err));
    EG_TRY(place(model, out, err));
    out->partition.no_inplace = !eg_pass_enabled(eg_plan_fuse(model, request), "inplace");
    out->plain_weights = !eg_pass_enabled(eg_plan_fuse(model, request), "prepack");
    return EG_OK;
}

void
eg_plan_finish(eg_plan *plan)
{
    eg_partition_finish(&plan->partition);
    eg_pass_result_finish(&plan->passes);
    eg_model_graph_finish(&plan->built);
    eg_computed_list_finish(&plan->computed);
    eg_arena_finish(&plan->arena);
}

/* --- the placement line -------------------------------------------------------------------------- */

uint32_t
eg_plan_precomputed(const eg_plan *plan)
{
    for (size_t i = 0; i < plan->passes.reports.count; i++)
        if (strcmp(plan->passes.reports.items[i].pass, "precompute") == 0)
            return plan->passes.reports.items[i].hits;
    return 0;
}

uint64_t
eg_plan_copied_bytes(const eg_plan *plan)
{
    uint64_t total = 0;
    for (size_t i = 0; i < plan->partition.crossings.count; i++) {
        const eg_value *value = eg_graph_value(&plan->built.graph, plan->partition.crossings.items[i].value);
        uint64_t bytes;
        if (eg_type_bytes(&value->type, &plan->bound, &bytes))
            total += bytes;
    }
    return total;
}

size_t
eg_plan_ops_of(const eg_plan *plan, uint32_t target)
{
    const eg_graph *graph = &plan->built.graph;
    size_t ops = 0;
    for (size_t i = 0; i < graph->order.count; i++) {
        eg_node_id id = graph->order.items[i];
        ops += plan->partition.target_of[id] == target && !eg_node_is_view(graph, eg_graph_node(graph, id));
    }
    return ops;
}

static bool
is_lowered_alike(const eg_lowering *a, const eg_lowering *b)
{
    return a->target == b->target && strcmp(a->op, b->op) == 0;
}

/* Nodes of one op and target are told of once; the first one's reason stands for the rest. */
static void
write_lowered(const eg_plan *plan, eg_strbuf *out)
{
    const eg_lowering_list *all = &plan->partition.lowered;
    for (size_t i = 0; i < all->count; i++) {
        const eg_lowering *lowered = &all->items[i];
        size_t same = 0, earlier = 0;
        for (size_t k = 0; k < all->count; k++) {
            same += is_lowered_alike(lowered, &all->items[k]);
            earlier += k < i && is_lowered_alike(lowered, &all->items[k]);
        }
        if (earlier)
            continue;
        const char *who = lowered->target == EG_ON_HOST ? "" : plan->targets[lowered->target].name;
        eg_strbuf_printf(out, "; %zu %s decomposed (%s%s%s)", same, lowered->op, who, *who ? ": " : "",
                         lowered->reason);
    }
}

/* What kept nodes of target `to` from an earlier one: the first such node's op and reason. */
static const eg_node *
first_refusal(const eg_plan *plan, uint32_t to, const char **out_reason)
{
    const eg_graph *graph = &plan->built.graph;
    for (size_t i = 0; i < graph->order.count; i++) {
        eg_node_id id = graph->order.items[i];
        if (plan->partition.target_of[id] != to)
            continue;
        for (uint32_t target = 0; target < to; target++) {
            const eg_answer *answer = &plan->partition.answers[(size_t)id * plan->target_count + target];
            if (answer->level == EG_SUPPORT_NO && answer->reason[0]) {
                *out_reason = answer->reason;
                return eg_graph_node(graph, id);
            }
        }
    }
    return NULL;
}

static void
write_placement(const eg_plan *plan, eg_strbuf *out)
{
    const char *between = "";
    bool first = true;
    for (uint32_t target = 0; target < plan->target_count; target++) {
        size_t ops = eg_plan_ops_of(plan, target);
        if (ops == 0)
            continue;
        eg_strbuf_printf(out, "%s%s %zu%s", between, plan->targets[target].name, ops,
                         !first     ? ""
                         : ops == 1 ? " op"
                                    : " ops");
        const char *reason = NULL;
        const eg_node *node = first_refusal(plan, target, &reason);
        if (node)
            eg_strbuf_printf(out, " (%s: %s)", node->op->name, reason);
        between = ", ";
        first = false;
    }
    size_t copies = plan->partition.crossings.count;
    if (first) /* every output is an input */
        eg_strbuf_puts(out, "no ops");
    eg_strbuf_printf(out, "; %zu %s, %.1f MB", copies, copies == 1 ? "copy" : "copies",
                     (double)eg_plan_copied_bytes(plan) / 1e6);
    write_lowered(plan, out);
}

static void
write_precomputed(const eg_plan *plan, eg_strbuf *out)
{
    uint32_t nodes = eg_plan_precomputed(plan);
    if (nodes)
        eg_strbuf_printf(out, "; %" PRIu32 " %s computed at load, %.1f MB", nodes, nodes == 1 ? "op" : "ops",
                         (double)eg_computed_list_bytes(&plan->computed) / 1e6);
}

void
eg_plan_say_placement(eg_model *model, const eg_plan *plan, uint64_t arena_bytes)
{
    if (atomic_exchange(&model->placement_said, true))
        return;
    eg_strbuf line = {0};
    write_placement(plan, &line);
    write_precomputed(plan, &line);
    eg_strbuf_printf(&line, "; arena %.1f MiB", (double)arena_bytes / (1 << 20));
    if (!line.failed)
        eg_log(&model->engine->host_context, EG_LOG_INFO, "%s", line.data);
    eg_strbuf_finish(&line);
}
