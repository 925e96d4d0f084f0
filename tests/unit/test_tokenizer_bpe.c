/* SPDX-License-Identifier: Apache-2.0 */
/* BPE and ByteLevel, hand-made: what tests/golden compares with the library on many lines. */
#include <criterion/criterion.h>

#include "tests/unit/tokenizer_text.h"

#define BYTES                                                                                                          \
    "{\"<s>\":0,\"</"                                                                                                  \
    "s>\":1,\"a\":2,\"b\":3,\"\u0120\":4,\"ab\":5,\"\u0120a\":6,\"\u00c3\":7,\"\u00a9\":8,\"\u0120ab\":9,"             \
    "\"'\":10,\"s\":11,\"'s\":12}"
#define MERGES "[\"a b\",[\"\u0120\",\"a\"],\"\u0120 ab\",\"' s\"]"
#define ROBERTA(trim)                                                                                                  \
    "{\"type\":\"RobertaProcessing\",\"sep\":[\"</s>\",1],\"cls\":[\"<s>\",0],\"add_prefix_space\":false,"             \
    "\"trim_offsets\":" trim "}"
#define FILE_OF(pre, post, model)                                                                                      \
    "{\"pre_tokenizer\":" pre ",\n\"post_processor\":" post                                                            \
    ",\n\"decoder\":{\"type\":\"ByteLevel\"},\n\"model\":" model "}"
#define BYTE_LEVEL "{\"type\":\"ByteLevel\",\"add_prefix_space\":false}"
#define BPE(vocab, merges, more) "{\"type\":\"BPE\",\"vocab\":" vocab ",\"merges\":" merges more "}"

Test(tokenizer_bpe, joins_the_lowest_rank_first)
{
    static const char file[] = FILE_OF(BYTE_LEVEL, ROBERTA("false"), BPE(BYTES, MERGES, ""));
    expect(file, "ab ab's", "0[0,0) 5[0,2) 9[2,5) 12[5,7) 1[0,0)");
    expect(file, "a  b", "0[0,0) 2[0,1) 4[1,2) 4[2,3) 3[3,4) 1[0,0)");
    expect(file, "\u00e9", "0[0,0) 7[0,1) 8[0,1) 1[0,0)");
}

Test(tokenizer_bpe, trims_offsets)
{
    expect(FILE_OF(BYTE_LEVEL, ROBERTA("true"), BPE(BYTES, MERGES, "")), "ab  ab",
           "0[0,0) 5[0,2) 4[3,3) 9[4,6) 1[0,0)");
}

Test(tokenizer_bpe, drops_marks_or_falls_back_on_what_it_does_not_know)
{
#define KNOWN "{\"a\":0,\"b\":1,\"ab\":2,\"?\":3,\"<0xC3>\":4,\"<0xA9>\":5}"
    expect(FILE_OF("null", "null", BPE(KNOWN, "[\"a b\"]", "")), "axb", "2[0,2)");
    expect(FILE_OF("null", "null", BPE(KNOWN, "[\"a b\"]", ",\"unk_token\":\"?\"")), "axyb",
           "0[0,1) 3[1,2) 3[2,3) 1[3,4)");
    expect(FILE_OF("null", "null", BPE(KNOWN, "[\"a b\"]", ",\"unk_token\":\"?\",\"fuse_unk\":true")), "axyb",
           "0[0,1) 3[1,3) 1[3,4)");
    expect(FILE_OF("null", "null", BPE(KNOWN, "[\"a b\"]", ",\"byte_fallback\":true")), "a\u00e9b",
           "0[0,1) 4[1,2) 5[1,2) 1[2,3)");
}

Test(tokenizer_bpe, takes_whole_words_only_when_told)
{
#define WHOLE "{\"a\":0,\"b\":1,\"aba\":2}"
    expect(FILE_OF("null", "null", BPE(WHOLE, "[]", "")), "aba", "0[0,1) 1[1,2) 0[2,3)");
    expect(FILE_OF("null", "null", BPE(WHOLE, "[]", ",\"ignore_merges\":true")), "aba", "2[0,3)");
}

