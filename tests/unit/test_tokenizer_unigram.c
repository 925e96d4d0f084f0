/* SPDX-License-Identifier: Apache-2.0 */
/* Unigram, Metaspace and WordLevel, hand-made: what tests/golden compares with the library on many lines. */
#include <criterion/criterion.h>

#include "tests/unit/tokenizer_text.h"

#define VOCAB "[\"?\",0],[\"\u2581\",-2],[\"\u2581a\",-1],[\"a\",-1],[\"aa\",-2],[\"b\",-1.5],[\"ab\",-2]"
#define BYTES ",[\"<0xC3>\",-9],[\"<0xA9>\",-9]"
#define UNIGRAM(vocab, more) "{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[" vocab "]" more "}"
#define METASPACE(more) "{\"type\":\"Metaspace\",\"replacement\":\"\u2581\"" more "}"
#define FILE_OF(pre, model)                                                                                            \
    "{\"pre_tokenizer\":" pre ",\n\"decoder\":" METASPACE(",\"prepend_scheme\":\"always\"") ",\n\"model\":" model "}"

Test(tokenizer_unigram, takes_the_first_of_equal_ways)
{
    expect(FILE_OF("null", UNIGRAM(VOCAB, "")), "aa", "4[0,2)");
    expect(FILE_OF("null", UNIGRAM(VOCAB, "")), "aaa", "3[0,1) 4[1,3)");
    expect(FILE_OF("null", UNIGRAM(VOCAB, "")), "aab", "3[0,1) 6[1,3)");
}

Test(tokenizer_unigram, joins_unknown_characters)
{
    expect(FILE_OF("null", UNIGRAM(VOCAB, "")), "x\u00e9za", "0[0,3) 3[3,4)");
    expect(FILE_OF("null", UNIGRAM(VOCAB BYTES, ",\"byte_fallback\":true")), "a\u00e9b", "3[0,1) 7[1,2) 8[1,2) 5[2,3)");
    expect(FILE_OF("null", UNIGRAM(VOCAB BYTES, ",\"byte_fallback\":true")), "\u00e9x", "0[0,2)");
}

Test(tokenizer_unigram, puts_marks_for_blanks)
{
    expect(FILE_OF(METASPACE(""), UNIGRAM(VOCAB, "")), "a b", "2[0,1) 1[1,2) 5[2,3)");
    expect(FILE_OF(METASPACE(",\"prepend_scheme\":\"never\""), UNIGRAM(VOCAB, "")), "a a", "3[0,1) 2[1,3)");
    expect(FILE_OF(METASPACE(",\"add_prefix_space\":false"), UNIGRAM(VOCAB, "")), "a", "3[0,1)");
    expect(FILE_OF(METASPACE(""), UNIGRAM(VOCAB, "")), "", "");
}

Test(tokenizer_unigram, splits_at_a_string)
{
#define SPLIT(pattern, more) "{\"type\":\"Split\",\"pattern\":" pattern more "}"
    expect(FILE_OF(SPLIT("{\"String\":\"ab\"}", ",\"behavior\":\"Removed\""), UNIGRAM(VOCAB, "")), "aabb",
           "3[0,1) 5[3,4)");
    expect(FILE_OF(SPLIT("{\"String\":\"ab\"}", ",\"behavior\":\"Removed\",\"invert\":true"), UNIGRAM(VOCAB, "")),
           "aabb", "6[1,3)");
    expect(FILE_OF(SPLIT("{\"String\":\"a\"}", ",\"behavior\":\"Isolated\""), UNIGRAM(VOCAB, "")), "aab",
           "3[0,1) 3[1,2) 5[2,3)");
}

Test(tokenizer_unigram, decodes_marks)
{
    eg_tokenizer *tokenizer = open_text(FILE_OF(METASPACE(""), UNIGRAM(VOCAB, "")));
    eg_strbuf text = {0};
    eg_error err;
    eg_error_init(&err);
    cr_assert_eq(eg_tokenizer_decode(tokenizer, (int64_t[]){2, 6, 2}, 3, false, &text, &err), EG_OK);
    cr_assert_str_eq(text.data, "aab a");
    eg_strbuf_finish(&text);
    eg_tokenizer_close(tokenizer);
}

Test(tokenizer_unigram, knows_models_that_do_not_say_their_type)
{
    expect(FILE_OF("null", "{\"vocab\":[[\"a\",-1]]}"), "aa", "0[0,1) 0[1,2)");
    expect(FILE_OF("null", "{\"vocab\":{\"ab\":0,\"?\":1},\"unk_token\":\"?\"}"), "ab", "0[0,2)");
    expect(FILE_OF("null", "{\"vocab\":{\"a\":0,\"b\":1,\"ab\":2},\"merges\":[\"a b\"]}"), "ab", "2[0,2)");
}

Test(tokenizer_unigram, refuses_what_it_can_not_encode)
{
    eg_tokenizer *tokenizer = open_text("{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",-1]]}}");
    eg_encoding encoding = {0};
    eg_error err;
    eg_error_init(&err);
    cr_assert_eq(eg_tokenizer_encode(tokenizer, "ab", 2, NULL, 0, NULL, &encoding, &err), EG_E_INPUT);
    cr_assert(strstr(err.message, "no unknown token"), "%s", err.message);
    eg_encoding_finish(&encoding);
    eg_tokenizer_close(tokenizer);
}

Test(tokenizer_unigram, refuses_bad_files)
{
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"{\"model\":{\"type\":\"Unigram\",\"vocab\":[]}}", "empty vocabulary"},
        {"{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\"]]}}", "a token and its score"},
        {"{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",\"b\"]]}}", "a finite number"},
        {"{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",1e999]]}}", ""},
        {"{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",NaN]]}}", ""},
        {"{\"model\":{\"type\":\"Unigram\",\"unk_id\":1,\"vocab\":[[\"a\",0]]}}", "out of range"},
        {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":0}}}", "'<unk>' is not in the vocabulary"},
        {FILE_OF(METASPACE(",\"prepend_scheme\":\"often\""), UNIGRAM(VOCAB, "")), "'often'"},
        {FILE_OF("{\"type\":\"Metaspace\",\"replacement\":\"ab\"}", UNIGRAM(VOCAB, "")), "one character"},
        {FILE_OF(SPLIT("{\"Regex\":\"(a+)+$\"}", ""), UNIGRAM(VOCAB, "")), "pattern '(a+)+$' is not supported"},
        {FILE_OF(SPLIT("{\"String\":\"\"}", ""), UNIGRAM(VOCAB, "")), "an empty string"},
        {FILE_OF(SPLIT("{\"String\":\"a\"}", ",\"behavior\":\"Often\""), UNIGRAM(VOCAB, "")), "'Often'"},
        {"{\"normalizer\":{\"type\":\"Prepend\"},\"model\":" UNIGRAM(VOCAB, "") "}", "'prepend' is missing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        eg_error err;
        eg_tokenizer *tokenizer;
        char line[1024];
        eg_error_init(&err);
        cr_assert_eq(eg_tokenizer_open_json(cases[i].text, strlen(cases[i].text), "t.json", &tokenizer, &err),
                     EG_E_INPUT, "accepted: %s", cases[i].text);
        eg_error_format(&err, line, sizeof line);
        cr_assert(strstr(line, cases[i].part), "%s: %s", cases[i].text, line);
    }
}
