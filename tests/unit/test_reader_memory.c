/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The readers with each of their allocations failing in turn: every failure is reported as such and nothing leaks (the
 * sanitizer build sees that). Linked with --wrap, so that the library's calls of malloc() and friends come here.
 */
#include <criterion/criterion.h>

#include "frontend/json.h"
#include "frontend/weights.h"
#include "frontend/yaml.h"
#include "tests/unit/failing_alloc.h"
#include "tests/unit/support.h"

typedef eg_status (*attempt_fn)(const void *input, eg_error *err);

/* Lets the first, second, … allocation fail until the attempt succeeds; returns how many it needed. */
static size_t
fail_each(attempt_fn attempt, const void *input)
{
    for (size_t n = 0; n < 100000; n++) {
        eg_error err;
        eg_error_init(&err);
        fail_allocation(n, false);
        eg_status status = attempt(input, &err);
        allocations_work();
        if (status == EG_OK)
            return n;
        cr_assert_eq(status, EG_E_NOMEM, "allocation %zu: %s", n, test_error_line(&err));
        cr_assert_eq(err.code, EG_E_NOMEM);
        cr_assert(strstr(err.message, "out of memory"), "%s", err.message);
    }
    cr_assert(false, "it never succeeds");
    return 0;
}

/* Enough members and text for every kind of growth, a number that needs a copy, and a table of keys. */
static char *
large_json(void)
{
    eg_strbuf text = {0};
    eg_strbuf_puts(&text, "{\"number\": 0.");
    for (int i = 0; i < 100; i++)
        eg_strbuf_puts(&text, "31415926535");
    for (int i = 0; i < 100; i++)
        eg_strbuf_printf(&text, ", \"key%d\": [%d, \"\\u00e9\", {\"a\": null}]", i, i);
    eg_strbuf_puts(&text, "}");
    cr_assert(!text.failed);
    return text.data;
}

static eg_status
attempt_json(const void *input, eg_error *err)
{
    eg_arena arena = {0};
    const eg_json *root;
    eg_status status = eg_json_parse(input, strlen(input), "t.json", NULL, &arena, &root, err);
    eg_arena_finish(&arena);
    return status;
}

Test(reader_memory, json)
{
    char *text = large_json();
    cr_assert_gt(fail_each(attempt_json, text), 5);
    eg_free(text);
}

Test(reader_memory, json_writing)
{
    char *text = large_json();
    eg_arena arena = {0};
    const eg_json *root;
    cr_assert_eq(eg_json_parse(text, strlen(text), "t.json", NULL, &arena, &root, NULL), EG_OK);
    size_t n = 0;
    for (bool failed = true; failed; n++) {
        eg_strbuf written = {0};
        fail_allocation(n, false);
        eg_json_write(root, &written);
        allocations_work();
        failed = written.failed;
        eg_strbuf_finish(&written);
    }
    cr_assert_gt(n, 3);
    eg_arena_finish(&arena);
    eg_free(text);
}

static eg_status
attempt_yaml(const void *input, eg_error *err)
{
    eg_arena arena = {0};
    const eg_yaml *root;
    eg_status status = eg_yaml_load(input, &arena, &root, err);
    eg_arena_finish(&arena);
    return status;
}

Test(reader_memory, yaml)
{
    test_folder folder = test_folder_new();
    eg_strbuf text = {0};
    for (int i = 0; i < 100; i++)
        eg_strbuf_printf(&text, "key%d: [%d, 0.5, 'x', {a: ~, b: plain}]\n", i, i);
    test_write(&folder, "t.yaml", text.data);
    eg_strbuf_finish(&text);
    cr_assert_gt(fail_each(attempt_yaml, test_path(&folder, "t.yaml")), 5);
    test_folder_remove(&folder);
}

static eg_status
attempt_weights(const void *input, eg_error *err)
{
    eg_weights weights;
    eg_status status = eg_weights_open(input, &weights, err);
    eg_weights_close(&weights);
    return status;
}

static void
write_shard(const test_folder *folder, const char *name, char prefix, int count)
{
    eg_strbuf file = {0};
    eg_strbuf_append(&file, "\0\0\0\0\0\0\0\0", 8);
    eg_strbuf_putc(&file, '{');
    for (int i = 0; i < count; i++)
        eg_strbuf_printf(&file, "%s\"%c%d\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[%d,%d]}", i ? "," : "",
                         prefix, i, i, i + 1);
    eg_strbuf_putc(&file, '}');
    for (size_t i = 0, n = file.length - 8; i < 8; i++, n >>= 8)
        file.data[i] = (char)n;
    for (int i = 0; i < count; i++)
        eg_strbuf_putc(&file, (char)i);
    test_write_bytes(folder, name, file.data, file.length);
    eg_strbuf_finish(&file);
}

Test(reader_memory, weights_in_shards)
{
    test_folder folder = test_folder_new();
    write_shard(&folder, "1.safetensors", 'a', 20);
    write_shard(&folder, "2.safetensors", 'b', 20);
    test_write(&folder, "model.safetensors.index.json",
               "{\"weight_map\": {\"a0\": \"1.safetensors\", \"b19\": \"2.safetensors\"}}");
    cr_assert_gt(fail_each(attempt_weights, folder.path), 20);
    test_folder_remove(&folder);
}

static eg_status
attempt_torch_file(const void *input, eg_error *err)
{
    eg_weights weights;
    eg_status status = eg_weights_open_file(input, &weights, err);
    eg_weights_close(&weights);
    return status;
}

Test(reader_memory, torch_files)
{
    cr_assert_gt(fail_each(attempt_torch_file, TORCH_FILES "/zip.bin"), 20);
    cr_assert_gt(fail_each(attempt_torch_file, TORCH_FILES "/pickles.bin"), 20);
}
