/* SPDX-License-Identifier: Apache-2.0 */
/* eg_describe(): what a model is (`inspect`) and what becomes of it (`compile`), as JSON or as the graph's text. */
#include <inttypes.h>
#include <string.h>

#include "engine/draw/draw.h"
#include "engine/model.h"
#include "engine/plan_report.h"

static void
json_string(eg_strbuf *out, const char *s)
{
    eg_strbuf_json(out, s, strlen(s));
}

static void
json_string_or_null(eg_strbuf *out, const char *s)
{
    if (s)
        json_string(out, s);
    else
        eg_strbuf_puts(out, "null");
}

/* --- inspect ------------------------------------------------------------------------------------- */

static void
describe_special(eg_strbuf *out, const eg_model *model, const char *key, int64_t id)
{
    if (id < 0)
        return;
    size_t length = 0;
    const char *token = eg_tokenizer_token(model->tokenizer, id, &length);
    eg_strbuf_printf(out, ",\"%s\":{\"id\":%" PRId64 ",\"token\":", key, id);
    eg_strbuf_json(out, token ? token : "", length);
    eg_strbuf_putc(out, '}');
}

static void
describe_tokenizer(eg_strbuf *out, const eg_model *model)
{
    eg_strbuf_puts(out, "\"tokenizer\":");
    if (!model->tokenizer) {
        char why[512];
        eg_error_format(&model->tokenizer_error, why, sizeof why);
        eg_strbuf_puts(out, "{\"error\":");
        json_string(out, why);
        eg_strbuf_putc(out, '}');
        return;
    }
    const eg_tokenizer_info *info = &model->tokenizer_info;
    eg_strbuf_puts(out, "{\"source\":");
    json_string(out, info->source);
    eg_strbuf_puts(out, ",\"model\":");
    json_string(out, info->model);
    eg_strbuf_puts(out, ",\"class\":");
    json_string_or_null(out, info->class_name);
    eg_strbuf_printf(out, ",\"vocab_size\":%u,\"special_tokens\":{\"single\":%u,\"pair\":%u}", info->vocab_size,
                     info->specials_single, info->specials_pair);
    eg_strbuf_printf(out, ",\"feeds_type_ids\":%s,\"padding_side\":\"%s\",\"truncation_side\":\"%s\"",
                     info->feeds_type_ids ? "true" : "false", info->pad_left ? "left" : "right",
                     info->truncate_left ? "left" : "right");
    eg_strbuf_puts(out, ",\"model_max_length\":");
    if (info->model_max_length)
        eg_strbuf_printf(out, "%" PRIu64, info->model_max_length);
    else
        eg_strbuf_puts(out, "null");
    describe_special(out, model, "pad", info->pad_id);
    describe_special(out, model, "unk", info->unk_id);
    describe_special(out, model, "cls", info->cls_id);
    describe_special(out, model, "sep", info->sep_id);
    describe_special(out, model, "mask", info->mask_id);
    eg_strbuf_putc(out, ',');
    eg_tokenizer_write(model->tokenizer, out);
    eg_strbuf_putc(out, '}');
}

static eg_status
inspect(const eg_model *model, eg_strbuf *out, eg_error *err)
{
    eg_strbuf_putc(out, '{');
    EG_TRY(eg_source_inspect(model->source, out, err));
    eg_strbuf_putc(out, ',');
    describe_tokenizer(out, model);
    eg_strbuf_puts(out, ",\"max_length\":");
    if (model->limit == UINT32_MAX)
        eg_strbuf_puts(out, "null");
    else
        eg_strbuf_printf(out, "%u", model->limit);
    eg_strbuf_putc(out, '}');
    return EG_OK;
}

/* --- compile: passes and placement --------------------------------------------------------------- */

static void
before_after(eg_strbuf *out, const char *key, uint64_t before, uint64_t after)
{
    eg_strbuf_printf(out, ",\"%s\":[%" PRIu64 ",%" PRIu64 "]", key, before, after);
}

