/* SPDX-License-Identifier: Apache-2.0 */
/* Every node of what is accepted has a place, a text and a type that the accessors agree with. */
#include "frontend/yaml.h"
#include "tests/fuzz/fuzz.h"

static void
check_node(const eg_yaml *node, int depth)
{
    eg_error err;
    int64_t integer;
    double number;
    bool boolean;
    const char *string;
    FUZZ_CHECK(depth <= 64 && node->line > 0 && node->column > 0 && strlen(node->text) == node->length);
    bool is_int = eg_yaml_as_int(node, INT64_MIN, INT64_MAX, &integer, &err) == EG_OK;
    bool is_number = eg_yaml_as_number(node, &number, &err) == EG_OK;
    bool is_bool = eg_yaml_as_bool(node, &boolean, &err) == EG_OK;
    bool is_string = eg_yaml_as_string(node, &string, &err) == EG_OK;
    FUZZ_CHECK(is_int == (node->type == EG_YAML_INT) && is_bool == (node->type == EG_YAML_BOOL));
    FUZZ_CHECK(is_string == (node->type == EG_YAML_STRING));
    FUZZ_CHECK(is_number == (is_int || node->type == EG_YAML_REAL));
    FUZZ_CHECK(!node->quoted || is_string);
    if (node->type != EG_YAML_LIST && node->type != EG_YAML_MAP)
        return;
    for (size_t i = 0; i < node->count; i++) {
        check_node(node->items[i], depth + 1);
        FUZZ_CHECK((node->items[i]->key != NULL) == (node->type == EG_YAML_MAP));
        if (node->type == EG_YAML_MAP && node->count < 100)
            FUZZ_CHECK(eg_yaml_get(node, node->items[i]->key) == node->items[i]);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    eg_arena arena = {0};
    eg_error err;
    const eg_yaml *root;
    eg_status status = eg_yaml_parse((const char *)data, size, "f", &arena, &root, &err);
    if (status == EG_OK)
        check_node(root, 0);
    else
        fuzz_check_error(status, &err);
    eg_arena_finish(&arena);
    return 0;
}
