/* SPDX-License-Identifier: Apache-2.0 */
/* SentencePiece: models (protobuf) and charsmaps, good and hostile; Replace with patterns. Equality with the library is
 * shown in tests/golden. */
#include <criterion/criterion.h>
#include <math.h>

#include "tests/unit/failing_alloc.h"
#include "tests/unit/support.h"
#include "tests/unit/tokenizer_text.h"

/* ---- Models as bytes ---- */

static void
put_varint(eg_strbuf *out, uint64_t n)
{
    for (; n >= 0x80; n >>= 7)
        eg_strbuf_putc(out, (char)(n | 0x80));
    eg_strbuf_putc(out, (char)n);
}

static void
put_bytes(eg_strbuf *out, unsigned field, const char *bytes, size_t length)
{
    put_varint(out, field << 3 | 2);
    put_varint(out, length);
    eg_strbuf_append(out, bytes, length);
}

static void
put_message(eg_strbuf *out, unsigned field, eg_strbuf *inside)
{
    put_bytes(out, field, inside->data ? inside->data : "", inside->length);
    eg_strbuf_finish(inside);
}

static void
put_u32(eg_strbuf *out, uint32_t n)
{
    for (int i = 0; i < 4; i++)
        eg_strbuf_putc(out, (char)(n >> 8 * i));
}

static void
put_piece(eg_strbuf *out, const char *text, size_t length, float score, unsigned kind)
{
    eg_strbuf piece = {0};
    uint32_t bits;
    memcpy(&bits, &score, sizeof bits);
    put_bytes(&piece, 1, text, length);
    eg_strbuf_putc(&piece, 2 << 3 | 5);
    put_u32(&piece, bits);
    eg_strbuf_putc(&piece, 3 << 3 | 0);
    put_varint(&piece, kind);
    put_message(out, 1, &piece);
}

#define PIECE(out, text, score, kind) put_piece(out, text, strlen(text), score, kind)

/* <unk> <s> </s>, "▁a" (3), "▁" (4), "a" (5), "b" with a NUL (6) */
static void
put_pieces(eg_strbuf *out)
{
    PIECE(out, "<unk>", 0, 2);
    PIECE(out, "<s>", 0, 3);
    PIECE(out, "</s>", 0, 3);
    PIECE(out,
          "\xe2\x96\x81"
          "a",
          -1, 1);
    PIECE(out, "\xe2\x96\x81", -2, 1);
    PIECE(out, "a", -3, 1);
    put_piece(out, "b\0", 2, -4, 1);
}

enum { UNITS = 768, ROOT_CHILDREN = 256, VALUES = 512 };

/* A charsmap whose one key is "A", replaced by "a". */
static void
put_charsmap(eg_strbuf *out)
{
    uint32_t units[UNITS] = {0}, key = ROOT_CHILDREN ^ 'A';
    units[0] = (uint32_t)ROOT_CHILDREN << 10;
    units[key] = 'A' | 1u << 8 | (key ^ VALUES) << 10;
    units[VALUES] = UINT32_C(1) << 31;
    put_u32(out, sizeof units);
    for (size_t i = 0; i < UNITS; i++)
        put_u32(out, units[i]);
    eg_strbuf_append(out, "a", 2);
}

static void
put_normalizer(eg_strbuf *out)
{
    eg_strbuf charsmap = {0}, normalizer = {0};
    put_charsmap(&charsmap);
    put_message(&normalizer, 2, &charsmap);
    put_message(out, 3, &normalizer);
}

static const char *const xlmr = "{\"tokenizer_class\":\"XLMRobertaTokenizer\"}";

static eg_status
open_model(const char *file, const eg_strbuf *model, const char *config_file, const char *config, eg_tokenizer **out,
           eg_error *err)
{
    test_folder folder = test_folder_new();
    eg_error_init(err);
    test_write_bytes(&folder, file, model->data ? model->data : "", model->length);
    if (config)
        test_write(&folder, config_file, config);
    eg_status status = eg_tokenizer_open(folder.path, out, err);
    test_folder_remove(&folder);
    return status;
}

