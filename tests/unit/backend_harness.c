/* SPDX-License-Identifier: Apache-2.0 */
#include "backend_harness.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GUARD_WORD 0x7fc0ffeeu /* a NaN, so that reading it shows too */
#define GUARD_COUNT 16
#define MAX_THREADS 8

struct eg_view {
    const op_case *c;
    eg_value_info values[OP_INPUTS + 1];
    eg_weight *weights[OP_INPUTS + 1];
};

/* --- host services ------------------------------------------------------------------------------- */

static void
host_log(void *ctx, int32_t level, const char *message)
{
    (void)ctx;
    (void)level;
    (void)message;
}

static void *
host_alloc(void *ctx, uint64_t bytes, uint64_t align)
{
    (void)ctx;
    void *p = NULL;
    return posix_memalign(&p, align < sizeof(void *) ? sizeof(void *) : align, bytes) == 0 ? p : NULL;
}

static void
host_dealloc(void *ctx, void *p)
{
    (void)ctx;
    free(p);
}

typedef struct worker {
    void (*fn)(void *arg, uint32_t i, uint32_t worker);
    void *arg;
    uint32_t begin, end, number;
} worker;

static void *
work(void *arg)
{
    worker *w = arg;
    for (uint32_t i = w->begin; i < w->end; i++)
        w->fn(w->arg, i, w->number);
    return NULL;
}

static void
host_parallel_for(void *ctx, uint32_t n, void (*fn)(void *arg, uint32_t i, uint32_t worker), void *arg)
{
    uint32_t threads = ((backend *)ctx)->threads;
    worker workers[MAX_THREADS];
    pthread_t ids[MAX_THREADS];
    for (uint32_t t = 0; t < threads; t++) {
        workers[t] = (worker){fn, arg, n * t / threads, n * (t + 1) / threads, t};
        if (t > 0 && pthread_create(&ids[t], NULL, work, &workers[t]) != 0)
            abort();
    }
    work(&workers[0]);
    for (uint32_t t = 1; t < threads; t++)
        pthread_join(ids[t], NULL);
}

static uint32_t
host_threads(void *ctx)
{
    return ((backend *)ctx)->threads;
}

static eg_status
host_setenv_if_unset(void *ctx, const char *name, const char *value)
{
    (void)ctx;
    return setenv(name, value, 0) == 0 ? EG_OK : EG_E_FAILED;
}

/* --- the view: one node -------------------------------------------------------------------------- */

static uint32_t
view_nodes(void *ctx, const eg_view *view)
{
    (void)ctx;
    (void)view;
    return 1;
}

static uint32_t
view_values(void *ctx, const eg_view *view)
{
    (void)ctx;
    return view->c->input_count + 1;
}

static eg_status
view_value(void *ctx, const eg_view *view, uint32_t value, eg_value_info *out)
{
    if (value >= view_values(ctx, view))
        return EG_E_USAGE;
    *out = view->values[value];
    return EG_OK;
}

static const char *
node_op(void *ctx, const eg_view *view, uint32_t node)
{
    (void)ctx;
    (void)node;
    return view->c->op;
}

static const char *
node_name(void *ctx, const eg_view *view, uint32_t node)
{
    (void)ctx;
    (void)node;
    return view->c->name;
}

static uint32_t
node_inputs(void *ctx, const eg_view *view, uint32_t node)
{
    (void)ctx;
    (void)node;
    return view->c->input_count;
}

static uint32_t
node_outputs(void *ctx, const eg_view *view, uint32_t node)
{
    (void)ctx;
    (void)view;
    (void)node;
    return 1;
}

static uint32_t
node_input(void *ctx, const eg_view *view, uint32_t node, uint32_t i)
{
    (void)ctx;
    (void)view;
    (void)node;
    return i;
}

static uint32_t
node_output(void *ctx, const eg_view *view, uint32_t node, uint32_t i)
{
    (void)ctx;
    (void)node;
    return view->c->input_count + i;
}

