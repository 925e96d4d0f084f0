/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model's graph made ready for certain outputs and sizes: built, rewritten by the passes, placed on devices. What is
 * still missing for a run is in executable.h. Thread-safety: a plan belongs to one thread until it is complete.
 */
#ifndef EG_ENGINE_PLAN_H
#define EG_ENGINE_PLAN_H

#include "engine/engine.h"
#include "engine/precompute.h"
#include "frontend/source.h"
#include "graph/memory.h"
#include "graph/pass.h"

/* Sizes of a batch, or an upper bound of them. */
typedef struct eg_sizes {
    uint32_t B, max_n;
    uint64_t T, P;
} eg_sizes;

/* The model as it would be with one thing changed: what a verification tries. */
typedef struct eg_variant {
    const char *name;      /* tells it from others */
    const char *pooling;   /* NULL: the model's */
    eg_tristate normalize; /* EG_DEFAULT: as the model says */
    eg_tweak tweak;
} eg_variant;

typedef struct eg_plan_request {
    const char *const *outputs;
    uint32_t output_count;
    bool type_ids_fed;
    eg_sizes bound;
    const char *dump_after;    /* see eg_pass_options */
    const char *fuse;          /* passes; NULL: the model's */
    const eg_variant *variant; /* NULL: the model as it is */
    bool keep_values;          /* what every node computes stays readable after a run; no pass does less for it */
    eg_graph *graph;           /* in place of the model's, as it is: emptied, the plan takes it over; NULL */
} eg_plan_request;

/* One output asked for: positions in the graph's list of outputs, which passes keep. */
typedef struct eg_plan_output {
    const char *name;
    bool stacked;
    uint32_t count;
    const uint32_t *positions;
} eg_plan_output;

typedef struct eg_plan {
    eg_arena arena;
    eg_row_set bound_set;
    eg_dims bound; /* points to bound_set: a plan does not move */
    eg_model_graph built;
    eg_plan_output *outputs;
    uint32_t output_count;
    eg_pass_result passes;
    eg_computed_list computed; /* constants of the graph that the file does not have */
    eg_target *targets;
    uint32_t *backends; /* per target: its number in the engine's list */
    size_t target_count;
    eg_partition partition;
    bool plain_weights; /* weights are laid out as in the file */
} eg_plan;

/* The passes of a request, its own or the model's: never NULL. */
const char *eg_plan_fuse(const eg_model *model, const eg_plan_request *request);

/* `out` must be cleared memory; eg_plan_finish() also after a failure. */
EG_NODISCARD eg_status eg_plan_make(eg_model *model, const eg_plan_request *request, eg_plan *out, eg_error *err);
void eg_plan_finish(eg_plan *plan);

/* The value of part i of an output. */
eg_value_id eg_plan_output_value(const eg_plan *plan, const eg_plan_output *output, uint32_t i);

/* Nodes that were computed when the plan was made: their results are constants of it. */
uint32_t eg_plan_precomputed(const eg_plan *plan);
/* Nodes of a target that run code. */
size_t eg_plan_ops_of(const eg_plan *plan, uint32_t target);
/* Bytes that crossings copy at the bound. */
uint64_t eg_plan_copied_bytes(const eg_plan *plan);
/*
 * Once per model, on the log, so that nobody has to guess where it runs: "onednn 61 ops, reference 3 (gather: why not on
 * the first); 2 copies, 0.4 MB; arena 3.1 MiB". Before the arena: "; 12 attention decomposed (onednn: why)", "; 24 ops computed at load, 1.6 MB".
 */
void eg_plan_say_placement(eg_model *model, const eg_plan *plan, uint64_t arena_bytes);

#endif
