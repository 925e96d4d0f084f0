/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A family file, read: `extends` merged, every key and every step checked against the tables of the language, so that a
 * mistake in a head that nobody runs today is found today. docs/family-language.md is the language.
 *
 * Thread-safety: a family is immutable once loaded.
 */
#ifndef EG_FRONTEND_FAMILY_FAMILY_H
#define EG_FRONTEND_FAMILY_FAMILY_H

#include "frontend/json.h"
#include "frontend/yaml.h"

enum { EG_EXTENDS_MAX = 8 };

/* One `extends: NAME` on the way: nodes that lie in `file` came here by the line at `at`. */
typedef struct eg_extends {
    const char *file;
    const eg_yaml *at;
} eg_extends;

typedef struct eg_family {
    eg_arena arena;
    const char *name;      /* the file's name without .yaml */
    const char *file;      /* its path */
    const eg_yaml *root;   /* with what it extends merged in */
    const eg_yaml *common; /* models/common.yaml, or NULL */
    eg_extends bases[EG_EXTENDS_MAX];
    uint32_t base_count;
} eg_family;

/*
 * Loads a family. what: a name (DIR/NAME.yaml) or, where it has a '/' or ends in .yaml, a file. EG_E_USAGE if there is
 * no such family, EG_E_INPUT with the place for anything wrong in the file.
 */
EG_NODISCARD eg_status eg_family_load(const char *dir, const char *what, eg_family *out, eg_error *err);
void eg_family_finish(eg_family *family); /* {0} is fine */

/* DIR/NAME.yaml, in the arena; NULL when out of memory. */
char *eg_family_path(eg_arena *arena, const char *dir, const char *name);

/* The names of DIR's families, sorted, in the arena. EG_E_INPUT if the folder cannot be read. */
EG_NODISCARD eg_status eg_family_list(const char *dir, eg_arena *arena, const char *const **out, size_t *out_count,
                                      eg_error *err);

/*
 * The family that fits config.json: of those whose conditions (`model_types`, `match`) all hold, the one with most of
 * them. None, or two that fit equally well: EG_E_INPUT naming them. A family file that is broken cannot fit; `notice`
 * (may be NULL) hears of one that names the model type, and of any where none fits.
 */
EG_NODISCARD eg_status eg_family_choose(const char *dir, const eg_json *config, const char *config_file,
                                        void (*notice)(void *user, const char *line), void *user, eg_family *out,
                                        eg_error *err);

/* Whether the family's `model_types` has this one. */
bool eg_family_has_model_type(const eg_family *family, const char *model_type);

/* Ends an error that lies in a base's file with "(from extends at FILE:LINE)". Returns status. */
eg_status eg_family_note_extends(const eg_family *family, eg_status status, eg_error *err);

/* Appends " (from WHAT at FILE:LINE)" to the message, once per place. */
void eg_error_note_origin(eg_error *err, const char *what, const char *file, uint32_t line);

/* check.c: keys and syntax of a whole family; of one head; of a list of steps. */
EG_NODISCARD eg_status eg_family_check(const eg_yaml *root, eg_error *err);
EG_NODISCARD eg_status eg_family_check_head(const eg_yaml *head, bool instance, eg_error *err);
EG_NODISCARD eg_status eg_family_check_steps(const eg_yaml *steps, eg_error *err);

/* What problem_type may say, of config.json or an instance's head. */
#define EG_PROBLEM_TYPE_HINT "it is regression, single_label_classification or multi_label_classification"
bool eg_is_problem_type(const char *word);

/* Merges maps by key, `over` going first; null in it removes; all else is replaced whole. Either may be NULL. */
EG_NODISCARD eg_status eg_yaml_merge(eg_arena *arena, const eg_yaml *base, const eg_yaml *over, const eg_yaml **out,
                                     eg_error *err);

#endif
