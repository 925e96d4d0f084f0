/* SPDX-License-Identifier: Apache-2.0 */
/* Values, nodes and names; what each op makes of its inputs, and what it says of wrong ones; sizes and work. */
#include "graph/graph.h"
#include "graph/pass.h"
#include "tests/unit/random_graph.h"
#include "tests/unit/support.h"

/* A graph in the text form, of which tests take parts. */
static eg_graph
parse(const char *text)
{
    eg_graph graph;
    eg_error err;
    eg_error_init(&err);
    cr_assert_eq(eg_graph_parse(text, strlen(text), "t", &graph, &err), EG_OK, "%s", test_error_line(&err));
    return graph;
}

#define INPUTS                                                                                                         \
    "graph \"g\" sets 2\n"                                                                                             \
    "input %ids : token i32 [T]\n"                                                                                     \
    "input %x : token f32 [T, 12]\n"                                                                                   \
    "input %y : token f32 [T, 12]\n"                                                                                   \
    "input %narrow : token f32 [T, 8]\n"                                                                               \
    "input %column : token f32 [T, 1]\n"                                                                               \
    "input %flat : token f32 [T]\n"                                                                                    \
    "input %other_set : token f32 [T(set=1), 12]\n"                                                                    \
    "input %text : text f32 [B, 12]\n"                                                                                 \
    "input %pair : pair f32 [4, P]\n"                                                                                  \
    "input %pair1 : pair f32 [1, P]\n"                                                                                 \
    "input %pair3 : pair f32 [3, P]\n"                                                                                 \
    "input %windowed : pair f32 [4, P(w=2)]\n"                                                                         \
    "const %table : table f32 [30, 12]\n"                                                                              \
    "const %thirds : table f32 [9, 4]\n"                                                                               \
    "const %square : table f32 [12, 12]\n"                                                                             \
    "const %row : table f32 [1, 12]\n"                                                                                 \
    "const %vector : table f32 [12]\n"                                                                                 \
    "const %number : table f32 [1]\n"                                                                                  \
    "const %halves : table f16 [12]\n"                                                                                 \
    "const %tall : table f32 [30, 1]\n"

/* The type that the op gives, as text, or its message. call: "op(%a, %b) {…}". */
static const char *
result_of(const char *call)
{
    static char out[1024];
    char text[4096];
    eg_graph graph;
    eg_error err;
    eg_error_init(&err);
    /* The reader compares what is written with what the op gives, and says the latter. */
    snprintf(text, sizeof text, "%s%%out = %s : table u8 [7, 7, 7]\n", INPUTS, call);
    eg_status status = eg_graph_parse(text, strlen(text), NULL, &graph, &err);
    cr_assert_eq(status, EG_E_INPUT);
    const char *gives = strstr(err.message, " gives ");
    snprintf(out, sizeof out, "%s", gives ? gives + 7 : err.message);
    if (gives)
        *strstr(out, " here") = '\0';
    return out;
}

#define expect_type(call, type) cr_expect_str_eq(result_of(call), type, "%s: %s", call, result_of(call))
#define expect_fault(call, part) cr_expect(strstr(result_of(call), part), "%s: %s", call, result_of(call))

