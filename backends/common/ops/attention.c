/* SPDX-License-Identifier: Apache-2.0 */
/* scores, softmax, apply: attention text by text, head by head, split over the threads by pairs. */
#include <math.h>
#include <string.h>

#include "../backend.h"

typedef struct attention_work {
    const eg_host_call *call;
    const eg_value_info *info; /* of the pair value */
    const eg_row *rows;
    eg_host_matrix left, right; /* q and k; p's texts have no rows: v and y */
    const float *in;
    float *pairs;
    int64_t size, group; /* of a head; queries' heads per key head */
} attention_work;

/* --- scores -------------------------------------------------------------------------------------- */

static bool
accept_scores(eg_host_reader *reader)
{
    if (!eg_host_accept_scores(reader))
        return false;
    reader->scratch.row = (uint64_t)reader->attrs.head_size;
    return true;
}

static void
mask_scores(const eg_host_pair *pair, const eg_cpu_queries *queries, bool causal)
{
    for (int64_t q = queries->begin; q < queries->end; q++) {
        float *row = eg_host_pair_row(pair, queries->head, q);
        int64_t first = eg_host_pair_first(pair, q);
        for (int64_t j = 0; j < pair->columns; j++) {
            int64_t key = first + j, distance = key > q ? key - q : q - key;
            if ((causal && key > q) || (pair->window > 0 && distance > pair->window))
                row[j] = -INFINITY;
        }
    }
}

/* The keys are turned into a panel first, [size][keys], so that the product runs along the keys. */
static void
score_queries(void *arg, const eg_cpu_queries *queries, uint32_t worker)
{
    const attention_work *w = arg;
    const eg_host_attrs *attrs = &w->call->node->attrs;
    const eg_kernels *kernels = eg_cpu_kernels(w->call->device);
    const eg_row *row = &w->rows[queries->text];
    eg_host_pair pair = eg_host_pair_begin(w->pairs + queries->offset, w->info, row);
    const float *q = w->left.f32 + (int64_t)row->start * w->left.stride + queries->head * w->size;
    const float *k = w->right.f32 + (int64_t)row->start * w->right.stride + queries->head / w->group * w->size;
    int64_t begin = eg_host_pair_first(&pair, queries->begin);
    int64_t keys = eg_host_pair_first(&pair, queries->end - 1) + pair.columns - begin;
    float *panel = eg_cpu_scratch_of(w->call, worker);
    kernels->transpose(k + begin * w->right.stride, w->right.stride, panel, keys, keys, w->size);
    for (int64_t i = queries->begin; i < queries->end;) {
        /* queries whose keys begin at the same place are one product; all of them where there is no window */
        int64_t first = eg_host_pair_first(&pair, i), next = i + 1;
        while (next < queries->end && eg_host_pair_first(&pair, next) == first)
            next++;
        kernels->product(q + i * w->left.stride, w->left.stride, panel + (first - begin), keys,
                         eg_host_pair_row(&pair, queries->head, i), pair.columns, next - i, pair.columns, w->size,
                         (float)attrs->factor);
        i = next;
    }
    if (attrs->causal || pair.window > 0)
        mask_scores(&pair, queries, attrs->causal);
}

static eg_status
run_scores(const eg_host_call *call)
{
    const eg_host_attrs *attrs = &call->node->attrs;
    attention_work w = {.call = call, .info = eg_host_info_out(call), .left = eg_host_matrix_in(call, 0)};
    w.right = eg_host_matrix_in(call, 1);
    w.rows = eg_host_rows(call, w.info);
    w.pairs = eg_host_pair_out(call);
    w.size = w.left.width / attrs->heads;
    w.group = attrs->heads / attrs->key_heads;
    eg_cpu_split_pairs(call, w.info, 0.05 * (double)w.size, score_queries, &w);
    return EG_OK;
}

const eg_host_op eg_cpu_op_scores = {"scores", 0, accept_scores, run_scores};

/* --- softmax ------------------------------------------------------------------------------------- */

