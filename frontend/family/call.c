/* SPDX-License-Identifier: Apache-2.0 */
/* Steps as calls: which word, which arguments. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "frontend/family/steps/steps.h"

static const char *const common_keys[] = {"as", "from", "when", "let", "scope"};

bool
eg_is_common_key(const char *key)
{
    for (size_t i = 0; i < sizeof common_keys / sizeof *common_keys; i++) {
        if (strcmp(key, common_keys[i]) == 0)
            return true;
    }
    return false;
}

static eg_status
unknown_word(const eg_yaml *step, const char *word, uint32_t column, uint32_t line, eg_error *err)
{
    eg_status status;
    const char *later = eg_word_later(word);
    if (later) {
        status = eg_fail_at(err, EG_E_INPUT, step->file, line, column,
                            "'%s' is a word of the family language whose op this build does not have", word);
        return eg_hint(err, status, "it %s", later);
    }
    size_t count;
    const char *const *names = eg_word_names(&count);
    const char *near = names ? eg_nearest(word, names, count) : NULL;
    status = eg_fail_at(err, EG_E_INPUT, step->file, line, column, "'%s' is no step", word);
    return near ? eg_hint(err, status, "did you mean '%s'?", near) : status;
}

bool
eg_op_is_step(const eg_op *op)
{
    return op->output_count == 1 && !(op->flags & EG_OP_FUSED);
}

static const eg_op *
find_primitive(const char *name)
{
    const eg_op *op = eg_op_find(name);
    return op && eg_op_is_step(op) ? op : NULL;
}

static eg_status
find_word(const eg_yaml *step, const char *name, uint32_t line, uint32_t column, eg_call *out, eg_error *err)
{
    out->word = eg_word_find(name);
    if (!out->word) {
        out->op = find_primitive(name);
        if (!out->op)
            return unknown_word(step, name, column, line, err);
        out->word = eg_word_find("");
    }
    return EG_OK;
}

/* Whether the map under a word holds its arguments, rather than being one. */
static bool
holds_arguments(const eg_call *call)
{
    if (!call->head || call->head->type != EG_YAML_MAP || eg_is_choice(call->head))
        return false;
    for (const eg_arg_spec *arg = call->word->args; arg && arg->name; arg++) {
        if (call->word->subject && strcmp(arg->name, call->word->subject) == 0)
            return arg->kind != EG_ARG_OWN && arg->kind != EG_ARG_STEPS;
    }
    return true;
}

eg_status
eg_call_read(const eg_yaml *step, eg_call *out, eg_error *err)
{
    *out = (eg_call){.step = step};
    if (step->type == EG_YAML_STRING)
        return find_word(step, step->text, step->line, step->column, out, err);
    if (step->type != EG_YAML_MAP)
        return eg_yaml_fail(step, err, "%s stands where a step is expected, such as {linear: W, out: N} or tanh",
                            eg_yaml_type_name(step));
    for (size_t i = 0; i < step->count && !out->head; i++) {
        if (!eg_is_common_key(step->items[i]->key))
            out->head = step->items[i];
    }
    if (!out->head)
        return EG_OK;
    EG_TRY(find_word(step, out->head->key, out->head->key_line, out->head->key_column, out, err));
    if (holds_arguments(out))
        out->inner = out->head;
    return EG_OK;
}

/* A primitive op's own argument is the attribute that it needs, its inputs otherwise. */
static const char *
subject_of(const eg_call *call)
{
    if (!call->op)
        return call->word ? call->word->subject : NULL;
    for (const eg_attr_spec *attr = call->op->attrs; attr && attr->name && call->op->max_inputs == 1; attr++) {
        if (attr->required)
            return attr->name;
    }
    return "of";
}

const eg_yaml *
eg_call_arg(const eg_call *call, const char *name)
{
    const eg_yaml *found = eg_yaml_get(call->inner, name);
    const char *subject = subject_of(call);
    if (!found && !call->inner && call->head && subject && strcmp(name, subject) == 0 &&
        call->head->type != EG_YAML_NULL)
        found = call->head;
    if (!found && call->step->type == EG_YAML_MAP) {
        found = eg_yaml_get(call->step, name);
        if (found == call->head)
            found = NULL;
    }
    return found ? found : eg_yaml_get(call->defaults, name);
}

static const eg_yaml *
place_of(const eg_call *call, const char *name)
{
    const eg_yaml *arg = name ? eg_call_arg(call, name) : NULL;
    return arg ? arg : call->step;
}

eg_status
eg_call_fail(const eg_call *call, const char *name, eg_error *err, const char *fmt, ...)
{
    const eg_yaml *at = place_of(call, name);
    va_list args;
    va_start(args, fmt);
    eg_status status = eg_vfail_at(err, EG_E_INPUT, at->file, at->line, at->column, fmt, args);
    va_end(args);
    return status;
}

static const char *
word_of(const eg_call *call)
{
    return call->op ? call->op->name : call->word->name;
}

