/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/records.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "cli/args.h"
#include "cli/json_in.h"
#include "cli/say.h"

const eg_record_kind eg_records_of_texts = {
    .text = {.key = "text"},
    .pair = {"pair", "--pair", offsetof(eg_arguments, pair)},
    .pair_optional = true,
};

/* --- the store ----------------------------------------------------------------------------------- */

void
eg_records_clear(eg_records *records)
{
    records->bytes.length = records->count = records->pair_count = 0;
}

void
eg_records_free(eg_records *records)
{
    eg_bytes_free(&records->bytes);
    free(records->items);
    free(records->pairs);
    *records = (eg_records){0};
}

static eg_record *
last(eg_records *records)
{
    return &records->items[records->count - 1];
}

eg_status
eg_records_begin(eg_records *records, eg_error *err)
{
    EG_TRY(eg_reserve(&records->items, &records->capacity, records->count + 1, sizeof *records->items, err));
    records->items[records->count++] = (eg_record){.pairs_end = records->pair_count};
    return EG_OK;
}

void
eg_records_drop(eg_records *records)
{
    records->count--;
    records->pair_count = records->count ? last(records)->pairs_end : 0;
}

eg_status
eg_records_keep(eg_records *records, eg_string string, eg_span *out, eg_error *err)
{
    *out = (eg_span){true, records->bytes.length, string.length};
    return eg_bytes_add(&records->bytes, string.data, string.length, err);
}

eg_status
eg_records_set_text(eg_records *records, eg_string text, eg_error *err)
{
    return eg_records_keep(records, text, &last(records)->text, err);
}

eg_status
eg_records_add_pair(eg_records *records, eg_string pair, eg_error *err)
{
    EG_TRY(eg_reserve(&records->pairs, &records->pair_capacity, records->pair_count + 1, sizeof *records->pairs, err));
    EG_TRY(eg_records_keep(records, pair, &records->pairs[records->pair_count], err));
    last(records)->pairs_end = ++records->pair_count;
    return EG_OK;
}

/* --- JSON ---------------------------------------------------------------------------------------- */

/* One record being read. */
typedef struct reader {
    eg_records *records;
    const eg_record_kind *kind;
    eg_string line;
} reader;

#define BAD_RECORD(r, err, at, ...) eg_fault_at(err, EG_E_INPUT, NULL, 0, eg_json_column((r)->line, at), __VA_ARGS__)

static eg_status
refuse_key(const reader *r, const eg_json *member, eg_error *err)
{
    const eg_record_kind *kind = r->kind;
    const char *keys[] = {kind->text.key, kind->pair.key, "label", "id", kind->label_too};
    const char *key = member->key.data, *nearest = eg_nearest(key, keys, kind->label_too ? 5 : 4);
    BAD_RECORD(r, err, member->key_at, "unknown key \"%.100s\"", key);
    if (nearest)
        return eg_fault_hint(err, "did you mean \"%s\"?", nearest);
    return kind->pair_optional
               ? eg_fault_hint(err, "a record has \"%s\", and may have \"%s\", \"label\", \"id\"", keys[0], keys[1])
               : eg_fault_hint(err, "a record has \"%s\" and \"%s\", and may have \"label\", \"id\"", keys[0], keys[1]);
}

static eg_status
read_text(const reader *r, const eg_json *member, eg_error *err)
{
    if (member->type != EG_JSON_STRING)
        return BAD_RECORD(r, err, member->raw.data, "\"%s\" is not a string", r->kind->text.key);
    return eg_records_set_text(r->records, member->text, err);
}

/* The second text; an optional one may be null. */
static eg_status
read_pair(const reader *r, const eg_json *member, eg_error *err)
{
    if (r->kind->pair_optional && member->type == EG_JSON_NULL)
        return EG_OK;
    if (member->type != EG_JSON_STRING)
        return BAD_RECORD(r, err, member->raw.data, "\"%s\" is not a string", r->kind->pair.key);
    return eg_records_add_pair(r->records, member->text, err);
}

static eg_status
read_list(const reader *r, const eg_json *member, eg_error *err)
{
    const char *key = r->kind->pair.key;
    if (member->type != EG_JSON_ARRAY)
        return BAD_RECORD(r, err, member->raw.data, "\"%s\" is not a list of strings", key);
    if (r->kind->needs_one && member->count == 0)
        return BAD_RECORD(r, err, member->raw.data, "\"%s\" is empty", key);
    for (const eg_json *element = member->first; element; element = element->next) {
        if (element->type != EG_JSON_STRING)
            return BAD_RECORD(r, err, element->raw.data, "an element of \"%s\" is not a string", key);
        EG_TRY(eg_records_add_pair(r->records, element->text, err));
    }
    return EG_OK;
}

static bool
is_key(const eg_json *member, const char *key)
{
    return member->key.length == strlen(key) && memcmp(member->key.data, key, member->key.length) == 0;
}

static eg_status
read_label(const reader *r, const eg_json *member, eg_error *err)
{
    if (last(r->records)->label.there)
        return BAD_RECORD(r, err, member->key_at, "both \"label\" and \"%s\"", r->kind->label_too);
    return eg_records_keep(r->records, member->raw, &last(r->records)->label, err);
}

static eg_status
read_member(const reader *r, const eg_json *member, bool *has_pair, eg_error *err)
{
    if (is_key(member, r->kind->text.key))
        return read_text(r, member, err);
    if (is_key(member, r->kind->pair.key)) {
        *has_pair = member->type != EG_JSON_NULL;
        return r->kind->many ? read_list(r, member, err) : read_pair(r, member, err);
    }
    if (is_key(member, "id"))
        return eg_records_keep(r->records, member->raw, &last(r->records)->id, err);
    if (is_key(member, "label") || (r->kind->label_too && is_key(member, r->kind->label_too)))
        return read_label(r, member, err);
    return refuse_key(r, member, err);
}

/* What the record says itself and a flag says too, or what nobody says. */
static eg_status
check_field(const reader *r, const eg_field *field, bool given, bool there, bool optional, const char *at,
            eg_error *err)
{
    if (given && there) {
        BAD_RECORD(r, err, at, "a record with a \"%s\" of its own", field->key);
        return eg_fault_hint(err, "%s gives one to all", field->flag);
    }
    return given || there || optional ? EG_OK : BAD_RECORD(r, err, at, "a record without \"%s\"", field->key);
}

static eg_status
read_object(const reader *r, const eg_json *object, bool text_given, bool pair_given, eg_error *err)
{
    const eg_record_kind *kind = r->kind;
    bool has_pair = false;
    if (object->type != EG_JSON_OBJECT) {
        BAD_RECORD(r, err, object->raw.data, "a record that is not an object");
        return eg_fault_hint(err, "one {\"%s\": …} a line", kind->text.key);
    }
    for (const eg_json *member = object->first; member; member = member->next)
        EG_TRY(read_member(r, member, &has_pair, err));
    const char *at = object->raw.data;
    EG_TRY(check_field(r, &kind->text, text_given, last(r->records)->text.there, false, at, err));
    return check_field(r, &kind->pair, pair_given, has_pair, kind->pair_optional, at, err);
}

eg_status
eg_records_read(eg_records *records, const eg_record_kind *kind, eg_string line, bool text_given, bool pair_given,
                eg_error *err)
{
    const reader r = {records, kind, line};
    eg_json_memory memory = {0};
    eg_json *object;
    eg_status status = eg_json_read(&memory, line, &object, err);
    if (status == EG_OK)
        status = read_object(&r, object, text_given, pair_given, err);
    eg_json_free(&memory);
    return status;
}
