/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/yaml.h"

#include <criterion/criterion.h>

#include "tests/unit/support.h"

static eg_arena arena;
static eg_error error;

static void
finish(void)
{
    eg_arena_finish(&arena);
}

TestSuite(yaml, .fini = finish);

static eg_status
parse_bytes(const char *text, size_t n, const eg_yaml **out)
{
    /* A heap block of the exact size, so that the sanitizer sees a read beyond it. */
    char *copy = eg_alloc(n);
    memcpy(copy, text, n);
    eg_status status = eg_yaml_parse(copy, n, "t.yaml", &arena, out, &error);
    eg_free(copy);
    return status;
}

static const eg_yaml *
parse(const char *text)
{
    const eg_yaml *root = NULL;
    eg_status status = parse_bytes(text, strlen(text), &root);
    cr_assert_eq(status, EG_OK, "%s: %s", text, test_error_line(&error));
    return root;
}

static void
check_refused_bytes(const char *text, size_t n, uint32_t line, uint32_t column, const char *message)
{
    const eg_yaml *root;
    cr_assert_neq(parse_bytes(text, n, &root), EG_OK, "accepted: %s", text);
    test_assert_error(&error, EG_E_INPUT, line, column, message);
    cr_assert_str_eq(error.file, "t.yaml");
}

static void
check_refused(const char *text, uint32_t line, uint32_t column, const char *message)
{
    check_refused_bytes(text, strlen(text), line, column, message);
}

Test(yaml, reads_lists_and_maps)
{
    const eg_yaml *root = parse("name: bert\nlayers:\n  - {op: linear, out: 3072}\n  - gelu\nempty: {}\nnone: []\n");
    cr_assert_eq(root->type, EG_YAML_MAP);
    cr_assert_eq(root->count, 4);
    cr_assert_str_eq(eg_yaml_get(root, "name")->text, "bert");
    const eg_yaml *layers = eg_yaml_get(root, "layers");
    cr_assert(layers->type == EG_YAML_LIST && layers->count == 2);
    cr_assert_eq(eg_yaml_get(layers->items[0], "out")->integer, 3072);
    cr_assert_str_eq(layers->items[1]->text, "gelu");
    cr_assert_null(layers->items[1]->key);
    cr_assert(eg_yaml_get(root, "empty")->type == EG_YAML_MAP && eg_yaml_get(root, "none")->count == 0);
    cr_assert_null(eg_yaml_get(root, "gone"));
    cr_assert_null(eg_yaml_get(layers, "op"));
    cr_assert_null(eg_yaml_get(NULL, "op"));
}

Test(yaml, keeps_places_in_characters)
{
    const eg_yaml *root = parse("# é\nключ: 1\nlist:\n  - \"é\"\n  - {é: x, b: y}\n");
    cr_assert(root->line == 2 && root->column == 1);
    const eg_yaml *first = root->items[0], *list = root->items[1];
    cr_assert(first->key_line == 2 && first->key_column == 1 && first->line == 2 && first->column == 7);
    cr_assert(list->key_line == 3 && list->line == 4 && list->column == 3);
    cr_assert(list->items[0]->line == 4 && list->items[0]->column == 5);
    const eg_yaml *b = list->items[1]->items[1];
    cr_assert(b->key_line == 5 && b->key_column == 12 && b->column == 15);
    cr_assert_str_eq(b->file, "t.yaml");
}

static void
check_scalar(const char *text, eg_yaml_type type)
{
    char line[256];
    snprintf(line, sizeof line, "k: %s\n", text);
    const eg_yaml *value = eg_yaml_get(parse(line), "k");
    cr_assert_eq(value->type, type, "%s is %s", text, eg_yaml_type_name(value));
}

