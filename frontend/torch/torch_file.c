/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/torch/torch_file.h"

#include <string.h>

#include "base/checked.h"
#include "frontend/torch/bytes.h"
#include "frontend/torch/records.h"
#include "frontend/torch/zip.h"

static const char zip_magic[4] = {'P', 'K', 3, 4};
/* The first pickle of the older format: one number, 0x1950a86a20f9469cfc6c. */
static const unsigned char pickle_magic[] = {0x80, 2,    0x8a, 10,   0x6c, 0xfc, 0x9c, 0x46,
                                             0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, '.'};
enum { PROTOCOL_VERSION = 1001 };

typedef struct reader {
    eg_weights *weights;
    eg_pickle machine;
    const char *data, *file;
    uint64_t size;
    eg_error *err;
} reader;

/* --- the state dict ------------------------------------------------------------------------------ */

static eg_status EG_PRINTF(2, 3) fail(const reader *r, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    eg_status status = eg_vfail_at(r->err, EG_E_INPUT, r->file, 0, 0, fmt, args);
    va_end(args);
    return status;
}

static eg_status
add_tensor(const reader *r, const eg_pickle_value *key, const eg_torch_tensor *record)
{
    eg_tensor tensor = {.dtype = record->storage->dtype,
                        .rank = record->rank,
                        .data = (const char *)record->storage->data + record->offset,
                        .bytes = record->bytes,
                        .file = r->file};
    memcpy(tensor.dims, record->dims, sizeof tensor.dims);
    memcpy(tensor.strides, record->strides, sizeof tensor.strides);
    const eg_tensor *known;
    if (memchr(key->text, '\0', key->count))
        return fail(r, "a tensor's name holds U+0000");
    EG_TRY(eg_weights_add(r->weights, &tensor, key->text, key->count, &known, r->err));
    return known ? fail(r, "tensor '%.200s' is also in %s", known->name, known->file) : EG_OK;
}

/* Training scripts save more than weights; which part is the model only their author knows. */
static eg_status
fail_entry(const reader *r, const eg_pickle_value *key, const eg_pickle_value *value)
{
    eg_status status;
    if (key->kind != EG_PICKLE_TEXT)
        return fail(r, "the state dict has %s as a name", eg_pickle_kind_name(key->kind));
    status = fail(r, "'%.*s' is %s, not a tensor", (int)(key->count < 200 ? key->count : 200), key->text,
                  eg_pickle_kind_name(value->kind));
    return eg_hint(r->err, status, "expected the state dict alone: torch.save(model.state_dict(), …)");
}

static eg_status
add_tensors(const reader *r, const eg_pickle_value *root)
{
    if (root->kind != EG_PICKLE_DICT && root->kind != EG_PICKLE_ORDERED_DICT)
        return fail(r, "the file holds %s; a dict of tensors is expected", eg_pickle_kind_name(root->kind));
    const eg_pickle_items *entries = root->items;
    for (size_t i = 0; i + 1 < entries->count; i += 2) {
        const eg_pickle_value *key = &entries->items[i], *value = &entries->items[i + 1];
        if (key->kind != EG_PICKLE_TEXT || value->kind != EG_PICKLE_TENSOR)
            return fail_entry(r, key, value);
        EG_TRY(add_tensor(r, key, value->tensor));
    }
    return EG_OK;
}

static eg_status
fail_storage(const reader *r, const eg_torch_storage *storage, const char *what, uint64_t number)
{
    return fail(r, "storage '%.*s', named at byte %" PRIu64 ", has %" PRIu64 " bytes; %s%" PRIu64,
                (int)(storage->key_length < 100 ? storage->key_length : 100), storage->key, storage->record,
                storage->bytes, what, number);
}

/* --- the zip file -------------------------------------------------------------------------------- */

