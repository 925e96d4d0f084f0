/* SPDX-License-Identifier: Apache-2.0 */
/* What stands at a text's mask tokens, as the transformers pipeline gives it: a list of tokens for each mask. */
#include <inttypes.h>
#include <math.h>

#include "engine/tasks/best.h"
#include "engine/tasks/task.h"

enum { DEFAULT_TOP = 5 };

typedef struct filler {
    eg_task_call *call;
    const eg_token_list *list;
    int64_t mask_id, pad_id;
    EG_VEC(int64_t) targets; /* ids; none: all */
    size_t most;             /* items of a list; of each mask as many as there are */
    eg_best best;
    EG_VEC(int64_t) ids; /* of a text, with one mask filled and without padding */
    eg_strbuf text;
} filler;

/* --- targets ------------------------------------------------------------------------------------- */

/* A target that is no entry of the vocabulary stands for its first token. -1: it has none. */
static eg_status
first_token(const eg_task_call *call, const eg_string *target, eg_encoding *encoding, int64_t *out, eg_error *err)
{
    const eg_encode_options options = {.max_length = 1, .no_special = true, .ids_only = true};
    const eg_host_context *log = &call->model->engine->host_context;
    EG_TRY(eg_tokenizer_encode(call->model->tokenizer, target->data, target->length, NULL, 0, &options, encoding, err));
    *out = encoding->count ? encoding->ids[0] : -1;
    size_t length = 0;
    const char *token = *out >= 0 ? eg_tokenizer_token(call->model->tokenizer, *out, &length) : NULL;
    int shown = target->length < 64 ? (int)target->length : 64;
    if (token)
        eg_log(log, EG_LOG_WARNING, "the target '%.*s' is not in the vocabulary; '%.*s' is taken for it", shown,
               target->data, (int)length, token);
    else
        eg_log(log, EG_LOG_WARNING, "the target '%.*s' is not in the vocabulary, and has no tokens; it is left out",
               shown, target->data);
    return EG_OK;
}

static bool
is_known(const filler *f, int64_t id)
{
    for (size_t i = 0; i < f->targets.count; i++)
        if (f->targets.items[i] == id)
            return true;
    return false;
}

static eg_status
add_target(filler *f, const eg_string *target, eg_encoding *encoding, eg_error *err)
{
    int64_t id = eg_tokenizer_id(f->call->model->tokenizer, target->data, target->length);
    if (id < 0)
        EG_TRY(first_token(f->call, target, encoding, &id, err));
    if (id >= f->call->model->info.vocab_size)
        return eg_fail(err, EG_E_USAGE,
                       "the target '%.*s' has the id %" PRId64 ", and the model has %" PRId64 " tokens",
                       (int)target->length, target->data, id, f->call->model->info.vocab_size);
    if (id < 0 || is_known(f, id))
        return EG_OK;
    return EG_PUSH(&f->targets, id) ? EG_OK : eg_fail_nomem(err, "the targets");
}

static eg_status
find_targets(filler *f, eg_error *err)
{
    const eg_task_options *options = &f->call->options;
    eg_encoding encoding = {0};
    eg_status status = EG_OK;
    for (uint32_t i = 0; i < options->target_count && status == EG_OK; i++)
        status = add_target(f, &options->targets[i], &encoding, err);
    eg_encoding_finish(&encoding);
    if (status == EG_OK && options->target_count && f->targets.count == 0)
        return eg_fail(err, EG_E_USAGE, "none of the targets is a token");
    return status;
}

/* --- masks --------------------------------------------------------------------------------------- */

static size_t
count_masks(const filler *f, uint32_t text)
{
    size_t count = 0;
    for (int64_t i = f->list->cu[text]; i < f->list->cu[text + 1]; i++)
        count += f->list->ids[i] == f->mask_id;
    return count;
}

/* Before anything runs. */
static eg_status
check_masks(const filler *f, eg_error *err)
{
    size_t length = 0;
    const char *mask = eg_tokenizer_token(f->call->model->tokenizer, f->mask_id, &length);
    for (uint32_t text = 0; text < f->list->count; text++) {
        if (count_masks(f, text))
            continue;
        eg_status status = eg_fail(err, EG_E_INPUT, "text %u has no mask token", text + 1);
        int64_t tokens = f->list->cu[text + 1] - f->list->cu[text];
        if (tokens >= (int64_t)f->call->model->limit)
            return eg_hint(err, status,
                           "%.*s stands for it, among the first %" PRId64 " tokens, which are all that are read",
                           (int)length, mask ? mask : "", tokens);
        return eg_hint(err, status, "%.*s stands for it", (int)length, mask ? mask : "");
    }
    return EG_OK;
}

/* --- filling ------------------------------------------------------------------------------------- */

