/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of the report. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/compile_table.h"
#include "cli/mem.h"
#include "cli/report.h"
#include "cli/say.h"

int
eg_report_decimals(double value)
{
    value = fabs(value);
    return value >= 99.95 ? 0 : value >= 9.995 ? 1 : value >= 0.0995 ? 2 : 3;
}

void
eg_html_puts(FILE *file, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '&':
            fputs("&amp;", file);
            break;
        case '<':
            fputs("&lt;", file);
            break;
        case '>':
            fputs("&gt;", file);
            break;
        case '"':
            fputs("&quot;", file);
            break;
        default:
            fputc(*text, file);
        }
    }
}

void
eg_html_bytes(FILE *file, double bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    for (; bytes >= 1024.0 && unit + 1 < sizeof units / sizeof *units; unit++)
        bytes /= 1024.0;
    fprintf(file, unit ? "%.1f&nbsp;%s" : "%.0f&nbsp;%s", bytes, units[unit]);
}

/* --- fusions ------------------------------------------------------------------------------------- */

static const char *
class_of(const eg_fusion_mode *mode)
{
    return eg_fusion_is_noise(mode) ? "noise" : mode->gain_ms > 0 ? "gain" : "loss";
}

static void
put_gain(FILE *file, const eg_fusion_report *report, const eg_fusion_mode *mode)
{
    size_t reference = mode->kind == EG_FUSION_WITHOUT ? 1 : 0;
    if (mode->same_as == report->modes[reference].same_as) {
        fputs("<td class=\"noise\">same plan</td><td class=\"noise\"></td>", file);
        return;
    }
    double size = fabs(mode->gain_ms);
    int decimals = eg_report_decimals(fmax(size, mode->gain_spread_ms));
    fprintf(file, "<td class=\"%s\">%s%s%.*f <span class=\"soft\">± %.*f</span></td>", class_of(mode),
            eg_fusion_is_noise(mode) ? "~ " : "", mode->gain_ms < 0 ? "−" : "+", decimals, size, decimals,
            mode->gain_spread_ms);
    if (mode->predicted_ms == 0)
        fputs("<td>0</td>", file);
    else
        fprintf(file, "<td>%s%.*f</td>", mode->predicted_ms < 0 ? "−" : "+", eg_report_decimals(mode->predicted_ms),
                fabs(mode->predicted_ms));
}

static void
put_plan(FILE *file, const eg_fusion_mode *mode)
{
    fprintf(file, "<td>%.0f</td><td>", mode->kernels);
    eg_html_bytes(file, mode->arena);
    fprintf(file, mode->max_abs_diff == 0 ? "</td><td>0</td></tr>\n" : "</td><td>%.1e</td></tr>\n", mode->max_abs_diff);
}

static void
put_total(FILE *file, const eg_fusion_mode *mode, bool first)
{
    int decimals = eg_report_decimals(mode->latency_ms);
    fprintf(file,
            "<tr class=\"total%s\"><td class=\"l\">%s</td><td>%.0f</td><td colspan=\"4\" class=\"l\">%.*f ms <span "
            "class=\"soft\">± %.*f</span></td>",
            first ? " first" : "", mode->fusion, mode->sites, decimals, mode->latency_ms, decimals, mode->spread_ms);
    put_plan(file, mode);
}

void
eg_report_fusions(FILE *file, const eg_fusion_report *report)
{
    fputs("<div class=\"wide\"><table><thead><tr><th class=\"l\" rowspan=\"2\">fusion</th><th rowspan=\"2\">sites</th>"
          "<th class=\"span\" colspan=\"2\">alone, gain in ms</th><th class=\"span\" colspan=\"2\">left out, loss in "
          "ms</th>"
          "<th class=\"span\" colspan=\"3\">the plan with it alone</th></tr><tr><th>measured</th><th>predicted</th>"
          "<th>measured</th><th>predicted</th><th>kernels</th><th>arena</th><th>max |Δ|</th></tr></thead><tbody>\n",
          file);
    for (size_t i = 0; i < report->mode_count; i++) {
        const eg_fusion_mode *only = &report->modes[i];
        if (only->kind != EG_FUSION_ONLY)
            continue;
        const eg_fusion_mode *without = eg_fusion_find(report, EG_FUSION_WITHOUT, only->fusion);
        fputs("<tr><td class=\"l\">", file);
        eg_html_puts(file, only->fusion);
        fprintf(file, "</td><td>%.0f</td>", without->sites);
        put_gain(file, report, only);
        put_gain(file, report, without);
        put_plan(file, only);
    }
    put_total(file, &report->modes[0], true);
    put_total(file, &report->modes[1], false);
    fputs("</tbody></table></div>\n", file);
}

