/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/torch/pickle.h"

#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/utf8.h"
#include "frontend/torch/bytes.h"
#include "frontend/torch/records.h"

enum { GLOBAL_NAME_MAX = 256 };

/* --- messages ------------------------------------------------------------------------------------ */

eg_status
eg_pickle_fail(const eg_pickle *m, const char *fmt, ...)
{
    char text[400];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return eg_fail_at(m->err, EG_E_INPUT, m->file, 0, 0, "byte %" PRIu64 ": %s", m->opcode, text);
}

const char *
eg_pickle_kind_name(eg_pickle_kind kind)
{
    static const char *const names[] = {"nothing", "a mark", "None",      "a bool",  "an integer",
                                        "a float", "a text", "a class",   "a tuple", "a list",
                                        "a dict",  "a dict", "a storage", "a tensor"};
    return kind < sizeof names / sizeof *names ? names[kind] : "unknown";
}

bool
eg_pickle_is_text(const eg_pickle_value *value, const char *text)
{
    return value->kind == EG_PICKLE_TEXT && value->count == strlen(text) &&
           memcmp(value->text, text, value->count) == 0;
}

static eg_status
fail_nomem(const eg_pickle *m)
{
    return eg_fail_nomem(m->err, "the records of a checkpoint");
}

/* --- bytes --------------------------------------------------------------------------------------- */

static eg_status
take(eg_pickle *m, uint64_t bytes, const char **out)
{
    if (bytes > m->end - m->at) {
        eg_status status = eg_pickle_fail(m, "the pickle is cut off");
        return eg_hint(m->err, status, "is the file complete?");
    }
    *out = m->data + m->at;
    m->at += bytes;
    return EG_OK;
}

static eg_status
take_number(eg_pickle *m, size_t bytes, uint64_t *out)
{
    const char *at;
    EG_TRY(take(m, bytes, &at));
    *out = eg_read_le(at, bytes);
    return EG_OK;
}

/* A line without its end; the name of a module or of a class. */
static eg_status
take_name(eg_pickle *m, const char **out, size_t *length)
{
    uint64_t left = m->end - m->at;
    size_t limit = left < GLOBAL_NAME_MAX ? (size_t)left : GLOBAL_NAME_MAX;
    const char *end = memchr(m->data + m->at, '\n', limit);
    if (!end && left >= GLOBAL_NAME_MAX)
        return eg_pickle_fail(m, "the name of a class has more than %d bytes", GLOBAL_NAME_MAX);
    uint64_t bytes = end ? (uint64_t)(end - (m->data + m->at)) + 1 : left + 1;
    EG_TRY(take(m, bytes, out));
    *length = (size_t)bytes - 1;
    return EG_OK;
}

/* --- the stack ----------------------------------------------------------------------------------- */

static eg_status
push(eg_pickle *m, eg_pickle_value value)
{
    if (m->stack.count >= EG_PICKLE_MAX_STACK)
        return eg_pickle_fail(m, "more than %u values wait for their use", EG_PICKLE_MAX_STACK);
    if (m->arena.total > EG_PICKLE_MAX_MEMORY)
        return eg_pickle_fail(m, "the records need more than %u MiB", EG_PICKLE_MAX_MEMORY >> 20);
    return EG_PUSH(&m->stack, value) ? EG_OK : fail_nomem(m);
}

static eg_status
push_integer(eg_pickle *m, eg_pickle_kind kind, int64_t integer)
{
    return push(m, (eg_pickle_value){.kind = kind, .integer = integer});
}

static eg_status
fail_missing(const eg_pickle *m)
{
    return eg_pickle_fail(m, "the opcode finds too few values");
}

/* A mark is no value. */
static eg_status
pop(eg_pickle *m, eg_pickle_value *out)
{
    if (m->stack.count == 0 || m->stack.items[m->stack.count - 1].kind == EG_PICKLE_MARK)
        return fail_missing(m);
    *out = m->stack.items[--m->stack.count];
    return EG_OK;
}

/* The value on top, which stays. */
static eg_status
top(const eg_pickle *m, eg_pickle_value **out)
{
    if (m->stack.count == 0 || m->stack.items[m->stack.count - 1].kind == EG_PICKLE_MARK)
        return fail_missing(m);
    *out = &m->stack.items[m->stack.count - 1];
    return EG_OK;
}

/* Takes the values above the last mark, and the mark. They stay readable until the next push. */
static eg_status
pop_to_mark(eg_pickle *m, const eg_pickle_value **out, size_t *count)
{
    size_t at = m->stack.count;
    while (at > 0 && m->stack.items[at - 1].kind != EG_PICKLE_MARK)
        at--;
    if (at == 0)
        return eg_pickle_fail(m, "the opcode finds no mark");
    *out = &m->stack.items[at];
    *count = m->stack.count - at;
    m->stack.count = at - 1;
    return EG_OK;
}

