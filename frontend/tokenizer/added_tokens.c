/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens that are looked for in the text itself, before the model sees it: leftmost, and the longest of those that
 * begin there. Some are looked for in the raw text, some (`normalized`) in the normalised one.
 */
#include <string.h>

#include "base/utf8.h"
#include "frontend/tokenizer/parts.h"
#include "frontend/tokenizer/unicode.h"

eg_status
eg_added_token_read(eg_loading *in, const eg_json *spec, eg_added_token *out, eg_error *err)
{
    int64_t id = -1;
    if (spec->type != EG_JSON_OBJECT)
        return eg_json_wrong_type(spec, in->file, "an added token, an object", err);
    EG_TRY(eg_read_string(in, spec, "content", &out->content, &out->length, err));
    EG_TRY(eg_read_int(in, spec, "id", 0, INT32_MAX, &id, err));
    out->id = (int32_t)id;
    EG_TRY(eg_read_bool(in, spec, "single_word", &out->single_word, err));
    EG_TRY(eg_read_bool(in, spec, "lstrip", &out->lstrip, err));
    EG_TRY(eg_read_bool(in, spec, "rstrip", &out->rstrip, err));
    EG_TRY(eg_read_bool(in, spec, "normalized", &out->normalized, err));
    return eg_read_bool(in, spec, "special", &out->special, err);
}

/* The id that the library gives: the vocabulary's, or the next after the entries and after the added tokens. */
static int32_t
place_of(eg_loading *in, const eg_added_token *token, uint64_t *known)
{
    const eg_added_tokens *added = &in->tokenizer->added;
    if (eg_map_get(&added->by_content, token->content, token->length, known))
        return added->tokens[*known].id;
    *known = added->count;
    int32_t id = eg_vocab_id(&in->tokenizer->vocab, token->content, token->length);
    if (id >= 0)
        return id;
    return added->largest >= (int64_t)in->entries ? (int32_t)added->largest + 1 : (int32_t)in->entries;
}

eg_status
eg_added_tokens_put(eg_loading *in, const eg_added_token *token, const eg_json *spec, eg_error *err)
{
    eg_vocab *vocab = &in->tokenizer->vocab;
    eg_added_tokens *added = &in->tokenizer->added;
    eg_added_token new = *token;
    uint64_t at;
    if (token->length == 0)
        return EG_OK; /* the library ignores it too */
    new.id = place_of(in, token, &at);
    if (token->id >= 0 && token->id != new.id)
        return eg_hint(err, eg_fail_json(in, spec, err, "the added token '%.64s' has id %d", token->content, token->id),
                       "its place in the vocabulary is %d", new.id);
    if (at == added->count) {
        if (eg_vocab_id(vocab, token->content, token->length) < 0 &&
            !eg_vocab_set(vocab, new.id, token->content, token->length))
            return eg_fail_json(in, spec, err, "the added token '%.64s' would take id %d, which is another entry's",
                                token->content, new.id);
        new.content = vocab->bytes + vocab->begins[new.id];
        if (!eg_map_put(&added->by_content, new.content, new.length, at, NULL))
            return eg_fail_nomem(err, "added tokens");
        added->by_id[new.id] = (uint32_t)++added->count;
    }
    new.content = vocab->bytes + vocab->begins[new.id];
    added->tokens[at] = new;
    if (new.id > added->largest)
        added->largest = new.id;
    return EG_OK;
}

eg_status
eg_added_tokens_reserve(eg_loading *in, eg_error *err)
{
    eg_added_tokens *added = &in->tokenizer->added;
    added->largest = -1;
    added->tokens = eg_arena_calloc(in->arena, in->extra_ids + 1, sizeof *added->tokens);
    added->by_id = eg_arena_calloc(in->arena, in->tokenizer->vocab.capacity, sizeof *added->by_id);
    return added->tokens && added->by_id ? EG_OK : eg_fail_nomem(err, "added tokens");
}

eg_status
eg_added_tokens_load(eg_loading *in, const eg_json *list, eg_error *err)
{
    for (size_t i = 0; i < list->count; i++) {
        eg_added_token token = {0};
        EG_TRY(eg_added_token_read(in, &list->items[i], &token, err));
        if (token.id < 0)
            return eg_fail_json(in, &list->items[i], err, "an added token without an id");
        EG_TRY(eg_added_tokens_put(in, &token, &list->items[i], err));
    }
    return EG_OK;
}

