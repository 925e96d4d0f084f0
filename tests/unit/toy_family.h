/* SPDX-License-Identifier: Apache-2.0 */
/* A family of a few lines and a model of it, for tests that change either and see what the frontend says. */
#ifndef EG_TESTS_UNIT_TOY_FAMILY_H
#define EG_TESTS_UNIT_TOY_FAMILY_H

#include "tests/unit/model_files.h"

static const char toy[] =
    "model_types: [toy]\n"                                           /* 1 */
    "config:\n"                                                      /* 2 */
    "  vocab_size: {type: int, min: 1}\n"                            /* 3 */
    "  hidden_size: {type: int, min: 1, keys: [hidden_size, dim]}\n" /* 4 */
    "  layers: {type: int, default: 2, min: 1}\n"                    /* 5 */
    "  heads: {type: int, default: 2, min: 1}\n"                     /* 6 */
    "  eps: {type: float, default: 1e-12}\n"                         /* 7 */
    "  act: {type: activation, default: gelu}\n"                     /* 8 */
    "  kind: {type: enum, of: [a, b], default: a}\n"                 /* 9 */
    "  parts: {type: list, split: \"|\", default: [x]}\n"            /* 10 */
    "  types: {type: list, default: {each: {i: $layers}, value: {if: \"i % 2 == 0\", then: full, "
    "else: local}}}\n"                                                              /* 11 */
    "  theta: {type: float, keys: [rope.full.theta, theta], default: 10}\n"         /* 12 */
    "require: [\"$hidden_size % $heads == 0\"]\n"                                   /* 13 */
    "prefix: [\"toy.\", \"\"]\n"                                                    /* 14 */
    "rename: {gamma: weight, beta: bias}\n"                                         /* 15 */
    "defaults: {norm: {eps: $eps}}\n"                                               /* 16 */
    "embeddings:\n"                                                                 /* 17 */
    "  - {gather: words, index: token_ids, rows: $vocab_size, out: $hidden_size}\n" /* 18 */
    "  - norm: norm\n"                                                              /* 19 */
    "encoder:\n"                                                                    /* 20 */
    "  - repeat: {i: $layers}\n"                                                    /* 21 */
    "    scope: \"layer.{i}.\"\n"                                                   /* 22 */
    "    hidden_states: true\n"                                                     /* 23 */
    "    block:\n"                                                                  /* 24 */
    "      - {use: ffn, width: $hidden_size}\n"                                     /* 25 */
    "      - {activation: $act, as: activated}\n"                                   /* 26 */
    "define:\n"                                                                     /* 27 */
    "  ffn: {with: {width: number}, steps: [{linear: ffn, out: width}]}\n"          /* 28 */
    "outputs:\n"                                                                    /* 29 */
    "  pooled: {optional: true, steps: [first_token, {linear: pool, out: 3}]}\n"    /* 30 */
    "heads:\n"                                                                      /* 31 */
    "  lm: {task: fill_mask, architectures: [ToyLM], outputs: [logits], steps: [{linear: {weight: "
    "[decoder.weight, \"base:words.weight\"], bias: false}, out: $vocab_size, as: logits}]}\n"
    "  tag: {task: ner, architectures: [ToyTag], outputs: [logits], steps: [{linear: tagger, out: "
    "$num_labels, as: logits}]}\n"
    "  pair: {task: none, outputs: {a: lm.logits, b: tag.logits}}\n";

static const char plain_config[] = "{\n\"model_type\": \"toy\",\n\"vocab_size\": 6,\n\"hidden_size\": 4\n}\n";

static test_folder folder;
static eg_error error;
static eg_source *source;
static char noticed[4096];

static inline void
start(void)
{
    folder = test_folder_new();
    test_make_folder(&folder, "models");
    test_make_folder(&folder, "model");
    test_write(&folder, "models/toy.yaml", toy);
    test_write(&folder, "models/common.yaml", "ignore: [dropout]\n");
    test_write(&folder, "model/config.json", plain_config);
}

static inline void
finish(void)
{
    eg_source_close(source);
    test_folder_remove(&folder);
}

static inline void
take_notice(void *user, const char *line)
{
    (void)user;
    snprintf(noticed, sizeof noticed, "%s", line);
}

static inline eg_source_options
options_of(void)
{
    static char dir[1024];
    snprintf(dir, sizeof dir, "%s", test_path(&folder, "models"));
    return (eg_source_options){.family_dir = dir, .without_weights = true, .notice = take_notice};
}

static inline eg_status
open_with(const eg_source_options *options, const char *path)
{
    eg_source_close(source);
    return eg_source_open(test_path(&folder, path), options, &source, &error);
}

static inline eg_status
open_model(void)
{
    eg_source_options options = options_of();
    return open_with(&options, "model");
}

static inline void
must_open(void)
{
    cr_assert_eq(open_model(), EG_OK, "%s", test_error_line(&error));
}

/* The toy family with one text put for another. */
static inline void
write_changed(const char *from, const char *to)
{
    const char *at = strstr(toy, from);
    cr_assert_not_null(at, "'%s' is not in the toy family", from);
    eg_strbuf text = {0};
    eg_strbuf_append(&text, toy, (size_t)(at - toy));
    eg_strbuf_puts(&text, to);
    eg_strbuf_puts(&text, at + strlen(from));
    test_write(&folder, "models/toy.yaml", text.data);
    eg_strbuf_finish(&text);
}

/* Opening by name, so that a broken family is not just left out. */
static inline void
check_refused(uint32_t line, uint32_t column, const char *file, const char *message)
{
    eg_source_options options = options_of();
    options.family = "toy";
    cr_assert_neq(open_with(&options, "model"), EG_OK, "accepted");
    test_assert_error(&error, EG_E_INPUT, line, column, message);
    cr_assert(strstr(error.file, file), "%s is not in %s", file, test_error_line(&error));
}

static inline void
check_family_refused(const char *from, const char *to, uint32_t line, uint32_t column, const char *message)
{
    write_changed(from, to);
    check_refused(line, column, "toy.yaml", message);
}

static inline void
check_config_refused(const char *json, uint32_t line, uint32_t column, const char *message)
{
    test_write(&folder, "model/config.json", json);
    check_refused(line, column, "config.json", message);
}

static inline const char *
build(const char *outputs)
{
    static char text[65536];
    char copy[512];
    const char *names[16];
    uint32_t count = 0;
    snprintf(copy, sizeof copy, "%s", outputs);
    for (char *name = strtok(copy, " "); name; name = strtok(NULL, " "))
        names[count++] = name;
    eg_build_options options = {.outputs = names, .output_count = count, .normalize = -1};
    eg_model_graph graph;
    eg_strbuf written = {0};
    if (eg_source_build(source, &options, &graph, &error) != EG_OK)
        return NULL;
    cr_assert_eq(eg_graph_write(&graph.graph, &written, &error), EG_OK);
    snprintf(text, sizeof text, "%s", written.data);
    eg_strbuf_finish(&written);
    eg_model_graph_finish(&graph);
    return text;
}

static inline const char *
must_build(const char *outputs)
{
    const char *text = build(outputs);
    cr_assert_not_null(text, "%s", test_error_line(&error));
    return text;
}

static inline char *
inspect(void)
{
    eg_strbuf text = {0};
    cr_assert_eq(eg_source_inspect(source, &text, &error), EG_OK, "%s", test_error_line(&error));
    return text.data;
}

static inline void
check_inspect(const char *part)
{
    char *text = inspect();
    cr_assert(strstr(text, part), "%s is not in %s", part, text);
    eg_free(text);
}

#endif
