/* SPDX-License-Identifier: Apache-2.0 */
/* A graph that is laid out, as SVG. Its style is scoped to its class, so that several stand in one page. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/draw/draw.h"
#include "engine/draw/palette.h"

enum { MARGIN = 22, HEADER = 58 };

/* Characters that fit: monospaced faces are at most 0.605 em wide. */
static size_t
room_for(double width, double size)
{
    double characters = width / (0.61 * size);
    return characters > 0 ? (size_t)characters : 0;
}

/* --- style --------------------------------------------------------------------------------------- */

static const char style[] =
    ".egbert-graph{font-family:'DejaVu Sans Mono',Menlo,Consolas,'Liberation Mono',monospace;font-size:10.5px}"
    ".egbert-graph .ground{fill:#fff}"
    ".egbert-graph .frame{fill:#f6f8fa;stroke:#d0d7de}"
    ".egbert-graph .scope{fill:#57606a;font-size:11px;font-weight:bold}"
    ".egbert-graph .wire{fill:none;stroke:#7b8794;stroke-width:1.4}"
    ".egbert-graph .head{fill:#7b8794}"
    ".egbert-graph .box{stroke-width:1.2}"
    ".egbert-graph .fused{stroke-width:2.4}"
    ".egbert-graph .view{fill:#fff;stroke:#7b8794;stroke-width:1.2;stroke-dasharray:4 3}"
    ".egbert-graph .outside{fill:#eaeef2;stroke:#8c959f;stroke-width:1}"
    ".egbert-graph .op{fill:#1f2328;font-size:13px;font-weight:bold}"
    ".egbert-graph .title{fill:#1f2328;font-size:15px;font-weight:bold}"
    ".egbert-graph .soft{fill:#57606a}"
    ".egbert-graph .weight{fill:#57606a;font-size:9.5px}"
    ".egbert-graph .chip{fill:#fff;stroke-width:1}"
    ".egbert-graph .chip-text{fill:#1f2328;font-size:9.5px}"
    ".egbert-graph .output{fill:#1f2328}"
    ".egbert-graph .output-text{fill:#fff;font-size:10px;font-weight:bold}";

static const char dark_style[] = ".egbert-graph .ground{fill:#0d1117}"
                                 ".egbert-graph .frame{fill:#161b22;stroke:#30363d}"
                                 ".egbert-graph .scope,.egbert-graph .soft,.egbert-graph .weight{fill:#a5b0bc}"
                                 ".egbert-graph .wire{stroke:#768390}"
                                 ".egbert-graph .head{fill:#768390}"
                                 ".egbert-graph .view{fill:#0d1117;stroke:#768390}"
                                 ".egbert-graph .outside{fill:#21262d;stroke:#6e7681}"
                                 ".egbert-graph .op,.egbert-graph .title,.egbert-graph .chip-text{fill:#e6edf3}"
                                 ".egbert-graph .chip{fill:#0d1117}"
                                 ".egbert-graph .output{fill:#e6edf3}"
                                 ".egbert-graph .output-text{fill:#0d1117}";

static void
put_tone_style(eg_strbuf *out, uint32_t number, bool dark)
{
    const eg_tone *tone = eg_palette_tone(number);
    const char *fill = dark ? tone->dark_fill : tone->light_fill, *line = dark ? tone->dark_line : tone->light_line;
    eg_strbuf_printf(out, ".egbert-graph .t%" PRIu32 "{fill:%s;stroke:%s}.egbert-graph .c%" PRIu32 "{stroke:%s}",
                     number, fill, line, number, line);
}

static void
put_style(const eg_scene *scene, eg_strbuf *out)
{
    uint32_t tones = (uint32_t)scene->plan->target_count;
    tones = tones < EG_PALETTE_TONES ? tones : EG_PALETTE_TONES;
    eg_strbuf_puts(out, "<style>");
    eg_strbuf_puts(out, style);
    for (uint32_t i = 0; i < tones; i++)
        put_tone_style(out, i, false);
    eg_strbuf_puts(out, "@media screen and (prefers-color-scheme:dark){");
    eg_strbuf_puts(out, dark_style);
    for (uint32_t i = 0; i < tones; i++)
        put_tone_style(out, i, true);
    eg_strbuf_puts(out, "}</style>\n");
}

