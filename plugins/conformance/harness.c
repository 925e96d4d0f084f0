/* SPDX-License-Identifier: Apache-2.0 */
/* Running a case as one stage, each value in memory of its own with watched surroundings. */
#include "plugins/conformance/harness.h"

#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/checked.h"

/* Bytes that no run may touch; as floats they are NaN, so that reading them shows too. */
enum { UNTOUCHED = 0xff };

enum { MOST_USES = 32 }; /* of one weight, in the graphs of the suite */

const run_style plain_style = {.inplace = -1};

uint64_t
value_rows(const eg_type *type, const eg_dims *dims)
{
    if (type->kind == EG_TOKEN)
        return dims->sets[type->set].T;
    return type->kind == EG_TEXT ? dims->B : (uint64_t)type->dims[0].k;
}

/* --- preparing ----------------------------------------------------------------------------------- */

static const eg_value *
view_value(const prepared *p, uint32_t number)
{
    return eg_graph_value(&p->c->graph, p->view.values[number]);
}

static bool
is_weight(const eg_value *value)
{
    return (value->flags & EG_VALUE_CONST) != 0;
}

static eg_status
choose_strides(prepared *p, eg_error *err)
{
    p->strides = eg_calloc(p->view.value_count, sizeof *p->strides);
    p->weights = eg_calloc(p->view.value_count, sizeof *p->weights);
    if (!p->strides || !p->weights)
        return eg_fail_nomem(err, "a case");
    for (uint32_t i = 0; i < p->view.value_count; i++) {
        const eg_value *value = view_value(p, i);
        if (!eg_type_width(&value->type, &p->strides[i]))
            return eg_fail(err, EG_E_INTERNAL, "a case is too large");
        if (!is_weight(value) && (value->type.kind == EG_TOKEN || value->type.kind == EG_TEXT))
            p->strides[i] += p->style.spread;
    }
    p->view.row_strides = p->strides;
    return EG_OK;
}

/* The host's rule: after a yes, every input and attribute that is there must have been read. */
static eg_status
check_reads(const prepared *p, uint32_t number, eg_error *err)
{
    const eg_node *node = eg_graph_node(&p->c->graph, p->view.nodes[number]);
    for (uint32_t i = 0; i < node->input_count && i < 64; i++)
        if (!(p->view.inputs_read[number] >> i & 1))
            return eg_fail(err, EG_E_FAILED, "support() says yes to %s without reading its input %u", node->op->name,
                           i);
    for (uint32_t i = 0; i < node->attr_count; i++)
        if (!(p->view.attrs_read[number] >> i & 1))
            return eg_fail(err, EG_E_FAILED, "support() says yes to %s without reading its attribute '%s'",
                           node->op->name, node->attrs[i].name);
    return EG_OK;
}

/* A struct of a later version of the header, longer than the plugin knows. */
typedef struct {
    eg_support known;
    unsigned char later[32];
} later_support;

static eg_status
ask(prepared *p, uint32_t number, eg_error *err)
{
    later_support answer = {.known = {.size = p->style.oversized ? sizeof answer : sizeof answer.known}};
    memset(answer.later, 0x5a, sizeof answer.later);
    const char *op = p->s->host.node_op(p->s->host.ctx, &p->view, number);
    eg_status status = p->s->ops->support(p->s->device, &p->view, number, &answer.known);
    if (status != EG_OK)
        return eg_fail(err, EG_E_FAILED, "support() of %s failed with status %d", op, status);
    for (size_t i = 0; i < sizeof answer.later; i++)
        if (answer.later[i] != 0x5a && answer.later[i] != 0)
            return eg_fail(err, EG_E_FAILED, "support() wrote beyond the struct it knows");
    if (!memchr(answer.known.reason, '\0', sizeof answer.known.reason))
        return eg_fail(err, EG_E_FAILED, "support() of %s gave a reason without end", op);
    if (answer.known.level == EG_SUPPORT_NO) {
        if (answer.known.reason[0] == '\0')
            return eg_fail(err, EG_E_FAILED, "support() says no to %s without a reason", op);
        return eg_fail(err, EG_E_UNSUPPORTED, "%s", answer.known.reason);
    }
    if (p->style.inplace >= 0 && !(answer.known.inplace_mask >> p->style.inplace & 1))
        return eg_fail(err, EG_E_UNSUPPORTED, "%s is not computed in place", op);
    return check_reads(p, number, err);
}

