/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unigram, Metaspace and WordLevel, hand-made: what tests/golden compares with the library on many lines. What is
 * expected is what Hugging Face's tokenizers gives.
 */
#include <criterion/criterion.h>

#include "frontend/tokenizer/parts.h"
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

/* Unknown text that is worth more than an entry, and makes one up: it is that entry all the same. */
Test(tokenizer_unigram, knows_entries_in_unknown_text)
{
#define ABOVE "[\"?\",20],[\"xx\",20],[\"xxx\",20],[\"a\",20]"
    expect(FILE_OF("null", UNIGRAM(ABOVE, "")), "xxxxaxxa", "1[0,2) 1[2,4) 3[4,5) 1[5,7) 3[7,8)");
    expect(FILE_OF("null", UNIGRAM(ABOVE, "")), "axxxa", "3[0,1) 0[1,2) 1[2,4) 3[4,5)");
    expect(FILE_OF("null", UNIGRAM(VOCAB, "")), "a?xa", "3[0,1) 0[1,3) 3[3,4)");
    expect(FILE_OF("null", UNIGRAM(VOCAB BYTES, ",\"byte_fallback\":true")), "a\u00e9?\u00e9a", "3[0,1) 0[1,4) 3[4,5)");
}

Test(tokenizer_unigram, takes_the_last_of_equal_entries)
{
#define EQUAL "[\"?\",0],[\"a\",-9],[\"b\",-1],[\"a\",-1],[\"\",-5],[\"ab\",-3],[\"ab\",-30]"
    expect(FILE_OF("null", UNIGRAM(EQUAL, "")), "aab", "3[0,1) 3[1,2) 2[2,3)");
    expect(FILE_OF("null", UNIGRAM("[\"?\",0],[\"a\",-1e308],[\"aa\",-1e308],[\"b\",1e308]", "")), "aaaabb",
           "2[0,2) 2[2,4) 3[4,5) 3[5,6)");
}

/* All ways are ties, but the library does not read the scores to the nearest double. */
Test(tokenizer_unigram, reads_scores_as_the_library)
{
    expect(FILE_OF("null", UNIGRAM("[\"?\",0],[\"a\",-4.563097552438411],[\"b\",-6.7723202587262605],"
                                   "[\"ab\",-11.335417811164671]",
                                   "")),
           "ab", "1[0,1) 2[1,2)");
}

/* What the library gives for an unknown token it needs on the way, though another way wins in the end. */
Test(tokenizer_unigram, needs_an_unknown_token)
{
#define NO_UNKNOWN(vocab) "{\"type\":\"Unigram\",\"vocab\":[" vocab "]}"
    expect(FILE_OF("null", NO_UNKNOWN("[\"ab\",-1],[\"a\",-9]")), "ab", "0[0,2)");
    eg_tokenizer *tokenizer = open_text(FILE_OF("null", NO_UNKNOWN("[\"ab\",-1]")));
    eg_encoding encoding = {0};
    eg_error err;
    eg_error_init(&err);
    cr_assert_eq(eg_tokenizer_encode(tokenizer, "ab", 2, NULL, 0, NULL, &encoding, &err), EG_E_INPUT);
    eg_encoding_finish(&encoding);
    eg_tokenizer_close(tokenizer);
}

/* A word far longer than what is kept of a lattice, with unknown text across its cuts. */
Test(tokenizer_unigram, cuts_the_lattice_of_a_long_word)
{
    enum { TIMES = 20000, COUNT = 3 * TIMES };
    static char text[3 * COUNT]; /* "aab" many times, "x" many times, "aab" again */
    for (size_t i = 0; i < 3 * COUNT; i++)
        text[i] = i / COUNT == 1 ? 'x' : "aab"[i % 3];
    eg_tokenizer *tokenizer = open_text(FILE_OF("null", UNIGRAM(VOCAB, "")));
    eg_encoding encoding = {0};
    eg_error err;
    eg_error_init(&err);
    cr_assert_eq(eg_tokenizer_encode(tokenizer, text, sizeof text, NULL, 0, NULL, &encoding, &err), EG_OK);
    cr_assert_eq(encoding.count, 4 * TIMES + 1);
    for (uint32_t i = 0, at = 0; i < encoding.count; i++) { /* "a", "ab" as in a short word */
        bool unknown = i == 2 * TIMES, letter = (i - (i > 2 * TIMES)) % 2 == 0;
        uint32_t length = unknown ? COUNT : letter ? 1 : 2;
        cr_assert_eq(encoding.ids[i], unknown ? 0 : letter ? 3 : 6, "token %u", i);
        cr_assert(encoding.starts[i] == at && encoding.ends[i] == at + length, "token %u", i);
        at += length;
    }
    const eg_work *work = encoding.work;
    cr_assert_lt(work->lattice.capacity, 20000, "%zu places", work->lattice.capacity);
    eg_encoding_finish(&encoding);
    eg_tokenizer_close(tokenizer);
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

/* Entries that others are equal to keep their ids, and new tokens are numbered behind them. */
Test(tokenizer_unigram, decodes_equal_entries)
{
    eg_tokenizer *tokenizer = open_text("{\"added_tokens\":[{\"id\":3,\"content\":\"new\"}],\"model\":" UNIGRAM(
        "[\"?\",0],[\"a\",-2],[\"a\",-1]", "") "}");
    eg_strbuf text = {0};
    eg_error err;
    eg_error_init(&err);
    cr_assert_eq(eg_tokenizer_decode(tokenizer, (int64_t[]){1, 2, 3}, 3, false, &text, &err), EG_OK);
    cr_assert_str_eq(text.data, "a a new");
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
