/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <math.h>
#include <sys/resource.h>

#include "frontend/weights.h"
#include "tests/unit/support.h"

static eg_weights weights;
static eg_error error;

static void
finish(void)
{
    eg_weights_close(&weights);
}

TestSuite(safetensors, .fini = finish);
TestSuite(safetensors_index, .fini = finish);

/* The bytes of a file: a length, this header, data_size bytes that count up from 0. */
static char *
make_file(const char *header, uint64_t claimed, size_t data_size, size_t *out_size)
{
    size_t header_size = strlen(header);
    *out_size = 8 + header_size + data_size;
    char *bytes = eg_alloc(*out_size);
    for (int i = 0; i < 8; i++)
        bytes[i] = (char)(claimed >> (8 * i));
    memcpy(bytes + 8, header, header_size);
    for (size_t i = 0; i < data_size; i++)
        bytes[8 + header_size + i] = (char)i;
    return bytes;
}

static const char *
write_file(const test_folder *folder, const char *name, const char *header, size_t data_size)
{
    size_t size;
    char *bytes = make_file(header, strlen(header), data_size, &size);
    const char *path = test_write_bytes(folder, name, bytes, size);
    eg_free(bytes);
    return path;
}

/* Parses a file from memory; the tensors' data is gone afterwards. */
static eg_status
parse_claimed(const char *header, uint64_t claimed, size_t data_size)
{
    size_t size;
    char *bytes = make_file(header, claimed, data_size, &size);
    eg_weights_close(&weights);
    eg_status status = eg_safetensors_parse(&weights, bytes, size, "m.safetensors", &error);
    eg_free(bytes);
    return status;
}

static void
check_refused(const char *header, size_t data_size, uint32_t column, const char *message)
{
    cr_assert_neq(parse_claimed(header, strlen(header), data_size), EG_OK, "accepted: %s", header);
    test_assert_error(&error, EG_E_INPUT, column > 0 ? 1u : 0u, column, message);
    cr_assert_str_eq(error.file, "m.safetensors");
}

static void
check_accepted(const char *header, size_t data_size)
{
    cr_assert_eq(parse_claimed(header, strlen(header), data_size), EG_OK, "%s: %s", header, test_error_line(&error));
}

Test(safetensors, maps_tensors_without_copying)
{
    test_folder folder = test_folder_new();
    const char *path = write_file(&folder, "m.safetensors",
                                  "{\"__metadata__\":{\"format\":\"pt\"},"
                                  "\"b\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[4,28]},"
                                  "\"a\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,4]}}   ",
                                  28);
    cr_assert_eq(eg_weights_open_file(path, &weights, &error), EG_OK, "%s", test_error_line(&error));
    cr_assert(weights.tensors.count == 2 && weights.files.count == 1 && weights.bytes == 28);
    const eg_tensor *b = eg_weights_find(&weights, "b");
    cr_assert(b->dtype == EG_F32 && b->rank == 2 && b->dims[0] == 2 && b->dims[1] == 3 && b->bytes == 24);
    const eg_file *file = &weights.files.items[0];
    cr_assert_eq((const char *)b->data, file->data + file->size - 24, "the data is where it was mapped");
    cr_assert_eq(*(const char *)b->data, 4);
    cr_assert_str_eq(b->file, path);
    cr_assert_str_eq(b->name, "b");
    cr_assert_eq(eg_weights_find(&weights, "a")->rank, 1);
    cr_assert_null(eg_weights_find(&weights, "__metadata__"));
    cr_assert_null(eg_weights_find(&weights, "c"));
    test_folder_remove(&folder);
}

