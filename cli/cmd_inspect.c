/* SPDX-License-Identifier: Apache-2.0 */
/* egbert inspect: what a model is, from its files. */
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/describe.h"
#include "cli/say.h"
#include "cli/session.h"

static void
print_row(eg_out *out, const char *label, const eg_json *value)
{
    if (!value)
        return;
    eg_out_format(out, "%-12s ", label);
    if (value->type == EG_JSON_ARRAY)
        eg_print_names(out, value);
    else
        eg_print_value(out, value);
    eg_out_char(out, '\n');
}

/* The shares are of the total, so that they add up to 100 %. */
static void
print_parameters(eg_out *out, const eg_json *parameters)
{
    double total = eg_json_number(eg_json_get(parameters, "total"));
    eg_out_format(out, "%-12s ", "parameters");
    eg_print_count(out, total, 0);
    eg_out_char(out, '\n');
    const eg_json *parts = eg_json_get(parameters, "parts");
    for (const eg_json *part = parts ? parts->first : NULL; part; part = part->next) {
        double count = eg_json_number(eg_json_get(part, "count"));
        eg_out_format(out, "  %-16s", eg_json_text(eg_json_get(part, "name")));
        eg_print_count(out, count, 14);
        eg_out_format(out, "  %6.2f %%\n", total > 0.0 ? 100.0 * count / total : 0.0);
    }
}

/* --- names of values ----------------------------------------------------------------------------- */

/* NAME.i: its stem's length and i; false where it is none. */
static bool
read_round(const eg_json *name, uint32_t *out_stem, unsigned long *out_round)
{
    const char *text = eg_json_text(name), *dot = strrchr(text, '.');
    size_t digits = dot ? strspn(dot + 1, "0123456789") : 0;
    if (digits == 0 || digits > 9 || dot[1 + digits] != '\0')
        return false;
    *out_stem = (uint32_t)(dot - text);
    *out_round = strtoul(dot + 1, NULL, 10);
    return true;
}

static bool
is_round_of(const eg_json *name, const eg_json *of, unsigned long *out_round)
{
    uint32_t stem, of_stem;
    unsigned long ignored;
    return read_round(name, &stem, out_round) && read_round(of, &of_stem, &ignored) && stem == of_stem &&
           strncmp(eg_json_text(name), eg_json_text(of), stem) == 0;
}

/* The last name of an unbroken row NAME.i, NAME.i + 1, …; NULL where `first` is not the first of one. */
static const eg_json *
end_of_row(const eg_json *names, const eg_json *first)
{
    unsigned long begin, round, count = 0;
    const eg_json *last = first;
    if (!is_round_of(first, first, &begin))
        return NULL;
    for (const eg_json *name = names->first; name; name = name->next) {
        if (!is_round_of(name, first, &round))
            continue;
        if (round != begin + count)
            return NULL;
        count++;
        last = name;
    }
    return count > 1 ? last : NULL;
}

static bool
is_in_row(const eg_json *names, const eg_json *name)
{
    unsigned long round;
    for (const eg_json *first = names->first; first != name; first = first->next)
        if (is_round_of(name, first, &round))
            return end_of_row(names, first) != NULL;
    return false;
}

/* Rounds of one name are one entry: query.0 to query.11. */
static void
print_outputs(eg_out *out, const eg_json *names)
{
    const char *between = "";
    if (!names)
        return;
    eg_out_format(out, "%-12s ", "outputs");
    for (const eg_json *name = names->first; name; name = name->next) {
        const eg_json *last = end_of_row(names, name);
        if (!last && is_in_row(names, name))
            continue;
        eg_out_text(out, between);
        eg_print_value(out, name);
        if (last) {
            eg_out_text(out, " to ");
            eg_print_value(out, last);
        }
        between = ", ";
    }
    eg_out_char(out, '\n');
}

static void
print_values(eg_out *out, const eg_json *names)
{
    if (!names || names->count == 0)
        return;
    eg_out_format(out, "%-12s %u more that --output takes, such as ", "values", names->count);
    eg_print_value(out, names->first);
    eg_out_text(out, "; --json lists them\n");
}

/* --- the table ----------------------------------------------------------------------------------- */

