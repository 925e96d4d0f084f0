/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where boxes stand and wires run. Rows go from top to bottom in execution order: a box stands below all that it reads,
 * a group below the group before it. Each row is centred, so that a chain of single boxes is a straight line however
 * many layers it has. A wire that passes rows between runs down in a lane, the nearest free x.
 */
#include <math.h>
#include <stdlib.h>

#include "engine/draw/draw.h"

enum {
    GAP_X = 34,        /* between boxes of a row: room for a lane */
    GAP_Y = 34,        /* between rows: room for the bends */
    FRAME_BOTTOM = 14, /* of a group: below its last row */
    FRAME_TOP = 30,    /* above its first row, the name included */
    FRAME_GAP = 26,
    LANE = 11, /* between a lane and a box or another lane */
    LANES_TRIED = 400,
    PORT = 26 /* between the ends of wires at the top of a box */
};

/* --- rows ---------------------------------------------------------------------------------------- */

static void
assign_rows(eg_scene *scene)
{
    uint32_t base = 0, last = 0, group = 0;
    for (uint32_t i = 0; i < scene->boxes.count; i++) {
        eg_box *box = &scene->boxes.items[i];
        if (box->group != group) {
            base = last + 1;
            group = box->group;
        }
        box->row = base;
        for (uint32_t w = 0; w < box->wire_count; w++) {
            uint32_t below = scene->boxes.items[scene->wires.items[box->first_wire + w].from].row + 1;
            box->row = below > box->row ? below : box->row;
        }
        last = box->row > last ? box->row : last;
    }
    scene->row_count = scene->boxes.count ? last + 1 : 0;
}

/* --- boxes --------------------------------------------------------------------------------------- */

static void
size_box(eg_box *box)
{
    if (box->node == 0 || box->is_view) {
        box->w = EG_DRAW_SMALL_W;
        box->h = EG_DRAW_SMALL_H;
    } else {
        box->w = EG_DRAW_BOX_W;
        box->h = EG_DRAW_HEAD_H;
    }
    if (box->chip_count) {
        double x = 0;
        uint32_t line = 0;
        for (uint32_t i = 0; i < box->chip_count; i++)
            (void)eg_chip_place(&box->chips[i], &x, &line);
        box->h += 4 + (line + 1) * EG_DRAW_CHIP_H;
    }
    if (box->weight_count) {
        uint32_t lines = box->weight_count > EG_DRAW_WEIGHT_LINES ? EG_DRAW_WEIGHT_LINES : box->weight_count;
        box->h += 3 + lines * EG_DRAW_LINE_H;
    }
    if (box->output)
        box->h += EG_DRAW_OUTPUT_H;
    if (box->chip_count || box->weight_count || box->output)
        box->h += 5;
}

/* The mean x of what a box reads: those that come from the left stand on the left. */
static double
wish(const eg_scene *scene, const eg_box *box)
{
    double sum = 0;
    for (uint32_t w = 0; w < box->wire_count; w++)
        sum += scene->boxes.items[scene->wires.items[box->first_wire + w].from].x;
    return box->wire_count ? sum / box->wire_count : 0;
}

typedef struct place {
    uint32_t box;
    double wish;
} place;

static int
by_wish(const void *a, const void *b)
{
    const place *x = a, *y = b;
    if (x->wish != y->wish)
        return x->wish < y->wish ? -1 : 1;
    return x->box < y->box ? -1 : x->box > y->box; /* the order of execution */
}

/* x is a box's middle until all rows are placed. */
static void
place_row(eg_scene *scene, uint32_t row, place *places)
{
    size_t count = 0;
    double width = -GAP_X;
    for (uint32_t i = 0; i < scene->boxes.count; i++) {
        if (scene->boxes.items[i].row != row)
            continue;
        places[count++] = (place){i, wish(scene, &scene->boxes.items[i])};
        width += scene->boxes.items[i].w + GAP_X;
    }
    qsort(places, count, sizeof *places, by_wish);
    double x = -width / 2;
    for (size_t i = 0; i < count; i++) {
        eg_box *box = &scene->boxes.items[places[i].box];
        box->x = x + box->w / 2;
        x += box->w + GAP_X;
        if (box->h > scene->row_h[row])
            scene->row_h[row] = box->h;
    }
}

static void
stack_rows(eg_scene *scene)
{
    for (uint32_t i = 0; i < scene->boxes.count; i++) {
        const eg_box *box = &scene->boxes.items[i];
        eg_group *group = &scene->groups.items[box->group];
        bool begins = i == 0 || scene->boxes.items[i - 1].group != box->group;
        group->first_row = begins || box->row < group->first_row ? box->row : group->first_row;
        group->last_row = begins || box->row > group->last_row ? box->row : group->last_row;
    }
    double y = 0;
    for (uint32_t g = 0; g < scene->groups.count; g++) {
        eg_group *group = &scene->groups.items[g];
        bool framed = *group->scope != '\0';
        y += g ? FRAME_GAP : 0;
        group->y = y;
        y += framed ? FRAME_TOP : 0;
        for (uint32_t row = group->first_row; row <= group->last_row; row++) {
            scene->row_y[row] = y;
            y += scene->row_h[row] + (row < group->last_row ? GAP_Y : 0);
        }
        y += framed ? FRAME_BOTTOM : 0;
        group->h = y - group->y;
    }
    scene->bottom = y;
    for (size_t i = 0; i < scene->boxes.count; i++)
        scene->boxes.items[i].y = scene->row_y[scene->boxes.items[i].row];
}

/* --- lanes --------------------------------------------------------------------------------------- */

static const eg_box *
end_of(const eg_scene *scene, const eg_wire *wire, bool from)
{
    return &scene->boxes.items[from ? wire->from : wire->to];
}

