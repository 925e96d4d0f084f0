/* SPDX-License-Identifier: Apache-2.0 */
/* What a run or a tokenisation gives back. Thread-safety: a result is read-only once it is handed out. */
#ifndef EG_ENGINE_RESULT_H
#define EG_ENGINE_RESULT_H

#include <egbert/egbert.h>

#include "engine/bank.h"

typedef struct eg_result_output {
    const char *name;
    eg_dtype dtype; /* EG_F32 or EG_I64 */
    eg_kind kind;
    bool stacked;
    uint32_t layers; /* 1 unless stacked */
    uint32_t rank;   /* token, text: of one layer, the row axis included; pair: heads, n, n */
    int64_t dims[EG_TENSOR_RANK];
    int64_t row_elements; /* token, text: elements of a row */
    uint64_t *offsets;    /* pair: [texts + 1], elements */
    void *data;
} eg_result_output;

struct eg_result {
    eg_arena arena;
    eg_arena *arenas; /* of workers, whose memory is in it too; NULL: none */
    uint32_t arena_count;
    eg_bank *bank; /* whose these are; NULL: there are none */
    eg_bank_block *blocks;
    uint32_t texts;
    int64_t *cu_seqlens, *ids, *type_ids;
    uint32_t output_count;
    eg_result_output *outputs;
    eg_tokens_view *tokens;     /* of eg_tokenize(); else NULL */
    EG_VEC(eg_list_view) lists; /* of eg_run_task(): all records', one after another */
    EG_VEC(uint32_t) list_ends; /* per record: the end of its lists */
    bool non_finite_too;        /* numbers that are not finite are taken as they are */
};

/* Writes a view into the caller's, which may be of an older or newer header: as much as both know. */
EG_NODISCARD eg_status eg_give_view(void *to, const void *from, size_t from_size);

#endif
