/* SPDX-License-Identifier: Apache-2.0 */
/* Strip: white space at the ends. */
#include <string.h>

#include "base/utf8.h"
#include "frontend/tokenizer/parts.h"
#include "frontend/tokenizer/unicode.h"

typedef struct strip {
    bool left, right;
} strip;

static eg_status
load(eg_loading *in, const eg_json *spec, const void **out_state, eg_error *err)
{
    strip *state = eg_arena_calloc(in->arena, 1, sizeof *state);
    if (!state)
        return eg_fail_nomem(err, "a normalizer");
    *state = (strip){true, true};
    EG_TRY(eg_read_bool(in, spec, "strip_left", &state->left, err));
    EG_TRY(eg_read_bool(in, spec, "strip_right", &state->right, err));
    *out_state = state;
    return EG_OK;
}

static eg_status
normalize(const void *state, eg_work *work, eg_error *err)
{
    const strip *ends = state;
    eg_chars *text = &work->text;
    size_t begin = 0;
    (void)err;
    while (ends->right && text->count > 0 && eg_char_is(text->items[text->count - 1].c, EG_CHAR_WHITE))
        text->count--;
    while (ends->left && begin < text->count && eg_char_is(text->items[begin].c, EG_CHAR_WHITE))
        begin++;
    if (begin > 0) {
        text->count -= begin;
        memmove(text->items, text->items + begin, text->count * sizeof *text->items);
    }
    return EG_OK;
}

static bool
is_white(const char *text, size_t length)
{
    uint32_t c;
    eg_utf8_decode(text, length, &c);
    return eg_char_is(c, EG_CHAR_WHITE);
}

static bool
keeps(const void *state, const char *text, size_t length)
{
    const strip *ends = state;
    size_t last = length > 0 ? eg_utf8_floor(text, length - 1) : 0;
    return length == 0 ||
           !((ends->left && is_white(text, length)) || (ends->right && is_white(text + last, length - last)));
}

const eg_part_type eg_normalizer_strip = {.name = "Strip", .load = load, .normalize = normalize, .keeps = keeps};
