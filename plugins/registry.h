/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which plugins there are, and which of them a run uses. Finding, checking and opening are three steps:
 *
 *  - eg_registry_open() looks in the files named by the user, the directories of EGBERT_PLUGIN_PATH and the installed
 *    directory, in this order; opens each library, reads its table and checks it. That costs little: plugins do no work
 *    in constructors, and a score opens no device. Whatever is wrong with a plugin becomes the reason of its entry, not
 *    an error, except for a file named by the user.
 *  - eg_registry_select() turns `--backend` and `--device` into an ordered list of choices, no more than names.
 *  - eg_plugin_open_device() opens one of them and checks its functions. Only here do drivers and libraries load.
 *
 * A registry is an object; a library, once opened, stays in the process (RTLD_NODELETE, never dlclose), and two
 * registries that find the same file share its code. Thread-safety: one thread opens and closes a registry; in between
 * it is constant and read from any thread.
 */
#ifndef EG_PLUGINS_REGISTRY_H
#define EG_PLUGINS_REGISTRY_H

#include <egbert/plugin.h>
#include <stdbool.h>
#include <stddef.h>

typedef enum { EG_PLUGIN_FILE, EG_PLUGIN_PATH, EG_PLUGIN_INSTALLED } eg_plugin_source;

/* "file", "path" or "installed". */
const char *eg_plugin_source_text(eg_plugin_source source);

/* Devices of one plugin beyond this many are not listed. */
enum { EG_MAX_PLUGIN_DEVICES = 64 };

typedef struct eg_plugin_device {
    const char *id;   /* what --device takes */
    const char *name; /* for people */
    uint32_t score;
} eg_plugin_device;

typedef struct eg_plugin_entry {
    const char *name;    /* the table's; until it is loaded, what the file's name says */
    const char *path;    /* as it was opened */
    const char *version; /* "" until loaded */
    const char *abi;     /* "1.0", what the plugin says; "" until loaded */
    eg_plugin_source source;
    bool loaded;     /* the library is open and its table is sound */
    bool usable;     /* loaded, not hidden by another of its name, and it has a device */
    const char *why; /* one line: why not loaded or not usable; "" otherwise */
    uint32_t score;  /* 0: used only if named */
    uint32_t device_count;
    const eg_plugin_device *devices;
    const eg_plugin *plugin; /* NULL unless loaded */
} eg_plugin_entry;

/* Fill with zeros, then what is wanted. Strings are read during the call only. */
typedef struct eg_registry_options {
    const char *const *files; /* --plugin; each must load */
    size_t file_count;
    const char *path;          /* EGBERT_PLUGIN_PATH as secure_getenv() gave it; NULL or "": none */
    const char *installed_dir; /* NULL: none */
    /* The program egbert-probe, which tries plugins of the first two kinds in a process of its own before they are let
     * into this one. Without it they are not opened. */
    const char *probe;
    const char *cache_dir;     /* the user's cache folder for Egbert; probe results are remembered there. NULL: not */
    uint32_t probe_timeout_ms; /* 0: 10 seconds */
} eg_registry_options;

typedef struct eg_registry eg_registry;

/* EG_E_BACKEND if a file of options->files does not load, EG_E_NOMEM. A missing directory is no error. */
EG_NODISCARD eg_status eg_registry_open(const eg_registry_options *options, eg_registry **out, eg_error *err);
/* Calls shutdown() of the plugins that have one, last found first. All devices are closed before. NULL is fine. */
void eg_registry_close(eg_registry *registry);

/* In the order found. */
size_t eg_registry_count(const eg_registry *registry);
const eg_plugin_entry *eg_registry_entry(const eg_registry *registry, size_t index);
/* The usable entry of this name, or NULL. */
const eg_plugin_entry *eg_registry_find(const eg_registry *registry, const char *name);

/* A backend and which of its devices. */
typedef struct eg_choice {
    const eg_plugin_entry *entry;
    uint32_t device;
} eg_choice;

/*
 * backends: "auto" (or NULL), or names separated by commas. auto gives every usable plugin whose score and best
 * device's score are above 0, best first, equal scores by name. device: an id that --device named, or NULL; the
 * entries that have it use it (and in auto come first), the others their best one. Nothing is opened.
 * *out_choices: from eg_alloc, freed by the caller. EG_E_USAGE for an empty or repeated name; EG_E_BACKEND for an
 * unknown or unusable one, an unknown device, or an empty result.
 */
EG_NODISCARD eg_status eg_registry_select(const eg_registry *registry, const char *backends, const char *device,
                                          eg_choice **out_choices, size_t *out_count, eg_error *err);

/*
 * Opens a device and checks that its functions are complete; closes it again if they are not. `host` must live until
 * the device is closed with plugin->close(). EG_E_BACKEND, or the plugin's own status.
 */
EG_NODISCARD eg_status eg_plugin_open_device(const eg_plugin *plugin, uint32_t index, const eg_host *host,
                                             const char *options, eg_device **out, const eg_device_ops **out_ops,
                                             eg_error *err);

/* --- the checks by themselves, for the conformance suite ----------------------------------------- */

/* Opens one library in this process and checks its table, without a probe. EG_E_BACKEND says what is wrong. */
EG_NODISCARD eg_status eg_plugin_load(const char *path, const eg_plugin **out, eg_error *err);
/* Whether a table is complete, of our major version, with our sanitizers, and well named. */
EG_NODISCARD eg_status eg_plugin_check(const eg_plugin *plugin, eg_error *err);
/* Whether an open device has every function that its domains make mandatory. */
EG_NODISCARD eg_status eg_device_ops_check(eg_device *device, const eg_device_ops *ops, eg_error *err);

/* The nearest usable or found backend name to `word`, or NULL. */
const char *eg_registry_nearest(const eg_registry *registry, const char *word);

#endif
