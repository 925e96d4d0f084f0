/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of the fused ops, and whole graphs of them beside the primitive nodes that they stand for. */
#include <stdio.h>

#include "plugins/conformance/builders.h"

/* --- a node for its parts ------------------------------------------------------------------------ */

static bool
refused(subject *s, const eg_view *view, uint32_t number)
{
    eg_support answer = {.size = sizeof answer};
    return s->ops->support(s->device, view, number, &answer) != EG_OK || answer.level == EG_SUPPORT_NO;
}

/* The first fused node that the device refuses (without a device: the first one), 0 if there is none. */
static eg_status
next_to_replace(subject *s, const eg_graph *graph, eg_node_id *out, eg_error *err)
{
    eg_view view;
    *out = 0;
    EG_TRY(eg_view_init(&view, graph, graph->order.items, (uint32_t)graph->order.count, err));
    for (uint32_t n = 0; n < view.node_count && *out == 0; n++)
        if ((eg_graph_node(graph, view.nodes[n])->op->flags & EG_OP_FUSED) && (!s || refused(s, &view, n)))
            *out = view.nodes[n];
    eg_view_finish(&view);
    return EG_OK;
}

eg_status
case_parts(const check_case *c, subject *s, check_case *out, eg_error *err)
{
    *out = *c;
    if (c->failed) {
        *err = c->err;
        return c->failed;
    }
    EG_TRY(eg_graph_clone(&c->graph, &out->graph, err));
    eg_node_id node = 0;
    eg_status status = next_to_replace(s, &out->graph, &node, err);
    while (status == EG_OK && node != 0) {
        status = eg_graph_node(&out->graph, node)->op->decompose(&out->graph, node, err);
        if (status == EG_OK)
            status = next_to_replace(s, &out->graph, &node, err);
    }
    if (status != EG_OK)
        case_parts_finish(out);
    return status;
}

void
case_parts_finish(check_case *parts)
{
    eg_graph_finish(&parts->graph);
}

bool
case_is_fused(const check_case *c)
{
    for (size_t i = 0; i < c->graph.order.count && !c->failed; i++)
        if (eg_graph_node(&c->graph, c->graph.order.items[i])->op->flags & EG_OP_FUSED)
            return true;
    return false;
}

/* --- linear, glu_linear -------------------------------------------------------------------------- */

typedef struct {
    int64_t n, k;
    const char *activation; /* NULL: none */
    bool bias, residual, text, stacked;
} linear_form;

static uint32_t
linear_attrs(const linear_form *f, eg_attr out[3])
{
    uint32_t count = 0;
    if (f->activation)
        out[count++] = TEXT("activation", f->activation);
    if (f->bias)
        out[count++] = INT("bias", 1);
    if (f->residual)
        out[count++] = INT("residual", 1);
    return count;
}

/* A weight [N, K], in one piece or of three tensors. */
static eg_value_id
weight_of(check_case *c, const char *name, const linear_form *f)
{
    return f->stacked ? case_stack(c, name, f->n, f->k, 3) : case_const(c, name, f->n, f->k);
}

bool
build_linear(check_case *c, const char *op, uint32_t v)
{
    static const linear_form forms[] = {
        {1, 1, NULL, false, false, false, false},         {33, 5, NULL, true, false, false, false},
        {5, 160, "gelu", true, true, false, false},       {80, 161, "tanh", true, false, true, false},
        {161, 80, NULL, true, true, false, true},         {96, 33, "gelu_tanh", false, true, false, false},
        {17, 64, "relu", false, true, true, false},       {48, 48, "silu", true, true, false, true},
        {7, 31, "gelu_quick", true, false, false, false}, {16, 16, "mish", true, true, false, false},
        {12, 20, "sigmoid", false, false, false, true},   {31, 9, "relu2", true, false, false, false},
        {700, 400, "gelu", true, true, false, false},
    };
    if (v >= sizeof forms / sizeof *forms)
        return false;
    const linear_form *f = &forms[v];
    eg_value_id in[4];
    uint32_t count = 0;
    in[count++] = case_input(c, "x", f->text ? text(f->k) : token(f->k));
    in[count++] = weight_of(c, "w", f);
    if (f->bias)
        in[count++] = case_const(c, "b", f->n, 0);
    if (f->residual)
        in[count++] = case_input(c, "r", f->text ? text(f->n) : token(f->n));
    eg_attr attrs[3];
    uint32_t attr_count = linear_attrs(f, attrs);
    case_output(c, case_node(c, op, in, count, attrs, attr_count));
    return true;
}

