/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/deliver.h"

#include <math.h>
#include <string.h>

/* --- shapes -------------------------------------------------------------------------------------- */

static bool
pair_offsets(eg_result *result, eg_result_output *output, const eg_token_list *list, uint64_t *out_elements)
{
    output->offsets = eg_arena_calloc(&result->arena, (size_t)list->count + 1, sizeof *output->offsets);
    if (!output->offsets)
        return false;
    uint64_t at = 0, per_pair;
    if (__builtin_mul_overflow((uint64_t)output->dims[0], output->layers, &per_pair))
        return false;
    for (uint32_t i = 0; i < list->count; i++) {
        int64_t n = list->cu[i + 1] - list->cu[i];
        uint64_t elements;
        if (__builtin_mul_overflow((uint64_t)(n * n), per_pair, &elements) || __builtin_add_overflow(at, elements, &at))
            return false;
        output->offsets[i + 1] = at;
    }
    *out_elements = at;
    return true;
}

static bool
row_elements(const eg_result_output *output, const eg_token_list *list, uint64_t *out_elements)
{
    uint64_t rows = output->kind == EG_TOKEN ? (uint64_t)list->cu[list->count] : list->count;
    return !__builtin_mul_overflow(rows, (uint64_t)output->row_elements, out_elements) &&
           !__builtin_mul_overflow(*out_elements, output->layers, out_elements);
}

static eg_status
shape_output(eg_result *result, const eg_plan *plan, const eg_plan_output *from, const eg_token_list *list,
             eg_result_output *output, eg_error *err)
{
    const eg_type *type = &eg_graph_value(&plan->built.graph, eg_plan_output_value(plan, from, 0))->type;
    *output = (eg_result_output){
        .name = eg_arena_strdup(&result->arena, from->name),
        .dtype = type->dtype == EG_I32 ? EG_I64 : EG_F32,
        .kind = type->kind,
        .stacked = from->stacked,
        .layers = from->count,
        .rank = type->rank,
    };
    if (!output->name)
        return eg_fail_nomem(err, "a result");
    if (type->rank + (from->stacked ? 1u : 0u) > EG_TENSOR_RANK)
        return eg_fail(err, EG_E_USAGE, "%s has more than %d axes", from->name, EG_TENSOR_RANK);
    uint64_t elements, bytes;
    bool sane;
    if (type->kind == EG_PAIR) {
        output->dims[0] = type->dims[0].k;
        sane = pair_offsets(result, output, list, &elements);
    } else {
        output->dims[0] = type->kind == EG_TOKEN ? list->cu[list->count] : list->count;
        for (uint32_t i = 1; i < type->rank; i++)
            output->dims[i] = type->dims[i].k;
        sane = eg_type_width(type, &output->row_elements) && row_elements(output, list, &elements);
    }
    size_t size = output->dtype == EG_I64 ? sizeof(int64_t) : sizeof(float);
    if (!sane || __builtin_mul_overflow(elements, size, &bytes))
        return eg_fail_nomem(err, "a result");
    output->data = eg_alloc(bytes);
    return output->data ? EG_OK : eg_fail_nomem(err, "a result");
}

eg_status
eg_result_prepare(eg_result *result, const eg_plan *plan, const eg_token_list *list, eg_error *err)
{
    result->outputs = eg_arena_calloc(&result->arena, plan->output_count, sizeof *result->outputs);
    if (!result->outputs)
        return eg_fail_nomem(err, "a result");
    for (uint32_t i = 0; i < plan->output_count; i++) {
        result->output_count = i + 1;
        EG_TRY(shape_output(result, plan, &plan->outputs[i], list, &result->outputs[i], err));
    }
    return EG_OK;
}

/* --- elements ------------------------------------------------------------------------------------ */

/* Copies n elements to element `at` of the output; false if one is not finite. */
static bool
copy_elements(eg_result_output *output, uint64_t at, const void *from, uint64_t from_at, uint64_t n)
{
    if (output->dtype == EG_I64) {
        const int32_t *source = (const int32_t *)from + from_at;
        int64_t *to = (int64_t *)output->data + at;
        for (uint64_t i = 0; i < n; i++)
            to[i] = source[i];
        return true;
    }
    const float *source = (const float *)from + from_at;
    float *to = (float *)output->data + at;
    memcpy(to, source, n * sizeof *to);
    /* x · 0 is NaN for NaN and infinity and 0 for all else; a sum has no branch. */
    float sum = 0;
    for (uint64_t i = 0; i < n; i++)
        sum += to[i] * 0.0f;
    if (sum == 0)
        return true;
    if (output->kind != EG_PAIR)
        return false;
    /* Scores of keys that a query must not see are -infinity by definition. */
    for (uint64_t i = 0; i < n; i++)
        if (isnan(to[i]) || to[i] == INFINITY)
            return false;
    return true;
}