Test(ops, types)
{
    expect_type("positions(%ids) {skip=1}", "token i32 [T]");
    expect_type("gather(%table, %ids)", "token f32 [T, 12]");
    expect_type("rotary_table(%ids, %number) {width=2}", "token f32 [T, 2]");
    expect_type("equal(%ids) {to=1}", "token f32 [T, 1]");
    expect_type("where(%column, %text, %number)", "token f32 [T, 12]");
    expect_type("where(%vector, %column, %number)", "token f32 [T, 12]");
    expect_type("where(%pair1, %pair, %pair)", "pair f32 [4, P]");
    expect_type("shift(%other_set) {by=-3}", "token f32 [T(set=1), 12]");
    expect_type("unfold(%x) {kernel=3}", "token f32 [T, 36]");
    expect_type("grouped_matmul(%text, %thirds) {groups=3}", "text f32 [B, 9]");
    expect_type("scale(%x) {factor=2.0, offset=1.0}", "token f32 [T, 12]");
    expect_type("mean(%x) {begin=-4, end=7, skip_prompt=1}", "text f32 [B, 12]");
    expect_type("relative_bias(%table, %ids) {max_distance=8}", "pair f32 [12, P]");
    expect_type("relative_bias(%square, %other_set) {max_distance=4}", "pair f32 [12, P(set=1)]");
    expect_type("relative_scores(%x, %table) {heads=4}", "pair f32 [4, P]");
    expect_type("relative_scores(%x, %row) {buckets=8, heads=3, max_distance=6, offset=-2, rows=\"key\", scale=0.5}",
                "pair f32 [3, P]");
    expect_type("matmul(%x, %table)", "token f32 [T, 30]");
    expect_type("matmul(%text, %table)", "text f32 [B, 30]");
    expect_type("matmul(%table, %square)", "table f32 [30, 12]");
    expect_type("bias_add(%x, %vector)", "token f32 [T, 12]");
    expect_type("layer_norm(%x, %vector) {eps=1e-5}", "token f32 [T, 12]");
    expect_type("rms_norm(%text, %vector) {eps=0.0}", "text f32 [B, 12]");
    expect_type("scores(%x, %y) {heads=4}", "pair f32 [4, P]");
    expect_type("scores(%x, %column) {heads=12, key_heads=1, window=2, causal=1}", "pair f32 [12, P(w=2)]");
    expect_type("scores(%other_set, %other_set) {heads=3}", "pair f32 [3, P(set=1)]");
    expect_type("softmax(%windowed)", "pair f32 [4, P(w=2)]");
    expect_type("apply(%pair, %x) {heads=4}", "token f32 [T, 12]");
    expect_type("apply(%pair, %narrow) {heads=4, key_heads=2}", "token f32 [T, 16]");
    expect_type("spread(%text, %ids)", "token f32 [T, 12]");
    expect_type("spread(%text, %other_set)", "token f32 [T(set=1), 12]");
    expect_type("token(%x) {index=-1}", "text f32 [B, 12]");
    expect_type("first_token(%ids)", "text i32 [B]");
    expect_type("mean_sqrt_len(%other_set)", "text f32 [B, 12]");
    expect_type("concat(%x, %narrow, %column)", "token f32 [T, 21]");
    expect_type("concat(%table, %square) {axis=0}", "table f32 [42, 12]");
    expect_type("slice(%text) {begin=3, end=7}", "text f32 [B, 4]");
    expect_type("slice(%table) {axis=0, end=7}", "table f32 [7, 12]");
    expect_type("transpose(%table)", "table f32 [12, 30]");
    expect_type("squeeze(%column)", "token f32 [T]");
    expect_type("cast(%x) {to=\"bf16\"}", "token bf16 [T, 12]");
}

Test(ops, the_wider_kind_wins)
{
    expect_type("add(%x, %y)", "token f32 [T, 12]");
    expect_type("sub(%text, %x)", "token f32 [T, 12]");
    expect_type("mul(%x, %vector)", "token f32 [T, 12]");
    expect_type("div(%row, %text)", "text f32 [B, 12]");
    expect_type("mul(%x, %number)", "token f32 [T, 12]");
    expect_type("mul(%column, %text)", "token f32 [T, 12]");
    expect_type("mul(%flat, %x)", "token f32 [T, 12]");
    expect_type("mul(%flat, %column)", "token f32 [T, 1]");
    expect_type("add(%flat, %vector)", "token f32 [T, 12]");
    expect_type("add(%vector, %table)", "table f32 [30, 12]");
    expect_type("add(%tall, %vector)", "table f32 [30, 12]");
    expect_type("add(%vector, %row)", "table f32 [1, 12]");
    expect_type("add(%number, %vector)", "table f32 [12]");
    expect_type("add(%pair1, %pair)", "pair f32 [4, P]");
}