Test(safetensors, knows_its_dtypes)
{
    static const struct {
        const char *name, *ours;
        eg_dtype dtype;
        int bytes;
    } dtypes[] = {{"F64", "f64", EG_F64, 8},    {"F32", "f32", EG_F32, 4}, {"F16", "f16", EG_F16, 2},
                  {"BF16", "bf16", EG_BF16, 2}, {"I64", "i64", EG_I64, 8}, {"I32", "i32", EG_I32, 4},
                  {"U8", "u8", EG_U8, 1},       {"I8", "i8", EG_I8, 1},    {"BOOL", "bool", EG_BOOL, 1}};
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
        char header[256];
        snprintf(header, sizeof header, "{\"t\":{\"dtype\":\"%s\",\"shape\":[3],\"data_offsets\":[0,%d]}}",
                 dtypes[i].name, 3 * dtypes[i].bytes);
        check_accepted(header, (size_t)(3 * dtypes[i].bytes));
        cr_assert_eq(eg_weights_find(&weights, "t")->dtype, dtypes[i].dtype);
        cr_assert_str_eq(eg_dtype_name(dtypes[i].dtype), dtypes[i].ours);
        cr_assert_eq(eg_dtype_bytes(dtypes[i].dtype), (size_t)dtypes[i].bytes);
    }
    cr_assert(eg_dtype_bytes(0) == 0 && eg_dtype_bytes(10) == 0 && eg_dtype_bytes(UINT32_MAX) == 0);
    cr_assert_str_eq(eg_dtype_name(77), "unknown");
}

Test(safetensors, unknown_dtypes_are_named)
{
    check_refused("{\"t\":{\"dtype\":\"F8_E4M3\",\"shape\":[4],\"data_offsets\":[0,4]}}", 4, 15,
                  "tensor 't' has the unknown dtype 'F8_E4M3'; expected F64, F32, F16, BF16, I64, I32, U8, I8 or BOOL");
    check_refused("{\"t\":{\"dtype\":\"F4\",\"shape\":[4],\"data_offsets\":[0,2]}}", 2, 15, "'F4'");
    check_refused("{\"t\":{\"dtype\":\"f32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, 15, "'f32'");
    check_refused("{\"t\":{\"dtype\":32,\"shape\":[1],\"data_offsets\":[0,4]}}", 4, 15,
                  "'dtype' is an integer; expected a string");
}

Test(safetensors, short_files_are_refused)
{
    for (size_t size = 0; size < 8; size++) {
        cr_assert_eq(eg_safetensors_parse(&weights, "\1\0\0\0\0\0\0", size, "m", &error), EG_E_INPUT);
        test_assert_error(&error, EG_E_INPUT, 0, 0, "bytes; a safetensors file begins with the 8 bytes");
    }
    cr_assert_eq(eg_safetensors_parse(&weights, NULL, 0, "m", NULL), EG_E_INPUT);
}

static void
check_claim(uint64_t claimed, uint32_t line, const char *message)
{
    cr_assert_neq(parse_claimed("{}", claimed, 0), EG_OK);
    test_assert_error(&error, EG_E_INPUT, line, line, message);
}

Test(safetensors, header_length_is_checked)
{
    check_claim(0, 1, "the header is no JSON object; expected '{' at byte 8");
    check_claim(3, 0, "claims a header of 3 bytes, but only 2 follow");
    check_claim(10, 0, "claims a header of 10 bytes, but only 2 follow");
    check_claim(100000000, 0, "claims a header of 100000000 bytes, but only 2 follow");
    check_claim(100000001, 0, "claims a header of 100000001 bytes, more than the 100000000 that are allowed");
    check_claim(UINT64_C(1) << 63, 0, "claims a header of 9223372036854775808 bytes, more than");
    check_claim(UINT64_MAX, 0, "claims a header of 18446744073709551615 bytes, more than");
    cr_assert_eq(parse_claimed("{}", 2, 0), EG_OK, "a file without tensors is legal");
    cr_assert_eq(parse_claimed("{}", 1, 1), EG_E_INPUT);
    test_assert_error(&error, EG_E_INPUT, 1, 2, "the text ends too early");
}

Test(safetensors, header_is_an_object)
{
    check_refused("[]", 0, 1, "the header is no JSON object");
    check_refused(" {}", 0, 1, "the header is no JSON object");
    check_refused("\xef\xbb\xbf{}", 0, 1, "the header is no JSON object");
    check_refused("{} {}", 0, 4, "expected nothing after the end");
    check_refused("{\"a\":{\"b\":[[[[[[[[[[[[[[[[", 0, 25, "nested deeper than 16 levels");
    check_refused("{\"t\":7}", 0, 6, "'t' is an integer; expected an object");
    check_refused("{\"__metadata__\":[]}", 0, 17, "'__metadata__' is an array; expected an object");
    check_refused("{\"__metadata__\":{\"a\":1}}", 0, 22, "'a' is an integer; expected a string");
    check_accepted("{\"__metadata__\":{}}        ", 0);
}

Test(safetensors, fields_are_required)
{
    check_refused("{\"é\":{},\"t\":{\"shape\":[],\"data_offsets\":[0,0]}}", 0, 2, "tensor 'é' has no 'dtype'");
    check_refused("{\"t\":{\"dtype\":\"F32\",\"data_offsets\":[0,0]}}", 0, 2, "tensor 't' has no 'shape'");
    check_refused("{\"t\":{\"dtype\":\"F32\",\"shape\":[0]}}", 0, 2, "tensor 't' has no 'data_offsets'");
    check_refused("{\"t\":{\"dtype\":\"F32\",\"shape\":{},\"data_offsets\":[0,0]}}", 0, 29,
                  "'shape' is an object; expected an array");
    check_refused("{\"t\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0]}}", 0, 48,
                  "tensor 't' has 1 data_offsets, not 2");
    check_refused("{\"t\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":\"0,0\"}}", 0, 48,
                  "'data_offsets' is a string");
    check_refused("{\"a\\u0000b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1, 2, "U+0000");
}

Test(safetensors, duplicate_tensors_are_refused)
{
    check_refused("{\"t\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                  "\"t\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}",
                  2, 54, "duplicate key 't'; it is already at line 1, column 2");
}

Test(safetensors, tensors_fill_the_data)
{
    check_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
                  "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[3,7]}}",
                  7, 54, "tensor 'b' overlaps tensor 'a': it begins at byte 3, the other ends at 4");
    check_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
                  "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}",
                  4, 54, "overlaps");
    check_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[5,9]},"
                  "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}",
                  9, 2, "bytes 4 to 5 before tensor 'a' belong to no tensor");
    check_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[1,5]}}", 5, 2,
                  "bytes 0 to 1 before tensor 'a'");
    check_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", 6, 0,
                  "2 bytes after the last tensor belong to no tensor");
    check_refused("{}", 1, 0, "1 bytes after the last tensor");
    check_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", 3, 2,
                  "tensor 'a' ends at byte 4 of 3 bytes of data; is the file complete?");
    /* An empty tensor inside another one */
    check_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
                  "\"b\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[2,2]}}",
                  4, 54, "overlaps");
}