static void
print_section(eg_out *out, const char *label, const eg_json *object)
{
    if (!object || !object->first)
        return;
    eg_out_format(out, "%s\n", label);
    for (const eg_json *member = object->first; member; member = member->next) {
        eg_out_format(out, "  %-32s ", member->key.data);
        if (member->type == EG_JSON_ARRAY && member->first && member->first->type == EG_JSON_STRING)
            eg_print_names(out, member);
        else
            eg_print_value(out, member);
        eg_out_char(out, '\n');
    }
}

/* One line a head: its name, its task, its labels. */
static void
print_head(eg_out *out, const eg_json *head)
{
    const eg_json *labels = eg_json_get(head, "labels");
    bool is_default = eg_json_number(eg_json_get(head, "default")) != 0.0;
    eg_out_format(out, "  %-32s %-16s %-8s", eg_json_text(eg_json_get(head, "name")),
                  eg_json_text(eg_json_get(head, "task")), is_default ? "default" : "");
    eg_print_names(out, labels);
    eg_out_char(out, '\n');
}

static void
print_heads(eg_out *out, const eg_json *there, const eg_json *missing)
{
    bool any = there && there->first, lacks = missing && missing->first;
    if (any)
        eg_out_text(out, "heads\n");
    for (const eg_json *head = any ? there->first : NULL; head; head = head->next)
        print_head(out, head);
    if (lacks)
        print_row(out, "lacks heads", missing);
}

static void
print_warnings(eg_out *out, const eg_json *warnings)
{
    if (!warnings || !warnings->first)
        return;
    eg_out_text(out, "warnings\n");
    for (const eg_json *warning = warnings->first; warning; warning = warning->next) {
        eg_out_text(out, "  ");
        eg_print_value(out, warning);
        eg_out_char(out, '\n');
    }
}

static void
print_table(eg_out *out, const eg_json *root)
{
    static const char *const rows[] = {"family", "checkpoint", "dtype", "max_length"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        print_row(out, rows[i], eg_json_get(root, rows[i]));
    print_parameters(out, eg_json_get(root, "parameters"));
    print_row(out, "pooling", eg_json_get(root, "pooling"));
    print_row(out, "  layers", eg_json_get(root, "pooling_layers"));
    print_row(out, "  join", eg_json_get(root, "pooling_join"));
    print_row(out, "  tokens", eg_json_get(root, "pooling_tokens"));
    print_outputs(out, eg_json_get(root, "outputs"));
    print_values(out, eg_json_get(root, "values"));
    print_heads(out, eg_json_get(root, "heads"), eg_json_get(root, "missing_heads"));
    print_section(out, "config", eg_json_get(root, "config"));
    print_section(out, "tokenizer", eg_json_get(root, "tokenizer"));
    print_warnings(out, eg_json_get(root, "warnings"));
}

static eg_status
print_description(eg_app *app, eg_session *session, eg_error *err)
{
    eg_describe_options options = {.size = sizeof options, .what = EG_DESCRIBE_INSPECT};
    char *json;
    EG_TRY(eg_describe(session->model, &options, &json, err));
    if (app->args.json) {
        eg_out_text(&app->out, json);
        eg_out_char(&app->out, '\n');
        eg_string_free(json);
        return eg_out_flush(&app->out, err);
    }
    eg_description_text description;
    EG_TRY(eg_description_read(json, &description, err));
    print_table(&app->out, description.root);
    eg_description_free(&description);
    return eg_out_flush(&app->out, err);
}

static eg_status
run_inspect(eg_app *app, eg_error *err)
{
    EG_TRY(eg_expect_words(app, 1, err));
    eg_session session = {0};
    eg_status status = eg_session_open(&session, app, EG_LOAD_DESCRIBE, err);
    if (status == EG_OK)
        status = print_description(app, &session, err);
    eg_session_close(&session);
    return status;
}

const eg_command eg_cmd_inspect = {
    .name = "inspect",
    .words = "MODEL",
    .summary = "tell what a model is: family, sizes, parameters, tokenizer, outputs",
    .details = "Reads the checkpoint's files; a config.json alone is enough.",
    .uses = EG_ON_INSPECT,
    .run = run_inspect,
};
