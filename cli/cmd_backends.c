/* SPDX-License-Identifier: Apache-2.0 */
/* egbert backends: the plugins that were found, whether they work, and if not why. */
#include <string.h>

#include "cli/command.h"
#include "cli/describe.h"
#include "cli/say.h"
#include "cli/session.h"

static void
print_fact(eg_out *out, const char *label, const char *text)
{
    if (*text)
        eg_out_format(out, "  %-12s %s\n", label, text);
}

static void
print_devices(eg_out *out, const eg_json *devices)
{
    for (const eg_json *device = devices ? devices->first : NULL; device; device = device->next)
        eg_out_format(out, "  %-12s %s  %s  score %.0f\n", "device", eg_json_text(eg_json_get(device, "id")),
                      eg_json_text(eg_json_get(device, "name")), eg_json_number(eg_json_get(device, "score")));
}

static void
print_backend(eg_out *out, const eg_json *backend)
{
    bool loaded = eg_json_number(eg_json_get(backend, "loaded")) != 0.0;
    eg_out_format(out, "%-12s %s\n", eg_json_text(eg_json_get(backend, "name")), loaded ? "loaded" : "not loaded");
    print_fact(out, "why", eg_json_text(eg_json_get(backend, "why")));
    print_fact(out, "path", eg_json_text(eg_json_get(backend, "path")));
    print_fact(out, "version", eg_json_text(eg_json_get(backend, "version")));
    print_fact(out, "abi", eg_json_text(eg_json_get(backend, "abi")));
    print_devices(out, eg_json_get(backend, "devices"));
    const eg_json *info = eg_json_get(backend, "info");
    for (const eg_json *fact = info ? info->first : NULL; fact; fact = fact->next)
        print_fact(out, fact->key.data, eg_json_text(fact));
}

static eg_status
print_backends(eg_app *app, eg_session *session, eg_error *err)
{
    char *json;
    EG_TRY(eg_engine_backends(session->engine, 1, &json, err));
    if (app->args.json) {
        eg_out_text(&app->out, json);
        eg_out_char(&app->out, '\n');
        eg_string_free(json);
        return eg_out_flush(&app->out, err);
    }
    eg_description_text description;
    EG_TRY(eg_description_read(json, &description, err));
    for (const eg_json *backend = description.root->first; backend; backend = backend->next)
        print_backend(&app->out, backend);
    eg_description_free(&description);
    return eg_out_flush(&app->out, err);
}

static eg_status
run_backends(eg_app *app, eg_error *err)
{
    EG_TRY(eg_expect_words(app, 0, err));
    eg_session session = {0};
    eg_status status = eg_session_open_engine(&session, app, err);
    if (status == EG_OK)
        status = print_backends(app, &session, err);
    eg_session_close(&session);
    return status;
}

const eg_command eg_cmd_backends = {
    .name = "backends",
    .words = "",
    .summary = "list the backend plugins, whether they load, and why not",
    .details =
        "Plugins come from --plugin, EGBERT_PLUGIN_PATH, and the folder where Egbert is installed, in this order.\n"
        "Devices are opened to tell their facts.",
    .uses = EG_ON_BACKENDS,
    .run = run_backends,
};
