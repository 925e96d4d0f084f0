/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands of tasks have in common: records in, the library's task, a line or a few per record out. */
#ifndef EG_CLI_TASK_H
#define EG_CLI_TASK_H

#include "cli/command.h"
#include "cli/source.h"

/* One record's result, to be printed. */
typedef struct eg_task_record {
    const eg_arguments *args;
    const eg_chunk *chunk;
    const eg_result *result;
    uint32_t record; /* of the chunk and of the result */
    uint64_t number; /* of the whole input, from 1 */
} eg_task_record;

typedef struct eg_task_command {
    const eg_record_kind *kind;
    uint32_t chunk_texts; /* read before they are run */
    /* The record's members of a JSON object; `first` as eg_out_key() takes it. NULL: `print` knows --json. */
    void (*members)(eg_out *out, const eg_task_record *record, bool first);
    /* The record for people; whole lines. */
    void (*print)(eg_out *out, const eg_task_record *record);
} eg_task_command;

/* Runs the task on all input. The options' groups are those of the input. */
EG_NODISCARD eg_status eg_task_command_run(eg_app *app, const eg_task_command *command, const eg_task_options *options,
                                           eg_error *err);

/* List i of a record: of an index that is there. */
eg_list_view eg_task_list(const eg_task_record *record, uint32_t i);
/* [x,y,…] */
void eg_out_logits(eg_out *out, const eg_list_view *list);

#endif
