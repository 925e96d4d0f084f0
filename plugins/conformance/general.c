/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that are not about one op: tables, memory, threads, failure, other plugins in the process. */
#include <stdio.h>
#include <string.h>

#include "plugins/conformance/checks.h"

static eg_status
open_tested(checker *k, subject *s, eg_error *err)
{
    EG_TRY(load_plugin(k, err));
    subject_init(s, k->plugin, k->threads);
    return subject_open(s, k->options->device, k->options->options, err);
}

bool
open_both(checker *k, subject *s, subject *reference)
{
    eg_error err;
    eg_error_init(&err);
    check_begin(k, "open");
    eg_status status = open_tested(k, s, &err);
    if (status == EG_OK)
        status = load_reference(k, &err);
    if (status == EG_OK) {
        subject_init(reference, k->reference_plugin, 1);
        status = subject_open(reference, 0, NULL, &err);
        if (status != EG_OK)
            subject_close(s);
    }
    check_settle(k, status, &err);
    return status == EG_OK;
}

static void
build_relu(check_case *c)
{
    eg_value_id x = case_input(c, "x", eg_type_token(EG_F32, 0, 33));
    case_output(c, case_node(c, "relu", &x, 1, NULL, 0));
}

/* The layer if the device takes all of it, else a single op. False: neither. */
static bool
build_something(checker *k, subject *s, check_case *c, const batch *b)
{
    void (*const builds[])(check_case *) = {build_layer, build_relu};
    for (size_t i = 0; i < 2; i++) {
        case_init(c, b, 99);
        builds[i](c);
        prepared p;
        eg_error err;
        eg_error_init(&err);
        if (prepare(s, c, plain_style, &p, &err) == EG_OK) {
            unprepare(&p);
            return true;
        }
        case_finish(c);
    }
    check_begin(k, "a graph to run");
    check_skip(k, "the device takes neither a small layer nor a relu");
    return false;
}

bool
open_both_and_build(checker *k, subject *s, subject *reference, check_case *c)
{
    if (!open_both(k, s, reference))
        return false;
    if (build_something(k, s, c, &batches[3]))
        return true;
    subject_close(s);
    subject_close(reference);
    return false;
}

/* --- the table ----------------------------------------------------------------------------------- */

static void
check_table(checker *k, uint32_t number)
{
    (void)number;
    eg_error err;
    eg_error_init(&err);
    check_begin(k, "load");
    eg_status status = load_plugin(k, &err);
    check_settle(k, status, &err);
    if (status != EG_OK)
        return;
    const eg_plugin *plugin = k->plugin;
    check_begin(k, "devices");
    uint32_t count = plugin->device_count();
    eg_device_desc desc = {.size = sizeof desc};
    if (count == 0)
        check_skip(k, "there is no device here");
    else if (plugin->device(count, &desc) == EG_OK)
        check_fail(k, "device(%u) describes a device beyond the last", count);
    else
        check_pass(k);
    struct {
        eg_device_desc known;
        unsigned char later[32];
    } longer;
    memset(&longer, 0x5a, sizeof longer);
    for (uint32_t i = 0; i < count; i++) {
        check_begin(k, "description %u", i);
        longer.known.size = sizeof longer;
        if (plugin->device(i, &longer.known) != EG_OK)
            check_fail(k, "device(%u) fails", i);
        else if (!memchr(longer.known.id, 0, sizeof longer.known.id) || longer.known.id[0] == '\0' ||
                 !memchr(longer.known.name, 0, sizeof longer.known.name))
            check_fail(k, "its id or name is empty or has no end");
        else
            check_pass(k);
    }
    check_begin(k, "nothing happens to nothing");
    plugin->close(NULL);
    check_pass(k);
    check_begin(k, "why_not");
    const char *why = EG_HAS(eg_plugin, plugin, why_not) && plugin->why_not ? plugin->why_not() : NULL;
    if (count == 0 && !why)
        check_fail(k, "no device, and why_not() does not say why");
    else
        check_pass(k);
}

/* --- the device ---------------------------------------------------------------------------------- */

