/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of the argument table, which args.c reads. */
#ifndef EG_CLI_ARGS_TABLE_H
#define EG_CLI_ARGS_TABLE_H

#include "cli/args.h"

typedef enum eg_arg_type {
    EG_ARG_SWITCH,  /* no value; stores `min`, an eg_tristate */
    EG_ARG_TEXT,    /* any text */
    EG_ARG_PASSES,  /* a list of passes, as the library reads it */
    EG_ARG_CHOICE,  /* one of `choices`, separated by '|' */
    EG_ARG_ON_OFF,  /* on or off, as an eg_tristate */
    EG_ARG_INT,     /* min … max */
    EG_ARG_NUMBER,  /* a decimal number above 0 */
    EG_ARG_LIST,    /* separated by commas, and repeated */
    EG_ARG_FILES,   /* repeated; in the variable separated by ':' */
    EG_ARG_DUMP_IR, /* --dump-ir[=after:PASS] */
} eg_arg_type;

typedef struct eg_arg {
    const char *name; /* without "--" */
    eg_arg_type type;
    uint32_t on; /* the commands that take it */
    size_t at;   /* offset in eg_arguments */
    const char *variable;
    const char *value; /* what the help calls the value */
    const char *help;
    const char *choices;
    int64_t min, max;
} eg_arg;

extern const eg_arg eg_arg_table[];
extern const size_t eg_arg_count;

#endif