static eg_status
make_weight(prepared *p, uint32_t number, eg_error *err)
{
    const eg_value *value = view_value(p, number);
    eg_weight_use uses[MOST_USES];
    uint32_t use_count = 0;
    for (uint32_t n = 0; n < p->view.node_count; n++) {
        const eg_node *node = eg_graph_node(&p->c->graph, p->view.nodes[n]);
        for (uint32_t i = 0; i < node->input_count && use_count < MOST_USES; i++)
            if (node->inputs[i] == p->view.values[number])
                uses[use_count++] = (eg_weight_use){.size = sizeof *uses, .input = i, .op = node->op->name};
    }
    eg_weight_desc desc = {.size = sizeof desc,
                           .dtype = value->type.dtype,
                           .rank = value->type.rank,
                           .view_count = value->constant->view_count,
                           .views = value->constant->views,
                           .uses = uses,
                           .use_count = use_count,
                           .name = value->name};
    for (uint32_t axis = 0; axis < desc.rank; axis++)
        desc.dims[axis] = value->type.dims[axis].k;
    uint64_t bytes;
    return p->s->ops->weight_new(p->s->device, &desc, &p->weights[number], &bytes, err);
}

static eg_status
compile(prepared *p, eg_error *err)
{
    struct {
        eg_compile_info known;
        uint64_t later[4];
    } info = {.known = {.size = p->style.oversized ? sizeof info : sizeof info.known,
                        .threads = p->s->threads,
                        .bound = &p->bound}};
    p->view.weights = p->weights;
    eg_status status = p->s->ops->compile(p->s->device, &p->view, &info.known, &p->exec, err);
    if (status == EG_E_UNSUPPORTED)
        return eg_fail(err, EG_E_FAILED, "support() said yes, but compile() says EG_E_UNSUPPORTED");
    if (status == EG_OK && !p->exec)
        return eg_fail(err, EG_E_FAILED, "compile() gave nothing");
    return status;
}

static void
set_bound(prepared *p)
{
    uint32_t more = p->style.roomier;
    p->bound_set = p->c->set;
    p->bound_set.table = NULL;
    p->bound_set.T += 3 * more;
    p->bound_set.max_n += more;
    p->bound_set.P += (uint64_t)more * 40;
    p->bound = p->c->dims;
    p->bound.B += more;
    p->bound.sets = &p->bound_set;
}

static eg_status
prepare_steps(prepared *p, eg_error *err)
{
    EG_TRY(choose_strides(p, err));
    for (uint32_t n = 0; n < p->view.node_count; n++)
        EG_TRY(ask(p, n, err));
    for (uint32_t i = 0; i < p->view.value_count; i++)
        if (is_weight(view_value(p, i)))
            EG_TRY(make_weight(p, i, err));
    set_bound(p);
    EG_TRY(compile(p, err));
    if (p->s->ops->scratch)
        p->scratch_bytes = p->s->ops->scratch(p->exec, 0, &p->bound, p->s->threads);
    return EG_OK;
}

eg_status
prepare(subject *s, const check_case *c, run_style style, prepared *out, eg_error *err)
{
    *out = (prepared){.s = s, .c = c, .style = style};
    if (c->failed) {
        *err = c->err;
        return EG_E_INTERNAL;
    }
    EG_TRY(eg_view_init(&out->view, &c->graph, c->graph.order.items, (uint32_t)c->graph.order.count, err));
    eg_status status = prepare_steps(out, err);
    if (status != EG_OK)
        unprepare(out);
    return status;
}

void
unprepare(prepared *p)
{
    if (p->exec)
        p->s->ops->exec_free(p->exec);
    for (uint32_t i = 0; p->weights && i < p->view.value_count; i++)
        if (p->weights[i])
            p->s->ops->weight_free(p->s->device, p->weights[i]);
    eg_free(p->weights);
    eg_free(p->strides);
    eg_view_finish(&p->view);
    *p = (prepared){0};
}

