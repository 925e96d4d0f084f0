/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/torch/records.h"

#include <string.h>

#include "base/checked.h"

typedef enum global_kind {
    GLOBAL_STORAGE,
    GLOBAL_ORDERED_DICT,
    GLOBAL_TENSOR,
    GLOBAL_OLD_TENSOR, /* without requires_grad and hooks */
    GLOBAL_PARAMETER,
} global_kind;

struct eg_torch_global {
    const char *module, *name;
    global_kind kind;
    eg_dtype dtype; /* of a storage */
};

static const eg_torch_global globals[] = {
    {"collections", "OrderedDict", GLOBAL_ORDERED_DICT, 0},
    {"torch._utils", "_rebuild_tensor_v2", GLOBAL_TENSOR, 0},
    {"torch._utils", "_rebuild_tensor", GLOBAL_OLD_TENSOR, 0},
    {"torch._utils", "_rebuild_parameter", GLOBAL_PARAMETER, 0},
    {"torch", "FloatStorage", GLOBAL_STORAGE, EG_F32},
    {"torch", "HalfStorage", GLOBAL_STORAGE, EG_F16},
    {"torch", "BFloat16Storage", GLOBAL_STORAGE, EG_BF16},
    {"torch", "DoubleStorage", GLOBAL_STORAGE, EG_F64},
    {"torch", "LongStorage", GLOBAL_STORAGE, EG_I64},
    {"torch", "IntStorage", GLOBAL_STORAGE, EG_I32},
    {"torch", "ByteStorage", GLOBAL_STORAGE, EG_U8},
    {"torch", "CharStorage", GLOBAL_STORAGE, EG_I8},
    {"torch", "BoolStorage", GLOBAL_STORAGE, EG_BOOL},
};

/* --- globals ------------------------------------------------------------------------------------- */

static bool
equals(const char *text, const char *bytes, size_t length)
{
    return strlen(text) == length && memcmp(text, bytes, length) == 0;
}

eg_status
eg_torch_find_global(eg_pickle *m, const char *module, size_t module_length, const char *name, size_t name_length,
                     const eg_torch_global **out)
{
    static const char storage[] = "Storage";
    for (size_t i = 0; i < sizeof globals / sizeof *globals; i++) {
        *out = &globals[i];
        if (equals((*out)->module, module, module_length) && equals((*out)->name, name, name_length))
            return EG_OK;
    }
    size_t suffix = sizeof storage - 1;
    eg_status status;
    if (equals("torch", module, module_length) && name_length > suffix &&
        memcmp(name + name_length - suffix, storage, suffix) == 0) {
        status = eg_pickle_fail(m, "a tensor has the unknown type torch.%.*s", (int)name_length, name);
        return eg_hint(m->err, status, "expected Float, Half, BFloat16, Double, Long, Int, Byte, Char or Bool");
    }
    status = eg_pickle_fail(m, "it would call %.*s.%.*s", (int)module_length, module, (int)name_length, name);
    return eg_hint(m->err, status, "only tensors are read");
}

bool
eg_torch_is_ordered_dict(const eg_torch_global *global)
{
    return global->kind == GLOBAL_ORDERED_DICT;
}

/* --- storages ------------------------------------------------------------------------------------ */

static eg_status
fail_id(const eg_pickle *m)
{
    eg_status status = eg_pickle_fail(m, "a persistent id names no storage");
    return eg_hint(m->err, status, "expected ('storage', type, key, place, size)");
}

static eg_status
check_same(const eg_pickle *m, const eg_torch_storage *known, const eg_torch_storage *now)
{
    if (known->dtype == now->dtype && known->count == now->count)
        return EG_OK;
    return eg_pickle_fail(m, "storage '%.*s' has %" PRIu64 " × %s here, but %" PRIu64 " × %s at byte %" PRIu64,
                          (int)(now->key_length < 100 ? now->key_length : 100), now->key, now->count,
                          eg_dtype_name(now->dtype), known->count, eg_dtype_name(known->dtype), known->record);
}

static eg_status
add_storage(eg_pickle *m, const eg_torch_storage *storage, eg_torch_storage **out)
{
    uint64_t known;
    if (eg_map_get(&m->storage_of, storage->key, storage->key_length, &known)) {
        *out = m->storages.items[known];
        return check_same(m, *out, storage);
    }
    *out = eg_arena_calloc(&m->arena, 1, sizeof **out);
    if (!*out || !eg_map_put(&m->storage_of, storage->key, storage->key_length, m->storages.count, NULL) ||
        !EG_PUSH(&m->storages, *out))
        return eg_fail_nomem(m->err, "the list of storages");
    **out = *storage;
    return EG_OK;
}

