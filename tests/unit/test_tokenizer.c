/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/tokenizer.h"

#include <criterion/criterion.h>

#include "base/utf8.h"
#include "tests/unit/support.h"

#define BERT "{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":true,\"lowercase\":true}"
#define SPLIT "{\"type\":\"BertPreTokenizer\"}"
#define POST "{\"type\":\"BertProcessing\",\"sep\":[\"[SEP]\",2],\"cls\":[\"[CLS]\",1]}"
#define VOCAB                                                                                                          \
    "{\"[UNK]\":0,\"[CLS]\":1,\"[SEP]\":2,\"a\":3,\"##a\":4,\"##b\":5,\"ab\":6,\"un\":7,\"##aff\":8,\"##able\":9,"     \
    "\".\":10,\"\u4e2d\":11,\"e\":12,\"##s\":13}"
#define SPECIALS "{\"id\":1,\"content\":\"[CLS]\",\"special\":true},{\"id\":2,\"content\":\"[SEP]\",\"special\":true}"
#define MODEL(vocab) "{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"vocab\":" vocab "}"
#define FILE_OF(added, normalizer, split, post, model)                                                                 \
    "{\"version\":\"1.0\",\"added_tokens\":[" added "],\n\"normalizer\":" normalizer ",\n\"pre_tokenizer\":" split     \
    ",\n\"post_processor\":" post ",\n\"decoder\":{\"type\":\"WordPiece\"},\n\"model\":" model "}"
#define PLAIN FILE_OF(SPECIALS, BERT, SPLIT, POST, MODEL(VOCAB))

static eg_tokenizer *
open_text(const char *text)
{
    eg_error err;
    eg_tokenizer *tokenizer;
    eg_error_init(&err);
    eg_status status = eg_tokenizer_open_json(text, strlen(text), "t.json", &tokenizer, &err);
    cr_assert_eq(status, EG_OK, "%s", test_error_line(&err));
    return tokenizer;
}

static void
encode(const eg_tokenizer *tokenizer, const char *text, size_t length, const char *pair,
       const eg_encode_options *options, eg_encoding *out)
{
    eg_error err;
    eg_error_init(&err);
    eg_status status = eg_tokenizer_encode(tokenizer, text, length, pair, pair ? strlen(pair) : 0, options, out, &err);
    cr_assert_eq(status, EG_OK, "%s", test_error_line(&err));
}

/* "id[start,end) …" of an encoding, with ":1" after the id where the type id is 1. */
static const char *
show(const eg_encoding *encoding)
{
    static char buffer[4096];
    size_t used = 0;
    buffer[0] = '\0';
    for (size_t i = 0; i < encoding->count && used < sizeof buffer - 64; i++)
        used += (size_t)snprintf(buffer + used, sizeof buffer - used, "%s%d%s[%u,%u)", i ? " " : "", encoding->ids[i],
                                 encoding->type_ids[i] ? ":1" : "", encoding->starts[i], encoding->ends[i]);
    return buffer;
}

static void
expect(const eg_tokenizer *tokenizer, const char *text, const char *pair, const eg_encode_options *options,
       const char *want)
{
    eg_encoding encoding = {0};
    encode(tokenizer, text, strlen(text), pair, options, &encoding);
    cr_assert_str_eq(show(&encoding), want, "'%s': %s, not %s", text, show(&encoding), want);
    eg_encoding_finish(&encoding);
}

Test(tokenizer, encodes_with_offsets_in_characters)
{
    eg_tokenizer *tokenizer = open_text(PLAIN);
    expect(tokenizer, "Unaffable.", NULL, NULL, "1[0,0) 7[0,2) 8[2,5) 9[5,9) 10[9,10) 2[0,0)");
    expect(tokenizer, "\u00e9\u4e2da", NULL, NULL, "1[0,0) 12[0,1) 11[1,2) 3[2,3) 2[0,0)");
    expect(tokenizer, "a\u00adb", NULL, NULL, "1[0,0) 6[0,3) 2[0,0)");
    expect(tokenizer, "", NULL, NULL, "1[0,0) 2[0,0)");
    expect(tokenizer, " a", "ab.", NULL, "1[0,0) 3[1,2) 2[0,0) 6:1[0,2) 10:1[2,3) 2:1[0,0)");
    expect(tokenizer, "a", "ab", &(eg_encode_options){.no_special = true}, "3[0,1) 6:1[0,2)");
    eg_tokenizer_close(tokenizer);
}

