/* SPDX-License-Identifier: Apache-2.0 */
/* The charts of the report, as SVG in the page's own colours. */
#include <math.h>
#include <string.h>

#include "cli/report.h"

/* --- the waterfall ------------------------------------------------------------------------------- */

enum { FALL_W = 1140, FALL_LEFT = 140, FALL_PLOT = 700, FALL_ROW = 34, FALL_TOP = 34 };

typedef struct fall {
    FILE *file;
    double most; /* milliseconds at the right end */
    double y;
} fall;

static double
fall_x(const fall *f, double ms)
{
    return FALL_LEFT + FALL_PLOT * ms / f->most;
}

/* 1, 2 or 5 times a power of ten, so that at most eight lie in the range. */
static double
nice_step(double range)
{
    double step = pow(10, floor(log10(range / 8)));
    static const double parts[] = {1, 2, 5, 10};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (range / (step * parts[i]) <= 8)
            return step * parts[i];
    return step * 10;
}

static void
fall_axis(const fall *f, double bottom)
{
    double step = nice_step(f->most);
    for (double at = 0; at <= f->most * 1.0001; at += step) {
        fprintf(f->file, "<line class=\"axis\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%.1f\"/>", fall_x(f, at),
                fall_x(f, at), FALL_TOP - 8, bottom);
        fprintf(f->file,
                "<text class=\"soft\" font-size=\"12.5\" text-anchor=\"middle\" x=\"%.1f\" y=\"%d\">%g%s</text>\n",
                fall_x(f, at), FALL_TOP - 14, at, at == 0 ? " ms" : "");
    }
}

static void
fall_label(const fall *f, const char *name, bool bold)
{
    fprintf(f->file, "<text font-size=\"14.5\"%s text-anchor=\"end\" x=\"%d\" y=\"%.1f\">",
            bold ? " font-weight=\"650\"" : "", FALL_LEFT - 12, f->y + 21);
    eg_html_puts(f->file, name);
    fputs("</text>", f->file);
}

static void
fall_whisker(const fall *f, double ms, double spread)
{
    double y = f->y + 16;
    fprintf(f->file,
            "<path d=\"M%.1f %.1fH%.1fM%.1f %.1fv8M%.1f %.1fv8\" stroke=\"var(--text)\" stroke-width=\"1.2\" "
            "fill=\"none\"/>",
            fall_x(f, ms - spread), y, fall_x(f, ms + spread), fall_x(f, ms - spread), y - 4, fall_x(f, ms + spread),
            y - 4);
}

static void
fall_total(const fall *f, const eg_fusion_mode *mode, const char *colour)
{
    fall_label(f, mode->fusion, true);
    fprintf(f->file, "<rect x=\"%d\" y=\"%.1f\" width=\"%.1f\" height=\"20\" rx=\"3\" fill=\"var(%s)\"/>", FALL_LEFT,
            f->y + 6, fall_x(f, mode->latency_ms) - FALL_LEFT, colour);
    fall_whisker(f, mode->latency_ms, mode->spread_ms);
    fprintf(f->file, "<text font-size=\"14.5\" font-weight=\"650\" x=\"%d\" y=\"%.1f\">%.*f ms</text>",
            FALL_LEFT + FALL_PLOT + 24, f->y + 21, eg_report_decimals(mode->latency_ms), mode->latency_ms);
    fprintf(f->file, "<text class=\"soft\" font-size=\"13\" x=\"%d\" y=\"%.1f\">%.0f kernels</text>\n",
            FALL_LEFT + FALL_PLOT + 128, f->y + 21, mode->kernels);
}

