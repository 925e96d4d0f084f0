/* SPDX-License-Identifier: Apache-2.0 */
/* Running a plan and comparing what it gives with the golden's arrays. */
#include <math.h>

#include "engine/verify.h"

static const double LEAST_COSINE = 0.99999;

/* --- two tensors --------------------------------------------------------------------------------- */

static uint64_t
elements_of(const eg_tensor_view *tensor)
{
    uint64_t count = 1;
    for (uint32_t i = 0; i < tensor->rank; i++)
        count *= (uint64_t)tensor->dims[i]; /* of a tensor that is there: no overflow */
    return count;
}

static double
element(const eg_tensor_view *tensor, uint64_t i)
{
    return tensor->dtype == EG_I64 ? (double)((const int64_t *)tensor->data)[i]
                                   : (double)((const float *)tensor->data)[i];
}

static double
largest(const eg_tensor_view *tensor, uint64_t count)
{
    double most = 0;
    for (uint64_t i = 0; i < count; i++) {
        double x = fabs(element(tensor, i));
        if (isfinite(x) && x > most)
            most = x;
    }
    return most;
}

/* |got - want|, infinity where either is not finite: it never passes, and is farther off than any number. */
static double
distance(double want, double got)
{
    return isfinite(want) && isfinite(got) ? fabs(got - want) : INFINITY;
}

static double
cosine(const eg_tensor_view *want, const eg_tensor_view *got, uint64_t count)
{
    double ab = 0, aa = 0, bb = 0;
    for (uint64_t i = 0; i < count; i++) {
        double a = element(want, i), b = element(got, i);
        ab += a * b;
        aa += a * a;
        bb += b * b;
    }
    return ab / sqrt(aa * bb); /* NaN for zeros and for what is not finite */
}

/* Keeps the element that is farthest off, in the first layer that has one beyond what is allowed. */
static void
find_farthest(const eg_tensor_view *want, const eg_tensor_view *got, uint64_t count, uint64_t per_layer,
              eg_difference *out)
{
    double kept = -1;
    for (uint64_t i = 0; i < count; i++) {
        double d = distance(element(want, i), element(got, i));
        uint32_t layer = (uint32_t)(i / per_layer);
        if (d > out->max_abs)
            out->max_abs = d;
        bool settled = kept > out->allowed && layer != out->layer;
        if (d <= kept || settled)
            continue;
        kept = d;
        out->layer = layer;
        out->at = i;
    }
    out->want = element(want, out->at);
    out->got = element(got, out->at);
}

static void
compare_tensors(const eg_tensor_view *want, const eg_tensor_view *got, uint32_t layers, double tolerance,
                eg_difference *out)
{
    uint64_t count = elements_of(want);
    double most = largest(want, count);
    *out = (eg_difference){.compared = true, .allowed = tolerance * fmax(1, most / 10)};
    if (count == 0) {
        out->fits = true;
        out->cosine = NAN;
        return;
    }
    find_farthest(want, got, count, count / layers, out);
    out->cosine = cosine(want, got, count);
    /* The angle of numbers that may as well be 0 says nothing. */
    bool turned = most > out->allowed && !(out->cosine >= LEAST_COSINE);
    out->fits = out->max_abs <= out->allowed && !turned;
}

/* --- runs ---------------------------------------------------------------------------------------- */

static void
tell_progress(eg_verification *v)
{
    v->runs_done++;
    if (v->options->progress)
        v->options->progress(v->options->progress_user, v->runs_done, v->runs);
}

static eg_status
compare_result(const eg_verification *v, const eg_verify_run *run, const eg_result *result, eg_difference *differences,
               eg_error *err)
{
    for (size_t i = 0; i < v->arrays.count; i++) {
        const eg_verify_array *array = &v->arrays.items[i];
        if (run->only != UINT32_MAX && run->only != array->value)
            continue;
        eg_tensor_view got = {.size = sizeof got};
        uint32_t output = run->only == UINT32_MAX ? array->value : 0;
        eg_status status = array->text < 0 ? eg_result_tensor(result, output, &got)
                                           : eg_result_pair(result, output, (uint32_t)array->text, &got);
        if (status != EG_OK || elements_of(&got) != elements_of(&array->want) || got.dtype != array->want.dtype)
            return eg_fail(err, EG_E_INTERNAL, "'%s' is not what the graph said", array->want.name);
        compare_tensors(&array->want, &got, v->values.items[array->value].layers, v->tolerance, &differences[i]);
    }
    return EG_OK;
}

eg_status
eg_verify_compare(eg_verification *v, const eg_verify_run *run, eg_difference *differences, eg_error *err)
{
    uint32_t count = run->only == UINT32_MAX ? (uint32_t)v->values.count : 1;
    const char **names = eg_calloc(count, sizeof *names);
    if (!names)
        return eg_fail_nomem(err, "a run");
    for (uint32_t i = 0; i < count; i++)
        names[i] = v->values.items[run->only == UINT32_MAX ? i : run->only].name;
    eg_run_request request = {
        .outputs = names, .output_count = count, .fuse = run->fuse, .variant = run->variant, .non_finite_too = true};
    eg_input silent = {.size = sizeof silent};
    eg_result *result;
    eg_status status = eg_run_tokens(v->context, &silent, &v->list, &request, &result, err);
    if (status == EG_OK) {
        status = compare_result(v, run, result, differences, err);
        eg_result_free(result);
    }
    eg_free(names);
    tell_progress(v);
    return status;
}

const eg_verify_array *
eg_verify_first_bad(const eg_verification *v, const eg_difference *differences)
{
    const eg_verify_array *first = NULL;
    uint32_t least = UINT32_MAX;
    for (size_t i = 0; i < v->arrays.count; i++) {
        if (!differences[i].compared || differences[i].fits)
            continue;
        uint32_t order = v->values.items[v->arrays.items[i].value].order[differences[i].layer];
        if (!first || order < least) {
            first = &v->arrays.items[i];
            least = order;
        }
    }
    return first;
}
