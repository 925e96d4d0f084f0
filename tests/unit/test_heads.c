/* SPDX-License-Identifier: Apache-2.0 */
/* Heads as tasks see them: labels, problem types, availability; heads that an instance writes. */
#include "tests/unit/model_files.h"

static const char family[] =
    "model_types: [toy]\n"
    "embeddings: [{gather: words, index: token_ids, rows: 6, out: 4}]\n"
    "encoder: [tanh]\n"
    "heads:\n"
    "  sort: {task: classify, architectures: [ToySort], outputs: [logits], steps: [first_token, {linear: sorter, out: "
    "$num_labels, as: logits}]}\n"
    "  tag: {task: ner, outputs: [logits], steps: [{linear: tagger, out: $num_labels, as: logits}]}\n"
    "  lm: {task: fill_mask, outputs: [logits], steps: [{linear: decoder, out: 6, as: logits}]}\n";

static test_folder folder;
static eg_error error;
static eg_source *source;

static void
start(void)
{
    static const test_tensor tensors[] = {
        {"words.weight", 2, {6, 4}}, {"sorter.weight", 2, {3, 4}}, {"sorter.bias", 1, {3}}};
    folder = test_folder_new();
    test_make_folder(&folder, "models");
    test_make_folder(&folder, "model");
    test_write(&folder, "models/toy.yaml", family);
    test_write(&folder, "models/common.yaml",
               "ignore: [sentence_transformers, sbert_ce_default_activation_function]\n");
    test_write_tensors(&folder, "model/model.safetensors", tensors, 3);
}

static void
finish(void)
{
    eg_source_close(source);
    test_folder_remove(&folder);
}

TestSuite(heads, .init = start, .fini = finish);

static void
write_config(const char *more)
{
    char text[1024];
    snprintf(text, sizeof text, "{\"model_type\": \"toy\", \"architectures\": [\"ToySort\"]%s}", more);
    test_write(&folder, "model/config.json", text);
}

static eg_status
open_path(const char *path)
{
    static char dir[1024];
    snprintf(dir, sizeof dir, "%s", test_path(&folder, "models"));
    eg_source_options options = {.family_dir = dir};
    eg_source_close(source);
    return eg_source_open(test_path(&folder, path), &options, &source, &error);
}

static eg_head_info
head_of(const char *path, const char *name)
{
    eg_head_info info = {0};
    cr_assert_eq(open_path(path), EG_OK, "%s", test_error_line(&error));
    for (uint32_t i = 0; i < eg_source_head_count(source); i++) {
        eg_source_head(source, i, &info);
        if (strcmp(info.name, name) == 0)
            return info;
    }
    cr_assert_fail("there is no head %s", name);
    return info;
}

static void
check_labels(const eg_head_info *info, const char *want)
{
    char got[512] = "";
    size_t used = 0;
    for (uint32_t i = 0; i < info->label_count; i++)
        used += (size_t)snprintf(got + used, sizeof got - used, "%s%s", i ? " " : "", info->labels[i]);
    cr_assert_str_eq(got, want, "%s", got);
}

static void
check_refused(const char *path, const char *file, uint32_t line, uint32_t column, const char *message)
{
    cr_assert_neq(open_path(path), EG_OK, "accepted");
    test_assert_error(&error, EG_E_INPUT, line, column, message);
    cr_assert(strstr(error.file, file), "%s is not in %s", file, test_error_line(&error));
}

static void
write_instance(const char *heads)
{
    char text[2048];
    snprintf(text, sizeof text, "egbert: 1\ncheckpoint: model\nheads:\n%s", heads);
    test_write(&folder, "own.yaml", text);
}

Test(heads, labels_are_those_of_id2label_by_index)
{
    write_config(", \"id2label\": {\"2\": \"good\", \"0\": \"bad\", \"1\": \"fair\"}");
    eg_head_info info = head_of("model", "sort");
    check_labels(&info, "bad fair good");
    cr_assert_str_eq(info.task, "classify");
    cr_assert(info.available);
    cr_assert_str_eq(info.output, "logits");
    cr_assert_null(info.problem_type);
}

Test(heads, labels_are_numbered_where_config_has_none)
{
    write_config(", \"num_labels\": 3");
    eg_head_info info = head_of("model", "sort");
    check_labels(&info, "LABEL_0 LABEL_1 LABEL_2");
}

