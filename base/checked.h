/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic on sizes that come from files. Each returns false on overflow and leaves *out unspecified. */
#ifndef EG_BASE_CHECKED_H
#define EG_BASE_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool
eg_add_size(size_t a, size_t b, size_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

static inline bool
eg_mul_size(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

static inline bool
eg_add_i64(int64_t a, int64_t b, int64_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

static inline bool
eg_sub_i64(int64_t a, int64_t b, int64_t *out)
{
    return !__builtin_sub_overflow(a, b, out);
}

static inline bool
eg_mul_i64(int64_t a, int64_t b, int64_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

/* Rounds up to a multiple of align, a power of two. */
static inline bool
eg_align_size(size_t n, size_t align, size_t *out)
{
    if (!eg_add_size(n, align - 1, out))
        return false;
    *out &= ~(align - 1);
    return true;
}

#endif
