/* SPDX-License-Identifier: Apache-2.0 */
/* A family file against the tables of the language: keys, steps, arguments, the syntax of expressions. */
#include <string.h>

#include "base/map.h"
#include "frontend/family/steps/steps.h"

enum { MAX_KEYS = 40, MAX_NESTING = 64 };

#define CHECK_KEYS(node, list, err) eg_yaml_check_keys(node, list, sizeof(list) / sizeof *(list), err)

static eg_status check_steps(const eg_yaml *steps, uint32_t depth, eg_error *err);
static eg_status check_values(const eg_yaml *node, uint32_t depth, eg_error *err);

/* --- arguments ----------------------------------------------------------------------------------- */

static eg_status
check_names(const eg_yaml *node, eg_error *err)
{
    if (node->type != EG_YAML_LIST)
        return eg_check_text(node, err);
    for (size_t i = 0; i < node->count; i++)
        EG_TRY(eg_check_text(node->items[i], err));
    return EG_OK;
}

static eg_status
check_value_item(const eg_yaml *node, uint32_t depth, eg_error *err)
{
    if (eg_is_choice(node)) {
        const eg_yaml *then = eg_yaml_get(node, "then"), *otherwise = eg_yaml_get(node, "else");
        if (!then || !otherwise)
            return eg_yaml_fail(node, err, "a choice has the keys if, then and else");
        EG_TRY(eg_check_value(eg_yaml_get(node, "if"), err));
        EG_TRY(check_values(then, depth, err));
        return check_values(otherwise, depth, err);
    }
    if (node->type == EG_YAML_LIST)
        return check_steps(node, depth, err);
    if (node->type != EG_YAML_MAP)
        return eg_check_text(node, err);
    eg_yaml *step = (eg_yaml *)node;
    eg_yaml list = {.type = EG_YAML_LIST,
                    .file = node->file,
                    .line = node->line,
                    .column = node->column,
                    .items = &step,
                    .count = 1};
    return check_steps(&list, depth, err);
}

static eg_status
check_values(const eg_yaml *node, uint32_t depth, eg_error *err)
{
    if (node->type != EG_YAML_LIST)
        return check_value_item(node, depth, err);
    for (size_t i = 0; i < node->count; i++)
        EG_TRY(check_value_item(node->items[i], depth, err));
    return EG_OK;
}

static eg_status
check_arg(const eg_yaml *node, eg_arg_kind kind, uint32_t depth, eg_error *err)
{
    switch (kind) {
    case EG_ARG_NUMBER:
        return eg_check_value(node, err);
    case EG_ARG_TEXT:
        return eg_check_text(node, err);
    case EG_ARG_WEIGHT:
        return check_names(node, err);
    case EG_ARG_VALUES:
        return check_values(node, depth, err);
    case EG_ARG_STEPS:
        return check_steps(node, depth, err);
    case EG_ARG_OWN:
        break;
    }
    return EG_OK;
}

static eg_arg_kind
kind_of_attr(eg_attr_type type)
{
    return type == EG_ATTR_STRING ? EG_ARG_TEXT : EG_ARG_NUMBER;
}

/* The arguments that this step may have, as one list. */
static size_t
list_args(const eg_call *call, eg_arg_spec *out)
{
    size_t count = 0;
    for (const eg_arg_spec *arg = call->word->args; arg->name && count < MAX_KEYS; arg++)
        out[count++] = *arg;
    for (const eg_attr_spec *attr = call->op ? call->op->attrs : NULL; attr && attr->name && count < MAX_KEYS; attr++)
        out[count++] = (eg_arg_spec){attr->name, kind_of_attr(attr->type)};
    return count;
}

static eg_status
unknown_argument(const eg_call *call, const eg_yaml *entry, const eg_arg_spec *args, size_t count, eg_error *err)
{
    const char *names[MAX_KEYS + 8] = {"as", "from", "when", "let", "scope"};
    size_t n = 5;
    for (size_t i = 0; i < count; i++)
        names[n++] = args[i].name;
    const char *word = call->op ? call->op->name : call->word->name;
    eg_status status = eg_yaml_fail_key(entry, err, "'%s' has no argument '%s'", word, entry->key);
    const char *near = eg_nearest(entry->key, names, n);
    return near ? eg_hint(err, status, "did you mean '%s'?", near) : status;
}

