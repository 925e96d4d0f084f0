/* SPDX-License-Identifier: Apache-2.0 */
/* eg_compare(): two backends on the same ids, node by node, each node also by itself, as JSON. */
#include <math.h>
#include <string.h>

#include "engine/measure.h"
#include "engine/node_run.h"

enum { DEFAULT_RUNS = 5 };

/* One of the two: its plan with all values kept, after a run; and what its users' plan takes for each node. */
typedef struct side {
    eg_context *context;
    eg_executable *kept;
    eg_map ms_of; /* node name → number of the time in `times` */
    EG_VEC(double) times;
} side;

typedef struct comparison {
    side a, b;
    eg_context *alone; /* on b's model: for single nodes, so that b keeps its values */
    const eg_one_batch *one;
    uint32_t runs;
    eg_strbuf *out;
} comparison;

/* --- differences --------------------------------------------------------------------------------- */

typedef struct difference {
    double max_abs; /* infinite where one is not finite and the other is not the same */
    double scale;   /* largest |value| of the first */
    double dot, a2, b2;
} difference;

static void
add_floats(difference *d, const float *a, const float *b, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        double x = a[i], y = b[i];
        /* Scores of keys that a query must not see are -infinity in both. */
        if (!isfinite(x) || !isfinite(y)) {
            if (!(x == y || (isnan(x) && isnan(y))))
                d->max_abs = INFINITY;
            continue;
        }
        d->max_abs = fmax(d->max_abs, fabs(x - y));
        d->scale = fmax(d->scale, fabs(x));
        d->dot += x * y;
        d->a2 += x * x;
        d->b2 += y * y;
    }
}

static void
add_ints(difference *d, const int32_t *a, const int32_t *b, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        d->max_abs = fmax(d->max_abs, fabs((double)a[i] - (double)b[i]));
        d->scale = fmax(d->scale, fabs((double)a[i]));
    }
}

static void
add_difference(difference *d, eg_dtype dtype, const void *a, const void *b, uint64_t n)
{
    if (dtype == EG_I32)
        add_ints(d, a, b, n);
    else
        add_floats(d, a, b, n);
}

static double
cosine(const difference *d)
{
    if (d->a2 == 0 && d->b2 == 0)
        return 1;
    return d->dot / sqrt(d->a2 * d->b2);
}

/* --- sides --------------------------------------------------------------------------------------- */

static const eg_graph *
graph_of(const side *s)
{
    return &s->kept->plan.built.graph;
}

/* The value of that name and type; 0 if the plan has none. */
static eg_value_id
find_value(const side *s, const eg_value *like)
{
    eg_value_id id = eg_graph_find(graph_of(s), like->name);
    return id && eg_type_equal(&eg_graph_value(graph_of(s), id)->type, &like->type) ? id : 0;
}

static eg_status
copy_value(const side *s, const eg_one_batch *one, eg_value_id id, void **out, uint64_t *out_elements, eg_error *err)
{
    return eg_value_copy(s->context, s->kept, &one->memory.batch, id, out, out_elements, err);
}

/* Node by node as in the plan that users run: keeping values costs memory traffic. */
static eg_status
keep_times(side *s, const eg_executable *executable, const eg_measurement *measured, eg_error *err)
{
    for (size_t i = 0; i < measured->units.count; i++) {
        const eg_unit *unit = &measured->units.items[i];
        if (unit->kind != EG_SPAN_NODE)
            continue;
        /* Names of the plan that is kept: the other one goes. */
        const char *name = eg_graph_node(&executable->plan.built.graph, unit->item)->name;
        eg_value_id value = eg_graph_find(graph_of(s), name);
        if (!value)
            continue;
        name = eg_graph_value(graph_of(s), value)->name;
        if (!eg_map_put(&s->ms_of, name, strlen(name), s->times.count, NULL) || !EG_PUSH(&s->times, unit->ms))
            return eg_fail_nomem(err, "a comparison");
    }
    return EG_OK;
}

static eg_status
measure_side(comparison *c, side *s, eg_error *err)
{
    eg_model *model = s->context->model;
    eg_executable *executable;
    bool too_large;
    EG_TRY(eg_plan_cache_get(model, &c->one->request, &executable, &too_large, err));
    eg_effort effort = {.runs = c->runs};
    eg_measurement measured;
    eg_status status = eg_measure(s->context, executable, &c->one->memory.batch, &effort, &measured, err);
    if (status == EG_OK)
        status = keep_times(s, executable, &measured, err);
    eg_measurement_finish(&measured);
    eg_plan_cache_put(model, executable);
    return status;
}