static void
check_info(checker *k, subject *s)
{
    check_begin(k, "info");
    const char *fingerprint = s->ops->info(s->device, "fingerprint");
    if (!fingerprint || !fingerprint[0])
        check_fail(k, "info(\"fingerprint\") is empty");
    else if (s->ops->info(s->device, "no-such-key"))
        check_fail(k, "info() answers a key that does not exist");
    else
        check_pass(k);
}

static void
check_nothing(checker *k, subject *s)
{
    check_begin(k, "nothing is freed");
    s->ops->buffer_free(s->device, NULL);
    s->ops->weight_free(s->device, NULL);
    s->ops->exec_free(NULL);
    if (EG_HAS(eg_device_ops, s->ops, event_free) && s->ops->event_free)
        s->ops->event_free(s->device, NULL);
    check_pass(k);
}

static void
check_domains(checker *k, subject *s)
{
    check_begin(k, "domains");
    eg_domain domain = {.size = sizeof domain};
    if (s->ops->domain(s->device, s->ops->domain_count, &domain) == EG_OK)
        check_fail(k, "domain(%u) describes a domain beyond the last", s->ops->domain_count);
    else
        check_pass(k);
}

static void
check_transfer(checker *k, subject *s)
{
    check_begin(k, "transfers");
    if ((s->domain.flags & EG_DOMAIN_HOST_READ) && (s->domain.flags & EG_DOMAIN_HOST_WRITE)) {
        check_skip(k, "the host reads and writes by itself");
        return;
    }
    unsigned char there[1000], back[sizeof there];
    for (size_t i = 0; i < sizeof there; i++)
        there[i] = (unsigned char)(i * 7);
    eg_buffer *buffer = NULL;
    eg_error err;
    eg_error_init(&err);
    eg_status status = s->ops->buffer_new(s->device, 0, sizeof there, &buffer, &err);
    if (status == EG_OK && s->ops->upload)
        status = s->ops->upload(s->device, buffer, 0, there, sizeof there, &err);
    if (status == EG_OK && s->ops->upload) /* a piece over it, at an odd place */
        status = s->ops->upload(s->device, buffer, 13, there, 5, &err);
    if (status == EG_OK && s->ops->download)
        status = s->ops->download(s->device, back, buffer, 0, sizeof back, NULL, 0, &err);
    if (status == EG_OK && s->ops->upload && s->ops->download) {
        memmove(there + 13, (unsigned char[]){0, 7, 14, 21, 28}, 5);
        if (memcmp(there, back, sizeof there) != 0)
            status = eg_fail(&err, EG_E_FAILED, "download() does not give what upload() took");
    }
    s->ops->buffer_free(s->device, buffer);
    check_settle(k, status, &err);
}

static void
check_device(checker *k, uint32_t number)
{
    (void)number;
    subject s, reference;
    if (!open_both(k, &s, &reference))
        return;
    check_info(k, &s);
    check_nothing(k, &s);
    check_domains(k, &s);
    check_transfer(k, &s);
    subject_close(&reference);
    subject_close(&s);
    check_begin(k, "all memory is given back");
    if (s.live != 0)
        check_fail(k, "%lld allocations are left after close()", (long long)s.live);
    else
        check_pass(k);
    check_begin(k, "open again");
    eg_error err;
    eg_error_init(&err);
    check_settle(k, subject_open(&s, k->options->device, k->options->options, &err), &err);
    subject_close(&s);
    check_begin(k, "a device that does not exist");
    eg_device *device = NULL;
    const eg_device_ops *ops = NULL;
    if (s.plugin->open(&s.host, s.plugin->device_count(), NULL, &device, &ops, &err) == EG_OK)
        check_fail(k, "open() opens a device beyond the last");
    else
        check_pass(k);
}

/* --- graphs -------------------------------------------------------------------------------------- */

static void
check_against_reference(checker *k, subject *s, subject *reference, check_case *c, run_style style)
{
    eg_error err;
    eg_error_init(&err);
    void *want = NULL, *got = NULL;
    uint64_t count;
    eg_status status = run_case(reference, c, plain_style, &want, &count, &err);
    if (status == EG_OK)
        status = run_case(s, c, style, &got, &count, &err);
    if (status == EG_OK)
        status = compare(c, want, got, count, c->tolerance, &err);
    eg_free(want);
    eg_free(got);
    check_settle(k, status, &err);
}

