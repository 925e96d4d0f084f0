/* SPDX-License-Identifier: Apache-2.0 */
/* egbert compile: what becomes of a model: passes, placement, memory, code. */
#include <string.h>

#include "cli/command.h"
#include "cli/compile_table.h"
#include "cli/describe.h"
#include "cli/file_out.h"
#include "cli/say.h"
#include "cli/session.h"
#include "cli/shape.h"

/* --- the command --------------------------------------------------------------------------------- */

static eg_status
refuse(eg_error *err, const char *what)
{
    eg_fault(err, EG_E_USAGE, "this build has no %s", what);
    return eg_fault_hint(err, "there are --format text, json, dot and svg, --memory-svg and --dump-ir");
}

static eg_status
refuse_what_is_not_built(const eg_arguments *args, eg_error *err)
{
    if (args->save || args->self_contained || args->check)
        return refuse(err, args->save ? "--save" : args->check ? "--check" : "--self-contained");
    return EG_OK;
}

static bool
is_format(const eg_arguments *args, const char *format)
{
    return args->format && strcmp(args->format, format) == 0;
}

/* Two things that both go to stdout. */
static eg_status
check_formats(const eg_arguments *args, eg_error *err)
{
    bool picture = is_format(args, "dot") || is_format(args, "svg");
    if (picture && (args->json || args->dumps_ir)) {
        eg_fault(err, EG_E_USAGE, "--format %s and %s contradict each other", args->format,
                 args->json ? "--json" : "--dump-ir");
        return eg_fault_hint(err, "a picture is printed as it is");
    }
    if (args->scope && !picture) {
        eg_fault(err, EG_E_USAGE, "--scope is for pictures of the graph");
        return eg_fault_hint(err, "--format svg or --format dot");
    }
    return EG_OK;
}

/* The description as it is; the graph's text form is a string where JSON is wanted. */
static void
print_text(eg_out *out, const char *text, bool json, bool is_ir)
{
    size_t length = strlen(text);
    if (json && is_ir) {
        eg_out_text(out, "{\"ir\":");
        eg_out_string(out, text, length);
        eg_out_text(out, "}\n");
        return;
    }
    eg_out_bytes(out, text, length);
    if (length == 0 || text[length - 1] != '\n')
        eg_out_char(out, '\n');
}

static eg_status
write_memory_svg(eg_session *session, const eg_describe_options *compile, const char *path, eg_error *err)
{
    eg_describe_options options = *compile;
    options.dump_ir = NULL;
    options.draw_scope = NULL;
    options.draw = EG_DRAW_MEMORY_SVG;
    char *svg;
    EG_TRY(eg_describe(session->model, &options, &svg, err));
    eg_file_out file;
    eg_status status = eg_file_out_open(&file, path, err);
    if (status == EG_OK)
        status = eg_file_out_write(&file, svg, strlen(svg), err);
    if (status == EG_OK)
        status = eg_file_out_commit(&file, err);
    eg_file_out_close(&file);
    eg_string_free(svg);
    return status;
}

static eg_status
print_compiled(eg_app *app, eg_session *session, const eg_shape *shape, eg_error *err)
{
    const eg_arguments *args = &app->args;
    eg_describe_options options = {
        .size = sizeof options,
        .what = EG_DESCRIBE_COMPILE,
        .lengths = shape->lengths,
        .length_count = shape->count,
        .outputs = args->outputs.count ? args->outputs.items : NULL,
        .output_count = (uint32_t)args->outputs.count,
        .dump_ir = args->dump_ir,
        .draw = is_format(args, "dot")   ? EG_DRAW_DOT
                : is_format(args, "svg") ? EG_DRAW_SVG
                                         : EG_DRAW_NONE,
        .draw_scope = args->scope,
    };
    bool json = args->json || is_format(args, "json");
    char *text;
    EG_TRY(eg_describe(session->model, &options, &text, err));
    if (json || args->dumps_ir || options.draw != EG_DRAW_NONE) {
        print_text(&app->out, text, json, args->dumps_ir);
        eg_string_free(text);
    } else {
        eg_description_text description;
        EG_TRY(eg_description_read(text, &description, err));
        eg_status status = eg_print_compile_table(&app->out, description.root, err);
        eg_description_free(&description);
        EG_TRY(status);
    }
    if (args->memory_svg)
        EG_TRY(write_memory_svg(session, &options, args->memory_svg, err));
    return eg_out_flush(&app->out, err);
}

static eg_status
run_compile(eg_app *app, eg_error *err)
{
    EG_TRY(eg_expect_words(app, 1, err));
    EG_TRY(refuse_what_is_not_built(&app->args, err));
    EG_TRY(check_formats(&app->args, err));
    eg_shape shape;
    EG_TRY(eg_shape_read(&app->args, true, &shape, err));
    eg_session session = {0};
    eg_status status = eg_session_open(&session, app, EG_LOAD_DESCRIBE, err);
    if (status == EG_OK)
        status = print_compiled(app, &session, &shape, err);
    eg_session_close(&session);
    eg_shape_free(&shape);
    return status;
}

const eg_command eg_cmd_compile = {
    .name = "compile",
    .words = "MODEL",
    .summary = "show what becomes of a model: passes, placement, memory",
    .details = "For one text of 128 tokens unless --shape or --lengths says otherwise, and for the embedding unless\n"
               "--output names others. --dump-ir prints the graph in its text form, --format dot and svg draw it;\n"
               "--memory-svg draws what lies where in memory, and when.",
    .uses = EG_ON_COMPILE,
    .run = run_compile,
};