static const op_attr *
find_attr(const eg_view *view, const char *name, char type)
{
    for (uint32_t i = 0; i < view->c->attr_count; i++)
        if (strcmp(view->c->attrs[i].name, name) == 0 && view->c->attrs[i].type == type)
            return &view->c->attrs[i];
    return NULL;
}

static int32_t
attr_int(void *ctx, const eg_view *view, uint32_t node, const char *name, int64_t *out)
{
    (void)ctx;
    (void)node;
    const op_attr *attr = find_attr(view, name, 'i');
    if (attr != NULL)
        *out = attr->integer;
    return attr != NULL;
}

static int32_t
attr_float(void *ctx, const eg_view *view, uint32_t node, const char *name, double *out)
{
    (void)ctx;
    (void)node;
    const op_attr *attr = find_attr(view, name, 'f');
    if (attr != NULL)
        *out = attr->real;
    return attr != NULL;
}

static int32_t
attr_string(void *ctx, const eg_view *view, uint32_t node, const char *name, const char **out)
{
    (void)ctx;
    (void)node;
    const op_attr *attr = find_attr(view, name, 's');
    if (attr != NULL)
        *out = attr->string;
    return attr != NULL;
}

static int32_t
attr_ints(void *ctx, const eg_view *view, uint32_t node, const char *name, const int64_t **out, uint32_t *out_count)
{
    (void)ctx;
    (void)view;
    (void)node;
    (void)name;
    (void)out;
    (void)out_count;
    return 0;
}

static eg_weight *
view_weight(void *ctx, const eg_view *view, uint32_t value)
{
    (void)ctx;
    return view->weights[value];
}

/* --- opening ------------------------------------------------------------------------------------- */

bool
backend_open(backend *b, const char *path, const char *options, uint32_t threads)
{
    *b = (backend){.threads = threads};
    b->host = (eg_host){.size = sizeof b->host,
                        .abi_minor = EG_ABI_MINOR,
                        .sanitizer = EG_SANITIZER,
                        .ctx = b,
                        .log = host_log,
                        .alloc = host_alloc,
                        .dealloc = host_dealloc,
                        .parallel_for = host_parallel_for,
                        .threads = host_threads,
                        .setenv_if_unset = host_setenv_if_unset,
                        .view_nodes = view_nodes,
                        .view_values = view_values,
                        .view_value = view_value,
                        .node_op = node_op,
                        .node_name = node_name,
                        .node_inputs = node_inputs,
                        .node_outputs = node_outputs,
                        .node_input = node_input,
                        .node_output = node_output,
                        .attr_int = attr_int,
                        .attr_float = attr_float,
                        .attr_string = attr_string,
                        .attr_ints = attr_ints,
                        .view_weight = view_weight};
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (library == NULL) {
        snprintf(b->error, sizeof b->error, "%s", dlerror());
        return false;
    }
    eg_plugin_query_fn query;
    *(void **)&query = dlsym(library, "eg_plugin_query");
    b->plugin = query != NULL ? query(EG_ABI_MAJOR, EG_ABI_MINOR) : NULL;
    if (b->plugin == NULL)
        return false;
    eg_error err = {.size = sizeof err};
    eg_status status = b->plugin->open(&b->host, 0, options, &b->device, &b->ops, &err);
    memcpy(b->error, err.message, sizeof err.message);
    return status == EG_OK;
}

void
backend_close(backend *b)
{
    if (b->device != NULL)
        b->plugin->close(b->device);
    b->device = NULL;
}

/* --- running a case ------------------------------------------------------------------------------ */

/* Memory of one value: rows `stride` apart, GUARD words everywhere else. */
typedef struct memory {
    uint32_t *words; /* GUARD_COUNT guards, the value, GUARD_COUNT guards */
    uint64_t count;
    int64_t width, stride;
    eg_buffer *buffer;
} memory;

static int64_t
width_of(const op_value *value)
{
    return value->info.kind == EG_PAIR ? (int64_t)(value->count > 0 ? value->count : 1) : value->info.row_stride;
}

static bool
is_value(const memory *m, uint64_t word)
{
    if (word < GUARD_COUNT || word >= m->count - GUARD_COUNT)
        return false;
    return (int64_t)((word - GUARD_COUNT) % (uint64_t)m->stride) < m->width;
}

