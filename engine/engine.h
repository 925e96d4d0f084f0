/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an engine is inside: plugins found, the order in which they are asked, devices opened when they are needed.
 * Thread-safety: an engine is used by any thread; its lock guards the devices.
 */
#ifndef EG_ENGINE_ENGINE_H
#define EG_ENGINE_ENGINE_H

#include <egbert/egbert.h>
#include <pthread.h>
#include <sys/types.h>

#include "engine/host.h"
#include "engine/library.h"
#include "engine/threads.h"
#include "graph/partition.h"
#include "plugins/registry.h"

/* One of the devices that nodes may be given to, in order of preference. */
typedef struct eg_backend {
    eg_choice choice;
    bool tried;       /* opened, or failed to open */
    eg_status status; /* of the opening */
    char why[512];    /* one line, if it failed */
    eg_target target; /* if it is open */
    uint64_t max_buffer;
} eg_backend;

struct eg_engine {
    eg_arena arena;
    pid_t pid;
    uint32_t flags;
    uint64_t max_arena;
    const char *plugin_options;
    eg_library_paths paths;
    eg_host_context host_context;
    eg_host host;
    eg_threads *threads;
    eg_registry *registry;
    pthread_mutex_t lock; /* of `backends` below */
    eg_backend *backends;
    size_t backend_count;
    size_t named_count; /* the first so many are the user's; the others follow by score */
};

/* EG_E_FORKED in a child of the process that opened the engine. */
EG_NODISCARD eg_status eg_engine_check(const eg_engine *engine, eg_error *err);

/*
 * The targets to ask, at least `at_least` of them if there are so many: opens devices up to there, leaving out those
 * that do not open (with a warning on the log). targets[] has room for backend_count; indices[] gives each one's
 * number in engine->backends. EG_E_BACKEND if none opens.
 */
EG_NODISCARD eg_status eg_engine_targets(eg_engine *engine, size_t at_least, eg_target *targets, uint32_t *indices,
                                         size_t *out_count, eg_error *err);

/* Opens one device with the user's options for its backend. */
EG_NODISCARD eg_status eg_engine_open_device(eg_engine *engine, const eg_choice *choice, eg_device **out,
                                             const eg_device_ops **out_ops, eg_error *err);

/*
 * Reads a caller's option struct: as much of it as both sides know, the rest 0. NULL is all defaults; a size of 0 is
 * EG_E_USAGE.
 */
EG_NODISCARD eg_status eg_take_options(void *to, size_t to_size, const void *from, const char *what, eg_error *err);

/* Hands a finished text to the caller. */
EG_NODISCARD eg_status eg_give_string(eg_strbuf *buf, char **out, eg_error *err);

#endif
