/* SPDX-License-Identifier: Apache-2.0 */
/* The zip archive, as APPNOTE.TXT 6.3 has it: entries stored, zip64 fields where a number needs them. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cli/mem.h"
#include "cli/npy.h"
#include "cli/say.h"

#define MAX32 UINT32_C(0xffffffff)
#define NAME_MAX_BYTES 512

typedef struct eg_npz_entry {
    char *name;
    uint64_t size, offset;
    uint32_t crc;
} eg_npz_entry;

/* --- CRC-32, eight bytes at a time --------------------------------------------------------------- */

typedef struct crc_tables {
    uint32_t t[8][256];
} crc_tables;

/* tables.t[0] is the table of one byte, t[k] the one of a byte with k bytes behind it. Made at the first call. */
static const crc_tables *
tables_of_crc(void)
{
    static crc_tables tables;
    if (tables.t[0][1])
        return &tables;
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int bit = 0; bit < 8; bit++)
            c = c & 1 ? c >> 1 ^ UINT32_C(0xedb88320) : c >> 1;
        tables.t[0][i] = c;
    }
    for (int k = 1; k < 8; k++)
        for (uint32_t i = 0; i < 256; i++)
            tables.t[k][i] = tables.t[k - 1][i] >> 8 ^ tables.t[0][tables.t[k - 1][i] & 255];
    return &tables;
}

