/* SPDX-License-Identifier: Apache-2.0 */
/* Every op of docs/ops.md at odd sizes, against the reference backend; a fused op against its parts there. */
#include <stdio.h>
#include <string.h>

#include "plugins/conformance/builders.h"

typedef struct {
    const char *op;
    build_fn *build;
    double tolerance;
} op_cases;

static const int64_t widths[] = {1, 5, 33, 160};
enum { WIDTHS = 4 };

static bool
build_positions(check_case *c, const char *op, uint32_t v)
{
    if (v >= 2)
        return false;
    eg_value_id in[] = {case_ids(c, "ids", 3)};
    eg_attr attrs[] = {INT("skip", 1)};
    case_output(c, case_node(c, op, in, 1, attrs, v));
    return true;
}

static bool
build_gather(check_case *c, const char *op, uint32_t v)
{
    static const int64_t tables[][2] = {{1, 1}, {7, 5}, {33, 160}, {3000, 100}};
    if (v >= 4)
        return false;
    eg_value_id in[] = {case_const(c, "table", tables[v][0], tables[v][1]), case_ids(c, "ids", (int32_t)tables[v][0])};
    case_output(c, PLAIN_NODE(c, op, in));
    return true;
}

static bool
build_equal(check_case *c, const char *op, uint32_t v)
{
    if (v >= 2)
        return false;
    eg_value_id in[] = {case_ids(c, "ids", 3)};
    eg_attr attrs[] = {INT("to", v ? 2 : -1)};
    case_output(c, NODE(c, op, in, attrs));
    return true;
}

/* The condition is exact, for a choice has no tolerance. */
static bool
build_where(check_case *c, const char *op, uint32_t v)
{
    if (v >= 5)
        return false;
    eg_value_id ids[] = {case_ids(c, "ids", 3)};
    eg_attr to[] = {INT("to", 1)};
    eg_value_id is[] = {NODE(c, "equal", ids, to)};
    eg_value_id in[] = {is[0], case_input(c, "a", token(33)), case_input(c, "b", token(33))};
    if (v == 1)
        in[1] = case_input(c, "text", text(33));
    else if (v == 2)
        in[2] = case_const(c, "number", 1, 0);
    else if (v == 3) /* as wide as the result */
        in[0] = case_node(c, "mul", in, 2, NULL, 0);
    else if (v == 4)
        in[0] = PLAIN_NODE(c, "last_token", is);
    case_output(c, PLAIN_NODE(c, op, in));
    return true;
}

static bool
build_matmul(check_case *c, const char *op, uint32_t v)
{
    static const int64_t sizes[][2] = {{1, 1}, {33, 5}, {5, 160}, {80, 161}, {700, 400}};
    if (v >= 6)
        return false;
    const int64_t *nk = sizes[v < 5 ? v : 2];
    eg_type x = v < 5 ? token(nk[1]) : eg_type_text(EG_F32, nk[1]);
    eg_value_id in[] = {case_input(c, "x", x), case_const(c, "w", nk[0], nk[1])};
    case_output(c, PLAIN_NODE(c, op, in));
    return true;
}

static bool
build_grouped_matmul(check_case *c, const char *op, uint32_t v)
{
    /* groups, rows and columns of the weight */
    static const int64_t forms[][3] = {{1, 1, 1}, {4, 160, 40}, {3, 33, 5}, {80, 80, 9}, {5, 10, 33}, {2, 200, 161}};
    if (v >= 7)
        return false;
    const int64_t *f = forms[v < 6 ? v : 2];
    eg_value_id in[] = {case_input(c, "x", v < 6 ? token(f[0] * f[2]) : text(f[0] * f[2])),
                        case_const(c, "w", f[1], f[2])};
    eg_attr attrs[] = {INT("groups", f[0])};
    case_output(c, NODE(c, op, in, attrs));
    return true;
}

static bool
build_shift(check_case *c, const char *op, uint32_t v)
{
    static const int64_t by[] = {0, 1, -1, 3, -1000};
    if (v >= 5)
        return false;
    eg_value_id in[] = {case_input(c, "x", token(widths[v % WIDTHS]))};
    eg_attr attrs[] = {INT("by", by[v])};
    case_output(c, NODE(c, op, in, attrs));
    return true;
}

static bool
build_unfold(check_case *c, const char *op, uint32_t v)
{
    static const int64_t kernels[] = {1, 2, 3, 9};
    if (v >= 4)
        return false;
    eg_value_id in[] = {case_input(c, "x", token(widths[v]))};
    eg_attr attrs[] = {INT("kernel", kernels[v])};
    case_output(c, NODE(c, op, in, attrs));
    return true;
}

