/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the generator of random graphs share. Thread-safety: a maker is one thread's. */
#ifndef EG_TESTS_UNIT_RANDOM_MAKER_H
#define EG_TESTS_UNIT_RANDOM_MAKER_H

#include "tests/unit/random_graph.h"

typedef struct pool {
    eg_value_id ids[4096];
    uint32_t count;
} pool;

typedef struct maker {
    eg_graph *graph;
    uint64_t state;
    pool tokens, texts, pairs; /* f32 values of rank 2, by row kind */
    uint32_t constants;
    eg_value_id ids, types;
    eg_error *err;
} maker;

uint32_t maker_below(maker *m, uint32_t n);
bool maker_coin(maker *m);
float maker_uniform(maker *m, float low, float high);
eg_value_id maker_pick(maker *m, const pool *from);
int64_t maker_width_of(const maker *m, eg_value_id id);

eg_attr maker_int(const char *name, int64_t value);
eg_attr maker_float(const char *name, double value);

/* A node, in a random scope; its result goes into the pool of its kind. */
EG_NODISCARD eg_status maker_add(maker *m, const char *op, const eg_value_id *inputs, uint32_t input_count,
                                 const eg_attr *attrs, uint32_t attr_count, eg_value_id *out);
EG_NODISCARD eg_status maker_add_one(maker *m, const char *op, eg_value_id in, eg_value_id *out);
EG_NODISCARD eg_status maker_add_two(maker *m, const char *op, eg_value_id a, eg_value_id b, eg_value_id *out);
/* A table [rows, width], [rows] for width 0, of numbers between low and high. */
EG_NODISCARD eg_status maker_constant(maker *m, int64_t rows, int64_t width, float low, float high, eg_value_id *out);
/* The same as it is, transposed, cut, or joined of two: what folding shall see through. */
EG_NODISCARD eg_status maker_weight(maker *m, int64_t rows, int64_t width, eg_value_id *out);
/* layer_norm or rms_norm: brings the numbers back to where nothing overflows. */
EG_NODISCARD eg_status maker_norm(maker *m, eg_value_id x, eg_value_id *out);

/* What a table holds for distances, for pairs of x's texts: relative_bias or relative_scores. */
EG_NODISCARD eg_status maker_relative(maker *m, eg_value_id x, int64_t heads, eg_value_id *out);

/* Whole patterns, as models have them, now and then with a flaw (random_blocks.c). */
EG_NODISCARD eg_status maker_embeddings(maker *m);
EG_NODISCARD eg_status maker_layer(maker *m);
EG_NODISCARD eg_status maker_gated(maker *m);
EG_NODISCARD eg_status maker_pooled(maker *m);
EG_NODISCARD eg_status maker_encoder(maker *m);

#endif
