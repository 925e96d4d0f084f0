/* SPDX-License-Identifier: Apache-2.0 */
/* The fused ops: their types, what they say of wrong inputs, and the primitive nodes that each one stands for. */
#include "graph/graph.h"
#include "graph/pass.h"
#include "tests/unit/support.h"

#define INPUTS                                                                                                         \
    "graph \"g\" sets 2\n"                                                                                             \
    "input %ids : token i32 [T]\n"                                                                                     \
    "input %x : token f32 [T, 12]\n"                                                                                   \
    "input %y : token f32 [T, 12]\n"                                                                                   \
    "input %k : token f32 [T, 6]\n"                                                                                    \
    "input %far : token f32 [T(set=1), 12]\n"                                                                          \
    "input %text : text f32 [B, 12]\n"                                                                                 \
    "input %pair : pair f32 [4, P]\n"                                                                                  \
    "input %pair1 : pair f32 [1, P]\n"                                                                                 \
    "input %pair3 : pair f32 [3, P]\n"                                                                                 \
    "input %windowed : pair f32 [4, P(w=2)]\n"                                                                         \
    "const %table : table f32 [30, 12]\n"                                                                              \
    "const %more : table f32 [5, 12]\n"                                                                                \
    "const %slim : table f32 [5, 6]\n"                                                                                 \
    "const %square : table f32 [12, 12]\n"                                                                             \
    "const %other : table f32 [12, 12]\n"                                                                              \
    "const %vector : table f32 [12]\n"                                                                                 \
    "const %v2 : table f32 [12]\n"                                                                                     \
    "const %v30 : table f32 [30]\n"

static eg_graph
parse(const char *text)
{
    eg_graph graph;
    eg_error err;
    eg_error_init(&err);
    cr_assert_eq(eg_graph_parse(text, strlen(text), "t", &graph, &err), EG_OK, "%s", test_error_line(&err));
    return graph;
}

/* The type that the op gives, as text, or its message. */
static const char *
result_of(const char *call)
{
    static char out[1024];
    char text[4096];
    eg_graph graph;
    eg_error err;
    eg_error_init(&err);
    snprintf(text, sizeof text, "%s%%out = %s : table u8 [7, 7, 7]\n", INPUTS, call);
    cr_assert_eq(eg_graph_parse(text, strlen(text), NULL, &graph, &err), EG_E_INPUT);
    const char *gives = strstr(err.message, " gives ");
    snprintf(out, sizeof out, "%s", gives ? gives + 7 : err.message);
    if (gives)
        *strstr(out, " here") = '\0';
    return out;
}

#define expect_type(call, type) cr_expect_str_eq(result_of(call), type, "%s: %s", call, result_of(call))
#define expect_fault(call, part) cr_expect(strstr(result_of(call), part), "%s: %s", call, result_of(call))

Test(fused_ops, types)
{
    expect_type("linear(%x, %table)", "token f32 [T, 30]");
    expect_type("linear(%x, %table, %v30) {activation=\"gelu_tanh\", bias=1}", "token f32 [T, 30]");
    expect_type("linear(%text, %square, %vector, %text) {bias=1, residual=1}", "text f32 [B, 12]");
    expect_type("linear(%x, %square, %y) {residual=1}", "token f32 [T, 12]");
    expect_type("glu_linear(%x, %table, %table) {activation=\"silu\"}", "token f32 [T, 30]");
    expect_type("glu_linear(%x, %square, %other, %vector, %v2) {bias=1}", "token f32 [T, 12]");
    expect_type("attention(%x, %y, %x) {heads=4}", "token f32 [T, 12]");
    expect_type("attention(%text, %y, %x, %pair1) {bias=1, heads=4, scale=0.5}", "text f32 [B, 12]");
    expect_type("attention(%x, %k, %k) {heads=4, key_heads=2}", "token f32 [T, 12]");
    expect_type("attention(%x, %y, %x, %windowed) {bias=1, causal=1, heads=4, window=2}", "token f32 [T, 12]");
    expect_type("add_norm(%x, %y, %vector, %v2) {eps=1e-5}", "token f32 [T, 12]");
    expect_type("add_norm(%text, %text, %vector) {eps=1e-5, norm=\"rms\"}", "text f32 [B, 12]");
    expect_type("embed_norm(%table, %ids, %vector) {eps=1e-5, tables=1}", "token f32 [T, 12]");
    expect_type("embed_norm(%table, %ids, %more, %ids, %vector, %v2) {eps=1e-5, tables=2}", "token f32 [T, 12]");
    expect_type("pool_normalize(%x) {pool=\"mean\"}", "text f32 [B, 12]");
    expect_type("pool_normalize(%far) {pool=\"last_token\", skip_prompt=1}", "text f32 [B, 12]");
    expect_type("columns(%x) {begin=4, end=8}", "token f32 [T, 4]");
    expect_type("columns(%text) {end=8}", "text f32 [B, 8]");
}

