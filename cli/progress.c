/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/progress.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The one terminal of the process, so one line. */
static struct {
    bool enabled;
    atomic_bool shown;
    double began, drawn;
} line;

static double
now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void
draw(const char *text, size_t length)
{
    /* A terminal that does not take the line loses it: the work goes on. */
    ssize_t ignored = write(STDERR_FILENO, text, length);
    (void)ignored;
}

void
eg_progress_begin(bool quiet)
{
    line.enabled = !quiet && isatty(STDERR_FILENO) == 1;
    line.began = line.drawn = now();
}

static void
format_left(double seconds, char *out, size_t n)
{
    unsigned left = seconds < 0 ? 0 : seconds > 359999 ? 359999 : (unsigned)(seconds + 0.5);
    if (left >= 3600)
        snprintf(out, n, "%u:%02u:%02u", left / 3600, left / 60 % 60, left % 60);
    else
        snprintf(out, n, "%u:%02u", left / 60, left % 60);
}

void
eg_progress_update(uint64_t done, const char *unit, double share)
{
    if (!line.enabled)
        return;
    double time = now(), elapsed = time - line.began;
    if (elapsed < 1.0 || time - line.drawn < 0.1)
        return;
    line.drawn = time;
    char text[160], left[16];
    int length = snprintf(text, sizeof text, "\r\033[Kegbert: %llu %s, %.4g/s", (unsigned long long)done, unit,
                          (double)done / elapsed);
    if (share > 0.0 && share <= 1.0) {
        format_left(elapsed / share - elapsed, left, sizeof left);
        length += snprintf(text + length, sizeof text - (size_t)length, ", %.0f %%, %s left", 100.0 * share, left);
    }
    draw(text, (size_t)length);
    atomic_store(&line.shown, true);
}

void
eg_progress_clear(void)
{
    static const char clear[] = "\r\033[K";
    if (atomic_exchange(&line.shown, false))
        draw(clear, sizeof clear - 1);
}
