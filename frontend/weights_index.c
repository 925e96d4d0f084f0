/* SPDX-License-Identifier: Apache-2.0 */
/* The index of a checkpoint in several files: {"metadata": …, "weight_map": {tensor: file, …}}. */
#include <string.h>

#include "frontend/json.h"
#include "frontend/weights.h"

enum { INDEX_DEPTH = 64 };

typedef struct index_reader {
    eg_weights *weights;
    eg_shard_reader read_shard;
    const char *dir, *file;
    eg_error *err;
} index_reader;

/* A shard lies in the index's folder, so it is named by a file name and nothing else. */
static eg_status
check_shard_name(const index_reader *r, const eg_json *shard)
{
    if (shard->type != EG_JSON_STRING)
        return eg_json_wrong_type(shard, r->file, "the name of a file", r->err);
    bool bare = shard->length > 0 && !memchr(shard->string, '/', shard->length) &&
                !memchr(shard->string, '\0', shard->length) && strcmp(shard->string, ".") != 0 &&
                strcmp(shard->string, "..") != 0;
    if (bare)
        return EG_OK;
    eg_status status = eg_fail_at(r->err, EG_E_INPUT, r->file, shard->line, shard->column,
                                  "'%.200s' is no name of a file in this folder", shard->string);
    return eg_hint(r->err, status, "expected a bare file name, without '/'");
}

static eg_status
add_shard(const index_reader *r, const eg_json *shard)
{
    const char *path = eg_path_join(&r->weights->arena, r->dir, shard->string);
    if (!path)
        return eg_fail_nomem(r->err, "a file's name");
    eg_status status = r->read_shard(r->weights, path, r->err);
    if (status == EG_E_INPUT && !eg_file_exists(path))
        return eg_hint(r->err, status, "expected the shard that %s names at line %u, column %u", r->file, shard->line,
                       shard->column);
    return status;
}

/* Each shard once, in the order in which the map names them. */
static eg_status
add_shards(const index_reader *r, const eg_json *weight_map)
{
    eg_map seen = {0};
    eg_status status = EG_OK;
    for (size_t i = 0; i < weight_map->count && status == EG_OK; i++) {
        const eg_json *shard = &weight_map->items[i];
        bool existing = false;
        status = check_shard_name(r, shard);
        if (status == EG_OK && !eg_map_put(&seen, shard->string, shard->length, i, &existing))
            status = eg_fail_nomem(r->err, "the list of shards");
        if (status == EG_OK && !existing)
            status = add_shard(r, shard);
    }
    eg_map_finish(&seen);
    return status;
}

/* Each tensor is in the shard that the map names. */
static eg_status
check_weight_map(const index_reader *r, const eg_json *weight_map)
{
    for (size_t i = 0; i < weight_map->count; i++) {
        const eg_json *shard = &weight_map->items[i];
        const eg_tensor *tensor = eg_weights_find(r->weights, shard->key);
        const char *slash = tensor ? strrchr(tensor->file, '/') : NULL;
        const char *holder = slash ? slash + 1 : tensor ? tensor->file : NULL;
        if (holder && strcmp(holder, shard->string) == 0)
            continue;
        eg_status status = eg_fail_at(r->err, EG_E_INPUT, r->file, shard->key_line, shard->key_column,
                                      "'%.100s' has no tensor '%.200s'", shard->string, shard->key);
        return holder ? eg_hint(r->err, status, "it is in '%.100s'", holder) : status;
    }
    return EG_OK;
}

static eg_status
read_index(const index_reader *r, const eg_json *root)
{
    const eg_json *weight_map = eg_json_get(root, "weight_map");
    if (root->type != EG_JSON_OBJECT)
        return eg_json_wrong_type(root, r->file, "an object with a 'weight_map'", r->err);
    if (!weight_map)
        return eg_fail_at(r->err, EG_E_INPUT, r->file, root->line, root->column, "there is no 'weight_map'");
    if (weight_map->type != EG_JSON_OBJECT)
        return eg_json_wrong_type(weight_map, r->file, "an object", r->err);
    if (weight_map->count == 0)
        return eg_fail_at(r->err, EG_E_INPUT, r->file, weight_map->line, weight_map->column,
                          "the 'weight_map' names no tensor");
    EG_TRY(add_shards(r, weight_map));
    return check_weight_map(r, weight_map);
}

eg_status
eg_weights_add_index(eg_weights *weights, eg_shard_reader read_shard, const char *dir, const char *text, size_t size,
                     const char *file, eg_error *err)
{
    index_reader r = {weights, read_shard, dir, file, err};
    eg_json_limits limits = {.max_depth = INDEX_DEPTH};
    eg_arena arena = {0}; /* the tree is needed here only */
    const eg_json *root;
    eg_status status = eg_json_parse(text, size, file, &limits, &arena, &root, err);
    if (status == EG_OK)
        status = read_index(&r, root);
    eg_arena_finish(&arena);
    return status;
}
