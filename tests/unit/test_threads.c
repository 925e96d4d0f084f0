/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Worker threads: every piece of work is done once and by a worker that the lease has, nested and foreign work is done
 * in place, only one lease at a time holds the workers. A plain program, because ThreadSanitizer and Criterion's
 * processes do not go together. Arguments: modules to try (egbert-openmp.so); POSIX threads are always tested.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/cpus.h"
#include "engine/threads.h"

static int failures;

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);                                    \
            failures++;                                                                                                \
        }                                                                                                              \
    } while (0)

enum { ITEMS = 1000 };

typedef struct tally {
    atomic_uint done[ITEMS];
    atomic_uint strangers; /* calls with a worker number that the lease does not have */
    uint32_t workers;
} tally;

static void
count_item(void *arg, uint32_t i, uint32_t worker)
{
    tally *t = arg;
    atomic_fetch_add(&t->done[i], 1);
    if (worker >= t->workers)
        atomic_fetch_add(&t->strangers, 1);
}

static bool
all_done(const tally *t, uint32_t n, uint32_t times)
{
    for (uint32_t i = 0; i < ITEMS; i++)
        if (atomic_load(&t->done[i]) != (i < n ? times : 0))
            return false;
    return atomic_load(&t->strangers) == 0;
}

/* --- cases --------------------------------------------------------------------------------------- */

static void
every_item_once(eg_threads *threads)
{
    static const uint32_t counts[] = {0, 1, 2, 3, 7, 64, ITEMS};
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        tally *t = calloc(1, sizeof *t);
        eg_lease lease;
        eg_lease_begin(threads, false, &lease);
        t->workers = eg_lease_threads();
        CHECK(t->workers == lease.count);
        for (int round = 0; round < 50; round++)
            eg_parallel_for(counts[c], count_item, t);
        eg_lease_end(&lease);
        CHECK(all_done(t, counts[c], 50));
        free(t);
    }
}

static void
without_a_lease(void)
{
    tally *t = calloc(1, sizeof *t);
    t->workers = 1;
    CHECK(eg_lease_threads() == 1);
    eg_parallel_for(ITEMS, count_item, t);
    CHECK(all_done(t, ITEMS, 1));
    free(t);
}

typedef struct nest {
    tally inner[4];
} nest;

static void
work_in_work(void *arg, uint32_t i, uint32_t worker)
{
    (void)worker;
    nest *n = arg;
    n->inner[i].workers = 1; /* in place: by this thread alone */
    eg_parallel_for(ITEMS, count_item, &n->inner[i]);
}

static void
nested_work(eg_threads *threads)
{
    nest *n = calloc(1, sizeof *n);
    eg_lease lease;
    eg_lease_begin(threads, false, &lease);
    eg_parallel_for(4, work_in_work, n);
    eg_lease_end(&lease);
    for (int i = 0; i < 4; i++)
        CHECK(all_done(&n->inner[i], ITEMS, 1));
    free(n);
}

static void
a_second_lease_is_alone(eg_threads *threads)
{
    eg_lease outer, inner;
    eg_lease_begin(threads, false, &outer);
    CHECK(outer.holds == (eg_threads_count(threads) > 1));
    eg_lease_begin(threads, true, &inner); /* the same thread must not wait for itself */
    CHECK(!inner.holds && inner.count == 1);
    eg_lease_end(&inner);
    CHECK(eg_lease_threads() == outer.count);
    eg_lease_end(&outer);
    CHECK(eg_lease_threads() == 1);
}

typedef struct caller {
    eg_threads *threads;
    atomic_int *holders;
    bool wait;
    int failures;
} caller;

static void *
call_often(void *arg)
{
    caller *c = arg;
    tally *t = malloc(sizeof *t);
    for (int round = 0; round < 100; round++) {
        memset(t, 0, sizeof *t);
        eg_lease lease;
        eg_lease_begin(c->threads, c->wait, &lease);
        if (lease.holds && atomic_fetch_add(c->holders, 1) != 0)
            c->failures++;
        if (c->wait && !lease.holds)
            c->failures++;
        t->workers = lease.count;
        eg_parallel_for(ITEMS, count_item, t);
        if (!all_done(t, ITEMS, 1))
            c->failures++;
        if (lease.holds)
            atomic_fetch_sub(c->holders, 1);
        eg_lease_end(&lease);
    }
    free(t);
    return NULL;
}

