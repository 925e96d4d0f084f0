/* SPDX-License-Identifier: Apache-2.0 */
/* BertNormalizer: clean_text, blanks around CJK characters, strip accents, lower case, in this order. */
#include "frontend/tokenizer/parts.h"
#include "frontend/tokenizer/unicode.h"

static eg_status
load(eg_loading *in, const eg_json *spec, const void **out_state, eg_error *err)
{
    eg_bert_normalizer *state = eg_arena_alloc(in->arena, sizeof *state);
    if (!state)
        return eg_fail_nomem(err, "a normalizer");
    *state = (eg_bert_normalizer){.clean_text = true, .handle_chinese_chars = true, .lowercase = true};
    EG_TRY(eg_read_bool(in, spec, "clean_text", &state->clean_text, err));
    EG_TRY(eg_read_bool(in, spec, "handle_chinese_chars", &state->handle_chinese_chars, err));
    EG_TRY(eg_read_bool(in, spec, "lowercase", &state->lowercase, err));
    state->strip_accents = state->lowercase; /* what null means */
    EG_TRY(eg_read_bool(in, spec, "strip_accents", &state->strip_accents, err));
    *out_state = state;
    return EG_OK;
}

static void
clean(eg_work *work)
{
    eg_text_drop(work, EG_CHAR_REMOVED);
    for (size_t i = 0; i < work->text.count; i++)
        if (eg_char_is(work->text.items[i].c, EG_CHAR_WHITE))
            work->text.items[i].c = ' ';
}

static bool
has_cjk(const eg_chars *text)
{
    for (size_t i = 0; i < text->count; i++)
        if (eg_char_is(text->items[i].c, EG_CHAR_CJK))
            return true;
    return false;
}

static eg_status
pad_cjk(eg_work *work, eg_error *err)
{
    bool room = true;
    if (!has_cjk(&work->text))
        return EG_OK;
    work->changes.count = 0;
    for (size_t i = 0; i < work->text.count && room; i++) {
        uint32_t c = work->text.items[i].c;
        if (eg_char_is(c, EG_CHAR_CJK))
            room = EG_PUSH(&work->changes, ((eg_change){' ', 0})) && EG_PUSH(&work->changes, ((eg_change){c, 1})) &&
                   EG_PUSH(&work->changes, ((eg_change){' ', 1}));
        else
            room = EG_PUSH(&work->changes, ((eg_change){c, 0}));
    }
    return room ? eg_text_transform(work, err) : eg_fail_nomem(err, "a text being normalised");
}

static eg_status
normalize(const void *state, eg_work *work, eg_error *err)
{
    const eg_bert_normalizer *bert = state;
    if (bert->clean_text)
        clean(work);
    if (bert->handle_chinese_chars)
        EG_TRY(pad_cjk(work, err));
    if (bert->strip_accents) {
        EG_TRY(eg_text_decompose(work, false, err));
        eg_text_drop(work, EG_CHAR_NONSPACING);
    }
    return bert->lowercase ? eg_text_lower(work, err) : EG_OK;
}

const eg_part_type eg_normalizer_bert = {.name = "BertNormalizer", .load = load, .normalize = normalize};
