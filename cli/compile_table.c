/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/compile_table.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/describe.h"
#include "cli/mem.h"
#include "cli/say.h"

#define COLUMNS 104

/* --- reasons ------------------------------------------------------------------------------------- */

/* Whether two texts are the same but for numbers: those of layers, in names. */
static bool
is_alike(const char *a, const char *b)
{
    while (*a && *b) {
        if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
            while (isdigit((unsigned char)*a))
                a++;
            while (isdigit((unsigned char)*b))
                b++;
        } else if (*a++ != *b++) {
            return false;
        }
    }
    return *a == *b;
}

eg_status
eg_reasons_read(const eg_json *array, eg_reasons *out, eg_error *err)
{
    *out = (eg_reasons){0};
    for (const eg_json *item = array ? array->first : NULL; item; item = item->next) {
        eg_reason reason = {eg_json_text(eg_json_get(item, "at")), eg_json_text(eg_json_get(item, "op")),
                            eg_json_text(eg_json_get(item, "backend")), eg_json_text(eg_json_get(item, "why")), 1};
        size_t i = 0;
        while (i < out->count &&
               !(is_alike(out->items[i].why, reason.why) && strcmp(out->items[i].op, reason.op) == 0 &&
                 strcmp(out->items[i].backend, reason.backend) == 0))
            i++;
        if (i < out->count) {
            out->items[i].count++;
            continue;
        }
        EG_TRY(eg_reserve(&out->items, &out->capacity, out->count + 1, sizeof *out->items, err));
        out->items[out->count++] = reason;
    }
    return EG_OK;
}

void
eg_reasons_free(eg_reasons *reasons)
{
    free(reasons->items);
    *reasons = (eg_reasons){0};
}

/* --- wrapped lines ------------------------------------------------------------------------------- */

typedef struct wrap {
    eg_out *out;
    int indent, column;
} wrap;

/* Columns of UTF-8 text, one a character. */
static int
columns_of(const char *text, size_t length)
{
    int columns = 0;
    for (size_t i = 0; i < length; i++)
        columns += ((unsigned char)text[i] & 0xc0) != 0x80;
    return columns;
}

/* Words go to the next line, which begins at the indent, where they would pass the last column. */
static void
put_wrapped(wrap *to, const char *text)
{
    while (*text) {
        size_t spaces = strspn(text, " "), length = strcspn(text + spaces, " ");
        int columns = (int)spaces + columns_of(text + spaces, length);
        if (to->column + columns > COLUMNS && to->column > to->indent && length) {
            eg_out_format(to->out, "\n%*s", to->indent, "");
            to->column = to->indent;
            columns -= (int)spaces;
            text += spaces;
            spaces = 0;
        }
        eg_out_bytes(to->out, text, spaces + length);
        to->column += columns;
        text += spaces + length;
    }
}

/* --- passes -------------------------------------------------------------------------------------- */

static double
pair_value(const eg_json *pass, const char *key, int which)
{
    const eg_json *pair = eg_json_get(pass, key), *value = pair ? pair->first : NULL;
    return eg_json_number(which && value ? value->next : value);
}

static void
print_flops(eg_out *out, double flops, int width)
{
    static const char *const units[] = {"", " K", " M", " G", " T", " P"};
    size_t unit = 0;
    for (; flops >= 1000.0 && unit + 1 < sizeof units / sizeof *units; unit++)
        flops /= 1000.0;
    char text[32];
    snprintf(text, sizeof text, unit ? "%.2f%s" : "%.0f%s", flops, units[unit]);
    eg_out_format(out, "%*s", width, text);
}

static void
print_number(eg_out *out, double value, int width)
{
    eg_out_format(out, "%*.0f", width, value);
}

static const struct {
    const char *key, *head;
    int width;
    void (*print)(eg_out *out, double value, int width);
} columns[] = {
    {"nodes", "nodes", 8, print_number},         {"weight_bytes", "weights", 13, eg_print_bytes},
    {"bytes", "traffic", 13, eg_print_bytes},    {"flops", "FLOPs", 11, print_flops},
    {"peak", "peak memory", 14, eg_print_bytes},
};
#define COLUMN_COUNT (sizeof columns / sizeof *columns)

static void
print_measures(eg_out *out, const eg_json *pass, int which)
{
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        columns[i].print(out, pair_value(pass, columns[i].key, which), columns[i].width);
    eg_out_char(out, '\n');
}

/* What a pass left as it was is a dot, so that what it changed stands out. */
static void
print_changes(eg_out *out, const eg_json *pass)
{
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        double before = pair_value(pass, columns[i].key, 0), after = pair_value(pass, columns[i].key, 1);
        if (before == after)
            eg_out_format(out, "%*s·", columns[i].width - 1, "");
        else
            columns[i].print(out, after, columns[i].width);
    }
    eg_out_char(out, '\n');
}

