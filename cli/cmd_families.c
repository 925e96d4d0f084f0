/* SPDX-License-Identifier: Apache-2.0 */
/* egbert families: the family files that were found. */
#include "cli/command.h"
#include "cli/describe.h"
#include "cli/say.h"
#include "cli/session.h"

static void
print_family(eg_out *out, const eg_json *family)
{
    eg_out_format(out, "%-16s", eg_json_text(eg_json_get(family, "name")));
    const eg_json *extends = eg_json_get(family, "extends");
    if (extends && extends->type == EG_JSON_STRING)
        eg_out_format(out, " extends %s", eg_json_text(extends));
    eg_out_text(out, "\n  model types  ");
    eg_print_names(out, eg_json_get(family, "model_types"));
    eg_out_text(out, "\n  heads        ");
    eg_print_names(out, eg_json_get(family, "heads"));
    eg_out_format(out, "\n  file         %s\n", eg_json_text(eg_json_get(family, "file")));
}

static eg_status
print_families(eg_app *app, eg_session *session, eg_error *err)
{
    char *json;
    EG_TRY(eg_engine_families(session->engine, &json, err));
    if (app->args.json) {
        eg_out_text(&app->out, json);
        eg_out_char(&app->out, '\n');
        eg_string_free(json);
        return eg_out_flush(&app->out, err);
    }
    eg_description_text description;
    EG_TRY(eg_description_read(json, &description, err));
    for (const eg_json *family = description.root->first; family; family = family->next)
        print_family(&app->out, family);
    eg_description_free(&description);
    return eg_out_flush(&app->out, err);
}

static eg_status
run_families(eg_app *app, eg_error *err)
{
    EG_TRY(eg_expect_words(app, 0, err));
    eg_session session = {0};
    eg_status status = eg_session_open_engine(&session, app, err);
    if (status == EG_OK)
        status = print_families(app, &session, err);
    eg_session_close(&session);
    return status;
}

const eg_command eg_cmd_families = {
    .name = "families",
    .words = "",
    .summary = "list the model families that are known",
    .details = "One YAML file each, from EGBERT_FAMILY_DIR, else from where Egbert is installed.",
    .uses = EG_ON_FAMILIES,
    .run = run_families,
};
