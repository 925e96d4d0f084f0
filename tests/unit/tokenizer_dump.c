/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drives the tokenizer from a test in another language: tokenizer_dump DIR < requests > answers, all little-endian.
 *
 *   request: u32 max_length, u8 truncation, u8 flags, u32 bytes of a, u32 bytes of b, a, b
 *            flags: 1 no special tokens, 2 pair, 4 decode (a holds int64 ids), 8 ids only, 16 words too,
 *            32 a pair in windows: `truncation` is the stride
 *   answer:  u32 status, u32 count, then for encoding i32 ids, i32 type ids, u32 starts, u32 ends, u8 special [count],
 *            with words u32 [count]; for decoding `count` bytes; for windows each one's u32 count and arrays with words
 *
 * tokenizer_dump DIR --time N measures: opening N times, and encoding the lines of stdin N times.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "frontend/tokenizer.h"

enum { NO_SPECIAL = 1, PAIR = 2, DECODE = 4, IDS_ONLY = 8, WORDS = 16, WINDOWS = 32 };

typedef struct request {
    uint32_t max_length, a_size, b_size;
    uint8_t truncation, flags;
    char *a, *b;
} request;

static bool
get(void *out, size_t size)
{
    return fread(out, 1, size, stdin) == size;
}

static char *
get_text(uint32_t size)
{
    char *text = malloc((size_t)size + 1);
    if (!text || !get(text, size))
        exit(1);
    return text;
}

static bool
get_request(request *out)
{
    if (!get(&out->max_length, 4))
        return false;
    if (!get(&out->truncation, 1) || !get(&out->flags, 1) || !get(&out->a_size, 4) || !get(&out->b_size, 4))
        exit(1);
    out->a = get_text(out->a_size);
    out->b = get_text(out->b_size);
    return true;
}

static void
put(const void *data, size_t size)
{
    if (size > 0)
        fwrite(data, 1, size, stdout);
}

static void
put_head(eg_status status, size_t count)
{
    uint32_t head[2] = {(uint32_t)status, status == EG_OK ? (uint32_t)count : 0};
    put(head, sizeof head);
}

static void
put_arrays(const eg_encoding *encoding, bool words)
{
    put(encoding->ids, encoding->count * 4);
    put(encoding->type_ids, encoding->count * 4);
    put(encoding->starts, encoding->count * 4);
    put(encoding->ends, encoding->count * 4);
    put(encoding->special, encoding->count);
    if (words)
        put(encoding->words, encoding->count * 4);
}

static void
answer_windows(const eg_tokenizer *tokenizer, const request *in, eg_encoding *encoding, eg_error *err)
{
    eg_windows windows = {.max_length = in->max_length, .stride = in->truncation};
    eg_status status = eg_windows_begin(tokenizer, in->a, in->a_size, in->b, in->b_size, &windows, encoding, err);
    put_head(status, windows.count);
    for (uint32_t i = 0; status == EG_OK && i < windows.count; i++) {
        if (eg_windows_take(tokenizer, &windows, i, encoding, err) != EG_OK)
            exit(1);
        uint32_t count = (uint32_t)encoding->count;
        put(&count, sizeof count);
        put_arrays(encoding, true);
    }
}

static bool
is_same(const void *one, const void *other, size_t count, size_t size)
{
    return count == 0 || memcmp(one, other, count * size) == 0;
}

static void
encode_again(const eg_tokenizer *tokenizer, const request *in, const eg_encode_options *options, eg_encoding *out,
             const eg_encoding *expected, const char *how, eg_error *err)
{
    size_t count = expected->count;
    const char *pair = in->flags & PAIR ? in->b : NULL;
    eg_status status = eg_tokenizer_encode(tokenizer, in->a, in->a_size, pair, in->b_size, options, out, err);
    bool same = status == EG_OK && out->count == count && is_same(out->ids, expected->ids, count, sizeof *out->ids) &&
                is_same(out->type_ids, expected->type_ids, count, sizeof *out->type_ids);
    if (same && !options->ids_only)
        same = is_same(out->starts, expected->starts, count, sizeof *out->starts) &&
               is_same(out->ends, expected->ends, count, sizeof *out->ends);
    if (!same) {
        fprintf(stderr, "other tokens %s: %.*s\n", how, (int)in->a_size, in->a);
        exit(4);
    }
}

/*
 * The tokens are the same step by step, which is how words are found, and at once. Without offsets and words, and with
 * an encoder that knows no word yet, the ids are.
 */
