/* SPDX-License-Identifier: Apache-2.0 */
/* A folder with families and one checkpoint, for tests of the family language. */
#ifndef EG_TESTS_UNIT_MODEL_FILES_H
#define EG_TESTS_UNIT_MODEL_FILES_H

#include <inttypes.h>

#include "frontend/source.h"
#include "tests/unit/support.h"

/* One tensor of zeros. */
typedef struct test_tensor {
    const char *name;
    uint32_t rank;
    int64_t dims[4];
} test_tensor;

/* Writes FOLDER/NAME as safetensors with float32 zeros. */
static inline void
test_write_tensors(const test_folder *folder, const char *name, const test_tensor *tensors, size_t count)
{
    eg_strbuf header = {0};
    uint64_t offset = 0;
    eg_strbuf_putc(&header, '{');
    for (size_t i = 0; i < count; i++) {
        uint64_t bytes = 4;
        eg_strbuf_printf(&header, "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[", i ? "," : "", tensors[i].name);
        for (uint32_t k = 0; k < tensors[i].rank; k++) {
            eg_strbuf_printf(&header, "%s%" PRId64, k ? "," : "", tensors[i].dims[k]);
            bytes *= (uint64_t)tensors[i].dims[k];
        }
        eg_strbuf_printf(&header, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", offset, offset + bytes);
        offset += bytes;
    }
    eg_strbuf_putc(&header, '}');
    size_t size = 8 + header.length + (size_t)offset;
    unsigned char *file = calloc(1, size);
    for (int i = 0; i < 8; i++)
        file[i] = (unsigned char)(header.length >> (8 * i));
    memcpy(file + 8, header.data, header.length);
    test_write_bytes(folder, name, file, size);
    free(file);
    eg_strbuf_finish(&header);
}

#endif
