/* SPDX-License-Identifier: Apache-2.0 */
/* modules.json and the files that it names, in the spellings of old and new releases of sentence-transformers. */
#include "frontend/source/pipeline.h"

#include <inttypes.h>
#include <string.h>

#include "base/map.h"
#include "frontend/file.h"

enum { MAX_JSON = 16 << 20, MAX_WIDTH = 1 << 24 };

/* A JSON object of a folder; *out NULL if there is no such file. Text and tree are copied into the arena. */
static eg_status
read_json(const char *dir, const char *name, eg_arena *arena, const eg_json **out, const char **out_path, eg_error *err)
{
    *out = NULL;
    *out_path = eg_path_join(arena, dir, name);
    if (!*out_path)
        return eg_fail_nomem(err, "a path");
    if (!eg_file_exists(*out_path))
        return EG_OK;
    eg_file file;
    EG_TRY(eg_file_map(*out_path, MAX_JSON, &file, err));
    char *text = eg_arena_strndup(arena, file.data ? file.data : "", file.size);
    eg_status status =
        text ? eg_json_parse(text, file.size, *out_path, NULL, arena, out, err) : eg_fail_nomem(err, "a JSON file");
    eg_file_unmap(&file);
    return status;
}

static eg_status
read_object(const char *dir, const char *name, eg_arena *arena, const eg_json **out, const char **out_path,
            eg_error *err)
{
    EG_TRY(read_json(dir, name, arena, out, out_path, err));
    if (*out && (*out)->type != EG_JSON_OBJECT)
        return eg_fail_at(err, EG_E_INPUT, *out_path, (*out)->line, (*out)->column, "%s is %s; an object is expected",
                          name, eg_json_type_name(*out));
    return EG_OK;
}

/* A member of that type; NULL if absent or null. */
static eg_status
member(const eg_json *object, const char *key, eg_json_type type, const char *expected, const char *file,
       const eg_json **out, eg_error *err)
{
    const eg_json *value = eg_json_get(object, key);
    *out = value && value->type != EG_JSON_NULL ? value : NULL;
    return *out && value->type != type ? eg_json_wrong_type(value, file, expected, err) : EG_OK;
}

static eg_status
bool_member(const eg_json *object, const char *key, bool absent, const char *file, bool *out, eg_error *err)
{
    const eg_json *value;
    EG_TRY(member(object, key, EG_JSON_BOOL, "true or false", file, &value, err));
    *out = value ? value->boolean : absent;
    return EG_OK;
}

/* A size by its key; where it is not said, *out is {0}. */
static eg_status
size_member(const eg_json *object, const char *key, const char *file, eg_stage_size *out, eg_error *err)
{
    const eg_json *value;
    EG_TRY(member(object, key, EG_JSON_INT, "an integer", file, &value, err));
    *out = (eg_stage_size){0};
    if (!value)
        return EG_OK;
    if (value->integer < 1 || value->integer > MAX_WIDTH)
        return eg_fail_at(err, EG_E_INPUT, file, value->line, value->column, "%s is no size", key);
    *out = (eg_stage_size){value->integer, key, value->line, value->column};
    return EG_OK;
}

static eg_status
needed_size(const eg_json *object, const char *key, const char *file, eg_stage_size *out, eg_error *err)
{
    EG_TRY(size_member(object, key, file, out, err));
    return out->value ? EG_OK : eg_fail_at(err, EG_E_INPUT, file, 0, 0, "the key '%s' is missing", key);
}

/* The width that a module takes, by its name in old and new releases. */
static eg_status
width_member(const eg_json *config, const char *file, eg_stage_size *out, eg_error *err)
{
    EG_TRY(size_member(config, "embedding_dimension", file, out, err));
    return out->value ? EG_OK : size_member(config, "word_embedding_dimension", file, out, err);
}

