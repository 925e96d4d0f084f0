/* SPDX-License-Identifier: Apache-2.0 */
/* Products by OpenBLAS: tiles, and rows padded to whole units. */
#include <limits.h>
#include <string.h>

#include "cpu.h"

/* Columns of a tile are a multiple of this, so that no two threads write to one cache line. */
#define TILE_STEP 32
/* Rows below which a tile is not cut again: each part packs the weights anew. */
#define TILE_ROWS 96

/* Some rows of the product. Where they are padded to whole units, x and y are copies in scratch. */
typedef struct blas_work {
    const eg_host_call *call;
    const eg_blas *blas;
    const eg_cpu_linear *linear;
    int64_t first; /* row of the whole product, where they begin */
    eg_host_matrix x, y;
    eg_host_matrix to; /* where the result goes; it has no padded rows */
    int64_t tile_columns, tile_rows;
    int64_t block_rows; /* of a tile, multiplied together */
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

/* One product of some rows by columns [begin, end), to `out`, which has column `begin` first; then its epilogue, to y. */
static void
multiply(const blas_work *work, const eg_cpu_product *product, int64_t row, int64_t rows, int64_t begin, int64_t end,
         float *out, int64_t ld_out)
{
    const eg_host_matrix *x = &work->x, *to = &work->to;
    for (uint32_t p = 0; p < eg_host_weight_parts(work->call, product->weight); p++) {
        eg_host_part part = eg_host_weight_part(work->call, product->weight, p);
        int64_t first = begin > part.first ? begin : part.first, next = least(end, part.first + part.rows);
        if (first < next)
            eg_blas_product(work->blas, x->f32 + row * x->stride, (int)x->stride,
                            part.data + (first - part.first) * part.stride, (int)part.stride, out + (first - begin),
                            (int)ld_out, (int)rows, (int)(next - first), (int)x->width);
    }
    eg_epilogue epilogue = eg_epilogue_at(&product->epilogue, work->first + row, begin);
    eg_cpu_kernels(work->call->device)
        ->finish(out, ld_out, to->f32 + row * to->stride + begin, to->stride, least(rows, to->rows - row), end - begin,
                 &epilogue);
}

/* Of two products the second needs a place of its own beside the first's result: the worker's scratch. */
static void
compute_tile(const blas_work *work, int64_t row, int64_t column, uint32_t worker)
{
    const eg_host_matrix *y = &work->y;
    int64_t end = least(y->rows, row + work->tile_rows), columns = least(y->width - column, work->tile_columns);
    for (; row < end; row += work->block_rows) {
        int64_t rows = least(end - row, work->block_rows);
        multiply(work, &work->linear->products[0], row, rows, column, column + columns,
                 y->f32 + row * y->stride + column, y->stride);
        if (work->linear->product_count > 1)
            multiply(work, &work->linear->products[1], row, rows, column, column + columns,
                     eg_cpu_scratch_of(work->call, worker), columns);
    }
}

/* Tiles [begin, end), those of one column range together. */
static void
compute_tiles(void *arg, int64_t begin, int64_t end, uint32_t worker)
{
    const blas_work *work = arg;
    int64_t down = (work->y.rows + work->tile_rows - 1) / work->tile_rows;
    for (int64_t i = begin; i < end; i++)
        compute_tile(work, i % down * work->tile_rows, i / down * work->tile_columns, worker);
}

/* Rows that the scratch holds the second product of, in whole units. */
static int64_t
rows_beside(const eg_host_call *call, int64_t unit)
{
    int64_t rows = eg_cpu_pack_rows(call->run->dims, call->run->threads) / unit * unit;
    return rows < unit ? unit : rows;
}

/*
 * Tiles over the run's threads. Their columns depend on the weight alone, since OpenBLAS sums the last columns of a
 * product in another order; their rows are whole units. So neither the number of rows nor of threads changes a bit.
 */
static void
compute(const eg_host_call *call, blas_work *work)
{
    int64_t rows = work->y.rows, columns = work->y.width, unit = eg_cpu_device_of(call->device)->row_unit;
    int64_t across = 2 * ((columns + 2 * EG_CPU_TILE_COLUMNS - 1) / (2 * EG_CPU_TILE_COLUMNS));
    work->tile_columns = round_up((columns + across - 1) / across, TILE_STEP);
    across = (columns + work->tile_columns - 1) / work->tile_columns;
    int64_t down = least((call->run->threads + across - 1) / across, rows / TILE_ROWS);
    work->tile_rows = round_up(down > 1 ? (rows + down - 1) / down : rows, unit);
    work->block_rows = work->linear->product_count > 1 ? rows_beside(call, unit) : work->tile_rows;
    down = (rows + work->tile_rows - 1) / work->tile_rows;
    double cost = 0.03 * (double)least(rows, work->tile_rows) * (double)work->x.width * (double)work->tile_columns;
    eg_cpu_split(call, across * down, 1, cost, compute_tiles, work);
}

/* The rows of `all` from `first` on, padded in scratch to `rows`; the padding is zero. */
static void
compute_padded(const eg_host_call *call, const blas_work *all, int64_t first, int64_t rows, float *scratch)
{
    int64_t given = all->x.rows - first, width = all->x.width, columns = all->y.width;
    blas_work work = *all;
    work.first = first;
    work.x = (eg_host_matrix){.f32 = scratch, .rows = rows, .width = width, .stride = width};
    work.y = (eg_host_matrix){.f32 = scratch + rows * width, .rows = rows, .width = columns, .stride = columns};
    work.to.f32 += first * all->to.stride;
    work.to.rows = given;
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
eg_cpu_linear_blas(const eg_host_call *call, const eg_cpu_linear *linear, const eg_blas *blas)
{
    blas_work work = {.call = call, .blas = blas, .linear = linear, .x = linear->x, .y = linear->y, .to = linear->y};
    int64_t rows = work.y.rows, unit = eg_cpu_device_of(call->device)->row_unit, rest = rows % unit;
    if (rows > INT_MAX - unit)
        return eg_host_fail(call->err, EG_E_UNSUPPORTED, "%s: more rows than OpenBLAS can take", call->node->name);
    if (rest == 0) {
        compute(call, &work);
        return EG_OK;
    }
    uint64_t floats;
    float *scratch = eg_cpu_scratch_shared(call, &floats);
    int64_t padded = rows - rest + unit;
    if ((uint64_t)padded * (uint64_t)(work.x.width + work.y.width) <= floats) {
        compute_padded(call, &work, 0, padded, scratch);
        return EG_OK;
    }
    blas_work whole = work;
    whole.x.rows = whole.y.rows = whole.to.rows = rows - rest;
    if (whole.y.rows > 0)
        compute(call, &whole);
    compute_padded(call, &work, rows - rest, unit, scratch);
    return EG_OK;
}
