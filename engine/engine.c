/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/engine.h"

#include <string.h>
#include <unistd.h>

#include "frontend/source.h"

/* --- what all API functions need ----------------------------------------------------------------- */

eg_status
eg_take_options(void *to, size_t to_size, const void *from, const char *what, eg_error *err)
{
    memset(to, 0, to_size);
    if (!from)
        return EG_OK;
    uint32_t size; /* the first member of every such struct */
    memcpy(&size, from, sizeof size);
    if (size < sizeof size)
        return eg_fail(err, EG_E_USAGE, "%s has no size; set its first member to sizeof", what);
    memcpy(to, from, size < to_size ? size : to_size);
    return EG_OK;
}

eg_status
eg_give_string(eg_strbuf *buf, char **out, eg_error *err)
{
    eg_strbuf_putc(buf, '\0');
    if (buf->failed) {
        eg_strbuf_finish(buf);
        return eg_fail_nomem(err, "a description");
    }
    *out = buf->data;
    return EG_OK;
}

eg_status
eg_engine_check(const eg_engine *engine, eg_error *err)
{
    if (getpid() == engine->pid)
        return EG_OK;
    return eg_fail(err, EG_E_FORKED, "the engine was opened by process %ld; a forked child opens its own",
                   (long)engine->pid);
}

/* --- devices ------------------------------------------------------------------------------------- */

/* The options of one backend in "cpu:isa=avx2,x=1;far:delay=2": where they begin and their length; NULL: none. */
static const char *
options_of(const char *all, const char *backend, size_t *out_length)
{
    size_t name_length = strlen(backend);
    for (const char *at = all; at && *at;) {
        size_t n = strcspn(at, ";");
        if (n > name_length && at[name_length] == ':' && strncmp(at, backend, name_length) == 0) {
            *out_length = n - name_length - 1;
            return at + name_length + 1;
        }
        at += n + (at[n] == ';');
    }
    return NULL;
}

eg_status
eg_engine_open_device(eg_engine *engine, const eg_choice *choice, eg_device **out, const eg_device_ops **out_ops,
                      eg_error *err)
{
    size_t length = 0;
    const char *found = options_of(engine->plugin_options, choice->entry->name, &length);
    char *options = found ? eg_strndup(found, length) : NULL;
    if (found && !options)
        return eg_fail_nomem(err, "a backend's options");
    eg_lease lease; /* opening may tune or check with the run's threads */
    eg_lease_begin(engine->threads, false, &lease);
    eg_status status =
        eg_plugin_open_device(choice->entry->plugin, choice->device, &engine->host, options, out, out_ops, err);
    eg_lease_end(&lease);
    eg_free(options);
    return status;
}

static eg_status
open_device(eg_engine *engine, eg_backend *backend, eg_error *err)
{
    const eg_plugin_entry *entry = backend->choice.entry;
    eg_target *target = &backend->target;
    *target = (eg_target){.name = entry->name};
    EG_TRY(eg_engine_open_device(engine, &backend->choice, &target->device, &target->ops, err));
    eg_domain domain = {.size = sizeof domain};
    eg_status status = target->ops->domain(target->device, 0, &domain);
    if (status != EG_OK) {
        entry->plugin->close(target->device);
        target->device = NULL;
        return eg_fail(err, EG_E_BACKEND, "%s does not describe its memory", entry->name);
    }
    target->domain_flags = domain.flags;
    target->max_binding = domain.max_binding;
    target->align = domain.align;
    backend->max_buffer = domain.max_buffer;
    return EG_OK;
}

/* With the engine's lock held. */
static void
try_device(eg_engine *engine, eg_backend *backend)
{
    if (backend->tried)
        return;
    eg_error err;
    eg_error_init(&err);
    backend->status = open_device(engine, backend, &err);
    backend->tried = true;
    if (backend->status != EG_OK) {
        eg_error_format(&err, backend->why, sizeof backend->why);
        eg_log(&engine->host_context, EG_LOG_WARNING, "%s is left out: %s", backend->choice.entry->name, backend->why);
    }
}

