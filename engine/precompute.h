/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Constants that are computed from a model's weights, on the engine's backends, when the first plan needs them: a table
 * that goes through a norm and a product, say. They lie in host memory of the model's, like tensors of its file, and are
 * shared by all plans whose tables are made of the same bytes by the same ops. Uses are counted; the last one frees.
 *
 * Thread-safety: safe; nothing is computed with the lock held, and who needs what is being computed waits for it.
 */
#ifndef EG_ENGINE_PRECOMPUTE_H
#define EG_ENGINE_PRECOMPUTE_H

#include <pthread.h>

#include "base/mem.h"
#include "engine/engine.h"
#include "graph/pass.h"

typedef struct eg_computed eg_computed;

typedef struct eg_computed_cache {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    EG_VEC(eg_computed *) entries;
} eg_computed_cache;

/* What one plan holds on to. */
typedef EG_VEC(eg_computed *) eg_computed_list;

void eg_computed_cache_init(eg_computed_cache *cache);
void eg_computed_cache_finish(eg_computed_cache *cache); /* nothing is in use any more */

/* Where passes find someone who computes; what comes of it goes to `list`, and lives as long. */
typedef struct eg_precomputer {
    eg_model *model;
    eg_computed_list *list;
} eg_precomputer;

/* eg_computer's compute; user is an eg_precomputer. The limit on activations is one of runs and does not count here.
 * EG_E_NONFINITE, EG_E_NOMEM, EG_E_BACKEND, what a device says. */
EG_NODISCARD eg_status eg_precompute(void *user, eg_graph *work, const void **data, eg_error *err);

void eg_computed_list_finish(eg_computed_list *list);
/* Memory of all of them. */
uint64_t eg_computed_list_bytes(const eg_computed_list *list);
/* Whether the address lies in one of them. */
bool eg_computed_list_holds(const eg_computed_list *list, const void *data);

#endif
