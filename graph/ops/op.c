/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/ops/op.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

static const eg_op *const ops[] = {
#define EG_OP(name) &eg_op_##name,
#include "graph/ops/ops.def"
#undef EG_OP
};
enum { OP_COUNT = sizeof ops / sizeof *ops };

const eg_op *const *
eg_op_all(size_t *out_count)
{
    *out_count = OP_COUNT;
    return ops;
}

const eg_op *
eg_op_find(const char *name)
{
    for (size_t i = 0; i < OP_COUNT; i++) {
        if (strcmp(ops[i]->name, name) == 0)
            return ops[i];
    }
    return NULL;
}

/* --- messages ------------------------------------------------------------------------------------ */

eg_status
eg_op_fail(const eg_graph *graph, const eg_node *node, uint32_t i, eg_error *err, const char *what, ...)
{
    const eg_value *value = eg_graph_value(graph, node->inputs[i]);
    char need[256], type[EG_TYPE_TEXT_MAX];
    va_list args;
    va_start(args, what);
    vsnprintf(need, sizeof need, what, args);
    va_end(args);
    eg_type_format(&value->type, type, sizeof type);
    return eg_fail(err, EG_E_INPUT, "%s %s, got %s (%s)", node->op->name, need, type, value->name);
}

eg_status
eg_need_kind(const eg_graph *graph, const eg_node *node, uint32_t i, int kinds, const char *what, eg_error *err)
{
    const eg_value *value = eg_graph_value(graph, node->inputs[i]);
    if (kinds & 1 << value->type.kind)
        return EG_OK;
    return eg_fail(err, EG_E_INPUT, "%s needs %s, got %s (%s)", node->op->name, what, eg_kind_text(value->type.kind),
                   value->name);
}

eg_status
eg_need_float(const eg_graph *graph, const eg_node *node, uint32_t i, eg_error *err)
{
    if (eg_dtype_is_float(eg_input_type(graph, node, i)->dtype))
        return EG_OK;
    return eg_op_fail(graph, node, i, err, "needs numbers with a fraction");
}

eg_status
eg_need_ids(const eg_graph *graph, const eg_node *node, uint32_t i, eg_error *err)
{
    EG_TRY(eg_need_kind(graph, node, i, EG_IS_TOKEN, "token rows", err));
    const eg_type *type = eg_input_type(graph, node, i);
    if (type->dtype == EG_I32 && type->rank == 1)
        return EG_OK;
    return eg_op_fail(graph, node, i, err, "needs one i32 id per token");
}

eg_status
eg_need_matrix(const eg_graph *graph, const eg_node *node, uint32_t i, int kinds, const char *what, eg_error *err)
{
    EG_TRY(eg_need_kind(graph, node, i, kinds, what, err));
    EG_TRY(eg_need_float(graph, node, i, err));
    if (eg_input_type(graph, node, i)->rank == 2)
        return EG_OK;
    return eg_op_fail(graph, node, i, err, "needs rows with one width, [rows, d]");
}

eg_status
eg_need_vector(const eg_graph *graph, const eg_node *node, uint32_t i, int64_t length, const char *what, eg_error *err)
{
    const eg_type *type = eg_input_type(graph, node, i);
    EG_TRY(eg_need_kind(graph, node, i, EG_IS_TABLE, "a table", err));
    EG_TRY(eg_need_float(graph, node, i, err));
    if (type->rank == 1 && type->dims[0].k == length)
        return EG_OK;
    return eg_op_fail(graph, node, i, err, "needs a %s of %" PRId64 " numbers", what, length);
}

eg_status
eg_need_same_dtype(const eg_graph *graph, const eg_node *node, uint32_t i, eg_error *err)
{
    eg_dtype first = eg_input_type(graph, node, 0)->dtype;
    if (eg_input_type(graph, node, i)->dtype == first)
        return EG_OK;
    return eg_op_fail(graph, node, i, err, "needs one element type, %s as of '%s'", eg_dtype_text(first),
                      eg_graph_value(graph, node->inputs[0])->name);
}

eg_status
eg_need_int(const eg_node *node, const char *name, int64_t min, int64_t max, eg_error *err)
{
    const eg_attr *attr = eg_node_attr(node, name);
    if (!attr || (attr->integer >= min && attr->integer <= max))
        return EG_OK;
    if (max == INT64_MAX)
        return eg_fail(err, EG_E_INPUT, "%s: %s is %" PRId64 ", but must be at least %" PRId64, node->op->name, name,
                       attr->integer, min);
    return eg_fail(err, EG_E_INPUT, "%s: %s is %" PRId64 ", but must be from %" PRId64 " to %" PRId64, node->op->name,
                   name, attr->integer, min, max);
}

/* --- neutral attributes -------------------------------------------------------------------------- */

bool
eg_neutral_zero(const eg_graph *graph, const eg_node *node, const eg_attr *attr)
{
    (void)graph, (void)node;
    return attr->integer == 0;
}

bool
eg_neutral_one(const eg_graph *graph, const eg_node *node, const eg_attr *attr)
{
    (void)graph, (void)node;
    return attr->real == 1.0;
}

bool
eg_neutral_last_axis(const eg_graph *graph, const eg_node *node, const eg_attr *attr)
{
    return attr->integer == (int64_t)eg_input_type(graph, node, 0)->rank - 1;
}

bool
eg_neutral_key_heads(const eg_graph *graph, const eg_node *node, const eg_attr *attr)
{
    (void)graph;
    return attr->integer == eg_node_int(node, "heads", 0);
}

/* --- work ---------------------------------------------------------------------------------------- */

uint64_t
eg_saturating_mul(uint64_t a, uint64_t b)
{
    uint64_t product;
    return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

uint64_t
eg_count_elements(const eg_graph *graph, eg_value_id value, const eg_dims *dims)
{
    uint64_t count;
    return eg_type_elements(&eg_graph_value(graph, value)->type, dims, &count) ? count : UINT64_MAX;
}

uint64_t
eg_elementwise_flops(const eg_graph *graph, const eg_node *node, const eg_dims *dims, uint64_t per_element)
{
    return eg_saturating_mul(eg_count_elements(graph, node->inputs[0], dims), per_element);
}

eg_status
eg_infer_same_float(const eg_graph *graph, const eg_node *node, eg_type *out, eg_error *err)
{
    EG_TRY(eg_need_float(graph, node, 0, err));
    *out = *eg_input_type(graph, node, 0);
    return EG_OK;
}