/* The valid keys of each query; padding gets 0. */
static void
softmax_queries(void *arg, const eg_cpu_queries *queries, uint32_t worker)
{
    (void)worker;
    const attention_work *w = arg;
    const eg_row *row = &w->rows[queries->text];
    eg_host_pair pair = eg_host_pair_begin(w->pairs + queries->offset, w->info, row);
    const float *in = w->in + queries->offset + (queries->head * pair.n + queries->begin) * pair.columns;
    for (int64_t q = queries->begin; q < queries->end; q++, in += pair.columns) {
        int64_t valid = pair.valid - eg_host_pair_first(&pair, q);
        valid = valid < 0 ? 0 : valid > pair.columns ? pair.columns : valid;
        float *out = eg_host_pair_row(&pair, queries->head, q);
        if (valid > 0)
            eg_cpu_kernels(w->call->device)->softmax(in, out, valid);
        memset(out + valid, 0, (size_t)(pair.columns - valid) * 4);
    }
}

typedef struct softmax_rows {
    const eg_kernels *kernels;
    eg_host_matrix x, y;
    int64_t n;
} softmax_rows;

static void
softmax_part(void *arg, int64_t begin, int64_t end, uint32_t worker)
{
    (void)worker;
    const softmax_rows *w = arg;
    for (int64_t r = begin; r < end; r++)
        for (int64_t c = 0; c < w->y.width; c += w->n)
            w->kernels->softmax(w->x.f32 + r * w->x.stride + c, w->y.f32 + r * w->y.stride + c, w->n);
}

static eg_status
run_softmax(const eg_host_call *call)
{
    const eg_value_info *out = eg_host_info_out(call);
    if (out->kind == EG_PAIR) {
        attention_work w = {.call = call, .info = out, .rows = eg_host_rows(call, out), .in = eg_host_pair_in(call, 0)};
        w.pairs = eg_host_pair_out(call);
        eg_cpu_split_pairs(call, out, 1.0, softmax_queries, &w);
        return EG_OK;
    }
    softmax_rows w = {eg_cpu_kernels(call->device), eg_host_matrix_in(call, 0), eg_host_matrix_out(call),
                      eg_host_last_axis(out)};
    eg_cpu_split(call, w.y.rows, 1, (double)w.y.width, softmax_part, &w);
    return EG_OK;
}

const eg_host_op eg_cpu_op_softmax = {"softmax", 1, eg_host_accept_softmax, run_softmax};

/* --- apply --------------------------------------------------------------------------------------- */

static void
apply_queries(void *arg, const eg_cpu_queries *queries, uint32_t worker)
{
    (void)worker;
    const attention_work *w = arg;
    const eg_row *row = &w->rows[queries->text];
    eg_host_pair pair = eg_host_pair_begin(w->pairs + queries->offset, w->info, row);
    const float *v = w->left.f32 + (int64_t)row->start * w->left.stride + queries->head / w->group * w->size;
    float *y = w->right.f32 + (int64_t)row->start * w->right.stride + queries->head * w->size;
    for (int64_t i = queries->begin; i < queries->end;) {
        int64_t first = eg_host_pair_first(&pair, i), next = i + 1;
        while (next < queries->end && eg_host_pair_first(&pair, next) == first)
            next++;
        eg_cpu_kernels(w->call->device)
            ->product(eg_host_pair_row(&pair, queries->head, i), pair.columns, v + first * w->left.stride,
                      w->left.stride, y + i * w->right.stride, w->right.stride, next - i, w->size, pair.columns, 1.0f);
        i = next;
    }
}

static eg_status
run_apply(const eg_host_call *call)
{
    const eg_host_attrs *attrs = &call->node->attrs;
    attention_work w = {.call = call, .info = eg_host_info_in(call, 0), .left = eg_host_matrix_in(call, 1)};
    w.right = eg_host_matrix_out(call);
    w.rows = eg_host_rows(call, w.info);
    w.pairs = eg_host_pair_in(call, 0);
    w.size = w.right.width / attrs->heads;
    w.group = attrs->heads / attrs->key_heads;
    eg_cpu_split_pairs(call, w.info, 0.05 * (double)w.size, apply_queries, &w);
    return EG_OK;
}

const eg_host_op eg_cpu_op_apply = {"apply", 0, eg_host_accept_apply, run_apply};
