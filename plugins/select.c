/* SPDX-License-Identifier: Apache-2.0 */
/* From `--backend` and `--device` to an ordered list. Only scores and names count here, no backend is known by name. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/map.h"
#include "plugins/registry_internal.h"

typedef struct {
    eg_choice *items;
    size_t count, capacity;
} choice_list;

static uint32_t
best_device(const eg_plugin_entry *entry)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < entry->device_count; i++)
        if (entry->devices[i].score > entry->devices[best].score)
            best = i;
    return best;
}

/* UINT32_MAX if the entry has no device of this id. */
static uint32_t
device_by_id(const eg_plugin_entry *entry, const char *id)
{
    for (uint32_t i = 0; i < entry->device_count; i++)
        if (strcmp(entry->devices[i].id, id) == 0)
            return i;
    return UINT32_MAX;
}

/* The device that was named, else the best one. Sets *out_named if the name was this entry's. */
static eg_choice
choose_device(const eg_plugin_entry *entry, const char *id, bool *out_named)
{
    uint32_t named = id ? device_by_id(entry, id) : UINT32_MAX;
    *out_named = named != UINT32_MAX;
    return (eg_choice){.entry = entry, .device = *out_named ? named : best_device(entry)};
}

/* --- auto ---------------------------------------------------------------------------------------- */

static int
better_first(const void *a, const void *b)
{
    const eg_choice *x = a, *y = b;
    if (x->entry->score != y->entry->score)
        return x->entry->score > y->entry->score ? -1 : 1;
    return strcmp(x->entry->name, y->entry->name);
}

static eg_status
select_auto(const eg_registry *registry, const char *device, choice_list *list, bool *out_device_found, eg_error *err)
{
    for (size_t i = 0; i < registry->count; i++) {
        const eg_plugin_entry *entry = &registry->items[i].entry;
        if (!entry->usable)
            continue;
        bool named;
        eg_choice choice = choose_device(entry, device, &named);
        *out_device_found |= named;
        bool wanted = named || (entry->score > 0 && entry->devices[choice.device].score > 0);
        if (wanted && !EG_PUSH(list, choice))
            return eg_fail_nomem(err, "backend list");
    }
    if (list->count)
        qsort(list->items, list->count, sizeof *list->items, better_first);
    /* The owner of the device that was asked for goes to the front, the others keep their order. */
    for (size_t i = 1; device && i < list->count; i++) {
        eg_choice choice = list->items[i];
        if (strcmp(choice.entry->devices[choice.device].id, device) != 0)
            continue;
        memmove(list->items + 1, list->items, i * sizeof *list->items);
        list->items[0] = choice;
        break;
    }
    return EG_OK;
}

/* --- names --------------------------------------------------------------------------------------- */

const char *
eg_registry_nearest(const eg_registry *registry, const char *word)
{
    const char **names = eg_calloc(registry->count, sizeof *names);
    if (!names)
        return NULL; /* a suggestion the less */
    for (size_t i = 0; i < registry->count; i++)
        names[i] = registry->items[i].entry.name;
    const char *nearest = eg_nearest(word, names, registry->count);
    eg_free(names);
    return nearest;
}

static void
list_names(const eg_registry *registry, eg_strbuf *out)
{
    for (size_t i = 0; i < registry->count; i++)
        if (registry->items[i].entry.usable)
            eg_strbuf_printf(out, "%s%s", out->length ? ", " : "", registry->items[i].entry.name);
}

/* No usable backend has this name: unknown, broken, or without a device. */
static eg_status
fail_name(const eg_registry *registry, const char *name, eg_error *err)
{
    for (size_t i = 0; i < registry->count; i++) {
        const eg_plugin_entry *entry = &registry->items[i].entry;
        if (strcmp(entry->name, name) == 0)
            return eg_fail(err, EG_E_BACKEND, "the backend '%s' cannot be used: %s", name, entry->why);
    }
    const char *nearest = eg_registry_nearest(registry, name);
    eg_status status = eg_fail(err, EG_E_BACKEND, "there is no backend '%s'", name);
    eg_strbuf names = {0};
    list_names(registry, &names);
    if (nearest)
        status = eg_hint(err, status, "did you mean '%s'?", nearest);
    else if (names.data && !names.failed)
        status = eg_hint(err, status, "there are %s", names.data);
    else
        status = eg_hint(err, status, "no plugin was found; EGBERT_PLUGIN_PATH or --plugin names more");
    eg_strbuf_finish(&names);
    return status;
}

static eg_status
add_name(const eg_registry *registry, const char *name, const char *device, choice_list *list, bool *out_device_found,
         eg_error *err)
{
    if (name[0] == '\0')
        return eg_fail(err, EG_E_USAGE, "an empty name in the list of backends");
    if (strcmp(name, "auto") == 0)
        return eg_hint(err, eg_fail(err, EG_E_USAGE, "'auto' in a list of backends"), "auto stands alone");
    const eg_plugin_entry *entry = eg_registry_find(registry, name);
    if (!entry)
        return fail_name(registry, name, err);
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].entry == entry)
            return eg_fail(err, EG_E_USAGE, "the backend '%s' is listed twice", name);
    bool named;
    eg_choice choice = choose_device(entry, device, &named);
    *out_device_found |= named;
    return EG_PUSH(list, choice) ? EG_OK : eg_fail_nomem(err, "backend list");
}

static eg_status
select_names(const eg_registry *registry, const char *backends, const char *device, choice_list *list,
             bool *out_device_found, eg_error *err)
{
    for (const char *at = backends;; at++) {
        size_t n = strcspn(at, ",");
        char *name = eg_strndup(at, n);
        if (!name)
            return eg_fail_nomem(err, "backend list");
        eg_status status = add_name(registry, name, device, list, out_device_found, err);
        eg_free(name);
        EG_TRY(status);
        at += n;
        if (*at == '\0')
            return EG_OK;
    }
}

/* --- both ---------------------------------------------------------------------------------------- */

static eg_status
fail_device(const eg_registry *registry, const char *device, eg_error *err)
{
    eg_strbuf ids = {0};
    for (size_t i = 0; i < registry->count; i++) {
        const eg_plugin_entry *entry = &registry->items[i].entry;
        for (uint32_t d = 0; entry->usable && d < entry->device_count; d++)
            eg_strbuf_printf(&ids, "%s%s (%s)", ids.length ? ", " : "", entry->devices[d].id, entry->name);
    }
    eg_status status = eg_fail(err, EG_E_BACKEND, "no chosen backend has the device '%s'", device);
    if (ids.data && !ids.failed)
        status = eg_hint(err, status, "there are %s", ids.data);
    eg_strbuf_finish(&ids);
    return status;
}

eg_status
eg_registry_select(const eg_registry *registry, const char *backends, const char *device, eg_choice **out_choices,
                   size_t *out_count, eg_error *err)
{
    *out_choices = NULL;
    *out_count = 0;
    choice_list list = {0};
    bool device_found = false;
    eg_status status = !backends || strcmp(backends, "auto") == 0
                           ? select_auto(registry, device, &list, &device_found, err)
                           : select_names(registry, backends, device, &list, &device_found, err);
    if (status == EG_OK && device && !device_found)
        status = fail_device(registry, device, err);
    if (status == EG_OK && list.count == 0)
        status = eg_hint(err, eg_fail(err, EG_E_BACKEND, "there is no backend to choose from"),
                         "`egbert backends` lists the plugins and what is wrong with each");
    if (status != EG_OK) {
        eg_free(list.items);
        return status;
    }
    *out_choices = list.items;
    *out_count = list.count;
    return EG_OK;
}