Test(safetensors, offsets_are_checked)
{
    check_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,0]}}", 4, 47,
                  "tensor 'a' begins at byte 4, after its end at 0");
    check_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[-4,0]}}", 4, 48,
                  "tensor 'a' has a negative number in its data_offsets");
    check_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4.0]}}", 4, 50,
                  "tensor 'a' has a number with a fraction or exponent in its data_offsets; expected an integer");
    check_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,18446744073709551620]}}", 4, 50,
                  "an integer beyond 64 bits in its data_offsets");
    check_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[9223372036854775803,9223372036854775807]}}",
                  4, 2, "tensor 'a' ends at byte 9223372036854775807 of 4 bytes of data");
}

Test(safetensors, shapes_are_checked)
{
    check_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,12]}}", 12, 2,
                  "tensor 'a' has 16 bytes by dtype and shape, but 12 by data_offsets");
    check_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,0]}}", 0, 2,
                  "tensor 'a' has 4 bytes by dtype and shape, but 0");
    check_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", 0, 29,
                  "tensor 'a' has a shape beyond 2^63 bytes");
    check_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904],\"data_offsets\":[0,0]}}", 0, 29,
                  "tensor 'a' has a shape beyond 2^63 bytes");
    check_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[0,9223372036854775807,2],\"data_offsets\":[0,0]}}", 0, 28,
                  "tensor 'a' has a shape beyond 2^63 bytes");
    check_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[9223372036854775808,0],\"data_offsets\":[0,0]}}", 0, 29,
                  "an integer beyond 64 bits in its shape");
    check_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[-1],\"data_offsets\":[0,1]}}", 1, 29,
                  "a negative number in its shape");
    check_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[\"1\"],\"data_offsets\":[0,1]}}", 1, 29,
                  "a string in its shape");
    check_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,1]}}", 1, 28,
                  "tensor 'a' has 9 axes, more than the 8 that are allowed");
    check_accepted("{\"a\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1],\"data_offsets\":[0,1]}}", 1);
}