static bool
deliver_rows(eg_result_output *output, const eg_batch *batch, const eg_token_list *list, const eg_part *part,
             uint32_t layer, const void *from, uint32_t *out_bad)
{
    uint64_t width = (uint64_t)output->row_elements;
    uint64_t rows = output->kind == EG_TOKEN ? (uint64_t)list->cu[list->count] : list->count;
    uint64_t begin = (uint64_t)layer * rows * width;
    for (uint32_t t = 0; t < part->count; t++) {
        const eg_row *row = &batch->set.table[t];
        bool token = output->kind == EG_TOKEN;
        uint64_t to_row = token ? (uint64_t)list->cu[part->first + t] : part->first + t;
        uint64_t from_row = token ? row->start : t;
        uint64_t n = token ? row->valid : 1;
        if (!copy_elements(output, begin + to_row * width, from, from_row * width, n * width)) {
            *out_bad = part->first + t;
            return false;
        }
    }
    return true;
}

/* The pairs of one value as they lie in a batch. */
typedef struct pair_source {
    const float *data;
    int64_t window;
    float unseen; /* stands for the keys that the window leaves out */
} pair_source;

static pair_source
pairs_of(const eg_plan *plan, const eg_plan_output *from, uint32_t layer, const void *data)
{
    const eg_value *value = eg_graph_value(&plan->built.graph, eg_plan_output_value(plan, from, layer));
    bool probabilities =
        value->producer && strcmp(eg_graph_node(&plan->built.graph, value->producer)->op->name, "softmax") == 0;
    return (pair_source){data, value->type.dims[1].window, probabilities ? 0.0f : -INFINITY};
}

/* Query q's row of a head, whose columns are `columns` keys from the window's first one on, becomes one of all keys. */
static bool
deliver_query(eg_result_output *output, uint64_t to, const pair_source *pairs, uint64_t from, int64_t q,
              const eg_row *row, int64_t columns)
{
    int64_t keys = row->valid, first = 0, last_first = row->rows - columns;
    if (last_first > 0)
        first = q < pairs->window ? 0 : q - pairs->window > last_first ? last_first : q - pairs->window;
    int64_t end = first + columns < keys ? first + columns : keys;
    float *all = (float *)output->data + to;
    for (int64_t k = 0; k < keys; k++)
        all[k] = pairs->unseen;
    return first >= end || copy_elements(output, to + (uint64_t)first, pairs->data, from, (uint64_t)(end - first));
}

/* A text's block is [heads, rows, columns] in the batch and [layers, heads, valid, valid] in the result. */
static bool
deliver_pairs(eg_result_output *output, const eg_batch *batch, const eg_part *part, uint32_t layer,
              const pair_source *pairs, uint32_t *out_bad)
{
    uint64_t heads = (uint64_t)output->dims[0], block = 0;
    for (uint32_t t = 0; t < part->count; t++) {
        const eg_row *row = &batch->set.table[t];
        int64_t span = 2 * pairs->window + 1;
        uint64_t columns = (uint64_t)(pairs->window && span < row->rows ? span : row->rows), wanted = row->valid;
        uint64_t to = output->offsets[part->first + t] + layer * heads * wanted * wanted;
        bool finite = true;
        for (uint64_t h = 0; h < heads; h++)
            for (uint64_t q = 0; q < wanted; q++)
                finite &= deliver_query(output, to + (h * wanted + q) * wanted, pairs,
                                        block + (h * row->rows + q) * columns, (int64_t)q, row, (int64_t)columns);
        if (!finite) {
            *out_bad = part->first + t;
            return false;
        }
        block += heads * row->rows * columns;
    }
    return true;
}

eg_status
eg_deliver(eg_context *context, const eg_executable *executable, const eg_batch *batch, const eg_token_list *list,
           const eg_part *part, eg_result *result, eg_error *err)
{
    const eg_plan *plan = &executable->plan;
    for (uint32_t i = 0; i < plan->output_count; i++) {
        const eg_plan_output *from = &plan->outputs[i];
        eg_result_output *output = &result->outputs[i];
        for (uint32_t layer = 0; layer < from->count; layer++) {
            const void *data;
            uint32_t bad = 0;
            EG_TRY(eg_run_read(context, executable, batch, eg_plan_output_value(plan, from, layer), &data, err));
            pair_source pairs = {0};
            if (output->kind == EG_PAIR)
                pairs = pairs_of(plan, from, layer, data);
            bool finite = output->kind == EG_PAIR ? deliver_pairs(output, batch, part, layer, &pairs, &bad)
                                                  : deliver_rows(output, batch, list, part, layer, data, &bad);
            if (!finite && !result->non_finite_too)
                return eg_fail(err, EG_E_NONFINITE, "%s of text %u is not finite", from->name,
                               eg_token_list_text(list, bad) + 1);
        }
    }
    return EG_OK;
}
