/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The C API on a tiny BERT: the same text gives the same numbers however it is run, and every misuse has its status.
 * What the numbers are is the golden tests' question.
 */
#include <egbert/egbert.h>
#include <math.h>
#include <sys/wait.h>

#include "engine/model.h"
#include "engine_fixture.h"

/* Everything on the reference backend with default options. */
static void
begin_plain(fixture *f)
{
    begin(f, NULL);
    open_engine(f, "reference", 0, 0);
    open_model(f, NULL);
}

/* --- texts --------------------------------------------------------------------------------------- */

enum { TEXTS = 5, SIZE = TINY_HIDDEN };

static const char *const words[TEXTS] = {"the cat sat on the mat.", "dog", "", "a b c d e f a b c d e f",
                                         "cats running!"};

static void
fill_texts(eg_string *texts)
{
    for (int i = 0; i < TEXTS; i++)
        texts[i] = (eg_string){words[i], strlen(words[i])};
}

static void
embed_all(fixture *f, float *out)
{
    eg_string texts[TEXTS];
    fill_texts(texts);
    eg_input input = {.size = sizeof input, .count = TEXTS, .texts = texts};
    OK(eg_embed(f->context, &input, out, &f->err));
}

static void
assert_near(const float *a, const float *b, size_t n, const char *what)
{
    for (size_t i = 0; i < n; i++)
        cr_assert(fabsf(a[i] - b[i]) <= 1e-6f * fmaxf(1, fabsf(b[i])), "%s: element %zu: %g, not %g", what, i,
                  (double)a[i], (double)b[i]);
}

Test(engine, a_text_alone_is_as_in_a_batch)
{
    fixture fixture_, *f = &fixture_;
    begin_plain(f);
    cr_assert_eq(eg_model_embedding_size(f->model), SIZE);
    cr_assert_eq(eg_model_max_length(f->model), 32);
    float all[TEXTS * SIZE], alone[SIZE];
    embed_all(f, all);
    eg_string texts[TEXTS];
    fill_texts(texts);
    for (int i = 0; i < TEXTS; i++) {
        eg_input input = {.size = sizeof input, .count = 1, .texts = &texts[i]};
        OK(eg_embed(f->context, &input, alone, &f->err));
        assert_near(alone, all + i * SIZE, SIZE, words[i]);
    }
    cr_assert(fabsf(all[0] - all[SIZE]) > 1e-4f, "different texts have different vectors");
    cr_assert_not_null(strstr(f->log, "reference "), "the placement is said: %s", f->log);
    end(f);
}

/* However the same work is cut up, placed or padded, the numbers stay. */
static void
check_same(const char *what, const char *backends, uint32_t engine_flags, uint64_t max_arena,
           const eg_model_options *options)
{
    fixture fixture_, *f = &fixture_;
    float want[TEXTS * SIZE], got[TEXTS * SIZE];
    begin_plain(f);
    embed_all(f, want);
    close_all(f);
    open_engine(f, backends, engine_flags, max_arena);
    open_model(f, options);
    embed_all(f, got);
    assert_near(got, want, TEXTS * SIZE, what);
    end(f);
}

Test(engine, small_batches)
{
    check_same("batches of one", "reference", 0, 0,
               &(eg_model_options){.size = sizeof(eg_model_options), .batch_tokens = 1});
    check_same("batches of 12", "reference", 0, 0,
               &(eg_model_options){.size = sizeof(eg_model_options), .batch_tokens = 12});
}

Test(engine, padded)
{
    check_same("padded", "reference", 0, 0,
               &(eg_model_options){.size = sizeof(eg_model_options), .flags = EG_MODEL_PADDED});
}

Test(engine, without_passes)
{
    check_same("no passes", "reference", 0, 0, &(eg_model_options){.size = sizeof(eg_model_options), .fuse = "none"});
}