/* One of the words, or the first where the key is not there. */
static eg_status
word_member(const eg_json *config, const char *key, const char *const words[2], const char *file, bool *second,
            eg_error *err)
{
    const eg_json *value;
    EG_TRY(member(config, key, EG_JSON_STRING, "a string", file, &value, err));
    *second = value && strcmp(value->string, words[1]) == 0;
    if (!value || *second || strcmp(value->string, words[0]) == 0)
        return EG_OK;
    return eg_fail_at(err, EG_E_INPUT, file, value->line, value->column, "%s is '%s'; %s or %s is expected", key,
                      value->string, words[0], words[1]);
}

static eg_status
check_keys(const eg_json *object, const char *file, const char *const *known, size_t count, eg_error *err)
{
    for (size_t i = 0; i < object->count; i++) {
        const eg_json *entry = &object->items[i];
        bool found = false;
        for (size_t k = 0; k < count && !found; k++)
            found = strcmp(known[k], entry->key) == 0;
        if (found)
            continue;
        eg_status status = eg_fail_at(err, EG_E_INPUT, file, entry->key_line, entry->key_column,
                                      "'%s' is a key that is not known here", entry->key);
        const char *near = eg_nearest(entry->key, known, count);
        return near ? eg_hint(err, status, "did you mean '%s'?", near) : status;
    }
    return EG_OK;
}

#define CHECK_KEYS(object, file, list, err) check_keys(object, file, list, sizeof(list) / sizeof *(list), err)

/* A module's config.json, which it cannot do without. */
static eg_status
read_module_config(eg_pipeline_stage *stage, const char *const *known, size_t count, eg_arena *arena,
                   const eg_json **out, eg_error *err)
{
    EG_TRY(read_object(stage->folder, "config.json", arena, out, &stage->file, err));
    if (!*out)
        return eg_fail_at(err, EG_E_INPUT, stage->file, 0, 0, "the file is missing; it says how the module computes");
    return check_keys(*out, stage->file, known, count, err);
}

#define MODULE_CONFIG(stage, list, arena, out, err)                                                                    \
    read_module_config(stage, list, sizeof(list) / sizeof *(list), arena, out, err)

/* --- Pooling ------------------------------------------------------------------------------------- */

static eg_status
add_mode(const eg_json *name, const char *file, eg_pooling *pooling, eg_error *err)
{
    if (name->type != EG_JSON_STRING)
        return eg_json_wrong_type(name, file, "a string", err);
    if (pooling->count == EG_POOL_COUNT)
        return eg_fail_at(err, EG_E_INPUT, file, name->line, name->column, "more than %d poolings", EG_POOL_COUNT);
    eg_pool pool;
    eg_status status = eg_pool_find(name->string, &pool, err);
    if (status != EG_OK || pool == EG_POOL_SUM || pool == EG_POOL_POOLER)
        return eg_fail_at(err, EG_E_INPUT, file, name->line, name->column, "there is no pooling mode '%s'",
                          name->string);
    pooling->modes[pooling->count++] = pool;
    return EG_OK;
}

/* The flags of releases before 5.4, in the order in which that code joins their results. */
static eg_status
read_flags(const eg_json *config, const char *file, eg_pooling *pooling, eg_error *err)
{
    static const struct {
        const char *key;
        eg_pool pool;
    } flags[] = {
        {"pooling_mode_cls_token", EG_POOL_CLS},
        {"pooling_mode_max_tokens", EG_POOL_MAX},
        {"pooling_mode_mean_tokens", EG_POOL_MEAN},
        {"pooling_mode_mean_sqrt_len_tokens", EG_POOL_MEAN_SQRT_LEN},
        {"pooling_mode_weightedmean_tokens", EG_POOL_WEIGHTED_MEAN},
        {"pooling_mode_lasttoken", EG_POOL_LAST},
    };
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        bool set;
        EG_TRY(bool_member(config, flags[i].key, false, file, &set, err));
        if (set)
            pooling->modes[pooling->count++] = flags[i].pool;
    }
    if (pooling->count == 0)
        pooling->modes[pooling->count++] = EG_POOL_MEAN;
    return EG_OK;
}

