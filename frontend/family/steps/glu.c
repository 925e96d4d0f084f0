/* SPDX-License-Identifier: Apache-2.0 */
/* glu: one linear to twice the width, one half through the activation, times the other. */
#include "frontend/family/steps/steps.h"

eg_status
eg_run_glu(eg_expand *x, const eg_call *call, eg_chain *chain, eg_error *err)
{
    static const char *const gates[] = {"first", "second"};
    eg_linear linear;
    eg_value_id in, both, halves[2], gate_value, out;
    int64_t half;
    uint32_t gate;
    const char *activation;
    EG_TRY(eg_chain_one(chain, call->step, "glu", &in, err));
    EG_TRY(eg_call_need(call, "gate", err));
    EG_TRY(eg_call_need(call, "activation", err));
    EG_TRY(eg_linear_read(x, call, &linear, err));
    EG_TRY(eg_call_size(x, call, "out", &half, err));
    EG_TRY(eg_call_choice(x, call, "gate", gates, 2, 0, &gate, err));
    EG_TRY(eg_call_text(x, call, "activation", "linear", &activation, err));
    if (half > INT64_MAX / 2)
        return eg_call_fail(call, "out", err, "the size is too big");
    linear.out = 2 * half;
    EG_TRY(eg_emit_linear(x, call->step, &linear, in, &both, err));
    EG_TRY(eg_emit_slice(x, call->step, both, -1, 0, half, &halves[0], err));
    EG_TRY(eg_emit_slice(x, call->step, both, -1, half, 2 * half, &halves[1], err));
    EG_TRY(eg_emit_activation(x, call->step, activation, halves[gate], &gate_value, err));
    EG_TRY(eg_emit(x, call->step, "mul", (eg_value_id[]){gate_value, halves[1 - gate]}, 2, NULL, 0, &out, err));
    eg_chain_set(chain, out);
    return EG_OK;
}
