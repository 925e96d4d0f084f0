/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/precompute.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "engine/node_run.h"
#include "graph/identity.h"

struct eg_computed {
    eg_computed_cache *cache;
    char *key; /* how it is made, of what: see write_key() */
    size_t key_length;
    uint32_t users;
    bool ready;
    void *data;
    uint64_t bytes;
};

void
eg_computed_cache_init(eg_computed_cache *cache)
{
    *cache = (eg_computed_cache){0};
    pthread_mutex_init(&cache->lock, NULL);
    pthread_cond_init(&cache->changed, NULL);
}

void
eg_computed_cache_finish(eg_computed_cache *cache)
{
    eg_free(cache->entries.items);
    pthread_mutex_destroy(&cache->lock);
    pthread_cond_destroy(&cache->changed);
}

/* --- what a plan holds --------------------------------------------------------------------------- */

/* With the lock held: nobody finds the entry any more. */
static void
forget(const eg_computed *entry)
{
    eg_computed_cache *cache = entry->cache;
    for (size_t i = 0; i < cache->entries.count; i++)
        if (cache->entries.items[i] == entry) {
            cache->entries.items[i] = cache->entries.items[--cache->entries.count];
            return;
        }
}

static void
free_entry(eg_computed *entry)
{
    eg_free(entry->data);
    eg_free(entry->key);
    eg_free(entry);
}

static void
put(eg_computed *entry)
{
    pthread_mutex_t *lock = &entry->cache->lock;
    pthread_mutex_lock(lock);
    bool last = --entry->users == 0;
    if (last)
        forget(entry);
    pthread_mutex_unlock(lock);
    if (last)
        free_entry(entry);
}

void
eg_computed_list_finish(eg_computed_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        put(list->items[i]);
    eg_free(list->items);
    *list = (eg_computed_list){0};
}

/* A list may hold an entry twice: where two results are the same. */
static bool
is_first(const eg_computed_list *list, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (list->items[i] == list->items[at])
            return false;
    return true;
}

uint64_t
eg_computed_list_bytes(const eg_computed_list *list)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < list->count; i++)
        bytes += is_first(list, i) ? list->items[i]->bytes : 0;
    return bytes;
}

bool
eg_computed_list_holds(const eg_computed_list *list, const void *data)
{
    for (size_t i = 0; i < list->count; i++) {
        const char *begin = list->items[i]->data;
        if ((const char *)data >= begin && (const char *)data < begin + list->items[i]->bytes)
            return true;
    }
    return false;
}

/* --- one request --------------------------------------------------------------------------------- */

typedef struct wanted {
    eg_strbuf key;
    eg_computed *held; /* found or made: this request counts as a user */
    eg_computed *mine; /* being made by this request */
} wanted;

typedef struct job {
    eg_model *model;
    eg_computed_cache *cache;
    eg_graph *work;
    wanted *all; /* one for each output of the work */
    size_t count;
} job;

/* Passes that are always on, and the same ones whatever the plan's are: so are the keys, and the numbers. */
static eg_status
clean(eg_graph *work, eg_error *err)
{
    const eg_pass_options options = {.fuse = "none"};
    eg_pass_result passes;
    EG_TRY(eg_run_passes(work, &options, &passes, err));
    eg_pass_result_finish(&passes);
    return EG_OK;
}

/* numbers[value]: its place in the key, from 1; 0: the output does not depend on it. */
static void
mark_needed(const eg_graph *work, eg_value_id output, uint32_t *numbers)
{
    numbers[output] = 1;
    for (size_t i = work->order.count; i-- > 0;) {
        const eg_node *node = eg_graph_node(work, work->order.items[i]);
        bool needed = false;
        for (uint32_t k = 0; k < node->output_count; k++)
            needed = needed || numbers[node->outputs[k]];
        for (uint32_t k = 0; k < node->input_count && needed; k++)
            numbers[node->inputs[k]] = 1;
    }
}

static void
write_number(eg_strbuf *key, uint32_t number)
{
    eg_strbuf_append(key, (const char *)&number, sizeof number);
}

/*
 * Two outputs with equal keys are made of the same bytes of the checkpoint by the same ops with the same attributes: so
 * nothing that makes a plan another one is mistaken for it, and nothing that does not matter here (sizes, other outputs,
 * passes) keeps two plans from sharing.
 */
