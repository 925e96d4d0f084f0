/* SPDX-License-Identifier: Apache-2.0 */
/* What a family's file makes of a model: its graph, its weights, its heads, and which family is chosen. */
#include "tests/unit/toy_family.h"

TestSuite(family, .init = start, .fini = finish);

/* --- building ------------------------------------------------------------------------------------ */

Test(family, gives_the_graph_that_the_file_says)
{
    must_open();
    const char *text = must_build("last_hidden_state hidden_states");
    cr_assert(strstr(text, "const %toy.words.weight : table f32 [6, 4]"), "%s", text);
    cr_assert(strstr(text, "const %toy.layer.1.ffn.bias : table f32 [4]"), "%s", text);
    cr_assert(!strstr(text, "pool"), "what was not asked for is there: %s", text);
    check_inspect("\"total\":87");
    check_inspect("\"types\":[\"full\",\"local\"]");
    check_inspect("\"hidden_states.2\"");
    check_inspect("\"activated.1\"");
}

Test(family, says_what_bounds_the_inputs)
{
    eg_source_info info;
    must_open();
    eg_source_describe(source, &info);
    cr_assert_str_eq(info.family, "toy");
    cr_assert_eq(info.vocab_size, 6);
    cr_assert_eq(info.type_vocab_size, 0);
    cr_assert_eq(info.position_rows, INT64_MAX);
    cr_assert_not(info.has_weights);
}

Test(family, positions_that_skip_an_id_leave_fewer_rows)
{
    eg_source_info info;
    write_changed("{gather: words, index: token_ids, rows: $vocab_size, out: $hidden_size}",
                  "{gather: places, index: {positions: {skip: 1}}, rows: 20, out: $hidden_size}");
    must_open();
    eg_source_describe(source, &info);
    cr_assert_eq(info.position_rows, 18);
    cr_assert(strstr(must_build("last_hidden_state"), "skip=1"));
}

/* --- reuse --------------------------------------------------------------------------------------- */

Test(family, a_file_extends_the_family_of_its_name)
{
    eg_source_options options = options_of();
    static char own[1024];
    test_write(&folder, "model/toy.yaml", "extends: toy\nconfig: {layers: {default: 3}}\n");
    snprintf(own, sizeof own, "%s", test_path(&folder, "model/toy.yaml"));
    options.family = own;
    cr_assert_eq(open_with(&options, "model"), EG_OK, "%s", test_error_line(&error));
    check_inspect("\"hidden_states.3\"");
}

Test(family, extends_merges_maps_and_null_removes)
{
    test_write(&folder, "models/kin.yaml",
               "extends: toy\nmodel_types: [kin]\nconfig: {heads: null, act: {default: relu}}\nrequire: []\n"
               "heads: {lm: null}\n");
    test_write(&folder, "model/config.json", "{\"model_type\": \"kin\", \"vocab_size\": 6, \"dim\": 4}");
    must_open();
    check_inspect("\"act\":\"relu\"");
    char *text = inspect();
    cr_assert_null(strstr(text, "\"heads\":2"));
    eg_free(text);
    cr_assert(strstr(must_build("last_hidden_state"), "relu"));
}

Test(family, an_error_in_a_base_names_the_extends)
{
    test_write(&folder, "models/kin.yaml", "extends: toy\nmodel_types: [kin]\nconfig: {vocab_size: null}\n");
    test_write(&folder, "model/config.json", "{\"model_type\": \"kin\", \"hidden_size\": 4}");
    cr_assert_eq(open_model(), EG_E_INPUT);
    cr_assert(strstr(test_error_line(&error), "(from extends at "), "%s", test_error_line(&error));
    cr_assert(strstr(test_error_line(&error), "kin.yaml:1)"), "%s", test_error_line(&error));
}

/* --- choosing ------------------------------------------------------------------------------------ */

Test(family, the_family_with_most_conditions_met_wins)
{
    test_write(&folder, "models/kin.yaml",
               "extends: toy\nmodel_types: [toy]\nmatch: {keys: {kind: b}}\nconfig: {act: {default: relu}}\n");
    must_open();
    check_inspect("\"family\":\"toy\"");
    test_write(&folder, "model/config.json",
               "{\"model_type\": \"toy\", \"vocab_size\": 6, \"hidden_size\": 4, \"kind\": \"b\"}");
    must_open();
    check_inspect("\"family\":\"kin\"");
}

