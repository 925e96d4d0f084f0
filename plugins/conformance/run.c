/* SPDX-License-Identifier: Apache-2.0 */
/* One process per group of checks, and what it says on a pipe: "B name", then "P", "S why", "F why" or "D", a line each. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "plugins/conformance/checks.h"
#include "plugins/registry.h"

enum { LINE = 1024, GROUP_SECONDS = 120 };

/* --- in the child -------------------------------------------------------------------------------- */

static void
say(checker *k, char kind, const char *fmt, va_list args)
{
    char text[LINE - 4], line[LINE];
    vsnprintf(text, sizeof text, fmt, args);
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20)
            *c = ' ';
    int n = snprintf(line, sizeof line, "%c %s\n", kind, text);
    /* At most PIPE_BUF bytes are written whole; if the parent is gone, so is the point of this. */
    if (write(k->answer, line, (size_t)n) != n)
        _exit(1);
}

void
check_begin(checker *k, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    say(k, 'B', fmt, args);
    va_end(args);
}

static void
say_plain(checker *k, char kind, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    say(k, kind, fmt, args);
    va_end(args);
}

void
check_pass(checker *k)
{
    say_plain(k, 'P', "%s", "");
}

void
check_drop(checker *k)
{
    say_plain(k, 'D', "%s", "");
}

void
check_skip(checker *k, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    say(k, 'S', fmt, args);
    va_end(args);
}

void
check_fail(checker *k, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    say(k, 'F', fmt, args);
    va_end(args);
}

void
check_settle(checker *k, eg_status status, const eg_error *err)
{
    if (status == EG_OK)
        check_pass(k);
    else if (status == EG_E_UNSUPPORTED)
        check_skip(k, "%s", err->message);
    else
        check_fail(k, "%s (status %d)", err->message, status);
}

eg_status
load_plugin(checker *k, eg_error *err)
{
    EG_TRY(eg_plugin_load(k->options->plugin, &k->plugin, err));
    if (k->plugin->device_count() == 0)
        return eg_fail(err, EG_E_UNSUPPORTED, "it has no device here");
    return EG_OK;
}

eg_status
load_reference(checker *k, eg_error *err)
{
    return eg_plugin_load(k->options->reference, &k->reference_plugin, err);
}

/* --- in the parent ------------------------------------------------------------------------------- */

typedef struct {
    const char *group;
    void (*report)(void *ctx, const eg_check_result *result);
    void *ctx;
    eg_conformance_counts *counts;
    char check[LINE]; /* begun and not settled; "" */
} listener;

static void
settle(listener *l, eg_check_outcome outcome, const char *why)
{
    char name[2 * LINE];
    snprintf(name, sizeof name, "%s: %s", l->group, l->check[0] ? l->check : "end");
    l->check[0] = '\0';
    l->counts->passed += outcome == EG_CHECK_PASS;
    l->counts->failed += outcome == EG_CHECK_FAIL;
    l->counts->skipped += outcome == EG_CHECK_SKIP;
    eg_check_result result = {.name = name, .outcome = outcome, .why = why};
    l->report(l->ctx, &result);
}

static void
hear_line(listener *l, char *line)
{
    char *text = line[0] && line[1] ? line + 2 : line;
    switch (line[0]) {
    case 'B':
        snprintf(l->check, sizeof l->check, "%.*s", LINE - 1, text);
        break;
    case 'D':
        l->check[0] = '\0';
        break;
    case 'P':
        settle(l, EG_CHECK_PASS, "");
        break;
    case 'S':
        settle(l, EG_CHECK_SKIP, text);
        break;
    case 'F':
        settle(l, EG_CHECK_FAIL, text);
        break;
    default:
        break;
    }
}

static int64_t
now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Listens until the child closes its end. False: it has not done so in time. */
static bool
listen_to(listener *l, int fd)
{
    char buffer[4 * LINE];
    size_t used = 0;
    int64_t deadline = now_ms() + GROUP_SECONDS * 1000;
    for (;;) {
        int64_t left = deadline - now_ms();
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        if (left <= 0)
            return false;
        if (poll(&wait, 1, (int)left) <= 0)
            continue;
        ssize_t n = read(fd, buffer + used, sizeof buffer - used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return true;
        used += (size_t)n;
        for (char *end; (end = memchr(buffer, '\n', used));) {
            *end = '\0';
            hear_line(l, buffer);
            used -= (size_t)(end + 1 - buffer);
            memmove(buffer, end + 1, used);
        }
    }
}

static void
run_child(const eg_conformance_options *options, const char *name, const check_group *group, int answer)
{
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    checker k = {
        .options = options, .threads = options->threads ? options->threads : 2, .group = name, .answer = answer};
    group->run(&k, group->number);
    exit(0); /* not _exit: what the plugin does at the end of a process is part of the test */
}

static eg_status
run_group(const check_group *group, const char *name, const eg_conformance_options *options, listener *l, eg_error *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return eg_fail(err, EG_E_FAILED, "no pipe: %s", strerror(errno));
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) {
        close(ends[0]);
        close(ends[1]);
        return eg_fail(err, EG_E_FAILED, "no process: %s", strerror(errno));
    }
    if (pid == 0) {
        close(ends[0]);
        run_child(options, name, group, ends[1]);
    }
    close(ends[1]);
    l->group = name;
    l->check[0] = '\0';
    bool ended = listen_to(l, ends[0]);
    close(ends[0]);
    if (!ended)
        kill(pid, SIGKILL);
    int wait_status = 0;
    while (waitpid(pid, &wait_status, 0) < 0 && errno == EINTR)
        continue;
    char why[128];
    if (!ended)
        snprintf(why, sizeof why, "hangs: no answer in %d s", GROUP_SECONDS);
    else if (WIFSIGNALED(wait_status))
        snprintf(why, sizeof why, "crashes (SIG%s)", sigabbrev_np(WTERMSIG(wait_status)));
    else if (WEXITSTATUS(wait_status) != 0)
        snprintf(why, sizeof why, "ends the process with status %d", WEXITSTATUS(wait_status));
    else if (l->check[0])
        snprintf(why, sizeof why, "ends the process");
    else
        return EG_OK;
    settle(l, EG_CHECK_FAIL, why);
    return EG_OK;
}

static bool
wanted(const eg_conformance_options *options, const char *name)
{
    return !options->only || strstr(name, options->only);
}

eg_status
eg_conformance_run(const eg_conformance_options *options, void (*report)(void *ctx, const eg_check_result *result),
                   void *ctx, eg_conformance_counts *out, eg_error *err)
{
    *out = (eg_conformance_counts){0};
    listener l = {.report = report, .ctx = ctx, .counts = out};
    uint32_t ran = 0;
    for (uint32_t i = 0; i < general_group_count; i++)
        if (wanted(options, general_groups[i].name)) {
            EG_TRY(run_group(&general_groups[i], general_groups[i].name, options, &l, err));
            ran++;
        }
    for (uint32_t i = 0; i < op_group_count; i++) {
        char name[64];
        snprintf(name, sizeof name, "op/%s", op_group_name(i));
        const check_group group = {.run = check_op, .number = i};
        if (wanted(options, name)) {
            EG_TRY(run_group(&group, name, options, &l, err));
            ran++;
        }
    }
    if (ran == 0)
        return eg_fail(err, EG_E_USAGE, "no group of checks has '%s' in its name", options->only);
    return EG_OK;
}
