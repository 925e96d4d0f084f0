/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/weights.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "frontend/torch/torch_file.h"

/* The files that a folder's weights may lie in; the first that is there counts. */
static const struct {
    const char *name;
    bool index;
    eg_shard_reader read;
} places[] = {
    {"model.safetensors", false, eg_safetensors_add},
    {"model.safetensors.index.json", true, eg_safetensors_add},
    {"pytorch_model.bin", false, eg_torch_file_add},
    {"pytorch_model.bin.index.json", true, eg_torch_file_add},
};
enum { PLACES = sizeof places / sizeof *places };

enum { INDEX_MAX = 100 * 1000 * 1000 };

static const struct {
    const char *name;
    size_t bytes;
} dtypes[] = {
    [EG_F32] = {"f32", 4}, [EG_F16] = {"f16", 2}, [EG_BF16] = {"bf16", 2},
    [EG_F64] = {"f64", 8}, [EG_I32] = {"i32", 4}, [EG_I64] = {"i64", 8},
    [EG_U8] = {"u8", 1},   [EG_I8] = {"i8", 1},   [EG_BOOL] = {"bool", 1},
};

size_t
eg_dtype_bytes(eg_dtype dtype)
{
    return dtype < sizeof dtypes / sizeof *dtypes ? dtypes[dtype].bytes : 0;
}

const char *
eg_dtype_name(eg_dtype dtype)
{
    return dtype < sizeof dtypes / sizeof *dtypes && dtypes[dtype].name ? dtypes[dtype].name : "unknown";
}

/* --- what to say when there are no weights ------------------------------------------------------- */

static bool
ends_with(const char *name, const char *suffix)
{
    size_t n = strlen(name), m = strlen(suffix);
    return n > m && strcmp(name + n - m, suffix) == 0;
}

static bool
looks_like_weights(const char *name)
{
    static const char *const suffixes[] = {".safetensors", ".bin",  ".gguf", ".h5",      ".msgpack",
                                           ".onnx",        ".ckpt", ".pt",   ".pth",     ".npz",
                                           ".index.json",  ".ot",   ".nemo", ".mlmodel", ".tflite"};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        if (ends_with(name, suffixes[i]))
            return true;
    return false;
}

/* The first file, by name, that looks like weights of some format; "" if there is none. */
static void
find_other_weights(DIR *dir, char *out, size_t n)
{
    out[0] = '\0';
    for (struct dirent *entry; (entry = readdir(dir));) {
        bool better = out[0] == '\0' || strcmp(entry->d_name, out) < 0;
        if (better && looks_like_weights(entry->d_name) && strlen(entry->d_name) < n)
            strcpy(out, entry->d_name);
    }
}

static eg_status
fail_no_weights(const char *dir, eg_error *err)
{
    char found[256] = "";
    DIR *opened = opendir(dir);
    if (!opened) {
        char text[128];
        int code = errno;
        bool missing = code == ENOENT || code == ENOTDIR;
        return eg_fail_at(err, missing ? EG_E_INPUT : EG_E_IO, dir, 0, 0, "cannot be read: %s",
                          strerror_r(code, text, sizeof text));
    }
    find_other_weights(opened, found, sizeof found);
    closedir(opened);
    eg_status status =
        eg_fail_at(err, EG_E_INPUT, dir, 0, 0, "there is no %s and no %s", places[0].name, places[2].name);
    return found[0] ? eg_hint(err, status, "found %s, which is not read", found) : status;
}

/* --- opening ------------------------------------------------------------------------------------- */

static eg_status
add_index(eg_weights *weights, eg_shard_reader read_shard, const char *dir, const char *path, eg_error *err)
{
    eg_file file;
    EG_TRY(eg_file_map(path, INDEX_MAX, &file, err));
    eg_status status = eg_weights_add_index(weights, read_shard, dir, file.data, file.size, path, err);
    eg_file_unmap(&file);
    return status;
}

/* The first place that the folder has, be it a dangling link or no file: opening it says what is wrong. */
static eg_status
find_place(eg_arena *arena, const char *dir, size_t *out, const char **out_path, eg_error *err)
{
    for (*out = 0; *out < PLACES; ++*out) {
        *out_path = eg_path_join(arena, dir, places[*out].name);
        if (!*out_path)
            return eg_fail_nomem(err, "a file's name");
        if (eg_file_exists(*out_path))
            return EG_OK;
    }
    return EG_OK;
}