static void
describe_pass(eg_strbuf *out, const eg_pass_report *report)
{
    eg_strbuf_puts(out, "{\"pass\":");
    json_string(out, report->pass);
    eg_strbuf_printf(out, ",\"enabled\":%s,\"hits\":%u,\"refused\":[", report->enabled ? "true" : "false",
                     report->hits);
    for (size_t i = 0; i < report->refused.count; i++) {
        eg_strbuf_puts(out, i ? ",{\"at\":" : "{\"at\":");
        json_string(out, report->refused.items[i].at);
        eg_strbuf_puts(out, ",\"why\":");
        json_string(out, report->refused.items[i].why);
        eg_strbuf_putc(out, '}');
    }
    eg_strbuf_putc(out, ']');
    before_after(out, "nodes", report->before.nodes, report->after.nodes);
    before_after(out, "bytes", report->before.bytes, report->after.bytes);
    before_after(out, "weight_bytes", report->before.weight_bytes, report->after.weight_bytes);
    before_after(out, "flops", report->before.flops, report->after.flops);
    before_after(out, "peak", report->before.peak, report->after.peak);
    eg_strbuf_printf(out, ",\"us\":%" PRIu64 "}", report->ns / 1000);
}

static void
describe_passes(eg_strbuf *out, const eg_plan *plan)
{
    eg_strbuf_puts(out, "\"passes\":[");
    for (size_t i = 0; i < plan->passes.reports.count; i++) {
        if (i)
            eg_strbuf_putc(out, ',');
        describe_pass(out, &plan->passes.reports.items[i]);
    }
    eg_strbuf_putc(out, ']');
}

/* The reasons for which nodes of target `to` are not on an earlier one, each once. */
static void
describe_refusals(eg_strbuf *out, const eg_plan *plan, uint32_t to)
{
    const eg_graph *graph = &plan->built.graph;
    eg_map seen = {0};
    bool first = true;
    for (size_t i = 0; i < graph->order.count; i++) {
        eg_node_id id = graph->order.items[i];
        if (plan->partition.target_of[id] != to)
            continue;
        const char *op = eg_graph_node(graph, id)->op->name;
        for (uint32_t target = 0; target < to; target++) {
            const char *reason = plan->partition.answers[(size_t)id * plan->target_count + target].reason;
            bool known = false;
            /* Reasons of one op from one target are told once; the first stands for the rest. */
            char *key = eg_arena_printf((eg_arena *)&plan->arena, "%u %s", target, op);
            if (!reason[0] || !key || !eg_map_put(&seen, key, strlen(key), 0, &known) || known)
                continue;
            eg_strbuf_printf(out, "%s%s: %s: %s", first ? "" : "; ", plan->targets[target].name, op, reason);
            first = false;
        }
    }
    eg_map_finish(&seen);
}

/* How many nodes of each op a target runs, in the op set's order: {"gather":3,"matmul":36}. */
static void
describe_ops_of(eg_strbuf *out, const eg_plan *plan, uint32_t target)
{
    const eg_graph *graph = &plan->built.graph;
    size_t count;
    const eg_op *const *ops = eg_op_all(&count);
    bool first = true;
    eg_strbuf_putc(out, '{');
    for (size_t k = 0; k < count; k++) {
        size_t nodes = 0;
        for (size_t i = 0; i < graph->order.count; i++) {
            eg_node_id id = graph->order.items[i];
            const eg_node *node = eg_graph_node(graph, id);
            nodes += plan->partition.target_of[id] == target && node->op == ops[k] && !eg_node_is_view(graph, node);
        }
        if (nodes == 0)
            continue;
        eg_strbuf_printf(out, "%s\"%s\":%zu", first ? "" : ",", ops[k]->name, nodes);
        first = false;
    }
    eg_strbuf_putc(out, '}');
}

static void
describe_placement(eg_strbuf *out, const eg_plan *plan)
{
    eg_strbuf_puts(out, ",\"placement\":[");
    bool first = true;
    for (uint32_t target = 0; target < plan->target_count; target++) {
        size_t ops = eg_plan_ops_of(plan, target);
        if (ops == 0)
            continue;
        eg_strbuf_puts(out, first ? "{\"backend\":" : ",{\"backend\":");
        json_string(out, plan->targets[target].name);
        eg_strbuf_printf(out, ",\"ops\":%zu,\"why\":", ops);
        eg_strbuf why = {0};
        describe_refusals(&why, plan, target);
        json_string(out, why.data ? why.data : "");
        eg_strbuf_finish(&why);
        eg_strbuf_puts(out, ",\"by_op\":");
        describe_ops_of(out, plan, target);
        eg_strbuf_putc(out, '}');
        first = false;
    }
    eg_strbuf_putc(out, ']');
}

/* What the plan has no nodes for any more, since it depends on weights alone. */
static void
describe_constants(eg_strbuf *out, const eg_plan *plan)
{
    eg_strbuf_printf(out, ",\"constants\":{\"computed\":%" PRIu32 ",\"bytes\":%" PRIu64 "}", eg_plan_precomputed(plan),
                     eg_computed_list_bytes(&plan->computed));
}

