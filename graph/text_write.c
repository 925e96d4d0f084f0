/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the text form; graph/text.c says what it looks like and reads it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/type.h"

/* The fewest digits that read back as the same number; always with a point or an exponent, whatever the locale. */
static void
write_real(eg_strbuf *out, double real)
{
    char text[64];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, real);
        if (strtod(text, NULL) == real)
            break;
    }
    bool integral = true;
    for (const char *c = text; *c; c++) {
        if ((*c >= '0' && *c <= '9') || (*c && strchr("+-e", *c))) {
            eg_strbuf_putc(out, *c);
            integral = integral && *c != 'e';
        } else if (integral) { /* the locale's point, of one or more bytes */
            eg_strbuf_putc(out, '.');
            integral = false;
        }
    }
    if (integral)
        eg_strbuf_puts(out, ".0");
}

static void
write_attr(eg_strbuf *out, const eg_attr *attr)
{
    eg_strbuf_printf(out, "%s=", attr->name);
    switch (attr->type) {
    case EG_ATTR_INT:
        eg_strbuf_printf(out, "%" PRId64, attr->integer);
        break;
    case EG_ATTR_FLOAT:
        write_real(out, attr->real);
        break;
    case EG_ATTR_STRING:
        eg_strbuf_json(out, attr->string, strlen(attr->string));
        break;
    case EG_ATTR_INTS:
        eg_strbuf_putc(out, '[');
        for (uint32_t i = 0; i < attr->count; i++)
            eg_strbuf_printf(out, "%s%" PRId64, i ? ", " : "", attr->ints[i]);
        eg_strbuf_putc(out, ']');
        break;
    }
}

static void
write_type(eg_strbuf *out, const eg_type *type)
{
    char text[EG_TYPE_TEXT_MAX];
    eg_type_format(type, text, sizeof text);
    eg_strbuf_puts(out, text);
}

static void
write_source(eg_strbuf *out, const char *what, const eg_value *value)
{
    eg_strbuf_printf(out, "%s %%%s : ", what, value->name);
    write_type(out, &value->type);
    eg_strbuf_putc(out, '\n');
}

static void
write_node(eg_strbuf *out, const eg_graph *graph, const eg_node *node, size_t position)
{
    for (uint32_t i = 0; i < node->output_count; i++)
        eg_strbuf_printf(out, "%s%%%s", i ? ", " : "", eg_graph_value(graph, node->outputs[i])->name);
    eg_strbuf_printf(out, " = %s(", node->op->name);
    for (uint32_t i = 0; i < node->input_count; i++)
        eg_strbuf_printf(out, "%s%%%s", i ? ", " : "", eg_graph_value(graph, node->inputs[i])->name);
    eg_strbuf_putc(out, ')');
    for (uint32_t i = 0; i < node->attr_count; i++) {
        eg_strbuf_puts(out, i ? ", " : " {");
        write_attr(out, &node->attrs[i]);
    }
    eg_strbuf_puts(out, node->attr_count ? "} : " : " : ");
    for (uint32_t i = 0; i < node->output_count; i++) {
        eg_strbuf_puts(out, i ? ", " : "");
        write_type(out, &eg_graph_value(graph, node->outputs[i])->type);
    }
    if (node->scope[0]) {
        eg_strbuf_puts(out, " in ");
        eg_strbuf_json(out, node->scope, strlen(node->scope));
    }
    if (node->origin != position)
        eg_strbuf_printf(out, " from %" PRIu32, node->origin);
    eg_strbuf_putc(out, '\n');
}

eg_status
eg_graph_write(const eg_graph *graph, eg_strbuf *out, eg_error *err)
{
    eg_strbuf_puts(out, "graph ");
    eg_strbuf_json(out, graph->name, strlen(graph->name));
    eg_strbuf_printf(out, " sets %" PRIu32 "\n", graph->set_count);
    for (size_t i = 0; i < graph->inputs.count; i++)
        write_source(out, "input", eg_graph_value(graph, graph->inputs.items[i]));
    for (size_t i = 1; i < graph->values.count; i++) {
        if (graph->values.items[i].flags & EG_VALUE_CONST)
            write_source(out, "const", &graph->values.items[i]);
    }
    for (size_t i = 0; i < graph->order.count; i++)
        write_node(out, graph, eg_graph_node(graph, graph->order.items[i]), i + 1);
    for (size_t i = 0; i < graph->outputs.count; i++)
        eg_strbuf_printf(out, "output %%%s\n", eg_graph_value(graph, graph->outputs.items[i])->name);
    return out->failed ? eg_fail_nomem(err, "the text form") : EG_OK;
}
