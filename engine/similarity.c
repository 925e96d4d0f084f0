/* SPDX-License-Identifier: Apache-2.0 */
/* How two embeddings are compared, as sentence-transformers does. Sums are in double. */
#include <math.h>
#include <string.h>

#include "engine/model.h"

const char *
eg_model_similarity(const eg_model *model)
{
    return model->info.similarity ? model->info.similarity : "cosine";
}

static double
dot(const float *a, const float *b, uint32_t n)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

/* Vectors of length 0 are similar to nothing: 0, as after a normalisation that leaves them as they are. */
static double
cosine(const float *a, const float *b, uint32_t n)
{
    const double least = 1e-12;
    return dot(a, b, n) / (fmax(sqrt(dot(a, a, n)), least) * fmax(sqrt(dot(b, b, n)), least));
}

static double
euclidean(const float *a, const float *b, uint32_t n)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        double d = (double)a[i] - b[i];
        sum += d * d;
    }
    return -sqrt(sum);
}

static double
manhattan(const float *a, const float *b, uint32_t n)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += fabs((double)a[i] - b[i]);
    return -sum;
}

double
eg_similarity(const eg_model *model, const float *a, const float *b)
{
    static const struct {
        const char *name;
        double (*of)(const float *, const float *, uint32_t);
    } functions[] = {{"dot", dot}, {"euclidean", euclidean}, {"manhattan", manhattan}};
    const char *name = eg_model_similarity(model);
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (strcmp(functions[i].name, name) == 0)
            return functions[i].of(a, b, model->embedding_size);
    return cosine(a, b, model->embedding_size);
}
