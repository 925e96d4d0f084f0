/* SPDX-License-Identifier: Apache-2.0 */
/* Any tokenizer.json: refused with one line, or it encodes and decodes within its vocabulary. */
#include "frontend/tokenizer.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char text[] = "A Caf\xc3\xa9, \xe4\xb8\xad\xe6\x96\x87  [SEP] e\xcc\x81\xcc\xa3 \xef\xac\x81 12";
    eg_error err;
    eg_tokenizer *tokenizer;
    eg_encoding encoding = {0};
    eg_status status = eg_tokenizer_open_json((const char *)data, size, "f", &tokenizer, &err);
    if (status != EG_OK) {
        fuzz_check_error(status, &err);
        return 0;
    }
    status = eg_tokenizer_encode(tokenizer, text, sizeof text - 1, "x", 1, NULL, &encoding, &err);
    if (status != EG_OK) /* Unigram without an unknown token */
        fuzz_check_error(status, &err);
    for (size_t i = 0; status == EG_OK && i < encoding.count; i++) {
        FUZZ_CHECK(eg_tokenizer_token(tokenizer, encoding.ids[i], NULL) != NULL);
        FUZZ_CHECK(encoding.starts[i] <= encoding.ends[i] && encoding.ends[i] < sizeof text);
    }
    eg_encoding_finish(&encoding);
    eg_tokenizer_close(tokenizer);
    return 0;
}
