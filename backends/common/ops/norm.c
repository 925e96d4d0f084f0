/* SPDX-License-Identifier: Apache-2.0 */
/* layer_norm, rms_norm, normalize: along the last axis of each row. */
#include "../backend.h"

static bool
accept_rows(eg_host_reader *reader, double eps_absent, int64_t *length)
{
    eg_value_info out;
    if (!eg_host_same(reader, &out))
        return false;
    if (out.kind == EG_PAIR)
        return eg_host_refuse(reader, "pair values have no last axis of a fixed size");
    *length = eg_host_last_axis(&out);
    reader->attrs.factor = eg_host_attr_float(reader, "eps", eps_absent);
    return true;
}

static bool
accept_layer_norm(eg_host_reader *reader)
{
    int64_t length;
    return eg_host_count(reader, 2, 3) && accept_rows(reader, 0.0, &length) && eg_host_vector(reader, 1, length) &&
           (reader->input_count == 2 || eg_host_vector(reader, 2, length));
}

static bool
accept_rms_norm(eg_host_reader *reader)
{
    int64_t length;
    return eg_host_count(reader, 2, 2) && accept_rows(reader, 0.0, &length) && eg_host_vector(reader, 1, length);
}

static bool
accept_normalize(eg_host_reader *reader)
{
    int64_t length;
    return eg_host_count(reader, 1, 1) && accept_rows(reader, 1e-12, &length);
}

typedef struct norm_work {
    const eg_kernels *kernels;
    eg_host_matrix x, y;
    const float *weight, *bias;
    double eps;
    int64_t n;
} norm_work;

static norm_work
work_of(const eg_host_call *call)
{
    norm_work w = {.kernels = eg_cpu_kernels(call->device),
                   .x = eg_host_matrix_in(call, 0),
                   .y = eg_host_matrix_out(call),
                   .eps = call->node->attrs.factor,
                   .n = eg_host_last_axis(eg_host_info_out(call))};
    if (call->node->input_count > 1)
        w.weight = eg_host_vector_in(call, 1);
    if (call->node->input_count > 2)
        w.bias = eg_host_vector_in(call, 2);
    return w;
}

#define NORM(symbol, ...)                                                                                              \
    static void symbol##_part(void *arg, int64_t begin, int64_t end, uint32_t worker)                                  \
    {                                                                                                                  \
        (void)worker;                                                                                                  \
        const norm_work *w = arg;                                                                                      \
        for (int64_t r = begin; r < end; r++)                                                                          \
            for (int64_t c = 0; c < w->y.width; c += w->n) {                                                           \
                const float *x = w->x.f32 + r * w->x.stride + c;                                                       \
                float *y = w->y.f32 + r * w->y.stride + c;                                                             \
                w->kernels->symbol(__VA_ARGS__);                                                                       \
            }                                                                                                          \
    }                                                                                                                  \
    static eg_status run_##symbol(const eg_host_call *call)                                                            \
    {                                                                                                                  \
        norm_work w = work_of(call);                                                                                   \
        eg_cpu_split(call, w.y.rows, 1, 0.5 * (double)w.y.width, symbol##_part, &w);                                   \
        return EG_OK;                                                                                                  \
    }                                                                                                                  \
    const eg_host_op eg_cpu_op_##symbol = {#symbol, 1, accept_##symbol, run_##symbol};

NORM(layer_norm, x, w->weight, w->bias, w->eps, y, w->n)
NORM(rms_norm, x, w->weight, w->eps, y, w->n)
NORM(normalize, x, w->eps, y, w->n)
