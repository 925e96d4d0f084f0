/* SPDX-License-Identifier: Apache-2.0 */
/* Runs of token lists, batch after batch. Thread-safety: a context is one thread's at a time. */
#ifndef EG_ENGINE_BATCH_H
#define EG_ENGINE_BATCH_H

#include "engine/deliver.h"

typedef struct eg_run_request {
    const char *const *outputs;
    uint32_t output_count;
    const char *fuse;          /* passes; NULL: the context's */
    const eg_variant *variant; /* NULL: the model as it is */
    bool non_finite_too;       /* take numbers that are not finite, which else are EG_E_NONFINITE */
} eg_run_request;

/*
 * eg_run() on tokens that have been taken; of `input` only the progress is used. Whoever calls it begins with
 * eg_context_uncancel(), once: a call of the API may run several times.
 */
EG_NODISCARD eg_status eg_run_tokens(eg_context *context, const eg_input *input, const eg_token_list *list,
                                     const eg_run_request *request, eg_result **out, eg_error *err);

/*
 * The texts of the next run: from `first` on as many as fit into the tokens of one run, at most most_texts, one at least.
 * Of the list only the lengths are read.
 */
eg_part eg_batch_next_part(const eg_model *model, const eg_token_list *list, uint32_t first, uint32_t most_texts);

#endif