/* The content as decoding gives it back: the library's id_to_token does not undo the normalizer. */
static eg_status
show(eg_tokenizer *tokenizer, eg_added_token *token, const eg_work *work, eg_error *err)
{
    eg_strbuf text = {0};
    char encoded[4];
    for (size_t i = 0; i < work->text.count; i++)
        eg_strbuf_append(&text, encoded, eg_utf8_encode(work->text.items[i].c, encoded));
    if (!text.failed)
        token->shown = eg_arena_strndup(&tokenizer->arena, text.data ? text.data : "", text.length);
    token->shown_length = text.length;
    eg_strbuf_finish(&text);
    return token->shown ? EG_OK : eg_fail_nomem(err, "added tokens");
}

static eg_status
spell_bytes(const char *text, size_t length, eg_pattern *out, eg_arena *arena, eg_error *err)
{
    uint32_t *symbols = eg_arena_calloc(arena, length + 1, sizeof *symbols);
    if (!symbols)
        return eg_fail_nomem(err, "added tokens");
    for (size_t i = 0; i < length; i++)
        symbols[i] = (unsigned char)text[i];
    *out = (eg_pattern){symbols, length};
    return EG_OK;
}

/* The content as the text will be seen: raw bytes, or normalised characters. */
static eg_status
spell(eg_tokenizer *tokenizer, eg_added_token *token, eg_work *work, eg_pattern *out, eg_arena *arena, eg_error *err)
{
    token->shown = token->content;
    token->shown_length = token->length;
    if (!token->normalized)
        return spell_bytes(token->content, token->length, out, arena, err);
    token->shown = NULL;
    EG_TRY(eg_work_set_text(work, token->content, token->length, 0, err));
    EG_TRY(eg_work_normalize(tokenizer, work, err));
    EG_TRY(show(tokenizer, token, work, err));
    uint32_t *symbols = eg_arena_calloc(arena, work->text.count + 1, sizeof *symbols);
    if (!symbols)
        return eg_fail_nomem(err, "added tokens");
    for (size_t i = 0; i < work->text.count; i++)
        symbols[i] = work->text.items[i].c;
    *out = (eg_pattern){symbols, work->text.count};
    return EG_OK;
}

/* Special tokens first: of equal contents the first is found, and the library lists those first. */
static eg_status
index_kind(eg_tokenizer *tokenizer, bool normalized, eg_work *work, eg_arena *scratch, eg_error *err)
{
    eg_added_tokens *added = &tokenizer->added;
    eg_pattern *patterns = eg_arena_calloc(scratch, added->count + 1, sizeof *patterns);
    const eg_added_token **found = eg_arena_calloc(&tokenizer->arena, added->count + 1, sizeof *found);
    size_t count = 0;
    if (!patterns || !found)
        return eg_fail_nomem(err, "added tokens");
    for (int special = 1; special >= 0; special--) {
        for (size_t i = 0; i < added->count; i++) {
            eg_added_token *token = &added->tokens[i];
            if (token->normalized != normalized || token->special != (special == 1))
                continue;
            EG_TRY(spell(tokenizer, token, work, &patterns[count], scratch, err));
            if (patterns[count].length > 0) /* nothing is left of it once normalised: it can not be met */
                found[count++] = token;
        }
    }
    if (!normalized) {
        added->raw_tokens = found;
        return eg_matcher_new(&added->raw, patterns, count, &tokenizer->arena, err);
    }
    added->normalized_tokens = found;
    EG_TRY(eg_matcher_new(&added->normalized, patterns, count, &tokenizer->arena, err));
    for (size_t i = 0; i < count; i++)
        EG_TRY(spell_bytes(found[i]->shown, found[i]->shown_length, &patterns[i], scratch, err));
    return eg_matcher_new(&added->normalized_bytes, patterns, count, &tokenizer->arena, err);
}

eg_status
eg_added_tokens_index(eg_tokenizer *tokenizer, eg_error *err)
{
    eg_work work = {0};
    eg_arena scratch = {0};
    eg_status status = index_kind(tokenizer, false, &work, &scratch, err);
    if (status == EG_OK)
        status = index_kind(tokenizer, true, &work, &scratch, err);
    eg_arena_finish(&scratch);
    eg_work_finish(&work);
    return status;
}

/* A raw text (bytes) or a normalised one (characters), looked at one character at a time. */
typedef struct view {
    const char *bytes;
    const eg_char *chars;
    size_t length;
} view;

static size_t
next_char(const view *text, size_t at, uint32_t *c)
{
    if (!text->bytes) {
        *c = text->chars[at].c;
        return at + 1;
    }
    return at + eg_utf8_decode(text->bytes + at, text->length - at, c);
}

static size_t
previous_char(const view *text, size_t at, uint32_t *c)
{
    size_t begin = text->bytes ? eg_utf8_floor(text->bytes, at - 1) : at - 1;
    next_char(text, begin, c);
    return begin;
}