/* --- pieces -------------------------------------------------------------------------------------- */

static void
put_text(eg_strbuf *out, double x, double y, const char *class, const char *text, size_t room, eg_cut cut)
{
    eg_strbuf_printf(out, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">", class, x, y);
    eg_xml_puts_cut(out, text, room, cut);
    eg_strbuf_puts(out, "</text>");
}

static void
put_attribute(eg_strbuf *out, const eg_attr *attr)
{
    eg_strbuf_printf(out, "\n%s = ", attr->name);
    if (attr->type == EG_ATTR_INT)
        eg_strbuf_printf(out, "%" PRId64, attr->integer);
    else if (attr->type == EG_ATTR_FLOAT)
        eg_strbuf_printf(out, "%g", attr->real);
    else if (attr->type == EG_ATTR_STRING)
        eg_xml_puts(out, attr->string);
    else
        for (uint32_t i = 0; i < attr->count; i++)
            eg_strbuf_printf(out, "%s%" PRId64, i ? ", " : "", attr->ints[i]);
}

/* All that the box has no room for; viewers show it when the pointer rests there. */
static void
put_tooltip(const eg_scene *scene, const eg_box *box, eg_strbuf *out)
{
    const eg_graph *graph = &scene->plan->built.graph;
    const eg_value *value = eg_graph_value(graph, box->value);
    char type[128];
    eg_type_format(&value->type, type, sizeof type);
    eg_strbuf_puts(out, "<title>");
    eg_xml_puts(out, value->name);
    eg_strbuf_printf(out, " : %s", type);
    if (box->node) {
        const eg_node *node = eg_graph_node(graph, box->node);
        eg_strbuf_printf(out, "\nop %s", node->op->name);
        if (!box->is_view) {
            eg_strbuf_puts(out, " on ");
            eg_xml_puts(out, scene->plan->targets[box->target].name);
        }
        for (uint32_t i = 0; i < node->attr_count; i++)
            put_attribute(out, &node->attrs[i]);
        for (uint32_t i = 0; i < box->weight_count; i++) {
            eg_strbuf_puts(out, "\nweight ");
            eg_xml_puts(out, eg_graph_value(graph, box->weights[i])->name);
        }
        for (uint32_t i = 0; i < node->origin_count; i++) {
            eg_strbuf_printf(out, "\nmade of %s ", node->origins[i].op);
            eg_xml_puts(out, node->origins[i].name);
        }
    }
    eg_strbuf_puts(out, "</title>");
}

static double
put_chips(const eg_box *box, double left, double y, eg_strbuf *out)
{
    double x = 0;
    uint32_t line = 0;
    for (uint32_t i = 0; i < box->chip_count; i++) {
        const eg_chip *chip = &box->chips[i];
        double at = left + eg_chip_place(chip, &x, &line), top = y + line * EG_DRAW_CHIP_H;
        eg_strbuf_printf(
            out, "<rect class=\"chip c%" PRIu32 "\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"15\" rx=\"7.5\"/>",
            box->target % EG_PALETTE_TONES, at, top, eg_chip_width(chip));
        eg_strbuf_printf(out, "<text class=\"chip-text\" x=\"%.1f\" y=\"%.1f\">%s", at + 6, top + 11, chip->op);
        if (chip->count > 1)
            eg_strbuf_printf(out, " ×%" PRIu32, chip->count);
        eg_strbuf_puts(out, "</text>");
    }
    return y + (line + 1) * EG_DRAW_CHIP_H;
}

/*
 * A name that is too long loses leading parts between dots; where that would leave less than two thirds of the room in use,
 * it is cut inside a part.
 */
