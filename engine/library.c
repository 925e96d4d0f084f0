/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/library.h"

#include <dlfcn.h>
#include <egbert/egbert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *
eg_version(void)
{
    return EGBERT_VERSION;
}

uint32_t
eg_abi(void)
{
    return EG_ABI_MAJOR << 16 | EG_ABI_MINOR;
}

const char *
eg_compiler(void)
{
#if defined(__clang__)
    return "clang " __clang_version__;
#elif defined(__GNUC__)
    return "gcc " __VERSION__;
#else
    return "a C11 compiler";
#endif
}

size_t
eg_error_text(const eg_error *err, char *out, size_t n)
{
    return eg_error_format(err, out, n);
}

void
eg_string_free(char *s)
{
    eg_free(s);
}

/* The library's own folder with links resolved, or NULL. */
static char *
own_folder(eg_arena *arena)
{
    static const char here;
    Dl_info info;
    if (!dladdr(&here, &info) || !info.dli_fname)
        return NULL;
    char *real = realpath(info.dli_fname, NULL);
    char *slash = real ? strrchr(real, '/') : NULL;
    char *folder = slash ? eg_arena_strndup(arena, real, (size_t)(slash - real)) : NULL;
    free(real); /* not eg_free: realpath allocated it */
    return folder;
}

/*
 * `name` below the first of the library's folder and the folders above it where it is there: prefixes keep libraries
 * one or two folders deep (lib, lib/x86_64-linux-gnu).
 */
static const char *
near_library(eg_arena *arena, const char *folder, const char *name)
{
    static const char *const up[] = {"", "/..", "/../.."};
    for (size_t i = 0; folder && i < sizeof up / sizeof *up; i++) {
        char *path = eg_arena_printf(arena, "%s%s/%s", folder, up[i], name);
        if (path && access(path, F_OK) == 0)
            return path;
    }
    return NULL;
}

static const char *
from_environment(eg_arena *arena, const char *name)
{
    const char *value = secure_getenv(name);
    return value && *value ? eg_arena_strdup(arena, value) : NULL;
}

static const char *
user_cache(eg_arena *arena)
{
    const char *cache = secure_getenv("XDG_CACHE_HOME");
    if (cache && *cache == '/')
        return eg_arena_printf(arena, "%s/egbert", cache);
    const char *home = secure_getenv("HOME");
    return home && *home == '/' ? eg_arena_printf(arena, "%s/.cache/egbert", home) : NULL;
}

eg_status
eg_library_find(eg_arena *arena, eg_library_paths *out, eg_error *err)
{
    *out = (eg_library_paths){0};
    const char *folder = own_folder(arena);

    out->plugin_path = from_environment(arena, "EGBERT_PLUGIN_PATH");
    out->plugin_dir = from_environment(arena, "EGBERT_PLUGIN_DIR");
    if (!out->plugin_dir)
        out->plugin_dir = near_library(arena, folder, "egbert/plugins");
    if (!out->plugin_dir)
        out->plugin_dir = EGBERT_PLUGIN_DIR;

    out->family_dir = from_environment(arena, "EGBERT_FAMILY_DIR");
    if (!out->family_dir)
        out->family_dir = near_library(arena, folder, "share/egbert/models");
    if (!out->family_dir)
        out->family_dir = EGBERT_FAMILY_DIR;

    out->probe = near_library(arena, folder, "libexec/egbert/egbert-probe");
    if (!out->probe)
        out->probe = near_library(arena, folder, "plugins/egbert-probe"); /* the build tree */
    if (!out->probe && access(EGBERT_PROBE, X_OK) == 0)
        out->probe = EGBERT_PROBE;
    out->cache_dir = user_cache(arena);

    size_t count = 0;
    if (folder) {
        out->openmp[count++] = eg_arena_printf(arena, "%s/egbert/egbert-openmp.so", folder);
        out->openmp[count++] = eg_arena_printf(arena, "%s/egbert-openmp.so", folder); /* the build tree */
    }
    out->openmp[count++] = EGBERT_OPENMP;
    for (size_t i = 0; i < count; i++)
        if (!out->openmp[i])
            return eg_fail_nomem(err, "the library's paths");
    return EG_OK;
}
