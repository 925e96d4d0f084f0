/* SPDX-License-Identifier: Apache-2.0 */
/* The token ids, and with them the reference's arrays, of an archive that numpy.savez wrote. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/mem.h"
#include "cli/npy.h"
#include "cli/npz_archive.h"
#include "cli/say.h"

static eg_status
bad(const eg_npz_archive *a, const char *fmt, const char *name)
{
    char what[400];
    snprintf(what, sizeof what, fmt, name); /* the formats are all below */
    return eg_fault_at(a->err, EG_E_INPUT, a->path, 0, 0, "%s", what);
}

/* --- token ids ----------------------------------------------------------------------------------- */

/* Little-endian, as the file says and as our machines are. */
static int64_t
read_integer(const eg_npz_array *array, uint64_t i)
{
    int64_t wide;
    int32_t narrow;
    if (array->dtype == EG_I64) {
        memcpy(&wide, array->data + 8 * i, sizeof wide);
        return wide;
    }
    memcpy(&narrow, array->data + 4 * i, sizeof narrow);
    return narrow;
}

/* Copies the array NAME; *out stays NULL where there is none. */
static eg_status
read_integers(const eg_npz_archive *a, const char *name, int64_t **out, uint64_t *out_count)
{
    eg_npz_array array;
    bool found;
    EG_TRY(eg_npz_find(a, name, &array, &found));
    if (!found)
        return EG_OK;
    if (array.dtype != EG_I64 && array.dtype != EG_I32)
        return bad(a, "'%s' does not hold little-endian int64 or int32 numbers", name);
    if (array.rank != 1) {
        bad(a, "'%s' is not an array of one axis", name);
        return eg_fault_hint(a->err, "texts stand one after another in input_ids; cu_seqlens says where each begins");
    }
    *out = malloc((array.count + 1) * sizeof **out);
    if (!*out)
        return eg_fault(a->err, EG_E_NOMEM, "out of memory");
    for (uint64_t i = 0; i < array.count; i++)
        (*out)[i] = read_integer(&array, i);
    *out_count = array.count;
    return EG_OK;
}

static eg_status
check_offsets(const eg_npz_archive *a, const eg_ids *ids, uint64_t offsets, uint64_t tokens)
{
    if (offsets == 0 || offsets > UINT32_MAX || ids->cu_seqlens[0] != 0)
        return bad(a, "'%s' does not begin with 0", "cu_seqlens");
    for (uint64_t i = 1; i < offsets; i++)
        if (ids->cu_seqlens[i] <= ids->cu_seqlens[i - 1])
            return bad(a, "'%s' does not increase: a text has at least one token", "cu_seqlens");
    if ((uint64_t)ids->cu_seqlens[offsets - 1] != tokens)
        return bad(a, "'%s' does not end with the number of input_ids", "cu_seqlens");
    return EG_OK;
}

static eg_status
read_ids(const eg_npz_archive *a, eg_ids *out)
{
    uint64_t tokens = 0, offsets = 0, types = 0;
    EG_TRY(read_integers(a, "input_ids", &out->ids, &tokens));
    EG_TRY(read_integers(a, "cu_seqlens", &out->cu_seqlens, &offsets));
    EG_TRY(read_integers(a, "token_type_ids", &out->type_ids, &types));
    if (!out->ids || !out->cu_seqlens)
        return bad(a, "has no array '%s'", out->ids ? "cu_seqlens" : "input_ids");
    EG_TRY(check_offsets(a, out, offsets, tokens));
    if (out->type_ids && types != tokens)
        return bad(a, "'%s' has not as many numbers as input_ids", "token_type_ids");
    out->count = (uint32_t)(offsets - 1);
    return EG_OK;
}

eg_status
eg_ids_read(const char *path, eg_ids *out, eg_error *err)
{
    eg_npz_archive a;
    *out = (eg_ids){0};
    EG_TRY(eg_npz_load(&a, path, err));
    eg_status status = read_ids(&a, out);
    eg_npz_unload(&a);
    if (status != EG_OK)
        eg_ids_free(out);
    return status;
}

