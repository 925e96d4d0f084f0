/* SPDX-License-Identifier: Apache-2.0 */
/* An instance file: a checkpoint with what it overrides or adds. Paths in it are relative to the file. */
#ifndef EG_FRONTEND_SOURCE_INSTANCE_H
#define EG_FRONTEND_SOURCE_INSTANCE_H

#include "frontend/source/pipeline.h"

typedef struct eg_instance {
    const eg_yaml *root; /* NULL: the model is a folder */
    const char *folder;  /* the file's */
    const char *checkpoint;
    const char *family;
    const char *precision, *fuse;
    const eg_yaml *config, *ignore, *heads;
    int64_t max_length; /* 0: not said */
    eg_pooling pooling;
    bool has_pooling;
    int32_t normalize; /* -1: not said */
    const eg_yaml *prompts;
    const char *default_prompt;
    bool no_default_prompt; /* `default_prompt: null` */
    const char *similarity;
} eg_instance;

/* MODEL is a folder, or an instance file. EG_E_INPUT if it is neither. */
EG_NODISCARD eg_status eg_instance_read(const char *path, eg_arena *arena, eg_instance *out, eg_error *err);

/* Puts prompts, similarity and lengths over those of the folder. */
EG_NODISCARD eg_status eg_instance_apply(const eg_instance *instance, eg_pipeline *pipeline, eg_error *err);

/* A path of the file: absolute, or relative to it. In the arena; NULL when out of memory. */
const char *eg_instance_path(const eg_instance *instance, eg_arena *arena, const char *path);

#endif