static void
check_ways(const eg_tokenizer *tokenizer, const request *in, eg_encode_options options, const eg_encoding *expected,
           eg_error *err)
{
    static eg_encoding reused, other;
    eg_encoding fresh = {0};
    options.words = !options.words;
    if (!options.ids_only)
        encode_again(tokenizer, in, &options, &other, expected, options.words ? "with words" : "without words", err);
    options.words = false;
    options.ids_only = true;
    encode_again(tokenizer, in, &options, &reused, expected, "without offsets", err);
    encode_again(tokenizer, in, &options, &fresh, expected, "by a new encoder", err);
    eg_encoding_finish(&fresh);
}

static void
answer_encode(const eg_tokenizer *tokenizer, const request *in, eg_encoding *encoding, eg_error *err)
{
    eg_encode_options options = {in->max_length, (eg_truncation)in->truncation, in->flags & NO_SPECIAL,
                                 in->flags & IDS_ONLY, in->flags & WORDS};
    const char *pair = in->flags & PAIR ? in->b : NULL;
    eg_status status = eg_tokenizer_encode(tokenizer, in->a, in->a_size, pair, in->b_size, &options, encoding, err);
    put_head(status, encoding->count);
    if (status != EG_OK)
        return;
    put_arrays(encoding, in->flags & WORDS);
    check_ways(tokenizer, in, options, encoding, err);
}

static void
answer_decode(const eg_tokenizer *tokenizer, const request *in, eg_error *err)
{
    eg_strbuf text = {0};
    eg_status status = eg_tokenizer_decode(tokenizer, (const int64_t *)(const void *)in->a, in->a_size / 8,
                                           in->flags & NO_SPECIAL, &text, err);
    put_head(status, text.length);
    put(text.data, text.length);
    eg_strbuf_finish(&text);
}

static double
now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time); /* others may be busy on the machine */
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static int
measure(const char *dir, int times, eg_error *err)
{
    eg_tokenizer *tokenizer = NULL;
    eg_encoding encoding = {0};
    eg_encode_options options = {.ids_only = true};
    double best_open = 1e9, best_encode = 1e9;
    size_t size = 0, capacity = (size_t)1 << 28, tokens = 0;
    char *text = malloc(capacity);
    if (!text)
        return 1;
    size = fread(text, 1, capacity, stdin);
    for (int i = 0; i < times; i++) {
        eg_tokenizer_close(tokenizer);
        double begin = now();
        if (eg_tokenizer_open(dir, &tokenizer, err) != EG_OK)
            return 1;
        best_open = now() - begin < best_open ? now() - begin : best_open;
    }
    for (int i = 0; i < times; i++) {
        double begin = now();
        tokens = 0;
        for (char *line = text; line < text + size;) {
            char *end = memchr(line, '\n', (size_t)(text + size - line));
            size_t length = end ? (size_t)(end - line) : (size_t)(text + size - line);
            if (eg_tokenizer_encode(tokenizer, line, length, NULL, 0, &options, &encoding, err) != EG_OK)
                return 1;
            tokens += encoding.count;
            line += length + 1;
        }
        best_encode = now() - begin < best_encode ? now() - begin : best_encode;
    }
    printf("open %.2f ms, encode %.1f MB/s, %zu tokens, seconds %.6f\n", best_open * 1e3,
           (double)size / best_encode * 1e-6, tokens, best_encode);
    eg_encoding_finish(&encoding);
    eg_tokenizer_close(tokenizer);
    free(text);
    return 0;
}

int
main(int argc, char **argv)
{
    eg_error err;
    eg_tokenizer *tokenizer;
    eg_encoding encoding = {0};
    request in;
    char message[512];
    eg_error_init(&err);
    if (argc == 4 && strcmp(argv[2], "--time") == 0)
        return measure(argv[1], atoi(argv[3]), &err);
    if (argc != 2)
        return 2;
    if (eg_tokenizer_open(argv[1], &tokenizer, &err) != EG_OK) {
        eg_error_format(&err, message, sizeof message);
        fprintf(stderr, "%s\n", message);
        return 3;
    }
    while (get_request(&in)) {
        if (in.flags & DECODE)
            answer_decode(tokenizer, &in, &err);
        else if (in.flags & WINDOWS)
            answer_windows(tokenizer, &in, &encoding, &err);
        else
            answer_encode(tokenizer, &in, &encoding, &err);
        free(in.a);
        free(in.b);
    }
    eg_encoding_finish(&encoding);
    eg_tokenizer_close(tokenizer);
    return fflush(stdout) == 0 ? 0 : 1;
}
