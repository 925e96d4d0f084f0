/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <inttypes.h>

#include "frontend/torch/torch_file.h"
#include "tests/unit/support.h"

static eg_weights weights;
static eg_error error;

static void
finish(void)
{
    eg_weights_close(&weights);
}

TestSuite(torch_file, .fini = finish);
TestSuite(torch_file_refused, .fini = finish);

/* --- files of torch.save ------------------------------------------------------------------------- */

static const char *
saved_path(const char *name)
{
    static char path[1024];
    snprintf(path, sizeof path, "%s/%s", TORCH_FILES, name);
    return path;
}

static void
open_saved(const char *name)
{
    eg_weights_close(&weights);
    cr_assert_eq(eg_weights_open_file(saved_path(name), &weights, &error), EG_OK, "%s", test_error_line(&error));
}

static double
half(uint16_t bits)
{
    int exponent = bits >> 10 & 31;
    return exponent == 0
               ? 0
               : (1 + (bits & 1023) / 1024.0) * (exponent >= 15 ? 1 << (exponent - 15) : 1.0 / (1 << (15 - exponent)));
}

static double
number_at(const eg_tensor *tensor, int64_t place)
{
    union {
        float f32;
        double f64;
        int64_t i64;
        int32_t i32;
        uint16_t u16;
        uint8_t u8;
        uint32_t u32;
    } value = {0};
    size_t bytes = eg_dtype_bytes(tensor->dtype);
    memcpy(&value, (const char *)tensor->data + (size_t)place * bytes, bytes);
    switch (tensor->dtype) {
    case EG_F64:
        return value.f64;
    case EG_I64:
        return (double)value.i64;
    case EG_I32:
        return value.i32;
    case EG_F16:
        return half(value.u16);
    case EG_BF16:
        value.u32 = (uint32_t)value.u16 << 16;
        return value.f32;
    case EG_F32:
        return value.f32;
    default:
        return value.u8;
    }
}

/* A tensor of two axes, or of one with columns = 0, by its elements. */
static void
check_tensor(const char *name, eg_dtype dtype, int64_t rows, int64_t columns, const double *want)
{
    const eg_tensor *tensor = eg_weights_find(&weights, name);
    cr_assert_not_null(tensor, "%s", name);
    cr_assert_eq(tensor->dtype, dtype, "%s is %s", name, eg_dtype_name(tensor->dtype));
    cr_assert_eq(tensor->rank, columns ? 2u : 1u, "%s", name);
    cr_assert(tensor->dims[0] == rows && (!columns || tensor->dims[1] == columns), "%s", name);
    cr_assert_eq(tensor->bytes, (uint64_t)(rows * (columns ? columns : 1)) * eg_dtype_bytes(dtype), "%s", name);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < (columns ? columns : 1); j++) {
            double got = number_at(tensor, i * tensor->strides[0] + (columns ? j * tensor->strides[1] : 0));
            cr_assert_eq(got, *want, "%s[%" PRId64 ", %" PRId64 "] is %g, not %g", name, i, j, got, *want);
            want++;
        }
}

