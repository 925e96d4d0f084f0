/* SPDX-License-Identifier: Apache-2.0 */
/* What is accepted can be written, read again, and is the same. */
#include "frontend/json.h"
#include "tests/fuzz/fuzz.h"

static void
check_same(const eg_json *a, const eg_json *b)
{
    /* An integer beyond 64 bits is kept as a double, which may be -2^63 exactly. */
    bool narrowed = a->type == EG_JSON_BIG && b->type == EG_JSON_INT && b->integer == INT64_MIN;
    FUZZ_CHECK((a->type == b->type || narrowed) && a->key_length == b->key_length);
    FUZZ_CHECK(!a->key || memcmp(a->key, b->key, a->key_length + 1) == 0);
    if (a->type == EG_JSON_INT)
        FUZZ_CHECK(a->integer == b->integer);
    if (a->type == EG_JSON_INT || a->type == EG_JSON_REAL || a->type == EG_JSON_BIG)
        FUZZ_CHECK(a->real == b->real);
    if (a->type == EG_JSON_STRING)
        FUZZ_CHECK(a->length == b->length && memcmp(a->string, b->string, a->length + 1) == 0);
    if (a->type != EG_JSON_ARRAY && a->type != EG_JSON_OBJECT)
        return;
    FUZZ_CHECK(a->count == b->count);
    for (size_t i = 0; i < a->count; i++)
        check_same(&a->items[i], &b->items[i]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    eg_arena arena = {0};
    eg_error err;
    const eg_json *root, *again;
    eg_status status = eg_json_parse((const char *)data, size, "f", NULL, &arena, &root, &err);
    if (status == EG_OK) {
        eg_strbuf text = {0};
        eg_json_write(root, &text);
        FUZZ_CHECK(!text.failed);
        FUZZ_CHECK(eg_json_parse(text.data, text.length, "f", NULL, &arena, &again, &err) == EG_OK);
        check_same(root, again);
        eg_strbuf_finish(&text);
    } else {
        fuzz_check_error(status, &err);
    }
    eg_arena_finish(&arena);
    return 0;
}
