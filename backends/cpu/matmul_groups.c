/* SPDX-License-Identifier: Apache-2.0 */
/* grouped_matmul: a product for each group, or where groups are narrow (a channel of its own each) sums one by one. */
#include "cpu.h"

/* Columns of a group from which on packing the rows for the kernel is worth it. */
#define LEAST_COLUMNS 8

/* --- wide groups --------------------------------------------------------------------------------- */

static void
multiply_groups(const eg_host_call *call, int64_t groups)
{
    eg_host_matrix x = eg_host_matrix_in(call, 0), y = eg_host_matrix_out(call);
    eg_cpu_linear linear = {.x = x, .y = y, .products = {{.weight = 1}}, .product_count = 1};
    linear.x.width = x.width / groups;
    linear.y.width = y.width / groups;
    for (int64_t g = 0; g < groups; g++) {
        linear.x.f32 = x.f32 + g * linear.x.width;
        linear.y.f32 = y.f32 + g * linear.y.width;
        linear.products[0].first_row = g * linear.y.width;
        eg_cpu_linear_own(call, &linear);
    }
}

/* --- narrow groups ------------------------------------------------------------------------------- */

typedef struct narrow_work {
    eg_host_matrix x, w, y;
    int64_t columns; /* of a group */
} narrow_work;

static void
narrow_part(void *arg, int64_t begin, int64_t end, uint32_t worker)
{
    (void)worker;
    const narrow_work *work = arg;
    int64_t k = work->w.width;
    for (int64_t r = begin; r < end; r++) {
        const float *row = work->x.f32 + r * work->x.stride;
        float *y = work->y.f32 + r * work->y.stride;
        for (int64_t n = 0; n < work->y.width; n++) {
            const float *x = row + n / work->columns * k, *w = work->w.f32 + n * work->w.stride;
            double sum = 0;
            for (int64_t i = 0; i < k; i++)
                sum += (double)x[i] * w[i];
            y[n] = (float)sum;
        }
    }
}

void
eg_cpu_linear_groups(const eg_host_call *call, int64_t groups)
{
    narrow_work w = {eg_host_matrix_in(call, 0), eg_host_matrix_in(call, 1), eg_host_matrix_out(call), 0};
    w.columns = w.y.width / groups;
    if (w.y.rows == 0)
        return;
    if (w.columns >= LEAST_COLUMNS)
        multiply_groups(call, groups);
    else
        eg_cpu_split(call, w.y.rows, 1, 0.6 * (double)(w.y.width * w.w.width), narrow_part, &w);
}
