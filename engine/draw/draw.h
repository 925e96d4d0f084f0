/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pictures of a plan: its graph as Graphviz text or as SVG, its memory as SVG. They need no other program, refer to
 * nothing outside, and are the same bytes for the same plan. Thread-safety: a plan that is complete may be drawn from any
 * thread.
 */
#ifndef EG_ENGINE_DRAW_DRAW_H
#define EG_ENGINE_DRAW_DRAW_H

#include "engine/plan.h"

/* --- the pictures -------------------------------------------------------------------------------- */

/* scope: draws only the nodes of that scope, with what they read from outside; NULL: all. EG_E_USAGE if there is none. */
EG_NODISCARD eg_status eg_draw_graph_dot(const eg_plan *plan, const char *scope, eg_strbuf *out, eg_error *err);
EG_NODISCARD eg_status eg_draw_graph_svg(const eg_plan *plan, const char *scope, eg_strbuf *out, eg_error *err);
/* Time from left to right, offset from bottom to top, one rectangle per value; a panel per memory space. */
EG_NODISCARD eg_status eg_draw_memory_svg(const eg_plan *plan, eg_strbuf *out, eg_error *err);

/* --- what is drawn (scene.c) --------------------------------------------------------------------- */

/* An op of the unrewritten graph inside a fused node; equal ops are one chip. */
typedef struct eg_chip {
    const char *op;
    uint32_t count;
} eg_chip;

typedef struct eg_box {
    eg_node_id node;   /* 0: a value that comes from outside */
    eg_value_id value; /* the first that it makes */
    uint32_t target;
    uint32_t group;
    bool is_view;
    const char *output; /* the name under which a caller gets the value; NULL: none does */
    const eg_chip *chips;
    uint32_t chip_count;
    const eg_value_id *weights;
    uint32_t weight_count;
    uint32_t first_wire, wire_count; /* those that come in */
    uint32_t row;                    /* layout.c */
    double x, y, w, h;
} eg_box;

/* From box to box; one that passes rows between has a lane, the x at which it does. */
typedef struct eg_wire {
    uint32_t from, to;
    double lane, from_x, to_x;
} eg_wire;

/* Boxes that follow each other in the order and have one scope. */
typedef struct eg_group {
    const char *scope; /* "": no frame */
    uint32_t first_row, last_row;
    double y, h;
} eg_group;

typedef struct eg_scene {
    const eg_plan *plan;
    eg_arena arena;
    EG_VEC(eg_box) boxes; /* from outside first, then in execution order */
    EG_VEC(eg_wire) wires;
    EG_VEC(eg_group) groups;
    uint32_t *box_of; /* per value: its box + 1, 0: none */
    uint32_t row_count;
    double *row_y, *row_h;
    double left, right, bottom; /* of all boxes and lanes; the top is 0 */
} eg_scene;

/* `out` must be cleared memory; eg_scene_finish() also after a failure. */
EG_NODISCARD eg_status eg_scene_make(const eg_plan *plan, const char *scope, eg_scene *out, eg_error *err);
void eg_scene_finish(eg_scene *scene);
EG_NODISCARD eg_status eg_scene_lay_out(eg_scene *scene, eg_error *err);

/* Sizes that layout and writer share. */
enum {
    EG_DRAW_BOX_W = 236,
    EG_DRAW_SMALL_W = 168, /* views, and values from outside */
    EG_DRAW_PAD = 11,      /* between a box's edge and its text */
    EG_DRAW_HEAD_H = 42,   /* op and name */
    EG_DRAW_SMALL_H = 36,
    EG_DRAW_CHIP_H = 19,
    EG_DRAW_LINE_H = 13, /* of a weight's line */
    EG_DRAW_OUTPUT_H = 20,
    EG_DRAW_WEIGHT_LINES = 4 /* of one box; the rest is counted */
};

double eg_chip_width(const eg_chip *chip);
/* Chips stand in lines from left to right: moves (*x, *line) to where this one goes, and past it. Returns its x. */
double eg_chip_place(const eg_chip *chip, double *x, uint32_t *line);

/* --- text of pictures (text.c) ------------------------------------------------------------------- */

/* With what XML needs escaped, for text and attributes. What XML 1.0 cannot say becomes U+FFFD. */
void eg_xml_puts(eg_strbuf *out, const char *text);
/* At most `room` characters: a longer text loses its beginning, or its middle, to an ellipsis. */
typedef enum eg_cut { EG_CUT_BEGINNING, EG_CUT_MIDDLE, EG_CUT_END } eg_cut;
void eg_xml_puts_cut(eg_strbuf *out, const char *text, size_t room, eg_cut cut);
/* 1,048,576 as "1.0 MiB" */
void eg_format_bytes(uint64_t bytes, char *out, size_t n);
/* "f32 [T, 768]": a type without its kind. */
void eg_format_shape(const eg_type *type, char *out, size_t n);

#endif