static eg_status
check_args_in(const eg_call *call, const eg_yaml *map, const eg_arg_spec *args, size_t count, uint32_t depth,
              eg_error *err)
{
    for (size_t i = 0; i < map->count; i++) {
        const eg_yaml *entry = map->items[i];
        size_t at = 0;
        if (entry == call->head || (map == call->step && eg_is_common_key(entry->key)))
            continue;
        while (at < count && strcmp(args[at].name, entry->key) != 0)
            at++;
        if (at == count && !call->word->free_args)
            return unknown_argument(call, entry, args, count, err);
        if (at < count && call->inner && map == call->step && eg_yaml_get(call->inner, entry->key))
            return eg_yaml_fail_key(entry, err, "'%s' is given twice", entry->key);
        if (at < count)
            EG_TRY(check_arg(entry, args[at].kind, depth, err));
    }
    return EG_OK;
}

/* `WORD: X` where X is no map of arguments. */
static eg_status
check_subject(const eg_call *call, const eg_arg_spec *args, size_t count, uint32_t depth, eg_error *err)
{
    if (!call->head || call->inner || call->head->type == EG_YAML_NULL)
        return EG_OK;
    for (size_t i = 0; i < count; i++) {
        if (eg_call_arg(call, args[i].name) == call->head)
            return check_arg(call->head, args[i].kind, depth, err);
    }
    return eg_yaml_fail(call->head, err, "'%s' takes its arguments by name: {%s: {…}}", call->head->key,
                        call->head->key);
}

static eg_status
check_let(const eg_yaml *let, eg_error *err)
{
    if (!let)
        return EG_OK;
    EG_TRY(eg_yaml_expect(let, EG_YAML_MAP, err));
    for (size_t i = 0; i < let->count; i++) {
        EG_TRY(eg_check_variable(let->items[i], let->items[i]->key, err));
        EG_TRY(eg_check_value(let->items[i], err));
    }
    return EG_OK;
}

static eg_status
check_common(const eg_yaml *step, eg_error *err)
{
    const eg_yaml *as = eg_yaml_get(step, "as"), *from = eg_yaml_get(step, "from"), *when = eg_yaml_get(step, "when"),
                  *let = eg_yaml_get(step, "let"), *scope = eg_yaml_get(step, "scope");
    if (as)
        EG_TRY(check_names(as, err));
    if (from)
        EG_TRY(check_names(from, err));
    if (when)
        EG_TRY(eg_check_value(when, err));
    if (scope)
        EG_TRY(eg_check_text(scope, err));
    return check_let(let, err);
}

static eg_status
check_step(const eg_yaml *step, uint32_t depth, eg_error *err)
{
    eg_call call;
    eg_arg_spec args[MAX_KEYS];
    EG_TRY(eg_call_read(step, &call, err));
    EG_TRY(check_common(step, err));
    if (!call.word) {
        if (step->count == 0)
            return eg_yaml_fail(step, err, "the step is empty");
        return EG_OK;
    }
    size_t count = list_args(&call, args);
    EG_TRY(check_subject(&call, args, count, depth, err));
    if (step->type == EG_YAML_MAP)
        EG_TRY(check_args_in(&call, step, args, count, depth, err));
    if (call.inner)
        EG_TRY(check_args_in(&call, call.inner, args, count, depth, err));
    if (call.word->subject && strcmp(call.word->subject, "steps") == 0)
        EG_TRY(eg_call_need(&call, "steps", err));
    return call.word->check ? call.word->check(&call, err) : EG_OK;
}

static eg_status
check_steps(const eg_yaml *steps, uint32_t depth, eg_error *err)
{
    if (steps->type != EG_YAML_LIST)
        return eg_yaml_fail(steps, err, "%s stands where a list of steps is expected", eg_yaml_type_name(steps));
    if (depth == MAX_NESTING)
        return eg_yaml_fail(steps, err, "steps are nested deeper than %d", MAX_NESTING);
    for (size_t i = 0; i < steps->count; i++)
        EG_TRY(check_step(steps->items[i], depth + 1, err));
    return EG_OK;
}

eg_status
eg_family_check_steps(const eg_yaml *steps, eg_error *err)
{
    return check_steps(steps, 0, err);
}

/* --- config: ------------------------------------------------------------------------------------- */

static eg_status
check_word_list(const eg_yaml *list, eg_error *err)
{
    const char *ignored;
    if (!list)
        return EG_OK;
    EG_TRY(eg_yaml_expect(list, EG_YAML_LIST, err));
    for (size_t i = 0; i < list->count; i++)
        EG_TRY(eg_yaml_as_string(list->items[i], &ignored, err));
    return EG_OK;
}

