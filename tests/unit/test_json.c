/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/json.h"

#include <criterion/criterion.h>
#include <float.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>

#include "frontend/file.h"
#include "tests/unit/support.h"

/* A parsed text and what it takes to free it. */
typedef struct parsed {
    eg_arena arena;
    eg_error error;
    eg_status status;
    const eg_json *root;
} parsed;

static parsed
parse_bytes(const char *text, size_t n, const eg_json_limits *limits)
{
    parsed result = {0};
    eg_error_init(&result.error);
    /* A heap block of the exact size, so that the sanitizer sees a read beyond it. */
    char *copy = eg_alloc(n);
    memcpy(copy, text, n);
    result.status = eg_json_parse(copy, n, "t.json", limits, &result.arena, &result.root, &result.error);
    eg_free(copy); /* the tree has copies of all it needs */
    return result;
}

static parsed
parse(const char *text)
{
    return parse_bytes(text, strlen(text), NULL);
}

static void
check_refused_bytes(const char *text, size_t n, uint32_t line, uint32_t column, const char *message)
{
    parsed p = parse_bytes(text, n, NULL);
    cr_assert_neq(p.status, EG_OK, "accepted: %s", text);
    test_assert_error(&p.error, EG_E_INPUT, line, column, message);
    cr_assert_str_eq(p.error.file, "t.json");
    eg_arena_finish(&p.arena);
}

static void
check_refused(const char *text, uint32_t line, uint32_t column, const char *message)
{
    check_refused_bytes(text, strlen(text), line, column, message);
}

/* Parses and writes again. */
static void
check_written(const char *text, const char *expected)
{
    parsed p = parse(text);
    cr_assert_eq(p.status, EG_OK, "%s: %s", text, test_error_line(&p.error));
    eg_strbuf written = {0};
    eg_json_write(p.root, &written);
    cr_assert_str_eq(written.data, expected);
    eg_strbuf_finish(&written);
    eg_arena_finish(&p.arena);
}

Test(json, reads_every_type)
{
    parsed p = parse("{\"a\": [null, true, false, -12, 1.5, 123456789012345678901, \"x\"], \"b\": {}}");
    cr_assert_eq(p.status, EG_OK);
    cr_assert_eq(p.root->type, EG_JSON_OBJECT);
    const eg_json *a = eg_json_get(p.root, "a");
    cr_assert_eq(a->count, 7);
    static const eg_json_type types[] = {EG_JSON_NULL, EG_JSON_BOOL, EG_JSON_BOOL,  EG_JSON_INT,
                                         EG_JSON_REAL, EG_JSON_BIG,  EG_JSON_STRING};
    for (size_t i = 0; i < a->count; i++)
        cr_assert_eq(a->items[i].type, types[i]);
    cr_assert(a->items[1].boolean && !a->items[2].boolean);
    cr_assert_eq(a->items[3].integer, -12);
    cr_assert_eq(a->items[3].real, -12.0);
    cr_assert_eq(a->items[4].real, 1.5);
    cr_assert_eq(a->items[5].real, 123456789012345678901.0);
    cr_assert_str_eq(a->items[6].string, "x");
    cr_assert_eq(eg_json_get(p.root, "b")->count, 0);
    cr_assert_null(eg_json_get(p.root, "c"));
    cr_assert_null(eg_json_get(a, "a"));
    cr_assert_null(eg_json_get(NULL, "a"));
    eg_arena_finish(&p.arena);
}

Test(json, keeps_places_in_characters)
{
    parsed p = parse("{\r\n  \"ключ\": 1,\n\t\"b\" : [ \"é\", 2]}");
    cr_assert_eq(p.status, EG_OK);
    const eg_json *key = &p.root->items[0], *list = &p.root->items[1];
    cr_assert(p.root->line == 1 && p.root->column == 1);
    cr_assert(key->key_line == 2 && key->key_column == 3 && key->line == 2 && key->column == 11);
    cr_assert(list->key_line == 3 && list->key_column == 2 && list->column == 8);
    cr_assert(list->items[0].column == 10 && list->items[1].column == 15);
    eg_arena_finish(&p.arena);
}

