/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long each plan takes. All are made and warmed before the clock starts. Then every plan has its turn in each round,
 * in an order that moves on by one and turns around from round to round, so that what the machine does besides falls on
 * all alike. A gain is the median of the differences within the rounds, which slow drift does not touch.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/fusion.h"
#include "cli/mem.h"
#include "cli/progress.h"
#include "cli/say.h"

#define DEFAULT_SECONDS 3.0 /* per plan */
#define WARM_UP_RUNS 2
#define LEAST_ROUNDS 5
#define TURN_SECONDS 0.02 /* a turn of quick plans is several runs, the first of them not counted */
#define MOST_RUNS_OF_A_TURN 64

typedef struct vectors {
    float *items;
    size_t count, capacity;
} vectors;

static double
now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* --- runs ---------------------------------------------------------------------------------------- */

static eg_status
keep_tensor(const eg_tensor_view *view, vectors *out, eg_error *err)
{
    size_t count = 1;
    for (uint32_t i = 0; i < view->rank; i++)
        count *= (size_t)view->dims[i];
    if (view->dtype != EG_F32)
        return EG_OK; /* ids: no fusion makes them */
    EG_TRY(eg_reserve(&out->items, &out->capacity, out->count + count, sizeof *out->items, err));
    memcpy(out->items + out->count, view->data, count * sizeof *out->items);
    out->count += count;
    return EG_OK;
}

static eg_status
keep_outputs(const eg_result *result, vectors *out, eg_error *err)
{
    for (uint32_t i = 0; i < eg_result_outputs(result); i++) {
        eg_tensor_view view = {.size = sizeof view};
        EG_TRY(eg_result_tensor(result, i, &view));
        if (view.rank) {
            EG_TRY(keep_tensor(&view, out, err));
            continue;
        }
        for (uint32_t text = 0; text < eg_result_texts(result); text++) {
            EG_TRY(eg_result_pair(result, i, text, &view));
            EG_TRY(keep_tensor(&view, out, err));
        }
    }
    return EG_OK;
}

/* One run with the passes that are set; `out` NULL: what comes out is not kept. */
static eg_status
run_once(eg_fusion_report *report, vectors *out, vectors *spare, eg_error *err)
{
    const eg_strings *outputs = &report->app->args.outputs;
    vectors *to = out ? out : spare;
    if (outputs->count == 0) {
        EG_TRY(eg_embed_chunk(&report->session, &report->input.input, &to->items, &to->capacity, err));
        to->count = (size_t)report->shape.count * eg_model_embedding_size(report->session.model);
        return EG_OK;
    }
    eg_result *result = NULL;
    EG_TRY(
        eg_run(report->session.context, &report->input.input, outputs->items, (uint32_t)outputs->count, &result, err));
    eg_status status = out ? keep_outputs(result, out, err) : EG_OK;
    eg_result_free(result);
    return status;
}

static eg_status
compare(const vectors *want, const vectors *got, double *out, eg_error *err)
{
    if (want->count != got->count)
        return eg_fault(err, EG_E_INTERNAL, "plans of one model give %zu and %zu numbers", want->count, got->count);
    *out = 0;
    for (size_t i = 0; i < want->count; i++) {
        double difference = fabs((double)want->items[i] - (double)got->items[i]);
        *out = difference > *out || isnan(difference) ? difference : *out;
    }
    return EG_OK;
}

/* --- rounds -------------------------------------------------------------------------------------- */

typedef struct turns {
    size_t *modes;  /* those that are measured */
    uint32_t *runs; /* of a turn */
    size_t count;
    vectors want, got;
} turns;

static eg_status
warm_up(eg_fusion_report *report, turns *t, eg_error *err)
{
    for (size_t i = 0; i < t->count; i++) {
        eg_fusion_mode *mode = &report->modes[t->modes[i]];
        vectors *out = i == 0 ? &t->want : &t->got; /* the first is none */
        EG_TRY(eg_context_set_fuse(report->session.context, mode->fuse, err));
        out->count = 0;
        EG_TRY(run_once(report, out, NULL, err));
        EG_TRY(compare(&t->want, out, &mode->max_abs_diff, err));
        double began = now();
        for (int run = 0; run < WARM_UP_RUNS; run++)
            EG_TRY(run_once(report, NULL, &t->got, err));
        double runs = TURN_SECONDS / ((now() - began) / WARM_UP_RUNS);
        t->runs[i] = runs < 1 ? 1 : runs > MOST_RUNS_OF_A_TURN ? MOST_RUNS_OF_A_TURN : (uint32_t)runs;
        eg_progress_update(i + 1, "plans made", -1.0);
    }
    return EG_OK;
}

static eg_status
take_turn(eg_fusion_report *report, turns *t, size_t which, eg_error *err)
{
    eg_fusion_mode *mode = &report->modes[t->modes[which]];
    EG_TRY(eg_context_set_fuse(report->session.context, mode->fuse, err));
    if (t->runs[which] > 1)
        EG_TRY(run_once(report, NULL, &t->got, err));
    double began = now();
    for (uint32_t run = 0; run < t->runs[which]; run++)
        EG_TRY(run_once(report, NULL, &t->got, err));
    mode->times[report->rounds] = 1e3 * (now() - began) / t->runs[which];
    return EG_OK;
}