Test(ops, messages)
{
    expect_fault("mean(%text)", "mean needs token rows, got text (text)");
    expect_fault("rotary_table(%ids, %number) {theta=10.0, width=2}", "has frequencies, and theta too");
    expect_fault("rotary_table(%ids, %number) {width=6}", "needs a vector of frequencies of 3 numbers");
    expect_fault("rotary_table(%ids) {width=6}", "needs 'theta', a number, or frequencies");
    expect_fault("equal(%x) {to=1}", "one i32 id per token, got token f32 [T, 12] (x)");
    expect_fault("where(%column, %x, %narrow)", "needs equal widths, or one of 1, beside token f32 [T, 12] (x)");
    expect_fault("where(%other_set, %x, %x)", "one row set, got token f32 [T(set=1), 12] (other_set)");
    expect_fault("where(%ids, %x, %x)", "where needs numbers with a fraction");
    expect_fault("shift(%text) {by=1}", "shift needs token rows, got text (text)");
    expect_fault("shift(%x)", "shift needs 'by'");
    expect_fault("unfold(%x) {kernel=0}", "kernel is 0, but must be from 1");
    expect_fault("grouped_matmul(%x, %table) {groups=5}", "a multiple of 5 groups");
    expect_fault("grouped_matmul(%x, %table) {groups=3}",
                 "12 wide rows in 3 groups needs a weight [a multiple of 3, 4]");
    expect_fault("mean(%x) {begin=3, end=3}", "begin 3 and end 3 leave no row");
    expect_fault("max(%x) {begin=-1, end=-2}", "begin -1 and end -2 leave no row");
    expect_fault("sum(%x) {end=0}", "begin 0 and end 0 leave no row");
    expect_fault("first_token(%x) {end=3}", "end");
    expect_fault("pool_normalize(%x) {end=3, pool=\"last_token\"}", "last_token has no 'end'");
    expect_fault("relative_bias(%row, %ids) {max_distance=8}", "a table of at least 4 buckets");
    expect_fault("relative_bias(%table, %ids) {max_distance=7}", "max_distance is 7, but must be from 8");
    expect_fault("relative_bias(%table, %text) {max_distance=9}", "token rows, whose pairs it is for, got text");
    expect_fault("relative_scores(%x, %table) {buckets=8, heads=4}", "buckets and max_distance are given together");
    expect_fault("relative_scores(%x, %table) {buckets=8, heads=4, max_distance=5}",
                 "max_distance is 5, but must be from 6");
    expect_fault("relative_scores(%x, %table) {heads=4, rows=\"value\"}", "rows is 'value'");
    expect_fault("relative_scores(%x, %table) {heads=5}", "a multiple of 5 heads");
    expect_fault("relative_scores(%narrow, %table) {heads=4}", "a table as wide as its rows, 8");
    expect_fault("gather(%x, %ids)", "gather needs a table, got token (x)");
    expect_fault("gather(%table, %x)", "one i32 id per token, got token f32 [T, 12] (x)");
    expect_fault("matmul(%narrow, %table)", "needs a weight [N, 8], got table f32 [30, 12] (table)");
    expect_fault("bias_add(%narrow, %vector)", "a bias of 8 numbers");
    expect_fault("layer_norm(%x, %vector)", "layer_norm needs 'eps', a number");
    expect_fault("layer_norm(%x, %vector) {eps=-1.0}", "eps is negative");
    expect_fault("layer_norm(%flat, %vector) {eps=1.0}", "rows with one width");
    expect_fault("rms_norm(%x, %vector, %vector) {eps=1.0}", "rms_norm takes 2 inputs, got 3");
    expect_fault("scores(%x, %y) {heads=5}", "multiple of 5 heads");
    expect_fault("scores(%x, %y) {heads=4, key_heads=3}", "4 heads cannot share 3 key heads");
    expect_fault("scores(%x, %narrow) {heads=4}", "keys of 4 heads of 3");
    expect_fault("scores(%x, %other_set) {heads=4}", "one row set");
    expect_fault("scores(%x, %y) {heads=4, causal=2}", "causal is 2, but must be from 0 to 1");
    expect_fault("apply(%pair3, %x) {heads=4}", "needs pairs of 4 heads, got pair f32 [3, P] (pair3)");
    expect_fault("add(%x, %narrow)", "needs equal widths");
    expect_fault("add(%x, %table)", "as many rows as 'x' has, or one, got table f32 [30, 12] (table)");
    expect_fault("add(%x, %other_set)", "one row set");
    expect_fault("add(%x, %halves)", "one element type, f32 as of 'x', got table f16");
    expect_fault("add(%pair, %x)", "needs a pair value beside a pair value");
    expect_fault("add(%pair, %pair3)", "as many heads");
    expect_fault("add(%pair, %windowed)", "the same pairs");
    expect_fault("relu(%ids)", "relu needs numbers with a fraction");
    expect_fault("concat(%x, %text)", "inputs of one row kind");
    expect_fault("concat(%x, %y) {axis=0}", "axis is 0");
    expect_fault("slice(%x) {begin=7, end=7}", "end is 7, but must be from 8 to 12");
    expect_fault("slice(%x) {axis=0, end=1}", "axis is 0, but must be from 1 to 1");
    expect_fault("squeeze(%x)", "last axis of 1");
    expect_fault("transpose(%vector)", "a table [a, b]");
    expect_fault("cast(%x) {to=\"f31\"}", "no element type 'f31'");
    expect_fault("softmax(%table)", "pair, token or text rows, got table");
}

