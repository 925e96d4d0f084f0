/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/host.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "engine/threads.h"
#include "graph/partition.h"

void
eg_log(const eg_host_context *context, int32_t level, const char *fmt, ...)
{
    if (!context->log || level > context->log_level)
        return;
    char line[2048];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    context->log(context->log_user, level, line);
}

static void
host_log(void *ctx, int32_t level, const char *message)
{
    eg_log(ctx, level, "%s", message);
}

static void *
host_alloc(void *ctx, uint64_t bytes, uint64_t align)
{
    (void)ctx;
    if (bytes > SIZE_MAX || align > SIZE_MAX || (align & (align - 1)) != 0)
        return NULL;
    return eg_alloc_aligned((size_t)bytes, align < sizeof(void *) ? sizeof(void *) : (size_t)align);
}

static void
host_dealloc(void *ctx, void *p)
{
    (void)ctx;
    eg_free(p);
}

static void
host_parallel_for(void *ctx, uint32_t n, void (*fn)(void *arg, uint32_t i, uint32_t worker), void *arg)
{
    (void)ctx;
    eg_parallel_for(n, fn, arg);
}

static uint32_t
host_threads(void *ctx)
{
    (void)ctx;
    return eg_lease_threads();
}

static eg_status
host_setenv_if_unset(void *ctx, const char *name, const char *value)
{
    const eg_host_context *context = ctx;
    if (!context->may_setenv)
        return EG_E_UNSUPPORTED;
    if (setenv(name, value, 0) == 0)
        return EG_OK;
    return errno == ENOMEM ? EG_E_NOMEM : EG_E_USAGE;
}

void
eg_host_init(eg_host *host, eg_host_context *context)
{
    *host = (eg_host){
        .size = sizeof *host,
        .abi_minor = EG_ABI_MINOR,
        .sanitizer = EG_SANITIZER,
        .ctx = context,
        .log = host_log,
        .alloc = host_alloc,
        .dealloc = host_dealloc,
        .parallel_for = host_parallel_for,
        .threads = host_threads,
        .setenv_if_unset = host_setenv_if_unset,
    };
    eg_view_fill_host(host);
}
