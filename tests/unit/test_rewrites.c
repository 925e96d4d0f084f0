/* SPDX-License-Identifier: Apache-2.0 */
/* Each rewrite by what it makes of a small graph, and by what it says of graphs that are nearly right. */
#include "graph/rewrite.h"
#include "tests/unit/support.h"

#define HEAD                                                                                                           \
    "graph \"g\" sets 1\ninput %ids : token i32 [T]\ninput %x : token f32 [T, 4]\ninput %r : token f32 [T, 4]\n"       \
    "input %pair : pair f32 [1, P]\n"
#define TABLES                                                                                                         \
    "const %w : table f32 [4, 4]\nconst %u : table f32 [4, 4]\nconst %v : table f32 [4, 4]\nconst %o : table f32 [4, " \
    "4]\n"                                                                                                             \
    "const %b : table f32 [4]\nconst %c : table f32 [4]\nconst %d : table f32 [4]\n"
#define GIVEN HEAD TABLES
#define T4 " : token f32 [T, 4]\n"
#define B4 " : text f32 [B, 4]\n"
#define PAIRS " : pair f32 [2, P]\n"

static const eg_row_set set = {.T = 10, .P = 60, .max_n = 6};
static const eg_dims sizes = {.size = sizeof sizes, .B = 2, .set_count = 1, .sets = &set};

static eg_pass_result
run(eg_graph *graph, const char *fuse)
{
    const eg_pass_options options = {.fuse = fuse, .sizes = &sizes, .dump_after = ""};
    eg_pass_result result;
    eg_error err;
    eg_error_init(&err);
    cr_assert_eq(eg_run_passes(graph, &options, &result, &err), EG_OK, "%s", test_error_line(&err));
    return result;
}

static eg_graph
parse(const char *text)
{
    eg_graph graph;
    eg_error err;
    eg_error_init(&err);
    cr_assert_eq(eg_graph_parse(text, strlen(text), "t", &graph, &err), EG_OK, "%s\n%s", test_error_line(&err), text);
    return graph;
}

static const eg_pass_report *
report_of(eg_pass_result *result, const char *pass)
{
    const eg_pass_report *report = eg_pass_context_of(result, pass).report;
    cr_assert_not_null(report, "no report of %s", pass);
    return report;
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

/* The nodes and outputs: what stands after the inputs and constants. */
static const char *
body_of(const char *text)
{
    for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
        if (line[0] == '%' || line[0] == 'o')
            return line;
    }
    return "";
}

/* The passes turn the nodes into these. The clean-ups run too, but the order is kept. */
static void
becomes(const char *fuse, const char *before, const char *after)
{
    char text[8192], list[128];
    snprintf(text, sizeof text, "%s%s", GIVEN, before);
    snprintf(list, sizeof list, "%s,-order", fuse);
    eg_graph graph = parse(text);
    eg_pass_result result = run(&graph, list);
    drop_from(result.dump.data);
    cr_expect_str_eq(body_of(result.dump.data), after, "%s:\n%s\ninstead of\n%s", fuse, body_of(result.dump.data),
                     after);
    eg_pass_result_finish(&result);
    eg_graph_finish(&graph);
}

/* The last pass of the list finds nothing but this reason (NULL: none). */
static void
refuses(const char *fuse, const char *before, const char *at, const char *why)
{
    char text[8192];
    const char *pass = strrchr(fuse, ',') ? strrchr(fuse, ',') + 1 : fuse;
    snprintf(text, sizeof text, "%s%s", GIVEN, before);
    eg_graph graph = parse(text);
    eg_pass_result result = run(&graph, fuse);
    const eg_pass_report *report = report_of(&result, pass);
    cr_expect_eq(report->hits, 0, "%s of\n%s", pass, before);
    cr_expect_eq(report->refused.count, why ? 1 : 0, "%s: %zu refusals, %s of\n%s", pass, report->refused.count,
                 report->refused.count ? report->refused.items[0].why : "", before);
    if (why && report->refused.count) {
        cr_expect_str_eq(report->refused.items[0].at, at);
        cr_expect_str_eq(report->refused.items[0].why, why);
    }
    eg_pass_result_finish(&result);
    eg_graph_finish(&graph);
}

/* --- linear -------------------------------------------------------------------------------------- */

