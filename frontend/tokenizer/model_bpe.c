/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BPE: a word begins as its characters; the pair of neighbours with the lowest rank is joined, the leftmost of equals
 * first, until no pair has a rank. A short word is searched for its best pair each time, a longer one keeps a heap, and
 * one that is longer still is done in windows.
 */
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/utf8.h"
#include "frontend/tokenizer/parts.h"

enum { PLAIN = 512 }; /* characters whose ids are in a table: all stand-ins of bytes are among them */
enum { SHORT_WORD = 40, LONG_WORD = 512, WINDOW = 2048 }; /* symbols */
#define NONE UINT32_MAX                                   /* no neighbour */

typedef struct pair_slot {
    int32_t left, right, into; /* into -1: empty */
    uint32_t rank;
} pair_slot;

typedef struct eg_bpe {
    eg_vocab *vocab;
    pair_slot *pairs;
    uint32_t shift; /* 64 - log2 of the slots */
    uint32_t ranks;
    uint64_t seed;
    eg_bpe_options options;
    int32_t unknown;        /* -1: characters that are not in the vocabulary disappear */
    int32_t bytes[256];     /* <0x00> … */
    int32_t plain[PLAIN];   /* ids of single characters */
    int32_t stand_ins[256]; /* ids of the bytes' stand-ins */
    uint8_t meets[256]
                 [32]; /* bit b of row a: some merge joins a token that ends in byte a with one that begins with b */
    uint8_t *is_part;  /* by id: a merge that was put joins it */
    bool in_order;     /* no merge makes a token that an earlier one joins */
} eg_bpe;

/* ---- Making ---- */

static eg_status
copy(eg_loading *in, const char **text, size_t length, eg_error *err)
{
    if (!*text)
        return EG_OK;
    *text = eg_arena_strndup(in->arena, *text, length);
    return *text ? EG_OK : eg_fail_nomem(err, "a vocabulary");
}

static void
fill_tables(eg_bpe *model)
{
    char name[8], bytes[4];
    for (unsigned byte = 0; byte < 256; byte++) {
        snprintf(name, sizeof name, "<0x%02X>", byte);
        model->bytes[byte] = eg_vocab_id(model->vocab, name, strlen(name));
    }
    for (uint32_t c = 0; c < PLAIN; c++)
        model->plain[c] = eg_vocab_id(model->vocab, bytes, eg_utf8_encode(c, bytes));
    for (unsigned byte = 0; byte < 256; byte++)
        model->stand_ins[byte] = model->plain[eg_byte_stand_in((unsigned char)byte)];
}

eg_status
eg_bpe_new(eg_loading *in, const eg_bpe_options *options, size_t merges, eg_bpe **out, eg_error *err)
{
    eg_vocab *vocab = &in->tokenizer->vocab;
    eg_bpe *model = eg_arena_calloc(in->arena, 1, sizeof *model);
    uint32_t bits = 4;
    size_t size;
    if (!model)
        return eg_fail_nomem(err, "a vocabulary");
    EG_TRY(eg_vocab_index(vocab, "", 0, in->arena, &vocab->index, err));
    while (bits < 40 && (size_t)1 << bits < 2 * (merges + 1))
        bits++;
    if (!eg_mul_size((size_t)1 << bits, sizeof *model->pairs, &size) ||
        !(model->pairs = eg_arena_alloc(in->arena, size)))
        return eg_fail_nomem(err, "merges");
    memset(model->pairs, 0xff, size);
    model->is_part = eg_arena_calloc(in->arena, vocab->ids + 1, 1);
    if (!model->is_part)
        return eg_fail_nomem(err, "merges");
    model->in_order = true;
    model->vocab = vocab;
    model->shift = 64 - bits;
    model->seed = eg_hash_seed(model->pairs);
    model->options = *options;
    model->unknown = options->unknown ? eg_vocab_id(vocab, options->unknown, options->unknown_length) : -1;
    EG_TRY(copy(in, &model->options.prefix, options->prefix_length, err));
    EG_TRY(copy(in, &model->options.suffix, options->suffix_length, err));
    fill_tables(model);
    *out = model;
    return EG_OK;
}

