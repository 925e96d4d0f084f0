/* SPDX-License-Identifier: Apache-2.0 */
/* matmul, y = x · wᵀ: by OpenBLAS, or by the kernel of backends/common where there are fewer rows. */
#include <limits.h>

#include "cpu.h"

/* Columns of a part are a multiple of this, so that no two threads write to one cache line. */
#define COLUMN_STEP 64
/* Columns below which rows are shared out instead: each part turns its rows of x anew. */
#define LEAST_COLUMNS 192
/* Rows of a part are a multiple of this: what the widest panel of eight lanes holds. */
#define ROW_STEP 24
/* Rows of a part, where there are enough of them for several parts a thread: one that is late holds up the others less. */
#define EASY_ROWS 96
#define PARTS_PER_THREAD 4
/* Nanoseconds of a multiplication and an addition, for this many rows at least: the weight must be read for one too. */
#define COST 0.025
#define COST_ROWS 8

static bool
accept_matmul(eg_host_reader *reader)
{
    eg_value_info x, w, out;
    const eg_cpu_library *library = eg_cpu_device_of(reader->device)->library;
    if (!eg_host_count(reader, 2, 2) || !eg_host_input(reader, 0, &x) || !eg_host_input(reader, 1, &w) ||
        !eg_host_output(reader, &out))
        return false;
    if (x.dtype != EG_F32 || w.dtype != EG_F32 || out.dtype != EG_F32 || w.kind != EG_TABLE || w.rank != 2 ||
        x.kind == EG_PAIR || out.kind != x.kind)
        return eg_host_refuse(reader, "wants f32 rows and an f32 table of rank 2");
    if (eg_host_width(&x) != w.dims[1].k || eg_host_width(&out) != w.dims[0].k)
        return eg_host_refuse(reader, "sizes that do not fit");
    if (library->own_rows == INT64_MAX)
        return true;
    if (w.dims[0].k > INT_MAX || x.row_stride > INT_MAX || w.row_stride > INT_MAX || out.row_stride > INT_MAX)
        return eg_host_refuse(reader, "larger than OpenBLAS's 32-bit sizes");
    reader->scratch.matmul_row =
        eg_cpu_device_of(reader->device)->row_unit > 1 ? (uint64_t)(w.dims[0].k + w.dims[1].k) : 0;
    return true;
}

/* --- by the kernel --------------------------------------------------------------------------------------------- */

/* A grid of tiles, `down` by as many as the columns need. */
typedef struct matmul_work {
    const eg_kernels *kernels;
    eg_host_matrix x, w, y;
    int64_t tile_rows, tile_columns, down;
} matmul_work;

static int64_t
least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t
parts_of(int64_t n, int64_t part)
{
    return (n + part - 1) / part;
}

/* The part that makes n into `parts`, as a multiple of `step`. */
static int64_t
part_of(int64_t n, int64_t parts, int64_t step)
{
    return parts_of(parts_of(n, parts), step) * step;
}

static void
compute_block(const matmul_work *work, int64_t row, int64_t rows, int64_t column, int64_t columns)
{
    const eg_host_matrix *x = &work->x, *w = &work->w, *y = &work->y;
    work->kernels->matmul(x->f32 + row * x->stride, x->stride, w->f32 + column * w->stride, w->stride,
                          y->f32 + row * y->stride + column, y->stride, least(rows, x->rows - row),
                          least(columns, w->rows - column), x->width);
}

/* Tiles [begin, end), those of one column range together; where rows are not cut, all of them are one. */
static void
compute_tiles(void *arg, int64_t begin, int64_t end, uint32_t worker)
{
    (void)worker;
    const matmul_work *work = arg;
    if (work->down == 1)
        compute_block(work, 0, work->x.rows, begin * work->tile_columns, (end - begin) * work->tile_columns);
    for (int64_t i = begin; i < end && work->down > 1; i++)
        compute_block(work, i % work->down * work->tile_rows, work->tile_rows, i / work->down * work->tile_columns,
                      work->tile_columns);
}

/*
 * Columns are shared among the threads, so that each reads its own part of the weight. Where that leaves threads
 * without, rows are cut too; where there are too few of them, the columns of a part become fewer. No cut changes a bit.
 */
static void
run_own(const eg_host_call *call)
{
    matmul_work work = {.kernels = eg_cpu_kernels(call->device),
                        .x = eg_host_matrix_in(call, 0),
                        .w = eg_host_matrix_in(call, 1),
                        .y = eg_host_matrix_out(call)};
    int64_t rows = work.x.rows, columns = work.w.rows, threads = call->run->threads;
    work.tile_columns = LEAST_COLUMNS;
    int64_t across = parts_of(columns, work.tile_columns);
    int64_t down = least(parts_of(threads, across), parts_of(rows, ROW_STEP));
    int64_t easy = threads > 1 ? least(parts_of(PARTS_PER_THREAD * threads, across), rows / EASY_ROWS) : 1;
    down = easy > down ? easy : down;
    if (across * down < threads)
        work.tile_columns = part_of(columns, parts_of(threads, down), COLUMN_STEP);
    work.tile_rows = part_of(rows, down, ROW_STEP);
    work.down = parts_of(rows, work.tile_rows);
    int64_t busy = rows < COST_ROWS ? COST_ROWS : least(rows, work.tile_rows);
    double cost = COST * (double)busy * (double)work.x.width * (double)work.tile_columns;
    eg_cpu_split(call, work.down * parts_of(columns, work.tile_columns), 1, cost, compute_tiles, &work);
}

static eg_status
run_matmul(const eg_host_call *call)
{
    const eg_cpu_library *library = eg_cpu_device_of(call->device)->library;
    int64_t rows = eg_host_matrix_out(call).rows;
    if (rows >= library->own_rows)
        return rows == 0 ? EG_OK : eg_cpu_matmul_blas(call, &library->blas);
    run_own(call);
    return EG_OK;
}

static const eg_host_op matmul = {"matmul", 0, accept_matmul, run_matmul};
const eg_host_op *const eg_cpu_own_ops[] = {&matmul, NULL};