Test(family, a_tie_names_both)
{
    test_write(&folder, "models/kin.yaml", "extends: toy\nmodel_types: [toy]\n");
    cr_assert_eq(open_model(), EG_E_INPUT);
    cr_assert(strstr(test_error_line(&error), "'kin' and 'toy' fit equally well"), "%s", test_error_line(&error));
}

Test(family, an_unknown_model_type_gets_a_suggestion)
{
    test_write(&folder, "model/config.json", "{\"model_type\": \"tou\"}");
    cr_assert_eq(open_model(), EG_E_INPUT);
    test_assert_error(&error, EG_E_INPUT, 1, 16, "did you mean 'toy'?");
    eg_source_options options = options_of();
    options.family = "tpy";
    cr_assert_eq(open_with(&options, "model"), EG_E_USAGE);
    cr_assert(strstr(test_error_line(&error), "did you mean 'toy'?"));
}

Test(family, a_family_named_outright_is_taken_and_said)
{
    test_write(&folder, "model/config.json", "{\"model_type\": \"other\", \"vocab_size\": 6, \"hidden_size\": 4}");
    eg_source_options options = options_of();
    options.family = "toy";
    cr_assert_eq(open_with(&options, "model"), EG_OK, "%s", test_error_line(&error));
    cr_assert(strstr(noticed, "'other'") && strstr(noticed, "'toy'"), "%s", noticed);
}

Test(family, a_broken_family_is_left_out_and_said)
{
    test_write(&folder, "models/broken.yaml", "model_types: [toy\n");
    must_open();
    cr_assert(strstr(noticed, "'broken' is left out"), "%s", noticed);
}

/* Else who asks for silence would hear only that no family fits. */
Test(family, a_broken_family_that_may_be_the_one_missed_is_named_in_the_error)
{
    test_write(&folder, "models/broken.yaml", "model_types: [other\n");
    test_write(&folder, "models/unlike.yaml", "model_types: [unlike\n");
    test_write(&folder, "model/config.json", "{\"model_type\": \"other\"}");
    cr_assert_eq(open_model(), EG_E_INPUT);
    test_assert_error(&error, EG_E_INPUT, 1, 16, "the family 'broken' is left out: ");
    cr_assert(strstr(test_error_line(&error), "models/broken.yaml:"), "%s", test_error_line(&error));
}

/* --- weights ------------------------------------------------------------------------------------- */

enum { ALL = 6 };
static const test_tensor all_tensors[] = {
    {"words.weight", 2, {6, 4}},
    {"norm.weight", 1, {4}},
    {"norm.bias", 1, {4}},
    {"layer.0.ffn.weight", 2, {4, 4}},
    {"layer.0.ffn.bias", 1, {4}},
    {"layer.1.ffn.weight", 2, {4, 4}},
    {"layer.1.ffn.bias", 1, {4}},
    {"decoder.weight", 2, {6, 4}},
    {"tagger.weight", 2, {2, 4}},
    {"tagger.bias", 1, {2}},
    {"toy.words.weight", 2, {6, 4}},
    {"toy.norm.gamma", 1, {4}},
    {"toy.norm.beta", 1, {4}},
    {"toy.layer.0.ffn.weight", 2, {4, 4}},
    {"toy.layer.0.ffn.bias", 1, {4}},
    {"toy.layer.1.ffn.weight", 2, {4, 4}},
    {"toy.layer.1.ffn.bias", 1, {4}},
};

static void
write_weights(size_t from, size_t to)
{
    test_write_tensors(&folder, "model/model.safetensors", all_tensors + from, to - from);
}

Test(family, prefixes_and_old_names_are_found)
{
    write_weights(0, 7);
    must_open();
    cr_assert(strstr(must_build("last_hidden_state"), "%words.weight"));
    write_weights(10, 17);
    must_open();
    cr_assert(strstr(must_build("last_hidden_state"), "%toy.norm.gamma"));
    check_inspect("\"warnings\":[]");
}

