/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sizes and places come from the central directory; the local header says only where the data begins. Each is checked
 * against the file before it is used.
 */
#include "cli/npz_archive.h"

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

typedef struct entry {
    const unsigned char *data;
    uint64_t size;
} entry;

static eg_status
bad(const eg_npz_archive *a, const char *fmt, const char *name)
{
    char what[400];
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
read_fully(eg_npz_archive *a, int fd)
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
load_opened(eg_npz_archive *a, int fd)
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
load(eg_npz_archive *a)
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
find_directory64(eg_npz_archive *a, uint64_t end)
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
find_directory(eg_npz_archive *a)
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
open_entry(const eg_npz_archive *a, const unsigned char *central, const char *name, entry *out)
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

/* The entry of the directory that begins at *at; *at is then the next one's. */
static eg_status
read_directory(const eg_npz_archive *a, uint64_t *at, const unsigned char **out, uint64_t *out_length)
{
    if (*at > a->size || a->size - *at < 46 || number(a->data + *at, 4) != 0x02014b50)
        return bad(a, "%s", "has a damaged directory");
    const unsigned char *central = a->data + *at;
    *out_length = number(central + 28, 2);
    uint64_t next = 46 + *out_length + number(central + 30, 2) + number(central + 32, 2);
    if (a->size - *at < next)
        return bad(a, "%s", "has a damaged directory");
    *at += next;
    *out = central;
    return EG_OK;
}

/* --- arrays -------------------------------------------------------------------------------------- */

/* The text behind 'key': in the header's Python dictionary; NULL if it lacks. */
static const char *
header_value(const char *header, const char *key)
{
    const char *at = strstr(header, key);
    if (!at)
        return NULL;
    at += strlen(key);
    return at + strspn(at, " :");
}

/* "(3, 4)", "(3,)" or "()"; false for anything else. */
static bool
read_shape(const char *text, eg_npz_array *out)
{
    if (!text || *text++ != '(')
        return false;
    out->count = 1;
    for (text += strspn(text, " "); *text != ')'; text += strspn(text, ", ")) {
        char *end;
        errno = 0;
        unsigned long long size = *text >= '0' && *text <= '9' ? strtoull(text, &end, 10) : 0;
        if (*text < '0' || *text > '9' || errno != 0 || size > INT64_MAX || (*end != ',' && *end != ')'))
            return false;
        if (out->rank < EG_TENSOR_RANK)
            out->dims[out->rank] = (int64_t)size;
        out->rank++;
        if (__builtin_mul_overflow(out->count, (uint64_t)size, &out->count))
            return false;
        text = end;
    }
    return true;
}

static void
read_type(const char *text, eg_npz_array *out)
{
    static const struct {
        const char *name;
        eg_dtype dtype;
        uint32_t bytes;
    } known[] = {{"<f4", EG_F32, 4}, {"<i8", EG_I64, 8}, {"<i4", EG_I32, 4}};
    size_t n = text && *text == '\'' ? strcspn(text + 1, "'") : 0;
    snprintf(out->type, sizeof out->type, "%.*s", (int)(n < sizeof out->type ? n : 0), n ? text + 1 : "");
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(out->type, known[i].name) == 0) {
            out->dtype = known[i].dtype;
            out->bytes = known[i].bytes;
        }
    }
}

static eg_status
read_array(const eg_npz_archive *a, const char *name, const entry *e, eg_npz_array *out)
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
    *out = (eg_npz_array){.data = e->data + begin + length};
    snprintf(out->name, sizeof out->name, "%s", name);
    read_type(header_value(header, "'descr'"), out);
    if (!read_shape(header_value(header, "'shape'"), out))
        return bad(a, "'%s' has a damaged array header", name);
    const char *order = header_value(header, "'fortran_order'");
    out->by_columns = order && strncmp(order, "True", 4) == 0 && out->rank > 1;
    uint64_t have = e->size - begin - length, want;
    if (out->bytes && (__builtin_mul_overflow(out->count, (uint64_t)out->bytes, &want) || want != have))
        return bad(a, "'%s' has another number of bytes than its shape says", name);
    return EG_OK;
}

eg_status
eg_npz_find(const eg_npz_archive *a, const char *name, eg_npz_array *out, bool *out_found)
{
    char file[EG_NPZ_NAME + 4];
    size_t file_length = (size_t)snprintf(file, sizeof file, "%s.npy", name);
    uint64_t at = a->central, length;
    const unsigned char *central;
    *out_found = false;
    for (uint64_t i = 0; i < a->entries; i++) {
        EG_TRY(read_directory(a, &at, &central, &length));
        if (length == file_length && memcmp(central + 46, file, length) == 0) {
            entry e;
            *out_found = true;
            EG_TRY(open_entry(a, central, name, &e));
            return read_array(a, name, &e, out);
        }
    }
    return EG_OK;
}

eg_status
eg_npz_next(const eg_npz_archive *a, eg_npz_cursor *cursor, eg_npz_array *out, bool *out_found)
{
    char name[EG_NPZ_NAME];
    const unsigned char *central;
    uint64_t length;
    entry e;
    if (cursor->index == 0)
        cursor->at = a->central;
    *out_found = cursor->index < a->entries;
    if (!*out_found)
        return EG_OK;
    EG_TRY(read_directory(a, &cursor->at, &central, &length));
    cursor->index++;
    bool is_array = length > 4 && length - 4 < sizeof name && memcmp(central + 46 + length - 4, ".npy", 4) == 0;
    snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : sizeof name - 1), central + 46);
    if (!is_array)
        return bad(a, "'%s' is no array; numpy.savez writes NAME.npy", name);
    name[length - 4] = '\0';
    EG_TRY(open_entry(a, central, name, &e));
    return read_array(a, name, &e, out);
}

/* --- opening ------------------------------------------------------------------------------------- */

eg_status
eg_npz_load(eg_npz_archive *a, const char *path, eg_error *err)
{
    *a = (eg_npz_archive){.path = path, .err = err};
    eg_status status = load(a);
    if (status == EG_OK)
        status = find_directory(a);
    if (status != EG_OK)
        eg_npz_unload(a);
    return status;
}

void
eg_npz_unload(eg_npz_archive *a)
{
    free(a->data);
    *a = (eg_npz_archive){0};
}
