/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BPE as transformers' Python classes do it: merges join symbols whether or not the vocabulary has them, and each symbol
 * that is left is looked up. The symbols are a vocabulary of their own, which BPE runs on.
 */
#include <string.h>

#include "base/checked.h"
#include "base/utf8.h"
#include "frontend/tokenizer/classes.h"
#include "frontend/tokenizer/moses.h"

extern const eg_model_type eg_model_bpe;

static const char word_end[] = "</w>", within[] = "@@";
static const char no_symbol[] = "\xff"; /* stands for characters that are in no merge: no text has it */
enum { WORD_END = sizeof word_end - 1, WITHIN = sizeof within - 1 };

typedef struct ranks {
    const struct eg_bpe *symbols;
    const int32_t *ids; /* by symbol */
} ranks;

typedef struct field {
    const char *text;
    size_t length;
} field;

enum { MOST_FIELDS = 4 };

/* The fields of a line, at most MOST_FIELDS of them; how many there are. */
static size_t
read_fields(const char *line, size_t size, field *out)
{
    size_t count = 0, begin = 0;
    bool within_field = false;
    for (size_t at = 0, step; at < size; at += step) {
        uint32_t c;
        step = eg_utf8_decode(line + at, size - at, &c);
        bool white = eg_moses_white(c);
        if (!white && !within_field) {
            begin = at;
            if (count++ < MOST_FIELDS)
                out[count - 1].text = line + begin;
        }
        within_field = !white;
        if (within_field && count <= MOST_FIELDS)
            out[count - 1].length = at + step - begin;
    }
    return count;
}

/* The next merge's two fields in `out`; false at the end. *out_fault: the line is none. */
typedef struct reader {
    const eg_merges_file *file;
    size_t at, end;
    uint32_t line;
} reader;

static reader
start(const eg_merges_file *file)
{
    size_t end = file->length;
    while (end > 0 && file->text[end - 1] != '\n' && file->text[end - 1] != '\r')
        end--;
    return (reader){file, 0, end, 0};
}

static eg_status
next_merge(reader *in, const eg_ranks_options *options, field out[MOST_FIELDS], bool *out_more, eg_error *err)
{
    *out_more = false;
    while (in->at < in->end) {
        const char *line = in->file->text + in->at;
        size_t size = eg_cut_line(in->file->text, in->end, &in->at), bad;
        in->line++;
        if (!eg_utf8_valid(line, size, &bad))
            return eg_fail_at(err, EG_E_INPUT, in->file->file, in->line, (uint32_t)eg_utf8_count(line, bad) + 1,
                              "the line is not valid UTF-8");
        size_t count = read_fields(line, size, out);
        if (count == 0 || (size >= 8 && memcmp(line, "#version", 8) == 0))
            continue;
        if (count < options->least_fields || count > options->most_fields)
            return eg_hint(err,
                           eg_fail_at(err, EG_E_INPUT, in->file->file, in->line, 1, "a merge is not two tokens%s",
                                      options->least_fields == 3 ? " and a count" : ""),
                           options->least_fields == 3 ? "two tokens and a number, blanks between"
                                                      : "two tokens with a blank between");
        *out_more = true;
        return EG_OK;
    }
    return EG_OK;
}

/* ---- The symbols ---- */

static void
add_symbol(eg_vocab *symbols, const char *text, size_t length)
{
    (void)eg_vocab_set(symbols, (int32_t)symbols->ids, text, length); /* ids count up: none is taken */
}

static bool
ends_in(const char *text, size_t length, const char *end, size_t end_length)
{
    return length >= end_length && memcmp(text + length - end_length, end, end_length) == 0;
}

/* The symbols of an entry of the vocabulary: as a word's end, and as what others follow. */
static void
add_entry(const eg_vocab *vocab, size_t id, const eg_ranks_options *options, eg_vocab *symbols, char *room)
{
    const char *text = vocab->bytes + vocab->begins[id];
    size_t length = vocab->lengths[id];
    if (!options->marked) {
        add_symbol(symbols, text, length);
        return;
    }
    memcpy(room, text, length);
    memcpy(room + length, word_end, WORD_END);
    add_symbol(symbols, room, length + WORD_END);
    if (length > WITHIN && ends_in(text, length, within, WITHIN))
        add_symbol(symbols, text, length - WITHIN);
}

