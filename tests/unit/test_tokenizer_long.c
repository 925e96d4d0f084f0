/* SPDX-License-Identifier: Apache-2.0 */
/* Words of thousands of symbols, which BPE does in windows, against the ids of tests/golden/make_long_words.py. */
#include <criterion/criterion.h>

#include "base/utf8.h"
#include "tests/unit/tokenizer_text.h"

static eg_strbuf
read_golden(const char *name, const char *ending)
{
    char path[512];
    eg_strbuf text = {0};
    snprintf(path, sizeof path, LONG_WORDS "/%s%s", name, ending);
    FILE *file = fopen(path, "rb");
    cr_assert(file, "%s is not there", path);
    for (int c; (c = getc(file)) != EOF;)
        eg_strbuf_putc(&text, (char)c);
    fclose(file);
    return text;
}

static void
encode(const eg_tokenizer *tokenizer, const char *word, size_t length, bool ids_only, eg_encoding *out)
{
    eg_encode_options options = {.ids_only = ids_only};
    eg_error err;
    eg_error_init(&err);
    cr_assert_eq(eg_tokenizer_encode(tokenizer, word, length, NULL, 0, &options, out, &err), EG_OK, "%s",
                 test_error_line(&err));
}

/* The ids of the line are the word's, and its tokens lie one behind the other. */
static void
expect_line(const char *name, const char *word, size_t length, const char *ids, const eg_encoding *got)
{
    char *end = NULL;
    for (size_t i = 0; i < got->count; i++, ids = end) {
        int32_t want = (int32_t)strtol(ids, &end, 10);
        cr_assert(end > ids && want == got->ids[i], "%s: a word of %zu bytes: token %zu is %d, not %.8s", name, length,
                  i, got->ids[i], ids);
        cr_assert(got->starts[i] < got->ends[i] && (i == 0 || got->starts[i] <= got->ends[i - 1]));
    }
    cr_assert_eq(*ids, '\n', "%s: a word of %zu bytes has only %zu tokens", name, length, got->count);
    cr_assert_eq(got->starts[0], 0);
    cr_assert_eq(got->ends[got->count - 1], eg_utf8_count(word, length));
}

/* How many words there were. */
static size_t
expect_words(const char *name, const eg_tokenizer *tokenizer)
{
    eg_strbuf lines = read_golden(name, ".txt");
    eg_encoding all = {0}, ids_only = {0};
    size_t words = 0;
    for (char *at = lines.data; *at; words++) {
        char *word = at, *end = strchr(word, '\n'), *ids = end + 1;
        encode(tokenizer, word, (size_t)(end - word), false, &all);
        expect_line(name, word, (size_t)(end - word), ids, &all);
        encode(tokenizer, word, (size_t)(end - word), true, &ids_only);
        cr_assert_eq(ids_only.count, all.count);
        cr_assert_arr_eq(ids_only.ids, all.ids, all.count * sizeof *all.ids);
        at = strchr(ids, '\n') + 1;
    }
    eg_encoding_finish(&all);
    eg_encoding_finish(&ids_only);
    eg_strbuf_finish(&lines);
    return words;
}

Test(tokenizer_long, equals_the_library)
{
    static const char *const names[] = {"trained", "ended", "bytes", "doubling", "unordered"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        eg_strbuf file = read_golden(names[i], ".json");
        eg_tokenizer *tokenizer = open_text(file.data);
        cr_assert_geq(expect_words(names[i], tokenizer), 2);
        eg_tokenizer_close(tokenizer);
        eg_strbuf_finish(&file);
    }
}

/* A merge that no text of ours meets, but that has another way taken: a heap instead of lists by rank. */
Test(tokenizer_long, is_the_same_on_both_ways)
{
    eg_strbuf file = read_golden("trained", ".json"), other = {0};
    const char *entries = strstr(file.data, "\"vocab\": {"), *merges = strstr(file.data, "\"merges\": [");
    cr_assert(entries && merges);
    entries += strlen("\"vocab\": {");
    merges += strlen("\"merges\": [");
    eg_strbuf_append(&other, file.data, (size_t)(entries - file.data));
    eg_strbuf_puts(&other, "\"x\":5000,\"y\":5001,\"xy\":5002,\"xyx\":5003,");
    eg_strbuf_append(&other, entries, (size_t)(merges - entries));
    eg_strbuf_puts(&other, "[\"xy\",\"x\"],[\"x\",\"y\"],");
    eg_strbuf_puts(&other, merges);
    eg_tokenizer *tokenizer = open_text(other.data);
    cr_assert_geq(expect_words("trained", tokenizer), 2);
    eg_tokenizer_close(tokenizer);
    eg_strbuf_finish(&other);
    eg_strbuf_finish(&file);
}

enum { MANY = 1000 * 1000 }; /* bytes: in quadratic time it would be minutes */

/* Tokens of the text, the last of which is to be this one. */
static void
expect_end(const char *file, const char *text, size_t length, size_t count, const char *last)
{
    eg_tokenizer *tokenizer = open_text(file);
    eg_encoding got = {0};
    char shown[64];
    encode(tokenizer, text, length, false, &got);
    cr_assert_eq(got.count, count, "%zu tokens, not %zu", got.count, count);
    snprintf(shown, sizeof shown, "%d[%u,%u)", got.ids[count - 1], got.starts[count - 1], got.ends[count - 1]);
    cr_assert_str_eq(shown, last);
    eg_encoding_finish(&got);
    eg_tokenizer_close(tokenizer);
}

/* "z" takes all the blanks, and so does each two of them, as they are. */
#define OVERLAPPING(normalized, trim)                                                                                  \
    "{\"added_tokens\":[{\"id\":2,\"content\":\"z\",\"rstrip\":true,\"normalized\":" normalized "},"                   \
    "{\"id\":3,\"content\":\"  \",\"rstrip\":true,\"normalized\":" normalized "}],"                                    \
    "\"pre_tokenizer\":{\"type\":\"ByteLevel\"},\"post_processor\":{\"type\":\"ByteLevel\",\"trim_offsets\":" trim     \
    "},\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1},\"merges\":[]}}"

Test(tokenizer_long, walks_over_blanks_that_many_tokens_take_once, .timeout = 100)
{
    char *text = malloc(MANY + 1);
    memset(text, ' ', MANY + 1);
    text[0] = 'z';
    expect_end(OVERLAPPING("false", "false"), text, MANY + 1, 1 + MANY / 2, "3[999999,1000001)");
    expect_end(OVERLAPPING("false", "true"), text, MANY + 1, 1 + MANY / 2, "3[1000001,1000001)");
    expect_end(OVERLAPPING("true", "true"), text, MANY + 1, 1 + MANY / 2, "3[1000001,1000001)");
    free(text);
}

/* The bytes of unknown neighbours have one place, all of theirs. */
Test(tokenizer_long, places_bytes_that_are_of_one_long_run, .timeout = 100)
{
    static const char file[] =
        "{\"pre_tokenizer\":{\"type\":\"Metaspace\"},\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"byte_fallback\":"
        "true,"
        "\"vocab\":[[\"<unk>\",0],[\"\u2581\",-1],[\"<0xE6>\",-2],[\"<0xBC>\",-2],[\"<0xA2>\",-2]]}}";
    char *text = malloc(MANY);
    for (size_t i = 0; i + 3 <= MANY; i += 3)
        memcpy(text + i, "\u6f22", 3);
    expect_end(file, text, MANY / 3 * 3, 1 + MANY / 3 * 3, "4[0,333333)");
    free(text);
}
