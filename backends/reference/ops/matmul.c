/* SPDX-License-Identifier: Apache-2.0 */
/* matmul, and the block that scores uses too. */
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

void
eg_ref_matmul_block(const float *x, int64_t ldx, const float *w, int64_t ldw, float *y, int64_t ldy, int64_t m,
                    int64_t n, int64_t k, double factor, double *panel)
{
    for (int64_t first = 0; first < n; first += COLUMNS) {
        int64_t columns = n - first < COLUMNS ? n - first : COLUMNS;
        fill_panel(panel, w + first * ldw, ldw, columns, k);
        for (int64_t r = 0; r < m; r++) {
            double sums[COLUMNS];
            sum_row(x + r * ldx, panel, k, sums);
            for (int64_t c = 0; c < columns; c++)
                y[r * ldy + first + c] = (float)(sums[c] * factor);
        }
    }
}

static bool
accept_matmul(eg_host_reader *reader)
{
    eg_value_info x, w, out;
    if (!eg_host_count(reader, 2, 2) || !eg_host_input(reader, 0, &x) || !eg_host_input(reader, 1, &w) ||
        !eg_host_output(reader, &out))
        return false;
    if (x.dtype != EG_F32 || w.dtype != EG_F32 || out.dtype != EG_F32 || w.kind != EG_TABLE || w.rank != 2 ||
        x.kind == EG_PAIR || out.kind != x.kind)
        return eg_host_refuse(reader, "wants f32 rows and an f32 table of rank 2");
    if (eg_host_width(&x) != w.dims[1].k || eg_host_width(&out) != w.dims[0].k)
        return eg_host_refuse(reader, "sizes that do not fit");
    reader->scratch.bytes = eg_ref_panel_bytes(w.dims[1].k);
    return true;
}

static eg_status
run_matmul(const eg_host_call *call)
{
    eg_host_matrix x = eg_host_matrix_in(call, 0), w = eg_host_matrix_in(call, 1), y = eg_host_matrix_out(call);
    eg_ref_matmul_block(x.f32, x.stride, w.f32, w.stride, y.f32, y.stride, x.rows, w.rows, x.width, 1.0, call->scratch);
    return EG_OK;
}

const eg_host_op eg_ref_op_matmul = {"matmul", 0, accept_matmul, run_matmul};
