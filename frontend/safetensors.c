/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One safetensors file: 8 bytes with the length N of the header (little-endian), N bytes of JSON that say each tensor's
 * type, shape and place, then the data. The tensors must fill the data exactly, without overlap, hole or rest, so
 * that a file has one meaning only.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "frontend/json.h"
#include "frontend/weights.h"

enum { LENGTH_BYTES = 8, HEADER_MAX = 100 * 1000 * 1000, HEADER_DEPTH = 16 };

/* One file while it is read. */
typedef struct reader {
    eg_weights *weights;
    const char *file; /* in the weights' arena */
    const char *header;
    uint64_t header_size;
    const char *data;
    uint64_t data_size;
    eg_error *err;
} reader;

/* Where a tensor lies in the data, and which member of the header says so. */
typedef struct extent {
    uint64_t begin, end;
    const eg_json *entry;
} extent;

static const struct {
    const char *name;
    eg_dtype dtype;
} dtypes[] = {{"F64", EG_F64}, {"F32", EG_F32}, {"F16", EG_F16}, {"BF16", EG_BF16}, {"I64", EG_I64},
              {"I32", EG_I32}, {"U8", EG_U8},   {"I8", EG_I8},   {"BOOL", EG_BOOL}};

static eg_status EG_PRINTF(3, 4) fail_tensor(const reader *r, const eg_json *entry, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    eg_status status = eg_vfail_at(r->err, EG_E_INPUT, r->file, entry->key_line, entry->key_column, fmt, args);
    va_end(args);
    return status;
}

/* Finds header and data. */
static eg_status
split_file(reader *r, const void *bytes, size_t size)
{
    if (size < LENGTH_BYTES) {
        eg_status status = eg_fail_at(r->err, EG_E_INPUT, r->file, 0, 0, "has %zu bytes", size);
        return eg_hint(r->err, status, "a safetensors file begins with the 8 bytes of its header's length");
    }
    const unsigned char *length = bytes;
    for (int i = LENGTH_BYTES - 1; i >= 0; i--)
        r->header_size = r->header_size << 8 | length[i];
    if (r->header_size > HEADER_MAX)
        return eg_fail_at(r->err, EG_E_INPUT, r->file, 0, 0,
                          "claims a header of %" PRIu64 " bytes, more than the %d that are allowed", r->header_size,
                          HEADER_MAX);
    if (r->header_size > size - LENGTH_BYTES)
        return eg_fail_at(r->err, EG_E_INPUT, r->file, 0, 0,
                          "claims a header of %" PRIu64 " bytes, but only %zu follow", r->header_size,
                          size - LENGTH_BYTES);
    r->header = (const char *)bytes + LENGTH_BYTES;
    if (r->header_size == 0 || r->header[0] != '{') {
        eg_status status = eg_fail_at(r->err, EG_E_INPUT, r->file, 1, 1, "the header is no JSON object");
        return eg_hint(r->err, status, "expected '{' at byte %d", LENGTH_BYTES);
    }
    r->data = r->header + r->header_size;
    r->data_size = size - LENGTH_BYTES - r->header_size;
    return EG_OK;
}

static eg_status
check_metadata(const reader *r, const eg_json *metadata)
{
    if (metadata->type == EG_JSON_NULL)
        return EG_OK;
    if (metadata->type != EG_JSON_OBJECT)
        return eg_json_wrong_type(metadata, r->file, "an object", r->err);
    for (size_t i = 0; i < metadata->count; i++)
        if (metadata->items[i].type != EG_JSON_STRING)
            return eg_json_wrong_type(&metadata->items[i], r->file, "a string", r->err);
    return EG_OK;
}

/* The tensor's `key`, of type `type`. */
static eg_status
get_field(const reader *r, const eg_json *entry, const char *key, eg_json_type type, const char *expected,
          const eg_json **out)
{
    *out = eg_json_get(entry, key);
    if (!*out)
        return fail_tensor(r, entry, "tensor '%.200s' has no '%s'", entry->key, key);
    if ((*out)->type != type)
        return eg_json_wrong_type(*out, r->file, expected, r->err);
    return EG_OK;
}

