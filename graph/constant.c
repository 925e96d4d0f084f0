/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/constant.h"

#include <inttypes.h>

static const void *
advance(const eg_host_view *view, int64_t elements)
{
    if (!view->data)
        return NULL; /* a shape without a checkpoint */
    return (const char *)view->data + elements * (int64_t)eg_dtype_size(view->dtype);
}

static void
swap(int64_t *a)
{
    int64_t first = a[0];
    a[0] = a[1];
    a[1] = first;
}

eg_host_view
eg_view_transposed(eg_host_view view)
{
    swap(view.dims);
    swap(view.strides);
    swap(view.at);
    return view;
}

eg_host_view
eg_view_squeezed(eg_host_view view, uint32_t last)
{
    view.dims[last] = 0;
    view.strides[last] = 0;
    view.at[last] = 0;
    return view;
}

bool
eg_view_cut(eg_host_view *view, uint32_t axis, int64_t begin, int64_t end)
{
    int64_t first = view->at[axis], past = first + view->dims[axis];
    int64_t from = first > begin ? first : begin, to = past < end ? past : end;
    if (from >= to)
        return false;
    view->data = advance(view, (from - first) * view->strides[axis]);
    view->dims[axis] = to - from;
    view->at[axis] = from - begin;
    return true;
}

/* --- new constants ------------------------------------------------------------------------------- */

static eg_status
add_constant(eg_graph *graph, eg_value_id like, const char *what, const eg_type *type, const eg_view_list *views,
             eg_value_id *out, eg_error *err)
{
    eg_strbuf name = {0};
    const char *stem = eg_graph_value(graph, like)->name;
    eg_strbuf_printf(&name, "%s.%s", stem, what);
    for (uint32_t i = 2; !name.failed && eg_graph_find(graph, name.data); i++) {
        name.length = 0;
        eg_strbuf_printf(&name, "%s.%s.%" PRIu32, stem, what, i);
    }
    eg_status status = name.failed
                           ? eg_fail_nomem(err, "a constant")
                           : eg_graph_add_const(graph, name.data, type, views->items, (uint32_t)views->count, out, err);
    eg_strbuf_finish(&name);
    return status;
}

static bool
append_views(const eg_const *constant, uint32_t axis, int64_t offset, eg_view_list *out)
{
    for (uint32_t i = 0; i < constant->view_count; i++) {
        eg_host_view view = constant->views[i];
        view.at[axis] += offset;
        if (!EG_PUSH(out, view))
            return false;
    }
    return true;
}

eg_status
eg_const_join(eg_graph *graph, const eg_value_id *tables, uint32_t count, uint32_t axis, const char *what,
              eg_value_id *out, eg_error *err)
{
    eg_view_list views = {0};
    eg_type type = eg_graph_value(graph, tables[0])->type;
    int64_t size = 0;
    bool fits = true;
    for (uint32_t i = 0; fits && i < count; i++) {
        const eg_value *table = eg_graph_value(graph, tables[i]);
        fits = append_views(table->constant, axis, size, &views);
        if (__builtin_add_overflow(size, table->type.dims[axis].k, &size)) {
            eg_free(views.items);
            return eg_fail(err, EG_E_INPUT, "'%s' and others are too large to be joined", table->name);
        }
    }
    type.dims[axis].k = size;
    eg_status status =
        fits ? add_constant(graph, tables[0], what, &type, &views, out, err) : eg_fail_nomem(err, "a constant");
    eg_free(views.items);
    return status;
}

eg_status
eg_const_slice(eg_graph *graph, eg_value_id table, uint32_t axis, int64_t begin, int64_t end, const char *what,
               eg_value_id *out, eg_error *err)
{
    eg_view_list views = {0};
    const eg_value *value = eg_graph_value(graph, table);
    eg_type type = value->type;
    type.dims[axis].k = end - begin;
    bool fits = true;
    for (uint32_t i = 0; fits && i < value->constant->view_count; i++) {
        eg_host_view view = value->constant->views[i];
        if (eg_view_cut(&view, axis, begin, end))
            fits = EG_PUSH(&views, view);
    }
    eg_status status =
        fits ? add_constant(graph, table, what, &type, &views, out, err) : eg_fail_nomem(err, "a constant");
    eg_free(views.items);
    return status;
}