/* --- tuples, lists, dicts ------------------------------------------------------------------------ */

static eg_status
push_tuple(eg_pickle *m, const eg_pickle_value *items, size_t count)
{
    eg_pickle_value *copy = eg_arena_calloc(&m->arena, count, sizeof *copy);
    if (!copy)
        return fail_nomem(m);
    if (count > 0)
        memcpy(copy, items, count * sizeof *copy);
    return push(m, (eg_pickle_value){.kind = EG_PICKLE_TUPLE, .count = (uint32_t)count, .tuple = copy});
}

/* A tuple of the `count` values on top. */
static eg_status
make_tuple(eg_pickle *m, size_t count)
{
    if (count == 0)
        return push_tuple(m, NULL, 0);
    if (m->stack.count < count)
        return fail_missing(m);
    const eg_pickle_value *items = m->stack.items + (m->stack.count - count);
    for (size_t i = 0; i < count; i++)
        if (items[i].kind == EG_PICKLE_MARK)
            return fail_missing(m);
    m->stack.count -= count;
    return push_tuple(m, items, count);
}

static eg_status
make_marked_tuple(eg_pickle *m)
{
    const eg_pickle_value *items;
    size_t count;
    EG_TRY(pop_to_mark(m, &items, &count));
    return push_tuple(m, items, count);
}

static eg_status
make_items(eg_pickle *m, eg_pickle_kind kind)
{
    eg_pickle_items *items = eg_arena_calloc(&m->arena, 1, sizeof *items);
    return items ? push(m, (eg_pickle_value){.kind = kind, .items = items}) : fail_nomem(m);
}

/* The arena keeps the smaller blocks too: together they are no larger than the last. */
static eg_status
append(eg_pickle *m, eg_pickle_items *list, const eg_pickle_value *items, size_t count)
{
    if (count > list->capacity - list->count) {
        size_t capacity = 2 * list->capacity > list->count + count ? 2 * list->capacity : list->count + count;
        eg_pickle_value *grown = eg_arena_calloc(&m->arena, capacity, sizeof *grown);
        if (!grown)
            return fail_nomem(m);
        if (list->count > 0)
            memcpy(grown, list->items, list->count * sizeof *grown);
        list->items = grown;
        list->capacity = capacity;
    }
    if (count > 0)
        memcpy(list->items + list->count, items, count * sizeof *items);
    list->count += count;
    return EG_OK;
}

/* Gives items to the list, or keys and values to the dict, that is on top now. */
static eg_status
fill(eg_pickle *m, bool dict, const eg_pickle_value *items, size_t count)
{
    eg_pickle_value *target;
    EG_TRY(top(m, &target));
    bool is_dict = target->kind == EG_PICKLE_DICT || target->kind == EG_PICKLE_ORDERED_DICT;
    if (dict ? !is_dict : target->kind != EG_PICKLE_LIST)
        return eg_pickle_fail(m, "%s is filled as if it were %s", eg_pickle_kind_name(target->kind),
                              dict ? "a dict" : "a list");
    if (dict && count % 2 != 0)
        return eg_pickle_fail(m, "a dict gets a key without a value");
    return append(m, target->items, items, count);
}

static eg_status
fill_marked(eg_pickle *m, bool dict)
{
    const eg_pickle_value *items;
    size_t count;
    EG_TRY(pop_to_mark(m, &items, &count));
    return fill(m, dict, items, count);
}

static eg_status
fill_single(eg_pickle *m, bool dict)
{
    eg_pickle_value items[2];
    if (dict)
        EG_TRY(pop(m, &items[1]));
    EG_TRY(pop(m, &items[0]));
    return fill(m, dict, items, dict ? 2 : 1);
}

/* --- numbers and texts --------------------------------------------------------------------------- */

/* A number of `bytes` little-endian bytes, in two's complement if it is signed. */
static eg_status
push_number(eg_pickle *m, size_t bytes, bool is_signed)
{
    uint64_t number;
    EG_TRY(take_number(m, bytes, &number));
    uint64_t sign = is_signed && bytes > 0 ? UINT64_C(1) << (8 * bytes - 1) : 0;
    return push_integer(m, EG_PICKLE_INT, (int64_t)((number ^ sign) - sign));
}

static eg_status
push_long(eg_pickle *m)
{
    uint64_t bytes;
    EG_TRY(take_number(m, 1, &bytes));
    if (bytes > 8)
        return eg_pickle_fail(m, "an integer of %" PRIu64 " bytes is beyond 64 bits", bytes);
    return push_number(m, (size_t)bytes, true);
}

