/* SPDX-License-Identifier: Apache-2.0 */
/* support() and compile(): both ask the op's accept(). */
#include <stdio.h>
#include <string.h>

#include "host.h"

static const eg_host_op *
find_in(const eg_host_op *const *ops, const char *name)
{
    for (; ops != NULL && *ops != NULL; ops++)
        if (strcmp((*ops)->name, name) == 0)
            return *ops;
    return NULL;
}

/* The device's own op of that name, else the backend's. */
static const eg_host_op *
find_op(const eg_device *device, const char *name)
{
    const eg_host_op *own = find_in(device->own_ops, name);
    return own != NULL ? own : find_in(device->backend->ops, name);
}

/* The op if the node can be computed; NULL with reader->reason set if not. */
static const eg_host_op *
accept_node(eg_host_reader *reader)
{
    const eg_host *host = reader->host;
    const char *name = host->node_op(host->ctx, reader->view, reader->node);
    const eg_host_op *op = find_op(reader->device, name);
    if (op == NULL) {
        eg_host_refuse(reader, "op '%s' is unknown", name);
        return NULL;
    }
    reader->input_count = host->node_inputs(host->ctx, reader->view, reader->node);
    if (host->node_outputs(host->ctx, reader->view, reader->node) != 1) {
        eg_host_refuse(reader, "%s has one output", name);
        return NULL;
    }
    reader->inplace_mask = op->inplace_mask;
    if (op->accept(reader))
        return op;
    char why[sizeof reader->reason];
    memcpy(why, reader->reason, sizeof why);
    eg_host_refuse(reader, "%s: %.140s", name, why);
    return NULL;
}

eg_status
eg_host_support(eg_device *device, const eg_view *view, uint32_t node, eg_support *out)
{
    eg_host_reader reader = {.device = device, .host = device->host, .view = view, .node = node};
    const eg_host_op *op = accept_node(&reader);
    eg_support answer = {.size = out->size, .level = EG_SUPPORT_NO};
    if (op != NULL) {
        answer.level = device->backend->level;
        answer.domains = 1;
        answer.inplace_mask = reader.inplace_mask;
    }
    memcpy(answer.reason, reader.reason, sizeof answer.reason);
    memcpy(out, &answer, answer.size < sizeof answer ? answer.size : sizeof answer);
    return EG_OK;
}

static eg_status
copy_name(const eg_host *host, const char *name, char **out)
{
    size_t n = strlen(name);
    *out = eg_host_alloc(host, n + 1, 1);
    if (*out == NULL)
        return EG_E_NOMEM;
    memcpy(*out, name, n);
    return EG_OK;
}

static eg_status
compile_value(eg_exec *exec, const eg_view *view, uint32_t number, eg_error *err)
{
    const eg_host *host = exec->device->host;
    eg_host_value *value = &exec->values[number];
    value->info.size = sizeof value->info;
    eg_status status = host->view_value(host->ctx, view, number, &value->info);
    if (status != EG_OK)
        return eg_host_fail(err, EG_E_INTERNAL, "value %u of the view cannot be read", number);
    value->info.name = NULL;
    if (value->info.is_weight)
        value->weight = host->view_weight(host->ctx, view, number);
    return EG_OK;
}

static void
keep_most(uint64_t *most, uint64_t wanted)
{
    if (wanted > *most)
        *most = wanted;
}

static eg_status
compile_node(eg_exec *exec, const eg_view *view, uint32_t number, uint32_t *inputs, eg_error *err)
{
    const eg_host *host = exec->device->host;
    eg_host_reader reader = {.device = exec->device, .host = host, .view = view, .node = number};
    const char *name = host->node_name(host->ctx, view, number);
    eg_host_node *node = &exec->nodes[number];
    node->op = accept_node(&reader);
    if (node->op == NULL)
        return eg_host_fail(err, EG_E_UNSUPPORTED, "node '%s' cannot be compiled: %s", name, reader.reason);
    if (copy_name(host, name, &node->name) != EG_OK)
        return eg_host_fail(err, EG_E_NOMEM, "out of memory");
    node->attrs = reader.attrs;
    node->inputs = inputs;
    node->input_count = reader.input_count;
    node->output = host->node_output(host->ctx, view, number, 0);
    exec->values[node->output].used = true;
    for (uint32_t i = 0; i < node->input_count; i++) {
        inputs[i] = host->node_input(host->ctx, view, number, i);
        eg_host_value *value = &exec->values[inputs[i]];
        value->used = true;
        if (value->info.is_weight && value->weight == NULL)
            return eg_host_fail(err, EG_E_INTERNAL, "node '%s' reads a weight that was not made", name);
        if (value->weight != NULL && value->weight->parts != NULL &&
            !eg_host_takes_parts(exec->device->backend, node->op->name, i))
            return eg_host_fail(err, EG_E_INTERNAL, "node '%s' reads a weight that was made for other uses", name);
    }
    keep_most(&exec->scratch.bytes, reader.scratch.bytes);
    keep_most(&exec->scratch.row, reader.scratch.row);
    keep_most(&exec->scratch.matmul_row, reader.scratch.matmul_row);
    keep_most(&exec->scratch.packed, reader.scratch.packed);
    keep_most(&exec->scratch.shared_row, reader.scratch.shared_row);
    return EG_OK;
}

static uint64_t
count_inputs(const eg_host *host, const eg_view *view, uint32_t node_count)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < node_count; i++)
        count += host->node_inputs(host->ctx, view, i);
    return count;
}

eg_status
eg_host_compile(eg_device *device, const eg_view *view, const eg_compile_info *info, eg_exec **out, eg_error *err)
{
    (void)info; /* ops take the true sizes and threads with each run */
    const eg_host *host = device->host;
    eg_exec *exec = eg_host_alloc(host, 1, sizeof *exec);
    if (exec == NULL)
        return eg_host_fail(err, EG_E_NOMEM, "out of memory");
    exec->device = device;
    exec->value_count = host->view_values(host->ctx, view);
    exec->node_count = host->view_nodes(host->ctx, view);
    exec->values = eg_host_alloc(host, exec->value_count, sizeof *exec->values);
    exec->nodes = eg_host_alloc(host, exec->node_count, sizeof *exec->nodes);
    exec->inputs = eg_host_alloc(host, count_inputs(host, view, exec->node_count), sizeof *exec->inputs);
    eg_status status = EG_OK;
    if (exec->values == NULL || exec->nodes == NULL || exec->inputs == NULL)
        status = eg_host_fail(err, EG_E_NOMEM, "out of memory");
    for (uint32_t i = 0; i < exec->value_count && status == EG_OK; i++)
        status = compile_value(exec, view, i, err);
    uint32_t *inputs = exec->inputs;
    for (uint32_t i = 0; i < exec->node_count && status == EG_OK; i++) {
        status = compile_node(exec, view, i, inputs, err);
        inputs += exec->nodes[i].input_count;
    }
    if (status != EG_OK) {
        eg_host_exec_free(exec);
        return status;
    }
    *out = exec;
    return EG_OK;
}

void
eg_host_exec_free(eg_exec *exec)
{
    if (exec == NULL)
        return;
    const eg_host *host = exec->device->host;
    for (uint32_t i = 0; exec->nodes != NULL && i < exec->node_count; i++)
        eg_host_dealloc(host, exec->nodes[i].name);
    eg_host_dealloc(host, exec->inputs);
    eg_host_dealloc(host, exec->nodes);
    eg_host_dealloc(host, exec->values);
    eg_host_dealloc(host, exec);
}