/* Nodes that placing replaced by what defines them, and who would not have them whole. */
static void
describe_lowered(eg_strbuf *out, const eg_plan *plan)
{
    const eg_lowering_list *all = &plan->partition.lowered;
    eg_strbuf_puts(out, ",\"lowered\":[");
    for (size_t i = 0; i < all->count; i++) {
        const eg_lowering *lowered = &all->items[i];
        eg_strbuf_puts(out, i ? ",{\"at\":" : "{\"at\":");
        json_string(out, lowered->name);
        eg_strbuf_puts(out, ",\"op\":");
        json_string(out, lowered->op);
        eg_strbuf_puts(out, ",\"backend\":");
        json_string_or_null(out, lowered->target == EG_ON_HOST ? NULL : plan->targets[lowered->target].name);
        eg_strbuf_puts(out, ",\"why\":");
        json_string(out, lowered->reason);
        eg_strbuf_putc(out, '}');
    }
    eg_strbuf_putc(out, ']');
}

/* --- compile: memory and code -------------------------------------------------------------------- */

static size_t
count_kernels(const eg_graph *graph)
{
    size_t kernels = 0;
    for (size_t i = 0; i < graph->order.count; i++)
        kernels += !eg_node_is_view(graph, eg_graph_node(graph, graph->order.items[i]));
    return kernels;
}

/* Kernels by scope, in the order in which scopes first come: [{"scope":"encoder.0","kernels":6},…]. */
static eg_status
describe_scopes(eg_strbuf *out, const eg_graph *graph, eg_error *err)
{
    eg_map seen = {0};
    size_t *kernels = eg_calloc(graph->order.count + 1, sizeof *kernels);
    const char **scopes = eg_calloc(graph->order.count + 1, sizeof *scopes);
    bool ok = kernels && scopes;
    size_t count = 0;
    for (size_t i = 0; ok && i < graph->order.count; i++) {
        const eg_node *node = eg_graph_node(graph, graph->order.items[i]);
        bool known = false;
        uint64_t number = count;
        ok = eg_map_put(&seen, node->scope, strlen(node->scope), count, &known);
        if (known)
            (void)eg_map_get(&seen, node->scope, strlen(node->scope), &number);
        else if (ok)
            scopes[count++] = node->scope;
        kernels[number] += ok && !eg_node_is_view(graph, node);
    }
    eg_strbuf_puts(out, ",\"scopes\":[");
    for (size_t i = 0; ok && i < count; i++) {
        eg_strbuf_puts(out, i ? ",{\"scope\":" : "{\"scope\":");
        json_string(out, scopes[i]);
        eg_strbuf_printf(out, ",\"kernels\":%zu}", kernels[i]);
    }
    eg_strbuf_putc(out, ']');
    eg_map_finish(&seen);
    eg_free(kernels);
    eg_free(scopes);
    return ok ? EG_OK : eg_fail_nomem(err, "a description");
}

static void
describe_sizes(eg_strbuf *out, const eg_sizes *sizes)
{
    eg_strbuf_printf(out, "{\"B\":%u,\"T\":%" PRIu64 ",\"P\":%" PRIu64 ",\"max_n\":%u}", sizes->B, sizes->T, sizes->P,
                     sizes->max_n);
}

/* Of the exact batch, and beside it of the sizes for which a plan is really made. */
static eg_status
describe_memory(eg_strbuf *out, eg_model *model, const eg_plan *plan, const eg_sizes *exact, const eg_run_memory *run,
                eg_error *err)
{
    eg_sizes rounded = eg_sizes_round_up(exact);
    eg_row_set set = {.T = rounded.T, .P = rounded.P, .max_n = rounded.max_n};
    eg_dims dims = {.size = sizeof dims, .B = rounded.B, .set_count = 1, .sets = &set};
    eg_plan_sizes of_exact, of_rounded;
    EG_TRY(eg_plan_sum_memory(plan, &plan->bound, &of_exact, err));
    EG_TRY(eg_plan_sum_memory(plan, &dims, &of_rounded, err));
    eg_plan_say_placement(model, plan, of_exact.arena);
    eg_strbuf_printf(out, ",\"memory\":{\"naive\":%" PRIu64 ",\"arena\":%" PRIu64 ",\"bound\":%" PRIu64, of_exact.naive,
                     of_exact.arena, of_exact.bound);
    if (run->known)
        eg_strbuf_printf(out, ",\"scratch\":%" PRIu64 ",\"allocated\":%" PRIu64, run->scratch, run->allocated);
    eg_strbuf_puts(out, "},\"sizes\":");
    describe_sizes(out, exact);
    eg_strbuf_printf(out, ",\"rounded\":{\"naive\":%" PRIu64 ",\"arena\":%" PRIu64 ",\"bound\":%" PRIu64 ",\"sizes\":",
                     of_rounded.naive, of_rounded.arena, of_rounded.bound);
    describe_sizes(out, &rounded);
    eg_strbuf_putc(out, '}');
    return EG_OK;
}

