/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/weights.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static const char single_name[] = "model.safetensors", index_name[] = "model.safetensors.index.json";

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

/* Whether the folder has an entry of that name, be it a dangling link or no file: opening it says what is wrong. */
static bool
has_entry(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
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
    eg_status status = eg_fail_at(err, EG_E_INPUT, dir, 0, 0, "there is no %s and no %s", single_name, index_name);
    return found[0] ? eg_hint(err, status, "found %s, which is not read", found) : status;
}

/* --- opening ------------------------------------------------------------------------------------- */

static eg_status
add_index(eg_weights *weights, const char *dir, const char *path, eg_error *err)
{
    eg_file file;
    EG_TRY(eg_file_map(path, INDEX_MAX, &file, err));
    eg_status status = eg_safetensors_add_index(weights, dir, file.data, file.size, path, err);
    eg_file_unmap(&file);
    return status;
}

static eg_status
add_folder(eg_weights *weights, const char *dir, eg_error *err)
{
    const char *single = eg_path_join(&weights->arena, dir, single_name);
    const char *index = eg_path_join(&weights->arena, dir, index_name);
    if (!single || !index)
        return eg_fail_nomem(err, "a file's name");
    if (has_entry(single))
        return eg_safetensors_add(weights, single, err);
    if (has_entry(index))
        return add_index(weights, dir, index, err);
    return fail_no_weights(dir, err);
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
    eg_status status = eg_safetensors_add(out, path, err);
    if (status != EG_OK)
        eg_weights_close(out);
    return status;
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
