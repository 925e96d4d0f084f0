/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/family/config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *
file_of(const eg_config *config, const eg_json *member)
{
    bool overridden =
        config->override_count && member >= config->overrides && member < config->overrides + config->override_count;
    return overridden ? config->override_file : config->file;
}

/* --- an instance's `config:` as JSON members ----------------------------------------------------- */

static eg_status
json_of_yaml(eg_config *config, const eg_yaml *node, eg_json *out, eg_error *err)
{
    *out = (eg_json){.line = node->line,
                     .column = node->column,
                     .key = node->key,
                     .key_line = node->key_line,
                     .key_column = node->key_column,
                     .key_length = node->key ? strlen(node->key) : 0};
    switch (node->type) {
    case EG_YAML_NULL:
        out->type = EG_JSON_NULL;
        return EG_OK;
    case EG_YAML_BOOL:
        out->type = EG_JSON_BOOL;
        out->boolean = node->boolean;
        return EG_OK;
    case EG_YAML_INT:
        out->type = EG_JSON_INT;
        out->integer = node->integer;
        out->real = (double)node->integer;
        return EG_OK;
    case EG_YAML_REAL:
        out->type = EG_JSON_REAL;
        out->real = node->real;
        return EG_OK;
    case EG_YAML_STRING:
        out->type = EG_JSON_STRING;
        out->string = node->text;
        out->length = node->length;
        return EG_OK;
    case EG_YAML_LIST:
    case EG_YAML_MAP:
        break;
    }
    out->type = node->type == EG_YAML_LIST ? EG_JSON_ARRAY : EG_JSON_OBJECT;
    out->count = node->count;
    out->items = eg_arena_calloc(&config->arena, node->count + 1, sizeof *out->items);
    if (!out->items)
        return eg_fail_nomem(err, "the config");
    for (size_t i = 0; i < node->count; i++)
        EG_TRY(json_of_yaml(config, node->items[i], &out->items[i], err));
    return EG_OK;
}

/* The overrides first, then what they leave of config.json. */
static eg_status
put_overrides(eg_config *config, const eg_json *root, const eg_yaml *overrides, eg_error *err)
{
    eg_json *merged = eg_arena_alloc(&config->arena, sizeof *merged);
    eg_json *items = eg_arena_calloc(&config->arena, overrides->count + root->count + 1, sizeof *items);
    if (!merged || !items)
        return eg_fail_nomem(err, "the config");
    for (size_t i = 0; i < overrides->count; i++)
        EG_TRY(json_of_yaml(config, overrides->items[i], &items[i], err));
    size_t count = overrides->count;
    for (size_t i = 0; i < root->count; i++) {
        if (!eg_yaml_get(overrides, root->items[i].key))
            items[count++] = root->items[i];
    }
    *merged = *root;
    merged->items = items;
    merged->count = count;
    config->root = merged;
    config->overrides = items;
    config->override_count = overrides->count;
    config->override_file = overrides->file;
    return EG_OK;
}

/* --- finding a key ------------------------------------------------------------------------------- */

/* The value at a dotted path that is there and not null; *out_file is the file it lies in. */
static const eg_json *
find_path(const eg_config *config, const char *path, const char **out_file)
{
    const eg_json *at = config->root;
    bool first = true;
    char part[256];
    while (at) {
        size_t n = strcspn(path, ".");
        if (n >= sizeof part)
            return NULL;
        memcpy(part, path, n);
        part[n] = '\0';
        at = eg_json_get(at, part);
        if (at && first)
            *out_file = file_of(config, at);
        first = false;
        if (path[n] == '\0')
            break;
        path += n + 1;
    }
    return at && at->type != EG_JSON_NULL ? at : NULL;
}

static const eg_json *
find_entry(const eg_config *config, const eg_config_entry *entry, const char **out_file)
{
    const eg_yaml *keys = eg_yaml_get(entry->spec, "keys");
    if (!keys)
        return find_path(config, entry->name, out_file);
    for (size_t i = 0; i < keys->count; i++) {
        const eg_json *found = find_path(config, keys->items[i]->text, out_file);
        if (found)
            return found;
    }
    return NULL;
}