Test(fused_ops, faults)
{
    expect_fault("linear(%x, %table, %v30)", "takes 2 inputs with these attributes, got 3");
    expect_fault("linear(%x, %table, %vector) {bias=1}", "needs a bias of 30 numbers");
    expect_fault("linear(%x, %table) {activation=\"gello\"}", "has no activation 'gello'");
    expect_fault("linear(%x, %table, %y) {residual=1}", "needs a residual like its result, token f32 [T, 30]");
    expect_fault("linear(%x, %table) {bias=2}", "must be from 0 to 1");
    expect_fault("glu_linear(%x, %table, %square)", "needs a second weight [30, 12]");
    expect_fault("attention(%x, %k, %x) {heads=4}", "needs keys of 4 heads of 3");
    expect_fault("attention(%x, %far, %x) {heads=4}", "of one row set");
    expect_fault("attention(%x, %y, %x, %pair3) {bias=1, heads=4}", "needs pairs of 4 heads, or of one");
    expect_fault("attention(%x, %y, %x, %windowed) {bias=1, heads=4}", "needs the pairs of its queries and keys");
    expect_fault("attention(%x, %text, %x) {heads=4}", "needs token rows as keys and values, got text");
    expect_fault("add_norm(%x, %text, %vector) {eps=1e-5}", "needs two inputs like 'x'");
    expect_fault("add_norm(%x, %y, %vector, %v2) {eps=1e-5, norm=\"rms\"}", "takes 3 to 3 inputs");
    expect_fault("add_norm(%x, %y, %vector) {eps=1e-5, norm=\"group\"}", "has no norm 'group'");
    expect_fault("embed_norm(%table, %ids, %vector) {eps=1e-5, tables=2}", "takes 5 inputs");
    expect_fault("embed_norm(%table, %ids, %slim, %ids, %vector) {eps=1e-5, tables=2}", "tables of one width");
    expect_fault("embed_norm(%table, %ids, %vector) {eps=1e-5, tables=9}", "must be from 1 to 8");
    expect_fault("pool_normalize(%x) {pool=\"token\"}", "has no pooling 'token'");
    expect_fault("columns(%x) {begin=4, end=13}", "must be from 5 to 12");
    expect_fault("spread(%x, %y)", "needs text rows, got token");
}

/* --- decomposing --------------------------------------------------------------------------------- */

static void
decompose_all(eg_graph *graph)
{
    eg_error err;
    eg_error_init(&err);
    for (size_t i = 0; i < graph->order.count; i++) {
        eg_node_id id = graph->order.items[i];
        const eg_op *op = eg_graph_node(graph, id)->op;
        if (op->flags & EG_OP_FUSED)
            cr_assert_eq(op->decompose(graph, id, &err), EG_OK, "%s", test_error_line(&err));
    }
    cr_assert_eq(eg_graph_verify(graph, &err), EG_OK, "%s", test_error_line(&err));
}

/* Numbers of the nodes that nodes stand for are of no matter here. */
static void
drop_from(char *text)
{
    for (char *from; (from = strstr(text, " from "));) {
        char *end = strchr(from, '\n');
        memmove(from, end, strlen(end) + 1);
    }
}

