/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/interrupt.h"
#include "cli/mem.h"
#include "cli/say.h"

#define READ_BYTES ((size_t)1 << 16)

eg_status
eg_lines_open(eg_lines *lines, const char *path, eg_error *err)
{
    bool standard = strcmp(path, "-") == 0;
    *lines = (eg_lines){.name = standard ? "standard input" : path, .fd = STDIN_FILENO};
    if (!standard)
        lines->fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (lines->fd < 0 || fstat(lines->fd, &st) != 0)
        return eg_fault_errno(err, EG_E_INPUT, lines->name, "cannot be opened");
    if (S_ISDIR(st.st_mode))
        return eg_fault_at(err, EG_E_INPUT, lines->name, 0, 0, "is a directory; a file of texts is wanted");
    lines->size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
    lines->is_terminal = isatty(lines->fd) == 1;
    return EG_OK;
}

void
eg_lines_close(eg_lines *lines)
{
    if (lines->fd > STDERR_FILENO)
        close(lines->fd);
    free(lines->data);
    *lines = (eg_lines){.fd = -1};
}

static eg_status
read_more(eg_lines *lines, eg_error *err)
{
    if (lines->begin) {
        memmove(lines->data, lines->data + lines->begin, lines->length);
        lines->begin = 0;
    }
    EG_TRY(eg_reserve(&lines->data, &lines->capacity, lines->length + READ_BYTES, 1, err));
    ssize_t got;
    do {
        if (eg_interrupted())
            return eg_fault(err, EG_E_CANCELLED, "interrupted");
        got = read(lines->fd, lines->data + lines->length, READ_BYTES);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return eg_fault_errno(err, EG_E_INPUT, lines->name, "cannot be read");
    lines->ended = got == 0;
    lines->length += (size_t)got;
    lines->read += (uint64_t)got;
    return EG_OK;
}

eg_status
eg_lines_next(eg_lines *lines, eg_string *out, eg_error *err)
{
    size_t searched = 0;
    for (;;) {
        char *line = lines->data + lines->begin;
        char *end = lines->length > searched ? memchr(line + searched, '\n', lines->length - searched) : NULL;
        if (end || (lines->ended && lines->length)) {
            size_t taken = end ? (size_t)(end - line) + 1 : lines->length;
            size_t length = end ? taken - 1 : taken;
            *out = (eg_string){line, length && line[length - 1] == '\r' ? length - 1 : length};
            lines->begin += taken;
            lines->length -= taken;
            lines->number++;
            return EG_OK;
        }
        if (lines->ended) {
            *out = (eg_string){NULL, 0};
            return EG_OK;
        }
        searched = lines->length;
        EG_TRY(read_more(lines, err));
    }
}
