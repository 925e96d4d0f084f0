/* SPDX-License-Identifier: Apache-2.0 */
/* Families and configs that say what cannot be, and where the messages point. */
#include "frontend/family/expand.h"
#include "tests/unit/toy_family.h"

TestSuite(family_refusals, .init = start, .fini = finish);

/* --- hostile families ---------------------------------------------------------------------------- */

Test(family_refusals, keys_are_known_or_refused)
{
    check_family_refused("outputs:", "outptus:", 29, 1, "outputs");
    check_family_refused("min: 1, keys", "mini: 1, keys", 4, 28, "min");
    check_family_refused("type: float, default: 1e-12", "type: real, default: 1e-12", 7, 15, "'real' is no type");
}

Test(family_refusals, steps_are_known_or_refused)
{
    check_family_refused("{linear: ffn, out: width}", "{liner: ffn, out: width}", 28, 41, "did you mean 'linear'?");
    check_family_refused("{linear: ffn, out: width}", "{linear: ffn, outt: width}", 28, 54, "did you mean 'out'?");
    check_family_refused("{linear: ffn, out: width}", "{prepend: 1}", 28, 41, "whose op this build does not have");
    check_family_refused("first_token,", "7,", 30, 36, "an integer stands where a step is expected");
    check_family_refused("{use: ffn, width: $hidden_size}", "{use: ffn, width: 4, depth: 3}", 25, 30,
                         "no argument 'depth'");
    check_family_refused("{use: ffn, width: $hidden_size}", "{use: fnn, width: 4}", 25, 15, "nothing named 'fnn'");
    check_family_refused("{use: ffn, width: $hidden_size}", "{use: ffn}", 25, 9, "'use' needs 'width'");
}

Test(family_refusals, an_expression_is_placed_at_its_token)
{
    check_family_refused("out: width}]", "out: \"width + $hiddn\"}]", 28, 68, "$hiddn");
    check_family_refused("out: width}]", "out: \"width +\"}]", 28, 67, "ends where a value is expected");
    check_family_refused("\"layer.{i}.\"", "\"layer.{j}.\"", 22, 20, "'j' is no name");
    check_family_refused("\"layer.{i}.\"", "\"layer.{i.\"", 22, 12, "'{' without '}'");
}

Test(family_refusals, an_error_in_a_define_names_its_use)
{
    check_family_refused("out: width}]", "out: \"width - 4\"}]", 28, 59, "from use at");
    cr_assert(strstr(test_error_line(&error), "toy.yaml:25)"), "%s", test_error_line(&error));
}

Test(family_refusals, kinds_that_do_not_mix_are_refused_in_words)
{
    check_family_refused("[first_token, {linear", "[first_token, mean, {linear", 30, 49, "mean");
}

Test(family_refusals, sizes_that_cannot_be_are_refused)
{
    test_write(&folder, "model/config.json", "{\"vocab_size\": 6, \"hidden_size\": 4, \"layers\": 1000000000}");
    check_refused(11, 43, "toy.yaml", "from 0 to 65536");
    test_write(&folder, "model/config.json", plain_config);
    check_family_refused("repeat: {i: $layers}", "repeat: {i: 1000000000}", 21, 17, "at most 1000");
    check_family_refused("repeat: {i: $layers}", "repeat: {i: \"0 - 1\"}", 21, 17, "no integer from 0");
    check_family_refused("rows: $vocab_size", "rows: \"$vocab_size - 6\"", 18, 45, "at least 1 is expected");
    check_family_refused("rows: $vocab_size", "rows: 12abc", 18, 45, "no number");
    check_family_refused("rows: $vocab_size", "rows: 4.5", 18, 45, "an integer is expected");
    check_family_refused("rows: $vocab_size", "rows: 99999999999", 18, 14, "cannot be");
}

Test(family_refusals, steps_that_multiply_are_stopped)
{
    eg_strbuf text = {0};
    eg_strbuf_puts(&text, "model_types: [toy]\nembeddings: [{use: d0}]\nencoder: []\ndefine:\n");
    for (int i = 0; i < 30; i++)
        eg_strbuf_printf(&text, "  d%d: {steps: [{use: d%d}, {use: d%d}]}\n", i, i + 1, i + 1);
    eg_strbuf_puts(&text, "  d30: {steps: []}\n");
    test_write(&folder, "models/toy.yaml", text.data);
    test_write(&folder, "model/config.json", "{}");
    eg_strbuf_finish(&text);
    eg_source_options options = options_of();
    options.family = "toy";
    cr_assert_eq(open_with(&options, "model"), EG_E_INPUT);
    cr_assert(strstr(test_error_line(&error), "more than 200000 steps"), "%s", test_error_line(&error));
    test_write(&folder, "models/toy.yaml",
               "model_types: [toy]\nembeddings: [{use: d}]\nencoder: []\ndefine: {d: {steps: [{use: d}]}}\n");
    check_refused(4, 21, "toy.yaml", "nested deeper than 64");
}

