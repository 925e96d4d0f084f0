/* SPDX-License-Identifier: Apache-2.0 */
/* Which family fits a config.json. */
#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "frontend/family/family.h"
#include "frontend/file.h"

static bool
list_has(const eg_yaml *list, const char *text)
{
    for (size_t i = 0; list && list->type == EG_YAML_LIST && i < list->count; i++) {
        if (strcmp(list->items[i]->text, text) == 0)
            return true;
    }
    return false;
}

bool
eg_family_has_model_type(const eg_family *family, const char *model_type)
{
    return list_has(eg_yaml_get(family->root, "model_types"), model_type);
}

static bool
equals_json(const eg_yaml *want, const eg_json *got)
{
    if (!got)
        return want->type == EG_YAML_NULL;
    switch (want->type) {
    case EG_YAML_NULL:
        return got->type == EG_JSON_NULL;
    case EG_YAML_BOOL:
        return got->type == EG_JSON_BOOL && got->boolean == want->boolean;
    case EG_YAML_INT:
        return got->type == EG_JSON_INT && got->integer == want->integer;
    case EG_YAML_REAL:
        return (got->type == EG_JSON_INT || got->type == EG_JSON_REAL) && got->real == want->real;
    case EG_YAML_STRING:
        return got->type == EG_JSON_STRING && strcmp(got->string, want->text) == 0;
    default:
        return false;
    }
}

static const char *
string_of(const eg_json *config, const char *key)
{
    const eg_json *value = eg_json_get(config, key);
    return value && value->type == EG_JSON_STRING ? value->string : NULL;
}

static bool
names_architecture(const eg_yaml *list, const eg_json *config)
{
    const eg_json *architectures = eg_json_get(config, "architectures");
    for (size_t i = 0; architectures && architectures->type == EG_JSON_ARRAY && i < architectures->count; i++) {
        const eg_json *name = &architectures->items[i];
        if (name->type == EG_JSON_STRING && list_has(list, name->string))
            return true;
    }
    return false;
}

/* How many conditions hold; 0 if one does not, or there are none. */
static uint32_t
fit(const eg_family *family, const eg_json *config)
{
    uint32_t met = 0;
    if (eg_yaml_get(family->root, "model_types")) {
        const char *model_type = string_of(config, "model_type");
        if (!model_type || !eg_family_has_model_type(family, model_type))
            return 0;
        met++;
    }
    const eg_yaml *match = eg_yaml_get(family->root, "match");
    const eg_yaml *architectures = eg_yaml_get(match, "architectures");
    if (architectures && !names_architecture(architectures, config))
        return 0;
    met += architectures != NULL;
    const eg_yaml *keys = eg_yaml_get(match, "keys");
    for (size_t i = 0; keys && i < keys->count; i++) {
        if (!equals_json(keys->items[i], eg_json_get(config, keys->items[i]->key)))
            return 0;
        met++;
    }
    return met;
}

typedef struct search {
    eg_family best;
    uint32_t met;
    char tied[128];    /* another family that fits as well */
    char broken[1536]; /* the first family that names the model type and cannot be read, and why */
    eg_arena arena;    /* of the model types, for the suggestion */
    EG_VEC(const char *) model_types;
} search;

static eg_status
remember_model_types(search *s, const eg_family *family, eg_error *err)
{
    const eg_yaml *list = eg_yaml_get(family->root, "model_types");
    for (size_t i = 0; list && i < list->count; i++) {
        const char *copy = eg_arena_strdup(&s->arena, list->items[i]->text);
        if (!copy || !EG_PUSH(&s->model_types, copy))
            return eg_fail_nomem(err, "the families");
    }
    return EG_OK;
}

/* Takes the family over or finishes it. */
static eg_status
consider(search *s, eg_family *family, const eg_json *config, eg_error *err)
{
    eg_status status = remember_model_types(s, family, err);
    uint32_t met = status == EG_OK ? fit(family, config) : 0;
    if (met > s->met) {
        eg_family_finish(&s->best);
        s->best = *family;
        s->met = met;
        s->tied[0] = '\0';
        return status;
    }
    if (met > 0 && met == s->met)
        snprintf(s->tied, sizeof s->tied, "%s", family->name);
    eg_family_finish(family);
    return status;
}