static void
describe_stages(eg_strbuf *out, const eg_plan *plan)
{
    eg_strbuf_puts(out, ",\"stages\":[");
    for (size_t i = 0; i < plan->partition.stages.count; i++) {
        const eg_stage *stage = &plan->partition.stages.items[i];
        const char *first = eg_graph_node(&plan->built.graph, stage->nodes.items[0])->name;
        const char *last = eg_graph_node(&plan->built.graph, stage->nodes.items[stage->nodes.count - 1])->name;
        size_t ops = 0;
        for (size_t k = 0; k < stage->nodes.count; k++)
            ops += !eg_node_is_view(&plan->built.graph, eg_graph_node(&plan->built.graph, stage->nodes.items[k]));
        eg_strbuf_puts(out, i ? ",{\"backend\":" : "{\"backend\":");
        json_string(out, plan->targets[stage->target].name);
        eg_strbuf_printf(out, ",\"ops\":%zu,\"inputs\":%zu,\"outputs\":%zu,\"first\":", ops, stage->inputs.count,
                         stage->outputs.count);
        json_string(out, first);
        eg_strbuf_puts(out, ",\"last\":");
        json_string(out, last);
        eg_strbuf_putc(out, '}');
    }
    eg_strbuf_putc(out, ']');
}

static void
describe_threads(eg_strbuf *out, const eg_threads *threads)
{
    eg_strbuf_printf(out, ",\"threads\":{\"count\":%u,\"workers\":", eg_threads_count(threads));
    json_string(out, eg_threads_name(threads));
    eg_strbuf_puts(out, ",\"why\":");
    json_string(out, eg_threads_why(threads));
    eg_strbuf_putc(out, '}');
}

/* --- compile ------------------------------------------------------------------------------------- */

static eg_status
sizes_of(const eg_model *model, const eg_describe_options *options, eg_sizes *out, eg_error *err)
{
    static const uint32_t one[] = {128};
    bool given = options->lengths && options->length_count;
    const uint32_t *lengths = given ? options->lengths : one;
    uint32_t count = given ? options->length_count : 1;
    /* A model that takes fewer than 128 tokens is shown at what it takes. */
    uint32_t shown = !given && model->limit < 128 ? model->limit : 0;
    uint64_t longest = 0;
    *out = (eg_sizes){.B = count};
    for (uint32_t i = 0; i < count; i++) {
        uint64_t n = shown ? shown : lengths[i];
        if (n == 0 || (int64_t)n > model->info.position_rows || n > INT32_MAX)
            return eg_fail(err, EG_E_USAGE, "a text of %" PRIu64 " tokens; the model takes 1 to %" PRId64, n,
                           model->info.position_rows);
        longest = n > longest ? n : longest;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint64_t n = model->padded ? longest : shown ? shown : lengths[i];
        out->T += n;
        out->P += n * n;
    }
    out->max_n = (uint32_t)longest;
    return EG_OK;
}

static eg_status
compile_json(eg_strbuf *out, eg_model *model, const eg_plan *plan, const eg_sizes *sizes, const eg_run_memory *run,
             eg_error *err)
{
    describe_passes(out, plan);
    describe_placement(out, plan);
    describe_lowered(out, plan);
    describe_constants(out, plan);
    EG_TRY(describe_memory(out, model, plan, sizes, run, err));
    eg_strbuf_printf(out, ",\"kernels\":%zu,\"copies\":%zu", count_kernels(&plan->built.graph),
                     plan->partition.crossings.count);
    EG_TRY(describe_scopes(out, &plan->built.graph, err));
    eg_strbuf_printf(out, ",\"copied_bytes\":%" PRIu64, eg_plan_copied_bytes(plan));
    describe_stages(out, plan);
    describe_threads(out, model->engine->threads);
    return EG_OK;
}

