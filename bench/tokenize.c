/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Egbert's side of bench/tokenizer.py: tokenize FOLDER TEXTS, texts one a line. For each line on stdin it tokenises all
 * texts in one call and says the seconds of the thread that took; on "ids" it writes all ids instead, one text a line.
 * bench/tokenizer.py compiles it: a program as a user of the library writes it.
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

static double
now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static char *
read_all(const char *path, size_t *out_size)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    if (file && fseek(file, 0, SEEK_END) == 0) {
        *out_size = (size_t)ftell(file);
        rewind(file);
        text = malloc(*out_size + 1);
        if (text && fread(text, 1, *out_size, file) != *out_size)
            text[0] = '\0';
    }
    if (file)
        fclose(file);
    return text;
}

/* Points `texts` (NULL: none) to the lines; their number. */
static uint32_t
cut_lines(const char *all, size_t size, eg_string *texts)
{
    uint32_t count = 0;
    for (size_t at = 0; at < size; count++) {
        const char *end = memchr(all + at, '\n', size - at);
        size_t length = end ? (size_t)(end - all) - at : size - at;
        if (texts)
            texts[count] = (eg_string){all + at, length};
        at += length + 1;
    }
    return count;
}

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
answer(const eg_model *model, const eg_input *input, eg_error *err)
{
    eg_tokenize_options options = {.size = sizeof options, .ids_only = 1};
    char line[64];
    while (fgets(line, sizeof line, stdin)) {
        eg_result *result;
        double begin = now();
        if (eg_tokenize(model, input, &options, &result, err) != EG_OK)
            return fail(err);
        if (strcmp(line, "ids\n") == 0)
            write_ids(result);
        else
            printf("%.6f\n", now() - begin);
        fflush(stdout);
        eg_result_free(result);
    }
    return 0;
}

int
main(int argc, char **argv)
{
    eg_engine_options engine_options = {.size = sizeof engine_options, .threads = 1};
    eg_model_options model_options = {.size = sizeof model_options, .load = EG_LOAD_TOKENIZER};
    eg_engine *engine;
    eg_model *model;
    eg_error err = {.size = sizeof err};
    size_t size = 0;
    char *all = argc == 3 ? read_all(argv[2], &size) : NULL;
    eg_string *texts = all ? malloc((cut_lines(all, size, NULL) + 1) * sizeof *texts) : NULL;
    if (!texts) {
        fprintf(stderr, "usage: tokenize FOLDER TEXTS\n");
        return 2;
    }
    if (eg_engine_open(&engine_options, &engine, &err) != EG_OK)
        return fail(&err);
    if (eg_model_open(engine, argv[1], &model_options, &model, &err) != EG_OK)
        return fail(&err);
    eg_input input = {.size = sizeof input, .texts = texts, .count = cut_lines(all, size, texts)};
    int status = answer(model, &input, &err);
    eg_model_close(model);
    eg_engine_close(engine);
    free(texts);
    free(all);
    return status;
}
