/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tokenizers that transformers builds of a SentencePiece model where there is no tokenizer.json. What the model says
 * about blanks is not asked for: the classes have their own pipelines, written here as tokenizer.json would write them.
 */
#include <string.h>

#include "frontend/tokenizer/parts.h"
#include "frontend/tokenizer/sentencepiece.h"

extern const eg_part_type eg_normalizer_sequence, eg_normalizer_precompiled;

enum { BOS, EOS, UNK, SEP, PAD, CLS, MASK, NAMED, TEXT = NAMED };
static const char *const names[NAMED] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                         "pad_token", "cls_token", "mask_token"};

/* An entry put in front of the model's pieces: a special token, or a text of its own. */
typedef struct head_entry {
    int named;
    const char *text;
    double score;
} head_entry;

typedef enum { AROUND_NOTHING, AROUND_ONE, AROUND_DOUBLED } around;

#define QUOTES                                                                                                         \
    "{\"type\":\"Replace\",\"pattern\":{\"String\":\"``\"},\"content\":\"\\\"\"},"                                     \
    "{\"type\":\"Replace\",\"pattern\":{\"String\":\"''\"},\"content\":\"\\\"\"},"
#define BLANKS(content) "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\" {2,}\"},\"content\":\"" content "\"},"
#define SPACE_RUNS                                                                                                     \
    "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"\\\\s{2,}|[\\\\n\\\\r\\\\t]\"},\"content\":\" \"},"                \
    "{\"type\":\"NFC\"},{\"type\":\"Strip\",\"strip_left\":false},"
#define NO_ACCENTS "{\"type\":\"NFKD\"},{\"type\":\"StripAccents\"},"
#define LOWER "{\"type\":\"Lowercase\"},"
#define WORDS "{\"type\":\"WhitespaceSplit\"},"
#define PUNCTUATION "{\"type\":\"Punctuation\",\"behavior\":\"Isolated\"},"
#define METASPACE "{\"type\":\"Metaspace\",\"replacement\":\"\xe2\x96\x81\",\"prepend_scheme\":\"%s\"}"

static const struct style {
    const char *file;
    const char *defaults[NAMED];
    head_entry head[6];
    size_t heads, skipped; /* of the model's pieces, the first are skipped for the head; the mask follows the last */
    int unknown;           /* its id; -1: where its piece is, with score 0, else `unknown_else` */
    int unknown_else;      /* -1: the model's unk_id */
    const char *before, *after; /* normalizers around the switches */
    bool knows_case, lower, knows_accents,
        keeps_accents; /* switches of tokenizer_config.json, and what holds without */
    bool has_charsmap, knows_punctuation, mask_strips, all_special;
    const char *words, *unprefixed; /* pre-tokenizers before Metaspace; its scheme without add_prefix_space */
    around around;
} styles[] = {
    [EG_SP_FAIRSEQ] = {.file = "sentencepiece.bpe.model",
                       .defaults = {"<s>", "</s>", "<unk>", "</s>", "<pad>", "<s>", "<mask>"},
                       .head = {{.named = BOS}, {.named = PAD}, {.named = EOS}, {.named = UNK}},
                       .heads = 4,
                       .skipped = 3,
                       .unknown = 3,
                       .has_charsmap = true,
                       .words = WORDS,
                       .unprefixed = "never",
                       .around = AROUND_DOUBLED},
    [EG_SP_FAIRSEQ_UNUSED] = {.file = "sentencepiece.bpe.model",
                              .defaults = {"<s>", "</s>", "<unk>", "</s>", "<pad>", "<s>", "<mask>"},
                              .head = {{.named = TEXT, .text = "<s>NOTUSED"},
                                       {.named = PAD},
                                       {.named = TEXT, .text = "</s>NOTUSED"},
                                       {.named = UNK},
                                       {.named = TEXT, .text = "<unk>NOTUSED", .score = -100}},
                              .heads = 5,
                              .skipped = 1,
                              .unknown = 3,
                              .has_charsmap = true,
                              .mask_strips = true,
                              .words = WORDS,
                              .unprefixed = "never",
                              .around = AROUND_DOUBLED},
    [EG_SP_QUOTES] = {.file = "spiece.model",
                      .defaults = {"[CLS]", "[SEP]", "<unk>", "[SEP]", "<pad>", "[CLS]", "[MASK]"},
                      .unknown = 1,
                      .before = QUOTES,
                      .knows_case = true,
                      .lower = true,
                      .knows_accents = true,
                      .has_charsmap = true,
                      .words = WORDS,
                      .unprefixed = "never",
                      .around = AROUND_ONE},
    [EG_SP_QUOTES_BLANKS] = {.file = "sentencepiece.model",
                             .defaults = {"[CLS]", "[SEP]", "<unk>", "[SEP]", "<pad>", "[CLS]", "[MASK]"},
                             .unknown = 2,
                             .before = QUOTES BLANKS(" "),
                             .knows_case = true,
                             .knows_accents = true,
                             .keeps_accents = true,
                             .has_charsmap = true,
                             .all_special = true,
                             .unprefixed = "never",
                             .around = AROUND_NOTHING}, /* what the class declares, transformers 5 takes back */
    [EG_SP_BLANKS] = {.file = "spiece.model",
                      .defaults = {"<s>", "</s>", "<unk>", "[SEP]", "<pad>", "[CLS]", "[MASK]"},
                      .unknown = -1,
                      .unknown_else = 100,
                      .after = BLANKS("\xe2\x96\x81"),
                      .mask_strips = true,
                      .unprefixed = "never",
                      .around = AROUND_ONE},
    [EG_SP_SPACE_RUNS] = {.file = "spm.model",
                          .defaults = {"[CLS]", "[SEP]", "[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"},
                          .unknown = -1,
                          .unknown_else = -1,
                          .knows_case = true,
                          .after = SPACE_RUNS,
                          .knows_punctuation = true,
                          .unprefixed = "first",
                          .around = AROUND_ONE},
};

