/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/strided.h"

bool
eg_value_is_strided(const eg_graph *graph, eg_value_id id)
{
    int64_t offset, stride, width;
    if (eg_graph_alias_root(graph, id) == id)
        return false;
    return !eg_graph_alias_layout(graph, id, &offset, &stride) ||
           !eg_type_width(&eg_graph_value(graph, id)->type, &width) || offset != 0 || stride != width;
}

bool
eg_value_offset(const eg_graph *graph, eg_value_id id, uint64_t *out)
{
    int64_t offset, stride;
    return eg_graph_alias_layout(graph, id, &offset, &stride) && offset >= 0 &&
           !__builtin_mul_overflow((uint64_t)offset, eg_dtype_size(eg_graph_value(graph, id)->type.dtype), out);
}

bool
eg_value_extent(const eg_graph *graph, eg_value_id id, const eg_dims *dims, uint64_t *out)
{
    const eg_type *type = &eg_graph_value(graph, id)->type;
    int64_t offset, stride, width;
    uint64_t elements, gaps;
    if (!eg_value_is_strided(graph, id))
        return eg_type_bytes(type, dims, out);
    if (!eg_graph_alias_layout(graph, id, &offset, &stride) || !eg_type_width(type, &width) ||
        !eg_type_elements(type, dims, &elements))
        return false;
    if (elements == 0 || width <= 0 || stride < width) {
        *out = 0;
        return elements == 0;
    }
    uint64_t rows = elements / (uint64_t)width;
    return !__builtin_mul_overflow(rows - 1, (uint64_t)stride, &gaps) &&
           !__builtin_add_overflow(gaps, (uint64_t)width, &elements) &&
           !__builtin_mul_overflow(elements, eg_dtype_size(type->dtype), out);
}
