/* SPDX-License-Identifier: Apache-2.0 */
/* Where there is no tokenizer.json: the special and added tokens that the other JSON files name. */
#include <stdlib.h>
#include <string.h>

#include "frontend/tokenizer/parts.h"

static eg_status
read_decoder_entry(eg_loading *in, const eg_json *entry, eg_added_token *out, eg_error *err)
{
    char *end;
    long id = strtol(entry->key, &end, 10);
    *out = (eg_added_token){0};
    if (entry->key_length == 0 || *end != '\0' || id < 0 || id > INT32_MAX)
        return eg_fail_at(err, EG_E_INPUT, in->file, entry->key_line, entry->key_column, "'%.64s' is no id",
                          entry->key);
    EG_TRY(eg_added_token_read(in, entry, out, err));
    out->id = (int32_t)id;
    return EG_OK;
}

/* added_tokens.json, of older files: {"token": id}. Special are those that the other files name so. */
static eg_status
read_legacy_entry(eg_loading *in, const eg_json *entry, const eg_class_tokens *tokens, eg_added_token *out,
                  eg_error *err)
{
    if (entry->type != EG_JSON_INT || entry->integer < 0 || entry->integer > INT32_MAX)
        return eg_json_wrong_type(entry, in->file, "an id, an integer from 0", err);
    *out = (eg_added_token){.content = entry->key, .length = entry->key_length, .id = (int32_t)entry->integer};
    for (size_t i = 0; i < tokens->count; i++)
        if (tokens->specials[i].length == out->length &&
            memcmp(tokens->specials[i].text, out->content, out->length) == 0)
            out->special = true;
    out->normalized = !out->special;
    return EG_OK;
}

typedef struct sorted_entry {
    eg_added_token token;
    const eg_json *spec;
} sorted_entry;

static int
by_id(const void *a, const void *b)
{
    const sorted_entry *first = a, *second = b;
    return (first->token.id > second->token.id) - (first->token.id < second->token.id);
}

/* The tokens that the files add, by id. */
static eg_status
put_entries(eg_loading *in, const eg_class_tokens *tokens, eg_error *err)
{
    const eg_json *entries = tokens->entries;
    sorted_entry *sorted = eg_arena_calloc(in->arena, entries->count + 1, sizeof *sorted);
    if (!sorted)
        return eg_fail_nomem(err, "added tokens");
    for (size_t i = 0; i < entries->count; i++) {
        sorted[i].spec = &entries->items[i];
        if (tokens->legacy)
            EG_TRY(read_legacy_entry(in, sorted[i].spec, tokens, &sorted[i].token, err));
        else
            EG_TRY(read_decoder_entry(in, sorted[i].spec, &sorted[i].token, err));
    }
    qsort(sorted, entries->count, sizeof *sorted, by_id);
    for (size_t i = 0; i < entries->count; i++)
        EG_TRY(eg_added_tokens_put(in, &sorted[i].token, sorted[i].spec, err));
    return EG_OK;
}

/* Where added tokens are listed: tokenizer_config.json, else added_tokens.json, else nowhere. */
static eg_status
find_entries(const eg_tokenizer_files *files, const eg_json **out, const char **out_file, bool *out_legacy,
             eg_error *err)
{
    static const eg_json none = {.type = EG_JSON_OBJECT};
    const eg_json *entries = eg_json_get(files->config, "added_tokens_decoder");
    *out_legacy = !entries && files->added_tokens;
    *out_file = *out_legacy ? files->added_tokens_file : files->config_file;
    *out = entries ? entries : files->added_tokens ? files->added_tokens : &none;
    return (*out)->type == EG_JSON_OBJECT ? EG_OK : eg_json_wrong_type(*out, *out_file, "an object", err);
}

/* A string, or an object with content and flags. */
static eg_status
read_token(const eg_json *value, const char *file, eg_class_token *out, eg_error *err)
{
    eg_added_token token = {0};
    eg_loading in = {.file = file};
    if (value->type == EG_JSON_STRING) {
        *out = (eg_class_token){.text = value->string, .length = value->length};
        return EG_OK;
    }
    if (value->type != EG_JSON_OBJECT)
        return eg_json_wrong_type(value, file, "a token: a string, or an object with content", err);
    EG_TRY(eg_added_token_read(&in, value, &token, err));
    *out = (eg_class_token){token.content,     token.length,    true, token.lstrip, token.rstrip,
                            token.single_word, token.normalized};
    return EG_OK;
}

