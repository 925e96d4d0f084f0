/* SPDX-License-Identifier: Apache-2.0 */
/* relative_bias, relative_scores: pair values from tables by the distance of query and key. */
#include "frontend/family/steps/steps.h"

/* The argument, or else what `heads` is here: a `let`, an argument of the `use` around, a key of the config. */
static eg_status
read_heads(eg_expand *x, const eg_call *call, int64_t *out, eg_error *err)
{
    eg_expr_env env = eg_expand_env(x);
    eg_datum around = {.type = EG_DATUM_NONE};
    bool found = false;
    if (!eg_call_arg(call, "heads"))
        EG_TRY(env.look_up(env.user, "heads", false, &around, &found, err));
    if (!found || around.type != EG_DATUM_INT)
        return eg_call_size(x, call, "heads", out, err);
    *out = around.integer;
    return EG_OK;
}

eg_status
eg_run_relative_bias(eg_expand *x, const eg_call *call, eg_chain *chain, eg_error *err)
{
    int64_t dims[2], max_distance;
    eg_value_id inputs[2], out;
    EG_TRY(eg_chain_one(chain, call->step, "relative_bias", &inputs[1], err));
    EG_TRY(eg_call_size(x, call, "buckets", &dims[0], err));
    EG_TRY(eg_call_size(x, call, "max_distance", &max_distance, err));
    EG_TRY(read_heads(x, call, &dims[1], err));
    EG_TRY(eg_load_table(x, call, dims, 2, &inputs[0], err));
    eg_attr attr = eg_attr_int("max_distance", max_distance);
    EG_TRY(eg_emit(x, call->step, "relative_bias", inputs, 2, &attr, 1, &out, err));
    eg_chain_set(chain, out);
    return EG_OK;
}

/* The table: a value of the family, made by steps. */
static eg_status
read_table(eg_expand *x, const eg_call *call, const eg_chain *chain, eg_value_id *out, eg_error *err)
{
    const eg_yaml *table;
    EG_TRY(eg_call_require(x, call, "table", &table, err));
    EG_TRY(eg_expand_value(x, table, chain, out, err));
    return *out ? EG_OK : eg_call_fail(call, "table", err, "the table is absent here");
}

/* Without buckets a largest distance says nothing: a config may have one of the two. */
static eg_status
read_buckets(eg_expand *x, const eg_call *call, eg_attr *attrs, uint32_t *count, eg_error *err)
{
    int64_t buckets, max_distance;
    EG_TRY(eg_call_int(x, call, "buckets", 1, 0, &buckets, err));
    if (buckets == 0)
        return EG_OK;
    EG_TRY(eg_call_size(x, call, "max_distance", &max_distance, err));
    attrs[(*count)++] = eg_attr_int("buckets", buckets);
    attrs[(*count)++] = eg_attr_int("max_distance", max_distance);
    return EG_OK;
}

eg_status
eg_run_relative_scores(eg_expand *x, const eg_call *call, eg_chain *chain, eg_error *err)
{
    static const char *const sides[] = {"query", "key"};
    enum { KEY = 1, MOST_ATTRS = 6 };
    int64_t heads, offset;
    double scale;
    uint32_t rows, count = 3;
    eg_value_id inputs[2], out;
    const eg_yaml *given;
    EG_TRY(eg_chain_one(chain, call->step, "relative_scores", &inputs[0], err));
    EG_TRY(eg_call_require(x, call, "rows", &given, err));
    EG_TRY(eg_call_choice(x, call, "rows", sides, 2, 0, &rows, err));
    EG_TRY(read_table(x, call, chain, &inputs[1], err));
    EG_TRY(read_heads(x, call, &heads, err));
    EG_TRY(eg_call_int(x, call, "offset", -INT32_MAX, 0, &offset, err));
    EG_TRY(eg_call_float(x, call, "scale", 1, &scale, err));
    eg_attr attrs[MOST_ATTRS] = {eg_attr_int("heads", heads), eg_attr_float("scale", scale),
                                 eg_attr_int("offset", offset)};
    if (rows == KEY)
        attrs[count++] = eg_attr_string("rows", sides[KEY]);
    EG_TRY(read_buckets(x, call, attrs, &count, err));
    EG_TRY(eg_emit(x, call->step, "relative_scores", inputs, 2, attrs, count, &out, err));
    eg_chain_set(chain, out);
    return EG_OK;
}
