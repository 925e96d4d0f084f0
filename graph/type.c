/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "graph/graph.h"
#include "graph/type.h"

static const struct {
    const char *name;
    size_t bytes;
} dtypes[] = {
    [EG_F32] = {"f32", 4}, [EG_F16] = {"f16", 2}, [EG_BF16] = {"bf16", 2},
    [EG_F64] = {"f64", 8}, [EG_I32] = {"i32", 4}, [EG_I64] = {"i64", 8},
    [EG_U8] = {"u8", 1},   [EG_I8] = {"i8", 1},   [EG_BOOL] = {"bool", 1},
};
enum { DTYPE_COUNT = sizeof dtypes / sizeof *dtypes };

static const char *const kinds[] = {[EG_TOKEN] = "token", [EG_TEXT] = "text", [EG_PAIR] = "pair", [EG_TABLE] = "table"};
enum { KIND_COUNT = sizeof kinds / sizeof *kinds };

size_t
eg_dtype_size(eg_dtype dtype)
{
    return dtype < DTYPE_COUNT ? dtypes[dtype].bytes : 0;
}

const char *
eg_dtype_text(eg_dtype dtype)
{
    return eg_dtype_size(dtype) ? dtypes[dtype].name : "?";
}

const char *
eg_kind_text(eg_kind kind)
{
    return kind > 0 && kind < KIND_COUNT ? kinds[kind] : "?";
}