/* --- typing -------------------------------------------------------------------------------------- */

static const char *
type_of(const eg_yaml *spec)
{
    return spec->type == EG_YAML_MAP ? eg_yaml_get(spec, "type")->text : spec->text;
}

static eg_status
wrong_type(const eg_config_entry *entry, const eg_json *json, const char *expected, eg_error *err)
{
    return eg_fail_at(err, EG_E_INPUT, entry->file, json->line, json->column, "%s is %s; %s is expected", entry->name,
                      eg_json_type_name(json), expected);
}

/* A word that config.json gives, against `of:`, or the activations there are. */
static eg_status
check_word(const eg_config_entry *entry, const char *type, const eg_json *json, eg_error *err)
{
    if (strcmp(type, "activation") == 0 && !eg_activation_find(json->string)) {
        eg_status status = eg_fail_at(err, EG_E_INPUT, entry->file, json->line, json->column,
                                      "%s is '%s', an activation that is not known", entry->name, json->string);
        const char *near = eg_activation_nearest(json->string);
        return near ? eg_hint(err, status, "did you mean '%s'?", near) : status;
    }
    const eg_yaml *of = eg_yaml_get(entry->spec, "of");
    if (!of)
        return EG_OK;
    eg_strbuf list = {0};
    for (size_t i = 0; i < of->count; i++) {
        if (strcmp(of->items[i]->text, json->string) == 0) {
            eg_strbuf_finish(&list);
            return EG_OK;
        }
        eg_strbuf_printf(&list, "%s%s", i ? ", " : "", of->items[i]->text);
    }
    eg_status status = eg_fail_at(err, EG_E_INPUT, entry->file, json->line, json->column,
                                  "%s is '%s', which this family does not have", entry->name, json->string);
    status = eg_hint(err, status, "it has %s", list.data ? list.data : "none");
    eg_strbuf_finish(&list);
    return status;
}

static eg_status datum_of_json(eg_config *config, const eg_config_entry *entry, const char *type, const eg_json *json,
                               eg_datum *out, eg_error *err);

static eg_status
datum_of_items(eg_config *config, const eg_config_entry *entry, const eg_json *json, eg_datum *out, eg_error *err)
{
    const eg_yaml *items_type = eg_yaml_get(entry->spec, "items");
    eg_datum *items = eg_arena_calloc(&config->arena, json->count + 1, sizeof *items);
    if (!items)
        return eg_fail_nomem(err, "the config");
    for (size_t i = 0; i < json->count; i++) {
        EG_TRY(datum_of_json(config, entry, items_type ? items_type->text : "string", &json->items[i], &items[i], err));
        items[i].key = json->items[i].key;
    }
    *out = (eg_datum){
        .type = json->type == EG_JSON_ARRAY ? EG_DATUM_LIST : EG_DATUM_MAP, .items = items, .count = json->count};
    return EG_OK;
}

/* "c2p|p2c" as a list, blanks around the parts left out. */
static eg_status
split_text(eg_config *config, const char *text, const char *separator, eg_datum *out, eg_error *err)
{
    size_t count = 1, n = strlen(separator);
    for (const char *c = text; (c = strstr(c, separator)); c += n)
        count++;
    eg_datum *items = eg_arena_calloc(&config->arena, count, sizeof *items);
    if (!items)
        return eg_fail_nomem(err, "the config");
    for (size_t i = 0; i < count; i++) {
        const char *end = strstr(text, separator), *stop = end ? end : text + strlen(text);
        const char *next = end ? end + n : stop;
        while (text < stop && *text == ' ')
            text++;
        while (stop > text && stop[-1] == ' ')
            stop--;
        const char *copy = eg_arena_strndup(&config->arena, text, (size_t)(stop - text));
        if (!copy)
            return eg_fail_nomem(err, "the config");
        items[i] = eg_datum_string(copy);
        text = next;
    }
    *out = (eg_datum){.type = EG_DATUM_LIST, .items = items, .count = count};
    return EG_OK;
}

