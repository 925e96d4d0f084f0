/* SPDX-License-Identifier: Apache-2.0 */
/* NumPy's array file, version 1.0, and its zip archives of arrays. Little-endian, C order. */
#ifndef EG_CLI_NPY_H
#define EG_CLI_NPY_H

#include <egbert/egbert.h>

#include "cli/file_out.h"

#define EG_NPY_HEADER 128 /* bytes, whatever the shape; rank is at most EG_TENSOR_RANK */

/* Fills the header of an array of EG_F32 or EG_I64. */
void eg_npy_header(char header[EG_NPY_HEADER], eg_dtype dtype, uint32_t rank, const int64_t *dims);

/* --- FILE.npy of float32 [rows, width], row by row ----------------------------------------------- */

typedef struct eg_npy_rows {
    eg_file_out out;
    int64_t rows, width;
} eg_npy_rows;

EG_NODISCARD eg_status eg_npy_rows_open(eg_npy_rows *npy, const char *path, int64_t width, eg_error *err);
EG_NODISCARD eg_status eg_npy_rows_add(eg_npy_rows *npy, const float *data, int64_t rows, eg_error *err);
EG_NODISCARD eg_status eg_npy_rows_commit(eg_npy_rows *npy, eg_error *err);
void eg_npy_rows_close(eg_npy_rows *npy);

/* --- FILE.npz, stored without compression -------------------------------------------------------- */

typedef struct eg_npz_writer {
    eg_file_out out;
    uint64_t offset;
    struct eg_npz_entry *entries;
    size_t count, capacity;
} eg_npz_writer;

EG_NODISCARD eg_status eg_npz_open(eg_npz_writer *npz, const char *path, eg_error *err);
/* Adds NAME.npy. */
EG_NODISCARD eg_status eg_npz_add(eg_npz_writer *npz, const char *name, eg_dtype dtype, uint32_t rank,
                                  const int64_t *dims, const void *data, eg_error *err);
EG_NODISCARD eg_status eg_npz_commit(eg_npz_writer *npz, eg_error *err);
void eg_npz_close(eg_npz_writer *npz);

/* Continues a CRC-32 (0 to begin with) over more bytes. */
uint32_t eg_crc32(uint32_t crc, const void *data, size_t size);

/* --- reading the token ids of FILE.npz ----------------------------------------------------------- */

typedef struct eg_ids {
    uint32_t count;      /* texts */
    int64_t *ids;        /* [cu_seqlens[count]] */
    int64_t *cu_seqlens; /* [count + 1] */
    int64_t *type_ids;   /* NULL: none */
} eg_ids;

/* input_ids, cu_seqlens and, if there, token_type_ids; int64 or int32 of one axis. A fault is EG_E_INPUT. */
EG_NODISCARD eg_status eg_ids_read(const char *path, eg_ids *out, eg_error *err);
void eg_ids_free(eg_ids *ids);

/* The same with the other arrays of the archive: what a reference computed. */
typedef struct eg_golden_array eg_golden_array;
typedef struct eg_golden_file {
    eg_ids ids;
    eg_tensor_view *tensors;
    size_t count, capacity;
    eg_golden_array *arrays; /* names and data of the tensors */
} eg_golden_file;

/* Float32 or int64 of 1 to EG_TENSOR_RANK axes; a fault is EG_E_INPUT. */
EG_NODISCARD eg_status eg_golden_read(const char *path, eg_golden_file *out, eg_error *err);
void eg_golden_free(eg_golden_file *file);

#endif