bool
build_glu_linear(check_case *c, const char *op, uint32_t v)
{
    static const linear_form forms[] = {
        {1, 1, "gelu", false, false, false, false},    {33, 5, "silu", true, false, false, false},
        {80, 161, "gelu", true, false, true, false},   {96, 33, "gelu_tanh", false, false, false, true},
        {5, 160, NULL, true, false, false, false},     {48, 48, "relu", true, false, false, true},
        {700, 400, "silu", true, false, false, false},
    };
    if (v >= sizeof forms / sizeof *forms)
        return false;
    const linear_form *f = &forms[v];
    eg_value_id in[] = {case_input(c, "x", f->text ? text(f->k) : token(f->k)), weight_of(c, "w", f),
                        weight_of(c, "u", f), f->bias ? case_const(c, "b", f->n, 0) : 0,
                        f->bias ? case_const(c, "c", f->n, 0) : 0};
    eg_attr attrs[3];
    uint32_t attr_count = linear_attrs(f, attrs);
    case_output(c, case_node(c, op, in, f->bias ? 5 : 3, attrs, attr_count));
    return true;
}

/* --- attention ----------------------------------------------------------------------------------- */

typedef struct {
    int64_t heads, key_heads, size, value_size, causal, window, bias_heads;
} attention_form;

static eg_value_id
attention_node(check_case *c, const char *op, const attention_form *f, eg_value_id q, eg_value_id k, eg_value_id v)
{
    eg_value_id in[] = {
        q, k, v, f->bias_heads ? case_input(c, "p", eg_type_pair(EG_F32, 0, f->bias_heads, (uint32_t)f->window)) : 0};
    const eg_attr attrs[] = {INT("bias", f->bias_heads > 0), INT("causal", f->causal), INT("heads", f->heads),
                             INT("key_heads", f->key_heads), REAL("scale", 0.75),      INT("window", f->window)};
    return case_node(c, op, in, f->bias_heads ? 4 : 3, attrs, sizeof attrs / sizeof *attrs);
}

/* Each form with a query for every token, then with one for each text. */
bool
build_attention(check_case *c, const char *op, uint32_t v)
{
    static const attention_form forms[] = {
        {1, 1, 1, 1, 0, 0, 0},   {2, 2, 80, 80, 0, 0, 0},   {3, 3, 5, 5, 1, 0, 0}, {4, 2, 16, 16, 0, 0, 0},
        {2, 2, 8, 8, 0, 2, 0},   {2, 1, 8, 8, 1, 3, 0},     {3, 3, 8, 8, 0, 0, 3}, {4, 2, 16, 16, 0, 0, 1},
        {2, 2, 8, 3, 0, 0, 0},   {4, 1, 4, 33, 0, 0, 4},    {2, 2, 8, 8, 0, 2, 2}, {2, 2, 8, 8, 1, 0, 1},
        {2, 2, 64, 64, 0, 0, 0}, {12, 12, 32, 32, 0, 0, 0},
    };
    if (v >= 2 * (sizeof forms / sizeof *forms))
        return false;
    const attention_form *f = &forms[v / 2];
    int64_t width = f->heads * f->size;
    eg_value_id q = case_input(c, "q", v % 2 ? text(width) : token(width));
    eg_value_id k = case_input(c, "k", token(f->key_heads * f->size));
    case_output(c, attention_node(c, op, f, q, k, case_input(c, "v", token(f->key_heads * f->value_size))));
    return true;
}

/* --- norms and pooling --------------------------------------------------------------------------- */

enum { LAYER, NO_BIAS, RMS, NORMS };

/* eps and norm; appends the weight and the bias to the inputs. */
static eg_value_id
norm_node(check_case *c, const char *op, eg_value_id *in, uint32_t count, eg_attr first, int64_t width, uint32_t norm)
{
    eg_attr attrs[] = {REAL("eps", 1e-5), norm == RMS ? TEXT("norm", "rms") : first, first};
    uint32_t attr_count = first.name ? norm == RMS ? 3 : 2 : norm == RMS ? 2 : 1;
    in[count++] = case_const(c, "weight", width, 0);
    if (norm == LAYER)
        in[count++] = case_const(c, "bias", width, 0);
    return case_node(c, op, in, count, attrs, attr_count);
}