static eg_status
datum_of_json(eg_config *config, const eg_config_entry *entry, const char *type, const eg_json *json, eg_datum *out,
              eg_error *err)
{
    *out = (eg_datum){.type = EG_DATUM_NONE};
    if (json->type == EG_JSON_NULL)
        return EG_OK;
    if (strcmp(type, "int") == 0) {
        if (json->type == EG_JSON_BIG)
            return wrong_type(entry, json, "an integer of at most 64 bits", err);
        if (json->type != EG_JSON_INT)
            return wrong_type(entry, json, "an integer", err);
        *out = eg_datum_int(json->integer);
    } else if (strcmp(type, "float") == 0) {
        if (json->type != EG_JSON_INT && json->type != EG_JSON_REAL)
            return wrong_type(entry, json, "a number", err);
        *out = eg_datum_real(json->real);
    } else if (strcmp(type, "bool") == 0) {
        if (json->type != EG_JSON_BOOL)
            return wrong_type(entry, json, "true or false", err);
        *out = eg_datum_bool(json->boolean);
    } else if (strcmp(type, "list") == 0) {
        const eg_yaml *split = eg_yaml_get(entry->spec, "split");
        if (split && json->type == EG_JSON_STRING)
            return split_text(config, json->string, split->text, out, err);
        if (json->type != EG_JSON_ARRAY)
            return wrong_type(entry, json, "a list", err);
        return datum_of_items(config, entry, json, out, err);
    } else if (strcmp(type, "map") == 0) {
        if (json->type != EG_JSON_OBJECT)
            return wrong_type(entry, json, "an object", err);
        return datum_of_items(config, entry, json, out, err);
    } else {
        if (json->type != EG_JSON_STRING || memchr(json->string, '\0', json->length))
            return wrong_type(entry, json, "a string", err);
        EG_TRY(check_word(entry, type, json, err));
        *out = eg_datum_string(json->string);
    }
    return EG_OK;
}

/* In config.json, or in the family where the default is not what it should be. */
static eg_status
fail_range(const eg_config_entry *entry, const char *shown, const char *what, const char *bound, eg_error *err)
{
    if (!entry->json)
        return eg_yaml_fail(eg_yaml_get(entry->spec, "default"), err, "the default of %s is %s; %s %s is expected",
                            entry->name, shown, what, bound);
    return eg_fail_at(err, EG_E_INPUT, entry->file, entry->json->line, entry->json->column,
                      "%s is %s; %s %s is expected", entry->name, shown, what, bound);
}

/* `min:` and `max:` of the declaration. */
static eg_status
check_range(const eg_config_entry *entry, const char *type, eg_error *err)
{
    bool integer = strcmp(type, "int") == 0;
    const eg_yaml *min = eg_yaml_get(entry->spec, "min"), *max = eg_yaml_get(entry->spec, "max");
    if ((!min && !max) || !eg_datum_is_number(&entry->value))
        return EG_OK;
    double bound, value = eg_datum_number(&entry->value);
    char shown[40];
    if (integer)
        snprintf(shown, sizeof shown, "%" PRId64, entry->value.integer);
    else
        snprintf(shown, sizeof shown, "%g", value);
    if (min) {
        EG_TRY(eg_yaml_as_number(min, &bound, err));
        if (value < bound)
            return fail_range(entry, shown, "at least", min->text, err);
    }
    if (max) {
        EG_TRY(eg_yaml_as_number(max, &bound, err));
        if (value > bound)
            return fail_range(entry, shown, "at most", max->text, err);
    }
    return EG_OK;
}

/* --- values, each found or defaulted when first asked for ---------------------------------------- */

static eg_status
look_up_for_default(void *user, const char *name, bool config_only, eg_datum *out, bool *found, eg_error *err)
{
    (void)config_only;
    return eg_config_look_up(user, name, out, found, err);
}

