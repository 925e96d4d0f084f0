/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *
kind_name(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFDIR:
        return "a directory";
    case S_IFIFO:
        return "a FIFO";
    case S_IFSOCK:
        return "a socket";
    case S_IFCHR:
    case S_IFBLK:
        return "a device";
    default:
        return "a special file";
    }
}

static eg_status
fail_errno(const char *path, const char *what, int code, eg_error *err)
{
    bool missing = code == ENOENT || code == ENOTDIR || code == ELOOP || code == ENAMETOOLONG;
    char text[128];
    return eg_fail_at(err, missing ? EG_E_INPUT : EG_E_IO, path, 0, 0, "%s: %s", what,
                      strerror_r(code, text, sizeof text));
}

static eg_status
check_regular(const char *path, const struct stat *st, size_t max_bytes, eg_error *err)
{
    if (!S_ISREG(st->st_mode)) {
        eg_status status = eg_fail_at(err, EG_E_INPUT, path, 0, 0, "is %s", kind_name(st->st_mode));
        return eg_hint(err, status, "expected a regular file");
    }
    if ((uintmax_t)st->st_size > SIZE_MAX || (max_bytes > 0 && (uintmax_t)st->st_size > max_bytes))
        return eg_fail_at(err, EG_E_INPUT, path, 0, 0, "has %jd bytes, more than the %zu that are allowed",
                          (intmax_t)st->st_size, max_bytes ? max_bytes : SIZE_MAX);
    return EG_OK;
}

/* Maps what fd holds; the caller closes fd and frees out->path. */
static eg_status
map_open_file(int fd, const char *path, size_t max_bytes, eg_file *out, eg_error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return fail_errno(path, "cannot be read", errno, err);
    EG_TRY(check_regular(path, &st, max_bytes, err)); /* again: it may be another file by now */
    if (st.st_size > 0) {
        void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED && errno == ENOMEM)
            return eg_fail_at(err, EG_E_NOMEM, path, 0, 0, "out of memory (mapping the file)");
        if (data == MAP_FAILED)
            return fail_errno(path, "cannot be mapped", errno, err);
        out->data = data;
    }
    out->size = (size_t)st.st_size;
    out->dev = st.st_dev;
    out->ino = st.st_ino;
    out->mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    return EG_OK;
}

eg_status
eg_file_map(const char *path, size_t max_bytes, eg_file *out, eg_error *err)
{
    *out = (eg_file){0};
    /* Asked before opening, because opening some devices does something. */
    struct stat st;
    if (stat(path, &st) != 0)
        return fail_errno(path, "cannot be opened", errno, err);
    EG_TRY(check_regular(path, &st, max_bytes, err));

    /* O_NONBLOCK: if a FIFO takes the file's place just now, opening it must not wait for a writer. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return fail_errno(path, "cannot be opened", errno, err);
    eg_status status;
    out->path = eg_strdup(path);
    if (out->path)
        status = map_open_file(fd, path, max_bytes, out, err);
    else
        status = eg_fail_nomem(err, "a file's path");
    close(fd);
    if (status != EG_OK)
        eg_file_unmap(out);
    return status;
}

void
eg_file_unmap(eg_file *file)
{
    if (file->data)
        munmap((void *)(uintptr_t)file->data, file->size);
    eg_free(file->path);
    *file = (eg_file){0};
}

bool
eg_file_exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

bool
eg_is_directory(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

char *
eg_path_join(eg_arena *arena, const char *dir, const char *name)
{
    size_t length = strlen(dir);
    if (length == 0)
        return eg_arena_strdup(arena, name);
    const char *separator = dir[length - 1] == '/' ? "" : "/";
    return eg_arena_printf(arena, "%s%s%s", dir, separator, name);
}