/* --- ops ----------------------------------------------------------------------------------------- */

static int
by_time(const void *a, const void *b)
{
    const eg_op_sum *x = a, *y = b;
    if (x->ms != y->ms)
        return x->ms > y->ms ? -1 : 1;
    return strcmp(x->op, y->op);
}

eg_status
eg_op_sums_read(const eg_json *profile, eg_op_sums *out, eg_error *err)
{
    *out = (eg_op_sums){0};
    const eg_json *ops = eg_json_get(profile, "ops");
    for (const eg_json *op = ops ? ops->first : NULL; op; op = op->next) {
        const char *name = eg_json_text(eg_json_get(op, "op"));
        size_t i = 0;
        while (i < out->count && strcmp(out->items[i].op, name) != 0)
            i++;
        if (i == out->count) {
            EG_TRY(eg_reserve(&out->items, &out->capacity, out->count + 1, sizeof *out->items, err));
            out->items[out->count++] = (eg_op_sum){.op = name};
        }
        eg_op_sum *sum = &out->items[i];
        sum->count++;
        sum->ms += eg_json_number(eg_json_get(op, "ms"));
        sum->flops += eg_json_number(eg_json_get(op, "flops"));
        sum->bytes += eg_json_number(eg_json_get(op, "bytes")) + eg_json_number(eg_json_get(op, "weight_bytes"));
        out->ms += eg_json_number(eg_json_get(op, "ms"));
    }
    if (out->count)
        qsort(out->items, out->count, sizeof *out->items, by_time);
    return EG_OK;
}

void
eg_op_sums_free(eg_op_sums *sums)
{
    free(sums->items);
    *sums = (eg_op_sums){0};
}

/* Cells for GFLOP/s, GB/s and the share of what the machine allows. */
static void
put_rates(FILE *file, const eg_peak *peak, double ms, double flops, double bytes)
{
    double share = eg_peak_share(peak, flops, bytes, ms / 1e3);
    double gflops = ms > 0 ? flops / ms / 1e6 : 0, gbps = ms > 0 ? bytes / ms / 1e6 : 0;
    if (flops > 0)
        fprintf(file, "<td>%.*f</td>", eg_report_decimals(gflops), gflops);
    else
        fputs("<td class=\"noise\">–</td>", file);
    fprintf(file, "<td>%.*f</td>", eg_report_decimals(gbps), gbps);
    if (share > 0)
        fprintf(file, "<td>%.0f&nbsp;%%</td>", 100 * share);
    else
        fputs("<td class=\"noise\">–</td>", file);
}

static void
put_sums(FILE *file, const eg_fusion_report *report, const eg_op_sums *sums)
{
    fputs("<div class=\"wide\"><table><thead><tr><th class=\"l\">op</th><th>calls</th><th>ms</th><th>share</th>"
          "<th class=\"l\"></th><th>GFLOP/s</th><th>GB/s</th><th>of the roof</th></tr></thead><tbody>\n",
          file);
    for (size_t i = 0; i < sums->count; i++) {
        const eg_op_sum *sum = &sums->items[i];
        double share = sums->ms > 0 ? sum->ms / sums->ms : 0;
        fputs("<tr><td class=\"l mono\">", file);
        eg_html_puts(file, sum->op);
        fprintf(file,
                "</td><td>%zu</td><td>%.*f</td><td>%.1f&nbsp;%%</td><td class=\"l\"><span class=\"bar\" "
                "style=\"width:%.0fpx\"></span></td>",
                sum->count, eg_report_decimals(sum->ms), sum->ms, 100 * share, 150 * share);
        put_rates(file, &report->peak, sum->ms, sum->flops, sum->bytes);
        fputs("</tr>\n", file);
    }
    fputs("</tbody></table></div>\n", file);
}

