/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The null backend: a complete plugin that runs nothing. Clone it (README.md says how), then replace, from top to
 * bottom: the name, the score, the device, what it supports, how a weight is kept, how a stage is compiled and run.
 *
 * It keeps every promise of <egbert/plugin.h> already: it never allocates behind the host's back, prints nothing, has
 * no global state, and refuses each node with a reason. Its memory is ordinary host memory.
 */
#include <egbert/plugin.h>
#include <stdio.h>
#include <string.h>

/* Your device: what open() gives and every function below gets back. */
struct eg_device {
    const eg_host *host; /* valid until close() */
};

/* Your memory. `owned` says whether buffer_free() returns the bytes too. */
struct eg_buffer {
    void *bytes;
    int owned;
};

/* Your constants: packed, uploaded or borrowed. This one remembers where the host's data lies. */
struct eg_weight {
    eg_host_view first;
};

/* Your compiled stage: everything that run() needs, and nothing that changes while it runs. */
struct eg_exec {
    eg_device *device;
};

/* --- helpers ------------------------------------------------------------------------------------- */

static void *
host_alloc(const eg_host *host, uint64_t bytes)
{
    return host->alloc(host->ctx, bytes, 64);
}

static eg_status
fail(eg_error *err, eg_status code, const char *message)
{
    if (err && EG_HAS(eg_error, err, message)) { /* the struct is the host's, its size too */
        err->code = code;
        snprintf(err->message, sizeof err->message, "null: %s", message);
    }
    return code;
}

/* --- facts and support --------------------------------------------------------------------------- */

static const char *
device_info(eg_device *device, const char *key)
{
    (void)device;
    if (strcmp(key, "fingerprint") == 0) /* change it whenever a saved weight would no longer fit */
        return "null 1";
    if (strcmp(key, "note") == 0)
        return "runs nothing";
    return NULL;
}

/*
 * Say yes only to what you compute exactly. Before a yes read every input (host->node_input) and every attribute
 * (host->attr_…) that you know: the host counts a yes as a no if something that is there was not read.
 */
static eg_status
device_support(eg_device *device, const eg_view *view, uint32_t node, eg_support *out)
{
    const eg_host *host = device->host;
    out->level = EG_SUPPORT_NO;
    snprintf(out->reason, sizeof out->reason, "null has no kernel for %s", host->node_op(host->ctx, view, node));
    return EG_OK;
}

/* --- memory -------------------------------------------------------------------------------------- */

static eg_status
device_domain(eg_device *device, uint32_t index, eg_domain *out)
{
    (void)device;
    if (index != 0)
        return EG_E_USAGE;
    out->flags = EG_DOMAIN_HOST_READ | EG_DOMAIN_HOST_WRITE | EG_DOMAIN_HOST_MEMORY;
    out->align = 64;
    out->max_buffer = 0;
    out->max_binding = 0;
    return EG_OK;
}

static eg_status
make_buffer(eg_device *device, void *bytes, int owned, eg_buffer **out, eg_error *err)
{
    eg_buffer *buffer = host_alloc(device->host, sizeof *buffer);
    if (!buffer)
        return fail(err, EG_E_NOMEM, "out of memory (buffer)");
    *buffer = (eg_buffer){.bytes = bytes, .owned = owned};
    *out = buffer;
    return EG_OK;
}

static eg_status
buffer_new(eg_device *device, uint32_t domain, uint64_t bytes, eg_buffer **out, eg_error *err)
{
    *out = NULL;
    if (domain != 0)
        return fail(err, EG_E_USAGE, "no such domain");
    void *memory = host_alloc(device->host, bytes ? bytes : 1);
    if (!memory)
        return fail(err, EG_E_NOMEM, "out of memory (buffer)");
    eg_status status = make_buffer(device, memory, 1, out, err);
    if (status != EG_OK)
        device->host->dealloc(device->host->ctx, memory);
    return status;
}

static eg_status
buffer_import(eg_device *device, uint32_t domain, void *memory, uint64_t bytes, eg_buffer **out, eg_error *err)
{
    (void)bytes;
    *out = NULL;
    if (domain != 0)
        return fail(err, EG_E_USAGE, "no such domain");
    return make_buffer(device, memory, 0, out, err);
}

static void
buffer_free(eg_device *device, eg_buffer *buffer)
{
    if (!buffer)
        return;
    if (buffer->owned)
        device->host->dealloc(device->host->ctx, buffer->bytes);
    device->host->dealloc(device->host->ctx, buffer);
}

static void *
buffer_pointer(eg_device *device, eg_buffer *buffer)
{
    (void)device;
    return buffer->bytes;
}

/* --- weights ------------------------------------------------------------------------------------- */

