/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of the page that `egbert fusion-report --html` writes. They print into a FILE whose errors are looked at once,
 * at the end. Colours are those of the drawings that the library makes (engine/draw), by custom properties of the page.
 */
#ifndef EG_CLI_REPORT_H
#define EG_CLI_REPORT_H

#include <stdio.h>

#include "cli/fusion.h"

extern const char eg_report_style[]; /* CSS */

/* With what HTML needs escaped. */
void eg_html_puts(FILE *file, const char *text);
/* 3.1 MiB, with a space that does not break */
void eg_html_bytes(FILE *file, double bytes);
/* Decimals for three digits that count: 0.123, 4.56, 78.9, 1234. */
int eg_report_decimals(double value);

/* Kinds of ops of a profile, added up. */
typedef struct eg_op_sum {
    const char *op;
    size_t count;
    double ms, flops, bytes;
} eg_op_sum;

typedef struct eg_op_sums {
    eg_op_sum *items; /* the slowest first */
    size_t count, capacity;
    double ms;
} eg_op_sums;

EG_NODISCARD eg_status eg_op_sums_read(const eg_json *profile, eg_op_sums *out, eg_error *err);
void eg_op_sums_free(eg_op_sums *sums);

/* report_charts.c */
void eg_report_waterfall(FILE *file, const eg_fusion_report *report);
void eg_report_roofline(FILE *file, const eg_fusion_report *report, const eg_json *profile, const eg_op_sums *sums);

/* report_tables.c */
void eg_report_fusions(FILE *file, const eg_fusion_report *report);
void eg_report_ops(FILE *file, const eg_fusion_report *report, const eg_json *profile, const eg_op_sums *sums);
EG_NODISCARD eg_status eg_report_refusals(FILE *file, const eg_fusion_report *report, eg_error *err);

#endif
