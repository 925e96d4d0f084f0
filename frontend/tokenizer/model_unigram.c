/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unigram: of all ways to cut a word into vocabulary entries, the one with the highest sum of scores. For each place of
 * the word, in order, the entries that end there are known (unigram_trie.h), and so the best way to it. Where all ways
 * that may still win have met, the pieces so far are put out: the lattice of a text of any length stays small.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "frontend/tokenizer/unigram_trie.h"

typedef struct eg_unigram {
    const eg_vocab *vocab;
    const eg_trie_node *nodes;
    eg_unigram_entry *entries; /* by id */
    size_t count;              /* of them; as an id of the lattice, a character that is unknown */
    double lowest, unknown_score;
    int32_t unknown; /* -1: none */
    bool fall_back;
    int32_t bytes[256];
} eg_unigram;

enum {
    LONG = 4096,     /* places of the lattice, from where on it is cut */
    LONGEST_CHAR = 4 /* bytes */
};
#define NO_PLACE SIZE_MAX
static const double unknown_penalty = 10;

/* ---- Making ---- */

eg_status
eg_unigram_new(eg_loading *in, size_t entries, size_t bytes, eg_unigram **out, eg_error *err)
{
    eg_unigram *model = eg_arena_calloc(in->arena, 1, sizeof *model);
    if (!model)
        return eg_fail_nomem(err, "a vocabulary");
    *model = (eg_unigram){.vocab = &in->tokenizer->vocab, .lowest = INFINITY};
    model->entries = eg_arena_calloc(in->arena, entries + 1, sizeof *model->entries);
    if (!model->entries)
        return eg_fail_nomem(err, "a vocabulary");
    *out = model;
    return eg_vocab_new(&in->tokenizer->vocab, in->arena, entries + in->extra_ids, bytes + in->extra_bytes, err);
}

void
eg_unigram_put(eg_loading *in, eg_unigram *model, const char *token, size_t length, double score)
{
    size_t id = model->count++;
    model->entries[id] = (eg_unigram_entry){.score = score, .length = (uint32_t)length};
    model->lowest = score < model->lowest ? score : model->lowest;
    (void)eg_vocab_set(&in->tokenizer->vocab, (int32_t)id, token, length); /* ids count up: none is taken */
}

/*
 * Of equal entries the index gives the last, as the library does; the others keep their ids and texts, so that decoding
 * knows them and new tokens are numbered behind them.
 */
static eg_status
index_entries(eg_loading *in, eg_unigram *model, eg_error *err)
{
    eg_vocab *vocab = &in->tokenizer->vocab;
    EG_TRY(eg_vocab_index(vocab, "", 0, in->arena, &vocab->index, err));
    for (size_t id = 0; id < model->count; id++)
        vocab->lengths[id] = model->entries[id].length;
    vocab->count = model->count;
    return EG_OK;
}

eg_status
eg_unigram_finish(eg_loading *in, eg_unigram *model, int32_t unknown, bool fall_back, eg_error *err)
{
    char name[8];
    EG_TRY(index_entries(in, model, err));
    EG_TRY(eg_unigram_trie_new(model->vocab, model->entries, in->arena, &model->nodes, err));
    model->unknown = unknown;
    model->unknown_score = model->lowest - unknown_penalty;
    model->fall_back = fall_back;
    for (unsigned byte = 0; byte < 256; byte++) {
        snprintf(name, sizeof name, "<0x%02X>", byte);
        model->bytes[byte] = eg_vocab_id(model->vocab, name, strlen(name));
    }
    in->tokenizer->model_type = &eg_model_unigram;
    in->tokenizer->model = model;
    return EG_OK;
}

/* ---- Reading ---- */

/* ["token", score] */
static eg_status
check_entry(eg_loading *in, const eg_json *entry, eg_error *err)
{
    if (entry->type != EG_JSON_ARRAY || entry->count != 2 || entry->items[0].type != EG_JSON_STRING)
        return eg_json_wrong_type(entry, in->file, "a token and its score", err);
    const eg_json *score = &entry->items[1];
    if (score->type != EG_JSON_REAL && score->type != EG_JSON_INT && score->type != EG_JSON_BIG)
        return eg_json_wrong_type(score, in->file, "a score, a finite number", err);
    return EG_OK;
}