Test(tokenizer, makes_a_whole_word_unknown)
{
    eg_tokenizer *tokenizer = open_text(PLAIN);
    char word[400] = "";
    expect(tokenizer, "unaz a", NULL, NULL, "1[0,0) 0[0,4) 3[5,6) 2[0,0)");
    for (int i = 0; i < 100; i++)
        strcat(word, i ? "\u00e0" : "a");
    eg_encoding encoding = {0};
    encode(tokenizer, word, strlen(word), NULL, NULL, &encoding);
    cr_assert_eq(encoding.count, 102, "100 characters, however many bytes, are one word");
    strcat(word, "a");
    encode(tokenizer, word, strlen(word), NULL, NULL, &encoding);
    cr_assert_str_eq(show(&encoding), "1[0,0) 0[0,101) 2[0,0)");
    eg_encoding_finish(&encoding);
    eg_tokenizer_close(tokenizer);
}

Test(tokenizer, takes_nul_and_refuses_bad_utf8)
{
    eg_tokenizer *tokenizer = open_text(PLAIN);
    eg_encoding encoding = {0};
    eg_error err;
    eg_error_init(&err);
    encode(tokenizer, "a\0b", 3, NULL, NULL, &encoding);
    cr_assert_str_eq(show(&encoding), "1[0,0) 6[0,3) 2[0,0)");
    cr_assert_eq(eg_tokenizer_encode(tokenizer, "ab\xff", 3, NULL, 0, NULL, &encoding, &err), EG_E_INPUT);
    cr_assert(strstr(err.message, "byte 2"), "%s", err.message);
    cr_assert_eq(eg_tokenizer_encode(tokenizer, "a", 1, "\xc3", 1, NULL, &encoding, &err), EG_E_INPUT);
    eg_encoding_finish(&encoding);
    eg_tokenizer_close(tokenizer);
}

/* ---- Added tokens ---- */

Test(tokenizer, cuts_out_added_tokens)
{
    eg_tokenizer *tokenizer =
        open_text(FILE_OF(SPECIALS ",{\"id\":14,\"content\":\"<m>\",\"lstrip\":true},{\"id\":15,\"content\":\"<m><m>\"}"
                                   ",{\"id\":16,\"content\":\"dog\",\"single_word\":true}"
                                   ",{\"id\":17,\"content\":\"\u00c9s\",\"normalized\":true}",
                          BERT, SPLIT, POST, MODEL(VOCAB)));
    expect(tokenizer, "a[SEP]b", NULL, NULL, "1[0,0) 3[0,1) 2[1,6) 0[6,7) 2[0,0)");
    expect(tokenizer, "a  <m>a", NULL, NULL, "1[0,0) 3[0,1) 14[1,6) 3[6,7) 2[0,0)");
    expect(tokenizer, "<m><m><m>", NULL, NULL, "1[0,0) 15[0,6) 14[6,9) 2[0,0)");
    expect(tokenizer, "dog, dogs dog\u0301", NULL, NULL, "1[0,0) 16[0,3) 0[3,4) 0[5,9) 0[10,13) 2[0,0)");
    expect(tokenizer, "\u00c9S es a", NULL, NULL, "1[0,0) 17[0,2) 17[3,5) 3[6,7) 2[0,0)");
    cr_assert_eq(eg_tokenizer_id(tokenizer, "<m>", 3), 14);
    cr_assert_str_eq(eg_tokenizer_token(tokenizer, 14, NULL), "<m>");
    eg_tokenizer_close(tokenizer);
}

/* ---- Truncation ---- */

static void
expect_lengths(const eg_tokenizer *tokenizer, size_t first, size_t second, uint32_t max, const char *want)
{
    char a[64] = "", b[64] = "", got[64];
    eg_encoding encoding = {0};
    size_t kept[2] = {0, 0};
    for (size_t i = 0; i < first; i++)
        strcat(a, "a ");
    for (size_t i = 0; i < second; i++)
        strcat(b, "a ");
    encode(tokenizer, a, strlen(a), b, &(eg_encode_options){.max_length = max}, &encoding);
    for (size_t i = 0; i < encoding.count; i++)
        if (!encoding.special[i])
            kept[encoding.type_ids[i]]++;
    snprintf(got, sizeof got, "%zu %zu", kept[0], kept[1]);
    cr_assert_str_eq(got, want, "%zu and %zu in %u: %s, not %s", first, second, max, got, want);
    eg_encoding_finish(&encoding);
}

