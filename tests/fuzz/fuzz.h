/* SPDX-License-Identifier: Apache-2.0 */
/* A fuzz target: the entry point that libFuzzer and replay.c call, and how a target says that something is wrong. */
#ifndef EG_TESTS_FUZZ_FUZZ_H
#define EG_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(condition)                                                                                          \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                             \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

/* A refusal has a code, a message, and fits one line. */
static inline void
fuzz_check_error(eg_status status, const eg_error *err)
{
    char line[4096];
    FUZZ_CHECK(status == EG_E_INPUT && err->code == status && err->message[0] != '\0');
    size_t length = eg_error_format(err, line, sizeof line);
    FUZZ_CHECK(length == strlen(line) && !strchr(line, '\n'));
}

#endif
