/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokenizers with each of their allocations failing in turn, or that one and all behind it: opening, encoding and
 * decoding say so, and nothing leaks (the sanitizer build sees that).
 */
#include <criterion/criterion.h>
#include <dirent.h>

#include "frontend/tokenizer.h"
#include "tests/unit/failing_alloc.h"
#include "tests/unit/support.h"

#define TEXT                                                                                                           \
    "A Caf\xc3\xa9, \xe4\xb8\xad\xe6\x96\x87  <m> e\xcc\x81\xcc\xa3 \xef\xac\x81 dogs' "                               \
    "12\r\nxyxyxyxyxyxyxyxyxyxyxyxyxyxy "                                                                              \
    "\xea\xb0\x80 ``q'' \xe2\x84\xa2 don't <n>"

typedef eg_status (*open_fn)(const void *from, eg_tokenizer **out, eg_error *err);

static eg_status
open_folder(const void *from, eg_tokenizer **out, eg_error *err)
{
    return eg_tokenizer_open(from, out, err);
}

static eg_status
open_text(const void *from, eg_tokenizer **out, eg_error *err)
{
    return eg_tokenizer_open_json(from, strlen(from), "t.json", out, err);
}

static eg_status
encode(const eg_tokenizer *tokenizer, eg_encode_options options, eg_encoding *encoding, eg_error *err)
{
    return eg_tokenizer_encode(tokenizer, TEXT, strlen(TEXT), "a pair", 6, &options, encoding, err);
}

static eg_status
use(const eg_tokenizer *tokenizer, eg_encoding *encoding, eg_error *err)
{
    eg_windows windows = {.max_length = 400, .stride = 2};
    eg_strbuf text = {0};
    int64_t ids[8];
    EG_TRY(encode(tokenizer, (eg_encode_options){.ids_only = true}, encoding, err));
    EG_TRY(encode(tokenizer, (eg_encode_options){.words = true}, encoding, err));
    EG_TRY(encode(tokenizer, (eg_encode_options){.max_length = 60}, encoding, err));
    size_t count = encoding->count < 8 ? encoding->count : 8;
    for (size_t i = 0; i < count; i++)
        ids[i] = encoding->ids[i];
    eg_status status = eg_tokenizer_decode(tokenizer, ids, count, false, &text, err);
    eg_strbuf_finish(&text);
    EG_TRY(status);
    EG_TRY(eg_windows_begin(tokenizer, "a", 1, TEXT, strlen(TEXT), &windows, encoding, err));
    return eg_windows_take(tokenizer, &windows, 0, encoding, err);
}

static eg_status
attempt(open_fn open, const void *from, eg_error *err)
{
    eg_tokenizer *tokenizer;
    eg_encoding encoding = {0};
    EG_TRY(open(from, &tokenizer, err));
    eg_status status = use(tokenizer, &encoding, err);
    eg_encoding_finish(&encoding);
    eg_tokenizer_close(tokenizer);
    return status;
}

static void
fail_each(const char *name, open_fn open, const void *from)
{
    for (int once = 0; once <= 1; once++) {
        bool failed = true;
        size_t n = 0;
        for (; failed && n < 100000; n++) {
            eg_error err;
            eg_error_init(&err);
            fail_allocation(n, once);
            eg_status status = attempt(open, from, &err);
            failed = allocations_work();
            bool right = failed ? status == EG_E_NOMEM : status == EG_OK;
            right |= once && status == EG_OK; /* a word that the cache had no room for is encoded again */
            cr_assert(right, "%s, allocation %zu, once %d: %s", name, n, once, test_error_line(&err));
        }
        cr_assert(!failed && n > 10, "%s: %zu", name, n);
    }
}

/* ---- tokenizer.json ---- */

#define ADDED                                                                                                          \
    "\"added_tokens\":[{\"id\":8,\"content\":\"<m>\",\"lstrip\":true,\"rstrip\":true,\"special\":true},"               \
    "{\"id\":9,\"content\":\"<N>\",\"normalized\":true,\"single_word\":true}]"
