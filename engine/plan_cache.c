/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/plan_cache.h"

#include <inttypes.h>
#include <string.h>

#include "engine/executable.h"

/*
 * Executables kept beyond those in use. They share the weights, so one costs little more than its graph. A comparison
 * of passes alternates between two dozen of them.
 */
enum { KEPT = 48 };

/* An executable is taken for a batch if its bound is at most this many times what the batch needs. */
enum { WASTE = 4 };

struct eg_plan_entry {
    eg_plan_entry *next;
    char *key; /* passes, variant and outputs, joined */
    bool type_ids_fed;
    eg_sizes bound;
    uint32_t users;
    bool too_large;            /* it cannot be made: kept so that it is not tried again and again */
    eg_executable *executable; /* NULL while it is being made, and if it is too large */
};

void
eg_plan_cache_init(eg_plan_cache *cache)
{
    *cache = (eg_plan_cache){0};
    pthread_mutex_init(&cache->lock, NULL);
    pthread_cond_init(&cache->changed, NULL);
}

static void
free_entry(eg_model *model, eg_plan_entry *entry)
{
    eg_executable_free(model, entry->executable);
    eg_free(entry->key);
    eg_free(entry);
}

void
eg_plan_cache_finish(eg_plan_cache *cache, eg_model *model)
{
    while (cache->entries) {
        eg_plan_entry *entry = cache->entries;
        cache->entries = entry->next;
        free_entry(model, entry);
    }
    pthread_mutex_destroy(&cache->lock);
    pthread_cond_destroy(&cache->changed);
}

/* --- sizes --------------------------------------------------------------------------------------- */

/* The first of 16, 24, 32, 40, 56, 72, … (steps of about 1.25, in multiples of 8) that is not below n. */
static uint64_t
round_up(uint64_t n)
{
    uint64_t step = 16;
    while (step < n && step < UINT64_MAX / 2)
        step = (step + step / 4 + 7) / 8 * 8;
    return step < n ? n : step;
}

static uint32_t
round_up_32(uint32_t n)
{
    uint64_t rounded = round_up(n);
    return rounded > UINT32_MAX ? n : (uint32_t)rounded;
}

eg_sizes
eg_sizes_round_up(const eg_sizes *sizes)
{
    eg_sizes out = {
        .B = sizes->B == 1 ? 1 : round_up_32(sizes->B), .max_n = round_up_32(sizes->max_n), .T = round_up(sizes->T)};
    /* Of one text P follows from T. */
    out.P = out.B == 1 ? out.T * out.T : round_up(sizes->P);
    return out;
}

static bool
covers(const eg_sizes *bound, const eg_sizes *need)
{
    return bound->B >= need->B && bound->max_n >= need->max_n && bound->T >= need->T && bound->P >= need->P;
}

static bool
wastes(const eg_sizes *bound, const eg_sizes *need)
{
    eg_sizes rounded = eg_sizes_round_up(need);
    return bound->T / WASTE > rounded.T || bound->P / WASTE > rounded.P || bound->B / WASTE > rounded.B;
}

/* --- lookup -------------------------------------------------------------------------------------- */

static char *
join_key(const eg_model *model, const eg_plan_request *request)
{
    eg_strbuf buf = {0};
    eg_strbuf_printf(&buf, "%s;%s;", eg_plan_fuse(model, request), request->variant ? request->variant->name : "");
    for (uint32_t i = 0; i < request->output_count; i++)
        eg_strbuf_printf(&buf, "%s,", request->outputs[i]);
    if (buf.failed)
        eg_strbuf_finish(&buf);
    return buf.data;
}

/* With the lock held: the tightest entry for the batch, made or being made. */
static eg_plan_entry *
find(const eg_plan_cache *cache, const char *key, const eg_plan_request *request)
{
    eg_plan_entry *best = NULL;
    for (eg_plan_entry *entry = cache->entries; entry; entry = entry->next) {
        if (entry->too_large || entry->type_ids_fed != request->type_ids_fed || strcmp(entry->key, key) != 0 ||
            !covers(&entry->bound, &request->bound) || wastes(&entry->bound, &request->bound))
            continue;
        if (!best || covers(&best->bound, &entry->bound))
            best = entry;
    }
    return best;
}

/*
 * With the lock held: whether a batch was too large that this one is no smaller than in any size. One text is always tried,
 * so that the error has its own numbers.
 */
static bool
is_known_too_large(const eg_plan_cache *cache, const char *key, const eg_plan_request *request)
{
    eg_sizes rounded = eg_sizes_round_up(&request->bound);
    for (const eg_plan_entry *entry = cache->entries; entry && request->bound.B > 1; entry = entry->next)
        if (entry->too_large && entry->type_ids_fed == request->type_ids_fed && strcmp(entry->key, key) == 0 &&
            covers(&rounded, &entry->bound))
            return true;
    return false;
}