Test(json, reads_escapes)
{
    parsed p = parse("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\", \"\\u00e9\\u20AC\\ud83d\\uDE00\", \"a\\u0000b\"]");
    cr_assert_eq(p.status, EG_OK);
    cr_assert_str_eq(p.root->items[0].string, "\"\\/\b\f\n\r\t");
    cr_assert_str_eq(p.root->items[1].string, "é€😀");
    cr_assert_eq(p.root->items[2].length, 3);
    cr_assert_arr_eq(p.root->items[2].string, "a\0b\0", 4);
    eg_arena_finish(&p.arena);
}

Test(json, keys_that_differ_after_nul_are_two)
{
    parsed p = parse("{\"a\\u0000b\": 1, \"a\\u0000c\": 2, \"a\": 3}");
    cr_assert_eq(p.status, EG_OK);
    cr_assert_eq(eg_json_get(p.root, "a")->integer, 3);
    eg_arena_finish(&p.arena);
}

Test(json, integers_end_at_64_bits)
{
    parsed p = parse("[9223372036854775807, -9223372036854775808, 9223372036854775808, -9223372036854775809, "
                     "18446744073709551616, 1e2, -0, 1000000000000000019884624838656]");
    cr_assert_eq(p.status, EG_OK);
    const eg_json *n = p.root->items;
    cr_assert(n[0].type == EG_JSON_INT && n[0].integer == INT64_MAX);
    cr_assert(n[1].type == EG_JSON_INT && n[1].integer == INT64_MIN);
    cr_assert(n[2].type == EG_JSON_BIG && n[2].real == 9223372036854775808.0);
    cr_assert(n[3].type == EG_JSON_BIG && n[3].real == -9223372036854775808.0);
    cr_assert(n[4].type == EG_JSON_BIG && n[4].real == 18446744073709551616.0);
    cr_assert(n[5].type == EG_JSON_REAL && n[5].real == 100.0);
    cr_assert(n[6].type == EG_JSON_INT && n[6].integer == 0 && signbit(n[6].real));
    cr_assert(n[7].type == EG_JSON_BIG && n[7].real == 1e30);
    eg_arena_finish(&p.arena);
}

Test(json, reals_are_exact)
{
    static const char *const numbers[] = {
        "0.1",
        "1e-12",
        "-13.815510557964274",
        "9007199254740993.0",
        "9007199254740992.0",
        "1e22",
        "1e23",
        "123456789012345e22",
        "1.7976931348623157e308",
        "4.9e-324",
        "2.5e-324",
        "0e999999",
        "0.000000000000000000001",
        "5e-1",
        "3.141592653589793238462643383",
        "1E+2",
        "123.456e-7",
        "8.41e21",
        "2.2250738585072011e-308",
        "1e-400",
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        parsed p = parse(numbers[i]);
        cr_assert_eq(p.status, EG_OK, "%s", numbers[i]);
        cr_assert_eq(p.root->type, EG_JSON_REAL, "%s", numbers[i]);
        cr_assert_eq(p.root->real, strtod(numbers[i], NULL), "%s is %a", numbers[i], p.root->real);
        eg_arena_finish(&p.arena);
    }
}

/* The scores that Hugging Face's tokenizers 0.23.3 gives back of a tokenizer.json with these. */
Test(json, reals_as_serde_json_reads_them)
{
    static const struct {
        const char *text;
        double value;
    } numbers[] = {
        {"-7.3664203194584905", -0x1.d7736e362a808p+2},
        {"-7.4947803010574345", -0x1.dfaa7afeefca4p+2},
        {"-13.815510557964274", -0x1.ba18a998fffa0p+3},
        {"123456789012345678901.25", 0x1.ac53a7e04bcd9p+66},
        {"-0.1234567890123456789012345", -0x1.f9add3746f65fp-4},
        {"-1.2345678901234567e-05", -0x1.9e409302678bap-17},
        {"98765432109876543210987.5", 0x1.4ea15b5a63f1fp+76},
        {"1.7976931348623157e300", 0x1.5798ee2308c39p+997},
        {"4.9e-324", 0x0.0000000000001p-1022},
        {"2.2250738585072011e-308", 0x1.0000000000000p-1022},
        {"1e-400", 0},
        {"12345678901234567890.5e-30", 0x1.b25ffd636ec11p-37},
        {"18446744073709551615.9", 0x1.0000000000000p+64},
        {"184467440737095516159.5", 0x1.4000000000000p+67},
        {"3.141592653589793238462643383", 0x1.921fb54442d18p+1},
        {"-5e-1", -0.5},
        {"1234.5678e+20", 0x1.a249aff0bf22ep+76},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        const eg_json_limits limits = {.rounds_twice = true};
        parsed p = parse_bytes(numbers[i].text, strlen(numbers[i].text), &limits);
        cr_assert_eq(p.status, EG_OK, "%s", numbers[i].text);
        cr_assert_eq(p.root->real, numbers[i].value, "%s is %a", numbers[i].text, p.root->real);
        eg_arena_finish(&p.arena);
    }
}

