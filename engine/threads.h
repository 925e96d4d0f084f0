/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker threads of an engine: one set, shared by the host, the backends and the libraries that these open.
 *
 * There are two implementations. POSIX threads are built in. OpenMP is a module (egbert-openmp.so, this same file
 * compiled with -fopenmp) that is opened when an engine opens: so the workers are libgomp's, the ones that OpenBLAS and
 * oneDNN use too, and libgomp reads its settings after the program had a chance to make them.
 *
 * A run takes a lease. One lease at a time holds the workers; whoever comes meanwhile works on its own thread, or waits
 * if it asks to. Work outside a lease, and work begun from within work, is done in place by the caller.
 *
 * Thread-safety: safe, but for open and close; a lease belongs to the thread that began it.
 */
#ifndef EG_ENGINE_THREADS_H
#define EG_ENGINE_THREADS_H

#include <stdbool.h>

#include "base/error.h"

typedef struct eg_threads eg_threads;

typedef struct eg_threads_options {
    uint32_t count;             /* 0: eg_cpu_count() */
    bool may_setenv;            /* GOMP_SPINCOUNT may be set before libgomp is opened */
    const char *const *modules; /* where egbert-openmp.so may lie, ended by NULL; NULL: POSIX threads */
} eg_threads_options;

/* EG_E_NOMEM. A module that does not load leaves POSIX threads, and eg_threads_why() says why. */
EG_NODISCARD eg_status eg_threads_open(const eg_threads_options *options, eg_threads **out, eg_error *err);
void eg_threads_close(eg_threads *threads); /* NULL is fine; no lease is out */

uint32_t eg_threads_count(const eg_threads *threads);   /* what a lease may have, ≥ 1 */
const char *eg_threads_name(const eg_threads *threads); /* "openmp" or "pthreads" */
const char *eg_threads_why(const eg_threads *threads);  /* why not OpenMP; "" if it is */

/* What an implementation keeps of the calling thread's settings during a lease. */
typedef struct eg_saved_settings {
    int32_t count, dynamic, levels;
} eg_saved_settings;

typedef struct eg_lease {
    eg_threads *threads;
    uint32_t count;         /* threads that this run has, the caller's own included */
    bool holds;             /* the workers */
    bool working;           /* inside eg_parallel_for */
    struct eg_lanes *lanes; /* where the parts of the work are recorded; NULL: nowhere */
    struct eg_lease *outer;
    eg_saved_settings saved;
} eg_lease;

/* Begins a run on the calling thread. With `wait`, blocks until the workers are free. Every begin has its end. */
void eg_lease_begin(eg_threads *threads, bool wait, eg_lease *lease);
void eg_lease_end(eg_lease *lease);

/* Threads of the calling thread's lease; 1 without one. */
uint32_t eg_lease_threads(void);
/* Calls fn(arg, i, worker) for each i below n on the lease's threads; returns when all are done. */
void eg_parallel_for(uint32_t n, void (*fn)(void *arg, uint32_t i, uint32_t worker), void *arg);

/* --- between this file's two halves -------------------------------------------------------------- */

#define EG_TEAM_VERSION 1u
#define EG_TEAM_SYMBOL "eg_openmp_team"

typedef void (*eg_work_fn)(void *arg, uint32_t i, uint32_t worker);

/* One implementation. `state` is what open() gave. */
typedef struct eg_team {
    uint32_t version;
    const char *name;
    void *(*open)(uint32_t count); /* NULL: out of memory */
    void (*close)(void *state);
    /* Prepares the calling thread for `count` threads and returns how many it can have. */
    uint32_t (*enter)(void *state, uint32_t count, eg_saved_settings *saved);
    void (*leave)(void *state, const eg_saved_settings *saved);
    void (*work)(void *state, uint32_t count, uint32_t n, eg_work_fn fn, void *arg);
} eg_team;

#endif