Test(safetensors, a_rank_of_10000_is_refused)
{
    eg_strbuf header = {0};
    eg_strbuf_puts(&header, "{\"a\":{\"dtype\":\"U8\",\"shape\":[1");
    for (int i = 1; i < 10000; i++)
        eg_strbuf_puts(&header, ",1");
    eg_strbuf_puts(&header, "],\"data_offsets\":[0,1]}}");
    check_refused(header.data, 1, 28, "tensor 'a' has 10000 axes");
    eg_strbuf_finish(&header);
}

Test(safetensors, scalars_and_empty_tensors_are_legal)
{
    check_accepted("{\"s\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]},"
                   "\"e\":{\"dtype\":\"F32\",\"shape\":[3,0],\"data_offsets\":[4,4]},"
                   "\"f\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}",
                   4);
    cr_assert(eg_weights_find(&weights, "s")->rank == 0 && eg_weights_find(&weights, "s")->bytes == 4);
    cr_assert(eg_weights_find(&weights, "e")->rank == 2 && eg_weights_find(&weights, "e")->bytes == 0);
}

Test(safetensors, any_alignment_is_legal)
{
    check_accepted("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                   "\"b\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[1,9]}} ",
                   9);
}

Test(safetensors, values_are_not_judged)
{
    test_folder folder = test_folder_new();
    static const char header[] = "{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,12]}}";
    const float values[] = {NAN, -INFINITY, 1e-42f};
    char bytes[8 + sizeof header - 1 + sizeof values] = {(char)(sizeof header - 1)};
    memcpy(bytes + 8, header, sizeof header - 1);
    memcpy(bytes + 8 + sizeof header - 1, values, sizeof values);
    const char *path = test_write_bytes(&folder, "m.safetensors", bytes, sizeof bytes);
    cr_assert_eq(eg_weights_open_file(path, &weights, &error), EG_OK);
    cr_assert_arr_eq(weights.tensors.items[0].data, values, sizeof values);
    test_folder_remove(&folder);
}

Test(safetensors, an_evicted_tensor_can_be_read_again)
{
    test_folder folder = test_folder_new();
    const char *path = write_file(&folder, "m.safetensors",
                                  "{\"a\":{\"dtype\":\"U8\",\"shape\":[100000],\"data_offsets\":[0,100000]}}", 100000);
    cr_assert_eq(eg_weights_open_file(path, &weights, &error), EG_OK);
    const eg_tensor *a = eg_weights_find(&weights, "a");
    const unsigned char *data = a->data;
    cr_assert_eq(data[50000], 50000 % 256);
    eg_tensor_evict(a);
    for (size_t i = 0; i < 100000; i++)
        cr_assert_eq(data[i], i % 256);
    test_folder_remove(&folder);
}

Test(safetensors, a_long_name_leaves_room_for_the_reason)
{
    eg_strbuf header = {0};
    eg_strbuf_puts(&header, "{\"");
    for (int i = 0; i < 5000; i++)
        eg_strbuf_puts(&header, "n");
    eg_strbuf_puts(&header, "\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,1]}}");
    check_refused(header.data, 1, 2, "has 2 bytes by dtype and shape, but 1 by data_offsets");
    eg_strbuf_finish(&header);
}

/* --- folders ------------------------------------------------------------------------------------- */

static const char tensor_a[] = "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}";
static const char tensor_b[] = "{\"b\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]}}";

static eg_status
open_folder(const test_folder *folder)
{
    eg_weights_close(&weights);
    return eg_weights_open(folder->path, &weights, &error);
}