static eg_status
check_type_name(const eg_yaml *type, bool items, eg_error *err)
{
    static const char *const types[] = {"int", "float", "bool", "string", "activation", "enum", "list", "map"};
    const char *name;
    EG_TRY(eg_yaml_as_string(type, &name, err));
    size_t count = items ? 4 : sizeof types / sizeof *types;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(types[i], name) == 0)
            return EG_OK;
    }
    eg_status status = eg_yaml_fail(type, err, "'%s' is no type", name);
    return eg_hint(err, status, "%s",
                   items ? "items are int, float, bool or string"
                         : "there are int, float, bool, string, activation, enum, list and map");
}

/* A default that is written out is one of the words, too. */
static eg_status
check_default_word(const eg_yaml *value, const eg_yaml *of, eg_error *err)
{
    if (value->type != EG_YAML_STRING || strpbrk(value->text, "{$") || eg_is_none(value))
        return EG_OK;
    for (size_t i = 0; i < of->count; i++) {
        if (strcmp(of->items[i]->text, value->text) == 0)
            return EG_OK;
    }
    return eg_yaml_fail(value, err, "the default '%s' is none of the words under `of`", value->text);
}

static eg_status
check_declaration(const eg_yaml *spec, eg_error *err)
{
    static const char *const known[] = {"type", "keys", "default", "split", "of", "items", "min", "max"};
    double ignored;
    const char *text;
    if (spec->type != EG_YAML_MAP)
        return check_type_name(spec, false, err);
    EG_TRY(CHECK_KEYS(spec, known, err));
    const eg_yaml *type = eg_yaml_get(spec, "type"), *of = eg_yaml_get(spec, "of"), *keys = eg_yaml_get(spec, "keys");
    if (!type)
        return eg_yaml_fail_key(spec, err, "the key '%s' has no type", spec->key);
    EG_TRY(check_type_name(type, false, err));
    EG_TRY(check_word_list(keys, err));
    EG_TRY(check_word_list(of, err));
    if (keys && keys->count == 0)
        return eg_yaml_fail(keys, err, "the key '%s' is read from nowhere", spec->key);
    if (strcmp(type->text, "enum") == 0 && !of)
        return eg_yaml_fail_key(spec, err, "the enum '%s' does not say what it may be (`of: […]`)", spec->key);
    if (eg_yaml_get(spec, "items"))
        EG_TRY(check_type_name(eg_yaml_get(spec, "items"), true, err));
    if (eg_yaml_get(spec, "split")) {
        EG_TRY(eg_yaml_as_string(eg_yaml_get(spec, "split"), &text, err));
        if (!*text)
            return eg_yaml_fail(eg_yaml_get(spec, "split"), err, "the separator is empty");
    }
    if (eg_yaml_get(spec, "min"))
        EG_TRY(eg_yaml_as_number(eg_yaml_get(spec, "min"), &ignored, err));
    if (eg_yaml_get(spec, "max"))
        EG_TRY(eg_yaml_as_number(eg_yaml_get(spec, "max"), &ignored, err));
    const eg_yaml *value = eg_yaml_get(spec, "default");
    if (!value)
        return EG_OK;
    bool word =
        strcmp(type->text, "string") == 0 || strcmp(type->text, "enum") == 0 || strcmp(type->text, "activation") == 0;
    if (word && of)
        EG_TRY(check_default_word(value, of, err));
    return word ? eg_check_text(value, err) : eg_check_value(value, err);
}

static eg_status
check_config(const eg_yaml *config, eg_error *err)
{
    EG_TRY(eg_yaml_expect(config, EG_YAML_MAP, err));
    for (size_t i = 0; i < config->count; i++)
        EG_TRY(check_declaration(config->items[i], err));
    return EG_OK;
}

/* --- outputs, heads, defines --------------------------------------------------------------------- */

/* `use` has keys of its own, which no argument can take. */
static eg_status
check_argument_name(const eg_yaml *with, const eg_yaml *entry, eg_error *err)
{
    static const char text[] = "an argument cannot be called '%s', which `use` has itself";
    const char *name = with->type == EG_YAML_MAP ? entry->key : entry->text;
    if (strcmp(name, "use") == 0 || strcmp(name, "name") == 0 || eg_is_common_key(name))
        return entry->key ? eg_yaml_fail_key(entry, err, text, name) : eg_yaml_fail(entry, err, text, name);
    return eg_check_variable(entry, name, err);
}