#define VOCAB "{\"u\":0,\"a\":1,\"x\":2,\"y\":3,\"xy\":4,\"xyxy\":5,\"##a\":6,\"e\":7}"
#define PIECES                                                                                                         \
    "[[\"u\",0],[\"a\",-1],[\"x\",-2],[\"y\",-2],[\"xy\",-3],[\"xyxy\",-5],[\"\xe2\x96\x81\xe2\x96\x81\",-6],[\"e\",-" \
    "2]]"
#define WORDPIECE                                                                                                      \
    "{\"type\":\"WordPiece\",\"unk_token\":\"u\",\"continuing_subword_prefix\":\"##\",\"max_input_chars_per_word\":9," \
    "\"vocab\":" VOCAB "}"
#define BPE(more)                                                                                                      \
    "{\"type\":\"BPE\",\"unk_token\":\"u\"," more "\"vocab\":" VOCAB ",\"merges\":[[\"x\",\"y\"],\"xy xy\"]}"
#define UNIGRAM "{\"type\":\"Unigram\",\"unk_id\":0,\"byte_fallback\":true,\"vocab\":" PIECES "}"
#define LIST(key, parts) "{\"type\":\"Sequence\",\"" key "\":[" parts "]}"
#define TYPE(name) "{\"type\":\"" name "\"}"
#define REPLACE(pattern) "{\"type\":\"Replace\",\"pattern\":{" pattern "},\"content\":\" \"}"
#define SPLIT(pattern) "{\"type\":\"Split\",\"pattern\":{" pattern "},\"behavior\":\"MergedWithNext\",\"invert\":false}"
#define WORDS                                                                                                          \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}{1,3}| "                             \
    "?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*"                                                                          \
    "|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+"
#define PIPELINE(normalizer, pretokenizer, post, decoder, model)                                                       \
    "{" ADDED ",\"normalizer\":" normalizer ",\"pre_tokenizer\":" pretokenizer ",\"post_processor\":" post             \
    ",\"decoder\":" decoder ",\"model\":" model "}"
#define ENDS(type) "{\"type\":\"" type "\",\"sep\":[\"a\",1],\"cls\":[\"x\",2]}"
#define TEMPLATE                                                                                                       \
    "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"s\",\"type_id\":0}},{\"Sequence\":{"     \
    "\"id\":"                                                                                                          \
    "\"A\",\"type_id\":0}}],\"pair\":[{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},{\"Sequence\":{\"id\":\"B\",\"type_" \
    "id\":1}"                                                                                                          \
    "}],\"special_tokens\":{\"s\":{\"id\":\"s\",\"ids\":[1,2],\"tokens\":[\"a\",\"x\"]}}}"

