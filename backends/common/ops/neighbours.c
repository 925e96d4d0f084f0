/* SPDX-License-Identifier: Apache-2.0 */
/* shift, unfold: other rows of a row's text. */
#include <string.h>

#include "../backend.h"

typedef struct neighbour_work {
    eg_host_matrix x, y;
    const eg_row *texts;
    uint32_t count;
    int64_t by, kernel;
} neighbour_work;

/* Row `row` + `by`, if its text has it; NULL if not. */
static const float *
neighbour(const neighbour_work *w, const eg_row *text, int64_t row, int64_t by)
{
    int64_t i = row - (int64_t)text->start + by;
    return i < 0 || i >= text->valid ? NULL : w->x.f32 + (row + by) * w->x.stride;
}

static void
shift_part(void *arg, int64_t begin, int64_t end, uint32_t worker)
{
    (void)worker;
    const neighbour_work *w = arg;
    uint32_t text = 0;
    for (int64_t r = begin; r < end; r++) {
        text = eg_cpu_text_of(w->texts, w->count, r, text);
        const float *from = neighbour(w, &w->texts[text], r, w->by);
        float *to = w->y.f32 + r * w->y.stride;
        if (from != NULL)
            memcpy(to, from, (size_t)w->y.width * 4);
        else
            memset(to, 0, (size_t)w->y.width * 4);
    }
}

static void
unfold_part(void *arg, int64_t begin, int64_t end, uint32_t worker)
{
    (void)worker;
    const neighbour_work *w = arg;
    uint32_t text = 0;
    for (int64_t r = begin; r < end; r++) {
        text = eg_cpu_text_of(w->texts, w->count, r, text);
        float *to = w->y.f32 + r * w->y.stride;
        for (int64_t j = 0; j < w->kernel; j++) {
            const float *from = neighbour(w, &w->texts[text], r, w->by + j);
            for (int64_t c = 0; c < w->x.width; c++)
                to[c * w->kernel + j] = from != NULL ? from[c] : 0;
        }
    }
}

static eg_status
run_neighbours(const eg_host_call *call, int64_t by, int64_t kernel, eg_cpu_part part)
{
    neighbour_work w = {.x = eg_host_matrix_in(call, 0),
                        .y = eg_host_matrix_out(call),
                        .texts = eg_host_rows(call, eg_host_info_out(call)),
                        .count = eg_host_texts(call),
                        .by = by,
                        .kernel = kernel};
    eg_cpu_split(call, w.y.rows, 1, 0.3 * (double)w.y.width, part, &w);
    return EG_OK;
}

static eg_status
run_shift(const eg_host_call *call)
{
    return run_neighbours(call, call->node->attrs.by, 1, shift_part);
}

static eg_status
run_unfold(const eg_host_call *call)
{
    int64_t kernel = call->node->attrs.kernel_rows;
    return run_neighbours(call, -((kernel - 1) / 2), kernel, unfold_part);
}

const eg_host_op eg_cpu_op_shift = {"shift", 0, eg_host_accept_shift, run_shift};
const eg_host_op eg_cpu_op_unfold = {"unfold", 0, eg_host_accept_unfold, run_unfold};
