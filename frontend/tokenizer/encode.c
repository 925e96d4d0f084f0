/* SPDX-License-Identifier: Apache-2.0 */
/* Encoding: stretches between added tokens through the components, then truncation and special tokens. */
#include <string.h>

#include "base/checked.h"
#include "base/utf8.h"
#include "frontend/tokenizer/fused.h"
#include "frontend/tokenizer/moses.h"
#include "frontend/tokenizer/parts.h"
#include "frontend/tokenizer/word_cache.h"

bool
eg_tokens_grow(eg_tokens *tokens, size_t more)
{
    size_t need, capacity[3] = {tokens->capacity, tokens->capacity, tokens->capacity};
    if (!eg_add_size(tokens->count, more, &need) ||
        !eg_grow((void **)&tokens->ids, &capacity[0], need, sizeof(int32_t)) ||
        !eg_grow((void **)&tokens->starts, &capacity[1], need, sizeof(uint32_t)) ||
        !eg_grow((void **)&tokens->ends, &capacity[2], need, sizeof(uint32_t)))
        return false;
    tokens->capacity = need > capacity[0] ? need : capacity[0];
    return true;
}

static void
tokens_finish(eg_tokens *tokens)
{
    eg_free(tokens->ids);
    eg_free(tokens->starts);
    eg_free(tokens->ends);
}

/* All buffers of an eg_work that are lists, each given to the macro `with`. */
#define LISTS(with)                                                                                                    \
    with(text) with(next) with(normalized) with(changes) with(sorted) with(words) with(words_next) with(segments)      \
        with(matches) with(cuts) with(inner_cuts) with(bytes) with(stretch) with(prefixed) with(hashes) with(symbols)  \
            with(letters) with(merges) with(waiting) with(ranks) with(rank_bits) with(lattice) with(scores)            \
                with(padded[0]) with(padded[1]) with(words_of[0]) with(words_of[1])

void
eg_work_finish(eg_work *work)
{
#define FREE(list) eg_free(work->list.items);
    LISTS(FREE)
#undef FREE
    eg_free(work->cache);
    eg_moses_work_free(work->moses);
    tokens_finish(&work->sequences[0]);
    tokens_finish(&work->sequences[1]);
}

static size_t
work_bytes(const eg_work *work)
{
    size_t tokens = work->sequences[0].capacity + work->sequences[1].capacity;
    size_t bytes =
        sizeof *work + (work->cache ? sizeof *work->cache : 0) + tokens * (sizeof(int32_t) + 2 * sizeof(uint32_t));
#define ADD(list) bytes += work->list.capacity * sizeof *work->list.items;
    LISTS(ADD)
#undef ADD
    return bytes;
}

size_t
eg_encoding_bytes(const eg_encoding *encoding)
{
    size_t token = sizeof *encoding->ids + sizeof *encoding->type_ids + sizeof *encoding->starts +
                   sizeof *encoding->ends + sizeof *encoding->special + sizeof *encoding->words;
    return encoding->capacity * token + (encoding->work ? work_bytes(encoding->work) : 0);
}

void
eg_encoding_finish(eg_encoding *encoding)
{
    if (encoding->work)
        eg_work_finish(encoding->work);
    eg_free(encoding->work);
    eg_free(encoding->ids);
    eg_free(encoding->type_ids);
    eg_free(encoding->starts);
    eg_free(encoding->ends);
    eg_free(encoding->special);
    eg_free(encoding->words);
    *encoding = (eg_encoding){0};
}

eg_status
eg_work_set_text(eg_work *work, const char *text, size_t length, uint32_t first, eg_error *err)
{
    if (!eg_grow((void **)&work->text.items, &work->text.capacity, length + 1, sizeof *work->text.items))
        return eg_fail_nomem(err, "a text");
    work->text.count = 0;
    for (size_t at = 0; at < length; first++) {
        eg_char *c = &work->text.items[work->text.count++];
        at += eg_utf8_decode(text + at, length - at, &c->c);
        c->start = first;
        c->end = first + 1;
    }
    return EG_OK;
}

eg_status
eg_work_normalize(const eg_tokenizer *tokenizer, eg_work *work, eg_error *err)
{
    const eg_part *normalizer = &tokenizer->normalizer;
    return normalizer->type ? normalizer->type->normalize(normalizer->state, work, err) : EG_OK;
}