/* Contexts with passes of their own share the model's weights, and a plan belongs to one list of passes. */
Test(engine, contexts_with_passes_of_their_own)
{
    fixture fixture_, *f = &fixture_;
    float want[TEXTS * SIZE], got[TEXTS * SIZE];
    begin_plain(f);
    embed_all(f, want);
    size_t weights = f->model->weights.entries.count;
    uint32_t plans = f->model->plans.count;
    cr_assert(weights > 0 && plans > 0);
    eg_context *models_own = f->context;
    OK(eg_context_open(f->model, &f->context, &f->err));
    OK(eg_context_set_fuse(f->context, "all,-cse", &f->err));
    embed_all(f, got);
    assert_near(got, want, TEXTS * SIZE, "without cse");
    cr_assert_eq(f->model->plans.count, 2 * plans, "%u plans", f->model->plans.count);
    cr_assert_eq(f->model->weights.entries.count, weights, "a weight was packed twice");
    OK(eg_context_set_fuse(f->context, "none,-dce", &f->err));
    embed_all(f, got);
    for (int i = 0; i < TEXTS * SIZE; i++)
        cr_assert(fabsf(got[i] - want[i]) <= 2e-5f * fmaxf(1, fabsf(want[i])), "element %d: %g, not %g", i,
                  (double)got[i], (double)want[i]);
    plans = f->model->plans.count;
    OK(eg_context_set_fuse(f->context, NULL, &f->err));
    embed_all(f, got);
    cr_assert_eq(f->model->plans.count, plans, "the model's own plans are found again");
    cr_assert_eq(eg_context_set_fuse(f->context, "all,-nonesuch", &f->err), EG_E_USAGE);
    assert_near(got, want, TEXTS * SIZE, "the model's own passes");
    eg_context_close(models_own);
    end(f);
}

/* An instance's list holds where the caller gives none; a bad one is told with its place. */
static eg_status
open_instance(fixture *f, const char *yaml, const eg_model_options *options)
{
    const char *path = test_write(&f->folder, "instance.yaml", yaml);
    return eg_model_open(f->engine, path, options, &f->model, &f->err);
}

Test(engine, passes_of_an_instance)
{
    fixture fixture_, *f = &fixture_;
    begin(f, NULL);
    open_engine(f, "reference", 0, 0);
    static const char good[] = "egbert: 1\ncheckpoint: model\nfuse: all,-cse\n";
    OK(open_instance(f, good, NULL));
    cr_assert_str_eq(f->model->fuse, "all,-cse");
    eg_model_close(f->model);
    OK(open_instance(f, good, &(eg_model_options){.size = sizeof(eg_model_options), .fuse = "none"}));
    cr_assert_str_eq(f->model->fuse, "none");
    eg_model_close(f->model);
    cr_assert_eq(open_instance(f, "egbert: 1\ncheckpoint: model\nfuse: all,-csee\n", NULL), EG_E_INPUT);
    test_assert_error(&f->err, EG_E_INPUT, 3, 7, "csee");
    end(f);
}

Test(engine, on_a_far_device)
{
    check_same("far", "far,reference", 0, 0, NULL);
}

Test(engine, on_two_devices_in_turn)
{
    check_same("far and reference", "far,reference", EG_ENGINE_ALTERNATE, 0, NULL);
    check_same("reference and far", "reference,far", EG_ENGINE_ALTERNATE, 0, NULL);
}

Test(engine, little_memory_splits_batches)
{
    check_same("little memory", "reference", 0, 10 * 1024, NULL);
}

Test(engine, without_what_comes_after_the_passes)
{
    check_same("nothing in place", "reference", 0, 0,
               &(eg_model_options){.size = sizeof(eg_model_options), .fuse = "all,-inplace"});
    check_same("weights as in the file", "reference", 0, 0,
               &(eg_model_options){.size = sizeof(eg_model_options), .fuse = "all,-prepack"});
    check_same("neither, far away", "far,reference", EG_ENGINE_ALTERNATE, 0,
               &(eg_model_options){.size = sizeof(eg_model_options), .fuse = "all,-inplace,-prepack"});
}

