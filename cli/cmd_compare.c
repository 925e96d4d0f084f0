/* SPDX-License-Identifier: Apache-2.0 */
/* egbert compare: one backend beside another, node by node. */
#include <string.h>

#include "cli/command.h"
#include "cli/describe.h"
#include "cli/measured_input.h"
#include "cli/say.h"

enum { NAME_WIDTH = 30 };

typedef struct compare {
    eg_app *app;
    eg_session sessions[2];
    eg_measured_input in;
    eg_description_text description;
} compare;

/* --- JSON ---------------------------------------------------------------------------------------- */

/* The names as asked for come first; "ran_on" tells where nodes went that a backend refused. */
static void
print_json(const compare *c, eg_out *out)
{
    static const char *const keys[] = {"fuse", "shape", "runs", "ops", "outputs", "only"};
    const eg_json *root = c->description.root, *ran_on = eg_json_get(root, "backends");
    eg_out_text(out, "{\"backends\":[");
    for (size_t i = 0; i < 2; i++) {
        const char *name = c->app->args.backends.items[i];
        eg_out_text(out, i ? "," : "");
        eg_out_string(out, name, strlen(name));
    }
    eg_out_text(out, "],\"ran_on\":");
    eg_out_bytes(out, ran_on->raw.data, ran_on->raw.length);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const eg_json *value = eg_json_get(root, keys[i]);
        eg_out_key(out, false, keys[i]);
        eg_out_bytes(out, value->raw.data, value->raw.length);
    }
    eg_out_text(out, "}\n");
}

/* --- the table ----------------------------------------------------------------------------------- */

/* JSON has no infinity: null stands for a number that cannot be told. */
static void
print_number(eg_out *out, const eg_json *value, const char *format)
{
    if (value && value->type == EG_JSON_NUMBER)
        eg_out_format(out, format, value->number);
    else
        eg_out_format(out, "%10s", "-");
}

static const eg_json *
item(const eg_json *array, size_t number)
{
    const eg_json *at = array ? array->first : NULL;
    while (at && number--)
        at = at->next;
    return at;
}

static void
print_op(eg_out *out, const eg_json *op)
{
    const char *name = eg_json_text(eg_json_get(op, "name"));
    size_t length = strlen(name);
    const char *shown = length > NAME_WIDTH ? name + length - NAME_WIDTH : name;
    while (((unsigned char)*shown & 0xc0) == 0x80)
        shown++;
    eg_out_format(out, "%-14s %-*s ", eg_json_text(eg_json_get(op, "op")), NAME_WIDTH, shown);
    print_number(out, eg_json_get(op, "isolated"), "%10.2e");
    print_number(out, eg_json_get(op, "end_to_end"), "%10.2e");
    print_number(out, eg_json_get(op, "scale"), "%10.3g");
    print_number(out, item(eg_json_get(op, "ms"), 0), "%10.3f");
    print_number(out, item(eg_json_get(op, "ms"), 1), "%10.3f");
    eg_out_char(out, '\n');
}

static void
print_only(const compare *c, eg_out *out)
{
    const eg_json *only = eg_json_get(c->description.root, "only");
    for (size_t i = 0; i < 2; i++) {
        const eg_json *names = item(only, i);
        if (!names || names->count == 0)
            continue;
        eg_out_format(out, "\n%u values in the plan of %s alone: ", names->count, c->app->args.backends.items[i]);
        eg_print_names(out, names);
        eg_out_char(out, '\n');
    }
}

/* A backend may have left nodes to others. */
static void
print_ran_on(const compare *c, eg_out *out)
{
    for (size_t i = 0; i < 2; i++) {
        const char *asked = c->app->args.backends.items[i];
        const char *ran_on = eg_json_text(item(eg_json_get(c->description.root, "backends"), i));
        if (strcmp(asked, ran_on) != 0)
            eg_out_format(out, "%s ran on %s\n", asked, ran_on);
    }
}