static bool
has_lane(const eg_scene *scene, const eg_wire *wire)
{
    return end_of(scene, wire, false)->row > end_of(scene, wire, true)->row + 1;
}

/* Whether nothing stands at x in the rows that the wire passes. Wires from the same box may share a lane. */
static bool
is_free(const eg_scene *scene, size_t number, double x)
{
    const eg_wire *wire = &scene->wires.items[number];
    uint32_t first = end_of(scene, wire, true)->row + 1, last = end_of(scene, wire, false)->row - 1;
    for (size_t i = 0; i < scene->boxes.count; i++) {
        const eg_box *box = &scene->boxes.items[i];
        if (box->row >= first && box->row <= last && fabs(x - box->x) < box->w / 2 + LANE)
            return false;
    }
    for (size_t i = 0; i < number; i++) {
        const eg_wire *other = &scene->wires.items[i];
        if (!has_lane(scene, other) || other->from == wire->from || fabs(other->lane - x) >= LANE)
            continue;
        if (end_of(scene, other, true)->row + 1 <= last && end_of(scene, other, false)->row - 1 >= first)
            return false;
    }
    return true;
}

/* From the middle between both ends outwards, right before left. */
static double
find_lane(const eg_scene *scene, size_t number)
{
    const eg_wire *wire = &scene->wires.items[number];
    double from = end_of(scene, wire, true)->x, to = end_of(scene, wire, false)->x;
    if (is_free(scene, number, from))
        return from;
    if (is_free(scene, number, to))
        return to;
    for (int i = 0; i < LANES_TRIED; i++) {
        double away = i * (LANE / 2.0);
        if (is_free(scene, number, to + away))
            return to + away;
        if (is_free(scene, number, to - away))
            return to - away;
    }
    return to + LANES_TRIED * (LANE / 2.0); /* beyond all boxes of any real graph: drawn, though over something */
}

typedef struct end {
    eg_wire *wire;
    double x;
} end;

static int
by_x(const void *a, const void *b)
{
    const end *x = a, *y = b;
    if (x->x != y->x)
        return x->x < y->x ? -1 : 1;
    return x->wire < y->wire ? -1 : x->wire > y->wire;
}

/* Spreads the ends of wires over the top of the box that they go to, from left to right as they come. */
static void
spread_ends(eg_scene *scene, const eg_box *box, end *ends)
{
    uint32_t count = box->wire_count;
    for (uint32_t w = 0; w < count; w++) {
        eg_wire *wire = &scene->wires.items[box->first_wire + w];
        ends[w] = (end){wire, wire->lane};
    }
    qsort(ends, count, sizeof *ends, by_x);
    double width = box->w - 2 * EG_DRAW_PAD;
    double step = count > 1 && PORT * (count - 1.0) > width ? width / (count - 1.0) : PORT;
    for (uint32_t i = 0; i < count; i++)
        ends[i].wire->to_x = box->x + (i - (count - 1.0) / 2) * step;
}

static void
widen(eg_scene *scene, double left, double right)
{
    scene->left = left < scene->left ? left : scene->left;
    scene->right = right > scene->right ? right : scene->right;
}

static eg_status
route(eg_scene *scene, eg_error *err)
{
    end *ends = eg_arena_calloc(&scene->arena, scene->wires.count + 1, sizeof *ends);
    if (!ends)
        return eg_fail_nomem(err, "a drawing");
    for (size_t w = 0; w < scene->wires.count; w++) {
        eg_wire *wire = &scene->wires.items[w];
        wire->from_x = end_of(scene, wire, true)->x;
        wire->lane = has_lane(scene, wire) ? find_lane(scene, w) : wire->from_x;
        widen(scene, wire->lane - LANE, wire->lane + LANE);
    }
    for (uint32_t i = 0; i < scene->boxes.count; i++)
        spread_ends(scene, &scene->boxes.items[i], ends);
    return EG_OK;
}

/* --- chips --------------------------------------------------------------------------------------- */

double
eg_chip_width(const eg_chip *chip)
{
    size_t characters = 0;
    while (chip->op[characters])
        characters++;
    double width = 12 + 5.9 * (double)characters; /* 9.5 px type: no wider than 0.62 em a character */
    return chip->count > 1 ? width + 18 : width;
}

double
eg_chip_place(const eg_chip *chip, double *x, uint32_t *line)
{
    double width = eg_chip_width(chip);
    if (*x > 0 && *x + width > EG_DRAW_BOX_W - 2 * EG_DRAW_PAD) {
        *x = 0;
        ++*line;
    }
    double at = *x;
    *x += width + 4;
    return at;
}

/* --- all ----------------------------------------------------------------------------------------- */

eg_status
eg_scene_lay_out(eg_scene *scene, eg_error *err)
{
    assign_rows(scene);
    scene->row_y = eg_arena_calloc(&scene->arena, scene->row_count + 1, sizeof *scene->row_y);
    scene->row_h = eg_arena_calloc(&scene->arena, scene->row_count + 1, sizeof *scene->row_h);
    place *places = eg_arena_calloc(&scene->arena, scene->boxes.count + 1, sizeof *places);
    if (!scene->row_y || !scene->row_h || !places)
        return eg_fail_nomem(err, "a drawing");
    for (size_t i = 0; i < scene->boxes.count; i++)
        size_box(&scene->boxes.items[i]);
    for (uint32_t row = 0; row < scene->row_count; row++)
        place_row(scene, row, places);
    for (size_t i = 0; i < scene->boxes.count; i++) {
        const eg_box *box = &scene->boxes.items[i];
        widen(scene, box->x - box->w / 2, box->x + box->w / 2);
    }
    stack_rows(scene);
    return route(scene, err);
}