static eg_status
push_float(eg_pickle *m)
{
    const char *bytes;
    EG_TRY(take(m, 8, &bytes));
    return push_integer(m, EG_PICKLE_FLOAT, 0);
}

static eg_status
push_text(eg_pickle *m, size_t length_bytes)
{
    uint64_t length;
    const char *text;
    EG_TRY(take_number(m, length_bytes, &length));
    EG_TRY(take(m, length, &text));
    if (!eg_utf8_valid(text, (size_t)length, NULL))
        return eg_pickle_fail(m, "a text is not valid UTF-8");
    return push(m, (eg_pickle_value){.kind = EG_PICKLE_TEXT, .count = (uint32_t)length, .text = text});
}

/* --- the memo ------------------------------------------------------------------------------------ */

/* Writers count up from 0 or 1, so nothing is lost by refusing a number that would make the memo jump. */
static eg_status
put_memo(eg_pickle *m, size_t index_bytes)
{
    uint64_t index;
    eg_pickle_value *value;
    EG_TRY(take_number(m, index_bytes, &index));
    EG_TRY(top(m, &value));
    if (index > m->memo.count + 1)
        return eg_pickle_fail(m, "memo %" PRIu64 " is written after %zu others", index, m->memo.count);
    while (m->memo.count <= index)
        if (!EG_PUSH(&m->memo, (eg_pickle_value){.kind = EG_PICKLE_HOLE}))
            return fail_nomem(m);
    m->memo.items[index] = *value;
    return EG_OK;
}

static eg_status
get_memo(eg_pickle *m, size_t index_bytes)
{
    uint64_t index;
    EG_TRY(take_number(m, index_bytes, &index));
    if (index >= m->memo.count || m->memo.items[index].kind == EG_PICKLE_HOLE)
        return eg_pickle_fail(m, "memo %" PRIu64 " was never written", index);
    return push(m, m->memo.items[index]);
}

/* --- records ------------------------------------------------------------------------------------- */

static eg_status
push_global(eg_pickle *m)
{
    const char *module, *name;
    size_t module_length, name_length;
    eg_pickle_value value = {.kind = EG_PICKLE_GLOBAL};
    EG_TRY(take_name(m, &module, &module_length));
    EG_TRY(take_name(m, &name, &name_length));
    EG_TRY(eg_torch_find_global(m, module, module_length, name, name_length, &value.global));
    return push(m, value);
}

static eg_status
reduce(eg_pickle *m)
{
    eg_pickle_value arguments, callable, result;
    EG_TRY(pop(m, &arguments));
    EG_TRY(pop(m, &callable));
    if (callable.kind != EG_PICKLE_GLOBAL || arguments.kind != EG_PICKLE_TUPLE)
        return eg_pickle_fail(m, "%s is called with %s", eg_pickle_kind_name(callable.kind),
                              eg_pickle_kind_name(arguments.kind));
    if (eg_torch_is_ordered_dict(callable.global)) {
        if (arguments.count > 0)
            return eg_pickle_fail(m, "an OrderedDict is made from %u arguments; none is expected", arguments.count);
        return make_items(m, EG_PICKLE_ORDERED_DICT);
    }
    EG_TRY(eg_torch_rebuild(m, callable.global, arguments.tuple, arguments.count, &result));
    return push(m, result);
}

/* A module's state dict carries its versions as an attribute, which no weight depends on. */
static eg_status
build(eg_pickle *m)
{
    eg_pickle_value state, *target;
    EG_TRY(pop(m, &state));
    EG_TRY(top(m, &target));
    bool metadata = target->kind == EG_PICKLE_ORDERED_DICT && state.kind == EG_PICKLE_DICT && state.items->count == 2 &&
                    eg_pickle_is_text(&state.items->items[0], "_metadata");
    return metadata ? EG_OK
                    : eg_pickle_fail(m, "%s gets attributes other than _metadata", eg_pickle_kind_name(target->kind));
}

static eg_status
persistent(eg_pickle *m)
{
    eg_pickle_value id, result;
    EG_TRY(pop(m, &id));
    EG_TRY(eg_torch_storage_of(m, &id, &result));
    return push(m, result);
}

static eg_status
check_protocol(eg_pickle *m)
{
    uint64_t protocol;
    EG_TRY(take_number(m, 1, &protocol));
    if (protocol == 2)
        return EG_OK;
    eg_status status = eg_pickle_fail(m, "the pickle has protocol %" PRIu64, protocol);
    return eg_hint(m->err, status, "torch.save writes protocol 2 unless told otherwise");
}

/* --- opcodes ------------------------------------------------------------------------------------- */

