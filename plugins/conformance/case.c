/* SPDX-License-Identifier: Apache-2.0 */
/* Building a case: graph, sizes, data. */
#include <stdio.h>
#include <string.h>

#include "plugins/conformance/harness.h"

enum { CASE_TENSORS = 4 }; /* at most, of one constant */

/* Odd on purpose: single rows, lengths next to powers of two, one long text between short ones. */
const batch batches[] = {
    {"B=1 T=1", 1, {1}, 0, false},
    {"B=1 n=7", 1, {7}, 0, false},
    {"B=2", 2, {33, 1}, 0, false},
    {"B=3 ragged", 3, {5, 1, 9}, 0, false},
    {"B=4 with prompts", 4, {3, 12, 1, 6}, 2, false},
    {"B=5 padded", 5, {1, 2, 17, 3, 4}, 0, true},
};
const uint32_t batch_count = sizeof batches / sizeof *batches;

void
case_init(check_case *c, const batch *b, uint64_t seed)
{
    memset(c, 0, sizeof *c);
    eg_error_init(&c->err);
    c->seed = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    c->tolerance = 2e-5;
    uint32_t longest = 0;
    for (uint32_t i = 0; i < b->B; i++)
        longest = b->lengths[i] > longest ? b->lengths[i] : longest;
    for (uint32_t i = 0; i < b->B; i++) {
        uint32_t n = b->lengths[i], rows = b->padded ? longest : n;
        c->rows[i] = (eg_row){(uint32_t)c->set.T, rows, n, b->skip < n ? b->skip : 0};
        c->set.T += rows;
        c->set.P += (uint64_t)rows * rows;
    }
    c->set.max_n = longest;
    c->set.table = c->rows;
    c->dims = (eg_dims){.size = sizeof c->dims, .B = b->B, .set_count = 1, .sets = &c->set};
    c->failed = eg_graph_init(&c->graph, "case", &c->err);
}

void
case_finish(check_case *c)
{
    eg_graph_finish(&c->graph);
    eg_arena_finish(&c->data);
}

static uint64_t
next_random(check_case *c)
{
    uint64_t z = c->seed += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

double
case_number(check_case *c)
{
    return (double)(next_random(c) >> 11) * 0x1p-52 - 1.0;
}

uint32_t
case_below(check_case *c, uint32_t n)
{
    return (uint32_t)(next_random(c) % n);
}

static float *
random_floats(check_case *c, uint64_t count)
{
    float *data = eg_arena_alloc(&c->data, count * sizeof *data);
    if (!data) {
        c->failed = eg_fail_nomem(&c->err, "test data");
        return NULL;
    }
    for (uint64_t i = 0; i < count; i++)
        data[i] = (float)case_number(c);
    return data;
}

static eg_value_id
add_input(check_case *c, const char *name, const eg_type *type, void *data)
{
    eg_value_id id = 0;
    if (c->failed || !data)
        return 0;
    if (c->graph.inputs.count == CASE_INPUTS) {
        c->failed = eg_fail(&c->err, EG_E_INTERNAL, "a case has too many inputs");
        return 0;
    }
    c->inputs[c->graph.inputs.count] = data;
    c->failed = eg_graph_add_input(&c->graph, name, type, &id, &c->err);
    return id;
}

eg_value_id
case_input(check_case *c, const char *name, eg_type type)
{
    uint64_t count;
    if (c->failed)
        return 0;
    if (!eg_type_elements(&type, &c->dims, &count)) {
        c->failed = eg_fail(&c->err, EG_E_INTERNAL, "a case is too large");
        return 0;
    }
    return add_input(c, name, &type, random_floats(c, count));
}

eg_value_id
case_ids(check_case *c, const char *name, int32_t limit)
{
    if (c->failed)
        return 0;
    eg_type type = eg_type_token(EG_I32, 0, 0);
    int32_t *data = eg_arena_alloc(&c->data, c->set.T * sizeof *data);
    for (uint64_t i = 0; data && i < c->set.T; i++)
        data[i] = (int32_t)case_below(c, (uint32_t)limit);
    return add_input(c, name, &type, data);
}

static eg_value_id
add_const(check_case *c, const char *name, int64_t rows, int64_t width, uint32_t tensors)
{
    if (c->failed)
        return 0;
    eg_value_id id = eg_graph_find(&c->graph, name);
    if (id != 0)
        return id;
    eg_type type = eg_type_table(EG_F32, rows, width);
    uint64_t seed = c->seed; /* the data go by the name, so that a graph has the same weights whatever the batch is */
    c->seed = 0;
    for (const char *at = name; *at; at++)
        c->seed = c->seed * 131 + (unsigned char)*at;
    eg_host_view views[CASE_TENSORS];
    int64_t first = 0;
    for (uint32_t i = 0; i < tensors && !c->failed; i++) {
        int64_t count = rows / tensors + (i < rows % tensors);
        float *data = random_floats(c, (uint64_t)count * (uint64_t)(width ? width : 1));
        views[i] = (eg_host_view){
            .size = sizeof *views, .dtype = EG_F32, .data = data, .dims = {count, width}, .strides = {width, 1}};
        views[i].at[0] = first;
        if (!width)
            views[i].strides[0] = 1, views[i].strides[1] = 0;
        first += count;
    }
    c->seed = seed;
    if (!c->failed)
        c->failed = eg_graph_add_const(&c->graph, name, &type, views, tensors, &id, &c->err);
    return id;
}

eg_value_id
case_const(check_case *c, const char *name, int64_t rows, int64_t width)
{
    return add_const(c, name, rows, width, 1);
}

eg_value_id
case_stack(check_case *c, const char *name, int64_t rows, int64_t width, uint32_t tensors)
{
    return add_const(c, name, rows, width, tensors < CASE_TENSORS ? tensors : CASE_TENSORS);
}

eg_value_id
case_node(check_case *c, const char *op, const eg_value_id *inputs, uint32_t input_count, const eg_attr *attrs,
          uint32_t attr_count)
{
    eg_value_id id = 0;
    if (c->failed)
        return 0;
    const eg_op *found = eg_op_find(op);
    if (!found)
        c->failed = eg_fail(&c->err, EG_E_INTERNAL, "there is no op %s", op);
    else
        c->failed = eg_graph_add_node(&c->graph, found, NULL, "", inputs, input_count, attrs, attr_count, &id, &c->err);
    return id;
}

void
case_output(check_case *c, eg_value_id value)
{
    if (!c->failed)
        c->failed = eg_graph_add_output(&c->graph, value, &c->err);
}
