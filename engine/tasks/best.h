/* SPDX-License-Identifier: Apache-2.0 */
/* The best few of many scores, without keeping the others. Thread-safety: one thread's. */
#ifndef EG_ENGINE_TASKS_BEST_H
#define EG_ENGINE_TASKS_BEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct eg_scored {
    double score;
    uint64_t index; /* of equal scores the lower one is better */
} eg_scored;

/* {.most = n} is empty: a heap, with the worst of the items on top. */
typedef struct eg_best {
    eg_scored *items;
    size_t count, capacity, most;
} eg_best;

/* False when out of memory. */
bool eg_best_offer(eg_best *best, double score, uint64_t index);
/* Puts the items in order, the best first; after that nothing can be offered until count is 0 again. */
void eg_best_sort(eg_best *best);
void eg_best_finish(eg_best *best);

#endif