/* Into how many runs the limit on memory would split the batch. */
static eg_status
describe_limit(eg_strbuf *out, eg_model *model, const eg_plan_request *request, const eg_describe_options *options,
               eg_error *err)
{
    const uint32_t one = request->bound.max_n;
    bool given = options->lengths && options->length_count;
    uint64_t limit = model->engine->max_arena;
    uint32_t runs;
    if (limit == 0)
        return EG_OK;
    EG_TRY(eg_plan_count_runs(model, request, given ? options->lengths : &one, given ? options->length_count : 1, &runs,
                              err));
    eg_strbuf_printf(out, ",\"max_arena\":{\"bytes\":%" PRIu64 ",\"runs\":%u}", limit, runs);
    if (runs == 0)
        eg_log(&model->engine->host_context, EG_LOG_INFO, "within %" PRIu64 " bytes not even one text could be run",
               limit);
    else
        eg_log(&model->engine->host_context, EG_LOG_INFO, "within %" PRIu64 " bytes the batch would be %u %s", limit,
               runs, runs == 1 ? "run" : "runs");
    return EG_OK;
}

static eg_status
report_and_write(eg_strbuf *out, eg_model *model, const eg_plan_request *request, eg_plan *plan,
                 const eg_describe_options *options, eg_error *err)
{
    eg_run_memory run;
    EG_TRY(eg_plan_report_late(model, request, plan, &run, err));
    eg_strbuf_putc(out, '{');
    EG_TRY(compile_json(out, model, plan, &request->bound, &run, err));
    EG_TRY(describe_limit(out, model, request, options, err));
    eg_strbuf_putc(out, '}');
    return EG_OK;
}

static eg_status
draw(const eg_plan *plan, const eg_describe_options *options, eg_strbuf *out, eg_error *err)
{
    switch (options->draw) {
    case EG_DRAW_DOT:
        return eg_draw_graph_dot(plan, options->draw_scope, out, err);
    case EG_DRAW_SVG:
        return eg_draw_graph_svg(plan, options->draw_scope, out, err);
    case EG_DRAW_MEMORY_SVG:
        return eg_draw_memory_svg(plan, out, err);
    default:
        return eg_fail(err, EG_E_USAGE, "unknown eg_draw %d", (int)options->draw);
    }
}

static eg_status
compile(eg_model *model, const eg_describe_options *options, eg_strbuf *out, eg_error *err)
{
    static const char *const embedding[] = {"embedding"};
    eg_sizes sizes;
    EG_TRY(sizes_of(model, options, &sizes, err));
    if (options->fuse)
        EG_TRY(eg_pass_check_list(options->fuse, err));
    bool fed = model->type_ids == EG_ON ||
               (model->type_ids == EG_DEFAULT && model->tokenizer && model->tokenizer_info.feeds_type_ids);
    eg_plan_request request = {
        .outputs = options->outputs ? options->outputs : embedding,
        .output_count = options->outputs ? options->output_count : 1,
        .type_ids_fed = fed,
        .bound = sizes,
        .dump_after = options->dump_ir,
        .fuse = options->fuse,
    };
    if (request.output_count == 0)
        return eg_fail(err, EG_E_USAGE, "no outputs are asked for");
    eg_plan *plan = eg_calloc(1, sizeof *plan);
    if (!plan)
        return eg_fail_nomem(err, "a plan");
    eg_status status = eg_plan_make(model, &request, plan, err);
    if (status == EG_OK && options->dump_ir)
        eg_strbuf_append(out, plan->passes.dump.data ? plan->passes.dump.data : "", plan->passes.dump.length);
    else if (status == EG_OK && options->draw != EG_DRAW_NONE)
        status = draw(plan, options, out, err);
    else if (status == EG_OK)
        status = report_and_write(out, model, &request, plan, options, err);
    eg_plan_finish(plan);
    eg_free(plan);
    return status;
}

eg_status
eg_describe(eg_model *model, const eg_describe_options *options, char **out, eg_error *err)
{
    *out = NULL;
    EG_TRY(eg_engine_check(model->engine, err));
    eg_describe_options wanted;
    EG_TRY(eg_take_options(&wanted, sizeof wanted, options, "eg_describe_options", err));
    if (!model->source)
        return eg_fail(err, EG_E_USAGE, "only the model's tokenizer was opened; use EG_LOAD_DESCRIBE");
    eg_strbuf text = {0};
    eg_status status;
    if (wanted.what == EG_DESCRIBE_INSPECT)
        status = inspect(model, &text, err);
    else if (wanted.what == EG_DESCRIBE_COMPILE)
        status = compile(model, &wanted, &text, err);
    else
        status = eg_fail(err, EG_E_USAGE, "unknown eg_description %d", (int)wanted.what);
    if (status != EG_OK) {
        eg_strbuf_finish(&text);
        return status;
    }
    return eg_give_string(&text, out, err);
}