static bool
build_bias(check_case *c, const char *op, uint32_t v)
{
    if (v >= WIDTHS)
        return false;
    eg_value_id in[] = {case_input(c, "x", token(widths[v])), case_const(c, "b", widths[v], 0)};
    case_output(c, PLAIN_NODE(c, op, in));
    return true;
}

static bool
build_binary(check_case *c, const char *op, uint32_t v)
{
    eg_value_id a = 0, b = 0;
    switch (v) {
    case 0:
        a = case_input(c, "a", token(33)), b = case_input(c, "b", token(33));
        break;
    case 1:
        a = case_input(c, "a", token(33)), b = case_input(c, "b", eg_type_text(EG_F32, 33));
        break;
    case 2:
        a = case_input(c, "a", token(33)), b = case_const(c, "b", 33, 0);
        break;
    case 3:
        a = case_input(c, "a", token(33)), b = case_const(c, "b", 1, 33);
        break;
    case 4:
        a = case_input(c, "a", token(33)), b = case_input(c, "b", token(1));
        break;
    case 5:
        a = case_input(c, "a", eg_type_text(EG_F32, 5)), b = case_input(c, "b", eg_type_text(EG_F32, 5));
        break;
    case 6:
        a = case_input(c, "a", eg_type_pair(EG_F32, 0, 3, 0)), b = case_input(c, "b", eg_type_pair(EG_F32, 0, 3, 0));
        break;
    case 7:
        a = case_input(c, "a", eg_type_pair(EG_F32, 0, 3, 0)), b = case_input(c, "b", eg_type_pair(EG_F32, 0, 1, 0));
        break;
    case 8:
        a = b = case_input(c, "a", token(7));
        break;
    default:
        return false;
    }
    if (strcmp(op, "div") == 0) { /* keep away from division by nearly nothing */
        eg_value_id sigmoid[] = {b};
        b = PLAIN_NODE(c, "sigmoid", sigmoid);
    }
    eg_value_id in[] = {a, b};
    case_output(c, PLAIN_NODE(c, op, in));
    return true;
}

static bool
build_scale(check_case *c, const char *op, uint32_t v)
{
    if (v >= 2 * WIDTHS)
        return false;
    eg_value_id in[] = {case_input(c, "x", token(widths[v % WIDTHS]))};
    eg_attr attrs[] = {REAL("factor", 0.375), REAL("offset", -0.625)};
    case_output(c, case_node(c, op, in, 1, attrs, v < WIDTHS ? 1 : 2));
    return true;
}

static bool
build_gelu(check_case *c, const char *op, uint32_t v)
{
    static const char *const forms[] = {"", "tanh", "quick"};
    if (v >= 3)
        return false;
    eg_value_id x[] = {case_input(c, "x", token(33))};
    eg_attr wider[] = {REAL("factor", 6.0)};
    eg_value_id in[] = {NODE(c, "scale", x, wider)};
    eg_attr attrs[] = {TEXT("form", forms[v])};
    case_output(c, case_node(c, op, in, 1, attrs, v > 0));
    return true;
}

static bool
build_unary(check_case *c, const char *op, uint32_t v)
{
    if (v >= WIDTHS + 1)
        return false;
    eg_value_id x[] = {case_input(c, "x", v < WIDTHS ? token(widths[v]) : eg_type_text(EG_F32, 33))};
    if (strcmp(op, "log1p") == 0)
        x[0] = PLAIN_NODE(c, "relu", x);
    case_output(c, PLAIN_NODE(c, op, x));
    return true;
}

static bool
build_layer_norm(check_case *c, const char *op, uint32_t v)
{
    if (v >= 2 * WIDTHS)
        return false;
    int64_t d = widths[v % WIDTHS];
    eg_value_id in[] = {case_input(c, "x", token(d)), case_const(c, "w", d, 0), case_const(c, "b", d, 0)};
    eg_attr attrs[] = {REAL("eps", 1e-5)};
    case_output(c, case_node(c, op, in, v < WIDTHS ? 3 : 2, attrs, 1));
    return true;
}

static bool
build_rms_norm(check_case *c, const char *op, uint32_t v)
{
    if (v >= WIDTHS)
        return false;
    eg_value_id in[] = {case_input(c, "x", token(widths[v])), case_const(c, "w", widths[v], 0)};
    eg_attr attrs[] = {REAL("eps", 1e-6)};
    case_output(c, NODE(c, op, in, attrs));
    return true;
}