static void
check_folder_refused(const test_folder *folder, const char *name, uint32_t line, uint32_t column, const char *message)
{
    cr_assert_eq(open_folder(folder), EG_E_INPUT);
    test_assert_error(&error, EG_E_INPUT, line, column, message);
    cr_assert_str_eq(error.file, name ? test_path(folder, name) : folder->path);
    cr_assert(weights.files.count == 0 && weights.tensors.items == NULL, "a failed open leaves nothing");
}

Test(safetensors, opens_a_folder)
{
    test_folder folder = test_folder_new();
    write_file(&folder, "model.safetensors", tensor_a, 2);
    test_write(&folder, "model.safetensors.index.json", "not read");
    cr_assert_eq(open_folder(&folder), EG_OK);
    cr_assert_eq(weights.tensors.count, 1);
    test_folder_remove(&folder);
}

Test(safetensors, a_folder_without_weights_says_what_it_has)
{
    test_folder folder = test_folder_new();
    check_folder_refused(&folder, NULL, 0, 0, "there is no model.safetensors and no pytorch_model.bin");
    cr_assert_str_eq(error.hint, "");
    test_write(&folder, "config.json", "{}");
    test_write(&folder, "tf_model.h5", "x");
    check_folder_refused(&folder, NULL, 0, 0, "found tf_model.h5, which is not read");
    test_write(&folder, "a.gguf", "x");
    check_folder_refused(&folder, NULL, 0, 0, "found a.gguf, which is not read");
    test_folder_remove(&folder);
    cr_assert_eq(open_folder(&folder), EG_E_INPUT);
    test_assert_error(&error, EG_E_INPUT, 0, 0, "No such file or directory");
}

Test(safetensors, special_files_are_refused_without_blocking)
{
    test_folder folder = test_folder_new();
    cr_assert_eq(mkfifo(test_path(&folder, "model.safetensors"), 0600), 0);
    check_folder_refused(&folder, "model.safetensors", 0, 0, "is a FIFO; expected a regular file");
    cr_assert_eq(unlink(test_path(&folder, "model.safetensors")), 0);
    cr_assert_eq(symlink("/dev/zero", test_path(&folder, "model.safetensors")), 0);
    check_folder_refused(&folder, "model.safetensors", 0, 0, "is a device");
    cr_assert_eq(unlink(test_path(&folder, "model.safetensors")), 0);
    cr_assert_eq(symlink("gone", test_path(&folder, "model.safetensors")), 0);
    check_folder_refused(&folder, "model.safetensors", 0, 0, "No such file");
    cr_assert_eq(unlink(test_path(&folder, "model.safetensors")), 0);
    test_make_folder(&folder, "model.safetensors");
    check_folder_refused(&folder, "model.safetensors", 0, 0, "is a directory");
    test_folder_remove(&folder);
}

/* --- several files ------------------------------------------------------------------------------- */

static const char index_name[] = "model.safetensors.index.json";

static test_folder
two_shards(void)
{
    test_folder folder = test_folder_new();
    write_file(&folder, "1.safetensors", tensor_a, 2);
    write_file(&folder, "2.safetensors", tensor_b, 3);
    return folder;
}

static void
check_index_refused(const char *index, uint32_t line, uint32_t column, const char *message)
{
    test_folder folder = two_shards();
    test_write(&folder, index_name, index);
    check_folder_refused(&folder, index_name, line, column, message);
    test_folder_remove(&folder);
}

Test(safetensors_index, reads_its_shards)
{
    test_folder folder = two_shards();
    test_write(&folder, index_name,
               "{\"metadata\": {\"total_size\": -1, \"x\": [1]},"
               " \"weight_map\": {\"b\": \"2.safetensors\", \"a\": \"1.safetensors\"}}");
    cr_assert_eq(open_folder(&folder), EG_OK, "%s", test_error_line(&error));
    cr_assert(weights.files.count == 2 && weights.tensors.count == 2 && weights.bytes == 5);
    cr_assert_str_eq(eg_weights_find(&weights, "a")->file, test_path(&folder, "1.safetensors"));
    test_folder_remove(&folder);
}

