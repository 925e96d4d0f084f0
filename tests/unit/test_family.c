/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/family/expand.h"
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

static void
start(void)
{
    folder = test_folder_new();
    test_make_folder(&folder, "models");
    test_make_folder(&folder, "model");
    test_write(&folder, "models/toy.yaml", toy);
    test_write(&folder, "models/common.yaml", "ignore: [dropout]\n");
    test_write(&folder, "model/config.json", plain_config);
}

static void
finish(void)
{
    eg_source_close(source);
    test_folder_remove(&folder);
}

TestSuite(family, .init = start, .fini = finish);

static void
take_notice(void *user, const char *line)
{
    (void)user;
    snprintf(noticed, sizeof noticed, "%s", line);
}

static eg_source_options
options_of(void)
{
    static char dir[1024];
    snprintf(dir, sizeof dir, "%s", test_path(&folder, "models"));
    return (eg_source_options){.family_dir = dir, .without_weights = true, .notice = take_notice};
}

static eg_status
open_with(const eg_source_options *options, const char *path)
{
    eg_source_close(source);
    return eg_source_open(test_path(&folder, path), options, &source, &error);
}

static eg_status
open_model(void)
{
    eg_source_options options = options_of();
    return open_with(&options, "model");
}

static void
must_open(void)
{
    cr_assert_eq(open_model(), EG_OK, "%s", test_error_line(&error));
}

/* The toy family with one text put for another. */
static void
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
static void
check_refused(uint32_t line, uint32_t column, const char *file, const char *message)
{
    eg_source_options options = options_of();
    options.family = "toy";
    cr_assert_neq(open_with(&options, "model"), EG_OK, "accepted");
    test_assert_error(&error, EG_E_INPUT, line, column, message);
    cr_assert(strstr(error.file, file), "%s is not in %s", file, test_error_line(&error));
}

static void
check_family_refused(const char *from, const char *to, uint32_t line, uint32_t column, const char *message)
{
    write_changed(from, to);
    check_refused(line, column, "toy.yaml", message);
}

static void
check_config_refused(const char *json, uint32_t line, uint32_t column, const char *message)
{
    test_write(&folder, "model/config.json", json);
    check_refused(line, column, "config.json", message);
}

static const char *
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

static const char *
must_build(const char *outputs)
{
    const char *text = build(outputs);
    cr_assert_not_null(text, "%s", test_error_line(&error));
    return text;
}

static char *
inspect(void)
{
    eg_strbuf text = {0};
    cr_assert_eq(eg_source_inspect(source, &text, &error), EG_OK, "%s", test_error_line(&error));
    return text.data;
}

static void
check_inspect(const char *part)
{
    char *text = inspect();
    cr_assert(strstr(text, part), "%s is not in %s", part, text);
    eg_free(text);
}

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

/* --- hostile families ---------------------------------------------------------------------------- */

Test(family, keys_are_known_or_refused)
{
    check_family_refused("outputs:", "outptus:", 29, 1, "outputs");
    check_family_refused("min: 1, keys", "mini: 1, keys", 4, 28, "min");
    check_family_refused("type: float, default: 1e-12", "type: real, default: 1e-12", 7, 15, "'real' is no type");
}

Test(family, steps_are_known_or_refused)
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

Test(family, an_expression_is_placed_at_its_token)
{
    check_family_refused("out: width}]", "out: \"width + $hiddn\"}]", 28, 68, "$hiddn");
    check_family_refused("out: width}]", "out: \"width +\"}]", 28, 67, "ends where a value is expected");
    check_family_refused("\"layer.{i}.\"", "\"layer.{j}.\"", 22, 20, "'j' is no name");
    check_family_refused("\"layer.{i}.\"", "\"layer.{i.\"", 22, 12, "'{' without '}'");
}

Test(family, an_error_in_a_define_names_its_use)
{
    check_family_refused("out: width}]", "out: \"width - 4\"}]", 28, 59, "from use at");
    cr_assert(strstr(test_error_line(&error), "toy.yaml:25)"), "%s", test_error_line(&error));
}

Test(family, kinds_that_do_not_mix_are_refused_in_words)
{
    check_family_refused("[first_token, {linear", "[first_token, mean, {linear", 30, 49, "mean");
}

Test(family, sizes_that_cannot_be_are_refused)
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

Test(family, steps_that_multiply_are_stopped)
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

Test(family, projections_are_checked_too)
{
    check_family_refused("- {use: ffn, width: $hidden_size}",
                         "- attention: {heads: 2, qkv: {nam: x}}\n      - {use: ffn, width: $hidden_size}", 25, 37,
                         "name");
}

Test(family, a_name_is_given_once)
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

Test(family, names_of_steps_left_out_are_absent)
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

Test(family, none_stands_for_nothing)
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

