/* SPDX-License-Identifier: Apache-2.0 */
/* WordPiece's decoder: blanks between words, none before a continuing piece, and a clean-up token by token. */
#include <string.h>

#include "frontend/tokenizer/clean_up.h"
#include "frontend/tokenizer/parts.h"

typedef struct decoder {
    const char *prefix;
    size_t prefix_length;
    bool cleanup;
} decoder;

static eg_status
load(eg_loading *in, const eg_json *spec, const void **out_state, eg_error *err)
{
    decoder *state = eg_arena_calloc(in->arena, 1, sizeof *state);
    const char *prefix = "##";
    size_t length = 2;
    if (!state)
        return eg_fail_nomem(err, "a decoder");
    state->cleanup = true;
    if (eg_json_get(spec, "prefix"))
        EG_TRY(eg_read_string(in, spec, "prefix", &prefix, &length, err));
    EG_TRY(eg_read_bool(in, spec, "cleanup", &state->cleanup, err));
    state->prefix = eg_arena_strndup(in->arena, prefix, length);
    state->prefix_length = length;
    *out_state = state;
    return state->prefix ? EG_OK : eg_fail_nomem(err, "a decoder");
}

static void
decode(const void *state, const eg_decoding *in, eg_decoding *out)
{
    const decoder *with = state;
    for (size_t i = 0; i < in->ends.count; i++) {
        size_t length, begin = out->text.length;
        const char *token = eg_decoding_token(in, i, &length);
        if (i == 0) {
            eg_strbuf_append(&out->text, token, length);
        } else if (length >= with->prefix_length && memcmp(token, with->prefix, with->prefix_length) == 0) {
            eg_strbuf_append(&out->text, token + with->prefix_length, length - with->prefix_length);
        } else {
            eg_strbuf_putc(&out->text, ' ');
            eg_strbuf_append(&out->text, token, length);
        }
        if (with->cleanup)
            eg_clean_up(&out->text, begin, true);
        eg_decoding_end(out);
    }
}

const eg_part_type eg_decoder_wordpiece = {.name = "WordPiece", .load = load, .decode = decode};