static eg_status
check_define(const eg_yaml *define, eg_error *err)
{
    static const char *const known[] = {"with", "steps"};
    EG_TRY(eg_yaml_expect(define, EG_YAML_MAP, err));
    EG_TRY(CHECK_KEYS(define, known, err));
    if (!eg_yaml_get(define, "steps"))
        return eg_yaml_fail_key(define, err, "the define '%s' has no steps", define->key);
    const eg_yaml *with = eg_yaml_get(define, "with");
    if (with && with->type != EG_YAML_MAP)
        EG_TRY(check_word_list(with, err));
    for (size_t i = 0; with && i < with->count; i++)
        EG_TRY(check_argument_name(with, with->items[i], err));
    for (size_t i = 0; with && with->type == EG_YAML_MAP && i < with->count; i++) {
        const char *type;
        EG_TRY(eg_yaml_as_string(with->items[i], &type, err));
        if (strcmp(type, "text") != 0 && strcmp(type, "number") != 0)
            return eg_yaml_fail(with->items[i], err, "an argument is text or number");
    }
    return eg_family_check_steps(eg_yaml_get(define, "steps"), err);
}

static eg_status
check_output(const eg_yaml *output, eg_error *err)
{
    static const char *const known[] = {"optional", "part", "when", "steps"};
    bool ignored;
    const char *text;
    EG_TRY(eg_yaml_expect(output, EG_YAML_MAP, err));
    EG_TRY(CHECK_KEYS(output, known, err));
    if (eg_yaml_get(output, "optional"))
        EG_TRY(eg_yaml_as_bool(eg_yaml_get(output, "optional"), &ignored, err));
    if (eg_yaml_get(output, "part"))
        EG_TRY(eg_yaml_as_string(eg_yaml_get(output, "part"), &text, err));
    if (eg_yaml_get(output, "when"))
        EG_TRY(eg_check_value(eg_yaml_get(output, "when"), err));
    if (!eg_yaml_get(output, "steps"))
        return eg_yaml_fail_key(output, err, "the output '%s' has no steps", output->key);
    return eg_family_check_steps(eg_yaml_get(output, "steps"), err);
}

static eg_status
check_task(const eg_yaml *head, eg_error *err)
{
    static const char *const tasks[] = {"classify", "ner",    "qa",     "fill_mask", "nsp",
                                        "choose",   "rerank", "sparse", "none"};
    const eg_yaml *task = eg_yaml_get(head, "task");
    const char *name;
    if (!task)
        return eg_yaml_fail_key(head, err, "the head '%s' has no task", head->key);
    EG_TRY(eg_yaml_as_string(task, &name, err));
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++) {
        if (strcmp(tasks[i], name) == 0)
            return EG_OK;
    }
    eg_status status = eg_yaml_fail(task, err, "'%s' is no task", name);
    return eg_hint(err, status, "there are classify, ner, qa, fill_mask, nsp, choose, rerank, sparse and none");
}

static eg_status
check_head_outputs(const eg_yaml *head, eg_error *err)
{
    const eg_yaml *outputs = eg_yaml_get(head, "outputs");
    const char *text;
    if (!outputs)
        return EG_OK;
    if (outputs->type != EG_YAML_MAP)
        return check_word_list(outputs, err);
    for (size_t i = 0; i < outputs->count; i++)
        EG_TRY(eg_yaml_as_string(outputs->items[i], &text, err));
    return EG_OK;
}

bool
eg_is_problem_type(const char *word)
{
    return strcmp(word, "regression") == 0 || strcmp(word, "single_label_classification") == 0 ||
           strcmp(word, "multi_label_classification") == 0;
}

static eg_status
check_problem_type(const eg_yaml *node, eg_error *err)
{
    const char *word;
    if (!node)
        return EG_OK;
    EG_TRY(eg_yaml_as_string(node, &word, err));
    return eg_is_problem_type(word)
               ? EG_OK
               : eg_hint(err, eg_yaml_fail(node, err, "problem_type is '%s'", word), EG_PROBLEM_TYPE_HINT);
}

