/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns as models have them, for passes to find: embeddings, layers with attention and gated units, poolings. Whatever
 * lies inside goes into the maker's pools too, so that later nodes read some of it: then a rewrite must keep away.
 */
#include "tests/unit/random_maker.h"

#include <string.h>

static bool
rarely(maker *m)
{
    return maker_below(m, 12) == 0;
}

static eg_status
product(maker *m, eg_value_id x, int64_t width, bool biased, eg_value_id *out)
{
    eg_value_id w, bias;
    EG_TRY(maker_weight(m, width, maker_width_of(m, x), &w));
    EG_TRY(maker_add_two(m, "matmul", x, w, out));
    if (!biased)
        return EG_OK;
    EG_TRY(maker_constant(m, width, 0, -0.5f, 0.5f, &bias));
    return maker_add_two(m, "bias_add", *out, bias, out);
}

static eg_status
activation(maker *m, eg_value_id x, eg_value_id *out)
{
    static const char *const ops[] = {"gelu", "relu", "silu", "mish", "tanh", "sigmoid"};
    static const char *const forms[] = {"erf", "tanh", "quick"};
    const char *op = ops[maker_below(m, sizeof ops / sizeof *ops)];
    eg_attr form = {.name = "form", .type = EG_ATTR_STRING, .string = forms[maker_below(m, 3)]};
    return maker_add(m, op, &x, 1, &form, strcmp(op, "gelu") == 0, out);
}

static eg_status
sum(maker *m, eg_value_id a, eg_value_id b, eg_value_id *out)
{
    bool swap = maker_coin(m);
    return maker_add_two(m, "add", swap ? b : a, swap ? a : b, out);
}

/* --- embeddings ---------------------------------------------------------------------------------- */

static eg_status
looked_up(maker *m, int64_t width, eg_value_id *out)
{
    eg_value_id table, index = maker_coin(m) ? m->ids : m->types;
    EG_TRY(maker_constant(m, RANDOM_GRAPH_VOCAB + 1, width, -1, 1, &table));
    if (maker_below(m, 3) == 0)
        EG_TRY(maker_add_one(m, "positions", m->ids, &index));
    return maker_add_two(m, "gather", table, index, out);
}

static eg_status
embeddings(maker *m, int64_t width, eg_value_id *out)
{
    eg_value_id rows;
    uint32_t tables = 1 + maker_below(m, 4);
    EG_TRY(looked_up(m, width, out));
    for (uint32_t i = 1; i < tables; i++) {
        EG_TRY(looked_up(m, width, &rows));
        EG_TRY(sum(m, *out, rows, out));
    }
    return maker_norm(m, *out, out);
}

eg_status
maker_embeddings(maker *m)
{
    static const int64_t widths[] = {4, 6, 8, 12};
    eg_value_id out;
    return embeddings(m, widths[maker_below(m, 4)], &out);
}

/* --- layers -------------------------------------------------------------------------------------- */

eg_status
maker_relative(maker *m, eg_value_id x, int64_t heads, eg_value_id *out)
{
    int64_t rows = 4 + maker_below(m, 20);
    eg_value_id table;
    eg_attr attrs[] = {maker_int("heads", heads),
                       maker_float("scale", 0.3),
                       maker_int("offset", rows / 2),
                       {.name = "rows", .type = EG_ATTR_STRING, .string = maker_coin(m) ? "key" : "query"},
                       maker_int("buckets", rows),
                       maker_int("max_distance", rows + maker_below(m, 20))};
    if (maker_coin(m)) {
        EG_TRY(maker_constant(m, rows, heads, -1, 1, &table));
        return maker_add(m, "relative_bias", (eg_value_id[]){table, x}, 2, &attrs[5], 1, out);
    }
    EG_TRY(maker_constant(m, rows, maker_width_of(m, x), -1, 1, &table));
    return maker_add(m, "relative_scores", (eg_value_id[]){x, table}, 2, attrs, maker_coin(m) ? 6 : 4, out);
}

