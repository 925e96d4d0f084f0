/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/shape_input.h"

#include <stdlib.h>

#include "cli/describe.h"
#include "cli/say.h"

/* The ids that every token table of the model has. */
static eg_status
read_vocabulary(const eg_session *session, uint32_t *out, eg_error *err)
{
    eg_describe_options options = {.size = sizeof options, .what = EG_DESCRIBE_INSPECT};
    eg_description_text description;
    char *json;
    EG_TRY(eg_describe(session->model, &options, &json, err));
    EG_TRY(eg_description_read(json, &description, err));
    double size = eg_json_number(eg_json_get(eg_json_get(description.root, "config"), "vocab_size"));
    if (size < 1.0)
        size = eg_json_number(eg_json_get(eg_json_get(description.root, "tokenizer"), "vocab_size"));
    eg_description_free(&description);
    *out = size >= 1.0 && size < 4e9 ? (uint32_t)size : 1;
    return EG_OK;
}

/* The default is one text. */
static void
cut_default(eg_shape *shape, uint32_t limit)
{
    if (!shape->by_default || shape->longest <= limit)
        return;
    shape->lengths[0] = shape->longest = limit;
    shape->tokens = limit;
}

eg_status
eg_shape_input_make(const eg_session *session, eg_shape *shape, eg_shape_input *out, eg_error *err)
{
    uint32_t vocabulary;
    *out = (eg_shape_input){0};
    cut_default(shape, eg_model_max_length(session->model));
    EG_TRY(read_vocabulary(session, &vocabulary, err));
    out->ids = calloc(shape->tokens, sizeof *out->ids);
    out->cu_seqlens = calloc((size_t)shape->count + 1, sizeof *out->cu_seqlens);
    if (!out->ids || !out->cu_seqlens) {
        eg_shape_input_free(out);
        return eg_fault(err, EG_E_NOMEM, "out of memory");
    }
    for (uint32_t i = 0; i < shape->count; i++)
        out->cu_seqlens[i + 1] = out->cu_seqlens[i] + shape->lengths[i];
    uint32_t state = 1; /* a linear congruential sequence; its upper bits are the even ones */
    for (uint64_t i = 0; i < shape->tokens; i++) {
        state = state * 1664525u + 1013904223u;
        out->ids[i] = (int64_t)((uint64_t)(state >> 8) * vocabulary >> 24);
    }
    out->input =
        (eg_input){.size = sizeof out->input, .count = shape->count, .ids = out->ids, .cu_seqlens = out->cu_seqlens};
    return EG_OK;
}

void
eg_shape_input_free(eg_shape_input *input)
{
    free(input->ids);
    free(input->cu_seqlens);
    *input = (eg_shape_input){0};
}
