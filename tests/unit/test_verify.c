/* SPDX-License-Identifier: Apache-2.0 */
/*
 * eg_verify() from C: what it takes, what it refuses, and that it survives running out of memory at any allocation, the
 * search for a cause included. That it finds the right cause is tested through the command. A plain program, because
 * its allocator is replaced (--wrap).
 */
#include "engine_programs.h"
#include "failing_alloc.h"

/* --- a golden that the model itself has made ----------------------------------------------------- */

enum { TENSORS = 3 };

typedef struct fixture {
    tiny_folder folder;
    eg_engine *engine;
    eg_model *model;
    eg_context *context;
    eg_result *result;
    eg_tensor_view tensors[TENSORS];
    eg_golden golden;
    eg_error err;
    int failures;
} fixture;

static void
check(fixture *f, bool good, const char *what)
{
    tiny_check(&f->err, &f->failures, good, what);
}

static bool
make_golden(fixture *f)
{
    static const char *const outputs[TENSORS] = {"last_hidden_state", "hidden_states", "pooler_output"};
    static const int64_t ids[] = {2, 5, 6, 7, 3, 2, 9, 3}, cu_seqlens[] = {0, 5, 8};
    eg_input input = {.size = sizeof input, .count = 2, .ids = ids, .cu_seqlens = cu_seqlens};
    if (eg_run(f->context, &input, outputs, TENSORS, &f->result, &f->err) != EG_OK)
        return false;
    for (uint32_t i = 0; i < TENSORS; i++) {
        f->tensors[i].size = sizeof f->tensors[i];
        if (eg_result_tensor(f->result, i, &f->tensors[i]) != EG_OK)
            return false;
    }
    f->golden = (eg_golden){.size = sizeof f->golden,
                            .text_count = 2,
                            .ids = ids,
                            .cu_seqlens = cu_seqlens,
                            .tensors = f->tensors,
                            .tensor_count = TENSORS};
    return true;
}

static bool
begin(fixture *f)
{
    *f = (fixture){.err = {.size = sizeof f->err}};
    return tiny_folder_make(&f->folder) && tiny_engine_open(1, &f->engine, &f->err) == EG_OK &&
           eg_model_open(f->engine, f->folder.path, NULL, &f->model, &f->err) == EG_OK &&
           eg_context_open(f->model, &f->context, &f->err) == EG_OK && make_golden(f);
}

static void
end(fixture *f)
{
    eg_result_free(f->result);
    eg_context_close(f->context);
    eg_model_close(f->model);
    eg_engine_close(f->engine);
    tiny_folder_remove(&f->folder);
}

/* --- results ------------------------------------------------------------------------------------- */

/* Whether the verification ends with this status, and its result holds `part`. */
static void
expect(fixture *f, const eg_golden *golden, const eg_verify_options *options, eg_status status, const char *part,
       const char *what)
{
    char *json = NULL;
    eg_status got = eg_verify(f->context, golden, options, &json, &f->err);
    bool good = got == status && (got == EG_OK) == (json != NULL) && (!json || strstr(json, part));
    if (!good && json)
        fprintf(stderr, "%s\n", json);
    check(f, good, what);
    eg_string_free(json);
}

static void
test_results(fixture *f)
{
    const eg_verify_options all = {.size = sizeof all, .flags = EG_VERIFY_ALL};
    const eg_verify_options loose = {.size = sizeof loose, .tolerance = 10};
    expect(f, &f->golden, NULL, EG_OK, "{\"ok\":true,\"checked\":3,\"first_bad\":null", "the model's own numbers");
    expect(f, &f->golden, &all, EG_OK, "{\"ok\":true,\"checked\":3", "all of them");
    float *pooled = (float *)f->tensors[2].data, kept = pooled[TINY_HIDDEN + 2];
    pooled[TINY_HIDDEN + 2] += 0.25f;
    expect(f, &f->golden, NULL, EG_OK, "\"tensor\":\"pooler_output\",\"index\":[1,2]", "one number off");
    expect(f, &f->golden, NULL, EG_OK, "\"cause\":null,\"pass\":null", "for which there is no cause");
    pooled[TINY_HIDDEN + 2] = kept + 1e-3f;
    expect(f, &f->golden, &loose, EG_OK, "{\"ok\":true", "within the tolerance given");
    pooled[TINY_HIDDEN + 2] = NAN;
    expect(f, &f->golden, &loose, EG_OK, "\"want\":null", "what is not a number");
    pooled[TINY_HIDDEN + 2] = kept;
}

