/* SPDX-License-Identifier: Apache-2.0 */
/* Metaspace: U+0020 becomes a visible character, which begins words. */
#include <string.h>

#include "base/utf8.h"
#include "frontend/tokenizer/parts.h"
#include "frontend/tokenizer/unicode.h"

typedef enum { PREPEND_ALWAYS, PREPEND_FIRST, PREPEND_NEVER } prepend;

typedef struct metaspace {
    uint32_t mark;
    prepend scheme;
    bool split;
} metaspace;

static eg_status
read_mark(eg_loading *in, const eg_json *spec, uint32_t *out, eg_error *err)
{
    const char *mark;
    size_t length;
    if (!eg_json_get(spec, "replacement"))
        return EG_OK;
    EG_TRY(eg_read_string(in, spec, "replacement", &mark, &length, err));
    if (length == 0 || eg_utf8_decode(mark, length, out) != length)
        return eg_json_wrong_type(eg_json_get(spec, "replacement"), in->file, "one character", err);
    return EG_OK;
}

static eg_status
read_scheme(eg_loading *in, const eg_json *spec, prepend *out, eg_error *err)
{
    static const char *const names[] = {"always", "first", "never"};
    const eg_json *value = eg_json_get(spec, "prepend_scheme");
    bool older = true; /* add_prefix_space, of older files */
    EG_TRY(eg_read_bool(in, spec, "add_prefix_space", &older, err));
    *out = older ? PREPEND_ALWAYS : PREPEND_NEVER;
    if (!value || value->type == EG_JSON_NULL)
        return EG_OK;
    if (value->type != EG_JSON_STRING)
        return eg_json_wrong_type(value, in->file, "a string", err);
    for (int i = 0; i < 3; i++) {
        if (strcmp(value->string, names[i]) == 0) {
            if (eg_json_get(spec, "add_prefix_space") && !older && i != PREPEND_NEVER)
                return eg_fail_json(in, value, err, "add_prefix_space is false and prepend_scheme '%s'", names[i]);
            *out = (prepend)i;
            return EG_OK;
        }
    }
    return eg_hint(err, eg_fail_json(in, value, err, "unknown prepend_scheme '%.64s'", value->string),
                   "always, first or never");
}

static eg_status
load(eg_loading *in, const eg_json *spec, const void **out_state, eg_error *err)
{
    metaspace *state = eg_arena_calloc(in->arena, 1, sizeof *state);
    if (!state)
        return eg_fail_nomem(err, "a pre-tokenizer");
    *state = (metaspace){.mark = 0x2581, .split = true};
    EG_TRY(read_mark(in, spec, &state->mark, err));
    EG_TRY(read_scheme(in, spec, &state->scheme, err));
    EG_TRY(eg_read_bool(in, spec, "split", &state->split, err));
    *out_state = state;
    return EG_OK;
}

static bool
wants_mark(const metaspace *with, const eg_char *first)
{
    return with->scheme != PREPEND_NEVER && first->c != with->mark && first->c != ' ' &&
           (with->scheme == PREPEND_ALWAYS || first->start == 0);
}

/* Rewrites the words; a mark put in front shares the place of the first character. */
static bool
put_marks(const metaspace *with, eg_work *work)
{
    work->next.count = 0;
    for (size_t i = 0; i < work->words.count; i++) {
        eg_span *word = &work->words.items[i];
        size_t begin = work->next.count;
        for (size_t at = word->begin; at < word->end; at++) {
            eg_char c = work->text.items[at];
            if (at == word->begin && wants_mark(with, &c) &&
                !EG_PUSH(&work->next, ((eg_char){with->mark, c.start, c.end})))
                return false;
            if (c.c == ' ')
                c.c = with->mark;
            if (!EG_PUSH(&work->next, c))
                return false;
        }
        *word = (eg_span){begin, work->next.count};
    }
    eg_chars old = work->text;
    work->text = work->next;
    work->next = old;
    return true;
}

/* Each mark is a match, to be merged with what follows. */
static bool
segment(eg_work *work, eg_span word, const void *context)
{
    uint32_t mark = *(const uint32_t *)context;
    size_t begin = word.begin;
    for (size_t i = word.begin; i < word.end; i++) {
        if (work->text.items[i].c != mark)
            continue;
        if (begin < i && !EG_PUSH(&work->segments, ((eg_segment){begin, i, false})))
            return false;
        if (!EG_PUSH(&work->segments, ((eg_segment){i, i + 1, true})))
            return false;
        begin = i + 1;
    }
    return begin == word.end || EG_PUSH(&work->segments, ((eg_segment){begin, word.end, false}));
}

static eg_status
split(const void *state, eg_work *work, eg_error *err)
{
    const metaspace *with = state;
    if (!put_marks(with, work))
        return eg_fail_nomem(err, "a text");
    return with->split ? eg_words_split_by(work, segment, &with->mark, EG_SPLIT_MERGED_WITH_NEXT, err) : EG_OK;
}

/* Words begin at blanks and marks, and if it splits too, end at white space. */
static void
note_ends(eg_fused *out)
{
    enum { LAST_WHITE = 0x3000 };
    char bytes[4];
    for (uint32_t c = 0; out->drops_white && c <= LAST_WHITE; c++)
        if (eg_char_is(c, EG_CHAR_WHITE) && eg_utf8_encode(c, bytes) > 0)
            out->may_end[(unsigned char)bytes[0]] = true;
    out->may_end[' '] = out->may_end[(unsigned char)out->mark[0]] = true;
}

static bool
fuse(const void *state, eg_fused *out)
{
    const metaspace *with = state;
    if (!with->split || (out->words != EG_FUSED_WHOLE && out->words != EG_FUSED_WHITE))
        return false;
    out->drops_white = out->words == EG_FUSED_WHITE;
    out->words = EG_FUSED_METASPACE;
    out->prefix = with->scheme == PREPEND_ALWAYS  ? EG_FUSED_PREFIX_ALWAYS
                  : with->scheme == PREPEND_FIRST ? EG_FUSED_PREFIX_FIRST
                                                  : EG_FUSED_PREFIX_NEVER;
    out->mark_length = eg_utf8_encode(with->mark, out->mark);
    note_ends(out);
    return true;
}

/* The decoder: marks become blanks; those of the first token, unless never prepended, go. */
static void
decode(const void *state, const eg_decoding *in, eg_decoding *out)
{
    const metaspace *with = state;
    for (size_t i = 0; i < in->ends.count; i++) {
        size_t length;
        const char *token = eg_decoding_token(in, i, &length);
        for (size_t at = 0, step; at < length; at += step) {
            uint32_t c;
            step = eg_utf8_decode(token + at, length - at, &c);
            if (c != with->mark)
                eg_strbuf_append(&out->text, token + at, step);
            else if (i > 0 || with->scheme == PREPEND_NEVER)
                eg_strbuf_putc(&out->text, ' ');
        }
        eg_decoding_end(out);
    }
}

const eg_part_type eg_pretokenizer_metaspace = {.name = "Metaspace", .load = load, .split = split, .fuse = fuse};
const eg_part_type eg_decoder_metaspace = {.name = "Metaspace", .load = load, .decode = decode};
