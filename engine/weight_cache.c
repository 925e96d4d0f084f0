/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/weight_cache.h"

#include <string.h>

struct eg_shared_weight {
    char *key; /* what it is made from and for: see make_key() */
    size_t key_length;
    uint32_t users;
    bool ready;
    eg_target target;
    eg_weight *weight;
    uint64_t bytes;
};

void
eg_weight_cache_init(eg_weight_cache *cache)
{
    *cache = (eg_weight_cache){0};
    pthread_mutex_init(&cache->lock, NULL);
    pthread_cond_init(&cache->changed, NULL);
}

void
eg_weight_cache_finish(eg_weight_cache *cache)
{
    eg_free(cache->entries.items);
    pthread_mutex_destroy(&cache->lock);
    pthread_cond_destroy(&cache->changed);
}

/* --- what a weight is for ------------------------------------------------------------------------ */

typedef struct use_list {
    EG_VEC(eg_weight_use) uses;
} use_list;

static bool
has_use(const use_list *list, const char *op, uint32_t input)
{
    for (size_t i = 0; i < list->uses.count; i++)
        if (list->uses.items[i].input == input && strcmp(list->uses.items[i].op, op) == 0)
            return true;
    return false;
}

/* The distinct (op, input) pairs through which nodes of one target read a value. */
static eg_status
collect_uses(const eg_graph *graph, const eg_partition *partition, uint32_t target, eg_value_id value, use_list *out,
             eg_error *err)
{
    for (size_t i = 0; i < graph->order.count; i++) {
        eg_node_id id = graph->order.items[i];
        const eg_node *node = eg_graph_node(graph, id);
        if (partition->target_of[id] != target)
            continue;
        for (uint32_t input = 0; input < node->input_count; input++) {
            if (node->inputs[input] != value || has_use(out, node->op->name, input))
                continue;
            eg_weight_use use = {.size = sizeof use, .input = input, .op = node->op->name};
            if (!EG_PUSH(&out->uses, use))
                return eg_fail_nomem(err, "a weight's uses");
        }
    }
    return EG_OK;
}

/*
 * Two constants with equal keys are the same bytes of the checkpoint, seen in the same way, for the same device and
 * ops. Only byte strings that are compared as a whole: they hold addresses.
 */
static void
make_key(const eg_target *target, const eg_weight_desc *desc, eg_strbuf *key)
{
    eg_strbuf_append(key, (const char *)&target->device, sizeof target->device);
    eg_strbuf_append(key, (const char *)&desc->dtype, sizeof desc->dtype);
    eg_strbuf_append(key, (const char *)&desc->rank, sizeof desc->rank);
    eg_strbuf_append(key, (const char *)desc->dims, desc->rank * sizeof *desc->dims);
    for (uint32_t i = 0; i < desc->view_count; i++) {
        const eg_host_view *view = &desc->views[i];
        eg_strbuf_append(key, (const char *)&view->dtype, sizeof view->dtype);
        eg_strbuf_append(key, (const char *)&view->data, sizeof view->data);
        eg_strbuf_append(key, (const char *)view->dims, desc->rank * sizeof *view->dims);
        eg_strbuf_append(key, (const char *)view->strides, desc->rank * sizeof *view->strides);
        eg_strbuf_append(key, (const char *)view->at, desc->rank * sizeof *view->at);
    }
    for (uint32_t i = 0; i < desc->use_count; i++)
        eg_strbuf_printf(key, "%u:%s;", desc->uses[i].input, desc->uses[i].op);
}

/* --- the cache ----------------------------------------------------------------------------------- */

/* With the lock held. */
static eg_shared_weight *
find(const eg_weight_cache *cache, const eg_strbuf *key)
{
    for (size_t i = 0; i < cache->entries.count; i++) {
        eg_shared_weight *entry = cache->entries.items[i];
        if (entry->key_length == key->length && memcmp(entry->key, key->data, key->length) == 0)
            return entry;
    }
    return NULL;
}

/* With the lock held: the entry leaves the list; whoever waits for it looks again. */
static void
forget(eg_weight_cache *cache, const eg_shared_weight *entry)
{
    for (size_t i = 0; i < cache->entries.count; i++)
        if (cache->entries.items[i] == entry) {
            cache->entries.items[i] = cache->entries.items[--cache->entries.count];
            return;
        }
}

static void
free_entry(eg_shared_weight *entry)
{
    if (entry->weight)
        entry->target.ops->weight_free(entry->target.device, entry->weight);
    eg_free(entry->key);
    eg_free(entry);
}