Test(yaml, plain_scalars_have_types)
{
    static const struct {
        const char *text;
        eg_yaml_type type;
    } scalars[] = {
        {"", EG_YAML_NULL},
        {"~", EG_YAML_NULL},
        {"null", EG_YAML_NULL},
        {"Null", EG_YAML_STRING},
        {"true", EG_YAML_BOOL},
        {"false", EG_YAML_BOOL},
        {"True", EG_YAML_STRING},
        {"yes", EG_YAML_STRING},
        {"no", EG_YAML_STRING},
        {"on", EG_YAML_STRING},
        {"off", EG_YAML_STRING},
        {"0", EG_YAML_INT},
        {"-0", EG_YAML_INT},
        {"12", EG_YAML_INT},
        {"-12", EG_YAML_INT},
        {"9223372036854775807", EG_YAML_INT},
        {"-9223372036854775808", EG_YAML_INT},
        {"9223372036854775808", EG_YAML_STRING},
        {"-9223372036854775809", EG_YAML_STRING},
        {"010", EG_YAML_STRING},
        {"0x10", EG_YAML_STRING},
        {"0o7", EG_YAML_STRING},
        {"1_000", EG_YAML_STRING},
        {"12abc", EG_YAML_STRING},
        {"+1", EG_YAML_STRING},
        {"--1", EG_YAML_STRING},
        {"1.5", EG_YAML_REAL},
        {"-0.5", EG_YAML_REAL},
        {"1e-12", EG_YAML_REAL},
        {"1E+5", EG_YAML_REAL},
        {"4.0", EG_YAML_REAL},
        {"1.", EG_YAML_STRING},
        {".5", EG_YAML_STRING},
        {"1e", EG_YAML_STRING},
        {"1.5e+", EG_YAML_STRING},
        {"1e-12junk", EG_YAML_STRING},
        {"01.5", EG_YAML_STRING},
        {"1e999", EG_YAML_STRING},
        {".inf", EG_YAML_STRING},
        {"nan", EG_YAML_STRING},
        {".nan", EG_YAML_STRING},
        {"1:30", EG_YAML_STRING},
        {"2024-01-01", EG_YAML_STRING},
        {"'12'", EG_YAML_STRING},
        {"\"true\"", EG_YAML_STRING},
        {"''", EG_YAML_STRING},
        {"|\n  12", EG_YAML_STRING},
        {"$hidden_size", EG_YAML_STRING},
        {"1 2", EG_YAML_STRING},
    };
    for (size_t i = 0; i < sizeof scalars / sizeof *scalars; i++)
        check_scalar(scalars[i].text, scalars[i].type);
}

Test(yaml, numbers_are_exact)
{
    const eg_yaml *root = parse("[1e-12, -0.1, 3.141592653589793238462643, -9223372036854775808, 7]");
    double number;
    cr_assert_eq(eg_yaml_as_number(root->items[0], &number, &error), EG_OK);
    cr_assert_eq(number, 1e-12);
    cr_assert_eq(root->items[1]->real, -0.1);
    cr_assert_eq(root->items[2]->real, 3.141592653589793);
    cr_assert_eq(root->items[3]->integer, INT64_MIN);
    cr_assert_eq(eg_yaml_as_number(root->items[4], &number, &error), EG_OK);
    cr_assert_eq(number, 7.0);
}

Test(yaml, quoted_is_kept)
{
    const eg_yaml *root = parse("a: '12'\nb: \"x\\ty\\u00e9\"\nc: 12\nd: ''\n");
    cr_assert(root->items[0]->quoted && root->items[1]->quoted && !root->items[2]->quoted && root->items[3]->quoted);
    cr_assert_str_eq(root->items[0]->text, "12");
    cr_assert_str_eq(root->items[1]->text, "x\tyé");
    cr_assert_eq(root->items[1]->length, 5);
    cr_assert_str_eq(root->items[2]->text, "12");
}

Test(yaml, keys_are_always_strings)
{
    const eg_yaml *root = parse("1: a\ntrue: b\n'': c\nnull: d\n\"x y\": e\n");
    static const char *const keys[] = {"1", "true", "", "null", "x y"};
    for (size_t i = 0; i < root->count; i++)
        cr_assert_str_eq(root->items[i]->key, keys[i]);
}

