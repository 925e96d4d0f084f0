/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/torch/zip.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "frontend/torch/bytes.h"

/* Sizes of the fixed parts of the records. */
enum { END_BYTES = 22, LOCATOR_BYTES = 20, END64_BYTES = 56, CENTRAL_BYTES = 46, LOCAL_BYTES = 30 };

static const uint32_t end_mark = 0x06054b50, locator_mark = 0x07064b50, end64_mark = 0x06064b50,
                      central_mark = 0x02014b50, local_mark = 0x04034b50;

enum { FLAG_ENCRYPTED = 1, EXTRA_ZIP64 = 1 };

typedef struct reader {
    const char *data;
    uint64_t size;
    uint64_t directory, directory_size, count;
    const char *file;
    eg_zip *zip;
    eg_error *err;
} reader;

static eg_status EG_PRINTF(3, 4) fail(const reader *r, uint64_t at, const char *fmt, ...)
{
    char text[400];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return eg_fail_at(r->err, EG_E_INPUT, r->file, 0, 0, "byte %" PRIu64 ": %s", at, text);
}

static bool
is_within(uint64_t begin, uint64_t bytes, uint64_t end)
{
    return begin <= end && bytes <= end - begin;
}

static uint64_t
number(const reader *r, uint64_t at, size_t bytes)
{
    return eg_read_le(r->data + at, bytes);
}

/* --- the end records ----------------------------------------------------------------------------- */

/* The 64-bit end record, which the locator before the end record points to. */
static eg_status
read_end64(reader *r, uint64_t locator)
{
    uint64_t at = number(r, locator + 8, 8);
    if (number(r, locator + 4, 4) != 0 || number(r, locator + 16, 4) > 1)
        return fail(r, locator, "the zip file is a part of several");
    if (!is_within(at, END64_BYTES, locator) || number(r, at, 4) != end64_mark)
        return fail(r, locator, "the zip64 end record is not at byte %" PRIu64, at);
    if (number(r, at + 16, 4) != 0 || number(r, at + 20, 4) != 0 || number(r, at + 24, 8) != number(r, at + 32, 8))
        return fail(r, at, "the zip file is a part of several");
    r->count = number(r, at + 32, 8);
    r->directory_size = number(r, at + 40, 8);
    r->directory = number(r, at + 48, 8);
    if (!is_within(r->directory, r->directory_size, at))
        return fail(r, at, "the zip directory lies outside of the file");
    return EG_OK;
}

static eg_status
read_end(reader *r)
{
    uint64_t at = r->size - END_BYTES;
    if (r->size < END_BYTES || number(r, at, 4) != end_mark || number(r, at + 20, 2) != 0) {
        eg_status status = eg_fail_at(r->err, EG_E_INPUT, r->file, 0, 0, "the zip file has no end record");
        return eg_hint(r->err, status, "is the file complete?");
    }
    if (at >= LOCATOR_BYTES && number(r, at - LOCATOR_BYTES, 4) == locator_mark)
        return read_end64(r, at - LOCATOR_BYTES);
    if (number(r, at + 4, 2) != 0 || number(r, at + 6, 2) != 0 || number(r, at + 8, 2) != number(r, at + 10, 2))
        return fail(r, at, "the zip file is a part of several");
    r->count = number(r, at + 10, 2);
    r->directory_size = number(r, at + 12, 4);
    r->directory = number(r, at + 16, 4);
    if (!is_within(r->directory, r->directory_size, at))
        return fail(r, at, "the zip directory lies outside of the file");
    return EG_OK;
}

/* --- one entry ----------------------------------------------------------------------------------- */

/* A part of a path: not empty, not "." and not "..". */
static bool
is_part(const char *part, size_t length)
{
    return length > 0 && !(length == 1 && part[0] == '.') && !(length == 2 && part[0] == '.' && part[1] == '.');
}

static bool
is_relative_path(const char *name, size_t length)
{
    if (!eg_utf8_valid(name, length, NULL) || memchr(name, '\0', length) || memchr(name, '\\', length))
        return false;
    size_t begin = 0;
    for (size_t i = 0; i <= length; i++) {
        if (i < length && name[i] != '/')
            continue;
        if (!is_part(name + begin, i - begin))
            return false;
        begin = i + 1;
    }
    return true;
}

/* The 64-bit values stand in an extra field, those that are all ones in the record, in a fixed order. */
static eg_status
read_extra(const reader *r, uint64_t begin, uint64_t end, uint64_t *const values[3])
{
    for (uint64_t at = begin, length; at < end; at += 4 + length) {
        if (end - at < 4 || !is_within(at + 4, number(r, at + 2, 2), end))
            return fail(r, at, "an extra field of the zip directory is cut off");
        length = number(r, at + 2, 2);
        if (number(r, at, 2) != EXTRA_ZIP64)
            continue;
        uint64_t value = at + 4;
        for (size_t i = 0; i < 3; i++) {
            if (*values[i] != UINT32_MAX)
                continue;
            if (!is_within(value, 8, at + 4 + length))
                return fail(r, at, "a zip64 field is too short");
            *values[i] = number(r, value, 8);
            value += 8;
        }
        return EG_OK;
    }
    return EG_OK;
}

static eg_status
check_storing(const reader *r, uint64_t at, const eg_zip_entry *entry, uint64_t flags, uint64_t method)
{
    int shown = (int)(entry->name_length < 200 ? entry->name_length : 200);
    if (!is_relative_path(entry->name, entry->name_length))
        return fail(r, at, "'%.*s' is no name of a record", shown, entry->name);
    if (flags & FLAG_ENCRYPTED)
        return fail(r, at, "the record '%.*s' is encrypted", shown, entry->name);
    if (method == 0)
        return EG_OK;
    eg_status status = fail(r, at, "the record '%.*s' is compressed (%s, method %" PRIu64 ")", shown, entry->name,
                            method == 8 ? "deflate" : "unknown", method);
    return eg_hint(r->err, status, "torch.save stores records as they are");
}