void
eg_ids_free(eg_ids *ids)
{
    free(ids->ids);
    free(ids->cu_seqlens);
    free(ids->type_ids);
    *ids = (eg_ids){0};
}

/* --- a reference's arrays ------------------------------------------------------------------------ */

struct eg_golden_array {
    eg_golden_array *next;
    char name[EG_NPZ_NAME];
    _Alignas(8) unsigned char data[]; /* aligned, which it is not in the file */
};

static bool
is_of_tokens(const char *name)
{
    return strcmp(name, "input_ids") == 0 || strcmp(name, "cu_seqlens") == 0 || strcmp(name, "token_type_ids") == 0;
}

static eg_status
check_array(const eg_npz_archive *a, const eg_golden_file *file, const eg_npz_array *array)
{
    for (size_t i = 0; i < file->count; i++)
        if (strcmp(file->tensors[i].name, array->name) == 0)
            return bad(a, "has '%s' twice", array->name);
    if (array->dtype != EG_F32 && array->dtype != EG_I64) {
        eg_fault_at(a->err, EG_E_INPUT, a->path, 0, 0, "'%s' holds numbers of the type '%s'", array->name, array->type);
        return eg_fault_hint(a->err, "little-endian float32, '<f4', is compared; int64, '<i8', for integers");
    }
    if (array->by_columns) {
        bad(a, "'%s' lies in Fortran order", array->name);
        return eg_fault_hint(a->err, "save numpy.ascontiguousarray of it");
    }
    if (array->rank == 0 || array->rank > EG_TENSOR_RANK)
        return bad(a, array->rank ? "'%s' has more axes than any output" : "'%s' is a single number", array->name);
    return EG_OK;
}

static eg_status
keep_array(const eg_npz_archive *a, const eg_npz_array *array, eg_golden_file *file)
{
    EG_TRY(check_array(a, file, array));
    EG_TRY(eg_reserve(&file->tensors, &file->capacity, file->count + 1, sizeof *file->tensors, a->err));
    size_t bytes = (size_t)(array->count * array->bytes);
    eg_golden_array *kept = malloc(sizeof *kept + bytes);
    if (!kept)
        return eg_fault(a->err, EG_E_NOMEM, "out of memory");
    kept->next = file->arrays;
    file->arrays = kept;
    memcpy(kept->name, array->name, sizeof kept->name);
    memcpy(kept->data, array->data, bytes);
    eg_tensor_view *tensor = &file->tensors[file->count++];
    *tensor = (eg_tensor_view){
        .size = sizeof *tensor, .dtype = array->dtype, .rank = array->rank, .data = kept->data, .name = kept->name};
    memcpy(tensor->dims, array->dims, sizeof tensor->dims);
    return EG_OK;
}

static eg_status
read_golden(const eg_npz_archive *a, eg_golden_file *out)
{
    eg_npz_cursor cursor = {0};
    eg_npz_array array;
    bool found;
    EG_TRY(read_ids(a, &out->ids));
    for (;;) {
        EG_TRY(eg_npz_next(a, &cursor, &array, &found));
        if (!found)
            return EG_OK;
        if (!is_of_tokens(array.name))
            EG_TRY(keep_array(a, &array, out));
    }
}

eg_status
eg_golden_read(const char *path, eg_golden_file *out, eg_error *err)
{
    eg_npz_archive a;
    *out = (eg_golden_file){0};
    EG_TRY(eg_npz_load(&a, path, err));
    eg_status status = read_golden(&a, out);
    eg_npz_unload(&a);
    if (status != EG_OK)
        eg_golden_free(out);
    return status;
}

void
eg_golden_free(eg_golden_file *file)
{
    eg_ids_free(&file->ids);
    free(file->tensors);
    while (file->arrays) {
        eg_golden_array *next = file->arrays->next;
        free(file->arrays);
        file->arrays = next;
    }
    *file = (eg_golden_file){0};
}
