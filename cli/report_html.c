/* SPDX-License-Identifier: Apache-2.0 */
/* The page of the fusion report: everything in one file, nothing fetched, no script. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/file_out.h"
#include "cli/machine.h"
#include "cli/report.h"
#include "cli/say.h"

#define PROFILE_SECONDS 2.0

typedef struct page {
    const eg_fusion_report *report;
    FILE *file;
    eg_description_text profile;
    eg_op_sums sums;
} page;

/* --- head ---------------------------------------------------------------------------------------- */

static void
put_head(const page *p, const char *model)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Fusion report: ",
          p->file);
    eg_html_puts(p->file, model);
    fputs("</title>\n<style>\n", p->file);
    fputs(eg_report_style, p->file);
    fputs("</style>\n</head>\n<body>\n", p->file);
}

static void
put_change(const page *p, double before, double after, bool bytes, const char *what)
{
    fputs("<div class=\"tile\"><b>", p->file);
    if (bytes && before == after) {
        eg_html_bytes(p->file, after);
    } else if (bytes) {
        eg_html_bytes(p->file, before);
        fputs(" → ", p->file);
        eg_html_bytes(p->file, after);
    } else {
        fprintf(p->file, "%.0f → %.0f", before, after);
    }
    fprintf(p->file, "</b><span>%s%s</span></div>\n", what, before == after ? ", as before" : "");
}

static void
put_tiles(const page *p)
{
    const eg_fusion_mode *none = &p->report->modes[0], *all = &p->report->modes[1];
    fprintf(p->file,
            "<div class=\"tiles\">\n<div class=\"tile big\"><b>%.2f×</b><span>%.*f → %.*f ms, no fusion → "
            "all%s</span></div>\n",
            none->latency_ms / all->latency_ms, eg_report_decimals(none->latency_ms), none->latency_ms,
            eg_report_decimals(all->latency_ms), all->latency_ms, eg_fusion_is_noise(all) ? "; within the spread" : "");
    put_change(p, none->kernels, all->kernels, false, "kernels in the plan");
    put_change(p, none->bytes, all->bytes, true, "activations read and written");
    put_change(p, none->arena, all->arena, true, "arena of activations");
    fprintf(p->file, "<div class=\"tile\"><b>%.1e</b><span>largest |Δ| of the output</span></div>\n</div>\n",
            all->max_abs_diff);
}

static void
put_header(const page *p, const char *model)
{
    char shape[96], backends[128];
    eg_machine machine;
    eg_machine_read(&machine);
    eg_fusion_shape_text(p->report, shape, sizeof shape);
    eg_fusion_backends(p->report, backends, sizeof backends);
    fputs("<header>\n<h1>", p->file);
    eg_html_puts(p->file, model);
    fprintf(p->file, ": what each fusion gains</h1>\n<p class=\"soft\">%s, on ", shape);
    eg_html_puts(p->file, backends);
    fprintf(p->file, " with %u thread%s. ", p->report->session.threads, p->report->session.threads == 1 ? "" : "s");
    eg_html_puts(p->file, machine.cpu);
    fprintf(p->file, "; measured peak %.0f GFLOP/s (%s), %.1f GB/s. Egbert %s.</p>\n", p->report->peak.gflops,
            p->report->peak.isa, p->report->peak.gbps, eg_version());
    put_tiles(p);
    fputs("<nav><a href=\"#waterfall\">Waterfall</a><a href=\"#fusions\">Each fusion</a><a href=\"#graph\">Graph</a>"
          "<a href=\"#memory\">Memory</a><a href=\"#ops\">Time by op</a><a href=\"#refusals\">Why not</a>"
          "<a href=\"#method\">How it was measured</a></nav>\n</header>\n<main>\n",
          p->file);
}

/* --- drawings ------------------------------------------------------------------------------------ */

/* The scope whose layer is shown large: the first of those with the most kernels when nothing is fused. */
static const char *
largest_scope(const eg_fusion_report *report)
{
    const eg_json *scopes = eg_json_get(report->none.root, "scopes"), *best = NULL;
    for (const eg_json *scope = scopes ? scopes->first : NULL; scope; scope = scope->next)
        if (!best || eg_json_number(eg_json_get(scope, "kernels")) > eg_json_number(eg_json_get(best, "kernels")))
            best = scope;
    const char *name = eg_json_text(eg_json_get(best, "scope"));
    return *name ? name : NULL;
}