typedef struct building {
    eg_loading in;          /* of the model file */
    eg_loading from_config; /* of tokenizer_config.json */
    const struct style *style;
    const eg_sp_model *model;
    const eg_tokenizer_files *files;
    eg_added_token named[NAMED];
    const eg_json *extras; /* special tokens that the files list; NULL: the model's control and user-defined pieces */
    const char *extras_file;
    eg_class_tokens entries;
    eg_arena scratch;
} building;

const char *
eg_sp_style_file(eg_sp_style style)
{
    return styles[style].file;
}

/* ---- Tokens with names ---- */

static eg_status
read_named(building *b, int which, eg_error *err)
{
    eg_added_token *out = &b->named[which];
    const char *key = names[which], *file = b->files->config_file;
    const eg_json *value = eg_json_get(b->files->config, key);
    if (!value || value->type == EG_JSON_NULL) {
        value = eg_json_get(b->files->specials_map, key);
        file = b->files->specials_map_file;
    }
    *out = (eg_added_token){.lstrip = which == MASK && b->style->mask_strips};
    if (value && value->type == EG_JSON_OBJECT) {
        eg_loading in = {.file = file};
        EG_TRY(eg_added_token_read(&in, value, out, err));
    } else {
        EG_TRY(eg_special_token(b->files, key, b->style->defaults[which], &out->content, &out->length, err));
    }
    out->id = -1;
    out->special = true;
    return EG_OK;
}

static const eg_json *
find_extras(building *b)
{
    static const char *const keys[] = {"extra_special_tokens", "additional_special_tokens"};
    for (size_t i = 0; i < 2; i++) {
        const eg_json *list = eg_json_get(b->files->config, keys[i]);
        b->extras_file = b->files->config_file;
        if (list && list->type != EG_JSON_NULL)
            return list;
    }
    b->extras_file = b->files->specials_map_file;
    const eg_json *list = eg_json_get(b->files->specials_map, keys[1]);
    return list && list->type != EG_JSON_NULL ? list : NULL;
}

static bool
is_added(const eg_sp_piece *piece)
{
    return piece->kind == EG_SP_CONTROL || piece->kind == EG_SP_USER_DEFINED;
}

/* Finds the tokens that will be added, and sets the room that the vocabulary must leave for them. */
static eg_status
find_tokens(building *b, eg_error *err)
{
    EG_TRY(eg_class_tokens_find(&b->in, b->files, NULL, NULL, 0, &b->entries, err));
    for (int i = 0; i < NAMED; i++) {
        EG_TRY(read_named(b, i, err));
        b->in.extra_bytes += b->named[i].length;
    }
    b->in.extra_ids += NAMED;
    b->extras = find_extras(b);
    if (b->extras && b->extras->type != EG_JSON_ARRAY && b->extras->type != EG_JSON_OBJECT)
        return eg_json_wrong_type(b->extras, b->extras_file, "an array of tokens", err);
    for (size_t i = 0; b->extras && i < b->extras->count; i++) {
        const eg_json *token = &b->extras->items[i];
        const eg_json *content = token->type == EG_JSON_OBJECT ? eg_json_get(token, "content") : token;
        if (content && content->type == EG_JSON_STRING)
            b->in.extra_bytes += content->length;
        b->in.extra_ids++;
    }
    for (size_t i = 0; !b->extras && i < b->model->pieces.count; i++) {
        const eg_sp_piece *piece = &b->model->pieces.items[i];
        b->in.extra_ids += is_added(piece);
        b->in.extra_bytes += is_added(piece) ? piece->length : 0;
    }
    return EG_OK;
}