static eg_status
collect(eg_loading *in, const eg_ranks_options *options, const eg_merges_file *merges, eg_vocab *symbols, char *room,
        size_t *out_merges, eg_error *err)
{
    const eg_vocab *vocab = &in->tokenizer->vocab;
    reader lines = start(merges);
    field fields[MOST_FIELDS] = {{0}};
    bool more;
    add_symbol(symbols, no_symbol, 1);
    for (size_t id = 0; id < vocab->ids; id++)
        if (vocab->lengths[id] != EG_NO_TOKEN)
            add_entry(vocab, id, options, symbols, room);
    for (*out_merges = 0;; ++*out_merges) {
        EG_TRY(next_merge(&lines, options, fields, &more, err));
        if (!more)
            return EG_OK;
        add_symbol(symbols, fields[0].text, fields[0].length);
        add_symbol(symbols, fields[1].text, fields[1].length);
        memcpy(room, fields[0].text, fields[0].length);
        memcpy(room + fields[0].length, fields[1].text, fields[1].length);
        add_symbol(symbols, room, fields[0].length + fields[1].length);
    }
}

/* What follows the last end of a line is not read, but a file cut within a character is no file of text. */
static eg_status
check_rest(const eg_merges_file *merges, eg_error *err)
{
    const char *last = merges->length > 0 ? memrchr(merges->text, '\n', merges->length) : NULL;
    size_t begin = last ? (size_t)(last - merges->text) + 1 : 0, bad;
    if (begin == merges->length || eg_utf8_valid(merges->text + begin, merges->length - begin, &bad))
        return EG_OK;
    return eg_fail_at(err, EG_E_INPUT, merges->file, (uint32_t)eg_count_lines(merges),
                      (uint32_t)eg_utf8_count(merges->text + begin, bad) + 1, "the line is not valid UTF-8");
}

static eg_status
put_merges(const eg_ranks_options *options, const eg_merges_file *merges, struct eg_bpe *bpe, eg_error *err)
{
    reader lines = start(merges);
    field fields[MOST_FIELDS] = {{0}};
    bool more;
    for (;;) {
        EG_TRY(next_merge(&lines, options, fields, &more, err));
        if (!more)
            return EG_OK;
        const char *fault = eg_bpe_put(bpe, fields[0].text, fields[0].length, fields[1].text, fields[1].length);
        if (fault)
            return eg_fail_at(err, EG_E_INPUT, merges->file, lines.line, 1, "the merge: %s", fault);
    }
}

static int32_t
id_of(const eg_vocab *vocab, const eg_vocab *symbols, size_t symbol, const eg_ranks_options *options, char *room)
{
    const char *text = symbols->bytes + symbols->begins[symbol];
    size_t length = symbols->lengths[symbol];
    int32_t id;
    if (!options->marked) {
        id = eg_vocab_id(vocab, text, length);
    } else if (ends_in(text, length, word_end, WORD_END)) {
        id = eg_vocab_id(vocab, text, length - WORD_END);
    } else {
        memcpy(room, text, length);
        memcpy(room + length, within, WITHIN);
        id = eg_vocab_id(vocab, room, length + WITHIN);
    }
    return id < 0 ? options->unknown : id;
}

/* Room for `symbols`: three of each line of the merges and two of each entry. */
static eg_status
make_room(eg_loading *in, const eg_merges_file *merges, eg_vocab *symbols, char **out_room, eg_error *err)
{
    const eg_vocab *vocab = &in->tokenizer->vocab;
    size_t count, bytes;
    if (!eg_mul_size(eg_count_lines(merges), 3, &count) || !eg_add_size(count, 2 * vocab->ids + 1, &count) ||
        !eg_mul_size(merges->length, 2, &bytes) ||
        !eg_add_size(bytes, 2 * vocab->used + WORD_END * vocab->ids, &bytes) || count > INT32_MAX / 4 ||
        bytes >= EG_NO_TOKEN / 2)
        return eg_fail_at(err, EG_E_INPUT, merges->file, 0, 0, "the file is too large");
    *out_room = eg_arena_alloc(in->arena, merges->length + vocab->used + WORD_END + 1);
    return *out_room ? eg_vocab_new(symbols, in->arena, count, bytes + 1, err) : eg_fail_nomem(err, "merges");
}

