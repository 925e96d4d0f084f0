/* SPDX-License-Identifier: Apache-2.0 */
/* Byte-level BPE from vocab.json and merges.txt, with the switches and tokens of the JSON files beside them. */
#include <string.h>

#include "base/utf8.h"
#include "frontend/tokenizer/classes.h"

extern const eg_part_type eg_normalizer_nfc, eg_pretokenizer_byte_level, eg_decoder_byte_level;
extern const eg_model_type eg_model_bpe;

enum { BOS, EOS, UNK, SEP, PAD, CLS, MASK, SPECIALS };
static const char *const names[SPECIALS] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                            "pad_token", "cls_token", "mask_token"};
static const char *const defaults[][SPECIALS] = {
    [EG_BYTES_PLAIN] = {"<|endoftext|>", "<|endoftext|>", "<|endoftext|>", "", "", "", ""},
    [EG_BYTES_COMPOSED] = {"<|endoftext|>", "<|endoftext|>", "<|endoftext|>", "", "<|padding|>", "", ""},
    [EG_BYTES_DOUBLED] = {"[CLS]", "[SEP]", "[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"},
    [EG_BYTES_DOUBLED_TRIMMED] = {"<s>", "</s>", "<unk>", "</s>", "<pad>", "<s>", "<mask>"},
};

/* "a b": the length of a; 0 if these are not two tokens. */
static size_t
left_part(const char *line, size_t size)
{
    const char *blank = memchr(line, ' ', size);
    size_t left = blank ? (size_t)(blank - line) : 0;
    return blank && left + 1 < size && !memchr(blank + 1, ' ', size - left - 1) ? left : 0;
}

static eg_status
read_merges(const eg_merges_file *merges, struct eg_bpe *model, eg_error *err)
{
    uint32_t number = 0;
    for (size_t at = 0; at < merges->length;) {
        const char *line = merges->text + at;
        size_t size = eg_cut_line(merges->text, merges->length, &at), bad;
        number++;
        if (size >= 8 && memcmp(line, "#version", 8) == 0)
            continue;
        if (!eg_utf8_valid(line, size, &bad))
            return eg_fail_at(err, EG_E_INPUT, merges->file, number, (uint32_t)eg_utf8_count(line, bad) + 1,
                              "the line is not valid UTF-8");
        size_t left = left_part(line, size);
        if (left == 0)
            return eg_hint(err, eg_fail_at(err, EG_E_INPUT, merges->file, number, 1, "a merge is not two tokens"),
                           "two tokens with a blank between");
        const char *fault = eg_bpe_put(model, line, left, line + left + 1, size - left - 1);
        if (fault)
            return eg_fail_at(err, EG_E_INPUT, merges->file, number, 1, "the merge '%.*s': %s",
                              (int)(size < 128 ? size : 128), line, fault);
    }
    return EG_OK;
}

size_t
eg_count_lines(const eg_merges_file *file)
{
    size_t lines = 0;
    for (size_t at = 0; at < file->length; lines++)
        eg_cut_line(file->text, file->length, &at);
    return lines;
}

eg_status
eg_bpe_from_files(eg_loading *in, const eg_json *vocab, const eg_merges_file *merges, const eg_bpe_options *options,
                  eg_error *err)
{
    struct eg_bpe *model;
    EG_TRY(eg_vocab_load(in, vocab, err));
    EG_TRY(eg_bpe_new(in, options, eg_count_lines(merges), &model, err));
    EG_TRY(read_merges(merges, model, err));
    in->tokenizer->model = model;
    in->tokenizer->model_type = &eg_model_bpe;
    return EG_OK;
}

static eg_status
set_parts(eg_loading *in, bool add_prefix_space, eg_error *err)
{
    static const char key[] = "add_prefix_space";
    eg_tokenizer *tokenizer = in->tokenizer;
    eg_json prefix = {.type = EG_JSON_BOOL, .key = key, .key_length = sizeof key - 1, .boolean = add_prefix_space};
    eg_json spec = {.type = EG_JSON_OBJECT, .items = &prefix, .count = 1};
    tokenizer->decoder.type = &eg_decoder_byte_level;
    tokenizer->pretokenizer.type = &eg_pretokenizer_byte_level;
    return eg_pretokenizer_byte_level.load(in, &spec, &tokenizer->pretokenizer.state, err);
}