static void
check_layer(checker *k, uint32_t number)
{
    (void)number;
    subject s, reference;
    if (!open_both(k, &s, &reference))
        return;
    for (uint32_t b = 0; b < batch_count; b++) {
        check_case c;
        case_init(&c, &batches[b], 5);
        build_layer(&c);
        check_begin(k, "%s", batches[b].name);
        check_against_reference(k, &s, &reference, &c, plain_style);
        check_begin(k, "%s, rows apart, below a larger bound", batches[b].name);
        check_against_reference(k, &s, &reference, &c,
                                (run_style){.inplace = -1, .spread = 3, .roomier = 2, .oversized = true});
        case_finish(&c);
    }
    subject_close(&s);
    subject_close(&reference);
}

static void
check_random(checker *k, uint32_t number)
{
    (void)number;
    subject s, reference;
    if (!open_both(k, &s, &reference))
        return;
    for (uint32_t seed = 0; seed < 24; seed++) {
        const batch *b = &batches[seed % batch_count];
        check_case c;
        case_init(&c, b, 7000 + seed);
        build_random(&c);
        check_begin(k, "seed %u, %s", seed, b->name);
        check_against_reference(k, &s, &reference, &c, (run_style){.inplace = -1, .spread = seed % 3});
        case_finish(&c);
    }
    subject_close(&s);
    subject_close(&reference);
}

/* A graph of fused ops, those that the device refuses replaced; the reference computes the primitive ones alone. */
static void
check_fused_graph(checker *k, subject *s, subject *reference, const check_case *c, run_style style)
{
    eg_error err;
    eg_error_init(&err);
    check_case whole, parts;
    void *want = NULL, *got = NULL;
    uint64_t count;
    eg_status status = case_parts(c, NULL, &parts, &err);
    if (status == EG_OK) {
        status = run_case(reference, &parts, plain_style, &want, &count, &err);
        case_parts_finish(&parts);
    }
    if (status == EG_OK)
        status = case_parts(c, s, &whole, &err);
    if (status == EG_OK) {
        status = run_case(s, &whole, style, &got, &count, &err);
        case_parts_finish(&whole);
    }
    if (status == EG_OK)
        status = compare(c, want, got, count, c->tolerance, &err);
    check_settle(k, status, &err);
    eg_free(want);
    eg_free(got);
}

static void
check_fused(checker *k, uint32_t number)
{
    (void)number;
    subject s, reference;
    if (!open_both(k, &s, &reference))
        return;
    for (uint32_t seed = 0; seed < 48; seed++) {
        const batch *b = &batches[seed % batch_count];
        check_case c;
        case_init(&c, b, 8000 + seed);
        if (seed < batch_count)
            build_fused_layer(&c);
        else
            build_random_fused(&c);
        check_begin(k, "%s, seed %u, %s", seed < batch_count ? "layer" : "random", seed, b->name);
        check_fused_graph(k, &s, &reference, &c, (run_style){.inplace = -1, .spread = seed % 3});
        case_finish(&c);
    }
    subject_close(&s);
    subject_close(&reference);
}

/* --- neighbours ---------------------------------------------------------------------------------- */

/* The layer's result for a batch whose first text is always the same nine words. */
static eg_status
run_nine_words(subject *s, const batch *b, float **out, eg_error *err)
{
    check_case c;
    case_init(&c, b, 4);
    build_layer(&c);
    for (uint32_t r = 0; r < 9 && !c.failed; r++)
        ((int32_t *)c.inputs[0])[r] = (int32_t)(r * 5 % 50);
    uint64_t count;
    void *result = NULL;
    eg_status status = run_case(s, &c, plain_style, &result, &count, err);
    *out = result;
    case_finish(&c);
    return status;
}

