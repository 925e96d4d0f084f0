/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/tasks/metrics.h"

#include <math.h>
#include <stdlib.h>

/* --- losses -------------------------------------------------------------------------------------- */

void
eg_mean_add(eg_mean *mean, double value)
{
    mean->sum += value;
    mean->count++;
}

double
eg_cross_entropy(const float *logits, size_t n, size_t target)
{
    double largest = -INFINITY, sum = 0;
    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, (double)logits[i]);
    for (size_t i = 0; i < n; i++)
        sum += exp((double)logits[i] - largest);
    return log(sum) + largest - (double)logits[target];
}

double
eg_binary_cross_entropy(double logit, double target)
{
    return fmax(logit, 0.0) - logit * target + log1p(exp(-fabs(logit)));
}

size_t
eg_best_class(const float *logits, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (logits[i] > logits[best])
            best = i;
    return best;
}

/* --- classes ------------------------------------------------------------------------------------- */

eg_status
eg_class_counts_new(eg_class_counts *counts, uint32_t classes, bool with_matrix, eg_error *err)
{
    *counts = (eg_class_counts){.classes = classes};
    bool keeps_matrix = with_matrix && classes <= EG_MATRIX_CLASSES;
    counts->right = eg_calloc(classes ? classes : 1, sizeof *counts->right);
    counts->predicted = eg_calloc(classes ? classes : 1, sizeof *counts->predicted);
    counts->actual = eg_calloc(classes ? classes : 1, sizeof *counts->actual);
    if (keeps_matrix)
        counts->matrix = eg_calloc((size_t)classes * classes, sizeof *counts->matrix);
    if (counts->right && counts->predicted && counts->actual && (counts->matrix || !keeps_matrix))
        return EG_OK;
    eg_class_counts_finish(counts);
    return eg_fail_nomem(err, "the counts of classes");
}

void
eg_class_counts_finish(eg_class_counts *counts)
{
    eg_free(counts->right);
    eg_free(counts->predicted);
    eg_free(counts->actual);
    eg_free(counts->matrix);
    *counts = (eg_class_counts){0};
}

void
eg_class_counts_add(eg_class_counts *counts, size_t actual, size_t predicted)
{
    counts->items++;
    counts->all_right += actual == predicted;
    counts->right[actual] += actual == predicted;
    counts->actual[actual]++;
    counts->predicted[predicted]++;
    if (counts->matrix)
        counts->matrix[actual * counts->classes + predicted]++;
}

double
eg_share(uint64_t part, uint64_t of)
{
    return of ? (double)part / (double)of : 0.0;
}

double
eg_f1(uint64_t right, uint64_t predicted, uint64_t actual)
{
    return predicted + actual ? 2.0 * (double)right / (double)(predicted + actual) : 0.0;
}

double
eg_f1_macro(const eg_class_counts *counts, bool all)
{
    eg_mean mean = {0};
    for (uint32_t i = 0; i < counts->classes; i++)
        if (all || counts->predicted[i] + counts->actual[i])
            eg_mean_add(&mean, eg_f1(counts->right[i], counts->predicted[i], counts->actual[i]));
    return mean.count ? mean.sum / (double)mean.count : 0.0;
}

double
eg_f1_micro(const eg_class_counts *counts)
{
    uint64_t right = 0, predicted = 0, actual = 0;
    for (uint32_t i = 0; i < counts->classes; i++) {
        right += counts->right[i];
        predicted += counts->predicted[i];
        actual += counts->actual[i];
    }
    return eg_f1(right, predicted, actual);
}

/* --- correlations -------------------------------------------------------------------------------- */

double
eg_pearson(const eg_number_pair *pairs, size_t n)
{
    double got = 0, want = 0, both = 0, got_spread = 0, want_spread = 0;
    for (size_t i = 0; i < n; i++) {
        got += pairs[i].got;
        want += pairs[i].want;
    }
    got /= (double)n;
    want /= (double)n;
    for (size_t i = 0; i < n; i++) {
        double a = pairs[i].got - got, b = pairs[i].want - want;
        both += a * b;
        got_spread += a * a;
        want_spread += b * b;
    }
    if (!(got_spread > 0) || !(want_spread > 0))
        return NAN;
    return fmin(1.0, fmax(-1.0, both / (sqrt(got_spread) * sqrt(want_spread))));
}

typedef struct ranked {
    double number, *rank; /* its place in the pairs */
} ranked;

static int
by_number(const void *a, const void *b)
{
    double x = ((const ranked *)a)->number, y = ((const ranked *)b)->number;
    return (x > y) - (x < y);
}

/* Writes the ranks, from 1. */
static void
rank(ranked *numbers, size_t n)
{
    qsort(numbers, n, sizeof *numbers, by_number);
    for (size_t first = 0, end; first < n; first = end) {
        end = first + 1;
        while (end < n && numbers[end].number == numbers[first].number)
            end++;
        for (size_t i = first; i < end; i++)
            *numbers[i].rank = (double)(first + 1 + end) / 2.0;
    }
}

eg_status
eg_spearman(const eg_number_pair *pairs, size_t n, double *out, eg_error *err)
{
    eg_number_pair *ranks = eg_calloc(n ? n : 1, sizeof *ranks);
    ranked *numbers = eg_calloc(n ? n : 1, sizeof *numbers);
    bool has_memory = ranks && numbers;
    if (has_memory) {
        for (size_t i = 0; i < n; i++)
            numbers[i] = (ranked){pairs[i].got, &ranks[i].got};
        rank(numbers, n);
        for (size_t i = 0; i < n; i++)
            numbers[i] = (ranked){pairs[i].want, &ranks[i].want};
        rank(numbers, n);
        *out = eg_pearson(ranks, n);
    }
    eg_free(ranks);
    eg_free(numbers);
    return has_memory ? EG_OK : eg_fail_nomem(err, "ranks");
}