Test(safetensors_index, follows_links_to_regular_files)
{
    test_folder folder = test_folder_new();
    test_make_folder(&folder, "blobs");
    write_file(&folder, "blobs/0123", tensor_a, 2);
    cr_assert_eq(symlink("blobs/0123", test_path(&folder, "1.safetensors")), 0);
    test_write(&folder, index_name, "{\"weight_map\": {\"a\": \"1.safetensors\"}}");
    cr_assert_eq(open_folder(&folder), EG_OK, "%s", test_error_line(&error));
    test_folder_remove(&folder);
}

Test(safetensors_index, shard_names_are_bare)
{
    static const char *const names[] = {
        "../1.safetensors", "/etc/passwd",         "./1.safetensors", "x/1.safetensors", "..", ".", "",
        "1.safetensors/",   "1.safetensors\\u0000"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char index[128];
        snprintf(index, sizeof index, "{\"weight_map\":\n {\"a\": \"%s\"}}", names[i]);
        check_index_refused(index, 2, 8, "is no name of a file in this folder; expected a bare file name");
    }
    check_index_refused("{\"weight_map\": {\"a\": 1}}", 1, 22, "'a' is an integer; expected the name of a file");
}

Test(safetensors_index, bad_shards_are_named)
{
    test_folder folder = two_shards();
    test_write(&folder, index_name, "{\"weight_map\": {\"a\": \"1.safetensors\", \"c\": \"3.safetensors\"}}");
    check_folder_refused(&folder, "3.safetensors", 0, 0, "No such file or directory; expected the shard that ");
    cr_assert_eq(mkfifo(test_path(&folder, "3.safetensors"), 0600), 0);
    check_folder_refused(&folder, "3.safetensors", 0, 0, "is a FIFO");
    cr_assert_eq(unlink(test_path(&folder, "3.safetensors")), 0);
    test_write(&folder, "3.safetensors", "short");
    check_folder_refused(&folder, "3.safetensors", 0, 0, "has 5 bytes");
    test_folder_remove(&folder);
}

Test(safetensors_index, the_map_agrees_with_the_shards)
{
    check_index_refused("{\"weight_map\": {\"a\": \"1.safetensors\",\n\"c\": \"1.safetensors\"}}", 2, 1,
                        "'1.safetensors' has no tensor 'c'");
    check_index_refused("{\"weight_map\": {\"a\": \"1.safetensors\",\n\"b\": \"1.safetensors\"}}", 2, 1,
                        "'1.safetensors' has no tensor 'b'");
    check_index_refused("{\"weight_map\": {\"a\": \"2.safetensors\",\n\"b\": \"1.safetensors\"}}", 1, 17,
                        "'2.safetensors' has no tensor 'a'; it is in '1.safetensors'");
    check_index_refused("{\"weight_map\": {\"a\": \"1.safetensors\",\n\"a\": \"2.safetensors\"}}", 2, 1,
                        "duplicate key 'a'");
}

Test(safetensors_index, a_tensor_lies_in_one_shard)
{
    test_folder folder = two_shards();
    write_file(&folder, "3.safetensors", tensor_a, 2);
    test_write(&folder, index_name, "{\"weight_map\": {\"b\": \"3.safetensors\", \"a\": \"1.safetensors\"}}");
    check_folder_refused(&folder, "1.safetensors", 1, 2, "tensor 'a' is also in ");
    cr_assert(strstr(error.message, "3.safetensors"));
    test_folder_remove(&folder);
}

Test(safetensors_index, its_form_is_checked)
{
    check_index_refused("", 1, 1, "the text is empty");
    check_index_refused("[]", 1, 1, "the value is an array; expected an object with a 'weight_map'");
    check_index_refused("{}", 1, 1, "there is no 'weight_map'");
    check_index_refused("{\"weight_map\": []}", 1, 16, "'weight_map' is an array; expected an object");
    check_index_refused("{\"weight_map\": {}}", 1, 16, "the 'weight_map' names no tensor");
    check_index_refused("{\"weight_map\": {}} x", 1, 20, "nothing after the end");
}