bool
eg_work_end_word(eg_work *work, const eg_tokens *out)
{
    bool second = out == &work->sequences[1];
    uint32_t word = work->word_count++;
    if (!work->wants_words)
        return true;
    while (work->words_of[second].count < out->count)
        if (!EG_PUSH(&work->words_of[second], word))
            return false;
    return true;
}

/* The words of work->text, and their tokens. */
static eg_status
encode_words(const eg_tokenizer *tokenizer, eg_work *work, eg_tokens *out, eg_error *err)
{
    const eg_part *pretokenizer = &tokenizer->pretokenizer;
    work->words.count = 0;
    if (!EG_PUSH(&work->words, ((eg_span){0, work->text.count})))
        return eg_fail_nomem(err, "a text");
    if (pretokenizer->type)
        EG_TRY(pretokenizer->type->split(pretokenizer->state, work, err));
    for (size_t i = 0; i < work->words.count; i++) {
        EG_TRY(tokenizer->model_type->encode(tokenizer->model, work, work->words.items[i], out, err));
        if (!eg_work_end_word(work, out))
            return eg_fail_nomem(err, "words");
    }
    return EG_OK;
}

/* The words of a piece of work->normalized, and their tokens. */
static eg_status
encode_piece(const eg_tokenizer *tokenizer, eg_work *work, eg_cut piece, eg_tokens *out, eg_error *err)
{
    size_t count = piece.end - piece.begin;
    if (!eg_grow((void **)&work->text.items, &work->text.capacity, count, sizeof *work->text.items))
        return eg_fail_nomem(err, "a text");
    memcpy(work->text.items, work->normalized.items + piece.begin, count * sizeof *work->text.items);
    work->text.count = count;
    return encode_words(tokenizer, work, out, err);
}

/* An added token, which is a word of its own. */
static eg_status
put_token(eg_work *work, eg_tokens *out, int32_t id, uint32_t start, uint32_t end, eg_error *err)
{
    if (!eg_tokens_reserve(out, 1))
        return eg_fail_nomem(err, "tokens");
    eg_tokens_put(out, id, start, end);
    return eg_work_end_word(work, out) ? EG_OK : eg_fail_nomem(err, "words");
}

/* Notes what of an added token's text trimming takes away. */
static bool
note_blanks(const eg_tokenizer *tokenizer, eg_work *work, const eg_tokens *out, struct eg_trim_ends blanks)
{
    eg_padded_token padded = {out->count, blanks.leading, blanks.trailing};
    return !tokenizer->trim.on || EG_PUSH(&work->padded[out == &work->sequences[1]], padded);
}

/*
 * The last added token whose text is all blanks. Tokens may overlap where one took the blanks of the next: those in this
 * one are blank too, and nobody walks over them again.
 */
typedef struct blank_token {
    size_t begin, end;
} blank_token;

static bool
is_within(const blank_token *blank, eg_cut piece)
{
    return piece.begin >= blank->begin && piece.end <= blank->end;
}

static struct eg_trim_ends
normalized_blanks(const eg_char *chars, eg_cut piece, blank_token *blank)
{
    uint32_t length = (uint32_t)(piece.end - piece.begin);
    struct eg_trim_ends ends = {0, 0};
    if (is_within(blank, piece))
        return (struct eg_trim_ends){length, length};
    while (ends.leading < length && eg_trim_blank(chars[piece.begin + ends.leading].c))
        ends.leading++;
    while (ends.trailing < length && eg_trim_blank(chars[piece.end - ends.trailing - 1].c))
        ends.trailing++;
    if (ends.leading == length)
        *blank = (blank_token){piece.begin, piece.end};
    return ends;
}

/* An added token found in the normalised text. */
static eg_status
put_normalized(const eg_tokenizer *tokenizer, eg_work *work, eg_cut piece, blank_token *blank, eg_tokens *out,
               eg_error *err)
{
    const eg_char *chars = work->normalized.items;
    if (tokenizer->trim.on && !note_blanks(tokenizer, work, out, normalized_blanks(chars, piece, blank)))
        return eg_fail_nomem(err, "tokens");
    return put_token(work, out, piece.token->id, chars[piece.begin].start, chars[piece.end - 1].end, err);
}

/* Whether pre-tokenizer and model are done at once on this text, which the normalizer leaves as it is. */
static bool
is_fused(const eg_tokenizer *tokenizer, const eg_work *work, const char *text, size_t length)
{
    const eg_part *normalizer = &tokenizer->normalizer;
    if (!tokenizer->fused.usable || work->wants_words)
        return false;
    return !normalizer->type || (normalizer->type->keeps && normalizer->type->keeps(normalizer->state, text, length));
}

