/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/model_files.h"

#include "frontend/source/pipeline.h"

static const char family[] = "model_types: [toy]\n"
                             "embeddings: [{gather: words, index: token_ids, rows: 6, out: 4}]\n"
                             "encoder: [tanh]\n"
                             "outputs: {pooler_output: {optional: true, steps: [first_token]}}\n";
static const char modules[] =
    "[{\"idx\": 0, \"name\": \"0\", \"path\": \"\", \"type\": \"sentence_transformers.models.Transformer\"},\n"
    " {\"idx\": 1, \"name\": \"1\", \"path\": \"1_Pooling\", \"type\": \"sentence_transformers.models.Pooling\"}\n"
    "%s]";

static test_folder folder;
static eg_error error;
static eg_source *source;

static void
write_modules(const char *more)
{
    char text[2048];
    snprintf(text, sizeof text, modules, more);
    test_write(&folder, "modules.json", text);
}

static void
start(void)
{
    static const test_tensor words[] = {{"words.weight", 2, {6, 4}}};
    folder = test_folder_new();
    test_make_folder(&folder, "models");
    test_make_folder(&folder, "1_Pooling");
    test_make_folder(&folder, "2_Dense");
    test_write(&folder, "models/toy.yaml", family);
    test_write(&folder, "config.json", "{\"model_type\": \"toy\"}");
    test_write_tensors(&folder, "model.safetensors", words, 1);
    test_write(&folder, "1_Pooling/config.json", "{\"embedding_dimension\": 4, \"pooling_mode\": \"mean\"}");
    write_modules("");
}

static void
finish(void)
{
    eg_source_close(source);
    test_folder_remove(&folder);
}

TestSuite(pipeline, .init = start, .fini = finish);

static eg_status
open_model(void)
{
    static char dir[1024];
    snprintf(dir, sizeof dir, "%s", test_path(&folder, "models"));
    eg_source_options options = {.family_dir = dir};
    eg_source_close(source);
    return eg_source_open(folder.path, &options, &source, &error);
}

/* The ops of "embedding" as "op op op". */
static const char *
ops_of(const eg_build_options *asked)
{
    static char text[2048];
    static const char *const names[] = {"embedding"};
    eg_build_options options = *asked;
    eg_model_graph graph;
    eg_strbuf written = {0};
    options.outputs = names;
    options.output_count = 1;
    if (eg_source_build(source, &options, &graph, &error) != EG_OK)
        return NULL;
    for (size_t i = 0; i < graph.graph.order.count; i++)
        eg_strbuf_printf(&written, "%s%s", i ? " " : "",
                         eg_graph_node(&graph.graph, graph.graph.order.items[i])->op->name);
    const eg_value *value = eg_graph_value(&graph.graph, graph.outputs[0].values[0]);
    char type[128];
    eg_type_format(&value->type, type, sizeof type);
    eg_strbuf_printf(&written, " -> %s", type);
    snprintf(text, sizeof text, "%s", written.data);
    eg_strbuf_finish(&written);
    eg_model_graph_finish(&graph);
    return text;
}

static void
check_ops(const char *ops)
{
    eg_build_options options = {.normalize = -1};
    cr_assert_eq(open_model(), EG_OK, "%s", test_error_line(&error));
    const char *got = ops_of(&options);
    cr_assert_not_null(got, "%s", test_error_line(&error));
    cr_assert_str_eq(got, ops, "%s, not %s", got, ops);
}

static void
check_pooling(const char *config, const char *ops)
{
    test_write(&folder, "1_Pooling/config.json", config);
    check_ops(ops);
}

static void
check_refused(const char *file, uint32_t line, uint32_t column, const char *message)
{
    cr_assert_neq(open_model(), EG_OK, "accepted");
    test_assert_error(&error, EG_E_INPUT, line, column, message);
    cr_assert(strstr(error.file, file), "%s is not in %s", file, test_error_line(&error));
}