Test(yaml, byte_order_mark_and_crlf_are_legal)
{
    const eg_yaml *root = parse("\xef\xbb\xbf"
                                "a: 1\r\nb:\r\n  - x\r\n");
    cr_assert(root->items[0]->key_column == 1 && root->items[0]->integer == 1);
    cr_assert(root->items[1]->key_line == 2 && root->items[1]->items[0]->line == 3);
    check_refused("a: 1\r\nb: \x01\r\n", 2, 4, "U+0001");
    check_refused("\xef\xbb\xbf"
                  "a: 1\na: 2\n",
                  2, 1, "duplicate key 'a'");
}

Test(yaml, one_document_may_have_its_marks)
{
    cr_assert_eq(parse("%YAML 1.1\n--- # start\na: 1\n...\n")->count, 1);
}

Test(yaml, an_empty_file_is_refused)
{
    check_refused("", 1, 1, "the file is empty");
    check_refused("\xef\xbb\xbf", 1, 1, "the file is empty");
    check_refused("# only a comment\n\n", 1, 1, "the file is empty");
    check_refused("---\n", 1, 1, "the file is empty");
    const eg_yaml *root;
    cr_assert_eq(eg_yaml_parse(NULL, 0, NULL, &arena, &root, NULL), EG_E_INPUT);
    cr_assert_eq(parse("~")->type, EG_YAML_NULL);
}

Test(yaml, tabs_do_not_indent)
{
    check_refused("a:\n\tb: 1\n", 2, 1, "a tab in the indentation; indent with spaces");
    check_refused("a:\n  \tb: 1\n", 2, 3, "a tab in the indentation");
    check_refused("\t- a\n", 1, 1, "a tab in the indentation");
    check_refused("a: 1\n\t\nb: 2\n", 2, 1, "a tab in the indentation");
    check_refused("a: [\n\t1]\n", 2, 1, "a tab in the indentation");
    cr_assert_eq(parse("a:\t[1]\nb: 2\t# note\n")->count, 2);
}

Test(yaml, duplicate_keys_are_refused)
{
    check_refused("a: 1\nb: 2\n'a': 3\n", 3, 1, "duplicate key 'a'; it is already at line 1");
    check_refused("x:\n  - {a: 1, b: 1, a: 2}\n", 2, 18, "duplicate key 'a'");
    eg_strbuf text = {0};
    for (int i = 0; i < 500; i++)
        eg_strbuf_printf(&text, "key%d: %d\n", i, i);
    cr_assert_eq(parse(text.data)->count, 500);
    eg_strbuf_puts(&text, "key250: 1\n");
    check_refused(text.data, 501, 1, "duplicate key 'key250'; it is already at line 251");
    eg_strbuf_finish(&text);
}

Test(yaml, unwanted_features_are_refused)
{
    check_refused("a: &x 1\n", 1, 4, "anchors are not allowed: &x");
    check_refused("a: &x [1]\nb: *x\n", 1, 4, "anchors are not allowed");
    check_refused("a: &x {b: *x}\n", 1, 4, "anchors are not allowed");
    check_refused("&k a: 1\n", 1, 1, "anchors are not allowed: &k");
    check_refused("b:\n  - *x\n", 2, 5, "aliases are not allowed: *x");
    check_refused("*x : 1\n", 1, 1, "aliases are not allowed");
    check_refused("a: !!int 12\n", 1, 4, "tags are not allowed: tag:yaml.org,2002:int");
    check_refused("a: !mine {b: 1}\n", 1, 4, "tags are not allowed: !mine");
    check_refused("a: ! x\n", 1, 4, "tags are not allowed");
    check_refused("!x [1]\n", 1, 1, "tags are not allowed");
    check_refused("%TAG !a! tag:x,2000:\n---\na: 1\n", 1, 1, "tags are not allowed");
    check_refused("a: 1\n<<: {b: 2}\n", 2, 1, "merge keys are not allowed");
    cr_assert_str_eq(parse("'<<': 1\n")->items[0]->key, "<<");
    check_refused("a: 1\n---\nb: 2\n", 2, 1, "a second document begins");
    check_refused("a: 1\n---\n", 2, 1, "a second document begins");
    check_refused("a: 1\n...\n---\nb: 2\n", 3, 1, "a second document begins");
}

