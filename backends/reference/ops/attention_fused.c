/* SPDX-License-Identifier: Apache-2.0 */
/* attention: scores, softmax and apply with the scores of one query at a time. */
#include "../reference.h"

/* Keys whose products are summed side by side. */
#define KEYS 8

static bool
accept_attention(eg_host_reader *reader)
{
    reader->scratch.row = 1;
    return eg_host_accept_attention(reader);
}

/* One head of one text. */
typedef struct head {
    const float *q, *k, *v;
    float *y;
    int64_t q_stride, k_stride, v_stride, y_stride;
    const eg_host_pair *pair; /* its shape; there is no such buffer */
    const float *bias;        /* of query 0, as many numbers as keys for each; NULL: none */
} head;

/* KEYS products side by side, each summed in double in the order of the columns. */
static void
score_keys(const float *restrict q, const float *restrict k, int64_t stride, int64_t size, double *restrict sums)
{
    double acc[KEYS] = {0};
    for (int64_t i = 0; i < size; i++)
        for (int j = 0; j < KEYS; j++)
            acc[j] += (double)q[i] * k[j * stride + i];
    for (int j = 0; j < KEYS; j++)
        sums[j] = acc[j];
}

/* scores[j] = q · key j · factor. The last keys of a text are computed one by one: there is nothing behind them. */
static void
score_row(const float *q, const float *k, int64_t stride, int64_t keys, int64_t size, double factor, float *scores)
{
    int64_t j = 0;
    for (; j + KEYS <= keys; j += KEYS) {
        double sums[KEYS];
        score_keys(q, k + j * stride, stride, size, sums);
        for (int64_t c = 0; c < KEYS; c++)
            scores[j + c] = (float)(sums[c] * factor);
    }
    for (; j < keys; j++) {
        double sum = 0;
        for (int64_t i = 0; i < size; i++)
            sum += (double)q[i] * k[j * stride + i];
        scores[j] = (float)(sum * factor);
    }
}

static void
attend(const eg_host_attrs *attrs, const head *h, int64_t query, float *scores)
{
    const eg_host_pair *pair = h->pair;
    int64_t first = eg_host_pair_first(pair, query);
    score_row(h->q + query * h->q_stride, h->k + first * h->k_stride, h->k_stride, pair->columns, attrs->head_size,
              attrs->factor, scores);
    eg_ref_mask_row(pair, attrs->causal, query, scores);
    for (int64_t j = 0; h->bias != NULL && j < pair->columns; j++)
        scores[j] += h->bias[query * pair->columns + j];
    eg_ref_softmax_keys(pair, query, scores, scores);
    eg_ref_apply_row(scores, pair->columns, h->v + first * h->v_stride, h->v_stride, h->y + query * h->y_stride,
                     attrs->value_size);
}

/* The pair value's blocks of the texts, one after another; its heads may be one for all. */
static const float *
bias_of(const eg_host_pair *bias, int64_t h)
{
    return bias->data == NULL ? NULL : eg_host_pair_row(bias, bias->heads == 1 ? 0 : h, 0);
}

static eg_status
run_attention(const eg_host_call *call)
{
    const eg_host_attrs *attrs = &call->node->attrs;
    eg_host_matrix q = eg_host_matrix_in(call, 0), k = eg_host_matrix_in(call, 1), v = eg_host_matrix_in(call, 2),
                   y = eg_host_matrix_out(call);
    int64_t group = attrs->heads / attrs->key_heads;
    float *bias_data = attrs->has_bias ? eg_host_pair_in(call, 3) : NULL;
    for (uint32_t t = 0; t < eg_host_texts(call); t++) {
        const eg_row *row = &eg_host_rows(call, eg_host_info_in(call, 1))[t];
        eg_host_pair pair = eg_host_pair_shape(attrs->heads, attrs->window, row), bias = {0};
        if (bias_data != NULL) {
            bias = eg_host_pair_begin(bias_data, eg_host_info_in(call, 3), row);
            bias_data = eg_host_pair_end(&bias);
        }
        int64_t query_row = attrs->text_query ? t : row->start, queries = attrs->text_query ? 1 : pair.n;
        for (int64_t h = 0; h < attrs->heads; h++) {
            head one = {.q = q.f32 + query_row * q.stride + h * attrs->head_size,
                        .k = k.f32 + row->start * k.stride + h / group * attrs->head_size,
                        .v = v.f32 + row->start * v.stride + h / group * attrs->value_size,
                        .y = y.f32 + query_row * y.stride + h * attrs->value_size,
                        .q_stride = q.stride,
                        .k_stride = k.stride,
                        .v_stride = v.stride,
                        .y_stride = y.stride,
                        .pair = &pair,
                        .bias = bias_of(&bias, h)};
            for (int64_t i = 0; i < queries; i++)
                attend(attrs, &one, i, call->scratch);
        }
    }
    return EG_OK;
}

const eg_host_op eg_ref_op_attention = {"attention", 0, accept_attention, run_attention};
