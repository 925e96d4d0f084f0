/* SPDX-License-Identifier: Apache-2.0 */
/* From a batch's memory to the caller's tensors, and the check that all of it is finite. */
#ifndef EG_ENGINE_DELIVER_H
#define EG_ENGINE_DELIVER_H

#include "engine/input.h"
#include "engine/result.h"
#include "engine/run.h"

/* Which texts of the list a batch holds. */
typedef struct eg_part {
    uint32_t first, count;
} eg_part;

/* Shapes and memory of all outputs, once the types are known. */
EG_NODISCARD eg_status eg_result_prepare(eg_result *result, const eg_plan *plan, const eg_token_list *list,
                                         eg_error *err);

/* Copies what the batch gave, without padding. EG_E_NONFINITE names output and text. */
EG_NODISCARD eg_status eg_deliver(eg_context *context, const eg_executable *executable, const eg_batch *batch,
                                  const eg_token_list *list, const eg_part *part, eg_result *result, eg_error *err);

#endif
