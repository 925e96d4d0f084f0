/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the library's own files lie: first what the environment says, then beside the library, then where it was
 * configured to be installed. Thread-safety: safe.
 */
#ifndef EG_ENGINE_LIBRARY_H
#define EG_ENGINE_LIBRARY_H

#include "base/error.h"
#include "base/mem.h"

/* Strings in the arena. A folder that is not there is not an error here. */
typedef struct eg_library_paths {
    const char *plugin_dir;  /* $EGBERT_PLUGIN_DIR, … */
    const char *family_dir;  /* $EGBERT_FAMILY_DIR, … */
    const char *plugin_path; /* $EGBERT_PLUGIN_PATH or NULL */
    const char *probe;       /* the program egbert-probe, or NULL if it is not there */
    const char *cache_dir;   /* the user's, or NULL */
    const char *openmp[4];   /* where the OpenMP module may lie, ended by NULL */
} eg_library_paths;

EG_NODISCARD eg_status eg_library_find(eg_arena *arena, eg_library_paths *out, eg_error *err);

#endif