Test(family_refusals, projections_are_checked_too)
{
    check_family_refused("- {use: ffn, width: $hidden_size}",
                         "- attention: {heads: 2, qkv: {nam: x}}\n      - {use: ffn, width: $hidden_size}", 25, 37,
                         "name");
}

Test(family_refusals, a_name_is_given_once)
{
    check_family_refused("- {activation: $act, as: activated}",
                         "- {activation: $act, as: activated}\n      - {as: activated}", 27, 14, "given twice");
    check_family_refused("as: activated", "as: hidden_states", 26, 32, "a meaning of its own");
}

/* One step in place of the toy's pooled output, which reads `activated.0` of the encoder's rounds, too. */
static void
must_build_encoder(const char *steps)
{
    char changed[1024];
    snprintf(changed, sizeof changed, "block:\n%s      - {use: ffn", steps);
    write_changed("block:\n      - {use: ffn", changed);
    must_open();
    must_build("last_hidden_state");
}

Test(family_refusals, names_of_steps_left_out_are_absent)
{
    must_build_encoder("      - {aside: [tanh, {as: extra}], when: \"i > 9\"}\n      - add: [in, extra]\n");
    must_build_encoder("      - add: [in, {tanh: , as: extra, when: \"i > 9\"}]\n      - add: [in, extra]\n");
    must_build_encoder("      - switch: {on: i, cases: {0: [{tanh: , as: a}], 1: [{relu: , as: b}]}}\n"
                       "      - add: [a, b]\n");
    must_build_encoder("      - {tanh: , as: one, when: \"i == 0\"}\n      - {relu: , as: one, when: \"i > 0\"}\n"
                       "      - mul: one\n");
    check_family_refused("      - {use: ffn",
                         "      - {aside: [{tanh: , as: extra}], when: \"i > 9\"}\n"
                         "      - {from: extra}\n      - {use: ffn",
                         26, 16, "'extra' is absent here");
}

Test(family_refusals, none_stands_for_nothing)
{
    must_build_encoder("      - residual: {norm_before: {if: \"i > 0\", then: norm, else: none}, body: [tanh]}\n");
    must_build_encoder("      - {linear: own, out: $hidden_size, bias: none}\n");
    cr_assert(!strstr(must_build("last_hidden_state"), "own.bias"));
    must_build_encoder("      - activation: none\n");
    check_family_refused("out: width}]", "out: none}]", 28, 59, "'linear' needs 'out', which is none here");
    check_family_refused("norm: norm", "norm: {if: \"1 == 1\", then: null, else: norm}", 19, 11, "needs 'name'");
    check_family_refused("{activation: $act, as: activated}", "{add: [{tanh: , when: \"i > 9\"}]}", 26, 9,
                         "all that it lists are absent");
}

Test(family_refusals, names_that_the_language_gives_are_not_given)
{
    check_family_refused("as: activated", "as: encoder", 26, 32, "a meaning of its own");
    check_family_refused("as: activated", "as: query", 26, 32, "what attention calls its own");
    check_family_refused("- norm: norm\n", "- {norm: norm, as: pooled}\n", 19, 22, "the name of an output");
    check_family_refused("{i: $layers}\n    scope", "{in: $layers}\n    scope", 21, 14, "'in' cannot be the name");
    check_family_refused("{width: number}", "{name: number}", 28, 16, "cannot be called 'name'");
    check_family_refused("{each: {i: $layers}", "{each: {a-b: $layers}", 11, 40, "'a-b' cannot be the name");
}

Test(family_refusals, the_encoder_ends_with_rows_of_tokens)
{
    check_family_refused("      - {activation: $act, as: activated}\n", "  - first_token\n", 21, 3,
                         "the encoder ends with text f32 [B, 4]");
}

Test(family_refusals, a_slip_in_a_head_is_said)
{
    write_changed("out: $num_labels, as: logits}", "out: $num_labels, as: logit}");
    must_open();
    check_inspect("the head 'tag' is left out: ");
    check_inspect("no step of the head 'tag' gives the name 'logits'");
    check_family_refused("[{linear: tagger", "[{use: nothing}, {linear: tagger", 33, 78, "nothing named 'nothing'");
}

