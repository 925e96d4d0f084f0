/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The executables of a model, by passes, outputs and upper bound of sizes. A batch takes the tightest one that holds it; if
 * there is none, or all are much too large, one is made for sizes rounded up.
 *
 * Thread-safety: safe. The lock is not held while an executable is made: callers that need the same one wait for it,
 * others go on.
 */
#ifndef EG_ENGINE_PLAN_CACHE_H
#define EG_ENGINE_PLAN_CACHE_H

#include <pthread.h>
#include <stdbool.h>

#include "engine/plan.h"

typedef struct eg_executable eg_executable;
typedef struct eg_plan_entry eg_plan_entry;

typedef struct eg_plan_cache {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    eg_plan_entry *entries; /* most recently used first */
    uint32_t count;
} eg_plan_cache;

void eg_plan_cache_init(eg_plan_cache *cache);
void eg_plan_cache_finish(eg_plan_cache *cache, eg_model *model); /* no run is in progress */

/* Sizes rounded up to the steps for which plans are made. */
eg_sizes eg_sizes_round_up(const eg_sizes *sizes);

/*
 * An executable for request->bound (true sizes: the cache rounds them), to be given back. *out_too_large is set where
 * it would need more than the engine's max_arena (with EG_E_NOMEM, naming both).
 */
EG_NODISCARD eg_status eg_plan_cache_get(eg_model *model, const eg_plan_request *request, eg_executable **out,
                                         bool *out_too_large, eg_error *err);
void eg_plan_cache_put(eg_model *model, eg_executable *executable);

#endif
