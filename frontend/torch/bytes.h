/* SPDX-License-Identifier: Apache-2.0 */
/* Little-endian numbers at any address. */
#ifndef EG_FRONTEND_TORCH_BYTES_H
#define EG_FRONTEND_TORCH_BYTES_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t
eg_read_le(const void *at, size_t bytes)
{
    const unsigned char *p = at;
    uint64_t value = 0;
    for (size_t i = bytes; i > 0; i--)
        value = value << 8 | p[i - 1];
    return value;
}

#endif