eg_status
eg_torch_storage_of(eg_pickle *m, const eg_pickle_value *id, eg_pickle_value *out)
{
    /* ('storage', type, key, place, size), in the older format with the view that the storage is of another. */
    const eg_pickle_value *part = id->tuple;
    if (id->kind != EG_PICKLE_TUPLE || (id->count != 5 && id->count != 6) || !eg_pickle_is_text(&part[0], "storage") ||
        part[1].kind != EG_PICKLE_GLOBAL || part[1].global->kind != GLOBAL_STORAGE || part[2].kind != EG_PICKLE_TEXT ||
        part[3].kind != EG_PICKLE_TEXT || part[4].kind != EG_PICKLE_INT || part[4].integer < 0)
        return fail_id(m);
    if (id->count == 6 && part[5].kind != EG_PICKLE_NONE)
        return eg_pickle_fail(m, "a storage is a view of another storage, which is not read");
    eg_torch_storage storage = {.key = part[2].text,
                                .key_length = part[2].count,
                                .dtype = part[1].global->dtype,
                                .count = (uint64_t)part[4].integer,
                                .record = m->opcode};
    size_t bytes;
    if (!eg_mul_size((size_t)storage.count, eg_dtype_bytes(storage.dtype), &bytes) || bytes > INT64_MAX)
        return eg_pickle_fail(m, "a storage has %" PRIu64 " elements, more than 2^63 bytes", storage.count);
    storage.bytes = bytes;
    *out = (eg_pickle_value){.kind = EG_PICKLE_STORAGE};
    return add_storage(m, &storage, &out->storage);
}

/* --- tensors ------------------------------------------------------------------------------------- */

/* A tuple of integers from 0. */
static eg_status
read_sizes(const eg_pickle *m, const eg_pickle_value *value, const char *what, int64_t *out, uint32_t *out_count)
{
    if (value->kind != EG_PICKLE_TUPLE)
        return eg_pickle_fail(m, "a tensor's %s is %s; a tuple is expected", what, eg_pickle_kind_name(value->kind));
    if (value->count > EG_TENSOR_MAX_RANK)
        return eg_pickle_fail(m, "a tensor's %s has %u axes, more than the %d that are allowed", what, value->count,
                              EG_TENSOR_MAX_RANK);
    for (uint32_t i = 0; i < value->count; i++) {
        const eg_pickle_value *item = &value->tuple[i];
        if (item->kind != EG_PICKLE_INT || item->integer < 0)
            return eg_pickle_fail(m, "a tensor's %s holds %s; integers from 0 are expected", what,
                                  item->kind == EG_PICKLE_INT ? "a negative number" : eg_pickle_kind_name(item->kind));
        out[i] = item->integer;
    }
    *out_count = value->count;
    return EG_OK;
}

/* Bytes by the shape. An axis of 0 does not excuse the others: whoever multiplies some of them must not overflow. */
static eg_status
count_bytes(const eg_pickle *m, eg_torch_tensor *t)
{
    size_t bytes = eg_dtype_bytes(t->storage->dtype);
    bool empty = false;
    for (uint32_t i = 0; i < t->rank; i++) {
        if (t->dims[i] == 0)
            empty = true;
        else if (!eg_mul_size(bytes, (size_t)t->dims[i], &bytes) || bytes > INT64_MAX)
            return eg_pickle_fail(m, "a tensor has a shape beyond 2^63 bytes");
    }
    t->bytes = empty ? 0 : bytes;
    return EG_OK;
}

/* Where an axis has one element, or the tensor none, its stride says nothing: it becomes that of rows in a row. */
static void
settle_strides(eg_torch_tensor *t)
{
    int64_t stride = 1;
    for (uint32_t i = t->rank; i > 0; i--) {
        if (t->dims[i - 1] == 1 || t->bytes == 0)
            t->strides[i - 1] = stride;
        if (t->dims[i - 1] > 1)
            stride *= t->dims[i - 1]; /* no overflow: count_bytes() multiplied the same */
    }
}

/*
 * The axes, shortest stride first: each must step over all that the shorter ones reach, else two elements could share
 * a place. *out_reach is the last element's place, counted from the first.
 */
