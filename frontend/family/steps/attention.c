/* SPDX-License-Identifier: Apache-2.0 */
/* attention: projections, scores, softmax, the weighted sum, the output projection. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "frontend/family/steps/steps.h"

typedef struct attention {
    int64_t heads, key_heads, head_size, window;
    bool causal;
    double scale;
    eg_value_id in, query, key, value;
    eg_value_id turned_query, turned_key, turned_value; /* by position; the same where nothing turns them */
} attention;

/* --- sizes --------------------------------------------------------------------------------------- */

static eg_status
read_sizes(eg_expand *x, const eg_call *call, attention *a, eg_error *err)
{
    int64_t width;
    EG_TRY(eg_call_size(x, call, "heads", &a->heads, err));
    EG_TRY(eg_call_int(x, call, "key_heads", 1, a->heads, &a->key_heads, err));
    EG_TRY(eg_call_int(x, call, "head_size", 1, 0, &a->head_size, err));
    EG_TRY(eg_emit_width(x, call->step, a->in, &width, err));
    if (a->heads % a->key_heads != 0)
        return eg_call_fail(call, "key_heads", err, "%" PRId64 " heads are not divisible by %" PRId64 " key heads",
                            a->heads, a->key_heads);
    if (a->head_size == 0 && width % a->heads != 0)
        return eg_call_fail(call, "heads", err, "a width of %" PRId64 " is not divisible by %" PRId64 " heads", width,
                            a->heads);
    if (a->head_size == 0)
        a->head_size = width / a->heads;
    int64_t total;
    if (!eg_mul_i64(a->heads, a->head_size, &total) || !eg_mul_i64(total, 3, &total))
        return eg_call_fail(call, "head_size", err, "the heads are too big");
    return EG_OK;
}

static eg_status
read_scores(eg_expand *x, const eg_call *call, attention *a, eg_error *err)
{
    EG_TRY(eg_call_float(x, call, "scale", 1 / sqrt((double)a->head_size), &a->scale, err));
    EG_TRY(eg_call_int(x, call, "window", 1, 0, &a->window, err));
    return eg_call_bool(x, call, "causal", false, &a->causal, err);
}

/* --- projections --------------------------------------------------------------------------------- */

/* W, or {name | weight, bias, layout, groups}; what is not said comes from `defaults: {linear: …}`. */
static eg_status
read_projection(eg_expand *x, const eg_yaml *node, int64_t out, eg_linear *linear, eg_error *err)
{
    eg_call call = {
        .word = eg_word_find("linear"), .step = node, .head = node, .defaults = eg_expand_defaults(x, "linear")};
    if (node->type == EG_YAML_MAP)
        call.inner = node;
    EG_TRY(eg_linear_read(x, &call, linear, err));
    linear->out = out;
    return EG_OK;
}

static eg_status
check_choice(const eg_yaml *node, eg_error *err)
{
    if (!eg_yaml_get(node, "then") || !eg_yaml_get(node, "else"))
        return eg_yaml_fail(node, err, "a choice has the keys if, then and else");
    return eg_check_value(eg_yaml_get(node, "if"), err);
}

/* `order` is for a merged projection alone, `groups` for one that is not. */
static eg_status
check_projection(const eg_yaml *node, bool merged, eg_error *err)
{
    const char *const known[] = {"name", "weight", "bias", "layout", merged ? "order" : "groups"};
    if (eg_is_choice(node)) {
        EG_TRY(check_choice(node, err));
        EG_TRY(check_projection(eg_yaml_get(node, "then"), merged, err));
        return check_projection(eg_yaml_get(node, "else"), merged, err);
    }
    return node->type == EG_YAML_MAP ? eg_yaml_check_keys(node, known, 5, err) : EG_OK;
}

