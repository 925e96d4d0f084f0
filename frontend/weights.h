/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tensors of a checkpoint by name, whatever files they lie in. Data stays mapped and is never copied.
 * Readers of one file format fill an eg_weights: safetensors.c, torch/torch_file.c.
 *
 * Thread-safety: immutable once opened; any thread.
 */
#ifndef EG_FRONTEND_WEIGHTS_H
#define EG_FRONTEND_WEIGHTS_H

#include "base/map.h"
#include "frontend/file.h"

#define EG_TENSOR_MAX_RANK 8

typedef struct eg_tensor {
    const char *name; /* as in the file */
    eg_dtype dtype;
    uint32_t rank;
    int64_t dims[EG_TENSOR_MAX_RANK];
    int64_t strides[EG_TENSOR_MAX_RANK]; /* elements, from 0; no two elements share a place */
    const void *data;                    /* in the mapping; may be unaligned */
    uint64_t bytes;                      /* of the elements; with strides they reach further */
    const char *file;                    /* for messages */
} eg_tensor;

typedef struct eg_weights {
    eg_arena arena;
    EG_VEC(eg_file) files;
    EG_VEC(eg_tensor) tensors; /* in the order of the files */
    eg_map by_name;            /* name → index of tensors */
    uint64_t bytes;            /* of all tensors */
} eg_weights;

/*
 * Opens the weights of a folder: the first of model.safetensors, model.safetensors.index.json with its shards,
 * pytorch_model.bin, pytorch_model.bin.index.json with its shards. EG_E_INPUT when none is there (the hint names what
 * is: a .gguf, …) or when a rule of the format is broken.
 */
EG_NODISCARD eg_status eg_weights_open(const char *dir, eg_weights *out, eg_error *err);
/* Whether the folder has a file that eg_weights_open() would open. EG_E_NOMEM is the only failure. */
EG_NODISCARD eg_status eg_weights_exist(const char *dir, bool *out, eg_error *err);
/* One file of either format, such as an instance's head weights. */
EG_NODISCARD eg_status eg_weights_open_file(const char *path, eg_weights *out, eg_error *err);
void eg_weights_close(eg_weights *weights); /* {0} is fine */

const eg_tensor *eg_weights_find(const eg_weights *weights, const char *name);

size_t eg_dtype_bytes(eg_dtype dtype);     /* 0 for an unknown one */
const char *eg_dtype_name(eg_dtype dtype); /* "f32", … */

/* For the readers: maps a file, which weights then own. */
EG_NODISCARD eg_status eg_weights_map(eg_weights *weights, const char *path, const eg_file **out, eg_error *err);
/*
 * For the readers: adds a copy of *tensor under this name. If the name is taken nothing is added and *out_known is the
 * tensor that has it, else NULL.
 */
EG_NODISCARD eg_status eg_weights_add(eg_weights *weights, const eg_tensor *tensor, const char *name,
                                      size_t name_length, const eg_tensor **out_known, eg_error *err);

/* safetensors.c: adds one file's tensors. The header's every rule is checked before any of it is used. */
EG_NODISCARD eg_status eg_safetensors_add(eg_weights *weights, const char *path, eg_error *err);
/* The same for `size` bytes in memory, which must outlive weights. `file` is for messages and is copied. */
EG_NODISCARD eg_status eg_safetensors_parse(eg_weights *weights, const void *data, size_t size, const char *file,
                                            eg_error *err);

/* Adds the tensors of one file. */
typedef eg_status (*eg_shard_reader)(eg_weights *weights, const char *path, eg_error *err);

/*
 * weights_index.c: adds the shards that an index (JSON text) names, which lie in `dir`, and checks that its
 * weight_map says what they hold. `file` is the index's name for messages.
 */
EG_NODISCARD eg_status eg_weights_add_index(eg_weights *weights, eg_shard_reader read_shard, const char *dir,
                                            const char *text, size_t size, const char *file, eg_error *err);

/*
 * For a tensor in a mapped file that was read for the last time, such as after packing: its pages leave the resident
 * memory. Its data can still be read, more slowly.
 */
void eg_tensor_evict(const eg_tensor *tensor);

#endif