/* Random digits at random places: whichever way the reader converts, it is strtod()'s result to the last bit. */
Test(json, random_reals_are_exact)
{
    uint64_t random = 88172645463325252u;
    for (int i = 0; i < 20000; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        uint64_t digits = random >> (random % 40);
        char text[64];
        snprintf(text, sizeof text, "%" PRIu64 ".%ue%d", digits, (unsigned)(random >> 5) % 1000,
                 (int)(random % 61) - 30);
        parsed p = parse(text);
        cr_assert_eq(p.status, EG_OK);
        cr_assert_eq(p.root->real, strtod(text, NULL), "%s", text);
        eg_arena_finish(&p.arena);
    }
}

Test(json, the_programs_locale_does_not_matter)
{
    if (!setlocale(LC_ALL, "de_DE.UTF-8") && !setlocale(LC_ALL, "fr_FR.UTF-8"))
        cr_skip_test("no locale with a decimal comma is installed");
    parsed p = parse("3.141592653589793238462643383");
    cr_assert_eq(p.root->real, 3.141592653589793);
    eg_arena_finish(&p.arena);
    check_written("[0.5]", "[0.5]");
}

Test(json, strings_are_copied)
{
    char text[] = "[\"abc\"]";
    eg_arena arena = {0};
    const eg_json *root;
    cr_assert_eq(eg_json_parse(text, strlen(text), NULL, NULL, &arena, &root, NULL), EG_OK);
    memset(text, 'x', sizeof text);
    cr_assert_str_eq(root->items[0].string, "abc");
    eg_arena_finish(&arena);
}

Test(json, refuses_what_is_no_value)
{
    check_refused("", 1, 1, "the text is empty");
    check_refused(" \n ", 2, 2, "the text is empty");
    check_refused("nul", 1, 1, "unexpected 'n'; expected a JSON value");
    check_refused("NaN", 1, 1, "unexpected 'N'");
    check_refused("[Infinity]", 1, 2, "unexpected 'I'");
    check_refused("[-Infinity]", 1, 3, "unexpected 'I'; expected a digit");
    check_refused("'a'", 1, 1, "unexpected '''");
    check_refused("[1, // no\n2]", 1, 5, "unexpected '/'");
    check_refused("[\"é\", ж]", 1, 7, "unexpected 'ж'");
    check_refused("[\x7f]", 1, 2, "unexpected character U+007F");
    check_refused_bytes("[\0]", 3, 1, 2, "unexpected character U+0000");
}

Test(json, refuses_bad_numbers)
{
    check_refused("01", 1, 1, "superfluous 0");
    check_refused("[1, -012]", 1, 5, "superfluous 0");
    check_refused("1.", 1, 3, "the text ends too early; expected a digit after the decimal point");
    check_refused("[1.e5]", 1, 4, "unexpected 'e'");
    check_refused("[.5]", 1, 2, "unexpected '.'");
    check_refused("[+1]", 1, 2, "unexpected '+'");
    check_refused("[-]", 1, 3, "unexpected ']'; expected a digit");
    check_refused("[1e]", 1, 4, "expected a digit of the exponent");
    check_refused("[1e+]", 1, 5, "expected a digit of the exponent");
    check_refused("[1e999]", 1, 2, "1e999 is beyond the range of a double");
    check_refused("[0x10]", 1, 3, "unexpected 'x'; expected ',' or ']'");
    check_refused("[1 2]", 1, 4, "unexpected '2'; expected ',' or ']'");
}

