/* SPDX-License-Identifier: Apache-2.0 */
/* What happened when in one run, for profiles. Thread-safety: a trace is one context's. */
#ifndef EG_ENGINE_TRACE_H
#define EG_ENGINE_TRACE_H

#include "engine/executable.h"
#include "engine/lanes.h"

typedef enum eg_span_kind {
    EG_SPAN_NODE,
    EG_SPAN_STAGE, /* of a backend that tells no node's time */
    EG_SPAN_COPY
} eg_span_kind;

typedef struct eg_span {
    eg_span_kind kind;
    uint32_t stage; /* for a copy, the one it comes before */
    uint32_t item;  /* the graph's node; the number of the crossing */
    uint64_t begin_ns, end_ns;
    const char *kernel; /* what computed a node; NULL: not told. Lives with the executable. */
} eg_span;

typedef struct eg_trace {
    EG_VEC(eg_span) spans; /* in the order in which they were done */
    eg_node_time *times;   /* what a backend fills */
    uint32_t capacity;
    eg_lanes lanes;
} eg_trace;

EG_NODISCARD eg_status eg_trace_init(eg_trace *trace, uint32_t workers, eg_error *err);
void eg_trace_finish(eg_trace *trace); /* {0} is fine */
void eg_trace_clear(eg_trace *trace);  /* before each run */

/* Runs the stage to its end in place of the device's run(), with the time of each node where its backend tells it. */
EG_NODISCARD eg_status eg_trace_stage(eg_trace *trace, const eg_executable *executable, uint32_t stage,
                                      const eg_run_info *info, eg_error *err);
/* A crossing that took the time from `begin_ns` to now. */
EG_NODISCARD eg_status eg_trace_copy(eg_trace *trace, const eg_executable *executable, uint32_t crossing,
                                     uint64_t begin_ns, eg_error *err);

#endif