Test(linear, takes_what_follows_a_product)
{
    becomes("linear", "%m = matmul(%x, %w)" T4 "%y = bias_add(%m, %b)" T4 "output %y\n",
            "%y = linear(%x, %w, %b) {bias=1}" T4 "output %y\n");
    becomes("linear",
            "%m = matmul(%x, %w)" T4 "%n = bias_add(%m, %b)" T4 "%g = gelu(%n) {form=\"tanh\"}" T4 "%y = add(%r, %g)" T4
            "output %y\n",
            "%y = linear(%x, %w, %b, %r) {activation=\"gelu_tanh\", bias=1, residual=1}" T4 "output %y\n");
    becomes("linear", "%m = matmul(%x, %w)" T4 "%y = silu(%m)" T4 "output %y\n",
            "%y = linear(%x, %w) {activation=\"silu\"}" T4 "output %y\n");
    /* The residual comes after the activation in the op: an activation of the sum is a node of its own. */
    becomes("linear", "%m = matmul(%x, %w)" T4 "%s = add(%m, %x)" T4 "%y = relu(%s)" T4 "output %y\n",
            "%s = linear(%x, %w, %x) {residual=1}" T4 "%y = relu(%s)" T4 "output %y\n");
    becomes("linear", "%y = matmul(%x, %w)" T4 "output %y\n", "%y = matmul(%x, %w)" T4 "output %y\n");
}

Test(linear, stops_where_a_value_is_needed)
{
    becomes("linear", "%m = matmul(%x, %w)" T4 "%n = bias_add(%m, %b)" T4 "%y = gelu(%n)" T4 "output %n\noutput %y\n",
            "%n = linear(%x, %w, %b) {bias=1}" T4 "%y = gelu(%n)" T4 "output %n\noutput %y\n");
    refuses("linear", "%m = matmul(%x, %w)" T4 "%y = bias_add(%m, %b)" T4 "output %m\noutput %y\n", "m",
            "m is an output");
    refuses("linear",
            "%m = matmul(%x, %w)" T4 "%y = bias_add(%m, %b)" T4 "%z = add(%m, %y)" T4 "%q = relu(%m)" T4
            "output %q\noutput %z\n",
            "m", "read by 2 other nodes");
    refuses("linear", "%k = matmul(%u, %w) : table f32 [4, 4]\n%m = matmul(%x, %k)" T4 "%y = relu(%m)" T4 "output %y\n",
            "m", "its weight is computed");
    refuses("linear", "%t = mean(%r)" B4 "%m = matmul(%x, %w)" T4 "%y = add(%m, %t)" T4 "output %y\n", "y",
            "one operand of the sum is repeated over the other");
}

/* --- add_norm ------------------------------------------------------------------------------------ */

Test(add_norm, joins_sum_and_norm)
{
    becomes("add_norm", "%s = add(%x, %r)" T4 "%y = layer_norm(%s, %b, %c) {eps=0.5}" T4 "output %y\n",
            "%y = add_norm(%x, %r, %b, %c) {eps=0.5}" T4 "output %y\n");
    becomes("add_norm", "%s = add(%x, %r)" T4 "%y = rms_norm(%s, %b) {eps=0.5}" T4 "output %y\n",
            "%y = add_norm(%x, %r, %b) {eps=0.5, norm=\"rms\"}" T4 "output %y\n");
}

Test(add_norm, needs_the_sum_for_itself)
{
    refuses("add_norm",
            "%s = add(%x, %r)" T4 "%y = layer_norm(%s, %b) {eps=0.5}" T4 "%z = mul(%y, %s)" T4 "output %z\n", "s",
            "read by 1 other node");
    refuses("add_norm", "%s = add(%x, %r)" T4 "%y = layer_norm(%s, %b) {eps=0.5}" T4 "output %y\noutput %s\n", "s",
            "s is an output");
    refuses("add_norm", "%s = add(%x, %b)" T4 "%y = layer_norm(%s, %b) {eps=0.5}" T4 "output %y\n", "y",
            "one operand of the sum is repeated over the other");
    refuses("add_norm", "%s = mul(%x, %r)" T4 "%y = layer_norm(%s, %b) {eps=0.5}" T4 "output %y\n", NULL, NULL);
}

/* --- embeddings, pooling ------------------------------------------------------------------------- */

