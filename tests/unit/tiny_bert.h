/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole tiny BERT checkpoint, written where a test wants it: two layers, two heads, 32 positions, weights from a
 * fixed sequence of pseudo-random numbers. No expected values come with it; tests compare it with itself.
 */
#ifndef EG_TESTS_UNIT_TINY_BERT_H
#define EG_TESTS_UNIT_TINY_BERT_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TINY_VOCAB = 24, TINY_HIDDEN = 16, TINY_INNER = 32, TINY_LAYERS = 2, TINY_HEADS = 2, TINY_POSITIONS = 32 };

typedef struct tiny_options {
    bool poisoned; /* one weight of the last layer is NaN */
    bool without_tokenizer;
} tiny_options;

static inline bool
tiny_write(const char *folder, const char *name, const void *data, size_t size)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (!file)
        return false;
    bool good = fwrite(data, 1, size, file) == size;
    return fclose(file) == 0 && good;
}

/* --- tensors ------------------------------------------------------------------------------------- */

typedef struct tiny_file {
    char header[16384];
    size_t header_length;
    float *data;
    size_t count, capacity;
    uint32_t state;
} tiny_file;

static inline float
tiny_next(tiny_file *file)
{
    file->state = file->state * 1664525u + 1013904223u;
    return (float)((double)(file->state >> 8) / (1 << 24) - 0.5);
}

/* rank 1 where columns is 0. `center`: what the numbers lie around. */
static inline void
tiny_tensor(tiny_file *file, const char *name, int rows, int columns, float center)
{
    size_t n = (size_t)rows * (size_t)(columns ? columns : 1), begin = file->count * sizeof(float);
    if (file->count + n > file->capacity)
        abort(); /* of the test: the capacity is a constant of tiny_weights() */
    for (size_t i = 0; i < n; i++)
        file->data[file->count++] = center + tiny_next(file);
    char shape[64];
    if (columns)
        snprintf(shape, sizeof shape, "%d,%d", rows, columns);
    else
        snprintf(shape, sizeof shape, "%d", rows);
    file->header_length +=
        (size_t)snprintf(file->header + file->header_length, sizeof file->header - file->header_length,
                         "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[%s],\"data_offsets\":[%zu,%zu]}",
                         file->header_length > 1 ? "," : "", name, shape, begin, file->count * sizeof(float));
}

static inline void
tiny_linear(tiny_file *file, const char *name, int out, int in)
{
    char full[256];
    snprintf(full, sizeof full, "%s.weight", name);
    tiny_tensor(file, full, out, in, 0);
    snprintf(full, sizeof full, "%s.bias", name);
    tiny_tensor(file, full, out, 0, 0);
}

static inline void
tiny_norm(tiny_file *file, const char *name)
{
    char full[256];
    snprintf(full, sizeof full, "%s.weight", name);
    tiny_tensor(file, full, TINY_HIDDEN, 0, 1);
    snprintf(full, sizeof full, "%s.bias", name);
    tiny_tensor(file, full, TINY_HIDDEN, 0, 0);
}

static inline void
tiny_layer(tiny_file *file, int layer)
{
    static const struct {
        const char *name;
        int out, in;
    } linears[] = {
        {"attention.self.query", TINY_HIDDEN, TINY_HIDDEN}, {"attention.self.key", TINY_HIDDEN, TINY_HIDDEN},
        {"attention.self.value", TINY_HIDDEN, TINY_HIDDEN}, {"attention.output.dense", TINY_HIDDEN, TINY_HIDDEN},
        {"intermediate.dense", TINY_INNER, TINY_HIDDEN},    {"output.dense", TINY_HIDDEN, TINY_INNER}};
    char name[128];
    for (size_t i = 0; i < sizeof linears / sizeof *linears; i++) {
        snprintf(name, sizeof name, "encoder.layer.%d.%s", layer, linears[i].name);
        tiny_linear(file, name, linears[i].out, linears[i].in);
    }
    snprintf(name, sizeof name, "encoder.layer.%d.attention.output.LayerNorm", layer);
    tiny_norm(file, name);
    snprintf(name, sizeof name, "encoder.layer.%d.output.LayerNorm", layer);
    tiny_norm(file, name);
}

