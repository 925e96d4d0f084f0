/* SPDX-License-Identifier: Apache-2.0 */
/* From names in the family to tensors in the file: prefixes, lists, older names, sizes. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "frontend/family/expand.h"

static const struct {
    const char *text;
    eg_tensor_root origin;
} marks[] = {{"base:", EG_FROM_BASE}, {"checkpoint:", EG_FROM_CHECKPOINT}};
enum { LARGEST_SIZE = INT32_MAX };

/* --- finding ------------------------------------------------------------------------------------- */

static const eg_tensor *
find_joined(const eg_weights *weights, const char *prefix, const char *name, size_t length, const char *end)
{
    char full[1024];
    int n = snprintf(full, sizeof full, "%s%.*s%s", prefix, (int)length, name, end);
    return n > 0 && (size_t)n < sizeof full ? eg_weights_find(weights, full) : NULL;
}

const eg_tensor *
eg_find_tensor(const eg_recipe *recipe, const eg_weights *weights, const char *prefix, const char *name)
{
    size_t length = strlen(name);
    const eg_tensor *tensor = find_joined(weights, prefix, name, length, "");
    const eg_yaml *rename = eg_yaml_get(recipe->family->root, "rename");
    for (size_t i = 0; !tensor && rename && i < rename->count; i++) {
        const char *now = rename->items[i]->text, *then = rename->items[i]->key;
        size_t n = strlen(now);
        bool ends = length > n && name[length - n - 1] == '.' && strcmp(name + length - n, now) == 0;
        if (ends)
            tensor = find_joined(weights, prefix, name, length - n, then);
    }
    return tensor;
}

/* The weights that hold candidate i, and what stands before its name there. */
static const eg_weights *
weights_of(const eg_recipe *recipe, const eg_request *request, uint32_t i)
{
    bool own = request->origins[i] == EG_FROM_OWN && request->head && request->head->weights;
    return own ? request->head->weights : recipe->weights;
}

static const char *
prefix_of(const eg_request *request, uint32_t i, const char *base_prefix)
{
    if (request->origins[i] == EG_FROM_BASE)
        return base_prefix;
    return request->origins[i] == EG_FROM_OWN && request->head ? request->head->prefix : "";
}

static const eg_tensor *
find_candidate(const eg_recipe *recipe, const eg_request *request, uint32_t i, const char *prefix)
{
    const eg_weights *weights = weights_of(recipe, request, i);
    return weights ? eg_find_tensor(recipe, weights, prefix_of(request, i, prefix), request->names[i]) : NULL;
}

const eg_tensor *
eg_request_find(const eg_recipe *recipe, const eg_request *request, const char *prefix)
{
    const eg_tensor *tensor = NULL;
    for (uint32_t i = 0; !tensor && i < request->name_count; i++)
        tensor = find_candidate(recipe, request, i, prefix);
    return tensor;
}

/* --- names --------------------------------------------------------------------------------------- */

static eg_status
add_candidate(eg_expand *x, const eg_yaml *node, const char *suffix, const char **name, eg_tensor_root *origin,
              eg_error *err)
{
    eg_expr_env env = eg_expand_env(x);
    const char *text;
    EG_TRY(eg_eval_text(node, &env, &text, err));
    if (!text || !*text)
        return eg_yaml_fail(node, err, "the name of a tensor is expected");
    size_t marked = 0;
    *origin = x->at.in_base ? EG_FROM_BASE : EG_FROM_OWN;
    for (size_t i = 0; i < sizeof marks / sizeof *marks && !marked; i++) {
        size_t n = strlen(marks[i].text);
        if (strncmp(text, marks[i].text, n) == 0) {
            *origin = marks[i].origin;
            marked = n;
        }
    }
    *name = eg_arena_printf(x->arena, "%s%s%s", marked ? "" : x->at.scope, text + marked, suffix);
    return *name ? EG_OK : eg_fail_nomem(err, "a tensor's name");
}