static eg_status
check_strides(const eg_pickle *m, const eg_torch_tensor *t, int64_t *out_reach)
{
    bool done[EG_TENSOR_MAX_RANK] = {false};
    int64_t reach = 0;
    for (uint32_t n = 0; n < t->rank; n++) {
        uint32_t next = t->rank;
        for (uint32_t i = 0; i < t->rank; i++)
            if (!done[i] && (next == t->rank || t->strides[i] < t->strides[next]))
                next = i;
        done[next] = true;
        if (t->dims[next] == 1)
            continue;
        int64_t steps;
        if (t->strides[next] <= reach)
            return eg_pickle_fail(m, "a tensor's elements overlap: axis %u of %" PRId64 " has the stride %" PRId64,
                                  next, t->dims[next], t->strides[next]);
        if (!eg_mul_i64(t->dims[next] - 1, t->strides[next], &steps) || !eg_add_i64(reach, steps, &reach))
            return eg_pickle_fail(m, "a tensor reaches beyond its storage");
    }
    *out_reach = reach;
    return EG_OK;
}

/* Within its storage, which has as many elements as the record says. */
static eg_status
check_place(const eg_pickle *m, eg_torch_tensor *t, int64_t offset)
{
    int64_t last = offset;
    if (offset < 0)
        return eg_pickle_fail(m, "a tensor begins before its storage, at %" PRId64, offset);
    if (t->bytes > 0) {
        int64_t reach;
        EG_TRY(check_strides(m, t, &reach));
        if (!eg_add_i64(offset, reach, &last) || (uint64_t)last >= t->storage->count)
            return eg_pickle_fail(m, "a tensor reaches beyond its storage of %" PRIu64 " elements", t->storage->count);
    } else if ((uint64_t)offset > t->storage->count)
        return eg_pickle_fail(m, "a tensor begins beyond its storage of %" PRIu64 " elements", t->storage->count);
    t->offset = (uint64_t)offset * eg_dtype_bytes(t->storage->dtype); /* no overflow: within the storage */
    return EG_OK;
}

/* (storage, offset, size, stride) */
static eg_status
rebuild_tensor(eg_pickle *m, const eg_pickle_value *arguments, eg_pickle_value *out)
{
    if (arguments[0].kind != EG_PICKLE_STORAGE || arguments[1].kind != EG_PICKLE_INT)
        return eg_pickle_fail(m, "a tensor lies on %s at %s; a storage and an integer are expected",
                              eg_pickle_kind_name(arguments[0].kind), eg_pickle_kind_name(arguments[1].kind));
    eg_torch_tensor *tensor = eg_arena_calloc(&m->arena, 1, sizeof *tensor);
    uint32_t strides;
    if (!tensor)
        return eg_fail_nomem(m->err, "a tensor");
    tensor->storage = arguments[0].storage;
    EG_TRY(read_sizes(m, &arguments[2], "size", tensor->dims, &tensor->rank));
    EG_TRY(read_sizes(m, &arguments[3], "stride", tensor->strides, &strides));
    if (strides != tensor->rank)
        return eg_pickle_fail(m, "a tensor has %u sizes and %u strides", tensor->rank, strides);
    EG_TRY(count_bytes(m, tensor));
    settle_strides(tensor);
    EG_TRY(check_place(m, tensor, arguments[1].integer));
    *out = (eg_pickle_value){.kind = EG_PICKLE_TENSOR, .tensor = tensor};
    return EG_OK;
}

/* Whether the tensor wants gradients, and hooks to be called with them: of the latter there must be none. */
static bool
is_inert(const eg_pickle_value *requires_grad, const eg_pickle_value *hooks)
{
    bool is_dict = hooks->kind == EG_PICKLE_DICT || hooks->kind == EG_PICKLE_ORDERED_DICT;
    return requires_grad->kind == EG_PICKLE_BOOL &&
           (hooks->kind == EG_PICKLE_NONE || (is_dict && hooks->items->count == 0));
}

eg_status
eg_torch_rebuild(eg_pickle *m, const eg_torch_global *global, const eg_pickle_value *arguments, size_t count,
                 eg_pickle_value *out)
{
    bool plain;
    switch (global->kind) {
    case GLOBAL_OLD_TENSOR:
        if (count == 4)
            return rebuild_tensor(m, arguments, out);
        break;
    case GLOBAL_TENSOR: /* (…, requires_grad, hooks[, metadata]) */
        plain = (count == 6 || (count == 7 && arguments[6].kind == EG_PICKLE_NONE)) &&
                is_inert(&arguments[4], &arguments[5]);
        if (plain)
            return rebuild_tensor(m, arguments, out);
        break;
    case GLOBAL_PARAMETER: /* (tensor, requires_grad, hooks) */
        if (count == 3 && arguments[0].kind == EG_PICKLE_TENSOR && is_inert(&arguments[1], &arguments[2])) {
            *out = arguments[0];
            return EG_OK;
        }
        break;
    case GLOBAL_STORAGE:
    case GLOBAL_ORDERED_DICT:
        break;
    }
    return eg_pickle_fail(m, "%s.%s has other arguments than torch.save writes", global->module, global->name);
}