/* Something to add to the scores: those of other queries and keys, of as many heads or one, or what the distance gives. */
static eg_status
pair_bias(maker *m, eg_value_id x, const eg_attr *attrs, eg_value_id *out)
{
    eg_value_id inputs[] = {x, x};
    if (attrs[4].integer == 0 && maker_coin(m))
        return maker_relative(m, x, attrs[0].integer, out);
    if (attrs[4].integer == 0 && maker_coin(m))
        return maker_add(m, "alibi", maker_coin(m) ? &x : &m->ids, 1, attrs, 1, out);
    eg_attr own[] = {attrs[0], maker_float("scale", 0.3), attrs[4]};
    if (maker_coin(m))
        own[0].integer = 1;
    return maker_add(m, "scores", inputs, 2, own, 3, out);
}

/* The heads of x turned by position, a part of each; tables of one width are alike. */
static eg_status
turned(maker *m, eg_value_id x, int64_t heads, int64_t size, eg_value_id *out)
{
    eg_value_id positions, t;
    eg_attr table[] = {maker_float("theta", 100), maker_int("width", rarely(m) ? 2 : size / 2 * 2)};
    eg_attr turn[] = {maker_int("heads", heads), {.name = "style", .type = EG_ATTR_STRING, .string = "interleaved"}};
    EG_TRY(maker_add_one(m, "positions", m->ids, &positions));
    EG_TRY(maker_add(m, "rotary_table", &positions, 1, table, 2, &t));
    return maker_add(m, "rotary", (eg_value_id[]){x, t}, 2, turn, rarely(m) ? 2 : 1, out);
}

static eg_status
attention(maker *m, eg_value_id x, eg_value_id *out)
{
    int64_t width = maker_width_of(m, x), heads = width % 4 == 0 && maker_coin(m) ? 4 : width % 2 == 0 ? 2 : 1;
    int64_t key_heads = maker_below(m, 3) ? heads : 1, key_width = width / heads * key_heads;
    eg_attr attrs[5] = {maker_int("heads", heads), maker_int("key_heads", key_heads),
                        maker_float("scale", maker_uniform(m, 0.1f, 1)), maker_int("causal", maker_below(m, 4) == 0),
                        maker_int("window", maker_coin(m) ? maker_below(m, 3) : 0)};
    bool biased = maker_below(m, 4) != 0;
    eg_value_id q, k, v, s, p;
    EG_TRY(product(m, x, width, biased ^ rarely(m), &q));
    EG_TRY(product(m, x, key_width, biased, &k));
    EG_TRY(product(m, rarely(m) ? maker_pick(m, &m->tokens) : x, key_width, biased, &v));
    if (width / heads >= 2 && maker_below(m, 3) == 0) {
        EG_TRY(turned(m, q, heads, width / heads, &q));
        EG_TRY(turned(m, k, key_heads, width / heads, &k));
        if (rarely(m))
            EG_TRY(turned(m, v, key_heads, width / heads, &v));
    }
    EG_TRY(maker_add(m, "scores", (eg_value_id[]){q, k}, 2, attrs, 5, &s));
    for (uint32_t biases = maker_below(m, 3) ? 0 : 1 + maker_below(m, 3); biases > 0; biases--) {
        EG_TRY(pair_bias(m, x, attrs, &p));
        EG_TRY(maker_add_two(m, "add", s, p, &s)); /* scores first: they have all the heads */
    }
    EG_TRY(maker_add_one(m, "softmax", s, &p));
    EG_TRY(maker_add(m, "apply", (eg_value_id[]){p, v}, 2, attrs, 2, out));
    return product(m, *out, width, maker_coin(m), out);
}

