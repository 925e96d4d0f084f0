/* SPDX-License-Identifier: Apache-2.0 */
/* Discovery: from files and folders to entries, each with its table or the reason why it has none. */
#include "plugins/registry_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "plugins/probe.h"

enum { DEFAULT_PROBE_TIMEOUT_MS = 10000 };

/* What is being looked at. */
typedef struct {
    eg_registry *registry;
    const eg_registry_options *options;
    eg_error *err;
} search;

const char *
eg_plugin_source_text(eg_plugin_source source)
{
    switch (source) {
    case EG_PLUGIN_FILE:
        return "file";
    case EG_PLUGIN_PATH:
        return "path";
    case EG_PLUGIN_INSTALLED:
        return "installed";
    }
    return "unknown";
}

/* --- names --------------------------------------------------------------------------------------- */

#define PREFIX "egbert-"
#define SUFFIX ".so"

static bool
is_plugin_file_name(const char *name)
{
    size_t n = strlen(name);
    return n > strlen(PREFIX) + strlen(SUFFIX) && strncmp(name, PREFIX, strlen(PREFIX)) == 0 &&
           strcmp(name + n - strlen(SUFFIX), SUFFIX) == 0;
}

/* "cpu" of ".../egbert-cpu.so", else the file's name. */
static char *
name_from_path(eg_arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    if (!is_plugin_file_name(name))
        return eg_arena_strdup(arena, name);
    return eg_arena_strndup(arena, name + strlen(PREFIX), strlen(name) - strlen(PREFIX) - strlen(SUFFIX));
}

/* --- trust --------------------------------------------------------------------------------------- */

/* A file that anybody can replace is not let into the process; `what` names the thing in the reason. */
static const char *
why_not_trusted(const struct stat *st, bool directory)
{
    if (st->st_mode & S_IWOTH)
        return directory ? "its directory is writable by everyone" : "it is writable by everyone";
    if (st->st_uid != 0 && st->st_uid != geteuid())
        return directory ? "its directory belongs to another user" : "it belongs to another user";
    return NULL;
}

/* --- entries ------------------------------------------------------------------------------------- */

static eg_status
set_why(search *s, eg_plugin_entry *entry, const char *why)
{
    entry->why = eg_arena_strdup(&s->registry->arena, why);
    return entry->why ? EG_OK : eg_fail_nomem(s->err, "plugin list");
}

/* The earlier entry with this file, or NULL. */
static const registry_item *
find_inode(const eg_registry *registry, const struct stat *st)
{
    for (size_t i = 0; i < registry->count; i++)
        if (registry->items[i].device == st->st_dev && registry->items[i].inode == st->st_ino)
            return &registry->items[i];
    return NULL;
}

static const eg_plugin_entry *
find_loaded(const eg_registry *registry, const char *name)
{
    for (size_t i = 0; i < registry->count; i++)
        if (registry->items[i].entry.loaded && strcmp(registry->items[i].entry.name, name) == 0)
            return &registry->items[i].entry;
    return NULL;
}

static eg_status
hide_behind(search *s, eg_plugin_entry *entry, const eg_plugin_entry *earlier)
{
    entry->why = eg_arena_printf(&s->registry->arena, "hidden by %s, found earlier", earlier->path);
    return entry->why ? EG_OK : eg_fail_nomem(s->err, "plugin list");
}

static bool
is_printable(const char *text, size_t room)
{
    size_t n = strnlen(text, room);
    if (n == 0 || n == room)
        return false;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return false;
    return true;
}

/* Sets *out_why where a description makes no sense. */
static eg_status
read_device(search *s, const eg_plugin *plugin, uint32_t index, eg_plugin_device *out, const char **out_why)
{
    eg_arena *arena = &s->registry->arena;
    eg_device_desc desc = {.size = sizeof desc};
    eg_status status = plugin->device(index, &desc);
    if (status != EG_OK)
        *out_why = eg_arena_printf(arena, "device(%u) failed with status %d", index, status);
    else if (!is_printable(desc.id, sizeof desc.id) || !is_printable(desc.name, sizeof desc.name))
        *out_why = eg_arena_printf(arena, "device %u has no proper id or name", index);
    else {
        out->id = eg_arena_strdup(arena, desc.id);
        out->name = eg_arena_strdup(arena, desc.name);
        out->score = desc.score;
        return out->id && out->name ? EG_OK : eg_fail_nomem(s->err, "plugin list");
    }
    return *out_why ? EG_OK : eg_fail_nomem(s->err, "plugin list");
}