/* What make_torch_files.py puts into its dict of every kind. */
static void
check_every_kind(const char *file)
{
    static const double six[] = {0, 1, 2, 3, 4, 5}, part[] = {4, 5, 6, 7, 8, 9};
    static const double transposed[] = {0, 6, 12, 18, 1, 7,  13, 19, 2, 8,  14, 20,
                                        3, 9, 15, 21, 4, 10, 16, 22, 5, 11, 17, 23};
    static const double second[] = {1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23}, bools[] = {0, 1, 1};
    open_saved(file);
    cr_assert_eq(weights.tensors.count, 17);
    check_tensor("float32", EG_F32, 2, 3, six);
    check_tensor("float16", EG_F16, 2, 3, six);
    check_tensor("bfloat16", EG_BF16, 2, 3, six);
    check_tensor("float64", EG_F64, 2, 3, six);
    check_tensor("int64", EG_I64, 2, 3, six);
    check_tensor("int32", EG_I32, 2, 3, six);
    check_tensor("uint8", EG_U8, 2, 3, six);
    check_tensor("int8", EG_I8, 2, 3, six);
    check_tensor("bool", EG_BOOL, 3, 0, bools);
    check_tensor("part", EG_F32, 2, 3, part);
    check_tensor("transposed", EG_F32, 6, 4, transposed);
    check_tensor("every_second", EG_F32, 12, 0, second);
    check_tensor("tied", EG_F32, 2, 3, six);
    check_tensor("empty", EG_F32, 0, 3, NULL);
    check_tensor("rows_of_one", EG_I64, 1, 4, six);
    check_tensor("parameter", EG_F32, 3, 0, six);
    const eg_tensor *scalar = eg_weights_find(&weights, "scalar");
    cr_assert(scalar->rank == 0 && scalar->bytes == 4 && number_at(scalar, 0) == 3.5);
    cr_assert_eq(eg_weights_find(&weights, "tied")->data, eg_weights_find(&weights, "float32")->data);
}

Test(torch_file, reads_what_torch_writes)
{
    check_every_kind("zip.bin");
    check_every_kind("pickles.bin");
}

Test(torch_file, nothing_is_copied)
{
    open_saved("zip.bin");
    const eg_file *file = &weights.files.items[0];
    for (size_t i = 0; i < weights.tensors.count; i++) {
        const char *data = weights.tensors.items[i].data;
        cr_assert(data > file->data && data <= file->data + file->size);
    }
}

static void
read_whole(const char *name, char **out, size_t *out_size)
{
    FILE *file = fopen(saved_path(name), "rb");
    cr_assert_not_null(file);
    *out = malloc(1 << 16);
    *out_size = fread(*out, 1, 1 << 16, file);
    fclose(file);
}

/* The bytes are copied, so that a sanitizer sees each read behind their end. */
static eg_status
parse(const void *data, size_t size)
{
    char *copy = malloc(size ? size : 1);
    memcpy(copy, data, size);
    eg_weights_close(&weights);
    eg_status status = eg_torch_file_parse(&weights, copy, size, "m.bin", &error);
    free(copy);
    return status;
}

Test(torch_file, files_cut_off_anywhere_are_refused)
{
    static const char *const names[] = {"zip.bin", "pickles.bin"};
    for (size_t i = 0; i < 2; i++) {
        char *data;
        size_t size;
        read_whole(names[i], &data, &size);
        for (size_t n = 0; n < size; n++) {
            cr_assert_eq(parse(data, n), EG_E_INPUT, "%s, %zu bytes", names[i], n);
            cr_assert(error.message[0] != '\0');
        }
        cr_assert_eq(parse(data, size), EG_OK);
        free(data);
    }
}

/* A changed byte is refused or changes a value; it never leads outside of the file. */
Test(torch_file, changed_bytes_do_no_harm)
{
    static const char *const names[] = {"zip.bin", "pickles.bin"};
    static const unsigned char changes[] = {0x01, 0x80, 0xff};
    for (size_t i = 0; i < 2; i++) {
        char *data;
        size_t size;
        read_whole(names[i], &data, &size);
        for (size_t at = 0; at < size; at++)
            for (size_t k = 0; k < sizeof changes; k++) {
                data[at] = (char)(data[at] ^ changes[k]);
                eg_status status = parse(data, size);
                cr_assert(status == EG_OK || status == EG_E_INPUT);
                data[at] = (char)(data[at] ^ changes[k]);
            }
        free(data);
    }
}