static eg_status
fail_opcode(const eg_pickle *m, unsigned char opcode)
{
    static const struct {
        unsigned char opcode;
        const char *name;
    } names[] = {{'0', "POP"},
                 {'1', "POP_MARK"},
                 {'2', "DUP"},
                 {'F', "FLOAT"},
                 {'I', "INT"},
                 {'L', "LONG"},
                 {'P', "PERSID"},
                 {'S', "STRING"},
                 {'V', "UNICODE"},
                 {'B', "BINBYTES"},
                 {'C', "SHORT_BINBYTES"},
                 {'d', "DICT"},
                 {'g', "GET"},
                 {'i', "INST"},
                 {'l', "LIST"},
                 {'o', "OBJ"},
                 {'p', "PUT"},
                 {0x81, "NEWOBJ"},
                 {0x82, "EXT1"},
                 {0x83, "EXT2"},
                 {0x84, "EXT4"},
                 {0x8b, "LONG4"},
                 {0x8c, "SHORT_BINUNICODE"},
                 {0x8d, "BINUNICODE8"},
                 {0x8e, "BINBYTES8"},
                 {0x8f, "EMPTY_SET"},
                 {0x90, "ADDITEMS"},
                 {0x91, "FROZENSET"},
                 {0x92, "NEWOBJ_EX"},
                 {0x93, "STACK_GLOBAL"},
                 {0x94, "MEMOIZE"},
                 {0x95, "FRAME"}};
    const char *name = "an unknown one";
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].opcode == opcode)
            name = names[i].name;
    eg_status status = eg_pickle_fail(m, "the pickle has the opcode 0x%02x (%s)", opcode, name);
    return eg_hint(m->err, status, "only what a state dict needs is read");
}

static eg_status
step(eg_pickle *m, unsigned char opcode)
{
    switch (opcode) {
    case 0x80:
        return check_protocol(m);
    case '(':
        return push(m, (eg_pickle_value){.kind = EG_PICKLE_MARK});
    case 'N':
        return push(m, (eg_pickle_value){.kind = EG_PICKLE_NONE});
    case 0x88: /* NEWTRUE */
    case 0x89: /* NEWFALSE */
        return push_integer(m, EG_PICKLE_BOOL, opcode == 0x88);
    case 'J':
        return push_number(m, 4, true);
    case 'K':
        return push_number(m, 1, false);
    case 'M':
        return push_number(m, 2, false);
    case 0x8a: /* LONG1 */
        return push_long(m);
    case 'G':
        return push_float(m);
    case 'X': /* BINUNICODE */
    case 'T': /* BINSTRING, as Python 2 wrote it */
        return push_text(m, 4);
    case 'U': /* SHORT_BINSTRING, likewise */
        return push_text(m, 1);
    case ')':
        return make_tuple(m, 0);
    case 0x85: /* TUPLE1, TUPLE2, TUPLE3 */
    case 0x86:
    case 0x87:
        return make_tuple(m, opcode - 0x84u);
    case 't':
        return make_marked_tuple(m);
    case ']':
        return make_items(m, EG_PICKLE_LIST);
    case '}':
        return make_items(m, EG_PICKLE_DICT);
    case 'a':
        return fill_single(m, false);
    case 's':
        return fill_single(m, true);
    case 'e':
        return fill_marked(m, false);
    case 'u':
        return fill_marked(m, true);
    case 'q':
        return put_memo(m, 1);
    case 'r':
        return put_memo(m, 4);
    case 'h':
        return get_memo(m, 1);
    case 'j':
        return get_memo(m, 4);
    case 'c':
        return push_global(m);
    case 'R':
        return reduce(m);
    case 'b':
        return build(m);
    case 'Q':
        return persistent(m);
    default:
        return fail_opcode(m, opcode);
    }
}

eg_status
eg_pickle_run(eg_pickle *m, eg_pickle_value *out)
{
    uint64_t begin = m->at;
    m->stack.count = m->memo.count = 0;
    for (;;) {
        uint64_t opcode;
        m->opcode = m->at;
        EG_TRY(take_number(m, 1, &opcode));
        if (m->at - begin > EG_PICKLE_MAX_BYTES)
            return eg_pickle_fail(m, "the pickle has more than the %u bytes that are allowed", EG_PICKLE_MAX_BYTES);
        if (opcode == '.')
            break;
        EG_TRY(step(m, (unsigned char)opcode));
    }
    EG_TRY(pop(m, out));
    return m->stack.count == 0 ? EG_OK : eg_pickle_fail(m, "the pickle leaves more than one value");
}

void
eg_pickle_finish(eg_pickle *m)
{
    eg_arena_finish(&m->arena);
    eg_free(m->stack.items);
    eg_free(m->memo.items);
    eg_free(m->storages.items);
    eg_map_finish(&m->storage_of);
    *m = (eg_pickle){0};
}