static bool
stands_alone(const view *text, const eg_match *match)
{
    uint32_t c;
    if (match->begin > 0 && (previous_char(text, match->begin, &c), eg_char_is(c, EG_CHAR_WORD)))
        return false;
    return match->end == text->length || (next_char(text, match->end, &c), !eg_char_is(c, EG_CHAR_WORD));
}

static size_t
blanks_before(const view *text, size_t at, size_t least)
{
    while (at > least) {
        uint32_t c;
        size_t before = previous_char(text, at, &c);
        if (!eg_char_is(c, EG_CHAR_WHITE))
            break;
        at = before;
    }
    return at > least ? at : least;
}

static size_t
blanks_after(const view *text, size_t at)
{
    while (at < text->length) {
        uint32_t c;
        size_t after = next_char(text, at, &c);
        if (!eg_char_is(c, EG_CHAR_WHITE))
            break;
        at = after;
    }
    return at;
}

/*
 * Cuts the text at work->matches (which begin with the last). As in the library, a match within the blanks that the one
 * before it took is still a match: cuts may then overlap.
 */
static bool
cut(const view *text, const eg_added_token *const *tokens, eg_work *work, eg_cuts *out)
{
    size_t done = 0, searched = 0, blanks_begin = 1, blanks_end = 0; /* the last run of blanks walked over */
    out->count = 0;
    for (size_t i = work->matches.count; i-- > 0;) {
        eg_match match = work->matches.items[i];
        const eg_added_token *token = tokens[match.pattern];
        if (match.begin < searched)
            continue;
        searched = match.end;
        if (token->single_word && !stands_alone(text, &match))
            continue;
        if (token->lstrip)
            match.begin = match.begin < done ? done : blanks_before(text, match.begin, done);
        if (token->rstrip) {
            if (match.end < blanks_begin || match.end > blanks_end) {
                blanks_begin = match.end;
                blanks_end = blanks_after(text, match.end);
            }
            match.end = blanks_end;
        }
        if (match.begin >= match.end)
            continue; /* all of it was taken by the match before */
        if (done < match.begin && !EG_PUSH(out, ((eg_cut){done, match.begin, NULL})))
            return false;
        if (!EG_PUSH(out, ((eg_cut){match.begin, match.end, token})))
            return false;
        done = match.end;
    }
    return done >= text->length || EG_PUSH(out, ((eg_cut){done, text->length, NULL}));
}

static eg_status
cut_bytes(const eg_matcher *matcher, const eg_added_token *const *tokens, const char *text, size_t length,
          eg_work *work, eg_cuts *out, eg_error *err)
{
    view bytes = {.bytes = text, .length = length};
    if (!eg_matcher_scan_bytes(matcher, text, length, work) || !cut(&bytes, tokens, work, out))
        return eg_fail_nomem(err, "added tokens of a text");
    return EG_OK;
}

eg_status
eg_added_tokens_cut_raw(const eg_tokenizer *tokenizer, const char *text, size_t length, eg_work *work, eg_cuts *out,
                        eg_error *err)
{
    const eg_added_tokens *added = &tokenizer->added;
    return cut_bytes(&added->raw, added->raw_tokens, text, length, work, out, err);
}

eg_status
eg_added_tokens_cut_kept(const eg_tokenizer *tokenizer, const char *text, size_t length, eg_work *work, eg_cuts *out,
                         eg_error *err)
{
    const eg_added_tokens *added = &tokenizer->added;
    return cut_bytes(&added->normalized_bytes, added->normalized_tokens, text, length, work, out, err);
}

eg_status
eg_added_tokens_cut(const eg_tokenizer *tokenizer, eg_work *work, eg_cuts *out, eg_error *err)
{
    view chars = {.chars = work->text.items, .length = work->text.count};
    if (!eg_matcher_scan_chars(&tokenizer->added.normalized, work->text.items, work->text.count, work) ||
        !cut(&chars, tokenizer->added.normalized_tokens, work, out))
        return eg_fail_nomem(err, "added tokens of a text");
    return EG_OK;
}

const eg_added_token *
eg_added_tokens_by_id(const eg_tokenizer *tokenizer, int64_t id)
{
    if (id < 0 || (uint64_t)id >= tokenizer->vocab.ids || tokenizer->added.by_id[id] == 0)
        return NULL;
    return &tokenizer->added.tokens[tokenizer->added.by_id[id] - 1];
}

bool
eg_added_token_is_special(const eg_tokenizer *tokenizer, const char *shown, size_t length)
{
    uint64_t named;
    return eg_map_get(&tokenizer->added.by_content, shown, length, &named) && tokenizer->added.tokens[named].special;
}