Test(family, names_that_the_language_gives_are_not_given)
{
    check_family_refused("as: activated", "as: encoder", 26, 32, "a meaning of its own");
    check_family_refused("as: activated", "as: query", 26, 32, "what attention calls its own");
    check_family_refused("- norm: norm\n", "- {norm: norm, as: pooled}\n", 19, 22, "the name of an output");
    check_family_refused("{i: $layers}\n    scope", "{in: $layers}\n    scope", 21, 14, "'in' cannot be the name");
    check_family_refused("{width: number}", "{name: number}", 28, 16, "cannot be called 'name'");
    check_family_refused("{each: {i: $layers}", "{each: {a-b: $layers}", 11, 40, "'a-b' cannot be the name");
}

Test(family, the_encoder_ends_with_rows_of_tokens)
{
    check_family_refused("      - {activation: $act, as: activated}\n", "  - first_token\n", 21, 3,
                         "the encoder ends with text f32 [B, 4]");
}

Test(family, a_slip_in_a_head_is_said)
{
    write_changed("out: $num_labels, as: logits}", "out: $num_labels, as: logit}");
    must_open();
    check_inspect("the head 'tag' is left out: ");
    check_inspect("no step of the head 'tag' gives the name 'logits'");
    check_family_refused("[{linear: tagger", "[{use: nothing}, {linear: tagger", 33, 78, "nothing named 'nothing'");
}

Test(family, an_instance_must_have_its_heads)
{
    eg_source_options options = options_of();
    test_write(&folder, "own.yaml",
               "egbert: 1\ncheckpoint: model\nheads:\n  own: {task: classify, outputs: [logits], "
               "steps: [first_token, {linear: x, out: \"1 / 0\", as: logits}]}\n");
    cr_assert_eq(open_with(&options, "own.yaml"), EG_E_INPUT);
    test_assert_error(&error, EG_E_INPUT, 4, 85, "division by zero");
}

Test(family, merged_projections_have_an_order_and_no_groups)
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
Test(family, attention_turns_by_position)
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

Test(family, turning_that_cannot_be_is_refused)
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
#undef ATTENTION
}

/* qkv.weight as a table of distances; what is added to the scores is summed first. */
Test(family, scores_by_distance)
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

Test(family, what_multiplies_in_expressions_is_stopped)
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

Test(family, declarations_are_consistent)
{
    check_family_refused("of: [a, b], default: a", "of: [a, b], default: c", 9, 43, "none of the words");
    check_family_refused("default: 2, min: 1}", "default: 0, min: 1}", 5, 32, "the default of layers is 0");
    check_family_refused("keys: [hidden_size, dim]", "keys: []", 4, 42, "read from nowhere");
    check_family_refused("model_types: [toy]", "match: {keys: {a: [1]}}", 1, 19, "one value, not a list");
    check_family_refused("[first_token, {linear", "[{split: [3, 3], as: [a, b]}, {linear", 30, 44,
                         "the parts make 6 of a width of 4");
}

Test(family, ops_that_passes_alone_make_are_no_steps)
{
    eg_op op = *eg_op_find("tanh");
    cr_assert(eg_op_is_step(&op));
    op.flags |= EG_OP_FUSED;
    cr_assert_not(eg_op_is_step(&op));
}

Test(family, extends_in_a_circle_is_refused)
{
    check_family_refused("model_types: [toy]", "extends: toy", 1, 10, "extends itself");
    test_write(&folder, "models/other.yaml", "extends: toy\n");
    write_changed("model_types: [toy]", "extends: other");
    check_refused(1, 10, "other.yaml", "'toy' extends itself (from extends at ");
    check_family_refused("model_types: [toy]", "extends: nobody", 1, 10, "there is no family 'nobody'");
    check_family_refused("model_types: [toy]", "extends: ../toy", 1, 10, "not a path");
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

/* --- hostile configs ----------------------------------------------------------------------------- */

Test(family, unknown_config_keys_are_refused_with_the_nearest)
{
    check_config_refused("{\"model_type\": \"toy\", \"vocab_size\": 6,\n \"hiden_size\": 4}", 2, 2,
                         "did you mean 'hidden_size'? --ignore-config hiden_size");
    check_config_refused("{\"vocab_size\": 6, \"hidden_size\": 4, \"rope\": {\"full\": {\"theta\": 3, \"teta\": 3}}}",
                         1, 67, "'rope.full.teta'");
}

Test(family, ignored_keys_pass)
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

Test(family, what_matters_is_never_ignored)
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

Test(family, config_values_have_types_and_ranges)
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

Test(family, heads_must_divide_the_width)
{
    check_config_refused("{\"vocab_size\": 6, \"hidden_size\": 4, \"heads\": 3}", 1, 34, "hidden_size = 4, heads = 3");
    check_config_refused("{\"vocab_size\": 6, \"hidden_size\": 4, \"heads\": 0}", 1, 46, "heads is 0");
}

Test(family, a_config_that_is_no_object_is_refused)
{
    check_config_refused("[]", 1, 1, "an object is expected");
    check_config_refused("{\"vocab_size\": 6} x", 1, 19, "");
    check_config_refused("{\"vocab_size\": \"\\ud800\"}", 1, 17, "");
    check_config_refused("", 1, 1, "");
}

Test(family, nulls_aliases_splits_and_paths)
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
