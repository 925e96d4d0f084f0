/* SPDX-License-Identifier: Apache-2.0 */
/* residual: norm_after(of + scale · body(norm_before(x))). */
#include "frontend/family/steps/steps.h"

typedef struct norms {
    const eg_yaml *before, *after; /* NULL: none */
} norms;

static eg_status
read_norms(eg_expand *x, const eg_call *call, norms *out, eg_error *err)
{
    EG_TRY(eg_call_get(x, call, "norm_before", &out->before, err));
    EG_TRY(eg_call_get(x, call, "norm_after", &out->after, err));
    norms said = *out;
    if (x->tweak.norms == EG_NORMS_BEFORE && !said.before)
        *out = (norms){said.after, NULL};
    if (x->tweak.norms == EG_NORMS_AFTER && !said.after)
        *out = (norms){NULL, said.before};
    return EG_OK;
}

static eg_status
optional_norm(eg_expand *x, const eg_yaml *name, eg_value_id *value, eg_error *err)
{
    return name ? eg_emit_norm(x, name, *value, value, err) : EG_OK;
}

static eg_status
run_body(eg_expand *x, const eg_call *call, eg_value_id *value, eg_error *err)
{
    eg_chain chain;
    double scale;
    eg_chain_set(&chain, *value);
    EG_TRY(eg_expand_block(x, eg_call_arg(call, "body"), &chain, err));
    EG_TRY(eg_chain_one(&chain, call->step, "residual", value, err));
    EG_TRY(eg_call_float(x, call, "scale", 1, &scale, err));
    eg_attr factor = eg_attr_float("factor", scale);
    return scale != 1 ? eg_emit(x, call->step, "scale", value, 1, &factor, 1, value, err) : EG_OK;
}

eg_status
eg_run_residual(eg_expand *x, const eg_call *call, eg_chain *chain, eg_error *err)
{
    eg_value_id of, value;
    norms n;
    EG_TRY(eg_call_need(call, "body", err));
    EG_TRY(eg_chain_one(chain, call->step, "residual", &value, err));
    of = value;
    const eg_yaml *other;
    EG_TRY(eg_call_get(x, call, "of", &other, err));
    if (other) {
        EG_TRY(eg_expand_value(x, other, chain, &of, err));
        if (!of)
            return eg_call_fail(call, "of", err, "what the residual adds is absent here");
    }
    EG_TRY(read_norms(x, call, &n, err));
    EG_TRY(optional_norm(x, n.before, &value, err));
    EG_TRY(run_body(x, call, &value, err));
    EG_TRY(eg_emit(x, call->step, "add", (eg_value_id[]){value, of}, 2, NULL, 0, &value, err));
    EG_TRY(optional_norm(x, n.after, &value, err));
    eg_chain_set(chain, value);
    return EG_OK;
}
