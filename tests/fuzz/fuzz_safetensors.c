/* SPDX-License-Identifier: Apache-2.0 */
/* The tensors of what is accepted lie inside the file and fill it without overlap. */
#include "frontend/weights.h"
#include "tests/fuzz/fuzz.h"

static uint64_t
count_bytes(const eg_tensor *tensor)
{
    uint64_t bytes = eg_dtype_bytes(tensor->dtype);
    for (uint32_t i = 0; i < tensor->rank; i++)
        bytes *= (uint64_t)tensor->dims[i];
    return bytes;
}

static void
check_weights(const eg_weights *weights, const uint8_t *data, size_t size)
{
    uint64_t header, total = 0;
    memcpy(&header, data, sizeof header);
    const uint8_t *begin = data + 8 + header, *end = data + size;
    for (size_t i = 0; i < weights->tensors.count; i++) {
        const eg_tensor *tensor = &weights->tensors.items[i];
        const uint8_t *at = tensor->data;
        FUZZ_CHECK(at >= begin && at <= end && tensor->bytes <= (uint64_t)(end - at));
        FUZZ_CHECK(tensor->rank <= EG_TENSOR_MAX_RANK && count_bytes(tensor) == tensor->bytes);
        FUZZ_CHECK(eg_weights_find(weights, tensor->name) == tensor);
        total += tensor->bytes;
    }
    FUZZ_CHECK(total == weights->bytes && total == (uint64_t)(end - begin));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    eg_weights weights = {0};
    eg_error err;
    eg_status status = eg_safetensors_parse(&weights, data, size, "f", &err);
    if (status == EG_OK)
        check_weights(&weights, data, size);
    else
        fuzz_check_error(status, &err);
    eg_weights_close(&weights);
    return 0;
}
