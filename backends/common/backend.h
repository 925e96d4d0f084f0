/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What CPU backends share beside the plumbing of backends/host: every op but matmul, computed with the kernels of
 * kernels.h on the host's threads. A backend (cpu, onednn) brings its entry, its matmul, and whatever ops it does better;
 * see eg_cpu_device_new().
 */
#ifndef EG_COMMON_BACKEND_H
#define EG_COMMON_BACKEND_H

#include "backends/host/host.h"
#include "kernels.h"

typedef struct eg_cpu_device eg_cpu_device;

struct eg_cpu_device {
    eg_device base;
    eg_kernels kernels;
    const char *(*info)(const eg_cpu_device *device, const char *key); /* the backend's, asked first; may be NULL */
    void *library;                                                     /* the backend's */
    uint32_t row_unit; /* matmul's rows are computed in multiples of this; 1 at least */
};

/* Every device here is one. */
static inline eg_cpu_device *
eg_cpu_device_of(eg_device *base)
{
    return (eg_cpu_device *)(void *)base;
}

static inline const eg_kernels *
eg_cpu_kernels(eg_device *base)
{
    return &eg_cpu_device_of(base)->kernels;
}

/* --- threads ------------------------------------------------------------------------------------- */

/* One part of some work: items [begin, end), on a worker below the run's threads. */
typedef void (*eg_cpu_part)(void *arg, int64_t begin, int64_t end, uint32_t worker);

/*
 * Splits n items over the run's threads, each part a multiple of `step` items but the last. `cost` is an item's work
 * in nanoseconds, roughly: where all of it is less than a parallel region costs, it stays on this thread.
 */
void eg_cpu_split(const eg_host_call *call, int64_t n, int64_t step, double cost, eg_cpu_part part, void *arg);

/* The text that row `row` belongs to, looked for from text `from` on: rows that are asked for go up. */
static inline uint32_t
eg_cpu_text_of(const eg_row *texts, uint32_t count, int64_t row, uint32_t from)
{
    while (from + 1 < count && (int64_t)texts[from].start + texts[from].rows <= row)
        from++;
    return from;
}

/* Queries [begin, end) of one head of text `text`, whose pair block (if there is one) begins `offset` elements in. */
typedef struct eg_cpu_queries {
    uint32_t text;
    int64_t head, begin, end, offset;
} eg_cpu_queries;

typedef void (*eg_cpu_pair_part)(void *arg, const eg_cpu_queries *queries, uint32_t worker);

/* All queries of a pair value, split so that each thread gets about the same number of pairs; cost: ns of a pair. */
void eg_cpu_split_pairs(const eg_host_call *call, const eg_value_info *pair, double cost, eg_cpu_pair_part part,
                        void *arg);

/*
 * The same, cut at multiples of `step` queries; with one_query only query 0 of each text. `pair` need not be a value of
 * the graph: its row set, heads and window count.
 */
void eg_cpu_split_queries(const eg_host_call *call, const eg_value_info *pair, bool one_query, int64_t step,
                          double cost, eg_cpu_pair_part part, void *arg);

/* The worker's part of the run's scratch. */
float *eg_cpu_scratch_of(const eg_host_call *call, uint32_t worker);
/* Rows that a worker packs together (kernels.h). A node that asks for `packed` floats a row has room for that many, behind
 * a head of its own, in the worker's part. */
int64_t eg_cpu_pack_rows(const eg_dims *dims, uint32_t threads);
#define EG_CPU_PACK_HEAD 16
/* The part that all workers share: *out_floats, at least a unit of a matmul's rows, and what `shared_row` asks for. */
float *eg_cpu_scratch_shared(const eg_host_call *call, uint64_t *out_floats);

/* Bytes of both; eg_host_backend's. */
uint64_t eg_cpu_scratch(const eg_exec *exec, const eg_dims *bound, uint32_t threads);

/* --- ops ----------------------------------------------------------------------------------------- */

#define EG_CPU_OP(symbol) extern const eg_host_op eg_cpu_op_##symbol;
#include "ops/ops.def"
#undef EG_CPU_OP

/* --- the device ---------------------------------------------------------------------------------- */

/* The device's common part; the backend then sets base.own_ops, info and library. */
eg_status eg_cpu_device_new(const eg_host *host, eg_isa isa, eg_cpu_device **out, eg_error *err);
void eg_cpu_device_free(eg_cpu_device *device);

/* The value of `key` in "key=value,…", copied to out; false if it is absent or longer than n - 1. */
bool eg_cpu_option(const char *options, const char *key, char *out, size_t n);
/* Whether all keys of options are among those given (ended by NULL); if not, the first unknown one is in out. */
bool eg_cpu_options_known(const char *options, const char *const *keys, char *out, size_t n);

#endif