/* With the lock held: a new entry that is not ready; takes the key's memory. */
static eg_shared_weight *
add(eg_weight_cache *cache, const eg_target *target, eg_strbuf *key)
{
    eg_shared_weight *entry = eg_calloc(1, sizeof *entry);
    if (!entry)
        return NULL;
    if (!EG_PUSH(&cache->entries, entry)) {
        eg_free(entry);
        return NULL;
    }
    entry->key = key->data;
    entry->key_length = key->length;
    entry->target = *target;
    *key = (eg_strbuf){0};
    return entry;
}

/*
 * With the lock held. Finds the weight or makes it; while it is made the lock is given up. `key` is consumed only by a
 * new entry.
 */
static eg_status
find_or_make(eg_weight_cache *cache, const eg_target *target, const eg_weight_desc *desc, eg_strbuf *key,
             eg_shared_weight **out, eg_error *err)
{
    eg_shared_weight *entry;
    while ((entry = find(cache, key)) && !entry->ready)
        pthread_cond_wait(&cache->changed, &cache->lock);
    if (entry) {
        entry->users++;
        *out = entry;
        return EG_OK;
    }
    entry = add(cache, target, key);
    if (!entry)
        return eg_fail_nomem(err, "a weight");
    pthread_mutex_unlock(&cache->lock);
    eg_status status = target->ops->weight_new(target->device, desc, &entry->weight, &entry->bytes, err);
    pthread_mutex_lock(&cache->lock);
    if (status == EG_OK && !entry->weight)
        status = eg_fail(err, EG_E_INTERNAL, "%s made no weight of %s and said that it did", target->name, desc->name);
    if (status == EG_OK) {
        entry->ready = true;
        entry->users = 1;
        *out = entry;
    } else {
        forget(cache, entry);
        entry->weight = NULL;
        free_entry(entry);
    }
    pthread_cond_broadcast(&cache->changed);
    return status;
}

static bool
has_data(const eg_const *constant)
{
    for (uint32_t i = 0; i < constant->view_count; i++)
        if (!constant->views[i].data)
            return false;
    return true;
}

eg_status
eg_weight_cache_get(eg_weight_cache *cache, const eg_graph *graph, const eg_partition *partition, uint32_t target_index,
                    const eg_target *target, eg_value_id id, bool plain, eg_shared_weight **out, eg_error *err)
{
    *out = NULL;
    const eg_value *value = eg_graph_value(graph, id);
    if (!has_data(value->constant))
        return eg_fail(err, EG_E_USAGE, "%s has no data: the model was opened without weights", value->name);
    use_list list = {0};
    eg_strbuf key = {0};
    eg_status status = plain ? EG_OK : collect_uses(graph, partition, target_index, id, &list, err);
    if (status == EG_OK) {
        eg_weight_desc desc = {
            .size = sizeof desc,
            .dtype = value->type.dtype,
            .rank = value->type.rank,
            .view_count = value->constant->view_count,
            .views = value->constant->views,
            .uses = list.uses.items,
            .use_count = (uint32_t)list.uses.count,
            .name = value->name,
        };
        for (uint32_t i = 0; i < desc.rank; i++)
            desc.dims[i] = value->type.dims[i].k;
        make_key(target, &desc, &key);
        if (key.failed) {
            status = eg_fail_nomem(err, "a weight");
        } else {
            pthread_mutex_lock(&cache->lock);
            status = find_or_make(cache, target, &desc, &key, out, err);
            pthread_mutex_unlock(&cache->lock);
        }
    }
    eg_strbuf_finish(&key);
    eg_free(list.uses.items);
    return status;
}

void
eg_weight_cache_put(eg_weight_cache *cache, eg_shared_weight *weight)
{
    if (!weight)
        return;
    pthread_mutex_lock(&cache->lock);
    bool last = --weight->users == 0;
    if (last)
        forget(cache, weight);
    pthread_mutex_unlock(&cache->lock);
    if (last)
        free_entry(weight);
}

eg_weight *
eg_shared_weight_of(const eg_shared_weight *weight)
{
    return weight->weight;
}

uint64_t
eg_shared_weight_bytes(const eg_shared_weight *weight)
{
    return weight->bytes;
}

uint64_t
eg_weight_cache_bytes(eg_weight_cache *cache)
{
    uint64_t bytes = 0;
    pthread_mutex_lock(&cache->lock);
    for (size_t i = 0; i < cache->entries.count; i++)
        bytes += cache->entries.items[i]->bytes;
    pthread_mutex_unlock(&cache->lock);
    return bytes;
}