static bool
is_padded(const check_case *c)
{
    for (uint32_t b = 0; b < c->dims.B; b++)
        if (c->rows[b].valid < c->rows[b].rows)
            return true;
    return false;
}

static bool
build_scores(check_case *c, const char *op, uint32_t v)
{
    /* heads, key heads, head size, causal, window */
    static const int64_t forms[][5] = {{1, 1, 1, 0, 0},  {2, 2, 80, 0, 0}, {3, 3, 5, 1, 0},
                                       {4, 2, 16, 0, 0}, {2, 2, 8, 0, 2},  {2, 1, 8, 1, 3}};
    if (v >= 6)
        return false;
    const int64_t *f = forms[v];
    if (f[4] && is_padded(c))
        f = forms[1];
    eg_value_id in[] = {case_input(c, "q", token(f[0] * f[2])), case_input(c, "k", token(f[1] * f[2]))};
    eg_attr attrs[5];
    uint32_t count = 0;
    if (f[3])
        attrs[count++] = INT("causal", 1);
    attrs[count++] = INT("heads", f[0]);
    if (f[1] != f[0])
        attrs[count++] = INT("key_heads", f[1]);
    attrs[count++] = REAL("scale", 0.25);
    if (f[4])
        attrs[count++] = INT("window", f[4]);
    case_output(c, case_node(c, op, in, 2, attrs, count));
    return true;
}

static bool
build_rotary_table(check_case *c, const char *op, uint32_t v)
{
    static const int64_t table_widths[] = {2, 10, 64};
    if (v >= 5)
        return false;
    eg_value_id ids[] = {case_ids(c, "ids", 9)};
    if (v == 4) { /* frequencies that are given */
        eg_value_id given[] = {PLAIN_NODE(c, "positions", ids), case_const(c, "frequencies", 5, 0)};
        eg_attr width[] = {INT("width", 10)};
        case_output(c, NODE(c, op, given, width));
        return true;
    }
    eg_value_id in[] = {v == 3 ? ids[0] : PLAIN_NODE(c, "positions", ids)};
    eg_attr attrs[] = {REAL("theta", v == 1 ? 160000.0 : 10000.0), INT("width", table_widths[v % 3]),
                       REAL("divide", 2.5)};
    case_output(c, case_node(c, op, in, 1, attrs, v == 2 ? 3 : 2));
    return true;
}

static bool
build_rotary(check_case *c, const char *op, uint32_t v)
{
    /* heads, head size, width that turns */
    static const int64_t forms[][3] = {{1, 2, 2}, {3, 16, 16}, {2, 80, 64}, {4, 7, 6}, {2, 33, 10}};
    if (v >= 2 * 5 + 1)
        return false;
    const int64_t *f = forms[v / 2 % 5];
    bool of_texts = v == 10;
    eg_value_id in[] = {case_input(c, "x", of_texts ? text(f[0] * f[1]) : token(f[0] * f[1])),
                        case_input(c, "t", of_texts ? text(f[2]) : token(f[2]))};
    eg_attr attrs[] = {INT("heads", f[0]), TEXT("style", "interleaved")};
    case_output(c, case_node(c, op, in, 2, attrs, v % 2 ? 2 : 1));
    return true;
}

static bool
build_alibi(check_case *c, const char *op, uint32_t v)
{
    static const int64_t heads[] = {1, 3, 8, 12};
    if (v >= 4)
        return false;
    eg_value_id in[] = {v % 2 ? case_input(c, "x", token(5)) : case_ids(c, "ids", 9)};
    eg_attr attrs[] = {INT("heads", heads[v])};
    case_output(c, NODE(c, op, in, attrs));
    return true;
}

static bool
build_softmax(check_case *c, const char *op, uint32_t v)
{
    eg_value_id x = 0;
    if (v == 0)
        x = case_input(c, "x", eg_type_pair(EG_F32, 0, 3, 0));
    else if (v == 1 && !is_padded(c))
        x = case_input(c, "x", eg_type_pair(EG_F32, 0, 2, 2));
    else if (v == 1 || v == 2)
        x = case_input(c, "x", token(33));
    else if (v == 3)
        x = case_input(c, "x", eg_type_text(EG_F32, 5));
    else if (v == 4) { /* masked entries, large numbers */
        eg_value_id in[] = {case_input(c, "q", token(16)), case_input(c, "k", token(16))};
        eg_attr attrs[] = {INT("causal", 1), INT("heads", 2), REAL("scale", 60.0)};
        x = NODE(c, "scores", in, attrs);
    } else
        return false;
    eg_value_id in[] = {x};
    case_output(c, PLAIN_NODE(c, op, in));
    return true;
}