static void
put_tail(eg_strbuf *out, const char *name, size_t room)
{
    const char *tail = name;
    while (tail && strlen(tail) + (tail > name) > room) {
        tail = strchr(tail, '.');
        tail = tail ? tail + 1 : NULL;
    }
    if (!tail || (tail > name && 3 * strlen(tail) < 2 * room)) {
        eg_xml_puts_cut(out, name, room, EG_CUT_BEGINNING);
        return;
    }
    eg_strbuf_puts(out, tail > name ? "…" : "");
    eg_xml_puts(out, tail);
}

/* "…query.weight [768, 768]"; what does not fit into the lines is counted in the last. */
static double
put_weights(const eg_scene *scene, const eg_box *box, double left, double y, eg_strbuf *out)
{
    const eg_graph *graph = &scene->plan->built.graph;
    double width = box->w - 2 * EG_DRAW_PAD;
    size_t room = room_for(width, 9.5);
    uint32_t shown = box->weight_count > EG_DRAW_WEIGHT_LINES ? EG_DRAW_WEIGHT_LINES - 1 : box->weight_count;
    for (uint32_t i = 0; i < shown; i++, y += EG_DRAW_LINE_H) {
        const eg_value *weight = eg_graph_value(graph, box->weights[i]);
        char shape[128];
        eg_format_shape(&weight->type, shape, sizeof shape);
        const char *dims = strchr(shape, '[');
        size_t used = dims ? strlen(dims) : 0, left_room = room > used + 4 ? room - used - 1 : 4;
        eg_strbuf_printf(out, "<text class=\"weight\" x=\"%.1f\" y=\"%.1f\">", left, y + 9);
        put_tail(out, weight->name, left_room);
        eg_strbuf_puts(out, "</text>");
        if (dims)
            eg_strbuf_printf(out, "<text class=\"weight\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%s</text>",
                             left + width, y + 9, dims);
    }
    if (shown == box->weight_count)
        return y;
    eg_strbuf_printf(out, "<text class=\"weight\" x=\"%.1f\" y=\"%.1f\">and %" PRIu32 " more</text>", left, y + 9,
                     box->weight_count - shown);
    return y + EG_DRAW_LINE_H;
}

static void
put_output(const eg_box *box, double left, double y, eg_strbuf *out)
{
    char text[160];
    snprintf(text, sizeof text, "output %s", box->output);
    double width = box->w - 2 * EG_DRAW_PAD;
    eg_strbuf_printf(out, "<rect class=\"output\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"17\" rx=\"4\"/>", left,
                     y, width);
    put_text(out, left + 7, y + 12, "output-text", text, room_for(width - 14, 10), EG_CUT_END);
}

/* The op's name and, on the right, its result's type; below both the result's name. */
static void
put_head(const eg_box *box, const eg_value *value, const char *op, double left, eg_strbuf *out)
{
    double width = box->w - 2 * EG_DRAW_PAD, op_width = 0.61 * 13 * (double)strlen(op);
    char shape[128];
    eg_format_shape(&value->type, shape, sizeof shape);
    put_text(out, left, box->y + 18, "op", op, room_for(width, 13), EG_CUT_END);
    eg_strbuf_printf(out, "<text class=\"soft\" text-anchor=\"end\" x=\"%.1f\" y=\"%.1f\">", left + width, box->y + 18);
    eg_xml_puts_cut(out, shape, room_for(width - op_width - 8, 10.5), EG_CUT_BEGINNING);
    eg_strbuf_puts(out, "</text>");
    put_text(out, left, box->y + 33, "soft", value->name, room_for(width, 10.5), EG_CUT_MIDDLE);
}

/* A view or a value from outside: one name above one line of facts. */
static void
put_small(const eg_box *box, const eg_value *value, const char *op, double left, eg_strbuf *out)
{
    double width = box->w - 2 * EG_DRAW_PAD;
    char facts[192], shape[128];
    eg_format_shape(&value->type, shape, sizeof shape);
    snprintf(facts, sizeof facts, "%s%s%s", op ? op : "", op ? " " : "", shape);
    put_text(out, left, box->y + 15, "soft", value->name, room_for(width, 10.5), EG_CUT_MIDDLE);
    put_text(out, left, box->y + 28, "weight", facts, room_for(width, 9.5), EG_CUT_MIDDLE);
}

