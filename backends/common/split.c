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
    int64_t total, parts; /* of pairs, all heads */
} pair_split;

/* The queries of one head whose first pair lies in [begin, end), counted from the head's own first pair. */
static int64_t
first_query(int64_t pairs, int64_t columns, int64_t n)
{
    int64_t query = (pairs + columns - 1) / columns;
    return query < 0 ? 0 : query > n ? n : query;
}

static void
run_pair_part(void *arg, uint32_t i, uint32_t worker)
{
    const pair_split *s = arg;
    int64_t begin = s->total / s->parts * i, end = i + 1 == s->parts ? s->total : s->total / s->parts * (i + 1);
    const eg_row *rows = eg_host_rows(s->call, s->info);
    int64_t offset = 0;
    for (uint32_t t = 0; t < eg_host_texts(s->call) && offset < end; t++) {
        eg_host_pair pair = eg_host_pair_begin(NULL, s->info, &rows[t]);
        int64_t block = pair.n * pair.columns, next = offset + pair.heads * block;
        int64_t head = begin > offset ? (begin - offset) / block : 0;
        for (; head < pair.heads && offset + head * block < end; head++) {
            int64_t at = offset + head * block;
            eg_cpu_queries queries = {.text = t, .head = head, .offset = offset};
            queries.begin = begin > at ? first_query(begin - at, pair.columns, pair.n) : 0;
            queries.end = first_query(end - at, pair.columns, pair.n);
            if (queries.begin < queries.end)
                s->part(s->arg, &queries, worker);
        }
        offset = next;
    }
}

void
eg_cpu_split_pairs(const eg_host_call *call, const eg_value_info *pair_info, double cost, eg_cpu_pair_part part,
                   void *arg)
{
    pair_split s = {call, pair_info, part, arg, 0, 1};
    const eg_row *rows = eg_host_rows(call, pair_info);
    for (uint32_t t = 0; t < eg_host_texts(call); t++) {
        eg_host_pair pair = eg_host_pair_begin(NULL, pair_info, &rows[t]);
        s.total += pair.heads * pair.n * pair.columns;
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
