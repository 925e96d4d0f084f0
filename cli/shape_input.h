/* SPDX-License-Identifier: Apache-2.0 */
/* Token ids for a shape: a fixed sequence, so that every run and every machine measures the same work. */
#ifndef EG_CLI_SHAPE_INPUT_H
#define EG_CLI_SHAPE_INPUT_H

#include "cli/session.h"
#include "cli/shape.h"

typedef struct eg_shape_input {
    int64_t *ids, *cu_seqlens;
    eg_input input; /* points to them */
} eg_shape_input;

/* Ids that every token table of the session's model has. A shape that nobody asked for is cut to what the model takes. */
EG_NODISCARD eg_status eg_shape_input_make(const eg_session *session, eg_shape *shape, eg_shape_input *out,
                                           eg_error *err);
void eg_shape_input_free(eg_shape_input *input); /* zeroed is fine */

#endif