/* data.pkl lies in the one folder that torch makes; its name, with the '/', begins the name of every other record. */
static eg_status
find_pickle(const reader *r, const eg_zip *zip, const eg_zip_entry **out)
{
    static const char name[] = "/data.pkl";
    size_t length = sizeof name - 1;
    *out = NULL;
    for (size_t i = 0; i < zip->entries.count; i++) {
        const eg_zip_entry *entry = &zip->entries.items[i];
        bool match = entry->name_length > length &&
                     memcmp(entry->name + entry->name_length - length, name, length) == 0 &&
                     !memchr(entry->name, '/', entry->name_length - length);
        if (match && *out)
            return fail(r, "the zip file has two data.pkl");
        if (match)
            *out = entry;
    }
    if (*out)
        return EG_OK;
    eg_status status = fail(r, "the zip file has no record FOLDER/data.pkl");
    return eg_hint(r->err, status, "is it a file of torch.save?");
}

/* The record FOLDER/NAME, in the folder of data.pkl. */
static eg_status
find_record(const reader *r, const eg_zip *zip, const eg_zip_entry *pickle, const char *middle, const char *name,
            size_t name_length, const eg_zip_entry **out)
{
    eg_strbuf path = {0};
    eg_strbuf_append(&path, pickle->name, pickle->name_length - strlen("data.pkl"));
    eg_strbuf_puts(&path, middle);
    eg_strbuf_append(&path, name, name_length);
    *out = path.failed ? NULL : eg_zip_find(zip, path.data, path.length);
    eg_status status = path.failed ? eg_fail_nomem(r->err, "a record's name") : EG_OK;
    eg_strbuf_finish(&path);
    return status;
}

static eg_status
check_byte_order(const reader *r, const eg_zip *zip, const eg_zip_entry *pickle)
{
    static const char little[] = "little";
    const eg_zip_entry *order;
    EG_TRY(find_record(r, zip, pickle, "", "byteorder", strlen("byteorder"), &order));
    if (!order || (order->size == sizeof little - 1 && memcmp(r->data + order->begin, little, order->size) == 0))
        return EG_OK;
    return fail(r, "byte %" PRIu64 ": the numbers are not little-endian", order->begin);
}

static eg_status
find_zip_storages(const reader *r, const eg_zip *zip, const eg_zip_entry *pickle)
{
    for (size_t i = 0; i < r->machine.storages.count; i++) {
        eg_torch_storage *storage = r->machine.storages.items[i];
        const eg_zip_entry *entry;
        EG_TRY(find_record(r, zip, pickle, "data/", storage->key, storage->key_length, &entry));
        if (!entry)
            return fail(r, "storage '%.*s', named at byte %" PRIu64 ", has no record in the zip file",
                        (int)(storage->key_length < 100 ? storage->key_length : 100), storage->key, storage->record);
        if (entry->size != storage->bytes)
            return fail_storage(r, storage, "its record has ", entry->size);
        storage->data = r->data + entry->begin;
    }
    return EG_OK;
}

static eg_status
read_zip_records(reader *r, const eg_zip *zip)
{
    const eg_zip_entry *pickle;
    eg_pickle_value root;
    EG_TRY(find_pickle(r, zip, &pickle));
    EG_TRY(check_byte_order(r, zip, pickle));
    r->machine.at = pickle->begin;
    r->machine.end = pickle->begin + pickle->size;
    EG_TRY(eg_pickle_run(&r->machine, &root));
    if (r->machine.at != r->machine.end)
        return fail(r, "byte %" PRIu64 ": data.pkl goes on after its end", r->machine.at);
    EG_TRY(find_zip_storages(r, zip, pickle));
    return add_tensors(r, &root);
}

static eg_status
read_zip(reader *r)
{
    eg_zip zip;
    eg_status status = eg_zip_read(r->data, (size_t)r->size, r->file, &zip, r->err);
    if (status == EG_OK)
        status = read_zip_records(r, &zip);
    eg_zip_finish(&zip);
    return status;
}

/* --- the older format ---------------------------------------------------------------------------- */

static eg_status
check_version(reader *r)
{
    eg_pickle_value version;
    EG_TRY(eg_pickle_run(&r->machine, &version));
    bool known = version.kind == EG_PICKLE_INT && version.integer == PROTOCOL_VERSION;
    return known ? EG_OK : fail(r, "the file is of another version than %d", PROTOCOL_VERSION);
}

