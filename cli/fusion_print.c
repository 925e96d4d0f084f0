/* SPDX-License-Identifier: Apache-2.0 */
/* The fusion report as JSON and as a table. */
#include <stdio.h>
#include <string.h>

#include "cli/fusion.h"
#include "cli/machine.h"
#include "cli/say.h"

/* --- JSON ---------------------------------------------------------------------------------------- */

static void
print_measure(eg_out *out, const char *key, double value)
{
    eg_out_key(out, false, key);
    eg_out_measure(out, value);
}

static void
print_row(eg_out *out, const eg_fusion_mode *mode)
{
    static const char *const names[] = {[EG_FUSION_NONE] = "none",
                                        [EG_FUSION_ALL] = "all",
                                        [EG_FUSION_ONLY] = "only",
                                        [EG_FUSION_WITHOUT] = "without",
                                        [EG_FUSION_STEP] = "step"};
    eg_out_text(out, "{\"fusion\":");
    eg_out_string(out, mode->fusion, strlen(mode->fusion));
    eg_out_format(out, ",\"mode\":\"%s\",\"fuse\":", names[mode->kind]);
    eg_out_string(out, mode->fuse, strlen(mode->fuse));
    eg_out_format(out, ",\"sites\":%.0f", mode->sites);
    print_measure(out, "latency_ms", mode->latency_ms);
    print_measure(out, "spread_ms", mode->spread_ms);
    eg_out_format(out, ",\"arena\":%.0f,\"kernels\":%.0f", mode->arena, mode->kernels);
    print_measure(out, "max_abs_diff", mode->max_abs_diff);
    print_measure(out, "gain_ms", mode->gain_ms);
    print_measure(out, "gain_spread_ms", mode->gain_spread_ms);
    print_measure(out, "predicted_ms", mode->predicted_ms);
    eg_out_format(out, ",\"bytes\":%.0f,\"flops\":%.0f}", mode->bytes, mode->flops);
}

static void
print_rows(const eg_fusion_report *report, eg_out *out, bool steps)
{
    bool first = true;
    for (size_t i = 0; i < report->mode_count; i++) {
        if ((report->modes[i].kind == EG_FUSION_STEP) != steps)
            continue;
        eg_out_text(out, first ? "" : ",");
        print_row(out, &report->modes[i]);
        first = false;
    }
}

eg_status
eg_fusion_print_json(const eg_fusion_report *report, eg_out *out, eg_error *err)
{
    char text[256];
    eg_machine machine;
    eg_machine_read(&machine);
    eg_out_text(out, "{\"rows\":[");
    print_rows(report, out, false);
    eg_out_text(out, "],\"steps\":[");
    print_rows(report, out, true);
    eg_out_text(out, "],\"model\":");
    eg_fusion_model_name(report, text, sizeof text);
    eg_out_string(out, text, strlen(text));
    eg_out_text(out, ",\"backend\":");
    eg_fusion_backends(report, text, sizeof text);
    eg_out_string(out, text, strlen(text));
    eg_out_format(out, ",\"threads\":%u,\"shape\":[%u,%u],\"tokens\":%llu,\"rounds\":%zu,\"plans\":%zu",
                  report->session.threads, report->shape.count, report->shape.longest,
                  (unsigned long long)report->shape.tokens, report->rounds, report->plan_count);
    eg_out_text(out, ",\"spread\":\"half the interquartile range over the rounds\",\"cpu\":");
    eg_out_string(out, machine.cpu, strlen(machine.cpu));
    eg_out_text(out, ",\"peak\":{\"gflops\":");
    eg_out_measure(out, report->peak.gflops);
    print_measure(out, "gbps", report->peak.gbps);
    eg_out_format(out, ",\"isa\":\"%s\"},\"version\":\"%s\"}\n", report->peak.isa, eg_version());
    return eg_out_flush(out, err);
}

/* --- the table ----------------------------------------------------------------------------------- */

/* Decimals for three digits that count. */
static int
decimals_for(double value)
{
    return value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
}