eg_status
eg_ranks_new(eg_loading *in, const eg_ranks_options *options, const eg_merges_file *merges, eg_error *err)
{
    static const eg_bpe_options bpe_options = {
        .unknown = no_symbol, .unknown_length = 1, .suffix = word_end, .suffix_length = WORD_END};
    eg_tokenizer *tokenizer = in->tokenizer;
    eg_tokenizer *inner = eg_arena_calloc(in->arena, 1, sizeof *inner); /* holds the symbols */
    ranks *model = eg_arena_calloc(in->arena, 1, sizeof *model);
    eg_loading of_symbols = {.file = merges->file, .tokenizer = inner, .arena = in->arena};
    struct eg_bpe *bpe;
    size_t count;
    char *room;
    if (!inner || !model)
        return eg_fail_nomem(err, "merges");
    EG_TRY(make_room(in, merges, &inner->vocab, &room, err));
    EG_TRY(collect(in, options, merges, &inner->vocab, room, &count, err));
    EG_TRY(eg_bpe_new(&of_symbols, &bpe_options, count, &bpe, err));
    EG_TRY(put_merges(options, merges, bpe, err));
    EG_TRY(check_rest(merges, err));
    int32_t *ids = eg_arena_calloc(in->arena, inner->vocab.ids, sizeof *ids);
    if (!ids)
        return eg_fail_nomem(err, "merges");
    for (size_t i = 0; i < inner->vocab.ids; i++)
        if (inner->vocab.lengths[i] != EG_NO_TOKEN) /* of equal symbols only the last is one */
            ids[i] = id_of(&tokenizer->vocab, &inner->vocab, i, options, room);
    *model = (ranks){bpe, ids};
    tokenizer->model = model;
    tokenizer->model_type = &eg_model_ranks;
    return EG_OK;
}

static eg_status
encode(const void *state, eg_work *work, eg_span word, eg_tokens *out, eg_error *err)
{
    const ranks *model = state;
    size_t from = out->count;
    EG_TRY(eg_model_bpe.encode(model->symbols, work, word, out, err));
    for (size_t i = from; i < out->count; i++)
        out->ids[i] = model->ids[out->ids[i]];
    return EG_OK;
}

const eg_model_type eg_model_ranks = {.name = "BPE", .encode = encode};

eg_status
eg_class_tokens_index(eg_tokenizer *tokenizer, eg_error *err)
{
    for (size_t i = 0; i < tokenizer->added.count; i++)
        tokenizer->added.tokens[i].normalized = false;
    return eg_added_tokens_index(tokenizer, err);
}

int32_t
eg_class_token_id(const eg_tokenizer *tokenizer, const eg_class_tokens *tokens, int which)
{
    return (int32_t)eg_tokenizer_id(tokenizer, tokens->specials[which].text, tokens->specials[which].length);
}

void
eg_class_in_python(eg_tokenizer *tokenizer, const char *source, const eg_class_tokens *tokens,
                   const eg_class_roles *roles, int32_t unknown)
{
    eg_tokenizer_info *info = &tokenizer->info;
    tokenizer->in_python = true;
    info->no_offsets = true;
    info->source = source;
    info->model = tokenizer->model_type->name;
    info->unk_id = unknown;
    info->pad_id = eg_class_token_id(tokenizer, tokens, roles->pad);
    info->mask_id = eg_class_token_id(tokenizer, tokens, roles->mask);
    info->cls_id = eg_class_token_id(tokenizer, tokens, roles->cls);
    info->sep_id = eg_class_token_id(tokenizer, tokens, roles->sep);
}
