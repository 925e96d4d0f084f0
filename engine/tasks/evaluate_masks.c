/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Masked language modelling: the cross entropy at the tokens that are hidden. Which ones is said by the text, [MASK] and a
 * target, or drawn as the collator of transformers does: each token that is not special by itself, with probability 0.15;
 * 80 % of them are masked, 10 % become any token, 10 % stay.
 *
 * The draws are numbers of a counter, the same on every machine and however the texts are cut into batches. With
 *     mix(z): z ^= z >> 30, z *= 0xbf58476d1ce4e5b9, z ^= z >> 27, z *= 0x94d049bb133111eb, z ^= z >> 31
 *     G = 0x9e3779b97f4a7c15, all modulo 2^64
 *     r(k) = mix(mix(mix(mix(seed + G) + (text + 1) G) + (token + 1) G) + (k + 1) G)
 *     u(k) = (r(k) >> 11) / 2^53
 * where text counts the texts of the evaluation and token the tokens of the text, both from 0, a token is drawn if
 * u(0) < 0.15, masked if u(1) < 0.8, else changed if u(1) < 0.9, to the id ((r(2) >> 32) · ids) >> 32.
 */
#include <math.h>
#include <string.h>

#include "engine/tasks/evaluate.h"

#define CHOSEN 0.15
#define MASKED 0.8
#define CHANGED 0.9

/* A hidden token: where it is in the list, and what it was. */
typedef struct hidden {
    int64_t at;
    int32_t id;
} hidden;

typedef struct masking {
    eg_evaluation *evaluation;
    eg_tokenizer_info tokenizer;
    eg_token_list list;
    EG_VEC(hidden) hidden; /* in the order of the list */
    size_t next;           /* the first one that is not judged yet */
    eg_encoding encoding;
} masking;

/* --- drawing ------------------------------------------------------------------------------------- */

#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)

static uint64_t
mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t
draw(uint64_t token, uint64_t k)
{
    return mix(token + (k + 1) * GOLDEN);
}

static double
uniform(uint64_t random)
{
    return (double)(random >> 11) * 0x1p-53;
}

static bool
is_special(const eg_tokenizer_info *info, int64_t id)
{
    return id == info->pad_id || id == info->unk_id || id == info->mask_id || id == info->cls_id || id == info->sep_id;
}

static eg_status
hide(masking *m, int64_t at, int32_t id, eg_error *err)
{
    const hidden token = {at, id};
    return EG_PUSH(&m->hidden, token) ? EG_OK : eg_fail_nomem(err, "masked tokens");
}

static eg_status
draw_tokens(masking *m, uint32_t text, eg_error *err)
{
    const eg_evaluation *e = m->evaluation;
    int64_t begin = m->list.cu[text], known = e->call.model->info.vocab_size;
    uint64_t ids = known < (int64_t)m->tokenizer.vocab_size ? (uint64_t)known : m->tokenizer.vocab_size;
    uint64_t base = mix(mix(e->seed + GOLDEN) + (e->texts + text + 1) * GOLDEN);
    for (int64_t at = begin; at < m->list.cu[text + 1]; at++) {
        int32_t *id = &m->list.ids[at];
        uint64_t token = mix(base + ((uint64_t)(at - begin) + 1) * GOLDEN);
        if (is_special(&m->tokenizer, *id) || !(uniform(draw(token, 0)) < CHOSEN))
            continue;
        EG_TRY(hide(m, at, *id, err));
        double fate = uniform(draw(token, 1));
        if (fate < MASKED)
            *id = (int32_t)m->tokenizer.mask_id;
        else if (fate < CHANGED)
            *id = (int32_t)(((draw(token, 2) >> 32) * ids) >> 32);
    }
    return EG_OK;
}

/* --- fixed masks --------------------------------------------------------------------------------- */

static size_t
count_masks(const masking *m, uint32_t text)
{
    size_t count = 0;
    for (int64_t at = m->list.cu[text]; at < m->list.cu[text + 1]; at++)
        count += m->list.ids[at] == m->tokenizer.mask_id;
    return count;
}