Test(torch_file, a_folder_prefers_safetensors)
{
    test_folder folder = test_folder_new();
    char *data;
    size_t size;
    read_whole("zip.bin", &data, &size);
    test_write_bytes(&folder, "pytorch_model.bin", data, size);
    test_write(&folder, "pytorch_model.bin.index.json", "not read");
    cr_assert_eq(eg_weights_open(folder.path, &weights, &error), EG_OK, "%s", test_error_line(&error));
    cr_assert_eq(weights.tensors.count, 17);
    eg_weights_close(&weights);
    test_write_bytes(&folder, "model.safetensors", "\2\0\0\0\0\0\0\0{}", 10);
    cr_assert_eq(eg_weights_open(folder.path, &weights, &error), EG_OK, "%s", test_error_line(&error));
    cr_assert_eq(weights.tensors.count, 0);
    free(data);
    test_folder_remove(&folder);
}

Test(torch_file, shards)
{
    eg_weights other = {0};
    cr_assert_eq(eg_weights_open(saved_path("sharded"), &weights, &error), EG_OK, "%s", test_error_line(&error));
    cr_assert_eq(weights.files.count, 2);
    cr_assert_eq(eg_weights_open(saved_path("zip"), &other, &error), EG_OK, "%s", test_error_line(&error));
    cr_assert(weights.tensors.count == other.tensors.count && weights.bytes == other.bytes);
    eg_weights_close(&other);
}

/* --- files of our own ---------------------------------------------------------------------------- */

/* Bytes of a pickle, without the lengths that strlen() would cut at a NUL. */
#define BYTES(literal) (literal), sizeof(literal) - 1

static const char magic[] = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
static const char version[] = "\x80\x02M\xe9\x03.";
static const char little[] = "\x80\x02}X\x0d\0\0\0little_endian\x88s.";

/* The older format with this state dict, this list of storages and these bytes behind it. */
static void
build(eg_strbuf *out, const char *dict, size_t dict_size, const char *rest, size_t rest_size)
{
    eg_strbuf_append(out, BYTES(magic));
    eg_strbuf_append(out, BYTES(version));
    eg_strbuf_append(out, BYTES(little));
    eg_strbuf_append(out, dict, dict_size);
    eg_strbuf_append(out, rest, rest_size);
}

static eg_status
parse_dict(const char *dict, size_t dict_size, const char *rest, size_t rest_size)
{
    eg_strbuf file = {0};
    build(&file, dict, dict_size, rest, rest_size);
    eg_status status = parse(file.data, file.length);
    eg_strbuf_finish(&file);
    return status;
}

static void
check_dict_refused(const char *dict, size_t dict_size, const char *message)
{
    cr_assert_neq(parse_dict(dict, dict_size, "", 0), EG_OK);
    test_assert_error(&error, EG_E_INPUT, 0, 0, message);
    cr_assert_str_eq(error.file, "m.bin");
}

#define STORAGE(count) "(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0kX\3\0\0\0cpuK" count "tQ"
/* {"a": a tensor on a storage of four floats} */
#define TENSOR(place, size, stride)                                                                                    \
    "\x80\x02}X\1\0\0\0actorch._utils\n_rebuild_tensor_v2\n(" STORAGE("\4") place size stride "\x89}tRs."
#define KEYS "\x80\x02]X\1\0\0\0ka."
#define FOUR                                                                                                           \
    "\4\0\0\0\0\0\0\0"                                                                                                 \
    "\0\0\0\0\0\0\x80\x3f\0\0\0\x40\0\0\x40\x40"

#define CHECK_TENSOR_REFUSED(place, size, stride, message)                                                             \
    do {                                                                                                               \
        cr_assert_neq(parse_dict(BYTES(TENSOR(place, size, stride)), BYTES(KEYS FOUR)), EG_OK);                        \
        test_assert_error(&error, EG_E_INPUT, 0, 0, message);                                                          \
    } while (0)