Test(tokenizer, truncates_the_longest_first)
{
    eg_tokenizer *tokenizer = open_text(PLAIN); /* three special tokens */
    expect_lengths(tokenizer, 2, 9, 10, "2 5");
    expect_lengths(tokenizer, 9, 2, 10, "5 2");
    expect_lengths(tokenizer, 9, 9, 10, "3 4");
    expect_lengths(tokenizer, 10, 9, 10, "4 3");
    expect_lengths(tokenizer, 9, 10, 10, "3 4");
    expect_lengths(tokenizer, 4, 3, 10, "4 3");
    expect_lengths(tokenizer, 9, 9, 3, "0 0");
    eg_tokenizer_close(tokenizer);
}

Test(tokenizer, refuses_impossible_truncations)
{
    eg_tokenizer *tokenizer = open_text(PLAIN);
    eg_encoding encoding = {0};
    eg_error err;
    eg_error_init(&err);
    const eg_encode_options too_small = {.max_length = 1};
    const eg_encode_options second = {.max_length = 4, .truncation = EG_TRUNCATE_ONLY_SECOND};
    const eg_encode_options first = {.max_length = 5, .truncation = EG_TRUNCATE_ONLY_FIRST};
    cr_assert_eq(eg_tokenizer_encode(tokenizer, "a", 1, NULL, 0, &too_small, &encoding, &err), EG_E_USAGE);
    cr_assert_eq(eg_tokenizer_encode(tokenizer, "a a a", 5, NULL, 0, &second, &encoding, &err), EG_E_USAGE);
    cr_assert_eq(eg_tokenizer_encode(tokenizer, "a", 1, "a a a", 5, &first, &encoding, &err), EG_E_USAGE);
    encode(tokenizer, "a ab a ab", 9, "a", &(eg_encode_options){.max_length = 6, .truncation = EG_TRUNCATE_ONLY_FIRST},
           &encoding);
    cr_assert_str_eq(show(&encoding), "1[0,0) 3[0,1) 6[2,4) 2[0,0) 3:1[0,1) 2:1[0,0)");
    encode(tokenizer, "a ab a ab", 9, NULL, &(eg_encode_options){.max_length = 2}, &encoding);
    cr_assert_str_eq(show(&encoding), "1[0,0) 2[0,0)");
    eg_encoding_finish(&encoding);
    eg_tokenizer_close(tokenizer);
}

/* ---- Decoding ---- */

Test(tokenizer, decodes)
{
    eg_tokenizer *tokenizer = open_text(PLAIN);
    eg_strbuf text = {0};
    eg_error err;
    const int64_t ids[] = {1, 7, 8, 9, 10, 99, -1, 4, 2};
    eg_error_init(&err);
    cr_assert_eq(eg_tokenizer_decode(tokenizer, ids, 9, false, &text, &err), EG_OK);
    cr_assert_str_eq(text.data, "[CLS] unaffable.a [SEP]");
    text.length = 0;
    cr_assert_eq(eg_tokenizer_decode(tokenizer, ids, 9, true, &text, &err), EG_OK);
    cr_assert_str_eq(text.data, "unaffable.a");
    eg_strbuf_finish(&text);
    eg_tokenizer_close(tokenizer);
}

/* ---- The fast path is the components ---- */

static uint32_t
next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)(*state >> 33);
}

static size_t
random_text(uint64_t *state, char *out)
{
    static const uint32_t marks[] = {0x300, 0x323, 0x302e, 0x8d4, 0x34f, 0xad, 0x200b, 0x130, 0x1e9b, 0xac01, 0x344};
    size_t length = 0;
    for (uint32_t count = next_random(state) % 24; count > 0; count--) {
        uint32_t kind = next_random(state) % 8, c;
        if (kind < 4)
            c = "ab .[]\tA\x01"[next_random(state) % 9];
        else if (kind < 6)
            c = marks[next_random(state) % (sizeof marks / sizeof *marks)];
        else
            c = next_random(state) % (kind == 6 ? 0x3100 : 0x110000);
        if (c >= 0xd800 && c < 0xe000)
            c = 'b';
        length += eg_utf8_encode(c, out + length);
    }
    return length;
}