static eg_status
read_pooling(eg_pipeline *pipeline, eg_arena *arena, eg_pipeline_stage *stage, eg_error *err)
{
    static const char *const known[] = {"word_embedding_dimension",
                                        "embedding_dimension",
                                        "pooling_mode",
                                        "pooling_mode_cls_token",
                                        "pooling_mode_max_tokens",
                                        "pooling_mode_mean_tokens",
                                        "pooling_mode_mean_sqrt_len_tokens",
                                        "pooling_mode_weightedmean_tokens",
                                        "pooling_mode_lasttoken",
                                        "include_prompt"};
    const eg_json *config;
    EG_TRY(MODULE_CONFIG(stage, known, arena, &config, err));
    const char *file = stage->file;
    EG_TRY(width_member(config, file, &stage->in, err));
    EG_TRY(bool_member(config, "include_prompt", true, file, &pipeline->include_prompt, err));
    const eg_json *mode = eg_json_get(config, "pooling_mode");
    if (!mode || mode->type == EG_JSON_NULL)
        return read_flags(config, file, &stage->pooling, err);
    if (mode->type != EG_JSON_ARRAY)
        return add_mode(mode, file, &stage->pooling, err);
    if (mode->count == 0)
        return eg_fail_at(err, EG_E_INPUT, file, mode->line, mode->column, "pooling_mode is empty");
    for (size_t i = 0; i < mode->count; i++)
        EG_TRY(add_mode(&mode->items[i], file, &stage->pooling, err));
    return EG_OK;
}

/* --- Dense, LayerNorm ---------------------------------------------------------------------------- */

/* torch's activation modules by the last part of their class path, with their default arguments, as steps. */
#define ABSOLUTE "{add: [[relu], [{scale: -1}, relu]]}"
#define EXP_OF_MINUS(a) "{div: [[{from: " a "}, {scale: -1}, sigmoid], [{from: " a "}, sigmoid]]}"
#define HARD_SIGMOID                                                                                                   \
    "{sub: [[{scale: 1, offset: 3}, relu], [{scale: 1, offset: -3}, relu]]}, {scale: 0.16666666666666666}"
static const struct {
    const char *class_name, *steps;
} activations[] = {
    {"Identity", NULL},
    {"Tanh", "[tanh]"},
    {"ReLU", "[relu]"},
    {"GELU", "[gelu]"},
    {"SiLU", "[silu]"},
    {"Mish", "[mish]"},
    {"Sigmoid", "[sigmoid]"},
    {"Softmax", "[softmax]"},
    {"LeakyReLU", "[{sub: [[relu], [{scale: -1}, relu, {scale: 0.01}]]}]"},
    {"ReLU6", "[{sub: [[relu], [{scale: 1, offset: -6}, relu]]}]"},
    {"Hardtanh", "[{sub: [[{scale: 1, offset: 1}, relu], [{scale: 1, offset: -1}, relu]]}, {scale: 1, offset: -1}]"},
    {"Hardsigmoid", "[" HARD_SIGMOID "]"},
    {"Hardswish", "[{mul: [in, [" HARD_SIGMOID "]]}]"},
    {"Tanhshrink", "[{sub: [in, [tanh]]}]"},
    {"Softsign", "[{div: [in, [" ABSOLUTE ", {scale: 1, offset: 1}]]}]"},
    {"Softplus", "[{aside: [" ABSOLUTE ", {as: a}]}, {add: [[relu], [" EXP_OF_MINUS("a") ", log1p]]}]"},
    {"ELU",
     "[{aside: [{scale: -1}, relu, {as: a}]}, {add: [[relu], [" EXP_OF_MINUS("a") ", {scale: 1, offset: -1}]]}]"},
};

static eg_status
read_activation(const eg_json *name, const char *file, eg_pipeline_stage *stage, eg_error *err)
{
    stage->activation = "[tanh]";
    if (!name)
        return EG_OK;
    const char *dot = strrchr(name->string, '.'), *last = dot ? dot + 1 : name->string;
    for (size_t i = 0; i < sizeof activations / sizeof *activations; i++) {
        if (strcmp(activations[i].class_name, last) == 0) {
            stage->activation = activations[i].steps;
            return EG_OK;
        }
    }
    eg_status status = eg_fail_at(err, EG_E_INPUT, file, name->line, name->column,
                                  "the activation '%s' is not supported", name->string);
    return eg_hint(
        err, status,
        "supported are Identity, Tanh, ReLU, GELU, SiLU, Mish, Sigmoid, Softmax, LeakyReLU, ReLU6, Hardtanh, "
        "Hardsigmoid, Hardswish, Tanhshrink, Softsign, Softplus and ELU");
}

