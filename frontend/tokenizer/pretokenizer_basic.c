/* SPDX-License-Identifier: Apache-2.0 */
/* Pre-tokenizers that look at one character at a time. */
#include <string.h>

#include "frontend/tokenizer/parts.h"
#include "frontend/tokenizer/unicode.h"

static eg_status
split_white(const void *state, eg_work *work, eg_error *err)
{
    (void)state;
    return eg_words_split(work, EG_CHAR_WHITE, EG_SPLIT_REMOVED, err);
}

/* What comes next must know of it (pretokenizer_metaspace.c). */
static bool
fuse_white(const void *state, eg_fused *out)
{
    (void)state;
    bool first = out->words == EG_FUSED_WHOLE || out->words == EG_FUSED_WHITE;
    out->words = EG_FUSED_WHITE;
    return first;
}

static eg_status
split_bert(const void *state, eg_work *work, eg_error *err)
{
    EG_TRY(split_white(state, work, err));
    return eg_words_split(work, EG_CHAR_PUNCT, EG_SPLIT_ISOLATED, err);
}

/* Whitespace: runs of \w, and runs of what is neither \w nor white space. */
static bool
segment_words(eg_work *work, eg_span word, const void *context)
{
    (void)context;
    const eg_char *text = work->text.items;
    for (size_t i = word.begin; i < word.end;) {
        unsigned kind = eg_unicode(text[i].c)->flags & (EG_CHAR_WORD | EG_CHAR_WHITE);
        size_t begin = i++;
        while (i < word.end && (eg_unicode(text[i].c)->flags & (EG_CHAR_WORD | EG_CHAR_WHITE)) == kind)
            i++;
        if (!EG_PUSH(&work->segments, ((eg_segment){begin, i, (kind & EG_CHAR_WHITE) != 0})))
            return false;
    }
    return true;
}

static eg_status
split_words(const void *state, eg_work *work, eg_error *err)
{
    (void)state;
    return eg_words_split_by(work, segment_words, NULL, EG_SPLIT_REMOVED, err);
}

eg_status
eg_split_read(eg_loading *in, const eg_json *spec, eg_split *out, eg_error *err)
{
    static const char *const names[] = {"Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"};
    const eg_json *value = eg_json_get(spec, "behavior");
    *out = EG_SPLIT_ISOLATED;
    if (!value)
        return EG_OK;
    if (value->type != EG_JSON_STRING)
        return eg_json_wrong_type(value, in->file, "a string", err);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(value->string, names[i]) == 0) {
            *out = (eg_split)i;
            return EG_OK;
        }
    }
    return eg_hint(err, eg_fail_json(in, value, err, "unknown behavior '%s'", value->string),
                   "one of Isolated, Removed, MergedWithPrevious, MergedWithNext, Contiguous");
}

static eg_status
load_behavior(eg_loading *in, const eg_json *spec, const void **out_state, eg_error *err)
{
    eg_split *state = eg_arena_alloc(in->arena, sizeof *state);
    if (!state)
        return eg_fail_nomem(err, "a pre-tokenizer");
    *out_state = state;
    return eg_split_read(in, spec, state, err);
}

static eg_status
split_punctuation(const void *state, eg_work *work, eg_error *err)
{
    return eg_words_split(work, EG_CHAR_PUNCT, *(const eg_split *)state, err);
}

static eg_status
load_digits(eg_loading *in, const eg_json *spec, const void **out_state, eg_error *err)
{
    bool individual = false;
    eg_split *state = eg_arena_alloc(in->arena, sizeof *state);
    if (!state)
        return eg_fail_nomem(err, "a pre-tokenizer");
    EG_TRY(eg_read_bool(in, spec, "individual_digits", &individual, err));
    *state = individual ? EG_SPLIT_ISOLATED : EG_SPLIT_CONTIGUOUS;
    *out_state = state;
    return EG_OK;
}

static eg_status
split_digits(const void *state, eg_work *work, eg_error *err)
{
    return eg_words_split(work, EG_CHAR_NUMERIC, *(const eg_split *)state, err);
}

const eg_part_type eg_pretokenizer_bert = {.name = "BertPreTokenizer", .split = split_bert};
const eg_part_type eg_pretokenizer_whitespace = {.name = "Whitespace", .split = split_words};
const eg_part_type eg_pretokenizer_whitespace_split = {
    .name = "WhitespaceSplit", .split = split_white, .fuse = fuse_white};
const eg_part_type eg_pretokenizer_punctuation = {
    .name = "Punctuation", .load = load_behavior, .split = split_punctuation};
const eg_part_type eg_pretokenizer_digits = {.name = "Digits", .load = load_digits, .split = split_digits};
