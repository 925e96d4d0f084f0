/* SPDX-License-Identifier: Apache-2.0 */
/* The text form: what is written is read back to the same bytes; what is wrong is said with its place. */
#include <math.h>

#include "graph/pass.h"
#include "tests/unit/random_graph.h"
#include "tests/unit/support.h"

static char *
write_text(const eg_graph *graph)
{
    eg_strbuf text = {0};
    cr_assert_eq(eg_graph_write(graph, &text, NULL), EG_OK);
    return text.data;
}

static eg_graph
parse(const char *text)
{
    eg_graph graph;
    eg_error err;
    eg_error_init(&err);
    cr_assert_eq(eg_graph_parse(text, strlen(text), "t", &graph, &err), EG_OK, "%s in\n%s", test_error_line(&err),
                 text);
    return graph;
}

static void
assert_round_trip(const char *text)
{
    eg_graph graph = parse(text);
    char *again = write_text(&graph);
    cr_assert_str_eq(again, text);
    eg_free(again);
    eg_graph_finish(&graph);
}

Test(text, every_form_of_line)
{
    assert_round_trip("graph \"a \\\"b\\\" \\u0001 ü\" sets 3\n"
                      "input %token_ids : token i32 [T]\n"
                      "input %rows : token f32 [T(set=1), 24]\n"
                      "input %other : pair f32 [4, P(set=2,w=64)]\n"
                      "input %vectors : text f32 [B, 24]\n"
                      "const %base:emb.weight : table f32 [30522, 384]\n"
                      "const %w/x-1 : table f16 [24]\n"
                      "%words = gather(%base:emb.weight, %token_ids) : token f32 [T, 384] in \"embeddings\"\n"
                      "%pairs = scores(%words, %words) {heads=12, scale=0.125, window=64} : pair f32 [12, P(w=64)] in "
                      "\"encoder.0\" from 17\n"
                      "%mixed = apply(%pairs, %words) {heads=12} : token f32 [T, 384]\n"
                      "%acted = gelu(%mixed) {form=\"tanh\"} : token f32 [T, 384] from 2\n"
                      "%sum = add(%rows, %vectors) : token f32 [T(set=1), 24]\n"
                      "output %sum\n"
                      "output %acted\n"
                      "output %other\n");
}

Test(text, spaces_comments_and_order_are_free)
{
    eg_graph graph = parse("# a graph\n\n  graph \"g\"   sets 1 # first\n"
                           "input %x : token f32[T,4]\n"
                           "\n");
    eg_graph_finish(&graph);
}

Test(text, numbers_keep_every_bit)
{
    static const double numbers[] = {
        0.1,     1.0,   -0.0, 1e300, 5e-324,     1.7976931348623157e308, 0.088388347648318447,
        1.0 / 3, 1e-12, 1e16, 3e20,  123456789.0};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        eg_graph graph, again;
        eg_value_id x, y;
        eg_type type = eg_type_token(EG_F32, 0, 4);
        eg_attr factor = {.name = "factor", .type = EG_ATTR_FLOAT, .real = numbers[i]};
        cr_assert_eq(eg_graph_init(&graph, "g", NULL), EG_OK);
        cr_assert_eq(eg_graph_add_input(&graph, "x", &type, &x, NULL), EG_OK);
        cr_assert_eq(eg_graph_add_node(&graph, eg_op_find("scale"), "y", "", &x, 1, &factor, 1, &y, NULL), EG_OK);
        char *text = write_text(&graph);
        again = parse(text);
        double got = eg_node_float(eg_graph_node(&again, 1), "factor", NAN);
        cr_assert(memcmp(&got, &numbers[i], sizeof got) == 0, "%.17g became %.17g in %s", numbers[i], got, text);
        eg_free(text);
        eg_graph_finish(&again);
        eg_graph_finish(&graph);
    }
}

Test(text, random_graphs_come_back)
{
    for (uint64_t seed = 1; seed <= 120; seed++) {
        eg_graph graph;
        eg_error err;
        eg_error_init(&err);
        cr_assert_eq(random_graph(seed, 5 + (uint32_t)seed, &graph, &err), EG_OK, "%s", test_error_line(&err));
        char *text = write_text(&graph);
        assert_round_trip(text);
        eg_free(text);
        /* And with holes in the numbering. */
        eg_pass_options options = {0};
        eg_pass_result result;
        cr_assert_eq(eg_run_passes(&graph, &options, &result, &err), EG_OK, "%s", test_error_line(&err));
        text = write_text(&graph);
        assert_round_trip(text);
        eg_free(text);
        eg_pass_result_finish(&result);
        eg_graph_finish(&graph);
    }
}

