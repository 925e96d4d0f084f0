/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relative_bias, relative_scores. Which row of the table each distance means is found once for a run. The scores of some
 * rows of a text, in one head, are their product with those rows of the table that the text's distances reach; each score
 * is then one of its numbers.
 */
#include <math.h>
#include <string.h>

#include "../backend.h"

/* Rows that are multiplied together: whole tiles of every instruction set. */
#define BLOCK 48
/* Nanoseconds of a pair, and of each element of its rows. */
#define COPY_COST 0.1
#define PAIR_COST 0.8
#define ELEMENT_COST 0.03

typedef struct relative_work {
    const eg_host_call *call;
    const eg_value_info *info; /* of the pair value */
    const eg_row *rows;
    eg_host_matrix x, table;
    float *pairs;
    const int32_t *row_of; /* the table's row of each distance, from -longest to longest */
    int64_t near_low,
        near_up; /* distances whose rows follow one another: row_of[d] = row_of[near_low] + d - near_low */
} relative_work;

static int64_t
least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t
clamp(int64_t i, int64_t low, int64_t high)
{
    return i < low ? low : i > high ? high : i;
}

/* Rows of the longest text: no distance is as large. */
static int64_t
longest_text(const eg_host_call *call, const eg_row *rows)
{
    int64_t longest = 0;
    for (uint32_t t = 0; t < eg_host_texts(call); t++)
        longest = rows[t].rows > longest ? rows[t].rows : longest;
    return longest;
}

/* Fills in what does not depend on the op; *row_of: where the rows of distances -longest to longest go. */
static int64_t
begin_work(relative_work *w, const eg_host_call *call, int32_t **row_of)
{
    uint64_t floats;
    *w = (relative_work){.call = call, .info = eg_host_info_out(call), .pairs = eg_host_pair_out(call)};
    w->rows = eg_host_rows(call, w->info);
    int64_t longest = longest_text(call, w->rows);
    *row_of = (int32_t *)(void *)eg_cpu_scratch_shared(call, &floats) + longest;
    w->row_of = *row_of;
    return longest;
}

/* --- relative_bias ------------------------------------------------------------------------------- */

static bool
accept_bias(eg_host_reader *reader)
{
    if (!eg_host_accept_relative_bias(reader))
        return false;
    reader->scratch.row = 2;
    reader->scratch.shared_row = 2;
    return true;
}

/* The biases of all distances once; a query's are some of them, side by side. */
static void
bias_queries(void *arg, const eg_cpu_queries *queries, uint32_t worker)
{
    const relative_work *w = arg;
    eg_host_pair pair = eg_host_pair_begin(w->pairs + queries->offset, w->info, &w->rows[queries->text]);
    float *biases = eg_cpu_scratch_of(w->call, worker); /* of the distances from 1 - end on */
    int64_t first = 1 - queries->end, last = pair.n - 1 - queries->begin;
    for (int64_t d = first; d <= last; d++)
        biases[d - first] = w->table.f32[w->row_of[d] * w->table.stride + queries->head];
    for (int64_t q = queries->begin; q < queries->end; q++)
        memcpy(eg_host_pair_row(&pair, queries->head, q), biases - q - first, (size_t)pair.n * sizeof *biases);
}

static eg_status
run_bias(const eg_host_call *call)
{
    relative_work w;
    int32_t *row_of;
    int64_t longest = begin_work(&w, call, &row_of);
    w.table = eg_host_matrix_in(call, 0);
    for (int64_t d = 1 - longest; d < longest; d++)
        row_of[d] = (int32_t)eg_host_bias_bucket(&call->node->attrs, d);
    eg_cpu_split_pairs(call, w.info, COPY_COST, bias_queries, &w);
    return EG_OK;
}

const eg_host_op eg_cpu_op_relative_bias = {"relative_bias", 0, accept_bias, run_bias};

/* --- relative_scores ----------------------------------------------------------------------------- */

/* Most rows of a table that lie between those of two distances one apart: more than one only beyond half of few buckets. */
static uint64_t
steepest(const eg_host_attrs *attrs)
{
    if (attrs->buckets == 0)
        return 1;
    double middle = (double)(attrs->buckets / 2);
    return (uint64_t)ceil((middle - 1) / middle / log((double)(attrs->max_distance - 1) / middle)) + (middle < 2);
}

static bool
accept_scores(eg_host_reader *reader)
{
    eg_value_info table;
    if (!eg_host_accept_relative_scores(reader) || !eg_host_input(reader, 1, &table))
        return false;
    /* a block's product with all rows that distances of both signs reach, and the block itself, turned for it */
    uint64_t reached = 2 * steepest(&reader->attrs) + 1, rows = (uint64_t)table.dims[0].k;
    reader->scratch.row = BLOCK * (reached < rows ? reached : rows) + (uint64_t)reader->attrs.head_size;
    reader->scratch.shared_row = 2;
    return true;
}

