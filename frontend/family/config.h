/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.json against the family's `config:` section. Each key is used, ignored by name, or refused with its place, the
 * nearest known key and the flag that lets it pass.
 *
 * Thread-safety: immutable once read.
 */
#ifndef EG_FRONTEND_FAMILY_CONFIG_H
#define EG_FRONTEND_FAMILY_CONFIG_H

#include "base/map.h"
#include "frontend/family/eval.h"
#include "frontend/family/family.h"

/* One key that the family declares. */
typedef struct eg_config_entry {
    const char *name;
    const eg_yaml *spec;
    const eg_json *json; /* what was found; NULL: the default holds, or nothing */
    const char *file;    /* json's */
    eg_datum value;
    bool has_value;
    enum { EG_CONFIG_UNREAD, EG_CONFIG_READING, EG_CONFIG_READ } state;
} eg_config_entry;

typedef struct eg_config {
    eg_arena arena;
    const char *file;
    const eg_json *root; /* with the instance's overrides put in */
    const eg_json *overrides;
    size_t override_count;
    const char *override_file;
    eg_config_entry *entries;
    size_t count;
    eg_map by_name;
    const char *model_type;   /* or NULL */
    const char *problem_type; /* or NULL */
    const char *const *architectures;
    size_t architecture_count;
    const char *const *labels; /* id2label in order; NULL: none */
    int64_t num_labels;
    bool tie_word_embeddings;
    uint32_t depth, effort; /* while it is read: defaults that wait for one another, evaluations made */
} eg_config;

typedef struct eg_config_options {
    const char *const *ignore; /* --ignore-config */
    uint32_t ignore_count;
    const eg_yaml *overrides;       /* an instance's `config:` map, or NULL */
    const eg_yaml *ignore_instance; /* an instance's `ignore:` list, or NULL */
} eg_config_options;

/* root must be an object that outlives the config, as must the family. */
EG_NODISCARD eg_status eg_config_read(const eg_family *family, const eg_json *root, const char *file,
                                      const eg_config_options *options, eg_config *out, eg_error *err);
void eg_config_finish(eg_config *config); /* {0} is fine */

/* For eg_expr_env.look_up: the value of a key. */
EG_NODISCARD eg_status eg_config_look_up(const eg_config *config, const char *name, eg_datum *out, bool *found,
                                         eg_error *err);

/* NULL if the family declares no such key. */
const eg_config_entry *eg_config_find(const eg_config *config, const char *name);

/* For eg_expr_env.nearest_key; keys is an eg_config. A key that is declared under that very name is not proposed. */
const char *eg_config_nearest(const void *keys, const char *name);

/* The members of `inspect`'s "config" object: each declared key that has a value. */
void eg_config_write(const eg_config *config, eg_strbuf *out);

/* activation.c: the op of an activation by its Hugging Face name, and gelu's `form` (NULL: exact). */
typedef struct eg_activation {
    const char *name, *op, *form;
} eg_activation;
const eg_activation *eg_activation_find(const char *name); /* NULL if unknown */
const char *eg_activation_nearest(const char *name);       /* or NULL */

#endif
