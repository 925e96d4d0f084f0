/* SPDX-License-Identifier: Apache-2.0 */
/* Runs of one batch with a clock: what eg_profile() and eg_compare() have in common. As thread-safe as a context. */
#ifndef EG_ENGINE_MEASURE_H
#define EG_ENGINE_MEASURE_H

#include "engine/pack.h"
#include "engine/trace.h"

/* A whole input as one batch, and the plan that it asks for. Does not move once it is filled. */
typedef struct eg_one_batch {
    eg_token_list list;
    eg_batch_memory memory;
    eg_plan_request request;
} eg_one_batch;

/* outputs NULL: the embedding, of texts prepared as eg_embed() does. eg_one_batch_finish() also after a failure. */
EG_NODISCARD eg_status eg_one_batch_take(const eg_context *context, const eg_input *input, const char *const *outputs,
                                         uint32_t output_count, eg_one_batch *out, eg_error *err);
void eg_one_batch_finish(eg_one_batch *batch);

/* What took a time of its own: a node, a stage as a whole, a copy. */
typedef struct eg_unit {
    eg_span_kind kind;
    uint32_t stage, item; /* as in eg_span */
    const char *kernel;   /* as in eg_span */
    double ms;            /* median over the runs; pieces added */
} eg_unit;

typedef struct eg_measurement {
    EG_VEC(eg_unit) units; /* in the order in which they ran */
    uint32_t runs;
    double total_ms, profiled_ms; /* medians, of runs without and with clocks at the nodes */
    eg_trace trace;               /* of the fastest run with clocks */
} eg_measurement;

typedef struct eg_effort {
    uint32_t runs;  /* 0: by time, 3 to 1000 */
    double seconds; /* > 0 with runs 0 */
} eg_effort;

/* Warms up, then runs without and with clocks in turn. eg_measurement_finish() also after a failure. */
EG_NODISCARD eg_status eg_measure(eg_context *context, const eg_executable *executable, const eg_batch *batch,
                                  const eg_effort *effort, eg_measurement *out, eg_error *err);
void eg_measurement_finish(eg_measurement *measurement);

/* Writes a number that may be no number, which JSON has not: null then. */
void eg_json_number_or_null(eg_strbuf *out, double value);

#endif