/* A batch that did not fit is not planned again: the second call makes no plan at all. */
Test(engine, what_is_too_large_is_remembered)
{
    fixture fixture_, *f = &fixture_;
    float first[TEXTS * SIZE], second[TEXTS * SIZE];
    begin(f, NULL);
    open_engine(f, "reference", 0, 10 * 1024);
    open_model(f, NULL);
    embed_all(f, first);
    uint32_t plans = f->model->plans.count;
    cr_assert_gt(plans, 1, "the batch was split");
    embed_all(f, second);
    cr_assert_eq(f->model->plans.count, plans);
    cr_assert_arr_eq(first, second, sizeof first);
    end(f);
}

Test(engine, too_little_memory)
{
    fixture fixture_, *f = &fixture_;
    begin(f, NULL);
    open_engine(f, "reference", 0, 100);
    open_model(f, NULL);
    float out[SIZE];
    eg_string text = {"cat", 3};
    eg_input input = {.size = sizeof input, .count = 1, .texts = &text};
    cr_assert_eq(eg_embed(f->context, &input, out, &f->err), EG_E_NOMEM);
    cr_assert_not_null(strstr(test_error_line(&f->err), "the limit is 100"), "%s", test_error_line(&f->err));
    end(f);
}

/* --- outputs ------------------------------------------------------------------------------------- */

static eg_result *
run_all(fixture *f, const char *const *outputs, uint32_t count)
{
    eg_string texts[TEXTS];
    fill_texts(texts);
    eg_input input = {.size = sizeof input, .count = TEXTS, .texts = texts};
    eg_result *result = NULL;
    OK(eg_run(f->context, &input, outputs, count, &result, &f->err));
    return result;
}

Test(engine, outputs_have_their_shapes)
{
    fixture fixture_, *f = &fixture_;
    begin_plain(f);
    static const char *const outputs[] = {"last_hidden_state", "pooler_output", "hidden_states", "attentions"};
    eg_result *result = run_all(f, outputs, 4);
    cr_assert_eq(eg_result_texts(result), TEXTS);
    const int64_t *cu = eg_result_cu_seqlens(result);
    int64_t tokens = cu[TEXTS];
    cr_assert_eq(cu[2] - cu[1], 3, "[CLS] dog [SEP]");
    cr_assert_eq(eg_result_ids(result)[0], 2);

    eg_tensor_view last = {.size = sizeof last}, pooled = last, states = last, pairs = last;
    cr_assert_eq(eg_result_tensor(result, 0, &last), EG_OK);
    cr_assert_eq(eg_result_tensor(result, 1, &pooled), EG_OK);
    cr_assert_eq(eg_result_tensor(result, 2, &states), EG_OK);
    cr_assert_eq(eg_result_tensor(result, 3, &pairs), EG_OK);
    cr_assert(last.kind == EG_TOKEN && last.rank == 2 && last.dims[0] == tokens && last.dims[1] == SIZE);
    cr_assert(pooled.kind == EG_TEXT && pooled.rank == 2 && pooled.dims[0] == TEXTS && pooled.dims[1] == SIZE);
    cr_assert(states.kind == EG_TOKEN && states.rank == 3 && states.dims[0] == TINY_LAYERS + 1);
    cr_assert(pairs.kind == EG_PAIR && pairs.rank == 0 && pairs.data == NULL);
    const float *layers = states.data;
    cr_assert_arr_eq(layers + TINY_LAYERS * tokens * SIZE, last.data, (size_t)(tokens * SIZE) * sizeof(float));
    cr_assert_eq(eg_result_tensor(result, 4, &last), EG_E_USAGE);
    cr_assert_eq(eg_result_pair(result, 0, 0, &pairs), EG_E_USAGE, "no pair value");

    for (uint32_t text = 0; text < TEXTS; text++) {
        int64_t n = cu[text + 1] - cu[text];
        cr_assert_eq(eg_result_pair(result, 3, text, &pairs), EG_OK);
        cr_assert(pairs.rank == 4 && pairs.dims[0] == TINY_LAYERS && pairs.dims[1] == TINY_HEADS &&
                  pairs.dims[2] == n && pairs.dims[3] == n);
        const float *p = pairs.data;
        for (int64_t row = 0; row < TINY_LAYERS * TINY_HEADS * n; row++) {
            double sum = 0;
            for (int64_t k = 0; k < n; k++)
                sum += (double)p[row * n + k];
            cr_assert(fabs(sum - 1) < 1e-5, "probabilities of row %d sum to %g", (int)row, sum);
        }
    }
    eg_result_free(result);
    end(f);
}