static bool
is_word_type(const char *type)
{
    return strcmp(type, "string") == 0 || strcmp(type, "enum") == 0 || strcmp(type, "activation") == 0;
}

static eg_status
take_default(eg_config *config, eg_config_entry *entry, const char *type, eg_error *err)
{
    const eg_yaml *node = entry->spec->type == EG_YAML_MAP ? eg_yaml_get(entry->spec, "default") : NULL;
    if (!node || node->type == EG_YAML_NULL)
        return EG_OK;
    eg_expr_env env = {.user = config,
                       .look_up = look_up_for_default,
                       .nearest_key = eg_config_nearest,
                       .keys = config,
                       .effort = &config->effort,
                       .arena = &config->arena};
    if (is_word_type(type)) {
        const char *text;
        EG_TRY(eg_eval_text(node, &env, &text, err));
        if (text)
            entry->value = eg_datum_string(text);
    } else {
        EG_TRY(eg_eval_value(node, &env, &entry->value, err));
        bool real = strcmp(type, "float") == 0 && eg_datum_is_number(&entry->value);
        if (real)
            entry->value = eg_datum_real(eg_datum_number(&entry->value));
        eg_datum_type got = entry->value.type;
        bool fits = got == EG_DATUM_NONE || real || (strcmp(type, "int") == 0 && got == EG_DATUM_INT) ||
                    (strcmp(type, "bool") == 0 && got == EG_DATUM_BOOL) ||
                    (strcmp(type, "list") == 0 && got == EG_DATUM_LIST);
        if (!fits)
            return eg_yaml_fail(node, err, "the default of %s is %s; its type is %s", entry->name,
                                eg_datum_type_name(got), type);
    }
    entry->has_value = entry->value.type != EG_DATUM_NONE;
    return EG_OK;
}

enum { DEFAULT_DEPTH = 64 };

static eg_status
read_entry(eg_config *config, eg_config_entry *entry, eg_error *err)
{
    if (entry->state == EG_CONFIG_READ)
        return EG_OK;
    if (entry->state == EG_CONFIG_READING)
        return eg_yaml_fail_key(entry->spec, err, "the default of %s needs its own value", entry->name);
    if (config->depth == DEFAULT_DEPTH)
        return eg_yaml_fail_key(entry->spec, err, "defaults that need one another: more than %d", DEFAULT_DEPTH);
    entry->state = EG_CONFIG_READING;
    const char *type = type_of(entry->spec);
    entry->json = find_entry(config, entry, &entry->file);
    if (entry->json) {
        EG_TRY(datum_of_json(config, entry, type, entry->json, &entry->value, err));
        entry->has_value = true;
    } else {
        config->depth++;
        EG_TRY(take_default(config, entry, type, err));
        config->depth--;
        if (!entry->file)
            entry->file = config->file;
    }
    EG_TRY(check_range(entry, type, err));
    entry->state = EG_CONFIG_READ;
    return EG_OK;
}

const eg_config_entry *
eg_config_find(const eg_config *config, const char *name)
{
    uint64_t index;
    return eg_map_get(&config->by_name, name, strlen(name), &index) ? &config->entries[index] : NULL;
}

/* Keys that every model has, whether or not its family declares them. */
static bool
look_up_builtin(const eg_config *config, const char *name, eg_datum *out)
{
    if (strcmp(name, "num_labels") == 0)
        *out = eg_datum_int(config->num_labels);
    else if (strcmp(name, "tie_word_embeddings") == 0)
        *out = eg_datum_bool(config->tie_word_embeddings);
    else if (strcmp(name, "model_type") == 0 && config->model_type)
        *out = eg_datum_string(config->model_type);
    else if (strcmp(name, "problem_type") == 0 && config->problem_type)
        *out = eg_datum_string(config->problem_type);
    else
        return false;
    return true;
}