/* "HEAD.output" must mean one thing: no dots, and no name that layers have. */
static eg_status
check_head_name(const eg_yaml *head, eg_error *err)
{
    static const char *const taken[] = {"embedding",     "embeddings", "encoder", "last_hidden_state",
                                        "hidden_states", "attentions", "query",   "key",
                                        "value",         "scores",     "context"};
    size_t good = strspn(head->key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
    if (good == 0 || head->key[good] != '\0')
        return eg_yaml_fail_key(head, err, "'%s' is no name for a head: letters, digits, '_' and '-' make one",
                                head->key);
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        if (strcmp(taken[i], head->key) == 0)
            return eg_yaml_fail_key(head, err, "'%s' is no name for a head: every model has values of that name",
                                    head->key);
    }
    return EG_OK;
}

static eg_status
check_labels(const eg_yaml *labels, eg_error *err)
{
    EG_TRY(check_word_list(labels, err));
    for (size_t i = 0; labels && i < labels->count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (strcmp(labels->items[i]->text, labels->items[k]->text) == 0)
                return eg_yaml_fail(labels->items[i], err, "the label '%s' is there twice", labels->items[i]->text);
        }
    }
    return EG_OK;
}

eg_status
eg_family_check_head(const eg_yaml *head, bool instance, eg_error *err)
{
    static const char *const known[] = {"task",   "architectures", "steps",   "outputs",
                                        "labels", "problem_type",  "weights", "prefix"};
    EG_TRY(eg_yaml_expect(head, EG_YAML_MAP, err));
    EG_TRY(check_head_name(head, err));
    EG_TRY(eg_yaml_check_keys(head, known, instance ? 8 : 4, err));
    const eg_yaml *steps = eg_yaml_get(head, "steps");
    bool borrows_all = instance && !steps && !eg_yaml_get(head, "outputs"); /* from the family's head of that name */
    if (!borrows_all || eg_yaml_get(head, "task"))
        EG_TRY(check_task(head, err));
    EG_TRY(check_word_list(eg_yaml_get(head, "architectures"), err));
    EG_TRY(check_labels(eg_yaml_get(head, "labels"), err));
    EG_TRY(check_problem_type(eg_yaml_get(head, "problem_type"), err));
    EG_TRY(check_head_outputs(head, err));
    if (!steps && !eg_yaml_get(head, "outputs") && !borrows_all)
        return eg_yaml_fail_key(head, err, "the head '%s' has neither steps nor outputs", head->key);
    return steps ? eg_family_check_steps(steps, err) : EG_OK;
}

static eg_status
check_entries(const eg_yaml *map, eg_status (*check)(const eg_yaml *, eg_error *), eg_error *err)
{
    if (!map)
        return EG_OK;
    EG_TRY(eg_yaml_expect(map, EG_YAML_MAP, err));
    for (size_t i = 0; i < map->count; i++)
        EG_TRY(check(map->items[i], err));
    return EG_OK;
}

static eg_status
check_family_head(const eg_yaml *head, eg_error *err)
{
    return eg_family_check_head(head, false, err);
}

/* --- the file ------------------------------------------------------------------------------------ */

static eg_status
check_defaults(const eg_yaml *defaults, eg_error *err)
{
    EG_TRY(eg_yaml_expect(defaults, EG_YAML_MAP, err));
    if (!eg_word_find(defaults->key) && !eg_op_find(defaults->key))
        return eg_yaml_fail_key(defaults, err, "'%s' is no step", defaults->key);
    eg_yaml *entry = (eg_yaml *)defaults;
    eg_yaml step = {.type = EG_YAML_MAP,
                    .file = defaults->file,
                    .line = defaults->line,
                    .column = defaults->column,
                    .items = &entry,
                    .count = 1};
    return check_step(&step, 0, err);
}

static eg_status
check_match(const eg_yaml *match, eg_error *err)
{
    static const char *const known[] = {"architectures", "keys"};
    if (!match)
        return EG_OK;
    EG_TRY(eg_yaml_expect(match, EG_YAML_MAP, err));
    EG_TRY(CHECK_KEYS(match, known, err));
    EG_TRY(check_word_list(eg_yaml_get(match, "architectures"), err));
    const eg_yaml *keys = eg_yaml_get(match, "keys");
    if (keys)
        EG_TRY(eg_yaml_expect(keys, EG_YAML_MAP, err));
    for (size_t i = 0; keys && i < keys->count; i++) {
        eg_yaml_type type = keys->items[i]->type;
        if (type == EG_YAML_LIST || type == EG_YAML_MAP)
            return eg_yaml_fail(keys->items[i], err, "'%s' is compared with one value, not %s", keys->items[i]->key,
                                eg_yaml_type_name(keys->items[i]));
    }
    return EG_OK;
}

