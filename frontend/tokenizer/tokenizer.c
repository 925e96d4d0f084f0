/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a folder, looking tokens up, decoding. */
#include "frontend/tokenizer.h"

#include <string.h>
#include <time.h>

#include "frontend/file.h"
#include "frontend/tokenizer/by_word.h"
#include "frontend/tokenizer/classes.h"
#include "frontend/tokenizer/clean_up.h"
#include "frontend/tokenizer/fused.h"
#include "frontend/tokenizer/parts.h"

/* One file of the folder while it is read. */
typedef struct reading {
    eg_file file;
    const eg_json *json; /* NULL: not there */
    const char *path;
} reading;

enum { TOKENIZER_JSON, VOCAB_TXT, CONFIG, SPECIALS_MAP, ADDED_TOKENS, VOCAB_JSON, MERGES, CODES, FILES };

static const char *const file_names[FILES] = {"tokenizer.json",
                                              "vocab.txt",
                                              "tokenizer_config.json",
                                              "special_tokens_map.json",
                                              "added_tokens.json",
                                              "vocab.json",
                                              "merges.txt",
                                              "bpe.codes"};

static eg_status
read_file(const char *dir, const char *name, bool as_json, eg_arena *arena, reading *out, eg_error *err)
{
    enum { DEEPEST = 128 };
    static const eg_json_limits limits = {.max_depth = DEEPEST, .rounds_twice = true};
    out->path = eg_path_join(arena, dir, name);
    if (!out->path)
        return eg_fail_nomem(err, "a path");
    if (!eg_file_exists(out->path))
        return EG_OK;
    EG_TRY(eg_file_map(out->path, 0, &out->file, err));
    if (!as_json)
        return EG_OK;
    EG_TRY(eg_json_parse(out->file.data, out->file.size, out->path, &limits, arena, &out->json, err));
    return out->json->type == EG_JSON_OBJECT ? EG_OK : eg_json_wrong_type(out->json, out->path, "an object", err);
}

static eg_status
read_class(eg_tokenizer *tokenizer, const reading *config, eg_error *err)
{
    const eg_json *name = eg_json_get(config->json, "tokenizer_class");
    if (!name || name->type == EG_JSON_NULL)
        return EG_OK;
    if (name->type != EG_JSON_STRING)
        return eg_json_wrong_type(name, config->path, "the name of a class", err);
    tokenizer->info.class_name = eg_arena_strndup(&tokenizer->arena, name->string, name->length);
    return tokenizer->info.class_name ? EG_OK : eg_fail_nomem(err, "a tokenizer");
}

static eg_status
unknown_class(const eg_tokenizer *tokenizer, const reading *config, const char *files, eg_error *err)
{
    const eg_json *name = eg_json_get(config->json, "tokenizer_class");
    if (!tokenizer->info.class_name)
        return eg_hint(
            err, eg_fail_at(err, EG_E_INPUT, config->path, 0, 0, "nothing tells the class by which %s is read", files),
            "tokenizer_class, or model_type in config.json");
    return eg_hint(err,
                   eg_fail_at(err, EG_E_INPUT, config->path, name ? name->line : 0, name ? name->column : 0,
                              "%s of the class '%.64s' is not supported", files, tokenizer->info.class_name),
                   "a tokenizer.json beside it would be read");
}

static eg_merges_file
text_file(const reading *in)
{
    return (eg_merges_file){in->file.size ? in->file.data : "", in->path, in->file.size};
}

static eg_status
load_vocab_txt(eg_tokenizer *tokenizer, const reading *files, const eg_tokenizer_files *json, eg_error *err)
{
    const reading *vocab = &files[VOCAB_TXT], *config = &files[CONFIG];
    const char *class = tokenizer->info.class_name;
    eg_merges_file lines = text_file(vocab), codes = text_file(&files[CODES]);
    if (eg_class_files_of(class) == EG_CLASS_CODES && !files[CODES].file.path)
        return eg_fail_at(err, EG_E_INPUT, codes.file, 0, 0, "the file is missing: the class '%.64s' reads it", class);
    if (eg_class_files_of(class) == EG_CLASS_CODES || (!class && files[CODES].file.path))
        return eg_tokenizer_load_codes(tokenizer, &lines, &codes, json, err);
    if (eg_class_files_of(class) == EG_CLASS_LETTERS)
        return eg_tokenizer_load_letters(tokenizer, &lines, json, err);
    bool doubled;
    if (!eg_class_is_bert(class, &doubled))
        return unknown_class(tokenizer, config, "vocab.txt", err);
    return eg_tokenizer_load_vocab_txt(tokenizer, lines.text, lines.length, lines.file, json, doubled, err);
}

