/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What several unit tests need: a folder of their own, files in it, and errors as one line. Criterion runs each test
 * in a process of its own, so a folder belongs to one test; folders are removed by test_folder_remove().
 */
#ifndef EG_TESTS_UNIT_SUPPORT_H
#define EG_TESTS_UNIT_SUPPORT_H

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

typedef struct test_folder {
    char path[256];
} test_folder;

static inline test_folder
test_folder_new(void)
{
    test_folder folder;
    const char *base = getenv("TMPDIR");
    snprintf(folder.path, sizeof folder.path, "%s/egbert-test-XXXXXX", base && *base ? base : "/tmp");
    cr_assert_not_null(mkdtemp(folder.path), "cannot make %s", folder.path);
    return folder;
}

static inline int
test_remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline void
test_folder_remove(const test_folder *folder)
{
    nftw(folder->path, test_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* "FOLDER/NAME" in one of a few buffers that take turns. */
static inline const char *
test_path(const test_folder *folder, const char *name)
{
    static char buffers[8][1024];
    static unsigned turn;
    char *buffer = buffers[turn++ % 8];
    snprintf(buffer, sizeof buffers[0], "%s/%s", folder->path, name);
    return buffer;
}

static inline const char *
test_write_bytes(const test_folder *folder, const char *name, const void *data, size_t size)
{
    const char *path = test_path(folder, name);
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file, "cannot write %s", path);
    cr_assert_eq(fwrite(data, 1, size, file), size);
    cr_assert_eq(fclose(file), 0);
    return path;
}

static inline const char *
test_write(const test_folder *folder, const char *name, const char *text)
{
    return test_write_bytes(folder, name, text, strlen(text));
}

static inline void
test_make_folder(const test_folder *folder, const char *name)
{
    cr_assert_eq(mkdir(test_path(folder, name), 0700), 0);
}

/* The whole error as one line, in one of a few buffers that take turns. */
static inline const char *
test_error_line(const eg_error *err)
{
    static char buffers[4][4096];
    static unsigned turn;
    char *buffer = buffers[turn++ % 4];
    eg_error_format(err, buffer, sizeof buffers[0]);
    return buffer;
}

/* Asserts that the error is `code` at this place and that its line holds `part`. */
#define test_assert_error(err, expected_code, expected_line, expected_column, part)                                    \
    do {                                                                                                               \
        const char *test_line_ = test_error_line(err);                                                                 \
        cr_assert_eq((err)->code, expected_code, "status %d: %s", (int)(err)->code, test_line_);                       \
        cr_assert(strstr(test_line_, part), "'%s' is not in: %s", part, test_line_);                                   \
        cr_assert((err)->line == (expected_line) && (err)->column == (expected_column), "place %u:%u, not %u:%u: %s",  \
                  (err)->line, (err)->column, (unsigned)(expected_line), (unsigned)(expected_column), test_line_);     \
    } while (0)

#endif
