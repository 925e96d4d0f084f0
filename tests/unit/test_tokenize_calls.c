/* SPDX-License-Identifier: Apache-2.0 */
/*
 * eg_tokenize() from call to call: texts are tokenised the same on one thread, on several, and by two callers at once; and
 * a text that was there before needs no memory but that of its result.
 */
#include <pthread.h>

#include "engine_programs.h"
#include "failing_alloc.h"
#include "frontend/tokenizer.h"

enum { TEXTS = 400, CALLERS = 3, ROUNDS = 6, LONG_TEXT = 60000 };

static int failures;

static void
check(const eg_error *err, bool good, const char *what)
{
    tiny_check(err, &failures, good, what);
}

/* ---- Texts of all lengths ---- */

typedef struct text_list {
    char *memory;
    eg_string items[TEXTS];
} text_list;

static void
make_texts(text_list *out)
{
    static const char *const parts[] = {"the cat ", "abc",   "dogs ", "\u00e9t\u00e9 ", "a b c d. ",
                                        "[MASK]",   "     ", "zzzz",  "\u6f22\u5b57",   "aaaaaaaaaaaaaaaaaaaa"};
    uint32_t random = 5;
    char *at = out->memory = malloc(TEXTS * 4200);
    for (size_t i = 0; i < TEXTS; i++) {
        size_t most = i % 40 == 7 ? 4000 : 4 * (i % 50);
        out->items[i].data = at;
        while ((size_t)(at - out->items[i].data) < most) {
            random = random * 1664525u + 1013904223u;
            const char *part = parts[(random >> 16) % (sizeof parts / sizeof *parts)];
            at = stpcpy(at, part);
        }
        out->items[i].length = (size_t)(at - out->items[i].data);
    }
}

static eg_status
tokenize(const eg_model *model, const eg_string *items, uint32_t count, uint32_t ids_only, eg_result **out,
         eg_error *err)
{
    const eg_input input = {.size = sizeof input, .count = count, .texts = items};
    const eg_tokenize_options options = {.size = sizeof options, .ids_only = ids_only};
    return eg_tokenize(model, &input, &options, out, err);
}

static bool
same_tokens(const eg_tokens_view *a, const eg_tokens_view *b)
{
    size_t size = a->count * sizeof *a->ids;
    if (a->count != b->count || memcmp(a->ids, b->ids, size) != 0 || memcmp(a->type_ids, b->type_ids, size) != 0 ||
        memcmp(a->attention_mask, b->attention_mask, size) != 0 || memcmp(a->offsets, b->offsets, 2 * size) != 0)
        return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (strcmp(a->tokens[i], b->tokens[i]) != 0)
            return false;
    return true;
}

static bool
same_results(const eg_result *a, const eg_result *b)
{
    for (uint32_t i = 0; i < TEXTS; i++) {
        eg_tokens_view left = {.size = sizeof left}, right = {.size = sizeof right};
        if (eg_result_tokens(a, i, &left) != EG_OK || eg_result_tokens(b, i, &right) != EG_OK ||
            !same_tokens(&left, &right))
            return false;
    }
    return true;
}

/* ---- Threads ---- */

typedef struct caller {
    const eg_model *model;
    const text_list *texts;
    const eg_result *want;
    bool good;
} caller;

static void *
call_often(void *arg)
{
    caller *c = arg;
    eg_error err = {.size = sizeof err};
    c->good = true;
    for (int round = 0; round < ROUNDS && c->good; round++) {
        eg_result *result = NULL;
        c->good =
            tokenize(c->model, c->texts->items, TEXTS, 0, &result, &err) == EG_OK && same_results(result, c->want);
        eg_result_free(result);
    }
    return NULL;
}

static bool
callers_agree(const eg_model *model, const text_list *texts, const eg_result *want)
{
    pthread_t threads[CALLERS];
    caller callers[CALLERS];
    bool good = true;
    int started = 0;
    for (; started < CALLERS; started++) {
        callers[started] = (caller){model, texts, want, false};
        if (pthread_create(&threads[started], NULL, call_often, &callers[started]) != 0)
            break;
    }
    for (int i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
        good &= callers[i].good;
    }
    return good && started == CALLERS;
}

static void
threads_agree(const char *folder, const text_list *texts)
{
    const eg_model_options options = {.size = sizeof options, .load = EG_LOAD_TOKENIZER};
    eg_engine *one = NULL, *many = NULL;
    eg_model *alone = NULL, *shared = NULL;
    eg_result *want = NULL, *got = NULL;
    eg_error err = {.size = sizeof err};
    check(&err, tiny_engine_open(1, &one, &err) == EG_OK, "an engine of one thread");
    check(&err, tiny_engine_open(4, &many, &err) == EG_OK, "an engine of four threads");
    check(&err, one && eg_model_open(one, folder, &options, &alone, &err) == EG_OK, "a model");
    check(&err, many && eg_model_open(many, folder, &options, &shared, &err) == EG_OK, "a model");
    if (alone && shared) {
        check(&err, tokenize(alone, texts->items, TEXTS, 0, &want, &err) == EG_OK, "one thread");
        check(&err, tokenize(shared, texts->items, TEXTS, 0, &got, &err) == EG_OK, "four threads");
    }
    check(&err, want && got && same_results(want, got), "one thread and four");
    check(&err, want && callers_agree(shared, texts, want), "three callers at once");
    eg_model_close(alone);
    eg_model_close(shared);
    eg_engine_close(one);
    eg_engine_close(many);
    eg_result_free(want); /* a result may outlive its model */
    eg_result_free(got);
}