static void
callers_share_one_budget(eg_threads *threads, bool wait)
{
    enum { CALLERS = 4 };
    pthread_t ids[CALLERS];
    caller callers[CALLERS];
    atomic_int holders = 0;
    for (int i = 0; i < CALLERS; i++) {
        callers[i] = (caller){threads, &holders, wait, 0};
        CHECK(pthread_create(&ids[i], NULL, call_often, &callers[i]) == 0);
    }
    for (int i = 0; i < CALLERS; i++) {
        pthread_join(ids[i], NULL);
        CHECK(callers[i].failures == 0);
    }
}

static void
run_cases(const char *const *modules, const char *name)
{
    static const uint32_t counts[] = {1, 2, 3};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        eg_threads *threads = NULL;
        eg_error err;
        eg_error_init(&err);
        eg_threads_options options = {.count = counts[i], .modules = modules};
        CHECK(eg_threads_open(&options, &threads, &err) == EG_OK);
        CHECK(strcmp(eg_threads_name(threads), name) == 0);
        CHECK(eg_threads_count(threads) == counts[i]);
        every_item_once(threads);
        without_a_lease();
        nested_work(threads);
        a_second_lease_is_alone(threads);
        callers_share_one_budget(threads, false);
        callers_share_one_budget(threads, counts[i] > 1);
        eg_threads_close(threads);
    }
}

static void
a_module_that_is_not_there(void)
{
    static const char *const modules[] = {"/nonexistent/egbert-openmp.so", NULL};
    eg_threads *threads = NULL;
    eg_threads_options options = {.count = 2, .modules = modules};
    CHECK(eg_threads_open(&options, &threads, NULL) == EG_OK);
    CHECK(strcmp(eg_threads_name(threads), "pthreads") == 0);
    CHECK(eg_threads_why(threads)[0] != '\0');
    eg_threads_close(threads);
}

/* --- how many CPUs ------------------------------------------------------------------------------- */

static void
write_file(const char *folder, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL);
    if (!file)
        return;
    fputs(text, file);
    fclose(file);
}

static void
make_folder(const char *folder, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    CHECK(mkdir(path, 0700) == 0);
}

static void
quotas(void)
{
    char root[] = "/tmp/egbert-test-XXXXXX";
    CHECK(mkdtemp(root) != NULL);
    make_folder(root, "a");
    make_folder(root, "a/b");
    make_folder(root, "cpu,cpuacct");
    make_folder(root, "cpu,cpuacct/c");
    write_file(root, "a/cpu.max", "300000 100000\n");
    write_file(root, "a/b/cpu.max", "max 100000\n");
    CHECK(eg_cpu_quota("0::/a/b\n", root) == 3); /* a parent's counts */
    write_file(root, "a/b/cpu.max", "150000 100000\n");
    CHECK(eg_cpu_quota("0::/a/b\n", root) == 2); /* one and a half are two */
    CHECK(eg_cpu_quota("0::/\n", root) == 0);
    CHECK(eg_cpu_quota("0::/../x\n", root) == 0);
    write_file(root, "cpu,cpuacct/c/cpu.cfs_quota_us", "-1\n");
    write_file(root, "cpu,cpuacct/c/cpu.cfs_period_us", "100000\n");
    CHECK(eg_cpu_quota("4:cpu,cpuacct:/c\n", root) == 0);
    write_file(root, "cpu,cpuacct/c/cpu.cfs_quota_us", "50000\n");
    CHECK(eg_cpu_quota("5:memory:/c\n4:cpu,cpuacct:/c\n", root) == 1);
    CHECK(eg_cpu_quota("5:cpuset:/c\n", root) == 0);
    CHECK(eg_cpu_quota("", root) == 0);
    CHECK(eg_cpu_count() >= 1);

    char command[600];
    snprintf(command, sizeof command, "rm -r '%s'", root);
    CHECK(system(command) == 0);
}

int
main(int argc, char **argv)
{
    run_cases(NULL, "pthreads");
    if (argc > 1 && EG_SANITIZER != EG_SANITIZE_THREAD)
        run_cases((const char *const *)argv + 1, "openmp");
    a_module_that_is_not_there();
    quotas();
    if (failures)
        fprintf(stderr, "%d checks failed\n", failures);
    return failures != 0;
}