static const char *const pipelines[] = {
    PIPELINE(TYPE("BertNormalizer"), TYPE("BertPreTokenizer"), ENDS("BertProcessing"), TYPE("WordPiece"), WORDPIECE),
    PIPELINE(LIST("normalizers", TYPE("NFKD") "," TYPE("StripAccents") "," TYPE("Lowercase") "," TYPE(
                                     "NFC") "," REPLACE("\"String\":\"af\"") "," REPLACE("\"Regex\":\"\\\\s{2,}\"")),
             LIST("pretokenizers", TYPE("Whitespace") "," TYPE("Punctuation") "," TYPE("Digits")), TEMPLATE,
             LIST("decoders", TYPE("WordPiece") "," TYPE("Fuse")), WORDPIECE),
    PIPELINE(LIST("normalizers", TYPE("Nmt") "," TYPE("Strip") ",{\"type\":\"Prepend\",\"prepend\":\"xy\"}"),
             TYPE("Metaspace"), "null", TYPE("Metaspace"), UNIGRAM),
    PIPELINE("null", LIST("pretokenizers", TYPE("WhitespaceSplit") "," TYPE("Metaspace")), TEMPLATE,
             LIST("decoders", TYPE("ByteFallback") "," TYPE("Fuse") ",{\"type\":\"Strip\",\"content\":\" \"}"),
             UNIGRAM),
    PIPELINE("null", TYPE("ByteLevel"), ENDS("RobertaProcessing"), TYPE("ByteLevel"), BPE("")),
    PIPELINE(TYPE("NFC"),
             LIST("pretokenizers", SPLIT("\"Regex\":\"" WORDS "\"") ",{\"type\":\"ByteLevel\",\"use_regex\":false}"),
             LIST("processors", TYPE("ByteLevel") "," TEMPLATE), TYPE("ByteLevel"), BPE("\"ignore_merges\":true,")),
    PIPELINE(TYPE("NFKC"), SPLIT("\"String\":\"x\""), "null",
             LIST("decoders", TYPE("BPEDecoder") "," REPLACE("\"String\":\"a\"")),
             BPE("\"fuse_unk\":true,\"byte_fallback\":true,")),
    PIPELINE(TYPE("NFD"), TYPE("WhitespaceSplit"), "null",
             "{\"type\":\"CTC\",\"pad_token\":\"u\",\"word_delimiter_token\":\"|\",\"cleanup\":true}",
             "{\"type\":\"WordLevel\",\"unk_token\":\"u\",\"vocab\":" VOCAB "}"),
};

Test(tokenizer_memory, pipelines)
{
    char name[32];
    for (size_t i = 0; i < sizeof pipelines / sizeof *pipelines; i++) {
        snprintf(name, sizeof name, "pipeline %zu", i);
        fail_each(name, open_text, pipelines[i]);
    }
}

/* ---- Folders without tokenizer.json ---- */

Test(tokenizer_memory, vocab_txt)
{
    test_folder folder = test_folder_new();
    test_write(&folder, "vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##b\ndog\n");
    test_write(&folder, "tokenizer_config.json",
               "{\"tokenizer_class\":\"BertTokenizer\",\"added_tokens_decoder\":{\"8\":{\"content\":\"<m>\"}}}");
    test_write(&folder, "special_tokens_map.json", "{\"mask_token\":\"[MASK]\"}");
    fail_each("vocab.txt", open_folder, folder.path);
    test_folder_remove(&folder);
}

Test(tokenizer_memory, merges)
{
    test_folder folder = test_folder_new();
    test_write(&folder, "vocab.json",
               "{\"<s>\":0,\"<pad>\":1,\"</s>\":2,\"<unk>\":3,\"<mask>\":4,\"x\":5,\"y\":6,\"xy\":7}");
    test_write(&folder, "merges.txt", "#version: 0.2\nx y\n");
    test_write(&folder, "added_tokens.json", "{\"<m>\":8}");
    test_write(&folder, "config.json", "{\"model_type\":\"roberta\"}");
    fail_each("merges.txt", open_folder, folder.path);
    test_folder_remove(&folder);
}

/* The folders that the golden tests read. */
static void
fail_each_in(const char *kind)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", GOLDEN_FOLDER, kind);
    DIR *folders = opendir(path);
    cr_assert(folders, "%s", path);
    size_t count = 0;
    for (struct dirent *entry; (entry = readdir(folders));) {
        struct stat is;
        snprintf(path, sizeof path, "%s/%s/%s", GOLDEN_FOLDER, kind, entry->d_name);
        if (entry->d_name[0] == '.' || stat(path, &is) != 0 || !S_ISDIR(is.st_mode))
            continue;
        fail_each(path, open_folder, path);
        count++;
    }
    closedir(folders);
    cr_assert_gt(count, 3);
}

Test(tokenizer_memory, sentencepiece)
{
    fail_each_in("sentencepiece");
}

Test(tokenizer_memory, python_classes)
{
    fail_each_in("classes");
}