Test(embed_norm, joins_all_tables)
{
    becomes("embed_norm",
            "%p = positions(%ids) : token i32 [T]\n%e = gather(%w, %ids)" T4 "%f = gather(%u, %p)" T4
            "%g = gather(%v, %ids)" T4 "%s = add(%f, %e)" T4 "%t = add(%s, %g)" T4
            "%y = layer_norm(%t, %b, %c) {eps=0.5}" T4 "output %y\n",
            "%p = positions(%ids) : token i32 [T]\n"
            "%y = embed_norm(%w, %ids, %u, %p, %v, %ids, %b, %c) {eps=0.5, tables=3}" T4 "output %y\n");
    becomes("embed_norm", "%e = gather(%w, %ids)" T4 "%y = rms_norm(%e, %b) {eps=0.5}" T4 "output %y\n",
            "%y = embed_norm(%w, %ids, %b) {eps=0.5, norm=\"rms\", tables=1}" T4 "output %y\n");
}

Test(embed_norm, takes_tables_alone)
{
    refuses("embed_norm",
            "%e = gather(%w, %ids)" T4 "%f = gather(%u, %ids)" T4 "%s = add(%e, %f)" T4
            "%y = layer_norm(%s, %b) {eps=0.5}" T4 "output %s\noutput %y\n",
            "s", "s is an output");
    refuses("embed_norm",
            "%k = matmul(%u, %w) : table f32 [4, 4]\n%e = gather(%k, %ids)" T4 "%y = layer_norm(%e, %b) {eps=0.5}" T4
            "output %y\n",
            "y", "a table is computed");
    refuses("embed_norm",
            "%e = gather(%w, %ids)" T4 "%s = add(%e, %x)" T4 "%y = layer_norm(%s, %b) {eps=0.5}" T4 "output %y\n", NULL,
            NULL);
}

Test(pool_normalize, joins_pooling_and_length)
{
    becomes("pool_normalize", "%p = mean(%x) {skip_prompt=1}" B4 "%y = normalize(%p) {eps=0.5}" B4 "output %y\n",
            "%y = pool_normalize(%x) {eps=0.5, pool=\"mean\", skip_prompt=1}" B4 "output %y\n");
    becomes("pool_normalize", "%p = max(%x) {begin=1, end=-1}" B4 "%y = normalize(%p)" B4 "output %y\n",
            "%y = pool_normalize(%x) {begin=1, end=-1, pool=\"max\"}" B4 "output %y\n");
    refuses("pool_normalize", "%p = mean(%x)" B4 "%y = normalize(%p)" B4 "output %y\noutput %p\n", "p",
            "p is an output");
}

/* --- attention ----------------------------------------------------------------------------------- */

#define QKV                                                                                                            \
    "%qm = matmul(%x, %w)" T4 "%q = bias_add(%qm, %b)" T4 "%km = matmul(%x, %u)" T4 "%k = bias_add(%km, %c)" T4        \
    "%vm = matmul(%x, %v)" T4 "%val = bias_add(%vm, %d)" T4
#define SPREAD_OUT                                                                                                     \
    "%s = scores(%q, %k) {heads=2, scale=0.5}" PAIRS "%p = softmax(%s)" PAIRS "%a = apply(%p, %val) {heads=2}" T4

Test(attention, is_one_node)
{
    becomes("attention",
            "%s = scores(%x, %r) {causal=1, heads=2, scale=0.5}" PAIRS "%p = softmax(%s)" PAIRS
            "%y = apply(%p, %x) {heads=2}" T4 "output %y\n",
            "%y = attention(%x, %r, %x) {causal=1, heads=2, scale=0.5}" T4 "output %y\n");
    becomes("attention",
            "%s = scores(%x, %r) {heads=2}" PAIRS "%t = add(%pair, %s)" PAIRS "%p = softmax(%t)" PAIRS
            "%y = apply(%p, %x) {heads=2}" T4 "output %y\n",
            "%y = attention(%x, %r, %x, %pair) {bias=1, heads=2}" T4 "output %y\n");
}

#define ONE_HEAD " : pair f32 [1, P]\n"
Test(attention, sums_what_is_added)
{
    becomes("attention",
            "%s = scores(%x, %r) {heads=2}" PAIRS "%a = relu(%pair)" ONE_HEAD "%t = add(%s, %a)" PAIRS
            "%g = tanh(%pair)" ONE_HEAD "%n = add(%g, %t)" PAIRS "%p = softmax(%n)" PAIRS
            "%y = apply(%p, %x) {heads=2}" T4 "output %y\n",
            "%a = relu(%pair)" ONE_HEAD "%g = tanh(%pair)" ONE_HEAD "%n.bias = add(%a, %g)" ONE_HEAD
            "%y = attention(%x, %r, %x, %n.bias) {bias=1, heads=2}" T4 "output %y\n");
    /* a sum that is wanted itself */
    refuses("attention",
            "%s = scores(%x, %r) {heads=2}" PAIRS "%t = add(%s, %pair)" PAIRS "%n = add(%t, %pair)" PAIRS
            "%p = softmax(%n)" PAIRS "%y = apply(%p, %x) {heads=2}" T4 "output %y\noutput %t\n",
            "t", "t is an output");
}