static double
width_of(const char *svg)
{
    const char *at = strstr(svg, "width=\"");
    double width = at ? strtod(at + 7, NULL) : 0;
    return width > 0 ? width : 1;
}

/* Two drawings beside each other, each as wide as its share, so that both have one scale. */
static eg_status
put_pair(const page *p, eg_describe_options what, const char *class, const char *const captions[2], bool beside,
         eg_error *err)
{
    char *svgs[2] = {NULL, NULL};
    eg_status status = EG_OK;
    for (size_t i = 0; i < 2 && status == EG_OK; i++)
        status = eg_fusion_describe(p->report, p->report->modes[i].fuse, what, &svgs[i], err);
    if (status == EG_OK) {
        fprintf(p->file, "<div class=\"pair %s\"", class);
        if (beside)
            fprintf(p->file, " style=\"grid-template-columns:minmax(0,%.0ffr) minmax(0,%.0ffr)\"", width_of(svgs[0]),
                    width_of(svgs[1]));
        fputs(">\n", p->file);
        for (size_t i = 0; i < 2; i++)
            fprintf(p->file, "<figure><figcaption>%s</figcaption><div class=\"sheet\">%s</div></figure>\n", captions[i],
                    svgs[i]);
        fputs("</div>\n", p->file);
    }
    eg_string_free(svgs[0]);
    eg_string_free(svgs[1]);
    return status;
}

static eg_status
put_whole(const page *p, size_t mode, const char *summary, eg_error *err)
{
    char *svg;
    EG_TRY(eg_fusion_describe(p->report, p->report->modes[mode].fuse, (eg_describe_options){.draw = EG_DRAW_SVG}, &svg,
                              err));
    fprintf(p->file,
            "<details class=\"screen\"><summary>%s</summary><div class=\"scroll\" tabindex=\"0\">%s</div></details>\n",
            summary, svg);
    eg_string_free(svg);
    return EG_OK;
}

static eg_status
put_graphs(const page *p, eg_error *err)
{
    static const char *const captions[] = {"No fusion", "All fusions; chips name the ops that each was made of"};
    const char *scope = largest_scope(p->report);
    fputs("<section class=\"page\"><h2 id=\"graph\">The graph, before and after</h2>\n<p>", p->file);
    if (scope) {
        fputs("<code>", p->file);
        eg_html_puts(p->file, scope);
        fputs("</code> stands for all its like. ", p->file);
    }
    fputs("Solid boxes run code, bold ones are fused, dashed ones are views: the same memory under another name.</p>\n",
          p->file);
    EG_TRY(put_pair(p, (eg_describe_options){.draw = EG_DRAW_SVG, .draw_scope = scope}, "graphs", captions, true, err));
    EG_TRY(put_whole(p, 0, "The whole graph without fusion", err));
    EG_TRY(put_whole(p, 1, "The whole graph with all fusions", err));
    fputs("</section>\n", p->file);
    return EG_OK;
}

static eg_status
put_memory(const page *p, eg_error *err)
{
    static const char *const captions[] = {"No fusion", "All fusions"};
    fputs(
        "<section class=\"page\"><h2 id=\"memory\">Memory</h2>\n"
        "<p>One rectangle is one value: as wide as it is kept, as high as it is large, at its place in the arena. The "
        "dashed line is the least that any placement in this order needs. Paler and darker layers take turns.</p>\n",
        p->file);
    EG_TRY(put_pair(p, (eg_describe_options){.draw = EG_DRAW_MEMORY_SVG}, "memory", captions, false, err));
    fputs("</section>\n", p->file);
    return EG_OK;
}

/* --- sections ------------------------------------------------------------------------------------ */

static void
put_waterfall(const page *p)
{
    fputs("<section><h2 id=\"waterfall\">From no fusion to all</h2>\n"
          "<p>Passes switched on one after another, in the order in which they run; every bar was measured. The order "
          "matters: a pass that makes room for a later one shows less here than in the table below.</p>\n<figure>",
          p->file);
    eg_report_waterfall(p->file, p->report);
    fputs("</figure></section>\n", p->file);
}

static void
put_fusions(const page *p)
{
    fputs("<section><h2 id=\"fusions\">Each fusion, alone and left out</h2>\n"
          "<p>Green is time gained, orange time lost; ~ marks what does not stand out of its spread. Predicted is what "
          "the bytes and FLOPs that the plan saves would take at the machine’s measured peaks.</p>\n",
          p->file);
    eg_report_fusions(p->file, p->report);
    fputs("</section>\n", p->file);
}

