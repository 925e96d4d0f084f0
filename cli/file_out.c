/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/file_out.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/say.h"

static eg_status
failed(const eg_file_out *out, eg_error *err)
{
    return eg_fault_errno(err, EG_E_IO, out->path, "cannot be written");
}

/* Whether a rename may replace what is at the path: nothing, or a plain file that is not reached through a link. */
static bool
is_replaceable(const char *path)
{
    struct stat st;
    return lstat(path, &st) != 0 ? errno == ENOENT : S_ISREG(st.st_mode);
}

static eg_status
open_beside(eg_file_out *out, eg_error *err)
{
    size_t size = strlen(out->path) + sizeof ".XXXXXX";
    out->temporary = malloc(size);
    if (!out->temporary)
        return eg_fault(err, EG_E_NOMEM, "out of memory");
    snprintf(out->temporary, size, "%s.XXXXXX", out->path);
    int fd = mkstemp(out->temporary);
    if (fd < 0) {
        free(out->temporary);
        out->temporary = NULL;
        return failed(out, err);
    }
    mode_t mask = umask(0); /* mkstemp() lets nobody else read; a result is an ordinary file */
    umask(mask);
    out->file = fchmod(fd, 0666 & ~mask) == 0 ? fdopen(fd, "wb") : NULL;
    if (out->file)
        return EG_OK;
    (void)failed(out, err);
    close(fd);
    return EG_E_IO;
}

eg_status
eg_file_out_open(eg_file_out *out, const char *path, eg_error *err)
{
    *out = (eg_file_out){.path = path};
    if (is_replaceable(path))
        return open_beside(out, err);
    struct stat st;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return eg_fault_at(err, EG_E_IO, path, 0, 0, "is a directory; a file's name is wanted");
    out->file = tmpfile();
    return out->file ? EG_OK : failed(out, err);
}

eg_status
eg_file_out_write(eg_file_out *out, const void *data, size_t size, eg_error *err)
{
    return size == 0 || fwrite(data, 1, size, out->file) == size ? EG_OK : failed(out, err);
}

static bool
write_fully(int fd, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t written = write(fd, data, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        data += written;
        length -= (size_t)written;
    }
    return true;
}

static eg_status
copy_to_place(eg_file_out *out, eg_error *err)
{
    rewind(out->file);
    int fd = open(out->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return failed(out, err);
    char block[1 << 15];
    size_t got;
    bool ok = true;
    while (ok && (got = fread(block, 1, sizeof block, out->file)) > 0)
        ok = write_fully(fd, block, got);
    ok = ok && !ferror(out->file);
    eg_status status = ok ? EG_OK : failed(out, err);
    if (close(fd) != 0 && ok)
        status = failed(out, err);
    return status;
}

eg_status
eg_file_out_commit(eg_file_out *out, eg_error *err)
{
    if (fflush(out->file) != 0)
        return failed(out, err);
    if (!out->temporary)
        return copy_to_place(out, err);
    int closed = fclose(out->file);
    out->file = NULL;
    if (closed != 0 || rename(out->temporary, out->path) != 0)
        return failed(out, err);
    free(out->temporary);
    out->temporary = NULL;
    return EG_OK;
}

void
eg_file_out_close(eg_file_out *out)
{
    if (out->file)
        fclose(out->file);
    if (out->temporary)
        unlink(out->temporary);
    free(out->temporary);
    *out = (eg_file_out){0};
}