/* The slot of the pair, or the empty one where it would go. */
static pair_slot *
find_pair(const eg_bpe *model, int32_t left, int32_t right)
{
    uint64_t key = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
    uint64_t hash = eg_token_hash_end((key ^ model->seed) * UINT64_C(0x9e3779b97f4a7c15));
    size_t mask = ((size_t)1 << (64 - model->shift)) - 1;
    for (size_t i = hash >> model->shift;; i = (i + 1) & mask) {
        pair_slot *slot = &model->pairs[i];
        if (slot->into < 0 || (slot->left == left && slot->right == right))
            return slot;
    }
}

/* The id of both texts joined, the right one without its prefix. */
static int32_t
joined_id(const eg_bpe *model, const char *left, size_t left_length, const char *right, size_t right_length)
{
    const eg_token_index *index = &model->vocab->index;
    char joined[256];
    size_t length = left_length + right_length;
    if (length > index->longest)
        return -1;
    if (length > sizeof joined) { /* rare: look through the hash without a copy of both */
        eg_strbuf text = {0};
        eg_strbuf_append(&text, left, left_length);
        eg_strbuf_append(&text, right, right_length);
        int32_t id = text.failed ? -1 : eg_vocab_id(model->vocab, text.data, text.length);
        eg_strbuf_finish(&text);
        return id;
    }
    memcpy(joined, left, left_length);
    memcpy(joined + left_length, right, right_length);
    return eg_vocab_id(model->vocab, joined, length);
}

/* Notes which bytes the merge brings together, if its tokens stand for bytes. */
static void
note_meeting(eg_bpe *model, const char *left, size_t left_length, const char *right, size_t right_length)
{
    uint32_t last, first;
    if (left_length == 0 || right_length == 0)
        return;
    size_t at = eg_utf8_floor(left, left_length - 1);
    eg_utf8_decode(left + at, left_length - at, &last);
    eg_utf8_decode(right, right_length, &first);
    int a = eg_byte_of_stand_in(last), b = eg_byte_of_stand_in(first);
    if (a >= 0 && b >= 0)
        model->meets[a][b / 8] |= (uint8_t)(1u << b % 8);
}

const char *
eg_bpe_put(eg_bpe *model, const char *left, size_t left_length, const char *right, size_t right_length)
{
    int32_t first = eg_vocab_id(model->vocab, left, left_length);
    int32_t second = eg_vocab_id(model->vocab, right, right_length);
    size_t skip = model->options.prefix_length;
    if (first < 0)
        return "its first part is not in the vocabulary";
    if (second < 0)
        return "its second part is not in the vocabulary";
    if (right_length < skip)
        return "its second part is shorter than continuing_subword_prefix";
    int32_t into = joined_id(model, left, left_length, right + skip, right_length - skip);
    if (into < 0)
        return "what it gives is not in the vocabulary";
    model->in_order &= !model->is_part[into] && into != first && into != second;
    model->is_part[first] = model->is_part[second] = 1;
    note_meeting(model, left, left_length, right + skip, right_length - skip);
    *find_pair(model, first, second) = (pair_slot){first, second, into, model->ranks++};
    return NULL;
}

/* ---- Reading ---- */

static eg_status
read_optional(eg_loading *in, const eg_json *spec, const char *key, const char **out, size_t *out_length, eg_error *err)
{
    const eg_json *value = eg_json_get(spec, key);
    if (!value || value->type == EG_JSON_NULL)
        return EG_OK;
    EG_TRY(eg_read_string(in, spec, key, out, out_length, err));
    if (*out_length == 0 && strcmp(key, "unk_token") != 0)
        *out = NULL; /* an empty prefix or suffix is none */
    return EG_OK;
}