static eg_status
none_fits(search *s, const char *dir, const eg_json *config, const char *config_file, eg_error *err)
{
    const eg_json *value = eg_json_get(config, "model_type");
    const char *model_type = string_of(config, "model_type");
    if (!model_type) {
        eg_status status = eg_fail_at(err, EG_E_INPUT, config_file, value ? value->line : 0, value ? value->column : 0,
                                      "config.json has no model_type that could choose a family");
        return eg_hint(err, status, "name one with --family; `egbert families` lists them");
    }
    eg_status status = eg_fail_at(err, EG_E_INPUT, config_file, value->line, value->column,
                                  "no family in %s fits model_type '%s'", dir, model_type);
    if (s->broken[0])
        return eg_hint(err, status, "%s", s->broken);
    const char *near = eg_nearest(model_type, s->model_types.items, s->model_types.count);
    if (near)
        return eg_hint(err, status, "did you mean '%s'? --family NAME|FILE decides outright", near);
    return eg_hint(err, status, "`egbert families` lists what is known; --family NAME|FILE decides outright");
}

static bool
holds(const eg_file *file, const char *word)
{
    return file->size > 0 && memmem(file->data, file->size, word, strlen(word));
}

/*
 * Whether a family may have the model type, by the letters of its file alone: reading dozens of families takes as long as
 * opening a model. A name of plain letters is hidden only behind a backslash; a file without model_types fits any.
 */
static bool
may_have(const char *path, const char *model_type)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    eg_file file;
    if (!path || !model_type || model_type[strspn(model_type, plain)] || eg_file_map(path, 0, &file, NULL) != EG_OK)
        return true; /* whoever loads it says what is wrong */
    bool may = holds(&file, model_type) || holds(&file, "\\") || !holds(&file, "model_types");
    eg_file_unmap(&file);
    return may;
}

/* A family that cannot be read: said to whoever listens, and kept for the error where it may be the one that is missed. */
static void
leave_out(search *s, const char *name, bool likely, void (*notice)(void *user, const char *line), void *user,
          const eg_error *err)
{
    char line[sizeof s->broken], text[1400];
    eg_error_format(err, text, sizeof text);
    snprintf(line, sizeof line, "the family '%s' is left out: %s", name, text);
    if (likely && !s->broken[0])
        memcpy(s->broken, line, sizeof line);
    if (notice)
        notice(user, line);
}

/* Looks at the families that are likely to fit, or at the others. */
static eg_status
look_at(search *s, const char *dir, bool likely, const eg_json *config, void (*notice)(void *user, const char *line),
        void *user, eg_error *err)
{
    const char *const *names;
    size_t count;
    EG_TRY(eg_family_list(dir, &s->arena, &names, &count, err));
    for (size_t i = 0; i < count; i++) {
        eg_family family;
        if (may_have(eg_family_path(&s->arena, dir, names[i]), string_of(config, "model_type")) != likely)
            continue;
        eg_status status = eg_family_load(dir, names[i], &family, err);
        if (status == EG_E_NOMEM)
            return status;
        if (status == EG_OK)
            EG_TRY(consider(s, &family, config, err));
        else if (err)
            leave_out(s, names[i], likely, notice, user, err);
    }
    return EG_OK;
}

eg_status
eg_family_choose(const char *dir, const eg_json *config, const char *config_file,
                 void (*notice)(void *user, const char *line), void *user, eg_family *out, eg_error *err)
{
    search s = {0};
    *out = (eg_family){0};
    eg_status status = look_at(&s, dir, true, config, notice, user, err);
    if (status == EG_OK && s.met == 0)
        status = look_at(&s, dir, false, config, notice, user, err);
    if (status == EG_OK && s.met == 0)
        status = none_fits(&s, dir, config, config_file, err);
    if (status == EG_OK && s.tied[0]) {
        status = eg_fail_at(err, EG_E_INPUT, config_file, 0, 0, "the families '%s' and '%s' fit equally well",
                            s.best.name, s.tied);
        status = eg_hint(err, status, "decide with --family");
    }
    if (status == EG_OK) {
        *out = s.best;
        eg_error_init(err);
    } else {
        eg_family_finish(&s.best);
    }
    eg_arena_finish(&s.arena);
    eg_free(s.model_types.items);
    return status;
}