static const int64_t norm_widths[] = {1, 5, 33, 160, 384};
enum { NORM_WIDTHS = sizeof norm_widths / sizeof *norm_widths };

bool
build_add_norm(check_case *c, const char *op, uint32_t v)
{
    if (v >= NORMS * NORM_WIDTHS + 1)
        return false;
    int64_t width = norm_widths[v % NORM_WIDTHS];
    eg_type type = v == NORMS * NORM_WIDTHS ? text(width) : token(width);
    eg_value_id in[4] = {case_input(c, "a", type), case_input(c, "b", type)};
    case_output(c, norm_node(c, op, in, 2, (eg_attr){0}, width, v / NORM_WIDTHS % NORMS));
    return true;
}

bool
build_embed_norm(check_case *c, const char *op, uint32_t v)
{
    static const char *const tables[] = {"words", "places", "types"}, *const indices[] = {"ids", "positions", "kinds"};
    static const int32_t sizes[] = {3000, 40, 2};
    static const struct {
        uint32_t tables, norm;
        int64_t width;
    } forms[] = {{1, LAYER, 5}, {2, LAYER, 33}, {3, LAYER, 64}, {3, NO_BIAS, 7}, {2, RMS, 160}, {3, LAYER, 1}};
    if (v >= sizeof forms / sizeof *forms)
        return false;
    eg_value_id in[8];
    for (uint32_t t = 0; t < forms[v].tables; t++) {
        in[2 * t] = case_const(c, tables[t], sizes[t], forms[v].width);
        in[2 * t + 1] = case_ids(c, indices[t], sizes[t]);
    }
    case_output(
        c, norm_node(c, op, in, 2 * forms[v].tables, INT("tables", forms[v].tables), forms[v].width, forms[v].norm));
    return true;
}

bool
build_pool_normalize(check_case *c, const char *op, uint32_t v)
{
    static const char *const pools[] = {"first_token", "last_token",    "mean",         "max",
                                        "sum",         "mean_sqrt_len", "weighted_mean"};
    enum { POOLS = sizeof pools / sizeof *pools };
    if (v >= 2 * POOLS + 3)
        return false;
    eg_value_id in[] = {case_input(c, "x", token(v % 2 ? 33 : 160))};
    if (v > 2 * POOLS) {
        eg_attr some[] = {TEXT("pool", v % 2 ? "max" : "mean"), v % 2 ? INT("begin", -2) : INT("end", 3)};
        case_output(c, NODE(c, op, in, some));
        return true;
    }
    eg_attr attrs[] = {TEXT("pool", pools[v % POOLS]), INT("skip_prompt", v >= POOLS), REAL("eps", 8.0)};
    case_output(c, case_node(c, op, in, 1, attrs, v == 2 * POOLS ? 3 : 2));
    return true;
}

/* --- whole graphs -------------------------------------------------------------------------------- */

enum { HEADS = 2, WIDTH = 16, INNER = 37, WORDS = 50 };

static eg_value_id
linear_node(check_case *c, const char *name, eg_value_id x, int64_t n, int64_t k, const char *activation,
            eg_value_id residual)
{
    const linear_form form = {n, k, activation, true, residual != 0, false, false};
    char bias[32];
    snprintf(bias, sizeof bias, "%s.bias", name);
    eg_value_id in[] = {x, case_const(c, name, n, k), case_const(c, bias, n, 0), residual};
    eg_attr attrs[3];
    uint32_t attr_count = linear_attrs(&form, attrs);
    return case_node(c, "linear", in, residual ? 4 : 3, attrs, attr_count);
}

static eg_value_id
add_norm_node(check_case *c, const char *name, eg_value_id a, eg_value_id b, bool rms)
{
    char bias[32];
    snprintf(bias, sizeof bias, "%s.bias", name);
    eg_value_id in[] = {a, b, case_const(c, name, WIDTH, 0), rms ? 0 : case_const(c, bias, WIDTH, 0)};
    const eg_attr attrs[] = {REAL("eps", 1e-6), TEXT("norm", "rms")};
    return case_node(c, "add_norm", in, rms ? 3 : 4, attrs, rms ? 2 : 1);
}

