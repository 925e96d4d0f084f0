/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/mem.h"

#include <stdlib.h>
#include <string.h>

#include "cli/say.h"

eg_status
eg_reserve(void *array, size_t *capacity, size_t count, size_t size, eg_error *err)
{
    if (count <= *capacity)
        return EG_OK;
    size_t grown = *capacity < 8 ? 8 : *capacity;
    while (grown < count && grown <= SIZE_MAX / 2)
        grown *= 2;
    void *old, *moved = NULL;
    memcpy(&old, array, sizeof old);
    if (grown >= count && grown <= SIZE_MAX / size)
        moved = realloc(old, grown * size);
    if (!moved)
        return eg_fault(err, EG_E_NOMEM, "out of memory");
    memcpy(array, &moved, sizeof moved);
    *capacity = grown;
    return EG_OK;
}

eg_status
eg_bytes_add(eg_bytes *bytes, const char *data, size_t length, eg_error *err)
{
    eg_status status = eg_reserve(&bytes->data, &bytes->capacity, bytes->length + length, 1, err);
    if (status != EG_OK)
        return status;
    if (length)
        memcpy(bytes->data + bytes->length, data, length);
    bytes->length += length;
    return EG_OK;
}

void
eg_bytes_free(eg_bytes *bytes)
{
    free(bytes->data);
    *bytes = (eg_bytes){0};
}