Test(attention, leaves_probabilities_that_are_wanted)
{
    refuses("attention", QKV SPREAD_OUT "output %a\noutput %p\n", "p", "p is an output");
    refuses("attention",
            QKV "%s = scores(%q, %k) {heads=2}" PAIRS "%p = softmax(%s)" PAIRS "%a = apply(%p, %val) {heads=2}" T4
                "%z = apply(%p, %x) {heads=2}" T4 "output %a\noutput %z\n",
            "p", "read by 1 other node");
    refuses("attention",
            "const %k1 : table f32 [2, 4]\n%k = matmul(%x, %k1) : token f32 [T, 2]\n"
            "%s = scores(%x, %k) {heads=2, key_heads=1}" PAIRS "%p = softmax(%s)" PAIRS
            "%a = apply(%p, %x) {heads=2}" T4 "output %a\n",
            "a", "keys and values have different numbers of heads");
}

/* --- qkv ----------------------------------------------------------------------------------------- */

Test(qkv, is_one_product_with_three_views)
{
    becomes("attention,qkv", QKV SPREAD_OUT "output %a\n",
            "%qm.joined = matmul(%x, %w.joined) : token f32 [T, 12]\n"
            "%q.joined = bias_add(%qm.joined, %b.joined) : token f32 [T, 12]\n"
            "%q = columns(%q.joined) {end=4}" T4 "%k = columns(%q.joined) {begin=4, end=8}" T4
            "%val = columns(%q.joined) {begin=8, end=12}" T4 "%a = attention(%q, %k, %val) {heads=2, scale=0.5}" T4
            "output %a\n");
    becomes("attention,qkv,linear", QKV SPREAD_OUT "output %a\n",
            "%q.joined = linear(%x, %w.joined, %b.joined) {bias=1} : token f32 [T, 12]\n"
            "%q = columns(%q.joined) {end=4}" T4 "%k = columns(%q.joined) {begin=4, end=8}" T4
            "%val = columns(%q.joined) {begin=8, end=12}" T4 "%a = attention(%q, %k, %val) {heads=2, scale=0.5}" T4
            "output %a\n");
}

Test(qkv, of_other_widths_and_without_bias)
{
    becomes("attention,qkv",
            "const %k1 : table f32 [2, 4]\nconst %v1 : table f32 [2, 4]\n%q = matmul(%x, %w)" T4
            "%k = matmul(%x, %k1) : token f32 [T, 2]\n%val = matmul(%x, %v1) : token f32 [T, 2]\n"
            "%s = scores(%q, %k) {heads=2, key_heads=1}" PAIRS "%p = softmax(%s)" PAIRS
            "%a = apply(%p, %val) {heads=2, key_heads=1}" T4 "output %a\n",
            "%q.joined = matmul(%x, %w.joined) : token f32 [T, 8]\n%q = columns(%q.joined) {end=4}" T4
            "%k = columns(%q.joined) {begin=4, end=6} : token f32 [T, 2]\n"
            "%val = columns(%q.joined) {begin=6, end=8} : token f32 [T, 2]\n"
            "%a = attention(%q, %k, %val) {heads=2, key_heads=1}" T4 "output %a\n");
}

/* A query of other rows: keys and values are merged by themselves. */
Test(qkv, of_keys_and_values)
{
    becomes("attention,qkv",
            "%q = first_token(%r)" B4 "%k = matmul(%x, %u)" T4 "%val = matmul(%x, %v)" T4
            "%a = attention(%q, %k, %val) {heads=2}" B4 "output %a\n",
            "%q = first_token(%r)" B4 "%k.joined = matmul(%x, %u.joined) : token f32 [T, 8]\n"
            "%k = columns(%k.joined) {end=4}" T4 "%val = columns(%k.joined) {begin=4, end=8}" T4
            "%a = attention(%q, %k, %val) {heads=2}" B4 "output %a\n");
}

#define TURNED "%ang = rotary_table(%ids) {theta=0.5, width=2} : token f32 [T, 2]\n"

