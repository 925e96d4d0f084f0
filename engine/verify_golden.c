/* SPDX-License-Identifier: Apache-2.0 */
/* The arrays of a golden file as values of the model: names, kinds, sizes. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/verify.h"

/* --- tokens -------------------------------------------------------------------------------------- */

/* The ids are those that a reference ran, the model's prompt among them; pooling leaves it out where the model says. */
static eg_status
skip_prompts(eg_verification *v, eg_error *err)
{
    uint32_t skip = v->context->model->preparation.skip;
    if (skip == 0)
        return EG_OK;
    v->list.skip = eg_calloc(v->list.count, sizeof *v->list.skip);
    if (!v->list.skip)
        return eg_fail_nomem(err, "token ids");
    for (uint32_t i = 0; i < v->list.count; i++)
        v->list.skip[i] = skip < v->list.cu[i + 1] - v->list.cu[i] ? skip : 0;
    return EG_OK;
}

static bool
is_too_long(const eg_verification *v, const eg_golden *golden)
{
    for (uint32_t i = 0; golden->cu_seqlens && i < golden->text_count; i++) {
        int64_t n;
        if (!__builtin_sub_overflow(golden->cu_seqlens[i + 1], golden->cu_seqlens[i], &n) &&
            n > v->context->model->info.position_rows)
            return true;
    }
    return false;
}

static eg_status
take_tokens(eg_verification *v, const eg_golden *golden, eg_error *err)
{
    if (!golden->ids || golden->text_count == 0)
        return eg_fail(err, EG_E_INPUT, "there are no token ids to run");
    eg_input input = {.size = sizeof input,
                      .count = golden->text_count,
                      .ids = golden->ids,
                      .cu_seqlens = golden->cu_seqlens,
                      .type_ids = golden->type_ids};
    eg_input taken;
    eg_status status = eg_input_take(v->context->model, &input, 0, &taken, &v->list, err);
    if (status == EG_E_INPUT && is_too_long(v, golden))
        return eg_hint(err, status, "a reference that took it may have another first position");
    return status == EG_OK ? skip_prompts(v, err) : status;
}

/* --- values -------------------------------------------------------------------------------------- */

static eg_status
build(const eg_verification *v, const char *const *names, uint32_t count, eg_model_graph *out, eg_error *err)
{
    eg_build_options options;
    eg_model_build_options(v->context->model, names, count, v->list.type_ids_fed, &options);
    return eg_source_build(v->context->model->source, &options, out, err);
}

static void
describe_value(eg_verify_value *value, const eg_model_graph *built)
{
    const eg_output *output = &built->outputs[0];
    value->known = true;
    value->stacked = output->stacked;
    value->layers = output->value_count;
    value->type = eg_graph_value(&built->graph, output->values[0])->type;
}

/* The value of that name, which the model may not have: then *out_status says why, and err too. */
static eg_status
look_up(eg_verification *v, const char *name, uint32_t *out, eg_status *out_status, eg_error *err)
{
    *out_status = EG_OK;
    for (uint32_t i = 0; i < v->values.count; i++) {
        if (strcmp(v->values.items[i].name, name) == 0) {
            *out = i;
            return EG_OK;
        }
    }
    eg_verify_value value = {.name = eg_arena_strdup(&v->arena, name),
                             .is_output = eg_source_is_output(v->context->model->source, name)};
    eg_model_graph built = {0};
    if (!value.name)
        return eg_fail_nomem(err, "a golden's names");
    *out_status = build(v, &value.name, 1, &built, err);
    if (*out_status == EG_OK)
        describe_value(&value, &built);
    eg_model_graph_finish(&built);
    if (*out_status == EG_E_NOMEM)
        return *out_status;
    *out = (uint32_t)v->values.count;
    return EG_PUSH(&v->values, value) ? EG_OK : eg_fail_nomem(err, "a golden's names");
}

/* NAME.I, text I of the pair value NAME. */
static eg_status
look_up_text(eg_verification *v, const char *name, eg_verify_array *array, bool *out_found, eg_error *err)
{
    const char *dot = strrchr(name, '.');
    size_t digits = dot ? strspn(dot + 1, "0123456789") : 0;
    eg_error unknown;
    eg_status status;
    *out_found = false;
    if (digits == 0 || digits > 9 || dot[1 + digits] != '\0' || dot == name)
        return EG_OK;
    const char *prefix = eg_arena_strndup(&v->arena, name, (size_t)(dot - name));
    if (!prefix)
        return eg_fail_nomem(err, "a golden's names");
    eg_error_init(&unknown);
    if (look_up(v, prefix, &array->value, &status, &unknown) != EG_OK)
        return eg_fail_nomem(err, "a golden's names");
    const eg_verify_value *value = &v->values.items[array->value];
    if (!value->known || value->type.kind != EG_PAIR)
        return EG_OK;
    array->text = strtoll(dot + 1, NULL, 10);
    *out_found = true;
    return EG_OK;
}