Test(heads, only_classes_have_labels)
{
    write_config(", \"num_labels\": 3");
    eg_head_info info = head_of("model", "lm");
    cr_assert_eq(info.label_count, 0);
    cr_assert_not(info.available);
    cr_assert(strstr(info.why_not, "decoder.weight"), "%s", info.why_not);
}

Test(heads, id2label_and_num_labels_agree)
{
    write_config(", \"num_labels\": 2, \"id2label\": {\"0\": \"a\", \"1\": \"b\", \"2\": \"c\"}");
    check_refused("model", "config.json", 1, 67, "num_labels is 2, and id2label has 3 labels");
    write_config(", \"num_labels\": 2000000000");
    check_refused("model", "config.json", 1, 67, "num_labels is 2000000000; 1 to 4194304 is expected");
}

Test(heads, problem_types_are_words)
{
    write_config(", \"num_labels\": 3, \"problem_type\": \"regression\"");
    eg_head_info info = head_of("model", "sort");
    cr_assert_str_eq(info.problem_type, "regression");
    write_config(", \"problem_type\": \"multi_label\"");
    check_refused("model", "config.json", 1, 69, "problem_type is 'multi_label'");
}

Test(heads, an_instance_gives_labels_and_problem_type)
{
    write_config(", \"num_labels\": 3");
    write_instance("  mine: {task: classify, labels: [low, high], problem_type: multi_label_classification,\n"
                   "         steps: [first_token, {slice: 2, begin: 0, as: logits}]}\n");
    eg_head_info info = head_of("own.yaml", "mine");
    check_labels(&info, "low high");
    cr_assert_str_eq(info.problem_type, "multi_label_classification");
    info = head_of("own.yaml", "sort");
    check_labels(&info, "LABEL_0 LABEL_1 LABEL_2");
}

Test(heads, labels_are_as_many_as_the_head_gives)
{
    write_config(", \"num_labels\": 3");
    write_instance("  mine: {task: classify, labels: [low],\n"
                   "         steps: [first_token, {slice: 2, begin: 0, as: logits}]}\n");
    check_refused("own.yaml", "own.yaml", 4, 26, "the head 'mine' has 1 label, and its 'logits' is 2 wide");
    write_instance("  mine: {task: classify, problem_type: several, steps: [first_token, {as: logits}]}\n");
    check_refused("own.yaml", "own.yaml", 4, 40, "problem_type is 'several'");
}

Test(heads, id2label_is_of_the_familys_heads)
{
    write_config(", \"id2label\": {\"0\": \"a\", \"1\": \"b\", \"2\": \"c\"}");
    write_instance("  sort: {task: classify, steps: [first_token, {slice: 2, begin: 0, as: logits}]}\n");
    check_refused("own.yaml", "config.json", 1, 53, "id2label has 3 labels, and 'logits' of the head 'sort' is 2 wide");
    write_instance("  mine: {task: classify, steps: [first_token, {slice: 2, begin: 0, as: logits}]}\n");
    eg_head_info info = head_of("own.yaml", "mine");
    check_labels(&info, "LABEL_0 LABEL_1");
}

static void
check_activation(const char *more, const char *want)
{
    eg_source_info info;
    write_config(more);
    cr_assert_eq(open_path("model"), EG_OK, "%s", test_error_line(&error));
    eg_source_describe(source, &info);
    cr_assert_str_eq(info.activation ? info.activation : "none", want);
}

Test(heads, the_activation_of_a_cross_encoder_is_the_last_part_of_its_name)
{
    check_activation(", \"num_labels\": 3", "none");
    check_activation(
        ", \"num_labels\": 3, \"sbert_ce_default_activation_function\": \"torch.nn.modules.linear.Identity\"",
        "Identity");
    check_activation(", \"num_labels\": 3, \"sbert_ce_default_activation_function\": \"Identity\", "
                     "\"sentence_transformers\": {\"activation_fn\": \"torch.nn.modules.activation.Sigmoid\"}",
                     "Sigmoid");
    test_write(&folder, "model/config_sentence_transformers.json", "{\"activation_fn\": \"torch.nn.Tanh\"}");
    check_activation(", \"num_labels\": 3, \"sentence_transformers\": {\"activation_fn\": \"x.Sigmoid\"}", "Tanh");
}

static const char *
default_head(const char *path)
{
    static char name[64];
    eg_source_info info;
    cr_assert_eq(open_path(path), EG_OK, "%s", test_error_line(&error));
    eg_source_describe(source, &info);
    snprintf(name, sizeof name, "%s", info.head ? info.head : "none");
    return name;
}