/* A block's product: row i has its numbers for the table's rows from `last` down, so that they go up with the keys. */
typedef struct block_product {
    float *data;
    int64_t stride, last;
} block_product;

/* Rows [begin, begin + count) of a text by the rows of the table that distances [low, up] reach. */
static block_product
multiply(const relative_work *w, const eg_cpu_queries *queries, int64_t begin, int64_t count, int64_t low, int64_t up,
         uint32_t worker)
{
    const eg_kernels *kernels = eg_cpu_kernels(w->call->device);
    int64_t size = w->call->node->attrs.head_size, stride = w->table.stride;
    int64_t rows = (count + EG_PACK_ROWS - 1) / EG_PACK_ROWS * EG_PACK_ROWS;
    float *packed = eg_cpu_scratch_of(w->call, worker);
    block_product y = {packed + rows * size, w->row_of[up] - w->row_of[low] + 1, w->row_of[up]};
    eg_epilogue plain = {0};
    kernels->matmul_pack(w->x.f32 + (w->rows[queries->text].start + begin) * w->x.stride + queries->head * size,
                         w->x.stride, count, size, packed);
    kernels->matmul(packed, count, size, w->table.f32 + y.last * stride + queries->head * size, -stride, y.stride,
                    y.data, y.stride, &plain);
    return y;
}

/* A query's row: keys [from, to) one by one, those between side by side. */
static void
take_row(const relative_work *w, const float *product, int64_t last, int64_t q, float *out, int64_t n)
{
    float factor = (float)w->call->node->attrs.factor;
    int64_t from = clamp(q - w->near_up, 0, n), to = clamp(q - w->near_low + 1, from, n);
    for (int64_t k = 0; k < from; k++)
        out[k] = factor * product[last - w->row_of[q - k]];
    if (from < to)
        eg_cpu_kernels(w->call->device)->scale(product + last - w->row_of[q - from], factor, out + from, to - from);
    for (int64_t k = to; k < n; k++)
        out[k] = factor * product[last - w->row_of[q - k]];
}

static void
score_queries(void *arg, const eg_cpu_queries *queries, uint32_t worker)
{
    const relative_work *w = arg;
    eg_host_pair pair = eg_host_pair_begin(w->pairs + queries->offset, w->info, &w->rows[queries->text]);
    for (int64_t begin = queries->begin; begin < queries->end; begin += BLOCK) {
        int64_t end = least(begin + BLOCK, queries->end);
        block_product y = multiply(w, queries, begin, end - begin, begin - pair.n + 1, end - 1, worker);
        for (int64_t q = begin; q < end; q++)
            take_row(w, y.data + (q - begin) * y.stride, y.last, q, eg_host_pair_row(&pair, queries->head, q), pair.n);
    }
}

/* `queries` are numbers of keys here: each gives a column of the pairs. */
static void
score_keys(void *arg, const eg_cpu_queries *queries, uint32_t worker)
{
    const relative_work *w = arg;
    float factor = (float)w->call->node->attrs.factor;
    eg_host_pair pair = eg_host_pair_begin(w->pairs + queries->offset, w->info, &w->rows[queries->text]);
    for (int64_t begin = queries->begin; begin < queries->end; begin += BLOCK) {
        int64_t end = least(begin + BLOCK, queries->end);
        block_product y = multiply(w, queries, begin, end - begin, 1 - end, pair.n - 1 - begin, worker);
        for (int64_t q = 0; q < pair.n; q++) {
            float *out = eg_host_pair_row(&pair, queries->head, q);
            const float *product = y.data + y.last;
            for (int64_t k = begin; k < end; k++, product += y.stride)
                out[k] = factor * product[-w->row_of[q - k]];
        }
    }
}

/* Where each distance has a row of its own, the rows follow one another. */
static void
find_near(relative_work *w, const eg_host_attrs *attrs, int64_t longest)
{
    int64_t own = attrs->buckets == 0 ? longest : attrs->buckets / 2;
    w->near_low = clamp(-attrs->centre, -own, own + 1);
    w->near_up = clamp(w->table.rows - 1 - attrs->centre, -own - 1, own);
}

static eg_status
run_scores(const eg_host_call *call)
{
    const eg_host_attrs *attrs = &call->node->attrs;
    relative_work w;
    int32_t *row_of;
    int64_t longest = begin_work(&w, call, &row_of);
    w.x = eg_host_matrix_in(call, 0);
    w.table = eg_host_matrix_in(call, 1);
    for (int64_t d = 1 - longest; d < longest; d++)
        row_of[d] = (int32_t)clamp(eg_host_score_bucket(attrs, d) + attrs->centre, 0, w.table.rows - 1);
    find_near(&w, attrs, longest);
    double cost = PAIR_COST + ELEMENT_COST * (double)attrs->head_size;
    eg_cpu_split_queries(call, w.info, false, BLOCK, cost, attrs->of_keys ? score_keys : score_queries, &w);
    return EG_OK;
}

const eg_host_op eg_cpu_op_relative_scores = {"relative_scores", 0, accept_scores, run_scores};