eg_status
eg_template_asked(eg_loading *in, const eg_tokenizer_files *files, const eg_class_token *bos, const eg_class_token *eos,
                  eg_error *err)
{
    eg_loading from_config = {.file = files->config_file};
    bool begin = false, end = false;
    EG_TRY(eg_read_bool(&from_config, files->config, "add_bos_token", &begin, err));
    EG_TRY(eg_read_bool(&from_config, files->config, "add_eos_token", &end, err));
    return eg_template_ends(in, begin ? eg_tokenizer_id(in->tokenizer, bos->text, bos->length) : -1,
                            end ? eg_tokenizer_id(in->tokenizer, eos->text, eos->length) : -1, err);
}

static eg_status
set_template(eg_loading *in, const eg_class_tokens *tokens, const eg_tokenizer_files *files, eg_bytes_style style,
             bool add_prefix_space, eg_error *err)
{
    eg_loading from_config = {.file = files->config_file, .tokenizer = in->tokenizer, .arena = in->arena};
    const eg_class_token *sep = &tokens->specials[SEP], *cls = &tokens->specials[CLS];
    bool trim = style == EG_BYTES_DOUBLED_TRIMMED;
    if (style == EG_BYTES_PLAIN || style == EG_BYTES_COMPOSED)
        return eg_template_asked(in, files, &tokens->specials[BOS], &tokens->specials[EOS], err);
    if (trim)
        EG_TRY(eg_read_bool(&from_config, files->config, "trim_offsets", &trim, err));
    int64_t cls_id = eg_tokenizer_id(in->tokenizer, cls->text, cls->length);
    int64_t sep_id = eg_tokenizer_id(in->tokenizer, sep->text, sep->length);
    if (cls_id < 0 || sep_id < 0)
        return eg_fail_at(err, EG_E_INPUT, files->config_file, 0, 0, "cls_token and sep_token must be there");
    if (trim)
        EG_TRY(eg_trim_new(in, add_prefix_space, NULL, err));
    return eg_template_doubled(in, (int32_t)cls_id, (int32_t)sep_id, err);
}

eg_status
eg_tokenizer_load_merges(eg_tokenizer *tokenizer, const eg_json *vocab, const char *vocab_file,
                         const eg_merges_file *merges, const eg_tokenizer_files *files, eg_bytes_style style,
                         eg_error *err)
{
    eg_loading in = {.file = vocab_file, .tokenizer = tokenizer, .arena = &tokenizer->arena};
    eg_loading from_config = {.file = files->config_file, .tokenizer = tokenizer, .arena = &tokenizer->arena};
    static const eg_bpe_options bytes = {0};
    eg_class_tokens tokens;
    bool add_prefix_space = false;
    EG_TRY(eg_read_bool(&from_config, files->config, "add_prefix_space", &add_prefix_space, err));
    EG_TRY(eg_class_tokens_find(&in, files, names, defaults[style], SPECIALS, &tokens, err));
    EG_TRY(eg_class_tokens_find_more(&in, files, &tokens, err));
    EG_TRY(eg_bpe_from_files(&in, vocab, merges, &bytes, err));
    in.entries = tokenizer->vocab.count;
    EG_TRY(eg_added_tokens_reserve(&in, err));
    EG_TRY(eg_class_tokens_put(&in, &tokens, err));
    EG_TRY(set_parts(&in, add_prefix_space, err));
    if (style == EG_BYTES_COMPOSED)
        tokenizer->normalizer.type = &eg_normalizer_nfc;
    EG_TRY(set_template(&in, &tokens, files, style, add_prefix_space, err));
    EG_TRY(eg_added_tokens_index(tokenizer, err));
    tokenizer->info.source = "vocab.json";
    tokenizer->info.model = tokenizer->model_type->name;
    return EG_OK;
}
