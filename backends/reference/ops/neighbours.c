/* SPDX-License-Identifier: Apache-2.0 */
/* shift, unfold: other rows of a row's text. */
#include "../reference.h"

/* Element `column` of row `i` of the text, 0 where it has no such row. */
static float
element(eg_host_matrix x, const eg_row *text, int64_t i, int64_t column)
{
    return i < 0 || i >= text->valid ? 0 : x.f32[((int64_t)text->start + i) * x.stride + column];
}

static eg_status
run_shift(const eg_host_call *call)
{
    eg_host_matrix x = eg_host_matrix_in(call, 0), y = eg_host_matrix_out(call);
    const eg_row *texts = eg_host_rows(call, eg_host_info_out(call));
    for (uint32_t t = 0; t < eg_host_texts(call); t++)
        for (int64_t i = 0; i < texts[t].rows; i++)
            for (int64_t c = 0; c < y.width; c++)
                y.f32[((int64_t)texts[t].start + i) * y.stride + c] =
                    element(x, &texts[t], i + call->node->attrs.by, c);
    return EG_OK;
}

static eg_status
run_unfold(const eg_host_call *call)
{
    int64_t kernel = call->node->attrs.kernel_rows, before = (kernel - 1) / 2;
    eg_host_matrix x = eg_host_matrix_in(call, 0), y = eg_host_matrix_out(call);
    const eg_row *texts = eg_host_rows(call, eg_host_info_out(call));
    for (uint32_t t = 0; t < eg_host_texts(call); t++)
        for (int64_t i = 0; i < texts[t].rows; i++)
            for (int64_t c = 0; c < x.width; c++)
                for (int64_t j = 0; j < kernel; j++)
                    y.f32[((int64_t)texts[t].start + i) * y.stride + c * kernel + j] =
                        element(x, &texts[t], i + j - before, c);
    return EG_OK;
}

const eg_host_op eg_ref_op_shift = {"shift", 0, eg_host_accept_shift, run_shift};
const eg_host_op eg_ref_op_unfold = {"unfold", 0, eg_host_accept_unfold, run_unfold};
