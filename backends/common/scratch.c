/* SPDX-License-Identifier: Apache-2.0 */
/* A run's scratch: a part that all workers share, then one for each worker. */
#include "backend.h"

/* Most floats that padded matmuls ask for; above, only their last rows are padded. */
#define MOST_SHARED ((uint64_t)1 << 20)
/* Rows that a worker packs together at most; where there are many workers, half of that. */
#define MOST_PACKED 96

static uint64_t
round_up(uint64_t n, uint64_t unit)
{
    return (n + unit - 1) / unit * unit;
}

/* Rows of a worker's part: the longest text, rounded up so that the parts begin on cache lines of their own. */
static uint64_t
worker_rows(const eg_dims *dims)
{
    uint64_t longest = 0;
    for (uint32_t s = 0; s < dims->set_count; s++)
        if (dims->sets[s].max_n > longest)
            longest = dims->sets[s].max_n;
    return round_up(longest, 16);
}

/* Rows of the largest value of a run. */
static uint64_t
most_rows(const eg_dims *dims)
{
    uint64_t rows = dims->B;
    for (uint32_t s = 0; s < dims->set_count; s++)
        if (dims->sets[s].T > rows)
            rows = dims->sets[s].T;
    return rows;
}

/* Floats of the part that the workers share, of a padded matmul or of a table by distance; it comes first. */
static uint64_t
shared_floats(const eg_exec *exec, const eg_dims *dims)
{
    uint64_t unit = eg_cpu_device_of(exec->device)->row_unit;
    uint64_t all = round_up(most_rows(dims), unit) * exec->scratch.matmul_row, least = unit * exec->scratch.matmul_row;
    uint64_t most = least > MOST_SHARED ? least : MOST_SHARED;
    uint64_t padded = all < least ? least : all > most ? most : all;
    uint64_t by_row = exec->scratch.shared_row * worker_rows(dims);
    return round_up(padded > by_row ? padded : by_row, 16);
}

int64_t
eg_cpu_pack_rows(const eg_dims *dims, uint32_t threads)
{
    uint64_t rows = round_up(most_rows(dims), EG_PACK_ROWS), most = threads > 8 ? MOST_PACKED / 2 : MOST_PACKED;
    return (int64_t)(rows < EG_PACK_ROWS ? EG_PACK_ROWS : rows > most ? most : rows);
}

/* Floats of a worker's part: nodes run one after another, so the one that wants most decides. */
static uint64_t
worker_floats(const eg_exec *exec, const eg_dims *dims, uint32_t threads)
{
    uint64_t rows = exec->scratch.row * worker_rows(dims);
    uint64_t fixed = round_up(round_up(exec->scratch.bytes, sizeof(float)) / sizeof(float), 16);
    uint64_t packed = exec->scratch.packed * (uint64_t)eg_cpu_pack_rows(dims, threads);
    packed += packed > 0 ? EG_CPU_PACK_HEAD : 0;
    uint64_t most = rows > fixed ? rows : fixed;
    return most > packed ? most : packed;
}

uint64_t
eg_cpu_scratch(const eg_exec *exec, const eg_dims *bound, uint32_t threads)
{
    return (shared_floats(exec, bound) + worker_floats(exec, bound, threads) * threads) * sizeof(float);
}

float *
eg_cpu_scratch_shared(const eg_host_call *call, uint64_t *out_floats)
{
    *out_floats = shared_floats(call->exec, call->run->dims);
    return call->scratch;
}

float *
eg_cpu_scratch_of(const eg_host_call *call, uint32_t worker)
{
    uint64_t shared;
    float *data = eg_cpu_scratch_shared(call, &shared);
    return data + shared + worker_floats(call->exec, call->run->dims, call->run->threads) * worker;
}