bool
eg_dtype_find(const char *name, size_t length, eg_dtype *out)
{
    for (eg_dtype i = 1; i < DTYPE_COUNT; i++) {
        if (strlen(dtypes[i].name) == length && memcmp(dtypes[i].name, name, length) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

bool
eg_kind_find(const char *name, size_t length, eg_kind *out)
{
    for (eg_kind i = 1; i < KIND_COUNT; i++) {
        if (strlen(kinds[i]) == length && memcmp(kinds[i], name, length) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

bool
eg_dtype_is_float(eg_dtype dtype)
{
    return dtype == EG_F32 || dtype == EG_F16 || dtype == EG_BF16 || dtype == EG_F64;
}

eg_dim
eg_dim_const(int64_t k)
{
    return (eg_dim){.k = k};
}

eg_dim
eg_dim_of(eg_symbol sym, uint32_t set, int64_t k)
{
    return (eg_dim){.k = k, .sym = sym, .set = set};
}

static eg_type
rows_type(eg_dtype dtype, eg_kind kind, uint32_t set, eg_dim rows, int64_t width)
{
    eg_type type = {.dtype = dtype, .kind = kind, .set = set, .rank = width > 0 ? 2 : 1, .dims = {rows}};
    if (width > 0)
        type.dims[1] = eg_dim_const(width);
    return type;
}

eg_type
eg_type_token(eg_dtype dtype, uint32_t set, int64_t width)
{
    return rows_type(dtype, EG_TOKEN, set, eg_dim_of(EG_SYM_T, set, 1), width);
}

eg_type
eg_type_text(eg_dtype dtype, int64_t width)
{
    return rows_type(dtype, EG_TEXT, 0, eg_dim_of(EG_SYM_B, 0, 1), width);
}

eg_type
eg_type_table(eg_dtype dtype, int64_t rows, int64_t width)
{
    return rows_type(dtype, EG_TABLE, 0, eg_dim_const(rows), width);
}

eg_type
eg_type_pair(eg_dtype dtype, uint32_t set, int64_t heads, int64_t window)
{
    eg_type type = {.dtype = dtype, .kind = EG_PAIR, .set = set, .rank = 2};
    type.dims[0] = eg_dim_const(heads);
    type.dims[1] = eg_dim_of(EG_SYM_P, set, 1);
    type.dims[1].window = window > 0 && window <= UINT32_MAX ? (uint32_t)window : 0;
    return type;
}

bool
eg_dim_equal(const eg_dim *a, const eg_dim *b)
{
    return a->k == b->k && a->sym == b->sym && a->set == b->set && a->window == b->window;
}

bool
eg_type_equal(const eg_type *a, const eg_type *b)
{
    if (a->dtype != b->dtype || a->kind != b->kind || a->set != b->set || a->rank != b->rank)
        return false;
    for (uint32_t i = 0; i < a->rank; i++) {
        if (!eg_dim_equal(&a->dims[i], &b->dims[i]))
            return false;
    }
    return true;
}

/* The row axis says T, B, or a number as the kind demands, and no other axis has a symbol. */
const char *
eg_type_fault(const eg_type *type)
{
    if (!eg_dtype_size(type->dtype))
        return "its element type is unknown";
    if (type->rank < 1 || type->rank > EG_MAX_RANK)
        return "its rank is not from 1 to 6";
    uint32_t row_axis = type->kind == EG_PAIR ? 1 : 0;
    eg_symbol row_symbol;
    switch (type->kind) {
    case EG_TOKEN:
        row_symbol = EG_SYM_T;
        break;
    case EG_TEXT:
        row_symbol = EG_SYM_B;
        break;
    case EG_PAIR:
        row_symbol = EG_SYM_P;
        break;
    case EG_TABLE:
        row_symbol = EG_SYM_NONE;
        break;
    default:
        return "its row kind is unknown";
    }
    if (type->kind == EG_PAIR && type->rank != 2)
        return "a pair value is [heads, P]";
    for (uint32_t i = 0; i < type->rank; i++) {
        const eg_dim *dim = &type->dims[i];
        if (dim->k < 1)
            return "a size is below 1";
        if (dim->sym != (i == row_axis ? row_symbol : EG_SYM_NONE))
            return "its axes do not fit its row kind";
        if (dim->window && dim->sym != EG_SYM_P)
            return "only P has a window";
        if (dim->set != (dim->sym == EG_SYM_T || dim->sym == EG_SYM_P ? type->set : 0))
            return "its axes name another row set";
    }
    if ((type->kind == EG_TEXT || type->kind == EG_TABLE) && type->set != 0)
        return "only token and pair values have a row set";
    return NULL;
}

bool
eg_type_width(const eg_type *type, int64_t *out)
{
    int64_t width = 1;
    if (type->kind == EG_PAIR) {
        *out = type->dims[0].k;
        return true;
    }
    for (uint32_t i = 1; i < type->rank; i++) {
        if (!eg_mul_i64(width, type->dims[i].k, &width))
            return false;
    }
    *out = width;
    return true;
}

/* Σ n · min(n, span): from the row table, or bounded by what max n allows. */
static bool
windowed_pairs(const eg_dims *dims, const eg_row_set *set, uint64_t span, uint64_t *out)
{
    if (!set->table) {
        uint64_t reach = span < set->max_n ? span : set->max_n;
        uint64_t most;
        if (__builtin_mul_overflow(set->T, reach, &most))
            most = UINT64_MAX;
        *out = most < set->P ? most : set->P;
        return true;
    }
    uint64_t sum = 0;
    for (uint32_t i = 0; i < dims->B; i++) {
        uint64_t n = set->table[i].rows;
        uint64_t pairs = n * (n < span ? n : span); /* both below 2^32 where it matters: n is, and min ≤ n */
        if (__builtin_add_overflow(sum, pairs, &sum))
            return false;
    }
    *out = sum;
    return true;
}

static bool
dim_value(const eg_dim *dim, const eg_dims *dims, uint64_t *out)
{
    uint64_t n = 1;
    const eg_row_set *set = dim->set < dims->set_count ? &dims->sets[dim->set] : NULL;
    if (dim->k < 0 || (!set && (dim->sym == EG_SYM_T || dim->sym == EG_SYM_P)))
        return false;
    if (dim->sym == EG_SYM_B)
        n = dims->B;
    else if (dim->sym == EG_SYM_T)
        n = set->T;
    else if (dim->sym == EG_SYM_P && dim->window == 0)
        n = set->P;
    else if (dim->sym == EG_SYM_P && !windowed_pairs(dims, set, 2 * (uint64_t)dim->window + 1, &n))
        return false;
    return !__builtin_mul_overflow(n, (uint64_t)dim->k, out);
}

bool
eg_type_elements(const eg_type *type, const eg_dims *dims, uint64_t *out)
{
    uint64_t total = 1;
    for (uint32_t i = 0; i < type->rank; i++) {
        uint64_t n;
        if (!dim_value(&type->dims[i], dims, &n) || __builtin_mul_overflow(total, n, &total))
            return false;
    }
    *out = total;
    return true;
}

bool
eg_type_bytes(const eg_type *type, const eg_dims *dims, uint64_t *out)
{
    uint64_t elements;
    return eg_type_elements(type, dims, &elements) &&
           !__builtin_mul_overflow(elements, (uint64_t)eg_dtype_size(type->dtype), out);
}

static const char *
symbol_text(uint32_t sym)
{
    return sym == EG_SYM_B ? "B" : sym == EG_SYM_T ? "T" : "P";
}

static size_t
format_dim(const eg_dim *dim, char *out, size_t n)
{
    char factor[24] = "", set[20] = "", window[20] = "";
    if (dim->sym == EG_SYM_NONE)
        return (size_t)snprintf(out, n, "%" PRId64, dim->k);
    if (dim->k != 1)
        snprintf(factor, sizeof factor, "%" PRId64 "*", dim->k);
    if (dim->set)
        snprintf(set, sizeof set, "set=%" PRIu32, dim->set);
    if (dim->window)
        snprintf(window, sizeof window, "%sw=%" PRIu32, dim->set ? "," : "", dim->window);
    bool qualified = dim->set || dim->window;
    return (size_t)snprintf(out, n, "%s%s%s%s%s%s", factor, symbol_text(dim->sym), qualified ? "(" : "", set, window,
                            qualified ? ")" : "");
}

void
eg_type_format(const eg_type *type, char *out, size_t n)
{
    char text[EG_TYPE_TEXT_MAX];
    size_t used = (size_t)snprintf(text, sizeof text, "%s %s [", eg_kind_text(type->kind), eg_dtype_text(type->dtype));
    for (uint32_t i = 0; i < type->rank && i < EG_MAX_RANK; i++) {
        if (i)
            used += (size_t)snprintf(text + used, sizeof text - used, ", ");
        used += format_dim(&type->dims[i], text + used, sizeof text - used);
    }
    snprintf(text + used, sizeof text - used, "]");
    snprintf(out, n, "%s", text);
}