/* From the plan before to the one with this pass too. What the spreads of both cover is no step: it is drawn hollow. */
static void
fall_step(const fall *f, const eg_fusion_mode *before, const eg_fusion_mode *mode)
{
    double delta = mode->latency_ms - before->latency_ms, noise = fmax(mode->spread_ms, before->spread_ms);
    double left = fmin(mode->latency_ms, before->latency_ms);
    bool same = mode->same_as == before->same_as, hollow = fabs(delta) <= noise;
    const char *colour = delta > 0 ? "--red" : "--green";
    fall_label(f, mode->fusion, false);
    fprintf(f->file,
            "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"var(--grey)\" stroke-dasharray=\"2 3\"/>",
            fall_x(f, before->latency_ms), fall_x(f, before->latency_ms), f->y - 8, f->y + 26);
    if (same) {
        fprintf(f->file,
                "<text class=\"soft\" font-size=\"13\" x=\"%d\" y=\"%.1f\">no place to apply: the same plan</text>\n",
                FALL_LEFT + FALL_PLOT + 24, f->y + 21);
        return;
    }
    fprintf(f->file,
            "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"20\" rx=\"2\" fill=\"var(%s)\" fill-opacity=\"%s\" "
            "stroke=\"var(%s)\"/>",
            fall_x(f, left), f->y + 6, fmax(1.5, fall_x(f, fabs(delta)) - FALL_LEFT), colour, hollow ? "0.12" : "0.85",
            colour);
    fprintf(f->file, "<text font-size=\"14.5\" x=\"%d\" y=\"%.1f\">%s%s%.*f ms</text>", FALL_LEFT + FALL_PLOT + 24,
            f->y + 21, hollow ? "~ " : "", delta < 0 ? "−" : "+", eg_report_decimals(delta), fabs(delta));
    fprintf(f->file, "<text class=\"soft\" font-size=\"13\" x=\"%d\" y=\"%.1f\">%.0f site%s, predicted %s%.*f</text>\n",
            FALL_LEFT + FALL_PLOT + 128, f->y + 21, mode->sites, mode->sites == 1 ? "" : "s",
            mode->predicted_ms < before->predicted_ms ? "+" : "−",
            eg_report_decimals(mode->predicted_ms - before->predicted_ms),
            fabs(mode->predicted_ms - before->predicted_ms));
}

void
eg_report_waterfall(FILE *file, const eg_fusion_report *report)
{
    const eg_fusion_mode *none = &report->modes[0], *all = &report->modes[1], *before = none;
    size_t steps = 0;
    double most = fmax(none->latency_ms + none->spread_ms, all->latency_ms + all->spread_ms);
    for (size_t i = 0; i < report->mode_count; i++) {
        if (report->modes[i].kind != EG_FUSION_STEP)
            continue;
        steps++;
        most = fmax(most, report->modes[i].latency_ms);
    }
    double height = FALL_TOP + FALL_ROW * (double)(steps + 2) + 10;
    fprintf(file,
            "<svg class=\"chart\" viewBox=\"0 0 %d %.0f\" width=\"%d\" height=\"%.0f\" role=\"img\">"
            "<title>Milliseconds from no fusion to all</title>\n",
            FALL_W, height, FALL_W, height);
    fall f = {file, most * 1.02, FALL_TOP};
    fall_axis(&f, height - 8);
    fall_total(&f, none, "--grey");
    for (size_t i = 0; i < report->mode_count; i++) {
        if (report->modes[i].kind != EG_FUSION_STEP)
            continue;
        f.y += FALL_ROW;
        fall_step(&f, before, &report->modes[i]);
        before = &report->modes[i];
    }
    f.y += FALL_ROW;
    fall_total(&f, all, "--blue");
    fputs("</svg>\n", file);
}

/* --- the roofline -------------------------------------------------------------------------------- */

enum { ROOF_W = 1140, ROOF_H = 460, ROOF_LEFT = 70, ROOF_PLOT = 860, ROOF_TOP = 20, ROOF_PLOT_H = 380, SHAPES = 6 };

typedef struct roof {
    FILE *file;
    double x_min, x_max, y_min, y_max; /* powers of ten */
} roof;

static double
roof_x(const roof *r, double intensity)
{
    return ROOF_LEFT + ROOF_PLOT * (log10(intensity) - r->x_min) / (r->x_max - r->x_min);
}

static double
roof_y(const roof *r, double gflops)
{
    return ROOF_TOP + ROOF_PLOT_H * (1 - (log10(gflops) - r->y_min) / (r->y_max - r->y_min));
}

static bool
point_of(const eg_json *op, double *intensity, double *gflops)
{
    double ms = eg_json_number(eg_json_get(op, "ms")), flops = eg_json_number(eg_json_get(op, "flops"));
    double bytes = eg_json_number(eg_json_get(op, "bytes")) + eg_json_number(eg_json_get(op, "weight_bytes"));
    if (ms <= 0 || flops <= 0 || bytes <= 0)
        return false;
    *intensity = flops / bytes;
    *gflops = flops / ms / 1e6;
    return true;
}

