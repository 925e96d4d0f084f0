/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"

static int64_t
now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The child gets its standard files only, and the signals as a fresh program expects them. */
static int
spawn(const char *program, const char *plugin, int out_fd, pid_t *out_pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    int error = posix_spawn_file_actions_init(&files);
    if (error)
        return error;
    error = posix_spawnattr_init(&attributes);
    if (error) {
        posix_spawn_file_actions_destroy(&files);
        return error;
    }
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    char *const argv[] = {(char *)program, (char *)plugin, NULL};
    if (!(error = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0)) &&
        !(error = posix_spawn_file_actions_adddup2(&files, out_fd, 1)) &&
        !(error = posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0)) &&
        !(error = posix_spawn_file_actions_addclosefrom_np(&files, 3)) &&
        !(error = posix_spawnattr_setsigmask(&attributes, &none)) &&
        !(error = posix_spawnattr_setsigdefault(&attributes, &all)) &&
        !(error = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF)))
        error = posix_spawn(out_pid, program, &files, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return error;
}

/* Reads until the end, the deadline, or a full line buffer. Returns false at the deadline. */
static bool
read_line(int fd, int64_t deadline, char line[EG_PROBE_LINE])
{
    size_t used = 0;
    line[0] = '\0';
    for (;;) {
        int64_t left = deadline - now_ms();
        if (left <= 0)
            return false;
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        int ready = poll(&wait, 1, (int)left);
        if (ready < 0 && errno != EINTR)
            return true;
        if (ready <= 0)
            continue;
        char piece[256];
        ssize_t n = read(fd, piece, sizeof piece);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return true;
        size_t keep = (size_t)n < EG_PROBE_LINE - 1 - used ? (size_t)n : EG_PROBE_LINE - 1 - used;
        memcpy(line + used, piece, keep);
        used += keep;
        line[used] = '\0';
    }
}

/* Waits for the child until the deadline. 1: over, 0: still running, -1: somebody else has reaped it. */
static int
reap(pid_t pid, int64_t deadline, int *out_status)
{
    for (;;) {
        pid_t got = waitpid(pid, out_status, WNOHANG);
        if (got == pid)
            return 1;
        if (got < 0 && errno != EINTR)
            return -1;
        if (got == 0) {
            if (now_ms() >= deadline)
                return 0;
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        }
    }
}

static void
kill_and_reap(pid_t pid)
{
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
}

static eg_status
judge(int reaped, int wait_status, char *line, bool *out_final, eg_error *err)
{
    line[strcspn(line, "\r\n")] = '\0';
    if (reaped == 1 && WIFSIGNALED(wait_status)) {
        int number = WTERMSIG(wait_status);
        const char *name = sigabbrev_np(number);
        *out_final = number != SIGKILL && number != SIGTERM && number != SIGINT; /* those come from outside */
        return eg_fail(err, EG_E_BACKEND, "crashed in the probe (%s%s)", name ? "SIG" : "signal ", name ? name : "?");
    }
    bool ended_well = reaped != 1 || (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0);
    if (ended_well && strcmp(line, EG_PROBE_OK) == 0) {
        *out_final = true;
        return EG_OK;
    }
    if (line[0] != '\0' && strcmp(line, EG_PROBE_OK) != 0)
        return eg_fail(err, EG_E_BACKEND, "%s", line);
    return eg_fail(err, EG_E_BACKEND, "ended in the probe with status %d",
                   reaped == 1 && WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 0);
}

eg_status
eg_probe_run(const char *program, const char *plugin, uint32_t timeout_ms, bool *out_final, eg_error *err)
{
    *out_final = false;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return eg_fail(err, EG_E_BACKEND, "cannot be probed: %s", strerror(errno));
    pid_t pid;
    int error = spawn(program, plugin, ends[1], &pid);
    close(ends[1]);
    if (error) {
        close(ends[0]);
        return eg_fail(err, EG_E_BACKEND, "cannot be probed: %s: %s", program, strerror(error));
    }
    int64_t deadline = now_ms() + timeout_ms;
    char line[EG_PROBE_LINE];
    int wait_status = 0, reaped = 0;
    if (read_line(ends[0], deadline, line))
        reaped = reap(pid, deadline, &wait_status);
    close(ends[0]);
    if (reaped == 0) {
        kill_and_reap(pid);
        return eg_fail(err, EG_E_BACKEND, "hung in the probe for %u ms", timeout_ms);
    }
    return judge(reaped, wait_status, line, out_final, err);
}
