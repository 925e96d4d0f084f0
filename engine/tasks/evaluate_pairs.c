/* SPDX-License-Identifier: Apache-2.0 */
/* Models without a head: how the similarity of a pair's embeddings goes with the number that people gave it. */
#include <stdio.h>

#include "engine/tasks/evaluate.h"

/* Both texts of a pair are embedded in one run. */
typedef struct both {
    const eg_input *input;
} both;

static void
on_progress(void *user, uint32_t texts_done, uint32_t texts, uint64_t tokens_done)
{
    const both *b = user;
    b->input->progress(b->input->progress_user, texts_done / 2, texts / 2, tokens_done);
}

static eg_status
read_pairs(const eg_evaluation *e, const eg_json *const *labels, eg_string *texts, double *wanted, eg_error *err)
{
    const eg_input *input = &e->call.input;
    for (uint32_t i = 0; i < input->count; i++) {
        if (!input->pairs || !input->pairs[i].data)
            return eg_fail(err, EG_E_INPUT, "text %u has no pair to be compared with", i + 1);
        if (!labels[i] || (labels[i]->type != EG_JSON_INT && labels[i]->type != EG_JSON_REAL))
            return eg_evaluation_bad_label(i, labels[i], "a number: how alike the two are", err);
        texts[2 * i] = input->texts[i];
        texts[2 * i + 1] = input->pairs[i];
        wanted[i] = labels[i]->real;
    }
    return EG_OK;
}

/* A fault's "text N" counts both texts of each pair. */
static eg_status
fix_number(eg_status status, eg_error *err)
{
    unsigned text;
    int prefix = 0;
    if (!err || sscanf(err->message, "text %u%n", &text, &prefix) != 1 || text == 0)
        return status;
    eg_error inner = *err;
    return eg_fail(err, status, "text %u%s", (text + 1) / 2, inner.message + prefix);
}

static eg_status
compare(eg_evaluation *e, const eg_string *texts, const double *wanted, float *vectors, eg_error *err)
{
    const eg_model *model = e->call.model;
    uint32_t count = e->call.input.count;
    size_t width = model->embedding_size;
    both b = {&e->call.input};
    const eg_input input = {.size = sizeof input,
                            .count = 2 * count,
                            .texts = texts,
                            .progress = e->call.input.progress ? on_progress : NULL,
                            .progress_user = &b};
    eg_status status = eg_embed(e->call.context, &input, vectors, err);
    if (status != EG_OK)
        return fix_number(status, err);
    for (uint32_t i = 0; i < count; i++) {
        const float *pair = vectors + 2 * i * width;
        const eg_number_pair numbers = {eg_similarity(model, pair, pair + width), wanted[i]};
        if (!EG_PUSH(&e->numbers, numbers))
            return eg_fail_nomem(err, "scores");
    }
    return EG_OK;
}

static eg_status
add(eg_evaluation *e, const eg_json *const *labels, eg_error *err)
{
    uint32_t count = e->call.input.count;
    if (count > UINT32_MAX / 2)
        return eg_fail(err, EG_E_USAGE, "%u pairs at once are too many", count);
    eg_string *texts = eg_arena_calloc(&e->call.scratch, (size_t)count * 2, sizeof *texts);
    double *wanted = eg_arena_calloc(&e->call.scratch, count, sizeof *wanted);
    if (!texts || !wanted)
        return eg_fail_nomem(err, "pairs");
    EG_TRY(read_pairs(e, labels, texts, wanted, err));
    float *vectors = eg_calloc((size_t)count * 2, e->call.model->embedding_size * sizeof *vectors);
    if (!vectors)
        return eg_fail_nomem(err, "embeddings");
    eg_status status = compare(e, texts, wanted, vectors, err);
    eg_free(vectors);
    return status;
}

static eg_status
write(const eg_evaluation *e, eg_strbuf *out, eg_error *err)
{
    double spearman;
    EG_TRY(eg_spearman(e->numbers.items, e->numbers.count, &spearman, err));
    eg_put_number(out, "pearson", eg_pearson(e->numbers.items, e->numbers.count));
    eg_put_number(out, "spearman", spearman);
    return EG_OK;
}

const eg_evaluation_kind eg_evaluate_pairs = {.task = "similarity", .add = add, .write = write};
