/* SPDX-License-Identifier: Apache-2.0 */
/* egbert fusion-report: what each fusion gains: alone, and when it is left out of all. */
#include "cli/command.h"
#include "cli/fusion.h"
#include "cli/progress.h"
#include "cli/say.h"

static eg_status
make_report(eg_fusion_report *report, eg_error *err)
{
    eg_app *app = report->app;
    EG_TRY(eg_expect_words(app, 1, err));
    EG_TRY(eg_shape_read(&app->args, false, &report->shape, err));
    EG_TRY(eg_session_open(&report->session, app, EG_LOAD_FULL, err));
    EG_TRY(eg_shape_input_make(&report->session, &report->shape, &report->input, err));
    EG_TRY(eg_fusion_list(report, app->args.html != NULL, err));
    EG_TRY(eg_fusion_measure(report, err));
    if (app->args.html)
        EG_TRY(eg_fusion_write_html(report, app->args.html, err));
    if (app->args.json)
        return eg_fusion_print_json(report, &app->out, err);
    eg_fusion_print_table(report, &app->out);
    return eg_out_flush(&app->out, err);
}

static eg_status
run_fusion_report(eg_app *app, eg_error *err)
{
    eg_fusion_report report = {.app = app};
    eg_status status = make_report(&report, err);
    eg_progress_clear();
    eg_fusion_free(&report);
    return status;
}

const eg_command eg_cmd_fusion_report = {
    .name = "fusion-report",
    .words = "MODEL",
    .summary = "measure what each fusion gains",
    .details =
        "Runs the batch with no fusion, all, all but one, and one alone, in turn; one text of 128 tokens unless\n"
        "--shape or --lengths says otherwise. --html writes a page with the graphs, the memory and a roofline.\n"
        "--seconds is for each of the plans, 3 by default.",
    .uses = EG_ON_FUSION_REPORT,
    .run = run_fusion_report,
};
