/* SPDX-License-Identifier: Apache-2.0 */
/* egbert verify: a model against the tensors that a reference computed. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/describe.h"
#include "cli/npy.h"
#include "cli/progress.h"
#include "cli/say.h"
#include "cli/session.h"

/* --- the table ----------------------------------------------------------------------------------- */

static bool
is_there(const eg_json *value, eg_json_type type)
{
    return value && value->type == type;
}

/* A number that JSON has as null is one that is not finite. */
static void
print_number(eg_out *out, const eg_json *value, const char *format)
{
    if (is_there(value, EG_JSON_NUMBER))
        eg_out_format(out, format, value->number);
    else
        eg_out_text(out, "not finite");
}

static void
print_difference(eg_out *out, const eg_json *tensor, const char *plan, int width)
{
    const eg_json *difference = eg_json_get(tensor, plan), *cosine = eg_json_get(difference, "cosine");
    if (!is_there(difference, EG_JSON_OBJECT))
        return;
    bool fits = eg_json_number(eg_json_get(difference, "ok")) != 0.0;
    eg_out_format(out, "%-*s  %-10s  ", width, eg_json_text(eg_json_get(tensor, "tensor")), plan);
    print_number(out, eg_json_get(difference, "max_abs_diff"), "%-10.3g");
    eg_out_format(out, "  of %-8.3g  ", eg_json_number(eg_json_get(difference, "allowed")));
    if (is_there(cosine, EG_JSON_NUMBER))
        eg_out_format(out, "%10.8f  ", cosine->number);
    else
        eg_out_text(out, "         -  ");
    eg_out_text(out, fits ? "fits\n" : "DIFFERS\n");
}

static void
print_tensors(eg_out *out, const eg_json *tensors)
{
    int width = 6;
    for (const eg_json *tensor = tensors ? tensors->first : NULL; tensor; tensor = tensor->next) {
        size_t length = strlen(eg_json_text(eg_json_get(tensor, "tensor")));
        width = length > (size_t)width && length < 40 ? (int)length : width;
    }
    eg_out_format(out, "%-*s  plan        max |diff|  allowed        cosine\n", width, "tensor");
    for (const eg_json *tensor = tensors ? tensors->first : NULL; tensor; tensor = tensor->next) {
        bool fused = is_there(eg_json_get(tensor, "fused"), EG_JSON_OBJECT);
        bool plain = is_there(eg_json_get(tensor, "decomposed"), EG_JSON_OBJECT);
        print_difference(out, tensor, "fused", width);
        print_difference(out, tensor, "decomposed", width);
        if (!fused && !plain)
            eg_out_format(out, "%-*s  not compared: a value inside the model, which --all compares too\n", width,
                          eg_json_text(eg_json_get(tensor, "tensor")));
    }
}

static void
print_place(eg_out *out, const eg_json *bad)
{
    const eg_json *op = eg_json_get(bad, "op"), *scope = eg_json_get(bad, "scope");
    eg_out_text(out, eg_json_text(eg_json_get(bad, "value")));
    if (is_there(op, EG_JSON_STRING))
        eg_out_format(out, ", made by %s", op->text.data);
    if (is_there(scope, EG_JSON_STRING) && scope->text.length)
        eg_out_format(out, " in %s", scope->text.data);
}

static void
print_first_bad(eg_out *out, const eg_json *bad)
{
    const eg_json *index = eg_json_get(bad, "index"), *cause = eg_json_get(bad, "cause"),
                  *pass = eg_json_get(bad, "pass");
    eg_out_format(out, "first that differs  %s", eg_json_text(eg_json_get(bad, "tensor")));
    if (index)
        eg_out_bytes(out, index->raw.data, index->raw.length);
    eg_out_text(out, "\n  want   ");
    print_number(out, eg_json_get(bad, "want"), "%.9g");
    eg_out_text(out, "\n  got    ");
    print_number(out, eg_json_get(bad, "got"), "%.9g");
    eg_out_text(out, "\n  place  ");
    print_place(out, bad);
    eg_out_format(out, "\n  plan   %s\n", eg_json_text(eg_json_get(bad, "plan")));
    bool fused_alone = strcmp(eg_json_text(eg_json_get(bad, "plan")), "fused") == 0;
    if (fused_alone && is_there(pass, EG_JSON_STRING))
        eg_out_format(out, "  pass   %s: without it the plan fits; each op by itself does too\n", pass->text.data);
    else if (fused_alone)
        eg_out_text(out, "  pass   none by itself: each op by itself fits, and no single pass makes the difference\n");
    else
        eg_out_format(out, "  cause  %s\n",
                      is_there(cause, EG_JSON_STRING)
                          ? cause->text.data
                          : "none of the usual ones (activation, eps, positions, pooling, norms)");
}

