/* SPDX-License-Identifier: Apache-2.0 */
/* rotary_table, rotary, alibi: what positions do to queries, keys and scores. */
#include <math.h>

#include "../reference.h"

static eg_status
run_rotary_table(const eg_host_call *call)
{
    const eg_host_attrs *attrs = &call->node->attrs;
    eg_host_matrix positions = eg_host_matrix_in(call, 0), out = eg_host_matrix_out(call);
    const float *given = call->node->input_count == 2 ? eg_host_vector_in(call, 1) : NULL;
    int64_t half = out.width / 2;
    for (int64_t r = 0; r < out.rows; r++) {
        double position = positions.i32[r * positions.stride] / attrs->divide;
        float *row = out.f32 + r * out.stride;
        for (int64_t i = 0; i < half; i++) {
            double angle = position * (given != NULL ? given[i] : pow(attrs->theta, -(double)i / (double)half));
            row[i] = (float)cos(angle);
            row[half + i] = (float)sin(angle);
        }
    }
    return EG_OK;
}

const eg_host_op eg_ref_op_rotary_table = {"rotary_table", 0, eg_host_accept_rotary_table, run_rotary_table};

/* The first `width` numbers of a head; x and y may be the same. */
static void
turn_head(const float *x, const float *t, float *y, int64_t width, bool interleaved)
{
    int64_t half = width / 2;
    for (int64_t i = 0; i < half; i++) {
        int64_t a = interleaved ? 2 * i : i, b = interleaved ? 2 * i + 1 : i + half;
        double cosine = t[i], sine = t[half + i], left = x[a], right = x[b];
        y[a] = (float)(left * cosine - right * sine);
        y[b] = (float)(right * cosine + left * sine);
    }
}

static eg_status
run_rotary(const eg_host_call *call)
{
    const eg_host_attrs *attrs = &call->node->attrs;
    eg_host_matrix x = eg_host_matrix_in(call, 0), t = eg_host_matrix_in(call, 1), y = eg_host_matrix_out(call);
    for (int64_t r = 0; r < y.rows; r++) {
        for (int64_t c = 0; c < y.width; c += attrs->head_size) {
            const float *from = x.f32 + r * x.stride + c;
            float *to = y.f32 + r * y.stride + c;
            turn_head(from, t.f32 + r * t.stride, to, t.width, attrs->interleaved);
            for (int64_t i = t.width; i < attrs->head_size; i++)
                to[i] = from[i];
        }
    }
    return EG_OK;
}

const eg_host_op eg_ref_op_rotary = {"rotary", 1, eg_host_accept_rotary, run_rotary};

static eg_status
run_alibi(const eg_host_call *call)
{
    const eg_value_info *out = eg_host_info_out(call);
    float *data = eg_host_pair_out(call);
    for (uint32_t t = 0; t < eg_host_texts(call); t++) {
        eg_host_pair pair = eg_host_pair_begin(data, out, &eg_host_rows(call, out)[t]);
        for (int64_t h = 0; h < pair.heads; h++) {
            double slope = eg_host_alibi_slope(h, pair.heads);
            for (int64_t q = 0; q < pair.n; q++)
                for (int64_t k = 0; k < pair.n; k++)
                    eg_host_pair_row(&pair, h, q)[k] = (float)(-slope * (double)(k > q ? k - q : q - k));
        }
        data = eg_host_pair_end(&pair);
    }
    return EG_OK;
}

const eg_host_op eg_ref_op_alibi = {"alibi", 0, eg_host_accept_alibi, run_alibi};
