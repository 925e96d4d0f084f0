/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a pickle of tensors may name: storages, and the functions that put a tensor on one. A record is checked when it
 * is read: a tensor lies within its storage and no two of its elements share a place.
 */
#ifndef EG_FRONTEND_TORCH_RECORDS_H
#define EG_FRONTEND_TORCH_RECORDS_H

#include "frontend/torch/pickle.h"
#include "frontend/weights.h"

typedef struct eg_torch_global eg_torch_global;

/* Numbers of one type in a row; several tensors may lie on one. */
typedef struct eg_torch_storage {
    const char *key; /* in the file, not NUL-terminated */
    uint32_t key_length;
    eg_dtype dtype;
    uint64_t count, bytes;
    uint64_t record;  /* where the pickle names it first, for messages */
    const void *data; /* NULL until the container has found it */
} eg_torch_storage;

typedef struct eg_torch_tensor {
    eg_torch_storage *storage;
    uint64_t offset; /* bytes */
    uint64_t bytes;  /* of its elements */
    uint32_t rank;
    int64_t dims[EG_TENSOR_MAX_RANK], strides[EG_TENSOR_MAX_RANK];
} eg_torch_tensor;

/* EG_E_INPUT for everything that is not in the table. */
EG_NODISCARD eg_status eg_torch_find_global(eg_pickle *machine, const char *module, size_t module_length,
                                            const char *name, size_t name_length, const eg_torch_global **out);
bool eg_torch_is_ordered_dict(const eg_torch_global *global);

/* The tensor that a call of the global stands for. */
EG_NODISCARD eg_status eg_torch_rebuild(eg_pickle *machine, const eg_torch_global *global,
                                        const eg_pickle_value *arguments, size_t count, eg_pickle_value *out);
/* The storage that a persistent id names; the same one for the same key. */
EG_NODISCARD eg_status eg_torch_storage_of(eg_pickle *machine, const eg_pickle_value *id, eg_pickle_value *out);

#endif
