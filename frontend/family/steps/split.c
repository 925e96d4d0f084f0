/* SPDX-License-Identifier: Apache-2.0 */
/* split: the last axis in equal parts, or in parts of the sizes listed. The chain goes on with all of them. */
#include <inttypes.h>

#include "frontend/family/steps/steps.h"

static eg_status
read_sizes(eg_expand *x, const eg_call *call, int64_t width, int64_t *sizes, uint32_t *count, eg_error *err)
{
    const eg_yaml *parts;
    eg_expr_env env = eg_expand_env(x);
    eg_datum value;
    EG_TRY(eg_call_need(call, "parts", err));
    EG_TRY(eg_call_get(x, call, "parts", &parts, err));
    if (parts->type == EG_YAML_LIST) {
        *count = 0;
        for (size_t i = 0; i < parts->count && i < EG_CHAIN_MAX; i++) {
            EG_TRY(eg_eval_value(parts->items[i], &env, &value, err));
            if (value.type != EG_DATUM_INT || value.integer < 1)
                return eg_yaml_fail(parts->items[i], err, "the size of a part is an integer from 1");
            sizes[(*count)++] = value.integer;
        }
        return EG_OK;
    }
    int64_t n;
    EG_TRY(eg_call_int(x, call, "parts", 1, 1, &n, err));
    if (n > EG_CHAIN_MAX || width % n != 0)
        return eg_call_fail(call, "parts", err, "a width of %" PRId64 " cannot be split in %" PRId64, width, n);
    for (int64_t i = 0; i < n; i++)
        sizes[i] = width / n;
    *count = (uint32_t)n;
    return EG_OK;
}

eg_status
eg_run_split(eg_expand *x, const eg_call *call, eg_chain *chain, eg_error *err)
{
    eg_value_id in;
    int64_t width, sizes[EG_CHAIN_MAX], at = 0;
    uint32_t count;
    bool squeeze;
    EG_TRY(eg_chain_one(chain, call->step, "split", &in, err));
    EG_TRY(eg_emit_width(x, call->step, in, &width, err));
    EG_TRY(read_sizes(x, call, width, sizes, &count, err));
    EG_TRY(eg_call_bool(x, call, "squeeze", false, &squeeze, err));
    chain->count = 0;
    for (uint32_t i = 0; i < count; i++) {
        eg_value_id part;
        EG_TRY(eg_emit_slice(x, call->step, in, -1, at, at + sizes[i], &part, err));
        at += sizes[i];
        if (squeeze)
            EG_TRY(eg_emit(x, call->step, "squeeze", &part, 1, NULL, 0, &part, err));
        EG_TRY(eg_chain_push(chain, part, call->step, err));
    }
    if (at != width)
        return eg_call_fail(call, "parts", err, "the parts make %" PRId64 " of a width of %" PRId64, at, width);
    return EG_OK;
}