/* {theta or frequencies, style, fraction, divide, values}, a choice of them, or none. */
static eg_status
check_turning(const eg_yaml *node, eg_error *err)
{
    static const char *const known[] = {"theta", "style", "fraction", "divide", "values", "frequencies"};
    if (eg_is_choice(node)) {
        EG_TRY(check_choice(node, err));
        EG_TRY(check_turning(eg_yaml_get(node, "then"), err));
        return check_turning(eg_yaml_get(node, "else"), err);
    }
    if (node->type == EG_YAML_NULL || eg_is_none(node))
        return EG_OK;
    if (node->type != EG_YAML_MAP)
        return eg_yaml_fail(node, err, "%s stands where {theta: …} or none is expected", eg_yaml_type_name(node));
    EG_TRY(eg_yaml_check_keys(node, known, sizeof known / sizeof *known, err));
    for (size_t i = 0; i < node->count; i++) {
        if (strcmp(node->items[i]->key, "frequencies") == 0)
            continue; /* a weight's name, or several */
        bool text = strcmp(node->items[i]->key, "style") == 0;
        EG_TRY(text ? eg_check_text(node->items[i], err) : eg_check_value(node->items[i], err));
    }
    return EG_OK;
}

eg_status
eg_check_attention(const eg_call *call, eg_error *err)
{
    const eg_yaml *rotary = eg_call_arg(call, "rotary");
    if (rotary)
        EG_TRY(check_turning(rotary, err));
    static const char *const projections[] = {"query", "key", "value", "qkv", "output"};
    for (size_t i = 0; i < sizeof projections / sizeof *projections; i++) {
        const eg_yaml *node = eg_call_arg(call, projections[i]);
        if (node)
            EG_TRY(check_projection(node, strcmp(projections[i], "qkv") == 0, err));
    }
    return EG_OK;
}

static bool
is_computed(const eg_yaml *node)
{
    return node->type == EG_YAML_STRING && node->text[0] == '=';
}

static eg_status
project(eg_expand *x, const eg_call *call, const char *arg, eg_value_id in, int64_t out_size, eg_value_id *out,
        eg_error *err)
{
    const eg_yaml *node;
    eg_linear linear;
    int64_t width;
    EG_TRY(eg_call_get(x, call, arg, &node, err));
    if (!node)
        return eg_call_fail(call, NULL, err, "attention needs '%s', or 'qkv'", arg);
    if (!is_computed(node)) {
        EG_TRY(read_projection(x, node, out_size, &linear, err));
        return eg_emit_linear(x, node, &linear, in, out, err);
    }
    EG_TRY(eg_expand_lookup(x, node, node->text + 1, out, err));
    EG_TRY(eg_emit_width(x, node, *out, &width, err));
    if (width != out_size)
        return eg_yaml_fail(node, err, "'%s' is %" PRId64 " wide; heads × head size is %" PRId64, node->text + 1, width,
                            out_size);
    return EG_OK;
}

/* How the rows of a merged projection lie: all queries, all keys, all values; or those of each head together. */
static eg_status
read_order(eg_expand *x, const eg_yaml *qkv, const attention *a, bool *per_head, eg_error *err)
{
    const eg_yaml *order = eg_yaml_get(qkv, "order");
    eg_expr_env env = eg_expand_env(x);
    const char *text = NULL;
    if (order)
        EG_TRY(eg_eval_text(order, &env, &text, err));
    *per_head = text && strcmp(text, "per_head") == 0;
    if (text && !*per_head && strcmp(text, "blocks") != 0) {
        eg_status status = eg_yaml_fail(order, err, "order is '%s'", text);
        return eg_hint(err, status, "it is one of blocks, per_head");
    }
    if (*per_head && a->key_heads != a->heads)
        return eg_yaml_fail(order, err, "per_head needs as many key heads as heads");
    return EG_OK;
}

/* Part 0, 1 or 2 of a merged projection's weight or bias. */
static eg_status
part_of_table(eg_expand *x, const eg_yaml *at, const attention *a, bool per_head, eg_value_id table, uint32_t part,
              eg_value_id *out, eg_error *err)
{
    if (per_head)
        return eg_emit_part_per_head(x, at, table, a->heads, 3, part, out, err);
    int64_t query = a->heads * a->head_size, key = a->key_heads * a->head_size;
    int64_t begin = part == 0 ? 0 : query + (part - 1) * key;
    return eg_emit_slice(x, at, table, 0, begin, begin + (part == 0 ? query : key), out, err);
}