static eg_status
encode(masking *m, const eg_json *target, bool whole, eg_error *err)
{
    const eg_model *model = m->evaluation->call.model;
    const eg_encode_options options = {
        .no_special = !whole, .ids_only = true, .max_length = whole && model->limit != UINT32_MAX ? model->limit : 0};
    return eg_tokenizer_encode(model->tokenizer, target->string, target->length, NULL, 0, &options, &m->encoding, err);
}

/* The one token that a string is: an entry of the vocabulary, or a text of one token. */
static eg_status
one_token(masking *m, uint32_t text, const eg_json *target, int32_t *out, eg_error *err)
{
    if (target->type != EG_JSON_STRING)
        return eg_evaluation_bad_label(text, target, "the text of the masked tokens, or a list with one for each mask",
                                       err);
    int64_t id = eg_tokenizer_id(m->evaluation->call.model->tokenizer, target->string, target->length);
    if (id < 0) {
        EG_TRY(encode(m, target, false, err));
        if (m->encoding.count != 1)
            return eg_fail(err, EG_E_INPUT, "text %u: the target '%.100s' is %zu tokens, for one mask", text + 1,
                           target->string, m->encoding.count);
        id = m->encoding.ids[0];
    }
    *out = (int32_t)id;
    return EG_OK;
}

static bool
is_mask(const masking *m, int64_t at)
{
    return m->list.ids[at] == m->tokenizer.mask_id;
}

/* Whether the target is the whole text with its masks filled: then m->encoding has their tokens in their places. */
static bool
is_whole_text(const masking *m, uint32_t text)
{
    int64_t begin = m->list.cu[text], count = m->list.cu[text + 1] - begin;
    bool fits = (int64_t)m->encoding.count == count;
    for (int64_t i = 0; i < count && fits; i++)
        fits = is_mask(m, begin + i) || m->list.ids[begin + i] == m->encoding.ids[i];
    return fits;
}

/* The masks' tokens as one text, or all of the text without masks. */
static eg_status
read_text(masking *m, uint32_t text, const eg_json *target, size_t masks, int32_t *out, eg_error *err)
{
    EG_TRY(encode(m, target, true, err));
    if (is_whole_text(m, text)) {
        int64_t begin = m->list.cu[text];
        for (size_t i = 0, k = 0; i < m->encoding.count; i++)
            if (is_mask(m, begin + (int64_t)i))
                out[k++] = m->encoding.ids[i];
        return EG_OK;
    }
    if (masks == 1)
        return one_token(m, text, target, out, err);
    EG_TRY(encode(m, target, false, err));
    if (m->encoding.count != masks)
        return eg_fail(err, EG_E_INPUT, "text %u: the target '%.100s' is %zu tokens, for %zu masks", text + 1,
                       target->string, m->encoding.count, masks);
    memcpy(out, m->encoding.ids, masks * sizeof *out);
    return EG_OK;
}

static eg_status
read_list(masking *m, uint32_t text, const eg_json *target, size_t masks, int32_t *out, eg_error *err)
{
    if (target->count != masks)
        return eg_fail(err, EG_E_INPUT, "text %u has %zu mask tokens and %zu targets", text + 1, masks, target->count);
    for (size_t i = 0; i < masks; i++)
        EG_TRY(one_token(m, text, &target->items[i], &out[i], err));
    return EG_OK;
}