/* %out = call becomes these lines. */
static void
assert_parts(const char *call, const char *type, const char *parts)
{
    char text[4096], want[4096];
    eg_strbuf got = {0};
    snprintf(text, sizeof text, "%s%%out = %s : %s in \"here\"\n%%after = relu(%%out) : %s\noutput %%after\n", INPUTS,
             call, type, type);
    snprintf(want, sizeof want, "%s%s", INPUTS, parts);
    eg_graph graph = parse(text);
    decompose_all(&graph);
    cr_assert_eq(eg_graph_write(&graph, &got, NULL), EG_OK);
    drop_from(got.data);
    cr_expect(strncmp(got.data, want, strlen(want)) == 0, "%s:\n%s", call, got.data + strlen(INPUTS));
    cr_expect(strstr(got.data + strlen(INPUTS), "%after = relu(%out)"), "the reader stands after");
    eg_strbuf_finish(&got);
    eg_graph_finish(&graph);
}

#define PART " in \"here\"\n"
#define ROWS " : token f32 [T, 12]"

Test(decompose, gives_the_nodes_that_define_the_op)
{
    assert_parts("linear(%x, %square, %vector, %y) {activation=\"gelu_tanh\", bias=1, residual=1}", "token f32 [T, 12]",
                 "%out.matmul = matmul(%x, %square)" ROWS PART
                 "%out.bias_add = bias_add(%out.matmul, %vector)" ROWS PART
                 "%out.gelu = gelu(%out.bias_add) {form=\"tanh\"}" ROWS PART "%out = add(%out.gelu, %y)" ROWS PART);
    assert_parts("linear(%x, %square)", "token f32 [T, 12]", "%out = matmul(%x, %square)" ROWS PART);
    assert_parts(
        "glu_linear(%x, %square, %other, %vector, %v2) {activation=\"silu\", bias=1}", "token f32 [T, 12]",
        "%out.matmul = matmul(%x, %square)" ROWS PART "%out.bias_add = bias_add(%out.matmul, %vector)" ROWS PART
        "%out.matmul.2 = matmul(%x, %other)" ROWS PART "%out.bias_add.2 = bias_add(%out.matmul.2, %v2)" ROWS PART
        "%out.silu = silu(%out.bias_add)" ROWS PART "%out = mul(%out.silu, %out.bias_add.2)" ROWS PART);
    assert_parts("attention(%x, %k, %k, %pair1) {bias=1, causal=1, heads=4, key_heads=2, scale=0.5}",
                 "token f32 [T, 12]",
                 "%out.scores = scores(%x, %k) {causal=1, heads=4, key_heads=2, scale=0.5} : pair f32 [4, P]" PART
                 "%out.add = add(%out.scores, %pair1) : pair f32 [4, P]" PART
                 "%out.softmax = softmax(%out.add) : pair f32 [4, P]" PART
                 "%out = apply(%out.softmax, %k) {heads=4, key_heads=2}" ROWS PART);
    assert_parts("attention(%text, %x, %y) {heads=4, window=2}", "text f32 [B, 12]",
                 "%out.spread = spread(%text, %x)" ROWS PART
                 "%out.scores = scores(%out.spread, %x) {heads=4, window=2} : pair f32 [4, P(w=2)]" PART
                 "%out.softmax = softmax(%out.scores) : pair f32 [4, P(w=2)]" PART
                 "%out.apply = apply(%out.softmax, %y) {heads=4}" ROWS PART
                 "%out = first_token(%out.apply) : text f32 [B, 12]" PART);
    assert_parts("add_norm(%x, %y, %vector, %v2) {eps=0.25}", "token f32 [T, 12]",
                 "%out.add = add(%x, %y)" ROWS PART "%out = layer_norm(%out.add, %vector, %v2) {eps=0.25}" ROWS PART);
    assert_parts("add_norm(%x, %y, %vector) {eps=0.25, norm=\"rms\"}", "token f32 [T, 12]",
                 "%out.add = add(%x, %y)" ROWS PART "%out = rms_norm(%out.add, %vector) {eps=0.25}" ROWS PART);
    assert_parts("embed_norm(%table, %ids, %more, %ids, %table, %ids, %vector) {eps=0.25, tables=3}",
                 "token f32 [T, 12]",
                 "%out.gather = gather(%table, %ids)" ROWS PART "%out.gather.2 = gather(%more, %ids)" ROWS PART
                 "%out.gather.3 = gather(%table, %ids)" ROWS PART "%out.add = add(%out.gather, %out.gather.2)" ROWS PART
                 "%out.add.2 = add(%out.add, %out.gather.3)" ROWS PART
                 "%out = layer_norm(%out.add.2, %vector) {eps=0.25}" ROWS PART);
    assert_parts("pool_normalize(%x) {eps=0.5, pool=\"mean\", skip_prompt=1}", "text f32 [B, 12]",
                 "%out.mean = mean(%x) {skip_prompt=1} : text f32 [B, 12]" PART
                 "%out = normalize(%out.mean) {eps=0.5} : text f32 [B, 12]" PART);
    assert_parts("pool_normalize(%x) {begin=-3, end=9, pool=\"max\"}", "text f32 [B, 12]",
                 "%out.max = max(%x) {begin=-3, end=9} : text f32 [B, 12]" PART
                 "%out = normalize(%out.max) : text f32 [B, 12]" PART);
    assert_parts("columns(%x) {begin=4, end=8}", "token f32 [T, 4]",
                 "%out = slice(%x) {begin=4, end=8} : token f32 [T, 4]" PART);
}