Test(engine, padding_leaves_no_trace_in_outputs)
{
    fixture fixture_, *f = &fixture_;
    static const char *const outputs[] = {"last_hidden_state", "attentions"};
    begin_plain(f);
    eg_result *packed = run_all(f, outputs, 2);
    eg_context_close(f->context);
    eg_model_close(f->model);
    open_model(f, &(eg_model_options){.size = sizeof(eg_model_options), .flags = EG_MODEL_PADDED});
    eg_result *padded = run_all(f, outputs, 2);
    eg_tensor_view a = {.size = sizeof a}, b = a;
    cr_assert_eq(eg_result_tensor(packed, 0, &a), EG_OK);
    cr_assert_eq(eg_result_tensor(padded, 0, &b), EG_OK);
    assert_near(b.data, a.data, (size_t)(a.dims[0] * a.dims[1]), "last_hidden_state");
    for (uint32_t text = 0; text < TEXTS; text++) {
        cr_assert_eq(eg_result_pair(packed, 1, text, &a), EG_OK);
        cr_assert_eq(eg_result_pair(padded, 1, text, &b), EG_OK);
        assert_near(b.data, a.data, (size_t)(a.dims[0] * a.dims[1] * a.dims[2] * a.dims[3]), "attentions");
    }
    eg_result_free(packed);
    eg_result_free(padded);
    end(f);
}

Test(engine, an_unknown_output_is_told_with_the_nearest)
{
    fixture fixture_, *f = &fixture_;
    begin_plain(f);
    static const char *const outputs[] = {"last_hiden_state"};
    eg_string text = {"cat", 3};
    eg_input input = {.size = sizeof input, .count = 1, .texts = &text};
    eg_result *result = NULL;
    cr_assert_eq(eg_run(f->context, &input, outputs, 1, &result, &f->err), EG_E_USAGE);
    cr_assert_null(result);
    cr_assert_not_null(strstr(test_error_line(&f->err), "last_hidden_state"), "%s", test_error_line(&f->err));
    end(f);
}

Test(engine, a_result_that_is_not_finite_is_an_error)
{
    fixture fixture_, *f = &fixture_;
    begin(f, &(tiny_options){.poisoned = true});
    open_engine(f, "reference", 0, 0);
    open_model(f, NULL);
    float out[SIZE];
    eg_string text = {"cat", 3};
    eg_input input = {.size = sizeof input, .count = 1, .texts = &text};
    cr_assert_eq(eg_embed(f->context, &input, out, &f->err), EG_E_NONFINITE);
    cr_assert_not_null(strstr(test_error_line(&f->err), "embedding of text 1"), "%s", test_error_line(&f->err));
    end(f);
}

/* --- ids ----------------------------------------------------------------------------------------- */

static eg_status
embed_ids(fixture *f, const int64_t *ids, const int64_t *cu, const int64_t *types, uint32_t count, float *out)
{
    eg_input input = {.size = sizeof input, .count = count, .ids = ids, .cu_seqlens = cu, .type_ids = types};
    return eg_embed(f->context, &input, out, &f->err);
}

Test(engine, ids_are_as_good_as_texts)
{
    fixture fixture_, *f = &fixture_;
    begin_plain(f);
    float want[TEXTS * SIZE], got[SIZE];
    embed_all(f, want);
    const int64_t ids[] = {2, 10, 3}, cu[] = {0, 3}, zeros[] = {0, 0, 0}, ones[] = {1, 1, 1};
    OK(embed_ids(f, ids, cu, NULL, 1, got));
    assert_near(got, want + SIZE, SIZE, "ids");
    OK(embed_ids(f, ids, cu, zeros, 1, got));
    assert_near(got, want + SIZE, SIZE, "type ids 0");
    OK(embed_ids(f, ids, cu, ones, 1, got));
    cr_assert(fabsf(got[0] - want[SIZE]) > 1e-5f, "type ids count");
    end(f);
}

