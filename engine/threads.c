/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled twice: into the library, and with EG_THREADS_OPENMP into the module egbert-openmp.so. */
#include "engine/threads.h"

#include <pthread.h>
#include <stdatomic.h>

#ifdef EG_THREADS_OPENMP

#include <limits.h>
#include <omp.h>

/* --- OpenMP -------------------------------------------------------------------------------------- */

const eg_team *eg_openmp_team(void);

/* How many workers libgomp has been let make for this thread. It keeps a pool per thread that asks. */
static _Thread_local uint32_t proven = 1;

typedef struct trial {
    pthread_mutex_t lock;
} trial;

static void *
wait_for_the_others(void *arg)
{
    trial *t = arg;
    pthread_mutex_lock(&t->lock);
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

/*
 * libgomp ends the process where it cannot make a thread. So the first time, plain threads show how many there can be:
 * all of them alive at once. Recurses once per thread, so that nothing needs to be allocated.
 */
static uint32_t
try_threads(trial *t, uint32_t wanted)
{
    pthread_t thread;
    if (wanted == 0 || pthread_create(&thread, NULL, wait_for_the_others, t) != 0) {
        pthread_mutex_unlock(&t->lock);
        return 0;
    }
    uint32_t made = try_threads(t, wanted - 1);
    pthread_join(thread, NULL);
    return made + 1;
}

static uint32_t
prove(uint32_t count)
{
    if (count <= proven)
        return count;
    trial t = {.lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_mutex_lock(&t.lock);
    proven = try_threads(&t, count - 1) + 1;
    pthread_mutex_destroy(&t.lock);
    return proven;
}

static void *
openmp_open(uint32_t count)
{
    static const char none;
    (void)count;
    return (void *)(uintptr_t)&none; /* there is no state, and NULL would mean failure */
}

static void
openmp_close(void *state)
{
    (void)state;
}

/* Also with a count of 1, because OpenBLAS and oneDNN take their number of threads from these settings. */
static uint32_t
openmp_enter(void *state, uint32_t count, eg_saved_settings *saved)
{
    (void)state;
    saved->count = omp_get_max_threads();
    saved->dynamic = omp_get_dynamic();
    saved->levels = omp_get_max_active_levels();
    int limit = omp_get_thread_limit();
    if (limit > 0 && count > (uint32_t)limit)
        count = (uint32_t)limit;
    count = prove(count);
    omp_set_dynamic(0);
    omp_set_max_active_levels(1);
    omp_set_num_threads((int)count);
    return count;
}

static void
openmp_leave(void *state, const eg_saved_settings *saved)
{
    (void)state;
    omp_set_num_threads(saved->count);
    omp_set_dynamic(saved->dynamic);
    omp_set_max_active_levels(saved->levels);
}

static void
openmp_work(void *state, uint32_t count, uint32_t n, eg_work_fn fn, void *arg)
{
    (void)state;
    atomic_uint next = 0;
#pragma omp parallel num_threads((int)count) default(none) shared(next, n, fn, arg)
    {
        uint32_t worker = (uint32_t)omp_get_thread_num();
        for (uint32_t i; (i = atomic_fetch_add_explicit(&next, 1, memory_order_relaxed)) < n;)
            fn(arg, i, worker);
    }
}

EG_EXPORT const eg_team *
eg_openmp_team(void)
{
    static const eg_team team = {
        .version = EG_TEAM_VERSION,
        .name = "openmp",
        .open = openmp_open,
        .close = openmp_close,
        .enter = openmp_enter,
        .leave = openmp_leave,
        .work = openmp_work,
    };
    return &team;
}

#else

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/cpus.h"
#include "engine/lanes.h"

/* --- POSIX threads ------------------------------------------------------------------------------- */

typedef struct posix_team {
    pthread_mutex_t lock;
    pthread_cond_t begun, ended;
    uint32_t made, wanted; /* workers, without the caller */
    pthread_t *workers;

    /* one piece of work; written under the lock before `round` grows */
    atomic_uint round;
    bool closing;
    uint32_t helpers; /* workers that take part */
    uint32_t n;
    eg_work_fn fn;
    void *arg;
    atomic_uint next;
    atomic_uint busy; /* workers that have not finished */
} posix_team;

typedef struct posix_worker {
    posix_team *team;
    uint32_t number; /* from 1; the caller is 0 */
    uint32_t seen;   /* the round that was over when it was made */
} posix_worker;

/* Between two kernels of a run workers look for more before they sleep: waking costs tens of microseconds. */
enum { SPIN = 4000 };

static inline void
relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void
take_items(posix_team *team, uint32_t n, eg_work_fn fn, void *arg, uint32_t worker)
{
    for (uint32_t i; (i = atomic_fetch_add_explicit(&team->next, 1, memory_order_relaxed)) < n;)
        fn(arg, i, worker);
}

static void *
posix_worker_main(void *arg)
{
    posix_worker self = *(posix_worker *)arg;
    eg_free(arg);
    posix_team *team = self.team;
    uint32_t seen = self.seen;
    for (;;) {
        for (int spin = 0; spin < SPIN && atomic_load_explicit(&team->round, memory_order_acquire) == seen; spin++)
            relax();
        pthread_mutex_lock(&team->lock);
        while (atomic_load_explicit(&team->round, memory_order_relaxed) == seen)
            pthread_cond_wait(&team->begun, &team->lock);
        seen = atomic_load_explicit(&team->round, memory_order_relaxed);
        bool closing = team->closing, helps = self.number <= team->helpers;
        uint32_t n = team->n;
        eg_work_fn fn = team->fn;
        void *work = team->arg;
        pthread_mutex_unlock(&team->lock);
        if (closing)
            return NULL;
        if (!helps)
            continue;
        take_items(team, n, fn, work, self.number);
        if (atomic_fetch_sub_explicit(&team->busy, 1, memory_order_acq_rel) == 1) {
            pthread_mutex_lock(&team->lock);
            pthread_cond_signal(&team->ended);
            pthread_mutex_unlock(&team->lock);
        }
    }
}

/* Makes workers up to the number wanted. One that cannot be made leaves the run with fewer. */
static void
make_workers(posix_team *team, uint32_t wanted)
{
    while (team->made < wanted) {
        posix_worker *self = eg_alloc(sizeof *self);
        if (!self)
            return;
        *self = (posix_worker){team, team->made + 1, atomic_load_explicit(&team->round, memory_order_relaxed)};
        if (pthread_create(&team->workers[team->made], NULL, posix_worker_main, self) != 0) {
            eg_free(self);
            return;
        }
        team->made++;
    }
}

static void *
posix_open(uint32_t count)
{
    posix_team *team = eg_calloc(1, sizeof *team);
    if (!team)
        return NULL;
    team->workers = eg_calloc(count, sizeof *team->workers);
    if (!team->workers) {
        eg_free(team);
        return NULL;
    }
    team->wanted = count - 1;
    pthread_mutex_init(&team->lock, NULL);
    pthread_cond_init(&team->begun, NULL);
    pthread_cond_init(&team->ended, NULL);
    return team;
}

static void
posix_close(void *state)
{
    posix_team *team = state;
    pthread_mutex_lock(&team->lock);
    team->closing = true;
    atomic_fetch_add_explicit(&team->round, 1, memory_order_release);
    pthread_cond_broadcast(&team->begun);
    pthread_mutex_unlock(&team->lock);
    for (uint32_t i = 0; i < team->made; i++)
        pthread_join(team->workers[i], NULL);
    pthread_mutex_destroy(&team->lock);
    pthread_cond_destroy(&team->begun);
    pthread_cond_destroy(&team->ended);
    eg_free(team->workers);
    eg_free(team);
}

static uint32_t
posix_enter(void *state, uint32_t count, eg_saved_settings *saved)
{
    posix_team *team = state;
    *saved = (eg_saved_settings){0};
    if (count > 1)
        make_workers(team, count - 1 < team->wanted ? count - 1 : team->wanted);
    return count > 1 ? team->made + 1 : 1;
}

static void
posix_leave(void *state, const eg_saved_settings *saved)
{
    (void)state;
    (void)saved;
}

static void
posix_work(void *state, uint32_t count, uint32_t n, eg_work_fn fn, void *arg)
{
    posix_team *team = state;
    uint32_t helpers = count - 1 < n - 1 ? count - 1 : n - 1;
    pthread_mutex_lock(&team->lock);
    team->n = n;
    team->fn = fn;
    team->arg = arg;
    team->helpers = helpers;
    atomic_store_explicit(&team->next, 0, memory_order_relaxed);
    atomic_store_explicit(&team->busy, helpers, memory_order_relaxed);
    atomic_fetch_add_explicit(&team->round, 1, memory_order_release);
    pthread_cond_broadcast(&team->begun);
    pthread_mutex_unlock(&team->lock);

    take_items(team, n, fn, arg, 0);

    for (int spin = 0; spin < SPIN && atomic_load_explicit(&team->busy, memory_order_acquire) != 0; spin++)
        relax();
    pthread_mutex_lock(&team->lock);
    while (atomic_load_explicit(&team->busy, memory_order_acquire) != 0)
        pthread_cond_wait(&team->ended, &team->lock);
    pthread_mutex_unlock(&team->lock);
}

static const eg_team posix = {
    .version = EG_TEAM_VERSION,
    .name = "pthreads",
    .open = posix_open,
    .close = posix_close,
    .enter = posix_enter,
    .leave = posix_leave,
    .work = posix_work,
};

/* --- which of them ------------------------------------------------------------------------------- */

struct eg_threads {
    const eg_team *team;
    void *state;
    uint32_t count;
    char why[256];
    pthread_mutex_t workers; /* held by the lease that holds the workers */
};

/* Measured: a region costs 1.2 µs after a spin of this length; the default spins 12 ms of CPU after each run. */
static const char spin_count[] = "10000";

/* libgomp reads its environment when it is opened, and only then. */
static void
set_spinning(void)
{
    if (!getenv("GOMP_SPINCOUNT") && !getenv("OMP_WAIT_POLICY"))
        setenv("GOMP_SPINCOUNT", spin_count, 0);
}

/* The module's team, or NULL with the reason. */
static const eg_team *
open_module(const char *const *modules, char *why, size_t why_size)
{
    snprintf(why, why_size, "egbert-openmp.so was not found");
    for (size_t i = 0; modules[i]; i++) {
        FILE *there = fopen(modules[i], "rb");
        if (!there)
            continue;
        fclose(there);
        void *library = dlopen(modules[i], RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
        const eg_team *(*query)(void) = NULL;
        if (library)
            *(void **)&query = dlsym(library, EG_TEAM_SYMBOL);
        if (!query) {
            const char *reason = dlerror();
            snprintf(why, why_size, "%s", reason ? reason : "egbert-openmp.so lacks its symbol");
            continue;
        }
        const eg_team *team = query();
        if (team->version == EG_TEAM_VERSION) {
            why[0] = '\0';
            return team;
        }
        snprintf(why, why_size, "%s is of another version of the library", modules[i]);
    }
    return NULL;
}

eg_status
eg_threads_open(const eg_threads_options *options, eg_threads **out, eg_error *err)
{
    *out = NULL;
    eg_threads *threads = eg_calloc(1, sizeof *threads);
    if (!threads)
        return eg_fail_nomem(err, "threads");
    threads->count = options->count ? options->count : eg_cpu_count();
    if (EG_SANITIZER == EG_SANITIZE_THREAD) {
        /* It does not see libgomp's synchronisation. */
        snprintf(threads->why, sizeof threads->why, "ThreadSanitizer");
    } else if (options->modules) {
        if (options->may_setenv)
            set_spinning();
        threads->team = open_module(options->modules, threads->why, sizeof threads->why);
    }
    if (!threads->team)
        threads->team = &posix;
    threads->state = threads->team->open(threads->count);
    if (!threads->state) {
        eg_free(threads);
        return eg_fail_nomem(err, "threads");
    }
    pthread_mutex_init(&threads->workers, NULL);
    *out = threads;
    return EG_OK;
}

void
eg_threads_close(eg_threads *threads)
{
    if (!threads)
        return;
    threads->team->close(threads->state);
    pthread_mutex_destroy(&threads->workers);
    eg_free(threads);
}

uint32_t
eg_threads_count(const eg_threads *threads)
{
    return threads->count;
}

const char *
eg_threads_name(const eg_threads *threads)
{
    return threads->team->name;
}

const char *
eg_threads_why(const eg_threads *threads)
{
    return threads->why;
}

/* --- leases -------------------------------------------------------------------------------------- */

/* The run that the calling thread is in. A fact of the thread, as omp_get_num_threads() is: plugins ask for it through
 * host services that know the device and not the run. */
static _Thread_local eg_lease *current;

static bool
outer_lease_holds(const eg_threads *threads)
{
    for (const eg_lease *lease = current; lease; lease = lease->outer)
        if (lease->threads == threads && lease->holds)
            return true;
    return false;
}

void
eg_lease_begin(eg_threads *threads, bool wait, eg_lease *lease)
{
    *lease = (eg_lease){.threads = threads, .count = 1, .outer = current};
    if (threads->count > 1 && !outer_lease_holds(threads)) {
        if (wait)
            lease->holds = pthread_mutex_lock(&threads->workers) == 0;
        else
            lease->holds = pthread_mutex_trylock(&threads->workers) == 0;
    }
    lease->count = threads->team->enter(threads->state, lease->holds ? threads->count : 1, &lease->saved);
    current = lease;
}

void
eg_lease_end(eg_lease *lease)
{
    eg_threads *threads = lease->threads;
    current = lease->outer;
    threads->team->leave(threads->state, &lease->saved);
    if (lease->holds)
        pthread_mutex_unlock(&threads->workers);
}

uint32_t
eg_lease_threads(void)
{
    return current ? current->count : 1;
}

void
eg_parallel_for(uint32_t n, eg_work_fn fn, void *arg)
{
    eg_lease *lease = current;
    if (!lease || lease->working || lease->count < 2 || n < 2) {
        for (uint32_t i = 0; i < n; i++)
            fn(arg, i, 0);
        return;
    }
    lease->working = true;
    if (lease->lanes)
        eg_lanes_work(lease->lanes, lease->threads->team, lease->threads->state, lease->count, n, fn, arg);
    else
        lease->threads->team->work(lease->threads->state, lease->count, n, fn, arg);
    lease->working = false;
}

#endif
