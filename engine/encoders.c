/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/encoders.h"

#include <stdatomic.h>

#include "engine/engine.h"

enum { CHUNK = 16 }; /* texts that a worker takes at once */

typedef struct texts_job {
    eg_encode_fn encode;
    void *arg;
    uint32_t texts;
    eg_encoder *encoders;
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
    eg_encoder *encoder = &job->encoders[worker];
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
        const eg_encoder *encoder = &encoders->items[i];
        if (encoder->failed && (!first || encoder->failed_text < first->failed_text))
            first = encoder;
    }
    if (!first)
        return EG_OK;
    if (err)
        *err = first->error;
    return first->status;
}

eg_status
eg_encode_each(const eg_model *model, uint32_t n, eg_encode_fn encode, void *arg, eg_encoders *out, eg_error *err)
{
    uint32_t chunks = n / CHUNK + (n % CHUNK != 0);
    eg_lease lease;
    eg_lease_begin(model->engine->threads, false, &lease);
    uint32_t workers = chunks > 1 ? eg_lease_threads() : 1;
    *out = (eg_encoders){.items = eg_calloc(workers, sizeof *out->items)};
    if (out->items) {
        out->count = workers;
        texts_job job = {.encode = encode, .arg = arg, .texts = n, .encoders = out->items, .first_failed = UINT32_MAX};
        eg_parallel_for(chunks, encode_chunk, &job);
    }
    eg_lease_end(&lease);
    return out->items ? first_failure(out, err) : eg_fail_nomem(err, "encoders");
}

void
eg_encoders_finish(eg_encoders *encoders)
{
    for (uint32_t i = 0; i < encoders->count; i++) {
        eg_encoding_finish(&encoders->items[i].encoding);
        eg_strbuf_finish(&encoders->items[i].text);
        eg_arena_finish(&encoders->items[i].arena);
    }
    eg_free(encoders->items);
    *encoders = (eg_encoders){0};
}
