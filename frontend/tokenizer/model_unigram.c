/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unigram: of all ways to cut a word into vocabulary entries, the one with the highest sum of scores. Entries are found
 * by walking a trie of their bytes, whose edges are in one hash table: one look-up a byte.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "frontend/tokenizer/parts.h"

/* node << 8 | byte → node */
typedef struct trie_edge {
    uint64_t key; /* + 1; 0: empty */
    uint32_t target;
} trie_edge;

typedef struct unigram {
    const eg_vocab *vocab;
    const double *scores; /* by id */
    trie_edge *edges;
    int32_t *ids; /* by node; -1: no entry ends there */
    uint32_t nodes, shift;
    uint64_t seed;
    double unknown_score;
    int32_t unknown; /* -1: none */
    bool fall_back;
    int32_t bytes[256];
} unigram;

enum { ROOT = 0, NO_NODE = UINT32_MAX };
static const double unknown_penalty = 10;

/* ---- The trie ---- */

static trie_edge *
find_edge(const unigram *model, uint32_t node, unsigned char byte)
{
    uint64_t key = ((uint64_t)node << 8 | byte) + 1;
    uint64_t hash = eg_token_hash_end((key ^ model->seed) * UINT64_C(0x9e3779b97f4a7c15));
    size_t mask = ((size_t)1 << (64 - model->shift)) - 1;
    for (size_t i = hash >> model->shift;; i = (i + 1) & mask)
        if (model->edges[i].key == 0 || model->edges[i].key == key)
            return &model->edges[i];
}

static void
put_entry(unigram *model, const char *token, size_t length, int32_t id)
{
    uint32_t node = ROOT;
    for (size_t i = 0; i < length; i++) {
        trie_edge *edge = find_edge(model, node, (unsigned char)token[i]);
        if (edge->key == 0) {
            *edge = (trie_edge){((uint64_t)node << 8 | (unsigned char)token[i]) + 1, model->nodes};
            model->ids[model->nodes++] = -1;
        }
        node = edge->target;
    }
    model->ids[node] = id;
}

static eg_status
build_trie(eg_loading *in, unigram *model, eg_error *err)
{
    const eg_vocab *vocab = &in->tokenizer->vocab;
    size_t most = vocab->used + 1; /* nodes: one a byte at most */
    uint32_t bits = 4;
    while ((size_t)1 << bits < 2 * most)
        bits++;
    model->shift = 64 - bits;
    model->edges = eg_arena_calloc(in->arena, (size_t)1 << bits, sizeof *model->edges);
    model->ids = eg_arena_calloc(in->arena, most, sizeof *model->ids);
    if (!model->edges || !model->ids)
        return eg_fail_nomem(err, "a vocabulary");
    model->seed = eg_hash_seed(model->edges);
    model->ids[ROOT] = -1;
    model->nodes = 1;
    for (size_t id = 0; id < vocab->ids; id++)
        if (vocab->lengths[id] != EG_NO_TOKEN && vocab->lengths[id] > 0)
            put_entry(model, vocab->bytes + vocab->begins[id], vocab->lengths[id], (int32_t)id);
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
    if (score->type != EG_JSON_REAL && score->type != EG_JSON_INT)
        return eg_json_wrong_type(score, in->file, "a score, a finite number", err);
    return EG_OK;
}

static eg_status
load_entries(eg_loading *in, const eg_json *entries, double *lowest, const double **out_scores, eg_error *err)
{
    size_t bytes = in->extra_bytes;
    if (entries->count > INT32_MAX / 16)
        return eg_fail_json(in, entries, err, "the vocabulary has %zu entries, too many", entries->count);
    for (size_t i = 0; i < entries->count; i++) {
        EG_TRY(check_entry(in, &entries->items[i], err));
        bytes += entries->items[i].items[0].length;
    }
    if (bytes >= EG_NO_TOKEN / 2)
        return eg_fail_json(in, entries, err, "the vocabulary has %zu bytes, too many", bytes);
    double *scores = eg_arena_calloc(in->arena, entries->count + 1, sizeof *scores);
    if (!scores)
        return eg_fail_nomem(err, "a vocabulary");
    EG_TRY(eg_vocab_new(&in->tokenizer->vocab, in->arena, entries->count + in->extra_ids, bytes, err));
    *lowest = INFINITY;
    for (size_t i = 0; i < entries->count; i++) {
        const eg_json *token = &entries->items[i].items[0];
        scores[i] = entries->items[i].items[1].real;
        *lowest = scores[i] < *lowest ? scores[i] : *lowest;
        (void)eg_vocab_set(&in->tokenizer->vocab, (int32_t)i, token->string, token->length); /* ids count up */
    }
    *out_scores = scores;
    return EG_OK;
}

static eg_status
load_bytes(eg_loading *in, const eg_json *spec, unigram *model, eg_error *err)
{
    char name[8];
    EG_TRY(eg_read_bool(in, spec, "byte_fallback", &model->fall_back, err));
    for (unsigned byte = 0; byte < 256; byte++) {
        snprintf(name, sizeof name, "<0x%02X>", byte);
        model->bytes[byte] = eg_vocab_id(model->vocab, name, strlen(name));
    }
    return EG_OK;
}

