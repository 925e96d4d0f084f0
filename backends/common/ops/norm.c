/* SPDX-License-Identifier: Apache-2.0 */
/* layer_norm, rms_norm, normalize: along the last axis of each row. */
#include "../backend.h"

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
                   .eps = call->node->attrs.eps,
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
    const eg_host_op eg_cpu_op_##symbol = {#symbol, 1, eg_host_accept_##symbol, run_##symbol};

NORM(layer_norm, x, w->weight, w->bias, w->eps, y, w->n)
NORM(rms_norm, x, w->weight, w->eps, y, w->n)
NORM(normalize, x, w->eps, y, w->n)