Test(yaml, keys_are_plain_or_quoted)
{
    check_refused("? [a, b]\n: 1\n", 1, 3, "a key must be plain or quoted text");
    check_refused("{{a: 1}: 2}\n", 1, 2, "a key must be plain or quoted text");
    check_refused("? |\n  a\n: 1\n", 1, 3, "a key must be plain or quoted text");
    check_refused("?\n: 2\n", 1, 2, "a key is missing before ':'");
}

/* n opening brackets in flow style, or n levels of indentation. */
static char *
deep(size_t n, bool closed)
{
    char *text = eg_alloc(2 * n + 1);
    memset(text, '[', n);
    memset(text + n, ']', closed ? n : 0);
    text[closed ? 2 * n : n] = '\0';
    return text;
}

Test(yaml, depth_is_limited)
{
    char *text = deep(64, true);
    cr_assert_eq(parse(text)->type, EG_YAML_LIST);
    eg_free(text);
    text = deep(65, true);
    check_refused(text, 1, 65, "nested deeper than 64 levels");
    eg_free(text);
    text = deep(50000, false);
    check_refused(text, 1, 65, "nested deeper than 64 levels");
    eg_free(text);

    eg_strbuf block = {0};
    for (int i = 0; i < 500; i++)
        eg_strbuf_printf(&block, "%*sa:\n", i, "");
    check_refused(block.data, 65, 65, "nested deeper than 64 levels");
    eg_strbuf_finish(&block);
}

Test(yaml, size_is_limited)
{
    size_t n = (1 << 20) + 1;
    char *text = eg_alloc(n);
    memset(text, 'a', n);
    check_refused_bytes(text, n, 0, 0, "has 1048577 bytes, more than the 1048576 that are allowed");
    const eg_yaml *root;
    cr_assert_eq(parse_bytes(text, n - 1, &root), EG_OK);
    cr_assert_eq(root->length, n - 1);

    test_folder folder = test_folder_new();
    const char *path = test_write_bytes(&folder, "big.yaml", text, n);
    cr_assert_eq(eg_yaml_load(path, &arena, &root, &error), EG_E_INPUT);
    test_assert_error(&error, EG_E_INPUT, 0, 0, "has 1048577 bytes");
    test_folder_remove(&folder);
    eg_free(text);
}

Test(yaml, bad_bytes_are_refused)
{
    check_refused("a: 1\nb: é\xff\n", 2, 5, "byte 0xff is not valid UTF-8");
    check_refused("a: \xc3", 1, 4, "byte 0xc3 is not valid UTF-8");
    check_refused("a: \xed\xa0\x80\n", 1, 4, "byte 0xed is not valid UTF-8");
    check_refused_bytes("a: x\0y\n", 7, 1, 5, "unexpected character U+0000");
    check_refused("a: \"x\\0y\"\n", 1, 4, "U+0000 is not allowed in a string");
    check_refused("\"a\\0\": 1\n", 1, 1, "U+0000 is not allowed in a string");
    check_refused("a: \"\\ud800\"\n", 1, 7, "invalid Unicode character escape code");
    check_refused("a: \x1b\n", 1, 4, "unexpected character U+001B");
    check_refused("a: \xef\xbb\xbf\n", 1, 4, "unexpected character U+FEFF");
    check_refused_bytes("\xff\xfe"
                        "a\0:\0",
                        6, 1, 1, "UTF-16; save it as UTF-8");
    check_refused_bytes("\xfe\xff\0a\0:", 6, 1, 1, "UTF-16");
    check_refused_bytes("a\0:\0 \0", 6, 1, 2, "unexpected character U+0000");
}