static eg_status
weight_new(eg_device *device, const eg_weight_desc *desc, eg_weight **out, uint64_t *out_bytes, eg_error *err)
{
    *out = NULL;
    *out_bytes = 0;
    if (desc->view_count == 0)
        return fail(err, EG_E_USAGE, "a weight without data");
    eg_weight *weight = host_alloc(device->host, sizeof *weight);
    if (!weight)
        return fail(err, EG_E_NOMEM, "out of memory (weight)");
    weight->first = desc->views[0]; /* the struct is the call's, its data lives until weight_free() */
    *out = weight;
    return EG_OK;
}

static void
weight_free(eg_device *device, eg_weight *weight)
{
    device->host->dealloc(device->host->ctx, weight);
}

/* --- stages -------------------------------------------------------------------------------------- */

/* Here you would walk the view: nodes in order, values by number, weights by view_weight(), and keep what you need,
 * for the view may be gone afterwards. */
static eg_status
compile(eg_device *device, const eg_view *view, const eg_compile_info *info, eg_exec **out, eg_error *err)
{
    const eg_host *host = device->host;
    (void)info;
    *out = NULL;
    if (host->view_nodes(host->ctx, view) > 0)
        return fail(err, EG_E_UNSUPPORTED, "it was given a node, though it supports none");
    eg_exec *exec = host_alloc(host, sizeof *exec);
    if (!exec)
        return fail(err, EG_E_NOMEM, "out of memory (stage)");
    exec->device = device;
    *out = exec;
    return EG_OK;
}

static void
exec_free(eg_exec *exec)
{
    if (exec)
        exec->device->host->dealloc(exec->device->host->ctx, exec);
}

/* Several callers at once may be here with one exec: whatever a run writes lies in run->io and run->scratch. */
static eg_status
run(eg_exec *exec, const eg_run_info *info, eg_event **done, eg_error *err)
{
    (void)exec;
    *done = NULL; /* over already; a device with a queue gives an event, and has wait() and event_free() */
    if (info->cancel && __atomic_load_n(info->cancel, __ATOMIC_RELAXED) != 0)
        return fail(err, EG_E_CANCELLED, "cancelled");
    return EG_OK;
}

static const eg_device_ops ops = {
    .size = sizeof ops,
    .domain_count = 1,
    .info = device_info,
    .support = device_support,
    .domain = device_domain,
    .buffer_new = buffer_new,
    .buffer_free = buffer_free,
    .buffer_import = buffer_import,
    .host_pointer = buffer_pointer,
    .weight_new = weight_new,
    .weight_free = weight_free,
    .compile = compile,
    .exec_free = exec_free,
    .run = run,
};

/* --- the plugin ---------------------------------------------------------------------------------- */

/* 0: never chosen by itself. Look at CPU flags, /dev and /sys here; open no library and no device. */
static uint32_t
plugin_score(void)
{
    return 0;
}

static uint32_t
plugin_device_count(void)
{
    return 1;
}

static eg_status
plugin_device(uint32_t index, eg_device_desc *out)
{
    if (index != 0)
        return EG_E_USAGE;
    out->score = 0;
    snprintf(out->id, sizeof out->id, "null");
    snprintf(out->name, sizeof out->name, "nothing at all");
    return EG_OK;
}

static eg_status
plugin_open(const eg_host *host, uint32_t index, const char *options, eg_device **out, const eg_device_ops **out_ops,
            eg_error *err)
{
    (void)options;
    *out = NULL;
    *out_ops = NULL;
    if (index != 0)
        return fail(err, EG_E_USAGE, "no such device");
    if (!EG_HAS(eg_host, host, view_weight)) /* the newest host function that is called here */
        return fail(err, EG_E_UNSUPPORTED, "the host is too old");
    eg_device *device = host_alloc(host, sizeof *device);
    if (!device)
        return fail(err, EG_E_NOMEM, "out of memory (device)");
    device->host = host;
    *out = device;
    *out_ops = &ops;
    return EG_OK;
}

static void
plugin_close(eg_device *device)
{
    if (device)
        device->host->dealloc(device->host->ctx, device);
}

static const eg_plugin plugin = {
    .size = sizeof plugin,
    .abi_major = EG_ABI_MAJOR,
    .abi_minor = EG_ABI_MINOR,
    .sanitizer = EG_SANITIZER,
    .name = "null",
    .version = "1.0",
    .score = plugin_score,
    .device_count = plugin_device_count,
    .device = plugin_device,
    .open = plugin_open,
    .close = plugin_close,
};

const eg_plugin *
eg_plugin_query(uint32_t host_major, uint32_t host_minor)
{
    (void)host_minor; /* nothing newer than minor 0 is needed */
    return host_major == EG_ABI_MAJOR ? &plugin : NULL;
}