Test(json, refuses_bad_structure)
{
    check_refused("[1,]", 1, 4, "unexpected ']'");
    check_refused("[1", 1, 3, "the text ends too early; expected ',' or ']'");
    check_refused("[1}", 1, 3, "unexpected '}'; expected ',' or ']'");
    check_refused("{\"a\":1,}", 1, 8, "unexpected '}'; expected a key in double quotes");
    check_refused("{a:1}", 1, 2, "expected a key in double quotes");
    check_refused("{\"a\" 1}", 1, 6, "unexpected '1'; expected ':' after the key");
    check_refused("{\"a\":}", 1, 6, "unexpected '}'");
    check_refused("{\"a\":1 \"b\":2}", 1, 8, "expected ',' or '}'");
    check_refused("{} x", 1, 4, "unexpected 'x'; expected nothing after the end of the JSON value");
    check_refused("1\n\n2", 3, 1, "nothing after the end");
    check_refused_bytes("1\0", 2, 1, 2, "U+0000");
}

Test(json, refuses_bad_strings)
{
    check_refused("[\"abc", 1, 2, "the string has no end");
    check_refused("[\"abc\\", 1, 2, "the string has no end");
    check_refused("[\"abc\\\"", 1, 2, "the string has no end");
    check_refused("[\"a\nb\"]", 1, 4, "control character U+000A in a string; expected an escape");
    check_refused_bytes("[\"a\0b\"]", 7, 1, 4, "control character U+0000 in a string");
    check_refused("[\"é\\x\"]", 1, 4, "unknown escape \\x in a string");
    check_refused("[\"\\\n\"]", 1, 3, "unknown escape in a string");
    check_refused("[\"\\é\"]", 1, 3, "unknown escape in a string");
    check_refused("[\"\\u12g4\"]", 1, 3, "expected four hexadecimal digits");
    check_refused("[\"\\u12\"]", 1, 3, "expected four hexadecimal digits");
    check_refused("[\"ab\\ud800\"]", 1, 5, "lone surrogate \\ud800");
    check_refused("[\"\\ud800x\"]", 1, 3, "lone surrogate");
    check_refused("[\"\\ud800\\u0041\"]", 1, 3, "lone surrogate");
    check_refused("[\"\\ud800\\ud800\"]", 1, 3, "lone surrogate");
    check_refused("[\"\\udc00\\ud800\"]", 1, 3, "lone surrogate \\udc00");
}

Test(json, refuses_bad_utf8)
{
    check_refused("[\"ab\xff\"]", 1, 5, "byte 0xff is not valid UTF-8");
    check_refused("[\"\xc0\x80\"]", 1, 3, "byte 0xc0");
    check_refused("[\"\xed\xa0\x80\"]", 1, 3, "byte 0xed");
    check_refused("[\"\xf4\x90\x80\x80\"]", 1, 3, "byte 0xf4");
    check_refused("[\"\xe2\x82\"]", 1, 3, "byte 0xe2");
    check_refused("[\"\xe2\x82", 1, 3, "byte 0xe2");
    check_refused("{\"\xff\": 1}", 1, 3, "byte 0xff");
    check_refused("[1\xff]", 1, 3, "byte 0xff is not valid UTF-8");
}

Test(json, refuses_other_encodings)
{
    check_refused("\xef\xbb\xbf{}", 1, 1, "byte order mark");
    check_refused_bytes("\xff\xfe{\0}\0", 6, 1, 1, "UTF-16");
    check_refused_bytes("\xfe\xff\0{\0}", 6, 1, 1, "UTF-16");
}

Test(json, refuses_duplicate_keys)
{
    check_refused("{\"a\": 1,\n \"b\": 2,\n \"a\": 3}", 3, 2, "duplicate key 'a'; it is already at line 1, column 2");
    check_refused("{\"a\": 1, \"\\u0061\": 2}", 1, 10, "duplicate key 'a'");
    check_refused("{\"\": 1, \"\": 2}", 1, 9, "duplicate key ''");
}

