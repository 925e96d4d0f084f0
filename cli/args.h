/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The arguments of all commands, in one table: name, type, environment twin, help, which commands take it, where its
 * value goes. A value comes from the command line, else from the environment; what neither gives stays zero, which means
 * the model's or the library's default.
 */
#ifndef EG_CLI_ARGS_H
#define EG_CLI_ARGS_H

#include <egbert/egbert.h>
#include <stdbool.h>

#include "cli/out.h"

/* Which commands take an argument: a bit for each, and all. */
enum {
    EG_ON_EMBED = 1 << 0,
    EG_ON_RUN = 1 << 1,
    EG_ON_TOKENIZE = 1 << 2,
    EG_ON_SIMILARITY = 1 << 3,
    EG_ON_INSPECT = 1 << 4,
    EG_ON_FAMILIES = 1 << 5,
    EG_ON_BACKENDS = 1 << 6,
    EG_ON_COMPILE = 1 << 7,
    EG_ON_BENCH = 1 << 8,
    EG_ON_CONFORMANCE = 1 << 9,
    EG_ON_PROFILE = 1 << 10,
    EG_ON_COMPARE = 1 << 11,
    EG_ON_FUSION_REPORT = 1 << 12,
    EG_ON_VERIFY = 1 << 13,
    EG_ON_CLASSIFY = 1 << 14,
    EG_ON_NSP = 1 << 15,
    EG_ON_CHOOSE = 1 << 16,
    EG_ON_RERANK = 1 << 17,
    EG_ON_SPARSE = 1 << 18,
    EG_ON_NER = 1 << 19,
    EG_ON_QA = 1 << 20,
    EG_ON_FILL_MASK = 1 << 21,
    EG_ON_EVALUATE = 1 << 22,
    EG_ON_TASKS = EG_ON_CLASSIFY | EG_ON_NSP | EG_ON_CHOOSE | EG_ON_RERANK | EG_ON_SPARSE | EG_ON_NER | EG_ON_QA |
                  EG_ON_FILL_MASK | EG_ON_EVALUATE,
    EG_ON_TEXTS =
        EG_ON_EMBED | EG_ON_RUN | EG_ON_TOKENIZE | EG_ON_SIMILARITY | EG_ON_PROFILE | EG_ON_COMPARE | EG_ON_TASKS,
    /* what the default prompt of a model is put before */
    EG_ON_PROMPTED = EG_ON_EMBED | EG_ON_SIMILARITY | EG_ON_VERIFY | EG_ON_SPARSE,
    EG_ON_EVERY = (1 << 23) - 1
};

/* A list of values, in the order given. */
typedef struct eg_strings {
    const char **items;
    size_t count, capacity;
} eg_strings;

/* A switch that has a third state: not given. */
typedef int32_t eg_switch; /* an eg_tristate */

typedef struct eg_arguments {
    /* what stands on the command line besides options: MODEL first, where the command has one */
    eg_strings words;

    /* shared */
    const char *backend, *device, *precision, *fuse, *head, *pooling, *family;
    eg_strings plugins, ignore_config;
    int64_t threads, batch_tokens, max_length;
    eg_switch type_ids;
    eg_switch strict, padded, no_cache, alternate, json, verbose, quiet, help;

    /* input */
    const char *input, *input_format, *ids, *ids_file, *pair;

    /* embed, similarity */
    eg_switch normalize, no_prompt;
    const char *prompt_name, *prompt_text, *npy;
    int64_t truncate_dim;

    /* run */
    eg_strings outputs;
    const char *npz;

    /* tasks */
    const char *query, *prompt, *question, *context;
    int64_t top_k;
    int64_t stride, max_answer; /* qa */
    eg_switch no_answer;
    eg_strings targets;      /* fill-mask */
    const char *aggregation; /* ner */
    int64_t seed;            /* evaluate */

    /* tokenize */
    const char *decode, *pad, *truncation;
    eg_switch no_special, table;

    /* compile, bench */
    const char *shape, *lengths, *dump_ir, *format, *memory_svg, *scope, *save;
    eg_switch self_contained, check, dumps_ir;
    int64_t max_arena;
    const char *plugin_options;
    double seconds;
    const char *html; /* fusion-report */

    /* profile, compare */
    const char *trace;
    eg_strings backends;

    /* conformance */
    const char *group;

    /* verify */
    const char *golden;
    eg_switch all;
    double tolerance;

    void *owned; /* memory behind values that were taken apart */
} eg_arguments;

/*
 * Reads `count` words that follow the command's name, then the environment. `uses` is the command's bit. EG_E_USAGE names
 * the flag or the variable.
 */
EG_NODISCARD eg_status eg_arguments_read(eg_arguments *args, uint32_t uses, const char *command, int count,
                                         char *const *words, eg_error *err);
void eg_arguments_free(eg_arguments *args);

/* The options of a command, for its help: its own ones, then the shared ones with their variables. */
void eg_arguments_help(eg_out *out, uint32_t uses);

/* "-?(0|[1-9][0-9]*)" within the range, for the value of `what`. */
EG_NODISCARD eg_status eg_read_int(const char *text, const char *what, int64_t min, int64_t max, int64_t *out,
                                   eg_error *err);
/* Integers separated by commas, at least one; *out is freed with free(). */
EG_NODISCARD eg_status eg_read_ints(const char *text, const char *what, int64_t min, int64_t max, int64_t **out,
                                    size_t *out_count, eg_error *err);

/* The name among `count` that is nearest to `word`, if it is near enough to be meant; else NULL. */
const char *eg_nearest(const char *word, const char *const *names, size_t count);

#endif