Test(engine, bad_ids_are_refused)
{
    fixture fixture_, *f = &fixture_;
    begin_plain(f);
    float out[2 * SIZE];
    int64_t ids[40] = {2, 24, 3}, cu[] = {0, 1, 3};
    cr_assert_eq(embed_ids(f, ids, cu, NULL, 2, out), EG_E_INPUT);
    cr_assert_not_null(strstr(test_error_line(&f->err), "text 2 has the token id 24"), "%s", test_error_line(&f->err));
    ids[1] = -1;
    cr_assert_eq(embed_ids(f, ids, cu, NULL, 2, out), EG_E_INPUT);
    ids[1] = 4;
    const int64_t types[] = {0, 0, 2};
    cr_assert_eq(embed_ids(f, ids, cu, types, 2, out), EG_E_INPUT);
    const int64_t empty[] = {0, 1, 1}, shifted[] = {1, 2, 3}, too_long[] = {0, 33};
    cr_assert_eq(embed_ids(f, ids, empty, NULL, 2, out), EG_E_INPUT);
    cr_assert_eq(embed_ids(f, ids, shifted, NULL, 2, out), EG_E_INPUT);
    cr_assert_eq(embed_ids(f, ids, too_long, NULL, 1, out), EG_E_INPUT);
    OK(embed_ids(f, ids, cu, NULL, 2, out));
    end(f);
}

/* --- lengths ------------------------------------------------------------------------------------- */

Test(engine, a_long_text_is_cut_or_refused)
{
    fixture fixture_, *f = &fixture_;
    begin_plain(f);
    char longer[200] = "";
    for (int i = 0; i < 40; i++)
        strcat(longer, "cat ");
    eg_string text = {longer, strlen(longer)};
    float out[SIZE];
    eg_input input = {.size = sizeof input, .count = 1, .texts = &text};
    OK(eg_embed(f->context, &input, out, &f->err));
    input.strict_length = 1;
    cr_assert_eq(eg_embed(f->context, &input, out, &f->err), EG_E_INPUT);
    cr_assert_not_null(strstr(test_error_line(&f->err), "text 1 has 42 tokens; the model takes 32"), "%s",
                       test_error_line(&f->err));
    cr_assert_not_null(strstr(test_error_line(&f->err), "--max-length"), "%s", test_error_line(&f->err));
    eg_context_close(f->context);
    eg_model_close(f->model);
    open_model(f, &(eg_model_options){.size = sizeof(eg_model_options), .max_length = 8});
    static const char *const outputs[] = {"last_hidden_state"};
    eg_result *result = NULL;
    OK(eg_run(f->context, &input, outputs, 1, &result, &f->err));
    cr_assert_eq(eg_result_cu_seqlens(result)[1], 8);
    eg_result_free(result);
    end(f);
}

/* --- control ------------------------------------------------------------------------------------- */

static void
cancel_at_once(void *user, uint32_t done, uint32_t texts, uint64_t tokens)
{
    (void)texts;
    (void)tokens;
    cr_assert_eq(done, 1);
    eg_context_cancel(user);
}

Test(engine, a_cancelled_run_ends_and_the_next_is_whole)
{
    fixture fixture_, *f = &fixture_;
    begin(f, NULL);
    open_engine(f, "reference", 0, 0);
    open_model(f, &(eg_model_options){.size = sizeof(eg_model_options), .batch_tokens = 1});
    eg_string texts[TEXTS];
    fill_texts(texts);
    float out[TEXTS * SIZE];
    eg_input input = {
        .size = sizeof input, .count = TEXTS, .texts = texts, .progress = cancel_at_once, .progress_user = f->context};
    cr_assert_eq(eg_embed(f->context, &input, out, &f->err), EG_E_CANCELLED);
    input.progress = NULL;
    OK(eg_embed(f->context, &input, out, &f->err));
    end(f);
}

Test(engine, a_forked_child_is_told)
{
    fixture fixture_, *f = &fixture_;
    begin_plain(f);
    float out[TEXTS * SIZE];
    embed_all(f, out);
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        eg_string text = {"cat", 3};
        eg_input input = {.size = sizeof input, .count = 1, .texts = &text};
        _exit(eg_embed(f->context, &input, out, &f->err) == EG_E_FORKED ? 0 : 1);
    }
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    end(f);
}