Test(tokenizer_bpe, decodes_bytes)
{
    eg_tokenizer *tokenizer = open_text(FILE_OF(BYTE_LEVEL, ROBERTA("false"), BPE(BYTES, MERGES, "")));
    eg_strbuf text = {0};
    eg_error err;
    eg_error_init(&err);
    cr_assert_eq(eg_tokenizer_decode(tokenizer, (int64_t[]){5, 9, 7, 8, 7, 2}, 6, false, &text, &err), EG_OK);
    cr_assert_str_eq(text.data, "ab ab\u00e9\ufffda");
    eg_strbuf_finish(&text);
    eg_tokenizer_close(tokenizer);
}

Test(tokenizer_bpe, takes_a_long_word)
{
    enum { LENGTH = 300000 };
    eg_tokenizer *tokenizer = open_text(FILE_OF(BYTE_LEVEL, ROBERTA("false"), BPE(BYTES, MERGES, "")));
    eg_encoding encoding = {0};
    eg_error err;
    char *word = malloc(LENGTH);
    for (size_t i = 0; i < LENGTH; i++)
        word[i] = i % 2 ? 'b' : 'a';
    eg_error_init(&err);
    cr_assert_eq(eg_tokenizer_encode(tokenizer, word, LENGTH, NULL, 0, NULL, &encoding, &err), EG_OK);
    cr_assert_eq(encoding.count, LENGTH / 2 + 2);
    cr_assert_eq(encoding.ids[LENGTH / 2], 5);
    cr_assert_eq(encoding.ends[LENGTH / 2], LENGTH);
    free(word);
    eg_encoding_finish(&encoding);
    eg_tokenizer_close(tokenizer);
}

Test(tokenizer_bpe, refuses_bad_merges_with_their_place)
{
    static const struct {
        const char *merges, *more, *part;
    } cases[] = {
        {"[\n\"a c\"]", "", "second part is not in the vocabulary"},
        {"[\n\"c a\"]", "", "first part is not in the vocabulary"},
        {"[\n\"b a\"]", "", "gives is not in the vocabulary"},
        {"[\n\"a b c\"]", "", "not two tokens"},
        {"[\n\"ab\"]", "", "not two tokens"},
        {"[\n[\"a\",\"b\",\"c\"]]", "", "not two tokens"},
        {"[\n[\"a\",1]]", "", "not two tokens"},
        {"[\n1]", "", "not two tokens"},
        {"{\n}", "", "is an object"},
        {"[]", ",\n\"dropout\":0.1", "dropout is not supported"},
        {"[]", ",\n\"unk_token\":\"x\"", "'x' is not in the vocabulary"},
        {"[\"a b\"]", ",\n\"continuing_subword_prefix\":\"##\"", "shorter than continuing_subword_prefix"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        eg_strbuf text = {0};
        eg_error err;
        eg_tokenizer *tokenizer;
        eg_strbuf_printf(&text, "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"ab\":2},\"merges\":%s%s}}",
                         cases[i].merges, cases[i].more);
        eg_error_init(&err);
        cr_assert_eq(eg_tokenizer_open_json(text.data, text.length, "t.json", &tokenizer, &err), EG_E_INPUT,
                     "accepted: %s", text.data);
        cr_assert(strstr(err.message, cases[i].part), "%s: %s", cases[i].merges, err.message);
        eg_strbuf_finish(&text);
    }
}

/* ---- vocab.json and merges.txt ---- */

#define VOCAB_FILE                                                                                                     \
    "{\"<s>\":0,\"</s>\":1,\"a\":2,\"b\":3,\"\u0120\":4,\"ab\":5,\"\u0120ab\":6,\"<|endoftext|>\":7,\"#\":8,\"##\":9}"

static const char *
merges_fault(const test_folder *folder, const char *merges, eg_error *err)
{
    eg_tokenizer *tokenizer;
    test_write(folder, "merges.txt", merges);
    eg_error_init(err);
    cr_assert_eq(eg_tokenizer_open(folder->path, &tokenizer, err), EG_E_INPUT, "accepted: %s", merges);
    return test_error_line(err);
}

static void
expect_folder(const test_folder *folder, const char *text, const int32_t *ids, size_t count)
{
    eg_tokenizer *tokenizer;
    eg_encoding encoding = {0};
    eg_error err;
    eg_error_init(&err);
    cr_assert_eq(eg_tokenizer_open(folder->path, &tokenizer, &err), EG_OK, "%s", test_error_line(&err));
    cr_assert_eq(eg_tokenizer_encode(tokenizer, text, strlen(text), NULL, 0, NULL, &encoding, &err), EG_OK);
    cr_assert_eq(encoding.count, count);
    cr_assert_arr_eq(encoding.ids, ids, count * sizeof *ids);
    eg_encoding_finish(&encoding);
    eg_tokenizer_close(tokenizer);
}

Test(tokenizer_bpe, reads_merges_as_they_come)
{
    static const char *const files[] = {"#version: 0.2\na b\n\u0120 ab\n# #\n", "a b\n\u0120 ab\n# #",
                                        "#version: 0.2\r\na b\r\n\u0120 ab\r\n# #\r\n"};
    test_folder folder = test_folder_new();
    test_write(&folder, "vocab.json", VOCAB_FILE);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        test_write(&folder, "merges.txt", files[i]);
        test_write(&folder, "tokenizer_config.json", "{\"tokenizer_class\": \"RobertaTokenizerFast\"}");
        expect_folder(&folder, "ab ab##", (int32_t[]){0, 5, 6, 9, 1}, 5);
        test_write(&folder, "tokenizer_config.json",
                   "{\"tokenizer_class\": \"GPT2Tokenizer\", \"add_prefix_space\": true}");
        expect_folder(&folder, "ab", (int32_t[]){6}, 1);
    }
    test_folder_remove(&folder);
}