static void
put_box(const eg_scene *scene, const eg_box *box, eg_strbuf *out)
{
    const eg_graph *graph = &scene->plan->built.graph;
    const eg_value *value = eg_graph_value(graph, box->value);
    double left = box->x - box->w / 2 + EG_DRAW_PAD;
    bool small = box->node == 0 || box->is_view;
    eg_strbuf_puts(out, "<g>");
    put_tooltip(scene, box, out);
    eg_strbuf_printf(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"%d\" class=\"",
                     box->x - box->w / 2, box->y, box->w, box->h, box->node == 0 ? 18 : 8);
    if (small)
        eg_strbuf_puts(out, box->node ? "view" : "outside");
    else
        eg_strbuf_printf(out, "box t%" PRIu32 "%s", box->target % EG_PALETTE_TONES, box->chip_count ? " fused" : "");
    eg_strbuf_puts(out, "\"/>");
    const char *op = box->node ? eg_graph_node(graph, box->node)->op->name : NULL;
    if (small)
        put_small(box, value, op, left, out);
    else
        put_head(box, value, op, left, out);
    double y = box->y + (small ? EG_DRAW_SMALL_H : EG_DRAW_HEAD_H);
    if (box->chip_count)
        y = put_chips(box, left, y, out) + 4;
    if (box->weight_count)
        y = put_weights(scene, box, left, y, out) + 3;
    if (box->output)
        put_output(box, left, y, out);
    eg_strbuf_puts(out, "</g>\n");
}

/* --- wires --------------------------------------------------------------------------------------- */

/* From (x, y) to (to, below) with vertical ends. */
static void
put_bend(eg_strbuf *out, double x, double y, double to, double below)
{
    if (x == to)
        eg_strbuf_printf(out, "V%.1f", below);
    else
        eg_strbuf_printf(out, "C%.1f %.1f %.1f %.1f %.1f %.1f", x, (y + below) / 2, to, (y + below) / 2, to, below);
}

static void
put_wire(const eg_scene *scene, const eg_wire *wire, eg_strbuf *out)
{
    const eg_box *from = &scene->boxes.items[wire->from], *to = &scene->boxes.items[wire->to];
    double row_end = scene->row_y[from->row] + scene->row_h[from->row], tip = to->y - 1;
    eg_strbuf_printf(out, "<path class=\"wire\" d=\"M%.1f %.1fV%.1f", wire->from_x, from->y + from->h, row_end);
    double x = wire->from_x, y = row_end;
    if (to->row > from->row + 1) {
        double next = scene->row_y[from->row + 1];
        put_bend(out, x, y, wire->lane, next);
        y = scene->row_y[to->row - 1] + scene->row_h[to->row - 1];
        x = wire->lane;
        eg_strbuf_printf(out, "V%.1f", y);
    }
    put_bend(out, x, y, wire->to_x, tip - 5);
    eg_strbuf_printf(out, "\"/><path class=\"head\" d=\"M%.1f %.1fl-3.5 -7h7z\"/>\n", wire->to_x, tip);
}

/* --- the picture --------------------------------------------------------------------------------- */

static double
put_swatch(eg_strbuf *out, double x, const char *class, const char *label)
{
    size_t shown = strlen(label) < 40 ? strlen(label) : 40;
    eg_strbuf_printf(out, "<rect class=\"%s\" x=\"%.1f\" y=\"37\" width=\"18\" height=\"12\" rx=\"3\"/>", class, x);
    put_text(out, x + 24, 47, "soft", label, shown, EG_CUT_END);
    return x + 24 + 6.5 * (double)shown + 20;
}

static bool
is_drawn(const eg_scene *scene, uint32_t target)
{
    for (size_t i = 0; i < scene->boxes.count; i++)
        if (scene->boxes.items[i].node && !scene->boxes.items[i].is_view && scene->boxes.items[i].target == target)
            return true;
    return false;
}

