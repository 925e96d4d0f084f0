/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entries of a zip file in memory, as far as torch.save writes them: stored (not compressed), not encrypted, one
 * disk, no comment, zip64 where sizes need it. Checksums are not compared: that would read every weight once more.
 * Thread-safety: a table belongs to one thread while it is read; then any thread.
 */
#ifndef EG_FRONTEND_TORCH_ZIP_H
#define EG_FRONTEND_TORCH_ZIP_H

#include "base/error.h"
#include "base/map.h"
#include "base/mem.h"

typedef struct eg_zip_entry {
    const char *name; /* in the file, not NUL-terminated */
    size_t name_length;
    uint64_t header;      /* where its local header begins */
    uint64_t begin, size; /* of its data */
} eg_zip_entry;

typedef struct eg_zip {
    EG_VEC(eg_zip_entry) entries;
    eg_map by_name;
} eg_zip;

/*
 * Every entry is checked: its data lies in the file, before the directory, and overlaps no other; its name appears once,
 * is a relative path without "." and "..", and is the same in both headers. *out needs eg_zip_finish() after a failure too.
 */
EG_NODISCARD eg_status eg_zip_read(const void *data, size_t size, const char *file, eg_zip *out, eg_error *err);
void eg_zip_finish(eg_zip *zip);

/* NULL if there is none of that name. */
const eg_zip_entry *eg_zip_find(const eg_zip *zip, const char *name, size_t length);

#endif