Test(yaml, syntax_errors_have_places)
{
    check_refused("a: b: c\n", 1, 5, "mapping values are not allowed in this context");
    check_refused("a: [1, 2\nb: 3\n", 2, 2, "while parsing a flow sequence that begins at line 1");
    check_refused("a: 'x\n", 2, 1, "unexpected end of stream");
    check_refused("a: 1\n b: 2\n", 2, 3, "mapping values");
    check_refused("a:\n  - 1\n b: 2\n", 3, 2, "did not find expected");
    check_refused("a: @x\n", 1, 4, "cannot start any token");
}

Test(yaml, accessors_return_values)
{
    const eg_yaml *root = parse("{i: 12, r: 0.5, b: true, s: x, q: '12'}");
    int64_t integer;
    double number;
    bool boolean;
    const char *string;
    cr_assert_eq(eg_yaml_as_int(eg_yaml_get(root, "i"), 1, 12, &integer, &error), EG_OK);
    cr_assert_eq(integer, 12);
    cr_assert_eq(eg_yaml_as_number(eg_yaml_get(root, "r"), &number, &error), EG_OK);
    cr_assert_eq(number, 0.5);
    cr_assert_eq(eg_yaml_as_bool(eg_yaml_get(root, "b"), &boolean, &error), EG_OK);
    cr_assert(boolean);
    cr_assert_eq(eg_yaml_as_string(eg_yaml_get(root, "q"), &string, &error), EG_OK);
    cr_assert_str_eq(string, "12");
    cr_assert_eq(eg_yaml_expect(root, EG_YAML_MAP, &error), EG_OK);
}

static void
check_no_int(const char *text, const char *line)
{
    char source[128];
    int64_t out;
    snprintf(source, sizeof source, "k: %s\n", text);
    const eg_yaml *value = eg_yaml_get(parse(source), "k");
    cr_assert_eq(eg_yaml_as_int(value, 1, 100, &out, &error), EG_E_INPUT, "%s", text);
    cr_assert_str_eq(test_error_line(&error), line);
}

Test(yaml, integers_have_one_form)
{
    check_no_int("12abc", "t.yaml:1:4: 12abc is no integer; write -?(0|[1-9][0-9]*)");
    check_no_int("010", "t.yaml:1:4: 010 is no integer; write -?(0|[1-9][0-9]*)");
    check_no_int("0x10", "t.yaml:1:4: 0x10 is no integer; write -?(0|[1-9][0-9]*)");
    check_no_int("1_000", "t.yaml:1:4: 1_000 is no integer; write -?(0|[1-9][0-9]*)");
    check_no_int("4.0", "t.yaml:1:4: 4.0 is no integer; write -?(0|[1-9][0-9]*)");
    check_no_int("yes", "t.yaml:1:4: yes is no integer; write -?(0|[1-9][0-9]*)");
    check_no_int("'12'", "t.yaml:1:4: \"12\" in quotes is a string, no integer; write -?(0|[1-9][0-9]*)");
    check_no_int("[1]", "t.yaml:1:4: a list is no integer; write -?(0|[1-9][0-9]*)");
    check_no_int("~", "t.yaml:1:4: ~ is no integer; write -?(0|[1-9][0-9]*)");
    check_no_int("", "t.yaml:1:3: null is no integer; write -?(0|[1-9][0-9]*)");
    check_no_int("0", "t.yaml:1:4: 0 is out of range; write an integer from 1 to 100");
    check_no_int("-1", "t.yaml:1:4: -1 is out of range; write an integer from 1 to 100");
    check_no_int("101", "t.yaml:1:4: 101 is out of range; write an integer from 1 to 100");
    check_no_int("9223372036854775808",
                 "t.yaml:1:4: 9223372036854775808 is beyond 64 bits; write an integer from 1 to 100");
}

