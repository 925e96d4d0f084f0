/* SPDX-License-Identifier: Apache-2.0 */
/* What an eg_source holds; shared by the files of this folder. */
#ifndef EG_FRONTEND_SOURCE_MODEL_H
#define EG_FRONTEND_SOURCE_MODEL_H

#include "frontend/source.h"
#include "frontend/source/instance.h"
#include "frontend/source/pipeline.h"

/* What opening found out about a head or an output. */
typedef struct eg_standing {
    const char *name;
    bool available;      /* its tensors are there and its steps make sense */
    bool optional;       /* outputs: may be missing */
    int64_t parameters;  /* of its own tensors */
    int64_t width;       /* heads of classes: how many; 0: not known */
    const char *why_not; /* the error, where it is not available */
} eg_standing;

struct eg_source {
    eg_arena arena;
    eg_instance instance;
    eg_pipeline pipeline;
    eg_file config_file;
    const eg_json *config_json;
    eg_family family;
    eg_config config;
    eg_weights weights;
    bool has_weights;
    eg_head *heads;
    uint32_t head_count;
    eg_head *hidden_heads; /* the family's that an instance replaces or removes: never run */
    uint32_t hidden_head_count;
    eg_weights *head_weights; /* the files that heads of an instance name, each once */
    uint32_t head_weight_count;
    eg_standing *head_standings, *output_standings;
    eg_head_info *head_infos;
    const char *activation; /* a cross encoder's, or NULL */
    uint32_t output_count;
    eg_survey survey;
    eg_recipe recipe;
    EG_VEC(const char *) warnings;
};

/* heads.c: the family's heads and the instance's. */
EG_NODISCARD eg_status eg_source_collect_heads(eg_source *source, eg_error *err);

/* survey.c: which tensors are asked for, the prefix, which outputs and heads there are, the default head. */
EG_NODISCARD eg_status eg_source_survey(eg_source *source, const char *wanted_head, eg_error *err);

/* EG_E_USAGE: the checkpoint lacks the head; which there are. */
EG_NODISCARD eg_status eg_source_refuse_head(const eg_source *source, const eg_head *head, eg_error *err);

/* value_names.c: members "outputs" (names that steps give) and "values" (all others) of `inspect`. */
EG_NODISCARD eg_status eg_source_write_value_names(const eg_source *source, eg_strbuf *out, eg_error *err);

/* The elements of the tensors that a section names, each once. */
EG_NODISCARD eg_status eg_source_parameters(const eg_source *source, const char *section, int64_t *out, eg_error *err);

/* head_info.c: whether a head that was just expanded gives what its task reads, and how many classes; what tasks ask of
 * each head; the activation. */
EG_NODISCARD eg_status eg_head_measure(eg_expand *x, const eg_head *head, int64_t *out, eg_error *err);
EG_NODISCARD eg_status eg_source_describe_heads(eg_source *source, eg_error *err);
EG_NODISCARD eg_status eg_source_read_activation(eg_source *source, eg_error *err);

#endif
