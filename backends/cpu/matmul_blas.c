/* SPDX-License-Identifier: Apache-2.0 */
/* matmul by OpenBLAS: tiles, and rows padded to whole units. */
#include <limits.h>
#include <string.h>

#include "cpu.h"

/* Columns of a tile are a multiple of this, so that no two threads write to one cache line. */
#define TILE_STEP 32
/* Columns of the widest tile. */
#define TILE_COLUMNS 768
/* Rows below which a tile is not cut again: each part packs the weights anew. */
#define TILE_ROWS 96

/* Rows [first, first + rows) of the product. Where they are padded to whole units, x and y are copies in scratch. */
typedef struct blas_work {
    const eg_blas *blas;
    eg_host_matrix x, w, y;
    eg_host_matrix copied; /* where the result goes from y; rows 0: it is in place already */
    int64_t tile_columns, tile_rows;
} blas_work;

static int64_t
round_up(int64_t n, int64_t unit)
{
    return (n + unit - 1) / unit * unit;
}

static int64_t
least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void
compute_tile(const blas_work *work, int64_t row, int64_t column)
{
    const eg_host_matrix *x = &work->x, *w = &work->w, *y = &work->y, *to = &work->copied;
    int64_t rows = least(x->rows - row, work->tile_rows), columns = least(w->rows - column, work->tile_columns);
    eg_blas_product(work->blas, x->f32 + row * x->stride, (int)x->stride, w->f32 + column * w->stride, (int)w->stride,
                    y->f32 + row * y->stride + column, (int)y->stride, (int)rows, (int)columns, (int)x->width);
    for (int64_t r = row; r < least(row + rows, to->rows); r++)
        memcpy(to->f32 + r * to->stride + column, y->f32 + r * y->stride + column, (size_t)columns * 4);
}

/* Tiles [begin, end), those of one column range together. */
static void
compute_tiles(void *arg, int64_t begin, int64_t end, uint32_t worker)
{
    (void)worker;
    const blas_work *work = arg;
    int64_t down = (work->x.rows + work->tile_rows - 1) / work->tile_rows;
    for (int64_t i = begin; i < end; i++)
        compute_tile(work, i % down * work->tile_rows, i / down * work->tile_columns);
}

/*
 * Tiles over the run's threads. Their columns depend on the weight alone, since OpenBLAS sums the last columns of a
 * product in another order; their rows are whole units. So neither the number of rows nor of threads changes a bit.
 */
static void
compute(const eg_host_call *call, blas_work *work)
{
    int64_t rows = work->x.rows, columns = work->w.rows, unit = eg_cpu_device_of(call->device)->row_unit;
    int64_t across = 2 * ((columns + 2 * TILE_COLUMNS - 1) / (2 * TILE_COLUMNS));
    work->tile_columns = round_up((columns + across - 1) / across, TILE_STEP);
    across = (columns + work->tile_columns - 1) / work->tile_columns;
    int64_t down = least((call->run->threads + across - 1) / across, rows / TILE_ROWS);
    work->tile_rows = round_up(down > 1 ? (rows + down - 1) / down : rows, unit);
    down = (rows + work->tile_rows - 1) / work->tile_rows;
    double cost = 0.03 * (double)least(rows, work->tile_rows) * (double)work->x.width * (double)work->tile_columns;
    eg_cpu_split(call, across * down, 1, cost, compute_tiles, work);
}

/* The rows of `all` from `first` on, padded in scratch to `rows`; the padding is zero. */
static void
compute_padded(const eg_host_call *call, const blas_work *all, int64_t first, int64_t rows, float *scratch)
{
    int64_t given = all->x.rows - first, width = all->x.width, columns = all->w.rows;
    blas_work work = *all;
    work.x = (eg_host_matrix){.f32 = scratch, .rows = rows, .width = width, .stride = width};
    work.y = (eg_host_matrix){.f32 = scratch + rows * width, .rows = rows, .width = columns, .stride = columns};
    work.copied = all->y;
    work.copied.f32 += first * all->y.stride;
    work.copied.rows = given;
    for (int64_t r = 0; r < given; r++)
        memcpy(scratch + r * width, all->x.f32 + (first + r) * all->x.stride, (size_t)width * 4);
    memset(scratch + given * width, 0, (size_t)((rows - given) * width) * 4);
    compute(call, &work);
}

/*
 * OpenBLAS computes the rows left over from a multiple of its block in another order, so a row's last bits would
 * depend on how many rows there are. Rows that do not fill a unit are therefore padded: all of them where the scratch
 * holds them (a second product would pack the weights again), else the last ones.
 */
eg_status
eg_cpu_matmul_blas(const eg_host_call *call, const eg_blas *blas)
{
    blas_work work = {
        .blas = blas, .x = eg_host_matrix_in(call, 0), .w = eg_host_matrix_in(call, 1), .y = eg_host_matrix_out(call)};
    int64_t rows = work.x.rows, unit = eg_cpu_device_of(call->device)->row_unit, rest = rows % unit;
    if (rows > INT_MAX - unit)
        return eg_host_fail(call->err, EG_E_UNSUPPORTED, "%s: more rows than OpenBLAS can take", call->node->name);
    if (rest == 0) {
        compute(call, &work);
        return EG_OK;
    }
    uint64_t floats;
    float *scratch = eg_cpu_scratch_shared(call, &floats);
    int64_t padded = rows - rest + unit;
    if ((uint64_t)padded * (uint64_t)(work.x.width + work.w.rows) <= floats) {
        compute_padded(call, &work, 0, padded, scratch);
        return EG_OK;
    }
    blas_work whole = work;
    whole.x.rows = whole.y.rows = rows - rest;
    compute(call, &whole);
    compute_padded(call, &work, rows - rest, unit, scratch);
    return EG_OK;
}