static eg_status
take_targets(masking *m, uint32_t text, const eg_json *target, eg_error *err)
{
    const eg_model *model = m->evaluation->call.model;
    size_t masks = count_masks(m, text), next = 0;
    int32_t *ids = eg_arena_calloc(&m->evaluation->call.scratch, masks + 1, sizeof *ids);
    if (!ids)
        return eg_fail_nomem(err, "targets");
    if (masks == 0)
        return eg_fail(err, EG_E_INPUT, "text %u has a target and no mask token, or none that the model's limit leaves",
                       text + 1);
    if (target->type == EG_JSON_STRING)
        EG_TRY(read_text(m, text, target, masks, ids, err));
    else if (target->type == EG_JSON_ARRAY)
        EG_TRY(read_list(m, text, target, masks, ids, err));
    else
        return eg_evaluation_bad_label(text, target, "the text of the masked tokens, or a list with one for each mask",
                                       err);
    for (int64_t at = m->list.cu[text]; at < m->list.cu[text + 1]; at++)
        if (is_mask(m, at)) {
            if (ids[next] >= model->info.vocab_size)
                return eg_fail(err, EG_E_INPUT, "text %u: the model has no token %d", text + 1, (int)ids[next]);
            EG_TRY(hide(m, at, ids[next++], err));
        }
    return EG_OK;
}

/* --- running ------------------------------------------------------------------------------------- */

static eg_status
take(void *user, const eg_result *run, uint32_t first, eg_error *err)
{
    masking *m = user;
    eg_evaluation *e = m->evaluation;
    for (uint32_t i = 0; i < run->texts; i++) {
        int64_t begin = m->list.cu[first + i], end = m->list.cu[first + i + 1];
        eg_task_rows rows;
        EG_TRY(eg_task_rows_of(&e->call, run, 0, i, EG_TOKEN, &rows, err));
        for (; m->next < m->hidden.count && m->hidden.items[m->next].at < end; m->next++) {
            const hidden *token = &m->hidden.items[m->next];
            const float *logits = rows.data + (size_t)(token->at - begin) * rows.width;
            if ((size_t)token->id >= rows.width)
                return eg_fail(err, EG_E_INPUT, "text %u: the head '%s' gives %zu numbers per token, none for token %d",
                               first + i + 1, e->head.name, rows.width, (int)token->id);
            eg_mean_add(&e->loss, eg_cross_entropy(logits, rows.width, (size_t)token->id));
            e->right += eg_best_class(logits, rows.width) == (size_t)token->id;
        }
    }
    return EG_OK;
}

static eg_status
judge(masking *m, const eg_json *const *labels, eg_error *err)
{
    eg_task_call *call = &m->evaluation->call;
    const char *const *outputs;
    eg_tokenizer_describe(call->model->tokenizer, &m->tokenizer);
    if (m->tokenizer.mask_id < 0)
        return eg_fail(err, EG_E_INPUT, "the tokenizer has no mask token");
    for (uint32_t i = 0; i < m->list.count; i++)
        EG_TRY(labels[i] ? take_targets(m, i, labels[i], err) : draw_tokens(m, i, err));
    EG_TRY(eg_task_outputs(call, &outputs, err));
    return eg_task_run(call, &m->list, outputs, 1, eg_task_most_texts(&m->list, call->model->info.vocab_size), take, m,
                       err);
}

static eg_status
add(eg_evaluation *e, const eg_json *const *labels, eg_error *err)
{
    masking m = {.evaluation = e};
    eg_input taken;
    EG_TRY(eg_model_need_tokenizer(e->call.model, err));
    eg_status status = eg_input_take(e->call.model, &e->call.input, 0, &taken, &m.list, err);
    if (status == EG_OK)
        status = judge(&m, labels, err);
    eg_token_list_finish(&m.list);
    eg_encoding_finish(&m.encoding);
    eg_free(m.hidden.items);
    return status;
}

static eg_status
write(const eg_evaluation *e, eg_strbuf *out, eg_error *err)
{
    if (e->loss.count == 0)
        return eg_hint(err, eg_fail(err, EG_E_INPUT, "none of the tokens was chosen to be masked"),
                       "more texts, or another --seed");
    eg_put_number(out, "perplexity", exp(e->loss.sum / (double)e->loss.count));
    eg_put_number(out, "accuracy", eg_share(e->right, e->loss.count));
    eg_strbuf_printf(out, ",\"masked\":%llu", (unsigned long long)e->loss.count);
    return EG_OK;
}

const eg_evaluation_kind eg_evaluate_masks = {.task = "fill_mask", .add = add, .write = write};