/* Rotary lies between the product and attention; each turns its own columns. */
Test(qkv, of_what_turns_by_position)
{
    becomes("attention,qkv",
            TURNED "%q = matmul(%x, %w)" T4 "%k = matmul(%x, %u)" T4 "%val = matmul(%x, %v)" T4
                   "%qr = rotary(%q, %ang) {heads=2}" T4 "%kr = rotary(%k, %ang) {heads=2}" T4
                   "%a = attention(%qr, %kr, %val) {heads=2, window=3}" T4 "output %a\n",
            TURNED "%q.joined = matmul(%x, %w.joined) : token f32 [T, 12]\n%q = columns(%q.joined) {end=4}" T4
                   "%k = columns(%q.joined) {begin=4, end=8}" T4 "%val = columns(%q.joined) {begin=8, end=12}" T4
                   "%qr = rotary(%q, %ang) {heads=2}" T4 "%kr = rotary(%k, %ang) {heads=2}" T4
                   "%a = attention(%qr, %kr, %val) {heads=2, window=3}" T4 "output %a\n");
    becomes("attention,qkv",
            TURNED "%q = first_token(%r)" B4 "%k = matmul(%x, %u)" T4 "%val = matmul(%x, %v)" T4
                   "%kr = rotary(%k, %ang) {heads=2}" T4 "%vr = rotary(%val, %ang) {heads=2}" T4
                   "%a = attention(%q, %kr, %vr) {heads=2}" B4 "output %a\n",
            TURNED "%q = first_token(%r)" B4 "%k.joined = matmul(%x, %u.joined) : token f32 [T, 8]\n"
                   "%k = columns(%k.joined) {end=4}" T4 "%val = columns(%k.joined) {begin=4, end=8}" T4
                   "%kr = rotary(%k, %ang) {heads=2}" T4 "%vr = rotary(%val, %ang) {heads=2}" T4
                   "%a = attention(%q, %kr, %vr) {heads=2}" B4 "output %a\n");
    refuses("attention,qkv",
            TURNED "%q = matmul(%x, %w)" T4 "%k = matmul(%x, %u)" T4 "%val = matmul(%x, %v)" T4
                   "%qr = rotary(%q, %ang) {heads=2}" T4 "%a = attention(%qr, %k, %val) {heads=2}" T4
                   "output %a\noutput %q\noutput %k\n",
            "q", "q is an output");
}

Test(qkv, only_where_attention_takes_all)
{
    refuses("qkv", QKV SPREAD_OUT "output %a\n", "s", "attention is not one node");
    refuses("attention,qkv",
            "%q = matmul(%x, %w)" T4 "%km = matmul(%x, %u)" T4 "%k = bias_add(%km, %c)" T4
            "%val = matmul(%x, %v)" T4 SPREAD_OUT "output %a\n",
            "a", "some have a bias, some have none");
    refuses("attention,qkv",
            "%q = matmul(%x, %w)" T4 "%k = matmul(%r, %u)" T4 "%val = matmul(%x, %v)" T4 SPREAD_OUT "output %a\n", "a",
            "queries, keys and values are not of the same rows");
    refuses("attention,qkv",
            "const %h : table f16 [4, 4]\n%q = matmul(%x, %w)" T4 "%k = matmul(%x, %h)" T4
            "%val = matmul(%x, %v)" T4 SPREAD_OUT "output %a\n",
            "a", "weights differ in dtype");
}

/* What cannot be taken is told, though keys and values can. */
Test(qkv, of_two_where_the_third_is_wanted)
{
    eg_graph graph = parse(GIVEN QKV SPREAD_OUT "%z = relu(%q)" T4 "output %a\noutput %z\n");
    eg_pass_result result = run(&graph, "attention,qkv");
    const eg_pass_report *report = report_of(&result, "qkv");
    cr_assert(report->hits == 1 && report->refused.count == 1);
    cr_assert_str_eq(report->refused.items[0].at, "q");
    cr_assert_str_eq(report->refused.items[0].why, "read by 1 other node");
    cr_assert(eg_graph_find(&graph, "k.joined") && !eg_graph_find(&graph, "q.joined"));
    eg_pass_result_finish(&result);
    eg_graph_finish(&graph);
}

/* --- glu ----------------------------------------------------------------------------------------- */

#define GATES "%g = matmul(%x, %w)" T4 "%h = matmul(%x, %u)" T4 "%t = silu(%g)" T4
#define WHOLE "const %big : table f32 [8, 4]\n%y = matmul(%x, %big) : token f32 [T, 8]\n"