/* The words of a piece of work->normalized at once. */
static eg_status
encode_fused_piece(const eg_tokenizer *tokenizer, eg_work *work, eg_cut piece, size_t limit, eg_tokens *out,
                   eg_error *err)
{
    const eg_char *chars = work->normalized.items + piece.begin;
    size_t count = piece.end - piece.begin;
    eg_stretch stretch = {.chars = chars};
    if (count == 0)
        return EG_OK;
    if (!eg_grow((void **)&work->stretch.items, &work->stretch.capacity, 4 * count, 1))
        return eg_fail_nomem(err, "a text");
    for (size_t i = 0; i < count; i++)
        stretch.length += eg_utf8_encode(chars[i].c, work->stretch.items + stretch.length);
    stretch.text = work->stretch.items;
    return eg_fused_encode(tokenizer, &stretch, limit, work->ids_only, work, out, err);
}

/* What is done with the text between added tokens, which begins with the original's character `first`. */
typedef eg_status (*piece_encoder)(const eg_tokenizer *tokenizer, const char *text, size_t length, uint32_t first,
                                   size_t limit, eg_work *work, eg_tokens *out, eg_error *err);

/* Where the last piece begins and ends: from there to the next it is never far, also where pieces overlap. */
typedef struct piece_marks {
    const char *text;
    size_t bytes[2];
    uint32_t chars[2];
} piece_marks;

static uint32_t
mark(piece_marks *marks, int which, size_t byte)
{
    size_t away[2];
    for (int i = 0; i < 2; i++)
        away[i] = byte > marks->bytes[i] ? byte - marks->bytes[i] : marks->bytes[i] - byte;
    int near = away[1] < away[0];
    size_t from = marks->bytes[near];
    uint32_t chars = marks->chars[near];
    chars += byte > from ? (uint32_t)eg_utf8_count(marks->text + from, byte - from) : 0;
    chars -= byte < from ? (uint32_t)eg_utf8_count(marks->text + byte, from - byte) : 0;
    marks->bytes[which] = byte;
    marks->chars[which] = chars;
    return chars;
}

static struct eg_trim_ends
raw_blanks(const char *text, eg_cut piece, uint32_t chars, blank_token *blank)
{
    if (is_within(blank, piece))
        return (struct eg_trim_ends){chars, chars};
    struct eg_trim_ends ends = eg_trim_count(text + piece.begin, piece.end - piece.begin);
    if (ends.leading == chars)
        *blank = (blank_token){piece.begin, piece.end};
    return ends;
}

/* The pieces of a text that begins with the original's character `first`. */
static eg_status
encode_pieces(const eg_tokenizer *tokenizer, const char *text, const eg_cuts *cuts, uint32_t first,
              piece_encoder encode, size_t limit, eg_work *work, eg_tokens *out, eg_error *err)
{
    piece_marks marks = {.text = text, .chars = {first, first}};
    blank_token blank = {SIZE_MAX, 0};
    for (size_t i = 0; i < cuts->count && out->count < limit; i++) {
        eg_cut piece = cuts->items[i];
        uint32_t begin = mark(&marks, 0, piece.begin);
        if (!piece.token) {
            EG_TRY(encode(tokenizer, text + piece.begin, piece.end - piece.begin, begin, limit, work, out, err));
            continue;
        }
        uint32_t end = mark(&marks, 1, piece.end);
        if (tokenizer->trim.on && !note_blanks(tokenizer, work, out, raw_blanks(text, piece, end - begin, &blank)))
            return eg_fail_nomem(err, "tokens");
        EG_TRY(put_token(work, out, piece.token->id, begin, end, err));
    }
    return EG_OK;
}

/* What the normalizer leaves as it is, without any added tokens. */
static eg_status
encode_kept(const eg_tokenizer *tokenizer, const char *text, size_t length, uint32_t first, size_t limit, eg_work *work,
            eg_tokens *out, eg_error *err)
{
    const eg_stretch stretch = {.text = text, .length = length, .first = first};
    return eg_fused_encode(tokenizer, &stretch, limit, work->ids_only, work, out, err);
}