/* --- sizes --------------------------------------------------------------------------------------- */

static uint32_t
wanted_dims(const eg_verification *v, const eg_verify_array *array, int64_t dims[EG_TENSOR_RANK + 1])
{
    const eg_verify_value *value = &v->values.items[array->value];
    const eg_type *type = &value->type;
    uint32_t rank = 0;
    if (value->stacked)
        dims[rank++] = value->layers;
    if (type->kind == EG_PAIR) {
        int64_t n = v->list.cu[array->text + 1] - v->list.cu[array->text];
        dims[rank++] = type->dims[0].k;
        dims[rank++] = n;
        dims[rank++] = n;
        return rank;
    }
    dims[rank++] = type->kind == EG_TOKEN ? v->list.cu[v->list.count] : v->list.count;
    for (uint32_t i = 1; i < type->rank && rank <= EG_TENSOR_RANK; i++)
        dims[rank++] = type->dims[i].k;
    return rank;
}

static void
write_dims(const int64_t *dims, uint32_t rank, char *out, size_t n)
{
    size_t used = (size_t)snprintf(out, n, "[");
    for (uint32_t i = 0; i < rank && used < n; i++)
        used += (size_t)snprintf(out + used, n - used, "%s%" PRId64, i ? ", " : "", dims[i]);
    if (used < n)
        snprintf(out + used, n - used, "]");
}

static eg_status
check_array(const eg_verification *v, const eg_verify_array *array, eg_error *err)
{
    const eg_verify_value *value = &v->values.items[array->value];
    const eg_tensor_view *want = &array->want;
    if (value->type.kind == EG_TABLE)
        return eg_fail(err, EG_E_INPUT, "'%s' does not depend on the text: it is a table of weights", want->name);
    if (value->type.kind == EG_PAIR && array->text < 0) {
        eg_status status = eg_fail(err, EG_E_INPUT, "'%s' is one array for each text", want->name);
        return eg_hint(err, status, "%s.0 is that of the first text", want->name);
    }
    if (array->text >= v->list.count)
        return eg_fail(err, EG_E_INPUT, "'%s': there are only %u texts", want->name, v->list.count);
    eg_dtype dtype = value->type.dtype == EG_I32 ? EG_I64 : EG_F32;
    if (want->dtype != dtype)
        return eg_fail(err, EG_E_INPUT, "'%s' holds %s; the model's are %s", want->name,
                       want->dtype == EG_F32 ? "float32" : "integers", dtype == EG_F32 ? "float32" : "integers");
    int64_t dims[EG_TENSOR_RANK + 1];
    uint32_t rank = wanted_dims(v, array, dims);
    bool same = rank == want->rank;
    for (uint32_t i = 0; i < rank && same; i++)
        same = dims[i] == want->dims[i];
    if (same)
        return EG_OK;
    char ours[160], theirs[160];
    write_dims(dims, rank, ours, sizeof ours);
    write_dims(want->dims, want->rank, theirs, sizeof theirs);
    return eg_fail(err, EG_E_INPUT, "'%s' has the shape %s; the model's is %s", want->name, theirs, ours);
}

/* --- arrays -------------------------------------------------------------------------------------- */

/* Arrays that the model has no value for, all in one error. */
typedef struct strangers {
    eg_strbuf names;
    uint32_t count;
    eg_error first; /* why the first one is none, with the nearest name */
} strangers;

enum { STRANGERS_SHOWN = 8 };

static void
note_stranger(strangers *s, const char *name, const eg_error *why)
{
    if (s->count == 0)
        s->first = *why;
    if (s->count < STRANGERS_SHOWN)
        eg_strbuf_printf(&s->names, "%s'%s'", s->count ? ", " : "", name);
    else if (s->count == STRANGERS_SHOWN)
        eg_strbuf_puts(&s->names, ", …");
    s->count++;
}

