/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory plan as a picture: time from left to right in steps, offset from bottom to top, one rectangle per value for
 * as long as it is kept. What is white between rectangles is memory that is reserved and not used; the dashed line is
 * the least that any placement needs.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/draw/draw.h"
#include "engine/draw/palette.h"

enum { PLOT_LEFT = 70, PLOT_W = 1000, PLOT_H = 380, RIGHT = 96, TOP = 78, BOTTOM = 58, PANEL_GAP = 30 };

typedef struct map {
    const eg_plan *plan;
    const eg_memory_plan *memory;
    const eg_space *space;
    eg_strbuf *out;
    double top; /* of the panel's plot */
} map;

/* --- style --------------------------------------------------------------------------------------- */

/* By what a value is; the number is that of its tone. */
static const char *const kinds[] = {"input or output", "attention matrix", "tokens", "text"};
enum { KIND_ENDS, KIND_PAIR, KIND_TOKEN, KIND_TEXT, KINDS };
static const uint32_t tone_of_kind[KINDS] = {5, 1, 0, 2};

static uint32_t
kind_of(const eg_value *value)
{
    if (value->flags & (EG_VALUE_INPUT | EG_VALUE_OUTPUT))
        return KIND_ENDS;
    return value->type.kind == EG_PAIR ? KIND_PAIR : value->type.kind == EG_TEXT ? KIND_TEXT : KIND_TOKEN;
}

static void
put_tones(eg_strbuf *out, bool dark)
{
    for (uint32_t kind = 0; kind < KINDS; kind++) {
        const eg_tone *tone = eg_palette_tone(tone_of_kind[kind]);
        eg_strbuf_printf(out, ".egbert-memory .k%" PRIu32 "{fill:%s;stroke:%s}", kind,
                         dark ? tone->dark_line : tone->light_line, dark ? tone->dark_line : tone->light_line);
    }
}

static void
put_style(eg_strbuf *out)
{
    eg_strbuf_puts(out, "<style>"
                        ".egbert-memory{font-family:'DejaVu Sans Mono',Menlo,Consolas,'Liberation Mono',monospace;"
                        "font-size:11px}"
                        ".egbert-memory .ground{fill:#fff}"
                        ".egbert-memory .plot{fill:#fff;stroke:#d0d7de}"
                        ".egbert-memory .value{stroke-width:.8;fill-opacity:.42}"
                        ".egbert-memory .odd{fill-opacity:.24}"
                        ".egbert-memory .grid{stroke:#d0d7de;stroke-width:1}"
                        ".egbert-memory .bound{stroke:#b3261e;stroke-width:1.6;stroke-dasharray:7 4}"
                        ".egbert-memory .bound-text{fill:#b3261e}"
                        ".egbert-memory .title{fill:#1f2328;font-size:15px;font-weight:bold}"
                        ".egbert-memory .soft{fill:#57606a}"
                        ".egbert-memory .name{fill:#1f2328;font-size:9.5px}");
    put_tones(out, false);
    eg_strbuf_puts(out, "@media screen and (prefers-color-scheme:dark){"
                        ".egbert-memory .ground{fill:#0d1117}"
                        ".egbert-memory .plot{fill:#0d1117;stroke:#30363d}"
                        ".egbert-memory .grid{stroke:#30363d}"
                        ".egbert-memory .bound{stroke:#ff8f87}"
                        ".egbert-memory .bound-text{fill:#ff8f87}"
                        ".egbert-memory .title,.egbert-memory .name{fill:#e6edf3}"
                        ".egbert-memory .soft{fill:#a5b0bc}");
    put_tones(out, true);
    eg_strbuf_puts(out, "}</style>\n");
}

/* --- scales -------------------------------------------------------------------------------------- */

static double
x_of(const map *m, uint32_t step)
{
    return PLOT_LEFT + (double)PLOT_W * step / m->memory->step_count;
}

static double
y_of(const map *m, uint64_t offset)
{
    return m->top + PLOT_H * (1 - (double)offset / (double)m->space->sizes.arena);
}

/* A step of the axis: 1, 2 or 5 times a power of two-to-the-tenth's decimal, so that 4 to 10 lines fit. */
static double
grid_step(double most)
{
    double step = 1;
    while (step * 10 < most)
        step *= 10;
    static const double parts[] = {0.1, 0.2, 0.5, 1, 2, 5};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (most / (step * parts[i]) <= 8)
            return step * parts[i];
    return step * 10;
}

static void
put_axis(const map *m)
{
    double unit = 1024.0 * 1024.0;
    const char *name = "MiB";
    double arena = (double)m->space->sizes.arena;
    if (arena < unit) {
        unit = 1024.0;
        name = "KiB";
    }
    double step = grid_step(arena / unit);
    for (double at = 0; at * unit <= arena * 1.0001; at += step) {
        double y = m->top + PLOT_H * (1 - at * unit / arena);
        eg_strbuf_printf(m->out, "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>", PLOT_LEFT - 5,
                         PLOT_LEFT + PLOT_W, y, y);
        eg_strbuf_printf(m->out, "<text class=\"soft\" text-anchor=\"end\" x=\"%d\" y=\"%.1f\">%g</text>",
                         PLOT_LEFT - 9, y + 4, at);
    }
    eg_strbuf_printf(m->out, "<text class=\"soft\" text-anchor=\"end\" x=\"%d\" y=\"%.1f\">%s</text>\n", PLOT_LEFT - 9,
                     m->top - 10, name);
}