static void
print_table(const compare *c, eg_out *out)
{
    const eg_json *root = c->description.root, *ops = eg_json_get(root, "ops"), *outputs = eg_json_get(root, "outputs");
    const char *const *names = c->app->args.backends.items;
    eg_out_format(out, "a is %s, b is %s: largest |b - a| of each value, b's node alone and all before it\n", names[0],
                  names[1]);
    print_ran_on(c, out);
    eg_out_char(out, '\n');
    eg_out_format(out, "%-14s %-*s %10s%10s%10s%10s%10s\n", "op", NAME_WIDTH, "name", "isolated", "in all", "largest a",
                  "ms a", "ms b");
    for (const eg_json *op = ops ? ops->first : NULL; op; op = op->next)
        print_op(out, op);
    eg_out_format(out, "\n%-45s %10s%12s\n", "output", "max |b - a|", "cosine");
    for (const eg_json *output = outputs ? outputs->first : NULL; output; output = output->next) {
        eg_out_format(out, "%-45s ", eg_json_text(eg_json_get(output, "name")));
        print_number(out, eg_json_get(output, "max_abs"), " %10.2e");
        print_number(out, eg_json_get(output, "cosine"), "  %10.8f");
        eg_out_char(out, '\n');
    }
    print_only(c, out);
}

/* --- the command --------------------------------------------------------------------------------- */

static eg_status
check_backends(const eg_arguments *args, eg_error *err)
{
    if (args->backends.count != 2) {
        if (args->backends.count == 0)
            eg_fault(err, EG_E_USAGE, "no --backends given");
        else if (args->backends.count == 1)
            eg_fault(err, EG_E_USAGE, "--backends names one backend, not two");
        else
            eg_fault(err, EG_E_USAGE, "--backends names %zu backends, not two", args->backends.count);
        return eg_fault_hint(err, "--backends A,B, such as reference,cpu; `egbert backends` lists them");
    }
    return EG_OK;
}

/* A session for each; that of the first is the one that signals end. */
static eg_status
open_sessions(compare *c, eg_error *err)
{
    eg_arguments *args = &c->app->args;
    for (size_t i = 2; i-- > 0;) {
        args->backend = args->backends.items[i];
        EG_TRY(eg_session_open(&c->sessions[i], c->app, EG_LOAD_FULL, err));
    }
    return EG_OK;
}

static eg_status
open_and_compare(compare *c, eg_error *err)
{
    const eg_arguments *args = &c->app->args;
    EG_TRY(check_backends(args, err));
    EG_TRY(eg_measured_input_open(&c->in, c->app, err));
    EG_TRY(open_sessions(c, err));
    EG_TRY(eg_measured_input_make(&c->in, &c->sessions[0], err));
    eg_compare_options options = {.size = sizeof options,
                                  .outputs = args->outputs.count ? args->outputs.items : NULL,
                                  .output_count = (uint32_t)args->outputs.count};
    char *json;
    if (eg_compare(c->sessions[0].context, c->sessions[1].context, &c->in.input, &options, &json, err) != EG_OK)
        return eg_measured_input_fault(&c->in, err);
    EG_TRY(eg_description_read(json, &c->description, err));
    EG_TRY(eg_measured_input_end(&c->in, err));
    if (args->json)
        print_json(c, &c->app->out);
    else
        print_table(c, &c->app->out);
    return eg_out_flush(&c->app->out, err);
}

static eg_status
run_compare(eg_app *app, eg_error *err)
{
    compare c = {.app = app};
    eg_status status = open_and_compare(&c, err);
    eg_description_free(&c.description);
    eg_measured_input_close(&c.in);
    for (size_t i = 0; i < 2; i++)
        eg_session_close(&c.sessions[i]);
    return status;
}

const eg_command eg_cmd_compare = {
    .name = "compare",
    .words = "MODEL [TEXT...]",
    .summary = "one backend beside another: errors and times of each op",
    .details =
        "Both run the same ids, of the texts or of --shape or --lengths (default 1,128), with the same passes. Of\n"
        "each op that both have: the largest difference when B computes it from A's inputs (isolated), the\n"
        "largest when each has computed all that comes before it, and the times of both. Ops that a backend\n"
        "takes apart are listed by name, for they are in one plan only.",
    .uses = EG_ON_COMPARE,
    .run = run_compare,
};
