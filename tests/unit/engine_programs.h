/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For plain programs that run a tiny BERT: a folder with the checkpoint, and an engine on the plugin whose file
 * EG_TEST_PLUGIN_DIR holds. Plain, because ThreadSanitizer and failing allocations do not go with Criterion's
 * processes.
 */
#ifndef EG_TESTS_UNIT_ENGINE_PROGRAMS_H
#define EG_TESTS_UNIT_ENGINE_PROGRAMS_H

#include <egbert/egbert.h>
#include <unistd.h>

#include "tiny_bert.h"

typedef struct tiny_folder {
    char path[64];
} tiny_folder;

static inline bool
tiny_folder_make(tiny_folder *folder)
{
    strcpy(folder->path, "/tmp/egbert-test-XXXXXX");
    return mkdtemp(folder->path) && tiny_bert_write(folder->path, NULL);
}

static inline void
tiny_folder_remove(const tiny_folder *folder)
{
    static const char *const names[] = {"config.json", "model.safetensors", "vocab.txt", "tokenizer_config.json"};
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder->path, names[i]);
        unlink(path);
    }
    rmdir(folder->path);
}

static inline eg_status
tiny_engine_open(uint32_t threads, eg_engine **out, eg_error *err)
{
    eg_engine_options options = {.size = sizeof options,
                                 .threads = threads,
                                 .backends = "reference",
                                 .plugin_dir = getenv("EG_TEST_PLUGIN_DIR")};
    return eg_engine_open(&options, out, err);
}

/* Counts and tells what was not good, with the error that went before. */
static inline void
tiny_check(const eg_error *err, int *failures, bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "%s: status %d: %s; %s\n", what, (int)err->code, err->message, err->hint);
    ++*failures;
}

#endif
