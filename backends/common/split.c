/* SPDX-License-Identifier: Apache-2.0 */
/* How work is shared among the run's threads: few parts, none too small to be worth waking a thread. */
#include "backend.h"

/* Nanoseconds of work below which a part is not given to another thread: a region costs 1 to 60 µs. */
#define LEAST_PART 8000.0
/* Parts per thread, so that a thread that is late does not hold up the others for its whole share. */
#define PARTS_PER_THREAD 4

static int64_t
part_count(const eg_host_call *call, double total)
{
    uint32_t threads = call->run->threads;
    if (threads <= 1 || total < 2 * LEAST_PART)
        return 1;
    double parts = total / LEAST_PART;
    double most = (double)threads * PARTS_PER_THREAD;
    if (parts > most)
        return (int64_t)most;
    /* few parts: as many as threads, or as are worth it */
    return parts < threads ? (int64_t)parts : threads;
}

/* --- items in a row ------------------------------------------------------------------------------ */

typedef struct row_split {
    eg_cpu_part part;
    void *arg;
    int64_t n, per_part;
} row_split;

static void
run_row_part(void *arg, uint32_t i, uint32_t worker)
{
    const row_split *s = arg;
    int64_t begin = (int64_t)i * s->per_part, end = begin + s->per_part;
    s->part(s->arg, begin, end < s->n ? end : s->n, worker);
}

void
eg_cpu_split(const eg_host_call *call, int64_t n, int64_t step, double cost, eg_cpu_part part, void *arg)
{
    if (n <= 0)
        return;
    int64_t parts = part_count(call, (double)n * cost);
    int64_t per_part = ((n + parts - 1) / parts + step - 1) / step * step;
    row_split s = {part, arg, n, per_part};
    parts = (n + per_part - 1) / per_part;
    if (parts == 1)
        part(arg, 0, n, 0);
    else
        call->device->host->parallel_for(call->device->host->ctx, (uint32_t)parts, run_row_part, &s);
}

/* --- queries of a pair value --------------------------------------------------------------------- */

typedef struct pair_split {
    const eg_host_call *call;
    const eg_value_info *info;
    eg_cpu_pair_part part;
    void *arg;
    int64_t step;         /* queries of a part begin at a multiple of this */
    bool one_query;       /* only the first of each text */
    int64_t total, parts; /* of pairs, all heads */
} pair_split;

static int64_t
query_count(const pair_split *s, const eg_host_pair *pair)
{
    return s->one_query ? 1 : pair->n;
}

/* The first query of a head whose pairs all lie behind its first `pairs` ones, rounded up to a step; at most n. */
static int64_t
first_query(int64_t pairs, int64_t columns, int64_t step, int64_t n)
{
    int64_t query = (pairs + columns - 1) / columns;
    query = (query + step - 1) / step * step;
    return query < 0 ? 0 : query > n ? n : query;
}

static void
run_pair_part(void *arg, uint32_t i, uint32_t worker)
{
    const pair_split *s = arg;
    int64_t begin = s->total / s->parts * i, end = i + 1 == s->parts ? s->total : s->total / s->parts * (i + 1);
    const eg_row *rows = eg_host_rows(s->call, s->info);
    int64_t done = 0, offset = 0; /* pairs to compute, and pairs of the value, before this text */
    for (uint32_t t = 0; t < eg_host_texts(s->call) && done < end; t++) {
        eg_host_pair pair = eg_host_pair_begin(NULL, s->info, &rows[t]);
        int64_t n = query_count(s, &pair), block = n * pair.columns;
        int64_t head = begin > done ? (begin - done) / block : 0;
        for (; head < pair.heads && done + head * block < end; head++) {
            int64_t at = done + head * block;
            eg_cpu_queries queries = {.text = t, .head = head, .offset = offset};
            queries.begin = begin > at ? first_query(begin - at, pair.columns, s->step, n) : 0;
            queries.end = first_query(end - at, pair.columns, s->step, n);
            if (queries.begin < queries.end)
                s->part(s->arg, &queries, worker);
        }
        done += pair.heads * block;
        offset += pair.heads * pair.n * pair.columns;
    }
}

void
eg_cpu_split_pairs(const eg_host_call *call, const eg_value_info *pair, double cost, eg_cpu_pair_part part, void *arg)
{
    eg_cpu_split_queries(call, pair, false, 1, cost, part, arg);
}

void
eg_cpu_split_queries(const eg_host_call *call, const eg_value_info *pair_info, bool one_query, int64_t step,
                     double cost, eg_cpu_pair_part part, void *arg)
{
    pair_split s = {.call = call, .info = pair_info, .part = part, .arg = arg, .step = step, .one_query = one_query};
    const eg_row *rows = eg_host_rows(call, pair_info);
    for (uint32_t t = 0; t < eg_host_texts(call); t++) {
        eg_host_pair pair = eg_host_pair_begin(NULL, pair_info, &rows[t]);
        s.total += pair.heads * query_count(&s, &pair) * pair.columns;
    }
    if (s.total == 0)
        return;
    s.parts = part_count(call, (double)s.total * cost);
    if (s.parts > s.total)
        s.parts = s.total;
    if (s.parts == 1)
        run_pair_part(&s, 0, 0);
    else
        call->device->host->parallel_for(call->device->host->ctx, (uint32_t)s.parts, run_pair_part, &s);
}