/* "matmul ×3 + bias_add ×3": what a fused op was made of. */
static void
put_origins(FILE *file, const eg_json *op)
{
    const eg_json *origins = eg_json_get(op, "origins");
    bool first = true;
    for (const eg_json *origin = origins ? origins->first : NULL; origin; origin = origin->next) {
        const char *name = eg_json_text(eg_json_get(origin, "op"));
        size_t same = 0, earlier = 0;
        bool past = false;
        for (const eg_json *other = origins->first; other; other = other->next) {
            past = past || other == origin;
            bool equal = strcmp(eg_json_text(eg_json_get(other, "op")), name) == 0;
            same += equal;
            earlier += equal && !past;
        }
        if (earlier)
            continue;
        fputs(first ? "" : " + ", file);
        eg_html_puts(file, name);
        if (same > 1)
            fprintf(file, " ×%zu", same);
        first = false;
    }
}

static void
put_each(FILE *file, const eg_fusion_report *report, const eg_json *ops)
{
    fputs("<details class=\"screen\"><summary>Every op, in the order in which they run</summary><div "
          "class=\"wide\"><table>"
          "<thead><tr><th class=\"l\">op</th><th class=\"l\">result</th><th class=\"l\">made of</th><th>ms</th>"
          "<th>GFLOP/s</th><th>GB/s</th><th>of the roof</th></tr></thead><tbody>\n",
          file);
    for (const eg_json *op = ops ? ops->first : NULL; op; op = op->next) {
        double ms = eg_json_number(eg_json_get(op, "ms"));
        double bytes = eg_json_number(eg_json_get(op, "bytes")) + eg_json_number(eg_json_get(op, "weight_bytes"));
        fputs("<tr><td class=\"l mono\">", file);
        eg_html_puts(file, eg_json_text(eg_json_get(op, "op")));
        fputs("</td><td class=\"l mono\">", file);
        eg_html_puts(file, eg_json_text(eg_json_get(op, "name")));
        fputs("</td><td class=\"wrap\">", file);
        put_origins(file, op);
        fprintf(file, "</td><td>%.*f</td>", eg_report_decimals(ms), ms);
        put_rates(file, &report->peak, ms, eg_json_number(eg_json_get(op, "flops")), bytes);
        fputs("</tr>\n", file);
    }
    fputs("</tbody></table></div></details>\n", file);
}

void
eg_report_ops(FILE *file, const eg_fusion_report *report, const eg_json *profile, const eg_op_sums *sums)
{
    put_sums(file, report, sums);
    put_each(file, report, eg_json_get(profile, "ops"));
}

/* --- refusals ------------------------------------------------------------------------------------ */

/* A row for each reason; the table begins with the first. */
static eg_status
put_reasons(FILE *file, const char *who, const eg_json *array, bool *any, eg_error *err)
{
    eg_reasons reasons;
    eg_status status = eg_reasons_read(array, &reasons, err);
    for (size_t i = 0; status == EG_OK && i < reasons.count; i++) {
        if (!*any)
            fputs("<div class=\"wide\"><table><thead><tr><th class=\"l\">by</th><th>places</th><th class=\"l\">the "
                  "first</th>"
                  "<th class=\"l\">why not</th></tr></thead><tbody>\n",
                  file);
        *any = true;
        fputs("<tr><td class=\"l\">", file);
        eg_html_puts(file, *reasons.items[i].backend ? reasons.items[i].backend : who);
        fprintf(file, "</td><td>%zu</td><td class=\"wrap mono\">", reasons.items[i].count);
        eg_html_puts(file, reasons.items[i].at);
        fputs("</td><td class=\"wrap\">", file);
        eg_html_puts(file, reasons.items[i].why);
        fputs("</td></tr>\n", file);
    }
    eg_reasons_free(&reasons);
    return status;
}

/* Of passes, and of backends that would not have a fused op whole. */
eg_status
eg_report_refusals(FILE *file, const eg_fusion_report *report, eg_error *err)
{
    const eg_json *root = report->all.root, *passes = eg_json_get(root, "passes");
    bool any = false;
    for (const eg_json *pass = passes ? passes->first : NULL; pass; pass = pass->next)
        EG_TRY(put_reasons(file, eg_json_text(eg_json_get(pass, "pass")), eg_json_get(pass, "refused"), &any, err));
    EG_TRY(put_reasons(file, "placement", eg_json_get(root, "lowered"), &any, err));
    fputs(any ? "</tbody></table></div>\n" : "<p>No pass refused a place that it looked at.</p>\n", file);
    return EG_OK;
}