static bool
build_apply(check_case *c, const char *op, uint32_t v)
{
    static const int64_t forms[][3] = {{1, 1, 1}, {2, 2, 80}, {4, 2, 5}};
    if (v >= 4)
        return false;
    const int64_t *f = forms[v < 3 ? v : 1];
    eg_value_id p[] = {case_input(c, "p", eg_type_pair(EG_F32, 0, f[0], v == 3 && !is_padded(c) ? 2 : 0))};
    eg_value_id in[] = {PLAIN_NODE(c, "softmax", p), case_input(c, "v", token(f[1] * f[2]))};
    eg_attr attrs[] = {INT("heads", f[0]), INT("key_heads", f[1])};
    case_output(c, case_node(c, op, in, 2, attrs, f[0] == f[1] ? 1 : 2));
    return true;
}

static bool
build_pool(check_case *c, const char *op, uint32_t v)
{
    if (v >= 4)
        return false;
    eg_value_id in[] = {case_input(c, "x", token(v < 2 ? 33 : 1))};
    eg_attr attrs[] = {INT("skip_prompt", 1)};
    case_output(c, case_node(c, op, in, 1, attrs, v % 2));
    return true;
}

/* The same of some rows: the last ones, and those up to a number. */
static bool
build_ranged_pool(check_case *c, const char *op, uint32_t v)
{
    if (v < 4)
        return build_pool(c, op, v);
    if (v >= 8)
        return false;
    eg_value_id in[] = {case_input(c, "x", token(33))};
    eg_attr attrs[] = {v % 2 ? INT("begin", -3) : INT("end", 2), INT("skip_prompt", 1)};
    case_output(c, case_node(c, op, in, 1, attrs, v < 6 ? 1 : 2));
    return true;
}

static bool
build_token(check_case *c, const char *op, uint32_t v)
{
    if (v >= 3)
        return false;
    eg_value_id in[] = {case_input(c, "x", token(33))};
    eg_attr attrs[] = {INT("index", v == 1 ? -1 : 0), INT("skip_prompt", 1)};
    case_output(c, case_node(c, op, in, 1, attrs, v == 2 ? 2 : 1));
    return true;
}

static bool
build_normalize(check_case *c, const char *op, uint32_t v)
{
    if (v >= 3)
        return false;
    eg_value_id in[] = {case_input(c, "x", v == 1 ? token(33) : eg_type_text(EG_F32, 160))};
    eg_attr attrs[] = {REAL("eps", 1e-3)};
    case_output(c, case_node(c, op, in, 1, attrs, v == 2));
    return true;
}

static bool
build_concat(check_case *c, const char *op, uint32_t v)
{
    if (v == 0) {
        eg_value_id in[] = {case_input(c, "a", token(5)), case_input(c, "b", token(33)), case_input(c, "c", token(1))};
        case_output(c, PLAIN_NODE(c, op, in));
    } else if (v < 3) {
        eg_value_id in[] = {case_const(c, "a", 3, 5), case_const(c, "b", v == 1 ? 7 : 3, 5)};
        eg_attr attrs[] = {INT("axis", 0)};
        case_output(c, case_node(c, op, in, 2, attrs, v == 1));
    }
    return v < 3;
}

static bool
build_slice(check_case *c, const char *op, uint32_t v)
{
    if (v >= 3)
        return false;
    eg_value_id in[] = {v < 2 ? case_input(c, "x", token(33)) : case_const(c, "x", 9, 5)};
    eg_attr attrs[3];
    uint32_t count = 0;
    if (v == 2)
        attrs[count++] = INT("axis", 0);
    if (v > 0)
        attrs[count++] = INT("begin", 4);
    attrs[count++] = INT("end", 7);
    case_output(c, case_node(c, op, in, 1, attrs, count));
    return true;
}

static bool
build_transpose(check_case *c, const char *op, uint32_t v)
{
    if (v >= 2)
        return false;
    eg_value_id in[] = {case_const(c, "x", v ? 33 : 1, 5)};
    case_output(c, PLAIN_NODE(c, op, in));
    return true;
}

