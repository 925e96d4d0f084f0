/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/node_run.h"

#include <string.h>

#include "graph/extract.h"

enum { ELEMENT = 4 /* bytes: activations are f32 or i32 */ };

/* --- values -------------------------------------------------------------------------------------- */

static uint64_t
rows_of(const eg_type *type, const eg_dims *dims)
{
    switch (type->kind) {
    case EG_TOKEN:
        return dims->sets[type->set].T;
    case EG_TEXT:
        return dims->B;
    default:
        return type->rank ? (uint64_t)type->dims[0].k : 1;
    }
}

static void
copy_rows(char *to, const char *from, uint64_t rows, int64_t width, int64_t stride)
{
    for (uint64_t row = 0; row < rows; row++)
        memcpy(to + row * (uint64_t)width * ELEMENT, from + row * (uint64_t)stride * ELEMENT, (size_t)width * ELEMENT);
}

eg_status
eg_value_copy(eg_context *context, const eg_executable *executable, const eg_batch *batch, eg_value_id id, void **out,
              uint64_t *out_elements, eg_error *err)
{
    const eg_graph *graph = &executable->plan.built.graph;
    const eg_type *type = &eg_graph_value(graph, id)->type;
    int64_t offset = 0, stride = 0, width = 0;
    *out = NULL;
    if (!eg_type_elements(type, &batch->dims, out_elements) || !eg_type_width(type, &width) ||
        !eg_graph_alias_layout(graph, id, &offset, &stride) || eg_dtype_size(type->dtype) != ELEMENT)
        return eg_fail(err, EG_E_UNSUPPORTED, "%s cannot be copied", eg_graph_value(graph, id)->name);
    const void *from;
    EG_TRY(eg_run_read(context, executable, batch, eg_graph_alias_root(graph, id), &from, err));
    uint64_t bytes;
    if (__builtin_mul_overflow(*out_elements, (uint64_t)ELEMENT, &bytes) || bytes > SIZE_MAX)
        return eg_fail_nomem(err, "a value");
    *out = eg_alloc(bytes ? (size_t)bytes : 1);
    if (!*out)
        return eg_fail_nomem(err, "a value");
    if (type->kind == EG_PAIR || stride == width)
        memcpy(*out, (const char *)from + offset * ELEMENT, (size_t)bytes);
    else
        copy_rows(*out, (const char *)from + offset * ELEMENT, rows_of(type, &batch->dims), width, stride);
    return EG_OK;
}

/* --- a graph of one node ------------------------------------------------------------------------- */

typedef struct node_graph {
    eg_graph graph;
    EG_VEC(eg_fed_value) fed;
} node_graph;

static void
node_graph_finish(node_graph *made)
{
    eg_graph_finish(&made->graph);
    eg_free(made->fed.items);
}

/* What a run writes itself, token and type ids, has no data here. A value that the node reads twice is fed once. */
static eg_status
feed_input(const eg_graph *from, eg_value_id input, const void *data, node_graph *made, eg_error *err)
{
    eg_fed_value fed = {eg_graph_find(&made->graph, eg_graph_value(from, input)->name), data};
    bool known = !data || !(eg_graph_value(&made->graph, fed.value)->flags & EG_VALUE_INPUT);
    for (size_t i = 0; i < made->fed.count; i++)
        known = known || made->fed.items[i].value == fed.value;
    return known || EG_PUSH(&made->fed, fed) ? EG_OK : eg_fail_nomem(err, "a node's inputs");
}

static eg_status
make_graph(const eg_graph *from, eg_node_id id, const void *const *inputs, node_graph *made, eg_error *err)
{
    const eg_node *node = eg_graph_node(from, id);
    EG_TRY(eg_graph_extract(from, &id, 1, &made->graph, err));
    for (uint32_t i = 0; i < node->input_count; i++)
        EG_TRY(feed_input(from, node->inputs[i], inputs[i], made, err));
    return eg_graph_add_output(&made->graph, eg_graph_find(&made->graph, node->name), err);
}

static eg_status
run_graph(eg_context *context, node_graph *made, const eg_batch *batch, void **out, uint64_t *out_elements,
          eg_error *err)
{
    const eg_row_set *set = &batch->set;
    eg_plan_request request = {.graph = &made->graph,
                               .fuse = context->fuse,
                               .bound = {.B = batch->dims.B, .max_n = set->max_n, .T = set->T, .P = set->P}};
    eg_executable *executable;
    EG_TRY(eg_executable_make_any(context->model, &request, &executable, err));
    eg_batch fed = *batch;
    fed.dims.sets = &fed.set;
    fed.fed = made->fed.items;
    fed.fed_count = (uint32_t)made->fed.count;
    eg_status status = eg_run_batch(context, executable, &fed, err);
    if (status == EG_OK)
        status = eg_value_copy(context, executable, &fed, executable->plan.built.graph.outputs.items[0], out,
                               out_elements, err);
    eg_executable_free(context->model, executable);
    return status;
}

eg_status
eg_node_run(eg_context *context, const eg_graph *graph, eg_node_id node, const eg_batch *batch,
            const void *const *inputs, void **out, uint64_t *out_elements, eg_error *err)
{
    node_graph made = {0};
    *out = NULL;
    eg_status status = eg_graph_init(&made.graph, "node", err);
    if (status == EG_OK)
        status = make_graph(graph, node, inputs, &made, err);
    if (status == EG_OK)
        status = run_graph(context, &made, batch, out, out_elements, err);
    node_graph_finish(&made);
    return status;
}