static eg_status
open_side(comparison *c, side *s, eg_error *err)
{
    eg_plan_request request = c->one->request;
    bool too_large;
    request.keep_values = true;
    EG_TRY(eg_executable_make(s->context->model, &request, &s->kept, &too_large, err));
    EG_TRY(measure_side(c, s, err));
    return eg_run_batch(s->context, s->kept, &c->one->memory.batch, err);
}

static void
close_side(side *s)
{
    eg_executable_free(s->context->model, s->kept);
    eg_map_finish(&s->ms_of);
    eg_free(s->times.items);
}

/* --- one node ------------------------------------------------------------------------------------ */

typedef struct node_result {
    bool has_isolated;
    difference isolated, end_to_end;
} node_result;

static void
free_all(void **data, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        eg_free(data[i]);
    eg_free(data);
}

/* What b's node would have read, as a has it. *out_all is false where a has not all of it. */
static eg_status
copy_inputs(const comparison *c, const eg_node *node, void **data, bool *out_all, eg_error *err)
{
    *out_all = true;
    for (uint32_t i = 0; i < node->input_count; i++) {
        const eg_value *value = eg_graph_value(graph_of(&c->b), node->inputs[i]);
        if (value->flags & (EG_VALUE_CONST | EG_VALUE_INPUT))
            continue;
        eg_value_id same = find_value(&c->a, value);
        uint64_t elements;
        if (!same || (eg_graph_value(graph_of(&c->a), same)->flags & EG_VALUE_CONST)) {
            *out_all = false;
            return EG_OK;
        }
        EG_TRY(copy_value(&c->a, c->one, same, &data[i], &elements, err));
    }
    return EG_OK;
}

/* b's node from a's inputs, beside what a got. */
static eg_status
compare_alone(const comparison *c, eg_node_id id, const void *want, uint64_t elements, node_result *out, eg_error *err)
{
    const eg_node *node = eg_graph_node(graph_of(&c->b), id);
    eg_dtype dtype = eg_graph_value(graph_of(&c->b), node->outputs[0])->type.dtype;
    void **data = eg_calloc((size_t)node->input_count + 1, sizeof *data), *got = NULL;
    uint64_t got_elements = 0;
    if (!data)
        return eg_fail_nomem(err, "a comparison");
    eg_status status = copy_inputs(c, node, data, &out->has_isolated, err);
    if (status == EG_OK && out->has_isolated)
        status = eg_node_run(c->alone, graph_of(&c->b), id, &c->one->memory.batch, (const void *const *)data, &got,
                             &got_elements, err);
    if (got && got_elements == elements)
        add_difference(&out->isolated, dtype, want, got, elements);
    eg_free(got);
    free_all(data, node->input_count);
    return status;
}

static eg_status
compare_node(const comparison *c, eg_value_id in_a, eg_node_id in_b, node_result *out, eg_error *err)
{
    const eg_node *node = eg_graph_node(graph_of(&c->b), in_b);
    void *want, *got = NULL;
    uint64_t elements, got_elements = 0;
    *out = (node_result){0};
    EG_TRY(copy_value(&c->a, c->one, in_a, &want, &elements, err));
    eg_status status = copy_value(&c->b, c->one, node->outputs[0], &got, &got_elements, err);
    if (status == EG_OK)
        add_difference(&out->end_to_end, eg_graph_value(graph_of(&c->b), node->outputs[0])->type.dtype, want, got,
                       elements);
    if (status == EG_OK)
        status = compare_alone(c, in_b, want, elements, out, err);
    eg_free(want);
    eg_free(got);
    return status;
}

/* --- JSON ---------------------------------------------------------------------------------------- */

static void
put_text(eg_strbuf *out, const char *key, const char *s)
{
    eg_strbuf_printf(out, "\"%s\":", key);
    eg_strbuf_json(out, s, strlen(s));
}

static void
put_number(eg_strbuf *out, const char *key, double value)
{
    eg_strbuf_printf(out, ",\"%s\":", key);
    eg_json_number_or_null(out, value);
}