/* Modules may read and write other features of a text than its embedding; those are not supported. */
static eg_status
check_feature(const eg_json *config, const char *key, const char *file, eg_error *err)
{
    const eg_json *name;
    EG_TRY(member(config, key, EG_JSON_STRING, "a string", file, &name, err));
    if (!name || strcmp(name->string, "sentence_embedding") == 0)
        return EG_OK;
    return eg_fail_at(err, EG_E_INPUT, file, name->line, name->column,
                      "%s is '%s'; only sentence_embedding is supported", key, name->string);
}

static eg_status
read_dense(eg_arena *arena, eg_pipeline_stage *stage, eg_error *err)
{
    static const char *const known[] = {"in_features",       "out_features",       "bias",        "activation_function",
                                        "module_input_name", "module_output_name", "use_residual"};
    const eg_json *config, *activation;
    EG_TRY(MODULE_CONFIG(stage, known, arena, &config, err));
    const char *file = stage->file;
    EG_TRY(needed_size(config, "in_features", file, &stage->in, err));
    EG_TRY(needed_size(config, "out_features", file, &stage->more, err));
    EG_TRY(bool_member(config, "bias", true, file, &stage->bias, err));
    EG_TRY(bool_member(config, "use_residual", false, file, &stage->residual, err));
    EG_TRY(check_feature(config, "module_input_name", file, err));
    EG_TRY(check_feature(config, "module_output_name", file, err));
    EG_TRY(member(config, "activation_function", EG_JSON_STRING, "a string", file, &activation, err));
    EG_TRY(read_activation(activation, file, stage, err));
    return eg_weights_open(stage->folder, &stage->weights, err);
}

static eg_status
read_layer_norm(eg_arena *arena, eg_pipeline_stage *stage, eg_error *err)
{
    static const char *const known[] = {"dimension"};
    const eg_json *config;
    EG_TRY(MODULE_CONFIG(stage, known, arena, &config, err));
    EG_TRY(needed_size(config, "dimension", stage->file, &stage->in, err));
    return eg_weights_open(stage->folder, &stage->weights, err);
}

/* The file of Normalize may be missing: it was without one for years. */
static eg_status
read_normalize(eg_arena *arena, eg_pipeline_stage *stage, eg_error *err)
{
    static const char *const known[] = {"module_input_name", "module_output_name"};
    const eg_json *config;
    EG_TRY(read_object(stage->folder, "config.json", arena, &config, &stage->file, err));
    if (!config)
        return EG_OK;
    EG_TRY(CHECK_KEYS(config, stage->file, known, err));
    EG_TRY(check_feature(config, "module_input_name", stage->file, err));
    return check_feature(config, "module_output_name", stage->file, err);
}

/* --- WeightedLayerPooling, SpladePooling --------------------------------------------------------- */

static eg_status
read_layers(eg_arena *arena, eg_pipeline_stage *stage, eg_error *err)
{
    static const char *const known[] = {"word_embedding_dimension", "embedding_dimension", "layer_start",
                                        "num_hidden_layers"};
    const eg_json *config, *start;
    EG_TRY(MODULE_CONFIG(stage, known, arena, &config, err));
    EG_TRY(width_member(config, stage->file, &stage->in, err));
    EG_TRY(size_member(config, "num_hidden_layers", stage->file, &stage->more, err));
    EG_TRY(member(config, "layer_start", EG_JSON_INT, "an integer", stage->file, &start, err));
    stage->layer_start = start ? start->integer : 4;
    if (!stage->more.value)
        stage->more = (eg_stage_size){.value = 12, .key = "num_hidden_layers"};
    if (stage->layer_start < 0 || stage->layer_start > stage->more.value)
        return eg_fail_at(err, EG_E_INPUT, stage->file, start ? start->line : 0, start ? start->column : 0,
                          "layer_start is %" PRId64 "; the hidden states are 0 to %" PRId64, stage->layer_start,
                          stage->more.value);
    return eg_weights_open(stage->folder, &stage->weights, err);
}