Test(ops, every_op_is_found_by_name)
{
    size_t count;
    const eg_op *const *all = eg_op_all(&count);
    cr_assert_gt(count, 44);
    for (size_t i = 0; i < count; i++)
        cr_assert_eq(eg_op_find(all[i]->name), all[i]);
    cr_assert_null(eg_op_find("lin"));
}

/* --- building ------------------------------------------------------------------------------------ */

static eg_value_id
add_input(eg_graph *graph, const char *name)
{
    eg_value_id id;
    eg_type type = eg_type_token(EG_F32, 0, 12);
    cr_assert_eq(eg_graph_add_input(graph, name, &type, &id, NULL), EG_OK);
    return id;
}

static eg_value_id
add_node(eg_graph *graph, const char *op, const char *name, const char *scope, eg_value_id in)
{
    eg_value_id id;
    cr_assert_eq(eg_graph_add_node(graph, eg_op_find(op), name, scope, &in, 1, NULL, 0, &id, NULL), EG_OK);
    return id;
}

static const char *
name_of(const eg_graph *graph, eg_value_id id)
{
    return eg_graph_value(graph, id)->name;
}

Test(building, names_are_unique)
{
    eg_graph graph;
    eg_error err;
    eg_error_init(&err);
    cr_assert_eq(eg_graph_init(&graph, "g", NULL), EG_OK);
    eg_value_id x = add_input(&graph, "x"), other;
    cr_assert_str_eq(name_of(&graph, add_node(&graph, "relu", "y", "", x)), "y");
    cr_assert_str_eq(name_of(&graph, add_node(&graph, "relu", "y", "", x)), "y.2");
    cr_assert_str_eq(name_of(&graph, add_node(&graph, "relu", "y", "", x)), "y.3");
    cr_assert_str_eq(name_of(&graph, add_node(&graph, "relu", NULL, "", x)), "relu.4");
    cr_assert_str_eq(name_of(&graph, add_node(&graph, "relu", NULL, "block.0", x)), "block.0.relu.5");
    eg_type type = eg_type_token(EG_F32, 0, 12);
    cr_assert_eq(eg_graph_add_input(&graph, "y", &type, &other, &err), EG_E_INTERNAL);
    cr_assert_eq(eg_graph_add_input(&graph, "a name", &type, &other, &err), EG_E_INPUT);
    cr_assert_eq(eg_graph_rename(&graph, x, "y.2", &err), EG_E_INTERNAL);
    eg_value_id y = eg_graph_find(&graph, "y");
    cr_assert_eq(eg_graph_rename(&graph, y, "z", &err), EG_OK);
    cr_assert(eg_graph_find(&graph, "y") == 0 && eg_graph_find(&graph, "z") == y);
    cr_assert_str_eq(eg_graph_node(&graph, eg_graph_value(&graph, y)->producer)->name, "z");
    cr_assert_eq(eg_graph_verify(&graph, &err), EG_OK, "%s", test_error_line(&err));
    eg_graph_finish(&graph);
}