static eg_status
check_dropout(eg_loading *in, const eg_json *spec, eg_error *err)
{
    const eg_json *dropout = eg_json_get(spec, "dropout");
    if (!dropout || dropout->type == EG_JSON_NULL)
        return EG_OK;
    if (dropout->type != EG_JSON_REAL && dropout->type != EG_JSON_INT)
        return eg_json_wrong_type(dropout, in->file, "a number", err);
    return dropout->real == 0 ? EG_OK
                              : eg_hint(err, eg_fail_json(in, dropout, err, "BPE with dropout is not supported"),
                                        "dropout is for training: null or 0");
}

/* The two parts of "a b" or ["a", "b"]. */
static eg_status
read_merge(eg_loading *in, const eg_json *merge, const char *parts[2], size_t lengths[2], eg_error *err)
{
    if (merge->type == EG_JSON_ARRAY && merge->count == 2 && merge->items[0].type == EG_JSON_STRING &&
        merge->items[1].type == EG_JSON_STRING) {
        for (int i = 0; i < 2; i++) {
            parts[i] = merge->items[i].string;
            lengths[i] = merge->items[i].length;
        }
        return EG_OK;
    }
    const char *blank = merge->type == EG_JSON_STRING ? memchr(merge->string, ' ', merge->length) : NULL;
    size_t left = blank ? (size_t)(blank - merge->string) : 0;
    if (!blank || memchr(blank + 1, ' ', merge->length - left - 1))
        return eg_hint(err, eg_fail_json(in, merge, err, "a merge is not two tokens"), "[\"a\", \"b\"] or \"a b\"");
    parts[0] = merge->string;
    lengths[0] = left;
    parts[1] = blank + 1;
    lengths[1] = merge->length - left - 1;
    return EG_OK;
}

static eg_status
load(eg_loading *in, const eg_json *spec, const void **out_state, eg_error *err)
{
    const eg_json *entries, *merges;
    eg_bpe_options options = {0};
    eg_bpe *model;
    EG_TRY(eg_read_member(in, spec, "vocab", EG_JSON_OBJECT, &entries, err));
    EG_TRY(eg_read_member(in, spec, "merges", EG_JSON_ARRAY, &merges, err));
    EG_TRY(check_dropout(in, spec, err));
    EG_TRY(read_optional(in, spec, "unk_token", &options.unknown, &options.unknown_length, err));
    EG_TRY(read_optional(in, spec, "continuing_subword_prefix", &options.prefix, &options.prefix_length, err));
    EG_TRY(read_optional(in, spec, "end_of_word_suffix", &options.suffix, &options.suffix_length, err));
    EG_TRY(eg_read_bool(in, spec, "fuse_unk", &options.fuse_unknown, err));
    EG_TRY(eg_read_bool(in, spec, "byte_fallback", &options.byte_fallback, err));
    EG_TRY(eg_read_bool(in, spec, "ignore_merges", &options.ignore_merges, err));
    EG_TRY(eg_vocab_load(in, entries, err));
    EG_TRY(eg_bpe_new(in, &options, merges->count, &model, err));
    if (options.unknown && model->unknown < 0)
        return eg_fail_json(in, eg_json_get(spec, "unk_token"), err,
                            "the unknown token '%.64s' is not in the vocabulary", options.unknown);
    for (size_t i = 0; i < merges->count; i++) {
        const char *parts[2];
        size_t lengths[2];
        EG_TRY(read_merge(in, &merges->items[i], parts, lengths, err));
        const char *fault = eg_bpe_put(model, parts[0], lengths[0], parts[1], lengths[1]);
        if (fault)
            return eg_fail_json(in, &merges->items[i], err, "merge %zu, '%.*s' and '%.*s': %s", i,
                                (int)(lengths[0] < 64 ? lengths[0] : 64), parts[0],
                                (int)(lengths[1] < 64 ? lengths[1] : 64), parts[1], fault);
    }
    in->tokenizer->info.marks_pieces = options.prefix_length > 0;
    *out_state = model;
    return EG_OK;
}

/* ---- The symbols that a word begins as ---- */