static eg_status
project_merged(eg_expand *x, const eg_yaml *qkv, attention *a, eg_error *err)
{
    int64_t rows = a->heads * a->head_size + 2 * a->key_heads * a->head_size, width;
    eg_value_id *const parts[] = {&a->query, &a->key, &a->value};
    eg_linear linear;
    eg_value_id weight, bias;
    bool per_head;
    EG_TRY(read_order(x, qkv, a, &per_head, err));
    EG_TRY(read_projection(x, qkv, rows, &linear, err));
    if (linear.groups > 1)
        return eg_yaml_fail(qkv, err, "a merged projection has no groups");
    EG_TRY(eg_emit_width(x, qkv, a->in, &width, err));
    EG_TRY(eg_emit_linear_tables(x, qkv, &linear, width, &weight, &bias, err));
    for (uint32_t i = 0; i < 3; i++) {
        eg_value_id table;
        EG_TRY(part_of_table(x, qkv, a, per_head, weight, i, &table, err));
        EG_TRY(eg_emit(x, qkv, "matmul", (eg_value_id[]){a->in, table}, 2, NULL, 0, parts[i], err));
        if (!bias)
            continue;
        EG_TRY(part_of_table(x, qkv, a, per_head, bias, i, &table, err));
        EG_TRY(eg_emit(x, qkv, "bias_add", (eg_value_id[]){*parts[i], table}, 2, NULL, 0, parts[i], err));
    }
    return EG_OK;
}

static eg_status
project_all(eg_expand *x, const eg_call *call, attention *a, eg_error *err)
{
    const eg_yaml *qkv;
    EG_TRY(eg_call_get(x, call, "qkv", &qkv, err));
    if (qkv)
        return project_merged(x, qkv, a, err);
    int64_t key_size = a->key_heads * a->head_size;
    EG_TRY(project(x, call, "query", a->in, a->heads * a->head_size, &a->query, err));
    EG_TRY(project(x, call, "key", a->in, key_size, &a->key, err));
    return project(x, call, "value", a->in, key_size, &a->value, err);
}

/* --- positions ----------------------------------------------------------------------------------- */

static eg_status
turn_all(eg_expand *x, const eg_call *call, attention *a, eg_error *err)
{
    const eg_yaml *node;
    eg_rotary rotary;
    bool values;
    a->turned_query = a->query;
    a->turned_key = a->key;
    a->turned_value = a->value;
    EG_TRY(eg_call_get(x, call, "rotary", &node, err));
    if (!node)
        return EG_OK;
    const eg_call turning = {.word = eg_word_find("rotary"), .step = node, .head = node, .inner = node};
    EG_TRY(eg_rotary_read(x, &turning, &rotary, err));
    EG_TRY(eg_call_bool(x, &turning, "values", false, &values, err));
    EG_TRY(eg_rotary_turn(x, &turning, &rotary, a->heads, a->head_size, &a->turned_query, err));
    EG_TRY(eg_rotary_turn(x, &turning, &rotary, a->key_heads, a->head_size, &a->turned_key, err));
    if (values)
        EG_TRY(eg_rotary_turn(x, &turning, &rotary, a->key_heads, a->head_size, &a->turned_value, err));
    return EG_OK;
}

/* What the distance adds to the scores; 0: nothing. */
static eg_status
emit_alibi(eg_expand *x, const eg_call *call, const attention *a, eg_value_id *out, eg_error *err)
{
    bool wanted;
    eg_value_id ids;
    const eg_attr heads = eg_attr_int("heads", a->heads);
    *out = 0;
    EG_TRY(eg_call_bool(x, call, "alibi", false, &wanted, err));
    if (!wanted)
        return EG_OK;
    if (a->window > 0)
        return eg_call_fail(call, "alibi", err, "alibi knows no window");
    EG_TRY(eg_expand_input(x, "token_ids", &ids, err)); /* of all layers the same, so that it is computed once */
    return eg_emit(x, call->step, "alibi", &ids, 1, &heads, 1, out, err);
}

/* --- scores -------------------------------------------------------------------------------------- */

/* All that is added to the scores, as one value: alibi and what `bias` lists. *out = 0: nothing. */
static eg_status
sum_biases(eg_expand *x, const eg_call *call, const attention *a, const eg_chain *chain, eg_value_id *out,
           eg_error *err)
{
    const eg_yaml *bias;
    eg_chain terms = {0};
    EG_TRY(emit_alibi(x, call, a, out, err));
    EG_TRY(eg_call_get(x, call, "bias", &bias, err));
    if (bias)
        EG_TRY(eg_expand_values(x, bias, chain, &terms, err));
    for (uint32_t i = 0; i < terms.count; i++) {
        eg_value_id sum[] = {*out, terms.items[i]};
        *out = terms.items[i];
        if (sum[0])
            EG_TRY(eg_emit(x, call->step, "add", sum, 2, NULL, 0, out, err));
    }
    return EG_OK;
}