static void
expect_tokens(const eg_tokenizer *tokenizer, const char *text, size_t length, const char *want)
{
    eg_encoding encoding = {0};
    eg_strbuf shown = {0};
    eg_error err;
    eg_error_init(&err);
    cr_assert_eq(eg_tokenizer_encode(tokenizer, text, length, NULL, 0, NULL, &encoding, &err), EG_OK, "%s",
                 test_error_line(&err));
    for (size_t i = 0; i < encoding.count; i++)
        eg_strbuf_printf(&shown, "%s%d[%u,%u)", i ? " " : "", encoding.ids[i], encoding.starts[i], encoding.ends[i]);
    cr_assert_str_eq(shown.data, want, "%s, not %s", shown.data, want);
    eg_strbuf_finish(&shown);
    eg_encoding_finish(&encoding);
}

Test(tokenizer_sentencepiece, reads_a_model)
{
    eg_strbuf model = {0};
    eg_tokenizer *tokenizer;
    eg_tokenizer_info info;
    eg_error err;
    put_normalizer(&model); /* fields come in any order */
    put_pieces(&model);
    cr_assert_eq(open_model("sentencepiece.bpe.model", &model, "tokenizer_config.json", xlmr, &tokenizer, &err), EG_OK,
                 "%s", test_error_line(&err));
    eg_tokenizer_describe(tokenizer, &info);
    cr_assert_str_eq(info.source, "sentencepiece.bpe.model");
    cr_assert_str_eq(info.model, "Unigram");
    cr_assert(info.vocab_size == 9 && info.unk_id == 3 && info.mask_id == 8 && info.specials_pair == 4);
    /* Ids are one up; A is mapped to a; the piece with a NUL is one. */
    expect_tokens(tokenizer, "aA b\0<mask>", 11, "0[0,0) 4[0,1) 6[1,2) 5[3,4) 7[3,5) 8[5,11) 2[0,0)");
    eg_tokenizer_close(tokenizer);
    eg_strbuf_finish(&model);
}

Test(tokenizer_sentencepiece, takes_the_class_of_the_model)
{
    eg_strbuf model = {0};
    eg_tokenizer *tokenizer;
    eg_error err;
    put_pieces(&model);
    cr_assert_eq(open_model("sentencepiece.bpe.model", &model, "config.json",
                            "{\"architectures\":[\"CamembertForMaskedLM\"]}", &tokenizer, &err),
                 EG_OK, "%s", test_error_line(&err));
    expect_tokens(tokenizer, "a", 1, "5[0,0) 7[0,1) 6[0,0)");
    eg_tokenizer_close(tokenizer);
    cr_assert_eq(open_model("spiece.model", &model, NULL, NULL, &tokenizer, &err), EG_E_INPUT);
    cr_assert(strstr(test_error_line(&err), "spiece.model") && strstr(test_error_line(&err), "tokenizer_class"), "%s",
              test_error_line(&err));
    cr_assert_eq(open_model("spiece.model", &model, "config.json", "{\"tokenizer_class\":\"MarianTokenizer\"}",
                            &tokenizer, &err),
                 EG_E_INPUT);
    cr_assert(strstr(test_error_line(&err), "'MarianTokenizer'"), "%s", test_error_line(&err));
    eg_strbuf_finish(&model);
}

