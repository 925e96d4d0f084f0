/* SPDX-License-Identifier: Apache-2.0 */
/*
 * egbert bench: how long a batch takes. Token ids come from a fixed sequence, so that every run and every machine
 * measures the same work; a few runs warm up before the clock starts; tokens per second count no padding.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/describe.h"
#include "cli/machine.h"
#include "cli/mem.h"
#include "cli/progress.h"
#include "cli/say.h"
#include "cli/session.h"
#include "cli/shape_input.h"

#define DEFAULT_SECONDS 3.0
#define WARM_UP_RUNS 2 /* at least; and a tenth of the time */
#define LEAST_RUNS 5

typedef struct bench {
    eg_app *app;
    eg_session session;
    eg_shape shape;
    eg_shape_input input;
    float *vectors;
    size_t vector_capacity;
    double *times; /* seconds of each run */
    size_t runs, capacity;
    double total;
    char backends[256]; /* names with commas */
} bench;

static double
now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* --- the work ------------------------------------------------------------------------------------ */

static eg_status
run_once(bench *b, eg_error *err)
{
    const eg_strings *outputs = &b->app->args.outputs;
    const eg_input *input = &b->input.input;
    if (outputs->count == 0)
        return eg_embed_chunk(&b->session, input, &b->vectors, &b->vector_capacity, err);
    eg_result *result = NULL;
    EG_TRY(eg_run(b->session.context, input, outputs->items, (uint32_t)outputs->count, &result, err));
    eg_result_free(result);
    return EG_OK;
}

static eg_status
warm_up(bench *b, double seconds, eg_error *err)
{
    double began = now();
    for (int i = 0; i < WARM_UP_RUNS || now() - began < seconds; i++)
        EG_TRY(run_once(b, err));
    return EG_OK;
}

static eg_status
measure(bench *b, eg_error *err)
{
    double seconds = b->app->args.seconds > 0.0 ? b->app->args.seconds : DEFAULT_SECONDS;
    EG_TRY(warm_up(b, seconds / 10.0, err));
    while (b->total < seconds || b->runs < LEAST_RUNS) {
        EG_TRY(eg_reserve(&b->times, &b->capacity, b->runs + 1, sizeof *b->times, err));
        double began = now();
        EG_TRY(run_once(b, err));
        b->times[b->runs] = now() - began;
        b->total += b->times[b->runs++];
        eg_progress_update(b->runs, "runs", b->total / seconds);
    }
    return EG_OK;
}

/* --- the report ---------------------------------------------------------------------------------- */

static int
compare_times(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Milliseconds of the run below which `share` of all runs are; the times are sorted. */
static double
percentile(const bench *b, double share)
{
    size_t at = (size_t)(share * (double)b->runs);
    return 1e3 * b->times[at < b->runs ? at : b->runs - 1];
}

static double
tokens_per_second(const bench *b)
{
    return (double)b->shape.tokens * (double)b->runs / b->total;
}

static size_t
room_for_name(const bench *b)
{
    return sizeof b->backends - strlen(b->backends) - 1;
}

/* Keeps the names of the backends that the batch runs on, in the plan's order. */
static eg_status
read_backends(bench *b, eg_error *err)
{
    const eg_strings *outputs = &b->app->args.outputs;
    eg_describe_options options = {.size = sizeof options,
                                   .what = EG_DESCRIBE_COMPILE,
                                   .lengths = b->shape.lengths,
                                   .length_count = b->shape.count,
                                   .outputs = outputs->count ? outputs->items : NULL,
                                   .output_count = (uint32_t)outputs->count};
    eg_description_text description;
    char *json;
    EG_TRY(eg_describe(b->session.model, &options, &json, err));
    EG_TRY(eg_description_read(json, &description, err));
    const eg_json *placement = eg_json_get(description.root, "placement");
    for (const eg_json *target = placement ? placement->first : NULL; target; target = target->next) {
        strncat(b->backends, eg_json_text(eg_json_get(target, "backend")), room_for_name(b));
        if (target->next)
            strncat(b->backends, ",", room_for_name(b));
    }
    eg_description_free(&description);
    return EG_OK;
}

/* Whether the name is one of the list's. */
static bool
is_used(const bench *b, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = b->backends; length && (at = strstr(at, name)); at += length)
        if ((at == b->backends || at[-1] == ',') && (at[length] == ',' || at[length] == '\0'))
            return true;
    return false;
}

/* "name": {"version", and the facts of its device}, for each backend that is loaded. */
static eg_status
print_libraries(bench *b, eg_out *out, eg_error *err)
{
    eg_description_text description;
    char *json;
    EG_TRY(eg_engine_backends(b->session.engine, 1, &json, err));
    EG_TRY(eg_description_read(json, &description, err));
    eg_out_char(out, '{');
    bool first = true;
    for (const eg_json *backend = description.root->first; backend; backend = backend->next) {
        const eg_json *info = eg_json_get(backend, "info");
        if (!info || !is_used(b, eg_json_text(eg_json_get(backend, "name"))))
            continue;
        eg_out_key(out, first, eg_json_text(eg_json_get(backend, "name")));
        eg_out_bytes(out, info->raw.data, info->raw.length);
        first = false;
    }
    eg_out_char(out, '}');
    eg_description_free(&description);
    return EG_OK;
}

