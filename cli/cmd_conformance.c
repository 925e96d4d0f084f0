/* SPDX-License-Identifier: Apache-2.0 */
/*
 * egbert conformance: runs the plugin suite, a program of its own (it opens a plugin without the engine), and ends with
 * its status.
 */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/say.h"

extern char **environ;

/* The folder of this program, without its last '/'; "" if it cannot be told. */
static void
own_folder(char *out, size_t n)
{
    ssize_t length = readlink("/proc/self/exe", out, n - 1);
    out[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(out, '/');
    if (slash)
        *slash = '\0';
}

/* Beside an installed command (PREFIX/bin), in the build tree, and where it was to be installed. */
static eg_status
find_suite(char *out, size_t n, eg_error *err)
{
    static const char *const near[] = {"../libexec/egbert/egbert-conformance",
                                       "../plugins/conformance/egbert-conformance", "../plugins/egbert-conformance"};
    char folder[4096];
    own_folder(folder, sizeof folder);
    for (size_t i = 0; folder[0] && i < sizeof near / sizeof *near; i++) {
        if ((size_t)snprintf(out, n, "%s/%s", folder, near[i]) < n && access(out, X_OK) == 0)
            return EG_OK;
    }
    if ((size_t)snprintf(out, n, "%s", EGBERT_CONFORMANCE) < n && access(out, X_OK) == 0)
        return EG_OK;
    return eg_fault_at(err, EG_E_FAILED, EGBERT_CONFORMANCE, 0, 0, "the conformance suite is not installed");
}

static eg_status
wait_for(pid_t child, eg_error *err)
{
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return eg_fault_errno(err, EG_E_FAILED, NULL, "waiting for the suite");
    if (WIFSIGNALED(status))
        return eg_fault(err, EG_E_FAILED, "the suite was ended by signal %d", WTERMSIG(status));
    /* The suite has printed its result, or said on stderr what is wrong: its status is the command's. */
    int code = WEXITSTATUS(status);
    return code == 0 ? EG_OK : eg_fault(err, code <= EG_E_BACKEND ? code : EG_E_FAILED, "%s", "");
}

static eg_status
run_conformance(eg_app *app, eg_error *err)
{
    const eg_arguments *args = &app->args;
    if (args->words.count != 1) {
        eg_fault(err, EG_E_USAGE, args->words.count ? "more than one PLUGIN given" : "no PLUGIN given");
        return eg_fault_hint(err, "the file of a backend plugin, such as build/plugin-dir/egbert-cpu.so");
    }
    char suite[4096];
    EG_TRY(find_suite(suite, sizeof suite, err));
    const char *words[8] = {suite};
    size_t count = 1;
    if (args->json)
        words[count++] = "--json";
    if (args->list)
        words[count++] = "--list";
    if (args->only) {
        words[count++] = "--only";
        words[count++] = args->only;
    }
    words[count++] = args->words.items[0];
    pid_t child;
    errno = posix_spawn(&child, suite, NULL, NULL, (char *const *)words, environ);
    if (errno != 0)
        return eg_fault_errno(err, EG_E_FAILED, suite, "cannot be started");
    return wait_for(child, err);
}

const eg_command eg_cmd_conformance = {
    .name = "conformance",
    .words = "PLUGIN",
    .summary = "test a backend plugin against the ABI and the operators",
    .details = "Prints TAP, or JSON with --json. The status is 1 when a test fails.",
    .uses = EG_ON_CONFORMANCE,
    .run = run_conformance,
};