static void
put_legend(const eg_scene *scene, double left, eg_strbuf *out)
{
    bool views = false, fused = false;
    double x = left;
    for (size_t i = 0; i < scene->boxes.count; i++) {
        views = views || scene->boxes.items[i].is_view;
        fused = fused || scene->boxes.items[i].chip_count;
    }
    for (uint32_t target = 0; target < scene->plan->target_count; target++) {
        char class[32];
        snprintf(class, sizeof class, "box t%" PRIu32, target % EG_PALETTE_TONES);
        if (is_drawn(scene, target))
            x = put_swatch(out, x, class, scene->plan->targets[target].name);
    }
    if (fused)
        x = put_swatch(out, x, "box fused t0", "fused");
    if (views)
        x = put_swatch(out, x, "view", "view");
    (void)put_swatch(out, x, "outside", "input");
}

static void
put_title(const eg_scene *scene, const char *scope, double left, double width, eg_strbuf *out)
{
    size_t kernels = 0, views = 0;
    for (size_t i = 0; i < scene->boxes.count; i++) {
        kernels += scene->boxes.items[i].node && !scene->boxes.items[i].is_view;
        views += scene->boxes.items[i].is_view;
    }
    char text[256];
    int length = snprintf(text, sizeof text, "%s%s%s, %zu kernels", scene->plan->built.graph.name, scope ? ", " : "",
                          scope ? scope : "", kernels);
    if (views && length > 0 && (size_t)length < sizeof text)
        snprintf(text + length, sizeof text - (size_t)length, ", %zu view%s", views, views == 1 ? "" : "s");
    put_text(out, left, 22, "title", text, room_for(width, 15), EG_CUT_MIDDLE);
}

static void
put_picture(const eg_scene *scene, const char *scope, eg_strbuf *out)
{
    double pad = MARGIN + 14; /* frames reach over their boxes */
    double left = scene->left - pad, width = scene->right - scene->left + 2 * pad;
    double height = scene->bottom + HEADER + MARGIN;
    width = width < 420 ? 420 : width;
    left = (scene->left + scene->right) / 2 - width / 2;
    eg_strbuf_printf(out,
                     "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"egbert-graph\" width=\"%.0f\" height=\"%.0f\" "
                     "viewBox=\"%.1f 0 %.0f %.0f\" role=\"img\">\n<title>",
                     width, height, left, width, height);
    eg_xml_puts(out, scene->plan->built.graph.name);
    eg_strbuf_puts(out, ": operator graph</title>\n");
    put_style(scene, out);
    eg_strbuf_printf(out, "<rect class=\"ground\" x=\"%.1f\" y=\"0\" width=\"%.0f\" height=\"%.0f\"/>\n", left, width,
                     height);
    put_title(scene, scope, left + MARGIN, width - 2 * MARGIN, out);
    put_legend(scene, left + MARGIN, out);
    eg_strbuf_printf(out, "\n<g transform=\"translate(0 %d)\">\n", HEADER);
    for (size_t g = 0; g < scene->groups.count; g++) {
        const eg_group *group = &scene->groups.items[g];
        if (!*group->scope)
            continue;
        eg_strbuf_printf(out, "<rect class=\"frame\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"10\"/>",
                         left + MARGIN, group->y, width - 2 * MARGIN, group->h);
        put_text(out, left + MARGIN + 12, group->y + 18, "scope", group->scope, room_for(width - 80, 11),
                 EG_CUT_MIDDLE);
        eg_strbuf_putc(out, '\n');
    }
    for (size_t i = 0; i < scene->wires.count; i++)
        put_wire(scene, &scene->wires.items[i], out);
    for (size_t i = 0; i < scene->boxes.count; i++)
        put_box(scene, &scene->boxes.items[i], out);
    eg_strbuf_puts(out, "</g>\n</svg>\n");
}

eg_status
eg_draw_graph_svg(const eg_plan *plan, const char *scope, eg_strbuf *out, eg_error *err)
{
    eg_scene scene = {0};
    eg_status status = eg_scene_make(plan, scope, &scene, err);
    if (status == EG_OK)
        status = eg_scene_lay_out(&scene, err);
    if (status == EG_OK)
        put_picture(&scene, scope, out);
    eg_scene_finish(&scene);
    return status;
}