static eg_status
check_system(reader *r)
{
    eg_pickle_value system;
    EG_TRY(eg_pickle_run(&r->machine, &system));
    if (system.kind != EG_PICKLE_DICT)
        return fail(r, "the system's description is %s; a dict is expected", eg_pickle_kind_name(system.kind));
    for (size_t i = 0; i + 1 < system.items->count; i += 2) {
        const eg_pickle_value *value = &system.items->items[i + 1];
        if (eg_pickle_is_text(&system.items->items[i], "little_endian") && value->kind == EG_PICKLE_BOOL &&
            value->integer)
            return EG_OK;
    }
    return fail(r, "the numbers are not little-endian");
}

/* One storage: its number of elements in 8 bytes, then they. */
static eg_status
find_old_storage(reader *r, const eg_pickle_value *key)
{
    uint64_t i, *at = &r->machine.at;
    if (key->kind != EG_PICKLE_TEXT || !eg_map_get(&r->machine.storage_of, key->text, key->count, &i))
        return fail(r, "the list of storages has one that no tensor lies on");
    eg_torch_storage *storage = r->machine.storages.items[i];
    if (storage->data)
        return fail(r, "the list of storages names one twice");
    if (r->size - *at < 8 || r->size - *at - 8 < storage->bytes) {
        eg_status status = fail_storage(r, storage, "the file has left ", r->size - *at);
        return eg_hint(r->err, status, "is the file complete?");
    }
    uint64_t count = eg_read_le(r->data + *at, 8);
    if (count != storage->count)
        return fail_storage(r, storage, "its elements are said to be ", count);
    storage->data = r->data + *at + 8;
    *at += 8 + storage->bytes;
    return EG_OK;
}

static eg_status
find_old_storages(reader *r, const eg_pickle_value *keys)
{
    if (keys->kind != EG_PICKLE_LIST)
        return fail(r, "the list of storages is %s", eg_pickle_kind_name(keys->kind));
    for (size_t i = 0; i < keys->items->count; i++)
        EG_TRY(find_old_storage(r, &keys->items->items[i]));
    if (keys->items->count < r->machine.storages.count)
        return fail(r, "the list of storages has %zu of %zu", keys->items->count, r->machine.storages.count);
    if (r->machine.at != r->size)
        return fail(r, "byte %" PRIu64 ": %" PRIu64 " bytes after the last storage belong to none", r->machine.at,
                    r->size - r->machine.at);
    return EG_OK;
}

static eg_status
read_pickles(reader *r)
{
    eg_pickle_value root, keys;
    r->machine.at = sizeof pickle_magic;
    r->machine.end = r->size;
    EG_TRY(check_version(r));
    EG_TRY(check_system(r));
    EG_TRY(eg_pickle_run(&r->machine, &root));
    EG_TRY(eg_pickle_run(&r->machine, &keys));
    EG_TRY(find_old_storages(r, &keys));
    return add_tensors(r, &root);
}

/* --- files --------------------------------------------------------------------------------------- */

static bool
is_zip(const void *data, size_t size)
{
    return size >= sizeof zip_magic && memcmp(data, zip_magic, sizeof zip_magic) == 0;
}

static bool
is_pickles(const void *data, size_t size)
{
    return size >= sizeof pickle_magic && memcmp(data, pickle_magic, sizeof pickle_magic) == 0;
}

bool
eg_torch_file_detect(const void *data, size_t size)
{
    return is_zip(data, size) || is_pickles(data, size);
}

eg_status
eg_torch_file_parse(eg_weights *weights, const void *data, size_t size, const char *file, eg_error *err)
{
    reader r = {.weights = weights, .data = data, .size = size, .err = err};
    r.file = eg_arena_strdup(&weights->arena, file);
    if (!r.file)
        return eg_fail_nomem(err, "a file's name");
    r.machine = (eg_pickle){.data = data, .file = r.file, .err = err};
    eg_status status;
    if (is_zip(data, size))
        status = read_zip(&r);
    else if (is_pickles(data, size))
        status = read_pickles(&r);
    else
        status = fail(&r, "is no file of torch.save: it begins neither as a zip file nor with its magic number");
    eg_pickle_finish(&r.machine);
    return status;
}

eg_status
eg_torch_file_add(eg_weights *weights, const char *path, eg_error *err)
{
    const eg_file *file;
    EG_TRY(eg_weights_map(weights, path, &file, err));
    return eg_torch_file_parse(weights, file->data, file->size, path, err);
}