static eg_status
emit_scores(eg_expand *x, const eg_call *call, const attention *a, eg_chain *chain, eg_value_id *out, eg_error *err)
{
    eg_attr attrs[5] = {eg_attr_int("heads", a->heads), eg_attr_float("scale", a->scale)};
    uint32_t count = 2;
    if (a->key_heads != a->heads)
        attrs[count++] = eg_attr_int("key_heads", a->key_heads);
    if (a->causal)
        attrs[count++] = eg_attr_int("causal", 1);
    if (a->window > 0)
        attrs[count++] = eg_attr_int("window", a->window);
    EG_TRY(
        eg_emit(x, call->step, "scores", (eg_value_id[]){a->turned_query, a->turned_key}, 2, attrs, count, out, err));
    eg_value_id biases;
    EG_TRY(sum_biases(x, call, a, chain, &biases, err));
    return biases ? eg_emit(x, call->step, "add", (eg_value_id[]){*out, biases}, 2, NULL, 0, out, err) : EG_OK;
}

static eg_status
publish(eg_expand *x, const char *name, uint32_t index, eg_value_id value, eg_error *err)
{
    char text[192];
    int n = snprintf(text, sizeof text, "%s%s.%" PRIu32, x->at.public_prefix, name, index);
    return n > 0 && (size_t)n < sizeof text ? eg_expand_publish(x, text, value, err) : EG_OK;
}

static eg_status
publish_all(eg_expand *x, const attention *a, eg_value_id scores, eg_value_id probabilities, eg_value_id context,
            eg_error *err)
{
    uint32_t index = x->at.attentions++;
    if (x->at.untaken)
        return EG_OK;
    if (!x->at.head && !EG_PUSH(&x->attentions, probabilities))
        return eg_fail_nomem(err, "the attentions");
    EG_TRY(publish(x, "query", index, a->query, err));
    EG_TRY(publish(x, "key", index, a->key, err));
    EG_TRY(publish(x, "value", index, a->value, err));
    EG_TRY(publish(x, "scores", index, scores, err));
    EG_TRY(publish(x, "attentions", index, probabilities, err));
    return publish(x, "context", index, context, err);
}

static eg_status
project_output(eg_expand *x, const eg_call *call, const attention *a, eg_value_id *value, eg_error *err)
{
    const eg_yaml *output;
    eg_linear linear;
    int64_t width, out;
    EG_TRY(eg_call_get(x, call, "output", &output, err));
    if (!output)
        return EG_OK;
    EG_TRY(eg_emit_width(x, call->step, a->in, &width, err));
    EG_TRY(eg_call_int(x, call, "out", 1, width, &out, err));
    EG_TRY(read_projection(x, output, out, &linear, err));
    return eg_emit_linear(x, output, &linear, *value, value, err);
}

eg_status
eg_run_attention(eg_expand *x, const eg_call *call, eg_chain *chain, eg_error *err)
{
    attention a = {0};
    eg_value_id scores, probabilities, context;
    EG_TRY(eg_chain_one(chain, call->step, "attention", &a.in, err));
    EG_TRY(read_sizes(x, call, &a, err));
    EG_TRY(read_scores(x, call, &a, err));
    EG_TRY(project_all(x, call, &a, err));
    EG_TRY(turn_all(x, call, &a, err));
    EG_TRY(emit_scores(x, call, &a, chain, &scores, err));
    EG_TRY(eg_emit(x, call->step, "softmax", &scores, 1, NULL, 0, &probabilities, err));
    eg_attr attrs[2] = {eg_attr_int("heads", a.heads), eg_attr_int("key_heads", a.key_heads)};
    EG_TRY(eg_emit(x, call->step, "apply", (eg_value_id[]){probabilities, a.turned_value}, 2, attrs,
                   a.key_heads != a.heads ? 2 : 1, &context, err));
    EG_TRY(publish_all(x, &a, scores, probabilities, context, err));
    EG_TRY(project_output(x, call, &a, &context, err));
    eg_chain_set(chain, context);
    return EG_OK;
}
