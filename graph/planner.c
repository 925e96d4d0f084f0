/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/planner.h"

#include <stdlib.h>

#include "base/mem.h"

/* What placement works on: intervals with a size, and where they lie. */
typedef struct placed {
    const eg_interval *interval;
    uint64_t bytes; /* rounded up to the alignment */
    uint64_t offset;
    uint32_t index;
} placed;

/* Largest first; among equals the earliest, then the first given. */
static int
by_size(const void *a, const void *b)
{
    const placed *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes > y->bytes ? -1 : 1;
    if (x->interval->first != y->interval->first)
        return x->interval->first < y->interval->first ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

static bool
overlap(const eg_interval *a, const eg_interval *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/*
 * The start of the smallest gap, between the placed intervals that live at the same time, that holds `item`; behind
 * them all if there is none. by_offset: the placed ones, by rising offset.
 */
static uint64_t
smallest_gap(const placed *item, placed *const *by_offset, uint32_t count)
{
    uint64_t best = UINT64_MAX, best_gap = UINT64_MAX, end = 0;
    for (uint32_t i = 0; i < count; i++) {
        const placed *other = by_offset[i];
        if (!overlap(item->interval, other->interval))
            continue;
        if (other->offset > end) {
            uint64_t gap = other->offset - end;
            if (gap >= item->bytes && gap < best_gap) {
                best = end;
                best_gap = gap;
            }
        }
        if (other->offset + other->bytes > end)
            end = other->offset + other->bytes;
    }
    return best_gap != UINT64_MAX ? best : end;
}

/* items are sorted by size. No offset overflows: all stay below Σ bytes, which was counted. */
static uint64_t
place_all(placed *items, placed **by_offset, uint32_t count)
{
    uint64_t arena = 0;
    for (uint32_t i = 0; i < count; i++) {
        placed *item = &items[i];
        item->offset = smallest_gap(item, by_offset, i);
        uint32_t at = i;
        for (; at > 0 && by_offset[at - 1]->offset > item->offset; at--)
            by_offset[at] = by_offset[at - 1];
        by_offset[at] = item;
        if (item->offset + item->bytes > arena)
            arena = item->offset + item->bytes;
    }
    return arena;
}

/* A change of the number of live bytes at a step. */
typedef struct change {
    uint32_t step; /* the first step for which it holds; an end is one past the last */
    bool begins;
    uint64_t bytes;
} change;

/* Within a step ends come before beginnings, so that the running sum is never above what is live. */
static int
by_step(const void *a, const void *b)
{
    const change *x = a, *y = b;
    if (x->step != y->step)
        return x->step < y->step ? -1 : 1;
    return (int)x->begins - (int)y->begins;
}

static uint64_t
most_live(const placed *items, change *changes, uint32_t count)
{
    size_t n = 0;
    for (uint32_t i = 0; i < count; i++) {
        const eg_interval *interval = items[i].interval;
        changes[n++] = (change){interval->first, true, items[i].bytes};
        if (interval->last != UINT32_MAX)
            changes[n++] = (change){interval->last + 1, false, items[i].bytes};
    }
    qsort(changes, n, sizeof *changes, by_step);
    uint64_t live = 0, most = 0;
    for (size_t i = 0; i < n; i++) {
        live = changes[i].begins ? live + changes[i].bytes : live - changes[i].bytes;
        most = live > most ? live : most;
    }
    return most;
}

/* Fills items with the intervals that need room; false if a sum overflows. */
static bool
collect(eg_interval *intervals, uint32_t count, uint64_t align, placed *items, uint32_t *out_count, uint64_t *out_naive)
{
    *out_count = 0;
    *out_naive = 0;
    for (uint32_t i = 0; i < count; i++) {
        intervals[i].offset = 0;
        uint64_t bytes;
        if (intervals[i].bytes == 0)
            continue;
        if (__builtin_add_overflow(intervals[i].bytes, align - 1, &bytes))
            return false;
        bytes &= ~(align - 1);
        if (__builtin_add_overflow(*out_naive, bytes, out_naive))
            return false;
        items[(*out_count)++] = (placed){.interval = &intervals[i], .bytes = bytes, .index = i};
    }
    return true;
}

static eg_status
plan(eg_interval *intervals, uint32_t count, uint64_t align, placed *items, placed **by_offset, change *changes,
     eg_plan_sizes *out, eg_error *err)
{
    uint32_t n;
    if (!collect(intervals, count, align, items, &n, &out->naive))
        return eg_fail(err, EG_E_FAILED, "the memory plan is larger than an address can say");
    qsort(items, n, sizeof *items, by_size);
    out->bound = most_live(items, changes, n);
    out->arena = place_all(items, by_offset, n);
    for (uint32_t i = 0; i < n; i++)
        intervals[items[i].index].offset = items[i].offset;
    return EG_OK;
}

eg_status
eg_plan_memory(eg_interval *intervals, uint32_t count, uint64_t align, eg_plan_sizes *out, eg_error *err)
{
    *out = (eg_plan_sizes){0};
    if (align == 0 || (align & (align - 1)))
        return eg_fail(err, EG_E_INTERNAL, "an alignment is not a power of two");
    for (uint32_t i = 0; i < count; i++) {
        if (intervals[i].first > intervals[i].last)
            return eg_fail(err, EG_E_INTERNAL, "interval %u ends before it begins", (unsigned)i);
    }
    placed *items = eg_calloc(count, sizeof *items);
    placed **by_offset = eg_calloc(count, sizeof *by_offset);
    change *changes = eg_calloc(count, 2 * sizeof *changes);
    eg_status status = items && by_offset && changes
                           ? plan(intervals, count, align, items, by_offset, changes, out, err)
                           : eg_fail_nomem(err, "the memory plan");
    eg_free(changes);
    eg_free(by_offset);
    eg_free(items);
    return status;
}