/* A checkpoint whose classifier has the name that another head would read, too. */
static void
share_a_tensor(void)
{
    static const char shared[] = "model_types: [toy]\n"
                                 "embeddings: [{gather: words, index: token_ids, rows: 6, out: 4}]\n"
                                 "encoder: [tanh]\n"
                                 "heads:\n"
                                 "  sort: {task: classify, architectures: [ToySort], steps: [first_token, {linear: "
                                 "sorter, out: $num_labels}]}\n"
                                 "  tag: {task: ner, steps: [{linear: sorter, out: $num_labels}]}\n";
    test_write(&folder, "models/toy.yaml", shared);
    write_config(", \"num_labels\": 3");
}

Test(heads, one_that_shares_tensors_with_the_checkpoints_own_is_not_there)
{
    share_a_tensor();
    cr_assert_str_eq(default_head("model"), "sort");
    cr_assert_not(head_of("model", "tag").available);
}

Test(heads, what_an_instance_removes_or_replaces_still_has_its_tensors)
{
    share_a_tensor();
    write_instance("  sort: null\n");
    cr_assert_str_eq(default_head("own.yaml"), "none");
    cr_assert_not(head_of("own.yaml", "tag").available);
    write_instance("  sort: {task: classify, steps: [first_token, {slice: 2, begin: 0}]}\n");
    cr_assert_str_eq(default_head("own.yaml"), "sort", "a replaced head stays the default");
    cr_assert_not(head_of("own.yaml", "tag").available);
    cr_assert_eq(head_of("own.yaml", "sort").label_count, 2);
}

Test(heads, what_an_instance_writes_is_there_whatever_it_shares)
{
    share_a_tensor();
    write_instance("  mine: {task: ner, steps: [{linear: sorter, out: 3}]}\n");
    cr_assert(head_of("own.yaml", "mine").available);
    cr_assert_str_eq(default_head("own.yaml"), "sort");
}

Test(heads, keys_alone_go_over_the_familys_head)
{
    write_config(", \"num_labels\": 3");
    write_instance("  sort: {labels: [x, y, z], problem_type: multi_label_classification}\n");
    eg_head_info info = head_of("own.yaml", "sort");
    check_labels(&info, "x y z");
    cr_assert_str_eq(info.problem_type, "multi_label_classification");
    cr_assert_str_eq(default_head("own.yaml"), "sort");
}

Test(heads, weights_come_from_another_file_and_from_the_checkpoint)
{
    static const test_tensor tensors[] = {{"a.out.weight", 2, {2, 3}}, {"a.out.bias", 1, {2}}};
    test_write_tensors(&folder, "heads.safetensors", tensors, 2);
    write_config(", \"num_labels\": 3");
    write_instance("  mine: {task: classify, weights: heads.safetensors, prefix: a., steps: [first_token, {linear: "
                   "{weight: \"checkpoint:sorter.weight\", bias: \"checkpoint:sorter.bias\"}, out: 3}, {linear: out, "
                   "out: 2}]}\n");
    eg_head_info info = head_of("own.yaml", "mine");
    cr_assert(info.available);
    check_labels(&info, "LABEL_0 LABEL_1");
    write_instance("  mine: {task: classify, weights: heads.safetensors, prefix: a., steps: [first_token, {linear: "
                   "sorter, out: 3}]}\n");
    cr_assert_eq(open_path("own.yaml"), EG_E_INPUT);
    cr_assert(strstr(error.message, "'a.sorter.weight' is missing") && strstr(error.file, "heads.safetensors"), "%s",
              test_error_line(&error));
}

Test(heads, the_last_step_gives_the_only_output_unless_it_has_a_name)
{
    write_config(", \"num_labels\": 3");
    write_instance("  mine: {task: classify, steps: [first_token, {as: features}, {slice: 2, begin: 0}]}\n");
    cr_assert_eq(head_of("own.yaml", "mine").label_count, 2);
    write_instance("  mine: {task: classify, steps: [first_token, {slice: 2, begin: 0, as: logit}]}\n");
    cr_assert_eq(open_path("own.yaml"), EG_E_INPUT);
    cr_assert(strstr(error.message, "no step of the head 'mine' gives the name 'logits'"), "%s",
              test_error_line(&error));
}