/* The parts have the names of what the node was made of, where these are free; the rest is said by their own origins. */
Test(decompose, parts_are_named_as_the_origins)
{
    static const eg_origin origins[] = {{"matmul", "x"}, {"bias_add", "layer.bias_add.2"}, {"relu", "out"}};
    eg_graph graph =
        parse(INPUTS "%out = linear(%x, %square, %vector) {activation=\"relu\", bias=1}" ROWS "\noutput %out\n");
    eg_graph copy;
    eg_node *fused = eg_graph_node(&graph, graph.order.items[0]);
    fused->origins = origins;
    fused->origin_count = 3;
    cr_assert_eq(eg_graph_clone(&graph, &copy, NULL), EG_OK);
    eg_graph_finish(&graph);
    decompose_all(&copy);
    static const char *const names[] = {"x.2", "layer.bias_add.2", "out"};
    cr_assert_eq(copy.order.count, 3);
    for (size_t i = 0; i < 3; i++)
        cr_assert_str_eq(eg_graph_node(&copy, copy.order.items[i])->name, names[i]);
    const eg_node *first = eg_graph_node(&copy, copy.order.items[0]);
    cr_assert_eq(first->origin_count, 1);
    cr_assert_str_eq(first->origins[0].name, "x");
    cr_assert_eq(eg_graph_node(&copy, copy.order.items[2])->origin_count, 0);
    eg_graph_finish(&copy);
}

/* --- work ---------------------------------------------------------------------------------------- */

static eg_cost
cost_of(const char *call, const char *type)
{
    const eg_row_set sets[] = {{.T = 10, .P = 60, .max_n = 6}, {.T = 10, .P = 60, .max_n = 6}};
    const eg_dims sizes = {.size = sizeof sizes, .B = 2, .set_count = 2, .sets = sets};
    char text[4096];
    eg_cost cost;
    snprintf(text, sizeof text, "%s%%out = %s : %s\noutput %%out\n", INPUTS, call, type);
    eg_graph graph = parse(text);
    eg_node_cost(&graph, graph.order.items[0], &sizes, &cost);
    eg_graph_finish(&graph);
    return cost;
}

Test(work, of_fused_ops)
{
    eg_cost linear = cost_of("linear(%x, %square, %vector, %y) {bias=1, residual=1}", "token f32 [T, 12]");
    cr_assert(linear.flops == 120 * 26 && linear.read_bytes == 960 && linear.write_bytes == 480);
    cr_assert_eq(linear.weight_bytes, (144 + 12) * 4);
    eg_cost attention = cost_of("attention(%x, %y, %x) {heads=4}", "token f32 [T, 12]");
    cr_assert_eq(attention.flops, 4 * 60 * (6 + 6 + 5));
    eg_cost one_query = cost_of("attention(%text, %y, %x) {heads=4}", "text f32 [B, 12]");
    cr_assert_eq(one_query.flops, 4 * 10 * (6 + 6 + 5));
    eg_cost embed = cost_of("embed_norm(%table, %ids, %more, %ids, %vector) {eps=0.5, tables=2}", "token f32 [T, 12]");
    cr_assert(embed.weight_bytes == 2 * 480 + 48 && embed.read_bytes == 2 * 40 && embed.write_bytes == 480,
              "the rows that are read, not the tables");
    eg_cost view = cost_of("columns(%x) {end=4}", "token f32 [T, 4]");
    cr_assert(view.flops == 0 && view.read_bytes == 0 && view.write_bytes == 0);
}
