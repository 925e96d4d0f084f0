/* SPDX-License-Identifier: Apache-2.0 */
/* eg_evaluate(): which head is judged, by which kind; labels are read, parts added up, the result written. */
#include "engine/tasks/evaluate.h"

#include <inttypes.h>
#include <string.h>

static const eg_task_kind evaluate_call = {.name = "evaluate"};
static const eg_evaluation_kind *const kinds[] = {&eg_evaluate_classes, &eg_evaluate_tags, &eg_evaluate_masks};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* --- which head ---------------------------------------------------------------------------------- */

static const eg_evaluation_kind *
kind_of(const eg_head_info *head)
{
    for (size_t i = 0; i < KINDS; i++)
        if (strcmp(kinds[i]->task, head->task) == 0)
            return kinds[i];
    return NULL;
}

static eg_status
refuse_task(const eg_head_info *head, eg_error *err)
{
    eg_status status =
        eg_fail(err, EG_E_USAGE, "the head '%s' is for the task '%s', which has no evaluation", head->name, head->task);
    return eg_hint(err, status, "the tasks classify, ner and fill_mask have");
}

/* "…; it has a (qa), b (nsp)" of the heads that are there. */
static eg_status
refuse_heads(const eg_model *model, eg_error *err)
{
    eg_strbuf names = {0};
    for (uint32_t i = 0; i < eg_source_head_count(model->source); i++) {
        eg_head_info head;
        eg_source_head(model->source, i, &head);
        if (head.available)
            eg_strbuf_printf(&names, "%s%s (%s)", names.length ? ", " : ", it has ", head.name, head.task);
    }
    eg_status status = eg_fail(err, EG_E_USAGE, "the model has no head for classify, ner or fill_mask%s",
                               names.data && !names.failed ? names.data : "");
    eg_strbuf_finish(&names);
    return status;
}

static eg_status
refuse_several(const eg_source *source, eg_error *err)
{
    eg_strbuf names = {0};
    for (uint32_t i = 0; i < eg_source_head_count(source); i++) {
        eg_head_info head;
        eg_source_head(source, i, &head);
        if (head.available && kind_of(&head))
            eg_strbuf_printf(&names, "%s%s (%s)", names.length ? ", " : "", head.name, head.task);
    }
    eg_status status = eg_fail(err, EG_E_USAGE, "the model has several heads to evaluate");
    status = eg_hint(err, status, "name one with --head: %s", names.data && !names.failed ? names.data : "");
    eg_strbuf_finish(&names);
    return status;
}

/* The head named, else the default one, else the only one that there is an evaluation for. *out_kind NULL: none. */
static eg_status
choose_head(const eg_model *model, eg_head_info *out, const eg_evaluation_kind **out_kind, eg_error *err)
{
    uint32_t found = 0;
    *out_kind = NULL;
    for (uint32_t i = 0; i < eg_source_head_count(model->source); i++) {
        eg_head_info head;
        eg_source_head(model->source, i, &head);
        const eg_evaluation_kind *kind = head.available ? kind_of(&head) : NULL;
        bool preferred = model->info.head && strcmp(head.name, model->info.head) == 0;
        if (preferred && model->head && !kind)
            return refuse_task(&head, err);
        if (!kind)
            continue;
        found++;
        if (preferred || found == 1) {
            *out = head;
            *out_kind = kind;
        }
        if (preferred)
            return EG_OK;
    }
    return found > 1 ? refuse_several(model->source, err) : EG_OK;
}

/* Pairs with a number are for the head if it classifies, or was named, else for the embeddings. */
static eg_status
begin(eg_evaluation *e, const eg_json *label, eg_error *err)
{
    const eg_input *input = &e->call.input;
    const eg_model *model = e->call.model;
    bool is_number = label && (label->type == EG_JSON_INT || label->type == EG_JSON_REAL);
    bool is_pair = input->pairs && input->pairs[0].data;
    EG_TRY(choose_head(model, &e->head, &e->kind, err));
    if (is_number && is_pair && !model->head && e->kind != &eg_evaluate_classes) {
        e->kind = &eg_evaluate_pairs;
        e->head = (eg_head_info){0};
    } else if (!e->kind) {
        eg_status status = refuse_heads(model, err);
        return eg_hint(err, status,
                       "without one it is judged by pairs with a number: {\"text\", \"pair\", \"label\": 0.7}");
    }
    e->call.heads = &e->head;
    e->call.head_count = 1;
    return e->kind->begin ? e->kind->begin(e, label, err) : EG_OK;
}

/* --- labels -------------------------------------------------------------------------------------- */