Test(building, what_says_nothing_is_left_out)
{
    eg_graph graph = parse(INPUTS "%s = scores(%x, %y) {heads=4, key_heads=4, scale=1.0, causal=0, window=0}"
                                  " : pair f32 [4, P]\n"
                                  "%g = gelu(%x) {form=\"erf\"} : token f32 [T, 12]\n"
                                  "%n = normalize(%x) {eps=1e-12} : token f32 [T, 12]\n"
                                  "%c = slice(%x) {axis=1, begin=0, end=3} : token f32 [T, 3]\n"
                                  "%m = mean(%x) {skip_prompt=0} : text f32 [B, 12]\n"
                                  "%t = token(%x) {index=0} : text f32 [B, 12]\n");
    static const uint32_t left[] = {1, 0, 0, 1, 0, 1};
    for (size_t i = 0; i < graph.order.count; i++) {
        const eg_node *node = eg_graph_node(&graph, graph.order.items[i]);
        cr_expect_eq(node->attr_count, left[i], "%s keeps %u", node->name, node->attr_count);
    }
    eg_graph_finish(&graph);
}

Test(building, a_failed_node_leaves_nothing)
{
    eg_graph graph;
    eg_value_id out;
    cr_assert_eq(eg_graph_init(&graph, "g", NULL), EG_OK);
    eg_value_id x = add_input(&graph, "x");
    cr_assert_eq(eg_graph_add_node(&graph, eg_op_find("squeeze"), "y", "", &x, 1, NULL, 0, &out, NULL), EG_E_INPUT);
    x = 77;
    cr_assert_eq(eg_graph_add_node(&graph, eg_op_find("relu"), "y", "", &x, 1, NULL, 0, &out, NULL), EG_E_INTERNAL);
    cr_assert(eg_graph_find(&graph, "y") == 0 && graph.order.count == 0);
    cr_assert_eq(eg_graph_verify(&graph, NULL), EG_OK);
    eg_graph_finish(&graph);
}

Test(building, clones_are_equal_and_apart)
{
    for (uint64_t seed = 1; seed < 20; seed++) {
        eg_graph graph, copy;
        eg_strbuf before = {0}, after = {0};
        cr_assert_eq(random_graph(seed, 40, &graph, NULL), EG_OK);
        cr_assert_eq(eg_graph_clone(&graph, &copy, NULL), EG_OK);
        cr_assert_eq(eg_graph_write(&graph, &before, NULL), EG_OK);
        const eg_pass_options options = {0};
        eg_pass_result result;
        cr_assert_eq(eg_run_passes(&graph, &options, &result, NULL), EG_OK);
        eg_pass_result_finish(&result);
        eg_graph_finish(&graph);
        cr_assert_eq(eg_graph_verify(&copy, NULL), EG_OK);
        cr_assert_eq(eg_graph_write(&copy, &after, NULL), EG_OK);
        cr_assert_str_eq(before.data, after.data);
        eg_strbuf_finish(&before);
        eg_strbuf_finish(&after);
        eg_graph_finish(&copy);
    }
}

Test(building, an_output_keeps_its_name_when_replaced)
{
    eg_graph graph = parse("graph \"g\" sets 1\ninput %x : token f32 [T, 4]\n%a = relu(%x) : token f32 [T, 4]\n"
                           "%b = tanh(%a) : token f32 [T, 4]\noutput %b\n");
    eg_value_id a = eg_graph_find(&graph, "a"), b = eg_graph_find(&graph, "b");
    cr_assert_eq(eg_graph_replace(&graph, b, a, NULL), EG_OK);
    cr_assert(eg_graph_find(&graph, "b") == a && graph.outputs.items[0] == a);
    cr_assert_eq(eg_graph_verify(&graph, NULL), EG_OK);
    cr_assert_eq(eg_graph_replace(&graph, a, eg_graph_find(&graph, "x"), NULL), EG_E_INTERNAL);
    eg_graph_finish(&graph);
}

/* --- the verifier -------------------------------------------------------------------------------- */

