/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A backend with one op, relu, for f32 rows in host memory. What is general is as in Egbert's plugins/null; what belongs
 * to the op is in device_support(), compile() and run(). Nodes that are refused go to the next backend.
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
typedef struct {
    uint32_t from, to;  /* values of the stage */
    eg_value_info info; /* of both */
} relu_node;

struct eg_exec {
    eg_device *device;
    uint32_t count;
    relu_node nodes[];
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
        snprintf(err->message, sizeof err->message, "mine: %s", message);
    }
    return code;
}

/* --- facts and support --------------------------------------------------------------------------- */

static const char *
device_info(eg_device *device, const char *key)
{
    (void)device;
    if (strcmp(key, "fingerprint") == 0) /* change it whenever a saved weight would no longer fit */
        return "mine 1";
    if (strcmp(key, "note") == 0)
        return "relu on plain loops";
    return NULL;
}

/* Type and number of a node's input, output, or both. Reading them is what lets the host believe a yes. */
static eg_status
read_relu(const eg_host *host, const eg_view *view, uint32_t node, relu_node *out)
{
    out->from = host->node_input(host->ctx, view, node, 0);
    out->to = host->node_output(host->ctx, view, node, 0);
    out->info.size = sizeof out->info;
    return host->view_value(host->ctx, view, out->from, &out->info);
}

/* relu has no attributes. An op that has some reads each that it knows: one that nobody read turns the yes into a no. */
static eg_status
device_support(eg_device *device, const eg_view *view, uint32_t node, eg_support *out)
{
    const eg_host *host = device->host;
    const char *op = host->node_op(host->ctx, view, node);
    out->level = EG_SUPPORT_NO;
    relu_node relu;
    if (strcmp(op, "relu") != 0)
        snprintf(out->reason, sizeof out->reason, "mine has no kernel for %s", op);
    else if (read_relu(host, view, node, &relu) != EG_OK || relu.info.dtype != EG_F32 || relu.info.is_weight ||
             (relu.info.kind != EG_TOKEN && relu.info.kind != EG_TEXT))
        snprintf(out->reason, sizeof out->reason, "relu: only f32 token and text rows");
    else {
        out->level = EG_SUPPORT_OPTIMISED;
        out->domains = 1;
        out->inplace_mask = 1;
    }
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

/* The view may be gone afterwards: what run() needs is copied. */
static eg_status
compile(eg_device *device, const eg_view *view, const eg_compile_info *info, eg_exec **out, eg_error *err)
{
    const eg_host *host = device->host;
    (void)info;
    *out = NULL;
    uint32_t count = host->view_nodes(host->ctx, view);
    eg_exec *exec = host_alloc(host, sizeof *exec + count * sizeof exec->nodes[0]);
    if (!exec)
        return fail(err, EG_E_NOMEM, "out of memory (stage)");
    exec->device = device;
    exec->count = count;
    for (uint32_t i = 0; i < count; i++)
        if (read_relu(host, view, i, &exec->nodes[i]) != EG_OK) {
            host->dealloc(host->ctx, exec);
            return fail(err, EG_E_INTERNAL, "a value cannot be read");
        }
    *out = exec;
    return EG_OK;
}

static void
exec_free(eg_exec *exec)
{
    if (exec)
        exec->device->host->dealloc(exec->device->host->ctx, exec);
}

/* Bindings lie `size` bytes apart: a later host's may be longer than ours. */
static const eg_binding *
binding(const eg_run_info *info, uint32_t value)
{
    return (const eg_binding *)((const char *)info->io + (size_t)value * info->io->size);
}

/* The true rows of this run, not those that memory was planned for; rows are row_stride elements apart. */
static void
run_relu(const relu_node *relu, const eg_run_info *info)
{
    const eg_binding *from = binding(info, relu->from), *to = binding(info, relu->to);
    const float *x = (const float *)((const char *)from->buffer->bytes + from->offset);
    float *y = (float *)((char *)to->buffer->bytes + to->offset);
    uint64_t rows = relu->info.kind == EG_TOKEN ? info->dims->sets[relu->info.set].T : info->dims->B;
    int64_t width = 1;
    for (uint32_t axis = 1; axis < relu->info.rank; axis++)
        width *= relu->info.dims[axis].k;
    for (uint64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < width; c++) {
            float v = x[(int64_t)r * from->row_stride + c];
            y[(int64_t)r * to->row_stride + c] = v < 0 ? 0 : v; /* NaN stays NaN */
        }
}

/* Several callers at once may be here with one exec: whatever a run writes lies in info->io and info->scratch. */
static eg_status
run(eg_exec *exec, const eg_run_info *info, eg_event **done, eg_error *err)
{
    *done = NULL; /* over when it returns; a device with a queue gives an event, and has wait() and event_free() */
    for (uint32_t i = 0; i < exec->count; i++) {
        if (info->cancel && __atomic_load_n(info->cancel, __ATOMIC_RELAXED) != 0)
            return fail(err, EG_E_CANCELLED, "cancelled");
        run_relu(&exec->nodes[i], info);
    }
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
    snprintf(out->id, sizeof out->id, "mine");
    snprintf(out->name, sizeof out->name, "plain loops");
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
    .name = "mine",
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
