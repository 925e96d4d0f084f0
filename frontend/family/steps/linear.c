/* SPDX-License-Identifier: Apache-2.0 */
/* linear: x · Wᵀ + b, and conv1d, the same of the rows around each token. */
#include <inttypes.h>
#include <string.h>

#include "frontend/family/steps/steps.h"

/* --- bias: true, false, an expression, or a name ------------------------------------------------- */

static bool
is_variable(const eg_expand *x, const char *name)
{
    for (const eg_variable *v = x->at.variables; v; v = v->next) {
        if (strcmp(v->name, name) == 0)
            return true;
    }
    return false;
}

/* A string is an expression where it cannot be a tensor's name. */
static bool
is_expression(const eg_expand *x, const eg_yaml *node)
{
    return node->text[0] == '$' || strpbrk(node->text, " (") || is_variable(x, node->text);
}

/* *name is NULL and *want set where bias says whether there is one; else it is the bias's own name. */
static eg_status
read_bias(eg_expand *x, const eg_yaml *bias, const eg_yaml **name, bool *want, eg_error *err)
{
    *name = NULL;
    *want = true;
    eg_expr_env env = eg_expand_env(x);
    if (bias)
        EG_TRY(eg_eval_choice(bias, &env, &bias, err));
    if (!bias)
        return EG_OK;
    if (eg_is_none(bias))
        *want = false;
    else if (bias->type == EG_YAML_LIST || (bias->type == EG_YAML_STRING && !is_expression(x, bias)))
        *name = bias;
    else
        return eg_eval_truth(bias, &env, want, err);
    return EG_OK;
}

static eg_status
emit_transposed(eg_expand *x, const eg_yaml *at, eg_value_id stored, eg_value_id *out, eg_error *err)
{
    const char *key = eg_arena_printf(x->arena, "transposed %u", stored);
    uint64_t known;
    if (!key)
        return eg_fail_nomem(err, "a constant");
    if (eg_map_get(&x->constants, key, strlen(key), &known)) {
        *out = (eg_value_id)known;
        return EG_OK;
    }
    EG_TRY(eg_emit(x, at, "transpose", &stored, 1, NULL, 0, out, err));
    return eg_map_put(&x->constants, key, strlen(key), *out, NULL) ? EG_OK : eg_fail_nomem(err, "a constant");
}

static bool
is_table(const eg_yaml *name)
{
    return name && name->type == EG_YAML_STRING && name->text[0] == '=';
}

/* [groups, in / groups, out / groups] as the table [out, in / groups] that each group's columns are rows of. */
static eg_status
emit_weight_by_group(eg_expand *x, const eg_yaml *at, const eg_linear *linear, int64_t in_size, eg_value_id *weight,
                     eg_error *err)
{
    const int64_t groups = linear->groups, rows = in_size / groups, stored[3] = {groups, rows, linear->out / groups};
    eg_attr axis = eg_attr_int("axis", 0);
    eg_value_id all, part;
    eg_chain parts = {0};
    EG_TRY(eg_expand_joined_weight(x, linear->weight ? linear->weight : linear->name, linear->weight ? "" : ".weight",
                                   stored, 3, 0, &all, err));
    for (int64_t g = 0; g < groups; g++) {
        EG_TRY(eg_emit_slice(x, at, all, 0, g * rows, (g + 1) * rows, &part, err));
        EG_TRY(eg_emit(x, at, "transpose", &part, 1, NULL, 0, &part, err));
        EG_TRY(eg_chain_push(&parts, part, at, err));
    }
    return eg_emit(x, at, "concat", parts.items, parts.count, &axis, 1, weight, err);
}

/* What the file has: [out, in] or [in, out], and where groups or neighbours are asked for [out, in / groups, kernel]. */
static eg_status
emit_weight(eg_expand *x, const eg_yaml *at, const eg_linear *linear, int64_t in_size, eg_value_id *weight,
            eg_error *err)
{
    const eg_yaml *tensor = linear->weight ? linear->weight : linear->name;
    const char *suffix = linear->weight ? "" : ".weight";
    if (in_size % linear->groups != 0 || linear->out % linear->groups != 0)
        return eg_yaml_fail(at, err, "%" PRId64 " groups do not fit widths of %" PRId64 " and %" PRId64, linear->groups,
                            in_size, linear->out);
    if (linear->in_out && linear->groups > 1)
        return eg_yaml_fail(at, err, "in groups a weight is stored [out, in / groups], not in_out");
    if (linear->by_group)
        return emit_weight_by_group(x, at, linear, in_size, weight, err);
    const int64_t stored[3] = {linear->out, in_size / linear->groups, linear->kernel};
    const int64_t turned[2] = {in_size, linear->out};
    if (linear->kernel > 1)
        return eg_expand_joined_weight(x, tensor, suffix, stored, 3, 1, weight, err);
    EG_TRY(eg_expand_weight(x, tensor, suffix, linear->in_out ? turned : stored, 2, weight, err));
    return linear->in_out ? emit_transposed(x, at, *weight, weight, err) : EG_OK;
}