static void
print_machine(const bench *b, eg_out *out)
{
    eg_machine machine;
    eg_machine_read(&machine);
    eg_out_text(out, ",\"cpu\":");
    eg_out_string(out, machine.cpu, strlen(machine.cpu));
    eg_out_format(out, ",\"cores\":%ld,\"thread_policy\":{\"library\":\"%s\"", machine.cores,
                  b->session.thread_library);
    static const char *const variables[] = {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "OMP_NUM_THREADS",
                                            "OMP_DYNAMIC",    "OMP_PROC_BIND",   "OPENBLAS_CORETYPE"};
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const char *value = getenv(variables[i]);
        if (!value)
            continue;
        eg_out_key(out, false, variables[i]);
        eg_out_string(out, value, strlen(value));
    }
    eg_out_char(out, '}');
}

static eg_status
print_json(bench *b, eg_out *out, eg_error *err)
{
    const char *precision = b->app->args.precision;
    eg_out_text(out, "{\"backend\":");
    eg_out_string(out, b->backends, strlen(b->backends));
    eg_out_format(out, ",\"precision\":\"%s\",\"threads\":%u,\"shape\":[%u,%u]", precision ? precision : "f32",
                  b->session.threads, b->shape.count, b->shape.longest);
    eg_out_format(out, ",\"tokens\":%llu,\"padded\":%s,\"runs\":%zu", (unsigned long long)b->shape.tokens,
                  b->app->args.padded ? "true" : "false", b->runs);
    eg_out_text(out, ",\"latency_ms\":{\"min\":");
    eg_out_measure(out, percentile(b, 0.0));
    eg_out_text(out, ",\"p50\":");
    eg_out_measure(out, percentile(b, 0.5));
    eg_out_text(out, ",\"p90\":");
    eg_out_measure(out, percentile(b, 0.9));
    eg_out_text(out, ",\"p99\":");
    eg_out_measure(out, percentile(b, 0.99));
    eg_out_text(out, "},\"tokens_per_s\":");
    eg_out_measure(out, tokens_per_second(b));
    print_machine(b, out);
    eg_out_format(out, ",\"versions\":{\"egbert\":\"%s\",\"compiler\":", eg_version());
    eg_out_string(out, eg_compiler(), strlen(eg_compiler()));
    eg_out_text(out, "},\"libraries\":");
    EG_TRY(print_libraries(b, out, err));
    eg_out_text(out, "}\n");
    return EG_OK;
}

static void
print_table(bench *b, eg_out *out)
{
    eg_out_format(out,
                  "backend      %s\nthreads      %u\ntexts        %u, %llu tokens, the longest %u\nruns         %zu\n",
                  b->backends, b->session.threads, b->shape.count, (unsigned long long)b->shape.tokens,
                  b->shape.longest, b->runs);
    eg_out_format(out, "latency      min %.4g ms, p50 %.4g, p90 %.4g, p99 %.4g\n", percentile(b, 0.0),
                  percentile(b, 0.5), percentile(b, 0.9), percentile(b, 0.99));
    eg_out_format(out, "throughput   %.0f tokens/s, padding not counted\n", tokens_per_second(b));
}

static eg_status
open_and_measure(bench *b, eg_error *err)
{
    eg_out *out = &b->app->out;
    EG_TRY(eg_expect_words(b->app, 1, err));
    EG_TRY(eg_shape_read(&b->app->args, false, &b->shape, err));
    EG_TRY(eg_session_open(&b->session, b->app, EG_LOAD_FULL, err));
    EG_TRY(eg_shape_input_make(&b->session, &b->shape, &b->input, err));
    EG_TRY(measure(b, err));
    eg_progress_clear();
    qsort(b->times, b->runs, sizeof *b->times, compare_times);
    EG_TRY(read_backends(b, err));
    if (b->app->args.json)
        EG_TRY(print_json(b, out, err));
    else
        print_table(b, out);
    return eg_out_flush(out, err);
}

static eg_status
run_bench(eg_app *app, eg_error *err)
{
    bench b = {.app = app};
    eg_status status = open_and_measure(&b, err);
    eg_session_close(&b.session);
    eg_shape_free(&b.shape);
    eg_shape_input_free(&b.input);
    free(b.vectors);
    free(b.times);
    return status;
}

const eg_command eg_cmd_bench = {
    .name = "bench",
    .words = "MODEL",
    .summary = "measure how long a batch takes",
    .details = "One text of 128 tokens unless --shape or --lengths says otherwise; the embedding, or what --output\n"
               "names. --seconds is 3 by default.",
    .uses = EG_ON_BENCH,
    .run = run_bench,
};