static eg_status
add_folder(eg_weights *weights, const char *dir, eg_error *err)
{
    size_t place;
    const char *path;
    EG_TRY(find_place(&weights->arena, dir, &place, &path, err));
    if (place == PLACES)
        return fail_no_weights(dir, err);
    return places[place].index ? add_index(weights, places[place].read, dir, path, err)
                               : places[place].read(weights, path, err);
}

eg_status
eg_weights_exist(const char *dir, bool *out, eg_error *err)
{
    eg_arena arena = {0};
    size_t place = PLACES;
    const char *path;
    eg_status status = find_place(&arena, dir, &place, &path, err);
    *out = place < PLACES;
    eg_arena_finish(&arena);
    return status;
}

eg_status
eg_weights_open(const char *dir, eg_weights *out, eg_error *err)
{
    *out = (eg_weights){0};
    eg_status status = add_folder(out, dir, err);
    if (status != EG_OK)
        eg_weights_close(out);
    return status;
}

eg_status
eg_weights_open_file(const char *path, eg_weights *out, eg_error *err)
{
    *out = (eg_weights){0};
    const eg_file *file;
    eg_status status = eg_weights_map(out, path, &file, err);
    if (status == EG_OK && eg_torch_file_detect(file->data, file->size))
        status = eg_torch_file_parse(out, file->data, file->size, path, err);
    else if (status == EG_OK)
        status = eg_safetensors_parse(out, file->data, file->size, path, err);
    if (status != EG_OK)
        eg_weights_close(out);
    return status;
}

eg_status
eg_weights_map(eg_weights *weights, const char *path, const eg_file **out, eg_error *err)
{
    eg_file file;
    EG_TRY(eg_file_map(path, 0, &file, err));
    if (!EG_PUSH(&weights->files, file)) {
        eg_file_unmap(&file);
        return eg_fail_nomem(err, "the list of files");
    }
    if (file.size > 0)
        (void)madvise((void *)(uintptr_t)file.data, file.size, MADV_WILLNEED); /* advice: it may fail */
    *out = &weights->files.items[weights->files.count - 1];
    return EG_OK;
}

eg_status
eg_weights_add(eg_weights *weights, const eg_tensor *tensor, const char *name, size_t name_length,
               const eg_tensor **out_known, eg_error *err)
{
    uint64_t known;
    *out_known = NULL;
    if (eg_map_get(&weights->by_name, name, name_length, &known)) {
        *out_known = &weights->tensors.items[known];
        return EG_OK;
    }
    eg_tensor added = *tensor;
    added.name = eg_arena_strndup(&weights->arena, name, name_length);
    if (!added.name || !eg_map_put(&weights->by_name, added.name, name_length, weights->tensors.count, NULL) ||
        !EG_PUSH(&weights->tensors, added))
        return eg_fail_nomem(err, "the list of tensors");
    /* Tensors may share their bytes, so their sum may exceed what is mapped. */
    if (__builtin_add_overflow(weights->bytes, added.bytes, &weights->bytes))
        return eg_fail_at(err, EG_E_INPUT, added.file, 0, 0, "the tensors have more than 2^64 bytes");
    return EG_OK;
}

void
eg_weights_close(eg_weights *weights)
{
    for (size_t i = 0; i < weights->files.count; i++)
        eg_file_unmap(&weights->files.items[i]);
    eg_free(weights->files.items);
    eg_free(weights->tensors.items);
    eg_map_finish(&weights->by_name);
    eg_arena_finish(&weights->arena);
    *weights = (eg_weights){0};
}

const eg_tensor *
eg_weights_find(const eg_weights *weights, const char *name)
{
    uint64_t i;
    return eg_map_get(&weights->by_name, name, strlen(name), &i) ? &weights->tensors.items[i] : NULL;
}

void
eg_tensor_evict(const eg_tensor *tensor)
{
    long page = sysconf(_SC_PAGESIZE);
    if (page <= 0)
        return;
    /* Whole pages only: those at the ends belong to the neighbours too. */
    uintptr_t mask = (uintptr_t)page - 1, begin = (uintptr_t)tensor->data;
    uintptr_t end = (begin + tensor->bytes) & ~mask;
    begin = (begin + mask) & ~mask;
    if (begin < end)
        (void)madvise((void *)begin, end - begin, MADV_DONTNEED);
}