static eg_status
read_devices(search *s, eg_plugin_entry *entry)
{
    const eg_plugin *plugin = entry->plugin;
    uint32_t count = plugin->device_count();
    if (count > EG_MAX_PLUGIN_DEVICES)
        count = EG_MAX_PLUGIN_DEVICES;
    if (count == 0) {
        const char *why = EG_HAS(eg_plugin, plugin, why_not) && plugin->why_not ? plugin->why_not() : NULL;
        return set_why(s, entry, why && why[0] ? why : "it finds no device here");
    }
    eg_plugin_device *devices = eg_arena_calloc(&s->registry->arena, count, sizeof *devices);
    if (!devices)
        return eg_fail_nomem(s->err, "plugin list");
    const char *why = NULL;
    for (uint32_t i = 0; i < count && !why; i++)
        EG_TRY(read_device(s, plugin, i, &devices[i], &why));
    if (why) {
        entry->why = why;
        return EG_OK;
    }
    entry->devices = devices;
    entry->device_count = count;
    entry->usable = true;
    return EG_OK;
}

/* Takes over what the table says. */
static eg_status
adopt(search *s, eg_plugin_entry *entry, const eg_plugin *plugin)
{
    eg_arena *arena = &s->registry->arena;
    entry->name = eg_arena_strdup(arena, plugin->name);
    entry->version = eg_arena_strdup(arena, plugin->version);
    entry->abi = eg_arena_printf(arena, "%u.%u", plugin->abi_major, plugin->abi_minor);
    if (!entry->name || !entry->version || !entry->abi)
        return eg_fail_nomem(s->err, "plugin list");
    const eg_plugin_entry *earlier = find_loaded(s->registry, entry->name);
    if (earlier)
        return hide_behind(s, entry, earlier);
    entry->plugin = plugin;
    entry->loaded = true;
    entry->score = plugin->score();
    return read_devices(s, entry);
}

/* --- probing ------------------------------------------------------------------------------------- */

static eg_status
probe(search *s, const char *path, const struct stat *st, eg_error *why)
{
    const eg_registry_options *options = s->options;
    if (!options->probe)
        return eg_fail(why, EG_E_BACKEND, "cannot be probed: there is no probe program");
    char line[EG_PROBE_LINE];
    if (options->cache_dir && eg_probe_recall(options->cache_dir, st, line))
        return strcmp(line, EG_PROBE_OK) == 0 ? EG_OK : eg_fail(why, EG_E_BACKEND, "%s", line);
    bool final;
    uint32_t timeout = options->probe_timeout_ms ? options->probe_timeout_ms : DEFAULT_PROBE_TIMEOUT_MS;
    eg_status status = eg_probe_run(options->probe, path, timeout, &final, why);
    if (final && options->cache_dir)
        eg_probe_remember(options->cache_dir, st, status == EG_OK ? EG_PROBE_OK : why->message);
    return status;
}

/* Loads an entry's library, if nothing speaks against it, and fills the entry. Only EG_E_NOMEM is an error. */
static eg_status
fill_entry(search *s, eg_plugin_entry *entry, const struct stat *st)
{
    const char *distrust = entry->source == EG_PLUGIN_FILE ? NULL : why_not_trusted(st, false);
    if (distrust)
        return set_why(s, entry, distrust);
    const registry_item *same = find_inode(s->registry, st);
    const eg_plugin_entry *earlier = same ? &same->entry : find_loaded(s->registry, entry->name);
    if (earlier)
        return hide_behind(s, entry, earlier);

    eg_error why;
    eg_error_init(&why);
    const eg_plugin *plugin = NULL;
    eg_status status = EG_OK;
    if (entry->source != EG_PLUGIN_INSTALLED)
        status = probe(s, entry->path, st, &why);
    if (status == EG_OK)
        status = eg_plugin_load(entry->path, &plugin, &why);
    if (status != EG_OK)
        return set_why(s, entry, why.message);
    return adopt(s, entry, plugin);
}

/* path: absolute. why: a reason known before the file was looked at, or NULL. */
static eg_status
add_file(search *s, const char *path, eg_plugin_source source, const char *why)
{
    eg_arena *arena = &s->registry->arena;
    registry_item item = {.entry = {.version = "", .abi = "", .why = "", .source = source}};
    eg_plugin_entry *entry = &item.entry;
    entry->path = eg_arena_strdup(arena, path);
    entry->name = name_from_path(arena, path);
    if (!entry->path || !entry->name)
        return eg_fail_nomem(s->err, "plugin list");
    struct stat st;
    if (why)
        EG_TRY(set_why(s, entry, why));
    else if (stat(path, &st) != 0)
        EG_TRY(set_why(s, entry, strerror(errno)));
    else {
        EG_TRY(fill_entry(s, entry, &st));
        item.device = st.st_dev;
        item.inode = st.st_ino;
    }
    return EG_PUSH(s->registry, item) ? EG_OK : eg_fail_nomem(s->err, "plugin list");
}

/* --- folders ------------------------------------------------------------------------------------- */

static int
by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

typedef EG_VEC(char *) name_list;