static void
put_ops(const page *p)
{
    fputs("<section class=\"page\"><h2 id=\"ops\">Where the time goes, all fusions on</h2>\n", p->file);
    fprintf(p->file,
            "<p>Of a run that takes %.*f ms, with a clock at each op. Each mark of the roofline is one op: the "
            "sloped line is what memory can feed, the level one what arithmetic can do; what stays in a cache "
            "may stand above the slope.</p>\n<figure>",
            eg_report_decimals(eg_json_number(eg_json_get(p->profile.root, "total_ms"))),
            eg_json_number(eg_json_get(p->profile.root, "total_ms")));
    eg_report_roofline(p->file, p->report, p->profile.root, &p->sums);
    fputs("</figure>\n", p->file);
    eg_report_ops(p->file, p->report, p->profile.root, &p->sums);
    fputs("</section>\n", p->file);
}

static eg_status
put_refusals(const page *p, eg_error *err)
{
    fputs("<section><h2 id=\"refusals\">Where a pass did not apply, and why</h2>\n", p->file);
    EG_TRY(eg_report_refusals(p->file, p->report, err));
    fputs("</section>\n", p->file);
    return EG_OK;
}

static void
put_method(const page *p)
{
    fprintf(
        p->file,
        "<section><h2 id=\"method\">How it was measured</h2>\n"
        "<p>%zu different plans, made and warmed before the clock started, took turns in %zu rounds, the order shifted "
        "and turned around from round to round. Times are medians over the rounds, ± is half the interquartile range. "
        "A gain is the median of the differences within the rounds, so that slow drift of the machine does not count. "
        "Choices of passes that come to the same plan were measured once.</p>\n</section>\n",
        p->report->plan_count, p->report->rounds);
}

static eg_status
put_page(const page *p, eg_error *err)
{
    char model[256];
    eg_fusion_model_name(p->report, model, sizeof model);
    put_head(p, model);
    put_header(p, model);
    put_waterfall(p);
    put_fusions(p);
    EG_TRY(put_graphs(p, err));
    EG_TRY(put_memory(p, err));
    put_ops(p);
    EG_TRY(put_refusals(p, err));
    put_method(p);
    fprintf(p->file, "</main>\n<footer>Written by <code>egbert fusion-report</code> %s.</footer>\n</body>\n</html>\n",
            eg_version());
    return EG_OK;
}

/* --- the file ------------------------------------------------------------------------------------ */

/* Of the plan with all fusions; the context's passes are as they were afterwards. */
static eg_status
profile_all(page *p, eg_error *err)
{
    const eg_fusion_report *report = p->report;
    const eg_strings *outputs = &report->app->args.outputs;
    eg_profile_options options = {.size = sizeof options,
                                  .seconds = PROFILE_SECONDS,
                                  .outputs = outputs->count ? outputs->items : NULL,
                                  .output_count = (uint32_t)outputs->count};
    char *json;
    EG_TRY(eg_context_set_fuse(report->session.context, report->modes[1].fuse, err));
    EG_TRY(eg_profile(report->session.context, &report->input.input, &options, &json, err));
    EG_TRY(eg_context_set_fuse(report->session.context, NULL, err));
    EG_TRY(eg_description_read(json, &p->profile, err));
    return eg_op_sums_read(p->profile.root, &p->sums, err);
}

static eg_status
write_page(page *p, const char *path, eg_error *err)
{
    EG_TRY(profile_all(p, err));
    eg_file_out out;
    eg_status status = eg_file_out_open(&out, path, err);
    p->file = out.file;
    if (status == EG_OK)
        status = put_page(p, err);
    if (status == EG_OK && ferror(out.file))
        status = eg_fault_errno(err, EG_E_IO, path, "cannot be written");
    if (status == EG_OK)
        status = eg_file_out_commit(&out, err);
    eg_file_out_close(&out);
    return status;
}

eg_status
eg_fusion_write_html(const eg_fusion_report *report, const char *path, eg_error *err)
{
    page p = {.report = report};
    eg_status status = write_page(&p, path, err);
    eg_op_sums_free(&p.sums);
    eg_description_free(&p.profile);
    return status;
}