Test(torch_file, tensors_lie_within_their_storage)
{
    cr_assert_eq(parse_dict(BYTES(TENSOR("K\0", "K\2K\2\x86", "K\2K\1\x86")), BYTES(KEYS FOUR)), EG_OK, "%s",
                 test_error_line(&error));
    CHECK_TENSOR_REFUSED("K\1", "K\2K\2\x86", "K\2K\1\x86", "a tensor reaches beyond its storage of 4 elements");
    CHECK_TENSOR_REFUSED("K\0", "K\2K\2\x86", "K\3K\1\x86", "beyond its storage of 4 elements");
    CHECK_TENSOR_REFUSED("K\0", "K\5\x85", "K\1\x85", "beyond its storage of 4 elements");
    CHECK_TENSOR_REFUSED("K\5", "K\0\x85", "K\1\x85", "a tensor begins beyond its storage of 4 elements");
    CHECK_TENSOR_REFUSED("J\xff\xff\xff\xff", "K\1\x85", "K\1\x85", "begins before its storage, at -1");
    CHECK_TENSOR_REFUSED("\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f", "K\1\x85", "K\1\x85", "beyond its storage");
    CHECK_TENSOR_REFUSED("\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f", "K\2\x85", "K\1\x85", "beyond its storage");
    CHECK_TENSOR_REFUSED("K\0", "K\3\x85", "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x85", "beyond its storage");
}

Test(torch_file, elements_do_not_overlap)
{
    CHECK_TENSOR_REFUSED("K\0", "K\2K\2\x86", "K\1K\1\x86", "a tensor's elements overlap");
    CHECK_TENSOR_REFUSED("K\0", "K\2K\2\x86", "K\0K\1\x86", "overlap: axis 0 of 2 has the stride 0");
    CHECK_TENSOR_REFUSED("K\0", "K\2\x85", "J\xff\xff\xff\xff\x85", "stride holds a negative number");
    CHECK_TENSOR_REFUSED("K\0", "J\xff\xff\xff\xff\x85", "K\1\x85", "size holds a negative number");
    CHECK_TENSOR_REFUSED("K\0", "K\2K\2\x86", "K\1\x85", "2 sizes and 1 strides");
    CHECK_TENSOR_REFUSED("K\0", "(K\1K\1K\1K\1K\1K\1K\1K\1K\1t", "K\1\x85", "9 axes");
    CHECK_TENSOR_REFUSED("K\0",
                         "\x8a\x08\0\0\0\0\0\0\0\x40"
                         "K\0K\4\x87",
                         "K\0K\0K\0\x87", "a shape beyond 2^63 bytes");
    CHECK_TENSOR_REFUSED("K\0", "X\1\0\0\0x\x85", "K\1\x85", "size holds a text");
}

/* Short strings of bytes for texts, a call without requires_grad and hooks, a storage with a place for a view. */
Test(torch_file, files_of_python_2)
{
    static const double four[] = {0, 1, 2, 3};
    static const char dict[] = "\x80\x02}q\1U\1actorch._utils\n_rebuild_tensor\n((U\7storagectorch\nFloatStorage\n"
                               "U\1kT\3\0\0\0cpuK\4NtQK\0K\4\x85K\1\x85tRs.";
    eg_strbuf file = {0};
    build(&file, BYTES(dict), BYTES(KEYS FOUR));
    cr_assert_eq(eg_torch_file_parse(&weights, file.data, file.length, "m.bin", &error), EG_OK, "%s",
                 test_error_line(&error));
    check_tensor("a", EG_F32, 4, 0, four);
    eg_strbuf_finish(&file);
}

/* --- what is refused ----------------------------------------------------------------------------- */

