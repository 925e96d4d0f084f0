/* SPDX-License-Identifier: Apache-2.0 */
/* One thread that does the device's jobs in the order they came, each after a delay. It alone touches far memory. */
#include "plugins/far/far.h"

#include <signal.h>
#include <string.h>
#include <time.h>

static void
release_locked(eg_device *device, eg_event *event)
{
    if (--event->references == 0)
        far_dealloc(device, event);
}

static void
do_job(eg_device *device, far_job *job)
{
    struct timespec delay = {.tv_sec = device->delay_us / 1000000,
                             .tv_nsec = (long)(device->delay_us % 1000000) * 1000};
    nanosleep(&delay, NULL);
    eg_event *event = job->event;
    eg_status status = job->work(job, &event->error); /* the job may be gone afterwards */
    pthread_mutex_lock(&device->lock);
    event->status = status;
    event->over = true;
    pthread_cond_broadcast(&device->over);
    release_locked(device, event);
    pthread_mutex_unlock(&device->lock);
}

static void *
worker_main(void *argument)
{
    eg_device *device = argument;
    pthread_mutex_lock(&device->lock);
    for (;;) {
        while (!device->first && !device->stop)
            pthread_cond_wait(&device->wake, &device->lock);
        far_job *job = device->first;
        if (!job)
            break;
        device->first = job->next;
        if (!device->first)
            device->last = &device->first;
        pthread_mutex_unlock(&device->lock);
        do_job(device, job);
        pthread_mutex_lock(&device->lock);
    }
    pthread_mutex_unlock(&device->lock);
    return NULL;
}

eg_status
far_worker_start(eg_device *device, eg_error *err)
{
    device->last = &device->first;
    pthread_mutex_init(&device->lock, NULL);
    pthread_cond_init(&device->wake, NULL);
    pthread_cond_init(&device->over, NULL);
    /* The process's signals are not for this thread. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&device->worker, NULL, worker_main, device);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!error)
        return EG_OK;
    pthread_cond_destroy(&device->over);
    pthread_cond_destroy(&device->wake);
    pthread_mutex_destroy(&device->lock);
    return far_fail(err, EG_E_NOMEM, "no thread can be created: %s", strerror(error));
}

void
far_worker_stop(eg_device *device)
{
    pthread_mutex_lock(&device->lock);
    device->stop = true;
    pthread_cond_signal(&device->wake);
    pthread_mutex_unlock(&device->lock);
    pthread_join(device->worker, NULL);
    pthread_cond_destroy(&device->over);
    pthread_cond_destroy(&device->wake);
    pthread_mutex_destroy(&device->lock);
}

eg_status
far_begin(far_job *job, eg_event **out, eg_error *err)
{
    eg_device *device = job->device;
    eg_event *event = far_alloc(device, sizeof *event);
    if (!event)
        return far_fail(err, EG_E_NOMEM, "out of memory (event)");
    event->references = 2;
    event->error.size = sizeof event->error;
    job->event = event;
    job->next = NULL;
    pthread_mutex_lock(&device->lock);
    *device->last = job;
    device->last = &job->next;
    pthread_cond_signal(&device->wake);
    pthread_mutex_unlock(&device->lock);
    *out = event;
    return EG_OK;
}

eg_status
far_do(far_job *job, eg_error *err)
{
    eg_device *device = job->device;
    eg_event *event = NULL;
    eg_status status = far_begin(job, &event, err);
    if (status != EG_OK)
        return status;
    status = far_wait(device, &event, 1, err);
    far_event_free(device, event);
    return status;
}

void
far_event_hold(eg_device *device, eg_event *event)
{
    pthread_mutex_lock(&device->lock);
    event->references++;
    pthread_mutex_unlock(&device->lock);
}

/* The first bad status of the events, all of which are waited for. */
eg_status
far_wait(eg_device *device, eg_event *const *events, uint32_t count, eg_error *err)
{
    const eg_event *bad = NULL;
    pthread_mutex_lock(&device->lock);
    for (uint32_t i = 0; i < count; i++) {
        while (events[i] && !events[i]->over)
            pthread_cond_wait(&device->over, &device->lock);
        if (events[i] && events[i]->status != EG_OK && !bad)
            bad = events[i];
    }
    pthread_mutex_unlock(&device->lock);
    return bad ? far_fail(err, bad->status, "%s", bad->error.message) : EG_OK;
}

void
far_event_free(eg_device *device, eg_event *event)
{
    if (!event)
        return;
    pthread_mutex_lock(&device->lock);
    release_locked(device, event);
    pthread_mutex_unlock(&device->lock);
}
