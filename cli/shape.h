/* SPDX-License-Identifier: Apache-2.0 */
/* --shape B,S and --lengths FILE: the token counts of a batch. */
#ifndef EG_CLI_SHAPE_H
#define EG_CLI_SHAPE_H

#include "cli/args.h"

typedef struct eg_shape {
    uint32_t *lengths; /* [count] */
    uint32_t count, longest;
    uint64_t tokens;
    bool by_default; /* nobody asked for this one: a model with fewer positions gets a shorter text */
} eg_shape;

/* One text of 128 tokens where nothing is given; count 0 and lengths NULL then if `optional`. */
EG_NODISCARD eg_status eg_shape_read(const eg_arguments *args, bool optional, eg_shape *out, eg_error *err);
void eg_shape_free(eg_shape *shape);

#endif
