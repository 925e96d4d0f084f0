/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Constants: borrowed from the file's mapping when they lie there as the ops want them (in several parts
 * where these can read them so), converted once otherwise.
 */
#include <string.h>

#include "host.h"

static uint64_t
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
    case EG_U8:
    case EG_I8:
    case EG_BOOL:
        return 1;
    default:
        return 0;
    }
}

static float
float_of_bits(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static float
half_to_float(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16, exponent = (half >> 10) & 0x1fu, fraction = half & 0x3ffu;
    if (exponent == 0) { /* zero or subnormal: fraction · 2^-24, exact in f32 */
        float magnitude = (float)fraction * 0x1p-24f;
        return sign != 0 ? -magnitude : magnitude;
    }
    if (exponent == 31)
        return float_of_bits(sign | 0x7f800000u | fraction << 13);
    return float_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

/* One element as a number; i64 beyond 2^53 does not occur in what is asked for (i32), and is refused there. */
static double
load_number(const unsigned char *p, eg_dtype dtype)
{
    union {
        double f64;
        float f32;
        int64_t i64;
        int32_t i32;
        uint16_t u16;
        int8_t i8;
    } v;
    memcpy(&v, p, dtype_size(dtype));
    switch (dtype) {
    case EG_F64:
        return v.f64;
    case EG_F32:
        return v.f32;
    case EG_F16:
        return half_to_float(v.u16);
    case EG_BF16:
        return float_of_bits((uint32_t)v.u16 << 16);
    case EG_I64:
        return (double)v.i64;
    case EG_I32:
        return v.i32;
    case EG_I8:
        return v.i8;
    default:
        return *p;
    }
}

static bool
store_number(void *data, uint64_t i, eg_dtype dtype, double number)
{
    if (dtype == EG_F32) {
        ((float *)data)[i] = (float)number;
        return true;
    }
    if (!(number >= INT32_MIN && number <= INT32_MAX))
        return false;
    ((int32_t *)data)[i] = (int32_t)number;
    return true;
}

/* One view on its way into its place; the threads share it along the first axis. */
typedef struct conversion {
    const eg_weight_desc *desc;
    const eg_host_view *view;
    void *data;
    int64_t rows_per_part;
    int32_t bad; /* set when a number does not fit */
} conversion;

/* Row `row` of the first axis. */
static bool
convert_row(const conversion *c, int64_t row)
{
    const eg_weight_desc *desc = c->desc;
    const eg_host_view *view = c->view;
    int64_t at[EG_MAX_RANK] = {row}, size = (int64_t)dtype_size(view->dtype);
    const unsigned char *bytes = view->data;
    for (;;) {
        int64_t from = 0;
        uint64_t to = 0;
        for (uint32_t axis = 0; axis < desc->rank; axis++) {
            from += at[axis] * view->strides[axis];
            to = to * (uint64_t)desc->dims[axis] + (uint64_t)(view->at[axis] + at[axis]);
        }
        if (!store_number(c->data, to, desc->dtype, load_number(bytes + from * size, view->dtype)))
            return false;
        uint32_t axis = desc->rank;
        while (axis > 1 && ++at[axis - 1] == view->dims[axis - 1])
            at[--axis] = 0;
        if (axis <= 1)
            return true;
    }
}

static void
convert_part(void *arg, uint32_t part, uint32_t worker)
{
    (void)worker;
    conversion *c = arg;
    int64_t end = ((int64_t)part + 1) * c->rows_per_part;
    if (end > c->view->dims[0])
        end = c->view->dims[0];
    for (int64_t row = (int64_t)part * c->rows_per_part; row < end; row++)
        if (!convert_row(c, row))
            __atomic_store_n(&c->bad, 1, __ATOMIC_RELAXED);
}

static eg_status
convert_view(const eg_host *host, const eg_weight_desc *desc, const eg_host_view *view, void *data, eg_error *err)
{
    for (uint32_t axis = 0; axis < desc->rank; axis++)
        if (view->dims[axis] == 0)
            return EG_OK;
    conversion c = {.desc = desc, .view = view, .data = data};
    c.rows_per_part = view->dims[0] / 64 + 1;
    uint32_t parts = (uint32_t)((view->dims[0] + c.rows_per_part - 1) / c.rows_per_part);
    host->parallel_for(host->ctx, parts, convert_part, &c);
    if (c.bad != 0)
        return eg_host_fail(err, EG_E_INPUT, "weight '%s' holds a number that is not a 32-bit integer", desc->name);
    return EG_OK;
}

static eg_status
check_desc(const char *name, const eg_weight_desc *desc, uint64_t *count, eg_error *err)
{
    if (desc->dtype != EG_F32 && desc->dtype != EG_I32)
        return eg_host_fail(err, EG_E_UNSUPPORTED, "weight '%s': %s computes in f32 and i32 only", desc->name, name);
    if (desc->rank < 1 || desc->rank > EG_MAX_RANK || desc->view_count < 1)
        return eg_host_fail(err, EG_E_INTERNAL, "weight '%s' has no shape", desc->name);
    *count = 1;
    for (uint32_t axis = 0; axis < desc->rank; axis++)
        if (desc->dims[axis] < 1 || __builtin_mul_overflow(*count, (uint64_t)desc->dims[axis], count))
            return eg_host_fail(err, EG_E_INTERNAL, "weight '%s' has an impossible size", desc->name);
    for (uint32_t v = 0; v < desc->view_count; v++) {
        const eg_host_view *view = EG_HOST_AT(desc->views, v);
        if (dtype_size(view->dtype) == 0)
            return eg_host_fail(err, EG_E_UNSUPPORTED, "weight '%s' has an unknown dtype", desc->name);
        for (uint32_t axis = 0; axis < desc->rank; axis++)
            if (view->at[axis] < 0 || view->dims[axis] < 0 || view->at[axis] > desc->dims[axis] - view->dims[axis])
                return eg_host_fail(err, EG_E_INTERNAL, "weight '%s' has a view beyond its shape", desc->name);
    }
    return EG_OK;
}

/* A contiguous view of the right type, aligned for it. */
static bool
lies_ready(const eg_weight_desc *desc, const eg_host_view *view)
{
    if (view->dtype != desc->dtype || (uintptr_t)view->data % dtype_size(view->dtype) != 0)
        return false;
    int64_t stride = 1;
    for (uint32_t axis = desc->rank; axis-- > 0;) {
        if (view->dims[axis] > 1 && view->strides[axis] != stride)
            return false;
        stride *= view->dims[axis];
    }
    return true;
}

/* The one view is the weight as it shall lie. */
static bool
can_borrow(const eg_weight_desc *desc)
{
    const eg_host_view *view = EG_HOST_AT(desc->views, 0);
    for (uint32_t axis = 0; axis < desc->rank; axis++)
        if (view->dims[axis] != desc->dims[axis])
            return false;
    return desc->view_count == 1 && lies_ready(desc, view);
}

bool
eg_host_takes_parts(const eg_host_backend *backend, const char *op, uint32_t input)
{
    for (const eg_host_use *use = backend->parts; use != NULL && use->op != NULL; use++)
        if (use->input == input && strcmp(use->op, op) == 0)
            return true;
    return false;
}

/* Tensors one below the other, each ready where it lies, for uses that can all read them so. */
static bool
can_borrow_parts(const eg_host_backend *backend, const eg_weight_desc *desc)
{
    if (desc->view_count < 2 || desc->rank != 2 || desc->dtype != EG_F32 || desc->use_count == 0)
        return false;
    for (uint32_t u = 0; u < desc->use_count; u++) {
        const eg_weight_use *use = EG_HOST_AT(desc->uses, u);
        if (!eg_host_takes_parts(backend, use->op, use->input))
            return false;
    }
    int64_t rows = 0;
    for (uint32_t v = 0; v < desc->view_count; v++) {
        const eg_host_view *view = EG_HOST_AT(desc->views, v);
        if (view->at[0] != rows || view->at[1] != 0 || view->dims[1] != desc->dims[1] || !lies_ready(desc, view))
            return false;
        rows += view->dims[0];
    }
    return rows == desc->dims[0];
}

static eg_status
borrow_parts(eg_device *device, const eg_weight_desc *desc, eg_weight *weight, eg_error *err)
{
    weight->parts = eg_host_alloc(device->host, desc->view_count, sizeof *weight->parts);
    if (weight->parts == NULL)
        return eg_host_fail(err, EG_E_NOMEM, "out of memory");
    for (uint32_t v = 0; v < desc->view_count; v++) {
        const eg_host_view *view = EG_HOST_AT(desc->views, v);
        if (view->dims[0] > 0)
            weight->parts[weight->part_count++] = (eg_host_part){
                .data = view->data, .first = view->at[0], .rows = view->dims[0], .stride = desc->dims[1]};
    }
    return EG_OK;
}

static eg_status
convert(eg_device *device, const eg_weight_desc *desc, eg_weight *weight, eg_error *err)
{
    weight->data = weight->owned = eg_host_alloc(device->host, weight->count, 4);
    if (weight->owned == NULL)
        return eg_host_fail(err, EG_E_NOMEM, "out of memory: weight '%s', %llu elements", desc->name,
                            (unsigned long long)weight->count);
    eg_status status = EG_OK;
    for (uint32_t v = 0; v < desc->view_count && status == EG_OK; v++)
        status = convert_view(device->host, desc, EG_HOST_AT(desc->views, v), weight->owned, err);
    return status;
}

eg_status
eg_host_weight_new(eg_device *device, const eg_weight_desc *desc, eg_weight **out, uint64_t *out_bytes, eg_error *err)
{
    uint64_t count = 0;
    eg_status status = check_desc(device->backend->name, desc, &count, err);
    if (status != EG_OK)
        return status;
    eg_weight *weight = eg_host_alloc(device->host, 1, sizeof *weight);
    if (weight == NULL)
        return eg_host_fail(err, EG_E_NOMEM, "out of memory");
    weight->dtype = desc->dtype;
    weight->count = count;
    if (can_borrow(desc))
        weight->data = desc->views[0].data;
    else if (can_borrow_parts(device->backend, desc))
        status = borrow_parts(device, desc, weight, err);
    else
        status = convert(device, desc, weight, err);
    if (status != EG_OK) {
        eg_host_weight_free(device, weight);
        return status;
    }
    *out_bytes = weight->owned != NULL ? count * 4 : 0;
    *out = weight;
    return EG_OK;
}

void
eg_host_weight_free(eg_device *device, eg_weight *weight)
{
    if (weight == NULL)
        return;
    eg_host_dealloc(device->host, weight->owned);
    eg_host_dealloc(device->host, weight->parts);
    eg_host_dealloc(device->host, weight);
}