Test(glu, of_two_products)
{
    becomes("glu", GATES "%m = mul(%t, %h)" T4 "output %m\n",
            "%m = glu_linear(%x, %w, %u) {activation=\"silu\"}" T4 "output %m\n");
    becomes("glu", GATES "%m = mul(%h, %t)" T4 "output %m\n",
            "%m = glu_linear(%x, %w, %u) {activation=\"silu\"}" T4 "output %m\n");
    becomes("linear,glu",
            "%g = matmul(%x, %w)" T4 "%gb = bias_add(%g, %b)" T4 "%h = matmul(%x, %u)" T4 "%hb = bias_add(%h, %c)" T4
            "%t = gelu(%hb)" T4 "%m = mul(%gb, %t)" T4 "output %m\n",
            "%m = glu_linear(%x, %u, %w, %c, %b) {activation=\"gelu\", bias=1}" T4 "output %m\n");
}

Test(glu, of_two_slices)
{
    becomes("glu",
            WHOLE "%g = slice(%y) {begin=4, end=8}" T4 "%h = slice(%y) {end=4}" T4 "%t = silu(%g)" T4
                  "%m = mul(%t, %h)" T4 "output %m\n",
            "%m = glu_linear(%x, %big.part, %big.part.2) {activation=\"silu\"}" T4 "output %m\n");
}

Test(glu, needs_two_of_a_kind)
{
    refuses("glu",
            "%g = matmul(%x, %w)" T4 "%h = matmul(%r, %u)" T4 "%t = silu(%g)" T4 "%m = mul(%t, %h)" T4 "output %m\n",
            "m", "the two products are of different rows");
    refuses("glu", GATES "%hb = bias_add(%h, %b)" T4 "%m = mul(%t, %hb)" T4 "output %m\n", "m",
            "one product has a bias, the other has none");
    refuses("glu", GATES "%m = mul(%t, %h)" T4 "output %m\noutput %h\n", "h", "h is an output");
    refuses("glu",
            WHOLE "%g = slice(%y) {begin=4, end=8}" T4 "%h = slice(%y) {end=4}" T4 "%t = silu(%g)" T4
                  "%m = mul(%t, %h)" T4 "output %m\noutput %y\n",
            "y", "y is an output");
}

/* --- first_token --------------------------------------------------------------------------------- */

#define LAST_LAYER                                                                                                     \
    QKV SPREAD_OUT "%am = matmul(%a, %o)" T4 "%as = add(%am, %x)" T4 "%h = layer_norm(%as, %b, %c) {eps=0.5}" T4

Test(first_token, moves_up_to_the_query)
{
    becomes("attention,first_token", LAST_LAYER "%f = first_token(%h)" B4 "%y = tanh(%f)" B4 "output %y\n",
            "%x.first = first_token(%x)" B4 "%qm.first = matmul(%x.first, %w)" B4
            "%q.first = bias_add(%qm.first, %b)" B4 "%km = matmul(%x, %u)" T4 "%k = bias_add(%km, %c)" T4
            "%vm = matmul(%x, %v)" T4 "%val = bias_add(%vm, %d)" T4
            "%a.first = attention(%q.first, %k, %val) {heads=2, scale=0.5}" B4 "%am.first = matmul(%a.first, %o)" B4
            "%as.first = add(%am.first, %x.first)" B4 "%f = layer_norm(%as.first, %b, %c) {eps=0.5}" B4
            "%y = tanh(%f)" B4 "output %y\n");
}

/* The first row's angles are its own, whatever its position is. */
Test(first_token, turns_the_query_of_one_row)
{
    becomes("first_token",
            TURNED "%q = matmul(%x, %w)" T4 "%qr = rotary(%q, %ang) {heads=2}" T4 "%kr = rotary(%r, %ang) {heads=2}" T4
                   "%a = attention(%qr, %kr, %r) {heads=2}" T4 "%f = first_token(%a)" B4 "output %f\n",
            "%x.first = first_token(%x)" B4 TURNED "%ang.first = first_token(%ang) : text f32 [B, 2]\n"
            "%q.first = matmul(%x.first, %w)" B4 "%qr.first = rotary(%q.first, %ang.first) {heads=2}" B4
            "%kr = rotary(%r, %ang) {heads=2}" T4 "%f = attention(%qr.first, %kr, %r) {heads=2}" B4 "output %f\n");
}

