/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tiny BERT in a folder of its own, and an engine on the plugins just built: for Criterion tests of the C API.
 * EG_TEST_PLUGINS: the plugins' files, separated by ':'.
 */
#ifndef EG_TESTS_UNIT_ENGINE_FIXTURE_H
#define EG_TESTS_UNIT_ENGINE_FIXTURE_H

#include <egbert/egbert.h>

#include "support.h"
#include "tiny_bert.h"

typedef struct fixture {
    test_folder folder;
    char plugins[300], model_path[300];
    eg_engine *engine;
    eg_model *model;
    eg_context *context;
    eg_error err;
    char log[8192];
} fixture;

static inline void
keep_log(void *user, int32_t level, const char *message)
{
    (void)level;
    fixture *f = user;
    size_t at = strlen(f->log);
    snprintf(f->log + at, sizeof f->log - at, "%s\n", message);
}

/* A folder of links to the plugins, as an installation has one. */
static inline void
link_plugins(fixture *f)
{
    snprintf(f->plugins, sizeof f->plugins, "%s/plugins", f->folder.path);
    cr_assert_eq(mkdir(f->plugins, 0700), 0);
    const char *list = getenv("EG_TEST_PLUGINS");
    cr_assert_not_null(list, "EG_TEST_PLUGINS is not set");
    char *copy = strdup(list), *rest = copy;
    for (char *file; (file = strsep(&rest, ":"));) {
        char path[800];
        snprintf(path, sizeof path, "%s/%s", f->plugins, strrchr(file, '/') + 1);
        cr_assert_eq(symlink(file, path), 0);
    }
    free(copy);
}

static inline void
begin(fixture *f, const tiny_options *tiny)
{
    memset(f, 0, sizeof *f);
    f->err.size = sizeof f->err;
    f->folder = test_folder_new();
    link_plugins(f);
    snprintf(f->model_path, sizeof f->model_path, "%s/model", f->folder.path);
    cr_assert_eq(mkdir(f->model_path, 0700), 0);
    cr_assert(tiny_bert_write(f->model_path, tiny));
}

#define OK(call)                                                                                                       \
    do {                                                                                                               \
        eg_status ok_status_ = (call);                                                                                 \
        cr_assert_eq(ok_status_, EG_OK, "%s: %d: %s", #call, (int)ok_status_, test_error_line(&f->err));               \
    } while (0)

static inline void
open_engine(fixture *f, const char *backends, uint32_t flags, uint64_t max_arena)
{
    eg_engine_options options = {.size = sizeof options,
                                 .flags = flags,
                                 .threads = 2,
                                 .log_level = EG_LOG_INFO,
                                 .backends = backends,
                                 .plugin_dir = f->plugins,
                                 .max_arena = max_arena,
                                 .log = keep_log,
                                 .log_user = f};
    OK(eg_engine_open(&options, &f->engine, &f->err));
}

static inline void
open_model(fixture *f, const eg_model_options *options)
{
    OK(eg_model_open(f->engine, f->model_path, options, &f->model, &f->err));
    if (!options || options->load == EG_LOAD_FULL)
        OK(eg_context_open(f->model, &f->context, &f->err));
}

static inline void
close_all(fixture *f)
{
    eg_context_close(f->context);
    eg_model_close(f->model);
    eg_engine_close(f->engine);
    f->context = NULL;
    f->model = NULL;
    f->engine = NULL;
}

static inline void
end(fixture *f)
{
    close_all(f);
    test_folder_remove(&f->folder);
}

#endif
