/* SPDX-License-Identifier: Apache-2.0 */
/*
 * egbert profile: where the time of a run goes, and how near each op comes to what this machine can do at most: the
 * smaller of its arithmetic and of its memory's speed at the op's intensity.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/describe.h"
#include "cli/measured_input.h"
#include "cli/peak.h"
#include "cli/profile.h"
#include "cli/say.h"

enum { SLOWEST = 12, KIND_WIDTH = 14, NAME_WIDTH = 31 };

typedef struct profile {
    eg_app *app;
    eg_session session;
    eg_measured_input in;
    eg_description_text description;
    eg_peak peak;
    double sum_ms; /* of all ops */
} profile;

/* --- rates --------------------------------------------------------------------------------------- */

/* One line's work: of an op, of all of a kind, of a layer. */
typedef struct work {
    const eg_json *op; /* the first */
    const char *name;
    double calls, ms, flops, bytes;
    double ideal_s; /* the time at the roofline of each op, added */
} work;

static double
field(const eg_json *object, const char *key)
{
    return eg_json_number(eg_json_get(object, key));
}

static void
add_work(const profile *p, work *sum, const eg_json *op)
{
    double calls = field(op, "calls"), flops = calls * field(op, "flops"),
           bytes = calls * (field(op, "bytes") + field(op, "weight_bytes"));
    sum->calls += calls;
    sum->ms += field(op, "ms");
    sum->flops += flops;
    sum->bytes += bytes;
    sum->ideal_s += eg_peak_share(&p->peak, flops, bytes, 1.0);
}

static double
per_second(double amount, double ms)
{
    return ms > 0 ? 1e-9 * amount / (1e-3 * ms) : 0;
}

static double
share_of_peak(const work *w)
{
    return w->ms > 0 ? w->ideal_s / (1e-3 * w->ms) : 0;
}

/* --- sums ---------------------------------------------------------------------------------------- */

typedef struct works {
    work *items;
    size_t count;
} works;

/* The ops summed by the text of `key`, in order of first appearance; key NULL: each by itself. */
static eg_status
sum_by(const profile *p, const char *key, works *out, eg_error *err)
{
    const eg_json *ops = eg_json_get(p->description.root, "ops");
    *out = (works){.items = calloc(ops ? ops->count + 1 : 1, sizeof *out->items)};
    if (!out->items)
        return eg_fault(err, EG_E_NOMEM, "out of memory");
    for (const eg_json *op = ops ? ops->first : NULL; op; op = op->next) {
        const char *name = eg_json_text(eg_json_get(op, key ? key : "name"));
        size_t at = key ? 0 : out->count;
        while (at < out->count && strcmp(out->items[at].name, name) != 0)
            at++;
        if (at == out->count)
            out->items[out->count++] = (work){.op = op, .name = name};
        add_work(p, &out->items[at], op);
    }
    return EG_OK;
}

static int
slower_first(const void *a, const void *b)
{
    double x = ((const work *)a)->ms, y = ((const work *)b)->ms;
    return (x < y) - (x > y);
}

/* --- JSON ---------------------------------------------------------------------------------------- */

static void
put_raw(eg_out *out, const eg_json *object, const char *key)
{
    const eg_json *value = eg_json_get(object, key);
    if (!value)
        return;
    eg_out_key(out, false, key);
    eg_out_bytes(out, value->raw.data, value->raw.length);
}

static void
put_rates(eg_out *out, const work *w)
{
    eg_out_text(out, ",\"gflops\":");
    eg_out_measure(out, per_second(w->flops, w->ms));
    eg_out_text(out, ",\"gbps\":");
    eg_out_measure(out, per_second(w->bytes, w->ms));
    eg_out_text(out, ",\"peak_share\":");
    eg_out_measure(out, share_of_peak(w));
}

static void
print_op(const profile *p, eg_out *out, const eg_json *op)
{
    static const char *const keys[] = {"scope", "backend", "kernel", "calls", "ms"}, *const costs[] = {"flops", "bytes",
                                                                                                       "weight_bytes",
                                                                                                       "origins"};
    work w = {.op = op};
    add_work(p, &w, op);
    const eg_json *name = eg_json_get(op, "op");
    eg_out_text(out, "{\"op\":");
    eg_out_bytes(out, name->raw.data, name->raw.length);
    put_raw(out, op, "name");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        put_raw(out, op, keys[i]);
    put_rates(out, &w);
    for (size_t i = 0; i < sizeof costs / sizeof *costs; i++)
        put_raw(out, op, costs[i]);
    eg_out_char(out, '}');
}