eg_status
eg_config_look_up(const eg_config *config, const char *name, eg_datum *out, bool *found, eg_error *err)
{
    eg_config_entry *entry = (eg_config_entry *)eg_config_find(config, name);
    if (!entry) {
        *found = look_up_builtin(config, name, out);
        return EG_OK;
    }
    /* Only while defaults are being read is anything unread; a config that is out of eg_config_read is immutable. */
    EG_TRY(read_entry((eg_config *)config, entry, err));
    *found = entry->has_value;
    if (entry->has_value)
        *out = entry->value;
    return EG_OK;
}

const char *
eg_config_nearest(const void *keys, const char *name)
{
    const eg_config *config = keys;
    EG_VEC(const char *) names = {0};
    bool pushed = !eg_config_find(config, name);
    for (size_t i = 0; i < config->count && pushed; i++)
        pushed = EG_PUSH(&names, config->entries[i].name);
    const char *near = eg_nearest(name, names.items, names.count);
    eg_free(names.items);
    return near;
}

/* --- the keys that every model has --------------------------------------------------------------- */

static const char *const builtin_keys[] = {
    "model_type",          "architectures",     "id2label",     "label2id",   "num_labels",
    "tie_word_embeddings", "problem_type",      "pruned_heads", "is_decoder", "quantization_config",
    "add_cross_attention", "is_encoder_decoder"};
enum { BUILTIN_COUNT = sizeof builtin_keys / sizeof *builtin_keys };

/* What no flag lets pass: the numbers would be wrong. */
static eg_status
refuse_what_matters(const eg_config *config, eg_error *err)
{
    static const char *const switches[] = {"is_decoder", "add_cross_attention", "is_encoder_decoder"};
    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++) {
        const eg_json *value = eg_json_get(config->root, switches[i]);
        if (!value || value->type == EG_JSON_NULL || eg_config_find(config, switches[i]))
            continue;
        if (value->type != EG_JSON_BOOL)
            return eg_json_wrong_type(value, file_of(config, value), "true or false", err);
        if (value->boolean) {
            eg_status status = eg_fail_at(err, EG_E_INPUT, file_of(config, value), value->line, value->column,
                                          "%s is true; this family is an encoder only", switches[i]);
            return eg_hint(err, status, "a decoder computes other numbers, so this key is never ignored");
        }
    }
    const eg_json *pruned = eg_json_get(config->root, "pruned_heads");
    if (pruned && pruned->type != EG_JSON_NULL && (pruned->type != EG_JSON_OBJECT || pruned->count > 0))
        return eg_fail_at(err, EG_E_INPUT, file_of(config, pruned), pruned->line, pruned->column,
                          "pruned_heads is not empty; models with pruned heads are not supported");
    const eg_json *quantized = eg_json_get(config->root, "quantization_config");
    if (quantized && quantized->type != EG_JSON_NULL)
        return eg_fail_at(err, EG_E_INPUT, file_of(config, quantized), quantized->line, quantized->column,
                          "quantization_config is there; checkpoints with quantised weights are not supported");
    return EG_OK;
}

static eg_status
builtin_member(const eg_config *config, const char *key, eg_json_type type, const char *expected, const eg_json **out,
               eg_error *err)
{
    const eg_json *value = eg_json_get(config->root, key);
    *out = value && value->type != EG_JSON_NULL ? value : NULL;
    if (*out && value->type != type)
        return eg_json_wrong_type(value, file_of(config, value), expected, err);
    return EG_OK;
}

/* Every label that has no name gets one, so that a number alone must not ask for all memory. */
#define MOST_LABELS (INT64_C(1) << 22)

