/* SPDX-License-Identifier: Apache-2.0 */
/* The extension profile.v1: the same results as a run, with times that can be. */
#include <string.h>
#include <time.h>

#include "plugins/conformance/checks.h"

enum { MOST_TIMES = 256, UNTOUCHED = 0x5a };

/* Entries of a later version of the header, longer than the plugin knows. */
typedef struct later_time {
    eg_node_time known;
    unsigned char later[16];
} later_time;

static uint64_t
now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static eg_status
check_entry(const later_time *entry, uint32_t nodes, uint64_t before, uint64_t after, eg_error *err)
{
    const eg_node_time *t = &entry->known;
    if (t->size != sizeof *entry)
        return eg_fail(err, EG_E_FAILED, "the size of an entry was changed");
    for (size_t i = 0; i < sizeof entry->later; i++)
        if (entry->later[i] != UNTOUCHED)
            return eg_fail(err, EG_E_FAILED, "it wrote beyond the struct it knows");
    if (t->node >= nodes)
        return eg_fail(err, EG_E_FAILED, "there is a time of node %u of %u", t->node, nodes);
    if (t->begin_ns < before || t->end_ns < t->begin_ns || after < t->end_ns)
        return eg_fail(err, EG_E_FAILED, "node %u was computed at another time than the run", t->node);
    if (t->kernel && !memchr(t->kernel, '\0', 256))
        return eg_fail(err, EG_E_FAILED, "node %u: the kernel's name has no end", t->node);
    return EG_OK;
}

/* Runs with room for `capacity` times; they are in `times`, and what was written beyond is an error. */
static eg_status
run_with_times(const prepared *p, const eg_profile_v1 *profile, later_time *times, uint32_t capacity, const void *want,
               uint32_t *out_count, eg_error *err)
{
    memset(times, UNTOUCHED, MOST_TIMES * sizeof *times);
    for (uint32_t i = 0; i < MOST_TIMES; i++)
        times[i].known.size = sizeof *times;
    later_time beyond = times[0];
    profiling run = {.profile = profile, .times = &times[0].known, .capacity = capacity};
    void *got = NULL;
    uint64_t count, before = now_ns();
    eg_status status = run_profiled(p, &run, &got, &count, err);
    uint64_t after = now_ns();
    if (status == EG_OK)
        status = compare(p->c, want, got, count, p->c->tolerance, err);
    uint32_t filled = run.count < capacity ? run.count : capacity;
    for (uint32_t i = 0; i < filled && status == EG_OK; i++)
        status = check_entry(&times[i], p->view.node_count, before, after, err);
    for (uint32_t i = filled; i < MOST_TIMES && status == EG_OK; i++)
        if (memcmp(&times[i], &beyond, sizeof beyond) != 0)
            status = eg_fail(err, EG_E_FAILED, "entry %u was written, %u of %u were to be", i, filled, capacity);
    if (status == EG_OK && run.count == 0)
        status = eg_fail(err, EG_E_FAILED, "there are no times");
    *out_count = run.count;
    eg_free(got);
    return status;
}

static eg_status
check_cancelled(subject *s, const check_case *c, const eg_profile_v1 *profile, later_time *times, eg_error *err)
{
    const int32_t flag = 1;
    prepared p;
    profiling run = {.profile = profile, .times = &times[0].known, .capacity = MOST_TIMES};
    void *got = NULL;
    uint64_t count;
    EG_TRY(prepare(s, c, (run_style){.inplace = -1, .cancel = &flag}, &p, err));
    eg_status status = run_profiled(&p, &run, &got, &count, err);
    unprepare(&p);
    eg_free(got);
    if (status == EG_E_CANCELLED)
        return EG_OK;
    return eg_fail(err, EG_E_FAILED, "the status of a cancelled run is %d", status);
}

static void
check_times(checker *k, subject *s, subject *reference, const check_case *c, const eg_profile_v1 *profile)
{
    static const uint32_t capacities[] = {MOST_TIMES, 1, 0};
    later_time times[MOST_TIMES];
    uint32_t counts[3] = {0};
    prepared p;
    void *want = NULL;
    uint64_t count;
    eg_error err;
    eg_error_init(&err);
    check_begin(k, "the same results, and times of all nodes");
    eg_status status = run_case(reference, c, plain_style, &want, &count, &err);
    if (status == EG_OK)
        status = prepare(s, c, plain_style, &p, &err);
    if (status != EG_OK) {
        check_settle(k, status, &err);
        eg_free(want);
        return;
    }
    for (uint32_t i = 0; i < 3; i++) {
        if (i > 0)
            check_begin(k, "room for %u times", capacities[i]);
        status = run_with_times(&p, profile, times, capacities[i], want, &counts[i], &err);
        if (status == EG_OK && counts[i] != counts[0])
            status = eg_fail(&err, EG_E_FAILED, "%u times, where there were %u before", counts[i], counts[0]);
        check_settle(k, status, &err);
        eg_error_init(&err);
    }
    unprepare(&p);
    eg_free(want);
    check_begin(k, "a run whose flag is set ends with EG_E_CANCELLED");
    status = check_cancelled(s, c, profile, times, &err);
    check_settle(k, status, &err);
}

void
check_profile(checker *k, uint32_t number)
{
    (void)number;
    subject s, reference;
    check_case c;
    if (!open_both_and_build(k, &s, &reference, &c))
        return;
    bool has_extensions = EG_HAS(eg_device_ops, s.ops, extension) && s.ops->extension;
    check_begin(k, "an extension that there is not");
    if (has_extensions && s.ops->extension(s.device, "no-such-thing.v1"))
        check_fail(k, "extension() gives one of that name");
    else
        check_pass(k);
    const eg_profile_v1 *profile = has_extensions ? s.ops->extension(s.device, "profile.v1") : NULL;
    if (profile && EG_HAS(eg_profile_v1, profile, run) && profile->run)
        check_times(k, &s, &reference, &c, profile);
    else {
        check_begin(k, "times of the nodes");
        check_skip(k, "it gives none");
    }
    case_finish(&c);
    subject_close(&s);
    subject_close(&reference);
}