/* --- memory -------------------------------------------------------------------------------------- */

/* One value's memory: bytes before it, the value at the bound's size, bytes up to the alignment, then nothing. */
typedef struct {
    eg_buffer *buffer;
    void *mapping; /* with plain host memory: ends in a page that cannot be touched */
    size_t mapped;
    uint64_t lead, bytes, total;
    unsigned char *image; /* what we put there, then what we find there */
    int32_t alias;        /* shares the memory of this value; −1: its own */
} slot;

static eg_status
map_guarded(subject *s, slot *m, eg_error *err)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), inner;
    if (!eg_align_size((size_t)m->total, page, &inner))
        return eg_fail_nomem(err, "test memory");
    m->mapped = inner + page;
    m->mapping = mmap(NULL, m->mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (m->mapping == MAP_FAILED) {
        m->mapping = NULL;
        return eg_fail_nomem(err, "test memory");
    }
    unsigned char *end = (unsigned char *)m->mapping + inner;
    if (mprotect(end, page, PROT_NONE) != 0)
        return eg_fail_nomem(err, "a guard page");
    return s->ops->buffer_import(s->device, 0, end - m->total, m->total, &m->buffer, err);
}

static eg_status
slot_new(subject *s, uint64_t bytes, slot *m, eg_error *err)
{
    uint64_t align = s->domain.align;
    *m = (slot){.alias = -1, .bytes = bytes, .lead = align < 64 ? 64 : align};
    size_t rounded;
    if (!eg_align_size((size_t)(bytes ? bytes : 1), (size_t)align, &rounded))
        return eg_fail_nomem(err, "test memory");
    m->total = m->lead + rounded;
    m->image = eg_alloc((size_t)m->total);
    if (!m->image)
        return eg_fail_nomem(err, "test memory");
    memset(m->image, UNTOUCHED, (size_t)m->total);
    if (s->domain.flags & EG_DOMAIN_HOST_MEMORY)
        return map_guarded(s, m, err);
    return s->ops->buffer_new(s->device, 0, m->total, &m->buffer, err);
}

static void
slot_free(subject *s, slot *m)
{
    if (m->buffer)
        s->ops->buffer_free(s->device, m->buffer);
    if (m->mapping)
        munmap(m->mapping, m->mapped);
    eg_free(m->image);
}

static eg_status
write_buffer(subject *s, eg_buffer *buffer, const void *src, uint64_t bytes, eg_error *err)
{
    if (!(s->domain.flags & EG_DOMAIN_HOST_WRITE))
        return s->ops->upload(s->device, buffer, 0, src, bytes, err);
    memcpy(s->ops->host_pointer(s->device, buffer), src, (size_t)bytes);
    return EG_OK;
}

static eg_status
read_buffer(subject *s, void *dst, eg_buffer *buffer, uint64_t bytes, eg_error *err)
{
    if (!(s->domain.flags & EG_DOMAIN_HOST_READ))
        return s->ops->download(s->device, dst, buffer, 0, bytes, NULL, 0, err);
    memcpy(dst, s->ops->host_pointer(s->device, buffer), (size_t)bytes);
    return EG_OK;
}

/* --- values in memory ---------------------------------------------------------------------------- */

/* Rows and their width in elements; a pair value is one row. */
static eg_status
layout(const eg_type *type, const eg_dims *dims, uint64_t *out_rows, uint64_t *out_width, eg_error *err)
{
    int64_t width;
    *out_rows = 1;
    if (type->kind == EG_PAIR) {
        if (!eg_type_elements(type, dims, out_width))
            return eg_fail(err, EG_E_INTERNAL, "a case is too large");
        return EG_OK;
    }
    if (!eg_type_width(type, &width))
        return eg_fail(err, EG_E_INTERNAL, "a case is too large");
    *out_rows = value_rows(type, dims);
    *out_width = (uint64_t)width;
    return EG_OK;
}