static void
print_table(eg_out *out, const eg_json *root)
{
    const eg_json *tensors = eg_json_get(root, "tensors"), *bad = eg_json_get(root, "first_bad");
    print_tensors(out, tensors);
    if (is_there(bad, EG_JSON_OBJECT))
        print_first_bad(out, bad);
    bool ok = eg_json_number(eg_json_get(root, "ok")) != 0.0;
    eg_out_format(out, "%s: %.0f of %u tensors compared, tolerance %g\n", ok ? "fits" : "DIFFERS",
                  eg_json_number(eg_json_get(root, "checked")), tensors ? tensors->count : 0,
                  eg_json_number(eg_json_get(root, "tolerance")));
}

/* --- the command --------------------------------------------------------------------------------- */

static eg_status
print_result(eg_app *app, char *json, eg_error *err)
{
    eg_description_text description;
    EG_TRY(eg_description_read(json, &description, err));
    bool ok = eg_json_number(eg_json_get(description.root, "ok")) != 0.0;
    if (app->args.json) {
        eg_out_text(&app->out, description.text);
        eg_out_char(&app->out, '\n');
    } else {
        print_table(&app->out, description.root);
    }
    eg_description_free(&description);
    EG_TRY(eg_out_flush(&app->out, err));
    err->message[0] = '\0'; /* what differs has been said on stdout */
    return ok ? EG_OK : EG_E_FAILED;
}

static void
on_progress(void *user, uint32_t runs_done, uint32_t runs)
{
    (void)user;
    eg_progress_update(runs_done, "runs", runs ? (double)runs_done / runs : -1.0);
}

/* A fault without a place lies in the golden: the model's own say their file. */
static eg_status
name_file(const eg_app *app, eg_error *err)
{
    if (err->code == EG_E_INPUT && !err->file[0])
        snprintf(err->file, sizeof err->file, "%s", app->args.golden);
    return err->code;
}

static eg_status
verify(eg_app *app, const eg_session *session, const eg_golden_file *file, eg_error *err)
{
    eg_golden golden = {
        .size = sizeof golden,
        .text_count = file->ids.count,
        .ids = file->ids.ids,
        .cu_seqlens = file->ids.cu_seqlens,
        .type_ids = file->ids.type_ids,
        .tensors = file->tensors,
        .tensor_count = (uint32_t)file->count,
    };
    eg_verify_options options = {
        .size = sizeof options,
        .flags = app->args.all ? EG_VERIFY_ALL : 0,
        .tolerance = app->args.tolerance,
        .progress = on_progress,
    };
    char *json;
    if (eg_verify(session->context, &golden, &options, &json, err) != EG_OK)
        return name_file(app, err);
    eg_progress_clear();
    return print_result(app, json, err);
}

static eg_status
run_verify(eg_app *app, eg_error *err)
{
    EG_TRY(eg_expect_words(app, 1, err));
    if (!app->args.golden) {
        eg_fault(err, EG_E_USAGE, "no --golden given");
        return eg_fault_hint(err,
                             "--golden FILE.npz with the tensors of a reference, laid out as `egbert run --npz` does");
    }
    eg_session session = {0};
    eg_golden_file file;
    EG_TRY(eg_golden_read(app->args.golden, &file, err));
    eg_status status = eg_session_open(&session, app, EG_LOAD_FULL, err);
    if (status == EG_OK)
        status = verify(app, &session, &file, err);
    eg_session_close(&session);
    eg_golden_free(&file);
    return status;
}

const eg_command eg_cmd_verify = {
    .name = "verify",
    .words = "MODEL --golden FILE.npz",
    .summary = "compare a model with what a reference computed, and say what differs",
    .details =
        "FILE.npz has input_ids, cu_seqlens, perhaps token_type_ids, and the reference's tensors by name, laid out as\n"
        "`egbert run --npz` writes them. Each output is compared as users run it. Where one differs, everything is "
        "run\n"
        "again without fusion: the first tensor in the order of the graph that is off is shown, with a cause if one "
        "of\n"
        "the usual ones (form of GELU, eps, position offset, pooling, norm before or after) makes all of it fit, or "
        "the\n"
        "pass that spoils a fused plan. A tensor fits if |diff| <= X * max(1, max |want| / 10) and its cosine is at\n"
        "least 0.99999. Status 1 if one does not.\n",
    .uses = EG_ON_VERIFY,
    .run = run_verify,
};