Test(family_refusals, an_instance_must_have_its_heads)
{
    eg_source_options options = options_of();
    test_write(&folder, "own.yaml",
               "egbert: 1\ncheckpoint: model\nheads:\n  own: {task: classify, outputs: [logits], "
               "steps: [first_token, {linear: x, out: \"1 / 0\", as: logits}]}\n");
    cr_assert_eq(open_with(&options, "own.yaml"), EG_E_INPUT);
    test_assert_error(&error, EG_E_INPUT, 4, 85, "division by zero");
}

Test(family_refusals, merged_projections_have_an_order_and_no_groups)
{
    check_family_refused("{linear: ffn, out: width}", "{attention: {heads: 2, qkv: {name: ffn, groups: 2}}}", 28, 80,
                         "groups");
    check_family_refused("{linear: ffn, out: width}", "{attention: {heads: 2, qkv: {name: ffn, order: heads}}}", 28, 87,
                         "it is one of blocks, per_head");
}

static uint32_t
count_of(const char *text, const char *part)
{
    uint32_t count = 0;
    for (const char *at = strstr(text, part); at; at = strstr(at + 1, part))
        count++;
    return count;
}

/* Layers of the same angles share a table; the names are of what is not turned yet. */
Test(family_refusals, attention_turns_by_position)
{
    must_build_encoder(
        "      - attention: {heads: 1, qkv: qkv, window: 2, rotary: {theta: 12, divide: 4, fraction: 0.5}}\n");
    const char *text = must_build("last_hidden_state");
    cr_assert_eq(count_of(text, "= rotary_table("), 1, "%s", text);
    cr_assert(strstr(text, "{divide=4.0, theta=12.0, width=2}"), "%s", text);
    cr_assert_eq(count_of(text, "= rotary("), 4, "%s", text);
    cr_assert_eq(count_of(text, "window=2"), 2, "%s", text);
    must_build_encoder("      - attention: {heads: 1, qkv: qkv, rotary: {theta: {if: \"i > 0\", then: 10, else: 20}, "
                       "style: interleaved, values: true}}\n");
    text = must_build("last_hidden_state");
    cr_assert_eq(count_of(text, "= rotary_table("), 2, "%s", text);
    cr_assert_eq(count_of(text, "style=\"interleaved\""), 6, "%s", text);
    must_build_encoder(
        "      - attention: {heads: 2, qkv: qkv, rotary: {if: \"i > 9\", then: {theta: 1}, else: none}}\n");
    cr_assert_eq(count_of(must_build("last_hidden_state"), "rotary"), 0);
    must_build_encoder("      - {rotary: {heads: 2, theta: 10}}\n");
    must_build_encoder("      - attention: {heads: 2, qkv: qkv, alibi: \"i > 0\"}\n");
    cr_assert_eq(count_of(must_build("last_hidden_state"), "= alibi("), 1);
}

Test(family_refusals, turning_that_cannot_be_is_refused)
{
#define ATTENTION "{attention: {heads: 1, qkv: ffn, "
    check_family_refused("{linear: ffn, out: width}", ATTENTION "rotary: {}}}", 28, 81, "'rotary' needs 'theta'");
    check_family_refused("{linear: ffn, out: width}", ATTENTION "rotary: 7}}", 28, 81, "an integer stands where");
    check_family_refused("{linear: ffn, out: width}", ATTENTION "rotary: {thta: 7}}}", 28, 82, "theta");
    check_family_refused("{linear: ffn, out: width}", ATTENTION "rotary: {theta: 0}}}", 28, 89, "above 0");
    check_family_refused("{linear: ffn, out: width}", ATTENTION "rotary: {theta: 5, style: full}}}", 28, 99,
                         "half, interleaved");
    check_family_refused("{linear: ffn, out: width}", ATTENTION "rotary: {theta: 5, fraction: 0.1}}}", 28, 102,
                         "an even number is expected");
    check_family_refused("{linear: ffn, out: width}", ATTENTION "alibi: true, window: 1}}", 28, 80, "no window");
    check_family_refused("{linear: ffn, out: width}", ATTENTION "window: 0}}", 28, 81, "at least 1 is expected");
#undef ATTENTION
}