static eg_status
span(const prepared *p, uint32_t number, const eg_dims *dims, uint64_t *out_bytes, eg_error *err)
{
    const eg_type *type = &view_value(p, number)->type;
    uint64_t rows, width;
    EG_TRY(layout(type, dims, &rows, &width, err));
    uint64_t stride = (uint64_t)p->strides[number];
    *out_bytes = rows == 0 ? 0 : ((rows - 1) * stride + width) * eg_dtype_size(type->dtype);
    return EG_OK;
}

/* Between a dense array and the slot's image. */
static eg_status
copy_rows(const prepared *p, uint32_t number, slot *m, void *dense, bool into_image, eg_error *err)
{
    const eg_type *type = &view_value(p, number)->type;
    uint64_t rows, width;
    EG_TRY(layout(type, &p->c->dims, &rows, &width, err));
    size_t element = eg_dtype_size(type->dtype), row_bytes = (size_t)width * element;
    for (uint64_t r = 0; r < rows; r++) {
        unsigned char *there = m->image + m->lead + r * (uint64_t)p->strides[number] * element;
        unsigned char *here = (unsigned char *)dense + r * row_bytes;
        if (into_image)
            memcpy(there, here, row_bytes);
        else
            memcpy(here, there, row_bytes);
    }
    return EG_OK;
}

/* Whether all that is not a true row of the value is as it was. */
static eg_status
check_surroundings(const prepared *p, uint32_t number, const slot *m, eg_error *err)
{
    const eg_value *value = view_value(p, number);
    uint64_t rows, width;
    EG_TRY(layout(&value->type, &p->c->dims, &rows, &width, err));
    size_t element = eg_dtype_size(value->type.dtype);
    uint64_t row_bytes = width * element, stride = (uint64_t)p->strides[number] * element;
    if (value->type.kind == EG_PAIR)
        stride = row_bytes;
    for (uint64_t at = 0; at < m->total; at++) {
        bool own = at >= m->lead && stride > 0 && (at - m->lead) / stride < rows && (at - m->lead) % stride < row_bytes;
        if (own)
            continue;
        if (m->image[at] != UNTOUCHED)
            return eg_fail(err, EG_E_INTERNAL, "byte %lld of '%s' was written; its true rows are %llu of %llu bytes",
                           (long long)at - (long long)m->lead, value->name, (unsigned long long)rows,
                           (unsigned long long)row_bytes);
    }
    return EG_OK;
}

/* --- one run ------------------------------------------------------------------------------------- */

typedef struct {
    const prepared *p;
    slot *slots; /* one per value, one for scratch */
    eg_binding *io;
    eg_binding scratch;
} run_memory;

static eg_status
place_value(run_memory *r, uint32_t number, eg_error *err)
{
    const prepared *p = r->p;
    const eg_value *value = view_value(p, number);
    slot *m = &r->slots[number];
    m->alias = -1;
    r->io[number] = (eg_binding){.size = sizeof *r->io, .row_stride = p->strides[number]};
    if (is_weight(value))
        return EG_OK;
    uint64_t bytes;
    EG_TRY(span(p, number, &p->bound, &bytes, err));
    const eg_node *first = eg_graph_node(&p->c->graph, p->view.nodes[0]);
    if (p->style.inplace >= 0 && value->producer == p->view.nodes[0])
        m->alias = (int32_t)eg_view_number(&p->view, first->inputs[p->style.inplace]);
    else
        EG_TRY(slot_new(p->s, bytes, m, err));
    slot *home = m->alias >= 0 ? &r->slots[m->alias] : m;
    r->io[number].buffer = home->buffer;
    r->io[number].offset = home->lead;
    r->io[number].bytes = bytes;
    return EG_OK;
}

