/* SPDX-License-Identifier: Apache-2.0 */
/* add, sub, mul, div: element by element, the narrower kind repeated over the wider. */
#include "graph/ops/op.h"

/* token holds text holds table: the wider of two kinds of rows. */
static int
kind_rank(eg_kind kind)
{
    return kind == EG_TOKEN ? 2 : kind == EG_TEXT ? 1 : 0;
}

/* Rows as [rows, width…]: a table of rank 1 is one row. */
typedef struct row_shape {
    eg_dim rows;
    uint32_t width_rank;
    const eg_dim *width;
    int64_t width_product;
} row_shape;

static bool
row_shape_of(const eg_type *type, row_shape *out)
{
    if (type->kind == EG_TABLE && type->rank == 1) {
        *out = (row_shape){eg_dim_const(1), 1, type->dims, type->dims[0].k};
        return true;
    }
    *out = (row_shape){type->dims[0], type->rank - 1, type->dims + 1, 1};
    return eg_type_width(type, &out->width_product);
}

static bool
same_width(const row_shape *a, const row_shape *b)
{
    if (a->width_rank != b->width_rank)
        return false;
    for (uint32_t i = 0; i < a->width_rank; i++) {
        if (a->width[i].k != b->width[i].k)
            return false;
    }
    return true;
}

/* Which of the two widths the result has; NULL if they do not go together. */
static const row_shape *
joint_width(const row_shape *a, const row_shape *b)
{
    if (same_width(a, b))
        return a;
    if (a->width_product == 1 && b->width_product == 1)
        return a->width_rank > b->width_rank ? a : b;
    if (a->width_product == 1)
        return b;
    return b->width_product == 1 ? a : NULL;
}

static bool
is_one(const eg_dim *dim)
{
    return dim->sym == EG_SYM_NONE && dim->k == 1;
}

/* Whether a's rows are repeated over b's, or are as many. */
static bool
rows_fit(const eg_type *a_type, const row_shape *a, const eg_type *b_type, const row_shape *b)
{
    if (a_type->kind == b_type->kind)
        return eg_dim_equal(&a->rows, &b->rows) || (a_type->kind == EG_TABLE && is_one(&a->rows));
    return a_type->kind == EG_TEXT || is_one(&a->rows);
}

/* One of two values that meet: its type, and the input that messages name for it. */
typedef struct side {
    const eg_type *type;
    uint32_t input;
} side;

static const char *
name_of(const eg_graph *graph, const eg_node *node, const side *s)
{
    return eg_graph_value(graph, node->inputs[s->input])->name;
}

static eg_status
infer_rows(const eg_graph *graph, const eg_node *node, side a, side b, eg_type *out, eg_error *err)
{
    row_shape a_shape, b_shape;
    if (!row_shape_of(a.type, &a_shape) || !row_shape_of(b.type, &b_shape))
        return eg_op_fail(graph, node, a.input, err, "needs a width that can be counted");
    bool b_wider = kind_rank(b.type->kind) > kind_rank(a.type->kind) ||
                   (a.type->kind == EG_TABLE && b.type->kind == EG_TABLE &&
                    (b.type->rank > a.type->rank || (b.type->rank == a.type->rank && is_one(&a_shape.rows))));
    const side *wide = b_wider ? &b : &a, *narrow = b_wider ? &a : &b;
    const row_shape *wide_shape = b_wider ? &b_shape : &a_shape, *narrow_shape = b_wider ? &a_shape : &b_shape;
    if (!rows_fit(narrow->type, narrow_shape, wide->type, wide_shape))
        return eg_op_fail(graph, node, narrow->input, err, "needs as many rows as '%s' has, or one",
                          name_of(graph, node, wide));
    const row_shape *width = joint_width(wide_shape, narrow_shape);
    if (!width) {
        char other[EG_TYPE_TEXT_MAX];
        eg_type_format(a.type, other, sizeof other);
        return eg_op_fail(graph, node, b.input, err, "needs equal widths, or one of 1, beside %s (%s)", other,
                          name_of(graph, node, &a));
    }
    *out = *wide->type;
    uint32_t row_axes = wide->type->kind == EG_TABLE && wide->type->rank == 1 ? 0 : 1;
    memcpy(&out->dims[row_axes], width->width, width->width_rank * sizeof *width->width);
    out->rank = row_axes + width->width_rank;
    for (uint32_t i = out->rank; i < EG_MAX_RANK; i++)
        out->dims[i] = (eg_dim){0};
    return EG_OK;
}

static eg_status
infer_pairs(const eg_graph *graph, const eg_node *node, side a, side b, eg_type *out, eg_error *err)
{
    EG_TRY(eg_need_kind(graph, node, a.input, EG_IS_PAIR, "a pair value beside a pair value", err));
    EG_TRY(eg_need_kind(graph, node, b.input, EG_IS_PAIR, "a pair value beside a pair value", err));
    if (a.type->set != b.type->set || !eg_dim_equal(&a.type->dims[1], &b.type->dims[1]))
        return eg_op_fail(graph, node, b.input, err, "needs the same pairs as of '%s'", name_of(graph, node, &a));
    if (a.type->dims[0].k != b.type->dims[0].k && a.type->dims[0].k != 1 && b.type->dims[0].k != 1)
        return eg_op_fail(graph, node, b.input, err, "needs as many heads as '%s' has, or one",
                          name_of(graph, node, &a));
    *out = a.type->dims[0].k >= b.type->dims[0].k ? *a.type : *b.type;
    return EG_OK;
}

eg_status
eg_infer_joined(const eg_graph *graph, const eg_node *node, uint32_t i, const eg_type *type, uint32_t j, eg_type *out,
                eg_error *err)
{
    side a = {type, i}, b = {eg_input_type(graph, node, j), j};
    if (b.type->dtype != a.type->dtype)
        return eg_op_fail(graph, node, j, err, "needs one element type, %s as of '%s'", eg_dtype_text(a.type->dtype),
                          name_of(graph, node, &a));
    if (a.type->kind == EG_PAIR || b.type->kind == EG_PAIR)
        return infer_pairs(graph, node, a, b, out, err);
    if (a.type->kind == EG_TOKEN && b.type->kind == EG_TOKEN && a.type->set != b.type->set)
        return eg_op_fail(graph, node, j, err, "needs both inputs of one row set");
    return infer_rows(graph, node, a, b, out, err);
}

static eg_status
infer(const eg_graph *graph, const eg_node *node, eg_type *out, eg_error *err)
{
    return eg_infer_joined(graph, node, 0, eg_input_type(graph, node, 0), 1, out, err);
}

static uint64_t
flops(const eg_graph *graph, const eg_node *node, const eg_dims *dims)
{
    return eg_count_elements(graph, node->outputs[0], dims);
}

#define ARITHMETIC(op, op_flags)                                                                                       \
    const eg_op eg_op_##op = {.name = #op,                                                                             \
                              .min_inputs = 2,                                                                         \
                              .max_inputs = 2,                                                                         \
                              .output_count = 1,                                                                       \
                              .flags = op_flags,                                                                       \
                              .infer = infer,                                                                          \
                              .flops = flops};
ARITHMETIC(add, EG_OP_COMMUTES | EG_OP_ROW_LOCAL)
ARITHMETIC(sub, EG_OP_ROW_LOCAL)
ARITHMETIC(mul, EG_OP_COMMUTES | EG_OP_ROW_LOCAL)
ARITHMETIC(div, EG_OP_ROW_LOCAL)
