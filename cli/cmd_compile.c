/* SPDX-License-Identifier: Apache-2.0 */
/* egbert compile: what becomes of a model: passes, placement, memory, code. */
#include <string.h>

#include "cli/command.h"
#include "cli/describe.h"
#include "cli/say.h"
#include "cli/session.h"
#include "cli/shape.h"

/* --- the table ----------------------------------------------------------------------------------- */

static double
pair_value(const eg_json *pass, const char *key, int which)
{
    const eg_json *pair = eg_json_get(pass, key), *value = pair ? pair->first : NULL;
    return eg_json_number(which && value ? value->next : value);
}

static void
print_pass(eg_out *out, const eg_json *pass)
{
    eg_out_format(out, "  %-16s %5.0f", eg_json_text(eg_json_get(pass, "pass")),
                  eg_json_number(eg_json_get(pass, "hits")));
    eg_out_format(out, "   nodes %4.0f > %-4.0f  moves ", pair_value(pass, "nodes", 0), pair_value(pass, "nodes", 1));
    eg_print_bytes(out, pair_value(pass, "bytes", 0), 10);
    eg_out_text(out, " > ");
    eg_print_bytes(out, pair_value(pass, "bytes", 1), 10);
    eg_out_text(out, "  peak ");
    eg_print_bytes(out, pair_value(pass, "peak", 0), 10);
    eg_out_text(out, " > ");
    eg_print_bytes(out, pair_value(pass, "peak", 1), 10);
    eg_out_char(out, '\n');
    const eg_json *refused = eg_json_get(pass, "refused");
    for (const eg_json *refusal = refused ? refused->first : NULL; refusal; refusal = refusal->next)
        eg_out_format(out, "    not at %s: %s\n", eg_json_text(eg_json_get(refusal, "at")),
                      eg_json_text(eg_json_get(refusal, "why")));
}

static void
print_placement(eg_out *out, const eg_json *placement)
{
    eg_out_text(out, "placement\n");
    for (const eg_json *target = placement ? placement->first : NULL; target; target = target->next) {
        const char *why = eg_json_text(eg_json_get(target, "why"));
        eg_out_format(out, "  %-16s %5.0f ops%s", eg_json_text(eg_json_get(target, "backend")),
                      eg_json_number(eg_json_get(target, "ops")), *why ? "   " : "");
        eg_out_text(out, why);
        eg_out_char(out, '\n');
        const eg_json *by_op = eg_json_get(target, "by_op");
        for (const eg_json *op = by_op ? by_op->first : NULL; op; op = op->next)
            eg_out_format(out, "    %-14.*s %5.0f\n", (int)op->key.length, op->key.data, eg_json_number(op));
    }
}

static void
print_memory(eg_out *out, const eg_json *root)
{
    static const char *const rows[] = {"naive", "arena", "bound"};
    const eg_json *exact = eg_json_get(root, "memory"), *rounded = eg_json_get(root, "rounded");
    eg_out_text(out, "memory           this batch   as planned\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        eg_out_format(out, "  %-12s", rows[i]);
        eg_print_bytes(out, eg_json_number(eg_json_get(exact, rows[i])), 13);
        eg_print_bytes(out, eg_json_number(eg_json_get(rounded, rows[i])), 13);
        eg_out_char(out, '\n');
    }
}

static void
print_table(eg_out *out, const eg_json *root)
{
    const eg_json *passes = eg_json_get(root, "passes");
    eg_out_text(out, "passes            hits\n");
    for (const eg_json *pass = passes ? passes->first : NULL; pass; pass = pass->next)
        print_pass(out, pass);
    print_placement(out, eg_json_get(root, "placement"));
    print_memory(out, root);
    eg_out_format(out, "kernels %.0f, copies %.0f\n", eg_json_number(eg_json_get(root, "kernels")),
                  eg_json_number(eg_json_get(root, "copies")));
}

/* --- the command --------------------------------------------------------------------------------- */

static eg_status
refuse(eg_error *err, const char *what)
{
    eg_fault(err, EG_E_USAGE, "this build has no %s", what);
    return eg_fault_hint(err, "there are --format text, --format json and --dump-ir");
}

static eg_status
refuse_what_is_not_built(const eg_arguments *args, eg_error *err)
{
    if (args->format && (strcmp(args->format, "dot") == 0 || strcmp(args->format, "svg") == 0))
        return refuse(err, args->format[0] == 'd' ? "--format dot" : "--format svg");
    if (args->memory_svg)
        return refuse(err, "--memory-svg");
    if (args->save || args->self_contained || args->check)
        return refuse(err, args->save ? "--save" : args->check ? "--check" : "--self-contained");
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
    };
    bool json = args->json || (args->format && strcmp(args->format, "json") == 0);
    char *text;
    EG_TRY(eg_describe(session->model, &options, &text, err));
    if (json || args->dumps_ir) {
        print_text(&app->out, text, json, args->dumps_ir);
        eg_string_free(text);
        return eg_out_flush(&app->out, err);
    }
    eg_description_text description;
    EG_TRY(eg_description_read(text, &description, err));
    print_table(&app->out, description.root);
    eg_description_free(&description);
    return eg_out_flush(&app->out, err);
}

static eg_status
run_compile(eg_app *app, eg_error *err)
{
    EG_TRY(eg_expect_words(app, 1, err));
    EG_TRY(refuse_what_is_not_built(&app->args, err));
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
               "--output names others. --dump-ir prints the graph in its text form.",
    .uses = EG_ON_COMPILE,
    .run = run_compile,
};
