/* SPDX-License-Identifier: Apache-2.0 */
/*
 * eg_verify(). First each output of the golden by the plan that a user of that output runs. Where one differs, or all is
 * wanted, again with every op by itself and all values of the golden kept: the first in the order of the graph that is off
 * is where the model begins to be another one. What only the fused plan gets wrong is a pass's fault.
 */
#include "engine/verify.h"

#include <math.h>

static const double DEFAULT_TOLERANCE = 1e-4;

static eg_status
check_options(const eg_verify_options *options, eg_error *err)
{
    if (options->flags & ~(uint32_t)EG_VERIFY_ALL)
        return eg_fail(err, EG_E_USAGE, "unknown flags %#x of a verification", options->flags);
    if (options->tolerance < 0 || !isfinite(options->tolerance))
        return eg_fail(err, EG_E_USAGE, "the tolerance %g is no number from 0 on", options->tolerance);
    return EG_OK;
}

/* Each output alone: asked for together they would keep one another's values, and be fused less than users see. */
static eg_status
compare_outputs(eg_verification *v, eg_error *err)
{
    for (uint32_t i = 0; i < v->values.count; i++)
        v->runs += v->values.items[i].is_output;
    for (uint32_t i = 0; i < v->values.count; i++) {
        if (!v->values.items[i].is_output)
            continue;
        eg_verify_run run = {.only = i};
        EG_TRY(eg_verify_compare(v, &run, v->fused, err));
    }
    return EG_OK;
}

static bool
has_outputs(const eg_verification *v)
{
    for (size_t i = 0; i < v->values.count; i++)
        if (v->values.items[i].is_output)
            return true;
    return false;
}

static eg_status
verify(eg_verification *v, eg_error *err)
{
    size_t count = v->arrays.count;
    v->fused = eg_arena_calloc(&v->arena, count, sizeof *v->fused);
    v->plain = eg_arena_calloc(&v->arena, count, sizeof *v->plain);
    if (!v->fused || !v->plain)
        return eg_fail_nomem(err, "a comparison");
    EG_TRY(compare_outputs(v, err));
    bool differs = eg_verify_first_bad(v, v->fused) != NULL;
    if (!differs && !(v->options->flags & EG_VERIFY_ALL) && has_outputs(v))
        return EG_OK;
    const eg_verify_run decomposed = {.fuse = "none", .only = UINT32_MAX};
    v->runs++;
    EG_TRY(eg_verify_compare(v, &decomposed, v->plain, err));
    if (eg_verify_first_bad(v, v->plain))
        return eg_verify_find_cause(v, err);
    return differs ? eg_verify_find_pass(v, err) : EG_OK;
}

static void
finish(eg_verification *v)
{
    eg_token_list_finish(&v->list);
    eg_model_graph_finish(&v->graph);
    eg_free(v->values.items);
    eg_free(v->arrays.items);
    eg_arena_finish(&v->arena);
}

eg_status
eg_verify(eg_context *context, const eg_golden *golden, const eg_verify_options *options, char **out_json,
          eg_error *err)
{
    *out_json = NULL;
    EG_TRY(eg_engine_check(context->model->engine, err));
    eg_context_uncancel(context);
    eg_golden given;
    eg_verify_options wanted;
    if (!golden)
        return eg_fail(err, EG_E_USAGE, "no golden to compare with");
    EG_TRY(eg_take_options(&given, sizeof given, golden, "eg_golden", err));
    EG_TRY(eg_take_options(&wanted, sizeof wanted, options, "eg_verify_options", err));
    EG_TRY(check_options(&wanted, err));
    eg_verification v = {.context = context,
                         .options = &wanted,
                         .tolerance = wanted.tolerance > 0 ? wanted.tolerance : DEFAULT_TOLERANCE};
    eg_strbuf text = {0};
    eg_status status = eg_verify_take(&v, &given, err);
    if (status == EG_OK)
        status = verify(&v, err);
    if (status == EG_OK)
        eg_verify_report(&v, &text);
    finish(&v);
    if (status == EG_OK)
        return eg_give_string(&text, out_json, err);
    eg_strbuf_finish(&text);
    return status;
}
