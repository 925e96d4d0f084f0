/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An allocator that fails when it is told to, or counts what is asked of it, for one program: linked with --wrap of malloc, calloc, realloc and
 * aligned_alloc, so that the library's calls come here. Counted without a lock: while one thread allocates.
 */
#ifndef EG_TESTS_UNIT_FAILING_ALLOC_H
#define EG_TESTS_UNIT_FAILING_ALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_aligned_alloc(size_t align, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_aligned_alloc(size_t align, size_t n);

static struct {
    bool armed;  /* some allocation is to fail */
    bool once;   /* one alone; else that one and all after it */
    bool failed; /* one has */
    size_t left; /* allocations that still succeed */
} failing;

/* The allocation after the next n fails; `once`: those behind it succeed. */
static inline void
fail_allocation(size_t n, bool once)
{
    failing.armed = true;
    failing.once = once;
    failing.failed = false;
    failing.left = n;
}

/* All succeed again. Whether one had failed. */
static inline bool
allocations_work(void)
{
    failing.armed = false;
    return failing.failed;
}

typedef struct allocations {
    size_t count, bytes;
} allocations;

static struct {
    bool on;
    allocations asked;
} counting;

/* From now on. */
static inline void
count_allocations(void)
{
    counting.asked = (allocations){0, 0};
    counting.on = true;
}

/* What was asked for since; no more is counted. */
static inline allocations
counted_allocations(void)
{
    counting.on = false;
    return counting.asked;
}

static inline bool
may_allocate(size_t n)
{
    if (counting.on) {
        counting.asked.count++;
        counting.asked.bytes += n;
    }
    if (!failing.armed)
        return true;
    if (failing.left > 0) {
        failing.left--;
        return true;
    }
    failing.armed = !failing.once;
    failing.failed = true;
    return false;
}

void *
__wrap_malloc(size_t n)
{
    return may_allocate(n) ? __real_malloc(n) : NULL;
}

void *
__wrap_calloc(size_t count, size_t size)
{
    return may_allocate(count * size) ? __real_calloc(count, size) : NULL;
}

void *
__wrap_realloc(void *p, size_t n)
{
    return may_allocate(n) ? __real_realloc(p, n) : NULL;
}

void *
__wrap_aligned_alloc(size_t align, size_t n)
{
    return may_allocate(n) ? __real_aligned_alloc(align, n) : NULL;
}

#endif