static bool
write_key(const eg_graph *work, eg_value_id output, uint32_t *numbers, eg_strbuf *key)
{
    memset(numbers, 0, work->values.count * sizeof *numbers);
    mark_needed(work, output, numbers);
    uint32_t next = 0;
    for (eg_value_id id = 1; id < work->values.count; id++) {
        const eg_value *value = eg_graph_value(work, id);
        if (!(value->flags & EG_VALUE_CONST) || !numbers[id])
            continue;
        numbers[id] = ++next;
        if (!eg_identity_add_constant(value, key))
            return false;
    }
    for (size_t i = 0; i < work->order.count; i++) {
        const eg_node *node = eg_graph_node(work, work->order.items[i]);
        if (!numbers[node->outputs[0]])
            continue;
        eg_identity_add_op(node, key);
        write_number(key, node->input_count);
        for (uint32_t k = 0; k < node->input_count; k++)
            write_number(key, numbers[node->inputs[k]]);
        for (uint32_t k = 0; k < node->output_count; k++)
            numbers[node->outputs[k]] = ++next;
    }
    write_number(key, numbers[output]);
    return !key->failed;
}

static eg_status
write_keys(job *j, eg_error *err)
{
    uint32_t *numbers = eg_calloc(j->work->values.count, sizeof *numbers);
    bool ok = numbers != NULL;
    for (size_t i = 0; ok && i < j->count; i++)
        ok = write_key(j->work, j->work->outputs.items[i], numbers, &j->all[i].key);
    eg_free(numbers);
    return ok ? EG_OK : eg_fail_nomem(err, "computed constants");
}

/* --- computing ----------------------------------------------------------------------------------- */

static eg_status
check_finite(const eg_value *value, const void *data, uint64_t count, eg_error *err)
{
    const float *x = data;
    for (uint64_t i = 0; value->type.dtype == EG_F32 && i < count; i++)
        if (!isfinite(x[i]))
            return eg_fail(err, EG_E_NONFINITE, "%s, which is computed from the weights, is not finite", value->name);
    return EG_OK;
}

static eg_status
take_result(eg_context *context, const eg_executable *executable, const eg_batch *batch, size_t output,
            eg_computed *entry, eg_error *err)
{
    const eg_graph *graph = &executable->plan.built.graph;
    eg_value_id id = graph->outputs.items[output];
    uint64_t count;
    EG_TRY(eg_value_copy(context, executable, batch, id, &entry->data, &count, err));
    entry->bytes = count * eg_dtype_size(eg_graph_value(graph, id)->type.dtype);
    return check_finite(eg_graph_value(graph, id), entry->data, count, err);
}

/* Tables know nothing of texts: the batch is one token, which nobody reads. */
static eg_status
run_work(job *j, eg_context *context, const eg_executable *executable, eg_error *err)
{
    const int32_t id = 0;
    const eg_row row = {.rows = 1, .valid = 1};
    eg_batch batch = {.ids = &id, .type_ids = &id, .set = {.T = 1, .P = 1, .max_n = 1, .table = &row}};
    batch.dims = (eg_dims){.size = sizeof batch.dims, .B = 1, .set_count = 1, .sets = &batch.set};
    EG_TRY(eg_run_batch(context, executable, &batch, err));
    size_t output = 0;
    for (size_t i = 0; i < j->count; i++)
        if (j->all[i].mine)
            EG_TRY(take_result(context, executable, &batch, output++, j->all[i].mine, err));
    return EG_OK;
}

static eg_status
make_work(const job *j, eg_graph *out, eg_error *err)
{
    EG_TRY(eg_graph_clone(j->work, out, err));
    eg_graph_clear_outputs(out);
    for (size_t i = 0; i < j->count; i++)
        if (j->all[i].mine)
            EG_TRY(eg_graph_add_output(out, j->work->outputs.items[i], err));
    return clean(out, err);
}

static eg_status
compute_work(job *j, eg_graph *work, eg_error *err)
{
    const eg_plan_request request = {.graph = work, .fuse = "none", .bound = {.B = 1, .max_n = 1, .T = 1, .P = 1}};
    eg_executable *executable;
    EG_TRY(eg_executable_make_any(j->model, &request, &executable, err));
    eg_context *context;
    eg_status status = eg_context_make(j->model, &context, err);
    if (status == EG_OK)
        status = run_work(j, context, executable, err);
    eg_context_close(context);
    eg_executable_free(j->model, executable);
    return status;
}

static eg_status
compute_mine(job *j, eg_error *err)
{
    eg_graph work = {0};
    eg_status status = make_work(j, &work, err);
    if (status == EG_OK)
        status = compute_work(j, &work, err);
    eg_graph_finish(&work);
    return status;
}