static uint32_t
little32(const unsigned char *b)
{
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

uint32_t
eg_crc32(uint32_t crc, const void *data, size_t size)
{
    const uint32_t(*t)[256] = tables_of_crc()->t;
    const unsigned char *b = data;
    crc = ~crc;
    for (; size >= 8; size -= 8, b += 8) {
        uint32_t low = little32(b) ^ crc, high = little32(b + 4);
        crc = t[7][low & 255] ^ t[6][low >> 8 & 255] ^ t[5][low >> 16 & 255] ^ t[4][low >> 24] ^ t[3][high & 255] ^
              t[2][high >> 8 & 255] ^ t[1][high >> 16 & 255] ^ t[0][high >> 24];
    }
    for (; size > 0; size--, b++)
        crc = crc >> 8 ^ t[0][(crc ^ *b) & 255];
    return ~crc;
}

/* --- records ------------------------------------------------------------------------------------- */

/* A record of the archive while it is put together. */
typedef struct zip_record {
    unsigned char data[128 + NAME_MAX_BYTES];
    size_t length;
} zip_record;

static void
put(zip_record *r, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        r->data[r->length++] = (unsigned char)(value >> 8 * i);
}

static uint64_t
cut32(uint64_t value)
{
    return value < MAX32 ? value : MAX32;
}

/* Version needed, flags (UTF-8 names), method 0, and 1 January 1980: the same input gives the same archive. */
static void
put_common(zip_record *r, bool zip64, const eg_npz_entry *e)
{
    put(r, zip64 ? 45 : 20, 2);
    put(r, 0x800, 2);
    put(r, 0, 2);
    put(r, 0, 2);
    put(r, 0x21, 2);
    put(r, e->crc, 4);
    put(r, cut32(e->size), 4);
    put(r, cut32(e->size), 4);
    put(r, strlen(e->name), 2);
}

static void
put_name(zip_record *r, const eg_npz_entry *e)
{
    size_t length = strlen(e->name);
    memcpy(r->data + r->length, e->name, length);
    r->length += length;
}

static eg_status
write_record(eg_npz_writer *npz, const zip_record *r, eg_error *err)
{
    npz->offset += r->length;
    return eg_file_out_write(&npz->out, r->data, r->length, err);
}

static eg_status
write_local(eg_npz_writer *npz, const eg_npz_entry *e, eg_error *err)
{
    zip_record r = {.length = 0};
    bool zip64 = e->size >= MAX32;
    put(&r, 0x04034b50, 4);
    put_common(&r, zip64, e);
    put(&r, zip64 ? 20 : 0, 2);
    put_name(&r, e);
    if (zip64) {
        put(&r, 1, 2);
        put(&r, 16, 2);
        put(&r, e->size, 8);
        put(&r, e->size, 8);
    }
    return write_record(npz, &r, err);
}

static eg_status
write_central(eg_npz_writer *npz, const eg_npz_entry *e, eg_error *err)
{
    zip_record r = {.length = 0};
    bool big = e->size >= MAX32, far = e->offset >= MAX32;
    unsigned extra = (big ? 16u : 0u) + (far ? 8u : 0u);
    put(&r, 0x02014b50, 4);
    put(&r, 45, 2); /* made by */
    put_common(&r, big || far, e);
    put(&r, extra ? extra + 4 : 0, 2);
    put(&r, 0, 2); /* comment */
    put(&r, 0, 2); /* disk */
    put(&r, 0, 2); /* attributes */
    put(&r, 0, 4);
    put(&r, cut32(e->offset), 4);
    put_name(&r, e);
    if (extra) {
        put(&r, 1, 2);
        put(&r, extra, 2);
        if (big) {
            put(&r, e->size, 8);
            put(&r, e->size, 8);
        }
        if (far)
            put(&r, e->offset, 8);
    }
    return write_record(npz, &r, err);
}

static eg_status
write_end(eg_npz_writer *npz, uint64_t central, eg_error *err)
{
    zip_record r = {.length = 0};
    uint64_t end = npz->offset, size = end - central;
    if (npz->count >= 0xffff || central >= MAX32 || size >= MAX32) {
        put(&r, 0x06064b50, 4);
        put(&r, 44, 8);
        put(&r, 45, 2);
        put(&r, 45, 2);
        put(&r, 0, 8); /* disks */
        put(&r, npz->count, 8);
        put(&r, npz->count, 8);
        put(&r, size, 8);
        put(&r, central, 8);
        put(&r, 0x07064b50, 4); /* where that record is */
        put(&r, 0, 4);
        put(&r, end, 8);
        put(&r, 1, 4);
    }
    uint64_t count = npz->count < 0xffff ? npz->count : 0xffff;
    put(&r, 0x06054b50, 4);
    put(&r, 0, 4);
    put(&r, count, 2);
    put(&r, count, 2);
    put(&r, cut32(size), 4);
    put(&r, cut32(central), 4);
    put(&r, 0, 2);
    return write_record(npz, &r, err);
}

/* --- the archive --------------------------------------------------------------------------------- */

eg_status
eg_npz_open(eg_npz_writer *npz, const char *path, eg_error *err)
{
    *npz = (eg_npz_writer){0};
    return eg_file_out_open(&npz->out, path, err);
}

static eg_status
add_entry(eg_npz_writer *npz, const char *name, eg_npz_entry **out, eg_error *err)
{
    EG_TRY(eg_reserve(&npz->entries, &npz->capacity, npz->count + 1, sizeof *npz->entries, err));
    size_t length = strlen(name) + sizeof ".npy";
    if (length > NAME_MAX_BYTES)
        return eg_fault(err, EG_E_USAGE, "the output's name '%.60s…' is too long for an archive", name);
    char *copy = malloc(length);
    if (!copy)
        return eg_fault(err, EG_E_NOMEM, "out of memory");
    snprintf(copy, length, "%s.npy", name);
    *out = &npz->entries[npz->count++];
    **out = (eg_npz_entry){.name = copy, .offset = npz->offset};
    return EG_OK;
}

eg_status
eg_npz_add(eg_npz_writer *npz, const char *name, eg_dtype dtype, uint32_t rank, const int64_t *dims, const void *data,
           eg_error *err)
{
    eg_npz_entry *entry = NULL;
    EG_TRY(add_entry(npz, name, &entry, err));
    uint64_t bytes = dtype == EG_I64 ? 8 : 4;
    for (uint32_t i = 0; i < rank; i++)
        bytes *= (uint64_t)dims[i];
    char header[EG_NPY_HEADER];
    eg_npy_header(header, dtype, rank, dims);
    entry->size = sizeof header + bytes;
    entry->crc = eg_crc32(eg_crc32(0, header, sizeof header), data, bytes);
    EG_TRY(write_local(npz, entry, err));
    EG_TRY(eg_file_out_write(&npz->out, header, sizeof header, err));
    EG_TRY(eg_file_out_write(&npz->out, data, bytes, err));
    npz->offset += entry->size;
    return EG_OK;
}

eg_status
eg_npz_commit(eg_npz_writer *npz, eg_error *err)
{
    uint64_t central = npz->offset;
    for (size_t i = 0; i < npz->count; i++)
        EG_TRY(write_central(npz, &npz->entries[i], err));
    EG_TRY(write_end(npz, central, err));
    return eg_file_out_commit(&npz->out, err);
}

void
eg_npz_close(eg_npz_writer *npz)
{
    eg_file_out_close(&npz->out);
    for (size_t i = 0; i < npz->count; i++)
        free(npz->entries[i].name);
    free(npz->entries);
    *npz = (eg_npz_writer){0};
}
