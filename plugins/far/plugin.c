/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin's entry point. One device; the option delay_us=N says how long each job waits before it begins. */
#include "plugins/far/far.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_DELAY_US = 200 };

/* The entry point of the reference backend that is linked in. */
const eg_plugin *eg_reference_query(uint32_t host_major, uint32_t host_minor);

eg_status
far_fail(eg_error *err, eg_status code, const char *format, ...)
{
    if (!err || !EG_HAS(eg_error, err, message))
        return code;
    err->code = code;
    char text[sizeof err->message - 8]; /* the arguments may be err's own */
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    /* Reference's words pass through here, with no name of its own before them. */
    snprintf(err->message, sizeof err->message, strncmp(text, "far: ", 5) == 0 ? "%s" : "far: %s", text);
    return code;
}

void *
far_alloc(const eg_device *device, uint64_t bytes)
{
    void *p = device->host->alloc(device->host->ctx, bytes ? bytes : 1, 64);
    if (p)
        memset(p, 0, bytes);
    return p;
}

void
far_dealloc(const eg_device *device, void *p)
{
    device->host->dealloc(device->host->ctx, p);
}

static const char *
info(eg_device *device, const char *key)
{
    if (strcmp(key, "fingerprint") == 0)
        return "far " EGBERT_VERSION;
    if (strcmp(key, "note") == 0)
        return "the reference backend behind memory that the host cannot reach";
    return device->inner_ops->info(device->inner, key);
}

static const eg_device_ops ops = {
    .size = sizeof ops,
    .domain_count = 1,
    .info = info,
    .support = far_support,
    .domain = far_domain,
    .buffer_new = far_buffer_new,
    .buffer_free = far_buffer_free,
    .upload = far_upload,
    .download = far_download,
    .weight_new = far_weight_new,
    .weight_free = far_weight_free,
    .compile = far_compile,
    .exec_free = far_exec_free,
    .scratch = far_scratch,
    .run = far_run,
    .wait = far_wait,
    .event_free = far_event_free,
};

static uint32_t
score(void)
{
    return 0; /* a test device: only if named */
}

static uint32_t
device_count(void)
{
    return 1;
}

static eg_status
describe(uint32_t index, eg_device_desc *out)
{
    if (index != 0)
        return EG_E_USAGE;
    out->score = 0;
    snprintf(out->id, sizeof out->id, "far");
    snprintf(out->name, sizeof out->name, "reference, out of reach");
    return EG_OK;
}

static eg_status
read_options(const char *options, uint32_t *out_delay_us, eg_error *err)
{
    *out_delay_us = DEFAULT_DELAY_US;
    if (!options || options[0] == '\0')
        return EG_OK;
    const char *key = "delay_us=";
    char *end = NULL;
    unsigned long value = 0;
    if (strncmp(options, key, strlen(key)) == 0)
        value = strtoul(options + strlen(key), &end, 10);
    if (!end || end == options + strlen(key) || *end != '\0' || value > 1000000)
        return far_fail(err, EG_E_USAGE, "the only option is delay_us=N, at most 1000000; got '%s'", options);
    *out_delay_us = (uint32_t)value;
    return EG_OK;
}

static void
close_device(eg_device *device)
{
    if (!device)
        return;
    far_worker_stop(device);
    device->reference->close(device->inner);
    far_dealloc(device, device);
}

static eg_status
start(eg_device *device, const char *options, eg_error *err)
{
    eg_status status = read_options(options, &device->delay_us, err);
    if (status != EG_OK)
        return status;
    device->reference = eg_reference_query(EG_ABI_MAJOR, EG_ABI_MINOR);
    far_fill_inner_host(device);
    status = device->reference->open(&device->inner_host, 0, NULL, &device->inner, &device->inner_ops, err);
    if (status != EG_OK)
        return status;
    status = far_worker_start(device, err);
    if (status != EG_OK)
        device->reference->close(device->inner);
    return status;
}

static eg_status
open_device(const eg_host *host, uint32_t index, const char *options, eg_device **out, const eg_device_ops **out_ops,
            eg_error *err)
{
    *out = NULL;
    *out_ops = NULL;
    if (index != 0)
        return far_fail(err, EG_E_USAGE, "there is one device, not a device %u", index);
    if (!EG_HAS(eg_host, host, view_weight))
        return far_fail(err, EG_E_UNSUPPORTED, "the host is too old");
    eg_device *device = host->alloc(host->ctx, sizeof *device, 64);
    if (!device)
        return far_fail(err, EG_E_NOMEM, "out of memory (device)");
    memset(device, 0, sizeof *device);
    device->host = host;
    eg_status status = start(device, options, err);
    if (status != EG_OK) {
        far_dealloc(device, device);
        return status;
    }
    *out = device;
    *out_ops = &ops;
    return EG_OK;
}

static const eg_plugin plugin = {
    .size = sizeof plugin,
    .abi_major = EG_ABI_MAJOR,
    .abi_minor = EG_ABI_MINOR,
    .sanitizer = EG_SANITIZER,
    .name = "far",
    .version = EGBERT_VERSION,
    .score = score,
    .device_count = device_count,
    .device = describe,
    .open = open_device,
    .close = close_device,
};

const eg_plugin *
eg_plugin_query(uint32_t host_major, uint32_t host_minor)
{
    (void)host_minor;
    return host_major == EG_ABI_MAJOR ? &plugin : NULL;
}
