/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/graph_runner.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "tests/unit/random_graph.h"

/* --- what goes in -------------------------------------------------------------------------------- */

eg_status
graph_feed_init(graph_feed *feed, const eg_graph *graph, uint64_t seed, const uint32_t *lengths, uint32_t text_count,
                uint32_t limit, eg_error *err)
{
    memset(feed, 0, sizeof *feed);
    for (uint32_t i = 0; i < text_count; i++) {
        feed->rows[i] = (eg_row){.start = (uint32_t)feed->set.T, .rows = lengths[i], .valid = lengths[i]};
        feed->set.T += lengths[i];
        feed->set.P += (uint64_t)lengths[i] * lengths[i];
        feed->set.max_n = lengths[i] > feed->set.max_n ? lengths[i] : feed->set.max_n;
    }
    feed->set.table = feed->rows;
    feed->dims = (eg_dims){.size = sizeof feed->dims, .B = text_count, .set_count = 1, .sets = &feed->set};
    for (size_t i = 0; i < graph->inputs.count; i++) {
        feed->ids[i] = eg_calloc((size_t)feed->set.T, sizeof *feed->ids[i]);
        if (!feed->ids[i])
            return eg_fail_nomem(err, "test data");
        for (uint64_t t = 0; t < feed->set.T; t++)
            feed->ids[i][t] = (int32_t)random_below(&seed, limit);
    }
    return EG_OK;
}

void
graph_feed_finish(graph_feed *feed)
{
    for (size_t i = 0; i < sizeof feed->ids / sizeof *feed->ids; i++)
        eg_free(feed->ids[i]);
}

/* --- one run ------------------------------------------------------------------------------------- */

typedef struct stage {
    subject *s;
    const eg_graph *graph;
    const graph_feed *feed;
    eg_view view;
    eg_weight **weights;
    int64_t *strides;
    uint64_t *places; /* per value of the graph that is no view: where it lies in memory */
    eg_exec *exec;
    unsigned char *memory;
    uint64_t bytes;
    eg_buffer *buffer;
    eg_binding *io;
    eg_binding scratch;
} stage;

static eg_status
no_memory(eg_error *err)
{
    return eg_fail_nomem(err, "a test run");
}

/* The nodes that run code, as the device sees them. */
static eg_status
open_view(stage *t, eg_error *err)
{
    uint32_t count = 0;
    eg_node_id *nodes = eg_calloc(t->graph->order.count + 1, sizeof *nodes);
    if (!nodes)
        return no_memory(err);
    for (size_t i = 0; i < t->graph->order.count; i++) {
        if (!eg_node_is_view(t->graph, eg_graph_node(t->graph, t->graph->order.items[i])))
            nodes[count++] = t->graph->order.items[i];
    }
    eg_status status = eg_view_init(&t->view, t->graph, nodes, count, err);
    eg_free(nodes);
    return status;
}

static const eg_value *
value_at(const stage *t, uint32_t number)
{
    return eg_graph_value(t->graph, t->view.values[number]);
}

static eg_status
choose_strides(stage *t, eg_error *err)
{
    int64_t offset;
    t->strides = eg_calloc(t->view.value_count + 1, sizeof *t->strides);
    t->weights = eg_calloc(t->view.value_count + 1, sizeof *t->weights);
    t->io = eg_calloc(t->view.value_count + 1, sizeof *t->io);
    t->places = eg_calloc(t->graph->values.count, sizeof *t->places);
    if (!t->strides || !t->weights || !t->io || !t->places)
        return no_memory(err);
    for (uint32_t i = 0; i < t->view.value_count; i++) {
        if (!eg_graph_alias_layout(t->graph, t->view.values[i], &offset, &t->strides[i]))
            return eg_fail(err, EG_E_INTERNAL, "a test graph is too large");
    }
    t->view.row_strides = t->strides;
    return EG_OK;
}

static eg_status
ask_support(stage *t, eg_error *err)
{
    for (uint32_t i = 0; i < t->view.node_count; i++) {
        eg_support answer = {.size = sizeof answer};
        EG_TRY(t->s->ops->support(t->s->device, &t->view, i, &answer));
        if (answer.level == EG_SUPPORT_NO)
            return eg_fail(err, EG_E_UNSUPPORTED, "%s: %s", eg_graph_node(t->graph, t->view.nodes[i])->op->name,
                           answer.reason);
    }
    return EG_OK;
}

