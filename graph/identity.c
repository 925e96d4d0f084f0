/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/identity.h"

#include <string.h>

static void
add_bytes(eg_strbuf *key, const void *bytes, size_t n)
{
    eg_strbuf_append(key, bytes, n);
}

static void
add_text(eg_strbuf *key, const char *text)
{
    eg_strbuf_append(key, text, strlen(text) + 1);
}

static void
add_attr(eg_strbuf *key, const eg_attr *attr)
{
    add_text(key, attr->name);
    add_bytes(key, &attr->type, sizeof attr->type);
    switch (attr->type) {
    case EG_ATTR_INT:
        add_bytes(key, &attr->integer, sizeof attr->integer);
        break;
    case EG_ATTR_FLOAT:
        add_bytes(key, &attr->real, sizeof attr->real);
        break;
    case EG_ATTR_STRING:
        add_text(key, attr->string);
        break;
    case EG_ATTR_INTS:
        add_bytes(key, &attr->count, sizeof attr->count);
        add_bytes(key, attr->ints, attr->count * sizeof *attr->ints);
        break;
    }
}

void
eg_identity_add_op(const eg_node *node, eg_strbuf *key)
{
    add_text(key, node->op->name);
    add_bytes(key, &node->attr_count, sizeof node->attr_count);
    for (uint32_t i = 0; i < node->attr_count; i++)
        add_attr(key, &node->attrs[i]);
}

bool
eg_identity_add_constant(const eg_value *value, eg_strbuf *key)
{
    uint32_t rank = value->type.rank;
    add_text(key, "const");
    add_bytes(key, &value->type.dtype, sizeof value->type.dtype);
    add_bytes(key, &rank, sizeof rank);
    for (uint32_t i = 0; i < rank; i++)
        add_bytes(key, &value->type.dims[i].k, sizeof value->type.dims[i].k);
    add_bytes(key, &value->constant->view_count, sizeof value->constant->view_count);
    for (uint32_t i = 0; i < value->constant->view_count; i++) {
        const eg_host_view *view = &value->constant->views[i];
        if (!view->data)
            return false;
        add_bytes(key, &view->data, sizeof view->data);
        add_bytes(key, &view->dtype, sizeof view->dtype);
        add_bytes(key, view->dims, rank * sizeof *view->dims);
        add_bytes(key, view->strides, rank * sizeof *view->strides);
        add_bytes(key, view->at, rank * sizeof *view->at);
    }
    return true;
}