Test(engine, nothing_in_nothing_out)
{
    fixture fixture_, *f = &fixture_;
    begin_plain(f);
    float out[1];
    eg_input input = {.size = sizeof input};
    OK(eg_embed(f->context, &input, out, &f->err));
    end(f);
}

Test(engine, options_of_other_sizes)
{
    fixture fixture_, *f = &fixture_;
    begin(f, NULL);
    /* An older caller's struct ends early: what lies behind it is not read. */
    eg_engine_options engine_options = {.size = offsetof(eg_engine_options, plugin_path), .backends = "reference"};
    memset((char *)&engine_options + engine_options.size, 0xee, sizeof engine_options - engine_options.size);
    setenv("EGBERT_PLUGIN_DIR", f->plugins, 1);
    OK(eg_engine_open(&engine_options, &f->engine, &f->err));
    /* A newer one has more. */
    struct {
        eg_model_options options;
        char more[64];
    } model_options = {.options = {.size = sizeof model_options}};
    OK(eg_model_open(f->engine, f->model_path, &model_options.options, &f->model, &f->err));
    eg_model *model = NULL;
    cr_assert_eq(eg_model_open(f->engine, f->model_path, &(eg_model_options){0}, &model, &f->err), EG_E_USAGE);
    end(f);
}

Test(engine, bad_options_are_refused)
{
    fixture fixture_, *f = &fixture_;
    begin(f, NULL);
    eg_engine *engine = NULL;
    eg_engine_options unknown = {.size = sizeof unknown, .backends = "nonesuch", .plugin_dir = f->plugins};
    cr_assert_eq(eg_engine_open(&unknown, &engine, &f->err), EG_E_BACKEND);
    cr_assert_null(engine);
    open_engine(f, "reference", 0, 0);
    static const eg_model_options bad[] = {
        {.size = sizeof(eg_model_options), .precision = "f8"},
        {.size = sizeof(eg_model_options), .fuse = "all,-nonesuch"},
        {.size = sizeof(eg_model_options), .pooling = "nonesuch"},
        {.size = sizeof(eg_model_options), .prompt_name = "nonesuch"},
        {.size = sizeof(eg_model_options), .flags = 0x100},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        eg_status status = eg_model_open(f->engine, f->model_path, &bad[i], &f->model, &f->err);
        cr_assert_eq(status, EG_E_USAGE, "option set %zu: %d %s", i, (int)status, test_error_line(&f->err));
        cr_assert_null(f->model);
    }
    end(f);
}

/* --- what is told -------------------------------------------------------------------------------- */

static void
assert_has(const char *text, const char *part)
{
    cr_assert_not_null(strstr(text, part), "'%s' is not in: %s", part, text);
}

Test(engine, descriptions)
{
    fixture fixture_, *f = &fixture_;
    begin(f, NULL);
    open_engine(f, "reference", 0, 0);
    char *text = NULL;
    OK(eg_engine_backends(f->engine, 1, &text, &f->err));
    assert_has(text, "\"name\":\"reference\"");
    assert_has(text, "\"loaded\":true");
    assert_has(text, "\"info\":{");
    eg_string_free(text);
    open_model(f, &(eg_model_options){.size = sizeof(eg_model_options), .load = EG_LOAD_DESCRIBE});
    eg_describe_options inspect = {.size = sizeof inspect, .what = EG_DESCRIBE_INSPECT};
    OK(eg_describe(f->model, &inspect, &text, &f->err));
    assert_has(text, "\"tokenizer\":{\"source\":\"vocab.txt\",\"model\":\"WordPiece\"");
    assert_has(text, "\"max_length\":32");
    eg_string_free(text);
    const uint32_t lengths[] = {5, 9};
    eg_describe_options compile = {
        .size = sizeof compile, .what = EG_DESCRIBE_COMPILE, .lengths = lengths, .length_count = 2};
    OK(eg_describe(f->model, &compile, &text, &f->err));
    assert_has(text, "\"passes\":[{\"pass\":");
    assert_has(text, "\"placement\":[{\"backend\":\"reference\",\"ops\":");
    assert_has(text, "\"memory\":{\"naive\":");
    assert_has(text, "\"sizes\":{\"B\":2,\"T\":14,\"P\":106,\"max_n\":9}");
    assert_has(text, "\"copies\":0");
    assert_has(text, "\"threads\":{\"count\":2,\"workers\":\"");
    eg_string_free(text);
    compile.dump_ir = "";
    OK(eg_describe(f->model, &compile, &text, &f->err));
    assert_has(text, "output %embedding");
    eg_string_free(text);
    eg_context *context = NULL;
    cr_assert_eq(eg_context_open(f->model, &context, &f->err), EG_E_USAGE, "a described model does not run");
    end(f);
}