/* A device that the user named must open; others are skipped. */
static eg_status
collect_targets(eg_engine *engine, size_t at_least, eg_target *targets, uint32_t *indices, size_t *out_count,
                eg_error *err)
{
    *out_count = 0;
    for (size_t i = 0; i < engine->backend_count && *out_count < at_least; i++) {
        eg_backend *backend = &engine->backends[i];
        try_device(engine, backend);
        if (backend->status == EG_OK) {
            indices[*out_count] = (uint32_t)i;
            targets[(*out_count)++] = backend->target;
        } else if (i < engine->named_count || backend->status == EG_E_USAGE) { /* a wrong option is never passed over */
            bool keeps = backend->status == EG_E_NOMEM || backend->status == EG_E_USAGE;
            return eg_fail(err, keeps ? backend->status : EG_E_BACKEND, "backend %s: %s", backend->choice.entry->name,
                           backend->why);
        }
    }
    if (*out_count == 0)
        return eg_fail(err, EG_E_BACKEND, "no backend could be opened");
    return EG_OK;
}

eg_status
eg_engine_targets(eg_engine *engine, size_t at_least, eg_target *targets, uint32_t *indices, size_t *out_count,
                  eg_error *err)
{
    pthread_mutex_lock(&engine->lock);
    eg_status status = collect_targets(engine, at_least, targets, indices, out_count, err);
    pthread_mutex_unlock(&engine->lock);
    return status;
}

/* --- opening ------------------------------------------------------------------------------------- */

static bool
is_auto(const char *backends)
{
    return !backends || strcmp(backends, "auto") == 0;
}

static bool
is_chosen(const eg_engine *engine, const eg_plugin_entry *entry)
{
    for (size_t i = 0; i < engine->backend_count; i++)
        if (engine->backends[i].choice.entry == entry)
            return true;
    return false;
}

static eg_status
add_choices(eg_engine *engine, const eg_choice *choices, size_t count, eg_error *err)
{
    eg_backend *grown = eg_arena_calloc(&engine->arena, engine->backend_count + count, sizeof *grown);
    if (!grown)
        return eg_fail_nomem(err, "backends");
    if (engine->backend_count)
        memcpy(grown, engine->backends, engine->backend_count * sizeof *grown);
    engine->backends = grown;
    for (size_t i = 0; i < count; i++)
        if (!is_chosen(engine, choices[i].entry))
            engine->backends[engine->backend_count++].choice = choices[i];
    return EG_OK;
}

static eg_status
select_backends(eg_engine *engine, const char *backends, const char *device, eg_error *err)
{
    eg_choice *choices = NULL;
    size_t count = 0;
    EG_TRY(eg_registry_select(engine->registry, backends, device, &choices, &count, err));
    eg_status status = add_choices(engine, choices, count, err);
    eg_free(choices);
    return status;
}

/* The user's list, then, as the last resort, all others by score. `--strict` and the tests' list end where they end. */
static eg_status
choose_backends(eg_engine *engine, const eg_engine_options *options, eg_error *err)
{
    EG_TRY(select_backends(engine, options->backends, options->device, err));
    if (is_auto(options->backends))
        return EG_OK;
    engine->named_count = engine->backend_count;
    if (engine->flags & EG_ENGINE_STRICT)
        return EG_OK;
    eg_status status = select_backends(engine, NULL, NULL, err);
    if (status == EG_E_BACKEND) { /* there is nothing beside the list */
        if (err)
            eg_error_init(err);
        return EG_OK;
    }
    return status;
}

static eg_status
open_registry(eg_engine *engine, const eg_engine_options *options, eg_error *err)
{
    eg_registry_options wanted = {
        .files = options->plugin_files,
        .file_count = options->plugin_file_count,
        .path = options->plugin_path ? options->plugin_path : engine->paths.plugin_path,
        .installed_dir = options->plugin_dir ? options->plugin_dir : engine->paths.plugin_dir,
        .probe = engine->paths.probe,
        .cache_dir = engine->paths.cache_dir,
    };
    return eg_registry_open(&wanted, &engine->registry, err);
}

static eg_status
open_threads(eg_engine *engine, const eg_engine_options *options, eg_error *err)
{
    eg_threads_options wanted = {
        .count = options->threads,
        .may_setenv = engine->flags & EG_ENGINE_SETENV,
        .modules = engine->paths.openmp,
    };
    EG_TRY(eg_threads_open(&wanted, &engine->threads, err));
    const char *why = eg_threads_why(engine->threads);
    eg_log(&engine->host_context, *why ? EG_LOG_INFO : EG_LOG_DEBUG, "%u threads of %s%s%s",
           eg_threads_count(engine->threads), eg_threads_name(engine->threads), *why ? ": " : "", why);
    return EG_OK;
}