Test(yaml, accessors_refuse_other_types)
{
    const eg_yaml *root = parse("n: nan\nb: yes\ns: 12\nm: {}\nl:\n  - 1\n");
    double number;
    bool boolean;
    const char *string;
    cr_assert_eq(eg_yaml_as_number(eg_yaml_get(root, "n"), &number, &error), EG_E_INPUT);
    test_assert_error(&error, EG_E_INPUT, 1, 4, "nan is no finite number");
    cr_assert_eq(eg_yaml_as_bool(eg_yaml_get(root, "b"), &boolean, &error), EG_E_INPUT);
    cr_assert_str_eq(test_error_line(&error), "t.yaml:2:4: yes is no boolean; write true or false");
    cr_assert_eq(eg_yaml_as_string(eg_yaml_get(root, "s"), &string, &error), EG_E_INPUT);
    cr_assert_str_eq(test_error_line(&error), "t.yaml:3:4: 's' is an integer; expected a string");
    cr_assert_eq(eg_yaml_expect(eg_yaml_get(root, "m"), EG_YAML_LIST, &error), EG_E_INPUT);
    cr_assert_str_eq(test_error_line(&error), "t.yaml:4:4: 'm' is a map; expected a list");
    cr_assert_eq(eg_yaml_expect(eg_yaml_get(root, "l")->items[0], EG_YAML_MAP, &error), EG_E_INPUT);
    cr_assert_str_eq(test_error_line(&error), "t.yaml:6:5: this is an integer; expected a map");
}

Test(yaml, unknown_keys_are_refused_with_the_nearest)
{
    static const char *const known[] = {"hidden_size", "layers", "heads"};
    const eg_yaml *root = parse("layers: 2\nhiden_size: 4\n");
    cr_assert_eq(eg_yaml_check_keys(root, known, 3, &error), EG_E_INPUT);
    cr_assert_str_eq(test_error_line(&error), "t.yaml:2:1: unknown key 'hiden_size'; did you mean 'hidden_size'?");
    root = parse("wholly_other: 4\n");
    cr_assert_eq(eg_yaml_check_keys(root, known, 3, &error), EG_E_INPUT);
    cr_assert_str_eq(test_error_line(&error),
                     "t.yaml:1:1: unknown key 'wholly_other'; known are hidden_size, layers, heads");
    cr_assert_eq(eg_yaml_check_keys(parse("{heads: 1, layers: 2}"), known, 3, &error), EG_OK);
    cr_assert_eq(eg_yaml_check_keys(parse("[heads]"), known, 3, &error), EG_E_INPUT);
}

Test(yaml, errors_can_be_put_at_a_key)
{
    const eg_yaml *root = parse("a:\n  bc: 1\n");
    const eg_yaml *node = eg_yaml_get(eg_yaml_get(root, "a"), "bc");
    cr_assert_eq(eg_yaml_fail_key(node, &error, "no %s", "good"), EG_E_INPUT);
    cr_assert_str_eq(test_error_line(&error), "t.yaml:2:3: no good");
    cr_assert_eq(eg_yaml_fail(node, &error, "no good"), EG_E_INPUT);
    cr_assert_str_eq(test_error_line(&error), "t.yaml:2:7: no good");
    cr_assert_eq(eg_yaml_fail_key(root, &error, "no good"), EG_E_INPUT);
    cr_assert_str_eq(test_error_line(&error), "t.yaml:1:1: no good");
}

Test(yaml, loads_files)
{
    test_folder folder = test_folder_new();
    const eg_yaml *root;
    const char *path = test_write(&folder, "m.yaml", "a: 1\nb: 12 34: 5\n");
    cr_assert_eq(eg_yaml_load(path, &arena, &root, &error), EG_E_INPUT);
    cr_assert_str_eq(error.file, path);
    cr_assert_eq(error.line, 2);
    path = test_write(&folder, "good.yaml", "a: 1\n");
    cr_assert_eq(eg_yaml_load(path, &arena, &root, &error), EG_OK);
    cr_assert_str_eq(root->file, path);
    cr_assert_eq(eg_yaml_load(folder.path, &arena, &root, &error), EG_E_INPUT);
    test_assert_error(&error, EG_E_INPUT, 0, 0, "is a directory");
    test_folder_remove(&folder);
}
