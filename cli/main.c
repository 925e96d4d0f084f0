/* SPDX-License-Identifier: Apache-2.0 */
/* The `egbert` command: finds the command that is asked for, reads its arguments, runs it, says what went wrong. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/describe.h"
#include "cli/say.h"
#include "cli/session.h"

static const eg_command *const commands[] = {
    /* texts in, results out */
    &eg_cmd_embed,
    &eg_cmd_similarity,
    &eg_cmd_classify,
    &eg_cmd_ner,
    &eg_cmd_qa,
    &eg_cmd_fill_mask,
    &eg_cmd_nsp,
    &eg_cmd_choose,
    &eg_cmd_rerank,
    &eg_cmd_sparse,
    &eg_cmd_run,
    &eg_cmd_tokenize,
    /* what there is */
    &eg_cmd_inspect,
    &eg_cmd_families,
    &eg_cmd_backends,
    /* looking inside, measuring, checking */
    &eg_cmd_compile,
    &eg_cmd_bench,
    &eg_cmd_profile,
    &eg_cmd_fusion_report,
    &eg_cmd_compare,
    &eg_cmd_verify,
    &eg_cmd_evaluate,
    &eg_cmd_conformance,
};
#define COMMANDS (sizeof commands / sizeof *commands)

/* --- help ---------------------------------------------------------------------------------------- */

static void
print_overview(eg_out *out)
{
    eg_out_text(out, "Usage: egbert COMMAND [OPTION...] [ARGUMENT...]\n\n"
                     "Runs BERT-family models from Hugging Face checkpoints on backends loaded at run time.\n\n"
                     "Commands\n");
    for (size_t i = 0; i < COMMANDS; i++)
        eg_out_format(out, "  %-13s  %s\n", commands[i]->name, commands[i]->summary);
    eg_out_text(out, "  help           this text, or a command's: egbert help COMMAND\n"
                     "  --version      versions of the library, the plugin ABI, the plugins, the compiler\n\n"
                     "MODEL is the folder of a checkpoint, or an instance file (YAML).\n"
                     "Status: 0 done, 1 failed, 2 wrong usage, 3 bad model or input file, 4 no usable backend.\n");
}

static void
print_command_help(eg_out *out, const eg_command *command)
{
    eg_out_format(out, "Usage: egbert %s [OPTION...] %s\n\n", command->name, command->words);
    eg_out_text(out, command->details);
    eg_out_char(out, '\n');
    eg_arguments_help(out, command->uses);
}

/* --- version ------------------------------------------------------------------------------------- */

static void
print_plugins(eg_out *out, const eg_json *backends)
{
    for (const eg_json *backend = backends->first; backend; backend = backend->next) {
        bool loaded = eg_json_number(eg_json_get(backend, "loaded")) != 0.0;
        eg_out_format(out, "plugin %s %s%s\n", eg_json_text(eg_json_get(backend, "name")),
                      eg_json_text(eg_json_get(backend, "version")), loaded ? "" : " (not loaded)");
    }
}

static eg_status
list_plugins(eg_app *app, eg_session *session, eg_error *err)
{
    eg_description_text description;
    char *json;
    EG_TRY(eg_session_open_engine(session, app, err));
    EG_TRY(eg_engine_backends(session->engine, 0, &json, err));
    EG_TRY(eg_description_read(json, &description, err));
    print_plugins(&app->out, description.root);
    eg_description_free(&description);
    return EG_OK;
}

/* A library without usable plugins still has a version. */
static eg_status
print_version(eg_app *app, eg_error *err)
{
    eg_out_format(&app->out, "egbert %s\nplugin ABI %u.%u\ncompiler %s\n", eg_version(), eg_abi() >> 16,
                  eg_abi() & 0xffff, eg_compiler());
    eg_session session = {0};
    eg_status status = list_plugins(app, &session, err);
    eg_session_close(&session);
    if (status != EG_OK && status != EG_E_BACKEND)
        return status;
    if (status == EG_E_BACKEND)
        eg_out_text(&app->out, "no usable plugins\n");
    return eg_out_flush(&app->out, err);
}

/* --- commands ------------------------------------------------------------------------------------ */

static const eg_command *
find_command(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

static eg_status
refuse_command(const char *name, eg_error *err)
{
    const char *names[COMMANDS];
    for (size_t i = 0; i < COMMANDS; i++)
        names[i] = commands[i]->name;
    const char *nearest = eg_nearest(name, names, COMMANDS);
    eg_fault(err, EG_E_USAGE, "unknown %s '%.100s'", name[0] == '-' ? "flag" : "command", name);
    return nearest ? eg_fault_hint(err, "did you mean '%s'?", nearest) : eg_fault_hint(err, "see 'egbert help'");
}

static eg_status
run_help(eg_app *app, const char *name, eg_error *err)
{
    const eg_command *command = name ? find_command(name) : NULL;
    if (name && !command)
        return refuse_command(name, err);
    if (command)
        print_command_help(&app->out, command);
    else
        print_overview(&app->out);
    return eg_out_flush(&app->out, err);
}

static eg_status
run_command(eg_app *app, const eg_command *command, int count, char *const *words, eg_error *err)
{
    EG_TRY(eg_arguments_read(&app->args, command->uses, command->name, count, words, err));
    return app->args.help ? run_help(app, command->name, err) : command->run(app, err);
}

static eg_status
dispatch(eg_app *app, int argc, char **argv, eg_error *err)
{
    if (argc < 2) {
        eg_fault(err, EG_E_USAGE, "no command given");
        return eg_fault_hint(err, "see 'egbert help'");
    }
    const char *name = argv[1];
    if (strcmp(name, "--version") == 0) {
        app->args.quiet = EG_ON;
        return print_version(app, err);
    }
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return run_help(app, argc > 2 ? argv[2] : NULL, err);
    const eg_command *command = find_command(name);
    return command ? run_command(app, command, argc - 2, argv + 2, err) : refuse_command(name, err);
}

/* --- the process --------------------------------------------------------------------------------- */

/*
 * A closed standard stream would give its number to the next file that is opened, and output would end in that. The
 * number is taken by /dev/null, opened so that using the stream still fails: reading from 0, writing to 1 and 2.
 */
static void
guard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            return;
}

int
main(int argc, char **argv)
{
    guard_streams();
    signal(SIGPIPE, SIG_IGN); /* a reader that has gone shows as a failed write */
    eg_error err = {.size = sizeof err};
    eg_app *app = calloc(1, sizeof *app);
    eg_status status = app ? dispatch(app, argc, argv, &err) : eg_fault(&err, EG_E_NOMEM, "out of memory");
    /* Without a message there is nothing to say: the reader of our output has gone, or a program of ours has said it. */
    if (status != EG_OK && err.message[0])
        eg_say_error(&err);
    if (app)
        eg_arguments_free(&app->args);
    free(app);
    return eg_exit_status(status);
}
