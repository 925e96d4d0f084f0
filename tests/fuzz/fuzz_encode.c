/* SPDX-License-Identifier: Apache-2.0 */
/* Any text: the fast path and the components agree, and offsets stay within the text. */
#include "base/utf8.h"
#include "frontend/tokenizer.h"
#include "tests/fuzz/fuzz.h"

#define BERT "{\"type\":\"BertNormalizer\"}"
#define FILE_WITH(normalizer)                                                                                          \
    "{\"added_tokens\":[{\"id\":8,\"content\":\"[M]\",\"lstrip\":true,\"rstrip\":true},"                               \
    "{\"id\":9,\"content\":\"[M] a\",\"single_word\":true}],"                                                          \
    "\"normalizer\":" normalizer ",\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},"                                 \
    "\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"u\",\"vocab\":"                                                 \
    "{\"u\":0,\"a\":1,\"##a\":2,\"ab\":3,\"##b\":4,\"e\":5,\".\":6,\"\xe4\xb8\xad\":7}}}"

static eg_tokenizer *
open_text(const char *text)
{
    eg_tokenizer *tokenizer;
    FUZZ_CHECK(eg_tokenizer_open_json(text, strlen(text), "f", &tokenizer, NULL) == EG_OK);
    return tokenizer;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    eg_error err;
    eg_encoding a = {0}, b = {0};
    static eg_tokenizer *fast, *slow; /* opened once */
    if (!fast) {
        fast = open_text(FILE_WITH(BERT));
        slow = open_text(FILE_WITH("{\"type\":\"Sequence\",\"normalizers\":[" BERT "]}"));
    }
    const char *text = (const char *)data;
    eg_status status = eg_tokenizer_encode(fast, text, size, NULL, 0, NULL, &a, &err);
    FUZZ_CHECK((status == EG_OK) == eg_utf8_valid(text, size, NULL));
    FUZZ_CHECK(eg_tokenizer_encode(slow, text, size, NULL, 0, NULL, &b, &err) == status);
    if (status == EG_OK) {
        size_t chars = eg_utf8_count(text, size);
        FUZZ_CHECK(a.count == b.count);
        for (size_t i = 0; i < a.count; i++) {
            FUZZ_CHECK(a.ids[i] == b.ids[i] && a.starts[i] == b.starts[i] && a.ends[i] == b.ends[i]);
            FUZZ_CHECK(a.starts[i] < a.ends[i] && a.ends[i] <= chars);
        }
    } else {
        fuzz_check_error(status, &err);
    }
    eg_encoding_finish(&a);
    eg_encoding_finish(&b);
    return 0;
}
