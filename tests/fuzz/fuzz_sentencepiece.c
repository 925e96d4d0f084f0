/* SPDX-License-Identifier: Apache-2.0 */
/* Any SentencePiece model, read as each class reads it: refused with one line, or it encodes within its vocabulary. */
#include "frontend/tokenizer/parts.h"
#include "tests/fuzz/fuzz.h"

static void
try_text(const eg_tokenizer *tokenizer, const char *text, size_t length)
{
    eg_error err;
    eg_encoding encoding = {0};
    eg_status status = eg_tokenizer_encode(tokenizer, text, length, NULL, 0, NULL, &encoding, &err);
    if (status != EG_OK)
        fuzz_check_error(status, &err);
    for (size_t i = 0; status == EG_OK && i < encoding.count; i++) {
        FUZZ_CHECK(eg_tokenizer_token(tokenizer, encoding.ids[i], NULL) != NULL);
        FUZZ_CHECK(encoding.starts[i] <= encoding.ends[i] && encoding.ends[i] <= length);
    }
    eg_encoding_finish(&encoding);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char text[] =
        "A Caf\xc3\xa9, ``x''  \xe4\xb8\xad\xe6\x96\x87  <s> e\xcc\x81\xcc\xa3 \xef\xac\x81\r\n12";
    static const eg_tokenizer_files none = {.config_file = "c", .specials_map_file = "c", .added_tokens_file = "c"};
    for (eg_sp_style style = EG_SP_NONE + 1; style <= EG_SP_SPACE_RUNS; style++) {
        eg_error err;
        eg_tokenizer *tokenizer = eg_calloc(1, sizeof *tokenizer);
        FUZZ_CHECK(tokenizer != NULL);
        eg_status status =
            eg_tokenizer_load_sentencepiece(tokenizer, style, (const char *)data, size, "f", &none, &err);
        if (status != EG_OK)
            fuzz_check_error(status, &err);
        else
            try_text(tokenizer, text, sizeof text - 1);
        eg_tokenizer_close(tokenizer);
    }
    return 0;
}
