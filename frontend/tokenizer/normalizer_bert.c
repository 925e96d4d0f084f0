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

/* Whether each character can be done by itself: none is padded, decomposed, put in order or becomes several. */
static bool
is_plain(const eg_bert_normalizer *bert, const eg_work *work)
{
    for (size_t i = 0; i < work->text.count; i++) {
        uint32_t c = work->text.items[i].c, lower[2];
        if (c < 0x80)
            continue;
        if (bert->handle_chinese_chars && eg_char_is(c, EG_CHAR_CJK))
            return false;
        if (bert->strip_accents && (eg_char_is(c, EG_CHAR_CANONICAL) || eg_unicode(c)->ccc != 0))
            return false;
        if (bert->lowercase && eg_char_lower(c, lower) != 1)
            return false;
    }
    return !work->mark_class;
}

/* All of it in one walk over the text. */
static void
normalize_plain(const eg_bert_normalizer *bert, eg_work *work)
{
    unsigned dropped = bert->clean_text ? EG_CHAR_REMOVED : 0, blank = bert->clean_text ? EG_CHAR_WHITE : 0;
    size_t kept = 0;
    for (size_t i = 0; i < work->text.count; i++) {
        eg_char item = work->text.items[i];
        if (eg_char_is(item.c, dropped))
            continue;
        if (eg_char_is(item.c, blank))
            item.c = ' ';
        if (bert->strip_accents && eg_char_is(item.c, EG_CHAR_NONSPACING))
            continue;
        if (bert->lowercase) {
            uint32_t lower[2];
            (void)eg_char_lower(item.c, lower);
            item.c = lower[0];
        }
        work->text.items[kept++] = item;
    }
    work->text.count = kept;
}

static eg_status
normalize(const void *state, eg_work *work, eg_error *err)
{
    const eg_bert_normalizer *bert = state;
    if (is_plain(bert, work)) {
        normalize_plain(bert, work);
        return EG_OK;
    }
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
