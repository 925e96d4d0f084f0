/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plan with everything that a run needs: packed weights, compiled stages, a place for each value. Immutable once
 * made; any number of contexts run it at once.
 */
#ifndef EG_ENGINE_EXECUTABLE_H
#define EG_ENGINE_EXECUTABLE_H

#include "engine/model.h"
#include "engine/plan.h"

/* One stage as its device compiled it. */
typedef struct eg_stage_code {
    eg_exec *exec;
    uint32_t target;
    uint32_t value_count;      /* of the view */
    const eg_value_id *values; /* view number → graph's */
    eg_binding *io;            /* per view value: all but the buffer, which is the context's */
    uint32_t *spaces;          /* per view value: the memory space it lies in; UINT32_MAX for a weight */
    uint32_t scratch_count;
    eg_binding *scratch; /* per domain; the buffer is the context's */
} eg_stage_code;

struct eg_executable {
    eg_plan plan;
    eg_memory_plan memory;
    eg_stage_code *stages; /* as many as the partition has */
    EG_VEC(eg_shared_weight *) weights;
    uint32_t packed_weights;               /* those with memory of their own … */
    uint64_t packed_bytes, borrowed_bytes; /* … what they take, and what the others read where it lies in the file */
    uint32_t max_values;                   /* of any stage */
    eg_value_id ids, type_ids;             /* the graph's inputs; 0: not read */
    uint64_t arena_bytes;                  /* of all spaces */
};

/* EG_E_NOMEM with *out_too_large beyond the engine's max_arena. */
EG_NODISCARD eg_status eg_executable_make(eg_model *model, const eg_plan_request *request, eg_executable **out,
                                          bool *out_too_large, eg_error *err);
/* Without the limit: for descriptions. What it says of its arena is what a run would take. */
EG_NODISCARD eg_status eg_executable_make_any(eg_model *model, const eg_plan_request *request, eg_executable **out,
                                              eg_error *err);
void eg_executable_free(eg_model *model, eg_executable *executable); /* NULL is fine */

/* The most scratch that any stage asks for, all domains together. */
uint64_t eg_executable_scratch(const eg_executable *executable);

/* The memory space in which a value is made. */
uint32_t eg_executable_home(const eg_executable *executable, eg_value_id value);

#endif