Test(family, a_missing_tensor_is_named_with_who_asks)
{
    write_weights(0, 6);
    cr_assert_eq(open_model(), EG_E_INPUT);
    const char *line = test_error_line(&error);
    cr_assert(strstr(line, "model.safetensors: the tensor 'layer.1.ffn.bias' is missing"), "%s", line);
    cr_assert(strstr(line, "toy.yaml:28:49"), "%s", line);
}

Test(family, a_misshapen_tensor_is_named_with_both_sizes)
{
    write_weights(0, 7);
    test_write(&folder, "model/config.json", "{\"model_type\": \"toy\", \"vocab_size\": 7, \"hidden_size\": 4}");
    cr_assert_eq(open_model(), EG_E_INPUT);
    const char *line = test_error_line(&error);
    cr_assert(strstr(line, "model.safetensors: the tensor 'words.weight' is [6, 4]; [7, 4] is expected"), "%s", line);
    cr_assert(strstr(line, "toy.yaml:18:14"), "%s", line);
}

Test(family, unused_tensors_are_warned_of)
{
    write_weights(0, 10);
    must_open();
    check_inspect("\"warnings\":[]");
    test_tensor more[8];
    memcpy(more, all_tensors, 7 * sizeof *more);
    more[7] = (test_tensor){"stray", 1, {4}};
    test_write_tensors(&folder, "model/model.safetensors", more, 8);
    must_open();
    check_inspect("nobody asks for the tensor 'stray'");
}

Test(family, a_tied_decoder_takes_the_first_name_there_is)
{
    write_weights(0, 8);
    must_open();
    cr_assert(strstr(must_build("lm.logits"), "%decoder.weight"));
    write_weights(0, 7);
    must_open();
    cr_assert_null(strstr(must_build("lm.logits"), "%decoder.weight"));
    test_write(&folder, "model/config.json",
               "{\"model_type\": \"toy\", \"vocab_size\": 6, \"hidden_size\": 4, \"tie_word_embeddings\": false}");
    must_open();
    cr_assert_null(build("lm.logits"));
    test_assert_error(&error, EG_E_USAGE, 0, 0, "the checkpoint has no head 'lm'");
    cr_assert(strstr(error.message, "'decoder.weight' is missing"));
}

/* --- outputs and heads --------------------------------------------------------------------------- */

Test(family, an_output_without_its_tensors_is_absent_until_asked_for)
{
    write_weights(0, 7);
    must_open();
    cr_assert_null(build("pooled"));
    test_assert_error(&error, EG_E_INPUT, 0, 0, "'pool.weight' is missing");
}

Test(family, unknown_outputs_get_a_suggestion)
{
    must_open();
    cr_assert_null(build("last_hiden_state"));
    test_assert_error(&error, EG_E_USAGE, 0, 0, "did you mean 'last_hidden_state'?");
    cr_assert_null(build("logits"));
    test_assert_error(&error, EG_E_USAGE, 0, 0, "name one with --head: lm, tag");
}

Test(family, architectures_name_the_default_head)
{
    eg_source_info info;
    test_write(&folder, "model/config.json",
               "{\"model_type\": \"toy\", \"architectures\": [\"ToyTag\"], \"vocab_size\": 6, \"hidden_size\": 4, "
               "\"id2label\": {\"1\": \"B\", \"0\": \"A\", \"2\": \"C\"}}");
    must_open();
    eg_source_describe(source, &info);
    cr_assert_str_eq(info.head, "tag");
    cr_assert(strstr(must_build("logits"), "const %tagger.weight : table f32 [3, 4]"));
    check_inspect("\"labels\":[\"A\",\"B\",\"C\"]");
}

Test(family, without_architectures_the_tensors_decide)
{
    eg_source_info info;
    test_tensor tensors[9];
    memcpy(tensors, all_tensors, 7 * sizeof *tensors);
    tensors[7] = all_tensors[8];
    tensors[8] = all_tensors[9];
    test_write(&folder, "models/toy.yaml", toy);
    write_changed(", \"base:words.weight\"]", "]");
    test_write_tensors(&folder, "model/model.safetensors", tensors, 9);
    must_open();
    eg_source_describe(source, &info);
    cr_assert_str_eq(info.head, "tag");
}

