/* SPDX-License-Identifier: Apache-2.0 */
/* norm: a layer norm or an RMS norm by its tensors' name. */
#include "frontend/family/steps/steps.h"

typedef struct norm {
    const eg_yaml *name;
    bool rms, bias;
    double eps;
} norm;

static eg_status
read_norm(eg_expand *x, const eg_call *call, norm *out, eg_error *err)
{
    static const char *const kinds[] = {"layer", "rms"};
    uint32_t kind;
    EG_TRY(eg_call_choice(x, call, "kind", kinds, 2, 0, &kind, err));
    out->rms = kind == 1;
    EG_TRY(eg_call_bool(x, call, "bias", true, &out->bias, err));
    EG_TRY(eg_call_need(call, "eps", err));
    EG_TRY(eg_call_float(x, call, "eps", 0, &out->eps, err));
    if (out->eps < 0)
        return eg_call_fail(call, "eps", err, "eps is negative");
    if (x->tweak.sets_eps)
        out->eps = x->tweak.eps;
    return EG_OK;
}

static eg_status
emit_norm(eg_expand *x, const eg_yaml *at, const norm *n, eg_value_id in, eg_value_id *out, eg_error *err)
{
    int64_t width;
    eg_value_id inputs[3] = {in, 0, 0};
    bool bias = n->bias && !n->rms;
    EG_TRY(eg_emit_width(x, at, in, &width, err));
    EG_TRY(eg_expand_weight(x, n->name, ".weight", &width, 1, &inputs[1], err));
    if (bias)
        EG_TRY(eg_expand_weight(x, n->name, ".bias", &width, 1, &inputs[2], err));
    eg_attr eps = eg_attr_float("eps", n->eps);
    return eg_emit(x, at, n->rms ? "rms_norm" : "layer_norm", inputs, bias ? 3 : 2, &eps, 1, out, err);
}

eg_status
eg_emit_norm(eg_expand *x, const eg_yaml *node, eg_value_id in, eg_value_id *out, eg_error *err)
{
    /* The name alone, as in `norm_after: W`: everything else comes from the defaults. */
    eg_call call = {.word = eg_word_find("norm"), .step = node, .defaults = eg_expand_defaults(x, "norm")};
    norm n = {.name = node};
    EG_TRY(read_norm(x, &call, &n, err));
    return emit_norm(x, node, &n, in, out, err);
}

eg_status
eg_run_norm(eg_expand *x, const eg_call *call, eg_chain *chain, eg_error *err)
{
    norm n = {0};
    eg_value_id in, out;
    EG_TRY(eg_chain_one(chain, call->step, "norm", &in, err));
    EG_TRY(eg_call_require(x, call, "name", &n.name, err));
    EG_TRY(read_norm(x, call, &n, err));
    EG_TRY(emit_norm(x, call->step, &n, in, &out, err));
    eg_chain_set(chain, out);
    return EG_OK;
}