static void
print_sums(const profile *p, eg_out *out, const char *list, const char *key, const works *sums)
{
    eg_out_key(out, false, list);
    eg_out_char(out, '[');
    for (size_t i = 0; i < sums->count; i++) {
        const work *w = &sums->items[i];
        eg_out_text(out, i ? ",{" : "{");
        eg_out_key(out, true, key);
        eg_out_string(out, w->name, strlen(w->name));
        eg_out_format(out, ",\"calls\":%.0f,\"ms\":", w->calls);
        eg_out_measure(out, w->ms);
        eg_out_text(out, ",\"share\":");
        eg_out_measure(out, p->sum_ms > 0 ? w->ms / p->sum_ms : 0);
        put_rates(out, w);
        eg_out_char(out, '}');
    }
    eg_out_char(out, ']');
}

static void
print_json(const profile *p, eg_out *out, const works *kinds, const works *layers)
{
    static const char *const keys[] = {"profiled_ms", "backend", "threads", "workers", "shape", "tokens", "runs"};
    const eg_json *root = p->description.root, *ops = eg_json_get(root, "ops");
    eg_out_text(out, "{\"total_ms\":");
    eg_out_measure(out, field(root, "total_ms"));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        put_raw(out, root, keys[i]);
    eg_out_text(out, ",\"peak\":{\"gflops\":");
    eg_out_measure(out, p->peak.gflops);
    eg_out_text(out, ",\"gbps\":");
    eg_out_measure(out, p->peak.gbps);
    eg_out_format(out, ",\"isa\":\"%s\"},\"ops\":[", p->peak.isa);
    for (const eg_json *op = ops ? ops->first : NULL; op; op = op->next) {
        print_op(p, out, op);
        if (op->next)
            eg_out_char(out, ',');
    }
    eg_out_char(out, ']');
    print_sums(p, out, "kinds", "op", kinds);
    print_sums(p, out, "layers", "scope", layers);
    put_raw(out, root, "stages");
    eg_out_text(out, "}\n");
}

/* --- the table ----------------------------------------------------------------------------------- */

static void
print_head(eg_out *out, const char *title, const char *second)
{
    eg_out_format(out, "\n%-*s %-*s %5s %9s %6s %9s %7s %7s\n", KIND_WIDTH, title, NAME_WIDTH, second, "calls", "ms",
                  "share", "GFLOP/s", "GB/s", "of peak");
}

/* Its last so many characters, for the end of a name tells more. */
static const char *
end_of(const char *name, size_t most)
{
    size_t length = strlen(name);
    const char *shown = length > most ? name + length - most : name;
    while (((unsigned char)*shown & 0xc0) == 0x80)
        shown++;
    return shown;
}

static void
print_rates(const profile *p, eg_out *out, const work *w)
{
    eg_out_format(out, " %5.0f %9.3f %5.1f%% %9.1f %7.1f %6.0f%%\n", w->calls, w->ms,
                  p->sum_ms > 0 ? 100 * w->ms / p->sum_ms : 0, per_second(w->flops, w->ms), per_second(w->bytes, w->ms),
                  100 * share_of_peak(w));
}

static void
print_sum(const profile *p, eg_out *out, const char *name, const work *w)
{
    enum { WIDTH = KIND_WIDTH + 1 + NAME_WIDTH };
    eg_out_format(out, "%-*s", WIDTH, end_of(name, WIDTH));
    print_rates(p, out, w);
}

static void
print_node(const profile *p, eg_out *out, const work *w)
{
    eg_out_format(out, "%-*s %-*s", KIND_WIDTH, eg_json_text(eg_json_get(w->op, "op")), NAME_WIDTH,
                  end_of(w->name, NAME_WIDTH));
    print_rates(p, out, w);
}

static void
print_origins(eg_out *out, const eg_json *op)
{
    const eg_json *origins = eg_json_get(op, "origins");
    if (!origins || !origins->first)
        return;
    eg_out_text(out, "               made of ");
    size_t used = 0;
    for (const eg_json *origin = origins->first; origin; origin = origin->next) {
        const char *name = eg_json_text(eg_json_get(origin, "op"));
        used += strlen(name) + 3;
        if (used > 70) {
            eg_out_text(out, "…");
            break;
        }
        eg_out_format(out, "%s%s", name, origin->next ? " + " : "");
    }
    eg_out_char(out, '\n');
}

static void
print_slowest(const profile *p, eg_out *out, works *each)
{
    qsort(each->items, each->count, sizeof *each->items, slower_first);
    print_head(out, "slowest", "name");
    for (size_t i = 0; i < each->count && i < SLOWEST; i++) {
        const work *w = &each->items[i];
        print_node(p, out, w);
        print_origins(out, w->op);
    }
}