static eg_status
load_merges(eg_tokenizer *tokenizer, const reading *files, const eg_tokenizer_files *json, eg_error *err)
{
    const reading *vocab = &files[VOCAB_JSON];
    eg_merges_file merges = text_file(&files[MERGES]);
    eg_class_files class = eg_class_files_of(tokenizer->info.class_name);
    eg_bytes_style style = eg_class_bytes(tokenizer->info.class_name);
    if (class == EG_CLASS_WORDS)
        return eg_tokenizer_load_words(tokenizer, vocab->json, vocab->path, &merges, json, err);
    if (class == EG_CLASS_LOWER_WORDS)
        return eg_tokenizer_load_lower_words(tokenizer, vocab->json, vocab->path, &merges, json, err);
    if (class == EG_CLASS_MOSES || class == EG_CLASS_MOSES_FRENCH)
        return eg_tokenizer_load_moses(tokenizer, vocab->json, vocab->path, &merges, json,
                                       class == EG_CLASS_MOSES_FRENCH, err);
    if (style == EG_BYTES_NONE)
        return unknown_class(tokenizer, &files[CONFIG], "vocab.json with merges.txt", err);
    return eg_tokenizer_load_merges(tokenizer, vocab->json, vocab->path, &merges, json, style, err);
}

static const char *
string_of(const eg_json *value)
{
    return value && value->type == EG_JSON_STRING ? value->string : NULL;
}

/* "XForY", "XModel": XTokenizer. NULL: none that is known. */
static const char *
class_of_architecture(const eg_json *list, eg_arena *scratch)
{
    const char *name = list && list->type == EG_JSON_ARRAY && list->count > 0 ? string_of(&list->items[0]) : NULL;
    const char *end = name ? strstr(name, "For") : NULL;
    end = name && !end ? strstr(name, "Model") : end;
    const char *class = end ? eg_arena_printf(scratch, "%.*sTokenizer", (int)(end - name), name) : NULL;
    return class && eg_class_is_known(class) ? class : NULL;
}

/* The class that config.json stands for, as transformers finds it: the one it names, else that of its model type. What
 * neither does its architecture may tell. */
static eg_status
class_of_model(eg_tokenizer *tokenizer, const char *dir, eg_arena *scratch, eg_error *err)
{
    reading config = {0};
    eg_status status = read_file(dir, "config.json", true, scratch, &config, err);
    const char *type = string_of(eg_json_get(config.json, "model_type"));
    const char *class = string_of(eg_json_get(config.json, "tokenizer_class"));
    if (!class && type)
        class = eg_class_of_model_type(type);
    if (!class)
        class = class_of_architecture(eg_json_get(config.json, "architectures"), scratch);
    if (class)
        tokenizer->info.class_name = eg_arena_strndup(&tokenizer->arena, class, strlen(class));
    eg_file_unmap(&config.file);
    if (status == EG_OK && class && !tokenizer->info.class_name)
        return eg_fail_nomem(err, "a tokenizer");
    return status;
}

/* *out_found: whether a SentencePiece model is there. */
static eg_status
load_sentencepiece(eg_tokenizer *tokenizer, const char *dir, const eg_tokenizer_files *json, eg_arena *scratch,
                   bool *out_found, eg_error *err)
{
    static const char *const file_of_any[] = {"sentencepiece.bpe.model", "spiece.model", "spm.model",
                                              "sentencepiece.model"};
    reading model = {0};
    eg_sp_style style = eg_class_sentencepiece(tokenizer->info.class_name);
    if (style != EG_SP_NONE)
        EG_TRY(read_file(dir, eg_sp_style_file(style), false, scratch, &model, err));
    for (size_t i = 0; i < sizeof file_of_any / sizeof *file_of_any && !model.file.path && style == EG_SP_NONE; i++)
        EG_TRY(read_file(dir, file_of_any[i], false, scratch, &model, err));
    *out_found = model.file.path != NULL;
    const char *class = tokenizer->info.class_name ? tokenizer->info.class_name : "";
    eg_status status = EG_OK;
    if (*out_found && style == EG_SP_NONE)
        status = eg_hint(err,
                         eg_fail_at(err, EG_E_INPUT, model.path, 0, 0,
                                    "the class '%.64s' does not tell how this model is read", class),
                         "tokenizer_class in tokenizer_config.json, or a tokenizer.json");
    else if (*out_found)
        status = eg_tokenizer_load_sentencepiece(tokenizer, style, model.file.size ? model.file.data : "",
                                                 model.file.size, model.path, json, err);
    eg_file_unmap(&model.file);
    return status;
}