/* id2label's keys are the numbers 0 to n - 1, in any order. */
static eg_status
read_labels(eg_config *config, eg_error *err)
{
    const eg_json *labels, *number;
    EG_TRY(builtin_member(config, "id2label", EG_JSON_OBJECT, "an object", &labels, err));
    EG_TRY(builtin_member(config, "num_labels", EG_JSON_INT, "an integer", &number, err));
    config->num_labels = number ? number->integer : 2;
    if (number && (number->integer < 1 || number->integer > MOST_LABELS))
        return eg_fail_at(err, EG_E_INPUT, file_of(config, number), number->line, number->column,
                          "num_labels is %" PRId64 "; 1 to %" PRId64 " is expected", number->integer, MOST_LABELS);
    if (!labels || labels->count == 0)
        return EG_OK;
    const char **names = eg_arena_calloc(&config->arena, labels->count, sizeof *names);
    if (!names)
        return eg_fail_nomem(err, "the labels");
    for (size_t i = 0; i < labels->count; i++) {
        const eg_json *label = &labels->items[i];
        if (label->type != EG_JSON_STRING)
            return eg_json_wrong_type(label, file_of(config, labels), "a string", err);
        char *end;
        unsigned long index = strtoul(label->key, &end, 10);
        bool number_key = *label->key >= '0' && *label->key <= '9' && *end == '\0';
        if (!number_key || index >= labels->count || names[index])
            return eg_fail_at(err, EG_E_INPUT, file_of(config, labels), label->key_line, label->key_column,
                              "id2label has the key '%s'; its %zu keys are the numbers from 0, each once", label->key,
                              labels->count);
        names[index] = label->string;
    }
    if (number && number->integer != (int64_t)labels->count)
        return eg_fail_at(err, EG_E_INPUT, file_of(config, number), number->line, number->column,
                          "num_labels is %" PRId64 ", and id2label has %zu labels", number->integer, labels->count);
    config->labels = names;
    config->num_labels = (int64_t)labels->count;
    return EG_OK;
}

static eg_status
read_builtins(eg_config *config, eg_error *err)
{
    const eg_json *value;
    EG_TRY(builtin_member(config, "model_type", EG_JSON_STRING, "a string", &value, err));
    config->model_type = value ? value->string : NULL;
    EG_TRY(builtin_member(config, "problem_type", EG_JSON_STRING, "a string", &value, err));
    config->problem_type = value ? value->string : NULL;
    if (value && !eg_is_problem_type(value->string))
        return eg_hint(err,
                       eg_fail_at(err, EG_E_INPUT, file_of(config, value), value->line, value->column,
                                  "problem_type is '%s'", value->string),
                       EG_PROBLEM_TYPE_HINT);
    EG_TRY(builtin_member(config, "tie_word_embeddings", EG_JSON_BOOL, "true or false", &value, err));
    config->tie_word_embeddings = value ? value->boolean : true;
    EG_TRY(builtin_member(config, "architectures", EG_JSON_ARRAY, "a list", &value, err));
    if (value) {
        const char **names = eg_arena_calloc(&config->arena, value->count + 1, sizeof *names);
        if (!names)
            return eg_fail_nomem(err, "the config");
        for (size_t i = 0; i < value->count; i++) {
            if (value->items[i].type != EG_JSON_STRING)
                return eg_json_wrong_type(&value->items[i], file_of(config, value), "a string", err);
            names[i] = value->items[i].string;
        }
        config->architectures = names;
        config->architecture_count = value->count;
    }
    return read_labels(config, err);
}

/* --- keys that nobody reads ---------------------------------------------------------------------- */

typedef struct known_keys {
    EG_VEC(const char *) used;    /* paths that the family reads: suggestions */
    EG_VEC(const char *) ignored; /* paths that may be there */
} known_keys;

static bool
push_list(known_keys *known, const eg_yaml *list)
{
    for (size_t i = 0; list && i < list->count; i++) {
        if (!EG_PUSH(&known->ignored, list->items[i]->text))
            return false;
    }
    return true;
}

static bool
push_used(known_keys *known, const eg_config *config)
{
    for (size_t i = 0; i < config->count; i++) {
        const eg_yaml *keys = eg_yaml_get(config->entries[i].spec, "keys");
        if (!keys && !EG_PUSH(&known->used, config->entries[i].name))
            return false;
        for (size_t k = 0; keys && k < keys->count; k++) {
            if (!EG_PUSH(&known->used, keys->items[k]->text))
                return false;
        }
    }
    for (size_t i = 0; i < BUILTIN_COUNT; i++) {
        if (!EG_PUSH(&known->used, builtin_keys[i]))
            return false;
    }
    return true;
}