/* n members with distinct keys, one a line, then one more member. */
static char *
many_members(size_t n, const char *last)
{
    eg_strbuf text = {0};
    eg_strbuf_puts(&text, "{");
    for (size_t i = 0; i < n; i++)
        eg_strbuf_printf(&text, "\"key%zu\": %zu,\n", i, i);
    eg_strbuf_puts(&text, last);
    eg_strbuf_puts(&text, "}");
    cr_assert(!text.failed);
    return text.data;
}

Test(json, finds_duplicates_among_many)
{
    static const size_t counts[] = {11, 12, 13, 31, 32, 33, 1000, 100000};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        size_t n = counts[i];
        char *text = many_members(n, "\"last\": 0");
        parsed p = parse(text);
        cr_assert_eq(p.status, EG_OK, "%s", test_error_line(&p.error));
        cr_assert_eq(p.root->count, n + 1);
        cr_assert_eq(p.root->items[n - 1].integer, (int64_t)n - 1);
        eg_arena_finish(&p.arena);
        eg_free(text);

        text = many_members(n, "\"key7\": 0");
        check_refused(text, (uint32_t)n + 1, 1, "duplicate key 'key7'; it is already at line 8, column 1");
        eg_free(text);
    }
}

Test(json, depth_is_limited)
{
    char text[2 * 129 + 1];
    memset(text, '[', 128);
    memset(text + 128, ']', 128);
    parsed p = parse_bytes(text, 256, NULL);
    cr_assert_eq(p.status, EG_OK);
    eg_arena_finish(&p.arena);
    memset(text, '[', 129);
    memset(text + 129, ']', 129);
    check_refused_bytes(text, 258, 1, 129, "nested deeper than 128 levels");

    size_t deep = 200000;
    char *bomb = eg_alloc(deep);
    memset(bomb, '[', deep);
    check_refused_bytes(bomb, deep, 1, 129, "nested deeper than 128 levels");
    eg_free(bomb);

    eg_json_limits limits = {.max_depth = 2};
    p = parse_bytes("{\"a\":[{}]}", 10, &limits);
    test_assert_error(&p.error, EG_E_INPUT, 1, 7, "nested deeper than 2 levels");
    eg_arena_finish(&p.arena);
    p = parse_bytes("[[],[],{},[]]", 13, &limits);
    cr_assert_eq(p.status, EG_OK, "siblings are no depth");
    eg_arena_finish(&p.arena);
}

Test(json, size_is_limited)
{
    eg_json_limits limits = {.max_bytes = 4};
    parsed p = parse_bytes("[1, 2]", 6, &limits);
    test_assert_error(&p.error, EG_E_INPUT, 0, 0, "has 6 bytes, more than the 4 that are allowed");
    eg_arena_finish(&p.arena);
    p = parse_bytes("[12]", 4, &limits);
    cr_assert_eq(p.status, EG_OK);
    eg_arena_finish(&p.arena);
}

Test(json, errors_may_be_ignored)
{
    eg_arena arena = {0};
    const eg_json *root;
    cr_assert_eq(eg_json_parse("[", 1, NULL, NULL, &arena, &root, NULL), EG_E_INPUT);
    cr_assert_eq(eg_json_parse("{\"a\":1,\"a\":2}", 13, NULL, NULL, &arena, &root, NULL), EG_E_INPUT);
    cr_assert_eq(eg_json_parse(NULL, 0, NULL, NULL, &arena, &root, NULL), EG_E_INPUT);
    eg_arena_finish(&arena);
}

Test(json, writes_compact_text)
{
    check_written(" { \"a\" : [ 1 , -2.50, true, false, null ], \"b\\n\": {\"\\u0000\": \"é\\\"\"} } ",
                  "{\"a\":[1,-2.5,true,false,null],\"b\\n\":{\"\\u0000\":\"é\\\"\"}}");
    check_written("[0.1, 1e-12, 1.0, 5e-324, 1e300, 0.3333333333333333]",
                  "[0.1,1e-12,1.0,4.94065645841247e-324,1e+300,0.3333333333333333]");
    check_written("[1000000000000000019884624838656]", "[1000000000000000019884624838656]");
    check_written("[]", "[]");
}