static eg_status
load_without_json(eg_tokenizer *tokenizer, const char *dir, const reading *files, const eg_tokenizer_files *json,
                  eg_arena *scratch, eg_error *err)
{
    bool found;
    if (files[VOCAB_TXT].file.path)
        return load_vocab_txt(tokenizer, files, json, err);
    if (files[VOCAB_JSON].json && files[MERGES].file.path)
        return load_merges(tokenizer, files, json, err);
    EG_TRY(load_sentencepiece(tokenizer, dir, json, scratch, &found, err));
    return found ? EG_OK
                 : eg_fail_at(err, EG_E_INPUT, dir, 0, 0,
                              "has no tokenizer: neither tokenizer.json nor vocab.txt nor vocab.json with merges.txt "
                              "nor a SentencePiece model is there");
}

/* What the tokenizer was made of. Of what lies beside a tokenizer.json, or a SentencePiece model, not all counts. */
static void
note_files(eg_tokenizer *tokenizer, const reading *files)
{
    eg_tokenizer_info *info = &tokenizer->info;
    bool listed = false;
    for (int i = 0; i < FILES; i++)
        listed |= strcmp(file_names[i], info->source) == 0;
    if (!listed)
        info->files[info->file_count++] = info->source;
    for (int i = 0; i < FILES; i++) {
        bool vocabulary = i == VOCAB_TXT || i >= VOCAB_JSON, from_json = files[TOKENIZER_JSON].json != NULL;
        bool counts = !(vocabulary && (from_json || !listed)) && !(from_json && i == ADDED_TOKENS);
        if (files[i].file.path && counts)
            info->files[info->file_count++] = file_names[i];
    }
}

static eg_status
load(eg_tokenizer *tokenizer, const char *dir, reading *files, eg_arena *scratch, eg_error *err)
{
    for (int i = 0; i < FILES; i++) {
        bool needed = i < VOCAB_JSON || i == CODES || (!files[TOKENIZER_JSON].json && !files[VOCAB_TXT].file.path);
        bool as_json = i != VOCAB_TXT && i != MERGES && i != CODES;
        if (needed)
            EG_TRY(read_file(dir, file_names[i], as_json, scratch, &files[i], err));
    }
    eg_tokenizer_files json = {
        .config = files[CONFIG].json,
        .specials_map = files[SPECIALS_MAP].json,
        .added_tokens = files[ADDED_TOKENS].json,
        .config_file = files[CONFIG].path,
        .specials_map_file = files[SPECIALS_MAP].path,
        .added_tokens_file = files[ADDED_TOKENS].path,
    };
    EG_TRY(read_class(tokenizer, &files[CONFIG], err));
    if (!tokenizer->info.class_name)
        EG_TRY(class_of_model(tokenizer, dir, scratch, err));
    if (files[TOKENIZER_JSON].json)
        EG_TRY(eg_tokenizer_load_json(tokenizer, files[TOKENIZER_JSON].json, files[TOKENIZER_JSON].path, err));
    else
        EG_TRY(load_without_json(tokenizer, dir, files, &json, scratch, err));
    note_files(tokenizer, files);
    return eg_tokenizer_configure(tokenizer, &json, err);
}

/* What is made once everything is read. */
static void
get_ready(eg_tokenizer *tokenizer)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    tokenizer->opened = (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
    eg_fused_new(tokenizer);
    eg_by_word_new(tokenizer);
}

eg_status
eg_tokenizer_open(const char *dir, eg_tokenizer **out, eg_error *err)
{
    reading files[FILES] = {0};
    eg_arena scratch = {0};
    *out = NULL;
    eg_tokenizer *tokenizer = eg_calloc(1, sizeof *tokenizer);
    if (!tokenizer)
        return eg_fail_nomem(err, "a tokenizer");
    eg_status status = load(tokenizer, dir, files, &scratch, err);
    for (int i = 0; i < FILES; i++)
        eg_file_unmap(&files[i].file);
    eg_arena_finish(&scratch);
    if (status == EG_OK) {
        get_ready(tokenizer);
        *out = tokenizer;
    } else {
        eg_tokenizer_close(tokenizer);
    }
    return status;
}

static eg_status
load_text(eg_tokenizer *tokenizer, const char *text, size_t n, const char *file, eg_arena *scratch, eg_error *err)
{
    const eg_json *root;
    const eg_tokenizer_files none = {.config_file = file, .specials_map_file = file, .added_tokens_file = file};
    const eg_json_limits limits = {.rounds_twice = true};
    EG_TRY(eg_json_parse(text, n, file, &limits, scratch, &root, err));
    EG_TRY(eg_tokenizer_load_json(tokenizer, root, file, err));
    return eg_tokenizer_configure(tokenizer, &none, err);
}

