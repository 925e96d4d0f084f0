/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a plan only once it is placed, planned or compiled: the rows of the late passes, and what a run takes. */
#ifndef EG_ENGINE_PLAN_REPORT_H
#define EG_ENGINE_PLAN_REPORT_H

#include "engine/plan.h"

/* Naive, arena and bound of a plan's memory spaces together, at these sizes and without scratch. */
EG_NODISCARD eg_status eg_plan_sum_memory(const eg_plan *plan, const eg_dims *sizes, eg_plan_sizes *out, eg_error *err);

/* What a run takes, as the stages say that were compiled to find it out. */
typedef struct eg_run_memory {
    bool known;         /* false: the model has no weights, so nothing was compiled */
    uint64_t scratch;   /* the most that any stage asks for */
    uint64_t allocated; /* arenas with scratch in them, and scratch in other memory */
} eg_run_memory;

/* Fills the rows of `inplace` and `prepack`. request: the one that the plan was made for. */
EG_NODISCARD eg_status eg_plan_report_late(eg_model *model, const eg_plan_request *request, eg_plan *plan,
                                           eg_run_memory *out, eg_error *err);

/*
 * How a batch of texts of these lengths would be run under the engine's max_arena: in *out_runs runs; 0 where one of the
 * texts alone does not fit. With weights scratch counts, as it does in a run. request: for all but the sizes.
 */
EG_NODISCARD eg_status eg_plan_count_runs(eg_model *model, const eg_plan_request *request, const uint32_t *lengths,
                                          uint32_t count, uint32_t *out_runs, eg_error *err);

#endif