static bool
memory_new(memory *m, const op_value *value, bool strided, const void *data)
{
    m->width = width_of(value);
    m->stride =
        m->width +
        (strided && value->info.kind != EG_PAIR && !(value->info.kind == EG_TABLE && value->info.rank == 1) ? 5 : 0);
    uint64_t rows = value->count / (uint64_t)m->width;
    m->count = rows * (uint64_t)m->stride + 2 * GUARD_COUNT;
    m->words = host_alloc(NULL, m->count * 4, 64);
    if (m->words == NULL)
        return false;
    uint64_t from = 0;
    for (uint64_t i = 0; i < m->count; i++) {
        bool filled = data != NULL && is_value(m, i) && from < value->count;
        m->words[i] = filled ? ((const uint32_t *)data)[from++] : GUARD_WORD;
    }
    return true;
}

static bool
guards_stand(const memory *m)
{
    for (uint64_t i = 0; i < m->count; i++)
        if (!is_value(m, i) && m->words[i] != GUARD_WORD)
            return false;
    return true;
}

static void
memory_read(const memory *m, uint32_t *out)
{
    for (uint64_t i = 0; i < m->count; i++)
        if (is_value(m, i))
            *out++ = m->words[i];
}

static void
dense_view(const op_value *value, eg_host_view *view)
{
    *view = (eg_host_view){.size = sizeof *view, .dtype = value->info.dtype, .data = value->data};
    int64_t stride = 1;
    for (uint32_t axis = value->info.rank; axis-- > 0;) {
        view->dims[axis] = value->info.dims[axis].k;
        view->strides[axis] = stride;
        stride *= view->dims[axis];
    }
}

/* The first third of the rows and the others, which lie elsewhere: *apart, for the caller to free. */
static bool
split_view(eg_host_view views[2], void **apart)
{
    int64_t rows = views[0].dims[0], row = views[0].strides[0], first = (rows + 2) / 3;
    if (rows < 2)
        return false;
    *apart = malloc((size_t)((rows - first) * row) * 4);
    memcpy(*apart, (const char *)views[0].data + first * row * 4, (size_t)((rows - first) * row) * 4);
    views[1] = views[0];
    views[0].dims[0] = first;
    views[1].dims[0] = rows - first;
    views[1].at[0] = first;
    views[1].data = *apart;
    return true;
}

static eg_status
make_weight(backend *b, const op_case *c, uint32_t i, bool split, void **apart, eg_weight **out, eg_error *err)
{
    const op_value *value = &c->values[i];
    eg_host_view views[2];
    dense_view(value, &views[0]);
    eg_weight_use use = {.size = sizeof use, .input = i, .op = c->op};
    eg_weight_desc desc = {.size = sizeof desc,
                           .dtype = value->info.dtype,
                           .rank = value->info.rank,
                           .view_count = split && split_view(views, apart) ? 2 : 1,
                           .views = views,
                           .uses = &use,
                           .use_count = 1,
                           .name = "weight"};
    for (uint32_t axis = 0; axis < desc.rank; axis++)
        desc.dims[axis] = value->info.dims[axis].k;
    uint64_t bytes = 0;
    return b->ops->weight_new(b->device, &desc, out, &bytes, err);
}

static void
view_of(const op_case *c, eg_view *view)
{
    *view = (eg_view){.c = c};
    for (uint32_t i = 0; i <= c->input_count; i++)
        view->values[i] = c->values[i].info;
}

uint32_t
backend_support(backend *b, const op_case *c, uint32_t *inplace_mask)
{
    eg_view view;
    view_of(c, &view);
    eg_support support = {.size = sizeof support};
    if (b->ops->support(b->device, &view, 0, &support) != EG_OK)
        return EG_SUPPORT_NO;
    snprintf(b->error, sizeof b->error, "%s", support.reason);
    *inplace_mask = support.inplace_mask;
    return support.level;
}