static eg_status
refuse_strangers(const strangers *s, eg_error *err)
{
    if (s->count == 0)
        return EG_OK;
    if (s->names.failed)
        return eg_fail_nomem(err, "a golden's names");
    eg_status status =
        s->count == 1
            ? eg_fail(err, EG_E_INPUT, "the model has no value for the array %s: %s", s->names.data, s->first.message)
            : eg_fail(err, EG_E_INPUT, "the model has no values for the arrays %s", s->names.data);
    return s->first.hint[0] ? eg_hint(err, status, "%s", s->first.hint) : status;
}

static eg_status
take_array(eg_verification *v, const eg_tensor_view *tensor, strangers *s, eg_error *err)
{
    eg_verify_array array = {.text = -1};
    bool found;
    EG_TRY(eg_take_options(&array.want, sizeof array.want, tensor, "eg_tensor_view", err));
    if (!array.want.name || !array.want.data || array.want.rank == 0 || array.want.rank > EG_TENSOR_RANK)
        return eg_fail(err, EG_E_USAGE, "a golden's array has no name, no data or no shape");
    EG_TRY(look_up_text(v, array.want.name, &array, &found, err));
    if (!found) {
        eg_error why;
        eg_status status;
        eg_error_init(&why);
        if (look_up(v, array.want.name, &array.value, &status, &why) != EG_OK)
            return eg_fail_nomem(err, "a golden's names");
        if (status == EG_E_USAGE) {
            note_stranger(s, array.want.name, &why);
            return EG_OK;
        }
        if (status != EG_OK) { /* the model should have it, and its files are wrong */
            if (err)
                *err = why;
            return status;
        }
    }
    EG_TRY(check_array(v, &array, err));
    v->values.items[array.value].used = true;
    return EG_PUSH(&v->arrays, array) ? EG_OK : eg_fail_nomem(err, "a golden's arrays");
}

/* Values that were looked up on the way and are not compared leave the list. */
static eg_status
drop_unused(eg_verification *v, eg_error *err)
{
    uint32_t *place = eg_arena_calloc(&v->arena, v->values.count + 1, sizeof *place);
    if (!place)
        return eg_fail_nomem(err, "a golden's names");
    uint32_t kept = 0;
    for (uint32_t i = 0; i < v->values.count; i++) {
        place[i] = kept;
        if (v->values.items[i].used)
            v->values.items[kept++] = v->values.items[i];
    }
    v->values.count = kept;
    for (size_t i = 0; i < v->arrays.count; i++)
        v->arrays.items[i].value = place[v->arrays.items[i].value];
    return EG_OK;
}

/* --- the order of the graph ---------------------------------------------------------------------- */

static uint32_t
place_in_order(const eg_graph *graph, eg_value_id value)
{
    for (uint32_t i = 0; i < graph->order.count; i++)
        if (graph->order.items[i] == eg_graph_value(graph, value)->producer)
            return i + 1;
    return 0; /* an input */
}

static eg_status
place_values(eg_verification *v, eg_error *err)
{
    uint32_t count = (uint32_t)v->values.count;
    const char **names = eg_arena_calloc(&v->arena, count, sizeof *names);
    if (!names)
        return eg_fail_nomem(err, "a golden's names");
    for (uint32_t i = 0; i < count; i++)
        names[i] = v->values.items[i].name;
    EG_TRY(build(v, names, count, &v->graph, err));
    for (uint32_t i = 0; i < count; i++) {
        const eg_output *output = &v->graph.outputs[i];
        uint32_t *order = eg_arena_calloc(&v->arena, output->value_count, sizeof *order);
        if (!order)
            return eg_fail_nomem(err, "a golden's names");
        for (uint32_t layer = 0; layer < output->value_count; layer++)
            order[layer] = place_in_order(&v->graph.graph, output->values[layer]);
        v->values.items[i].order = order;
    }
    return EG_OK;
}

eg_status
eg_verify_take(eg_verification *v, const eg_golden *golden, eg_error *err)
{
    EG_TRY(take_tokens(v, golden, err));
    if (golden->tensor_count == 0)
        return eg_fail(err, EG_E_INPUT, "there are no arrays to compare with");
    strangers s = {0};
    eg_status status = EG_OK;
    for (uint32_t i = 0; i < golden->tensor_count && status == EG_OK; i++)
        status = take_array(v, &golden->tensors[i], &s, err);
    if (status == EG_OK)
        status = refuse_strangers(&s, err);
    eg_strbuf_finish(&s.names);
    EG_TRY(status);
    EG_TRY(drop_unused(v, err));
    return place_values(v, err);
}