Test(family, a_head_that_is_not_there_is_a_usage_error)
{
    eg_source_options options = options_of();
    options.head = "tga";
    cr_assert_eq(open_with(&options, "model"), EG_E_USAGE);
    cr_assert(strstr(test_error_line(&error), "did you mean 'tag'?"));
    write_weights(0, 7);
    options.head = "tag";
    cr_assert_eq(open_with(&options, "model"), EG_E_USAGE);
    cr_assert(strstr(test_error_line(&error), "'tagger.weight' is missing"), "%s", test_error_line(&error));
}

Test(family, a_head_may_take_the_outputs_of_others)
{
    eg_source_options options = options_of();
    options.head = "pair";
    cr_assert_eq(open_with(&options, "model"), EG_OK, "%s", test_error_line(&error));
    const char *text = must_build("a b");
    cr_assert(strstr(text, "output %lm.logits") && strstr(text, "output %tag.logits"), "%s", text);
}

/* --- instances ----------------------------------------------------------------------------------- */

Test(family, an_instance_overrides_and_adds)
{
    static const test_tensor own[] = {{"own.dense.weight", 2, {2, 4}}, {"own.dense.bias", 1, {2}}};
    write_weights(0, 7);
    test_write_tensors(&folder, "heads.safetensors", own, 2);
    test_write(
        &folder, "i.yaml",
        "egbert: 1\ncheckpoint: ./model\nconfig: {act: relu}\nmax_length: 5\npooling: [max, mean]\n"
        "normalize: true\nprompts: {q: \"query: \"}\ndefault_prompt: q\nsimilarity: dot\nprecision: f32\n"
        "heads:\n  tag: null\n  mine: {task: classify, labels: [low, high], weights: heads.safetensors, "
        "prefix: own., outputs: [logits],\n         steps: [first_token, {linear: dense, out: 2, as: logits}]}\n");
    eg_source_options options = options_of();
    eg_source_info info;
    options.head = "mine";
    cr_assert_eq(open_with(&options, "i.yaml"), EG_OK, "%s", test_error_line(&error));
    eg_source_describe(source, &info);
    cr_assert_eq(info.max_seq_length, 5);
    cr_assert_str_eq(info.default_prompt, "query: ");
    cr_assert_str_eq(info.similarity, "dot");
    cr_assert_str_eq(info.precision, "f32");
    const char *text = must_build("logits embedding");
    cr_assert(strstr(text, "const %own.dense.weight : table f32 [2, 4]"), "%s", text);
    cr_assert(strstr(text, "relu") && strstr(text, "concat") && strstr(text, "normalize"), "%s", text);
    options.head = "tag";
    cr_assert_eq(open_with(&options, "i.yaml"), EG_E_USAGE);
}

Test(family, instances_are_strict)
{
    eg_source_options options = options_of();
    static const struct {
        const char *text;
        uint32_t line, column;
        const char *message;
    } bad[] = {
        {"checkpoint: ./model\n", 1, 1, "begins with `egbert: 1`"},
        {"egbert: 2\ncheckpoint: ./model\n", 1, 9, ""},
        {"egbert: 1\n", 1, 1, "names no checkpoint"},
        {"egbert: 1\ncheckpoint: ./nowhere\n", 2, 13, "there is no folder"},
        {"egbert: 1\ncheckpoint: ./model\npoling: mean\n", 3, 1, "pooling"},
        {"egbert: 1\ncheckpoint: ./model\npooling: meen\n", 3, 10, "there is no pooling 'meen'"},
        {"egbert: 1\ncheckpoint: ./model\nnormalize: yes\n", 3, 12, ""},
        {"egbert: 1\ncheckpoint: ./model\nmax_length: 010\n", 3, 13, ""},
        {"egbert: 1\ncheckpoint: ./model\ndefault_prompt: q\n", 3, 17, "there is no prompt 'q'"},
        {"egbert: 1\ncheckpoint: ./model\nheads: {x: {task: sing, steps: []}}\n", 3, 19, "'sing' is no task"},
        {"egbert: 1\ncheckpoint: ./model\nconfig: {hiden: 3}\n", 3, 10, "'hiden'"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        test_write(&folder, "i.yaml", bad[i].text);
        cr_assert_eq(open_with(&options, "i.yaml"), EG_E_INPUT, "accepted: %s", bad[i].text);
        test_assert_error(&error, EG_E_INPUT, bad[i].line, bad[i].column, bad[i].message);
    }
}