/* A stretch without raw added tokens. */
static eg_status
encode_stretch(const eg_tokenizer *tokenizer, const char *text, size_t length, uint32_t first, size_t limit,
               eg_work *work, eg_tokens *out, eg_error *err)
{
    const eg_part_type *pretokenizer = tokenizer->pretokenizer.type;
    bool nomem = false, fast = tokenizer->fast.usable && !work->wants_words;
    if (pretokenizer && pretokenizer->encode) {
        const eg_stretch stretch = {.text = text, .length = length, .first = first};
        return pretokenizer->encode(tokenizer, &stretch, limit, work, out, err);
    }
    if (fast && eg_bert_fast_encode(&tokenizer->fast, text, length, first, limit, out, &nomem))
        return nomem ? eg_fail_nomem(err, "tokens") : EG_OK;
    if (is_fused(tokenizer, work, text, length)) {
        EG_TRY(eg_added_tokens_cut_kept(tokenizer, text, length, work, &work->inner_cuts, err));
        return encode_pieces(tokenizer, text, &work->inner_cuts, first, encode_kept, limit, work, out, err);
    }
    EG_TRY(eg_work_set_text(work, text, length, first, err));
    EG_TRY(eg_work_normalize(tokenizer, work, err));
    EG_TRY(eg_added_tokens_cut(tokenizer, work, &work->inner_cuts, err));
    bool by_words = !tokenizer->fused.usable || work->wants_words;
    if (by_words && work->inner_cuts.count == 1 && !work->inner_cuts.items[0].token)
        return encode_words(tokenizer, work, out, err);
    eg_chars old = work->normalized; /* a pre-tokenizer may rewrite work->text */
    work->normalized = work->text;
    work->text = old;
    blank_token blank = {SIZE_MAX, 0};
    for (size_t i = 0; i < work->inner_cuts.count; i++) {
        eg_cut piece = work->inner_cuts.items[i];
        if (piece.token)
            EG_TRY(put_normalized(tokenizer, work, piece, &blank, out, err));
        else if (by_words)
            EG_TRY(encode_piece(tokenizer, work, piece, out, err));
        else
            EG_TRY(encode_fused_piece(tokenizer, work, piece, limit, out, err));
    }
    return EG_OK;
}

/* All tokens of one text; it may stop at `limit` of them. */
static eg_status
encode_text(const eg_tokenizer *tokenizer, const char *text, size_t length, size_t limit, eg_work *work, eg_tokens *out,
            eg_error *err)
{
    size_t bad;
    out->count = 0;
    work->padded[out == &work->sequences[1]].count = 0;
    work->words_of[out == &work->sequences[1]].count = 0;
    work->word_count = 0;
    if (length > UINT32_MAX)
        return eg_fail(err, EG_E_INPUT, "a text of %zu bytes is too long", length);
    if (!eg_utf8_valid(text, length, &bad))
        return eg_fail(err, EG_E_INPUT, "the text is not valid UTF-8 at byte %zu", bad);
    EG_TRY(eg_added_tokens_cut_raw(tokenizer, text, length, work, &work->cuts, err));
    return encode_pieces(tokenizer, text, &work->cuts, 0, encode_stretch, limit, work, out, err);
}

/* How many tokens of each text are kept. */
typedef struct lengths {
    size_t first, second;
} lengths;

/* The library's closed form: the shorter keeps what it has as far as it can, the odd token goes to the longer. */
static lengths
longest_first(lengths has, size_t room)
{
    bool swapped = has.first > has.second;
    size_t a = swapped ? has.second : has.first, b;
    if (a > room)
        b = a;
    else
        b = a > room - a ? a : room - a;
    if (a + b > room) {
        a = room / 2;
        b = room - a;
    }
    return swapped ? (lengths){b, a} : (lengths){a, b};
}

static eg_status
truncate_lengths(lengths *kept, bool has_pair, size_t room, eg_truncation how, eg_error *err)
{
    if (kept->first + kept->second <= room)
        return EG_OK;
    size_t surplus = kept->first + kept->second - room;
    if (how == EG_TRUNCATE_LONGEST_FIRST || room == 0) {
        if (room == 0)
            *kept = (lengths){0, 0};
        else if (has_pair)
            *kept = longest_first(*kept, room);
        else
            kept->first = room;
        return EG_OK;
    }
    if (how == EG_TRUNCATE_ONLY_SECOND && !has_pair)
        return eg_fail(err, EG_E_USAGE, "truncation of the second text only, and there is no second text");
    size_t *chosen = how == EG_TRUNCATE_ONLY_FIRST ? &kept->first : &kept->second;
    if (*chosen <= surplus)
        return eg_hint(err,
                       eg_fail(err, EG_E_USAGE, "the %s text is too short to be truncated by %zu tokens",
                               how == EG_TRUNCATE_ONLY_FIRST ? "first" : "second", surplus),
                       "longest_first takes from both");
    *chosen -= surplus;
    return EG_OK;
}