eg_status
eg_emit_linear_tables(eg_expand *x, const eg_yaml *at, const eg_linear *linear, int64_t in_size, eg_value_id *weight,
                      eg_value_id *bias, eg_error *err)
{
    const eg_yaml *tensor = linear->weight ? linear->weight : linear->name, *bias_name;
    bool want_bias;
    *bias = 0;
    if (!tensor)
        return eg_yaml_fail(at, err, "the name of a linear's weight is not given");
    EG_TRY(emit_weight(x, at, linear, in_size, weight, err));
    EG_TRY(read_bias(x, linear->bias, &bias_name, &want_bias, err));
    if (bias_name)
        return eg_expand_weight(x, bias_name, "", &linear->out, 1, bias, err);
    if (!want_bias || (is_table(tensor) && !linear->bias))
        return EG_OK;
    if (linear->weight)
        return eg_yaml_fail(at, err,
                            "the weight is given by its full name, so the bias needs one too, or `bias: false`");
    return eg_expand_weight(x, tensor, ".bias", &linear->out, 1, bias, err);
}

eg_status
eg_emit_linear(eg_expand *x, const eg_yaml *at, const eg_linear *linear, eg_value_id in, eg_value_id *out,
               eg_error *err)
{
    int64_t width;
    eg_value_id weight, bias;
    EG_TRY(eg_emit_width(x, at, in, &width, err));
    EG_TRY(eg_emit_linear_tables(x, at, linear, width, &weight, &bias, err));
    eg_attr kernel = eg_attr_int("kernel", linear->kernel), groups = eg_attr_int("groups", linear->groups);
    if (linear->kernel > 1)
        EG_TRY(eg_emit(x, at, "unfold", &in, 1, &kernel, 1, &in, err));
    bool grouped = linear->groups > 1;
    EG_TRY(eg_emit(x, at, grouped ? "grouped_matmul" : "matmul", (eg_value_id[]){in, weight}, 2, &groups, grouped, out,
                   err));
    return bias ? eg_emit(x, at, "bias_add", (eg_value_id[]){*out, bias}, 2, NULL, 0, out, err) : EG_OK;
}

eg_status
eg_linear_read(eg_expand *x, const eg_call *call, eg_linear *out, eg_error *err)
{
    static const char *const layouts[] = {"out_in", "in_out", "groups_in_out"};
    uint32_t layout;
    *out = (eg_linear){.kernel = 1};
    EG_TRY(eg_call_get(x, call, "name", &out->name, err));
    EG_TRY(eg_call_get(x, call, "weight", &out->weight, err));
    out->bias = eg_call_arg(call, "bias");
    if (!out->name == !out->weight)
        return eg_call_fail(call, NULL, err, "a linear has either a name, for NAME.weight and NAME.bias, or `weight:`");
    EG_TRY(eg_call_choice(x, call, "layout", layouts, 3, 0, &layout, err));
    out->in_out = layout == 1;
    out->by_group = layout == 2;
    return eg_call_int(x, call, "groups", 1, 1, &out->groups, err);
}

eg_status
eg_run_linear(eg_expand *x, const eg_call *call, eg_chain *chain, eg_error *err)
{
    eg_linear linear;
    eg_value_id in, out;
    EG_TRY(eg_chain_one(chain, call->step, "linear", &in, err));
    EG_TRY(eg_linear_read(x, call, &linear, err));
    EG_TRY(eg_call_size(x, call, "out", &linear.out, err));
    EG_TRY(eg_emit_linear(x, call->step, &linear, in, &out, err));
    eg_chain_set(chain, out);
    return EG_OK;
}

eg_status
eg_run_conv1d(eg_expand *x, const eg_call *call, eg_chain *chain, eg_error *err)
{
    eg_linear linear;
    eg_value_id in, out;
    EG_TRY(eg_chain_one(chain, call->step, "conv1d", &in, err));
    EG_TRY(eg_linear_read(x, call, &linear, err));
    EG_TRY(eg_call_size(x, call, "out", &linear.out, err));
    EG_TRY(eg_call_size(x, call, "kernel", &linear.kernel, err));
    EG_TRY(eg_emit_linear(x, call->step, &linear, in, &out, err));
    eg_chain_set(chain, out);
    return EG_OK;
}
