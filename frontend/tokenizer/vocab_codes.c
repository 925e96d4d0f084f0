/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BPE from vocab.txt, a token and its count a line, and bpe.codes, two symbols and a count a line. A word is what blanks
 * divide, with the end of the line behind it.
 */
#include <string.h>

#include "base/utf8.h"
#include "frontend/tokenizer/by_word.h"
#include "frontend/tokenizer/classes.h"
#include "frontend/tokenizer/moses.h"

extern const eg_part_type eg_decoder_marked;

/* In the order in which those that the vocabulary lacks would be added. */
static const char *const names[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                    "pad_token", "cls_token", "mask_token"};
static const char *const defaults[] = {"<s>", "</s>", "<unk>", "</s>", "<pad>", "<s>", "<mask>"};
enum { BOS, EOS, UNK, SEP, PAD, CLS, MASK, SPECIALS };
static const int first_entries[] = {BOS, PAD, EOS, UNK}; /* by id */
enum { FIRST_ENTRIES = 4 };

/* ---- Words ---- */

static eg_status
encode(const eg_tokenizer *tokenizer, const eg_stretch *stretch, size_t limit, eg_work *work, eg_tokens *out,
       eg_error *err)
{
    eg_char one = {.end = stretch->first};
    work->text.count = 0;
    for (size_t at = 0; at < stretch->length && out->count < limit;) {
        at += eg_utf8_decode(stretch->text + at, stretch->length - at, &one.c);
        one.start = one.end++;
        bool white = eg_moses_white(one.c), in_word = !white || (one.c == '\n' && work->text.count > 0);
        if (in_word && !EG_PUSH(&work->text, one))
            return eg_fail_nomem(err, "a word");
        if (white)
            EG_TRY(eg_by_word_end(tokenizer, work, out, err));
    }
    return eg_by_word_end(tokenizer, work, out, err);
}

static const eg_part_type words_of_lines = {.name = "words of lines", .encode = encode};

/* ---- vocab.txt ---- */

static size_t
white_at(const char *line, size_t size)
{
    uint32_t c;
    size_t step = eg_utf8_decode(line, size, &c);
    return step > 0 && eg_moses_white(c) ? step : 0;
}

/* A line without its count; NULL: it has none. */
static const char *
cut_count(const char *line, size_t size, size_t *out_length)
{
    size_t begin = 0, end = size, step;
    while (begin < end && (step = white_at(line + begin, end - begin)) > 0)
        begin += step;
    while (end > begin) {
        size_t last = eg_utf8_floor(line, end - 1);
        if (white_at(line + last, end - last) == 0)
            break;
        end = last;
    }
    const char *blank = memrchr(line + begin, ' ', end - begin);
    *out_length = blank ? (size_t)(blank - line) - begin : 0;
    return blank ? line + begin : NULL;
}

static eg_status
read_entry(eg_vocab *vocab, const eg_merges_file *file, uint32_t number, const char *line, size_t size, eg_error *err)
{
    size_t bad, length;
    if (!eg_utf8_valid(line, size, &bad))
        return eg_fail_at(err, EG_E_INPUT, file->file, number, (uint32_t)eg_utf8_count(line, bad) + 1,
                          "the line is not valid UTF-8");
    const char *token = cut_count(line, size, &length);
    if (!token)
        return eg_hint(err, eg_fail_at(err, EG_E_INPUT, file->file, number, 1, "the line is not a token and a count"),
                       "the token, a blank and a number");
    (void)eg_vocab_set(vocab, (int32_t)vocab->ids, token, length); /* ids count up: none is taken */
    return EG_OK;
}

static eg_status
refuse_repeated(const eg_vocab *vocab, const eg_merges_file *file, eg_error *err)
{
    for (size_t id = 0; id < vocab->ids; id++) {
        if (vocab->lengths[id] == EG_NO_TOKEN) /* of equal tokens only the last is in the index */
            return eg_fail_at(err, EG_E_INPUT, file->file, id < FIRST_ENTRIES ? 0 : (uint32_t)id - FIRST_ENTRIES + 1,
                              id < FIRST_ENTRIES ? 0 : 1, "the token '%.64s' is there twice",
                              vocab->bytes + vocab->begins[id]);
    }
    return EG_OK;
}

static eg_status
read_entries(eg_loading *in, const eg_class_tokens *tokens, const eg_merges_file *file, eg_error *err)
{
    eg_vocab *vocab = &in->tokenizer->vocab;
    size_t lines = eg_count_lines(file);
    if (lines == 0 || lines > INT32_MAX / 16 || file->length >= EG_NO_TOKEN / 2)
        return eg_fail_at(err, EG_E_INPUT, file->file, 0, 0, "a vocabulary of %zu lines", lines);
    EG_TRY(
        eg_vocab_new(vocab, in->arena, lines + FIRST_ENTRIES + in->extra_ids, file->length + in->extra_bytes * 2, err));
    for (int i = 0; i < FIRST_ENTRIES; i++) {
        const eg_class_token *special = &tokens->specials[first_entries[i]];
        (void)eg_vocab_set(vocab, i, special->text, special->length);
    }
    uint32_t number = 1;
    for (size_t at = 0; at < file->length; number++) {
        const char *line = file->text + at;
        size_t size = eg_cut_line(file->text, file->length, &at);
        EG_TRY(read_entry(vocab, file, number, line, size, err));
    }
    EG_TRY(eg_vocab_index(vocab, "", 0, in->arena, &vocab->index, err));
    return refuse_repeated(vocab, file, err);
}

/* ---- All of it ---- */

eg_status
eg_tokenizer_load_codes(eg_tokenizer *tokenizer, const eg_merges_file *vocab, const eg_merges_file *codes,
                        const eg_tokenizer_files *files, eg_error *err)
{
    eg_loading in = {.file = vocab->file, .tokenizer = tokenizer, .arena = &tokenizer->arena};
    eg_class_tokens tokens;
    EG_TRY(eg_class_tokens_find(&in, files, names, defaults, SPECIALS, &tokens, err));
    EG_TRY(read_entries(&in, &tokens, vocab, err));
    int32_t unknown = eg_vocab_id(&tokenizer->vocab, tokens.specials[UNK].text, tokens.specials[UNK].length);
    eg_ranks_options options = {.marked = true, .least_fields = 3, .most_fields = 3, .unknown = unknown};
    EG_TRY(eg_ranks_new(&in, &options, codes, err));
    in.entries = tokenizer->vocab.count;
    EG_TRY(eg_added_tokens_reserve(&in, err));
    EG_TRY(eg_class_tokens_put(&in, &tokens, err));
    tokenizer->pretokenizer.type = &words_of_lines;
    tokenizer->decoder.type = &eg_decoder_marked;
    EG_TRY(eg_template_doubled(&in, eg_class_token_id(tokenizer, &tokens, CLS),
                               eg_class_token_id(tokenizer, &tokens, SEP), err));
    EG_TRY(eg_class_tokens_index(tokenizer, err));
    const eg_class_roles roles = {.pad = PAD, .mask = MASK, .cls = CLS, .sep = SEP};
    eg_class_in_python(tokenizer, "vocab.txt", &tokens, &roles, unknown);
    return EG_OK;
}