static void
roof_range(roof *r, const eg_fusion_report *report, const eg_json *ops)
{
    double ridge = log10(report->peak.gflops / report->peak.gbps);
    double x_low = ridge - 1, x_high = ridge + 1, y_low = log10(report->peak.gflops) - 1,
           y_high = log10(report->peak.gflops);
    for (const eg_json *op = ops ? ops->first : NULL; op; op = op->next) {
        double x, y;
        if (!point_of(op, &x, &y))
            continue;
        x_low = fmin(x_low, log10(x));
        x_high = fmax(x_high, log10(x));
        y_low = fmin(y_low, log10(y));
        y_high = fmax(y_high, log10(y));
    }
    r->x_min = floor(x_low - 0.1);
    r->x_max = ceil(x_high + 0.1);
    r->y_min = floor(y_low - 0.1);
    r->y_max = ceil(y_high + 0.05);
}

static void
roof_axes(const roof *r)
{
    for (double e = r->x_min; e <= r->x_max; e++) {
        double x = roof_x(r, pow(10, e));
        fprintf(r->file, "<line class=\"axis\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>", x, x, ROOF_TOP,
                ROOF_TOP + ROOF_PLOT_H);
        fprintf(r->file, "<text class=\"soft\" font-size=\"13\" text-anchor=\"middle\" x=\"%.1f\" y=\"%d\">%g</text>",
                x, ROOF_TOP + ROOF_PLOT_H + 20, pow(10, e));
    }
    for (double e = r->y_min; e <= r->y_max; e++) {
        double y = roof_y(r, pow(10, e));
        fprintf(r->file, "<line class=\"axis\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>", ROOF_LEFT,
                ROOF_LEFT + ROOF_PLOT, y, y);
        fprintf(r->file, "<text class=\"soft\" font-size=\"13\" text-anchor=\"end\" x=\"%d\" y=\"%.1f\">%g</text>\n",
                ROOF_LEFT - 8, y + 4, pow(10, e));
    }
    fprintf(r->file,
            "<text class=\"soft\" font-size=\"13.5\" text-anchor=\"middle\" x=\"%d\" y=\"%d\">FLOPs for each byte "
            "moved</text>"
            "<text class=\"soft\" font-size=\"13.5\" text-anchor=\"middle\" transform=\"translate(18 %d) rotate(-90)\">"
            "GFLOP/s</text>\n",
            ROOF_LEFT + ROOF_PLOT / 2, ROOF_TOP + ROOF_PLOT_H + 44, ROOF_TOP + ROOF_PLOT_H / 2);
}

/* The bandwidth's slope up to where it meets the peak, then the peak. */
static void
roof_lines(const roof *r, const eg_peak *peak)
{
    double ridge = peak->gflops / peak->gbps, low = pow(10, r->x_min), high = pow(10, r->x_max);
    double from = fmax(low, pow(10, r->y_min) / peak->gbps);
    fprintf(r->file,
            "<path d=\"M%.1f %.1fL%.1f %.1fL%.1f %.1f\" fill=\"none\" stroke=\"var(--text)\" stroke-width=\"2\"/>",
            roof_x(r, from), roof_y(r, from * peak->gbps), roof_x(r, ridge), roof_y(r, peak->gflops), roof_x(r, high),
            roof_y(r, peak->gflops));
    fprintf(r->file, "<text font-size=\"13.5\" text-anchor=\"end\" x=\"%d\" y=\"%.1f\">peak %.0f GFLOP/s</text>",
            ROOF_LEFT + ROOF_PLOT - 8, roof_y(r, peak->gflops) - 7, peak->gflops);
    double at = sqrt(from * ridge),
           slope = atan2(roof_y(r, peak->gflops) - roof_y(r, from * peak->gbps), roof_x(r, ridge) - roof_x(r, from)) *
                   180 / 3.14159265358979;
    fprintf(r->file,
            "<text font-size=\"13.5\" text-anchor=\"middle\" transform=\"translate(%.1f %.1f) rotate(%.1f)\">memory "
            "%.1f GB/s"
            "</text>\n",
            roof_x(r, at) - 6, roof_y(r, at * peak->gbps) - 8, slope, peak->gbps);
}