static eg_status
list_plugin_files(search *s, DIR *folder, name_list *names)
{
    for (struct dirent *found; (found = readdir(folder));) {
        if (!is_plugin_file_name(found->d_name))
            continue;
        char *name = eg_arena_strdup(&s->registry->arena, found->d_name);
        if (!name || !EG_PUSH(names, name))
            return eg_fail_nomem(s->err, "plugin list");
    }
    if (names->count) /* the file system's order is nobody's */
        qsort(names->items, names->count, sizeof *names->items, by_name);
    return EG_OK;
}

static eg_status
add_listed(search *s, DIR *folder, const char *path, eg_plugin_source source)
{
    struct stat st;
    const char *why = fstat(dirfd(folder), &st) == 0 ? why_not_trusted(&st, true) : strerror(errno);
    name_list names = {0};
    eg_status status = list_plugin_files(s, folder, &names);
    for (size_t i = 0; i < names.count && status == EG_OK; i++) {
        char *file = eg_arena_printf(&s->registry->arena, "%s/%s", path, names.items[i]);
        status = file ? add_file(s, file, source, why) : eg_fail_nomem(s->err, "plugin list");
    }
    eg_free(names.items);
    return status;
}

static eg_status
add_folder(search *s, const char *path, eg_plugin_source source)
{
    char real[PATH_MAX];
    if (!realpath(path, real))
        return EG_OK;
    DIR *folder = opendir(real);
    if (!folder)
        return EG_OK;
    eg_status status = add_listed(s, folder, real, source);
    closedir(folder);
    return status;
}

/* Elements that are empty or relative would make the working directory, somebody else's perhaps, a source of code. */
static eg_status
add_path(search *s, const char *path)
{
    while (path && *path) {
        size_t n = strcspn(path, ":");
        if (n > 0 && path[0] == '/') {
            char *folder = eg_arena_strndup(&s->registry->arena, path, n);
            if (!folder)
                return eg_fail_nomem(s->err, "plugin list");
            EG_TRY(add_folder(s, folder, EG_PLUGIN_PATH));
        }
        path += n + (path[n] == ':');
    }
    return EG_OK;
}

/* --- named files --------------------------------------------------------------------------------- */

static eg_status
add_named_file(search *s, const char *file)
{
    char real[PATH_MAX];
    if (!realpath(file, real))
        return eg_fail_at(s->err, EG_E_BACKEND, file, 0, 0, "the plugin cannot be read: %s", strerror(errno));
    struct stat st;
    if (stat(real, &st) == 0 && find_inode(s->registry, &st))
        return EG_OK; /* named twice */
    EG_TRY(add_file(s, real, EG_PLUGIN_FILE, NULL));
    const eg_plugin_entry *entry = &s->registry->items[s->registry->count - 1].entry;
    if (entry->loaded)
        return EG_OK;
    return eg_fail_at(s->err, EG_E_BACKEND, file, 0, 0, "the plugin does not load: %s", entry->why);
}

static eg_status
find_plugins(search *s)
{
    for (size_t i = 0; i < s->options->file_count; i++)
        EG_TRY(add_named_file(s, s->options->files[i]));
    EG_TRY(add_path(s, s->options->path));
    if (s->options->installed_dir)
        EG_TRY(add_folder(s, s->options->installed_dir, EG_PLUGIN_INSTALLED));
    return EG_OK;
}

/* --- the registry -------------------------------------------------------------------------------- */

eg_status
eg_registry_open(const eg_registry_options *options, eg_registry **out, eg_error *err)
{
    *out = NULL;
    eg_registry *registry = eg_calloc(1, sizeof *registry);
    if (!registry)
        return eg_fail_nomem(err, "plugin list");
    search s = {.registry = registry, .options = options, .err = err};
    eg_status status = find_plugins(&s);
    if (status != EG_OK) {
        eg_registry_close(registry);
        return status;
    }
    *out = registry;
    return EG_OK;
}

void
eg_registry_close(eg_registry *registry)
{
    if (!registry)
        return;
    for (size_t i = registry->count; i-- > 0;) {
        const eg_plugin *plugin = registry->items[i].entry.plugin;
        if (plugin && EG_HAS(eg_plugin, plugin, shutdown) && plugin->shutdown)
            plugin->shutdown();
    }
    eg_free(registry->items);
    eg_arena_finish(&registry->arena);
    eg_free(registry);
}

size_t
eg_registry_count(const eg_registry *registry)
{
    return registry->count;
}

const eg_plugin_entry *
eg_registry_entry(const eg_registry *registry, size_t index)
{
    return &registry->items[index].entry;
}

const eg_plugin_entry *
eg_registry_find(const eg_registry *registry, const char *name)
{
    const eg_plugin_entry *entry = find_loaded(registry, name);
    return entry && entry->usable ? entry : NULL;
}