/* Probabilities are of the whole vocabulary, whatever the targets. */
static eg_status
choose_tokens(filler *f, const float *logits, size_t width, eg_error *err)
{
    double largest = -INFINITY, sum = 0;
    for (size_t i = 0; i < width; i++)
        largest = fmax(largest, (double)logits[i]);
    for (size_t i = 0; i < width; i++)
        sum += exp((double)logits[i] - largest);
    f->best.most = f->most;
    f->best.count = 0;
    for (size_t i = 0; i < (f->targets.count ? f->targets.count : width); i++) {
        size_t id = f->targets.count ? (size_t)f->targets.items[i] : i;
        if (id < width && !eg_best_offer(&f->best, (double)logits[id], id))
            return eg_fail_nomem(err, "tokens");
    }
    eg_best_sort(&f->best);
    for (size_t i = 0; i < f->best.count; i++)
        f->best.items[i].score = exp(f->best.items[i].score - largest) / sum;
    return EG_OK;
}

static eg_status
decode(filler *f, const int64_t *ids, size_t count, bool skip_special, eg_string *out, eg_error *err)
{
    f->text.length = 0;
    EG_TRY(eg_tokenizer_decode(f->call->model->tokenizer, ids, count, skip_special, &f->text, err));
    return eg_task_keep(f->call, (eg_string){f->text.data ? f->text.data : "", f->text.length}, out, err);
}

/* The text with the token in the place of one mask. Special tokens stay where other masks are, which are such. */
static eg_status
write_text(filler *f, uint32_t text, int64_t place, int64_t token, bool only_mask, eg_string *out, eg_error *err)
{
    f->ids.count = 0;
    for (int64_t i = f->list->cu[text]; i < f->list->cu[text + 1]; i++) {
        int64_t id = i == place ? token : f->list->ids[i];
        if (id != f->pad_id && !EG_PUSH(&f->ids, id))
            return eg_fail_nomem(err, "a text");
    }
    return decode(f, f->ids.items, f->ids.count, only_mask, out, err);
}

static eg_status
fill_mask(filler *f, uint32_t text, int64_t place, const float *logits, size_t width, bool only_mask, eg_error *err)
{
    eg_item *items;
    EG_TRY(choose_tokens(f, logits, width, err));
    EG_TRY(eg_task_new_items(f->call, f->best.count, &items, err));
    for (size_t i = 0; i < f->best.count; i++) {
        int64_t token = (int64_t)f->best.items[i].index;
        items[i].score = f->best.items[i].score;
        items[i].index = token;
        EG_TRY(decode(f, &token, 1, false, &items[i].label, err));
        EG_TRY(write_text(f, text, place, token, only_mask, &items[i].text, err));
    }
    return eg_task_add_list(f->call, f->call->heads[0].name, items, f->best.count, NULL, 0, err);
}

static eg_status
take(void *user, const eg_result *run, uint32_t first, eg_error *err)
{
    filler *f = user;
    for (uint32_t i = 0; i < run->texts; i++) {
        uint32_t text = first + i;
        bool only_mask = count_masks(f, text) == 1;
        eg_task_rows rows;
        EG_TRY(eg_task_rows_of(f->call, run, 0, i, EG_TOKEN, &rows, err));
        EG_TRY(eg_task_add_record(f->call, err));
        for (size_t row = 0; row < rows.rows; row++) {
            int64_t place = f->list->cu[text] + (int64_t)row;
            if (f->list->ids[place] == f->mask_id)
                EG_TRY(fill_mask(f, text, place, rows.data + row * rows.width, rows.width, only_mask, err));
        }
    }
    return EG_OK;
}

/* --- the task ------------------------------------------------------------------------------------ */

static eg_status
fill_texts(filler *f, eg_error *err)
{
    const char *const *outputs;
    const eg_task_options *options = &f->call->options;
    EG_TRY(find_targets(f, err));
    EG_TRY(check_masks(f, err));
    EG_TRY(eg_task_outputs(f->call, &outputs, err));
    f->most = options->top_k ? options->top_k : DEFAULT_TOP;
    uint32_t most_texts = eg_task_most_texts(f->list, f->call->model->info.vocab_size);
    return eg_task_run(f->call, f->list, outputs, 1, most_texts, take, f, err);
}

static eg_status
fill_masks(eg_task_call *call, eg_error *err)
{
    eg_input taken;
    eg_token_list list = {0};
    filler f = {.call = call, .list = &list};
    eg_tokenizer_info info;
    EG_TRY(eg_model_need_tokenizer(call->model, err));
    eg_tokenizer_describe(call->model->tokenizer, &info);
    if (info.mask_id < 0)
        return eg_hint(err, eg_fail(err, EG_E_INPUT, "the tokenizer has no mask token"),
                       "tokenizer_config.json names it as mask_token");
    f.mask_id = info.mask_id;
    f.pad_id = info.pad_id;
    eg_status status = eg_input_take(call->model, &call->input, 0, &taken, &list, err);
    if (status == EG_OK)
        status = fill_texts(&f, err);
    eg_token_list_finish(&list);
    eg_free(f.targets.items);
    eg_free(f.ids.items);
    eg_best_finish(&f.best);
    eg_strbuf_finish(&f.text);
    return status;
}

const eg_task_kind eg_task_fill_mask = {
    .name = "fill-mask",
    .head_tasks = {"fill_mask"},
    .run = fill_masks,
};
