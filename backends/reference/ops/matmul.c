/* SPDX-License-Identifier: Apache-2.0 */
/* matmul, grouped_matmul, linear, glu_linear, and the block that scores uses too. */
#include "../reference.h"

/* Rows of w that are summed side by side, so that the compiler can use vectors without reordering any sum. */
#define COLUMNS 8

uint64_t
eg_ref_panel_bytes(int64_t k)
{
    return (uint64_t)k * COLUMNS * sizeof(double);
}

/* panel[k][column]: COLUMNS rows of w turned, in double; rows beyond n are zero. */
static void
fill_panel(double *restrict panel, const float *w, int64_t ldw, int64_t n, int64_t k)
{
    for (int64_t c = 0; c < COLUMNS; c++)
        for (int64_t i = 0; i < k; i++)
            panel[i * COLUMNS + c] = c < n ? (double)w[c * ldw + i] : 0.0;
}

static void
sum_row(const float *restrict x, const double *restrict panel, int64_t k, double *restrict sums)
{
    double acc[COLUMNS] = {0};
    for (int64_t i = 0; i < k; i++)
        for (int c = 0; c < COLUMNS; c++)
            acc[c] += (double)x[i] * panel[i * COLUMNS + c];
    for (int c = 0; c < COLUMNS; c++)
        sums[c] = acc[c];
}

/* What becomes of a sum before it is stored; the vectors begin at the block's first column, the rows at its first row. */
typedef struct finish {
    const float *bias; /* NULL: none */
    eg_host_activation activation;
    const float *plus,
        *times; /* rows `stride` apart; NULL: none. May be the result itself: read before it is written */
    int64_t stride;
} finish;

static float
finished(const finish *f, float y, int64_t row, int64_t column)
{
    if (f->bias != NULL)
        y += f->bias[column];
    if (f->activation != EG_HOST_NO_ACTIVATION)
        y = (float)eg_ref_activation(f->activation, y);
    if (f->plus != NULL)
        y += f->plus[row * f->stride + column];
    if (f->times != NULL)
        y *= f->times[row * f->stride + column];
    return y;
}

static void
multiply(const float *x, int64_t ldx, const float *w, int64_t ldw, float *y, int64_t ldy, int64_t m, int64_t n,
         int64_t k, double factor, double *panel, const finish *f)
{
    for (int64_t first = 0; first < n; first += COLUMNS) {
        int64_t columns = n - first < COLUMNS ? n - first : COLUMNS;
        fill_panel(panel, w + first * ldw, ldw, columns, k);
        for (int64_t r = 0; r < m; r++) {
            double sums[COLUMNS];
            sum_row(x + r * ldx, panel, k, sums);
            for (int64_t c = 0; c < columns; c++)
                y[r * ldy + first + c] = finished(f, (float)(sums[c] * factor), r, first + c);
        }
    }
}

void
eg_ref_matmul_block(const float *x, int64_t ldx, const float *w, int64_t ldw, float *y, int64_t ldy, int64_t m,
                    int64_t n, int64_t k, double factor, double *panel)
{
    multiply(x, ldx, w, ldw, y, ldy, m, n, k, factor, panel, &(finish){0});
}

/* Input 0 times input `w`, which may lie in parts. */
static void
run_product(const eg_host_call *call, uint32_t w, const finish *f)
{
    eg_host_matrix x = eg_host_matrix_in(call, 0), y = eg_host_matrix_out(call);
    for (uint32_t p = 0; p < eg_host_weight_parts(call, w); p++) {
        eg_host_part part = eg_host_weight_part(call, w, p);
        finish here = *f;
        here.bias = f->bias != NULL ? f->bias + part.first : NULL;
        here.plus = f->plus != NULL ? f->plus + part.first : NULL;
        here.times = f->times != NULL ? f->times + part.first : NULL;
        multiply(x.f32, x.stride, part.data, part.stride, y.f32 + part.first, y.stride, x.rows, part.rows, x.width, 1.0,
                 call->scratch, &here);
    }
}

/* Room for the panel of a product with input 1. */
static bool
want_panel(eg_host_reader *reader)
{
    eg_value_info w;
    if (!eg_host_input(reader, 1, &w))
        return false;
    reader->scratch.bytes = eg_ref_panel_bytes(w.dims[1].k);
    return true;
}

static bool
accept_matmul(eg_host_reader *reader)
{
    return eg_host_accept_matmul(reader) && want_panel(reader);
}

static eg_status
run_matmul(const eg_host_call *call)
{
    run_product(call, 1, &(finish){0});
    return EG_OK;
}

const eg_host_op eg_ref_op_matmul = {"matmul", 0, accept_matmul, run_matmul};

/* Group by group, a product of its own. */
static eg_status
run_grouped_matmul(const eg_host_call *call)
{
    int64_t groups = call->node->attrs.groups;
    eg_host_matrix x = eg_host_matrix_in(call, 0), w = eg_host_matrix_in(call, 1), y = eg_host_matrix_out(call);
    int64_t columns = y.width / groups;
    for (int64_t g = 0; g < groups; g++)
        eg_ref_matmul_block(x.f32 + g * w.width, x.stride, w.f32 + g * columns * w.stride, w.stride,
                            y.f32 + g * columns, y.stride, y.rows, columns, w.width, 1.0, call->scratch);
    return EG_OK;
}

static bool
accept_grouped_matmul(eg_host_reader *reader)
{
    return eg_host_accept_grouped_matmul(reader) && want_panel(reader);
}

const eg_host_op eg_ref_op_grouped_matmul = {"grouped_matmul", 0, accept_grouped_matmul, run_grouped_matmul};

/* --- fused --------------------------------------------------------------------------------------- */

static bool
accept_linear(eg_host_reader *reader)
{
    if (!eg_host_accept_linear(reader))
        return false;
    if (reader->attrs.has_residual)
        reader->inplace_mask = 1u << (reader->input_count - 1);
    return want_panel(reader);
}

static eg_status
run_linear(const eg_host_call *call)
{
    const eg_host_attrs *attrs = &call->node->attrs;
    finish f = {.activation = attrs->activation};
    if (attrs->has_bias)
        f.bias = eg_host_vector_in(call, 2);
    if (attrs->has_residual) {
        eg_host_matrix r = eg_host_matrix_in(call, call->node->input_count - 1);
        f.plus = r.f32;
        f.stride = r.stride;
    }
    run_product(call, 1, &f);
    return EG_OK;
}

const eg_host_op eg_ref_op_linear = {"linear", 0, accept_linear, run_linear};

static bool
accept_glu_linear(eg_host_reader *reader)
{
    return eg_host_accept_glu_linear(reader) && want_panel(reader);
}

/* The gate is computed where the result will lie, which the other product is then multiplied with. */
static eg_status
run_glu_linear(const eg_host_call *call)
{
    const eg_host_attrs *attrs = &call->node->attrs;
    eg_host_matrix y = eg_host_matrix_out(call);
    const float *b = attrs->has_bias ? eg_host_vector_in(call, 3) : NULL;
    const float *c = attrs->has_bias ? eg_host_vector_in(call, 4) : NULL;
    run_product(call, 1, &(finish){.bias = b, .activation = attrs->activation});
    run_product(call, 2, &(finish){.bias = c, .times = y.f32, .stride = y.stride});
    return EG_OK;
}

const eg_host_op eg_ref_op_glu_linear = {"glu_linear", 0, accept_glu_linear, run_glu_linear};
