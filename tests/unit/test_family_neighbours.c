/* SPDX-License-Identifier: Apache-2.0 */
/* The words for neighbouring rows and for groups of columns: the graph that they give, their weights, their messages. */
#include "tests/unit/model_files.h"

static const char head[] = "model_types: [toy]\n"
                           "config: {vocab_size: int, hidden_size: int}\n"
                           "embeddings: [{gather: words, index: token_ids, rows: $vocab_size, out: $hidden_size}]\n"
                           "encoder:\n";

/* Every weight that a step below may ask for. */
static const test_tensor tensors[] = {{"words.weight", 2, {6, 4}},
                                      {"conv.weight", 3, {8, 2, 3}},
                                      {"conv.bias", 1, {8}},
                                      {"own.weight", 3, {4, 1, 3}},
                                      {"grouped.weight", 3, {8, 2, 1}},
                                      {"grouped.bias", 1, {8}},
                                      {"turns", 1, {2}},
                                      {"by_group.weight", 3, {2, 2, 3}},
                                      {"by_group.bias", 1, {6}}};

static test_folder folder;
static eg_error error;

static void
start(void)
{
    folder = test_folder_new();
    test_make_folder(&folder, "models");
    test_make_folder(&folder, "model");
    test_write(&folder, "models/common.yaml", "ignore: []\n");
    test_write(&folder, "model/config.json", "{\"model_type\": \"toy\", \"vocab_size\": 6, \"hidden_size\": 4}\n");
    test_write_tensors(&folder, "model/model.safetensors", tensors, sizeof tensors / sizeof *tensors);
}

static void
finish(void)
{
    test_folder_remove(&folder);
}

TestSuite(neighbours, .init = start, .fini = finish);

static eg_status
write_graph(eg_source *source, eg_strbuf *out)
{
    static const char *const outputs[] = {"last_hidden_state"};
    eg_build_options options = {.outputs = outputs, .output_count = 1, .normalize = -1};
    eg_model_graph graph;
    EG_TRY(eg_source_build(source, &options, &graph, &error));
    eg_status status = eg_graph_write(&graph.graph, out, &error);
    eg_model_graph_finish(&graph);
    return status;
}

/* The graph of an encoder with these steps (each "  - …\n"), or NULL with the error set. */
static const char *
graph_of(const char *steps)
{
    static char text[16384], dir[1024];
    snprintf(text, sizeof text, "%s%s", head, steps);
    test_write(&folder, "models/toy.yaml", text);
    snprintf(dir, sizeof dir, "%s", test_path(&folder, "models"));
    eg_source_options options = {.family_dir = dir, .family = "toy"};
    eg_source *source = NULL;
    eg_strbuf written = {0};
    eg_error_init(&error);
    eg_status status = eg_source_open(test_path(&folder, "model"), &options, &source, &error);
    if (status == EG_OK)
        status = write_graph(source, &written);
    snprintf(text, sizeof text, "%s", status == EG_OK ? written.data : "");
    eg_strbuf_finish(&written);
    eg_source_close(source);
    return status == EG_OK ? text : NULL;
}

static void
gives(const char *steps, const char *line)
{
    const char *text = graph_of(steps);
    cr_assert_not_null(text, "%s", test_error_line(&error));
    cr_expect(strstr(text, line), "'%s' is not in\n%s", line, text);
}

static void
refused(const char *steps, const char *message)
{
    cr_assert_null(graph_of(steps), "%s is accepted", steps);
    cr_expect(strstr(test_error_line(&error), message), "%s", test_error_line(&error));
}

Test(neighbours, ops_are_steps)
{
    gives("  - shift: -1\n", "= shift(%embeddings) {by=-1} : token f32 [T, 4]");
    gives("  - unfold: 3\n", "= unfold(%embeddings) {kernel=3} : token f32 [T, 12]");
    gives("  - {equal: 5, of: token_ids}\n", "= equal(%token_ids) {to=5} : token f32 [T, 1]");
    gives("  - where: [{equal: 5, of: token_ids}, {scale: -1, offset: 1}, embeddings]\n",
          "{factor=-1.0, offset=1.0} : token f32 [T, 4]");
    gives("  - sub: [embeddings, {mean: null, begin: 1, end: -1}]\n", "{begin=1, end=-1} : text f32 [B, 4]");
    refused("  - {shift: 1, to: 3}\n", "'shift' has no argument 'to'");
    refused("  - sub: [embeddings, {mean: null, end: 0}]\n", "begin 0 and end 0 leave no row");
}

/* A convolution's weight has three axes in the file, and two in the graph. */
Test(neighbours, convolutions)
{
    static const char conv[] = "  - {conv1d: conv, out: 8, kernel: 3, groups: 2}\n";
    gives(conv, "= unfold(%embeddings) {kernel=3} : token f32 [T, 12]");
    gives(conv, "const %conv.weight : table f32 [8, 6]");
    gives(conv, "{groups=2} : token f32 [T, 8]");
    gives(conv, "bias_add(");
    gives("  - {conv1d: own, out: 4, kernel: 3, groups: 4, bias: false}\n", "const %own.weight : table f32 [4, 3]");
    refused("  - {conv1d: conv, out: 8, kernel: 5, groups: 2}\n", "'conv.weight' is [8, 2, 3]; [8, 2, 5] is expected");
    refused("  - {conv1d: conv, out: 8, kernel: 3}\n", "'conv.weight' is [8, 2, 3]; [8, 4, 3] is expected");
    refused("  - {conv1d: conv, out: 8}\n", "needs 'kernel'");
    refused("  - {conv1d: conv, out: 8, kernel: 3, groups: 3}\n", "3 groups do not fit widths of 4 and 8");
}

Test(neighbours, groups_of_columns)
{
    gives("  - {linear: grouped, out: 8, groups: 2}\n", "grouped_matmul(%embeddings, %grouped.weight) {groups=2}");
    gives("  - {attention: {heads: 2, query: {name: grouped, groups: 2}, key: {name: grouped, groups: 2}, value: "
          "{name: grouped, groups: 2}, head_size: 4}}\n",
          "grouped_matmul(%embeddings, %grouped.weight) {groups=2}");
    gives("  - {linear: by_group, out: 6, groups: 2, layout: groups_in_out}\n",
          "const %by_group.weight : table f32 [4, 3]");
    gives("  - {linear: by_group, out: 6, groups: 2, layout: groups_in_out}\n", "{axis=0} : table f32 [6, 2]");
    refused("  - {linear: by_group, out: 6, groups: 1, layout: groups_in_out}\n", "[2, 2, 3]; [1, 4, 6] is expected");
    refused("  - {linear: grouped, out: 8, groups: 2, layout: in_out}\n", "not in_out");
    refused("  - {linear: grouped, out: 8}\n", "is [8, 2, 1]; [8, 4] is expected");
    refused("  - {attention: {heads: 2, qkv: {name: grouped, groups: 2}}}\n", "groups");
}

Test(neighbours, stored_frequencies)
{
    gives("  - {rotary: {heads: 1, frequencies: [of_old, turns]}}\n", ", %turns) {width=4} : token f32 [T, 4]");
    refused("  - {rotary: {heads: 1, frequencies: turns, theta: 10}}\n", "theta says nothing");
    refused("  - {rotary: {heads: 2, frequencies: turns}}\n", "'turns' is [2]; [1] is expected");
}