/* Two ways up meet in one value: it is chosen from once. */
Test(first_token, both_sides_of_a_residual)
{
    becomes("first_token",
            "%h = relu(%x)" T4 "%m = matmul(%h, %w)" T4 "%s = add(%m, %h)" T4 "%f = first_token(%s)" B4 "output %f\n",
            "%x.first = first_token(%x)" B4 "%h.first = relu(%x.first)" B4 "%m.first = matmul(%h.first, %w)" B4
            "%f = add(%m.first, %h.first)" B4 "output %f\n");
}

Test(first_token, passes_a_choice_by)
{
    becomes("first_token",
            "%e = equal(%ids) {to=1} : token f32 [T, 1]\n%h = relu(%x)" T4 "%s = where(%e, %h, %x)" T4
            "%f = first_token(%s)" B4 "output %f\n",
            "%x.first = first_token(%x)" B4 "%e = equal(%ids) {to=1} : token f32 [T, 1]\n"
            "%e.first = first_token(%e) : text f32 [B, 1]\n%h.first = relu(%x.first)" B4
            "%f = where(%e.first, %h.first, %x.first)" B4 "output %f\n");
}

Test(first_token, stops_where_all_rows_are_needed)
{
    refuses("first_token", LAST_LAYER "%f = first_token(%h)" B4 "output %f\noutput %h\n", "h", "h is an output");
    refuses("first_token", LAST_LAYER "%f = first_token(%h)" B4 "%g = mean(%h)" B4 "output %f\noutput %g\n", "h",
            "read by 1 other node");
    refuses("first_token", "%s = shift(%x) {by=1}" T4 "%f = first_token(%s)" B4 "output %f\n", "s",
            "shift looks at other rows too");
    refuses("first_token", "%s = unfold(%x) {kernel=1}" T4 "%f = first_token(%s)" B4 "output %f\n", "s",
            "unfold looks at other rows too");
    refuses("first_token",
            "%e = equal(%ids) {to=1} : token f32 [T, 1]\n%f = first_token(%e) : text f32 [B, 1]\noutput %f\n", "e",
            "indices are of tokens");
    refuses("first_token", QKV SPREAD_OUT "%f = first_token(%a)" B4 "output %f\n", "a", "attention is not one node");
    refuses("first_token", "%e = gather(%w, %ids)" T4 "%f = first_token(%e)" B4 "output %f\n", "e",
            "indices are of tokens");
    refuses("first_token", LAST_LAYER "%f = mean(%h)" B4 "output %f\n", NULL, NULL);
    refuses("first_token", "%h = relu(%x)" T4 "%f = first_token(%h) {skip_prompt=1}" B4 "output %f\n", NULL, NULL);
    refuses("first_token", "%t = mean(%x)" B4 "%h = spread(%t, %x)" T4 "%f = first_token(%h)" B4 "output %f\n", "h",
            "spread looks at other rows too");
}

/* --- order --------------------------------------------------------------------------------------- */

/* Four wide values made in advance live at once; made where they are read, two do. */
Test(order, lowers_the_peak)
{
    static const char wide[] =
        GIVEN "const %wide : table f32 [400, 4]\n"
              "%a = matmul(%x, %wide) : token f32 [T, 400]\n%b1 = matmul(%r, %wide) : token f32 [T, 400]\n"
              "%c1 = relu(%a) : token f32 [T, 400]\n%ma = mean(%c1) : text f32 [B, 400]\n"
              "%c2 = relu(%b1) : token f32 [T, 400]\n%mb = mean(%c2) : text f32 [B, 400]\n"
              "%y = add(%ma, %mb) : text f32 [B, 400]\noutput %y\n";
    eg_graph graph = parse(wide), again = parse(wide);
    eg_pass_result result = run(&graph, "none"), second = run(&again, "none");
    const eg_pass_report *report = report_of(&result, "order");
    cr_assert_gt(report->hits, 0);
    cr_assert_eq(report->before.peak - report->after.peak, (10 - 2) * 400 * 4, "one row per text instead of all");
    cr_assert_str_eq(result.dump.data, second.dump.data, "the same graph gives the same order");
    eg_pass_result_finish(&result);
    eg_pass_result_finish(&second);
    eg_graph_finish(&graph);
    eg_graph_finish(&again);
}

