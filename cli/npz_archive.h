/* SPDX-License-Identifier: Apache-2.0 */
/* An archive that numpy.savez wrote, read whole into memory: its arrays, one after another or by name. */
#ifndef EG_CLI_NPZ_ARCHIVE_H
#define EG_CLI_NPZ_ARCHIVE_H

#include <egbert/egbert.h>
#include <stdbool.h>

typedef struct eg_npz_archive {
    const char *path;
    unsigned char *data;
    uint64_t size;
    uint64_t central, entries;
    eg_error *err; /* filled by every call that fails: EG_E_INPUT with the path */
} eg_npz_archive;

enum { EG_NPZ_NAME = 256 };

typedef struct eg_npz_array {
    char name[EG_NPZ_NAME];
    char type[8];    /* NumPy's, such as "<f4" */
    eg_dtype dtype;  /* EG_F32, EG_I64 or EG_I32; 0: another one */
    uint32_t bytes;  /* of an element; 0: unknown */
    bool by_columns; /* the first axis runs fastest */
    uint32_t rank;   /* dims beyond EG_TENSOR_RANK are not kept */
    int64_t dims[EG_TENSOR_RANK];
    uint64_t count;            /* elements */
    const unsigned char *data; /* count × bytes, at any alignment */
} eg_npz_array;

typedef struct eg_npz_cursor { /* {0}: before the first array */
    uint64_t index, at;
} eg_npz_cursor;

EG_NODISCARD eg_status eg_npz_load(eg_npz_archive *archive, const char *path, eg_error *err);
void eg_npz_unload(eg_npz_archive *archive);

/* NAME.npy; *out_found false where the archive has none. */
EG_NODISCARD eg_status eg_npz_find(const eg_npz_archive *archive, const char *name, eg_npz_array *out, bool *out_found);
/* The next array; *out_found false at the end. */
EG_NODISCARD eg_status eg_npz_next(const eg_npz_archive *archive, eg_npz_cursor *cursor, eg_npz_array *out,
                                   bool *out_found);

#endif