static void
assert_verify_says(const eg_graph *graph, const char *part)
{
    eg_error err;
    eg_error_init(&err);
    cr_assert_eq(eg_graph_verify(graph, &err), EG_E_INTERNAL, "nothing said of: %s", part);
    cr_assert(strstr(err.message, part), "'%s' is not in: %s", part, err.message);
}

Test(verifier, sees_what_is_broken)
{
    eg_graph graph = parse("graph \"g\" sets 1\ninput %x : token f32 [T, 4]\nconst %w : table f32 [4, 4]\n"
                           "%a = matmul(%x, %w) : token f32 [T, 4]\n"
                           "%b = scale(%a) {factor=2.0} : token f32 [T, 4]\noutput %b\n");
    eg_value *a = eg_graph_value(&graph, eg_graph_find(&graph, "a"));
    eg_value *w = eg_graph_value(&graph, eg_graph_find(&graph, "w"));
    eg_node *b = eg_graph_node(&graph, eg_graph_value(&graph, eg_graph_find(&graph, "b"))->producer);

    a->type.dims[1].k = 5;
    assert_verify_says(&graph, "value 'a' is token f32 [T, 5], but matmul gives token f32 [T, 4]");
    a->type.dims[1].k = 4;
    b->attrs[0].name = "ractor";
    assert_verify_says(&graph, "node 'b': scale has no attribute 'ractor'");
    b->attrs[0].name = "factor";
    w->constant->views[0].dims[0] = 3;
    assert_verify_says(&graph, "constant 'w' is not covered");
    w->constant->views[0].dims[0] = 5;
    assert_verify_says(&graph, "constant 'w': block 0 lies outside");
    w->constant->views[0].dims[0] = 4;
    eg_node_id first = graph.order.items[0];
    graph.order.items[0] = graph.order.items[1];
    graph.order.items[1] = first;
    assert_verify_says(&graph, "node 'b' reads input 0 before it is made");
    graph.order.items[1] = graph.order.items[0];
    graph.order.items[0] = first;
    graph.order.count = 1;
    assert_verify_says(&graph, "2 nodes are live, 1 in the order");
    graph.order.count = 2;
    const char *name = a->name;
    a->name = "w";
    assert_verify_says(&graph, "two values are named 'w'");
    a->name = name;
    cr_assert_eq(eg_graph_verify(&graph, NULL), EG_OK);
    eg_graph_finish(&graph);
}

/* --- sizes and work ------------------------------------------------------------------------------ */

static const eg_row rows[] = {{0, 3, 3, 0}, {3, 10, 10, 0}, {13, 1, 1, 0}};
static const eg_row_set sets[] = {{.T = 14, .P = 110, .max_n = 10, .table = rows}};
static const eg_dims dims = {.size = sizeof dims, .B = 3, .set_count = 1, .sets = sets};

static uint64_t
bytes_of(eg_type type, const eg_dims *sizes)
{
    uint64_t bytes = 0;
    cr_assert(eg_type_bytes(&type, sizes, &bytes));
    return bytes;
}

Test(sizes, of_each_kind)
{
    cr_assert_eq(bytes_of(eg_type_token(EG_F32, 0, 12), &dims), 14 * 12 * 4);
    cr_assert_eq(bytes_of(eg_type_token(EG_I32, 0, 0), &dims), 14 * 4);
    cr_assert_eq(bytes_of(eg_type_text(EG_F16, 12), &dims), 3 * 12 * 2);
    cr_assert_eq(bytes_of(eg_type_table(EG_I8, 5, 7), &dims), 35);
    cr_assert_eq(bytes_of(eg_type_pair(EG_F32, 0, 4, 0), &dims), 4 * 110 * 4);
    /* Σ n · min(n, 5) = 9 + 50 + 1 */
    cr_assert_eq(bytes_of(eg_type_pair(EG_F32, 0, 4, 2), &dims), 4 * 60 * 4);
}

