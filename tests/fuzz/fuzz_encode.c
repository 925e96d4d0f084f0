/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text: the quick paths and the components, which are asked for by asking for words too, agree, and offsets stay
 * within the text.
 */
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

#define ADDED                                                                                                          \
    "\"added_tokens\":[{\"id\":8,\"content\":\"<m>\",\"lstrip\":true},{\"id\":9,\"content\":\"A\",\"normalized\":"     \
    "true}]"
#define PIPELINE(normalizer, pretokenizer, model)                                                                      \
    "{" ADDED ",\"normalizer\":" normalizer ",\"pre_tokenizer\":" pretokenizer ",\"model\":" model "}"
#define BPE                                                                                                            \
    "{\"type\":\"BPE\",\"unk_token\":\"u\",\"vocab\":{\"u\":0,\"a\":1,\"b\":2,\"ab\":3,\"aba\":4,\"\xc4\xa0\":5,"      \
    "\"\xc4\xa0"                                                                                                       \
    "a\":6,\"\xc3\x83\":7},"                                                                                           \
    "\"merges\":[[\"a\",\"b\"],[\"ab\",\"a\"],[\"\xc4\xa0\",\"a\"]]}"
#define UNIGRAM                                                                                                        \
    "{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"u\",0],[\"\xe2\x96\x81\",-2],[\"a\",-1],[\"\xe2\x96\x81"         \
    "a\",-1.5],[\"aa\",-2],"                                                                                           \
    "[\"ab\",-1.5],[\"b\",-2],[\"\xc3\xa9\",-3]]}"
#define SEQUENCE(parts) "{\"type\":\"Sequence\",\"pretokenizers\":[" parts "]}"
#define METASPACE(scheme) "{\"type\":\"Metaspace\",\"prepend_scheme\":\"" scheme "\"}"

static const char *const pipelines[] = {
    PIPELINE("null", "{\"type\":\"ByteLevel\",\"add_prefix_space\":true}", BPE),
    PIPELINE("{\"type\":\"NFC\"}", "{\"type\":\"ByteLevel\",\"add_prefix_space\":false}", BPE),
    PIPELINE("null", METASPACE("first"), UNIGRAM),
    PIPELINE("{\"type\":\"NFKC\"}", SEQUENCE("{\"type\":\"WhitespaceSplit\"}," METASPACE("always")), UNIGRAM),
};
enum { PIPELINES = sizeof pipelines / sizeof *pipelines };

static void
check_paths(const eg_tokenizer *tokenizer, const char *text, size_t size)
{
    eg_encoding quick = {0}, with_words = {0};
    const eg_encode_options words = {.words = true};
    FUZZ_CHECK(eg_tokenizer_encode(tokenizer, text, size, NULL, 0, NULL, &quick, NULL) == EG_OK);
    FUZZ_CHECK(eg_tokenizer_encode(tokenizer, text, size, NULL, 0, &words, &with_words, NULL) == EG_OK);
    FUZZ_CHECK(quick.count == with_words.count);
    for (size_t i = 0; i < quick.count; i++)
        FUZZ_CHECK(quick.ids[i] == with_words.ids[i] && quick.starts[i] == with_words.starts[i] &&
                   quick.ends[i] == with_words.ends[i]);
    eg_encoding_finish(&quick);
    eg_encoding_finish(&with_words);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    eg_error err;
    eg_encoding a = {0}, b = {0};
    static eg_tokenizer *fast, *slow, *others[PIPELINES]; /* opened once */
    if (!fast) {
        fast = open_text(FILE_WITH(BERT));
        slow = open_text(FILE_WITH("{\"type\":\"Sequence\",\"normalizers\":[" BERT "]}"));
        for (size_t i = 0; i < PIPELINES; i++)
            others[i] = open_text(pipelines[i]);
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
        for (size_t i = 0; i < PIPELINES; i++)
            check_paths(others[i], text, size);
    } else {
        fuzz_check_error(status, &err);
    }
    eg_encoding_finish(&a);
    eg_encoding_finish(&b);
    return 0;
}