static eg_status
read_splade(eg_arena *arena, eg_pipeline_stage *stage, eg_error *err)
{
    static const char *const known[] = {"pooling_strategy", "activation_function", "embedding_dimension",
                                        "word_embedding_dimension", "chunk_size"};
    static const char *const strategies[2] = {"max", "sum"}, *const functions[2] = {"relu", "log1p_relu"};
    const eg_json *config;
    EG_TRY(MODULE_CONFIG(stage, known, arena, &config, err));
    EG_TRY(width_member(config, stage->file, &stage->in, err));
    EG_TRY(word_member(config, "pooling_strategy", strategies, stage->file, &stage->sum, err));
    return word_member(config, "activation_function", functions, stage->file, &stage->twice, err);
}

/* --- modules.json -------------------------------------------------------------------------------- */

static eg_status
add_stage(eg_pipeline *pipeline, eg_stage_kind kind, const char *folder, eg_arena *arena, eg_error *err)
{
    eg_pipeline_stage stage = {.kind = kind, .folder = folder};
    if (!EG_PUSH(&pipeline->stages, stage))
        return eg_fail_nomem(err, "the modules");
    eg_pipeline_stage *added = &pipeline->stages.items[pipeline->stages.count - 1];
    switch (kind) {
    case EG_STAGE_LAYERS:
        return read_layers(arena, added, err);
    case EG_STAGE_POOLING:
        return read_pooling(pipeline, arena, added, err);
    case EG_STAGE_SPLADE:
        return read_splade(arena, added, err);
    case EG_STAGE_DENSE:
        return read_dense(arena, added, err);
    case EG_STAGE_LAYER_NORM:
        return read_layer_norm(arena, added, err);
    case EG_STAGE_NORMALIZE:
        return read_normalize(arena, added, err);
    }
    return EG_OK;
}

/* Module paths are relative folders inside the checkpoint; nothing may lead out of it. */
static bool
is_inner_path(const char *path)
{
    if (*path == '/')
        return false;
    for (const char *part = path; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0'))
            return false;
    }
    return true;
}

static eg_status
read_module(eg_pipeline *pipeline, const char *dir, size_t index, const eg_json *module, const char *file,
            eg_arena *arena, eg_error *err)
{
    static const struct {
        const char *class_name;
        eg_stage_kind kind;
    } kinds[] = {{"WeightedLayerPooling", EG_STAGE_LAYERS}, {"Pooling", EG_STAGE_POOLING},
                 {"SpladePooling", EG_STAGE_SPLADE},        {"Dense", EG_STAGE_DENSE},
                 {"LayerNorm", EG_STAGE_LAYER_NORM},        {"Normalize", EG_STAGE_NORMALIZE}};
    const eg_json *type, *path;
    if (module->type != EG_JSON_OBJECT)
        return eg_json_wrong_type(module, file, "an object", err);
    EG_TRY(member(module, "type", EG_JSON_STRING, "a string", file, &type, err));
    EG_TRY(member(module, "path", EG_JSON_STRING, "a string", file, &path, err));
    if (!type)
        return eg_fail_at(err, EG_E_INPUT, file, module->line, module->column, "the module has no type");
    if (path && (!is_inner_path(path->string) || strlen(path->string) != path->length))
        return eg_fail_at(err, EG_E_INPUT, file, path->line, path->column, "the path leads out of the model's folder");
    const char *folder = path && *path->string ? eg_path_join(arena, dir, path->string) : eg_arena_strdup(arena, dir);
    if (!folder)
        return eg_fail_nomem(err, "a path");
    const char *dot = strrchr(type->string, '.'), *last = dot ? dot + 1 : type->string;
    bool masked_lm = strcmp(last, "MLMTransformer") == 0;
    if (index == 0 && (masked_lm || strcmp(last, "Transformer") == 0)) {
        pipeline->transformer = folder;
        pipeline->masked_lm = masked_lm;
        return EG_OK;
    }
    if (index > 0 && strcmp(last, "Dropout") == 0)
        return EG_OK; /* the identity when nothing is trained */
    for (size_t i = 0; index > 0 && i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].class_name, last) == 0)
            return add_stage(pipeline, kinds[i].kind, folder, arena, err);
    }
    eg_status status = eg_fail_at(err, EG_E_INPUT, file, type->line, type->column,
                                  "the module '%s' is not supported here", type->string);
    return eg_hint(err, status,
                   "supported are Transformer or MLMTransformer first, then WeightedLayerPooling, Pooling, "
                   "SpladePooling, Dense, LayerNorm, Normalize and Dropout");
}

