/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/measure.h"

#include <math.h>
#include <stdlib.h>

enum { LEAST_RUNS = 3, MOST_RUNS = 1000, WARM_UP_RUNS = 2 };

/* --- the input ----------------------------------------------------------------------------------- */

eg_status
eg_one_batch_take(const eg_context *context, const eg_input *input, const char *const *outputs, uint32_t output_count,
                  eg_one_batch *out, eg_error *err)
{
    static const char *const embedding[] = {"embedding"};
    const eg_model *model = context->model;
    *out = (eg_one_batch){0};
    if (outputs && output_count == 0)
        return eg_fail(err, EG_E_USAGE, "no outputs are asked for");
    eg_input taken;
    EG_TRY(eg_input_take(model, input, outputs ? 0 : EG_INPUT_PREPARED, &taken, &out->list, err));
    if (out->list.count == 0)
        return eg_fail(err, EG_E_USAGE, "there is no text to run");
    eg_part all = {0, out->list.count};
    EG_TRY(eg_batch_fill(model, &out->list, &all, &out->memory, err));
    const eg_row_set *set = &out->memory.batch.set;
    out->request = (eg_plan_request){
        .outputs = outputs ? outputs : embedding,
        .output_count = outputs ? output_count : 1,
        .type_ids_fed = out->list.type_ids_fed,
        .bound = {.B = out->list.count, .max_n = set->max_n, .T = set->T, .P = set->P},
        .fuse = context->fuse,
    };
    return EG_OK;
}

void
eg_one_batch_finish(eg_one_batch *batch)
{
    eg_batch_memory_finish(&batch->memory);
    eg_token_list_finish(&batch->list);
}

/* --- what ran ------------------------------------------------------------------------------------ */

typedef EG_VEC(double) number_list;

/* Samples while runs go on. */
typedef struct sampler {
    eg_measurement *out;
    const eg_executable *executable;
    uint32_t *unit_of;   /* per node, stage and crossing: its unit + 1; 0: none */
    number_list samples; /* units of the first run after another, then of the second, … */
    number_list totals, profiled;
} sampler;

static size_t
place_of(const eg_executable *executable, const eg_span *span)
{
    size_t nodes = executable->plan.built.graph.nodes.count, stages = executable->plan.partition.stages.count;
    switch (span->kind) {
    case EG_SPAN_NODE:
        return span->item;
    case EG_SPAN_STAGE:
        return nodes + span->stage;
    default:
        return nodes + stages + span->item;
    }
}

/* The first run tells what there is. */
static eg_status
find_units(sampler *s, const eg_trace *trace, eg_error *err)
{
    for (size_t i = 0; i < trace->spans.count; i++) {
        const eg_span *span = &trace->spans.items[i];
        size_t place = place_of(s->executable, span);
        if (s->unit_of[place])
            continue;
        eg_unit unit = {.kind = span->kind, .stage = span->stage, .item = span->item, .kernel = span->kernel};
        if (!EG_PUSH(&s->out->units, unit))
            return eg_fail_nomem(err, "a profile");
        s->unit_of[place] = (uint32_t)s->out->units.count;
    }
    return EG_OK;
}

static double
milliseconds(uint64_t begin_ns, uint64_t end_ns)
{
    return 1e-6 * (double)(end_ns - begin_ns);
}

static eg_status
take_samples(sampler *s, const eg_trace *trace, eg_error *err)
{
    if (s->out->runs == 0)
        EG_TRY(find_units(s, trace, err));
    size_t first = s->samples.count;
    for (size_t i = 0; i < s->out->units.count; i++)
        if (!EG_PUSH(&s->samples, 0.0))
            return eg_fail_nomem(err, "a profile");
    for (size_t i = 0; i < trace->spans.count; i++) {
        const eg_span *span = &trace->spans.items[i];
        uint32_t unit = s->unit_of[place_of(s->executable, span)];
        if (unit == 0)
            return eg_fail(err, EG_E_INTERNAL, "a run has other nodes than the one before it");
        s->samples.items[first + unit - 1] += milliseconds(span->begin_ns, span->end_ns);
    }
    return EG_OK;
}

/* --- runs ---------------------------------------------------------------------------------------- */

static eg_status
time_run(eg_context *context, const eg_executable *executable, const eg_batch *batch, number_list *times, eg_error *err)
{
    uint64_t began = eg_now_ns();
    EG_TRY(eg_run_batch(context, executable, batch, err));
    double ms = milliseconds(began, eg_now_ns());
    return EG_PUSH(times, ms) ? EG_OK : eg_fail_nomem(err, "a profile");
}