static bool
build_spread(check_case *c, const char *op, uint32_t v)
{
    if (v >= WIDTHS)
        return false;
    eg_value_id in[] = {case_input(c, "x", text(widths[v])),
                        v % 2 ? case_ids(c, "like", 9) : case_input(c, "like", token(3))};
    case_output(c, PLAIN_NODE(c, op, in));
    return true;
}

/* Of a constant: of anything else it is a view, which runs nowhere. */
static bool
build_squeeze(check_case *c, const char *op, uint32_t v)
{
    if (v >= 2)
        return false;
    eg_value_id in[] = {case_const(c, "x", v ? 33 : 1, 1)};
    case_output(c, PLAIN_NODE(c, op, in));
    return true;
}

static bool
build_cast(check_case *c, const char *op, uint32_t v)
{
    if (v >= 1)
        return false;
    eg_value_id in[] = {case_ids(c, "ids", 1000)};
    eg_attr attrs[] = {TEXT("to", "f32")};
    case_output(c, NODE(c, op, in, attrs));
    return true;
}

static const op_cases ops[] = {
    {"positions", build_positions, 0},
    {"gather", build_gather, 0},
    {"equal", build_equal, 0},
    {"where", build_where, 0},
    {"matmul", build_matmul, 2e-5},
    {"grouped_matmul", build_grouped_matmul, 2e-5},
    {"shift", build_shift, 0},
    {"unfold", build_unfold, 0},
    {"bias_add", build_bias, 1e-6},
    {"add", build_binary, 1e-6},
    {"sub", build_binary, 1e-6},
    {"mul", build_binary, 1e-6},
    {"div", build_binary, 5e-6},
    {"scale", build_scale, 1e-6},
    {"gelu", build_gelu, 1e-5},
    {"relu", build_unary, 0},
    {"relu2", build_unary, 1e-6},
    {"silu", build_unary, 1e-5},
    {"mish", build_unary, 1e-5},
    {"tanh", build_unary, 1e-5},
    {"sigmoid", build_unary, 1e-5},
    {"log1p", build_unary, 1e-5},
    {"layer_norm", build_layer_norm, 2e-5},
    {"rms_norm", build_rms_norm, 2e-5},
    {"scores", build_scores, 2e-5},
    {"rotary_table", build_rotary_table, 1e-6},
    {"rotary", build_rotary, 1e-6},
    {"alibi", build_alibi, 1e-6},
    {"relative_bias", build_relative_bias, 0},
    {"relative_scores", build_relative_scores, 2e-5},
    {"softmax", build_softmax, 1e-5},
    {"apply", build_apply, 2e-5},
    {"first_token", build_pool, 0},
    {"last_token", build_pool, 0},
    {"token", build_token, 0},
    {"mean", build_ranged_pool, 1e-5},
    {"max", build_ranged_pool, 0},
    {"sum", build_ranged_pool, 2e-5},
    {"mean_sqrt_len", build_ranged_pool, 2e-5},
    {"weighted_mean", build_ranged_pool, 1e-5},
    {"normalize", build_normalize, 1e-5},
    {"concat", build_concat, 0},
    {"slice", build_slice, 0},
    {"transpose", build_transpose, 0},
    {"spread", build_spread, 0},
    {"squeeze", build_squeeze, 0},
    {"cast", build_cast, 0},
    {"linear", build_linear, 2e-5},
    {"glu_linear", build_glu_linear, 2e-5},
    {"attention", build_attention, 2e-5},
    {"add_norm", build_add_norm, 2e-5},
    {"embed_norm", build_embed_norm, 2e-5},
    {"pool_normalize", build_pool_normalize, 2e-5},
};
const uint32_t op_group_count = sizeof ops / sizeof *ops;

const char *
op_group_name(uint32_t number)
{
    return ops[number].op;
}

/* --- comparing with the reference ---------------------------------------------------------------- */

static const struct {
    const char *name;
    run_style style;
} styles[] = {
    {"", {.inplace = -1}},
    {", rows apart", {.inplace = -1, .spread = 3}},
    {", below a larger bound", {.inplace = -1, .roomier = 3, .oversized = true}},
    {", in place", {.inplace = 0}},
    {", in place on input 1", {.inplace = 1, .spread = 1}},
    {", in place on input 2", {.inplace = 2}},
    {", in place on input 3", {.inplace = 3}},
};

typedef struct {
    subject tested, reference;
} both;