Test(pipeline, both_schemas_of_pooling)
{
    check_pooling("{\"embedding_dimension\": 4, \"pooling_mode\": \"lasttoken\"}",
                  "gather tanh last_token -> text f32 [B, 4]");
    check_pooling("{\"pooling_mode\": [\"max\", \"cls\"], \"pooling_mode_mean_tokens\": true}",
                  "gather tanh max first_token concat -> text f32 [B, 8]");
    check_pooling(
        "{\"word_embedding_dimension\": 4, \"pooling_mode_mean_tokens\": true, \"pooling_mode_cls_token\": true, "
        "\"pooling_mode_max_tokens\": false}",
        "gather tanh first_token mean concat -> text f32 [B, 8]");
    check_pooling("{\"word_embedding_dimension\": 4, \"pooling_mode_mean_tokens\": false}",
                  "gather tanh mean -> text f32 [B, 4]");
    check_pooling("{\"pooling_mode\": [\"weightedmean\", \"mean_sqrt_len_tokens\"]}",
                  "gather tanh weighted_mean mean_sqrt_len concat -> text f32 [B, 8]");
}

Test(pipeline, pooling_files_are_strict)
{
    test_write(&folder, "1_Pooling/config.json", "{\"pooling_mode\": \"meen\"}");
    check_refused("1_Pooling/config.json", 1, 18, "there is no pooling mode 'meen'");
    test_write(&folder, "1_Pooling/config.json", "{\"poling_mode\": \"mean\"}");
    check_refused("1_Pooling/config.json", 1, 2, "did you mean 'pooling_mode'?");
    test_write(&folder, "1_Pooling/config.json", "{\"pooling_mode\": []}");
    check_refused("1_Pooling/config.json", 1, 18, "empty");
    test_write(&folder, "1_Pooling/config.json", "{\"pooling_mode_cls_token\": 1}");
    check_refused("1_Pooling/config.json", 1, 28, "true or false");
}

Test(pipeline, module_types_match_by_their_last_part)
{
    write_modules(
        ", {\"path\": \"2_Normalize\", \"type\": \"sentence_transformers.base.modules.normalize.Normalize\"}");
    check_ops("gather tanh mean normalize -> text f32 [B, 4]");
    write_modules(", {\"path\": \"2_Dropout\", \"type\": \"sentence_transformers.models.Dropout\"}");
    check_ops("gather tanh mean -> text f32 [B, 4]");
}

Test(pipeline, unsupported_modules_are_refused_by_name)
{
    write_modules(", {\"path\": \"2_LSTM\", \"type\": \"sentence_transformers.models.LSTM\"}");
    check_refused("modules.json", 3, 30, "'sentence_transformers.models.LSTM' is not supported");
    write_modules(", {\"path\": \"../x\", \"type\": \"sentence_transformers.models.Dense\"}");
    check_refused("modules.json", 3, 12, "leads out of the model's folder");
    write_modules(", {\"path\": \"1_Pooling\", \"type\": \"sentence_transformers.models.Pooling\"}");
    check_refused("modules.json", 1, 1, "two Pooling");
    test_write(&folder, "modules.json", "[]");
    check_refused("modules.json", 1, 1, "no Transformer");
    test_write(&folder, "modules.json", "{}");
    check_refused("modules.json", 1, 1, "a list is expected");
}

static void
write_dense(const char *more, int64_t in)
{
    char text[512];
    test_tensor tensors[] = {{"linear.bias", 1, {3}}, {"linear.weight", 2, {3, in}}};
    snprintf(text, sizeof text, "{\"in_features\": %d, \"out_features\": 3%s}", (int)in, more);
    test_write(&folder, "2_Dense/config.json", text);
    test_write_tensors(&folder, "2_Dense/model.safetensors", tensors, 2);
    write_modules(", {\"path\": \"2_Dense\", \"type\": \"sentence_transformers.models.Dense\"}");
}

Test(pipeline, dense_is_a_linear_and_its_activation)
{
    write_dense("", 4);
    check_ops("gather tanh mean matmul bias_add tanh -> text f32 [B, 3]");
    write_dense(", \"bias\": false, \"activation_function\": \"torch.nn.modules.linear.Identity\"", 4);
    check_ops("gather tanh mean matmul -> text f32 [B, 3]");
    write_dense(", \"activation_function\": \"torch.nn.modules.activation.GELU\"", 4);
    check_ops("gather tanh mean matmul bias_add gelu -> text f32 [B, 3]");
    write_dense(", \"activation_function\": \"torch.nn.modules.activation.GLU\"", 4);
    check_refused("2_Dense/config.json", 1, 62, "GLU");
}