/* What is put behind good pieces, and what the error says. */
static const struct hostile {
    const char *bytes;
    size_t length;
    const char *message;
} hostile[] = {
#define BYTES(text) text, sizeof text - 1
    {BYTES("\xff\xff"), "cut off"},
    {BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "more than 64 bits"},
    {BYTES("\x0a\x05"
           "abc"),
     "5 bytes where 3 are left"},
    {BYTES("\x0a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"), "9223372036854775808 bytes where 0 are left"},
    {BYTES("\x02\x00"), "no field has this number"},
    {BYTES("\x0b\x0c"), "a value of this kind is not known"},
    {BYTES("\x08\x01"), "wrong kind"},
    {BYTES("\x0a\x00"), "a piece is empty"},
    {BYTES("\x0a\x03\x0a\x01"
           "a"),
     "the piece 'a' is there twice"},
    {BYTES("\x0a\x03\x0a\x01\xff"), "not valid UTF-8"},
    {BYTES("\x0a\x08\x0a\x01q\x15\x00\x00\xc0\x7f"), "score is not finite"},
    {BYTES("\x0a\x08\x0a\x01q\x15\x00\x00\x80\xff"), "score is not finite"},
    {BYTES("\x0a\x05\x0a\x01q\x18\x07"), "type is not one of 1 to 6"},
    {BYTES("\x0a\x05\x0a\x01q\x10\x07"), "wrong kind"},
    {BYTES("\x0a\x05\x0a\x01q\x18\x02"), "2 unknown pieces"},
    {BYTES("\x12\x02\x18\x05"), "type is not one of 1 to 4"},
    {BYTES("\x12\x02\x18\x02"), "the model's type 2 is not supported"},
    {BYTES("\x12\x03\xc0\x02\x07"), "unk_id is 7 in a model of 7 pieces"},
    {BYTES("\x12\x0c\xc0\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "unk_id is -1"},
    {BYTES("\x1a\x02\x12\x01"), "1 bytes where 0 are left"},
    {BYTES("\x1a\x03\x12\x01\x00"), "the charsmap has 1 bytes"},
    {BYTES("\x1a\x06\x12\x04\xff\xff\xff\xff"), "the charsmap has 4 bytes, and its trie 4294967295"},
    {BYTES("\x1a\x06\x12\x04\x00\x00\x00\x00"), "the charsmap's trie has 0 bytes"},
};

Test(tokenizer_sentencepiece, refuses_bad_models)
{
    eg_tokenizer *tokenizer;
    eg_error err;
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        eg_strbuf model = {0};
        put_pieces(&model);
        eg_strbuf_append(&model, hostile[i].bytes, hostile[i].length);
        cr_assert_eq(open_model("sentencepiece.bpe.model", &model, "tokenizer_config.json", xlmr, &tokenizer, &err),
                     EG_E_INPUT, "%s", hostile[i].message);
        cr_assert_null(tokenizer);
        cr_assert(strstr(test_error_line(&err), hostile[i].message) &&
                      strstr(test_error_line(&err), "sentencepiece.bpe.model"),
                  "'%s' is not in: %s", hostile[i].message, test_error_line(&err));
        eg_strbuf_finish(&model);
    }
}

Test(tokenizer_sentencepiece, refuses_models_without_pieces)
{
    static const char nested[] = "\x2a\x0a\x0a\x08\x0a\x06\x0a\x04\x0a\x02\x0a\x7f"; /* is passed over, not entered */
    eg_tokenizer *tokenizer;
    eg_error err;
    eg_strbuf model = {0};
    cr_assert_eq(open_model("spm.model", &model, "tokenizer_config.json",
                            "{\"tokenizer_class\":\"DebertaV2Tokenizer\"}", &tokenizer, &err),
                 EG_E_INPUT);
    cr_assert(strstr(test_error_line(&err), "no pieces"), "%s", test_error_line(&err));
    eg_strbuf_append(&model, nested, sizeof nested - 1);
    cr_assert_eq(open_model("spm.model", &model, "tokenizer_config.json",
                            "{\"tokenizer_class\":\"DebertaV2Tokenizer\"}", &tokenizer, &err),
                 EG_E_INPUT);
    cr_assert(strstr(test_error_line(&err), "no pieces"), "%s", test_error_line(&err));
    PIECE(&model, "a", 0, 1);
    cr_assert_eq(open_model("spm.model", &model, "tokenizer_config.json",
                            "{\"tokenizer_class\":\"DebertaV2Tokenizer\"}", &tokenizer, &err),
                 EG_E_INPUT);
    cr_assert(strstr(test_error_line(&err), "0 unknown pieces"), "%s", test_error_line(&err));
    eg_strbuf_finish(&model);
}

/* ---- Normalizers of tokenizer.json ---- */

#define WITH_NORMALIZER(normalizer)                                                                                    \
    "{\"normalizer\":" normalizer ",\n\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"u\",0],[\" \",-1],"   \
    "[\"a\",-1]]}}"
#define CHARSMAP(text) WITH_NORMALIZER("{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"" text "\"}")
#define REGEX(text) WITH_NORMALIZER("{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"" text "\"},\"content\":\" \"}")

Test(tokenizer_sentencepiece, refuses_bad_normalizers)
{
    static const struct {
        const char *file, *message;
    } cases[] = {
        {CHARSMAP(""), "the charsmap has 0 bytes"},
        {CHARSMAP("AAA"), "not base 64: 3 characters"},
        {CHARSMAP("AA?A"), "not base 64 at character 1"},
        {CHARSMAP("AAAA=AAA"), "not base 64 at character 5"},
        {CHARSMAP("AAAAAB=="), "not base 64 at character 5"},
        {CHARSMAP("AAQAAA=="), "the charsmap has 4 bytes, and its trie 1024"},
        {CHARSMAP("BAAAAAAAAAA="), "the charsmap's trie has 4 bytes"},
        {REGEX("(a+)+$"), "the Regex '(a+)+$' of Replace is not supported"},
        {REGEX(" {2,}?"), "' {2,}?'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        eg_tokenizer *tokenizer;
        eg_error err;
        eg_error_init(&err);
        cr_assert_eq(eg_tokenizer_open_json(cases[i].file, strlen(cases[i].file), "t.json", &tokenizer, &err),
                     EG_E_INPUT, "%s", cases[i].message);
        cr_assert(strstr(test_error_line(&err), cases[i].message) && err.line == 1, "'%s' is not in: %s",
                  cases[i].message, test_error_line(&err));
    }
}

Test(tokenizer_sentencepiece, replaces_patterns)
{
    expect(REGEX("\\\\s{2,}|[\\\\n\\\\r\\\\t]"), "a  \na\ta\xc2\xa0", "2[0,1) 1[3,4) 2[4,5) 1[5,6) 2[6,7) 0[7,8)");
    expect(REGEX(" {2,}"), "a   a a", "2[0,1) 1[3,4) 2[4,5) 1[5,6) 2[6,7)");
    expect(REGEX("xy"), "axya", "2[0,1) 1[2,3) 2[3,4)"); /* no sign of its own: a String */
}

/* ---- A place of a charsmap spoiled ---- */

static void
spoil(size_t unit, uint32_t value, size_t cut, const char *message)
{
    eg_strbuf charsmap = {0}, normalizer = {0}, model = {0};
    eg_tokenizer *tokenizer;
    eg_error err;
    put_charsmap(&charsmap);
    for (int i = 0; i < 4; i++)
        charsmap.data[4 + 4 * unit + (size_t)i] = (char)(value >> 8 * i);
    charsmap.length -= cut;
    put_message(&normalizer, 2, &charsmap);
    put_pieces(&model);
    put_message(&model, 3, &normalizer);
    cr_assert_eq(open_model("sentencepiece.bpe.model", &model, "tokenizer_config.json", xlmr, &tokenizer, &err),
                 EG_E_INPUT, "%s", message);
    cr_assert(strstr(test_error_line(&err), message), "'%s' is not in: %s", message, test_error_line(&err));
    eg_strbuf_finish(&model);
}

Test(tokenizer_sentencepiece, refuses_charsmaps_that_point_outside)
{
    spoil(0, UINT32_C(4096) << 10, 0, "unit 0 of the charsmap points to unit 4096 of 768");
    spoil(VALUES, 0, 0, "ends a key and has no replacement");
    spoil(VALUES, UINT32_C(1) << 31 | 2, 0, "begins at byte 2 of 2");
    spoil(VALUES, UINT32_C(1) << 31, 1, "last replacement does not end");
}

/* ---- Memory ---- */

Test(tokenizer_sentencepiece, survives_any_failed_allocation)
{
    test_folder folder = test_folder_new();
    eg_strbuf model = {0};
    eg_tokenizer *tokenizer;
    eg_error err;
    eg_status status = EG_E_NOMEM;
    put_pieces(&model);
    put_normalizer(&model);
    test_write_bytes(&folder, "sentencepiece.bpe.model", model.data, model.length);
    test_write(&folder, "tokenizer_config.json", xlmr);
    for (size_t n = 0; status != EG_OK && n < 10000; n++) {
        eg_error_init(&err);
        fail_allocation(n, false);
        status = eg_tokenizer_open(folder.path, &tokenizer, &err);
        bool failed = allocations_work();
        cr_assert(status == EG_OK || (status == EG_E_NOMEM && failed), "%zu: %s", n, test_error_line(&err));
    }
    cr_assert_eq(status, EG_OK);
    eg_tokenizer_close(tokenizer);
    eg_strbuf_finish(&model);
    test_folder_remove(&folder);
}
