/* SPDX-License-Identifier: Apache-2.0 */
/* The host that the suite is to a plugin: an allocator that counts and fails, threads, the graph's accessors. */
#include <string.h>

#include "plugins/conformance/harness.h"
#include "plugins/registry.h"

static void
host_log(void *ctx, int32_t level, const char *message)
{
    (void)ctx, (void)level, (void)message;
}

static void *
host_alloc(void *ctx, uint64_t bytes, uint64_t align)
{
    subject *s = ctx;
    pthread_mutex_lock(&s->lock);
    bool fails = s->fail_at > 0 && --s->fail_at == 0;
    s->allocations++;
    s->live += !fails;
    pthread_mutex_unlock(&s->lock);
    if (fails || bytes > SIZE_MAX / 2)
        return NULL;
    void *p = eg_alloc_aligned((size_t)bytes, align < sizeof(void *) ? sizeof(void *) : (size_t)align);
    if (p)
        memset(p, 0xff, (size_t)bytes); /* nobody may count on zeros */
    return p;
}

static void
host_dealloc(void *ctx, void *p)
{
    subject *s = ctx;
    if (!p)
        return;
    pthread_mutex_lock(&s->lock);
    s->live--;
    pthread_mutex_unlock(&s->lock);
    eg_free(p);
}

/* --- parallel_for: fresh threads each time, for nothing here is about speed ---------------------- */

typedef struct {
    uint32_t n, threads;
    uint32_t next; /* atomic */
    void (*fn)(void *arg, uint32_t i, uint32_t worker);
    void *arg;
} loop;

typedef struct {
    loop *l;
    uint32_t worker;
} loop_worker;

static _Thread_local bool inside_loop;

static void *
loop_main(void *argument)
{
    loop_worker *w = argument;
    inside_loop = true;
    for (uint32_t i; (i = __atomic_fetch_add(&w->l->next, 1, __ATOMIC_RELAXED)) < w->l->n;)
        w->l->fn(w->l->arg, i, w->worker);
    inside_loop = false;
    return NULL;
}

enum { MOST_THREADS = 16 };

static void
host_parallel_for(void *ctx, uint32_t n, void (*fn)(void *arg, uint32_t i, uint32_t worker), void *arg)
{
    const subject *s = ctx;
    if (inside_loop) {
        for (uint32_t i = 0; i < n; i++)
            fn(arg, i, 0);
        return;
    }
    loop l = {.n = n, .threads = s->threads, .fn = fn, .arg = arg};
    loop_worker workers[MOST_THREADS];
    pthread_t threads[MOST_THREADS];
    uint32_t started = 0;
    for (uint32_t t = 1; t < s->threads && t < MOST_THREADS && t < n; t++) {
        workers[t] = (loop_worker){&l, t};
        if (pthread_create(&threads[t], NULL, loop_main, &workers[t]) != 0)
            break;
        started = t;
    }
    workers[0] = (loop_worker){&l, 0};
    loop_main(&workers[0]);
    for (uint32_t t = 1; t <= started; t++)
        pthread_join(threads[t], NULL);
}

static uint32_t
host_threads(void *ctx)
{
    return ((const subject *)ctx)->threads;
}

static eg_status
host_setenv(void *ctx, const char *name, const char *value)
{
    (void)ctx, (void)name, (void)value;
    return EG_E_UNSUPPORTED;
}

void
subject_init(subject *s, const eg_plugin *plugin, uint32_t threads)
{
    memset(s, 0, sizeof *s);
    s->plugin = plugin;
    s->threads = threads;
    pthread_mutex_init(&s->lock, NULL);
    s->host = (eg_host){
        .size = sizeof s->host,
        .abi_minor = EG_ABI_MINOR,
        .sanitizer = EG_SANITIZER,
        .ctx = s,
        .log = host_log,
        .alloc = host_alloc,
        .dealloc = host_dealloc,
        .parallel_for = host_parallel_for,
        .threads = host_threads,
        .setenv_if_unset = host_setenv,
    };
    eg_view_fill_host(&s->host);
}

eg_status
subject_open(subject *s, uint32_t device, const char *options, eg_error *err)
{
    EG_TRY(eg_plugin_open_device(s->plugin, device, &s->host, options, &s->device, &s->ops, err));
    s->domain = (eg_domain){.size = sizeof s->domain};
    return s->ops->domain(s->device, 0, &s->domain);
}

void
subject_close(subject *s)
{
    if (s->device)
        s->plugin->close(s->device);
    s->device = NULL;
}
