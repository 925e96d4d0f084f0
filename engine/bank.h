/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of large results that were given back, kept for the next ones: fresh memory costs a page fault every few KB, which
 * for a long text is more than its tokens cost.
 *
 * Thread-safety: safe. A bank has as many holders as results that have its blocks, and the model; the last frees it.
 */
#ifndef EG_ENGINE_BANK_H
#define EG_ENGINE_BANK_H

#include <stdalign.h>

#include "base/mem.h"

enum {
    EG_BANK_LEAST = 1 << 20, /* bytes of a block; smaller ones the allocator keeps itself */
    EG_BANK_BYTES = 64 << 20 /* of all blocks kept: the oldest go first */
};

typedef struct eg_bank eg_bank;

typedef struct eg_bank_block {
    struct eg_bank_block *next;
    size_t size; /* of bytes */
    alignas(max_align_t) char bytes[];
} eg_bank_block;

eg_bank *eg_bank_new(void); /* held once; NULL: no memory */
eg_bank *eg_bank_hold(eg_bank *bank);
void eg_bank_release(eg_bank *bank); /* NULL is fine */
void eg_bank_close(eg_bank *bank);   /* the model's release: nothing is kept from now on; NULL is fine */

/* A block of at least `size` bytes, not cleared. NULL: no memory. */
eg_bank_block *eg_bank_take(eg_bank *bank, size_t size);
void eg_bank_give(eg_bank *bank, eg_bank_block *blocks); /* a list of them, or NULL */

#endif