static void
assert_has_not(const char *text, const char *part)
{
    cr_assert_null(strstr(text, part), "'%s' is in: %s", part, text);
}

/* What a run takes beside the values is known where there are weights to compile with. */
Test(engine, descriptions_of_memory)
{
    fixture fixture_, *f = &fixture_;
    begin(f, NULL);
    open_engine(f, "reference", 0, 24 * 1024);
    open_model(f, NULL);
    const uint32_t lengths[] = {15, 15, 15, 15, 15, 15};
    eg_describe_options compile = {
        .size = sizeof compile, .what = EG_DESCRIBE_COMPILE, .lengths = lengths, .length_count = 6};
    char *text = NULL;
    OK(eg_describe(f->model, &compile, &text, &f->err));
    assert_has(text, ",\"scratch\":");
    assert_has(text, ",\"allocated\":");
    assert_has(text, "{\"pass\":\"inplace\",\"enabled\":true,\"hits\":");
    assert_has_not(text, "{\"pass\":\"inplace\",\"enabled\":true,\"hits\":0");
    assert_has(text, "is an input of the graph");
    assert_has(text, "\"lowered\":[]");
    assert_has(text, "\"max_arena\":{\"bytes\":24576,\"runs\":");
    assert_has_not(text, "\"runs\":1}");
    assert_has_not(text, "\"runs\":0}");
    eg_string_free(text);
    compile.fuse = "all,-inplace";
    OK(eg_describe(f->model, &compile, &text, &f->err));
    assert_has(text, "{\"pass\":\"inplace\",\"enabled\":false,\"hits\":0,\"refused\":[]");
    eg_string_free(text);
    close_all(f);
    /* From config.json alone: the plan, but nothing that depends on the weights. */
    cr_assert_eq(remove(test_path(&f->folder, "model/model.safetensors")), 0);
    open_engine(f, "reference", 0, 100);
    open_model(f, &(eg_model_options){.size = sizeof(eg_model_options), .load = EG_LOAD_DESCRIBE});
    compile.fuse = NULL;
    OK(eg_describe(f->model, &compile, &text, &f->err));
    assert_has_not(text, "\"scratch\"");
    assert_has(text, "the weights are not there");
    assert_has(text, "\"max_arena\":{\"bytes\":100,\"runs\":0}");
    assert_has(f->log, "not even one text could be run");
    eg_string_free(text);
    end(f);
}

Test(engine, a_prompt_goes_before_each_text)
{
    fixture fixture_, *f = &fixture_;
    begin_plain(f);
    eg_string with = {"the cat sat", 11}, without = {"cat sat", 7};
    float want[SIZE], got[SIZE];
    eg_input input = {.size = sizeof input, .count = 1, .texts = &with};
    OK(eg_embed(f->context, &input, want, &f->err));
    eg_context_close(f->context);
    eg_model_close(f->model);
    open_model(f, &(eg_model_options){.size = sizeof(eg_model_options), .prompt_text = "the "});
    input.texts = &without;
    OK(eg_embed(f->context, &input, got, &f->err));
    assert_near(got, want, SIZE, "prompt");
    static const char *const outputs[] = {"embedding"};
    eg_result *result = NULL;
    OK(eg_run(f->context, &input, outputs, 1, &result, &f->err));
    cr_assert_eq(eg_result_cu_seqlens(result)[1], 4, "eg_run() takes the text as it is");
    eg_result_free(result);
    end(f);
}

