/* SPDX-License-Identifier: Apache-2.0 */
/* What `profile` and `compare` run: texts if any are given, else the ids of a shape. Standard input is not read. */
#ifndef EG_CLI_MEASURED_INPUT_H
#define EG_CLI_MEASURED_INPUT_H

#include "cli/shape_input.h"
#include "cli/source.h"

typedef struct eg_measured_input {
    eg_source *source; /* NULL: a shape */
    eg_chunk chunk;
    eg_shape shape;
    eg_shape_input ids;
    eg_input input; /* once it is made */
} eg_measured_input;

/* Checks and reads the arguments. EG_E_USAGE where both texts and a shape are given. */
EG_NODISCARD eg_status eg_measured_input_open(eg_measured_input *in, const eg_app *app, eg_error *err);
/* Fills in->input, which lives until eg_measured_input_close(). */
EG_NODISCARD eg_status eg_measured_input_make(eg_measured_input *in, const eg_session *session, eg_error *err);
/* After the run: a line that could not be read ended the texts, and is told now. */
EG_NODISCARD eg_status eg_measured_input_end(eg_measured_input *in, eg_error *err);
void eg_measured_input_close(eg_measured_input *in); /* zeroed is fine */
/* Puts the place of the input on a fault that the library found in text N. Returns err's code. */
EG_NODISCARD eg_status eg_measured_input_fault(const eg_measured_input *in, eg_error *err);

#endif