static eg_status
load_entries(eg_loading *in, const eg_json *entries, eg_unigram **out, eg_error *err)
{
    size_t bytes = 0;
    if (entries->count > INT32_MAX / 16)
        return eg_fail_json(in, entries, err, "the vocabulary has %zu entries, too many", entries->count);
    for (size_t i = 0; i < entries->count; i++) {
        EG_TRY(check_entry(in, &entries->items[i], err));
        bytes += entries->items[i].items[0].length;
    }
    if (bytes + in->extra_bytes >= EG_NO_TOKEN / 2)
        return eg_fail_json(in, entries, err, "the vocabulary has %zu bytes, too many", bytes);
    EG_TRY(eg_unigram_new(in, entries->count, bytes, out, err));
    for (size_t i = 0; i < entries->count; i++) {
        const eg_json *token = &entries->items[i].items[0], *score = &entries->items[i].items[1];
        eg_unigram_put(in, *out, token->string, token->length, score->real);
    }
    return EG_OK;
}

static eg_status
load(eg_loading *in, const eg_json *spec, const void **out_state, eg_error *err)
{
    const eg_json *entries;
    int64_t unknown = -1;
    bool fall_back = false;
    eg_unigram *model;
    EG_TRY(eg_read_member(in, spec, "vocab", EG_JSON_ARRAY, &entries, err));
    if (entries->count == 0)
        return eg_fail_json(in, entries, err, "an empty vocabulary");
    EG_TRY(eg_read_int(in, spec, "unk_id", 0, (int64_t)entries->count - 1, &unknown, err));
    EG_TRY(eg_read_bool(in, spec, "byte_fallback", &fall_back, err));
    EG_TRY(load_entries(in, entries, &model, err));
    EG_TRY(eg_unigram_finish(in, model, (int32_t)unknown, fall_back, err));
    *out_state = model;
    return EG_OK;
}

/* ---- The best way to a place ---- */

/*
 * The word under way. Its lattice has of each place the last piece of the best way there, and of the last places, at
 * which the pieces to come may begin, that way's sum. Places are bytes of the word.
 */
typedef struct lattice_run {
    const eg_unigram *model;
    eg_work *work;
    eg_tokens *out;
    const char *word;
    size_t cut;       /* work->lattice begins here: the pieces before it are put */
    size_t from;      /* work->scores begin here */
    size_t room;      /* both reach to here */
    size_t cut_again; /* where cutting is next worth its time */
    size_t unknown;   /* where the unknown text begins that is not put yet; NO_PLACE: there is none */
    bool spelled;     /* the unknown token's own text is in it */
} lattice_run;