Test(tokenizer, gives_the_same_at_once_and_step_by_step)
{
    eg_tokenizer *fast = open_text(PLAIN);
    eg_tokenizer *slow =
        open_text(FILE_OF(SPECIALS, "{\"type\":\"Sequence\",\"normalizers\":[" BERT "]}", SPLIT, POST, MODEL(VOCAB)));
    eg_encoding a = {0}, b = {0};
    uint64_t state = 7;
    char text[128];
    for (int i = 0; i < 30000; i++) {
        size_t length = random_text(&state, text);
        encode(fast, text, length, NULL, NULL, &a);
        encode(slow, text, length, NULL, NULL, &b);
        char want[4096];
        snprintf(want, sizeof want, "%s", show(&b));
        cr_assert_str_eq(show(&a), want, "text %d: %s, not %s", i, show(&a), want);
    }
    eg_encoding_finish(&a);
    eg_encoding_finish(&b);
    eg_tokenizer_close(fast);
    eg_tokenizer_close(slow);
}

/* ---- Long texts: each would take hours if it were quadratic ---- */

static void
expect_count(const eg_tokenizer *tokenizer, const char *unit, size_t times, size_t want)
{
    eg_encoding encoding = {0};
    size_t size = strlen(unit);
    char *text = malloc(size * times);
    for (size_t i = 0; i < times; i++)
        memcpy(text + i * size, unit, size);
    encode(tokenizer, text, size * times, NULL, NULL, &encoding);
    cr_assert_eq(encoding.count, want, "%zu times '%s': %zu tokens, not %zu", times, unit, encoding.count, want);
    eg_encoding_finish(&encoding);
    free(text);
}

Test(tokenizer, takes_long_texts)
{
    const size_t million = 1000000;
    const char *const normalizers[] = {BERT, "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFC\"}," BERT "]}"};
    for (size_t i = 0; i < 2; i++) {
        char file[4096];
        snprintf(file, sizeof file, FILE_OF(SPECIALS, "%s", SPLIT, POST, MODEL(VOCAB)), normalizers[i]);
        eg_tokenizer *tokenizer = open_text(file);
        expect_count(tokenizer, "a", 10 * million, 3);
        expect_count(tokenizer, " ", million, 2);
        expect_count(tokenizer, "\u0301", million, 2);
        expect_count(tokenizer, "\u0323\u0301\u302e", million, 3);
        expect_count(tokenizer, "\u4e2d", million, million + 2);
        expect_count(tokenizer, "[SEP]", million, million + 2);
        eg_tokenizer_close(tokenizer);
    }
}

/* The worst for searching: tokens that nearly match everywhere, and blanks that each token takes. */
Test(tokenizer, takes_long_texts_of_near_matches)
{
    char nearly[3002], file[8192];
    memset(nearly, 'a', 3000);
    strcpy(nearly + 3000, "!");
    snprintf(file, sizeof file,
             FILE_OF(SPECIALS
                     ",{\"id\":14,\"content\":\"%s\"},{\"id\":15,\"content\":\"  \",\"rstrip\":true,\"lstrip\":true}",
                     BERT, SPLIT, POST, MODEL(VOCAB)),
             nearly);
    eg_tokenizer *tokenizer = open_text(file);
    expect_count(tokenizer, "a", 1000000, 3);
    expect_count(tokenizer, "a! ", 300000, 600002);
    eg_encoding encoding = {0};
    char *blanks = malloc(1000000);
    memset(blanks, ' ', 1000000);
    encode(tokenizer, blanks, 1000000, NULL, NULL, &encoding);
    cr_assert_eq(encoding.ids[1], 15);
    cr_assert_eq(encoding.ends[1], 1000000);
    eg_encoding_finish(&encoding);
    free(blanks);
    eg_tokenizer_close(tokenizer);
}

Test(tokenizer, allocates_nothing_once_grown)
{
    eg_tokenizer *tokenizer = open_text(PLAIN);
    eg_encoding encoding = {0};
    encode(tokenizer, "unaffable ab [SEP] \u00e9.", 22, "a b", NULL, &encoding);
    const int32_t *ids = encoding.ids;
    const void *work = encoding.work;
    encode(tokenizer, "a", 1, NULL, NULL, &encoding);
    cr_assert(encoding.ids == ids && encoding.work == work);
    eg_encoding_finish(&encoding);
    eg_tokenizer_close(tokenizer);
}

