/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why numbers differ: the usual suspects, tried one at a time, and the passes, switched off one at a time. A cause is
 * named only where the change makes every array of the golden fit.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "engine/verify.h"

/* --- suspects ------------------------------------------------------------------------------------ */

static const struct {
    const char *name, *activation;
} activations[] = {
    {"gelu: the erf form", "gelu"}, {"gelu: the tanh form", "gelu_new"}, {"gelu: the quick form", "quick_gelu"},
    {"activation: relu", "relu"},   {"activation: silu", "silu"},
};

static const struct {
    const char *name;
    double eps;
} epsilons[] = {
    {"eps: 1e-12", 1e-12}, {"eps: 1e-8", 1e-8}, {"eps: 1e-7", 1e-7}, {"eps: 1e-6", 1e-6},
    {"eps: 1e-5", 1e-5},   {"eps: 1e-4", 1e-4}, {"eps: 1e-3", 1e-3},
};

static const struct {
    const char *name;
    eg_norm_place place;
} places[] = {
    {"norms: before the body of each residual (pre-norm)", EG_NORMS_BEFORE},
    {"norms: after each residual (post-norm)", EG_NORMS_AFTER},
};

enum { COMMON_OFFSETS = 3 };

typedef EG_VEC(eg_variant) suspect_list;

static bool
add_tweak(suspect_list *list, const char *name, eg_tweak tweak)
{
    eg_variant variant = {.name = name, .tweak = tweak};
    return name && EG_PUSH(list, variant);
}

static bool
add_offset(eg_verification *v, suspect_list *list, int64_t offset, const char *why)
{
    const char *name = eg_arena_printf(&v->arena, "positions: an offset of %" PRId64 "%s", offset, why);
    return add_tweak(list, name, (eg_tweak){.sets_first_position = true, .first_position = offset});
}

static bool
add_of_encoder(eg_verification *v, suspect_list *list)
{
    const eg_model *model = v->context->model;
    bool added = true;
    for (size_t i = 0; i < sizeof activations / sizeof *activations && added; i++)
        added = add_tweak(list, activations[i].name, (eg_tweak){.activation = activations[i].activation});
    for (size_t i = 0; i < sizeof epsilons / sizeof *epsilons && added; i++)
        added = add_tweak(list, epsilons[i].name, (eg_tweak){.sets_eps = true, .eps = epsilons[i].eps});
    for (int64_t offset = 0; offset < COMMON_OFFSETS && added; offset++)
        added = add_offset(v, list, offset, "");
    int64_t padding = model->tokenizer ? model->tokenizer_info.pad_id : -1;
    if (padding + 1 >= COMMON_OFFSETS && added)
        added = add_offset(v, list, padding + 1, " (the padding id + 1)");
    for (size_t i = 0; i < sizeof places / sizeof *places && added; i++)
        added = add_tweak(list, places[i].name, (eg_tweak){.norms = places[i].place});
    return added;
}

/* How token rows become one vector, the commonest ways first. */
static bool
add_of_embedding(eg_verification *v, suspect_list *list)
{
    static const char *const likely[] = {"cls", "mean",  "max", "lasttoken", "weightedmean", "mean_sqrt_len_tokens",
                                         "sum", "pooler"};
    bool added = true;
    for (size_t i = 0; i < sizeof likely / sizeof *likely && added; i++) {
        eg_variant variant = {.name = eg_arena_printf(&v->arena, "pooling: %s", likely[i]), .pooling = likely[i]};
        added = variant.name && EG_PUSH(list, variant);
    }
    eg_variant with = {.name = "normalize: on", .normalize = EG_ON};
    eg_variant without = {.name = "normalize: off", .normalize = EG_OFF};
    return added && EG_PUSH(list, with) && EG_PUSH(list, without);
}

static bool
has_embedding(const eg_verification *v)
{
    for (size_t i = 0; i < v->values.count; i++)
        if (strcmp(v->values.items[i].name, "embedding") == 0)
            return true;
    return false;
}

/* --- trying -------------------------------------------------------------------------------------- */

