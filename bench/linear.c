/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the time of tokenising grows with the text: linear FOLDER ROUNDS. For each kind of long text it tokenises 100 KB and
 * 1 MB in turns, ROUNDS times each after one that is not counted, and says the best seconds of the thread: a line
 * "kind TAB what is asked for TAB seconds of 100 KB TAB seconds of 1 MB". bench/linear.py compiles it: a program as a user
 * of the library writes it.
 */
#include <egbert/egbert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SMALL = 100 * 1000, LARGE = 1000 * 1000 }; /* bytes */

static const char *const kinds[] = {"one letter", "blanks", "combining marks", "random CJK"};

/* The first `size` bytes, or a little less, of the text of this kind; its length. */
static size_t
write_text(size_t kind, char *out, size_t size)
{
    uint32_t random = 7;
    size_t length = 0;
    if (kind < 2) {
        memset(out, kind == 0 ? 'a' : ' ', size);
        return size;
    }
    for (; kind == 2 && length + 2 <= size; length += 2)
        memcpy(out + length, "\xcc\x81", 2); /* U+0301 */
    for (; kind == 3 && length + 3 <= size; length += 3) {
        random = random * 1664525u + 1013904223u;
        uint32_t c = 0x4e00 + (random >> 8) % (0x9fff - 0x4e00 + 1);
        out[length] = (char)(0xe0 | c >> 12);
        out[length + 1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[length + 2] = (char)(0x80 | (c & 0x3f));
    }
    return length;
}

static double
now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* The seconds of one call and of giving its result back. */
static eg_status
measure(const eg_model *model, const eg_string *text, uint32_t ids_only, double *best, eg_error *err)
{
    const eg_input input = {.size = sizeof input, .texts = text, .count = 1};
    const eg_tokenize_options options = {.size = sizeof options, .ids_only = ids_only};
    eg_result *result;
    double begin = now();
    eg_status status = eg_tokenize(model, &input, &options, &result, err);
    if (status != EG_OK)
        return status;
    eg_result_free(result);
    double seconds = now() - begin;
    if (seconds < *best)
        *best = seconds;
    return EG_OK;
}

static eg_status
compare(const eg_model *model, size_t kind, char *memory, int rounds, eg_error *err)
{
    eg_status status = EG_OK;
    const eg_string large = {memory, write_text(kind, memory, LARGE)};
    const eg_string small = {memory, kind < 2 ? SMALL : SMALL / 6 * 6};
    for (uint32_t ids_only = 0; ids_only < 2; ids_only++) {
        double best_small = 1e9, best_large = 1e9, ignored = 1e9;
        status = measure(model, &large, ids_only, &ignored, err);
        for (int i = 0; i < rounds && status == EG_OK; i++) {
            status = measure(model, &small, ids_only, &best_small, err);
            if (status == EG_OK)
                status = measure(model, &large, ids_only, &best_large, err);
        }
        if (status != EG_OK)
            return status;
        printf("%s\t%s\t%.6f\t%.6f\n", kinds[kind], ids_only ? "ids" : "all", best_small, best_large);
        fflush(stdout);
    }
    return EG_OK;
}

static eg_status
compare_all(const char *folder, int rounds, char *memory, eg_error *err)
{
    const eg_engine_options engine_options = {.size = sizeof engine_options, .threads = 1};
    const eg_model_options model_options = {.size = sizeof model_options, .load = EG_LOAD_TOKENIZER};
    eg_engine *engine;
    eg_model *model;
    eg_status status = eg_engine_open(&engine_options, &engine, err);
    if (status != EG_OK)
        return status;
    status = eg_model_open(engine, folder, &model_options, &model, err);
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds && status == EG_OK; kind++)
        status = compare(model, kind, memory, rounds, err);
    eg_model_close(model);
    eg_engine_close(engine);
    return status;
}

int
main(int argc, char **argv)
{
    eg_error err = {.size = sizeof err};
    int rounds = argc == 3 ? atoi(argv[2]) : 0;
    char *memory = malloc(LARGE);
    if (rounds < 1 || !memory) {
        fprintf(stderr, "usage: linear FOLDER ROUNDS\n");
        return 2;
    }
    eg_status status = compare_all(argv[1], rounds, memory, &err);
    if (status != EG_OK) {
        char message[1024];
        eg_error_text(&err, message, sizeof message);
        fprintf(stderr, "%s\n", message);
    }
    free(memory);
    return status != EG_OK;
}
