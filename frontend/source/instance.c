/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/source/instance.h"

#include <string.h>

#include "frontend/file.h"
#include "graph/pass.h"

const char *
eg_instance_path(const eg_instance *instance, eg_arena *arena, const char *path)
{
    return *path == '/' ? eg_arena_strdup(arena, path) : eg_path_join(arena, instance->folder, path);
}

static eg_status
optional_text(const eg_yaml *root, const char *key, const char **out, eg_error *err)
{
    const eg_yaml *node = eg_yaml_get(root, key);
    return node && node->type != EG_YAML_NULL ? eg_yaml_as_string(node, out, err) : EG_OK;
}

static eg_status
expect_if_there(const eg_yaml *node, eg_yaml_type type, eg_error *err)
{
    return node && node->type != EG_YAML_NULL ? eg_yaml_expect(node, type, err) : EG_OK;
}

/* --- pooling ------------------------------------------------------------------------------------- */

static eg_status
read_modes(const eg_yaml *node, eg_pooling *out, eg_error *err)
{
    size_t count = node->type == EG_YAML_LIST ? node->count : 1;
    if (count == 0 || count > EG_POOL_COUNT)
        return eg_yaml_fail(node, err, "1 to %d poolings are expected", EG_POOL_COUNT);
    for (size_t i = 0; i < count; i++) {
        const eg_yaml *item = node->type == EG_YAML_LIST ? node->items[i] : node;
        const char *name;
        EG_TRY(eg_yaml_as_string(item, &name, err));
        if (eg_pool_find(name, &out->modes[i], err) != EG_OK) {
            eg_status status = eg_yaml_fail(item, err, "there is no pooling '%s'", name);
            return eg_hint(err, status,
                           "there are cls, pooler, mean, max, sum, mean_sqrt_len_tokens, weightedmean and lasttoken");
        }
    }
    out->count = (uint32_t)count;
    return EG_OK;
}

/* `layers: 4` are the last four hidden states; `layers: [-1, 2]` those, in that order. */
static eg_status
read_layers(const eg_yaml *node, eg_pooling *out, eg_error *err)
{
    int64_t count = 0;
    if (node->type != EG_YAML_LIST)
        EG_TRY(eg_yaml_as_int(node, 1, EG_POOL_LAYERS_MAX, &count, err));
    else if (node->count == 0 || node->count > EG_POOL_LAYERS_MAX)
        return eg_yaml_fail(node, err, "1 to %d layers are expected", EG_POOL_LAYERS_MAX);
    for (int64_t i = 0; i < count; i++)
        out->layers[i] = i - count;
    for (size_t i = 0; node->type == EG_YAML_LIST && i < node->count; i++)
        EG_TRY(eg_yaml_as_int(node->items[i], -1000, 1000, &out->layers[i], err));
    out->layer_count = (uint32_t)(node->type == EG_YAML_LIST ? node->count : (size_t)count);
    return EG_OK;
}

static eg_status
read_join(const eg_yaml *node, eg_pooling *out, eg_error *err)
{
    const char *word;
    EG_TRY(eg_yaml_as_string(node, &word, err));
    out->mean_of_layers = strcmp(word, "mean") == 0;
    return out->mean_of_layers || strcmp(word, "concat") == 0 ? EG_OK
                                                              : eg_yaml_fail(node, err, "'join' is concat or mean");
}

/* `tokens: [1, -1]`: rows [begin, end) of each text, negative from the end; null leaves a side open. */
static eg_status
read_tokens(const eg_yaml *node, eg_pooling *out, eg_error *err)
{
    static const char *const names[2] = {"begin", "end"};
    EG_TRY(eg_yaml_expect(node, EG_YAML_LIST, err));
    if (node->count != 2)
        return eg_yaml_fail(node, err, "'tokens' is [BEGIN, END]; null leaves a side open");
    for (size_t i = 0; i < 2; i++) {
        int64_t number;
        if (node->items[i]->type == EG_YAML_NULL)
            continue;
        EG_TRY(eg_yaml_as_int(node->items[i], -INT32_MAX, INT32_MAX, &number, err));
        out->span[out->span_count++] = eg_attr_int(names[i], number);
    }
    for (uint32_t i = 0; i < out->count; i++) {
        eg_pool mode = out->modes[i];
        if (mode == EG_POOL_CLS || mode == EG_POOL_LAST || mode == EG_POOL_POOLER)
            return eg_yaml_fail(node, err, "'tokens' is for means, sums and max; %s takes one token",
                                eg_pool_name(mode));
    }
    return EG_OK;
}