static eg_status
encoding_reserve(eg_encoding *out, size_t need, eg_error *err)
{
    size_t capacity[6];
    for (size_t i = 0; i < sizeof capacity / sizeof *capacity; i++)
        capacity[i] = out->capacity;
    if (!eg_grow((void **)&out->ids, &capacity[0], need, sizeof *out->ids) ||
        !eg_grow((void **)&out->type_ids, &capacity[1], need, sizeof *out->type_ids) ||
        !eg_grow((void **)&out->starts, &capacity[2], need, sizeof *out->starts) ||
        !eg_grow((void **)&out->ends, &capacity[3], need, sizeof *out->ends) ||
        !eg_grow((void **)&out->special, &capacity[4], need, sizeof *out->special) ||
        !eg_grow((void **)&out->words, &capacity[5], need, sizeof *out->words))
        return eg_fail_nomem(err, "tokens");
    out->capacity = capacity[5];
    return EG_OK;
}

/* The tokens of a text that are kept. */
typedef struct stretch {
    size_t from, count;
} stretch;

static void
put_sequence(eg_encoding *out, const eg_work *work, int sequence, stretch kept, int32_t type_id)
{
    const eg_tokens *tokens = &work->sequences[sequence];
    memcpy(out->ids + out->count, tokens->ids + kept.from, kept.count * sizeof *out->ids);
    if (!work->ids_only) {
        memcpy(out->starts + out->count, tokens->starts + kept.from, kept.count * sizeof *out->starts);
        memcpy(out->ends + out->count, tokens->ends + kept.from, kept.count * sizeof *out->ends);
    }
    memset(out->special + out->count, 0, kept.count);
    if (work->wants_words)
        memcpy(out->words + out->count, work->words_of[sequence].items + kept.from, kept.count * sizeof *out->words);
    for (size_t i = 0; i < kept.count; i++)
        out->type_ids[out->count + i] = type_id;
    out->count += kept.count;
}

static void
put_special(eg_encoding *out, const eg_piece *piece)
{
    size_t at = out->count++;
    out->ids[at] = piece->id;
    out->type_ids[at] = piece->type_id;
    out->starts[at] = out->ends[at] = 0;
    out->special[at] = 1;
    out->words[at] = EG_NO_WORD;
}

/* kept: of the first and of the second text. */
static eg_status
assemble(const eg_tokenizer *tokenizer, const eg_template *template, const stretch kept[2], bool specials,
         const eg_work *work, eg_encoding *out, eg_error *err)
{
    size_t need = 1;
    for (size_t i = 0; i < template->count; i++) {
        int kind = template->pieces[i].kind;
        if (!eg_add_size(need, kind == EG_PIECE_TOKEN ? 1 : kept[kind == EG_PIECE_SECOND].count, &need))
            return eg_fail_nomem(err, "tokens");
    }
    EG_TRY(encoding_reserve(out, need, err));
    out->count = out->pair_begin = out->pair_count = 0;
    for (size_t i = 0; i < template->count; i++) {
        const eg_piece *piece = &template->pieces[i];
        if (piece->kind == EG_PIECE_TOKEN) {
            if (specials)
                put_special(out, piece);
            continue;
        }
        int sequence = piece->kind == EG_PIECE_SECOND;
        size_t at = out->count, count = kept[sequence].count;
        if (count > 0)
            put_sequence(out, work, sequence, kept[sequence], piece->type_id);
        if (tokenizer->trim.on && !work->ids_only)
            eg_trim_offsets(&tokenizer->trim, work, sequence, kept[sequence].from, count, out->ids + at,
                            out->starts + at, out->ends + at);
        if (sequence) {
            out->pair_begin = at;
            out->pair_count = count;
        }
    }
    return EG_OK;
}

typedef struct utf8_text {
    const char *data;
    size_t length;
} utf8_text;