Test(torch_file_refused, calls)
{
    check_dict_refused(BYTES("\x80\x02"
                             "cos\nsystem\nX\4\0\0\0true\x85R."),
                       "byte 47: it would call os.system; only tensors are read");
    check_dict_refused(BYTES("\x80\x02"
                             "c__builtin__\neval\n."),
                       "it would call __builtin__.eval");
    check_dict_refused(BYTES("\x80\x02"
                             "ccollections\nOrderedDict\x01\n."),
                       "it would call collections.OrderedDict\\x01");
    check_dict_refused(BYTES("\x80\x02"
                             "ctorch\nload\n."),
                       "it would call torch.load");
    check_dict_refused(BYTES("\x80\x02"
                             "ctorch\nShortStorage\n."),
                       "the unknown type torch.ShortStorage; expected Float");
    check_dict_refused(BYTES("\x80\x02"
                             "ccollections\nOrderedDict\n}\x85R."),
                       "made from 1 arguments");
    check_dict_refused(BYTES("\x80\x02"
                             "ctorch\nFloatStorage\n)R."),
                       "torch.FloatStorage has other arguments");
    check_dict_refused(BYTES("\x80\x02"
                             "X\1\0\0\0a)R."),
                       "a text is called with a tuple");
    check_dict_refused(BYTES("\x80\x02"
                             "ctorch._utils\n_rebuild_tensor_v2\n)R."),
                       "has other arguments");
    check_dict_refused(BYTES("\x80\x02"
                             "ctorch._utils\n_rebuild_parameter\n(NNNtR."),
                       "has other arguments");
}

Test(torch_file_refused, attributes)
{
    check_dict_refused(BYTES("\x80\x02}}X\1\0\0\0aK\1sb."), "a dict gets attributes other than _metadata");
    check_dict_refused(BYTES("\x80\x02"
                             "ccollections\nOrderedDict\n)R}X\x0b\0\0\0__setitem__K\1sb."),
                       "attributes other than _metadata");
}

Test(torch_file_refused, opcodes)
{
    check_dict_refused(BYTES("\x80\x02}2."), "byte 48: the pickle has the opcode 0x32 (DUP); only what a state dict");
    check_dict_refused(BYTES("\x80\x02(ios\nsystem\n."), "(INST)");
    check_dict_refused(BYTES("\x80\x02)\x81."), "(NEWOBJ)");
    check_dict_refused(BYTES("\x80\x02X\2\0\0\0osX\6\0\0\0system\x93."), "(STACK_GLOBAL)");
    check_dict_refused(BYTES("\x80\x02P1\n."), "(PERSID)");
    check_dict_refused(BYTES("\x80\x02\xfe."), "0xfe (an unknown one)");
    check_dict_refused(BYTES("\x80\x04\x95."), "byte 45: the pickle has protocol 4; torch.save writes protocol 2");
}

Test(torch_file_refused, broken_pickles)
{
    check_dict_refused(BYTES("\x80\x02."), "the opcode finds too few values");
    check_dict_refused(BYTES("\x80\x02}}."), "leaves more than one value");
    check_dict_refused(BYTES("\x80\x02t."), "finds no mark");
    check_dict_refused(BYTES("\x80\x02(\x85."), "too few values");
    check_dict_refused(BYTES("\x80\x02h\0."), "memo 0 was never written");
    check_dict_refused(BYTES("\x80\x02}r\xff\xff\xff\xff."), "memo 4294967295 is written after 0 others");
    check_dict_refused(BYTES("\x80\x02}q\1h\0."), "memo 0 was never written");
    check_dict_refused(BYTES("\x80\x02X\xff\xff\xff\xff."), "the pickle is cut off; is the file complete?");
    check_dict_refused(BYTES("\x80\x02X\1\0\0\0\xff."), "a text is not valid UTF-8");
    check_dict_refused(BYTES("\x80\x02\x8a\x09\0\0\0\0\0\0\0\0\1."), "an integer of 9 bytes is beyond 64 bits");
    check_dict_refused(BYTES("\x80\x02}(K\1u."), "a key without a value");
    check_dict_refused(BYTES("\x80\x02}K\1a."), "a dict is filled as if it were a list");
    check_dict_refused(BYTES("\x80\x02]K\1K\1s."), "a list is filled as if it were a dict");
    check_dict_refused(BYTES("\x80\x02K\1Q."), "a persistent id names no storage");
}