/* Expressions by name, names by name. */
static eg_status
check_tables(const eg_yaml *root, eg_error *err)
{
    const eg_yaml *let = eg_yaml_get(root, "let"), *rename = eg_yaml_get(root, "rename");
    const eg_yaml *require = eg_yaml_get(root, "require");
    const char *text;
    EG_TRY(check_let(let, err));
    if (rename)
        EG_TRY(eg_yaml_expect(rename, EG_YAML_MAP, err));
    for (size_t i = 0; rename && i < rename->count; i++)
        EG_TRY(eg_yaml_as_string(rename->items[i], &text, err));
    EG_TRY(check_word_list(require, err));
    for (size_t i = 0; require && i < require->count; i++)
        EG_TRY(eg_check_value(require->items[i], err));
    return EG_OK;
}

/* Every `use: NAME` that stands as a plain name is defined, also in the heads that a checkpoint does not have. */
static eg_status
check_uses(const eg_yaml *node, const eg_yaml *define, eg_error *err)
{
    const eg_yaml *name = eg_yaml_get(node, "use");
    if (name && name->type == EG_YAML_MAP)
        name = eg_yaml_get(name, "name");
    bool plain = name && name->type == EG_YAML_STRING && !strpbrk(name->text, "{$");
    if (plain && !eg_yaml_get(define, name->text)) {
        const char *names[MAX_KEYS];
        size_t count = 0;
        while (define && count < define->count && count < MAX_KEYS) {
            names[count] = define->items[count]->key;
            count++;
        }
        const char *near = eg_nearest(name->text, names, count);
        eg_status status = eg_yaml_fail(name, err, "there is nothing named '%s' under `define:`", name->text);
        return near ? eg_hint(err, status, "did you mean '%s'?", near) : status;
    }
    for (size_t i = 0; i < node->count; i++)
        EG_TRY(check_uses(node->items[i], define, err));
    return EG_OK;
}

static eg_status
check_all_uses(const eg_yaml *root, eg_error *err)
{
    static const char *const sections[] = {"embeddings", "encoder", "define", "outputs", "heads"};
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        const eg_yaml *section = eg_yaml_get(root, sections[i]);
        if (section)
            EG_TRY(check_uses(section, eg_yaml_get(root, "define"), err));
    }
    return EG_OK;
}

eg_status
eg_family_check(const eg_yaml *root, eg_error *err)
{
    static const char *const known[] = {"description", "extends", "model_types", "match",  "config", "ignore",
                                        "require",     "let",     "defaults",    "define", "prefix", "rename",
                                        "embeddings",  "encoder", "outputs",     "heads",  "inputs", "ignore_tensors"};
    EG_TRY(CHECK_KEYS(root, known, err));
    const eg_yaml *inputs = eg_yaml_get(root, "inputs");
    if (inputs)
        return eg_yaml_fail_key(inputs, err, "`inputs:` is reserved for inputs other than tokens");
    EG_TRY(check_word_list(eg_yaml_get(root, "model_types"), err));
    EG_TRY(check_match(eg_yaml_get(root, "match"), err));
    EG_TRY(check_word_list(eg_yaml_get(root, "ignore"), err));
    EG_TRY(check_word_list(eg_yaml_get(root, "ignore_tensors"), err));
    EG_TRY(check_word_list(eg_yaml_get(root, "prefix"), err));
    if (eg_yaml_get(root, "config"))
        EG_TRY(check_config(eg_yaml_get(root, "config"), err));
    EG_TRY(check_tables(root, err));
    EG_TRY(check_entries(eg_yaml_get(root, "defaults"), check_defaults, err));
    EG_TRY(check_entries(eg_yaml_get(root, "define"), check_define, err));
    static const char *const sections[] = {"embeddings", "encoder"};
    for (size_t i = 0; i < 2; i++) {
        const eg_yaml *section = eg_yaml_get(root, sections[i]);
        if (!section)
            return eg_yaml_fail(root, err, "the family has no section `%s:`", sections[i]);
        EG_TRY(eg_family_check_steps(section, err));
    }
    EG_TRY(check_entries(eg_yaml_get(root, "outputs"), check_output, err));
    EG_TRY(check_entries(eg_yaml_get(root, "heads"), check_family_head, err));
    return check_all_uses(root, err);
}
