/* SPDX-License-Identifier: Apache-2.0 */
/* The graph in Graphviz's language. Groups are clusters; what a fused node was made of and its weights are in its label. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/draw/draw.h"
#include "engine/draw/palette.h"

/* Inside a quoted string of the language. */
static void
put_quoted(eg_strbuf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            eg_strbuf_putc(out, '\\');
        if ((unsigned char)*text >= 0x20)
            eg_strbuf_putc(out, *text);
    }
}

static void
put_label(const eg_scene *scene, const eg_box *box, eg_strbuf *out)
{
    const eg_graph *graph = &scene->plan->built.graph;
    const eg_value *value = eg_graph_value(graph, box->value);
    char type[128];
    eg_type_format(&value->type, type, sizeof type);
    if (box->node)
        eg_strbuf_printf(out, "%s\\n", eg_graph_node(graph, box->node)->op->name);
    put_quoted(out, value->name);
    eg_strbuf_puts(out, "\\n");
    put_quoted(out, type);
    for (uint32_t i = 0; i < box->chip_count; i++) {
        eg_strbuf_printf(out, "%s%s", i ? " + " : "\\n= ", box->chips[i].op);
        if (box->chips[i].count > 1)
            eg_strbuf_printf(out, " ×%" PRIu32, box->chips[i].count);
    }
    for (uint32_t i = 0; i < box->weight_count; i++) {
        eg_strbuf_puts(out, "\\n· ");
        put_quoted(out, eg_graph_value(graph, box->weights[i])->name);
    }
    if (box->output) {
        eg_strbuf_puts(out, "\\noutput ");
        put_quoted(out, box->output);
    }
}

static void
put_box(const eg_scene *scene, uint32_t i, eg_strbuf *out)
{
    const eg_box *box = &scene->boxes.items[i];
    eg_strbuf_printf(out, "    n%" PRIu32 " [label=\"", i);
    put_label(scene, box, out);
    eg_strbuf_putc(out, '"');
    if (box->node == 0) {
        eg_strbuf_puts(out, ", style=\"rounded\", color=\"#57606a\"");
    } else if (box->is_view) {
        eg_strbuf_puts(out, ", style=\"rounded,dashed\", color=\"#57606a\"");
    } else {
        const eg_tone *tone = eg_palette_tone(box->target);
        eg_strbuf_printf(out, ", fillcolor=\"%s\", color=\"%s\"", tone->light_fill, tone->light_line);
        if (box->chip_count)
            eg_strbuf_puts(out, ", penwidth=2");
    }
    eg_strbuf_puts(out, "];\n");
}

static void
put_group(const eg_scene *scene, uint32_t group, eg_strbuf *out)
{
    const char *scope = scene->groups.items[group].scope;
    if (*scope) {
        eg_strbuf_printf(out, "  subgraph cluster_%" PRIu32 " {\n    label=\"", group);
        put_quoted(out, scope);
        eg_strbuf_puts(out, "\";\n    style=\"rounded\"; color=\"#d0d7de\"; labeljust=\"l\";\n");
    }
    for (uint32_t i = 0; i < scene->boxes.count; i++)
        if (scene->boxes.items[i].group == group)
            put_box(scene, i, out);
    if (*scope)
        eg_strbuf_puts(out, "  }\n");
}

eg_status
eg_draw_graph_dot(const eg_plan *plan, const char *scope, eg_strbuf *out, eg_error *err)
{
    eg_scene scene = {0};
    eg_status status = eg_scene_make(plan, scope, &scene, err);
    if (status == EG_OK) {
        eg_strbuf_puts(out, "digraph \"");
        put_quoted(out, plan->built.graph.name);
        eg_strbuf_puts(out, "\" {\n  rankdir=TB; nodesep=0.3; ranksep=0.35; fontname=\"sans-serif\"; fontsize=11;\n"
                            "  node [shape=box, style=\"rounded,filled\", fontname=\"sans-serif\", fontsize=10];\n"
                            "  edge [color=\"#7b8794\", arrowsize=0.7];\n");
        for (uint32_t g = 0; g < scene.groups.count; g++)
            put_group(&scene, g, out);
        for (size_t i = 0; i < scene.wires.count; i++)
            eg_strbuf_printf(out, "  n%" PRIu32 " -> n%" PRIu32 ";\n", scene.wires.items[i].from,
                             scene.wires.items[i].to);
        eg_strbuf_puts(out, "}\n");
    }
    eg_scene_finish(&scene);
    return status;
}
