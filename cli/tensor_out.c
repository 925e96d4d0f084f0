/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/tensor_out.h"

#include <string.h>

#include "cli/say.h"

/* One text's part of an output: a box of equal rows in memory, `stride` elements from one of axis 0 to the next. */
typedef struct part {
    eg_dtype dtype;
    uint32_t rank;
    int64_t dims[EG_TENSOR_RANK];
    int64_t stride; /* of axis 0; the other axes are contiguous */
    const char *data;
    const char *name;
} part;

static size_t
width_of(eg_dtype dtype)
{
    return dtype == EG_I64 ? sizeof(int64_t) : sizeof(float);
}

static int64_t
product(const int64_t *dims, uint32_t from, uint32_t to)
{
    int64_t n = 1;
    for (uint32_t i = from; i < to; i++)
        n *= dims[i];
    return n;
}

/* A stack of token values is [layers, T, d]; a single one [T, d] or [T]. */
static part
token_part(const eg_result *result, const eg_tensor_view *view, uint32_t text)
{
    const int64_t *cu = eg_result_cu_seqlens(result);
    int64_t tokens = cu[eg_result_texts(result)];
    uint32_t axis = view->rank >= 3 && view->dims[1] == tokens ? 1 : 0;
    int64_t row = product(view->dims, axis + 1, view->rank);
    part p = {.dtype = view->dtype, .rank = view->rank, .name = view->name};
    memcpy(p.dims, view->dims, sizeof p.dims);
    p.dims[axis] = cu[text + 1] - cu[text];
    p.stride = axis ? tokens * row : row;
    p.data = (const char *)view->data + (size_t)(cu[text] * row) * width_of(view->dtype);
    return p;
}

/* [N, d] or [N]: the text's row loses the first axis. */
static part
text_part(const eg_tensor_view *view, uint32_t text)
{
    int64_t row = product(view->dims, 1, view->rank);
    part p = {.dtype = view->dtype, .rank = view->rank - 1, .name = view->name};
    memcpy(p.dims, view->dims + 1, (EG_TENSOR_RANK - 1) * sizeof *p.dims);
    p.stride = product(p.dims, 1, p.rank);
    p.data = (const char *)view->data + (size_t)(text * row) * width_of(view->dtype);
    return p;
}

static part
whole_part(const eg_tensor_view *view)
{
    part p = {.dtype = view->dtype, .rank = view->rank, .name = view->name, .data = view->data};
    memcpy(p.dims, view->dims, sizeof p.dims);
    p.stride = product(p.dims, 1, p.rank);
    return p;
}

/* The indices and texts are the result's own, so the calls cannot fail; a part of rank 0 without data if they do. */
static part
part_of(const eg_result *result, uint32_t output, uint32_t text)
{
    eg_tensor_view view = {.size = sizeof view};
    if (eg_result_tensor(result, output, &view) != EG_OK)
        return (part){.name = ""};
    if (view.kind == EG_PAIR)
        return eg_result_pair(result, output, text, &view) == EG_OK ? whole_part(&view) : (part){.name = ""};
    return view.kind == EG_TOKEN ? token_part(result, &view, text) : text_part(&view, text);
}

/* --- JSON ---------------------------------------------------------------------------------------- */

static void
print_number(eg_out *out, eg_dtype dtype, const char *at)
{
    if (dtype == EG_I64) {
        int64_t value;
        memcpy(&value, at, sizeof value);
        eg_out_int(out, value);
    } else {
        float value;
        memcpy(&value, at, sizeof value);
        eg_out_float(out, value);
    }
}

static void
print_nested(eg_out *out, const part *p, uint32_t axis, const char *at)
{
    if (axis == p->rank) {
        print_number(out, p->dtype, at);
        return;
    }
    int64_t step = axis == 0 ? p->stride : product(p->dims, axis + 1, p->rank);
    eg_out_char(out, '[');
    for (int64_t i = 0; i < p->dims[axis]; i++) {
        if (i)
            eg_out_char(out, ',');
        print_nested(out, p, axis + 1, at + (size_t)(i * step) * width_of(p->dtype));
    }
    eg_out_char(out, ']');
}