static eg_status
read_candidates(eg_expand *x, const eg_yaml *node, const char *suffix, eg_request *request, eg_error *err)
{
    size_t count = node->type == EG_YAML_LIST ? node->count : 1;
    if (count == 0 || count > EG_CANDIDATES_MAX)
        return eg_yaml_fail(node, err, "a list of tensors has 1 to %d names", EG_CANDIDATES_MAX);
    const char **names = eg_arena_calloc(x->arena, count, sizeof *names);
    eg_tensor_root *origins = eg_arena_calloc(x->arena, count, sizeof *origins);
    if (!names || !origins)
        return eg_fail_nomem(err, "a tensor's name");
    for (size_t i = 0; i < count; i++)
        EG_TRY(
            add_candidate(x, node->type == EG_YAML_LIST ? node->items[i] : node, suffix, &names[i], &origins[i], err));
    request->names = names;
    request->origins = origins;
    request->known_count = (uint32_t)count;
    /* An untied head has its own tensors or none. */
    bool untied = !x->at.in_base && !x->recipe->config->tie_word_embeddings;
    request->name_count = untied ? 1 : (uint32_t)count;
    return EG_OK;
}

/* --- shapes -------------------------------------------------------------------------------------- */

static void
write_dims(const int64_t *dims, uint32_t rank, char *out, size_t n)
{
    size_t used = (size_t)snprintf(out, n, "[");
    for (uint32_t i = 0; i < rank && used < n; i++)
        used += (size_t)snprintf(out + used, n - used, "%s%" PRId64, i ? ", " : "", dims[i]);
    if (used < n)
        snprintf(out + used, n - used, "]");
}

static const char *
file_of_weights(const eg_weights *weights)
{
    return weights->files.count ? weights->files.items[0].path : "the weights";
}

static eg_status
missing(eg_expand *x, const eg_request *request, eg_error *err)
{
    const eg_recipe *recipe = x->recipe;
    eg_status status =
        eg_fail_at(err, EG_E_INPUT, file_of_weights(weights_of(recipe, request, 0)), 0, 0,
                   "the tensor '%s%s' is missing", prefix_of(request, 0, recipe->prefix), request->names[0]);
    return eg_hint(err, status, "%s:%u:%u asks for it", request->at->file, request->at->line, request->at->column);
}

static eg_status
check_shape(const eg_tensor *tensor, const int64_t *dims, uint32_t rank, const eg_yaml *at, eg_error *err)
{
    uint32_t got_rank = tensor->rank;
    while (got_rank > rank && tensor->dims[got_rank - 1] == 1)
        got_rank--;
    bool same = got_rank == rank;
    for (uint32_t i = 0; same && i < rank; i++)
        same = tensor->dims[i] == dims[i];
    if (!same) {
        char got[200], want[200];
        write_dims(tensor->dims, tensor->rank, got, sizeof got);
        write_dims(dims, rank, want, sizeof want);
        eg_status status = eg_fail_at(err, EG_E_INPUT, tensor->file, 0, 0, "the tensor '%s' is %s; %s is expected",
                                      tensor->name, got, want);
        return eg_hint(err, status, "its size is said at %s:%u:%u", at->file, at->line, at->column);
    }
    if (tensor->dtype != EG_F32 && tensor->dtype != EG_F16 && tensor->dtype != EG_BF16 && tensor->dtype != EG_F64) {
        eg_status status = eg_fail_at(err, EG_E_INPUT, tensor->file, 0, 0, "the tensor '%s' is %s; floats are expected",
                                      tensor->name, eg_dtype_name(tensor->dtype));
        return eg_hint(err, status, "%s:%u:%u asks for it", at->file, at->line, at->column);
    }
    return EG_OK;
}

static eg_status
count_elements(const int64_t *dims, uint32_t rank, const eg_yaml *at, int64_t *out, eg_error *err)
{
    *out = 1;
    for (uint32_t i = 0; i < rank; i++) {
        if (dims[i] < 1 || dims[i] > LARGEST_SIZE || !eg_mul_i64(*out, dims[i], out)) {
            char want[200];
            write_dims(dims, rank, want, sizeof want);
            return eg_yaml_fail(at, err, "a tensor of %s cannot be", want);
        }
    }
    return EG_OK;
}

/* --- constants ----------------------------------------------------------------------------------- */