Test(engine, strict_refuses_a_fallback)
{
    fixture fixture_, *f = &fixture_;
    begin(f, NULL);
    float out[SIZE];
    eg_string text = {"cat", 3};
    eg_input input = {.size = sizeof input, .count = 1, .texts = &text};
    open_engine(f, "null", 0, 0);
    open_model(f, NULL);
    OK(eg_embed(f->context, &input, out, &f->err));
    cr_assert_not_null(strstr(f->log, "reference"), "the fallback is said: %s", f->log);
    cr_assert_not_null(strstr(f->log, ": null has no kernel for "), "and why: %s", f->log);
    cr_assert_null(strstr(f->log, "decomposed"), "null would not take the parts either: %s", f->log);
    close_all(f);
    open_engine(f, "null", EG_ENGINE_STRICT, 0);
    open_model(f, NULL);
    cr_assert_eq(eg_embed(f->context, &input, out, &f->err), EG_E_BACKEND);
    cr_assert_not_null(strstr(test_error_line(&f->err), "null"), "%s", test_error_line(&f->err));
    end(f);
}

Test(engine, ids_alone_need_no_tokenizer)
{
    fixture fixture_, *f = &fixture_;
    begin(f, &(tiny_options){.without_tokenizer = true});
    open_engine(f, "reference", 0, 0);
    open_model(f, NULL);
    const int64_t ids[] = {2, 10, 3}, cu[] = {0, 3};
    float out[SIZE];
    OK(embed_ids(f, ids, cu, NULL, 1, out));
    eg_string text = {"cat", 3};
    eg_input input = {.size = sizeof input, .count = 1, .texts = &text};
    cr_assert_eq(eg_embed(f->context, &input, out, &f->err), EG_E_INPUT);
    end(f);
}

Test(engine, tokens)
{
    fixture fixture_, *f = &fixture_;
    begin(f, NULL);
    open_engine(f, "reference", 0, 0);
    open_model(f, &(eg_model_options){.size = sizeof(eg_model_options), .load = EG_LOAD_TOKENIZER});
    eg_string texts[] = {{"The cats", 8}, {"dog", 3}};
    eg_input input = {.size = sizeof input, .count = 2, .texts = texts};
    eg_tokenize_options options = {.size = sizeof options, .pad_to = UINT32_MAX};
    eg_result *result = NULL;
    OK(eg_tokenize(f->model, &input, &options, &result, &f->err));
    eg_tokens_view view = {.size = sizeof view};
    cr_assert_eq(eg_result_tokens(result, 0, &view), EG_OK);
    const int64_t want[] = {2, 5, 6, 12, 3};
    cr_assert_eq(view.count, 5);
    cr_assert_arr_eq(view.ids, want, sizeof want);
    cr_assert_str_eq(view.tokens[3], "##s");
    cr_assert(view.offsets[6] == 7 && view.offsets[7] == 8);
    cr_assert_eq(eg_result_tokens(result, 1, &view), EG_OK);
    cr_assert_eq(view.count, 5);
    cr_assert(view.attention_mask[2] == 1 && view.attention_mask[3] == 0 && view.ids[4] == 0);
    eg_result_free(result);

    char *text = NULL;
    OK(eg_decode(f->model, want, 5, 1, &text, &f->err));
    cr_assert_str_eq(text, "the cats");
    eg_string_free(text);
    options.truncation = "only_frist";
    cr_assert_eq(eg_tokenize(f->model, &input, &options, &result, &f->err), EG_E_USAGE);
    assert_has(test_error_line(&f->err), "only_first");
    end(f);
}

Test(engine, similarity_is_of_the_models_kind)
{
    fixture fixture_, *f = &fixture_;
    begin_plain(f);
    cr_assert_str_eq(eg_model_similarity(f->model), "cosine");
    float a[SIZE] = {3, 4}, b[SIZE] = {4, 3}, zero[SIZE] = {0};
    cr_assert_float_eq(eg_similarity(f->model, a, b), 0.96, 1e-12);
    cr_assert_float_eq(eg_similarity(f->model, a, zero), 0, 1e-12);
    end(f);
}
