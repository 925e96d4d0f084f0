/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which thread did what in eg_parallel_for(), for profiles: a lane per worker. What a worker does of one call is one
 * part, from the begin of its first item to the end of its last. A lane is full at some point; later parts are left out.
 * Thread-safety: each worker writes to its own lane; all else is for one thread while no run is recorded.
 */
#ifndef EG_ENGINE_LANES_H
#define EG_ENGINE_LANES_H

#include "base/error.h"
#include "engine/threads.h"

typedef struct eg_lane_part {
    uint64_t begin_ns, end_ns; /* CLOCK_MONOTONIC */
} eg_lane_part;

typedef struct eg_lane {
    eg_lane_part *parts; /* in time's order */
    uint32_t count;
    uint32_t call;  /* of the last part */
    char apart[48]; /* lanes of two workers share no cache line */
} eg_lane;

typedef struct eg_lanes {
    uint32_t count, capacity; /* lanes; parts of each */
    uint32_t call;            /* counts the calls of eg_parallel_for */
    eg_lane *lanes;
    eg_lane_part *parts;
} eg_lanes;

/* EG_E_NOMEM. eg_lanes_finish() also after a failure; {0} is fine. */
EG_NODISCARD eg_status eg_lanes_init(eg_lanes *lanes, uint32_t workers, uint32_t parts_each, eg_error *err);
void eg_lanes_finish(eg_lanes *lanes);
void eg_lanes_clear(eg_lanes *lanes);

/* One call of the team's work(), recorded: for eg_parallel_for() alone. */
void eg_lanes_work(eg_lanes *lanes, const eg_team *team, void *state, uint32_t threads, uint32_t n, eg_work_fn fn,
                   void *arg);

uint64_t eg_now_ns(void); /* CLOCK_MONOTONIC */

#endif
