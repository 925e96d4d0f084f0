/* SPDX-License-Identifier: Apache-2.0 */
/* What commands run on: texts in chunks, or token ids at once. */
#ifndef EG_CLI_RUN_INPUT_H
#define EG_CLI_RUN_INPUT_H

#include "cli/command.h"
#include "cli/npy.h"
#include "cli/source.h"

typedef struct eg_run_input {
    eg_source *source; /* NULL: ids */
    eg_ids ids;
    const char *ids_name; /* the flag or the file, for messages */
    bool from_file;       /* the ids */
    bool done;
    uint64_t before; /* done earlier, for progress: texts, or what a task makes of them */
    uint32_t now;    /* of the run under way */
    eg_string no_id;
} eg_run_input;

/* Opens what the arguments ask for: records of that kind, or ids. */
EG_NODISCARD eg_status eg_run_input_open(eg_run_input *in, const eg_app *app, const eg_record_kind *kind,
                                         eg_error *err);
void eg_run_input_close(eg_run_input *in);
/* Fills `input` for the next run, at most `most` texts (0: all); *out_chunk has what came with them. count 0: the end. */
EG_NODISCARD eg_status eg_run_input_next(eg_run_input *in, uint32_t most, eg_input *input, eg_chunk *out_chunk,
                                         eg_error *err);
/* Puts the place of the input on a fault that the library found in text N of the last run. Returns err's code. */
EG_NODISCARD eg_status eg_run_input_fault(const eg_run_input *in, eg_error *err);

#endif