static eg_status
read_pooling_map(const eg_yaml *node, eg_pooling *out, eg_error *err)
{
    static const char *const known[] = {"steps", "mode", "layers", "join", "tokens"};
    EG_TRY(eg_yaml_check_keys(node, known, sizeof known / sizeof *known, err));
    const eg_yaml *mode = eg_yaml_get(node, "mode"), *layers = eg_yaml_get(node, "layers"),
                  *join = eg_yaml_get(node, "join"), *tokens = eg_yaml_get(node, "tokens");
    out->steps = eg_yaml_get(node, "steps");
    if ((out->steps != NULL) == (mode != NULL))
        return eg_yaml_fail(node, err, "pooling has either 'mode' or 'steps'");
    if (out->steps && (layers || join || tokens))
        return eg_yaml_fail(node, err, "'layers', 'join' and 'tokens' go with 'mode', not with 'steps'");
    if (out->steps)
        return eg_family_check_steps(out->steps, err);
    if (join && !layers)
        return eg_yaml_fail_key(join, err, "'join' says how 'layers' are joined, and there are none");
    EG_TRY(read_modes(mode, out, err));
    if (layers)
        EG_TRY(read_layers(layers, out, err));
    for (uint32_t i = 0; layers && i < out->count; i++) {
        if (out->modes[i] == EG_POOL_POOLER)
            return eg_yaml_fail(layers, err, "the pooler has one layer, the last");
    }
    if (join)
        EG_TRY(read_join(join, out, err));
    return tokens ? read_tokens(tokens, out, err) : EG_OK;
}

/* `pooling: mean`, `pooling: [mean, max]`, `pooling: {mode: mean, layers: 4}`, `pooling: {steps: […]}`. */
static eg_status
read_pooling(const eg_yaml *node, eg_instance *out, eg_error *err)
{
    out->has_pooling = true;
    out->pooling.at = node;
    return node->type == EG_YAML_MAP ? read_pooling_map(node, &out->pooling, err)
                                     : read_modes(node, &out->pooling, err);
}

/* --- the file ------------------------------------------------------------------------------------ */

static eg_status
check_heads(const eg_yaml *heads, eg_error *err)
{
    EG_TRY(expect_if_there(heads, EG_YAML_MAP, err));
    for (size_t i = 0; heads && heads->type == EG_YAML_MAP && i < heads->count; i++) {
        if (heads->items[i]->type != EG_YAML_NULL)
            EG_TRY(eg_family_check_head(heads->items[i], true, err));
    }
    return EG_OK;
}

static eg_status
check_similarity(const eg_yaml *node, const char *name, eg_error *err)
{
    static const char *const known[] = {"cosine", "dot", "euclidean", "manhattan"};
    for (size_t i = 0; name && i < 4; i++) {
        if (strcmp(name, known[i]) == 0)
            return EG_OK;
    }
    return name ? eg_yaml_fail(node, err, "similarity is cosine, dot, euclidean or manhattan") : EG_OK;
}

static eg_status
read_numbers(const eg_yaml *root, eg_instance *out, eg_error *err)
{
    const eg_yaml *version = eg_yaml_get(root, "egbert"), *length = eg_yaml_get(root, "max_length"),
                  *normalize = eg_yaml_get(root, "normalize");
    int64_t number;
    bool truth;
    if (!version)
        return eg_yaml_fail(root, err, "an instance file begins with `egbert: 1`");
    EG_TRY(eg_yaml_as_int(version, 1, 1, &number, err));
    if (length)
        EG_TRY(eg_yaml_as_int(length, 1, INT32_MAX, &out->max_length, err));
    if (normalize) {
        EG_TRY(eg_yaml_as_bool(normalize, &truth, err));
        out->normalize = truth;
    }
    return EG_OK;
}

/* The list of passes is known here, so that a wrong name is told with its place in the file. */
static eg_status
check_fuse(const eg_yaml *node, const char *fuse, eg_error *err)
{
    eg_error wrong;
    eg_error_init(&wrong);
    if (!fuse || eg_pass_check_list(fuse, &wrong) == EG_OK)
        return EG_OK;
    eg_status status = eg_yaml_fail(node, err, "%s", wrong.message);
    return wrong.hint[0] ? eg_hint(err, status, "%s", wrong.hint) : status;
}

static eg_status
read_texts(const eg_yaml *root, eg_instance *out, eg_error *err)
{
    const eg_yaml *default_prompt = eg_yaml_get(root, "default_prompt");
    EG_TRY(optional_text(root, "family", &out->family, err));
    EG_TRY(optional_text(root, "precision", &out->precision, err));
    EG_TRY(optional_text(root, "fuse", &out->fuse, err));
    EG_TRY(check_fuse(eg_yaml_get(root, "fuse"), out->fuse, err));
    EG_TRY(optional_text(root, "similarity", &out->similarity, err));
    EG_TRY(optional_text(root, "default_prompt", &out->default_prompt, err));
    out->no_default_prompt = default_prompt && default_prompt->type == EG_YAML_NULL;
    return check_similarity(eg_yaml_get(root, "similarity"), out->similarity, err);
}