static double
ms_of(const side *s, const char *name)
{
    uint64_t at;
    return eg_map_get(&s->ms_of, name, strlen(name), &at) ? s->times.items[at] : NAN;
}

static void
put_node(const comparison *c, const eg_node *node, const node_result *result, bool first)
{
    eg_strbuf *out = c->out;
    eg_strbuf_puts(out, first ? "{" : ",{");
    put_text(out, "op", node->op->name);
    eg_strbuf_putc(out, ',');
    put_text(out, "name", node->name);
    eg_strbuf_putc(out, ',');
    put_text(out, "scope", node->scope);
    put_number(out, "isolated", result->has_isolated ? result->isolated.max_abs : NAN);
    put_number(out, "end_to_end", result->end_to_end.max_abs);
    put_number(out, "scale", result->end_to_end.scale);
    eg_strbuf_puts(out, ",\"ms\":[");
    eg_json_number_or_null(out, ms_of(&c->a, node->name));
    eg_strbuf_putc(out, ',');
    eg_json_number_or_null(out, ms_of(&c->b, node->name));
    eg_strbuf_puts(out, "]}");
}

/* In a's order. The same node has the op and the name, which is that of its output, in both plans. */
static eg_status
put_ops(const comparison *c, eg_error *err)
{
    const eg_graph *a = graph_of(&c->a), *b = graph_of(&c->b);
    bool first = true;
    eg_strbuf_puts(c->out, ",\"ops\":[");
    for (size_t i = 0; i < a->order.count; i++) {
        if (__atomic_load_n(&c->a.context->cancel, __ATOMIC_RELAXED))
            return eg_fail(err, EG_E_CANCELLED, "cancelled");
        const eg_node *node = eg_graph_node(a, a->order.items[i]);
        eg_value_id same = find_value(&c->b, eg_graph_value(a, node->outputs[0]));
        eg_node_id other = same ? eg_graph_value(b, same)->producer : 0;
        if (eg_node_is_view(a, node) || !other || eg_graph_node(b, other)->op != node->op)
            continue;
        node_result result;
        EG_TRY(compare_node(c, node->outputs[0], other, &result, err));
        put_node(c, node, &result, first);
        first = false;
    }
    eg_strbuf_putc(c->out, ']');
    return EG_OK;
}

static eg_status
compare_output(const comparison *c, const eg_plan_output *in_a, const eg_plan_output *in_b, difference *out,
               eg_error *err)
{
    *out = (difference){0};
    for (uint32_t k = 0; k < in_a->count; k++) {
        eg_value_id a = eg_plan_output_value(&c->a.kept->plan, in_a, k),
                    b = eg_plan_output_value(&c->b.kept->plan, in_b, k);
        void *want = NULL, *got = NULL;
        uint64_t elements, got_elements;
        EG_TRY(copy_value(&c->a, c->one, a, &want, &elements, err));
        eg_status status = copy_value(&c->b, c->one, b, &got, &got_elements, err);
        if (status == EG_OK)
            add_difference(out, eg_graph_value(graph_of(&c->a), a)->type.dtype, want, got, elements);
        eg_free(want);
        eg_free(got);
        EG_TRY(status);
    }
    return EG_OK;
}

static eg_status
put_outputs(const comparison *c, eg_error *err)
{
    const eg_plan *a = &c->a.kept->plan, *b = &c->b.kept->plan;
    eg_strbuf_puts(c->out, ",\"outputs\":[");
    for (uint32_t i = 0; i < a->output_count; i++) {
        difference d;
        EG_TRY(compare_output(c, &a->outputs[i], &b->outputs[i], &d, err));
        eg_strbuf_puts(c->out, i ? ",{" : "{");
        put_text(c->out, "name", a->outputs[i].name);
        put_number(c->out, "max_abs", d.max_abs);
        put_number(c->out, "cosine", cosine(&d));
        eg_strbuf_putc(c->out, '}');
    }
    eg_strbuf_putc(c->out, ']');
    return EG_OK;
}

/* Names of what one plan computes and the other does not. */
static void
put_only(eg_strbuf *out, const side *in, const side *not_in)
{
    const eg_graph *graph = graph_of(in);
    bool first = true;
    eg_strbuf_putc(out, '[');
    for (size_t i = 0; i < graph->order.count; i++) {
        const eg_node *node = eg_graph_node(graph, graph->order.items[i]);
        if (find_value(not_in, eg_graph_value(graph, node->outputs[0])))
            continue;
        if (!first)
            eg_strbuf_putc(out, ',');
        eg_strbuf_json(out, node->name, strlen(node->name));
        first = false;
    }
    eg_strbuf_putc(out, ']');
}