static void
count_runs(void *user, uint32_t runs_done, uint32_t runs)
{
    uint32_t *counts = user;
    counts[0]++;
    counts[1] += runs_done > runs;
}

static void
test_progress(fixture *f)
{
    uint32_t counts[2] = {0, 0};
    eg_verify_options options = {.size = sizeof options, .progress = count_runs, .progress_user = counts};
    expect(f, &f->golden, &options, EG_OK, "\"ok\":true", "with progress");
    check(f, counts[0] == TENSORS && counts[1] == 0, "progress is told once for each output");
}

/* --- misuse -------------------------------------------------------------------------------------- */

static void
test_misuse(fixture *f)
{
    eg_verify_options options = {.size = 0};
    expect(f, &f->golden, &options, EG_E_USAGE, "", "options without a size");
    options = (eg_verify_options){.size = sizeof options, .flags = 8};
    expect(f, &f->golden, &options, EG_E_USAGE, "", "an unknown flag");
    options = (eg_verify_options){.size = sizeof options, .tolerance = -1};
    expect(f, &f->golden, &options, EG_E_USAGE, "", "a negative tolerance");
    expect(f, NULL, NULL, EG_E_USAGE, "", "no golden");
    eg_golden golden = f->golden;
    golden.tensor_count = 0;
    expect(f, &golden, NULL, EG_E_INPUT, "", "no tensors");
    golden = f->golden;
    golden.ids = NULL;
    expect(f, &golden, NULL, EG_E_INPUT, "", "no ids");
    golden = f->golden;
    golden.cu_seqlens = NULL;
    expect(f, &golden, NULL, EG_E_USAGE, "", "no cu_seqlens");
    eg_tensor_view tensor = f->tensors[0];
    golden = f->golden;
    golden.tensors = &tensor;
    golden.tensor_count = 1;
    tensor.dims[1]--;
    expect(f, &golden, NULL, EG_E_INPUT, "", "another width");
    tensor = f->tensors[0];
    tensor.name = "last_hidden_stat";
    expect(f, &golden, NULL, EG_E_INPUT, "", "a name that the model has not");
    check(f, strstr(f->err.hint, "last_hidden_state") != NULL, "the nearest name");
    tensor = f->tensors[0];
    tensor.rank = 0;
    expect(f, &golden, NULL, EG_E_USAGE, "", "no shape");
}

/* --- memory -------------------------------------------------------------------------------------- */

/*
 * Fails allocation 1, 2, … until none is reached, each one `share` of itself further on; 0: one by one. Returns how many
 * were refused.
 */
static long
fail_allocations(fixture *f, double share)
{
    long refused = 0;
    for (long n = 1, reached = 1; reached && f->failures < 20; n += 1 + (long)(share * (double)n)) {
        char *json = NULL;
        f->err = (eg_error){.size = sizeof f->err};
        fail_allocation((size_t)n - 1, true);
        eg_status status = eg_verify(f->context, &f->golden, NULL, &json, &f->err);
        reached = allocations_work();
        refused += status == EG_E_NOMEM;
        check(f, status == EG_E_NOMEM || (status == EG_OK && json), "a verification with little memory");
        check(f, reached || strstr(json, "{\"ok\":false"), "a verification with enough memory");
        eg_string_free(json);
    }
    return refused;
}

/* At first plans are made, a score of them; once the cache has them all, what is left is the verification's own. */
static void
test_memory(fixture *f)
{
    float *hidden = (float *)f->tensors[0].data;
    hidden[3] += 0.5f; /* so that causes are looked for */
    long of_plans = fail_allocations(f, 0.02);
    expect(f, &f->golden, NULL, EG_OK, "{\"ok\":false", "a verification after those that failed");
    long of_its_own = fail_allocations(f, 0);
    hidden[3] -= 0.5f;
    printf("%ld and %ld allocations refused\n", of_plans, of_its_own);
    check(f, of_plans > 100 && of_its_own > 100, "allocations were refused");
    expect(f, &f->golden, NULL, EG_OK, "{\"ok\":true", "the context is whole afterwards");
}

int
main(void)
{
    fixture f;
    bool begun = begin(&f);
    check(&f, begun, "opening the model");
    if (begun) {
        test_results(&f);
        test_progress(&f);
        test_misuse(&f);
        test_memory(&f);
    }
    end(&f);
    return f.failures != 0;
}
