/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "engine/tasks/task.h"

void
eg_softmax(const float *logits, size_t n, double *out)
{
    double largest = -INFINITY, sum = 0;
    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, (double)logits[i]);
    for (size_t i = 0; i < n; i++)
        sum += out[i] = exp((double)logits[i] - largest);
    for (size_t i = 0; i < n; i++)
        out[i] /= sum;
}

double
eg_sigmoid(double logit)
{
    return 1.0 / (1.0 + exp(-logit));
}
