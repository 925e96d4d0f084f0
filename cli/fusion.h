/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each fusion gains: the plans that `egbert fusion-report` compares, their times, and how they are shown. A mode is
 * one choice of passes; modes that come to the same plan are measured once.
 */
#ifndef EG_CLI_FUSION_H
#define EG_CLI_FUSION_H

#include "cli/describe.h"
#include "cli/peak.h"
#include "cli/session.h"
#include "cli/shape_input.h"

typedef enum eg_fusion_kind {
    EG_FUSION_NONE,
    EG_FUSION_ALL,
    EG_FUSION_ONLY,    /* none and this pass */
    EG_FUSION_WITHOUT, /* all but this pass */
    EG_FUSION_STEP     /* none and all passes up to this one: for the waterfall */
} eg_fusion_kind;

typedef struct eg_fusion_mode {
    eg_fusion_kind kind;
    char *fusion;   /* the pass, or "none", "all" */
    char *fuse;     /* the list of passes */
    char *ir;       /* the plan's graph in text form */
    size_t same_as; /* the first mode that has the same plan: itself, or an earlier one, whose times stand for it */

    /* of the plan, for exactly this batch */
    double sites, kernels, arena, naive, bytes, flops;

    /* of the runs; times[round], in milliseconds, of a mode that is measured */
    double *times;
    double latency_ms, spread_ms;   /* median; half the interquartile range */
    double gain_ms, gain_spread_ms; /* against `none`, of WITHOUT by what is lost; of the differences within a round */
    double predicted_ms;            /* the gain that less traffic and fewer FLOPs would be at the machine's peaks */
    double max_abs_diff;            /* of the outputs, against `none` */
} eg_fusion_mode;

typedef struct eg_fusion_report {
    eg_app *app;
    eg_session session;
    eg_shape shape;
    eg_shape_input input;
    eg_peak peak;
    eg_description_text none, all; /* what the library says of these two plans */
    eg_fusion_mode *modes;         /* [0] is none, [1] all */
    size_t mode_count, mode_capacity, plan_count /* different ones */, rounds;
} eg_fusion_report;

/* Fills modes and descriptions. `steps`: those of the waterfall too. */
EG_NODISCARD eg_status eg_fusion_list(eg_fusion_report *report, bool steps, eg_error *err);
/* Makes and warms all plans, then runs them in turn, and fills what is measured. */
EG_NODISCARD eg_status eg_fusion_measure(eg_fusion_report *report, eg_error *err);
void eg_fusion_free(eg_fusion_report *report);

/* A description of the batch under other passes; `what` may ask for a text or a picture. Free with eg_string_free(). */
EG_NODISCARD eg_status eg_fusion_describe(const eg_fusion_report *report, const char *fuse, eg_describe_options what,
                                          char **out, eg_error *err);
/* The mode of a pass, or NULL. */
const eg_fusion_mode *eg_fusion_find(const eg_fusion_report *report, eg_fusion_kind kind, const char *fusion);
/* Whether a gain is no larger than its spread. */
bool eg_fusion_is_noise(const eg_fusion_mode *mode);
/* Last part of the model's path. */
void eg_fusion_model_name(const eg_fusion_report *report, char *out, size_t n);
/* "1 text of 128 tokens". */
void eg_fusion_shape_text(const eg_fusion_report *report, char *out, size_t n);
/* Names of the backends that `all` runs on, with commas. */
void eg_fusion_backends(const eg_fusion_report *report, char *out, size_t n);

EG_NODISCARD eg_status eg_fusion_print_json(const eg_fusion_report *report, eg_out *out, eg_error *err);
void eg_fusion_print_table(const eg_fusion_report *report, eg_out *out);
/* One page that needs nothing else. */
EG_NODISCARD eg_status eg_fusion_write_html(const eg_fusion_report *report, const char *path, eg_error *err);

#endif