static void
print_share(eg_out *out, const eg_json *first, const eg_json *last)
{
    eg_out_format(out, "  %-18s%6s", "change", "");
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        double before = pair_value(first, columns[i].key, 0), after = pair_value(last, columns[i].key, 1);
        char text[32];
        snprintf(text, sizeof text, "%+.1f %%", before > 0 ? 100 * (after - before) / before : 0.0);
        eg_out_format(out, "%*s", columns[i].width, before == after ? "0 %" : text);
    }
    eg_out_char(out, '\n');
}

static eg_status
print_refusals(eg_out *out, const eg_json *pass, eg_error *err)
{
    eg_reasons reasons;
    eg_status status = eg_reasons_read(eg_json_get(pass, "refused"), &reasons, err);
    for (size_t i = 0; status == EG_OK && i < reasons.count; i++) {
        const eg_reason *reason = &reasons.items[i];
        char count[32];
        snprintf(count, sizeof count, reason->count > 1 ? "%zu ×" : "not", reason->count);
        wrap to = {out, 11, 11};
        eg_out_format(out, "%*s%s ", 10 - columns_of(count, strlen(count)), "", count);
        put_wrapped(&to, reason->count > 1 ? "such as " : "");
        put_wrapped(&to, reason->at);
        put_wrapped(&to, ": ");
        put_wrapped(&to, reason->why);
        eg_out_char(out, '\n');
    }
    eg_reasons_free(&reasons);
    return status;
}

static eg_status
print_passes(eg_out *out, const eg_json *root, eg_error *err)
{
    const eg_json *passes = eg_json_get(root, "passes"), *first = passes ? passes->first : NULL, *last = NULL;
    eg_out_format(out, "%-20s%6s", "passes", "hits");
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        eg_out_format(out, "%*s", columns[i].width, columns[i].head);
    eg_out_format(out, "\n  %-18s%6s", "(as built)", "");
    print_measures(out, first, 0);
    for (const eg_json *pass = first; pass; last = pass, pass = pass->next) {
        eg_out_format(out, "  %-18s", eg_json_text(eg_json_get(pass, "pass")));
        if (eg_json_number(eg_json_get(pass, "enabled")) == 0.0) {
            eg_out_format(out, "%6s\n", "off");
            continue;
        }
        eg_out_format(out, "%6.0f", eg_json_number(eg_json_get(pass, "hits")));
        print_changes(out, pass);
        EG_TRY(print_refusals(out, pass, err));
    }
    if (last) {
        eg_out_format(out, "  %-18s%6s", "(in the end)", "");
        print_measures(out, last, 1);
        print_share(out, first, last);
    }
    return EG_OK;
}

/* --- placement ----------------------------------------------------------------------------------- */

static void
print_target(eg_out *out, const eg_json *target)
{
    eg_out_format(out, "  %-16s %5.0f ops   ", eg_json_text(eg_json_get(target, "backend")),
                  eg_json_number(eg_json_get(target, "ops")));
    wrap to = {out, 31, 31};
    const eg_json *by_op = eg_json_get(target, "by_op");
    for (const eg_json *op = by_op ? by_op->first : NULL; op; op = op->next) {
        char text[96];
        /* One word for the wrapping: an op never parts from its number. */
        snprintf(text, sizeof text, "%s%.*s\xc2\xa0%.0f%s", op == by_op->first ? "" : " ", (int)op->key.length,
                 op->key.data, eg_json_number(op), op->next ? "," : "");
        put_wrapped(&to, text);
    }
    eg_out_char(out, '\n');
    const char *why = eg_json_text(eg_json_get(target, "why"));
    if (*why) {
        eg_out_format(out, "%*swhy ", 27, "");
        to.column = 31;
        put_wrapped(&to, why);
        eg_out_char(out, '\n');
    }
}

static eg_status
print_lowered(eg_out *out, const eg_json *root, eg_error *err)
{
    eg_reasons reasons;
    eg_status status = eg_reasons_read(eg_json_get(root, "lowered"), &reasons, err);
    for (size_t i = 0; status == EG_OK && i < reasons.count; i++) {
        const eg_reason *reason = &reasons.items[i];
        eg_out_format(out, "  %-16s %5zu %s   ", "taken apart", reason->count, reason->count == 1 ? "op " : "ops");
        wrap to = {out, 31, 31};
        put_wrapped(&to, reason->op);
        put_wrapped(&to, reason->count > 1 ? ", such as " : " ");
        put_wrapped(&to, reason->at);
        put_wrapped(&to, ": ");
        if (*reason->backend) {
            put_wrapped(&to, reason->backend);
            put_wrapped(&to, ": ");
        }
        put_wrapped(&to, reason->why);
        eg_out_char(out, '\n');
    }
    eg_reasons_free(&reasons);
    return status;
}