static eg_status
make_weight(stage *t, uint32_t number, eg_error *err)
{
    enum { MOST_USES = 16 };
    const eg_value *value = value_at(t, number);
    eg_weight_use uses[MOST_USES];
    eg_weight_desc desc = {.size = sizeof desc,
                           .dtype = value->type.dtype,
                           .rank = value->type.rank,
                           .view_count = value->constant->view_count,
                           .views = value->constant->views,
                           .uses = uses,
                           .name = value->name};
    for (uint32_t n = 0; n < t->view.node_count; n++) {
        const eg_node *node = eg_graph_node(t->graph, t->view.nodes[n]);
        for (uint32_t i = 0; i < node->input_count && desc.use_count < MOST_USES; i++) {
            if (node->inputs[i] == t->view.values[number])
                uses[desc.use_count++] = (eg_weight_use){.size = sizeof *uses, .input = i, .op = node->op->name};
        }
    }
    for (uint32_t axis = 0; axis < desc.rank; axis++)
        desc.dims[axis] = value->type.dims[axis].k;
    uint64_t bytes;
    return t->s->ops->weight_new(t->s->device, &desc, &t->weights[number], &bytes, err);
}

static eg_status
compile(stage *t, eg_error *err)
{
    for (uint32_t i = 0; i < t->view.value_count; i++) {
        if (value_at(t, i)->flags & EG_VALUE_CONST)
            EG_TRY(make_weight(t, i, err));
    }
    eg_compile_info info = {.size = sizeof info, .threads = t->s->threads, .bound = &t->feed->dims};
    t->view.weights = t->weights;
    return t->s->ops->compile(t->s->device, &t->view, &info, &t->exec, err);
}

static bool
has_memory(const eg_graph *graph, eg_value_id id)
{
    const eg_value *value = eg_graph_value(graph, id);
    bool made = value->producer && !eg_graph_node(graph, value->producer)->dead;
    return (made || (value->flags & EG_VALUE_INPUT)) && eg_graph_alias_root(graph, id) == id;
}

/* Where no kernel has written there are NaNs. */
static eg_status
lay_out(stage *t, eg_error *err)
{
    enum { ALIGN = 64 };
    const eg_graph *graph = t->graph;
    for (eg_value_id id = 1; id < graph->values.count; id++) {
        uint64_t bytes;
        if (!has_memory(graph, id))
            continue;
        if (!eg_type_bytes(&eg_graph_value(graph, id)->type, &t->feed->dims, &bytes))
            return eg_fail(err, EG_E_INTERNAL, "a test graph is too large");
        t->places[id] = t->bytes;
        t->bytes += (bytes + ALIGN - 1) / ALIGN * ALIGN;
    }
    uint64_t scratch = t->s->ops->scratch ? t->s->ops->scratch(t->exec, 0, &t->feed->dims, t->s->threads) : 0;
    uint64_t scratch_at = t->bytes;
    t->bytes += scratch + ALIGN;
    t->memory = eg_alloc_aligned((size_t)t->bytes, ALIGN);
    if (!t->memory)
        return no_memory(err);
    memset(t->memory, 0xff, (size_t)t->bytes);
    EG_TRY(t->s->ops->buffer_import(t->s->device, 0, t->memory, t->bytes, &t->buffer, err));
    t->scratch = (eg_binding){.size = sizeof t->scratch, .buffer = t->buffer, .offset = scratch_at, .bytes = scratch};
    return EG_OK;
}

/* Where the value's first element lies, and how far apart its rows. */
static uint64_t
place_of(const stage *t, eg_value_id id, int64_t *out_stride)
{
    int64_t offset = 0;
    (void)eg_graph_alias_layout(t->graph, id, &offset, out_stride); /* has worked in choose_strides() */
    eg_value_id root = eg_graph_alias_root(t->graph, id);
    return t->places[root] + (uint64_t)offset * eg_dtype_size(eg_graph_value(t->graph, root)->type.dtype);
}

static void
bind_values(stage *t)
{
    for (uint32_t i = 0; i < t->view.value_count; i++) {
        eg_value_id id = t->view.values[i];
        t->io[i] = (eg_binding){.size = sizeof *t->io};
        if (eg_graph_value(t->graph, id)->flags & EG_VALUE_CONST)
            continue;
        t->io[i].buffer = t->buffer;
        t->io[i].offset = place_of(t, id, &t->io[i].row_stride);
        t->io[i].bytes = t->bytes - t->io[i].offset;
    }
    for (size_t i = 0; i < t->graph->inputs.count; i++)
        memcpy(t->memory + t->places[t->graph->inputs.items[i]], t->feed->ids[i],
               (size_t)t->feed->set.T * sizeof(int32_t));
}

static eg_status
execute(stage *t, eg_error *err)
{
    eg_run_info info = {.size = sizeof info,
                        .threads = t->s->threads,
                        .io = t->io,
                        .io_count = t->view.value_count,
                        .scratch = &t->scratch,
                        .scratch_count = 1,
                        .dims = &t->feed->dims};
    eg_event *done = NULL;
    EG_TRY(t->s->ops->run(t->exec, &info, &done, err));
    return done ? eg_fail(err, EG_E_INTERNAL, "a device on host memory gave an event") : EG_OK;
}

