/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of a token list as one packed batch. Thread-safety: the memory of a batch is one thread's. */
#ifndef EG_ENGINE_PACK_H
#define EG_ENGINE_PACK_H

#include "engine/deliver.h"

/* The memory of a batch, used again from one to the next. {0} is empty. It does not move while the batch is used. */
typedef struct eg_batch_memory {
    eg_batch batch;
    eg_row *rows;
    int32_t *padded_ids, *padded_type_ids; /* with padding only */
} eg_batch_memory;

uint32_t eg_text_length(const eg_token_list *list, uint32_t text);

/* memory->batch becomes these texts; it points into the list too. EG_E_INPUT, EG_E_NOMEM. */
EG_NODISCARD eg_status eg_batch_fill(const eg_model *model, const eg_token_list *list, const eg_part *part,
                                     eg_batch_memory *memory, eg_error *err);
void eg_batch_memory_finish(eg_batch_memory *memory);

#endif