/* Buffers for the values that are not weights; the output takes an input's memory if the style says so. */
static eg_status
bind_values(backend *b, const op_case *c, run_style style, memory *memories, eg_binding *io, eg_error *err)
{
    eg_status status = EG_OK;
    for (uint32_t i = 0; i <= c->input_count && status == EG_OK; i++) {
        const op_value *value = &c->values[i];
        io[i] = (eg_binding){.size = sizeof io[i]};
        if (value->info.is_weight)
            continue;
        memory *m = &memories[i];
        if (i == c->input_count && style.inplace >= 0)
            m = &memories[style.inplace];
        else {
            const void *data = i == c->input_count ? NULL : value->data;
            if (style.index != NULL && value->info.dtype == EG_I32 && data != NULL)
                data = style.index;
            if (!memory_new(m, value, style.strided, data))
                return EG_E_NOMEM;
            status = b->ops->buffer_import(b->device, 0, m->words, m->count * 4, &m->buffer, err);
        }
        io[i].buffer = m->buffer;
        io[i].offset = GUARD_COUNT * 4;
        io[i].bytes = (m->count - 2 * GUARD_COUNT) * 4;
        io[i].row_stride = m->stride;
    }
    return status;
}

static eg_status
run_exec(backend *b, const op_case *c, eg_exec *exec, run_style style, memory *memories, eg_error *err)
{
    eg_binding io[OP_INPUTS + 1], scratch = {.size = sizeof scratch};
    eg_status status = bind_values(b, c, style, memories, io, err);
    uint64_t bytes = b->ops->scratch != NULL ? b->ops->scratch(exec, 0, &c->dims, b->threads) : 0;
    if (status == EG_OK)
        status = b->ops->buffer_new(b->device, 0, bytes, &scratch.buffer, err);
    scratch.bytes = bytes;
    int32_t cancel = style.cancelled;
    eg_run_info run = {.size = sizeof run,
                       .threads = b->threads,
                       .io = io,
                       .io_count = c->input_count + 1,
                       .scratch = &scratch,
                       .scratch_count = 1,
                       .dims = &c->dims,
                       .cancel = &cancel};
    eg_event *done = NULL;
    if (status == EG_OK)
        status = b->ops->run(exec, &run, &done, err);
    b->ops->buffer_free(b->device, scratch.buffer);
    return status;
}

eg_status
backend_run(backend *b, const op_case *c, run_style style, void *got)
{
    eg_error err = {.size = sizeof err};
    eg_view view;
    memory memories[OP_INPUTS + 1] = {0};
    void *apart[OP_INPUTS + 1] = {0};
    eg_status status = EG_OK;
    view_of(c, &view);
    for (uint32_t i = 0; i <= c->input_count && status == EG_OK; i++) {
        if (c->values[i].info.is_weight)
            status = make_weight(b, c, i, style.split, &apart[i], &view.weights[i], &err);
        else if (style.strided && c->values[i].info.kind != EG_PAIR &&
                 !(c->values[i].info.kind == EG_TABLE && c->values[i].info.rank == 1))
            view.values[i].row_stride += 5;
    }
    eg_dims bound = c->dims;
    eg_row_set set = c->set;
    set.table = NULL;
    bound.sets = &set;
    eg_compile_info info = {.size = sizeof info, .threads = b->threads, .bound = &bound};
    eg_exec *exec = NULL;
    if (status == EG_OK)
        status = b->ops->compile(b->device, &view, &info, &exec, &err);
    if (status == EG_OK)
        status = run_exec(b, c, exec, style, memories, &err);
    snprintf(b->error, sizeof b->error, "%s", err.message);
    b->ops->exec_free(exec);
    if (status == EG_OK && got != NULL)
        memory_read(&memories[style.inplace >= 0 ? (uint32_t)style.inplace : c->input_count], got);
    for (uint32_t i = 0; i <= c->input_count; i++) {
        b->ops->weight_free(b->device, view.weights[i]);
        b->ops->buffer_free(b->device, memories[i].buffer);
        if (memories[i].words != NULL && !guards_stand(&memories[i])) {
            snprintf(b->error, sizeof b->error, "memory beside value %u was written", i);
            status = EG_E_INTERNAL;
        }
        free(memories[i].words);
        free(apart[i]);
    }
    return status;
}