void
build_fused_layer(check_case *c)
{
    static const attention_form form = {HEADS, HEADS, WIDTH / HEADS, WIDTH / HEADS, 0, 0, 0};
    eg_value_id ids = case_ids(c, "ids", WORDS), in[6] = {case_const(c, "words", WORDS, WIDTH), ids};
    eg_value_id x = norm_node(c, "embed_norm", in, 2, INT("tables", 1), WIDTH, LAYER);
    eg_value_id q = linear_node(c, "q", x, WIDTH, WIDTH, NULL, 0), k = linear_node(c, "k", x, WIDTH, WIDTH, NULL, 0);
    eg_value_id y = attention_node(c, "attention", &form, q, k, linear_node(c, "v", x, WIDTH, WIDTH, NULL, 0));
    x = add_norm_node(c, "n1", linear_node(c, "o", y, WIDTH, WIDTH, NULL, 0), x, false);
    y = linear_node(c, "up", x, INNER, WIDTH, "gelu", 0);
    x = add_norm_node(c, "n2", x, linear_node(c, "down", y, WIDTH, INNER, NULL, x), false);
    const eg_attr pool[] = {TEXT("pool", "mean")};
    case_output(c, case_node(c, "pool_normalize", &x, 1, pool, 1));
    c->tolerance = 2e-5;
}

/* A text's row beside those of its tokens: a query for each text, and its result on all of the text's rows. */
static eg_value_id
text_round_trip(check_case *c, const attention_form *f, eg_value_id q, eg_value_id k, eg_value_id v)
{
    eg_value_id text_row = case_node(c, "mean", &q, 1, NULL, 0);
    eg_value_id in[] = {attention_node(c, "attention", f, text_row, k, v), v};
    return PLAIN_NODE(c, "spread", in);
}

/* What goes into attention has been through a norm: scores stay small, so that no tie can turn. */
static eg_value_id
random_attention(check_case *c, const char *name, eg_value_id a, eg_value_id b, eg_value_id v)
{
    const attention_form f = {.heads = HEADS,
                              .key_heads = HEADS,
                              .size = WIDTH / HEADS,
                              .value_size = WIDTH / HEADS,
                              .causal = case_below(c, 2),
                              .window = case_below(c, 3)};
    eg_value_id q = add_norm_node(c, name, a, b, case_below(c, 2)), k = add_norm_node(c, "keys", b, b, true);
    return case_below(c, 3) ? attention_node(c, "attention", &f, q, k, v) : text_round_trip(c, &f, q, k, v);
}

void
build_random_fused(check_case *c)
{
    static const char *const activations[] = {NULL,   "gelu", "gelu_tanh", "gelu_quick",
                                              "relu", "silu", "tanh",      "sigmoid"};
    static const char *const pools[] = {"first_token", "last_token", "mean", "max", "weighted_mean"};
    eg_value_id live[12];
    uint32_t count = 0;
    live[count++] = case_input(c, "x", token(WIDTH));
    live[count++] = case_input(c, "y", token(WIDTH));
    uint32_t steps = 3 + case_below(c, 6);
    for (uint32_t i = 0; i < steps; i++) {
        eg_value_id a = live[case_below(c, count)], b = live[case_below(c, count)], v = live[case_below(c, count)];
        const char *activation = activations[case_below(c, 8)];
        char name[16];
        snprintf(name, sizeof name, "w%u", i);
        switch (case_below(c, 4)) {
        case 0:
            live[count++] = linear_node(c, name, a, WIDTH, WIDTH, activation, case_below(c, 2) ? b : 0);
            break;
        case 1: {
            eg_value_id in[] = {a, case_const(c, name, WIDTH, WIDTH), case_stack(c, "gate", WIDTH, WIDTH, 2)};
            const eg_attr attrs[] = {TEXT("activation", "silu")};
            live[count++] = add_norm_node(c, "after", NODE(c, "glu_linear", in, attrs), b, false);
            break;
        }
        case 2:
            live[count++] = add_norm_node(c, name, a, b, case_below(c, 2));
            break;
        default:
            live[count++] = random_attention(c, name, a, b, v);
        }
    }
    eg_value_id last = live[count - 1];
    const eg_attr pool[] = {TEXT("pool", pools[case_below(c, 5)])};
    case_output(c, case_below(c, 2) ? case_node(c, "pool_normalize", &last, 1, pool, 1) : last);
    c->tolerance = 1e-4;
}