static eg_status
run_style_of_case(both *s, const check_case *c, run_style style, const void *want, eg_error *err)
{
    void *got;
    uint64_t count;
    EG_TRY(run_case(&s->tested, c, style, &got, &count, err));
    eg_status status = compare(c, want, got, count, c->tolerance, err);
    eg_free(got);
    return status;
}

/* One node whose output is of the input's type. A longer case may read the input again. */
static bool
can_be_in_place(const check_case *c, uint32_t input)
{
    if (c->graph.order.count != 1)
        return false;
    const eg_node *node = eg_graph_node(&c->graph, c->graph.order.items[0]);
    if (input >= node->input_count)
        return false;
    const eg_value *value = eg_graph_value(&c->graph, node->inputs[input]);
    return (value->flags & EG_VALUE_INPUT) &&
           eg_type_equal(&value->type, &eg_graph_value(&c->graph, node->outputs[0])->type);
}

/* What the reference gives; of a fused op, what it gives for the primitive nodes. */
static eg_status
ask_oracle(both *s, const check_case *c, void **out, uint64_t *out_count, eg_error *err)
{
    check_case parts;
    EG_TRY(case_parts(c, NULL, &parts, err));
    eg_status status = run_case(&s->reference, &parts, plain_style, out, out_count, err);
    case_parts_finish(&parts);
    return status;
}

/* A fused op beside the primitive ones on the same device. */
static void
check_parts(checker *k, both *s, const check_case *c, const char *label)
{
    eg_error err;
    eg_error_init(&err);
    check_case parts;
    void *want = NULL;
    uint64_t count;
    check_begin(k, "%s, beside its parts", label);
    eg_status status = case_parts(c, NULL, &parts, &err);
    if (status == EG_OK) {
        status = run_case(&s->tested, &parts, plain_style, &want, &count, &err);
        case_parts_finish(&parts);
    }
    if (status == EG_OK)
        status = run_style_of_case(s, c, plain_style, want, &err);
    check_settle(k, status, &err);
    eg_free(want);
}

static void
check_case_in_all_styles(checker *k, both *s, const check_case *c, const char *label)
{
    eg_error err;
    eg_error_init(&err);
    void *want;
    uint64_t count;
    check_begin(k, "%s", label);
    eg_status status = ask_oracle(s, c, &want, &count, &err);
    if (status != EG_OK) { /* without an oracle there is nothing to say */
        if (status == EG_E_UNSUPPORTED)
            check_skip(k, "reference: %s", err.message);
        else
            check_fail(k, "reference: %s", err.message);
        return;
    }
    for (size_t i = 0; i < sizeof styles / sizeof *styles; i++) {
        if (styles[i].style.inplace >= 0 && !can_be_in_place(c, (uint32_t)styles[i].style.inplace))
            continue;
        if (i > 0)
            check_begin(k, "%s%s", label, styles[i].name);
        eg_error_init(&err);
        status = run_style_of_case(s, c, styles[i].style, want, &err);
        if (status == EG_E_UNSUPPORTED && styles[i].style.inplace >= 0)
            check_drop(k); /* optional */
        else
            check_settle(k, status, &err);
        if (i == 0 && status == EG_E_UNSUPPORTED)
            break;
        if (i == 0 && case_is_fused(c))
            check_parts(k, s, c, label);
    }
    eg_free(want);
}

void
check_op(checker *k, uint32_t number)
{
    const op_cases *cases = &ops[number];
    both s;
    eg_error err;
    eg_error_init(&err);
    check_begin(k, "open");
    eg_status status = load_plugin(k, &err);
    if (status == EG_OK)
        status = load_reference(k, &err);
    if (status == EG_OK) {
        subject_init(&s.tested, k->plugin, k->threads);
        subject_init(&s.reference, k->reference_plugin, 1);
        status = subject_open(&s.tested, k->options->device, k->options->options, &err);
    }
    if (status == EG_OK)
        status = subject_open(&s.reference, 0, NULL, &err);
    check_settle(k, status, &err);
    if (status != EG_OK)
        return;
    for (uint32_t b = 0; b < batch_count; b++)
        for (uint32_t v = 0;; v++) {
            char label[128];
            snprintf(label, sizeof label, "form %u, %s", v, batches[b].name);
            check_case c;
            case_init(&c, &batches[b], number * 1000 + b * 100 + v);
            bool more = cases->build(&c, cases->op, v);
            c.tolerance = cases->tolerance;
            if (more)
                check_case_in_all_styles(k, &s, &c, label);
            case_finish(&c);
            if (!more)
                break;
        }
    subject_close(&s.tested);
    subject_close(&s.reference);
}