static eg_status
read_root(const eg_yaml *root, eg_arena *arena, eg_instance *out, eg_error *err)
{
    static const char *const known[] = {"egbert",     "checkpoint",     "family",     "config",  "ignore",
                                        "max_length", "precision",      "fuse",       "pooling", "normalize",
                                        "prompts",    "default_prompt", "similarity", "heads"};
    const char *text;
    EG_TRY(eg_yaml_expect(root, EG_YAML_MAP, err));
    EG_TRY(eg_yaml_check_keys(root, known, sizeof known / sizeof *known, err));
    EG_TRY(read_numbers(root, out, err));
    EG_TRY(read_texts(root, out, err));
    const eg_yaml *checkpoint = eg_yaml_get(root, "checkpoint");
    if (!checkpoint)
        return eg_yaml_fail(root, err, "the instance names no checkpoint (`checkpoint: FOLDER`)");
    EG_TRY(eg_yaml_as_string(checkpoint, &text, err));
    out->checkpoint = eg_instance_path(out, arena, text);
    if (!out->checkpoint)
        return eg_fail_nomem(err, "a path");
    if (!eg_is_directory(out->checkpoint))
        return eg_yaml_fail(checkpoint, err, "there is no folder %s", out->checkpoint);
    out->config = eg_yaml_get(root, "config");
    out->ignore = eg_yaml_get(root, "ignore");
    out->prompts = eg_yaml_get(root, "prompts");
    out->heads = eg_yaml_get(root, "heads");
    EG_TRY(expect_if_there(out->config, EG_YAML_MAP, err));
    EG_TRY(expect_if_there(out->ignore, EG_YAML_LIST, err));
    EG_TRY(expect_if_there(out->prompts, EG_YAML_MAP, err));
    EG_TRY(check_heads(out->heads, err));
    const eg_yaml *pooling = eg_yaml_get(root, "pooling");
    return pooling ? read_pooling(pooling, out, err) : EG_OK;
}

eg_status
eg_instance_read(const char *path, eg_arena *arena, eg_instance *out, eg_error *err)
{
    *out = (eg_instance){.normalize = -1};
    if (eg_is_directory(path)) {
        out->checkpoint = eg_arena_strdup(arena, path);
        return out->checkpoint ? EG_OK : eg_fail_nomem(err, "a path");
    }
    if (!eg_file_exists(path))
        return eg_fail_at(err, EG_E_INPUT, path, 0, 0, "there is no such file or folder");
    size_t length = strlen(path);
    bool yaml = (length > 5 && strcmp(path + length - 5, ".yaml") == 0) ||
                (length > 4 && strcmp(path + length - 4, ".yml") == 0);
    if (!yaml) {
        eg_status status =
            eg_fail_at(err, EG_E_INPUT, path, 0, 0, "this is neither a checkpoint's folder nor a .yaml file");
        return eg_hint(err, status, "a model is a folder with config.json, or an instance file");
    }
    const char *slash = strrchr(path, '/');
    out->folder =
        slash ? eg_arena_strndup(arena, path, slash == path ? 1 : (size_t)(slash - path)) : eg_arena_strdup(arena, ".");
    if (!out->folder)
        return eg_fail_nomem(err, "a path");
    EG_TRY(eg_yaml_load(path, arena, &out->root, err));
    return read_root(out->root, arena, out, err);
}

static eg_status
put_prompt(const eg_yaml *node, eg_pipeline *pipeline, eg_error *err)
{
    eg_prompt prompt = {.name = node->key};
    EG_TRY(eg_yaml_as_string(node, &prompt.text, err));
    for (size_t i = 0; i < pipeline->prompts.count; i++) {
        if (strcmp(pipeline->prompts.items[i].name, prompt.name) == 0) {
            pipeline->prompts.items[i] = prompt;
            return EG_OK;
        }
    }
    return EG_PUSH(&pipeline->prompts, prompt) && EG_PUSH(&pipeline->prompt_names, prompt.name)
               ? EG_OK
               : eg_fail_nomem(err, "the prompts");
}

eg_status
eg_instance_apply(const eg_instance *instance, eg_pipeline *pipeline, eg_error *err)
{
    for (size_t i = 0; instance->prompts && instance->prompts->type == EG_YAML_MAP && i < instance->prompts->count; i++)
        EG_TRY(put_prompt(instance->prompts->items[i], pipeline, err));
    if (instance->default_prompt || instance->no_default_prompt)
        pipeline->default_prompt = instance->default_prompt;
    bool found = pipeline->default_prompt == NULL;
    for (size_t i = 0; i < pipeline->prompts.count && !found; i++)
        found = strcmp(pipeline->prompts.items[i].name, pipeline->default_prompt) == 0;
    if (!found)
        return eg_yaml_fail(eg_yaml_get(instance->root, "default_prompt"), err, "there is no prompt '%s'",
                            pipeline->default_prompt);
    if (instance->similarity)
        pipeline->similarity = instance->similarity;
    if (instance->max_length)
        pipeline->max_seq_length = instance->max_length;
    return EG_OK;
}