/* ---- Memory ---- */

/* Of a text that was there before only the result is new. */
static void
calls_keep_encoders(const char *folder, const char *text, size_t length)
{
    const eg_model_options options = {.size = sizeof options, .load = EG_LOAD_TOKENIZER};
    const eg_string item = {text, length};
    eg_engine *engine = NULL;
    eg_model *model = NULL;
    eg_error err = {.size = sizeof err};
    check(&err, tiny_engine_open(1, &engine, &err) == EG_OK, "an engine");
    check(&err, engine && eg_model_open(engine, folder, &options, &model, &err) == EG_OK, "a model");
    for (int call = 0; call < 3 && model; call++) {
        eg_result *result = NULL;
        eg_tokens_view tokens = {.size = sizeof tokens};
        count_allocations();
        check(&err, tokenize(model, &item, 1, 1, &result, &err) == EG_OK, "a call");
        const allocations asked = counted_allocations();
        check(&err, result && eg_result_tokens(result, 0, &tokens) == EG_OK && tokens.count > 0, "tokens");
        enum { SMALL = 72 * 1024 }; /* the result itself and blocks of small things */
        size_t needed = 3 * sizeof(int64_t) * tokens.count + SMALL;
        check(&err, call == 0 || (asked.count <= 8 && asked.bytes <= needed), "memory beyond the result");
        eg_result_free(result);
    }
    eg_model_close(model);
    eg_engine_close(engine);
}

static void
encodings_need_nothing_new(const char *json, const char *text, size_t length)
{
    eg_tokenizer *tokenizer = NULL;
    eg_encoding encoding = {0};
    eg_error err = {.size = sizeof err};
    check(&err, eg_tokenizer_open_json(json, strlen(json), "t.json", &tokenizer, &err) == EG_OK, "a tokenizer");
    for (int variant = 0; variant < 3 && tokenizer; variant++) {
        const eg_encode_options options = {.ids_only = variant == 1, .words = variant == 2};
        allocations asked = {1, 0};
        for (int round = 0; round < 5; round++) { /* buffers change places: it takes some rounds until all have grown */
            count_allocations();
            eg_status status = eg_tokenizer_encode(tokenizer, text, length, NULL, 0, &options, &encoding, &err);
            asked = counted_allocations();
            check(&err, status == EG_OK, json);
        }
        check(&err, asked.count == 0, json);
    }
    eg_encoding_finish(&encoding);
    eg_tokenizer_close(tokenizer);
}

#define VOCAB                                                                                                          \
    "\"vocab\":{\"[UNK]\":0,\"a\":1,\"b\":2,\"ab\":3,\"##a\":4,\"##b\":5,\"\u0301\":6,\"\u0120\":7,\"abab\":8}"
#define MERGES "\"merges\":[\"a b\",\"ab ab\"]"
#define ADDED                                                                                                          \
    "\"added_tokens\":[{\"id\":9,\"content\":\"<x>\",\"normalized\":false},{\"id\":10,\"content\":\"q\","              \
    "\"normalized\":true,"                                                                                             \
    "\"rstrip\":true}],"

static const char *const files[] = {
    "{\"normalizer\":{\"type\":\"BertNormalizer\"},\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},"
    "\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\"," VOCAB "}}",
    "{" ADDED "\"normalizer\":{\"type\":\"NFD\"},\"pre_tokenizer\":{\"type\":\"Whitespace\"},"
    "\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\"," VOCAB "}}",
    "{\"model\":{\"type\":\"BPE\"," VOCAB "," MERGES "}}",
    "{" ADDED
    "\"normalizer\":{\"type\":\"NFKC\"},\"pre_tokenizer\":{\"type\":\"WhitespaceSplit\"},\"model\":{\"type\":\"BPE\","
    "\"unk_token\":\"[UNK]\",\"end_of_word_suffix\":\"b\"," VOCAB "," MERGES "}}",
    "{" ADDED "\"pre_tokenizer\":{\"type\":\"ByteLevel\"},\"model\":{\"type\":\"BPE\"," VOCAB "," MERGES "}}",
    "{\"normalizer\":{\"type\":\"NFKC\"},\"pre_tokenizer\":{\"type\":\"Metaspace\"},\"model\":{\"type\":\"Unigram\","
    "\"unk_id\":0,\"vocab\":[[\"<unk>\",0],[\"a\",-1],[\"ab\",-1.5],[\"\u2581\",-2]]}}",
};

int
main(void)
{
    tiny_folder folder;
    text_list texts;
    make_texts(&texts);
    char *long_text = malloc(LONG_TEXT);
    for (size_t i = 0; i < LONG_TEXT; i += 6)
        memcpy(long_text + i, i % 4 ? "ababab" : "\u0301ab q", 6);
    if (!tiny_folder_make(&folder))
        return 1;
    threads_agree(folder.path, &texts);
    calls_keep_encoders(folder.path, long_text, LONG_TEXT);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        encodings_need_nothing_new(files[i], long_text, LONG_TEXT);
    tiny_folder_remove(&folder);
    free(long_text);
    free(texts.memory);
    return failures != 0;
}
