/* SPDX-License-Identifier: Apache-2.0 */
/* eg_profile(): where the time of a run goes, by node, layer, stage and thread, as JSON. */
#include <inttypes.h>
#include <string.h>

#include "engine/measure.h"

#define DEFAULT_SECONDS 2.0

typedef struct report {
    eg_strbuf *out;
    const eg_context *context;
    const eg_executable *executable;
    const eg_one_batch *one;
    const eg_measurement *measured;
} report;

static void
put_string(const report *r, const char *key, const char *s)
{
    eg_strbuf_printf(r->out, "\"%s\":", key);
    if (s)
        eg_strbuf_json(r->out, s, strlen(s));
    else
        eg_strbuf_puts(r->out, "null");
}

static void
put_number(const report *r, const char *key, double value)
{
    eg_strbuf_printf(r->out, "\"%s\":", key);
    eg_json_number_or_null(r->out, value);
}

/* --- units --------------------------------------------------------------------------------------- */

static const eg_node *
node_of(const report *r, const eg_unit *unit)
{
    return unit->kind == EG_SPAN_NODE ? eg_graph_node(&r->executable->plan.built.graph, unit->item) : NULL;
}

static const char *
name_of_target(const report *r, uint32_t target)
{
    return target == EG_ON_HOST ? "host" : r->executable->plan.targets[target].name;
}

