/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pickle machine that cannot execute anything: it knows the opcodes of protocol 2 that a state dict is written with, and
 * the few globals of records.h, each of which stands for a fixed kind of record. Nothing is ever called.
 *
 * What it builds is never walked deeper than a fixed number of levels, so that nesting, shared parts and cycles cost
 * nothing; its memory is bounded by the limits below.
 *
 * Thread-safety: a machine belongs to one thread at a time.
 */
#ifndef EG_FRONTEND_TORCH_PICKLE_H
#define EG_FRONTEND_TORCH_PICKLE_H

#include <inttypes.h>

#include "base/error.h"
#include "base/map.h"
#include "base/mem.h"

/* A state dict takes about 200 bytes for each tensor. */
#define EG_PICKLE_MAX_BYTES (64u << 20)
#define EG_PICKLE_MAX_STACK (1u << 16)
#define EG_PICKLE_MAX_MEMORY (512u << 20)

typedef enum eg_pickle_kind {
    EG_PICKLE_HOLE, /* nothing: a place of the memo that was not written */
    EG_PICKLE_MARK,
    EG_PICKLE_NONE,
    EG_PICKLE_BOOL,
    EG_PICKLE_INT,
    EG_PICKLE_FLOAT, /* its value is of no use here and not kept */
    EG_PICKLE_TEXT,
    EG_PICKLE_GLOBAL,
    EG_PICKLE_TUPLE,
    EG_PICKLE_LIST,
    EG_PICKLE_DICT,
    EG_PICKLE_ORDERED_DICT,
    EG_PICKLE_STORAGE,
    EG_PICKLE_TENSOR,
} eg_pickle_kind;

typedef struct eg_pickle_value {
    eg_pickle_kind kind;
    uint32_t count; /* of a tuple; bytes of a text */
    union {
        int64_t integer;
        const char *text; /* in the file, not NUL-terminated, valid UTF-8 */
        const struct eg_torch_global *global;
        const struct eg_pickle_value *tuple;
        struct eg_pickle_items *items; /* of a list; of a dict: key, value, key, value, … */
        struct eg_torch_storage *storage;
        const struct eg_torch_tensor *tensor;
    };
} eg_pickle_value;

typedef struct eg_pickle_items {
    eg_pickle_value *items; /* in the arena */
    size_t count, capacity;
} eg_pickle_items;

/* Several pickles may follow each other in one file; the storages of all stay. {0} with arena and places set. */
typedef struct eg_pickle {
    const char *data; /* the file */
    uint64_t at, end; /* what is left to read */
    uint64_t opcode;  /* where the present opcode begins, for messages */
    const char *file;
    eg_arena arena;
    EG_VEC(eg_pickle_value) stack;
    EG_VEC(eg_pickle_value) memo;
    EG_VEC(struct eg_torch_storage *) storages;
    eg_map storage_of; /* key → index of storages */
    eg_error *err;
} eg_pickle;

/* Runs to the STOP and gives the value left; `at` is behind it. */
EG_NODISCARD eg_status eg_pickle_run(eg_pickle *machine, eg_pickle_value *out);
void eg_pickle_finish(eg_pickle *machine);

/* "byte N: …" with the place of the present opcode. */
EG_NODISCARD eg_status eg_pickle_fail(const eg_pickle *machine, const char *fmt, ...) EG_PRINTF(2, 3);
/* "a dict", "a tensor", … */
const char *eg_pickle_kind_name(eg_pickle_kind kind);
bool eg_pickle_is_text(const eg_pickle_value *value, const char *text);

#endif