/* --- finding ------------------------------------------------------------------------------------- */

static eg_computed *
find(const eg_computed_cache *cache, const eg_strbuf *key)
{
    for (size_t i = 0; i < cache->entries.count; i++) {
        eg_computed *entry = cache->entries.items[i];
        if (entry->key_length == key->length && memcmp(entry->key, key->data, key->length) == 0)
            return entry;
    }
    return NULL;
}

/* With the lock held: an entry that is not ready. The key moves into it. */
static bool
add_mine(job *j, wanted *w)
{
    eg_computed *entry = eg_calloc(1, sizeof *entry);
    if (!entry || !EG_PUSH(&j->cache->entries, entry)) {
        eg_free(entry);
        return false;
    }
    *entry = (eg_computed){.cache = j->cache, .key = w->key.data, .key_length = w->key.length};
    w->key = (eg_strbuf){0};
    w->mine = entry;
    return true;
}

/* With the lock held: whether the request still lacks something that it did not begin to make itself. */
static bool
take_ready(job *j, bool *out_mine, bool *out_no_memory)
{
    bool lacks = false;
    *out_mine = *out_no_memory = false;
    for (size_t i = 0; i < j->count; i++) {
        wanted *w = &j->all[i];
        if (w->held)
            continue;
        eg_computed *entry = find(j->cache, &w->key);
        if (entry && entry->ready) {
            entry->users++;
            w->held = entry;
        } else if (entry) {
            lacks = true;
        } else if (add_mine(j, w)) {
            *out_mine = true;
        } else {
            *out_no_memory = true;
        }
    }
    return lacks;
}

/* With the lock held: what was begun is there for all, or was never there. */
static void
publish(job *j, bool good)
{
    for (size_t i = 0; i < j->count; i++) {
        wanted *w = &j->all[i];
        if (!w->mine)
            continue;
        if (good) {
            w->mine->ready = true;
            w->mine->users = 1;
            w->held = w->mine;
        } else {
            forget(w->mine);
            free_entry(w->mine);
        }
        w->mine = NULL;
    }
    pthread_cond_broadcast(&j->cache->changed);
}

/* What is this request's to make is made before it waits for others, so that no two wait for each other. */
static eg_status
hold_all(job *j, eg_error *err)
{
    eg_status status = EG_OK;
    bool mine, no_memory, lacks = true;
    pthread_mutex_lock(&j->cache->lock);
    while (status == EG_OK && lacks) {
        lacks = take_ready(j, &mine, &no_memory);
        if (no_memory) {
            status = eg_fail_nomem(err, "computed constants");
        } else if (mine) {
            pthread_mutex_unlock(&j->cache->lock);
            status = compute_mine(j, err);
            pthread_mutex_lock(&j->cache->lock);
        }
        if (mine)
            publish(j, status == EG_OK); /* only then: who waits must not wake others who wait */
        else if (status == EG_OK && lacks)
            pthread_cond_wait(&j->cache->changed, &j->cache->lock);
    }
    pthread_mutex_unlock(&j->cache->lock);
    return status;
}

/* The plan's list holds what the request held. */
static eg_status
hand_over(job *j, eg_computed_list *list, const void **data, eg_error *err)
{
    if (!eg_grow((void **)&list->items, &list->capacity, list->count + j->count, sizeof *list->items))
        return eg_fail_nomem(err, "a plan's constants");
    for (size_t i = 0; i < j->count; i++) {
        data[i] = j->all[i].held->data;
        list->items[list->count++] = j->all[i].held;
        j->all[i].held = NULL;
    }
    return EG_OK;
}

eg_status
eg_precompute(void *user, eg_graph *work, const void **data, eg_error *err)
{
    const eg_precomputer *precomputer = user;
    eg_model *model = precomputer->model;
    EG_TRY(clean(work, err));
    job j = {.model = model, .cache = &model->computed, .work = work, .count = work->outputs.count};
    j.all = eg_calloc(j.count, sizeof *j.all);
    eg_status status = j.all ? write_keys(&j, err) : eg_fail_nomem(err, "computed constants");
    if (status == EG_OK)
        status = hold_all(&j, err);
    if (status == EG_OK)
        status = hand_over(&j, precomputer->list, data, err);
    for (size_t i = 0; j.all && i < j.count; i++) {
        if (j.all[i].held)
            put(j.all[i].held);
        eg_strbuf_finish(&j.all[i].key);
    }
    eg_free(j.all);
    return status;
}