/* ---- The model ---- */

/* The head, the pieces that are not skipped for it, and with a head the mask. */
static eg_status
make_entries(building *b, struct eg_unigram **out, eg_error *err)
{
    const struct style *style = b->style;
    const eg_added_token *mask = &b->named[MASK];
    const eg_sp_piece *pieces = b->model->pieces.items;
    size_t bytes = mask->length;
    for (size_t i = 0; i < style->heads; i++)
        bytes += style->head[i].named < NAMED ? b->named[style->head[i].named].length : strlen(style->head[i].text);
    for (size_t i = style->skipped; i < b->model->pieces.count; i++)
        bytes += pieces[i].length; /* all of them are in one file */
    if (bytes + b->in.extra_bytes >= EG_NO_TOKEN / 2 || b->model->pieces.count > INT32_MAX / 16)
        return eg_fail_at(err, EG_E_INPUT, b->in.file, 0, 0, "a vocabulary of %zu entries with %zu bytes, too many",
                          b->model->pieces.count, bytes);
    EG_TRY(eg_unigram_new(&b->in, b->model->pieces.count + style->heads + 1, bytes, out, err));
    for (size_t i = 0; i < style->heads; i++) {
        const head_entry *head = &style->head[i];
        const eg_added_token *named = head->named < NAMED ? &b->named[head->named] : NULL;
        eg_unigram_put(&b->in, *out, named ? named->content : head->text, named ? named->length : strlen(head->text),
                       head->score);
    }
    for (size_t i = style->skipped; i < b->model->pieces.count; i++)
        eg_unigram_put(&b->in, *out, pieces[i].text, pieces[i].length, (double)pieces[i].score);
    if (style->heads > 0)
        eg_unigram_put(&b->in, *out, mask->content, mask->length, 0);
    return EG_OK;
}

static int64_t
unknown_id(const building *b)
{
    const eg_added_token *unknown = &b->named[UNK];
    if (b->style->unknown >= 0)
        return b->style->unknown;
    for (size_t i = 0; i < b->model->pieces.count;
         i++) { /* such a style has no head: the ids are the pieces' numbers */
        const eg_sp_piece *piece = &b->model->pieces.items[i];
        if (piece->score == 0 && piece->length == unknown->length &&
            memcmp(piece->text, unknown->content, piece->length) == 0)
            return (int64_t)i;
    }
    return b->style->unknown_else >= 0 ? b->style->unknown_else : (int64_t)b->model->unknown;
}

static eg_status
load_model(building *b, eg_error *err)
{
    struct eg_unigram *model;
    int64_t unknown = unknown_id(b);
    EG_TRY(make_entries(b, &model, err));
    size_t entries = b->in.tokenizer->vocab.ids;
    if ((size_t)unknown >= entries)
        return eg_fail_at(err, EG_E_INPUT, b->in.file, 0, 0, "a vocabulary of %zu entries, and the unknown one is %lld",
                          entries, (long long)unknown);
    return eg_unigram_finish(&b->in, model, (int32_t)unknown, false, err);
}

/* ---- Added tokens ---- */

/* Adds a token unless it is one of the first `listed`. */
static eg_status
put_token(building *b, const eg_added_token *token, size_t listed, const eg_json *spec, eg_error *err)
{
    uint64_t at;
    if (eg_map_get(&b->in.tokenizer->added.by_content, token->content, token->length, &at) && at < listed)
        return EG_OK;
    return eg_added_tokens_put(&b->in, token, spec, err);
}

static eg_status
put_extra(building *b, const eg_json *value, size_t listed, eg_error *err)
{
    eg_added_token token = {.special = true};
    eg_loading in = {.file = b->extras_file};
    if (value->type == EG_JSON_OBJECT) {
        EG_TRY(eg_added_token_read(&in, value, &token, err));
    } else if (value->type == EG_JSON_STRING) {
        token.content = value->string;
        token.length = value->length;
    } else {
        return eg_json_wrong_type(value, b->extras_file, "a token: a string, or an object with content", err);
    }
    token.id = -1;
    token.special |= b->style->all_special;
    return put_token(b, &token, listed, value, err);
}