static size_t
char_length(unsigned char first)
{
    return first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/*
 * The best piece that ends at `end`, where the last character takes `step` bytes. Offered are the longest entry first and
 * the unknown character last, if it is no entry, and as in the library only a strictly better one takes the place of
 * another. False: the unknown one was to be taken, and there is no unknown token.
 */
static inline bool
find_best(lattice_run *in, uint32_t node, size_t end, size_t step)
{
    const eg_unigram *model = in->model;
    double *scores = in->work->scores.items + (end - in->from), best = 0;
    int32_t piece = -1;
    size_t shortest = 0;
    for (int32_t id = model->nodes[node].entry; id >= 0;) {
        const eg_unigram_entry *entry = &model->entries[id];
        double score = entry->score + scores[-(ptrdiff_t)entry->length];
        if (piece < 0 || score > best) {
            best = score;
            piece = id;
        }
        shortest = entry->length;
        id = entry->shorter;
    }
    if (shortest != step) {
        double score = model->unknown_score + scores[-(ptrdiff_t)step];
        if (piece < 0 || score > best) {
            best = score;
            piece = (int32_t)model->count;
            if (model->unknown < 0)
                return false;
        }
    }
    scores[0] = best;
    in->work->lattice.items[end - in->cut] = piece;
    return true;
}

static bool
begins_char(char byte)
{
    return ((unsigned char)byte & 0xc0) != 0x80;
}

/* Where the piece that ends at `end` begins. */
static size_t
begin_of(const lattice_run *in, size_t end, int32_t piece)
{
    if (piece != (int32_t)in->model->count)
        return end - in->model->entries[piece].length;
    do
        end--;
    while (!begins_char(in->word[end]));
    return end;
}

static size_t
end_of(const lattice_run *in, size_t begin, int32_t piece)
{
    return begin + (piece == (int32_t)in->model->count ? char_length((unsigned char)in->word[begin])
                                                       : in->model->entries[piece].length);
}

/* ---- Putting out ---- */

static bool
has_bytes(const eg_unigram *model, const char *piece, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (model->bytes[(unsigned char)piece[i]] < 0)
            return false;
    return true;
}

/*
 * The id of the unknown text that ends at `end`, if it makes up an entry after all; -1: it does not. Where an unknown
 * character takes from the sum, two of them are never worth more than the entry that they would be.
 */
static int32_t
entry_of_unknown(const lattice_run *in, size_t end)
{
    size_t length = end - in->unknown;
    if ((!in->spelled && in->model->unknown_score <= 0) || length > in->model->vocab->index.longest)
        return -1;
    return eg_vocab_id(in->model->vocab, in->word + in->unknown, length);
}

/*
 * Neighbouring characters that are unknown are one token, which ends at `end`: an entry after all, or their bytes, if
 * they are to be had, or the unknown token.
 */
static bool
put_unknown(lattice_run *in, size_t end)
{
    const eg_unigram *model = in->model;
    const char *piece = in->word + in->unknown;
    size_t length = end - in->unknown;
    uint32_t start = (uint32_t)in->unknown;
    int32_t id = entry_of_unknown(in, end);
    bool as_bytes = id < 0 && model->fall_back && has_bytes(model, piece, length);
    if (!eg_tokens_reserve(in->out, as_bytes ? length : 1))
        return false;
    for (size_t i = 0; as_bytes && i < length; i++)
        eg_tokens_put(in->out, model->bytes[(unsigned char)piece[i]], start, (uint32_t)end);
    if (!as_bytes)
        eg_tokens_put(in->out, id >= 0 ? id : model->unknown, start, (uint32_t)end);
    in->unknown = NO_PLACE;
    in->spelled = false;
    return true;
}

static bool
put_piece(lattice_run *in, size_t begin, size_t end, int32_t id)
{
    if (id == in->model->unknown || id == (int32_t)in->model->count) {
        if (in->unknown == NO_PLACE)
            in->unknown = begin;
        in->spelled |= id == in->model->unknown;
        return true;
    }
    if ((in->unknown != NO_PLACE && !put_unknown(in, begin)) || !eg_tokens_reserve(in->out, 1))
        return false;
    eg_tokens_put(in->out, id, (uint32_t)begin, (uint32_t)end);
    return true;
}

/* Puts the pieces of the way to `last`. They are moved from their ends to their beginnings, to walk it forwards. */
static bool
put_way(lattice_run *in, size_t last)
{
    int32_t *pieces = in->work->lattice.items, piece = pieces[last - in->cut];
    for (size_t at = last; at > in->cut;) {
        at = begin_of(in, at, piece);
        int32_t before = pieces[at - in->cut];
        pieces[at - in->cut] = piece;
        piece = before;
    }
    for (size_t at = in->cut, end; at < last; at = end) {
        end = end_of(in, at, pieces[at - in->cut]);
        if (!put_piece(in, at, end, pieces[at - in->cut]))
            return false;
    }
    return true;
}

/* ---- Long words ---- */

/*
 * The last place that the best ways to all of [first, last] share: at whichever of these the next pieces begin, the way
 * up to it is settled. Ways are followed from the last place back; a piece turned negative marks a place of theirs.
 */
static size_t
shared_place(const lattice_run *in, size_t first, size_t last)
{
    int32_t *pieces = in->work->lattice.items;
    size_t ways = 0, at = last;
    for (size_t i = first; i <= last; i++) {
        if (!begins_char(in->word[i]))
            continue;
        pieces[i - in->cut] = ~pieces[i - in->cut];
        ways++;
    }
    for (;; at--) {
        if (!begins_char(in->word[at]) || pieces[at - in->cut] >= 0)
            continue;
        pieces[at - in->cut] = ~pieces[at - in->cut];
        if (ways == 1)
            return at;
        int32_t *before = &pieces[begin_of(in, at, pieces[at - in->cut]) - in->cut];
        if (*before < 0)
            ways--; /* met */
        else
            *before = ~*before;
    }
}

/* Puts the pieces that are settled, before `last`; from `first` on, pieces to come may begin. */
static bool
cut_lattice(lattice_run *in, size_t first, size_t last)
{
    int32_t *pieces = in->work->lattice.items;
    size_t cut = shared_place(in, first, last);
    if (cut > in->cut) {
        if (!put_way(in, cut))
            return false;
        memmove(pieces, pieces + (cut - in->cut), (last - cut + 1) * sizeof *pieces);
        in->cut = cut;
    }
    size_t left = last - in->cut;
    in->cut_again = last + (left > LONG ? left : LONG); /* so that all cuts together take time linear in the word */
    return true;
}

/* Makes room behind `last`, where `node` tells how far back a piece to come may begin. */
static bool
move_on(lattice_run *in, uint32_t node, size_t last)
{
    eg_work *work = in->work;
    size_t depth = eg_trie_depth(in->model->nodes, node), first = last - depth;
    memmove(work->scores.items, work->scores.items + (first - in->from), (depth + 1) * sizeof *work->scores.items);
    in->from = first;
    in->room = last + (depth > LONG ? depth : LONG);
    if (last >= in->cut_again && !cut_lattice(in, first, last))
        return false;
    return eg_grow((void **)&work->scores.items, &work->scores.capacity, in->room - in->from + LONGEST_CHAR,
                   sizeof *work->scores.items) &&
           eg_grow((void **)&work->lattice.items, &work->lattice.capacity, in->room - in->cut + LONGEST_CHAR,
                   sizeof *work->lattice.items);
}

/* ---- Encoding ---- */

static bool
begin_lattice(lattice_run *in, size_t length)
{
    eg_work *work = in->work;
    in->room = in->cut_again = length < LONG ? length : LONG;
    if (length >= UINT32_MAX ||
        !eg_grow((void **)&work->scores.items, &work->scores.capacity, in->room + LONGEST_CHAR,
                 sizeof *work->scores.items) ||
        !eg_grow((void **)&work->lattice.items, &work->lattice.capacity, in->room + LONGEST_CHAR,
                 sizeof *work->lattice.items))
        return false;
    work->scores.items[0] = 0;
    work->lattice.items[0] = 0;
    return true;
}

/* The tokens of work->bytes, which is valid UTF-8. */
static eg_status
encode_word(const eg_unigram *model, eg_work *work, eg_tokens *out, eg_error *err)
{
    const char *word = work->bytes.items;
    size_t length = work->bytes.count;
    lattice_run in = {.model = model, .work = work, .out = out, .word = word, .unknown = NO_PLACE};
    bool room = begin_lattice(&in, length);
    uint32_t node = EG_TRIE_ROOT;
    for (size_t at = 0; room && at < length;) {
        size_t step = char_length((unsigned char)word[at]);
        for (size_t end = at + step; at < end; at++)
            node = eg_trie_step(model->nodes, node, (unsigned char)word[at]);
        if (!find_best(&in, node, at, step))
            return eg_fail(err, EG_E_INPUT, "the text has a character that the vocabulary lacks, and no unknown token");
        if (at >= in.room && at < length)
            room = move_on(&in, node, at);
    }
    room = room && put_way(&in, length) && (in.unknown == NO_PLACE || put_unknown(&in, length));
    return room ? EG_OK : eg_fail_nomem(err, "tokens");
}

/* Places in bytes of the word become characters of the original. */
static void
place(const eg_char *text, const char *word, eg_tokens *tokens, size_t first)
{
    size_t byte = 0, begin = 0, end = 0;
    for (size_t i = first; i < tokens->count; i++) {
        if (tokens->ends[i] > byte) { /* else it shares the place of the one before */
            begin = end;
            for (; byte < tokens->ends[i]; end++)
                byte += char_length((unsigned char)word[byte]);
        }
        tokens->starts[i] = text[begin].start;
        tokens->ends[i] = text[end - 1].end;
    }
}

static eg_status
encode(const void *state, eg_work *work, eg_span word, eg_tokens *out, eg_error *err)
{
    size_t chars = word.end - word.begin, first = out->count;
    work->bytes.count = 0;
    if (!eg_grow((void **)&work->bytes.items, &work->bytes.capacity, 4 * chars + 1, 1))
        return eg_fail_nomem(err, "tokens");
    for (size_t i = word.begin; i < word.end; i++)
        work->bytes.count += eg_utf8_encode(work->text.items[i].c, work->bytes.items + work->bytes.count);
    EG_TRY(encode_word(state, work, out, err));
    place(work->text.items + word.begin, work->bytes.items, out, first);
    return EG_OK;
}

/* ---- Encoding bytes, where a blank at the beginning is a mark ---- */

static bool
fuses(const void *state, const eg_fused *fused)
{
    (void)state;
    return fused->words == EG_FUSED_METASPACE;
}

static eg_status
encode_bytes(const void *state, const eg_fused *fused, const char *word, size_t length, eg_work *work, eg_tokens *out,
             eg_error *err)
{
    size_t marked = word[0] == ' ', first = out->count, mark = marked ? fused->mark_length : 0;
    if (!eg_grow((void **)&work->bytes.items, &work->bytes.capacity, length + mark, 1))
        return eg_fail_nomem(err, "tokens");
    memcpy(work->bytes.items, fused->mark, mark);
    memcpy(work->bytes.items + mark, word + marked, length - marked);
    work->bytes.count = length - marked + mark;
    EG_TRY(encode_word(state, work, out, err));
    for (size_t i = first; marked && i < out->count; i++) { /* the blank is one byte */
        out->starts[i] = out->starts[i] < mark ? 0 : out->starts[i] - (uint32_t)mark + 1;
        out->ends[i] = out->ends[i] - (uint32_t)mark + 1;
    }
    return EG_OK;
}

const eg_model_type eg_model_unigram = {
    .name = "Unigram", .load = load, .encode = encode, .fuses = fuses, .encode_bytes = encode_bytes};
