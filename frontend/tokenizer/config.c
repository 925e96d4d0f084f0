/* SPDX-License-Identifier: Apache-2.0 */
/* tokenizer_config.json: limits, sides, names of special tokens; and what the tokenizer classes stand for. */
#include <ctype.h>
#include <string.h>

#include "frontend/tokenizer/classes.h"

/* How the files of a class are read without tokenizer.json, and whether its models are fed type ids. */
enum {
    OTHER,
    BERT,
    BERT_DOUBLED, /* with the tokens of RobertaProcessing around a text */
    WORDS,
    LOWER_WORDS,
    MOSES,
    MOSES_FRENCH,
    CODES,
    LETTERS,
    BYTES,             /* and what follows, + eg_bytes_style */
    SENTENCEPIECE = 32 /* and what follows, + eg_sp_style */
};
/* The last rows are no classes but model types that have another's; their names are made as classes' names are. */
static const struct {
    const char *name; /* without "Fast" */
    int files;
    bool type_ids;
} classes[] = {
    {"AlbertTokenizer", SENTENCEPIECE + EG_SP_QUOTES, false},
    {"BertTokenizer", BERT, true},
    {"BertJapaneseTokenizer", OTHER, true},
    {"BigBirdTokenizer", SENTENCEPIECE + EG_SP_BLANKS, false},
    {"CamembertTokenizer", SENTENCEPIECE + EG_SP_FAIRSEQ_UNUSED, false},
    {"CanineTokenizer", OTHER, true},
    {"ConvBertTokenizer", BERT, true},
    {"DPRContextEncoderTokenizer", BERT, true},
    {"DPRQuestionEncoderTokenizer", BERT, true},
    {"DPRReaderTokenizer", BERT, false},
    {"DebertaTokenizer", BYTES + EG_BYTES_DOUBLED, true},
    {"DebertaV2Tokenizer", SENTENCEPIECE + EG_SP_SPACE_RUNS, true},
    {"DistilBertTokenizer", BERT, false},
    {"ElectraTokenizer", BERT, true},
    {"EsmTokenizer", LETTERS, false},
    {"FlaubertTokenizer", MOSES_FRENCH, false},
    {"GPT2Tokenizer", BYTES + EG_BYTES_PLAIN, false},
    {"GPTNeoXTokenizer", BYTES + EG_BYTES_COMPOSED, false},
    {"HerbertTokenizer", WORDS, false},
    {"FNetTokenizer", OTHER, true},
    {"LayoutLMTokenizer", BERT, true},
    {"LayoutLMv2Tokenizer", OTHER, true},
    {"LongformerTokenizer", BYTES + EG_BYTES_DOUBLED_TRIMMED, false},
    {"MarkupLMTokenizer", OTHER, true},
    {"MobileBertTokenizer", BERT, true},
    {"MPNetTokenizer", BERT_DOUBLED, false},
    {"OpenAIGPTTokenizer", LOWER_WORDS, false},
    {"PhobertTokenizer", CODES, false},
    {"RealmTokenizer", BERT, true},
    {"RemBertTokenizer", SENTENCEPIECE + EG_SP_QUOTES_BLANKS, false},
    {"RetriBertTokenizer", BERT, true},
    {"RobertaTokenizer", BYTES + EG_BYTES_DOUBLED_TRIMMED, false},
    {"RoFormerTokenizer", OTHER, true},
    {"SqueezeBertTokenizer", BERT, true},
    {"TapasTokenizer", OTHER, true},
    {"XLMTokenizer", MOSES, false},
    {"XLMRobertaTokenizer", SENTENCEPIECE + EG_SP_FAIRSEQ, false},
    {"Data2VecTextTokenizer", BYTES + EG_BYTES_DOUBLED_TRIMMED, false},
    {"ErnieTokenizer", BERT, true},
    {"GteTokenizer", SENTENCEPIECE + EG_SP_FAIRSEQ, false},
    {"JinaEmbeddingsV3Tokenizer", SENTENCEPIECE + EG_SP_FAIRSEQ, false},
    {"MegatronBertTokenizer", BERT, true},
    {"NomicBertTokenizer", BERT, true},
    {"RobertaPreLayerNormTokenizer", BYTES + EG_BYTES_DOUBLED_TRIMMED, false},
    {"XmodTokenizer", SENTENCEPIECE + EG_SP_FAIRSEQ, false},
};

/* The row of a class, or -1. */
static int
find_class(const char *name)
{
    size_t length = strlen(name);
    if (length > 4 && strcmp(name + length - 4, "Fast") == 0)
        length -= 4;
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (strlen(classes[i].name) == length && strncmp(classes[i].name, name, length) == 0)
            return (int)i;
    return -1;
}

