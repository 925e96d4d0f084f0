/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers that say how well a model does: losses as training code defines them, F1 as scikit-learn does, correlations.
 * Sums are in double, in the order of the input. */
#ifndef EG_ENGINE_TASKS_METRICS_H
#define EG_ENGINE_TASKS_METRICS_H

#include "base/error.h"
#include "base/mem.h"

typedef struct eg_mean {
    double sum;
    uint64_t count;
} eg_mean;

void eg_mean_add(eg_mean *mean, double value);

/* -log of the softmax at `target`. */
double eg_cross_entropy(const float *logits, size_t n, size_t target);
/* -log of the sigmoid if target is 1, of one minus it if target is 0. */
double eg_binary_cross_entropy(double logit, double target);
/* The first of the largest. */
size_t eg_best_class(const float *logits, size_t n);

/* How often classes were found. */
typedef struct eg_class_counts {
    uint32_t classes;
    uint64_t items, all_right;            /* what was judged; where nothing was wrong */
    uint64_t *right, *predicted, *actual; /* [classes] */
    uint64_t *matrix;                     /* [classes, classes], rows are the actual ones; NULL: not kept */
} eg_class_counts;

/* A matrix is kept of at most that many classes. */
enum { EG_MATRIX_CLASSES = 1000 };

EG_NODISCARD eg_status eg_class_counts_new(eg_class_counts *counts, uint32_t classes, bool with_matrix, eg_error *err);
void eg_class_counts_finish(eg_class_counts *counts);
/* One item of one class. */
void eg_class_counts_add(eg_class_counts *counts, size_t actual, size_t predicted);

/* Parts of 0 are 0. */
double eg_share(uint64_t part, uint64_t of);
double eg_f1(uint64_t right, uint64_t predicted, uint64_t actual);
/* The mean over classes: all of them, or those that occur or are predicted. */
double eg_f1_macro(const eg_class_counts *counts, bool all);
/* Over all classes' counts. */
double eg_f1_micro(const eg_class_counts *counts);

/* Numbers in pairs, such as a score and what it should be. */
typedef struct eg_number_pair {
    double got, want;
} eg_number_pair;

typedef EG_VEC(eg_number_pair) eg_number_pairs;

/* NaN where either side is always the same. */
double eg_pearson(const eg_number_pair *pairs, size_t n);
/* Of the ranks; equal numbers share the mean of theirs. */
EG_NODISCARD eg_status eg_spearman(const eg_number_pair *pairs, size_t n, double *out, eg_error *err);

#endif