static eg_status
read_dtype(const reader *r, const eg_json *entry, eg_tensor *tensor)
{
    const eg_json *name;
    EG_TRY(get_field(r, entry, "dtype", EG_JSON_STRING, "a string", &name));
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
        if (strcmp(dtypes[i].name, name->string) == 0) {
            tensor->dtype = dtypes[i].dtype;
            return EG_OK;
        }
    }
    eg_status status = eg_fail_at(r->err, EG_E_INPUT, r->file, name->line, name->column,
                                  "tensor '%.200s' has the unknown dtype '%.40s'", entry->key, name->string);
    return eg_hint(r->err, status, "expected F64, F32, F16, BF16, I64, I32, U8, I8 or BOOL");
}

/* A size of a tensor or an offset: an integer from 0. */
static eg_status
read_size(const reader *r, const eg_json *value, const eg_json *entry, const char *what, int64_t *out)
{
    if (value->type != EG_JSON_INT || value->integer < 0) {
        eg_status status =
            eg_fail_at(r->err, EG_E_INPUT, r->file, value->line, value->column, "tensor '%.200s' has %s in its %s",
                       entry->key, value->type == EG_JSON_INT ? "a negative number" : eg_json_type_name(value), what);
        return eg_hint(r->err, status, "expected an integer from 0 to 2^63 - 1");
    }
    *out = value->integer;
    return EG_OK;
}

static eg_status
read_shape(const reader *r, const eg_json *entry, eg_tensor *tensor)
{
    const eg_json *shape;
    EG_TRY(get_field(r, entry, "shape", EG_JSON_ARRAY, "an array", &shape));
    if (shape->count > EG_TENSOR_MAX_RANK)
        return eg_fail_at(r->err, EG_E_INPUT, r->file, shape->line, shape->column,
                          "tensor '%.200s' has %zu axes, more than the %d that are allowed", entry->key, shape->count,
                          EG_TENSOR_MAX_RANK);
    tensor->rank = (uint32_t)shape->count;
    size_t bytes = eg_dtype_bytes(tensor->dtype);
    bool empty = false;
    for (uint32_t i = 0; i < tensor->rank; i++) {
        EG_TRY(read_size(r, &shape->items[i], entry, "shape", &tensor->dims[i]));
        /* An axis of 0 does not excuse the others: whoever multiplies some of them must not overflow either. */
        if (tensor->dims[i] == 0)
            empty = true;
        else if (!eg_mul_size(bytes, (size_t)tensor->dims[i], &bytes) || bytes > INT64_MAX)
            return eg_fail_at(r->err, EG_E_INPUT, r->file, shape->line, shape->column,
                              "tensor '%.200s' has a shape beyond 2^63 bytes", entry->key);
    }
    tensor->bytes = empty ? 0 : bytes;
    int64_t stride = 1;
    for (uint32_t i = tensor->rank; i > 0; i--) {
        tensor->strides[i - 1] = stride;
        stride *= tensor->dims[i - 1] > 0 ? tensor->dims[i - 1] : 1; /* no overflow: multiplied above */
    }
    return EG_OK;
}

static eg_status
read_extent(const reader *r, const eg_json *entry, extent *out)
{
    const eg_json *offsets;
    int64_t begin = 0, end = 0;
    EG_TRY(get_field(r, entry, "data_offsets", EG_JSON_ARRAY, "an array of two integers", &offsets));
    if (offsets->count != 2)
        return eg_fail_at(r->err, EG_E_INPUT, r->file, offsets->line, offsets->column,
                          "tensor '%.200s' has %zu data_offsets, not 2", entry->key, offsets->count);
    EG_TRY(read_size(r, &offsets->items[0], entry, "data_offsets", &begin));
    EG_TRY(read_size(r, &offsets->items[1], entry, "data_offsets", &end));
    if (begin > end)
        return eg_fail_at(r->err, EG_E_INPUT, r->file, offsets->line, offsets->column,
                          "tensor '%.200s' begins at byte %" PRId64 ", after its end at %" PRId64, entry->key, begin,
                          end);
    if ((uint64_t)end > r->data_size) {
        eg_status status =
            fail_tensor(r, entry, "tensor '%.200s' ends at byte %" PRId64 " of %" PRIu64 " bytes of data", entry->key,
                        end, r->data_size);
        return eg_hint(r->err, status, "is the file complete?");
    }
    *out = (extent){(uint64_t)begin, (uint64_t)end, entry};
    return EG_OK;
}