/* ---- Folders ---- */

static eg_status
open_folder(const test_folder *folder, eg_tokenizer **out, eg_error *err)
{
    eg_error_init(err);
    return eg_tokenizer_open(folder->path, out, err);
}

Test(tokenizer, reads_vocab_txt_as_python_does)
{
    test_folder folder = test_folder_new();
    eg_error err;
    eg_tokenizer *tokenizer;
    eg_tokenizer_info info;
    /* Line 4 is blank, "a" comes twice (the later counts), the file does not end in a line's end. */
    test_write(&folder, "vocab.txt", "[PAD]\r\n[UNK]\n[CLS]\n[SEP]\n\na\n[MASK]\na\nb ");
    test_write(&folder, "tokenizer_config.json",
               "{\"tokenizer_class\":\"BertTokenizer\",\"model_max_length\":1000000000000000019884624838656,"
               "\"padding_side\":\"left\",\"do_lower_case\":false}");
    cr_assert_eq(open_folder(&folder, &tokenizer, &err), EG_OK, "%s", test_error_line(&err));
    expect(tokenizer, "a A [MASK]", NULL, NULL, "2[0,0) 7[0,1) 1[2,3) 6[4,10) 3[0,0)");
    cr_assert_null(eg_tokenizer_token(tokenizer, 5, NULL));
    cr_assert_str_eq(eg_tokenizer_token(tokenizer, 8, NULL), "b ");
    eg_tokenizer_describe(tokenizer, &info);
    cr_assert_str_eq(info.source, "vocab.txt");
    cr_assert_str_eq(info.class_name, "BertTokenizer");
    cr_assert(info.model_max_length == 0 && info.pad_left && !info.truncate_left && info.feeds_type_ids);
    cr_assert(info.pad_id == 0 && info.unk_id == 1 && info.cls_id == 2 && info.sep_id == 3 && info.mask_id == 6);
    cr_assert(info.specials_single == 2 && info.specials_pair == 3 && info.vocab_size == 8);
    eg_tokenizer_close(tokenizer);
    test_folder_remove(&folder);
}

Test(tokenizer, reads_the_config)
{
    test_folder folder = test_folder_new();
    eg_error err;
    eg_tokenizer *tokenizer;
    eg_tokenizer_info info;
    test_write(&folder, "tokenizer.json", PLAIN);
    test_write(&folder, "tokenizer_config.json",
               "{\"model_input_names\":[\"input_ids\",\"attention_mask\"],\"model_max_length\":512,"
               "\"truncation_side\":\"left\",\"clean_up_tokenization_spaces\":true}");
    cr_assert_eq(open_folder(&folder, &tokenizer, &err), EG_OK, "%s", test_error_line(&err));
    eg_tokenizer_describe(tokenizer, &info);
    cr_assert(!info.feeds_type_ids && info.truncate_left && info.model_max_length == 512 && info.pad_id == -1);
    expect(tokenizer, "a ab ab", NULL, &(eg_encode_options){.max_length = 3}, "1[0,0) 6[5,7) 2[0,0)");
    eg_tokenizer_close(tokenizer);
    test_write(&folder, "tokenizer_config.json", "{\"tokenizer_class\":\"DistilBertTokenizerFast\"}");
    cr_assert_eq(open_folder(&folder, &tokenizer, &err), EG_OK, "%s", test_error_line(&err));
    eg_tokenizer_describe(tokenizer, &info);
    cr_assert(!info.feeds_type_ids);
    eg_tokenizer_close(tokenizer);
    test_folder_remove(&folder);
}

Test(tokenizer, names_what_a_folder_lacks)
{
    test_folder folder = test_folder_new();
    eg_error err;
    eg_tokenizer *tokenizer;
    cr_assert_eq(open_folder(&folder, &tokenizer, &err), EG_E_INPUT);
    cr_assert(strstr(test_error_line(&err), "vocab.txt"), "%s", test_error_line(&err));
    test_write(&folder, "vocab.txt", "a\nb\n");
    cr_assert_eq(open_folder(&folder, &tokenizer, &err), EG_E_INPUT);
    cr_assert(strstr(test_error_line(&err), "'[UNK]' is not in the vocabulary"), "%s", test_error_line(&err));
    test_write(&folder, "vocab.txt", "[UNK]\n\xff\n");
    cr_assert_eq(open_folder(&folder, &tokenizer, &err), EG_E_INPUT);
    test_assert_error(&err, EG_E_INPUT, 2, 1, "UTF-8");
    test_write(&folder, "tokenizer_config.json", "{\"tokenizer_class\": \"BertJapaneseTokenizer\"}");
    cr_assert_eq(open_folder(&folder, &tokenizer, &err), EG_E_INPUT);
    test_assert_error(&err, EG_E_INPUT, 1, 21, "BertJapaneseTokenizer");
    test_folder_remove(&folder);
}

