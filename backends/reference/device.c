/* SPDX-License-Identifier: Apache-2.0 */
/* The device: one domain of plain host memory. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "reference.h"

eg_status
eg_ref_fail(eg_error *err, eg_status code, const char *format, ...)
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

void *
eg_ref_alloc(const eg_host *host, uint64_t count, uint64_t size)
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
eg_ref_dealloc(const eg_host *host, void *p)
{
    host->dealloc(host->ctx, p);
}

bool
eg_ref_cancelled(const eg_run_info *run)
{
    return run->cancel != NULL && __atomic_load_n(run->cancel, __ATOMIC_RELAXED) != 0;
}

static const char *
info(eg_device *device, const char *key)
{
    (void)device;
    if (strcmp(key, "fingerprint") == 0)
        return "reference " EGBERT_VERSION;
    if (strcmp(key, "isa") == 0)
        return "plain";
    return NULL;
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
        return eg_ref_fail(err, EG_E_USAGE, "reference has one domain, not a domain %u", domain_index);
    eg_buffer *buffer = eg_ref_alloc(device->host, 1, sizeof *buffer);
    if (buffer == NULL)
        return eg_ref_fail(err, EG_E_NOMEM, "out of memory");
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
        return eg_ref_fail(err, EG_E_NOMEM, "out of memory: a buffer of %llu bytes", (unsigned long long)bytes);
    eg_status status = make_buffer(device, domain_index, data, bytes, true, out, err);
    if (status != EG_OK)
        eg_ref_dealloc(device->host, data);
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
        eg_ref_dealloc(device->host, buffer->data);
    eg_ref_dealloc(device->host, buffer);
}

static void *
host_pointer(eg_device *device, eg_buffer *buffer)
{
    (void)device;
    return buffer->data;
}

const eg_device_ops eg_ref_device_ops = {
    .size = sizeof eg_ref_device_ops,
    .domain_count = 1,
    .info = info,
    .support = eg_ref_support,
    .domain = domain,
    .buffer_new = buffer_new,
    .buffer_free = buffer_free,
    .buffer_import = buffer_import,
    .host_pointer = host_pointer,
    .weight_new = eg_ref_weight_new,
    .weight_free = eg_ref_weight_free,
    .compile = eg_ref_compile,
    .exec_free = eg_ref_exec_free,
    .scratch = eg_ref_scratch,
    .run = eg_ref_run,
};
