/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays that grow. The command uses the C library's allocator; every failure is a status. */
#ifndef EG_CLI_MEM_H
#define EG_CLI_MEM_H

#include <egbert/egbert.h>
#include <stddef.h>

/*
 * Makes room for `count` elements of `size` bytes in *array, whose room is *capacity elements, at least doubling it.
 * EG_E_NOMEM leaves the array as it was. Free with free().
 */
EG_NODISCARD eg_status eg_reserve(void *array, size_t *capacity, size_t count, size_t size, eg_error *err);

/* A growing string of bytes. */
typedef struct eg_bytes {
    char *data;
    size_t length, capacity;
} eg_bytes;

EG_NODISCARD eg_status eg_bytes_add(eg_bytes *bytes, const char *data, size_t length, eg_error *err);
void eg_bytes_free(eg_bytes *bytes);

#endif
