/* SPDX-License-Identifier: Apache-2.0 */
/* Plugins with one fault each, chosen by FAULT_… at compile time; without one it is sound and has the name NAME. */
#include <egbert/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifndef NAME
#define NAME "odd"
#endif

#ifdef FAULT_CONSTRUCTOR_CRASH
__attribute__((constructor)) static void
crash(void)
{
    *(volatile int *)8 = 1;
}
#endif

#ifdef FAULT_CONSTRUCTOR_HANG
__attribute__((constructor)) static void
hang(void)
{
    for (;;)
        pause();
}
#endif

#ifdef FAULT_CONSTRUCTOR_EXIT
__attribute__((constructor)) static void
leave(void)
{
    _exit(3);
}
#endif

struct eg_device {
    int nothing;
};
static eg_device the_device;

static const char *
info(eg_device *device, const char *key)
{
    (void)device, (void)key;
    return NULL;
}

static eg_status
support(eg_device *device, const eg_view *view, uint32_t node, eg_support *out)
{
    (void)device, (void)view, (void)node;
    out->level = EG_SUPPORT_NO;
    return EG_OK;
}

static eg_status
domain(eg_device *device, uint32_t index, eg_domain *out)
{
    (void)device, (void)index;
    out->align = 64;
#ifdef FAULT_ODD_ALIGNMENT
    out->align = 48;
#endif
#ifdef FAULT_NO_POINTER
    out->flags = EG_DOMAIN_HOST_READ | EG_DOMAIN_HOST_WRITE;
#elif defined FAULT_NO_UPLOAD
    out->flags = 0;
#else
    out->flags = EG_DOMAIN_HOST_READ | EG_DOMAIN_HOST_WRITE;
#endif
    return EG_OK;
}

static eg_status
buffer_new(eg_device *device, uint32_t index, uint64_t bytes, eg_buffer **out, eg_error *err)
{
    (void)device, (void)index, (void)bytes, (void)out, (void)err;
    return EG_E_NOMEM;
}

static void
buffer_free(eg_device *device, eg_buffer *buffer)
{
    (void)device, (void)buffer;
}

static void *
pointer(eg_device *device, eg_buffer *buffer)
{
    (void)device, (void)buffer;
    return NULL;
}

static eg_status
weight_new(eg_device *device, const eg_weight_desc *desc, eg_weight **out, uint64_t *out_bytes, eg_error *err)
{
    (void)device, (void)desc, (void)out, (void)out_bytes, (void)err;
    return EG_E_NOMEM;
}

static void
weight_free(eg_device *device, eg_weight *weight)
{
    (void)device, (void)weight;
}

static eg_status
compile(eg_device *device, const eg_view *view, const eg_compile_info *compile_info, eg_exec **out, eg_error *err)
{
    (void)device, (void)view, (void)compile_info, (void)out, (void)err;
    return EG_E_UNSUPPORTED;
}

static void
exec_free(eg_exec *exec)
{
    (void)exec;
}

static eg_status
run(eg_exec *exec, const eg_run_info *run_info, eg_event **done, eg_error *err)
{
    (void)exec, (void)run_info, (void)done, (void)err;
    return EG_E_FAILED;
}

static const eg_device_ops ops = {
#ifdef FAULT_TRUNCATED_OPS
    .size = offsetof(eg_device_ops, compile),
#else
    .size = sizeof ops,
#endif
#ifndef FAULT_NO_DOMAIN
    .domain_count = 1,
#endif
    .info = info,
    .support = support,
    .domain = domain,
    .buffer_new = buffer_new,
    .buffer_free = buffer_free,
#ifndef FAULT_NO_POINTER
    .host_pointer = pointer,
#endif
    .weight_new = weight_new,
    .weight_free = weight_free,
    .compile = compile,
#ifndef FAULT_NO_EXEC_FREE
    .exec_free = exec_free,
#endif
    .run = run,
};

static uint32_t
score(void)
{
#ifdef FAULT_SCORE_ABORT
    abort();
#endif
#ifdef SCORE
    return SCORE;
#else
    return 5;
#endif
}

static uint32_t
device_count(void)
{
#ifdef FAULT_NO_DEVICE
    return 0;
#else
    return 2;
#endif
}

static const char *
why_not(void)
{
    return "the flux capacitor is missing";
}

static eg_status
device(uint32_t index, eg_device_desc *out)
{
    out->score = index == 0 ? 3 : 5;
    snprintf(out->id, sizeof out->id, "%s:%u", NAME, index);
    snprintf(out->name, sizeof out->name, "%s device %u", NAME, index);
#ifdef FAULT_DEVICE_NO_ID
    out->id[0] = '\0';
#endif
    return EG_OK;
}

static eg_status
open_device(const eg_host *host, uint32_t index, const char *options, eg_device **out, const eg_device_ops **out_ops,
            eg_error *err)
{
    (void)host, (void)index, (void)options, (void)err;
#ifdef FAULT_OPEN
    return EG_E_DEVICE_LOST; /* without a message */
#endif
    *out = &the_device;
    *out_ops = &ops;
    return EG_OK;
}

static void
close_device(eg_device *opened)
{
    (void)opened;
}

/* A table of a later minor version: longer than the host knows. */
typedef struct later_plugin {
    eg_plugin known;
    void (*unheard_of)(void);
} later_plugin;

static const later_plugin plugin = {
    .known =
        {
#if defined FAULT_TRUNCATED_TABLE
            .size = offsetof(eg_plugin, open),
#elif defined FAULT_TINY_TABLE
            .size = 4,
#elif defined LATER_MINOR
            .size = sizeof(later_plugin),
#else
            .size = sizeof(eg_plugin),
#endif
#ifdef FAULT_WRONG_MAJOR
            .abi_major = EG_ABI_MAJOR + 1,
#else
            .abi_major = EG_ABI_MAJOR,
#endif
#ifdef LATER_MINOR
            .abi_minor = EG_ABI_MINOR + 7,
#else
            .abi_minor = EG_ABI_MINOR,
#endif
#ifdef FAULT_SANITIZER
            .sanitizer = EG_SANITIZER ^ EG_SANITIZE_MEMORY,
#else
            .sanitizer = EG_SANITIZER,
#endif
            .name = NAME,
            .version = "0.0.1",
            .score = score,
            .device_count = device_count,
            .device = device,
            .why_not = why_not,
#ifndef FAULT_NO_OPEN
            .open = open_device,
#endif
            .close = close_device,
        },
};

#ifdef FAULT_NO_SYMBOL
EG_EXPORT const void *some_other_symbol(void);
const void *
some_other_symbol(void)
{
    return &plugin;
}
#else
const eg_plugin *
eg_plugin_query(uint32_t host_major, uint32_t host_minor)
{
    (void)host_major, (void)host_minor;
#ifdef FAULT_NULL_TABLE
    return NULL;
#else
    return &plugin.known;
#endif
}
#endif
