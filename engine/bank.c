/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/bank.h"

#include <pthread.h>

#include "base/checked.h"

struct eg_bank {
    pthread_mutex_t lock;
    uint32_t holders;
    bool closed;
    eg_bank_block *kept; /* the newest first */
    size_t bytes;        /* of them */
};

eg_bank *
eg_bank_new(void)
{
    eg_bank *bank = eg_calloc(1, sizeof *bank);
    if (!bank)
        return NULL;
    pthread_mutex_init(&bank->lock, NULL);
    bank->holders = 1;
    return bank;
}

static void
free_blocks(eg_bank_block *blocks)
{
    while (blocks) {
        eg_bank_block *next = blocks->next;
        eg_free(blocks);
        blocks = next;
    }
}

/* Takes the blocks that are too much out of those kept. */
static eg_bank_block *
cut_to(eg_bank *bank, size_t most)
{
    eg_bank_block **end = &bank->kept;
    size_t bytes = 0;
    while (*end && (*end)->size <= most - bytes) {
        bytes += (*end)->size;
        end = &(*end)->next;
    }
    eg_bank_block *rest = *end;
    *end = NULL;
    bank->bytes = bytes;
    return rest;
}

eg_bank *
eg_bank_hold(eg_bank *bank)
{
    pthread_mutex_lock(&bank->lock);
    bank->holders++;
    pthread_mutex_unlock(&bank->lock);
    return bank;
}

void
eg_bank_release(eg_bank *bank)
{
    if (!bank)
        return;
    pthread_mutex_lock(&bank->lock);
    bool last = --bank->holders == 0;
    pthread_mutex_unlock(&bank->lock);
    if (!last)
        return;
    free_blocks(bank->kept);
    pthread_mutex_destroy(&bank->lock);
    eg_free(bank);
}

void
eg_bank_close(eg_bank *bank)
{
    if (!bank)
        return;
    pthread_mutex_lock(&bank->lock);
    bank->closed = true;
    eg_bank_block *kept = cut_to(bank, 0);
    pthread_mutex_unlock(&bank->lock);
    free_blocks(kept);
    eg_bank_release(bank);
}

/* The smallest that is large enough; one of more than twice the size is too good for it. */
static eg_bank_block *
find_kept(eg_bank *bank, size_t size)
{
    eg_bank_block **best = NULL;
    for (eg_bank_block **at = &bank->kept; *at; at = &(*at)->next)
        if ((*at)->size >= size && (*at)->size / 2 <= size && (!best || (*at)->size < (*best)->size))
            best = at;
    if (!best)
        return NULL;
    eg_bank_block *block = *best;
    *best = block->next;
    bank->bytes -= block->size;
    return block;
}

eg_bank_block *
eg_bank_take(eg_bank *bank, size_t size)
{
    size_t bytes;
    pthread_mutex_lock(&bank->lock);
    eg_bank_block *block = find_kept(bank, size);
    pthread_mutex_unlock(&bank->lock);
    if (!block && eg_add_size(size, sizeof *block, &bytes) && (block = eg_alloc(bytes)))
        block->size = size;
    if (block)
        block->next = NULL;
    return block;
}

void
eg_bank_give(eg_bank *bank, eg_bank_block *blocks)
{
    while (blocks) {
        eg_bank_block *next = blocks->next;
        pthread_mutex_lock(&bank->lock);
        blocks->next = bank->kept;
        bank->kept = blocks;
        bank->bytes += blocks->size;
        eg_bank_block *surplus = NULL;
        if (bank->closed || bank->bytes > EG_BANK_BYTES)
            surplus = cut_to(bank, bank->closed ? 0 : EG_BANK_BYTES);
        pthread_mutex_unlock(&bank->lock);
        free_blocks(surplus);
        blocks = next;
    }
}
