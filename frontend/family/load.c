/* SPDX-License-Identifier: Apache-2.0 */
/* Family files: finding, reading, `extends`. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "frontend/family/family.h"
#include "frontend/file.h"

static const char suffix[] = ".yaml";
static const char common_name[] = "common";

void
eg_error_note_origin(eg_error *err, const char *what, const char *file, uint32_t line)
{
    enum { MOST_NOTES = 3 }; /* the innermost ones; a longer way says no more */
    if (!err)
        return;
    char note[320];
    snprintf(note, sizeof note, " (from %s at %s:%u)", what, file, line);
    size_t used = strlen(err->message), need = strlen(note), notes = 0;
    for (const char *c = err->message; (c = strstr(c, " (from ")); c++)
        notes++;
    if (notes == MOST_NOTES || strstr(err->message, note) || used + need >= sizeof err->message)
        return;
    memcpy(err->message + used, note, need + 1);
}

eg_status
eg_family_note_extends(const eg_family *family, eg_status status, eg_error *err)
{
    if (status == EG_OK || !err)
        return status;
    for (uint32_t i = 0; i < family->base_count; i++) {
        const eg_extends *base = &family->bases[i];
        if (strcmp(err->file, base->file) == 0)
            eg_error_note_origin(err, "extends", base->at->file, base->at->line);
    }
    return status;
}

/* --- merging ------------------------------------------------------------------------------------- */

static bool
is_map(const eg_yaml *node)
{
    return node && node->type == EG_YAML_MAP;
}

static eg_status
merge_maps(eg_arena *arena, const eg_yaml *base, const eg_yaml *over, const eg_yaml **out, eg_error *err)
{
    eg_yaml *map = eg_arena_alloc(arena, sizeof *map);
    eg_yaml **items = eg_arena_calloc(arena, base->count + over->count + 1, sizeof *items);
    if (!map || !items)
        return eg_fail_nomem(err, "a family");
    *map = *over;
    map->items = items;
    map->count = 0;
    for (size_t i = 0; i < base->count; i++) {
        const eg_yaml *mine = eg_yaml_get(over, base->items[i]->key);
        if (!mine) {
            items[map->count++] = base->items[i];
        } else if (mine->type != EG_YAML_NULL) {
            const eg_yaml *merged;
            EG_TRY(eg_yaml_merge(arena, base->items[i], mine, &merged, err));
            items[map->count++] = (eg_yaml *)merged;
        }
    }
    for (size_t i = 0; i < over->count; i++) {
        if (!eg_yaml_get(base, over->items[i]->key) && over->items[i]->type != EG_YAML_NULL)
            items[map->count++] = over->items[i];
    }
    *out = map;
    return EG_OK;
}

eg_status
eg_yaml_merge(eg_arena *arena, const eg_yaml *base, const eg_yaml *over, const eg_yaml **out, eg_error *err)
{
    if (is_map(base) && is_map(over))
        return merge_maps(arena, base, over, out, err);
    *out = over ? over : base;
    return EG_OK;
}

/* --- loading ------------------------------------------------------------------------------------- */

static bool
ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* A family is asked for by its file where the text looks like one. */
static bool
names_file(const char *what)
{
    return strchr(what, '/') || ends_with(what, suffix);
}

char *
eg_family_path(eg_arena *arena, const char *dir, const char *name)
{
    return eg_arena_printf(arena, "%s/%s%s", dir, name, suffix);
}

static char *
folder_of(eg_arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? eg_arena_strndup(arena, path, slash == path ? 1 : (size_t)(slash - path))
                 : eg_arena_strdup(arena, ".");
}

static char *
name_of(eg_arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t n = strlen(name);
    return eg_arena_strndup(arena, name, ends_with(name, suffix) ? n - strlen(suffix) : n);
}

/* The base's map without what is not inherited. */
static eg_status
heritable(eg_arena *arena, const eg_yaml *base, const eg_yaml **out, eg_error *err)
{
    eg_yaml *map = eg_arena_alloc(arena, sizeof *map);
    eg_yaml **items = eg_arena_calloc(arena, base->count + 1, sizeof *items);
    if (!map || !items)
        return eg_fail_nomem(err, "a family");
    *map = *base;
    map->items = items;
    map->count = 0;
    for (size_t i = 0; i < base->count; i++) {
        const char *key = base->items[i]->key;
        if (strcmp(key, "model_types") != 0 && strcmp(key, "match") != 0 && strcmp(key, "extends") != 0)
            items[map->count++] = base->items[i];
    }
    *out = map;
    return EG_OK;
}

/* Where the base lies: beside the file that extends it (but not that file), else in the folder of the families. */
static eg_status
find_base(eg_family *family, const char *dir, const eg_yaml *extends, const char *file, const char **out, eg_error *err)
{
    const char *name;
    EG_TRY(eg_yaml_as_string(extends, &name, err));
    if (*name == '\0' || strchr(name, '/') || *name == '.')
        return eg_yaml_fail(extends, err, "extends takes the name of a family, not a path");
    const char *folder = folder_of(&family->arena, file);
    const char *near = folder ? eg_family_path(&family->arena, folder, name) : NULL;
    const char *installed = eg_family_path(&family->arena, dir, name), *own = name_of(&family->arena, file);
    if (!near || !installed || !own)
        return eg_fail_nomem(err, "a family");
    *out = strcmp(own, name) != 0 && eg_file_exists(near) ? near : installed;
    return eg_file_exists(*out) ? EG_OK : eg_yaml_fail(extends, err, "there is no family '%s'", name);
}