/* Finds the data behind the local header, which must say the same as the directory. */
static eg_status
find_data(const reader *r, eg_zip_entry *entry)
{
    uint64_t at = entry->header;
    if (!is_within(at, LOCAL_BYTES, r->directory) || number(r, at, 4) != local_mark)
        return fail(r, at, "there is no record of a zip file, though the directory says so");
    uint64_t name_length = number(r, at + 26, 2), extra = number(r, at + 28, 2);
    bool same = name_length == entry->name_length && is_within(at + LOCAL_BYTES, name_length + extra, r->directory) &&
                memcmp(r->data + at + LOCAL_BYTES, entry->name, entry->name_length) == 0;
    if (!same)
        return fail(r, at, "a record has another name than in the directory");
    EG_TRY(check_storing(r, at, entry, number(r, at + 6, 2), number(r, at + 8, 2)));
    entry->begin = at + LOCAL_BYTES + name_length + extra;
    if (is_within(entry->begin, entry->size, r->directory))
        return EG_OK;
    return fail(r, at, "a record of %" PRIu64 " bytes reaches into the directory", entry->size);
}

static eg_status
add_entry(const reader *r, uint64_t at, const eg_zip_entry *entry)
{
    bool existing = false;
    if (!eg_map_put(&r->zip->by_name, entry->name, entry->name_length, r->zip->entries.count, &existing))
        return eg_fail_nomem(r->err, "the list of records");
    if (existing)
        return fail(r, at, "the record '%.*s' is there twice",
                    (int)(entry->name_length < 200 ? entry->name_length : 200), entry->name);
    return EG_PUSH(&r->zip->entries, *entry) ? EG_OK : eg_fail_nomem(r->err, "the list of records");
}

/* Reads the directory's record at *at and moves behind it. */
static eg_status
read_entry(const reader *r, uint64_t *at)
{
    uint64_t end = r->directory + r->directory_size, begin = *at;
    if (!is_within(begin, CENTRAL_BYTES, end) || number(r, begin, 4) != central_mark)
        return fail(r, begin, "the zip directory has fewer records than it says");
    uint64_t name = number(r, begin + 28, 2), extra = number(r, begin + 30, 2), comment = number(r, begin + 32, 2);
    if (!is_within(begin + CENTRAL_BYTES, name + extra + comment, end))
        return fail(r, begin, "a record of the zip directory is cut off");
    if (number(r, begin + 34, 2) != 0)
        return fail(r, begin, "the zip file is a part of several");
    eg_zip_entry entry = {.name = r->data + begin + CENTRAL_BYTES, .name_length = (size_t)name};
    uint64_t stored = number(r, begin + 20, 4);
    entry.size = number(r, begin + 24, 4);
    entry.header = number(r, begin + 42, 4);
    uint64_t *const values[3] = {&entry.size, &stored, &entry.header};
    EG_TRY(read_extra(r, begin + CENTRAL_BYTES + name, begin + CENTRAL_BYTES + name + extra, values));
    EG_TRY(check_storing(r, begin, &entry, number(r, begin + 8, 2), number(r, begin + 10, 2)));
    if (stored != entry.size)
        return fail(r, begin, "a stored record has two sizes, %" PRIu64 " and %" PRIu64, stored, entry.size);
    EG_TRY(find_data(r, &entry));
    *at = begin + CENTRAL_BYTES + name + extra + comment;
    return add_entry(r, begin, &entry);
}

/* --- all of them --------------------------------------------------------------------------------- */

static int
compare_entries(const void *a, const void *b)
{
    const eg_zip_entry *const *x = a, *const *y = b;
    return ((*x)->header > (*y)->header) - ((*x)->header < (*y)->header);
}

static eg_status
check_overlaps(const reader *r)
{
    size_t count = r->zip->entries.count;
    const eg_zip_entry **sorted = eg_calloc(count + 1, sizeof *sorted);
    if (!sorted)
        return eg_fail_nomem(r->err, "the list of records");
    for (size_t i = 0; i < count; i++)
        sorted[i] = &r->zip->entries.items[i];
    qsort(sorted, count, sizeof *sorted, compare_entries);
    eg_status status = EG_OK;
    for (size_t i = 1; i < count && status == EG_OK; i++)
        if (sorted[i]->header < sorted[i - 1]->begin + sorted[i - 1]->size)
            status = fail(r, sorted[i]->header, "a record overlaps the one before it");
    eg_free(sorted);
    return status;
}

eg_status
eg_zip_read(const void *data, size_t size, const char *file, eg_zip *out, eg_error *err)
{
    *out = (eg_zip){0};
    reader r = {.data = data, .size = size, .file = file, .zip = out, .err = err};
    EG_TRY(read_end(&r));
    uint64_t at = r.directory;
    for (uint64_t i = 0; i < r.count; i++)
        EG_TRY(read_entry(&r, &at));
    if (at != r.directory + r.directory_size)
        return fail(&r, at, "the zip directory has more records than it says");
    return check_overlaps(&r);
}

void
eg_zip_finish(eg_zip *zip)
{
    eg_free(zip->entries.items);
    eg_map_finish(&zip->by_name);
    *zip = (eg_zip){0};
}

const eg_zip_entry *
eg_zip_find(const eg_zip *zip, const char *name, size_t length)
{
    uint64_t i;
    return eg_map_get(&zip->by_name, name, length, &i) ? &zip->entries.items[i] : NULL;
}