static uint64_t
saturating_add(uint64_t a, uint64_t b)
{
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static void
add_cost(eg_cost *sum, const eg_cost *more)
{
    sum->flops = saturating_add(sum->flops, more->flops);
    sum->read_bytes = saturating_add(sum->read_bytes, more->read_bytes);
    sum->write_bytes = saturating_add(sum->write_bytes, more->write_bytes);
    sum->weight_bytes = saturating_add(sum->weight_bytes, more->weight_bytes);
}

/* At the true sizes. A copy reads and writes its value. */
static eg_cost
cost_of(const report *r, const eg_unit *unit)
{
    const eg_plan *plan = &r->executable->plan;
    const eg_dims *dims = &r->one->memory.batch.dims;
    eg_cost sum = {0}, one;
    if (unit->kind == EG_SPAN_NODE) {
        eg_node_cost(&plan->built.graph, unit->item, dims, &sum);
    } else if (unit->kind == EG_SPAN_STAGE) {
        const eg_stage *stage = &plan->partition.stages.items[unit->stage];
        for (size_t i = 0; i < stage->nodes.count; i++) {
            eg_node_cost(&plan->built.graph, stage->nodes.items[i], dims, &one);
            add_cost(&sum, &one);
        }
    } else {
        const eg_value *value = eg_graph_value(&plan->built.graph, plan->partition.crossings.items[unit->item].value);
        uint64_t bytes;
        if (eg_type_bytes(&value->type, dims, &bytes))
            sum.read_bytes = sum.write_bytes = bytes;
    }
    return sum;
}

static void
put_cost(const report *r, const eg_cost *cost)
{
    eg_strbuf_printf(r->out, ",\"flops\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"weight_bytes\":%" PRIu64, cost->flops,
                     saturating_add(cost->read_bytes, cost->write_bytes), cost->weight_bytes);
}

/* "op", "name", "scope", "backend", "kernel" of a node, a stage or a copy. */
static void
put_identity(const report *r, const eg_unit *unit)
{
    const eg_plan *plan = &r->executable->plan;
    const eg_node *node = node_of(r, unit);
    const eg_stage *stage = &plan->partition.stages.items[unit->stage];
    put_string(r, "op", node ? node->op->name : unit->kind == EG_SPAN_STAGE ? "stage" : "copy");
    eg_strbuf_putc(r->out, ',');
    if (unit->kind == EG_SPAN_COPY) {
        const eg_crossing *crossing = &plan->partition.crossings.items[unit->item];
        put_string(r, "name", eg_graph_value(&plan->built.graph, crossing->value)->name);
        eg_strbuf_puts(r->out, ",\"scope\":\"\",");
        uint32_t device = crossing->from == EG_ON_HOST ? crossing->to : crossing->from;
        put_string(r, "backend", name_of_target(r, device));
    } else {
        const eg_node *first = eg_graph_node(&plan->built.graph, stage->nodes.items[0]);
        put_string(r, "name", node ? node->name : first->name);
        eg_strbuf_putc(r->out, ',');
        put_string(r, "scope", node ? node->scope : "");
        eg_strbuf_putc(r->out, ',');
        put_string(r, "backend", name_of_target(r, stage->target));
    }
    eg_strbuf_putc(r->out, ',');
    put_string(r, "kernel", unit->kernel);
}

static void
put_origins(const report *r, const eg_node *node)
{
    eg_strbuf_puts(r->out, ",\"origins\":[");
    for (uint32_t i = 0; node && i < node->origin_count; i++) {
        eg_strbuf_puts(r->out, i ? ",{" : "{");
        put_string(r, "op", node->origins[i].op);
        eg_strbuf_putc(r->out, ',');
        put_string(r, "name", node->origins[i].name);
        eg_strbuf_putc(r->out, '}');
    }
    eg_strbuf_putc(r->out, ']');
}

static void
put_ops(const report *r)
{
    eg_strbuf_puts(r->out, ",\"ops\":[");
    for (size_t i = 0; i < r->measured->units.count; i++) {
        const eg_unit *unit = &r->measured->units.items[i];
        eg_cost cost = cost_of(r, unit);
        eg_strbuf_puts(r->out, i ? ",{" : "{");
        put_identity(r, unit);
        eg_strbuf_puts(r->out, ",\"calls\":1,");
        put_number(r, "ms", unit->ms);
        put_cost(r, &cost);
        put_origins(r, node_of(r, unit));
        eg_strbuf_putc(r->out, '}');
    }
    eg_strbuf_putc(r->out, ']');
}

/* --- layers and stages --------------------------------------------------------------------------- */

typedef struct layer {
    const char *scope;
    double ms;
    eg_cost cost;
} layer;

/* Scopes in the order in which they first run; what has none is "". */
static eg_status
sum_layers(const report *r, layer *layers, size_t *out_count, eg_error *err)
{
    eg_map seen = {0};
    bool ok = true;
    *out_count = 0;
    for (size_t i = 0; i < r->measured->units.count && ok; i++) {
        const eg_unit *unit = &r->measured->units.items[i];
        const eg_node *node = node_of(r, unit);
        const char *scope = node ? node->scope : "";
        uint64_t at = *out_count;
        bool known = eg_map_get(&seen, scope, strlen(scope), &at);
        if (!known) {
            ok = eg_map_put(&seen, scope, strlen(scope), at, NULL);
            layers[(*out_count)++] = (layer){.scope = scope};
        }
        eg_cost cost = cost_of(r, unit);
        add_cost(&layers[at].cost, &cost);
        layers[at].ms += unit->ms;
    }
    eg_map_finish(&seen);
    return ok ? EG_OK : eg_fail_nomem(err, "a profile");
}

static eg_status
put_layers(const report *r, eg_error *err)
{
    size_t count = 0;
    double sum = 0;
    layer *layers = eg_calloc(r->measured->units.count + 1, sizeof *layers);
    eg_status status = layers ? sum_layers(r, layers, &count, err) : eg_fail_nomem(err, "a profile");
    for (size_t i = 0; i < count; i++)
        sum += layers[i].ms;
    eg_strbuf_puts(r->out, ",\"layers\":[");
    for (size_t i = 0; i < count; i++) {
        eg_strbuf_puts(r->out, i ? ",{" : "{");
        put_string(r, "scope", layers[i].scope);
        eg_strbuf_putc(r->out, ',');
        put_number(r, "ms", layers[i].ms);
        eg_strbuf_putc(r->out, ',');
        put_number(r, "share", sum > 0 ? layers[i].ms / sum : 0);
        put_cost(r, &layers[i].cost);
        eg_strbuf_putc(r->out, '}');
    }
    eg_strbuf_putc(r->out, ']');
    eg_free(layers);
    return status;
}

static void
put_stages(const report *r)
{
    const eg_plan *plan = &r->executable->plan;
    eg_strbuf_puts(r->out, ",\"stages\":[");
    for (size_t i = 0; i < plan->partition.stages.count; i++) {
        double ms = 0;
        size_t ops = 0;
        bool whole = false;
        for (size_t k = 0; k < r->measured->units.count; k++) {
            const eg_unit *unit = &r->measured->units.items[k];
            if (unit->stage != i || unit->kind == EG_SPAN_COPY)
                continue;
            ms += unit->ms;
            ops++;
            whole |= unit->kind == EG_SPAN_STAGE;
        }
        const eg_stage *stage = &plan->partition.stages.items[i];
        eg_strbuf_puts(r->out, i ? ",{" : "{");
        put_string(r, "backend", name_of_target(r, stage->target));
        eg_strbuf_printf(r->out, ",\"ops\":%zu,", whole ? stage->nodes.count : ops);
        put_number(r, "ms", ms);
        eg_strbuf_printf(r->out, ",\"timed\":\"%s\"}", whole ? "stage" : "nodes");
    }
    eg_strbuf_putc(r->out, ']');
}

/* --- one run as it went -------------------------------------------------------------------------- */

/* The number of the op that the span belongs to. */
static size_t
unit_of(const report *r, const eg_span *span)
{
    const eg_measurement *m = r->measured;
    for (size_t i = 0; i < m->units.count; i++) {
        const eg_unit *unit = &m->units.items[i];
        if (unit->kind == span->kind && unit->item == span->item &&
            (unit->kind != EG_SPAN_STAGE || unit->stage == span->stage))
            return i;
    }
    return 0;
}

static void
put_span(const report *r, size_t at, bool part, uint32_t lane, uint64_t begin_ns, uint64_t end_ns, bool *first)
{
    uint64_t origin_ns = r->measured->trace.spans.items[0].begin_ns;
    eg_strbuf_printf(r->out, "%s{\"at\":%zu,\"part\":%s,\"lane\":%u", *first ? "" : ",", at, part ? "true" : "false",
                     lane);
    eg_strbuf_printf(r->out, ",\"begin_us\":%.3f,\"us\":%.3f}", 1e-3 * (double)(begin_ns - origin_ns),
                     1e-3 * (double)(end_ns - begin_ns));
    *first = false;
}

/* Each part belongs to the span during which it began; both lists are sorted by time. */
static void
put_parts(const report *r, uint32_t number, bool *first)
{
    const eg_trace *trace = &r->measured->trace;
    const eg_lane *lane = &trace->lanes.lanes[number];
    size_t span = 0;
    for (uint32_t i = 0; i < lane->count; i++) {
        const eg_lane_part *part = &lane->parts[i];
        while (span + 1 < trace->spans.count && trace->spans.items[span].end_ns <= part->begin_ns)
            span++;
        put_span(r, unit_of(r, &trace->spans.items[span]), true, number, part->begin_ns, part->end_ns, first);
    }
}

static void
put_spans(const report *r)
{
    const eg_trace *trace = &r->measured->trace;
    bool first = true;
    eg_strbuf_puts(r->out, ",\"spans\":[");
    for (size_t i = 0; i < trace->spans.count; i++) {
        const eg_span *span = &trace->spans.items[i];
        put_span(r, unit_of(r, span), false, 0, span->begin_ns, span->end_ns, &first);
    }
    for (uint32_t lane = 0; trace->spans.count && lane < trace->lanes.count; lane++)
        put_parts(r, lane, &first);
    eg_strbuf_putc(r->out, ']');
}

/* --- all of it ----------------------------------------------------------------------------------- */

static void
put_backends(const report *r)
{
    const eg_plan *plan = &r->executable->plan;
    const char *between = "";
    eg_strbuf names = {0};
    for (uint32_t i = 0; i < plan->target_count; i++) {
        if (eg_plan_ops_of(plan, i) == 0)
            continue;
        eg_strbuf_printf(&names, "%s%s", between, plan->targets[i].name);
        between = ",";
    }
    put_string(r, "backend", names.data ? names.data : "");
    eg_strbuf_finish(&names);
}

static eg_status
write_report(const report *r, eg_error *err)
{
    const eg_threads *threads = r->context->model->engine->threads;
    const eg_row_set *set = &r->one->memory.batch.set;
    eg_strbuf_putc(r->out, '{');
    put_backends(r);
    eg_strbuf_printf(r->out, ",\"threads\":%u,\"workers\":\"%s\",\"shape\":[%u,%u],\"tokens\":%" PRId64 ",\"runs\":%u,",
                     eg_threads_count(threads), eg_threads_name(threads), r->one->list.count, set->max_n,
                     r->one->list.cu[r->one->list.count], r->measured->runs);
    put_number(r, "total_ms", r->measured->total_ms);
    eg_strbuf_putc(r->out, ',');
    put_number(r, "profiled_ms", r->measured->profiled_ms);
    put_ops(r);
    EG_TRY(put_layers(r, err));
    put_stages(r);
    put_spans(r);
    eg_strbuf_putc(r->out, '}');
    return EG_OK;
}

static eg_status
profile(eg_context *context, const eg_one_batch *one, const eg_profile_options *options, eg_strbuf *out, eg_error *err)
{
    eg_executable *executable;
    bool too_large;
    EG_TRY(eg_plan_cache_get(context->model, &one->request, &executable, &too_large, err));
    eg_effort effort = {.runs = options->runs, .seconds = options->seconds > 0 ? options->seconds : DEFAULT_SECONDS};
    eg_measurement measured;
    eg_status status = eg_measure(context, executable, &one->memory.batch, &effort, &measured, err);
    if (status == EG_OK) {
        report r = {.out = out, .context = context, .executable = executable, .one = one, .measured = &measured};
        status = write_report(&r, err);
    }
    eg_measurement_finish(&measured);
    eg_plan_cache_put(context->model, executable);
    return status;
}

eg_status
eg_profile(eg_context *context, const eg_input *input, const eg_profile_options *options, char **out_json,
           eg_error *err)
{
    *out_json = NULL;
    EG_TRY(eg_engine_check(context->model->engine, err));
    eg_profile_options wanted;
    EG_TRY(eg_take_options(&wanted, sizeof wanted, options, "eg_profile_options", err));
    eg_one_batch one;
    eg_strbuf text = {0};
    eg_status status = eg_one_batch_take(context, input, wanted.outputs, wanted.output_count, &one, err);
    if (status == EG_OK)
        status = profile(context, &one, &wanted, &text, err);
    eg_one_batch_finish(&one);
    if (status != EG_OK) {
        eg_strbuf_finish(&text);
        return status;
    }
    return eg_give_string(&text, out_json, err);
}