static eg_status
make_round(eg_fusion_report *report, turns *t, size_t *capacity, double share, double share_of_round, eg_error *err)
{
    if (report->rounds == *capacity) {
        size_t wanted = *capacity ? 2 * *capacity : 64;
        for (size_t i = 0; i < t->count; i++) {
            eg_fusion_mode *mode = &report->modes[t->modes[i]];
            size_t own = *capacity;
            EG_TRY(eg_reserve(&mode->times, &own, wanted, sizeof *mode->times, err));
        }
        *capacity = wanted;
    }
    for (size_t i = 0; i < t->count; i++) {
        size_t at = (i + report->rounds / 2) % t->count;
        EG_TRY(take_turn(report, t, report->rounds % 2 ? t->count - 1 - at : at, err));
        eg_progress_update(report->rounds, "rounds", share + share_of_round * (double)(i + 1) / (double)t->count);
    }
    report->rounds++;
    return EG_OK;
}

static eg_status
make_rounds(eg_fusion_report *report, turns *t, eg_error *err)
{
    double asked = report->app->args.seconds > 0.0 ? report->app->args.seconds : DEFAULT_SECONDS;
    double budget = asked * (double)t->count, began = now(), round = 0;
    size_t capacity = 0;
    while (report->rounds < LEAST_ROUNDS || now() - began + round / 2 < budget) {
        double round_began = now();
        double share = (round_began - began) / budget;
        EG_TRY(make_round(report, t, &capacity, share, round / budget, err));
        round = now() - round_began;
    }
    return EG_OK;
}

/* --- statistics ---------------------------------------------------------------------------------- */

static int
by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of sorted values, between two of them in proportion. */
static double
quantile(const double *sorted, size_t count, double share)
{
    double at = share * (double)(count - 1);
    size_t low = (size_t)at;
    return low + 1 < count ? sorted[low] + (at - (double)low) * (sorted[low + 1] - sorted[low]) : sorted[low];
}

static void
median_and_spread(double *values, size_t count, double *median, double *spread)
{
    qsort(values, count, sizeof *values, by_value);
    *median = quantile(values, count, 0.5);
    *spread = (quantile(values, count, 0.75) - quantile(values, count, 0.25)) / 2;
}

/* What a mode is set against, and whether it is the slower of the two that counts as the gain. */
static const eg_fusion_mode *
reference_of(const eg_fusion_report *report, const eg_fusion_mode *mode)
{
    return mode->kind == EG_FUSION_WITHOUT ? &report->modes[1] : &report->modes[0];
}

static void
fill_statistics(const eg_fusion_report *report, eg_fusion_mode *mode, double *spare)
{
    const eg_fusion_mode *reference = reference_of(report, mode);
    const double *own = report->modes[mode->same_as].times, *other = report->modes[reference->same_as].times;
    double sign = mode->kind == EG_FUSION_WITHOUT ? 1 : -1;
    mode->max_abs_diff = report->modes[mode->same_as].max_abs_diff;
    memcpy(spare, own, report->rounds * sizeof *spare);
    median_and_spread(spare, report->rounds, &mode->latency_ms, &mode->spread_ms);
    for (size_t i = 0; i < report->rounds; i++)
        spare[i] = sign * (own[i] - other[i]);
    median_and_spread(spare, report->rounds, &mode->gain_ms, &mode->gain_spread_ms);
    mode->predicted_ms = sign * 1e3 *
                         ((mode->bytes - reference->bytes) / (1e9 * report->peak.gbps) +
                          (mode->flops - reference->flops) / (1e9 * report->peak.gflops));
}

/* --- all ----------------------------------------------------------------------------------------- */

static eg_status
measure(eg_fusion_report *report, turns *t, eg_error *err)
{
    for (size_t i = 0; i < report->mode_count; i++)
        if (report->modes[i].same_as == i)
            t->modes[t->count++] = i;
    EG_TRY(warm_up(report, t, err));
    EG_TRY(make_rounds(report, t, err));
    double *spare = calloc(report->rounds, sizeof *spare);
    if (!spare)
        return eg_fault(err, EG_E_NOMEM, "out of memory");
    for (size_t i = 0; i < report->mode_count; i++)
        fill_statistics(report, &report->modes[i], spare);
    free(spare);
    return eg_context_set_fuse(report->session.context, NULL, err);
}

eg_status
eg_fusion_measure(eg_fusion_report *report, eg_error *err)
{
    EG_TRY(eg_peak_measure(report->session.threads, &report->peak, err));
    turns t = {.modes = calloc(report->mode_count, sizeof *t.modes),
               .runs = calloc(report->mode_count, sizeof *t.runs)};
    eg_status status = t.modes && t.runs ? measure(report, &t, err) : eg_fault(err, EG_E_NOMEM, "out of memory");
    free(t.modes);
    free(t.runs);
    free(t.want.items);
    free(t.got.items);
    eg_progress_clear();
    return status;
}