typedef enum { KEY_UNKNOWN, KEY_KNOWN, KEY_PREFIX } key_relation;

/* Whether the path is one of the list, or leads to one. */
static key_relation
relate(const char *path, const char *const *list, size_t count)
{
    size_t n = strlen(path);
    key_relation relation = KEY_UNKNOWN;
    for (size_t i = 0; i < count; i++) {
        if (strncmp(list[i], path, n) != 0)
            continue;
        if (list[i][n] == '\0')
            return KEY_KNOWN;
        if (list[i][n] == '.')
            relation = KEY_PREFIX;
    }
    return relation;
}

static eg_status
refuse_key(const known_keys *known, const char *path, const char *file, const eg_json *member, eg_error *err)
{
    eg_status status = eg_fail_at(err, EG_E_INPUT, file, member->key_line, member->key_column,
                                  "'%s' is a key that this family does not know", path);
    const char *near = eg_nearest(path, known->used.items, known->used.count);
    if (near)
        return eg_hint(err, status, "did you mean '%s'? --ignore-config %s lets it pass unread", near, path);
    return eg_hint(err, status, "--ignore-config %s lets it pass unread", path);
}

static eg_status
check_members(const eg_config *config, const known_keys *known, const eg_json *object, const char *prefix,
              const char *file, eg_error *err)
{
    for (size_t i = 0; i < object->count; i++) {
        const eg_json *member = &object->items[i];
        const char *where = file ? file : file_of(config, member);
        char path[512];
        int written = snprintf(path, sizeof path, "%s%s%s", prefix, *prefix ? "." : "", member->key);
        if (written < 0 || (size_t)written >= sizeof path || strlen(member->key) != member->key_length)
            return eg_fail_at(err, EG_E_INPUT, where, member->key_line, member->key_column, "the key is too long");
        key_relation used = relate(path, known->used.items, known->used.count);
        key_relation ignored = relate(path, known->ignored.items, known->ignored.count);
        if (used == KEY_KNOWN || ignored == KEY_KNOWN || (*prefix && member->type == EG_JSON_NULL))
            continue;
        if (used == KEY_UNKNOWN && ignored == KEY_UNKNOWN)
            return refuse_key(known, path, where, member, err);
        if (member->type == EG_JSON_OBJECT)
            EG_TRY(check_members(config, known, member, path, where, err));
        else if (member->type != EG_JSON_NULL)
            return eg_fail_at(err, EG_E_INPUT, where, member->line, member->column, "%s is %s; an object is expected",
                              path, eg_json_type_name(member));
    }
    return EG_OK;
}

static eg_status
check_unknown(const eg_config *config, const eg_family *family, const eg_config_options *options, eg_error *err)
{
    known_keys known = {0};
    bool pushed = push_used(&known, config) && push_list(&known, eg_yaml_get(family->root, "ignore")) &&
                  push_list(&known, eg_yaml_get(family->common, "ignore")) &&
                  push_list(&known, options->ignore_instance);
    for (uint32_t i = 0; pushed && i < options->ignore_count; i++)
        pushed = EG_PUSH(&known.ignored, options->ignore[i]);
    eg_status status =
        pushed ? check_members(config, &known, config->root, "", NULL, err) : eg_fail_nomem(err, "the config");
    eg_free(known.used.items);
    eg_free(known.ignored.items);
    return status;
}

/* --- conditions: `require:` ---------------------------------------------------------------------- */