/* qkv.weight as a table of distances; what is added to the scores is summed first. */
Test(family_refusals, scores_by_distance)
{
#define TABLE "      - aside: [{weight: qkv, rows: 12, out: 4, as: far}]\n"
    must_build_encoder(
        TABLE "      - aside: [{relative_scores: {rows: key, table: far, heads: 2, offset: 6, scale: 0.5}, as: p}]\n"
              "      - aside: [{relative_scores: {rows: query, table: far, buckets: 6, max_distance: 9}, as: c, "
              "let: {heads: 2}}]\n"
              "      - aside: [{relative_bias: =far, buckets: 12, max_distance: 9, heads: 4, as: b}]\n"
              "      - attention: {heads: 2, qkv: qkv, bias: [c, p]}\n"
              "      - attention: {heads: 4, qkv: qkv, bias: [b]}\n");
    const char *text = must_build("last_hidden_state");
    cr_assert_eq(count_of(text, "{heads=2, offset=6, rows=\"key\", scale=0.5}"), 2, "%s", text);
    cr_assert_eq(count_of(text, "{buckets=6, heads=2, max_distance=9}"), 2, "%s", text);
    cr_assert_eq(count_of(text, "{max_distance=9} : pair f32 [4, P]"), 2, "%s", text);
#undef TABLE
    check_family_refused("{linear: ffn, out: width}", "{relative_scores: {table: in, heads: 2}}", 28, 40,
                         "'relative_scores' needs 'rows'");
    check_family_refused("{linear: ffn, out: width}", "{relative_scores: {rows: value, table: in, heads: 2}}", 28, 65,
                         "one of query, key");
    check_family_refused("{linear: ffn, out: width}", "{relative_scores: {rows: key, table: in, heads: 2}}", 28, 40,
                         "needs a table");
    check_family_refused("{linear: ffn, out: width}", "{relative_bias: ffn, heads: 2, max_distance: 9}", 28, 40,
                         "'relative_bias' needs 'buckets'");
}

Test(family_refusals, what_multiplies_in_expressions_is_stopped)
{
    check_family_refused("else: local}}}\n",
                         "else: local}}}\n  bomb: {type: list, default: {each: {i: 60000}, value: "
                         "{each: {j: 60000}, value: 1}}}\n",
                         12, 83, "more than 1048576 evaluations");
    eg_strbuf text = {0};
    for (int i = 0; i < 70; i++)
        eg_strbuf_printf(&text, "  x%d: {type: int, default: $x%d}\n", i, i + 1);
    eg_strbuf_puts(&text, "  x70: int\nrequire:");
    write_changed("require:", text.data);
    eg_strbuf_finish(&text);
    check_refused(77, 3, "toy.yaml", "defaults that need one another: more than 64");
}

Test(family_refusals, declarations_are_consistent)
{
    check_family_refused("of: [a, b], default: a", "of: [a, b], default: c", 9, 43, "none of the words");
    check_family_refused("default: 2, min: 1}", "default: 0, min: 1}", 5, 32, "the default of layers is 0");
    check_family_refused("keys: [hidden_size, dim]", "keys: []", 4, 42, "read from nowhere");
    check_family_refused("model_types: [toy]", "match: {keys: {a: [1]}}", 1, 19, "one value, not a list");
    check_family_refused("[first_token, {linear", "[{split: [3, 3], as: [a, b]}, {linear", 30, 44,
                         "the parts make 6 of a width of 4");
}

Test(family_refusals, ops_that_passes_alone_make_are_no_steps)
{
    eg_op op = *eg_op_find("tanh");
    cr_assert(eg_op_is_step(&op));
    op.flags |= EG_OP_FUSED;
    cr_assert_not(eg_op_is_step(&op));
}

Test(family_refusals, extends_in_a_circle_is_refused)
{
    check_family_refused("model_types: [toy]", "extends: toy", 1, 10, "extends itself");
    test_write(&folder, "models/other.yaml", "extends: toy\n");
    write_changed("model_types: [toy]", "extends: other");
    check_refused(1, 10, "other.yaml", "'toy' extends itself (from extends at ");
    check_family_refused("model_types: [toy]", "extends: nobody", 1, 10, "there is no family 'nobody'");
    check_family_refused("model_types: [toy]", "extends: ../toy", 1, 10, "not a path");
}

/* --- hostile configs ----------------------------------------------------------------------------- */

Test(family_refusals, unknown_config_keys_are_refused_with_the_nearest)
{
    check_config_refused("{\"model_type\": \"toy\", \"vocab_size\": 6,\n \"hiden_size\": 4}", 2, 2,
                         "did you mean 'hidden_size'? --ignore-config hiden_size");
    check_config_refused("{\"vocab_size\": 6, \"hidden_size\": 4, \"rope\": {\"full\": {\"theta\": 3, \"teta\": 3}}}",
                         1, 67, "'rope.full.teta'");
}

