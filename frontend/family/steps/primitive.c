/* SPDX-License-Identifier: Apache-2.0 */
/* Any op of the graph as a step: inputs from the chain or from `of`, attributes by their names in docs/ops.md. */
#include <string.h>

#include "frontend/family/steps/steps.h"

/* The op's inputs: all that `of` lists; one given to an op of two comes after the chain's value. */
static eg_status
read_inputs(eg_expand *x, const eg_call *call, const eg_chain *chain, eg_chain *out, eg_error *err)
{
    const eg_yaml *of = eg_call_arg(call, "of");
    if (!of) {
        *out = *chain;
        if (out->count == 0)
            return eg_yaml_fail(call->step, err, "nothing comes before '%s' here; begin with {from: NAME}",
                                call->op->name);
        return EG_OK;
    }
    eg_chain given;
    EG_TRY(eg_expand_values(x, of, chain, &given, err));
    out->count = 0;
    bool joins_chain = of->type != EG_YAML_LIST && call->op->min_inputs > 1;
    if (joins_chain) {
        eg_value_id first;
        EG_TRY(eg_chain_one(chain, call->step, call->op->name, &first, err));
        EG_TRY(eg_chain_push(out, first, of, err));
    }
    for (uint32_t i = 0; i < given.count; i++)
        EG_TRY(eg_chain_push(out, given.items[i], of, err));
    return EG_OK;
}

static eg_status
read_ints(eg_expand *x, const eg_call *call, const eg_yaml *node, eg_attr *attr, eg_error *err)
{
    eg_expr_env env = eg_expand_env(x);
    eg_datum value;
    EG_TRY(eg_eval_value(node, &env, &value, err));
    if (value.type != EG_DATUM_LIST)
        return eg_call_fail(call, attr->name, err, "%s is a list of integers", attr->name);
    int64_t *ints = eg_arena_calloc(x->arena, value.count + 1, sizeof *ints);
    if (!ints)
        return eg_fail_nomem(err, "an attribute");
    for (size_t i = 0; i < value.count; i++) {
        if (value.items[i].type != EG_DATUM_INT)
            return eg_call_fail(call, attr->name, err, "%s is a list of integers", attr->name);
        ints[i] = value.items[i].integer;
    }
    attr->ints = ints;
    attr->count = (uint32_t)value.count;
    return EG_OK;
}

/* *given = false where the step does not say it, or says none. */
static eg_status
read_attr(eg_expand *x, const eg_call *call, const eg_attr_spec *spec, eg_attr *out, bool *given, eg_error *err)
{
    const eg_yaml *node;
    *out = (eg_attr){.name = spec->name, .type = spec->type};
    EG_TRY(eg_call_get(x, call, spec->name, &node, err));
    *given = node != NULL;
    if (!node)
        return EG_OK;
    eg_expr_env env = eg_expand_env(x);
    eg_datum value;
    switch (spec->type) {
    case EG_ATTR_STRING:
        EG_TRY(eg_call_text(x, call, spec->name, NULL, &out->string, err));
        *given = out->string != NULL;
        return EG_OK;
    case EG_ATTR_INTS:
        return read_ints(x, call, node, out, err);
    case EG_ATTR_FLOAT:
        EG_TRY(eg_eval_value(node, &env, &value, err));
        *given = value.type != EG_DATUM_NONE;
        return *given ? eg_call_float(x, call, spec->name, 0, &out->real, err) : EG_OK;
    case EG_ATTR_INT:
        break;
    }
    EG_TRY(eg_eval_value(node, &env, &value, err));
    *given = value.type != EG_DATUM_NONE;
    if (value.type == EG_DATUM_BOOL)
        out->integer = value.boolean;
    else if (*given)
        return eg_call_int(x, call, spec->name, INT64_MIN, 0, &out->integer, err);
    return EG_OK;
}

/* add, sub, mul, div of a list: from the left; of one value (the others were absent): that value. */
static bool
is_arithmetic(const char *op)
{
    return strcmp(op, "add") == 0 || strcmp(op, "sub") == 0 || strcmp(op, "mul") == 0 || strcmp(op, "div") == 0;
}

static eg_status
fold(eg_expand *x, const eg_call *call, const eg_chain *inputs, eg_value_id *out, eg_error *err)
{
    *out = inputs->items[0];
    for (uint32_t i = 1; i < inputs->count; i++)
        EG_TRY(eg_emit(x, call->step, call->op->name, (eg_value_id[]){*out, inputs->items[i]}, 2, NULL, 0, out, err));
    return EG_OK;
}

eg_status
eg_run_primitive(eg_expand *x, const eg_call *call, eg_chain *chain, eg_error *err)
{
    enum { MOST = 16 };
    eg_attr attrs[MOST];
    uint32_t count = 0;
    eg_chain inputs;
    eg_value_id out;
    EG_TRY(read_inputs(x, call, chain, &inputs, err));
    if (inputs.count == 0)
        return eg_yaml_fail(call->step, err, "'%s' has no values: all that it lists are absent here", call->op->name);
    if (is_arithmetic(call->op->name)) {
        EG_TRY(fold(x, call, &inputs, &out, err));
        eg_chain_set(chain, out);
        return EG_OK;
    }
    for (const eg_attr_spec *spec = call->op->attrs; spec && spec->name && count < MOST; spec++) {
        bool given;
        EG_TRY(read_attr(x, call, spec, &attrs[count], &given, err));
        count += given;
    }
    EG_TRY(eg_emit(x, call->step, call->op->name, inputs.items, inputs.count, attrs, count, &out, err));
    eg_chain_set(chain, out);
    return EG_OK;
}