static eg_status
add_tensor(const reader *r, const eg_json *entry, eg_tensor *tensor)
{
    const eg_tensor *known;
    EG_TRY(eg_weights_add(r->weights, tensor, entry->key, entry->key_length, &known, r->err));
    return known ? fail_tensor(r, entry, "tensor '%.200s' is also in %s", entry->key, known->file) : EG_OK;
}

static eg_status
read_tensor(const reader *r, const eg_json *entry, extent *out)
{
    if (entry->type != EG_JSON_OBJECT)
        return eg_json_wrong_type(entry, r->file, "an object", r->err);
    if (memchr(entry->key, '\0', entry->key_length))
        return fail_tensor(r, entry, "a tensor's name holds U+0000");
    eg_tensor tensor = {.file = r->file};
    EG_TRY(read_dtype(r, entry, &tensor));
    EG_TRY(read_shape(r, entry, &tensor));
    EG_TRY(read_extent(r, entry, out));
    if (tensor.bytes != out->end - out->begin)
        return fail_tensor(r, entry,
                           "tensor '%.200s' has %" PRIu64 " bytes by dtype and shape, but %" PRIu64 " by data_offsets",
                           entry->key, tensor.bytes, out->end - out->begin);
    tensor.data = r->data + out->begin;
    return add_tensor(r, entry, &tensor);
}

static int
compare_extents(const void *a, const void *b)
{
    const extent *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

/* The tensors fill the data: sorted, each begins where the one before ends. */
static eg_status
check_extents(const reader *r, extent *extents, size_t count)
{
    if (count > 0)
        qsort(extents, count, sizeof *extents, compare_extents);
    uint64_t end = 0;
    for (size_t i = 0; i < count; i++) {
        const extent *e = &extents[i];
        if (e->begin < end)
            return fail_tensor(r, e->entry,
                               "tensor '%.200s' overlaps tensor '%.200s': it begins at byte %" PRIu64
                               ", the other ends at %" PRIu64,
                               e->entry->key, extents[i - 1].entry->key, e->begin, end);
        if (e->begin > end)
            return fail_tensor(r, e->entry,
                               "bytes %" PRIu64 " to %" PRIu64 " before tensor '%.200s' belong to no tensor", end,
                               e->begin, e->entry->key);
        end = e->end;
    }
    if (end != r->data_size)
        return eg_fail_at(r->err, EG_E_INPUT, r->file, 0, 0,
                          "%" PRIu64 " bytes after the last tensor belong to no tensor", r->data_size - end);
    return EG_OK;
}

static eg_status
read_header(const reader *r, const eg_json *header, extent *extents)
{
    size_t count = 0;
    for (size_t i = 0; i < header->count; i++) {
        const eg_json *entry = &header->items[i];
        if (entry->key_length == strlen("__metadata__") && strcmp(entry->key, "__metadata__") == 0)
            EG_TRY(check_metadata(r, entry));
        else
            EG_TRY(read_tensor(r, entry, &extents[count++]));
    }
    return check_extents(r, extents, count);
}

static eg_status
parse_header(const reader *r)
{
    eg_arena arena = {0}; /* the tree is needed here only */
    eg_json_limits limits = {.max_depth = HEADER_DEPTH};
    const eg_json *header;
    extent *extents = NULL;
    eg_status status = eg_json_parse(r->header, (size_t)r->header_size, r->file, &limits, &arena, &header, r->err);
    if (status == EG_OK) {
        extents = eg_calloc(header->count, sizeof *extents);
        status = extents ? read_header(r, header, extents) : eg_fail_nomem(r->err, "the list of tensors");
    }
    eg_free(extents);
    eg_arena_finish(&arena);
    return status;
}

eg_status
eg_safetensors_parse(eg_weights *weights, const void *data, size_t size, const char *file, eg_error *err)
{
    reader r = {.weights = weights, .file = eg_arena_strdup(&weights->arena, file), .err = err};
    if (!r.file)
        return eg_fail_nomem(err, "a file's name");
    EG_TRY(split_file(&r, data, size));
    return parse_header(&r);
}

eg_status
eg_safetensors_add(eg_weights *weights, const char *path, eg_error *err)
{
    const eg_file *file;
    EG_TRY(eg_weights_map(weights, path, &file, err));
    return eg_safetensors_parse(weights, file->data, file->size, path, err);
}