/* Rows of tokens first, then one row per text, then what works on that. */
static eg_status
check_order(const eg_pipeline *pipeline, const eg_json *modules, const char *file, eg_error *err)
{
    const eg_pipeline_stage *stages = pipeline->stages.items;
    size_t count = pipeline->stages.count, first = count && stages[0].kind == EG_STAGE_LAYERS ? 1 : 0;
    if (!pipeline->transformer)
        return eg_fail_at(err, EG_E_INPUT, file, modules->line, modules->column, "there is no Transformer module");
    if (count && (first == count || stages[first].kind > EG_STAGE_SPLADE))
        return eg_fail_at(err, EG_E_INPUT, file, modules->line, modules->column,
                          "the first module after the Transformer is not Pooling");
    for (size_t i = first + 1; i < count; i++) {
        if (stages[i].kind <= EG_STAGE_SPLADE)
            return eg_fail_at(err, EG_E_INPUT, file, modules->line, modules->column, "there are two Pooling modules");
    }
    return EG_OK;
}

/* SpladePooling reads the logits of a masked LM, the other modules read hidden states. */
static eg_status
check_rows(const eg_pipeline *pipeline, eg_error *err)
{
    for (size_t i = 0; i < pipeline->stages.count; i++) {
        const eg_pipeline_stage *stage = &pipeline->stages.items[i];
        bool splade = stage->kind == EG_STAGE_SPLADE;
        if (splade && !pipeline->masked_lm)
            return eg_hint(err,
                           eg_fail_at(err, EG_E_INPUT, stage->file, 0, 0,
                                      "SpladePooling takes the logits of a masked LM, and the Transformer gives none"),
                           "the first module is an MLMTransformer, or sentence_bert_config.json says "
                           "\"transformer_task\": \"fill-mask\"");
        if (!splade && stage->kind <= EG_STAGE_SPLADE && pipeline->masked_lm)
            return eg_fail_at(err, EG_E_INPUT, stage->file, 0, 0,
                              "the Transformer gives logits of a masked LM; only SpladePooling takes them");
    }
    return EG_OK;
}

static eg_status
read_modules(const char *dir, eg_arena *arena, eg_pipeline *pipeline, eg_error *err)
{
    const eg_json *modules;
    const char *file;
    EG_TRY(read_json(dir, "modules.json", arena, &modules, &file, err));
    if (!modules)
        return EG_OK;
    if (modules->type != EG_JSON_ARRAY)
        return eg_fail_at(err, EG_E_INPUT, file, modules->line, modules->column,
                          "modules.json is %s; a list is expected", eg_json_type_name(modules));
    pipeline->found = true;
    for (size_t i = 0; i < modules->count; i++)
        EG_TRY(read_module(pipeline, dir, i, &modules->items[i], file, arena, err));
    return check_order(pipeline, modules, file, err);
}

/* --- the other files ----------------------------------------------------------------------------- */

/* Keys that may be there and that nobody reads are said, not refused: these files carry what only training needs. */
static eg_status
warn_of_keys(eg_pipeline *pipeline, const eg_json *config, const char *file, const char *const *known, size_t count,
             eg_arena *arena, eg_error *err)
{
    for (size_t i = 0; i < config->count; i++) {
        bool found = config->items[i].type == EG_JSON_NULL;
        for (size_t k = 0; k < count && !found; k++)
            found = strcmp(known[k], config->items[i].key) == 0;
        if (found)
            continue;
        const char *line =
            eg_arena_printf(arena, "%s:%u:%u: nobody reads the key '%s'", file, config->items[i].key_line,
                            config->items[i].key_column, config->items[i].key);
        if (!line || !EG_PUSH(&pipeline->warnings, line))
            return eg_fail_nomem(err, "the warnings");
    }
    return EG_OK;
}

