/* SPDX-License-Identifier: Apache-2.0 */
/* Weights in parts of at most 1 MiB along the first axis. Reference converts each part; its elements move to far memory. */
#include "plugins/far/far.h"

#include <string.h>

enum { ELEMENT = 4 }; /* reference computes in f32 and i32 */

int64_t
far_rows_per_part(int64_t row_elements)
{
    return row_elements < 1 ? 0 : FAR_MAX_BINDING / ELEMENT / row_elements;
}

/* What of a view lies in the rows [first, first + rows). Empty views are legal: rows of another part. */
static eg_host_view
clip_view(const eg_host_view *view, int64_t first, int64_t rows, size_t element)
{
    eg_host_view out = *view;
    out.size = sizeof out;
    int64_t begin = view->at[0] > first ? view->at[0] : first;
    int64_t end = view->at[0] + view->dims[0] < first + rows ? view->at[0] + view->dims[0] : first + rows;
    if (end < begin)
        end = begin = first;
    out.dims[0] = end - begin;
    out.at[0] = begin - first;
    if (end > begin)
        out.data = (const unsigned char *)view->data + (begin - view->at[0]) * view->strides[0] * (int64_t)element;
    return out;
}

static size_t
dtype_size(eg_dtype dtype)
{
    switch (dtype) {
    case EG_F64:
    case EG_I64:
        return 8;
    case EG_F32:
    case EG_I32:
        return 4;
    case EG_F16:
    case EG_BF16:
        return 2;
    default:
        return 1;
    }
}

/* A weight of reference's with the rows of one part, from the host's memory. */
static eg_status
convert_part(eg_device *device, const eg_weight_desc *desc, far_part *part, eg_error *err)
{
    eg_host_view *views = far_alloc(device, desc->view_count * sizeof *views);
    if (!views)
        return far_fail(err, EG_E_NOMEM, "out of memory (weight)");
    uint32_t count = 0;
    for (uint32_t v = 0; v < desc->view_count; v++) {
        const eg_host_view *view = FAR_AT(desc->views, v);
        views[count] = clip_view(view, part->first, part->rows, dtype_size(view->dtype));
        count += views[count].dims[0] > 0;
    }
    eg_weight_desc block = *desc;
    block.size = sizeof block;
    block.dims[0] = part->rows;
    block.views = views;
    block.view_count = count;
    block.use_count = 0; /* for no use that could do with it in parts: it has to lie in one piece */
    uint64_t bytes;
    eg_status status = device->inner_ops->weight_new(device->inner, &block, &part->inner, &bytes, err);
    far_dealloc(device, views);
    return status;
}

typedef struct {
    far_job job;
    const far_part *part;
    const void *from;
    size_t bytes;
} part_upload;

static eg_status
upload_part(far_job *job, eg_error *err)
{
    part_upload *upload = (part_upload *)job;
    eg_status status = far_memory_open(&upload->part->memory, err);
    if (status != EG_OK)
        return status;
    memcpy(upload->part->memory.bytes, upload->from, upload->bytes);
    far_memory_close(&upload->part->memory);
    return EG_OK;
}

/* Moves the part's elements to far memory, and lets reference borrow them there. */
static eg_status
move_part(eg_device *device, const eg_weight_desc *desc, int64_t row_elements, far_part *part, eg_error *err)
{
    size_t bytes = (size_t)(part->rows * row_elements) * ELEMENT;
    eg_status status = far_memory_new(&part->memory, bytes, err);
    if (status != EG_OK)
        return status;
    part_upload upload = {.job = {.device = device, .work = upload_part},
                          .part = part,
                          .from = far_inner_weight_data(part->inner),
                          .bytes = bytes};
    status = far_do(&upload.job, err);
    device->inner_ops->weight_free(device->inner, part->inner);
    part->inner = NULL;
    if (status != EG_OK)
        return status;

    eg_host_view dense = {.size = sizeof dense, .dtype = desc->dtype, .data = part->memory.bytes};
    eg_weight_desc block = *desc;
    block.size = sizeof block;
    block.dims[0] = part->rows;
    block.views = &dense;
    block.view_count = 1;
    int64_t stride = 1;
    for (uint32_t axis = desc->rank; axis-- > 0;) {
        dense.dims[axis] = block.dims[axis];
        dense.strides[axis] = stride;
        stride *= block.dims[axis];
    }
    uint64_t own;
    status = device->inner_ops->weight_new(device->inner, &block, &part->inner, &own, err);
    if (status == EG_OK && own != 0) /* it has read memory that is closed? then we would not be here */
        return far_fail(err, EG_E_INTERNAL, "reference did not borrow a dense weight");
    return status;
}

static eg_status
check_desc(const eg_weight_desc *desc, int64_t *out_row_elements, eg_error *err)
{
    if (desc->dtype != EG_F32 && desc->dtype != EG_I32)
        return far_fail(err, EG_E_UNSUPPORTED, "weight '%s': only f32 and i32 are computed with", desc->name);
    if (desc->rank < 1 || desc->rank > EG_MAX_RANK || desc->dims[0] < 1)
        return far_fail(err, EG_E_INTERNAL, "weight '%s' has no shape", desc->name);
    int64_t row = 1;
    for (uint32_t axis = 1; axis < desc->rank; axis++)
        if (__builtin_mul_overflow(row, desc->dims[axis], &row))
            return far_fail(err, EG_E_INTERNAL, "weight '%s' has an impossible size", desc->name);
    if (far_rows_per_part(row) < 1)
        return far_fail(err, EG_E_UNSUPPORTED, "weight '%s': one row is larger than 1 MiB", desc->name);
    *out_row_elements = row;
    return EG_OK;
}

eg_status
far_weight_new(eg_device *device, const eg_weight_desc *desc, eg_weight **out, uint64_t *out_bytes, eg_error *err)
{
    *out = NULL;
    *out_bytes = 0;
    int64_t row_elements = 0;
    eg_status status = check_desc(desc, &row_elements, err);
    if (status != EG_OK)
        return status;
    int64_t rows_per_part = far_rows_per_part(row_elements);
    uint32_t count = (uint32_t)((desc->dims[0] + rows_per_part - 1) / rows_per_part);
    eg_weight *weight = far_alloc(device, sizeof *weight + count * sizeof *weight->parts);
    if (!weight)
        return far_fail(err, EG_E_NOMEM, "out of memory (weight '%s')", desc->name);
    weight->row_elements = row_elements;
    weight->part_count = count;
    for (uint32_t i = 0; i < count && status == EG_OK; i++) {
        far_part *part = &weight->parts[i];
        part->first = i * rows_per_part;
        part->rows = desc->dims[0] - part->first < rows_per_part ? desc->dims[0] - part->first : rows_per_part;
        status = convert_part(device, desc, part, err);
        if (status == EG_OK)
            status = move_part(device, desc, row_elements, part, err);
        *out_bytes += part->memory.mapped;
    }
    if (status != EG_OK) {
        far_weight_free(device, weight);
        return status;
    }
    *out = weight;
    return EG_OK;
}

void
far_weight_free(eg_device *device, eg_weight *weight)
{
    if (!weight)
        return;
    for (uint32_t i = 0; i < weight->part_count; i++) {
        device->inner_ops->weight_free(device->inner, weight->parts[i].inner);
        far_memory_free(&weight->parts[i].memory);
    }
    far_dealloc(device, weight);
}