eg_status
eg_call_need(const eg_call *call, const char *name, eg_error *err)
{
    const eg_yaml *arg = eg_call_arg(call, name);
    if (arg && arg->type != EG_YAML_NULL)
        return EG_OK;
    return eg_yaml_fail(call->step, err, "'%s' needs '%s'", word_of(call), name);
}

/* --- reading ------------------------------------------------------------------------------------- */

eg_status
eg_call_get(eg_expand *x, const eg_call *call, const char *name, const eg_yaml **out, eg_error *err)
{
    *out = eg_call_arg(call, name);
    if (!*out)
        return EG_OK;
    eg_expr_env env = eg_expand_env(x);
    EG_TRY(eg_eval_choice(*out, &env, out, err));
    if (eg_is_none(*out))
        *out = NULL;
    return EG_OK;
}

static eg_status
needs(const eg_call *call, const char *name, eg_error *err)
{
    return eg_call_fail(call, name, err, "'%s' needs '%s', which is none here", word_of(call), name);
}

eg_status
eg_call_require(eg_expand *x, const eg_call *call, const char *name, const eg_yaml **out, eg_error *err)
{
    EG_TRY(eg_call_need(call, name, err));
    EG_TRY(eg_call_get(x, call, name, out, err));
    return *out ? EG_OK : needs(call, name, err);
}

static eg_status
call_value(eg_expand *x, const eg_call *call, const char *name, eg_datum *out, eg_error *err)
{
    const eg_yaml *node = eg_call_arg(call, name);
    *out = (eg_datum){.type = EG_DATUM_NONE};
    if (!node)
        return EG_OK;
    eg_expr_env env = eg_expand_env(x);
    return eg_eval_value(node, &env, out, err);
}

eg_status
eg_call_int(eg_expand *x, const eg_call *call, const char *name, int64_t min, int64_t absent, int64_t *out,
            eg_error *err)
{
    eg_datum value;
    EG_TRY(call_value(x, call, name, &value, err));
    *out = absent;
    if (value.type == EG_DATUM_NONE)
        return EG_OK;
    if (value.type != EG_DATUM_INT)
        return eg_call_fail(call, name, err, "%s is %s; an integer is expected", name, eg_datum_type_name(value.type));
    if (value.integer < min)
        return eg_call_fail(call, name, err, "%s is %lld; at least %lld is expected", name, (long long)value.integer,
                            (long long)min);
    *out = value.integer;
    return EG_OK;
}

eg_status
eg_call_size(eg_expand *x, const eg_call *call, const char *name, int64_t *out, eg_error *err)
{
    EG_TRY(eg_call_need(call, name, err));
    EG_TRY(eg_call_int(x, call, name, 1, 0, out, err));
    return *out ? EG_OK : needs(call, name, err);
}

eg_status
eg_call_float(eg_expand *x, const eg_call *call, const char *name, double absent, double *out, eg_error *err)
{
    eg_datum value;
    EG_TRY(call_value(x, call, name, &value, err));
    *out = absent;
    if (value.type == EG_DATUM_NONE)
        return EG_OK;
    if (!eg_datum_is_number(&value))
        return eg_call_fail(call, name, err, "%s is %s; a number is expected", name, eg_datum_type_name(value.type));
    *out = eg_datum_number(&value);
    return EG_OK;
}

eg_status
eg_call_bool(eg_expand *x, const eg_call *call, const char *name, bool absent, bool *out, eg_error *err)
{
    eg_datum value;
    EG_TRY(call_value(x, call, name, &value, err));
    *out = absent;
    if (value.type == EG_DATUM_NONE)
        return EG_OK;
    if (value.type != EG_DATUM_BOOL)
        return eg_call_fail(call, name, err, "%s is %s; true or false is expected", name,
                            eg_datum_type_name(value.type));
    *out = value.boolean;
    return EG_OK;
}

eg_status
eg_call_text(eg_expand *x, const eg_call *call, const char *name, const char *absent, const char **out, eg_error *err)
{
    const eg_yaml *node = eg_call_arg(call, name);
    *out = absent;
    if (!node)
        return EG_OK;
    eg_expr_env env = eg_expand_env(x);
    EG_TRY(eg_eval_text(node, &env, out, err));
    if (!*out)
        *out = absent;
    return EG_OK;
}

eg_status
eg_call_choice(eg_expand *x, const eg_call *call, const char *name, const char *const *words, uint32_t count,
               uint32_t absent, uint32_t *out, eg_error *err)
{
    const char *text;
    EG_TRY(eg_call_text(x, call, name, NULL, &text, err));
    *out = absent;
    if (!text)
        return EG_OK;
    eg_strbuf list = {0};
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(words[i], text) == 0) {
            *out = i;
            eg_strbuf_finish(&list);
            return EG_OK;
        }
        eg_strbuf_printf(&list, "%s%s", i ? ", " : "", words[i]);
    }
    eg_status status = eg_call_fail(call, name, err, "%s is '%s'", name, text);
    status = eg_hint(err, status, "it is one of %s", list.data ? list.data : "");
    eg_strbuf_finish(&list);
    return status;
}
