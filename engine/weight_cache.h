/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The weights of a model on its devices: each constant is packed or uploaded once per device and way of use, however
 * many plans need it. Uses are counted; the last one frees.
 *
 * Thread-safety: safe; a weight is made without the lock, and who needs one that is being made waits for it.
 */
#ifndef EG_ENGINE_WEIGHT_CACHE_H
#define EG_ENGINE_WEIGHT_CACHE_H

#include <pthread.h>

#include "graph/partition.h"

typedef struct eg_shared_weight eg_shared_weight;

typedef struct eg_weight_cache {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    EG_VEC(eg_shared_weight *) entries;
} eg_weight_cache;

void eg_weight_cache_init(eg_weight_cache *cache);
void eg_weight_cache_finish(eg_weight_cache *cache); /* nothing is in use any more */

/*
 * The constant `value` as nodes of `target` (the one with number `target_index`) in the partition use it. plain: the
 * device is not told of the uses, so that it lays the weight out as the file does.
 */
EG_NODISCARD eg_status eg_weight_cache_get(eg_weight_cache *cache, const eg_graph *graph, const eg_partition *partition,
                                           uint32_t target_index, const eg_target *target, eg_value_id value,
                                           bool plain, eg_shared_weight **out, eg_error *err);
void eg_weight_cache_put(eg_weight_cache *cache, eg_shared_weight *weight);

eg_weight *eg_shared_weight_of(const eg_shared_weight *weight);
/* Memory of the device's own; 0: it reads the file's. */
uint64_t eg_shared_weight_bytes(const eg_shared_weight *weight);
/* Memory of the devices' own in all weights. */
uint64_t eg_weight_cache_bytes(eg_weight_cache *cache);

#endif
