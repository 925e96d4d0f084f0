/* SPDX-License-Identifier: Apache-2.0 */
/* What `egbert compile` prints for people, from the library's description of a plan. */
#ifndef EG_CLI_COMPILE_TABLE_H
#define EG_CLI_COMPILE_TABLE_H

#include "cli/json_in.h"
#include "cli/out.h"

/* At most 104 columns wide, long reasons wrapped. EG_E_NOMEM. */
EG_NODISCARD eg_status eg_print_compile_table(eg_out *out, const eg_json *root, eg_error *err);

/*
 * Refusals of one pass, or lowered nodes, that differ in the numbers of layers alone: one line for all of them. `at` and
 * `why` are those of the first.
 */
typedef struct eg_reason {
    const char *at, *op, *backend, *why;
    size_t count;
} eg_reason;

typedef struct eg_reasons {
    eg_reason *items;
    size_t count, capacity;
} eg_reasons;

/* From an array of {"at","why"} that may have "op" and "backend"; freed with eg_reasons_free(), also after a failure. */
EG_NODISCARD eg_status eg_reasons_read(const eg_json *array, eg_reasons *out, eg_error *err);
void eg_reasons_free(eg_reasons *reasons);

#endif