static void
assert_fault(const char *text, uint32_t line, uint32_t column, const char *part)
{
    eg_graph graph;
    eg_error err;
    eg_error_init(&err);
    cr_assert_eq(eg_graph_parse(text, strlen(text), "t", &graph, &err), EG_E_INPUT, "accepted:\n%s", text);
    test_assert_error(&err, EG_E_INPUT, line, column, part);
    cr_assert_eq(eg_graph_parse(text, strlen(text), "t", &graph, NULL), EG_E_INPUT);
}

#define HEAD "graph \"g\" sets 1\ninput %x : token f32 [T, 4]\ninput %ids : token i32 [T]\n"

Test(text, faults_have_their_place)
{
    assert_fault("", 1, 1, "expected 'graph");
    assert_fault("graph g sets 1\n", 1, 7, "expected '\"'");
    assert_fault("graph \"g\" sets 0\n", 1, 16, "from 1 to");
    assert_fault("graph \"g\n", 1, 7, "does not end");
    assert_fault("graph \"\\x\" sets 1\n", 1, 8, "escape");
    assert_fault("graph \"\xff\" sets 1\n", 1, 8, "UTF-8");
    assert_fault("graph \"g\" sets 1 more\n", 1, 18, "end of the line");
    assert_fault(HEAD "nonsense\n", 4, 1, "expected input");
    assert_fault(HEAD "input %x : token f32 [T]\n", 4, 7, "two values are named 'x'");
    assert_fault(HEAD "input %y : token f31 [T]\n", 4, 18, "element type");
    assert_fault(HEAD "input %y : tokens f32 [T]\n", 4, 12, "expected token");
    assert_fault(HEAD "input %y : token f32 [T, B]\n", 4, 12, "axes do not fit");
    assert_fault(HEAD "input %y : token f32 [T, 0]\n", 4, 26, "from 1 to");
    assert_fault(HEAD "input %y : token f32 [T(set=1)]\n", 4, 12, "fewer row sets");
    assert_fault(HEAD "input %y : token f32 [T(w=1)]\n", 4, 25, "expected set");
    assert_fault(HEAD "input %y : token f32 [T, 99999999999999999999]\n", 4, 26, "too large");
    assert_fault(HEAD "const %w : table f32 [4000000000, 4000000000]\n", 4, 7, "too large");
    assert_fault(HEAD "%y = gelu(%z) : token f32 [T, 4]\n", 4, 11, "no value 'z'");
    assert_fault(HEAD "%y = gelo(%x) : token f32 [T, 4]\n", 4, 6, "no op 'gelo'");
    assert_fault(HEAD "%x = gelu(%x) : token f32 [T, 4]\n", 4, 1, "made twice");
    assert_fault(HEAD "%y, %z = gelu(%x) : token f32 [T, 4]\n", 4, 10, "gives 1 values");
    assert_fault(HEAD "%y = gelu(%x, %x) : token f32 [T, 4]\n", 4, 1, "takes 1 inputs, got 2");
    assert_fault(HEAD "%y = gelu(%x) : token f32 [T, 5]\n", 4, 1, "gives token f32 [T, 4] here");
    assert_fault(HEAD "%y = gelu(%x) {form=\"odd\"} : token f32 [T, 4]\n", 4, 1, "no form 'odd'; erf");
    assert_fault(HEAD "%y = gelu(%x) {from=\"tanh\"} : token f32 [T, 4]\n", 4, 1, "no attribute 'from'");
    assert_fault(HEAD "%y = scale(%x) {factor=1} : token f32 [T, 4]\n", 4, 1, "must be a number");
    assert_fault(HEAD "%y = scale(%x) {factor=1e999} : token f32 [T, 4]\n", 4, 24, "too large");
    assert_fault(HEAD "%y = scale(%x) {factor=1.2.3} : token f32 [T, 4]\n", 4, 24, "not a number");
    assert_fault(HEAD "%y = scale(%x) {factor=1.5, factor=2.5} : token f32 [T, 4]\n", 4, 1, "given twice");
    assert_fault(HEAD "%y = scale(%x) : token f32 [T, 4]\n", 4, 1, "needs 'factor'");
    assert_fault(HEAD "output %y\n", 4, 8, "no value 'y'");
    assert_fault(HEAD "output %x\noutput %x\n", 5, 8, "output already");
}