typedef struct spelling {
    const eg_bpe *model;
    eg_work *work;
    uint32_t unknown_bytes; /* of an unknown symbol that is still to be put */
    char *text;             /* a character between prefix and suffix */
    size_t text_length;
} spelling;

static uint32_t
bytes_of(uint32_t c)
{
    return c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
}

static bool
put_letter(eg_work *work, int32_t id, uint32_t bytes)
{
    return EG_PUSH(&work->letters, ((eg_bpe_letter){id, bytes}));
}

static bool
put_pending(spelling *in)
{
    uint32_t bytes = in->unknown_bytes;
    in->unknown_bytes = 0;
    return bytes == 0 || put_letter(in->work, in->model->unknown, bytes);
}

/* Puts the affixes around the character into work->bytes. */
static bool
dress(spelling *in, uint32_t c, bool first, bool last)
{
    const eg_bpe_options *with = &in->model->options;
    size_t prefix = first || !with->prefix ? 0 : with->prefix_length;
    size_t suffix = last && with->suffix ? with->suffix_length : 0;
    eg_work *work = in->work;
    if (!eg_grow((void **)&work->bytes.items, &work->bytes.capacity, prefix + suffix + 4, 1))
        return false;
    in->text = work->bytes.items;
    memcpy(in->text, with->prefix ? with->prefix : "", prefix);
    in->text_length = prefix + eg_utf8_encode(c, in->text + prefix);
    memcpy(in->text + in->text_length, with->suffix ? with->suffix : "", suffix);
    in->text_length += suffix;
    return true;
}

/* Whether each byte has its token, which are then put. A pending unknown symbol stays pending, as in the library. */
static bool
fall_back(spelling *in, bool *out_done)
{
    *out_done = false;
    for (size_t i = 0; i < in->text_length; i++)
        if (in->model->bytes[(unsigned char)in->text[i]] < 0)
            return true;
    for (size_t i = 0; i < in->text_length; i++)
        if (!put_letter(in->work, in->model->bytes[(unsigned char)in->text[i]], 1))
            return false;
    *out_done = true;
    return true;
}

static bool
spell(spelling *in, uint32_t c, bool first, bool last)
{
    const eg_bpe *model = in->model;
    bool plain = !(model->options.prefix && !first) && !(model->options.suffix && last), done;
    uint32_t bytes = bytes_of(c);
    int32_t id;
    if (plain && c < PLAIN && model->plain[c] >= 0)
        return put_pending(in) && put_letter(in->work, model->plain[c], bytes);
    if (!dress(in, c, first, last))
        return false;
    id = eg_vocab_id(model->vocab, in->text, in->text_length);
    if (id >= 0)
        return put_pending(in) && put_letter(in->work, id, bytes);
    if (model->options.byte_fallback) {
        if (!fall_back(in, &done))
            return false;
        if (done)
            return true;
    }
    if (model->unknown < 0)
        return true;
    if (!model->options.fuse_unknown && !put_pending(in))
        return false;
    in->unknown_bytes += bytes;
    return true;
}

/* ---- Joining ---- */

static void
look_up(const eg_bpe *model, eg_bpe_symbol *symbols, uint32_t at)
{
    eg_bpe_symbol *left = &symbols[at];
    left->into = -1;
    left->rank = UINT32_MAX;
    if (left->next == NONE)
        return;
    const pair_slot *slot = find_pair(model, left->id, symbols[left->next].id);
    if (slot->into < 0)
        return;
    left->into = slot->into;
    left->rank = slot->rank;
}

static void
link_symbols(const eg_bpe *model, eg_bpe_symbol *symbols, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        symbols[i].previous = i > 0 ? i - 1 : NONE;
        symbols[i].next = i + 1 < count ? i + 1 : NONE;
    }
    for (uint32_t i = 0; i < count; i++)
        look_up(model, symbols, i);
}