/* Each key of the condition with its value: "hidden_size = 32, num_attention_heads = 5". */
static void
list_values(const eg_config *config, const char *condition, const eg_config_entry **first, eg_strbuf *out)
{
    for (const char *c = condition; (c = strchr(c, '$')); c++) {
        size_t n = strspn(c + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
        char name[256];
        if (n >= sizeof name)
            continue;
        memcpy(name, c + 1, n);
        name[n] = '\0';
        const eg_config_entry *entry = eg_config_find(config, name);
        if (!entry || !entry->has_value)
            continue;
        eg_strbuf_printf(out, "%s%s = ", out->length ? ", " : "", name);
        eg_datum_write(&entry->value, out);
        if (!*first || (!(*first)->json && entry->json))
            *first = entry;
    }
}

static eg_status
check_required(eg_config *config, const eg_yaml *list, eg_error *err)
{
    eg_expr_env env = {.user = config,
                       .look_up = look_up_for_default,
                       .nearest_key = eg_config_nearest,
                       .keys = config,
                       .effort = &config->effort,
                       .arena = &config->arena};
    for (size_t i = 0; list && i < list->count; i++) {
        const eg_yaml *condition = list->items[i];
        bool holds;
        EG_TRY(eg_eval_truth(condition, &env, &holds, err));
        if (holds)
            continue;
        eg_strbuf values = {0};
        const eg_config_entry *first = NULL;
        list_values(config, condition->text, &first, &values);
        const eg_json *json = first ? first->json : NULL;
        eg_status status = eg_fail_at(err, EG_E_INPUT, first ? first->file : config->file, json ? json->line : 0,
                                      json ? json->column : 0, "%s", values.data ? values.data : "a condition fails");
        status =
            eg_hint(err, status, "this family needs %s (%s:%u)", condition->text, condition->file, condition->line);
        eg_strbuf_finish(&values);
        return status;
    }
    return EG_OK;
}

/* --- all of it ----------------------------------------------------------------------------------- */

static eg_status
declare(eg_config *config, const eg_yaml *section, eg_error *err)
{
    config->count = section ? section->count : 0;
    config->entries = eg_arena_calloc(&config->arena, config->count + 1, sizeof *config->entries);
    if (!config->entries || !eg_map_reserve(&config->by_name, config->count + 1))
        return eg_fail_nomem(err, "the config");
    for (size_t i = 0; i < config->count; i++) {
        const eg_yaml *spec = section->items[i];
        config->entries[i] = (eg_config_entry){.name = spec->key, .spec = spec};
        if (!eg_map_put(&config->by_name, spec->key, strlen(spec->key), i, NULL))
            return eg_fail_nomem(err, "the config");
    }
    return EG_OK;
}

static eg_status
read_all(const eg_family *family, const eg_json *root, const eg_config_options *options, eg_config *config,
         eg_error *err)
{
    if (root->type != EG_JSON_OBJECT)
        return eg_fail_at(err, EG_E_INPUT, config->file, root->line, root->column,
                          "config.json is %s; an object is expected", eg_json_type_name(root));
    config->root = root;
    if (options->overrides)
        EG_TRY(put_overrides(config, root, options->overrides, err));
    EG_TRY(declare(config, eg_yaml_get(family->root, "config"), err));
    EG_TRY(refuse_what_matters(config, err));
    EG_TRY(read_builtins(config, err));
    EG_TRY(check_unknown(config, family, options, err));
    for (size_t i = 0; i < config->count; i++)
        EG_TRY(read_entry(config, &config->entries[i], err));
    return check_required(config, eg_yaml_get(family->root, "require"), err);
}

eg_status
eg_config_read(const eg_family *family, const eg_json *root, const char *file, const eg_config_options *options,
               eg_config *out, eg_error *err)
{
    *out = (eg_config){.file = file};
    eg_status status = read_all(family, root, options, out, err);
    if (status != EG_OK)
        eg_config_finish(out);
    return status;
}

void
eg_config_finish(eg_config *config)
{
    eg_map_finish(&config->by_name);
    eg_arena_finish(&config->arena);
    *config = (eg_config){0};
}

void
eg_config_write(const eg_config *config, eg_strbuf *out)
{
    bool first = true;
    for (size_t i = 0; i < config->count; i++) {
        const eg_config_entry *entry = &config->entries[i];
        if (!entry->has_value)
            continue;
        if (!first)
            eg_strbuf_putc(out, ',');
        first = false;
        eg_strbuf_json(out, entry->name, strlen(entry->name));
        eg_strbuf_putc(out, ':');
        eg_datum_write(&entry->value, out);
    }
}