eg_status
eg_class_tokens_find(eg_loading *in, const eg_tokenizer_files *files, const char *const *names,
                     const char *const *defaults, size_t count, eg_class_tokens *out, eg_error *err)
{
    *out = (eg_class_tokens){.count = count};
    EG_TRY(find_entries(files, &out->entries, &out->file, &out->legacy, err));
    for (size_t i = 0; i < count; i++) {
        const char *file;
        const eg_json *value = eg_special_value(files, names[i], &file);
        eg_class_token *special = &out->specials[i];
        if (value)
            EG_TRY(read_token(value, file, special, err));
        else
            *special = (eg_class_token){.text = defaults[i], .length = strlen(defaults[i])};
        in->extra_bytes += special->length;
    }
    for (size_t i = 0; i < out->entries->count; i++) {
        const eg_json *entry = &out->entries->items[i], *content = out->legacy ? NULL : eg_json_get(entry, "content");
        in->extra_bytes += entry->key_length;
        if (content && content->type == EG_JSON_STRING)
            in->extra_bytes += content->length;
    }
    in->extra_ids = out->entries->count + count;
    return EG_OK;
}

static eg_status
add_token(eg_loading *in, const eg_json *value, const char *file, eg_class_tokens *tokens, eg_error *err)
{
    if (tokens->count == EG_CLASS_TOKENS)
        return eg_hint(err, eg_fail_at(err, EG_E_INPUT, file, value->line, value->column, "too many special tokens"),
                       "%d at most", EG_CLASS_TOKENS);
    eg_class_token *token = &tokens->specials[tokens->count++];
    EG_TRY(read_token(value, file, token, err));
    in->extra_bytes += token->length;
    in->extra_ids++;
    return EG_OK;
}

/* The tokens of an array, or the values of an object. */
static eg_status
add_tokens(eg_loading *in, const eg_json *list, const char *file, eg_class_tokens *tokens, eg_error *err)
{
    if (list->type != EG_JSON_ARRAY && list->type != EG_JSON_OBJECT)
        return eg_json_wrong_type(list, file, "an array of tokens", err);
    for (size_t i = 0; i < list->count; i++)
        EG_TRY(add_token(in, &list->items[i], file, tokens, err));
    return EG_OK;
}

/* "image_token", but none of the names that each class has. */
static bool
names_token(const eg_json *member)
{
    static const char *const usual[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                        "pad_token", "cls_token", "mask_token"};
    static const char end[] = "_token";
    size_t length = sizeof end - 1;
    if (member->type != EG_JSON_STRING || member->key_length < length ||
        strcmp(member->key + member->key_length - length, end) != 0)
        return false;
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (strcmp(member->key, usual[i]) == 0)
            return false;
    return true;
}

eg_status
eg_class_tokens_find_more(eg_loading *in, const eg_tokenizer_files *files, eg_class_tokens *tokens, eg_error *err)
{
    const eg_json *config = files->config;
    const char *file;
    for (size_t i = 0; config && i < config->count; i++)
        if (names_token(&config->items[i]))
            EG_TRY(add_token(in, &config->items[i], files->config_file, tokens, err));
    const eg_json *list = eg_json_get(config, "extra_special_tokens");
    file = files->config_file;
    if (!list || list->count == 0)
        list = eg_json_get(config, "additional_special_tokens");
    if ((!list || list->count == 0) && !eg_json_get(config, "added_tokens_decoder")) {
        list = eg_json_get(files->specials_map, "additional_special_tokens");
        file = files->specials_map_file;
    }
    return list && list->type != EG_JSON_NULL ? add_tokens(in, list, file, tokens, err) : EG_OK;
}

eg_status
eg_class_tokens_put(eg_loading *in, const eg_class_tokens *tokens, eg_error *err)
{
    const char *file = in->file;
    in->file = tokens->file;
    EG_TRY(put_entries(in, tokens, err));
    in->file = file;
    for (size_t i = 0; i < tokens->count; i++) {
        const eg_class_token *special = &tokens->specials[i];
        eg_added_token token = {.content = special->text,
                                .length = special->length,
                                .id = -1,
                                .single_word = special->single_word,
                                .lstrip = special->lstrip,
                                .rstrip = special->rstrip,
                                .normalized = special->normalized,
                                .special = true};
        if (token.length > 0 && !eg_map_get(&in->tokenizer->added.by_content, token.content, token.length, NULL))
            EG_TRY(eg_added_tokens_put(in, &token, NULL, err));
    }
    return EG_OK;
}
