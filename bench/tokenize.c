/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Egbert's side of bench/tokenizer.py: tokenize FOLDER TEXTS THREADS, texts divided by U+0000. It says first what opening
 * took: seconds, memory held afterwards, memory at most, in bytes above what the process had before. Then for each line
 * on stdin it tokenises all texts in one call and says the seconds that took, by the clock, of the thread and of the
 * process, and the most memory so far; on "ids" it writes all ids instead, one text a line. bench/tokenizer.py compiles
 * it: a program as a user of the library writes it.
 */
#include <egbert/egbert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int
fail(const eg_error *err)
{
    char message[1024];
    eg_error_text(err, message, sizeof message);
    fprintf(stderr, "%s\n", message);
    return 1;
}

/* ---- Measuring ---- */

static double
seconds(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* "VmRSS:", the memory of the process, or "VmHWM:", the most there was of it; in bytes. */
static long
memory(const char *key)
{
    char line[128];
    long kilobytes = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, key, strlen(key)) == 0)
            kilobytes = strtol(line + strlen(key), NULL, 10);
    if (file)
        fclose(file);
    return kilobytes * 1024;
}

static void
reset_peak(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "w");
    if (!file)
        return;
    fputs("5", file);
    fclose(file);
}

/* ---- Texts ---- */

static char *
read_all(const char *path, size_t *out_size)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    if (file && fseek(file, 0, SEEK_END) == 0) {
        *out_size = (size_t)ftell(file);
        rewind(file);
        text = malloc(*out_size + 1);
        if (text && fread(text, 1, *out_size, file) != *out_size) {
            free(text);
            text = NULL;
        }
    }
    if (file)
        fclose(file);
    return text;
}

/* Points `texts` (NULL: none) to what U+0000 divides; their number. */
static uint32_t
cut_texts(const char *all, size_t size, eg_string *texts)
{
    uint32_t count = 0;
    for (size_t at = 0; at <= size; count++) {
        const char *end = memchr(all + at, '\0', size - at);
        size_t length = end ? (size_t)(end - all) - at : size - at;
        if (texts)
            texts[count] = (eg_string){all + at, length};
        at += length + 1;
    }
    return count;
}

/* ---- Answers ---- */

static void
write_ids(const eg_result *result)
{
    eg_tokens_view tokens = {.size = sizeof tokens};
    for (uint32_t i = 0; i < eg_result_texts(result); i++) {
        if (eg_result_tokens(result, i, &tokens) != EG_OK)
            exit(1);
        for (uint32_t j = 0; j < tokens.count; j++)
            printf(j ? " %lld" : "%lld", (long long)tokens.ids[j]);
        putchar('\n');
    }
}

static int
answer(const eg_model *model, const eg_input *input, long before, eg_error *err)
{
    static const clockid_t clocks[] = {CLOCK_MONOTONIC, CLOCK_THREAD_CPUTIME_ID, CLOCK_PROCESS_CPUTIME_ID};
    enum { CLOCKS = sizeof clocks / sizeof *clocks };
    eg_tokenize_options options = {.size = sizeof options, .ids_only = 1};
    char line[64];
    while (fgets(line, sizeof line, stdin)) {
        eg_result *result;
        double times[CLOCKS];
        for (int i = 0; i < CLOCKS; i++)
            times[i] = seconds(clocks[i]);
        if (eg_tokenize(model, input, &options, &result, err) != EG_OK)
            return fail(err);
        for (int i = 0; i < CLOCKS; i++)
            times[i] = seconds(clocks[i]) - times[i];
        if (strcmp(line, "ids\n") == 0)
            write_ids(result);
        else
            printf("%.6f %.6f %.6f %ld\n", times[0], times[1], times[2], memory("VmHWM:") - before);
        fflush(stdout);
        eg_result_free(result);
    }
    return 0;
}

static int
run(const char *folder, const eg_input *input, uint32_t threads)
{
    eg_engine_options engine_options = {.size = sizeof engine_options, .threads = threads};
    eg_model_options model_options = {.size = sizeof model_options, .load = EG_LOAD_TOKENIZER};
    eg_engine *engine;
    eg_model *model;
    eg_error err = {.size = sizeof err};
    if (eg_engine_open(&engine_options, &engine, &err) != EG_OK)
        return fail(&err);
    long before = memory("VmRSS:");
    reset_peak();
    double begin = seconds(CLOCK_MONOTONIC);
    if (eg_model_open(engine, folder, &model_options, &model, &err) != EG_OK) {
        eg_engine_close(engine);
        return fail(&err);
    }
    printf("%.6f %ld %ld\n", seconds(CLOCK_MONOTONIC) - begin, memory("VmRSS:") - before, memory("VmHWM:") - before);
    fflush(stdout);
    int status = answer(model, input, before, &err);
    eg_model_close(model);
    eg_engine_close(engine);
    return status;
}

int
main(int argc, char **argv)
{
    size_t size = 0;
    char *all = argc == 4 ? read_all(argv[2], &size) : NULL;
    eg_string *texts = all ? malloc((cut_texts(all, size, NULL) + 1) * sizeof *texts) : NULL;
    if (!texts) {
        fprintf(stderr, "usage: tokenize FOLDER TEXTS THREADS\n");
        free(all);
        return 2;
    }
    eg_input input = {.size = sizeof input, .texts = texts, .count = cut_texts(all, size, texts)};
    int status = run(argv[1], &input, (uint32_t)strtoul(argv[3], NULL, 10));
    free(texts);
    free(all);
    return status;
}