/* Kinds differ by shape as well as by colour. */
static void
roof_mark(FILE *file, size_t kind, double x, double y, double size)
{
    static const char *const colours[SHAPES] = {"--blue", "--red", "--green", "--accent", "--grey", "--text"};
    const char *colour = colours[kind % SHAPES];
    double s = size;
    switch (kind % SHAPES) {
    case 0:
        fprintf(file, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"", x, y, s);
        break;
    case 1:
        fprintf(file, "<path d=\"M%.1f %.1fh%.1fv%.1fh-%.1fz\"", x - s, y - s, 2 * s, 2 * s, 2 * s);
        break;
    case 2:
        fprintf(file, "<path d=\"M%.1f %.1fl%.1f %.1fh-%.1fz\"", x, y - 1.2 * s, 1.2 * s, 2.1 * s, 2.4 * s);
        break;
    case 3:
        fprintf(file, "<path d=\"M%.1f %.1fl%.1f %.1fl-%.1f %.1fl-%.1f -%.1fz\"", x, y - 1.35 * s, 1.35 * s, 1.35 * s,
                1.35 * s, 1.35 * s, 1.35 * s, 1.35 * s);
        break;
    case 4:
        fprintf(file, "<path d=\"M%.1f %.1fl%.1f -%.1fh-%.1fz\"", x, y + 1.2 * s, 1.2 * s, 2.1 * s, 2.4 * s);
        break;
    default:
        fprintf(file, "<path d=\"M%.1f %.1fh%.1fv%.1fh-%.1fz\"", x - 1.4 * s, y - .6 * s, 2.8 * s, 1.2 * s, 2.8 * s);
    }
    fprintf(file, " fill=\"var(%s)\" fill-opacity=\"0.6\" stroke=\"var(%s)\"", colour, colour);
}

static size_t
kind_of(const eg_op_sums *sums, const char *op)
{
    size_t kind = 0;
    while (kind + 1 < sums->count && strcmp(sums->items[kind].op, op) != 0)
        kind++;
    return kind;
}

static void
roof_points(const roof *r, const eg_json *ops, const eg_op_sums *sums)
{
    for (const eg_json *op = ops ? ops->first : NULL; op; op = op->next) {
        double x, y;
        if (!point_of(op, &x, &y))
            continue;
        const char *name = eg_json_text(eg_json_get(op, "op"));
        roof_mark(r->file, kind_of(sums, name), roof_x(r, x), roof_y(r, y), 4.5);
        fputs("><title>", r->file);
        eg_html_puts(r->file, name);
        fputc(' ', r->file);
        eg_html_puts(r->file, eg_json_text(eg_json_get(op, "name")));
        fprintf(r->file, ": %.3g GFLOP/s, %.3g FLOPs a byte, %.3g ms</title></%s>\n", y, x,
                eg_json_number(eg_json_get(op, "ms")), kind_of(sums, name) % SHAPES == 0 ? "circle" : "path");
    }
}

static void
roof_legend(const roof *r, const eg_op_sums *sums)
{
    double y = ROOF_TOP + 12;
    for (size_t kind = 0; kind < sums->count && y < ROOF_TOP + ROOF_PLOT_H; kind++) {
        if (sums->items[kind].flops <= 0)
            continue;
        roof_mark(r->file, kind, ROOF_LEFT + ROOF_PLOT + 26, y, 5);
        fprintf(r->file, "/><text font-size=\"14\" x=\"%d\" y=\"%.1f\">", ROOF_LEFT + ROOF_PLOT + 42, y + 5);
        eg_html_puts(r->file, sums->items[kind].op);
        fprintf(r->file, "<tspan fill=\"var(--soft)\"> ×%zu</tspan></text>\n", sums->items[kind].count);
        y += 24;
    }
}

void
eg_report_roofline(FILE *file, const eg_fusion_report *report, const eg_json *profile, const eg_op_sums *sums)
{
    const eg_json *ops = eg_json_get(profile, "ops");
    roof r = {.file = file};
    roof_range(&r, report, ops);
    fprintf(file,
            "<svg class=\"chart\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\"><title>Roofline: "
            "GFLOP/s of each "
            "op over its FLOPs a byte</title>\n",
            ROOF_W, ROOF_H, ROOF_W, ROOF_H);
    roof_axes(&r);
    roof_lines(&r, &report->peak);
    roof_points(&r, ops, sums);
    roof_legend(&r, sums);
    fputs("</svg>\n", file);
}
