/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/planner.h"

#include <stdlib.h>

#include "base/mem.h"

/* At most so many changes to the order are tried, and fewer where many intervals would make it slow. */
enum { MOST_SWAPS = 200, MOST_WORK = 2000000 };

/* What placement works on: intervals with a size, and where they lie. */
typedef struct placed {
    const eg_interval *interval;
    uint64_t bytes; /* rounded up to the alignment */
    uint64_t offset;
    uint64_t breadth;      /* the most live bytes at any step of its life … */
    uint32_t breadth_step; /* … and the first step that has them */
    uint32_t index;
} placed;

typedef struct planning {
    placed *items; /* in the order of placing */
    uint32_t count;
    placed **by_offset;    /* room for placing */
    uint64_t *best_offset; /* per item: of the best placement so far, by the interval's index */
    eg_plan_sizes *out;
} planning;

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

/* Step by step, the widest first, what lives there and has no place yet; of that the largest first. */
static int
by_breadth(const void *a, const void *b)
{
    const placed *x = a, *y = b;
    if (x->breadth != y->breadth)
        return x->breadth > y->breadth ? -1 : 1;
    if (x->breadth_step != y->breadth_step)
        return x->breadth_step < y->breadth_step ? -1 : 1;
    return by_size(a, b);
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

/* In the order of the items. No offset overflows: all stay below Σ bytes, which was counted. */
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

/* --- one order after another --------------------------------------------------------------------- */

/* Places in the order of the items, and keeps the offsets if they are the best so far. */
static uint64_t
try_order(planning *p, eg_plan_way way)
{
    uint64_t arena = place_all(p->items, p->by_offset, p->count);
    if (arena < p->out->arena) {
        p->out->arena = arena;
        p->out->way = way;
        for (uint32_t i = 0; i < p->count; i++)
            p->best_offset[p->items[i].index] = p->items[i].offset;
    }
    return arena;
}

static uint64_t
live_at(const planning *p, uint32_t step)
{
    uint64_t live = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        const eg_interval *interval = p->items[i].interval;
        if (interval->first <= step && step <= interval->last)
            live += p->items[i].bytes;
    }
    return live;
}

/* What lives grows only where an interval begins, so no other step need be looked at. */
static void
find_breadths(planning *p)
{
    for (uint32_t i = 0; i < p->count; i++) {
        uint32_t step = p->items[i].interval->first;
        uint64_t live = live_at(p, step);
        for (uint32_t k = 0; k < p->count; k++) {
            placed *item = &p->items[k];
            if (step < item->interval->first || step > item->interval->last || live < item->breadth ||
                (live == item->breadth && step >= item->breadth_step))
                continue;
            item->breadth = live;
            item->breadth_step = step;
        }
    }
}

static void
sort(planning *p, int (*order)(const void *, const void *))
{
    qsort(p->items, p->count, sizeof *p->items, order);
}

/* The next number of a row that is the same for every plan (splitmix64), below n. */
static uint32_t
next_below(uint64_t *state, uint32_t n)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ z >> 31) % n);
}

/* One of the items that reach above the bound, in the latest placement. There is one: the arena is larger. */
static uint32_t
pick_high(const planning *p, uint64_t *state)
{
    uint32_t from = next_below(state, p->count);
    for (uint32_t i = 0; i < p->count; i++) {
        const placed *item = &p->items[(from + i) % p->count];
        if (item->offset + item->bytes > p->out->bound)
            return (from + i) % p->count;
    }
    return from;
}

static void
swap(placed *items, uint32_t a, uint32_t b)
{
    placed kept = items[a];
    items[a] = items[b];
    items[b] = kept;
}

/* What lies too high changes its turn with something else; the change stays unless it makes the arena larger. */
static void
try_swaps(planning *p, uint64_t arena)
{
    uint64_t state = 0, pairs = (uint64_t)p->count * p->count;
    uint64_t swaps = MOST_WORK / pairs < MOST_SWAPS ? MOST_WORK / pairs : MOST_SWAPS;
    for (uint64_t i = 0; i < swaps && p->out->arena > p->out->bound; i++) {
        uint32_t high = pick_high(p, &state), other = next_below(&state, p->count);
        swap(p->items, high, other);
        uint64_t now = try_order(p, EG_PLAN_BY_SWAPS);
        if (now <= arena)
            arena = now;
        else
            swap(p->items, high, other);
    }
}

static void
find_placement(planning *p)
{
    sort(p, by_size);
    uint64_t size_arena = try_order(p, EG_PLAN_BY_SIZE);
    if (p->count == 0 || p->out->arena == p->out->bound)
        return;
    find_breadths(p);
    sort(p, by_breadth);
    uint64_t arena = try_order(p, EG_PLAN_BY_BREADTH);
    if (p->out->arena == p->out->bound)
        return;
    if (size_arena < arena) {
        sort(p, by_size);
        arena = place_all(p->items, p->by_offset, p->count);
    }
    try_swaps(p, arena);
}

static eg_status
plan(planning *p, eg_interval *intervals, uint32_t count, uint64_t align, change *changes, eg_error *err)
{
    if (!collect(intervals, count, align, p->items, &p->count, &p->out->naive))
        return eg_fail(err, EG_E_FAILED, "the memory plan is larger than an address can say");
    p->out->bound = most_live(p->items, changes, p->count);
    p->out->arena = UINT64_MAX; /* any placement is smaller */
    find_placement(p);
    for (uint32_t i = 0; i < p->count; i++)
        intervals[p->items[i].index].offset = p->best_offset[p->items[i].index];
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
    planning p = {.out = out};
    p.items = eg_calloc(count, sizeof *p.items);
    p.by_offset = eg_calloc(count, sizeof *p.by_offset);
    p.best_offset = eg_calloc(count, sizeof *p.best_offset);
    change *changes = eg_calloc(count, 2 * sizeof *changes);
    eg_status status = p.items && p.by_offset && p.best_offset && changes
                           ? plan(&p, intervals, count, align, changes, err)
                           : eg_fail_nomem(err, "the memory plan");
    eg_free(changes);
    eg_free(p.best_offset);
    eg_free(p.by_offset);
    eg_free(p.items);
    return status;
}