/* ---- Hostile files ---- */

Test(tokenizer, refuses_bad_files_with_their_place)
{
    static const struct {
        const char *text, *part;
        uint32_t line, column;
    } cases[] = {
        {"[]", "expected an object", 1, 1},
        {"{}", "'model' is missing", 1, 1},
        {"{\"model\":{\"type\":\"Word\"}}", "'Word' is not supported", 1, 18},
        {"{\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"a\":0},\"unk_token\":\"u\"}}", "'u' is not in the vocabulary",
         1, 58},
        {"{\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"a\",\n\"vocab\":{\"a\":0,\n\"b\":0}}}", "another entry's",
         3, 5},
        {"{\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"a\",\n\"vocab\":{\"a\":0,\n\"b\":-1}}}", "id -1", 3, 5},
        {"{\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"a\",\n\"vocab\":{\"a\":0,\n\"b\":2147483648}}}",
         "id 2147483648", 3, 5},
        {"{\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"a\",\n\"vocab\":{\"a\":0,\n\"b\":2000000}}}", "few gaps",
         3, 5},
        {"{\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"a\",\n\"vocab\":{\"a\":0,\n\"b\":1.5}}}", "an id", 3, 5},
        {"{\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"a\",\n\"vocab\":{\"a\":0,\n\"a\":1}}}", "a", 3, 1},
        {FILE_OF(SPECIALS, "{\"type\":\"Postcompiled\"}", SPLIT, POST, MODEL(VOCAB)), "'Postcompiled'", 2, 22},
        {FILE_OF(SPECIALS, BERT, "{\"type\":\"UnicodeScripts\"}", POST, MODEL(VOCAB)), "'UnicodeScripts'", 3, 25},
        {FILE_OF(SPECIALS, BERT, SPLIT, "{\"type\":\"Sequence\"}", MODEL(VOCAB)), "'processors' is missing", 4, 18},
        {FILE_OF(SPECIALS, "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"(a+)+$\"},\"content\":\"\"}", SPLIT, POST,
                 MODEL(VOCAB)),
         "Regex", 2, 51},
        {FILE_OF(SPECIALS, BERT, SPLIT, "{\"type\":\"BertProcessing\",\"sep\":[\"x\",99],\"cls\":[\"y\",1]}",
                 MODEL(VOCAB)),
         "id 99", 4, 54},
        {FILE_OF(SPECIALS, BERT, SPLIT,
                 "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"[X]\",\"type_id\":0}}],"
                 "\"pair\":[],\"special_tokens\":{}}",
                 MODEL(VOCAB)),
         "'[X]'", 4, 79},
        {FILE_OF(SPECIALS, BERT, SPLIT, "{\"type\":\"TemplateProcessing\",\"single\":[],\"pair\":[]}", MODEL(VOCAB)),
         "sequence A", 4, 56},
        {FILE_OF("{\"id\":2147483647,\"content\":\"<x>\"}", BERT, SPLIT, POST, MODEL(VOCAB)), "vocabulary is 14", 1,
         34},
        {FILE_OF("{\"id\":4,\"content\":\"a\"}", BERT, SPLIT, POST, MODEL(VOCAB)), "vocabulary is 3", 1, 34},
        {FILE_OF("{\"id\":-5,\"content\":\"<x>\"}", BERT, SPLIT, POST, MODEL(VOCAB)), "out of range", 1, 40},
        {"{\"truncation\":{\"max_length\":8,\"stride\":8},\"model\":{}}", "stride", 1, 40},
        {"{\"model\":", "", 1, 10},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        eg_error err;
        eg_tokenizer *tokenizer;
        eg_error_init(&err);
        eg_status status = eg_tokenizer_open_json(cases[i].text, strlen(cases[i].text), "t.json", &tokenizer, &err);
        cr_assert_eq(status, EG_E_INPUT, "accepted: %s", cases[i].text);
        test_assert_error(&err, EG_E_INPUT, cases[i].line, cases[i].column, cases[i].part);
    }
}