Test(family_refusals, ignored_keys_pass)
{
    test_write(&folder, "model/config.json",
               "{\"model_type\": \"toy\", \"vocab_size\": 6, \"dim\": 4, \"dropout\": 0.5, \"strange\": 1}");
    eg_source_options options = options_of();
    const char *ignore[] = {"strange"};
    cr_assert_eq(open_with(&options, "model"), EG_E_INPUT);
    options.ignore_config = ignore;
    options.ignore_config_count = 1;
    cr_assert_eq(open_with(&options, "model"), EG_OK, "%s", test_error_line(&error));
}

Test(family_refusals, what_matters_is_never_ignored)
{
    eg_source_options options = options_of();
    const char *ignore[] = {"is_decoder", "pruned_heads", "quantization_config"};
    options.ignore_config = ignore;
    options.ignore_config_count = 3;
    options.family = "toy";
    const char *bad[] = {"\"is_decoder\": true", "\"pruned_heads\": {\"1\": [0]}", "\"quantization_config\": {}"};
    for (int i = 0; i < 3; i++) {
        char text[256];
        snprintf(text, sizeof text, "{\"vocab_size\": 6, \"hidden_size\": 4, %s}", bad[i]);
        test_write(&folder, "model/config.json", text);
        cr_assert_eq(open_with(&options, "model"), EG_E_INPUT, "%s passed", bad[i]);
    }
    test_write(&folder, "model/config.json",
               "{\"vocab_size\": 6, \"hidden_size\": 4, \"is_decoder\": false, \"pruned_heads\": {}, "
               "\"quantization_config\": null}");
    cr_assert_eq(open_with(&options, "model"), EG_OK, "%s", test_error_line(&error));
}

Test(family_refusals, config_values_have_types_and_ranges)
{
    check_config_refused("{\"vocab_size\": \"6\", \"hidden_size\": 4}", 1, 16, "vocab_size is a string; an integer");
    check_config_refused("{\"vocab_size\": 6.0, \"hidden_size\": 4}", 1, 16, "an integer is expected");
    check_config_refused("{\"vocab_size\": 0, \"hidden_size\": 4}", 1, 16, "vocab_size is 0; at least 1");
    check_config_refused("{\"vocab_size\": -3, \"hidden_size\": 4}", 1, 16, "vocab_size is -3; at least 1");
    check_config_refused("{\"vocab_size\": 9223372036854775808, \"hidden_size\": 4}", 1, 16, "at most 64 bits");
    check_config_refused("{\"vocab_size\": 6, \"hidden_size\": 4, \"eps\": \"1e-5\"}", 1, 44,
                         "eps is a string; a number");
    check_config_refused("{\"vocab_size\": 6, \"hidden_size\": 4, \"eps\": 1e999}", 1, 44, "");
    check_config_refused("{\"vocab_size\": 6, \"hidden_size\": 4, \"act\": \"geluu\"}", 1, 44, "did you mean 'gelu'?");
    check_config_refused("{\"vocab_size\": 6, \"hidden_size\": 4, \"kind\": \"c\"}", 1, 45, "it has a, b");
}

Test(family_refusals, heads_must_divide_the_width)
{
    check_config_refused("{\"vocab_size\": 6, \"hidden_size\": 4, \"heads\": 3}", 1, 34, "hidden_size = 4, heads = 3");
    check_config_refused("{\"vocab_size\": 6, \"hidden_size\": 4, \"heads\": 0}", 1, 46, "heads is 0");
}

Test(family_refusals, a_config_that_is_no_object_is_refused)
{
    check_config_refused("[]", 1, 1, "an object is expected");
    check_config_refused("{\"vocab_size\": 6} x", 1, 19, "");
    check_config_refused("{\"vocab_size\": \"\\ud800\"}", 1, 17, "");
    check_config_refused("", 1, 1, "");
}

Test(family_refusals, nulls_aliases_splits_and_paths)
{
    test_write(&folder, "model/config.json",
               "{\"model_type\": \"toy\", \"vocab_size\": 6, \"hidden_size\": null, \"dim\": 4, \"act\": null, "
               "\"parts\": \"c2p | p2c\", \"rope\": {\"full\": {\"theta\": 160000.0}}}");
    must_open();
    check_inspect("\"hidden_size\":4");
    check_inspect("\"act\":\"gelu\"");
    check_inspect("\"parts\":[\"c2p\",\"p2c\"]");
    check_inspect("\"theta\":160000");
}
