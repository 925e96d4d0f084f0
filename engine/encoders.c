/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/encoders.h"

#include <stdatomic.h>

#include "engine/engine.h"

enum { CHUNK = 16 }; /* texts that a worker takes at once */

typedef struct texts_job {
    eg_encode_fn encode;
    void *arg;
    uint32_t texts;
    eg_encoder *const *encoders;
    _Atomic uint32_t first_failed; /* no text behind it matters any more */
} texts_job;

static void
note_failure(texts_job *job, eg_encoder *encoder, uint32_t text, eg_status status)
{
    encoder->failed = true;
    encoder->failed_text = text;
    encoder->status = status;
    uint32_t first = atomic_load(&job->first_failed);
    while (text < first && !atomic_compare_exchange_weak(&job->first_failed, &first, text))
        ;
}

static void
encode_chunk(void *arg, uint32_t chunk, uint32_t worker)
{
    texts_job *job = arg;
    eg_encoder *encoder = job->encoders[worker];
    uint32_t begin = chunk * CHUNK, left = job->texts - begin;
    for (uint32_t i = 0; i < CHUNK && i < left; i++) {
        if (begin + i > atomic_load(&job->first_failed))
            return;
        eg_error error;
        eg_error_init(&error);
        eg_status status = job->encode(job->arg, begin + i, encoder, &error);
        if (status == EG_OK)
            continue;
        if (!encoder->failed || begin + i < encoder->failed_text) {
            encoder->error = error;
            note_failure(job, encoder, begin + i, status);
        }
        return;
    }
}

static eg_status
first_failure(const eg_encoders *encoders, eg_error *err)
{
    const eg_encoder *first = NULL;
    for (uint32_t i = 0; i < encoders->count; i++) {
        const eg_encoder *encoder = encoders->items[i];
        if (encoder->failed && (!first || encoder->failed_text < first->failed_text))
            first = encoder;
    }
    if (!first)
        return EG_OK;
    if (err)
        *err = first->error;
    return first->status;
}

/* --- the pool ------------------------------------------------------------------------------------ */

eg_encoder_pool *
eg_encoder_pool_new(uint32_t most)
{
    eg_encoder_pool *pool = eg_calloc(1, sizeof *pool);
    if (pool)
        pool->bank = eg_bank_new();
    if (!pool || !pool->bank) {
        eg_free(pool);
        return NULL;
    }
    pthread_mutex_init(&pool->lock, NULL);
    pool->most = most;
    return pool;
}

static void
free_encoder(eg_encoder *encoder)
{
    eg_encoding_finish(&encoder->encoding);
    eg_strbuf_finish(&encoder->text);
    eg_free(encoder);
}

void
eg_encoder_pool_close(eg_encoder_pool *pool)
{
    if (!pool)
        return;
    while (pool->free) {
        eg_encoder *encoder = pool->free;
        pool->free = encoder->next;
        free_encoder(encoder);
    }
    eg_bank_close(pool->bank);
    pthread_mutex_destroy(&pool->lock);
    eg_free(pool);
}

static size_t
bytes_of(const eg_encoder *encoder)
{
    return sizeof *encoder + eg_encoding_bytes(&encoder->encoding) + encoder->text.capacity;
}

eg_encoder *
eg_encoder_take(eg_encoder_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    eg_encoder *encoder = pool->free;
    if (encoder) {
        pool->free = encoder->next;
        pool->count--;
        pool->bytes -= bytes_of(encoder);
    }
    pthread_mutex_unlock(&pool->lock);
    return encoder ? encoder : eg_calloc(1, sizeof *encoder);
}

void
eg_encoder_give(eg_encoder_pool *pool, eg_encoder *encoder)
{
    eg_arena_finish(&encoder->arena);
    eg_bank_give(pool->bank, encoder->blocks);
    encoder->blocks = NULL;
    encoder->failed = false;
    size_t bytes = bytes_of(encoder);
    pthread_mutex_lock(&pool->lock);
    bool kept = pool->count < pool->most && bytes <= EG_ENCODERS_BYTES - pool->bytes;
    if (kept) {
        encoder->next = pool->free;
        pool->free = encoder;
        pool->count++;
        pool->bytes += bytes;
    }
    pthread_mutex_unlock(&pool->lock);
    if (!kept)
        free_encoder(encoder);
}

/* --- a call -------------------------------------------------------------------------------------- */

static bool
take_encoders(eg_encoder_pool *pool, uint32_t count, eg_encoders *out)
{
    *out = (eg_encoders){.pool = pool, .items = eg_calloc(count, sizeof(eg_encoder *))};
    for (; out->items && out->count < count; out->count++)
        if (!(out->items[out->count] = eg_encoder_take(pool)))
            return false;
    return out->items;
}

eg_status
eg_encode_each(const eg_model *model, uint32_t n, eg_encode_fn encode, void *arg, eg_encoders *out, eg_error *err)
{
    uint32_t chunks = n / CHUNK + (n % CHUNK != 0);
    eg_lease lease;
    eg_lease_begin(model->engine->threads, false, &lease);
    uint32_t workers = chunks > 1 ? eg_lease_threads() : 1;
    bool ready = take_encoders(model->encoders, workers, out);
    if (ready) {
        texts_job job = {.encode = encode, .arg = arg, .texts = n, .encoders = out->items, .first_failed = UINT32_MAX};
        eg_parallel_for(chunks, encode_chunk, &job);
    }
    eg_lease_end(&lease);
    return ready ? first_failure(out, err) : eg_fail_nomem(err, "encoders");
}

/* The first worker's, which did the most, is the next to be taken. */
void
eg_encoders_finish(eg_encoders *encoders)
{
    while (encoders->count > 0)
        eg_encoder_give(encoders->pool, encoders->items[--encoders->count]);
    eg_free(encoders->items);
    *encoders = (eg_encoders){0};
}
