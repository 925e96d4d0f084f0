/* SPDX-License-Identifier: Apache-2.0 */
/* rotary_table, rotary, alibi: what positions do to queries, keys and scores. */
#include <math.h>
#include <string.h>

#include "../backend.h"

/* Nanoseconds of a sine and a cosine in double, of a number that is copied, of one that turns, of a pair's bias. */
#define ANGLE_COST 40.0
#define COPY_COST 0.2
#define TURN_COST 0.3
#define PAIR_COST 0.2

/* --- rotary_table -------------------------------------------------------------------------------- */

typedef struct table_work {
    const eg_host_call *call;
    eg_host_matrix positions, y;
    int64_t first, count; /* rows of the longest text, whose angles the other texts repeat */
} table_work;

/* Column by column: each has one frequency, whose power is the dearest part. */
static void
fill_rows(const table_work *w, int64_t begin, int64_t end)
{
    const eg_host_attrs *attrs = &w->call->node->attrs;
    const float *given = w->call->node->input_count == 2 ? eg_host_vector_in(w->call, 1) : NULL;
    int64_t half = w->y.width / 2;
    for (int64_t i = 0; i < half; i++) {
        double frequency = given != NULL ? given[i] : pow(attrs->theta, -(double)i / (double)half);
        for (int64_t r = begin; r < end; r++) {
            double angle = w->positions.i32[r * w->positions.stride] / attrs->divide * frequency;
            float *row = w->y.f32 + r * w->y.stride;
            row[i] = (float)cos(angle);
            row[half + i] = (float)sin(angle);
        }
    }
}

static void
longest_part(void *arg, int64_t begin, int64_t end, uint32_t worker)
{
    (void)worker;
    const table_work *w = arg;
    fill_rows(w, w->first + begin, w->first + end);
}

/* The row of the longest text that has this position; -1 if the one that should have it has another. */
static int64_t
row_of_position(const table_work *w, int64_t position)
{
    int64_t row = w->first + position;
    bool found = position >= 0 && position < w->count && w->positions.i32[row * w->positions.stride] == position;
    return found ? row : -1;
}

static void
other_part(void *arg, int64_t begin, int64_t end, uint32_t worker)
{
    (void)worker;
    const table_work *w = arg;
    for (int64_t r = begin; r < end; r++) {
        if (r >= w->first && r < w->first + w->count)
            continue;
        int64_t same = row_of_position(w, w->positions.i32[r * w->positions.stride]);
        if (same >= 0)
            memcpy(w->y.f32 + r * w->y.stride, w->y.f32 + same * w->y.stride, (size_t)w->y.width * 4);
        else
            fill_rows(w, r, r + 1);
    }
}

static eg_status
run_rotary_table(const eg_host_call *call)
{
    table_work w = {.call = call, .positions = eg_host_matrix_in(call, 0), .y = eg_host_matrix_out(call)};
    const eg_row *rows = eg_host_rows(call, eg_host_info_out(call));
    for (uint32_t t = 0; t < eg_host_texts(call); t++) {
        if (rows[t].rows > w.count) {
            w.first = rows[t].start;
            w.count = rows[t].rows;
        }
    }
    eg_cpu_split(call, w.count, 1, ANGLE_COST * (double)(w.y.width / 2), longest_part, &w);
    if (w.count < w.y.rows)
        eg_cpu_split(call, w.y.rows, 1, COPY_COST * (double)w.y.width, other_part, &w);
    return EG_OK;
}

const eg_host_op eg_cpu_op_rotary_table = {"rotary_table", 0, eg_host_accept_rotary_table, run_rotary_table};

/* --- rotary -------------------------------------------------------------------------------------- */

typedef struct rotary_work {
    const eg_host_call *call;
    eg_host_matrix x, t, y;
} rotary_work;

static void
turn_part(void *arg, int64_t begin, int64_t end, uint32_t worker)
{
    (void)worker;
    const rotary_work *w = arg;
    const eg_host_attrs *attrs = &w->call->node->attrs;
    const eg_kernels *kernels = eg_cpu_kernels(w->call->device);
    for (int64_t r = begin; r < end; r++) {
        const float *x = w->x.f32 + r * w->x.stride, *t = w->t.f32 + r * w->t.stride;
        float *y = w->y.f32 + r * w->y.stride;
        if (attrs->interleaved)
            kernels->rotary_pairs(x, t, y, attrs->heads, attrs->head_size, w->t.width);
        else
            kernels->rotary(x, t, y, attrs->heads, attrs->head_size, w->t.width);
    }
}

static eg_status
run_rotary(const eg_host_call *call)
{
    rotary_work w = {call, eg_host_matrix_in(call, 0), eg_host_matrix_in(call, 1), eg_host_matrix_out(call)};
    eg_cpu_split(call, w.y.rows, 1, TURN_COST * (double)w.y.width, turn_part, &w);
    return EG_OK;
}

const eg_host_op eg_cpu_op_rotary = {"rotary", 1, eg_host_accept_rotary, run_rotary};

/* --- alibi --------------------------------------------------------------------------------------- */

typedef struct alibi_work {
    const eg_host_call *call;
    const eg_value_info *out;
    float *pairs;
} alibi_work;

static void
alibi_queries(void *arg, const eg_cpu_queries *queries, uint32_t worker)
{
    (void)worker;
    const alibi_work *w = arg;
    const eg_row *row = &eg_host_rows(w->call, w->out)[queries->text];
    eg_host_pair pair = eg_host_pair_begin(w->pairs + queries->offset, w->out, row);
    double slope = eg_host_alibi_slope(queries->head, pair.heads);
    for (int64_t q = queries->begin; q < queries->end; q++) {
        float *bias = eg_host_pair_row(&pair, queries->head, q);
        for (int64_t k = 0; k < pair.columns; k++)
            bias[k] = (float)(-slope * (double)(k > q ? k - q : q - k));
    }
}

static eg_status
run_alibi(const eg_host_call *call)
{
    alibi_work w = {call, eg_host_info_out(call), eg_host_pair_out(call)};
    eg_cpu_split_pairs(call, w.out, PAIR_COST, alibi_queries, &w);
    return EG_OK;
}

const eg_host_op eg_cpu_op_alibi = {"alibi", 0, eg_host_accept_alibi, run_alibi};