static void
check_neighbours(checker *k, uint32_t number)
{
    (void)number;
    static const batch alone = {"alone", 1, {9}, 0, false}, together = {"together", 3, {9, 4, 17}, 0, false};
    subject s, reference;
    if (!open_both(k, &s, &reference))
        return;
    check_begin(k, "a text's result does not depend on its neighbours");
    eg_error err;
    eg_error_init(&err);
    float *a = NULL, *b = NULL;
    eg_status status = run_nine_words(&s, &alone, &a, &err);
    if (status == EG_OK)
        status = run_nine_words(&s, &together, &b, &err);
    for (uint32_t i = 0; i < 16 && status == EG_OK; i++) /* the width of the layer */
        if (!(a[i] - b[i] <= 1e-6f && b[i] - a[i] <= 1e-6f))
            status =
                eg_fail(&err, EG_E_FAILED, "element %u: %.9g alone, %.9g beside others", i, (double)a[i], (double)b[i]);
    check_settle(k, status, &err);
    eg_free(a);
    eg_free(b);
    subject_close(&s);
    subject_close(&reference);
}

/* --- cancel -------------------------------------------------------------------------------------- */

static void
check_cancel(checker *k, uint32_t number)
{
    (void)number;
    subject s, reference;
    check_case c;
    if (!open_both_and_build(k, &s, &reference, &c))
        return;
    check_begin(k, "a run whose flag is set ends with EG_E_CANCELLED");
    const int32_t flag = 1, clear = 0;
    eg_error err;
    eg_error_init(&err);
    void *out;
    uint64_t count;
    eg_status status = run_case(&s, &c, (run_style){.inplace = -1, .cancel = &flag}, &out, &count, &err);
    eg_free(out);
    if (status == EG_E_CANCELLED)
        check_pass(k);
    else
        check_fail(k, "the status is %d", status);
    check_begin(k, "the next run is as good as ever");
    check_against_reference(k, &s, &reference, &c, (run_style){.inplace = -1, .cancel = &clear});
    case_finish(&c);
    subject_close(&s);
    subject_close(&reference);
}

/* --- several at once ----------------------------------------------------------------------------- */

enum { CALLERS = 4, RUNS = 6 };

typedef struct {
    const prepared *p;
    const void *want;
    uint64_t bytes;
    eg_status status;
    eg_error err;
} caller;

static void *
call_often(void *argument)
{
    caller *a = argument;
    eg_error_init(&a->err);
    for (uint32_t i = 0; i < RUNS && a->status == EG_OK; i++) {
        void *got;
        uint64_t count;
        a->status = run_prepared(a->p, &got, &count, &a->err);
        if (a->status == EG_OK && memcmp(got, a->want, (size_t)a->bytes) != 0)
            a->status = eg_fail(&a->err, EG_E_FAILED, "run %u beside others gives another result", i);
        eg_free(got);
    }
    return NULL;
}

static eg_status
run_callers(const prepared *p, const void *want, uint64_t bytes, eg_error *err)
{
    caller callers[CALLERS];
    pthread_t threads[CALLERS];
    uint32_t started = 0;
    for (; started < CALLERS; started++) {
        callers[started] = (caller){.p = p, .want = want, .bytes = bytes};
        if (pthread_create(&threads[started], NULL, call_often, &callers[started]) != 0)
            break;
    }
    eg_status status = started > 1 ? EG_OK : eg_fail(err, EG_E_FAILED, "no threads can be created");
    for (uint32_t i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
        if (status == EG_OK && callers[i].status != EG_OK) {
            *err = callers[i].err;
            status = callers[i].status;
        }
    }
    return status;
}

static void
check_concurrency(checker *k, uint32_t number)
{
    (void)number;
    subject s, reference;
    check_case c;
    if (!open_both_and_build(k, &s, &reference, &c))
        return;
    check_begin(k, "%d callers, %d runs each, one exec", CALLERS, RUNS);
    eg_error err;
    eg_error_init(&err);
    prepared p;
    void *want = NULL;
    uint64_t count = 0;
    eg_status status = prepare(&s, &c, plain_style, &p, &err);
    if (status == EG_OK) {
        status = run_prepared(&p, &want, &count, &err);
        if (status == EG_OK)
            status = run_callers(&p, want, count * sizeof(float), &err);
        unprepare(&p);
    }
    eg_free(want);
    check_settle(k, status, &err);
    case_finish(&c);
    subject_close(&s);
    subject_close(&reference);
}

