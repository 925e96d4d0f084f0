/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The arrays of token ids in an archive that numpy.savez wrote. Every size is checked against the file before it is
 * used. Sizes and places come from the central directory; the local header says only where the data begins.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/npy.h"
#include "cli/say.h"

#define FILE_MAX_BYTES (UINT64_C(1) << 32)
#define MAX32 UINT32_C(0xffffffff)

typedef struct archive {
    const char *path;
    unsigned char *data;
    uint64_t size;
    uint64_t central, entries;
    eg_error *err;
} archive;

typedef struct entry {
    const unsigned char *data;
    uint64_t size;
} entry;

static eg_status
bad(const archive *a, const char *fmt, const char *name)
{
    char what[200];
    snprintf(what, sizeof what, fmt, name); /* the formats are all below */
    return eg_fault_at(a->err, EG_E_INPUT, a->path, 0, 0, "%s", what);
}

static uint64_t
number(const unsigned char *at, int bytes)
{
    uint64_t value = 0;
    for (int i = bytes; i-- > 0;)
        value = value << 8 | at[i];
    return value;
}

/* --- the file ------------------------------------------------------------------------------------ */

static eg_status
read_fully(archive *a, int fd)
{
    for (uint64_t got = 0; got < a->size;) {
        ssize_t n = read(fd, a->data + got, a->size - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return eg_fault_errno(a->err, EG_E_INPUT, a->path, "cannot be read");
        if (n == 0)
            return bad(a, "%s", "is shorter than it was");
        got += (uint64_t)n;
    }
    return EG_OK;
}

static eg_status
load_opened(archive *a, int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return eg_fault_errno(a->err, EG_E_INPUT, a->path, "cannot be read");
    if (!S_ISREG(st.st_mode))
        return bad(a, "%s", "is no regular file; an archive of numpy.savez is wanted");
    a->size = (uint64_t)st.st_size;
    if (a->size > FILE_MAX_BYTES)
        return bad(a, "%s", "is larger than 4 GiB");
    a->data = malloc(a->size + 1);
    if (!a->data)
        return eg_fault(a->err, EG_E_NOMEM, "out of memory");
    return read_fully(a, fd);
}

static eg_status
load(archive *a)
{
    int fd = open(a->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return eg_fault_errno(a->err, EG_E_INPUT, a->path, "cannot be opened");
    eg_status status = load_opened(a, fd);
    close(fd);
    return status;
}

/* Many arrays: before the end record at `end` stands the place of a larger one. */
static eg_status
find_directory64(archive *a, uint64_t end)
{
    const uint64_t locator_length = 20, record_length = 56;
    if (end < locator_length || number(a->data + end - locator_length, 4) != 0x07064b50)
        return bad(a, "%s", "has a damaged directory");
    uint64_t record = number(a->data + end - locator_length + 8, 8);
    if (record > end || end - record < record_length || number(a->data + record, 4) != 0x06064b50)
        return bad(a, "%s", "has a damaged directory");
    a->entries = number(a->data + record + 32, 8);
    a->central = number(a->data + record + 48, 8);
    return EG_OK;
}

/* The end record is the last; a comment of up to 64 KiB may follow it. */
static eg_status
find_directory(archive *a)
{
    const uint64_t length = 22;
    if (a->size < length)
        return bad(a, "%s", "is not a zip archive; numpy.savez writes one");
    uint64_t lowest = a->size - length > 0xffff ? a->size - length - 0xffff : 0;
    uint64_t at = a->size - length;
    while (number(a->data + at, 4) != 0x06054b50) {
        if (at == lowest)
            return bad(a, "%s", "is not a zip archive; numpy.savez writes one");
        at--;
    }
    a->entries = number(a->data + at + 10, 2);
    a->central = number(a->data + at + 16, 4);
    if (a->entries == 0xffff || a->central == MAX32)
        EG_TRY(find_directory64(a, at));
    return a->central <= at ? EG_OK : bad(a, "%s", "has a directory outside of the file");
}

/* Checks one entry of the directory and the local header that it points to. */
static eg_status
open_entry(const archive *a, const unsigned char *central, const char *name, entry *out)
{
    uint64_t packed = number(central + 20, 4), size = number(central + 24, 4), local = number(central + 42, 4);
    if (number(central + 10, 2) != 0) {
        bad(a, "'%s' is compressed", name);
        return eg_fault_hint(a->err, "write it with numpy.savez, not savez_compressed");
    }
    if (number(central + 8, 2) & 1)
        return bad(a, "'%s' is encrypted", name);
    if (packed != size || size == MAX32 || local > a->size || a->size - local < 30 ||
        number(a->data + local, 4) != 0x04034b50)
        return bad(a, "the directory's entry '%s' is damaged", name);
    uint64_t begin = local + 30 + number(a->data + local + 26, 2) + number(a->data + local + 28, 2);
    if (begin > a->size || a->size - begin < size)
        return bad(a, "'%s' reaches beyond the end of the file", name);
    *out = (entry){a->data + begin, size};
    if (eg_crc32(0, out->data, size) != number(central + 16, 4))
        return bad(a, "'%s' is damaged: its check sum differs", name);
    return EG_OK;
}

/* NAME.npy; data NULL where the archive has none. */
static eg_status
find_entry(const archive *a, const char *name, entry *out)
{
    char file[64];
    size_t file_length = (size_t)snprintf(file, sizeof file, "%s.npy", name);
    uint64_t at = a->central;
    *out = (entry){NULL, 0};
    for (uint64_t i = 0; i < a->entries; i++) {
        if (a->size - at < 46 || number(a->data + at, 4) != 0x02014b50)
            return bad(a, "%s", "has a damaged directory");
        const unsigned char *central = a->data + at;
        uint64_t length = number(central + 28, 2);
        uint64_t next = 46 + length + number(central + 30, 2) + number(central + 32, 2);
        if (a->size - at < next)
            return bad(a, "%s", "has a damaged directory");
        if (length == file_length && memcmp(central + 46, file, length) == 0)
            return open_entry(a, central, name, out);
        at += next;
    }
    return EG_OK;
}

/* --- arrays -------------------------------------------------------------------------------------- */

/* The text behind 'key': in the header's Python dictionary, up to the next of its own kind of end; NULL if it lacks. */
static const char *
header_value(const char *header, const char *key)
{
    const char *at = strstr(header, key);
    if (!at)
        return NULL;
    at += strlen(key);
    return at + strspn(at, " :");
}

/* The shape's one size; false for another rank. */
static bool
read_shape(const char *text, uint64_t *out)
{
    char *end;
    if (!text || *text != '(' || text[1] < '0' || text[1] > '9')
        return false;
    errno = 0;
    *out = strtoull(text + 1, &end, 10);
    return errno == 0 && *end == ',' && end[1 + strspn(end + 1, " ")] == ')';
}

/* The array's header: how many integers of how many bytes follow at *out_data. */
static eg_status
open_array(const archive *a, const char *name, const entry *e, const unsigned char **out_data, uint64_t *out_count,
           int *out_bytes)
{
    char header[1024];
    if (e->size < 12 || memcmp(e->data, "\x93NUMPY", 6) != 0 || e->data[6] < 1 || e->data[6] > 3)
        return bad(a, "'%s' is not a NumPy array", name);
    bool long_header = e->data[6] > 1;
    uint64_t begin = long_header ? 12 : 10, length = number(e->data + 8, long_header ? 4 : 2);
    if (length >= sizeof header || e->size - begin < length)
        return bad(a, "'%s' has a damaged array header", name);
    memcpy(header, e->data + begin, length);
    header[length] = '\0';
    const char *type = header_value(header, "'descr'");
    bool is_i8 = type && strncmp(type, "'<i8'", 5) == 0, is_i4 = type && strncmp(type, "'<i4'", 5) == 0;
    if (!is_i8 && !is_i4)
        return bad(a, "'%s' does not hold little-endian int64 or int32 numbers", name);
    if (!read_shape(header_value(header, "'shape'"), out_count)) {
        bad(a, "'%s' is not an array of one axis", name);
        return eg_fault_hint(a->err, "texts stand one after another in input_ids; cu_seqlens says where each begins");
    }
    *out_bytes = is_i8 ? 8 : 4;
    *out_data = e->data + begin + length;
    uint64_t have = e->size - begin - length;
    if (have % (uint64_t)*out_bytes != 0 || have / (uint64_t)*out_bytes != *out_count)
        return bad(a, "'%s' has another number of bytes than its shape says", name);
    return EG_OK;
}

static int64_t
read_integer(const unsigned char *at, int bytes)
{
    uint64_t value = number(at, bytes);
    return bytes == 8 ? (int64_t)value : (int64_t)(int32_t)(uint32_t)value;
}

/* Copies the array NAME; *out stays NULL where there is none. */
static eg_status
read_array(const archive *a, const char *name, int64_t **out, uint64_t *out_count)
{
    entry e;
    const unsigned char *data;
    int bytes;
    EG_TRY(find_entry(a, name, &e));
    if (!e.data)
        return EG_OK;
    EG_TRY(open_array(a, name, &e, &data, out_count, &bytes));
    *out = malloc((*out_count + 1) * sizeof **out);
    if (!*out)
        return eg_fault(a->err, EG_E_NOMEM, "out of memory");
    for (uint64_t i = 0; i < *out_count; i++)
        (*out)[i] = read_integer(data + i * (uint64_t)bytes, bytes);
    return EG_OK;
}

static eg_status
check_offsets(const archive *a, const eg_ids *ids, uint64_t offsets, uint64_t tokens)
{
    if (offsets == 0 || offsets > MAX32 || ids->cu_seqlens[0] != 0)
        return bad(a, "'%s' does not begin with 0", "cu_seqlens");
    for (uint64_t i = 1; i < offsets; i++)
        if (ids->cu_seqlens[i] <= ids->cu_seqlens[i - 1])
            return bad(a, "'%s' does not increase: a text has at least one token", "cu_seqlens");
    if ((uint64_t)ids->cu_seqlens[offsets - 1] != tokens)
        return bad(a, "'%s' does not end with the number of input_ids", "cu_seqlens");
    return EG_OK;
}

static eg_status
read_ids(archive *a, eg_ids *out)
{
    uint64_t tokens = 0, offsets = 0, types = 0;
    EG_TRY(load(a));
    EG_TRY(find_directory(a));
    EG_TRY(read_array(a, "input_ids", &out->ids, &tokens));
    EG_TRY(read_array(a, "cu_seqlens", &out->cu_seqlens, &offsets));
    EG_TRY(read_array(a, "token_type_ids", &out->type_ids, &types));
    if (!out->ids || !out->cu_seqlens)
        return bad(a, "has no array '%s'", out->ids ? "cu_seqlens" : "input_ids");
    EG_TRY(check_offsets(a, out, offsets, tokens));
    if (out->type_ids && types != tokens)
        return bad(a, "'%s' has not as many numbers as input_ids", "token_type_ids");
    out->count = (uint32_t)(offsets - 1);
    return EG_OK;
}

eg_status
eg_ids_read(const char *path, eg_ids *out, eg_error *err)
{
    archive a = {.path = path, .err = err};
    *out = (eg_ids){0};
    eg_status status = read_ids(&a, out);
    free(a.data);
    if (status != EG_OK)
        eg_ids_free(out);
    return status;
}

void
eg_ids_free(eg_ids *ids)
{
    free(ids->ids);
    free(ids->cu_seqlens);
    free(ids->type_ids);
    *ids = (eg_ids){0};
}