Test(order, is_kept_where_nothing_is_gained)
{
    static const char chain[] = GIVEN "%a = relu(%r)" T4 "%c1 = relu(%x)" T4 "%y = add(%c1, %a)" T4 "output %y\n";
    eg_graph graph = parse(chain);
    eg_pass_result result = run(&graph, "none");
    cr_assert_eq(report_of(&result, "order")->hits, 0);
    cr_assert_str_eq(body_of(result.dump.data), body_of(chain));
    eg_pass_result_finish(&result);
    eg_graph_finish(&graph);
}

/* --- origins ------------------------------------------------------------------------------------- */

static void
assert_origins(const eg_graph *graph, const char *value, const char *want)
{
    char got[512] = "";
    const eg_node *node = eg_graph_node(graph, eg_graph_value(graph, eg_graph_find(graph, value))->producer);
    for (uint32_t i = 0; i < node->origin_count; i++) {
        size_t n = strlen(got);
        snprintf(got + n, sizeof got - n, "%s%s %s", i ? ", " : "", node->origins[i].op, node->origins[i].name);
    }
    cr_expect_str_eq(got, want, "%s: %s", value, got);
}

Test(origins, say_what_a_node_was_made_of)
{
    eg_graph graph = parse(GIVEN LAST_LAYER "%hm = matmul(%h, %w)" T4 "%hb = bias_add(%hm, %b)" T4 "%y = gelu(%hb)" T4
                                            "output %y\n");
    eg_pass_result result = run(&graph, "all");
    assert_origins(&graph, "q.joined", "matmul qm, matmul km, matmul vm, bias_add q, bias_add k, bias_add val");
    assert_origins(&graph, "a", "scores s, softmax p, apply a");
    assert_origins(&graph, "am", "");
    assert_origins(&graph, "h", "add as, layer_norm h");
    assert_origins(&graph, "y", "matmul hm, bias_add hb, gelu y");
    eg_pass_result_finish(&result);
    eg_graph_finish(&graph);
}

/* A node for one row per text has names of its own: its values are not those of the nodes that it was made of. */
Test(origins, of_one_row_are_named_so)
{
    eg_graph graph = parse(GIVEN LAST_LAYER "%f = first_token(%h)" B4 "%y = tanh(%f)" B4 "output %y\n");
    eg_pass_result result = run(&graph, "all");
    assert_origins(&graph, "a.first", "scores s.first, softmax p.first, apply a.first");
    assert_origins(&graph, "f", "add as.first, layer_norm h.first");
    eg_pass_result_finish(&result);
    eg_graph_finish(&graph);
}

/* --- the lists ----------------------------------------------------------------------------------- */

Test(switches, rewrites_are_what_none_switches_off)
{
    static const char *const rewrites[] = {"attention", "first_token", "qkv", "embed_norm",
                                           "add_norm",  "linear",      "glu", "pool_normalize"};
    size_t count, off = 0;
    const eg_pass *const *passes = eg_pass_all(&count);
    for (size_t i = 0; i < count; i++) {
        cr_expect(eg_pass_enabled("all", passes[i]->name) && eg_pass_enabled(NULL, passes[i]->name));
        off += !eg_pass_enabled("none", passes[i]->name);
    }
    for (size_t i = 0; i < sizeof rewrites / sizeof *rewrites; i++) {
        cr_expect(!eg_pass_enabled("none", rewrites[i]) && eg_pass_enabled(rewrites[i], rewrites[i]), "%s",
                  rewrites[i]);
        cr_expect(!eg_pass_enabled("order,-inplace", rewrites[i]), "%s", rewrites[i]);
    }
    cr_expect_eq(off, sizeof rewrites / sizeof *rewrites);
    cr_expect(eg_pass_enabled("none", "inplace") && !eg_pass_enabled("all,-inplace", "inplace"));
    cr_expect(!eg_pass_enabled("all", "no_such_pass") && !eg_pass_enabled("no_such_list", "order"));
}

Test(switches, late_passes_have_rows)
{
    eg_graph graph = parse(GIVEN "%y = relu(%x)" T4 "output %y\n");
    eg_pass_result result = run(&graph, "all,-prepack");
    eg_pass_context context = eg_pass_context_of(&result, "inplace");
    cr_assert(context.report->enabled && context.report->hits == 0 && context.report->after.nodes == 1);
    context.report->hits++;
    eg_pass_refuse(&context, "y", "because");
    cr_assert_eq(report_of(&result, "inplace")->refused.count, 1);
    cr_assert(!report_of(&result, "prepack")->enabled);
    eg_pass_result_finish(&result);
    eg_graph_finish(&graph);
}