static eg_status
load_with_bases(eg_family *family, const char *dir, const char *file, const eg_yaml **out, eg_error *err)
{
    const eg_yaml *root;
    EG_TRY(eg_yaml_load(file, &family->arena, &root, err));
    EG_TRY(eg_yaml_expect(root, EG_YAML_MAP, err));
    const eg_yaml *extends = eg_yaml_get(root, "extends");
    if (!extends) {
        *out = root;
        return EG_OK;
    }
    const char *base_file;
    EG_TRY(find_base(family, dir, extends, file, &base_file, err));
    bool cycle = strcmp(base_file, family->file) == 0;
    for (uint32_t i = 0; i < family->base_count; i++)
        cycle |= strcmp(base_file, family->bases[i].file) == 0;
    if (cycle)
        return eg_yaml_fail(extends, err, "'%s' extends itself", extends->text);
    if (family->base_count == EG_EXTENDS_MAX)
        return eg_yaml_fail(extends, err, "more than %d families extend one another", EG_EXTENDS_MAX);
    family->bases[family->base_count++] = (eg_extends){base_file, extends};
    const eg_yaml *base, *inherited;
    EG_TRY(load_with_bases(family, dir, base_file, &base, err));
    EG_TRY(heritable(&family->arena, base, &inherited, err));
    return merge_maps(&family->arena, inherited, root, out, err);
}

static eg_status
load_common(eg_family *family, const char *dir, eg_error *err)
{
    const char *path = eg_family_path(&family->arena, dir, common_name);
    if (!path)
        return eg_fail_nomem(err, "a family");
    if (!eg_file_exists(path))
        return EG_OK;
    static const char *const known[] = {"ignore"};
    EG_TRY(eg_yaml_load(path, &family->arena, &family->common, err));
    EG_TRY(eg_yaml_expect(family->common, EG_YAML_MAP, err));
    return eg_yaml_check_keys(family->common, known, 1, err);
}

static eg_status
no_such_family(const char *dir, const char *what, eg_error *err)
{
    eg_arena arena = {0};
    const char *const *names;
    size_t count;
    eg_status status = eg_family_list(dir, &arena, &names, &count, err);
    if (status == EG_OK) {
        const char *near = eg_nearest(what, names, count);
        status = eg_fail(err, EG_E_USAGE, "there is no family '%s' in %s", what, dir);
        if (near)
            status = eg_hint(err, status, "did you mean '%s'?", near);
        else
            status = eg_hint(err, status, "`egbert families` lists them; a file is named with its path");
    }
    eg_arena_finish(&arena);
    return status;
}

static eg_status
load_into(eg_family *family, const char *dir, const char *what, eg_error *err)
{
    bool file = names_file(what);
    family->file = file ? eg_arena_strdup(&family->arena, what) : eg_family_path(&family->arena, dir, what);
    family->name = name_of(&family->arena, what);
    if (!family->file || !family->name)
        return eg_fail_nomem(err, "a family");
    if (!file && !eg_file_exists(family->file))
        return no_such_family(dir, what, err);
    EG_TRY(load_common(family, dir, err));
    eg_status status = load_with_bases(family, dir, family->file, &family->root, err);
    if (status == EG_OK)
        status = eg_family_check(family->root, err);
    return eg_family_note_extends(family, status, err);
}

eg_status
eg_family_load(const char *dir, const char *what, eg_family *out, eg_error *err)
{
    *out = (eg_family){0};
    eg_status status = load_into(out, dir, what, err);
    if (status != EG_OK)
        eg_family_finish(out);
    return status;
}

void
eg_family_finish(eg_family *family)
{
    eg_arena_finish(&family->arena);
    *family = (eg_family){0};
}

/* --- the folder ---------------------------------------------------------------------------------- */

static int
by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static eg_status
read_folder(DIR *folder, eg_arena *arena, const char *const **out, size_t *out_count, eg_error *err)
{
    EG_VEC(const char *) names = {0};
    eg_status status = EG_OK;
    struct dirent *entry;
    while (status == EG_OK && (entry = readdir(folder))) {
        if (*entry->d_name == '.' || !ends_with(entry->d_name, suffix))
            continue;
        const char *name = name_of(arena, entry->d_name);
        if (!name || (strcmp(name, common_name) != 0 && !EG_PUSH(&names, name)))
            status = eg_fail_nomem(err, "the list of families");
    }
    const char **copy = status == EG_OK ? eg_arena_calloc(arena, names.count + 1, sizeof *copy) : NULL;
    if (status == EG_OK && !copy)
        status = eg_fail_nomem(err, "the list of families");
    if (copy && names.count) {
        memcpy(copy, names.items, names.count * sizeof *copy);
        qsort(copy, names.count, sizeof *copy, by_name);
    }
    *out = copy;
    *out_count = names.count;
    eg_free(names.items);
    return status;
}

eg_status
eg_family_list(const char *dir, eg_arena *arena, const char *const **out, size_t *out_count, eg_error *err)
{
    DIR *folder = opendir(dir);
    if (!folder)
        return eg_fail_at(err, EG_E_INPUT, dir, 0, 0, "the folder of the family files cannot be read");
    eg_status status = read_folder(folder, arena, out, out_count, err);
    closedir(folder);
    return status;
}