/* Joins the symbol with its right neighbour, which is no more then. */
static void
join(const eg_bpe *model, eg_bpe_symbol *symbols, uint32_t at)
{
    eg_bpe_symbol *left = &symbols[at], *right = &symbols[left->next];
    left->id = left->into;
    left->bytes += right->bytes;
    right->bytes = 0;
    left->next = right->next;
    if (right->next != NONE)
        symbols[right->next].previous = at;
    look_up(model, symbols, at);
    if (left->previous != NONE)
        look_up(model, symbols, left->previous);
}

static void
join_short(const eg_bpe *model, eg_bpe_symbol *symbols)
{
    for (;;) {
        uint32_t best = NONE, rank = UINT32_MAX;
        for (uint32_t i = 0; i != NONE; i = symbols[i].next) {
            if (symbols[i].into >= 0 && (best == NONE || symbols[i].rank < rank)) {
                best = i;
                rank = symbols[i].rank;
            }
        }
        if (best == NONE)
            return;
        join(model, symbols, best);
    }
}

static bool
heap_put(eg_work *work, uint32_t at)
{
    const eg_bpe_symbol *symbol = &work->symbols.items[at];
    uint64_t due = (uint64_t)symbol->rank << 32 | at;
    if (symbol->into < 0)
        return true;
    if (!EG_PUSH(&work->merges, due))
        return false;
    uint64_t *heap = work->merges.items;
    size_t i = work->merges.count - 1;
    for (; i > 0 && due < heap[(i - 1) / 2]; i = (i - 1) / 2)
        heap[i] = heap[(i - 1) / 2];
    heap[i] = due;
    return true;
}