static eg_status
place_all(run_memory *r, eg_error *err)
{
    const prepared *p = r->p;
    uint32_t count = p->view.value_count;
    for (uint32_t i = 0; i < count; i++)
        EG_TRY(place_value(r, i, err));
    for (uint32_t i = 0; i < p->c->graph.inputs.count; i++) {
        uint32_t number = eg_view_number(&p->view, p->c->graph.inputs.items[i]);
        if (number != UINT32_MAX)
            EG_TRY(copy_rows(p, number, &r->slots[number], p->c->inputs[i], true, err));
    }
    for (uint32_t i = 0; i < count; i++)
        if (r->slots[i].buffer)
            EG_TRY(write_buffer(p->s, r->slots[i].buffer, r->slots[i].image, r->slots[i].total, err));
    if (p->scratch_bytes == 0)
        return EG_OK;
    EG_TRY(slot_new(p->s, p->scratch_bytes, &r->slots[count], err));
    EG_TRY(write_buffer(p->s, r->slots[count].buffer, r->slots[count].image, r->slots[count].total, err));
    r->scratch = (eg_binding){.size = sizeof r->scratch,
                              .buffer = r->slots[count].buffer,
                              .offset = r->slots[count].lead,
                              .bytes = p->scratch_bytes};
    return EG_OK;
}

static eg_status
execute(run_memory *r, profiling *times, eg_error *err)
{
    const prepared *p = r->p;
    subject *s = p->s;
    struct {
        eg_run_info known;
        uint64_t later[4];
    } info = {.known = {.size = p->style.oversized ? sizeof info : sizeof info.known,
                        .threads = s->threads,
                        .io = r->io,
                        .io_count = p->view.value_count,
                        .scratch = &r->scratch,
                        .scratch_count = 1,
                        .dims = &p->c->dims,
                        .cancel = p->style.cancel}};
    if (times)
        return times->profile->run(p->exec, &info.known, times->times, times->capacity, &times->count, err);
    eg_event *done = NULL;
    EG_TRY(s->ops->run(p->exec, &info.known, &done, err));
    if (!done)
        return EG_OK;
    if (!EG_HAS(eg_device_ops, s->ops, event_free) || !s->ops->wait || !s->ops->event_free)
        return eg_fail(err, EG_E_INTERNAL, "run() gave an event, but there is no wait()");
    eg_status status = s->ops->wait(s->device, &done, 1, err);
    s->ops->event_free(s->device, done);
    return status;
}

/* Reads everything back: inputs must be as they were, of the rest only true rows may have changed. */
static eg_status
inspect(run_memory *r, eg_error *err)
{
    const prepared *p = r->p;
    for (uint32_t i = 0; i < p->view.value_count; i++) {
        slot *m = &r->slots[i];
        if (!m->buffer)
            continue;
        const eg_value *value = view_value(p, i);
        bool overwritten = false;
        for (uint32_t k = 0; k < p->view.value_count; k++)
            overwritten |= r->slots[k].alias == (int32_t)i;
        unsigned char *before = m->image;
        m->image = eg_alloc((size_t)m->total);
        if (!m->image) {
            m->image = before;
            return eg_fail_nomem(err, "test memory");
        }
        eg_status status = read_buffer(p->s, m->image, m->buffer, m->total, err);
        if (status == EG_OK && value->producer == 0 && !overwritten && memcmp(before, m->image, (size_t)m->total) != 0)
            status = eg_fail(err, EG_E_INTERNAL, "the input '%s' was written", value->name);
        if (status == EG_OK)
            status = check_surroundings(p, i, m, err);
        eg_free(before);
        EG_TRY(status);
    }
    return EG_OK;
}

static eg_status
take_output(run_memory *r, void **out, uint64_t *out_count, eg_error *err)
{
    const prepared *p = r->p;
    eg_value_id id = p->c->graph.outputs.items[0];
    const eg_type *type = &eg_graph_value(&p->c->graph, id)->type;
    if (!eg_type_elements(type, &p->c->dims, out_count))
        return eg_fail(err, EG_E_INTERNAL, "a case is too large");
    *out = eg_calloc((size_t)*out_count, eg_dtype_size(type->dtype));
    if (!*out)
        return eg_fail_nomem(err, "test memory");
    uint32_t number = eg_view_number(&p->view, id);
    slot *m = &r->slots[number];
    return copy_rows(p, number, m->alias >= 0 ? &r->slots[m->alias] : m, *out, false, err);
}

