/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a file or of standard input: LF alone separates, a CR before it is left out, a NUL is a character. */
#ifndef EG_CLI_LINES_H
#define EG_CLI_LINES_H

#include <egbert/egbert.h>
#include <stdbool.h>

typedef struct eg_lines {
    const char *name; /* for messages */
    int fd;
    bool ended, is_terminal;
    uint32_t number;     /* of the line that was read last */
    uint64_t size, read; /* bytes of the file (0: not known), and of it read so far */
    char *data;
    size_t begin, length, capacity; /* the bytes read and not handed out */
} eg_lines;

/* path "-" is standard input. EG_E_INPUT where it cannot be read. */
EG_NODISCARD eg_status eg_lines_open(eg_lines *lines, const char *path, eg_error *err);
void eg_lines_close(eg_lines *lines);
/* The next line, valid until the next call; data NULL at the end. */
EG_NODISCARD eg_status eg_lines_next(eg_lines *lines, eg_string *out, eg_error *err);

#endif