/* --- allocations that fail ----------------------------------------------------------------------- */

enum { MOST_ALLOCATIONS = 4000 };

/* Everything from open() on with the nth allocation failing. EG_OK: there were fewer. */
static eg_status
run_failing(checker *k, subject *s, const check_case *c, int64_t nth, eg_error *err)
{
    s->fail_at = nth;
    eg_status status = subject_open(s, k->options->device, k->options->options, err);
    void *out = NULL;
    uint64_t count;
    if (status == EG_OK)
        status = run_case(s, c, plain_style, &out, &count, err);
    bool reached = s->fail_at == 0;
    s->fail_at = 0;
    subject_close(s);
    eg_free(out);
    if (s->live != 0)
        return eg_fail(err, EG_E_INTERNAL, "after allocation %lld failed, %lld others are never freed", (long long)nth,
                       (long long)s->live);
    if (!reached)
        return EG_OK;
    /* A plugin may go on without what it could not get; if it does not, the status says so. */
    if (status == EG_OK || status == EG_E_NOMEM)
        return EG_E_NOMEM;
    return eg_fail(err, EG_E_INTERNAL, "allocation %lld fails, and the status is %d, not EG_E_NOMEM", (long long)nth,
                   status);
}

static void
check_allocations(checker *k, uint32_t number)
{
    (void)number;
    subject s, reference;
    check_case c;
    if (!open_both_and_build(k, &s, &reference, &c))
        return;
    subject_close(&s);
    check_begin(k, "each allocation fails once");
    eg_error err;
    eg_status status = EG_E_NOMEM;
    for (int64_t nth = 1; status == EG_E_NOMEM && nth < MOST_ALLOCATIONS; nth += nth < 60 ? 1 : 7) {
        eg_error_init(&err);
        status = run_failing(k, &s, &c, nth, &err);
    }
    check_settle(k, status == EG_E_NOMEM ? EG_OK : status, &err);
    case_finish(&c);
    subject_close(&reference);
}

/* --- beside another plugin ----------------------------------------------------------------------- */

static void
check_beside(checker *k, uint32_t number)
{
    bool tested_first = number == 0;
    eg_error err;
    eg_error_init(&err);
    check_begin(k, "open");
    eg_status status = tested_first ? load_plugin(k, &err) : load_reference(k, &err);
    if (status == EG_OK)
        status = tested_first ? load_reference(k, &err) : load_plugin(k, &err);
    subject s = {0}, reference = {0};
    if (status == EG_OK) {
        subject_init(&s, k->plugin, k->threads);
        subject_init(&reference, k->reference_plugin, 1);
        status = tested_first ? subject_open(&s, k->options->device, k->options->options, &err) : EG_OK;
    }
    if (status == EG_OK)
        status = subject_open(&reference, 0, NULL, &err);
    if (status == EG_OK && !tested_first)
        status = subject_open(&s, k->options->device, k->options->options, &err);
    check_settle(k, status, &err);
    if (status != EG_OK)
        return;
    check_case c;
    if (build_something(k, &s, &c, &batches[2])) {
        check_begin(k, "both compute");
        check_against_reference(k, &s, &reference, &c, plain_style);
        check_begin(k, "the reference goes on when the device is closed");
        subject_close(&s);
        check_against_reference(k, &reference, &reference, &c, plain_style);
        case_finish(&c);
    }
    subject_close(&reference);
    subject_close(&s);
}

/* --- the groups ---------------------------------------------------------------------------------- */

const check_group general_groups[] = {
    {"table", check_table, 0},
    {"device", check_device, 0},
    {"beside/tested-first", check_beside, 0},
    {"beside/reference-first", check_beside, 1},
    {"layer", check_layer, 0},
    {"random", check_random, 0},
    {"fused", check_fused, 0},
    {"neighbours", check_neighbours, 0},
    {"cancel", check_cancel, 0},
    {"profile", check_profile, 0},
    {"concurrency", check_concurrency, 0},
    {"allocations", check_allocations, 0},
};
const uint32_t general_group_count = sizeof general_groups / sizeof *general_groups;
