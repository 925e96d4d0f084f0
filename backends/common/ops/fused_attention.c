/* SPDX-License-Identifier: Apache-2.0 */
/* attention: scores, softmax and values in one pass over the keys, text by text and head by head. */
#include "../backend.h"

/* Queries of a part are a multiple of this: whole tiles of every instruction set. */
#define QUERY_STEP 48
/* Nanoseconds of a pair of query and key: of its exponential, and of each element of q and v. */
#define PAIR_COST 0.5
#define ELEMENT_COST 0.03

typedef struct fused_attention {
    const eg_host_call *call;
    eg_value_info pair; /* what the scores would be */
    const eg_row *rows;
    eg_host_matrix q, k, v, y;
    const float *bias;
    int64_t bias_heads;
} fused_attention;

static bool
accept_attention(eg_host_reader *reader)
{
    if (!eg_host_accept_attention(reader))
        return false;
    uint64_t size = (uint64_t)reader->attrs.head_size, value_size = (uint64_t)reader->attrs.value_size;
    reader->scratch.bytes = EG_ATTENTION_SCRATCH(size, value_size) * sizeof(float);
    return true;
}

/* What the kernel needs to know of a text and a head; the queries are filled in by the caller. */
static eg_attention
head_of(const fused_attention *w, const eg_cpu_queries *queries, const eg_host_pair *pair)
{
    const eg_host_attrs *attrs = &w->call->node->attrs;
    int64_t start = w->rows[queries->text].start;
    int64_t key_head = queries->head / (attrs->heads / attrs->key_heads);
    eg_attention a = {.k = w->k.f32 + start * w->k.stride + key_head * attrs->head_size,
                      .v = w->v.f32 + start * w->v.stride + key_head * attrs->value_size,
                      .ldq = w->q.stride,
                      .ldk = w->k.stride,
                      .ldv = w->v.stride,
                      .ldy = w->y.stride,
                      .keys = pair->valid,
                      .size = attrs->head_size,
                      .value_size = attrs->value_size,
                      .below = attrs->window > 0 ? attrs->window : EG_ATTENTION_FAR,
                      .factor = (float)attrs->factor,
                      .ldb = pair->columns,
                      .bias_window = attrs->window,
                      .bias_last = pair->n - pair->columns};
    a.above = attrs->causal ? 0 : a.below;
    return a;
}

static void
attend(void *arg, const eg_cpu_queries *queries, uint32_t worker)
{
    const fused_attention *w = arg;
    const eg_host_attrs *attrs = &w->call->node->attrs;
    const eg_row *row = &w->rows[queries->text];
    eg_host_pair pair = eg_host_pair_begin(NULL, &w->pair, row);
    eg_attention a = head_of(w, queries, &pair);
    int64_t first = attrs->text_query ? queries->text : row->start;
    const float *q = w->q.f32 + first * w->q.stride + queries->head * attrs->head_size, *bias = w->bias;
    float *y = w->y.f32 + first * w->y.stride + queries->head * attrs->value_size;
    if (bias != NULL) {
        int64_t head = w->bias_heads == 1 ? 0 : queries->head;
        bias += queries->offset / attrs->heads * w->bias_heads + head * pair.n * pair.columns;
    }
    for (int64_t i = queries->begin; i < queries->end; i += EG_ATTENTION_QUERIES) {
        a.first = i;
        a.queries = queries->end - i < EG_ATTENTION_QUERIES ? queries->end - i : EG_ATTENTION_QUERIES;
        a.q = q + i * a.ldq;
        a.y = y + i * a.ldy;
        a.bias = bias != NULL ? bias + i * a.ldb : NULL;
        eg_cpu_kernels(w->call->device)->attention(&a, eg_cpu_scratch_of(w->call, worker));
    }
}

static eg_status
run_attention(const eg_host_call *call)
{
    const eg_host_attrs *attrs = &call->node->attrs;
    fused_attention w = {.call = call,
                         .q = eg_host_matrix_in(call, 0),
                         .k = eg_host_matrix_in(call, 1),
                         .v = eg_host_matrix_in(call, 2),
                         .y = eg_host_matrix_out(call)};
    w.pair = (eg_value_info){.kind = EG_PAIR, .set = eg_host_info_in(call, 1)->set, .rank = 2};
    w.pair.dims[0].k = attrs->heads;
    w.pair.dims[1].window = (uint32_t)attrs->window;
    w.rows = eg_host_rows(call, &w.pair);
    if (attrs->has_bias) {
        w.bias = eg_host_pair_in(call, 3);
        w.bias_heads = eg_host_info_in(call, 3)->dims[0].k;
    }
    double cost = PAIR_COST + ELEMENT_COST * (double)(attrs->head_size + attrs->value_size);
    eg_cpu_split_queries(call, &w.pair, attrs->text_query, QUERY_STEP, cost, attend, &w);
    return EG_OK;
}

const eg_host_op eg_cpu_op_attention = {"attention", 0, accept_attention, run_attention};
