/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Embeds the texts given as arguments and prints how similar each is to the first:
 *
 *     embed MODEL TEXT...
 */
#include <egbert/egbert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the library has to say: where the model runs, what it assumed. It prints nothing itself. */
static void
print_log(void *user, int32_t level, const char *message)
{
    (void)user;
    (void)level;
    fprintf(stderr, "embed: %s\n", message);
}

static int
fail(const eg_error *err)
{
    char line[2048];
    eg_error_text(err, line, sizeof line);
    fprintf(stderr, "embed: error: %s\n", line);
    return err->code;
}

/* Texts in, one vector each out; the caller frees. NULL: see err. */
static float *
embed(eg_model *model, char **texts, uint32_t count, eg_error *err)
{
    eg_string *strings = calloc(count, sizeof *strings);
    float *vectors = calloc((size_t)count * eg_model_embedding_size(model), sizeof *vectors);
    eg_context *context = NULL;
    eg_status status = strings && vectors ? eg_context_open(model, &context, err) : EG_E_NOMEM;
    if (status == EG_OK) {
        for (uint32_t i = 0; i < count; i++)
            strings[i] = (eg_string){texts[i], strlen(texts[i])};
        eg_input input = {.size = sizeof input, .count = count, .texts = strings};
        status = eg_embed(context, &input, vectors, err);
    }
    eg_context_close(context);
    free(strings);
    if (status == EG_OK)
        return vectors;
    free(vectors);
    err->code = status;
    return NULL;
}

static int
compare(eg_model *model, char **texts, uint32_t count, eg_error *err)
{
    float *vectors = embed(model, texts, count, err);
    if (!vectors)
        return fail(err);
    size_t size = eg_model_embedding_size(model);
    for (uint32_t i = 0; i < count; i++)
        printf("%.4f  %s\n", eg_similarity(model, vectors, vectors + i * size), texts[i]);
    free(vectors);
    return 0;
}

int
main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: embed MODEL TEXT...\n");
        return EG_E_USAGE;
    }
    eg_error err = {.size = sizeof err};
    eg_engine_options options = {.size = sizeof options, .log = print_log, .log_level = EG_LOG_INFO};
    eg_engine *engine = NULL;
    eg_model *model = NULL;
    int result;
    if (eg_engine_open(&options, &engine, &err) != EG_OK || eg_model_open(engine, argv[1], NULL, &model, &err) != EG_OK)
        result = fail(&err);
    else
        result = compare(model, argv + 2, (uint32_t)argc - 2, &err);
    eg_model_close(model);
    eg_engine_close(engine);
    return result;
}