/* --- values -------------------------------------------------------------------------------------- */

/* From its first to its last step, those of the views of it included. */
static void
lifetime_of(const map *m, eg_value_id id, uint32_t *first, uint32_t *last)
{
    const eg_graph *graph = &m->plan->built.graph;
    *first = m->space->slots[id].first;
    *last = m->space->slots[id].last;
    for (size_t i = 0; i < graph->order.count; i++) {
        const eg_node *node = eg_graph_node(graph, graph->order.items[i]);
        if (!eg_node_is_view(graph, node) || eg_graph_alias_root(graph, node->outputs[0]) != id)
            continue;
        const eg_slot *view = &m->space->slots[node->outputs[0]];
        *last = view->present && view->last > *last ? view->last : *last;
    }
}

/* Scopes take turns, so that the layers of a model show as a pattern. */
static bool
is_odd(const eg_graph *graph, const eg_value *value)
{
    if (value->producer == 0)
        return false;
    const char *scope = eg_graph_node(graph, value->producer)->scope, *at = scope;
    unsigned number = 0;
    for (; *at; at++)
        if (*at >= '0' && *at <= '9')
            number = number * 10 + (unsigned)(*at - '0');
    return number % 2 == 1;
}

static void
put_value(const map *m, eg_value_id id)
{
    const eg_graph *graph = &m->plan->built.graph;
    const eg_value *value = eg_graph_value(graph, id);
    const eg_slot *slot = &m->space->slots[id];
    uint32_t first, last;
    lifetime_of(m, id, &first, &last);
    double x = x_of(m, first), w = x_of(m, last + 1) - x,
           h = PLOT_H * (double)slot->bytes / (double)m->space->sizes.arena;
    double y = y_of(m, slot->offset) - h;
    char type[128], bytes[32], offset[32];
    eg_type_format(&value->type, type, sizeof type);
    eg_format_bytes(slot->bytes, bytes, sizeof bytes);
    eg_format_bytes(slot->offset, offset, sizeof offset);
    eg_strbuf_puts(m->out, "<g><title>");
    eg_xml_puts(m->out, value->name);
    eg_strbuf_printf(m->out, " : %s\n%s at %s, steps %" PRIu32 " to %" PRIu32 "</title>", type, bytes, offset, first,
                     last);
    eg_strbuf_printf(m->out,
                     "<rect class=\"value k%" PRIu32 "%s\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\"/>",
                     kind_of(value), is_odd(graph, value) ? " odd" : "", x, y, w, h);
    size_t room = w > 12 ? (size_t)((w - 8) / (0.61 * 9.5)) : 0;
    if (h >= 13 && (room >= strlen(value->name) || room >= 10)) {
        eg_strbuf_printf(m->out, "<text class=\"name\" x=\"%.1f\" y=\"%.1f\">", x + 4, y + h / 2 + 3.5);
        eg_xml_puts_cut(m->out, value->name, room, EG_CUT_MIDDLE);
        eg_strbuf_puts(m->out, "</text>");
    }
    eg_strbuf_puts(m->out, "</g>\n");
}

/* --- time ---------------------------------------------------------------------------------------- */

static void
put_scope(const map *m, const char *scope, uint32_t first, uint32_t last, bool line)
{
    double x = x_of(m, first), w = x_of(m, last + 1) - x, y = m->top + PLOT_H;
    if (line)
        eg_strbuf_printf(m->out, "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>", x, x, m->top,
                         y + 8);
    size_t room = (size_t)(w / (0.61 * 11));
    const char *tail = strrchr(scope, '.');
    const char *shown = strlen(scope) <= room ? scope : tail ? tail + 1 : scope;
    if (*scope == '\0' || strlen(shown) > room)
        return;
    eg_strbuf_printf(m->out, "<text class=\"soft\" text-anchor=\"middle\" x=\"%.1f\" y=\"%.1f\">", x + w / 2, y + 18);
    eg_xml_puts(m->out, shown);
    eg_strbuf_puts(m->out, "</text>\n");
}

/* Marks where each scope begins, by the step at which its first value is made. */
static void
put_scopes(const map *m)
{
    const eg_graph *graph = &m->plan->built.graph;
    const char *scope = "";
    uint32_t first = 0, last = 0;
    bool any = false;
    for (size_t i = 0; i < graph->order.count; i++) {
        const eg_node *node = eg_graph_node(graph, graph->order.items[i]);
        const eg_slot *slot = &m->space->slots[node->outputs[0]];
        if (!slot->present || eg_node_is_view(graph, node))
            continue;
        if (any && strcmp(scope, node->scope) != 0) {
            put_scope(m, scope, first, last, true);
            any = false;
        }
        first = any ? first : slot->first;
        last = slot->first;
        scope = node->scope;
        any = true;
    }
    if (any)
        put_scope(m, scope, first, last, true);
    eg_strbuf_printf(m->out, "<text class=\"soft\" x=\"%d\" y=\"%.1f\">steps, %" PRIu32 " in all</text>\n", PLOT_LEFT,
                     m->top + PLOT_H + 36, m->memory->step_count);
}