Test(pipeline, widths_must_fit)
{
    write_dense("", 5);
    check_refused("2_Dense/config.json", 1, 17, "in_features is 5; what enters this module is 4 wide");
    write_modules("");
    test_write(&folder, "1_Pooling/config.json", "{\"embedding_dimension\": 5}");
    check_refused("1_Pooling/config.json", 1, 25, "embedding_dimension is 5; what enters this module is 4 wide");
}

Test(pipeline, flags_change_what_the_files_say)
{
    write_modules(", {\"path\": \"2_Normalize\", \"type\": \"sentence_transformers.models.Normalize\"}");
    cr_assert_eq(open_model(), EG_OK);
    eg_build_options options = {.normalize = 0};
    cr_assert_str_eq(ops_of(&options), "gather tanh mean -> text f32 [B, 4]");
    options.pooling = "pooler,max,sum";
    cr_assert_str_eq(ops_of(&options), "gather tanh first_token max sum concat -> text f32 [B, 12]");
    options = (eg_build_options){.normalize = -1, .truncate_dim = 2};
    cr_assert_str_eq(ops_of(&options), "gather tanh mean normalize slice -> text f32 [B, 2]");
    options.normalize = 1;
    cr_assert_str_eq(ops_of(&options), "gather tanh mean normalize slice normalize -> text f32 [B, 2]");
    options.truncate_dim = 5;
    cr_assert_null(ops_of(&options));
    test_assert_error(&error, EG_E_USAGE, 0, 0, "cannot be truncated to 5");
    options = (eg_build_options){.normalize = -1, .pooling = "mean,,max"};
    cr_assert_null(ops_of(&options));
    test_assert_error(&error, EG_E_USAGE, 0, 0, "there is no pooling ''");
}

Test(pipeline, without_modules_the_mean_is_taken)
{
    eg_source_info info;
    remove(test_path(&folder, "modules.json"));
    check_ops("gather tanh mean -> text f32 [B, 4]");
    eg_source_describe(source, &info);
    cr_assert_not(info.has_pooling);
}

Test(pipeline, prompts_limits_and_similarity)
{
    eg_source_info info;
    size_t count;
    test_write(&folder, "1_Pooling/config.json", "{\"pooling_mode\": \"mean\", \"include_prompt\": false}");
    test_write(&folder, "sentence_bert_config.json", "{\"max_seq_length\": 7, \"do_lower_case\": true}");
    test_write(&folder, "config_sentence_transformers.json",
               "{\"prompts\": {\"query\": \"q: \", \"doc\": \"\"}, \"default_prompt_name\": \"query\", "
               "\"similarity_fn_name\": \"manhattan\"}");
    cr_assert_eq(open_model(), EG_OK, "%s", test_error_line(&error));
    eg_source_describe(source, &info);
    cr_assert_eq(info.max_seq_length, 7);
    cr_assert(info.do_lower_case);
    cr_assert(info.has_pooling);
    cr_assert_not(info.include_prompt);
    cr_assert_str_eq(info.default_prompt, "q: ");
    cr_assert_str_eq(info.similarity, "manhattan");
    cr_assert_str_eq(eg_source_prompt(source, "doc"), "");
    cr_assert_null(eg_source_prompt(source, "passage"));
    cr_assert_str_eq(eg_source_prompt_names(source, &count)[0], "query");
    cr_assert_eq(count, 2);
}

Test(pipeline, the_other_files_are_strict_where_it_matters)
{
    test_write(&folder, "config_sentence_transformers.json", "{\"default_prompt_name\": \"query\"}");
    check_refused("config_sentence_transformers.json", 1, 25, "not under prompts");
    test_write(&folder, "config_sentence_transformers.json", "{\"similarity_fn_name\": \"cosin\"}");
    check_refused("config_sentence_transformers.json", 1, 24, "cosine, dot, euclidean or manhattan");
    test_write(&folder, "config_sentence_transformers.json", "{}");
    test_write(&folder, "sentence_bert_config.json", "{\"max_seq_length\": 0}");
    check_refused("sentence_bert_config.json", 1, 20, "no length");
    test_write(&folder, "sentence_bert_config.json", "{\"max_seq_length\": null}");
    cr_assert_eq(open_model(), EG_OK, "%s", test_error_line(&error));
}
