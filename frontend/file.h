/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files, mapped read-only. A symbolic link to a regular file is followed (hub caches are made of them); a directory, a
 * device, a FIFO or a socket is refused without blocking. Thread-safety: safe; a mapping may be read from any thread.
 */
#ifndef EG_FRONTEND_FILE_H
#define EG_FRONTEND_FILE_H

#include <stdbool.h>

#include "base/error.h"
#include "base/mem.h"

typedef struct eg_file {
    const char *data; /* NULL when size is 0 */
    size_t size;
    char *path;        /* owned; as opened, for messages */
    uint64_t dev, ino; /* identity, for cache keys */
    int64_t mtime_ns;
} eg_file;

/* EG_E_INPUT if it is missing, no regular file, or beyond max_bytes (0 = no limit), EG_E_IO if reading fails. */
EG_NODISCARD eg_status eg_file_map(const char *path, size_t max_bytes, eg_file *out, eg_error *err);
void eg_file_unmap(eg_file *file); /* {0} is fine */

/*
 * Whether anything has that name, a broken link or a FIFO too: what is there is wanted, and eg_file_map() says what is
 * wrong with it; only what is not there is done without.
 */
bool eg_file_exists(const char *path);
bool eg_is_directory(const char *path);

/* "dir/name" in the arena; NULL when out of memory. */
char *eg_path_join(eg_arena *arena, const char *dir, const char *name);

#endif