Test(torch_file_refused, other_things_than_a_state_dict)
{
    static const char none[] = "\x80\x02].";
    static const struct {
        const char *dict;
        size_t size;
        const char *message;
    } cases[] = {
        {BYTES("\x80\x02]."), "the file holds a list; a dict of tensors is expected"},
        {BYTES("\x80\x02}X\x0a\0\0\0state_dict}s."),
         "'state_dict' is a dict, not a tensor; expected the state dict alone"},
        {BYTES("\x80\x02}X\5\0\0\0epochK\3s."), "'epoch' is an integer, not a tensor"},
        {BYTES("\x80\x02}K\1K\3s."), "the state dict has an integer as a name"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_assert_neq(parse_dict(cases[i].dict, cases[i].size, BYTES(none)), EG_OK);
        test_assert_error(&error, EG_E_INPUT, 0, 0, cases[i].message);
    }
}

/* A chain of tuples, each holding the one before twice: 2^n leaves for a reader that walks them. */
Test(torch_file_refused, bombs_cost_nothing)
{
    eg_strbuf dict = {0};
    eg_strbuf_append(&dict, BYTES("\x80\x02)q\0"));
    for (int i = 0; i < 100; i++) {
        eg_strbuf_append(&dict, "h", 1);
        eg_strbuf_putc(&dict, (char)i);
        eg_strbuf_append(&dict, "\x86q", 2);
        eg_strbuf_putc(&dict, (char)(i + 1));
    }
    eg_strbuf_append(&dict, ".", 1);
    cr_assert_eq(parse_dict(dict.data, dict.length, BYTES("\x80\x02].")), EG_E_INPUT);
    test_assert_error(&error, EG_E_INPUT, 0, 0, "the file holds a tuple");
    dict.length = 2;
    for (int i = 0; i < 70000; i++)
        eg_strbuf_append(&dict, "(", 1);
    check_dict_refused(dict.data, dict.length, "more than 65536 values wait for their use");
    dict.length = 2;
    for (int i = 0; i < 60000; i++)
        eg_strbuf_append(&dict, "]", 1);
    for (int i = 1; i < 60000; i++)
        eg_strbuf_append(&dict, "a", 1);
    eg_strbuf_append(&dict, ".", 1);
    cr_assert_eq(parse_dict(dict.data, dict.length, BYTES("\x80\x02].")), EG_E_INPUT);
    test_assert_error(&error, EG_E_INPUT, 0, 0, "the file holds a list");
    eg_strbuf_finish(&dict);
}

static void
check_rest_refused(const char *rest, size_t size, const char *message)
{
    cr_assert_neq(parse_dict(BYTES(TENSOR("K\0", "K\4\x85", "K\1\x85")), rest, size), EG_OK);
    test_assert_error(&error, EG_E_INPUT, 0, 0, message);
}

Test(torch_file_refused, storages)
{
    check_rest_refused(BYTES(KEYS FOUR "x"), "1 bytes after the last storage belong to none");
    check_rest_refused(BYTES(KEYS "\4\0\0\0\0\0\0\0"), "has 16 bytes; the file has left 8; is the file complete?");
    check_rest_refused(BYTES(KEYS "\5\0\0\0\0\0\0\0"
                                  "0123456789abcdef"),
                       "its elements are said to be 5");
    check_rest_refused(BYTES("\x80\x02]."), "the list of storages has 0 of 1");
    check_rest_refused(BYTES("\x80\x02]X\1\0\0\0ja." FOUR), "has one that no tensor lies on");
    check_rest_refused(BYTES("\x80\x02](X\1\0\0\0kX\1\0\0\0ke." FOUR FOUR), "names one twice");
    check_rest_refused(BYTES("\x80\x02}."), "the list of storages is a dict");
    check_dict_refused(BYTES("\x80\x02" STORAGE("\4") STORAGE("\5") "."), "storage 'k' has 5 × f32 here, but 4 × f32");
}

Test(torch_file_refused, other_systems)
{
    static const char big[] = "\x80\x02}X\x0d\0\0\0little_endian\x89s.";
    eg_strbuf file = {0};
    eg_strbuf_append(&file, BYTES(magic));
    eg_strbuf_append(&file, BYTES("\x80\x02M\xea\x03."));
    cr_assert_eq(parse(file.data, file.length), EG_E_INPUT);
    test_assert_error(&error, EG_E_INPUT, 0, 0, "of another version than 1001");
    file.length = sizeof magic - 1;
    eg_strbuf_append(&file, BYTES(version));
    eg_strbuf_append(&file, BYTES(big));
    cr_assert_eq(parse(file.data, file.length), EG_E_INPUT);
    test_assert_error(&error, EG_E_INPUT, 0, 0, "not little-endian");
    eg_strbuf_finish(&file);
    cr_assert_eq(parse("hello", 5), EG_E_INPUT);
    test_assert_error(&error, EG_E_INPUT, 0, 0, "is no file of torch.save");
}

/* --- zip files ----------------------------------------------------------------------------------- */

typedef struct zip_record {
    const char *name, *data;
    size_t size;
} zip_record;

/* How one field of a zip file differs from what is right. */
typedef struct zip_twist {
    unsigned method, flags;
    bool zip64, same_place;
    uint32_t size; /* of the first record, when not 0 */
} zip_twist;

static void
put(eg_strbuf *out, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        eg_strbuf_putc(out, i < 8 ? (char)(value >> (8 * i)) : 0);
}

static void
put_local(eg_strbuf *out, const zip_record *record, const zip_twist *twist)
{
    put(out, 0x04034b50, 4);
    put(out, 0, 2);
    put(out, twist->flags, 2);
    put(out, twist->method, 2);
    put(out, 0, 16);
    put(out, strlen(record->name), 2);
    put(out, 0, 2);
    eg_strbuf_puts(out, record->name);
    eg_strbuf_append(out, record->data, record->size);
}

static void
put_central(eg_strbuf *out, const zip_record *record, uint64_t place, const zip_twist *twist, uint64_t size)
{
    put(out, 0x02014b50, 4);
    put(out, 0, 4);
    put(out, twist->flags, 2);
    put(out, twist->method, 2);
    put(out, 0, 8);
    put(out, twist->zip64 ? UINT32_MAX : size, 4);
    put(out, twist->zip64 ? UINT32_MAX : size, 4);
    put(out, strlen(record->name), 2);
    put(out, twist->zip64 ? 28 : 0, 2);
    put(out, 0, 10);
    put(out, twist->zip64 ? UINT32_MAX : place, 4);
    eg_strbuf_puts(out, record->name);
    if (twist->zip64) {
        put(out, 1, 2);
        put(out, 24, 2);
        put(out, size, 8);
        put(out, size, 8);
        put(out, place, 8);
    }
}

static void
put_end(eg_strbuf *out, size_t count, uint64_t directory, const zip_twist *twist)
{
    uint64_t size = out->length - directory, end64 = out->length;
    if (twist->zip64) {
        put(out, 0x06064b50, 4);
        put(out, 44, 8);
        put(out, 0, 12);
        put(out, count, 8);
        put(out, count, 8);
        put(out, size, 8);
        put(out, directory, 8);
        put(out, 0x07064b50, 4);
        put(out, 0, 4);
        put(out, end64, 8);
        put(out, 1, 4);
    }
    put(out, 0x06054b50, 4);
    put(out, 0, 4);
    put(out, twist->zip64 ? UINT16_MAX : count, 2);
    put(out, twist->zip64 ? UINT16_MAX : count, 2);
    put(out, twist->zip64 ? UINT32_MAX : size, 4);
    put(out, twist->zip64 ? UINT32_MAX : directory, 4);
    put(out, 0, 2);
}

static eg_status
parse_zip(const zip_record *records, size_t count, zip_twist twist)
{
    eg_strbuf out = {0};
    uint64_t places[8];
    for (size_t i = 0; i < count; i++) {
        places[i] = out.length;
        put_local(&out, &records[i], &twist);
    }
    uint64_t directory = out.length;
    for (size_t i = 0; i < count; i++)
        put_central(&out, &records[i], places[twist.same_place ? 0 : i], &twist,
                    i == 0 && twist.size ? twist.size : records[i].size);
    put_end(&out, count, directory, &twist);
    eg_status status = parse(out.data, out.length);
    eg_strbuf_finish(&out);
    return status;
}

#define PICKLE BYTES(TENSOR("K\0", "K\4\x85", "K\1\x85"))
#define DATA BYTES("0123456789abcdef")

static void
check_zip_refused(const zip_record *records, size_t count, zip_twist twist, const char *message)
{
    cr_assert_neq(parse_zip(records, count, twist), EG_OK);
    test_assert_error(&error, EG_E_INPUT, 0, 0, message);
}

static const zip_record good[] = {{"m/data.pkl", PICKLE}, {"m/data/k", DATA}, {"m/byteorder", BYTES("little")}};

Test(torch_file, zip_files)
{
    cr_assert_eq(parse_zip(good, 3, (zip_twist){0}), EG_OK, "%s", test_error_line(&error));
    cr_assert_eq(parse_zip(good, 2, (zip_twist){0}), EG_OK, "without a byte order, as older files: %s",
                 test_error_line(&error));
    cr_assert_eq(parse_zip(good, 3, (zip_twist){.zip64 = true}), EG_OK, "%s", test_error_line(&error));
    cr_assert_eq(weights.tensors.count, 1);
}

Test(torch_file_refused, zip_files)
{
    check_zip_refused(good, 3, (zip_twist){.method = 8}, "the record 'm/data.pkl' is compressed (deflate, method 8)");
    check_zip_refused(good, 3, (zip_twist){.flags = 1}, "the record 'm/data.pkl' is encrypted");
    check_zip_refused(good, 3, (zip_twist){.size = 5000}, "a record of 5000 bytes reaches into the directory");
    check_zip_refused(good, 3, (zip_twist){.size = 200}, "a record overlaps the one before it");
    check_zip_refused(good, 3, (zip_twist){.same_place = true}, "a record has another name than in the directory");
    check_zip_refused(good, 1, (zip_twist){0}, "storage 'k', named at byte");
    check_zip_refused(good + 1, 1, (zip_twist){0}, "the zip file has no record FOLDER/data.pkl");
}

Test(torch_file_refused, zip_records)
{
    zip_record records[3] = {good[0], good[1], {"m/byteorder", BYTES("big")}};
    check_zip_refused(records, 3, (zip_twist){0}, "the numbers are not little-endian");
    records[2] = good[1];
    check_zip_refused(records, 3, (zip_twist){0}, "the record 'm/data/k' is there twice");
    records[2] = (zip_record){"n/data.pkl", PICKLE};
    check_zip_refused(records, 3, (zip_twist){0}, "two data.pkl");
    static const char *const names[] = {"../x", "/m/x", "m//x", "m/./x", "m\\x", "m/", "\xff", ""};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        records[2] = (zip_record){names[i], BYTES("")};
        check_zip_refused(records, 3, (zip_twist){0}, "is no name of a record");
    }
    records[1] = (zip_record){"m/data/k", BYTES("0123")};
    check_zip_refused(records, 2, (zip_twist){0}, "has 16 bytes; its record has 4");
    records[0] = (zip_record){"m/data.pkl", BYTES("\x80\x02}.x")};
    check_zip_refused(records, 2, (zip_twist){0}, "data.pkl goes on after its end");
}