static void
print_table(const profile *p, eg_out *out, works *kinds, const works *layers, works *each)
{
    const eg_json *root = p->description.root, *shape = eg_json_get(root, "shape");
    eg_out_format(out, "backend  %s, %.0f threads (%s)\n", eg_json_text(eg_json_get(root, "backend")),
                  field(root, "threads"), eg_json_text(eg_json_get(root, "workers")));
    eg_out_format(out, "batch    %.0f %s, %.0f tokens, the longest %.0f\n", eg_json_number(shape->first),
                  eg_json_number(shape->first) == 1 ? "text" : "texts", field(root, "tokens"),
                  eg_json_number(shape->first->next));
    eg_out_format(out, "run      %.3f ms; with a clock at each op %.3f ms; medians of %.0f runs of each\n",
                  field(root, "total_ms"), field(root, "profiled_ms"), field(root, "runs"));
    eg_out_format(out, "peak     %.1f GFLOP/s (%s), %.1f GB/s from memory, measured just now\n", p->peak.gflops,
                  p->peak.isa, p->peak.gbps);
    qsort(kinds->items, kinds->count, sizeof *kinds->items, slower_first);
    print_head(out, "by op", "");
    for (size_t i = 0; i < kinds->count; i++)
        print_sum(p, out, kinds->items[i].name, &kinds->items[i]);
    print_head(out, "by layer", "");
    for (size_t i = 0; i < layers->count; i++) {
        const char *scope = layers->items[i].name;
        print_sum(p, out, *scope ? scope : "(no layer)", &layers->items[i]);
    }
    print_slowest(p, out, each);
}

/* --- the command --------------------------------------------------------------------------------- */

static eg_status
report(profile *p, eg_error *err)
{
    works kinds = {0}, layers = {0}, each = {0};
    eg_status status = sum_by(p, "op", &kinds, err);
    if (status == EG_OK)
        status = sum_by(p, "scope", &layers, err);
    if (status == EG_OK)
        status = sum_by(p, NULL, &each, err);
    if (status == EG_OK) {
        for (size_t i = 0; i < each.count; i++)
            p->sum_ms += each.items[i].ms;
        if (p->app->args.json)
            print_json(p, &p->app->out, &kinds, &layers);
        else
            print_table(p, &p->app->out, &kinds, &layers, &each);
        status = eg_out_flush(&p->app->out, err);
    }
    free(kinds.items);
    free(layers.items);
    free(each.items);
    return status;
}

static eg_status
open_and_measure(profile *p, eg_error *err)
{
    const eg_arguments *args = &p->app->args;
    EG_TRY(eg_measured_input_open(&p->in, p->app, err));
    EG_TRY(eg_session_open(&p->session, p->app, EG_LOAD_FULL, err));
    EG_TRY(eg_measured_input_make(&p->in, &p->session, err));
    eg_profile_options options = {.size = sizeof options,
                                  .seconds = args->seconds,
                                  .outputs = args->outputs.count ? args->outputs.items : NULL,
                                  .output_count = (uint32_t)args->outputs.count};
    char *json;
    if (eg_profile(p->session.context, &p->in.input, &options, &json, err) != EG_OK)
        return eg_measured_input_fault(&p->in, err);
    EG_TRY(eg_description_read(json, &p->description, err));
    EG_TRY(eg_measured_input_end(&p->in, err));
    EG_TRY(eg_peak_measure((uint32_t)field(p->description.root, "threads"), &p->peak, err));
    if (args->trace)
        EG_TRY(eg_profile_write_trace(p->description.root, args->trace, err));
    return report(p, err);
}

static eg_status
run_profile(eg_app *app, eg_error *err)
{
    profile p = {.app = app};
    eg_status status = open_and_measure(&p, err);
    eg_description_free(&p.description);
    eg_measured_input_close(&p.in);
    eg_session_close(&p.session);
    return status;
}

const eg_command eg_cmd_profile = {
    .name = "profile",
    .words = "MODEL [TEXT...]",
    .summary = "show where the time of a run goes, by op, layer and thread",
    .details = "Runs the texts, or a batch of --shape or --lengths (default 1,128), as one batch for the embedding or\n"
               "what --output names. Times are medians. GFLOP/s and GB/s are what the op achieved; \"of peak\" is the\n"
               "share of what this machine, measured by the same command, allows at the op's ratio of operations to\n"
               "bytes. Values that stay in a cache can pass 100 %. --seconds is 2 by default.",
    .uses = EG_ON_PROFILE,
    .run = run_profile,
};
