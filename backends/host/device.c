/* SPDX-License-Identifier: Apache-2.0 */
/* The device: one domain of plain host memory. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "host.h"

/* --- errors and memory --------------------------------------------------------------------------- */

eg_status
eg_host_fail(eg_error *err, eg_status code, const char *format, ...)
{
    if (err == NULL)
        return code;
    if (EG_HAS(eg_error, err, code))
        err->code = code;
    if (EG_HAS(eg_error, err, column))
        err->line = err->column = 0;
    if (EG_HAS(eg_error, err, file))
        err->file[0] = '\0';
    if (EG_HAS(eg_error, err, message)) {
        va_list args;
        va_start(args, format);
        vsnprintf(err->message, sizeof err->message, format, args);
        va_end(args);
    }
    if (EG_HAS(eg_error, err, hint))
        err->hint[0] = '\0';
    return code;
}

eg_status
eg_host_hint(eg_error *err, eg_status code, const char *format, ...)
{
    if (err != NULL && EG_HAS(eg_error, err, hint)) {
        va_list args;
        va_start(args, format);
        vsnprintf(err->hint, sizeof err->hint, format, args);
        va_end(args);
    }
    return code;
}

void *
eg_host_alloc(const eg_host *host, uint64_t count, uint64_t size)
{
    uint64_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX)
        return NULL;
    void *p = host->alloc(host->ctx, bytes > 0 ? bytes : 1, 64);
    if (p != NULL)
        memset(p, 0, bytes);
    return p;
}

void
eg_host_dealloc(const eg_host *host, void *p)
{
    host->dealloc(host->ctx, p);
}

/* --- the device ---------------------------------------------------------------------------------- */

bool
eg_host_suffices(const eg_host *host)
{
    return EG_HAS(eg_host, host, view_weight) && host->alloc != NULL && host->dealloc != NULL &&
           host->parallel_for != NULL && host->view_value != NULL && host->node_op != NULL && host->attr_int != NULL &&
           host->view_weight != NULL;
}

static const char *
info(eg_device *device, const char *key)
{
    return device->backend->info(device, key);
}

static eg_status
domain(eg_device *device, uint32_t index, eg_domain *out)
{
    (void)device;
    if (index != 0)
        return EG_E_USAGE;
    eg_domain filled = {
        .size = out->size, .flags = EG_DOMAIN_HOST_READ | EG_DOMAIN_HOST_WRITE | EG_DOMAIN_HOST_MEMORY, .align = 64};
    memcpy(out, &filled, filled.size < sizeof filled ? filled.size : sizeof filled);
    return EG_OK;
}

static eg_status
make_buffer(eg_device *device, uint32_t domain_index, void *data, uint64_t bytes, bool owned, eg_buffer **out,
            eg_error *err)
{
    if (domain_index != 0)
        return eg_host_fail(err, EG_E_USAGE, "%s has one domain, not a domain %u", device->backend->name, domain_index);
    eg_buffer *buffer = eg_host_alloc(device->host, 1, sizeof *buffer);
    if (buffer == NULL)
        return eg_host_fail(err, EG_E_NOMEM, "out of memory");
    buffer->data = data;
    buffer->bytes = bytes;
    buffer->owned = owned;
    *out = buffer;
    return EG_OK;
}

static eg_status
buffer_new(eg_device *device, uint32_t domain_index, uint64_t bytes, eg_buffer **out, eg_error *err)
{
    void *data = device->host->alloc(device->host->ctx, bytes > 0 ? bytes : 1, 64);
    if (data == NULL)
        return eg_host_fail(err, EG_E_NOMEM, "out of memory: a buffer of %llu bytes", (unsigned long long)bytes);
    eg_status status = make_buffer(device, domain_index, data, bytes, true, out, err);
    if (status != EG_OK)
        eg_host_dealloc(device->host, data);
    return status;
}

static eg_status
buffer_import(eg_device *device, uint32_t domain_index, void *host, uint64_t bytes, eg_buffer **out, eg_error *err)
{
    return make_buffer(device, domain_index, host, bytes, false, out, err);
}

static void
buffer_free(eg_device *device, eg_buffer *buffer)
{
    if (buffer == NULL)
        return;
    if (buffer->owned)
        eg_host_dealloc(device->host, buffer->data);
    eg_host_dealloc(device->host, buffer);
}

static void *
host_pointer(eg_device *device, eg_buffer *buffer)
{
    (void)device;
    return buffer->data;
}

static const void *
extension(eg_device *device, const char *name)
{
    static const eg_profile_v1 profile = {.size = sizeof profile, .run = eg_host_profile};
    (void)device;
    return strcmp(name, "profile.v1") == 0 ? &profile : NULL;
}

const eg_device_ops eg_host_device_ops = {
    .size = sizeof eg_host_device_ops,
    .domain_count = 1,
    .info = info,
    .support = eg_host_support,
    .domain = domain,
    .buffer_new = buffer_new,
    .buffer_free = buffer_free,
    .buffer_import = buffer_import,
    .host_pointer = host_pointer,
    .weight_new = eg_host_weight_new,
    .weight_free = eg_host_weight_free,
    .compile = eg_host_compile,
    .exec_free = eg_host_exec_free,
    .scratch = eg_host_scratch_bytes,
    .run = eg_host_run,
    .extension = extension,
};