Test(json, names_the_wrong_type)
{
    parsed p = parse("{\"layers\": \"12\", \"list\": [{}]}");
    eg_error err;
    cr_assert_eq(eg_json_wrong_type(&p.root->items[0], "c.json", "an integer", &err), EG_E_INPUT);
    cr_assert_str_eq(test_error_line(&err), "c.json:1:12: 'layers' is a string; expected an integer");
    cr_assert_eq(eg_json_wrong_type(&p.root->items[1].items[0], "c.json", "a number", &err), EG_E_INPUT);
    cr_assert_str_eq(test_error_line(&err), "c.json:1:27: the value is an object; expected a number");
    eg_arena_finish(&p.arena);
}

Test(file, maps_regular_files_and_links_to_them)
{
    test_folder folder = test_folder_new();
    eg_error err;
    eg_file file;
    const char *path = test_write(&folder, "a", "hello");
    cr_assert_eq(eg_file_map(path, 5, &file, &err), EG_OK);
    cr_assert_eq(file.size, 5);
    cr_assert_arr_eq(file.data, "hello", 5);
    cr_assert_str_eq(file.path, path);
    cr_assert(file.ino != 0 && file.mtime_ns > 0);
    eg_file_unmap(&file);
    eg_file_unmap(&file);

    cr_assert_eq(symlink("a", test_path(&folder, "link")), 0);
    cr_assert_eq(eg_file_map(test_path(&folder, "link"), 0, &file, &err), EG_OK);
    cr_assert_eq(file.size, 5);
    eg_file_unmap(&file);

    cr_assert_eq(eg_file_map(test_write(&folder, "empty", ""), 0, &file, &err), EG_OK);
    cr_assert(file.size == 0 && file.data == NULL);
    eg_file_unmap(&file);
    cr_assert(eg_file_exists(test_path(&folder, "link")) && eg_file_exists(folder.path));
    cr_assert_eq(symlink("nothing", test_path(&folder, "broken")), 0);
    cr_assert(eg_file_exists(test_path(&folder, "broken")), "a broken link is there");
    cr_assert(eg_is_directory(folder.path) && !eg_is_directory(path) && !eg_file_exists(test_path(&folder, "no")));
    test_folder_remove(&folder);
}

static void
check_not_mapped(const char *path, size_t max_bytes, const char *message)
{
    eg_error err;
    eg_file file;
    cr_assert_eq(eg_file_map(path, max_bytes, &file, &err), EG_E_INPUT);
    test_assert_error(&err, EG_E_INPUT, 0, 0, message);
    cr_assert_str_eq(err.file, path);
    cr_assert(file.data == NULL && file.path == NULL);
}

Test(file, refuses_what_is_no_regular_file)
{
    test_folder folder = test_folder_new();
    cr_assert_eq(mkfifo(test_path(&folder, "fifo"), 0600), 0);
    cr_assert_eq(symlink("fifo", test_path(&folder, "to-fifo")), 0);
    cr_assert_eq(symlink("gone", test_path(&folder, "dangling")), 0);
    cr_assert_eq(symlink("loop", test_path(&folder, "loop")), 0);
    check_not_mapped(test_path(&folder, "fifo"), 0, "is a FIFO; expected a regular file");
    check_not_mapped(test_path(&folder, "to-fifo"), 0, "is a FIFO");
    check_not_mapped(folder.path, 0, "is a directory");
    check_not_mapped("/dev/null", 0, "is a device");
    check_not_mapped(test_path(&folder, "gone"), 0, "No such file");
    check_not_mapped(test_path(&folder, "dangling"), 0, "No such file");
    check_not_mapped(test_path(&folder, "loop"), 0, "cannot be opened");
    check_not_mapped(test_write(&folder, "big", "12345"), 4, "has 5 bytes, more than the 4 that are allowed");
    test_folder_remove(&folder);
}

Test(file, joins_paths)
{
    eg_arena arena = {0};
    cr_assert_str_eq(eg_path_join(&arena, "a/b", "c"), "a/b/c");
    cr_assert_str_eq(eg_path_join(&arena, "a/", "c"), "a/c");
    cr_assert_str_eq(eg_path_join(&arena, "/", "c"), "/c");
    cr_assert_str_eq(eg_path_join(&arena, "", "c"), "c");
    eg_arena_finish(&arena);
}