eg_status
run_profiled(const prepared *p, profiling *times, void **out, uint64_t *out_count, eg_error *err)
{
    *out = NULL;
    uint32_t count = p->view.value_count + 1;
    run_memory r = {.p = p, .slots = eg_calloc(count, sizeof *r.slots), .io = eg_calloc(count, sizeof *r.io)};
    eg_status status = r.slots && r.io ? EG_OK : eg_fail_nomem(err, "test memory");
    if (status == EG_OK)
        status = place_all(&r, err);
    if (status == EG_OK)
        status = execute(&r, times, err);
    if (status == EG_OK)
        status = inspect(&r, err);
    if (status == EG_OK)
        status = take_output(&r, out, out_count, err);
    for (uint32_t i = 0; r.slots && i < count; i++)
        slot_free(p->s, &r.slots[i]);
    eg_free(r.slots);
    eg_free(r.io);
    return status;
}

eg_status
run_prepared(const prepared *p, void **out, uint64_t *out_count, eg_error *err)
{
    return run_profiled(p, NULL, out, out_count, err);
}

eg_status
run_case(subject *s, const check_case *c, run_style style, void **out, uint64_t *out_count, eg_error *err)
{
    *out = NULL;
    prepared p;
    EG_TRY(prepare(s, c, style, &p, err));
    eg_status status = run_prepared(&p, out, out_count, err);
    unprepare(&p);
    return status;
}

/* --- comparing ----------------------------------------------------------------------------------- */

/* Rows of padding and pairs with padding may hold anything. Marks what counts. */
static bool
counts(const check_case *c, const eg_type *type, uint64_t at)
{
    int64_t width = 1;
    if (type->kind == EG_TOKEN) {
        if (!eg_type_width(type, &width) || width == 0)
            return true;
        uint64_t row = at / (uint64_t)width;
        for (uint32_t b = 0; b < c->dims.B; b++)
            if (row >= c->rows[b].start && row < (uint64_t)c->rows[b].start + c->rows[b].rows)
                return row - c->rows[b].start < c->rows[b].valid;
    }
    if (type->kind != EG_PAIR)
        return true;
    uint64_t heads = (uint64_t)type->dims[0].k, window = type->dims[1].window;
    for (uint32_t b = 0; b < c->dims.B; b++) {
        uint64_t n = c->rows[b].rows, columns = window && 2 * window + 1 < n ? 2 * window + 1 : n;
        if (at >= heads * n * columns) {
            at -= heads * n * columns;
            continue;
        }
        bool query = at / columns % n < c->rows[b].valid;
        /* With a window a column is not a key; padded batches are compared without one. */
        return query && (columns != n || at % columns < c->rows[b].valid);
    }
    return true;
}

eg_status
compare(const check_case *c, const void *want, const void *got, uint64_t count, double tolerance, eg_error *err)
{
    const eg_type *type = &eg_graph_value(&c->graph, c->graph.outputs.items[0])->type;
    double largest = 0, worst = 0;
    uint64_t worst_at = 0;
    const float *w = want, *g = got;
    if (type->dtype != EG_F32) {
        for (uint64_t i = 0; i < count; i++)
            if (counts(c, type, i) && ((const int32_t *)want)[i] != ((const int32_t *)got)[i])
                return eg_fail(err, EG_E_FAILED, "element %llu: want %d, got %d", (unsigned long long)i,
                               ((const int32_t *)want)[i], ((const int32_t *)got)[i]);
        return EG_OK;
    }
    for (uint64_t i = 0; i < count; i++)
        if (counts(c, type, i) && isfinite(w[i]) && fabs((double)w[i]) > largest)
            largest = fabs((double)w[i]);
    for (uint64_t i = 0; i < count; i++) {
        if (!counts(c, type, i) || w[i] == g[i])
            continue;
        double distance = fabs((double)w[i] - (double)g[i]);
        if (isnan(distance))
            distance = INFINITY;
        if (distance > worst) {
            worst = distance;
            worst_at = i;
        }
    }
    double allowed = tolerance * (largest > 1 ? largest : 1);
    if (worst <= allowed)
        return EG_OK;
    return eg_fail(err, EG_E_FAILED, "element %llu of %llu: want %.9g, got %.9g, more than %.3g apart",
                   (unsigned long long)worst_at, (unsigned long long)count, (double)w[worst_at], (double)g[worst_at],
                   allowed);
}