/* "+3.12 ±0.40"; "~" before one that does not stand out of it. ± is two bytes and one column. */
static void
print_gain(eg_out *out, const eg_fusion_report *report, const eg_fusion_mode *mode)
{
    char text[64];
    size_t reference = mode->kind == EG_FUSION_WITHOUT ? 1 : 0;
    if (mode->same_as == report->modes[reference].same_as) {
        eg_out_format(out, "%16s%9s", "same plan", "");
        return;
    }
    double size = mode->gain_ms < 0 ? -mode->gain_ms : mode->gain_ms;
    int decimals = decimals_for(size > mode->gain_spread_ms ? size : mode->gain_spread_ms);
    snprintf(text, sizeof text, "%s%+.*f ±%.*f", eg_fusion_is_noise(mode) ? "~" : "", decimals, mode->gain_ms, decimals,
             mode->gain_spread_ms);
    eg_out_format(out, "%17s%+9.2f", text, mode->predicted_ms + 0.0);
}

static void
print_plan(eg_out *out, const eg_fusion_mode *mode)
{
    eg_out_format(out, "%9.0f", mode->kernels);
    eg_print_bytes(out, mode->arena, 12);
    eg_out_format(out, mode->max_abs_diff == 0 ? "%10.0f\n" : "%10.1e\n", mode->max_abs_diff);
}

static void
print_total(eg_out *out, const eg_fusion_mode *mode)
{
    char text[48];
    snprintf(text, sizeof text, "%.2f ±%.2f ms", mode->latency_ms, mode->spread_ms);
    eg_out_format(out, "%-16s%5.0f%21s%30s", mode->fusion, mode->sites, text, "");
    print_plan(out, mode);
}

void
eg_fusion_print_table(const eg_fusion_report *report, eg_out *out)
{
    char model[256], shape[96], backends[128];
    eg_fusion_model_name(report, model, sizeof model);
    eg_fusion_shape_text(report, shape, sizeof shape);
    eg_fusion_backends(report, backends, sizeof backends);
    eg_out_format(out, "%s, %s; %s, %u thread%s; %zu rounds of %zu plans\n", model, shape, backends,
                  report->session.threads, report->session.threads == 1 ? "" : "s", report->rounds, report->plan_count);
    eg_out_format(out, "peak of the machine: %.0f GFLOP/s (%s), %.1f GB/s\n\n", report->peak.gflops, report->peak.isa,
                  report->peak.gbps);
    eg_out_format(out, "%21s%25s%25s\n", "", "alone, predicted", "left out, predicted");
    eg_out_format(out, "%-16s%5s%16s%9s%16s%9s%9s%12s%11s\n", "fusion", "sites", "ms", "ms", "ms", "ms", "kernels",
                  "arena", "max |Δ|");
    for (size_t i = 0; i < report->mode_count; i++) {
        const eg_fusion_mode *only = &report->modes[i];
        if (only->kind != EG_FUSION_ONLY)
            continue;
        const eg_fusion_mode *without = eg_fusion_find(report, EG_FUSION_WITHOUT, only->fusion);
        eg_out_format(out, "%-16s%5.0f", only->fusion, without->sites);
        print_gain(out, report, only);
        print_gain(out, report, without);
        print_plan(out, only);
    }
    eg_out_char(out, '\n');
    const eg_fusion_mode *none = &report->modes[0], *all = &report->modes[1];
    print_total(out, none);
    print_total(out, all);
    eg_out_format(out, "\nall against none: %.2fx, %s%+.2f ±%.2f ms, predicted %+.2f\n",
                  none->latency_ms / all->latency_ms, eg_fusion_is_noise(all) ? "~" : "", all->gain_ms,
                  all->gain_spread_ms, all->predicted_ms);
    eg_out_text(out,
                "Medians; ± is half the interquartile range over the rounds, of a gain that of the differences within\n"
                "a round; ~ marks what does not stand out of it. Kernels, arena and max |Δ| are those of the fusion\n"
                "alone; predicted is the traffic saved at the machine's bandwidth and the FLOPs at its peak.\n");
}