static void
unlink_entry(eg_plan_cache *cache, const eg_plan_entry *entry)
{
    for (eg_plan_entry **at = &cache->entries; *at; at = &(*at)->next)
        if (*at == entry) {
            *at = entry->next;
            cache->count--;
            return;
        }
}

static void
link_first(eg_plan_cache *cache, eg_plan_entry *entry)
{
    entry->next = cache->entries;
    cache->entries = entry;
    cache->count++;
}

/* With the lock held: takes the least recently used entries that nobody uses out of the list. */
static eg_plan_entry *
take_surplus(eg_plan_cache *cache)
{
    eg_plan_entry *surplus = NULL;
    while (cache->count > KEPT) {
        eg_plan_entry *oldest = NULL;
        for (eg_plan_entry *entry = cache->entries; entry; entry = entry->next)
            if (entry->users == 0)
                oldest = entry;
        if (!oldest)
            break;
        unlink_entry(cache, oldest);
        oldest->next = surplus;
        surplus = oldest;
    }
    return surplus;
}

static void
free_entries(eg_model *model, eg_plan_entry *entries)
{
    while (entries) {
        eg_plan_entry *next = entries->next;
        free_entry(model, entries);
        entries = next;
    }
}

/* With the lock held, which is given up while the executable is made. The entry's key is taken. */
static eg_status
make_entry(eg_model *model, char *key, const eg_plan_request *request, eg_executable **out, bool *out_too_large,
           eg_error *err)
{
    eg_plan_cache *cache = &model->plans;
    eg_plan_entry *entry = eg_calloc(1, sizeof *entry);
    if (!entry) {
        eg_free(key);
        return eg_fail_nomem(err, "a plan");
    }
    eg_plan_request rounded = *request;
    rounded.bound = eg_sizes_round_up(&request->bound);
    *entry = (eg_plan_entry){.key = key, .type_ids_fed = request->type_ids_fed, .bound = rounded.bound, .users = 1};
    link_first(cache, entry);
    pthread_mutex_unlock(&cache->lock);
    eg_executable *made;
    eg_status status = eg_executable_make(model, &rounded, &made, out_too_large, err);
    pthread_mutex_lock(&cache->lock);
    eg_plan_entry *unused;
    if (status == EG_OK) {
        entry->executable = made;
        *out = made;
        unused = take_surplus(cache);
    } else if (*out_too_large) {
        entry->too_large = true;
        entry->users = 0;
        unused = take_surplus(cache);
    } else {
        unlink_entry(cache, entry);
        entry->next = NULL;
        unused = entry;
    }
    pthread_cond_broadcast(&cache->changed);
    pthread_mutex_unlock(&cache->lock);
    free_entries(model, unused);
    pthread_mutex_lock(&cache->lock);
    return status;
}

eg_status
eg_plan_cache_get(eg_model *model, const eg_plan_request *request, eg_executable **out, bool *out_too_large,
                  eg_error *err)
{
    *out = NULL;
    *out_too_large = false;
    eg_plan_cache *cache = &model->plans;
    char *key = join_key(model, request);
    if (!key)
        return eg_fail_nomem(err, "a plan");
    eg_status status = EG_OK;
    pthread_mutex_lock(&cache->lock);
    eg_plan_entry *entry;
    while ((entry = find(cache, key, request)) && !entry->executable)
        pthread_cond_wait(&cache->changed, &cache->lock);
    if (entry) {
        entry->users++;
        unlink_entry(cache, entry);
        link_first(cache, entry);
        *out = entry->executable;
        eg_free(key);
    } else if (is_known_too_large(cache, key, request)) {
        *out_too_large = true;
        status =
            eg_fail(err, EG_E_NOMEM, "%" PRIu32 " texts at once need more memory than is allowed", request->bound.B);
        eg_free(key);
    } else {
        status = make_entry(model, key, request, out, out_too_large, err);
    }
    pthread_mutex_unlock(&cache->lock);
    return status;
}

void
eg_plan_cache_put(eg_model *model, eg_executable *executable)
{
    eg_plan_cache *cache = &model->plans;
    pthread_mutex_lock(&cache->lock);
    for (eg_plan_entry *entry = cache->entries; entry; entry = entry->next)
        if (entry->executable == executable)
            entry->users--;
    eg_plan_entry *unused = take_surplus(cache);
    pthread_mutex_unlock(&cache->lock);
    free_entries(model, unused);
}
