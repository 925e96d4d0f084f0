/* SPDX-License-Identifier: Apache-2.0 */
/* Several contexts of one model at once, on threads of their own: each gets what it would get alone. */
#include <math.h>
#include <pthread.h>

#include "engine_programs.h"

enum { CALLERS = 4, ROUNDS = 12, TEXTS = 4, SIZE = TINY_HIDDEN };

static const char *const words[TEXTS] = {"the cat sat on the mat.", "dog", "a b c d e f", "cats running!"};

typedef struct caller {
    eg_model *model;
    const float *want;
    eg_workers workers;
    int number, refused, failures;
} caller;

static eg_status
embed(eg_context *context, int first, int count, float *out, eg_error *err)
{
    eg_string texts[TEXTS];
    for (int i = 0; i < count; i++)
        texts[i] = (eg_string){words[(first + i) % TEXTS], strlen(words[(first + i) % TEXTS])};
    eg_input input = {.size = sizeof input, .count = (uint32_t)count, .texts = texts};
    return eg_embed(context, &input, out, err);
}

static int
differs(const float *got, const float *want)
{
    for (int i = 0; i < SIZE; i++)
        if (!(fabsf(got[i] - want[i]) <= 1e-6f))
            return 1;
    return 0;
}

/* Every caller begins elsewhere and takes batches of other sizes, so that plans are made and found at once. */
static void *
call_often(void *arg)
{
    caller *c = arg;
    eg_error err = {.size = sizeof err};
    eg_context *context = NULL;
    if (eg_context_open(c->model, &context, &err) != EG_OK ||
        eg_context_set_workers(context, c->workers, &err) != EG_OK) {
        eg_context_close(context);
        c->failures++;
        return NULL;
    }
    for (int round = 0; round < ROUNDS; round++) {
        int first = (c->number + round) % TEXTS, count = 1 + (c->number + round) % TEXTS;
        float out[TEXTS * SIZE];
        eg_status status = embed(context, first, count, out, &err);
        if (status == EG_E_BUSY && c->workers == EG_WORKERS_OR_BUSY) {
            c->refused++;
            continue;
        }
        if (status != EG_OK) {
            fprintf(stderr, "caller %d: %s\n", c->number, err.message);
            c->failures++;
            break;
        }
        for (int i = 0; i < count; i++)
            c->failures += differs(out + i * SIZE, c->want + (first + i) % TEXTS * SIZE);
    }
    eg_context_close(context);
    return NULL;
}

static int
run_callers(eg_model *model, const float *want, eg_workers workers)
{
    pthread_t threads[CALLERS];
    caller callers[CALLERS];
    int failures = 0, refused = 0;
    for (int i = 0; i < CALLERS; i++) {
        callers[i] = (caller){.model = model, .want = want, .workers = workers, .number = i};
        if (pthread_create(&threads[i], NULL, call_often, &callers[i]) != 0)
            return 1;
    }
    for (int i = 0; i < CALLERS; i++) {
        pthread_join(threads[i], NULL);
        failures += callers[i].failures;
        refused += callers[i].refused;
    }
    return failures + (refused == CALLERS * ROUNDS); /* somebody holds the workers, and so runs */
}

int
main(void)
{
    tiny_folder folder;
    eg_engine *engine = NULL;
    eg_model *alone = NULL, *shared = NULL;
    eg_context *context = NULL;
    /* Its tables are computed when the first plan needs them, which is on several threads at once. */
    const eg_model_options options = {.size = sizeof options, .family = COMPUTED_TABLES};
    eg_error err = {.size = sizeof err};
    float want[TEXTS * SIZE];
    int failures = 1;
    if (tiny_folder_make(&folder) && tiny_engine_open(2, &engine, &err) == EG_OK &&
        eg_model_open(engine, folder.path, &options, &alone, &err) == EG_OK &&
        eg_model_open(engine, folder.path, &options, &shared, &err) == EG_OK &&
        eg_context_open(alone, &context, &err) == EG_OK && embed(context, 0, TEXTS, want, &err) == EG_OK)
        failures = run_callers(shared, want, EG_WORKERS_OR_ALONE) + run_callers(shared, want, EG_WORKERS_WAIT) +
                   run_callers(shared, want, EG_WORKERS_OR_BUSY);
    else
        fprintf(stderr, "%s: %s\n", err.file, err.message);
    eg_context_close(context);
    eg_model_close(alone);
    eg_model_close(shared);
    eg_engine_close(engine);
    tiny_folder_remove(&folder);
    if (failures)
        fprintf(stderr, "%d failures\n", failures);
    return failures != 0;
}
