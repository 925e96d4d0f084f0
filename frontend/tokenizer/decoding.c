/* SPDX-License-Identifier: Apache-2.0 */
/* The texts of tokens on their way through the decoders, and Sequence. */
#include "frontend/tokenizer/parts.h"

const char *
eg_decoding_token(const eg_decoding *tokens, size_t i, size_t *out_length)
{
    size_t begin = i > 0 ? tokens->ends.items[i - 1] : 0;
    *out_length = tokens->ends.items[i] - begin;
    return tokens->text.data ? tokens->text.data + begin : "";
}

void
eg_decoding_end(eg_decoding *tokens)
{
    if (!EG_PUSH(&tokens->ends, tokens->text.length))
        tokens->text.failed = true;
}

void
eg_decoding_put(eg_decoding *tokens, const char *token, size_t length)
{
    eg_strbuf_append(&tokens->text, token, length);
    eg_decoding_end(tokens);
}

void
eg_decoding_finish(eg_decoding *tokens)
{
    eg_strbuf_finish(&tokens->text);
    eg_free(tokens->ends.items);
    *tokens = (eg_decoding){0};
}

void
eg_decoding_run(const eg_part *decoder, eg_decoding *tokens)
{
    eg_decoding out = {0};
    decoder->type->decode(decoder->state, tokens, &out);
    out.text.failed |= tokens->text.failed;
    eg_decoding_finish(tokens);
    *tokens = out;
}

static eg_status
load(eg_loading *in, const eg_json *spec, const void **out_state, eg_error *err)
{
    return eg_part_load_list(in, EG_PART_DECODER, spec, "decoders", out_state, err);
}

static void
decode(const void *state, const eg_decoding *in, eg_decoding *out)
{
    const eg_part_list *list = state;
    for (size_t i = 0; i < in->ends.count; i++) {
        size_t length;
        const char *token = eg_decoding_token(in, i, &length);
        eg_decoding_put(out, token, length);
    }
    for (size_t i = 0; i < list->count && !out->text.failed; i++)
        if (list->parts[i].type)
            eg_decoding_run(&list->parts[i], out);
}

const eg_part_type eg_decoder_sequence = {.name = "Sequence", .load = load, .decode = decode};
