/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reference backend with one fault, chosen by FAULT_… at compile time. The suite must find each of them; without a
 * fault it must find nothing.
 */
#include <egbert/plugin.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const eg_plugin *eg_reference_query(uint32_t host_major, uint32_t host_minor);

static const eg_plugin *reference;
static const eg_device_ops *reference_ops;
static const eg_host *host;
static eg_device *device;

/* The last value that is bound: a run's output, or one next to it. */
static inline const eg_binding *
last_bound(const eg_run_info *info)
{
    const eg_binding *last = NULL;
    for (uint32_t i = 0; i < info->io_count; i++)
        if (info->io[i].buffer)
            last = &info->io[i];
    return last;
}

static inline float *
floats(const eg_binding *binding)
{
    return (float *)((char *)reference_ops->host_pointer(device, binding->buffer) + binding->offset);
}

#ifdef FAULT_RACE
static float shared[1 << 16];
#endif

static eg_status
faulty_run(eg_exec *exec, const eg_run_info *info, eg_event **done, eg_error *err)
{
    eg_run_info changed = *info;
#ifdef FAULT_IGNORES_CANCEL
    changed.cancel = NULL;
#endif
#ifdef FAULT_HANGS_UP
    _exit(0);
#endif
    eg_status status = reference_ops->run(exec, &changed, done, err);
    const eg_binding *out = last_bound(info);
    if (status != EG_OK || !out)
        return status;
#ifdef FAULT_WRONG_NUMBER
    floats(out)[0] += 0.01f * (1 + fabsf(floats(out)[0]));
#endif
#ifdef FAULT_NAN
    floats(out)[0] = NAN;
#endif
#ifdef FAULT_WRITES_BEFORE
    floats(out)[-1] = 1;
#endif
#ifdef FAULT_WRITES_BEHIND
    floats(out)[out->bytes / 4 + 4096] = 1;
#endif
#ifdef FAULT_WRITES_PADDING
    /* As many rows as were planned for, not as many as there are. */
    floats(out)[out->bytes / 4 - 1] = 1;
#endif
#ifdef FAULT_WRITES_INPUT
    floats(&info->io[0])[0] = 0.5f;
#endif
#ifdef FAULT_RACE
    size_t n = out->bytes < sizeof shared ? out->bytes : sizeof shared;
    memcpy(shared, floats(out), n);
    usleep(2000);
    memcpy(floats(out), shared, n);
    shared[0] += 1;
#endif
    return status;
}

static eg_status
faulty_support(eg_device *dev, const eg_view *view, uint32_t node, eg_support *out)
{
#ifdef FAULT_READS_NOTHING
    (void)dev, (void)view, (void)node;
    out->level = EG_SUPPORT_OPTIMISED;
    return EG_OK;
#else
    eg_status status = reference_ops->support(dev, view, node, out);
#ifdef FAULT_ONLY
    /* Wrong where one fused op is, right everywhere else: what a verification must find. */
    if (strcmp(host->node_op(host->ctx, view, node), FAULT_ONLY) != 0) {
        out->level = EG_SUPPORT_NO;
        snprintf(out->reason, sizeof out->reason, "%s alone is taken", FAULT_ONLY);
    }
#endif
#ifdef FAULT_NO_REASON
    if (strcmp(host->node_op(host->ctx, view, node), "gelu") == 0) {
        out->level = EG_SUPPORT_NO;
        out->reason[0] = '\0';
    }
#endif
    return status;
#endif
}

static eg_status
faulty_compile(eg_device *dev, const eg_view *view, const eg_compile_info *info, eg_exec **out, eg_error *err)
{
#ifdef FAULT_LIES
    for (uint32_t i = 0; i < host->view_nodes(host->ctx, view); i++)
        if (strcmp(host->node_op(host->ctx, view, i), "gelu") == 0)
            return EG_E_UNSUPPORTED;
#endif
#ifdef FAULT_IGNORES_ALLOC
    void *p = host->alloc(host->ctx, 16, 64);
    memset(p, 0, 16);
    host->dealloc(host->ctx, p);
#endif
#ifdef FAULT_LEAKS
    (void)!host->alloc(host->ctx, 16, 64);
#endif
#ifdef FAULT_SEGFAULT
    *(volatile int *)8 = 1;
#endif
    return reference_ops->compile(dev, view, info, out, err);
}

#ifdef FAULT_WRONG_TIMES
static eg_status
backwards(eg_exec *exec, const eg_run_info *info, eg_node_time *times, uint32_t capacity, uint32_t *count,
          eg_error *err)
{
    const eg_profile_v1 *profile = reference_ops->extension(device, "profile.v1");
    eg_status status = profile->run(exec, info, times, capacity, count, err);
    if (status == EG_OK && capacity > 0) {
        uint64_t begin = times->begin_ns;
        times->begin_ns = times->end_ns + 1;
        times->end_ns = begin;
    }
    return status;
}

static const void *
faulty_extension(eg_device *dev, const char *name)
{
    static const eg_profile_v1 profile = {.size = sizeof profile, .run = backwards};
    (void)dev;
    return strcmp(name, "profile.v1") == 0 ? &profile : NULL;
}
#endif

#ifdef FAULT_FORGETS_CAUSAL
/* The attribute is read, and makes no difference. */
static int32_t
forgetful(void *ctx, const eg_view *view, uint32_t node, const char *name, int64_t *out)
{
    int32_t there = host->attr_int(ctx, view, node, name, out);
    if (there && strcmp(name, "causal") == 0)
        *out = 0;
    return there;
}
#endif

static eg_device_ops ops;

static eg_status
faulty_open(const eg_host *the_host, uint32_t index, const char *options, eg_device **out,
            const eg_device_ops **out_ops, eg_error *err)
{
    host = the_host;
#ifdef FAULT_FORGETS_CAUSAL
    static eg_host changed;
    changed = *the_host;
    changed.size = sizeof changed;
    changed.attr_int = forgetful;
    the_host = &changed;
#endif
    eg_status status = reference->open(the_host, index, options, out, &reference_ops, err);
    if (status != EG_OK)
        return status;
    device = *out;
    ops = *reference_ops;
    ops.run = faulty_run;
    ops.support = faulty_support;
    ops.compile = faulty_compile;
#ifdef FAULT_WRONG_TIMES
    ops.extension = faulty_extension;
#endif
    *out_ops = &ops;
    return EG_OK;
}

static eg_plugin plugin;

const eg_plugin *
eg_plugin_query(uint32_t host_major, uint32_t host_minor)
{
    reference = eg_reference_query(host_major, host_minor);
    if (!reference)
        return NULL;
    plugin = *reference;
    plugin.name = "faulty";
    plugin.open = faulty_open;
    return &plugin;
}