/* A name that a graph may carry: other characters become '_'. */
static char *
graph_name(eg_arena *arena, const char *prefix, const char *name)
{
    char *copy = eg_arena_printf(arena, "%s%s", prefix, name);
    for (char *c = copy; c && *c; c++) {
        bool good =
            (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || strchr("_.:/-", *c);
        if (!good)
            *c = '_';
    }
    return copy;
}

static eg_host_view
view_of(const eg_tensor *tensor, const int64_t *dims, uint32_t rank)
{
    eg_host_view view = {
        .size = sizeof view, .dtype = tensor ? tensor->dtype : EG_F32, .data = tensor ? tensor->data : NULL};
    int64_t stride = 1;
    for (uint32_t i = rank; i > 0; i--) {
        view.dims[i - 1] = dims[i - 1];
        view.strides[i - 1] = tensor ? tensor->strides[i - 1] : stride;
        stride *= dims[i - 1];
    }
    return view;
}

static eg_status
add_constant(eg_expand *x, const char *key, const char *name, const eg_tensor *tensor, const int64_t *dims,
             uint32_t rank, eg_value_id *out, eg_error *err)
{
    eg_type type = {.dtype = EG_F32, .kind = EG_TABLE, .rank = rank};
    for (uint32_t i = 0; i < rank; i++)
        type.dims[i] = eg_dim_const(dims[i]);
    /* Two tensors may share a name: the checkpoint's and one of a head's own file. */
    const char *free_name = name;
    for (uint32_t i = 2; free_name && eg_graph_find(x->graph, free_name); i++)
        free_name = eg_arena_printf(x->arena, "%s.%" PRIu32, name, i);
    if (!free_name)
        return eg_fail_nomem(err, "a constant");
    eg_host_view view = view_of(tensor, dims, rank);
    EG_TRY(eg_graph_add_const(x->graph, free_name, &type, &view, 1, out, err));
    return eg_map_put(&x->constants, key, strlen(key), *out, NULL) ? EG_OK : eg_fail_nomem(err, "a constant");
}

static eg_status
remember(eg_expand *x, const eg_request *request, eg_error *err)
{
    if (x->survey && !EG_PUSH(&x->survey->requests, *request))
        return eg_fail_nomem(err, "the list of tensors");
    return EG_OK;
}

/* The same tensor asked for again must be asked for with the same size. */
static eg_status
check_again(const eg_expand *x, eg_value_id value, const int64_t *dims, uint32_t rank, const eg_yaml *at, eg_error *err)
{
    const eg_type *type = &eg_graph_value(x->graph, value)->type;
    bool same = type->rank == rank;
    for (uint32_t i = 0; same && i < rank; i++)
        same = type->dims[i].k == dims[i];
    return same ? EG_OK
                : eg_yaml_fail(at, err, "the tensor '%s' is asked for with two sizes",
                               eg_graph_value(x->graph, value)->name);
}

static eg_status
table_of_steps(eg_expand *x, const eg_yaml *at, const char *name, const int64_t *dims, uint32_t rank, eg_value_id *out,
               eg_error *err)
{
    EG_TRY(eg_expand_lookup(x, at, name, out, err));
    const eg_type *type = &eg_graph_value(x->graph, *out)->type;
    if (type->kind != EG_TABLE)
        return eg_yaml_fail(at, err, "'%s' is %s rows; a table is expected", name, eg_kind_text(type->kind));
    bool same = type->rank == rank;
    for (uint32_t i = 0; same && i < rank; i++)
        same = type->dims[i].k == dims[i];
    if (same)
        return EG_OK;
    char got[200], want[200];
    eg_type_format(type, got, sizeof got);
    write_dims(dims, rank, want, sizeof want);
    return eg_yaml_fail(at, err, "'%s' is %s; %s is expected", name, got, want);
}

/* How a tensor of these dims is read: `joined` axes from `first` on as one. */
typedef struct shape {
    const int64_t *dims;
    uint32_t rank, first, joined;
    uint32_t axes; /* of the constant */
    int64_t as[EG_MAX_RANK], strides[EG_MAX_RANK];
} shape;

static bool
is_joined(const shape *s, uint32_t axis)
{
    return axis > s->first && axis < s->first + s->joined;
}

static eg_status
join_dims(shape *s, const eg_yaml *at, eg_error *err)
{
    s->axes = 0;
    for (uint32_t i = 0; i < s->rank; i++) {
        if (!is_joined(s, i))
            s->as[s->axes++] = s->dims[i];
        else if (!eg_mul_i64(s->as[s->axes - 1], s->dims[i], &s->as[s->axes - 1]))
            return eg_yaml_fail(at, err, "the tensor is too big");
    }
    return EG_OK;
}

/* The strides of the constant in the file. False where the joined axes do not lie one after another. */
static bool
join_strides(shape *s, const eg_tensor *tensor)
{
    uint32_t axis = 0;
    for (uint32_t i = 0; i < s->rank; i++) {
        bool follows = i > 0 && (s->dims[i - 1] == 1 || tensor->strides[i - 1] == tensor->strides[i] * s->dims[i]);
        if (is_joined(s, i) && !follows)
            return false;
        s->strides[is_joined(s, i) ? axis - 1 : axis++] = tensor->strides[i];
    }
    return true;
}

static eg_status
expand(eg_expand *x, const eg_yaml *node, const char *suffix, shape *s, eg_value_id *out, eg_error *err)
{
    const int64_t *dims = s->dims;
    uint32_t rank = s->rank;
    const eg_recipe *recipe = x->recipe;
    eg_expr_env env = eg_expand_env(x);
    EG_TRY(eg_eval_choice(node, &env, &node, err));
    EG_TRY(join_dims(s, node, err));
    if (node->type == EG_YAML_STRING && node->text[0] == '=')
        return table_of_steps(x, node, node->text + 1, s->as, s->axes, out, err);
    eg_request request = {.head = x->at.head, .section = x->at.section, .untaken = x->at.untaken, .at = node};
    EG_TRY(read_candidates(x, node, suffix, &request, err));
    EG_TRY(count_elements(dims, rank, node, &request.elements, err));
    EG_TRY(remember(x, &request, err));
    const eg_tensor *tensor = NULL;
    if (recipe->weights) {
        tensor = eg_request_find(recipe, &request, recipe->prefix);
        if (!tensor)
            return missing(x, &request, err);
    }
    /* Without a file to tell: heads are alternatives, and two may give one name to tensors of different sizes. */
    const char *owner = request.head && request.origins[0] == EG_FROM_OWN ? request.head->name : "";
    const char *prefix = prefix_of(&request, 0, recipe->prefix);
    const char *name = tensor ? graph_name(x->arena, "", tensor->name) : graph_name(x->arena, prefix, request.names[0]);
    const char *key = tensor ? eg_arena_printf(x->arena, "%s %s", tensor->file, tensor->name)
                             : eg_arena_printf(x->arena, "%s %s", owner, name);
    if (!name || !key)
        return eg_fail_nomem(err, "a constant");
    uint64_t known;
    if (eg_map_get(&x->constants, key, strlen(key), &known)) {
        *out = (eg_value_id)known;
        return check_again(x, *out, s->as, s->axes, node, err);
    }
    if (tensor)
        EG_TRY(check_shape(tensor, dims, rank, node, err));
    if (tensor && !join_strides(s, tensor))
        return eg_fail_at(err, EG_E_INPUT, tensor->file, 0, 0,
                          "the tensor '%s' is stored with its axes in another order", tensor->name);
    eg_tensor as;
    if (tensor) {
        as = *tensor;
        memcpy(as.strides, s->strides, s->axes * sizeof *as.strides);
    }
    return add_constant(x, key, name, tensor ? &as : NULL, s->as, s->axes, out, err);
}

eg_status
eg_expand_weight(eg_expand *x, const eg_yaml *node, const char *suffix, const int64_t *dims, uint32_t rank,
                 eg_value_id *out, eg_error *err)
{
    return expand(x, node, suffix, &(shape){.dims = dims, .rank = rank}, out, err);
}

eg_status
eg_expand_joined_weight(eg_expand *x, const eg_yaml *node, const char *suffix, const int64_t *dims, uint32_t rank,
                        uint32_t first, eg_value_id *out, eg_error *err)
{
    return expand(x, node, suffix, &(shape){.dims = dims, .rank = rank, .first = first, .joined = 2}, out, err);
}
