/* SPDX-License-Identifier: Apache-2.0 */
/* Turning by position: the arguments, one table per frequencies, and the step `rotary`. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "frontend/family/steps/steps.h"

static eg_status
need_above_zero(const eg_call *call, const char *name, double value, eg_error *err)
{
    if (value > 0 && value <= 1e30)
        return EG_OK;
    return eg_call_fail(call, name, err, "%s is %g; a number above 0 is expected", name, value);
}

eg_status
eg_rotary_read(eg_expand *x, const eg_call *call, eg_rotary *out, eg_error *err)
{
    static const char *const styles[] = {"half", "interleaved"};
    const eg_yaml *theta;
    uint32_t style;
    EG_TRY(eg_call_get(x, call, "frequencies", &out->frequencies, err));
    EG_TRY(eg_call_get(x, call, "theta", &theta, err));
    if (theta && out->frequencies)
        return eg_call_fail(call, "frequencies", err, "there are frequencies, so theta says nothing");
    if (!out->frequencies)
        EG_TRY(eg_call_require(x, call, "theta", &theta, err));
    EG_TRY(eg_call_float(x, call, "theta", 1, &out->theta, err));
    EG_TRY(eg_call_float(x, call, "divide", 1, &out->divide, err));
    EG_TRY(eg_call_float(x, call, "fraction", 1, &out->fraction, err));
    EG_TRY(eg_call_choice(x, call, "style", styles, 2, 0, &style, err));
    EG_TRY(need_above_zero(call, "theta", out->theta, err));
    EG_TRY(need_above_zero(call, "divide", out->divide, err));
    if (!(out->fraction > 0 && out->fraction <= 1))
        return eg_call_fail(call, "fraction", err, "fraction is %g; above 0, at most 1 is expected", out->fraction);
    out->interleaved = style == 1;
    return EG_OK;
}

/* The table of these angles, made once: the layers of a model share it. */
static eg_status
table_of(eg_expand *x, const eg_yaml *at, const eg_rotary *rotary, int64_t width, eg_value_id *out, eg_error *err)
{
    char key[128];
    uint64_t known;
    eg_value_id inputs[2] = {0};
    int64_t half = width / 2;
    if (rotary->frequencies)
        EG_TRY(eg_expand_weight(x, rotary->frequencies, "", &half, 1, &inputs[1], err));
    snprintf(key, sizeof key, "rotary %a %a %" PRId64 " %" PRIu32, rotary->theta, rotary->divide, width, inputs[1]);
    if (eg_map_get(&x->constants, key, strlen(key), &known)) {
        *out = (eg_value_id)known;
        return EG_OK;
    }
    const eg_attr attrs[] = {eg_attr_int("width", width), eg_attr_float("divide", rotary->divide),
                             eg_attr_float("theta", rotary->theta)};
    EG_TRY(eg_expand_positions(x, -1, &inputs[0], err));
    EG_TRY(eg_emit(x, at, "rotary_table", inputs, inputs[1] ? 2 : 1, attrs, inputs[1] ? 2 : 3, out, err));
    const char *copy = eg_arena_strdup(x->arena, key);
    if (!copy || !eg_map_put(&x->constants, copy, strlen(copy), *out, NULL))
        return eg_fail_nomem(err, "a table of angles");
    return EG_OK;
}

eg_status
eg_rotary_turn(eg_expand *x, const eg_call *call, const eg_rotary *rotary, int64_t heads, int64_t head_size,
               eg_value_id *value, eg_error *err)
{
    int64_t width = (int64_t)floor(rotary->fraction * (double)head_size);
    eg_value_id inputs[2] = {*value};
    if (width < 2 || width % 2 != 0)
        return eg_call_fail(call, "fraction", err,
                            "%" PRId64 " of a head's %" PRId64 " numbers would turn; an even number is expected", width,
                            head_size);
    const eg_attr attrs[] = {eg_attr_int("heads", heads),
                             eg_attr_string("style", rotary->interleaved ? "interleaved" : "half")};
    EG_TRY(table_of(x, call->step, rotary, width, &inputs[1], err));
    return eg_emit(x, call->step, "rotary", inputs, 2, attrs, 2, value, err);
}

eg_status
eg_run_rotary(eg_expand *x, const eg_call *call, eg_chain *chain, eg_error *err)
{
    eg_value_id value;
    eg_rotary rotary;
    int64_t heads, width;
    EG_TRY(eg_chain_one(chain, call->step, "rotary", &value, err));
    EG_TRY(eg_call_size(x, call, "heads", &heads, err));
    EG_TRY(eg_rotary_read(x, call, &rotary, err));
    EG_TRY(eg_emit_width(x, call->step, value, &width, err));
    if (width % heads != 0)
        return eg_call_fail(call, "heads", err, "a width of %" PRId64 " is not divisible by %" PRId64 " heads", width,
                            heads);
    EG_TRY(eg_rotary_turn(x, call, &rotary, heads, width / heads, &value, err));
    eg_chain_set(chain, value);
    return EG_OK;
}