eg_status
eg_evaluation_bad_label(uint32_t text, const eg_json *label, const char *expected, eg_error *err)
{
    if (!label)
        return eg_hint(err, eg_fail(err, EG_E_INPUT, "text %u has no label", text + 1), "%s", expected);
    eg_strbuf written = {0};
    eg_json_write(label, &written);
    eg_status status = eg_fail(err, EG_E_INPUT, "text %u: the label %.200s does not fit the head", text + 1,
                               written.data && !written.failed ? written.data : "");
    eg_strbuf_finish(&written);
    return eg_hint(err, status, "%s", expected);
}

static eg_status
unknown_class(const eg_evaluation *e, uint32_t text, const eg_json *label, eg_error *err)
{
    enum { SHOWN = 20 };
    eg_strbuf known = {0};
    uint32_t count = e->head.label_count;
    for (uint32_t i = 0; i < count && i < SHOWN; i++)
        eg_strbuf_printf(&known, "%s%.64s", i ? ", " : "", e->head.labels[i]);
    if (count > SHOWN)
        eg_strbuf_puts(&known, ", …");
    eg_strbuf written = {0};
    eg_json_write(label, &written);
    eg_status status = eg_fail(err, EG_E_INPUT, "text %u: the model has no label %.200s", text + 1,
                               written.data && !written.failed ? written.data : "");
    status = eg_hint(err, status, "one of %s, or an index up to %u",
                     known.data && !known.failed ? known.data : "its own", count ? count - 1 : 0);
    eg_strbuf_finish(&known);
    eg_strbuf_finish(&written);
    return status;
}

eg_status
eg_evaluation_class(const eg_evaluation *e, uint32_t text, const eg_json *label, size_t *out, eg_error *err)
{
    if (label->type == EG_JSON_INT && label->integer >= 0 && label->integer < (int64_t)e->head.label_count) {
        *out = (size_t)label->integer;
        return EG_OK;
    }
    for (uint32_t i = 0; label->type == EG_JSON_STRING && i < e->head.label_count; i++)
        if (strlen(e->head.labels[i]) == label->length &&
            memcmp(e->head.labels[i], label->string, label->length) == 0) {
            *out = i;
            return EG_OK;
        }
    return unknown_class(e, text, label, err);
}

static eg_status
read_label(eg_evaluation *e, uint32_t text, const eg_string *label, const eg_json **out, eg_error *err)
{
    *out = NULL;
    if (!label->data)
        return EG_OK;
    eg_status status = eg_json_parse(label->data, label->length, NULL, NULL, &e->call.scratch, out, err);
    if (status == EG_E_INPUT && err) {
        eg_error inner = *err;
        return eg_fail(err, status, "text %u: the label is not JSON: %s", text + 1, inner.message);
    }
    EG_TRY(status);
    if ((*out)->type == EG_JSON_NULL)
        *out = NULL;
    return EG_OK;
}

/* --- the result ---------------------------------------------------------------------------------- */

void
eg_put_number(eg_strbuf *out, const char *key, double number)
{
    eg_strbuf_printf(out, ",\"%s\":", key);
    eg_strbuf_float(out, (float)number);
}

void
eg_put_f1(eg_strbuf *out, const eg_class_counts *counts, bool all_classes)
{
    eg_strbuf_puts(out, ",\"f1\":{\"macro\":");
    eg_strbuf_float(out, (float)eg_f1_macro(counts, all_classes));
    eg_strbuf_puts(out, ",\"micro\":");
    eg_strbuf_float(out, (float)eg_f1_micro(counts));
    eg_strbuf_putc(out, '}');
}

void
eg_put_classes(eg_strbuf *out, const eg_class_counts *counts, const char *const *names)
{
    eg_strbuf_puts(out, ",\"classes\":[");
    for (uint32_t i = 0; i < counts->classes; i++) {
        uint64_t right = counts->right[i], predicted = counts->predicted[i], actual = counts->actual[i];
        eg_strbuf_puts(out, i ? ",{\"label\":" : "{\"label\":");
        eg_strbuf_json(out, names[i], strlen(names[i]));
        eg_put_number(out, "precision", eg_share(right, predicted));
        eg_put_number(out, "recall", eg_share(right, actual));
        eg_put_number(out, "f1", eg_f1(right, predicted, actual));
        eg_strbuf_printf(out, ",\"support\":%" PRIu64 "}", actual);
    }
    eg_strbuf_putc(out, ']');
}

