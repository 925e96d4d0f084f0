/* SPDX-License-Identifier: Apache-2.0 */
/*
 * egbert conformance: runs the plugin suite, a program of its own (it opens a plugin without the engine, and a plugin may
 * take it down), and gives its TAP on as it is or as JSON.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/describe.h"
#include "cli/mem.h"
#include "cli/say.h"
#include "cli/session.h"

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

/* --- the suite as a process ---------------------------------------------------------------------- */

static eg_status
read_all(int fd, eg_bytes *out, eg_error *err)
{
    char block[1 << 14];
    for (;;) {
        ssize_t got = read(fd, block, sizeof block);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return eg_fault_errno(err, EG_E_FAILED, "the suite", "cannot be read");
        if (got == 0)
            return EG_OK;
        EG_TRY(eg_bytes_add(out, block, (size_t)got, err));
    }
}

static eg_status
wait_for(pid_t child, int *out_code, eg_error *err)
{
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return eg_fault_errno(err, EG_E_FAILED, "the suite", "cannot be waited for");
    if (WIFSIGNALED(status)) {
        eg_fault(err, EG_E_FAILED, "the suite was ended by signal %d", WTERMSIG(status));
        return eg_fault_hint(err, "the plugin crashed");
    }
    *out_code = WEXITSTATUS(status);
    return EG_OK;
}

/* Starts the program with its stdout in a pipe, of which *out_fd is to be read. */
static eg_status
start(const char *const *words, pid_t *out_child, int *out_fd, eg_error *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return eg_fault_errno(err, EG_E_FAILED, words[0], "cannot be started");
    posix_spawn_file_actions_t actions;
    int failure = posix_spawn_file_actions_init(&actions);
    if (failure == 0) {
        failure = posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
        if (failure == 0)
            failure = posix_spawn(out_child, words[0], &actions, NULL, (char *const *)words, environ);
        posix_spawn_file_actions_destroy(&actions);
    }
    close(ends[1]);
    *out_fd = ends[0];
    if (failure == 0)
        return EG_OK;
    close(ends[0]);
    errno = failure;
    return eg_fault_errno(err, EG_E_FAILED, words[0], "cannot be started");
}

static eg_status
run_suite(const char *const *words, eg_bytes *tap, int *out_code, eg_error *err)
{
    pid_t child;
    int fd;
    EG_TRY(start(words, &child, &fd, err));
    eg_status status = read_all(fd, tap, err);
    close(fd);
    eg_error second = {.size = sizeof second};
    eg_status waited = wait_for(child, out_code, &second);
    if (status == EG_OK && waited != EG_OK)
        *err = second;
    return status != EG_OK ? status : waited;
}

/* --- TAP to JSON --------------------------------------------------------------------------------- */

typedef struct tally {
    unsigned passed, failed, skipped;
} tally;

/* "ok 3 - NAME # SKIP WHY" or "not ok 3 - NAME"; the line after a failure, "# WHY", is `reason`. */
static void
print_test(eg_out *out, eg_string line, eg_string reason, tally *counts)
{
    bool failed = line.data[0] == 'n', skipped = false;
    const char *end = line.data + line.length, *name = memmem(line.data, line.length, " - ", 3);
    name = name ? name + 3 : end;
    const char *skip = memmem(name, (size_t)(end - name), " # SKIP ", 8);
    if (!failed && skip) {
        skipped = true;
        reason = (eg_string){skip + 8, (size_t)(end - skip - 8)};
        end = skip;
    }
    eg_out_text(out, counts->passed + counts->failed + counts->skipped ? ",{\"name\":" : "{\"name\":");
    eg_out_string(out, name, (size_t)(end - name));
    eg_out_format(out, ",\"result\":\"%s\"", failed ? "fail" : skipped ? "skip" : "pass");
    if (failed || skipped) {
        eg_out_key(out, false, "why");
        eg_out_string(out, reason.data, reason.length);
    }
    eg_out_char(out, '}');
    counts->failed += failed;
    counts->skipped += skipped;
    counts->passed += !failed && !skipped;
}

/* Takes the first line off the text. */
static eg_string
take_line(eg_string *text)
{
    const char *end = memchr(text->data, '\n', text->length);
    eg_string line = {text->data, end ? (size_t)(end - text->data) : text->length};
    size_t taken = line.length + (end ? 1 : 0);
    *text = (eg_string){text->data + taken, text->length - taken};
    return line;
}