/* act(a) ⊙ b of two products of x, or of the halves of one. */
static eg_status
gated(maker *m, eg_value_id x, int64_t inner, eg_value_id *out)
{
    eg_value_id gate, other, whole;
    bool biased = maker_coin(m), swap = maker_coin(m);
    if (maker_coin(m)) {
        eg_attr begin = maker_int("begin", inner), end = maker_int("end", 2 * inner), middle = maker_int("end", inner);
        EG_TRY(product(m, x, 2 * inner, biased, &whole));
        EG_TRY(maker_add(m, "slice", &whole, 1, &middle, 1, swap ? &other : &gate));
        EG_TRY(maker_add(m, "slice", &whole, 1, (eg_attr[]){begin, end}, 2, swap ? &gate : &other));
    } else {
        EG_TRY(product(m, x, inner, biased ^ rarely(m), &gate));
        EG_TRY(product(m, rarely(m) ? maker_pick(m, &m->tokens) : x, inner, biased, &other));
    }
    EG_TRY(activation(m, gate, &gate));
    return maker_add_two(m, "mul", swap ? other : gate, swap ? gate : other, out);
}

static eg_status
feed_forward(maker *m, eg_value_id x, eg_value_id *out)
{
    int64_t width = maker_width_of(m, x), inner = 4 + 2 * maker_below(m, 4);
    eg_value_id h;
    if (maker_below(m, 3) == 0) {
        EG_TRY(gated(m, x, inner, &h));
    } else {
        EG_TRY(product(m, x, inner, maker_below(m, 4) != 0, &h));
        EG_TRY(activation(m, h, &h));
    }
    return product(m, h, width, maker_below(m, 4) != 0, out);
}

/* The norm after the residual sum, or in front of the block. */
static eg_status
residual(maker *m, eg_value_id x, bool before, eg_status (*block)(maker *, eg_value_id, eg_value_id *),
         eg_value_id *out)
{
    eg_value_id in = x, y;
    if (before)
        EG_TRY(maker_norm(m, x, &in));
    EG_TRY(block(m, in, &y));
    EG_TRY(sum(m, y, x, out));
    return before ? EG_OK : maker_norm(m, *out, out);
}

static eg_status
layer(maker *m, eg_value_id x, eg_value_id *out)
{
    bool before = maker_below(m, 3) == 0;
    EG_TRY(residual(m, x, before, attention, out));
    EG_TRY(residual(m, *out, before, feed_forward, out));
    return before ? maker_norm(m, *out, out) : EG_OK;
}

eg_status
maker_layer(maker *m)
{
    eg_value_id out;
    return layer(m, maker_pick(m, &m->tokens), &out);
}

eg_status
maker_gated(maker *m)
{
    eg_value_id x = m->texts.count && maker_below(m, 4) == 0 ? maker_pick(m, &m->texts) : maker_pick(m, &m->tokens);
    eg_value_id out;
    return gated(m, x, 2 + 2 * maker_below(m, 4), &out);
}

/* --- ends ---------------------------------------------------------------------------------------- */

static eg_status
pooled(maker *m, eg_value_id x, eg_value_id *out)
{
    static const char *const ops[] = {"first_token", "first_token", "first_token",   "last_token",
                                      "mean",        "max",         "mean_sqrt_len", "weighted_mean"};
    eg_attr skip = maker_int("skip_prompt", maker_below(m, 8) == 0), eps = maker_float("eps", 1e-6);
    const char *op = ops[maker_below(m, sizeof ops / sizeof *ops)];
    eg_attr last = maker_int("begin", -2);
    EG_TRY(maker_add(m, op, &x, 1, !strstr(op, "_token") && maker_below(m, 4) == 0 ? &last : &skip, 1, out));
    if (maker_coin(m))
        return maker_add(m, "normalize", out, 1, &eps, maker_coin(m), out);
    EG_TRY(product(m, *out, 6, true, out));
    return maker_add_one(m, "tanh", *out, out);
}

eg_status
maker_pooled(maker *m)
{
    eg_value_id out;
    return pooled(m, maker_pick(m, &m->tokens), &out);
}

eg_status
maker_encoder(maker *m)
{
    eg_value_id x;
    EG_TRY(embeddings(m, maker_coin(m) ? 8 : 12, &x));
    uint32_t layers = maker_below(m, 3);
    for (uint32_t i = 0; i < layers; i++)
        EG_TRY(layer(m, x, &x));
    return pooled(m, x, &x);
}