/* --- panels -------------------------------------------------------------------------------------- */

static void
put_bound(const map *m)
{
    char text[32];
    double y = y_of(m, m->space->sizes.bound);
    eg_strbuf_printf(m->out, "<line class=\"bound\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>", PLOT_LEFT,
                     PLOT_LEFT + PLOT_W + 6, y, y);
    eg_format_bytes(m->space->sizes.bound, text, sizeof text);
    eg_strbuf_printf(m->out,
                     "<text class=\"bound-text\" x=\"%d\" y=\"%.1f\">bound</text>"
                     "<text class=\"bound-text\" x=\"%d\" y=\"%.1f\">%s</text>\n",
                     PLOT_LEFT + PLOT_W + 12, y + 4, PLOT_LEFT + PLOT_W + 12, y + 18, text);
}

static void
put_panel(const map *m)
{
    const eg_graph *graph = &m->plan->built.graph;
    char naive[32], arena[32], bound[32];
    eg_format_bytes(m->space->sizes.naive, naive, sizeof naive);
    eg_format_bytes(m->space->sizes.arena, arena, sizeof arena);
    eg_format_bytes(m->space->sizes.bound, bound, sizeof bound);
    const char *where = m->space->target == EG_ON_HOST ? "host memory" : m->plan->targets[m->space->target].name;
    eg_strbuf_printf(m->out, "<text class=\"title\" x=\"%d\" y=\"%.1f\">", PLOT_LEFT, m->top - 52);
    eg_xml_puts(m->out, where);
    eg_strbuf_printf(m->out, ": arena %s, bound %s, each value by itself %s</text>\n", arena, bound, naive);
    double x = PLOT_LEFT;
    for (uint32_t kind = 0; kind < KINDS; kind++) {
        eg_strbuf_printf(m->out,
                         "<rect class=\"value k%" PRIu32 "\" x=\"%.1f\" y=\"%.1f\" width=\"18\" height=\"12\"/>"
                         "<text class=\"soft\" x=\"%.1f\" y=\"%.1f\">%s</text>\n",
                         kind, x, m->top - 38, x + 24, m->top - 28, kinds[kind]);
        x += 24 + 6.8 * (double)strlen(kinds[kind]) + 24;
    }
    eg_strbuf_printf(m->out, "<rect class=\"plot\" x=\"%d\" y=\"%.1f\" width=\"%d\" height=\"%d\"/>\n", PLOT_LEFT,
                     m->top, PLOT_W, PLOT_H);
    put_axis(m);
    put_scopes(m);
    for (eg_value_id id = 1; id < graph->values.count; id++)
        if (m->space->slots[id].present && eg_graph_alias_root(graph, id) == id)
            put_value(m, id);
    put_bound(m);
}

static void
put_picture(const eg_plan *plan, const eg_memory_plan *memory, eg_strbuf *out)
{
    uint32_t panels = 0;
    for (uint32_t i = 0; i < memory->space_count; i++)
        panels += memory->spaces[i].sizes.arena > 0;
    int width = PLOT_LEFT + PLOT_W + RIGHT;
    uint32_t panel = TOP + PLOT_H + BOTTOM, height = panels ? panels * (panel + PANEL_GAP) - PANEL_GAP : 60;
    eg_strbuf_printf(out,
                     "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"egbert-memory\" width=\"%d\" height=\"%" PRIu32
                     "\" viewBox=\"0 0 %d %" PRIu32 "\" role=\"img\">\n<title>",
                     width, height, width, height);
    eg_xml_puts(out, plan->built.graph.name);
    eg_strbuf_puts(out, ": memory plan</title>\n");
    put_style(out);
    eg_strbuf_printf(out, "<rect class=\"ground\" width=\"%d\" height=\"%" PRIu32 "\"/>\n", width, height);
    map m = {.plan = plan, .memory = memory, .out = out, .top = TOP};
    for (uint32_t i = 0; i < memory->space_count; i++) {
        m.space = &memory->spaces[i];
        if (m.space->sizes.arena == 0)
            continue;
        put_panel(&m);
        m.top += panel + PANEL_GAP;
    }
    eg_strbuf_puts(out, "</svg>\n");
}

eg_status
eg_draw_memory_svg(const eg_plan *plan, eg_strbuf *out, eg_error *err)
{
    eg_memory_plan memory = {0};
    eg_status status =
        eg_plan_graph_memory(&plan->built.graph, &plan->partition, plan->targets, &plan->bound, NULL, &memory, err);
    if (status == EG_OK)
        put_picture(plan, &memory, out);
    eg_memory_plan_finish(&memory);
    return status;
}