/* Both texts into work->sequences; of the first at least `limit` tokens if there are so many. */
static eg_status
encode_texts(const eg_tokenizer *tokenizer, const utf8_text texts[2], size_t limit, bool ids_only, bool words,
             eg_encoding *out, eg_error *err)
{
    if (!out->work && !(out->work = eg_calloc(1, sizeof(eg_work))))
        return eg_fail_nomem(err, "an encoder");
    eg_work *work = out->work;
    work->wants_words = words;
    work->ids_only = ids_only;
    work->sequences[1].count = 0;
    EG_TRY(encode_text(tokenizer, texts[0].data, texts[0].length, limit, work, &work->sequences[0], err));
    if (texts[1].data)
        EG_TRY(encode_text(tokenizer, texts[1].data, texts[1].length, SIZE_MAX, work, &work->sequences[1], err));
    return EG_OK;
}

eg_status
eg_tokenizer_encode(const eg_tokenizer *tokenizer, const char *text, size_t length, const char *pair,
                    size_t pair_length, const eg_encode_options *options, eg_encoding *out, eg_error *err)
{
    static const eg_encode_options defaults = {0};
    const eg_template *template = pair ? &tokenizer->pair : &tokenizer->single;
    size_t limit = SIZE_MAX, room = SIZE_MAX;
    if (!options)
        options = &defaults;
    if (options->max_length > 0) {
        size_t specials = options->no_special ? 0 : template->specials;
        if (options->max_length < specials)
            return eg_fail(err, EG_E_USAGE, "a maximal length of %u leaves no room for the %zu special tokens",
                           options->max_length, specials);
        room = options->max_length - specials;
        if (!pair && !tokenizer->info.truncate_left && options->truncation != EG_TRUNCATE_ONLY_SECOND)
            limit = room + 1; /* one more shows that it is too long */
    }
    const utf8_text texts[2] = {{text, length}, {pair, pair_length}};
    EG_TRY(encode_texts(tokenizer, texts, limit, options->ids_only, options->words, out, err));
    const eg_work *work = out->work;
    const eg_tokens *first = &work->sequences[0], *second = &work->sequences[1];
    lengths fit = {first->count, second->count};
    EG_TRY(truncate_lengths(&fit, pair != NULL, room, options->truncation, err));
    bool left = tokenizer->info.truncate_left;
    const stretch kept[2] = {{left ? first->count - fit.first : 0, fit.first},
                             {left ? second->count - fit.second : 0, fit.second}};
    return assemble(tokenizer, template, kept, !options->no_special, work, out, err);
}

/* --- windows ------------------------------------------------------------------------------------- */

eg_status
eg_windows_begin(const eg_tokenizer *tokenizer, const char *text, size_t length, const char *pair, size_t pair_length,
                 eg_windows *windows, eg_encoding *encoding, eg_error *err)
{
    const utf8_text texts[2] = {{text, length}, {pair, pair_length}};
    EG_TRY(encode_texts(tokenizer, texts, SIZE_MAX, false, true, encoding, err));
    const eg_work *work = encoding->work;
    size_t first = work->sequences[0].count, second = work->sequences[1].count;
    size_t around = first + tokenizer->pair.specials, count = 1;
    encoding->count = 0;
    windows->room = windows->max_length > around ? windows->max_length - around : 0;
    if (around > windows->max_length || (windows->room == 0 && second > 0))
        return eg_hint(err,
                       eg_fail(err, EG_E_INPUT, "has %zu tokens without its pair, and a window takes %u", around,
                               windows->max_length),
                       "a shorter first text, or longer windows");
    size_t stride = windows->stride < windows->room ? windows->stride : windows->room / 2;
    windows->step = windows->room - stride;
    if (second > windows->room)
        count += (second - windows->room + windows->step - 1) / windows->step;
    if (count > UINT32_MAX)
        return eg_fail(err, EG_E_INPUT, "%zu windows are too many", count);
    windows->count = (uint32_t)count;
    return EG_OK;
}

eg_status
eg_windows_take(const eg_tokenizer *tokenizer, const eg_windows *windows, uint32_t i, eg_encoding *encoding,
                eg_error *err)
{
    const eg_work *work = encoding->work;
    size_t count = work->sequences[1].count, skipped = i * windows->step;
    size_t left = count - skipped, taken = left < windows->room ? left : windows->room;
    size_t from = tokenizer->info.truncate_left ? left - taken : skipped;
    const stretch kept[2] = {{0, work->sequences[0].count}, {from, taken}};
    EG_TRY(assemble(tokenizer, &tokenizer->pair, kept, true, work, encoding, err));
    for (size_t at = 0; i > 0 && tokenizer->pair.first_window_only && at < encoding->pair_count; at++)
        encoding->type_ids[encoding->pair_begin + at] = 1;
    return EG_OK;
}