Test(tokenizer_bpe, refuses_bad_merges_files)
{
    test_folder folder = test_folder_new();
    eg_error err;
    test_write(&folder, "vocab.json", VOCAB_FILE);
    test_write(&folder, "tokenizer_config.json", "{\"tokenizer_class\": \"RobertaTokenizer\"}");
    merges_fault(&folder, "#version: 0.2\na b c\n", &err);
    test_assert_error(&err, EG_E_INPUT, 2, 1, "not two tokens");
    merges_fault(&folder, "a b\n\n\u0120 ab\n", &err);
    test_assert_error(&err, EG_E_INPUT, 2, 1, "not two tokens");
    merges_fault(&folder, "a b\nb \n", &err);
    test_assert_error(&err, EG_E_INPUT, 2, 1, "not two tokens");
    merges_fault(&folder, "a b\nb a\n", &err);
    test_assert_error(&err, EG_E_INPUT, 2, 1, "what it gives is not in the vocabulary");
    merges_fault(&folder, "a b\n\xff b\n", &err);
    test_assert_error(&err, EG_E_INPUT, 2, 1, "UTF-8");
    test_write(&folder, "tokenizer_config.json", "{\"tokenizer_class\": \"BartTokenizer\"}");
    merges_fault(&folder, "a b\n", &err);
    test_assert_error(&err, EG_E_INPUT, 1, 21, "BartTokenizer");
    test_write(&folder, "tokenizer_config.json", "{}");
    merges_fault(&folder, "a b\n", &err);
    test_assert_error(&err, EG_E_INPUT, 0, 0, "nothing tells the class");
    test_write(&folder, "config.json", "{\"model_type\": \"bart\"}");
    merges_fault(&folder, "a b\n", &err);
    test_assert_error(&err, EG_E_INPUT, 0, 0, "nothing tells the class");
    test_write(&folder, "config.json", "{\"model_type\": \"roberta\"}");
    merges_fault(&folder, "a b c\n", &err);
    test_assert_error(&err, EG_E_INPUT, 1, 1, "not two tokens");
    test_folder_remove(&folder);
}
