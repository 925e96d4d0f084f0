/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file that appears whole or not at all: written under a temporary name beside its place and renamed at the end.
 * Where that place is no regular file (a pipe, /dev/stdout) it is written to a nameless file and copied there.
 */
#ifndef EG_CLI_FILE_OUT_H
#define EG_CLI_FILE_OUT_H

#include <egbert/egbert.h>
#include <stdio.h>

typedef struct eg_file_out {
    const char *path; /* the caller's */
    char *temporary;  /* NULL: nameless */
    FILE *file;
} eg_file_out;

/* All are EG_E_IO with the file's name on failure. */
EG_NODISCARD eg_status eg_file_out_open(eg_file_out *out, const char *path, eg_error *err);
EG_NODISCARD eg_status eg_file_out_write(eg_file_out *out, const void *data, size_t size, eg_error *err);
EG_NODISCARD eg_status eg_file_out_commit(eg_file_out *out, eg_error *err);
/* Removes what is there, unless it was committed. */
void eg_file_out_close(eg_file_out *out);

#endif
