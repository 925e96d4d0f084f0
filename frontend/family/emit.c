/* SPDX-License-Identifier: Apache-2.0 */
/* Adding nodes, with the place of the step in every error. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "frontend/family/expand.h"

eg_status
eg_place_error(eg_status status, const eg_yaml *at, eg_error *err)
{
    if (status == EG_E_INPUT && err && at && err->file[0] == '\0' && err->line == 0) {
        eg_error_set_file(err, at->file);
        err->line = at->line;
        err->column = at->column;
    }
    return status;
}

/* "encoder.3": groups nodes for people. */
static void
write_scope(const eg_context *at, char *out, size_t n)
{
    int used = snprintf(out, n, "%s", at->section ? at->section : "");
    for (uint32_t i = 0; i < at->round_depth && used > 0 && (size_t)used < n; i++)
        used += snprintf(out + used, n - (size_t)used, ".%" PRId64, at->rounds[i]);
}

eg_status
eg_emit(eg_expand *x, const eg_yaml *at, const char *op_name, const eg_value_id *inputs, uint32_t input_count,
        const eg_attr *attrs, uint32_t attr_count, eg_value_id *out, eg_error *err)
{
    const eg_op *op = eg_op_find(op_name);
    if (!op)
        return eg_place_error(
            eg_fail(err, EG_E_INPUT, "this needs the op '%s', which this build does not have", op_name), at, err);
    if (op->output_count != 1)
        return eg_place_error(eg_fail(err, EG_E_INPUT, "'%s' has several results and is no step", op_name), at, err);
    if (x->graph->nodes.count > EG_NODES_MAX)
        return eg_place_error(
            eg_fail(err, EG_E_INPUT, "the graph has more than %d nodes; the config asks for too much", EG_NODES_MAX),
            at, err);
    char scope[256], name[384];
    write_scope(&x->at, scope, sizeof scope);
    /* Counted in the section, so that a value has one name whatever else is asked for. */
    snprintf(name, sizeof name, "%s%s%s.%" PRIu32, scope, *scope ? "." : "", op_name, ++x->at.emitted);
    eg_status status = eg_graph_add_node(x->graph, op, name, scope, inputs, input_count, attrs, attr_count, out, err);
    return eg_place_error(status, at, err);
}

void
eg_chain_set(eg_chain *chain, eg_value_id value)
{
    chain->count = value ? 1 : 0;
    chain->items[0] = value;
}

eg_status
eg_chain_push(eg_chain *chain, eg_value_id value, const eg_yaml *at, eg_error *err)
{
    if (chain->count == EG_CHAIN_MAX)
        return eg_yaml_fail(at, err, "more than %d values", EG_CHAIN_MAX);
    chain->items[chain->count++] = value;
    return EG_OK;
}

eg_status
eg_chain_one(const eg_chain *chain, const eg_yaml *at, const char *what, eg_value_id *out, eg_error *err)
{
    if (chain->count == 1) {
        *out = chain->items[0];
        return EG_OK;
    }
    if (chain->count == 0)
        return eg_yaml_fail(at, err, "nothing comes before '%s' here; begin with {from: NAME}", what);
    return eg_yaml_fail(at, err, "'%s' takes one value, %u come", what, chain->count);
}

eg_status
eg_emit_width(eg_expand *x, const eg_yaml *at, eg_value_id value, int64_t *out, eg_error *err)
{
    if (eg_type_width(&eg_graph_value(x->graph, value)->type, out))
        return EG_OK;
    return eg_yaml_fail(at, err, "the value is too wide");
}

eg_status
eg_emit_slice(eg_expand *x, const eg_yaml *at, eg_value_id value, int64_t axis, int64_t begin, int64_t end,
              eg_value_id *out, eg_error *err)
{
    eg_attr attrs[3] = {eg_attr_int("begin", begin), eg_attr_int("end", end), eg_attr_int("axis", axis)};
    return eg_emit(x, at, "slice", &value, 1, attrs, axis < 0 ? 2 : 3, out, err);
}
