/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/random_maker.h"

#include <stdio.h>
#include <string.h>

uint64_t
random_next(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint32_t
random_below(uint64_t *state, uint32_t n)
{
    return (uint32_t)(random_next(state) % n);
}

uint32_t
maker_below(maker *m, uint32_t n)
{
    return random_below(&m->state, n);
}

bool
maker_coin(maker *m)
{
    return maker_below(m, 2) == 1;
}

float
maker_uniform(maker *m, float low, float high)
{
    return low + (high - low) * (float)(random_next(&m->state) >> 40) / (float)(1 << 24);
}

static const eg_type *
type_of(const maker *m, eg_value_id id)
{
    return &eg_graph_value(m->graph, id)->type;
}

int64_t
maker_width_of(const maker *m, eg_value_id id)
{
    return type_of(m, id)->dims[1].k;
}

eg_value_id
maker_pick(maker *m, const pool *from)
{
    return from->ids[maker_below(m, from->count)];
}

static eg_value_id
pick_rows(maker *m)
{
    return m->texts.count && maker_below(m, 4) == 0 ? maker_pick(m, &m->texts) : maker_pick(m, &m->tokens);
}

static int64_t
random_width(maker *m)
{
    static const int64_t widths[] = {2, 4, 6, 8, 12, 24};
    return widths[maker_below(m, sizeof widths / sizeof *widths)];
}

/* --- adding -------------------------------------------------------------------------------------- */

static void
remember(maker *m, eg_value_id id)
{
    const eg_type *type = type_of(m, id);
    pool *to = type->kind == EG_TOKEN ? &m->tokens : type->kind == EG_TEXT ? &m->texts : &m->pairs;
    if (type->dtype == EG_F32 && type->kind != EG_TABLE && type->rank == 2 && to->count < 4096)
        to->ids[to->count++] = id;
}

eg_status
maker_add(maker *m, const char *op, const eg_value_id *inputs, uint32_t input_count, const eg_attr *attrs,
          uint32_t attr_count, eg_value_id *out)
{
    char scope[32] = "";
    if (maker_coin(m))
        snprintf(scope, sizeof scope, "block.%u", maker_below(m, 3));
    EG_TRY(
        eg_graph_add_node(m->graph, eg_op_find(op), NULL, scope, inputs, input_count, attrs, attr_count, out, m->err));
    remember(m, *out);
    return EG_OK;
}

eg_status
maker_add_one(maker *m, const char *op, eg_value_id in, eg_value_id *out)
{
    return maker_add(m, op, &in, 1, NULL, 0, out);
}

eg_status
maker_add_two(maker *m, const char *op, eg_value_id a, eg_value_id b, eg_value_id *out)
{
    return maker_add(m, op, (eg_value_id[]){a, b}, 2, NULL, 0, out);
}

eg_attr
maker_int(const char *name, int64_t value)
{
    return (eg_attr){.name = name, .type = EG_ATTR_INT, .integer = value};
}

eg_attr
maker_float(const char *name, double value)
{
    return (eg_attr){.name = name, .type = EG_ATTR_FLOAT, .real = value};
}

/* A table [rows, width], [rows] for width 0, of numbers between low and high. */
eg_status
maker_constant(maker *m, int64_t rows, int64_t width, float low, float high, eg_value_id *out)
{
    char name[32];
    size_t count = (size_t)(rows * (width ? width : 1));
    float *data = eg_arena_calloc(&m->graph->arena, count, sizeof *data);
    if (!data)
        return eg_fail_nomem(m->err, "a random graph");
    for (size_t i = 0; i < count; i++)
        data[i] = maker_uniform(m, low, high);
    eg_type type = eg_type_table(EG_F32, rows, width);
    eg_host_view view = {.size = sizeof view,
                         .dtype = EG_F32,
                         .data = data,
                         .dims = {rows, width},
                         .strides = {width ? width : 1, width ? 1 : 0}};
    snprintf(name, sizeof name, "weight.%u", m->constants++);
    return eg_graph_add_const(m->graph, name, &type, &view, 1, out, m->err);
}

/* --- one step of each sort ----------------------------------------------------------------------- */

/* Brings the numbers back to where nothing overflows. */
eg_status
maker_norm(maker *m, eg_value_id x, eg_value_id *out)
{
    eg_value_id in[3] = {x};
    eg_attr eps = maker_float("eps", 1e-5);
    EG_TRY(maker_constant(m, maker_width_of(m, x), 0, 0.5f, 1.5f, &in[1]));
    EG_TRY(maker_constant(m, maker_width_of(m, x), 0, -0.5f, 0.5f, &in[2]));
    uint32_t sort = maker_below(m, 3);
    return maker_add(m, sort ? "layer_norm" : "rms_norm", in, sort == 2 ? 3 : 2, &eps, 1, out);
}

static eg_status
make_norm(maker *m)
{
    eg_value_id out;
    return maker_norm(m, pick_rows(m), &out);
}

/* The weight as it is, transposed, cut, or joined of two: what folding shall see through. */
eg_status
maker_weight(maker *m, int64_t rows, int64_t width, eg_value_id *out)
{
    const float reach = 1.0f / (float)width;
    eg_value_id a, b;
    eg_attr begin = maker_int("begin", 1), end = maker_int("end", rows + 1), axis = maker_int("axis", 0);
    switch (maker_below(m, 5)) {
    case 0:
        EG_TRY(maker_constant(m, width, rows, -reach, reach, &a));
        return maker_add_one(m, "transpose", a, out);
    case 1:
        EG_TRY(maker_constant(m, rows + 2, width, -reach, reach, &a));
        return maker_add(m, "slice", &a, 1, (eg_attr[]){begin, end, axis}, 3, out);
    case 2:
        if (rows < 2)
            return maker_constant(m, rows, width, -reach, reach, out);
        EG_TRY(maker_constant(m, rows / 2, width, -reach, reach, &a));
        EG_TRY(maker_constant(m, rows - rows / 2, width, -reach, reach, &b));
        return maker_add(m, "concat", (eg_value_id[]){a, b}, 2, &axis, 1, out);
    default:
        return maker_constant(m, rows, width, -reach, reach, out);
    }
}

static eg_status
make_linear(maker *m)
{
    eg_value_id x = pick_rows(m), w, y, bias, out;
    int64_t width = random_width(m);
    EG_TRY(maker_weight(m, width, maker_width_of(m, x), &w));
    EG_TRY(maker_add_two(m, "matmul", x, w, &y));
    EG_TRY(maker_constant(m, width, 0, -0.5f, 0.5f, &bias));
    return maker_coin(m) ? maker_add_two(m, "bias_add", y, bias, &out) : EG_OK;
}

static eg_status
make_gather(maker *m)
{
    eg_value_id table, index = maker_coin(m) ? m->ids : m->types, out;
    eg_attr skip = maker_int("skip", 1);
    EG_TRY(maker_constant(m, RANDOM_GRAPH_VOCAB + 1, random_width(m), -1, 1, &table));
    if (maker_below(m, 3) == 0)
        EG_TRY(maker_add(m, "positions", &m->ids, 1, &skip, maker_coin(m), &index));
    return maker_add_two(m, "gather", table, index, &out);
}

/* Something that goes with x: itself, a vector, a text of its width, a column. */
static eg_status
partner(maker *m, eg_value_id x, eg_value_id *out)
{
    const pool *pools[] = {&m->tokens, &m->texts};
    for (int tries = 0; tries < 8; tries++) {
        const pool *from = pools[type_of(m, x)->kind == EG_TEXT ? 1 : maker_below(m, 2)];
        eg_value_id other = from->count ? maker_pick(m, from) : x;
        if (maker_width_of(m, other) == maker_width_of(m, x)) {
            *out = other;
            return EG_OK;
        }
    }
    return maker_constant(m, maker_coin(m) ? maker_width_of(m, x) : 1, 0, 0.5f, 1.5f, out);
}

static eg_status
make_arithmetic(maker *m)
{
    static const char *const ops[] = {"add", "sub", "mul"};
    eg_value_id x = pick_rows(m), other, y, out;
    if (maker_below(m, 6) == 0) {
        EG_TRY(maker_constant(m, maker_width_of(m, x), 0, 0.5f, 2.0f, &other));
        return maker_add_two(m, "div", x, other, &out);
    }
    EG_TRY(partner(m, x, &other));
    bool swap = maker_coin(m);
    EG_TRY(maker_add_two(m, ops[maker_below(m, 3)], swap ? other : x, swap ? x : other, &y));
    return maker_norm(m, y, &out);
}

/* Tokens of one id, or all others. The condition stays out of the pools: it must be exact. */
static eg_status
make_choice(maker *m)
{
    eg_value_id x = pick_rows(m), other, is, out;
    eg_attr to = maker_int("to", maker_below(m, RANDOM_GRAPH_VOCAB));
    EG_TRY(eg_graph_add_node(m->graph, eg_op_find("equal"), NULL, "", &m->ids, 1, &to, 1, &is, m->err));
    EG_TRY(partner(m, x, &other));
    return maker_add(m, "where", (eg_value_id[]){is, x, other}, 3, NULL, 0, &out);
}

static eg_status
make_activation(maker *m)
{
    static const char *const ops[] = {"relu", "silu", "mish", "tanh", "sigmoid", "gelu", "relu2", "log1p", "softmax"};
    static const char *const forms[] = {"erf", "tanh", "quick"};
    const char *op = ops[maker_below(m, sizeof ops / sizeof *ops)];
    eg_value_id x = pick_rows(m), y, out;
    eg_attr form = {.name = "form", .type = EG_ATTR_STRING, .string = forms[maker_below(m, 3)]};
    if (strcmp(op, "gelu") == 0)
        return maker_add(m, op, &x, 1, &form, 1, &out);
    if (strcmp(op, "log1p") == 0) { /* not of what may be below -1 */
        EG_TRY(maker_add_one(m, "relu", x, &y));
        return maker_add_one(m, op, y, &out);
    }
    EG_TRY(maker_add_one(m, op, x, &y));
    return strcmp(op, "relu2") == 0 ? maker_norm(m, y, &out) : EG_OK;
}

static eg_status
make_scale(maker *m)
{
    eg_value_id x = pick_rows(m), out;
    eg_attr attrs[] = {maker_float("factor", maker_coin(m) ? 1.0 : maker_uniform(m, -1, 1)),
                       maker_float("offset", maker_uniform(m, -1, 1))};
    return maker_add(m, "scale", &x, 1, attrs, maker_coin(m) ? 2 : 1, &out);
}

static eg_status
make_grouped(maker *m)
{
    eg_value_id x = pick_rows(m), w, out;
    int64_t width = maker_width_of(m, x), groups = width % 2 == 0 ? 2 : 1, columns = groups * (1 + maker_below(m, 9));
    eg_attr attr = maker_int("groups", groups);
    EG_TRY(maker_weight(m, columns, width / groups, &w));
    return maker_add(m, "grouped_matmul", (eg_value_id[]){x, w}, 2, &attr, 1, &out);
}

static eg_status
make_neighbours(maker *m)
{
    eg_value_id x = maker_pick(m, &m->tokens), out;
    eg_attr by = maker_int("by", (int64_t)maker_below(m, 7) - 3), kernel = maker_int("kernel", 1 + maker_below(m, 3));
    if (maker_coin(m) || maker_width_of(m, x) > 24)
        return maker_add(m, "shift", &x, 1, &by, 1, &out);
    return maker_add(m, "unfold", &x, 1, &kernel, 1, &out);
}

static eg_status
make_normalize(maker *m)
{
    eg_value_id x = pick_rows(m), out;
    eg_attr eps = maker_float("eps", 1e-6);
    return maker_add(m, "normalize", &x, 1, &eps, maker_coin(m), &out);
}

static eg_status
make_attention(maker *m)
{
    eg_value_id x = maker_pick(m, &m->tokens), other = maker_pick(m, &m->tokens), w, k, v, s, p, out;
    int64_t width = maker_width_of(m, x), heads = width % 4 == 0 && maker_coin(m) ? 4 : width % 2 == 0 ? 2 : 1;
    int64_t key_heads = maker_coin(m) ? heads : 1, key_width = width / heads * key_heads;
    eg_attr attrs[5] = {maker_int("heads", heads), maker_int("key_heads", key_heads),
                        maker_float("scale", maker_uniform(m, 0.1f, 1)), maker_int("causal", maker_below(m, 2)),
                        maker_int("window", maker_below(m, 3))};
    EG_TRY(maker_weight(m, key_width, maker_width_of(m, other), &w));
    EG_TRY(maker_add_two(m, "matmul", other, w, &k));
    EG_TRY(maker_weight(m, key_width, maker_width_of(m, other), &w));
    EG_TRY(maker_add_two(m, "matmul", other, w, &v));
    EG_TRY(maker_add(m, "scores", (eg_value_id[]){x, k}, 2, attrs, 5, &s));
    EG_TRY(maker_add_one(m, "softmax", s, &p));
    return maker_add(m, "apply", (eg_value_id[]){p, v}, 2, attrs, 2, &out);
}

/* Pairs of what tables hold for distances. */
static eg_status
make_relative(maker *m)
{
    eg_value_id x = maker_pick(m, &m->tokens), out;
    return maker_relative(m, x, maker_width_of(m, x) % 2 == 0 ? 2 : 1, &out);
}

static eg_status
make_pair_sum(maker *m)
{
    eg_value_id a, out;
    if (m->pairs.count == 0)
        return make_attention(m);
    a = maker_pick(m, &m->pairs);
    for (int tries = 0; tries < 8; tries++) {
        eg_value_id b = maker_pick(m, &m->pairs);
        const eg_type *x = type_of(m, a), *y = type_of(m, b);
        if (x->dims[1].window == y->dims[1].window && (x->dims[0].k == y->dims[0].k || y->dims[0].k == 1))
            return maker_add_two(m, "mul", a, b, &out);
    }
    return EG_OK;
}

static eg_status
make_pooling(maker *m)
{
    static const char *const ops[] = {"first_token", "last_token",    "mean",         "max",
                                      "sum",         "mean_sqrt_len", "weighted_mean"};
    eg_value_id x = maker_pick(m, &m->tokens), y, out;
    eg_attr attrs[2] = {maker_int("index", (int64_t)maker_below(m, 2 * RANDOM_GRAPH_MIN_ROWS) - RANDOM_GRAPH_MIN_ROWS),
                        maker_int("skip_prompt", maker_below(m, 2))};
    eg_attr range[2] = {maker_int("begin", -1 - (int64_t)maker_below(m, 3)), maker_int("end", 1 + maker_below(m, 5))};
    if (maker_below(m, 8) == 0)
        return maker_add(m, "token", &x, 1, attrs, 1, &out);
    const char *op = ops[maker_below(m, sizeof ops / sizeof *ops)];
    if (maker_below(m, 3) == 0 && !strstr(op, "_token")) /* from the end, or up to a row: every text has some */
        EG_TRY(maker_add(m, op, &x, 1, &range[maker_below(m, 2)], 1, &y));
    else
        EG_TRY(maker_add(m, op, &x, 1, &attrs[1], 1, &y));
    return strcmp(op, "sum") == 0 ? maker_norm(m, y, &out) : EG_OK;
}

static eg_status
make_moves(maker *m)
{
    eg_value_id x = pick_rows(m), parts[2], narrow, column, out;
    int64_t width = maker_width_of(m, x);
    if (width < 2)
        return make_norm(m);
    int64_t middle = 1 + maker_below(m, (uint32_t)width - 1);
    eg_attr begin = maker_int("begin", middle), end = maker_int("end", width), to_middle = maker_int("end", middle);
    eg_attr one = maker_int("end", 1), cast = {.name = "to", .type = EG_ATTR_STRING, .string = "f32"};
    switch (maker_below(m, 3)) {
    case 0:
        EG_TRY(eg_graph_add_node(m->graph, eg_op_find("slice"), NULL, "", &x, 1, &to_middle, 1, &parts[1], m->err));
        EG_TRY(eg_graph_add_node(m->graph, eg_op_find("slice"), NULL, "", &x, 1, (eg_attr[]){begin, end}, 2, &parts[0],
                                 m->err));
        return maker_add(m, "concat", parts, 2, NULL, 0, &out);
    case 1:
        EG_TRY(eg_graph_add_node(m->graph, eg_op_find("slice"), NULL, "", &x, 1, &one, 1, &narrow, m->err));
        EG_TRY(eg_graph_add_node(m->graph, eg_op_find("squeeze"), NULL, "", &narrow, 1, NULL, 0, &column, m->err));
        return maker_add_two(m, "add", x, column, &out);
    default:
        return maker_add(m, "cast", &x, 1, &cast, 1, &out);
    }
}

/* --- all ----------------------------------------------------------------------------------------- */

static eg_status
grow(maker *m, uint32_t nodes)
{
    static eg_status (*const steps[])(maker *) = {
        make_linear,     make_linear,   make_linear,      make_norm,       make_gather,    make_arithmetic,
        make_arithmetic, make_scale,    make_activation,  make_activation, make_normalize, make_attention,
        make_grouped,    make_choice,   make_neighbours,  make_neighbours, make_relative,  make_pair_sum,
        make_pooling,    make_moves,    maker_embeddings, maker_layer,     maker_layer,    maker_gated,
        maker_pooled,    maker_encoder,
    };
    const eg_type ids = eg_type_token(EG_I32, 0, 0);
    EG_TRY(eg_graph_add_input(m->graph, "token_ids", &ids, &m->ids, m->err));
    EG_TRY(eg_graph_add_input(m->graph, "type_ids", &ids, &m->types, m->err));
    EG_TRY(make_gather(m));
    while (m->graph->order.count < nodes)
        EG_TRY(steps[maker_below(m, sizeof steps / sizeof *steps)](m));
    return EG_OK;
}

static bool
can_be_output(const maker *m, eg_value_id id)
{
    const eg_type *type = type_of(m, id);
    return eg_graph_value(m->graph, id)->producer && type->dtype == EG_F32 && type->kind != EG_TABLE;
}

static eg_status
mark_outputs(maker *m)
{
    eg_graph *graph = m->graph;
    uint32_t *uses = eg_calloc(graph->values.count, sizeof *uses);
    if (!uses)
        return eg_fail_nomem(m->err, "a random graph");
    eg_graph_count_uses(graph, uses);
    eg_status status = EG_OK;
    for (eg_value_id id = 1; status == EG_OK && id < graph->values.count; id++) {
        bool is_end = uses[id] == 0 && eg_graph_value(graph, id)->producer;
        if (is_end || (can_be_output(m, id) && maker_below(m, 40) == 0))
            status = eg_graph_add_output(graph, id, m->err);
    }
    eg_free(uses);
    return status;
}

eg_status
random_graph(uint64_t seed, uint32_t nodes, eg_graph *out, eg_error *err)
{
    maker *m = eg_calloc(1, sizeof *m);
    if (!m)
        return eg_fail_nomem(err, "a random graph");
    *m = (maker){.graph = out, .state = seed, .err = err};
    eg_status status = eg_graph_init(out, "random", err);
    if (status == EG_OK) {
        status = grow(m, nodes);
        if (status == EG_OK)
            status = mark_outputs(m);
        if (status != EG_OK)
            eg_graph_finish(out);
    }
    eg_free(m);
    return status;
}
