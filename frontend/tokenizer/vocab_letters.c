/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vocabulary of letters from vocab.txt: each entry is found wherever it stands in the text. What lies between is cut
 * at blanks, and each word of it is unknown.
 */
#include "base/utf8.h"
#include "frontend/tokenizer/classes.h"
#include "frontend/tokenizer/moses.h"

static const char *const names[] = {"unk_token", "pad_token", "cls_token", "mask_token", "eos_token"};
static const char *const defaults[] = {"<unk>", "<pad>", "<cls>", "<mask>", "<eos>"};
enum { UNK, PAD, CLS, MASK, EOS, SPECIALS };

/* ---- What lies between ---- */

static eg_status
split(const void *state, eg_work *work, eg_error *err)
{
    const eg_chars *text = &work->text;
    (void)state;
    work->words.count = 0;
    for (size_t begin = 0, end; begin < text->count; begin = end + 1) {
        for (end = begin; end < text->count && !eg_moses_white(text->items[end].c);)
            end++;
        if (begin < end && !EG_PUSH(&work->words, ((eg_span){begin, end})))
            return eg_fail_nomem(err, "words");
    }
    return EG_OK;
}

static eg_status
encode(const void *state, eg_work *work, eg_span word, eg_tokens *out, eg_error *err)
{
    const int32_t *unknown = state;
    const eg_char *text = work->text.items;
    if (word.begin == word.end)
        return EG_OK;
    if (!eg_tokens_reserve(out, 1))
        return eg_fail_nomem(err, "tokens");
    eg_tokens_put(out, *unknown, text[word.begin].start, text[word.end - 1].end);
    return EG_OK;
}

static const eg_part_type words_of_blanks = {.name = "words of blanks", .split = split};
static const eg_model_type unknown_words = {.name = "Letters", .encode = encode};

/* ---- vocab.txt ---- */

/* Without the blanks at its ends; moves *line to where it begins. */
static size_t
strip(const char **line, size_t size)
{
    uint32_t c;
    while (size > 0) {
        size_t step = eg_utf8_decode(*line, size, &c);
        if (!eg_moses_white(c))
            break;
        *line += step;
        size -= step;
    }
    while (size > 0) {
        size_t last = eg_utf8_floor(*line, size - 1);
        eg_utf8_decode(*line + last, size - last, &c);
        if (!eg_moses_white(c))
            break;
        size = last;
    }
    return size;
}

static eg_status
read_entries(eg_loading *in, const eg_merges_file *file, eg_error *err)
{
    eg_vocab *vocab = &in->tokenizer->vocab;
    size_t lines = eg_count_lines(file), bad;
    if (lines == 0 || lines > INT32_MAX / 16 || file->length >= EG_NO_TOKEN / 2)
        return eg_fail_at(err, EG_E_INPUT, file->file, 0, 0, "a vocabulary of %zu lines", lines);
    in->extra_ids += lines; /* each is an added token too */
    EG_TRY(eg_vocab_new(vocab, in->arena, lines + in->extra_ids, file->length + in->extra_bytes, err));
    int32_t id = 0;
    for (size_t at = 0; at < file->length; id++) {
        const char *line = file->text + at;
        size_t size = eg_cut_line(file->text, file->length, &at);
        if (!eg_utf8_valid(line, size, &bad))
            return eg_fail_at(err, EG_E_INPUT, file->file, (uint32_t)id + 1, (uint32_t)eg_utf8_count(line, bad) + 1,
                              "the line is not valid UTF-8");
        size = strip(&line, size);
        (void)eg_vocab_set(vocab, id, line, size); /* ids count up: none is taken */
    }
    return eg_vocab_index(vocab, "", 0, in->arena, &vocab->index, err);
}

/* Entries that are not among the special tokens. */
static eg_status
put_letters(eg_loading *in, size_t entries, eg_error *err)
{
    eg_tokenizer *tokenizer = in->tokenizer;
    const eg_vocab *vocab = &tokenizer->vocab;
    for (size_t id = 0; id < entries; id++) {
        if (vocab->lengths[id] == EG_NO_TOKEN)
            continue;
        eg_added_token token = {.content = vocab->bytes + vocab->begins[id], .length = vocab->lengths[id], .id = -1};
        if (!eg_map_get(&tokenizer->added.by_content, token.content, token.length, NULL))
            EG_TRY(eg_added_tokens_put(in, &token, NULL, err));
    }
    return EG_OK;
}

eg_status
eg_tokenizer_load_letters(eg_tokenizer *tokenizer, const eg_merges_file *vocab, const eg_tokenizer_files *files,
                          eg_error *err)
{
    eg_loading in = {.file = vocab->file, .tokenizer = tokenizer, .arena = &tokenizer->arena};
    eg_class_tokens tokens;
    EG_TRY(eg_class_tokens_find(&in, files, names, defaults, SPECIALS, &tokens, err));
    EG_TRY(eg_class_tokens_find_more(&in, files, &tokens, err));
    EG_TRY(read_entries(&in, vocab, err));
    size_t entries = tokenizer->vocab.ids;
    in.entries = tokenizer->vocab.count;
    EG_TRY(eg_added_tokens_reserve(&in, err));
    EG_TRY(eg_class_tokens_put(&in, &tokens, err));
    EG_TRY(put_letters(&in, entries, err));
    int32_t cls = eg_class_token_id(tokenizer, &tokens, CLS), eos = eg_class_token_id(tokenizer, &tokens, EOS);
    int32_t *unknown = eg_arena_calloc(in.arena, 1, sizeof *unknown);
    if (!unknown)
        return eg_fail_nomem(err, "a tokenizer");
    *unknown = eg_class_token_id(tokenizer, &tokens, UNK);
    if (*unknown < 0 || cls < 0 || eos < 0)
        return eg_fail_at(err, EG_E_INPUT, files->config_file, 0, 0,
                          "unk_token, cls_token and eos_token must be there");
    tokenizer->model = unknown;
    tokenizer->model_type = &unknown_words;
    tokenizer->pretokenizer.type = &words_of_blanks;
    EG_TRY(eg_template_bert(&in, cls, eos, err));
    EG_TRY(eg_added_tokens_index(tokenizer, err));
    const eg_class_roles roles = {.pad = PAD, .mask = MASK, .cls = CLS, .sep = EOS};
    eg_class_in_python(tokenizer, "vocab.txt", &tokens, &roles, *unknown);
    return EG_OK;
}
