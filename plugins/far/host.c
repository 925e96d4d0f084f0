/* SPDX-License-Identifier: Apache-2.0 */
/* What reference sees as its host: services passed through, and stages of one node made of the real host's view. */
#include "plugins/far/far.h"

static const eg_host *
outer_host(void *ctx)
{
    return ((const eg_device *)ctx)->host;
}

static void
log_line(void *ctx, int32_t level, const char *message)
{
    const eg_host *host = outer_host(ctx);
    host->log(host->ctx, level, message);
}

static void *
alloc(void *ctx, uint64_t bytes, uint64_t align)
{
    const eg_host *host = outer_host(ctx);
    return host->alloc(host->ctx, bytes, align);
}

static void
dealloc(void *ctx, void *p)
{
    const eg_host *host = outer_host(ctx);
    host->dealloc(host->ctx, p);
}

/* Runs are on the worker, where the host's threads may not be used. */
static void
parallel_for(void *ctx, uint32_t n, void (*fn)(void *arg, uint32_t i, uint32_t worker), void *arg)
{
    (void)ctx;
    for (uint32_t i = 0; i < n; i++)
        fn(arg, i, 0);
}

static uint32_t
threads(void *ctx)
{
    (void)ctx;
    return 1;
}

static eg_status
setenv_if_unset(void *ctx, const char *name, const char *value)
{
    (void)ctx, (void)name, (void)value;
    return EG_E_UNSUPPORTED;
}

/* --- the stage of one node ----------------------------------------------------------------------- */

static const far_view *
stage(const eg_view *view)
{
    return (const far_view *)view;
}

static uint32_t
view_nodes(void *ctx, const eg_view *view)
{
    (void)ctx, (void)view;
    return 1;
}

static uint32_t
node_inputs(void *ctx, const eg_view *view, uint32_t node)
{
    (void)node;
    const eg_host *host = outer_host(ctx);
    return host->node_inputs(host->ctx, stage(view)->outer, stage(view)->node);
}

static uint32_t
node_outputs(void *ctx, const eg_view *view, uint32_t node)
{
    (void)node;
    const eg_host *host = outer_host(ctx);
    return host->node_outputs(host->ctx, stage(view)->outer, stage(view)->node);
}

static uint32_t
view_values(void *ctx, const eg_view *view)
{
    return node_inputs(ctx, view, 0) + node_outputs(ctx, view, 0);
}

/* The real host's number of one of the stage's values. */
static uint32_t
outer_value(void *ctx, const eg_view *view, uint32_t value)
{
    const eg_host *host = outer_host(ctx);
    uint32_t inputs = node_inputs(ctx, view, 0);
    return value < inputs ? host->node_input(host->ctx, stage(view)->outer, stage(view)->node, value)
                          : host->node_output(host->ctx, stage(view)->outer, stage(view)->node, value - inputs);
}

static far_cut
cut_of(void *ctx, const eg_view *view, uint32_t value)
{
    const eg_host *host = outer_host(ctx);
    return far_cut_of(host->node_op(host->ctx, stage(view)->outer, stage(view)->node), node_inputs(ctx, view, 0),
                      value);
}

static eg_status
view_value(void *ctx, const eg_view *view, uint32_t value, eg_value_info *out)
{
    const eg_host *host = outer_host(ctx);
    if (value >= view_values(ctx, view))
        return EG_E_USAGE;
    eg_status status = host->view_value(host->ctx, stage(view)->outer, outer_value(ctx, view, value), out);
    const far_piece *piece = stage(view)->piece;
    if (status != EG_OK || !piece)
        return status;
    far_cut cut = cut_of(ctx, view, value);
    if (cut == FAR_ROWS)
        out->dims[0].k = piece->count;
    else if (cut == FAR_COLUMNS) /* the stride stays */
        out->dims[out->rank - 1].k = piece->count;
    return EG_OK;
}

static const char *
node_op(void *ctx, const eg_view *view, uint32_t node)
{
    (void)node;
    const eg_host *host = outer_host(ctx);
    return host->node_op(host->ctx, stage(view)->outer, stage(view)->node);
}

static const char *
node_name(void *ctx, const eg_view *view, uint32_t node)
{
    (void)node;
    const eg_host *host = outer_host(ctx);
    return host->node_name(host->ctx, stage(view)->outer, stage(view)->node);
}

static uint32_t
node_input(void *ctx, const eg_view *view, uint32_t node, uint32_t i)
{
    (void)node;
    (void)outer_value(ctx, view, i); /* so that the host sees it read */
    return i;
}

static uint32_t
node_output(void *ctx, const eg_view *view, uint32_t node, uint32_t i)
{
    (void)node;
    return node_inputs(ctx, view, 0) + i;
}

static int32_t
attr_int(void *ctx, const eg_view *view, uint32_t node, const char *name, int64_t *out)
{
    (void)node;
    const eg_host *host = outer_host(ctx);
    return host->attr_int(host->ctx, stage(view)->outer, stage(view)->node, name, out);
}

static int32_t
attr_float(void *ctx, const eg_view *view, uint32_t node, const char *name, double *out)
{
    (void)node;
    const eg_host *host = outer_host(ctx);
    return host->attr_float(host->ctx, stage(view)->outer, stage(view)->node, name, out);
}

static int32_t
attr_string(void *ctx, const eg_view *view, uint32_t node, const char *name, const char **out)
{
    (void)node;
    const eg_host *host = outer_host(ctx);
    return host->attr_string(host->ctx, stage(view)->outer, stage(view)->node, name, out);
}

static int32_t
attr_ints(void *ctx, const eg_view *view, uint32_t node, const char *name, const int64_t **out, uint32_t *out_count)
{
    (void)node;
    const eg_host *host = outer_host(ctx);
    return host->attr_ints(host->ctx, stage(view)->outer, stage(view)->node, name, out, out_count);
}

static eg_weight *
view_weight(void *ctx, const eg_view *view, uint32_t value)
{
    const eg_host *host = outer_host(ctx);
    const far_piece *piece = stage(view)->piece;
    far_cut cut = piece ? cut_of(ctx, view, value) : FAR_WHOLE;
    if (cut == FAR_COLUMNS)
        return value < FAR_PIECE_INPUTS ? piece->slices[value] : NULL;
    const eg_weight *weight = host->view_weight(host->ctx, stage(view)->outer, outer_value(ctx, view, value));
    return weight ? weight->parts[cut == FAR_ROWS ? piece->part : 0].inner : NULL;
}

void
far_fill_inner_host(eg_device *device)
{
    device->inner_host = (eg_host){
        .size = sizeof(eg_host),
        .abi_minor = EG_ABI_MINOR,
        .sanitizer = EG_SANITIZER,
        .ctx = device,
        .log = log_line,
        .alloc = alloc,
        .dealloc = dealloc,
        .parallel_for = parallel_for,
        .threads = threads,
        .setenv_if_unset = setenv_if_unset,
        .view_nodes = view_nodes,
        .view_values = view_values,
        .view_value = view_value,
        .node_op = node_op,
        .node_name = node_name,
        .node_inputs = node_inputs,
        .node_outputs = node_outputs,
        .node_input = node_input,
        .node_output = node_output,
        .attr_int = attr_int,
        .attr_float = attr_float,
        .attr_string = attr_string,
        .attr_ints = attr_ints,
        .view_weight = view_weight,
    };
}
