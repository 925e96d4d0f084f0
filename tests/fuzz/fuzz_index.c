/* SPDX-License-Identifier: Apache-2.0 */
/* An index over a folder with two shards: whatever it says, only files of that folder are opened. */
#include "frontend/weights.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    eg_weights weights = {0};
    eg_error err;
    eg_status status =
        eg_weights_add_index(&weights, eg_safetensors_add, FUZZ_SHARDS, (const char *)data, size, "f", &err);
    if (status == EG_OK)
        FUZZ_CHECK(weights.files.count > 0);
    else
        fuzz_check_error(status, &err);
    for (size_t i = 0; i < weights.files.count; i++) {
        const char *path = weights.files.items[i].path;
        size_t length = strlen(FUZZ_SHARDS);
        FUZZ_CHECK(strncmp(path, FUZZ_SHARDS "/", length + 1) == 0 && !strchr(path + length + 1, '/'));
    }
    eg_weights_close(&weights);
    return 0;
}
