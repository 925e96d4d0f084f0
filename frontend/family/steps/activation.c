/* SPDX-License-Identifier: Apache-2.0 */
/* activation: by the name that config.json uses. */
#include <string.h>

#include "frontend/family/steps/steps.h"

/* A tweak changes what stands between two linears; the tanh of a pooler and the sigmoid of a gate stay. */
static const eg_activation *
tweaked(const eg_expand *x, const eg_activation *activation)
{
    static const char *const changed[] = {"gelu", "relu", "relu2", "silu", "mish"};
    for (size_t i = 0; x->tweak.activation && activation->op && i < sizeof changed / sizeof *changed; i++) {
        if (strcmp(activation->op, changed[i]) == 0)
            return eg_activation_find(x->tweak.activation);
    }
    return activation;
}

eg_status
eg_emit_activation(eg_expand *x, const eg_yaml *at, const char *name, eg_value_id in, eg_value_id *out, eg_error *err)
{
    const eg_activation *activation = eg_activation_find(name);
    if (!activation) {
        const char *near = eg_activation_nearest(name);
        eg_status status = eg_yaml_fail(at, err, "there is no activation '%s'", name);
        return near ? eg_hint(err, status, "did you mean '%s'?", near) : status;
    }
    activation = tweaked(x, activation);
    *out = in;
    if (!activation->op)
        return EG_OK;
    eg_attr form = eg_attr_string("form", activation->form);
    return eg_emit(x, at, activation->op, &in, 1, &form, activation->form ? 1 : 0, out, err);
}

eg_status
eg_run_activation(eg_expand *x, const eg_call *call, eg_chain *chain, eg_error *err)
{
    eg_value_id in, out;
    const char *name;
    EG_TRY(eg_chain_one(chain, call->step, "activation", &in, err));
    EG_TRY(eg_call_need(call, "name", err));
    EG_TRY(eg_call_text(x, call, "name", "linear", &name, err));
    EG_TRY(eg_emit_activation(x, call->step, name, in, &out, err));
    eg_chain_set(chain, out);
    return EG_OK;
}