static eg_status
load(eg_loading *in, const eg_json *spec, const void **out_state, eg_error *err)
{
    eg_vocab *vocab = &in->tokenizer->vocab;
    const eg_json *entries;
    int64_t unknown = -1;
    double lowest;
    unigram *model = eg_arena_calloc(in->arena, 1, sizeof *model);
    if (!model)
        return eg_fail_nomem(err, "a vocabulary");
    EG_TRY(eg_read_member(in, spec, "vocab", EG_JSON_ARRAY, &entries, err));
    if (entries->count == 0)
        return eg_fail_json(in, entries, err, "an empty vocabulary");
    EG_TRY(eg_read_int(in, spec, "unk_id", 0, (int64_t)entries->count - 1, &unknown, err));
    EG_TRY(load_entries(in, entries, &lowest, &model->scores, err));
    EG_TRY(build_trie(in, model, err)); /* before the index, which forgets the first of two equal entries */
    EG_TRY(eg_vocab_index(vocab, "", 0, in->arena, &vocab->index, err));
    model->vocab = vocab;
    model->unknown = (int32_t)unknown;
    model->unknown_score = lowest - unknown_penalty;
    EG_TRY(load_bytes(in, spec, model, err));
    *out_state = model;
    return EG_OK;
}

/* ---- Encoding ---- */

static size_t
char_length(unsigned char first)
{
    return first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* Offers a piece [begin, end); as in the library, only a strictly better one takes the place of another. */
static void
offer(eg_lattice_place *places, size_t begin, size_t end, int32_t id, double score)
{
    eg_lattice_place *at = &places[end];
    double sum = score + places[begin].score;
    if (at->reached && sum <= at->score)
        return;
    *at = (eg_lattice_place){.score = sum, .begin = (uint32_t)begin, .id = id, .reached = true};
}

/* The best way to each place of the word (bytes). */
static void
find_ways(const unigram *model, const char *word, size_t length, eg_lattice_place *places)
{
    memset(places, 0, (length + 1) * sizeof *places);
    for (size_t begin = 0, step; begin < length; begin += step) {
        bool single = false; /* an entry is this one character */
        uint32_t node = ROOT;
        step = char_length((unsigned char)word[begin]);
        for (size_t end = begin; end < length;) {
            const trie_edge *edge = find_edge(model, node, (unsigned char)word[end++]);
            if (edge->key == 0)
                break;
            node = edge->target;
            int32_t id = model->ids[node];
            if (id < 0)
                continue;
            offer(places, begin, end, id, model->scores[id]);
            single |= end - begin == step;
        }
        if (!single)
            offer(places, begin, begin + step, model->unknown, model->unknown_score);
    }
}

/* Turns the links around, so that each place of the best way knows where its piece ends. */
static void
walk_back(eg_lattice_place *places, size_t length)
{
    for (size_t end = length; end > 0;) {
        size_t begin = places[end].begin;
        places[begin].next = (uint32_t)end;
        end = begin;
    }
}

static bool
has_bytes(const unigram *model, const char *piece, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (model->bytes[(unsigned char)piece[i]] < 0)
            return false;
    return true;
}

/* What is unknown becomes its bytes, if they are to be had, else the unknown token; that token's own text is known. */
static void
put_unknown(const unigram *model, const char *piece, size_t length, uint32_t start, uint32_t end, eg_tokens *out)
{
    bool known = length <= model->vocab->index.longest && eg_vocab_id(model->vocab, piece, length) >= 0;
    if (known || !model->fall_back || !has_bytes(model, piece, length)) {
        eg_tokens_put(out, model->unknown, start, end);
        return;
    }
    for (size_t i = 0; i < length; i++)
        eg_tokens_put(out, model->bytes[(unsigned char)piece[i]], start, end);
}

/* The pieces of the best way; their places are in bytes of work->bytes. */
static eg_status
put_pieces(const unigram *model, const eg_work *work, eg_tokens *out, eg_error *err)
{
    const eg_lattice_place *places = work->lattice.items;
    for (size_t begin = 0; begin < work->bytes.count;) {
        size_t end = places[begin].next;
        int32_t id = places[end].id;
        while (id == model->unknown && end < work->bytes.count && places[places[end].next].id == id)
            end = places[end].next; /* neighbours that are unknown are one token */
        if (id < 0)
            return eg_fail(err, EG_E_INPUT, "the text has a character that the vocabulary lacks, and no unknown token");
        if (id == model->unknown)
            put_unknown(model, work->bytes.items + begin, end - begin, (uint32_t)begin, (uint32_t)end, out);
        else
            eg_tokens_put(out, id, (uint32_t)begin, (uint32_t)end);
        begin = end;
    }
    return EG_OK;
}

/* The tokens of work->bytes. */
static eg_status
encode_word(const unigram *model, eg_work *work, eg_tokens *out, eg_error *err)
{
    size_t length = work->bytes.count;
    if (length >= UINT32_MAX ||
        !eg_grow((void **)&work->lattice.items, &work->lattice.capacity, length + 1, sizeof *work->lattice.items) ||
        !eg_tokens_reserve(out, length))
        return eg_fail_nomem(err, "tokens");
    find_ways(model, work->bytes.items, length, work->lattice.items);
    walk_back(work->lattice.items, length);
    return put_pieces(model, work, out, err);
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