static eg_status
put_pieces(building *b, size_t listed, eg_error *err)
{
    for (size_t i = 0; i < b->model->pieces.count; i++) {
        const eg_sp_piece *piece = &b->model->pieces.items[i];
        if (!is_added(piece))
            continue;
        eg_added_token token = {.content = eg_arena_strndup(&b->scratch, piece->text, piece->length),
                                .length = piece->length,
                                .id = -1,
                                .special = piece->kind == EG_SP_CONTROL || b->style->all_special};
        if (!token.content)
            return eg_fail_nomem(err, "added tokens");
        EG_TRY(put_token(b, &token, listed, NULL, err));
    }
    return EG_OK;
}

static eg_status
put_tokens(building *b, eg_error *err)
{
    b->in.entries = b->in.tokenizer->vocab.count;
    EG_TRY(eg_added_tokens_reserve(&b->in, err));
    EG_TRY(eg_class_tokens_put(&b->in, &b->entries, err));
    size_t listed = b->in.tokenizer->added.count;
    for (int i = 0; i < NAMED; i++)
        EG_TRY(put_token(b, &b->named[i], listed, NULL, err));
    if (!b->extras)
        return put_pieces(b, listed, err);
    for (size_t i = 0; i < b->extras->count; i++)
        EG_TRY(put_extra(b, &b->extras->items[i], listed, err));
    return EG_OK;
}

/* ---- The pipeline ---- */

/* The component that `text` writes, each of whose elements ends in a comma, between `open` and `close`. */
static eg_status
load_text(building *b, eg_part_kind kind, const char *open, const eg_strbuf *text, const char *close, eg_part *out,
          eg_error *err)
{
    int length = (int)(text->length > 0 && text->data[text->length - 1] == ',' ? text->length - 1 : text->length);
    const char *whole = eg_arena_printf(&b->scratch, "%s%.*s%s", open, length, text->length ? text->data : "", close);
    const eg_json *spec;
    if (!whole || text->failed)
        return eg_fail_nomem(err, "a tokenizer");
    EG_TRY(eg_json_parse(whole, strlen(whole), b->in.file, NULL, &b->scratch, &spec, err));
    return eg_part_load(&b->in, kind, spec, out, err);
}

/* The normalizer so far, then the charsmap. */
static eg_status
append_charsmap(building *b, eg_part *normalizer, eg_error *err)
{
    const eg_sp_model *model = b->model;
    eg_part_list *list = eg_arena_calloc(b->in.arena, 1, sizeof *list);
    eg_part *parts = eg_arena_calloc(b->in.arena, 2, sizeof *parts);
    if (!list || !parts)
        return eg_fail_nomem(err, "a normalizer");
    const void *state;
    EG_TRY(eg_precompiled_new(&b->in, model->charsmap, model->charsmap_length, NULL, &state, err));
    parts[0] = *normalizer;
    parts[1] = (eg_part){&eg_normalizer_precompiled, state};
    *list = (eg_part_list){parts, 2};
    *normalizer = parts[0].type ? (eg_part){&eg_normalizer_sequence, list} : parts[1];
    return EG_OK;
}

static eg_status
set_normalizer(building *b, eg_error *err)
{
    const struct style *style = b->style;
    bool lower = style->lower, keeps_accents = style->keeps_accents;
    eg_strbuf text = {0};
    EG_TRY(eg_read_bool(&b->from_config, b->files->config, "do_lower_case", &lower, err));
    EG_TRY(eg_read_bool(&b->from_config, b->files->config, "keep_accents", &keeps_accents, err));
    eg_strbuf_puts(&text, style->before ? style->before : "");
    eg_strbuf_puts(&text, style->knows_accents && !keeps_accents ? NO_ACCENTS : "");
    eg_strbuf_puts(&text, style->knows_case && lower ? LOWER : "");
    eg_strbuf_puts(&text, style->after ? style->after : "");
    eg_part *normalizer = &b->in.tokenizer->normalizer;
    eg_status status = EG_OK;
    if (text.length > 0 || text.failed)
        status =
            load_text(b, EG_PART_NORMALIZER, "{\"type\":\"Sequence\",\"normalizers\":[", &text, "]}", normalizer, err);
    eg_strbuf_finish(&text);
    EG_TRY(status);
    return style->has_charsmap && b->model->charsmap_length > 0 ? append_charsmap(b, normalizer, err) : EG_OK;
}

