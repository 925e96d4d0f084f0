/* SPDX-License-Identifier: Apache-2.0 */
/* Every element of what is accepted lies inside the file. */
#include "frontend/torch/torch_file.h"
#include "tests/fuzz/fuzz.h"

static void
check_tensor(const eg_tensor *tensor, const uint8_t *data, size_t size)
{
    uint64_t bytes = eg_dtype_bytes(tensor->dtype), count = 1, reach = 0;
    FUZZ_CHECK(bytes > 0 && tensor->rank <= EG_TENSOR_MAX_RANK);
    for (uint32_t i = 0; i < tensor->rank; i++) {
        FUZZ_CHECK(tensor->dims[i] >= 0 && tensor->strides[i] >= 0);
        count *= (uint64_t)tensor->dims[i];
        if (tensor->dims[i] > 0)
            reach += (uint64_t)(tensor->dims[i] - 1) * (uint64_t)tensor->strides[i];
    }
    const uint8_t *at = tensor->data;
    FUZZ_CHECK(count * bytes == tensor->bytes);
    FUZZ_CHECK(at >= data && at <= data + size);
    if (count > 0)
        FUZZ_CHECK((reach + 1) * bytes <= (uint64_t)(data + size - at) && count <= reach + 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    eg_weights weights = {0};
    eg_error err;
    eg_status status = eg_torch_file_parse(&weights, data, size, "f", &err);
    if (status != EG_OK)
        fuzz_check_error(status, &err);
    for (size_t i = 0; status == EG_OK && i < weights.tensors.count; i++) {
        const eg_tensor *tensor = &weights.tensors.items[i];
        check_tensor(tensor, data, size);
        FUZZ_CHECK(eg_weights_find(&weights, tensor->name) == tensor);
    }
    eg_weights_close(&weights);
    return 0;
}