/* Which output of the transformer the modules take: its last hidden state, or logits. */
static eg_status
read_task(eg_pipeline *pipeline, const eg_json *config, const char *file, eg_error *err)
{
    static const char *const tasks[] = {"feature-extraction", "fill-mask", "sequence-classification"};
    const eg_json *task, *output;
    EG_TRY(member(config, "transformer_task", EG_JSON_STRING, "a string", file, &task, err));
    bool known = !task;
    for (size_t i = 0; i < 3 && !known; i++)
        known = strcmp(task->string, tasks[i]) == 0;
    if (!known)
        return eg_hint(
            err,
            eg_fail_at(err, EG_E_INPUT, file, task->line, task->column, "the transformer_task is '%s'", task->string),
            "known are feature-extraction, fill-mask and sequence-classification");
    if (task)
        pipeline->masked_lm = strcmp(task->string, "fill-mask") == 0;
    bool hidden = !task || strcmp(task->string, "feature-extraction") == 0;
    output = eg_json_get(eg_json_get(eg_json_get(config, "modality_config"), "text"), "method_output_name");
    const char *want = hidden && !pipeline->masked_lm ? "last_hidden_state" : "logits";
    if (output && (output->type != EG_JSON_STRING || strcmp(output->string, want) != 0))
        return eg_fail_at(err, EG_E_INPUT, file, output->line, output->column,
                          "another output of the transformer than '%s' is not supported", want);
    return EG_OK;
}

static eg_status
read_sentence_config(eg_arena *arena, eg_pipeline *pipeline, eg_error *err)
{
    static const char *const known[] = {"max_seq_length", "do_lower_case", "transformer_task", "modality_config",
                                        "module_output_name"};
    const eg_json *config, *length;
    const char *file;
    EG_TRY(read_object(pipeline->transformer, "sentence_bert_config.json", arena, &config, &file, err));
    if (!config)
        return EG_OK;
    EG_TRY(warn_of_keys(pipeline, config, file, known, sizeof known / sizeof *known, arena, err));
    EG_TRY(read_task(pipeline, config, file, err));
    EG_TRY(bool_member(config, "do_lower_case", false, file, &pipeline->do_lower_case, err));
    length = eg_json_get(config, "max_seq_length");
    if (!length || length->type == EG_JSON_NULL || length->type == EG_JSON_BIG)
        return EG_OK;
    if (length->type != EG_JSON_INT)
        return eg_json_wrong_type(length, file, "an integer", err);
    if (length->integer < 1)
        return eg_fail_at(err, EG_E_INPUT, file, length->line, length->column, "max_seq_length is no length");
    pipeline->max_seq_length = length->integer;
    return EG_OK;
}

static eg_status
read_prompts(const eg_json *prompts, const char *file, eg_pipeline *pipeline, eg_error *err)
{
    for (size_t i = 0; prompts && i < prompts->count; i++) {
        const eg_json *prompt = &prompts->items[i];
        if (prompt->type == EG_JSON_NULL)
            continue;
        if (prompt->type != EG_JSON_STRING)
            return eg_json_wrong_type(prompt, file, "a string", err);
        eg_prompt entry = {prompt->key, prompt->string};
        if (!EG_PUSH(&pipeline->prompts, entry) || !EG_PUSH(&pipeline->prompt_names, entry.name))
            return eg_fail_nomem(err, "the prompts");
    }
    return EG_OK;
}

static const eg_prompt *
find_prompt(const eg_pipeline *pipeline, const char *name)
{
    for (size_t i = 0; i < pipeline->prompts.count; i++) {
        if (strcmp(pipeline->prompts.items[i].name, name) == 0)
            return &pipeline->prompts.items[i];
    }
    return NULL;
}