static inline bool
tiny_weights(const char *folder, const tiny_options *options)
{
    enum { CAPACITY = 32768 };
    tiny_file *file = calloc(1, sizeof *file);
    unsigned char *bytes = malloc(sizeof file->header + 8 + CAPACITY * sizeof(float));
    bool good = file && bytes && (file->data = calloc(CAPACITY, sizeof(float)));
    if (good) {
        file->capacity = CAPACITY;
        file->state = 12345;
        file->header[file->header_length++] = '{';
        tiny_tensor(file, "embeddings.word_embeddings.weight", TINY_VOCAB, TINY_HIDDEN, 0);
        tiny_tensor(file, "embeddings.position_embeddings.weight", TINY_POSITIONS, TINY_HIDDEN, 0);
        tiny_tensor(file, "embeddings.token_type_embeddings.weight", 2, TINY_HIDDEN, 0);
        tiny_norm(file, "embeddings.LayerNorm");
        for (int layer = 0; layer < TINY_LAYERS; layer++)
            tiny_layer(file, layer);
        if (options->poisoned)
            file->data[file->count - 1] = NAN;
        tiny_linear(file, "pooler.dense", TINY_HIDDEN, TINY_HIDDEN);
        file->header[file->header_length++] = '}';
        uint64_t length = file->header_length;
        for (int i = 0; i < 8; i++)
            bytes[i] = (unsigned char)(length >> (8 * i));
        memcpy(bytes + 8, file->header, length);
        memcpy(bytes + 8 + length, file->data, file->count * sizeof(float));
        good = tiny_write(folder, "model.safetensors", bytes, 8 + length + file->count * sizeof(float));
        free(file->data);
    }
    free(bytes);
    free(file);
    return good;
}

/* --- the folder ---------------------------------------------------------------------------------- */

static const char tiny_config[] =
    "{\"architectures\":[\"BertModel\"],\"model_type\":\"bert\",\"vocab_size\":24,\"hidden_size\":16,"
    "\"num_hidden_layers\":2,\"num_attention_heads\":2,\"intermediate_size\":32,\"hidden_act\":\"gelu\","
    "\"hidden_dropout_prob\":0.1,\"attention_probs_dropout_prob\":0.1,\"max_position_embeddings\":32,"
    "\"type_vocab_size\":2,\"initializer_range\":0.02,\"layer_norm_eps\":1e-12,\"pad_token_id\":0}\n";

static const char tiny_vocab[] =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\ncat\nsat\non\nmat\ndog\nran\n##s\n##ing\na\nb\n"
    "c\nd\ne\nf\n.\n,\n!\n?\n";

static const char tiny_tokenizer_config[] =
    "{\"tokenizer_class\":\"BertTokenizer\",\"do_lower_case\":true,\"model_max_length\":32,\"pad_token\":\"[PAD]\","
    "\"unk_token\":\"[UNK]\",\"cls_token\":\"[CLS]\",\"sep_token\":\"[SEP]\",\"mask_token\":\"[MASK]\"}\n";

static inline bool
tiny_bert_write(const char *folder, const tiny_options *options)
{
    static const tiny_options none;
    if (!options)
        options = &none;
    bool good = tiny_write(folder, "config.json", tiny_config, strlen(tiny_config)) && tiny_weights(folder, options);
    if (good && !options->without_tokenizer)
        good = tiny_write(folder, "vocab.txt", tiny_vocab, strlen(tiny_vocab)) &&
               tiny_write(folder, "tokenizer_config.json", tiny_tokenizer_config, strlen(tiny_tokenizer_config));
    return good;
}

#endif
