/* SPDX-License-Identifier: Apache-2.0 */
/* Graphs of several nodes: a small encoder layer, and random ones. */
#include <stdio.h>

#include "plugins/conformance/checks.h"

enum { HEADS = 2, HEAD = 8, WIDTH = HEADS * HEAD, INNER = 37, WORDS = 50 };

static eg_value_id
unary(check_case *c, const char *op, eg_value_id x)
{
    return case_node(c, op, &x, 1, NULL, 0);
}

static eg_value_id
binary(check_case *c, const char *op, eg_value_id a, eg_value_id b)
{
    eg_value_id in[] = {a, b};
    return case_node(c, op, in, 2, NULL, 0);
}

static eg_value_id
linear(check_case *c, const char *name, eg_value_id x, int64_t from, int64_t to)
{
    char text[64];
    snprintf(text, sizeof text, "%s.weight", name);
    eg_value_id product = binary(c, "matmul", x, case_const(c, text, to, from));
    snprintf(text, sizeof text, "%s.bias", name);
    return binary(c, "bias_add", product, case_const(c, text, to, 0));
}

static eg_value_id
norm(check_case *c, const char *name, eg_value_id x)
{
    char weight[64], bias[64];
    snprintf(weight, sizeof weight, "%s.weight", name);
    snprintf(bias, sizeof bias, "%s.bias", name);
    eg_value_id in[] = {x, case_const(c, weight, WIDTH, 0), case_const(c, bias, WIDTH, 0)};
    eg_attr eps = {.name = "eps", .type = EG_ATTR_FLOAT, .real = 1e-6};
    return case_node(c, "layer_norm", in, 3, &eps, 1);
}

static eg_value_id
attention(check_case *c, eg_value_id x)
{
    eg_value_id q = linear(c, "q", x, WIDTH, WIDTH), k = linear(c, "k", x, WIDTH, WIDTH);
    eg_value_id qk[] = {q, k};
    eg_attr attrs[] = {{.name = "heads", .type = EG_ATTR_INT, .integer = HEADS},
                       {.name = "scale", .type = EG_ATTR_FLOAT, .real = 0.35}};
    eg_value_id pv[] = {unary(c, "softmax", case_node(c, "scores", qk, 2, attrs, 2)), linear(c, "v", x, WIDTH, WIDTH)};
    return linear(c, "o", case_node(c, "apply", pv, 2, attrs, 1), WIDTH, WIDTH);
}

void
build_layer(check_case *c)
{
    eg_value_id ids = case_ids(c, "ids", WORDS);
    eg_value_id words = binary(c, "gather", case_const(c, "words", WORDS, WIDTH), ids);
    eg_value_id places = binary(c, "gather", case_const(c, "places", 64, WIDTH), unary(c, "positions", ids));
    eg_value_id x = norm(c, "n0", binary(c, "add", words, places));
    x = norm(c, "n1", binary(c, "add", x, attention(c, x)));
    eg_value_id inner = unary(c, "gelu", linear(c, "up", x, WIDTH, INNER));
    x = norm(c, "n2", binary(c, "add", x, linear(c, "down", inner, INNER, WIDTH)));
    case_output(c, unary(c, "normalize", unary(c, "mean", x)));
    c->tolerance = 1e-4;
}

/* Random ops on token rows of one width, any two of which may meet again. Values stay near 1: a norm follows each. */
void
build_random(check_case *c)
{
    static const char *const unaries[] = {"gelu", "relu", "silu", "tanh", "sigmoid", "mish", "normalize"};
    static const char *const binaries[] = {"add", "sub", "mul"};
    eg_value_id live[12];
    uint32_t count = 0;
    live[count++] = case_input(c, "x", eg_type_token(EG_F32, 0, WIDTH));
    live[count++] = case_input(c, "y", eg_type_token(EG_F32, 0, WIDTH));
    uint32_t steps = 3 + case_below(c, 7);
    for (uint32_t i = 0; i < steps; i++) {
        eg_value_id a = live[case_below(c, count)], b = live[case_below(c, count)];
        char name[32];
        snprintf(name, sizeof name, "w%u", i);
        switch (case_below(c, 4)) {
        case 0:
            live[count++] = unary(c, unaries[case_below(c, 7)], a);
            break;
        case 1:
            live[count++] = binary(c, binaries[case_below(c, 3)], a, b);
            break;
        case 2:
            live[count++] = linear(c, name, a, WIDTH, WIDTH);
            break;
        default:
            live[count++] = norm(c, name, a);
        }
    }
    eg_value_id last = live[count - 1];
    case_output(c, case_below(c, 2) ? unary(c, "mean", last) : last);
    c->tolerance = 1e-4;
}
