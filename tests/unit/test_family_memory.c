/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model opened, described and built with each of its allocations failing in turn. Linked with --wrap, so that the
 * library's calls of malloc() and friends come here.
 */
#include "tests/unit/failing_alloc.h"
#include "tests/unit/model_files.h"

static const char family[] =
    "model_types: [toy]\n"
    "config: {width: {type: int, default: 4}, act: {type: activation, default: gelu}}\n"
    "define: {ffn: {with: [w], steps: [{residual: {body: [{linear: \"{w}\", out: $width}, {activation: $act}]}}]}}\n"
    "embeddings: [{gather: words, index: token_ids, rows: 6, out: $width}]\n"
    "encoder: [{repeat: {i: 2}, hidden_states: true, block: [{use: ffn, w: \"l{i}\"}, {rotary: {heads: 2, theta: "
    "9}}]}]\n"
    "outputs: {pooler_output: {optional: true, steps: [first_token, {linear: pool, out: 3}]}}\n"
    "heads: {tag: {task: ner, outputs: [logits], steps: [{linear: tag, out: 2, as: logits}]}}\n";
static const test_tensor tensors[] = {
    {"words.weight", 2, {6, 4}}, {"l0.weight", 2, {4, 4}},  {"l0.bias", 1, {4}},  {"l1.weight", 2, {4, 4}},
    {"l1.bias", 1, {4}},         {"tag.weight", 2, {2, 4}}, {"tag.bias", 1, {2}},
};

static eg_status
open_and_build(const test_folder *folder, const char *model, eg_error *err)
{
    static const char *const outputs[] = {"hidden_states", "tag.logits", "embedding"};
    char models[512];
    snprintf(models, sizeof models, "%s/models", folder->path);
    eg_source_options options = {.family_dir = models};
    eg_build_options wanted = {.outputs = outputs, .output_count = 3, .normalize = 1};
    eg_source *source;
    eg_model_graph graph;
    eg_strbuf text = {0};
    EG_TRY(eg_source_open(model, &options, &source, err));
    eg_status status = eg_source_inspect(source, &text, err);
    eg_strbuf_finish(&text);
    if (status == EG_OK)
        status = eg_source_build(source, &wanted, &graph, err);
    if (status == EG_OK)
        eg_model_graph_finish(&graph);
    eg_source_close(source);
    return status;
}

static test_folder
new_model(void)
{
    test_folder folder = test_folder_new();
    test_make_folder(&folder, "models");
    test_write(&folder, "models/toy.yaml", family);
    test_write(&folder, "config.json", "{\"model_type\": \"toy\"}");
    test_write_tensors(&folder, "model.safetensors", tensors, sizeof tensors / sizeof *tensors);
    return folder;
}

static void
fail_each(test_folder *folder, const char *path)
{
    char model[1024];
    snprintf(model, sizeof model, "%s", test_path(folder, path));
    eg_status status = EG_E_NOMEM;
    for (size_t n = 0; status != EG_OK; n++) {
        eg_error err;
        eg_error_init(&err);
        fail_allocation(n, false);
        status = open_and_build(folder, model, &err);
        allocations_work();
        cr_assert(status == EG_OK || status == EG_E_NOMEM, "allocation %zu: %s", n, test_error_line(&err));
        cr_assert(status == EG_OK || err.code == EG_E_NOMEM, "allocation %zu: no error is said", n);
        cr_assert(n < 100000);
    }
    test_folder_remove(folder);
}

Test(family_memory, every_allocation_may_fail)
{
    test_folder folder = new_model();
    fail_each(&folder, ".");
}

/* With heads of its own, one that goes over the family's, one that replaces it, and modules after the encoder. */
Test(family_memory, every_allocation_of_an_instance_may_fail)
{
    static const test_tensor own[] = {{"a.out.weight", 2, {2, 4}}, {"a.out.bias", 1, {2}}, {"surplus", 1, {2}}};
    static const test_tensor dense[] = {{"linear.weight", 2, {3, 8}}, {"linear.bias", 1, {3}}};
    test_folder folder = new_model();
    test_make_folder(&folder, "1_Pooling");
    test_make_folder(&folder, "2_Dense");
    test_write_tensors(&folder, "heads.safetensors", own, 3);
    test_write_tensors(&folder, "2_Dense/model.safetensors", dense, 2);
    test_write(&folder, "modules.json",
               "[{\"type\": \"x.Transformer\", \"path\": \"\"}, {\"type\": \"x.Pooling\", \"path\": \"1_Pooling\"},"
               " {\"type\": \"x.Dense\", \"path\": \"2_Dense\"}]");
    test_write(&folder, "1_Pooling/config.json", "{\"embedding_dimension\": 4}");
    test_write(&folder, "2_Dense/config.json",
               "{\"in_features\": 8, \"out_features\": 3, \"activation_function\": \"torch.nn.Softplus\"}");
    test_write(
        &folder, "own.yaml",
        "egbert: 1\ncheckpoint: .\npooling: {mode: [max, mean], layers: 2, join: mean, tokens: [0, null]}\n"
        "heads:\n"
        "  tag: {labels: [x, y]}\n"
        "  mine: {task: classify, weights: heads.safetensors, prefix: a., steps: [first_token, {linear: out, out: "
        "2}]}\n");
    fail_each(&folder, "own.yaml");
}
