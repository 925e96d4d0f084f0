/* SPDX-License-Identifier: Apache-2.0 */
/* matmul by OpenBLAS: y = x · wᵀ. */
#include <limits.h>

#include "blas.h"
#include "cpu.h"

/* Columns of a tile are a multiple of this, so that no two threads write to one cache line. */
#define TILE_STEP 32

typedef struct matmul_work {
    const eg_blas *blas;
    eg_cpu_matrix x, w, y;
} matmul_work;

static bool
accept_matmul(eg_cpu_reader *reader)
{
    eg_value_info x, w, out;
    if (!eg_cpu_count(reader, 2, 2) || !eg_cpu_input(reader, 0, &x) || !eg_cpu_input(reader, 1, &w) ||
        !eg_cpu_output(reader, &out))
        return false;
    if (x.dtype != EG_F32 || w.dtype != EG_F32 || out.dtype != EG_F32 || w.kind != EG_TABLE || w.rank != 2 ||
        x.kind == EG_PAIR || out.kind != x.kind)
        return eg_cpu_refuse(reader, "wants f32 rows and an f32 table of rank 2");
    if (eg_cpu_width(&x) != w.dims[1].k || eg_cpu_width(&out) != w.dims[0].k)
        return eg_cpu_refuse(reader, "sizes that do not fit");
    if (w.dims[0].k > INT_MAX || x.row_stride > INT_MAX || w.row_stride > INT_MAX || out.row_stride > INT_MAX)
        return eg_cpu_refuse(reader, "larger than OpenBLAS's 32-bit sizes");
    return true;
}

/* Columns [begin, end) of y. */
static void
product_part(void *arg, int64_t begin, int64_t end, uint32_t worker)
{
    (void)worker;
    const matmul_work *work = arg;
    const eg_cpu_matrix *x = &work->x, *w = &work->w, *y = &work->y;
    eg_blas_product(work->blas, x->f32, (int)x->stride, w->f32 + begin * w->stride, (int)w->stride, y->f32 + begin,
                    (int)y->stride, (int)x->rows, (int)(end - begin), (int)x->width);
}

static eg_status
run_matmul(const eg_cpu_call *call)
{
    matmul_work work = {call->device->library, eg_cpu_matrix_in(call, 0), eg_cpu_matrix_in(call, 1),
                        eg_cpu_matrix_out(call)};
    if (work.x.rows == 0)
        return EG_OK;
    if (work.x.rows > INT_MAX)
        return eg_cpu_fail(call->err, EG_E_UNSUPPORTED, "%s: more rows than OpenBLAS can take", call->node->name);
    eg_cpu_split(call, work.w.rows, TILE_STEP, 0.03 * (double)work.x.rows * (double)work.x.width, product_part, &work);
    return EG_OK;
}

static const eg_cpu_op matmul = {"matmul", 0, accept_matmul, run_matmul};
const eg_cpu_op *const eg_cpu_own_ops[] = {&matmul, NULL};