static bool
begins(eg_string text, const char *with)
{
    return text.length >= strlen(with) && memcmp(text.data, with, strlen(with)) == 0;
}

static void
print_json(eg_out *out, const char *plugin, eg_string tap)
{
    tally counts = {0};
    eg_out_text(out, "{\"plugin\":");
    eg_out_string(out, plugin, strlen(plugin));
    eg_out_text(out, ",\"tests\":[");
    while (tap.length) {
        eg_string line = take_line(&tap), reason = {"", 0};
        if (!begins(line, "ok ") && !begins(line, "not ok "))
            continue;
        if (begins(line, "not") && begins(tap, "# ")) {
            reason = take_line(&tap);
            reason = (eg_string){reason.data + 2, reason.length - 2};
        }
        print_test(out, line, reason, &counts);
    }
    eg_out_format(out, "],\"passed\":%u,\"failed\":%u,\"skipped\":%u}\n", counts.passed, counts.failed, counts.skipped);
}

/* --- the command --------------------------------------------------------------------------------- */

/* The plugin that the suite compares results with: the one named reference that the engine found. */
static eg_status
find_reference(const eg_app *app, char *out, size_t n, eg_error *err)
{
    eg_session session = {0};
    eg_description_text description = {0};
    char *json = NULL;
    out[0] = '\0';
    eg_status status = eg_session_open_engine(&session, app, err);
    if (status == EG_OK)
        status = eg_engine_backends(session.engine, 0, &json, err);
    if (status == EG_OK)
        status = eg_description_read(json, &description, err);
    if (status == EG_OK)
        for (const eg_json *backend = description.root->first; backend; backend = backend->next)
            if (strcmp(eg_json_text(eg_json_get(backend, "name")), "reference") == 0)
                snprintf(out, n, "%s", eg_json_text(eg_json_get(backend, "path")));
    eg_description_free(&description);
    eg_session_close(&session);
    if (status == EG_OK && !out[0])
        return eg_fault(err, EG_E_BACKEND, "the plugin 'reference', which results are compared with, was not found");
    return status;
}

static eg_status
test_plugin(eg_app *app, eg_bytes *tap, int *out_code, eg_error *err)
{
    char suite[4096], reference[4096];
    if (access(app->args.words.items[0], R_OK) != 0)
        return eg_fault_errno(err, EG_E_BACKEND, app->args.words.items[0], "the plugin cannot be read");
    EG_TRY(find_suite(suite, sizeof suite, err));
    EG_TRY(find_reference(app, reference, sizeof reference, err));
    const char *words[] = {suite, app->args.words.items[0], reference, app->args.group, NULL};
    return run_suite(words, tap, out_code, err);
}

static eg_status
run_conformance(eg_app *app, eg_error *err)
{
    const eg_arguments *args = &app->args;
    if (args->words.count != 1) {
        eg_fault(err, EG_E_USAGE, args->words.count ? "more than one PLUGIN given" : "no PLUGIN given");
        return eg_fault_hint(err, "the file of a backend plugin, such as egbert-cpu.so");
    }
    eg_bytes tap = {0};
    int code = 0;
    eg_status status = test_plugin(app, &tap, &code, err);
    if (status == EG_OK && code <= EG_E_FAILED) {
        if (args->json)
            print_json(&app->out, args->words.items[0], (eg_string){tap.data, tap.length});
        else
            eg_out_bytes(&app->out, tap.data, tap.length);
        status = eg_out_flush(&app->out, err);
    }
    eg_bytes_free(&tap);
    if (status != EG_OK || code == 0)
        return status;
    /* A negative result has been printed, and another failure the suite has told: the status is all that is left. */
    return eg_fault(err, code <= EG_E_BACKEND ? code : EG_E_FAILED, "%s", "");
}

const eg_command eg_cmd_conformance = {
    .name = "conformance",
    .words = "PLUGIN",
    .summary = "test a backend plugin against the ABI and the operators",
    .details = "Prints TAP, or JSON with --json. The status is 1 when a test fails.",
    .uses = EG_ON_CONFORMANCE,
    .run = run_conformance,
};