/* Options for a backend that is not there would otherwise be passed over in silence. */
static eg_status
check_plugin_options(eg_engine *engine, eg_error *err)
{
    for (const char *at = engine->plugin_options; at && *at;) {
        size_t n = strcspn(at, ";"), name_length = strcspn(at, ":;");
        char name[64];
        if (name_length == 0 || name_length == n || name_length >= sizeof name) {
            eg_status status =
                eg_fail(err, EG_E_USAGE, "plugin options '%.*s' do not begin with a backend's name", (int)n, at);
            return eg_hint(err, status, "NAME:KEY=VALUE,...;NAME:...");
        }
        memcpy(name, at, name_length);
        name[name_length] = '\0';
        if (!eg_registry_find(engine->registry, name)) {
            const char *nearest = eg_registry_nearest(engine->registry, name);
            eg_status status = eg_fail(err, EG_E_USAGE, "plugin options for '%s', and there is no such backend", name);
            return nearest ? eg_hint(err, status, "did you mean '%s'?", nearest) : status;
        }
        at += n + (at[n] == ';');
    }
    return EG_OK;
}

static eg_status
open_engine(eg_engine *engine, const eg_engine_options *options, eg_error *err)
{
    const uint32_t known = EG_ENGINE_STRICT | EG_ENGINE_SETENV | EG_ENGINE_ALTERNATE;
    if (options->flags & ~known)
        return eg_fail(err, EG_E_USAGE, "unknown engine flags %#x", options->flags & ~known);
    if (options->threads > 4096)
        return eg_fail(err, EG_E_USAGE, "%u threads; at most 4096", options->threads);
    engine->pid = getpid();
    engine->flags = options->flags;
    engine->max_arena = options->max_arena;
    engine->host_context = (eg_host_context){options->log, options->log_user, options->log_level,
                                             (options->flags & EG_ENGINE_SETENV) != 0};
    eg_host_init(&engine->host, &engine->host_context);
    EG_TRY(eg_library_find(&engine->arena, &engine->paths, err));
    if (options->family_dir) {
        engine->paths.family_dir = eg_arena_strdup(&engine->arena, options->family_dir);
        if (!engine->paths.family_dir)
            return eg_fail_nomem(err, "an engine");
    }
    if (options->plugin_options) {
        engine->plugin_options = eg_arena_strdup(&engine->arena, options->plugin_options);
        if (!engine->plugin_options)
            return eg_fail_nomem(err, "an engine");
    }
    EG_TRY(open_threads(engine, options, err)); /* before any library that links libgomp */
    EG_TRY(open_registry(engine, options, err));
    EG_TRY(check_plugin_options(engine, err));
    return choose_backends(engine, options, err);
}

eg_status
eg_engine_open(const eg_engine_options *options, eg_engine **out, eg_error *err)
{
    *out = NULL;
    eg_engine_options taken;
    EG_TRY(eg_take_options(&taken, sizeof taken, options, "eg_engine_options", err));
    eg_engine *engine = eg_calloc(1, sizeof *engine);
    if (!engine)
        return eg_fail_nomem(err, "an engine");
    pthread_mutex_init(&engine->lock, NULL);
    eg_status status = open_engine(engine, &taken, err);
    if (status != EG_OK) {
        eg_engine_close(engine);
        return status;
    }
    *out = engine;
    return EG_OK;
}

void
eg_engine_close(eg_engine *engine)
{
    if (!engine)
        return;
    for (size_t i = engine->backend_count; i-- > 0;)
        if (engine->backends[i].target.device)
            engine->backends[i].choice.entry->plugin->close(engine->backends[i].target.device);
    eg_registry_close(engine->registry);
    eg_threads_close(engine->threads);
    pthread_mutex_destroy(&engine->lock);
    eg_arena_finish(&engine->arena);
    eg_free(engine);
}

eg_status
eg_engine_families(eg_engine *engine, char **out_json, eg_error *err)
{
    *out_json = NULL;
    eg_strbuf json = {0};
    eg_status status = eg_families_describe(engine->paths.family_dir, &json, err);
    if (status != EG_OK) {
        eg_strbuf_finish(&json);
        return status;
    }
    return eg_give_string(&json, out_json, err);
}