Test(tokenizer, refuses_deep_sequences)
{
    for (size_t depth = 20; depth <= 100000; depth *= 5000) {
        eg_error err;
        eg_tokenizer *tokenizer;
        eg_strbuf text = {0};
        eg_error_init(&err);
        eg_strbuf_puts(&text, "{\"model\":" MODEL(VOCAB) ",\"normalizer\":");
        for (size_t i = 0; i < depth; i++)
            eg_strbuf_puts(&text, "{\"type\":\"Sequence\",\"normalizers\":[");
        for (size_t i = 0; i < depth; i++)
            eg_strbuf_puts(&text, "]}");
        eg_strbuf_puts(&text, "}");
        cr_assert_eq(eg_tokenizer_open_json(text.data, text.length, "t.json", &tokenizer, &err), EG_E_INPUT);
        cr_assert(err.line == 1 && err.column > 1, "%s", test_error_line(&err));
        eg_strbuf_finish(&text);
    }
}

/* --- windows ------------------------------------------------------------------------------------- */

/* "a" with "aab ab unaffable", whose words have three tokens, one and three. */
static eg_status
windows_of(eg_tokenizer *tokenizer, uint32_t max_length, uint32_t stride, eg_windows *windows, eg_encoding *encoding,
           eg_error *err)
{
    static const char text[] = "a", pair[] = "aab ab unaffable";
    *windows = (eg_windows){.max_length = max_length, .stride = stride};
    eg_error_init(err);
    return eg_windows_begin(tokenizer, text, strlen(text), pair, strlen(pair), windows, encoding, err);
}

static const char *
show_window(eg_tokenizer *tokenizer, const eg_windows *windows, uint32_t i, eg_encoding *encoding)
{
    static char buffer[256];
    eg_error err;
    cr_assert_eq(eg_windows_take(tokenizer, windows, i, encoding, &err), EG_OK);
    size_t used = (size_t)snprintf(buffer, sizeof buffer, "%zu+%zu:", encoding->pair_begin, encoding->pair_count);
    for (size_t k = 0; k < encoding->count; k++)
        used += (size_t)snprintf(buffer + used, sizeof buffer - used, " %d/%d", encoding->ids[k],
                                 encoding->words[k] == EG_NO_WORD ? -1 : (int)encoding->words[k]);
    return buffer;
}

Test(tokenizer, windows_overlap_by_the_stride_and_know_the_words)
{
    eg_tokenizer *tokenizer = open_text(PLAIN);
    eg_encoding encoding = {0};
    eg_windows windows;
    eg_error err;
    /* [CLS] a [SEP] … [SEP]: four of eight, and of the second text's seven tokens three are new in each window */
    cr_assert_eq(windows_of(tokenizer, 8, 1, &windows, &encoding, &err), EG_OK);
    cr_expect_eq(windows.count, 2);
    cr_expect_str_eq(show_window(tokenizer, &windows, 0, &encoding), "3+4: 1/-1 3/0 2/-1 3/0 4/0 5/0 6/1 2/-1");
    cr_expect_str_eq(show_window(tokenizer, &windows, 1, &encoding), "3+4: 1/-1 3/0 2/-1 6/1 7/2 8/2 9/2 2/-1");
    eg_encoding_finish(&encoding);
    eg_tokenizer_close(tokenizer);
}

Test(tokenizer, a_stride_that_leaves_nothing_new_is_half_a_window)
{
    eg_tokenizer *tokenizer = open_text(PLAIN);
    eg_encoding encoding = {0};
    eg_windows windows;
    eg_error err;
    cr_assert_eq(windows_of(tokenizer, 8, 4, &windows, &encoding, &err), EG_OK);
    cr_expect_eq(windows.step, 2);
    cr_expect_eq(windows.count, 3);
    cr_assert_eq(windows_of(tokenizer, 5, 100, &windows, &encoding, &err), EG_OK);
    cr_expect_eq(windows.count, 7);
    cr_expect_eq(windows_of(tokenizer, 4, 0, &windows, &encoding, &err), EG_E_INPUT);
    cr_expect(strstr(err.message, "4 tokens without its pair"), "%s", err.message);
    eg_encoding_finish(&encoding);
    eg_tokenizer_close(tokenizer);
}