/* What no run computes any more. */
static void
print_constants(eg_out *out, const eg_json *root)
{
    const eg_json *constants = eg_json_get(root, "constants");
    double computed = eg_json_number(eg_json_get(constants, "computed"));
    if (computed == 0)
        return;
    eg_out_format(out, "  %-16s %5.0f %s   computed once, from weights alone: ", "at load", computed,
                  computed == 1 ? "op " : "ops");
    eg_print_bytes(out, eg_json_number(eg_json_get(constants, "bytes")), 0);
    eg_out_text(out, " of constants\n");
}

static eg_status
print_placement(eg_out *out, const eg_json *root, eg_error *err)
{
    const eg_json *placement = eg_json_get(root, "placement");
    eg_out_text(out, "placement\n");
    for (const eg_json *target = placement ? placement->first : NULL; target; target = target->next)
        print_target(out, target);
    print_constants(out, root);
    return print_lowered(out, root, err);
}

/* --- memory and kernels -------------------------------------------------------------------------- */

static void
print_over_bound(eg_out *out, const eg_json *sizes)
{
    double bound = eg_json_number(eg_json_get(sizes, "bound")), arena = eg_json_number(eg_json_get(sizes, "arena"));
    char text[32];
    snprintf(text, sizeof text, "%.2f %%", bound > 0 ? 100 * (arena - bound) / bound : 0.0);
    eg_out_format(out, "%13s", text);
}

/* What a run takes besides, where there were weights to compile with. */
static void
print_allocated(eg_out *out, const eg_json *sizes)
{
    static const char *const rows[] = {"scratch", "allocated"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const eg_json *bytes = eg_json_get(sizes, rows[i]);
        if (!bytes)
            continue;
        eg_out_format(out, "  %-15s", rows[i]);
        eg_print_bytes(out, eg_json_number(bytes), 13);
        eg_out_char(out, '\n');
    }
}

static void
print_memory(eg_out *out, const eg_json *root)
{
    static const char *const rows[] = {"naive", "arena", "bound"};
    const eg_json *exact = eg_json_get(root, "memory"), *rounded = eg_json_get(root, "rounded");
    eg_out_text(out, "memory              this batch   as planned\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        eg_out_format(out, "  %-15s", rows[i]);
        eg_print_bytes(out, eg_json_number(eg_json_get(exact, rows[i])), 13);
        eg_print_bytes(out, eg_json_number(eg_json_get(rounded, rows[i])), 13);
        eg_out_char(out, '\n');
    }
    eg_out_format(out, "  %-15s", "above bound");
    print_over_bound(out, exact);
    print_over_bound(out, rounded);
    eg_out_char(out, '\n');
    print_allocated(out, exact);
}

/* Into how many runs --max-arena would split the batch. */
static void
print_limit(eg_out *out, const eg_json *root)
{
    const eg_json *limit = eg_json_get(root, "max_arena");
    if (!limit)
        return;
    double runs = eg_json_number(eg_json_get(limit, "runs"));
    eg_out_format(out, "  %-15s", "max arena");
    eg_print_bytes(out, eg_json_number(eg_json_get(limit, "bytes")), 13);
    if (runs > 0)
        eg_out_format(out, "  the batch in %.0f %s\n", runs, runs == 1 ? "run" : "runs");
    else
        eg_out_text(out, "  not even one text fits\n");
}

/* Scopes after each other that differ in a number alone and have as many kernels are one word: "encoder.0 to encoder.11 7 each". */
static void
print_kernels(eg_out *out, const eg_json *root)
{
    const eg_json *scopes = eg_json_get(root, "scopes");
    char text[320];
    int length = snprintf(text, sizeof text, "kernels %.0f, copies %.0f", eg_json_number(eg_json_get(root, "kernels")),
                          eg_json_number(eg_json_get(root, "copies")));
    eg_out_bytes(out, text, (size_t)length);
    wrap to = {out, 2, length};
    const char *between = ": ";
    for (const eg_json *scope = scopes ? scopes->first : NULL; scope; scope = scope->next) {
        const char *name = eg_json_text(eg_json_get(scope, "scope")), *last = NULL;
        double kernels = eg_json_number(eg_json_get(scope, "kernels"));
        while (scope->next && is_alike(eg_json_text(eg_json_get(scope->next, "scope")), name) &&
               eg_json_number(eg_json_get(scope->next, "kernels")) == kernels) {
            scope = scope->next;
            last = eg_json_text(eg_json_get(scope, "scope"));
        }
        if (last)
            snprintf(text, sizeof text, "%s%.100s to %.100s\xc2\xa0%.0f each", between, name, last, kernels);
        else
            snprintf(text, sizeof text, "%s%.100s\xc2\xa0%.0f", between, *name ? name : "(no scope)", kernels);
        put_wrapped(&to, text);
        between = ", ";
    }
    eg_out_char(out, '\n');
}

eg_status
eg_print_compile_table(eg_out *out, const eg_json *root, eg_error *err)
{
    EG_TRY(print_passes(out, root, err));
    EG_TRY(print_placement(out, root, err));
    print_memory(out, root);
    print_limit(out, root);
    print_kernels(out, root);
    return EG_OK;
}
