/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command: its name, its help, and the function that runs it. One file per command, cmd_NAME.c.
 *
 * A command prints to app->out only what it has in full, and flushes where a stream's lines are done: what is not
 * flushed when an error ends the run is never seen.
 */
#ifndef EG_CLI_COMMAND_H
#define EG_CLI_COMMAND_H

#include <egbert/egbert.h>

#include "cli/args.h"
#include "cli/out.h"

typedef struct eg_app {
    eg_arguments args;
    eg_out out;
} eg_app;

typedef struct eg_command {
    const char *name, *words, *summary, *details;
    uint32_t uses; /* its bit in the argument table */
    eg_status (*run)(eg_app *app, eg_error *err);
} eg_command;

extern const eg_command eg_cmd_embed, eg_cmd_run, eg_cmd_tokenize, eg_cmd_similarity, eg_cmd_inspect, eg_cmd_families,
    eg_cmd_backends, eg_cmd_compile, eg_cmd_bench, eg_cmd_conformance, eg_cmd_fusion_report, eg_cmd_verify,
    eg_cmd_profile, eg_cmd_compare, eg_cmd_classify, eg_cmd_nsp, eg_cmd_choose, eg_cmd_rerank, eg_cmd_sparse,
    eg_cmd_ner, eg_cmd_qa, eg_cmd_fill_mask, eg_cmd_evaluate;

#endif