void
eg_put_confusion(eg_strbuf *out, const eg_class_counts *counts, const char *const *names)
{
    if (!counts->matrix)
        return;
    eg_strbuf_puts(out, ",\"confusion\":{\"labels\":[");
    for (uint32_t i = 0; i < counts->classes; i++) {
        eg_strbuf_puts(out, i ? "," : "");
        eg_strbuf_json(out, names[i], strlen(names[i]));
    }
    eg_strbuf_puts(out, "],\"matrix\":[");
    for (uint32_t i = 0; i < counts->classes; i++) {
        eg_strbuf_puts(out, i ? ",[" : "[");
        for (uint32_t k = 0; k < counts->classes; k++)
            eg_strbuf_printf(out, "%s%" PRIu64, k ? "," : "", counts->matrix[(size_t)i * counts->classes + k]);
        eg_strbuf_putc(out, ']');
    }
    eg_strbuf_puts(out, "]}");
}

eg_status
eg_evaluation_result(const eg_evaluation *e, char **out_json, eg_error *err)
{
    *out_json = NULL;
    if (!e->kind)
        return eg_fail(err, EG_E_INPUT, "there are no texts to evaluate");
    const char *name = e->head.name ? e->head.name : "embedding";
    eg_strbuf out = {0};
    eg_strbuf_printf(&out, "{\"task\":\"%s\",\"head\":", e->kind->task);
    eg_strbuf_json(&out, name, strlen(name));
    eg_strbuf_printf(&out, ",\"count\":%" PRIu64, e->texts);
    if (e->loss.count)
        eg_put_number(&out, "loss", e->loss.sum / (double)e->loss.count);
    eg_status status = e->kind->write(e, &out, err);
    eg_strbuf_putc(&out, '}');
    if (status == EG_OK)
        return eg_give_string(&out, out_json, err);
    eg_strbuf_finish(&out);
    return status;
}

/* --- parts --------------------------------------------------------------------------------------- */

eg_status
eg_evaluation_open(eg_context *context, const eg_evaluate_options *options, eg_evaluation **out, eg_error *err)
{
    *out = NULL;
    EG_TRY(eg_engine_check(context->model->engine, err));
    eg_evaluate_options taken;
    EG_TRY(eg_take_options(&taken, sizeof taken, options, "eg_evaluate_options", err));
    if (taken.flags)
        return eg_fail(err, EG_E_USAGE, "unknown flags %#x of eg_evaluate_options", taken.flags);
    eg_evaluation *e = eg_calloc(1, sizeof *e);
    if (!e)
        return eg_fail_nomem(err, "an evaluation");
    e->call = (eg_task_call){.kind = &evaluate_call, .context = context, .model = context->model};
    e->seed = taken.seed;
    *out = e;
    return EG_OK;
}

void
eg_evaluation_close(eg_evaluation *e)
{
    if (!e)
        return;
    eg_class_counts_finish(&e->counts);
    eg_class_counts_finish(&e->entities);
    eg_free(e->numbers.items);
    eg_arena_finish(&e->call.scratch);
    eg_arena_finish(&e->arena);
    eg_free(e);
}

static eg_status
add(eg_evaluation *e, const eg_string *labels, eg_error *err)
{
    uint32_t count = e->call.input.count;
    const eg_json **read = eg_arena_calloc(&e->call.scratch, count, sizeof *read);
    if (!read)
        return eg_fail_nomem(err, "labels");
    for (uint32_t i = 0; labels && i < count; i++)
        EG_TRY(read_label(e, i, &labels[i], &read[i], err));
    if (!e->kind)
        EG_TRY(begin(e, read[0], err));
    EG_TRY(e->kind->add(e, read, err));
    e->texts += count;
    return EG_OK;
}

eg_status
eg_evaluation_add(eg_evaluation *e, const eg_input *input, const eg_string *labels, eg_error *err)
{
    EG_TRY(eg_engine_check(e->call.model->engine, err));
    if (!input)
        return eg_fail(err, EG_E_USAGE, "no input");
    EG_TRY(eg_take_options(&e->call.input, sizeof e->call.input, input, "eg_input", err));
    if (e->call.input.count == 0)
        return EG_OK;
    if (!e->call.input.texts)
        return eg_fail(err, EG_E_USAGE, "evaluate takes texts, not token ids");
    e->call.records = e->call.input.count;
    eg_context_uncancel(e->call.context);
    eg_status status = add(e, labels, err);
    eg_arena_finish(&e->call.scratch);
    return status;
}

eg_status
eg_evaluate(eg_context *context, const eg_input *input, const eg_evaluate_options *options, char **out_json,
            eg_error *err)
{
    eg_evaluation *e;
    eg_evaluate_options taken;
    *out_json = NULL;
    EG_TRY(eg_take_options(&taken, sizeof taken, options, "eg_evaluate_options", err));
    EG_TRY(eg_evaluation_open(context, options, &e, err));
    eg_status status = eg_evaluation_add(e, input, taken.labels, err);
    if (status == EG_OK)
        status = eg_evaluation_result(e, out_json, err);
    eg_evaluation_close(e);
    return status;
}
