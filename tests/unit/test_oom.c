/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Out of memory at one allocation of a whole program after another: the call says EG_E_NOMEM, or does without what it
 * could not have (a line of the log), and what was opened can be closed. Of the thousands of allocations the first are
 * tried one by one and the later ones in steps that grow: nodes and tensors are alike, and all of them take minutes.
 * Linked with --wrap, so that the library's allocations come here; in a sanitizer build a leak or a bad access ends the
 * program.
 */
#include "engine/model.h"
#include "engine_programs.h"
#include "failing_alloc.h"

/* --- what is done over and over ------------------------------------------------------------------ */

static eg_status
use_context(eg_context *context, eg_error *err)
{
    static const char *const outputs[] = {"last_hidden_state", "attentions"};
    eg_string texts[] = {{"the cat sat", 11}, {"dog", 3}};
    eg_input input = {.size = sizeof input, .count = 2, .texts = texts};
    float vectors[2 * TINY_HIDDEN];
    eg_status status = eg_embed(context, &input, vectors, err);
    if (status != EG_OK)
        return status;
    eg_result *result = NULL;
    status = eg_run(context, &input, outputs, 2, &result, err);
    eg_result_free(result);
    return status;
}

static eg_status
describe(eg_model *model, eg_description what, eg_draw draw, eg_error *err)
{
    eg_describe_options options = {.size = sizeof options, .what = what, .draw = draw};
    char *text = NULL;
    eg_status status = eg_describe(model, &options, &text, err);
    eg_string_free(text);
    return status;
}

static eg_status
use_tokenizer(eg_model *model, eg_error *err)
{
    eg_string texts[] = {{"the cats", 8}, {"a dog", 5}};
    eg_input input = {.size = sizeof input, .count = 2, .texts = texts};
    eg_tokenize_options options = {.size = sizeof options, .pad_to = UINT32_MAX};
    eg_result *tokens = NULL;
    eg_status status = eg_tokenize(model, &input, &options, &tokens, err);
    eg_result_free(tokens);
    if (status != EG_OK)
        return status;
    const int64_t ids[] = {2, 5, 6, 3};
    char *text = NULL;
    status = eg_decode(model, ids, 4, 1, &text, err);
    eg_string_free(text);
    return status;
}

static eg_status
use_model(eg_model *model, eg_error *err)
{
    eg_status status = describe(model, EG_DESCRIBE_INSPECT, EG_DRAW_NONE, err);
    if (status == EG_OK)
        status = describe(model, EG_DESCRIBE_COMPILE, EG_DRAW_NONE, err);
    if (status == EG_OK)
        status = describe(model, EG_DESCRIBE_COMPILE, EG_DRAW_SVG, err);
    if (status == EG_OK)
        status = use_tokenizer(model, err);
    if (status != EG_OK)
        return status;
    eg_context *context = NULL;
    status = eg_context_open(model, &context, err);
    if (status == EG_OK)
        status = use_context(context, err);
    eg_context_close(context);
    return status;
}

static eg_status
tell_backends(eg_engine *engine, eg_error *err)
{
    char *text = NULL;
    eg_status status = eg_engine_backends(engine, 1, &text, err);
    eg_string_free(text);
    return status;
}

static eg_status
use_everything(const char *folder, eg_error *err)
{
    eg_engine *engine = NULL;
    eg_model *model = NULL;
    eg_status status = tiny_engine_open(1, &engine, err);
    if (status == EG_OK)
        status = tell_backends(engine, err);
    if (status == EG_OK)
        status = eg_model_open(engine, folder, NULL, &model, err);
    if (status == EG_OK)
        status = use_model(model, err);
    eg_model_close(model);
    eg_engine_close(engine);
    return status;
}

/* Tables that are computed when a plan first needs them: a run of its own. Its model is open and stays so. */
static eg_status
use_tables(eg_model *model, eg_error *err)
{
    static const char *const outputs[] = {"recalled.1"};
    eg_string text = {"the cat sat", 11};
    eg_input input = {.size = sizeof input, .count = 1, .texts = &text};
    eg_context *context = NULL;
    eg_result *result = NULL;
    eg_status status = eg_context_open(model, &context, err);
    if (status == EG_OK)
        status = eg_run(context, &input, outputs, 1, &result, err);
    eg_result_free(result);
    eg_context_close(context);
    if (status != EG_OK && model->computed.entries.count + model->weights.entries.count > 0)
        return eg_fail(err, EG_E_INTERNAL, "what was computed by halves is kept");
    return status;
}

/* --- the loop ------------------------------------------------------------------------------------ */

/* How often it must run until no allocation fails any more; the number of failures of the test is added to. */
static long
fail_each(eg_status (*use)(void *what, eg_error *err), void *what, int *failures)
{
    long n = 0, refused = 0;
    for (bool reached = true; reached && *failures < 20;) {
        eg_error err = {.size = sizeof err};
        n += 1 + n / 150;
        fail_allocation((size_t)n - 1, true);
        eg_status status = use(what, &err);
        reached = allocations_work();
        refused += status == EG_E_NOMEM;
        if (status != EG_OK && status != EG_E_NOMEM) {
            fprintf(stderr, "allocation %ld fails: status %d: %s: %s\n", n, (int)status, err.file, err.message);
            ++*failures;
        }
        if (!reached && status != EG_OK)
            ++*failures;
    }
    printf("up to allocation %ld, %ld refused with EG_E_NOMEM\n", n, refused);
    return refused;
}

static eg_status
everything(void *folder, eg_error *err)
{
    return use_everything(folder, err);
}

static eg_status
tables(void *model, eg_error *err)
{
    return use_tables(model, err);
}

static long
fail_tables(const char *folder, int *failures)
{
    const eg_model_options options = {.size = sizeof options, .family = COMPUTED_TABLES};
    eg_error err = {.size = sizeof err};
    eg_engine *engine = NULL;
    eg_model *model = NULL;
    long refused = 0;
    if (tiny_engine_open(1, &engine, &err) == EG_OK && eg_model_open(engine, folder, &options, &model, &err) == EG_OK)
        refused = fail_each(tables, model, failures);
    else
        fprintf(stderr, "%s: %s\n", err.file, err.message);
    eg_model_close(model);
    eg_engine_close(engine);
    return refused;
}

int
main(void)
{
    tiny_folder folder;
    if (!tiny_folder_make(&folder))
        return 1;
    int failures = 0;
    /* With fewer this program tests nothing. */
    if (fail_each(everything, folder.path, &failures) < 100 || fail_tables(folder.path, &failures) < 100)
        failures++;
    tiny_folder_remove(&folder);
    return failures != 0;
}