bool
eg_class_is_bert(const char *class_name, bool *out_doubled)
{
    int row = class_name ? find_class(class_name) : -1;
    *out_doubled = row >= 0 && classes[row].files == BERT_DOUBLED;
    return !class_name || *out_doubled || (row >= 0 && classes[row].files == BERT);
}

bool
eg_class_is_known(const char *class_name)
{
    return find_class(class_name) >= 0;
}

/* Whether the class's name begins with the model type's, but for case and what stands between words. */
static const char *
rest_of_class(const char *class_name, const char *model_type)
{
    for (; *model_type != '\0'; model_type++) {
        if (*model_type == '-' || *model_type == '_')
            continue;
        if (tolower((unsigned char)*class_name++) != tolower((unsigned char)*model_type))
            return NULL;
    }
    return class_name;
}

const char *
eg_class_of_model_type(const char *model_type)
{
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        const char *rest = rest_of_class(classes[i].name, model_type);
        if (rest && strcmp(rest, "Tokenizer") == 0)
            return classes[i].name;
    }
    return NULL;
}

eg_bytes_style
eg_class_bytes(const char *class_name)
{
    int row = class_name ? find_class(class_name) : -1;
    bool is_bytes = row >= 0 && classes[row].files > BYTES && classes[row].files < SENTENCEPIECE;
    return is_bytes ? (eg_bytes_style)(classes[row].files - BYTES) : EG_BYTES_NONE;
}

eg_class_files
eg_class_files_of(const char *class_name)
{
    static const eg_class_files files[] = {[WORDS] = EG_CLASS_WORDS, [LOWER_WORDS] = EG_CLASS_LOWER_WORDS,
                                           [MOSES] = EG_CLASS_MOSES, [MOSES_FRENCH] = EG_CLASS_MOSES_FRENCH,
                                           [CODES] = EG_CLASS_CODES, [LETTERS] = EG_CLASS_LETTERS};
    int row = class_name ? find_class(class_name) : -1;
    return row >= 0 && classes[row].files <= LETTERS ? files[classes[row].files] : EG_CLASS_OTHER;
}

eg_sp_style
eg_class_sentencepiece(const char *class_name)
{
    int row = class_name ? find_class(class_name) : -1;
    return row >= 0 && classes[row].files > SENTENCEPIECE ? (eg_sp_style)(classes[row].files - SENTENCEPIECE)
                                                          : EG_SP_NONE;
}

bool
eg_class_feeds_type_ids(const char *class_name, const char *model)
{
    if (!class_name)
        return strcmp(model, "WordPiece") == 0;
    int row = find_class(class_name);
    return row >= 0 && classes[row].type_ids;
}

/* A special token is written as a string, or as an object with its content. */
static eg_status
read_special(const eg_json *value, const char *file, const char **out, size_t *out_length, eg_error *err)
{
    if (value->type == EG_JSON_OBJECT) {
        eg_loading in = {.file = file};
        return eg_read_string(&in, value, "content", out, out_length, err);
    }
    if (value->type != EG_JSON_STRING)
        return eg_json_wrong_type(value, file, "a token: a string, or an object with content", err);
    *out = value->string;
    *out_length = value->length;
    return EG_OK;
}

/* As in transformers, special_tokens_map.json overrides unless the newer added_tokens_decoder is there. */
const eg_json *
eg_special_value(const eg_tokenizer_files *files, const char *key, const char **out_file)
{
    const eg_json *value = NULL;
    if (!eg_json_get(files->config, "added_tokens_decoder")) {
        value = eg_json_get(files->specials_map, key);
        *out_file = files->specials_map_file;
    }
    if (!value || value->type == EG_JSON_NULL) {
        value = eg_json_get(files->config, key);
        *out_file = files->config_file;
    }
    return value && value->type != EG_JSON_NULL ? value : NULL;
}

eg_status
eg_special_token(const eg_tokenizer_files *files, const char *key, const char *fallback, const char **out,
                 size_t *out_length, eg_error *err)
{
    const char *file;
    const eg_json *value = eg_special_value(files, key, &file);
    if (value)
        return read_special(value, file, out, out_length, err);
    *out = fallback;
    *out_length = strlen(fallback);
    return EG_OK;
}

/* The id of a special token; where no file names it, of the first of the usual two that is in the vocabulary. */
static eg_status
special_id(eg_tokenizer *tokenizer, const eg_tokenizer_files *files, const char *key, const char *usual,
           const char *other, int64_t *out, eg_error *err)
{
    const char *text;
    size_t length;
    EG_TRY(eg_special_token(files, key, usual, &text, &length, err));
    *out = eg_tokenizer_id(tokenizer, text, length);
    if (*out < 0 && text == usual)
        *out = eg_tokenizer_id(tokenizer, other, strlen(other));
    return EG_OK;
}