/* The backends of a plan, as "far,reference". */
static void
put_backends(eg_strbuf *out, const side *s)
{
    const eg_plan *plan = &s->kept->plan;
    eg_strbuf names = {0};
    for (uint32_t i = 0; i < plan->target_count; i++)
        if (eg_plan_ops_of(plan, i))
            eg_strbuf_printf(&names, "%s%s", names.length ? "," : "", plan->targets[i].name);
    eg_strbuf_json(out, names.data ? names.data : "", names.length);
    eg_strbuf_finish(&names);
}

static eg_status
write_report(const comparison *c, eg_error *err)
{
    const eg_row_set *set = &c->one->memory.batch.set;
    eg_strbuf_puts(c->out, "{\"backends\":[");
    put_backends(c->out, &c->a);
    eg_strbuf_putc(c->out, ',');
    put_backends(c->out, &c->b);
    eg_strbuf_puts(c->out, "],");
    put_text(c->out, "fuse", c->one->request.fuse);
    eg_strbuf_printf(c->out, ",\"shape\":[%u,%u],\"runs\":%u", c->one->list.count, set->max_n, c->runs);
    EG_TRY(put_ops(c, err));
    EG_TRY(put_outputs(c, err));
    eg_strbuf_puts(c->out, ",\"only\":[");
    put_only(c->out, &c->a, &c->b);
    eg_strbuf_putc(c->out, ',');
    put_only(c->out, &c->b, &c->a);
    eg_strbuf_puts(c->out, "]}");
    return EG_OK;
}

/* --- all of it ----------------------------------------------------------------------------------- */

static eg_status
compare(eg_context *a, eg_context *b, eg_context *alone, eg_one_batch *one, uint32_t runs, eg_strbuf *out,
        eg_error *err)
{
    one->request.fuse = eg_plan_fuse(a->model, &one->request);
    EG_TRY(eg_context_set_fuse(alone, one->request.fuse, err));
    comparison c = {.a = {.context = a}, .b = {.context = b}, .alone = alone, .one = one, .runs = runs, .out = out};
    eg_status status = open_side(&c, &c.a, err);
    if (status == EG_OK)
        status = open_side(&c, &c.b, err);
    if (status == EG_OK)
        status = write_report(&c, err);
    close_side(&c.a);
    close_side(&c.b);
    return status;
}

static eg_status
check_sides(const eg_context *a, const eg_context *b, eg_error *err)
{
    EG_TRY(eg_engine_check(a->model->engine, err));
    EG_TRY(eg_engine_check(b->model->engine, err));
    if (a == b)
        return eg_fail(err, EG_E_USAGE, "a context cannot be compared with itself: it keeps the values of one run");
    /* What backends write into padding is their own. */
    if (a->model->padded || b->model->padded)
        return eg_fail(err, EG_E_USAGE, "padded models cannot be compared");
    if (a->model->info.vocab_size != b->model->info.vocab_size)
        return eg_fail(err, EG_E_USAGE, "the two are not the same model: their vocabularies differ in size");
    return EG_OK;
}

eg_status
eg_compare(eg_context *a, eg_context *b, const eg_input *input, const eg_compare_options *options, char **out_json,
           eg_error *err)
{
    *out_json = NULL;
    EG_TRY(check_sides(a, b, err));
    eg_compare_options wanted;
    EG_TRY(eg_take_options(&wanted, sizeof wanted, options, "eg_compare_options", err));
    eg_context *alone;
    EG_TRY(eg_context_open(b->model, &alone, err));
    eg_one_batch one;
    eg_strbuf text = {0};
    eg_status status = eg_one_batch_take(a, input, wanted.outputs, wanted.output_count, &one, err);
    if (status == EG_OK)
        status = compare(a, b, alone, &one, wanted.runs ? wanted.runs : DEFAULT_RUNS, &text, err);
    eg_one_batch_finish(&one);
    eg_context_close(alone);
    if (status != EG_OK) {
        eg_strbuf_finish(&text);
        return status;
    }
    return eg_give_string(&text, out_json, err);
}