/* A run with clocks; its trace is kept if none was faster. */
static eg_status
trace_run(eg_context *context, sampler *s, const eg_batch *batch, eg_trace *trace, eg_error *err)
{
    eg_trace_clear(trace);
    context->trace = trace;
    eg_status status = time_run(context, s->executable, batch, &s->profiled, err);
    context->trace = NULL;
    EG_TRY(status);
    EG_TRY(take_samples(s, trace, err));
    double last = s->profiled.items[s->profiled.count - 1];
    for (size_t i = 0; i < s->profiled.count; i++)
        if (s->profiled.items[i] < last)
            return EG_OK;
    eg_trace fastest = *trace;
    *trace = s->out->trace;
    s->out->trace = fastest;
    return EG_OK;
}

static bool
is_enough(const eg_effort *effort, uint32_t runs, uint64_t began)
{
    if (effort->runs)
        return runs >= effort->runs;
    if (runs < LEAST_RUNS)
        return false;
    return runs >= MOST_RUNS || 1e-3 * milliseconds(began, eg_now_ns()) >= effort->seconds;
}

static eg_status
run_and_sample(eg_context *context, sampler *s, const eg_batch *batch, const eg_effort *effort, eg_trace *trace,
               eg_error *err)
{
    for (int i = 0; i < WARM_UP_RUNS; i++)
        EG_TRY(eg_run_batch(context, s->executable, batch, err));
    uint64_t began = eg_now_ns();
    while (!is_enough(effort, s->out->runs, began)) {
        EG_TRY(time_run(context, s->executable, batch, &s->totals, err));
        EG_TRY(trace_run(context, s, batch, trace, err));
        s->out->runs++;
    }
    return EG_OK;
}

/* --- medians ------------------------------------------------------------------------------------- */

static int
compare_numbers(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double
median(double *numbers, size_t count)
{
    if (count == 0)
        return 0;
    qsort(numbers, count, sizeof *numbers, compare_numbers);
    return count % 2 ? numbers[count / 2] : 0.5 * (numbers[count / 2 - 1] + numbers[count / 2]);
}

static eg_status
sum_up(sampler *s, eg_error *err)
{
    eg_measurement *out = s->out;
    double *of_unit = eg_calloc(out->runs, sizeof *of_unit);
    if (!of_unit)
        return eg_fail_nomem(err, "a profile");
    for (size_t unit = 0; unit < out->units.count; unit++) {
        for (uint32_t run = 0; run < out->runs; run++)
            of_unit[run] = s->samples.items[run * out->units.count + unit];
        out->units.items[unit].ms = median(of_unit, out->runs);
    }
    eg_free(of_unit);
    out->total_ms = median(s->totals.items, s->totals.count);
    out->profiled_ms = median(s->profiled.items, s->profiled.count);
    return EG_OK;
}

eg_status
eg_measure(eg_context *context, const eg_executable *executable, const eg_batch *batch, const eg_effort *effort,
           eg_measurement *out, eg_error *err)
{
    const eg_plan *plan = &executable->plan;
    uint32_t workers = eg_threads_count(context->model->engine->threads);
    size_t places = plan->built.graph.nodes.count + plan->partition.stages.count + plan->partition.crossings.count;
    sampler s = {.out = out, .executable = executable, .unit_of = eg_calloc(places, sizeof *s.unit_of)};
    eg_trace trace;
    *out = (eg_measurement){0};
    eg_context_uncancel(context);
    eg_status status = eg_trace_init(&trace, workers, err);
    if (status == EG_OK)
        status = eg_trace_init(&out->trace, workers, err);
    if (status == EG_OK && !s.unit_of)
        status = eg_fail_nomem(err, "a profile");
    if (status == EG_OK)
        status = run_and_sample(context, &s, batch, effort, &trace, err);
    if (status == EG_OK)
        status = sum_up(&s, err);
    eg_trace_finish(&trace);
    eg_free(s.unit_of);
    eg_free(s.samples.items);
    eg_free(s.totals.items);
    eg_free(s.profiled.items);
    return status;
}

void
eg_measurement_finish(eg_measurement *measurement)
{
    eg_trace_finish(&measurement->trace);
    eg_free(measurement->units.items);
    *measurement = (eg_measurement){0};
}

void
eg_json_number_or_null(eg_strbuf *out, double value)
{
    if (isfinite(value))
        eg_strbuf_printf(out, "%.6g", value);
    else
        eg_strbuf_puts(out, "null");
}
