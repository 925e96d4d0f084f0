/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/tasks/best.h"

#include <stdlib.h>

#include "base/mem.h"

static bool
is_worse(eg_scored a, eg_scored b)
{
    return a.score != b.score ? a.score < b.score : a.index > b.index;
}

static void
rise(eg_scored *heap, size_t at)
{
    eg_scored moved = heap[at];
    for (; at > 0 && is_worse(moved, heap[(at - 1) / 2]); at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = moved;
}

static void
sink(eg_scored *heap, size_t count)
{
    eg_scored moved = heap[0];
    size_t at = 0;
    for (size_t child = 1; child < count; child = 2 * at + 1) {
        if (child + 1 < count && is_worse(heap[child + 1], heap[child]))
            child++;
        if (!is_worse(heap[child], moved))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moved;
}

bool
eg_best_offer(eg_best *best, double score, uint64_t index)
{
    const eg_scored offered = {score, index};
    if (best->count < best->most) {
        if (!EG_PUSH(best, offered))
            return false;
        rise(best->items, best->count - 1);
    } else if (best->count && is_worse(best->items[0], offered)) {
        best->items[0] = offered;
        sink(best->items, best->count);
    }
    return true;
}

static int
better_first(const void *a, const void *b)
{
    const eg_scored *x = a, *y = b;
    return is_worse(*x, *y) - is_worse(*y, *x);
}

void
eg_best_sort(eg_best *best)
{
    if (best->count)
        qsort(best->items, best->count, sizeof *best->items, better_first);
}

void
eg_best_finish(eg_best *best)
{
    eg_free(best->items);
    *best = (eg_best){0};
}
