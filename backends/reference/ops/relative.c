/* SPDX-License-Identifier: Apache-2.0 */
/* relative_bias, relative_scores: what a table holds for the distance of query and key. */
#include "../reference.h"

static eg_status
run_relative_bias(const eg_host_call *call)
{
    const eg_host_attrs *attrs = &call->node->attrs;
    const eg_value_info *out = eg_host_info_out(call);
    eg_host_matrix table = eg_host_matrix_in(call, 0);
    float *data = eg_host_pair_out(call);
    for (uint32_t t = 0; t < eg_host_texts(call); t++) {
        eg_host_pair pair = eg_host_pair_begin(data, out, &eg_host_rows(call, out)[t]);
        for (int64_t q = 0; q < pair.n; q++) {
            for (int64_t k = 0; k < pair.n; k++) {
                const float *biases = table.f32 + eg_host_bias_bucket(attrs, k - q) * table.stride;
                for (int64_t h = 0; h < pair.heads; h++)
                    eg_host_pair_row(&pair, h, q)[k] = biases[h];
            }
        }
        data = eg_host_pair_end(&pair);
    }
    return EG_OK;
}

const eg_host_op eg_ref_op_relative_bias = {"relative_bias", 0, eg_host_accept_relative_bias, run_relative_bias};

static const float *
row_of_distance(const eg_host_attrs *attrs, const eg_host_matrix *table, int64_t distance)
{
    int64_t row = eg_host_score_bucket(attrs, distance) + attrs->centre;
    return table->f32 + (row < 0 ? 0 : row >= table->rows ? table->rows - 1 : row) * table->stride;
}

static double
dot(const float *a, const float *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

static eg_status
run_relative_scores(const eg_host_call *call)
{
    const eg_host_attrs *attrs = &call->node->attrs;
    const eg_value_info *out = eg_host_info_out(call);
    eg_host_matrix x = eg_host_matrix_in(call, 0), table = eg_host_matrix_in(call, 1);
    int64_t size = attrs->head_size;
    float *data = eg_host_pair_out(call);
    for (uint32_t t = 0; t < eg_host_texts(call); t++) {
        const eg_row *text = &eg_host_rows(call, out)[t];
        eg_host_pair pair = eg_host_pair_begin(data, out, text);
        for (int64_t q = 0; q < pair.n; q++) {
            for (int64_t k = 0; k < pair.n; k++) {
                const float *row = x.f32 + ((int64_t)text->start + (attrs->of_keys ? k : q)) * x.stride;
                const float *other = row_of_distance(attrs, &table, q - k);
                for (int64_t h = 0; h < pair.heads; h++)
                    eg_host_pair_row(&pair, h, q)[k] =
                        (float)(attrs->factor * dot(row + h * size, other + h * size, size));
            }
        }
        data = eg_host_pair_end(&pair);
    }
    return EG_OK;
}

const eg_host_op eg_ref_op_relative_scores = {"relative_scores", 0, eg_host_accept_relative_scores,
                                              run_relative_scores};