static eg_status
set_words(building *b, eg_error *err)
{
    bool prefix = true, punctuation = false;
    eg_strbuf metaspace = {0}, text = {0};
    EG_TRY(eg_read_bool(&b->from_config, b->files->config, "add_prefix_space", &prefix, err));
    EG_TRY(eg_read_bool(&b->from_config, b->files->config, "split_by_punct", &punctuation, err));
    eg_strbuf_printf(&metaspace, METASPACE, prefix ? "always" : b->style->unprefixed);
    eg_strbuf_puts(&text, b->style->words ? b->style->words : "");
    eg_strbuf_puts(&text, b->style->knows_punctuation && punctuation ? PUNCTUATION : "");
    bool alone = text.length == 0;
    eg_strbuf_append(&text, metaspace.data ? metaspace.data : "", metaspace.length);
    text.failed |= metaspace.failed;
    eg_tokenizer *tokenizer = b->in.tokenizer;
    eg_status status = load_text(b, EG_PART_DECODER, "", &metaspace, "", &tokenizer->decoder, err);
    if (status == EG_OK)
        status = load_text(b, EG_PART_PRETOKENIZER, alone ? "" : "{\"type\":\"Sequence\",\"pretokenizers\":[", &text,
                           alone ? "" : "]}", &tokenizer->pretokenizer, err);
    eg_strbuf_finish(&metaspace);
    eg_strbuf_finish(&text);
    return status;
}

static eg_status
set_template(building *b, eg_error *err)
{
    bool doubled = b->style->around == AROUND_DOUBLED;
    const eg_added_token *first = &b->named[doubled ? BOS : CLS], *last = &b->named[doubled ? EOS : SEP];
    int32_t begin = (int32_t)eg_tokenizer_id(b->in.tokenizer, first->content, first->length);
    int32_t end = (int32_t)eg_tokenizer_id(b->in.tokenizer, last->content, last->length);
    if (b->style->around == AROUND_NOTHING)
        return eg_template_none(&b->in, err);
    if (begin < 0 || end < 0)
        return eg_fail_at(err, EG_E_INPUT, b->in.file, 0, 0,
                          "the tokens around a text, '%.64s' and '%.64s', must be there", first->content,
                          last->content);
    EG_TRY(doubled ? eg_template_doubled(&b->in, begin, end, err) : eg_template_bert(&b->in, begin, end, err));
    b->in.tokenizer->pair.first_window_only = true; /* the class has a TemplateProcessing */
    return EG_OK;
}

static eg_status
build(building *b, eg_error *err)
{
    eg_tokenizer *tokenizer = b->in.tokenizer;
    if (b->model->type != EG_SP_UNIGRAM)
        return eg_hint(err,
                       eg_fail_at(err, EG_E_INPUT, b->in.file, 0, 0, "the model's type %d is not supported here",
                                  (int)b->model->type),
                       "type 1, unigram; a tokenizer.json beside it would be read");
    EG_TRY(find_tokens(b, err));
    EG_TRY(load_model(b, err));
    EG_TRY(put_tokens(b, err));
    EG_TRY(set_normalizer(b, err));
    EG_TRY(set_words(b, err));
    EG_TRY(set_template(b, err));
    EG_TRY(eg_added_tokens_index(tokenizer, err));
    eg_bert_fast_new(tokenizer);
    tokenizer->info.source = b->style->file;
    tokenizer->info.model = tokenizer->model_type->name;
    return EG_OK;
}

eg_status
eg_tokenizer_load_sentencepiece(eg_tokenizer *tokenizer, eg_sp_style style, const char *data, size_t length,
                                const char *file, const eg_tokenizer_files *files, eg_error *err)
{
    eg_sp_model model;
    building b = {.in = {.file = file, .tokenizer = tokenizer, .arena = &tokenizer->arena},
                  .from_config = {.file = files->config_file, .tokenizer = tokenizer, .arena = &tokenizer->arena},
                  .style = &styles[style],
                  .model = &model,
                  .files = files};
    eg_status status = eg_sp_model_read((const unsigned char *)data, length, file, &model, err);
    if (status == EG_OK)
        status = build(&b, err);
    eg_sp_model_finish(&model);
    eg_arena_finish(&b.scratch);
    return status;
}