static eg_status
read_output(const stage *t, eg_value_id id, graph_results *out, eg_error *err)
{
    const eg_type *type = &eg_graph_value(t->graph, id)->type;
    uint64_t count;
    int64_t stride, width;
    const float *from = (const float *)(const void *)(t->memory + place_of(t, id, &stride));
    if (type->dtype != EG_F32 || !eg_type_elements(type, &t->feed->dims, &count) || !eg_type_width(type, &width))
        return eg_fail(err, EG_E_INTERNAL, "output '%s' cannot be compared", eg_graph_value(t->graph, id)->name);
    float *dense = eg_calloc((size_t)count + 1, sizeof *dense);
    if (!dense || !EG_PUSH(&out->outputs, dense))
        return eg_free(dense), no_memory(err);
    if (!EG_PUSH(&out->counts, count))
        return no_memory(err);
    if (type->kind == EG_PAIR) { /* one block */
        memcpy(dense, from, (size_t)count * sizeof *dense);
        return EG_OK;
    }
    for (uint64_t row = 0; row < count / (uint64_t)width; row++)
        memcpy(dense + row * (uint64_t)width, from + row * (uint64_t)stride, (size_t)width * sizeof *dense);
    return EG_OK;
}

static eg_status
run_stage(stage *t, graph_results *out, eg_error *err)
{
    EG_TRY(open_view(t, err));
    EG_TRY(choose_strides(t, err));
    EG_TRY(ask_support(t, err));
    EG_TRY(compile(t, err));
    EG_TRY(lay_out(t, err));
    bind_values(t);
    EG_TRY(execute(t, err));
    for (size_t i = 0; i < t->graph->outputs.count; i++)
        EG_TRY(read_output(t, t->graph->outputs.items[i], out, err));
    return EG_OK;
}

static void
close_stage(stage *t)
{
    if (t->exec)
        t->s->ops->exec_free(t->exec);
    for (uint32_t i = 0; t->weights && i < t->view.value_count; i++)
        t->s->ops->weight_free(t->s->device, t->weights[i]);
    if (t->buffer)
        t->s->ops->buffer_free(t->s->device, t->buffer);
    eg_free(t->memory);
    eg_free(t->weights);
    eg_free(t->strides);
    eg_free(t->places);
    eg_free(t->io);
    eg_view_finish(&t->view);
}

eg_status
graph_run(subject *s, const eg_graph *graph, const graph_feed *feed, graph_results *out, eg_error *err)
{
    stage t = {.s = s, .graph = graph, .feed = feed};
    *out = (graph_results){0};
    eg_status status = run_stage(&t, out, err);
    close_stage(&t);
    if (status != EG_OK)
        graph_results_finish(out);
    return status;
}

void
graph_results_finish(graph_results *results)
{
    for (size_t i = 0; i < results->outputs.count; i++)
        eg_free(results->outputs.items[i]);
    eg_free(results->outputs.items);
    eg_free(results->counts.items);
    *results = (graph_results){0};
}

/* --- comparing ----------------------------------------------------------------------------------- */

eg_status
graph_compare(const eg_graph *graph, const graph_results *a, const graph_results *b, double tolerance, eg_error *err)
{
    for (size_t i = 0; i < a->outputs.count; i++) {
        const char *name = eg_graph_value(graph, graph->outputs.items[i])->name;
        const float *x = a->outputs.items[i], *y = b->outputs.items[i];
        double largest = 1;
        if (a->counts.items[i] != b->counts.items[i])
            return eg_fail(err, EG_E_FAILED, "output '%s' has another size", name);
        for (uint64_t k = 0; k < a->counts.items[i]; k++)
            largest = isfinite(x[k]) && fabs((double)x[k]) > largest ? fabs((double)x[k]) : largest;
        for (uint64_t k = 0; k < a->counts.items[i]; k++) {
            bool same = (isnan(x[k]) && isnan(y[k])) || (isinf(x[k]) && memcmp(&x[k], &y[k], sizeof x[k]) == 0) ||
                        fabs((double)x[k] - (double)y[k]) <= tolerance * largest;
            if (!same)
                return eg_fail(err, EG_E_FAILED, "output '%s', element %" PRIu64 ": %.9g and %.9g, of at most %.3g",
                               name, k, (double)x[k], (double)y[k], largest);
        }
    }
    return EG_OK;
}

eg_status
graph_decompose(eg_graph *graph, eg_error *err)
{
    for (size_t i = 0; i < graph->order.count; i++) {
        eg_node_id id = graph->order.items[i];
        const eg_op *op = eg_graph_node(graph, id)->op;
        if (op->flags & EG_OP_FUSED)
            EG_TRY(op->decompose(graph, id, err));
    }
    return eg_graph_verify(graph, err);
}
