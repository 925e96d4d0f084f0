/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/lanes.h"

#include <time.h>

#include "base/mem.h"

uint64_t
eg_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

eg_status
eg_lanes_init(eg_lanes *lanes, uint32_t workers, uint32_t parts_each, eg_error *err)
{
    *lanes = (eg_lanes){.count = workers, .capacity = parts_each};
    uint64_t parts;
    if (__builtin_mul_overflow((uint64_t)workers, (uint64_t)parts_each, &parts) || parts > SIZE_MAX)
        return eg_fail_nomem(err, "a profile");
    lanes->lanes = eg_calloc(workers, sizeof *lanes->lanes);
    lanes->parts = eg_calloc((size_t)parts, sizeof *lanes->parts);
    if (!lanes->lanes || !lanes->parts)
        return eg_fail_nomem(err, "a profile");
    for (uint32_t i = 0; i < workers; i++)
        lanes->lanes[i].parts = lanes->parts + (size_t)i * parts_each;
    return EG_OK;
}

void
eg_lanes_finish(eg_lanes *lanes)
{
    eg_free(lanes->lanes);
    eg_free(lanes->parts);
    *lanes = (eg_lanes){0};
}

void
eg_lanes_clear(eg_lanes *lanes)
{
    lanes->call = 0;
    for (uint32_t i = 0; i < lanes->count; i++)
        lanes->lanes[i].count = lanes->lanes[i].call = 0;
}

typedef struct recorded_work {
    eg_lanes *lanes;
    eg_work_fn fn;
    void *arg;
} recorded_work;

static void
record_item(void *arg, uint32_t i, uint32_t worker)
{
    const recorded_work *work = arg;
    uint64_t began = eg_now_ns();
    work->fn(work->arg, i, worker);
    uint64_t ended = eg_now_ns();
    eg_lanes *lanes = work->lanes;
    if (worker >= lanes->count)
        return;
    eg_lane *lane = &lanes->lanes[worker];
    if (lane->call == lanes->call && lane->count > 0) {
        lane->parts[lane->count - 1].end_ns = ended;
    } else if (lane->count < lanes->capacity) {
        lane->call = lanes->call;
        lane->parts[lane->count++] = (eg_lane_part){began, ended};
    }
}

void
eg_lanes_work(eg_lanes *lanes, const eg_team *team, void *state, uint32_t threads, uint32_t n, eg_work_fn fn, void *arg)
{
    recorded_work work = {lanes, fn, arg};
    lanes->call++;
    team->work(state, threads, n, record_item, &work);
}