eg_status
eg_tokenizer_open_json(const char *text, size_t n, const char *file, eg_tokenizer **out, eg_error *err)
{
    eg_arena scratch = {0};
    *out = NULL;
    eg_tokenizer *tokenizer = eg_calloc(1, sizeof *tokenizer);
    if (!tokenizer)
        return eg_fail_nomem(err, "a tokenizer");
    eg_status status = load_text(tokenizer, text, n, file, &scratch, err);
    eg_arena_finish(&scratch);
    if (status == EG_OK) {
        get_ready(tokenizer);
        *out = tokenizer;
    } else {
        eg_tokenizer_close(tokenizer);
    }
    return status;
}

void
eg_tokenizer_close(eg_tokenizer *tokenizer)
{
    if (!tokenizer)
        return;
    eg_map_finish(&tokenizer->added.by_content);
    eg_arena_finish(&tokenizer->arena);
    eg_free(tokenizer);
}

void
eg_tokenizer_describe(const eg_tokenizer *tokenizer, eg_tokenizer_info *out)
{
    *out = tokenizer->info;
}

const char *
eg_tokenizer_token(const eg_tokenizer *tokenizer, int64_t id, size_t *out_length)
{
    const eg_vocab *vocab = &tokenizer->vocab;
    const eg_added_token *added = eg_added_tokens_by_id(tokenizer, id);
    if (added && added->shown) {
        if (out_length)
            *out_length = added->shown_length;
        return added->shown;
    }
    if (id < 0 || (uint64_t)id >= vocab->ids || vocab->lengths[id] == EG_NO_TOKEN)
        return NULL;
    if (out_length)
        *out_length = vocab->lengths[id];
    return vocab->bytes + vocab->begins[id];
}

int64_t
eg_tokenizer_id(const eg_tokenizer *tokenizer, const char *token, size_t length)
{
    uint64_t added;
    if (eg_map_get(&tokenizer->added.by_content, token, length, &added))
        return tokenizer->added.tokens[added].id;
    return eg_vocab_id(&tokenizer->vocab, token, length);
}

/* The tokens' own texts. */
static void
gather(const eg_tokenizer *tokenizer, const int64_t *ids, size_t count, bool skip_special, eg_decoding *out)
{
    for (size_t i = 0; i < count; i++) {
        size_t length;
        const char *token = eg_tokenizer_token(tokenizer, ids[i], &length);
        if (!token && tokenizer->in_python)
            token = eg_tokenizer_token(tokenizer, tokenizer->info.unk_id, &length);
        bool may_skip = skip_special && (!tokenizer->in_python || eg_added_tokens_by_id(tokenizer, ids[i]));
        if (token && !(may_skip && eg_added_token_is_special(tokenizer, token, length)))
            eg_decoding_put(out, token, length);
    }
}

/* Runs the decoder; without one there is a blank between tokens. The tokens' texts are used up. */
static eg_status
put_together(const eg_tokenizer *tokenizer, eg_decoding *tokens, eg_strbuf *out, eg_error *err)
{
    const eg_part *decoder = &tokenizer->decoder;
    if (decoder->type && !tokens->text.failed)
        eg_decoding_run(decoder, tokens);
    for (size_t i = 0; i < tokens->ends.count && !tokens->text.failed; i++) {
        size_t length;
        const char *text = eg_decoding_token(tokens, i, &length);
        if (i > 0 && !decoder->type)
            eg_strbuf_putc(out, ' ');
        eg_strbuf_append(out, text, length);
    }
    bool failed = tokens->text.failed || out->failed;
    eg_decoding_finish(tokens);
    return failed ? eg_fail_nomem(err, "decoded text") : EG_OK;
}

eg_status
eg_tokenizer_decode(const eg_tokenizer *tokenizer, const int64_t *ids, size_t count, bool skip_special, eg_strbuf *out,
                    eg_error *err)
{
    eg_decoding tokens = {0};
    size_t begin = out->length;
    gather(tokenizer, ids, count, skip_special, &tokens);
    EG_TRY(put_together(tokenizer, &tokens, out, err));
    if (tokenizer->clean_up)
        eg_clean_up(out, begin, false);
    return EG_OK;
}

eg_status
eg_tokenizer_join(const eg_tokenizer *tokenizer, const eg_token_text *tokens, size_t count, eg_strbuf *out,
                  eg_error *err)
{
    eg_decoding texts = {0};
    for (size_t i = 0; i < count; i++)
        eg_decoding_put(&texts, tokens[i].data, tokens[i].length);
    return put_together(tokenizer, &texts, out, err);
}