static eg_status
read_similarity(const eg_json *name, const char *file, eg_pipeline *pipeline, eg_error *err)
{
    static const char *const known[] = {"cosine", "dot", "euclidean", "manhattan"};
    for (size_t i = 0; name && i < 4; i++) {
        if (strcmp(name->string, known[i]) == 0) {
            pipeline->similarity = known[i];
            return EG_OK;
        }
    }
    return name ? eg_fail_at(err, EG_E_INPUT, file, name->line, name->column,
                             "similarity_fn_name is '%s'; cosine, dot, euclidean or manhattan are expected",
                             name->string)
                : EG_OK;
}

static eg_status
read_general_config(const char *dir, eg_arena *arena, eg_pipeline *pipeline, eg_error *err)
{
    static const char *const known[] = {"prompts",      "similarity_fn_name", "activation_fn", "default_prompt_name",
                                        "truncate_dim", "model_type",         "__version__"};
    const eg_json *config, *value;
    const char *file;
    eg_stage_size truncate_dim;
    EG_TRY(read_object(dir, "config_sentence_transformers.json", arena, &config, &file, err));
    if (!config)
        return EG_OK;
    EG_TRY(warn_of_keys(pipeline, config, file, known, sizeof known / sizeof *known, arena, err));
    EG_TRY(size_member(config, "truncate_dim", file, &truncate_dim, err));
    pipeline->truncate_dim = (uint32_t)truncate_dim.value;
    EG_TRY(member(config, "prompts", EG_JSON_OBJECT, "an object", file, &value, err));
    EG_TRY(read_prompts(value, file, pipeline, err));
    EG_TRY(member(config, "similarity_fn_name", EG_JSON_STRING, "a string", file, &value, err));
    EG_TRY(read_similarity(value, file, pipeline, err));
    EG_TRY(member(config, "activation_fn", EG_JSON_STRING, "a string", file, &value, err));
    pipeline->activation = value ? value->string : NULL;
    EG_TRY(member(config, "default_prompt_name", EG_JSON_STRING, "a string", file, &value, err));
    if (!value)
        return EG_OK;
    if (!find_prompt(pipeline, value->string))
        return eg_fail_at(err, EG_E_INPUT, file, value->line, value->column,
                          "default_prompt_name is '%s', which is not under prompts", value->string);
    pipeline->default_prompt = value->string;
    return EG_OK;
}

eg_status
eg_pipeline_read(const char *dir, eg_arena *arena, eg_pipeline *out, eg_error *err)
{
    *out = (eg_pipeline){.include_prompt = true, .similarity = "cosine"};
    eg_status status = read_modules(dir, arena, out, err);
    if (status == EG_OK && !out->transformer)
        out->transformer = dir;
    if (status == EG_OK)
        status = read_sentence_config(arena, out, err);
    if (status == EG_OK)
        status = read_general_config(dir, arena, out, err);
    if (status == EG_OK)
        status = check_rows(out, err);
    if (status != EG_OK)
        eg_pipeline_finish(out);
    return status;
}

eg_status
eg_pipeline_folder(const char *dir, eg_arena *arena, const char **out, eg_error *err)
{
    const eg_json *modules;
    const char *file;
    *out = dir;
    EG_TRY(read_json(dir, "modules.json", arena, &modules, &file, err));
    if (!modules || modules->type != EG_JSON_ARRAY || modules->count == 0)
        return EG_OK;
    eg_pipeline pipeline = {0};
    EG_TRY(read_module(&pipeline, dir, 0, &modules->items[0], file, arena, err));
    if (pipeline.transformer)
        *out = pipeline.transformer;
    return EG_OK;
}

void
eg_pipeline_finish(eg_pipeline *pipeline)
{
    for (size_t i = 0; i < pipeline->stages.count; i++)
        eg_weights_close(&pipeline->stages.items[i].weights);
    eg_free(pipeline->stages.items);
    eg_free(pipeline->prompts.items);
    eg_free(pipeline->prompt_names.items);
    eg_free(pipeline->warnings.items);
    *pipeline = (eg_pipeline){0};
}
