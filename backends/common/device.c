/* SPDX-License-Identifier: Apache-2.0 */
/* The device: one domain of plain host memory. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "backend.h"

/* --- errors, memory, options --------------------------------------------------------------------- */

eg_status
eg_cpu_fail(eg_error *err, eg_status code, const char *format, ...)
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
eg_cpu_hint(eg_error *err, eg_status code, const char *format, ...)
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
eg_cpu_alloc(const eg_host *host, uint64_t count, uint64_t size)
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
eg_cpu_dealloc(const eg_host *host, void *p)
{
    host->dealloc(host->ctx, p);
}

bool
eg_cpu_cancelled(const eg_run_info *run)
{
    return run->cancel != NULL && __atomic_load_n(run->cancel, __ATOMIC_RELAXED) != 0;
}

/* The next "key=value" of *options; the lengths are 0 where a part is absent. False at the end. */
static bool
next_option(const char **options, const char **key, size_t *key_length, const char **value, size_t *value_length)
{
    if (*options == NULL || **options == '\0')
        return false;
    size_t length = strcspn(*options, ","), equals = strcspn(*options, "=,");
    *key = *options;
    *key_length = equals;
    *value = *options + (equals < length ? equals + 1 : length);
    *value_length = equals < length ? length - equals - 1 : 0;
    *options += length + ((*options)[length] == ',');
    return true;
}

static bool
copy_part(const char *s, size_t length, char *out, size_t n)
{
    if (length >= n)
        return false;
    memcpy(out, s, length);
    out[length] = '\0';
    return true;
}

bool
eg_cpu_option(const char *options, const char *key, char *out, size_t n)
{
    const char *k, *v;
    size_t k_length, v_length;
    while (next_option(&options, &k, &k_length, &v, &v_length))
        if (strlen(key) == k_length && memcmp(k, key, k_length) == 0)
            return copy_part(v, v_length, out, n);
    return false;
}

bool
eg_cpu_options_known(const char *options, const char *const *keys, char *out, size_t n)
{
    const char *k, *v;
    size_t k_length, v_length;
    while (next_option(&options, &k, &k_length, &v, &v_length)) {
        const char *const *key = keys;
        while (*key != NULL && (strlen(*key) != k_length || memcmp(k, *key, k_length) != 0))
            key++;
        if (*key == NULL) {
            copy_part(k, k_length < n ? k_length : n - 1, out, n);
            return false;
        }
    }
    return true;
}

/* --- the device ---------------------------------------------------------------------------------- */

/* The host's functions that are called here; a host that lacks one is too old. */
static bool
host_suffices(const eg_host *host)
{
    return EG_HAS(eg_host, host, view_weight) && host->alloc != NULL && host->dealloc != NULL &&
           host->parallel_for != NULL && host->threads != NULL && host->setenv_if_unset != NULL &&
           host->view_value != NULL && host->node_op != NULL && host->attr_int != NULL && host->view_weight != NULL;
}

eg_status
eg_cpu_device_new(const eg_host *host, eg_isa isa, eg_device **out, eg_error *err)
{
    static const eg_cpu_op *const none[] = {NULL};
    if (!host_suffices(host))
        return eg_cpu_fail(err, EG_E_UNSUPPORTED, "the host lacks functions that this plugin needs");
    eg_device *device = eg_cpu_alloc(host, 1, sizeof *device);
    if (device == NULL)
        return eg_cpu_fail(err, EG_E_NOMEM, "out of memory");
    device->host = host;
    device->own_ops = none;
    device->row_unit = 1;
    eg_kernels_init(&device->kernels, isa);
    *out = device;
    return EG_OK;
}

void
eg_cpu_device_free(eg_device *device)
{
    if (device != NULL)
        eg_cpu_dealloc(device->host, device);
}

static const char *
info(eg_device *device, const char *key)
{
    const char *text = device->info != NULL ? device->info(device, key) : NULL;
    if (text == NULL && strcmp(key, "isa") == 0)
        return eg_isa_name(device->kernels.isa);
    return text;
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
        return eg_cpu_fail(err, EG_E_USAGE, "the CPU has one domain, not a domain %u", domain_index);
    eg_buffer *buffer = eg_cpu_alloc(device->host, 1, sizeof *buffer);
    if (buffer == NULL)
        return eg_cpu_fail(err, EG_E_NOMEM, "out of memory");
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
        return eg_cpu_fail(err, EG_E_NOMEM, "out of memory: a buffer of %llu bytes", (unsigned long long)bytes);
    eg_status status = make_buffer(device, domain_index, data, bytes, true, out, err);
    if (status != EG_OK)
        eg_cpu_dealloc(device->host, data);
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
        eg_cpu_dealloc(device->host, buffer->data);
    eg_cpu_dealloc(device->host, buffer);
}

static void *
host_pointer(eg_device *device, eg_buffer *buffer)
{
    (void)device;
    return buffer->data;
}

const eg_device_ops eg_cpu_device_ops = {
    .size = sizeof eg_cpu_device_ops,
    .domain_count = 1,
    .info = info,
    .support = eg_cpu_support,
    .domain = domain,
    .buffer_new = buffer_new,
    .buffer_free = buffer_free,
    .buffer_import = buffer_import,
    .host_pointer = host_pointer,
    .weight_new = eg_cpu_weight_new,
    .weight_free = eg_cpu_weight_free,
    .compile = eg_cpu_compile,
    .exec_free = eg_cpu_exec_free,
    .scratch = eg_cpu_scratch,
    .run = eg_cpu_run,
};