static uint64_t
heap_take(eg_work *work)
{
    uint64_t *heap = work->merges.items, top = heap[0], last = heap[--work->merges.count];
    size_t count = work->merges.count, i = 0;
    for (size_t child = 1; child < count; child = 2 * i + 1) {
        if (child + 1 < count && heap[child + 1] < heap[child])
            child++;
        if (last < heap[child])
            break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = last;
    return top;
}

/* A rank tells a pair: who waits with another rank than its symbol has now was joined since, or its neighbour was. */
static bool
join_long(const eg_bpe *model, eg_work *work)
{
    eg_bpe_symbol *symbols = work->symbols.items;
    work->merges.count = 0;
    for (uint32_t i = 0; i < work->symbols.count; i++)
        if (!heap_put(work, i))
            return false;
    while (work->merges.count > 0) {
        uint64_t due = heap_take(work);
        uint32_t at = (uint32_t)due;
        if (symbols[at].bytes == 0 || symbols[at].into < 0 || symbols[at].rank != due >> 32)
            continue;
        join(model, symbols, at);
        if (!heap_put(work, at) || (symbols[at].previous != NONE && !heap_put(work, symbols[at].previous)))
            return false;
    }
    return true;
}

/* ---- Joining a long word: lists by rank, which cost the same for any length ---- */

/* Where neighbouring pairs are of one rank they are a run of the same symbol, and only its left end waits. */
static bool
is_ranked(const eg_bpe_symbol *symbols, uint32_t at, uint32_t rank)
{
    return at != NONE && symbols[at].into >= 0 && symbols[at].rank == rank;
}

static bool
wait(eg_work *work, uint32_t at)
{
    const eg_bpe_symbol *symbol = &work->symbols.items[at];
    if (symbol->into < 0 || is_ranked(work->symbols.items, symbol->previous, symbol->rank))
        return true;
    if (!EG_PUSH(&work->waiting, ((eg_bpe_waiting){at, work->ranks.items[symbol->rank]})))
        return false;
    work->ranks.items[symbol->rank] = (uint32_t)work->waiting.count;
    work->rank_bits.items[symbol->rank / 64] |= UINT64_C(1) << symbol->rank % 64;
    return true;
}

/*
 * Joins the run of pairs of this rank that `at` is in, from its left end. Pairs of a rank that are not of one run have no
 * order: what a merge makes is in merges of higher ranks only (in_order).
 */
static bool
join_run(const eg_bpe *model, eg_work *work, uint32_t at, uint32_t rank)
{
    eg_bpe_symbol *symbols = work->symbols.items;
    uint32_t last = at;
    while (is_ranked(symbols, symbols[at].previous, rank))
        at = symbols[at].previous;
    for (; is_ranked(symbols, at, rank); at = symbols[at].next) {
        const eg_bpe_symbol *right = &symbols[symbols[at].next];
        uint32_t follower = right->next, broken = right->into >= 0 ? right->rank : rank;
        join(model, symbols, at);
        if (broken != rank && is_ranked(symbols, follower, broken) && !wait(work, follower))
            return false; /* the run that began with the right one has another left end */
        if (symbols[at].previous != NONE && !wait(work, symbols[at].previous))
            return false;
        last = at;
    }
    return wait(work, last);
}

/* Ranks are left with nobody waiting. */
static bool
join_by_rank(const eg_bpe *model, eg_work *work)
{
    eg_bpe_symbol *symbols = work->symbols.items;
    work->waiting.count = 0;
    for (uint32_t i = (uint32_t)work->symbols.count; i-- > 0;)
        if (!wait(work, i))
            return false;
    for (size_t i = 0; i < work->rank_bits.count; i++) {
        while (work->rank_bits.items[i] != 0) {
            uint32_t rank = (uint32_t)(i * 64) + (uint32_t)__builtin_ctzll(work->rank_bits.items[i]);
            uint32_t next = work->ranks.items[rank];
            work->ranks.items[rank] = 0;
            work->rank_bits.items[i] &= work->rank_bits.items[i] - 1;
            for (; next > 0; next = work->waiting.items[next - 1].next) {
                uint32_t at = work->waiting.items[next - 1].at;
                bool due = symbols[at].bytes > 0 && is_ranked(symbols, at, rank);
                if (due && !join_run(model, work, at, rank))
                    return false;
            }
        }
    }
    return true;
}

/* The lists of all ranks, empty: also after a word for which there was no memory. */
static bool
clear_ranks(const eg_bpe *model, eg_work *work)
{
    size_t bits = model->ranks / 64 + 1;
    if (!eg_grow((void **)&work->ranks.items, &work->ranks.capacity, model->ranks, sizeof(uint32_t)) ||
        !eg_grow((void **)&work->rank_bits.items, &work->rank_bits.capacity, bits, sizeof(uint64_t)))
        return false;
    memset(work->ranks.items, 0, model->ranks * sizeof(uint32_t));
    memset(work->rank_bits.items, 0, bits * sizeof(uint64_t));
    work->rank_bits.count = bits;
    return true;
}

static bool
join_all(const eg_bpe *model, eg_work *work)
{
    link_symbols(model, work->symbols.items, (uint32_t)work->symbols.count);
    if (work->symbols.count > LONG_WORD && model->in_order)
        return join_by_rank(model, work);
    if (work->symbols.count > SHORT_WORD)
        return join_long(model, work);
    if (work->symbols.count > 1)
        join_short(model, work->symbols.items);
    return true;
}

/*
 * ---- Windows ----
 *
 * A row of tokens is what BPE makes of their letters if each two neighbours are what it makes of theirs: the first merge
 * across a border would be made among those two alone, too. And of a row that BPE made each part is such a row. So a long
 * word is done window after window, each from some way before the end of the last, at a token's begin: if the token there
 * comes out the same in both, each two neighbours are of one of the windows.
 */

/* What a word begins as: letters, or bytes that stand for themselves. */
typedef struct spelled {
    const eg_bpe_letter *letters; /* NULL: bytes */
    const char *bytes;
    size_t count;
    uint32_t at; /* the place of the first, in bytes of the word */
} spelled;

static bool
fill_window(const eg_bpe *model, const spelled *word, size_t begin, size_t count, eg_work *work)
{
    if (!eg_grow((void **)&work->symbols.items, &work->symbols.capacity, count, sizeof *work->symbols.items))
        return false;
    work->symbols.count = count;
    for (size_t i = 0; i < count; i++) {
        eg_bpe_letter letter = word->letters
                                   ? word->letters[begin + i]
                                   : (eg_bpe_letter){model->stand_ins[(unsigned char)word->bytes[begin + i]], 1};
        work->symbols.items[i] = (eg_bpe_symbol){.id = letter.id, .bytes = letter.bytes};
    }
    return true;
}

/* Puts the tokens that begin before `stop`, but the last of them, if the window does not end the word. Where it begins. */
static uint32_t
put_window(const eg_bpe_symbol *symbols, uint32_t stop, bool ends_word, uint32_t *byte, eg_tokens *out)
{
    uint32_t i = 0;
    for (; ends_word ? i != NONE : symbols[i].next < stop; i = symbols[i].next) {
        eg_tokens_put(out, symbols[i].id, *byte, *byte + symbols[i].bytes);
        *byte += symbols[i].bytes;
    }
    return i;
}

/* *out_agree: the windows do; if not, what was put is of no use. */
static bool
join_windows(const eg_bpe *model, const spelled *word, size_t size, eg_work *work, eg_tokens *out, bool *out_agree)
{
    eg_bpe_symbol shared = {0}; /* the token that two windows have */
    uint32_t byte = word->at, length = 0;
    *out_agree = true;
    for (size_t begin = 0;;) {
        size_t left = word->count - begin, count = left < size ? left : size;
        if (!fill_window(model, word, begin, count, work) || !join_all(model, work) || !eg_tokens_reserve(out, count))
            return false;
        const eg_bpe_symbol *symbols = work->symbols.items;
        *out_agree = begin == 0 || (symbols[0].id == shared.id && symbols[0].next == length);
        if (!*out_agree)
            return true;
        uint32_t next = put_window(symbols, (uint32_t)(count - count / 16), count == left, &byte, out);
        if (next == NONE)
            return true;
        *out_agree = next >= size / 2 && symbols[next].next != NONE;
        if (!*out_agree)
            return true;
        shared = symbols[next];
        length = shared.next - next;
        begin += next;
    }
}

/* The tokens of a word, with their places in bytes. Windows that do not agree were too small. */
static bool
join_word(const eg_bpe *model, const spelled *word, eg_work *work, eg_tokens *out)
{
    size_t first = out->count;
    bool agree = word->count == 0;
    if (word->count > LONG_WORD && model->in_order && !clear_ranks(model, work))
        return false;
    for (size_t size = WINDOW; !agree; size *= 4) {
        out->count = first;
        if (!join_windows(model, word, size, work, out, &agree))
            return false;
    }
    return true;
}

/* ---- Encoding ---- */

/* Places within a word, in bytes, become characters of the original; they are asked in order. */
typedef struct ruler {
    const eg_char *text;
    size_t at, last; /* characters */
    uint32_t byte;   /* where `at` begins */
} ruler;

static const eg_char *
char_at(ruler *in, uint32_t byte)
{
    while (in->at < in->last && in->byte + bytes_of(in->text[in->at].c) <= byte)
        in->byte += bytes_of(in->text[in->at++].c);
    return &in->text[in->at];
}

static void
place(const eg_work *work, eg_span word, eg_tokens *out, size_t first)
{
    ruler in = {work->text.items, word.begin, word.end - 1, 0};
    for (size_t i = first; i < out->count; i++) {
        out->starts[i] = char_at(&in, out->starts[i])->start;
        out->ends[i] = char_at(&in, out->ends[i] - 1)->end;
    }
}

/* The whole word, if it is in the vocabulary: -1 if not. False: no memory. */
static bool
whole_word(const eg_bpe *model, eg_work *work, eg_span word, int32_t *out)
{
    work->bytes.count = 0;
    *out = -1;
    if (word.end - word.begin > model->vocab->index.longest)
        return true;
    if (!eg_grow((void **)&work->bytes.items, &work->bytes.capacity, 4 * (word.end - word.begin), 1))
        return false;
    for (size_t i = word.begin; i < word.end; i++)
        work->bytes.count += eg_utf8_encode(work->text.items[i].c, work->bytes.items + work->bytes.count);
    *out = eg_vocab_id(model->vocab, work->bytes.items, work->bytes.count);
    return true;
}

static eg_status
encode(const void *state, eg_work *work, eg_span word, eg_tokens *out, eg_error *err)
{
    const eg_bpe *model = state;
    const eg_char *text = work->text.items;
    spelling in = {.model = model, .work = work};
    int32_t whole = -1;
    if (word.begin == word.end)
        return EG_OK;
    if (model->options.ignore_merges && !whole_word(model, work, word, &whole))
        return eg_fail_nomem(err, "tokens");
    if (whole >= 0) {
        if (!eg_tokens_reserve(out, 1))
            return eg_fail_nomem(err, "tokens");
        eg_tokens_put(out, whole, text[word.begin].start, text[word.end - 1].end);
        return EG_OK;
    }
    work->letters.count = 0;
    for (size_t i = word.begin; i < word.end; i++)
        if (!spell(&in, text[i].c, i == word.begin, i + 1 == word.end))
            return eg_fail_nomem(err, "tokens");
    if (!put_pending(&in) || work->letters.count >= NONE)
        return eg_fail_nomem(err, "tokens");
    size_t first = out->count;
    const spelled letters = {.letters = work->letters.items, .count = work->letters.count};
    if (!join_word(model, &letters, work, out))
        return eg_fail_nomem(err, "tokens");
    if (!work->ids_only)
        place(work, word, out, first);
    return EG_OK;
}

/* ---- Encoding bytes, each a symbol ---- */

static bool
fuses(const void *state, const eg_fused *fused)
{
    const eg_bpe *model = state;
    for (unsigned byte = 0; byte < 256; byte++)
        if (model->stand_ins[byte] < 0)
            return false;
    return fused->bytes && !model->options.prefix && !model->options.suffix;
}

/* The whole word, if it is in the vocabulary: -1 if not. */
static bool
whole_bytes(const eg_bpe *model, const char *word, size_t length, eg_work *work, int32_t *out)
{
    *out = -1;
    if (length > model->vocab->index.longest)
        return true;
    if (!eg_grow((void **)&work->bytes.items, &work->bytes.capacity, 2 * length, 1))
        return false;
    size_t count = 0;
    for (size_t i = 0; i < length; i++)
        count += eg_utf8_encode(eg_byte_stand_in((unsigned char)word[i]), work->bytes.items + count);
    *out = eg_vocab_id(model->vocab, work->bytes.items, count);
    return true;
}

static bool
meet(const eg_bpe *model, char left, char right)
{
    unsigned char b = (unsigned char)right;
    return model->meets[(unsigned char)left][b / 8] >> b % 8 & 1;
}

static eg_status
encode_bytes(const void *state, const eg_fused *fused, const char *word, size_t length, eg_work *work, eg_tokens *out,
             eg_error *err)
{
    const eg_bpe *model = state;
    int32_t whole = -1;
    (void)fused;
    if (model->options.ignore_merges && !whole_bytes(model, word, length, work, &whole))
        return eg_fail_nomem(err, "tokens");
    if (whole >= 0) {
        if (!eg_tokens_reserve(out, 1))
            return eg_fail_nomem(err, "tokens");
        eg_tokens_put(out, whole, 0, (uint32_t)length);
        return EG_OK;
    }
    for (size_t begin = 0, end; begin < length; begin = end) {
        for (end = begin + 1; end < length && meet(model, word[end - 1], word[end]);)
            end++;
        const spelled part = {.bytes = word + begin, .count = end - begin, .at = (uint32_t)begin};
        if (!join_word(model, &part, work, out)) /* no merge joins it with what is before or behind it */
            return eg_fail_nomem(err, "tokens");
    }
    return EG_OK;
}

const eg_model_type eg_model_bpe = {
    .name = "BPE", .load = load, .encode = encode, .fuses = fuses, .encode_bytes = encode_bytes};