void
eg_print_outputs_json(eg_out *out, const eg_result *result, uint32_t text, bool first_key)
{
    for (uint32_t i = 0; i < eg_result_outputs(result); i++) {
        part p = part_of(result, i, text);
        eg_out_key(out, first_key && i == 0, p.name);
        print_nested(out, &p, 0, p.data);
    }
}

/* --- table --------------------------------------------------------------------------------------- */

static double
element(const part *p, int64_t i)
{
    int64_t row = product(p->dims, 1, p->rank);
    int64_t at = p->rank && row ? i / row * p->stride + i % row : i;
    if (p->dtype == EG_I64) {
        int64_t value;
        memcpy(&value, p->data + (size_t)at * sizeof value, sizeof value);
        return (double)value;
    }
    float value;
    memcpy(&value, p->data + (size_t)at * sizeof value, sizeof value);
    return (double)value;
}

static void
print_part(eg_out *out, const part *p)
{
    eg_out_format(out, "  %s [", p->name);
    for (uint32_t i = 0; i < p->rank; i++)
        eg_out_format(out, "%s%lld", i ? ", " : "", (long long)p->dims[i]);
    int64_t count = product(p->dims, 0, p->rank);
    double least = count ? element(p, 0) : 0.0, most = least, sum = 0.0;
    for (int64_t i = 0; i < count; i++) {
        double value = element(p, i);
        least = value < least ? value : least;
        most = value > most ? value : most;
        sum += value;
    }
    eg_out_format(out, "]  min %.6g  max %.6g  mean %.6g\n   ", least, most, count ? sum / (double)count : 0.0);
    for (int64_t i = 0; i < count && i < 6; i++)
        eg_out_format(out, " %.6g", element(p, i));
    eg_out_text(out, count > 6 ? " ...\n" : "\n");
}

void
eg_print_outputs_table(eg_out *out, const eg_result *result, uint32_t text)
{
    for (uint32_t i = 0; i < eg_result_outputs(result); i++) {
        part p = part_of(result, i, text);
        print_part(out, &p);
    }
}

/* --- archive ------------------------------------------------------------------------------------- */

static eg_status
save_pairs(eg_npz_writer *npz, const eg_result *result, uint32_t output, eg_error *err)
{
    for (uint32_t text = 0; text < eg_result_texts(result); text++) {
        part p = part_of(result, output, text);
        char name[480];
        snprintf(name, sizeof name, "%s.%u", p.name, text);
        EG_TRY(eg_npz_add(npz, name, p.dtype, p.rank, p.dims, p.data, err));
    }
    return EG_OK;
}

eg_status
eg_save_outputs(eg_npz_writer *npz, const eg_result *result, eg_error *err)
{
    const int64_t *cu = eg_result_cu_seqlens(result);
    int64_t texts = eg_result_texts(result), tokens = cu[texts];
    EG_TRY(eg_npz_add(npz, "input_ids", EG_I64, 1, &tokens, eg_result_ids(result), err));
    EG_TRY(eg_npz_add(npz, "cu_seqlens", EG_I64, 1, (const int64_t[]){texts + 1}, cu, err));
    EG_TRY(eg_npz_add(npz, "token_type_ids", EG_I64, 1, &tokens, eg_result_type_ids(result), err));
    for (uint32_t i = 0; i < eg_result_outputs(result); i++) {
        eg_tensor_view view = {.size = sizeof view};
        if (eg_result_tensor(result, i, &view) != EG_OK)
            return eg_fault(err, EG_E_INTERNAL, "output %u of the result lacks", i);
        if (view.kind == EG_PAIR)
            EG_TRY(save_pairs(npz, result, i, err));
        else
            EG_TRY(eg_npz_add(npz, view.name, view.dtype, view.rank, view.dims, view.data, err));
    }
    return EG_OK;
}
