/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin's entry point: one device, there on every machine. */
#include <stdio.h>
#include <string.h>

#include "reference.h"

/* Below every backend that is faster (the scale is in backends/README.md). */
#define SCORE 10u

static uint32_t
score(void)
{
    return SCORE;
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
    eg_device_desc desc = {.size = out->size, .score = SCORE, .id = "reference", .name = "plain loops, one thread"};
    memcpy(out, &desc, desc.size < sizeof desc ? desc.size : sizeof desc);
    return EG_OK;
}

static const eg_host_op *const ops[] = {
#define EG_REF_OP(symbol) &eg_ref_op_##symbol,
#include "ops/ops.def"
#undef EG_REF_OP
#define EG_HOST_OP(symbol) &eg_host_op_##symbol,
#include "backends/host/move.def"
#undef EG_HOST_OP
    NULL,
};

static const char *
info(eg_device *device, const char *key)
{
    (void)device;
    if (strcmp(key, "fingerprint") == 0)
        return "reference " EGBERT_VERSION;
    return strcmp(key, "isa") == 0 ? "plain" : NULL;
}

/* The bytes that a node wants, and floats for each row of the longest text; no node wants both. */
static uint64_t
scratch(const eg_exec *exec, const eg_dims *bound, uint32_t threads)
{
    (void)threads;
    uint64_t longest = 0;
    for (uint32_t s = 0; s < bound->set_count; s++)
        if (bound->sets[s].max_n > longest)
            longest = bound->sets[s].max_n;
    uint64_t row_bytes = exec->scratch.row * longest * sizeof(float);
    return row_bytes > exec->scratch.bytes ? row_bytes : exec->scratch.bytes;
}

static const eg_host_use parts[] = {{"matmul", 1}, {"linear", 1}, {"glu_linear", 1}, {"glu_linear", 2}, {NULL, 0}};

static const eg_host_backend backend = {
    .name = "reference", .ops = ops, .level = EG_SUPPORT_REFERENCE, .info = info, .scratch = scratch, .parts = parts};

static eg_status
open_device(const eg_host *host, uint32_t index, const char *options, eg_device **out, const eg_device_ops **out_ops,
            eg_error *err)
{
    if (index != 0)
        return eg_host_fail(err, EG_E_USAGE, "reference has one device, not a device %u", index);
    if (options != NULL && options[0] != '\0')
        return eg_host_fail(err, EG_E_USAGE, "reference takes no options, got '%s'", options);
    if (!eg_host_suffices(host))
        return eg_host_fail(err, EG_E_UNSUPPORTED, "the host lacks functions that reference needs");
    eg_device *device = eg_host_alloc(host, 1, sizeof *device);
    if (device == NULL)
        return eg_host_fail(err, EG_E_NOMEM, "out of memory");
    device->host = host;
    device->backend = &backend;
    *out = device;
    *out_ops = &eg_host_device_ops;
    return EG_OK;
}

static void
close_device(eg_device *device)
{
    if (device != NULL)
        eg_host_dealloc(device->host, device);
}

static const eg_plugin plugin = {
    .size = sizeof plugin,
    .abi_major = EG_ABI_MAJOR,
    .abi_minor = EG_ABI_MINOR,
    .sanitizer = EG_SANITIZER,
    .name = "reference",
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
    (void)host_minor; /* 1.0 needs no more than any 1.x host has */
    return host_major == EG_ABI_MAJOR ? &plugin : NULL;
}
