/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine offers to plugins (eg_host of plugin.h). */
#ifndef EG_ENGINE_HOST_H
#define EG_ENGINE_HOST_H

#include <egbert/egbert.h>
#include <stdbool.h>

typedef struct eg_host_context {
    eg_log_fn log; /* may be NULL */
    void *log_user;
    int32_t log_level;
    bool may_setenv;
} eg_host_context;

/* `context` must live as long as the host is used. */
void eg_host_init(eg_host *host, eg_host_context *context);

/* One line to the caller's log, if its level is wanted. */
void eg_log(const eg_host_context *context, int32_t level, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