/* How much of what is allowed is used up, at most; infinity where an array does not fit. */
static double
worst_share(const eg_verification *v, const eg_difference *differences)
{
    double worst = 0;
    for (size_t i = 0; i < v->arrays.count; i++) {
        if (!differences[i].compared)
            continue;
        if (!differences[i].fits)
            return INFINITY;
        worst = fmax(worst, differences[i].max_abs / differences[i].allowed);
    }
    return worst;
}

/* A change that the model, its sizes or its backends do not allow is not the cause; all else ends the search. */
static bool
is_no_answer(eg_status status)
{
    return status == EG_E_USAGE || status == EG_E_INPUT || status == EG_E_UNSUPPORTED || status == EG_E_BACKEND;
}

/* NaN where it cannot be run: that says neither that it fits nor that it does not. */
static eg_status
try_run(eg_verification *v, const eg_verify_run *run, double *out_share, eg_error *err)
{
    eg_error local;
    eg_error_init(&local);
    *out_share = NAN;
    eg_difference *differences = eg_calloc(v->arrays.count, sizeof *differences);
    if (!differences)
        return eg_fail_nomem(err, "a comparison");
    eg_status status = eg_verify_compare(v, run, differences, &local);
    if (status == EG_OK)
        *out_share = worst_share(v, differences);
    eg_free(differences);
    if (status == EG_OK || is_no_answer(status))
        return EG_OK;
    if (err)
        *err = local;
    return status;
}

/* Of several that fit an earlier one stands, unless a later one is clearly nearer: eps 1e-12 and 1e-7 may both fit. */
static eg_status
try_suspects(eg_verification *v, const suspect_list *list, eg_error *err)
{
    double best = INFINITY;
    const char *name = NULL;
    v->runs += (uint32_t)list->count;
    for (size_t i = 0; i < list->count; i++) {
        eg_verify_run run = {.fuse = "none", .variant = &list->items[i], .only = UINT32_MAX};
        double share;
        EG_TRY(try_run(v, &run, &share, err));
        if (isfinite(share) && (!name || share < best / 2)) {
            best = share;
            name = list->items[i].name;
        }
    }
    if (!name)
        return EG_OK;
    v->cause = eg_arena_printf(&v->arena, "%s fits", name);
    return v->cause ? EG_OK : eg_fail_nomem(err, "a cause");
}

eg_status
eg_verify_find_cause(eg_verification *v, eg_error *err)
{
    suspect_list list = {0};
    bool added = add_of_encoder(v, &list) && (!has_embedding(v) || add_of_embedding(v, &list));
    eg_status status = added ? try_suspects(v, &list, err) : eg_fail_nomem(err, "the suspects");
    eg_free(list.items);
    return status;
}

/* --- passes -------------------------------------------------------------------------------------- */

static eg_status
try_passes(eg_verification *v, const char *base, const char *sign, const char *pass, double *out_share, eg_error *err)
{
    const eg_verify_array *bad = eg_verify_first_bad(v, v->fused);
    const char *fuse = eg_arena_printf(&v->arena, "%s,%s%s", base, sign, pass);
    if (!fuse)
        return eg_fail_nomem(err, "a list of passes");
    eg_verify_run run = {.fuse = fuse, .only = bad->value};
    return try_run(v, &run, out_share, err);
}

/*
 * The pass without which the plan fits and which alone spoils it. Passes lead to one another, so one of both must do where
 * none has both.
 */
eg_status
eg_verify_find_pass(eg_verification *v, eg_error *err)
{
    const eg_context *context = v->context;
    const eg_plan_request request = {.fuse = context->fuse};
    const char *base = eg_plan_fuse(context->model, &request), *by_leaving_out = NULL, *by_itself = NULL;
    size_t count;
    const eg_pass *const *passes = eg_pass_all(&count);
    v->runs += (uint32_t)(2 * count);
    for (size_t i = 0; i < count; i++) {
        const char *name = passes[i]->name;
        double without, alone;
        EG_TRY(try_passes(v, base, "-", name, &without, err));
        EG_TRY(try_passes(v, "none", "", name, &alone, err));
        if (isfinite(without) && !by_leaving_out)
            by_leaving_out = name;
        if (isinf(alone) && !by_itself)
            by_itself = name;
        if (isfinite(without) && isinf(alone)) {
            v->pass = name;
            return EG_OK;
        }
    }
    v->pass = by_leaving_out ? by_leaving_out : by_itself;
    return EG_OK;
}
