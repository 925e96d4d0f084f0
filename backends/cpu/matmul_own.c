/* SPDX-License-Identifier: Apache-2.0 */
/* Products by the kernel of backends/common: how rows and columns are shared among the threads. */
#include "cpu.h"

/* Columns of a tile are a multiple of this: a strip of the kernel's, where there are enough of them for all threads. */
#define STRIP 96
/* The least, so that no two threads write to one cache line. */
#define LINE 16
/* Rows of a thread, where there are so many, are its own: it packs them once and passes over the whole weight. */
#define OWN_ROWS 48
/* Tiles of a thread, where there is enough work: one that is late holds up the others less. */
#define TILES_PER_THREAD 4
/* Nanoseconds of a multiplication and an addition, for this many rows at least: the weight must be read for one too. */
#define COST 0.0125
#define COST_ROWS 8
/* Nanoseconds below which a tile is not worth waking a thread for. */
#define LEAST_TILE 8000.0

/* Lanes at most: with more threads some share one from the beginning. */
#define MOST_LANES 64

/*
 * A grid of tiles: groups of rows, each packed by the worker that computes it, by ranges of columns. Groups are dealt
 * out to lanes in turn. A worker stays in its own lane, so that it packs a group once, while the workers of all lanes
 * read the same columns at about the same time; one that is done with its lane helps in the others.
 */
typedef struct own_work {
    const eg_host_call *call;
    const eg_cpu_linear *linear;
    int64_t group_rows, groups;
    int64_t tile_columns, across;
    int64_t lanes;
    int64_t taken[MOST_LANES]; /* tiles of each lane that workers took, or found gone; atomic */
} own_work;

/* What a worker's packed rows are; at the begin of its scratch. */
typedef struct packed_head {
    int64_t group; /* -1: none yet */
} packed_head;

_Static_assert(sizeof(packed_head) <= EG_CPU_PACK_HEAD * sizeof(float), "the head fits");

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

static int64_t
round_up(int64_t n, int64_t unit)
{
    return parts_of(n, unit) * unit;
}

static packed_head *
head_of(const own_work *work, uint32_t worker)
{
    return (packed_head *)(void *)eg_cpu_scratch_of(work->call, worker);
}

/* The rows of a group as the kernel reads them; a worker that has them already does not turn them again. */
static const float *
pack(const own_work *work, int64_t group, int64_t row, int64_t rows, uint32_t worker)
{
    const eg_host_matrix *x = &work->linear->x;
    packed_head *head = head_of(work, worker);
    float *packed = (float *)(void *)head + EG_CPU_PACK_HEAD;
    if (head->group != group)
        eg_cpu_kernels(work->call->device)->matmul_pack(x->f32 + row * x->stride, x->stride, rows, x->width, packed);
    head->group = group;
    return packed;
}

/* Columns [begin, end) of one product, which may lie in several parts of the weight. */
static void
multiply(const own_work *work, const eg_cpu_product *product, const float *packed, int64_t row, int64_t rows,
         int64_t begin, int64_t end)
{
    const eg_host_call *call = work->call;
    const eg_host_matrix *y = &work->linear->y;
    for (uint32_t p = 0; p < eg_host_weight_parts(call, product->weight); p++) {
        eg_host_part part = eg_host_weight_part(call, product->weight, p);
        part.first -= product->first_row;
        int64_t first = begin > part.first ? begin : part.first, next = least(end, part.first + part.rows);
        if (first >= next)
            continue;
        eg_epilogue epilogue = eg_epilogue_at(&product->epilogue, row, first);
        eg_cpu_kernels(call->device)
            ->matmul(packed, rows, work->linear->x.width, part.data + (first - part.first) * part.stride, part.stride,
                     next - first, y->f32 + row * y->stride + first, y->stride, &epilogue);
    }
}

/* The next tile for a worker: one of each call, and as many calls as tiles. */
static void
take_tile(own_work *work, uint32_t worker, int64_t *out_group, int64_t *out_column)
{
    for (int64_t i = 0; i < work->lanes; i++) {
        int64_t lane = (worker + i) % work->lanes, groups = parts_of(work->groups - lane, work->lanes);
        if (__atomic_load_n(&work->taken[lane], __ATOMIC_RELAXED) >= groups * work->across)
            continue;
        int64_t tile = __atomic_fetch_add(&work->taken[lane], 1, __ATOMIC_RELAXED);
        if (tile >= groups * work->across)
            continue;
        *out_group = lane + tile / work->across * work->lanes;
        *out_column = tile % work->across * work->tile_columns;
        return;
    }
}

/* The second product of two finds the first's strip while it is in the cache. */
static void
compute_tile(void *arg, uint32_t i, uint32_t worker)
{
    (void)i;
    own_work *work = arg;
    const eg_cpu_linear *linear = work->linear;
    int64_t group = 0, begin = 0;
    take_tile(work, worker, &group, &begin);
    int64_t row = group * work->group_rows, rows = least(work->group_rows, linear->y.rows - row);
    int64_t end = least(begin + work->tile_columns, linear->y.width);
    int64_t step = linear->product_count > 1 ? STRIP : end - begin;
    const float *packed = pack(work, group, row, rows, worker);
    for (; begin < end; begin += step)
        for (int p = 0; p < linear->product_count; p++)
            multiply(work, &linear->products[p], packed, row, rows, begin, least(begin + step, end));
}

/*
 * Where there are rows enough, each thread has groups of its own, so that it packs them once; else threads share the
 * columns, and with them the reading of the weight. No cut changes a bit.
 */
static void
cut_rows(own_work *work)
{
    int64_t rows = work->linear->y.rows, threads = work->call->run->threads;
    work->groups = parts_of(rows, eg_cpu_pack_rows(work->call->run->dims, work->call->run->threads));
    if (rows >= OWN_ROWS * threads)
        work->groups = round_up(work->groups, threads);
    work->group_rows = round_up(parts_of(rows, work->groups), 8);
    work->groups = parts_of(rows, work->group_rows);
    work->lanes = least(least(work->groups, threads), MOST_LANES);
}

static void
cut_columns(own_work *work, double cost)
{
    int64_t columns = work->linear->y.width, threads = work->call->run->threads;
    int64_t tiles = least((int64_t)(cost / LEAST_TILE), TILES_PER_THREAD * threads);
    int64_t across = parts_of(tiles > threads ? tiles : threads, work->groups);
    work->tile_columns = round_up(parts_of(columns, across), across * STRIP <= columns ? STRIP : LINE);
    work->across = parts_of(columns, work->tile_columns);
}

void
eg_cpu_linear_own(const eg_host_call *call, const eg_cpu_linear *linear)
{
    const eg_host *host = call->device->host;
    uint32_t threads = call->run->threads;
    int64_t rows = linear->y.rows > COST_ROWS ? linear->y.rows : COST_ROWS;
    double cost = COST * (double)(rows * linear->product_count) * (double)linear->x.width * (double)linear->y.width;
    own_work work = {.call = call, .linear = linear};
    bool alone = threads == 1 || cost < 2 * LEAST_TILE;
    cut_rows(&work);
    if (alone) {
        work.lanes = work.across = 1;
        work.tile_columns = linear->y.width;
    } else
        cut_columns(&work, cost);
    for (uint32_t worker = 0; worker < threads; worker++)
        head_of(&work, worker)->group = -1;
    uint32_t tiles = (uint32_t)(work.groups * work.across);
    if (!alone)
        host->parallel_for(host->ctx, tiles, compute_tile, &work);
    for (uint32_t i = 0; i < tiles && alone; i++)
        compute_tile(&work, i, 0);
}