Test(sizes, a_bound_is_never_below_the_truth)
{
    const eg_row_set bound_set = {.T = 16, .P = 128, .max_n = 10};
    const eg_dims bound = {.size = sizeof bound, .B = 4, .set_count = 1, .sets = &bound_set};
    for (int64_t window = 0; window < 20; window++) {
        eg_type type = eg_type_pair(EG_F32, 0, 2, window);
        cr_assert(bytes_of(type, &bound) >= bytes_of(type, &dims));
    }
    cr_assert_eq(bytes_of(eg_type_pair(EG_U8, 0, 1, 1), &bound), 16 * 3);
}

Test(sizes, overflow_is_seen)
{
    uint64_t bytes;
    eg_type type = eg_type_table(EG_F32, INT64_MAX / 2, INT64_MAX / 2);
    cr_assert_not(eg_type_bytes(&type, &dims, &bytes));
    type = eg_type_token(EG_F32, 3, 4);
    cr_assert_not(eg_type_bytes(&type, &dims, &bytes), "a row set that is not there");
}

Test(cost, of_a_linear_layer_and_a_gather)
{
    eg_graph graph = parse(INPUTS "%y2 = matmul(%x, %table) : token f32 [T, 30]\n"
                                  "%words = gather(%table, %ids) : token f32 [T, 12]\n"
                                  "%flat2 = squeeze(%column) : token f32 [T]\noutput %y2\noutput %words\n");
    eg_cost cost;
    eg_node_cost(&graph, graph.order.items[0], &dims, &cost);
    cr_assert_eq(cost.flops, 2 * 14 * 12 * 30);
    cr_assert(cost.read_bytes == 14 * 12 * 4 && cost.write_bytes == 14 * 30 * 4 && cost.weight_bytes == 30 * 12 * 4);
    eg_node_cost(&graph, graph.order.items[1], &dims, &cost);
    cr_assert(cost.flops == 0 && cost.weight_bytes == 14 * 12 * 4 && cost.read_bytes == 14 * 4);
    eg_node_cost(&graph, graph.order.items[2], &dims, &cost);
    cr_assert(cost.flops == 0 && cost.read_bytes == 0 && cost.write_bytes == 0);
    eg_graph_finish(&graph);
}

Test(cost, of_a_graph)
{
    eg_graph graph = parse("graph \"g\" sets 1\ninput %x : token f32 [T, 4]\nconst %unread : table f32 [9]\n"
                           "const %w : table f32 [8, 4]\n%a = matmul(%x, %w) : token f32 [T, 8]\n"
                           "%b = relu(%a) : token f32 [T, 8]\n%c = mean(%b) : text f32 [B, 8]\noutput %c\n");
    eg_graph_stat stat;
    eg_graph_measure(&graph, &dims, &stat);
    cr_assert(stat.nodes == 3 && stat.values == 5 && stat.weight_bytes == 128);
    cr_assert_eq(stat.flops, 2 * 14 * 4 * 8 + 14 * 8 + 14 * 8);
    cr_assert_eq(stat.bytes, (56 + 112 + 112 + 112 + 112 + 24) * 4);
    cr_assert_eq(stat.peak, (56 + 112 + 112) * 4);
    eg_graph_measure(&graph, NULL, &stat);
    cr_assert(stat.nodes == 3 && stat.bytes == 0 && stat.peak == 0);
    eg_graph_finish(&graph);
}

Test(views, lead_back_to_their_memory)
{
    eg_graph graph = parse("graph \"g\" sets 1\ninput %x : token f32 [T, 4]\nconst %w : table f32 [4, 1]\n"
                           "%a = slice(%x) {end=1} : token f32 [T, 1]\n%b = squeeze(%a) : token f32 [T]\n"
                           "%v = squeeze(%w) : table f32 [4]\noutput %b\noutput %v\n");
    eg_value_id a = eg_graph_find(&graph, "a"), b = eg_graph_find(&graph, "b"), v = eg_graph_find(&graph, "v");
    cr_assert_eq(eg_graph_alias_root(&graph, b), a);
    cr_assert_eq(eg_graph_alias_root(&graph, a), a);
    cr_assert_eq(eg_graph_alias_root(&graph, v), v, "a constant has no memory of the plan");
    eg_graph_finish(&graph);
}
