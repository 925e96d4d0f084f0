/* SPDX-License-Identifier: Apache-2.0 */
/* matmul, linear and glu_linear whose weights are in parts: each part makes some columns of the result. */
#include <string.h>

#include "plugins/far/far.h"

enum { ELEMENT = 4 };

static const struct {
    const char *op;
    uint32_t input;
} in_parts[] = {{"gather", 0}, {"matmul", 1}, {"linear", 1}, {"glu_linear", 1}, {"glu_linear", 2}};

bool
far_takes_parts(const char *op, uint32_t input)
{
    for (size_t i = 0; i < sizeof in_parts / sizeof *in_parts; i++)
        if (in_parts[i].input == input && strcmp(in_parts[i].op, op) == 0)
            return true;
    return false;
}

/* A product's first input is what it multiplies; what follows its weights is as wide as its result. */
far_cut
far_cut_of(const char *op, uint32_t input_count, uint32_t value)
{
    if (value >= input_count)
        return FAR_COLUMNS;
    if (far_takes_parts(op, value))
        return FAR_ROWS;
    return value == 0 ? FAR_WHOLE : FAR_COLUMNS;
}

const char *
far_piece_obstacle(far_cut cut, const eg_value_info *input)
{
    if (cut == FAR_ROWS && !input->is_weight)
        return "is no constant beside a weight in parts";
    if (cut == FAR_COLUMNS && input->is_weight && input->rank != 1)
        return "is a constant of several rows, which is not cut by columns";
    return NULL;
}

/* Elements [first, first + count) of a constant of rank 1, where they lie in far memory. */
static eg_status
slice(eg_device *device, const eg_value_info *info, const eg_weight *weight, const far_piece *piece, eg_weight **out,
      eg_error *err)
{
    eg_host_view view = {.size = sizeof view,
                         .dtype = info->dtype,
                         .data = weight->parts[0].memory.bytes + piece->first * ELEMENT,
                         .dims = {piece->count},
                         .strides = {1}};
    eg_weight_desc desc = {.size = sizeof desc,
                           .dtype = info->dtype,
                           .rank = 1,
                           .view_count = 1,
                           .dims = {piece->count},
                           .views = &view,
                           .name = info->name};
    uint64_t own;
    return device->inner_ops->weight_new(device->inner, &desc, out, &own, err);
}

eg_status
far_piece_begin(eg_device *device, const eg_view *view, uint32_t node, const far_part *part, uint32_t part_number,
                far_piece *out, eg_error *err)
{
    const eg_host *host = device->host;
    const char *op = host->node_op(host->ctx, view, node);
    uint32_t inputs = host->node_inputs(host->ctx, view, node);
    *out = (far_piece){.first = part->first, .count = part->rows, .part = part_number};
    for (uint32_t i = 0; i < inputs && i < FAR_PIECE_INPUTS; i++) {
        uint32_t value = host->node_input(host->ctx, view, node, i);
        eg_value_info info = {.size = sizeof info};
        eg_status status = host->view_value(host->ctx, view, value, &info);
        if (status != EG_OK)
            return far_fail(err, EG_E_INTERNAL, "value %u cannot be read", value);
        if (!info.is_weight || far_cut_of(op, inputs, i) != FAR_COLUMNS)
            continue;
        const eg_weight *weight = host->view_weight(host->ctx, view, value);
        status = slice(device, &info, weight, out, &out->slices[i], err);
        if (status != EG_OK)
            return status;
    }
    return EG_OK;
}

void
far_piece_finish(const eg_device *device, far_piece *piece)
{
    for (uint32_t i = 0; i < FAR_PIECE_INPUTS; i++)
        device->inner_ops->weight_free(device->inner, piece->slices[i]);
}
