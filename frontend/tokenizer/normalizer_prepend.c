/* SPDX-License-Identifier: Apache-2.0 */
/* Prepend: a text in front of every stretch that is not empty. */
#include "base/utf8.h"
#include "frontend/tokenizer/parts.h"

typedef struct prepend {
    uint32_t *chars;
    size_t count;
} prepend;

static eg_status
load(eg_loading *in, const eg_json *spec, const void **out_state, eg_error *err)
{
    const char *text;
    size_t length;
    prepend *state = eg_arena_calloc(in->arena, 1, sizeof *state);
    EG_TRY(eg_read_string(in, spec, "prepend", &text, &length, err));
    if (!state || !(state->chars = eg_arena_calloc(in->arena, length + 1, sizeof *state->chars)))
        return eg_fail_nomem(err, "a normalizer");
    for (size_t at = 0; at < length;)
        at += eg_utf8_decode(text + at, length - at, &state->chars[state->count++]);
    *out_state = state;
    return EG_OK;
}

/* What is put in front shares the place of the first character. */
static eg_status
normalize(const void *state, eg_work *work, eg_error *err)
{
    const prepend *with = state;
    if (work->text.count == 0)
        return EG_OK;
    work->next.count = 0;
    for (size_t i = 0; i < with->count + work->text.count; i++) {
        eg_char c = work->text.items[i < with->count ? 0 : i - with->count];
        if (i < with->count)
            c.c = with->chars[i];
        if (!EG_PUSH(&work->next, c))
            return eg_fail_nomem(err, "a text being normalised");
    }
    eg_chars old = work->text;
    work->text = work->next;
    work->next = old;
    return EG_OK;
}

static bool
keeps(const void *state, const char *text, size_t length)
{
    (void)text;
    return length == 0 || ((const prepend *)state)->count == 0;
}

const eg_part_type eg_normalizer_prepend = {.name = "Prepend", .load = load, .normalize = normalize, .keeps = keeps};