static eg_status
read_side(eg_loading *in, const eg_json *config, const char *key, bool *out_left, eg_error *err)
{
    const eg_json *side = eg_json_get(config, key);
    if (!side || side->type == EG_JSON_NULL)
        return EG_OK;
    bool left = side->type == EG_JSON_STRING && strcmp(side->string, "left") == 0;
    if (!left && (side->type != EG_JSON_STRING || strcmp(side->string, "right") != 0))
        return eg_json_wrong_type(side, in->file, "\"left\" or \"right\"", err);
    *out_left = left;
    return EG_OK;
}

/* model_max_length: 1e30 and whatever else no integer holds means none. */
static eg_status
read_limit(eg_loading *in, const eg_json *config, uint64_t *out, eg_error *err)
{
    const eg_json *limit = eg_json_get(config, "model_max_length");
    *out = 0;
    if (!limit || limit->type == EG_JSON_NULL || limit->type == EG_JSON_BIG)
        return EG_OK;
    if (limit->type == EG_JSON_REAL && limit->real >= (double)INT64_MAX)
        return EG_OK;
    if (limit->type != EG_JSON_INT)
        return eg_json_wrong_type(limit, in->file, "an integer", err);
    if (limit->integer < 1)
        return eg_fail_json(in, limit, err, "model_max_length is %lld", (long long)limit->integer);
    *out = (uint64_t)limit->integer;
    return EG_OK;
}

static eg_status
read_inputs(eg_loading *in, const eg_json *config, eg_tokenizer_info *info, eg_error *err)
{
    const eg_json *names = eg_json_get(config, "model_input_names");
    info->feeds_type_ids = eg_class_feeds_type_ids(info->class_name, info->model);
    if (!names || names->type == EG_JSON_NULL)
        return EG_OK;
    if (names->type != EG_JSON_ARRAY)
        return eg_json_wrong_type(names, in->file, "an array of names", err);
    info->feeds_type_ids = false;
    for (size_t i = 0; i < names->count; i++) {
        const eg_json *name = &names->items[i];
        if (name->type != EG_JSON_STRING)
            return eg_json_wrong_type(name, in->file, "a name", err);
        info->feeds_type_ids |= strcmp(name->string, "token_type_ids") == 0;
    }
    return EG_OK;
}

static eg_status
find_specials(eg_tokenizer *tokenizer, const eg_tokenizer_files *files, eg_error *err)
{
    eg_tokenizer_info *info = &tokenizer->info;
    EG_TRY(special_id(tokenizer, files, "pad_token", "[PAD]", "<pad>", &info->pad_id, err));
    EG_TRY(special_id(tokenizer, files, "unk_token", "[UNK]", "<unk>", &info->unk_id, err));
    EG_TRY(special_id(tokenizer, files, "mask_token", "[MASK]", "<mask>", &info->mask_id, err));
    EG_TRY(special_id(tokenizer, files, "cls_token", "[CLS]", "<s>", &info->cls_id, err));
    EG_TRY(special_id(tokenizer, files, "sep_token", "[SEP]", "</s>", &info->sep_id, err));
    return EG_OK;
}

eg_status
eg_tokenizer_configure(eg_tokenizer *tokenizer, const eg_tokenizer_files *files, eg_error *err)
{
    eg_loading in = {.file = files->config_file, .tokenizer = tokenizer, .arena = &tokenizer->arena};
    eg_tokenizer_info *info = &tokenizer->info;
    EG_TRY(read_inputs(&in, files->config, info, err));
    EG_TRY(read_limit(&in, files->config, &info->model_max_length, err));
    EG_TRY(read_side(&in, files->config, "padding_side", &info->pad_left, err));
    EG_TRY(read_side(&in, files->config, "truncation_side", &info->truncate_left, err));
    EG_TRY(eg_read_bool(&in, files->config, "clean_up_tokenization_spaces", &tokenizer->clean_up, err));
    if (strcmp(info->model, "BPE") == 0 && !tokenizer->in_python) /* transformers leaves this repair out for it */
        tokenizer->clean_up = false;
    if (!tokenizer->in_python)
        EG_TRY(find_specials(tokenizer, files, err));
    info->specials_single = tokenizer->single.specials;
    info->specials_pair = tokenizer->pair.specials;
    info->vocab_size = (uint32_t)tokenizer->vocab.count;
    return EG_OK;
}
